//! How a task ended.

use alloc::string::String;

use crate::{Timestamp, task::assignment::Placement};

/// An error that a node met around a process, in its own words ([K5](crate::evidence#k5)).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeError {
    /// A code such as `BlobNotFound`.
    pub code: String,
    /// What happened.
    pub message: String,
}

/// What went wrong around a process on a node ([K5](crate::evidence#k5)).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NodeFailure {
    /// It could not be started, for example because a resource file was missing.
    PreProcessing(NodeError),
    /// Its output could not be uploaded.
    FileUpload(NodeError),
}

/// Why a completed task counts as failed; its `failureInfo`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TaskFailure {
    /// A user ended the task, or its job ([E2](crate::evidence#e2), [K6](crate::evidence#k6)).
    EndedByUser,
    /// It ran longer than its `maxWallClockTime` ([K5](crate::evidence#k5)).
    WallClockTime,
    /// It ended with an exit code other than 0 and no retries were left ([K4](crate::evidence#k4)).
    ExitCode,
    /// It could not be started ([K5](crate::evidence#k5)).
    PreProcessing(NodeError),
    /// Its output could not be uploaded ([K5](crate::evidence#k5)).
    FileUpload(NodeError),
}

impl From<NodeFailure> for TaskFailure {
    fn from(failure: NodeFailure) -> Self {
        match failure {
            NodeFailure::PreProcessing(error) => Self::PreProcessing(error),
            NodeFailure::FileUpload(error) => Self::FileUpload(error),
        }
    }
}

impl TaskFailure {
    /// `UserError` or `ServerError`. A node's own errors count as the user's, because they come from
    /// files that the task names (assumed).
    pub fn category(&self) -> &'static str {
        match self {
            Self::EndedByUser | Self::ExitCode | Self::PreProcessing(_) | Self::FileUpload(_) => "UserError",
            Self::WallClockTime => "ServerError",
        }
    }

    /// The failure's code ([E2](crate::evidence#e2), [K4](crate::evidence#k4), [K5](crate::evidence#k5)).
    pub fn code(&self) -> &str {
        match self {
            Self::EndedByUser | Self::WallClockTime => "TaskEnded",
            Self::ExitCode => "FailureExitCode",
            Self::PreProcessing(error) | Self::FileUpload(error) => &error.code,
        }
    }

    /// The failure's message; that of `WallClockTime` is assumed ([K5](crate::evidence#k5)).
    pub fn message(&self) -> &str {
        match self {
            Self::EndedByUser => "Task Was Ended by User Request",
            Self::WallClockTime => "Task Was Ended because it exceeded its maximum wall clock time",
            Self::ExitCode => "The task exited with an exit code representing a failure",
            Self::PreProcessing(error) | Self::FileUpload(error) => &error.message,
        }
    }

    /// The name and value pairs that some failures have ([K4](crate::evidence#k4)).
    pub fn details(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::ExitCode => &[
                ("Message", "The task process exited with an unexpected exit code"),
                ("AdditionalErrorCode", "FailureExitCode"),
            ],
            Self::EndedByUser | Self::WallClockTime | Self::PreProcessing(_) | Self::FileUpload(_) => &[],
        }
    }
}

/// The last run of a completed task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LastRun {
    /// Where the task was.
    pub placement: Placement,
    /// When it started; `None` if it was still preparing.
    pub start_time: Option<Timestamp>,
}

/// Whether a completed task succeeded, and what is known of its last run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Outcome {
    /// It ended with exit code 0 ([K3](crate::evidence#k3)).
    Succeeded {
        /// Where it ran.
        placement: Placement,
        /// When it started.
        start_time: Timestamp,
    },
    /// It failed.
    Failed {
        /// Why.
        failure: TaskFailure,
        /// The exit code, if the node reported one.
        exit_code: Option<i32>,
        /// Its last run; `None` if it was never assigned to a node ([K6](crate::evidence#k6)).
        run: Option<LastRun>,
    },
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Completion {
    /// When it ended.
    pub end_time: Timestamp,
    /// How.
    pub outcome: Outcome,
}

impl Completion {
    /// Whether the task succeeded.
    pub fn is_success(&self) -> bool {
        match &self.outcome {
            Outcome::Succeeded { .. } => true,
            Outcome::Failed { .. } => false,
        }
    }

    /// Why the task counts as failed; `None` if it succeeded.
    pub fn failure(&self) -> Option<&TaskFailure> {
        match &self.outcome {
            Outcome::Succeeded { .. } => None,
            Outcome::Failed { failure, .. } => Some(failure),
        }
    }

    /// The exit code, if there was one.
    pub fn exit_code(&self) -> Option<i32> {
        match &self.outcome {
            Outcome::Succeeded { .. } => Some(0),
            Outcome::Failed { exit_code, .. } => *exit_code,
        }
    }

    /// Where the task was last; `None` if it was never assigned to a node.
    pub fn placement(&self) -> Option<&Placement> {
        match &self.outcome {
            Outcome::Succeeded { placement, .. } => Some(placement),
            Outcome::Failed { run, .. } => run.as_ref().map(|run| &run.placement),
        }
    }

    /// When its last run started; `None` if it never ran.
    pub fn start_time(&self) -> Option<Timestamp> {
        match &self.outcome {
            Outcome::Succeeded { start_time, .. } => Some(*start_time),
            Outcome::Failed { run, .. } => run.as_ref().and_then(|run| run.start_time),
        }
    }

    /// What the types alone do not rule out: an end before the start, and a failure by exit code
    /// without a run or with the exit code 0.
    pub(crate) fn is_consistent(&self) -> bool {
        let in_order = self.start_time().is_none_or(|start| start <= self.end_time);
        let by_exit_code = self.failure() == Some(&TaskFailure::ExitCode);
        in_order && (!by_exit_code || (self.exit_code() != Some(0) && self.start_time().is_some()))
    }
}
