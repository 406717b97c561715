//! Tasks: K1 to K13.

use azbatch::{
    TimeSpan, Timestamp,
    job::{Ended, NotAssigned, Unit},
    node::NodeEvent,
    task::{
        DependencyAction, ExitCodeRange, ExitConditions, ExitOptions, NodeError, NodeFailure, RetryLimit,
    },
};
use serde_json::{Value, json};

use super::{
    World, before, depends_on, plain, prepared, s, uses_dependencies, with_a_task, with_job, with_pool,
};
use crate::world::{World as RestWorld, brief as brief_all, id, secs};

/// K1
#[test]
fn a_task_is_preparing_while_the_preparation_is_not_completed() {
    let mut world = World::new(prepared);
    for task in ["a", "b", "c"] {
        world.add(task);
    }
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
    assert_eq!(world.assign("b", "n1"), "TaskPreparing b n1");
    let started = "PreparationEnded n1, TaskRunning a n1, RunTask a n1, TaskRunning b n1, RunTask b n1";
    assert_eq!(world.say("n1", "preparation ended 0"), started);
    assert_eq!(world.assign("c", "n1"), "TaskRunning c n1, RunTask c n1");

    let mut world = World::new(plain);
    world.add("a");
    assert_eq!(world.assign("a", "n1"), "TaskRunning a n1, RunTask a n1");
}

/// K2
#[test]
fn the_reported_start_sets_the_times_of_a_running_task() {
    let mut world = World::new(plain);
    world.add("a");
    world.at(5).assign("a", "n1");
    assert_eq!((world.task_state("a"), world.task("a").stamps().entered()), ("running", s(5)));
    assert_eq!(world.shown("/jobs/job/tasks/a", "executionInfo/startTime"), Value::Null);
    world.at(7).say("n1", "task a started");
    assert_eq!(world.task("a").stamps().entered(), s(7));
    assert_eq!(world.shown("/jobs/job/tasks/a", "executionInfo/startTime"), "2026-02-10T08:00:07Z");
}

/// K3
#[test]
fn exit_code_0_is_success() {
    let mut world =
        World::new(|_, settings| settings.constraints.max_task_retry_count = RetryLimit::Unlimited);
    world.at(5).run("a", "n1");
    assert_eq!(world.at(9).say("n1", "task a ended 0"), "TaskCompleted a n1");
    assert_eq!(world.end("a"), (Some(0), None));
    let shown = world.shown("/jobs/job/tasks/a", "executionInfo");
    assert_eq!(
        (&shown["startTime"], &shown["endTime"]),
        (&"2026-02-10T08:00:05Z".into(), &"2026-02-10T08:00:09Z".into())
    );
    assert_eq!((&shown["result"], &shown["exitCode"]), (&"success".into(), &0.into()));
    assert_eq!(world.task("a").stamps().entered(), s(9));
    assert_eq!(world.task("a").stamps().previous().map(|(state, _)| state.as_str()), Some("running"));
}

/// K4: retried while there are retries left; -1 means without limit.
#[test]
fn another_exit_code_is_retried_while_retries_are_left() {
    for (limit, retries) in [(0, 0), (2, 2), (-1, 5)] {
        let mut world = World::new(plain);
        world.add_with("a", |_, constraints| constraints.max_task_retry_count = RetryLimit::from_wire(limit));
        for retry in 1..=retries {
            world.run_added("a", "n1");
            assert_eq!(world.at(retry).say("n1", "task a ended 1"), "TaskRetried a n1");
            let task = world.task("a");
            assert_eq!((u64::from(task.retry_count()), task.last_retry_time()), (retry, Some(s(retry))));
            assert_eq!(world.task_state("a"), "active");
        }
        if limit >= 0 {
            world.run_added("a", "n1");
            assert_eq!(world.say("n1", "task a ended 1"), "TaskCompleted a n1");
            assert_eq!(world.end("a"), (Some(1), Some("FailureExitCode")));
            assert_eq!(u64::from(world.task("a").retry_count()), retries);
        }
    }
}

