//! What must hold of each step and in each world.

use azbatch::{
    Account, Effect, Instruction, Job, NodeId, RunId, Task, Timestamp,
    error::Violation,
    job::{DeleteJob, Ended, JobNode, JobState, JobStateName, NodeRun, TerminateJob, Unit},
    node::{Contact, Node, NodeEvent, NodeState, Reach, SchedulingState},
    task::TaskState,
    testing::{Call, Refused, laws, runs_in_progress},
};
use stateright::Property;

use super::{Service, World, actions};

/// How often nodes answer before a job must have ended: for its preparation, its tasks and its release, each of
/// which can have to be stopped first.
const ROUNDS: usize = 12;

/// The laws of a step.
pub fn step(
    before: &Account,
    result: &Result<Vec<Effect>, Refused>,
    after: &Account,
) -> Result<(), Violation> {
    let Ok(effects) = result else { return laws::refusal_changes_nothing(before, after) };
    if effects.is_empty() {
        // What `facts_tell_all` says then, without a copy.
        return laws::refusal_changes_nothing(before, after);
    }
    laws::facts_tell_all(before, effects, after)?;
    laws::announced_instructions_follow(effects)?;
    laws::instructions_are_new(before, effects, after)?;
    laws::history_goes_on(before, effects, after)
}

fn hold<T: Into<String>>(holds: bool, rule: &'static str, what: impl FnOnce() -> T) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { rule, what: what().into() }) }
}

/// A law of a world.
type Law = fn(&Service, &World) -> Result<(), Violation>;

/// The laws of a world, each with its name.
const LAWS: [(&str, Law); 9] = [
    ("each step keeps the laws", kept_by_the_last_step),
    ("the account is sound", is_sound),
    ("what a state does not allow is refused", refuses),
    ("late and repeated reports change nothing", ignores_old_reports),
    ("what is outstanding can be answered", can_be_answered),
    ("free slots are used", uses_free_slots),
    ("a job ends if its nodes answer", ends_if_nodes_answer),
    ("a job is disabled if its nodes answer", is_disabled_if_nodes_answer),
    ("a job ends by force without its nodes", ends_by_force),
];

const PLANTED: (&str, Law) = ("no job is ever completed", is_not_completed);
const ALIKE: (&str, Law) = ("worlds that look alike are alike", looks_as_it_is);

/// Whether a law holds: a property has a function that captures nothing.
fn holds<const NUMBER: usize>(service: &Service, world: &World) -> bool {
    service.is_stopped() || LAWS[NUMBER].1(service, world).is_ok()
}

const CONDITIONS: [fn(&Service, &World) -> bool; LAWS.len()] = [
    holds::<0>, holds::<1>, holds::<2>, holds::<3>, holds::<4>, holds::<5>, holds::<6>, holds::<7>,
    holds::<8>,
];

/// The laws as properties.
pub fn properties(service: &Service) -> Vec<Property<Service>> {
    let laws = LAWS.iter().zip(CONDITIONS);
    let mut properties: Vec<_> =
        laws.map(|((name, _), condition)| Property::always(name, condition)).collect();
    if service.notes.is_some() {
        let condition =
            |service: &Service, world: &World| service.is_stopped() || ALIKE.1(service, world).is_ok();
        properties.push(Property::always(ALIKE.0, condition));
    }
    if service.planted {
        let condition =
            |service: &Service, world: &World| service.is_stopped() || PLANTED.1(service, world).is_ok();
        properties.push(Property::always(PLANTED.0, condition));
    }
    properties
}

/// How a law does not hold, by its name.
pub fn violation(name: &str, service: &Service, world: &World) -> Option<Violation> {
    let (_, law) = LAWS.iter().chain([&PLANTED, &ALIKE]).find(|(known, _)| *known == name)?;
    law(service, world).err()
}

fn kept_by_the_last_step(_: &Service, world: &World) -> Result<(), Violation> {
    world.broken().cloned().map_or(Ok(()), Err)
}

