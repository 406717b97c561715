//! What a formula is made of. Everything that repeats is a list, so that no tree is higher than its
//! parentheses are deep.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use crate::autoscale::parse::FormulaError;

/// An autoscale formula. It displays as it was read, and compares by that text.
#[derive(Clone)]
pub struct Formula {
    pub(super) text: Arc<str>,
    pub(super) statements: Arc<[Statement]>,
}

impl Formula {
    /// The formula as it was read.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The empty formula, which sets nothing.
impl Default for Formula {
    fn default() -> Self {
        Self { text: "".into(), statements: Arc::new([]) }
    }
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Formula {}

impl Hash for Formula {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Formula({:?})", self.text)
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Formula {
    type Err = FormulaError;

    /// As [`Formula::parse`].
    fn from_str(text: &str) -> Result<Self, FormulaError> {
        Self::parse(text)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Formula {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Formula {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
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