/// K4: the failure as it is shown.
#[test]
fn a_failure_by_exit_code_shows_its_details() {
    let mut world = World::new(plain);
    world.ran("a", "n1", 7);
    let shown = world.shown("/jobs/job/tasks/a", "executionInfo");
    assert_eq!((&shown["result"], &shown["exitCode"]), (&"failure".into(), &7.into()));
    let failure = &shown["failureInfo"];
    assert_eq!((&failure["category"], &failure["code"]), (&"UserError".into(), &"FailureExitCode".into()));
    assert_eq!(failure["message"], "The task exited with an exit code representing a failure");
    assert_eq!(failure["details"][0]["value"], "The task process exited with an unexpected exit code");
    assert_eq!(failure["details"][1]["value"], "FailureExitCode");
}

/// K5
#[test]
fn errors_around_a_task_complete_it_without_retries() {
    let error = || NodeError { code: "BlobNotFound".into(), message: "There is no such blob".into() };
    for failure in [NodeFailure::PreProcessing(error()), NodeFailure::FileUpload(error())] {
        let mut world = World::new(plain);
        world.add_with("a", |_, constraints| constraints.max_task_retry_count = Some(RetryLimit::Unlimited));
        world.run_added("a", "n1");
        let ended = Ended { exit_code: None, failure: Some(failure) };
        assert_eq!(world.ends("n1", &Unit::Task(id("a")), ended), "TaskCompleted a n1");
        assert_eq!(world.end("a"), (None, Some("BlobNotFound")));
    }
}

/// Errors before and after a process, each with its own code and message.
fn node_failures() -> [NodeFailure; 2] {
    let error = |code: &str, message: &str| NodeError { code: code.into(), message: message.into() };
    [
        NodeFailure::PreProcessing(error("BlobNotFound", "There is no such blob")),
        NodeFailure::FileUpload(error("UploadContainerNotFound", "There is no such container")),
    ]
}

/// The run is shown as failed for this reason, though its exit code is 0.
fn assert_failed(shown: &Value, failure: &NodeFailure) {
    let (NodeFailure::PreProcessing(error) | NodeFailure::FileUpload(error)) = failure;
    let info = serde_json::json!({ "category": "UserError", "code": error.code, "message": error.message });
    assert_eq!(shown["failureInfo"], info);
    assert_eq!((&shown["result"], &shown["state"]), (&"failure".into(), &"completed".into()));
    assert_eq!(shown["exitCode"], 0);
}

/// K5, N7, E5: an error around a preparation fails it, whatever its exit code and its retries.
#[test]
fn errors_around_a_preparation_fail_it_without_retries() {
    for (waited, retries) in [(true, -1), (true, 0), (false, -1), (false, 0)] {
        for failure in node_failures() {
            let mut world = World::new(|specification, settings| {
                prepared(specification, settings);
                let preparation = specification.preparation.as_mut().unwrap();
                preparation.wait_for_success = waited;
                preparation.constraints.max_task_retry_count = RetryLimit::from_wire(retries).unwrap();
            });
            world.add("a");
            world.assign("a", "n1");
            world.at(1).say("n1", "preparation started");
            let ended = Ended { exit_code: Some(0), failure: Some(failure.clone()) };
            let told = world.at(2).ends("n1", &Unit::Preparation, ended);
            if waited {
                assert_eq!(told, "PreparationEnded n1, TaskRequeued a n1");
                assert_eq!(world.assign("a", "n1"), "NodeBarred");
            } else {
                assert_eq!(told, "PreparationEnded n1, TaskRunning a n1, RunTask a n1");
                assert_eq!(world.say("n1", "task a ended 0"), "TaskCompleted a n1");
            }
            assert_eq!(world.job().node(&id("n1")).unwrap().is_barred(), waited);
            let shown = world.status("Preparation");
            assert_failed(&shown, &failure);
            assert_eq!(shown["retryCount"], 0);
            let ending = world.terminate();
            assert_eq!(ending, if waited { "JobTerminating" } else { "JobTerminating, RunRelease n1" });
        }
    }
}

