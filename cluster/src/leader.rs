//! What only the leader of an account does: it carries out instructions, and lets time pass.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use azbatch::{
    Account, Instruction, JobId, Node, NodeId, PoolId, Report, RunId, TimeSpan, Timestamp,
    node::{NodeEvent, NodeStateName},
    rest::Guid,
};
use azbatch_emulator::{
    machines::{Machines, Run},
    nodes::{ACTION_TIME, event_of},
    simulate::Simulation,
};
use tokio::{sync::mpsc::UnboundedReceiver, time::sleep};

use crate::{
    account::{AccountGroup, random},
    command::{Command, Happened, Input},
    replica::Replica,
};

/// How much is proposed at once.
const MAX_AT_ONCE: usize = 1000;
/// How long a leader that is not accepted waits before it asks again.
const RETRY: Duration = Duration::from_millis(50);

/// Leads the account whenever this member is its leader. Ends when the group is closed.
pub async fn work(account: Arc<AccountGroup>, mut events: UnboundedReceiver<Happened>, lag: TimeSpan) {
    let mut metrics = account.group.raft.metrics();
    loop {
        while !account.group.is_leader() {
            let open = tokio::select! {
                changed = metrics.changed() => changed.is_ok(),
                // Whoever leads carries it out.
                event = events.recv() => event.is_some(),
            };
            if !open {
                return;
            }
        }
        // From here on this member has all that leaders before it have done.
        if account.group.catch_up().await.is_ok() {
            lead(&account, &mut events, lag).await;
        } else {
            sleep(RETRY).await;
        }
    }
}

/// Leads until another member does.
async fn lead(account: &AccountGroup, events: &mut UnboundedReceiver<Happened>, lag: TimeSpan) {
    let mut metrics = account.group.raft.metrics();
    let vote = metrics.borrow().vote;
    let mut nodes = {
        let held = account.group.shared.read();
        // What was left to do up to here is among what is outstanding.
        while events.try_recv().is_ok() {}
        account.set_clock(held.state.instant);
        Nodes::take_over(&held.state, lag)
    };
    account.set_files(Some(nodes.simulation.files()));
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
                    nodes.tick_after(due.max(held.state.instant));
                }
            }
        }
        while let Ok(happened) = events.try_recv() {
            nodes.follow(&account.group.shared.read().state.account, happened);
        }
        let idle = nodes.next_due(now).map(|due| Duration::from(due.since(account.now())));
        tokio::select! {
            event = events.recv() => match event {
                Some(happened) => nodes.follow(&account.group.shared.read().state.account, happened),
                None => break,
            },
            changed = metrics.changed() => if changed.is_err() { break },
            () = sleep(idle.unwrap_or(Duration::from_secs(3600))) => {}
        }
    }
    account.set_files(None);
}

/// The simulated nodes of an account, as its leader has them. Nothing of this is replicated: what must be known of a
/// run to continue it is in the account.
struct Nodes {
    simulation: Simulation,
    /// What will happen to nodes, by time; the number keeps what happens at one instant in order.
    pending: BTreeMap<(Timestamp, u64), Input>,
    last_number: u64,
    /// When the service ticks and schedules next.
    next_tick: Option<Timestamp>,
    /// How late the service's own transitions happen.
    lag: TimeSpan,
    /// Nodes that do not answer, with what is not delivered.
    out_of_reach: BTreeMap<NodeId, Undelivered>,
}

#[derive(Default)]
struct Undelivered {
    reports: Vec<Report>,
    instructions: Vec<ToNode>,
}

/// An instruction on its way to a node.
enum ToNode {
    Run(RunId),
    Stop(RunId),
}

impl Nodes {
    /// Delivers again all that is outstanding. A run that has started continues.
    fn take_over(replica: &Replica, lag: TimeSpan) -> Self {
        let Replica { instant, account } = replica;
        let silent = account.nodes().filter(|node| is_silent(node));
        let mut nodes = Self {
            simulation: Simulation::default(),
            pending: BTreeMap::new(),
            last_number: 0,
            next_tick: Some(instant.saturating_add(lag)),
            lag,
            out_of_reach: silent.map(|node| (node.id().clone(), Undelivered::default())).collect(),
        };
        for instruction in account.outstanding() {
            nodes.carry_out(account, instruction, *instant);
        }
        nodes
    }

    fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let pending = self.pending.keys().next().map(|(due, _)| *due);
        [self.simulation.next_due(now), pending, self.next_tick].into_iter().flatten().min()
    }

    /// What happens by now.
    fn take_due(&mut self, now: Timestamp) -> Vec<Input> {
        let mut due = Vec::new();
        while due.len() < MAX_AT_ONCE {
            let Some(report) = self.simulation.take_due(now) else { break };
            match self.out_of_reach.get_mut(&report.run.node) {
                Some(undelivered) => undelivered.reports.push(report),
                None => due.push(Input::Report(report)),
            }
        }
        while let Some(event) = self.pending.first_entry().filter(|event| event.key().0 <= now) {
            due.push(event.remove());
        }
        if self.next_tick.is_some_and(|tick| tick <= now) {
            self.next_tick = None;
            due.push(Input::Tick);
        }
        due
    }

    /// Plans a tick for what is due at this instant, later by the lag.
    fn tick_after(&mut self, due: Timestamp) {
        let tick = due.saturating_add(self.lag);
        self.next_tick = Some(self.next_tick.map_or(tick, |earlier| earlier.min(tick)));
    }

    /// Does what a command has left to do.
    fn follow(&mut self, account: &Account, happened: Happened) {
        let Happened { at, to_node, instructions } = happened;
        self.tick_after(at);
        if let Some((node, event)) = &to_node {
            self.before_event(node, *event);
        }
        for instruction in instructions {
            self.carry_out(account, instruction, at);
        }
        if let Some((node, event)) = to_node {
            self.after_event(account, &node, event, at);
        }
    }

    /// Ends what runs on a node that is not as it was.
    fn before_event(&mut self, node: &NodeId, event: NodeEvent) {
        match event {
            NodeEvent::Lost | NodeEvent::Unusable | NodeEvent::Returned => return,
            NodeEvent::Rebooted => self.simulation.wipe(node),
            NodeEvent::Reimaged
            | NodeEvent::Removed
            | NodeEvent::Preempted
            | NodeEvent::Deallocated
            | NodeEvent::Started => {
                self.simulation.wipe(node);
                self.simulation.erase(node);
            }
        }
        self.out_of_reach.remove(node);
    }

    fn after_event(&mut self, account: &Account, node: &NodeId, event: NodeEvent, at: Timestamp) {
        match event {
            NodeEvent::Lost | NodeEvent::Unusable => drop(self.out_of_reach.entry(node.clone()).or_default()),
            NodeEvent::Returned => {
                let Undelivered { reports, instructions } =
                    self.out_of_reach.remove(node).unwrap_or_default();
                for report in reports {
                    self.later(at, Input::Report(report));
                }
                for instruction in instructions {
                    self.deliver(account, instruction, at);
                }
            }
            NodeEvent::Rebooted
            | NodeEvent::Reimaged
            | NodeEvent::Removed
            | NodeEvent::Preempted
            | NodeEvent::Deallocated
            | NodeEvent::Started => {}
        }
    }

    fn carry_out(&mut self, account: &Account, instruction: Instruction, at: Timestamp) {
        let soon = at.saturating_add(self.lag);
        match instruction {
            Instruction::Run(run) => self.send(account, ToNode::Run(run), at),
            Instruction::Stop { run, .. } => self.send(account, ToNode::Stop(run), at),
            Instruction::AddPool { job } => self.add_pool(job, soon),
            Instruction::AddNodes { pool, nodes } => {
                for number in 0..nodes.total() {
                    self.add_node(pool.clone(), number < nodes.dedicated, soon);
                }
            }
            Instruction::Act { node, action } => {
                let event = event_of(action);
                self.later(at.saturating_add(ACTION_TIME), Input::NodeEvent { node, event });
            }
        }
    }

    fn add_pool(&mut self, job: JobId, at: Timestamp) {
        let unique = Guid::from_u128(random()).as_str().to_ascii_uppercase();
        self.later(at, Input::AddPool { job, unique });
    }

    fn add_node(&mut self, pool: PoolId, dedicated: bool, at: Timestamp) {
        self.later(at, Input::AddNode { pool, dedicated });
    }

    fn later(&mut self, due: Timestamp, input: Input) {
        self.last_number += 1;
        self.pending.insert((due, self.last_number), input);
    }

    /// Sends an instruction to a node. It does not reach a node that does not answer, except for a run that had
    /// started there under an earlier leader: it continues.
    fn send(&mut self, account: &Account, instruction: ToNode, at: Timestamp) {
        let (ToNode::Run(run) | ToNode::Stop(run)) = &instruction;
        let continues = matches!(instruction, ToNode::Run(_))
            && account.run_specification(run).is_some_and(|run| run.start_time.is_some());
        match self.out_of_reach.get_mut(&run.node) {
            Some(undelivered) if !continues => undelivered.instructions.push(instruction),
            Some(_) | None => self.deliver(account, instruction, at),
        }
    }

    fn deliver(&mut self, account: &Account, instruction: ToNode, at: Timestamp) {
        match instruction {
            ToNode::Stop(run) => self.simulation.stop(&run, at),
            ToNode::Run(run) => {
                if let Some(run) = Run::find(account, &run) {
                    self.simulation.run(&run, at);
                }
            }
        }
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
