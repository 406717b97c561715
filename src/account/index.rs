//! Who is where, and what is due when: everything that follows from the account's resources
//! and would otherwise be searched for.
//!
//! The account tells the index of each resource that has changed, and [`Index::of`] makes it again, so
//! that a check can compare the two.

use alloc::collections::{BTreeMap, BTreeSet};
use core::{cmp::Reverse, hash, mem, ops::Bound};

use crate::{
    Timestamp,
    collections::{range_after, remove_from, set_member},
    id::{JobId, JobScheduleId, NodeId, PoolId},
    job::{Job, JobState},
    job_schedule::{JobSchedule, JobsLeft},
    node::Node,
    pool::{AllocationState, NodeCounts, NodeFillType, Pool, PoolOwner, PoolState},
};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// The nodes of each pool; no pool without nodes.
    nodes_by_pool: BTreeMap<PoolId, PoolNodes>,
    /// The jobs that know each node; no node without jobs.
    jobs_by_node: BTreeMap<NodeId, BTreeSet<JobId>>,
    /// What the rest of the index has of each job.
    jobs: BTreeMap<JobId, JobEntry>,
    /// The jobs that are not completed, and those that are.
    live_jobs: BTreeSet<JobId>,
    completed_jobs: BTreeSet<JobId>,
    /// The jobs of each pool; no pool without jobs.
    jobs_by_pool: BTreeMap<PoolId, BTreeSet<JobId>>,
    /// The jobs of each pool that have tasks to assign whose dependencies are satisfied, in the order in
    /// which they are served; no pool without jobs.
    queues: BTreeMap<PoolId, BTreeSet<QueuePlace>>,
    /// The pools that have both such jobs and free slots.
    pools_to_schedule: BTreeSet<PoolId>,
    /// When each job can move.
    jobs_due: BTreeSet<(Timestamp, JobId)>,
    /// When each job schedule can move.
    job_schedules_due: Timers<JobScheduleId>,
    /// When each node's action can be issued.
    nodes_due: Timers<NodeId>,
    /// The pools that can move now.
    pools_due: BTreeSet<PoolId>,
    /// The owner of each active pool that has one, and the pools of each; no owner without pools.
    owners: BTreeMap<PoolId, PoolOwner>,
    pools_by_owner: BTreeMap<PoolOwner, BTreeSet<PoolId>>,
    /// The active pools whose owner has ended (P20).
    pools_expired: BTreeSet<PoolId>,
    /// When each pool is to be sampled or its formula to be evaluated.
    pools_scaling: Timers<PoolId>,
}

impl hash::Hash for Index {
    /// It follows from the rest of the account, so it tells nothing more.
    fn hash<H: hash::Hasher>(&self, _: &mut H) {}
}

/// The nodes of a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct PoolNodes {
    ids: BTreeSet<NodeId>,
    /// Those that are not leaving.
    staying: NodeCounts,
    /// Those that take tasks and have free slots, by the number of those.
    by_free_slots: BTreeMap<u32, BTreeSet<NodeId>>,
}

/// What the index has of a job; the default is that of a job that is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct JobEntry {
    due: Option<Timestamp>,
    part: Option<ListPart>,
    /// P20
    has_ended: bool,
    pool: Option<PoolId>,
    /// Its place in the queue of its pool, if it has tasks to assign.
    place: Option<QueuePlace>,
}

/// The part of the list of jobs that a job is in (Q6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListPart {
    Live,
    Completed,
}

impl JobEntry {
    fn of(job: &Job) -> Self {
        let part = match job.state() {
            JobState::Living(_) | JobState::Ending(_) => ListPart::Live,
            JobState::Completed(_) => ListPart::Completed,
        };
        let has_ended = job.end_time().is_some();
        let pool = job.pool().cloned();
        let place = pool.as_ref().and_then(|_| QueuePlace::of(job));
        Self { due: job.deadline(), part: Some(part), has_ended, pool, place }
    }
}

/// A job's place in the queue of its pool: by priority, then by creation (P1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct QueuePlace {
    priority: Reverse<i32>,
    created: Timestamp,
    pub(super) job: JobId,
}

impl QueuePlace {
    /// The place of a job that has tasks to assign, as far as it depends on the job.
    fn of(job: &Job) -> Option<Self> {
        let waits = job.state().is_active() && job.ready_count() > 0 && !job.is_at_parallel_limit();
        let (priority, created) = (Reverse(job.settings().priority), job.creation_time());
        waits.then(|| Self { priority, created, job: job.id().clone() })
    }
}

