//! What a host asks an account for, and how values look in its log.

use azbatch::{
    Instruction, JobId, NodeId, TaskId,
    condition::ETag,
    job::{Ended, Unit},
    node::{Password, RemoteLogin},
    rest::{self, FilePath, Prepared, ResponseHeaders},
};
use serde_json::{Value, json};

use crate::world::{Sent, URL, World, id};

fn setting(name: &str, value: &str) -> Value {
    json!([{ "name": name, "value": value }])
}

/// A job whose own settings, and those of each of its tasks, differ.
fn with_settings() -> World {
    let mut world = World::new();
    world.add_node_with_slots("pool", "n1", 4);
    world.add_job(
        "job",
        json!({
            "commonEnvironmentSettings": [{ "name": "COMMON", "value": "1" }, { "name": "BARE" }],
            "jobPreparationTask": {
                "id": "prepare", "commandLine": "get ready", "environmentSettings": setting("P", "2"),
            },
            "jobReleaseTask": { "commandLine": "clean up", "environmentSettings": setting("R", "3") },
        }),
    );
    world.add_task(
        "job",
        "task",
        json!({ "commandLine": "work", "environmentSettings": setting("COMMON", "4") }),
    );
    world
}

/// The settings are those that the service sets, then the job's, then the task's own.
#[test]
fn each_run_has_its_command_line_and_environment() {
    let mut world = with_settings();
    world.assign("job", "task", "n1");
    let see = |world: &World, unit: Unit| {
        let run = world.run_of("job", unit, "n1");
        let specification = world.account.run_specification(&run).unwrap();
        let environment = world.account.environment(&run).unwrap();
        assert_eq!(specification.environment(world.account.url()), environment);
        let environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| format!("{}={value}", name.replace("AZ_BATCH_", "")))
            .collect();
        format!("{}: {}", specification.command_line(), environment.join(" "))
    };
    let own = |task: &str| format!("ACCOUNT_URL={URL}/ POOL_ID=pool NODE_ID=n1 JOB_ID=job TASK_ID={task}");
    assert_eq!(see(&world, Unit::Preparation), format!("get ready: {} COMMON=1 BARE= P=2", own("prepare")));
    world.say("job", Unit::Preparation, "n1", Some(0));
    let task = Unit::Task(id("task"));
    assert_eq!(see(&world, task.clone()), format!("work: {} COMMON=1 BARE= COMMON=4", own("task")));
    world.say("job", task.clone(), "n1", Some(0));
    let over = world.run_of("job", task, "n1");
    assert_eq!((world.account.run_specification(&over), world.account.environment(&over)), (None, None));
    world.send("POST /jobs/job/terminate", "");
    assert_eq!(see(&world, Unit::Release), format!("clean up: {} COMMON=1 BARE= R=3", own("jobrelease")));
}

