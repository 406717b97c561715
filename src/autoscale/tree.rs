//! What a formula is made of. Everything that repeats is a list, so that no tree is higher than its
//! parentheses are deep.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

/// An autoscale formula. It displays as it could have been written.
#[derive(Clone, Debug)]
pub struct Formula {
    pub(super) statements: Vec<Statement>,
}

/// Where something stands in a formula, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Position {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line {}, Col {}", self.line, self.column)
    }
}

/// `variable = value`, or a value alone, such as `stop()`.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) variable: Option<String>,
    pub(super) value: Expression,
}

#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub(super) at: Position,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Not negative, and finite.
    Number(f64),
    Text(String),
    /// A variable or a constant, with its dollar sign if it has one.
    Name(String),
    List(Vec<Expression>),
    Call {
        function: String,
        arguments: Vec<Expression>,
    },
    Members {
        of: Box<Expression>,
        members: Vec<Member>,
    },
    Unary {
        operator: Unary,
        operand: Box<Expression>,
    },
    /// Operators of one precedence, from left to right.
    Chain {
        first: Box<Expression>,
        rest: Vec<(Binary, Expression)>,
    },
    /// `condition ? value : condition ? value : otherwise`.
    Choice {
        arms: Vec<(Expression, Expression)>,
        otherwise: Box<Expression>,
    },
}

/// `.name`, or `.name(arguments)`.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) arguments: Option<Vec<Expression>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Minus,
    Not,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Or,
    And,
    Compare(Comparison),
    Compute(Arithmetic),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Plus,
    Minus,
    Times,
    Divide,
}

impl Binary {
    /// The operators by their precedence, those that bind least first.
    pub(super) const LEVELS: [&'static [Self]; 6] = [
        &[Self::Or],
        &[Self::And],
        &[Self::Compare(Comparison::Equal), Self::Compare(Comparison::NotEqual)],
        &[
            Self::Compare(Comparison::Less),
            Self::Compare(Comparison::LessOrEqual),
            Self::Compare(Comparison::Greater),
            Self::Compare(Comparison::GreaterOrEqual),
        ],
        &[Self::Compute(Arithmetic::Plus), Self::Compute(Arithmetic::Minus)],
        &[Self::Compute(Arithmetic::Times), Self::Compute(Arithmetic::Divide)],
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Compare(Comparison::Equal) => "==",
            Self::Compare(Comparison::NotEqual) => "!=",
            Self::Compare(Comparison::Less) => "<",
            Self::Compare(Comparison::LessOrEqual) => "<=",
            Self::Compare(Comparison::Greater) => ">",
            Self::Compare(Comparison::GreaterOrEqual) => ">=",
            Self::Compute(Arithmetic::Plus) => "+",
            Self::Compute(Arithmetic::Minus) => "-",
            Self::Compute(Arithmetic::Times) => "*",
            Self::Compute(Arithmetic::Divide) => "/",
        }
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, statement) in self.statements.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            if let Some(variable) = &statement.variable {
                write!(f, "{variable} = ")?;
            }
            write!(f, "{};", statement.value)?;
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
