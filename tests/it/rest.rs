//! The REST surface from the outside: the bytes of refusals, which of two refusals wins, what hostile
//! input does, and that what a user sent comes back.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test speaks of some codes and operations, not of all")]
#![allow(clippy::struct_excessive_bools, reason = "each fault of a draft is there or not")]
#![allow(clippy::too_many_lines, reason = "lists of cases are as long as they are")]

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use crate::episode::ordered::Ordered;
use azbatch::{
    Account, BatchError, Effect, ErrorCode, Fact, JobId, JobScheduleId, NodeId, PoolId, TaskId, TimeSpan,
    Timestamp,
    error::TextEvidence,
    job::{self, Ended, Unit},
    job_schedule::JobScheduleFact,
    node::NodeEvent,
    pool::DeletePool,
    rest::{self, Answer, ApiVersion, Guid, Request, Response},
    task,
};
use serde_json::{Value, json};

const URL: &str = "https://contoso.westus.batch.azure.com";
const VERSION: &str = "2025-06-01";
const REQUEST_ID: &str = "6a6ebce4-e376-46f0-99dd-719292f8d8a4";

fn at(seconds: u64) -> Timestamp {
    let start = Timestamp::parse_iso8601("2026-02-10T08:00:00.12345Z").unwrap();
    start.saturating_add(TimeSpan::from_secs(seconds))
}

/// When most requests here arrive.
fn now() -> Timestamp {
    at(3600)
}

fn job_id(id: &str) -> JobId {
    id.parse().unwrap()
}

/// What a request says, and when.
#[derive(Clone)]
struct Sent {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
    received: Timestamp,
}

impl Sent {
    fn new(method: &'static str, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: Vec::new(), body: Vec::new(), received: now() }
    }

    /// A GET of this path.
    fn get(path: &str) -> Self {
        Self::new("GET", format!("{path}?api-version={VERSION}"))
    }

    /// A POST to this path, with a body of JSON if there is one.
    fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut sent = Self::new("POST", format!("{path}?api-version={VERSION}"));
        sent.body = body.into();
        if sent.body.is_empty() {
            sent
        } else {
            sent.header("Content-Type", "application/json; odata=minimalmetadata")
        }
    }

    fn query(mut self, more: &str) -> Self {
        self.target += more;
        self
    }

    fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Hands it to `then` in the form in which the crate takes it.
    fn request<T>(&self, then: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        then(&Request {
            method: self.method,
            target: &self.target,
            headers: &headers,
            body: &self.body,
            received: self.received,
            request_id: Guid::parse(REQUEST_ID).unwrap(),
        })
    }

    fn answer(&self, account: &mut Account) -> Answer {
        self.answer_at(account, now())
    }

    /// The answer, and what must hold of every answer: a refusal changes nothing (I4), the facts of any
    /// other answer say all that it changed (I5), and the account is sound.
    fn answer_at(&self, account: &mut Account, now: Timestamp) -> Answer {
        let mut replayed = account.clone();
        let answer = self.request(|request| rest::answer(account, request, now));
        assert!(answer.response.status < 400 || answer.effects.is_empty(), "I4");
        Effect::facts(&answer.effects).for_each(|fact| replayed.try_apply(fact).unwrap());
        assert_eq!(replayed, *account, "I5");
        account.check().unwrap();
        answer
    }

    /// The answer of a request that is refused, on an account that is thrown away.
    fn refusal(&self, account: &Account, now: Timestamp) -> Response {
        let response = self.answer_at(&mut account.clone(), now).response;
        assert!(response.status >= 400, "{}", shown(&response));
        response
    }
}

/// A response as text: the status line, the headers, and the body with its unprintable bytes escaped.
fn shown(response: &Response) -> String {
    let mut text = format!("{} {}\n", response.status, response.reason);
    for (name, value) in &response.headers {
        writeln!(text, "{name}: {value}").unwrap();
    }
    format!("{text}\n{}", response.body.escape_ascii())
}

fn json_of(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_else(|error| panic!("{error}: {}", shown(response)))
}

/// The code of a refusal, and its values.
fn refused(response: &Response) -> (String, Vec<(String, String)>) {
    let body = json_of(response);
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let values = body["values"].as_array().into_iter().flatten();
    (text(&body, "code"), values.map(|value| (text(value, "key"), text(value, "value"))).collect())
}