#[test]
fn a_specification_names_its_settings() {
    let world = with_settings();
    let job = world.account.job(&id("job")).unwrap();
    let template = job.template();
    let pairs = |settings: &mut dyn Iterator<Item = (&str, &str)>| {
        settings.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(pairs(&mut template.common_environment_settings()), "COMMON=1 BARE=");
    assert_eq!(pairs(&mut template.preparation.as_ref().unwrap().environment_settings()), "P=2");
    assert_eq!(pairs(&mut template.release.as_ref().unwrap().environment_settings()), "R=3");
    let task = job.task(&id("task")).unwrap();
    assert_eq!(pairs(&mut task.specification().environment_settings()), "COMMON=4");
}

#[test]
fn lists_go_on_after_an_id() {
    let world = World::with_jobs(&["a", "b", "C"]);
    let after = |job: Option<&str>| -> Vec<String> {
        let job: Option<JobId> = job.map(id);
        world.account.jobs_after(job.as_ref()).map(|job| job.id().to_string()).collect()
    };
    assert_eq!(after(None), ["a", "b", "C"]);
    assert_eq!(after(Some("A")), ["b", "C"]);
    assert_eq!(after(Some("bb")), ["C"]);
    assert!(after(Some("c")).is_empty());
}

/// A host that stores facts applies them to the job alone, or to the whole account. What does not fit is passed over.
#[test]
fn a_fact_applies_to_its_job() {
    let mut world = World::with_tasks(&["a"]);
    let mut before = world.account.job(&id("job")).unwrap().clone();
    let effects = world.call(|account, now| {
        account.add_task(&id("job"), &azbatch::task::AddTask::new(id("b")), now).unwrap()
    });
    for fact in azbatch::Effect::facts(&effects) {
        before.apply(fact);
        assert!(before.try_apply(fact).is_err(), "it was applied before");
    }
    assert_eq!(&before, world.account.job(&id("job")).unwrap());
}

#[test]
fn a_prepared_request_gives_the_same_answer() {
    let mut world = World::with_tasks(&["a"]);
    for sent in [Sent::get("/jobs/job"), Sent::post("/jobs/job/terminate", ""), Sent::get("/jobs/none")] {
        let (now, mut other) = (world.now, world.account.clone());
        let (answer, alone) = sent.request(now, azbatch::rest::Guid::from_u128(7), |request| {
            let answer = rest::answer(&mut world.account, request, now);
            let alone = match rest::prepare(request, URL, now).unwrap() {
                Prepared::Read(read) => (read.answer(&other, now), Vec::new()),
                Prepared::Write(write) => {
                    let answer = write.answer(&mut other, now);
                    (answer.response, answer.effects)
                }
                Prepared::File(file) => (file.answer(&other, now), Vec::new()),
            };
            (answer, alone)
        });
        assert_eq!((answer.response, answer.effects), alone);
        assert_eq!(world.account, other);
    }
}

#[test]
fn headers_are_counted() {
    let mut headers = ResponseHeaders::default();
    assert_eq!((headers.len(), headers.is_empty(), headers.iter().len()), (0, true, 0));
    headers.push("Retry-After", 30);
    headers.push("Server", "azbatch");
    assert_eq!((headers.len(), headers.is_empty(), headers.iter().len()), (2, false, 2));
    let mut left = headers.iter();
    assert_eq!((left.next(), left.len()), (Some(("Retry-After", "30")), 1));
    assert_eq!(format!("{headers:?}"), r#"{"Retry-After": "30", "Server": "azbatch"}"#);
}

/// In a log, a value is what it is on the wire, a request names its target, and a password is not shown.
#[test]
fn values_in_a_log() {
    let mut world = World::with_tasks(&["a"]);
    world.assign("job", "a", "n1");
    let run = world.run_of("job", Unit::Task(id("a")), "n1");
    let report = run.ended(Ended { exit_code: Some(3), failure: None });
    assert_eq!(report.to_string(), "task a of job job on node n1 (run 1) ended with exit code 3");
    let login = RemoteLogin { address: [127, 0, 0, 1].into(), port: 50_000 };
    assert_eq!(login.to_string(), "address 127.0.0.1, port 50000");
    assert_eq!(format!("{:?}", Password::new("secret")), "Password(..)");
    let etag: ETag = "0x8D7CD3DD39024F5".parse().unwrap();
    assert_eq!(format!("{etag:?}"), etag.to_string());
    let path = FilePath::new("wd/a file").unwrap();
    assert_eq!(format!("{path:?}"), r#""wd/a file""#);
    let requests = [
        ("GET /jobs/job", "PreparedRead"),
        ("POST /jobs/job/terminate", "PreparedWrite"),
        ("GET /jobs/job/tasks/a/files/stdout.txt", "PreparedFile"),
    ];
    for (line, name) in requests {
        let target = line.split_once(' ').unwrap().1;
        let shown = Sent::new(line, "").request(world.now, azbatch::rest::Guid::from_u128(7), |request| {
            match rest::prepare(request, URL, world.now).unwrap() {
                Prepared::Read(read) => format!("{read:?}"),
                Prepared::Write(write) => format!("{write:?}"),
                Prepared::File(file) => {
                    let shown = format!("{file:?}");
                    let allowed = format!("{:?}", file.decide(&world.account, world.now).unwrap());
                    assert!(allowed.contains("Allowed") && allowed.contains(target), "{allowed}");
                    shown
                }
            }
        });
        assert!(shown.starts_with(name) && shown.contains(target), "{shown}");
    }
}

#[test]
fn what_is_outstanding_is_in_words() {
    let mut world = World::with_tasks(&["a"]);
    world.assign("job", "a", "n1");
    let [instruction] = world.account.outstanding().try_into().unwrap();
    let Instruction::Run(run) = &instruction else { panic!("{instruction}") };
    assert!(instruction.to_string().contains(&run.to_string()), "{instruction}");
}

/// B5, L2: a job that a schedule made has the schedule's id before its own; no other id has a colon.
#[test]
fn ids_of_jobs_may_name_their_schedule() {
    for valid in ["job", "s:job-1", "S_1:job-0000000001"] {
        assert!(JobId::new(valid).is_ok(), "{valid}");
    }
    let invalid = [
        ":job-1",
        "a b:job-1",
        "s:job-",
        "s:job-00000000001",
        "s:job-x",
        "s:job-1x",
        "s:1",
        "s:t:job-1",
        "s:",
    ];
    for invalid in invalid {
        assert!(JobId::new(invalid).is_err(), "{invalid}");
    }
}

/// Ids that differ in case alone are one key, and others have other hashes.
#[test]
fn ids_are_hashed_without_case() {
    use std::hash::BuildHasher;

    let state = std::hash::RandomState::new();
    let hash = |text: &str| state.hash_one(id::<TaskId>(text));
    assert_eq!(hash("a-long-task-id"), hash("A-Long-TASK-id"));
    let others = ["a-long-task-id", "a-long-task-ie", "b-long-task-id", "a-long-task-", "a"].map(hash);
    assert_eq!(std::collections::BTreeSet::from(others).len(), 5);
    assert_ne!(state.hash_one(id::<NodeId>("n1")), state.hash_one(id::<NodeId>("n2")));
}

#[cfg(feature = "http")]
#[test]
fn the_http_crate_has_the_same_message() {
    use azbatch::{
        Timestamp,
        rest::{Guid, OwnedRequest, Response},
    };

    let request = http::Request::put("/jobs/job?api-version=2024-07-01.20.0")
        .header("If-Match", "*")
        .body(b"{}".to_vec())
        .unwrap();
    let owned = OwnedRequest::from_http(request, Timestamp::MIN, Guid::from_u128(7));
    owned.with(|request| {
        assert_eq!((request.method, request.target), ("PUT", "/jobs/job?api-version=2024-07-01.20.0"));
        assert_eq!((request.headers, request.body), (&[("if-match", b"*".as_slice())][..], b"{}".as_slice()));
    });
    let mut response = Response { status: 404, body: b"body".to_vec(), ..Response::default() };
    response.headers.push("Retry-After", 30);
    response.headers.push("Location", "not\nvalid");
    let converted = http::Response::<Vec<u8>>::from(response);
    assert_eq!((converted.status().as_u16(), converted.body().as_slice()), (404, b"body".as_slice()));
    let headers: Vec<_> = converted.headers().iter().map(|(name, value)| (name.as_str(), value)).collect();
    assert_eq!(headers, [("retry-after", &http::HeaderValue::from_static("30"))]);
}
