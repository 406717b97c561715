//! A task: what a user asked for, and where its life stands.

use alloc::{string::String, sync::Arc, vec::Vec};

use crate::{
    BatchError, TimeSpan, Timestamp,
    id::{NodeId, PoolId, TaskId},
};

/// What a user sent that the state machine does not interpret, by the service's property names.
///
/// Kept whole and printed in its recorded place; nothing a user sent is lost.
pub type Properties = serde_json::Map<String, serde_json::Value>;

/// How often a task may be tried again after it failed (K4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum RetryLimit {
    /// As often as it takes; `-1` on the wire.
    Unlimited,
    /// At most so many times after the first.
    Times(u32),
}

impl RetryLimit {
    /// Reads the number as the wire writes it; `None` below -1.
    pub fn from_wire(number: i32) -> Option<Self> {
        match number {
            -1 => Some(Self::Unlimited),
            _ => u32::try_from(number).ok().map(Self::Times),
        }
    }

    /// The number as the wire writes it.
    pub fn to_wire(self) -> i64 {
        match self {
            Self::Unlimited => -1,
            Self::Times(times) => i64::from(times),
        }
    }

    /// Whether one more retry is allowed after so many.
    pub fn allows(self, retry_count: u32) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Times(times) => retry_count < times,
        }
    }
}

/// The limits a task runs under; the one part of a task that a user can change later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TaskConstraints {
    /// How long one run may take, from its start (K5).
    pub max_wall_clock_time: TimeSpan,
    /// How long the node keeps the task's directory after its end.
    pub retention_time: TimeSpan,
    /// How often the task is tried again after an exit code other than 0 (K4).
    pub max_task_retry_count: RetryLimit,
}

/// Constraints as a request gives them: what it leaves out follows the service's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedConstraints {
    /// See [`TaskConstraints::max_wall_clock_time`]; no limit by default.
    pub max_wall_clock_time: TimeSpan,
    /// See [`TaskConstraints::retention_time`]; 7 days by default.
    pub retention_time: TimeSpan,
    /// See [`TaskConstraints::max_task_retry_count`]; the job's own by default.
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

impl TaskConstraints {
    /// The service's default retention time, `P7D`.
    pub const DEFAULT_RETENTION: TimeSpan = TimeSpan::from_secs(7 * 24 * 60 * 60);
}

/// What happens to the job when a task ends in a certain way (X3, X7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum JobAction {
    /// Nothing.
    None,
    /// The job is disabled, its tasks requeued.
    Disable,
    /// The job is terminated.
    Terminate,
}

/// What a task's end means to the tasks that depend on it (K9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum DependencyAction {
    /// They may start.
    Satisfy,
    /// They wait.
    Block,
}

/// What a task's end leads to; what is left out follows the defaults of X7 and K9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ExitOptions {
    /// What happens to the job.
    pub job_action: Option<JobAction>,
    /// What happens to the tasks that depend on this one.
    pub dependency_action: Option<DependencyAction>,
}

/// Exit options for one exit code, or for a range of them (both ends included).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ExitCodeRange {
    /// The first exit code of the range.
    pub start: i32,
    /// The last exit code of the range.
    pub end: i32,
    /// What an exit code in the range leads to.
    pub options: ExitOptions,
}

/// Exit options by the way a task ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ExitConditions {
    /// For single exit codes; `start` equals `end` in each.
    pub exit_codes: Vec<ExitCodeRange>,
    /// For ranges of exit codes.
    pub exit_code_ranges: Vec<ExitCodeRange>,
    /// For a task that could not be started.
    pub pre_processing_error: Option<ExitOptions>,
    /// For a task whose output could not be uploaded.
    pub file_upload_error: Option<ExitOptions>,
    /// For every failure that nothing above names.
    pub default: Option<ExitOptions>,
}

impl ExitConditions {
    /// Every set of exit options in it.
    pub fn options(&self) -> impl Iterator<Item = &ExitOptions> {
        self.exit_codes
            .iter()
            .chain(&self.exit_code_ranges)
            .map(|range| &range.options)
            .chain(&self.pre_processing_error)
            .chain(&self.file_upload_error)
            .chain(&self.default)
    }

