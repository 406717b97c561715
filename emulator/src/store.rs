//! A store that loses nothing it has acknowledged: many named logs in one database file.
//!
//! Each [`Log`] is a sequence of entries, which are bytes with ascending indices, and has small or large named
//! values beside them. One thread writes. Whatever is queued while it commits is committed together next, with one
//! fsync for all of it (group commit). Each write returns a [`Ticket`] at once, which says when it is on disk; reads
//! see what has been committed.
//!
//! The database is `redb`: one file with a lock, without threads or dependencies of its own. `fjall`, which appends
//! to a journal, commits faster where the disk is all that counts. With entries of 600 bytes and an fsync at each commit, 8
//! writers made 1,100 to 3,600 commits a second with it and 250 to 1,100 with redb; one writer made 240 to 290 and 220 to
//! 250, 64 writers 27,000 to 47,000 writes and 26,000 to 41,000. But it needs 25 more crates, has no lock that keeps
//! another process out, and keeps the data in many files.
//!
//! Once a write has failed, nothing more is written, and every later ticket says why.

mod error;
mod tables;
mod ticket;
mod value;
mod writer;

use std::{
    fmt, fs,
    ops::RangeInclusive,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

use redb::Database;

pub use error::{OpenError, StoreError};
pub use ticket::Ticket;
pub use value::ValueWriter;

use tables::{Change, Found};
use writer::Writer;

/// An open store. Copies are of the same one; it is closed with the last.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// The writer is first, because it must end before the database is closed.
struct Inner {
    writer: Writer,
    database: Arc<Database>,
    /// The number of the next large value.
    next_value: AtomicU64,
}

/// One of the logs of a store. It comes into being with the first thing that is written to it.
#[derive(Clone)]
pub struct Log {
    store: Store,
    name: Arc<str>,
}

/// Changes to one log that are made together or not at all, in this order.
#[derive(Default)]
pub struct Changes(Vec<Change>);

impl Store {
    /// Opens the store in a folder, which is made if it is not there. The whole file is checked.
    ///
    /// # Errors
    /// Another process has it open, it is damaged or of another format, or the disk fails.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        fs::create_dir_all(folder).map_err(|error| OpenError::Failed(error.to_string()))?;
        let (database, found) = tables::open(folder)?;
        Self::with_database(database, found)
    }

    fn with_database(database: Database, found: Found) -> Result<Self, OpenError> {
        let database = Arc::new(database);
        let writer = Writer::start(database.clone(), found.logs)?;
        Ok(Self { inner: Arc::new(Inner { writer, database, next_value: found.next_value.into() }) })
    }

    /// A log by its name, whether or not it is there yet.
    pub fn log(&self, name: &str) -> Log {
        Log { store: self.clone(), name: name.into() }
    }

    /// The names of all logs, in order.
    ///
    /// # Errors
    /// The disk fails.
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        tables::names(&self.inner.database)
    }

    /// A ticket for everything that has been queued so far.
    pub fn latest(&self) -> Ticket {
        self.inner.writer.latest()
    }

    /// Lets every later write fail, for a reason of the caller's own.
    pub fn fail(&self, why: impl fmt::Display) {
        self.inner.writer.fail(StoreError::new(why));
    }

    /// Waits until a write has failed.
    pub async fn failure(&self) -> StoreError {
        self.inner.writer.failure().await
    }

    /// How many commits there have been since the store was opened.
    pub fn commits(&self) -> u64 {
        self.inner.writer.commits()
    }
}

impl Log {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The store that it is in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Makes several changes together or not at all.
    pub fn write(&self, changes: Changes) -> Ticket {
        self.store.inner.writer.queue(self.name.clone(), changes.0)
    }

    /// Adds entries from an index on. An entry that has the same index already is replaced.
    pub fn append(&self, first: u64, entries: impl IntoIterator<Item = Vec<u8>>) -> Ticket {
        let entries = (first..).zip(entries);
        self.write(entries.fold(Changes::default(), |changes, (index, bytes)| changes.append(index, bytes)))
    }

    /// Removes the entries from this index on.
    pub fn truncate(&self, from: u64) -> Ticket {
        self.write(Changes::default().truncate(from))
    }

    /// Removes the entries up to this index, and the one with it.
    pub fn purge(&self, up_to: u64) -> Ticket {
        self.write(Changes::default().purge(up_to))
    }

    /// Sets a named value. One of many megabytes is better written with [`value_writer`](Self::value_writer).
    pub fn put(&self, value: &str, bytes: Vec<u8>) -> Ticket {
        self.write(Changes::default().put(value, bytes))
    }

    /// Sets a named value piece by piece, so that other writes are not held up by a large one. The earlier value
    /// stays until the new one is whole.
    pub fn value_writer(&self, value: &str) -> ValueWriter {
        ValueWriter::new(self.clone(), value)
    }

    /// Removes the log with all entries and values.
    pub fn delete(&self) -> Ticket {
        self.write(Changes(vec![Change::DeleteLog]))
    }

    /// The entries with indices in this range, in order.
    ///
    /// # Errors
    /// The disk fails.
    pub fn read(&self, range: RangeInclusive<u64>) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        tables::read(&self.store.inner.database, &self.name, range)
    }

    /// The first and the last index; `None` if there is no entry.
    ///
    /// # Errors
    /// The disk fails.
    pub fn bounds(&self) -> Result<Option<(u64, u64)>, StoreError> {
        tables::bounds(&self.store.inner.database, &self.name)
    }

    /// A named value; `None` if it was never set.
    ///
    /// # Errors
    /// The disk fails.
    pub fn get(&self, value: &str) -> Result<Option<Vec<u8>>, StoreError> {
        tables::get(&self.store.inner.database, &self.name, value)
    }
}

impl Changes {
    /// Adds an entry, or replaces the one that has the same index.
    #[must_use]
    pub fn append(self, index: u64, bytes: Vec<u8>) -> Self {
        self.with(Change::Append { index, bytes })
    }

    /// Removes the entries from this index on.
    #[must_use]
    pub fn truncate(self, from: u64) -> Self {
        self.with(Change::Truncate { from })
    }

    /// Removes the entries up to this index, and the one with it.
    #[must_use]
    pub fn purge(self, up_to: u64) -> Self {
        self.with(Change::Purge { up_to })
    }

    /// Sets a named value.
    #[must_use]
    pub fn put(self, value: &str, bytes: Vec<u8>) -> Self {
        self.with(Change::Put { value: value.into(), bytes })
    }

    /// Removes a named value.
    #[must_use]
    pub fn remove(self, value: &str) -> Self {
        self.with(Change::Remove { value: value.into() })
    }

    fn with(mut self, change: Change) -> Self {
        self.0.push(change);
        self
    }
}

#[cfg(test)]
pub(crate) mod disk;
#[cfg(test)]
mod tests;
