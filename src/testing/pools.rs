//! What users do with pools and with the users of nodes.

use alloc::{sync::Arc, vec};
use core::fmt;

use crate::{
    Account, PoolId,
    node::{NodeTasks, UserAccess},
    pool::{
        AddPool, DeletePool, EnableAutoScale, NodeCounts, NodeFillType, PoolSpecification, RemoveNodes,
        ResizePool, StopResize, UpdatePool,
    },
    task::Properties,
    testing::{
        call::Call,
        names::Name,
        shapes::{bit, node_tasks},
    },
};

/// A request about a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolChange {
    /// Add it.
    Add {
        /// The slots of each node. A pool without slots is refused.
        slots: u32,
        /// How many nodes it is to have.
        target: u32,
    },
    /// Resize it.
    Resize {
        /// How many nodes it is to have.
        target: u32,
        /// What becomes of the tasks on nodes that leave.
        tasks: NodeTasks,
    },
    /// Take a node out of it.
    RemoveNode {
        /// The node.
        node: Name,
        /// What becomes of its tasks.
        tasks: NodeTasks,
    },
    /// Stop its resize.
    StopResize,
    /// Change what it is.
    Update {
        /// The slots of each node, or none to leave them.
        slots: Option<u32>,
    },
    /// Let it scale by a formula.
    Scale(Scaling),
    /// Let it no longer do so.
    Unscale,
    /// Delete it.
    Delete,
}

/// A formula that a pool scales by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// By its tasks.
    ByTasks,
    /// To and fro.
    ToAndFro,
    /// By one that cannot be evaluated.
    Broken,
}

impl Scaling {
    /// The text of the formula.
    pub fn formula(self) -> &'static str {
        match self {
            Self::ByTasks => "$TargetDedicatedNodes = min(3, $PendingTasks.GetSample(1));",
            Self::ToAndFro => {
                "$TargetDedicatedNodes = $CurrentDedicatedNodes < 2 ? 3 : 1; $NodeDeallocationOption = terminate;"
            }
            Self::Broken => "$TargetDedicatedNodes = avg($RunningTasks.GetSample(TimeInterval_Hour, 50));",
        }
    }
}

impl PoolChange {
    pub(super) fn decode(node: Name, a: u8, b: u8, c: u8) -> Self {
        match a % 9 {
            0 => Self::Add { slots: u32::from(b % 4), target: u32::from(c % 3) },
            1 => Self::Resize { target: u32::from(c % 3), tasks: node_tasks(b) },
            2 => Self::RemoveNode { node, tasks: node_tasks(b) },
            3 => Self::Delete,
            4 => Self::StopResize,
            5..=6 => Self::Scale(match b % 3 {
                0 => Scaling::ByTasks,
                1 => Scaling::ToAndFro,
                _ => Scaling::Broken,
            }),
            7 => Self::Unscale,
            _ => Self::Update { slots: bit(b, 7).then_some(u32::from(b % 4)) },
        }
    }

    pub(super) fn call(self, pool: PoolId) -> Call {
        match self {
            Self::Add { slots, target } => {
                let specification = Arc::new(PoolSpecification {
                    id: pool,
                    task_slots_per_node: slots,
                    node_fill_type: NodeFillType::Pack,
                    other: Properties::new(),
                });
                let target = NodeCounts { dedicated: target, low_priority: 0 };
                Call::AddPool(AddPool { specification, target, auto_scale: None })
            }
            Self::Resize { target, tasks } => {
                let command = ResizePool { dedicated: Some(target), tasks, ..ResizePool::default() };
                Call::ResizePool(pool, command)
            }
            Self::RemoveNode { node, tasks } => {
                let nodes = vec![node.node()];
                Call::RemoveNodes(pool, RemoveNodes { nodes, tasks, ..RemoveNodes::default() })
            }
            Self::StopResize => Call::StopResize(pool, StopResize::default()),
            Self::Update { slots } => {
                Call::UpdatePool(pool, UpdatePool { task_slots_per_node: slots, ..UpdatePool::default() })
            }
            Self::Scale(scaling) => {
                let formula = Some(scaling.formula().parse().unwrap());
                Call::EnableAutoScale(pool, EnableAutoScale { formula, ..EnableAutoScale::default() })
            }
            Self::Unscale => Call::DisableAutoScale(pool),
            Self::Delete => Call::DeletePool(pool, DeletePool::default()),
        }
    }

    /// The change of this pool.
    pub(super) fn write(self, f: &mut fmt::Formatter<'_>, pool: &PoolId) -> fmt::Result {
        match self {
            Self::Add { slots, target } => write!(f, "add pool {pool} (slots: {slots}, nodes: {target})"),
            Self::Resize { target, tasks } => write!(f, "resize pool {pool} (nodes: {target}, {tasks})"),
            Self::RemoveNode { node, tasks } => {
                write!(f, "remove node {} from pool {pool} ({tasks})", node.node())
            }
            Self::StopResize => write!(f, "stop the resize of pool {pool}"),
            Self::Update { slots: Some(slots) } => write!(f, "update pool {pool} (slots: {slots})"),
            Self::Update { slots: None } => write!(f, "update pool {pool}"),
            Self::Scale(scaling) => write!(f, "scale pool {pool} by: {}", scaling.formula()),
            Self::Unscale => write!(f, "stop scaling pool {pool}"),
            Self::Delete => write!(f, "delete pool {pool}"),
        }
    }
}

/// What a request does with a user of a node ([N11](crate::evidence#n11)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// Add it.
    Add,
    /// Change how it logs in.
    Update,
    /// Delete it.
    Delete,
}

impl UserChange {
    pub(super) fn decode(byte: u8) -> Self {
        match byte % 4 {
            0..=1 => Self::Add,
            2 => Self::Update,
            _ => Self::Delete,
        }
    }

    pub(super) fn call(self, account: &Account, node: Name, user: Name) -> Call {
        let (pool, node, user) = (pool_of(account, node), node.node(), user.user());
        match self {
            Self::Add => Call::AddNodeUser(pool, node, user, UserAccess::default()),
            Self::Update => Call::UpdateNodeUser(pool, node, user, UserAccess::default()),
            Self::Delete => Call::DeleteNodeUser(pool, node, user),
        }
    }
}

/// The pool that a node is in, or one that it is not in.
pub(super) fn pool_of(account: &Account, node: Name) -> PoolId {
    account.node(&node.node()).map_or_else(|| Name::nth(0).pool(), |node| node.pool().clone())
}
