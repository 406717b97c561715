//! The account with its clock and its nodes, behind one lock. Nothing here blocks, so the lock is held for a
//! short time only.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    mem,
    sync::Arc,
};

use azbatch::{
    Account, Clock, Effect, Fact, Instruction, Job, JobId, Node, NodeId, PoolId, Report, RunId, TimeSpan,
    Timestamp,
    episode::Step,
    node::{NodeEvent, NodeStateName},
    rest::{self, Guid, Prepared, Request, Response},
};

use crate::{
    clock::VirtualClock,
    drawing::history::History,
    episode::{self, Episode},
    files::FileLookup,
    guard::Guard,
    ledger::{Contact, Ledger, Whole},
    log::Log,
    machines::{Machines, Run},
    nodes::{ACTION_TIME, REMOTE_LOGIN, event_of, next_node},
    options::PoolOption,
    record::Record,
    snapshot::Snapshot,
};

/// How many jobs, tasks and runs the history remembers.
const REMEMBERED: usize = 100_000;

/// How many events are processed at once before the lock is released.
const MAX_EVENTS_AT_ONCE: usize = 10_000;

/// Everything that changes.
pub struct World {
    account: Account,
    clock: VirtualClock,
    machines: Box<dyn Machines>,
    guard: Guard,
    log: Log,
    record: Option<Record>,
    /// Where all changes are stored before an answer shows them.
    ledger: Option<Arc<Ledger>>,
    /// What has happened to jobs.
    history: History,
    /// How late the service's own transitions happen.
    lag: TimeSpan,
    /// What will happen to nodes, by time; the number keeps events of one instant in order.
    pending: BTreeMap<(Timestamp, u64), PendingEvent>,
    /// When the service ticks and schedules next.
    next_tick: Option<Timestamp>,
    /// Nodes that do not answer, with the reports and instructions that are not delivered.
    out_of_reach: BTreeMap<NodeId, Undelivered>,
    /// The latest instant at which anything happened.
    instant: Timestamp,
    /// The number of the latest pending event.
    last_number: u64,
    /// Whether nothing happens but what an episode says.
    plays: bool,
}

/// Something that happens to nodes at a later time.
enum PendingEvent {
    AddNode { pool: PoolId, dedicated: bool },
    AddPool { job: JobId },
    NodeEvent { node: NodeId, event: NodeEvent },
}

#[derive(Default)]
struct Undelivered {
    reports: Vec<Report>,
    instructions: Vec<NodeInstruction>,
}

/// An instruction on its way to a node.
enum NodeInstruction {
    Run(RunId),
    Stop(RunId),
}

/// When a request can be answered.
pub enum Answered<'a> {
    Now(Response),
    /// After files are looked up, which takes too long to do under the lock.
    AfterLookup(Box<FileLookup<'a>>),
}

/// What a [`World`] is created from.
pub struct Parts {
    pub account: Account,
    pub clock: VirtualClock,
    pub machines: Box<dyn Machines>,
    pub guard: Guard,
    pub log: Log,
    pub record: Option<Record>,
    pub ledger: Option<Arc<Ledger>>,
    pub lag: TimeSpan,
    pub out_of_reach: Vec<NodeId>,
    pub plays: bool,
}

impl World {
    /// Continues a stored account: the instructions that are still outstanding are carried out again.
    pub fn new(parts: Parts) -> Self {
        let instant = parts.clock.now();
        let mut world = Self {
            account: parts.account,
            clock: parts.clock,
            machines: parts.machines,
            guard: parts.guard,
            log: parts.log,
            record: parts.record,
            ledger: parts.ledger,
            history: History::new(REMEMBERED),
            lag: parts.lag,
            pending: BTreeMap::new(),
            next_tick: Some(instant.saturating_add(parts.lag)),
            out_of_reach: parts.out_of_reach.into_iter().map(|node| (node, Undelivered::default())).collect(),
            instant,
            last_number: 0,
            plays: parts.plays,
        };
        for instruction in world.account.outstanding() {
            world.log.line(format!("still outstanding: {instruction}"));
            world.carry_out(instruction, instant);
        }
        world
    }

