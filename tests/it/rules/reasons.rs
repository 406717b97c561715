//! Why a job has not ended and why a task is not running. Each reason is here in its words, with the second at
//! which it ends by itself if there is one. That no reason is wrong in any state is checked by the property
//! tests.

use azbatch::{
    Account, Preconditions, Timestamp,
    job::{
        AutoPoolFailure, AutoPoolFailureCode, DisableTasks, JobManagerTask, JobSettings, JobTemplate,
        NotEnded, NotRunning, ParallelLimit, TerminateJob,
    },
    node::{ChangeNode, NodeEvent, NodeTasks},
    pool::{NodeCounts, NodeFillType, StopResize},
    task::{
        DependencyAction, ExitCodeRange, ExitConditions, ExitOptions, JobAction, RetryLimit,
        TaskSpecification,
    },
};
use serde_json::json;

use super::{
    World, acts_on_failures, dedicated, depends_on, ends_by_itself, manager, plain, prepared, s,
    uses_dependencies,
};
use crate::world::{World as RestWorld, id, secs};

/// Reasons can be stored.
#[cfg(feature = "serde")]
fn check_stored<T>(reasons: &[T])
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let text = serde_json::to_string(reasons).unwrap();
    assert_eq!(serde_json::from_str::<Vec<T>>(&text).unwrap(), reasons);
}

#[cfg(not(feature = "serde"))]
fn check_stored<T>(_: &[T]) {}

/// Why the job `job` has not ended, each reason with the second at which it ends by itself.
fn not_ended(world: &World) -> Vec<String> {
    let reasons = world.account.why_not_ended(&id("job"), world.now).unwrap();
    check_stored(&reasons);
    let text = |reason: &NotEnded| match reason.until() {
        Some(until) => format!("{reason} @{}", (until.ticks() - s(0).ticks()) / 10_000_000),
        None => reason.to_string(),
    };
    reasons.iter().map(text).collect()
}

fn texts(reasons: &[NotRunning]) -> Vec<String> {
    check_stored(reasons);
    reasons.iter().map(ToString::to_string).collect()
}

/// Why a task of the job `job` is not running.
fn not_running(world: &World, task: &str) -> Vec<String> {
    texts(&world.account.why_not_running(&id("job"), &id(task), world.now).unwrap())
}

const NO_ACTION: &str = "onAllTasksComplete is noaction, so the end of its tasks does not end it";
const TICK: &str = "nothing holds it up, so it moves on at the next tick";

/// With a preparation and a release task, and ends when all its tasks are completed.
fn prepared_ends_by_itself(specification: &mut JobTemplate, settings: &mut JobSettings) {
    prepared(specification, settings);
    ends_by_itself(specification, settings);
}

// Why a job has not ended

/// I1: a completed job has ended; nothing is known of one that does not exist.
#[test]
fn there_is_no_reason_for_a_job_that_has_ended() {
    let mut world = World::new(plain);
    world.terminate();
    world.tick();
    assert_eq!(not_ended(&world), [""; 0]);
    assert_eq!(world.account.why_not_ended(&id("JOB"), world.now), Some(Vec::new()));
    assert_eq!(world.account.why_not_ended(&id("other"), world.now), None);
}

/// X4: the job has no tasks, running ones, or completed ones, and nobody asks for its end.
#[test]
fn a_job_without_an_action_for_the_end_of_its_tasks_does_not_end() {
    let mut world = World::new(plain);
    assert_eq!(not_ended(&world), [NO_ACTION]);
    world.run("a", "n1");
    assert_eq!(not_ended(&world), [NO_ACTION]);
    world.say("n1", "task a ended 0");
    assert_eq!(not_ended(&world), [NO_ACTION]);
}

/// X4, K1
#[test]
fn a_job_that_ends_with_its_tasks_waits_for_each() {
    let mut world = World::new(prepared_ends_by_itself);
    world.add("b");
    assert_eq!(not_ended(&world), ["waiting for task b, which is active"]);
    world.add("a");
    assert_eq!(not_ended(&world), ["waiting for task b and 1 other, which are active"]);
    world.add("c");
    assert_eq!(not_ended(&world), ["waiting for task b and 2 others, which are active"]);
    world.assign("a", "n1");
    world.assign("c", "n2");
    world.say("n2", "preparation ended 0");
    world.add("d");
    world.assign("d", "n2");
    assert_eq!(
        not_ended(&world),
        [
            "waiting for the preparation task on node n1",
            "waiting for task c and 1 other on node n2",
            "waiting for task b, which is active",
        ]
    );
    world.terminate_task("c");
    assert_eq!(
        not_ended(&world)[1..3],
        ["waiting for task d on node n2", "waiting for task c to stop on node n2"]
    );
}

