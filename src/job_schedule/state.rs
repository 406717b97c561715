//! The state of a job schedule.

use crate::{Timestamp, names::wire_enum};

/// The state of a job schedule, with what only one in that state has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum JobScheduleState {
    /// It makes jobs.
    Active,
    /// It makes no jobs until it is enabled.
    Disabled,
    /// Its job is being terminated; then it is completed.
    Terminating,
    /// It has ended.
    Completed {
        /// When.
        end_time: Timestamp,
    },
    /// Its jobs are being deleted; then it is gone.
    Deleting {
        /// When it ended, if it was completed before.
        end_time: Option<Timestamp>,
    },
}

wire_enum! {
    /// The name of a [`JobScheduleState`].
    #[allow(missing_docs, reason = "see the states themselves")]
    pub enum JobScheduleStateName {
        Active = "active",
        Completed = "completed",
        Disabled = "disabled",
        Terminating = "terminating",
        Deleting = "deleting",
    }
}

impl JobScheduleState {
    /// The state's name.
    pub fn name(self) -> JobScheduleStateName {
        match self {
            Self::Active => JobScheduleStateName::Active,
            Self::Disabled => JobScheduleStateName::Disabled,
            Self::Terminating => JobScheduleStateName::Terminating,
            Self::Completed { .. } => JobScheduleStateName::Completed,
            Self::Deleting { .. } => JobScheduleStateName::Deleting,
        }
    }

    /// The state's name unless it is transitional: that is never shown as the previous state (T7).
    pub(super) fn lasting_name(self) -> Option<JobScheduleStateName> {
        match self {
            Self::Terminating => None,
            Self::Active | Self::Disabled | Self::Completed { .. } | Self::Deleting { .. } => {
                Some(self.name())
            }
        }
    }

    /// When it ended, if it was completed, perhaps before its deletion.
    pub fn end_time(self) -> Option<Timestamp> {
        match self {
            Self::Active | Self::Disabled | Self::Terminating => None,
            Self::Completed { end_time } => Some(end_time),
            Self::Deleting { end_time } => end_time,
        }
    }
}