    /// A pool that is there from the start, with its nodes, as if a user had added it. One that came with a snapshot
    /// stays as it is.
    ///
    /// # Errors
    /// The service's refusal.
    pub fn open_pool(&mut self, pool: &PoolOption) -> Result<(), String> {
        let at = self.instant;
        let body = pool.body().to_string();
        let request = Request {
            method: "POST",
            target: "/pools?api-version=2024-07-01.20.0",
            headers: &[("content-type", b"application/json; odata=minimalmetadata")],
            body: body.as_bytes(),
            received: at,
            request_id: Guid::from_u128(0),
        };
        if self.account.pool(&pool.id).is_some() {
            return Ok(());
        }
        let answer = rest::answer(&mut self.account, &request, at);
        self.record(|| Step::request(&request, &answer.response, at));
        if answer.response.status != 201 {
            return Err(String::from_utf8_lossy(&answer.response.body).into_owned());
        }
        self.keep(None, &answer.effects); // They request the nodes that are added here.
        for _ in 0..pool.nodes {
            self.add_node(&pool.id, true, at);
        }
        self.record(|| Step::tick(at));
        let effects = self.account.tick(at);
        self.handle_effects(effects, at);
        Ok(())
    }

    /// Whether nothing happens but what an episode says.
    pub fn plays(&self) -> bool {
        self.plays
    }

    /// Begins an episode, with an account as it says, in place of the one that there was.
    pub fn begin(&mut self, episode: &Episode) {
        self.account = episode.new_account(self.account.url());
        self.history = History::new(REMEMBERED);
    }

    /// Makes a step that is no request, and sets the clock to its time, also back. A note only sets the clock.
    ///
    /// # Errors
    /// What came of it is not what the step says.
    pub fn play(&mut self, step: &episode::Step) -> Result<(), String> {
        let at = step.at();
        self.clock = VirtualClock::new(at, 0.0);
        self.instant = at;
        match (episode::play::input(&mut self.account, &step.action, at), &step.refused) {
            (Ok(effects), None) => {
                self.handle_effects(effects, at);
                Ok(())
            }
            (Err(came), Some(expected)) if came == *expected => Ok(()),
            (Ok(_), Some(expected)) => Err(format!("{step}: expected the refusal \"{expected}\", came none")),
            (Err(came), _) => Err(format!("{step}: it is refused: {came}")),
        }
    }

    /// Adds a step to the recording, if there is one.
    fn record(&self, step: impl FnOnce() -> Step) {
        if let Some(record) = &self.record
            && let Err(error) = record.add(&step())
        {
            self.log.line(format!("the recording ends here: {error}"));
        }
    }

    /// Answers a request that only reads; `None` if it does more, or if something is due before it.
    pub fn read(&self, request: &Request<'_>) -> Option<(Response, Timestamp)> {
        let now = self.clock.now();
        if self.next_due_from(now).is_some_and(|due| due <= now) {
            return None;
        }
        let at = self.instant.max(now);
        let request = Request { received: at, ..*request };
        let Ok(Prepared::Read(read)) = self.guard.prepare(&request, self.account.url(), at) else {
            return None;
        };
        let response = read.answer(&self.account, at);
        self.record(|| Step::request(&request, &response, at));
        self.log.request(at, &request, &response);
        Some((response, at))
    }

