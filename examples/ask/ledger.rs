//! What was made and must be deleted.

use std::{
    cell::Cell,
    collections::BTreeSet,
    fmt,
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

impl Kind {
    /// The path of all of them.
    pub fn list(self) -> &'static str {
        match self {
            Self::JobSchedule => "/jobschedules",
            Self::Job => "/jobs",
        }
    }
}

/// What is known of the request that adds something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Added {
    /// It may still be carried out, also after a deletion that found nothing.
    Unanswered,
    Yes,
    No,
}

struct Name {
    kind: Kind,
    id: String,
    added: Added,
}

impl Name {
    fn path(&self) -> String {
        format!("{}/{}", self.kind.list(), self.id)
    }
}

/// The names of all that was made, noted before it is.
pub struct Ledger {
    prefix: String,
    names: Mutex<Vec<Name>>,
    tasks: AtomicUsize,
    /// Made by schedules, and deleted with them.
    jobs_of_schedules: AtomicUsize,
}

impl Ledger {
    pub fn new(now: Timestamp) -> Self {
        // Two who ask the same account do not meet: ticks of 100 ns, and the process.
        let prefix = format!("{OURS}{:x}-{:x}", now.ticks(), std::process::id());
        Self {
            prefix,
            names: Mutex::default(),
            tasks: AtomicUsize::new(0),
            jobs_of_schedules: AtomicUsize::new(0),
        }
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A new id. It is noted before the request is sent, so that nothing is made that is not known here.
    pub fn note(&self, kind: Kind) -> String {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let id = format!("{}-{}", self.prefix, names.len() + 1);
        names.push(Name { kind, id: id.clone(), added: Added::Unanswered });
        id
    }

    /// What the request answered that adds what has this id.
    pub fn answered(&self, id: &str, status: u16, code: &str) {
        let added = match status {
            201 => Added::Yes,
            // A request that was sent again may find what it made the first time.
            409 if code.ends_with("Exists") => Added::Unanswered,
            408 => Added::Unanswered,
            400..500 => Added::No,
            _ => Added::Unanswered,
        };
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = names.iter_mut().find(|name| name.id == id) {
            name.added = added;
        }
    }

    pub fn count_tasks(&self, tasks: usize) {
        self.tasks.fetch_add(tasks, Ordering::Relaxed);
    }

    pub fn count_job_of_schedule(&self) {
        self.jobs_of_schedules.fetch_add(1, Ordering::Relaxed);
    }

    /// What was made, so that it can be compared with what was announced.
    pub fn made(&self) -> String {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |kind| names.iter().filter(|name| name.kind == kind).count();
        let tasks = self.tasks.load(Ordering::Relaxed);
        let jobs = count(Kind::Job) + self.jobs_of_schedules.load(Ordering::Relaxed);
        let made = Makes { jobs, tasks, schedules: count(Kind::JobSchedule) };
        format!("made: {made}")
    }

    /// Where everything is that was made or may be, in the order in which it is deleted.
    fn paths(&self) -> Vec<(String, Added)> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut made: Vec<_> = names.iter().filter(|name| name.added != Added::No).collect();
        made.sort_by_key(|name| name.kind);
        made.into_iter().map(|name| (name.path(), name.added)).collect()
    }
}

impl fmt::Display for Makes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} jobs, {} tasks, {} job schedules", self.jobs, self.tasks, self.schedules)
    }
}

/// What a request to delete something found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deletion {
    Begun,
    NotThere,
    Refused,
}

/// What is not known to be deleted.
#[derive(Clone, PartialEq, Eq)]
pub enum Left {
    NotDeleted(String),
    /// Nobody knows whether it was added, and it is not there yet.
    MayAppear(String),
}

impl Left {
    fn path(&self) -> &str {
        match self {
            Self::NotDeleted(path) | Self::MayAppear(path) => path,
        }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDeleted(path) => write!(f, "could not be deleted: {path}"),
            Self::MayAppear(path) => write!(f, "may still appear, as adding it was not answered: {path}"),
        }
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

    /// Asks for the deletion of everything, and returns what is not known to be deleted.
    pub fn begin(&self) -> Vec<Left> {
        let mut deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = Vec::new();
        for (path, added) in self.ledger.paths() {
            if deleted.contains(&path) {
                continue;
            }
            match (self.delete(&path), added) {
                (Deletion::Begun, _) => {
                    deleted.insert(path);
                }
                (Deletion::NotThere, Added::Unanswered) => left.push(Left::MayAppear(path)),
                (Deletion::NotThere, Added::Yes | Added::No) => {}
                (Deletion::Refused, _) => left.push(Left::NotDeleted(path)),
            }
        }
        left
    }

    /// Deletes everything and waits until it is gone; returns what is not known to be.
    pub fn finish(self) -> Vec<Left> {
        self.finished.set(true);
        self.delete_all()
    }

    fn delete_all(&self) -> Vec<Left> {
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
    fn wait_until_gone(&self, left: &[Left]) {
        let end = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(25);
        let mut waiting: Vec<_> = self.ledger.paths().into_iter().map(|(path, _)| path).collect();
        waiting.retain(|path| !left.iter().any(|left| left.path() == path));
        loop {
            // Without a network each of them takes as long as a request may.
            waiting.retain(|path| Instant::now() > end || self.status("GET", path) != Some(404));
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

    fn delete(&self, path: &str) -> Deletion {
        match self.status("DELETE", &format!("{path}?force=true")) {
            Some(202) => Deletion::Begun,
            Some(404) => Deletion::NotThere,
            Some(409) => self.conflict(path),
            Some(_) | None => Deletion::Refused,
        }
    }

    /// A deletion is refused of what is being deleted already.
    fn conflict(&self, path: &str) -> Deletion {
        match self.ask("GET", &format!("{path}?$select=state")) {
            Some((404, _)) => Deletion::NotThere,
            Some((200, body)) if body.contains("\"deleting\"") => Deletion::Begun,
            Some(_) | None => Deletion::Refused,
        }
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
            for left in self.delete_all() {
                eprintln!("{left}");
            }
        }
    }
}
