//! What members say to each other, over HTTP: Raft's messages, and requests that are passed on to a leader.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::Future,
    iter,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{self, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes as Chunk;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use openraft::{
    BasicNode, RaftNetwork, RaftNetworkFactory, Vote,
    error::{Fatal, NetworkError, RPCError, RaftError, ReplicationClosed, StreamingError, Unreachable},
    network::{Backoff, RPCOption},
    raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::raft::{Bytes, MemberId, Snapshot, SnapshotMeta, Types, Unreadable, decode, encode};

/// How long Raft waits before it asks a member again that it could not reach.
const RETRY: Duration = Duration::from_millis(200);

/// For how long a member that did not answer is asked only after the others.
const SILENT_TIME: Duration = Duration::from_secs(5);
/// How long a machine has to answer that it is there.
const CONNECT_TIME: Duration = Duration::from_secs(1);

/// Says which member sends a message.
pub const SENDER: &str = "azbatch-member";

/// The way to the other members. Copies are of the same one.
#[derive(Clone)]
pub struct Peers(Arc<Inner>);

struct Inner {
    own: MemberId,
    token: String,
    client: Client<HttpConnector, Full<Chunk>>,
    /// With whom nothing is exchanged, as if the network were broken.
    cut: Mutex<BTreeSet<MemberId>>,
    /// Members that did not answer, and when.
    silent: Mutex<BTreeMap<MemberId, Instant>>,
}

/// What a message is about, which is the last part of its path.
#[derive(Clone, Copy, Debug)]
pub enum Topic {
    Append,
    Vote,
    Snapshot,
    /// A request of a client, for any member that has the account.
    Client,
    /// A request of a client, for the leader.
    Request,
    /// Something that happens to an account, for any member that has it.
    Tell,
    /// A command, for the leader.
    Propose,
    /// Up to where a member must have applied the log to read.
    ReadIndex,
    /// A change of the members.
    Members,
    /// Which member is to lead instead of the leader.
    HandOver,
}

impl Topic {
    const ALL: [Self; 10] = [
        Self::Append,
        Self::Vote,
        Self::Snapshot,
        Self::Client,
        Self::Request,
        Self::Tell,
        Self::Propose,
        Self::ReadIndex,
        Self::Members,
        Self::HandOver,
    ];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Vote => "vote",
            Self::Snapshot => "snapshot",
            Self::Client => "client",
            Self::Request => "request",
            Self::Tell => "tell",
            Self::Propose => "propose",
            Self::ReadIndex => "read-index",
            Self::Members => "members",
            Self::HandOver => "hand-over",
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The message has not reached the member.
    #[error("the member cannot be reached: {0}")]
    NotSent(String),
    /// The member may have received the message.
    #[error("the member has not answered: {0}")]
    Unknown(String),
    /// The member has refused the message, and done nothing.
    #[error("the member has refused: {0}")]
    Refused(String),
}

impl Peers {
    pub fn new(own: MemberId, token: String) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIME));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self(Arc::new(Inner { own, token, client, cut: Mutex::default(), silent: Mutex::default() }))
    }

    pub fn own(&self) -> MemberId {
        self.0.own
    }

    /// Breaks or repairs the way to a member.
    pub fn set_cut(&self, member: MemberId, cut: bool) {
        let mut all = self.0.cut.lock().unwrap_or_else(PoisonError::into_inner);
        if cut {
            all.insert(member)
        } else {
            all.remove(&member)
        };
    }

    /// Whether nothing is exchanged with a member.
    pub fn is_cut(&self, member: MemberId) -> bool {
        self.0.cut.lock().unwrap_or_else(PoisonError::into_inner).contains(&member)
    }

    /// Whether a member has not answered lately.
    pub fn is_silent(&self, member: MemberId) -> bool {
        let silent = self.0.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.get(&member).is_some_and(|since| since.elapsed() < SILENT_TIME)
    }

    /// Sends a message, and waits for the answer.
    ///
    /// # Errors
    /// No answer came, or it cannot be read.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        member: MemberId,
        node: &BasicNode,
        group: &str,
        topic: Topic,
        message: &impl Serialize,
        within: Duration,
    ) -> Result<T, NoAnswer> {
        let not_sent = |error: &dyn fmt::Display| NoAnswer::NotSent(error.to_string());
        let body = encode(message).map_err(|error| not_sent(&error))?;
        let request =
            http::Request::post(format!("http://{}/_azbatch/peer/{group}/{}", node.addr, topic.as_str()))
                .header(header::AUTHORIZATION, format!("Bearer {}", self.0.token))
                .header(SENDER, self.0.own)
                .body(Full::new(Chunk::from(body)))
                .map_err(|error| not_sent(&error))?;
        let answer = if self.is_cut(member) {
            Err(not_sent(&"the network is cut"))
        } else {
            self.exchange(request, within).await
        };
        let mut silent = self.0.silent.lock().unwrap_or_else(PoisonError::into_inner);
        match &answer {
            Ok(_) | Err(NoAnswer::Refused(_)) => silent.remove(&member),
            Err(NoAnswer::NotSent(_) | NoAnswer::Unknown(_)) => silent.insert(member, Instant::now()),
        };
        drop(silent);
        answer
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        request: http::Request<Full<Chunk>>,
        within: Duration,
    ) -> Result<T, NoAnswer> {
        let unknown = |error: &dyn fmt::Display| NoAnswer::Unknown(error.to_string());
        let answer = timeout(within, async {
            let response = self.0.client.request(request).await.map_err(|error| {
                if error.is_connect() { NoAnswer::NotSent(error.to_string()) } else { unknown(&error) }
            })?;
            let status = response.status();
            let body = response.into_body().collect().await.map_err(|error| unknown(&error))?.to_bytes();
            Ok((status, body))
        });
        let (status, body) = answer.await.map_err(|error| unknown(&error))??;
        if status != StatusCode::OK {
            return Err(NoAnswer::Refused(String::from_utf8_lossy(&body).into_owned()));
        }
        decode(&body).map_err(|error: Unreadable| unknown(&error))
    }
}

