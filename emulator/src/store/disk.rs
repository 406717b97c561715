//! A disk for tests.

use std::{
    io,
    sync::{Arc, Condvar, Mutex},
};

use redb::{Database, StorageBackend, backends::InMemoryBackend};

use crate::store::{Store, tables};

/// A disk whose fsync can be held up, counted and made to fail.
#[derive(Debug, Default, Clone)]
pub struct Disk {
    memory: Arc<InMemoryBackend>,
    state: Arc<(Mutex<DiskState>, Condvar)>,
}

#[derive(Debug, Default)]
pub struct DiskState {
    pub held: bool,
    /// Whether a commit is held up.
    pub waiting: bool,
    pub fails: bool,
    pub syncs: u64,
}

impl Disk {
    pub fn set<T>(&self, change: impl FnOnce(&mut DiskState) -> T) -> T {
        let result = change(&mut self.state.0.lock().unwrap());
        self.state.1.notify_all();
        result
    }

    pub fn store(&self) -> Store {
        let database = Database::builder().create_with_backend(self.clone()).unwrap();
        tables::begin(&database).unwrap();
        let found = tables::clean_up(&database).unwrap();
        Store::with_database(database, found).unwrap()
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }

    fn read(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.memory.read(offset, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.memory.set_len(len)
    }

    fn sync_data(&self, eventual: bool) -> io::Result<()> {
        let mut state = self.state.0.lock().unwrap();
        while state.held {
            state.waiting = true;
            state = self.state.1.wait(state).unwrap();
        }
        state.waiting = false;
        state.syncs += 1;
        if state.fails { Err(io::Error::other("no disk")) } else { self.memory.sync_data(eventual) }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.memory.write(offset, data)
    }
}
