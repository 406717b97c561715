//! A group: something that is replicated, its log and its Raft. Commands that wait are proposed together, as one
//! entry, because Raft waits for the disk after each.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use azbatch::ErrorCode;
use azbatch_emulator::store::Store;
use openraft::{
    BasicNode, ChangeMembers, Config, Membership, Raft, ServerState,
    error::{ClientWriteError, Fatal, RaftError},
    raft::{VoteRequest, VoteResponse},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    sync::{
        mpsc::{self, UnboundedSender},
        oneshot, watch,
    },
    time::{Instant, sleep, sleep_until, timeout_at},
};

use crate::{
    log::RaftLog,
    machine::{Machine, Replicated, Shared, Snapshots},
    network::{GroupNetwork, NoAnswer, Peers, Topic},
    raft::{Bytes, LogId, MemberId, Types, Unreadable, decode, encode},
};

/// How many bytes of commands are proposed together, unless one alone has more.
const BATCH_BYTES: usize = 1024 * 1024;
/// How many commands may wait.
const WAITING: usize = 4096;
/// How long members are given to answer, and how long a leader is waited for.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// For how long a member that has heard from a leader votes for no other.
pub const LEASE: Duration = Duration::from_secs(2);
/// How long a leader stays silent for another member to be elected. Others would be elected a second after the lease.
const HAND_OVER: Duration = LEASE.saturating_add(Duration::from_secs(2));
/// How long a new member of a group is given to catch up at a time.
const CATCH_UP: Duration = Duration::from_secs(20);
/// How long an election takes on a local network.
const ELECTION: Duration = Duration::from_millis(400);
/// How many entries a member may lack that is to lead. It gets them while the leader does nothing else.
const MAX_MISSING: u64 = 100;
/// How long a member waits before it looks for a leader again.
pub const RETRY: Duration = Duration::from_millis(50);

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Failure {
    /// Nothing has happened, so that it can be tried again.
    #[error("nothing was done: {0}")]
    NotDone(String),
    /// It may have happened, or may still happen.
    #[error("it is not known whether it was done: {0}")]
    Unknown(String),
}

/// Who leads a group.
pub enum Leader {
    Own,
    Other(MemberId, BasicNode),
}

/// A change of a group's members.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum MemberChange {
    Add(MemberId, BasicNode),
    Remove(MemberId),
}

/// What all groups of a member share.
pub struct Context {
    pub store: Store,
    pub peers: Peers,
    pub config: Arc<Config>,
    /// Why a group cannot go on.
    pub failures: UnboundedSender<String>,
}

/// One group, as this member has it.
pub struct Group<S: Replicated> {
    pub name: String,
    pub raft: Raft<Types>,
    pub shared: Arc<Shared<S>>,
    peers: Peers,
    proposals: mpsc::Sender<Proposal>,
    /// Until when this member does nothing as the leader, so that another one can be elected.
    yields_until: Arc<Mutex<Option<Instant>>>,
    /// See [`RaftLog::left`].
    left: Option<LogId>,
    log: RaftLog,
    snapshots: Snapshots,
}

/// A command that waits to be proposed.
struct Proposal {
    command: Vec<u8>,
    outcome: oneshot::Sender<Result<Bytes, Failure>>,
}

impl<S: Replicated> Group<S> {
    /// Opens a group that has been stored, or begins with `new`. See [`Machine::open`] for the channels.
    ///
    /// # Errors
    /// What is stored cannot be read.
    pub async fn open(
        name: &str,
        context: &Context,
        new: S,
        events: UnboundedSender<(u64, S::Event)>,
        changes: watch::Sender<u64>,
    ) -> Result<Self, String> {
        let Context { store, peers, config, failures } = context;
        let log = store.log(name);
        let machine = Machine::open(log.clone(), new, events, changes)?;
        let shared = machine.shared();
        let network = GroupNetwork { peers: peers.clone(), group: name.into() };
        let snapshots = machine.snapshots();
        let log = RaftLog::new(log).purged_after(snapshots.covered());
        let left = log.left()?;
        // With only a part of its old log, a member would go by the membership of that time, and could be elected by it.
        let config = Config { enable_elect: left.is_none(), ..(**config).clone() };
        let raft = Raft::new(peers.own(), Arc::new(config), network, log.clone(), machine).await;
        let raft = raft.map_err(|error| error.to_string())?;
        tokio::spawn(take_part_again(raft.clone(), log.clone(), left));
        tokio::spawn(report_failure(name.into(), raft.clone(), failures.clone()));
        let (proposals, waiting) = mpsc::channel(WAITING);
        tokio::spawn(propose_batches(raft.clone(), waiting));
        Ok(Self {
            name: name.into(),
            raft,
            shared,
            peers: peers.clone(),
            proposals,
            yields_until: Arc::default(),
            left,
            log,
            snapshots,
        })
    }

