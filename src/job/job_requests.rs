//! What users ask of a job, apart from its end. Each request first decides on the state as it is; after
//! its last refusal nothing can fail.

use alloc::{sync::Arc, vec::Vec};

use crate::{
    BatchError, Clock, Timestamp,
    id::NodeId,
    job::{
        auto_pool::PoolInfo,
        command::{AddJob, DisableJob, EnableJob, UpdateJob},
        effect::{Effect, Fact, StopCause},
        fact::JobFact,
        resource::Job,
        run::Unit,
        specification::{DisableTasks, OnAllTasksComplete},
        table::{Alive, DisablePermit, EnablePermit, UpdatePermit},
    },
    task::{TaskFact, TaskStop},
};

impl Job {
    /// Creates a job, `active`, with its job manager task if it has one.
    ///
    /// # Errors
    /// `InvalidPropertyValue` for a release task without a preparation task or with more than 15 minutes
    /// ([E6](crate::evidence#e6)); `TaskIdSameAsJobPreparationTask` and the like for the job manager task.
    pub fn add(command: &AddJob, clock: impl Clock) -> Result<(Self, Vec<Effect>), BatchError> {
        Self::add_after(command, 0, clock)
    }

    /// The same, with runs that are numbered after `last_run`.
    pub(crate) fn add_after(
        command: &AddJob,
        last_run: u64,
        clock: impl Clock,
    ) -> Result<(Self, Vec<Effect>), BatchError> {
        let now = clock.now();
        command.specification.template.validate()?;
        command.specification.template.validate_ids()?;
        // Nothing below can fail.

        let (received, at) = (command.received, now.max(command.received)); // T5, T6
        let (specification, settings) = (command.specification.clone(), command.settings.clone());
        let mut job = Self::new(specification.clone(), settings.clone(), received, last_run, at);
        let added = JobFact::Added { specification, settings, received, last_run, at };
        let mut effects = Vec::from([Fact::Job(job.id().clone(), added).into()]);
        if let Some(manager) = &command.specification.template.manager {
            let (command_line, specification) = (manager.command_line.clone(), manager.specification.clone());
            let constraints = manager.constraints;
            let added = TaskFact::Added { command_line, specification, constraints, at };
            job.emit_task(&mut effects, &manager.id, added);
        }
        Ok((job, effects))
    }

    /// Changes the job's settings.
    ///
    /// # Errors
    /// A 409 by state; `OperationInvalidForCurrentState` for another pool on a job that is not disabled,
    /// and for another auto pool at any time ([X8](crate::evidence#x8)); `InvalidPropertyValue` for taking
    /// back `terminatejob` ([X7](crate::evidence#x7)); `ConditionNotMet`.
    pub fn update(&mut self, command: &UpdateJob, clock: impl Clock) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let permit = self.state.permit_update()?;
        let settings = command.change.apply_to(&self.settings);
        self.check_pool(&settings.pool, &permit)?;
        match (self.settings.on_all_tasks_complete, settings.on_all_tasks_complete) {
            (OnAllTasksComplete::TerminateJob, OnAllTasksComplete::NoAction) => {
                let reason = "onAllTasksComplete cannot be changed once it is terminatejob"; // X7
                return Err(BatchError::invalid_property("onAllTasksComplete", "noaction", reason));
            }
            (OnAllTasksComplete::NoAction, _) | (_, OnAllTasksComplete::TerminateJob) => {}
        }
        command.preconditions.check_write(self.stamps.modified())?;
        // Nothing below can fail.

