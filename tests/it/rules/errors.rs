//! Refusals, to the byte: W3 and Q9.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test speaks of some codes, not of all")]
#![allow(clippy::too_many_lines, reason = "lists of cases are as long as they are")]

use std::{fmt::Write as _, fs, path::Path};

use azbatch::{
    BatchError, ErrorCode, Fact, TimeSpan, Timestamp,
    error::TextEvidence,
    job::Unit,
    job_schedule::JobScheduleFact,
    node::NodeEvent,
    pool::PoolFact,
    rest::{self, Guid, Response},
};
use serde_json::{Value, json};

use super::{World, with_pool};
use crate::world::{NEWEST, Sent, URL, World as RestWorld, id, text};

/// W3
#[test]
fn an_error_body_names_the_request_and_its_time() {
    let mut world = World::empty();
    let at = Timestamp::parse_iso8601("2026-02-10T08:00:00.5Z").unwrap();
    let response = world.on(at).answer("GET /jobs/no", &[], "");
    let expected = [
        "{",
        "  \"odata.metadata\":\"https://contoso.westus.batch.azure.com/$metadata\
         #Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element\",\"code\":\"JobNotFound\",\"message\":{",
        "    \"lang\":\"en-US\",\"value\":\"The specified job does not exist.\\n\
         RequestId:00000000-0000-0000-0000-000000000001\\nTime:2026-02-10T08:00:00.5000000Z\"",
        "  }",
        "}",
    ];
    assert_eq!(text(&response), expected.join("\r\n"));
    assert_eq!(response.reason, "The specified job does not exist.");
    assert_eq!(response.header("Content-Length"), Some(response.body.len().to_string().as_str()));
    let response = world.answer("GET /jobs/no?timeout=soon", &[], "");
    assert!(
        text(&response)
            .contains("\"values\":[\r\n    {\r\n      \"key\":\"QueryParameterName\",\"value\":\"timeout\"")
    );
}

/// W1, W3: as recorded.
#[test]
fn the_recorded_layout_has_405_bytes() {
    let code = ErrorCode::JobPreparationTaskOrReleaseTaskNotSpecified;
    let mut body = Vec::new();
    rest::error_body(&mut body, URL, &code.into(), REQUEST_ID, now());
    let expected = concat!(
        "{\r\n  \"odata.metadata\":\"https://contoso.westus.batch.azure.com/$metadata#Microsoft.Azure.Batch.Protocol.",
        "Entities.Container.errors/@Element\",\"code\":\"JobPreparationTaskOrReleaseTaskNotSpecified\",\"message\":{",
        "\r\n    \"lang\":\"en-US\",\"value\":\"The specified job does not have either job preparation task or job ",
        "release task.\\nRequestId:6a6ebce4-e376-46f0-99dd-719292f8d8a4\\nTime:2026-02-10T09:00:00.1234500Z\"",
        "\r\n  }\r\n}",
    );
    assert_eq!(String::from_utf8(body).unwrap(), expected);
    assert_eq!(expected.len(), 405);
}

/// Q9: what is not modelled, and S5: paths and methods that do not exist.
#[test]
fn what_is_not_implemented_says_what_it_is() {
    let mut world = RestWorld::with_tasks(&["t"]);
    for (line, reason) in [
        ("GET /certificates?api-version=2022-10-01.16.0", "certificates"),
        ("GET /pools/pool/nodes/n1/rdp?api-version=2023-11-01.18.0", "remote desktop files"),
        ("GET /lifetimejobstats?api-version=2022-10-01.16.0", "lifetime statistics"),
    ] {
        let reply = world.send(line, "");
        assert_eq!(reply.told(), "501 NotImplemented", "{line}");
        assert!(reply.said("Reason").contains(reason), "{line}: {}", reply.said("Reason"));
    }
    for (line, told) in [
        ("GET /", "400 InvalidUri"),
        ("GET /job", "400 InvalidUri"),
        ("GET /jobs/job/tasks/t/state", "400 InvalidUri"),
        ("PATCH /jobs/job/tasks/t", "405 UnsupportedHttpVerb"),
        ("GET /jobs/job/terminate", "405 UnsupportedHttpVerb"),
        ("DELETE /pools/pool/nodes/n1", "405 UnsupportedHttpVerb"),
    ] {
        assert_eq!(world.send(line, "").told(), told, "{line}");
    }
}

/// Q9: one certificate is named as OData names keys.
#[test]
fn certificates_by_thumbprint_are_not_modelled_either() {
    let mut world = RestWorld::new();
    for line in [
        "DELETE /certificates(thumbprintAlgorithm=sha1,thumbprint=ab)",
        "POST /certificates(thumbprintAlgorithm=sha1,thumbprint=ab)/canceldelete",
    ] {
        let reply = world.send(&format!("{line}?api-version=2024-07-01.20.0"), "");
        assert_eq!(reply.told(), "501 NotImplemented", "{line}");
    }
}

