//! What reviews and further tests found wrong, each kept as a case.

use crate::world;

use azbatch::{
    Effect, Instruction, RunId,
    job::{
        AddJob, Ended, JobManagerTask, JobPreparationTask, JobReleaseTask, JobSettings, JobSpecification,
        OnTaskFailure, Unit,
    },
    node::NodeEvent,
    task::{AddTask, ExitConditions, ReactivateTask, RequestedConstraints, RetryLimit, TaskSpecification},
};
use serde_json::json;
use world::{World, brief, id};

/// A job with one task, on a pool of so many nodes, `tvm-1` and so on.
fn with_pool(nodes: u32) -> World {
    let mut world = World::new();
    let pool = json!({ "id": "pool", "vmSize": "small", "targetDedicatedNodes": nodes });
    let added = world.send("POST /pools", pool);
    world.obey(added.effects);
    world.send("POST /jobs", json!({ "id": "job", "poolInfo": { "poolId": "pool" } }));
    world.send("POST /jobs/job/tasks", json!({ "id": "t", "commandLine": "x" }));
    world
}

/// Q9: one certificate is named as OData names keys.
#[test]
fn certificates_by_thumbprint_are_not_modelled_either() {
    let mut world = World::new();
    for line in [
        "DELETE /certificates(thumbprintAlgorithm=sha1,thumbprint=ab)",
        "POST /certificates(thumbprintAlgorithm=sha1,thumbprint=ab)/canceldelete",
    ] {
        assert_eq!(world.send(line, "").told(), "501 NotImplemented", "{line}");
    }
}

/// B8: a PUT cannot give the network configuration, so it does not take it away.
#[test]
fn a_put_leaves_the_network_configuration() {
    let mut world = World::new();
    let network = json!({ "subnetId": "/net" });
    world.send(
        "POST /jobs",
        json!({ "id": "job", "poolInfo": { "poolId": "pool" }, "networkConfiguration": network }),
    );
    assert_eq!(world.send("PUT /jobs/job", json!({ "poolInfo": { "poolId": "pool" } })).told(), "200");
    assert_eq!(world.value("/jobs/job", "/networkConfiguration/subnetId"), "/net");
}

/// B8
#[test]
fn a_resize_timeout_is_kept() {
    let mut world = with_pool(2);
    let resize = json!({ "targetDedicatedNodes": 2, "resizeTimeout": "PT20M" });
    assert_eq!(world.send("POST /pools/pool/resize", resize).told(), "202");
    assert_eq!(world.value("/pools/pool", "/resizeTimeout"), "PT20M");
}

/// N10
#[test]
fn a_node_that_does_not_answer_can_be_removed() {
    for event in [NodeEvent::Lost, NodeEvent::Unusable] {
        let mut world = with_pool(1);
        world.run("job", "t", "tvm-1");
        world.node("tvm-1", event);
        assert_eq!(
            world.send("POST /pools/pool/removenodes", json!({ "nodeList": ["tvm-1"] })).told(),
            "202"
        );
        assert_eq!(brief(&world.tick()), ["RemoveNode tvm-1"], "{event:?}");
    }
}

/// N10, for a whole pool.
#[test]
fn a_pool_with_a_lost_node_can_be_deleted() {
    let mut world = with_pool(1);
    world.run("job", "t", "tvm-1");
    world.node("tvm-1", NodeEvent::Lost);
    world.send("DELETE /pools/pool", "");
    assert_eq!(brief(&world.tick()), ["RemoveNode tvm-1"]);
}

/// N9
#[test]
fn an_order_outlives_a_lost_connection_and_a_reboot() {
    for event in [NodeEvent::Lost, NodeEvent::Rebooted] {
        let mut world = with_pool(1);
        world.run("job", "t", "tvm-1");
        world.send("POST /pools/pool/nodes/tvm-1/reimage", json!({ "nodeReimageOption": "taskcompletion" }));
        world.node("tvm-1", event);
        world.node("tvm-1", NodeEvent::Returned);
        assert_eq!(world.state("/pools/pool/nodes/tvm-1"), "reimaging", "{event:?}");
        world.ends("job", "t", "tvm-1", 0);
        assert_eq!(brief(&world.tick()), ["ReimageNode tvm-1"], "{event:?}");
    }
}

/// N2: what a reimage threw away is not retained.
#[test]
fn a_reimaged_node_retains_nothing() {
    let mut world = with_pool(1);
    world.ran("job", "t", "tvm-1", 0);
    world.node("tvm-1", NodeEvent::Reimaged);
    world.send("POST /pools/pool/nodes/tvm-1/reboot", json!({ "nodeRebootOption": "retaineddata" }));
    assert_eq!(brief(&world.tick()), ["RebootNode tvm-1"]);
}

