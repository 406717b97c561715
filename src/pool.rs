//! A pool: what the account knows of a set of nodes.

use alloc::sync::Arc;

use crate::{ETag, TimeSpan, Timestamp, id::PoolId, task::Properties};

/// What a user asked a pool to be, once and for all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PoolSpecification {
    /// The pool's id, unique within the account.
    pub id: PoolId,
    /// How many slots each node has.
    pub task_slots_per_node: u32,
    /// Which node a task goes to.
    pub node_fill_type: NodeFillType,
    /// Everything else: `vmSize`, `virtualMachineConfiguration` and so on.
    pub other: Properties,
}

/// Which of the nodes with room a task goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NodeFillType {
    /// The one with the most free slots.
    #[default]
    Spread,
    /// The one with the fewest free slots that are enough.
    Pack,
}

/// How many nodes a pool is to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeCounts {
    /// Nodes of its own.
    pub dedicated: u32,
    /// Nodes that the cloud can take back; spot nodes.
    pub low_priority: u32,
}

/// The state of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PoolState {
    /// It has nodes, or will have.
    Active,
    /// Its nodes are leaving, then it is gone.
    Deleting,
}

/// Whether a pool has the nodes it is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum AllocationState {
    /// It has.
    Steady,
    /// Nodes are coming or leaving.
    Resizing,
}

/// A pool. Read it freely; it changes only through its [`Account`](crate::Account).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pool {
    pub(crate) specification: Arc<PoolSpecification>,
    pub(crate) creation_time: Timestamp,
    pub(crate) last_modified: Timestamp,
    pub(crate) state: PoolState,
    pub(crate) state_transition_time: Timestamp,
    pub(crate) allocation_state: AllocationState,
    pub(crate) allocation_state_transition_time: Timestamp,
    pub(crate) target: NodeCounts,
    /// That of the latest resize; until there is one, the specification's (P7).
    pub(crate) resize_timeout: Option<TimeSpan>,
}

impl Pool {
    /// How long a resize may take unless it says so itself: `PT15M`.
    pub const RESIZE_TIMEOUT: TimeSpan = TimeSpan::from_secs(15 * 60);

    pub(crate) fn new(specification: Arc<PoolSpecification>, target: NodeCounts, at: Timestamp) -> Self {
        Self {
            specification,
            creation_time: at,
            last_modified: at,
            state: PoolState::Active,
            state_transition_time: at,
            allocation_state: AllocationState::Resizing,
            allocation_state_transition_time: at,
            target,
            resize_timeout: None,
        }
    }

    /// The pool's id.
    pub fn id(&self) -> &PoolId {
        &self.specification.id
    }

    /// What the user asked for.
    pub fn specification(&self) -> &PoolSpecification {
        &self.specification
    }

    /// When the pool was made.
    pub fn creation_time(&self) -> Timestamp {
        self.creation_time
    }

    /// When a user last changed the pool.
    pub fn last_modified(&self) -> Timestamp {
        self.last_modified
    }

    /// The pool's ETag (T1).
    pub fn etag(&self) -> ETag {
        ETag::from(self.last_modified)
    }

    /// The state.
    pub fn state(&self) -> PoolState {
        self.state
    }

    /// When the state was entered.
    pub fn state_transition_time(&self) -> Timestamp {
        self.state_transition_time
    }

    /// Whether it has the nodes it is to have.
    pub fn allocation_state(&self) -> AllocationState {
        self.allocation_state
    }

    /// When that changed last.
    pub fn allocation_state_transition_time(&self) -> Timestamp {
        self.allocation_state_transition_time
    }

    /// How many nodes it is to have.
    pub fn target(&self) -> NodeCounts {
        self.target
    }

    /// How long the latest resize may take; `None` before the first, when it is what the specification
    /// says (P7). Kept and shown: it is the host that makes nodes.
    pub fn resize_timeout(&self) -> Option<TimeSpan> {
        self.resize_timeout
    }

    /// The stamp for a change at `now` that moves the ETag (T5, P6).
    pub(crate) fn stamp_modified(&self, now: Timestamp) -> Timestamp {
        self.stamp(now).max(self.last_modified.next_tick())
    }

    /// The stamp for a change at `now` (T5).
    pub(crate) fn stamp(&self, now: Timestamp) -> Timestamp {
        let latest = self.state_transition_time.max(self.allocation_state_transition_time);
        now.max(self.last_modified).max(latest)
    }
}
