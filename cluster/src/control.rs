//! The control interface, under `/_azbatch`: accounts, members, and what a test needs to see and to break.

use std::{collections::BTreeSet, fmt::Write as _, ops::RangeInclusive, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    routing::{delete, get, post, put},
};
use azbatch::{NodeId, rest::SharedKey};
use azbatch_emulator::{
    access::Access,
    nodes::{REPORTED_EVENTS, reported_event},
};
use openraft::BasicNode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::{Duration, Instant, timeout_at};

use crate::{
    account::AccountGroup,
    command::{Input, Outcome},
    directory::{AccountEntry, AccountId, DirectoryCommand, DirectoryOutcome},
    group::{Failure, Group, MemberChange},
    machine::Replicated,
    node::{Member, Place},
    placement::choose,
    raft::MemberId,
    relay::{self, NoAccount, Unanswered},
    route::{ACCOUNT_NAME, is_account_name},
};

/// The number of members that may hold an account. With three it survives the loss of one, with five of two, with seven of
/// three.
const REPLICAS: RangeInclusive<u8> = 1..=7;
const DEFAULT_REPLICAS: u8 = 3;
/// How long a change of members or accounts is waited for.
const CHANGE_TIME: Duration = Duration::from_secs(30);

type Refusal = (StatusCode, String);
type Answer = Result<Json<Value>, Refusal>;

pub fn routes() -> Router<Arc<Member>> {
    Router::new()
        .route("/cluster", get(show_cluster))
        .route("/members", post(add_member))
        .route("/members/{member}", delete(remove_member))
        .route("/members/{member}/cut", put(cut).delete(repair))
        .route("/accounts/{account}", put(create_account).get(show_account).delete(delete_account))
        .route("/accounts/{account}/members", put(move_account))
        .route("/accounts/{account}/replica", get(show_replica))
        .route("/accounts/{account}/lead", post(lead))
        .route("/accounts/{account}/snapshot", post(make_snapshot))
        .route("/accounts/{account}/nodes/{node}/{event}", post(report_event))
}

/// Why there is no answer for an account.
pub fn no_account(name: &str, why: &NoAccount) -> Refusal {
    match why {
        NoAccount::Nowhere => (StatusCode::NOT_FOUND, format!("there is no account {name}\n")),
        NoAccount::Unknown => (
            StatusCode::SERVICE_UNAVAILABLE,
            "this member does not know yet which accounts there are\n".into(),
        ),
    }
}

