//! Invariants: I1 to I7.

use std::{collections::BTreeSet, net::Ipv4Addr, sync::Arc};

use azbatch::{
    Account, Fact, Job, JobId, Preconditions, Timestamp,
    job::{
        AutoPool, AutoPoolFailure, AutoPoolFailureCode, DeleteJob, DisableJob, DisableTasks, JobChange,
        JobFact, JobNodeFact, JobPatch, JobSettings, PoolInfo, PoolLifetime, TerminateReason, UpdateJob,
    },
    job_schedule::{
        AddJobSchedule, DeleteJobSchedule, DisableJobSchedule, EnableJobSchedule, JobScheduleChange,
        JobScheduleFact, JobSchedulePatch, JobScheduleSettings, JobScheduleSpecification, Period, Schedule,
        TerminateJobSchedule, UpdateJobSchedule,
    },
    node::{
        ChangeNode, NodeAction, NodeEvent, NodeFact, NodeTasks, RemoteLogin, SchedulingState, UserAccess,
        UserName,
    },
    pool::{EnableAutoScale, NodeFillType, PoolFact, ResizePool, StopResize, UpdatePool},
    task::{
        Completion, LastRun, Outcome, Placement, Properties, RetryLimit, TaskFact, TaskFailure, TaskStop,
    },
};
use serde_json::json;

use super::requests::{in_state, send, table};
use super::{Step, World, dedicated, plain, prepared, refusal, s};
use crate::world::{BEFORE_SLOTS, URL, World as RestWorld, id, secs, text};

/// I1
#[test]
fn only_deletion_leaves_the_completed_state() {
    let mut world = in_state("completed");
    assert!(world.job().end_time().is_some() && world.job().terminate_reason().is_some());
    assert!(world.job().nodes().all(|(_, node)| !node.is_outstanding()));
    for row in table()[2..].iter().filter(|row| row[0] != "delete") {
        send(&mut world, row[0]);
        world.tick();
        assert_eq!(world.state(), "completed", "after {}", row[0]);
    }
    world.delete();
    assert_eq!(world.state(), "deleting");
}

/// I3
#[test]
fn timestamps_never_go_back_whatever_the_clock_does() {
    let mut world = World::new(plain);
    let mut old = (world.job().stamps().modified(), world.job().stamps().entered());
    let steps: [(u64, Step); 7] = [
        (40, World::patch),
        (10, World::disable_and_wait),
        (10, World::tick),
        (0, World::enable),
        (20, World::patch),
        (39, World::terminate),
        (41, World::delete),
    ];
    let mut etags = vec![world.job().etag()];
    for (second, step) in steps {
        step(world.at(second));
        let new = (world.job().stamps().modified(), world.job().stamps().entered());
        assert!(new.0 >= old.0 && new.1 >= old.1, "at {second}");
        if new.0 != old.0 {
            assert!(!etags.contains(&world.job().etag()), "at {second}");
            etags.push(world.job().etag());
        }
        old = new;
    }
    assert_eq!(etags.len(), 6);
}

/// I4: for typed commands and for REST requests.
#[test]
fn a_refused_request_changes_nothing() {
    let mut world = in_state("completed");
    let old = world.account.clone();
    for row in &table()[2..] {
        if !matches!(row[0], "get" | "delete" | "delete-task") {
            assert!(send(&mut world, row[0]).starts_with("409 "), "{}", row[0]);
        }
    }
    assert_eq!(world.rest("POST /jobs/job/terminate", &[], "{"), "400 InvalidRequestBody");
    assert_eq!(world.assign("waits", "n1"), "JobNotActive");
    assert_eq!(world.account, old);
}

/// I5: [`World::call`] replays effects; here the same inputs are given twice.
#[test]
fn the_same_inputs_give_the_same_outputs() {
    let play = || {
        let mut world = World::new(prepared);
        let mut told = Vec::new();
        world.run("a", "n1");
        told.push(world.at(5).terminate());
        told.push(world.at(6).say("n1", "task a ended 1"));
        told.push(world.at(7).node("n1", NodeEvent::Rebooted));
        told.push(text(&world.answer("GET /jobs/job", &[], "")).to_string());
        told.push(world.at(8).node("n1", NodeEvent::Removed));
        told.push(world.at(9).tick());
        (told, world.client.account)
    };
    assert_eq!(play(), play());
}