/// X4, S1, X6: the next tick ends it, and so it does a job without tasks.
#[test]
fn a_job_whose_tasks_are_completed_waits_for_the_next_tick() {
    for tasks in [&[][..], &["a"]] {
        let mut world = World::new(ends_by_itself);
        for task in tasks {
            world.ran(task, "n1", 0);
        }
        assert_eq!(not_ended(&world), [TICK]);
        assert_eq!(world.tick(), "JobTerminating");
        assert_eq!(not_ended(&world), [TICK]);
        assert_eq!(world.tick(), "JobCompleted");
    }
}

/// X1: the job's time limit ends it, whatever else it waits for.
#[test]
fn a_time_limit_is_a_reason_that_ends_by_itself() {
    let mut world = World::new(|_, settings| {
        settings.constraints.max_wall_clock_time = secs(60);
    });
    assert_eq!(not_ended(&world), [NO_ACTION, "its maxWallClockTime is not over @60"]);
    assert_eq!(not_ended(world.at(60)), [TICK]);
}

/// X2
#[test]
fn a_job_waits_for_a_job_manager_task_that_ends_it() {
    let with_manager = |kill_job_on_completion| {
        let mut world = World::empty();
        world.add_job("job", |specification, _| {
            specification.manager = Some(manager("m", kill_job_on_completion));
        });
        world
    };
    let mut world = with_manager(true);
    assert_eq!(not_ended(&world), ["waiting for the job manager task m, which is active"]);
    world.run_added("m", "n1");
    assert_eq!(not_ended(&world), ["waiting for the job manager task m on node n1"]);
    world.say("n1", "task m ended 0");
    assert_eq!(not_ended(&world), [TICK]);

    let mut world = with_manager(true);
    world.delete_task("m");
    world.add("m");
    assert_eq!(not_ended(&world), [NO_ACTION], "a later task of its name is another one");
    assert_eq!(not_ended(&with_manager(false)), [NO_ACTION]);
}

/// X3, X7: a failed task asks for the end, or for a disabling that comes first.
#[test]
fn a_job_waits_for_the_tick_that_a_failed_task_asks_for() {
    let mut world = World::new(acts_on_failures);
    world.ran("a", "n1", 1);
    assert_eq!(not_ended(&world), [TICK]);
    let mut world = World::new(|specification, settings| {
        acts_on_failures(specification, settings);
        ends_by_itself(specification, settings);
    });
    world.add_with("a", |specification, _| {
        let options = ExitOptions { job_action: Some(JobAction::Disable), dependency_action: None };
        specification.exit_conditions =
            Some(ExitConditions { default: Some(options), ..ExitConditions::default() });
    });
    world.run_added("a", "n1");
    world.say("n1", "task a ended 1");
    for (did, left) in [("JobDisabling", TICK), ("JobDisabled", TICK), ("JobTerminating", TICK)] {
        assert_eq!(not_ended(&world), [left]);
        assert_eq!(world.tick(), did);
    }
}

/// G1: a disabling job waits for the tasks that are on nodes, and can end all the same.
#[test]
fn a_disabling_job_says_which_tasks_it_waits_for() {
    let mut world = World::new(plain);
    world.run("a", "n2");
    world.run("b", "n1");
    world.disable_and_wait();
    assert_eq!(
        not_ended(&world),
        ["it is disabling", NO_ACTION, "waiting for task b on node n1", "waiting for task a on node n2"]
    );
    world.disable(DisableTasks::Requeue);
    assert_eq!(
        not_ended(&world)[2..],
        ["waiting for task b to stop on node n1", "waiting for task a to stop on node n2"]
    );
    world.say("n1", "task b ended");
    world.say("n2", "task a ended");
    assert_eq!(not_ended(&world), ["it is disabling", NO_ACTION]);
    world.tick();
    assert_eq!(not_ended(&world), ["it is disabled", NO_ACTION]);
}