    /// The options that an end leads to, the most exact ones first.
    fn of(&self, exit_code: Option<i32>, failure: Option<&TaskFailure>) -> ExitOptions {
        let by_error = match failure {
            Some(TaskFailure::PreProcessing(_)) => self.pre_processing_error,
            Some(TaskFailure::FileUpload(_)) => self.file_upload_error,
            Some(TaskFailure::EndedByUser | TaskFailure::WallClockTime | TaskFailure::ExitCode) | None => {
                None
            }
        };
        let in_range = |code: i32| {
            let mut ranges = self.exit_codes.iter().chain(&self.exit_code_ranges);
            ranges.find(|range| (range.start..=range.end).contains(&code)).map(|range| range.options)
        };
        // K9: an exit code of 0 is not among what `default` is for.
        let default = self.default.filter(|_| failure.is_some());
        by_error.or_else(|| exit_code.and_then(in_range)).or(default).unwrap_or_default()
    }
}

/// The tasks that must have ended well before a task may start (K9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dependencies {
    /// Single tasks.
    pub task_ids: Vec<TaskId>,
    /// Ranges of tasks whose ids are whole numbers, both ends included. Leading zeros do not count.
    pub ranges: Vec<(u32, u32)>,
}

impl Dependencies {
    /// Whether it depends on nothing.
    pub fn is_empty(&self) -> bool {
        self.task_ids.is_empty() && self.ranges.is_empty()
    }
}

/// What a user asked a task to be, once and for all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TaskSpecification {
    /// The task's id, unique within the job.
    pub id: TaskId,
    /// How many of a node's slots a run takes; at least 1.
    pub required_slots: u32,
    /// Whether it wants its node for itself; only a job manager task can.
    pub run_exclusive: bool,
    /// What the ways of ending lead to.
    pub exit_conditions: Option<ExitConditions>,
    /// What must have ended before.
    pub depends_on: Option<Dependencies>,
    /// Everything else: `commandLine`, `environmentSettings`, `resourceFiles` and so on.
    pub other: Properties,
}

impl TaskSpecification {
    /// 400: what the specification alone refuses (B5).
    pub(crate) fn validate(&self) -> Result<(), BatchError> {
        if self.required_slots == 0 {
            return Err(BatchError::invalid_property(
                "requiredSlots",
                "0",
                "The value must be greater than 0",
            ));
        }
        Ok(())
    }

    /// A task with this id that takes one slot and depends on nothing.
    pub fn new(id: TaskId) -> Self {
        Self {
            id,
            required_slots: 1,
            run_exclusive: false,
            exit_conditions: None,
            depends_on: None,
            other: Properties::new(),
        }
    }
}

/// A node as a task knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Placement {
    /// The node's pool.
    pub pool: PoolId,
    /// The node.
    pub node: NodeId,
}

/// Why a task on a node was told to stop, which decides what becomes of it when the node answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum StopCause {
    /// Its job is terminating or deleting (E2): it will be completed.
    JobEnding,
    /// The user terminated it (K6), or its job was disabled with `terminate`, or its node is taken
    /// away with `terminate`: it will be completed.
    UserTerminate,
    /// The job was disabled with `requeue`, or its node is taken away with `requeue` (G1, N6): it
    /// will be active again, and the requeue counts.
    UserRequeue,
    /// Its own `maxWallClockTime` is over (K5): it will be completed.
    WallClockTime,
    /// The user deleted it (K7): it will be gone.
    Delete,
}

/// An error that a node met around a task, in its own words (K5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeError {
    /// A code such as `BlobNotFound`.
    pub code: String,
    /// What happened.
    pub message: String,
}

/// Why a completed task counts as failed; its `failureInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TaskFailure {
    /// A user ended it, or its job (E2, K6).
    EndedByUser,
    /// It ran longer than its `maxWallClockTime` (K5).
    WallClockTime,
    /// It ended with an exit code other than 0 and no retries were left (K4).
    ExitCode,
    /// It could not be started (K5).
    PreProcessing(NodeError),
    /// Its output could not be uploaded (K5).
    FileUpload(NodeError),
}