/// P2: a pool that loses a node while it grows asks for another, and more than enough is enough.
#[test]
fn a_growing_pool_becomes_steady() {
    let mut world = World::new();
    world.send("POST /pools", json!({ "id": "pool", "vmSize": "small", "targetDedicatedNodes": 2 }));
    world.add_node("pool", "one");
    assert_eq!(brief(&world.node("one", NodeEvent::Removed)), ["NodeRemoved one", "AddNodes"]);
    for node in ["two", "three", "four"] {
        world.add_node("pool", node);
    }
    world.tick();
    assert_eq!(world.value("/pools/pool", "/allocationState"), "steady");
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

/// K12: the preparation's own wall clock is the node's to mind.
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
    assert_eq!(brief(&world.later(3600).tick()), Vec::<String>::new());
    assert_eq!(world.value("/jobs/p", "/jobPreparationTask/constraints/maxWallClockTime"), "PT1M");
}

/// Q1, Q3, Q4
#[test]
fn selections_and_filters_go_by_the_version() {
    let mut world = with_pool(0);
    for query in ["$select=maxParallelTasks", "$filter=maxParallelTasks%20eq%20-1"] {
        let reply = world.get(&format!("/jobs?{query}&api-version=2018-12-01.8.0"));
        assert_eq!(reply.told(), "400 InvalidQueryParameterValue", "{query}");
        assert_eq!(world.get(&format!("/jobs?{query}&api-version=2024-07-01.20.0")).told(), "200");
    }
}

/// B8
#[test]
fn a_body_where_none_belongs_is_refused() {
    let world = with_pool(1);
    for line in [
        "POST /jobs/job/enable",
        "POST /jobs/job/tasks/t/terminate",
        "POST /jobs/job/tasks/t/reactivate",
        "POST /pools/pool/nodes/tvm-1/enablescheduling",
        "DELETE /jobs/job",
    ] {
        assert_eq!(
            world.clone().send(line, json!({ "shape": 1 })).told(),
            "400 InvalidRequestBody",
            "{line}"
        );
    }
    assert_eq!(world.clone().send("DELETE /jobs/job", "{}").told(), "202");
}

/// A job that does what failed tasks ask for, made through the typed commands.
fn heeding(world: &mut World, change: impl FnOnce(&mut JobSpecification)) -> Vec<String> {
    let mut specification = JobSpecification::new(id("job"));
    specification.on_task_failure = OnTaskFailure::PerformExitOptionsJobAction;
    change(&mut specification);
    let settings = JobSettings::new(id("pool")).into();
    let effects = world.call(|account, now| {
        let command = AddJob { specification: specification.into(), settings, received: now };
        account.add_job(&command, now).unwrap_or_default()
    });
    brief(&effects)
}

/// X7: what a failed task asked for lapses when it is reactivated before the next tick.
#[test]
fn a_reactivated_task_asks_for_nothing() {
    let mut world = World::new();
    world.add_node("pool", "n");
    heeding(&mut world, |_| {});
    world.send("POST /jobs/job/tasks", json!({ "id": "t", "commandLine": "x" }));
    world.ran("job", "t", "n", 1);
    let mut reactivated = world.clone();
    reactivated.call(|account, now| {
        account.reactivate_task(&id("job"), &id("t"), &ReactivateTask::default(), now).unwrap()
    });
    assert_eq!(brief(&reactivated.tick()), Vec::<String>::new());
    assert_eq!(brief(&world.tick()), ["JobTerminating"]);
}

/// X7: an exit code of 0 asks for nothing, also where the task was ended.
#[test]
fn an_ended_task_with_exit_code_0_asks_for_nothing() {
    let mut world = World::new();
    world.add_node("pool", "n");
    heeding(&mut world, |_| {});
    world.send("POST /jobs/job/tasks", json!({ "id": "t", "commandLine": "x" }));
    world.run("job", "t", "n");
    world.send("POST /jobs/job/tasks/t/terminate", "");
    world.ends("job", "t", "n", 0);
    assert_eq!(world.value("/jobs/job/tasks/t", "/executionInfo/result"), "failure");
    assert_eq!(brief(&world.tick()), Vec::<String>::new());
}

