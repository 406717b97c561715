//! Disable and delete: G1 to G3.

use azbatch::{job::DisableTasks, node::NodeEvent, task::RetryLimit};
use serde_json::json;

use super::{World, before, plain, prepared, s};
use crate::world::{World as RestWorld, brief as brief_all, id};

/// G1: the three options.
#[test]
fn disabling_requeues_terminates_or_waits_for_running_tasks() {
    for (option, told, left) in [
        (DisableTasks::Requeue, "JobDisabling, StopTask a n1", "TaskRequeued a n1"),
        (DisableTasks::Terminate, "JobDisabling, StopTask a n1", "TaskCompleted a n1"),
        (DisableTasks::Wait, "JobDisabling", "TaskCompleted a n1"),
    ] {
        let mut world = World::new(plain);
        world.add("b");
        world.run("a", "n1");
        assert_eq!(world.at(5).disable(option), told);
        assert_eq!((world.state(), world.task_state("a")), ("disabling", "running"));
        assert_eq!(world.tick(), "");
        assert_eq!(world.say("n1", "task a ended 0"), left);
        match option {
            DisableTasks::Requeue => assert_eq!(world.task_state("a"), "active"),
            DisableTasks::Terminate => assert_eq!(world.end("a"), (Some(0), Some("TaskEnded"))),
            DisableTasks::Wait => assert_eq!(world.end("a"), (Some(0), None)),
        }
        assert_eq!(world.task("a").requeue_count(), u32::from(option == DisableTasks::Requeue));
        assert_eq!(world.task_state("b"), "active");
        assert_eq!(world.at(7).tick(), "JobDisabled");
        assert_eq!((world.state(), world.job().stamps().entered()), ("disabled", s(7)));
        assert_eq!(world.assign("b", "n1"), "JobNotActive");
        assert_eq!(world.enable(), "JobEnabled");
        assert_eq!((world.state(), world.previous()), ("active", Some(("disabled", s(7)))));
        assert_eq!(world.assign("b", "n1"), "TaskRunning b n1, RunTask b n1");
    }
}

/// G1: a task that is preparing is on a node too.
#[test]
fn a_disabling_job_waits_for_preparing_tasks() {
    for (option, told) in [
        (DisableTasks::Requeue, "PreparationEnded n1, TaskRequeued a n1"),
        (DisableTasks::Terminate, "PreparationEnded n1, TaskCompleted a n1"),
        (DisableTasks::Wait, "PreparationEnded n1, TaskRunning a n1, RunTask a n1"),
    ] {
        let mut world = World::new(prepared);
        world.add("a");
        world.assign("a", "n1");
        world.disable(option);
        assert_eq!(world.tick(), "");
        assert_eq!(world.say("n1", "preparation ended 0"), told);
        assert_eq!(world.tick(), if option == DisableTasks::Wait { "" } else { "JobDisabled" });
    }
}

/// G1: a preparation that fails is run again only if the job waits for its tasks. It does not exclude the
/// node either: once the job is enabled, the preparation is run as if for the first time.
#[test]
fn a_preparation_is_not_retried_for_a_disabling_job() {
    for (option, told) in [
        (DisableTasks::Requeue, "PreparationEnded n1, TaskRequeued a n1"),
        (DisableTasks::Terminate, "PreparationEnded n1, TaskCompleted a n1"),
        (DisableTasks::Wait, "PreparationEnded n1, RunPreparation n1"),
    ] {
        let mut world = World::new(|specification, settings| {
            prepared(specification, settings);
            let preparation = specification.preparation.as_mut().unwrap();
            preparation.constraints.max_task_retry_count = RetryLimit::Times(1);
        });
        world.add("a");
        world.assign("a", "n1");
        world.disable(option);
        assert_eq!(world.say("n1", "preparation ended 1"), told);
        if option == DisableTasks::Requeue {
            world.tick();
            world.enable();
            assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
            world.say("n1", "preparation started");
            assert_eq!(world.status("Preparation")["retryCount"], 0);
        }
    }
}

