//! Nodes in words: parts of sentences.

use core::fmt;

use crate::node::{
    event::NodeEvent,
    state::{Contact, NodeAction, NodeState, NodeStateName, Reach, Stage},
};

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

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(reach) => write!(f, "ready{}", reach.words()),
            Self::Rebooting(reach, stage) => write!(f, "rebooting{stage}{}", reach.words()),
            Self::Reimaging(reach, stage) => write!(f, "reimaging{stage}{}", reach.words()),
            Self::Deallocating(reach, stage) => write!(f, "deallocating{stage}{}", reach.words()),
            Self::Deallocated => f.write_str("deallocated"),
            Self::Starting(stage) => write!(f, "starting{stage}"),
            Self::Preempted => f.write_str("preempted"),
            Self::LeavingPool(contact, stage) => write!(f, "leaving its pool{stage}{}", contact.words()),
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting { retained_data: false } => " once its tasks have ended",
            Self::Waiting { retained_data: true } => " once its tasks and their retention times have ended",
            Self::Issued => "",
        })
    }
}

impl Reach {
    fn words(self) -> &'static str {
        match self {
            Self::Answering => "",
            Self::Unknown => " (it does not answer)",
            Self::Unusable => " (it is unusable)",
        }
    }
}

impl Contact {
    fn words(self) -> &'static str {
        match self {
            Self::Answering => "",
            Self::Lost => " (it does not answer)",
            Self::Gone => " (it is gone)",
        }
    }
}

/// What to do to a node, as a verb.
impl fmt::Display for NodeAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reboot => "reboot",
            Self::Reimage => "reimage",
            Self::Deallocate => "deallocate",
            Self::Start => "start",
            Self::Remove => "remove",
        })
    }
}

/// What happened to a node, after its name.
impl fmt::Display for NodeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rebooted => "has rebooted",
            Self::Reimaged => "was reimaged",
            Self::Removed => "was removed",
            Self::Preempted => "was preempted",
            Self::Lost => "is lost",
            Self::Unusable => "is unusable",
            Self::Returned => "has returned",
            Self::Deallocated => "was deallocated",
            Self::Started => "has started",
        })
    }
}
