//! Shape of the model: S1 to S5.

use azbatch::{
    Fact, NodeId, Preconditions,
    condition::ConditionHeaders,
    job::{DisableTasks, JobChange, JobConstraints, JobPatch, JobSettings, UpdateJob},
    node::{ChangeNode, NodeEvent, NodeTasks},
    pool::{NodeFillType, RemoveNodes},
    task::{AddTask, TaskSpecification},
};

use super::{World, dedicated, ends_by_itself, plain, prepared, refusal, s};
use crate::world::{Headers, id, secs, told};

/// S1: the service's own transitions happen at ticks, never at a request or report.
#[test]
fn the_service_moves_at_ticks_alone() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    for (step, outcome, state_then, tick, state_after) in [
        ("disable", "JobDisabling, StopTask a n1", "disabling", "", "disabling"),
        ("report", "TaskRequeued a n1", "disabling", "JobDisabled", "disabled"),
        ("terminate", "JobTerminating", "terminating", "JobCompleted", "completed"),
        ("delete", "JobDeleting", "deleting", "JobDeleted", "gone"),
    ] {
        let came = match step {
            "disable" => world.disable(DisableTasks::Requeue),
            "report" => world.say("n1", "task a ended 1"),
            "terminate" => world.terminate(),
            _ => world.delete(),
        };
        assert_eq!((came.as_str(), world.state()), (outcome, state_then), "{step}");
        assert_eq!((world.tick().as_str(), world.state()), (tick, state_after), "the tick after {step}");
    }
}

/// S1, X4: an automatic termination waits for a tick too.
#[test]
fn a_job_that_could_end_waits_for_the_tick() {
    let mut world = World::new(ends_by_itself);
    world.ran("a", "n1", 0);
    assert_eq!(world.at(10).patch(), "JobUpdated");
    assert_eq!(world.state(), "active");
    assert_eq!(world.at(11).tick(), "JobTerminating");
}

/// S2: an automatic end and its completion are two ticks; giving up and completing are one.
#[test]
fn a_tick_makes_one_move_of_the_jobs_state() {
    let mut world = World::new(ends_by_itself);
    assert_eq!(world.tick(), "JobTerminating");
    assert!(world.account.deadline() <= Some(world.now));
    assert_eq!(world.tick(), "JobCompleted");

    let mut world = World::new(plain);
    world.run("a", "n1");
    world.at(10).force();
    assert_eq!(world.at(70).tick(), "TaskCompleted a n1, JobCompleted");
}

/// S3: the deadline is the next instant at which a tick can do something.
#[test]
fn the_deadline_tells_when_a_tick_is_due() {
    let mut world = World::new(prepared);
    assert_eq!(world.account.deadline(), None);

    let constraints = JobConstraints { max_wall_clock_time: secs(3600), ..JobConstraints::default() };
    world.update(JobChange::Patch(JobPatch { constraints: Some(constraints), ..JobPatch::default() }));
    assert_eq!(world.account.deadline(), Some(s(3600)));

    world.at(1).add_with("a", |_, constraints| constraints.max_wall_clock_time = secs(20));
    world.at(5).run_added("a", "n1");
    assert_eq!(world.account.deadline(), Some(s(25)));

    world.at(10).terminate();
    assert_eq!(world.account.deadline(), None, "only the node can move it");
    world.at(11).say("n1", "task a ended 0");
    world.at(12).say("n1", "release started");
    assert_eq!(world.account.deadline(), Some(s(12 + 900)));
    world.at(13).force();
    assert_eq!(world.account.deadline(), Some(s(13 + 60)));
    world.at(14).say("n1", "release ended 0");
    assert!(world.account.deadline() <= Some(s(14)), "now");
    world.at(14).tick();
    assert_eq!(world.account.deadline(), None);
}