/// G2, T3
#[test]
fn a_deleted_job_is_shown_until_it_is_removed() {
    let mut world = RestWorld::with_tasks(&["runs", "waits"]);
    world.run("job", "runs", "n1");
    let before = world.shown("/jobs/job");
    let deleted = world.send("DELETE /jobs/job", "");
    assert_eq!(
        (deleted.told(), deleted.brief()),
        ("202".into(), vec!["JobDeleting".into(), "StopTask runs n1 JobEnding".into()])
    );
    let shown = world.shown("/jobs/job");
    assert_eq!(shown["state"], "deleting");
    assert_eq!(shown["previousState"], "active");
    assert_eq!((&shown["eTag"], &shown["lastModified"]), (&before["eTag"], &before["lastModified"]));
    assert_ne!(shown["stateTransitionTime"], before["stateTransitionTime"]);
    assert_eq!(shown["executionInfo"], before["executionInfo"], "no endTime, no reason");
    assert_eq!(world.send("DELETE /jobs/job", "").told(), "409 JobBeingDeleted");
    assert_eq!(world.send("DELETE /jobs/job?force=true", "").told(), "409 JobBeingDeleted");
    assert_eq!(world.get("/jobs/job/tasks").ids(), ["runs", "waits"]);
    assert_eq!(brief_all(&world.tick()), [""; 0], "the node has not answered");
    world.ends("job", "runs", "n1", 143);
    assert_eq!(world.state("/jobs/job"), "deleting");
    assert_eq!(brief_all(&world.tick()), ["JobDeleted"]);
    assert_eq!(world.get("/jobs/job").told(), "404 JobNotFound");
    assert_eq!(world.get("/jobs/job/tasks").told(), "404 JobNotFound");
    assert_eq!(world.get("/jobs").ids(), [""; 0]);
    // The id is free again, and nothing of the old job is left.
    world.add_job("JOB", json!({}));
    assert_eq!(world.shown("/jobs/job")["id"], "JOB");
    assert_eq!(world.get("/jobs/job/tasks").ids(), [""; 0]);
}

/// G2: its release runs.
#[test]
fn a_deleted_job_ends_like_a_terminated_one() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    assert_eq!(world.delete(), "JobDeleting, StopTask a n1");
    assert_eq!(world.say("n1", "task a ended 1"), "TaskCompleted a n1, RunRelease n1");
    assert_eq!(world.tick(), "");
    world.say("n1", "release ended 0");
    assert_eq!(world.tick(), "JobDeleted");
}

/// G2: a job that had ended keeps its end, and its release does not run again.
#[test]
fn a_deleted_job_that_had_ended_keeps_its_end() {
    let mut world = World::new(prepared);
    world.ran("a", "n1", 0);
    world.terminate();
    world.say("n1", "release ended 0");
    world.at(9).tick();
    assert_eq!(world.at(10).delete(), "JobDeleting");
    assert_eq!((world.reason(), world.job().end_time()), ("UserTerminate", Some(s(9))));
    assert_eq!(world.tick(), "JobDeleted");
}

/// G2, E5: even if the node had a task when the job was abandoned.
#[test]
fn a_reboot_does_not_release_a_node_of_a_job_that_had_ended() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.force();
    assert_eq!(world.at(60).tick(), "TaskCompleted a n1, JobCompleted");
    assert_eq!(world.delete(), "JobDeleting");
    assert_eq!(world.node("n1", NodeEvent::Rebooted), "");
}

/// G2, F1: a forced deletion waits as long as a forced termination.
#[test]
fn a_forced_deletion_waits_for_a_limited_time() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    assert_eq!(world.at(10).rest("DELETE /jobs/job?force=TRUE", &[], ""), "202");
    assert_eq!(world.on(before(s(70))).tick(), "");
    assert_eq!(world.at(70).tick(), "TaskCompleted a n1, JobDeleted");
    assert_eq!(world.account.node(&id("n1")).unwrap().free_slots(), 4);
}

/// G3: the newest option applies.
#[test]
fn disabling_with_another_option_goes_by_the_newest() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    assert_eq!(world.at(3).disable(DisableTasks::Wait), "JobDisabling");
    assert_eq!(world.at(4).disable(DisableTasks::Requeue), "JobDisabling, StopTask a n1");
    assert_eq!((world.job().stamps().modified(), world.job().stamps().entered()), (s(4), s(3)));
    assert_eq!(world.at(5).disable(DisableTasks::Terminate), "JobDisabling, StopTask a n1");
    world.say("n1", "task a ended 0");
    assert_eq!(world.end("a"), (Some(0), Some("TaskEnded")));
}

/// G3: but not to a task that was already told to stop.
#[test]
fn a_task_that_was_told_to_stop_ends_as_it_was_told() {
    let mut world = World::new(plain);
    world.run("ended", "n1");
    world.run("deleted", "n1");
    world.delete_task("deleted");
    world.disable(DisableTasks::Terminate);
    assert_eq!(world.disable(DisableTasks::Requeue), "JobDisabling");
    assert_eq!(world.say("n1", "task ended ended 0"), "TaskCompleted ended n1");
    assert_eq!(world.say("n1", "task deleted ended 0"), "TaskDeleted deleted n1");
}
