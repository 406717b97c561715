//! Job schedules.

use std::sync::Arc;

use azbatch::{
    ErrorCode, JobId, JobScheduleId, PoolId, Preconditions, TimeSpan, Timestamp,
    job::{JobStateName, TerminateReason},
    job_schedule::{
        AddJobSchedule, DeleteJobSchedule, DisableJobSchedule, EnableJobSchedule, JobScheduleChange,
        JobScheduleSettings, JobScheduleStateName, TerminateJobSchedule, UpdateJobSchedule,
    },
};

use super::{
    Answer, Refusal,
    jobs::{check_condition, check_ids, check_template},
    model::{Oracle, Times},
    pools::Owner,
    refuse_if, refused,
};

#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pub(super) id: JobScheduleId,
    pub(super) settings: Arc<JobScheduleSettings>,
    pub(super) state: JobScheduleStateName,
    pub(super) times: Times<JobScheduleStateName>,
    pub(super) end_time: Option<Timestamp>,
    /// How many jobs it has made: the number of the last.
    pub(super) made: u32,
    /// P19: the pool that its jobs share.
    pub(super) pool: Option<PoolId>,
    /// The last turn at which a job was made, or that was lost.
    last_turn: Option<Timestamp>,
}

impl Schedule {
    fn enter(&mut self, state: JobScheduleStateName, at: Timestamp) {
        let is_lasting = self.state != JobScheduleStateName::Terminating; // T7
        self.times.enter(at, is_lasting.then_some(self.state));
        self.state = state;
    }

    /// L3: the first turn is its creation, or when it may run if that is later.
    fn first_turn(&self) -> Timestamp {
        let until = self.settings.schedule.do_not_run_until;
        until.map_or(self.times.created, |until| until.max(self.times.created))
    }

    /// L3: the first turn after the last that is over.
    fn next_turn(&self) -> Option<Timestamp> {
        let first = self.first_turn();
        let Some(last) = self.last_turn.filter(|last| *last >= first) else { return Some(first) };
        let interval = self.settings.schedule.recurrence_interval?.span().ticks();
        let intervals = (last.ticks() - first.ticks()) / interval + 1;
        first.ticks().checked_add(interval.checked_mul(intervals)?).and_then(Timestamp::from_ticks)
    }

    /// L3: the turn that is due. Of several, only the last can be made.
    fn due_turn(&self, now: Timestamp) -> Option<Timestamp> {
        let next = self.next_turn().filter(|next| *next <= now)?;
        let Some(interval) = self.settings.schedule.recurrence_interval else { return Some(next) };
        let interval = interval.span().ticks();
        Timestamp::from_ticks(next.ticks() + (now.ticks() - next.ticks()) / interval * interval)
    }

    /// L3: whether the start window of a turn is over.
    fn is_too_late(&self, turn: Timestamp, now: Timestamp) -> bool {
        let window = self.settings.schedule.start_window;
        window.is_some_and(|window| turn.saturating_add(window.span()) <= now)
    }

    /// L3: whether it makes no jobs any more, because of the time.
    fn is_over(&self, now: Timestamp) -> bool {
        self.settings.schedule.do_not_run_after.is_some_and(|last| last < now)
    }
}

impl Oracle {
    /// 404, then what its state says (L6), then 412.
    fn named_schedule(
        &mut self,
        id: &JobScheduleId,
        is_delete: bool,
        condition: &Preconditions,
    ) -> Result<&mut Schedule, Refusal> {
        let schedule = self.schedules.get_mut(id).ok_or(Refusal::Code(ErrorCode::JobScheduleNotFound))?;
        match schedule.state {
            JobScheduleStateName::Active | JobScheduleStateName::Disabled => {}
            JobScheduleStateName::Deleting => refused(ErrorCode::JobScheduleBeingDeleted)?,
            JobScheduleStateName::Completed | JobScheduleStateName::Terminating if is_delete => {}
            JobScheduleStateName::Completed => refused(ErrorCode::JobScheduleCompleted)?,
            JobScheduleStateName::Terminating => refused(ErrorCode::JobScheduleBeingTerminated)?,
        }
        check_condition(condition, schedule.times.modified)?;
        Ok(schedule)
    }

