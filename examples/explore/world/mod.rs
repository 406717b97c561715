//! Small worlds for the model checker `stateright`: one job, up to three tasks and its manager, up to two nodes, and
//! what users, nodes and the clock can do, in every order.
//!
//! Not there: low-priority nodes; adding or deleting a pool; conditions (ETags); `maxWallClockTime` of jobs and tasks;
//! exit conditions and `onTaskFailure`; other changes of jobs, tasks and pools than those in `actions.rs`; job
//! schedules; auto pools.
//!
//! The clock stands still. Only a tick moves it: to the instant at which something is due next, or an hour past it.
//! What is left out: calls at other times. So of two instants that are set one after the other, such as the ends of
//! the time of two release tasks, the second can only come later if there was a tick in between. The clock does not
//! move to the end of a task's greatest age (K13), and the budgets of a world are too small to come near it.
//!
//! `view.rs` says which worlds are one state, `actions.rs` what can happen, `laws.rs` what must hold, and `story.rs`
//! writes how a world came to be as an episode.

#![allow(dead_code, reason = "the program and the tests use their parts")]

mod actions;
mod laws;
mod names;
mod scope;
mod story;
mod view;

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    hash::{Hash, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use azbatch::{
    Account, Effect, Instruction, Job, Timestamp,
    error::Violation,
    job::{NodeRun, NodeRunState, Readiness},
    node::Contact,
    testing::Start,
};
use stateright::{Model, Property, Representative};

pub use actions::Action;
pub use names::Names;
pub use scope::{Budget, Scope};
pub use view::{Alike, View};

/// A state: an account at a time, and what can still happen.
#[derive(Clone)]
pub struct World {
    account: Arc<Account>,
    now: Timestamp,
    left: Budget,
    /// The number of the last run that there was.
    last_run: u64,
    /// The law that the last step broke.
    broken: Option<Arc<Violation>>,
    identity: Identity,
    alike: Alike,
}

/// By what a world is the same as another.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Identity {
    /// What decides what can happen next.
    View(View),
    /// Everything: the account, the time, and what is left.
    Whole(Arc<Account>, Timestamp, Budget),
}

/// The service in a world of some size.
pub struct Service {
    pub scope: Scope,
    pub names: Names,
    /// The calls that make the first world.
    pub beginning: Vec<Action>,
    start: World,
    /// Whether to explore no further.
    stopped: AtomicBool,
    /// Whether worlds are told apart by everything, rather than by their views.
    whole: bool,
    /// Whether there is a property that does not hold: that no job is ever completed.
    planted: bool,
    notes: Option<Notes>,
}

/// What a test wants to know of the worlds that were visited.
#[derive(Default)]
pub struct Notes {
    /// The least of the views that are alike, of each world.
    pub representatives: Mutex<BTreeSet<View>>,
    /// What each view led to, action by action.
    followers: Mutex<HashMap<View, Vec<Option<View>>>>,
}

impl Service {
    pub const URL: &'static str = "https://contoso.westus.batch.azure.com";

    pub fn new(scope: Scope) -> Self {
        let names = Names::new(&scope);
        let now = Start::Usual.timestamp();
        let beginning = actions::beginning(&scope, &names, now);
        let mut account = Account::new(Self::URL);
        for action in &beginning {
            action.call.make(&mut account, action.at).expect("the first world can be made");
        }
        let view = View::of(&account, &names, scope.left, now);
        let account = Arc::new(account);
        let (left, alike) = (scope.left, names.alike);
        let start =
            World { account, now, left, last_run: 0, broken: None, identity: Identity::View(view), alike };
        let stopped = AtomicBool::new(false);
        Self { scope, names, beginning, start, stopped, whole: false, planted: false, notes: None }
    }

    /// Tells accounts apart by everything that is in them, also by what is only shown.
    pub fn telling_all_apart(mut self) -> Self {
        self.whole = true;
        let World { account, now, left, .. } = self.start.clone();
        self.start.identity = Identity::Whole(account, now, left);
        self
    }

    /// With a property that does not hold.
    pub fn with_planted_fault(self) -> Self {
        Self { planted: true, ..self }
    }

    /// Keeps notes of the worlds that are visited.
    pub fn with_notes(self) -> Self {
        Self { notes: Some(Notes::default()), ..self }
    }

    /// How a property does not hold in a world.
    pub fn violation(&self, property: &str, world: &World) -> Option<Violation> {
        laws::violation(property, self, world)
    }

    pub fn notes(&self) -> Option<&Notes> {
        self.notes.as_ref()
    }

