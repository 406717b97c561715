//! A job: its state, the requests it takes, the reports it hears and the moves it makes by itself.
//!
//! `table.rs` says what is allowed when; `requests.rs`, `reports.rs` and `ticks.rs` are the three ways
//! in (S1); `ending.rs` is the one way out, shared by every termination and the deletion; and
//! `apply.rs` is the only place where state changes.

mod apply;
mod check;
mod effect;
mod ending;
mod numbers;
mod record;
mod reports;
mod requests;
mod specification;
mod table;
mod ticks;

#[cfg(test)]
mod tests;

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

pub(crate) use apply::new_job;
pub use check::Violation;
pub(crate) use check::ensure;
pub use effect::{Boot, Effect, NodeEvent, PreparationOutcome};
pub use ending::{DEFAULT_FORCE_WAIT, Delete, Terminate};
pub use record::{Contact, JobNode, NodeRun, NodeRunState};
pub use reports::{Ended, NodeFailure, Report, ReportEvent, Unit};
pub use requests::{
    AddJob, AddTask, DeleteTask, Disable, Enable, JobChange, JobPatch, NotAssigned, UpdateJob, UpdateTask,
};
pub use requests::{ReactivateTask, TerminateTask};
pub use specification::{
    DisableTasks, JobConstraints, JobManagerTask, JobPreparationTask, JobReleaseTask, JobSettings,
    JobSpecification, OnAllTasksComplete, OnTaskFailure,
};
pub use table::JobRequest;

use numbers::Numbers;

use crate::{
    ETag, Timestamp,
    id::{JobId, NodeId, TaskId},
    task::{JobAction, Task, TaskState},
};

/// Why a job ended; its `terminateReason`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TerminateReason {
    /// A user ended it, with these words or with none (E1).
    User(Option<Box<str>>),
    /// Its `maxWallClockTime` is over (X1).
    MaxWallClockTimeExpiry,
    /// Its job manager task is completed (X2).
    JobManagerComplete,
    /// A task failed that asked for it (X3).
    TaskFailed,
    /// All its tasks are completed (X4).
    AllTasksComplete,
    /// Its schedule was terminated (X5).
    Schedule,
}

impl TerminateReason {
    /// The text on the wire. That of a schedule is the one recordings show, not the documented one.
    pub fn as_str(&self) -> &str {
        match self {
            Self::User(Some(reason)) => reason,
            Self::User(None) => "UserTerminate",
            Self::MaxWallClockTimeExpiry => "MaxWallClockTimeExpiry",
            Self::JobManagerComplete => "JMComplete",
            Self::TaskFailed => "TaskFailed",
            Self::AllTasksComplete => "AllTasksComplete",
            Self::Schedule => "TerminateWorkitem",
        }
    }
}

/// The state of a job, with what only a job in that state has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum JobState {
    /// Its tasks are scheduled.
    Active,
    /// Its tasks are being got off the nodes (G1).
    Disabling(DisableTasks),
    /// Its tasks are not scheduled.
    Disabled,
    /// On its way back to active. Never seen in a recording; no request leads here.
    Enabling,
    /// Ending: nodes still have something to do (E1).
    Terminating {
        /// Why.
        reason: TerminateReason,
        /// When nodes are no longer waited for; `None` without force (F1).
        give_up_at: Option<Timestamp>,
    },
    /// Ended (E8).
    Completed {
        /// Why.
        reason: TerminateReason,
        /// When.
        end_time: Timestamp,
    },
    /// Being deleted (G2).
    Deleting {
        /// Why and when it had ended, if it was terminated before it was deleted.
        terminated: Option<(TerminateReason, Option<Timestamp>)>,
        /// When nodes are no longer waited for; `None` without force (F1).
        give_up_at: Option<Timestamp>,
    },
}

/// The name of a [`JobState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the names say it")]
pub enum JobStateName {
    Active,
    Disabling,
    Disabled,
    Enabling,
    Terminating,
    Completed,
    Deleting,
}

impl JobStateName {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabling => "disabling",
            Self::Disabled => "disabled",
            Self::Enabling => "enabling",
            Self::Terminating => "terminating",
            Self::Completed => "completed",
            Self::Deleting => "deleting",
        }
    }
}

