//! A node: what the account knows of a machine in a pool.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    BatchError, ErrorCode, Timestamp,
    id::{JobId, NodeId, PoolId, TaskId},
};

/// How many of the latest tasks a node remembers.
const RECENT_TASKS: usize = 10;

/// What a node is doing, but for its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NodeState {
    /// It takes tasks: `idle` without any, `running` with some, `offline` if scheduling is disabled
    /// and none is left.
    Ready,
    /// It is restarting, or will when its tasks have let go of it.
    Rebooting,
    /// It is being made anew, or will be when its tasks have let go of it.
    Reimaging,
    /// It is being put away, or will be when its tasks have let go of it.
    Deallocating,
    /// It is put away.
    Deallocated,
    /// It is coming back from being put away.
    Starting,
    /// It is leaving its pool, or will when its tasks have let go of it.
    LeavingPool,
    /// It does not answer (N4).
    Unknown,
    /// It cannot be used (N8).
    Unusable,
    /// The cloud took it back (N3).
    Preempted,
}

/// Whether tasks may be given to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SchedulingState {
    /// They may.
    Enabled,
    /// They may not, by a user's wish.
    Disabled,
}

/// What a user wants done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NodeOrder {
    /// Restart it; tell with `NodeEvent::Rebooted`.
    Reboot,
    /// Make it anew; tell with `NodeEvent::Reimaged`.
    Reimage,
    /// Put it away; tell with `NodeEvent::Deallocated`.
    Deallocate,
    /// Bring it back; tell with `NodeEvent::Started`.
    Start,
    /// Take it out of its pool; tell with `NodeEvent::Removed`.
    Remove,
}

impl NodeOrder {
    /// The state of a node that is to do this or is doing it.
    pub(crate) fn state(self) -> NodeState {
        match self {
            Self::Reboot => NodeState::Rebooting,
            Self::Reimage => NodeState::Reimaging,
            Self::Deallocate => NodeState::Deallocating,
            Self::Start => NodeState::Starting,
            Self::Remove => NodeState::LeavingPool,
        }
    }
}

/// What becomes of the tasks of a node that a user takes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NodeTasks {
    /// They are stopped and wait for another node.
    #[default]
    Requeue,
    /// They are stopped and completed.
    Terminate,
    /// They run to their end first.
    TaskCompletion,
    /// They run to their end, and their directories are kept for their retention time first.
    RetainedData,
}

/// An order that waits for a node's tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct PendingOrder {
    pub(crate) order: NodeOrder,
    /// Whether retention times are waited for too.
    pub(crate) retained_data: bool,
}

/// A machine in a pool. Read it freely; it changes only through its [`Account`](crate::Account).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Node {
    pub(crate) id: NodeId,
    pub(crate) pool: PoolId,
    pub(crate) slots: u32,
    pub(crate) dedicated: bool,
    pub(crate) state: NodeState,
    pub(crate) state_transition_time: Timestamp,
    pub(crate) scheduling: SchedulingState,
    pub(crate) allocation_time: Timestamp,
    pub(crate) last_boot_time: Timestamp,
    /// Whether it can be reached.
    pub(crate) answers: bool,
    pub(crate) pending: Option<PendingOrder>,
    /// What it was told to do and has not told to be done.
    pub(crate) told: Option<NodeOrder>,
    /// The tasks that are on it, with the slots that each takes.
    pub(crate) tasks: BTreeMap<JobId, BTreeMap<TaskId, u32>>,
    /// The sum of those.
    pub(crate) taken: u32,
    /// Until when the directory of some task that ended here is kept.
    pub(crate) retained_until: Timestamp,
    pub(crate) total_tasks_run: u64,
    pub(crate) total_tasks_succeeded: u64,
    /// The tasks that came here last, the latest first.
    pub(crate) recent: Vec<(JobId, TaskId)>,
}

impl Node {
    pub(crate) fn new(id: NodeId, pool: PoolId, slots: u32, dedicated: bool, at: Timestamp) -> Self {
        Self {
            id,
            pool,
            slots,
            dedicated,
            state: NodeState::Ready,
            state_transition_time: at,
            scheduling: SchedulingState::Enabled,
            allocation_time: at,
            last_boot_time: at,
            answers: true,
            pending: None,
            told: None,
            tasks: BTreeMap::new(),
            taken: 0,
            retained_until: Timestamp::MIN,
            total_tasks_run: 0,
            total_tasks_succeeded: 0,
            recent: Vec::new(),
        }
    }

    /// The node's id.
    pub fn id(&self) -> &NodeId {
        &self.id
    }

    /// The pool that it belongs to.
    pub fn pool(&self) -> &PoolId {
        &self.pool
    }

    /// How many slots it has.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// How many of its slots tasks take.
    pub fn taken_slots(&self) -> u32 {
        self.taken
    }

    /// How many of its slots no task takes.
    pub fn free_slots(&self) -> u32 {
        self.slots.saturating_sub(self.taken_slots())
    }

    /// Whether it is the pool's own, rather than one that the cloud can take back.
    pub fn is_dedicated(&self) -> bool {
        self.dedicated
    }

    /// What it is doing.
    pub fn state(&self) -> NodeState {
        self.state
    }