/// K5: the same ends without an error are a success and a failure with retries, and show no error.
#[test]
fn without_an_error_the_exit_code_of_a_preparation_decides() {
    for (exit_code, told, result) in [
        (0, "PreparationEnded n1, TaskRunning a n1, RunTask a n1", "success"),
        (1, "PreparationEnded n1, RunPreparation n1", "failure"),
    ] {
        let mut world = World::new(|specification, settings| {
            prepared(specification, settings);
            specification.preparation.as_mut().unwrap().constraints.max_task_retry_count =
                RetryLimit::Times(1);
        });
        world.add("a");
        world.assign("a", "n1");
        assert_eq!(world.say("n1", &format!("preparation ended {exit_code}")), told);
        if exit_code == 1 {
            assert_eq!(world.say("n1", "preparation ended 1"), "PreparationEnded n1, TaskRequeued a n1");
        }
        let shown = world.status("Preparation");
        assert_eq!((&shown["result"], &shown["retryCount"]), (&result.into(), &exit_code.into()));
        assert_eq!((&shown["exitCode"], &shown["failureInfo"]), (&exit_code.into(), &Value::Null));
    }
}

/// K5, E3: a preparation that was told to stop shows its error too, and does not count as completed (E5).
#[test]
fn errors_around_a_stopped_preparation_are_shown() {
    for failure in node_failures() {
        let mut world = World::new(prepared);
        world.add("a");
        world.assign("a", "n1");
        world.terminate();
        let ended = Ended { exit_code: Some(0), failure: Some(failure.clone()) };
        let told = world.ends("n1", &Unit::Preparation, ended);
        assert_eq!(told, "PreparationEnded n1, TaskCompleted a n1");
        assert_failed(&world.status("Preparation"), &failure);
        assert_eq!((world.release("n1"), world.tick().as_str()), ("none", "JobCompleted"));
    }
}

/// K5, E7: an error around a release fails it. It does not hold the job, and the release runs once.
#[test]
fn errors_around_a_release_fail_it_and_do_not_hold_the_job() {
    for failure in node_failures() {
        let mut world = World::new(prepared);
        world.ran("a", "n1", 0);
        assert_eq!(world.terminate(), "JobTerminating, RunRelease n1");
        world.at(1).say("n1", "release started");
        let ended = Ended { exit_code: Some(0), failure: Some(failure.clone()) };
        assert_eq!(world.at(2).ends("n1", &Unit::Release, ended), "ReleaseEnded n1");
        assert_failed(&world.status("Release"), &failure);
        assert_eq!(world.node("n1", NodeEvent::Rebooted), "NodeEventRecorded n1", "it has run");
        assert_eq!(world.tick(), "JobCompleted");
        assert_failed(&world.status("Release"), &failure);
        assert_eq!(world.status("Preparation")["result"], "success");
    }
}

/// K5: counted from its start.
#[test]
fn a_task_that_exceeds_its_time_limit_is_told_to_stop() {
    let mut world = World::new(plain);
    world.add_with("a", |_, constraints| {
        constraints.max_wall_clock_time = secs(10);
        constraints.max_task_retry_count = Some(RetryLimit::Unlimited);
    });
    world.assign("a", "n1");
    assert_eq!(world.at(100).tick(), "", "it has not started");
    world.at(100).say("n1", "task a started");
    assert_eq!(world.on(before(s(110))).tick(), "");
    assert_eq!(world.at(110).tick(), "StopTask a n1");
    assert_eq!(world.at(111).tick(), "", "it was told once");
    assert_eq!(world.say("n1", "task a ended 137"), "TaskCompleted a n1");
    assert_eq!(world.end("a"), (Some(137), Some("TaskEnded")));
    assert_eq!(world.shown("/jobs/job/tasks/a", "executionInfo/failureInfo/category"), "ServerError");
}

