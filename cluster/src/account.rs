//! One account, as this member serves it: who may ask, where reads and writes go, and what is answered.

use std::sync::{Arc, Mutex, PoisonError};

use azbatch::{
    BatchError, Clock, ErrorCode, SystemClock, Timestamp,
    rest::{self, Authorize, OwnedRequest, Prepared, Request, SharedKey},
};
use azbatch_emulator::{
    clock::VirtualClock,
    files::{Files, look_up},
};
use serde::{Deserialize, Serialize};
use tokio::task::{JoinHandle, block_in_place};

use crate::{
    command::{Answer, Command, Input, Outcome},
    directory::AccountId,
    group::{Failure, Group, Leader},
    network::Topic,
    replica::Replica,
};

/// An account of the cluster, on this member.
pub struct AccountGroup {
    pub id: AccountId,
    pub group: Group<Replica>,
    url: String,
    /// `None` if every request is accepted.
    key: Option<SharedKey>,
    /// The files of the nodes, while this member leads.
    files: Mutex<Option<Arc<dyn Files>>>,
    /// What the leader does, and waits to do.
    work: Mutex<Option<JoinHandle<()>>>,
    /// The account's clock, since this member has led it.
    clock: Mutex<Option<VirtualClock>>,
}

/// How a client wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Consistency {
    /// What was answered before is seen.
    Linearizable,
    /// What this member has at once.
    Stale,
}

/// A request for an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// As the account answers it. The account knows when it arrives.
    pub request: OwnedRequest,
    /// Path and query as the client sent and signed them.
    pub signed_target: String,
    pub consistency: Consistency,
}

impl AccountGroup {
    pub fn new(id: AccountId, group: Group<Replica>, key: Option<SharedKey>) -> Self {
        let url = group.shared.read().state.account.url().into();
        Self { id, group, url, key, files: Mutex::default(), work: Mutex::default(), clock: Mutex::default() }
    }

    /// Whether this member has anything of the account yet.
    pub fn has_begun(&self) -> bool {
        self.group.shared.read().last_applied.is_some()
    }

    pub fn set_work(&self, work: JoinHandle<()>) {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = Some(work);
    }

    /// Takes no further part in the account, and waits until nothing of it goes on here.
    ///
    /// # Errors
    /// As [`Group::close`].
    pub async fn close(&self) -> Result<(), String> {
        let closed = self.group.close().await;
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = work {
            work.await.map_err(|error| error.to_string())?;
        }
        closed
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The account's time, as this member's clock has it. It follows the system's clock forward, and goes on evenly if that
    /// goes back.
    pub fn now(&self) -> Timestamp {
        let system = SystemClock.now();
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(clock) = &mut *clock else { return system };
        let own = clock.now();
        if system > own {
            *clock = VirtualClock::new(system, 1.0);
        }
        own.max(system)
    }

    /// Starts this member's clock at the account's instant, or at the system's time if that is later.
    pub fn set_clock(&self, instant: Timestamp) {
        let clock = VirtualClock::new(instant.max(SystemClock.now()), 1.0);
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock);
    }

    pub fn set_files(&self, files: Option<Arc<dyn Files>>) {
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }

    /// Answers a request of a client.
    pub async fn answer(&self, asked: Asked) -> Answer {
        let Asked { request: mut owned, signed_target, consistency } = asked;
        let at = self.read_time();
        owned.received = at;
        let owned = &owned;
        let headers: Vec<(&str, &[u8])> =
            owned.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let request = borrowed(owned, &headers);
        let prepared = match &self.key {
            Some(key) => {
                let guard = SignedTarget { guard: key.guard(SystemClock), target: &signed_target };
                rest::prepare_guarded(&request, &self.url, at, &guard)
            }
            None => rest::prepare(&request, &self.url, at),
        };
        let answered = match prepared {
            // It depends on nothing that is stored.
            Err(refusal) => Ok(Answer::new(refusal, at)),
            Ok(Prepared::Read(read)) => match self.prepare_read(consistency).await {
                Ok(()) => {
                    let held = self.group.shared.read();
                    let at = self.now().max(held.state.instant);
                    Ok(Answer::new(read.answer(&held.state.account, at), at))
                }
                Err(failure) => Err(failure),
            },
            Ok(Prepared::Write(_) | Prepared::File(_)) => self.answer_by_leader(owned).await,
        };
        answered.unwrap_or_else(|failure| self.refuse(&request, &failure))
    }

