//! A tree as it could have been written.

use std::fmt;

use super::super::tree::{Expression, Kind, Statement, Unary};

/// Statements, each on its line.
pub(super) struct Printed<'a>(pub(super) &'a [Statement]);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for statement in self.0 {
            if let Some(variable) = &statement.variable {
                write!(f, "{variable} = ")?;
            }
            writeln!(f, "{};", statement.value)?;
        }
        Ok(())
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            // In this form large and small numbers have an exponent.
            Kind::Number(number) => write!(f, "{number:?}"),
            Kind::Text(text) => write!(f, "\"{text}\""),
            Kind::Name(name) => f.write_str(name),
            Kind::List(items) => write!(f, "[{}]", Separated(items)),
            Kind::Call { function, arguments } => write!(f, "{function}({})", Separated(arguments)),
            Kind::Members { of, members } => {
                write!(f, "{}", Operand(of))?;
                members.iter().try_for_each(|member| match &member.arguments {
                    None => write!(f, ".{}", member.name),
                    Some(arguments) => write!(f, ".{}({})", member.name, Separated(arguments)),
                })
            }
            Kind::Unary { operator: Unary::Minus, operand } => write!(f, "-{}", Operand(operand)),
            Kind::Unary { operator: Unary::Not, operand } => write!(f, "!{}", Operand(operand)),
            Kind::Chain { first, rest } => {
                write!(f, "{}", Operand(first))?;
                rest.iter().try_for_each(|(operator, operand)| {
                    write!(f, " {} {}", operator.as_str(), Operand(operand))
                })
            }
            Kind::Choice { arms, otherwise } => {
                for (condition, value) in arms {
                    write!(f, "{} ? {} : ", Operand(condition), Operand(value))?;
                }
                write!(f, "{}", Operand(otherwise))
            }
        }
    }
}

/// Expressions with commas between them.
struct Separated<'a>(&'a [Expression]);

impl fmt::Display for Separated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, expression) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{expression}")?;
        }
        Ok(())
    }
}

/// An expression, in parentheses if an operator or a dot could take it apart.
struct Operand<'a>(&'a Expression);

impl fmt::Display for Operand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Number(_) | Kind::Text(_) | Kind::Name(_) | Kind::List(_) | Kind::Call { .. } => {
                write!(f, "{}", self.0)
            }
            Kind::Members { .. } | Kind::Unary { .. } | Kind::Chain { .. } | Kind::Choice { .. } => {
                write!(f, "({})", self.0)
            }
        }
    }
}
