//! A host under test.

use alloc::{collections::VecDeque, vec::Vec};

use crate::{
    Instruction, Job, JobId, NodeId, Report,
    job::{JobState, TerminateJob},
    node::NodeEvent,
    testing::{
        call::Call,
        driver::{Driver, Outcome},
        step::Step,
    },
};

/// How many reports may follow from one call, so that a host that never comes to an end does not stop a test.
const MAX_REPORTS: usize = 1000;

/// A host under test: it carries out instructions, and reports what nodes do.
///
/// See the [module](super) for a test of one.
pub trait Host {
    /// Carries out an instruction, which may come late or twice. Returns what nodes report now.
    fn carry_out(&mut self, instruction: &Instruction) -> Vec<Report>;

    /// Something has happened to a node, as the account knows. What ran there is lost after most events.
    fn node_event(&mut self, node: &NodeId, event: NodeEvent) {
        let _ = (node, event);
    }
}

impl Driver {
    /// Makes a step. The host carries out the instructions, and its reports go to the account.
    pub fn step_with(&mut self, host: &mut impl Host, step: Step) -> Outcome {
        let outcome = self.step(step);
        self.follow(host, &outcome);
        outcome
    }

    /// Makes a call. The host carries out the instructions, and its reports go to the account.
    pub fn call_with(&mut self, host: &mut impl Host, call: Call) -> Outcome {
        let outcome = self.call(call);
        self.follow(host, &outcome);
        outcome
    }

    /// Lets all nodes answer and ends all jobs, as a user does who terminates each. Returns the jobs that have not
    /// ended: none if the host does what it is told and reports it ([I7](crate::evidence#i7)).
    pub fn end_all_jobs(&mut self, host: &mut impl Host) -> Vec<JobId> {
        let nodes: Vec<NodeId> = self.account().nodes().map(|node| node.id().clone()).collect();
        for node in nodes {
            self.call_with(host, Call::NodeEvent(node, NodeEvent::Returned));
        }
        let jobs: Vec<JobId> = self.account().jobs().map(|job| job.id().clone()).collect();
        for job in &jobs {
            self.call_with(host, Call::TerminateJob(job.clone(), TerminateJob::by_user()));
        }
        // A job may be ending by itself already, and have a release to run.
        for _ in 0..4 {
            self.call_with(host, Call::Tick);
        }
        let has_ended = |job: &JobId| match self.account().job(job).map(Job::state) {
            None | Some(JobState::Completed(_)) => true,
            Some(JobState::Living(_) | JobState::Ending(_)) => false,
        };
        jobs.into_iter().filter(|job| !has_ended(job)).collect()
    }

    fn follow(&mut self, host: &mut impl Host, outcome: &Outcome) {
        if let Some(Call::NodeEvent(node, event)) = &outcome.call {
            host.node_event(node, *event);
        }
        let mut reports: VecDeque<Report> =
            outcome.instructions().flat_map(|instruction| host.carry_out(instruction)).collect();
        for _ in 0..MAX_REPORTS {
            let Some(report) = reports.pop_front() else { return };
            let outcome = self.call(Call::Report(report));
            outcome.instructions().for_each(|instruction| reports.extend(host.carry_out(instruction)));
        }
    }
}
