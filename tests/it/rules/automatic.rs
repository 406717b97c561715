//! Automatic termination: X1 to X8.

use azbatch::{
    Instruction, TimeSpan,
    job::{
        DisableTasks, JobChange, JobManagerTask, JobPatch, JobSettings, OnAllTasksComplete, OnTaskFailure,
        StopCause, TerminateJob, TerminateReason,
    },
    task::{ExitConditions, ExitOptions, JobAction, ReactivateTask, TaskSpecification},
};
use serde_json::json;

use super::{
    World, acts_on_failures, add_job_that_acts_on_failures, before, depends_on, ends_by_itself, manager,
    plain, prepared, s, uses_dependencies,
};
use crate::world::{World as RestWorld, brief as brief_all, id, job_body, secs, task_body};

/// X1: counted from the creation; exactly at the limit.
#[test]
fn a_job_ends_when_its_time_limit_is_reached() {
    let mut world = World::new(|_, settings| settings.constraints.max_wall_clock_time = secs(100));
    world.at(50).run("a", "n1");
    assert_eq!(world.on(before(s(100))).tick(), "");
    assert_eq!(world.at(100).tick(), "JobTerminating, StopTask a n1");
    assert_eq!(world.reason(), "MaxWallClockTimeExpiry");
}

/// X1, S2, K5: the time limit of its task is reached at the same tick, and the task is told to stop once.
#[test]
fn a_job_that_ends_stops_its_tasks_once() {
    let mut world = World::new(|_, settings| settings.constraints.max_wall_clock_time = secs(20));
    world.add_with("a", |_, constraints| constraints.max_wall_clock_time = secs(20));
    world.run_added("a", "n1");
    assert_eq!(world.at(20).tick(), "JobTerminating, StopTask a n1");
    assert!(matches!(world.latest(), Instruction::Stop { cause: StopCause::JobEnding, .. }));
}

/// X2
#[test]
fn a_job_ends_with_its_manager_unless_told_otherwise() {
    for (kills, exit_code, ticked) in
        [(true, 0, "JobTerminating"), (true, 1, "JobTerminating"), (false, 0, "")]
    {
        let mut world = World::empty();
        let added =
            world.add_job("job", |specification, _| specification.manager = Some(manager("m", kills)));
        assert_eq!(added, "JobAdded, TaskAdded");
        world.run_added("m", "n1");
        assert_eq!(world.tick(), "");
        world.say("n1", &format!("task m ended {exit_code}"));
        assert_eq!(world.tick(), ticked);
        assert_eq!(world.reason(), if kills { "JMComplete" } else { "none" });
    }
}

/// X2: a later task with the job manager task's id is another task.
#[test]
fn another_task_is_not_the_job_manager() {
    let mut world = RestWorld::new();
    world.add_node("pool", "n");
    add_job_that_acts_on_failures(&mut world, |specification| {
        specification.manager = Some(JobManagerTask::new(id("manager")));
    });
    world.send("DELETE /jobs/job/tasks/manager", "");
    world.send("POST /jobs/job/tasks", json!({ "id": "manager", "commandLine": "x" }));
    world.ran("job", "manager", "n", 0);
    assert_eq!(brief_all(&world.tick()), Vec::<String>::new());
}

/// X2, B6
#[test]
fn a_job_manager_task_is_made_with_the_job_and_ends_it() {
    let mut world = RestWorld::new();
    for node in ["n1", "n2"] {
        world.add_node("pool", node);
    }
    let mut body = job_body("job");
    body["jobManagerTask"] = json!({ "id": "manager", "commandLine": "manage", "displayName": "M" });
    body["constraints"] = json!({ "maxTaskRetryCount": 2 });
    let reply = world.send("POST /jobs", &body);
    assert_eq!(reply.brief(), ["JobAdded", "TaskAdded"]);
    let shown = world.shown("/jobs/job/tasks/manager");
    assert_eq!((&shown["displayName"], &shown["commandLine"]), (&json!("M"), &json!("manage")));
    assert_eq!(
        shown["constraints"],
        json!({
            "maxWallClockTime": "P10675199DT2H48M5.4775807S", "retentionTime": "P7D", "maxTaskRetryCount": 2,
        })
    );
    assert_eq!(
        world.shown("/jobs/job")["jobManagerTask"],
        json!({
            "id": "manager", "displayName": "M", "commandLine": "manage", "requiredSlots": 1,
            "constraints": { "maxWallClockTime": "P10675199DT2H48M5.4775807S", "retentionTime": "P7D", "maxTaskRetryCount": 2 },
            "userIdentity": { "autoUser": { "scope": "pool", "elevationLevel": "nonadmin" } },
            "runExclusive": true, "allowLowPriorityNode": true, "killJobOnCompletion": true,
        })
    );
    assert_eq!(world.value("/jobs/job/taskcounts", "/taskCounts/active"), 1);
    assert_eq!(world.send("POST /jobs/job/tasks", task_body("Manager")).told(), "409 TaskExists", "S4");
    world.send("POST /jobs/job/tasks", task_body("t"));
    let effects = world.schedule();
    world.obey(effects);
    assert_eq!(world.get("/jobs/job/tasks?$filter=state%20eq%20'running'").ids(), ["manager", "t"]);
    world.ends("job", "manager", "n1", 0);
    assert_eq!(brief_all(&world.tick()), ["JobTerminating", "StopTask t n2 JobEnding"]);
    assert_eq!(world.value("/jobs/job", "/executionInfo/terminateReason"), "JMComplete");
}

