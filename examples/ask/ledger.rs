//! What was made and must be deleted.

use std::{
    cell::Cell,
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use azbatch::Timestamp;

use super::{conversation::VERSION, question::Makes};
use crate::against::{Asked, Service, versioned};

/// What the names of all that is made begin with.
pub const OURS: &str = "azbatch-ask-";
/// How long the end of the deletions is waited for.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often a deletion is tried.
const ATTEMPTS: u32 = 3;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    // Deleting a schedule deletes its jobs, so schedules come first.
    JobSchedule,
    Job,
}

/// The names of all that was made, noted before it is.
pub struct Ledger {
    prefix: String,
    names: Mutex<Vec<(Kind, String)>>,
    tasks: AtomicUsize,
}

impl Ledger {
    pub fn new(now: Timestamp) -> Self {
        // Two who ask the same account do not meet: ticks of 100 ns, and the process.
        let prefix = format!("{OURS}{:x}-{:x}", now.ticks(), std::process::id());
        Self { prefix, names: Mutex::default(), tasks: AtomicUsize::new(0) }
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A new id. It is noted before the request is sent, so that nothing is made that is not known here.
    pub fn note(&self, kind: Kind) -> String {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let id = format!("{}-{}", self.prefix, names.len() + 1);
        names.push((kind, id.clone()));
        id
    }

    pub fn count_tasks(&self, tasks: usize) {
        self.tasks.fetch_add(tasks, Ordering::Relaxed);
    }

    /// What was made, so that it can be compared with what was announced.
    pub fn made(&self) -> String {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |kind| names.iter().filter(|(of, _)| *of == kind).count();
        let tasks = self.tasks.load(Ordering::Relaxed);
        let made = Makes { jobs: count(Kind::Job), tasks, schedules: count(Kind::JobSchedule) };
        format!("made: {made}")
    }

    fn paths(&self) -> Vec<(Kind, String)> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let path = |(kind, id): &(Kind, String)| match kind {
            Kind::Job => (*kind, format!("/jobs/{id}")),
            Kind::JobSchedule => (*kind, format!("/jobschedules/{id}")),
        };
        let mut paths: Vec<_> = names.iter().map(path).collect();
        paths.sort();
        paths
    }
}

impl std::fmt::Display for Makes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} jobs, {} tasks, {} job schedules", self.jobs, self.tasks, self.schedules)
    }
}

/// Deletes what is in the ledger, in the end also when the program panics.
pub struct Cleanup<'a> {
    service: &'a Service,
    ledger: &'a Ledger,
    deleted: Mutex<BTreeSet<String>>,
    finished: Cell<bool>,
}

impl<'a> Cleanup<'a> {
    pub fn new(service: &'a Service, ledger: &'a Ledger) -> Self {
        Self { service, ledger, deleted: Mutex::default(), finished: Cell::new(false) }
    }

    /// Asks for the deletion of everything, and returns what it was refused for.
    pub fn begin(&self) -> Vec<String> {
        let mut deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = Vec::new();
        for (_, path) in self.ledger.paths() {
            if !deleted.contains(&path) {
                if self.delete(&path) {
                    deleted.insert(path);
                } else {
                    left.push(path);
                }
            }
        }
        left
    }

    /// Deletes everything and waits until it is gone; returns what could not be deleted.
    pub fn finish(self) -> Vec<String> {
        self.finished.set(true);
        self.delete_all()
    }

    fn delete_all(&self) -> Vec<String> {
        let mut left = self.begin();
        for attempt in 0..ATTEMPTS {
            if left.is_empty() {
                break;
            }
            thread::sleep(Duration::from_secs(1 << attempt));
            left = self.begin();
        }
        self.wait_until_gone(&left);
        left
    }

    /// What is still being deleted is not waited for for ever: it goes by itself.
    fn wait_until_gone(&self, left: &[String]) {
        let end = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(25);
        let mut waiting: Vec<_> = self.ledger.paths().into_iter().map(|(_, path)| path).collect();
        waiting.retain(|path| !left.contains(path));
        loop {
            waiting.retain(|path| self.status("GET", path) != Some(404));
            if waiting.is_empty() || Instant::now() > end {
                break;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(5));
        }
        for path in waiting {
            eprintln!("{path} is still being deleted");
        }
    }

    /// Whether it is being deleted, or not there.
    fn delete(&self, path: &str) -> bool {
        match self.status("DELETE", &format!("{path}?force=true")) {
            Some(202 | 404) => true,
            Some(409) => self.is_deleting(path),
            Some(_) | None => false,
        }
    }

    fn is_deleting(&self, path: &str) -> bool {
        let answered = self.ask("GET", &format!("{path}?$select=state"));
        answered.is_some_and(|(status, body)| status == 404 || body.contains("\"deleting\""))
    }

    fn status(&self, method: &str, path: &str) -> Option<u16> {
        self.ask(method, path).map(|(status, _)| status)
    }

    fn ask(&self, method: &str, path: &str) -> Option<(u16, String)> {
        let target = versioned(path, VERSION);
        let answered = self.service.ask(&Asked { method, target: &target, headers: &[], body: None }).ok()?;
        Some((answered.status, String::from_utf8_lossy(&answered.body).into_owned()))
    }
}

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        if !self.finished.get() {
            for path in self.delete_all() {
                eprintln!("could not be deleted: {path}");
            }
        }
    }
}
