//! Job schedules: when they make jobs, and how they end.

use std::fmt::Write as _;

use azbatch::{
    Effect, ErrorCode, Fact, JobSchedule, TimeSpan, Timestamp,
    job::{AddJob, DeleteJob, JobFact, JobSettings, JobSpecification, TerminateJob},
    job_schedule::Period,
};
use serde_json::{Value, json};

use crate::world::{World as RestWorld, brief, id, secs};

/// The schedule with these times, whose jobs have one task and end with it.
#[allow(clippy::needless_pass_by_value, reason = "it is a literal everywhere")]
fn body(schedule: Value) -> Value {
    let manager = json!({ "id": "manager", "commandLine": "x" });
    let job = json!({ "poolInfo": { "poolId": "pool" }, "jobManagerTask": manager });
    json!({ "id": "s", "schedule": schedule, "jobSpecification": job })
}

fn with_schedule(schedule: Value) -> RestWorld {
    let mut world = RestWorld::new();
    assert_eq!(world.send("POST /jobschedules", body(schedule)).told(), "201");
    world
}

/// A schedule that makes a job every hour.
fn hourly() -> RestWorld {
    with_schedule(json!({ "recurrenceInterval": "PT1H" }))
}

/// Ends a job as its manager does.
fn complete(world: &mut RestWorld, job: &str) {
    let terminated = world.send(&format!("POST /jobs/{job}/terminate"), "");
    world.obey(terminated.effects);
}

/// Lets time pass, as a host does that ticks when something is due, and lists the jobs that were made
/// with the times of their creation, in seconds.
fn pass(world: &mut RestWorld, seconds: u64) -> Vec<(String, u64)> {
    let begin = world.now;
    let end = begin.saturating_add(secs(seconds));
    let mut made = Vec::new();
    while let Some(deadline) = world.account.deadline().filter(|deadline| *deadline <= end) {
        world.now = deadline.max(world.now);
        let effects = world.account.tick(world.now);
        assert_ne!(effects, [], "something is due at {deadline}");
        for fact in Effect::facts(&effects) {
            if let Fact::Job(job, JobFact::Added { .. }) = fact {
                made.push((job.to_string(), world.now.since(begin).ticks() / 10_000_000));
            }
        }
    }
    world.now = end;
    made
}

fn jobs(world: &mut RestWorld) -> Vec<String> {
    world.get("/jobschedules/s/jobs").ids()
}

fn info(world: &mut RestWorld) -> Value {
    world.value("/jobschedules/s", "/executionInfo")
}

fn schedule(world: &RestWorld) -> &JobSchedule {
    world.account.require_job_schedule(&id("s")).unwrap()
}

/// L1
#[test]
fn each_request_moves_the_times_that_it_should() {
    let mut world = hourly();
    let times = |world: &RestWorld| {
        let stamps = *schedule(world).stamps();
        (stamps.modified(), stamps.entered())
    };
    let added = times(&world);
    assert_eq!(added, (schedule(&world).stamps().created(), added.0));
    for (line, status, moves_etag, enters) in [
        ("POST /jobschedules/s/enable", "204", false, false),
        ("POST /jobschedules/s/disable", "204", true, true),
        ("POST /jobschedules/s/disable", "204", true, false),
        ("POST /jobschedules/s/enable", "204", true, true),
        ("PATCH /jobschedules/s", "200", true, false),
        ("POST /jobschedules/s/terminate", "202", true, true),
        ("DELETE /jobschedules/s", "202", false, true),
    ] {
        let before = times(&world);
        let body = if line.starts_with("PATCH") { "{}" } else { "" };
        let reply = world.send(line, body);
        assert_eq!(reply.told(), status, "{line}");
        let (modified, entered) = times(&world);
        assert_eq!((modified != before.0, entered != before.1), (moves_etag, enters), "{line}");
        if moves_etag {
            assert_eq!(modified, world.now, "{line}");
            assert_eq!(reply.header("ETag"), Some(schedule(&world).etag().to_string().as_str()), "{line}");
        }
    }
}

/// L1, T7
#[test]
fn completion_leaves_the_etag_and_the_previous_state() {
    let mut world = hourly();
    world.tick();
    world.send("POST /jobschedules/s/disable", "");
    let terminated = world.send("POST /jobschedules/s/terminate", "");
    let etag = schedule(&world).etag();
    assert_eq!(world.state("/jobschedules/s"), "terminating");
    world.obey(terminated.effects);
    let shown = world.shown("/jobschedules/s");
    assert_eq!((&shown["state"], &shown["previousState"]), (&json!("completed"), &json!("disabled")));
    assert_eq!(shown["eTag"], etag.to_string());
    assert_eq!(shown["executionInfo"]["endTime"], shown["stateTransitionTime"]);
}

