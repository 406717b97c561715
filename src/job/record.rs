//! A node as a job knows it: what of the job is there, and what still has to happen.

use alloc::collections::BTreeSet;

use crate::{
    Timestamp,
    id::{PoolId, TaskId},
};

/// What a job knows of a node that had or has something of it.
///
/// While the preparation is in progress every task of the job on the node is `preparing`;
/// otherwise every one is `running`. So the tasks' phase is not kept here.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, true or not yet")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobNode {
    pub(crate) pool: PoolId,
    pub(crate) contact: Contact,
    /// The latest run of the job preparation task.
    pub(crate) preparation: Option<NodeRun>,
    /// A run of the preparation counts as completed since the node was made or reimaged (E5).
    pub(crate) prepared: bool,
    /// It must run again before the next task, because the node rebooted (N1).
    pub(crate) rerun_preparation: bool,
    /// It failed for good: no task of the job comes here until the node is reimaged (N7).
    pub(crate) barred: bool,
    /// A task of the job has run here since the node was made or reimaged (E5, N2).
    pub(crate) ran_tasks: bool,
    /// The job's tasks that are here now.
    pub(crate) tasks: BTreeSet<TaskId>,
    /// The run of the job release task.
    pub(crate) release: Option<NodeRun>,
    /// How many runs of the preparation and the release there have been here.
    pub(crate) runs: u32,
    /// The latest stamp of a run here (T5).
    pub(crate) latest: Timestamp,
}

/// Whether a node can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Contact {
    /// It answers.
    Answering,
    /// It does not answer, but may again (N4).
    Lost,
    /// It is no more (N3).
    Gone,
}

/// A run of a preparation or release task on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeRun {
    /// Which of the job's preparation and release runs on the node it is, from 1.
    pub number: u32,
    /// Where the run stands.
    pub state: NodeRunState,
    /// How often it was tried again.
    pub retry_count: u32,
    /// Whether the node was told to stop it.
    pub told_to_stop: bool,
}

/// Where a run of a preparation or release task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NodeRunState {
    /// The node was told to run it.
    Ordered,
    /// The node said that it started.
    Running {
        /// When it started.
        start_time: Timestamp,
    },
    /// It is over.
    Completed {
        /// When it started, if it did.
        start_time: Option<Timestamp>,
        /// When it was over.
        end_time: Timestamp,
        /// What it ended with, if the node said so.
        exit_code: Option<i32>,
        /// Whether it did what it was for.
        succeeded: bool,
    },
}

impl NodeRun {
    pub(crate) fn ordered(number: u32, retry_count: u32) -> Self {
        Self { number, state: NodeRunState::Ordered, retry_count, told_to_stop: false }
    }

    /// Whether the node still has to say how it ended.
    pub fn in_progress(&self) -> bool {
        match self.state {
            NodeRunState::Ordered | NodeRunState::Running { .. } => true,
            NodeRunState::Completed { .. } => false,
        }
    }

    /// When it started, if it did.
    pub fn start_time(&self) -> Option<Timestamp> {
        match self.state {
            NodeRunState::Ordered => None,
            NodeRunState::Running { start_time } => Some(start_time),
            NodeRunState::Completed { start_time, .. } => start_time,
        }
    }
}

impl JobNode {
    pub(crate) fn new(pool: PoolId) -> Self {
        Self {
            pool,
            contact: Contact::Answering,
            preparation: None,
            prepared: false,
            rerun_preparation: false,
            barred: false,
            ran_tasks: false,
            tasks: BTreeSet::new(),
            release: None,
            runs: 0,
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

    /// The latest run of the job preparation task here.
    pub fn preparation(&self) -> Option<&NodeRun> {
        self.preparation.as_ref()
    }

    /// The run of the job release task here.
    pub fn release(&self) -> Option<&NodeRun> {
        self.release.as_ref()
    }

    /// Whether the job's tasks may no longer come here (N7).
    pub fn is_barred(&self) -> bool {
        self.barred
    }

    /// The job's tasks that are here now, by id.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskId> {
        self.tasks.iter()
    }

    /// The stamp for a run's start or end at `now`: stamps never go back (T5).
    pub(crate) fn stamp(&self, now: Timestamp) -> Timestamp {
        now.max(self.latest)
    }

    pub(crate) fn preparing(&self) -> bool {
        self.preparation.is_some_and(|run| run.in_progress())
    }

    pub(crate) fn releasing(&self) -> bool {
        self.release.is_some_and(|run| run.in_progress())
    }

    /// Whether the node still has something of the job to answer for.
    pub fn is_outstanding(&self) -> bool {
        !self.tasks.is_empty() || self.preparing() || self.releasing()
    }
}
