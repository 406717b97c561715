//! What has happened to an account, so that something of it can come again.

use alloc::{collections::VecDeque, vec::Vec};

use crate::{Account, Effect, Fact, Instruction, Report, RunId, job::Unit};

/// The latest of what an account's nodes were told and have reported, so that something of it can come
/// again.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The runs that nodes were told to run, the latest first.
    runs: VecDeque<RunId>,
    /// The reports, the latest first.
    reports: VecDeque<Report>,
    /// The instructions, the latest first.
    instructions: VecDeque<Instruction>,
    /// The facts, the latest first.
    facts: VecDeque<Fact>,
}

impl Past {
    /// How many of each are kept.
    const KEPT: usize = 8;

    /// The latest runs that nodes were told to run, the latest first.
    pub fn runs(&self) -> impl Iterator<Item = &RunId> {
        self.runs.iter()
    }

    /// The latest reports, the latest first.
    pub fn reports(&self) -> impl Iterator<Item = &Report> {
        self.reports.iter()
    }

    /// The latest instructions, the latest first.
    pub fn instructions(&self) -> impl Iterator<Item = &Instruction> {
        self.instructions.iter()
    }

    /// The latest facts, the latest first.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.facts.iter()
    }

    /// Keeps what came of a call, and the report if it was one.
    pub fn note(&mut self, report: Option<&Report>, effects: &[Effect]) {
        for instruction in Effect::instructions(effects) {
            if let Instruction::Run(run) = instruction {
                self.runs.push_front(run.clone());
            }
            self.instructions.push_front(instruction.clone());
        }
        if let Some(report) = report {
            self.reports.push_front(report.clone());
        }
        for fact in Effect::facts(effects) {
            self.facts.push_front(fact.clone());
        }
        self.facts.truncate(Self::KEPT);
        self.runs.truncate(Self::KEPT);
        self.reports.truncate(Self::KEPT);
        self.instructions.truncate(Self::KEPT);
    }
}

/// The runs that nodes still have to report, as the job's records and tasks tell them. They are worked out again,
/// apart from [`Account::outstanding`].
pub fn runs_in_progress(account: &Account) -> Vec<RunId> {
    let mut found = Vec::new();
    for job in account.jobs() {
        for (node, record) in job.nodes() {
            let mut push = |unit, number| {
                found.push(RunId { job: job.id().clone(), node: node.clone(), unit, number });
            };
            if let Some(run) = record.preparation().filter(|run| run.in_progress()) {
                push(Unit::Preparation, run.number);
            }
            for task in job.tasks() {
                let assignment = task.state().assignment().filter(|here| here.placement.node == *node);
                if let Some(assignment) = assignment {
                    push(Unit::Task(task.id().clone()), assignment.run);
                }
            }
            if let Some(run) = record.release().filter(|run| run.in_progress()) {
                push(Unit::Release, run.number);
            }
        }
    }
    found
}
