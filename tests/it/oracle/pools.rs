//! Pools. What a formula makes of a pool is followed, see `follow.rs`.

use std::cmp::Reverse;

use azbatch::{
    ErrorCode, JobId, JobScheduleId, NodeId, PoolId, TimeSpan, Timestamp,
    job::{AutoPool, AutoPoolFailure, PoolInfo, PoolLifetime},
    node::{NodeAction, NodeTasks},
    pool::{
        AddPool, AllocationState, DeletePool, EnableAutoScale, NodeCounts, NodeFillType, PoolState,
        RemoveNodes, ResizePool, StopResize, UpdatePool,
    },
};

use super::{
    Answer, Refusal,
    jobs::check_condition,
    model::{Job, Node, Oracle, Times},
    refuse_if, refused,
};

#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) id: PoolId,
    pub(super) slots: u32,
    pub(super) fill: NodeFillType,
    pub(super) state: PoolState,
    pub(super) times: Times<PoolState>,
    pub(super) allocation: AllocationState,
    pub(super) allocated_at: Timestamp,
    pub(super) target: NodeCounts,
    pub(super) resize_timeout: Option<TimeSpan>,
    /// Since when it scales by a formula, if it does.
    pub(super) scales_since: Option<Timestamp>,
    /// P16: how long after an evaluation the next one is due.
    pub(super) interval: TimeSpan,
    /// P16: when its formula is evaluated next, if time goes on so far.
    pub(super) next_evaluation: Option<Timestamp>,
    pub(super) last_evaluation: Option<Timestamp>,
    pub(super) owner: Option<Owner>,
}

/// P20: what a pool was made for, and is deleted with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Owner {
    Job(JobId),
    Schedule(JobScheduleId),
    /// What comes later under its id is another one.
    Gone,
}

impl Pool {
    /// T5: when its nodes were last allocated is a time of it too.
    pub(super) fn next(&self, now: Timestamp) -> Timestamp {
        self.times.next(now).max(self.allocated_at)
    }

    pub(super) fn modify(&mut self, now: Timestamp) -> Timestamp {
        self.times.modify(now.max(self.allocated_at))
    }

    /// P16: once more after an interval. One that was not due does not put off the next.
    pub(super) fn evaluated(&mut self, at: Timestamp) {
        self.last_evaluation = Some(at);
        if self.next_evaluation.is_some_and(|due| due <= at) {
            self.next_evaluation = at.checked_add(self.interval);
        }
    }

    pub(super) fn allocate(&mut self, state: AllocationState, at: Timestamp) {
        (self.allocation, self.allocated_at) = (state, at);
    }

    /// P2: it waits for nodes that the host was told to add.
    pub(super) fn is_growing(&self) -> bool {
        self.state == PoolState::Active && self.allocation == AllocationState::Resizing
    }
}

/// P15
const USUAL_INTERVAL: TimeSpan = TimeSpan::from_secs(15 * 60);

/// P2: how many nodes there are too few of each kind.
pub(super) fn missing(target: NodeCounts, have: NodeCounts) -> NodeCounts {
    NodeCounts {
        dedicated: target.dedicated.saturating_sub(have.dedicated),
        low_priority: target.low_priority.saturating_sub(have.low_priority),
    }
}

impl Oracle {
    fn named_pool(&mut self, pool: &PoolId) -> Result<&mut Pool, Refusal> {
        self.pools.get_mut(pool).ok_or(Refusal::Code(ErrorCode::PoolNotFound))
    }

    /// 404, then 409 if it is being deleted.
    fn active_pool(&mut self, pool: &PoolId) -> Result<&mut Pool, Refusal> {
        let found = self.named_pool(pool)?;
        refuse_if(found.state == PoolState::Deleting, ErrorCode::PoolBeingDeleted)?;
        Ok(found)
    }

    /// The nodes that are in a pool and stay there.
    fn staying(&self, pool: &PoolId) -> Vec<&Node> {
        self.nodes.values().filter(|node| node.pool == *pool && !node.is_leaving()).collect()
    }

    pub(super) fn node_counts(&self, pool: &PoolId) -> NodeCounts {
        let of_kind = |dedicated: bool| {
            let nodes = self.staying(pool).into_iter().filter(|node| node.dedicated == dedicated);
            u32::try_from(nodes.count()).unwrap()
        };
        NodeCounts { dedicated: of_kind(true), low_priority: of_kind(false) }
    }

    pub(super) fn add_pool(&mut self, command: &AddPool, now: Timestamp) -> Answer {
        self.insert_pool(command, None, now)
    }

