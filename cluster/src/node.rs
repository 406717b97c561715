//! A member of the cluster: the directory, and the accounts that this member has.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use azbatch::{TimeSpan, rest::Guid};
use azbatch_emulator::{nodes::random, store::Store};
use openraft::{BasicNode, Config, SnapshotPolicy};
use tokio::sync::{
    Mutex,
    mpsc::{UnboundedReceiver, unbounded_channel},
    watch,
};

use crate::{
    account::AccountGroup,
    directory::{AccountEntry, AccountId, Directory, DirectoryCommand, DirectoryOutcome},
    group::{Context, Failure, Group, LEASE, Leader, MemberChange},
    network::{Peers, Topic},
    raft::{MemberId, decode, encode},
    trace::Trace,
};

/// The name of the group of the directory. No account's group has it.
pub const DIRECTORY: &str = "directory";

/// What a member is started with.
pub struct Settings {
    pub id: MemberId,
    /// What members prove themselves with to each other.
    pub token: String,
    /// The members of a new cluster; none if this one joins a cluster.
    pub founders: BTreeMap<MemberId, BasicNode>,
    /// Whether requests must be signed.
    pub authorizes: bool,
    /// How late the service's own transitions happen.
    pub lag: TimeSpan,
    /// After how many entries of a log a snapshot is made.
    pub snapshot_after: u64,
    pub trace: Trace,
}

/// A member of the cluster.
pub struct Member {
    pub directory: Group<Directory>,
    pub settings: Settings,
    pub context: Context,
    /// Why a group has failed.
    failures: Mutex<UnboundedReceiver<String>>,
    /// The accounts that this member has, by name.
    accounts: RwLock<BTreeMap<String, Arc<AccountGroup>>>,
    changes: watch::Receiver<u64>,
    /// Whether it has the directory as it was when the member was started.
    knows_all: AtomicBool,
    requests: AtomicU64,
    seed: u64,
}

/// Where an account is.
pub enum Place {
    Here(Arc<AccountGroup>),
    /// On other members, or on this one before it can be used here.
    Elsewhere(AccountEntry),
    /// There is no such account.
    Nowhere,
    /// This member does not know yet which accounts there are.
    Unknown,
}

impl Member {
    /// Opens the directory that is stored in a folder, and takes part in it.
    ///
    /// # Errors
    /// What is stored cannot be read, or belongs to another member.
    pub async fn start(folder: &Path, settings: Settings) -> Result<Arc<Self>, String> {
        let store = Store::open(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        check_owner(&store, &settings).await?;
        let (failures, failed) = unbounded_channel();
        let context = Context {
            peers: Peers::new(settings.id, settings.token.clone()),
            config: Arc::new(config(settings.snapshot_after)?),
            store,
            failures,
        };
        let (changes, watched) = watch::channel(0);
        let (events, _) = unbounded_channel();
        let directory = Group::open(DIRECTORY, &context, Directory::default(), events, changes).await?;
        let seed = u64::try_from(random() >> 64).unwrap_or_default();
        let member = Arc::new(Self {
            directory,
            settings,
            context,
            failures: Mutex::new(failed),
            accounts: RwLock::default(),
            changes: watched,
            knows_all: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            seed,
        });
        if let Some(first) = member.settings.founders.keys().next().copied() {
            let founders = member.settings.founders.clone();
            tokio::spawn({
                let member = member.clone();
                async move { member.directory.begin(founders, first).await }
            });
        }
        Ok(member)
    }

    /// Says when the directory has changed.
    pub fn directory_changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// From now on, an account that is not in the directory does not exist.
    pub fn set_knows_all(&self) {
        self.knows_all.store(true, Ordering::Relaxed);
    }

    /// Where an account is, by its name in lower case.
    pub fn find(&self, name: &str) -> Place {
        let here = self.account(name);
        if let Some(account) = here.filter(|account| account.has_begun()) {
            return Place::Here(account);
        }
        match self.entry(name) {
            Some(entry) => Place::Elsewhere(entry),
            None if self.knows_all.load(Ordering::Relaxed) => Place::Nowhere,
            None => Place::Unknown,
        }
    }

    /// What the directory says of an account.
    pub fn entry(&self, name: &str) -> Option<AccountEntry> {
        self.directory.shared.read().state.accounts.get(name).cloned()
    }

    /// What the directory says of all accounts, by name.
    pub fn entries(&self) -> BTreeMap<String, AccountEntry> {
        self.directory.shared.read().state.accounts.clone()
    }

    /// An account that this member has.
    pub fn account(&self, name: &str) -> Option<Arc<AccountGroup>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All accounts that this member has.
    pub fn accounts(&self) -> Vec<Arc<AccountGroup>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// An account that this member has, by the name of its group.
    pub fn account_of_group(&self, group: &str) -> Option<Arc<AccountGroup>> {
        let id = AccountId::of_group(group)?;
        self.account(&id.name).filter(|account| account.id == id)
    }

    pub fn insert(&self, account: Arc<AccountGroup>) {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        accounts.insert(account.id.name.clone(), account);
    }

    pub fn remove(&self, account: &AccountId) {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner).remove(&account.name);
    }

