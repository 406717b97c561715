//! Random lives of an account. What must hold at any time is in `common/laws.rs`; here are the ways to
//! get somewhere, what must come of it in the end (I7), and the cases that random lives brought up.

use crate::common;

use azbatch::{
    Effect, Fact, Instruction, JobId, NodeId, RunId, TaskId, TimeSpan, Timestamp,
    job::{
        DisableTasks, Ended, Ending, EndingKind, JobNodeFact, JobStateName, PreparationVerdict, ReportEvent,
        RunOutcome, StopCause, TerminateReason, Unit,
    },
    node::{ChangeNode, Contact, NodeEvent, NodeState, NodeTasks},
    task::{NodeError, NodeFailure, TaskFact, TaskStop},
};
use common::{
    Block, Change, Condition, Input, JobShape, LATEST, Name, Number, PoolChange, SECOND, Step, TaskShape,
    laws::World,
};
use proptest::{collection::vec, prelude::*};

/// 2025-05-14T21:50:06.78508Z
const USUAL: u64 = 638_828_562_067_850_800;

fn at(ticks: u64) -> Timestamp {
    Timestamp::from_ticks(ticks).unwrap()
}

/// Where the clock starts: at an ordinary time, at the beginning or near the end of time.
fn starts() -> impl Strategy<Value = Timestamp> {
    prop_oneof![8 => Just(USUAL), 2 => Just(0), 1 => Just(LATEST - 3600 * SECOND)].prop_map(at)
}

