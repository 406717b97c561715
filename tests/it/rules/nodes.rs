//! Nodes: N1 to N10.

use azbatch::{
    job::{JobSettings, JobTemplate},
    node::NodeEvent,
    task::RetryLimit,
};
use serde_json::json;

use super::{World, prepared, with_pool};
use crate::world::{brief as brief_all, id};

/// A prepared job whose preparation runs again after reboots or not.
fn reruns(rerun: bool) -> impl Fn(&mut JobTemplate, &mut JobSettings) {
    move |specification, settings| {
        prepared(specification, settings);
        specification.preparation.as_mut().unwrap().rerun_on_node_reboot_after_success = rerun;
    }
}

/// N1
#[test]
fn a_reboot_requeues_the_tasks_of_a_living_job() {
    for (rerun, assigned) in
        [(true, "TaskPreparing a n1, RunPreparation n1"), (false, "TaskRunning a n1, RunTask a n1")]
    {
        let mut world = World::new(reruns(rerun));
        world.run("a", "n1");
        assert_eq!(world.node("n1", NodeEvent::Rebooted), "TaskRequeued a n1, NodeEventRecorded n1");
        assert_eq!(world.task("a").requeue_count(), 0);
        assert_eq!(world.assign("a", "n1"), assigned);
    }
    let mut world = World::new(reruns(false));
    world.add("a");
    world.assign("a", "n1");
    assert_eq!(
        world.node("n1", NodeEvent::Rebooted),
        "PreparationEnded n1, TaskRequeued a n1, NodeEventRecorded n1"
    );
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1", "it was not completed");
}

/// N1
#[test]
fn a_reboot_ends_the_tasks_of_an_ending_job_and_repeats_its_release() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.terminate();
    assert_eq!(
        world.node("n1", NodeEvent::Rebooted),
        "TaskCompleted a n1, NodeEventRecorded n1, RunRelease n1"
    );
    assert_eq!(world.end("a"), (None, Some("TaskEnded")));
    world.say("n1", "release started");
    assert_eq!(world.node("n1", NodeEvent::Rebooted), "NodeEventRecorded n1, RunRelease n1");
    assert_eq!(world.release("n1"), "issued");
    world.say("n1", "release ended 0");
    assert_eq!(world.tick(), "JobCompleted");
}

/// N2
#[test]
fn a_reimaged_node_has_forgotten_the_preparation() {
    let mut world = World::new(reruns(false));
    world.run("a", "n1");
    assert_eq!(world.node("n1", NodeEvent::Reimaged), "TaskRequeued a n1, NodeEventRecorded n1");
    assert_eq!(world.task("a").requeue_count(), 0);
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
}

/// N2: what there was to release is gone, unless tasks ran since.
#[test]
fn a_reimaged_node_is_released_only_if_tasks_ran_since() {
    for ran_since in [false, true] {
        let mut world = World::new(prepared);
        world.ran("a", "n1", 0);
        world.node("n1", NodeEvent::Reimaged);
        if ran_since {
            world.ran("b", "n1", 0);
        }
        assert_eq!(
            world.terminate(),
            if ran_since { "JobTerminating, RunRelease n1" } else { "JobTerminating" }
        );
    }
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.terminate();
    assert_eq!(world.node("n1", NodeEvent::Reimaged), "TaskCompleted a n1, NodeEventRecorded n1");
    assert_eq!(world.end("a"), (None, Some("TaskEnded")));
    assert_eq!(world.tick(), "JobCompleted");

    let mut world = World::new(prepared);
    world.ran("a", "n1", 0);
    world.terminate();
    world.say("n1", "release started");
    assert_eq!(world.node("n1", NodeEvent::Reimaged), "ReleaseEnded n1, NodeEventRecorded n1");
    assert_eq!(world.tick(), "JobCompleted");
}

/// N3, N6: a removal by a user counts as a requeue, a preemption does not.
#[test]
fn the_tasks_of_a_node_that_is_gone_are_requeued() {
    for (event, counted, told) in [
        (NodeEvent::Removed, 1, "TaskRequeued a n1, NodeEventRecorded n1, NodeRemoved n1"),
        (NodeEvent::Preempted, 0, "TaskRequeued a n1, NodeEventRecorded n1"),
    ] {
        let mut world = World::new(prepared);
        world.run("a", "n1");
        assert_eq!(world.node("n1", event), told);
        assert_eq!(world.task("a").requeue_count(), counted);
        assert!(world.job().node(&id("n1")).unwrap().preparation().is_some(), "it stays in the status list");
    }
}

/// N3
#[test]
fn no_release_of_a_node_that_is_gone_is_waited_for() {
    for event in [NodeEvent::Removed, NodeEvent::Preempted] {
        let mut world = World::new(prepared);
        world.run("a", "n1");
        world.ran("b", "n2", 0);
        world.terminate();
        assert!(world.node("n1", event).starts_with("TaskCompleted a n1, NodeEventRecorded n1"));
        assert!(world.node("n2", event).starts_with("ReleaseEnded n2, NodeEventRecorded n2"));
        assert_eq!(world.end("a"), (None, Some("TaskEnded")));
        assert_eq!(world.release("n1"), "none");
        assert_eq!(world.release("n2"), "completed", "it stays in the status list");
        assert_eq!(world.tick(), "JobCompleted");

        let mut world = World::new(prepared);
        world.ran("a", "n1", 0);
        world.node("n1", event);
        assert_eq!(world.terminate(), "JobTerminating");
    }
}

