//! The requests that change tasks, named after the operations of the REST API.

use alloc::sync::Arc;

use crate::{
    Preconditions,
    id::TaskId,
    task::specification::{RequestedConstraints, TaskSpecification},
};

/// Adds a task: `Task - Add`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AddTask {
    /// The task's id, unique within the job.
    pub id: TaskId,
    /// The command line, if the user gave one.
    pub command_line: Option<Arc<str>>,
    /// The rest of what the task is.
    pub specification: Arc<TaskSpecification>,
    /// Its limits, as far as the user gave them.
    pub constraints: RequestedConstraints,
}

impl AddTask {
    /// A task with this id that takes one slot, depends on nothing and has the default limits.
    pub fn new(id: TaskId) -> Self {
        Self {
            id,
            command_line: None,
            specification: Arc::default(),
            constraints: RequestedConstraints::default(),
        }
    }
}

/// Changes the limits of a task: `Task - Update`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UpdateTask {
    /// The new limits. Those that the user left out return to their defaults.
    pub constraints: RequestedConstraints,
    /// The conditions on the task's version.
    pub preconditions: Preconditions,
}

/// Ends a task: `Task - Terminate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TerminateTask {
    /// The conditions on the task's version.
    pub preconditions: Preconditions,
}

/// Runs a failed task again: `Task - Reactivate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReactivateTask {
    /// The conditions on the task's version.
    pub preconditions: Preconditions,
}

/// Deletes a task: `Task - Delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DeleteTask {
    /// The conditions on the task's version.
    pub preconditions: Preconditions,
}
