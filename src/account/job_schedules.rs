//! Job schedules: requests about them, and their moves at ticks.

use alloc::{sync::Arc, vec::Vec};

use crate::{
    BatchError, Clock, ErrorCode, Preconditions, TimeSpan, Timestamp,
    account::{index::jobs_left, resource::Account},
    id::{JobId, JobScheduleId},
    job::{
        AddJob, DeleteJob, Effect, Fact, Job, JobSpecification, JobTemplate, TerminateJob, TerminateReason,
    },
    job_schedule::{
        AddJobSchedule, DeleteJobSchedule, DisableJobSchedule, EnableJobSchedule, JobSchedule,
        JobScheduleFact, Move, TerminateJobSchedule, UpdateJobSchedule,
    },
};

impl Account {
    /// Adds a job schedule. Its first job is made at a [`tick`](Self::tick) ([L2](crate::evidence#l2)).
    ///
    /// # Errors
    /// `InvalidPropertyValue`, `UnsupportedProperty` or a code such as `TaskIdSameAsJobReleaseTask` if no
    /// job could be made so; `JobWithSameIdExists`, `JobScheduleExists`, `JobScheduleCompleted` or
    /// `JobScheduleBeingDeleted` if the id is taken ([L6](crate::evidence#l6), [L9](crate::evidence#l9)).
    pub fn add_job_schedule(
        &mut self,
        command: &AddJobSchedule,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let at = clock.now();
        let id = &command.specification.id;
        command.settings.job.validate()?;
        let has_jobs = self.jobs_of_schedule_after(id, None).next().is_some();
        if self.jobs.contains_key(&id.same_job()) || (has_jobs && !self.job_schedules.contains_key(id)) {
            return Err(ErrorCode::JobWithSameIdExists.into());
        }
        if let Some(old) = self.job_schedules.get(id) {
            return Err(old.conflict_with_new().into());
        }
        command.settings.job.validate_ids()?;
        // Nothing below can fail.

        let (specification, settings) = (command.specification.clone(), command.settings.clone());
        let mut effects = self.buffer.take();
        self.emit_job_schedule(&mut effects, id, JobScheduleFact::Added { specification, settings, at });
        Ok(effects)
    }

    /// Changes a job schedule's settings. Jobs that exist stay as they are ([L7](crate::evidence#l7)).
    ///
    /// # Errors
    /// `InvalidPropertyValue` or `UnsupportedProperty` if no job could be made so; `JobScheduleNotFound`;
    /// `JobScheduleBeingTerminated`, `JobScheduleCompleted` or `JobScheduleBeingDeleted` by state; a code
    /// such as `TaskIdSameAsJobReleaseTask`; `ConditionNotMet`.
    pub fn update_job_schedule(
        &mut self,
        schedule: &JobScheduleId,
        command: &UpdateJobSchedule,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        command.change.job().map_or(Ok(()), JobTemplate::validate)?;
        self.change_job_schedule(schedule, |schedule| schedule.update(command, now).map(Some))
    }

    /// Disables a job schedule: it makes no jobs until it is enabled. Its job is not touched.
    ///
    /// # Errors
    /// `JobScheduleNotFound`; `JobScheduleBeingTerminated`, `JobScheduleCompleted` or
    /// `JobScheduleBeingDeleted` by state; `ConditionNotMet`.
    pub fn disable_job_schedule(
        &mut self,
        schedule: &JobScheduleId,
        command: &DisableJobSchedule,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        self.change_job_schedule(schedule, |schedule| schedule.disable(command, now).map(Some))
    }

    /// Enables a job schedule again.
    ///
    /// # Errors
    /// As [`disable_job_schedule`](Self::disable_job_schedule).
    pub fn enable_job_schedule(
        &mut self,
        schedule: &JobScheduleId,
        command: &EnableJobSchedule,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        self.change_job_schedule(schedule, |schedule| schedule.enable(command, now))
    }

    /// Terminates a job schedule and its job ([L5](crate::evidence#l5), [X5](crate::evidence#x5)). It is
    /// completed at a [`tick`](Self::tick) after the job.
    ///
    /// # Errors
    /// As [`disable_job_schedule`](Self::disable_job_schedule).
    pub fn terminate_job_schedule(
        &mut self,
        schedule: &JobScheduleId,
        command: &TerminateJobSchedule,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let mut effects =
            self.change_job_schedule(schedule, |schedule| schedule.terminate(command, now).map(Some))?;
        let (reason, preconditions) = (TerminateReason::Schedule, Preconditions::None);
        let terminate = TerminateJob { reason, force: command.force, preconditions };
        self.for_each_job(&mut effects, schedule, |job| {
            // A job that does not take the request has ended or is ending.
            job.terminate(&terminate, now).unwrap_or_else(|_| force_deletion(job, command.force, now))
        });
        Ok(effects)
    }

