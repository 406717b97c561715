//! Timestamps and ETags: T1 to T8.

use azbatch::{
    ETag, Timestamp,
    job::{DisableTasks, JobChange, JobSettings, ParallelLimit, TerminateJob, TerminateReason},
    node::{NodeEvent, NodeState},
};
use serde_json::{Value, json};

use super::{Step, World, acts_on_failures, ends_by_itself, plain, s};
use crate::world::{World as RestWorld, id, job_body, task_body, told};

/// T1
#[test]
fn an_etag_is_the_last_modification_in_ticks() {
    let mut world = World::empty();
    world.on(Timestamp::parse_iso8601("2025-05-14T21:50:06.78508Z").unwrap());
    let body = r#"{"id":"job","poolInfo":{"poolId":"pool"}}"#;
    assert_eq!(world.answer("POST /jobs", &[], body).header("ETag"), Some("0x8DD93314A6D8630"));
    assert_eq!(world.job().etag().to_string(), "0x8DD93314A6D8630");
    assert_eq!(world.shown("/jobs/job", "eTag"), "0x8DD93314A6D8630");
}

/// T1, T3, T4
#[test]
fn the_etag_of_an_answer_is_the_resources_own() {
    let mut world = RestWorld::with_pool(1, 2, "spread");
    for (line, body, target) in [
        ("POST /jobs", job_body("job"), "/jobs/job"),
        ("PATCH /jobs/job", json!({ "priority": 1 }), "/jobs/job"),
        ("PUT /jobs/job", json!({ "poolInfo": { "poolId": "pool" } }), "/jobs/job"),
        ("POST /jobs/job/disable", json!({ "disableTasks": "wait" }), "/jobs/job"),
        ("POST /jobs/job/enable", Value::Null, "/jobs/job"),
        ("POST /jobs/job/tasks", task_body("t"), "/jobs/job/tasks/t"),
        ("PUT /jobs/job/tasks/t", json!({}), "/jobs/job/tasks/t"),
        ("POST /jobs/job/tasks/t/terminate", Value::Null, "/jobs/job/tasks/t"),
        ("POST /jobs/job/tasks/t/reactivate", Value::Null, "/jobs/job/tasks/t"),
        ("POST /jobs/job/terminate", Value::Null, "/jobs/job"),
        ("POST /pools/pool/resize", json!({ "targetDedicatedNodes": 1 }), "/pools/pool"),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = world.send(line, body);
        let stamp = world.now;
        assert_eq!(reply.header("ETag").unwrap(), ETag::from(stamp).to_string(), "{line}");
        assert_eq!(reply.header("Last-Modified").unwrap(), stamp.rfc1123().to_string(), "{line}");
        assert_eq!(world.etag(target), ETag::from(stamp).to_string(), "{line}");
        let read = world.get(target);
        assert_eq!(
            (read.header("ETag"), read.header("Last-Modified")),
            (reply.header("ETag"), reply.header("Last-Modified"))
        );
        if target.starts_with("/pools") {
            world.obey(reply.effects);
        }
    }
}

/// T2: what changes lastModified, and what does not.
#[test]
fn only_requests_and_automatic_terminations_change_the_etag() {
    let mut world = World::new(|specification, settings| {
        acts_on_failures(specification, settings);
        settings.max_parallel_tasks = ParallelLimit::AtMost(9);
    });
    let steps: [(bool, Step); 13] = [
        (true, World::patch),
        (true, |world| world.update(JobChange::Replace(JobSettings::new(id("pool"))))),
        (false, |world| world.add("a")),
        (false, |world| world.assign("a", "n1")),
        (false, |world| world.say("n1", "task a started")),
        (true, |world| world.disable(DisableTasks::Wait)),
        (false, |world| world.say("n1", "task a ended 0")),
        (false, World::tick),
        (true, World::enable),
        (false, |world| world.node("n1", NodeEvent::Lost)),
        (true, World::terminate),
        (false, World::tick),
        (false, World::delete),
    ];
    for (number, (moves, step)) in (1..).zip(steps) {
        let old = world.job().stamps().modified();
        let came = step(world.at(number));
        assert!(!came.is_empty());
        let expected = if moves { s(number) } else { old };
        assert_eq!(world.job().stamps().modified(), expected, "{came}");
    }
}

/// T2: an automatic termination changes lastModified, except one by the job's schedule.
#[test]
fn termination_by_the_schedule_does_not_change_the_etag() {
    let mut world = World::new(ends_by_itself);
    world.at(5).tick();
    assert_eq!((world.reason(), world.job().stamps().modified()), ("AllTasksComplete", s(5)));

    let mut world = World::new(acts_on_failures);
    world.ran("a", "n1", 1);
    world.at(5).tick();
    assert_eq!((world.reason(), world.job().stamps().modified()), ("TaskFailed", s(5)));

    let mut world = World::new(plain);
    world.at(5).terminate_with(&TerminateJob::because(TerminateReason::Schedule));
    assert_eq!((world.job().stamps().modified(), world.job().stamps().entered()), (s(0), s(5)));
}