fn is_sound(_: &Service, world: &World) -> Result<(), Violation> {
    world.account.check()?;
    laws::reasons_are_told(&world.account)?;
    let is_due = world.account.deadline().is_some_and(|due| due <= world.now);
    if is_due { laws::ticks_come_to_an_end(&world.account, world.now) } else { Ok(()) }
}

fn is_not_completed(service: &Service, world: &World) -> Result<(), Violation> {
    let name = world.account.job(&service.names.job).map(|job| job.state().name());
    hold(name != Some(JobStateName::Completed), "E8", || "the job is completed")
}

/// S5, I4: each request that the table of the job's states does not allow is refused with what the table says, and
/// changes nothing. What is expected comes from that table itself, whose cells the grid tests check.
fn refuses(service: &Service, world: &World) -> Result<(), Violation> {
    let Some(job) = world.account.job(&service.names.job) else { return Ok(()) };
    let mut account = Account::clone(&world.account);
    for (request, call) in actions::job_requests(service, world) {
        let Err(expected) = job.allows(request) else { continue };
        let is_refused = call.make(&mut account, world.now) == Err(Refused::Request(expected));
        hold(is_refused, "S5", || format!("{call:?} is not refused as the job's state says"))?;
    }
    laws::refusal_changes_nothing(&world.account, &account)
}

/// E10: reports of runs that are over, were never begun, or have started already: with every number up to the one
/// after the last.
fn ignores_old_reports(service: &Service, world: &World) -> Result<(), Violation> {
    let names = &service.names;
    let mut account = Account::clone(&world.account);
    let in_progress = runs_in_progress(&account);
    let tasks = names.tasks.iter().cloned().map(Unit::Task);
    let units: Vec<Unit> = [Unit::Preparation, Unit::Release].into_iter().chain(tasks).collect();
    for (node, unit) in names.nodes.iter().flat_map(|node| units.iter().map(move |unit| (node, unit))) {
        for number in 0..=world.last_run + 1 {
            let run = RunId { job: names.job.clone(), node: node.clone(), unit: unit.clone(), number };
            let is_over = !in_progress.contains(&run);
            let started = (is_over || has_started(&account, &run)).then(|| run.started());
            let codes = if is_over { [0, 1].as_slice() } else { &[] };
            let ended = codes.iter().map(|code| run.ended(Ended::with_exit_code(*code)));
            for report in started.into_iter().chain(ended) {
                let effects = account.report(&report, world.now);
                hold(effects.is_empty(), "E10", || format!("{report}, and it has effects: {effects:?}"))?;
            }
        }
    }
    laws::refusal_changes_nothing(&world.account, &account)
}

/// Whether the start of a run that is in progress was reported.
fn has_started(account: &Account, run: &RunId) -> bool {
    let Some(job) = account.job(&run.job) else { return false };
    let start_of = |found: Option<&NodeRun>| found.and_then(NodeRun::start_time);
    let start = match &run.unit {
        Unit::Preparation => job.node(&run.node).and_then(|record| start_of(record.preparation())),
        Unit::Release => job.node(&run.node).and_then(|record| start_of(record.release())),
        Unit::Task(task) => job.task(task).and_then(|task| match task.state() {
            TaskState::Running { start_time, .. } => *start_time,
            TaskState::Active | TaskState::Preparing(_) | TaskState::Completed(_) => None,
        }),
    };
    start.is_some()
}

/// Every instruction that is outstanding can be answered, so that it does not stay. The end of a preparation answers
/// for tasks that wait for it, and the restart of a node for all that is there, so these come last.
fn can_be_answered(service: &Service, world: &World) -> Result<(), Violation> {
    let mut account = Account::clone(&world.account);
    let mut outstanding = account.outstanding();
    // A run that was issued and is to stop is listed twice, one after the other, and ends once.
    outstanding.dedup_by(|later, earlier| later.run().is_some() && later.run() == earlier.run());
    outstanding.sort_by_key(|instruction| match instruction.run() {
        None => 2,
        Some(run) => u8::from(run.unit == Unit::Preparation),
    });
    for instruction in outstanding {
        let effects = carry_out(&mut account, &instruction, 0, service, world.now);
        hold(!effects.is_empty(), "E10", || format!("{instruction}: no answer changes anything"))?;
    }
    Ok(())
}

