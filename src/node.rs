//! A node: what the account knows of a machine in a pool.

use alloc::collections::BTreeMap;

use crate::{
    Timestamp,
    id::{JobId, NodeId, PoolId, TaskId},
};

/// What a node is doing, but for its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NodeState {
    /// It takes tasks: `idle` without any, `running` with some.
    Ready,
    /// It does not answer (N4).
    Unknown,
    /// It cannot be used (N8).
    Unusable,
    /// The cloud took it back (N3).
    Preempted,
}

/// A machine in a pool. Read it freely; it changes only through its [`Account`](crate::Account).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Node {
    pub(crate) id: NodeId,
    pub(crate) pool: PoolId,
    pub(crate) slots: u32,
    pub(crate) state: NodeState,
    pub(crate) state_transition_time: Timestamp,
    /// The tasks that are on it, with the slots that each takes.
    pub(crate) tasks: BTreeMap<JobId, BTreeMap<TaskId, u32>>,
}

impl Node {
    pub(crate) fn new(id: NodeId, pool: PoolId, slots: u32, at: Timestamp) -> Self {
        Self { id, pool, slots, state: NodeState::Ready, state_transition_time: at, tasks: BTreeMap::new() }
    }

    /// The node's id.
    pub fn id(&self) -> &NodeId {
        &self.id
    }

    /// The pool that it belongs to.
    pub fn pool(&self) -> &PoolId {
        &self.pool
    }

    /// How many slots it has.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// How many of its slots no task takes.
    pub fn free_slots(&self) -> u32 {
        let taken = self
            .tasks
            .values()
            .flat_map(BTreeMap::values)
            .fold(0, |sum: u32, slots| sum.saturating_add(*slots));
        self.slots.saturating_sub(taken)
    }

    /// What it is doing.
    pub fn state(&self) -> NodeState {
        self.state
    }

    /// When it began to do so.
    pub fn state_transition_time(&self) -> Timestamp {
        self.state_transition_time
    }

    /// The tasks that are on it, by job and task.
    pub fn tasks(&self) -> impl Iterator<Item = (&JobId, &TaskId)> {
        self.tasks.iter().flat_map(|(job, tasks)| tasks.keys().map(move |task| (job, task)))
    }

    pub(crate) fn take_in(&mut self, job: &JobId, task: &TaskId, slots: u32) {
        self.tasks.entry(job.clone()).or_default().insert(task.clone(), slots);
    }

    pub(crate) fn let_go(&mut self, job: &JobId, task: &TaskId) {
        if let Some(tasks) = self.tasks.get_mut(job) {
            tasks.remove(task);
            if tasks.is_empty() {
                self.tasks.remove(job);
            }
        }
    }
}
