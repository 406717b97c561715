//! What a user asked a job to be.

use alloc::sync::Arc;

use crate::{
    BatchError, ErrorCode, TimeSpan,
    id::{JobId, PoolId, TaskId},
    task::{
        ExitConditions, ExitOptions, JobAction, Properties, RequestedConstraints, RetryLimit,
        TaskConstraints, TaskSpecification,
    },
    wire::Wire as _,
};

/// What a user asked a job to be, once and for all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobSpecification {
    /// The job's id, unique within the account.
    pub id: JobId,
    /// Whether its tasks may depend on each other (K9).
    pub uses_task_dependencies: bool,
    /// A task that the service makes with the job (X2).
    pub manager: Option<JobManagerTask>,
    /// What runs on a node before the job's first task there (K1).
    pub preparation: Option<JobPreparationTask>,
    /// What runs on a node when the job ends (E5); needs a preparation task.
    pub release: Option<JobReleaseTask>,
    /// Whether a failed task can end or disable the job (X3).
    pub on_task_failure: OnTaskFailure,
    /// Everything else: `displayName`, `commonEnvironmentSettings` and so on.
    pub other: Properties,
}

/// What a user can change about a job later.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobSettings {
    /// The pool whose nodes run the job's tasks; it need not exist.
    pub pool: PoolId,
    /// -1000 to 1000; a job with a higher one is scheduled first.
    pub priority: i32,
    /// How many tasks may be on nodes at once; `None` for no limit.
    pub max_parallel_tasks: Option<u32>,
    /// Kept and shown; the crate's scheduler does not preempt.
    pub allow_task_preemption: bool,
    /// The limits of the job.
    pub constraints: JobConstraints,
    /// What happens when the last task is completed (X4).
    pub on_all_tasks_complete: OnAllTasksComplete,
    /// Everything else: `metadata`, `networkConfiguration`.
    pub other: Properties,
}

/// The limits of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobConstraints {
    /// How long the job may take, from its creation (X1).
    pub max_wall_clock_time: TimeSpan,
    /// What tasks inherit that do not say their own.
    pub max_task_retry_count: RetryLimit,
}

impl Default for JobConstraints {
    fn default() -> Self {
        Self { max_wall_clock_time: TimeSpan::UNLIMITED, max_task_retry_count: RetryLimit::Times(0) }
    }
}

/// What happens when every task of a job is completed (X4, X7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum OnAllTasksComplete {
    /// Nothing.
    #[default]
    NoAction,
    /// The job is terminated; this cannot be taken back.
    TerminateJob,
}

/// What happens when a task of a job fails (X3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum OnTaskFailure {
    /// Nothing.
    #[default]
    NoAction,
    /// What the task's exit options say.
    PerformExitOptionsJobAction,
}

/// What becomes of a job's running tasks when it is disabled (G1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum DisableTasks {
    /// They are stopped and wait for the job to be enabled.
    Requeue,
    /// They are stopped and completed.
    Terminate,
    /// They run on.
    Wait,
}

/// A task that the service makes together with the job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobManagerTask {
    /// The task itself.
    pub task: Arc<TaskSpecification>,
    /// Its limits; the retry count is the job's at its creation unless it has its own.
    pub constraints: TaskConstraints,
    /// Whether the job ends when this task is completed (X2).
    pub kill_job_on_completion: bool,
    /// Whether it may run on a low-priority node (P5).
    pub allow_low_priority_node: bool,
}

/// What runs on a node before the job's first task there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobPreparationTask {
    /// `jobpreparation` unless the user named it.
    pub id: TaskId,
    /// Its limits, of which only the retries are kept here (K12).
    pub constraints: TaskConstraints,
    /// Whether tasks wait for its success, or only for its end (N7, E5).
    pub wait_for_success: bool,
    /// Whether it runs again after a reboot (N1).
    pub rerun_on_node_reboot_after_success: bool,
    /// Everything else: `commandLine` and so on.
    pub other: Properties,
}

/// What runs on a node when the job ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobReleaseTask {
    /// `jobrelease` unless the user named it.
    pub id: TaskId,
    /// How long a run may take, from its start; at most 15 minutes (E6).
    pub max_wall_clock_time: TimeSpan,
    /// How long the node keeps its directory.
    pub retention_time: TimeSpan,
    /// Everything else: `commandLine` and so on.
    pub other: Properties,
}

impl JobReleaseTask {
    /// The longest a release task may run, and its default: `PT15M` (E6).
    pub const MAX_WALL_CLOCK_TIME: TimeSpan = TimeSpan::from_secs(15 * 60);
}

impl JobSpecification {
    /// A job of plain tasks.
    pub fn new(id: JobId) -> Self {
        Self {
            id,
            uses_task_dependencies: false,
            manager: None,
            preparation: None,
            release: None,
            on_task_failure: OnTaskFailure::NoAction,
            other: Properties::new(),
        }
    }