/// The name of every fact that there is.
const FACTS: [&str; 68] = [
    "JobAdded",
    "JobUpdated",
    "JobPoolAssigned",
    "JobAutoPoolFailed",
    "JobDisabling",
    "JobTouched",
    "JobDisabled",
    "JobEnabled",
    "JobTerminating",
    "JobTerminationForced",
    "JobCompleted",
    "JobDeleting",
    "JobDeletionForced",
    "JobDeleted",
    "TaskAdded",
    "TaskUpdated",
    "TaskTouched",
    "TaskPreparing",
    "TaskRunning",
    "TaskStarted",
    "TaskStopping",
    "TaskCompleted",
    "TaskRetried",
    "TaskRequeued",
    "TaskReactivated",
    "TaskDeleted",
    "PreparationIssued",
    "PreparationStarted",
    "PreparationStopping",
    "PreparationEnded",
    "ReleaseIssued",
    "ReleaseStarted",
    "ReleaseEnded",
    "NodeEventRecorded",
    "JobScheduleAdded",
    "JobScheduleUpdated",
    "JobScheduleDisabled",
    "JobScheduleTouched",
    "JobScheduleEnabled",
    "JobScheduleJobMade",
    "JobScheduleTurnLost",
    "JobSchedulePoolMade",
    "JobScheduleTerminating",
    "JobScheduleCompleted",
    "JobScheduleDeleting",
    "JobScheduleDeleted",
    "PoolAdded",
    "PoolResizing",
    "PoolStopping",
    "PoolSteady",
    "PoolUpdated",
    "PoolAutoScaleEnabled",
    "PoolAutoScaleDisabled",
    "PoolSampled",
    "PoolScaled",
    "PoolOwnerChanged",
    "PoolDeleting",
    "PoolDeleted",
    "NodeAdded",
    "NodeChanged",
    "NodeSchedulingChanged",
    "NodeActionRequested",
    "NodeActionIssued",
    "NodeUserAdded",
    "NodeUserUpdated",
    "NodeUserDeleted",
    "NodeRemoteLoginSet",
    "NodeRemoved",
];

/// Whether a fact can be applied twice, because what it states can happen again.
fn fits_again(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Task(_, _, TaskFact::Stopping { .. })
            | Fact::Pool(_, PoolFact::Scaled { .. })
            | Fact::JobNode(_, _, JobNodeFact::PreparationStopping | JobNodeFact::EventRecorded(_))
            | Fact::Node(
                _,
                NodeFact::Changed { .. }
                    | NodeFact::ActionRequested { action: NodeAction::Remove, .. }
                    | NodeFact::UserUpdated { .. }
                    | NodeFact::RemoteLoginSet { .. }
            )
    )
}

/// The lifecycle of a pool and of a job with its tasks, next to a job `other` that has a task.
const LIFECYCLE: [Step; 36] = [
    |world| world.add_job("other", prepared),
    |world| world.add_to("other", "a"),
    |world| world.add_pool("p", dedicated(1), 2, NodeFillType::Pack),
    |world| world.add_node("p", "p1"),
    World::tick,
    |world| {
        world.add_job("job", |specification, settings| {
            prepared(specification, settings);
            let preparation = specification.preparation.as_mut().unwrap();
            preparation.constraints.max_task_retry_count = RetryLimit::Times(1);
        })
    },
    World::patch,
    |world| world.add_with("a", |_, limits| limits.max_task_retry_count = Some(RetryLimit::Times(1))),
    |world| world.add("b"),
    |world| world.add("c"),
    |world| world.update_task("b"),
    |world| world.assign("a", "n1"),
    |world| world.say("n1", "preparation started"),
    |world| world.say("n1", "preparation ended 1"),
    |world| world.say("n1", "preparation started"),
    |world| world.say("n1", "preparation ended 0"),
    |world| world.say("n1", "task a started"),
    |world| world.disable(DisableTasks::Requeue),
    |world| world.say("n1", "task a ended 0"),
    World::tick,
    |world| world.disable(DisableTasks::Wait),
    World::enable,
    |world| world.assign("a", "n1"),
    |world| world.say("n1", "task a ended 1"),
    |world| world.assign("a", "n1"),
    |world| world.say("n1", "task a ended 1"),
    |world| world.reactivate("a"),
    |world| world.terminate_task("a"),
    |world| world.delete_task("a"),
    |world| world.node("n1", NodeEvent::Lost),
    |world| world.node("n1", NodeEvent::Returned),
    |world| world.change_node("n1", ChangeNode::DisableScheduling(NodeTasks::TaskCompletion)),
    |world| world.change_node("n1", ChangeNode::EnableScheduling),
    |world| world.change_node("n2", ChangeNode::Reboot(NodeTasks::TaskCompletion)),
    World::tick,
    |world| world.node("n2", NodeEvent::Rebooted),
];

