//! The account, its clock and its nodes, moved by one hand at a time. Nothing here waits: whoever has
//! the lock on the world has it for a moment.

use std::{collections::BTreeMap, mem};

use azbatch::{
    Account, Clock, Effect, Instruction, Node, NodeId, PoolId, Report, RunId, TimeSpan, Timestamp,
    node::{NodeAction, NodeEvent, NodeStateName},
    pool::{AddPool, NodeCounts},
    rest::{self, Request, Response},
};

use crate::{
    clock::VirtualClock,
    guard::Guard,
    log::Log,
    machines::{Machines, Run},
    options::PoolOption,
    snapshot::Snapshot,
};

/// How long a node takes to restart, to be reimaged or to go.
const ACTION_TAKES: TimeSpan = TimeSpan::from_secs(2);

/// How many moves are made in one go before somebody else gets the lock.
const MOVES_IN_ONE_GO: usize = 10_000;

/// Everything that changes.
pub struct World {
    account: Account,
    clock: VirtualClock,
    machines: Box<dyn Machines>,
    guard: Guard,
    log: Log,
    /// How late the service's own moves happen.
    lag: TimeSpan,
    /// What the cloud is about to do, by when; the number keeps errands of one instant in order.
    errands: BTreeMap<(Timestamp, u64), Errand>,
    /// When the service looks next at what is due and at what can be scheduled.
    look_at: Option<Timestamp>,
    /// Nodes that do not answer, with what does not come through to and from them.
    out_of_reach: BTreeMap<NodeId, Withheld>,
    /// The latest instant at which anything happened.
    instant: Timestamp,
    numbers: u64,
}

/// Something that the cloud does to nodes.
enum Errand {
    AddNode { pool: PoolId, dedicated: bool },
    Tell { node: NodeId, event: NodeEvent },
}

#[derive(Default)]
struct Withheld {
    reports: Vec<Report>,
    orders: Vec<Order>,
}

/// An instruction on its way to a node.
enum Order {
    Run(RunId),
    Stop(RunId),
}

/// What a world is made of.
pub struct Parts {
    pub account: Account,
    pub clock: VirtualClock,
    pub machines: Box<dyn Machines>,
    pub guard: Guard,
    pub log: Log,
    pub lag: TimeSpan,
    pub out_of_reach: Vec<NodeId>,
}

impl World {
    /// Continues a stored account: what its nodes have not reported yet is asked of them again.
    pub fn new(parts: Parts) -> Self {
        let instant = parts.clock.now();
        let mut world = Self {
            account: parts.account,
            clock: parts.clock,
            machines: parts.machines,
            guard: parts.guard,
            log: parts.log,
            lag: parts.lag,
            errands: BTreeMap::new(),
            look_at: Some(instant.saturating_add(parts.lag)),
            out_of_reach: parts.out_of_reach.into_iter().map(|node| (node, Withheld::default())).collect(),
            instant,
            numbers: 0,
        };
        for instruction in world.account.outstanding() {
            world.log.line(format!("still outstanding: {instruction}"));
            world.carry_out(instruction, instant);
        }
        world
    }

    /// A pool that is there from the start, with its nodes.
    pub fn open_pool(&mut self, pool: &PoolOption) {
        let at = self.instant;
        let target = NodeCounts { dedicated: pool.nodes, low_priority: 0 };
        let specification = pool.specification().into();
        // A pool that came with a snapshot stays as it is.
        let Ok(effects) = self.account.add_pool(&AddPool { specification, target }, at) else { return };
        drop(effects); // They ask for the nodes that come now.
        for _ in 0..pool.nodes {
            self.add_node(&pool.id, true, at);
        }
        let moves = self.account.tick(at);
        self.settle(moves, at);
    }

    /// Answers a request.
    pub fn answer(&mut self, request: &Request<'_>) -> Response {
        self.catch_up();
        let at = self.instant;
        let request = Request { received: at, ..*request };
        let answer = self.guard.answer(&mut self.account, &request, at);
        let Response { status, reason, .. } = answer.response;
        self.log.request(at, request.method, request.target, status, reason);
        self.settle(answer.effects, at);
        answer.response
    }

    /// Refuses a request on the host's own account.
    pub fn refuse(&mut self, request: &Request<'_>, error: azbatch::ErrorCode) -> Response {
        self.catch_up();
        let response = rest::refuse(self.account.url(), &error.into(), request, self.instant);
        self.log.request(self.instant, request.method, request.target, response.status, response.reason);
        response
    }

