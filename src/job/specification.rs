//! What a user asked a job to be.

use alloc::{format, sync::Arc};

use serde_json::Value;

use crate::{
    BatchError, ErrorCode, TimeSpan,
    id::{JobId, PoolId, TaskId},
    job::auto_pool::PoolInfo,
    names::wire_enum,
    task::{
        ExitConditions, ExitOptions, Properties, RequestedConstraints, RetryLimit, TaskConstraints,
        TaskSpecification, command_line, environment_settings,
    },
};

/// What a user asked a job to be. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobSpecification {
    /// The job's id, unique within the account.
    pub id: JobId,
    /// Everything else.
    pub template: JobTemplate,
}

/// What a job is apart from its id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobTemplate {
    /// Whether its tasks can depend on each other ([K9](crate::evidence#k9)).
    pub uses_task_dependencies: bool,
    /// A task that the service adds together with the job ([X2](crate::evidence#x2)).
    pub manager: Option<JobManagerTask>,
    /// What runs on a node before the job's first task there ([K1](crate::evidence#k1)).
    pub preparation: Option<JobPreparationTask>,
    /// What runs on a node when the job ends ([E5](crate::evidence#e5)). It requires a preparation task.
    pub release: Option<JobReleaseTask>,
    /// Whether a failed task can terminate or disable the job ([X3](crate::evidence#x3)).
    pub on_task_failure: OnTaskFailure,
    /// Everything else: `displayName`, `commonEnvironmentSettings` and so on.
    pub other: Properties,
}

/// What a user can change about a job later.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobSettings {
    /// The pool whose nodes run the job's tasks.
    pub pool: PoolInfo,
    /// -1000 to 1000; a job with a higher priority is scheduled first ([P1](crate::evidence#p1)).
    pub priority: i32,
    /// How many tasks can be on nodes at once.
    pub max_parallel_tasks: ParallelLimit,
    /// Stored and shown; the crate's scheduler does not preempt tasks.
    pub allow_task_preemption: bool,
    /// The limits of the job.
    pub constraints: JobConstraints,
    /// What happens when the last task is completed ([X4](crate::evidence#x4)).
    pub on_all_tasks_complete: OnAllTasksComplete,
    /// The network configuration, as it came. An update that does not give one keeps it
    /// ([B13](crate::evidence#b13)).
    pub network_configuration: Option<Value>,
    /// Everything else: `metadata`.
    pub other: Properties,
}

/// How many tasks of a job can be on nodes at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ParallelLimit {
    /// At most this many.
    AtMost(u32),
    /// Any number; `-1` on the wire.
    #[default]
    Unlimited,
}

impl ParallelLimit {
    /// Reads the number on the wire; `None` if it is 0, below -1 or above `u32::MAX`.
    pub fn from_wire(number: i64) -> Option<Self> {
        match number {
            -1 => Some(Self::Unlimited),
            0 => None,
            _ => u32::try_from(number).ok().map(Self::AtMost),
        }
    }

    /// The number on the wire.
    pub fn to_wire(self) -> i64 {
        match self {
            Self::Unlimited => -1,
            Self::AtMost(limit) => i64::from(limit),
        }
    }

    /// Whether no further task can be assigned while `running` are on nodes.
    pub(super) fn is_reached(self, running: u64) -> bool {
        match self {
            Self::Unlimited => false,
            Self::AtMost(limit) => running >= u64::from(limit),
        }
    }
}

/// The limits of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobConstraints {
    /// How long the job may take, from its creation ([X1](crate::evidence#x1)).
    pub max_wall_clock_time: TimeSpan,
    /// The retry limit of tasks that do not have their own.
    pub max_task_retry_count: RetryLimit,
}

impl Default for JobConstraints {
    fn default() -> Self {
        Self { max_wall_clock_time: TimeSpan::UNLIMITED, max_task_retry_count: RetryLimit::Times(0) }
    }
}