/// K5, E6: ordered by time, not by id or node.
#[test]
fn what_expired_first_is_stopped_first() {
    let mut world = World::new(|specification, settings| {
        prepared(specification, settings);
        specification.release.as_mut().unwrap().max_wall_clock_time = secs(30);
    });
    let starts = [(1, "b", "n2"), (2, "a", "n1")];
    for (_, task, node) in starts {
        world.add_with(task, |_, constraints| constraints.max_wall_clock_time = secs(20));
        world.assign(task, node);
        world.say(node, "preparation ended 0");
    }
    for (second, task, node) in starts {
        world.at(second).say(node, &format!("task {task} started"));
    }
    assert_eq!(world.at(22).tick(), "StopTask b n2, StopTask a n1");

    for (_, task, node) in starts {
        world.say(node, &format!("task {task} ended 137"));
    }
    world.terminate();
    for (second, _, node) in starts {
        world.at(30 + second).say(node, "release started");
    }
    assert_eq!(world.at(62).tick(), "ReleaseEnded n2, StopRelease n2, ReleaseEnded n1, StopRelease n1");
}

/// K6
#[test]
fn an_active_task_is_terminated_immediately() {
    let mut world = World::new(plain);
    world.add("a");
    assert_eq!(world.at(5).terminate_task("a"), "TaskTouched a, TaskCompleted a");
    assert_eq!(world.end("a"), (None, Some("TaskEnded")));
    assert_eq!((world.task("a").stamps().modified(), world.task("a").stamps().entered()), (s(5), s(5)));
    assert_eq!(world.shown("/jobs/job/tasks/a", "nodeInfo"), json!({}));
    assert_eq!(world.shown("/jobs/job/tasks/a", "previousState"), "active");
    let failure = json!({
        "category": "UserError", "code": "TaskEnded", "message": "Task Was Ended by User Request",
    });
    let info = json!({
        "endTime": "2026-02-10T08:00:05Z", "failureInfo": failure, "result": "failure", "retryCount": 0,
        "requeueCount": 0,
    });
    assert_eq!(world.shown("/jobs/job/tasks/a", "executionInfo"), info);
}

/// K6: when the node answers.
#[test]
fn a_task_on_a_node_is_terminated_by_its_node() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    assert_eq!(world.at(5).terminate_task("a"), "TaskTouched a, StopTask a n1");
    assert_eq!(world.task_state("a"), "running");
    assert_eq!(world.terminate_task("a"), "TaskTouched a", "a second request is accepted");
    world.at(6).say("n1", "task a ended 0");
    assert_eq!(world.end("a"), (Some(0), Some("TaskEnded")));

    world.add("b");
    world.assign("b", "n2");
    assert_eq!(world.terminate_task("b"), "TaskTouched b, StopTask b n2");
    assert_eq!(world.task_state("b"), "preparing");
    assert_eq!(world.say("n2", "preparation ended 0"), "PreparationEnded n2, TaskCompleted b n2");
    assert_eq!(world.end("b"), (None, Some("TaskEnded")));
}

/// K7
#[test]
fn a_completed_task_cannot_be_terminated_but_deleted() {
    let mut world = World::new(plain);
    world.ran("a", "n1", 0);
    assert_eq!(world.terminate_task("a"), "409 TaskCompleted");
    assert_eq!(world.delete_task("a"), "TaskDeleted a");
    assert_eq!(world.delete_task("a"), "404 TaskNotFound");
}

/// K7: a task on a node is gone when the node has stopped it, whatever else was asked for.
#[test]
fn a_deleted_task_waits_for_its_node() {
    for ending in [false, true] {
        let mut world = World::new(plain);
        world.run("a", "n1");
        assert_eq!(world.delete_task("a"), "StopTask a n1");
        assert_eq!(world.task_state("a"), "running");
        if ending {
            world.terminate();
        }
        assert_eq!(world.say("n1", "task a ended 0"), "TaskDeleted a n1");
        assert_eq!(world.job().task(&id("a")), None);
    }
}

