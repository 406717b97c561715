//! How many nodes a pool has, and which of them tasks go to.

use core::fmt;

use crate::names::wire_enum;

wire_enum! {
    /// Which of the nodes with room a task is assigned to ([P1](crate::evidence#p1)).
    #[derive(Default)]
    pub enum NodeFillType {
        /// The one with the most free slots.
        #[default]
        Spread = "Spread",
        /// The one with the fewest free slots that are enough.
        Pack = "Pack",
    }
}

/// A number of nodes of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeCounts {
    /// Dedicated nodes.
    pub dedicated: u32,
    /// Low-priority nodes, also called spot nodes: the cloud can take them back.
    pub low_priority: u32,
}

impl NodeCounts {
    /// The nodes of both kinds together, at most `u32::MAX`.
    pub fn total(self) -> u32 {
        self.dedicated.saturating_add(self.low_priority)
    }

    /// One node of this kind.
    pub(crate) fn one(dedicated: bool) -> Self {
        Self { dedicated: u32::from(dedicated), low_priority: u32::from(!dedicated) }
    }

    /// How many of `self` are not among `have`.
    pub(crate) fn missing_from(self, have: Self) -> Self {
        Self {
            dedicated: self.dedicated.saturating_sub(have.dedicated),
            low_priority: self.low_priority.saturating_sub(have.low_priority),
        }
    }

    pub(crate) fn of_kind(&mut self, dedicated: bool) -> &mut u32 {
        if dedicated { &mut self.dedicated } else { &mut self.low_priority }
    }
}

impl fmt::Display for NodeCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dedicated and {} low-priority nodes", self.dedicated, self.low_priority)
    }
}
