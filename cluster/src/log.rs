//! Raft's log and vote of a group, in the store. The store commits together what all groups of the process write.

use std::{
    fmt::Debug,
    io,
    ops::{Bound, RangeBounds},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use azbatch_emulator::store::{self, Changes, StoreError as DiskError};
use openraft::{
    AnyError, Entry, LogState, OptionalSend, RaftLogReader, StorageIOError, Vote,
    storage::{LogFlushed, RaftLogStorage},
};
use serde::de::DeserializeOwned;
use tokio::{sync::watch, time::sleep};

use crate::{
    machine::SNAPSHOT,
    raft::{LogId, MemberId, StorageError, Types, Unreadable, decode, encode},
};

const VOTE: &str = "vote";
const PURGED: &str = "purged";
const COMMITTED: &str = "committed";
/// How far the log was when this member left the group.
const LEFT: &str = "left";
/// How many bytes are sent to another member at once, unless one entry has more. Raft gives it 250 ms for them.
const MESSAGE_BYTES: usize = 1024 * 1024;
/// How long it may stay unstored up to which index the log is committed.
const COMMITTED_TIME: Duration = Duration::from_millis(200);
/// How many entries are read at once to be sent.
const READ_AT_ONCE: u64 = 8;

/// The log of one group. Copies are of the same one.
#[derive(Clone)]
pub struct RaftLog {
    log: store::Log,
    /// Up to where the log is in the stored snapshot.
    snapshot: Option<watch::Receiver<Option<LogId>>>,
    unstored: Arc<Mutex<Unstored>>,
}

/// What of a log is to be stored with the next entries, or soon.
#[derive(Default)]
struct Unstored {
    /// Up to where the log is committed.
    committed: Option<LogId>,
    /// Whether it will be stored even if no entries come.
    is_planned: bool,
    /// Whether nothing is to be stored any more.
    is_closed: bool,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("what is stored cannot be read: {0}")]
    Unreadable(#[from] Unreadable),
    #[error("there is no snapshot for what is to be purged")]
    NoSnapshot,
}

impl RaftLog {
    pub fn new(log: store::Log) -> Self {
        Self { log, snapshot: None, unstored: Arc::default() }
    }

    /// Purges only what is in the stored snapshot. Raft purges when it has received one, which may be before it is stored;
    /// a member that is killed in between would have neither.
    #[must_use]
    pub fn purged_after(mut self, snapshot: watch::Receiver<Option<LogId>>) -> Self {
        self.snapshot = Some(snapshot);
        self
    }

    fn value<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        let value = self.log.get(name)?;
        Ok(value.map(|value| decode(&value)).transpose()?)
    }

    fn entries(&self, range: impl RangeBounds<u64>) -> Result<Vec<Entry<Types>>, Failure> {
        let first = match range.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let last = match range.end_bound() {
            Bound::Included(last) => Some(*last),
            Bound::Excluded(after) => after.checked_sub(1),
            Bound::Unbounded => Some(u64::MAX),
        };
        let Some(last) = last.filter(|last| first <= *last) else { return Ok(Vec::new()) };
        let stored = self.log.read(first..=last)?;
        stored.into_iter().map(|(_, bytes)| Ok(decode(&bytes)?)).collect()
    }

    /// Forgets the group, except what this member has promised as a voter: the term in which it last voted, and how far
    /// its log was.
    ///
    /// # Errors
    /// The disk fails, or what is stored cannot be read.
    pub async fn leave(&self) -> Result<(), String> {
        let changes = self.leaving().map_err(|error| error.to_string())?;
        self.log.write(changes).committed().await.map_err(|error| error.to_string())
    }

    fn leaving(&self) -> Result<Changes, Failure> {
        let last = self.state()?.last_log_id.max(self.value::<Option<LogId>>(LEFT)?.flatten());
        let forgotten = [PURGED, COMMITTED, SNAPSHOT];
        let mut changes =
            forgotten.iter().fold(Changes::default().purge(u64::MAX), |all, value| all.remove(value));
        if let Some(vote) = self.value::<Vote<MemberId>>(VOTE)? {
            // Not committed: it must not lead again with an empty log.
            let vote = Vote::new(vote.leader_id().term, vote.leader_id().node_id);
            changes = changes.put(VOTE, encode(&vote)?);
        }
        Ok(changes.put(LEFT, encode(&last)?))
    }

    /// How far the log was when this member left the group, if it has. A leader whose log is shorter may lack what this
    /// member has said to have.
    ///
    /// # Errors
    /// The disk fails, or what is stored cannot be read.
    pub fn left(&self) -> Result<Option<LogId>, String> {
        self.value::<Option<LogId>>(LEFT).map(Option::flatten).map_err(|error| error.to_string())
    }

    /// Whether the log is shorter than it was when this member left the group.
    ///
    /// # Errors
    /// The disk fails, or what is stored cannot be read.
    pub fn lacks(&self, left: Option<LogId>) -> Result<bool, String> {
        let state = self.state().map_err(|error| error.to_string())?;
        Ok(state.last_log_id < left)
    }

    /// The entries from `start` on and before `end`, or as many of the first as fit into a message.
    fn first_entries(&self, start: u64, end: u64) -> Result<Vec<Entry<Types>>, Failure> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        let mut next = start;
        while next < end && bytes < MESSAGE_BYTES {
            let after = next.saturating_add(READ_AT_ONCE).min(end);
            for (_, stored) in self.log.read(next..=after.saturating_sub(1))? {
                if bytes < MESSAGE_BYTES {
                    bytes += stored.len();
                    entries.push(decode(&stored)?);
                }
            }
            next = after;
        }
        Ok(entries)
    }

    /// Stores up to where the log is committed, if no entries were stored meanwhile. An fsync for each commit would halve
    /// the number of entries a second. What is not stored is applied once a leader says that it is committed.
    async fn store_committed_later(self) {
        sleep(COMMITTED_TIME).await;
        // Held until it is queued: a log that is closed meanwhile is forgotten after it.
        let mut unstored = self.unstored();
        unstored.is_planned = false;
        if unstored.is_closed {
            return;
        }
        if let Some(Ok(committed)) = unstored.committed.take().map(|committed| encode(&Some(committed))) {
            // A disk that fails says so to others.
            drop(self.log.put(COMMITTED, committed));
        }
    }

    /// Stores nothing of its own accord any more.
    pub fn close(&self) {
        self.unstored().is_closed = true;
    }

    fn take_committed(&self) -> Result<Option<Vec<u8>>, Failure> {
        let committed = self.unstored().committed.take();
        Ok(committed.map(|committed| encode(&Some(committed))).transpose()?)
    }

    fn unstored(&self) -> MutexGuard<'_, Unstored> {
        self.unstored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> Result<LogState<Types>, Failure> {
        let purged: Option<LogId> = self.value(PURGED)?;
        let last = match self.log.bounds()? {
            Some((_, last)) => self.entries(last..=last)?.pop().map(|entry| entry.log_id),
            None => None,
        };
        Ok(LogState { last_purged_log_id: purged, last_log_id: last.or(purged) })
    }
}