/// Job `film`, active, with preparation and release tasks and the task `frame-1`, and a job in each
/// other state that a request is refused in: `ending`, `done` and `gone`.
fn account() -> Account {
    let mut account = Account::new(URL);
    for id in ["film", "ending", "done", "gone"] {
        let extra = if id == "done" {
            ""
        } else {
            r#","jobPreparationTask":{"commandLine":"p"},"jobReleaseTask":{"commandLine":"r"}"#
        };
        let body = format!(r#"{{"id":"{id}","poolInfo":{{"poolId":"studio"}}{extra}}}"#);
        let mut sent = Sent::post("/jobs", body);
        sent.received = at(0);
        assert_eq!(sent.answer_at(&mut account, at(0)).response.status, 201);
    }
    for job in ["film", "ending", "gone"] {
        let path = format!("/jobs/{job}/tasks");
        let mut sent = Sent::post(&path, r#"{"id":"frame-1","commandLine":"render"}"#);
        sent.received = at(1);
        assert_eq!(sent.answer_at(&mut account, at(1)).response.status, 201);
    }
    let (pool, node) = ("studio".parse().unwrap(), "tvm-1".parse().unwrap());
    account.add_unmanaged_node(&pool, &node, 3, at(1)).unwrap();
    for job in ["ending", "gone"] {
        account.assign(&job_id(job), &"frame-1".parse().unwrap(), &node, at(1)).unwrap();
    }
    for job in ["ending", "done"] {
        account.terminate_job(&job_id(job), &job::TerminateJob::by_user(), at(2)).unwrap();
    }
    account.delete_job(&job_id("gone"), &job::DeleteJob::default(), at(2)).unwrap();
    let _ = account.tick(at(3));
    account
}

// ------------------------------------------------------------------------------------------------
// The bytes of refusals

/// What stands in the `values` of each code, with the values of the requests of [`provocations`].
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
    for code in ErrorCode::ALL {
        let response = Sent::get("/jobs/film")
            .request(|request| rest::refuse(account().url(), &error(*code), request, now()));
        insta::with_settings!({ snapshot_suffix => code.as_str(), omit_expression => true }, {
            insta::assert_snapshot!("refusal", shown(&response));
        });
    }
}

#[test]
fn the_recorded_layout_has_405_bytes() {
    let code = ErrorCode::JobPreparationTaskOrReleaseTaskNotSpecified;
    let mut body = Vec::new();
    rest::error_body(&mut body, URL, &code.into(), REQUEST_ID, at(0));
    let expected = concat!(
        "{\r\n  \"odata.metadata\":\"https://contoso.westus.batch.azure.com/$metadata#Microsoft.Azure.Batch.Protocol.",
        "Entities.Container.errors/@Element\",\"code\":\"JobPreparationTaskOrReleaseTaskNotSpecified\",\"message\":{",
        "\r\n    \"lang\":\"en-US\",\"value\":\"The specified job does not have either job preparation task or job ",
        "release task.\\nRequestId:6a6ebce4-e376-46f0-99dd-719292f8d8a4\\nTime:2026-02-10T08:00:00.1234500Z\"",
        "\r\n  }\r\n}",
    );
    assert_eq!(String::from_utf8(body).unwrap(), expected);
    assert_eq!(expected.len(), 405);
}

/// A request for each code that requests can get from [`whole_world`].
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
    late.received = at(3569);
    vec![
        (ErrorCode::InvalidUri, Sent::get("/blobs")),
        (ErrorCode::UnsupportedHttpVerb, Sent::new("PATCH", "/jobs/film/terminate")),
        (ErrorCode::MissingRequiredQueryParameter, Sent::new("GET", "/jobs/film")),
        (ErrorCode::InvalidQueryParameterValue, Sent::new("GET", "/jobs/film?api-version=2024-07-01")),
        (ErrorCode::OutOfRangeQueryParameterValue, Sent::get("/jobs/film").query("&timeout=2147483648")),
        (
            ErrorCode::UnsupportedQueryParameter,
            Sent::new("POST", "/jobs/film/terminate?api-version=2024-02-01.19.0&force=true"),
        ),
        (
            ErrorCode::MultipleConditionHeadersNotSupported,
            Sent::get("/jobs/film").header("If-Match", "*").header("If-None-Match", "*"),
        ),
        (ErrorCode::InvalidHeaderValue, {
            let mut sent = Sent::post("/jobs/film/terminate", "{}");
            sent.headers = vec![("content-type", b"text/plain".to_vec())];
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
        (ErrorCode::NotImplemented, Sent::new("GET", "/certificates?api-version=2024-07-01.20.0")),
        (ErrorCode::OperationTimedOut, late),
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
        (ErrorCode::JobWithSameIdExists, Sent::post("/jobschedules", schedule("film"))),
        (ErrorCode::JobScheduleExists, Sent::post("/jobschedules", schedule("nightly"))),
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
        (ErrorCode::PoolBeingResized, Sent::post("/pools/pool/resize", r#"{"targetDedicatedNodes":2}"#)),
        (ErrorCode::NodeBeingStarted, node("starting", "reboot")),
        (ErrorCode::NodeBeingReimaged, node("reimaging", "reboot")),
        (ErrorCode::NodeBeingRebooted, node("rebooting", "reimage")),
        (ErrorCode::NodeStateUnusable, node("unusable", "reboot")),
        (ErrorCode::NodeAlreadyInTargetSchedulingState, node("tvm-1", "enablescheduling")),
        (ErrorCode::OperationNotValidOnNode, node("tvm-1", "start")),
        (ErrorCode::OperationInvalidForCurrentState, {
            let mut sent = Sent::post("/jobs/film", r#"{"poolInfo":{"poolId":"attic"}}"#);
            sent.method = "PUT";
            sent
        }),
    ]
}

fn schedule(id: &str) -> String {
    let job = json!({ "poolInfo": { "poolId": "studio" } });
    json!({ "id": id, "schedule": {}, "jobSpecification": job }).to_string()
}

/// What no request can come by: what concerns the caller, what only a host knows, and what is about a
/// state that nothing leads to.
const NEVER_PROVOKED: &[ErrorCode] = &[
    ErrorCode::MissingRequiredHeader,
    ErrorCode::InvalidAuthenticationInfo,
    ErrorCode::AuthenticationFailed,
    ErrorCode::TooManyRequests,
    ErrorCode::ServerBusy,
    ErrorCode::InternalError,
    ErrorCode::JobNotActive,
    ErrorCode::NodeBeingCreated,
];

/// The [`account`] with pools, nodes and tasks in the states that refuse something.
fn whole_world() -> Account {
    let mut account = account();
    let (film, studio): (JobId, PoolId) = (job_id("film"), "studio".parse().unwrap());
    for (task, exit_code) in [("frame-0", 1), ("frame-ok", 0)] {
        let node: NodeId = task.parse().unwrap();
        account.add_unmanaged_node(&studio, &node, 1, at(4)).unwrap();
        let body = format!(r#"{{"id":"{task}","commandLine":"c"}}"#);
        assert_eq!(Sent::post("/jobs/film/tasks", body).answer(&mut account).response.status, 201);
        account.assign(&film, &task.parse().unwrap(), &node, now()).unwrap();
        for (unit, code) in [(Unit::Preparation, 0), (Unit::Task(task.parse().unwrap()), exit_code)] {
            let run = account.current_run(&film, &node, &unit).unwrap();
            assert_ne!(account.report(&run.ended(Ended::with_exit_code(code)), now()), []);
        }
    }
    for (node, path) in [("rebooting", "reboot"), ("reimaging", "reimage"), ("starting", "deallocate")] {
        let id: NodeId = node.parse().unwrap();
        account.add_unmanaged_node(&studio, &id, 1, at(4)).unwrap();
        let sent = Sent::post(&format!("/pools/studio/nodes/{node}/{path}"), "");
        assert_eq!(sent.answer(&mut account).response.status, 202);
    }
    let _ = account.node_event(&"starting".parse().unwrap(), NodeEvent::Deallocated, now());
    let sent = Sent::post("/pools/studio/nodes/starting/start", "");
    assert_eq!(sent.answer(&mut account).response.status, 202);
    account.add_unmanaged_node(&studio, &"unusable".parse().unwrap(), 1, at(4)).unwrap();
    let _ = account.node_event(&"unusable".parse().unwrap(), NodeEvent::Unusable, now());
    for (name, line) in [
        ("nightly", None),
        ("nightly-gone", Some("DELETE")),
        ("nightly-ending", Some("POST")),
        ("nightly-done", Some("POST")),
    ] {
        let sent = Sent::post("/jobschedules", schedule(name));
        assert_eq!(sent.answer(&mut account).response.status, 201);
        let path = format!("/jobschedules/{name}");
        let sent = match line {
            Some("DELETE") => Sent { method: "DELETE", ..Sent::get(&path) },
            Some(_) => Sent::post(&(path + "/terminate"), ""),
            None => continue,
        };
        assert_eq!(sent.answer(&mut account).response.status, 202);
    }
    let done: JobScheduleId = "nightly-done".parse().unwrap();
    let at = account.job_schedule(&done).unwrap().stamps().entered();
    account.apply(&Fact::JobSchedule(done, JobScheduleFact::Completed { at }));
    for pool in ["pool", "leaving"] {
        let machine = r#"{"imageReference":{},"nodeAgentSKUId":"a"}"#;
        let body = format!(
            r#"{{"id":"{pool}","vmSize":"a","targetDedicatedNodes":1,"virtualMachineConfiguration":{machine}}}"#
        );
        let response = Sent::post("/pools", body).answer(&mut account).response;
        assert_eq!(response.status, 201, "{}", shown(&response));
    }
    account.delete_pool(&"leaving".parse().unwrap(), &DeletePool::default(), now()).unwrap();
    account
}

/// The pages of [`every_refusal_to_the_byte`] are what requests really get.
#[test]
fn requests_provoke_the_refusals() {
    let account = whole_world();
    let provocations = provocations();
    for (code, sent) in &provocations {
        let expected = sent.request(|request| rest::refuse(account.url(), &error(*code), request, now()));
        assert_eq!(shown(&sent.refusal(&account, now())), shown(&expected), "{code}");
    }
    let mut covered: Vec<ErrorCode> =
        provocations.iter().map(|(code, _)| *code).chain(NEVER_PROVOKED.iter().copied()).collect();
    covered.sort();
    assert_eq!(covered, ErrorCode::ALL);
}

/// B1: the limit itself is allowed.
#[test]
fn a_body_of_a_mebibyte_is_read() {
    let mut body = b"{}".to_vec();
    body.resize(1024 * 1024, b' ');
    let sent = Sent::post("/jobs/film/terminate", body);
    assert_eq!(sent.answer(&mut account()).response.status, 202);
}

/// The table of codes against the collected evidence, where that is at hand.
#[test]
fn the_codes_are_those_of_the_evidence() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/errors.json");
    let Ok(text) = fs::read(&file) else {
        crate::skipped(&format!("there is no {}", file.display()));
        return;
    };
    let table: Vec<Value> = serde_json::from_slice(&text).unwrap();
    for code in ErrorCode::ALL {
        let entry =
            table.iter().find(|entry| entry["code"] == code.as_str()).unwrap_or_else(|| panic!("{code}"));
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

// ------------------------------------------------------------------------------------------------
// Precedence (S5)

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    AddJob,
    GetJob,
    TerminateJob,
    AddTask,
    GetTask,
    ListJobs,
    UpdateJob,
    DeleteJob,
    DisableJob,
    EnableJob,
    TerminateTask,
}

impl Operation {
    const ALL: [Self; 11] = [
        Self::AddJob,
        Self::GetJob,
        Self::TerminateJob,
        Self::AddTask,
        Self::GetTask,
        Self::ListJobs,
        Self::UpdateJob,
        Self::DeleteJob,
        Self::DisableJob,
        Self::EnableJob,
        Self::TerminateTask,
    ];

    fn is_one_of(self, operations: &[Self]) -> bool {
        operations.contains(&self)
    }
}

use Operation::{
    AddJob, AddTask, DeleteJob, DisableJob, EnableJob, GetJob, GetTask, ListJobs, TerminateJob,
    TerminateTask, UpdateJob,
};

/// A request that is being made worse. Faults only set what is theirs, so their order is no matter.
struct Draft {
    operation: Operation,
    job_is_completed: bool,
    task_is_completed: bool,
    job_is_deleting: bool,
    unknown_path: bool,
    wrong_method: bool,
    job: &'static str,
    task: &'static str,
    api_version: Option<&'static str>,
    timeout: Option<&'static str>,
    force: Option<&'static str>,
    select: Option<&'static str>,
    filter: Option<&'static str>,
    max_results: Option<&'static str>,
    headers: BTreeMap<&'static str, Vec<&'static str>>,
    content_type: &'static str,
    body: serde_json::Map<String, Value>,
    cut_short: bool,
    padded: bool,
    received: Timestamp,
}

impl Draft {
    /// A request that is accepted.
    fn new(operation: Operation) -> Self {
        let body = match operation {
            AddJob => json!({ "id": "song", "poolInfo": { "poolId": "studio" } }),
            TerminateJob => json!({ "terminateReason": "enough" }),
            AddTask => json!({ "id": "frame-2", "commandLine": "render" }),
            UpdateJob => json!({ "poolInfo": { "poolId": "studio" } }),
            DisableJob => json!({ "disableTasks": "wait" }),
            GetJob | GetTask | ListJobs | DeleteJob | EnableJob | TerminateTask => json!({}),
        };
        let Value::Object(body) = body else { unreachable!("an object") };
        Self {
            operation,
            job_is_completed: false,
            task_is_completed: false,
            job_is_deleting: false,
            unknown_path: false,
            wrong_method: false,
            job: "film",
            task: "frame-1",
            api_version: Some(VERSION),
            timeout: None,
            force: None,
            select: None,
            filter: None,
            max_results: None,
            headers: BTreeMap::new(),
            content_type: "application/json",
            body,
            cut_short: false,
            padded: false,
            received: now(),
        }
    }

    fn sent(&self) -> Sent {
        let (job, task) = (self.job, self.task);
        let (method, mut target) = match self.operation {
            AddJob => ("POST", "/jobs".to_owned()),
            GetJob => ("GET", format!("/jobs/{job}")),
            TerminateJob => ("POST", format!("/jobs/{job}/terminate")),
            AddTask => ("POST", format!("/jobs/{job}/tasks")),
            GetTask => ("GET", format!("/jobs/{job}/tasks/{task}")),
            ListJobs => ("GET", "/jobs".to_owned()),
            UpdateJob => ("PUT", format!("/jobs/{job}")),
            DeleteJob => ("DELETE", format!("/jobs/{job}")),
            DisableJob => ("POST", format!("/jobs/{job}/disable")),
            EnableJob => ("POST", format!("/jobs/{job}/enable")),
            TerminateTask => ("POST", format!("/jobs/{job}/tasks/{task}/terminate")),
        };
        if self.unknown_path {
            target += "/no/where";
        }
        let parameters = [
            ("timeout", self.timeout),
            ("force", self.force),
            ("$select", self.select),
            ("$filter", self.filter),
            ("maxresults", self.max_results),
            ("api-version", self.api_version),
        ];
        let mut separator = '?';
        for (name, value) in parameters {
            if let Some(value) = value {
                write!(target, "{separator}{name}={value}").unwrap();
                separator = '&';
            }
        }
        let mut body = serde_json::to_vec(&self.body).unwrap();
        let wants_body = self.operation.is_one_of(WITH_BODY) || self.content_type != "application/json";
        if !wants_body && !self.padded {
            body.clear();
        }
        if self.padded {
            body.resize(1024 * 1024 + 1, b' ');
        }
        if self.cut_short {
            let end = body.iter().rposition(|byte| *byte == b'}').unwrap();
            body[end] = b' ';
        }
        let mut sent = Sent::new(if self.wrong_method { "TRACE" } else { method }, target);
        sent.body = body;
        sent.received = self.received;
        for (name, values) in &self.headers {
            sent.headers.extend(values.iter().map(|value| (*name, value.as_bytes().to_vec())));
        }
        sent.header("Content-Type", self.content_type)
    }

    fn refusal(&self) -> Response {
        self.sent().refusal(&self.account(), now())
    }

    /// What it is sent to.
    fn account(&self) -> Account {
        let mut account = account();
        let (job, task) = (job_id("film"), "frame-1".parse().unwrap());
        if self.task_is_completed {
            let command = task::TerminateTask::default();
            account.terminate_task(&job, &task, &command, at(4)).unwrap();
        }
        if self.job_is_completed {
            account.terminate_job(&job, &job::TerminateJob::by_user(), at(4)).unwrap();
            let _ = account.tick(at(5));
        }
        if self.job_is_deleting {
            // A node that does not answer keeps the job.
            account.assign(&job, &task, &"tvm-1".parse().unwrap(), at(6)).unwrap();
            account.delete_job(&job, &job::DeleteJob::default(), at(6)).unwrap();
        }
        account
    }

    fn set_header(&mut self, name: &'static str, values: &[&'static str]) {
        self.headers.insert(name, values.to_vec());
    }
}

/// One refusal that a request can deserve.
struct Fault {
    name: &'static str,
    /// What it answers when it is alone: the code, and a text that tells it from others of that code.
    answer: (ErrorCode, &'static str),
    /// The operations that can deserve it.
    operations: &'static [Operation],
    /// Adds it to a request or an account.
    add: fn(&mut Draft),
}

const ALL: &[Operation] = &Operation::ALL;
const WITH_BODY: &[Operation] = &[AddJob, TerminateJob, AddTask, UpdateJob, DisableJob];
const CONDITIONAL: &[Operation] =
    &[GetJob, TerminateJob, GetTask, UpdateJob, DeleteJob, DisableJob, EnableJob, TerminateTask];
const FORCED: &[Operation] = &[TerminateJob, DeleteJob];
const OF_JOB: &[Operation] =
    &[GetJob, TerminateJob, AddTask, GetTask, UpdateJob, DeleteJob, DisableJob, EnableJob, TerminateTask];

/// In the order in which they win. S5 gives it but for refusals with one code and of one kind, such as
/// those for two headers; there the crate takes the order that is here.
const FAULTS: &[Fault] = &[
    Fault {
        name: "unknown path",
        answer: (ErrorCode::InvalidUri, ""),
        operations: ALL,
        add: |draft| draft.unknown_path = true,
    },
    Fault {
        name: "wrong method",
        answer: (ErrorCode::UnsupportedHttpVerb, ""),
        operations: ALL,
        add: |draft| draft.wrong_method = true,
    },
    Fault {
        name: "no api-version",
        answer: (ErrorCode::MissingRequiredQueryParameter, "api-version"),
        operations: ALL,
        add: |draft| draft.api_version = None,
    },
    Fault {
        name: "unknown api-version",
        answer: (ErrorCode::InvalidQueryParameterValue, "The specified api version string is invalid."),
        operations: ALL,
        add: |draft| draft.api_version = Some("latest"),
    },
    Fault {
        name: "timeout of nothing",
        answer: (ErrorCode::InvalidQueryParameterValue, "timeout"),
        operations: ALL,
        add: |draft| draft.timeout = Some("0"),
    },
    Fault {
        name: "timeout no number",
        answer: (ErrorCode::InvalidQueryParameterValue, "Not a valid integer."),
        operations: ALL,
        add: |draft| draft.timeout = Some("soon"),
    },
    Fault {
        name: "timeout out of range",
        answer: (ErrorCode::OutOfRangeQueryParameterValue, "99999999999"),
        operations: ALL,
        add: |draft| draft.timeout = Some("99999999999"),
    },
    Fault {
        name: "force before its version",
        answer: (ErrorCode::UnsupportedQueryParameter, ""),
        operations: FORCED,
        add: |draft| {
            draft.api_version = Some("2024-02-01.19.0");
            draft.force.get_or_insert("true");
        },
    },
    Fault {
        name: "force no boolean",
        answer: (ErrorCode::InvalidQueryParameterValue, "Not a valid boolean."),
        operations: FORCED,
        add: |draft| draft.force = Some("maybe"),
    },
    Fault {
        name: "page of nothing",
        answer: (ErrorCode::InvalidQueryParameterValue, "MaxResults cannot be less than 1"),
        operations: &[ListJobs],
        add: |draft| draft.max_results = Some("0"),
    },
    Fault {
        name: "bad filter",
        answer: (ErrorCode::InvalidQueryParameterValue, "$filter"),
        operations: &[ListJobs],
        add: |draft| draft.filter = Some("like"),
    },
    Fault {
        name: "unknown property selected",
        answer: (ErrorCode::InvalidQueryParameterValue, "colour"),
        operations: &[GetJob, GetTask, ListJobs],
        add: |draft| draft.select = Some("id,colour"),
    },
    Fault {
        name: "too many conditions",
        answer: (ErrorCode::MultipleConditionHeadersNotSupported, ""),
        operations: CONDITIONAL,
        add: |draft| {
            draft.set_header("If-None-Match", &["0x1"]);
            draft.set_header("If-Unmodified-Since", &["Fri, 31 Dec 9999 23:59:59 GMT"]);
        },
    },
    Fault {
        name: "malformed date condition",
        answer: (ErrorCode::InvalidHeaderValue, "yesterday"),
        operations: CONDITIONAL,
        add: |draft| draft.set_header("If-Modified-Since", &["yesterday"]),
    },
    Fault {
        name: "header twice",
        answer: (ErrorCode::InvalidHeaderValue, "return-client-request-id"),
        operations: ALL,
        add: |draft| draft.set_header("return-client-request-id", &["false", "false"]),
    },
    Fault {
        name: "malformed ocp-date",
        answer: (ErrorCode::InvalidHeaderValue, "ocp-date"),
        operations: ALL,
        add: |draft| draft.set_header("ocp-date", &["Mon, 10 Feb 2026 08:00:00 GMT"]),
    },
    Fault {
        name: "body too large",
        answer: (ErrorCode::RequestBodyTooLarge, "1048576"),
        operations: ALL,
        add: |draft| draft.padded = true,
    },
    Fault {
        name: "wrong Content-Type",
        answer: (ErrorCode::InvalidHeaderValue, "text/json"),
        operations: ALL,
        add: |draft| draft.content_type = "text/json",
    },
    Fault {
        name: "broken JSON",
        answer: (ErrorCode::InvalidRequestBody, "Invalid JSON. Unexpected end of input"),
        operations: WITH_BODY,
        add: |draft| draft.cut_short = true,
    },
    Fault {
        name: "unknown property",
        answer: (ErrorCode::InvalidRequestBody, "The property 'colour' does not exist"),
        operations: WITH_BODY,
        add: |draft| drop(draft.body.insert("colour".into(), "red".into())),
    },
    Fault {
        name: "missing property",
        answer: (ErrorCode::MissingRequiredProperty, ""),
        operations: &[AddJob, AddTask, UpdateJob, DisableJob],
        add: |draft| {
            let name = match draft.operation {
                DisableJob => "disableTasks",
                AddTask => "commandLine",
                _ => "poolInfo",
            };
            draft.body.remove(name);
        },
    },
    Fault {
        name: "bad value",
        answer: (ErrorCode::InvalidPropertyValue, "maxTaskRetryCount"),
        operations: &[AddJob, AddTask, UpdateJob],
        add: |draft| drop(draft.body.insert("constraints".into(), json!({ "maxTaskRetryCount": -2 }))),
    },
    Fault {
        name: "release without preparation",
        answer: (ErrorCode::InvalidPropertyValue, "A job release task needs a job preparation task"),
        operations: &[AddJob],
        add: |draft| drop(draft.body.insert("jobReleaseTask".into(), json!({ "commandLine": "r" }))),
    },
    Fault {
        name: "empty metadata key",
        answer: (ErrorCode::EmptyMetadataKey, ""),
        operations: &[AddJob, UpdateJob],
        add: |draft| drop(draft.body.insert("metadata".into(), json!([{ "name": "", "value": "v" }]))),
    },
    Fault {
        name: "auto pool",
        answer: (ErrorCode::NotImplemented, "Auto pools"),
        operations: &[AddJob, UpdateJob],
        add: |draft| {
            if let Some(info) = draft.body.get_mut("poolInfo") {
                *info = json!({ "autoPoolSpecification": { "poolLifetimeOption": "job" } });
            }
        },
    },
    Fault {
        name: "timed out",
        answer: (ErrorCode::OperationTimedOut, ""),
        operations: ALL,
        add: |draft| draft.received = at(3569),
    },
    Fault {
        name: "missing job",
        answer: (ErrorCode::JobNotFound, ""),
        operations: OF_JOB,
        add: |draft| draft.job = "song",
    },
    Fault {
        name: "missing task",
        answer: (ErrorCode::TaskNotFound, ""),
        operations: &[GetTask, TerminateTask],
        add: |draft| draft.task = "frame-3",
    },
    Fault {
        name: "conflict with the job's state",
        answer: (ErrorCode::JobCompleted, ""),
        operations: &[AddJob, TerminateJob, AddTask, UpdateJob, DisableJob, EnableJob, TerminateTask],
        add: |draft| {
            draft.job_is_completed = true;
            if draft.operation == AddJob {
                draft.body.insert("id".into(), "film".into());
            }
        },
    },
    Fault {
        name: "job being deleted",
        answer: (ErrorCode::JobBeingDeleted, ""),
        operations: &[DeleteJob],
        add: |draft| draft.job_is_deleting = true,
    },
    Fault {
        name: "task named like the preparation",
        answer: (ErrorCode::TaskIdSameAsJobPreparationTask, ""),
        operations: &[AddTask],
        add: |draft| drop(draft.body.insert("id".into(), "jobpreparation".into())),
    },
    Fault {
        name: "manager named like the preparation",
        answer: (ErrorCode::TaskIdSameAsJobPreparationTask, ""),
        operations: &[AddJob],
        add: |draft| {
            let preparation = json!({ "id": "both", "commandLine": "p" });
            draft.body.insert("jobPreparationTask".into(), preparation.clone());
            draft.body.insert("jobManagerTask".into(), preparation);
        },
    },
    Fault {
        name: "task named like the release",
        answer: (ErrorCode::TaskIdSameAsJobReleaseTask, ""),
        operations: &[AddTask],
        add: |draft| drop(draft.body.insert("id".into(), "jobrelease".into())),
    },
    Fault {
        name: "task exists",
        answer: (ErrorCode::TaskExists, ""),
        operations: &[AddTask],
        add: |draft| drop(draft.body.insert("id".into(), "frame-1".into())),
    },
    Fault {
        name: "task completed",
        answer: (ErrorCode::TaskCompleted, ""),
        operations: &[TerminateTask],
        add: |draft| draft.task_is_completed = true,
    },
    Fault {
        name: "another pool",
        answer: (ErrorCode::OperationInvalidForCurrentState, "The pool of a job can be changed only"),
        operations: &[UpdateJob],
        add: |draft| {
            if let Some(info) = draft.body.get_mut("poolInfo") {
                *info = json!({ "poolId": "attic" });
            }
        },
    },
    Fault {
        name: "dependencies on a job without them",
        answer: (ErrorCode::UnsupportedProperty, ""),
        operations: &[AddTask],
        add: |draft| drop(draft.body.insert("dependsOn".into(), json!({ "taskIds": ["frame-1"] }))),
    },
    Fault {
        name: "job action on a job without them",
        answer: (ErrorCode::InvalidPropertyValue, "exitConditions.default.jobAction"),
        operations: &[AddTask],
        add: |draft| {
            let conditions = json!({ "default": { "jobAction": "disable" } });
            draft.body.insert("exitConditions".into(), conditions);
        },
    },
    Fault {
        name: "condition not met",
        answer: (ErrorCode::ConditionNotMet, ""),
        operations: CONDITIONAL,
        add: |draft| draft.set_header("If-Match", &["0x1"]),
    },
];

/// Pairs that no request can deserve both of, and why.
const NEVER_TOGETHER: &[(&str, &str, &str)] = &[
    ("no api-version", "unknown api-version", "it is there or it is not"),
    ("no api-version", "force before its version", "nothing is before no version"),
    ("unknown api-version", "force before its version", "an unknown version is before no other"),
    ("timeout of nothing", "timeout no number", "of a repeated parameter the first counts"),
    ("timeout of nothing", "timeout out of range", "of a repeated parameter the first counts"),
    ("timeout no number", "timeout out of range", "of a repeated parameter the first counts"),
    ("release without preparation", "manager named like the preparation", "there is a preparation or not"),
    ("missing job", "conflict with the job's state", "a job that is missing has no state"),
    ("missing property", "another pool", "the pool is what is missing"),
    ("missing property", "auto pool", "the pool is what is missing"),
    ("auto pool", "another pool", "a job has one pool"),
    ("missing job", "job being deleted", "a job that is missing has no state"),
    ("missing job", "task completed", "a job that is missing has no tasks"),
    ("missing job", "another pool", "a job that is missing has no pool"),
    ("missing task", "task completed", "a task that is missing has no state"),
    ("missing job", "task named like the preparation", "a job that is missing has no preparation"),
    ("missing job", "task named like the release", "a job that is missing has no release"),
    ("missing job", "task exists", "a job that is missing has no tasks"),
    ("missing job", "dependencies on a job without them", "the job is there or it is not"),
    ("missing job", "job action on a job without them", "the job is there or it is not"),
    ("missing job", "condition not met", "the condition is about nothing"),
    ("missing task", "condition not met", "the condition is about nothing"),
    ("task named like the preparation", "task named like the release", "a task has one name"),
    ("task named like the preparation", "task exists", "a task has one name"),
    ("task named like the release", "task exists", "a task has one name"),
    (
        "malformed date condition",
        "condition not met",
        "H1: two conditions are too many, or the date is not read",
    ),
];

fn can_stand_together(one: &Fault, other: &Fault) -> bool {
    !NEVER_TOGETHER.iter().any(|(first, second, _)| (*first, *second) == (one.name, other.name))
}

#[test]
fn each_refusal_alone() {
    for operation in Operation::ALL {
        let status = Draft::new(operation).sent().answer(&mut account()).response.status;
        assert!(matches!(status, 200..=204), "{operation:?} without a fault: {status}");
        for fault in FAULTS.iter().filter(|fault| operation.is_one_of(fault.operations)) {
            let mut draft = Draft::new(operation);
            (fault.add)(&mut draft);
            let response = draft.refusal();
            let (code, values) = refused(&response);
            assert_eq!(code, fault.answer.0.as_str(), "{operation:?} with {}", fault.name);
            let known =
                fault.answer.1.is_empty() || values.iter().any(|(_, value)| value.contains(fault.answer.1));
            assert!(known, "{operation:?} with {}: {values:?}", fault.name);
        }
    }
}

/// S5: of two refusals that a request deserves, the one that stands first in the list is answered, as
/// if it were alone.
#[test]
fn of_two_refusals_the_first_wins() {
    let mut wrong = Vec::new();
    let mut pairs = 0;
    for operation in Operation::ALL {
        let faults: Vec<&Fault> =
            FAULTS.iter().filter(|fault| operation.is_one_of(fault.operations)).collect();
        for (place, first) in faults.iter().enumerate() {
            let mut alone = Draft::new(operation);
            (first.add)(&mut alone);
            let expected = alone.refusal();
            for second in faults[place + 1..].iter().filter(|second| can_stand_together(first, second)) {
                for order in [[first, second], [second, first]] {
                    let mut draft = Draft::new(operation);
                    for fault in order {
                        (fault.add)(&mut draft);
                    }
                    let response = draft.refusal();
                    pairs += 1;
                    if response != expected {
                        let (first, second) = (first.name, second.name);
                        wrong.push(format!(
                            "{operation:?}: {first} before {second}: {:?}",
                            refused(&response)
                        ));
                    }
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(pairs > 1000, "only {pairs} pairs");
}

/// Every exception is about two faults that there are, in their order, and that one operation has.
#[test]
fn the_exceptions_are_real() {
    for (first, second, why) in NEVER_TOGETHER {
        let place = |name: &str| {
            FAULTS.iter().position(|fault| fault.name == name).unwrap_or_else(|| panic!("{name}"))
        };
        assert!(place(first) < place(second), "{first}, {second}: {why}");
        let shared = |operation: &&Operation| operation.is_one_of(FAULTS[place(second)].operations);
        assert!(
            FAULTS[place(first)].operations.iter().any(|operation| shared(&operation)),
            "{first}, {second}"
        );
    }
}

/// S5 within a body: a property that is missing anywhere wins over a value that is bad anywhere.
#[test]
fn within_a_body_what_is_missing_wins_over_what_is_bad() {
    let account = whole_world();
    for (path, body, code, name) in [
        ("/jobs", r#"{"id":"no id","poolInfo":{}}"#.to_owned(), "MissingRequiredProperty", "poolInfo.poolId"),
        ("/pools/pool/resize", r#"{"resizeTimeout":"soon"}"#.to_owned(), "MissingRequiredProperty", "targetDedicatedNodes and/or targetLowPriorityNodes"),
        ("/jobs", r#"{"id":"a","displayName":"X","priority":5000,"poolInfo":{}}"#.replace('X', &"x".repeat(1025)), "MissingRequiredProperty", "poolInfo.poolId"),
        (
            "/jobs/film/tasks",
            r#"{"id":"a","commandLine":"c","requiredSlots":0,"resourceFiles":[{"filePath":"x"},{}],"environmentSettings":[{"value":"x"}]}"#.to_owned(),
            "MissingRequiredProperty",
            "environmentSettings.name",
        ),
    ] {
        let (found, values) = refused(&Sent::post(path, body.as_str()).refusal(&account, now()));
        assert_eq!((found.as_str(), values.first().map(|(_, value)| value.as_str())), (code, Some(name)), "{body}");
    }
}

/// S5, Q9: what is not modelled is said in its place, after all else that the request is refused for
/// by itself.
#[test]
fn what_is_not_modelled_is_said_last() {
    let auto = |more: &str| {
        let specification = r#"{"poolLifetimeOption":"job"}"#;
        format!(r#"{{"id":"a","poolInfo":{{"autoPoolSpecification":{specification}}}{more}}}"#)
    };
    let scaled = |more: &str| format!(r#"{{"id":"a","vmSize":"s","enableAutoScale":true{more}}}"#);
    let twice = Sent::new("GET", "/certificates?api-version=2024-07-01.20.0").header("ocp-date", "never");
    for (sent, code) in [
        (Sent::post("/jobs", auto("")), "NotImplemented"),
        (Sent::post("/jobs", auto(r#","priority":1001"#)), "InvalidPropertyValue"),
        (Sent::post("/jobs", auto(r#","onAllTasksComplete":"x""#)), "InvalidPropertyValue"),
        (Sent::post("/jobs", auto(r#","jobReleaseTask":{"commandLine":"r"}"#)), "InvalidPropertyValue"),
        (Sent::post("/jobs", auto(r#","metadata":[{"name":"","value":"v"}]"#)), "EmptyMetadataKey"),
        (Sent::post("/pools", scaled("")), "NotImplemented"),
        (Sent::post("/pools", scaled(r#","taskSlotsPerNode":0"#)), "InvalidPropertyValue"),
        (Sent::post("/pools", scaled(r#","metadata":[{"name":"","value":"v"}]"#)), "EmptyMetadataKey"),
        (Sent::new("GET", "/certificates?api-version=2024-07-01.20.0"), "NotImplemented"),
        (twice, "InvalidHeaderValue"),
    ] {
        assert_eq!(refused(&sent.refusal(&account(), now())).0, code, "{}", sent.body.escape_ascii());
    }
}

/// A refusal calls a property by the way to it from the body, as the client gave it.
#[test]
fn properties_are_named_with_the_way_to_them() {
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
        let (code, values) = refused(&Sent::post(path, body.as_str()).refusal(&account(), now()));
        assert_eq!((code.as_str(), values[0].1.as_str()), ("InvalidPropertyValue", name), "{body}");
    }
    let mut old = Sent::post("/pools", pool(r#""maxTasksPerNode":0"#));
    old.target = old.target.replace(VERSION, "2020-03-01.11.0");
    assert_eq!(refused(&old.refusal(&account(), now())).1[0].1, "maxTasksPerNode");
}

/// H4: an empty header counts as absent, also beside another of its name; how often a content type is
/// said matters only where there is content.
#[test]
fn what_is_empty_does_not_count_as_twice() {
    let read = Sent::get("/jobs/film")
        .header("ocp-date", "")
        .header("ocp-date", "Tue, 10 Feb 2026 08:00:00 GMT")
        .header("If-Modified-Since", " ")
        .header("If-Modified-Since", "Tue, 10 Feb 2015 08:00:00 GMT")
        .header("Content-Type", "a")
        .header("Content-Type", "b");
    assert_eq!(read.answer(&mut account()).response.status, 200);
    let write = Sent::post("/jobs/film/terminate", "{}").header("content-type", "");
    assert_eq!(write.answer(&mut account()).response.status, 202);
    let write =
        Sent::post("/jobs/film/terminate", "").header("content-type", "a").header("content-type", "b");
    assert_eq!(write.answer(&mut account()).response.status, 202);
}

/// On operations without conditions the four headers are not even read.
#[test]
fn conditions_are_ignored_where_there_are_none() {
    for operation in [AddJob, AddTask] {
        let mut draft = Draft::new(operation);
        draft.set_header("If-Match", &["0x1"]);
        draft.set_header("If-None-Match", &["*"]);
        draft.set_header("If-Modified-Since", &["yesterday", "tomorrow"]);
        let response = draft.sent().answer(&mut account()).response;
        assert_eq!(response.status, 201, "{}", shown(&response));
    }
}

// ------------------------------------------------------------------------------------------------
// Bad input

/// Requests that no client sends by mistake: each is refused in the service's own words or taken for
/// what it says, and none does harm.
#[test]
fn hostile_requests_are_refused() {
    let account = account();
    let (long, deep) = ("x".repeat(10_000), "[".repeat(100_000));
    let big = vec![b' '; 2 * 1024 * 1024];
    let version = format!("?api-version={VERSION}");
    let json = |body: &[u8]| Sent::post("/jobs/film/terminate", body);
    let parameters = "&a=%61".repeat(100_000);
    for (name, sent, code) in [
        ("nothing", Sent::new("", ""), "InvalidUri"),
        ("no path", Sent::new("GET", "?"), "InvalidUri"),
        ("only a slash", Sent::new("GET", "/"), "InvalidUri"),
        ("slashes", Sent::new("GET", "/".repeat(100_000)), "InvalidUri"),
        ("no leading slash", Sent::new("GET", format!("jobs/film{version}")), "InvalidUri"),
        ("a whole URL", Sent::new("GET", format!("{URL}/jobs/film{version}")), "InvalidUri"),
        ("a method in lower case", Sent::new("get", format!("/jobs/film{version}")), "UnsupportedHttpVerb"),
        ("no method", Sent::new("", format!("/jobs/film{version}")), "UnsupportedHttpVerb"),
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
            Sent::new("GET", "/jobs/film?api-version=%FF%FE"),
            "InvalidQueryParameterValue",
        ),
        (
            "a version twice",
            Sent::new("GET", "/jobs/film?api-version=x").query(&version.replace('?', "&")),
            "InvalidQueryParameterValue",
        ),
        (
            "a name of garbage",
            Sent::new("GET", "/jobs/film?%61pi%FFversion=2025-06-01"),
            "MissingRequiredQueryParameter",
        ),
        (
            "100,000 parameters",
            Sent::new("GET", format!("/jobs/film?{}", &parameters[1..])),
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
        let response = sent.refusal(&account, now());
        assert_eq!(refused(&response).0, code, "{name}");
        assert!(response.body.is_ascii(), "{name}");
    }
}

/// S4: what looks odd and is allowed.
#[test]
fn odd_requests_are_understood() {
    let query = "&a".repeat(100_000);
    for (name, sent) in [
        ("an id in another case", Sent::get("/jobs/FiLm/tasks/FRAME-1")),
        ("an escaped path", Sent::get("/%6Aobs/%66ilm")),
        ("escaped names", Sent::new("GET", "/jobs/film?%41PI-%76ersion=2025%2D06-01")),
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
        let response = sent.answer(&mut account()).response;
        assert_eq!(response.status, 200, "{name}: {}", shown(&response));
    }
}

/// A clock that stands or runs back is no reason to fail, and repeats no ETag (T5).
#[test]
fn clocks_may_stand_or_run_back() {
    let mut account = Account::new(URL);
    let send = |account: &mut Account, path: &str, body: &str, received: Timestamp, now: Timestamp| {
        let mut sent = Sent::post(path, body);
        sent.received = received;
        sent.answer_at(account, now).response
    };
    let job = r#"{"id":"a","poolInfo":{"poolId":"p"}}"#;
    let first = send(&mut account, "/jobs", job, at(50), at(50));
    let second = send(&mut account, "/jobs/a/terminate", "", at(10), at(10));
    assert_eq!((first.status, second.status), (201, 202));
    assert!(first.header("ETag") < second.header("ETag"), "T5");
    let mut get = Sent::get("/jobs/a");
    get.received = Timestamp::MAX;
    assert_eq!(get.answer_at(&mut account, Timestamp::MIN).response.status, 200);
    get.received = Timestamp::MIN;
    let late = get.answer_at(&mut account, Timestamp::MAX).response;
    assert_eq!(refused(&late).0, "OperationTimedOut");
    let end = send(&mut account, "/jobs", &job.replace('a', "b"), Timestamp::MAX, Timestamp::MAX);
    assert_eq!(end.status, 201);
    let end = send(&mut account, "/jobs/b/terminate", "", Timestamp::MAX, Timestamp::MAX);
    assert_eq!(end.status, 202);
    let start = send(&mut account, "/jobs", &job.replace('a', "c"), Timestamp::MIN, Timestamp::MIN);
    assert_eq!((start.status, start.header("ETag")), (201, Some("0x0")));
}

/// F4: the last instant that is in time, and what `timeout` makes of it.
#[test]
fn a_request_has_its_time() {
    let account = account();
    for (query, seconds, in_time) in [
        ("", 30, true),
        ("", 31, false),
        ("&timeout=5", 5, true),
        ("&timeout=5", 6, false),
        ("&timeout=120", 30, true),
        ("&timeout=120", 31, false),
        ("&timeout=2147483647", 31, false),
    ] {
        let mut sent = Sent::get("/jobs/film").query(query);
        sent.received = at(3600 - seconds);
        let status = sent.answer(&mut account.clone()).response.status;
        assert_eq!(status, if in_time { 200 } else { 500 }, "{query} after {seconds} s");
    }
}

// ------------------------------------------------------------------------------------------------
// What comes back

/// The keys alone: `id poolInfo{poolId} metadata[{name value}]`.
fn keys_of(value: &Ordered) -> String {
    match value {
        Ordered::Plain(_) => String::new(),
        Ordered::Array(items) => format!("[{}]", items.iter().map(keys_of).collect::<Vec<_>>().join(" ")),
        Ordered::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{name}{}", keys_of(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(" "))
        }
    }
}

fn keys(response: &Response) -> String {
    let ordered: Ordered = serde_json::from_slice(&response.body).unwrap();
    keys_of(&ordered)
}

/// Whether everything in `sent` is in `found` too; says where it is not.
fn contains(found: &Value, sent: &Value, path: &str) {
    match (found, sent) {
        (Value::Object(found), Value::Object(sent)) => {
            for (name, value) in sent {
                let path = format!("{path}.{name}");
                contains(found.get(name).unwrap_or_else(|| panic!("{path} is lost")), value, &path);
            }
        }
        (Value::Array(found), Value::Array(sent)) => {
            assert_eq!(found.len(), sent.len(), "{path}");
            found.iter().zip(sent).for_each(|(found, sent)| contains(found, sent, path));
        }
        _ => assert_eq!(found, sent, "{path}"),
    }
}

/// What tasks of every kind have in common, filled to the last property.
fn common() -> Value {
    json!({
        "commandLine": "render --frame 1",
        "containerSettings": {
            "containerRunOptions": "--rm", "imageName": "blender:4",
            "registry": {
                "username": "u", "password": "p", "registryServer": "r.io",
                "identityReference": { "resourceId": "/subscriptions/s/i" },
            },
            "workingDirectory": "containerImageDefault",
            "containerHostBatchBindMounts": [{ "source": "VfsMounts", "isReadOnly": true }],
        },
        "resourceFiles": [
            { "autoStorageContainerName": "c", "blobPrefix": "b/", "filePath": "f", "fileMode": "0770" },
            { "storageContainerUrl": "https://s/c", "identityReference": { "resourceId": "i" } },
            { "httpUrl": "https://h/\u{e4}\u{1f600}\"\\\u{0}", "filePath": "" },
        ],
        "environmentSettings": [{ "name": "A", "value": "1" }, { "name": "B" }],
        "userIdentity": { "autoUser": { "scope": "task", "elevationLevel": "admin" } },
    })
}

fn with(mut base: Value, more: Value) -> Value {
    let (Value::Object(members), Value::Object(more)) = (&mut base, more) else { unreachable!("objects") };
    members.extend(more);
    base
}

fn without(mut base: Value, name: &str) -> Value {
    base.as_object_mut().unwrap().remove(name);
    base
}

fn output_files() -> Value {
    json!([{
        "filePattern": "../std*.txt",
        "destination": { "container": {
            "path": "p", "containerUrl": "https://s/c", "identityReference": { "resourceId": "i" },
            "uploadHeaders": [{ "name": "x-ms-tier", "value": "cool" }],
        } },
        "uploadOptions": { "uploadCondition": "taskcompletion" },
    }])
}

/// Every property of `JobAddParameter` but `autoPoolSpecification`, which is refused and so not lost.
fn whole_job() -> Value {
    json!({
        "id": "Whole", "displayName": "a job", "priority": -1000, "maxParallelTasks": 7, "allowTaskPreemption": true,
        "constraints": { "maxWallClockTime": "P1279DT12H30M5S", "maxTaskRetryCount": -1 },
        "jobManagerTask": with(common(), json!({
            "id": "manager", "displayName": "the manager", "outputFiles": output_files(),
            "constraints": { "maxWallClockTime": "PT1H", "retentionTime": "PT2H", "maxTaskRetryCount": 3 },
            "requiredSlots": 2, "runExclusive": false, "allowLowPriorityNode": false, "killJobOnCompletion": false,
            "applicationPackageReferences": [{ "applicationId": "a", "version": "1" }],
            "authenticationTokenSettings": { "access": ["job"] },
        })),
        "jobPreparationTask": with(common(), json!({
            "id": "before", "constraints": { "maxWallClockTime": "PT3M", "retentionTime": "PT4M", "maxTaskRetryCount": 5 },
            "waitForSuccess": false, "rerunOnNodeRebootAfterSuccess": false,
        })),
        "jobReleaseTask": with(common(), json!({
            "id": "after", "maxWallClockTime": "PT14M59S", "retentionTime": "PT0.001S",
            "userIdentity": { "username": "someone" },
        })),
        "commonEnvironmentSettings": [{ "name": "C", "value": "2" }],
        "poolInfo": { "poolId": "Studio" },
        "onAllTasksComplete": "terminatejob", "onTaskFailure": "performexitoptionsjobaction",
        "metadata": [{ "name": "m", "value": "" }, { "name": "m", "value": "again" }],
        "usesTaskDependencies": true,
        "networkConfiguration": { "subnetId": "/subnets/1", "skipWithdrawFromVNet": true },
    })
}

/// Every property of `TaskAddParameter`.
fn whole_task() -> Value {
    let options = |job: &str, dependency: &str| json!({ "jobAction": job, "dependencyAction": dependency });
    with(
        common(),
        json!({
            "id": "Frame-1", "displayName": "a task", "outputFiles": output_files(),
            "exitConditions": {
                "exitCodes": [{ "code": 1, "exitOptions": options("terminate", "block") }, { "code": -1, "exitOptions": {} }],
                "exitCodeRanges": [{ "start": -2_147_483_648, "end": 2_147_483_647, "exitOptions": options("none", "satisfy") }],
                "preProcessingError": options("disable", "block"), "fileUploadError": { "jobAction": "none" },
                "default": { "dependencyAction": "satisfy" },
            },
            "affinityInfo": { "affinityId": "TVM:tvm-1" },
            "constraints": { "maxWallClockTime": "PT1M", "retentionTime": "P1D", "maxTaskRetryCount": 9 },
            "requiredSlots": 4,
            "multiInstanceSettings": {
                "numberOfInstances": 2, "coordinationCommandLine": "c",
                "commonResourceFiles": [{ "httpUrl": "https://h/c", "filePath": "c" }],
            },
            "dependsOn": { "taskIds": ["a", "B"], "taskIdRanges": [{ "start": 0, "end": 2_147_483_647 }] },
            "applicationPackageReferences": [{ "applicationId": "a" }],
            "authenticationTokenSettings": { "access": [] },
        }),
    )
}

/// An account with these two in it.
fn whole() -> Account {
    let mut account = Account::new(URL);
    for (path, body) in [("/jobs", whole_job()), ("/jobs/whole/tasks", whole_task())] {
        let response = Sent::post(path, body.to_string()).answer(&mut account).response;
        assert_eq!(response.status, 201, "{}", shown(&response));
    }
    account
}

#[test]
fn nothing_a_user_sent_is_lost() {
    let mut account = whole();
    let job = Sent::get("/jobs/WHOLE").answer(&mut account).response;
    contains(&json_of(&job), &whole_job(), "job");
    let task = Sent::get("/jobs/WHOLE/tasks/FRAME-1").answer(&mut account).response;
    contains(&json_of(&task), &whole_task(), "task");
    let manager = Sent::get("/jobs/whole/tasks/manager").answer(&mut account).response;
    let sent = whole_job()["jobManagerTask"].take();
    let sent =
        ["runExclusive", "allowLowPriorityNode", "killJobOnCompletion"].into_iter().fold(sent, without);
    contains(&json_of(&manager), &sent, "manager");
    insta::assert_snapshot!("whole_job", shown(&job));
    insta::assert_snapshot!("whole_task", shown(&task));
}

/// Empty lists and objects are something too (W1), also where the state machine interprets what is in
/// them (B8).
#[test]
fn what_is_empty_is_not_lost() {
    let mut account = Account::new(URL);
    let job = json!({
        "id": "a", "poolInfo": { "poolId": "p" }, "metadata": [], "commonEnvironmentSettings": [], "displayName": "",
        "usesTaskDependencies": true,
    });
    let task = json!({
        "id": "t", "commandLine": "", "resourceFiles": [], "outputFiles": [], "environmentSettings": [],
        "exitConditions": { "exitCodes": [], "exitCodeRanges": [], "default": {} },
        "dependsOn": { "taskIds": [], "taskIdRanges": [] }, "applicationPackageReferences": [],
        "authenticationTokenSettings": {},
    });
    for (path, body) in [("/jobs", &job), ("/jobs/a/tasks", &task)] {
        assert_eq!(Sent::post(path, body.to_string()).answer(&mut account).response.status, 201);
    }
    contains(&json_of(&Sent::get("/jobs/a").answer(&mut account).response), &job, "job");
    contains(&json_of(&Sent::get("/jobs/a/tasks/t").answer(&mut account).response), &task, "task");
}

/// The order of wire.md, and the defaults that it says are shown (B6).
#[test]
fn keys_are_in_the_recorded_order() {
    let mut account = Account::new(URL);
    let job = json!({
        "poolInfo": { "poolId": "p" }, "id": "a", "displayName": "d", "metadata": [{ "value": "v", "name": "n" }],
        "commonEnvironmentSettings": [{ "value": "v", "name": "n" }],
        "jobReleaseTask": { "commandLine": "r" }, "jobPreparationTask": { "commandLine": "p" },
        "jobManagerTask": { "commandLine": "m", "id": "m" },
    });
    let task = r#"{"commandLine":"c","id":"t"}"#;
    for (path, body) in [("/jobs", job.to_string()), ("/jobs/a/tasks", task.to_owned())] {
        assert_eq!(Sent::post(path, body).answer(&mut account).response.status, 201);
    }
    let (pool, node) = ("p".parse().unwrap(), "n".parse().unwrap());
    account.add_unmanaged_node(&pool, &node, 2, now()).unwrap();
    account.assign(&job_id("a"), &"t".parse::<TaskId>().unwrap(), &node, now()).unwrap();
    account.terminate_job(&job_id("a"), &job::TerminateJob::by_user(), now()).unwrap();

    let identity = "userIdentity{autoUser{scope elevationLevel}}";
    let limits = "constraints{maxWallClockTime retentionTime maxTaskRetryCount}";
    let mut get = Sent::get("/jobs/a");
    get.received = at(3602);
    let shown = get.answer_at(&mut account, at(3602)).response;
    assert_eq!(
        keys(&shown),
        format!(
            "{{odata.metadata id displayName url eTag lastModified creationTime state stateTransitionTime \
             previousState previousStateTransitionTime priority maxParallelTasks usesTaskDependencies \
             allowTaskPreemption constraints{{maxWallClockTime maxTaskRetryCount}} \
             jobManagerTask{{id commandLine {limits} requiredSlots {identity} runExclusive allowLowPriorityNode \
             killJobOnCompletion}} \
             jobPreparationTask{{id commandLine {limits} {identity} waitForSuccess rerunOnNodeRebootAfterSuccess}} \
             jobReleaseTask{{id commandLine maxWallClockTime retentionTime {identity}}} \
             commonEnvironmentSettings[{{name value}}] poolInfo{{poolId}} metadata[{{name value}}] \
             executionInfo{{startTime poolId schedulingError{{category code message details[{{name value}}]}} \
             terminateReason}} onAllTasksComplete onTaskFailure}}"
        )
    );
    assert_eq!(
        keys(&Sent::get("/jobs/a/tasks/t").answer(&mut account).response),
        format!(
            "{{odata.metadata id url eTag creationTime lastModified state stateTransitionTime previousState \
             previousStateTransitionTime commandLine {identity} {limits} requiredSlots \
             executionInfo{{retryCount requeueCount}} nodeInfo{{affinityId nodeUrl poolId nodeId taskRootDirectory \
             taskRootDirectoryUrl}}}}"
        )
    );
}

/// Q1: which of the newer properties an api-version shows, in the job, its manager and the task.
#[test]
fn an_api_version_hides_what_is_newer() {
    let mut account = whole();
    let newer = [
        ("/jobs/whole", "/maxParallelTasks", "2021-06-01.14.0"),
        ("/jobs/whole", "/allowTaskPreemption", "2022-01-01.15.0"),
        ("/jobs/whole", "/jobManagerTask/requiredSlots", "2020-09-01.12.0"),
        ("/jobs/whole", "/jobManagerTask/containerSettings/containerHostBatchBindMounts", "2024-07-01.20.0"),
        ("/jobs/whole", "/networkConfiguration/skipWithdrawFromVNet", "2024-07-01.20.0"),
        ("/jobs/whole/tasks/frame-1", "/requiredSlots", "2020-09-01.12.0"),
        ("/jobs/whole/tasks/frame-1", "/containerSettings/containerHostBatchBindMounts", "2024-07-01.20.0"),
        ("/jobs/whole/tasks/frame-1", "/resourceFiles/2/httpUrl", "2018-12-01.8.0"),
    ];
    for version in ApiVersion::ALL {
        for (path, property, since) in newer {
            let target = format!("{path}?api-version={version}");
            let response = Sent::new("GET", target).answer(&mut account).response;
            let there = json_of(&response).pointer(property).is_some();
            assert_eq!(there, *version >= ApiVersion::parse(since).unwrap(), "{property} in {version}");
        }
    }
    // Q3, Q4: what a version does not show cannot be asked for.
    for version in ApiVersion::ALL {
        let target = format!("/jobs/whole?api-version={version}&$select=priority,maxParallelTasks,metadata");
        let response = Sent::new("GET", target).answer(&mut account).response;
        let filter = format!("/jobs?api-version={version}&$filter=maxParallelTasks+eq+-1");
        let listed = Sent::new("GET", filter).answer(&mut account).response.status;
        if *version < ApiVersion::parse("2021-06-01.14.0").unwrap() {
            let (code, values) = refused(&response);
            let reason = "The property 'maxParallelTasks' does not exist on the resource.";
            assert_eq!((code.as_str(), values[2].1.as_str()), ("InvalidQueryParameterValue", reason));
            assert_eq!(listed, 400, "{version}");
        } else {
            let expected = "{odata.metadata priority maxParallelTasks metadata[{name value} {name value}]}";
            assert_eq!(keys(&response), expected, "{version}");
            assert_eq!(listed, 200, "{version}");
        }
    }
    let whole = keys(&Sent::get("/jobs/whole").answer(&mut account).response);
    for selection in ["", ",", "+,+"] {
        let sent = Sent::get("/jobs/whole").query(&format!("&$select={selection}"));
        assert_eq!(keys(&sent.answer(&mut account).response), whole, "Q3: a selection of nothing is none");
    }
}

/// B13: a PUT cannot say a job's network, and so does not touch it.
#[test]
fn a_put_keeps_the_network() {
    let mut account = Account::new(URL);
    let network = json!({ "subnetId": "s", "skipWithdrawFromVNet": true });
    let job = json!({
        "id": "a", "poolInfo": { "poolId": "p" }, "networkConfiguration": network, "priority": 7,
        "metadata": [{ "name": "n", "value": "v" }],
    });
    assert_eq!(Sent::post("/jobs", job.to_string()).answer(&mut account).response.status, 201);
    let mut put = Sent::post("/jobs/a", r#"{"poolInfo":{"poolId":"p"}}"#);
    put.method = "PUT";
    assert_eq!(put.answer(&mut account).response.status, 200);
    let shown = json_of(&Sent::get("/jobs/a").answer(&mut account).response);
    assert_eq!((&shown["networkConfiguration"], &shown["priority"]), (&network, &json!(0)));
    assert!(shown.get("metadata").is_none(), "the rest goes back to its defaults");
}

/// B12: an operation that takes no body is given none, or an object that says nothing.
#[test]
fn what_takes_no_body_is_given_none() {
    let account = whole_world();
    let (post, delete) = ("POST", "DELETE");
    for (method, path, status) in [
        (post, "/jobs/film/enable", 202),
        (delete, "/jobs/film", 202),
        (post, "/jobs/film/tasks/frame-1/terminate", 204),
        (post, "/jobs/film/tasks/frame-0/reactivate", 204),
        (delete, "/jobs/film/tasks/frame-1", 200),
        (delete, "/pools/pool", 202),
        (post, "/pools/studio/nodes/tvm-1/start", 409),
        (post, "/pools/studio/nodes/tvm-1/enablescheduling", 409),
    ] {
        for (body, expected) in
            [("", status), ("{}", status), (r#"{"odata.type":"x"}"#, status), (r#"{"a":1}"#, 400), ("[", 400)]
        {
            let mut sent = Sent::post(path, body);
            sent.method = method;
            let response = sent.answer(&mut account.clone()).response;
            assert_eq!(response.status, expected, "{method} {path} {body}: {}", shown(&response));
            if expected == 400 {
                assert_eq!(refused(&response).0, "InvalidRequestBody");
            }
        }
    }
}

/// P7: a pool shows the timeout of its latest resize.
#[test]
fn a_pool_shows_the_timeout_of_its_latest_resize() {
    let mut account = Account::new(URL);
    let machine = json!({ "imageReference": {}, "nodeAgentSKUId": "a" });
    let policy = json!({ "jobDefaultOrder": "creationtime", "nodeFillType": "pack" });
    let pool = json!({
        "id": "p", "vmSize": "a", "virtualMachineConfiguration": machine, "taskSchedulingPolicy": policy,
        "resizeTimeout": "PT30M",
    });
    assert_eq!(Sent::post("/pools", pool.to_string()).answer(&mut account).response.status, 201);
    let _ = account.tick(now());
    let shown = |account: &mut Account| json_of(&Sent::get("/pools/p").answer(account).response);
    assert_eq!(shown(&mut account)["resizeTimeout"], "PT30M");
    assert_eq!(shown(&mut account)["taskSchedulingPolicy"], policy); // B8
    for (more, expected) in [(r#","resizeTimeout":"PT010M""#, "PT10M"), ("", "PT15M")] {
        let body = format!(r#"{{"targetDedicatedNodes":0{more}}}"#);
        assert_eq!(Sent::post("/pools/p/resize", body).answer(&mut account).response.status, 202);
        assert_eq!(shown(&mut account)["resizeTimeout"], expected);
        let _ = account.tick(now());
    }
    account.add_node(&"p".parse().unwrap(), &"n".parse().unwrap(), now()).unwrap();
    let body = r#"{"nodeList":["n"],"resizeTimeout":"PT7M"}"#;
    assert_eq!(Sent::post("/pools/p/removenodes", body).answer(&mut account).response.status, 202);
    assert_eq!(shown(&mut account)["resizeTimeout"], "PT7M");
}

/// B10, B11: the most that is taken, and one more.
#[test]
fn what_is_too_long_is_refused_and_no_shorter() {
    let account = whole();
    for (length, status) in [(8 * 1024 - 1, 201), (8 * 1024, 400)] {
        let metadata = json!([{ "name": "n", "value": "v".repeat(length) }]);
        let body = json!({ "id": "a", "poolInfo": { "poolId": "p" }, "metadata": metadata });
        let response = Sent::post("/jobs", body.to_string()).answer(&mut account.clone()).response;
        assert_eq!(response.status, status, "{}", shown(&response));
        let mut patch = Sent::post("/jobs/whole", json!({ "metadata": metadata }).to_string());
        patch.method = "PATCH";
        assert_eq!(patch.answer(&mut account.clone()).response.status == 200, status == 201);
    }
    for (count, status) in [(1000, 201), (1001, 400)] {
        let ids: Vec<String> = (0..count).map(|number| format!("{number:064}")).collect();
        let body = json!({ "id": "a", "commandLine": "c", "dependsOn": { "taskIds": ids } });
        let response =
            Sent::post("/jobs/whole/tasks", body.to_string()).answer(&mut account.clone()).response;
        assert_eq!(response.status, status, "{}", shown(&response));
    }
}

/// What an old client sends by its old name, it gets back by it.
#[test]
fn an_old_name_comes_back_to_an_old_client() {
    let mut account = account();
    let mut sent = Sent::post(
        "/jobs/film/tasks",
        r#"{"id":"old","commandLine":"c","resourceFiles":[{"blobSource":"https://b","filePath":"f"}]}"#,
    );
    assert_eq!(refused(&sent.refusal(&account, now())).0, "InvalidRequestBody");
    sent.target = sent.target.replace(VERSION, "2018-08-01.7.0");
    assert_eq!(sent.answer(&mut account).response.status, 201);
    let response =
        Sent::new("GET", "/jobs/film/tasks/old?api-version=2018-08-01.7.0").answer(&mut account).response;
    assert_eq!(json_of(&response)["resourceFiles"], json!([{ "blobSource": "https://b", "filePath": "f" }]));
}

// ------------------------------------------------------------------------------------------------
// Headers

/// All that an answer is but for its body.
fn head(response: &Response) -> String {
    let text = shown(response);
    text.split_once("\n\n").map_or(String::new(), |(head, _)| head.to_owned())
}

/// The headers of each answer, and W5 for the location of a new job.
#[test]
fn each_answer_has_its_headers_and_no_others() {
    let mut account = Account::new(URL);
    let job = Sent::post("/jobs", r#"{"id":"Film","poolInfo":{"poolId":"p"}}"#);
    let url = "https://contoso.westus.batch.azure.com";
    let common = "request-id: 6a6ebce4-e376-46f0-99dd-719292f8d8a4\nDataServiceVersion: 3.0";
    let first = "ETag: 0x8DE6882C5787E44\nLast-Modified: Tue, 10 Feb 2026 09:00:00 GMT";
    let made = job.answer(&mut account).response;
    let location = "jobs/job-1";
    let expected = format!(
        "201 Created\n{common}\n{first}\nDataServiceId: {url}/{location}\nLocation: {url}/{location}"
    );
    assert_eq!(head(&made), expected);
    let task = Sent::post("/jobs/FILM/tasks", r#"{"id":"Frame-1","commandLine":"c"}"#);
    let location = "jobs/Film/tasks/Frame-1";
    let expected = format!(
        "201 Created\n{common}\n{first}\nDataServiceId: {url}/{location}\nLocation: {url}/{location}"
    );
    assert_eq!(head(&task.answer(&mut account).response), expected);

    let whole = format!("200 OK\n{common}\n{first}\nContent-Type: application/json;odata=minimalmetadata");
    assert_eq!(head(&Sent::get("/jobs/FILM").answer(&mut account).response), whole);
    assert_eq!(head(&Sent::get("/jobs/FILM/tasks/FRAME-1").answer(&mut account).response), whole);
    let unchanged = format!("304 Not Modified\n{common}\n{first}\n\n");
    let get = Sent::get("/jobs/film").header("If-None-Match", "*");
    assert_eq!(shown(&get.answer(&mut account).response), unchanged);
    let get =
        Sent::get("/jobs/film/tasks/frame-1").header("If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_eq!(shown(&get.answer(&mut account).response), unchanged);

    let unmet = Sent::get("/jobs/film").header("If-Match", "0x1").answer(&mut account).response;
    let names: Vec<&str> = unmet.headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["request-id", "DataServiceVersion", "Content-Type", "Content-Length"], "H5");
    assert_eq!(unmet.header("content-length"), Some(unmet.body.len().to_string().as_str()));

    // The path comes back as it was sent, without its query; the ETag is the new one (T3).
    let terminate = Sent::post("/jobs/FIL%4D/terminate", r#"{"terminateReason":"enough"}"#);
    let second = "ETag: 0x8DE6882C5787E45\nLast-Modified: Tue, 10 Feb 2026 09:00:00 GMT";
    let expected =
        format!("202 Accepted\n{common}\n{second}\nDataServiceId: {url}/jobs/FIL%4D/terminate\n\n");
    assert_eq!(shown(&terminate.answer(&mut account).response), expected);
}

/// Q2: what the host refuses by itself goes back like any refusal; a `HEAD` gets no body.
#[test]
fn what_the_host_refuses_goes_back_like_any_refusal() {
    const ID: &str = "9D5E47A0-0000-4000-8000-00000000aBcD";
    let refuse = |method| {
        let sent = Sent::new(method, "/pools/studio?api-version=2025-06-01").header("client-request-id", ID);
        let sent = sent.header("return-client-request-id", "true");
        sent.request(|request| rest::refuse(account().url(), &ErrorCode::ServerBusy.into(), request, now()))
    };
    let (get, head) = (refuse("GET"), refuse("HEAD"));
    assert_eq!(get.headers, head.headers);
    assert_eq!(get.header("client-request-id"), Some(ID));
    assert_eq!(get.header("Content-Length"), Some(get.body.len().to_string().as_str()));
    assert!(head.body.is_empty());
}

/// Q6, Q8: pages of jobs go on behind the last one that was shown, also when it is gone or has changed
/// its place.
#[test]
fn pages_go_on_behind_what_is_gone() {
    let mut account = Account::new(URL);
    for id in ["a", "b", "c", "d", "e"] {
        let body = format!(r#"{{"id":"{id}","poolInfo":{{"poolId":"p"}}}}"#);
        assert_eq!(Sent::post("/jobs", body).answer(&mut account).response.status, 201);
    }
    for id in ["b", "d"] {
        account.terminate_job(&job_id(id), &job::TerminateJob::by_user(), now()).unwrap();
    }
    let _ = account.tick(now());
    let mut target = format!("/jobs?api-version={VERSION}&maxresults=1&$select=id");
    let mut seen = Vec::new();
    loop {
        let page = json_of(&Sent::new("GET", target.as_str()).answer(&mut account).response);
        let id = page["value"][0]["id"].as_str().unwrap().to_owned();
        account.delete_job(&job_id(&id), &job::DeleteJob::default(), now()).unwrap();
        let _ = account.tick(now());
        assert!(account.job(&job_id(&id)).is_none());
        seen.push(id);
        let Some(link) = page["odata.nextLink"].as_str() else { break };
        target = link.strip_prefix(URL).unwrap().to_owned();
    }
    assert_eq!(seen, ["a", "c", "e", "b", "d"]);
}

/// Q2: on request, on refusals and reads too, in the client's own spelling.
#[test]
fn the_client_gets_its_id_back_when_it_asks() {
    const ID: &str = "9D5E47A0-0000-4000-8000-00000000aBcD";
    let all = [
        Sent::get("/jobs/film"),
        Sent::get("/jobs/film").header("If-None-Match", "*"),
        Sent::get("/jobs/none"),
        Sent::new("GET", "/nowhere"),
        Sent::post("/jobs/film/terminate", ""),
        Sent::post("/jobs/film/tasks", "{"),
        Sent::post("/jobs/film/tasks", r#"{"id":"frame-2","commandLine":"c"}"#),
        Sent::post("/jobs", r#"{"id":"song","poolInfo":{"poolId":"p"}}"#),
    ];
    for sent in all {
        let braces = format!("{{{ID}}}");
        for (id, return_id, echoed) in [
            (Some(ID), Some("true"), Some(ID)),
            (Some(ID), Some(" True "), Some(ID)),
            (Some(ID), Some("false"), None),
            (Some(ID), Some("1"), None),
            (Some(ID), None, None),
            (None, Some("true"), None),
            (Some(braces.as_str()), Some("true"), None),
            (Some("9D5E47A0"), Some("true"), None),
        ] {
            let mut sent = sent.clone();
            sent = if let Some(id) = id { sent.header("Client-Request-Id", id) } else { sent };
            sent = if let Some(return_id) = return_id {
                sent.header("Return-Client-Request-Id", return_id)
            } else {
                sent
            };
            let response = sent.answer(&mut account()).response;
            assert_eq!(response.header("client-request-id"), echoed, "{} {id:?} {return_id:?}", sent.target);
            assert_eq!(response.header("request-id"), Some(REQUEST_ID));
        }
    }
}
