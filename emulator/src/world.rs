//! The account with its clock and its nodes, behind one lock. Nothing here blocks, so the lock is held for a
//! short time only.

use std::sync::Arc;

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
    fleet::{Due, Fleet},
    guard::Guard,
    ledger::{Contact, Ledger, Whole},
    log::Log,
    machines::Machines,
    nodes::{REMOTE_LOGIN, next_node, unique_name},
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
    fleet: Fleet,
    guard: Guard,
    log: Log,
    record: Option<Record>,
    /// Where all changes are stored before an answer shows them.
    ledger: Option<Arc<Ledger>>,
    /// What has happened to jobs.
    history: History,
    /// The latest instant at which anything happened.
    instant: Timestamp,
    /// Whether nothing happens but what an episode says.
    plays: bool,
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
            fleet: Fleet::new(parts.machines, parts.lag, instant, parts.out_of_reach),
            guard: parts.guard,
            log: parts.log,
            record: parts.record,
            ledger: parts.ledger,
            history: History::new(REMEMBERED),
            instant,
            plays: parts.plays,
        };
        world.fleet.files().restore(&world.account);
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
                self.keep(None, &answer.effects); // First, because others can read the log meanwhile.
                self.record(|| Step::request(request, &answer.response, at));
                self.log.request(at, request, &answer.response);
                self.act_on(answer.effects, at);
                return Answered::Now(answer.response);
            }
            Ok(Prepared::File(file)) if self.plays => file.answer(&self.account, at), // V1: it has no files.
            Ok(Prepared::File(file)) => match file.decide(&self.account, at) {
                Err(refusal) => refusal,
                Ok(access) => {
                    self.record(|| Step::request_only(request, at));
                    let (files, log) = (self.fleet.files(), self.log.clone());
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
        self.fleet.next_due(now)
    }

    /// How long until the next event is due; `None` if only a request or a process can cause one.
    pub fn idle_time(&self) -> Option<std::time::Duration> {
        self.clock.wall_time_until(self.next_due()?)
    }

    fn process_next(&mut self, at: Timestamp) {
        match self.fleet.take_due(at) {
            Some(Due::Report(report)) => self.report(&report, at),
            Some(Due::NodeEvent { node, event }) => self.apply_node_event(&node, event, at),
            Some(Due::AddNode { pool, dedicated }) => self.add_node(&pool, dedicated, at),
            Some(Due::AddPool { job }) => self.add_auto_pool(&job, at),
            Some(Due::Tick) => self.tick_and_schedule(at),
            None => {}
        }
    }

    /// The service's own transitions, and its scheduler. Both are late by the same time.
    fn tick_and_schedule(&mut self, at: Timestamp) {
        self.record(|| Step::tick(at));
        let effects = self.account.tick(at);
        self.handle_effects(effects, at);
        self.record(|| Step::schedule(at));
        let effects = self.account.schedule(at);
        self.handle_effects(effects, at);
        if let Some(due) = self.account.deadline() {
            self.fleet.tick_after(due.max(at));
        }
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
        // What changed nothing did not happen: a start that ends after the node was rebooted, for example.
        if !effects.is_empty() {
            self.fleet.before_event(node, event);
        }
        self.act_on(effects, at);
        self.fleet.after_event(&self.account, node, event, at);
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
            self.log.hold(ticket.clone());
            self.fleet.hold(ticket);
        }
    }

    /// Whether an event changes that a node can be reached.
    fn contact_after(&self, node: &NodeId, event: NodeEvent, effects: &[Effect]) -> Option<Contact> {
        let is_lost = self.fleet.undelivered(node).is_some();
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
            self.fleet.tick_after(at); // Facts can make something due.
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
        // In an episode, its steps say what nodes and the host do.
        if !self.plays {
            self.fleet.carry_out(&self.account, instruction, at);
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
        self.fleet.runs_on(node)
    }

    /// How many reports and instructions are not delivered because the node does not answer; `None` if it does.
    pub fn undelivered(&self, node: &NodeId) -> Option<(usize, usize)> {
        self.fleet.undelivered(node)
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
            out_of_reach: self.fleet.out_of_reach().cloned().collect(),
            account: self.account.clone(),
        }
    }

    /// Waits until the recording is on disk. `false` means that nothing is recorded.
    pub fn finish_recording(&self) -> std::io::Result<bool> {
        self.record.as_ref().map_or(Ok(false), |record| record.finish().map(|()| true))
    }

    /// Ends what runs on the nodes without a report, so that it is started again from a snapshot.
    pub fn close(&mut self) -> Vec<tokio::task::JoinHandle<()>> {
        self.fleet.close()
    }
}

/// A request that the account has not seen, because the host refused it.
fn host_refusal(request: &Request<'_>, refusal: &Response, at: Timestamp) -> Step {
    let (Request { method, target, .. }, Response { status, reason, .. }) = (request, refusal);
    Step::note(&format!("the host refused {method} {target}: {status} {reason}"), at)
}

#[cfg(test)]
pub(crate) mod tests;