/// A new account. All of it may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// In base64; by default a new one, which is in the answer.
    key: Option<String>,
    /// By default the path of the account at the member that is asked.
    url: Option<String>,
    /// The number of members that hold it. By default it stays as it is, or is 3 for a new account.
    replicas: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPlacement {
    members: BTreeSet<MemberId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMember {
    id: MemberId,
    /// Host and port.
    address: String,
}

async fn show_cluster(State(member): State<Arc<Member>>) -> Answer {
    let members: Map<_, _> =
        member.members().into_iter().map(|(id, node)| (id.to_string(), json!(node.addr))).collect();
    let accounts: Map<_, _> = member
        .entries()
        .into_iter()
        .map(|(name, entry)| (name.clone(), account_json(&member, &name, &entry)))
        .collect();
    Ok(Json(json!({
        "member": member.context.peers.own(),
        "members": members,
        "directory": group_json(&member.directory),
        "accounts": accounts,
    })))
}

/// An account, as this member sees it: with its group, if this member takes part in it.
fn account_json(member: &Member, name: &str, entry: &AccountEntry) -> Value {
    let account = member.account(name).filter(|account| account.id.number == entry.number);
    let mut json = account.map_or_else(|| json!({}), |account| group_json(&account.group));
    json["members"] = json!(entry.placement.goal());
    json["settled"] = json!(entry.placement.is_settled());
    json
}

/// A group, as this member sees it.
fn group_json<S: Replicated>(group: &Group<S>) -> Value {
    let metrics = group.raft.metrics();
    let metrics = metrics.borrow();
    json!({
        "leader": metrics.current_leader,
        "leads": group.is_leader(),
        "term": metrics.current_term,
        "last": metrics.last_log_index,
        "applied": metrics.last_applied.map(|log_id| log_id.index),
        "snapshot": metrics.snapshot.map(|log_id| log_id.index),
        "purged": metrics.purged.map(|log_id| log_id.index),
        "voters": metrics.membership_config.membership().voter_ids().collect::<Vec<_>>(),
    })
}

async fn create_account(
    State(member): State<Arc<Member>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let bad = |why: &dyn ToString| (StatusCode::BAD_REQUEST, format!("{}\n", why.to_string()));
    if !is_account_name(&name) {
        return Err(bad(&ACCOUNT_NAME));
    }
    let name = name.to_ascii_lowercase();
    // Without a body, everything has its default.
    let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
    let NewAccount { key, url, replicas } = serde_json::from_slice(body).map_err(|error| bad(&error))?;
    if replicas.is_some_and(|replicas| !REPLICAS.contains(&replicas)) {
        return Err(bad(&format!("replicas: {} to {}", REPLICAS.start(), REPLICAS.end())));
    }
    let is_default = key.is_none() && url.is_none() && replicas.is_none();
    member.directory.catch_up().await.map_err(refusal)?;
    let known = member.entry(&name);
    let key = match key.or_else(|| known.as_ref().map(|known| known.key.clone())) {
        Some(key) => key,
        None => new_key().map_err(|why| (StatusCode::INTERNAL_SERVER_ERROR, why))?,
    };
    SharedKey::new(&name, &key).map_err(|error| bad(&error))?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let replicas =
        replicas.or_else(|| known.as_ref().map(|known| known.replicas)).unwrap_or(DEFAULT_REPLICAS);
    let url = url.or_else(|| known.map(|known| known.url));
    let url = url.unwrap_or_else(|| format!("http://{host}/accounts/{name}"));
    let load = member.directory.shared.read().state.load();
    let mut on = member.members();
    let chosen = choose(&name, replicas, &on.keys().copied().collect(), &BTreeSet::new(), &load);
    on.retain(|id, _| chosen.contains(id));
    let command = DirectoryCommand::Create { name: name.clone(), key, url, replicas, on };
    match change_directory(&member, &command).await {
        // Somebody else has created it at the same moment.
        Err((StatusCode::CONFLICT, _)) if is_default => member.directory.catch_up().await.map_err(refusal)?,
        changed => changed?,
    }
    wait_until(&member, || member.entry(&name).is_none_or(|entry| entry.placement.has_begun())).await?;
    let entry = member.entry(&name).ok_or_else(|| no_account(&name, &NoAccount::Nowhere))?;
    Ok(Json(json!({ "account": name, "key": entry.key, "url": entry.url })))
}

/// Changes the directory, and then this member knows of it.
async fn change_directory(member: &Member, command: &DirectoryCommand) -> Result<(), Refusal> {
    let outcome = member.change_directory(command).await.map_err(refusal)?;
    let (status, why) = match outcome {
        DirectoryOutcome::Done => return member.directory.catch_up().await.map_err(refusal),
        DirectoryOutcome::Taken => (StatusCode::CONFLICT, "there is an account of this name"),
        DirectoryOutcome::Unknown => (StatusCode::NOT_FOUND, "there is no such account"),
        DirectoryOutcome::NotBegun | DirectoryOutcome::Outdated => {
            (StatusCode::SERVICE_UNAVAILABLE, "the account has not begun yet")
        }
        DirectoryOutcome::Nowhere => (StatusCode::CONFLICT, "the account would be on no member"),
    };
    Err((status, format!("{why}\n")))
}

/// Waits until this member sees that something is as it was asked for.
async fn wait_until(member: &Member, is_so: impl Fn() -> bool) -> Result<(), Refusal> {
    let mut changes = member.directory_changes();
    let until = Instant::now() + CHANGE_TIME;
    loop {
        changes.borrow_and_update();
        if is_so() {
            return Ok(());
        }
        if !matches!(timeout_at(until, changes.changed()).await, Ok(Ok(()))) {
            return Err((StatusCode::SERVICE_UNAVAILABLE, "it has begun, and is not finished yet\n".into()));
        }
    }
}

async fn move_account(
    State(member): State<Arc<Member>>,
    Path(name): Path<String>,
    Json(NewPlacement { members: to }): Json<NewPlacement>,
) -> Answer {
    let name = name.to_ascii_lowercase();
    member.directory.catch_up().await.map_err(refusal)?;
    let entry = member.entry(&name).ok_or_else(|| no_account(&name, &NoAccount::Nowhere))?;
    if let Some(unknown) = to.difference(&member.member_ids()).next() {
        return Err((StatusCode::BAD_REQUEST, format!("there is no member {unknown}\n")));
    }
    let account = AccountId { name: name.clone(), number: entry.number };
    change_directory(&member, &DirectoryCommand::Move { account, to }).await?;
    wait_until(&member, || member.entry(&name).is_none_or(|entry| entry.placement.is_settled())).await?;
    show_account(State(member), Path(name)).await
}

async fn delete_account(State(member): State<Arc<Member>>, Path(name): Path<String>) -> Answer {
    let name = name.to_ascii_lowercase();
    member.directory.catch_up().await.map_err(refusal)?;
    let entry = member.entry(&name).ok_or_else(|| no_account(&name, &NoAccount::Nowhere))?;
    let account = AccountId { name: name.clone(), number: entry.number };
    change_directory(&member, &DirectoryCommand::Delete(account)).await?;
    Ok(Json(json!({ "deleted": name })))
}

/// A key that nobody can guess: digits in base 16 are base64 too.
fn new_key() -> Result<String, String> {
    let half = || Access::new_token().map_err(|error| error.to_string());
    Ok(half()? + &half()?)
}

/// An account that this member has.
fn here(member: &Member, name: &str) -> Result<Arc<AccountGroup>, Refusal> {
    match member.find(&name.to_ascii_lowercase()) {
        Place::Here(account) => Ok(account),
        Place::Elsewhere(entry) => {
            let on = entry.placement.goal();
            Err((
                StatusCode::MISDIRECTED_REQUEST,
                format!("this member does not have {name}; it is on {on:?}\n"),
            ))
        }
        Place::Nowhere => Err(no_account(name, &NoAccount::Nowhere)),
        Place::Unknown => Err(no_account(name, &NoAccount::Unknown)),
    }
}

async fn show_account(State(member): State<Arc<Member>>, Path(name): Path<String>) -> Answer {
    let name = name.to_ascii_lowercase();
    if member.entry(&name).is_none() {
        // It may have been created at another member just now.
        member.directory.catch_up().await.map_err(refusal)?;
    }
    let entry = member.entry(&name).ok_or_else(|| no_account(&name, &NoAccount::Nowhere))?;
    Ok(Json(account_json(&member, &name, &entry)))
}

/// Up to where this member has applied the log, and a hash of the account as it would be stored.
async fn show_replica(State(member): State<Arc<Member>>, Path(name): Path<String>) -> Answer {
    let account = here(&member, &name)?;
    let (state, applied) = {
        let held = account.group.shared.read();
        (held.state.clone(), held.last_applied)
    };
    let failed = |why: &dyn ToString| (StatusCode::INTERNAL_SERVER_ERROR, why.to_string());
    let stored = tokio::task::spawn_blocking(move || {
        state.store().map(|stored| (stored.len(), Sha256::digest(&stored)))
    });
    let (bytes, hash) = stored.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    let hash = hash.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    });
    Ok(Json(json!({ "applied": applied.map(|log_id| log_id.index), "bytes": bytes, "sha256": hash })))
}

