//! Whether a task fits on a node.

use crate::{
    job::{Job, JobNode, NodeObstacle},
    node::{Node, NodeState, Reach},
    task::Task,
};

/// Why a node cannot take a task of the job now; `None` if it can (P1).
pub(super) fn obstacle(job: &Job, task: &Task, node: &Node) -> Option<NodeObstacle> {
    let required = task.specification().required_slots;
    if !node.takes_tasks() {
        Some(match node.state() {
            NodeState::Ready(Reach::Answering) => NodeObstacle::SchedulingDisabled,
            NodeState::Ready(Reach::Unknown | Reach::Unusable)
            | NodeState::Rebooting(..)
            | NodeState::Reimaging(..)
            | NodeState::Deallocating(..)
            | NodeState::Deallocated
            | NodeState::Starting(_)
            | NodeState::Preempted
            | NodeState::LeavingPool(..) => NodeObstacle::State(node.state_name()),
        })
    } else if job.node(node.id()).is_some_and(JobNode::is_barred) {
        Some(NodeObstacle::Barred) // N7
    } else if needs_dedicated(job, task) && !node.is_dedicated() {
        Some(NodeObstacle::LowPriority) // P5
    } else if required > node.slots() {
        Some(NodeObstacle::TooSmall { required })
    } else if slots_taken(task, node) > node.free_slots() {
        Some(NodeObstacle::Full)
    } else {
        None
    }
}

/// Whether a task of the job can run only on a dedicated node (P5).
pub(super) fn needs_dedicated(job: &Job, task: &Task) -> bool {
    let manager = job.template().manager.as_ref();
    let manager = manager.filter(|manager| task.sequence() == 0 && manager.id == *task.id());
    manager.is_some_and(|manager| !manager.allow_low_priority_node)
}

/// How many slots a task takes on a node: an exclusive one takes all (P5).
pub(super) fn slots_taken(task: &Task, node: &Node) -> u32 {
    let required = task.specification().required_slots;
    if task.specification().run_exclusive { node.slots().max(required) } else { required }
}
