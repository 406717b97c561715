//! The emulator's world and faults, shared by every connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use azbatch::{
    ErrorCode, Timestamp,
    rest::{Guid, OwnedRequest, Request, Response},
};
use tokio::{sync::Notify, task::block_in_place, time::timeout};

use crate::{
    faults::Faults,
    journal::Journal,
    ledger::Ledger,
    snapshot::Snapshot,
    store::StoreError,
    world::{Answered, World},
};

/// What every connection shares.
pub struct Host {
    /// Reads share the lock, so that a long list holds up no other read.
    world: RwLock<World>,
    pub faults: Mutex<Faults>,
    pub journal: Arc<Journal>,
    /// Notified when the next event may be due earlier than before.
    pub wake: Arc<Notify>,
    pub snapshot_file: Option<std::path::PathBuf>,
    /// Where all changes are stored before an answer shows them.
    pub ledger: Option<Arc<Ledger>>,
    saving: tokio::sync::Mutex<()>,
    /// Makes the request ids of one start differ from those of another.
    seed: u64,
    requests: std::sync::atomic::AtomicU64,
}

impl Host {
    pub fn new(
        world: World,
        journal: Arc<Journal>,
        wake: Arc<Notify>,
        snapshot_file: Option<std::path::PathBuf>,
    ) -> Self {
        use std::hash::{BuildHasher, RandomState};
        let (faults, seed) = (Mutex::default(), RandomState::new().hash_one(()));
        let ledger = world.ledger().cloned();
        let (world, saving, requests) = (RwLock::new(world), tokio::sync::Mutex::default(), 0.into());
        Self { world, faults, journal, wake, snapshot_file, ledger, saving, seed, requests }
    }

    /// Accesses the world, and wakes the background task if the next event is due earlier than before.
    pub fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.lock();
        let before = world.next_due();
        let result = act(&mut world);
        world.cover_clock();
        if world.next_due() != before {
            self.wake.notify_one();
        }
        result
    }

    /// Looks at the world, as it was left. Others can look and read meanwhile.
    pub fn look<T>(&self, at: impl FnOnce(&World) -> T) -> T {
        let world = self.world.read().unwrap_or_else(|poisoned| self.after_panic(poisoned));
        let result = at(&world);
        world.cover_clock();
        result
    }

    /// Answers a request, or refuses it for a reason of the host's own, at the account's time. Files are looked
    /// up without the lock, so that a slow disk holds up nobody else.
    pub fn answer(&self, request: &Request<'_>, refusal: Option<ErrorCode>) -> (Response, Timestamp) {
        if refusal.is_none()
            && let Some(answered) = self.read(request)
        {
            return answered;
        }
        let (answered, now) = self.with(|world| {
            let answered = match refusal {
                Some(code) => Answered::Now(world.refuse(request, code)),
                None => world.answer(request),
            };
            (answered, world.now())
        });
        (complete(answered, request), now)
    }

    /// Answers a request that only reads the world as it is.
    fn read(&self, request: &Request<'_>) -> Option<(Response, Timestamp)> {
        if !matches!(request.method, "GET" | "HEAD") {
            return None;
        }
        self.look(|world| world.read(request))
    }

    /// Answers a request of the control interface, which needs no authorization beside its own.
    pub fn answer_control(&self, method: &str, target: &str, body: Vec<u8>) -> (Response, Timestamp) {
        let request = OwnedRequest {
            method: method.into(),
            target: target.into(),
            headers: vec![("content-type".into(), b"application/json".to_vec())],
            body,
            received: Timestamp::MIN, // The world knows the time.
            request_id: self.request_id(),
        };
        request.with(|request| {
            let (answered, now) = self.with(|world| (world.answer_control(request), world.now()));
            (complete(answered, request), now)
        })
    }

    fn lock(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(|poisoned| self.after_panic(poisoned))
    }

    /// After a panic in the middle of a change, the account may have what the ledger lacks, and nothing more is kept.
    fn after_panic<T>(&self, poisoned: PoisonError<T>) -> T {
        if let Some(ledger) = &self.ledger {
            ledger.fail("the emulator panicked while it changed the account");
        }
        poisoned.into_inner()
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Processes events whenever they are due, but no faster than they can be kept. Returns only if the disk fails.
    pub async fn run(&self) {
        loop {
            let idle_time = {
                let mut world = self.lock();
                world.catch_up();
                world.idle_time()
            };
            if self.durable().await.is_err() {
                return;
            }
            match idle_time {
                Some(time) => drop(timeout(time, self.wake.notified()).await),
                None => self.wake.notified().await,
            }
        }
    }

    /// Waits until everything that anybody can have seen so far survives a kill.
    pub async fn durable(&self) -> Result<(), StoreError> {
        match &self.ledger {
            Some(ledger) => ledger.durable().await,
            None => Ok(()),
        }
    }

    /// Waits until nothing can be kept any more.
    pub async fn failed(&self) {
        match &self.ledger {
            Some(ledger) => drop(ledger.failure().await),
            None => std::future::pending().await,
        }
    }

    /// Lets the clock go on exactly here at the next start. Nothing may happen after that.
    pub fn stop_clock(&self) {
        self.lock().stop_clock();
    }

    /// Stores the account whole whenever the ledger has become long. Returns only if the disk fails, which the ledger
    /// says too.
    pub async fn shorten_ledger(self: Arc<Self>) {
        let Some(ledger) = self.ledger.clone() else { return };
        ledger.shorten(); // What this start has read, the next one need not read again.
        loop {
            ledger.long().await;
            // Requests go on, but for the time that a copy takes, and those that only read go on during that too.
            let (whole, ledger) = (self.look(|world| world.whole(&ledger)), ledger.clone());
            let storing = move || ledger.store_whole(&whole).map_err(|error| ledger.fail(error));
            if !matches!(tokio::task::spawn_blocking(storing).await, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// Writes the state to its file; `Ok(false)` if no file was given. With a ledger, everything in it is kept there first.
    pub async fn save(&self) -> std::io::Result<bool> {
        let Some(file) = self.snapshot_file.clone() else { return Ok(false) };
        let _one_at_a_time = self.saving.lock().await;
        let snapshot: Snapshot = self.with(World::snapshot);
        self.durable().await.map_err(std::io::Error::other)?;
        tokio::task::spawn_blocking(move || snapshot.save(&file)).await??;
        Ok(true)
    }

    /// Tells this start of the emulator from every other.
    pub fn start(&self) -> String {
        format!("{:016x}", self.seed)
    }

    pub fn request_id(&self) -> Guid {
        let number = self.requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Guid::from_u128(u128::from(self.seed) << 64 | u128::from(number))
    }
}

fn complete(answered: Answered<'_>, request: &Request<'_>) -> Response {
    match answered {
        Answered::Now(response) => response,
        Answered::AfterLookup(lookup) => block_in_place(|| lookup.answer(request)),
    }
}

#[cfg(test)]
mod tests;