/// How the job and the pool of [`LIFECYCLE`] end.
const END: [Step; 18] = [
    |world| world.assign("b", "n1"),
    |world| world.assign("c", "n2"),
    |world| world.say("n1", "task b started"),
    World::terminate,
    World::force,
    |world| world.say("n2", "preparation ended"),
    |world| world.say("n1", "task b ended 0"),
    |world| world.say("n1", "release started"),
    |world| world.say("n1", "release ended 0"),
    World::tick,
    World::delete,
    World::tick,
    |world| world.resize_pool("p", &ResizePool { dedicated: Some(2), ..ResizePool::default() }),
    |world| world.delete_pool("p"),
    World::tick,
    |world| world.node("n2", NodeEvent::Preempted),
    |world| world.node("p1", NodeEvent::Removed),
    World::tick,
];

/// What happens to pools besides, to the users of a node, and to a job whose schedule is deleted by force.
const POOLS: [Step; 27] = [
    |world| world.add_pool("q", dedicated(0), 2, NodeFillType::Pack),
    World::tick,
    |world| {
        let command = UpdatePool { task_slots_per_node: Some(1), ..UpdatePool::default() };
        world.call(|account, now| account.update_pool(&id("q"), &command, now).map_err(refusal))
    },
    |world| world.resize_pool("q", &ResizePool { dedicated: Some(2), ..ResizePool::default() }),
    |world| world.add_node("q", "q1"),
    |world| {
        let command = StopResize::default();
        world.call(|account, now| account.stop_resize(&id("q"), &command, now).map_err(refusal))
    },
    World::tick,
    |world| {
        let formula = Some("$TargetDedicatedNodes = 1;".parse().unwrap());
        let command = EnableAutoScale { formula, ..EnableAutoScale::default() };
        world.call(|account, now| account.enable_auto_scale(&id("q"), &command, now).map_err(refusal))
    },
    |world| world.at(24 * 60 * 60).tick(),
    |world| world.call(|account, now| account.disable_auto_scale(&id("q"), now).map_err(refusal)),
    |world| {
        let add = |account: &mut Account, now: &Timestamp| {
            account.add_node_user(&id("q"), &id("q1"), user(), false, UserAccess::default(), now)
        };
        world.call(|account, now| add(account, now).map_err(refusal))
    },
    |world| {
        let access = UserAccess { ssh_public_key: Some("key".into()), ..UserAccess::default() };
        let update = |account: &mut Account, now: &Timestamp| {
            account.update_node_user(&id("q"), &id("q1"), user(), access, now)
        };
        world.call(|account, now| update(account, now).map_err(refusal))
    },
    |world| world.call(|account, _| account.delete_node_user(&id("q"), &id("q1"), user()).map_err(refusal)),
    |world| {
        let remote_login = RemoteLogin { address: Ipv4Addr::LOCALHOST.into(), port: 22 };
        world.call(|account, _| Ok(account.set_remote_login(&id("q1"), remote_login)))
    },
    |world| world.add_job("rich", |_, settings| *settings = with_auto_pool(PoolLifetime::Job)),
    |world| {
        let add = |account: &mut Account, now: &Timestamp| account.add_auto_pool(&id("rich"), &id("b"), now);
        world.call(|account, now| add(account, now).map_err(|error| error.to_string()))
    },
    |world| {
        let command = DisableJob { disable_tasks: DisableTasks::Wait, preconditions: Preconditions::None };
        world.call(|account, now| account.disable_job(&id("rich"), &command, now).map_err(refusal))
    },
    World::tick,
    |world| {
        let PoolInfo::Auto(pool) = with_auto_pool(PoolLifetime::Job).pool else { unreachable!() };
        let pool = AutoPool { keep_alive: true, ..(*pool).clone() };
        let patch = JobPatch { pool: Some(PoolInfo::Auto(pool.into())), ..JobPatch::default() };
        let command = UpdateJob { change: JobChange::Patch(patch), preconditions: Preconditions::None };
        world.call(|account, now| account.update_job(&id("rich"), &command, now).map_err(refusal))
    },
    |world| world.delete_pool("b"),
    World::tick,
    |world| {
        let settings = JobScheduleSettings {
            schedule: Schedule::default(),
            job: Arc::default(),
            job_settings: JobSettings::new(id("pool")).into(),
            other: Properties::new(),
        };
        let specification = JobScheduleSpecification { id: id("t"), other: Properties::new() };
        let command = AddJobSchedule { specification: specification.into(), settings: settings.into() };
        world.call(|account, now| account.add_job_schedule(&command, now).map_err(refusal))
    },
    World::tick,
    |world| world.add_to("t:job-1", "a"),
    |world| {
        let assign =
            |account: &mut Account, now: &Timestamp| account.assign(&id("t:job-1"), &id("a"), &id("n1"), now);
        world.call(|account, now| assign(account, now).map_err(|error| error.to_string()))
    },
    |world| {
        let command = DeleteJob::default();
        world.call(|account, now| account.delete_job(&id("t:job-1"), &command, now).map_err(refusal))
    },
    |world| {
        let command = DeleteJobSchedule { force: Some(secs(60)), ..DeleteJobSchedule::default() };
        world.call(|account, now| account.delete_job_schedule(&id("t"), &command, now).map_err(refusal))
    },
];