wire_enum! {
    /// What happens when every task of a job is completed ([X4](crate::evidence#x4),
    /// [X7](crate::evidence#x7)).
    #[derive(Default)]
    pub enum OnAllTasksComplete {
        /// Nothing.
        #[default]
        NoAction = "noaction",
        /// The job is terminated. This cannot be taken back.
        TerminateJob = "terminatejob",
    }
}

wire_enum! {
    /// What happens when a task of a job fails ([X3](crate::evidence#x3)).
    #[derive(Default)]
    pub enum OnTaskFailure {
        /// Nothing.
        #[default]
        NoAction = "noaction",
        /// What the task's exit options say.
        PerformExitOptionsJobAction = "performexitoptionsjobaction",
    }
}

wire_enum! {
    /// What becomes of a job's running tasks when it is disabled ([G1](crate::evidence#g1)).
    pub enum DisableTasks {
        /// They are stopped and wait until the job is enabled.
        Requeue = "requeue",
        /// They are stopped and completed.
        Terminate = "terminate",
        /// They run to their end.
        Wait = "wait",
    }
}

/// A task that the service adds together with the job.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobManagerTask {
    /// The task's id.
    pub id: TaskId,
    /// The command line, if the user gave one.
    pub command_line: Option<Arc<str>>,
    /// The rest of what the task is.
    pub specification: Arc<TaskSpecification>,
    /// Its limits. Its retry limit is the job's, unless it has its own.
    pub constraints: TaskConstraints,
    /// Whether the job ends when this task is completed ([X2](crate::evidence#x2)).
    pub kill_job_on_completion: bool,
    /// Whether it can run on a low-priority node ([P5](crate::evidence#p5)).
    pub allow_low_priority_node: bool,
}

/// What runs on a node before the job's first task there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobPreparationTask {
    /// `jobpreparation` unless the user named it.
    pub id: TaskId,
    /// Its limits, of which only the retry limit is enforced here ([K12](crate::evidence#k12)).
    pub constraints: TaskConstraints,
    /// Whether tasks wait until it succeeds, or only until it ends ([N7](crate::evidence#n7),
    /// [E5](crate::evidence#e5)).
    pub wait_for_success: bool,
    /// Whether it runs again after a reboot ([N1](crate::evidence#n1)).
    pub rerun_on_node_reboot_after_success: bool,
    /// Everything else: `commandLine` and so on.
    pub other: Properties,
}

/// What runs on a node when the job ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobReleaseTask {
    /// `jobrelease` unless the user named it.
    pub id: TaskId,
    /// How long a run may take, from its start; at most 15 minutes ([E6](crate::evidence#e6)).
    pub max_wall_clock_time: TimeSpan,
    /// How long the node keeps its directory.
    pub retention_time: TimeSpan,
    /// Everything else: `commandLine` and so on.
    pub other: Properties,
}

impl JobSpecification {
    /// A job of plain tasks.
    pub fn new(id: JobId) -> Self {
        Self { id, template: JobTemplate::default() }
    }
}

