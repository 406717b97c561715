//! Simulated machines: how long a command line would take, and its exit code, are read from its text.

mod files;

use std::{collections::BTreeMap, sync::Arc};

use azbatch::{NodeId, Report, RunId, TimeSpan, Timestamp, job::Ended};

use crate::{
    files::Files,
    machines::{Machines, Run},
};
use files::SimulatedFiles;

/// The exit code of a killed process, as a shell reports it.
const KILLED: i32 = 137;

/// How long a simulated process takes to stop. A task that was told to stop runs until its node answers (E2),
/// so this is what clients wait for.
const STOPPING: TimeSpan = match TimeSpan::from_ticks(100_000) {
    Some(milliseconds) => milliseconds,
    None => TimeSpan::ZERO,
};

/// Runs that end by the clock.
#[derive(Default)]
pub struct Simulation {
    runs: BTreeMap<RunId, SimulatedRun>,
    files: Arc<SimulatedFiles>,
}

struct SimulatedRun {
    starts: Timestamp,
    /// Whether its start was reported.
    started: bool,
    ends: Timestamp,
    exit_code: Option<i32>,
}

impl SimulatedRun {
    fn due(&self) -> Timestamp {
        if self.started { self.ends } else { self.starts }
    }
}

impl Machines for Simulation {
    fn run(&mut self, run: &Run, now: Timestamp) {
        let starts = run.started.unwrap_or(now);
        let plan = Plan::read(&run.command_line);
        self.files.leave(run, starts);
        self.runs.entry(run.id.clone()).or_insert(SimulatedRun {
            starts,
            started: run.started.is_some(),
            ends: starts.saturating_add(plan.takes),
            exit_code: Some(plan.exit_code),
        });
    }

    fn stop(&mut self, run: &RunId, now: Timestamp) {
        let unknown = SimulatedRun { starts: now, started: true, ends: Timestamp::MAX, exit_code: None };
        let is_known = self.runs.contains_key(run);
        let run = self.runs.entry(run.clone()).or_insert(unknown);
        run.ends = run.ends.min(now.saturating_add(STOPPING));
        run.started = true; // The end is reported, so the start need not be.
        run.exit_code = is_known.then_some(KILLED);
    }

    fn wipe(&mut self, node: &NodeId) {
        self.runs.retain(|run, _| run.node != *node);
    }

    fn erase(&mut self, node: &NodeId) {
        self.files.erase(node);
    }

    fn files(&self) -> Arc<dyn Files> {
        self.files.clone()
    }

    fn runs_on(&self, node: &NodeId) -> Vec<RunId> {
        self.runs.keys().filter(|run| run.node == *node).cloned().collect()
    }

    fn next_due(&self, _now: Timestamp) -> Option<Timestamp> {
        self.runs.values().map(SimulatedRun::due).min()
    }

    fn take_due(&mut self, now: Timestamp) -> Option<Report> {
        let (id, run) = self.runs.iter_mut().min_by_key(|(_, run)| run.due())?;
        if run.due() > now {
            return None;
        }
        let (id, exit_code) = (id.clone(), run.exit_code);
        if run.started {
            self.runs.remove(&id);
            return Some(id.ended(Ended { exit_code, failure: None }));
        }
        run.started = true;
        Some(id.started())
    }
}

/// What a command line would do.
#[derive(Debug, PartialEq)]
struct Plan {
    takes: TimeSpan,
    exit_code: i32,
}

impl Plan {
    /// Every `sleep N` takes N seconds, the first `exit N` ends it.
    fn read(command_line: &str) -> Self {
        let mut plan = Self { takes: TimeSpan::ZERO, exit_code: 0 };
        let is_separator = |letter: char| letter.is_whitespace() || ";&|()\"'".contains(letter);
        let mut words = command_line.split(is_separator).filter(|word| !word.is_empty()).peekable();
        while let Some(word) = words.next() {
            let number = words.peek().copied().unwrap_or_default();
            if word == "sleep" {
                plan.takes = add(plan.takes, seconds(number));
            } else if word == "exit" {
                plan.exit_code = number.parse().unwrap_or(0);
                break;
            }
        }
        plan
    }
}

fn seconds(text: &str) -> TimeSpan {
    let duration = text.parse().ok().and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
    duration.and_then(|duration| TimeSpan::try_from(duration).ok()).unwrap_or(TimeSpan::ZERO)
}

fn add(one: TimeSpan, other: TimeSpan) -> TimeSpan {
    TimeSpan::from_ticks(one.ticks().saturating_add(other.ticks())).unwrap_or(TimeSpan::UNLIMITED)
}
