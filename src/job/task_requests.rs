//! What users ask of a job's tasks. Each request first decides on the state as it is; after its last
//! refusal nothing can fail.

use alloc::vec::Vec;

use crate::{
    BatchError, Clock, ErrorCode,
    id::{NodeId, TaskId},
    job::{
        departure::ended_by_user,
        effect::{Effect, StopCause},
        resource::Job,
        run::Unit,
    },
    task::{
        AddTask, Assignment, DeleteTask, ReactivateTask, TaskFact, TaskState, TaskStop, TerminateTask,
        UpdateTask,
    },
};

impl Job {
    /// Adds a task to the queue.
    ///
    /// # Errors
    /// `InvalidPropertyValue` for a task without slots ([B5](crate::evidence#b5)); a 409 by state;
    /// `TaskIdSameAsJobPreparationTask`, `TaskIdSameAsJobReleaseTask`, `TaskExists`;
    /// `UnsupportedProperty` ([K9](crate::evidence#k9)); `InvalidPropertyValue` for a job action that the job
    /// does not perform ([X7](crate::evidence#x7)).
    pub fn add_task(&mut self, command: &AddTask, clock: impl Clock) -> Result<Vec<Effect>, BatchError> {
        let at = clock.now();
        let specification = &command.specification;
        specification.validate()?;
        self.state.permit_task_change()?;
        self.template().validate_task_id(&command.id)?;
        if self.tasks.contains(&command.id) {
            return Err(ErrorCode::TaskExists.into());
        }
        self.template().validate_task(specification)?;
        // Nothing below can fail.

        let mut effects = self.buffer.take();
        let constraints = command.constraints.resolve(self.settings.constraints.max_task_retry_count);
        let (command_line, specification) = (command.command_line.clone(), specification.clone());
        let added = TaskFact::Added { command_line, specification, constraints, at };
        self.emit_task(&mut effects, &command.id, added);
        Ok(effects)
    }

    /// Changes a task's constraints.
    ///
    /// # Errors
    /// `TaskNotFound`; a 409 by the job's state ([K7](crate::evidence#k7)); `ConditionNotMet`.
    pub fn update_task(
        &mut self,
        task: &TaskId,
        command: &UpdateTask,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_task(task)?;
        self.state.permit_task_change()?;
        command.preconditions.check_write(found.stamps().modified())?;
        // Nothing below can fail.

        let constraints = command.constraints.resolve(self.settings.constraints.max_task_retry_count);
        let (task, at) = (found.id().clone(), found.stamps().next_modified(now));
        let mut effects = self.buffer.take();
        self.emit_task(&mut effects, &task, TaskFact::Updated { constraints, at });
        Ok(effects)
    }

    /// Ends a task: an active one at once, one on a node when the node reports ([K6](crate::evidence#k6)).
    ///
    /// # Errors
    /// `TaskNotFound`; a 409 by the job's state, `TaskCompleted` ([K7](crate::evidence#k7));
    /// `ConditionNotMet`.
    pub fn terminate_task(
        &mut self,
        task: &TaskId,
        command: &TerminateTask,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_task(task)?;
        self.state.permit_task_change()?;
        let at = found.stamps().next_modified(now);
        let (assignment, completed) = match found.state() {
            TaskState::Active => (None, Some(ended_by_user(found, None, at))),
            TaskState::Preparing(assignment) | TaskState::Running { assignment, .. } => {
                (Some(assignment.clone()), None)
            }
            TaskState::Completed(_) => return Err(ErrorCode::TaskCompleted.into()),
        };
        command.preconditions.check_write(found.stamps().modified())?;
        // Nothing below can fail.

        let id = found.id().clone();
        let mut effects = self.buffer.take();
        self.emit_task(&mut effects, &id, TaskFact::Touched { at });
        if let Some(completed) = completed {
            self.emit_task(&mut effects, &id, completed);
        }
        if let Some(assignment) = assignment {
            match assignment.stop {
                Some(TaskStop::Delete | TaskStop::Terminate) => {}
                None | Some(TaskStop::Requeue | TaskStop::WallClockTime) => {
                    self.stop_task(&mut effects, &id, &assignment, TaskStop::Terminate);
                }
            }
        }
        Ok(effects)
    }

    /// Tells the node of a task to stop it.
    pub(super) fn stop_task(
        &mut self,
        effects: &mut Vec<Effect>,
        task: &TaskId,
        assignment: &Assignment,
        cause: TaskStop,
    ) {
        let node: &NodeId = &assignment.placement.node;
        self.emit_task(effects, task, TaskFact::Stopping { node: node.clone(), cause });
        self.instruct_stop(effects, node, Unit::Task(task.clone()), assignment.run, StopCause::Task(cause));
    }

    /// Puts a failed task back into the queue ([K8](crate::evidence#k8)).
    ///
    /// # Errors
    /// `TaskNotFound`; a 409 by the job's state, `TaskNotCompleted`, `TaskSucceeded`;
    /// `ConditionNotMet`.
    pub fn reactivate_task(
        &mut self,
        task: &TaskId,
        command: &ReactivateTask,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_task(task)?;
        self.state.permit_task_change()?;
        match found.state().completion() {
            None => return Err(ErrorCode::TaskNotCompleted.into()),
            Some(completion) if completion.is_success() => return Err(ErrorCode::TaskSucceeded.into()),
            Some(_) => {}
        }
        command.preconditions.check_write(found.stamps().modified())?;
        // Nothing below can fail.

        let (task, at) = (found.id().clone(), found.stamps().next_modified(now));
        let mut effects = self.buffer.take();
        self.emit_task(&mut effects, &task, TaskFact::Reactivated { at });
        Ok(effects)
    }

    /// Deletes a task: at once, or when its node has stopped it ([K7](crate::evidence#k7)).
    ///
    /// # Errors
    /// `TaskNotFound`; `JobBeingDeleted` by the job's state; `ConditionNotMet`.
    pub fn delete_task(
        &mut self,
        task: &TaskId,
        command: &DeleteTask,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_task(task)?;
        self.state.permit_delete_task()?;
        command.preconditions.check_write(found.stamps().modified())?;
        // Nothing below can fail.

        let (task, at) = (found.id().clone(), found.stamps().next(now));
        let assignment = found.state().assignment().cloned();
        let mut effects = self.buffer.take();
        match assignment {
            None => self.emit_task(&mut effects, &task, TaskFact::Deleted { node: None, at }),
            Some(assignment) => self.stop_task(&mut effects, &task, &assignment, TaskStop::Delete),
        }
        Ok(effects)
    }
}
