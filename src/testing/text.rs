//! How spans of time are written.

use core::fmt;

/// So many ticks, in the largest unit that says them without a fraction.
pub(super) struct Span(pub(super) u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] =
            [(36_000_000_000, "h"), (600_000_000, "min"), (10_000_000, "s"), (10_000, "ms")];
        match UNITS.into_iter().find(|(ticks, _)| self.0 >= *ticks && self.0.is_multiple_of(*ticks)) {
            Some((ticks, unit)) => write!(f, "{} {unit}", self.0 / ticks),
            None if self.0 == 1 => f.write_str("1 tick"),
            None => write!(f, "{} ticks", self.0),
        }
    }
}