/// The network of one group.
#[derive(Clone)]
pub struct GroupNetwork {
    pub peers: Peers,
    pub group: String,
}

impl RaftNetworkFactory<Types> for GroupNetwork {
    type Network = Link;

    async fn new_client(&mut self, member: MemberId, node: &BasicNode) -> Link {
        Link { network: self.clone(), member, node: node.clone() }
    }
}

/// The way from one group's Raft to that of another member.
pub struct Link {
    network: GroupNetwork,
    member: MemberId,
    node: BasicNode,
}

type Failed = RPCError<MemberId, BasicNode, RaftError<MemberId>>;

impl Link {
    async fn send<T: DeserializeOwned>(
        &self,
        topic: Topic,
        message: &impl Serialize,
        within: Duration,
    ) -> Result<T, NoAnswer> {
        let GroupNetwork { peers, group } = &self.network;
        peers.ask(self.member, &self.node, group, topic, message, within).await
    }
}

/// Raft waits before it tries again if a member cannot be reached.
fn failed(error: &NoAnswer) -> Failed {
    match error {
        NoAnswer::NotSent(_) | NoAnswer::Refused(_) => Unreachable::new(error).into(),
        NoAnswer::Unknown(_) => NetworkError::new(error).into(),
    }
}

impl RaftNetwork<Types> for Link {
    async fn append_entries(
        &mut self,
        message: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<MemberId>, Failed> {
        self.send(Topic::Append, &message, option.hard_ttl()).await.map_err(|error| failed(&error))
    }

    async fn vote(
        &mut self,
        message: VoteRequest<MemberId>,
        option: RPCOption,
    ) -> Result<VoteResponse<MemberId>, Failed> {
        self.send(Topic::Vote, &message, option.hard_ttl()).await.map_err(|error| failed(&error))
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(iter::repeat(RETRY))
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote<MemberId>,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<MemberId>, StreamingError<Types, Fatal<MemberId>>> {
        let message =
            SnapshotMessage { vote, meta: snapshot.meta, stored: Bytes((*snapshot.snapshot).into()) };
        tokio::select! {
            closed = cancel => Err(closed.into()),
            sent = self.send(Topic::Snapshot, &message, option.hard_ttl()) => {
                sent.map_err(|error| Unreachable::new(&error).into())
            }
        }
    }
}

/// A snapshot on its way.
#[derive(Serialize, serde::Deserialize)]
pub struct SnapshotMessage {
    pub vote: Vote<MemberId>,
    pub meta: SnapshotMeta,
    pub stored: Bytes,
}