        let mut effects = self.buffer.take();
        let at = self.stamps.next_modified(now);
        self.emit(&mut effects, JobFact::Updated { settings: Arc::new(settings), at });
        Ok(effects)
    }

    /// X8
    fn check_pool(&self, new: &PoolInfo, permit: &UpdatePermit) -> Result<(), BatchError> {
        if *new != self.settings.pool && !permit.can_change_pool {
            let reason = "The pool of a job can be changed only while the job is disabled";
            return Err(BatchError::invalid_for_state(reason));
        }
        if !self.settings.pool.can_become(new) {
            let reason =
                "Only the property keepAlive of an auto pool with the lifetime of its job can be changed";
            return Err(BatchError::invalid_for_state(reason));
        }
        Ok(())
    }

    /// Disables the job ([G1](crate::evidence#g1)): it is `disabling` at once, and `disabled` at a later
    /// [`tick`](Self::tick).
    ///
    /// # Errors
    /// A 409 by state, then `ConditionNotMet`.
    pub fn disable(&mut self, command: &DisableJob, clock: impl Clock) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let permit = self.state.permit_disable()?;
        command.preconditions.check_write(self.stamps.modified())?;
        // Nothing below can fail.

        let mut effects = self.buffer.take();
        match permit {
            DisablePermit::Begin(alive) => {
                self.begin_disabling(&mut effects, alive, command.disable_tasks, now);
            }
            DisablePermit::Touch => {
                let at = self.stamps.next_modified(now); // R-disable-disabled
                self.emit(&mut effects, JobFact::Touched { at });
            }
        }
        Ok(effects)
    }

    pub(super) fn begin_disabling(
        &mut self,
        effects: &mut Vec<Effect>,
        alive: Alive,
        disable_tasks: DisableTasks,
        now: Timestamp,
    ) {
        let at = self.stamps.next_modified(now);
        self.emit(effects, JobFact::Disabling { disable_tasks, at });
        let cause = match disable_tasks {
            DisableTasks::Requeue => TaskStop::Requeue,
            DisableTasks::Terminate => TaskStop::Terminate,
            DisableTasks::Wait => return,
        };
        let nodes: Vec<NodeId> = self.nodes.iter().map(|(id, _)| id.clone()).collect();
        for node in nodes {
            self.stop_tasks(effects, alive, &node, cause);
        }
    }

    /// Tells a node to stop the tasks of the job, if it is living, because a user takes the node away.
    pub(crate) fn stop_tasks_on(&mut self, effects: &mut Vec<Effect>, node: &NodeId, cause: TaskStop) {
        if let Some(alive) = self.state.alive() {
            self.stop_tasks(effects, alive, node, cause);
        }
    }

    /// Tells a node to stop the tasks of a living job. A task that was told to stop already goes the way
    /// that it was told, except that one that is to be requeued can still be terminated (G3).
    fn stop_tasks(&mut self, effects: &mut Vec<Effect>, _: Alive, node: &NodeId, cause: TaskStop) {
        let Some(record) = self.nodes.get(node) else { return };
        let can_be_told = |stop: Option<TaskStop>| match stop {
            None => true,
            Some(TaskStop::Requeue) => cause != TaskStop::Requeue,
            Some(TaskStop::Terminate | TaskStop::WallClockTime | TaskStop::Delete) => false,
        };
        let is_affected = |task| self.task(task).is_some_and(|task| can_be_told(task.stop()));
        let affected = record.tasks.iter().filter(|(task, _)| is_affected(task));
        let affected: Vec<_> = affected.map(|(task, number)| (task.clone(), *number)).collect();
        for (task, number) in affected {
            self.emit_task(effects, &task, TaskFact::Stopping { node: node.clone(), cause });
            self.instruct_stop(effects, node, Unit::Task(task), number, StopCause::Task(cause));
        }
    }

    /// Makes the job active again.
    ///
    /// # Errors
    /// A 409 by state, then `ConditionNotMet`.
    pub fn enable(&mut self, command: &EnableJob, clock: impl Clock) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let permit = self.state.permit_enable()?;
        command.preconditions.check_write(self.stamps.modified())?;
        // Nothing below can fail.

        let mut effects = self.buffer.take();
        match permit {
            EnablePermit::Begin => {
                let at = self.stamps.next_modified(now);
                self.emit(&mut effects, JobFact::Enabled { at });
            }
            EnablePermit::Nothing => {} // R-enable-active
        }
        Ok(effects)
    }
}