fn asks_for(action: Option<JobAction>) -> ExitConditions {
    let options = ExitOptions { job_action: action, dependency_action: None };
    ExitConditions { default: Some(options), ..ExitConditions::default() }
}

/// X3, X7: a failed task requests the job's termination unless its exit options say otherwise.
#[test]
fn a_failed_task_ends_its_job_if_the_job_performs_job_actions() {
    for (listens, action, exit_code, ticked) in [
        (true, Some(JobAction::Terminate), 1, "JobTerminating"),
        (true, None, 1, "JobTerminating"),
        (true, Some(JobAction::None), 1, ""),
        (true, Some(JobAction::Terminate), 0, ""),
        (false, None, 1, ""),
    ] {
        let mut world = World::new(|specification, settings| {
            if listens {
                acts_on_failures(specification, settings);
            }
        });
        world.add_with("a", |specification, _| specification.exit_conditions = Some(asks_for(action)));
        world.run_added("a", "n1");
        world.say("n1", &format!("task a ended {exit_code}"));
        assert_eq!(world.state(), "active");
        assert_eq!(world.tick(), ticked, "{action:?} and {exit_code}");
        assert_eq!(world.reason(), if ticked.is_empty() { "none" } else { "TaskFailed" });
    }
}

/// X4
#[test]
fn a_job_ends_with_its_last_task_if_it_is_set_to() {
    let mut world = World::new(ends_by_itself);
    world.add("b");
    world.run("a", "n1");
    for report in ["task a ended 0", "task b ended 1"] {
        assert_eq!(world.tick(), "");
        if report.contains('b') {
            world.assign("b", "n1");
        }
        world.say("n1", report);
    }
    assert_eq!((world.tick().as_str(), world.reason()), ("JobTerminating", "AllTasksComplete"));

    let mut world = World::new(ends_by_itself);
    assert_eq!(world.tick(), "JobTerminating", "a job without tasks counts");

    let mut world = World::new(plain);
    world.ran("a", "n1", 0);
    assert_eq!(world.tick(), "", "one that is not to end");
}

/// X5
#[test]
fn the_end_of_a_schedule_has_the_services_reason() {
    let mut world = World::new(plain);
    world.terminate_with(&TerminateJob::because(TerminateReason::Schedule));
    assert_eq!(world.shown("/jobs/job", "executionInfo/terminateReason"), "TerminateWorkitem");
}

/// X6: for each job, every cause from its place in the list on applies, and the first one is its reason.
#[test]
fn the_first_cause_that_applies_is_the_reason() {
    let causes = ["MaxWallClockTimeExpiry", "JMComplete", "TaskFailed", "AllTasksComplete", "none"];
    for (from, cause) in causes.into_iter().enumerate() {
        let mut world = World::empty();
        world.add_job("job", |specification, settings| {
            specification.on_task_failure = OnTaskFailure::PerformExitOptionsJobAction;
            specification.manager = Some(manager("m", from <= 1));
            settings.constraints.max_wall_clock_time = if from == 0 { secs(50) } else { TimeSpan::UNLIMITED };
            settings.on_all_tasks_complete =
                if from <= 3 { OnAllTasksComplete::TerminateJob } else { OnAllTasksComplete::NoAction };
        });
        world.run_added("m", "n1");
        world.say("n1", "task m ended 0");
        world.ran("a", "n1", i32::from(from <= 2));
        world.at(50).tick();
        assert_eq!(world.reason(), cause);
    }
}

