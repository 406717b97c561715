//! What a node in each state answers to a request, and where the request leads: rule N9 as a table.

use crate::{
    ErrorCode,
    node::{
        state::{Node, NodeAction, NodeState, NodeStateName, Reach, SchedulingState, Stage},
        user::{NodeUser, UserName},
    },
};

impl Node {
    /// The state that a request for an action leads to. The node shows it at once; the action itself
    /// waits for the node's tasks.
    ///
    /// # Errors
    /// The 409 that the state calls for.
    pub(crate) fn request(&self, action: NodeAction, retained_data: bool) -> Result<NodeState, ErrorCode> {
        let stage = Stage::Waiting { retained_data };
        match action {
            NodeAction::Reboot => self.ready().map(|reach| NodeState::Rebooting(reach, stage)),
            NodeAction::Reimage => self.ready().map(|reach| NodeState::Reimaging(reach, stage)),
            NodeAction::Deallocate => self.ready().map(|reach| NodeState::Deallocating(reach, stage)),
            NodeAction::Start => self.deallocated().map(|()| NodeState::Starting(stage)),
            NodeAction::Remove => Ok(NodeState::LeavingPool(self.contact(), stage)), // From any state.
        }
    }

    /// Only a node that is ready and answers can be rebooted, reimaged or deallocated, and its users changed.
    fn ready(&self) -> Result<Reach, ErrorCode> {
        match self.state {
            NodeState::Ready(reach @ Reach::Answering) => Ok(reach),
            NodeState::Ready(Reach::Unknown | Reach::Unusable)
            | NodeState::Rebooting(..)
            | NodeState::Reimaging(..)
            | NodeState::Deallocating(..)
            | NodeState::Deallocated
            | NodeState::Starting(_)
            | NodeState::Preempted
            | NodeState::LeavingPool(..) => Err(self.conflict()),
        }
    }

    /// Only a deallocated node can be started.
    fn deallocated(&self) -> Result<(), ErrorCode> {
        match self.state {
            NodeState::Deallocated => Ok(()),
            NodeState::Ready(_)
            | NodeState::Rebooting(..)
            | NodeState::Reimaging(..)
            | NodeState::Deallocating(..)
            | NodeState::Starting(_)
            | NodeState::Preempted
            | NodeState::LeavingPool(..) => Err(self.conflict()),
        }
    }

    /// The 409 that goes with the state that the service shows.
    fn conflict(&self) -> ErrorCode {
        match self.state_name() {
            NodeStateName::Rebooting => ErrorCode::NodeBeingRebooted,
            NodeStateName::Reimaging => ErrorCode::NodeBeingReimaged,
            NodeStateName::Starting => ErrorCode::NodeBeingStarted,
            NodeStateName::Unusable => ErrorCode::NodeStateUnusable,
            NodeStateName::Idle
            | NodeStateName::Running
            | NodeStateName::Offline
            | NodeStateName::Deallocating
            | NodeStateName::Deallocated
            | NodeStateName::LeavingPool
            | NodeStateName::Unknown
            | NodeStateName::Preempted => ErrorCode::OperationNotValidOnNode,
        }
    }

    /// Whether scheduling can be enabled or disabled: not if it is already.
    ///
    /// # Errors
    /// `NodeAlreadyInTargetSchedulingState`.
    pub(crate) fn allow_scheduling(&self, target: SchedulingState) -> Result<(), ErrorCode> {
        if self.scheduling == target { Err(ErrorCode::NodeAlreadyInTargetSchedulingState) } else { Ok(()) }
    }

    /// Whether a user can be added: only to a node that answers, and under a new name (N11).
    ///
    /// # Errors
    /// The 409 that the state calls for, `NodeUserExists`.
    pub(crate) fn allow_new_user(&self, name: &UserName) -> Result<(), ErrorCode> {
        self.ready()?;
        if self.users.contains_key(name) { Err(ErrorCode::NodeUserExists) } else { Ok(()) }
    }

    /// A user that is to be changed or deleted (N11).
    ///
    /// # Errors
    /// `NodeUserNotFound`, the 409 that the state calls for.
    pub(crate) fn require_user(&self, name: &UserName) -> Result<&NodeUser, ErrorCode> {
        let user = self.users.get(name).ok_or(ErrorCode::NodeUserNotFound)?;
        self.ready()?;
        Ok(user)
    }
}
