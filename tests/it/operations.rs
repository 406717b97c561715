//! The table of operations: each row is held to what it says, by requests on an account that has one of
//! everything.

use std::fmt::Write as _;

use azbatch::{
    Account, ErrorCode, Timestamp,
    rest::{self, ApiVersion, Guid, Operation, Request, Response},
};
use serde_json::{Value, json};

use crate::world::{NEWEST, World, secs};

/// An account with a job, an active and a failed task, a pool, nodes in three states, a pool that is
/// resizing, and one that scales by a formula.
fn account() -> Account {
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
    world.send("POST /pools/pool/nodes/tvm-2/disablescheduling", "");
    let deallocating = world.send("POST /pools/pool/nodes/tvm-3/deallocate", "");
    world.obey(deallocating.effects);
    world.account
}

/// A path of the table with ids of that account in it.
fn example(path: &str) -> String {
    let task = if path.ends_with("/reactivate") { "failed" } else { "active" };
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
        | ("PUT", "/jobs/{job}/tasks/{task}")
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
        ("POST", "/pools/{pool}/removenodes") => json!({ "nodeList": ["tvm-1"] }),
        _ => return None,
    })
}

/// A request for an operation, and how it is to be sent.
struct Call {
    query: String,
    version: String,
    headers: Vec<(&'static str, &'static [u8])>,
    /// How long after its arrival it is answered.
    seconds: u64,
}

impl Default for Call {
    fn default() -> Self {
        Self { query: String::new(), version: NEWEST.into(), headers: Vec::new(), seconds: 0 }
    }
}

impl Call {
    fn send(&self, account: &Account, operation: &Operation) -> Response {
        let target = format!("{}?api-version={}{}", example(operation.path), self.version, self.query);
        let body = body(operation).map(|body| body.to_string()).unwrap_or_default();
        let mut headers = self.headers.clone();
        headers.push(("Content-Type", b"application/json"));
        let received = Timestamp::parse_iso8601("2026-02-10T10:00:00Z").unwrap();
        let request = Request {
            method: operation.method,
            target: &target,
            headers: &headers,
            body: body.as_bytes(),
            received,
            request_id: Guid::from_u128(1),
        };
        let now = received.saturating_add(secs(self.seconds));
        rest::answer(&mut account.clone(), &request, now).response
    }

    /// The status and the code of a refusal.
    fn told(&self, account: &Account, operation: &Operation) -> String {
        let response = self.send(account, operation);
        if response.status < 400 {
            return response.status.to_string();
        }
        let body = serde_json::from_slice::<Value>(&response.body);
        let code =
            body.map_or_else(|_| code_of(&response), |body| body["code"].as_str().unwrap().parse().unwrap());
        format!("{} {code}", response.status)
    }
}

/// The code of a refusal without a body, which is the answer to a HEAD.
fn code_of(response: &Response) -> ErrorCode {
    let mut codes = ErrorCode::ALL.iter().copied();
    codes.find(|code| (code.status(), code.text()) == (response.status, response.reason)).unwrap()
}

fn implemented() -> impl Iterator<Item = &'static Operation> {
    Operation::all().iter().filter(|operation| operation.is_implemented())
}

/// A version that has the operation: the newest, or the last one.
fn version(operation: &Operation) -> ApiVersion {
    *ApiVersion::ALL.iter().rfind(|version| operation.is_known_to(**version)).unwrap()
}

/// How an accepted request is called.
fn call(operation: &Operation) -> Call {
    Call { version: version(operation).to_string(), ..Call::default() }
}

#[test]
fn the_table() {
    let account = account();
    let mut table = String::new();
    for operation in Operation::all() {
        let response = call(operation).send(&account, operation);
        assert_eq!(response.status, operation.status, "{operation:?}: {:?}", response.reason);
        write!(table, "{} {}: {}", operation.method, operation.path, operation.status).unwrap();
        if operation.since != ApiVersion::OLDEST {
            write!(table, ", since {}", operation.since).unwrap();
        }
        if let Some(until) = operation.until {
            write!(table, ", until {until}").unwrap();
        }
        if operation.is_implemented() {
            if operation.is_conditional {
                table.push_str(", conditional");
            }
            if operation.is_forceable {
                table.push_str(", can be forced");
            }
            write!(table, ", at most {} s", operation.max_timeout_seconds).unwrap();
            let names = response.headers.iter().map(|(name, _)| *name);
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
    let account = account();
    for operation in Operation::all() {
        let others: Vec<&Operation> =
            Operation::all().iter().filter(|other| other.path == operation.path).collect();
        for version in ApiVersion::ALL {
            let told = Call { version: version.to_string(), ..Call::default() }.told(&account, operation);
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

/// H1, H2: other operations do not look at conditional headers at all.
#[test]
fn conditional_headers_are_read_where_the_table_says_so() {
    let account = account();
    for operation in implemented() {
        let accepted = operation.status.to_string();
        let told = |headers: &[(&'static str, &'static [u8])]| {
            Call { headers: headers.to_vec(), ..call(operation) }.told(&account, operation)
        };
        let (unmet, two) = if operation.is_conditional {
            ("412 ConditionNotMet", "400 MultipleConditionHeadersNotSupported")
        } else {
            (accepted.as_str(), accepted.as_str())
        };
        assert_eq!(told(&[("If-Match", b"0x1")]), unmet, "{operation:?}");
        assert_eq!(told(&[("If-Match", b"*"), ("If-None-Match", b"0x1")]), two, "{operation:?}");
    }
}

/// F3: other operations do not look at the parameter.
#[test]
fn force_is_read_where_the_table_says_so() {
    let account = account();
    for operation in implemented() {
        let accepted = operation.status.to_string();
        let call = Call { query: "&force=perhaps".into(), ..call(operation) };
        let expected = if operation.is_forceable { "400 InvalidQueryParameterValue" } else { &accepted };
        assert_eq!(call.told(&account, operation), expected, "{operation:?}");
    }
}

/// F4
#[test]
fn no_timeout_is_longer_than_the_table_says() {
    let account = account();
    for operation in implemented() {
        let accepted = operation.status.to_string();
        let timeout = |seconds: u64, query: &str| {
            Call { query: query.into(), seconds, ..call(operation) }.told(&account, operation)
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
    let account = account();
    for operation in Operation::all().iter().filter(|operation| !operation.is_implemented()) {
        let response = call(operation).send(&account, operation);
        assert_eq!(response.status, 501, "{operation:?}");
        if operation.method != "HEAD" {
            let body: Value = serde_json::from_slice(&response.body).unwrap();
            let reason = body["values"][0]["value"].as_str().unwrap();
            assert!(reason.starts_with("Not implemented by this emulation of the service: "), "{reason}");
        }
    }
}
