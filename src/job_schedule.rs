//! A job schedule: it makes jobs at set times, one after the other.
//!
//! `specification.rs` says what a user asks for and at which instants jobs are due; `resource.rs` is the
//! state machine. A schedule does not know its jobs: the account tells it whether one of them is alive.

mod command;
mod fact;
mod resource;
mod specification;
mod state;

pub use command::{
    AddJobSchedule, DeleteJobSchedule, DisableJobSchedule, EnableJobSchedule, JobScheduleChange,
    JobSchedulePatch, TerminateJobSchedule, UpdateJobSchedule,
};
pub use fact::JobScheduleFact;
pub use resource::JobSchedule;
pub(crate) use resource::{JobsLeft, Move};
pub use specification::{JobScheduleSettings, JobScheduleSpecification, Period, PeriodTooShort, Schedule};
pub use state::{JobScheduleState, JobScheduleStateName};
