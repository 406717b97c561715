//! What a job knows of a node: what of the job is there, and what still has to happen.

use alloc::collections::BTreeMap;

use crate::{
    Timestamp,
    id::{PoolId, TaskId},
    job::run::Ended,
    node::Contact,
    task::NodeFailure,
};

/// Whether tasks of a job can start on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Readiness {
    /// The preparation has not run to completion since the node was added or reimaged.
    Unprepared,
    /// Tasks can start: the job has no preparation task, or it ran to completion ([E5](crate::evidence#e5)).
    Ready {
        /// Whether a task has run here since the node was added or reimaged ([E5](crate::evidence#e5),
        /// [N2](crate::evidence#n2)).
        ran_tasks: bool,
    },
    /// The node rebooted, so the preparation must run again before the next task ([N1](crate::evidence#n1)).
    Rebooted {
        /// As for `Ready`.
        ran_tasks: bool,
    },
    /// The preparation failed for good: no task comes here until the node is reimaged
    /// ([N7](crate::evidence#n7)).
    Barred {
        /// As for `Ready`.
        ran_tasks: bool,
    },
}

impl Readiness {
    /// That of a node where nothing of the job has been yet.
    pub(super) fn new(has_preparation: bool) -> Self {
        if has_preparation { Self::Unprepared } else { Self::Ready { ran_tasks: false } }
    }

    /// Whether a task can start at once.
    pub(super) fn is_ready(self) -> bool {
        matches!(self, Self::Ready { .. })
    }

    /// Whether a task has run here since the node was added or reimaged.
    pub(super) fn ran_tasks(self) -> bool {
        match self {
            Self::Unprepared => false,
            Self::Ready { ran_tasks } | Self::Rebooted { ran_tasks } | Self::Barred { ran_tasks } => {
                ran_tasks
            }
        }
    }

    /// After a reboot that makes the preparation run again (N1).
    pub(super) fn rebooted(self) -> Self {
        match self {
            Self::Ready { ran_tasks } => Self::Rebooted { ran_tasks },
            Self::Unprepared | Self::Rebooted { .. } | Self::Barred { .. } => self,
        }
    }
}

/// What a job knows of a node that has, or had, something of the job.
///
/// While the preparation is in progress every task of the job on the node is `preparing`; otherwise
/// every one is `running`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobNode {
    pub(super) pool: PoolId,
    pub(super) contact: Contact,
    pub(super) readiness: Readiness,
    /// The latest run of the job preparation task.
    pub(super) preparation: Option<NodeRun>,
    /// The run of the job release task.
    pub(super) release: Option<NodeRun>,
    /// The job's tasks that are here now, each with the number of its run.
    pub(super) tasks: BTreeMap<TaskId, u64>,
    /// The latest stamp of a run here (T5).
    pub(super) latest: Timestamp,
}

/// A run of a preparation or release task on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeRun {
    /// The number of the run, see [`RunId`](crate::RunId).
    pub number: u64,
    /// How often it was retried before.
    pub retry_count: u32,
    /// How far it is.
    pub state: NodeRunState,
}

/// How far a run of a preparation or release task is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NodeRunState {
    /// The node was told to run it.
    Issued {
        /// Whether it was told to stop it.
        stopping: bool,
    },
    /// The node reported that it started.
    Running {
        /// When it started.
        start_time: Timestamp,
        /// Whether the node was told to stop it.
        stopping: bool,
    },
    /// It is over.
    Completed {
        /// When it started, if it did.
        start_time: Option<Timestamp>,
        /// When it ended.
        end_time: Timestamp,
        /// How it ended.
        outcome: RunOutcome,
    },
}

/// How a run of a preparation or release task ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum RunOutcome {
    /// With exit code 0.
    Succeeded,
    /// It failed, was stopped, or its node was lost.
    Failed {
        /// The exit code, if the node reported one.
        exit_code: Option<i32>,
        /// What went wrong around the process, if the node reported it ([K5](crate::evidence#k5)).
        failure: Option<NodeFailure>,
    },
}

