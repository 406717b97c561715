//! Whether a task fits on a node.

use crate::{job::Job, node::Node, task::Task};

/// Whether a task of the job can run only on a dedicated node (P5).
pub(super) fn needs_dedicated(job: &Job, task: &Task) -> bool {
    let manager = job.template().manager.as_ref();
    let manager = manager.filter(|manager| task.sequence() == 0 && manager.id == *task.id());
    manager.is_some_and(|manager| !manager.allow_low_priority_node)
}

/// Whether a task of the job can run on a node of this kind (P5).
pub(super) fn may_run_on(job: &Job, task: &Task, node: &Node) -> bool {
    node.is_dedicated() || !needs_dedicated(job, task)
}

/// Whether a node has enough free slots for a task.
pub(super) fn has_room(task: &Task, node: &Node) -> bool {
    slots_taken(task, node) <= node.free_slots()
}

/// How many slots a task takes on a node: an exclusive one takes all (P5).
pub(super) fn slots_taken(task: &Task, node: &Node) -> u32 {
    let required = task.specification().required_slots;
    if task.specification().run_exclusive { node.slots().max(required) } else { required }
}