/// L2, T6
#[test]
fn jobs_are_numbered_and_made_at_ticks() {
    let mut world = hourly();
    assert_eq!(jobs(&mut world), [""; 0]);
    assert_eq!(brief(&world.tick()), ["JobScheduleJobMade", "JobAdded", "TaskAdded"]);
    let shown = world.shown("/jobs/s:job-1");
    assert_eq!(shown["creationTime"], shown["executionInfo"]["startTime"]);
    assert_eq!(shown["jobManagerTask"]["id"], "manager");
    assert_eq!(world.state("/jobs/s:job-1/tasks/manager"), "active");
    complete(&mut world, "s:job-1");
    let next = schedule(&world).stamps().created().saturating_add(secs(3600));
    let seconds = next.since(world.now).ticks() / 10_000_000;
    assert_eq!(pass(&mut world, 3600), [("s:job-2".into(), seconds)]);
    // Q6: jobs that are not completed come first.
    assert_eq!(jobs(&mut world), ["s:job-2", "s:job-1"]);
    // A user can delete a job; its number does not come again.
    let deleted = world.send("DELETE /jobs/s:job-2", "");
    world.obey(deleted.effects);
    assert_eq!(pass(&mut world, 3600)[0].0, "s:job-3");
}

/// L3
#[test]
fn the_first_job_is_due_at_once_or_when_it_may_run() {
    for (until, due) in [("2026-02-10T08:00:00Z", 1), ("2026-02-10T09:00:00Z", 3600)] {
        let mut world = RestWorld::new();
        let begin = world.now.truncate_to_second();
        world.send("POST /jobschedules", body(json!({ "doNotRunUntil": until })));
        let deadline = world.account.deadline().unwrap();
        assert_eq!(deadline.truncate_to_second(), begin.saturating_add(secs(due)), "{until}");
        assert_eq!(pass(&mut world, 7200).len(), 1, "{until}");
    }
}

/// L3: what happens to the turns that come while a job runs, for each window. The job ends after the
/// minutes given; the next one is made so many minutes after the first turn, if at all before the hour
/// that follows.
#[test]
fn a_job_that_is_due_waits_as_long_as_its_window() {
    for (window, runs_minutes, next) in [
        (None, 30, 60),
        (None, 60, 60),
        (None, 119, 119),
        (None, 130, 130),
        (Some("PT10M"), 69, 69),
        (Some("PT10M"), 70, 120),
        (Some("PT10M"), 119, 120),
        // A window that is longer than the interval: a turn ends where the next begins.
        (Some("PT2H30M"), 119, 119),
        (Some("PT2H30M"), 190, 190),
        (Some("P1000D"), 250, 250),
    ] {
        let mut times = json!({ "recurrenceInterval": "PT1H" });
        if let Some(window) = window {
            times["startWindow"] = json!(window);
        }
        let mut world = with_schedule(times);
        let first = world.account.deadline().unwrap();
        world.now = first;
        assert_ne!(world.account.tick(first), []);
        pass(&mut world, runs_minutes * 60);
        // Without the second that a request takes in this world.
        let at = world.now;
        let job = id("s:job-1");
        world.account.terminate_job(&job, &TerminateJob::by_user(), at).unwrap();
        let made = pass(&mut world, 7200 - 1);
        let minutes = |at: &(String, u64)| (at.0.clone(), runs_minutes + at.1 / 60);
        assert_eq!(made.first().map(minutes), Some(("s:job-2".into(), next)), "{window:?}, {runs_minutes}");
        assert_eq!(made.len(), 1);
    }
}

/// L3: the turns that a clock jumps over are lost but the last, which is made if its window is open.
#[test]
fn a_clock_that_jumps_over_many_turns_makes_one_job() {
    for (window, now_made) in [("PT1H", true), ("PT20M", false)] {
        let mut world = with_schedule(json!({ "recurrenceInterval": "PT1H", "startWindow": window }));
        let first = world.account.deadline().unwrap();
        world.now = first.saturating_add(secs(1000 * 3600 + 1800));
        let effects = brief(&world.tick());
        let expected: &[&str] = if now_made {
            &["JobScheduleJobMade", "JobAdded", "TaskAdded"]
        } else {
            &["JobScheduleTurnLost"]
        };
        assert_eq!(effects, expected, "{window}");
        assert_eq!(world.tick(), [], "once");
        let next = first.saturating_add(secs(1001 * 3600));
        assert_eq!(schedule(&world).next_run_time(world.now), Some(next));
        if !now_made {
            assert_eq!(world.account.deadline(), Some(next));
        }
    }
}