    /// Makes these the first members, unless the group has members. Each may do so. The first one does so at once, the
    /// others after a while, so that it is elected.
    pub async fn begin(&self, members: BTreeMap<MemberId, BasicNode>, first: MemberId) {
        if first != self.peers.own() {
            sleep(Duration::from_secs(3)).await;
        }
        if let Ok(false) = self.raft.is_initialized().await {
            // It fails if another member was faster.
            self.raft.initialize(members).await.ok();
        }
    }

    /// Whether this member leads the group, as far as it knows.
    pub fn is_leader(&self) -> bool {
        self.raft.metrics().borrow().state == ServerState::Leader
    }

    /// Who leads the group, if that is known.
    pub fn leader(&self) -> Option<Leader> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let leader = metrics.current_leader?;
        if leader == self.peers.own() {
            return (metrics.state == ServerState::Leader).then_some(Leader::Own);
        }
        let node = metrics.membership_config.membership().get_node(&leader)?;
        Some(Leader::Other(leader, node.clone()))
    }

    /// Does something with the leader, again and again while nothing is done.
    ///
    /// # Errors
    /// It was not done in time, or it is not known whether it was.
    pub async fn with_leader<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        act: impl Fn(Leader) -> F,
    ) -> Result<T, Failure> {
        let until = Instant::now() + PATIENCE;
        loop {
            if self.is_closed() {
                return Err(Failure::NotDone("this member takes no part in the group any more".into()));
            }
            let tried = match self.leader() {
                Some(leader) => act(leader).await,
                None => Err(Failure::NotDone("no leader is known".into())),
            };
            match tried {
                Err(Failure::NotDone(_)) if Instant::now() < until => sleep(RETRY).await,
                done => return done,
            }
        }
    }

    /// Asks another member that leads this group. One that does not answer may lead no longer, and is not waited for
    /// then.
    ///
    /// # Errors
    /// The member's failure, or there is no answer.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        (member, node): (MemberId, &BasicNode),
        topic: Topic,
        message: &impl Serialize,
    ) -> Result<T, Failure> {
        let answer = self.peers.ask::<Result<T, Failure>>(member, node, &self.name, topic, message, PATIENCE);
        tokio::select! {
            answer = answer => answer.unwrap_or_else(|error| Err(error.into())),
            () = self.follows_no_longer(member) => Err(Failure::Unknown("the group has another leader now".into())),
        }
    }

    /// Waits until this member no longer takes that one for the leader.
    async fn follows_no_longer(&self, member: MemberId) {
        let mut metrics = self.raft.metrics();
        // An error means that the group is closed.
        metrics.wait_for(|metrics| metrics.current_leader != Some(member)).await.ok();
    }

    /// Replicates a command and applies it. Only the leader can.
    ///
    /// # Errors
    /// It is not known whether it was applied, or nothing was done.
    pub async fn propose(&self, command: &S::Command) -> Result<S::Outcome, Failure> {
        let outcome = self.queue(command).await?;
        match timeout_at(Instant::now() + PATIENCE, outcome).await {
            Ok(outcome) => read_outcome::<S>(outcome),
            Err(_) => Err(Failure::Unknown("no majority has answered in time".into())),
        }
    }

    /// Replicates commands in this order, however long it takes. Only the leader can.
    ///
    /// # Errors
    /// As [`propose`](Self::propose), about one of them.
    pub async fn propose_all(&self, commands: &[S::Command]) -> Result<Vec<S::Outcome>, Failure> {
        let mut outcomes = Vec::with_capacity(commands.len());
        for command in commands {
            outcomes.push(self.queue(command).await?);
        }
        let mut read = Vec::with_capacity(commands.len());
        for outcome in outcomes {
            read.push(read_outcome::<S>(outcome.await)?);
        }
        Ok(read)
    }

    async fn queue(
        &self,
        command: &S::Command,
    ) -> Result<oneshot::Receiver<Result<Bytes, Failure>>, Failure> {
        let not_done = |why: &dyn ToString| Failure::NotDone(why.to_string());
        if !self.is_leader() {
            return Err(not_done(&"this member does not lead the group"));
        }
        self.check_yields()?;
        let command = encode(command).map_err(|error| not_done(&error))?;
        let (outcome, receiver) = oneshot::channel();
        let sent = self.proposals.send_timeout(Proposal { command, outcome }, PATIENCE).await;
        sent.map_err(|_| not_done(&"too much waits to be done"))?;
        Ok(receiver)
    }

    /// Up to where a member must have applied the log so that it has everything that was answered before now. Only the
    /// leader can say.
    ///
    /// # Errors
    /// No majority takes this member for the leader.
    pub async fn read_index(&self) -> Result<Option<u64>, Failure> {
        self.check_yields()?;
        let read = timeout_at(Instant::now() + PATIENCE, self.raft.get_read_log_id()).await;
        let read = read.map_err(|_| Failure::NotDone("no majority has answered in time".into()))?;
        let (read, _) = read.map_err(|error| Failure::NotDone(error.to_string()))?;
        Ok(read.map(|log_id| log_id.index))
    }

    /// Waits until this member has everything that was answered before now.
    ///
    /// # Errors
    /// It cannot find out, or not in time.
    pub async fn catch_up(&self) -> Result<(), Failure> {
        let index = self.with_leader(|leader| async move {
            match leader {
                Leader::Own => self.read_index().await,
                // An answer that was lost does no harm: nothing is changed by asking.
                Leader::Other(member, node) => match self.ask((member, &node), Topic::ReadIndex, &()).await {
                    Err(Failure::Unknown(why)) => Err(Failure::NotDone(why)),
                    answer => answer,
                },
            }
        });
        let index = index.await?;
        let applied = self.raft.wait(Some(PATIENCE)).applied_index_at_least(index, "read").await;
        applied.map(drop).map_err(|error| Failure::NotDone(error.to_string()))
    }

    /// Makes this member the leader. That takes a little longer than the lease.
    ///
    /// # Errors
    /// Another member leads, or none.
    pub async fn lead(&self) -> Result<(), Failure> {
        if self.log.lacks(self.left).map_err(Failure::NotDone)? {
            return Err(Failure::NotDone("this member is not up to date".into()));
        }
        let own = self.peers.own();
        let silent = self.with_leader(|leader| async move {
            match leader {
                Leader::Own => Ok(false),
                Leader::Other(member, node) => {
                    let asked: Result<(), Failure> = self.ask((member, &node), Topic::HandOver, &own).await;
                    asked.map(|()| true)
                }
            }
        });
        if !silent.await? {
            return Ok(());
        }
        let until = Instant::now() + HAND_OVER;
        sleep(LEASE).await;
        let mut metrics = self.raft.metrics();
        while Instant::now() < until {
            let elected = self.raft.trigger().elect().await;
            elected.map_err(|error| Failure::Unknown(error.to_string()))?;
            let leads = metrics.wait_for(|metrics| metrics.state == ServerState::Leader);
            if let Ok(Ok(_)) = timeout_at(Instant::now() + ELECTION, leads).await {
                return Ok(());
            }
        }
        Err(Failure::Unknown("this member was not elected".into()))
    }

    /// Lets another member be elected: the leader does nothing for a while.
    ///
    /// # Errors
    /// This member does not lead, or the other one is not up to date.
    pub fn hand_over(&self, to: MemberId) -> Result<(), Failure> {
        let (replicated, last) = {
            let metrics = self.raft.metrics();
            let metrics = metrics.borrow();
            let replication = metrics.replication.as_ref();
            (replication.and_then(|all| all.get(&to).copied().flatten()), metrics.last_log_index)
        };
        let is_voter = self.membership().voter_ids().any(|voter| voter == to);
        let missing = last.unwrap_or_default().saturating_sub(replicated.map_or(0, |log_id| log_id.index));
        if !self.is_leader() || !is_voter || replicated.is_none() || missing > MAX_MISSING {
            return Err(Failure::NotDone(format!("member {to} is not up to date")));
        }
        let until = Instant::now() + HAND_OVER;
        *self.yields_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        self.raft.runtime_config().heartbeat(false);
        let (raft, yields_until) = (self.raft.clone(), self.yields_until.clone());
        tokio::spawn(async move {
            sleep_until(until).await;
            // Another hand-over may have begun.
            if *yields_until.lock().unwrap_or_else(PoisonError::into_inner) == Some(until) {
                raft.runtime_config().heartbeat(true);
            }
        });
        Ok(())
    }

    fn check_yields(&self) -> Result<(), Failure> {
        match *self.yields_until.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(until) if Instant::now() < until => {
                Err(Failure::NotDone("this member lets another one lead".into()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Adds or removes a member. Only the leader can.
    ///
    /// # Errors
    /// As [`set_members`](Self::set_members), or it is the last member.
    pub async fn change_members(&self, change: &MemberChange) -> Result<(), Failure> {
        let membership = self.membership();
        let voters = membership.get_joint_config().last().cloned().unwrap_or_default();
        let known = voters.into_iter().filter_map(|id| Some((id, membership.get_node(&id)?.clone())));
        let mut members: BTreeMap<_, _> = known.collect();
        match change {
            MemberChange::Add(member, node) => drop(members.entry(*member).or_insert_with(|| node.clone())),
            MemberChange::Remove(member) => drop(members.remove(member)),
        }
        if members.is_empty() {
            return Err(Failure::NotDone("it is the last member".into()));
        }
        self.set_members(&members).await
    }

    /// Makes these the members of the group. Only the leader can. To do it twice does no harm, and it ends what another
    /// leader has begun.
    ///
    /// # Errors
    /// It was not done, or it is not known whether it was.
    pub async fn set_members(&self, members: &BTreeMap<MemberId, BasicNode>) -> Result<(), Failure> {
        let voters: BTreeSet<MemberId> = members.keys().copied().collect();
        let before = self.membership();
        for (member, node) in members {
            let known = before.get_node(member).filter(|known| known.addr != node.addr);
            if let Some(known) = known {
                let is_voter = before.voter_ids().any(|voter| voter == *member);
                if is_voter {
                    return Err(Failure::NotDone(format!("member {member} is at {}", known.addr)));
                }
                // It could not be reached there.
                self.change(ChangeMembers::RemoveNodes([*member].into())).await?;
            }
            if !before.voter_ids().any(|voter| voter == *member) {
                // It catches up before it counts.
                let added = self.raft.add_learner(*member, node.clone(), true);
                let added = timeout_at(Instant::now() + CATCH_UP, added).await;
                let added =
                    added.map_err(|_| Failure::Unknown(format!("member {member} is not up to date yet")))?;
                added.map_err(not_written)?;
            }
        }
        if *self.membership().get_joint_config() != [voters.clone()] {
            self.change(ChangeMembers::ReplaceAllVoters(voters)).await?;
        }
        let others: BTreeSet<MemberId> = self.membership().learner_ids().collect();
        if !others.is_empty() {
            self.change(ChangeMembers::RemoveNodes(others)).await?;
        }
        Ok(())
    }

    /// Raft does not always answer a leader that leads no longer.
    async fn change(&self, change: ChangeMembers<MemberId, BasicNode>) -> Result<(), Failure> {
        let changed = timeout_at(Instant::now() + CATCH_UP, self.raft.change_membership(change, false)).await;
        let changed = changed.map_err(|_| Failure::Unknown("no majority has answered in time".into()))?;
        changed.map(drop).map_err(not_written)
    }

    /// Whether the group has exactly these members, as far as this one knows.
    pub fn has_members(&self, members: &BTreeSet<MemberId>) -> bool {
        let membership = self.membership();
        membership.get_joint_config() == std::slice::from_ref(members)
            && membership.learner_ids().next().is_none()
    }

    /// The members of the group as this member knows them, committed or not.
    pub fn membership(&self) -> Membership<MemberId, BasicNode> {
        self.raft.metrics().borrow().membership_config.membership().clone()
    }

    /// Answers a member that wants to lead.
    ///
    /// # Errors
    /// The group is closed.
    pub async fn vote(
        &self,
        request: VoteRequest<MemberId>,
    ) -> Result<VoteResponse<MemberId>, RaftError<MemberId>> {
        if request.last_log_id < self.left {
            let vote = self.raft.metrics().borrow().vote;
            return Ok(VoteResponse::new(vote, self.left, false));
        }
        self.raft.vote(request).await
    }

    /// Takes no further part in the group. Nothing is stored of it from here on.
    ///
    /// # Errors
    /// Raft has not ended as it should.
    pub async fn close(&self) -> Result<(), String> {
        let ended = self.raft.shutdown().await.map_err(|error| error.to_string());
        self.log.close();
        self.snapshots.close().await;
        ended
    }

    /// Whether Raft has ended.
    pub fn is_closed(&self) -> bool {
        self.raft.metrics().borrow().state == ServerState::Shutdown
    }
}

impl Failure {
    /// What the service says when this happens to it.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotDone(_) => ErrorCode::ServerBusy,
            Self::Unknown(_) => ErrorCode::OperationTimedOut,
        }
    }
}

impl From<NoAnswer> for Failure {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::NotSent(_) | NoAnswer::Refused(_) => Self::NotDone(error.to_string()),
            NoAnswer::Unknown(_) => Self::Unknown(error.to_string()),
        }
    }
}

