//! The job schedule itself: what requests it takes, and what it does at ticks.

use alloc::sync::Arc;

use crate::{
    BatchError, ETag, ErrorCode, Timestamp,
    error::Unfit,
    id::{JobId, JobScheduleId, PoolId},
    job::{JobTemplate, PoolInfo, PoolLifetime},
    job_schedule::{
        command::{
            DeleteJobSchedule, DisableJobSchedule, EnableJobSchedule, TerminateJobSchedule, UpdateJobSchedule,
        },
        fact::JobScheduleFact,
        specification::{JobScheduleSettings, JobScheduleSpecification},
        state::{JobScheduleState, JobScheduleStateName},
    },
    stamps::Stamps,
};

/// A job schedule. It changes only through its [`Account`](crate::Account), which has its jobs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobSchedule {
    specification: Arc<JobScheduleSpecification>,
    settings: Arc<JobScheduleSettings>,
    stamps: Stamps<JobScheduleStateName>,
    state: JobScheduleState,
    /// The number of the job that was made last; 0 if none was.
    last_job: u32,
    /// The last turn that is over: its job was made, or it was lost.
    last_turn: Option<Timestamp>,
    /// The pool that its jobs share, if one was made.
    #[cfg_attr(feature = "serde", serde(default))]
    pool: Option<PoolId>,
}

/// What is left of the jobs of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobsLeft {
    /// None exists.
    None,
    /// All that exist are completed.
    Completed,
    /// One is not completed.
    Alive,
}

/// What a job schedule does at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// It makes the job of a turn.
    MakeJob {
        /// The turn.
        turn: Timestamp,
    },
    /// A turn, and all before it, is over without a job.
    LoseTurn {
        /// The turn.
        turn: Timestamp,
    },
    /// It is completed.
    Complete,
    /// It is gone.
    Remove,
}

impl JobSchedule {
    pub(crate) fn new(
        specification: Arc<JobScheduleSpecification>,
        settings: Arc<JobScheduleSettings>,
        at: Timestamp,
    ) -> Self {
        Self {
            specification,
            settings,
            stamps: Stamps::new(at),
            state: JobScheduleState::Active,
            last_job: 0,
            last_turn: None,
            pool: None,
        }
    }

    /// The schedule's id.
    pub fn id(&self) -> &JobScheduleId {
        &self.specification.id
    }

    /// What the user asked for.
    pub fn specification(&self) -> &JobScheduleSpecification {
        &self.specification
    }

    /// What the user can change.
    pub fn settings(&self) -> &JobScheduleSettings {
        &self.settings
    }

    /// The state.
    pub fn state(&self) -> JobScheduleState {
        self.state
    }

    /// When it was created, modified and last changed state ([L1](crate::evidence#l1)).
    pub fn stamps(&self) -> &Stamps<JobScheduleStateName> {
        &self.stamps
    }

    /// Its ETag ([T1](crate::evidence#t1), [L1](crate::evidence#l1)).
    pub fn etag(&self) -> ETag {
        self.stamps.etag()
    }

    /// The job that it made last, which may be gone by now.
    pub fn recent_job(&self) -> Option<JobId> {
        (self.last_job > 0).then(|| self.id().job(self.last_job))
    }

    /// The pool that was made for its jobs, which may be gone by now ([P19](crate::evidence#p19)).
    pub fn pool(&self) -> Option<&PoolId> {
        self.pool.as_ref()
    }

    /// Whether all its jobs use one pool that is made for them (P19).
    pub(crate) fn shares_pool(&self) -> bool {
        match &self.settings.job_settings.pool {
            PoolInfo::Auto(pool) => pool.lifetime == PoolLifetime::JobSchedule,
            PoolInfo::Named(_) => false,
        }
    }

    /// When the next job is due, which is in the past if it waits for another job to be completed; `None`
    /// if no turn is left, or if the schedule was completed ([L4](crate::evidence#l4)). It is shown while the
    /// schedule is disabled, terminating or deleting, although no job is made then.
    pub fn next_run_time(&self, now: Timestamp) -> Option<Timestamp> {
        if self.state.end_time().is_some() {
            return None;
        }
        let schedule = &self.settings.schedule;
        let waiting = self.waiting_turn(now).filter(|turn| !schedule.is_lost(*turn, now));
        let next = || {
            let over = schedule.last_turn(self.stamps.created(), now).max(self.last_turn);
            schedule.turn_after(self.stamps.created(), over)
        };
        waiting.or_else(next).filter(|turn| !schedule.is_over(now.max(*turn)))
    }

