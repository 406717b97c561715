//! What must hold of the reasons why a job has not ended and why a task is not running: each is tested by
//! what happens if it is taken away, or by what is refused while it is there.

use std::collections::{BTreeMap, BTreeSet};

use azbatch::{
    Account, Effect, Fact, Job, JobId, Node, NodeId, PoolId, RunId, Task, TaskId, Timestamp,
    job::{
        AwaitedUnit, DependencyState, Ended, JobState, JobStateName, Living, NodeObstacle, NodeWait,
        NotAssigned, NotEnded, NotRunning, OnAllTasksComplete, Unit,
    },
    node::{Contact, NodeState, Reach, SchedulingState},
    pool::{AllocationState, Pool, PoolState},
    task::{TaskIdRange, TaskState},
};

use super::laws::dependencies_met;

/// Checks the reasons of everything in the account.
pub(crate) fn check(account: &Account, now: Timestamp) {
    for job in account.jobs() {
        check_job(account, job, now);
    }
    check_schedule(account, now);
    check_assignments(account, now);
}

fn why_not_ended(account: &Account, job: &JobId, now: Timestamp) -> Vec<NotEnded> {
    account.why_not_ended(job, now).unwrap()
}

fn check_job(account: &Account, job: &Job, now: Timestamp) {
    let (id, reasons) = (job.id(), why_not_ended(account, job.id(), now));
    let is_completed = matches!(job.state(), JobState::Completed(_));
    assert_eq!(reasons.is_empty(), is_completed, "{id}: {reasons:?}");
    let texts: BTreeSet<String> = reasons.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), reasons.len(), "{id}: {reasons:?}");
    assert_eq!(reasons.contains(&NotEnded::Tick), moves_on(account, job, now), "S1: {id}: {reasons:?}");
    check_ends(account, job, &reasons, now);
    match job.state() {
        JobState::Living(living) => check_living(job, *living, &reasons),
        JobState::Ending(_) => check_ending(account, job, &reasons, now),
        JobState::Completed(_) => {}
    }
}

/// How far a job is on its way to its end.
fn progress(job: Option<&Job>) -> u8 {
    match job.map(Job::state) {
        Some(JobState::Living(_)) => 0,
        Some(JobState::Ending(_)) => 1,
        Some(JobState::Completed(_)) | None => 2,
    }
}

/// Whether ticks alone move the job on now. X7: a disabling comes first, which takes two.
fn moves_on(account: &Account, job: &Job, now: Timestamp) -> bool {
    let mut account = account.clone();
    let ticks = match job.state() {
        JobState::Living(Living::Enabling) => 0,
        JobState::Living(_) => 3,
        JobState::Ending(_) | JobState::Completed(_) => 1,
    };
    for _ in 0..ticks {
        drop(account.tick(now));
    }
    progress(account.job(job.id())) > progress(Some(job))
}

/// A reason that ends by itself is gone after a tick at that instant, and what an ending job waits for is
/// not gone before.
fn check_ends(account: &Account, job: &Job, reasons: &[NotEnded], now: Timestamp) {
    for reason in reasons {
        let Some(until) = reason.until() else { continue };
        let left = after_tick(account, job, until);
        assert!(!left.contains(reason), "{}: {reason:?} is still there at {until}", job.id());
    }
    let deadline = job.deadline().filter(|deadline| job.state().is_ending() && *deadline > now);
    let Some(deadline) = deadline else { return };
    let left = after_tick(account, job, deadline);
    for lost in reasons.iter().filter_map(wait) {
        let is_left =
            left.iter().filter_map(wait).any(|wait| wait.node == lost.node && wait.unit == lost.unit);
        let ends = lost.until.is_some_and(|until| until <= deadline);
        assert_ne!(is_left, ends, "E6, F1: {}: {lost:?} at {deadline}", job.id());
    }
}

fn after_tick(account: &Account, job: &Job, at: Timestamp) -> Vec<NotEnded> {
    let mut account = account.clone();
    drop(account.tick(at));
    account.why_not_ended(job.id(), at).unwrap_or_default()
}