    fn insert_pool(&mut self, command: &AddPool, owner: Option<Owner>, now: Timestamp) -> Answer {
        let specification = &command.specification;
        if let Some(old) = self.pools.get(&specification.id) {
            return refused(match old.state {
                PoolState::Active => ErrorCode::PoolExists,
                PoolState::Deleting => ErrorCode::PoolBeingDeleted,
            });
        }
        let pool = Pool {
            id: specification.id.clone(),
            slots: specification.task_slots_per_node,
            fill: specification.node_fill_type,
            state: PoolState::Active,
            times: Times::new(now),
            allocation: AllocationState::Resizing, // P2
            allocated_at: now,
            target: command.target,
            resize_timeout: None,
            scales_since: command.auto_scale.is_some().then_some(now),
            interval: command
                .auto_scale
                .as_ref()
                .map_or(USUAL_INTERVAL, |scale| scale.evaluation_interval.get()),
            next_evaluation: command.auto_scale.is_some().then_some(now),
            last_evaluation: None,
            owner,
        };
        self.pools.insert(pool.id.clone(), pool);
        Ok(())
    }

    pub(super) fn resize_pool(&mut self, pool: &PoolId, command: &ResizePool, now: Timestamp) -> Answer {
        let found = self.active_pool(pool)?;
        refuse_if(found.scales_since.is_some(), ErrorCode::OperationNotValidOnPool)?; // P15
        refuse_if(found.allocation != AllocationState::Steady, ErrorCode::PoolBeingResized)?;
        check_condition(&command.preconditions, found.times.modified)?;
        let target = NodeCounts {
            dedicated: command.dedicated.unwrap_or(found.target.dedicated),
            low_priority: command.low_priority.unwrap_or(found.target.low_priority),
        };
        let at = found.begin_resize(target, command.resize_timeout, now);
        self.shrink(pool, command.tasks, at);
        Ok(())
    }

    /// P3: idle nodes leave first, then those with the fewest tasks; of equals, the last by id.
    pub(super) fn surplus(&self, pool: &PoolId) -> Vec<NodeId> {
        let target = self.pools[pool].target;
        let mut leaving = Vec::new();
        for (dedicated, stay) in [(true, target.dedicated), (false, target.low_priority)] {
            let mut nodes = self.staying(pool);
            nodes.retain(|node| node.dedicated == dedicated);
            nodes.sort_by_key(|node| (Reverse(self.tasks_on(&node.id).len()), node.id.clone()));
            leaving.extend(nodes.into_iter().skip(stay as usize).map(|node| node.id.clone()));
        }
        leaving
    }

    fn shrink(&mut self, pool: &PoolId, tasks: NodeTasks, at: Timestamp) {
        for node in self.surplus(pool) {
            self.ask(&node, NodeAction::Remove, tasks, at);
        }
    }

    /// P2: the pool is then to have as many fewer.
    pub(super) fn remove_nodes(&mut self, pool: &PoolId, command: &RemoveNodes, now: Timestamp) -> Answer {
        self.named_pool(pool)?;
        for node in &command.nodes {
            self.node_of(pool, node)?;
        }
        let leaving: Vec<NodeId> =
            self.nodes.keys().filter(|node| command.nodes.contains(node)).cloned().collect();
        let counted = self.staying(pool).into_iter().filter(|node| leaving.contains(&node.id));
        let kinds: Vec<bool> = counted.map(|node| node.dedicated).collect();
        let found = self.active_pool(pool)?;
        refuse_if(found.allocation != AllocationState::Steady, ErrorCode::PoolBeingResized)?;
        check_condition(&command.preconditions, found.times.modified)?;
        let mut target = found.target;
        for dedicated in kinds {
            let count = if dedicated { &mut target.dedicated } else { &mut target.low_priority };
            *count = count.saturating_sub(1);
        }
        let at = found.begin_resize(target, command.resize_timeout, now);
        for node in leaving {
            self.ask(&node, NodeAction::Remove, command.tasks, at);
        }
        Ok(())
    }

    /// P9
    pub(super) fn stop_resize(&mut self, pool: &PoolId, command: &StopResize, now: Timestamp) -> Answer {
        let found = self.active_pool(pool)?;
        let is_resizing = found.allocation == AllocationState::Resizing;
        refuse_if(!is_resizing, ErrorCode::OperationInvalidForCurrentState)?;
        check_condition(&command.preconditions, found.times.modified)?;
        found.allocate(AllocationState::Stopping, found.next(now));
        Ok(())
    }

    /// P10, P11
    pub(super) fn update_pool(&mut self, pool: &PoolId, command: &UpdatePool, now: Timestamp) -> Answer {
        let has_nodes = self.nodes.values().any(|node| node.pool == *pool);
        let found = self.active_pool(pool)?;
        let waits_for_nodes = found.is_growing() && found.target.total() > 0;
        let needs_empty = command.task_slots_per_node.is_some() || command.node_fill_type.is_some();
        refuse_if(needs_empty && (has_nodes || waits_for_nodes), ErrorCode::OperationInvalidForCurrentState)?;
        check_condition(&command.preconditions, found.times.modified)?;
        found.modify(now);
        found.slots = command.task_slots_per_node.unwrap_or(found.slots);
        found.fill = command.node_fill_type.unwrap_or(found.fill);
        Ok(())
    }