impl JobTemplate {
    /// The `commonEnvironmentSettings`, as names and values: they apply to every task of the job.
    pub fn common_environment_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        environment_settings(&self.other, "commonEnvironmentSettings")
    }

    /// 400: where the parts of the specification contradict each other.
    pub(crate) fn validate(&self) -> Result<(), BatchError> {
        if let Some(release) = &self.release {
            if self.preparation.is_none() {
                let reason = "A job release task needs a job preparation task";
                return Err(BatchError::invalid_property("jobReleaseTask", release.id.as_str(), reason));
            }
            if release.max_wall_clock_time > JobReleaseTask::MAX_WALL_CLOCK_TIME {
                // E6
                let value = format!("{}", release.max_wall_clock_time);
                let reason = "The value cannot be more than 15 minutes";
                return Err(BatchError::invalid_property("jobReleaseTask.maxWallClockTime", value, reason));
            }
        }
        self.manager.as_ref().map_or(Ok(()), |manager| {
            manager.specification.validate()?;
            self.validate_task(&manager.specification)
        })
    }

    /// 409: the preparation, the release and the manager are three tasks with three ids (B9).
    pub(crate) fn validate_ids(&self) -> Result<(), BatchError> {
        let preparation = self.preparation.as_ref().map(|preparation| &preparation.id);
        if preparation.is_some() && preparation == self.release.as_ref().map(|release| &release.id) {
            return Err(ErrorCode::TaskIdSameAsJobPreparationTask.into());
        }
        self.manager.as_ref().map_or(Ok(()), |manager| self.validate_task_id(&manager.id))
    }

    /// 409: no task can have the id of the preparation or the release task.
    pub(crate) fn validate_task_id(&self, task: &TaskId) -> Result<(), BatchError> {
        if self.preparation.as_ref().is_some_and(|preparation| preparation.id == *task) {
            return Err(ErrorCode::TaskIdSameAsJobPreparationTask.into());
        }
        if self.release.as_ref().is_some_and(|release| release.id == *task) {
            return Err(ErrorCode::TaskIdSameAsJobReleaseTask.into());
        }
        Ok(())
    }

    /// 400: the task relies on something that the job does not do (K9, X7).
    pub(crate) fn validate_task(&self, task: &TaskSpecification) -> Result<(), BatchError> {
        if !self.uses_task_dependencies && task.depends_on.as_ref().is_some_and(|d| !d.is_empty()) {
            return Err(ErrorCode::UnsupportedProperty.into()); // K9
        }
        let mut options = task.exit_conditions.iter().flat_map(named_options);
        let action = options.find_map(|(name, options)| Some((name, options.job_action?)));
        match (self.on_task_failure, action) {
            (OnTaskFailure::NoAction, Some((name, action))) => {
                let name = format!("exitConditions.{name}.jobAction");
                let reason = "A job action needs a job whose onTaskFailure is performexitoptionsjobaction";
                Err(BatchError::invalid_property(&name, action.as_str(), reason)) // X7
            }
            (OnTaskFailure::NoAction, None) | (OnTaskFailure::PerformExitOptionsJobAction, _) => Ok(()),
        }
    }
}

/// Every set of exit options, with the name of the property that holds it.
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
            pool: pool.into(),
            priority: 0,
            max_parallel_tasks: ParallelLimit::Unlimited,
            allow_task_preemption: false,
            constraints: JobConstraints::default(),
            on_all_tasks_complete: OnAllTasksComplete::NoAction,
            network_configuration: None,
            other: Properties::new(),
        }
    }
}

impl JobManagerTask {
    /// A task with this id that ends the job when it is completed, may run on any node beside other tasks,
    /// and has the default limits of a job without retries.
    pub fn new(id: TaskId) -> Self {
        Self {
            id,
            command_line: None,
            specification: Arc::default(),
            constraints: RequestedConstraints::default().resolve(RetryLimit::Times(0)),
            kill_job_on_completion: true,
            allow_low_priority_node: true,
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

    /// The command line, if the user gave one.
    pub fn command_line(&self) -> Option<&str> {
        command_line(&self.other)
    }

    /// Its own `environmentSettings`, as names and values.
    pub fn environment_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        environment_settings(&self.other, "environmentSettings")
    }
}

impl JobReleaseTask {
    /// The longest time that a release task may run, and its default: `PT15M` ([E6](crate::evidence#e6)).
    pub const MAX_WALL_CLOCK_TIME: TimeSpan = TimeSpan::from_mins(15);

    /// The service's defaults.
    pub fn new(id: TaskId) -> Self {
        Self {
            id,
            max_wall_clock_time: Self::MAX_WALL_CLOCK_TIME,
            retention_time: TaskConstraints::DEFAULT_RETENTION,
            other: Properties::new(),
        }
    }

    /// The command line, if the user gave one.
    pub fn command_line(&self) -> Option<&str> {
        command_line(&self.other)
    }

    /// Its own `environmentSettings`, as names and values.
    pub fn environment_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        environment_settings(&self.other, "environmentSettings")
    }
}
