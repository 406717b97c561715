//! A task and its state.

use alloc::{boxed::Box, sync::Arc};

use crate::{
    ETag, TimeSpan, Timestamp,
    id::{NodeId, TaskId},
    names::wire_enum,
    stamps::Stamps,
    task::{
        assignment::{Assignment, Placement, TaskStop},
        outcome::{Completion, LastRun, Outcome, TaskFailure},
        specification::{DependencyAction, ExitOptions, JobAction, TaskConstraints, TaskSpecification},
    },
};

/// How long a task lives, from its addition (K13).
const MAX_LIFETIME: TimeSpan = TimeSpan::from_days(180);

/// The state of a task, with what only a task in that state has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TaskState {
    /// It waits for a node.
    Active,
    /// It is assigned to a node whose job preparation task is not completed yet ([K1](crate::evidence#k1)).
    Preparing(Assignment),
    /// It is assigned to a node and has started there, or is about to ([K1](crate::evidence#k1),
    /// [K2](crate::evidence#k2)).
    Running {
        /// The stay on the node.
        assignment: Assignment,
        /// When the node reported the start ([K2](crate::evidence#k2)).
        start_time: Option<Timestamp>,
    },
    /// It has ended.
    Completed(Completion),
}

wire_enum! {
    /// The name of a [`TaskState`].
    #[allow(missing_docs, reason = "see the states themselves")]
    pub enum TaskStateName {
        Active = "active",
        Preparing = "preparing",
        Running = "running",
        Completed = "completed",
    }
}

impl TaskState {
    /// The state's name.
    pub fn name(&self) -> TaskStateName {
        match self {
            Self::Active => TaskStateName::Active,
            Self::Preparing(_) => TaskStateName::Preparing,
            Self::Running { .. } => TaskStateName::Running,
            Self::Completed(_) => TaskStateName::Completed,
        }
    }

    /// The stay on a node, if the task is on one.
    pub fn assignment(&self) -> Option<&Assignment> {
        match self {
            Self::Preparing(assignment) | Self::Running { assignment, .. } => Some(assignment),
            Self::Active | Self::Completed(_) => None,
        }
    }

    pub(crate) fn assignment_mut(&mut self) -> Option<&mut Assignment> {
        match self {
            Self::Preparing(assignment) | Self::Running { assignment, .. } => Some(assignment),
            Self::Active | Self::Completed(_) => None,
        }
    }

    /// How the task ended, if it has.
    pub fn completion(&self) -> Option<&Completion> {
        match self {
            Self::Completed(completion) => Some(completion),
            Self::Active | Self::Preparing(_) | Self::Running { .. } => None,
        }
    }

    /// Whether a job preparation task must complete before the task can start.
    pub fn is_preparing(&self) -> bool {
        self.name() == TaskStateName::Preparing
    }
}

/// What the failure of a task asks of its job (X3, X7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum FailureAction {
    Disable,
    Terminate,
}

/// A task of a job. It changes only through its [`Job`](crate::Job).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    pub(super) id: TaskId,
    pub(super) command_line: Option<Arc<str>>,
    pub(super) specification: Arc<TaskSpecification>,
    pub(super) constraints: TaskConstraints,
    /// The order of creation within the job, which is the order of scheduling.
    pub(super) sequence: u64,
    pub(super) created: Timestamp,
    /// What has happened to the task; `None` if nothing has, so that tasks that wait take little room.
    pub(super) history: Option<Box<History>>,
}

/// What changes while a task lives, apart from its constraints.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct History {
    pub(super) stamps: Stamps<TaskStateName>,
    pub(super) state: TaskState,
    pub(super) retry_count: u32,
    pub(super) last_retry_time: Option<Timestamp>,
    pub(super) requeue_count: u32,
    pub(super) last_requeue_time: Option<Timestamp>,
}

