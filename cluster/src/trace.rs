//! For tests: writes to a file which runs nodes were told to begin, and what the account knew of runs. Each line has the
//! index of the log at that time. The files of all members together show whether a run was begun that should not have been.

use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use azbatch::{Fact, NodeId, Report, RunId, Timestamp, job::Unit, task::TaskFact};
use azbatch_emulator::{
    files::Files,
    machines::{Machines, Run},
};

use crate::command::Happened;

/// Where it is written, if anywhere. Copies are of the same one.
#[derive(Clone, Default)]
pub struct Trace(Option<Arc<Mutex<File>>>);

impl Trace {
    /// Adds to a file.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Some(Arc::new(Mutex::new(file)))))
    }

    /// A group is opened: entries that were applied before may be applied again.
    pub fn begin(&self) {
        self.write(|lines| lines.push_str("start\n"));
    }

    /// What the account knows of tasks since an entry of the log.
    pub fn known(&self, index: u64, happened: &Happened) {
        self.write(|lines| {
            for fact in &happened.facts {
                if let Fact::Task(job, task, fact) = fact
                    && let Some(word) = word(fact)
                {
                    writeln!(lines, "{index} {job} {task} {word}").ok();
                }
            }
        });
    }

    /// From here on this member leads, and has told nodes nothing yet.
    pub fn leads(&self, index: u64) {
        self.write(|lines| {
            writeln!(lines, "{index} leads").ok();
        });
    }

    /// What nodes were told to begin, when the log was applied up to an entry.
    pub fn begun(&self, index: u64, runs: &[RunId]) {
        self.write(|lines| {
            for run in runs {
                if let Unit::Task(task) = &run.unit {
                    writeln!(lines, "{index} {} {task} begin {}", run.job, run.number).ok();
                }
            }
        });
    }

    fn write(&self, write: impl FnOnce(&mut String)) {
        let Some(file) = &self.0 else { return };
        let mut lines = String::new();
        write(&mut lines);
        if !lines.is_empty() {
            // In one piece: the process may be killed at any time.
            let written = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(lines.as_bytes());
            written.unwrap_or_else(|error| eprintln!("the trace: {error}"));
        }
    }
}

/// What a fact says of the run of a task.
#[allow(clippy::wildcard_enum_match_arm, reason = "all others say nothing of it")]
fn word(fact: &TaskFact) -> Option<String> {
    match fact {
        TaskFact::Running { run, .. } => Some(format!("given {run}")),
        TaskFact::Started { .. } => Some("started".into()),
        TaskFact::Completed(_) => Some("ended".into()),
        TaskFact::Retried { .. } => Some("retried".into()),
        TaskFact::Requeued { node, .. } => Some(format!("lost {node}")),
        TaskFact::Deleted { .. } => Some("deleted".into()),
        _ => None,
    }
}

/// Machines that note what they are told to begin. A run that the account knows to have started only continues.
pub struct Noted<M> {
    machines: M,
    begun: Begun,
}

/// What machines were told to begin since the last look. Copies are of the same list.
#[derive(Clone, Default)]
pub struct Begun(Arc<Mutex<Vec<RunId>>>);

impl<M> Noted<M> {
    pub fn new(machines: M, begun: Begun) -> Self {
        Self { machines, begun }
    }
}

impl Begun {
    pub fn take(&self) -> Vec<RunId> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<M: Machines> Machines for Noted<M> {
    fn run(&mut self, run: &Run, now: Timestamp) {
        if run.started.is_none() {
            self.begun.0.lock().unwrap_or_else(PoisonError::into_inner).push(run.id.clone());
        }
        self.machines.run(run, now);
    }

    fn stop(&mut self, run: &RunId, now: Timestamp) {
        self.machines.stop(run, now);
    }

    fn wipe(&mut self, node: &NodeId) {
        self.machines.wipe(node);
    }

    fn erase(&mut self, node: &NodeId) {
        self.machines.erase(node);
    }

    fn files(&self) -> Arc<dyn Files> {
        self.machines.files()
    }

    fn runs_on(&self, node: &NodeId) -> Vec<RunId> {
        self.machines.runs_on(node)
    }

    fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.machines.next_due(now)
    }

    fn take_due(&mut self, now: Timestamp) -> Option<Report> {
        self.machines.take_due(now)
    }
}
