//! Who is where, and what is due when: everything that follows from the account's resources
//! and would otherwise be searched for.
//!
//! The account tells the index of each resource that has changed, and [`Index::of`] makes it anew, so
//! that a check can compare the two.

use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Bound;

use crate::{
    Timestamp,
    id::{JobId, JobScheduleId, NodeId, PoolId},
    job::{Job, JobState},
    job_schedule::{JobSchedule, JobsLeft},
    node::Node,
    pool::{AllocationState, NodeCounts, Pool, PoolState},
};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Index {
    /// The nodes of each pool; no pool without nodes.
    nodes_by_pool: BTreeMap<PoolId, PoolNodes>,
    /// The jobs that know each node; no node without jobs.
    jobs_by_node: BTreeMap<NodeId, BTreeSet<JobId>>,
    /// When each job can move.
    jobs_due: Timers<JobId>,
    /// When each job schedule can move.
    job_schedules_due: Timers<JobScheduleId>,
    /// When each node's action can be issued.
    nodes_due: Timers<NodeId>,
    /// The pools that can move now.
    pools_due: BTreeSet<PoolId>,
    /// When each pool is to be sampled or its formula to be evaluated.
    pools_scaling: Timers<PoolId>,
}

/// The nodes of a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct PoolNodes {
    ids: BTreeSet<NodeId>,
    /// Those that are not leaving.
    staying: NodeCounts,
}

impl PoolNodes {
    fn is_any_leaving(&self) -> bool {
        let staying = u64::from(self.staying.dedicated) + u64::from(self.staying.low_priority);
        u64::try_from(self.ids.len()).unwrap_or(u64::MAX) != staying
    }
}

impl Index {
    /// The index of these resources.
    pub(super) fn of(
        jobs: &BTreeMap<JobId, Job>,
        job_schedules: &BTreeMap<JobScheduleId, JobSchedule>,
        pools: &BTreeMap<PoolId, Pool>,
        nodes: &BTreeMap<NodeId, Node>,
    ) -> Self {
        let mut index = Self::default();
        for node in nodes.values() {
            index.update_node(None, Some(node));
        }
        for job in jobs.values() {
            for (node, _) in job.nodes() {
                index.insert_job_node(job.id(), node);
            }
            index.update_job(job.id(), Some(job));
        }
        for schedule in job_schedules.values() {
            index.update_job_schedule(schedule.id(), Some(schedule), jobs);
        }
        for pool in pools.values() {
            index.update_pool(pool.id(), Some(pool));
        }
        index
    }

    /// The nodes of a pool, if it has any.
    pub(super) fn nodes_of(&self, pool: &PoolId) -> Option<&BTreeSet<NodeId>> {
        self.nodes_by_pool.get(pool).map(|nodes| &nodes.ids)
    }

    /// How many nodes of each kind a pool has, without those that are leaving it.
    pub(super) fn node_counts(&self, pool: &PoolId) -> NodeCounts {
        self.nodes_by_pool.get(pool).map_or(NodeCounts::default(), |nodes| nodes.staying)
    }

    /// The jobs that know a node, by id without case.
    pub(super) fn jobs_on(&self, node: &NodeId) -> impl Iterator<Item = &JobId> {
        self.jobs_by_node.get(node).into_iter().flatten()
    }