/// Does at once what an instruction says, and tells the account. A process ends with this code.
fn carry_out(
    account: &mut Account,
    instruction: &Instruction,
    code: i32,
    service: &Service,
    now: Timestamp,
) -> Vec<Effect> {
    match instruction {
        Instruction::Run(run) | Instruction::Stop { run, .. } => {
            account.report(&run.ended(Ended::with_exit_code(code)), now)
        }
        Instruction::Act { node, .. } => {
            let event = account.node(node).and_then(actions::answer);
            event.map_or(vec![], |event| account.node_event(node, event, now))
        }
        Instruction::AddNodes { pool, .. } => {
            let free = service.names.nodes.iter().find(|node| account.node(node).is_none());
            let node = free.cloned().unwrap_or_else(actions::another_node);
            account.add_node(pool, &node, now).unwrap_or_default()
        }
        Instruction::AddPool { .. } => vec![],
    }
}

/// P1: after the scheduler, no task waits that a node has room for.
fn uses_free_slots(service: &Service, world: &World) -> Result<(), Violation> {
    let job = world.account.job(&service.names.job);
    if job.is_none_or(|job| job.task_counts().active == 0 || !is(job, JobStateName::Active)) {
        return Ok(());
    }
    let mut account = Account::clone(&world.account);
    drop(account.schedule(world.now));
    let Some(job) = account.job(&service.names.job) else { return Ok(()) };
    let Some(task) = job.tasks().find(|task| can_start(job, task)) else { return Ok(()) };
    let node = account.nodes().find(|node| has_room(node, job.node(node.id())));
    let waits = |node: &Node| format!("task {} waits while node {} has room", task.id(), node.id());
    hold(node.is_none(), "P1", || node.map(waits).unwrap_or_default())
}

fn is(job: &Job, state: JobStateName) -> bool {
    job.state().name() == state
}

fn can_start(job: &Job, task: &Task) -> bool {
    let needed = task.specification().depends_on.iter().flat_map(|needed| &needed.task_ids);
    let mut needed = needed.map(|id| job.task(id).is_some_and(Task::satisfies_dependants));
    *task.state() == TaskState::Active && needed.all(|is_met| is_met)
}

/// Each task takes one slot.
fn has_room(node: &Node, record: Option<&JobNode>) -> bool {
    node.state() == NodeState::Ready(Reach::Answering)
        && node.scheduling() == SchedulingState::Enabled
        && node.free_slots() > 0
        && !record.is_some_and(JobNode::is_barred)
}

/// I7: a job that is ending has ended once its nodes have answered, and so has one that is told to end now.
fn ends_if_nodes_answer(service: &Service, world: &World) -> Result<(), Violation> {
    let (job, now) = (&service.names.job, world.now);
    let has_ended = |account: &Account| account.job(job).is_none_or(|job| is(job, JobStateName::Completed));
    let mut account = Account::clone(&world.account);
    match account.job(job).map(Job::state) {
        None | Some(JobState::Completed(_)) => return Ok(()),
        Some(JobState::Ending(_)) => {}
        Some(JobState::Living(_)) => {
            let terminated = account.terminate_job(job, &TerminateJob::by_user(), now);
            hold(terminated.is_ok(), "E1", || "a living job cannot be terminated")?;
        }
    }
    let ends = come_to(&account, service, now, has_ended);
    hold(ends, "I7", || "the job does not end although all its nodes answer")
}

/// G1: a job that is being disabled is disabled, or ends, once its nodes have answered.
fn is_disabled_if_nodes_answer(service: &Service, world: &World) -> Result<(), Violation> {
    let job = &service.names.job;
    let is_disabling =
        |account: &Account| account.job(job).is_some_and(|job| is(job, JobStateName::Disabling));
    if !is_disabling(&world.account) {
        return Ok(());
    }
    let is_over = come_to(&world.account, service, world.now, |account| !is_disabling(account));
    hold(is_over, "G1", || "the job stays disabling although all its nodes answer")
}

