//! What users do with job schedules.

use alloc::sync::Arc;
use core::fmt;

use crate::{
    Account, JobScheduleId, Preconditions, TimeSpan, Timestamp,
    job_schedule::{
        AddJobSchedule, DeleteJobSchedule, DisableJobSchedule, EnableJobSchedule, JobScheduleChange,
        JobSchedulePatch, JobScheduleSettings, JobScheduleSpecification, Period, Schedule,
        TerminateJobSchedule, UpdateJobSchedule,
    },
    task::Properties,
    testing::{
        call::Call,
        names::Name,
        shapes::{JobShape, bit},
    },
};

/// What a user wants of a job schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleChange {
    /// Add it.
    Add {
        /// When jobs are made.
        times: Times,
        /// What the jobs are.
        job: JobShape,
    },
    /// Change when jobs are made.
    Times(Times),
    /// Change what the jobs are.
    Job(JobShape),
    /// Disable it.
    Disable,
    /// Enable it.
    Enable,
    /// Terminate it.
    Terminate {
        /// Whether its job is forced to end.
        force: bool,
    },
    /// Delete it.
    Delete {
        /// Whether its jobs are forced to end.
        force: bool,
    },
}

/// When jobs are made, in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// From now.
    until: Option<u64>,
    /// From now.
    after: Option<u64>,
    window: Option<u64>,
    interval: Option<u64>,
}

impl ScheduleChange {
    pub(super) fn decode(kind: u8, a: u8, b: u8, c: u8) -> Self {
        match kind % 16 {
            0..=6 => Self::Add { times: Times::decode(a), job: JobShape::decode(a, b, c) },
            7..=8 => Self::Times(Times::decode(a)),
            9 => Self::Job(JobShape::decode(a, b, c)),
            10..=11 => Self::Disable,
            12..=13 => Self::Enable,
            14 => Self::Terminate { force: bit(a, 0) },
            _ => Self::Delete { force: bit(a, 0) },
        }
    }

    pub(super) fn call(self, account: &Account, schedule: JobScheduleId, now: Timestamp) -> Call {
        let force = |force: bool| force.then(|| account.force_timeout());
        let preconditions = Preconditions::None;
        let patch = |patch: JobSchedulePatch| {
            let change = JobScheduleChange::Patch(patch);
            UpdateJobSchedule { change, preconditions: Preconditions::None }
        };
        match self {
            Self::Add { times, job } => {
                let add_job = job.command(Name::nth(2), now);
                let settings = JobScheduleSettings {
                    schedule: times.schedule(now),
                    job: Arc::new(add_job.specification.template.clone()),
                    job_settings: add_job.settings,
                    other: Properties::new(),
                };
                let specification = JobScheduleSpecification { id: schedule, other: Properties::new() };
                let command =
                    AddJobSchedule { specification: specification.into(), settings: settings.into() };
                Call::AddJobSchedule(command)
            }
            Self::Times(times) => {
                let times = Some(times.schedule(now));
                let command = patch(JobSchedulePatch { schedule: times, ..JobSchedulePatch::default() });
                Call::UpdateJobSchedule(schedule, command)
            }
            Self::Job(job) => {
                let add_job = job.command(Name::nth(2), now);
                let job = Some((Arc::new(add_job.specification.template.clone()), add_job.settings));
                let command = patch(JobSchedulePatch { job, ..JobSchedulePatch::default() });
                Call::UpdateJobSchedule(schedule, command)
            }
            Self::Disable => Call::DisableJobSchedule(schedule, DisableJobSchedule { preconditions }),
            Self::Enable => Call::EnableJobSchedule(schedule, EnableJobSchedule { preconditions }),
            Self::Terminate { force: forced } => {
                let command = TerminateJobSchedule { force: force(forced), preconditions };
                Call::TerminateJobSchedule(schedule, command)
            }
            Self::Delete { force: forced } => {
                Call::DeleteJobSchedule(schedule, DeleteJobSchedule { force: force(forced), preconditions })
            }
        }
    }

    /// The change of this schedule.
    pub(super) fn write(self, f: &mut fmt::Formatter<'_>, schedule: &JobScheduleId) -> fmt::Result {
        let forced = |force: bool| if force { " by force" } else { "" };
        match self {
            Self::Add { times, job } => write!(f, "add job schedule {schedule} {times} of jobs {job}"),
            Self::Times(times) => write!(f, "update job schedule {schedule}: {times}"),
            Self::Job(job) => write!(f, "update job schedule {schedule}: jobs {job}"),
            Self::Disable => write!(f, "disable job schedule {schedule}"),
            Self::Enable => write!(f, "enable job schedule {schedule}"),
            Self::Terminate { force } => write!(f, "terminate job schedule {schedule}{}", forced(force)),
            Self::Delete { force } => write!(f, "delete job schedule {schedule}{}", forced(force)),
        }
    }
}

impl Times {
    fn decode(byte: u8) -> Self {
        Self {
            until: [None, None, None, Some(30)][usize::from(byte & 3)],
            after: [None, None, None, Some(200)][usize::from(byte >> 2 & 3)],
            window: [None, Some(1), Some(30), Some(100)][usize::from(byte >> 4 & 3)],
            interval: [Some(60), Some(60), Some(1), None][usize::from(byte >> 6)],
        }
    }

    fn schedule(self, now: Timestamp) -> Schedule {
        let minutes = TimeSpan::from_mins;
        let later = |from_now: u64| now.saturating_add(minutes(from_now));
        let period = |length: u64| Period::new(minutes(length)).unwrap();
        Schedule {
            do_not_run_until: self.until.map(later),
            do_not_run_after: self.after.map(later),
            start_window: self.window.map(period),
            recurrence_interval: self.interval.map(period),
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.interval {
            Some(minutes) => write!(f, "every {minutes} min")?,
            None => f.write_str("once")?,
        }
        let limits = [("from", self.until), ("until", self.after), ("start window", self.window)];
        for (what, minutes) in limits {
            if let Some(minutes) = minutes {
                write!(f, ", {what} {minutes} min")?;
            }
        }
        Ok(())
    }
}
