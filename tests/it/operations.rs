//! The table of operations: each row is held to what it says, by requests on an account that has one of
//! everything.

use std::{fmt::Write as _, net::Ipv4Addr};

use azbatch::{
    Account, ErrorCode, Timestamp,
    node::RemoteLogin,
    rest::{
        self, ApiVersion, Conditions, ContentType, FileAccess, FileContent, FileItem, FileMetadata,
        FileTimes, Guid, Operation, Prepared, PreparedFile, Response,
    },
};
use serde_json::{Value, json};

use crate::world::{Sent, URL, World, id, told};

/// An account with a job, an active and a failed task, a pool, nodes in three states, a pool that is
/// resizing, and one that scales by a formula.
fn account() -> World {
    let mut world = World::new();
    let pool = json!({ "id": "pool", "vmSize": "small", "targetDedicatedNodes": 3 });
    let added = world.send("POST /pools", pool);
    world.obey(added.effects);
    let growing = json!({ "id": "growing", "vmSize": "small", "targetDedicatedNodes": 1 });
    world.send("POST /pools", growing);
    let scaling =
        json!({ "id": "scaling", "vmSize": "small", "enableAutoScale": true, "autoScaleFormula": "" });
    world.send("POST /pools", scaling);
    let job = json!({
        "id": "job",
        "poolInfo": { "poolId": "pool" },
        "jobPreparationTask": { "commandLine": "x" },
    });
    world.send("POST /jobs", job);
    let job = json!({ "poolInfo": { "poolId": "pool" } });
    let schedule = json!({ "id": "schedule", "schedule": {}, "jobSpecification": job });
    world.send("POST /jobschedules", schedule);
    for task in ["active", "failed"] {
        world.send("POST /jobs/job/tasks", json!({ "id": task, "commandLine": "x" }));
    }
    let assigned = world.assign("job", "failed", "tvm-1");
    world.obey(assigned);
    world.ends("job", "failed", "tvm-1", 1);
    world.send("POST /pools/pool/nodes/tvm-1/users", json!({ "name": "user" }));
    world.send("POST /pools/pool/nodes/tvm-2/disablescheduling", "");
    let deallocating = world.send("POST /pools/pool/nodes/tvm-3/deallocate", "");
    world.obey(deallocating.effects);
    let remote_login = RemoteLogin { address: Ipv4Addr::LOCALHOST.into(), port: 22 };
    world.call(|account, _| account.set_remote_login(&id("tvm-1"), remote_login));
    world
}

/// A path of the table with ids of that account in it.
fn example(path: &str) -> String {
    let is_of_completed = path.ends_with("/reactivate") || path.contains("/files");
    let task = if is_of_completed { "failed" } else { "active" };
    let node = match path.rsplit('/').next() {
        Some("enablescheduling") => "tvm-2",
        Some("start") => "tvm-3",
        _ => "tvm-1",
    };
    let pool = match path.rsplit('/').next() {
        Some("stopresize") => "growing",
        Some("disableautoscale" | "evaluateautoscale") => "scaling",
        _ => "pool",
    };
    let names = [
        ("{job}", "job"),
        ("{schedule}", "schedule"),
        ("{task}", task),
        ("{pool}", pool),
        ("{node}", node),
        ("{..}", "a/b"),
    ];
    let path = names.iter().fold(path.to_string(), |path, (name, id)| path.replace(name, id));
    path.replace(['{', '}'], "")
}

/// A body that the operation accepts, if it needs one.
fn body(operation: &Operation) -> Option<Value> {
    Some(match (operation.method, operation.path) {
        ("POST", "/jobs") => json!({ "id": "other", "poolInfo": { "poolId": "pool" } }),
        ("PUT", "/jobs/{job}") => json!({ "poolInfo": { "poolId": "pool" } }),
        ("PATCH", "/jobs/{job}" | "/jobschedules/{schedule}" | "/pools/{pool}")
        | ("PUT", "/jobs/{job}/tasks/{task}" | "/pools/{pool}/nodes/{node}/users/{user}")
        | ("POST", "/pools/{pool}/updateproperties") => json!({}),
        ("POST", "/jobs/{job}/disable") => json!({ "disableTasks": "wait" }),
        ("POST", "/jobs/{job}/tasks") => json!({ "id": "other", "commandLine": "x" }),
        ("POST", "/jobs/{job}/addtaskcollection") => {
            json!({ "value": [{ "id": "other", "commandLine": "x" }] })
        }
        ("POST", "/jobschedules") => json!({
            "id": "other",
            "schedule": {},
            "jobSpecification": { "poolInfo": { "poolId": "pool" } },
        }),
        ("PUT", "/jobschedules/{schedule}") => json!({
            "schedule": {},
            "jobSpecification": { "poolInfo": { "poolId": "pool" } },
        }),
        ("POST", "/pools") => json!({ "id": "other", "vmSize": "small" }),
        ("POST", "/pools/{pool}/resize") => json!({ "targetDedicatedNodes": 2 }),
        ("POST", "/pools/{pool}/enableautoscale" | "/pools/{pool}/evaluateautoscale") => {
            json!({ "autoScaleFormula": "$TargetDedicatedNodes = 1" })
        }
        ("POST", "/pools/{pool}/nodes/{node}/users") => json!({ "name": "new" }),
        ("POST", "/pools/{pool}/nodes/{node}/uploadbatchservicelogs") => {
            json!({ "containerUrl": "https://example.com/logs", "startTime": "2026-02-10" })
        }
        ("POST", "/pools/{pool}/removenodes") => json!({ "nodeList": ["tvm-1"] }),
        _ => return None,
    })
}