    /// The latest turn that is due and not over.
    fn waiting_turn(&self, now: Timestamp) -> Option<Timestamp> {
        let turn = self.settings.schedule.last_turn(self.stamps.created(), now)?;
        self.last_turn.is_none_or(|last| last < turn).then_some(turn)
    }

    /// The next turn that is not over, whether it is due or not.
    fn next_turn(&self) -> Option<Timestamp> {
        if self.last_job == u32::MAX {
            return None; // No number is left for another job.
        }
        self.settings.schedule.turn_after(self.stamps.created(), self.last_turn)
    }

    /// L6: disable, enable, update and terminate need a schedule that has not ended and is not ending.
    fn require_living(&self) -> Result<(), ErrorCode> {
        match self.state {
            JobScheduleState::Active | JobScheduleState::Disabled => Ok(()),
            JobScheduleState::Terminating => Err(ErrorCode::JobScheduleBeingTerminated),
            JobScheduleState::Completed { .. } => Err(ErrorCode::JobScheduleCompleted),
            JobScheduleState::Deleting { .. } => Err(ErrorCode::JobScheduleBeingDeleted),
        }
    }

    /// The refusal of another schedule with the same id (L6).
    pub(crate) fn conflict_with_new(&self) -> ErrorCode {
        match self.state {
            JobScheduleState::Active | JobScheduleState::Disabled | JobScheduleState::Terminating => {
                ErrorCode::JobScheduleExists
            }
            JobScheduleState::Completed { .. } => ErrorCode::JobScheduleCompleted,
            JobScheduleState::Deleting { .. } => ErrorCode::JobScheduleBeingDeleted,
        }
    }

    /// # Errors
    /// `JobScheduleBeingTerminated`, `JobScheduleCompleted`, `JobScheduleBeingDeleted`; a code such as
    /// `TaskIdSameAsJobReleaseTask`; `ConditionNotMet`.
    pub(crate) fn update(
        &self,
        command: &UpdateJobSchedule,
        now: Timestamp,
    ) -> Result<JobScheduleFact, BatchError> {
        self.require_living()?;
        command.change.job().map_or(Ok(()), JobTemplate::validate_ids)?; // After the state (S5).
        command.preconditions.check_write(self.stamps.modified())?;
        let settings = Arc::new(command.change.apply_to(&self.settings));
        Ok(JobScheduleFact::Updated { settings, at: self.stamps.next_modified(now) })
    }

    /// # Errors
    /// `JobScheduleBeingTerminated`, `JobScheduleCompleted`, `JobScheduleBeingDeleted`, then
    /// `ConditionNotMet`.
    pub(crate) fn disable(
        &self,
        command: &DisableJobSchedule,
        now: Timestamp,
    ) -> Result<JobScheduleFact, BatchError> {
        self.require_living()?;
        command.preconditions.check_write(self.stamps.modified())?;
        let at = self.stamps.next_modified(now);
        let is_disabled = self.state == JobScheduleState::Disabled;
        Ok(if is_disabled { JobScheduleFact::Touched { at } } else { JobScheduleFact::Disabled { at } })
    }

    /// `None` if it is active already: then nothing changes.
    ///
    /// # Errors
    /// As [`disable`](Self::disable).
    pub(crate) fn enable(
        &self,
        command: &EnableJobSchedule,
        now: Timestamp,
    ) -> Result<Option<JobScheduleFact>, BatchError> {
        self.require_living()?;
        command.preconditions.check_write(self.stamps.modified())?;
        let at = self.stamps.next_modified(now);
        let is_disabled = self.state == JobScheduleState::Disabled;
        Ok(is_disabled.then_some(JobScheduleFact::Enabled { at }))
    }

    /// # Errors
    /// As [`disable`](Self::disable).
    pub(crate) fn terminate(
        &self,
        command: &TerminateJobSchedule,
        now: Timestamp,
    ) -> Result<JobScheduleFact, BatchError> {
        self.require_living()?;
        command.preconditions.check_write(self.stamps.modified())?;
        Ok(JobScheduleFact::Terminating { at: self.stamps.next_modified(now) })
    }

