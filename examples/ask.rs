//! Asks a real Batch account what only it can tell: whether the rules that are assumed hold.
//!
//! `cargo run --example ask` prints the questions and asks nothing. With an account it asks them, deletes
//! what it made, and prints which rule is as assumed and which is refuted:
//!
//! ```sh
//! export AZURE_BATCH_ACCESS_KEY=KEY
//! cargo run --example ask -- --against https://NAME.REGION.batch.azure.com --account NAME
//! ```

#[path = "against/mod.rs"]
mod against;
#[path = "ask/mod.rs"]
mod ask;

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    ask::main(env::args().skip(1))
}
