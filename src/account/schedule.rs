//! Which task goes to which node: a pure decision, the same for the same account.

use alloc::vec::Vec;
use core::mem;

use crate::{
    Clock, Timestamp,
    account::{
        index::QueuePlace,
        resource::Account,
        slots::{needs_dedicated, obstacle},
    },
    id::{JobId, NodeId, PoolId, TaskId},
    job::{Effect, Job},
    node::Node,
    pool::NodeFillType,
    task::Task,
};

impl Account {
    /// Assigns tasks to nodes until no more fit: pool by pool; in a pool jobs by priority, then by
    /// creation; within a job tasks by creation ([P1](crate::evidence#p1)). Only tasks of active jobs are
    /// assigned, and only to nodes that have room and that the job can use. A task that fits nowhere does
    /// not hold up later ones ([P4](crate::evidence#p4)).
    ///
    /// It visits only pools that have both free slots and jobs with tasks to assign.
    ///
    /// A host with its own scheduler calls [`assign`](Self::assign) instead.
    #[must_use = "instructions among the effects must be carried out"]
    pub fn schedule(&mut self, clock: impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = self.buffer.take();
        for pool in self.index.pools_to_schedule() {
            self.schedule_pool(&mut effects, &pool, now);
        }
        effects
    }

    fn schedule_pool(&mut self, effects: &mut Vec<Effect>, pool: &PoolId, now: Timestamp) {
        let fill = self.fill_type(pool);
        let mut served: Option<QueuePlace> = None;
        while let Some(place) = self.index.next_in_queue(pool, served.as_ref()).cloned() {
            self.schedule_job(effects, pool, fill, &place.job, now);
            served = Some(place);
        }
    }

    /// The order in which a pool is filled. One that the account does not have is spread.
    pub(super) fn fill_type(&self, pool: &PoolId) -> NodeFillType {
        self.pools.get(pool).map_or(NodeFillType::Spread, |pool| pool.specification().node_fill_type)
    }

    fn schedule_job(
        &mut self,
        effects: &mut Vec<Effect>,
        pool: &PoolId,
        fill: NodeFillType,
        job: &JobId,
        now: Timestamp,
    ) {
        let mut search = Search { fill, after: None, misfits: Misfits::default() };
        while let Some(choice) = self.next_placement(pool, job, &mut search, now) {
            // The choice is among the allowed placements; one that is not allowed would change nothing.
            self.append_to(mem::take(effects));
            let assigned = self.assign(job, &choice.task, &choice.node, now).unwrap_or_default();
            *effects = self.buffer.take_before(assigned);
        }
    }

    /// The next task of the job, in its order, that a node has room for now, and the node.
    fn next_placement(
        &self,
        pool: &PoolId,
        job: &JobId,
        search: &mut Search,
        now: Timestamp,
    ) -> Option<Choice> {
        let job = self.jobs.get(job).filter(|job| !job.is_at_parallel_limit())?;
        let most_free = self.index.most_free_slots(pool)?;
        for task in job.ready_after(search.after) {
            search.after = Some(task.sequence());
            let may_fit = task.specification().required_slots <= most_free && search.misfits.allow(task);
            // K13
            if !may_fit || task.has_expired(now) {
                continue;
            }
            if let Some(node) = self.node_for(pool, job, task, search.fill) {
                return Some(Choice { task: task.id().clone(), node: node.id().clone() });
            }
            if !needs_dedicated(job, task) {
                search.misfits.add(task);
            }
        }
        None
    }

    /// The first node, in the order in which the pool is filled, that a task can be assigned to.
    pub(super) fn node_for(
        &self,
        pool: &PoolId,
        job: &Job,
        task: &Task,
        fill: NodeFillType,
    ) -> Option<&Node> {
        let nodes = self.index.nodes_with_room(pool, task.specification().required_slots, fill);
        nodes.filter_map(|node| self.nodes.get(node)).find(|node| obstacle(job, task, node).is_none())
    }
}

/// A task and the node that it goes to.
struct Choice {
    task: TaskId,
    node: NodeId,
}

/// How far the search for the tasks of a job is.
struct Search {
    fill: NodeFillType,
    /// The sequence number of the last task that was looked at.
    after: Option<u64>,
    misfits: Misfits,
}

/// The least slots for which no node was found, so that nodes are not searched again for tasks that need
/// as many: while a job is scheduled, nodes only fill up.
#[derive(Default)]
struct Misfits {
    plain: Option<u32>,
    exclusive: Option<u32>,
}

impl Misfits {
    fn least(&mut self, task: &Task) -> &mut Option<u32> {
        if task.specification().run_exclusive { &mut self.exclusive } else { &mut self.plain }
    }

    fn allow(&mut self, task: &Task) -> bool {
        self.least(task).is_none_or(|least| task.specification().required_slots < least)
    }

    fn add(&mut self, task: &Task) {
        *self.least(task) = Some(task.specification().required_slots);
    }
}
