//! The requests that change nodes, named after the operations of the REST API.

use crate::names::wire_enum;

wire_enum! {
    /// What becomes of the tasks on a node that a user takes away.
    #[derive(Default)]
    pub enum NodeTasks {
        /// They are stopped and requeued.
        #[default]
        Requeue = "requeue",
        /// They are stopped and completed.
        Terminate = "terminate",
        /// They run to their end first.
        TaskCompletion = "taskcompletion",
        /// They run to their end, and their directories are kept for their retention time first.
        RetainedData = "retaineddata",
    }
}

/// Changes a node.
///
/// Removing a node from its pool is [`RemoveNodes`](crate::pool::RemoveNodes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ChangeNode {
    /// `Node - Reboot`.
    Reboot(NodeTasks),
    /// `Node - Reimage`.
    Reimage(NodeTasks),
    /// `Node - Deallocate`.
    Deallocate(NodeTasks),
    /// `Node - Start`, for a deallocated node.
    Start,
    /// `Node - Disable Scheduling`: no more tasks are assigned to it.
    DisableScheduling(NodeTasks),
    /// `Node - Enable Scheduling`.
    EnableScheduling,
}

/// Why a node was not added. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum NodeNotAdded {
    /// Another node has the id.
    #[error("the account already has a node with this id")]
    Exists,
    /// The account does not have the pool.
    #[error("the pool does not exist")]
    PoolNotFound,
    /// The account has the pool, so the pool decides the node's slots.
    #[error("the pool belongs to the account")]
    PoolExists,
    /// The pool takes no more nodes.
    #[error("the pool is being deleted")]
    PoolBeingDeleted,
}
