//! The journal: the last requests and effects, for people who ask what has just happened, and a signal when there
//! is more. It is kept whether or not anybody looks, and holds no more than a fixed number of entries.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use azbatch::{
    Effect, JobId, Timestamp,
    rest::{Request, Response},
};
use tokio::sync::watch;

/// How many requests, and how many effects, are kept.
const KEPT: usize = 2_000;
/// How much of a target or a client's id is kept, in bytes.
const MAX_TEXT: usize = 1_000;
/// How much of the body of a refusal is kept, in bytes.
const MAX_BODY: usize = 4_000;

/// How much has happened so far. It only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    pub requests: u64,
    pub effects: u64,
    /// Changes of the clock and of the faults.
    pub controls: u64,
    /// Whether the emulator is about to end.
    pub closed: bool,
}

/// A request with its answer.
#[derive(Clone, Debug)]
pub struct RequestEntry {
    pub number: u64,
    pub at: Timestamp,
    pub method: String,
    pub target: String,
    /// The id that the client gave it, if it did.
    pub client_request_id: Option<String>,
    pub status: u16,
    pub reason: &'static str,
    /// The body of a refusal.
    pub refusal: Option<Vec<u8>>,
}

/// An effect in words.
#[derive(Clone, Debug)]
pub struct EffectEntry {
    pub number: u64,
    pub at: Timestamp,
    pub job: Option<JobId>,
    pub is_instruction: bool,
    pub text: String,
}

/// The last requests and effects.
pub struct Journal {
    entries: Mutex<Entries>,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct Entries {
    requests: VecDeque<RequestEntry>,
    effects: VecDeque<EffectEntry>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { entries: Mutex::default(), progress: watch::Sender::new(Progress::default()) }
    }
}

impl Journal {
    pub fn add_request(&self, at: Timestamp, request: &Request<'_>, response: &Response) {
        let mut entries = self.lock();
        let number = self.count(|progress| &mut progress.requests);
        let id = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("client-request-id"));
        let kept = response.body.get(..response.body.len().min(MAX_BODY)).unwrap_or_default();
        let entry = RequestEntry {
            number,
            at,
            method: beginning(request.method),
            target: beginning(request.target),
            client_request_id: id.map(|(_, id)| beginning(&String::from_utf8_lossy(id))),
            status: response.status,
            reason: response.reason,
            refusal: (response.status >= 400).then(|| kept.to_vec()),
        };
        push(&mut entries.requests, entry);
    }

    pub fn add_effect(&self, at: Timestamp, effect: &Effect, text: String) {
        let mut entries = self.lock();
        let number = self.count(|progress| &mut progress.effects);
        let (job, is_instruction) = (effect.job().cloned(), effect.instruction().is_some());
        push(&mut entries.effects, EffectEntry { number, at, job, is_instruction, text });
    }

    /// The clock or the faults have changed.
    pub fn add_control(&self) {
        self.count(|progress| &mut progress.controls);
    }

    /// The emulator is about to end.
    pub fn close(&self) {
        self.progress.send_modify(|progress| progress.closed = true);
    }

    /// How much has happened, now and whenever there is more.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// The last requests that are wanted, the latest first.
    pub fn requests(&self, limit: usize, wanted: impl Fn(&RequestEntry) -> bool) -> Vec<RequestEntry> {
        self.lock().requests.iter().rev().filter(|entry| wanted(entry)).take(limit).cloned().collect()
    }

    /// The last effects that are wanted, the latest first.
    pub fn effects(&self, limit: usize, wanted: impl Fn(&EffectEntry) -> bool) -> Vec<EffectEntry> {
        self.lock().effects.iter().rev().filter(|entry| wanted(entry)).take(limit).cloned().collect()
    }

    /// Counts one more, and says which number it has.
    fn count(&self, counter: impl Fn(&mut Progress) -> &mut u64) -> u64 {
        let mut number = 0;
        self.progress.send_if_modified(|progress| {
            let counter = counter(progress);
            *counter += 1;
            number = *counter;
            self.progress.receiver_count() > 0 // If nobody is waiting, there is nobody to wake.
        });
        number
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push<T>(entries: &mut VecDeque<T>, entry: T) {
    if entries.len() == KEPT {
        entries.pop_front();
    }
    entries.push_back(entry);
}

/// As much of a text as is kept.
fn beginning(text: &str) -> String {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use azbatch::rest::Guid;

    use super::*;

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let journal = Journal::default();
        let target = format!("/{}", "\u{e9}".repeat(5_000));
        let headers = [("Client-Request-Id", b"one".as_slice())];
        let request = Request {
            method: "GET",
            target: &target,
            headers: &headers,
            body: b"",
            received: Timestamp::MIN,
            request_id: Guid::from_u128(0),
        };
        let body = vec![b'a'; 9_000];
        let response = Response { status: 409, reason: "No.", body, ..Response::default() };
        for _ in 0..KEPT + 10 {
            journal.add_request(Timestamp::MIN, &request, &response);
        }
        let kept = journal.requests(usize::MAX, |_| true);
        assert_eq!(kept.len(), KEPT);
        assert_eq!((kept[0].number, kept[KEPT - 1].number), (2_010, 11));
        assert_eq!(journal.watch().borrow().requests, 2_010);
        assert!(kept[0].target.len() <= MAX_TEXT && kept[0].target.len() > MAX_TEXT - 2);
        assert_eq!(kept[0].refusal.as_ref().map(Vec::len), Some(MAX_BODY));
        assert_eq!(kept[0].client_request_id.as_deref(), Some("one"));
    }
}