/// Q9: the subtasks of a multi-instance task are not modelled, so an empty list would be wrong.
#[test]
fn subtasks_of_a_multi_instance_task_are_not_implemented() {
    let mut world = with_pool(1);
    let settings = json!({ "numberOfInstances": 2, "coordinationCommandLine": "x" });
    let task = json!({ "id": "many", "commandLine": "x", "multiInstanceSettings": settings });
    assert_eq!(world.send("POST /jobs/job/tasks", task).told(), "201");
    assert_eq!(world.get("/jobs/job/tasks/many/subtasksinfo").told(), "501 NotImplemented");
    assert_eq!(world.get("/jobs/job/tasks/t/subtasksinfo").told(), "200");
}

const REQUEST_ID: &str = "6a6ebce4-e376-46f0-99dd-719292f8d8a4";

/// When the requests below arrive.
pub(super) fn now() -> Timestamp {
    Timestamp::parse_iso8601("2026-02-10T09:00:00.12345Z").unwrap()
}

pub(super) fn seconds_ago(seconds: u64) -> Timestamp {
    Timestamp::from_ticks(now().ticks() - TimeSpan::from_secs(seconds).ticks()).unwrap()
}

/// A response as text: the status line, the headers, and the body with its unprintable bytes escaped.
fn shown(response: &Response) -> String {
    let mut text = format!("{} {}\n", response.status, response.reason);
    for (name, value) in &response.headers {
        writeln!(text, "{name}: {value}").unwrap();
    }
    format!("{text}\n{}", response.body.escape_ascii())
}

/// Job `film`, active, with preparation and release tasks and the task `frame-1`, and a job in each
/// other state that a request is refused in: `ending`, `done` and `gone`.
pub(super) fn studio() -> RestWorld {
    let mut world = RestWorld::new();
    let pool = json!({ "poolId": "studio" });
    let prepared = json!({
        "poolInfo": pool, "jobPreparationTask": { "commandLine": "p" }, "jobReleaseTask": { "commandLine": "r" },
    });
    world.add_node_with_slots("studio", "tvm-1", 3);
    for job in ["film", "ending", "gone"] {
        world.add_job(job, prepared.clone()).add_tasks(job, &["frame-1"]);
    }
    for job in ["ending", "gone"] {
        world.assign(job, "frame-1", "tvm-1");
    }
    world.add_job("done", json!({ "poolInfo": pool }));
    for line in ["POST /jobs/ending/terminate", "POST /jobs/done/terminate", "DELETE /jobs/gone"] {
        assert_eq!(world.send(line, "").told(), "202", "{line}");
    }
    world.tick();
    world.now = now();
    world
}