/// S4
#[test]
fn ids_keep_their_case_and_are_compared_without_it() {
    let mut world = World::empty();
    world.add_job("Film", plain);
    assert_eq!(world.add_job("fILM", plain), "409 JobExists");
    let add = AddTask::new(TaskSpecification::new(id("Frame-1")));
    assert_eq!(
        world.call(|account, now| account.add_task(&id("FILM"), &add, now).map_err(refusal)),
        "TaskAdded"
    );
    let again = AddTask::new(TaskSpecification::new(id("frame-1")));
    let again = world.call(|account, now| account.add_task(&id("film"), &again, now).map_err(refusal));
    assert_eq!(again, "409 TaskExists");
    assert_eq!(world.account.job(&id("film")).unwrap().id().as_str(), "Film");
    assert_eq!(world.account.task(&id("film"), &id("FRAME-1")).unwrap().id().as_str(), "Frame-1");
    assert_eq!(world.shown("/jobs/fILM", "id"), "Film");
}

/// S4: effects name a node as it was added, not as a report or a request spells it.
#[test]
fn effects_keep_the_spelling_of_a_node() {
    let mut world = World::with_pool(dedicated(2), 1, NodeFillType::Spread);
    world.add_job("job", prepared);
    world.add("a");
    world.assign("a", "N1");
    for event in ["started", "ended 0"] {
        let mut report = world.report_of("n1", &format!("preparation {event}"));
        report.run.node = id("N1");
        assert!(world.tell(&report).contains(" n1"), "{event}");
    }
    for remove in [false, true] {
        let mut world = world.clone();
        if remove {
            let remove = RemoveNodes { nodes: vec![id("N1")], ..RemoveNodes::default() };
            let told = world.remove_nodes("pool", &remove);
            assert_eq!(told, "PoolResizing, NodeActionRequested n1, StopTask a n1");
        } else {
            let told = world.change_node("N1", ChangeNode::DisableScheduling(NodeTasks::Requeue));
            assert_eq!(told, "NodeSchedulingChanged n1, StopTask a n1");
        }
    }
}

/// S4: a node left and was added in another spelling. Its job had known it in the old one.
#[test]
fn a_node_that_is_added_again_has_its_new_spelling() {
    let mut world = World::new(plain);
    world.add("a");
    world.assign("a", "n1");
    world.node("n1", NodeEvent::Removed);
    world.call(|account, now| Ok(account.add_unmanaged_node(&id("pool"), &id("N1"), 4, now).unwrap()));
    for event in [NodeEvent::Lost, NodeEvent::Returned] {
        let facts = world.facts.len();
        world.node("n1", event);
        let named = world.facts[facts..].iter().filter_map(Fact::node);
        assert_eq!(named.map(NodeId::as_str).collect::<Vec<_>>(), ["N1"; 2], "{event:?}");
    }
}