impl History {
    /// That of a task that has just been added.
    pub(super) const fn new(created: Timestamp) -> Self {
        Self {
            stamps: Stamps::new(created),
            state: TaskState::Active,
            retry_count: 0,
            last_retry_time: None,
            requeue_count: 0,
            last_requeue_time: None,
        }
    }
}

/// What a task is when it is added.
#[derive(Clone, Debug)]
pub(crate) struct NewTask {
    pub(crate) id: TaskId,
    pub(crate) command_line: Option<Arc<str>>,
    pub(crate) specification: Arc<TaskSpecification>,
    pub(crate) constraints: TaskConstraints,
}

impl Task {
    pub(crate) fn new(new: NewTask, sequence: u64, created: Timestamp) -> Self {
        let NewTask { id, command_line, specification, constraints } = new;
        Self { id, command_line, specification, constraints, sequence, created, history: None }
    }

    /// Whether the history, if there is one, is this task's, and something has happened in it (I3).
    pub(crate) fn has_fitting_history(&self) -> bool {
        self.history.as_ref().is_none_or(|history| {
            history.stamps.created() == self.created && **history != History::new(self.created)
        })
    }

    /// The task's id.
    pub fn id(&self) -> &TaskId {
        &self.id
    }

    /// The command line, if the user gave one.
    pub fn command_line(&self) -> Option<&str> {
        self.command_line.as_deref()
    }

    /// What the user asked for, apart from the id and the command line.
    pub fn specification(&self) -> &Arc<TaskSpecification> {
        &self.specification
    }

    /// The limits in force.
    pub fn constraints(&self) -> TaskConstraints {
        self.constraints
    }

    /// The order of creation within the job, from 0.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The state.
    pub fn state(&self) -> &TaskState {
        self.history.as_ref().map_or(&TaskState::Active, |history| &history.state)
    }

    /// When the task was added, modified and last changed state.
    pub fn stamps(&self) -> Stamps<TaskStateName> {
        self.history.as_ref().map_or(Stamps::new(self.created), |history| history.stamps)
    }

    /// The task's ETag, which moves when a user changes the task ([T8](crate::evidence#t8)).
    pub fn etag(&self) -> ETag {
        self.stamps().etag()
    }

    /// How often the task was retried after a failure ([K4](crate::evidence#k4)).
    pub fn retry_count(&self) -> u32 {
        self.history.as_ref().map_or(0, |history| history.retry_count)
    }

    /// When the task was last retried.
    pub fn last_retry_time(&self) -> Option<Timestamp> {
        self.history.as_ref()?.last_retry_time
    }

    /// How often a user's request sent the task back to the queue ([N6](crate::evidence#n6)).
    pub fn requeue_count(&self) -> u32 {
        self.history.as_ref().map_or(0, |history| history.requeue_count)
    }

    /// When a user's request last sent the task back to the queue.
    pub fn last_requeue_time(&self) -> Option<Timestamp> {
        self.history.as_ref()?.last_requeue_time
    }

    /// Where the task is, or was last.
    pub fn placement(&self) -> Option<&Placement> {
        let here = self.state().assignment().map(|assignment| &assignment.placement);
        here.or_else(|| self.state().completion()?.placement())
    }

    /// Whether the task is on this node now.
    pub(crate) fn is_on(&self, node: &NodeId) -> bool {
        self.state().assignment().is_some_and(|assignment| assignment.placement.node == *node)
    }

    /// Why the task was told to stop, if it is on a node and was.
    pub fn stop(&self) -> Option<TaskStop> {
        self.state().assignment().and_then(|assignment| assignment.stop)
    }

    /// Whether tasks that depend on this one can start ([K9](crate::evidence#k9)).
    pub fn satisfies_dependants(&self) -> bool {
        self.state().completion().is_some_and(|completion| {
            match self.exit_options(completion).dependency_action {
                Some(DependencyAction::Satisfy) => true,
                Some(DependencyAction::Block) => false,
                None => completion.is_success(),
            }
        })
    }

