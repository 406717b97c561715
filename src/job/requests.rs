//! What users ask of a job and its tasks, but for its end. Each request first decides on the state
//! as it is; after its last refusal nothing can fail.

use alloc::{sync::Arc, vec::Vec};

use crate::{
    BatchError, Clock, ErrorCode, Preconditions, Timestamp,
    id::{NodeId, TaskId},
    job::{
        Contact, DisableTasks, Effect, Job, JobConstraints, JobRequest, JobSettings, JobSpecification,
        JobState, OnAllTasksComplete, ending::ended_by_user, new_job,
    },
    task::{Placement, Properties, RequestedConstraints, StopCause, Task, TaskSpecification, TaskState},
};

/// Make a job: `Job - Add`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddJob {
    /// What the job is, once and for all.
    pub specification: Arc<JobSpecification>,
    /// What can be changed later.
    pub settings: Arc<JobSettings>,
    /// When the request arrived: the job's creationTime (T6).
    pub received: Timestamp,
}

/// Change a job: `Job - Update` and `Job - Patch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateJob {
    /// What to change.
    pub change: JobChange,
    /// What the client demanded of the job's state.
    pub preconditions: Preconditions,
}

/// What to change about a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobChange {
    /// PUT: everything; what the user left out is at its default, but for the network configuration, which
    /// stays unless another is given (B13).
    Replace(JobSettings),
    /// PATCH: only what is given.
    Patch(JobPatch),
}

/// The settings that a PATCH gives; each replaces the old one whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `JobSettings`")]
pub struct JobPatch {
    pub pool: Option<crate::PoolId>,
    pub priority: Option<i32>,
    pub max_parallel_tasks: Option<Option<u32>>,
    pub allow_task_preemption: Option<bool>,
    pub constraints: Option<JobConstraints>,
    pub on_all_tasks_complete: Option<OnAllTasksComplete>,
    pub other: Properties,
}

/// Stop scheduling a job's tasks: `Job - Disable`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disable {
    /// What becomes of the tasks on nodes.
    pub disable_tasks: DisableTasks,
    /// What the client demanded of the job's state.
    pub preconditions: Preconditions,
}

/// Schedule a job's tasks again: `Job - Enable`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enable {
    /// What the client demanded of the job's state.
    pub preconditions: Preconditions,
}

/// Add a task: `Task - Add`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddTask {
    /// What the task is, once and for all.
    pub specification: Arc<TaskSpecification>,
    /// Its limits, as far as the user gave them.
    pub constraints: RequestedConstraints,
}

impl AddTask {
    /// A task that runs under the default limits.
    pub fn new(specification: TaskSpecification) -> Self {
        Self { specification: Arc::new(specification), constraints: RequestedConstraints::default() }
    }
}

/// Change a task's limits: `Task - Update`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateTask {
    /// The new limits, as far as the user gave them; the others go back to their defaults.
    pub constraints: RequestedConstraints,
    /// What the client demanded of the task's state.
    pub preconditions: Preconditions,
}

/// End a task: `Task - Terminate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TerminateTask {
    /// What the client demanded of the task's state.
    pub preconditions: Preconditions,
}

/// Run a failed task again: `Task - Reactivate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReactivateTask {
    /// What the client demanded of the task's state.
    pub preconditions: Preconditions,
}

/// Remove a task: `Task - Delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteTask {
    /// What the client demanded of the task's state.
    pub preconditions: Preconditions,
}

/// Why a task was not given to a node. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAssigned {
    /// There is no such job.
    #[error("the job does not exist")]
    NoJob,
    /// Only an active job's tasks are given to nodes (E10, G1).
    #[error("the job is not active")]
    JobNotActive,
    /// There is no such task.
    #[error("the task does not exist")]
    NoTask,
    /// The task is on a node already, or completed.
    #[error("the task is not active")]
    TaskNotActive,
    /// A task that it depends on has not ended well (K9).
    #[error("a task that the task depends on is not completed")]
    DependencyNotMet,
    /// As many tasks as the job allows are on nodes.
    #[error("the job has as many tasks on nodes as it allows")]
    TooManyParallelTasks,
    /// There is no such node.
    #[error("the node does not exist")]
    NoNode,
    /// The node is not of the job's pool.
    #[error("the node belongs to another pool")]
    OtherPool,
    /// The job's preparation failed on the node for good (N7).
    #[error("the job's preparation task failed on the node")]
    NodeBarred,
    /// The node does not answer, is busy with itself, or takes no tasks.
    #[error("the node takes no tasks now")]
    NodeNotReady,
    /// The job manager task may not run on a low-priority node (P5).
    #[error("the task needs a dedicated node")]
    DedicatedNodeNeeded,
    /// The node has too few free slots.
    #[error("the node has too few free slots")]
    NoSlots,
}

