//! What follows from a call: facts that became true, and instructions for the host.

use alloc::{boxed::Box, sync::Arc};

use crate::{
    TimeSpan, Timestamp,
    id::{JobId, NodeId, PoolId, TaskId},
    job::{DisableTasks, JobSettings, JobSpecification, TerminateReason},
    node::{NodeOrder, NodeState, NodeTasks, SchedulingState},
    pool::{NodeCounts, PoolSpecification},
    task::{Completion, Placement, StopCause, TaskConstraints, TaskSpecification},
};

/// One consequence of a call, in the order in which to act.
///
/// A *fact* has become true in the state already. An *instruction* is for a node; the host delivers it,
/// again if need be, until the node answers with a report or is gone. Delivering one twice does no
/// harm: what starts something carries the number of the `run`, counted for each task and for each
/// node's preparations and releases together, and a report can say which one it answers. Effects of both
/// kinds, applied to the state before a call, give the state after it (I5), so a host may store
/// them all instead of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the fields are named after what they hold; `at` is when it became true")]
pub enum Effect {
    /// Fact: a job was made. The host owes nothing.
    JobAdded {
        job: JobId,
        specification: Arc<JobSpecification>,
        settings: Arc<JobSettings>,
        /// When the request arrived (T6).
        creation_time: Timestamp,
        at: Timestamp,
    },
    /// Fact: a user changed the job's settings.
    JobUpdated { job: JobId, settings: Arc<JobSettings>, at: Timestamp },
    /// Fact: the job is being disabled, or its being disabled goes by a new option (G1). Where the
    /// option asks for it, `StopTask` instructions follow.
    JobDisabling { job: JobId, disable_tasks: DisableTasks, at: Timestamp },
    /// Fact: a disabled job was disabled once more, which moves its ETag alone (T2).
    JobTouched { job: JobId, at: Timestamp },
    /// Fact: none of the job's tasks runs any more.
    JobDisabled { job: JobId, at: Timestamp },
    /// Fact: the job is active again. The host may schedule.
    JobEnabled { job: JobId, at: Timestamp },
    /// Fact: the job is ending (E1). The instructions to its nodes follow.
    JobTerminating {
        job: JobId,
        reason: TerminateReason,
        at: Timestamp,
        /// The new lastModified; `None` where the job's schedule ended it (T2).
        modified: Option<Timestamp>,
        /// When nodes are no longer waited for (F1).
        give_up_at: Option<Timestamp>,
    },
    /// Fact: an ending job's nodes are waited for only until then (F2).
    JobTerminationForced { job: JobId, at: Timestamp, give_up_at: Timestamp },
    /// Fact: the job has ended (E8).
    JobCompleted { job: JobId, at: Timestamp },
    /// Fact: the job is being deleted (G2). The instructions to its nodes follow.
    JobDeleting { job: JobId, at: Timestamp, give_up_at: Option<Timestamp> },
    /// Fact: the job is gone with all its tasks. Whoever owns a [`Job`](crate::Job) alone drops it.
    JobDeleted { job: JobId },