    /// # Errors
    /// `JobScheduleBeingDeleted`, then `ConditionNotMet`.
    pub(crate) fn delete(
        &self,
        command: &DeleteJobSchedule,
        now: Timestamp,
    ) -> Result<JobScheduleFact, BatchError> {
        match self.state {
            JobScheduleState::Active
            | JobScheduleState::Disabled
            | JobScheduleState::Terminating
            | JobScheduleState::Completed { .. } => {}
            JobScheduleState::Deleting { .. } => return Err(ErrorCode::JobScheduleBeingDeleted.into()),
        }
        command.preconditions.check_write(self.stamps.modified())?;
        Ok(JobScheduleFact::Deleting { at: self.stamps.next(now) }) // L1: a deletion does not move the ETag.
    }

    /// What it does at a tick, if anything (L3, L5).
    pub(crate) fn due_move(&self, jobs: JobsLeft, now: Timestamp) -> Option<Move> {
        match (self.state, jobs) {
            (JobScheduleState::Deleting { .. }, JobsLeft::None) => Some(Move::Remove),
            (JobScheduleState::Terminating, JobsLeft::None | JobsLeft::Completed) => Some(Move::Complete),
            (JobScheduleState::Active, JobsLeft::None | JobsLeft::Completed) => self.due_turn(now),
            (JobScheduleState::Disabled, JobsLeft::None | JobsLeft::Completed) => {
                self.is_done(now).then_some(Move::Complete)
            }
            (JobScheduleState::Deleting { .. }, JobsLeft::Completed | JobsLeft::Alive)
            | (
                JobScheduleState::Terminating | JobScheduleState::Active | JobScheduleState::Disabled,
                JobsLeft::Alive,
            )
            | (JobScheduleState::Completed { .. }, JobsLeft::None | JobsLeft::Completed | JobsLeft::Alive) => {
                None
            }
        }
    }

    fn due_turn(&self, now: Timestamp) -> Option<Move> {
        if self.is_done(now) {
            return Some(Move::Complete);
        }
        let turn = self.waiting_turn(now)?;
        let is_lost = self.settings.schedule.is_lost(turn, now);
        Some(if is_lost { Move::LoseTurn { turn } } else { Move::MakeJob { turn } })
    }

    /// Whether no job will be made any more.
    fn is_done(&self, now: Timestamp) -> bool {
        self.settings.schedule.is_over(now) || self.next_turn().is_none()
    }

    /// When it does something at a tick; `None` if it waits for a job or a request.
    pub(crate) fn deadline(&self, jobs: JobsLeft) -> Option<Timestamp> {
        const NOW: Option<Timestamp> = Some(Timestamp::MIN);
        match (self.state, jobs) {
            (JobScheduleState::Deleting { .. }, JobsLeft::None)
            | (JobScheduleState::Terminating, JobsLeft::None | JobsLeft::Completed) => NOW,
            (JobScheduleState::Active | JobScheduleState::Disabled, JobsLeft::None | JobsLeft::Completed) => {
                let Some(turn) = self.next_turn() else { return NOW };
                let is_active = self.state == JobScheduleState::Active;
                is_active.then_some(turn).into_iter().chain(self.settings.schedule.over_from()).min()
            }
            (JobScheduleState::Deleting { .. }, JobsLeft::Completed | JobsLeft::Alive)
            | (
                JobScheduleState::Terminating | JobScheduleState::Active | JobScheduleState::Disabled,
                JobsLeft::Alive,
            )
            | (JobScheduleState::Completed { .. }, JobsLeft::None | JobsLeft::Completed | JobsLeft::Alive) => {
                None
            }
        }
    }

    /// The number of the job that was made last; 0 if none was.
    pub(crate) fn last_job(&self) -> u32 {
        self.last_job
    }

