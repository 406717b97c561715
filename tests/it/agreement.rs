//! The account and the oracle agree after every step: see `oracle/mod.rs`, which is a second model of the rules.

use azbatch::testing::{Driver, Sequence, strategies};
use proptest::prelude::*;

use crate::fuzz_corpus::fuzz::oracle::Oracle;

/// The first step after which the two differ, with what differs.
fn first_difference(sequence: &Sequence) -> Option<String> {
    let (mut driver, mut oracle) = (Driver::new(sequence.start()), Oracle::new());
    for (place, step) in sequence.iter().enumerate() {
        let outcome = driver.step(step);
        let Some(call) = outcome.call else { continue };
        let lines = oracle.step(&call, &outcome.result, driver.account(), driver.now());
        if !lines.is_empty() {
            return Some(format!("step {}: {step}\n  {}", place + 1, lines.join("\n  ")));
        }
    }
    None
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// All rules that the oracle has, after every step.
    #[test]
    fn the_account_does_what_the_oracle_says(sequence in strategies::sequence(60)) {
        if let Some(difference) = first_difference(&sequence) {
            return Err(TestCaseError::fail(difference));
        }
    }
}