/// Makes this member the leader of an account.
async fn lead(State(member): State<Arc<Member>>, Path(name): Path<String>) -> Answer {
    here(&member, &name)?.group.lead().await.map_err(refusal)?;
    show_account(State(member), Path(name)).await
}

async fn make_snapshot(State(member): State<Arc<Member>>, Path(name): Path<String>) -> Answer {
    let account = here(&member, &name)?;
    let made = account.group.raft.trigger().snapshot().await;
    made.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")))?;
    show_account(State(member), Path(name)).await
}

async fn report_event(
    State(member): State<Arc<Member>>,
    Path((name, node, event)): Path<(String, String, String)>,
) -> Answer {
    let event =
        reported_event(&event).ok_or_else(|| (StatusCode::NOT_FOUND, format!("{REPORTED_EVENTS}\n")))?;
    let id = NodeId::new(&node).map_err(|_| (StatusCode::NOT_FOUND, format!("no node {node}\n")))?;
    let input = Input::NodeEvent { node: id, event };
    let outcome =
        relay::propose(&member, &name.to_ascii_lowercase(), &input).await.map_err(|why| match why {
            Unanswered::NoAccount(why) => no_account(&name, &why),
            Unanswered::Failed(failure) => refusal(failure),
        })?;
    Ok(Json(json!({ "node": node, "changed": outcome == Outcome::Changed(true) })))
}