    /// Answers a request, or says which files must be looked up first.
    pub fn answer<'a>(&mut self, request: &Request<'a>) -> Answered<'a> {
        self.catch_up();
        let at = self.instant;
        let request = Request { received: at, ..*request };
        let prepared = self.guard.prepare(&request, self.account.url(), at);
        self.answer_prepared(&request, prepared, at)
    }

    /// Answers a request of the control interface, which needs no other authorization.
    pub fn answer_control<'a>(&mut self, request: &Request<'a>) -> Answered<'a> {
        self.catch_up();
        let at = self.instant;
        let request = Request { received: at, ..*request };
        let prepared = Guard::Nobody.prepare(&request, self.account.url(), at);
        self.answer_prepared(&request, prepared, at)
    }

    fn answer_prepared<'a>(
        &mut self,
        request: &Request<'a>,
        prepared: Result<Prepared<'a>, Response>,
        at: Timestamp,
    ) -> Answered<'a> {
        let response = match prepared {
            Err(refusal) => {
                self.record(|| self.refused_step(request, &refusal, at));
                self.log.request(at, request, &refusal);
                return Answered::Now(refusal);
            }
            Ok(Prepared::Read(read)) => read.answer(&self.account, at),
            Ok(Prepared::Write(write)) => {
                let answer = write.answer(&mut self.account, at);
                self.record(|| Step::request(request, &answer.response, at));
                self.log.request(at, request, &answer.response);
                self.handle_effects(answer.effects, at);
                return Answered::Now(answer.response);
            }
            Ok(Prepared::File(file)) if self.plays => file.answer(&self.account, at), // V1: it has no files.
            Ok(Prepared::File(file)) => match file.decide(&self.account, at) {
                Err(refusal) => refusal,
                Ok(access) => {
                    self.record(|| Step::request_only(request, at));
                    let (files, log) = (self.machines.files(), self.log.clone());
                    return Answered::AfterLookup(Box::new(FileLookup { access, files, log, at }));
                }
            },
        };
        self.record(|| Step::request(request, &response, at));
        self.log.request(at, request, &response);
        Answered::Now(response)
    }

    /// A request that was refused before the account was asked. A replay authorizes nobody, so a refusal that only
    /// the guard has given is a note.
    fn refused_step(&self, request: &Request<'_>, refusal: &Response, at: Timestamp) -> Step {
        match Guard::Nobody.prepare(request, self.account.url(), at) {
            Err(without_guard) if without_guard == *refusal => Step::request(request, refusal, at),
            Err(_) | Ok(_) => host_refusal(request, refusal, at),
        }
    }

    /// Refuses a request for a reason of the host's own.
    pub fn refuse(&mut self, request: &Request<'_>, error: azbatch::ErrorCode) -> Response {
        self.catch_up();
        let response = rest::refuse(self.account.url(), &error.into(), request, self.instant);
        self.record(|| host_refusal(request, &response, self.instant));
        self.log.request(self.instant, request, &response);
        response
    }

    /// Processes everything that is due by now, each event at its own time.
    pub fn catch_up(&mut self) {
        let now = self.clock.now();
        for _ in 0..MAX_EVENTS_AT_ONCE {
            match self.next_due_from(now) {
                Some(due) if due <= now => {
                    self.instant = self.instant.max(due);
                    self.process_next(self.instant);
                }
                Some(_) | None => {
                    self.instant = self.instant.max(now);
                    return;
                }
            }
        }
    }

    /// When the next event is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.next_due_from(self.clock.now())
    }

    fn next_due_from(&self, now: Timestamp) -> Option<Timestamp> {
        if self.plays {
            return None;
        }
        let pending = self.pending.keys().next().map(|(due, _)| *due);
        [self.machines.next_due(now), pending, self.next_tick].into_iter().flatten().min()
    }

    /// How long until the next event is due; `None` if only a request or a process can cause one.
    pub fn idle_time(&self) -> Option<std::time::Duration> {
        self.clock.wall_time_until(self.next_due()?)
    }

    fn process_next(&mut self, at: Timestamp) {
        if let Some(report) = self.machines.take_due(at) {
            match self.out_of_reach.get_mut(&report.run.node) {
                Some(undelivered) => undelivered.reports.push(report),
                None => self.report(&report, at),
            }
        } else if let Some(event) = self.pending.first_entry().filter(|event| event.key().0 <= at) {
            match event.remove() {
                PendingEvent::AddNode { pool, dedicated } => self.add_node(&pool, dedicated, at),
                PendingEvent::AddPool { job } => self.add_auto_pool(&job, at),
                PendingEvent::NodeEvent { node, event } => self.apply_node_event(&node, event, at),
            }
        } else {
            self.tick_and_schedule(at);
        }
    }

    /// The service's own transitions, and its scheduler. Both are late by the same time.
    fn tick_and_schedule(&mut self, at: Timestamp) {
        self.next_tick = None;
        self.record(|| Step::tick(at));
        let effects = self.account.tick(at);
        self.handle_effects(effects, at);
        self.record(|| Step::schedule(at));
        let effects = self.account.schedule(at);
        self.handle_effects(effects, at);
        if let Some(due) = self.account.deadline() {
            self.tick_after(due.max(at));
        }
    }

    /// Plans a tick for what is due at this instant, later by the lag.
    fn tick_after(&mut self, due: Timestamp) {
        let tick = due.saturating_add(self.lag);
        self.next_tick = Some(self.next_tick.map_or(tick, |earlier| earlier.min(tick)));
    }

    fn report(&mut self, report: &Report, at: Timestamp) {
        self.record(|| Step::report(report, at));
        let effects = self.account.report(report, at);
        self.handle_effects(effects, at);
    }

    /// Applies an event to a node and to what runs there.
    fn apply_node_event(&mut self, node: &NodeId, event: NodeEvent, at: Timestamp) {
        self.record(|| Step::node_event(node, event, at));
        let effects = self.account.node_event(node, event, at);
        self.keep(self.contact_after(node, event, &effects).as_ref(), &effects);
        match event {
            NodeEvent::Lost | NodeEvent::Unusable | NodeEvent::Returned => {}
            // It changed nothing, so it did not happen: a start that ends after the node was rebooted, for example.
            _ if effects.is_empty() => {}
            NodeEvent::Rebooted => {
                self.machines.wipe(node);
                self.out_of_reach.remove(node);
            }
            NodeEvent::Reimaged
            | NodeEvent::Removed
            | NodeEvent::Preempted
            | NodeEvent::Deallocated
            | NodeEvent::Started => {
                self.machines.wipe(node);
                self.machines.erase(node);
                self.out_of_reach.remove(node);
            }
        }
        self.act_on(effects, at);
        match event {
            NodeEvent::Lost | NodeEvent::Unusable => drop(self.out_of_reach.entry(node.clone()).or_default()),
            NodeEvent::Returned => self.reconnect(node, at),
            NodeEvent::Rebooted
            | NodeEvent::Reimaged
            | NodeEvent::Removed
            | NodeEvent::Preempted
            | NodeEvent::Deallocated
            | NodeEvent::Started => {}
        }
    }

    /// Delivers the reports of the node first, then the instructions for it.
    fn reconnect(&mut self, node: &NodeId, at: Timestamp) {
        let undelivered = self.out_of_reach.remove(node).unwrap_or_default();
        for report in &undelivered.reports {
            self.report(report, at);
        }
        for instruction in undelivered.instructions {
            self.deliver(instruction, at);
        }
    }

    /// Keeps effects, and then acts on them.
    fn handle_effects(&mut self, effects: Vec<Effect>, at: Timestamp) {
        self.keep(None, &effects);
        self.act_on(effects, at);
    }

    /// Writes the facts of an input to the ledger, if there is one.
    fn keep(&mut self, contact: Option<&Contact>, effects: &[Effect]) {
        let Some(ledger) = &self.ledger else { return };
        let facts: Vec<&Fact> = effects.iter().filter_map(Effect::fact).collect();
        if !facts.is_empty() || contact.is_some() {
            let ticket = ledger.add(self.instant, self.ahead(), contact, &facts);
            self.machines.hold(ticket);
        }
    }

    /// Whether an event changes that a node can be reached.
    fn contact_after(&self, node: &NodeId, event: NodeEvent, effects: &[Effect]) -> Option<Contact> {
        let is_lost = self.out_of_reach.contains_key(node);
        match event {
            NodeEvent::Lost | NodeEvent::Unusable => (!is_lost).then(|| Contact::Lost(node.clone())),
            NodeEvent::Returned => is_lost.then(|| Contact::Found(node.clone())),
            NodeEvent::Rebooted
            | NodeEvent::Reimaged
            | NodeEvent::Removed
            | NodeEvent::Preempted
            | NodeEvent::Deallocated
            | NodeEvent::Started => (is_lost && !effects.is_empty()).then(|| Contact::Found(node.clone())),
        }
    }

    /// How far the clock may go on before the ledger must know of it: a second of the wall clock.
    fn ahead(&self) -> TimeSpan {
        let ahead = std::time::Duration::try_from_secs_f64(self.clock.speed()).ok();
        ahead.and_then(|ahead| TimeSpan::try_from(ahead).ok()).unwrap_or(TimeSpan::ZERO)
    }

    /// Makes sure that the clock never goes back behind what it shows now.
    pub fn cover_clock(&self) {
        if let Some(ledger) = &self.ledger {
            ledger.cover(self.instant.max(self.clock.now()), self.ahead());
        }
    }

    /// Lets the clock go on exactly here if the emulator ends now.
    pub fn stop_clock(&self) {
        if let Some(ledger) = &self.ledger {
            ledger.set_clock(self.instant.max(self.clock.now()));
        }
    }

    /// Where everything is kept, if it is.
    pub fn ledger(&self) -> Option<&Arc<Ledger>> {
        self.ledger.as_ref()
    }

    /// Keeps everything from here on.
    pub fn keep_in(&mut self, ledger: Arc<Ledger>) {
        self.ledger = Some(ledger);
    }

    /// Logs effects and carries out the instructions among them.
    fn act_on(&mut self, effects: Vec<Effect>, at: Timestamp) {
        if !effects.is_empty() {
            self.tick_after(at); // Facts can make something due.
        }
        for effect in effects {
            self.log.effect(at, &effect);
            self.history.record(&self.account, &effect, at);
            if let Effect::Instruction(instruction) = effect {
                self.carry_out(instruction, at);
            }
        }
    }

    fn carry_out(&mut self, instruction: Instruction, at: Timestamp) {
        if self.plays {
            return; // The episode says what nodes and the host do.
        }
        match instruction {
            Instruction::Run(run) => self.send(NodeInstruction::Run(run), at),
            Instruction::Stop { run, .. } => self.send(NodeInstruction::Stop(run), at),
            Instruction::AddPool { job } => {
                self.add_pending(at.saturating_add(self.lag), PendingEvent::AddPool { job });
            }
            Instruction::AddNodes { pool, nodes } => {
                for number in 0..nodes.total() {
                    let dedicated = number < nodes.dedicated;
                    let event = PendingEvent::AddNode { pool: pool.clone(), dedicated };
                    self.add_pending(at.saturating_add(self.lag), event);
                }
            }
            Instruction::Act { node, action } => {
                let event = PendingEvent::NodeEvent { node, event: event_of(action) };
                self.add_pending(at.saturating_add(ACTION_TIME), event);
            }
        }
    }

    fn add_pending(&mut self, due: Timestamp, event: PendingEvent) {
        self.last_number += 1;
        self.pending.insert((due, self.last_number), event);
    }

    /// Sends an instruction to a node. It does not reach a node that does not answer, except for a run that had
    /// started there before the emulator itself was restarted: it continues.
    fn send(&mut self, instruction: NodeInstruction, at: Timestamp) {
        let (NodeInstruction::Run(run) | NodeInstruction::Stop(run)) = &instruction;
        let continues = matches!(instruction, NodeInstruction::Run(_))
            && self.account.run_specification(run).is_some_and(|run| run.start_time.is_some());
        match self.out_of_reach.get_mut(&run.node) {
            Some(undelivered) if !continues => undelivered.instructions.push(instruction),
            Some(_) | None => self.deliver(instruction, at),
        }
    }

    fn deliver(&mut self, instruction: NodeInstruction, at: Timestamp) {
        match instruction {
            NodeInstruction::Stop(run) => self.machines.stop(&run, at),
            NodeInstruction::Run(run) => {
                if let Some(run) = Run::find(&self.account, &run) {
                    self.machines.run(&run, at);
                }
            }
        }
    }

    /// Makes the pool that a job asks for, unless it no longer does.
    fn add_auto_pool(&mut self, job: &JobId, at: Timestamp) {
        let wanted = self.account.job(job).and_then(Job::wanted_pool);
        let Some(Ok(pool)) = wanted.map(|wanted| wanted.pool_id(&unique_name())) else { return };
        let result = self.account.add_auto_pool(job, &pool, at);
        self.record(|| Step::add_auto_pool(job, &pool, result.as_ref().err(), at));
        let effects = result.unwrap_or_default();
        self.handle_effects(effects, at);
    }

    /// A node joins its pool, unless the pool has enough or no longer exists.
    fn add_node(&mut self, pool: &PoolId, dedicated: bool, at: Timestamp) {
        let Some(node) = next_node(&self.account, pool, dedicated) else { return };
        let result = self.account.add_node(pool, &node, at);
        self.record(|| Step::add_node(pool, &node, result.as_ref().err(), at));
        let Ok(mut effects) = result else { return };
        self.record(|| Step::set_remote_login(&node, REMOTE_LOGIN, at));
        effects.extend(self.account.set_remote_login(&node, REMOTE_LOGIN));
        self.handle_effects(effects, at);
    }

    /// An event that is injected through the control interface; `false` if there is no such node.
    pub fn node_event(&mut self, node: &NodeId, event: NodeEvent) -> bool {
        self.catch_up();
        let at = self.instant;
        let known = self.account.node(node).is_some();
        if known {
            self.log.line(format!("{at} node {node} {event}"));
            self.apply_node_event(node, event, at);
        }
        known
    }

    /// What a node is doing, by its name on the wire.
    pub fn node_state(&self, node: &NodeId) -> Option<&'static str> {
        self.account.node(node).map(Node::state_name).map(NodeStateName::as_str)
    }

    /// Advances the clock, and processes everything that becomes due.
    pub fn advance(&mut self, span: TimeSpan) {
        self.catch_up();
        self.clock.advance(span);
        self.catch_up();
    }

    /// Advances the clock to the instant at which the next event is due, and processes what is due then.
    pub fn advance_to_next(&mut self) {
        self.catch_up();
        if let Some(due) = self.next_due() {
            self.advance(due.since(self.clock.now()));
        }
    }

    /// Lets the clock run at another speed; 0 stops it.
    pub fn set_speed(&mut self, speed: f64) {
        self.catch_up();
        self.clock.set_speed(speed);
        self.stop_clock(); // The ledger let it go on at another speed.
    }

    pub fn speed(&self) -> f64 {
        self.clock.speed()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn account(&self) -> &Account {
        &self.account
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    /// What the machine of a node has now, whether or not the node can be reached.
    pub fn runs_on(&self, node: &NodeId) -> Vec<RunId> {
        self.machines.runs_on(node)
    }

    /// How many reports and instructions are not delivered because the node does not answer; `None` if it does.
    pub fn undelivered(&self, node: &NodeId) -> Option<(usize, usize)> {
        let undelivered = self.out_of_reach.get(node)?;
        Some((undelivered.reports.len(), undelivered.instructions.len()))
    }

    /// What is needed to continue from here. It shares most data with the account, so it is quick.
    pub fn snapshot(&mut self) -> Snapshot {
        self.catch_up();
        self.as_it_is()
    }

    /// What is needed to continue from the last event, and which entries of the ledger are in it.
    pub fn whole(&self, ledger: &Ledger) -> Whole {
        ledger.whole(self.as_it_is())
    }

    fn as_it_is(&self) -> Snapshot {
        Snapshot {
            instant: self.instant,
            out_of_reach: self.out_of_reach.keys().cloned().collect(),
            account: self.account.clone(),
        }
    }

    /// Waits until the recording is on disk. `false` means that nothing is recorded.
    pub fn finish_recording(&self) -> std::io::Result<bool> {
        self.record.as_ref().map_or(Ok(false), |record| record.finish().map(|()| true))
    }

    /// Ends what runs on the nodes without a report, so that it is started again from a snapshot.
    pub fn close(&mut self) -> Vec<tokio::task::JoinHandle<()>> {
        mem::take(&mut self.pending);
        self.machines.close()
    }
}

/// A request that the account has not seen, because the host refused it.
fn host_refusal(request: &Request<'_>, refusal: &Response, at: Timestamp) -> Step {
    let (Request { method, target, .. }, Response { status, reason, .. }) = (request, refusal);
    Step::note(&format!("the host refused {method} {target}: {status} {reason}"), at)
}

/// A GUID in upper case, as the service names auto pools. No two starts of the emulator make one twice.
fn unique_name() -> String {
    let random = || u128::from(RandomState::new().hash_one(()));
    Guid::from_u128(random() << 64 | random()).as_str().to_ascii_uppercase()
}
