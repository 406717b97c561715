//! The only place where an account changes: each fact, made true, and the index kept in step.

use alloc::vec::Vec;

use crate::{
    TimeSpan, Timestamp,
    account::{index::NodeEntry, resource::Account, slots::slots_taken},
    error::Unfit,
    id::{JobId, JobScheduleId, NodeId, PoolId, TaskId},
    job::{Effect, Fact, Instruction, Job, JobFact, JobNode},
    job_schedule::{JobSchedule, JobScheduleFact},
    node::{Contact, Node, NodeFact},
    pool::{Pool, PoolFact, PoolOwner},
    task::{Completion, Task, TaskFact},
};

impl Account {
    /// Applies a fact, for a host that stores facts instead of state ([I5](crate::evidence#i5)). A fact that
    /// does not fit the state changes nothing; [`try_apply`](Self::try_apply) says so.
    pub fn apply(&mut self, fact: &Fact) {
        self.try_apply(fact).unwrap_or_default();
    }

    /// Applies a fact.
    ///
    /// # Errors
    /// Why the fact does not fit the state, for example because it was applied before. Nothing has
    /// changed then.
    pub fn try_apply(&mut self, fact: &Fact) -> Result<(), Unfit> {
        match fact {
            Fact::Job(job, fact) => self.apply_to_job(job, fact),
            Fact::Task(job, task, task_fact) => {
                self.check_node_of(job, task, task_fact)?;
                self.job_mut(job)?.try_apply(fact)?;
                self.follow_task(job, task, task_fact);
                self.job_changed(job);
                Ok(())
            }
            Fact::JobNode(job, ..) => {
                self.job_mut(job)?.try_apply(fact)?;
                self.job_changed(job);
                Ok(())
            }
            Fact::JobSchedule(schedule, fact) => self.apply_to_job_schedule(schedule, fact),
            Fact::Pool(pool, fact) => self.apply_to_pool(pool, fact),
            Fact::Node(node, fact) => self.apply_to_node(node, fact),
        }
    }

    fn job_mut(&mut self, job: &JobId) -> Result<&mut Job, Unfit> {
        self.jobs.get_mut(job).ok_or(Unfit("there is no such job"))
    }

    fn apply_to_job(&mut self, id: &JobId, fact: &JobFact) -> Result<(), Unfit> {
        match fact {
            JobFact::Added { specification, settings, received, last_run, at } => {
                if self.jobs.contains_key(id) || specification.id != *id || *last_run != self.last_run {
                    return Err(Unfit("the job cannot be added"));
                }
                let job = Job::new(specification.clone(), settings.clone(), *received, *last_run, *at);
                self.insert_job(job);
                Ok(())
            }
            JobFact::Updated { .. }
            | JobFact::PoolAssigned { .. }
            | JobFact::AutoPoolFailed { .. }
            | JobFact::Disabling { .. }
            | JobFact::Touched { .. }
            | JobFact::Disabled { .. }
            | JobFact::Enabled { .. }
            | JobFact::Terminating { .. }
            | JobFact::TerminationForced { .. }
            | JobFact::Completed { .. }
            | JobFact::Deleting { .. }
            | JobFact::DeletionForced { .. } => {
                self.job_mut(id)?.apply_to_job(fact)?;
                self.job_changed(id);
                Ok(())
            }
            JobFact::Deleted => {
                self.job_mut(id)?.apply_to_job(fact)?;
                self.remove_job(id);
                Ok(())
            }
        }
    }

    pub(super) fn insert_job(&mut self, job: Job) {
        let id = job.id().clone();
        self.jobs.insert(id.clone(), job);
        self.job_changed(&id);
    }

    fn remove_job(&mut self, id: &JobId) {
        if let Some(job) = self.jobs.remove(id) {
            self.last_run = self.last_run.max(job.last_run());
            self.index.remove_job_nodes(&job);
        }
        self.job_changed(id);
        self.pools_lose_owner(&PoolOwner::Job(id.clone()));
    }

    fn remove_job_schedule(&mut self, id: &JobScheduleId) {
        self.job_schedules.remove(id);
        self.pools_lose_owner(&PoolOwner::JobSchedule(id.clone()));
    }

    /// P20: the pools of this owner are to be deleted, even if something comes that has the same id.
    fn pools_lose_owner(&mut self, owner: &PoolOwner) {
        for id in self.index.pools_of(owner) {
            if let Some(pool) = self.pools.get_mut(&id) {
                pool.lose_owner();
            }
            self.pool_changed(&id);
        }
    }

    /// Keeps the index in step with a job that has changed.
    pub(super) fn job_changed(&mut self, id: &JobId) {
        if !self.index.update_job(id, self.jobs.get(id)) {
            return;
        }
        if let Some(schedule) = id.schedule() {
            self.job_schedule_changed(&schedule);
        }
        self.index.update_pools_of_job(id, self.jobs.get(id));
    }

