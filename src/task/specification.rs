//! What a user asked a task to be.

use alloc::{string::String, vec::Vec};

use crate::{BatchError, TimeSpan, id::TaskId, names::wire_enum};

/// Properties that the state machine does not interpret, by the service's names.
///
/// They are stored as they came and shown in their recorded place ([B8](crate::evidence#b8)).
pub type Properties = serde_json::Map<String, serde_json::Value>;

/// How often a failed task may be retried ([K4](crate::evidence#k4)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum RetryLimit {
    /// At most this many retries after the first run.
    Times(u32),
    /// Without limit; `-1` on the wire.
    Unlimited,
}

impl RetryLimit {
    /// Reads the number on the wire; `None` if it is below -1 or above `u32::MAX`.
    pub fn from_wire(number: i64) -> Option<Self> {
        match number {
            -1 => Some(Self::Unlimited),
            _ => u32::try_from(number).ok().map(Self::Times),
        }
    }

    /// The number on the wire.
    pub fn to_wire(self) -> i64 {
        match self {
            Self::Unlimited => -1,
            Self::Times(times) => i64::from(times),
        }
    }

    /// Whether another retry is allowed after `retry_count` retries.
    pub fn allows(self, retry_count: u32) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Times(times) => retry_count < times,
        }
    }
}

/// The limits of a task: the one part of it that a user can change later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TaskConstraints {
    /// How long one run may take, from its start ([K5](crate::evidence#k5)).
    pub max_wall_clock_time: TimeSpan,
    /// How long the node keeps the task's directory after the task has ended.
    pub retention_time: TimeSpan,
    /// How often the task is retried after an exit code other than 0 ([K4](crate::evidence#k4)).
    pub max_task_retry_count: RetryLimit,
}

impl TaskConstraints {
    /// The service's default retention time, `P7D`.
    pub const DEFAULT_RETENTION: TimeSpan = TimeSpan::from_days(7);
}

/// Constraints as a request gives them. What it leaves out takes the service's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestedConstraints {
    /// See [`TaskConstraints::max_wall_clock_time`]; unlimited by default.
    pub max_wall_clock_time: TimeSpan,
    /// See [`TaskConstraints::retention_time`]; 7 days by default.
    pub retention_time: TimeSpan,
    /// See [`TaskConstraints::max_task_retry_count`]; the job's own limit by default.
    pub max_task_retry_count: Option<RetryLimit>,
}

impl RequestedConstraints {
    /// The constraints in force for a task of a job with this retry limit.
    pub fn resolve(self, job_limit: RetryLimit) -> TaskConstraints {
        TaskConstraints {
            max_wall_clock_time: self.max_wall_clock_time,
            retention_time: self.retention_time,
            max_task_retry_count: self.max_task_retry_count.unwrap_or(job_limit),
        }
    }
}

impl Default for RequestedConstraints {
    fn default() -> Self {
        Self {
            max_wall_clock_time: TimeSpan::UNLIMITED,
            retention_time: TaskConstraints::DEFAULT_RETENTION,
            max_task_retry_count: None,
        }
    }
}

wire_enum! {
    /// What happens to the job when a task fails in a certain way ([X3](crate::evidence#x3),
    /// [X7](crate::evidence#x7)).
    pub enum JobAction {
        /// Nothing.
        None = "none",
        /// The job is disabled and its tasks are requeued.
        Disable = "disable",
        /// The job is terminated.
        Terminate = "terminate",
    }
}

wire_enum! {
    /// What the end of a task means for the tasks that depend on it ([K9](crate::evidence#k9)).
    pub enum DependencyAction {
        /// They can start.
        Satisfy = "satisfy",
        /// They wait.
        Block = "block",
    }
}

/// What the end of a task leads to. What is left out takes the defaults of [X7](crate::evidence#x7) and
/// [K9](crate::evidence#k9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ExitOptions {
    /// What happens to the job.
    pub job_action: Option<JobAction>,
    /// What happens to the tasks that depend on this one.
    pub dependency_action: Option<DependencyAction>,
}

