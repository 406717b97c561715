//! The account on disk (`--data`): every fact before anybody can hear of it, and now and then the account whole.
//!
//! The store has one log. Its value [`WHOLE`] is the account as it once was, and the entries behind it are the facts
//! since then, those of one input in one entry.

use std::{
    error::Error,
    fmt,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use azbatch::{Fact, NodeId, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::{
    snapshot::Snapshot,
    store::{Changes, Log, Store, StoreError, Ticket},
};

/// The format of the entries. It changes when entries written by an earlier version are no longer read. The account
/// has a format of its own.
const FORMAT: u32 = 1;

const LOG: &str = "account";
/// The value with the account.
const WHOLE: &str = "whole";
/// The value with the format of the entries.
const FORMAT_VALUE: &str = "format";

/// The account is stored whole when there are as many bytes of entries as it has itself, but not before this.
const MANY_BYTES: u64 = 8 * 1024 * 1024;
/// How many entries are removed at once, so that nobody waits long.
const PURGED_AT_ONCE: usize = 1_000;
/// How many entries are read at once.
const READ_AT_ONCE: u64 = 10_000;

/// What can be done about a store that cannot be read.
const REMEDY: &str = "restore the folder from a copy, or move it away to start with an empty account";

/// Where the account is kept.
pub struct Ledger {
    log: Log,
    state: Mutex<State>,
    /// Notified when the account should be stored whole.
    is_long: Notify,
}

struct State {
    /// The index of the next entry.
    next: u64,
    /// Where the clock goes on after a kill: no earlier than at any instant that was shown.
    until: Timestamp,
    /// How many bytes the entries have that are not in the whole account.
    bytes: u64,
    /// How many there may be before it is stored whole.
    limit: u64,
    /// Says when the latest entry is on disk.
    latest: Option<Ticket>,
}

/// The account with all entries before one.
#[derive(Serialize, Deserialize)]
pub struct Whole {
    /// The first entry that is not in it.
    next: u64,
    snapshot: Snapshot,
    /// How many bytes the entries have that are in it, since it was stored before.
    #[serde(skip)]
    bytes: u64,
}

/// What came of an input.
#[derive(Deserialize)]
struct Entry {
    until: Timestamp,
    #[serde(default)]
    contact: Option<Contact>,
    #[serde(default)]
    facts: Vec<Fact>,
}

/// An [`Entry`] as it is written.
#[derive(Serialize)]
struct NewEntry<'a> {
    until: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<&'a Contact>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    facts: &'a [&'a Fact],
}

/// Whether a node can be reached from now on.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Contact {
    Lost(NodeId),
    Found(NodeId),
}

impl Ledger {
    /// Opens the store in a folder, and reads the account; `None` if there is none yet.
    ///
    /// # Errors
    /// The store cannot be opened, or what is in it does not fit together.
    pub fn open(folder: &Path) -> Result<(Self, Option<Snapshot>), Box<dyn Error>> {
        Self::in_store(&Store::open(folder)?)
    }

    pub(crate) fn in_store(store: &Store) -> Result<(Self, Option<Snapshot>), Box<dyn Error>> {
        let log = store.log(LOG);
        let Some(whole) = log.get(WHOLE)? else {
            if log.bounds()?.is_some() {
                return Err(damaged("it has no account").into());
            }
            let state = State { next: 0, until: Timestamp::MIN, bytes: 0, limit: MANY_BYTES, latest: None };
            return Ok((Self { log, state: Mutex::new(state), is_long: Notify::new() }, None));
        };
        check_format(&log)?;
        let limit = MANY_BYTES.max(whole.len() as u64);
        let Whole { next, mut snapshot, .. } = serde_json::from_slice(&whole)
            .map_err(|error| format!("the stored account cannot be read ({error}); {REMEDY}"))?;
        drop(whole);
        let (next, bytes) = replay(&log, next, &mut snapshot)?;
        let state = State { next, until: snapshot.instant, bytes, limit, latest: None };
        Ok((Self { log, state: Mutex::new(state), is_long: Notify::new() }, Some(snapshot)))
    }

    /// Adds what came of an input at an instant. The clock may go on for `ahead` before anything else is added.
    pub fn add(&self, at: Timestamp, ahead: TimeSpan, contact: Option<&Contact>, facts: &[&Fact]) -> Ticket {
        let mut state = self.lock();
        state.cover(at, ahead);
        self.append(&mut state, contact, facts)
    }

    /// Makes sure that the clock does not go back behind this instant after a kill.
    pub fn cover(&self, now: Timestamp, ahead: TimeSpan) {
        let mut state = self.lock();
        if state.cover(now, ahead) {
            drop(self.append(&mut state, None, &[]));
        }
    }

    /// Lets the clock go on exactly here.
    pub fn set_clock(&self, now: Timestamp) {
        let mut state = self.lock();
        if state.until != now {
            state.until = now;
            drop(self.append(&mut state, None, &[]));
        }
    }

    fn append(&self, state: &mut State, contact: Option<&Contact>, facts: &[&Fact]) -> Ticket {
        let entry = NewEntry { until: state.until, contact, facts };
        let bytes = serde_json::to_vec(&entry).unwrap_or_else(|error| {
            self.log.store().fail(&error);
            Vec::new()
        });
        let index = state.next;
        state.next += 1;
        state.bytes += bytes.len() as u64;
        if state.bytes > state.limit {
            self.is_long.notify_one();
        }
        let ticket = self.log.append(index, [bytes]);
        state.latest = Some(ticket.clone());
        ticket
    }

    /// Waits until every entry so far is on disk, but not for an account that is being stored whole.
    ///
    /// # Errors
    /// It will never be.
    pub async fn durable(&self) -> Result<(), StoreError> {
        let latest = self.lock().latest.clone();
        match latest {
            Some(ticket) => ticket.committed().await,
            None => Ok(()),
        }
    }

    /// Waits until the disk fails.
    pub async fn failure(&self) -> StoreError {
        self.log.store().failure().await
    }

    /// Lets everything that is not kept yet fail.
    pub fn fail(&self, why: impl fmt::Display) {
        self.log.store().fail(why);
    }

    /// Waits until there are so many entries that the account should be stored whole.
    pub async fn long(&self) {
        self.is_long.notified().await;
    }

    /// Asks for the account to be stored whole, unless nothing has changed since it was.
    pub fn shorten(&self) {
        if self.lock().bytes > 0 {
            self.is_long.notify_one();
        }
    }

    /// The account, if nothing is added meanwhile.
    pub fn whole(&self, snapshot: Snapshot) -> Whole {
        let state = self.lock();
        let instant = state.until.max(snapshot.instant);
        Whole { next: state.next, snapshot: Snapshot { instant, ..snapshot }, bytes: state.bytes }
    }

    /// Stores the account whole, and removes the entries that are in it. Others can add entries meanwhile.
    ///
    /// # Errors
    /// The disk fails.
    pub fn store_whole(&self, whole: &Whole) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.lock().limit = u64::MAX; // Once is enough.
        let mut value = Counting { writer: self.log.value_writer(WHOLE), bytes: 0 };
        serde_json::to_writer(&mut value, whole)?;
        let format = Changes::default().put(FORMAT_VALUE, FORMAT.to_string().into());
        value.writer.finish(format).wait()?;
        {
            let mut state = self.lock();
            state.bytes -= whole.bytes;
            state.limit = MANY_BYTES.max(value.bytes);
        }
        let Some((first, _)) = self.log.bounds()? else { return Ok(()) };
        for last in (first..whole.next).step_by(PURGED_AT_ONCE).skip(1) {
            self.log.purge(last).wait()?;
        }
        if first < whole.next {
            self.log.purge(whole.next - 1).wait()?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether the clock has gone further than it was allowed to. It is allowed to go on then.
    fn cover(&mut self, now: Timestamp, ahead: TimeSpan) -> bool {
        let is_behind = self.until < now;
        if is_behind {
            self.until = now.saturating_add(ahead);
        }
        is_behind
    }
}

fn check_format(log: &Log) -> Result<(), Box<dyn Error>> {
    let found = log.get(FORMAT_VALUE)?.unwrap_or_default();
    if found == FORMAT.to_string().as_bytes() {
        return Ok(());
    }
    let found = String::from_utf8_lossy(&found);
    Err(format!(
        "the facts are stored in the format {found}, and this version reads the format {FORMAT}; \
         use the version that wrote them, or move the folder away to start with an empty account"
    )
    .into())
}

/// Applies the entries from one on. Returns the index behind the last, and how many bytes they have.
fn replay(log: &Log, first: u64, snapshot: &mut Snapshot) -> Result<(u64, u64), Box<dyn Error>> {
    let (mut next, mut bytes) = (first, 0);
    loop {
        let entries = log.read(next..=next.saturating_add(READ_AT_ONCE))?;
        if entries.is_empty() {
            break;
        }
        for (index, entry) in entries {
            if index != next {
                return Err(damaged(format!("entry {next} is missing")).into());
            }
            let damaged = |why: String| damaged(format!("entry {index}: {why}"));
            bytes += entry.len() as u64;
            let entry = serde_json::from_slice(&entry).map_err(|error| damaged(error.to_string()))?;
            apply(entry, snapshot).map_err(damaged)?;
            next += 1;
        }
    }
    // So many may be missing that nothing above has noticed.
    match log.bounds()? {
        Some((_, last)) if last >= next => Err(damaged(format!("entry {next} is missing")).into()),
        Some(_) | None => Ok((next, bytes)),
    }
}

fn damaged(why: impl fmt::Display) -> String {
    format!("the store is damaged ({why}); {REMEDY}")
}

fn apply(entry: Entry, snapshot: &mut Snapshot) -> Result<(), String> {
    for fact in &entry.facts {
        snapshot.account.try_apply(fact).map_err(|error| format!("{fact}: {error}"))?;
    }
    match entry.contact {
        Some(Contact::Lost(node)) => snapshot.out_of_reach.push(node),
        Some(Contact::Found(node)) => snapshot.out_of_reach.retain(|lost| *lost != node),
        None => {}
    }
    snapshot.instant = entry.until;
    Ok(())
}

/// Counts the bytes of a value.
struct Counting {
    writer: crate::store::ValueWriter,
    bytes: u64,
}

impl std::io::Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = self.writer.write(bytes)?;
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests;