/// S5: each of these requests could also be refused for the reason on the next line, where possible.
#[test]
fn of_several_refusals_the_first_in_order_wins() {
    let mut world = World::new(plain);
    world.terminate();
    world.at(1).tick();
    world.at(100);
    let large = "x".repeat(1024 * 1024 + 1);
    let unmet = ("If-Match", "0x0");
    let (date, two) = (("ocp-date", "today"), [("If-Match", "*"), ("If-None-Match", "*")]);
    let cases: [(&str, &str, Headers<'_>, &str); 14] = [
        ("400 InvalidUri", "PATCH /nowhere", &[], ""),
        ("405 UnsupportedHttpVerb", "PATCH /jobs/job/terminate", &[], ""),
        ("400 MissingRequiredQueryParameter", "POST /jobs/no/terminate?timeout=x", &[], ""),
        ("400 InvalidQueryParameterValue", "POST /jobs/no/terminate?api-version=2020&timeout=x", &two, ""),
        (
            "400 InvalidQueryParameterValue",
            "POST /jobs/no/terminate?api-version=2025-06-01&timeout=x",
            &two,
            "",
        ),
        (
            "400 MultipleConditionHeadersNotSupported",
            "POST /jobs/no/terminate?api-version=2025-06-01",
            &[date, two[0], two[1]],
            &large,
        ),
        ("400 InvalidHeaderValue", "POST /jobs/no/terminate?api-version=2025-06-01", &[date], &large),
        ("413 RequestBodyTooLarge", "POST /jobs/no/terminate?api-version=2025-06-01", &[], &large),
        ("400 InvalidHeaderValue", "POST /jobs/no/terminate?api-version=2025-06-01", &[], "{"),
        (
            "400 InvalidRequestBody",
            "POST /jobs?api-version=2025-06-01",
            &[("Content-Type", "application/json")],
            r#"{"priority":5000"#,
        ),
        (
            "400 InvalidPropertyValue",
            "POST /jobs?api-version=2025-06-01",
            &[("Content-Type", "application/json")],
            r#"{"id":"job","priority":5000,"poolInfo":{"poolId":"pool"}}"#,
        ),
        ("500 OperationTimedOut", "POST /jobs/no/terminate?api-version=2025-06-01", &[unmet], ""),
        ("404 JobNotFound", "POST /jobs/no/terminate?api-version=2025-06-01", &[unmet], ""),
        ("409 JobCompleted", "POST /jobs/job/terminate?api-version=2025-06-01", &[unmet], ""),
    ];
    for (refused, line, headers, body) in cases {
        let (method, target) = line.split_once(' ').unwrap();
        let in_time = refused.starts_with("404") || refused.starts_with("409");
        let received = if in_time { s(100) } else { s(60) };
        let response = world.send_late(received, method, target, headers, body.as_bytes());
        assert_eq!(told(&response), refused, "{line}");
    }
}

/// S5: a query parameter is judged before the headers.
#[test]
fn a_bad_query_parameter_wins_over_bad_headers() {
    let mut world = World::new(plain);
    let two = [("If-Match", "*"), ("If-None-Match", "*")];
    for target in ["/jobs/job?timeout=0", "/jobs/job?$select=nothing"] {
        assert_eq!(
            world.rest(&format!("GET {target}"), &two, ""),
            "400 InvalidQueryParameterValue",
            "{target}"
        );
    }
}

/// S5: an invalid body wins over an expired timeout and over the stored state.
#[test]
fn a_bad_body_wins_over_the_time_and_the_state() {
    let mut world = World::new(plain);
    let headers = [("Content-Type", "application/json")];
    for part in [r#""priority":5000"#, r#""jobReleaseTask":{"commandLine":"r"}"#] {
        let body = format!(r#"{{"id":"job","poolInfo":{{"poolId":"pool"}},{part}}}"#);
        for now in [s(1), s(60)] {
            let response = world.on(now).send_late(
                s(0),
                "POST",
                "/jobs?api-version=2025-06-01",
                &headers,
                body.as_bytes(),
            );
            assert_eq!(told(&response), "400 InvalidPropertyValue", "{part}");
        }
    }
}

/// S5: state, then the value that depends on what is stored, then the conditions.
#[test]
fn the_state_wins_over_the_value_and_that_over_the_conditions() {
    let mut world = World::new(ends_by_itself);
    world.add("a");
    let tags = ConditionHeaders { if_match: Some(b"0x0"), ..Default::default() };
    let preconditions = Preconditions::parse(&tags, s(0)).unwrap();
    let take_back = UpdateJob { change: JobChange::Replace(JobSettings::new(id("pool"))), preconditions };
    let send = |world: &mut World, command: &UpdateJob| {
        world.request(|account, job, now| account.update_job(job, command, now))
    };
    assert_eq!(send(&mut world, &take_back), "400 InvalidPropertyValue");
    let patch = UpdateJob { change: JobChange::Patch(JobPatch::default()), ..take_back.clone() };
    assert_eq!(send(&mut world, &patch), "412 ConditionNotMet");
    world.terminate();
    assert_eq!(send(&mut world, &take_back), "409 JobBeingTerminated");
}