fn check_living(job: &Job, living: Living, reasons: &[NotEnded]) {
    if reasons.contains(&NotEnded::Tick) {
        assert_eq!(reasons, [NotEnded::Tick], "{}", job.id());
        return;
    }
    let ends_with_tasks = job.settings().on_all_tasks_complete == OnAllTasksComplete::TerminateJob;
    let counts = job.task_counts();
    let (mut running, mut active, mut manager) = (0, 0, false);
    for reason in reasons {
        match reason {
            NotEnded::Node(NodeWait { node, unit, stopping, .. }) => {
                running += count_on_node(job, node, unit, *stopping);
            }
            NotEnded::ActiveTasks { first, count } => {
                active += count;
                let task = job.tasks().filter(|task| *task.state() == TaskState::Active);
                assert_eq!(task.min_by_key(|task| task.sequence()).map(Task::id), Some(first));
            }
            NotEnded::Manager { task, .. } => {
                manager = job.template().manager.as_ref().unwrap().id == *task; // X2
            }
            NotEnded::NotActive(state) => assert_eq!(*state, job.state().name()),
            NotEnded::NoAction => assert!(!ends_with_tasks, "X4: {}", job.id()),
            NotEnded::MaxWallClockTime { .. } => {}
            other => panic!("{}: {other:?}", job.id()),
        }
    }
    let waits_for_running = ends_with_tasks || matches!(living, Living::Disabling(_));
    assert_eq!(running, if waits_for_running { counts.running } else { 0 }, "{}: {reasons:?}", job.id());
    assert_eq!(active, if ends_with_tasks { counts.active } else { 0 }, "{}: {reasons:?}", job.id());
    let never = reasons.contains(&NotEnded::NoAction);
    assert_eq!(never, !ends_with_tasks && !manager, "{}: {reasons:?}", job.id());
}

/// How many tasks a reason speaks of, each of which is on that node and in that state.
fn count_on_node(job: &Job, node: &NodeId, unit: &AwaitedUnit, stopping: bool) -> u64 {
    let here =
        job.tasks().filter(|task| task.state().assignment().is_some_and(|at| at.placement.node == *node));
    let here: Vec<&Task> = here.collect();
    match unit {
        AwaitedUnit::Preparation => {
            assert!(here.iter().all(|task| task.state().is_preparing()), "K1: {node}");
            u64::try_from(here.len()).unwrap()
        }
        AwaitedUnit::Tasks { first, count } => {
            let told = here.into_iter().filter(|task| task.stop().is_some() == stopping);
            let told: Vec<&Task> = told.collect();
            assert_eq!(told.first().map(|task| task.id()), Some(first));
            assert_eq!(u64::try_from(told.len()), Ok(*count));
            *count
        }
        AwaitedUnit::Release => panic!("a living job runs no release task"),
    }
}

/// An ending job ends when everything that it waits for has been answered, and not before.
fn check_ending(account: &Account, job: &Job, reasons: &[NotEnded], now: Timestamp) {
    let waits: Vec<&NodeWait> = reasons.iter().filter_map(wait).collect();
    assert_eq!(
        waits.len(),
        job.nodes_awaited() * usize::from(!reasons.contains(&NotEnded::Tick)),
        "{reasons:?}"
    );
    for wait in &waits {
        assert_eq!(wait.node_state, account.node(&wait.node).map(Node::state_name));
        assert_eq!(wait.contact, account.node(&wait.node).map_or(Contact::Gone, Node::contact));
    }
    for left_out in 0..=waits.len() {
        let mut account = account.clone();
        for (place, wait) in waits.iter().enumerate() {
            if place != left_out {
                answer(&mut account, job.id(), wait, now);
            }
        }
        let now = now.next_tick();
        let ends = left_out == waits.len() && !waits.is_empty();
        let is_forced = job.state().ending().unwrap().force_deadline.is_some_and(|deadline| deadline <= now);
        if !is_forced && !waits.is_empty() {
            drop(account.tick(now));
            assert_eq!(progress(account.job(job.id())) > 1, ends, "{}: {reasons:?}", job.id());
        }
    }
}

fn wait(reason: &NotEnded) -> Option<&NodeWait> {
    match reason {
        NotEnded::Node(wait) => Some(wait),
        _ => None,
    }
}

/// A node does what a job waits for there.
fn answer(account: &mut Account, job: &JobId, wait: &NodeWait, now: Timestamp) {
    let units = match &wait.unit {
        AwaitedUnit::Preparation => vec![Unit::Preparation],
        AwaitedUnit::Release => vec![Unit::Release],
        AwaitedUnit::Tasks { first, count } => {
            let tasks: Vec<TaskId> =
                account.job(job).unwrap().node(&wait.node).unwrap().tasks().cloned().collect();
            assert_eq!((tasks.first(), u64::try_from(tasks.len())), (Some(first), Ok(*count)));
            tasks.into_iter().map(Unit::Task).collect()
        }
    };
    for unit in units {
        end(account, job, &wait.node, &unit, now);
    }
    let releasing = |account: &Account| {
        let run = account.job(job).unwrap().node(&wait.node).unwrap().release().cloned();
        run.is_some_and(|run| run.in_progress())
    };
    assert_eq!(releasing(account), wait.release_follows, "E5: {wait:?}");
    if wait.release_follows {
        end(account, job, &wait.node, &Unit::Release, now);
    }
}

