//! What other members ask of this one.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use openraft::{Snapshot, error::RaftError};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    account::AccountGroup,
    group::{Failure, Group},
    machine::Replicated,
    network::{SENDER, SnapshotMessage, Topic},
    node::{DIRECTORY, Member},
    raft::{MemberId, decode, encode},
};

/// An encoded answer, or the refusal.
type Answered = Result<Vec<u8>, (StatusCode, String)>;

pub fn routes() -> Router<Arc<Member>> {
    Router::new().route("/peer/{group}/{topic}", post(answer))
}

async fn answer(
    State(member): State<Arc<Member>>,
    Path((group, topic)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let sender = headers.get(SENDER).and_then(|sender| sender.to_str().ok()?.parse::<MemberId>().ok());
    if sender.is_none_or(|sender| member.context.peers.is_cut(sender)) {
        return (StatusCode::SERVICE_UNAVAILABLE, "the network is cut").into_response();
    }
    let (Some(topic), Ok(body)) = (Topic::parse(&topic), to_bytes(body, usize::MAX).await) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let answered = if group == DIRECTORY {
        of_directory(&member.directory, topic, &body).await
    } else if let Some(account) = member.account_of_group(&group) {
        of_account(&account, topic, &body).await
    } else {
        Err((StatusCode::NOT_FOUND, format!("this member has no group {group}")))
    };
    answered.into_response()
}

async fn of_directory(group: &Group<crate::directory::Directory>, topic: Topic, body: &[u8]) -> Answered {
    match topic {
        Topic::Propose => written(&group.propose(&read(body)?).await),
        Topic::Client | Topic::Request | Topic::Tell => {
            Err((StatusCode::NOT_FOUND, "the directory is no account".into()))
        }
        Topic::Append
        | Topic::Vote
        | Topic::Snapshot
        | Topic::ReadIndex
        | Topic::Members
        | Topic::HandOver => of_group(group, topic, body).await,
    }
}

async fn of_account(account: &AccountGroup, topic: Topic, body: &[u8]) -> Answered {
    match topic {
        Topic::Client | Topic::Tell if !account.has_begun() => {
            Err((StatusCode::NOT_FOUND, "this member does not have the account yet".into()))
        }
        Topic::Client => written(&Ok::<_, Failure>(account.answer(read(body)?).await)),
        Topic::Tell => written(&account.propose_by_leader(&read(body)?).await),
        Topic::Propose => written(&account.propose(read(body)?).await),
        Topic::Request => written(&account.answer_as_leader(read(body)?).await),
        Topic::Append
        | Topic::Vote
        | Topic::Snapshot
        | Topic::ReadIndex
        | Topic::Members
        | Topic::HandOver => of_group(&account.group, topic, body).await,
    }
}

/// What is the same for all groups.
async fn of_group<S: Replicated>(group: &Group<S>, topic: Topic, body: &[u8]) -> Answered {
    match topic {
        Topic::Append => of_raft(group.raft.append_entries(read(body)?).await),
        Topic::Vote => of_raft(group.vote(read(body)?).await),
        Topic::Snapshot => {
            let SnapshotMessage { vote, meta, stored } = read(body)?;
            let snapshot = Snapshot { meta, snapshot: Box::new(stored.0.to_vec()) };
            of_raft(group.raft.install_full_snapshot(vote, snapshot).await.map_err(RaftError::from))
        }
        Topic::ReadIndex => written(&group.read_index().await),
        Topic::Members => written(&group.change_members(&read(body)?).await),
        Topic::HandOver => written(&group.hand_over(read(body)?)),
        Topic::Client | Topic::Request | Topic::Tell | Topic::Propose => {
            Err((StatusCode::NOT_FOUND, "it is answered elsewhere".into()))
        }
    }
}

fn of_raft<T: Serialize>(answer: Result<T, RaftError<MemberId>>) -> Answered {
    written(&answer.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, (StatusCode, String)> {
    decode(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

fn written(answer: &impl Serialize) -> Answered {
    encode(answer).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