/// X4, G1
#[test]
fn a_disabled_job_still_waits_for_its_tasks() {
    let mut world = World::new(ends_by_itself);
    world.add("a");
    world.disable_and_wait();
    world.tick();
    assert_eq!(not_ended(&world), ["it is disabled", "waiting for task a, which is active"]);
}

/// X6, R-enable-enabling: no request leads to `enabling`, but a stored job can be in it. It becomes active first.
#[cfg(feature = "serde")]
#[test]
fn a_job_that_is_being_enabled_does_not_end_yet() {
    let mut world = World::new(ends_by_itself);
    let stored = serde_json::to_string(&world.account).unwrap();
    let enabling = stored.replace(r#"{"Living":"Active"}"#, r#"{"Living":"Enabling"}"#);
    assert_ne!(stored, enabling);
    world.client.account = serde_json::from_str::<Account>(&enabling).unwrap();
    assert_eq!(not_ended(&world), ["it is enabling"]);
    world.add("a");
    assert_eq!(not_running(&world, "a"), ["its job is enabling"]);
    assert_eq!(world.tick(), "JobEnabled");
    assert_eq!(not_ended(&world), ["waiting for task a, which is active"]);
}

/// E2, E5, E6, E8: a terminating job waits for its tasks, then for its release task.
#[test]
fn a_terminating_job_says_how_far_each_node_is() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.run("b", "n1");
    world.ran("c", "n2", 0);
    world.add("d");
    world.terminate();
    assert_eq!(
        not_ended(&world),
        [
            "waiting for task a and 1 other to stop and then for the release task on node n1",
            "waiting for the release task on node n2",
        ]
    );
    world.say("n1", "task b ended");
    world.at(5).say("n2", "release started");
    assert_eq!(
        not_ended(&world),
        [
            "waiting for task a to stop and then for the release task on node n1",
            "waiting for the release task on node n2 @905",
        ]
    );
    world.say("n1", "task a ended");
    world.say("n2", "release ended");
    assert_eq!(not_ended(&world), ["waiting for the release task on node n1"]);
    world.say("n1", "release ended");
    assert_eq!(not_ended(&world), [TICK], "E4: the active task is not waited for");
}

/// E2: without a release task only the tasks are waited for.
#[test]
fn without_a_release_task_none_is_waited_for() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    world.terminate();
    assert_eq!(not_ended(&world), ["waiting for task a to stop on node n1"]);
}

/// E3, E5: a preparation is stopped, and a release follows only if a task ran there before.
#[test]
fn a_terminating_job_waits_for_a_preparation_to_stop() {
    for (ran_before, reason) in [
        (false, "waiting for the preparation task to stop on node n1"),
        (true, "waiting for the preparation task to stop and then for the release task on node n1"),
    ] {
        let mut world = World::new(prepared);
        if ran_before {
            world.ran("before", "n1", 0);
            world.node("n1", NodeEvent::Rebooted);
        }
        world.add("a");
        world.assign("a", "n1");
        world.terminate();
        assert_eq!(not_ended(&world), [reason]);
    }
}

/// N4, N8, N9, N10, N3: what the node is up to that is waited for.
#[test]
fn a_terminating_job_says_what_holds_up_a_node() {
    let task = "waiting for task a to stop on node n1";
    for (event, trouble) in [(NodeEvent::Lost, "does not answer"), (NodeEvent::Unusable, "is unusable")] {
        let mut world = World::new(plain);
        world.run("a", "n1");
        world.terminate();
        world.node("n1", event);
        assert_eq!(not_ended(&world), [format!("{task}, which {trouble}")]);
        world.node("n1", NodeEvent::Returned);
        assert_eq!(not_ended(&world), [task]);
    }
    for (change, trouble) in [
        (ChangeNode::Reboot(NodeTasks::TaskCompletion), ", which is rebooting"),
        (ChangeNode::Reimage(NodeTasks::TaskCompletion), ", which is being reimaged"),
        (ChangeNode::Deallocate(NodeTasks::TaskCompletion), ", which is being deallocated"),
        (ChangeNode::DisableScheduling(NodeTasks::TaskCompletion), ""),
    ] {
        let mut world = World::new(plain);
        world.run("a", "n1");
        world.change_node("n1", change);
        world.terminate();
        assert_eq!(not_ended(&world), [format!("{task}{trouble}")]);
    }
    let mut world = World::new(plain);
    world.run("a", "n1");
    world.terminate();
    world.call(|account, now| {
        let removed = account.remove_unmanaged_node(&id("pool"), &id("n1"), NodeTasks::TaskCompletion, now);
        removed.map_err(super::refusal)
    });
    assert_eq!(not_ended(&world), [format!("{task}, which is leaving its pool")]);
    world.node("n1", NodeEvent::Lost);
    assert_eq!(not_ended(&world), [format!("{task}, which is leaving its pool and does not answer")]);
    world.node("n1", NodeEvent::Removed);
    assert_eq!(not_ended(&world), [TICK], "N3");
}

