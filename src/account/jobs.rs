//! Requests about jobs and their tasks, assignments and reports: each finds its job.

use alloc::vec::Vec;
use core::mem;

use crate::{
    BatchError, Clock, ErrorCode,
    account::{resource::Account, slots::obstacle},
    id::{JobId, NodeId, TaskId},
    job::{
        AddJob, DeleteJob, DisableJob, Effect, EnableJob, Job, NodeObstacle, NotAssigned, Report,
        TerminateJob, UpdateJob,
    },
    task::{AddTask, DeleteTask, Placement, ReactivateTask, TerminateTask, UpdateTask},
};

impl Account {
    /// Adds a job. Its pool need not exist.
    ///
    /// # Errors
    /// As [`Job::add`]; then `JobExists`, `JobCompleted`, `JobBeingDeleted` or `JobScheduleWithSameIdExists` if the
    /// id is taken.
    pub fn add_job(&mut self, command: &AddJob, clock: impl Clock) -> Result<Vec<Effect>, BatchError> {
        command.specification.template.validate()?;
        if let Some(old) = self.jobs.get(&command.specification.id) {
            return Err(old.state().conflict_with_new_job().into()); // Before the ids of its tasks (S5).
        }
        let schedule = command.specification.id.related_schedule();
        if schedule.is_some_and(|schedule| self.job_schedules.contains_key(&schedule)) {
            return Err(ErrorCode::JobScheduleWithSameIdExists.into()); // L9
        }
        let (job, added) = Job::add_after(command, self.last_run, clock)?;
        // Nothing below can fail.

        let mut effects = self.buffer.take_before(added);
        self.insert_job(job);
        self.provide_pool(&mut effects, &command.specification.id);
        Ok(effects)
    }

    /// Terminates a job; see [`Job::terminate`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::terminate`].
    pub fn terminate_job(
        &mut self,
        job: &JobId,
        command: &TerminateJob,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.terminate(command, clock))
    }

    /// Deletes a job; see [`Job::delete`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::delete`].
    pub fn delete_job(
        &mut self,
        job: &JobId,
        command: &DeleteJob,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.delete(command, clock))
    }

    /// Disables a job; see [`Job::disable`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::disable`].
    pub fn disable_job(
        &mut self,
        job: &JobId,
        command: &DisableJob,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.disable(command, clock))
    }

    /// Enables a job; see [`Job::enable`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::enable`].
    pub fn enable_job(
        &mut self,
        job: &JobId,
        command: &EnableJob,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.enable(command, clock))
    }

    /// Changes a job's settings; see [`Job::update`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::update`].
    pub fn update_job(
        &mut self,
        job: &JobId,
        command: &UpdateJob,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let pool = |account: &Self| account.jobs.get(job).map(|job| job.settings().pool.clone());
        let old = pool(self);
        let mut effects = self.request(job, |job| job.update(command, clock))?;
        if pool(self) != old {
            self.keep_pool(&mut effects, job);
        }
        Ok(effects)
    }

    /// Adds a task to a job; see [`Job::add_task`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::add_task`].
    pub fn add_task(
        &mut self,
        job: &JobId,
        command: &AddTask,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.add_task(command, clock))
    }

    /// Changes a task's constraints; see [`Job::update_task`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::update_task`].
    pub fn update_task(
        &mut self,
        job: &JobId,
        task: &TaskId,
        command: &UpdateTask,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.update_task(task, command, clock))
    }

    /// Ends a task; see [`Job::terminate_task`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::terminate_task`].
    pub fn terminate_task(
        &mut self,
        job: &JobId,
        task: &TaskId,
        command: &TerminateTask,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.terminate_task(task, command, clock))
    }

    /// Runs a failed task again; see [`Job::reactivate_task`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::reactivate_task`].
    pub fn reactivate_task(
        &mut self,
        job: &JobId,
        task: &TaskId,
        command: &ReactivateTask,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.reactivate_task(task, command, clock))
    }

    /// Deletes a task; see [`Job::delete_task`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::delete_task`].
    pub fn delete_task(
        &mut self,
        job: &JobId,
        task: &TaskId,
        command: &DeleteTask,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.delete_task(task, command, clock))
    }

    fn request(
        &mut self,
        job: &JobId,
        request: impl FnOnce(&mut Job) -> Result<Vec<Effect>, BatchError>,
    ) -> Result<Vec<Effect>, BatchError> {
        let found = self.jobs.get_mut(job).ok_or(ErrorCode::JobNotFound)?;
        let lent = self.buffer.take();
        let known = lent.len();
        found.append_to(lent);
        match request(found) {
            Ok(effects) => {
                let effects = found.buffer().take_before(effects);
                self.follow(job, effects.get(known..).unwrap_or_default());
                Ok(effects)
            }
            Err(error) => {
                self.buffer.put(found.buffer().take());
                Err(error)
            }
        }
    }

    /// Lets a job append effects that cannot be refused, and follows them.
    pub(super) fn drive_job(
        &mut self,
        effects: &mut Vec<Effect>,
        job: &JobId,
        drive: impl FnOnce(&mut Job) -> Vec<Effect>,
    ) {
        let Some(found) = self.jobs.get_mut(job) else { return };
        let known = effects.len();
        found.append_to(mem::take(effects));
        let driven = drive(found);
        *effects = found.buffer().take_before(driven);
        self.follow(job, effects.get(known..).unwrap_or_default());
    }

    /// Assigns a task to a node, as the host's scheduler decided.
    ///
    /// # Errors
    /// Why the task cannot be assigned to the node; nothing has changed then.
    pub fn assign(
        &mut self,
        job: &JobId,
        task: &TaskId,
        node: &NodeId,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, NotAssigned> {
        let now = clock.now();
        let found = self.jobs.get_mut(job).ok_or(NotAssigned::NoJob)?;
        let node = self.nodes.get(node).ok_or(NotAssigned::NoNode)?;
        let placement = Placement { pool: node.pool().clone(), node: node.id().clone() };
        let candidate = found.can_assign(task, &placement, now)?;
        match obstacle(found, candidate, node) {
            Some(NodeObstacle::State(_) | NodeObstacle::SchedulingDisabled) => {
                return Err(NotAssigned::NodeNotReady);
            }
            Some(NodeObstacle::Barred) => return Err(NotAssigned::NodeBarred),
            Some(NodeObstacle::LowPriority) => return Err(NotAssigned::DedicatedNodeNeeded),
            Some(NodeObstacle::TooSmall { .. } | NodeObstacle::Full) => return Err(NotAssigned::NoSlots),
            None => {}
        }
        // Nothing below can fail.

        let (task, at) = (candidate.id().clone(), candidate.stamps().next(now));
        let mut effects = self.buffer.take();
        self.drive_job(&mut effects, job, |job| job.place_assigned(task, placement, at));
        Ok(effects)
    }

    /// Handles a report from a node; see [`Job::report`]. A report about a job that does not exist
    /// changes nothing.
    #[must_use = "instructions among the effects must be carried out"]
    pub fn report(&mut self, report: &Report, clock: impl Clock) -> Vec<Effect> {
        let mut effects = self.buffer.take();
        self.drive_job(&mut effects, &report.run.job, |job| job.report(report, clock));
        effects
    }
}
