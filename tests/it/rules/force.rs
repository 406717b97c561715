//! Force and timeout: F1 to F4.

use azbatch::{
    job::{TerminateJob, TerminateReason},
    node::NodeEvent,
};

use super::{World, before, plain, prepared, s};
use crate::world::{NEWEST, secs, text, told};

/// F1: at the deadline and a tick before.
#[test]
fn force_waits_60_seconds_for_nodes_and_no_longer() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.ran("b", "n2", 0);
    world.add("c");
    world.add("p");
    world.node("n1", NodeEvent::Rebooted);
    world.run_added("c", "n2");
    world.assign("p", "n1");
    let told = world.at(10).force();
    assert_eq!(told, "JobTerminating, StopPreparation n1, StopTask c n2");
    assert_eq!(world.on(before(s(70))).tick(), "");
    assert_eq!(
        world.at(70).tick(),
        "PreparationEnded n1, TaskCompleted p n1, TaskCompleted c n2, JobCompleted"
    );
    for task in ["p", "c"] {
        assert_eq!(world.end(task), (None, Some("TaskEnded")));
        assert_eq!(world.task(task).stamps().entered(), s(70));
    }
    assert_eq!((world.state(), world.job().end_time()), ("completed", Some(s(70))));
}

/// F1: late release tasks are abandoned; a node that answers in time is waited for until it does.
#[test]
fn force_abandons_late_releases_and_waits_for_those_in_time() {
    for (answers, ticked) in [(false, "ReleaseEnded n1, JobCompleted"), (true, "JobCompleted")] {
        let mut world = World::new(prepared);
        world.ran("a", "n1", 0);
        world.at(10).force();
        assert_eq!(world.at(40).tick(), "");
        if answers {
            assert_eq!(world.at(41).say("n1", "release ended 0"), "ReleaseEnded n1");
        }
        assert_eq!(world.at(if answers { 41 } else { 70 }).tick(), ticked);
        assert_eq!(world.state(), "completed");
    }
}

/// F1: the host can set another time, or zero.
#[test]
fn the_host_sets_how_long_force_waits() {
    for wait in [0, 5, 600] {
        let mut world = World::new(plain).with_force_timeout(secs(wait));
        world.run("a", "n1");
        assert_eq!(world.at(10).rest("POST /jobs/job/terminate?force=true", &[], ""), "202");
        assert_eq!(world.account.deadline(), Some(s(10 + wait)));
        assert_eq!(world.on(before(s(10 + wait))).tick(), "");
        assert_eq!(world.at(10 + wait).tick(), "TaskCompleted a n1, JobCompleted");
    }
}

/// F1, N4, N8: a node that cannot answer does not delay a forced end.
#[test]
fn force_does_not_wait_for_nodes_that_cannot_answer() {
    for (event, unforced) in [
        (NodeEvent::Lost, ""),
        (NodeEvent::Unusable, ""),
        (NodeEvent::Preempted, "JobCompleted"),
        (NodeEvent::Removed, "JobCompleted"),
    ] {
        for event_first in [true, false] {
            let mut world = World::new(prepared);
            world.run("a", "n1");
            world.at(10);
            if event_first {
                world.node("n1", event);
            }
            world.force();
            if !event_first {
                world.node("n1", event);
            }
            assert!(world.tick().ends_with("JobCompleted"), "{event:?}");
        }
        let mut world = World::new(prepared);
        world.run("a", "n1");
        world.at(10).terminate();
        world.node("n1", event);
        assert_eq!(world.at(5000).tick(), unforced, "{event:?} without force");
    }
}

