//! Which of several refusals is returned: S5.

#![allow(clippy::struct_excessive_bools, reason = "each fault of a draft is there or not")]
#![allow(clippy::too_many_lines, reason = "lists of cases are as long as they are")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test speaks of some operations, not of all")]

use std::{collections::BTreeMap, fmt::Write as _};

use azbatch::{
    ErrorCode, Preconditions, Timestamp,
    condition::ConditionHeaders,
    job::{self, JobChange, JobPatch, JobSettings},
    rest::Guid,
};
use serde_json::{Value, json};

use super::{
    World, ends_by_itself,
    errors::{now, seconds_ago, studio, whole_studio},
    s,
};
use crate::world::{NEWEST, Reply, Sent, World as RestWorld, id};

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

/// A request with faults. Each fault sets only its own fields, so their order does not matter.
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
            api_version: Some(NEWEST),
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
        let method = if self.wrong_method { "TRACE" } else { method };
        let mut sent = Sent::bare(&format!("{method} {target}"), body);
        sent.received = Some(self.received);
        sent.request_id = Some(Guid::from_u128(1));
        for (name, values) in &self.headers {
            sent.headers.extend(values.iter().map(|value| ((*name).to_string(), value.as_bytes().to_vec())));
        }
        sent.header("Content-Type", self.content_type)
    }

    fn refusal(&self, studio: &RestWorld) -> Reply {
        self.world(studio).refusal(&self.sent())
    }

    /// The account that it is sent to.
    fn world(&self, studio: &RestWorld) -> RestWorld {
        let mut world = studio.clone();
        if self.task_is_completed {
            assert_eq!(world.send("POST /jobs/film/tasks/frame-1/terminate", "").told(), "204");
        }
        if self.job_is_completed {
            world.complete("film");
        }
        if self.job_is_deleting {
            // The job stays because its node does not answer.
            world.assign("film", "frame-1", "tvm-1");
            assert_eq!(world.send("DELETE /jobs/film", "").told(), "202");
        }
        world.now = now();
        world
    }

    fn set_header(&mut self, name: &'static str, values: &[&'static str]) {
        self.headers.insert(name, values.to_vec());
    }
}

