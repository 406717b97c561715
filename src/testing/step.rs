//! A step: the clock moves, then something comes in.

use core::fmt;

use crate::{
    Account, Timestamp,
    testing::{
        input::{Block, Input},
        text::Span,
    },
};

const SECOND: u64 = 10_000_000;

/// The clock stays a day away from the end of time, where there are no later stamps.
pub(super) const LATEST: u64 = Timestamp::MAX.ticks() - 24 * 60 * 60 * SECOND;

/// A step of a [`Sequence`](super::Sequence): the clock moves, then something comes in.
///
/// A step is eight bytes, so that any source of bytes can make one. It is written as its bytes and what they
/// mean, which can be pasted into a test:
///
/// ```
/// use azbatch::testing::Step;
///
/// let step = Step::from([14, 0, 0, 0, 0, 0, 0, 6]);
/// assert_eq!(step.to_string(), "1 s later: add job Job-1 to pool-1");
/// assert_eq!(format!("{step:?}"), "[14, 0, 0, 0, 0, 0, 0, 6], // 1 s later: add job Job-1 to pool-1");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Step(Block);

impl From<Block> for Step {
    fn from(block: Block) -> Self {
        Self(block)
    }
}

impl From<Step> for Block {
    fn from(step: Step) -> Self {
        step.0
    }
}

impl Step {
    /// What the clock does first.
    pub fn clock(self) -> ClockMove {
        ClockMove::decode(self.0[7])
    }

    /// What comes in then.
    pub fn input(self) -> Input {
        Input::decode(self.0)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.clock(), self.input())
    }
}

impl fmt::Debug for Step {
    /// As it stands in code, with what it means.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (place, byte) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{byte}")?;
        }
        write!(f, "], // {self}")
    }
}

/// What the clock does before something comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockMove {
    /// It does not move.
    Still,
    /// It moves forward by this many ticks.
    Forward(u64),
    /// It is set back by this many ticks.
    Back(u64),
    /// It moves forward to this many ticks before the account's [`deadline`](Account::deadline), if that is ahead.
    Deadline {
        /// How many ticks before.
        before: u64,
    },
}

impl ClockMove {
    pub(super) fn decode(byte: u8) -> Self {
        match byte % 16 {
            0..=3 => Self::Still,
            4 => Self::Forward(1),
            5 => Self::Forward(SECOND / 1000),
            6..=8 => Self::Forward(SECOND),
            9 => Self::Forward(61 * SECOND),
            10 => Self::Forward(3600 * SECOND),
            11 => Self::Back(1),
            12 => Self::Back(SECOND),
            13 => Self::Back(3600 * SECOND),
            14 => Self::Deadline { before: 1 },
            _ => Self::Deadline { before: 0 },
        }
    }

    /// Where the clock is after the move. It stays a day away from the end of the year 9999.
    #[must_use]
    pub fn from(self, now: Timestamp, account: &Account) -> Timestamp {
        self.after(now, account.deadline())
    }

    pub(super) fn after(self, now: Timestamp, deadline: Option<Timestamp>) -> Timestamp {
        let ticks = now.ticks();
        let moved = match self {
            Self::Still => ticks,
            Self::Forward(by) => ticks.saturating_add(by),
            Self::Back(by) => ticks.saturating_sub(by),
            Self::Deadline { before } => {
                deadline.map_or(ticks, |at| ticks.max(at.ticks().saturating_sub(before)))
            }
        };
        Timestamp::from_ticks(moved.min(LATEST)).unwrap()
    }
}

impl fmt::Display for ClockMove {
    /// What stands before an input: nothing if the clock does not move.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Still => Ok(()),
            Self::Forward(by) => write!(f, "{} later: ", Span(*by)),
            Self::Back(by) => write!(f, "{} earlier: ", Span(*by)),
            Self::Deadline { before: 0 } => f.write_str("at the deadline: "),
            Self::Deadline { before } => write!(f, "{} before the deadline: ", Span(*before)),
        }
    }
}
