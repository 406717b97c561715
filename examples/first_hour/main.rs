//! The first hour with `azbatch::testing`, for three users: one has a host, one a client with a fuzzer, and one a
//! client that must wait for a long time.
//!
//! `cargo run --example first_hour` shows what the first one sees. The tests here run with `cargo test`.

mod client;
mod host;
mod virtual_time;

use proptest::test_runner::{Config, TestError, TestRunner};

fn main() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    match runner.run(&host::sequences(), |sequence| host::every_job_ends(&sequence)) {
        Ok(()) => println!("no fault found"),
        Err(TestError::Fail(why, sequence)) => println!("{why}\n{sequence:?}"),
        Err(TestError::Abort(why)) => println!("aborted: {why}"),
    }
}
