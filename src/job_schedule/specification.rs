//! What a user asked a job schedule to be, and when its jobs are due.

use alloc::sync::Arc;

use crate::{
    TimeSpan, Timestamp,
    id::JobScheduleId,
    job::{JobSettings, JobTemplate},
    task::Properties,
};

/// What a user asked a job schedule to be. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobScheduleSpecification {
    /// The schedule's id, unique within the account, also among jobs ([L9](crate::evidence#l9)).
    pub id: JobScheduleId,
    /// Everything else: `displayName`.
    pub other: Properties,
}

/// What a user can change about a job schedule later. A change affects only jobs that are made after it
/// ([L7](crate::evidence#l7)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobScheduleSettings {
    /// When jobs are made.
    pub schedule: Schedule,
    /// What each job is.
    pub job: Arc<JobTemplate>,
    /// The settings that each job begins with.
    pub job_settings: Arc<JobSettings>,
    /// Everything else: `metadata`.
    pub other: Properties,
}

/// When a job schedule makes jobs ([L3](crate::evidence#l3)).
///
/// Jobs are due at *turns*: the first when the job schedule was created, or at `do_not_run_until` if
/// that is later, and the others `recurrence_interval` apart. A turn is lost if its job cannot be made
/// before the next turn, before the end of its start window, or at `do_not_run_after` at the latest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Schedule {
    /// The earliest instant at which a job is made; by default the creation of the job schedule.
    pub do_not_run_until: Option<Timestamp>,
    /// The last instant at which a job is made; by default there is none.
    pub do_not_run_after: Option<Timestamp>,
    /// For how long a job that is due can still be made; by default without end.
    pub start_window: Option<Period>,
    /// How far apart turns are; by default there is only one.
    pub recurrence_interval: Option<Period>,
}

/// A span of time of at least one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "TimeSpan", into = "TimeSpan"))]
pub struct Period(TimeSpan);

/// A span of time of less than one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a period has at least one minute")]
pub struct PeriodTooShort;

impl Period {
    /// One minute, the shortest period.
    pub const MIN: Self = Self(TimeSpan::from_secs(60));

    /// Checks a span of time.
    ///
    /// # Errors
    /// [`PeriodTooShort`] if the span is shorter than [`MIN`](Self::MIN).
    pub fn new(span: TimeSpan) -> Result<Self, PeriodTooShort> {
        if span < Self::MIN.0 { Err(PeriodTooShort) } else { Ok(Self(span)) }
    }

    /// The span of time.
    pub const fn span(self) -> TimeSpan {
        self.0
    }
}

impl TryFrom<TimeSpan> for Period {
    type Error = PeriodTooShort;

    fn try_from(span: TimeSpan) -> Result<Self, PeriodTooShort> {
        Self::new(span)
    }
}

impl From<Period> for TimeSpan {
    fn from(period: Period) -> Self {
        period.0
    }
}

impl Schedule {
    /// The first turn of a job schedule that was created then.
    fn first_turn(&self, created: Timestamp) -> Timestamp {
        self.do_not_run_until.map_or(created, |until| until.max(created))
    }

    /// The turn `intervals` after the first.
    fn turn(&self, created: Timestamp, intervals: u64) -> Option<Timestamp> {
        let first = self.first_turn(created).ticks();
        let period = self.recurrence_interval.map_or(0, |interval| interval.0.ticks());
        first.checked_add(period.checked_mul(intervals)?).and_then(Timestamp::from_ticks)
    }

    /// How many whole intervals an instant is after the first turn; `None` if it is before.
    fn intervals(&self, created: Timestamp, at: Timestamp) -> Option<u64> {
        let first = self.first_turn(created);
        if at < first {
            return None;
        }
        Some(self.recurrence_interval.map_or(0, |interval| at.since(first).ticks() / interval.0.ticks()))
    }

    /// The first turn after this one, or the first of all; `None` if there is none.
    pub(super) fn turn_after(&self, created: Timestamp, last: Option<Timestamp>) -> Option<Timestamp> {
        let Some(last) = last else { return Some(self.first_turn(created)) };
        match (self.intervals(created, last), self.recurrence_interval) {
            (None, _) => Some(self.first_turn(created)),
            (Some(_), None) => None,
            (Some(intervals), Some(_)) => self.turn(created, intervals.checked_add(1)?),
        }
    }

    /// The last turn that is not after this instant; `None` if there is none.
    pub(super) fn last_turn(&self, created: Timestamp, now: Timestamp) -> Option<Timestamp> {
        self.turn(created, self.intervals(created, now)?)
    }

    /// Whether a job of this turn can no longer be made at this instant.
    pub(super) fn is_lost(&self, turn: Timestamp, now: Timestamp) -> bool {
        self.start_window.is_some_and(|window| turn.saturating_add(window.0) <= now)
    }

    /// Whether no job is made at or after this instant.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.do_not_run_after.is_some_and(|last| last < now)
    }

    /// The first instant from which no job is made; `None` if there is no such instant.
    pub(super) fn over_from(&self) -> Option<Timestamp> {
        self.do_not_run_after.map(Timestamp::next_tick).filter(|instant| self.is_over(*instant))
    }
}