impl Job {
    /// Makes a job, `active`, with its job manager task if it has one.
    ///
    /// # Errors
    /// `InvalidPropertyValue` for a release task without a preparation task or with more than 15
    /// minutes (E6); `TaskIdSameAsJobPreparationTask` and the like for the job manager task.
    pub fn add(command: &AddJob, clock: &impl Clock) -> Result<(Self, Vec<Effect>), BatchError> {
        let now = clock.now();
        command.specification.validate()?;
        command.specification.refuse_ids()?;
        // Nothing below can fail.

        let at = now.max(command.received); // T5, T6
        let (specification, settings) = (&command.specification, &command.settings);
        let mut job = new_job(specification, settings, command.received, at);
        let mut effects = Vec::new();
        effects.push(Effect::JobAdded {
            job: specification.id.clone(),
            specification: specification.clone(),
            settings: settings.clone(),
            creation_time: command.received,
            at,
        });
        if let Some(manager) = &specification.manager {
            let added = Effect::TaskAdded {
                job: specification.id.clone(),
                specification: manager.task.clone(),
                constraints: manager.constraints,
                at,
            };
            job.emit(&mut effects, added);
        }
        Ok((job, effects))
    }

    /// Changes the job's settings.
    ///
    /// # Errors
    /// A 409 by state; `OperationInvalidForCurrentState` for another pool on a job that is not
    /// disabled (X8); `InvalidPropertyValue` for taking back `terminatejob` (X7); `ConditionNotMet`.
    pub fn update(&mut self, command: &UpdateJob, clock: &impl Clock) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        self.allows(JobRequest::Update)?;
        let settings = self.changed_settings(&command.change);
        if settings.pool != self.settings.pool && self.state != JobState::Disabled {
            let reason = "The pool of a job can be changed only while the job is disabled"; // X8
            return Err(BatchError::invalid_for_state(reason));
        }
        match (self.settings.on_all_tasks_complete, settings.on_all_tasks_complete) {
            (OnAllTasksComplete::TerminateJob, OnAllTasksComplete::NoAction) => {
                let reason = "onAllTasksComplete cannot be changed once it is terminatejob"; // X7
                return Err(BatchError::invalid_property("onAllTasksComplete", "noaction", reason));
            }
            (OnAllTasksComplete::NoAction, _) | (_, OnAllTasksComplete::TerminateJob) => {}
        }
        command.preconditions.check_write(self.last_modified)?;
        // Nothing below can fail.