    /// The earliest instant at which anything is due.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let pools = (!self.pools_due.is_empty()).then_some(Timestamp::MIN);
        let timers = [self.jobs_due.first(), self.job_schedules_due.first(), self.nodes_due.first()];
        timers.into_iter().chain([pools, self.pools_scaling.first()]).flatten().min()
    }

    /// The jobs that can move at this time, by id without case.
    pub(super) fn jobs_due(&self, now: Timestamp) -> BTreeSet<JobId> {
        self.jobs_due.due(now)
    }

    /// The job schedules that can move at this time, by id without case.
    pub(super) fn job_schedules_due(&self, now: Timestamp) -> BTreeSet<JobScheduleId> {
        self.job_schedules_due.due(now)
    }

    /// The nodes whose action can be issued at this time, by id without case.
    pub(super) fn nodes_due(&self, now: Timestamp) -> BTreeSet<NodeId> {
        self.nodes_due.due(now)
    }

    /// The pools that can move now, by id without case.
    pub(super) fn pools_due(&self) -> BTreeSet<PoolId> {
        self.pools_due.clone()
    }

    /// The pools that are to be sampled or whose formula is to be evaluated at this time, by id without
    /// case.
    pub(super) fn pools_scaling(&self, now: Timestamp) -> BTreeSet<PoolId> {
        self.pools_scaling.due(now)
    }

    /// A job has changed, or is gone.
    pub(super) fn update_job(&mut self, id: &JobId, job: Option<&Job>) {
        self.jobs_due.set(id, job.and_then(Job::deadline));
    }

    /// A job schedule, or a job of it, has changed, or it is gone.
    pub(super) fn update_job_schedule(
        &mut self,
        id: &JobScheduleId,
        schedule: Option<&JobSchedule>,
        jobs: &BTreeMap<JobId, Job>,
    ) {
        let due = schedule.and_then(|schedule| schedule.deadline(jobs_left(schedule, jobs)));
        self.job_schedules_due.set(id, due);
    }

    /// A job knows a node.
    pub(super) fn insert_job_node(&mut self, job: &JobId, node: &NodeId) {
        match self.jobs_by_node.get_mut(node) {
            Some(jobs) if jobs.contains(job) => {}
            Some(jobs) => drop(jobs.insert(job.clone())),
            None => drop(self.jobs_by_node.insert(node.clone(), BTreeSet::from([job.clone()]))),
        }
    }

    /// A job is gone, so it knows none of its nodes any more.
    pub(super) fn remove_job_nodes(&mut self, job: &Job) {
        for (node, _) in job.nodes() {
            if let Some(jobs) = self.jobs_by_node.get_mut(node) {
                jobs.remove(job.id());
                if jobs.is_empty() {
                    self.jobs_by_node.remove(node);
                }
            }
        }
    }

    /// A node was `old` and is `new`; either may be missing. The caller updates the node's pool.
    pub(super) fn update_node(&mut self, old: Option<&NodeEntry>, new: Option<&Node>) {
        if let Some(old) = old {
            self.remove_node(old);
        }
        if let Some(node) = new {
            let nodes = self.nodes_by_pool.entry(node.pool().clone()).or_default();
            nodes.ids.insert(node.id().clone());
            if !node.state().is_leaving() {
                *nodes.staying.of_kind(node.is_dedicated()) += 1;
            }
            self.nodes_due.set(node.id(), node.action_due());
        }
    }

    fn remove_node(&mut self, old: &NodeEntry) {
        self.nodes_due.set(&old.id, None);
        if let Some(nodes) = self.nodes_by_pool.get_mut(&old.pool) {
            nodes.ids.remove(&old.id);
            if !old.is_leaving {
                *nodes.staying.of_kind(old.dedicated) -= 1;
            }
            if nodes.ids.is_empty() {
                self.nodes_by_pool.remove(&old.pool);
            }
        }
    }

    /// A pool, or a node of it, has changed, or it is gone.
    pub(super) fn update_pool(&mut self, id: &PoolId, pool: Option<&Pool>) {
        if pool.is_some_and(|pool| self.can_move(pool)) {
            self.pools_due.insert(id.clone());
        } else {
            self.pools_due.remove(id);
        }
        self.pools_scaling.set(id, pool.and_then(Pool::scaling_due));
    }

    /// P2, P9: a pool that has the nodes that it is to have becomes steady, and so does one whose resize
    /// was stopped once no node is leaving; one that is being deleted and has no nodes is gone.
    fn can_move(&self, pool: &Pool) -> bool {
        let nodes = self.nodes_by_pool.get(pool.id());
        let staying = self.node_counts(pool.id());
        match (pool.state(), pool.allocation_state()) {
            (PoolState::Deleting, _) => nodes.is_none(),
            (PoolState::Active, AllocationState::Steady) => false,
            (PoolState::Active, AllocationState::Stopping) => !nodes.is_some_and(PoolNodes::is_any_leaving),
            (PoolState::Active, AllocationState::Resizing) => {
                let is_any_leaving = nodes.is_some_and(PoolNodes::is_any_leaving);
                !is_any_leaving && pool.target().missing_from(staying) == NodeCounts::default()
            }
        }
    }
}

/// What is left of the jobs of a schedule. Only the one that it made last can be alive (L3).
pub(super) fn jobs_left(schedule: &JobSchedule, jobs: &BTreeMap<JobId, Job>) -> JobsLeft {
    let recent = schedule.recent_job().and_then(|job| jobs.get(&job));
    if recent.is_some_and(|job| !matches!(job.state(), JobState::Completed(_))) {
        return JobsLeft::Alive;
    }
    match jobs_of_schedule(jobs, schedule.id(), None).next() {
        Some(_) => JobsLeft::Completed,
        None => JobsLeft::None,
    }
}

/// The jobs of a job schedule with ids after this one, or all.
pub(super) fn jobs_of_schedule<'a>(
    jobs: &'a BTreeMap<JobId, Job>,
    schedule: &JobScheduleId,
    after: Option<&JobId>,
) -> impl Iterator<Item = &'a Job> {
    // No number of a job comes before this one, and no id of something else between its jobs.
    let first = schedule.job(0);
    let from = after.map_or(Bound::Included(&first), |after| Bound::Excluded(after.max(&first)));
    let schedule = schedule.clone();
    let jobs = jobs.range((from, Bound::Unbounded)).map(|(_, job)| job);
    jobs.take_while(move |job| job.id().is_of(&schedule))
}

/// What the index needs to know of a node to forget it.
#[derive(Clone, Debug)]
pub(super) struct NodeEntry {
    id: NodeId,
    pool: PoolId,
    dedicated: bool,
    is_leaving: bool,
}

impl From<&Node> for NodeEntry {
    fn from(node: &Node) -> Self {
        Self {
            id: node.id().clone(),
            pool: node.pool().clone(),
            dedicated: node.is_dedicated(),
            is_leaving: node.state().is_leaving(),
        }
    }
}

/// At most one instant for each of many things.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Timers<K> {
    by_time: BTreeSet<(Timestamp, K)>,
    of: BTreeMap<K, Timestamp>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), of: BTreeMap::new() }
    }
}

impl<K: Clone + Ord> Timers<K> {
    fn set(&mut self, key: &K, at: Option<Timestamp>) {
        let old = self.of.get(key).copied();
        if old == at {
            return;
        }
        if let Some(old) = old {
            self.by_time.remove(&(old, key.clone()));
        }
        match at {
            Some(at) => {
                self.by_time.insert((at, key.clone()));
                self.of.insert(key.clone(), at);
            }
            None => drop(self.of.remove(key)),
        }
    }

    fn first(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    fn due(&self, now: Timestamp) -> BTreeSet<K> {
        self.by_time.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| key.clone()).collect()
    }
}
