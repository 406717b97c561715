//! Requests for accounts that are on other members. Any member takes them, and passes them on.

use std::sync::Arc;

use azbatch::{Clock as _, ErrorCode, SystemClock, rest::OwnedRequest};
use openraft::BasicNode;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Duration, Instant, sleep};

use crate::{
    account::{AccountGroup, Asked, refuse},
    command::{Answer, Input, Outcome},
    directory::{AccountEntry, AccountId},
    group::{Failure, PATIENCE, RETRY},
    network::Topic,
    node::{Member, Place},
    placement::preferred_leader,
    raft::MemberId,
};

/// How long another member has to answer. It waits for a leader, and then for the leader's answer.
const RELAY_TIME: Duration = Duration::from_secs(25);
/// How long it has if another one can be asked instead.
const REPEATABLE_TIME: Duration = Duration::from_secs(3);

/// Why an account has no answer.
pub enum NoAccount {
    /// No account has this name.
    Nowhere,
    /// This member does not know yet which accounts there are.
    Unknown,
}

/// Answers a request for an account, wherever it is.
///
/// # Errors
/// There is no such account.
pub async fn answer(member: &Member, name: &str, asked: Asked) -> Result<Answer, NoAccount> {
    // Reading twice does no harm.
    let repeatable = matches!(asked.request.method.as_str(), "GET" | "HEAD");
    match wherever(member, name, repeatable, Topic::Client, &asked).await {
        Ok(Wherever::Here(account)) => Ok(account.answer(asked).await),
        Ok(Wherever::Elsewhere(answer)) => Ok(answer),
        Err(Unanswered::NoAccount(why)) => Err(why),
        Err(Unanswered::Failed(failure)) => refuse_by(member, name, &asked.request, failure.code()),
    }
}

/// Refuses a request for an account, wherever it is.
///
/// # Errors
/// There is no such account.
pub fn refuse_by(
    member: &Member,
    name: &str,
    request: &OwnedRequest,
    code: ErrorCode,
) -> Result<Answer, NoAccount> {
    let (url, at) = match member.find(name) {
        Place::Here(account) => (account.url().to_owned(), account.read_time()),
        Place::Elsewhere(entry) => (entry.url, SystemClock.now()),
        Place::Nowhere => return Err(NoAccount::Nowhere),
        Place::Unknown => return Err(NoAccount::Unknown),
    };
    Ok(request.with(|request| refuse(&url, request, code, at)))
}

/// Why something was not done for an account.
pub enum Unanswered {
    NoAccount(NoAccount),
    Failed(Failure),
}

/// Applies an input to an account, wherever it is.
///
/// # Errors
/// There is no such account, or as [`Group::propose`](crate::group::Group::propose).
pub async fn propose(member: &Member, name: &str, input: &Input) -> Result<Outcome, Unanswered> {
    match wherever(member, name, false, Topic::Tell, input).await? {
        Wherever::Here(account) => account.propose_by_leader(input).await.map_err(Unanswered::Failed),
        Wherever::Elsewhere(outcome) => Ok(outcome),
    }
}

/// An account that is here, or what a member has answered that has it.
enum Wherever<T> {
    Here(Arc<AccountGroup>),
    Elsewhere(T),
}

/// Finds an account. If it is not here, one of the members that have it is asked.
async fn wherever<T: DeserializeOwned>(
    member: &Member,
    name: &str,
    repeatable: bool,
    topic: Topic,
    message: &impl Serialize,
) -> Result<Wherever<T>, Unanswered> {
    let until = Instant::now() + PATIENCE;
    loop {
        let entry = match member.find(name) {
            Place::Here(account) => return Ok(Wherever::Here(account)),
            Place::Elsewhere(entry) => entry,
            Place::Nowhere => {
                // It may have been created at another member just now.
                let caught_up = member.directory.catch_up().await;
                caught_up.map_err(|_| Unanswered::NoAccount(NoAccount::Unknown))?;
                match member.entry(name) {
                    Some(entry) => entry,
                    None => return Err(Unanswered::NoAccount(NoAccount::Nowhere)),
                }
            }
            Place::Unknown => return Err(Unanswered::NoAccount(NoAccount::Unknown)),
        };
        match ask_members(member, name, &entry, repeatable, topic, message).await {
            Err(Failure::NotDone(_)) if Instant::now() < until => sleep(RETRY).await,
            done => return done.map(Wherever::Elsewhere).map_err(Unanswered::Failed),
        }
    }
}

/// Asks the members that have an account, one after the other, until one answers.
async fn ask_members<T: DeserializeOwned>(
    member: &Member,
    name: &str,
    entry: &AccountEntry,
    repeatable: bool,
    topic: Topic,
    message: &impl Serialize,
) -> Result<T, Failure> {
    let group = AccountId { name: name.into(), number: entry.number }.group();
    let mut failure = Failure::NotDone("no member that has the account is known".into());
    let within = if repeatable { REPEATABLE_TIME } else { RELAY_TIME };
    for (id, node) in holders(member, name, entry) {
        let asked = member.context.peers.ask::<Result<T, Failure>>(id, &node, &group, topic, message, within);
        match asked.await.unwrap_or_else(|error| Err(error.into())) {
            Err(Failure::Unknown(why)) if !repeatable => return Err(Failure::Unknown(why)),
            Err(Failure::Unknown(why) | Failure::NotDone(why)) => failure = Failure::NotDone(why),
            Ok(answer) => return Ok(answer),
        }
    }
    Err(failure)
}

/// The other members that have an account. Last come those that have not answered lately, first the one that is most
/// likely to lead it.
fn holders(member: &Member, name: &str, entry: &AccountEntry) -> Vec<(MemberId, BasicNode)> {
    let on = entry.placement.members();
    let first = preferred_leader(name, entry.placement.goal());
    let known = member.members();
    let others = on.iter().filter(|id| **id != member.settings.id);
    let mut holders: Vec<_> = others.filter_map(|id| Some((*id, known.get(id)?.clone()))).collect();
    holders.sort_by_key(|(id, _)| (member.context.peers.is_silent(*id), Some(*id) != first));
    holders
}
