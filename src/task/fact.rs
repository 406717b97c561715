//! The facts that change a task, and the change that each makes.

use alloc::{boxed::Box, sync::Arc};
use core::fmt;

use crate::{
    Timestamp,
    error::Unfit,
    id::NodeId,
    task::{
        assignment::{Assignment, Placement, TaskStop},
        outcome::{Completion, Outcome},
        specification::{TaskConstraints, TaskSpecification},
        state::{History, Task, TaskState},
    },
};

/// Something that became true of a task. `at` is when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum TaskFact {
    /// The task was added to the queue.
    Added {
        command_line: Option<Arc<str>>,
        specification: Arc<TaskSpecification>,
        constraints: TaskConstraints,
        at: Timestamp,
    },
    /// A user changed its constraints.
    Updated { constraints: TaskConstraints, at: Timestamp },
    /// A user asked for its end, which moves its ETag ([T8](crate::evidence#t8)).
    Touched { at: Timestamp },
    /// It was assigned to a node whose preparation is not completed ([K1](crate::evidence#k1)).
    Preparing { placement: Placement, run: u64, at: Timestamp },
    /// It was assigned to a node that is ready for it, or its node has become ready
    /// ([K1](crate::evidence#k1)).
    Running { placement: Placement, run: u64, at: Timestamp },
    /// Its node reported the start ([K2](crate::evidence#k2)).
    Started { at: Timestamp },
    /// Its node is to stop it.
    Stopping { node: NodeId, cause: TaskStop },
    /// It has ended. The node keeps its directory for the task's retention time.
    Completed(Box<Completion>),
    /// It failed on the node and will be retried ([K4](crate::evidence#k4)).
    Retried { node: NodeId, at: Timestamp },
    /// It left the node and is back in the queue ([N6](crate::evidence#n6)). `by_user` says whether
    /// `requeueCount` grows.
    Requeued { node: NodeId, by_user: bool, at: Timestamp },
    /// A user put the completed task back into the queue ([K8](crate::evidence#k8)).
    Reactivated { at: Timestamp },
    /// It is gone ([K7](crate::evidence#k7)); `node` is where it was.
    Deleted { node: Option<NodeId>, at: Timestamp },
}

impl TaskFact {
    /// A short name, such as `TaskRunning`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Added { .. } => "TaskAdded",
            Self::Updated { .. } => "TaskUpdated",
            Self::Touched { .. } => "TaskTouched",
            Self::Preparing { .. } => "TaskPreparing",
            Self::Running { .. } => "TaskRunning",
            Self::Started { .. } => "TaskStarted",
            Self::Stopping { .. } => "TaskStopping",
            Self::Completed(_) => "TaskCompleted",
            Self::Retried { .. } => "TaskRetried",
            Self::Requeued { .. } => "TaskRequeued",
            Self::Reactivated { .. } => "TaskReactivated",
            Self::Deleted { .. } => "TaskDeleted",
        }
    }

    /// The node that the task is assigned to, is on or leaves, if the fact is about one.
    pub fn node(&self) -> Option<&NodeId> {
        match self {
            Self::Preparing { placement, .. } | Self::Running { placement, .. } => Some(&placement.node),
            Self::Stopping { node, .. } | Self::Retried { node, .. } | Self::Requeued { node, .. } => {
                Some(node)
            }
            Self::Completed(completion) => completion.placement().map(|placement| &placement.node),
            Self::Deleted { node, .. } => node.as_ref(),
            Self::Added { .. }
            | Self::Updated { .. }
            | Self::Touched { .. }
            | Self::Started { .. }
            | Self::Reactivated { .. } => None,
        }
    }
}

impl fmt::Display for TaskFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { .. } => f.write_str("added"),
            Self::Updated { .. } => f.write_str("constraints updated"),
            Self::Touched { .. } => f.write_str("end requested"),
            Self::Preparing { placement, run, .. } => {
                write!(f, "assigned to node {}, which must be prepared first (run {run})", placement.node)
            }
            Self::Running { placement, run, .. } => {
                write!(f, "running on node {} (run {run})", placement.node)
            }
            Self::Started { .. } => f.write_str("started"),
            Self::Stopping { node, cause } => write!(f, "being stopped on node {node}: {cause}"),
            Self::Completed(completion) => match &completion.outcome {
                Outcome::Succeeded { .. } => f.write_str("completed: success"),
                Outcome::Failed { failure, .. } => write!(f, "completed: {}", failure.message()),
            },
            Self::Retried { node, .. } => write!(f, "failed on node {node} and will be retried"),
            Self::Requeued { node, .. } => write!(f, "requeued from node {node}"),
            Self::Reactivated { .. } => f.write_str("reactivated"),
            Self::Deleted { .. } => f.write_str("deleted"),
        }
    }
}

impl Task {
    /// Applies a fact to the task. The job adds and removes tasks.
    ///
    /// # Errors
    /// Why the fact does not fit the task; nothing has changed then.
    pub(crate) fn apply(&mut self, fact: &TaskFact) -> Result<(), Unfit> {
        if let Some(history) = &mut self.history {
            history.apply(fact)?;
        } else {
            let mut history = History::new(self.created);
            history.apply(fact)?;
            self.history = Some(Box::new(history));
        }
        if let TaskFact::Updated { constraints, .. } = fact {
            self.constraints = *constraints;
        }
        Ok(())
    }
}

