//! Tickets, which say when a write is on disk.

use std::{
    pin::pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::store::StoreError;

/// How far the writer has come.
#[derive(Default)]
pub struct Progress {
    reached: Mutex<Reached>,
    /// For those who wait with their thread.
    changed: Condvar,
    /// For those who await.
    notify: Notify,
}

#[derive(Clone, Default)]
struct Reached {
    /// The number of the last write that is on disk.
    committed: u64,
    commits: u64,
    failure: Option<StoreError>,
}

impl Progress {
    pub fn committed(&self, number: u64) {
        self.change(|reached| {
            reached.committed = number;
            reached.commits += 1;
        });
    }

    /// Nothing after the last commit will ever be on disk.
    pub fn failed(&self, failure: StoreError) {
        self.change(|reached| {
            reached.failure.get_or_insert(failure); // The first says most.
        });
    }

    pub fn failure(&self) -> Option<StoreError> {
        self.lock().failure.clone()
    }

    /// Awaits something that comes with a change.
    pub async fn until<T>(&self, look: impl Fn(&Self) -> Option<T>) -> T {
        loop {
            let mut notified = pin!(self.notify.notified());
            notified.as_mut().enable(); // From here on no change is missed.
            if let Some(found) = look(self) {
                return found;
            }
            notified.await;
        }
    }

    fn result(&self, number: u64) -> Option<Result<(), StoreError>> {
        self.lock().result(number)
    }

    pub fn commits(&self) -> u64 {
        self.lock().commits
    }

    fn change(&self, change: impl FnOnce(&mut Reached)) {
        change(&mut self.lock());
        self.changed.notify_all();
        self.notify.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Reached> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reached {
    /// What has become of a write; `None` if that is not known yet.
    fn result(&self, number: u64) -> Option<Result<(), StoreError>> {
        match &self.failure {
            _ if self.committed >= number => Some(Ok(())),
            Some(failure) => Some(Err(failure.clone())),
            None => None,
        }
    }
}

/// Says when a write, and every write before it, is on disk.
#[derive(Clone)]
#[must_use = "what is not waited for may be lost"]
pub struct Ticket {
    number: u64,
    progress: Arc<Progress>,
}

impl Ticket {
    pub(super) fn new(number: u64, progress: Arc<Progress>) -> Self {
        Self { number, progress }
    }

    /// Awaits the commit.
    ///
    /// # Errors
    /// The disk failed before it.
    pub async fn committed(&self) -> Result<(), StoreError> {
        self.progress.until(|progress| progress.result(self.number)).await
    }

    /// Waits for the commit with this thread.
    ///
    /// # Errors
    /// The disk failed before it.
    pub fn wait(&self) -> Result<(), StoreError> {
        let mut reached = self.progress.lock();
        loop {
            if let Some(result) = reached.result(self.number) {
                return result;
            }
            reached = self.progress.changed.wait(reached).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What has become of the write so far; `None` if it is still on its way.
    pub fn result(&self) -> Option<Result<(), StoreError>> {
        self.progress.result(self.number)
    }
}
