//! The requests that change tasks, named after the operations of the REST API.

use alloc::sync::Arc;

use crate::{
    Preconditions,
    task::specification::{RequestedConstraints, TaskSpecification},
};

/// Adds a task: `Task - Add`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AddTask {
    /// What the task is.
    pub specification: Arc<TaskSpecification>,
    /// Its limits, as far as the user gave them.
    pub constraints: RequestedConstraints,
}

impl AddTask {
    /// A task with the default limits.
    pub fn new(specification: TaskSpecification) -> Self {
        Self { specification: Arc::new(specification), constraints: RequestedConstraints::default() }
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
