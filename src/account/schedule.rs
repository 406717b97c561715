//! Which task goes to which node: a pure decision, the same for the same account.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::cmp::Reverse;

use crate::{
    Clock,
    account::Account,
    id::{JobId, NodeId, TaskId},
    job::{Effect, Job, JobState},
    node::Node,
    pool::NodeFillType,
    task::Task,
};

impl Account {
    /// Gives tasks to nodes until no more fit: jobs by priority, then by creation; within a job tasks
    /// by creation (P1). Only active jobs' tasks are given, and only to nodes with room that the job
    /// may use. One that fits nowhere lets later ones pass (P4).
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
        let Some(mut open) = self.open_nodes(job) else { return };
        let mut after = None;
        while let Some(choice) = self.next_placement(job, after, &open) {
            after = Some(choice.sequence);
            // The placement was chosen among those that are allowed; one that is not changes nothing.
            effects.extend(self.assign(job, &choice.task, &choice.node, clock).unwrap_or_default());
            let left = self.nodes.get(&choice.node).map_or(0, Node::free_slots);
            open.refile(choice.node, choice.free, left);
        }
    }

    /// The nodes of the job's pool that have any room for it.
    fn open_nodes(&self, job: &JobId) -> Option<OpenNodes> {
        let job = self.jobs.get(job)?;
        let pool = &job.settings().pool;
        let fill =
            self.pools.get(pool).map_or(NodeFillType::Spread, |pool| pool.specification.node_fill_type);
        let mut open = OpenNodes { fill, by_free: BTreeMap::new() };
        for node in self.nodes_of(pool).filter(|node| is_open(node, job)) {
            open.file(node.id().clone(), node.free_slots());
        }
        Some(open)
    }

    /// The next task of the job, in its order, that a node has room for now, and the node.
    fn next_placement(&self, job: &JobId, after: Option<u64>, open: &OpenNodes) -> Option<Choice> {
        let job = self.jobs.get(job).filter(|job| !job.is_at_parallel_limit())?;
        let most_free = open.most_free()?;
        let fits = |task: &&Task| task.specification().required_slots <= most_free;
        job.queue_after(after).filter(fits).filter(|task| job.dependencies_met(task)).find_map(|task| {
            let required = task.specification().required_slots;
            let mut nodes = open.with_room(required).filter_map(|node| self.nodes.get(node));
            let node = nodes.find(|node| has_room(task, node) && may_run_on(job, task, node))?;
            let (free, node) = (node.free_slots(), node.id().clone());
            Some(Choice { sequence: task.sequence, task: task.id().clone(), node, free })
        })
    }
}

/// A task, and the node that it goes to, which has so many free slots before.
struct Choice {
    sequence: u64,
    task: TaskId,
    node: NodeId,
    free: u32,
}

/// Nodes by how many slots they have left, so that finding one does not look at all.
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

    /// The nodes with so many free slots, in the order in which the pool is filled; of equals the first
    /// by id.
    fn with_room(&self, required: u32) -> impl Iterator<Item = &NodeId> {
        let (mut most, mut least) = (None, None);
        match self.fill {
            NodeFillType::Spread => most = Some(self.by_free.range(required..).rev()),
            NodeFillType::Pack => least = Some(self.by_free.range(required..)),
        }
        most.into_iter().flatten().chain(least.into_iter().flatten()).flat_map(|(_, nodes)| nodes)
    }
}

/// Whether a node of its pool may take tasks of the job (N7).
fn is_open(node: &Node, job: &Job) -> bool {
    node.takes_tasks() && job.node(node.id()).is_none_or(|record| !record.is_barred())
}

/// Whether a task of the job may run on a node of this kind (P5).
pub(super) fn may_run_on(job: &Job, task: &Task, node: &Node) -> bool {
    let manager = job.specification().manager.as_ref();
    let manager = manager.filter(|manager| task.sequence == 0 && manager.task.id == *task.id());
    node.is_dedicated() || manager.is_none_or(|manager| manager.allow_low_priority_node)
}

/// Whether a node has slots enough left for a task.
pub(super) fn has_room(task: &Task, node: &Node) -> bool {
    slots_taken(task, node) <= node.free_slots()
}

/// P5: how many slots a task takes on this node: an exclusive one takes it whole.
pub(super) fn slots_taken(task: &Task, node: &Node) -> u32 {
    let required = task.specification().required_slots;
    if task.specification().run_exclusive { node.slots().max(required) } else { required }
}