fn user() -> UserName {
    UserName::new("ada").unwrap()
}

/// The lifecycle of a job schedule, whose second turn is lost.
const SCHEDULE: [Step; 15] = [
    |world| {
        let schedule = Schedule {
            start_window: Some(Period::MIN),
            recurrence_interval: Period::new(secs(120)).ok(),
            ..Schedule::default()
        };
        let settings = JobScheduleSettings {
            schedule,
            job: Arc::default(),
            job_settings: with_auto_pool(PoolLifetime::JobSchedule).into(),
            other: Properties::new(),
        };
        let specification = JobScheduleSpecification { id: id("s"), other: Properties::new() };
        let command = AddJobSchedule { specification: specification.into(), settings: settings.into() };
        world.call(|account, now| account.add_job_schedule(&command, now).map_err(refusal))
    },
    World::tick,
    |world| {
        let added =
            |account: &mut Account, now: &Timestamp| account.add_auto_pool(&id("s:job-1"), &id("a"), now);
        world.call(|account, now| added(account, now).map_err(|error| error.to_string()))
    },
    |world| world.add_job("poor", |_, settings| *settings = with_auto_pool(PoolLifetime::Job)),
    |world| {
        let code = AutoPoolFailureCode::QuotaReached;
        let failure = AutoPoolFailure { code, message: "none left".into() };
        world.call(|account, _| Ok(account.refuse_auto_pool(&id("poor"), &failure)))
    },
    |world| {
        let change = JobScheduleChange::Patch(JobSchedulePatch::default());
        let command = UpdateJobSchedule { change, preconditions: Preconditions::None };
        world.call(|account, now| account.update_job_schedule(&id("s"), &command, now).map_err(refusal))
    },
    disable_schedule,
    disable_schedule,
    |world| {
        let command = EnableJobSchedule::default();
        world.call(|account, now| account.enable_job_schedule(&id("s"), &command, now).map_err(refusal))
    },
    |world| {
        let command = DeleteJob::default();
        world.call(|account, now| account.delete_job(&id("s:job-1"), &command, now).map_err(refusal))
    },
    |world| world.at(24 * 60 * 60 + 118).tick(),
    |world| {
        let command = TerminateJobSchedule::default();
        world.call(|account, now| account.terminate_job_schedule(&id("s"), &command, now).map_err(refusal))
    },
    World::tick,
    |world| {
        let command = DeleteJobSchedule::default();
        world.call(|account, now| account.delete_job_schedule(&id("s"), &command, now).map_err(refusal))
    },
    World::tick,
];

fn with_auto_pool(lifetime: PoolLifetime) -> JobSettings {
    let pool = AutoPool {
        id_prefix: None,
        lifetime,
        keep_alive: false,
        task_slots_per_node: 1,
        node_fill_type: NodeFillType::Spread,
        target: dedicated(1),
        auto_scale: None,
        other: Properties::new(),
    };
    JobSettings { pool: PoolInfo::Auto(pool.into()), ..JobSettings::new(id("none")) }
}

fn disable_schedule(world: &mut World) -> String {
    let command = DisableJobSchedule::default();
    world.call(|account, now| account.disable_job_schedule(&id("s"), &command, now).map_err(refusal))
}

