//! The nodes of an account, as their host has them: what runs on them, what will happen to them, and what is on its way to
//! those that do not answer. Nothing here is stored. What must be known to continue is in the account, and which nodes do
//! not answer.

use std::{collections::BTreeMap, sync::Arc};

use azbatch::{
    Account, Instruction, JobId, NodeId, PoolId, Report, RunId, TimeSpan, Timestamp, node::NodeEvent,
};
use tokio::task::JoinHandle;

use crate::{
    files::Files,
    machines::{Machines, Run},
    nodes::{ACTION_TIME, event_of},
    store::Ticket,
};

/// All nodes of an account.
pub struct Fleet {
    machines: Box<dyn Machines>,
    /// What will happen, by time; the number keeps what happens at one instant in order.
    pending: BTreeMap<(Timestamp, u64), Due>,
    last_number: u64,
    /// When the service ticks and schedules next.
    next_tick: Option<Timestamp>,
    /// How late the service's own transitions happen.
    lag: TimeSpan,
    /// Nodes that do not answer, with what is not delivered.
    out_of_reach: BTreeMap<NodeId, Undelivered>,
}

/// Something that is due. The host has it happen to the account.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields are what their types say")]
pub enum Due {
    /// A node reports.
    Report(Report),
    /// Something has happened to a node.
    NodeEvent { node: NodeId, event: NodeEvent },
    /// A node for a pool has been made.
    AddNode { pool: PoolId, dedicated: bool },
    /// The pool that a job asks for can be made.
    AddPool { job: JobId },
    /// The service makes its own moves, then runs its scheduler.
    Tick,
}

/// What a node that does not answer has to say, and is to be told.
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

impl Fleet {
    /// Nodes on these machines, at an instant. The first tick is soon after it.
    pub fn new(
        machines: Box<dyn Machines>,
        lag: TimeSpan,
        instant: Timestamp,
        out_of_reach: impl IntoIterator<Item = NodeId>,
    ) -> Self {
        Self {
            machines,
            pending: BTreeMap::new(),
            last_number: 0,
            next_tick: Some(instant.saturating_add(lag)),
            lag,
            out_of_reach: out_of_reach.into_iter().map(|node| (node, Undelivered::default())).collect(),
        }
    }

    /// When something is due next.
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let pending = self.pending.keys().next().map(|(due, _)| *due);
        [self.machines.next_due(now), pending, self.next_tick].into_iter().flatten().min()
    }

    /// What is due by now, one after the other; `None` if nothing is, or only reports of nodes that do not answer.
    pub fn take_due(&mut self, now: Timestamp) -> Option<Due> {
        while let Some(report) = self.machines.take_due(now) {
            match self.out_of_reach.get_mut(&report.run.node) {
                Some(undelivered) => undelivered.reports.push(report),
                None => return Some(Due::Report(report)),
            }
        }
        if let Some(due) = self.pending.first_entry().filter(|due| due.key().0 <= now) {
            return Some(due.remove());
        }
        self.next_tick.take_if(|tick| *tick <= now).map(|_| Due::Tick)
    }

    /// Plans a tick for what is due at this instant, later by the lag.
    pub fn tick_after(&mut self, due: Timestamp) {
        let tick = due.saturating_add(self.lag);
        self.next_tick = Some(self.next_tick.map_or(tick, |earlier| earlier.min(tick)));
    }

    /// Carries out an instruction, or begins to.
    pub fn carry_out(&mut self, account: &Account, instruction: Instruction, at: Timestamp) {
        let soon = at.saturating_add(self.lag);
        match instruction {
            Instruction::Run(run) => self.send(account, ToNode::Run(run), at),
            Instruction::Stop { run, .. } => self.send(account, ToNode::Stop(run), at),
            Instruction::AddPool { job } => self.later(soon, Due::AddPool { job }),
            Instruction::AddNodes { pool, nodes } => {
                for number in 0..nodes.total() {
                    let dedicated = number < nodes.dedicated;
                    self.later(soon, Due::AddNode { pool: pool.clone(), dedicated });
                }
            }
            Instruction::Act { node, action } => {
                let event = event_of(action);
                self.later(at.saturating_add(ACTION_TIME), Due::NodeEvent { node, event });
            }
        }
    }

    fn later(&mut self, due: Timestamp, what: Due) {
        self.last_number += 1;
        self.pending.insert((due, self.last_number), what);
    }

    /// Sends an instruction to a node. It does not reach a node that does not answer, except for a run that had
    /// started there before the host itself was: it continues.
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
            ToNode::Stop(run) => self.machines.stop(&run, at),
            ToNode::Run(run) => {
                if let Some(run) = Run::find(account, &run) {
                    self.machines.run(&run, at);
                }
            }
        }
    }

    /// Ends what runs on a node that is not as it was, before what the event leaves to do is carried out.
    pub fn before_event(&mut self, node: &NodeId, event: NodeEvent) {
        match event {
            NodeEvent::Lost | NodeEvent::Unusable | NodeEvent::Returned => return,
            NodeEvent::Rebooted => self.machines.wipe(node),
            NodeEvent::Reimaged
            | NodeEvent::Removed
            | NodeEvent::Preempted
            | NodeEvent::Deallocated
            | NodeEvent::Started => {
                self.machines.wipe(node);
                self.machines.erase(node);
            }
        }
        self.out_of_reach.remove(node);
    }

    /// Cuts a node off, or connects it again, after what the event leaves to do has been carried out. What a node reports
    /// that has returned is due at once.
    pub fn after_event(&mut self, account: &Account, node: &NodeId, event: NodeEvent, at: Timestamp) {
        match event {
            NodeEvent::Lost | NodeEvent::Unusable => drop(self.out_of_reach.entry(node.clone()).or_default()),
            NodeEvent::Returned => {
                let Undelivered { reports, instructions } =
                    self.out_of_reach.remove(node).unwrap_or_default();
                for report in reports {
                    self.later(at, Due::Report(report));
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

    /// The nodes that do not answer.
    pub fn out_of_reach(&self) -> impl Iterator<Item = &NodeId> {
        self.out_of_reach.keys()
    }

    /// How many reports and instructions are not delivered because the node does not answer; `None` if it does.
    pub fn undelivered(&self, node: &NodeId) -> Option<(usize, usize)> {
        let undelivered = self.out_of_reach.get(node)?;
        Some((undelivered.reports.len(), undelivered.instructions.len()))
    }

    /// What the machine of a node has now, whether or not the node answers.
    pub fn runs_on(&self, node: &NodeId) -> Vec<RunId> {
        self.machines.runs_on(node)
    }

    /// The files of all nodes.
    pub fn files(&self) -> Arc<dyn Files> {
        self.machines.files()
    }

    /// See [`Machines::hold`].
    pub fn hold(&mut self, until: Ticket) {
        self.machines.hold(until);
    }

    /// Forgets what will happen, and ends what runs, without reports. The tasks are to be waited for.
    pub fn close(&mut self) -> Vec<JoinHandle<()>> {
        self.pending.clear();
        self.machines.close()
    }
}