/// A request for an operation in an api-version.
fn call(operation: &Operation, version: ApiVersion) -> Sent {
    let line = format!("{} {}?api-version={version}", operation.method, example(operation.path));
    let body = body(operation).map(|body| body.to_string()).unwrap_or_default();
    Sent::bare(&line, body).header("Content-Type", "application/json")
}

/// A request for an operation in a version that has it: the newest, or the last one.
fn known_call(operation: &Operation) -> Sent {
    let version = ApiVersion::ALL.iter().rfind(|version| operation.is_known_to(**version)).unwrap();
    call(operation, *version)
}

/// The status of an answer, and the code of a refusal.
fn outcome(world: &World, sent: &Sent) -> String {
    let response = respond(world, sent);
    if response.status < 400 || !response.body.is_empty() {
        return told(&response);
    }
    format!("{} {}", response.status, code_of(&response))
}

fn respond(world: &World, sent: &Sent) -> Response {
    let now = world.now;
    let about_file = sent.request(now, Guid::from_u128(1), |request| {
        let Ok(Prepared::File(file)) = rest::prepare(request, URL, now) else { return None };
        Some(answer_with_file(file, &world.account, now))
    });
    about_file.unwrap_or_else(|| world.clone().exchange(sent).response)
}

/// The answer of a host that finds a file wherever it is asked for one.
fn answer_with_file(file: PreparedFile<'_>, account: &Account, now: Timestamp) -> Response {
    let metadata = FileMetadata {
        times: FileTimes { created: None, last_modified: Timestamp::MIN },
        content_length: 1,
        content_type: ContentType::Text,
        mode: None,
    };
    match file.decide(account, now) {
        Err(refusal) => refusal,
        Ok(FileAccess::List(list)) => list.answer(Ok(Vec::new()), now),
        Ok(FileAccess::Get(get)) => {
            let bytes = vec![b'x'; get.bytes_of(1).count()];
            get.answer(Ok(FileContent { metadata, bytes }), now)
        }
        Ok(FileAccess::Properties(properties)) => properties.answer(Ok(FileItem::File(metadata)), now),
        Ok(FileAccess::Delete(delete)) => delete.answer(Ok(()), now),
    }
}

/// The code of a refusal without a body, which is the answer to a HEAD.
fn code_of(response: &Response) -> ErrorCode {
    let mut codes = ErrorCode::ALL.iter().copied();
    codes.find(|code| (code.status(), code.text()) == (response.status, response.reason)).unwrap()
}

/// How a request is answered that nothing is wrong with. There are no applications and extensions (Q11).
fn accepted(operation: &Operation) -> String {
    match operation.path.rsplit('/').next() {
        Some("{application}") => "404 ApplicationNotFound".into(),
        Some("{extension}") => "404 ResourceNotFound".into(),
        _ => operation.status.to_string(),
    }
}

fn implemented() -> impl Iterator<Item = &'static Operation> {
    Operation::all().iter().filter(|operation| operation.is_implemented())
}