    /// Changes the directory.
    ///
    /// # Errors
    /// As [`Group::propose`].
    pub async fn change_directory(&self, command: &DirectoryCommand) -> Result<DirectoryOutcome, Failure> {
        let act = |leader| async move {
            match leader {
                Leader::Own => self.directory.propose(command).await,
                Leader::Other(member, node) => {
                    self.directory.ask((member, &node), Topic::Propose, command).await
                }
            }
        };
        self.directory.with_leader(act).await
    }

    /// The members of the cluster, as this one knows them.
    pub fn members(&self) -> BTreeMap<MemberId, BasicNode> {
        let membership = self.directory.membership();
        let voters = membership.voter_ids().filter_map(|id| Some((id, membership.get_node(&id)?.clone())));
        voters.collect()
    }

    /// The numbers of the members.
    pub fn member_ids(&self) -> BTreeSet<MemberId> {
        self.directory.membership().voter_ids().collect()
    }

    /// Adds a member to the cluster, or removes one. To do it twice does no harm.
    ///
    /// # Errors
    /// As [`Group::set_members`].
    pub async fn change_members(&self, change: &MemberChange) -> Result<(), Failure> {
        let act = |leader| async move {
            match leader {
                Leader::Own => self.directory.change_members(change).await,
                Leader::Other(member, node) => {
                    self.directory.ask((member, &node), Topic::Members, change).await
                }
            }
        };
        self.directory.with_leader(act).await
    }

    /// Lets the process end, because this member cannot do what it must.
    pub fn fail(&self, why: &str) {
        drop(self.context.failures.send(why.into()));
    }

    /// Waits until the disk or a group has failed. Nothing can be done then but to end.
    pub async fn failure(&self) -> String {
        let mut failures = self.failures.lock().await;
        tokio::select! {
            failure = self.context.store.failure() => failure.to_string(),
            Some(failure) = failures.recv() => failure,
        }
    }

    pub fn request_id(&self) -> Guid {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        Guid::from_u128(u128::from(self.seed) << 64 | u128::from(number))
    }
}

/// A folder belongs to one member: another one with its votes could make two leaders. And with other founders, members
/// could found a second cluster over the first one.
async fn check_owner(store: &Store, settings: &Settings) -> Result<(), String> {
    const OWNER: &str = "owner";
    let log = store.log("member");
    let own = (settings.id, settings.founders.clone());
    let Some(owner) = log.get(OWNER).map_err(|error| error.to_string())? else {
        let own = encode(&own).map_err(|error| error.to_string())?;
        return log.put(OWNER, own).committed().await.map_err(|error| error.to_string());
    };
    let (id, founders): (MemberId, BTreeMap<MemberId, BasicNode>) =
        decode(&owner).map_err(|error| error.to_string())?;
    if id != own.0 {
        return Err(format!("the data is that of member {id}"));
    }
    if founders != own.1 {
        let list: Vec<String> = founders.iter().map(|(id, node)| format!("{id}={}", node.addr)).collect();
        return Err(format!("the data is that of a cluster with other founders: {}", list.join(", ")));
    }
    Ok(())
}

/// Times are those of a local network whose machines are busy.
fn config(snapshot_after: u64) -> Result<Config, String> {
    let config = Config {
        cluster_name: "azbatch".into(),
        heartbeat_interval: 250,
        election_timeout_min: 1000,
        election_timeout_max: u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX),
        install_snapshot_timeout: 60_000,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(snapshot_after),
        replication_lag_threshold: snapshot_after.saturating_mul(2),
        max_in_snapshot_log_to_keep: snapshot_after / 4,
        ..Config::default()
    };
    config.validate().map_err(|error| error.to_string())
}