fn read_outcome<S: Replicated>(
    outcome: Result<Result<Bytes, Failure>, oneshot::error::RecvError>,
) -> Result<S::Outcome, Failure> {
    let outcome = outcome.map_err(|_| Failure::Unknown("the group is closed".into()))??;
    decode(&outcome.0).map_err(unreadable)
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err passes")]
fn unreadable(error: Unreadable) -> Failure {
    Failure::Unknown(error.to_string())
}

/// Raft says to all whose entries are on their way that another member leads, so it is not known what becomes of them.
#[allow(clippy::needless_pass_by_value, reason = "it is what map_err passes")]
fn not_written(error: RaftError<MemberId, ClientWriteError<MemberId, BasicNode>>) -> Failure {
    Failure::Unknown(error.to_string())
}

/// Proposes what waits, one batch after the other.
async fn propose_batches(raft: Raft<Types>, mut waiting: mpsc::Receiver<Proposal>) {
    while let Some(first) = waiting.recv().await {
        let (mut commands, mut outcomes, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut next = Some(first);
        while let Some(Proposal { command, outcome }) = next {
            bytes += command.len();
            commands.push(Bytes(command.into()));
            outcomes.push(outcome);
            next = if bytes < BATCH_BYTES { waiting.try_recv().ok() } else { None };
        }
        let written = propose_batch(&raft, &commands).await;
        for (number, outcome) in outcomes.into_iter().enumerate() {
            let read = written.clone().and_then(|outcomes| {
                outcomes.get(number).cloned().ok_or_else(|| Failure::Unknown("there is no outcome".into()))
            });
            // A client that has gone away does not wait.
            outcome.send(read).ok();
        }
    }
}

async fn propose_batch(raft: &Raft<Types>, commands: &Vec<Bytes>) -> Result<Vec<Bytes>, Failure> {
    let batch = encode(commands).map_err(|error| Failure::NotDone(error.to_string()))?;
    let mut metrics = raft.metrics();
    let vote = metrics.borrow().vote;
    let written = tokio::select! {
        written = raft.client_write(Bytes(batch.into())) => written.map_err(not_written)?,
        // Raft does not always say what has become of an entry when another member leads: it may come as part of a snapshot.
        _ = metrics.wait_for(|metrics| metrics.state != ServerState::Leader || metrics.vote != vote) => {
            return Err(Failure::Unknown("this member leads no longer".into()));
        }
    };
    decode(&written.data.0).map_err(unreadable)
}

/// Lets a member be elected that has come back to a group, once it has as much of the log as when it left.
async fn take_part_again(raft: Raft<Types>, log: RaftLog, left: Option<LogId>) {
    let mut metrics = raft.metrics();
    while left.is_some() {
        if let Ok(false) = log.lacks(left) {
            raft.runtime_config().elect(true);
            return;
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

/// Says why Raft has ended, if it was not told to.
async fn report_failure(name: String, raft: Raft<Types>, failures: UnboundedSender<String>) {
    let mut metrics = raft.metrics();
    let why = match metrics.wait_for(|metrics| metrics.running_state.is_err()).await {
        Ok(metrics) => metrics.running_state.clone().err().unwrap_or(Fatal::Stopped),
        // It says why when it ends, unless it panics.
        Err(_) => Fatal::Panicked,
    };
    match why {
        Fatal::Stopped => {}
        Fatal::StorageError(_) | Fatal::Panicked => drop(failures.send(format!("{name}: {why}"))),
    }
}
