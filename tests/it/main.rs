//! The tests of the crate: the rules first, in the order of the evidence page, then whole grids, laws over
//! random inputs, the bytes on the wire, stored accounts, and recordings.

use std::io::{self, Write as _};

mod rules;

mod conditions;
mod grid;
mod host;
mod limits;

mod agreement;
mod operations;
mod outstanding;
mod properties;
mod testing;

mod rest;
mod wire;
mod words;

#[cfg(feature = "serde")]
mod store;
#[cfg(feature = "serde")]
mod stored_formats;

mod episode_rules;
mod episode_schema;
mod episode_shrink;
mod episode_translation;
mod episodes;
mod explored;
mod fuzz_corpus;
mod recorder;
mod timeline;

mod evidence;

mod common;
#[path = "../../examples/drawing/mod.rs"]
mod drawing;
#[path = "../../examples/episode/mod.rs"]
mod episode;
#[path = "../../examples/measure/growth.rs"]
mod growth;
#[path = "../../examples/episode/timeline.rs"]
mod picture;
#[path = "../../examples/explore/world/mod.rs"]
mod small_world;
mod world;

/// Tells the person who reads the test's output that something was not tested. The test harness does not capture
/// it.
fn skipped(what: &str) {
    let mut stderr = io::stderr();
    writeln!(stderr, "skipped: {what}").unwrap();
}
