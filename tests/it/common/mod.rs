//! What must hold after every input of `azbatch::testing`.

#![allow(clippy::wildcard_enum_match_arm, reason = "a law speaks of some effects and inputs, not of all")]

pub(crate) mod laws;
pub(crate) mod lending;
pub(crate) mod reasons;
mod schedules;

use azbatch::{
    Account, Effect, TimeSpan, Timestamp,
    testing::{Input, Past, Start},
};

pub(crate) use azbatch::testing::runs_in_progress as outstanding;

/// The result of an input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fed {
    pub(crate) refused: bool,
    pub(crate) effects: Vec<Effect>,
}

/// Passes an input to an account. One without effect, such as a report when none is expected, changes nothing.
pub(crate) fn feed(account: &mut Account, past: &Past, input: &Input, now: Timestamp) -> Fed {
    let result = input.call(account, past, now).map_or(Ok(Vec::new()), |call| call.make(account, now));
    Fed { refused: result.is_err(), effects: result.unwrap_or_default() }
}

/// The last instant that the clock of a sequence shows.
pub(crate) fn latest() -> Timestamp {
    Start::Latest.timestamp().saturating_add(TimeSpan::from_secs(3600))
}
