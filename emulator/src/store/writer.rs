//! The thread that writes.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

use redb::Database;

use crate::store::{
    OpenError, StoreError,
    tables::{self, Change, Write},
    ticket::{Progress, Ticket},
};

/// How many bytes are committed together at most, if there is more than one write: others wait for as long.
const MAX_GROUP: usize = 8 * 1024 * 1024;

/// The queue of writes, and the thread that works on it until the queue is dropped.
pub struct Writer {
    queue: Mutex<Queue>,
    progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

struct Queue {
    /// The number of the latest write.
    last: u64,
    /// `None` once the store is closed.
    writes: Option<Sender<Write>>,
}

impl Writer {
    /// Starts the thread; `logs` are those that there are.
    pub fn start(database: Arc<Database>, logs: BTreeSet<Arc<str>>) -> Result<Self, OpenError> {
        let (sender, writes) = channel();
        let progress = Arc::<Progress>::default();
        let worker = progress.clone();
        let thread = thread::Builder::new()
            .name("store".into())
            .spawn(move || work(&database, logs, &writes, &worker))
            .map_err(|error| OpenError::Failed(error.to_string()))?;
        let queue = Mutex::new(Queue { last: 0, writes: Some(sender) });
        Ok(Self { queue, progress, thread: Some(thread) })
    }

    pub fn queue(&self, log: Arc<str>, changes: Vec<Change>) -> Ticket {
        let mut queue = self.lock();
        queue.last += 1;
        let number = queue.last;
        if let Some(writes) = &queue.writes {
            // After a failure nobody listens, and the ticket says so.
            writes.send(Write { number, log, changes }).ok();
        }
        Ticket::new(number, self.progress.clone())
    }

    pub fn latest(&self) -> Ticket {
        Ticket::new(self.lock().last, self.progress.clone())
    }

    pub fn fail(&self, failure: StoreError) {
        self.progress.failed(failure);
    }

    pub async fn failure(&self) -> StoreError {
        self.progress.until(Progress::failure).await
    }

    pub fn commits(&self) -> u64 {
        self.progress.commits()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Writer {
    /// Waits until everything that is queued is written.
    fn drop(&mut self) {
        self.lock().writes = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Commits what is queued, group by group.
fn work(database: &Database, mut logs: BTreeSet<Arc<str>>, writes: &Receiver<Write>, progress: &Progress) {
    let mut waiting = None;
    while let Some(first) = waiting.take().or_else(|| writes.recv().ok()) {
        let (mut size, mut last) = (size(&first), first.number);
        let mut group = vec![first];
        while let Ok(next) = writes.try_recv() {
            size += self::size(&next);
            if size > MAX_GROUP {
                waiting = Some(next);
                break;
            }
            last = next.number;
            group.push(next);
        }
        if progress.failure().is_some() {
            return;
        }
        // What a damaged file leads to inside the database must not end the process.
        let commit = || tables::commit(database, &mut logs, group);
        match catch_unwind(AssertUnwindSafe(commit)) {
            Ok(Ok(())) => progress.committed(last),
            Ok(Err(error)) => return progress.failed(error),
            Err(_) => return progress.failed(StoreError::new("the database panicked")),
        }
    }
}

fn size(write: &Write) -> usize {
    write.changes.iter().map(Change::size).sum()
}
