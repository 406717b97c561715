//! The language of the formulas that pools scale by, as a pure evaluator.
//!
//! A [`Formula`] is read once and evaluated against [`Metrics`]: the samples that there are, the pool's
//! target and the time. What comes out is an [`Evaluation`]: how many nodes the pool is to have, and the
//! text of the results as the service shows it ([P12](crate::evidence#p12) to
//! [P14](crate::evidence#p14)).
//!
//! ```
//! use azbatch::{
//!     Timestamp,
//!     autoscale::{Formula, Metric, Metrics, Sample},
//!     pool::NodeCounts,
//! };
//!
//! /// A pool with two dedicated nodes. For an hour, seven tasks have been waiting.
//! struct Busy(Timestamp);
//!
//! impl Metrics for Busy {
//!     fn now(&self) -> Timestamp {
//!         self.0
//!     }
//!
//!     fn target(&self) -> NodeCounts {
//!         NodeCounts { dedicated: 2, low_priority: 0 }
//!     }
//!
//!     fn samples(&self, metric: Metric) -> Vec<Sample> {
//!         if metric != Metric::PendingTasks {
//!             return Vec::new();
//!         }
//!         let at = |number: u64| Timestamp::from_ticks(self.0.ticks() - number * 300_000_000);
//!         (0..120).rev().filter_map(at).map(|at| Sample { at, value: 7.0 }).collect()
//!     }
//! }
//!
//! let formula = Formula::parse(
//!     "maxNumberofVMs = 25;
//!      percent = $PendingTasks.GetSamplePercent(180 * TimeInterval_Second);
//!      tasks = percent < 70 ? 1 : avg($PendingTasks.GetSample(180 * TimeInterval_Second));
//!      // Never more than the maximum.
//!      $TargetDedicatedNodes = min(maxNumberofVMs, tasks);
//!      $NodeDeallocationOption = taskcompletion;",
//! )?;
//! let evaluation = formula.evaluate(&Busy("2026-02-10T08:00:00Z".parse()?));
//! assert_eq!(evaluation.error, None);
//! assert_eq!(evaluation.target, NodeCounts { dedicated: 7, low_priority: 0 });
//! assert_eq!(
//!     evaluation.results(),
//!     "$TargetDedicatedNodes=7;$TargetLowPriorityNodes=0;$NodeDeallocationOption=taskcompletion;\
//!      maxNumberofVMs=25;percent=100;tasks=7"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A formula with an error is refused if it cannot be read, and otherwise changes nothing:
//!
//! ```
//! use azbatch::autoscale::{Formula, FormulaError};
//!
//! let refused = Formula::parse("$TargetDedicatedNodes = (1").unwrap_err();
//! assert_eq!(refused.to_string(), "Line 1, Col 27: expected `)`, found the end of the formula");
//! let long = "x".repeat(Formula::MAX_CHARACTERS + 1);
//! assert!(matches!(Formula::parse(&long), Err(FormulaError::TooLong)));
//! ```

mod error;
mod evaluate;
mod functions;
mod operators;
mod parse;
mod samples;
mod token;
mod tree;
mod value;

#[cfg(test)]
mod tests;

pub use error::FormulaError;
pub use evaluate::{Evaluation, EvaluationError};
pub use samples::{Metric, Metrics, Sample};
pub use tree::Formula;