/// Whether this is met once nodes that are lost have come back, and all nodes have done what they were told: in the
/// order in which they were told and in the reverse order, with runs that succeed and with runs that fail.
fn come_to(account: &Account, service: &Service, now: Timestamp, is_met: impl Fn(&Account) -> bool) -> bool {
    let ways = [(false, 0), (false, 1), (true, 0), (true, 1)];
    ways.into_iter().all(|(is_reversed, code)| {
        let mut account = account.clone();
        answer_all(&mut account, service, now, is_reversed, code);
        is_met(&account)
    })
}

/// Lets nodes that are lost come back, and all nodes do what they are told, until nothing is outstanding.
fn answer_all(account: &mut Account, service: &Service, now: Timestamp, is_reversed: bool, code: i32) {
    let lost = account.nodes().filter(|node| node.contact() == Contact::Lost);
    let lost: Vec<NodeId> = lost.map(|node| node.id().clone()).collect();
    for node in lost {
        drop(account.node_event(&node, NodeEvent::Returned, now));
    }
    for _ in 0..ROUNDS {
        let mut outstanding = account.outstanding();
        if outstanding.is_empty() && account.deadline().is_none_or(|due| due > now) {
            break;
        }
        if is_reversed {
            outstanding.reverse();
        }
        for instruction in outstanding {
            drop(carry_out(account, &instruction, code, service, now));
        }
        drop(account.tick(now));
    }
}

/// F1, F2: a job that is forced to end ends at its deadline, whatever nodes do.
fn ends_by_force(service: &Service, world: &World) -> Result<(), Violation> {
    let (job, now) = (&service.names.job, world.now);
    let Some(state) = world.account.job(job).map(Job::state) else { return Ok(()) };
    let forced = |state: &JobState| state.ending().is_some_and(|ending| ending.force_deadline.is_some());
    let force = Some(world.account.force_timeout());
    let mut ends = Vec::new();
    if forced(state) {
        ends.push(Account::clone(&world.account));
    }
    for request in [
        Call::TerminateJob(job.clone(), actions::forced_end(&world.account)),
        Call::DeleteJob(job.clone(), DeleteJob { force, ..DeleteJob::default() }),
    ] {
        let mut account = Account::clone(&world.account);
        if request.make(&mut account, now).is_ok() {
            ends.push(account);
        }
    }
    let is_left = matches!(state, JobState::Living(_)) && ends.len() < 2;
    hold(!is_left, "F1", || "a living job cannot be forced to end")?;
    for mut account in ends {
        let latest = now.saturating_add(account.force_timeout());
        let is_deletion = account.job(job).is_some_and(|job| is(job, JobStateName::Deleting));
        for _ in 0..ROUNDS {
            let Some(due) = account.deadline().filter(|due| *due <= latest) else { break };
            drop(account.tick(now.max(due)));
        }
        let left = account.job(job).map(|job| job.state().name());
        let has_ended = left.is_none() || (left == Some(JobStateName::Completed) && !is_deletion);
        hold(has_ended, "F1", || "a job that was forced to end has not ended in time")?;
    }
    Ok(())
}

/// Worlds with one view lead to worlds of the same views, action by action. It also notes the view.
fn looks_as_it_is(service: &Service, world: &World) -> Result<(), Violation> {
    let Some(notes) = &service.notes else { return Ok(()) };
    let mut actions = Vec::new();
    actions::possible(service, world, &mut actions);
    let followers = actions.iter().map(|action| Some(service.view(&service.follow(world, action)?)));
    let followers: Vec<_> = followers.collect();
    notes.representatives.lock().unwrap().insert(service.representative(world));
    let mut known = notes.followers.lock().unwrap();
    let is_alike = known.entry(service.view(world)).or_insert_with(|| followers.clone()) == &followers;
    hold(is_alike, "the view", || "another world that looks like this one leads elsewhere")
}