/// F2
#[test]
fn force_can_follow_an_unforced_termination_once() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    world.at(10).terminate_with(&TerminateJob::because(TerminateReason::User(Some("first".into()))));
    let forced = TerminateJob {
        force: Some(secs(60)),
        ..TerminateJob::because(TerminateReason::User(Some("second".into())))
    };
    assert_eq!(world.at(20).terminate_with(&forced), "JobTerminationForced");
    assert_eq!((world.job().stamps().modified(), world.account.deadline()), (s(20), Some(s(80))));
    assert_eq!(
        (world.state(), world.job().stamps().entered(), world.reason()),
        ("terminating", s(10), "first")
    );
    assert_eq!(world.at(30).force(), "409 JobBeingTerminated");
    assert_eq!(world.at(30).terminate(), "409 JobBeingTerminated");
    assert_eq!(world.at(80).tick(), "TaskCompleted a n1, JobCompleted");
}

/// F3
#[test]
fn force_exists_from_the_version_of_july_2024_on() {
    for (version, status) in [
        ("2016-02-01.3.0", "400 UnsupportedQueryParameter"),
        ("2024-02-01.19.0", "400 UnsupportedQueryParameter"),
        ("2024-07-01.20.0", "202"),
        ("2025-06-01", "202"),
    ] {
        let target = format!("POST /jobs/job/terminate?api-version={version}&force=true");
        assert_eq!(World::new(plain).rest(&target, &[], ""), status, "{version}");
        let other = format!("POST /jobs/job/terminate?api-version={version}&farce=true");
        assert_eq!(World::new(plain).rest(&other, &[], ""), "202", "an unknown parameter in {version}");
    }
    let mut world = World::new(plain);
    let old = "/jobs/job?force=true&api-version=2024-02-01.19.0";
    assert_eq!(world.rest(&format!("GET {old}"), &[], ""), "200", "a read cannot be forced");
    for (target, status) in [
        (old, "400 UnsupportedQueryParameter"),
        ("/jobs/job?force=perhaps", "400 InvalidQueryParameterValue"),
        ("/jobs/job?force=false", "202"),
    ] {
        assert_eq!(world.rest(&format!("DELETE {target}"), &[], ""), status, "{target}");
    }
    let mut world = World::new(plain);
    world.run("a", "n1");
    assert_eq!(world.at(10).rest("POST /jobs/job/terminate?FORCE=True", &[], ""), "202");
    assert_eq!(world.account.deadline(), Some(s(70)));
    assert_eq!(world.rest("POST /jobs/job/terminate?force=yes", &[], ""), "400 InvalidQueryParameterValue");
}

/// F4: after 30 seconds, or after its own timeout if that is shorter.
#[test]
fn a_request_fails_when_its_timeout_expires() {
    for (query, limit) in
        [("", 30), ("&timeout=5", 5), ("&timeOut=5", 5), ("&timeout=30", 30), ("&timeout=2147483647", 30)]
    {
        for (now, status) in [(s(limit), "202"), (s(limit).next_tick(), "500 OperationTimedOut")] {
            let mut world = World::new(plain);
            let target = format!("/jobs/job/terminate?api-version={NEWEST}{query}");
            let response = world.on(now).send_late(s(0), "POST", &target, &[], b"");
            assert_eq!(told(&response), status, "{query}");
        }
    }
}

/// F4: a timeout that is not a positive 32-bit integer.
#[test]
fn a_bad_timeout_is_refused() {
    let mut world = World::new(plain);
    for (timeout, status, reason) in [
        ("0", "400 InvalidQueryParameterValue", ""),
        ("-1", "400 InvalidQueryParameterValue", ""),
        ("soon", "400 InvalidQueryParameterValue", "Not a valid integer."),
        ("1.5", "400 InvalidQueryParameterValue", "Not a valid integer."),
        ("2147483648", "400 OutOfRangeQueryParameterValue", "2147483647"),
        ("-2147483649", "400 OutOfRangeQueryParameterValue", "-2147483648"),
    ] {
        let response = world.answer(&format!("POST /jobs/job/terminate?timeout={timeout}"), &[], "");
        assert_eq!(told(&response), status, "{timeout}");
        assert!(text(&response).contains(reason), "{timeout}");
    }
    assert_eq!(world.rest("POST /jobs/job/terminate?timeout=2147483647", &[], ""), "202");
}