    /// Deletes a job schedule and its jobs. It is gone at the first [`tick`](Self::tick) after them
    /// ([L5](crate::evidence#l5)).
    ///
    /// # Errors
    /// `JobScheduleNotFound`, `JobScheduleBeingDeleted`, `ConditionNotMet`.
    pub fn delete_job_schedule(
        &mut self,
        schedule: &JobScheduleId,
        command: &DeleteJobSchedule,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let mut effects =
            self.change_job_schedule(schedule, |schedule| schedule.delete(command, now).map(Some))?;
        let delete = DeleteJob { force: command.force, preconditions: Preconditions::None };
        self.for_each_job(&mut effects, schedule, |job| {
            // A job that does not take the request is being deleted.
            job.delete(&delete, now).unwrap_or_else(|_| force_deletion(job, command.force, now))
        });
        Ok(effects)
    }

    fn change_job_schedule(
        &mut self,
        schedule: &JobScheduleId,
        decide: impl FnOnce(&JobSchedule) -> Result<Option<JobScheduleFact>, BatchError>,
    ) -> Result<Vec<Effect>, BatchError> {
        let found = self.require_job_schedule(schedule)?;
        let (id, fact) = (found.id().clone(), decide(found)?);
        // Nothing below can fail.

        let mut effects = self.buffer.take();
        if let Some(fact) = fact {
            self.emit_job_schedule(&mut effects, &id, fact);
        }
        Ok(effects)
    }

    /// Does something to each job of a schedule, by id.
    fn for_each_job(
        &mut self,
        effects: &mut Vec<Effect>,
        schedule: &JobScheduleId,
        act: impl Fn(&mut Job) -> Vec<Effect>,
    ) {
        let jobs: Vec<JobId> =
            self.jobs_of_schedule_after(schedule, None).map(|job| job.id().clone()).collect();
        for id in jobs {
            self.drive_job(effects, &id, &act);
        }
    }

    /// L3, L5: what a job schedule does at a tick. A lost turn does not keep it from its move.
    pub(super) fn move_job_schedule(
        &mut self,
        effects: &mut Vec<Effect>,
        id: &JobScheduleId,
        now: Timestamp,
    ) {
        let due = |account: &Self| {
            let schedule = account.job_schedules.get(id)?;
            Some((schedule.due_move(jobs_left(schedule, &account.jobs), now)?, schedule.stamps().next(now)))
        };
        if let Some((Move::LoseTurn { turn }, _)) = due(self) {
            self.emit_job_schedule(effects, id, JobScheduleFact::TurnLost { turn });
        }
        match due(self) {
            Some((Move::MakeJob { turn }, _)) => self.make_job(effects, id, turn, now),
            Some((Move::Complete, at)) => {
                self.emit_job_schedule(effects, id, JobScheduleFact::Completed { at });
            }
            Some((Move::Remove, _)) => self.emit_job_schedule(effects, id, JobScheduleFact::Deleted),
            Some((Move::LoseTurn { .. }, _)) | None => {}
        }
    }

    /// L2: makes the next job of a schedule, as if a user had added it now.
    fn make_job(
        &mut self,
        effects: &mut Vec<Effect>,
        schedule: &JobScheduleId,
        turn: Timestamp,
        now: Timestamp,
    ) {
        let Some(found) = self.job_schedules.get(schedule) else { return };
        let (id, settings) = (found.id().clone(), found.settings());
        let number = found.last_job().saturating_add(1);
        let specification =
            Arc::new(JobSpecification { id: id.job(number), template: (*settings.job).clone() });
        let command = AddJob { specification, settings: settings.job_settings.clone(), received: now };
        // Requests made sure that a job can be made; a stored account may say otherwise.
        let Ok((job, added)) = Job::add_after(&command, self.last_run, now) else {
            return self.emit_job_schedule(effects, &id, JobScheduleFact::TurnLost { turn });
        };
        self.emit_job_schedule(effects, &id, JobScheduleFact::JobMade { number, turn });
        let job_id = job.id().clone();
        self.insert_job(job);
        effects.extend(added);
        self.provide_pool(effects, &job_id);
    }

    fn emit_job_schedule(&mut self, effects: &mut Vec<Effect>, id: &JobScheduleId, fact: JobScheduleFact) {
        self.emit(effects, Fact::JobSchedule(id.clone(), fact));
    }
}

/// L5: force does not stop at a job that is being deleted already.
fn force_deletion(job: &mut Job, force: Option<TimeSpan>, now: Timestamp) -> Vec<Effect> {
    force.map(|force| job.force_deletion(force, now)).unwrap_or_default()
}