impl RunOutcome {
    /// The outcome of a run that nobody reported the end of.
    pub(super) const LOST: Self = Self::Failed { exit_code: None, failure: None };

    pub(super) fn reported(ended: &Ended) -> Self {
        if ended.is_success() {
            Self::Succeeded
        } else {
            Self::Failed { exit_code: ended.exit_code, failure: ended.failure.clone() }
        }
    }

    /// The exit code, if there was one.
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Succeeded => Some(0),
            Self::Failed { exit_code, .. } => *exit_code,
        }
    }
}

impl NodeRun {
    pub(super) fn issued(number: u64, retry_count: u32) -> Self {
        Self { number, retry_count, state: NodeRunState::Issued { stopping: false } }
    }

    /// Whether the node still has to report the end.
    pub fn in_progress(&self) -> bool {
        match self.state {
            NodeRunState::Issued { .. } | NodeRunState::Running { .. } => true,
            NodeRunState::Completed { .. } => false,
        }
    }

    /// Whether the node was told to stop it and has not reported the end.
    pub fn is_stopping(&self) -> bool {
        match self.state {
            NodeRunState::Issued { stopping } | NodeRunState::Running { stopping, .. } => stopping,
            NodeRunState::Completed { .. } => false,
        }
    }

    /// When it started, if it did.
    pub fn start_time(&self) -> Option<Timestamp> {
        match self.state {
            NodeRunState::Issued { .. } => None,
            NodeRunState::Running { start_time, .. } => Some(start_time),
            NodeRunState::Completed { start_time, .. } => start_time,
        }
    }

    /// When it started, if it is running now.
    pub(super) fn running_since(&self) -> Option<Timestamp> {
        if self.in_progress() { self.start_time() } else { None }
    }
}

impl JobNode {
    pub(super) fn new(pool: PoolId, has_preparation: bool) -> Self {
        Self {
            pool,
            contact: Contact::Answering,
            readiness: Readiness::new(has_preparation),
            preparation: None,
            release: None,
            tasks: BTreeMap::new(),
            latest: Timestamp::MIN,
        }
    }

    /// The pool that the node belongs to.
    pub fn pool(&self) -> &PoolId {
        &self.pool
    }

    /// Whether the node can be reached.
    pub fn contact(&self) -> Contact {
        self.contact
    }

    /// Whether the job's tasks can start here.
    pub fn readiness(&self) -> Readiness {
        self.readiness
    }

    /// The latest run of the job preparation task here.
    pub fn preparation(&self) -> Option<&NodeRun> {
        self.preparation.as_ref()
    }

    /// The run of the job release task here.
    pub fn release(&self) -> Option<&NodeRun> {
        self.release.as_ref()
    }

    /// Whether the job's tasks cannot come here any more ([N7](crate::evidence#n7)).
    pub fn is_barred(&self) -> bool {
        matches!(self.readiness, Readiness::Barred { .. })
    }

    /// The job's tasks that are here now, by id.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskId> {
        self.tasks.keys()
    }

    /// The stamp for the start or end of a run at `now` (T5).
    pub(super) fn stamp(&self, now: Timestamp) -> Timestamp {
        now.max(self.latest)
    }

    /// The run of the preparation, if it is in progress.
    pub(crate) fn preparing(&self) -> Option<&NodeRun> {
        self.preparation.as_ref().filter(|run| run.in_progress())
    }

    /// The run of the release, if it is in progress.
    pub(crate) fn releasing(&self) -> Option<&NodeRun> {
        self.release.as_ref().filter(|run| run.in_progress())
    }

    /// Whether the node still has something of the job to report on.
    pub fn is_outstanding(&self) -> bool {
        !self.tasks.is_empty() || self.preparing().is_some() || self.releasing().is_some()
    }
}