/// [`LIFECYCLE`], [`END`], [`SCHEDULE`] and [`POOLS`], `seconds` seconds apart. Its facts include every kind of fact.
fn lifecycle(seconds: u64) -> World {
    let mut world = World::empty();
    for (number, step) in (1..).zip(LIFECYCLE.into_iter().chain(END).chain(SCHEDULE).chain(POOLS)) {
        let facts = world.facts.len();
        let told = step(world.at(number * seconds));
        assert!(world.facts.len() > facts, "step {number}: {told}");
    }
    let kinds: BTreeSet<&str> = world.facts.iter().map(Fact::name).collect();
    assert_eq!(kinds, FACTS.into());
    world
}

/// I5: also with a clock that is stopped. A fact that was applied does not fit again, or changes nothing.
#[test]
fn facts_fit_once() {
    for seconds in [0, 1] {
        let world = lifecycle(seconds);
        let mut account = Account::new(URL);
        for fact in &world.facts {
            let before = account.clone();
            account.try_apply(fact).unwrap();
            let after = account.clone();
            let again = account.try_apply(fact);
            assert_eq!(again.is_ok(), fits_again(fact), "{fact}: {again:?}");
            assert_eq!(account, after, "{fact}, applied again");
            assert_ne!(after, before, "{fact}");
        }
        account.check().unwrap();
        assert_eq!(account, world.account);
    }
}

/// I4, I5: every fact of the lifecycle, tried in every state of it.
#[test]
fn a_fact_that_does_not_fit_changes_nothing() {
    let world = lifecycle(1);
    let mut account = Account::new(URL);
    let mut refused = BTreeSet::new();
    for applied in &world.facts {
        account.try_apply(applied).unwrap();
        for fact in &world.facts {
            let (mut tried, mut quiet) = (account.clone(), account.clone());
            let fits = tried.try_apply(fact);
            quiet.apply(fact);
            assert_eq!(quiet, tried, "{fact} after {applied}");
            if fits.is_err() {
                assert_eq!(tried, account, "{fact} after {applied}: {fits:?}");
                refused.insert(fact.name());
            }
        }
    }
    assert_eq!(refused, FACTS.into(), "each kind of fact was refused somewhere");
}

/// The same fact about a job, task, node or pool that the account does not have. A node or job
/// schedule that is added need not be there.
fn about_unknown(fact: &Fact) -> Vec<Fact> {
    match fact.clone() {
        Fact::Job(_, fact) => vec![Fact::Job(id("no"), fact)],
        Fact::Task(_, task, fact @ TaskFact::Added { .. }) => vec![Fact::Task(id("no"), task, fact)],
        Fact::Task(job, task, fact) => {
            vec![Fact::Task(id("no"), task, fact.clone()), Fact::Task(job, id("no"), fact)]
        }
        Fact::JobNode(job, node, fact) => {
            vec![Fact::JobNode(id("no"), node, fact.clone()), Fact::JobNode(job, id("no"), fact)]
        }
        Fact::Pool(_, fact) => vec![Fact::Pool(id("no"), fact)],
        Fact::JobSchedule(_, JobScheduleFact::Added { .. }) | Fact::Node(_, NodeFact::Added { .. }) => vec![],
        Fact::JobSchedule(_, fact) => vec![Fact::JobSchedule(id("no"), fact)],
        Fact::Node(_, fact) => vec![Fact::Node(id("no"), fact)],
        fact => panic!("a new kind of fact: {fact}"),
    }
}

/// I4, I5: when a fact fits, the same fact about something unknown does not.
#[test]
fn facts_about_what_is_unknown_do_not_fit() {
    let world = lifecycle(1);
    let mut account = Account::new(URL);
    let mut tried = 0;
    for fact in &world.facts {
        for unknown in about_unknown(fact) {
            let mut copy = account.clone();
            assert!(copy.try_apply(&unknown).is_err(), "{unknown}");
            assert_eq!(copy, account, "{unknown}");
            tried += 1;
        }
        account.try_apply(fact).unwrap();
    }
    assert!(tried > world.facts.len(), "{tried}");
}