/// Adds a member, and puts on it the accounts that are on too few members.
async fn add_member(State(member): State<Arc<Member>>, Json(new): Json<NewMember>) -> Answer {
    member.directory.catch_up().await.map_err(refusal)?;
    if let Some(known) = member.members().get(&new.id).filter(|known| known.addr != new.address) {
        return Err((StatusCode::CONFLICT, format!("member {} is at {}\n", new.id, known.addr)));
    }
    let change = MemberChange::Add(new.id, BasicNode::new(new.address));
    member.change_members(&change).await.map_err(refusal)?;
    member.directory.catch_up().await.map_err(refusal)?;
    let too_few = |entry: &AccountEntry| entry.placement.goal().len() < entry.replicas.into();
    move_accounts(&member, &member.member_ids(), too_few).await?;
    show_cluster(State(member)).await
}

/// Moves all accounts away from a member, then removes it.
async fn remove_member(State(member): State<Arc<Member>>, Path(old): Path<MemberId>) -> Answer {
    member.directory.catch_up().await.map_err(refusal)?;
    let mut left = member.member_ids();
    left.remove(&old);
    if left.is_empty() {
        return Err((StatusCode::CONFLICT, "it is the last member\n".into()));
    }
    if old == member.context.peers.own() {
        return Err((StatusCode::CONFLICT, "a member cannot remove itself: ask another one\n".into()));
    }
    move_away(&member, old, &left).await?;
    member.change_members(&MemberChange::Remove(old)).await.map_err(refusal)?;
    // Accounts that were created meanwhile.
    member.directory.catch_up().await.map_err(refusal)?;
    move_away(&member, old, &left).await?;
    show_cluster(State(member)).await
}

/// Moves all accounts away from a member.
async fn move_away(member: &Member, old: MemberId, left: &BTreeSet<MemberId>) -> Result<(), Refusal> {
    move_accounts(member, left, |entry| entry.placement.goal().contains(&old)).await?;
    let has_any = || member.entries().values().any(|entry| entry.placement.members().contains(&old));
    wait_until(member, || !has_any()).await
}

/// Moves accounts to the members that have the fewest.
async fn move_accounts(
    member: &Member,
    members: &BTreeSet<MemberId>,
    which: impl Fn(&AccountEntry) -> bool,
) -> Result<(), Refusal> {
    for (name, entry) in member.entries().into_iter().filter(|(_, entry)| which(entry)) {
        let stay = entry.placement.goal();
        let count = u8::try_from(stay.len()).unwrap_or(u8::MAX).max(entry.replicas);
        let load = member.directory.shared.read().state.load();
        let to = choose(&name, count, members, stay, &load);
        let account = AccountId { name, number: entry.number };
        change_directory(member, &DirectoryCommand::Move { account, to }).await?;
    }
    Ok(())
}

async fn cut(State(member): State<Arc<Member>>, Path(other): Path<MemberId>) -> Answer {
    member.context.peers.set_cut(other, true);
    Ok(Json(json!({ "member": member.context.peers.own(), "cut": other })))
}

async fn repair(State(member): State<Arc<Member>>, Path(other): Path<MemberId>) -> Answer {
    member.context.peers.set_cut(other, false);
    Ok(Json(json!({ "member": member.context.peers.own(), "repaired": other })))
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err passes")]
fn refusal(failure: Failure) -> Refusal {
    let status = match failure {
        Failure::NotDone(_) => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Unknown(_) => StatusCode::GATEWAY_TIMEOUT,
    };
    (status, format!("{failure}\n"))
}