/// F1, E6: a forced end has a deadline, a running release task perhaps an earlier one. Lost nodes are not waited for.
#[test]
fn a_forced_end_is_a_reason_that_ends_by_itself() {
    let mut world = World::new(|specification, settings| {
        prepared(specification, settings);
        specification.release.as_mut().unwrap().max_wall_clock_time = secs(20);
    });
    let forced = "the timeout of its forced end is not over @60";
    world.run("a", "n1");
    world.run("b", "n2");
    world.force();
    assert_eq!(
        not_ended(&world),
        [
            "waiting for task a to stop and then for the release task on node n1 @60",
            "waiting for task b to stop and then for the release task on node n2 @60",
            forced,
        ]
    );
    world.node("n2", NodeEvent::Lost);
    world.say("n1", "task a ended");
    assert_eq!(not_ended(&world), ["waiting for the release task on node n1 @60", forced]);
    world.at(10).say("n1", "release started");
    assert_eq!(not_ended(&world), ["waiting for the release task on node n1 @30", forced]);
    assert_eq!(not_ended(world.at(60)), [TICK]);
}

/// F2
#[test]
fn a_termination_can_be_forced_later() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    world.terminate();
    let force = Some(secs(5));
    world.at(100).terminate_with(&TerminateJob { force, ..TerminateJob::by_user() });
    assert_eq!(
        not_ended(&world),
        ["waiting for task a to stop on node n1 @105", "the timeout of its forced end is not over @105"]
    );
}

/// G2: a deleted job ends like a terminated one, unless it has ended already.
#[test]
fn a_deleted_job_is_there_until_its_nodes_have_answered() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    world.delete();
    assert_eq!(not_ended(&world), ["waiting for task a to stop on node n1"]);
    world.say("n1", "task a ended");
    assert_eq!(not_ended(&world), [TICK]);
    world.tick();
    assert_eq!(world.account.why_not_ended(&id("job"), world.now), None);

    let mut world = World::new(plain);
    world.terminate();
    world.tick();
    world.delete();
    assert_eq!(not_ended(&world), [TICK]);
}

/// X4, E2: tasks share a reason, however many there are.
#[test]
fn a_job_of_many_tasks_has_few_reasons() {
    let mut world = World::bare();
    world.call(|account, now| Ok(account.add_unmanaged_node(&id("pool"), &id("n1"), 1000, now).unwrap()));
    world.add_job("job", ends_by_itself);
    for number in 0..30 {
        world.add(&format!("t{number}"));
    }
    for number in 0..10 {
        world.assign(&format!("t{number}"), "n1");
    }
    assert_eq!(
        not_ended(&world),
        [
            "waiting for task t0 and 9 others on node n1",
            "waiting for task t10 and 19 others, which are active"
        ]
    );
    world.terminate();
    assert_eq!(not_ended(&world), ["waiting for task t0 and 9 others to stop on node n1"]);
}

// Why a task is not running

/// K1, K3: a running task runs, a completed one has run, and nothing is known of one that does not exist.
#[test]
fn there_is_no_reason_for_a_task_that_runs_or_has_ended() {
    let mut world = World::new(plain);
    world.add("a");
    world.assign("a", "n1");
    assert_eq!(not_running(&world, "a"), [""; 0]);
    world.say("n1", "task a ended 0");
    assert_eq!(not_running(&world, "a"), [""; 0]);
    for (job, task) in [("job", "b"), ("other", "a")] {
        assert_eq!(world.account.why_not_running(&id(job), &id(task), world.now), None);
    }
}

