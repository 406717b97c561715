//! A property test of a host, which has a fault: after a node has rebooted, the host forgets what it is told to stop
//! there.

use std::collections::BTreeSet;

use azbatch::{
    Instruction, NodeId, Report, RunId,
    job::{Ended, Unit},
    node::NodeEvent,
    testing::{Driver, Host, Sequence, Sequences, strategies},
};
use proptest::{prelude::*, test_runner::TestCaseResult};

/// The host under test. It starts processes on nodes and stops them.
#[derive(Default)]
struct Forgetful {
    processes: BTreeSet<RunId>,
    /// The nodes to which the connection for stopping processes was lost. Nobody opens it again: the fault.
    disconnected: BTreeSet<NodeId>,
}

impl Host for Forgetful {
    fn carry_out(&mut self, instruction: &Instruction) -> Vec<Report> {
        match instruction {
            // Preparations and releases are short, tasks run until they are stopped.
            Instruction::Run(run) if matches!(run.unit, Unit::Task(_)) => {
                self.processes.insert(run.clone());
                vec![run.started()]
            }
            Instruction::Run(run) => vec![run.ended(Ended::with_exit_code(0))],
            Instruction::Stop { run, .. } if self.disconnected.contains(&run.node) => Vec::new(),
            Instruction::Stop { run, .. } => {
                self.processes.remove(run);
                vec![run.ended(Ended::with_exit_code(137))]
            }
            Instruction::AddNodes { .. } | Instruction::AddPool { .. } | Instruction::Act { .. } => {
                Vec::new()
            }
        }
    }

    fn node_event(&mut self, node: &NodeId, event: NodeEvent) {
        match event {
            NodeEvent::Rebooted => {
                self.processes.retain(|run| run.node != *node);
                self.disconnected.insert(node.clone());
            }
            NodeEvent::Reimaged | NodeEvent::Removed | NodeEvent::Preempted | NodeEvent::Deallocated => {
                self.processes.retain(|run| run.node != *node);
            }
            NodeEvent::Lost | NodeEvent::Returned | NodeEvent::Unusable | NodeEvent::Started => {}
        }
    }
}

/// The sequences that the host is tested with. It makes its own reports.
pub fn sequences() -> Sequences {
    strategies::sequence_without_reports(30)
}

/// Whatever has happened: when a user terminates the jobs and the nodes answer, the jobs end.
pub fn every_job_ends(sequence: &Sequence) -> TestCaseResult {
    let (mut driver, mut host) = (Driver::new(sequence.start()), Forgetful::default());
    for step in sequence {
        driver.step_with(&mut host, step);
    }
    let endless = driver.end_all_jobs(&mut host);
    prop_assert!(endless.is_empty(), "these jobs never end: {endless:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::test_runner::{TestError, TestRunner};

    use super::*;

    #[test]
    fn the_fault_is_found_and_told_in_a_few_lines() {
        let mut runner = TestRunner::deterministic();
        let found = runner.run(&sequences(), |sequence| every_job_ends(&sequence));
        let Err(TestError::Fail(why, sequence)) = found else { panic!("not found: {found:?}") };
        println!("{why}\n{sequence:?}");
        let told = sequence.to_string();
        assert!(why.message().contains("never end"), "{why}");
        assert!(told.contains("has rebooted"), "{told}");
        assert!(sequence.steps().len() <= 6, "{told}");
    }

    /// With the connection opened again there is nothing to find.
    #[test]
    fn the_repaired_host_passes() {
        struct Repaired(Forgetful);
        impl Host for Repaired {
            fn carry_out(&mut self, instruction: &Instruction) -> Vec<Report> {
                self.0.carry_out(instruction)
            }

            fn node_event(&mut self, node: &NodeId, event: NodeEvent) {
                self.0.node_event(node, event);
                self.0.disconnected.clear();
            }
        }
        let passed = TestRunner::deterministic().run(&sequences(), |sequence| {
            let (mut driver, mut host) = (Driver::new(sequence.start()), Repaired(Forgetful::default()));
            for step in &sequence {
                driver.step_with(&mut host, step);
            }
            prop_assert_eq!(driver.end_all_jobs(&mut host), vec![]);
            Ok(())
        });
        passed.unwrap();
    }
}