impl RaftLogReader<Types> for RaftLog {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<Types>>, StorageError> {
        Ok(self.entries(range).map_err(reading)?)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry<Types>>, StorageError> {
        Ok(self.first_entries(start, end).map_err(reading)?)
    }
}

impl RaftLogStorage<Types> for RaftLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError> {
        Ok(self.state().map_err(reading)?)
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<MemberId>) -> Result<(), StorageError> {
        let failed = |error: Failure| StorageIOError::write_vote(AnyError::new(&error));
        let vote = encode(vote).map_err(|error| failed(error.into()))?;
        let ticket = self.log.put(VOTE, vote);
        Ok(ticket.committed().await.map_err(|error| failed(error.into()))?)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<MemberId>>, StorageError> {
        Ok(self.value(VOTE).map_err(|error| StorageIOError::read_vote(AnyError::new(&error)))?)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError> {
        let mut unstored = self.unstored();
        unstored.committed = committed;
        if !unstored.is_planned {
            unstored.is_planned = true;
            tokio::spawn(self.clone().store_committed_later());
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError> {
        let committed = self.value::<Option<LogId>>(COMMITTED).map(Option::flatten).map_err(reading)?;
        // It may have been stored just after this member left the group and forgot the entries.
        let last = self.state().map_err(reading)?.last_log_id;
        Ok(committed.filter(|committed| Some(*committed) <= last))
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Types>) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut changes = Changes::default();
        if let Some(committed) = self.take_committed().map_err(writing)? {
            changes = changes.put(COMMITTED, committed);
        }
        for entry in entries {
            let bytes = encode(&entry).map_err(|error| writing(error.into()))?;
            changes = changes.append(entry.log_id.index, bytes);
        }
        // Others read what has been committed, so that is waited for. Raft waits for the callback anyway.
        let committed = self.log.write(changes).committed().await;
        callback.log_io_completed(committed.map_err(io::Error::other));
        Ok(())
    }

    async fn truncate(&mut self, from: LogId) -> Result<(), StorageError> {
        let ticket = self.log.truncate(from.index);
        Ok(ticket.committed().await.map_err(|error| writing(error.into()))?)
    }

    async fn purge(&mut self, up_to: LogId) -> Result<(), StorageError> {
        if let Some(snapshot) = &mut self.snapshot {
            let covered = snapshot.wait_for(|snapshot| *snapshot >= Some(up_to)).await.map(drop);
            covered.map_err(|_| writing(Failure::NoSnapshot))?;
        }
        let purged = encode(&up_to).map_err(|error| writing(error.into()))?;
        let ticket = self.log.write(Changes::default().put(PURGED, purged).purge(up_to.index));
        Ok(ticket.committed().await.map_err(|error| writing(error.into()))?)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err passes")]
fn reading(error: Failure) -> StorageIOError<MemberId> {
    StorageIOError::read_logs(AnyError::new(&error))
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err passes")]
fn writing(error: Failure) -> StorageIOError<MemberId> {
    StorageIOError::write_logs(AnyError::new(&error))
}

#[cfg(test)]
pub mod tests;