    pub(super) fn add_job_schedule(&mut self, command: &AddJobSchedule, now: Timestamp) -> Answer {
        let (id, template) = (&command.specification.id, &command.settings.job);
        check_template(template)?;
        if let Some(old) = self.schedules.get(id) {
            return refused(match old.state {
                JobScheduleStateName::Completed => ErrorCode::JobScheduleCompleted,
                JobScheduleStateName::Deleting => ErrorCode::JobScheduleBeingDeleted,
                JobScheduleStateName::Active
                | JobScheduleStateName::Disabled
                | JobScheduleStateName::Terminating => ErrorCode::JobScheduleExists,
            });
        }
        let is_jobs = self
            .jobs
            .keys()
            .any(|job| job.as_str().eq_ignore_ascii_case(id.as_str()) || job.schedule().as_ref() == Some(id));
        refuse_if(is_jobs, ErrorCode::JobWithSameIdExists)?; // L9
        check_ids(template)?;
        let schedule = Schedule {
            id: id.clone(),
            settings: command.settings.clone(),
            state: JobScheduleStateName::Active,
            times: Times::new(now),
            end_time: None,
            made: 0,
            pool: None,
            last_turn: None,
        };
        self.schedules.insert(id.clone(), schedule);
        Ok(())
    }

    /// L7: for the jobs that come.
    pub(super) fn update_job_schedule(
        &mut self,
        id: &JobScheduleId,
        command: &UpdateJobSchedule,
        now: Timestamp,
    ) -> Answer {
        let template = match &command.change {
            JobScheduleChange::Replace(new) => Some(&new.job),
            JobScheduleChange::Patch(patch) => patch.job.as_ref().map(|(job, _)| job),
        };
        template.map_or(Ok(()), |template| check_template(template))?;
        let schedule = self.named_schedule(id, false, &Preconditions::None)?;
        template.map_or(Ok(()), |template| check_ids(template))?;
        check_condition(&command.preconditions, schedule.times.modified)?;
        let mut new = (*schedule.settings).clone();
        match command.change.clone() {
            JobScheduleChange::Replace(settings) => new = settings,
            JobScheduleChange::Patch(patch) => {
                new.schedule = patch.schedule.unwrap_or(new.schedule);
                (new.job, new.job_settings) = patch.job.unwrap_or((new.job, new.job_settings));
                new.other.extend(patch.other);
            }
        }
        if new.job_settings.pool != schedule.settings.job_settings.pool {
            schedule.pool = None; // P19: it gets another one.
        }
        schedule.settings = Arc::new(new);
        schedule.times.modify(now);
        Ok(())
    }

    pub(super) fn disable_job_schedule(
        &mut self,
        id: &JobScheduleId,
        command: &DisableJobSchedule,
        now: Timestamp,
    ) -> Answer {
        let schedule = self.named_schedule(id, false, &command.preconditions)?;
        let at = schedule.times.modify(now);
        if schedule.state == JobScheduleStateName::Active {
            schedule.enter(JobScheduleStateName::Disabled, at); // L1: at once.
        }
        Ok(())
    }

    pub(super) fn enable_job_schedule(
        &mut self,
        id: &JobScheduleId,
        command: &EnableJobSchedule,
        now: Timestamp,
    ) -> Answer {
        let schedule = self.named_schedule(id, false, &command.preconditions)?;
        if schedule.state == JobScheduleStateName::Disabled {
            let at = schedule.times.modify(now); // L1: of an active one nothing moves.
            schedule.enter(JobScheduleStateName::Active, at);
        }
        Ok(())
    }

    /// L5, X5: its job is terminated by the same request.
    pub(super) fn terminate_job_schedule(
        &mut self,
        id: &JobScheduleId,
        command: &TerminateJobSchedule,
        now: Timestamp,
    ) -> Answer {
        let schedule = self.named_schedule(id, false, &command.preconditions)?;
        let at = schedule.times.modify(now);
        schedule.enter(JobScheduleStateName::Terminating, at);
        for job in self.jobs_of(id) {
            if self.jobs[&job].is_living() {
                self.begin_termination(&job, &TerminateReason::Schedule, command.force, now);
            } else {
                self.force(&job, command.force, now);
            }
        }
        Ok(())
    }