    /// Applies a fact. The account adds and removes job schedules.
    ///
    /// # Errors
    /// Why the fact does not fit; nothing has changed then.
    pub(crate) fn apply(&mut self, fact: &JobScheduleFact) -> Result<(), Unfit> {
        let (is_active, is_disabled) =
            (self.state == JobScheduleState::Active, self.state == JobScheduleState::Disabled);
        let is_living = self.require_living().is_ok();
        match fact {
            JobScheduleFact::Added { .. } => Err(Unfit("the job schedule exists")),
            JobScheduleFact::Updated { settings, at } => {
                self.modify(is_living, *at)?;
                if settings.job_settings.pool != self.settings.job_settings.pool {
                    self.pool = None; // P19
                }
                self.settings = settings.clone();
                Ok(())
            }
            JobScheduleFact::Touched { at } => self.modify(is_disabled, *at),
            JobScheduleFact::Disabled { at } => {
                self.enter_modified(is_active, JobScheduleState::Disabled, *at)
            }
            JobScheduleFact::Enabled { at } => {
                self.enter_modified(is_disabled, JobScheduleState::Active, *at)
            }
            JobScheduleFact::JobMade { number, turn } => self.apply_job_made(*number, *turn),
            JobScheduleFact::TurnLost { turn } => self.end_turn(*turn),
            JobScheduleFact::PoolMade { pool } => self.apply_pool_made(pool),
            JobScheduleFact::Terminating { at } => {
                self.enter_modified(is_living, JobScheduleState::Terminating, *at)
            }
            JobScheduleFact::Completed { at } => {
                let fits = is_living || self.state == JobScheduleState::Terminating;
                self.enter(fits, JobScheduleState::Completed { end_time: *at }, *at)
            }
            JobScheduleFact::Deleting { at } => {
                let state = JobScheduleState::Deleting { end_time: self.state.end_time() };
                self.enter(self.fit_deletion().is_err(), state, *at)
            }
            JobScheduleFact::Deleted => self.fit_deletion(),
        }
    }

    fn apply_job_made(&mut self, number: u32, turn: Timestamp) -> Result<(), Unfit> {
        if self.last_job.checked_add(1) != Some(number) {
            return Err(Unfit("the job schedule does not make this job next"));
        }
        self.end_turn(turn)?;
        self.last_job = number;
        Ok(())
    }

    /// A turn, and all before it, is over.
    fn end_turn(&mut self, turn: Timestamp) -> Result<(), Unfit> {
        let is_later = self.last_turn.is_none_or(|last| last < turn);
        if self.state != JobScheduleState::Active || !is_later {
            return Err(Unfit("the job schedule has no such turn"));
        }
        self.last_turn = Some(turn);
        Ok(())
    }

    fn apply_pool_made(&mut self, pool: &PoolId) -> Result<(), Unfit> {
        if !self.shares_pool() || self.pool.as_ref() == Some(pool) {
            return Err(Unfit("the job schedule has the pool, or asks for none"));
        }
        self.pool = Some(pool.clone());
        Ok(())
    }

    /// A user changes it, if its state allows that.
    fn modify(&mut self, state_fits: bool, at: Timestamp) -> Result<(), Unfit> {
        if !state_fits || !self.stamps.allow_modified(at) {
            return Err(Unfit("the job schedule cannot be changed so at that time"));
        }
        self.stamps.modify(at);
        Ok(())
    }

    /// Enters another state, if its state allows that. The ETag stays (L1).
    fn enter(&mut self, state_fits: bool, state: JobScheduleState, at: Timestamp) -> Result<(), Unfit> {
        if !state_fits || !self.stamps.allow(at) {
            return Err(Unfit("the job schedule cannot change its state so at that time"));
        }
        self.stamps.enter(self.state.lasting_name(), at);
        self.state = state;
        Ok(())
    }

    fn enter_modified(&mut self, fits: bool, state: JobScheduleState, at: Timestamp) -> Result<(), Unfit> {
        self.modify(fits, at)?;
        self.enter(fits, state, at)
    }

    fn fit_deletion(&self) -> Result<(), Unfit> {
        match self.state {
            JobScheduleState::Deleting { .. } => Ok(()),
            JobScheduleState::Active
            | JobScheduleState::Disabled
            | JobScheduleState::Terminating
            | JobScheduleState::Completed { .. } => Err(Unfit("the job schedule is not being deleted")),
        }
    }

    /// Whether its parts fit together (I3).
    pub(crate) fn is_consistent(&self) -> bool {
        let ended = self.state.end_time().is_none_or(|end| end <= self.stamps.entered());
        let has_turn = self.last_job == 0 || self.last_turn.is_some();
        let has_pool = self.pool.is_none() || (self.shares_pool() && self.last_job > 0); // P19
        self.stamps.are_in_order() && ended && has_turn && has_pool
    }
}