impl History {
    fn apply(&mut self, fact: &TaskFact) -> Result<(), Unfit> {
        match fact {
            TaskFact::Added { .. } => Err(Unfit("the task exists")),
            TaskFact::Updated { at, .. } | TaskFact::Touched { at } => self.modify(*at),
            TaskFact::Preparing { placement, run, at } => match &self.state {
                TaskState::Active => self.enter(TaskState::Preparing(assignment(placement, *run)), *at),
                TaskState::Preparing(_) | TaskState::Running { .. } | TaskState::Completed(_) => {
                    Err(Unfit("the task is not active"))
                }
            },
            TaskFact::Running { placement, run, at } => {
                let assignment = assignment(placement, *run);
                let ready = match &self.state {
                    TaskState::Active => true,
                    TaskState::Preparing(waiting) => *waiting == assignment,
                    TaskState::Running { .. } | TaskState::Completed(_) => false,
                };
                if !ready {
                    return Err(Unfit("the task does not wait for this run"));
                }
                self.enter(TaskState::Running { assignment, start_time: None }, *at)
            }
            TaskFact::Started { at } => self.start(*at),
            TaskFact::Stopping { node, cause } => self.stop_on(node, *cause),
            TaskFact::Completed(completion) => self.complete(completion),
            TaskFact::Retried { node, at } => {
                self.leave(node, *at)?;
                self.retry_count = self.retry_count.saturating_add(1);
                self.last_retry_time = Some(*at);
                Ok(())
            }
            TaskFact::Requeued { node, by_user, at } => {
                self.leave(node, *at)?;
                if *by_user {
                    self.requeue_count = self.requeue_count.saturating_add(1);
                    self.last_requeue_time = Some(*at);
                }
                Ok(())
            }
            TaskFact::Reactivated { at } => self.reactivate(*at),
            TaskFact::Deleted { node, .. } => {
                let here = self.state.assignment().map(|assignment| &assignment.placement.node);
                if here == node.as_ref() { Ok(()) } else { Err(Unfit("the task is on another node")) }
            }
        }
    }

    /// T8: what a user does to a task moves its ETag.
    fn modify(&mut self, at: Timestamp) -> Result<(), Unfit> {
        if !self.stamps.allow_modified(at) {
            return Err(Unfit("the task was modified later"));
        }
        self.stamps.modify(at);
        Ok(())
    }

    fn enter(&mut self, state: TaskState, at: Timestamp) -> Result<(), Unfit> {
        if !self.stamps.allow(at) {
            return Err(Unfit("the task changed state later"));
        }
        self.stamps.enter(Some(self.state.name()), at);
        self.state = state;
        Ok(())
    }

    /// K2: the state is stamped again; the previous state stays.
    fn start(&mut self, at: Timestamp) -> Result<(), Unfit> {
        match &mut self.state {
            TaskState::Running { start_time: start_time @ None, .. } if self.stamps.allow(at) => {
                *start_time = Some(at);
                self.stamps.restamp(at);
                Ok(())
            }
            TaskState::Active
            | TaskState::Preparing(_)
            | TaskState::Running { .. }
            | TaskState::Completed(_) => Err(Unfit("the task does not wait for its start")),
        }
    }

    fn stop_on(&mut self, node: &NodeId, cause: TaskStop) -> Result<(), Unfit> {
        match self.state.assignment_mut() {
            Some(assignment) if assignment.placement.node == *node => {
                assignment.stop = Some(cause);
                Ok(())
            }
            Some(_) | None => Err(Unfit("the task is not on the node")),
        }
    }

    fn complete(&mut self, completion: &Completion) -> Result<(), Unfit> {
        let here = self.state.assignment().map(|assignment| &assignment.placement);
        if self.state.completion().is_some() || here != completion.placement() {
            return Err(Unfit("the task did not end there"));
        }
        if !completion.is_consistent() {
            return Err(Unfit("the completion contradicts itself"));
        }
        self.enter(TaskState::Completed(completion.clone()), completion.end_time)
    }

    /// Back to the queue from a node (K4, N6).
    fn leave(&mut self, node: &NodeId, at: Timestamp) -> Result<(), Unfit> {
        if self.state.assignment().is_none_or(|assignment| assignment.placement.node != *node) {
            return Err(Unfit("the task is not on the node"));
        }
        self.enter(TaskState::Active, at)
    }

    /// K8
    fn reactivate(&mut self, at: Timestamp) -> Result<(), Unfit> {
        if self.state.completion().is_none_or(Completion::is_success) {
            return Err(Unfit("the task has not failed"));
        }
        if !self.stamps.allow_modified(at) {
            return Err(Unfit("the task was modified later"));
        }
        self.stamps.modify(at);
        self.retry_count = 0;
        self.last_retry_time = None;
        self.enter(TaskState::Active, at)
    }
}

fn assignment(placement: &Placement, run: u64) -> Assignment {
    Assignment { placement: placement.clone(), run, stop: None }
}