/// L3: years of hourly jobs, in virtual time.
#[test]
fn years_of_turns_pass_at_ticks() {
    let mut world = with_schedule(json!({ "recurrenceInterval": "PT1H" }));
    let hours = 2 * 365 * 24;
    let mut now = world.account.deadline().unwrap();
    for hour in 1..=hours {
        let effects = world.account.tick(now);
        assert!(Effect::facts(&effects).any(|fact| fact.name() == "JobAdded"), "hour {hour}");
        let job = id(&format!("s:job-{hour}"));
        world.account.delete_job(&job, &DeleteJob::default(), now).unwrap();
        assert_eq!(brief(&world.account.tick(now)), ["JobDeleted"], "hour {hour}");
        now = world.account.deadline().unwrap();
    }
    assert_eq!(world.account.check(), Ok(()));
    assert_eq!(now.since(schedule(&world).stamps().created()), secs(hours * 3600));
}

/// L3
#[test]
fn a_schedule_without_recurrence_is_completed_after_its_job() {
    let mut world = with_schedule(json!({}));
    world.tick();
    assert_eq!(world.account.deadline(), None);
    assert_eq!(world.state("/jobschedules/s"), "active");
    complete(&mut world, "s:job-1");
    assert_eq!(world.state("/jobschedules/s"), "completed");
    assert_eq!(world.account.deadline(), None);
}

/// L3: one whose only turn is lost has nothing to wait for either.
#[test]
fn a_schedule_that_lost_its_only_turn_is_completed() {
    let mut world = with_schedule(json!({ "startWindow": "PT1M" }));
    world.later(3600);
    assert_eq!(brief(&world.tick()), ["JobScheduleTurnLost", "JobScheduleCompleted"]);
}

/// L3
#[test]
fn after_the_last_instant_no_job_is_made() {
    let mut world =
        with_schedule(json!({ "recurrenceInterval": "PT1H", "doNotRunAfter": "2026-02-10T10:30:00Z" }));
    world.tick();
    for job in ["s:job-1", "s:job-2"] {
        complete(&mut world, job);
        pass(&mut world, 3600);
    }
    // The third job is alive at the end, and holds the schedule.
    pass(&mut world, 24 * 3600);
    assert_eq!(world.state("/jobschedules/s"), "active");
    assert_eq!(info(&mut world)["nextRunTime"], Value::Null);
    complete(&mut world, "s:job-3");
    assert_eq!(world.state("/jobschedules/s"), "completed");
    assert_eq!(jobs(&mut world).len(), 3);
}

/// L3: the last instant is before the first turn.
#[test]
fn a_schedule_that_is_over_before_it_begins_makes_no_job() {
    let times = json!({
        "doNotRunUntil": "2026-02-10T12:00:00Z",
        "doNotRunAfter": "2026-02-10T11:00:00Z",
        "recurrenceInterval": "PT1H",
    });
    let mut world = with_schedule(times);
    assert_eq!(info(&mut world), json!({}));
    assert_eq!(pass(&mut world, 24 * 3600), []);
    let shown = world.shown("/jobschedules/s");
    assert_eq!(shown["state"], "completed");
    assert_eq!(shown["executionInfo"]["endTime"], "2026-02-10T11:00:00.0000001Z");
}

/// L3
#[test]
fn a_disabled_schedule_makes_no_jobs_until_it_is_enabled() {
    let mut world = with_schedule(json!({ "recurrenceInterval": "PT1H", "startWindow": "PT10M" }));
    world.send("POST /jobschedules/s/disable", "");
    assert_eq!(world.account.deadline(), None);
    assert_eq!(pass(&mut world, 3600 + 1800), []);
    world.send("POST /jobschedules/s/enable", "");
    // The turn that came meanwhile is too late.
    assert_eq!(brief(&world.tick()), ["JobScheduleTurnLost"]);
    world.send("POST /jobschedules/s/disable", "");
    assert_eq!(pass(&mut world, 1800 + 300), []);
    world.send("POST /jobschedules/s/enable", "");
    assert_eq!(pass(&mut world, 60).len(), 1, "the next one is not");
}