impl TaskFailure {
    /// `UserError` or `ServerError`. (A) A node's own errors count as the user's: they come from
    /// files that the task names.
    pub fn category(&self) -> &'static str {
        match self {
            Self::EndedByUser | Self::ExitCode | Self::PreProcessing(_) | Self::FileUpload(_) => "UserError",
            Self::WallClockTime => "ServerError",
        }
    }

    /// The failure's code (E2, K4, K5).
    pub fn code(&self) -> &str {
        match self {
            Self::EndedByUser | Self::WallClockTime => "TaskEnded",
            Self::ExitCode => "FailureExitCode",
            Self::PreProcessing(error) | Self::FileUpload(error) => &error.code,
        }
    }

    /// The failure's message; that of `WallClockTime` is assumed (K5).
    pub fn message(&self) -> &str {
        match self {
            Self::EndedByUser => "Task Was Ended by User Request",
            Self::WallClockTime => "Task Was Ended because it exceeded its maximum wall clock time",
            Self::ExitCode => "The task exited with an exit code representing a failure",
            Self::PreProcessing(error) | Self::FileUpload(error) => &error.message,
        }
    }

    /// The name and value pairs that some failures have (K4).
    pub fn details(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::ExitCode => &[
                ("Message", "The task process exited with an unexpected exit code"),
                ("AdditionalErrorCode", "FailureExitCode"),
            ],
            Self::EndedByUser | Self::WallClockTime | Self::PreProcessing(_) | Self::FileUpload(_) => &[],
        }
    }
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Completion {
    /// When its last run started; `None` if it never ran.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Timestamp,
    /// What its process ended with, if the node said so.
    pub exit_code: Option<i32>,
    /// Why it counts as failed; `None` if it succeeded.
    pub failure: Option<TaskFailure>,
    /// Where it ran last; `None` if it never got to a node.
    pub placement: Option<Placement>,
}

/// The state of a task, with what only a task in that state has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TaskState {
    /// Waiting for a node.
    Active,
    /// Given to a node, whose job preparation task is not completed yet (K1).
    Preparing {
        /// The node.
        placement: Placement,
        /// Why it was told to stop, if it was.
        stop: Option<StopCause>,
    },
    /// Given to a node and started there, or about to be (K1, K2).
    Running {
        /// The node.
        placement: Placement,
        /// Why it was told to stop, if it was. A job's ending is told by the job's state alone.
        stop: Option<StopCause>,
        /// When the node said that it started (K2).
        start_time: Option<Timestamp>,
    },
    /// Ended.
    Completed(Completion),
}

/// The name of a [`TaskState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the names say it")]
pub enum TaskStateName {
    Active,
    Preparing,
    Running,
    Completed,
}

impl TaskStateName {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::Completed => "completed",
        }
    }
}

impl TaskState {
    /// The state's name.
    pub fn name(&self) -> TaskStateName {
        match self {
            Self::Active => TaskStateName::Active,
            Self::Preparing { .. } => TaskStateName::Preparing,
            Self::Running { .. } => TaskStateName::Running,
            Self::Completed(_) => TaskStateName::Completed,
        }
    }
}

/// A task of a job. Read it freely; it changes only through its [`Job`](crate::Job).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Task {
    pub(crate) specification: Arc<TaskSpecification>,
    pub(crate) constraints: TaskConstraints,
    /// The order of creation within the job, which is the order of scheduling.
    pub(crate) sequence: u64,
    pub(crate) creation_time: Timestamp,
    pub(crate) last_modified: Timestamp,
    pub(crate) state: TaskState,
    pub(crate) state_transition_time: Timestamp,
    pub(crate) previous_state: Option<(TaskStateName, Timestamp)>,
    /// How often it was given to a node.
    pub(crate) runs: u32,
    pub(crate) retry_count: u32,
    pub(crate) last_retry_time: Option<Timestamp>,
    pub(crate) requeue_count: u32,
    pub(crate) last_requeue_time: Option<Timestamp>,
}

impl Task {
    /// A new task: creation, last modification and transition are one instant (T6).
    pub(crate) fn new(
        specification: Arc<TaskSpecification>,
        constraints: TaskConstraints,
        sequence: u64,
        at: Timestamp,
    ) -> Self {
        Self {
            specification,
            constraints,
            sequence,
            creation_time: at,
            last_modified: at,
            state: TaskState::Active,
            state_transition_time: at,
            previous_state: None,
            runs: 0,
            retry_count: 0,
            last_retry_time: None,
            requeue_count: 0,
            last_requeue_time: None,
        }
    }

    /// The task's id.
    pub fn id(&self) -> &TaskId {
        &self.specification.id
    }

    /// What the user asked for.
    pub fn specification(&self) -> &TaskSpecification {
        &self.specification
    }

    /// The limits in force.
    pub fn constraints(&self) -> TaskConstraints {
        self.constraints
    }

    /// The state.
    pub fn state(&self) -> &TaskState {
        &self.state
    }

    /// When the task was added.
    pub fn creation_time(&self) -> Timestamp {
        self.creation_time
    }

    /// When a user last changed it; its ETag follows from it (T8).
    pub fn last_modified(&self) -> Timestamp {
        self.last_modified
    }