/// X6: a job that is disabling or disabled ends too, as every job ends.
#[test]
fn disabled_jobs_end_by_themselves_too() {
    for ticks_first in [false, true] {
        let mut world = World::new(|specification, settings| {
            prepared(specification, settings);
            settings.constraints.max_wall_clock_time = secs(100);
        });
        world.ran("a", "n1", 0);
        world.disable(DisableTasks::Wait);
        if ticks_first {
            assert_eq!(world.tick(), "JobDisabled");
        }
        assert_eq!(world.at(100).tick(), "JobTerminating, RunRelease n1");
        world.say("n1", "release ended 0");
        assert_eq!(world.tick(), "JobCompleted");
    }
    let mut world = World::new(ends_by_itself);
    world.run("a", "n1");
    world.disable(DisableTasks::Wait);
    world.say("n1", "task a ended 0");
    assert_eq!(world.tick(), "JobDisabled", "G1: no task is on a node");
    assert_eq!(world.tick(), "JobTerminating");
}

/// X6: a task that waits for one that failed is active, so not all are completed.
#[test]
fn a_blocked_task_keeps_its_job_from_ending() {
    let mut world = World::new(|specification, settings| {
        uses_dependencies(specification, settings);
        ends_by_itself(specification, settings);
    });
    world.add_with("b", |specification, _| specification.depends_on = Some(depends_on(&["a"], &[])));
    world.ran("a", "n1", 1);
    assert_eq!(world.assign("b", "n1"), "DependencyNotMet");
    assert_eq!(world.tick(), "");
}

/// X7: neither by a PATCH nor by a PUT that omits it.
#[test]
fn terminatejob_cannot_be_unset() {
    let mut world = World::new(ends_by_itself);
    world.add("a");
    let take_back =
        JobPatch { on_all_tasks_complete: Some(OnAllTasksComplete::NoAction), ..JobPatch::default() };
    assert_eq!(world.update(JobChange::Patch(take_back)), "400 InvalidPropertyValue");
    assert_eq!(world.update(JobChange::Replace(JobSettings::new(id("pool")))), "400 InvalidPropertyValue");
    assert_eq!(world.patch(), "JobUpdated");
    assert_eq!(world.job().settings().on_all_tasks_complete, OnAllTasksComplete::TerminateJob);
}

/// X7: a job action that the job would not perform.
#[test]
fn a_job_action_needs_a_job_that_performs_it() {
    for action in [JobAction::None, JobAction::Disable, JobAction::Terminate] {
        let ask = |specification: &mut TaskSpecification| {
            specification.exit_conditions = Some(asks_for(Some(action)));
        };
        let refused = World::new(plain).add_with("a", |specification, _| ask(specification));
        assert_eq!(refused, "400 InvalidPropertyValue");
        assert_eq!(
            World::new(acts_on_failures).add_with("a", |specification, _| ask(specification)),
            "TaskAdded"
        );
    }
}

/// X7: `disable` disables with requeue, at a tick.
#[test]
fn a_failed_task_can_disable_its_job() {
    let mut world = World::new(acts_on_failures);
    world.run("b", "n1");
    world.add_with("a", |specification, _| {
        specification.exit_conditions = Some(asks_for(Some(JobAction::Disable)));
    });
    world.run_added("a", "n1");
    world.say("n1", "task a ended 1");
    assert_eq!(world.tick(), "JobDisabling, StopTask b n1");
    assert_eq!(world.say("n1", "task b ended 1"), "TaskRequeued b n1");
    assert_eq!(world.tick(), "JobDisabled");
}

/// X7: a failed task's request lapses if the task is reactivated before the next tick.
#[test]
fn a_reactivated_task_requests_no_job_action() {
    let mut world = RestWorld::new();
    world.add_node("pool", "n");
    add_job_that_acts_on_failures(&mut world, |_| {});
    world.send("POST /jobs/job/tasks", json!({ "id": "t", "commandLine": "x" }));
    world.ran("job", "t", "n", 1);
    let mut reactivated = world.clone();
    reactivated.call(|account, now| {
        account.reactivate_task(&id("job"), &id("t"), &ReactivateTask::default(), now).unwrap()
    });
    assert_eq!(brief_all(&reactivated.tick()), Vec::<String>::new());
    assert_eq!(brief_all(&world.tick()), ["JobTerminating"]);
}