/// I4, I5: a job outside an account applies its own facts and no others.
#[test]
fn a_job_takes_the_facts_that_are_about_it() {
    let world = lifecycle(1);
    let (name, other): (JobId, JobId) = (id("job"), id("other"));
    let mut account = Account::new(URL);
    let mut alone: Option<Job> = None;
    let (mut own, mut others) = (0, 0);
    for fact in &world.facts {
        account.try_apply(fact).unwrap();
        if let (Some(job), true) = (&mut alone, fact.job() == Some(&name)) {
            job.try_apply(fact).unwrap();
            own += 1;
        }
        alone = alone.or_else(|| account.job(&name).cloned());
        for job in alone.iter().chain(account.job(&other)) {
            if fact.job() != Some(job.id()) {
                let mut copy = job.clone();
                assert!(copy.try_apply(fact).is_err(), "{fact}");
                assert_eq!(copy, *job, "{fact}");
                others += 1;
            }
        }
        if let Some(job) = account.job(&name) {
            assert_eq!(alone.as_ref(), Some(job), "{fact}");
        }
    }
    assert!(own > 40 && others > 40, "{own} and {others}");
    assert!(account.job(&name).is_none() && account.job(&other).is_some());
}

/// How a task ended on a node, with this exit code if it failed by it.
fn completed(node: &str, start: u64, end: u64, exit_code: Option<i32>) -> TaskFact {
    let (placement, start_time) = (Placement { pool: id("pool"), node: id(node) }, s(start));
    let outcome = match exit_code {
        None => Outcome::Succeeded { placement, start_time },
        Some(code) => Outcome::Failed {
            failure: TaskFailure::ExitCode,
            exit_code: Some(code),
            run: Some(LastRun { placement, start_time: Some(start_time) }),
        },
    };
    TaskFact::Completed(Box::new(Completion { end_time: s(end), outcome }))
}

/// I3, I4, I6, E10, K1: of each two facts, the first would break a rule and does not fit. The second differs
/// only in that, and fits.
#[test]
fn facts_that_would_break_a_rule_do_not_fit() {
    let mut world = World::new(prepared);
    world.at(5).run("a", "n1"); // Run 1, after the preparation's run 2.
    world.ran("x", "n2", 0); // Runs 3 and 4.
    world.node("n2", NodeEvent::Rebooted); // So n2 is not prepared any more.
    world.at(6).add("b");
    world.add_with("wide", |specification, _| specification.required_slots = 4);
    let task = |task: &str, fact: TaskFact| Fact::Task(id("job"), id(task), fact);
    let on = |pool: &str, node: &str| Placement { pool: id(pool), node: id(node) };
    let running = |name, placement, run| task(name, TaskFact::Running { placement, run, at: s(9) });
    let preparing = |name, placement, run| task(name, TaskFact::Preparing { placement, run, at: s(9) });
    let job = |fact: JobFact| Fact::Job(id("job"), fact);
    let updated = |at| job(JobFact::Updated { settings: JobSettings::new(id("pool")).into(), at });
    let terminating = |modified| {
        let reason = TerminateReason::Schedule;
        job(JobFact::Terminating { reason, modified, force_deadline: None, at: s(9) })
    };
    let stopping = |node| task("a", TaskFact::Stopping { node: id(node), cause: TaskStop::Terminate });
    let retried = |node, at| task("a", TaskFact::Retried { node: id(node), at });
    let issued_on = |node, run| {
        Fact::JobNode(id("job"), id(node), JobNodeFact::PreparationIssued { run, retry_count: 0 })
    };
    let issued = |run| issued_on("n2", run);
    let gone = |node| Fact::JobNode(id("job"), id(node), JobNodeFact::EventRecorded(NodeEvent::Removed));
    let offline =
        |at| Fact::Node(id("n2"), NodeFact::SchedulingChanged { scheduling: SchedulingState::Disabled, at });
    let pairs = [
        (running("b", on("pool", "n1"), 4), running("b", on("pool", "n1"), 5)), // A run's number is new.
        (preparing("b", on("pool", "n2"), 4), preparing("b", on("pool", "n2"), 5)),
        (issued(4), issued(5)),
        (issued_on("n1", 5), issued_on("n2", 5)), // n1 is prepared.
        (running("b", on("pool", "n2"), 5), running("b", on("pool", "n1"), 5)), // n2 is not prepared,
        (preparing("b", on("pool", "n1"), 5), preparing("b", on("pool", "n2"), 5)), // and n1 is.
        (running("b", on("other", "n1"), 5), running("b", on("pool", "n1"), 5)),
        (running("wide", on("pool", "n1"), 5), running("b", on("pool", "n1"), 5)), // n1 has three slots left.
        (running("a", on("pool", "n1"), 5), running("b", on("pool", "n1"), 5)),    // a is running.
        (stopping("n2"), stopping("n1")),
        (retried("n2", s(9)), retried("n1", s(9))),
        (retried("n1", s(4)), retried("n1", s(5))), // a entered its state at 5.
        (task("a", completed("n2", 5, 9, None)), task("a", completed("n1", 5, 9, None))),
        (task("a", completed("n1", 8, 7, None)), task("a", completed("n1", 7, 8, None))),
        (task("a", completed("n1", 5, 9, Some(0))), task("a", completed("n1", 5, 9, Some(1)))),
        (updated(s(0)), updated(s(0).next_tick())), // The ETag must move.
        (terminating(Some(s(8))), terminating(Some(s(9)))),
        (gone("n1"), gone("n2")),       // n1 has a task.
        (offline(s(4)), offline(s(5))), // n2 has been idle since 5.
    ];
    for (bad, good) in pairs {
        let mut account = world.account.clone();
        assert!(account.try_apply(&bad).is_err(), "{bad:?}");
        assert_eq!(account, world.account, "{bad:?}");
        account.try_apply(&good).unwrap_or_else(|why| panic!("{good:?}: {why}"));
        assert_ne!(account, world.account, "{good:?}");
    }
}

