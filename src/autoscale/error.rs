//! Why a text is not a formula, and where.

use alloc::string::String;

/// Where something stands in a formula, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Position {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// Why a text is not a formula.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum FormulaError {
    /// It is longer than [`Formula::MAX_CHARACTERS`](crate::autoscale::Formula::MAX_CHARACTERS), or has more statements than
    /// [`Formula::MAX_STATEMENTS`](crate::autoscale::Formula::MAX_STATEMENTS).
    #[error("the formula is too long")]
    TooLong,
    /// It is not of the language.
    #[error("Line {line}, Col {column}: {what}")]
    Syntax {
        /// The line of the mistake, from 1.
        line: u32,
        /// Its character in that line, from 1.
        column: u32,
        /// What is wrong.
        what: String,
    },
}

impl FormulaError {
    pub(super) fn syntax(at: Position, what: impl Into<String>) -> Self {
        Self::Syntax { line: at.line, column: at.column, what: what.into() }
    }
}
