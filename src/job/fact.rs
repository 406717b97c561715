//! The facts that change a job and what it knows of its nodes.

use alloc::sync::Arc;
use core::fmt;

use crate::{
    Timestamp,
    id::PoolId,
    job::{
        auto_pool::AutoPoolFailure,
        record::RunOutcome,
        specification::{DisableTasks, JobSettings, JobSpecification},
        state::TerminateReason,
    },
    node::NodeEvent,
};

/// Something that became true of a job. `at` is when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum JobFact {
    /// It was added.
    Added {
        specification: Arc<JobSpecification>,
        settings: Arc<JobSettings>,
        /// When the request arrived ([T6](crate::evidence#t6)).
        received: Timestamp,
        /// The number of the last run before its first one, see [`RunId`](crate::RunId).
        last_run: u64,
        at: Timestamp,
    },
    /// A user changed its settings.
    Updated { settings: Arc<JobSettings>, at: Timestamp },
    /// It has the pool that was made for it ([P19](crate::evidence#p19)).
    PoolAssigned { pool: PoolId },
    /// The pool that it asks for cannot be made ([X9](crate::evidence#x9)).
    AutoPoolFailed { failure: AutoPoolFailure },
    /// It is being disabled, or the option of a disabling in progress changed ([G1](crate::evidence#g1),
    /// [G3](crate::evidence#g3)).
    Disabling { disable_tasks: DisableTasks, at: Timestamp },
    /// A disabled job was disabled again, which only moves its ETag ([T2](crate::evidence#t2)).
    Touched { at: Timestamp },
    /// None of its tasks is on a node any more ([G1](crate::evidence#g1)).
    Disabled { at: Timestamp },
    /// It is active again.
    Enabled { at: Timestamp },
    /// It is terminating ([E1](crate::evidence#e1)).
    Terminating {
        reason: TerminateReason,
        /// The new lastModified; `None` if the job's schedule ended it ([T2](crate::evidence#t2)).
        modified: Option<Timestamp>,
        /// Until when nodes are waited for; `None` without force ([F1](crate::evidence#f1)).
        force_deadline: Option<Timestamp>,
        at: Timestamp,
    },
    /// Its termination got a deadline ([F2](crate::evidence#f2)).
    TerminationForced { force_deadline: Timestamp, at: Timestamp },
    /// It has ended ([E8](crate::evidence#e8)).
    Completed { at: Timestamp },
    /// It is being deleted ([G2](crate::evidence#g2)).
    Deleting { force_deadline: Option<Timestamp>, at: Timestamp },
    /// Its deletion got a deadline, because the end of its schedule was forced ([L5](crate::evidence#l5)).
    DeletionForced { force_deadline: Timestamp },
    /// It is gone with all its tasks. A host that holds a [`Job`](crate::Job) outside an account drops it.
    Deleted,
}

impl JobFact {
    /// A short name, such as `JobTerminating`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Added { .. } => "JobAdded",
            Self::Updated { .. } => "JobUpdated",
            Self::PoolAssigned { .. } => "JobPoolAssigned",
            Self::AutoPoolFailed { .. } => "JobAutoPoolFailed",
            Self::Disabling { .. } => "JobDisabling",
            Self::Touched { .. } => "JobTouched",
            Self::Disabled { .. } => "JobDisabled",
            Self::Enabled { .. } => "JobEnabled",
            Self::Terminating { .. } => "JobTerminating",
            Self::TerminationForced { .. } => "JobTerminationForced",
            Self::Completed { .. } => "JobCompleted",
            Self::Deleting { .. } => "JobDeleting",
            Self::DeletionForced { .. } => "JobDeletionForced",
            Self::Deleted => "JobDeleted",
        }
    }
}

impl fmt::Display for JobFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { .. } => f.write_str("added"),
            Self::Updated { .. } => f.write_str("settings updated"),
            Self::PoolAssigned { pool } => write!(f, "has pool {pool}"),
            Self::AutoPoolFailed { failure } => write!(f, "gets no pool ({})", failure.code),
            Self::Disabling { disable_tasks, .. } => write!(f, "disabling ({disable_tasks})"),
            Self::Touched { .. } => f.write_str("disabled again"),
            Self::Disabled { .. } => f.write_str("disabled"),
            Self::Enabled { .. } => f.write_str("enabled"),
            Self::Terminating { reason, .. } => write!(f, "terminating ({reason})"),
            Self::TerminationForced { force_deadline, .. } => {
                write!(f, "termination forced by {force_deadline}")
            }
            Self::Completed { .. } => f.write_str("completed"),
            Self::Deleting { .. } => f.write_str("deleting"),
            Self::DeletionForced { force_deadline } => write!(f, "deletion forced by {force_deadline}"),
            Self::Deleted => f.write_str("deleted"),
        }
    }
}

/// What the end of a preparation task means for its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PreparationVerdict {
    /// Tasks can start: it succeeded, or it failed and its success is not waited for
    /// ([E5](crate::evidence#e5)).
    Ready,
    /// It failed with retries left: it runs again.
    Retry,
    /// It failed for good and bars the node ([N7](crate::evidence#n7)).
    Barred,
    /// It was stopped or its node was lost; this does not count as completion ([E5](crate::evidence#e5)).
    Unprepared,
}

impl fmt::Display for PreparationVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "tasks can start",
            Self::Retry => "it will be retried",
            Self::Barred => "the node is barred",
            Self::Unprepared => "the node is not prepared",
        })
    }
}

/// Something that became true of a job on one of its nodes. `at` is when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum JobNodeFact {
    /// The node is to run the preparation task.
    PreparationIssued { run: u64, retry_count: u32 },
    /// The node reported that it started.
    PreparationStarted { at: Timestamp },
    /// The node is to stop it ([E3](crate::evidence#e3)).
    PreparationStopping,
    /// It is over.
    PreparationEnded { outcome: RunOutcome, verdict: PreparationVerdict, at: Timestamp },
    /// The node is to run the release task ([E5](crate::evidence#e5)).
    ReleaseIssued { run: u64 },
    /// The node reported that it started.
    ReleaseStarted { at: Timestamp },
    /// It is over. One that failed does not hold up the job ([E7](crate::evidence#e7)).
    ReleaseEnded { outcome: RunOutcome, at: Timestamp },
    /// Something happened to the node.
    EventRecorded(NodeEvent),
}

impl JobNodeFact {
    /// A short name, such as `PreparationEnded`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PreparationIssued { .. } => "PreparationIssued",
            Self::PreparationStarted { .. } => "PreparationStarted",
            Self::PreparationStopping => "PreparationStopping",
            Self::PreparationEnded { .. } => "PreparationEnded",
            Self::ReleaseIssued { .. } => "ReleaseIssued",
            Self::ReleaseStarted { .. } => "ReleaseStarted",
            Self::ReleaseEnded { .. } => "ReleaseEnded",
            Self::EventRecorded(_) => "NodeEventRecorded",
        }
    }
}

impl fmt::Display for JobNodeFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PreparationIssued { run, .. } => write!(f, "preparation task issued (run {run})"),
            Self::PreparationStarted { .. } => f.write_str("preparation task started"),
            Self::PreparationStopping => f.write_str("preparation task being stopped"),
            Self::PreparationEnded { verdict, .. } => write!(f, "preparation task ended: {verdict}"),
            Self::ReleaseIssued { run } => write!(f, "release task issued (run {run})"),
            Self::ReleaseStarted { .. } => f.write_str("release task started"),
            Self::ReleaseEnded { .. } => f.write_str("release task ended"),
            Self::EventRecorded(event) => write!(f, "the node {event}"),
        }
    }
}
