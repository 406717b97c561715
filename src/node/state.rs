//! A node and its state.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    Timestamp,
    id::{JobId, NodeId, PoolId, TaskId},
    names::wire_enum,
    node::user::{NodeUser, RemoteLogin, UserName},
    stamps::Stamps,
};

/// How many of its latest tasks a node remembers.
pub(super) const MAX_RECENT_TASKS: usize = 10;

/// Whether a node that is there can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Reach {
    /// It answers.
    Answering,
    /// It does not answer ([N4](crate::evidence#n4)).
    Unknown,
    /// It cannot be used; treated as if it did not answer ([N8](crate::evidence#n8)).
    Unusable,
}

/// What a job can expect of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Contact {
    /// It answers.
    Answering,
    /// It does not answer, but may again ([N4](crate::evidence#n4), [N8](crate::evidence#n8)).
    Lost,
    /// It is gone, or nothing is left of what was on it ([N3](crate::evidence#n3), [N9](crate::evidence#n9)).
    Gone,
}

impl Reach {
    /// What a job can expect of a node that can be reached like this.
    pub fn contact(self) -> Contact {
        match self {
            Self::Answering => Contact::Answering,
            Self::Unknown | Self::Unusable => Contact::Lost,
        }
    }
}

/// How far an action on a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Stage {
    /// It waits until the node's tasks have ended ([N9](crate::evidence#n9)).
    Waiting {
        /// Whether it waits for the tasks' retention times too.
        retained_data: bool,
    },
    /// The host was told to carry it out.
    Issued,
}

/// What a node is doing, apart from its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NodeState {
    /// It runs tasks, or could.
    Ready(Reach),
    /// It is restarting, or will once its tasks have ended.
    Rebooting(Reach, Stage),
    /// It is being reimaged, or will be once its tasks have ended.
    Reimaging(Reach, Stage),
    /// It is being deallocated, or will be once its tasks have ended.
    Deallocating(Reach, Stage),
    /// It is deallocated.
    Deallocated,
    /// It is being started after it was deallocated.
    Starting(Stage),
    /// The cloud took it back ([N3](crate::evidence#n3)).
    Preempted,
    /// It is leaving its pool, or will once its tasks have ended.
    LeavingPool(Contact, Stage),
}

wire_enum! {
    /// What the service shows as the state of a node.
    #[allow(missing_docs, reason = "see NodeState")]
    pub enum NodeStateName {
        Idle = "idle",
        Running = "running",
        Offline = "offline",
        Rebooting = "rebooting",
        Reimaging = "reimaging",
        Deallocating = "deallocating",
        Deallocated = "deallocated",
        Starting = "starting",
        LeavingPool = "leavingpool",
        Unknown = "unknown",
        Unusable = "unusable",
        Preempted = "preempted",
    }
}

wire_enum! {
    /// Whether tasks can be assigned to a node.
    pub enum SchedulingState {
        /// They can.
        Enabled = "enabled",
        /// They cannot, because a user disabled it.
        Disabled = "disabled",
    }
}

/// How a node started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Boot {
    /// With its disk as it was.
    Restarted,
    /// As new.
    Renewed,
}

/// Something that the host does to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NodeAction {
    /// Restart it, then report [`Rebooted`](crate::node::NodeEvent::Rebooted).
    Reboot,
    /// Reimage it, then report [`Reimaged`](crate::node::NodeEvent::Reimaged).
    Reimage,
    /// Deallocate it, then report [`Deallocated`](crate::node::NodeEvent::Deallocated).
    Deallocate,
    /// Start it after it was deallocated, then report [`Started`](crate::node::NodeEvent::Started).
    Start,
    /// Remove it from its pool, then report [`Removed`](crate::node::NodeEvent::Removed).
    Remove,
}

impl NodeState {
    /// The action that is requested or under way, and how far it is.
    pub fn action(self) -> Option<(NodeAction, Stage)> {
        match self {
            Self::Rebooting(_, stage) => Some((NodeAction::Reboot, stage)),
            Self::Reimaging(_, stage) => Some((NodeAction::Reimage, stage)),
            Self::Deallocating(_, stage) => Some((NodeAction::Deallocate, stage)),
            Self::Starting(stage) => Some((NodeAction::Start, stage)),
            Self::LeavingPool(_, stage) => Some((NodeAction::Remove, stage)),
            Self::Ready(_) | Self::Deallocated | Self::Preempted => None,
        }
    }

