//! A job: its state, the requests and reports that it takes, and the moves that it makes by itself.
//!
//! - `table.rs` says what each state answers to each request.
//! - `job_requests.rs`, `task_requests.rs`, `ending.rs`, `assign.rs`, `reports.rs` and `ticks.rs` decide
//!   what follows from an input ([S1](crate::evidence#s1)); `departure.rs` is shared by them.
//! - `apply.rs` is the only place where a job changes: each decision is a fact, and each fact is applied
//!   there.
//! - `not_ended.rs` and `not_running.rs` say why something has not happened yet.
//! - `nodes.rs` and `tasks.rs` hold what the job has many of, together with its indexes (`task_index.rs`).

mod apply;
mod assign;
mod auto_pool;
mod check;
mod command;
mod counts;
mod departure;
mod effect;
mod ending;
mod environment;
mod fact;
mod job_requests;
mod nodes;
mod not_ended;
mod not_running;
mod numbers;
mod outstanding;
mod record;
mod reports;
mod resource;
mod run;
mod specification;
mod state;
mod table;
mod task_index;
mod task_requests;
mod tasks;
mod ticks;
mod words;

#[cfg(test)]
mod tests;

pub use assign::NotAssigned;
pub use auto_pool::{AutoPool, AutoPoolFailure, AutoPoolFailureCode, PoolInfo, PoolLifetime};
pub use command::{
    AddJob, DEFAULT_FORCE_TIMEOUT, DeleteJob, DisableJob, EnableJob, JobChange, JobPatch, TerminateJob,
    UpdateJob,
};
pub use counts::Counts;
pub use effect::{Effect, Fact, Instruction, StopCause};
pub use environment::RunSpecification;
pub use fact::{JobFact, JobNodeFact, PreparationVerdict};
pub use not_ended::{AwaitedUnit, NodeWait, NotEnded};
pub use not_running::{DependencyState, NodeObstacle, NotRunning};
pub use record::{JobNode, NodeRun, NodeRunState, Readiness, RunOutcome};
pub use resource::Job;
pub(crate) use run::MAX_STORED_RUNS;
pub use run::{Ended, Report, ReportEvent, RunId, Unit};
pub use specification::{
    DisableTasks, JobConstraints, JobManagerTask, JobPreparationTask, JobReleaseTask, JobSettings,
    JobSpecification, JobTemplate, OnAllTasksComplete, OnTaskFailure, ParallelLimit,
};
pub use state::{BeforeDeletion, End, Ending, EndingKind, JobState, JobStateName, Living, TerminateReason};
pub use table::JobRequest;