    /// Makes every move that is due by now, each at its own time.
    pub fn catch_up(&mut self) {
        let now = self.clock.now();
        for _ in 0..MOVES_IN_ONE_GO {
            match self.next_due_from(now) {
                Some(due) if due <= now => {
                    self.instant = self.instant.max(due);
                    self.make_next_move(self.instant);
                }
                Some(_) | None => {
                    self.instant = self.instant.max(now);
                    return;
                }
            }
        }
    }

    /// When the next move is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.next_due_from(self.clock.now())
    }

    fn next_due_from(&self, now: Timestamp) -> Option<Timestamp> {
        let errand = self.errands.keys().next().map(|(due, _)| *due);
        [self.machines.next_due(now), errand, self.look_at].into_iter().flatten().min()
    }

    /// How long until the next move is due; `None` if only a request or a process can bring one.
    pub fn idle_time(&self) -> Option<std::time::Duration> {
        self.clock.wall_time_until(self.next_due()?)
    }

    fn make_next_move(&mut self, at: Timestamp) {
        if let Some(report) = self.machines.take_due(at) {
            match self.out_of_reach.get_mut(&report.run.node) {
                Some(withheld) => withheld.reports.push(report),
                None => self.report(&report, at),
            }
        } else if let Some(errand) = self.errands.first_entry().filter(|errand| errand.key().0 <= at) {
            match errand.remove() {
                Errand::AddNode { pool, dedicated } => self.add_node(&pool, dedicated, at),
                Errand::Tell { node, event } => self.happen(&node, event, at),
            }
        } else {
            self.look_around(at);
        }
    }

    /// The service's own moves, and its scheduler's. Both are late, and by as much.
    fn look_around(&mut self, at: Timestamp) {
        self.look_at = None;
        let moves = self.account.tick(at);
        self.settle(moves, at);
        let placements = self.account.schedule(at);
        self.settle(placements, at);
        if let Some(due) = self.account.deadline() {
            self.look_again(due.max(at));
        }
    }

    /// Looks around once the service has become aware of what is due now.
    fn look_again(&mut self, due: Timestamp) {
        let look_at = due.saturating_add(self.lag);
        self.look_at = Some(self.look_at.map_or(look_at, |earlier| earlier.min(look_at)));
    }

    fn report(&mut self, report: &Report, at: Timestamp) {
        let effects = self.account.report(report, at);
        self.settle(effects, at);
    }

    /// Something happens to a node, and to what runs there.
    fn happen(&mut self, node: &NodeId, event: NodeEvent, at: Timestamp) {
        let effects = self.account.node_event(node, event, at);
        match event {
            NodeEvent::Lost | NodeEvent::Unusable | NodeEvent::Returned => {}
            // No news, so it did not happen: a start that ends after the node was rebooted, for example.
            _ if effects.is_empty() => {}
            NodeEvent::Rebooted
            | NodeEvent::Reimaged
            | NodeEvent::Removed
            | NodeEvent::Preempted
            | NodeEvent::Deallocated
            | NodeEvent::Started => {
                self.machines.wipe(node);
                self.out_of_reach.remove(node);
            }
        }
        self.settle(effects, at);
        match event {
            NodeEvent::Lost | NodeEvent::Unusable => drop(self.out_of_reach.entry(node.clone()).or_default()),
            NodeEvent::Returned => self.return_to_reach(node, at),
            NodeEvent::Rebooted
            | NodeEvent::Reimaged
            | NodeEvent::Removed
            | NodeEvent::Preempted
            | NodeEvent::Deallocated
            | NodeEvent::Started => {}
        }
    }

    /// What the node had to say meanwhile comes first, then what it is told.
    fn return_to_reach(&mut self, node: &NodeId, at: Timestamp) {
        let withheld = self.out_of_reach.remove(node).unwrap_or_default();
        for report in &withheld.reports {
            self.report(report, at);
        }
        for order in withheld.orders {
            self.give(order, at);
        }
    }

    /// Writes effects down and does what they ask.
    fn settle(&mut self, effects: Vec<Effect>, at: Timestamp) {
        if !effects.is_empty() {
            self.look_again(at); // It sees what follows from the facts.
        }
        for effect in effects {
            self.log.effect(at, &effect);
            if let Effect::Instruction(instruction) = effect {
                self.carry_out(instruction, at);
            }
        }
    }

    fn carry_out(&mut self, instruction: Instruction, at: Timestamp) {
        match instruction {
            Instruction::Run(run) => self.order(Order::Run(run), at),
            Instruction::Stop { run, .. } => self.order(Order::Stop(run), at),
            Instruction::AddNodes { pool, nodes } => {
                for number in 0..nodes.total() {
                    let dedicated = number < nodes.dedicated;
                    self.plan(at.saturating_add(self.lag), Errand::AddNode { pool: pool.clone(), dedicated });
                }
            }
            Instruction::Act { node, action } => {
                let errand = Errand::Tell { node, event: outcome(action) };
                self.plan(at.saturating_add(ACTION_TAKES), errand);
            }
        }
    }

    fn plan(&mut self, due: Timestamp, errand: Errand) {
        self.numbers += 1;
        self.errands.insert((due, self.numbers), errand);
    }

    /// Sends an instruction to a node. It does not reach a node that does not answer, but what had been
    /// started there before the emulator itself was started anew runs on there.
    fn order(&mut self, order: Order, at: Timestamp) {
        let (Order::Run(run) | Order::Stop(run)) = &order;
        let runs_on = matches!(order, Order::Run(_))
            && self.account.run_specification(run).is_some_and(|run| run.start_time.is_some());
        match self.out_of_reach.get_mut(&run.node) {
            Some(withheld) if !runs_on => withheld.orders.push(order),
            Some(_) | None => self.give(order, at),
        }
    }

    fn give(&mut self, order: Order, at: Timestamp) {
        match order {
            Order::Stop(run) => self.machines.stop(&run, at),
            Order::Run(run) => {
                if let Some(run) = Run::find(&self.account, &run) {
                    self.machines.run(&run, at);
                }
            }
        }
    }

    /// A node joins its pool, unless the pool has enough or no longer exists.
    fn add_node(&mut self, pool: &PoolId, dedicated: bool, at: Timestamp) {
        let Some(found) = self.account.pool(pool) else { return };
        let (have, target) = (self.account.node_counts(pool), found.target());
        let wanted = if dedicated {
            have.dedicated < target.dedicated
        } else {
            have.low_priority < target.low_priority
        };
        let Some(node) = wanted.then(|| self.name(pool, dedicated)).flatten() else { return };
        let effects = self.account.add_node(pool, &node, at).unwrap_or_default();
        self.settle(effects, at);
    }

    /// A name of the service's form that no node has.
    fn name(&self, pool: &PoolId, dedicated: bool) -> Option<NodeId> {
        let kind = if dedicated { 'd' } else { 'p' };
        let names = (0_u64..).map(|number| {
            let hash = fnv(format!("{}/{number}", pool.as_str().to_ascii_lowercase()).as_bytes());
            NodeId::new(&format!("tvmps_{:016x}{:016x}_{kind}", hash, hash.wrapping_mul(hash | 1))).ok()
        });
        names.flatten().find(|name| self.account.node(name).is_none())
    }

    /// Something happens to a node because somebody wants to see what comes of it; `false` if there is
    /// no such node.
    pub fn node_event(&mut self, node: &NodeId, event: NodeEvent) -> bool {
        self.catch_up();
        let at = self.instant;
        let known = self.account.node(node).is_some();
        if known {
            self.log.line(format!("{at} node {node}: {event:?}"));
            self.happen(node, event, at);
        }
        known
    }

    /// What a node is doing, by its name on the wire.
    pub fn node_state(&self, node: &NodeId) -> Option<&'static str> {
        self.account.node(node).map(Node::state_name).map(NodeStateName::as_str)
    }

    /// Moves the clock, and lives through what lies between.
    pub fn advance(&mut self, span: TimeSpan) {
        self.catch_up();
        self.clock.advance(span);
        self.catch_up();
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What is needed to go on from here. Tasks are shared with the account, so it is made in a moment.
    pub fn snapshot(&mut self) -> Snapshot {
        self.catch_up();
        Snapshot {
            instant: self.instant,
            out_of_reach: self.out_of_reach.keys().cloned().collect(),
            account: self.account.clone(),
        }
    }

    /// Ends what runs on the nodes, without a report: the next emulator starts it again.
    pub fn close(&mut self) -> Vec<tokio::task::JoinHandle<()>> {
        mem::take(&mut self.errands);
        self.machines.close()
    }
}

/// What a node reports when it has done as a user wanted.
fn outcome(action: NodeAction) -> NodeEvent {
    match action {
        NodeAction::Reboot => NodeEvent::Rebooted,
        NodeAction::Reimage => NodeEvent::Reimaged,
        NodeAction::Deallocate => NodeEvent::Deallocated,
        NodeAction::Start => NodeEvent::Started,
        NodeAction::Remove => NodeEvent::Removed,
    }
}

/// Spreads a text over 64 bits (Fowler, Noll and Vo).
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