/// K2, I3: a task does not start before it was assigned, and it starts once.
#[test]
fn a_start_that_comes_before_its_time_does_not_fit() {
    let mut world = World::new(plain);
    world.at(5).add("a");
    let started = |at| Fact::Task(id("job"), id("a"), TaskFact::Started { at });
    assert!(world.account.clone().try_apply(&started(s(6))).is_err(), "it is active");
    world.assign("a", "n1");
    assert!(world.account.clone().try_apply(&started(s(4))).is_err(), "it was assigned later");
    world.account.try_apply(&started(s(6))).unwrap();
    assert!(world.account.try_apply(&started(s(6))).is_err(), "it has started");
}

/// I1, I4: facts about a job's end, a node's action and a pool's end that come before their time.
#[test]
fn facts_that_come_too_early_do_not_fit() {
    let mut world = World::new(prepared);
    assert_eq!(world.add_pool("p", dedicated(1), 1, NodeFillType::Spread), "PoolAdded, AddNodes");
    world.run("a", "n1");
    let job = |fact| Fact::Job(id("job"), fact);
    let release = Fact::JobNode(id("job"), id("n1"), JobNodeFact::ReleaseIssued { run: 3 });
    let early = [
        job(JobFact::Disabled { at: s(9) }),
        job(JobFact::Completed { at: s(9) }),
        job(JobFact::TerminationForced { force_deadline: s(9), at: s(9) }),
        job(JobFact::Deleted),
        job(JobFact::Touched { at: s(9) }),
        release,
        Fact::Node(id("n1"), NodeFact::ActionIssued { action: NodeAction::Remove }),
        Fact::Pool(id("p"), PoolFact::Deleted),
        Fact::Pool(id("p"), PoolFact::OwnerChanged { owner: None }),
        job(JobFact::DeletionForced { force_deadline: s(9) }),
    ];
    for fact in &early {
        let mut account = world.account.clone();
        assert!(account.try_apply(fact).is_err(), "{fact}");
        assert_eq!(account, world.account, "{fact}");
    }
    world.at(1).disable(DisableTasks::Wait);
    world.terminate();
    for fact in [&early[0], &early[1], &early[5]] {
        let mut account = world.account.clone();
        assert!(account.try_apply(fact).is_err(), "{fact} while a task is on a node");
        assert_eq!(account, world.account, "{fact} while a task is on a node");
    }
    world.say("n1", "task a ended 0");
    world.say("n1", "release ended 0");
    world.account.clone().try_apply(&early[1]).unwrap();
    let again = Fact::JobNode(id("job"), id("n1"), JobNodeFact::ReleaseIssued { run: 9 });
    assert!(world.account.clone().try_apply(&again).is_err(), "the release task has run");
}