/// X2: a later task of the manager's name is another one.
#[test]
fn another_task_is_not_the_job_manager() {
    let mut world = World::new();
    world.add_node("pool", "n");
    heeding(&mut world, |specification| {
        specification.manager = Some(JobManagerTask {
            task: TaskSpecification::new(id("manager")).into(),
            constraints: RequestedConstraints::default().resolve(RetryLimit::Times(0)),
            kill_job_on_completion: true,
            allow_low_priority_node: true,
        });
    });
    world.send("DELETE /jobs/job/tasks/manager", "");
    world.send("POST /jobs/job/tasks", json!({ "id": "manager", "commandLine": "x" }));
    world.ran("job", "manager", "n", 0);
    assert_eq!(brief(&world.tick()), Vec::<String>::new());
}

/// B9
#[test]
fn preparation_and_release_have_two_ids() {
    let mut world = World::new();
    let added = heeding(&mut world, |specification| {
        specification.preparation = Some(JobPreparationTask::new(id("same")));
        specification.release = Some(JobReleaseTask::new(id("Same")));
    });
    assert_eq!(added, Vec::<String>::new());
    let body = json!({
        "id": "job", "poolInfo": { "poolId": "pool" },
        "jobPreparationTask": { "id": "same", "commandLine": "x" },
        "jobReleaseTask": { "id": "same", "commandLine": "x" },
    });
    assert_eq!(world.send("POST /jobs", body).told(), "409 TaskIdSameAsJobPreparationTask");
}

/// B5: whoever adds a task, it takes a slot.
#[test]
fn a_task_takes_a_slot() {
    let mut world = with_pool(1);
    let mut specification = TaskSpecification::new(id("none"));
    specification.required_slots = 0;
    specification.exit_conditions = Some(ExitConditions::default());
    let refused = world.account.add_task(&id("job"), &AddTask::new(specification), world.now);
    assert_eq!(refused.unwrap_err().values[0].value, "requiredSlots");
}

/// E9: a forced job whose time is over still waits until a tick ends it.
#[test]
fn the_scheduling_error_stays_until_the_end() {
    let mut world = with_pool(1);
    world.run("job", "t", "tvm-1");
    world.send("POST /jobs/job/terminate?force=true", "");
    world.later(3600);
    let error = "/executionInfo/schedulingError/code";
    assert_eq!(world.value("/jobs/job", error), "JobTerminationAwaitingNodeProcessing");
    world.tick();
    assert!(world.value("/jobs/job", error).is_null());
}

/// K9: one look-up a range, so that many long ranges hold nobody up.
#[test]
fn many_long_ranges_are_looked_up_at_once() {
    let mut world = World::new();
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
    assert_eq!(brief(&world.schedule()).len(), 2);
}

/// Q9: a multi-instance task has subtasks, which are not modelled; none would be a wrong answer.
#[test]
fn subtasks_of_a_multi_instance_task_are_not_denied() {
    let mut world = with_pool(1);
    let settings = json!({ "numberOfInstances": 2, "coordinationCommandLine": "x" });
    let task = json!({ "id": "many", "commandLine": "x", "multiInstanceSettings": settings });
    assert_eq!(world.send("POST /jobs/job/tasks", task).told(), "201");
    assert_eq!(world.get("/jobs/job/tasks/many/subtasksinfo").told(), "501 NotImplemented");
    assert_eq!(world.get("/jobs/job/tasks/t/subtasksinfo").told(), "200");
}

/// E10: a report that was told twice, or late, does not end the next run.
#[test]
fn a_repeated_report_is_about_its_own_run() {
    let mut world = World::new();
    world.add_node("pool", "n");
    world.send("POST /jobs", json!({ "id": "job", "poolInfo": { "poolId": "pool" } }));
    let retried = json!({ "id": "t", "commandLine": "x", "constraints": { "maxTaskRetryCount": 1 } });
    world.send("POST /jobs/job/tasks", retried);
    for (number, came) in [(1, "TaskRetried t n"), (2, "TaskCompleted t n")] {
        let assigned = world.assign("job", "t", "n");
        let [Effect::Fact(_), Effect::Instruction(Instruction::Run(run))] = &assigned[..] else {
            panic!("{assigned:?}")
        };
        assert_eq!(run.number, number);
        let report = run.ended(Ended::with_exit_code(1));
        for other in [0, number - 1, number + 1] {
            let other = RunId { number: other, ..run.clone() }.ended(Ended::with_exit_code(1));
            assert_eq!(world.call(|account, now| account.report(&other, now)), [], "{other}");
        }
        assert_eq!(brief(&world.call(|account, now| account.report(&report, now))), [came]);
        assert_eq!(world.call(|account, now| account.report(&report, now)), []);
    }
}