/// K7
#[test]
fn a_deleted_task_is_gone_from_everything() {
    let mut world = RestWorld::with_tasks(&["active", "running", "completed", "other"]);
    world.ran("job", "completed", "n1", 0);
    world.run("job", "running", "n1");
    for (task, effects) in [
        ("active", "TaskDeleted active"),
        ("completed", "TaskDeleted completed"),
        ("running", "StopTask running n1 Delete"),
    ] {
        let reply = world.send(&format!("DELETE /jobs/job/tasks/{task}"), "");
        assert_eq!((reply.told(), reply.brief()), ("200".into(), vec![effects.to_string()]));
    }
    assert_eq!(world.get("/jobs/job/tasks").ids(), ["other", "running"]);
    assert_eq!(world.get("/jobs/job/tasks/active").told(), "404 TaskNotFound");
    assert_eq!(world.state("/pools/pool/nodes/n1"), "running");
    assert_eq!(brief_all(&world.ends("job", "running", "n1", 0)), ["TaskDeleted running n1"]);
    assert_eq!(world.state("/pools/pool/nodes/n1"), "idle");
    assert_eq!(world.get("/jobs/job/tasks").ids(), ["other"]);
    world.add_tasks("job", &["active"]);
    let counts = json!({ "active": 2, "running": 0, "completed": 0, "succeeded": 0, "failed": 0 });
    assert_eq!(world.value("/jobs/job/taskcounts", "/taskCounts"), counts);
}

/// K8: nothing of its completion is left, and its retries are counted from zero.
#[test]
fn a_failed_task_can_be_reactivated() {
    let mut world = World::new(plain);
    world.add_with("a", |_, constraints| constraints.max_task_retry_count = Some(RetryLimit::Times(1)));
    assert_eq!(world.reactivate("a"), "409 TaskNotCompleted");
    let fresh = world.shown("/jobs/job/tasks/a", "executionInfo");
    for _ in 0..2 {
        world.run_added("a", "n1");
        world.say("n1", "task a ended 1");
    }
    assert_eq!((world.task_state("a"), world.task("a").retry_count()), ("completed", 1));
    assert_eq!(world.at(9).reactivate("a"), "TaskReactivated a");
    for (path, shown) in [
        ("state", json!("active")),
        ("previousState", json!("completed")),
        ("executionInfo", fresh),
        ("nodeInfo", Value::Null),
    ] {
        assert_eq!(world.shown("/jobs/job/tasks/a", path), shown, "{path}");
    }
    world.run_added("a", "n1");
    assert_eq!(world.say("n1", "task a ended 1"), "TaskRetried a n1");
    world.run_added("a", "n1");
    world.say("n1", "task a ended 0");
    assert_eq!(world.reactivate("a"), "409 TaskSucceeded");
    world.terminate();
    assert_eq!(world.reactivate("a"), "409 JobBeingTerminated", "the job's code wins");
}

/// K8, R-reactivate-task-*: the job's code wins, whether the task has failed, succeeded or is active.
#[test]
fn tasks_of_jobs_that_end_are_not_reactivated() {
    let mut world = RestWorld::new();
    world.add_node("p", "n");
    let job = r#"{"id":"j","poolInfo":{"poolId":"p"},"jobPreparationTask":{"commandLine":"c"},"jobReleaseTask":{"commandLine":"c"}}"#;
    assert_eq!(world.send("POST /jobs", job).told(), "201");
    for task in ["failed", "succeeded", "active"] {
        let task = json!({ "id": task, "commandLine": "c" });
        assert_eq!(world.send("POST /jobs/j/tasks", task).told(), "201");
    }
    let effects = world.assign("j", "succeeded", "n");
    for effect in effects {
        world.obey_one(&effect);
    }
    world.starts("j", "succeeded", "n");
    world.ends("j", "succeeded", "n", 0);
    world.ran("j", "failed", "n", 1);
    let answers = |world: &mut RestWorld| {
        ["failed", "succeeded", "active"]
            .map(|task| world.send(&format!("POST /jobs/j/tasks/{task}/reactivate"), "").told())
    };
    let terminated = world.send("POST /jobs/j/terminate", "");
    assert_eq!(terminated.told(), "202");
    assert_eq!(answers(&mut world), ["409 JobBeingTerminated"; 3]);
    world.obey(terminated.effects);
    assert_eq!(world.state("/jobs/j"), "completed");
    assert_eq!(answers(&mut world), ["409 JobCompleted"; 3]);
    assert_eq!(world.send("DELETE /jobs/j", "").told(), "202");
    assert_eq!(world.state("/jobs/j"), "deleting");
    assert_eq!(answers(&mut world), ["409 JobBeingDeleted"; 3]);
}