#[test]
fn the_table() {
    let world = account();
    let mut table = String::new();
    for operation in Operation::all() {
        let response = respond(&world, &known_call(operation));
        assert!(accepted(operation).starts_with(&response.status.to_string()), "{operation:?}: {response:?}");
        write!(table, "{} {}: {}", operation.method, operation.path, operation.status).unwrap();
        if operation.since != ApiVersion::OLDEST {
            write!(table, ", since {}", operation.since).unwrap();
        }
        if let Some(until) = operation.until {
            write!(table, ", until {until}").unwrap();
        }
        if operation.is_implemented() {
            table.push_str(match operation.conditions {
                Conditions::None => "",
                Conditions::Dates => ", conditional by date",
                Conditions::All => ", conditional",
            });
            if operation.has_range {
                table.push_str(", can be of a range");
            }
            if operation.is_forceable {
                table.push_str(", can be forced");
            }
            write!(table, ", at most {} s", operation.max_timeout_seconds).unwrap();
            let names = response.headers.iter().map(|(name, _)| name);
            let names: Vec<&str> =
                names.filter(|name| !["request-id", "DataServiceVersion"].contains(name)).collect();
            if !names.is_empty() {
                write!(table, "; {}", names.join(", ")).unwrap();
            }
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

/// Q12
#[test]
fn an_operation_is_unknown_to_versions_without_it() {
    let world = account();
    for operation in Operation::all() {
        let others: Vec<&Operation> =
            Operation::all().iter().filter(|other| other.path == operation.path).collect();
        for version in ApiVersion::ALL {
            let told = outcome(&world, &call(operation, *version));
            let has_path = others.iter().any(|other| other.is_known_to(*version));
            let refusal = if has_path { "405 UnsupportedHttpVerb" } else { "400 InvalidUri" };
            assert_eq!(
                told == refusal,
                !operation.is_known_to(*version),
                "{} {} in {version}: {told}",
                operation.method,
                operation.path
            );
        }
    }
}

/// Q12: `since` is the first version that has the operation, `until` the first after it that does not.
#[test]
fn an_operation_is_known_from_one_version_to_another() {
    for operation in Operation::all() {
        let known: Vec<ApiVersion> =
            ApiVersion::ALL.iter().copied().filter(|version| operation.is_known_to(*version)).collect();
        let next = ApiVersion::ALL.iter().copied().find(|version| Some(version) > known.last());
        assert_eq!((known.first(), next), (Some(&operation.since), operation.until), "{operation:?}");
    }
}

/// H1, H2, V6: other operations do not look at conditional headers at all.
#[test]
fn conditional_headers_are_read_where_the_table_says_so() {
    let world = account();
    for operation in implemented() {
        let accepted = accepted(operation);
        let told = |headers: &[(&str, &str)]| {
            let sent =
                headers.iter().fold(known_call(operation), |sent, (name, tag)| sent.header(name, *tag));
            outcome(&world, &sent)
        };
        let (unmet, two) = ("412 ConditionNotMet", "400 MultipleConditionHeadersNotSupported");
        let if_read = |is_read: bool, refusal| if is_read { refusal } else { accepted.as_str() };
        let tags = operation.conditions == Conditions::All;
        assert_eq!(told(&[("If-Match", "0x1")]), if_read(tags, unmet), "{operation:?}");
        let both = [("If-Match", "*"), ("If-None-Match", "0x1")];
        assert_eq!(told(&both), if_read(tags, two), "{operation:?}");
        let dates = operation.conditions != Conditions::None;
        let early = "Mon, 01 Jan 0001 00:00:00 GMT";
        let both = [("If-Modified-Since", early), ("If-Unmodified-Since", early)];
        assert_eq!(told(&both), if_read(dates, two), "{operation:?}");
        assert_eq!(told(&[("If-Modified-Since", "soon")]), if_read(dates, "400 InvalidHeaderValue"));
    }
}

/// V7: other operations do not look at the header.
#[test]
fn a_range_is_read_where_the_table_says_so() {
    let world = account();
    for operation in implemented() {
        let accepted = accepted(operation);
        let sent = known_call(operation).header("ocp-range", "all");
        let expected = if operation.has_range { "400 InvalidHeaderValue" } else { &accepted };
        assert_eq!(outcome(&world, &sent), expected, "{operation:?}");
    }
}

/// F3: other operations do not look at the parameter.
#[test]
fn force_is_read_where_the_table_says_so() {
    let world = account();
    for operation in implemented() {
        let accepted = accepted(operation);
        let sent = known_call(operation).query("&force=perhaps");
        let expected = if operation.is_forceable { "400 InvalidQueryParameterValue" } else { &accepted };
        assert_eq!(outcome(&world, &sent), expected, "{operation:?}");
    }
}

/// F4
#[test]
fn no_timeout_is_longer_than_the_table_says() {
    let world = account();
    for operation in implemented() {
        let accepted = accepted(operation);
        let timeout = |seconds: u64, query: &str| {
            let mut late = world.clone();
            let sent = Sent { received: Some(late.now), ..known_call(operation).query(query) };
            outcome(late.later(seconds), &sent)
        };
        let longest = operation.max_timeout_seconds;
        assert_eq!(timeout(longest, "&timeout=100000"), accepted, "{operation:?}");
        let late = timeout(longest + 1, "&timeout=100000");
        assert!(late.starts_with("500 "), "{operation:?}: {late}");
        assert!(timeout(2, "&timeout=1").starts_with("500 "), "{operation:?}");
    }
}

/// S5, Q9
#[test]
fn a_missing_operation_says_what_it_belongs_to() {
    let world = account();
    for operation in Operation::all().iter().filter(|operation| !operation.is_implemented()) {
        let response = world.clone().exchange(&known_call(operation)).response;
        assert_eq!(response.status, 501, "{operation:?}");
        if operation.method != "HEAD" {
            let body: Value = serde_json::from_slice(&response.body).unwrap();
            let reason = body["values"][0]["value"].as_str().unwrap();
            assert!(reason.starts_with("Not implemented by this emulation of the service: "), "{reason}");
        }
    }
}
