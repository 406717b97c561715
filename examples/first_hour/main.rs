//! The first hour with `azbatch::testing`, for three users: one has a host, one a client with a fuzzer, and one a
//! client that must wait for a long time.
//!
//! `cargo run --example first_hour` shows what the first and the last one see. The tests here run with `cargo test`, and
//! `fuzz/fuzz_targets/client.rs` is the second one's.

mod client;
mod host;
mod virtual_time;

use azbatch::testing::{Sequence, Start};
use proptest::test_runner::{Config, TestError, TestRunner};
use virtual_time::Virtual;

fn main() {
    host();
    client();
}

fn host() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    match runner.run(&host::sequences(), |sequence| host::every_job_ends(&sequence)) {
        Ok(()) => println!("no fault found"),
        Err(TestError::Fail(why, sequence)) => println!("{why}\n{sequence:?}"),
        Err(TestError::Abort(why)) => println!("aborted: {why}"),
    }
}

fn client() {
    let mut service = with_a_task_that_does_not_stop();
    let ended = client::end_job(&mut service, "Job-1");
    println!("{ended:?} after {:?} and these requests:", service.elapsed);
    for (request, at) in service.requests {
        println!("{at:?}: {request}");
    }
}

/// A job with a task on a node. The node will never report that it has stopped the task.
fn with_a_task_that_does_not_stop() -> Virtual {
    let sequence = Sequence::new(
        Start::Usual,
        [
            [11, 0, 0, 0, 0, 0, 0, 0], // add node Node-a to pool-1 (slots: 3)
            [14, 0, 0, 0, 0, 0, 0, 0], // add job Job-1 to pool-1
            [17, 0, 0, 0, 0, 0, 0, 0], // add task 1 to Job-1
            [25, 0, 0, 0, 0, 0, 0, 0], // assign an active task (choice 0)
        ],
    );
    Virtual::new(sequence.run())
}