        let mut effects = Vec::new();
        let (job, at) = (self.id().clone(), self.stamp_modified(now));
        self.emit(&mut effects, Effect::JobUpdated { job, settings: Arc::new(settings), at });
        Ok(effects)
    }

    fn changed_settings(&self, change: &JobChange) -> JobSettings {
        match change {
            JobChange::Replace(settings) => {
                const KEPT: &str = "networkConfiguration";
                let mut settings = settings.clone();
                if let Some(kept) = self.settings.other.get(KEPT) {
                    settings.other.entry(KEPT).or_insert_with(|| kept.clone()); // B13
                }
                settings
            }
            JobChange::Patch(patch) => {
                let old = &self.settings;
                let mut other = old.other.clone();
                other.extend(patch.other.clone());
                JobSettings {
                    pool: patch.pool.clone().unwrap_or_else(|| old.pool.clone()),
                    priority: patch.priority.unwrap_or(old.priority),
                    max_parallel_tasks: patch.max_parallel_tasks.unwrap_or(old.max_parallel_tasks),
                    allow_task_preemption: patch.allow_task_preemption.unwrap_or(old.allow_task_preemption),
                    constraints: patch.constraints.unwrap_or(old.constraints),
                    on_all_tasks_complete: patch.on_all_tasks_complete.unwrap_or(old.on_all_tasks_complete),
                    other,
                }
            }
        }
    }

    /// Disables the job (G1): `disabling` at once, `disabled` at a later [`tick`](Self::tick).
    ///
    /// # Errors
    /// A 409 by state, then `ConditionNotMet`.
    pub fn disable(&mut self, command: &Disable, clock: &impl Clock) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        self.allows(JobRequest::Disable)?;
        command.preconditions.check_write(self.last_modified)?;
        // Nothing below can fail.

        let mut effects = Vec::new();
        match &self.state {
            JobState::Disabled => {
                let (job, at) = (self.id().clone(), self.stamp_modified(now)); // R-disable-disabled
                self.emit(&mut effects, Effect::JobTouched { job, at });
            }
            JobState::Active
            | JobState::Disabling(_)
            | JobState::Enabling
            | JobState::Terminating { .. }
            | JobState::Completed { .. }
            | JobState::Deleting { .. } => self.begin_disabling(&mut effects, command.disable_tasks, now),
        }
        Ok(effects)
    }

    pub(super) fn begin_disabling(
        &mut self,
        effects: &mut Vec<Effect>,
        disable_tasks: DisableTasks,
        now: Timestamp,
    ) {
        let (job, at) = (self.id().clone(), self.stamp_modified(now));
        self.emit(effects, Effect::JobDisabling { job, disable_tasks, at });
        let cause = match disable_tasks {
            DisableTasks::Requeue => StopCause::UserRequeue,
            DisableTasks::Terminate => StopCause::UserTerminate,
            DisableTasks::Wait => return,
        };
        let nodes: Vec<NodeId> = self.nodes.keys().cloned().collect();
        for node in nodes {
            self.stop_tasks(effects, &node, cause);
        }
    }

    /// Tells a node to stop the tasks of a living job, by a user's wish. A task that is to be ended or
    /// deleted already stays so (G3).
    pub(crate) fn stop_tasks(&mut self, effects: &mut Vec<Effect>, node: &NodeId, cause: StopCause) {
        if self.state.is_ending() {
            return;
        }
        let Some(record) = self.nodes.get(node) else { return };
        let overridable = |task: &&TaskId| {
            self.task(task).is_some_and(|task| match task.stop_cause() {
                None => true,
                Some(StopCause::UserRequeue) => cause != StopCause::UserRequeue,
                Some(
                    StopCause::JobEnding
                    | StopCause::UserTerminate
                    | StopCause::WallClockTime
                    | StopCause::Delete,
                ) => false,
            })
        };
        let tasks: Vec<TaskId> = record.tasks.iter().filter(overridable).cloned().collect();
        for task in tasks {
            let stop = Effect::StopTask { job: self.id().clone(), task, node: node.clone(), cause };
            self.emit(effects, stop);
        }
    }

    /// Makes the job active again.
    ///
    /// # Errors
    /// A 409 by state, then `ConditionNotMet`.
    pub fn enable(&mut self, command: &Enable, clock: &impl Clock) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        self.allows(JobRequest::Enable)?;
        command.preconditions.check_write(self.last_modified)?;
        // Nothing below can fail.

        let mut effects = Vec::new();
        match &self.state {
            JobState::Active => {} // R-enable-active: nothing moves.
            JobState::Disabling(_)
            | JobState::Disabled
            | JobState::Enabling
            | JobState::Terminating { .. }
            | JobState::Completed { .. }
            | JobState::Deleting { .. } => {
                let (job, at) = (self.id().clone(), self.stamp_modified(now));
                self.emit(&mut effects, Effect::JobEnabled { job, at });
            }
        }
        Ok(effects)
    }

    /// Adds a task to the queue.
    ///
    /// # Errors
    /// `InvalidPropertyValue` for a task without slots (B5); a 409 by state;
    /// `TaskIdSameAsJobPreparationTask`, `TaskIdSameAsJobReleaseTask`, `TaskExists`;
    /// `TaskDependenciesNotSpecifiedOnJob` (K9); `InvalidPropertyValue` for a job action that the job
    /// does not perform (X7).
    pub fn add_task(&mut self, command: &AddTask, clock: &impl Clock) -> Result<Vec<Effect>, BatchError> {
        let at = clock.now();
        let specification = &command.specification;
        specification.validate()?;
        self.allows(JobRequest::AddTask)?;
        self.specification.refuse_id(&specification.id)?;
        if self.tasks.by_id.contains_key(&specification.id) {
            return Err(ErrorCode::TaskExists.into());
        }
        self.specification.refuse_demands(specification)?;
        // Nothing below can fail.

        let mut effects = Vec::new();
        let constraints = command.constraints.resolve(self.settings.constraints.max_task_retry_count);
        let (job, specification) = (self.id().clone(), specification.clone());
        self.emit(&mut effects, Effect::TaskAdded { job, specification, constraints, at });
        Ok(effects)
    }

    /// A task, for a request that names it.
    ///
    /// # Errors
    /// `TaskNotFound`.
    pub fn find_task(&self, task: &TaskId) -> Result<&Task, BatchError> {
        self.task(task).ok_or_else(|| ErrorCode::TaskNotFound.into())
    }

    /// Changes a task's constraints.
    ///
    /// # Errors
    /// `TaskNotFound`; a 409 by the job's state (K7); `ConditionNotMet`.
    pub fn update_task(
        &mut self,
        task: &TaskId,
        command: &UpdateTask,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.find_task(task)?;
        self.allows(JobRequest::UpdateTask)?;
        command.preconditions.check_write(found.last_modified)?;
        // Nothing below can fail.

        let constraints = command.constraints.resolve(self.settings.constraints.max_task_retry_count);
        let (job, task, at) = (self.id().clone(), found.id().clone(), found.stamp_modified(now));
        let mut effects = Vec::new();
        self.emit(&mut effects, Effect::TaskUpdated { job, task, constraints, at });
        Ok(effects)
    }

    /// Ends a task: an active one at once, one on a node when the node answers (K6).
    ///
    /// # Errors
    /// `TaskNotFound`; a 409 by the job's state, `TaskCompleted` (K7); `ConditionNotMet`.
    pub fn terminate_task(
        &mut self,
        task: &TaskId,
        command: &TerminateTask,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.find_task(task)?;
        self.allows(JobRequest::TerminateTask)?;
        if let TaskState::Completed(_) = &found.state {
            return Err(ErrorCode::TaskCompleted.into());
        }
        command.preconditions.check_write(found.last_modified)?;
        // Nothing below can fail.

        let (job, task, at) = (self.id().clone(), found.id().clone(), found.stamp_modified(now));
        let last = match (&found.state, found.stop_cause()) {
            (TaskState::Active | TaskState::Completed(_), _) => Some(ended_by_user(&job, found, None, at)),
            (_, Some(StopCause::Delete | StopCause::UserTerminate)) => None,
            (TaskState::Preparing { placement, .. } | TaskState::Running { placement, .. }, _) => {
                let (job, task, node) = (job.clone(), task.clone(), placement.node.clone());
                Some(Effect::StopTask { job, task, node, cause: StopCause::UserTerminate })
            }
        };
        let mut effects = Vec::new();
        self.emit(&mut effects, Effect::TaskTouched { job, task, at });
        if let Some(effect) = last {
            self.emit(&mut effects, effect);
        }
        Ok(effects)
    }

    /// Puts a failed task back into the queue (K8).
    ///
    /// # Errors
    /// `TaskNotFound`; a 409 by the job's state, `TaskNotCompleted`, `TaskSucceeded`;
    /// `ConditionNotMet`.
    pub fn reactivate_task(
        &mut self,
        task: &TaskId,
        command: &ReactivateTask,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.find_task(task)?;
        self.allows(JobRequest::ReactivateTask)?;
        match &found.state {
            TaskState::Active | TaskState::Preparing { .. } | TaskState::Running { .. } => {
                return Err(ErrorCode::TaskNotCompleted.into());
            }
            TaskState::Completed(completion) if completion.failure.is_none() => {
                return Err(ErrorCode::TaskSucceeded.into());
            }
            TaskState::Completed(_) => {}
        }
        command.preconditions.check_write(found.last_modified)?;
        // Nothing below can fail.

        let (job, task, at) = (self.id().clone(), found.id().clone(), found.stamp_modified(now));
        let mut effects = Vec::new();
        self.emit(&mut effects, Effect::TaskReactivated { job, task, at });
        Ok(effects)
    }

    /// Deletes a task: at once, or when its node has stopped it (K7).
    ///
    /// # Errors
    /// `TaskNotFound`; `JobBeingDeleted` by the job's state; `ConditionNotMet`.
    pub fn delete_task(
        &mut self,
        task: &TaskId,
        command: &DeleteTask,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.find_task(task)?;
        self.allows(JobRequest::DeleteTask)?;
        command.preconditions.check_write(found.last_modified)?;
        // Nothing below can fail.

        let (job, task, at) = (self.id().clone(), found.id().clone(), found.stamp(now));
        let effect = match &found.state {
            TaskState::Active | TaskState::Completed(_) => Effect::TaskDeleted { job, task, node: None, at },
            TaskState::Preparing { placement, .. } | TaskState::Running { placement, .. } => {
                Effect::StopTask { job, task, node: placement.node.clone(), cause: StopCause::Delete }
            }
        };
        let mut effects = Vec::new();
        self.emit(&mut effects, effect);
        Ok(effects)
    }

    /// Whether the scheduler may give a task to a node, as far as the job knows.
    pub(crate) fn can_assign(&self, task: &TaskId, placement: &Placement) -> Result<&Task, NotAssigned> {
        match &self.state {
            JobState::Active => {}
            JobState::Disabling(_)
            | JobState::Disabled
            | JobState::Enabling
            | JobState::Terminating { .. }
            | JobState::Completed { .. }
            | JobState::Deleting { .. } => return Err(NotAssigned::JobNotActive),
        }
        let found = self.task(task).ok_or(NotAssigned::NoTask)?;
        if found.state != TaskState::Active {
            return Err(NotAssigned::TaskNotActive);
        }
        if placement.pool != self.settings.pool {
            return Err(NotAssigned::OtherPool);
        }
        if let Some(record) = self.nodes.get(&placement.node) {
            match record.contact {
                Contact::Answering if record.barred => return Err(NotAssigned::NodeBarred),
                Contact::Answering => {}
                Contact::Lost | Contact::Gone => return Err(NotAssigned::NodeNotReady),
            }
        }
        if self.is_at_parallel_limit() {
            return Err(NotAssigned::TooManyParallelTasks);
        }
        if !self.dependencies_met(found) {
            return Err(NotAssigned::DependencyNotMet);
        }
        Ok(found)
    }

    /// Whether as many tasks as `maxParallelTasks` allows are on nodes.
    pub(crate) fn is_at_parallel_limit(&self) -> bool {
        self.settings
            .max_parallel_tasks
            .is_some_and(|limit| self.tasks.index.counts.running >= u64::from(limit))
    }

    /// Whether everything that a task depends on has ended well (K9). A range is met when each whole
    /// number in it names a task that has.
    pub(crate) fn dependencies_met(&self, task: &Task) -> bool {
        let Some(dependencies) = &task.specification.depends_on else { return true };
        let met = |id: &TaskId| self.task(id).is_some_and(Task::satisfies_dependants);
        let range_met = |(start, end): &(u32, u32)| self.tasks.met.covers(*start, *end);
        dependencies.ranges.iter().all(range_met) && dependencies.task_ids.iter().all(met)
    }

    /// Gives an active task to a node (K1): preparation first, if the job needs it there.
    ///
    /// # Errors
    /// Why the task cannot go there; nothing has changed then.
    pub fn assign(
        &mut self,
        task: &TaskId,
        placement: &Placement,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, NotAssigned> {
        let now = clock.now();
        let found = self.can_assign(task, placement)?;
        // Nothing below can fail.

        let (job, task, at) = (self.id().clone(), found.id().clone(), found.stamp(now));
        let (node, pool) = (placement.node.clone(), placement.pool.clone());
        let placement = placement.clone();
        let record = self.nodes.get(&node);
        let preparing = record.is_some_and(super::record::JobNode::preparing);
        let prepared = record.is_some_and(|record| record.prepared && !record.rerun_preparation);
        let mut effects = Vec::new();
        if self.specification.preparation.is_none() || (prepared && !preparing) {
            self.emit(
                &mut effects,
                Effect::TaskRunning { job: job.clone(), task: task.clone(), placement, at },
            );
            let run = self.task(&task).map_or(0, |task| task.runs);
            self.emit(&mut effects, Effect::StartTask { job, task, node, run });
        } else {
            self.emit(&mut effects, Effect::TaskPreparing { job: job.clone(), task, placement, at });
            if !preparing {
                let run = self.next_run(&node);
                self.emit(&mut effects, Effect::RunPreparation { job, node, pool, retry_count: 0, run });
            }
        }
        Ok(effects)
    }
}