    /// P15, P17: not within 30 seconds of the request before, and not while it is resized, unless it scales already.
    pub(super) fn enable_auto_scale(
        &mut self,
        pool: &PoolId,
        command: &EnableAutoScale,
        now: Timestamp,
    ) -> Answer {
        let found = self.active_pool(pool)?;
        if let Some(since) = found.scales_since {
            let is_early = now < since.saturating_add(TimeSpan::from_secs(30));
            refuse_if(is_early, ErrorCode::TooManyEnableAutoScaleRequests)?;
        } else {
            refuse_if(found.allocation != AllocationState::Steady, ErrorCode::PoolBeingResized)?;
            refuse_if(command.formula.is_none(), ErrorCode::InvalidAutoScalingSettings)?;
        }
        check_condition(&command.preconditions, found.times.modified)?;
        let at = found.modify(now);
        found.allocate(AllocationState::Resizing, at);
        if found.scales_since.is_none() {
            found.interval = USUAL_INTERVAL;
        }
        // P15: only a new interval restarts the schedule.
        if found.scales_since.is_none() || command.evaluation_interval.is_some() {
            found.next_evaluation = Some(at);
        }
        found.interval =
            command.evaluation_interval.map_or(found.interval, azbatch::pool::EvaluationInterval::get);
        found.scales_since = Some(at);
        Ok(())
    }

    /// P15: it keeps its target.
    pub(super) fn disable_auto_scale(&mut self, pool: &PoolId, now: Timestamp) -> Answer {
        let found = self.active_pool(pool)?;
        let at = found.modify(now);
        found.allocate(AllocationState::Resizing, at);
        (found.scales_since, found.next_evaluation, found.last_evaluation) = (None, None, None);
        Ok(())
    }

    pub(super) fn delete_pool(&mut self, pool: &PoolId, command: &DeletePool, now: Timestamp) -> Answer {
        let found = self.active_pool(pool)?;
        check_condition(&command.preconditions, found.times.modified)?;
        self.begin_pool_deletion(pool, now);
        Ok(())
    }

    /// P6: its ETag stays. Its nodes leave, and their tasks are requeued.
    fn begin_pool_deletion(&mut self, pool: &PoolId, now: Timestamp) {
        let found = self.pools.get_mut(pool).unwrap();
        let at = found.next(now);
        found.times.enter(at, Some(found.state));
        found.state = PoolState::Deleting;
        let nodes: Vec<NodeId> = self.staying(pool).into_iter().map(|node| node.id.clone()).collect();
        for node in nodes {
            self.ask(&node, NodeAction::Remove, NodeTasks::Requeue, at);
        }
    }

    /// P2, P9: steady when it has what it is to have, or was told to stop, and none is leaving. Gone when its last node is.
    pub(super) fn tick_pool(&mut self, pool: &PoolId, now: Timestamp) {
        let have = self.node_counts(pool);
        let nodes = || self.nodes.values().filter(|node| node.pool == *pool);
        let (has_nodes, has_leaving) = (nodes().next().is_some(), nodes().any(Node::is_leaving));
        let found = self.pools.get_mut(pool).unwrap();
        match (found.state, found.allocation) {
            (PoolState::Deleting, _) => {
                if !has_nodes {
                    self.pools.remove(pool);
                }
            }
            (PoolState::Active, AllocationState::Steady) => {}
            (PoolState::Active, AllocationState::Resizing | AllocationState::Stopping) => {
                let has_all = missing(found.target, have) == NodeCounts::default();
                if !has_leaving && (has_all || found.allocation == AllocationState::Stopping) {
                    found.allocate(AllocationState::Steady, found.next(now));
                }
            }
        }
    }

    /// P20: the pools whose owner has ended.
    pub(super) fn expired_pools(&self) -> Vec<PoolId> {
        let has_ended = |pool: &&Pool| match &pool.owner {
            None => false,
            Some(Owner::Gone) => true,
            Some(Owner::Job(job)) => self.jobs[job].end_time.is_some(),
            Some(Owner::Schedule(schedule)) => self.schedules[schedule].end_time.is_some(),
        };
        let active = self.pools.values().filter(|pool| pool.state == PoolState::Active);
        active.filter(has_ended).map(|pool| pool.id.clone()).collect()
    }

    pub(super) fn delete_expired(&mut self, pool: &PoolId, now: Timestamp) {
        if self.pools.get(pool).is_some_and(|pool| pool.state == PoolState::Active) {
            self.begin_pool_deletion(pool, now);
        }
    }

