//! An Azure Batch account on a laptop: the core behind HTTP, a clock, and nodes that carry out
//! instructions.
//!
//! The program is [`main`]. What is public beside it is what another server of an account needs too: a
//! [`store`] that loses nothing, [`connections`], reading requests ([`body`]) and writing answers ([`response`]), who may ask
//! ([`guard`], [`access`]), a [`clock`], [`machines`] that [`simulate`] what runs on [`nodes`], the [`fleet`] of them, and how it is told to [`stop`].

#![forbid(unsafe_code)]

pub mod access;
pub mod body;
pub mod clock;
pub mod connections;
mod control;
#[path = "../../examples/drawing/mod.rs"]
mod drawing;
mod echo;
#[path = "../../examples/episode/mod.rs"]
mod episode;
mod faults;
pub mod files;
pub mod fleet;
pub mod guard;
mod host;
mod https;
pub mod images;
mod journal;
mod ledger;
mod local;
mod log;
pub mod machines;
pub mod nodes;
mod options;
mod page;
mod record;
pub mod response;
mod server;
pub mod simulate;
mod snapshot;
mod start;
pub mod stop;
pub mod store;
mod welcome;
mod world;

pub use start::main;
