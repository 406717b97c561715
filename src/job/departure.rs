//! How something of a job leaves a node: tasks, preparations and releases, for any cause.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    Timestamp,
    id::{NodeId, TaskId},
    job::{
        effect::Effect,
        fact::{JobNodeFact, PreparationVerdict},
        record::RunOutcome,
        resource::Job,
        run::Ended,
    },
    task::{Task, TaskFact, TaskFailure, TaskStop},
};

/// How a task leaves its node.
#[derive(Clone, Copy)]
pub(super) enum Departure<'a> {
    /// The node reported that it ended.
    Ended(&'a Ended),
    /// Its node was lost or given up.
    Lost {
        /// Whether a user caused that (N6).
        by_user: bool,
    },
}

impl Departure<'_> {
    fn exit_code(self) -> Option<i32> {
        match self {
            Self::Ended(ended) => ended.exit_code,
            Self::Lost { .. } => None,
        }
    }
}

/// A task completed by a user's request or by its job's end (E2, E3, K6).
pub(super) fn ended_by_user(task: &Task, exit_code: Option<i32>, at: Timestamp) -> TaskFact {
    TaskFact::Completed(Box::new(task.failed(TaskFailure::EndedByUser, exit_code, at)))
}

impl Job {
    /// A task leaves its node. What becomes of it is decided here and nowhere else.
    pub(super) fn depart(
        &mut self,
        effects: &mut Vec<Effect>,
        task: &TaskId,
        departure: Departure<'_>,
        now: Timestamp,
    ) {
        let Some(found) = self.task(task) else { return };
        let Some(assignment) = found.state().assignment() else { return };
        let (task, node) = (found.id().clone(), assignment.placement.node.clone());
        let (at, exit_code) = (found.stamps().next(now), departure.exit_code());
        let fact = match (assignment.stop, self.state.is_ending()) {
            (Some(TaskStop::Delete), _) => TaskFact::Deleted { node: Some(node), at }, // K7
            (_, true) | (Some(TaskStop::Terminate), false) => ended_by_user(found, exit_code, at), // E2, E3, K6
            (Some(TaskStop::Requeue), false) => TaskFact::Requeued { node, by_user: true, at },    // G1
            (Some(TaskStop::WallClockTime), false) => {
                TaskFact::Completed(Box::new(found.failed(TaskFailure::WallClockTime, exit_code, at))) // K5
            }
            (None, false) => match departure {
                Departure::Lost { by_user } => TaskFact::Requeued { node, by_user, at }, // N6
                Departure::Ended(ended) => by_exit(found, node, ended, at),
            },
        };
        self.emit_task(effects, &task, fact);
    }

    /// The preparation and every task leave a node that will not report on them.
    pub(super) fn clear_node(
        &mut self,
        effects: &mut Vec<Effect>,
        node: &NodeId,
        by_user: bool,
        now: Timestamp,
    ) {
        let Some(record) = self.nodes.get(node) else { return };
        let tasks: Vec<TaskId> = record.tasks().cloned().collect();
        if record.preparing().is_some() {
            self.end_preparation(effects, node, RunOutcome::LOST, PreparationVerdict::Unprepared, now);
        }
        for task in tasks {
            self.depart(effects, &task, Departure::Lost { by_user }, now);
        }
    }

    pub(super) fn end_preparation(
        &mut self,
        effects: &mut Vec<Effect>,
        node: &NodeId,
        outcome: RunOutcome,
        verdict: PreparationVerdict,
        now: Timestamp,
    ) {
        let at = self.nodes.get(node).map_or(now, |record| record.stamp(now));
        self.emit_node(effects, node, JobNodeFact::PreparationEnded { outcome, verdict, at });
    }

    /// Ends the release task on a node, if it is in progress there.
    pub(super) fn end_release(
        &mut self,
        effects: &mut Vec<Effect>,
        node: &NodeId,
        outcome: RunOutcome,
        now: Timestamp,
    ) {
        let Some(record) = self.nodes.get(node) else { return };
        if record.releasing().is_some() {
            let at = record.stamp(now);
            self.emit_node(effects, node, JobNodeFact::ReleaseEnded { outcome, at });
        }
    }
}

/// K3, K4, K5: the task ended by itself.
fn by_exit(task: &Task, node: NodeId, ended: &Ended, at: Timestamp) -> TaskFact {
    if let Some(failure) = &ended.failure {
        return TaskFact::Completed(Box::new(task.failed(failure.clone().into(), ended.exit_code, at))); // K5
    }
    if ended.exit_code == Some(0)
        && let Some(completion) = task.succeeded(at)
    {
        return TaskFact::Completed(Box::new(completion)); // K3
    }
    if task.constraints().max_task_retry_count.allows(task.retry_count()) {
        return TaskFact::Retried { node, at }; // K4, K11
    }
    TaskFact::Completed(Box::new(task.failed(TaskFailure::ExitCode, ended.exit_code, at))) // K4
}