    /// Fact: a task was added to the queue. The host may schedule.
    TaskAdded {
        job: JobId,
        specification: Arc<TaskSpecification>,
        constraints: TaskConstraints,
        at: Timestamp,
    },
    /// Fact: a user changed the task's constraints.
    TaskUpdated { job: JobId, task: TaskId, constraints: TaskConstraints, at: Timestamp },
    /// Fact: a user asked for the end of a task, which moves its ETag (T8).
    TaskTouched { job: JobId, task: TaskId, at: Timestamp },
    /// Fact: the task was given to a node whose preparation is not completed (K1).
    TaskPreparing { job: JobId, task: TaskId, placement: Placement, at: Timestamp },
    /// Fact: the task was given to a node that is ready for it; `StartTask` follows (K1).
    TaskRunning { job: JobId, task: TaskId, placement: Placement, at: Timestamp },
    /// Fact: the node said that the task started (K2).
    TaskStarted { job: JobId, task: TaskId, at: Timestamp },
    /// Fact: the task has ended. The node keeps its directory for the task's retention time.
    TaskCompleted { job: JobId, task: TaskId, completion: Box<Completion> },
    /// Fact: the task failed and will be tried again (K4).
    TaskRetried { job: JobId, task: TaskId, node: NodeId, at: Timestamp },
    /// Fact: the task is back in the queue (N6).
    TaskRequeued {
        job: JobId,
        task: TaskId,
        node: NodeId,
        at: Timestamp,
        /// A user's doing, which `requeueCount` counts.
        counted: bool,
    },
    /// Fact: a completed task is back in the queue by a user's wish (K8).
    TaskReactivated { job: JobId, task: TaskId, at: Timestamp },
    /// Fact: the task is gone (K7).
    TaskDeleted { job: JobId, task: TaskId, node: Option<NodeId>, at: Timestamp },

    /// Instruction: run the job preparation task on the node, then report its start and end.
    RunPreparation { job: JobId, node: NodeId, pool: PoolId, retry_count: u32, run: u32 },
    /// Instruction: stop the preparation task, then report its end (E3).
    StopPreparation { job: JobId, node: NodeId },
    /// Instruction: start the task on the node, then report its start and end.
    StartTask { job: JobId, task: TaskId, node: NodeId, run: u32 },
    /// Instruction: stop the task if it runs, do not start it if it does not, then report its end
    /// (E2, K6). Whether it still ran makes no difference to the report's meaning.
    StopTask { job: JobId, task: TaskId, node: NodeId, cause: StopCause },
    /// Instruction: run the job release task on the node, then report its start and end (E5).
    RunRelease { job: JobId, node: NodeId, run: u32 },
    /// Instruction: stop the release task; its report is no longer waited for (E6).
    StopRelease { job: JobId, node: NodeId },

    /// Fact: the node said that the preparation started.
    PreparationStarted { job: JobId, node: NodeId, at: Timestamp },
    /// Fact: the preparation is over.
    PreparationEnded {
        job: JobId,
        node: NodeId,
        at: Timestamp,
        exit_code: Option<i32>,
        outcome: PreparationOutcome,
    },
    /// Fact: the node said that the release started.
    ReleaseStarted { job: JobId, node: NodeId, at: Timestamp },
    /// Fact: the release is over; one that failed does not hold the job (E7).
    ReleaseEnded { job: JobId, node: NodeId, at: Timestamp, exit_code: Option<i32>, succeeded: bool },
    /// Fact: the job took note of what happened to one of its nodes (section 7).
    NodeNoted { job: JobId, node: NodeId, event: NodeEvent },

    /// Fact: a pool was made.
    PoolAdded { specification: Arc<PoolSpecification>, target: NodeCounts, at: Timestamp },
    /// Fact: the pool is to have so many nodes.
    PoolResizing { pool: PoolId, target: NodeCounts, resize_timeout: TimeSpan, at: Timestamp },
    /// Fact: the pool has the nodes that it is to have.
    PoolSteady { pool: PoolId, at: Timestamp },
    /// Fact: the pool is being deleted, its nodes with it.
    PoolDeleting { pool: PoolId, at: Timestamp },
    /// Fact: the pool is gone.
    PoolDeleted { pool: PoolId },
    /// Instruction: make so many nodes, name them, and add each with
    /// [`Account::add_node`](crate::Account::add_node).
    AddNodes { pool: PoolId, nodes: NodeCounts },
    /// Fact: a node joined a pool, idle.
    NodeAdded { node: NodeId, pool: PoolId, slots: u32, dedicated: bool, at: Timestamp },
    /// Fact: the node is in another state.
    NodeChanged {
        node: NodeId,
        state: NodeState,
        /// Whether it can be reached.
        answers: bool,
        /// How it has just started, if it has.
        boot: Option<Boot>,
        at: Timestamp,
    },
    /// Fact: tasks may or may not be given to the node.
    NodeScheduling { node: NodeId, scheduling: SchedulingState, at: Timestamp },
    /// Fact: the node will do this once its tasks have let go of it.
    NodeOrdered { node: NodeId, order: NodeOrder, tasks: NodeTasks, at: Timestamp },
    /// Instruction: do this to the node now, then tell with
    /// [`Account::node_event`](crate::Account::node_event).
    CarryOut { node: NodeId, order: NodeOrder },
    /// Fact: the node has left its pool.
    NodeRemoved { node: NodeId },
}