fn end(account: &mut Account, job: &JobId, node: &NodeId, unit: &Unit, now: Timestamp) {
    let run: RunId = account.current_run(job, node, unit).unwrap();
    drop(account.report(&run.ended(Ended::with_exit_code(0)), now));
}

/// All active tasks, with why they are not running.
fn active_tasks(account: &Account, now: Timestamp) -> BTreeMap<(JobId, TaskId), Vec<NotRunning>> {
    let mut found = BTreeMap::new();
    for job in account.jobs() {
        for task in job.tasks() {
            let reasons = account.why_not_running(job.id(), task.id(), now).unwrap();
            match task.state() {
                TaskState::Active => drop(found.insert((job.id().clone(), task.id().clone()), reasons)),
                TaskState::Preparing(_) => check_preparing(job, task, &reasons),
                TaskState::Running { .. } | TaskState::Completed(_) => {
                    assert_eq!(reasons, [], "{}", task.id());
                }
            }
        }
    }
    found
}

fn check_preparing(job: &Job, task: &Task, reasons: &[NotRunning]) {
    let Some(NotRunning::Preparation { node, .. }) = reasons.first() else { panic!("{reasons:?}") };
    assert_eq!(task.placement().map(|at| &at.node), Some(node), "K1");
    let is_told = job.state().is_ending() || task.stop().is_some();
    assert_eq!(reasons.get(1), is_told.then_some(&NotRunning::Stopping), "K6");
}

/// Whether the scheduler can place a task now, unless others come first.
fn is_schedulable(reasons: &[NotRunning]) -> bool {
    reasons.iter().any(|reason| matches!(reason, NotRunning::Scheduling(_)))
}

/// P1: the scheduler places what nothing keeps from running and nothing comes before, and nothing that
/// something keeps from running. When it is done, something keeps every other task from running.
fn check_schedule(account: &Account, now: Timestamp) {
    let before = active_tasks(account, now);
    let mut after = account.clone();
    let effects = after.schedule(now);
    let placed: BTreeMap<(JobId, TaskId), NodeId> = Effect::facts(&effects).filter_map(placement).collect();
    for (task, reasons) in &before {
        assert!(!reasons.is_empty(), "{task:?} is not running for no reason");
        let is_placed = placed.contains_key(task);
        assert!(is_schedulable(reasons) || !is_placed, "P1: {task:?} was placed: {reasons:?}");
        if let [NotRunning::Scheduling(node)] = reasons.as_slice() {
            assert_eq!(placed.get(task), Some(node), "P1: {task:?}");
        }
        let is_first = |reason: &NotRunning| {
            matches!(reason, NotRunning::Scheduling(_) | NotRunning::JobFirst(_) | NotRunning::TaskFirst(_))
        };
        assert_eq!(is_schedulable(reasons), reasons.iter().any(is_first), "{task:?}: {reasons:?}");
        assert_eq!(is_schedulable(reasons), reasons.iter().all(is_first), "{task:?}: {reasons:?}");
        let texts: BTreeSet<String> = reasons.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), reasons.len(), "{task:?}: {reasons:?}");
    }
    for (task, reasons) in active_tasks(&after, now) {
        assert!(!placed.contains_key(&task), "{task:?}");
        assert!(!reasons.is_empty() && !is_schedulable(&reasons), "P1: {task:?} was left: {reasons:?}");
    }
}

fn placement(fact: &Fact) -> Option<((JobId, TaskId), NodeId)> {
    match fact {
        Fact::Task(job, task, _) => Some(((job.clone(), task.clone()), fact.node()?.clone())),
        _ => None,
    }
}

/// What a host is told that assigns an active task to each node of the account agrees with the reasons.
fn check_assignments(account: &Account, now: Timestamp) {
    let mut trial = account.clone();
    for ((job_id, task_id), reasons) in active_tasks(account, now) {
        let job = account.job(&job_id).unwrap();
        let task = job.task(&task_id).unwrap();
        let mut refusals: BTreeMap<NotAssigned, u64> = BTreeMap::new();
        let mut taken_by = BTreeSet::new();
        for node in account.nodes() {
            match trial.assign(&job_id, &task_id, node.id(), now) {
                Ok(_) => {
                    trial = account.clone();
                    taken_by.insert(node.id().clone());
                }
                Err(why) => *refusals.entry(why).or_default() += 1,
            }
        }
        assert_eq!(is_schedulable(&reasons), !taken_by.is_empty(), "{task_id}: {reasons:?} {refusals:?}");
        for reason in &reasons {
            if let NotRunning::Scheduling(node) = reason {
                assert!(taken_by.contains(node), "P1: {task_id} {node}");
            }
        }
        check_own(job, task, &reasons, now);
        // Without nodes nothing is refused, and so nothing is known of why.
        let is_refused = !refusals.is_empty() && taken_by.is_empty();
        if is_refused && refusals.keys().all(|why| is_about_node(*why)) {
            check_nodes(account, job, task, &reasons, &refusals);
        }
    }
}

