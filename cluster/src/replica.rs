//! An account as each member has it: a state machine that applies commands. It reads no clock and chooses nothing, so
//! the same commands make the same account everywhere.

use azbatch::{
    Account, Effect, Job, JobId, PoolId, Timestamp,
    rest::{self, OwnedRequest},
};
use azbatch_emulator::nodes::{REMOTE_LOGIN, next_node};
use serde::{Deserialize, Serialize};

use crate::{
    command::{Answer, Command, Happened, Input, Outcome},
    machine::{Applied, Replicated},
};

/// An account, and the instant of the latest command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replica {
    pub instant: Timestamp,
    pub account: Account,
}

impl Replicated for Replica {
    type Command = Command;
    type Outcome = Outcome;
    type Event = Happened;

    fn apply(&mut self, command: Command) -> Applied<Self> {
        let Command { at: proposed, input } = command;
        let at = self.instant.max(proposed);
        self.instant = at;
        match input {
            Input::Request(request) => self.answer(&later(request, proposed, at), at),
            Input::Report(report) => changed(at, self.account.report(&report, at)),
            Input::NodeEvent { node, event } => {
                let effects = self.account.node_event(&node, event, at);
                // What changed nothing did not happen: a start that ends after the node was rebooted, for example.
                let to_node = (!effects.is_empty()).then_some((node, event));
                let mut applied = changed(at, effects);
                if let Some(happened) = &mut applied.event {
                    happened.to_node = to_node;
                }
                applied
            }
            Input::AddNode { pool, dedicated } => changed(at, self.add_node(&pool, dedicated)),
            Input::AddPool { job, unique } => changed(at, self.add_pool(&job, &unique)),
            Input::Tick => {
                let mut effects = self.account.tick(at);
                effects.extend(self.account.schedule(at));
                changed(at, effects)
            }
        }
    }

    fn store(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|error| error.to_string())
    }

    fn restore(stored: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(stored).map_err(|error| error.to_string())
    }
}

impl Replica {
    /// A new account with this URL.
    pub fn new(url: &str) -> Self {
        Self { instant: Timestamp::MIN, account: Account::new(url) }
    }

    fn answer(&mut self, request: &OwnedRequest, at: Timestamp) -> Applied<Self> {
        let answer = request.with(|request| rest::answer(&mut self.account, request, at));
        let event = happened(at, answer.effects);
        Applied { outcome: Outcome::Answer(Answer::new(answer.response, at)), event }
    }

    /// A node joins its pool, unless the pool has enough or no longer exists.
    fn add_node(&mut self, pool: &PoolId, dedicated: bool) -> Vec<Effect> {
        let Some(node) = next_node(&self.account, pool, dedicated) else { return Vec::new() };
        let Ok(mut effects) = self.account.add_node(pool, &node, self.instant) else { return Vec::new() };
        effects.extend(self.account.set_remote_login(&node, REMOTE_LOGIN));
        effects
    }

    /// Makes the pool that a job asks for, unless it no longer does.
    fn add_pool(&mut self, job: &JobId, unique: &str) -> Vec<Effect> {
        let wanted = self.account.job(job).and_then(Job::wanted_pool);
        let Some(Ok(pool)) = wanted.map(|wanted| wanted.pool_id(unique)) else { return Vec::new() };
        self.account.add_auto_pool(job, &pool, self.instant).unwrap_or_default()
    }
}

/// A request as if it had arrived later by as much as the account's time is ahead of the leader's clock, so that its
/// timeout is not over before it began.
fn later(mut request: OwnedRequest, proposed: Timestamp, at: Timestamp) -> OwnedRequest {
    let waited = proposed.since(request.received);
    let received = at.ticks().checked_sub(waited.ticks()).and_then(Timestamp::from_ticks);
    request.received = received.unwrap_or(at);
    request
}

fn changed(at: Timestamp, effects: Vec<Effect>) -> Applied<Replica> {
    Applied { outcome: Outcome::Changed(!effects.is_empty()), event: happened(at, effects) }
}

/// What effects leave to do, if there are any.
fn happened(at: Timestamp, effects: Vec<Effect>) -> Option<Happened> {
    if effects.is_empty() {
        return None;
    }
    let mut happened = Happened { at, to_node: None, instructions: Vec::new(), facts: Vec::new() };
    for effect in effects {
        match effect {
            Effect::Instruction(instruction) => happened.instructions.push(instruction),
            Effect::Fact(fact) => happened.facts.push(fact),
        }
    }
    Some(happened)
}

#[cfg(test)]
mod tests;