    /// When the state was entered.
    pub fn state_transition_time(&self) -> Timestamp {
        self.state_transition_time
    }

    /// The state before, and when that was entered; `None` until the first transition.
    pub fn previous_state(&self) -> Option<(TaskStateName, Timestamp)> {
        self.previous_state
    }

    /// How often it was tried again after a failure (K4).
    pub fn retry_count(&self) -> u32 {
        self.retry_count
    }

    /// When it was last tried again.
    pub fn last_retry_time(&self) -> Option<Timestamp> {
        self.last_retry_time
    }

    /// How often a user's doing sent it back to the queue (N6).
    pub fn requeue_count(&self) -> u32 {
        self.requeue_count
    }

    /// When a user's doing last sent it back to the queue.
    pub fn last_requeue_time(&self) -> Option<Timestamp> {
        self.last_requeue_time
    }

    /// Where it is, or ran last.
    pub fn placement(&self) -> Option<&Placement> {
        match &self.state {
            TaskState::Active => None,
            TaskState::Preparing { placement, .. } | TaskState::Running { placement, .. } => Some(placement),
            TaskState::Completed(completion) => completion.placement.as_ref(),
        }
    }

    /// Whether it is on this node now.
    pub(crate) fn is_on(&self, node: &NodeId) -> bool {
        match &self.state {
            TaskState::Active | TaskState::Completed(_) => false,
            TaskState::Preparing { placement, .. } | TaskState::Running { placement, .. } => {
                placement.node == *node
            }
        }
    }

    /// Why it was told to stop, if it is on a node and was.
    pub fn stop_cause(&self) -> Option<StopCause> {
        match &self.state {
            TaskState::Active | TaskState::Completed(_) => None,
            TaskState::Preparing { stop, .. } | TaskState::Running { stop, .. } => *stop,
        }
    }

    /// Whether tasks that depend on this one may start (K9).
    pub fn satisfies_dependants(&self) -> bool {
        match &self.state {
            TaskState::Active | TaskState::Preparing { .. } | TaskState::Running { .. } => false,
            TaskState::Completed(completion) => match self.exit_options(completion).dependency_action {
                Some(DependencyAction::Satisfy) => true,
                Some(DependencyAction::Block) => false,
                None => completion.failure.is_none(),
            },
        }
    }

    /// What the task's end asks of its job, if the job listens (X3, X7): by default nothing for a
    /// success and its termination for anything else. Only a failed task asks.
    pub(crate) fn demanded_job_action(&self) -> JobAction {
        match &self.state {
            TaskState::Active | TaskState::Preparing { .. } | TaskState::Running { .. } => JobAction::None,
            TaskState::Completed(completion) if completion.failure.is_none() => JobAction::None,
            TaskState::Completed(completion) => {
                // X7: by default an exit code of 0 asks for nothing, also where the task counts as failed.
                let is_zero = completion.exit_code == Some(0);
                let default = if is_zero { JobAction::None } else { JobAction::Terminate };
                self.exit_options(completion).job_action.unwrap_or(default)
            }
        }
    }

    fn exit_options(&self, completion: &Completion) -> ExitOptions {
        let conditions = self.specification.exit_conditions.as_ref();
        conditions.map(|c| c.of(completion.exit_code, completion.failure.as_ref())).unwrap_or_default()
    }

    /// When its run has lasted `maxWallClockTime`; `None` if it is not running, was told to stop
    /// already or has no limit that the calendar reaches (K5).
    pub(crate) fn wall_clock_deadline(&self) -> Option<Timestamp> {
        match &self.state {
            TaskState::Running { start_time: Some(start), stop: None, .. } => {
                start.checked_add(self.constraints.max_wall_clock_time)
            }
            TaskState::Active
            | TaskState::Preparing { .. }
            | TaskState::Running { .. }
            | TaskState::Completed(_) => None,
        }
    }

    /// The stamp for a change at `now`: stamps of one resource never go back (T5).
    pub(crate) fn stamp(&self, now: Timestamp) -> Timestamp {
        now.max(self.last_modified).max(self.state_transition_time)
    }

    /// The stamp for a change by a user at `now`, which moves the ETag (T5, T8).
    pub(crate) fn stamp_modified(&self, now: Timestamp) -> Timestamp {
        self.stamp(now).max(self.last_modified.next_tick())
    }

    pub(crate) fn enter(&mut self, state: TaskState, at: Timestamp) {
        self.previous_state = Some((self.state.name(), self.state_transition_time));
        self.state = state;
        self.state_transition_time = at;
    }
}
