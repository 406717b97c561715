//! The first hour with `azbatch::testing`, for three users: one has a host, one a client with a fuzzer, and one a
//! client that must wait for a long time.
//!
//! `cargo run --example first_hour` shows what the first and the last one see. The tests here run with `cargo test`, and
//! `fuzz/fuzz_targets/client.rs` is the second one's.

mod client;
mod host;
mod virtual_time;

use proptest::test_runner::{Config, TestError, TestRunner};

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
    let mut service = virtual_time::with_a_task_that_does_not_stop();
    let ended = client::end_job(&mut service, "Job-1");
    println!("{ended:?} after {:?} and these requests:", service.elapsed);
    for (request, at) in service.requests {
        println!("{at:?}: {request}");
    }
}
