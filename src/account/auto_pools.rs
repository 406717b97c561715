//! Auto pools: made when a job asks for one, and deleted with what they were made for.

use alloc::{sync::Arc, vec::Vec};
use core::mem;

use crate::{
    BatchError, Clock, Timestamp,
    account::resource::Account,
    id::{JobId, PoolId},
    job::{AutoPool, AutoPoolFailure, Effect, Fact, Instruction, Job, JobFact, PoolInfo, PoolLifetime},
    job_schedule::{JobSchedule, JobScheduleFact},
    pool::{AddPool, DeletePool, Pool, PoolFact, PoolOwner, PoolState},
};

/// Why an auto pool was not added. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AutoPoolNotAdded {
    /// The job does not exist, is ending, asks for no auto pool, or has it already.
    #[error("the job does not ask for a pool")]
    NotWanted,
    /// There is a pool of this id.
    #[error(transparent)]
    Refused(#[from] BatchError),
}

impl Account {
    /// Makes the pool that a job asks for, in answer to [`Instruction::AddPool`]
    /// ([P19](crate::evidence#p19)). The host chooses the id, see [`AutoPool::pool_id`].
    ///
    /// # Errors
    /// Why not; nothing has changed then. A host that delivers the instruction twice can ignore it.
    pub fn add_auto_pool(
        &mut self,
        job: &JobId,
        pool: &PoolId,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, AutoPoolNotAdded> {
        let now = clock.now();
        let found = self.jobs.get(job).ok_or(AutoPoolNotAdded::NotWanted)?;
        let wanted = found.wanted_pool().ok_or(AutoPoolNotAdded::NotWanted)?;
        let (job, owner) = (found.id().clone(), self.pool_owner(found, wanted));
        let command = AddPool {
            specification: Arc::new(wanted.specification(pool.clone())),
            target: wanted.target,
            auto_scale: wanted.auto_scale.clone(),
        };
        let sharing = self.sharing_schedule(found).filter(|schedule| schedule.pool() != Some(pool));
        let sharing = sharing.map(|schedule| schedule.id().clone());
        let mut effects = self.add_owned_pool(&command, owner, now)?;
        // Nothing below can fail.

        if let Some(schedule) = sharing {
            let made = JobScheduleFact::PoolMade { pool: pool.clone() };
            self.emit(&mut effects, Fact::JobSchedule(schedule, made));
        }
        self.emit_job(&mut effects, &job, JobFact::PoolAssigned { pool: pool.clone() });
        Ok(effects)
    }

    /// Says that the pool that a job asks for cannot be made. The job ends at a [`tick`](Self::tick) and
    /// shows why ([X9](crate::evidence#x9)). Nothing changes if the job does not ask for a pool.
    #[must_use = "the effects tell what has changed"]
    pub fn refuse_auto_pool(&mut self, job: &JobId, failure: &AutoPoolFailure) -> Vec<Effect> {
        let mut effects = self.buffer.take();
        if let Some(found) = self.jobs.get(job).filter(|job| job.wanted_pool().is_some()) {
            let job = found.id().clone();
            self.emit_job(&mut effects, &job, JobFact::AutoPoolFailed { failure: failure.clone() });
        }
        effects
    }

    /// Lets a new job have the pool that its schedule has, or asks the host to make the one that it wants.
    pub(super) fn provide_pool(&mut self, effects: &mut Vec<Effect>, job: &JobId) {
        let Some(found) = self.jobs.get(job).filter(|job| job.wanted_pool().is_some()) else { return };
        let job = found.id().clone();
        let is_usable =
            |pool: &&PoolId| self.pools.get(*pool).is_some_and(|pool| pool.state() == PoolState::Active);
        match self.sharing_schedule(found).and_then(JobSchedule::pool).filter(is_usable).cloned() {
            Some(pool) => self.emit_job(effects, &job, JobFact::PoolAssigned { pool }),
            None => Self::instruct(effects, Instruction::AddPool { job }),
        }
    }

    /// X8: a job that has its auto pool may have changed whether the pool is kept.
    pub(super) fn keep_pool(&mut self, effects: &mut Vec<Effect>, job: &JobId) {
        let Some(found) = self.jobs.get(job) else { return };
        let (PoolInfo::Auto(auto_pool), Some(pool)) = (&found.settings().pool, found.pool()) else { return };
        let owner = self.pool_owner(found, auto_pool);
        let is_active = |pool: &&Pool| pool.state() == PoolState::Active;
        if self.pools.get(pool).filter(is_active).is_some_and(|pool| pool.owner() != owner.as_ref()) {
            let pool = pool.clone();
            self.emit_pool(effects, &pool, PoolFact::OwnerChanged { owner });
        }
    }

    /// P20: deletes a pool whose owner has ended.
    pub(super) fn delete_expired_pool(&mut self, effects: &mut Vec<Effect>, pool: &PoolId, now: Timestamp) {
        if self.pools.get(pool).map(Pool::state) == Some(PoolState::Active) {
            // Nothing refuses that.
            self.append_to(mem::take(effects));
            let deleted = self.delete_pool(pool, &DeletePool::default(), now).unwrap_or_default();
            *effects = self.buffer.take_before(deleted);
        }
    }

    /// What a job's auto pool is deleted with, if it is not kept. Without a schedule it is the job, whatever
    /// it asks for.
    fn pool_owner(&self, job: &Job, pool: &AutoPool) -> Option<PoolOwner> {
        let schedule = job.id().schedule().filter(|id| self.job_schedules.contains_key(id));
        let owner = match (pool.lifetime, schedule) {
            (PoolLifetime::JobSchedule, Some(schedule)) => PoolOwner::JobSchedule(schedule),
            (PoolLifetime::JobSchedule, None) | (PoolLifetime::Job, _) => PoolOwner::Job(job.id().clone()),
        };
        (!pool.keep_alive).then_some(owner)
    }

    /// The schedule whose jobs all use one pool, if this job asks for what they ask for now.
    fn sharing_schedule(&self, job: &Job) -> Option<&JobSchedule> {
        let schedule = self.job_schedules.get(&job.id().schedule()?)?;
        (schedule.shares_pool() && schedule.settings().job_settings.pool == job.settings().pool)
            .then_some(schedule)
    }

    fn emit_job(&mut self, effects: &mut Vec<Effect>, job: &JobId, fact: JobFact) {
        self.emit(effects, Fact::Job(job.clone(), fact));
    }
}