/// K9: by ids and by ranges, in which leading zeros do not count.
#[test]
fn a_task_waits_for_everything_that_it_depends_on() {
    let mut world = World::new(uses_dependencies);
    world.add_with("d", |specification, _| {
        specification.depends_on = Some(depends_on(&["x"], &[(1, 2), (7, 7)]));
    });
    for task in ["x", "1", "002", "07"] {
        assert_eq!(world.assign("d", "n2"), "DependencyNotMet", "before {task}");
        world.ran(task, "n1", 0);
    }
    world.run("7", "n1");
    assert_eq!(world.assign("d", "n2"), "DependencyNotMet", "7 is in the range like 07");
    world.say("n1", "task 7 ended 0");
    assert_eq!(world.assign("d", "n2"), "TaskRunning d n2, RunTask d n2");
}

/// Dependency actions for one exit code and for every other failure.
fn dependants(code: i32, on_code: DependencyAction, otherwise: DependencyAction) -> ExitConditions {
    let options = |action| ExitOptions { job_action: None, dependency_action: Some(action) };
    let exit_codes = vec![ExitCodeRange { start: code, end: code, options: options(on_code) }];
    ExitConditions { exit_codes, default: Some(options(otherwise)), ..ExitConditions::default() }
}

/// K9: by what the failed task's exit options say.
#[test]
fn exit_options_decide_whether_a_failure_satisfies_a_dependency() {
    use DependencyAction::{Block, Satisfy};
    for (conditions, exit_code, met) in [
        (None, 0, true),
        (None, 1, false),
        (Some(dependants(3, Satisfy, Block)), 3, true),
        (Some(dependants(3, Satisfy, Block)), 4, false),
        (Some(dependants(3, Block, Satisfy)), 3, false),
        (Some(dependants(3, Block, Satisfy)), 4, true),
        (Some(dependants(3, Satisfy, Block)), 0, true),
    ] {
        let mut world = World::new(uses_dependencies);
        world.add_with("d", |specification, _| specification.depends_on = Some(depends_on(&["a"], &[])));
        world.add_with("a", |specification, _| specification.exit_conditions.clone_from(&conditions));
        world.run_added("a", "n1");
        world.say("n1", &format!("task a ended {exit_code}"));
        let came = world.assign("d", "n1");
        assert_eq!(came != "DependencyNotMet", met, "exit code {exit_code} with {conditions:?}");
    }
}

/// K9: what an exit code leads to comes before what a failed upload leads to, and both before the default.
#[test]
fn the_options_of_an_exit_code_come_before_those_of_a_failed_upload() {
    use DependencyAction::{Block, Satisfy};
    let options = |action| ExitOptions { job_action: None, dependency_action: Some(action) };
    for (exit_code, on_upload_error, met) in [
        (Some(3), Some(Block), true),
        (Some(4), Some(Block), false),
        (Some(4), Some(Satisfy), true),
        (Some(0), Some(Satisfy), true),
        (None, Some(Block), false),
        (Some(3), None, true),
        (Some(4), None, false),
    ] {
        let mut world = World::new(uses_dependencies);
        world.add_with("d", |specification, _| specification.depends_on = Some(depends_on(&["a"], &[])));
        world.add_with("a", |specification, _| {
            let mut conditions = dependants(3, Satisfy, Block);
            conditions.file_upload_error = on_upload_error.map(options);
            specification.exit_conditions = Some(conditions);
        });
        world.run_added("a", "n1");
        let error = NodeError { code: "UploadContainerNotFound".into(), message: "There is none".into() };
        let ended = Ended { exit_code, failure: Some(NodeFailure::FileUpload(error)) };
        assert_eq!(world.ends("n1", &Unit::Task(id("a")), ended), "TaskCompleted a n1");
        let came = world.assign("d", "n1");
        assert_eq!(came != "DependencyNotMet", met, "{exit_code:?}, {on_upload_error:?}");
    }
}