/// Something that a request can be refused for.
struct Fault {
    name: &'static str,
    /// The refusal for it alone: the code, and a text that distinguishes it from others with that code.
    answer: (ErrorCode, &'static str),
    /// The operations that can have it.
    operations: &'static [Operation],
    /// Adds it to a request or its account.
    add: fn(&mut Draft),
}

const ALL: &[Operation] = &Operation::ALL;
const WITH_BODY: &[Operation] = &[AddJob, TerminateJob, AddTask, UpdateJob, DisableJob];
const CONDITIONAL: &[Operation] =
    &[GetJob, TerminateJob, GetTask, UpdateJob, DeleteJob, DisableJob, EnableJob, TerminateTask];
const FORCED: &[Operation] = &[TerminateJob, DeleteJob];
const OF_JOB: &[Operation] =
    &[GetJob, TerminateJob, AddTask, GetTask, UpdateJob, DeleteJob, DisableJob, EnableJob, TerminateTask];

/// In the order of precedence. S5 does not order refusals with the same code and of the same kind, such as those
/// for two headers; for these the crate uses the order here.
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
        add: |draft| draft.received = seconds_ago(31),
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

/// Pairs of faults that no request can have together, and why.
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

/// S5: each fault by itself gets its own refusal.
#[test]
fn each_refusal_alone() {
    let studio = studio();
    for operation in Operation::ALL {
        let status = studio.clone().exchange(&Draft::new(operation).sent()).response.status;
        assert!(matches!(status, 200..=204), "{operation:?} without a fault: {status}");
        for fault in FAULTS.iter().filter(|fault| operation.is_one_of(fault.operations)) {
            let mut draft = Draft::new(operation);
            (fault.add)(&mut draft);
            let refused = draft.refusal(&studio);
            let values = refused.values();
            assert_eq!(refused.json()["code"], fault.answer.0.as_str(), "{operation:?} with {}", fault.name);
            let known =
                fault.answer.1.is_empty() || values.iter().any(|(_, value)| value.contains(fault.answer.1));
            assert!(known, "{operation:?} with {}: {values:?}", fault.name);
        }
    }
}

/// S5: a request with two faults is refused for the first one in the list, as if it were the only one.
#[test]
fn of_two_refusals_the_first_in_order_is_returned() {
    let studio = studio();
    let mut wrong = Vec::new();
    let mut pairs = 0;
    for operation in Operation::ALL {
        let faults: Vec<&Fault> =
            FAULTS.iter().filter(|fault| operation.is_one_of(fault.operations)).collect();
        for (place, first) in faults.iter().enumerate() {
            let mut alone = Draft::new(operation);
            (first.add)(&mut alone);
            let expected = alone.refusal(&studio).response;
            for second in faults[place + 1..].iter().filter(|second| can_stand_together(first, second)) {
                for order in [[first, second], [second, first]] {
                    let mut draft = Draft::new(operation);
                    for fault in order {
                        (fault.add)(&mut draft);
                    }
                    let found = draft.refusal(&studio);
                    pairs += 1;
                    if found.response != expected {
                        let (first, second) = (first.name, second.name);
                        wrong.push(format!("{operation:?}: {first} before {second}: {}", found.told()));
                    }
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(pairs > 1000, "only {pairs} pairs");
}

/// Each exception names two existing faults, in their order, which some operation has both of.
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

/// S5 within a body: a missing property anywhere comes before an invalid value anywhere.
#[test]
fn within_a_body_missing_properties_come_before_invalid_values() {
    let world = whole_studio();
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
        let refused = world.refusal(&Sent::post(path, body.as_str()));
        let told = (refused.told(), refused.said("PropertyName"));
        assert_eq!(told, (format!("400 {code}"), name.to_string()), "{body}");
    }
}

/// S5, Q9: `NotImplemented` comes after every other refusal that does not depend on the account.
#[test]
fn not_implemented_comes_last() {
    let world = studio();
    let auto = |more: &str| {
        let specification = r#"{"poolLifetimeOption":"job"}"#;
        format!(r#"{{"id":"a","poolInfo":{{"autoPoolSpecification":{specification}}}{more}}}"#)
    };
    let twice = Sent::bare("GET /certificates?api-version=2024-07-01.20.0", "").header("ocp-date", "never");
    for (sent, code) in [
        (Sent::post("/jobs", auto("")), "NotImplemented"),
        (Sent::post("/jobs", auto(r#","priority":1001"#)), "InvalidPropertyValue"),
        (Sent::post("/jobs", auto(r#","onAllTasksComplete":"x""#)), "InvalidPropertyValue"),
        (Sent::post("/jobs", auto(r#","jobReleaseTask":{"commandLine":"r"}"#)), "InvalidPropertyValue"),
        (Sent::post("/jobs", auto(r#","metadata":[{"name":"","value":"v"}]"#)), "EmptyMetadataKey"),
        (Sent::bare("GET /certificates?api-version=2024-07-01.20.0", ""), "NotImplemented"),
        (twice, "InvalidHeaderValue"),
    ] {
        assert_eq!(world.refusal(&sent).json()["code"], code, "{}", sent.body.escape_ascii());
    }
}

/// S5: state, then the value that depends on what is stored, then the conditions.
#[test]
fn the_state_comes_before_the_value_and_that_before_the_conditions() {
    let mut world = World::new(ends_by_itself);
    world.add("a");
    let tags = ConditionHeaders { if_match: Some(b"0x0"), ..Default::default() };
    let preconditions = Preconditions::parse(&tags, s(0)).unwrap();
    let take_back =
        job::UpdateJob { change: JobChange::Replace(JobSettings::new(id("pool"))), preconditions };
    let send = |world: &mut World, command: &job::UpdateJob| {
        world.request(|account, job, now| account.update_job(job, command, now))
    };
    assert_eq!(send(&mut world, &take_back), "400 InvalidPropertyValue");
    let patch = job::UpdateJob { change: JobChange::Patch(JobPatch::default()), ..take_back.clone() };
    assert_eq!(send(&mut world, &patch), "412 ConditionNotMet");
    world.terminate();
    assert_eq!(send(&mut world, &take_back), "409 JobBeingTerminated");
}
