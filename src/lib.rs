// Of two definitions of a link the first counts: this one here, the README's own on its page.
//! [the rules]: evidence
#![doc = ""]
#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]
#![allow(clippy::doc_markdown, reason = "the tables of the README and of the rules are full of codes")]

extern crate alloc;

mod account;
mod condition;
mod error;
mod id;
mod job;
mod node;
mod pool;
pub mod rest;
#[cfg(feature = "serde")]
mod stored;
mod task;
mod timestamp;
mod wire;

#[doc = include_str!("evidence.md")]
pub mod evidence {}

pub use account::{Account, AddPool, DeletePool, NodeNotAdded, RemoveNodes, ResizePool};
pub use condition::{ConditionHeaders, ETag, EntityTag, EntityTags, Preconditions, Read};
pub use error::{BatchError, ErrorCode, ErrorValue, TextEvidence};
pub use id::{InvalidId, JobId, NodeId, PoolId, TaskId};
pub use job::{
    AddJob, AddTask, Boot, Contact, Counts, DEFAULT_FORCE_WAIT, Delete, DeleteTask, Disable, DisableTasks,
    Effect, Enable, Ended, Job, JobChange, JobConstraints, JobManagerTask, JobNode, JobPatch,
    JobPreparationTask, JobReleaseTask, JobRequest, JobSettings, JobSpecification, JobState, JobStateName,
    NodeEvent, NodeFailure, NodeRun, NodeRunState, NotAssigned, OnAllTasksComplete, OnTaskFailure,
    PreparationOutcome, ReactivateTask, Report, ReportEvent, Terminate, TerminateReason, TerminateTask, Unit,
    UpdateJob, UpdateTask, Violation,
};
pub use node::{Node, NodeOrder, NodeState, NodeTasks, SchedulingState};
pub use pool::{AllocationState, NodeCounts, NodeFillType, Pool, PoolSpecification, PoolState};
pub use task::{
    Completion, Dependencies, DependencyAction, ExitCodeRange, ExitConditions, ExitOptions, JobAction,
    NodeError, Placement, Properties, RequestedConstraints, RetryLimit, StopCause, Task, TaskConstraints,
    TaskFailure, TaskSpecification, TaskState, TaskStateName,
};
#[cfg(feature = "std")]
pub use timestamp::SystemClock;
pub use timestamp::{Clock, ParseError, TimeSpan, Timestamp};
