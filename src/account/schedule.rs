//! Which task goes to which node: a pure decision, the same for the same account.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::cmp::Reverse;

use crate::{
    Clock, Timestamp,
    account::{
        resource::Account,
        slots::{has_room, may_run_on},
    },
    id::{JobId, NodeId, TaskId},
    job::{Effect, Job},
    node::Node,
    pool::NodeFillType,
    task::Task,
};

impl Account {
    /// Assigns tasks to nodes until no more fit: jobs by priority, then by creation; within a job tasks by
    /// creation ([P1](crate::evidence#p1)). Only tasks of active jobs are assigned, and only to nodes that
    /// have room and that the job can use. A task that fits nowhere does not hold up later ones
    /// ([P4](crate::evidence#p4)).
    ///
    /// A host with its own scheduler calls [`assign`](Self::assign) instead.
    #[must_use = "instructions among the effects must be carried out"]
    pub fn schedule(&mut self, clock: impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = Vec::new();
        for job in self.jobs_to_schedule() {
            self.schedule_job(&mut effects, &job, now);
        }
        effects
    }

    fn jobs_to_schedule(&self) -> Vec<JobId> {
        let waiting = |job: &&Job| job.state().is_active() && job.task_counts().active > 0;
        let mut jobs: Vec<&Job> = self.jobs.values().filter(waiting).collect();
        jobs.sort_by_key(|job| (Reverse(job.settings().priority), job.creation_time()));
        jobs.into_iter().map(|job| job.id().clone()).collect()
    }

    fn schedule_job(&mut self, effects: &mut Vec<Effect>, job: &JobId, now: Timestamp) {
        let Some(mut open) = self.open_nodes(job) else { return };
        let mut after = None;
        while let Some(choice) = self.next_placement(job, after, &open, now) {
            after = Some(choice.sequence);
            // The choice is among the allowed placements; one that is not allowed would change nothing.
            effects.extend(self.assign(job, &choice.task, &choice.node, now).unwrap_or_default());
            let left = self.nodes.get(&choice.node).map_or(0, Node::free_slots);
            open.refile(choice.node, choice.free, left);
        }
    }

    /// The nodes of the job's pool that have any room for it.
    fn open_nodes(&self, job: &JobId) -> Option<OpenNodes> {
        let job = self.jobs.get(job)?;
        let pool = job.pool()?;
        let fill =
            self.pools.get(pool).map_or(NodeFillType::Spread, |pool| pool.specification().node_fill_type);
        let mut open = OpenNodes { fill, by_free: BTreeMap::new() };
        for node in self.nodes_of(pool).filter(|node| is_open(node, job)) {
            open.file(node.id().clone(), node.free_slots());
        }
        Some(open)
    }

    /// The next task of the job, in its order, that a node has room for now, and the node.
    fn next_placement(
        &self,
        job: &JobId,
        after: Option<u64>,
        open: &OpenNodes,
        now: Timestamp,
    ) -> Option<Choice> {
        let job = self.jobs.get(job).filter(|job| !job.is_at_parallel_limit())?;
        let most_free = open.most_free()?;
        let fits = |task: &&Task| {
            task.specification().required_slots <= most_free && !task.has_expired(now) // K13
        };
        job.queue_after(after).filter(fits).filter(|task| job.dependencies_met(task)).find_map(|task| {
            let required = task.specification().required_slots;
            let mut nodes = open.with_room(required).filter_map(|node| self.nodes.get(node));
            let node = nodes.find(|node| has_room(task, node) && may_run_on(job, task, node))?;
            let (free, node) = (node.free_slots(), node.id().clone());
            Some(Choice { sequence: task.sequence(), task: task.id().clone(), node, free })
        })
    }
}

/// A task and the node that it goes to.
struct Choice {
    sequence: u64,
    task: TaskId,
    node: NodeId,
    /// The free slots of the node before.
    free: u32,
}

/// Nodes by their free slots, so that finding one does not visit all.
struct OpenNodes {
    fill: NodeFillType,
    by_free: BTreeMap<u32, BTreeSet<NodeId>>,
}

impl OpenNodes {
    fn file(&mut self, node: NodeId, free: u32) {
        if free > 0 {
            self.by_free.entry(free).or_default().insert(node);
        }
    }

    fn refile(&mut self, node: NodeId, before: u32, left: u32) {
        if let Some(nodes) = self.by_free.get_mut(&before) {
            nodes.remove(&node);
            if nodes.is_empty() {
                self.by_free.remove(&before);
            }
        }
        self.file(node, left);
    }

    fn most_free(&self) -> Option<u32> {
        self.by_free.keys().next_back().copied()
    }

    /// The nodes with at least this many free slots, in the order in which the pool is filled; of equals
    /// the first by id.
    fn with_room(&self, required: u32) -> impl Iterator<Item = &NodeId> {
        let (mut most, mut least) = (None, None);
        match self.fill {
            NodeFillType::Spread => most = Some(self.by_free.range(required..).rev()),
            NodeFillType::Pack => least = Some(self.by_free.range(required..)),
        }
        most.into_iter().flatten().chain(least.into_iter().flatten()).flat_map(|(_, nodes)| nodes)
    }
}

/// Whether a node of the job's pool can take its tasks (N7).
fn is_open(node: &Node, job: &Job) -> bool {
    node.takes_tasks() && job.node(node.id()).is_none_or(|record| !record.is_barred())
}