    /// 400: what the parts of the specification refuse about each other.
    pub(crate) fn validate(&self) -> Result<(), BatchError> {
        if let Some(release) = &self.release {
            if self.preparation.is_none() {
                let reason = "A job release task needs a job preparation task";
                return Err(BatchError::invalid_property("jobReleaseTask", release.id.as_str(), reason));
            }
            if release.max_wall_clock_time > JobReleaseTask::MAX_WALL_CLOCK_TIME {
                // E6
                let value = alloc::format!("{}", release.max_wall_clock_time);
                let reason = "The value cannot be more than 15 minutes";
                return Err(BatchError::invalid_property("jobReleaseTask.maxWallClockTime", value, reason));
            }
        }
        self.manager.as_ref().map_or(Ok(()), |manager| {
            manager.task.validate()?;
            self.refuse_demands(&manager.task)
        })
    }

    /// 409: the preparation, the release and the manager are three tasks (B9).
    pub(crate) fn refuse_ids(&self) -> Result<(), BatchError> {
        let preparation = self.preparation.as_ref().map(|preparation| &preparation.id);
        if preparation.is_some() && preparation == self.release.as_ref().map(|release| &release.id) {
            return Err(ErrorCode::TaskIdSameAsJobPreparationTask.into());
        }
        self.manager.as_ref().map_or(Ok(()), |manager| self.refuse_id(&manager.task.id))
    }

    /// 409: the ids of the preparation and release tasks are taken.
    pub(crate) fn refuse_id(&self, task: &TaskId) -> Result<(), BatchError> {
        if self.preparation.as_ref().is_some_and(|preparation| preparation.id == *task) {
            return Err(ErrorCode::TaskIdSameAsJobPreparationTask.into());
        }
        if self.release.as_ref().is_some_and(|release| release.id == *task) {
            return Err(ErrorCode::TaskIdSameAsJobReleaseTask.into());
        }
        Ok(())
    }

    /// 400: the task counts on something that the job does not do (K9, X7).
    pub(crate) fn refuse_demands(&self, task: &TaskSpecification) -> Result<(), BatchError> {
        if !self.uses_task_dependencies && task.depends_on.as_ref().is_some_and(|d| !d.is_empty()) {
            return Err(ErrorCode::TaskDependenciesNotSpecifiedOnJob.into()); // K9
        }
        let mut options = task.exit_conditions.iter().flat_map(named_options);
        let demand = options.find_map(|(name, options)| Some((name, options.job_action?)));
        match (self.on_task_failure, demand) {
            (OnTaskFailure::NoAction, Some((name, action))) => {
                let name = alloc::format!("exitConditions.{name}.jobAction");
                let reason = "A job action needs a job whose onTaskFailure is performexitoptionsjobaction";
                Err(BatchError::invalid_property(&name, action.as_str(), reason)) // X7
            }
            (OnTaskFailure::NoAction, None) | (OnTaskFailure::PerformExitOptionsJobAction, _) => Ok(()),
        }
    }
}

/// Every set of exit options, by the property that it is the value of.
fn named_options(conditions: &ExitConditions) -> impl Iterator<Item = (&'static str, ExitOptions)> {
    let codes = conditions.exit_codes.iter().map(|code| ("exitCodes.exitOptions", code.options));
    let ranges =
        conditions.exit_code_ranges.iter().map(|range| ("exitCodeRanges.exitOptions", range.options));
    let others = [
        ("preProcessingError", conditions.pre_processing_error),
        ("fileUploadError", conditions.file_upload_error),
        ("default", conditions.default),
    ];
    codes.chain(ranges).chain(others.into_iter().filter_map(|(name, options)| Some((name, options?))))
}

impl JobSettings {
    /// The service's defaults, on this pool.
    pub fn new(pool: PoolId) -> Self {
        Self {
            pool,
            priority: 0,
            max_parallel_tasks: None,
            allow_task_preemption: false,
            constraints: JobConstraints::default(),
            on_all_tasks_complete: OnAllTasksComplete::NoAction,
            other: Properties::new(),
        }
    }
}

impl JobPreparationTask {
    /// The service's defaults.
    pub fn new(id: TaskId) -> Self {
        Self {
            id,
            constraints: RequestedConstraints::default().resolve(RetryLimit::Times(0)),
            wait_for_success: true,
            rerun_on_node_reboot_after_success: true,
            other: Properties::new(),
        }
    }
}

impl JobReleaseTask {
    /// The service's defaults.
    pub fn new(id: TaskId) -> Self {
        Self {
            id,
            max_wall_clock_time: Self::MAX_WALL_CLOCK_TIME,
            retention_time: TaskConstraints::DEFAULT_RETENTION,
            other: Properties::new(),
        }
    }
}

impl JobAction {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        self.as_wire()
    }
}