    /// What a job can expect of the node.
    pub fn contact(self) -> Contact {
        match self {
            Self::Ready(reach)
            | Self::Rebooting(reach, _)
            | Self::Reimaging(reach, _)
            | Self::Deallocating(reach, _) => reach.contact(),
            Self::Deallocated | Self::Starting(_) | Self::Preempted => Contact::Gone,
            Self::LeavingPool(contact, _) => contact,
        }
    }

    /// Whether the node is on its way out of its pool.
    pub fn is_leaving(self) -> bool {
        matches!(self, Self::LeavingPool(..))
    }

    /// The same state with the action issued.
    pub(super) fn issued(self) -> Option<Self> {
        const ISSUED: Stage = Stage::Issued;
        match self {
            Self::Rebooting(reach, _) => Some(Self::Rebooting(reach, ISSUED)),
            Self::Reimaging(reach, _) => Some(Self::Reimaging(reach, ISSUED)),
            Self::Deallocating(reach, _) => Some(Self::Deallocating(reach, ISSUED)),
            Self::Starting(_) => Some(Self::Starting(ISSUED)),
            Self::LeavingPool(contact, _) => Some(Self::LeavingPool(contact, ISSUED)),
            Self::Ready(_) | Self::Deallocated | Self::Preempted => None,
        }
    }
}

/// A machine in a pool. It changes only through its [`Account`](crate::Account).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Node {
    id: NodeId,
    pool: PoolId,
    slots: u32,
    dedicated: bool,
    pub(super) state: NodeState,
    pub(super) stamps: Stamps<NodeStateName>,
    pub(super) scheduling: SchedulingState,
    pub(super) last_boot_time: Timestamp,
    /// The tasks that are on it, with the slots that each takes.
    pub(super) tasks: BTreeMap<JobId, BTreeMap<TaskId, u32>>,
    /// The sum of those slots.
    pub(super) taken_slots: u32,
    /// Until when the directory of some task that ended here is kept.
    pub(super) retained_until: Timestamp,
    pub(super) total_tasks_run: u64,
    pub(super) total_tasks_succeeded: u64,
    /// The tasks that came here last, the latest first.
    pub(super) recent_tasks: Vec<(JobId, TaskId)>,
    #[cfg_attr(feature = "serde", serde(default, deserialize_with = "crate::stored::map"))]
    pub(super) users: BTreeMap<UserName, NodeUser>,
    #[cfg_attr(feature = "serde", serde(default))]
    pub(super) remote_login: Option<RemoteLogin>,
}