/// X7: exit code 0 requests no job action, even if the task was ended.
#[test]
fn a_terminated_task_with_exit_code_0_requests_no_job_action() {
    let mut world = RestWorld::new();
    world.add_node("pool", "n");
    add_job_that_acts_on_failures(&mut world, |_| {});
    world.send("POST /jobs/job/tasks", json!({ "id": "t", "commandLine": "x" }));
    world.run("job", "t", "n");
    world.send("POST /jobs/job/tasks/t/terminate", "");
    world.ends("job", "t", "n", 0);
    assert_eq!(world.value("/jobs/job/tasks/t", "/executionInfo/result"), "failure");
    assert_eq!(brief_all(&world.tick()), Vec::<String>::new());
}

/// A job `j` with this task, on a pool with a node `n`. It terminates when the task is completed, and
/// performs its job action.
fn ending_with_its_task(task: &str) -> RestWorld {
    let mut world = RestWorld::new();
    world.add_node("p", "n");
    let job = r#"{"id":"j","poolInfo":{"poolId":"p"},"onTaskFailure":"performexitoptionsjobaction"}"#;
    assert_eq!(world.send("POST /jobs", job).told(), "201");
    assert_eq!(world.send("POST /jobs/j/tasks", task).told(), "201");
    assert_eq!(world.send("PATCH /jobs/j", r#"{"onAllTasksComplete":"terminatejob"}"#).told(), "200");
    world
}

/// X7, X6, G1, S2: the job is disabled before it ends because all its tasks are completed.
#[test]
fn a_job_that_its_last_task_disables_is_disabled_before_it_ends() {
    let task = r#"{"id":"t","commandLine":"exit 1","exitConditions":{"default":{"jobAction":"disable"}}}"#;
    let mut world = ending_with_its_task(task);
    world.ran("j", "t", "n", 1);
    let mut passed = vec![world.state("/jobs/j")];
    while passed.len() < 6 && world.account.deadline().is_some() {
        world.tick();
        passed.push(world.state("/jobs/j"));
    }
    assert_eq!(passed, ["active", "disabling", "disabled", "terminating", "completed"]);
    let shown = world.shown("/jobs/j");
    assert_eq!(shown["executionInfo"]["terminateReason"], "AllTasksComplete");
    assert_eq!(shown["previousState"], "disabled");
}

/// X7, X4: the same for a job that a user disables.
#[test]
fn a_disabling_job_whose_tasks_are_completed_is_disabled_before_it_ends() {
    let mut world = ending_with_its_task(r#"{"id":"t","commandLine":"c"}"#);
    world.run("j", "t", "n");
    assert_eq!(world.send("POST /jobs/j/disable", r#"{"disableTasks":"wait"}"#).told(), "202");
    world.ends("j", "t", "n", 0);
    assert_eq!(world.state("/jobs/j"), "disabling");
    world.tick();
    assert_eq!(world.state("/jobs/j"), "disabled");
    world.tick();
    assert_eq!(world.state("/jobs/j"), "terminating");
}

/// X8
#[test]
fn a_disabled_job_can_go_to_another_pool_and_its_tasks_with_it() {
    let mut world = RestWorld::with_tasks(&["t"]);
    world.add_node("other", "n9");
    let body = json!({ "poolInfo": { "poolId": "other" } });
    let same = json!({ "poolInfo": { "poolId": "pool" } });
    assert_eq!(world.send("PATCH /jobs/job", same).told(), "200");
    assert_eq!(world.send("PATCH /jobs/job", &body).told(), "409 OperationInvalidForCurrentState");
    world.send("POST /jobs/job/disable", json!({ "disableTasks": "requeue" }));
    assert_eq!(
        world.send("PATCH /jobs/job", &body).told(),
        "409 OperationInvalidForCurrentState",
        "disabling"
    );
    world.tick();
    assert_eq!(world.send("PATCH /jobs/job", &body).told(), "200");
    world.send("POST /jobs/job/enable", "");
    let effects = world.schedule();
    assert_eq!(brief_all(&effects), ["TaskRunning t n9", "RunTask t n9"]);
    assert_eq!(world.value("/jobs/job/tasks/t", "/nodeInfo/poolId"), "other");
    assert_eq!(world.value("/jobs/job", "/executionInfo/poolId"), "other");
}
