//! Which accounts this member has. It opens those that the directory puts here and closes those that have gone; and
//! the leader of an account makes the members of its group those that the directory says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use azbatch::rest::SharedKey;
use azbatch_emulator::images;
use openraft::{BasicNode, ServerState};
use tokio::{
    sync::{mpsc::unbounded_channel, watch},
    time::sleep,
};

use crate::{
    account::AccountGroup,
    directory::{AccountEntry, AccountId, DirectoryCommand, DirectoryOutcome},
    group::{Failure, Group},
    leader,
    log::RaftLog,
    node::Member,
    placement::preferred_leader,
    replica::Replica,
};

/// How long a leader waits before it tries again to change the members of a group.
const RETRY: Duration = Duration::from_secs(1);

/// Follows the directory, for as long as the process runs.
pub async fn run(member: Arc<Member>) {
    let mut changes = member.directory_changes();
    // Accounts that were here are opened at once, so that clients can read without a majority. One that has moved away
    // meanwhile does no harm until the directory says so.
    open_missing(&member).await;
    while member.directory.catch_up().await.is_err() {}
    close_others(&member).await;
    forget_leftovers(&member).await;
    loop {
        changes.borrow_and_update();
        close_others(&member).await;
        open_missing(&member).await;
        member.set_knows_all();
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Forgets the accounts that this member had when it ended, and is not to have any more.
async fn forget_leftovers(member: &Member) {
    match member.context.store.names() {
        Ok(names) => {
            for account in names.iter().filter_map(|name| AccountId::of_group(name)) {
                if !is_here(member, &account) {
                    forget(member, &account).await;
                }
            }
        }
        Err(error) => member.fail(&error.to_string()),
    }
}

/// Whether an account is to be on this member.
fn is_here(member: &Member, account: &AccountId) -> bool {
    member.entry(&account.name).is_some_and(|entry| {
        entry.number == account.number && entry.placement.members().contains(&member.settings.id)
    })
}

/// Removes what is stored of an account.
async fn forget(member: &Member, account: &AccountId) {
    let log = member.context.store.log(&account.group());
    let exists = member.entry(&account.name).is_some_and(|entry| entry.number == account.number);
    let forgotten = if exists {
        RaftLog::new(log).leave().await
    } else {
        log.delete().committed().await.map_err(|error| error.to_string())
    };
    if let Err(error) = forgotten {
        member.fail(&format!("account {}: {error}", account.name));
    }
}

async fn close_others(member: &Member) {
    for account in member.accounts() {
        if is_here(member, &account.id) {
            continue;
        }
        member.remove(&account.id);
        if let Err(error) = account.close().await {
            eprintln!("account {}: {error}", account.id.name);
        }
        // If it has come back meanwhile, this member has acknowledged what must not be forgotten.
        if !is_here(member, &account.id) {
            forget(member, &account.id).await;
        }
    }
}

async fn open_missing(member: &Arc<Member>) {
    for (name, entry) in member.entries() {
        let id = AccountId { name: name.clone(), number: entry.number };
        if member.account(&name).is_none()
            && is_here(member, &id)
            && let Err(error) = open(member, id, &entry).await
        {
            member.fail(&format!("account {name}: {error}"));
        }
    }
}

async fn open(member: &Arc<Member>, id: AccountId, entry: &AccountEntry) -> Result<(), String> {
    let key = member.settings.authorizes.then(|| SharedKey::new(&id.name, &entry.key)).transpose();
    let key = key.map_err(|error| error.to_string())?;
    let (events, happened) = unbounded_channel();
    let (changes, _) = watch::channel(0);
    let mut replica = Replica::new(&entry.url);
    replica.account = replica.account.with_supported_images(images::supported());
    let group = Group::open(&id.group(), &member.context, replica, events, changes).await?;
    let account = Arc::new(AccountGroup::new(id, group, key));
    member.insert(account.clone());
    member.settings.trace.begin();
    let events = leader::Events { receiver: happened, trace: member.settings.trace.clone() };
    account.set_work(tokio::spawn(leader::work(account.clone(), events, member.settings.lag)));
    tokio::spawn(keep_members(member.clone(), account.clone()));
    if !entry.placement.has_begun()
        && let Some(first) = preferred_leader(&account.id.name, entry.placement.goal())
    {
        let founders = entry.founders.clone();
        tokio::spawn(async move { account.group.begin(founders, first).await });
    }
    Ok(())
}

/// These members, with their addresses.
fn with_addresses(member: &Member, members: &BTreeSet<u64>) -> Result<BTreeMap<u64, BasicNode>, Failure> {
    let known = member.members();
    let with_address = |id: &u64| {
        let node = known.get(id).ok_or_else(|| Failure::NotDone(format!("there is no member {id}")))?;
        Ok((*id, node.clone()))
    };
    members.iter().map(with_address).collect()
}

/// Whenever this member leads the account, makes the members of its group those that the directory says. Ends when the
/// group is closed.
async fn keep_members(member: Arc<Member>, account: Arc<AccountGroup>) {
    let mut changes = member.directory_changes();
    let mut metrics = account.group.raft.metrics();
    loop {
        changes.borrow_and_update();
        let leads = account.group.is_leader();
        if leads && settle(&member, &account).await.is_err() {
            sleep(RETRY).await;
            continue;
        }
        tokio::select! {
            open = changes.changed() => if open.is_err() { return },
            open = metrics.wait_for(|metrics| (metrics.state == ServerState::Leader) != leads) => {
                if open.is_err() { return }
            }
        }
    }
}

/// Moves the account to where the directory says, and tells the directory.
async fn settle(member: &Member, account: &AccountGroup) -> Result<(), Failure> {
    let unsettled = || {
        let entry = member.entry(&account.id.name).filter(|entry| entry.number == account.id.number)?;
        let is_settled = entry.placement.is_settled() && account.group.has_members(entry.placement.goal());
        (!is_settled).then_some(entry)
    };
    if unsettled().is_none() {
        return Ok(());
    }
    // Nobody else has moved it since.
    member.directory.catch_up().await?;
    let Some(entry) = unsettled() else { return Ok(()) };
    let goal = if entry.placement.has_begun() {
        with_addresses(member, entry.placement.goal())?
    } else {
        entry.founders
    };
    account.group.set_members(&goal).await?;
    let command = DirectoryCommand::Settle { account: account.id.clone(), moves: entry.moves };
    match member.change_directory(&command).await? {
        DirectoryOutcome::Done | DirectoryOutcome::Unknown => Ok(()),
        DirectoryOutcome::Outdated
        | DirectoryOutcome::Taken
        | DirectoryOutcome::NotBegun
        | DirectoryOutcome::Nowhere => Err(Failure::NotDone("it is to be elsewhere by now".into())),
    }
}