/// How a node started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Boot {
    /// With its disk as it was.
    Restarted,
    /// As if new.
    Renewed,
}

/// What became of a run of the job preparation task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PreparationOutcome {
    /// It ran to completion with exit code 0.
    Succeeded,
    /// It failed, and nobody waited for its success (E5).
    NotWaitedFor,
    /// It failed with retries left: it runs again.
    Retried,
    /// It failed for good and bars the node (N7).
    Failed,
    /// It was stopped, or its node was taken from under it; that is no completion (E5).
    Stopped,
}

/// What can happen to a node (section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NodeEvent {
    /// It restarted; its disk is as it was (N1).
    Rebooted,
    /// It was made anew (N2).
    Reimaged,
    /// It was taken out of its pool (N3).
    Removed,
    /// The cloud took it back (N3).
    Preempted,
    /// It does not answer (N4).
    Lost,
    /// It cannot be used; taken as lost (N8).
    Unusable,
    /// It answers again (N5).
    Returned,
    /// It was put away; what was on it is lost (N9).
    Deallocated,
    /// It is back from being put away, as if new (N9).
    Started,
}

impl Effect {
    /// The job that the effect is about, if it is about one.
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Self::JobAdded { job, .. }
            | Self::JobUpdated { job, .. }
            | Self::JobDisabling { job, .. }
            | Self::JobTouched { job, .. }
            | Self::JobDisabled { job, .. }
            | Self::JobEnabled { job, .. }
            | Self::JobTerminating { job, .. }
            | Self::JobTerminationForced { job, .. }
            | Self::JobCompleted { job, .. }
            | Self::JobDeleting { job, .. }
            | Self::JobDeleted { job }
            | Self::TaskAdded { job, .. }
            | Self::TaskUpdated { job, .. }
            | Self::TaskTouched { job, .. }
            | Self::TaskPreparing { job, .. }
            | Self::TaskRunning { job, .. }
            | Self::TaskStarted { job, .. }
            | Self::TaskCompleted { job, .. }
            | Self::TaskRetried { job, .. }
            | Self::TaskRequeued { job, .. }
            | Self::TaskReactivated { job, .. }
            | Self::TaskDeleted { job, .. }
            | Self::RunPreparation { job, .. }
            | Self::StopPreparation { job, .. }
            | Self::StartTask { job, .. }
            | Self::StopTask { job, .. }
            | Self::RunRelease { job, .. }
            | Self::StopRelease { job, .. }
            | Self::PreparationStarted { job, .. }
            | Self::PreparationEnded { job, .. }
            | Self::ReleaseStarted { job, .. }
            | Self::ReleaseEnded { job, .. }
            | Self::NodeNoted { job, .. } => Some(job),
            Self::PoolAdded { .. }
            | Self::PoolResizing { .. }
            | Self::PoolSteady { .. }
            | Self::PoolDeleting { .. }
            | Self::PoolDeleted { .. }
            | Self::AddNodes { .. }
            | Self::NodeAdded { .. }
            | Self::NodeScheduling { .. }
            | Self::NodeOrdered { .. }
            | Self::CarryOut { .. }
            | Self::NodeChanged { .. }
            | Self::NodeRemoved { .. } => None,
        }
    }
}