/// L3: a disabled schedule does not outlive its last instant.
#[test]
fn a_disabled_schedule_is_completed_like_an_active_one() {
    let mut world =
        with_schedule(json!({ "recurrenceInterval": "PT1H", "doNotRunAfter": "2026-02-10T10:30:00Z" }));
    world.send("POST /jobschedules/s/disable", "");
    assert_eq!(pass(&mut world, 24 * 3600), []);
    assert_eq!(world.state("/jobschedules/s"), "completed");
}

/// L3
#[test]
fn periods_have_at_least_a_minute() {
    for (name, value, told) in [
        ("startWindow", "PT59.9999999S", "400 InvalidPropertyValue"),
        ("startWindow", "PT1M", "201"),
        ("recurrenceInterval", "PT0S", "400 InvalidPropertyValue"),
        ("recurrenceInterval", "PT60S", "201"),
    ] {
        let reply = RestWorld::new().send("POST /jobschedules", body(json!({ name: value })));
        assert_eq!(reply.told(), told, "{name} {value}");
        if told != "201" {
            assert_eq!(reply.said("PropertyName"), format!("schedule.{name}"));
        }
    }
    assert_eq!(Period::new(TimeSpan::from_secs(60)), Ok(Period::MIN));
}

/// L4
#[test]
fn the_execution_info_says_what_was_and_what_comes() {
    let mut world = with_schedule(json!({ "doNotRunUntil": "2026-02-11", "recurrenceInterval": "P1D" }));
    assert_eq!(info(&mut world), json!({ "nextRunTime": "2026-02-11T00:00:00Z" }));
    pass(&mut world, 24 * 3600);
    let recent = json!({ "url": format!("{}/jobs/s:job-1", crate::world::URL), "id": "s:job-1" });
    let next = "2026-02-12T00:00:00Z";
    assert_eq!(info(&mut world), json!({ "nextRunTime": next, "recentJob": recent }));
    // The job that is due waits for the other one.
    pass(&mut world, 24 * 3600);
    assert_eq!(info(&mut world)["nextRunTime"], next);
    let terminated = world.send("POST /jobschedules/s/terminate", "");
    assert_eq!(info(&mut world), json!({ "nextRunTime": next, "recentJob": recent }));
    world.obey(terminated.effects);
    let end = world.value("/jobschedules/s", "/stateTransitionTime");
    assert_eq!(info(&mut world), json!({ "recentJob": recent, "endTime": end }));
}