impl JobState {
    /// The state's name.
    pub fn name(&self) -> JobStateName {
        match self {
            Self::Active => JobStateName::Active,
            Self::Disabling(_) => JobStateName::Disabling,
            Self::Disabled => JobStateName::Disabled,
            Self::Enabling => JobStateName::Enabling,
            Self::Terminating { .. } => JobStateName::Terminating,
            Self::Completed { .. } => JobStateName::Completed,
            Self::Deleting { .. } => JobStateName::Deleting,
        }
    }

    /// Whether the state is only passed through, and so never shown as the previous one (T7).
    fn is_transitional(&self) -> bool {
        match self {
            Self::Disabling(_) | Self::Enabling | Self::Terminating { .. } => true,
            Self::Active | Self::Disabled | Self::Completed { .. } | Self::Deleting { .. } => false,
        }
    }

    /// Whether the job is on its way out, so that what ends on a node stays ended (E2, G2).
    pub(crate) fn is_ending(&self) -> bool {
        match self {
            Self::Terminating { .. } | Self::Deleting { .. } => true,
            Self::Active | Self::Disabling(_) | Self::Disabled | Self::Enabling | Self::Completed { .. } => {
                false
            }
        }
    }
}

/// How many tasks, or task slots, are in which state. Preparing counts as running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Counts {
    /// Waiting for a node.
    pub active: u64,
    /// On a node.
    pub running: u64,
    /// Completed without a failure.
    pub succeeded: u64,
    /// Completed with a failure.
    pub failed: u64,
}

impl Counts {
    /// Succeeded and failed ones.
    pub fn completed(self) -> u64 {
        self.succeeded + self.failed
    }

    fn of(&mut self, state: &TaskState) -> &mut u64 {
        match state {
            TaskState::Active => &mut self.active,
            TaskState::Preparing { .. } | TaskState::Running { .. } => &mut self.running,
            TaskState::Completed(completion) if completion.failure.is_none() => &mut self.succeeded,
            TaskState::Completed(_) => &mut self.failed,
        }
    }
}

/// Tasks and the indexes over them, which always agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct TaskTable {
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::stored::map"))]
    by_id: BTreeMap<TaskId, Task>,
    next_sequence: u64,
    /// The tasks whose ids are whole numbers, for dependencies on ranges (K9).
    numbered: BTreeMap<u32, BTreeSet<TaskId>>,
    /// Those numbers whose tasks all satisfy their dependants.
    met: Numbers,
    index: TaskIndex,
}

/// What depends on the tasks' states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct TaskIndex {
    /// The active tasks in the order in which they are scheduled.
    queue: BTreeMap<u64, TaskId>,
    counts: Counts,
    slots: Counts,
}

/// A job as a state machine. See the crate's documentation for how to drive it.
///
/// A job holds its tasks and what it knows of its nodes. Requests can be refused, and a refused one
/// changes nothing; reports and ticks cannot (S1). A copy shares the tasks until either changes one, so
/// copying is cheap however many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(remote = "Self"))]
pub struct Job {
    specification: Arc<JobSpecification>,
    settings: Arc<JobSettings>,
    creation_time: Timestamp,
    /// The instant the job was made, which is its `executionInfo.startTime` too (T6).
    start_time: Timestamp,
    last_modified: Timestamp,
    state: JobState,
    state_transition_time: Timestamp,
    previous_state: Option<(JobStateName, Timestamp)>,
    /// What failed tasks ask for that was not heeded yet (X3).
    demands: BTreeMap<TaskId, JobAction>,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::stored::map"))]
    nodes: BTreeMap<NodeId, JobNode>,
    /// Shared with copies of the job until one of them changes a task.
    tasks: Arc<TaskTable>,
}

impl Job {
    /// The job's id.
    pub fn id(&self) -> &JobId {
        &self.specification.id
    }

    /// What the user asked for, once and for all.
    pub fn specification(&self) -> &JobSpecification {
        &self.specification
    }

    /// What the user can change.
    pub fn settings(&self) -> &JobSettings {
        &self.settings
    }

    /// The state.
    pub fn state(&self) -> &JobState {
        &self.state
    }

    /// When the request for the job arrived (T6).
    pub fn creation_time(&self) -> Timestamp {
        self.creation_time
    }

