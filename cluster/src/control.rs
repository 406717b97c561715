//! The control interface, under `/_azbatch`: accounts, members, and what a test needs to see and to break.

use std::{fmt::Write as _, sync::Arc};

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
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::{Duration, Instant, sleep};

use crate::{
    account::AccountGroup,
    command::{Input, Outcome},
    directory::Created,
    group::{Failure, Group, MemberChange, PATIENCE},
    machine::Replicated,
    node::Member,
    raft::MemberId,
    route::is_account_name,
};

type Refusal = (StatusCode, String);
type Answer = Result<Json<Value>, Refusal>;

pub fn routes() -> Router<Arc<Member>> {
    Router::new()
        .route("/cluster", get(show_cluster))
        .route("/members", post(add_member))
        .route("/members/{member}", delete(remove_member))
        .route("/members/{member}/cut", put(cut).delete(repair))
        .route("/accounts/{account}", put(create_account).get(show_account))
        .route("/accounts/{account}/replica", get(show_replica))
        .route("/accounts/{account}/lead", post(lead))
        .route("/accounts/{account}/snapshot", post(make_snapshot))
        .route("/accounts/{account}/nodes/{node}/{event}", post(report_event))
}

/// Why there is no answer for an account that this member does not know.
pub fn unknown(member: &Member, account: &str) -> (StatusCode, String) {
    if member.knows_all() {
        (StatusCode::NOT_FOUND, format!("there is no account {account}\n"))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "this member does not know yet which accounts there are\n".into())
    }
}

/// A new account. All of it may be left out.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// In base64; by default a new one, which is in the answer.
    key: Option<String>,
    /// By default the path of the account at the member that is asked.
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMember {
    id: MemberId,
    /// Host and port.
    address: String,
}

async fn show_cluster(State(member): State<Arc<Member>>) -> Answer {
    let members: serde_json::Map<_, _> =
        member.members().into_iter().map(|(id, node)| (id.to_string(), json!(node.addr))).collect();
    let accounts: serde_json::Map<_, _> =
        member.accounts().into_iter().map(|(name, account)| (name, group_json(&account.group))).collect();
    Ok(Json(json!({
        "member": member.peers.own(),
        "members": members,
        "directory": group_json(&member.directory),
        "accounts": accounts,
    })))
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
        "members": metrics.membership_config.membership().voter_ids().collect::<Vec<_>>(),
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
        return Err(bad(&"an account's name has 3 to 24 letters and digits"));
    }
    let name = name.to_ascii_lowercase();
    let NewAccount { key, url } = if body.is_empty() {
        NewAccount::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| bad(&error))?
    };
    member.directory.catch_up().await.map_err(refusal)?;
    let known = member.directory.shared.read().state.accounts.get(&name).cloned();
    let key = match key.or_else(|| known.as_ref().map(|known| known.key.clone())) {
        Some(key) => key,
        None => new_key().map_err(|why| (StatusCode::INTERNAL_SERVER_ERROR, why))?,
    };
    SharedKey::new(&name, &key).map_err(|error| bad(&error))?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let url = url.or_else(|| known.map(|known| known.url));
    let url = url.unwrap_or_else(|| format!("http://{host}/accounts/{name}"));
    let created = member.create_account(&name, key.clone(), url.clone()).await.map_err(refusal)?;
    match created {
        Created::New | Created::Same => {}
        Created::Other => return Err((StatusCode::CONFLICT, "there is an account of this name\n".into())),
    }
    let until = Instant::now() + PATIENCE;
    while member.account(&name).is_none_or(|account| account.group.leader().is_none()) {
        if Instant::now() > until {
            return Err((StatusCode::SERVICE_UNAVAILABLE, "it is created, but has no leader yet\n".into()));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(Json(json!({ "account": name, "key": key, "url": url })))
}

/// A key that nobody can guess: digits in base 16 are base64 too.
fn new_key() -> Result<String, String> {
    let half = || Access::new_token().map_err(|error| error.to_string());
    Ok(half()? + &half()?)
}

fn find(member: &Member, name: &str) -> Result<Arc<AccountGroup>, Refusal> {
    let account = member.account(&name.to_ascii_lowercase());
    account.ok_or_else(|| unknown(member, name))
}

async fn show_account(State(member): State<Arc<Member>>, Path(name): Path<String>) -> Answer {
    Ok(Json(group_json(&find(&member, &name)?.group)))
}

/// Up to where this member has applied the log, and a hash of the account as it would be stored.
async fn show_replica(State(member): State<Arc<Member>>, Path(name): Path<String>) -> Answer {
    let account = find(&member, &name)?;
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

/// Lets this member try to become the leader of an account.
async fn lead(State(member): State<Arc<Member>>, Path(name): Path<String>) -> Answer {
    let account = find(&member, &name)?;
    let elected = account.group.raft.trigger().elect().await;
    elected.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")))?;
    show_account(State(member), Path(name)).await
}

async fn make_snapshot(State(member): State<Arc<Member>>, Path(name): Path<String>) -> Answer {
    let account = find(&member, &name)?;
    let made = account.group.raft.trigger().snapshot().await;
    made.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")))?;
    show_account(State(member), Path(name)).await
}

async fn report_event(
    State(member): State<Arc<Member>>,
    Path((name, node, event)): Path<(String, String, String)>,
) -> Answer {
    let account = find(&member, &name)?;
    let event =
        reported_event(&event).ok_or_else(|| (StatusCode::NOT_FOUND, format!("{REPORTED_EVENTS}\n")))?;
    let id = NodeId::new(&node).map_err(|_| (StatusCode::NOT_FOUND, format!("no node {node}\n")))?;
    let outcome = account.propose_by_leader(&Input::NodeEvent { node: id, event }).await.map_err(refusal)?;
    Ok(Json(json!({ "node": node, "changed": outcome == Outcome::Changed(true) })))
}

async fn add_member(State(member): State<Arc<Member>>, Json(new): Json<NewMember>) -> Answer {
    change_members(&member, &MemberChange::Add(new.id, BasicNode::new(new.address))).await
}

async fn remove_member(State(member): State<Arc<Member>>, Path(old): Path<MemberId>) -> Answer {
    change_members(&member, &MemberChange::Remove(old)).await
}

async fn change_members(member: &Arc<Member>, change: &MemberChange) -> Answer {
    member
        .change_members(change)
        .await
        .map_err(|why| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")))?;
    show_cluster(State(member.clone())).await
}

async fn cut(State(member): State<Arc<Member>>, Path(other): Path<MemberId>) -> Answer {
    member.peers.set_cut(other, true);
    Ok(Json(json!({ "member": member.peers.own(), "cut": other })))
}

async fn repair(State(member): State<Arc<Member>>, Path(other): Path<MemberId>) -> Answer {
    member.peers.set_cut(other, false);
    Ok(Json(json!({ "member": member.peers.own(), "repaired": other })))
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err passes")]
fn refusal(failure: Failure) -> Refusal {
    let status = match failure {
        Failure::NotDone(_) => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Unknown(_) => StatusCode::GATEWAY_TIMEOUT,
    };
    (status, format!("{failure}\n"))
}
