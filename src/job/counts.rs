//! Counts of a job's tasks.

use crate::task::TaskState;

/// How many tasks, or task slots, are in each state. Preparing tasks count as running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Counts {
    /// Waiting for a node.
    pub active: u64,
    /// On a node.
    pub running: u64,
    /// Completed successfully.
    pub succeeded: u64,
    /// Completed with a failure.
    pub failed: u64,
}

impl Counts {
    /// Succeeded and failed ones together.
    pub fn completed(self) -> u64 {
        self.succeeded + self.failed
    }

    pub(super) fn of(&mut self, state: &TaskState) -> &mut u64 {
        match state {
            TaskState::Active => &mut self.active,
            TaskState::Preparing(_) | TaskState::Running { .. } => &mut self.running,
            TaskState::Completed(completion) if completion.is_success() => &mut self.succeeded,
            TaskState::Completed(_) => &mut self.failed,
        }
    }
}
