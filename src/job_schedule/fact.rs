//! The facts that change a job schedule.

use alloc::sync::Arc;
use core::fmt;

use crate::{
    Timestamp,
    id::PoolId,
    job_schedule::specification::{JobScheduleSettings, JobScheduleSpecification},
};

/// Something that became true of a job schedule. `at` is when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum JobScheduleFact {
    /// It was added.
    Added { specification: Arc<JobScheduleSpecification>, settings: Arc<JobScheduleSettings>, at: Timestamp },
    /// A user changed its settings.
    Updated { settings: Arc<JobScheduleSettings>, at: Timestamp },
    /// It is disabled.
    Disabled { at: Timestamp },
    /// A disabled one was disabled again, which only moves its ETag ([L1](crate::evidence#l1)).
    Touched { at: Timestamp },
    /// It is active again.
    Enabled { at: Timestamp },
    /// It made the job of this number, which was due at `turn` ([L2](crate::evidence#l2)).
    JobMade { number: u32, turn: Timestamp },
    /// The job that was due at `turn`, and those due before it, will not be made
    /// ([L3](crate::evidence#l3)).
    TurnLost { turn: Timestamp },
    /// The pool that its jobs share was made ([P19](crate::evidence#p19)).
    PoolMade { pool: PoolId },
    /// It is terminating ([L5](crate::evidence#l5)).
    Terminating { at: Timestamp },
    /// It has ended ([L3](crate::evidence#l3), [L5](crate::evidence#l5)).
    Completed { at: Timestamp },
    /// It is being deleted, its jobs with it ([L5](crate::evidence#l5)).
    Deleting { at: Timestamp },
    /// It is gone.
    Deleted,
}

impl JobScheduleFact {
    /// A short name, such as `JobScheduleTerminating`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Added { .. } => "JobScheduleAdded",
            Self::Updated { .. } => "JobScheduleUpdated",
            Self::Disabled { .. } => "JobScheduleDisabled",
            Self::Touched { .. } => "JobScheduleTouched",
            Self::Enabled { .. } => "JobScheduleEnabled",
            Self::JobMade { .. } => "JobScheduleJobMade",
            Self::TurnLost { .. } => "JobScheduleTurnLost",
            Self::PoolMade { .. } => "JobSchedulePoolMade",
            Self::Terminating { .. } => "JobScheduleTerminating",
            Self::Completed { .. } => "JobScheduleCompleted",
            Self::Deleting { .. } => "JobScheduleDeleting",
            Self::Deleted => "JobScheduleDeleted",
        }
    }
}

impl fmt::Display for JobScheduleFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { .. } => f.write_str("added"),
            Self::Updated { .. } => f.write_str("settings updated"),
            Self::Disabled { .. } => f.write_str("disabled"),
            Self::Touched { .. } => f.write_str("disabled again"),
            Self::Enabled { .. } => f.write_str("enabled"),
            Self::JobMade { number, turn } => write!(f, "made job {number}, due at {turn}"),
            Self::TurnLost { turn } => write!(f, "makes no job for {turn}"),
            Self::PoolMade { pool } => write!(f, "has pool {pool}"),
            Self::Terminating { .. } => f.write_str("terminating"),
            Self::Completed { .. } => f.write_str("completed"),
            Self::Deleting { .. } => f.write_str("deleting"),
            Self::Deleted => f.write_str("deleted"),
        }
    }
}