/// Exit options for one exit code, or for a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ExitCodeRange {
    /// The first exit code of the range.
    pub start: i32,
    /// The last exit code of the range, included.
    pub end: i32,
    /// What an exit code in the range leads to.
    pub options: ExitOptions,
}

/// Exit options by the way in which a task ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ExitConditions {
    /// For single exit codes; `start` equals `end` in each.
    pub exit_codes: Vec<ExitCodeRange>,
    /// For ranges of exit codes.
    pub exit_code_ranges: Vec<ExitCodeRange>,
    /// For a task that could not be started.
    pub pre_processing_error: Option<ExitOptions>,
    /// For a task whose output could not be uploaded, unless its exit code is named above
    /// ([K9](crate::evidence#k9)).
    pub file_upload_error: Option<ExitOptions>,
    /// For every failure that is not named above.
    pub default: Option<ExitOptions>,
}

impl ExitConditions {
    /// The options for this exit code, single codes before ranges.
    pub(crate) fn for_exit_code(&self, exit_code: i32) -> Option<ExitOptions> {
        let mut ranges = self.exit_codes.iter().chain(&self.exit_code_ranges);
        ranges.find(|range| (range.start..=range.end).contains(&exit_code)).map(|range| range.options)
    }
}

/// A range of tasks whose ids are whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TaskIdRange {
    /// The first number of the range.
    pub start: u32,
    /// The last number of the range, included.
    pub end: u32,
}

/// The tasks that must complete successfully before a task can start ([K9](crate::evidence#k9)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dependencies {
    /// Tasks by their ids.
    pub task_ids: Vec<TaskId>,
    /// Ranges of tasks whose ids are whole numbers. Leading zeros do not count.
    pub ranges: Vec<TaskIdRange>,
}

impl Dependencies {
    /// Whether there are no dependencies.
    pub fn is_empty(&self) -> bool {
        self.task_ids.is_empty() && self.ranges.is_empty()
    }
}

/// What a user asked a task to be, apart from its id and command line. It never changes.
///
/// Tasks that are alike in this share it: those of a collection often are, and the default is common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
pub struct TaskSpecification {
    /// How many of a node's slots a run takes; at least 1.
    pub required_slots: u32,
    /// Whether the task needs a node of its own; only a job manager task can ([P5](crate::evidence#p5)).
    pub run_exclusive: bool,
    /// What the ways of ending lead to.
    pub exit_conditions: Option<ExitConditions>,
    /// The tasks that must complete successfully before this one can start ([K9](crate::evidence#k9)).
    pub depends_on: Option<Dependencies>,
    /// Everything else: `environmentSettings`, `resourceFiles` and so on.
    pub other: Properties,
}

impl Default for TaskSpecification {
    /// A task that takes one slot and depends on nothing.
    fn default() -> Self {
        Self {
            required_slots: 1,
            run_exclusive: false,
            exit_conditions: None,
            depends_on: None,
            other: Properties::new(),
        }
    }
}

impl TaskSpecification {
    /// The tasks' own `environmentSettings`, as names and values. The whole environment of a run is
    /// [`Account::environment`](crate::Account::environment).
    pub fn environment_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        environment_settings(&self.other, "environmentSettings")
    }

    /// 400: what the specification alone is refused for (B5).
    pub(crate) fn validate(&self) -> Result<(), BatchError> {
        if self.required_slots == 0 {
            let reason = "The value must be greater than 0";
            return Err(BatchError::invalid_property("requiredSlots", "0", reason));
        }
        Ok(())
    }
}

/// The command line among the properties of a task.
pub(crate) fn command_line(properties: &Properties) -> Option<&str> {
    properties.get("commandLine").and_then(serde_json::Value::as_str)
}

/// The pairs in a list of environment settings. A setting without a value is empty.
pub(crate) fn environment_settings<'a>(
    properties: &'a Properties,
    list: &str,
) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    let settings = properties.get(list).and_then(serde_json::Value::as_array);
    settings.into_iter().flatten().filter_map(|setting| {
        let text = |name| setting.get(name).and_then(serde_json::Value::as_str);
        Some((text("name")?, text("value").unwrap_or_default()))
    })
}