/// T2: a scheduling error does not change the ETag.
#[test]
fn a_scheduling_error_does_not_change_the_etag() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    world.at(5).terminate();
    let etag = world.shown("/jobs/job", "eTag");
    world.at(9);
    assert!(world.shown("/jobs/job", "executionInfo/schedulingError").is_object());
    assert_eq!(world.shown("/jobs/job", "eTag"), etag);
}

/// T3
#[test]
fn a_request_sets_one_instant_and_returns_it() {
    let mut world = World::new(plain);
    let response = world.at(5).answer("POST /jobs/job/terminate", &[], "");
    assert_eq!((world.job().stamps().modified(), world.job().stamps().entered()), (s(5), s(5)));
    assert_eq!(response.header("ETag"), Some(world.job().etag().to_string().as_str()));

    let mut world = World::new(plain);
    world.at(5).patch();
    assert_eq!((world.job().stamps().modified(), world.job().stamps().entered()), (s(5), s(0)));
    world.at(6).delete();
    assert_eq!((world.job().stamps().modified(), world.job().stamps().entered()), (s(5), s(6)));
}

/// T4
#[test]
fn the_last_modified_header_has_no_fraction() {
    let mut world = World::new(plain);
    world.on(Timestamp::parse_iso8601("2026-02-10T08:00:01.9999999Z").unwrap());
    let response = world.answer("POST /jobs/job/terminate", &[], "");
    assert_eq!(response.header("Last-Modified"), Some("Tue, 10 Feb 2026 08:00:01 GMT"));
    assert_eq!(world.shown("/jobs/job", "lastModified"), "2026-02-10T08:00:01.9999999Z");
}

/// T5: a clock that stops.
#[test]
fn a_stopped_clock_repeats_no_etag() {
    let mut world = World::new(plain);
    for ticks in 1..=3 {
        world.patch();
        assert_eq!(world.job().stamps().modified().ticks(), s(0).ticks() + ticks);
    }
    world.add("a");
    world.update_task("a");
    assert_eq!(world.task("a").stamps().modified().ticks(), s(0).ticks() + 1);
    world.add_job("other", plain);
    assert_eq!(
        world.account.job(&id("other")).unwrap().stamps().modified(),
        s(0),
        "two jobs may share an instant"
    );
}

/// T5: a clock that runs backwards.
#[test]
fn a_clock_that_runs_backwards_gives_no_earlier_timestamps() {
    let mut world = World::new(plain);
    world.at(50).run("a", "n1");
    world.at(60).patch();
    world.at(20).terminate();
    assert_eq!(world.job().stamps().modified(), s(60).next_tick());
    world.at(10).say("n1", "task a ended 0");
    assert_eq!(world.task("a").stamps().entered(), s(50));
    world.at(5).tick();
    assert_eq!((world.state(), world.job().end_time()), ("completed", Some(s(60).next_tick())));
}

/// T5: an event is recorded after the tasks that it ends, though one of them was changed later than the clock
/// says, because the clock ran backwards, or because it stopped and the ETags of a task are ahead of it.
#[test]
fn a_node_event_is_never_earlier_than_the_tasks_that_it_ends() {
    let with_two_tasks = || {
        let mut world = World::new(plain);
        world.add("a");
        world.add("b");
        world
    };
    let mut back = with_two_tasks();
    back.assign("a", "n1");
    back.on(s(0).next_tick()).assign("b", "n1");
    back.at(0);
    let mut still = with_two_tasks();
    still.update_task("a");
    still.update_task("a");
    still.assign("b", "n1");
    still.assign("a", "n1");
    for mut world in [back, still] {
        world.node("n1", NodeEvent::Preempted);
        assert_eq!(world.account.node(&id("n1")).unwrap().state(), NodeState::Preempted);
    }
}

/// T5: no tick comes after the last one, so timestamps no longer change.
#[test]
fn after_the_last_tick_timestamps_stay_the_same() {
    let mut world = World::new(plain);
    world.on(Timestamp::MAX).patch();
    assert_eq!(world.patch(), "JobUpdated");
    assert_eq!(world.job().stamps().modified(), Timestamp::MAX);
    assert_eq!(world.force(), "JobTerminating");
    assert_eq!(world.tick(), "JobCompleted");
}