/// Nodes, a job of any shape and some tasks, so that what follows has something to happen to.
fn beginnings() -> impl Strategy<Value = Vec<Input>> {
    let tasks = vec(any::<[u8; 3]>(), 0..4);
    (any::<[u8; 3]>(), tasks).prop_map(|([a, b, c], tasks)| {
        let nodes = (0..3).map(|node| Input::AddNode { node: Name::nth(node), pool: node / 2, slots: 3 });
        let job = Name::nth(0);
        let add_job = Input::AddJob { job, shape: JobShape::decode(a, b, c) };
        let add_task = |(task, [a, b, c]): (u8, [u8; 3])| Input::AddTask {
            job,
            task: Name::nth(task),
            shape: TaskShape::decode(a, b, c),
        };
        nodes.chain([add_job]).chain((0..).zip(tasks).map(add_task)).collect()
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(any::<Block>().prop_map(Step::decode), 0..60)
}

fn live(start: Timestamp, beginning: &[Input], steps: &[Step]) -> World {
    let mut world = World::new(start);
    for input in beginning {
        world.feed(input);
    }
    for step in steps {
        world.step(step);
    }
    world
}

/// How everything is brought to an end.
#[derive(Clone, Copy, Debug)]
enum Closing {
    Terminate,
    Delete,
    Disable(DisableTasks),
}

impl Closing {
    fn input(self, job: Name, force: bool) -> Input {
        let condition = Condition::None;
        match self {
            Self::Terminate => {
                Input::Terminate { job, reason: TerminateReason::User(None), force, condition }
            }
            Self::Delete => Input::Delete { job, force, condition },
            Self::Disable(disable_tasks) => Input::Disable { job, disable_tasks, condition },
        }
    }

    /// Whether a job that was closed so has come to rest.
    fn is_settled(self, state: JobStateName) -> bool {
        match self {
            Self::Terminate => state == JobStateName::Completed,
            Self::Delete => false,
            // X6: a job may end by itself while it is being disabled.
            Self::Disable(_) => matches!(state, JobStateName::Disabled | JobStateName::Completed),
        }
    }
}

fn closings() -> impl Strategy<Value = Closing> {
    prop_oneof![
        3 => Just(Closing::Terminate),
        3 => Just(Closing::Delete),
        1 => Just(Closing::Disable(DisableTasks::Requeue)),
        1 => Just(Closing::Disable(DisableTasks::Terminate)),
        1 => Just(Closing::Disable(DisableTasks::Wait)),
    ]
}

fn unsettled(world: &World, closing: Closing) -> Vec<String> {
    let open = world.account.jobs().filter(|job| !closing.is_settled(job.state().name()));
    open.map(|job| format!("{}: {:?}", job.id(), job.state())).collect()
}

fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    // Lives are cheap. A failure belongs into a case of its own below, not into a file.
    ProptestConfig { cases: usual.cases.max(2048), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    /// I1 to I6 and the rules that `laws` names, hold after every input.
    #[test]
    fn the_laws_hold(start in starts(), beginning in beginnings(), steps in steps()) {
        live(start, &beginning, &steps);
    }

    /// I7: whatever went before, the jobs settle when each node does what it was told and says so. What
    /// was not told to stop runs on for ever, unless the closing is to wait for it.
    #[test]
    fn every_end_is_reached(
        start in starts(),
        beginning in beginnings(),
        steps in steps(),
        closing in closings(),
        exit_code in prop_oneof![Just(Some(0)), Just(Some(137)), Just(None)],
        last_first in any::<bool>(),
        late in vec(any::<u8>(), 0..4),
    ) {
        let mut world = live(start, &beginning, &steps);
        for node in (0..3).map(Name::nth) {
            world.feed(&Input::Node { node, event: NodeEvent::Returned });
        }
        for job in (0..3).map(Name::nth) {
            world.feed(&closing.input(job, false));
        }
        // What a node was told some time ago comes once more. It answers, and nobody minds.
        for pick in late {
            if let Some(instruction) = world.past.instructions.get(usize::from(pick) % 8) {
                world.hosts.take(instruction);
            }
        }
        let patient = matches!(closing, Closing::Disable(DisableTasks::Wait));
        // The longest way: a preparation is tried again, tasks end, releases run, and a job that ends by
        // itself on the way takes two ticks more.
        for _ in 0..8 {
            let mut due = world.hosts.due(patient);
            if last_first {
                due.reverse();
            }
            for run in due {
                world.report(run.ended(Ended { exit_code, failure: None }));
            }
            world.feed(&Input::Tick);
        }
        prop_assert_eq!(unsettled(&world, closing), Vec::<String>::new());
    }

    /// I7, F1: with force the jobs settle when the time is up, though no node says a word.
    #[test]
    fn force_needs_no_node(
        start in starts(),
        beginning in beginnings(),
        steps in steps(),
        closing in prop_oneof![Just(Closing::Terminate), Just(Closing::Delete)],
    ) {
        let mut world = live(start, &beginning, &steps);
        // After every stamp, so that the time of the request counts and not an older one (T5).
        let stamps = world.account.jobs().map(|job| job.stamps().modified().max(job.stamps().entered()));
        world.now = stamps.chain([world.now]).max().unwrap();
        for job in (0..3).map(Name::nth) {
            world.feed(&closing.input(job, true));
        }
        // A deletion that was not forced cannot be forced later (R-delete-deleting).
        let is_forced = |id: &JobId| {
            let ending = world.account.job(id).unwrap().state().ending();
            !ending.is_some_and(|ending| {
                matches!(ending, Ending { kind: EndingKind::Deleting(_), force_deadline: None })
            })
        };
        let forced: Vec<_> = world.account.jobs().map(|job| job.id().clone()).filter(is_forced).collect();
        // A new ETag may take a tick of the clock more than the time of the request (T5).
        world.now = world.now.next_tick().saturating_add(world.account.force_timeout());
        world.feed(&Input::Tick);
        for job in forced {
            let state = world.account.job(&job).map(|job| job.state().name());
            let settled = state.is_none_or(|state| closing.is_settled(state));
            prop_assert!(settled, "job {} is {:?}", job, state);
        }
    }
}

/// A world with nodes and one job of this shape, that has two tasks: `1` and `02`.
fn world(a: u8, b: u8) -> World {
    let job = Name::nth(0);
    let mut inputs: Vec<Input> = (0..3)
        .map(|node| Input::AddNode { node: Name::nth(node), pool: node / 2, slots: 3 })
        .chain([Input::AddJob { job, shape: JobShape::decode(a, b, 0) }])
        .collect();
    inputs.extend((0..2).map(|task| Input::AddTask {
        job,
        task: Name::nth(task),
        shape: TaskShape::decode(0, 0, 0),
    }));
    live(at(USUAL), &inputs, &[])
}

/// Shapes of jobs for [`world`].
const PREPARES: u8 = 1;
const RELEASES: u8 = 1 | 32;
const PREPARES_TWICE: u8 = 1 | 8;

fn says(job: Name, node: Name, unit: Unit, event: ReportEvent) -> Input {
    let number = Number::Current;
    Input::Report { job: job.job(), node: node.node(), unit, number, event }
}

fn ended(exit_code: i32) -> ReportEvent {
    ReportEvent::Ended(Ended::with_exit_code(exit_code))
}

/// The run that a node has of something.
fn current_run(world: &World, job: Name, node: Name, unit: &Unit) -> RunId {
    world.account.current_run(&job.job(), &node.node(), unit).unwrap()
}

/// A node rebooted under a task, which was assigned to it again and waited for the preparation. Then the
/// late report of the first run came, and completed the task that had not run (E10, K3).
#[test]
fn a_late_word_does_not_end_a_task_that_waits() {
    let mut world = world(PREPARES, 0);
    let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
    let unit = Unit::Task(task.task());
    world.feed(&Input::Assign { job, task, node });
    world.feed(&says(job, node, Unit::Preparation, ended(0)));
    let first = current_run(&world, job, node, &unit);
    world.feed(&Input::Node { node, event: NodeEvent::Rebooted });
    world.feed(&Input::Assign { job, task, node });
    assert_ne!(current_run(&world, job, node, &unit), first);

    for exit_code in [0, 1] {
        assert_eq!(world.report(first.ended(Ended::with_exit_code(exit_code))).effects, []);
        assert_eq!(world.feed(&says(job, node, unit.clone(), ended(exit_code))).effects, []);
    }

    // As an answer to a stop the report of the run that was stopped counts, and no other (K6, E10).
    world.feed(&Input::TerminateTask { job, task, condition: Condition::None });
    assert_eq!(world.report(first.ended(Ended::with_exit_code(0))).effects, []);
    let effects = world.feed(&says(job, node, unit, ended(0))).effects;
    assert!(matches!(effects[..], [Effect::Fact(Fact::Task(.., TaskFact::Completed(_)))]), "{effects:?}");
}

/// Whether effects tell a node to run something of this kind.
fn tells_to_run(effects: &[Effect], unit: &Unit) -> bool {
    Effect::instructions(effects).any(|told| matches!(told, Instruction::Run(run) if run.unit == *unit))
}

/// The retry counts of the preparations among effects that nodes are told to run.
fn retries(effects: &[Effect]) -> Vec<u32> {
    let counts = Effect::facts(effects).filter_map(|fact| {
        let Fact::JobNode(.., JobNodeFact::PreparationIssued { retry_count, .. }) = fact else { return None };
        Some(*retry_count)
    });
    counts.collect()
}

/// A preparation that failed was tried again although its job was being disabled (G1).
#[test]
fn a_preparation_is_not_tried_again_for_a_disabled_job() {
    for disable_tasks in [DisableTasks::Requeue, DisableTasks::Terminate, DisableTasks::Wait] {
        let mut world = world(PREPARES_TWICE, 0);
        let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
        world.feed(&Input::Assign { job, task, node });
        world.feed(&Input::Disable { job, disable_tasks, condition: Condition::None });
        let effects = world.feed(&says(job, node, Unit::Preparation, ended(1))).effects;
        let again = tells_to_run(&effects, &Unit::Preparation);
        assert_eq!(again, disable_tasks == DisableTasks::Wait, "{disable_tasks:?}: {effects:?}");

        // It does not bar the node either: once the job is enabled it is run as if for the first time.
        if disable_tasks == DisableTasks::Requeue {
            world.feed(&Input::Tick);
            world.feed(&Input::Enable { job, condition: Condition::None });
            let effects = world.feed(&Input::Assign { job, task, node }).effects;
            assert!(tells_to_run(&effects, &Unit::Preparation), "{effects:?}");
            assert_eq!(retries(&effects), [0], "{effects:?}");
        }
    }
}

/// Effects had a node's id as the report spelled it, not as the node was made (S4).
#[test]
fn effects_keep_the_spelling_of_a_node() {
    let mut world = world(PREPARES, 0);
    let (job, node, shouting) = (Name::nth(0), Name::nth(0), Name::nth(0).respelled());
    world.feed(&Input::Assign { job, task: Name::nth(0), node });
    let effects = world.feed(&says(job, shouting, Unit::Preparation, ReportEvent::Started)).effects;
    let [Effect::Fact(Fact::JobNode(_, named, JobNodeFact::PreparationStarted { .. }))] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(named.as_str(), node.node().as_str());
}

/// A node left and came back in another pool, and the job went on to speak of it in the old pool, in the
/// old spelling.
#[test]
fn a_node_may_come_back_in_another_pool_and_spelling() {
    let mut world = world(PREPARES_TWICE, 0);
    let (job, node, back) = (Name::nth(0), Name::nth(2), Name::nth(2).respelled());
    let to_pool = |pool| Input::Update { job, change: Change::Pool(pool), condition: Condition::None };
    let disable_tasks = DisableTasks::Requeue;
    let move_to = |world: &mut World, pool| {
        world.feed(&Input::Disable { job, disable_tasks, condition: Condition::None });
        world.feed(&Input::Tick);
        assert!(!world.feed(&to_pool(pool)).refused);
        world.feed(&Input::Enable { job, condition: Condition::None });
    };
    move_to(&mut world, 1);
    world.feed(&Input::Assign { job, task: Name::nth(0), node });
    world.feed(&Input::Node { node, event: NodeEvent::Removed });
    world.feed(&Input::AddNode { node: back, pool: 0, slots: 3 });
    move_to(&mut world, 0);
    world.feed(&Input::Assign { job, task: Name::nth(0), node: back });

    let effects = world.feed(&says(job, back, Unit::Preparation, ended(1))).effects;
    let [_, Effect::Fact(Fact::JobNode(_, recorded, _)), Effect::Instruction(Instruction::Run(run))] =
        &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(run.unit, Unit::Preparation);
    let pool = world.account.run_specification(run).unwrap().pool;
    assert_eq!((run.node.as_str(), pool.as_str()), (back.node().as_str(), "pool-1"));
    assert_eq!(recorded.as_str(), back.node().as_str());
    let (known, record) = world.account.job(&job.job()).unwrap().nodes().next().unwrap();
    assert_eq!((known.as_str(), record.pool().as_str()), (back.node().as_str(), "pool-1"));
}

/// Random lives rarely get here: a job that was over before its deletion releases no node, also if the
/// node reboots in between (G2).
#[test]
fn a_reboot_does_not_release_a_completed_job() {
    let mut world = world(RELEASES, 0);
    let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
    world.feed(&Input::Assign { job, task, node });
    world.feed(&says(job, node, Unit::Preparation, ended(0)));
    world.feed(&Closing::Terminate.input(job, true));
    world.now = world.now.next_tick().saturating_add(world.account.force_timeout());
    world.feed(&Input::Tick);
    assert_eq!(unsettled(&world, Closing::Terminate), Vec::<String>::new());

    world.feed(&Closing::Delete.input(job, false));
    let effects = world.feed(&Input::Node { node, event: NodeEvent::Rebooted }).effects;
    assert!(!tells_to_run(&effects, &Unit::Release), "{effects:?}");
}

/// What effects tell nodes to stop, and why.
fn stops(effects: &[Effect]) -> Vec<(&RunId, StopCause)> {
    let stops = Effect::instructions(effects).filter_map(|instruction| match instruction {
        Instruction::Stop { run, cause } => Some((run, *cause)),
        Instruction::Run(_) | Instruction::AddNodes { .. } | Instruction::Act { .. } => None,
    });
    stops.collect()
}

/// The same: a tick that ends a job does not also stop a task whose own time is over (S2, K5).
#[test]
fn a_job_that_ends_stops_its_tasks_once() {
    let mut world = world(0, 0);
    let (job, task, node) = (Name::nth(0), Name::nth(2), Name::nth(0));
    let twenty_seconds = TaskShape::decode(0xC0, 0, 0);
    world.feed(&Input::AddTask { job, task, shape: twenty_seconds });
    world.feed(&Input::Update { job, change: Change::Seconds(20), condition: Condition::None });
    world.feed(&Input::Assign { job, task, node });
    world.feed(&says(job, node, Unit::Task(task.task()), ReportEvent::Started));
    let own = world.account.task(&job.job(), &task.task()).unwrap().constraints().max_wall_clock_time;
    world.now = world.now.saturating_add(own);

    let effects = world.feed(&Input::Tick).effects;
    let causes: Vec<StopCause> = stops(&effects).into_iter().map(|(_, cause)| cause).collect();
    assert_eq!(causes, [StopCause::JobEnding]);
}

/// The same: of several tasks whose time is over those are stopped first whose time was over first, and
/// of several releases those that started first (K5, E6).
#[test]
fn what_was_over_first_is_stopped_first() {
    let mut world = world(RELEASES, 0);
    let job = Name::nth(0);
    // The ids of the tasks and nodes are in another order than their starts.
    let places = [(Name::nth(3), Name::nth(1)), (Name::nth(2), Name::nth(0))];
    let twenty_seconds = TaskShape::decode(0xC0, 0, 0);
    for (task, node) in places {
        world.feed(&Input::AddTask { job, task, shape: twenty_seconds });
        world.feed(&Input::Assign { job, task, node });
        world.feed(&says(job, node, Unit::Preparation, ended(0)));
    }
    for (task, node) in places {
        world.now = world.now.next_tick();
        world.feed(&says(job, node, Unit::Task(task.task()), ReportEvent::Started));
    }
    world.now = world.now.saturating_add(TimeSpan::from_secs(20));
    let effects = world.feed(&Input::Tick).effects;
    let tasks: Vec<Option<&TaskId>> = stops(&effects).into_iter().map(|(run, _)| run.task()).collect();
    let ids = places.map(|(task, _)| task.task());
    assert_eq!(tasks, ids.each_ref().map(Some));

    for (task, node) in places {
        world.feed(&says(job, node, Unit::Task(task.task()), ended(137)));
    }
    world.feed(&Closing::Terminate.input(job, false));
    for (_, node) in places {
        world.now = world.now.next_tick();
        world.feed(&says(job, node, Unit::Release, ReportEvent::Started));
    }
    world.now = world.now.saturating_add(TimeSpan::from_secs(30));
    let effects = world.feed(&Input::Tick).effects;
    let nodes: Vec<NodeId> = stops(&effects).into_iter().map(|(run, _)| run.node.clone()).collect();
    assert_eq!(nodes, places.map(|(_, node)| node.node()));
}

/// A node was told to reboot after the cloud had taken it back (N3).
#[test]
fn a_preempted_node_is_told_nothing() {
    let mut world = world(0, 0);
    let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
    world.feed(&Input::Assign { job, task, node });
    world.feed(&Input::ChangeNode { node, change: ChangeNode::Reboot(NodeTasks::TaskCompletion) });
    world.feed(&Input::Node { node, event: NodeEvent::Preempted });
    assert_eq!(world.feed(&Input::Tick).effects, []);
}

/// A node that was put away was taken to answer, and one that was brought back by a reboot was not (N9).
#[test]
fn a_node_that_is_put_away_answers_once_it_is_back() {
    let mut world = world(0, 0);
    let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
    world.feed(&Input::Assign { job, task, node });
    world.feed(&Input::Node { node, event: NodeEvent::Deallocated });
    assert_eq!(world.feed(&Input::Node { node, event: NodeEvent::Returned }).effects, []);
    world.feed(&Input::ChangeNode { node, change: ChangeNode::Start });
    world.feed(&Input::Node { node, event: NodeEvent::Rebooted });
    assert!(!world.feed(&Input::Assign { job, task, node }).refused);
}

/// A node that was still being brought back was taken to answer, because it was said to have returned (N9).
#[test]
fn a_node_that_is_being_brought_back_is_not_back() {
    let mut world = world(0, 0);
    let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
    world.feed(&Input::Assign { job, task, node });
    world.feed(&Input::Node { node, event: NodeEvent::Deallocated });
    world.feed(&Input::ChangeNode { node, change: ChangeNode::Start });
    for event in [NodeEvent::Returned, NodeEvent::Lost] {
        assert_eq!(world.feed(&Input::Node { node, event }).effects, []);
    }
    world.feed(&Input::Node { node, event: NodeEvent::Started });
    assert!(!world.feed(&Input::Assign { job, task, node }).refused);
}

/// A node that was preempted while it was to be brought back came back as one that still is (N3).
#[test]
fn what_was_wanted_of_a_preempted_node_is_moot() {
    let mut world = world(0, 0);
    let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
    world.feed(&Input::Assign { job, task, node });
    world.feed(&Input::Node { node, event: NodeEvent::Deallocated });
    world.feed(&Input::ChangeNode { node, change: ChangeNode::Start });
    world.feed(&Input::Node { node, event: NodeEvent::Preempted });
    world.feed(&Input::Node { node, event: NodeEvent::Returned });
    assert_eq!(world.feed(&Input::Tick).effects, []);
    assert!(!world.feed(&Input::Assign { job, task, node }).refused);
}

/// A node that was leaving its pool was kept, because it had been put away or started meanwhile.
#[test]
fn a_leaving_node_leaves() {
    for event in [NodeEvent::Deallocated, NodeEvent::Started] {
        let mut world = world(0, 0);
        let node = Name::nth(0);
        world.feed(&Input::RemoveNode { node, tasks: NodeTasks::Requeue });
        world.feed(&Input::Node { node, event });
        let state = world.account.node(&node.node()).unwrap().state();
        assert!(state.is_leaving(), "{event:?}: {state:?}");
    }
}

/// Instructions had a node's id as the request spelled it (S4).
#[test]
fn orders_keep_the_spelling_of_a_node() {
    let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
    let (shouting, tasks) = (node.respelled(), NodeTasks::Requeue);
    let add_pool = Input::Pool { pool: 0, change: PoolChange::Add { slots: 3, target: 2 } };
    let remove = Input::Pool { pool: 0, change: PoolChange::RemoveNode { node: shouting, tasks } };
    let disable = Input::ChangeNode { node: shouting, change: ChangeNode::DisableScheduling(tasks) };
    for order in [disable, remove] {
        let mut world = world(0, 0);
        world.feed(&add_pool);
        world.feed(&Input::Tick);
        world.feed(&Input::Assign { job, task, node });
        let effects = world.feed(&order).effects;
        let named: Vec<&str> = stops(&effects).into_iter().map(|(run, _)| run.node.as_str()).collect();
        assert_eq!(named, [node.node().as_str()], "{order:?}");
    }
}

/// A node that reported a failure around a preparation or release was not believed (K5).
#[test]
fn a_failure_around_a_preparation_or_release_counts() {
    let error = || NodeError { code: "BlobNotFound".into(), message: "It is not there".into() };
    let failed =
        || ReportEvent::Ended(Ended { exit_code: Some(0), failure: Some(NodeFailure::FileUpload(error())) });
    let outcome =
        || RunOutcome::Failed { exit_code: Some(0), failure: Some(NodeFailure::FileUpload(error())) };

    // It is not tried again, though it has a retry left.
    let mut world = world(PREPARES_TWICE, 0);
    let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
    world.feed(&Input::Assign { job, task, node });
    let effects = world.feed(&says(job, node, Unit::Preparation, failed())).effects;
    let ended = JobNodeFact::PreparationEnded {
        outcome: outcome(),
        verdict: PreparationVerdict::Barred,
        at: world.now,
    };
    assert_eq!(effects[0], Fact::JobNode(job.job(), node.node(), ended).into());
    assert!(!tells_to_run(&effects, &Unit::Preparation), "{effects:?}");
    assert!(world.account.job(&job.job()).unwrap().node(&node.node()).unwrap().is_barred());

    // A failed release does not hold up the job (E7).
    let mut world = self::world(RELEASES, 0);
    world.feed(&Input::Assign { job, task, node });
    world.feed(&says(job, node, Unit::Preparation, self::ended(0)));
    world.feed(&Closing::Terminate.input(job, false));
    world.feed(&says(job, node, Unit::Task(task.task()), self::ended(0)));
    let effects = world.feed(&says(job, node, Unit::Release, failed())).effects;
    let ended = JobNodeFact::ReleaseEnded { outcome: outcome(), at: world.now };
    assert_eq!(effects, [Fact::JobNode(job.job(), node.node(), ended).into()]);
    world.feed(&Input::Tick);
    assert_eq!(unsettled(&world, Closing::Terminate), Vec::<String>::new());
}

/// A job that was deleted and added again had the run numbers of the old one, so that a late report of
/// the old one could be taken for one of the new one (E10).
#[test]
fn a_job_of_the_same_id_has_other_runs() {
    let mut world = world(0, 0);
    let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
    let unit = Unit::Task(task.task());
    world.feed(&Input::Assign { job, task, node });
    let first = current_run(&world, job, node, &unit);
    world.feed(&Closing::Delete.input(job, false));
    world.report(first.ended(Ended::default()));
    world.feed(&Input::Tick);
    assert!(world.account.job(&job.job()).is_none());

    world.feed(&Input::AddJob { job, shape: JobShape::decode(0, 0, 0) });
    world.feed(&Input::AddTask { job, task, shape: TaskShape::decode(0, 0, 0) });
    world.feed(&Input::Assign { job, task, node });
    assert_eq!(world.report(first.started()).effects, []);
    assert_eq!(world.report(first.ended(Ended::with_exit_code(0))).effects, []);
    assert_ne!(current_run(&world, job, node, &unit), first);
}

/// A node that is told to stop a run while it has another one of the same unit leaves that alone, and
/// reports the end of the first (E10).
#[test]
fn a_late_stop_stops_no_other_run() {
    let mut world = world(0, 0);
    let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
    world.feed(&Input::Assign { job, task, node });
    let first = current_run(&world, job, node, &Unit::Task(task.task()));
    world.feed(&Input::Disable { job, disable_tasks: DisableTasks::Requeue, condition: Condition::None });
    assert_eq!(world.hosts.due(false), std::slice::from_ref(&first));
    let stop = Instruction::Stop { run: first.clone(), cause: StopCause::Task(TaskStop::Requeue) };
    world.report(first.ended(Ended::default()));
    world.feed(&Input::Enable { job, condition: Condition::None });
    world.feed(&Input::Assign { job, task, node });

    world.hosts.take(&stop);
    assert_eq!(world.hosts.due(false), std::slice::from_ref(&first));
    assert_eq!(world.report(first.ended(Ended::default())).effects, []);
    assert_eq!(world.hosts.due(false), []);
    assert_eq!(world.hosts.due(true), [current_run(&world, job, node, &Unit::Task(task.task()))]);
}

/// What leaves its pool and is taken away meanwhile still leaves, and is not there for its jobs (N3).
#[test]
fn a_leaving_node_may_be_gone() {
    for event in [NodeEvent::Preempted, NodeEvent::Deallocated] {
        let mut world = world(0, 0);
        let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
        world.feed(&Input::Assign { job, task, node });
        world.feed(&Input::RemoveNode { node, tasks: NodeTasks::TaskCompletion });
        let effects = world.feed(&Input::Node { node, event }).effects;
        assert_eq!(effects.iter().filter(|effect| effect.name() == "NodeChanged").count(), 1, "{effects:?}");
        let state = world.account.node(&node.node()).unwrap().state();
        assert!(matches!(state, NodeState::LeavingPool(Contact::Gone, _)), "{event:?}: {state:?}");
        let told: Vec<&str> = world.feed(&Input::Tick).effects.iter().map(Effect::name).collect();
        assert_eq!(told, ["NodeActionIssued", "RemoveNode"]);
    }
}

/// What happened to a node was lost, because a task that it had was changed later than it: the fact was
/// stamped before the tasks left, and did not fit any more once they had (T5).
#[test]
fn an_event_is_recorded_after_the_tasks_that_it_ends() {
    let (job, first, second, node) = (Name::nth(0), Name::nth(0), Name::nth(1), Name::nth(0));
    let condition = Condition::None;

    // The clock runs back.
    let mut back = world(0, 0);
    back.feed(&Input::Assign { job, task: first, node });
    let start = back.now;
    back.now = start.next_tick();
    back.feed(&Input::Assign { job, task: second, node });
    back.now = start;

    // The clock stands, and the new ETags of a task are later than it.
    let mut still = world(0, 0);
    still.feed(&Input::UpdateTask { job, task: first, retries: 1, condition });
    still.feed(&Input::UpdateTask { job, task: first, retries: 2, condition });
    still.feed(&Input::Assign { job, task: second, node });
    still.feed(&Input::Assign { job, task: first, node });

    for mut world in [back, still] {
        world.feed(&Input::Node { node, event: NodeEvent::Preempted });
        assert_eq!(world.account.node(&node.node()).unwrap().state(), NodeState::Preempted);
    }
}

/// A node left and came back in another spelling, and its job was told of it in the old one (S4).
#[test]
fn events_have_the_spelling_of_the_node_that_is_there() {
    let mut world = world(0, 0);
    let (job, task, node) = (Name::nth(0), Name::nth(0), Name::nth(0));
    world.feed(&Input::Assign { job, task, node });
    world.feed(&Input::Node { node, event: NodeEvent::Removed });
    world.feed(&Input::AddNode { node: node.respelled(), pool: 0, slots: 3 });
    for event in [NodeEvent::Lost, NodeEvent::Returned] {
        let effects = world.feed(&Input::Node { node, event }).effects;
        let named: Vec<&str> = effects.iter().filter_map(Effect::node).map(NodeId::as_str).collect();
        assert_eq!(named, [node.respelled().node().as_str(); 2], "{event:?}");
    }
}
