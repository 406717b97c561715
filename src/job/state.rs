//! The state of a job.

use alloc::boxed::Box;
use core::fmt;

use crate::{
    Timestamp,
    job::{auto_pool::AutoPoolFailure, specification::DisableTasks},
    names::wire_enum,
};

/// Why a job ended; its `terminateReason`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum TerminateReason {
    /// A user terminated it, with this reason or none ([E1](crate::evidence#e1)).
    User(Option<Box<str>>),
    /// Its `maxWallClockTime` is over ([X1](crate::evidence#x1)).
    MaxWallClockTimeExpiry,
    /// Its job manager task is completed ([X2](crate::evidence#x2)).
    JobManagerComplete,
    /// A task failed whose exit options ask for it ([X3](crate::evidence#x3)).
    TaskFailed,
    /// All its tasks are completed ([X4](crate::evidence#x4)).
    AllTasksComplete,
    /// Its schedule was terminated ([X5](crate::evidence#x5)).
    Schedule,
    /// The pool that it asked for could not be made ([X9](crate::evidence#x9)). The service shows this as
    /// a scheduling error, and no `terminateReason`.
    AutoPoolFailed(AutoPoolFailure),
}

impl TerminateReason {
    /// The text on the wire, or the code of the scheduling error. That of a schedule is the one in recordings, not the documented one.
    pub fn as_str(&self) -> &str {
        match self {
            Self::User(Some(reason)) => reason,
            Self::User(None) => "UserTerminate",
            Self::MaxWallClockTimeExpiry => "MaxWallClockTimeExpiry",
            Self::JobManagerComplete => "JMComplete",
            Self::TaskFailed => "TaskFailed",
            Self::AllTasksComplete => "AllTasksComplete",
            Self::Schedule => "TerminateWorkitem",
            Self::AutoPoolFailed(failure) => failure.code.as_str(),
        }
    }

    /// The same reason; an empty text counts as none (E1).
    pub(super) fn normalized(&self) -> Self {
        match self {
            Self::User(Some(text)) if text.is_empty() => Self::User(None),
            Self::User(_)
            | Self::MaxWallClockTimeExpiry
            | Self::JobManagerComplete
            | Self::TaskFailed
            | Self::AllTasksComplete
            | Self::Schedule
            | Self::AutoPoolFailed(_) => self.clone(),
        }
    }
}

impl fmt::Display for TerminateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The state of a job, with what only a job in that state has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum JobState {
    /// It has not ended and is not ending.
    Living(Living),
    /// It is terminating or deleting: nodes still have something to do ([E1](crate::evidence#e1),
    /// [G2](crate::evidence#g2)).
    Ending(Ending),
    /// It has ended ([E8](crate::evidence#e8)).
    Completed(End),
}

/// The state of a job that has not ended and is not ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Living {
    /// Its tasks are scheduled.
    Active,
    /// Its tasks are being removed from their nodes ([G1](crate::evidence#g1)).
    Disabling(DisableTasks),
    /// Its tasks are not scheduled.
    Disabled,
    /// On its way back to active. It was never seen in a recording, and no request leads here.
    Enabling,
}

/// The state of a job that is ending.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ending {
    /// Whether it is terminating or deleting.
    pub kind: EndingKind,
    /// Until when nodes are waited for; `None` without force ([F1](crate::evidence#f1)).
    pub force_deadline: Option<Timestamp>,
}

/// Whether an ending job is terminating or deleting.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EndingKind {
    /// It will be completed, for this reason.
    Terminating(TerminateReason),
    /// It will be gone.
    Deleting(BeforeDeletion),
}

/// How far a job's termination was when the job was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum BeforeDeletion {
    /// It was not terminated.
    Living,
    /// It was terminating, for this reason.
    Terminating(TerminateReason),
    /// It was completed.
    Completed(End),
}

/// Why and when a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct End {
    /// Why.
    pub reason: TerminateReason,
    /// When.
    pub at: Timestamp,
}

wire_enum! {
    /// The name of a [`JobState`].
    #[allow(missing_docs, reason = "see the states themselves")]
    pub enum JobStateName {
        Active = "active",
        Disabling = "disabling",
        Disabled = "disabled",
        Enabling = "enabling",
        Terminating = "terminating",
        Completed = "completed",
        Deleting = "deleting",
    }
}

impl JobState {
    /// The state's name.
    pub fn name(&self) -> JobStateName {
        match self {
            Self::Living(Living::Active) => JobStateName::Active,
            Self::Living(Living::Disabling(_)) => JobStateName::Disabling,
            Self::Living(Living::Disabled) => JobStateName::Disabled,
            Self::Living(Living::Enabling) => JobStateName::Enabling,
            Self::Ending(ending) => match ending.kind {
                EndingKind::Terminating(_) => JobStateName::Terminating,
                EndingKind::Deleting(_) => JobStateName::Deleting,
            },
            Self::Completed(_) => JobStateName::Completed,
        }
    }

    /// The state's name unless it is transitional: those are never shown as the previous state (T7).
    pub(super) fn lasting_name(&self) -> Option<JobStateName> {
        let name = self.name();
        match name {
            JobStateName::Disabling | JobStateName::Enabling | JobStateName::Terminating => None,
            JobStateName::Active
            | JobStateName::Disabled
            | JobStateName::Completed
            | JobStateName::Deleting => Some(name),
        }
    }

    /// The state of a job that is ending, if it is.
    pub fn ending(&self) -> Option<&Ending> {
        match self {
            Self::Ending(ending) => Some(ending),
            Self::Living(_) | Self::Completed(_) => None,
        }
    }

    /// Whether the job is terminating or deleting, so that tasks that end on a node stay ended
    /// ([E2](crate::evidence#e2), [G2](crate::evidence#g2)).
    pub fn is_ending(&self) -> bool {
        self.ending().is_some()
    }

    /// Whether the job is active.
    pub fn is_active(&self) -> bool {
        *self == Self::Living(Living::Active)
    }

    /// Why the job ended or is ending, if it was terminated.
    pub fn terminate_reason(&self) -> Option<&TerminateReason> {
        match self {
            Self::Living(_) => None,
            Self::Ending(ending) => match &ending.kind {
                EndingKind::Terminating(reason)
                | EndingKind::Deleting(BeforeDeletion::Terminating(reason)) => Some(reason),
                EndingKind::Deleting(BeforeDeletion::Completed(end)) => Some(&end.reason),
                EndingKind::Deleting(BeforeDeletion::Living) => None,
            },
            Self::Completed(end) => Some(&end.reason),
        }
    }

    /// When the job ended, if it was completed, perhaps before its deletion.
    pub fn end_time(&self) -> Option<Timestamp> {
        match self {
            Self::Living(_) => None,
            Self::Ending(ending) => match &ending.kind {
                EndingKind::Deleting(BeforeDeletion::Completed(end)) => Some(end.at),
                EndingKind::Deleting(BeforeDeletion::Living | BeforeDeletion::Terminating(_))
                | EndingKind::Terminating(_) => None,
            },
            Self::Completed(end) => Some(end.at),
        }
    }

    /// How far the termination is, for a deletion that comes now.
    pub(super) fn before_deletion(&self) -> BeforeDeletion {
        match self {
            Self::Living(_) => BeforeDeletion::Living,
            Self::Ending(ending) => match &ending.kind {
                EndingKind::Terminating(reason) => BeforeDeletion::Terminating(reason.clone()),
                EndingKind::Deleting(before) => before.clone(),
            },
            Self::Completed(end) => BeforeDeletion::Completed(end.clone()),
        }
    }
}