/// K9: one look-up per range, so that many long ranges do not take long.
#[test]
fn many_long_ranges_are_looked_up_at_once() {
    let mut world = RestWorld::new();
    world.add_node("pool", "n");
    world.send(
        "POST /jobs",
        json!({ "id": "job", "poolInfo": { "poolId": "pool" }, "usesTaskDependencies": true }),
    );
    for number in 1..=300 {
        world.send("POST /jobs/job/tasks", json!({ "id": format!("{number:04}"), "commandLine": "x" }));
        world.ran("job", &format!("{number:04}"), "n", 0);
    }
    let ranges = vec![json!({ "start": 1, "end": 300 }); 500];
    let body = json!({ "id": "last", "commandLine": "x", "dependsOn": { "taskIdRanges": ranges } });
    assert_eq!(world.send("POST /jobs/job/tasks", body).told(), "201");
    assert_eq!(brief_all(&world.schedule()).len(), 2);
}

/// The age at which a task expires (K13).
const MAX_LIFETIME_SECONDS: u64 = 180 * 24 * 60 * 60;

/// K9: alone and in a collection, as users of the service reported it.
#[test]
fn a_task_with_dependencies_in_a_job_without_is_refused() {
    let mut world = with_job(r#"{"id":"j","poolInfo":{"poolId":"p"}}"#);
    let text = "One of the properties specified in the request body is not supported.";
    for depends_on in [r#"{"taskIds":["a"]}"#, r#"{"taskIdRanges":[{"start":1,"end":2}]}"#] {
        let task = format!(r#"{{"id":"t","commandLine":"c","dependsOn":{depends_on}}}"#);
        let refused = world.send("POST /jobs/j/tasks", &task);
        assert_eq!(refused.told(), "400 UnsupportedProperty", "{depends_on}");
        assert!(refused.json()["message"]["value"].as_str().unwrap().starts_with(text));

        let other = r#"{"id":"u","commandLine":"c"}"#;
        let answer = world.send("POST /jobs/j/addtaskcollection", format!(r#"{{"value":[{task},{other}]}}"#));
        let results = answer.json()["value"].clone();
        assert_eq!(results[0]["status"], "ClientError");
        assert_eq!(results[0]["error"]["code"], "UnsupportedProperty");
        assert!(results[0]["error"]["message"]["value"].as_str().unwrap().starts_with(text));
        assert_eq!(results[1]["status"], "Success", "the others are judged by themselves");
        assert_eq!(world.send("DELETE /jobs/j/tasks/u", "").told(), "200");
    }
    for (id, depends_on) in [("v", "{}"), ("w", r#"{"taskIds":[],"taskIdRanges":[]}"#), ("x", "null")] {
        let task = format!(r#"{{"id":"{id}","commandLine":"c","dependsOn":{depends_on}}}"#);
        assert_eq!(world.send("POST /jobs/j/tasks", task).told(), "201", "{depends_on}");
    }
}

/// K10
#[test]
fn a_task_without_a_reported_start_started_when_it_was_assigned() {
    let mut world = World::new(plain);
    world.add("a");
    world.at(5).assign("a", "n1");
    world.at(9).say("n1", "task a ended 0");
    assert_eq!(world.shown("/jobs/job/tasks/a", "executionInfo/startTime"), "2026-02-10T08:00:05Z");
}

/// K10: the entry's start is required.
#[test]
fn a_preparation_that_was_stopped_before_it_started_has_a_start() {
    let mut world = with_pool(1);
    let preparation = json!({ "commandLine": "x" });
    world.send(
        "POST /jobs",
        json!({ "id": "p", "poolInfo": { "poolId": "pool" }, "jobPreparationTask": preparation }),
    );
    world.send("POST /jobs/p/tasks", json!({ "id": "t", "commandLine": "x" }));
    world.assign("p", "t", "tvm-1");
    world.send("POST /jobs/p/terminate", "");
    world.say("p", Unit::Preparation, "tvm-1", Some(1));
    let shown = world.shown("/jobs/p/jobpreparationandreleasetaskstatus");
    let info = &shown["value"][0]["jobPreparationTaskExecutionInfo"];
    assert_eq!(info["startTime"], info["endTime"]);
    assert!(info["startTime"].is_string());
}

/// K11
#[test]
fn an_end_without_an_exit_code_is_a_failure_with_retries() {
    let mut world = World::new(plain);
    world.add_with("a", |_, constraints| constraints.max_task_retry_count = Some(RetryLimit::Times(1)));
    world.run_added("a", "n1");
    assert_eq!(world.say("n1", "task a ended"), "TaskRetried a n1");
    world.run_added("a", "n1");
    assert_eq!(world.say("n1", "task a ended"), "TaskCompleted a n1");
    assert_eq!(world.end("a"), (None, Some("FailureExitCode")));
}

/// K12: the preparation's own maxWallClockTime is left to the node.
#[test]
fn a_preparation_is_not_stopped_by_the_clock() {
    let mut world = with_pool(1);
    let preparation = json!({ "commandLine": "x", "constraints": { "maxWallClockTime": "PT1M" } });
    world.send(
        "POST /jobs",
        json!({ "id": "p", "poolInfo": { "poolId": "pool" }, "jobPreparationTask": preparation }),
    );
    world.send("POST /jobs/p/tasks", json!({ "id": "t", "commandLine": "x" }));
    world.assign("p", "t", "tvm-1");
    world.say("p", Unit::Preparation, "tvm-1", None);
    assert_eq!(brief_all(&world.later(3600).tick()), Vec::<String>::new());
    assert_eq!(world.value("/jobs/p", "/jobPreparationTask/constraints/maxWallClockTime"), "PT1M");
}

/// K13, K5: a running task is told to stop at the first tick after 180 days.
#[test]
fn a_task_runs_for_180_days_at_most() {
    let mut world = with_a_task();
    world.run("j", "t", "n");
    world.later(MAX_LIFETIME_SECONDS - 1000);
    assert_eq!(brief_all(&world.tick()), [""; 0]);
    let expiry = Timestamp::parse_iso8601(world.value("/jobs/j/tasks/t", "/creationTime").as_str().unwrap());
    let expiry = expiry.unwrap().saturating_add(TimeSpan::from_secs(MAX_LIFETIME_SECONDS));
    assert_eq!(world.account.deadline(), Some(expiry));
    world.later(1000);
    assert_eq!(brief_all(&world.tick()), ["StopTask t n WallClockTime"]);
    world.ends("j", "t", "n", 143);
    let shown = world.shown("/jobs/j/tasks/t");
    assert_eq!(shown["state"], "completed");
    assert_eq!(shown["executionInfo"]["failureInfo"]["category"], "ServerError");
    assert_eq!(shown["executionInfo"]["failureInfo"]["code"], "TaskEnded");
}

/// K13: an active task that is older stays as it is, also after its job was disabled and enabled.
#[test]
fn a_task_of_180_days_is_not_scheduled() {
    let mut world = with_a_task();
    let mut early = world.clone();
    early.later(MAX_LIFETIME_SECONDS - 10);
    assert_eq!(brief_all(&early.schedule()), ["TaskRunning t n", "RunTask t n"]);

    let added = world.shown("/jobs/j/tasks/t");
    world.later(MAX_LIFETIME_SECONDS);
    assert_eq!(world.tick(), []);
    assert_eq!(world.schedule(), []);
    let (job, task, node, now) =
        ("j".parse().unwrap(), "t".parse().unwrap(), "n".parse().unwrap(), world.now);
    assert_eq!(world.account.assign(&job, &task, &node, now), Err(NotAssigned::TaskExpired));
    assert_eq!(world.send("POST /jobs/j/disable", r#"{"disableTasks":"requeue"}"#).told(), "202");
    world.tick();
    assert_eq!(world.send("POST /jobs/j/enable", "").told(), "202");
    assert_eq!(world.schedule(), []);
    assert_eq!(world.shown("/jobs/j/tasks/t"), added);

    // A task that is added later is scheduled.
    assert_eq!(world.send("POST /jobs/j/tasks", r#"{"id":"u","commandLine":"c"}"#).told(), "201");
    assert_eq!(brief_all(&world.schedule()), ["TaskRunning u n", "RunTask u n"]);
}