impl PoolNodes {
    fn has_room(&self) -> bool {
        !self.by_free_slots.is_empty()
    }

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
            let _is_new = index.update_node(node.id(), None, Some(&NodeEntry::of(node)));
        }
        for job in jobs.values() {
            for (node, _) in job.nodes() {
                index.insert_job_node(job.id(), node);
            }
            let _is_new = index.update_job(job.id(), Some(job));
        }
        for schedule in job_schedules.values() {
            index.update_job_schedule(schedule.id(), Some(schedule), jobs);
        }
        for pool in pools.values() {
            index.update_pool(pool.id(), Some(pool), jobs, job_schedules);
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
        let is_any_due = !self.pools_due.is_empty() || !self.pools_expired.is_empty();
        let pools = is_any_due.then_some(Timestamp::MIN);
        let jobs = self.jobs_due.first().map(|(at, _)| *at);
        let timers = [jobs, self.job_schedules_due.first(), self.nodes_due.first()];
        timers.into_iter().chain([pools, self.pools_scaling.first()]).flatten().min()
    }

    /// The jobs that can move at this time, by id without case.
    pub(super) fn jobs_due(&self, now: Timestamp) -> BTreeSet<JobId> {
        due(&self.jobs_due, now)
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

    /// The jobs, or those of a schedule, that are not completed, with ids after this one, or all.
    pub(super) fn live_jobs(
        &self,
        of: Option<&JobScheduleId>,
        after: Option<&JobId>,
    ) -> impl Iterator<Item = &JobId> {
        ids_of(of, after, |from| self.live_jobs.range(from))
    }

    /// The same for completed jobs.
    pub(super) fn completed_jobs(
        &self,
        of: Option<&JobScheduleId>,
        after: Option<&JobId>,
    ) -> impl Iterator<Item = &JobId> {
        ids_of(of, after, |from| self.completed_jobs.range(from))
    }

    /// The jobs of a pool, by id without case.
    pub(super) fn jobs_of_pool(&self, pool: &PoolId) -> impl Iterator<Item = &JobId> {
        self.jobs_by_pool.get(pool).into_iter().flatten()
    }

    /// The pools that have jobs with tasks to assign, and free slots, by id without case.
    pub(super) fn pools_to_schedule(&self) -> BTreeSet<PoolId> {
        self.pools_to_schedule.clone()
    }

    /// The job that is served next in a pool, if there are free slots (P1).
    pub(super) fn next_in_queue(&self, pool: &PoolId, after: Option<&QueuePlace>) -> Option<&QueuePlace> {
        let queue = self.queues.get(pool).filter(|_| self.pools_to_schedule.contains(pool))?;
        queue.range(range_after(after)).next()
    }

    /// The most free slots that a node of a pool has for tasks.
    pub(super) fn most_free_slots(&self, pool: &PoolId) -> Option<u32> {
        self.nodes_by_pool.get(pool)?.by_free_slots.keys().next_back().copied()
    }

    /// The nodes of a pool that take tasks and have at least this many free slots, in the order in which
    /// the pool is filled; of equals the first by id.
    pub(super) fn nodes_with_room(
        &self,
        pool: &PoolId,
        slots: u32,
        fill: NodeFillType,
    ) -> impl Iterator<Item = &NodeId> {
        let room = self.nodes_by_pool.get(pool).map(|nodes| nodes.by_free_slots.range(slots..));
        let (least, most) = match fill {
            NodeFillType::Spread => (None, room),
            NodeFillType::Pack => (room, None),
        };
        let most = most.into_iter().flat_map(Iterator::rev);
        least.into_iter().flatten().chain(most).flat_map(|(_, nodes)| nodes)
    }

    /// A job has changed, or is gone. Returns whether that concerns the index.
    pub(super) fn update_job(&mut self, id: &JobId, job: Option<&Job>) -> bool {
        let new = job.map(JobEntry::of);
        let (old, new) = match (self.jobs.get_mut(id), new) {
            (Some(entry), Some(new)) if *entry == new => return false,
            (Some(entry), Some(new)) => (mem::replace(entry, new.clone()), new),
            (Some(_), None) => (self.jobs.remove(id).unwrap_or_default(), JobEntry::default()),
            (None, Some(new)) => {
                self.jobs.insert(id.clone(), new.clone());
                (JobEntry::default(), new)
            }
            (None, None) => return false,
        };
        if old.due != new.due {
            old.due.map(|at| self.jobs_due.remove(&(at, id.clone())));
            new.due.map(|at| self.jobs_due.insert((at, id.clone())));
        }
        if old.part != new.part {
            set_member(&mut self.live_jobs, id, new.part == Some(ListPart::Live));
            set_member(&mut self.completed_jobs, id, new.part == Some(ListPart::Completed));
        }
        if old.pool != new.pool || old.place != new.place {
            self.leave_queue(&old);
            self.enter_queue(&new);
        }
        if old.pool != new.pool {
            old.pool.iter().for_each(|pool| remove_from(&mut self.jobs_by_pool, pool, id));
            new.pool.map(|pool| self.jobs_by_pool.entry(pool).or_default().insert(id.clone()));
        }
        true
    }

    fn leave_queue(&mut self, old: &JobEntry) {
        if let (Some(pool), Some(place)) = (&old.pool, &old.place) {
            remove_from(&mut self.queues, pool, place);
            self.update_pool_to_schedule(pool);
        }
    }

    fn enter_queue(&mut self, new: &JobEntry) {
        if let (Some(pool), Some(place)) = (&new.pool, &new.place) {
            self.queues.entry(pool.clone()).or_default().insert(place.clone());
            self.update_pool_to_schedule(pool);
        }
    }

    fn update_pool_to_schedule(&mut self, pool: &PoolId) {
        let has_room = self.nodes_by_pool.get(pool).is_some_and(PoolNodes::has_room);
        set_member(&mut self.pools_to_schedule, pool, has_room && self.queues.contains_key(pool));
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
            Some(jobs) => drop(jobs.insert(job.clone())),
            None => drop(self.jobs_by_node.insert(node.clone(), BTreeSet::from([job.clone()]))),
        }
    }

    /// A job is gone, so it knows none of its nodes any more.
    pub(super) fn remove_job_nodes(&mut self, job: &Job) {
        for (node, _) in job.nodes() {
            remove_from(&mut self.jobs_by_node, node, job.id());
        }
    }

    /// A node was `old` and is `new`; either may be missing. Returns whether that concerns its pool, which the
    /// caller then updates.
    pub(super) fn update_node(
        &mut self,
        id: &NodeId,
        old: Option<&NodeEntry>,
        new: Option<&NodeEntry>,
    ) -> bool {
        let (old_due, new_due) = (old.and_then(|old| old.due), new.and_then(|new| new.due));
        if old_due != new_due {
            self.nodes_due.set(id, new_due);
        }
        match (old, new) {
            (Some(old), Some(new)) if old.member == new.member => {
                self.move_node(id, &new.member.pool, old.free_slots, new.free_slots);
                false
            }
            (old, new) => {
                if let Some(old) = old {
                    self.remove_node(id, old);
                }
                if let Some(new) = new {
                    self.insert_node(id, new);
                }
                true
            }
        }
    }

    fn insert_node(&mut self, id: &NodeId, new: &NodeEntry) {
        let nodes = self.nodes_by_pool.entry(new.member.pool.clone()).or_default();
        nodes.ids.insert(id.clone());
        if !new.member.is_leaving {
            *nodes.staying.of_kind(new.member.dedicated) += 1;
        }
        self.move_node(id, &new.member.pool, None, new.free_slots);
    }

    fn remove_node(&mut self, id: &NodeId, old: &NodeEntry) {
        self.move_node(id, &old.member.pool, old.free_slots, None);
        if let Some(nodes) = self.nodes_by_pool.get_mut(&old.member.pool) {
            nodes.ids.remove(id);
            if !old.member.is_leaving {
                *nodes.staying.of_kind(old.member.dedicated) -= 1;
            }
            if nodes.ids.is_empty() {
                self.nodes_by_pool.remove(&old.member.pool);
            }
        }
    }

    /// A node of a pool has other free slots than before.
    fn move_node(&mut self, id: &NodeId, pool: &PoolId, old: Option<u32>, new: Option<u32>) {
        let Some(nodes) = self.nodes_by_pool.get_mut(pool).filter(|_| old != new) else { return };
        let had_room = nodes.has_room();
        if let Some(slots) = old {
            remove_from(&mut nodes.by_free_slots, &slots, id);
        }
        if let Some(slots) = new {
            nodes.by_free_slots.entry(slots).or_default().insert(id.clone());
        }
        if nodes.has_room() != had_room {
            self.update_pool_to_schedule(pool);
        }
    }

    /// A pool, or a node of it, has changed, or it is gone.
    pub(super) fn update_pool(
        &mut self,
        id: &PoolId,
        pool: Option<&Pool>,
        jobs: &BTreeMap<JobId, Job>,
        job_schedules: &BTreeMap<JobScheduleId, JobSchedule>,
    ) {
        let active = pool.filter(|pool| pool.state() == PoolState::Active);
        self.set_owner(id, active.and_then(Pool::owner), jobs, job_schedules);
        if pool.is_some_and(|pool| self.can_move(pool)) {
            self.pools_due.insert(id.clone());
        } else {
            self.pools_due.remove(id);
        }
        self.pools_scaling.set(id, pool.and_then(Pool::scaling_due));
    }

    /// An active pool has this owner. Without one, it is kept, is being deleted, or is gone.
    fn set_owner(
        &mut self,
        id: &PoolId,
        owner: Option<&PoolOwner>,
        jobs: &BTreeMap<JobId, Job>,
        job_schedules: &BTreeMap<JobScheduleId, JobSchedule>,
    ) {
        if self.owners.get(id) != owner {
            self.forget_owner(id);
            if let Some(owner) = owner {
                self.owners.insert(id.clone(), owner.clone());
                self.pools_by_owner.entry(owner.clone()).or_default().insert(id.clone());
            }
        }
        let has_ended = match owner {
            Some(PoolOwner::Job(job)) => has_job_ended(jobs.get(job)),
            Some(PoolOwner::JobSchedule(schedule)) => has_schedule_ended(job_schedules.get(schedule)),
            Some(PoolOwner::Gone) => true,
            None => false,
        };
        set_member(&mut self.pools_expired, id, has_ended);
    }

    fn forget_owner(&mut self, id: &PoolId) {
        if let Some(owner) = self.owners.remove(id) {
            remove_from(&mut self.pools_by_owner, &owner, id);
        }
    }

    /// A job has changed, or is gone.
    pub(super) fn update_pools_of_job(&mut self, id: &JobId, job: Option<&Job>) {
        self.expire_pools(&PoolOwner::Job(id.clone()), has_job_ended(job));
    }

    /// A job schedule has changed, or is gone.
    pub(super) fn update_pools_of_schedule(&mut self, id: &JobScheduleId, schedule: Option<&JobSchedule>) {
        self.expire_pools(&PoolOwner::JobSchedule(id.clone()), has_schedule_ended(schedule));
    }

    /// The owner of these pools has ended, or not.
    fn expire_pools(&mut self, owner: &PoolOwner, has_ended: bool) {
        for pool in self.pools_by_owner.get(owner).into_iter().flatten() {
            set_member(&mut self.pools_expired, pool, has_ended);
        }
    }

    /// The active pools that are deleted with this owner, by id without case.
    pub(super) fn pools_of(&self, owner: &PoolOwner) -> BTreeSet<PoolId> {
        self.pools_by_owner.get(owner).cloned().unwrap_or_default()
    }

    /// The auto pools that are due to be deleted, by id without case (P20).
    pub(super) fn pools_expired(&self) -> BTreeSet<PoolId> {
        self.pools_expired.clone()
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

/// P20
fn has_job_ended(job: Option<&Job>) -> bool {
    job.is_none_or(|job| job.end_time().is_some())
}

/// P20
fn has_schedule_ended(schedule: Option<&JobSchedule>) -> bool {
    schedule.is_none_or(|schedule| schedule.state().end_time().is_some())
}

/// The free slots of a node that takes tasks, if it has any (N7).
fn free_slots(node: &Node) -> Option<u32> {
    Some(node.free_slots()).filter(|slots| *slots > 0 && node.takes_tasks())
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
    let ids = ids_of(Some(schedule), after, |from| jobs.range(from).map(|(id, _)| id));
    ids.filter_map(|id| jobs.get(id))
}

/// The ids, or those that a schedule gives to its jobs, that come after this one, or all.
fn ids_of<'a, Ids: Iterator<Item = &'a JobId>>(
    schedule: Option<&JobScheduleId>,
    after: Option<&JobId>,
    range: impl FnOnce((Bound<&JobId>, Bound<&JobId>)) -> Ids,
) -> impl Iterator<Item = &'a JobId> {
    // No number of a job comes before this one, and no id of something else between its jobs.
    let first = schedule.map(|schedule| schedule.job(0));
    let from = match (&first, after) {
        (Some(first), None) => Bound::Included(first),
        (Some(first), Some(after)) => Bound::Excluded(after.max(first)),
        (None, after) => after.map_or(Bound::Unbounded, Bound::Excluded),
    };
    let schedule = schedule.cloned();
    range((from, Bound::Unbounded))
        .take_while(move |id| schedule.as_ref().is_none_or(|schedule| id.is_of(schedule)))
}

/// What the index has of a node.
#[derive(Clone, Debug)]
pub(super) struct NodeEntry {
    member: Member,
    free_slots: Option<u32>,
    due: Option<Timestamp>,
}

/// What a node is to its pool.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    pool: PoolId,
    dedicated: bool,
    is_leaving: bool,
}

impl NodeEntry {
    pub(super) fn of(node: &Node) -> Self {
        let (pool, dedicated) = (node.pool().clone(), node.is_dedicated());
        let member = Member { pool, dedicated, is_leaving: node.state().is_leaving() };
        Self { member, free_slots: free_slots(node), due: node.action_due() }
    }
}

/// At most one instant for each of many things.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        due(&self.by_time, now)
    }
}

fn due<K: Clone + Ord>(by_time: &BTreeSet<(Timestamp, K)>, now: Timestamp) -> BTreeSet<K> {
    by_time.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| key.clone()).collect()
}