/// Whether a refusal is about the node, so that another node may take the task.
fn is_about_node(refusal: NotAssigned) -> bool {
    match refusal {
        NotAssigned::NodeBarred
        | NotAssigned::NodeNotReady
        | NotAssigned::DedicatedNodeNeeded
        | NotAssigned::NoSlots
        | NotAssigned::OtherPool
        | NotAssigned::NoNode => true,
        NotAssigned::NoJob
        | NotAssigned::JobNotActive
        | NotAssigned::NoTask
        | NotAssigned::TaskNotActive
        | NotAssigned::TaskExpired
        | NotAssigned::DependencyNotMet
        | NotAssigned::TooManyParallelTasks => false,
    }
}

/// Reasons that the task and its job have by themselves, each worked out again.
fn check_own(job: &Job, task: &Task, reasons: &[NotRunning], now: Timestamp) {
    let has = |wanted: fn(&NotRunning) -> bool| reasons.iter().any(wanted);
    let inactive = job.state().name() != JobStateName::Active;
    assert_eq!(has(|reason| matches!(reason, NotRunning::JobNotActive(_))), inactive);
    if !matches!(job.state(), JobState::Living(_)) {
        assert_eq!(reasons, [NotRunning::JobNotActive(job.state().name())], "E4");
        return;
    }
    let age = azbatch::TimeSpan::from_secs(180 * 24 * 60 * 60);
    let is_old = task.stamps().created().checked_add(age).is_some_and(|end| end <= now);
    assert_eq!(has(|reason| *reason == NotRunning::Expired), is_old, "K13");
    let at_limit = job.settings().max_parallel_tasks.to_wire();
    let at_limit = at_limit != -1 && job.task_counts().running >= u64::try_from(at_limit).unwrap();
    assert_eq!(has(|reason| matches!(reason, NotRunning::ParallelLimit { .. })), at_limit, "P1");
    let no_pool = has(|reason| matches!(reason, NotRunning::NoAutoPool | NotRunning::AutoPoolFailed(_)));
    assert_eq!(no_pool, job.pool().is_none(), "P19");
    assert_eq!(has(|reason| *reason == NotRunning::NoAutoPool), job.wanted_pool().is_some(), "P19");
    check_dependencies(job, task, reasons);
}

/// K9
fn check_dependencies(job: &Job, task: &Task, reasons: &[NotRunning]) {
    let mut named: BTreeMap<DependencyState, (u64, TaskId)> = BTreeMap::new();
    let mut ranges = None;
    for reason in reasons {
        match reason {
            NotRunning::DependsOn { state, first, count } => {
                assert_eq!(named.insert(*state, (*count, first.clone())), None, "{reasons:?}");
            }
            NotRunning::DependsOnRange { range, number, state, count } => {
                assert_eq!(ranges.replace((*range, *number, *state, *count)), None, "{reasons:?}");
            }
            _ => {}
        }
    }
    let none = named.is_empty() && ranges.is_none();
    assert_eq!(none, dependencies_met(job, task), "{}: {reasons:?}", task.id());
    let Some(dependencies) = &task.specification().depends_on else { return };
    let ids: BTreeSet<&TaskId> = dependencies.task_ids.iter().collect();
    for state in [DependencyState::Missing, DependencyState::Unfinished, DependencyState::Blocking] {
        let count = ids.iter().filter(|id| dependency_state(job.task(id)) == Some(state)).count();
        let first = dependencies.task_ids.iter().find(|id| dependency_state(job.task(id)) == Some(state));
        let count = u64::try_from(count).unwrap();
        assert_eq!(named.get(&state), first.map(|first| (count, first.clone())).as_ref(), "{reasons:?}");
    }
    let unmet: Vec<_> = dependencies.ranges.iter().filter_map(|range| first_unmet(job, *range)).collect();
    let count = u64::try_from(unmet.len()).unwrap();
    assert_eq!(ranges, unmet.first().map(|(range, number, state)| (*range, *number, *state, count)));
}

