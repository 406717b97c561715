//! Writes down what happens to an account, as an episode: a conversation with the service as a JSON file, which can
//! be replayed, reduced to its smallest failing part, and sent in with a bug report.
//!
//! A [`Recorder`] holds an account and records each call:
//!
//! ```
//! use azbatch::{Account, Timestamp, episode::Recorder, rest::{Guid, Request}};
//!
//! let account = Account::new("https://contoso.westus.batch.azure.com");
//! let mut recorder = Recorder::new(account, "a-missing-job")?;
//! let now = Timestamp::parse_iso8601("2026-02-10T08:00:00Z")?;
//! let target = "/jobs/film?api-version=2024-07-01.20.0";
//! let request_id = Guid::from_u128(1);
//! let request = Request { method: "GET", target, headers: &[], body: b"", received: now, request_id };
//! let answer = recorder.answer(&request, now);
//! assert_eq!(answer.response.status, 404);
//! let _ = recorder.tick(now);
//! let file = recorder.to_string();
//! assert!(file.contains(r#"{ "at": "2026-02-10T08:00:00Z", "tick": true }"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A host that keeps its account elsewhere, or that writes to a file as it goes, makes the [`Opening`] and each
//! [`Step`] itself. The format is described in `examples/episodes/README.md`; `examples/replay.rs` plays it.

mod bytes;
mod object;
mod recorder;
mod setup;
mod step;

pub use recorder::Recorder;
pub use setup::{CLOSING, NotNew, Opening};
pub use step::Step;