    /// When the job was made.
    pub fn start_time(&self) -> Timestamp {
        self.start_time
    }

    /// When the job was last modified, in the sense of T2.
    pub fn last_modified(&self) -> Timestamp {
        self.last_modified
    }

    /// The job's ETag, which follows from [`last_modified`](Self::last_modified) (T1).
    pub fn etag(&self) -> ETag {
        ETag::from(self.last_modified)
    }

    /// When the state was entered.
    pub fn state_transition_time(&self) -> Timestamp {
        self.state_transition_time
    }

    /// The state before and when that was entered, never a transitional one; `None` until the first
    /// transition (T7).
    pub fn previous_state(&self) -> Option<(JobStateName, Timestamp)> {
        self.previous_state
    }

    /// Why it ended or is ending, if it was terminated.
    pub fn terminate_reason(&self) -> Option<&TerminateReason> {
        match &self.state {
            JobState::Terminating { reason, .. } | JobState::Completed { reason, .. } => Some(reason),
            JobState::Deleting { terminated, .. } => terminated.as_ref().map(|(reason, _)| reason),
            JobState::Active | JobState::Disabling(_) | JobState::Disabled | JobState::Enabling => None,
        }
    }

    /// When it ended, if it has.
    pub fn end_time(&self) -> Option<Timestamp> {
        match &self.state {
            JobState::Completed { end_time, .. } => Some(*end_time),
            JobState::Deleting { terminated, .. } => terminated.as_ref().and_then(|(_, end_time)| *end_time),
            JobState::Active
            | JobState::Disabling(_)
            | JobState::Disabled
            | JobState::Enabling
            | JobState::Terminating { .. } => None,
        }
    }

    /// A task.
    pub fn task(&self, task: &TaskId) -> Option<&Task> {
        self.tasks.by_id.get(task)
    }

    /// The tasks, by id without case.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.by_id.values()
    }

    /// The tasks whose ids come after this one, or all.
    pub fn tasks_after(&self, task: Option<&TaskId>) -> impl Iterator<Item = &Task> {
        use core::ops::Bound::{Excluded, Unbounded};
        self.tasks.by_id.range((task.map_or(Unbounded, Excluded), Unbounded)).map(|(_, task)| task)
    }

    /// The active tasks in the order in which they were added.
    pub fn queue(&self) -> impl Iterator<Item = &Task> {
        self.tasks.index.queue.values().filter_map(|id| self.tasks.by_id.get(id))
    }

    /// The active tasks that were added after the one with this sequence number, or all.
    pub(crate) fn queue_after(&self, sequence: Option<u64>) -> impl Iterator<Item = &Task> {
        use core::ops::Bound::{Excluded, Unbounded};
        let from = sequence.map_or(Unbounded, Excluded);
        self.tasks.index.queue.range((from, Unbounded)).filter_map(|(_, id)| self.tasks.by_id.get(id))
    }

    /// How many tasks are in which state.
    pub fn task_counts(&self) -> Counts {
        self.tasks.index.counts
    }

    /// How many slots the tasks in each state need.
    pub fn task_slot_counts(&self) -> Counts {
        self.tasks.index.slots
    }

    /// The nodes that have or had something of the job, by id.
    pub fn nodes(&self) -> impl Iterator<Item = (&NodeId, &JobNode)> {
        self.nodes.iter()
    }

    /// What the job knows of a node.
    pub fn node(&self, node: &NodeId) -> Option<&JobNode> {
        self.nodes.get(node)
    }

    /// The stamp for a change at `now`: stamps of one resource never go back (T5).
    fn stamp(&self, now: Timestamp) -> Timestamp {
        now.max(self.last_modified).max(self.state_transition_time)
    }

    /// The stamp for a change at `now` that moves the ETag, which must not repeat (T5).
    fn stamp_modified(&self, now: Timestamp) -> Timestamp {
        self.stamp(now).max(self.last_modified.next_tick())
    }

    /// Makes a fact true and writes it down. Every change of state goes through here, so effects
    /// replayed over an old state give the new one (I5).
    fn emit(&mut self, effects: &mut Vec<Effect>, effect: Effect) {
        self.apply(&effect);
        effects.push(effect);
    }
}
