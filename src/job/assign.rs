//! The scheduler's input: giving a task to a node.

use alloc::vec::Vec;

use crate::{
    Clock, Timestamp,
    id::{NodeId, TaskId},
    job::{effect::Effect, fact::JobNodeFact, resource::Job, run::Unit},
    node::Contact,
    task::{Placement, Task, TaskFact, TaskState},
};

/// Why a task was not assigned to a node. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum NotAssigned {
    /// There is no such job.
    #[error("the job does not exist")]
    NoJob,
    /// Only tasks of active jobs are assigned ([E10](crate::evidence#e10), [G1](crate::evidence#g1)).
    #[error("the job is not active")]
    JobNotActive,
    /// There is no such task.
    #[error("the task does not exist")]
    NoTask,
    /// The task is on a node already, or completed.
    #[error("the task is not active")]
    TaskNotActive,
    /// The task was added 180 days ago or earlier ([K13](crate::evidence#k13)).
    #[error("the task is too old to be scheduled")]
    TaskExpired,
    /// A task that it depends on has not completed successfully ([K9](crate::evidence#k9)).
    #[error("a task that the task depends on has not completed successfully")]
    DependencyNotMet,
    /// As many tasks as the job allows are on nodes.
    #[error("the job has as many tasks on nodes as it allows")]
    TooManyParallelTasks,
    /// There is no such node.
    #[error("the node does not exist")]
    NoNode,
    /// The node does not belong to the job's pool.
    #[error("the node belongs to another pool")]
    OtherPool,
    /// The job's preparation failed on the node for good ([N7](crate::evidence#n7)).
    #[error("the job's preparation task failed on the node")]
    NodeBarred,
    /// The node does not answer, is being restarted or removed, or takes no tasks.
    #[error("the node takes no tasks now")]
    NodeNotReady,
    /// The job manager task cannot run on a low-priority node ([P5](crate::evidence#p5)).
    #[error("the task needs a dedicated node")]
    DedicatedNodeNeeded,
    /// The node has too few free slots.
    #[error("the node has too few free slots")]
    NoSlots,
}

impl Job {
    /// Whether a task can be assigned to a node, as far as the job knows.
    pub(crate) fn can_assign(
        &self,
        task: &TaskId,
        placement: &Placement,
        now: Timestamp,
    ) -> Result<&Task, NotAssigned> {
        if !self.state.is_active() {
            return Err(NotAssigned::JobNotActive);
        }
        let found = self.task(task).ok_or(NotAssigned::NoTask)?;
        if *found.state() != TaskState::Active {
            return Err(NotAssigned::TaskNotActive);
        }
        if found.has_expired(now) {
            return Err(NotAssigned::TaskExpired);
        }
        if Some(&placement.pool) != self.pool() {
            return Err(NotAssigned::OtherPool);
        }
        if let Some(record) = self.nodes.get(&placement.node) {
            match record.contact {
                Contact::Answering if record.is_barred() => return Err(NotAssigned::NodeBarred),
                Contact::Answering => {}
                Contact::Lost | Contact::Gone => return Err(NotAssigned::NodeNotReady),
            }
        }
        if self.is_at_parallel_limit() {
            return Err(NotAssigned::TooManyParallelTasks);
        }
        if !self.tasks.is_ready(found) {
            return Err(NotAssigned::DependencyNotMet);
        }
        Ok(found)
    }

    /// Whether as many tasks as `maxParallelTasks` allows are on nodes.
    pub(crate) fn is_at_parallel_limit(&self) -> bool {
        self.settings.max_parallel_tasks.is_reached(self.task_counts().running)
    }

    /// Assigns an active task to a node ([K1](crate::evidence#k1)), with the preparation first if the job
    /// needs it there.
    ///
    /// # Errors
    /// Why the task cannot be assigned to the node; nothing has changed then.
    pub fn assign(
        &mut self,
        task: &TaskId,
        placement: &Placement,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, NotAssigned> {
        let now = clock.now();
        let found = self.can_assign(task, placement, now)?;
        // Nothing below can fail.

        let (task, at) = (found.id().clone(), found.stamps().next(now));
        Ok(self.place_assigned(task, placement.clone(), at))
    }

    /// Assigns a task that can be assigned to a node, at this stamp.
    pub(crate) fn place_assigned(
        &mut self,
        task: TaskId,
        placement: Placement,
        at: Timestamp,
    ) -> Vec<Effect> {
        let mut effects = self.buffer.take();
        let (node, run) = (placement.node.clone(), self.next_run());
        if self.readiness_on(&node).is_ready() {
            self.emit_task(&mut effects, &task, TaskFact::Running { placement, run, at });
            self.instruct_run(&mut effects, &node, Unit::Task(task), run);
        } else {
            self.emit_task(&mut effects, &task, TaskFact::Preparing { placement, run, at });
            let is_preparing = self.nodes.get(&node).is_some_and(|record| record.preparing().is_some());
            if !is_preparing {
                self.issue_preparation(&mut effects, &node, 0);
            }
        }
        effects
    }

    pub(super) fn issue_preparation(&mut self, effects: &mut Vec<Effect>, node: &NodeId, retry_count: u32) {
        let run = self.next_run();
        self.emit_node(effects, node, JobNodeFact::PreparationIssued { run, retry_count });
        self.instruct_run(effects, node, Unit::Preparation, run);
    }
}
