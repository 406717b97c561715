#![doc = include_str!("guide.md")]
#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]
#![allow(clippy::doc_markdown, reason = "the tables of the guide and of the rules are full of codes")]

extern crate alloc;

mod account;
mod allocation;
pub mod autoscale;
mod buffer;
mod collections;
pub mod condition;
mod digits;
pub mod episode;
pub mod error;
mod id;
pub mod job;
pub mod job_schedule;
mod names;
pub mod node;
pub mod pool;
pub mod rest;
mod stamps;
#[cfg(feature = "serde")]
mod stored;
pub mod task;
#[cfg(any(feature = "proptest", feature = "arbitrary"))]
pub mod testing;
mod timestamp;

// So that the README's example is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[doc = include_str!("evidence.md")]
pub mod evidence {}

pub use account::{Account, AutoPoolNotAdded};
pub use condition::{ETag, Preconditions};
pub use error::{BatchError, ErrorCode};
pub use id::{InvalidId, JobId, JobScheduleId, NodeId, PoolId, PoolIdPrefix, TaskId};
pub use job::{Effect, Fact, Instruction, Job, Report, RunId};
pub use job_schedule::JobSchedule;
pub use node::Node;
pub use pool::Pool;
pub use stamps::Stamps;
pub use task::Task;
#[cfg(feature = "std")]
pub use timestamp::SystemClock;
pub use timestamp::{Clock, ParseError, TimeSpan, Timestamp};
