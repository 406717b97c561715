//! The state of a node as a part of a sentence.

use crate::node::state::NodeStateName;

impl NodeStateName {
    /// What keeps a node in this state from doing something, of one node and of several; `None` if
    /// nothing does.
    pub(crate) fn trouble(self) -> Option<[&'static str; 2]> {
        match self {
            Self::Idle | Self::Running => None,
            Self::Offline => Some(["is offline", "are offline"]),
            Self::Rebooting => Some(["is rebooting", "are rebooting"]),
            Self::Reimaging => Some(["is being reimaged", "are being reimaged"]),
            Self::Deallocating => Some(["is being deallocated", "are being deallocated"]),
            Self::Deallocated => Some(["is deallocated", "are deallocated"]),
            Self::Starting => Some(["is starting", "are starting"]),
            Self::LeavingPool => Some(["is leaving its pool", "are leaving their pool"]),
            Self::Unknown => Some(["does not answer", "do not answer"]),
            Self::Unusable => Some(["is unusable", "are unusable"]),
            Self::Preempted => Some(["was preempted", "were preempted"]),
        }
    }
}