/// T5, F4: requests at the first and the last instant there are, in any order.
#[test]
fn no_clock_makes_a_request_fail() {
    let mut world = World::new(plain);
    let json = [("Content-Type", "application/json")];
    let version = "api-version=2025-06-01";
    let read = format!("/jobs/job?{version}");
    let early = world.on(Timestamp::MIN).send_late(Timestamp::MAX, "GET", &read, &[], b"");
    assert_eq!(told(&early), "200");
    let late = world.on(Timestamp::MAX).send_late(Timestamp::MIN, "GET", &read, &[], b"");
    assert_eq!(told(&late), "500 OperationTimedOut");
    for (now, job) in [(Timestamp::MAX, "last"), (Timestamp::MIN, "first")] {
        let body = format!(r#"{{"id":"{job}","poolInfo":{{"poolId":"pool"}}}}"#);
        let added = world.on(now).send("POST", &format!("/jobs?{version}"), &json, body.as_bytes());
        assert_eq!(told(&added), "201");
        assert_eq!(added.header("ETag"), Some(ETag::from(now).to_string().as_str()));
    }
    let ended = world.on(Timestamp::MAX).send("POST", &format!("/jobs/last/terminate?{version}"), &[], b"");
    assert_eq!(told(&ended), "202");
}

/// T6
#[test]
fn the_timestamps_of_a_new_job_are_equal_except_for_its_creation() {
    let mut world = World::empty();
    let received = s(3);
    let body = br#"{"id":"job","poolInfo":{"poolId":"pool"}}"#;
    let headers = [("Content-Type", "application/json")];
    world.at(4).send_late(received, "POST", "/jobs?api-version=2025-06-01", &headers, body);
    let job = world.job();
    assert_eq!((job.creation_time(), job.stamps().created()), (s(3), s(4)));
    assert_eq!((job.stamps().modified(), job.stamps().entered()), (s(4), s(4)));

    world.at(5).add("a");
    let task = world.task("a");
    assert_eq!([task.stamps().created(), task.stamps().modified(), task.stamps().entered()], [s(5); 3]);
}

/// T7: disabling and terminating are never the previous state; deleting shows the state before it.
#[test]
fn transitional_states_are_never_the_previous_state() {
    let mut world = World::new(plain);
    assert_eq!(world.previous(), None);
    let steps: [(Step, &str, (&str, u64)); 7] = [
        (|world| world.disable(DisableTasks::Wait), "disabling", ("active", 0)),
        (World::enable, "active", ("active", 0)),
        (|world| world.disable(DisableTasks::Wait), "disabling", ("active", 2)),
        (World::tick, "disabled", ("active", 2)),
        (World::terminate, "terminating", ("disabled", 4)),
        (World::tick, "completed", ("disabled", 4)),
        (World::delete, "deleting", ("completed", 6)),
    ];
    for (second, (step, state, (previous, entered))) in (1..).zip(steps) {
        step(world.at(second));
        assert_eq!((world.state(), world.previous()), (state, Some((previous, s(entered)))), "step {second}");
    }
}

/// T7: a request that leaves a transitional state keeps the previous state.
#[test]
fn a_request_that_leaves_a_transitional_state_keeps_the_previous_state() {
    let mut world = World::new(plain);
    for (second, state) in [(3, "disabling"), (4, "terminating"), (5, "completed")] {
        match state {
            "disabling" => world.at(second).disable(DisableTasks::Wait),
            "terminating" => world.at(second).terminate(),
            _ => world.at(second).tick(),
        };
        assert_eq!((world.state(), world.previous()), (state, Some(("active", s(0)))));
    }
    for end in [World::terminate, World::disable_and_wait] {
        let mut world = World::new(plain);
        end(world.at(3));
        world.at(4).delete();
        assert_eq!((world.state(), world.previous()), ("deleting", Some(("active", s(0)))));
    }
}

/// T8
#[test]
fn a_tasks_etag_changes_only_on_requests() {
    let mut world = World::new(plain);
    world.add("a");
    let steps: [(bool, Step); 8] = [
        (true, |world| world.update_task("a")),
        (false, |world| world.assign("a", "n1")),
        (false, |world| world.say("n1", "task a started")),
        (true, |world| world.terminate_task("a")),
        (false, |world| world.say("n1", "task a ended 0")),
        (true, |world| world.reactivate("a")),
        (false, |world| world.assign("a", "n1")),
        (false, |world| world.say("n1", "task a ended 0")),
    ];
    for (number, (moves, step)) in (1..).zip(steps) {
        let old = world.task("a").stamps().modified();
        let came = step(world.at(number));
        assert!(!came.is_empty());
        assert_eq!(world.task("a").stamps().modified(), if moves { s(number) } else { old }, "{came}");
    }
}