    async fn prepare_read(&self, consistency: Consistency) -> Result<(), Failure> {
        match consistency {
            Consistency::Linearizable => self.group.catch_up().await,
            Consistency::Stale => Ok(()),
        }
    }

    /// Passes a request on to the leader, or answers it if this member is the leader.
    async fn answer_by_leader(&self, request: &OwnedRequest) -> Result<Answer, Failure> {
        let mut request = request.clone();
        // The request is authorized by now, and the log does not need the header.
        request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        let request = &request;
        let act = |leader| async move {
            match leader {
                Leader::Own => self.answer_as_leader(request.clone()).await,
                Leader::Other(member, node) => self.group.ask((member, &node), Topic::Request, request).await,
            }
        };
        self.group.with_leader(act).await
    }

    /// Answers a request that has been authorized.
    ///
    /// # Errors
    /// This member is not the leader, or a majority cannot be reached.
    pub async fn answer_as_leader(&self, mut owned: OwnedRequest) -> Result<Answer, Failure> {
        let at = self.read_time();
        owned.received = at;
        let headers: Vec<(&str, &[u8])> =
            owned.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let request = borrowed(&owned, &headers);
        match rest::prepare(&request, &self.url, at) {
            Err(refusal) => return Ok(Answer::new(refusal, at)),
            Ok(Prepared::Write(_)) => {}
            Ok(Prepared::Read(read)) => {
                self.group.catch_up().await?;
                let held = self.group.shared.read();
                let at = at.max(held.state.instant);
                return Ok(Answer::new(read.answer(&held.state.account, at), at));
            }
            Ok(Prepared::File(file)) => {
                self.group.catch_up().await?;
                let files = self.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let files =
                    files.ok_or_else(|| Failure::NotDone("this member has only begun to lead".into()))?;
                let access = file.decide(&self.group.shared.read().state.account, at);
                let looked_up = access.map(|access| block_in_place(|| look_up(access, &*files, at)));
                return Ok(Answer::new(looked_up.unwrap_or_else(|refusal| refusal), at));
            }
        }
        match self.propose(Input::Request(owned)).await? {
            Outcome::Answer(answer) => Ok(answer),
            Outcome::Changed(_) => Err(Failure::Unknown("there is no answer".into())),
        }
    }

    /// Replicates and applies something that happens now. Only the leader can.
    ///
    /// # Errors
    /// As [`Group::propose`].
    pub async fn propose(&self, input: Input) -> Result<Outcome, Failure> {
        self.group.propose(&Command { at: self.now(), input }).await
    }

    /// Has the leader replicate and apply something.
    ///
    /// # Errors
    /// As [`Group::propose`].
    pub async fn propose_by_leader(&self, input: &Input) -> Result<Outcome, Failure> {
        let act = |leader| async move {
            match leader {
                Leader::Own => self.propose(input.clone()).await,
                Leader::Other(member, node) => self.group.ask((member, &node), Topic::Propose, input).await,
            }
        };
        self.group.with_leader(act).await
    }

    fn refuse(&self, request: &Request<'_>, failure: &Failure) -> Answer {
        refuse(&self.url, request, failure.code(), self.read_time())
    }

    /// The time of an answer that changes nothing.
    pub fn read_time(&self) -> Timestamp {
        self.now().max(self.group.shared.read().state.instant)
    }
}

/// Refuses a request with this code, as the service would.
pub fn refuse(url: &str, request: &Request<'_>, code: ErrorCode, at: Timestamp) -> Answer {
    Answer::new(rest::refuse(url, &code.into(), request, at), at)
}

/// Authorizes a request by the target that was signed, which has the account's name before the path that is answered.
struct SignedTarget<'a, G> {
    guard: G,
    target: &'a str,
}

impl<G: Authorize> Authorize for SignedTarget<'_, G> {
    fn authorize(&self, request: &Request<'_>, account_url: &str) -> Result<(), BatchError> {
        self.guard.authorize(&Request { target: self.target, ..*request }, account_url)
    }
}

fn borrowed<'a>(owned: &'a OwnedRequest, headers: &'a [(&'a str, &'a [u8])]) -> Request<'a> {
    Request {
        method: &owned.method,
        target: &owned.target,
        headers,
        body: &owned.body,
        received: owned.received,
        request_id: owned.request_id,
    }
}
