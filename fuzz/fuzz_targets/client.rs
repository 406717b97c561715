#![no_main]

#[path = "../../examples/first_hour/client.rs"]
#[allow(unreachable_pub, reason = "it is the library of somebody else")]
mod client;
#[path = "../../examples/first_hour/virtual_time.rs"]
#[allow(unreachable_pub, reason = "it is shared with the example")]
mod virtual_time;

use azbatch::testing::Sequence;
use client::{Failure, end_job};
use virtual_time::Virtual;

// Whatever state an account is in, the client ends the job or says that it cannot, and does not panic.
libfuzzer_sys::fuzz_target!(|sequence: Sequence| {
    let mut service = Virtual::new(sequence.run());
    let ended = end_job(&mut service, "Job-1");
    assert!(matches!(ended, Ok(()) | Err(Failure::StillEnding)), "{ended:?} after {sequence:?}");
});