    /// P20: what a pool was made for is gone.
    pub(super) fn disown(&mut self, gone: &Owner) {
        for pool in self.pools.values_mut().filter(|pool| pool.owner.as_ref() == Some(gone)) {
            pool.owner = Some(Owner::Gone);
        }
    }

    /// P19: a job or the jobs of a schedule get a pool of their own.
    pub(super) fn add_auto_pool(&mut self, job: &JobId, pool: &PoolId, now: Timestamp) -> Answer {
        let found = self.jobs.get(job).filter(|job| wants_pool(job));
        let Some((found, PoolInfo::Auto(asked))) = found.map(|job| (job.clone(), job.settings.pool.clone()))
        else {
            return Err(Refusal::PoolNotWanted);
        };
        let owner = self.owner(&found, &asked);
        let specification = azbatch::pool::PoolSpecification {
            id: pool.clone(),
            task_slots_per_node: asked.task_slots_per_node,
            node_fill_type: asked.node_fill_type,
            other: asked.other.clone(),
        };
        let command = AddPool {
            specification: specification.into(),
            target: asked.target,
            auto_scale: asked.auto_scale.clone(),
        };
        self.insert_pool(&command, owner, now)?;
        if let Some(schedule) = self.sharing_schedule(&found) {
            self.schedules.get_mut(&schedule).unwrap().pool = Some(pool.clone());
        }
        self.jobs.get_mut(job).unwrap().pool = Some(pool.clone());
        Ok(())
    }

    /// X9
    pub(super) fn refuse_auto_pool(&mut self, id: &JobId, failure: &AutoPoolFailure) -> Answer {
        if let Some(job) = self.jobs.get_mut(id).filter(|job| wants_pool(job)) {
            job.pool_failure = Some(failure.clone());
        }
        Ok(())
    }

    /// P19: a new job of a schedule has the pool that its jobs share, if that is there.
    pub(super) fn share_pool(&mut self, job: &JobId) {
        let shared = self.sharing_schedule(&self.jobs[job]).and_then(|id| self.schedules[&id].pool.clone());
        let is_active =
            |pool: &PoolId| self.pools.get(pool).is_some_and(|pool| pool.state == PoolState::Active);
        if let Some(pool) = shared.filter(is_active) {
            self.jobs.get_mut(job).unwrap().pool = Some(pool);
        }
    }

    /// X8, P20: whether its pool is kept when it ends.
    pub(super) fn keep_pool(&mut self, job: &JobId) {
        let job = &self.jobs[job];
        let (PoolInfo::Auto(asked), Some(pool)) = (&job.settings.pool, &job.pool) else { return };
        let (owner, pool) = (self.owner(job, asked), pool.clone());
        if let Some(pool) = self.pools.get_mut(&pool).filter(|pool| pool.state == PoolState::Active) {
            pool.owner = owner;
        }
    }

    /// P20: without its schedule a job has its pool for itself, whatever it asks for.
    fn owner(&self, job: &Job, asked: &AutoPool) -> Option<Owner> {
        let schedule = job.id.schedule().filter(|schedule| self.schedules.contains_key(schedule));
        let owner = match (asked.lifetime, schedule) {
            (PoolLifetime::JobSchedule, Some(schedule)) => Owner::Schedule(schedule),
            (PoolLifetime::JobSchedule, None) | (PoolLifetime::Job, _) => Owner::Job(job.id.clone()),
        };
        (!asked.keep_alive).then_some(owner)
    }

    /// P19: the schedule whose jobs ask for one pool, as this one does.
    fn sharing_schedule(&self, job: &Job) -> Option<JobScheduleId> {
        let schedule = self.schedules.get(&job.id.schedule()?)?;
        let asks_for_shared = match &job.settings.pool {
            PoolInfo::Auto(auto) => auto.lifetime == PoolLifetime::JobSchedule,
            PoolInfo::Named(_) => false,
        };
        let is_same = schedule.settings.job_settings.pool == job.settings.pool;
        (asks_for_shared && is_same).then(|| schedule.id.clone())
    }
}

impl Pool {
    fn begin_resize(&mut self, target: NodeCounts, timeout: Option<TimeSpan>, now: Timestamp) -> Timestamp {
        let at = self.modify(now); // P6
        self.target = target;
        self.resize_timeout = Some(timeout.unwrap_or(TimeSpan::from_secs(15 * 60))); // P7
        self.allocate(AllocationState::Resizing, at);
        at
    }
}

/// P19: it asks for a pool, has none yet, and can use one.
pub(super) fn wants_pool(job: &Job) -> bool {
    let asks = matches!(job.settings.pool, PoolInfo::Auto(_));
    asks && job.is_living() && job.pool.is_none() && job.pool_failure.is_none()
}