/// E3, N3: a preparation is stopped only by the end of its job, and a node is removed after the jobs
/// that have something there have recorded it.
#[test]
fn facts_about_what_a_node_runs_come_in_order() {
    let mut world = World::new(prepared);
    world.add("b");
    world.assign("b", "n2");
    let on_n2 = |fact| Fact::JobNode(id("job"), id("n2"), fact);
    let stopping = on_n2(JobNodeFact::PreparationStopping);
    let removed = Fact::Node(id("n2"), NodeFact::Removed);
    let recorded = on_n2(JobNodeFact::EventRecorded(NodeEvent::Removed));
    let rebooted = on_n2(JobNodeFact::EventRecorded(NodeEvent::Rebooted));
    for fact in [&stopping, &removed, &recorded, &rebooted] {
        assert!(world.account.clone().try_apply(fact).is_err(), "{fact} while the node is being prepared");
    }
    world.say("n2", "preparation ended 0");
    world.say("n2", "task b ended 0");
    assert!(world.account.clone().try_apply(&removed).is_err(), "the job does not know");
    for fact in [&recorded, &removed] {
        world.account.try_apply(fact).unwrap();
    }
    assert_eq!(world.account.check(), Ok(()));
}

/// I6: [`World::call`] recounts; here the slots of a node run out.
#[test]
fn slots_are_never_oversubscribed() {
    let mut world = World::new(plain);
    world.add_with("wide", |specification, _| specification.required_slots = 3);
    world.add_with("pair", |specification, _| specification.required_slots = 2);
    world.add("single");
    world.run_added("wide", "n1");
    assert_eq!(world.assign("pair", "n1"), "NoSlots");
    world.run_added("single", "n1");
    assert_eq!((world.job().task_counts().running, world.job().task_slot_counts().running), (2, 4));
    assert_eq!((world.job().task_counts().active, world.job().task_slot_counts().active), (1, 2));
    world.say("n1", "task wide ended 0");
    assert_eq!(world.assign("pair", "n1"), "TaskRunning pair n1, RunTask pair n1");
    assert_eq!(world.account.node(&id("n1")).unwrap().free_slots(), 1);
}

/// I7: every node answers what it is told, or none answers at all.
#[test]
fn a_terminated_job_completes() {
    let busy = || {
        let mut world = World::new(prepared);
        world.run("a", "n1");
        world.ran("b", "n2", 0);
        world.add("c");
        world.node("n1", NodeEvent::Rebooted);
        world.assign("c", "n1");
        world
    };
    let mut world = busy();
    world.at(10).terminate();
    for (node, answer) in [("n1", "preparation ended"), ("n1", "release ended"), ("n2", "release ended 1")] {
        assert_eq!(world.tick(), "");
        world.say(node, answer);
    }
    assert_eq!((world.tick().as_str(), world.state()), ("JobCompleted", "completed"));

    for event in [None, Some(NodeEvent::Lost), Some(NodeEvent::Rebooted), Some(NodeEvent::Removed)] {
        let mut world = busy();
        world.at(10).force();
        if let Some(event) = event {
            world.node("n1", event);
            world.node("n2", event);
        }
        world.at(70).tick();
        assert_eq!(world.state(), "completed", "{event:?}");
    }
}

/// I6
#[test]
fn tasks_and_their_slots_are_counted() {
    let mut world = RestWorld::with_pool(1, 2, "spread");
    world.add_job("job", json!({ "jobPreparationTask": { "commandLine": "x" } }));
    for (id, slots) in [("a", 1), ("b", 2), ("c", 1), ("d", 1), ("e", 2)] {
        world.send("POST /jobs/job/tasks", json!({ "id": id, "commandLine": "x", "requiredSlots": slots }));
    }
    let effects = world.assign("job", "a", "tvm-1");
    world.obey(effects);
    world.ends("job", "a", "tvm-1", 0);
    world.ran("job", "b", "tvm-1", 1);
    world.run("job", "c", "tvm-1");
    world.node("tvm-1", NodeEvent::Rebooted); // The preparation runs again before what comes next.
    world.assign("job", "d", "tvm-1");
    assert_eq!(world.state("/jobs/job/tasks/d"), "preparing");
    let reply = world.get("/jobs/job/taskcounts");
    assert_eq!(
        reply.json(),
        json!({
            "odata.metadata": format!("{URL}/$metadata#taskcountsresult/@Element"),
            "taskCounts": { "active": 2, "running": 1, "completed": 2, "succeeded": 1, "failed": 1 },
            "taskSlotCounts": { "active": 3, "running": 1, "completed": 3, "succeeded": 1, "failed": 2 },
        })
    );
    let old = world.shown(&format!("/jobs/job/taskcounts?{BEFORE_SLOTS}"));
    assert_eq!(old.get("taskSlotCounts"), None);
    assert_eq!(old["taskCounts"], reply.json()["taskCounts"]);
}