/// E4, E10, G2, I2: the active tasks of a job that is ending or has ended never run.
#[test]
fn tasks_of_an_ended_job_never_run() {
    let mut world = World::new(plain);
    world.add("a");
    world.run("b", "n1");
    let mut deleted = world.clone();
    world.terminate();
    assert_eq!(not_running(&world, "a"), ["its job is terminating, so it never runs"]);
    world.say("n1", "task b ended");
    world.tick();
    assert_eq!(not_running(&world, "a"), ["its job is completed, so it never runs"]);
    deleted.delete();
    assert_eq!(not_running(&deleted, "a"), ["its job is deleting, so it never runs"]);
}

/// G1: a disabled job's tasks wait. What else keeps them from running is said too.
#[test]
fn tasks_of_a_disabled_job_wait() {
    let mut world = World::new(|_, settings| settings.max_parallel_tasks = ParallelLimit::AtMost(1));
    world.run("a", "n1");
    world.add("b");
    world.disable_and_wait();
    assert_eq!(
        not_running(&world, "b"),
        ["its job is disabling", "1 task of its job is on a node, as many as maxParallelTasks allows"]
    );
    world.say("n1", "task a ended 0");
    world.tick();
    assert_eq!(not_running(&world, "b"), ["its job is disabled"]);
}

/// K13
#[test]
fn a_task_of_180_days_never_runs() {
    let mut world = World::new(plain);
    world.add("a");
    world.at(180 * 24 * 3600 - 1);
    assert_eq!(not_running(&world, "a"), ["waiting for the scheduler, which can give it to node n1"]);
    world.at(180 * 24 * 3600);
    assert_eq!(not_running(&world, "a"), ["it was added 180 days ago or earlier, so it never runs"]);
    world.add("b");
    assert_eq!(not_running(&world, "b"), ["waiting for the scheduler, which can give it to node n1"]);
}

/// K9
#[test]
fn a_task_waits_for_what_it_depends_on() {
    let mut world = World::new(uses_dependencies);
    world.add_with("t", |task, _| task.depends_on = Some(depends_on(&["b", "a", "B"], &[])));
    assert_eq!(not_running(&world, "t"), ["it depends on task b and 1 other, which do not exist"]);
    world.add("a");
    world.run("b", "n1");
    assert_eq!(not_running(&world, "t"), ["it depends on task b and 1 other, which are not completed"]);
    world.say("n1", "task b ended 1");
    assert_eq!(
        not_running(&world, "t"),
        [
            "it depends on task a, which is not completed",
            "it depends on task b, which has ended and blocks it"
        ]
    );
    world.delete_task("a");
    assert_eq!(not_running(&world, "t")[0], "it depends on task a, which does not exist");
    world.ran("a", "n1", 0);
    world.reactivate("b");
    assert_eq!(not_running(&world, "t"), ["it depends on task b, which is not completed"]);
}

/// K9: a success may block, and a failure may not.
#[test]
fn the_exit_options_of_a_task_say_whether_it_blocks() {
    for (exit_code, blocks) in [(0, true), (1, false)] {
        let mut world = World::new(uses_dependencies);
        world.add_with("t", |task, _| task.depends_on = Some(depends_on(&["a"], &[])));
        world.add_with("a", |task, _| {
            let action = |action| ExitOptions { job_action: None, dependency_action: Some(action) };
            let on = |code, options| ExitCodeRange { start: code, end: code, options };
            let codes =
                vec![on(0, action(DependencyAction::Block)), on(1, action(DependencyAction::Satisfy))];
            task.exit_conditions = Some(ExitConditions { exit_codes: codes, ..ExitConditions::default() });
        });
        world.run_added("a", "n1");
        world.say("n1", &format!("task a ended {exit_code}"));
        let reason = if blocks {
            "it depends on task a, which has ended and blocks it"
        } else {
            "waiting for the scheduler, which can give it to node n1"
        };
        assert_eq!(not_running(&world, "t"), [reason]);
    }
}