/// L4: as recorded, in the order of the recording.
#[test]
fn a_schedule_that_is_being_deleted_shows_what_it_did_before() {
    let mut world = with_schedule(json!({ "doNotRunUntil": "2026-03-01T12:30:00Z" }));
    world.send("DELETE /jobschedules/s", "");
    assert_eq!(info(&mut world), json!({ "nextRunTime": "2026-03-01T12:30:00Z" }));
    let text = world.get("/jobschedules/s").text().to_string();
    let order = [
        "priority",
        "maxParallelTasks",
        "allowTaskPreemption",
        "usesTaskDependencies",
        "onAllTasksComplete",
        "onTaskFailure",
        "constraints",
        "jobManagerTask",
        "poolInfo",
    ];
    let places: Vec<usize> = order.iter().map(|name| text.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

/// L4
#[test]
fn times_are_shown_in_normal_form() {
    let mut world = with_schedule(json!({ "startWindow": "PT24H", "recurrenceInterval": "PT90M" }));
    let shown = world.shown("/jobschedules/s");
    assert_eq!(shown["schedule"], json!({ "startWindow": "P1D", "recurrenceInterval": "PT1H30M" }));
    assert_eq!(with_schedule(json!({})).shown("/jobschedules/s").get("schedule"), None);
}

/// L5, X5, T2
#[test]
fn terminate_ends_the_job_too() {
    let mut world = hourly();
    world.tick();
    let etag = world.value("/jobs/s:job-1", "/eTag");
    let reply = world.send("POST /jobschedules/s/terminate", "");
    assert_eq!(reply.brief(), ["JobScheduleTerminating", "JobTerminating"]);
    let job = world.shown("/jobs/s:job-1");
    assert_eq!(job["executionInfo"]["terminateReason"], "TerminateWorkitem");
    assert_eq!(job["eTag"], etag);
    // Jobs move before schedules.
    assert_eq!(brief(&world.tick()), ["JobCompleted", "JobScheduleCompleted"]);
    assert_eq!(world.tick(), []);
}

/// L5, E2: the schedule waits for the nodes of its job.
#[test]
fn a_terminating_schedule_waits_for_its_job() {
    let mut world = hourly();
    world.tick();
    world.add_node("pool", "n1");
    world.run("s:job-1", "manager", "n1");
    world.send("POST /jobschedules/s/terminate", "");
    world.later(24 * 3600);
    assert_eq!(world.tick(), []);
    assert_eq!(world.account.deadline(), None);
    world.ends("s:job-1", "manager", "n1", 143);
    assert_eq!(brief(&world.tick()), ["JobCompleted", "JobScheduleCompleted"]);
}

/// L5, F1
#[test]
fn force_does_not_wait_for_nodes_for_ever() {
    for (line, last) in [
        ("POST /jobschedules/s/terminate?force=true", "JobScheduleCompleted"),
        ("DELETE /jobschedules/s?force=true", "JobScheduleDeleted"),
    ] {
        let mut world = hourly();
        world.tick();
        world.add_node("pool", "n1");
        world.run("s:job-1", "manager", "n1");
        world.send(line, "");
        let sent = world.now;
        assert_eq!(world.account.deadline(), Some(sent.saturating_add(secs(60))), "{line}");
        world.later(60);
        let effects = brief(&world.tick());
        assert_eq!(effects.last().map(String::as_str), Some(last), "{line}: {effects:?}");
    }
}

/// L5
#[test]
fn delete_takes_all_jobs_with_it() {
    let mut world = hourly();
    world.tick();
    complete(&mut world, "s:job-1");
    pass(&mut world, 3600);
    world.send("POST /jobs", json!({ "id": "other", "poolInfo": { "poolId": "pool" } }));
    let reply = world.send("DELETE /jobschedules/s", "");
    assert_eq!(reply.brief(), ["JobScheduleDeleting", "JobDeleting", "JobDeleting"]);
    assert_eq!(world.state("/jobschedules/s"), "deleting");
    assert_eq!(brief(&world.tick()), ["JobDeleted", "JobDeleted", "JobScheduleDeleted"]);
    assert_eq!(world.get("/jobschedules/s").told(), "404 JobScheduleNotFound");
    assert_eq!(world.get("/jobs").ids(), ["other"]);
    // The id is free again, and its jobs are numbered from 1.
    world.send("POST /jobschedules", body(json!({})));
    world.tick();
    assert_eq!(jobs(&mut world), ["s:job-1"]);
}

/// L6: what each request is told in each state.
#[test]
fn every_request_in_every_state() {
    let mut completed = after(&["POST /jobschedules/s/terminate"]);
    completed.tick();
    let states = [
        ("active", hourly()),
        ("disabled", after(&["POST /jobschedules/s/disable"])),
        ("terminating", after(&["POST /jobschedules/s/terminate"])),
        ("completed", completed),
        ("deleting", after(&["DELETE /jobschedules/s"])),
        ("none", RestWorld::new()),
    ];
    let mut table = String::new();
    for (line, body) in [
        ("POST /jobschedules", body(json!({})).to_string()),
        ("GET /jobschedules/s", String::new()),
        ("HEAD /jobschedules/s", String::new()),
        ("PUT /jobschedules/S", body(json!({})).to_string().replace("\"id\":\"s\",", "")),
        ("PATCH /jobschedules/s", "{}".into()),
        ("POST /jobschedules/s/disable", String::new()),
        ("POST /jobschedules/s/enable", String::new()),
        ("POST /jobschedules/s/terminate", String::new()),
        ("DELETE /jobschedules/s", String::new()),
        ("GET /jobschedules/s/jobs", String::new()),
        ("POST /jobs", json!({ "id": "S", "poolInfo": { "poolId": "pool" } }).to_string()),
    ] {
        writeln!(table, "{line}").unwrap();
        for (state, world) in &states {
            writeln!(table, "    {state}: {}", world.clone().send(line, &body).told()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

fn after(lines: &[&str]) -> RestWorld {
    let mut world = hourly();
    for line in lines {
        world.send(line, "");
    }
    world
}

/// L6, H1: a condition that is not met comes after the state.
#[test]
fn conditions_are_those_of_the_schedule() {
    let stale: [(&str, &str); 1] = [("If-Match", "0x1")];
    for line in ["POST /jobschedules/s/disable", "POST /jobschedules/s/terminate", "DELETE /jobschedules/s"] {
        let mut world = hourly();
        assert_eq!(world.send_with(line, "", &stale).told(), "412 ConditionNotMet", "{line}");
        let etag = schedule(&world).etag().to_string();
        assert!(world.send_with(line, "", &[("If-Match", &etag)]).response.status < 300, "{line}");
    }
    let mut deleting = after(&["DELETE /jobschedules/s"]);
    let reply = deleting.send_with("DELETE /jobschedules/s", "", &stale);
    assert_eq!(reply.told(), "409 JobScheduleBeingDeleted");
    let etag = schedule(&deleting).etag().to_string();
    let reply = deleting.send_with("HEAD /jobschedules/s", "", &[("If-None-Match", &etag)]);
    assert_eq!(reply.told(), "304");
}

/// L7
#[test]
fn a_change_affects_jobs_that_are_made_later() {
    let mut world = hourly();
    world.tick();
    let job = json!({ "priority": 7, "poolInfo": { "poolId": "other" } });
    let metadata = json!([{ "name": "n", "value": "v" }]);
    let patch = json!({ "jobSpecification": job, "metadata": metadata });
    assert_eq!(world.send("PATCH /jobschedules/s", patch).told(), "200");
    let shown = world.shown("/jobschedules/s");
    assert_eq!(shown["schedule"], json!({ "recurrenceInterval": "PT1H" }), "what is left out stays");
    assert_eq!(shown["metadata"], metadata);
    assert_eq!(world.value("/jobs/s:job-1", "/priority"), 0);
    complete(&mut world, "s:job-1");
    pass(&mut world, 3600);
    assert_eq!(world.value("/jobs/s:job-2", "/priority"), 7);
    assert_eq!(world.value("/jobs/s:job-2", "/jobManagerTask"), Value::Null);

    let put = json!({ "schedule": {}, "jobSpecification": { "poolInfo": { "poolId": "pool" } } });
    assert_eq!(world.send("PUT /jobschedules/s", put).told(), "200");
    let shown = world.shown("/jobschedules/s");
    assert_eq!((shown.get("schedule"), shown.get("metadata")), (None, None), "what is left out goes");
    // It has no turn any more.
    complete(&mut world, "s:job-2");
    assert_eq!(world.state("/jobschedules/s"), "completed");
    for (line, missing) in [
        ("PUT /jobschedules/s", "schedule"),
        ("PUT /jobschedules/s", "jobSpecification"),
        ("POST /jobschedules", "id"),
    ] {
        let mut whole = body(json!({}));
        whole.as_object_mut().unwrap().remove(missing);
        if line.starts_with("PUT") {
            whole.as_object_mut().unwrap().remove("id");
        }
        assert_eq!(world.send(line, whole).said("PropertyName"), missing, "{line}");
    }
}

/// L7: another interval goes from the first turn, and no turn comes twice.
#[test]
fn a_new_interval_begins_at_the_first_turn() {
    let mut world = hourly();
    world.tick();
    let first = schedule(&world).stamps().created();
    complete(&mut world, "s:job-1");
    world.send("PATCH /jobschedules/s", json!({ "schedule": { "recurrenceInterval": "PT45M" } }));
    assert_eq!(world.account.deadline(), Some(first.saturating_add(secs(45 * 60))));
}

/// L2, B9: what would make no job is refused when the schedule is added or changed.
#[test]
fn a_schedule_whose_jobs_cannot_be_made_is_refused() {
    let job = |more: Value| {
        let mut job = json!({ "poolInfo": { "poolId": "pool" } });
        job.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        job
    };
    let manager = |task: Value| json!({ "jobManagerTask": task });
    for (specification, told, property) in [
        (json!({}), "400 MissingRequiredProperty", "jobSpecification.poolInfo"),
        (job(json!({ "priority": 1001 })), "400 InvalidPropertyValue", "jobSpecification.priority"),
        (
            job(json!({ "jobReleaseTask": { "commandLine": "x" } })),
            "400 InvalidPropertyValue",
            "jobSpecification.jobReleaseTask",
        ),
        (
            job(manager(json!({ "id": "m", "commandLine": "x", "requiredSlots": 0 }))),
            "400 InvalidPropertyValue",
            "jobSpecification.jobManagerTask.requiredSlots",
        ),
        (
            job(json!({
                "jobManagerTask": { "id": "m", "commandLine": "x" },
                "jobPreparationTask": { "id": "m", "commandLine": "x" },
            })),
            "409 TaskIdSameAsJobPreparationTask",
            "",
        ),
    ] {
        let mut world = hourly();
        let patched = world.send("PATCH /jobschedules/s", json!({ "jobSpecification": specification }));
        let mut whole = body(json!({}));
        whole["jobSpecification"] = specification.clone();
        let added = RestWorld::new().send("POST /jobschedules", whole);
        for reply in [patched, added] {
            assert_eq!((reply.told(), reply.said("PropertyName")), (told.into(), property.into()));
        }
    }
}

/// L8
#[test]
fn head_says_whether_it_is_there() {
    let mut world = hourly();
    let there = world.send("HEAD /jobschedules/S", "");
    assert_eq!((there.told(), there.text()), ("200".into(), ""));
    assert_eq!(there.header("ETag"), Some(schedule(&world).etag().to_string().as_str()));
    let missing = world.send("HEAD /jobschedules/t", "");
    assert_eq!((missing.response.status, missing.text()), (404, ""));
}

/// L8, Q3, Q4, Q7
#[test]
fn schedules_and_their_jobs_are_listed_in_pages() {
    let mut world = RestWorld::new();
    for name in ["b", "A", "c"] {
        let mut whole = body(json!({}));
        whole["id"] = json!(name);
        world.send("POST /jobschedules", whole);
    }
    world.tick();
    let page = world.get("/jobschedules?maxresults=2&$select=id");
    assert_eq!(page.ids(), ["A", "b"]);
    assert_eq!(page.json()["value"][0], json!({ "id": "A" }));
    assert_eq!(world.get(&page.next().unwrap()).ids(), ["c"]);
    assert_eq!(world.get("/jobschedules?$filter=startswith(id,'b')").ids(), ["b"]);
    assert_eq!(world.get("/jobschedules?$filter=state%20eq%20'completed'").ids(), [""; 0]);
    assert_eq!(world.get("/jobschedules/a/jobs").ids(), ["A:job-1"]);
    assert_eq!(world.get("/jobs").ids(), ["A:job-1", "b:job-1", "c:job-1"]);
    assert_eq!(world.get("/jobschedules/none/jobs").told(), "404 JobScheduleNotFound");
}

/// L8: a schedule whose id continues another's is another schedule.
#[test]
fn the_jobs_of_a_schedule_are_its_own() {
    let mut world = RestWorld::new();
    for name in ["s", "s-2", "s1", "S0"] {
        let mut whole = body(json!({}));
        whole["id"] = json!(name);
        world.send("POST /jobschedules", whole);
    }
    world.tick();
    for (name, job) in [("s", "s:job-1"), ("s-2", "s-2:job-1"), ("s1", "s1:job-1"), ("s0", "S0:job-1")] {
        assert_eq!(world.get(&format!("/jobschedules/{name}/jobs")).ids(), [job]);
    }
}

/// L9
#[test]
fn a_job_and_a_schedule_have_different_ids() {
    let job = json!({ "id": "S", "poolInfo": { "poolId": "pool" } });
    assert_eq!(hourly().send("POST /jobs", &job).told(), "409 JobScheduleWithSameIdExists");
    let mut world = RestWorld::new();
    world.send("POST /jobs", &job);
    assert_eq!(world.send("POST /jobschedules", body(json!({}))).told(), "409 JobWithSameIdExists");
}

/// L9: nobody else makes a job under an id that a schedule gives, before or after the schedule is added.
#[test]
fn a_schedule_alone_makes_jobs_under_its_ids() {
    let add = |world: &mut RestWorld| {
        let (specification, settings) =
            (JobSpecification::new(id("S:job-7")).into(), JobSettings::new(id("pool")).into());
        let command = AddJob { specification, settings, received: world.now };
        let added = world.account.add_job(&command, world.now);
        added.map(drop).map_err(|error| error.code)
    };
    assert_eq!(add(&mut hourly()), Err(ErrorCode::JobScheduleWithSameIdExists));
    let mut world = RestWorld::new();
    assert_eq!(add(&mut world), Ok(()));
    assert_eq!(world.send("POST /jobschedules", body(json!({}))).told(), "409 JobWithSameIdExists");
}

/// S3: what `deadline` says is when a tick does something, however late or early ticks come.
#[test]
fn a_tick_before_the_deadline_does_nothing() {
    let mut world = with_schedule(json!({ "doNotRunUntil": "2026-02-11", "recurrenceInterval": "PT1H" }));
    let deadline = world.account.deadline().unwrap();
    assert_eq!(Some(deadline), Timestamp::parse_iso8601("2026-02-11").ok());
    let before = Timestamp::from_ticks(deadline.ticks() - 1).unwrap();
    assert_eq!(world.account.tick(before), []);
    assert_ne!(world.account.tick(deadline), []);
}

/// S3: many clients write the last instant of all for "never".
#[test]
fn a_last_instant_that_never_comes_is_not_waited_for() {
    let never = "9999-12-31T23:59:59.9999999Z";
    let mut world = with_schedule(json!({ "recurrenceInterval": "PT1H", "doNotRunAfter": never }));
    world.send("POST /jobschedules/s/disable", "");
    assert_eq!(world.account.deadline(), None);
}

/// S5: the ids of tasks that contradict each other are a conflict, and come after those of the schedule.
#[test]
fn a_missing_schedule_is_told_before_the_ids_of_its_tasks() {
    let task = json!({ "id": "m", "commandLine": "x" });
    let job = json!({
        "poolInfo": { "poolId": "pool" }, "jobManagerTask": task, "jobPreparationTask": task,
    });
    let put = json!({ "schedule": {}, "jobSpecification": job });
    let mut whole = body(json!({}));
    whole["jobSpecification"] = job;
    let clash = "409 TaskIdSameAsJobPreparationTask";
    let told = |mut world: RestWorld, line: &str, body: &Value| world.send(line, body).told();
    assert_eq!(told(RestWorld::new(), "PUT /jobschedules/s", &put), "404 JobScheduleNotFound");
    let terminating = || after(&["POST /jobschedules/s/terminate"]);
    assert_eq!(told(terminating(), "PUT /jobschedules/s", &put), "409 JobScheduleBeingTerminated");
    assert_eq!(told(hourly(), "PUT /jobschedules/s", &put), clash);
    assert_eq!(told(hourly(), "POST /jobschedules", &whole), "409 JobScheduleExists");
    assert_eq!(told(RestWorld::new(), "POST /jobschedules", &whole), clash);
    let stale: [(&str, &str); 1] = [("If-Match", "0x1")];
    assert_eq!(hourly().send_with("PUT /jobschedules/s", &put, &stale).told(), clash);
}

/// L5, F1, I7: force ends a schedule although its job was being deleted without.
#[test]
fn force_also_ends_the_wait_for_a_job_that_is_being_deleted() {
    for (line, last) in [
        ("POST /jobschedules/s/terminate?force=true", "JobScheduleCompleted"),
        ("DELETE /jobschedules/s?force=true", "JobScheduleDeleted"),
    ] {
        let mut world = hourly();
        world.tick();
        world.add_node("pool", "n1");
        world.run("s:job-1", "manager", "n1");
        world.send("DELETE /jobs/s:job-1", "");
        let etag = world.etag("/jobs/s:job-1");
        assert_eq!(world.send(line, "").brief()[1], "JobDeletionForced", "{line}");
        assert_eq!(world.etag("/jobs/s:job-1"), etag, "{line}");
        world.later(60);
        let effects = brief(&world.tick());
        assert_eq!(effects.last().map(String::as_str), Some(last), "{line}: {effects:?}");
    }
}

/// L8, Q7: the next page of a schedule's jobs is one of the schedule's jobs.
#[test]
fn the_jobs_of_a_schedule_are_paged() {
    let mut world = hourly();
    world.send("POST /jobs", json!({ "id": "other", "poolInfo": { "poolId": "pool" } }));
    world.tick();
    for job in ["s:job-1", "s:job-2"] {
        complete(&mut world, job);
        pass(&mut world, 3600);
    }
    let page = world.get("/jobschedules/S/jobs?maxresults=2&$select=id,state");
    assert_eq!(page.ids(), ["s:job-3", "s:job-1"]);
    assert_eq!(page.json()["value"][0], json!({ "id": "s:job-3", "state": "active" }));
    let last = world.get(&page.next().unwrap());
    assert_eq!((last.ids(), last.next()), (vec!["s:job-2".to_string()], None));
    let completed = world.get("/jobschedules/s/jobs?$filter=state%20eq%20'completed'");
    assert_eq!(completed.ids(), ["s:job-1", "s:job-2"]);
}
