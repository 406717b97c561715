//! Which task goes to which node: a pure decision, the same for the same account.

use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::{
    Clock,
    account::Account,
    id::{JobId, NodeId, PoolId, TaskId},
    job::{Effect, Job, JobState},
    node::Node,
    pool::NodeFillType,
    task::Task,
};

impl Account {
    /// Gives tasks to nodes until no more fit: jobs by priority, then by creation; within a job tasks
    /// by creation (P1). Only active jobs' tasks are given, and only to nodes with room that the job
    /// may use.
    ///
    /// A host that has a scheduler of its own calls [`assign`](Self::assign) instead.
    pub fn schedule(&mut self, clock: &impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = Vec::new();
        for job in self.jobs_to_schedule() {
            self.schedule_job(&mut effects, &job, &now);
        }
        effects
    }

    fn jobs_to_schedule(&self) -> Vec<JobId> {
        let waiting = |job: &&Job| matches!(job.state(), JobState::Active) && job.task_counts().active > 0;
        let mut jobs: Vec<&Job> = self.jobs.values().filter(waiting).collect();
        jobs.sort_by_key(|job| (Reverse(job.settings().priority), job.creation_time()));
        jobs.into_iter().map(|job| job.id().clone()).collect()
    }

    fn schedule_job(&mut self, effects: &mut Vec<Effect>, job: &JobId, clock: &impl Clock) {
        let mut after = None;
        while let Some((sequence, task, node)) = self.next_placement(job, after) {
            after = Some(sequence);
            // The placement was chosen among those that are allowed; one that is not changes nothing.
            effects.extend(self.assign(job, &task, &node, clock).unwrap_or_default());
        }
    }

    /// The next task of the job, in its order, that a node has room for now, and the node.
    fn next_placement(&self, job: &JobId, after: Option<u64>) -> Option<(u64, TaskId, NodeId)> {
        let job = self.jobs.get(job).filter(|job| !job.is_at_parallel_limit())?;
        let pool = &job.settings().pool;
        let nodes: Vec<&Node> = self.nodes.values().filter(|node| is_open(node, job, pool)).collect();
        if nodes.is_empty() {
            return None;
        }
        let fill =
            self.pools.get(pool).map_or(NodeFillType::Spread, |pool| pool.specification.node_fill_type);
        job.queue_after(after).filter(|task| job.dependencies_met(task)).find_map(|task| {
            let fits = nodes.iter().filter(|node| has_room(job, task, node));
            let node = match fill {
                NodeFillType::Spread => fits.min_by_key(|node| (Reverse(node.free_slots()), node.id())),
                NodeFillType::Pack => fits.min_by_key(|node| (node.free_slots(), node.id())),
            };
            node.map(|node| (task.sequence, task.id().clone(), node.id().clone()))
        })
    }
}

/// Whether a node of the pool has any room for the job (N7).
fn is_open(node: &Node, job: &Job, pool: &PoolId) -> bool {
    node.pool() == pool
        && node.takes_tasks()
        && node.free_slots() > 0
        && job.node(node.id()).is_none_or(|record| !record.is_barred())
}

/// Whether a task of the job can go to this node as it is now.
pub(super) fn has_room(job: &Job, task: &Task, node: &Node) -> bool {
    let manager = job.specification().manager.as_ref().filter(|manager| manager.task.id == *task.id());
    let wants_dedicated = manager.is_some_and(|manager| !manager.allow_low_priority_node);
    slots_taken(task, node) <= node.free_slots() && (node.is_dedicated() || !wants_dedicated)
}

/// How many slots a task takes on this node: an exclusive one takes it whole.
pub(super) fn slots_taken(task: &Task, node: &Node) -> u32 {
    let required = task.specification().required_slots;
    if task.specification().run_exclusive { node.slots().max(required) } else { required }
}