    fn pool_changed(&mut self, id: &PoolId) {
        self.index.update_pool(id, self.pools.get(id), &self.jobs, &self.job_schedules);
    }

    fn job_schedule_changed(&mut self, id: &JobScheduleId) {
        let schedule = self.job_schedules.get(id);
        self.index.update_job_schedule(id, schedule, &self.jobs);
        self.index.update_pools_of_schedule(id, schedule);
    }

    /// Keeps nodes and the index in step with a job that has applied these effects itself.
    pub(super) fn follow(&mut self, id: &JobId, effects: &[Effect]) {
        for fact in Effect::facts(effects) {
            match fact {
                Fact::Task(job, task, fact) => self.follow_task(job, task, fact),
                Fact::Job(job, JobFact::Deleted) => self.remove_job(job),
                Fact::Job(..)
                | Fact::JobNode(..)
                | Fact::JobSchedule(..)
                | Fact::Pool(..)
                | Fact::Node(..) => {}
            }
        }
        self.job_changed(id);
    }

    /// A task fact can only be about a node that the account has.
    fn check_node_of(&self, job: &JobId, task: &TaskId, fact: &TaskFact) -> Result<(), Unfit> {
        let (TaskFact::Preparing { placement, .. } | TaskFact::Running { placement, .. }) = fact else {
            return Ok(());
        };
        let node = self.nodes.get(&placement.node).filter(|node| *node.pool() == placement.pool);
        let node = node.ok_or(Unfit("there is no such node"))?;
        let found = self.task(job, task).ok_or(Unfit("there is no such task"))?;
        let has_room = node.slots_of(job, task).is_some() || slots_taken(found, node) <= node.free_slots();
        if has_room { Ok(()) } else { Err(Unfit("the node has too few free slots")) }
    }

    /// Who is where follows from what becomes of tasks.
    fn follow_task(&mut self, job: &JobId, task: &TaskId, fact: &TaskFact) {
        match fact {
            TaskFact::Preparing { placement, at, .. } => {
                self.task_assigned(&placement.node, job, task, false, *at);
            }
            TaskFact::Running { placement, at, .. } => {
                self.task_assigned(&placement.node, job, task, true, *at);
            }
            TaskFact::Completed(completion) => self.task_completed(job, task, completion),
            TaskFact::Retried { node, at }
            | TaskFact::Requeued { node, at, .. }
            | TaskFact::Deleted { node: Some(node), at } => {
                self.edit_node(node, |node| node.release(job, task, *at));
            }
            TaskFact::Added { .. }
            | TaskFact::Updated { .. }
            | TaskFact::Touched { .. }
            | TaskFact::Started { .. }
            | TaskFact::Stopping { .. }
            | TaskFact::Reactivated { .. }
            | TaskFact::Deleted { node: None, .. } => {}
        }
    }

    fn task_assigned(&mut self, node: &NodeId, job: &JobId, task: &TaskId, starts: bool, at: Timestamp) {
        self.index.insert_job_node(job, node);
        let (Some(found), Some(there)) = (self.task(job, task), self.nodes.get(node)) else { return };
        let slots = slots_taken(found, there);
        self.edit_node(node, |node| node.assign(job, task, slots, starts, at));
    }

    fn task_completed(&mut self, job: &JobId, task: &TaskId, completion: &Completion) {
        let Some(placement) = completion.placement() else { return };
        let retention = self.task(job, task).map(|task: &Task| task.constraints().retention_time);
        let until = completion.end_time.saturating_add(retention.unwrap_or(TimeSpan::ZERO));
        self.edit_node(&placement.node, |node| {
            node.release(job, task, completion.end_time);
            node.retain(until, completion.is_success());
        });
    }

    fn apply_to_job_schedule(&mut self, id: &JobScheduleId, fact: &JobScheduleFact) -> Result<(), Unfit> {
        let known = self.job_schedules.get_mut(id);
        match fact {
            JobScheduleFact::Added { specification, settings, at } => {
                if known.is_some() || specification.id != *id {
                    return Err(Unfit("the job schedule cannot be added"));
                }
                let schedule = JobSchedule::new(specification.clone(), settings.clone(), *at);
                self.job_schedules.insert(id.clone(), schedule);
            }
            JobScheduleFact::Updated { .. }
            | JobScheduleFact::Disabled { .. }
            | JobScheduleFact::Touched { .. }
            | JobScheduleFact::Enabled { .. }
            | JobScheduleFact::JobMade { .. }
            | JobScheduleFact::TurnLost { .. }
            | JobScheduleFact::PoolMade { .. }
            | JobScheduleFact::Terminating { .. }
            | JobScheduleFact::Completed { .. }
            | JobScheduleFact::Deleting { .. } => {
                known.ok_or(Unfit("there is no such job schedule"))?.apply(fact)?;
            }
            JobScheduleFact::Deleted => {
                known.ok_or(Unfit("there is no such job schedule"))?.apply(fact)?;
                self.remove_job_schedule(id);
            }
        }
        self.job_schedule_changed(id);
        Ok(())
    }