/// K9: of a range the first number is named that is not satisfied.
#[test]
fn a_task_waits_for_the_ranges_that_it_depends_on() {
    let mut world = World::new(uses_dependencies);
    world.add_with("t", |task, _| task.depends_on = Some(depends_on(&[], &[(1, 3), (7, 7), (9, 9)])));
    let more = ", and on 2 other ranges";
    assert_eq!(
        not_running(&world, "t"),
        [format!("it depends on tasks 1 to 3, of which 1 does not exist{more}")]
    );
    world.ran("1", "n1", 0);
    world.add("2");
    world.add("02");
    assert_eq!(
        not_running(&world, "t"),
        [format!("it depends on tasks 1 to 3, of which 2 is not completed{more}")]
    );
    for task in ["2", "02"] {
        let why = format!("it depends on tasks 1 to 3, of which 2 is not completed{more}");
        assert_eq!(not_running(&world, "t"), [why], "{task} is one of two");
        world.run_added(task, "n1");
        world.say("n1", &format!("task {task} ended 1"));
    }
    world.ran("7", "n1", 0);
    world.ran("3", "n1", 0);
    assert_eq!(
        not_running(&world, "t"),
        ["it depends on tasks 1 to 3, of which 2 has ended and blocks it, and on another range"]
    );
    world.ran("9", "n1", 0);
    world.delete_task("02");
    world.reactivate("2");
    assert_eq!(not_running(&world, "t"), ["it depends on tasks 1 to 3, of which 2 is not completed"]);
    world.run_added("2", "n1");
    world.say("n1", "task 2 ended 0");
    assert_eq!(not_running(&world, "t"), ["waiting for the scheduler, which can give it to node n1"]);
}

/// P1, K1: preparing tasks are on nodes too.
#[test]
fn a_task_waits_while_its_job_has_as_many_on_nodes_as_it_allows() {
    let mut world = World::new(|specification, settings| {
        prepared(specification, settings);
        settings.max_parallel_tasks = ParallelLimit::AtMost(2);
    });
    for task in ["a", "b", "c"] {
        world.add(task);
    }
    world.assign("a", "n1");
    assert_eq!(not_running(&world, "c")[0], "task b of its job is scheduled first");
    world.assign("b", "n2");
    assert_eq!(
        not_running(&world, "c"),
        ["2 tasks of its job are on nodes, as many as maxParallelTasks allows"]
    );
}

/// P19, X9
#[test]
fn a_task_waits_for_the_pool_that_its_job_asks_for() {
    let mut world = RestWorld::new();
    let pool = json!({ "vmSize": "small", "targetDedicatedNodes": 1 });
    let pool = json!({ "autoPoolSpecification": { "poolLifetimeOption": "job", "pool": pool } });
    assert_eq!(world.send("POST /jobs", json!({ "id": "job", "poolInfo": pool })).told(), "201");
    world.add_tasks("job", &["a"]);
    let why = |account: &Account, now: Timestamp| {
        texts(&account.why_not_running(&id("job"), &id("a"), now).unwrap())
    };
    assert_eq!(why(&world.account, world.now), ["the pool of its job has still to be made"]);
    let mut made = world.clone();
    made.call(|account, now| account.add_auto_pool(&id("job"), &id("p"), now).unwrap());
    assert_eq!(why(&made.account, made.now), ["pool p has no nodes", "pool p is waiting for 1 more node"]);

    let failure =
        AutoPoolFailure { code: AutoPoolFailureCode::QuotaReached, message: "no more nodes".into() };
    world.call(|account, _| account.refuse_auto_pool(&id("job"), &failure));
    let code = "AutoPoolCreationFailedWithQuotaReached";
    assert_eq!(why(&world.account, world.now), [format!("the pool of its job could not be made: {code}")]);
    let ended = world.account.why_not_ended(&id("job"), world.now);
    assert_eq!(ended, Some(vec![NotEnded::Tick]), "X9");
}

/// P2, P9: a pool that does not exist, that has no nodes, and that is getting or losing them.
#[test]
fn a_task_waits_for_nodes() {
    let mut world = World::bare();
    world.add_job("job", plain);
    world.add("a");
    assert_eq!(not_running(&world, "a"), ["pool pool does not exist"]);
    world.add_pool("pool", dedicated(2), 1, NodeFillType::Spread);
    let empty = "pool pool has no nodes";
    assert_eq!(not_running(&world, "a"), [empty, "pool pool is waiting for 2 more nodes"]);
    let mut stopped = world.clone();
    stopped.call(|account, now| {
        let stop = StopResize { preconditions: Preconditions::None };
        account.stop_resize(&id("pool"), &stop, now).map_err(super::refusal)
    });
    assert_eq!(not_running(&stopped, "a"), [empty]);
    world.add_node("pool", "n1");
    assert_eq!(not_running(&world, "a"), ["waiting for the scheduler, which can give it to node n1"]);
    world.add("b");
    assert_eq!(world.placed(), ["a n1"]);
    assert_eq!(
        not_running(&world, "b"),
        ["pool pool is waiting for 1 more node", "node n1 has too few free slots"]
    );
    world.delete_pool("pool");
    assert_eq!(not_running(&world, "b"), ["pool pool is being deleted", "node n1 is leaving its pool"]);
}