    /// Explores no further: nothing more can happen, and the states that are left are not looked at.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Everything can happen again, as stateright needs it to tell how a fault came to be.
    pub fn resume(&self) {
        self.stopped.store(false, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The least view of a world's and those that alike things make by changing places.
    fn representative(&self, world: &World) -> View {
        self.view(world).representative(self.names.alike)
    }

    pub fn view(&self, world: &World) -> View {
        View::of(&world.account, &self.names, world.left, world.now)
    }

    /// The view of an account that came to be elsewhere.
    pub fn view_of(&self, account: &Account, like: &World) -> View {
        View::of(account, &self.names, like.left, like.now)
    }

    fn follow(&self, world: &World, action: &Action) -> Option<World> {
        let mut account = Account::clone(&world.account);
        let result = action.call.make(&mut account, action.at);
        let effects = result.as_deref().unwrap_or_default();
        let broken = laws::step(&world.account, &result, &account).err().map(Arc::new);
        if broken.is_none() && Effect::facts(effects).next().is_none() {
            return None;
        }
        let (left, now) = (world.left.pay(action.cost)?, action.at);
        let runs = Effect::instructions(effects).filter_map(Instruction::run);
        let last_run = runs.map(|run| run.number).fold(world.last_run, u64::max);
        let account = Arc::new(account);
        let identity = if self.whole {
            Identity::Whole(account.clone(), now, left)
        } else {
            Identity::View(View::of(&account, &self.names, left, now))
        };
        Some(World { account, now, left, last_run, broken, identity, alike: world.alike })
    }
}

impl World {
    pub fn account(&self) -> &Account {
        &self.account
    }

    pub fn broken(&self) -> Option<&Violation> {
        self.broken.as_deref()
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity && self.broken == other.broken
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity.hash(state);
        self.broken.is_some().hash(state);
    }
}

impl Representative for World {
    /// The world with the least view of all that alike things make by changing places. Stateright takes its
    /// fingerprint and nothing else, so the account stays as it is.
    fn representative(&self) -> Self {
        let identity = match &self.identity {
            Identity::View(view) => Identity::View(view.representative(self.alike)),
            Identity::Whole(..) => self.identity.clone(),
        };
        Self { identity, ..self.clone() }
    }
}

impl Model for Service {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.start.clone()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.broken.is_none() && !self.is_stopped() {
            actions::possible(self, world, actions);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        self.follow(world, &action)
    }

    fn format_action(&self, action: &Action) -> String {
        action.to_string()
    }

    fn properties(&self) -> Vec<Property<Self>> {
        laws::properties(self)
    }
}

impl fmt::Debug for World {
    /// A line for each thing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, now, left, .. } = self;
        writeln!(f, "it is {now}; left are {left}")?;
        for pool in account.pools() {
            let (id, state, target) = (pool.id(), pool.allocation_state(), pool.target());
            writeln!(f, "pool {id} is {state} with a target of {target}")?;
        }
        for node in account.nodes() {
            let (id, state, scheduling) = (node.id(), node.state(), node.scheduling());
            writeln!(f, "node {id} is {}: {state}, scheduling {scheduling}", node.state_name())?;
        }
        for job in account.jobs() {
            write_job(f, job)?;
        }
        if let Some(due) = account.deadline() {
            writeln!(f, "the next tick is due at {}", due.max(*now))?;
        }
        self.broken.iter().try_for_each(|violation| writeln!(f, "the last step broke {violation}"))
    }
}

fn write_job(f: &mut fmt::Formatter<'_>, job: &Job) -> fmt::Result {
    write!(f, "job {} is {}", job.id(), job.state().name())?;
    let deadline = job.state().ending().and_then(|ending| ending.force_deadline);
    deadline.iter().try_for_each(|deadline| write!(f, ", at most until {deadline}"))?;
    writeln!(f)?;
    for (node, record) in job.nodes() {
        write!(f, "  to the job, node {node} {}", words_of_contact(record.contact()))?;
        write!(f, " and is {}", words_of_readiness(record.readiness()))?;
        let runs = [("preparation", record.preparation()), ("release", record.release())];
        for (name, run) in runs.into_iter().filter_map(|(name, run)| Some((name, run?))) {
            write!(f, "; its {name} {}", words_of_run(run))?;
        }
        writeln!(f)?;
    }
    for task in job.tasks() {
        write!(f, "  task {} is {}", task.id(), task.state().name())?;
        if let Some(assignment) = task.state().assignment() {
            write!(f, " on node {} (run {})", assignment.placement.node, assignment.run)?;
        }
        task.stop().iter().try_for_each(|stop| write!(f, ", told to stop because {stop}"))?;
        writeln!(f)?;
    }
    Ok(())
}

fn words_of_contact(contact: Contact) -> &'static str {
    match contact {
        Contact::Answering => "answers",
        Contact::Lost => "does not answer",
        Contact::Gone => "is gone",
    }
}

fn words_of_readiness(readiness: Readiness) -> &'static str {
    match readiness {
        Readiness::Unprepared => "not prepared",
        Readiness::Ready { ran_tasks: false } => "ready",
        Readiness::Ready { ran_tasks: true } => "ready, and tasks ran there",
        Readiness::Rebooted { ran_tasks: false } => "to be prepared again",
        Readiness::Rebooted { ran_tasks: true } => "to be prepared again, and tasks ran there",
        Readiness::Barred { ran_tasks: false } => "excluded",
        Readiness::Barred { ran_tasks: true } => "excluded, and tasks ran there",
    }
}

fn words_of_run(run: &NodeRun) -> &'static str {
    match run.state {
        NodeRunState::Issued { stopping: false } => "was issued",
        NodeRunState::Issued { stopping: true } => "was issued and told to stop",
        NodeRunState::Running { stopping: false, .. } => "runs",
        NodeRunState::Running { stopping: true, .. } => "runs and was told to stop",
        NodeRunState::Completed { .. } => "is over",
    }
}