    fn apply_to_pool(&mut self, id: &PoolId, fact: &PoolFact) -> Result<(), Unfit> {
        match fact {
            PoolFact::Added { specification, target, auto_scale, owner, at } => {
                if self.pools.contains_key(id) || specification.id != *id {
                    return Err(Unfit("the pool cannot be added"));
                }
                let (auto_scale, owner) = (auto_scale.clone(), owner.clone());
                self.pools
                    .insert(id.clone(), Pool::new(specification.clone(), *target, auto_scale, owner, *at));
            }
            PoolFact::Resizing { .. }
            | PoolFact::Stopping { .. }
            | PoolFact::Steady { .. }
            | PoolFact::Updated { .. }
            | PoolFact::AutoScaleEnabled { .. }
            | PoolFact::AutoScaleDisabled { .. }
            | PoolFact::Sampled { .. }
            | PoolFact::Scaled { .. }
            | PoolFact::OwnerChanged { .. }
            | PoolFact::Deleting { .. } => {
                self.pools.get_mut(id).ok_or(Unfit("there is no such pool"))?.apply(fact)?;
            }
            PoolFact::Deleted => {
                self.pools.get_mut(id).ok_or(Unfit("there is no such pool"))?.apply(fact)?;
                self.pools.remove(id);
            }
        }
        self.pool_changed(id);
        Ok(())
    }

    fn apply_to_node(&mut self, id: &NodeId, fact: &NodeFact) -> Result<(), Unfit> {
        match fact {
            NodeFact::Added { pool, slots, dedicated, at } => {
                if self.nodes.contains_key(id) {
                    return Err(Unfit("the node exists"));
                }
                let node = Node::new(id.clone(), pool.clone(), *slots, *dedicated, *at);
                self.node_changed(id, pool, None, Some(&NodeEntry::of(&node)));
                self.nodes.insert(id.clone(), node);
                Ok(())
            }
            NodeFact::Changed { .. }
            | NodeFact::SchedulingChanged { .. }
            | NodeFact::ActionRequested { .. }
            | NodeFact::ActionIssued { .. }
            | NodeFact::UserAdded { .. }
            | NodeFact::UserUpdated { .. }
            | NodeFact::UserDeleted { .. }
            | NodeFact::RemoteLoginSet { .. } => {
                let mut applied = Err(Unfit("there is no such node"));
                self.edit_node(id, |node| applied = node.apply(fact));
                applied
            }
            NodeFact::Removed => {
                let node = self.nodes.get(id).ok_or(Unfit("there is no such node"))?;
                if node.tasks().next().is_some() || !self.jobs_know_that_it_is_gone(id) {
                    return Err(Unfit("the node has work"));
                }
                let (old, pool) = (NodeEntry::of(node), node.pool().clone());
                self.nodes.remove(id);
                self.node_changed(id, &pool, Some(&old), None);
                Ok(())
            }
        }
    }

    /// N3: every job that is not over has recorded that the node is gone.
    fn jobs_know_that_it_is_gone(&self, node: &NodeId) -> bool {
        let mut living = self.index.jobs_on(node).filter_map(|job| self.jobs.get(job));
        living.all(|job| {
            let contact = job.node(node).map(JobNode::contact);
            job.end_time().is_some() || contact == Some(Contact::Gone)
        })
    }

    /// Changes a node, and the index with it.
    fn edit_node(&mut self, id: &NodeId, change: impl FnOnce(&mut Node)) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        let old = NodeEntry::of(node);
        change(node);
        let new = NodeEntry::of(node);
        // The index has the id as the node has it, however the fact spells it (S4).
        if self.index.update_node(node.id(), Some(&old), Some(&new)) {
            let pool = node.pool().clone();
            self.pool_changed(&pool);
        }
    }

    fn node_changed(&mut self, id: &NodeId, pool: &PoolId, old: Option<&NodeEntry>, new: Option<&NodeEntry>) {
        if self.index.update_node(id, old, new) {
            self.pool_changed(pool);
        }
    }

    /// Makes a fact true and adds it to the effects.
    pub(super) fn emit(&mut self, effects: &mut Vec<Effect>, fact: Fact) {
        let applied = self.try_apply(&fact);
        debug_assert_eq!(applied, Ok(()), "a decision does not fit the state that it was made on");
        effects.push(fact.into());
    }

    pub(super) fn emit_pool(&mut self, effects: &mut Vec<Effect>, pool: &PoolId, fact: PoolFact) {
        self.emit(effects, Fact::Pool(pool.clone(), fact));
    }

    pub(super) fn emit_node(&mut self, effects: &mut Vec<Effect>, node: &NodeId, fact: NodeFact) {
        self.emit(effects, Fact::Node(node.clone(), fact));
    }

    pub(super) fn instruct(effects: &mut Vec<Effect>, instruction: Instruction) {
        effects.push(instruction.into());
    }
}
