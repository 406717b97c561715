//! What only the leader of an account does: it carries out instructions, and lets time pass.

use std::{iter, sync::Arc, time::Duration};

use azbatch::{Node, TimeSpan, Timestamp, node::NodeStateName};
use azbatch_emulator::{
    fleet::{Due, Fleet},
    nodes::unique_name,
    simulate::Simulation,
};
use openraft::Vote;
use tokio::{sync::mpsc::UnboundedReceiver, task::spawn_blocking, time::sleep};

use crate::{
    account::AccountGroup,
    command::{Command, Happened, Input},
    machine::Held,
    raft::MemberId,
    replica::Replica,
    trace::{Begun, Noted, Trace},
};

/// How much is proposed at once.
const MAX_AT_ONCE: usize = 1000;
/// How long a leader that is not accepted waits before it asks again.
const RETRY: Duration = Duration::from_millis(50);

/// What the log of an account has left to do, entry by entry.
pub struct Events {
    pub receiver: UnboundedReceiver<(u64, Happened)>,
    pub trace: Trace,
}

impl Events {
    /// `None` when the group is closed.
    async fn next(&mut self) -> Option<Happened> {
        let (index, happened) = self.receiver.recv().await?;
        self.trace.known(index, &happened);
        Some(happened)
    }

    /// `None` when nothing waits.
    fn take(&mut self) -> Option<Happened> {
        let (index, happened) = self.receiver.try_recv().ok()?;
        self.trace.known(index, &happened);
        Some(happened)
    }
}

/// Leads the account whenever this member is its leader. Ends when the group is closed.
pub async fn work(account: Arc<AccountGroup>, mut events: Events, lag: TimeSpan) {
    let mut metrics = account.group.raft.metrics();
    loop {
        while !account.group.is_leader() {
            let open = tokio::select! {
                changed = metrics.changed() => changed.is_ok(),
                // Whoever leads carries it out.
                event = events.next() => event.is_some(),
            };
            if !open {
                return;
            }
        }
        let vote = metrics.borrow().vote;
        // After this, the member has all that leaders before it have done, though another one may lead by now.
        if account.group.catch_up().await.is_ok() && metrics.borrow().vote == vote {
            lead(&account, &mut events, vote, lag).await;
        } else {
            sleep(RETRY).await;
        }
    }
}

/// Leads until another member does, which was elected with another vote.
async fn lead(account: &AccountGroup, events: &mut Events, vote: Vote<MemberId>, lag: TimeSpan) {
    let mut metrics = account.group.raft.metrics();
    let (mut nodes, before) = {
        let held = account.group.shared.read();
        // What was left to do up to here is among what is outstanding.
        while events.take().is_some() {}
        account.set_clock(held.state.instant);
        (Nodes::take_over(&held, lag, &events.trace), held.state.account.clone())
    };
    let files = nodes.fleet.files();
    // With many tasks this takes a while. Requests for files wait for it, and nothing else.
    let mut restored = Some(spawn_blocking(move || {
        files.restore(&before);
        files
    }));
    while account.group.is_leader() && metrics.borrow().vote == vote {
        let now = account.now();
        let due = nodes.take_due(now);
        if !due.is_empty() {
            let commands: Vec<Command> = due.into_iter().map(|input| Command { at: now, input }).collect();
            if account.group.propose_all(&commands).await.is_err() {
                break;
            }
            if commands.iter().any(|command| command.input == Input::Tick) {
                let held = account.group.shared.read();
                if let Some(due) = held.state.account.deadline() {
                    nodes.fleet.tick_after(due.max(held.state.instant));
                }
            }
        }
        while let Some(happened) = events.take() {
            nodes.follow(&account.group.shared.read(), happened);
        }
        let idle = nodes.fleet.next_due(now).map(|due| Duration::from(due.since(account.now())));
        tokio::select! {
            event = events.next() => match event {
                Some(happened) => nodes.follow(&account.group.shared.read(), happened),
                None => break,
            },
            changed = metrics.changed() => if changed.is_err() { break },
            files = async { restored.as_mut()?.await.ok() }, if restored.is_some() => {
                account.set_files(files);
                restored = None;
            },
            () = sleep(idle.unwrap_or(Duration::from_secs(3600))) => {}
        }
    }
    account.set_files(None);
}

/// The simulated nodes of an account, as its leader has them. Nothing of this is replicated: what must be known of a
/// run to continue it is in the account.
struct Nodes {
    fleet: Fleet,
    begun: Begun,
    trace: Trace,
}

impl Nodes {
    /// Delivers again all that is outstanding. A run that has started continues.
    fn take_over(held: &Held<Replica>, lag: TimeSpan, trace: &Trace) -> Self {
        let Replica { instant, account } = &held.state;
        let silent = account.nodes().filter(|node| is_silent(node)).map(|node| node.id().clone());
        let begun = Begun::default();
        let machines = Noted::new(Simulation::default(), begun.clone());
        let fleet = Fleet::new(Box::new(machines), lag, *instant, silent);
        let mut nodes = Self { fleet, begun, trace: trace.clone() };
        trace.leads(index(held));
        for instruction in account.outstanding() {
            nodes.fleet.carry_out(account, instruction, *instant);
        }
        nodes.note(held);
        nodes
    }

    /// What happens by now.
    fn take_due(&mut self, now: Timestamp) -> Vec<Input> {
        let due = iter::from_fn(|| self.fleet.take_due(now)).take(MAX_AT_ONCE);
        due.map(input).collect()
    }

    /// Does what a command has left to do.
    fn follow(&mut self, held: &Held<Replica>, happened: Happened) {
        let account = &held.state.account;
        let Happened { at, to_node, instructions, facts: _ } = happened;
        self.fleet.tick_after(at);
        if let Some((node, event)) = &to_node {
            self.fleet.before_event(node, *event);
        }
        for instruction in instructions {
            self.fleet.carry_out(account, instruction, at);
        }
        if let Some((node, event)) = to_node {
            self.fleet.after_event(account, &node, event, at);
        }
        self.note(held);
    }

    fn note(&self, held: &Held<Replica>) {
        self.trace.begun(index(held), &self.begun.take());
    }
}

/// Up to where the log is applied.
fn index(held: &Held<Replica>) -> u64 {
    held.last_applied.map_or(0, |log_id| log_id.index)
}

/// What is replicated for something that is due.
fn input(due: Due) -> Input {
    match due {
        Due::Report(report) => Input::Report(report),
        Due::NodeEvent { node, event } => Input::NodeEvent { node, event },
        Due::AddNode { pool, dedicated } => Input::AddNode { pool, dedicated },
        Due::AddPool { job } => Input::AddPool { job, unique: unique_name() },
        Due::Tick => Input::Tick,
    }
}

/// Whether a node does not answer.
fn is_silent(node: &Node) -> bool {
    match node.state_name() {
        NodeStateName::Unknown | NodeStateName::Unusable => true,
        NodeStateName::Idle
        | NodeStateName::Running
        | NodeStateName::Offline
        | NodeStateName::Rebooting
        | NodeStateName::Reimaging
        | NodeStateName::Deallocating
        | NodeStateName::Deallocated
        | NodeStateName::Starting
        | NodeStateName::LeavingPool
        | NodeStateName::Preempted => false,
    }
}

#[cfg(test)]
mod tests;
