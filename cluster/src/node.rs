//! A member of the cluster: all groups that it takes part in.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use azbatch::{
    TimeSpan,
    rest::{Guid, SharedKey},
};
use azbatch_emulator::{images, nodes::fnv, store::Store};
use openraft::{BasicNode, Config, SnapshotPolicy};
use tokio::sync::{mpsc::unbounded_channel, watch};

use crate::{
    account::{AccountGroup, random},
    directory::{AccountEntry, CreateAccount, Created, Directory},
    group::{Failure, Group, Leader, MemberChange},
    leader,
    network::{Peers, Topic},
    raft::MemberId,
    replica::Replica,
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
}

/// A member of the cluster.
pub struct Member {
    pub peers: Peers,
    pub directory: Group<Directory>,
    settings: Settings,
    store: Store,
    config: Arc<Config>,
    accounts: RwLock<BTreeMap<String, Arc<AccountGroup>>>,
    /// Whether it has all accounts that the cluster had when it was started.
    knows_all: AtomicBool,
    requests: AtomicU64,
    seed: u64,
}

impl Member {
    /// Opens the groups that are stored in a folder, and takes part in them.
    ///
    /// # Errors
    /// What is stored cannot be read, or belongs to another member.
    pub async fn start(folder: &Path, settings: Settings) -> Result<Arc<Self>, String> {
        let store = Store::open(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        check_owner(&store, settings.id).await?;
        let config = Arc::new(config(settings.snapshot_after)?);
        let peers = Peers::new(settings.id, settings.token.clone());
        let (changes, watched) = watch::channel(0);
        let (events, _) = unbounded_channel();
        let context = (&store, &peers, config.clone());
        let directory = Group::open(DIRECTORY, context, Directory::default(), events, changes).await?;
        let seed = u64::try_from(random() >> 64).unwrap_or_default();
        let member = Arc::new(Self {
            peers,
            directory,
            settings,
            store,
            config,
            accounts: RwLock::default(),
            knows_all: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            seed,
        });
        tokio::spawn(member.clone().follow_directory(watched));
        if let Some(first) = member.settings.founders.keys().next().copied() {
            let founders = member.settings.founders.clone();
            tokio::spawn({
                let member = member.clone();
                async move { member.directory.begin(founders, first).await }
            });
        }
        Ok(member)
    }

    /// Opens the group of each account that the directory has, now and later.
    async fn follow_directory(self: Arc<Self>, mut changed: watch::Receiver<u64>) {
        while self.directory.catch_up().await.is_err() {}
        loop {
            changed.borrow_and_update();
            let all = self.directory.shared.read().state.accounts.clone();
            for (name, entry) in all {
                if self.account(&name).is_none()
                    && let Err(error) = self.open_account(&name, &entry).await
                {
                    eprintln!("account {name}: {error}");
                }
            }
            self.knows_all.store(true, Ordering::Relaxed);
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    async fn open_account(&self, name: &str, entry: &AccountEntry) -> Result<(), String> {
        let key = self.settings.authorizes.then(|| SharedKey::new(name, &entry.key)).transpose();
        let key = key.map_err(|error| error.to_string())?;
        let (events, happened) = unbounded_channel();
        let (changes, _) = watch::channel(0);
        let mut replica = Replica::new(&entry.url);
        replica.account = replica.account.with_supported_images(images::supported());
        let context = (&self.store, &self.peers, self.config.clone());
        let group = Group::open(&group_name(name), context, replica, events, changes).await?;
        let account = Arc::new(AccountGroup::new(group, key));
        tokio::spawn(leader::work(account.clone(), happened, self.settings.lag));
        self.accounts.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), account.clone());
        if entry.members.contains_key(&self.settings.id)
            && let Some(first) = preferred_leader(name, entry.members.keys().copied())
        {
            let members = entry.members.clone();
            tokio::spawn(async move { account.group.begin(members, first).await });
        }
        Ok(())
    }

    /// Whether an account that this member does not know is one that the cluster does not have.
    pub fn knows_all(&self) -> bool {
        self.knows_all.load(Ordering::Relaxed)
    }

    /// An account by its name, in lower case.
    pub fn account(&self, name: &str) -> Option<Arc<AccountGroup>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All accounts, by name.
    pub fn accounts(&self) -> BTreeMap<String, Arc<AccountGroup>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An account by the name of its group.
    pub fn account_of_group(&self, group: &str) -> Option<Arc<AccountGroup>> {
        self.account(group.strip_prefix(GROUP_PREFIX)?)
    }

    /// Creates an account, on all members that this one knows. The directory must have caught up.
    ///
    /// # Errors
    /// As [`Group::propose`].
    pub async fn create_account(&self, name: &str, key: String, url: String) -> Result<Created, Failure> {
        let entry = AccountEntry { key, url, members: self.members() };
        let command = &CreateAccount { name: name.into(), entry };
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

    /// The members of the cluster that vote, as this one knows them.
    pub fn members(&self) -> BTreeMap<MemberId, BasicNode> {
        let metrics = self.directory.raft.metrics();
        let metrics = metrics.borrow();
        let membership = metrics.membership_config.membership();
        let voters = membership.voter_ids().filter_map(|id| Some((id, membership.get_node(&id)?.clone())));
        voters.collect()
    }

    /// Adds or removes a member, in every group. If it fails in one, it can be done again.
    ///
    /// # Errors
    /// Where it failed.
    pub async fn change_members(&self, change: &MemberChange) -> Result<(), String> {
        change_group(&self.directory, change).await?;
        for account in self.accounts().values() {
            change_group(&account.group, change).await?;
        }
        Ok(())
    }

    /// Waits until the disk has failed. Nothing can be done then but to end.
    pub async fn failure(&self) -> String {
        self.store.failure().await.to_string()
    }

    pub fn request_id(&self) -> Guid {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        Guid::from_u128(u128::from(self.seed) << 64 | u128::from(number))
    }
}

async fn change_group<S: crate::machine::Replicated>(
    group: &Group<S>,
    change: &MemberChange,
) -> Result<(), String> {
    let act = |leader| async move {
        match leader {
            Leader::Own => group.change_members(change).await,
            Leader::Other(member, node) => group.ask((member, &node), Topic::Members, change).await,
        }
    };
    group.with_leader(act).await.map_err(|error| format!("{}: {error}", group.name))
}

const GROUP_PREFIX: &str = "account-";

fn group_name(account: &str) -> String {
    format!("{GROUP_PREFIX}{account}")
}

/// The member that is the first leader of an account. Accounts are spread over the members by their names.
pub fn preferred_leader(account: &str, members: impl ExactSizeIterator<Item = MemberId>) -> Option<MemberId> {
    let mut members = members;
    let count = u64::try_from(members.len()).ok().filter(|count| *count > 0)?;
    members.nth(usize::try_from(fnv(account.as_bytes()) % count).ok()?)
}

/// A folder belongs to one member: another one with its votes could make two leaders.
async fn check_owner(store: &Store, id: MemberId) -> Result<(), String> {
    const OWNER: &str = "id";
    let log = store.log("member");
    let owner = log.get(OWNER).map_err(|error| error.to_string())?;
    match owner {
        Some(owner) if owner == id.to_be_bytes() => Ok(()),
        Some(_) => Err("the data is that of another member".into()),
        None => log.put(OWNER, id.to_be_bytes().into()).committed().await.map_err(|error| error.to_string()),
    }
}

/// Times are those of a local network whose machines are busy.
fn config(snapshot_after: u64) -> Result<Config, String> {
    let config = Config {
        cluster_name: "azbatch".into(),
        heartbeat_interval: 250,
        election_timeout_min: 1000,
        election_timeout_max: 2000,
        install_snapshot_timeout: 60_000,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(snapshot_after),
        replication_lag_threshold: snapshot_after.saturating_mul(2),
        max_in_snapshot_log_to_keep: snapshot_after / 4,
        ..Config::default()
    };
    config.validate().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_leaders_are_spread_over_the_members() {
        let members = [2, 5, 9];
        let mut leads = BTreeMap::new();
        for number in 0..300 {
            let account = format!("account{number}");
            let leader = preferred_leader(&account, members.into_iter());
            assert_eq!(leader, preferred_leader(&account, members.into_iter()));
            *leads.entry(leader.unwrap()).or_insert(0) += 1;
        }
        assert_eq!(leads.keys().copied().collect::<Vec<_>>(), members);
        assert!(leads.values().all(|count| (60..140).contains(count)), "{leads:?}");
        assert_eq!(preferred_leader("account", [].into_iter()), None);
    }
}