/// The [`studio`] with pools, nodes and tasks in the states that refuse something.
pub(super) fn whole_studio() -> RestWorld {
    let mut world = studio();
    world.now = seconds_ago(600);
    for (task, exit_code) in [("frame-0", 1), ("frame-ok", 0)] {
        world.add_node("studio", task);
        world.add_tasks("film", &[task]);
        world.assign("film", task, task);
        world.say("film", Unit::Preparation, task, Some(0));
        assert_ne!(world.ends("film", task, task, exit_code), []);
    }
    let short = json!({ "constraints": { "retentionTime": "PT0S" } });
    world.add_task("film", "frame-short", short).ran("film", "frame-short", "frame-ok", 0);
    world.add_tasks("film", &["frame-nowhere"]);
    assert_eq!(world.send("POST /jobs/film/tasks/frame-nowhere/terminate", "").told(), "204");
    for (node, path) in [("rebooting", "reboot"), ("reimaging", "reimage"), ("starting", "deallocate")] {
        world.add_node("studio", node);
        assert_eq!(world.send(&format!("POST /pools/studio/nodes/{node}/{path}"), "").told(), "202");
    }
    world.node("starting", NodeEvent::Deallocated);
    assert_eq!(world.send("POST /pools/studio/nodes/starting/start", "").told(), "202");
    assert_eq!(world.send("POST /pools/studio/nodes/tvm-1/users", r#"{"name":"ada"}"#).told(), "201");
    world.add_node("studio", "unusable");
    world.node("unusable", NodeEvent::Unusable);
    for (name, ends) in [
        ("nightly", None),
        ("nightly-gone", Some("DELETE /jobschedules/nightly-gone")),
        ("nightly-ending", Some("POST /jobschedules/nightly-ending/terminate")),
        ("nightly-done", Some("POST /jobschedules/nightly-done/terminate")),
    ] {
        assert_eq!(world.send("POST /jobschedules", schedule(name)).told(), "201");
        if let Some(line) = ends {
            assert_eq!(world.send(line, "").told(), "202");
        }
    }
    // A tick would complete the other one too.
    world.call(|account, at| {
        let completed = Fact::JobSchedule(id("nightly-done"), JobScheduleFact::Completed { at });
        account.apply(&completed);
        vec![completed.into()]
    });
    for pool in ["pool", "leaving"] {
        let body = json!({ "id": pool, "vmSize": "a", "targetDedicatedNodes": 1 });
        assert_eq!(world.send("POST /pools", body).told(), "201");
    }
    assert_eq!(world.send("DELETE /pools/leaving", "").told(), "202");
    assert_eq!(world.send("POST /pools", r#"{"id":"fixed","vmSize":"a"}"#).told(), "201");
    world.call(|account, at| {
        let steady = Fact::Pool(id("fixed"), PoolFact::Steady { at });
        account.apply(&steady);
        vec![steady.into()]
    });
    world.now = seconds_ago(10);
    let scaling = json!({ "id": "scaling", "vmSize": "a", "enableAutoScale": true, "autoScaleFormula": "" });
    assert_eq!(world.send("POST /pools", scaling).told(), "201");
    world.now = now();
    world
}

fn schedule(id: &str) -> Value {
    json!({ "id": id, "schedule": {}, "jobSpecification": { "poolInfo": { "poolId": "studio" } } })
}

/// The `values` of each code, as the requests of [`provocations`] get them.
fn values(code: ErrorCode) -> Vec<(&'static str, &'static str)> {
    match code {
        ErrorCode::MissingRequiredHeader => vec![("HeaderName", "Authorization")],
        ErrorCode::AuthenticationFailed => vec![(
            "AuthenticationErrorDetail",
            "Cannot find the claimed account when trying to GetProperties for the account fabrikam.",
        )],
        ErrorCode::MissingRequiredQueryParameter => vec![("QueryParameterName", "api-version")],
        ErrorCode::InvalidQueryParameterValue => vec![
            ("QueryParameterName", "api-version"),
            ("QueryParameterValue", "2024-07-01"),
            ("Reason", "The specified api version string is invalid."),
        ],
        ErrorCode::OutOfRangeQueryParameterValue => vec![
            ("QueryParameterName", "timeout"),
            ("QueryParameterValue", "2147483648"),
            ("MinimumAllowed", "-2147483648"),
            ("MaximumAllowed", "2147483647"),
        ],
        ErrorCode::InvalidHeaderValue => vec![("HeaderName", "Content-Type"), ("HeaderValue", "text/plain")],
        ErrorCode::RequestBodyTooLarge => vec![("MaxLimit", "1048576")],
        ErrorCode::InvalidRequestBody => vec![(
            "Reason",
            "The property 'colour' does not exist on type 'Microsoft.Azure.Batch.Protocol.Entities.JobTerminateParameter'. Make sure to only use property names that are defined by the type.",
        )],
        ErrorCode::MissingRequiredProperty => vec![("PropertyName", "commandLine")],
        ErrorCode::InvalidPropertyValue => vec![
            ("PropertyName", "priority"),
            ("PropertyValue", "1001"),
            ("Reason", "The value must be between -1000 and 1000"),
        ],
        ErrorCode::NotImplemented => {
            vec![("Reason", "Not implemented by this emulation of the service: certificates.")]
        }
        ErrorCode::OperationInvalidForCurrentState => {
            vec![("Reason", "The pool of a job can be changed only while the job is disabled")]
        }
        _ => Vec::new(),
    }
}

fn error(code: ErrorCode) -> BatchError {
    values(code).into_iter().fold(code.into(), |error: BatchError, (key, value)| error.with(key, value))
}

/// W3: one page for each code.
#[test]
fn every_refusal_to_the_byte() {
    let id = Guid::parse(REQUEST_ID).unwrap();
    for code in ErrorCode::ALL {
        let sent = Sent::get("/jobs/film");
        let response = sent.request(now(), id, |request| rest::refuse(URL, &error(*code), request, now()));
        insta::with_settings!({ snapshot_suffix => code.as_str(), omit_expression => true }, {
            insta::assert_snapshot!("refusal", shown(&response));
        });
    }
}

/// For each code, a request to [`whole_studio`] that is refused with it.
fn provocations() -> Vec<(ErrorCode, Sent)> {
    let task = |id: &str, more: &str| format!(r#"{{"id":"{id}","commandLine":"c"{more}}}"#);
    let pool = |id: &str| {
        let machine = r#"{"imageReference":{},"nodeAgentSKUId":"a"}"#;
        format!(
            r#"{{"id":"{id}","vmSize":"a","targetDedicatedNodes":1,"virtualMachineConfiguration":{machine}}}"#
        )
    };
    let metadata = |name: &str, value: &str| {
        let metadata = json!([{ "name": "genre", "value": "noir" }, { "name": name, "value": value }]);
        json!({ "id": "song", "poolInfo": { "poolId": "studio" }, "metadata": metadata }).to_string()
    };
    let node = |id: &str, what: &str| Sent::post(&format!("/pools/studio/nodes/{id}/{what}"), "");
    let mut late = Sent::get("/jobs/film");
    late.received = Some(seconds_ago(31));
    vec![
        (ErrorCode::InvalidUri, Sent::get("/blobs")),
        (ErrorCode::UnsupportedHttpVerb, Sent::bare("PATCH /jobs/film/terminate", "")),
        (ErrorCode::MissingRequiredQueryParameter, Sent::bare("GET /jobs/film", "")),
        (ErrorCode::InvalidQueryParameterValue, Sent::bare("GET /jobs/film?api-version=2024-07-01", "")),
        (ErrorCode::OutOfRangeQueryParameterValue, Sent::get("/jobs/film").query("&timeout=2147483648")),
        (
            ErrorCode::UnsupportedQueryParameter,
            Sent::post("/jobs/film/terminate?api-version=2024-02-01.19.0&force=true", ""),
        ),
        (
            ErrorCode::MultipleConditionHeadersNotSupported,
            Sent::get("/jobs/film").header("If-Match", "*").header("If-None-Match", "*"),
        ),
        (ErrorCode::InvalidHeaderValue, {
            let mut sent = Sent::post("/jobs/film/terminate", "{}");
            sent.headers = vec![("content-type".into(), b"text/plain".to_vec())];
            sent
        }),
        (ErrorCode::RequestBodyTooLarge, Sent::post("/jobs/film/terminate", vec![b' '; 1024 * 1024 + 1])),
        (ErrorCode::InvalidRequestBody, Sent::post("/jobs/film/terminate", r#"{"colour":"red"}"#)),
        (ErrorCode::MissingRequiredProperty, Sent::post("/jobs/film/tasks", r#"{"id":"frame-2"}"#)),
        (
            ErrorCode::InvalidPropertyValue,
            Sent::post("/jobs", r#"{"id":"song","poolInfo":{"poolId":"studio"},"priority":1001}"#),
        ),
        (ErrorCode::TaskDependencyListTooLong, {
            let ids: Vec<String> = (0..1001).map(|number| format!("{number:064}")).collect();
            let body = json!({ "id": "frame-2", "commandLine": "c", "dependsOn": { "taskIds": ids } });
            Sent::post("/jobs/film/tasks", body.to_string())
        }),
        (ErrorCode::EmptyMetadataKey, Sent::post("/jobs", metadata("", "v"))),
        (ErrorCode::MetadataTooLarge, Sent::post("/jobs", metadata("n", &"v".repeat(8 * 1024)))),
        (ErrorCode::NotImplemented, Sent::bare("GET /certificates?api-version=2024-07-01.20.0", "")),
        (ErrorCode::OperationTimedOut, late),
        (ErrorCode::NodeUserNotFound, Sent::new("DELETE /pools/studio/nodes/tvm-1/users/eve", "")),
        (ErrorCode::ResourceNotFound, Sent::get("/pools/studio/nodes/tvm-1/extensions/gpu")),
        (ErrorCode::ApplicationNotFound, Sent::get("/applications/blender")),
        (ErrorCode::JobNotFound, Sent::get("/jobs/song")),
        (ErrorCode::TaskNotFound, Sent::get("/jobs/film/tasks/frame-2")),
        (ErrorCode::JobBeingDeleted, Sent::post("/jobs/gone/terminate", "")),
        (ErrorCode::JobCompleted, Sent::post("/jobs/done/terminate", "")),
        (ErrorCode::JobExists, Sent::post("/jobs", r#"{"id":"FILM","poolInfo":{"poolId":"studio"}}"#)),
        (ErrorCode::JobBeingTerminated, Sent::post("/jobs/ending/terminate", "")),
        (ErrorCode::JobScheduleNotFound, Sent::get("/jobschedules/weekly")),
        (
            ErrorCode::JobScheduleWithSameIdExists,
            Sent::post("/jobs", r#"{"id":"nightly","poolInfo":{"poolId":"studio"}}"#),
        ),
        (ErrorCode::JobWithSameIdExists, Sent::post("/jobschedules", schedule("film").to_string())),
        (ErrorCode::JobScheduleExists, Sent::post("/jobschedules", schedule("nightly").to_string())),
        (ErrorCode::JobScheduleBeingDeleted, Sent::post("/jobschedules/nightly-gone/enable", "")),
        (ErrorCode::JobScheduleCompleted, Sent::post("/jobschedules/nightly-done/enable", "")),
        (ErrorCode::JobScheduleBeingTerminated, Sent::post("/jobschedules/nightly-ending/enable", "")),
        (
            ErrorCode::TaskIdSameAsJobPreparationTask,
            Sent::post("/jobs/film/tasks", task("JobPreparation", "")),
        ),
        (ErrorCode::TaskIdSameAsJobReleaseTask, Sent::post("/jobs/film/tasks", task("jobrelease", ""))),
        (ErrorCode::TaskExists, Sent::post("/jobs/film/tasks", task("Frame-1", ""))),
        (
            ErrorCode::UnsupportedProperty,
            Sent::post("/jobs/film/tasks", task("frame-2", r#","dependsOn":{"taskIds":["frame-1"]}"#)),
        ),
        (ErrorCode::ConditionNotMet, Sent::post("/jobs/film/terminate", "").header("If-Match", "0x1")),
        (ErrorCode::PoolNotFound, Sent::get("/pools/attic")),
        (ErrorCode::NodeNotFound, Sent::get("/pools/studio/nodes/tvm-9")),
        (
            ErrorCode::JobPreparationTaskOrReleaseTaskNotSpecified,
            Sent::get("/jobs/done/jobpreparationandreleasetaskstatus"),
        ),
        (ErrorCode::TaskCompleted, Sent::post("/jobs/film/tasks/frame-0/terminate", "")),
        (ErrorCode::TaskNotCompleted, Sent::post("/jobs/film/tasks/frame-1/reactivate", "")),
        (ErrorCode::TaskSucceeded, Sent::post("/jobs/film/tasks/frame-ok/reactivate", "")),
        (ErrorCode::PoolExists, Sent::post("/pools", pool("POOL"))),
        (ErrorCode::PoolBeingDeleted, Sent::post("/pools", pool("leaving"))),
        (
            ErrorCode::AutoScalingFormulaSyntaxError,
            Sent::post("/pools/fixed/enableautoscale", r#"{"autoScaleFormula":"1 +"}"#),
        ),
        (ErrorCode::AutoScalingFormulaTooLong, {
            let body = json!({ "autoScaleFormula": " ".repeat(8193) });
            Sent::post("/pools/fixed/enableautoscale", body.to_string())
        }),
        (
            ErrorCode::InvalidAutoScalingSettings,
            Sent::post("/pools/fixed/enableautoscale", r#"{"autoScaleEvaluationInterval":"PT5M"}"#),
        ),
        (
            ErrorCode::TooManyEnableAutoScaleRequests,
            Sent::post("/pools/scaling/enableautoscale", r#"{"autoScaleFormula":""}"#),
        ),
        (
            ErrorCode::OperationNotValidOnPool,
            Sent::post("/pools/scaling/resize", r#"{"targetDedicatedNodes":2}"#),
        ),
        (ErrorCode::PoolBeingResized, Sent::post("/pools/pool/resize", r#"{"targetDedicatedNodes":2}"#)),
        (ErrorCode::NodeBeingStarted, node("starting", "reboot")),
        (ErrorCode::NodeBeingReimaged, node("reimaging", "reboot")),
        (ErrorCode::NodeBeingRebooted, node("rebooting", "reimage")),
        (ErrorCode::NodeStateUnusable, node("unusable", "reboot")),
        (ErrorCode::NodeAlreadyInTargetSchedulingState, node("tvm-1", "enablescheduling")),
        (ErrorCode::NodeUserExists, Sent::post("/pools/studio/nodes/tvm-1/users", r#"{"name":"ada"}"#)),
        (ErrorCode::OperationNotValidOnNode, node("tvm-1", "start")),
        (ErrorCode::OperationInvalidForCurrentState, {
            let mut sent = Sent::post("/jobs/film", r#"{"poolInfo":{"poolId":"attic"}}"#);
            sent.method = "PUT".into();
            sent
        }),
        (ErrorCode::TaskFilesUnavailable, Sent::get("/jobs/film/tasks/frame-nowhere/files")),
        (ErrorCode::TaskFilesCleanedup, Sent::get("/jobs/film/tasks/frame-short/files")),
        (ErrorCode::NodeNotReady, Sent::get("/pools/studio/nodes/unusable/files")),
        (ErrorCode::FileNotFound, Sent::get("/jobs/film/tasks/frame-0/files/stdout.txt")),
    ]
}

/// Codes that no request here can get: those of authentication, those that only a host uses, and those about a
/// state that no request leads to.
const NEVER_PROVOKED: &[ErrorCode] = &[
    ErrorCode::MissingRequiredHeader,
    ErrorCode::InvalidAuthenticationInfo,
    ErrorCode::AuthenticationFailed,
    ErrorCode::TooManyRequests,
    ErrorCode::ServerBusy,
    ErrorCode::InternalError,
    ErrorCode::JobNotActive,
    ErrorCode::NodeBeingCreated,
    ErrorCode::InvalidRange,
];

/// W3: requests really get the pages of [`every_refusal_to_the_byte`].
#[test]
fn requests_provoke_the_refusals() {
    let world = whole_studio();
    let id = Guid::parse(REQUEST_ID).unwrap();
    let mut covered = NEVER_PROVOKED.to_vec();
    for (code, mut sent) in provocations() {
        sent.request_id = Some(id);
        let expected = sent.request(now(), id, |request| rest::refuse(URL, &error(code), request, now()));
        assert_eq!(shown(&world.refusal(&sent).response), shown(&expected), "{code}");
        covered.push(code);
    }
    covered.sort();
    assert_eq!(covered, ErrorCode::ALL);
}

/// Codes that the collected evidence does not have, but the list of codes in Microsoft's SDK for Java.
const ELSEWHERE: &[ErrorCode] = &[ErrorCode::ApplicationNotFound];

/// W3: the table of codes against the collected evidence, if it is there.
#[test]
fn the_codes_are_those_of_the_evidence() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/errors.json");
    let Ok(text) = fs::read(&file) else {
        crate::skipped(&format!("there is no {}", file.display()));
        return;
    };
    let table: Vec<Value> = serde_json::from_slice(&text).unwrap();
    for code in ErrorCode::ALL {
        let entry = table.iter().find(|entry| entry["code"] == code.as_str());
        let Some(entry) = entry else {
            assert!(ELSEWHERE.contains(code), "{code} is not in the evidence");
            continue;
        };
        let evidence = match code.evidence() {
            TextEvidence::Recorded => "recorded",
            TextEvidence::UserLog => "user_log",
            TextEvidence::Sample => "ms_sample",
            TextEvidence::Client => "client_code",
            TextEvidence::Documented => "documented",
            TextEvidence::Inferred => "inferred_text",
            _ => "unknown to this test",
        };
        let found = (code.status(), code.text(), evidence);
        let known = (&entry["status"], &entry["message"], &entry["evidence"]);
        assert_eq!((&json!(found.0), &json!(found.1), &json!(found.2)), known, "{code}");
        let keys: Vec<&str> = values(*code).into_iter().map(|(key, _)| key).collect();
        let known = entry.get("values").cloned().unwrap_or_else(|| json!([]));
        assert_eq!(json!(keys), known, "{code}");
    }
}

/// W3: a refusal names a property with the path to it from the body, as the client gave it.
#[test]
fn properties_are_named_with_their_path() {
    let world = studio();
    let job = |more: &str| format!(r#"{{"id":"a","poolInfo":{{"poolId":"p"}},{more}}}"#);
    let task = |more: &str| format!(r#"{{"id":"a","commandLine":"c",{more}}}"#);
    let pool = |more: &str| format!(r#"{{"id":"a","vmSize":"s",{more}}}"#);
    let release = r#""jobPreparationTask":{"commandLine":"p"},"jobReleaseTask":{"commandLine":"r","maxWallClockTime":"PT16M"}"#;
    let action = r#"{"exitOptions":{"jobAction":"disable"},"code":1}"#;
    for (path, body, name) in [
        ("/jobs", job(release), "jobReleaseTask.maxWallClockTime"),
        (
            "/jobs/film/tasks",
            task(&format!(r#""exitConditions":{{"exitCodes":[{action}]}}"#)),
            "exitConditions.exitCodes.exitOptions.jobAction",
        ),
        (
            "/jobs/film/tasks",
            task(r#""exitConditions":{"fileUploadError":{"jobAction":"none"}}"#),
            "exitConditions.fileUploadError.jobAction",
        ),
        ("/pools", pool(r#""taskSlotsPerNode":257"#), "taskSlotsPerNode"),
        ("/jobs", r#"{"id":"a","poolInfo":{"poolId":"no id"}}"#.into(), "poolInfo.poolId"),
    ] {
        let refused = world.refusal(&Sent::post(path, body.as_str()));
        let told = (refused.told(), refused.said("PropertyName"));
        assert_eq!(told, ("400 InvalidPropertyValue".into(), name.into()), "{body}");
    }
    let old = Sent::post("/pools?api-version=2020-03-01.11.0", pool(r#""maxTasksPerNode":0"#));
    assert_eq!(world.refusal(&old).said("PropertyName"), "maxTasksPerNode");
}

/// S5, B3, H4, I4: requests that no client sends by mistake are refused like others, and change nothing.
#[test]
fn hostile_requests_are_refused() {
    let world = studio();
    let (long, deep) = ("x".repeat(10_000), "[".repeat(100_000));
    let big = vec![b' '; 2 * 1024 * 1024];
    let version = format!("?api-version={NEWEST}");
    let json = |body: &[u8]| Sent::post("/jobs/film/terminate", body);
    let parameters = "&a=%61".repeat(100_000);
    for (name, sent, code) in [
        ("nothing", Sent::bare(" ", ""), "InvalidUri"),
        ("no path", Sent::bare("GET ?", ""), "InvalidUri"),
        ("only a slash", Sent::bare("GET /", ""), "InvalidUri"),
        ("slashes", Sent::bare(&format!("GET {}", "/".repeat(100_000)), ""), "InvalidUri"),
        ("no leading slash", Sent::bare(&format!("GET jobs/film{version}"), ""), "InvalidUri"),
        ("a whole URL", Sent::bare(&format!("GET {URL}/jobs/film{version}"), ""), "InvalidUri"),
        (
            "a method in lower case",
            Sent::bare(&format!("get /jobs/film{version}"), ""),
            "UnsupportedHttpVerb",
        ),
        ("no method", Sent::bare(&format!(" /jobs/film{version}"), ""), "UnsupportedHttpVerb"),
        ("no id", Sent::get("/jobs//tasks/"), "JobNotFound"),
        ("no task id", Sent::get("/jobs/film/tasks/"), "TaskNotFound"),
        ("a long id", Sent::get(&format!("/jobs/{long}")), "JobNotFound"),
        ("a long task id", Sent::get(&format!("/jobs/film/tasks/{long}")), "TaskNotFound"),
        ("escapes of no text", Sent::get("/jobs/%FF%C3%28"), "JobNotFound"),
        ("an escaped zero", Sent::get("/jobs/film%00"), "JobNotFound"),
        ("an escaped slash", Sent::get("/jobs/film%2Fterminate"), "JobNotFound"),
        ("escapes that are cut", Sent::get("/jobs/film%"), "JobNotFound"),
        ("escapes of no digits", Sent::get("/jobs/film%zz"), "JobNotFound"),
        ("an escape of a sign", Sent::get("/jobs/film%+1"), "JobNotFound"),
        ("escapes escaped", Sent::get("/jobs/f%2569lm"), "JobNotFound"),
        ("letters beyond ASCII", Sent::get("/jobs/f\u{131}lm"), "JobNotFound"),
        (
            "a version of garbage",
            Sent::bare("GET /jobs/film?api-version=%FF%FE", ""),
            "InvalidQueryParameterValue",
        ),
        (
            "a version twice",
            Sent::bare("GET /jobs/film?api-version=x", "").query(&version.replace('?', "&")),
            "InvalidQueryParameterValue",
        ),
        (
            "a name of garbage",
            Sent::bare("GET /jobs/film?%61pi%FFversion=2025-06-01", ""),
            "MissingRequiredQueryParameter",
        ),
        (
            "100,000 parameters",
            Sent::bare(&format!("GET /jobs/film?{}", &parameters[1..]), ""),
            "MissingRequiredQueryParameter",
        ),
        ("a timeout below zero", Sent::get("/jobs/film").query("&timeout=-1"), "InvalidQueryParameterValue"),
        (
            "a timeout of 10,000 digits",
            Sent::get("/jobs/film").query(&format!("&timeout={}", "9".repeat(10_000))),
            "OutOfRangeQueryParameterValue",
        ),
        (
            "a timeout with a fraction",
            Sent::get("/jobs/film").query("&timeout=1.5"),
            "InvalidQueryParameterValue",
        ),
        (
            "a timeout in other digits",
            Sent::get("/jobs/film").query("&timeout=%D9%A3"),
            "InvalidQueryParameterValue",
        ),
        (
            "a date of garbage",
            Sent::get("/jobs/film").header("If-Modified-Since", b"\xFF\xFE\x00"),
            "InvalidHeaderValue",
        ),
        ("an ocp-date of garbage", Sent::get("/jobs/film").header("OCP-Date", b"\xFF"), "InvalidHeaderValue"),
        (
            "the year 0",
            Sent::get("/jobs/film").header("If-Modified-Since", "Sat, 01 Jan 0000 00:00:00 GMT"),
            "InvalidHeaderValue",
        ),
        (
            "the year 10000",
            Sent::get("/jobs/film").header("ocp-date", "Sat, 01 Jan 10000 00:00:00 GMT"),
            "InvalidHeaderValue",
        ),
        (
            "the 30th of February",
            Sent::get("/jobs/film").header("If-Unmodified-Since", "Mon, 30 Feb 2026 00:00:00 GMT"),
            "InvalidHeaderValue",
        ),
        (
            "a wrong weekday",
            Sent::get("/jobs/film").header("ocp-date", "Mon, 10 Feb 2026 00:00:00 GMT"),
            "InvalidHeaderValue",
        ),
        (
            "a date twice",
            Sent::get("/jobs/film")
                .header("If-Modified-Since", "Tue, 10 Feb 2026 00:00:00 GMT")
                .header("IF-MODIFIED-SINCE", "Tue, 10 Feb 2026 00:00:00 GMT"),
            "InvalidHeaderValue",
        ),
        (
            "a Content-Type twice",
            json(b"{}").header("content-type", "application/json"),
            "InvalidHeaderValue",
        ),
        (
            "tags of garbage",
            Sent::post("/jobs/film/terminate", "").header("If-Match", b"\xFF\"\x00,,,"),
            "ConditionNotMet",
        ),
        (
            "10,000 tags",
            Sent::post("/jobs/film/terminate", "").header("If-Match", "\"0x1\",".repeat(10_000)),
            "ConditionNotMet",
        ),
        ("2 MiB", json(&big), "RequestBodyTooLarge"),
        (
            "2 MiB to read a job",
            {
                let mut sent = Sent::get("/jobs/film");
                sent.body.clone_from(&big);
                sent
            },
            "RequestBodyTooLarge",
        ),
        ("a body of no text", json(b"{\"terminateReason\":\"\xFF\"}"), "InvalidRequestBody"),
        ("a body of zeros", json(&[0; 1000]), "InvalidRequestBody"),
        ("a body of spaces", json(b"  "), "InvalidRequestBody"),
        ("a body with a mark", json("\u{FEFF}{}".as_bytes()), "InvalidRequestBody"),
        ("a body that is deep", json(deep.as_bytes()), "InvalidRequestBody"),
        (
            "a body that is deep inside",
            json(format!("{{\"terminateReason\":{deep}").as_bytes()),
            "InvalidRequestBody",
        ),
        ("half a surrogate", json(br#"{"terminateReason":"\ud800"}"#), "InvalidRequestBody"),
        ("a number that is none", json(br#"{"terminateReason":1e999}"#), "InvalidRequestBody"),
        (
            "an id of 10,000 characters",
            Sent::post("/jobs", format!(r#"{{"id":"{long}","poolInfo":{{"poolId":"p"}}}}"#)),
            "InvalidPropertyValue",
        ),
        (
            "an empty id",
            Sent::post("/jobs", r#"{"id":"","poolInfo":{"poolId":"p"}}"#),
            "InvalidPropertyValue",
        ),
        (
            "an id that only schedules give",
            Sent::post("/jobs", r#"{"id":"s:job-1","poolInfo":{"poolId":"p"}}"#),
            "InvalidPropertyValue",
        ),
        (
            "an integer beyond 32 bits",
            Sent::post("/jobs", r#"{"id":"a","poolInfo":{"poolId":"p"},"priority":2147483648}"#),
            "InvalidPropertyValue",
        ),
        (
            "an integer beyond 64 bits",
            Sent::post("/jobs", r#"{"id":"a","poolInfo":{"poolId":"p"},"priority":99999999999999999999999}"#),
            "InvalidRequestBody",
        ),
        (
            "a duration beyond all",
            Sent::post(
                "/jobs",
                r#"{"id":"a","poolInfo":{"poolId":"p"},"constraints":{"maxWallClockTime":"P99999999999999999999Y"}}"#,
            ),
            "InvalidPropertyValue",
        ),
        (
            "a range that runs back",
            Sent::post(
                "/jobs/film/tasks",
                r#"{"id":"a","commandLine":"c","dependsOn":{"taskIdRanges":[{"start":2,"end":1}]}}"#,
            ),
            "InvalidPropertyValue",
        ),
        (
            "a dependency on no id",
            Sent::post("/jobs/film/tasks", r#"{"id":"a","commandLine":"c","dependsOn":{"taskIds":["a b"]}}"#),
            "InvalidPropertyValue",
        ),
        (
            "a selection of what is not there",
            Sent::get("/jobs/film").query("&$select=%FF"),
            "InvalidQueryParameterValue",
        ),
    ] {
        let refused = world.refusal(&sent);
        assert_eq!(refused.json()["code"], code, "{name}");
        assert!(refused.response.body.is_ascii(), "{name}");
    }
}

/// F3, H4, Q3, S4: unusual, but valid.
#[test]
fn unusual_requests_are_accepted() {
    let world = studio();
    let query = "&a".repeat(100_000);
    for (name, sent) in [
        ("an id in another case", Sent::get("/jobs/FiLm/tasks/FRAME-1")),
        ("an escaped path", Sent::get("/%6Aobs/%66ilm")),
        ("escaped names", Sent::bare("GET /jobs/film?%41PI-%76ersion=2025%2D06-01", "")),
        ("100,000 parameters more", Sent::get("/jobs/film").query(&query)),
        ("parameters without names", Sent::get("/jobs/film").query("&&=&=x&timeout=30")),
        ("an empty selection", Sent::get("/jobs/film").query("&$select=")),
        ("a selection with spaces", Sent::get("/jobs/film").query("&$select=+id+,%20state")),
        (
            "a long filter",
            Sent::get("/jobs").query(&format!("&$filter=id+eq+'a'{}", "+or+id+eq+'a'".repeat(50_000))),
        ),
        ("a long timeout", Sent::get("/jobs/film").query("&TimeOut=2147483647")),
        (
            "unknown headers, again and again",
            Sent::get("/jobs/film").header("x", b"\xFF").header("x", b"\xFE").header("", ""),
        ),
        (
            "conditions that are empty",
            Sent::get("/jobs/film").header("If-Match", "").header("If-None-Match", " "),
        ),
        ("an id that is no GUID", Sent::get("/jobs/film").header("client-request-id", b"\xFF{}")),
    ] {
        let reply = world.clone().exchange(&sent);
        assert_eq!(reply.told(), "200", "{name}: {}", reply.text());
    }
}
