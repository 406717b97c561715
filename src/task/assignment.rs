//! Where a task is, and why it is to stop there.

use core::fmt;

use crate::id::{NodeId, PoolId};

/// A node of a pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Placement {
    /// The node's pool.
    pub pool: PoolId,
    /// The node.
    pub node: NodeId,
}

/// Why a task on a node was told to stop, which decides what becomes of it when the node answers.
///
/// The end of its job is not among these: the job's state says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TaskStop {
    /// A user terminated it ([K6](crate::evidence#k6)), disabled its job with `terminate`, or took its node
    /// away with `terminate`: it will be completed.
    Terminate,
    /// A user disabled its job with `requeue`, or took its node away with `requeue`
    /// ([G1](crate::evidence#g1), [N6](crate::evidence#n6)): it will be active again, and the requeue counts.
    Requeue,
    /// Its own `maxWallClockTime` is over ([K5](crate::evidence#k5)): it will be completed.
    WallClockTime,
    /// A user deleted it ([K7](crate::evidence#k7)): it will be gone.
    Delete,
}

impl fmt::Display for TaskStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminate => "the task was terminated",
            Self::Requeue => "the task is requeued",
            Self::WallClockTime => "the task's time is over",
            Self::Delete => "the task was deleted",
        })
    }
}

/// A task's stay on a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Assignment {
    /// Where it is.
    pub placement: Placement,
    /// The number of the run, see [`RunId`](crate::RunId).
    pub run: u64,
    /// Why it was told to stop, if it was.
    pub stop: Option<TaskStop>,
}
