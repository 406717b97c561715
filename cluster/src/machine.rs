//! Raft's state machine: applies the batches of a group's log, and stores and reads snapshots.

use std::{
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use azbatch_emulator::store::{Changes, Log};
use openraft::{AnyError, EntryPayload, RaftSnapshotBuilder, StorageIOError, storage::RaftStateMachine};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{mpsc::UnboundedSender, watch},
    task::spawn_blocking,
};

use crate::raft::{Bytes, LogId, Membership, Snapshot, SnapshotMeta, StorageError, Types, decode, encode};

/// Something that every member of a group has, and that changes only by commands.
pub trait Replicated: Clone + Send + Sync + Sized + 'static {
    type Command: Serialize + DeserializeOwned + Send;
    type Outcome: Serialize + DeserializeOwned + Send;
    /// What a command leaves to do outside.
    type Event: Send;

    /// Applies a command. The same commands have the same results everywhere.
    fn apply(&mut self, command: Self::Command) -> Applied<Self>;

    /// # Errors
    /// Why it cannot be stored.
    fn store(&self) -> Result<Vec<u8>, String>;

    /// # Errors
    /// Why it cannot be read.
    fn restore(stored: &[u8]) -> Result<Self, String>;
}

/// What came of a command.
pub struct Applied<S: Replicated> {
    pub outcome: S::Outcome,
    pub event: Option<S::Event>,
}

/// What a member has of a group.
pub struct Held<S> {
    pub state: S,
    pub last_applied: Option<LogId>,
    pub membership: Membership,
}

/// The state that the state machine changes and others read.
pub struct Shared<S>(RwLock<Held<S>>);

impl<S> Shared<S> {
    pub fn read(&self) -> RwLockReadGuard<'_, Held<S>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held<S>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Raft's side of a group's state.
pub struct Machine<S: Replicated> {
    shared: Arc<Shared<S>>,
    snapshots: Snapshots,
    events: UnboundedSender<(u64, S::Event)>,
    changes: watch::Sender<u64>,
}

/// Where a group's latest snapshot is stored. Copies are of the same one.
#[derive(Clone)]
pub struct Snapshots {
    log: Log,
    /// Up to where the log is in the stored snapshot.
    covered: watch::Sender<Option<LogId>>,
    /// Held while one is stored.
    saving: Arc<tokio::sync::Mutex<()>>,
    closed: Arc<AtomicBool>,
}

/// The name of the stored value.
pub const SNAPSHOT: &str = "snapshot";

impl<S: Replicated> Machine<S> {
    /// The state of the latest snapshot, or `new`. What commands leave to do is sent to `events`, with the index of
    /// their entry, and each change of the state raises the number in `changes`.
    ///
    /// # Errors
    /// The snapshot cannot be read.
    pub fn open(
        log: Log,
        new: S,
        events: UnboundedSender<(u64, S::Event)>,
        changes: watch::Sender<u64>,
    ) -> Result<Self, String> {
        let snapshots = Snapshots {
            log,
            covered: watch::channel(None).0,
            saving: Arc::default(),
            closed: Arc::default(),
        };
        let held = match snapshots.load()? {
            Some(snapshot) => {
                snapshots.covered.send_replace(snapshot.meta.last_log_id);
                held(&snapshot.meta, &snapshot.snapshot)?
            }
            None => Held { state: new, last_applied: None, membership: Membership::default() },
        };
        Ok(Self { shared: Arc::new(Shared(RwLock::new(held))), snapshots, events, changes })
    }

    pub fn snapshots(&self) -> Snapshots {
        self.snapshots.clone()
    }

    pub fn shared(&self) -> Arc<Shared<S>> {
        self.shared.clone()
    }

