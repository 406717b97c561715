//! A task: what a user asked for, its state, and the facts that change it.

mod assignment;
mod command;
mod fact;
mod outcome;
mod specification;
mod state;
#[cfg(feature = "serde")]
mod stored;

pub use assignment::{Assignment, Placement, TaskStop};
pub use command::{AddTask, DeleteTask, ReactivateTask, TerminateTask, UpdateTask};
pub use fact::TaskFact;
pub use outcome::{Completion, LastRun, NodeError, NodeFailure, Outcome, TaskFailure};
pub use specification::{
    Dependencies, DependencyAction, ExitCodeRange, ExitConditions, ExitOptions, JobAction, Properties,
    RequestedConstraints, RetryLimit, TaskConstraints, TaskIdRange, TaskSpecification,
};
pub(crate) use specification::{command_line, environment_settings};
pub(crate) use state::{FailureAction, NewTask};
pub use state::{Task, TaskState, TaskStateName};
#[cfg(feature = "serde")]
pub(crate) use stored::{ReadTask, StoredTask};
