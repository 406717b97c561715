//! Words that the reasons of a job and of a task share.

use core::fmt;

/// One thing by its name and how many there are with it, such as `task a and 2 others`.
pub(super) struct Several<'a, Id> {
    pub(super) kind: &'static str,
    pub(super) first: &'a Id,
    pub(super) count: u64,
}

impl<Id: fmt::Display> fmt::Display for Several<'_, Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.first)?;
        match self.count.saturating_sub(1) {
            0 => Ok(()),
            1 => f.write_str(" and 1 other"),
            others => write!(f, " and {others} others"),
        }
    }
}

/// The first predicate of one thing, the second of several.
pub(super) fn agree([is, are]: [&'static str; 2], count: u64) -> &'static str {
    if count == 1 { is } else { are }
}
