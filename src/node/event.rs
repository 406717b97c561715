//! What can happen to a node, and what each event makes of its state.

use crate::{
    Timestamp,
    node::{
        fact::NodeFact,
        state::{Boot, Contact, Node, NodeState, Reach, Stage},
    },
};

/// What can happen to a node. A host reports it with
/// [`Account::node_event`](crate::Account::node_event).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NodeEvent {
    /// It restarted; its disk is as it was ([N1](crate::evidence#n1)).
    Rebooted,
    /// It was reimaged ([N2](crate::evidence#n2)).
    Reimaged,
    /// It was removed from its pool ([N3](crate::evidence#n3)).
    Removed,
    /// The cloud took it back ([N3](crate::evidence#n3)).
    Preempted,
    /// It does not answer ([N4](crate::evidence#n4)).
    Lost,
    /// It cannot be used ([N8](crate::evidence#n8)).
    Unusable,
    /// It answers again ([N5](crate::evidence#n5)).
    Returned,
    /// It was deallocated; what was on it is lost ([N9](crate::evidence#n9)).
    Deallocated,
    /// It was started after it was deallocated, and is as new ([N9](crate::evidence#n9)).
    Started,
}

/// What becomes of a node.
pub(crate) enum NodeChange {
    /// It leaves its pool.
    Removed,
    /// It goes on in some state, perhaps the one that it is in.
    Continues(NodeState, Option<Boot>),
}

impl Node {
    /// What an event makes of the node; `None` if it says nothing new about a node in this state, so
    /// that jobs need not be told either.
    pub(crate) fn after(&self, event: NodeEvent) -> Option<NodeChange> {
        let (state, boot) = match event {
            NodeEvent::Removed => return Some(NodeChange::Removed),
            NodeEvent::Rebooted => (self.booted(event)?, Some(Boot::Restarted)),
            NodeEvent::Reimaged => (self.booted(event)?, Some(Boot::Renewed)),
            NodeEvent::Started => (self.started()?, Some(Boot::Renewed)),
            NodeEvent::Returned => (self.returned()?, None),
            NodeEvent::Lost => (self.out_of_reach(Reach::Unknown)?, None),
            NodeEvent::Unusable => (self.out_of_reach(Reach::Unusable)?, None),
            NodeEvent::Preempted => (self.preempted()?, None),
            NodeEvent::Deallocated => (self.deallocated_now()?, None),
        };
        Some(NodeChange::Continues(state, boot))
    }

    /// The fact that an event leads to; `None` if the node is as before.
    pub(crate) fn changed(&self, state: NodeState, boot: Option<Boot>, now: Timestamp) -> Option<NodeFact> {
        let differs = state != self.state || boot.is_some();
        differs.then(|| NodeFact::Changed { state, boot, at: self.stamps.next(now) })
    }

    /// After a restart. An action that the restart did not carry out still holds (N9).
    fn booted(&self, event: NodeEvent) -> Option<NodeState> {
        const READY: NodeState = NodeState::Ready(Reach::Answering);
        match self.state {
            NodeState::Reimaging(_, stage @ Stage::Waiting { .. }) if event == NodeEvent::Rebooted => {
                Some(NodeState::Reimaging(Reach::Answering, stage))
            }
            NodeState::Ready(_)
            | NodeState::Rebooting(..)
            | NodeState::Reimaging(..)
            | NodeState::Starting(_) => Some(READY),
            NodeState::Deallocating(_, stage) => Some(NodeState::Deallocating(Reach::Answering, stage)),
            NodeState::LeavingPool(_, stage) => Some(NodeState::LeavingPool(Contact::Answering, stage)),
            NodeState::Deallocated | NodeState::Preempted => None, // N3, N9: it cannot restart by itself.
        }
    }

    /// After it was started from its deallocation.
    fn started(&self) -> Option<NodeState> {
        match self.state {
            NodeState::Deallocated | NodeState::Starting(_) => Some(NodeState::Ready(Reach::Answering)),
            NodeState::LeavingPool(_, stage) => Some(NodeState::LeavingPool(Contact::Answering, stage)),
            NodeState::Ready(_)
            | NodeState::Rebooting(..)
            | NodeState::Reimaging(..)
            | NodeState::Deallocating(..)
            | NodeState::Preempted => None,
        }
    }

    /// N5: it answers again. A restart that was issued is over, or pointless.
    fn returned(&self) -> Option<NodeState> {
        let reach = Reach::Answering;
        match self.state {
            NodeState::Rebooting(_, stage @ Stage::Waiting { .. }) => {
                Some(NodeState::Rebooting(reach, stage))
            }
            NodeState::Reimaging(_, stage @ Stage::Waiting { .. }) => {
                Some(NodeState::Reimaging(reach, stage))
            }
            NodeState::Ready(_)
            | NodeState::Rebooting(_, Stage::Issued)
            | NodeState::Reimaging(_, Stage::Issued)
            | NodeState::Preempted => Some(NodeState::Ready(reach)),
            NodeState::Deallocating(_, stage) => Some(NodeState::Deallocating(reach, stage)),
            NodeState::LeavingPool(_, stage) => Some(NodeState::LeavingPool(Contact::Answering, stage)),
            NodeState::Deallocated | NodeState::Starting(_) => None, // N9: only its start brings it back.
        }
    }

    /// N4, N8. A node that is not there cannot get lost.
    fn out_of_reach(&self, reach: Reach) -> Option<NodeState> {
        match self.state {
            NodeState::Ready(_) => Some(NodeState::Ready(reach)),
            NodeState::Rebooting(_, stage) => Some(NodeState::Rebooting(reach, stage)),
            NodeState::Reimaging(_, stage) => Some(NodeState::Reimaging(reach, stage)),
            NodeState::Deallocating(_, stage) => Some(NodeState::Deallocating(reach, stage)),
            NodeState::LeavingPool(Contact::Answering | Contact::Lost, stage) => {
                Some(NodeState::LeavingPool(reach.contact(), stage))
            }
            NodeState::Deallocated
            | NodeState::Starting(_)
            | NodeState::Preempted
            | NodeState::LeavingPool(Contact::Gone, _) => None,
        }
    }

    /// N3. A node that is leaving its pool goes on leaving.
    fn preempted(&self) -> Option<NodeState> {
        match self.state {
            NodeState::Preempted => None,
            NodeState::LeavingPool(_, stage) => Some(NodeState::LeavingPool(Contact::Gone, stage)),
            NodeState::Ready(_)
            | NodeState::Rebooting(..)
            | NodeState::Reimaging(..)
            | NodeState::Deallocating(..)
            | NodeState::Deallocated
            | NodeState::Starting(_) => Some(NodeState::Preempted),
        }
    }

    /// N9. A start that waits to be issued still holds.
    fn deallocated_now(&self) -> Option<NodeState> {
        match self.state {
            NodeState::Deallocated | NodeState::Preempted | NodeState::Starting(Stage::Waiting { .. }) => {
                None
            }
            NodeState::LeavingPool(_, stage) => Some(NodeState::LeavingPool(Contact::Gone, stage)),
            NodeState::Ready(_)
            | NodeState::Rebooting(..)
            | NodeState::Reimaging(..)
            | NodeState::Deallocating(..)
            | NodeState::Starting(Stage::Issued) => Some(NodeState::Deallocated),
        }
    }
}
