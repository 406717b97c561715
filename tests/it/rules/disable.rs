//! Disabling and deleting a job: G1 to G3.

use azbatch::job::{DeleteJob, DisableTasks};

use super::{World, before, plain, prepared, s};
use crate::world::{id, secs};

/// G1: the three options.
#[test]
fn disabling_requeues_ends_or_waits_for_running_tasks() {
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
            DisableTasks::Requeue => assert_eq!(world.task("a").requeue_count(), 1),
            DisableTasks::Terminate => assert_eq!(world.end("a"), (Some(0), Some("TaskEnded"))),
            DisableTasks::Wait => assert_eq!(world.end("a"), (Some(0), None)),
        }
        assert_eq!(world.at(7).tick(), "JobDisabled");
        assert_eq!((world.state(), world.job().stamps().entered()), ("disabled", s(7)));
        assert_eq!(world.assign("b", "n1"), "JobNotActive");
        assert_eq!(world.enable(), "JobEnabled");
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

/// G2: what it was before, and that it is gone with its tasks.
#[test]
fn a_deleted_job_ends_like_a_terminated_one() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.add("b");
    let etag = world.job().etag();
    assert_eq!(world.at(5).delete(), "JobDeleting, StopTask a n1");
    assert_eq!((world.state(), world.reason(), world.job().end_time()), ("deleting", "none", None));
    assert_eq!(world.job().etag(), etag);
    assert_eq!(world.say("n1", "task a ended 1"), "TaskCompleted a n1, RunRelease n1");
    assert_eq!(world.rest("GET /jobs/job", &[], ""), "200");
    assert_eq!(world.tick(), "");
    world.say("n1", "release ended 0");
    assert_eq!(world.tick(), "JobDeleted");
    assert_eq!(world.rest("GET /jobs/job", &[], ""), "404 JobNotFound");
    assert_eq!(world.rest("GET /jobs/job/tasks/b", &[], ""), "404 JobNotFound");
    assert_eq!(world.add_job("job", plain), "JobAdded");
}

/// G2: a job that had ended keeps what it had, and releases nothing again.
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

/// G2, F1: a forced deletion waits as long as a forced termination.
#[test]
fn a_forced_deletion_does_not_wait_for_ever() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    let forced = DeleteJob { force: Some(secs(60)), ..DeleteJob::default() };
    world.at(10).request(|account, job, now| account.delete_job(job, &forced, now));
    assert_eq!(world.on(before(s(70))).tick(), "");
    assert_eq!(world.at(70).tick(), "TaskCompleted a n1, JobDeleted");
    assert_eq!(world.account.node(&id("n1")).unwrap().free_slots(), 4);
}

/// G3: the newest option counts.
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

/// G3: but what is to be ended or deleted stays so.
#[test]
fn a_task_that_is_to_be_ended_or_deleted_stays_so() {
    let mut world = World::new(plain);
    world.run("ended", "n1");
    world.run("deleted", "n1");
    world.delete_task("deleted");
    world.disable(DisableTasks::Terminate);
    assert_eq!(world.disable(DisableTasks::Requeue), "JobDisabling");
    assert_eq!(world.say("n1", "task ended ended 0"), "TaskCompleted ended n1");
    assert_eq!(world.say("n1", "task deleted ended 0"), "TaskDeleted deleted n1");
}