    /// The state's name on the wire, which tells whether it has tasks too.
    pub fn state_name(&self) -> &'static str {
        match (self.state, self.scheduling) {
            (NodeState::Ready, _) if !self.tasks.is_empty() => "running",
            (NodeState::Ready, SchedulingState::Enabled) => "idle",
            (NodeState::Ready, SchedulingState::Disabled) => "offline",
            (NodeState::Rebooting, _) => "rebooting",
            (NodeState::Reimaging, _) => "reimaging",
            (NodeState::Deallocating, _) => "deallocating",
            (NodeState::Deallocated, _) => "deallocated",
            (NodeState::Starting, _) => "starting",
            (NodeState::LeavingPool, _) => "leavingpool",
            (NodeState::Unknown, _) => "unknown",
            (NodeState::Unusable, _) => "unusable",
            (NodeState::Preempted, _) => "preempted",
        }
    }

    /// Whether it can be reached, as far as it was told (N4, N5).
    pub fn answers(&self) -> bool {
        self.answers
    }

    /// When what [`state_name`](Self::state_name) tells began to be so.
    pub fn state_transition_time(&self) -> Timestamp {
        self.state_transition_time
    }

    /// Whether tasks may be given to it.
    pub fn scheduling(&self) -> SchedulingState {
        self.scheduling
    }

    /// When it joined its pool.
    pub fn allocation_time(&self) -> Timestamp {
        self.allocation_time
    }

    /// When it started last.
    pub fn last_boot_time(&self) -> Timestamp {
        self.last_boot_time
    }

    /// The tasks that are on it, by job and task.
    pub fn tasks(&self) -> impl Iterator<Item = (&JobId, &TaskId)> {
        self.tasks.iter().flat_map(|(job, tasks)| tasks.keys().map(move |task| (job, task)))
    }

    /// How many tasks it has been given to run.
    pub fn total_tasks_run(&self) -> u64 {
        self.total_tasks_run
    }

    /// How many of them succeeded.
    pub fn total_tasks_succeeded(&self) -> u64 {
        self.total_tasks_succeeded
    }

    /// The tasks that came here last, the latest first.
    pub fn recent_tasks(&self) -> &[(JobId, TaskId)] {
        &self.recent
    }

    /// Whether a task could be given to it, if there is room.
    pub(crate) fn takes_tasks(&self) -> bool {
        self.state == NodeState::Ready && self.scheduling == SchedulingState::Enabled
    }

    /// 409: what the state says about doing something to the node now (N9).
    pub(crate) fn refusal(&self, order: NodeOrder) -> Option<ErrorCode> {
        match self.state {
            NodeState::Ready if order == NodeOrder::Start => Some(ErrorCode::OperationNotValidOnNode),
            NodeState::Deallocated if order == NodeOrder::Start => None,
            NodeState::Rebooting if order != NodeOrder::Remove => Some(ErrorCode::NodeBeingRebooted),
            NodeState::Reimaging if order != NodeOrder::Remove => Some(ErrorCode::NodeBeingReimaged),
            NodeState::Starting if order != NodeOrder::Remove => Some(ErrorCode::NodeBeingStarted),
            NodeState::Unusable if order != NodeOrder::Remove => Some(ErrorCode::NodeStateUnusable),
            NodeState::Deallocating
            | NodeState::Deallocated
            | NodeState::LeavingPool
            | NodeState::Unknown
            | NodeState::Preempted
                if order != NodeOrder::Remove =>
            {
                Some(ErrorCode::OperationNotValidOnNode)
            }
            NodeState::Ready
            | NodeState::Rebooting
            | NodeState::Reimaging
            | NodeState::Deallocating
            | NodeState::Deallocated
            | NodeState::Starting
            | NodeState::LeavingPool
            | NodeState::Unknown
            | NodeState::Unusable
            | NodeState::Preempted => None,
        }
    }

    pub(crate) fn refuse(&self, order: NodeOrder) -> Result<(), BatchError> {
        self.refusal(order).map_or(Ok(()), |code| Err(code.into()))
    }

    /// The stamp for a change at `now` (T5).
    pub(crate) fn stamp(&self, now: Timestamp) -> Timestamp {
        now.max(self.state_transition_time)
    }

    /// Makes a change, and stamps the node if it reads differently after it.
    pub(crate) fn change(&mut self, at: Timestamp, change: impl FnOnce(&mut Self)) {
        let before = self.state_name();
        change(self);
        if self.state_name() != before {
            self.state_transition_time = self.stamp(at);
        }
    }

    pub(crate) fn take_in(&mut self, job: &JobId, task: &TaskId, slots: u32, at: Timestamp) {
        self.change(at, |node| {
            let before = node.tasks.entry(job.clone()).or_default().insert(task.clone(), slots);
            node.taken = node.taken.saturating_sub(before.unwrap_or(0)).saturating_add(slots);
            let pair = (job.clone(), task.clone());
            node.recent.retain(|recent| *recent != pair);
            node.recent.insert(0, pair);
            node.recent.truncate(RECENT_TASKS);
        });
    }

    pub(crate) fn let_go(&mut self, job: &JobId, task: &TaskId, at: Timestamp) {
        self.change(at, |node| {
            if let Some(tasks) = node.tasks.get_mut(job) {
                let slots = tasks.remove(task);
                node.taken = node.taken.saturating_sub(slots.unwrap_or(0));
                if tasks.is_empty() {
                    node.tasks.remove(job);
                }
            }
        });
    }

    /// When the order that waits can be carried out; `None` while tasks hold it up, or if there is none.
    pub(crate) fn order_due(&self) -> Option<Timestamp> {
        let pending = self.pending?;
        let free = match pending.order {
            // N10: a node that does not answer leaves without its tasks' letting go of it.
            NodeOrder::Remove => self.tasks.is_empty() || !self.answers,
            // N3: a node that was preempted can only leave.
            NodeOrder::Reboot | NodeOrder::Reimage | NodeOrder::Deallocate | NodeOrder::Start => {
                self.tasks.is_empty() && self.state != NodeState::Preempted
            }
        };
        if !free {
            return None;
        }
        Some(if pending.retained_data { self.retained_until } else { Timestamp::MIN })
    }
}