fn dependency_state(task: Option<&Task>) -> Option<DependencyState> {
    match task {
        None => Some(DependencyState::Missing),
        Some(task) if task.state().completion().is_none() => Some(DependencyState::Unfinished),
        Some(task) if task.satisfies_dependants() => None,
        Some(_) => Some(DependencyState::Blocking),
    }
}

fn first_unmet(job: &Job, range: TaskIdRange) -> Option<(TaskIdRange, u32, DependencyState)> {
    (range.start..=range.end).find_map(|number| {
        let tasks = job.tasks().filter(|task| task.id().as_str().parse() == Ok(number));
        let tasks: Vec<&Task> = tasks.collect();
        if tasks.is_empty() {
            return Some((range, number, DependencyState::Missing));
        }
        let state = tasks.into_iter().filter_map(|task| dependency_state(Some(task))).min()?;
        Some((range, number, state))
    })
}

/// The nodes of the pool that refuse the task are all among the reasons, each once and by its cause.
fn check_nodes(
    account: &Account,
    job: &Job,
    task: &Task,
    reasons: &[NotRunning],
    refusals: &BTreeMap<NotAssigned, u64>,
) {
    let Some(pool) = job.pool() else { return };
    let mut counted: BTreeMap<NotAssigned, u64> = BTreeMap::new();
    for reason in reasons {
        let NotRunning::Nodes { obstacle, first, count } = reason else { continue };
        let node = account.node(first).unwrap();
        assert_eq!(node.pool(), pool);
        *counted.entry(refusal(*obstacle, task, node)).or_default() += count;
    }
    // A barred node that takes no tasks can be named for either.
    let unusable = |counts: &BTreeMap<NotAssigned, u64>| {
        let count = |why| counts.get(&why).copied().unwrap_or_default();
        count(NotAssigned::NodeNotReady) + count(NotAssigned::NodeBarred)
    };
    assert_eq!(unusable(&counted), unusable(refusals), "{reasons:?}");
    for why in [NotAssigned::DedicatedNodeNeeded, NotAssigned::NoSlots] {
        assert_eq!(counted.get(&why), refusals.get(&why), "{reasons:?}");
    }
    check_pool(account, pool, reasons);
}

/// What a host is told that assigns the task to a node with this obstacle, which the node has.
fn refusal(obstacle: NodeObstacle, task: &Task, node: &Node) -> NotAssigned {
    let required = task.specification().required_slots;
    match obstacle {
        NodeObstacle::State(state) => {
            assert_eq!(node.state_name(), state);
            assert_ne!(node.state(), NodeState::Ready(Reach::Answering));
            NotAssigned::NodeNotReady
        }
        NodeObstacle::SchedulingDisabled => {
            assert_eq!(node.scheduling(), SchedulingState::Disabled);
            NotAssigned::NodeNotReady
        }
        NodeObstacle::Barred => NotAssigned::NodeBarred,
        NodeObstacle::LowPriority => NotAssigned::DedicatedNodeNeeded,
        NodeObstacle::TooSmall { required: told } => {
            assert_eq!(told, required);
            assert!(node.slots() < required);
            NotAssigned::NoSlots
        }
        NodeObstacle::Full => {
            assert!(node.slots() >= required);
            NotAssigned::NoSlots
        }
        other => panic!("{other:?}"),
    }
}

/// A pool is named for what it lacks.
fn check_pool(account: &Account, pool: &PoolId, reasons: &[NotRunning]) {
    let is_empty = account.nodes_of(pool).next().is_none();
    let found = account.pool(pool);
    let state = found.map(Pool::state);
    for (reason, holds) in [
        (NotRunning::NoPool(pool.clone()), is_empty && state.is_none()),
        (NotRunning::NoNodes(pool.clone()), is_empty && state == Some(PoolState::Active)),
        (NotRunning::PoolDeleting(pool.clone()), state == Some(PoolState::Deleting)),
    ] {
        assert_eq!(reasons.contains(&reason), holds, "{reasons:?}");
    }
    let is_resizing = found.is_some_and(|pool| pool.allocation_state() == AllocationState::Resizing);
    let (target, have) = (found.map(Pool::target).unwrap_or_default(), account.node_counts(pool));
    let missing = target.dedicated.saturating_sub(have.dedicated)
        + target.low_priority.saturating_sub(have.low_priority);
    let told = reasons.iter().find_map(|reason| match reason {
        NotRunning::PoolResizing { missing, .. } => Some(*missing),
        _ => None,
    });
    let waits = is_resizing && state == Some(PoolState::Active) && missing > 0;
    assert_eq!(told, waits.then_some(missing), "P2: {reasons:?}");
}
