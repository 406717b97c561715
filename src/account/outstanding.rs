//! What is still to be done: the instructions that no report has answered yet.

use alloc::vec::Vec;

use crate::{
    account::Account,
    id::NodeId,
    job::{Effect, Job, JobNode},
    pool::{AllocationState, Pool, PoolState},
    task::StopCause,
};

impl Account {
    /// Every instruction that is still outstanding, in an order in which to act: what a host delivers
    /// after it has read a stored account, because it cannot know which of them it had delivered.
    ///
    /// Nothing changes, and doing an instruction twice does no harm. What was started and then told to
    /// stop is listed as both. `StopRelease` is never listed: its report is not waited for.
    pub fn outstanding(&self) -> Vec<Effect> {
        let mut effects: Vec<Effect> = self.pools.values().filter_map(|pool| self.missing(pool)).collect();
        effects.extend(self.nodes.values().filter_map(|node| {
            let order = node.told?; // One that waits for its tasks is no instruction yet.
            Some(Effect::CarryOut { node: node.id.clone(), order })
        }));
        for job in self.jobs.values() {
            job.outstanding(&mut effects);
        }
        effects
    }

    /// The nodes that a pool still waits for.
    fn missing(&self, pool: &Pool) -> Option<Effect> {
        let waits = pool.state == PoolState::Active && pool.allocation_state == AllocationState::Resizing;
        if waits { self.nodes_to_add(pool.id()) } else { None }
    }
}

impl Job {
    /// The job's part of [`Account::outstanding`].
    pub(super) fn outstanding(&self, effects: &mut Vec<Effect>) {
        for (id, node) in self.nodes() {
            self.outstanding_on(id, node, effects);
        }
    }

    fn outstanding_on(&self, id: &NodeId, node: &JobNode, effects: &mut Vec<Effect>) {
        let job = || self.id().clone();
        if let Some(run) = node.preparation.filter(|_| node.preparing()) {
            let (pool, retry_count) = (node.pool.clone(), run.retry_count);
            let (node, number) = (id.clone(), run.number);
            effects.push(Effect::RunPreparation { job: job(), node, pool, retry_count, run: number });
            if run.told_to_stop {
                effects.push(Effect::StopPreparation { job: job(), node: id.clone() });
            }
        }
        for task in node.tasks() {
            if !node.preparing() {
                let run = self.task(task).map_or(0, |task| task.runs);
                effects.push(Effect::StartTask { job: job(), task: task.clone(), node: id.clone(), run });
            }
            // The end of a preparation answers for the tasks that wait for it when the job ends (E3).
            let ending = (self.state().is_ending() && !node.preparing()).then_some(StopCause::JobEnding);
            let cause = self.task(task).and_then(crate::Task::stop_cause).or(ending);
            effects.extend(cause.map(|cause| {
                let (job, task, node) = (job(), task.clone(), id.clone());
                Effect::StopTask { job, task, node, cause }
            }));
        }
        if let Some(run) = node.release.filter(|_| node.releasing()) {
            effects.push(Effect::RunRelease { job: job(), node: id.clone(), run: run.number });
        }
    }
}