/// P1: nodes of a pool that the account does not have are enough.
#[test]
fn a_pool_that_the_account_does_not_know_may_have_nodes() {
    let mut world = World::new(plain);
    world.add("a");
    assert_eq!(not_running(&world, "a"), ["waiting for the scheduler, which can give it to node n1"]);
}

/// N3, N4, N8, N9: what state nodes are in that take no tasks.
#[test]
fn a_task_waits_for_nodes_that_are_not_ready() {
    for (event, reason) in [
        (NodeEvent::Lost, "node n1 does not answer"),
        (NodeEvent::Unusable, "node n1 is unusable"),
        (NodeEvent::Preempted, "node n1 was preempted"),
        (NodeEvent::Deallocated, "node n1 is deallocated"),
    ] {
        let mut world = World::with_pool(dedicated(1), 1, NodeFillType::Spread);
        world.add_job("job", plain);
        world.add("a");
        world.node("n1", event);
        assert_eq!(not_running(&world, "a"), [reason]);
    }
    for (change, reason) in [
        (ChangeNode::Reboot(NodeTasks::Requeue), "node n1 is rebooting"),
        (ChangeNode::Reimage(NodeTasks::Requeue), "node n1 is being reimaged"),
        (ChangeNode::Deallocate(NodeTasks::Requeue), "node n1 is being deallocated"),
        (ChangeNode::DisableScheduling(NodeTasks::Requeue), "node n1 has scheduling disabled"),
    ] {
        let mut world = World::with_pool(dedicated(1), 1, NodeFillType::Spread);
        world.add_job("job", plain);
        world.add("a");
        world.change_node("n1", change);
        assert_eq!(not_running(&world, "a"), [reason]);
    }
    let mut world = World::with_pool(dedicated(1), 1, NodeFillType::Spread);
    world.add_job("job", plain);
    world.add("a");
    world.node("n1", NodeEvent::Deallocated);
    world.change_node("n1", ChangeNode::Start);
    assert_eq!(not_running(&world, "a"), ["node n1 is starting"]);
}

/// P1, N4: nodes share a reason, however many there are, and a node that is lost though full is lost.
#[test]
fn nodes_that_cannot_take_a_task_are_counted_by_their_obstacle() {
    let mut world = World::with_pool(dedicated(5), 2, NodeFillType::Spread);
    world.add_job("job", plain);
    for node in ["n2", "n4", "n5"] {
        let task = format!("on-{node}");
        world.add_with(&task, |task, _| task.required_slots = 2);
        world.assign(&task, node);
    }
    for node in ["n1", "n3", "n5"] {
        world.node(node, NodeEvent::Lost);
    }
    world.add("a");
    assert_eq!(
        not_running(&world, "a"),
        ["node n1 and 2 others do not answer", "node n2 and 1 other have too few free slots"]
    );
}

/// P1: a node with one free slot does not take a task that needs two; one with two slots never takes one that needs
/// three.
#[test]
fn a_task_waits_for_slots() {
    let mut world = World::with_pool(dedicated(1), 2, NodeFillType::Spread);
    world.add_job("job", plain);
    world.run("a", "n1");
    for (slots, reason) in [
        (1, "waiting for the scheduler, which can give it to node n1"),
        (2, "node n1 has too few free slots"),
        (3, "node n1 has fewer than the 3 slots that the task needs"),
    ] {
        let task = format!("needs-{slots}");
        world.add_with(&task, |task, _| task.required_slots = slots);
        assert_eq!(not_running(&world, &task).last().unwrap(), reason);
    }
}