    /// Applies the commands of one entry.
    fn apply_batch(&self, held: &mut Held<S>, index: u64, batch: &Bytes) -> Result<Bytes, String> {
        let commands: Vec<Bytes> = decode(&batch.0).map_err(|error| error.to_string())?;
        let mut outcomes = Vec::with_capacity(commands.len());
        for command in commands {
            let command = decode(&command.0).map_err(|error| error.to_string())?;
            let Applied { outcome, event } = held.state.apply(command);
            if let Some(event) = event {
                // Nobody listens once the group is closed.
                self.events.send((index, event)).ok();
            }
            outcomes.push(Bytes(encode(&outcome).map_err(|error| error.to_string())?.into()));
        }
        Ok(Bytes(encode(&outcomes).map_err(|error| error.to_string())?.into()))
    }
}

impl<S: Replicated> RaftStateMachine<Types> for Machine<S> {
    type SnapshotBuilder = Builder<S>;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), StorageError> {
        let held = self.shared.read();
        Ok((held.last_applied, held.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Bytes>, StorageError>
    where
        I: IntoIterator<Item = openraft::Entry<Types>> + Send,
        I::IntoIter: Send,
    {
        let mut results = Vec::new();
        let mut held = self.shared.write();
        for entry in entries {
            let log_id = entry.log_id;
            results.push(match entry.payload {
                EntryPayload::Blank => Bytes::default(),
                EntryPayload::Membership(membership) => {
                    held.membership = Membership::new(Some(log_id), membership);
                    Bytes::default()
                }
                EntryPayload::Normal(batch) => {
                    // Nothing panics; if it did, this member must not go on with what is half applied.
                    let applied =
                        catch_unwind(AssertUnwindSafe(|| self.apply_batch(&mut held, log_id.index, &batch)));
                    applied
                        .unwrap_or_else(|_| Err("a command panicked".into()))
                        .map_err(|error| StorageIOError::apply(log_id, AnyError::error(error)))?
                }
            });
            held.last_applied = Some(log_id);
        }
        drop(held);
        self.changes.send_modify(|number| *number += 1);
        Ok(results)
    }

    async fn get_snapshot_builder(&mut self) -> Builder<S> {
        let held = self.shared.read();
        // The copy shares most data with the state, so that this is quick. It is written later.
        Builder {
            state: held.state.clone(),
            last_applied: held.last_applied,
            membership: held.membership.clone(),
            snapshots: self.snapshots.clone(),
        }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Vec<u8>>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<Vec<u8>>,
    ) -> Result<(), StorageError> {
        let failed =
            |error: String| StorageIOError::write_snapshot(Some(meta.signature()), AnyError::error(error));
        // Other groups go on while a large account is read.
        let (of_new, stored) = (meta.clone(), *snapshot);
        let read = spawn_blocking(move || held(&of_new, &stored).map(|new| (new, stored))).await;
        let (new, stored) = read.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
        self.snapshots.save(meta, stored).await.map_err(failed)?;
        *self.shared.write() = new;
        self.changes.send_modify(|number| *number += 1);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, StorageError> {
        let failed = |error| StorageIOError::read_snapshot(None, AnyError::error(error));
        let snapshots = self.snapshots.clone();
        let loaded = spawn_blocking(move || snapshots.load()).await;
        Ok(loaded.map_err(|error| failed(error.to_string()))?.map_err(failed)?)
    }
}

/// What a snapshot says.
fn held<S: Replicated>(meta: &SnapshotMeta, stored: &[u8]) -> Result<Held<S>, String> {
    let state = S::restore(stored)?;
    Ok(Held { state, last_applied: meta.last_log_id, membership: meta.last_membership.clone() })
}

/// Writes a snapshot of the state as it was at one moment.
pub struct Builder<S> {
    state: S,
    last_applied: Option<LogId>,
    membership: Membership,
    snapshots: Snapshots,
}

impl<S: Replicated> RaftSnapshotBuilder<Types> for Builder<S> {
    async fn build_snapshot(&mut self) -> Result<Snapshot, StorageError> {
        let id = self
            .last_applied
            .map_or_else(|| "none".into(), |last| format!("{}-{}", last.leader_id, last.index));
        let meta = SnapshotMeta {
            last_log_id: self.last_applied,
            last_membership: self.membership.clone(),
            snapshot_id: id,
        };
        let failed =
            |error: String| StorageIOError::write_snapshot(Some(meta.signature()), AnyError::error(error));
        let state = self.state.clone();
        let stored = spawn_blocking(move || state.store()).await;
        let stored = stored.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
        self.snapshots.save(&meta, stored.clone()).await.map_err(failed)?;
        Ok(Snapshot { meta, snapshot: Box::new(stored) })
    }
}

impl Snapshots {
    /// Up to where the log is in the stored snapshot, and when that changes.
    pub fn covered(&self) -> watch::Receiver<Option<LogId>> {
        self.covered.subscribe()
    }

    /// Waits for a snapshot that is being stored, and stores no other one.
    pub async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        drop(self.saving.lock().await);
    }

    /// Stores a snapshot, unless there is a newer one: one can come from the leader while this member makes another.
    async fn save(&self, meta: &SnapshotMeta, stored: Vec<u8>) -> Result<(), String> {
        let saving = self.saving.lock().await;
        if self.closed.load(Ordering::Relaxed) || *self.covered.borrow() > meta.last_log_id {
            return Ok(());
        }
        let value = encode(&(meta, Bytes(stored.into()))).map_err(|error| error.to_string())?;
        // Piece by piece, so that it does not hold up what other groups write.
        let mut writer = self.log.value_writer(SNAPSHOT);
        let written =
            spawn_blocking(move || writer.write_all(&value).map(|()| writer.finish(Changes::default())));
        let ticket = written.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        ticket.committed().await.map_err(|error| error.to_string())?;
        self.covered.send_replace(meta.last_log_id);
        drop(saving);
        Ok(())
    }

    fn load(&self) -> Result<Option<Snapshot>, String> {
        let Some(value) = self.log.get(SNAPSHOT).map_err(|error| error.to_string())? else { return Ok(None) };
        let (meta, stored): (SnapshotMeta, Bytes) = decode(&value).map_err(|error| error.to_string())?;
        Ok(Some(Snapshot { meta, snapshot: Box::new(stored.0.to_vec()) }))
    }
}

#[cfg(test)]
mod tests;
