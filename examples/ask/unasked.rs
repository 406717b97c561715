//! Rules that are assumed, at least in part, and that no question is about.

/// Why there is no question.
pub enum Why {
    /// A user's requests cannot settle it.
    CannotBeAsked(&'static str),
    /// It could be asked, but not yet.
    NotYetAsked(&'static str),
}

pub const UNASKED: &[(&str, Why)] = &[];