    /// What the task's failure asks of its job, if the job performs such actions (X3): termination by
    /// default, but nothing for an exit code of 0 (X7). A success asks for nothing.
    pub(crate) fn failure_action(&self) -> Option<FailureAction> {
        let completion = self.state().completion()?;
        completion.failure()?;
        let default = if completion.exit_code() == Some(0) { JobAction::None } else { JobAction::Terminate };
        match self.exit_options(completion).job_action.unwrap_or(default) {
            JobAction::None => None,
            JobAction::Disable => Some(FailureAction::Disable),
            JobAction::Terminate => Some(FailureAction::Terminate),
        }
    }

    /// The exit options for an end, the most exact ones first. Those of an exit code come before those of an upload
    /// that failed afterwards (K9).
    fn exit_options(&self, completion: &Completion) -> ExitOptions {
        let Some(conditions) = &self.specification.exit_conditions else { return ExitOptions::default() };
        let by_exit_code = || conditions.for_exit_code(completion.exit_code()?);
        let found = match completion.failure() {
            Some(TaskFailure::PreProcessing(_)) => conditions.pre_processing_error.or_else(by_exit_code),
            Some(TaskFailure::FileUpload(_)) => by_exit_code().or(conditions.file_upload_error),
            Some(TaskFailure::EndedByUser | TaskFailure::WallClockTime | TaskFailure::ExitCode) => {
                by_exit_code()
            }
            None => return by_exit_code().unwrap_or_default(), // K9: `default` is not for a success.
        };
        found.or(conditions.default).unwrap_or_default()
    }

    /// When the task reaches its maximum age (K13); `None` beyond the calendar.
    fn expiry(&self) -> Option<Timestamp> {
        self.created.checked_add(MAX_LIFETIME)
    }

    /// Whether the task is too old to be scheduled (K13).
    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        self.expiry().is_some_and(|expiry| expiry <= now)
    }

    /// When the run will have lasted `maxWallClockTime` (K5) or the task reaches its maximum age (K13),
    /// whichever is first; `None` if the task is not running, was already told to stop, or has no limit
    /// within the calendar.
    pub(crate) fn wall_clock_deadline(&self) -> Option<Timestamp> {
        match self.state() {
            TaskState::Running { assignment: Assignment { stop: None, .. }, start_time } => {
                let limit = self.constraints.max_wall_clock_time;
                let run = start_time.and_then(|start| start.checked_add(limit));
                run.into_iter().chain(self.expiry()).min()
            }
            TaskState::Active
            | TaskState::Preparing(_)
            | TaskState::Running { .. }
            | TaskState::Completed(_) => None,
        }
    }

    /// How the task ends if it ends as failed at `end_time`.
    pub(crate) fn failed(
        &self,
        failure: TaskFailure,
        exit_code: Option<i32>,
        end_time: Timestamp,
    ) -> Completion {
        let run = match self.state() {
            TaskState::Active | TaskState::Completed(_) => None,
            TaskState::Preparing(assignment) => {
                Some(LastRun { placement: assignment.placement.clone(), start_time: None })
            }
            TaskState::Running { assignment, start_time } => Some(LastRun {
                placement: assignment.placement.clone(),
                start_time: Some(self.started(*start_time)),
            }),
        };
        Completion { end_time, outcome: Outcome::Failed { failure, exit_code, run } }
    }

    /// How the task ends if its process ends with exit code 0; `None` if it is not running.
    pub(crate) fn succeeded(&self, end_time: Timestamp) -> Option<Completion> {
        match self.state() {
            TaskState::Running { assignment, start_time } => {
                let (placement, start_time) = (assignment.placement.clone(), self.started(*start_time));
                Some(Completion { end_time, outcome: Outcome::Succeeded { placement, start_time } })
            }
            TaskState::Active | TaskState::Preparing(_) | TaskState::Completed(_) => None,
        }
    }

    /// K10: a task whose node never reported the start started when it was assigned.
    fn started(&self, reported: Option<Timestamp>) -> Timestamp {
        reported.unwrap_or(self.stamps().entered())
    }
}