impl Node {
    pub(crate) fn new(id: NodeId, pool: PoolId, slots: u32, dedicated: bool, at: Timestamp) -> Self {
        Self {
            id,
            pool,
            slots,
            dedicated,
            state: NodeState::Ready(Reach::Answering),
            stamps: Stamps::new(at),
            scheduling: SchedulingState::Enabled,
            last_boot_time: at,
            tasks: BTreeMap::new(),
            taken_slots: 0,
            retained_until: Timestamp::MIN,
            total_tasks_run: 0,
            total_tasks_succeeded: 0,
            recent_tasks: Vec::new(),
            users: BTreeMap::new(),
            remote_login: None,
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

    /// How many of its slots are taken by tasks.
    pub fn taken_slots(&self) -> u32 {
        self.taken_slots
    }

    /// How many of its slots are free.
    pub fn free_slots(&self) -> u32 {
        self.slots.saturating_sub(self.taken_slots)
    }

    /// Whether it is a dedicated node, rather than one that the cloud can take back.
    pub fn is_dedicated(&self) -> bool {
        self.dedicated
    }

    /// What it is doing, apart from its tasks.
    pub fn state(&self) -> NodeState {
        self.state
    }

    /// The state that the service shows, which depends on the node's tasks too.
    pub fn state_name(&self) -> NodeStateName {
        match self.state {
            NodeState::Ready(Reach::Unknown)
            | NodeState::Rebooting(Reach::Unknown, _)
            | NodeState::Reimaging(Reach::Unknown, _) => NodeStateName::Unknown,
            NodeState::Ready(Reach::Unusable)
            | NodeState::Rebooting(Reach::Unusable, _)
            | NodeState::Reimaging(Reach::Unusable, _) => NodeStateName::Unusable,
            NodeState::Ready(Reach::Answering) if !self.tasks.is_empty() => NodeStateName::Running,
            NodeState::Ready(Reach::Answering) => match self.scheduling {
                SchedulingState::Enabled => NodeStateName::Idle,
                SchedulingState::Disabled => NodeStateName::Offline,
            },
            NodeState::Rebooting(Reach::Answering, _) => NodeStateName::Rebooting,
            NodeState::Reimaging(Reach::Answering, _) => NodeStateName::Reimaging,
            NodeState::Deallocating(..) => NodeStateName::Deallocating,
            NodeState::Deallocated => NodeStateName::Deallocated,
            NodeState::Starting(_) => NodeStateName::Starting,
            NodeState::Preempted => NodeStateName::Preempted,
            NodeState::LeavingPool(..) => NodeStateName::LeavingPool,
        }
    }

    /// What a job can expect of it.
    pub fn contact(&self) -> Contact {
        self.state.contact()
    }

    /// When it joined its pool, and when the state that the service shows was entered. Nodes have no
    /// ETag.
    pub fn stamps(&self) -> &Stamps<NodeStateName> {
        &self.stamps
    }

    /// Whether tasks can be assigned to it.
    pub fn scheduling(&self) -> SchedulingState {
        self.scheduling
    }

    /// When it last started.
    pub fn last_boot_time(&self) -> Timestamp {
        self.last_boot_time
    }

    /// Until when the directory of some task that ended here is kept, for an action that waits for
    /// [`RetainedData`](crate::node::NodeTasks::RetainedData).
    pub fn retained_until(&self) -> Timestamp {
        self.retained_until
    }

    /// The tasks that are on it, by job and task.
    pub fn tasks(&self) -> impl Iterator<Item = (&JobId, &TaskId)> {
        self.tasks.iter().flat_map(|(job, tasks)| tasks.keys().map(move |task| (job, task)))
    }

    /// The jobs that have tasks on it.
    pub(crate) fn jobs_with_tasks(&self) -> impl Iterator<Item = &JobId> {
        self.tasks.keys()
    }

    /// The slots that a task takes here, if it is here.
    pub(crate) fn slots_of(&self, job: &JobId, task: &TaskId) -> Option<u32> {
        self.tasks.get(job)?.get(task).copied()
    }

    /// How many runs of tasks were started on it.
    pub fn total_tasks_run(&self) -> u64 {
        self.total_tasks_run
    }

    /// How many of them succeeded.
    pub fn total_tasks_succeeded(&self) -> u64 {
        self.total_tasks_succeeded
    }

    /// The tasks that were assigned to it last, the latest first; at most 10.
    pub fn recent_tasks(&self) -> &[(JobId, TaskId)] {
        &self.recent_tasks
    }

    /// The users that can log in, by name.
    pub fn users(&self) -> impl Iterator<Item = (&UserName, &NodeUser)> {
        self.users.iter()
    }

    /// A user.
    pub fn user(&self, name: &UserName) -> Option<&NodeUser> {
        self.users.get(name)
    }

    /// Where users log in, if the host has said so with
    /// [`Account::set_remote_login`](crate::Account::set_remote_login).
    pub fn remote_login(&self) -> Option<RemoteLogin> {
        self.remote_login
    }

    /// Whether a task can be assigned to it if there is room.
    pub(crate) fn takes_tasks(&self) -> bool {
        self.state == NodeState::Ready(Reach::Answering) && self.scheduling == SchedulingState::Enabled
    }

    /// When the action that waits can be issued; `None` if none does, or while tasks hold it up.
    pub(crate) fn action_due(&self) -> Option<Timestamp> {
        let (action, stage) = self.state.action()?;
        let Stage::Waiting { retained_data } = stage else { return None };
        // N10: a node that does not answer is removed without its tasks having ended.
        let unreachable = action == NodeAction::Remove && self.contact() != Contact::Answering;
        let is_free = self.tasks.is_empty() || unreachable;
        is_free.then_some(if retained_data { self.retained_until } else { Timestamp::MIN })
    }

    /// What the types alone do not rule out (I3, I6).
    pub(crate) fn is_consistent(&self) -> bool {
        let slots = self.tasks.values().flat_map(BTreeMap::values);
        let taken = slots.fold(0_u64, |sum, slots| sum + u64::from(*slots));
        let fits = taken == u64::from(self.taken_slots) && self.taken_slots <= self.slots;
        let no_empty_job = self.tasks.values().all(|tasks| !tasks.is_empty());
        fits && no_empty_job && self.stamps.are_in_order() && self.recent_tasks.len() <= MAX_RECENT_TASKS
    }
}