/// N7
#[test]
fn a_task_does_not_come_to_a_node_where_the_preparation_failed() {
    let mut world = World::with_pool(dedicated(1), 4, NodeFillType::Spread);
    world.add_job("job", prepared);
    world.add("a");
    world.assign("a", "n1");
    world.say("n1", "preparation ended 1");
    assert_eq!(not_running(&world, "a"), ["node n1 is excluded because the preparation task failed there"]);
    world.node("n1", NodeEvent::Reimaged);
    assert_eq!(not_running(&world, "a"), ["waiting for the scheduler, which can give it to node n1"]);
}

/// P5
#[test]
fn a_job_manager_task_may_need_a_dedicated_or_an_empty_node() {
    let target = NodeCounts { dedicated: 0, low_priority: 2 };
    let mut world = World::with_pool(target, 2, NodeFillType::Spread);
    world.add_job("job", |specification, _| {
        specification.manager =
            Some(JobManagerTask { allow_low_priority_node: false, ..manager("m", false) });
    });
    assert_eq!(
        not_running(&world, "m"),
        ["node n1 and 1 other are low-priority nodes, and the task needs a dedicated one"]
    );
    world.add("a");
    assert_eq!(
        not_running(&world, "a"),
        ["task m of its job is scheduled first", "waiting for the scheduler, which can give it to node n1"]
    );

    let mut world = World::with_pool(dedicated(1), 2, NodeFillType::Spread);
    world.add_job("job", |specification, _| {
        let task = TaskSpecification { run_exclusive: true, ..TaskSpecification::default() };
        specification.manager = Some(JobManagerTask { specification: task.into(), ..manager("m", false) });
    });
    world.run("a", "n1");
    assert_eq!(not_running(&world, "m"), ["node n1 has too few free slots"]);
}

/// P1, P4: what is scheduled before a task that a node could take.
#[test]
fn a_task_waits_for_its_turn() {
    let mut world = World::with_pool(dedicated(1), 1, NodeFillType::Spread);
    world.add_job("job", plain);
    world.add("b");
    world.add("a");
    let node = "waiting for the scheduler, which can give it to node n1";
    assert_eq!(not_running(&world, "b"), [node]);
    assert_eq!(not_running(&world, "a"), ["task b of its job is scheduled first", node]);
    world.add_job("urgent", |_, settings| settings.priority = 1);
    assert_eq!(not_running(&world, "b"), [node], "the other job has no tasks");
    world.add_to("urgent", "u");
    assert_eq!(not_running(&world, "b"), ["job urgent is scheduled first", node]);
    assert_eq!(
        not_running(&world, "a"),
        ["job urgent is scheduled first", "task b of its job is scheduled first", node]
    );
    assert_eq!(world.placed(), ["u n1"]);
    assert_eq!(not_running(&world, "b"), ["node n1 has too few free slots"]);
}

/// K4, N6: a task that is tried again, or was requeued, waits like any other.
#[test]
fn a_retried_task_waits_like_any_other() {
    let mut world = World::with_pool(dedicated(1), 1, NodeFillType::Spread);
    world.add_job("job", plain);
    world.add_with("a", |_, constraints| constraints.max_task_retry_count = Some(RetryLimit::Times(1)));
    world.run_added("a", "n1");
    assert_eq!(world.say("n1", "task a ended 1"), "TaskRetried a n1");
    assert_eq!(not_running(&world, "a"), ["waiting for the scheduler, which can give it to node n1"]);
    world.run_added("a", "n1");
    world.node("n1", NodeEvent::Preempted);
    assert_eq!(not_running(&world, "a"), ["node n1 was preempted"]);
}

/// K1, E3, K6, N4: a preparing task waits for its preparation, and may have been told to stop.
#[test]
fn a_preparing_task_waits_for_the_preparation() {
    let mut world = World::new(prepared);
    world.add("a");
    world.assign("a", "n1");
    let preparation = "waiting for the preparation task on node n1";
    assert_eq!(not_running(&world, "a"), [preparation]);
    let mut lost = world.clone();
    lost.node("n1", NodeEvent::Lost);
    assert_eq!(not_running(&lost, "a"), [format!("{preparation}, which does not answer")]);
    let mut ending = world.clone();
    ending.terminate();
    assert_eq!(not_running(&ending, "a"), [preparation, "it was told to stop"]);
    world.terminate_task("a");
    assert_eq!(not_running(&world, "a"), [preparation, "it was told to stop"]);
}