/// N4, N8: a lost or unusable node keeps what it has, and an ending job waits for it.
#[test]
fn what_is_on_a_lost_node_stays_as_it_is() {
    for event in [NodeEvent::Lost, NodeEvent::Unusable] {
        let mut world = World::new(prepared);
        world.run("a", "n1");
        world.add("b");
        assert_eq!(world.node("n1", event), "NodeEventRecorded n1");
        assert_eq!(world.task_state("a"), "running");
        assert_eq!(world.assign("b", "n1"), "NodeNotReady");

        assert_eq!(world.terminate(), "JobTerminating, StopTask a n1");
        assert_eq!(world.at(5000).tick(), "", "it is waited for");
        assert_eq!(world.say("n1", "task a ended 1"), "TaskCompleted a n1, RunRelease n1");
        assert_eq!(world.at(9000).tick(), "", "its release too");
        assert_eq!(
            world.node("n1", NodeEvent::Removed),
            "ReleaseEnded n1, NodeEventRecorded n1, NodeRemoved n1"
        );
        assert_eq!(world.tick(), "JobCompleted");
    }
}

/// N5
#[test]
fn a_node_that_returned_goes_on() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.node("n1", NodeEvent::Lost);
    assert_eq!(world.node("n1", NodeEvent::Returned), "NodeEventRecorded n1");
    assert_eq!(world.task_state("a"), "running");
    world.add("b");
    assert_eq!(world.assign("b", "n1"), "TaskRunning b n1, RunTask b n1", "it is still prepared");
    assert_eq!(world.say("n1", "task a ended 0"), "TaskCompleted a n1");

    world.node("n1", NodeEvent::Lost);
    world.terminate();
    world.node("n1", NodeEvent::Returned);
    assert_eq!(world.tick(), "");
    assert_eq!(world.say("n1", "task b ended 0"), "TaskCompleted b n1, RunRelease n1");
}

/// N6
#[test]
fn a_requeue_counts_only_if_a_user_caused_it() {
    let mut world =
        World::new(|_, settings| settings.constraints.max_task_retry_count = RetryLimit::Times(1));
    world.add("a");
    for (event, counted) in [
        (NodeEvent::Rebooted, 0),
        (NodeEvent::Reimaged, 0),
        (NodeEvent::Preempted, 0),
        (NodeEvent::Returned, 0),
        (NodeEvent::Removed, 1),
    ] {
        if event != NodeEvent::Returned {
            world.run_added("a", "n1");
        }
        world.node("n1", event);
        let task = world.task("a");
        assert_eq!((task.state().name().as_str(), task.requeue_count()), ("active", counted), "{event:?}");
        assert_eq!(task.retry_count(), 0, "it uses up no retries");
    }
}

/// N7
#[test]
fn a_node_where_the_preparation_failed_is_barred_until_it_is_reimaged() {
    let mut world = World::new(prepared);
    world.add("a");
    world.add("b");
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
    assert_eq!(world.assign("b", "n1"), "TaskPreparing b n1");
    let ended = "PreparationEnded n1, TaskRequeued a n1, TaskRequeued b n1";
    assert_eq!(world.say("n1", "preparation ended 1"), ended);
    assert_eq!(world.task("a").requeue_count(), 0);
    assert_eq!(world.assign("a", "n1"), "NodeBarred");
    world.node("n1", NodeEvent::Rebooted);
    assert_eq!(world.assign("a", "n1"), "NodeBarred");
    world.node("n1", NodeEvent::Reimaged);
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
}

/// N7: while it has retries left it is run again.
#[test]
fn a_failed_preparation_is_tried_again_while_it_may() {
    let mut world = World::new(|specification, settings| {
        prepared(specification, settings);
        specification.preparation.as_mut().unwrap().constraints.max_task_retry_count = RetryLimit::Times(1);
    });
    world.add("a");
    world.assign("a", "n1");
    assert_eq!(world.say("n1", "preparation ended 1"), "PreparationEnded n1, RunPreparation n1");
    assert_eq!(world.task_state("a"), "preparing");
    assert_eq!(world.say("n1", "preparation ended 1"), "PreparationEnded n1, TaskRequeued a n1");
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
        assert_eq!(brief_all(&world.tick()), ["RemoveNode tvm-1"], "{event:?}");
    }
}

/// N10, for a whole pool.
#[test]
fn a_pool_with_a_lost_node_can_be_deleted() {
    let mut world = with_pool(1);
    world.run("job", "t", "tvm-1");
    world.node("tvm-1", NodeEvent::Lost);
    world.send("DELETE /pools/pool", "");
    assert_eq!(brief_all(&world.tick()), ["RemoveNode tvm-1"]);
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
        assert_eq!(brief_all(&world.tick()), ["ReimageNode tvm-1"], "{event:?}");
    }
}

/// N2: what a reimage threw away is not retained.
#[test]
fn a_reimaged_node_retains_nothing() {
    let mut world = with_pool(1);
    world.ran("job", "t", "tvm-1", 0);
    world.node("tvm-1", NodeEvent::Reimaged);
    world.send("POST /pools/pool/nodes/tvm-1/reboot", json!({ "nodeRebootOption": "retaineddata" }));
    assert_eq!(brief_all(&world.tick()), ["RebootNode tvm-1"]);
}
