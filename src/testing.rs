//! Inputs for your tests: whatever can happen to an account, for property tests and for fuzzers. The crate's own
//! tests use nothing else. Needs the feature `proptest` or `arbitrary`.
//!
//! A [`Sequence`] is a whole story: requests, reports of nodes, ticks, and what happens to nodes, on a clock that
//! moves, jumps and goes back. A [`Driver`] makes its steps on an account. Each step speaks of what the account has,
//! such as "the next run that a node must report", so hard cases are common: a termination while tasks run, a request
//! in a state that refuses it, a forced end, a node that is silent, a report that comes late or twice.
//!
//! | you test | you want |
//! |---|---|
//! | a host, which carries out instructions | `strategies::sequence_without_reports`, [`Driver::step_with`] |
//! | a client, which sends requests | [`Driver::send`], [`Driver::wait`], and any account |
//! | a server of your own | [`Call::request`], `strategies::request` |
//! | a copy of the state machine | [`Input::call`], [`laws`] |
//!
//! # The first hour: a host
//!
//! `examples/first_hour` has the whole of each of these examples.
//!
//! A property test drives a host by sequences that nobody thought of. This host has a fault: it forgets to stop a task
//! on a node that has rebooted, so there are jobs that never end. The test finds it, and prints a sequence of a few
//! lines, which is code and can be pasted into a test:
//!
//! ```
//! # #[cfg(feature = "proptest")] {
//! use std::collections::BTreeSet;
//!
//! use azbatch::{
//!     Instruction, NodeId, Report,
//!     job::{Ended, Unit},
//!     node::NodeEvent,
//!     testing::{Driver, Host, Sequence, strategies},
//! };
//! use proptest::{prop_assert, test_runner::{TestCaseResult, TestError, TestRunner}};
//!
//! #[derive(Default)]
//! struct Forgetful {
//!     rebooted: BTreeSet<NodeId>,
//! }
//!
//! impl Host for Forgetful {
//!     fn carry_out(&mut self, instruction: &Instruction) -> Vec<Report> {
//!         match instruction {
//!             Instruction::Stop { run, .. } if self.rebooted.contains(&run.node) => vec![], // the fault
//!             Instruction::Stop { run, .. } => vec![run.ended(Ended::with_exit_code(137))],
//!             // Tasks run until they are stopped, the others end at once.
//!             Instruction::Run(run) if matches!(run.unit, Unit::Task(_)) => vec![run.started()],
//!             Instruction::Run(run) => vec![run.ended(Ended::with_exit_code(0))],
//!             _ => vec![],
//!         }
//!     }
//!
//!     fn node_event(&mut self, node: &NodeId, event: NodeEvent) {
//!         if event == NodeEvent::Rebooted {
//!             self.rebooted.insert(node.clone());
//!         }
//!     }
//! }
//!
//! fn every_job_ends(sequence: &Sequence) -> TestCaseResult {
//!     let (mut driver, mut host) = (Driver::new(sequence.start()), Forgetful::default());
//!     for step in sequence {
//!         driver.step_with(&mut host, step);
//!     }
//!     let endless = driver.end_all_jobs(&mut host);
//!     prop_assert!(endless.is_empty(), "these jobs never end: {endless:?}");
//!     Ok(())
//! }
//!
//! // In your tests this is `proptest! { .. }`, where the sequence comes from the same strategy.
//! let sequences = strategies::sequence_without_reports(30);
//! let found = TestRunner::deterministic().run(&sequences, |sequence| every_job_ends(&sequence));
//! let Err(TestError::Fail(_, sequence)) = found else { panic!("{found:?}") };
//! println!("{sequence:?}");
//! assert!(sequence.steps().len() <= 6 && sequence.to_string().contains("has rebooted"));
//! # }
//! ```
//!
//! It prints something like
//!
//! ```text
//! Sequence::new(Start::Usual, [
//!     [11, 0, 0, 1, 0, 0, 0, 0], // add node Node-b to pool-1 (slots: 3)
//!     [14, 0, 0, 0, 128, 0, 0, 0], // add job Job-1 to pool-1 (a job manager that ends the job)
//!     [7, 0, 0, 1, 5, 0, 0, 0], // node Node-b has rebooted
//!     [25, 0, 0, 0, 0, 0, 0, 0], // assign an active task (choice 0)
//! ])
//! ```
//!
//! # The first hour: a client and a fuzzer
//!
//! A target for `cargo fuzz` puts a client in front of an account in any state. `end_job` is the function under test,
//! `Virtual` its transport, both in `examples/first_hour`:
//!
//! ```text
//! libfuzzer_sys::fuzz_target!(|sequence: Sequence| {
//!     let mut service = Virtual::new(sequence.run());
//!     let ended = end_job(&mut service, "Job-1");
//!     assert!(matches!(ended, Ok(()) | Err(Failure::StillEnding)), "{ended:?} after {sequence:?}");
//! });
//! ```
//!
//! A seed for such a target is [`Sequence::to_bytes`].
//!
//! # The first hour: hours in no time
//!
//! A job stays `terminating` until its nodes have reported, which can take hours. A test of what a client does then
//! needs no waiting: its clock is the driver's. The transport hands requests to [`Driver::send`], and where the client
//! sleeps, [`Driver::wait`] lets the time pass:
//!
//! ```
//! use azbatch::{TimeSpan, rest::{Guid, Request}, testing::{Driver, Sequence, Start}};
//!
//! let sequence = Sequence::new(Start::Usual, [
//!     [11, 0, 0, 0, 0, 0, 0, 0], // add node Node-a to pool-1 (slots: 3)
//!     [14, 0, 0, 0, 0, 0, 0, 0], // add job Job-1 to pool-1
//!     [17, 0, 0, 0, 0, 0, 0, 0], // add task 1 to Job-1
//!     [25, 0, 0, 0, 0, 0, 0, 0], // assign an active task (choice 0)
//!     [50, 0, 0, 0, 0, 0, 0, 0], // terminate Job-1
//! ]);
//! let mut driver = sequence.run();
//! let mut get = |driver: &mut Driver| {
//!     let (received, request_id) = (driver.now(), Guid::from_u128(1));
//!     let target = "/jobs/Job-1?api-version=2025-06-01&$select=state";
//!     let request = Request { method: "GET", target, headers: &[], body: b"", received, request_id };
//!     String::from_utf8(driver.send(&request).response.body).unwrap()
//! };
//! for _ in 0..3 {
//!     assert!(get(&mut driver).contains(r#""state":"terminating""#));
//!     driver.wait(TimeSpan::from_hours(1));
//! }
//! ```
//!
//! # Limits
//!
//! A sequence uses three jobs, seven tasks, three nodes, two pools and three job schedules ([`Name`]), so that steps
//! affect each other. `strategies` has ids and commands of any kind for wider tests. What the bytes of a step mean can
//! change with any version of the crate; the crate's own seeds are converted then.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::wildcard_enum_match_arm,
    reason = "the names and formulas here are constants, and a fault in a test's own inputs should stop the test"
)]

#[cfg(feature = "arbitrary")]
mod arbitrary;
mod call;
mod clock;
mod driver;
mod host;
mod input;
pub mod laws;
mod names;
mod past;
mod pools;
mod requests;
mod schedules;
mod sequence;
mod shapes;
#[cfg(feature = "proptest")]
mod shrink;
mod step;
#[cfg(feature = "proptest")]
pub mod strategies;
mod text;
mod wild;

pub use call::{Call, Refused};
pub use clock::TestClock;
pub use driver::{Driver, Outcome};
pub use host::Host;
pub use input::{Block, Input, Number, UnitName};
pub use names::Name;
pub use past::{Past, runs_in_progress};
pub use pools::{PoolChange, Scaling, UserChange};
pub use schedules::{ScheduleChange, Times};
pub use sequence::{Sequence, Start};
pub use shapes::{AutoPoolShape, Change, Condition, JobShape, PoolShape, TaskShape};
#[cfg(feature = "proptest")]
pub use shrink::{SequenceTree, Sequences};
pub use step::{ClockMove, Step};
pub use wild::request_from_bytes;
