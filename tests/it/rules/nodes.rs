//! Nodes: N1 to N10.

use azbatch::{
    Account, Effect, Fact, Instruction, PoolId, TimeSpan, Timestamp,
    job::{DisableTasks, JobChange, JobPatch, JobSettings, JobTemplate, PoolInfo, Unit},
    node::{ChangeNode, Contact, NodeAction, NodeEvent, NodeFact, NodeState, NodeTasks},
    pool::{NodeFillType, RemoveNodes},
    task::RetryLimit,
};
use serde_json::{Value, json};

use super::{World, dedicated, plain, prepared, with_pool};
use crate::world::{URL, World as RestWorld, brief as brief_all, id, task_body};

/// A prepared job whose preparation runs again after reboots or not.
fn reruns(rerun: bool) -> impl Fn(&mut JobTemplate, &mut JobSettings) {
    move |specification, settings| {
        prepared(specification, settings);
        specification.preparation.as_mut().unwrap().rerun_on_node_reboot_after_success = rerun;
    }
}

/// N1
#[test]
fn a_reboot_requeues_the_tasks_of_a_job_that_is_not_ending() {
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

/// N2: there is nothing to release any more, unless tasks have run since.
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

/// N2: data that a reimage deleted is not retained.
#[test]
fn a_reimaged_node_retains_nothing() {
    let mut world = with_pool(1);
    world.ran("job", "t", "tvm-1", 0);
    world.node("tvm-1", NodeEvent::Reimaged);
    world.send("POST /pools/pool/nodes/tvm-1/reboot", json!({ "nodeRebootOption": "retaineddata" }));
    assert_eq!(brief_all(&world.tick()), ["RebootNode tvm-1"]);
}

/// N3, N6: a removal by a user counts as a requeue, a preemption does not.
#[test]
fn the_tasks_of_a_removed_or_preempted_node_are_requeued() {
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
fn a_job_does_not_wait_for_the_release_of_a_removed_or_preempted_node() {
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

/// N3: a node that is to be removed, and is preempted or deallocated before that, is gone for its jobs and is
/// still removed.
#[test]
fn a_leaving_node_can_be_preempted_or_deallocated() {
    for event in [NodeEvent::Preempted, NodeEvent::Deallocated] {
        let mut world = World::with_pool(dedicated(1), 1, NodeFillType::Spread);
        world.add_job("job", plain);
        world.run("a", "n1");
        let tasks = NodeTasks::TaskCompletion;
        let remove = RemoveNodes { nodes: vec![id("n1")], tasks, ..RemoveNodes::default() };
        world.remove_nodes("pool", &remove);
        let facts = world.facts.len();
        assert_eq!(world.node("n1", event), "TaskRequeued a n1, NodeEventRecorded n1");
        let changed = world.facts[facts..].iter().filter(|fact| fact.name() == "NodeChanged");
        assert_eq!(changed.count(), 1, "{event:?}");
        let state = world.account.node(&id("n1")).unwrap().state();
        assert!(matches!(state, NodeState::LeavingPool(Contact::Gone, _)), "{event:?}: {state:?}");
        assert_eq!(world.tick(), "RemoveNode n1");
    }
}

/// N3, N9: nor does it wait for the retention time of what is lost.
#[test]
fn a_leaving_node_that_is_gone_retains_nothing() {
    for event in [NodeEvent::Preempted, NodeEvent::Deallocated] {
        let mut world = World::new(plain);
        world.ran("a", "n1", 0);
        let remove = NodeTasks::RetainedData;
        world.call(|account, now| {
            Ok(account.remove_unmanaged_node(&id("pool"), &id("n1"), remove, now).unwrap())
        });
        assert_eq!(world.tick(), "", "it is kept");
        world.node("n1", event);
        assert_eq!(world.tick(), "RemoveNode n1", "{event:?}");
    }
}

/// N3: what a user asked for does not outlive the preemption.
#[test]
fn a_preempted_node_is_told_nothing() {
    let mut world = World::new(plain);
    world.add("a");
    world.assign("a", "n1");
    world.change_node("n1", ChangeNode::Reboot(NodeTasks::TaskCompletion));
    world.node("n1", NodeEvent::Preempted);
    assert_eq!(world.tick(), "");

    let mut world = World::new(plain);
    world.add("a");
    world.assign("a", "n1");
    world.node("n1", NodeEvent::Deallocated);
    world.change_node("n1", ChangeNode::Start);
    world.node("n1", NodeEvent::Preempted);
    world.node("n1", NodeEvent::Returned);
    assert_eq!(world.tick(), "");
    assert_eq!(world.assign("a", "n1"), "TaskRunning a n1, RunTask a n1");
}

/// N9: the action that waits is issued, and no other.
#[test]
fn only_the_action_that_waits_is_issued() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    world.change_node("n1", ChangeNode::Reboot(NodeTasks::TaskCompletion));
    let issued = |action| Fact::Node(id("n1"), NodeFact::ActionIssued { action });
    assert!(world.account.clone().try_apply(&issued(NodeAction::Reimage)).is_err());
    world.account.clone().try_apply(&issued(NodeAction::Reboot)).unwrap();
}

/// N3, K5, E7
#[test]
fn preparation_and_release_show_on_each_node() {
    let status = "/jobs/job/jobpreparationandreleasetaskstatus";
    let mut world = RestWorld::with_pool(2, 2, "spread");
    world.add_job("job", json!({ "jobPreparationTask": { "commandLine": "x", "constraints": { "maxTaskRetryCount": 1 } }, "jobReleaseTask": { "commandLine": "y" } }));
    for one in ["a", "b"] {
        world.send("POST /jobs/job/tasks", task_body(one));
    }
    assert_eq!(world.get(status).ids(), [""; 0]);
    world.assign("job", "a", "tvm-1");
    assert_eq!(world.get(status).ids(), [""; 0], "nothing has started there yet");
    world.say("job", Unit::Preparation, "tvm-1", None);
    let node = format!("{URL}/pools/pool/nodes/tvm-1");
    let start = world.now;
    let running = json!({
        "startTime": start.iso8601().to_string(), "taskRootDirectory": "workitems/job/job-1/jobpreparation",
        "taskRootDirectoryUrl": format!("{node}/files/workitems/job/job-1/jobpreparation"),
        "state": "running", "retryCount": 0,
    });
    let reply = world.get(status);
    assert_eq!(
        reply.json(),
        json!({
            "odata.metadata": format!("{URL}/$metadata#jobpreparationandreleasetaskstatuslist"),
            "value": [{
                "poolId": "pool", "nodeId": "tvm-1", "nodeUrl": node, "jobPreparationTaskExecutionInfo": running,
            }],
        })
    );
    world.say("job", Unit::Preparation, "tvm-1", Some(1));
    world.say("job", Unit::Preparation, "tvm-1", None);
    world.say("job", Unit::Preparation, "tvm-1", Some(0));
    let ended = world.now;
    let preparation = world.value(status, "/value/0/jobPreparationTaskExecutionInfo");
    assert_eq!(preparation["endTime"], ended.iso8601().to_string());
    for (name, value) in [
        ("state", json!("completed")),
        ("exitCode", json!(0)),
        ("result", json!("success")),
        ("retryCount", json!(1)),
    ] {
        assert_eq!(preparation[name], value, "{name}");
    }
    let effects = world.assign("job", "b", "tvm-2");
    world.obey(effects);
    assert_eq!(world.get(status).ids(), ["tvm-1", "tvm-2"]);

    // N3: a removed node stays in the list.
    world.node("tvm-2", NodeEvent::Removed);
    assert_eq!(world.get("/pools/pool/nodes").ids(), ["tvm-1"]);
    assert_eq!(world.get(status).ids(), ["tvm-1", "tvm-2"]);

    world.ends("job", "a", "tvm-1", 0);
    assert_eq!(world.send("POST /jobs/job/terminate", "").brief(), ["JobTerminating", "RunRelease tvm-1"]);
    assert_eq!(world.value(status, "/value/0/jobReleaseTaskExecutionInfo"), Value::Null);
    world.say("job", Unit::Release, "tvm-1", None);
    assert_eq!(world.value(status, "/value/0/jobReleaseTaskExecutionInfo/state"), "running");
    world.say("job", Unit::Release, "tvm-1", Some(9));
    let release = world.value(status, "/value/0/jobReleaseTaskExecutionInfo");
    assert_eq!((&release["exitCode"], &release["result"]), (&json!(9), &json!("failure")));
    assert_eq!(release["taskRootDirectory"], "workitems/job/job-1/jobrelease");
    assert_eq!(release.get("retryCount"), None, "a release is not tried again");
    world.tick();
    assert_eq!(world.state("/jobs/job"), "completed");
    assert_eq!(world.get(status).ids(), ["tvm-1", "tvm-2"]);
    assert_eq!(world.value(status, "/value/1/jobReleaseTaskExecutionInfo"), Value::Null);
}

#[test]
fn a_job_without_preparation_and_release_has_no_status_of_them() {
    let mut world = RestWorld::with_jobs(&["plain"]);
    let reply = world.get("/jobs/plain/jobpreparationandreleasetaskstatus");
    assert_eq!(reply.told(), "409 JobPreparationTaskOrReleaseTaskNotSpecified");
    assert_eq!(world.get("/jobs/none/jobpreparationandreleasetaskstatus").told(), "404 JobNotFound");
}

/// N3, S4: a node was removed and added again to another pool, in another spelling.
#[test]
fn a_node_can_be_added_again_in_another_pool_and_spelling() {
    let mut world = World::new(|specification, settings| {
        prepared(specification, settings);
        specification.preparation.as_mut().unwrap().constraints.max_task_retry_count = RetryLimit::Times(1);
    });
    let status = "/jobs/job/jobpreparationandreleasetaskstatus";
    world.add("a");
    world.assign("a", "n1");
    world.say("n1", "preparation started");
    assert_eq!(world.shown(status, "value/0/poolId"), "pool");
    world.node("n1", NodeEvent::Removed);
    world.call(|account, now| Ok(account.add_unmanaged_node(&id("other"), &id("N1"), 4, now).unwrap()));
    world.disable(DisableTasks::Wait);
    world.tick();
    world.update(JobChange::Patch(JobPatch {
        pool: Some(PoolInfo::Named(id("other"))),
        ..JobPatch::default()
    }));
    world.enable();
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a N1, RunPreparation N1");
    assert_eq!(world.say("n1", "preparation ended 1"), "PreparationEnded N1, RunPreparation N1");
    let again = world.latest();
    let pool: PoolId = id("other");
    assert_eq!(world.account.run_specification(again.run().unwrap()).unwrap().pool, &pool);
    let (node, record) = world.job().nodes().next().unwrap();
    assert_eq!((node.as_str(), record.pool()), ("N1", &pool));
    world.say("n1", "preparation started");
    assert_eq!(world.shown(status, "value/0/poolId"), "other");
    assert_eq!(world.shown(status, "value/0/nodeId"), "N1");
}

/// S4: the pool of a node that was removed and added again is shown as it is spelled now.
#[test]
fn a_node_can_be_added_again_in_another_spelling_of_its_pool() {
    let mut world = World::new(prepared);
    world.add("a");
    world.assign("a", "n1");
    world.node("n1", NodeEvent::Removed);
    world.call(|account, now| Ok(account.add_unmanaged_node(&id("POOL"), &id("n1"), 4, now).unwrap()));
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
    let (_, record) = world.job().nodes().next().unwrap();
    assert_eq!(record.pool().as_str(), "POOL");
}

/// S4: a node is told to act in its own spelling, however the fact that asked for it is spelled.
#[test]
fn a_fact_in_another_spelling_does_not_respell_a_node() {
    let mut world = World::new(|_, _| ());
    let mut asked = world.account.clone();
    let request = ChangeNode::Reboot(NodeTasks::Requeue);
    let effects = asked.change_node(&id("pool"), &id("n1"), request, world.now).unwrap();
    for fact in Effect::facts(&effects) {
        let Fact::Node(_, fact) = fact else { panic!("{fact}: it is about the node alone") };
        world.account.try_apply(&Fact::Node(id("N1"), fact.clone())).unwrap();
    }
    assert_eq!(world.account, asked);
    let told = |account: &mut Account, now| format!("{:?}", account.tick(now));
    let (now, expected) = (world.now, told(&mut asked, world.now));
    assert!(expected.contains("n1"), "{expected}");
    assert_eq!(told(&mut world.account, now), expected);
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
fn a_node_that_returned_continues() {
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

/// N7: while it has retries left.
#[test]
fn a_failed_preparation_is_retried_while_retries_are_left() {
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

/// N9
#[test]
fn a_pending_action_survives_a_lost_connection_and_a_reboot() {
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

/// A pool with the node `tvm-1`, on which a task of an active job and one of a terminating job run. Both
/// have a retention time of an hour.
fn shared_node() -> RestWorld {
    let mut world = RestWorld::with_pool(1, 2, "spread");
    for id in ["living", "ending"] {
        world.add_job(id, json!({}));
        let mut task = task_body("t");
        task["constraints"] = json!({ "retentionTime": "PT1H" });
        world.send(&format!("POST /jobs/{id}/tasks"), task);
        world.run(id, "t", "tvm-1");
    }
    assert_eq!(world.send("POST /jobs/ending/terminate", "").told(), "202");
    world
}

/// Whether a node is to do something, such as to reboot.
fn has_act(effects: &[Effect]) -> bool {
    Effect::instructions(effects).any(|instruction| matches!(instruction, Instruction::Act { .. }))
}

/// N9, and N3 for the nodes that are removed
#[test]
fn an_action_waits_for_the_nodes_tasks_as_its_option_says() {
    let requests = [
        ("reboot", "nodeRebootOption", "rebooting", "RebootNode tvm-1", Some(NodeEvent::Rebooted)),
        ("reimage", "nodeReimageOption", "reimaging", "ReimageNode tvm-1", Some(NodeEvent::Reimaged)),
        (
            "deallocate",
            "nodeDeallocateOption",
            "deallocating",
            "DeallocateNode tvm-1",
            Some(NodeEvent::Deallocated),
        ),
        ("removenodes", "nodeDeallocationOption", "leavingpool", "RemoveNode tvm-1", None),
        ("resize", "nodeDeallocationOption", "leavingpool", "RemoveNode tvm-1", None),
    ];
    for (request, name, state, instruction, event) in requests {
        for option in ["", "requeue", "Terminate", "taskcompletion", "retaineddata"] {
            let told_of = format!("{request} {option}");
            let mut world = shared_node();
            let mut body = match request {
                "removenodes" => json!({ "nodeList": ["tvm-1"] }),
                "resize" => json!({ "targetDedicatedNodes": 0 }),
                _ => json!({}),
            };
            if !option.is_empty() {
                body[name] = json!(option);
            }
            let line = match event {
                Some(_) => format!("POST /pools/pool/nodes/tvm-1/{request}"),
                None => format!("POST /pools/pool/{request}"),
            };
            let body = if body == json!({}) { String::new() } else { body.to_string() };
            let reply = world.send(&line, body);
            assert_eq!(reply.told(), "202", "{told_of}");
            // The task of the ending job was told to stop already.
            let stops: Vec<String> =
                reply.brief().into_iter().filter(|effect| effect.starts_with("StopTask")).collect();
            let cause = match option {
                "" | "requeue" => Some("Requeue"),
                "Terminate" => Some("Terminate"),
                _ => None,
            };
            assert_eq!(
                stops,
                cause.map(|cause| format!("StopTask t tvm-1 {cause}")).into_iter().collect::<Vec<_>>(),
                "{told_of}"
            );
            assert_eq!(world.state("/pools/pool/nodes/tvm-1"), state, "{told_of}: C5, at once");
            assert_eq!(brief_all(&world.tick()), [""; 0], "{told_of}: its tasks hold it");

            world.ends("living", "t", "tvm-1", 0);
            assert!(!has_act(&world.tick()), "{told_of}");
            let expected = match option {
                "" | "requeue" => ("active", Value::Null, json!(1)),
                "Terminate" => ("completed", json!("TaskEnded"), json!(0)),
                _ => ("completed", Value::Null, json!(0)),
            };
            let living = world.shown("/jobs/living/tasks/t");
            let found = |pointer: &str| living.pointer(pointer).cloned().unwrap_or_default();
            let code = found("/executionInfo/failureInfo/code");
            assert_eq!(
                (living["state"].as_str().unwrap(), code, found("/executionInfo/requeueCount")),
                expected,
                "{told_of}"
            );

            world.ends("ending", "t", "tvm-1", 0);
            let ending = world.shown("/jobs/ending/tasks/t");
            assert_eq!(ending["executionInfo"]["failureInfo"]["code"], "TaskEnded", "{told_of}: E2");
            if option == "retaineddata" {
                assert!(!has_act(&world.tick()), "{told_of}");
                let end: Timestamp =
                    Timestamp::parse_iso8601(ending["executionInfo"]["endTime"].as_str().unwrap()).unwrap();
                let kept = end.saturating_add(TimeSpan::from_secs(3600));
                assert_eq!(world.account.deadline(), Some(kept), "{told_of}");
                world.now = kept;
            }
            let effects = world.tick();
            assert!(brief_all(&effects).contains(&instruction.to_string()), "{told_of}: {effects:?}");
            assert!(!has_act(&world.tick()), "{told_of}: once");
            assert_eq!(world.state("/jobs/ending"), "completed", "{told_of}");
            let Some(event) = event else {
                world.node("tvm-1", NodeEvent::Removed);
                world.tick();
                assert_eq!(world.value("/pools/pool", "/allocationState"), "steady", "{told_of}");
                continue;
            };
            let before = world.value("/pools/pool/nodes/tvm-1", "/lastBootTime");
            world.node("tvm-1", event);
            let node = world.shown("/pools/pool/nodes/tvm-1");
            if request == "deallocate" {
                assert_eq!(node["state"], "deallocated", "{told_of}");
            } else {
                assert_eq!(node["state"], "idle", "{told_of}");
                assert_ne!(node["lastBootTime"], before, "{told_of}");
            }
        }
    }
}

/// N9
#[test]
fn a_deallocated_node_can_be_started() {
    let mut world = RestWorld::with_pool(1, 2, "spread");
    let node = "/pools/pool/nodes/tvm-1";
    let start = format!("POST {node}/start");
    assert_eq!(world.send(&start, "").told(), "409 OperationNotValidOnNode");
    world.send(&format!("POST {node}/deallocate"), "");
    assert_eq!(world.send(&start, "").told(), "409 OperationNotValidOnNode", "deallocating");
    world.tick();
    world.node("tvm-1", NodeEvent::Deallocated);
    world.add_job("job", json!({}));
    world.send("POST /jobs/job/tasks", task_body("t"));
    assert_eq!(world.schedule(), []);
    let reply = world.send(&start, "");
    assert_eq!((reply.told(), reply.brief()), ("202".into(), vec!["NodeActionRequested tvm-1 Start".into()]));
    assert_eq!(world.state(node), "starting");
    assert_eq!(world.send(&start, "").told(), "409 NodeBeingStarted");
    assert_eq!(brief_all(&world.tick()), ["StartNode tvm-1"]);
    world.node("tvm-1", NodeEvent::Started);
    assert_eq!(world.state(node), "idle");
    assert_eq!(brief_all(&world.schedule()), ["TaskRunning t tvm-1", "RunTask t tvm-1"]);
}

/// N9: while it is deallocated or starting, events about its connection are ignored. It is available once it has
/// started or was rebooted.
#[test]
fn a_deallocated_node_is_available_once_it_has_started() {
    for (early, late, back) in [
        (&[NodeEvent::Returned][..], &[][..], NodeEvent::Rebooted),
        (&[], &[NodeEvent::Returned, NodeEvent::Lost], NodeEvent::Started),
    ] {
        let mut world = World::new(plain);
        world.add("a");
        world.assign("a", "n1");
        world.node("n1", NodeEvent::Deallocated);
        let is_ignored = |world: &mut World, event| {
            let facts = world.facts.len();
            assert_eq!((world.node("n1", event).as_str(), world.facts.len()), ("", facts), "{event:?}");
        };
        for event in early {
            is_ignored(&mut world, *event);
        }
        world.change_node("n1", ChangeNode::Start);
        for event in late {
            is_ignored(&mut world, *event);
        }
        world.node("n1", back);
        assert_eq!(world.assign("a", "n1"), "TaskRunning a n1, RunTask a n1", "{back:?}");
    }
}

/// N9
#[test]
fn a_pending_action_refuses_other_actions() {
    let mut world = RestWorld::with_pool(1, 2, "spread");
    for (order, told) in [
        ("reboot", "409 NodeBeingRebooted"),
        ("reimage", "409 NodeBeingReimaged"),
        ("deallocate", "409 OperationNotValidOnNode"),
    ] {
        let mut world = world.clone();
        assert_eq!(world.send(&format!("POST /pools/pool/nodes/tvm-1/{order}"), "").told(), "202");
        for other in ["reboot", "reimage", "deallocate", "start"] {
            assert_eq!(world.send(&format!("POST /pools/pool/nodes/TVM-1/{other}"), "").told(), told);
        }
        let reply = world.send("POST /pools/pool/removenodes", json!({ "nodeList": ["tvm-1"] }));
        assert_eq!(reply.told(), "202", "a node can be removed whatever it does");
    }
    for (event, told) in [
        (NodeEvent::Unusable, "409 NodeStateUnusable"),
        (NodeEvent::Lost, "409 OperationNotValidOnNode"),
        (NodeEvent::Preempted, "409 OperationNotValidOnNode"),
    ] {
        let mut world = world.clone();
        world.node("tvm-1", event);
        assert_eq!(world.send("POST /pools/pool/nodes/tvm-1/reboot", "").told(), told);
    }
    assert_eq!(world.send("POST /pools/pool/nodes/none/reboot", "").told(), "404 NodeNotFound");
    assert_eq!(world.send("POST /pools/none/nodes/tvm-1/reboot", "").told(), "404 PoolNotFound");
    let reply = world.send("POST /pools/pool/nodes/tvm-1/reboot", json!({ "nodeRebootOption": "gently" }));
    assert_eq!(
        (reply.told(), reply.said("PropertyName")),
        ("400 InvalidPropertyValue".into(), "nodeRebootOption".into())
    );
}

/// N9
#[test]
fn a_node_that_is_to_be_removed_is_removed_whatever_happens() {
    let target = "/pools/pool/nodes/tvm-1";
    let remove = json!({ "nodeList": ["tvm-1"] });
    let mut world = RestWorld::with_pool(1, 2, "spread");
    let reply = world.send(&format!("POST {target}/deallocate"), "");
    let mut away = world.clone();
    away.obey(reply.effects);
    away.send(&format!("POST {target}/start"), "");
    away.tick();
    away.send("POST /pools/pool/removenodes", &remove);
    away.node("tvm-1", NodeEvent::Started);
    assert_eq!(away.state(target), "leavingpool");
    assert!(brief_all(&away.tick()).contains(&"RemoveNode tvm-1".to_string()));

    world.tick();
    world.send("POST /pools/pool/removenodes", &remove);
    world.tick();
    world.node("tvm-1", NodeEvent::Deallocated);
    assert_eq!(world.state(target), "leavingpool");

    for event in [NodeEvent::Deallocated, NodeEvent::Started] {
        let mut world = RestWorld::with_pool(1, 2, "spread");
        world.send("POST /pools/pool/removenodes", &remove);
        world.node("tvm-1", event);
        assert_eq!(world.state(target), "leavingpool", "{event:?}");
    }
}

/// N9
#[test]
fn a_node_with_disabled_scheduling_takes_no_tasks() {
    let target = "/pools/pool/nodes/tvm-1";
    for option in ["", "requeue", "terminate", "taskcompletion"] {
        let mut world = shared_node();
        let body = if option.is_empty() {
            String::new()
        } else {
            json!({ "nodeDisableSchedulingOption": option }).to_string()
        };
        let reply = world.send(&format!("POST {target}/disablescheduling"), body);
        assert_eq!(reply.told(), "200");
        let cause = match option {
            "" | "requeue" => vec!["StopTask t tvm-1 Requeue"],
            "terminate" => vec!["StopTask t tvm-1 Terminate"],
            _ => vec![],
        };
        assert_eq!(reply.brief()[1..], cause, "{option}");
        let node = world.shown(target);
        assert_eq!((&node["state"], &node["schedulingState"]), (&json!("running"), &json!("disabled")));
        world.ends("living", "t", "tvm-1", 0);
        world.ends("ending", "t", "tvm-1", 0);
        let node = world.shown(target);
        assert_eq!((&node["state"], &node["schedulingState"]), (&json!("offline"), &json!("disabled")));
        assert_eq!(
            world.state("/jobs/living/tasks/t"),
            if cause == ["StopTask t tvm-1 Requeue"] { "active" } else { "completed" }
        );
        world.send("POST /jobs/living/tasks", task_body("next"));
        assert_eq!(world.schedule(), [], "{option}");
        assert_eq!(
            world.send(&format!("POST {target}/disablescheduling"), "").told(),
            "409 NodeAlreadyInTargetSchedulingState"
        );
        assert_eq!(world.send(&format!("POST {target}/enablescheduling"), "").told(), "200");
        assert_eq!(
            world.send(&format!("POST {target}/enablescheduling"), "").told(),
            "409 NodeAlreadyInTargetSchedulingState"
        );
        assert_eq!(world.state(target), "idle");
        assert!(!world.schedule().is_empty(), "{option}");
    }
    let mut world = RestWorld::with_pool(1, 2, "spread");
    let body = json!({ "nodeDisableSchedulingOption": "retaineddata" });
    assert_eq!(
        world.send(&format!("POST {target}/disablescheduling"), body).told(),
        "400 InvalidPropertyValue"
    );
}

/// T9
#[test]
fn a_node_lists_its_recent_tasks() {
    let mut world = RestWorld::with_pool(1, 2, "spread");
    let target = "/pools/pool/nodes/tvm-1";
    world.add_job("job", json!({}));
    for number in 0..12 {
        world.send("POST /jobs/job/tasks", task_body(&format!("t{number}")));
    }
    let fresh = world.shown(target);
    assert_eq!(fresh.get("recentTasks"), None);
    for name in ["totalTasksRun", "totalTasksSucceeded", "runningTasksCount", "runningTaskSlotsCount"] {
        assert_eq!(fresh[name], 0, "{name}");
    }
    for number in 0..11 {
        world.ran("job", &format!("t{number}"), "tvm-1", i32::from(number % 2 == 1));
    }
    world.run("job", "t11", "tvm-1");
    let node = world.shown(target);
    assert_eq!((&node["totalTasksRun"], &node["totalTasksSucceeded"]), (&json!(12), &json!(6)));
    assert_eq!((&node["runningTasksCount"], &node["runningTaskSlotsCount"]), (&json!(1), &json!(1)));
    let recent = node["recentTasks"].as_array().unwrap();
    let told: Vec<&str> = recent.iter().map(|task| task["taskId"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        ["t11", "t10", "t9", "t8", "t7", "t6", "t5", "t4", "t3", "t2"],
        "the last ten, the latest first"
    );
    let of_task = world.shown("/jobs/job/tasks/t9");
    assert_eq!(
        recent[2],
        json!({
            "taskUrl": format!("{URL}/jobs/job/tasks/t9"), "jobId": "job", "taskId": "t9", "taskState": "completed",
            "executionInfo": of_task["executionInfo"],
        })
    );
    assert_eq!(node["state"], "running");
    assert_eq!(node["affinityId"], "TVM:tvm-1");
    assert_eq!(node["vmSize"], "standard_d2_v3");
    assert_eq!(world.shown("/pools/pool/nodes")["value"][0]["recentTasks"], node["recentTasks"]);
    // T9: times of nodes have microseconds at most.
    for name in ["stateTransitionTime", "lastBootTime", "allocationTime"] {
        let time = node[name].as_str().unwrap();
        assert!(time.ends_with(".123456Z"), "{name}: {time}");
    }
    world.send("DELETE /jobs/job/tasks/t9", "");
    assert_eq!(
        world.shown(target)["recentTasks"].as_array().unwrap().len(),
        9,
        "what is gone cannot be told of"
    );
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