    /// L5: its jobs are deleted too.
    pub(super) fn delete_job_schedule(
        &mut self,
        id: &JobScheduleId,
        command: &DeleteJobSchedule,
        now: Timestamp,
    ) -> Answer {
        let schedule = self.named_schedule(id, true, &command.preconditions)?;
        let at = schedule.times.next(now); // T3: its ETag stays.
        schedule.enter(JobScheduleStateName::Deleting, at);
        for job in self.jobs_of(id) {
            if self.jobs[&job].state == JobStateName::Deleting {
                self.force(&job, command.force, now);
            } else {
                self.begin_deletion(&job, command.force, now);
            }
        }
        Ok(())
    }

    /// L5: force on a job that is ending already. F2: if it is terminating its ETag moves; if it is being deleted, it
    /// stays.
    fn force(&mut self, id: &JobId, force: Option<TimeSpan>, now: Timestamp) {
        let job = self.jobs.get_mut(id).unwrap();
        let (Some(span), true, None) = (force, job.is_ending(), job.force_deadline) else { return };
        if job.state == JobStateName::Terminating {
            job.times.modify(now);
        }
        job.force_deadline = Some(now.saturating_add(span));
    }

    pub(super) fn jobs_of(&self, schedule: &JobScheduleId) -> Vec<JobId> {
        self.jobs.keys().filter(|job| job.schedule().as_ref() == Some(schedule)).cloned().collect()
    }

    pub(super) fn tick_schedule(&mut self, id: &JobScheduleId, now: Timestamp) {
        let jobs = self.jobs_of(id);
        let is_alive = jobs.iter().any(|job| self.jobs[job].end_time.is_none());
        let schedule = self.schedules.get_mut(id).unwrap();
        match schedule.state {
            JobScheduleStateName::Completed => {}
            // L5: gone when none of its jobs is left.
            JobScheduleStateName::Deleting => {
                if jobs.is_empty() {
                    self.schedules.remove(id);
                    self.disown(&Owner::Schedule(id.clone()));
                }
            }
            JobScheduleStateName::Terminating => {
                if !is_alive {
                    self.complete_schedule(id, now);
                }
            }
            JobScheduleStateName::Active | JobScheduleStateName::Disabled => {
                self.take_turn(id, is_alive, now);
            }
        }
    }

    /// L3: when a job could be made and one is due, it is made, or lost if it is too late.
    fn take_turn(&mut self, id: &JobScheduleId, is_alive: bool, now: Timestamp) {
        let schedule = self.schedules.get_mut(id).unwrap();
        let can_make = schedule.state == JobScheduleStateName::Active && !is_alive && !schedule.is_over(now);
        if let Some(turn) = schedule.due_turn(now).filter(|_| can_make) {
            schedule.last_turn = Some(turn);
            if !schedule.is_too_late(turn, now) {
                schedule.made += 1;
                let job = schedule.id.job(schedule.made);
                let settings = schedule.settings.clone();
                return self.begin_job(&job, &settings.job, &settings.job_settings, now, now); // L2, T6
            }
        }
        let makes_none = schedule.is_over(now) || schedule.next_turn().is_none();
        if makes_none && !is_alive {
            self.complete_schedule(id, now);
        }
    }

    fn complete_schedule(&mut self, id: &JobScheduleId, now: Timestamp) {
        let schedule = self.schedules.get_mut(id).unwrap();
        let at = schedule.times.next(now); // L1: its ETag stays.
        schedule.enter(JobScheduleStateName::Completed, at);
        schedule.end_time = Some(at);
    }

    /// L4: the turn that waits, or else the next; none once it is completed.
    pub(super) fn next_run_time(schedule: &Schedule, now: Timestamp) -> Option<Timestamp> {
        if schedule.end_time.is_some() {
            return None;
        }
        let waits = schedule.due_turn(now).filter(|turn| !schedule.is_too_late(*turn, now));
        let next = match schedule.due_turn(now) {
            Some(turn) => {
                let mut after = schedule.clone();
                after.last_turn = Some(turn);
                after.next_turn()
            }
            None => schedule.next_turn(),
        };
        let last = schedule.settings.schedule.do_not_run_after;
        waits.or(next).filter(|turn| !schedule.is_over(now) && last.is_none_or(|last| *turn <= last))
    }
}
