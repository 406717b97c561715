//! An Azure Batch account on a laptop. `--help` lists the options.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    azbatch_emulator::main().await
}
