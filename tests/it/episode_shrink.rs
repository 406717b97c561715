//! `replay --shrink`: a long episode that fails becomes a short one that fails in the same way.

#![allow(clippy::needless_pass_by_value, reason = "the values are made in the calls")]

use azbatch::{
    Account,
    episode::Recorder,
    rest::{Guid, Request},
};
use serde_json::{Value, json};

use crate::episode::{
    Action, Episode, Outcome, Player,
    shrink::{Shrunk, shrink},
};

const VERSION: &str = "api-version=2024-07-01.20.0";

/// An episode under construction; each step comes a second after the one before.
struct Long {
    steps: Vec<Value>,
}

impl Long {
    fn push(&mut self, mut step: Value) {
        let (minute, second) = (self.steps.len() / 60, self.steps.len() % 60);
        step["at"] = format!("2026-02-10T08:{minute:02}:{second:02}Z").into();
        self.steps.push(step);
    }

    fn request(&mut self, method: &str, path: &str, body: Value, expect: Value) {
        let joint = if path.contains('?') { '&' } else { '?' };
        let target = format!("{path}{joint}{VERSION}&timeout=20");
        let mut request = json!({ "method": method, "target": target });
        request["headers"] = json!({
            "client-request-id": "0123456789abcdef", "Content-Type": "application/json", "User-Agent": "me"
        });
        if !body.is_null() {
            request["body"] = body.to_string().into();
        }
        self.push(json!({ "request": request, "expect": expect, "says": "a request", "rules": ["E1"] }));
    }

    /// 3 jobs of 3 tasks each, of which those named `frame-1` run on nodes, with reads between.
    fn new() -> Self {
        let mut long = Self { steps: Vec::new() };
        for job in ["film", "song", "game"] {
            let body = json!({
                "id": job, "displayName": "Long", "priority": 7, "metadata": [{ "name": "a", "value": "b" }],
                "poolInfo": { "poolId": "studio" }, "constraints": { "maxWallClockTime": "P1D" }
            });
            long.request("POST", "/jobs", body, json!({ "status": 201 }));
            for task in ["frame-1", "frame-2", "frame-3"] {
                let body = json!({ "id": task, "commandLine": "draw", "displayName": "A frame" });
                long.request("POST", &format!("/jobs/{job}/tasks"), body, json!({ "status": 201 }));
                long.request("GET", &format!("/jobs/{job}/tasks"), Value::Null, json!({ "status": 200 }));
            }
            let node = format!("node-{job}");
            long.push(json!({ "assign": { "job": job, "task": "frame-1", "node": node } }));
            let started =
                json!({ "job": job, "node": node, "unit": "task", "task": "frame-1", "event": "started" });
            long.push(json!({ "report": started }));
            long.push(json!({ "tick": true }));
        }
        long
    }

    fn text(&self) -> String {
        json!({
            "name": "long", "source": "composed for a test", "account": "https://contoso.westus.batch.azure.com",
            "setup": { "nodes": [
                { "pool": "studio", "id": "node-film" },
                { "pool": "studio", "id": "node-song" },
                { "pool": "studio", "id": "node-game" }
            ] },
            "steps": self.steps
        })
        .to_string()
    }

    fn shrink(&self) -> Shrunk {
        assert!(self.steps.len() >= 30);
        shrink(&self.text()).unwrap()
    }
}

/// What is left: the steps without their times, and the nodes.
fn left(shrunk: &Shrunk) -> (Vec<Value>, Value) {
    let failed = |(_, outcome)| matches!(outcome, Outcome::Failed(_));
    let episode = Episode::parse(&shrunk.text).unwrap();
    let outcomes = Player::new(&episode).play(&episode);
    assert_eq!(outcomes.into_iter().map(failed).filter(|failed| *failed).count(), 1, "{}", shrunk.text);
    let mut document: Value = serde_json::from_str(&shrunk.text).unwrap();
    for step in document["steps"].as_array_mut().unwrap() {
        step.as_object_mut().unwrap().remove("at");
    }
    (document["steps"].as_array().unwrap().clone(), document["setup"]["nodes"].take())
}

/// A body is one text in the file; here it is compared as JSON.
fn request(method: &str, path: &str, body: Value) -> Value {
    let mut request = json!({ "method": method, "target": format!("{path}?{VERSION}") });
    if !body.is_null() {
        request["headers"] = json!({ "Content-Type": "application/json" });
        request["body"] = body;
    }
    json!({ "request": request })
}

fn with_bodies(mut steps: Vec<Value>) -> Vec<Value> {
    for step in &mut steps {
        if let Some(body) = step.pointer_mut("/request/body") {
            *body = serde_json::from_str(body.as_str().unwrap()).unwrap();
        }
    }
    steps
}

/// The fault needs a job, a task, its node and its end: 5 of 45 steps, and no more of the bodies than must be there.
#[test]
fn a_wrong_result_comes_down_to_what_makes_it() {
    let mut long = Long::new();
    let ended = json!({
        "job": "song", "node": "node-song", "unit": "task", "task": "frame-1", "event": "ended", "exitCode": 3
    });
    long.push(json!({ "report": ended }));
    let expect = json!({
        "status": 200, "headers": { "DataServiceVersion": "3.0" },
        "contains": { "state": "completed", "executionInfo": { "exitCode": 3, "result": "success" } }
    });
    long.request("GET", "/jobs/song/tasks/frame-1", Value::Null, expect);
    long.request("GET", "/jobs/game", Value::Null, json!({ "status": 299 }));
    let shrunk = long.shrink();
    let (steps, nodes) = left(&shrunk);
    let mut read = request("GET", "/jobs/song/tasks/frame-1", Value::Null);
    read["expect"] = json!({ "contains": { "executionInfo": { "result": "success" } } });
    let run =
        json!({ "job": "song", "node": "node-song", "unit": "task", "task": "frame-1", "event": "ended" });
    assert_eq!(
        with_bodies(steps),
        [
            request("POST", "/jobs", json!({ "id": "song", "poolInfo": { "poolId": "studio" } })),
            request("POST", "/jobs/song/tasks", json!({ "id": "frame-1", "commandLine": "draw" })),
            json!({ "assign": { "job": "song", "task": "frame-1", "node": "node-song" } }),
            // Without an exit code it has failed too (K11).
            json!({ "report": run }),
            read,
        ]
    );
    assert_eq!(nodes, json!([{ "pool": "studio", "id": "node-song" }]));
    assert_eq!((shrunk.steps, shrunk.failing), ((long.steps.len(), 5), 2));
    assert!(shrunk.why.contains("/executionInfo/result: expected \"success\", came \"failure\""));
}

/// Without the job the request fails too, but with another status, and without the termination with none.
#[test]
fn it_does_not_slip_to_another_fault() {
    let mut long = Long::new();
    long.request(
        "POST",
        "/jobs/film/terminate",
        json!({ "terminateReason": "cut" }),
        json!({ "status": 202 }),
    );
    long.request("PATCH", "/jobs/film", json!({ "priority": 1 }), json!({ "status": 200 }));
    let (steps, nodes) = left(&long.shrink());
    let mut patch = request("PATCH", "/jobs/film", json!({}));
    patch["expect"] = json!({ "status": 200 });
    assert_eq!(
        with_bodies(steps),
        [
            request("POST", "/jobs", json!({ "id": "film", "poolInfo": { "poolId": "studio" } })),
            request("POST", "/jobs/film/terminate", Value::Null),
            patch,
        ]
    );
    assert_eq!(nodes, Value::Null);
}

/// Of a whole body that is expected, the value that differs is left.
#[test]
fn one_value_of_a_whole_body_is_left() {
    let mut long = Long::new();
    long.request("GET", "/jobs/game", Value::Null, json!({}));
    let text = long.text();
    let episode = Episode::parse(&text).unwrap();
    let mut player = Player::new(&episode);
    player.play(&episode);
    let mut body: Value = serde_json::from_slice(&player.answer().unwrap().body).unwrap();
    assert_eq!(body["priority"], 7);
    body["priority"] = 8.into();
    long.steps.last_mut().unwrap()["expect"] = json!({ "contains": body });
    let (steps, _) = left(&long.shrink());
    let mut read = request("GET", "/jobs/game", Value::Null);
    read["expect"] = json!({ "contains": { "priority": 8 } });
    let add = json!({ "id": "game", "poolInfo": { "poolId": "studio" }, "priority": 7 });
    assert_eq!(with_bodies(steps), [request("POST", "/jobs", add), read]);
}

#[test]
fn what_passes_is_not_reduced() {
    assert_eq!(shrink(&Long::new().text()).unwrap_err(), "nothing fails in it");
}

/// A recording expects whole bodies. What is left of one is the value that is wrong.
#[test]
fn a_recording_comes_down_to_a_value() {
    let long = Long::new();
    let episode = Episode::parse(&long.text()).unwrap();
    let mut recorder = Recorder::new(Account::new(&episode.account), "long").unwrap();
    let mut answers = 0;
    for step in &episode.steps {
        if let Action::Request(request) = &step.action {
            let headers: Vec<(&str, &[u8])> =
                request.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
            let (method, target, body) = (&request.method, &request.target, &request.body);
            let (received, request_id) = (request.received, Guid::from_u128(1));
            let request = Request { method, target, headers: &headers, body, received, request_id };
            let _ = recorder.answer(&request, step.at());
            answers += 1;
        }
    }
    let text = recorder.to_string();
    assert!(answers >= 20 && shrink(&text).is_err());
    // The last list of tasks: the state of the second one.
    let place = text.rfind("\"state\":\"active\"").unwrap();
    let wrong =
        [&text[..place], "\"state\":\"preparing\"", &text[place + "\"state\":\"active\"".len()..]].concat();
    let shrunk = shrink(&wrong).unwrap();
    let (mut steps, _) = left(&shrunk);
    let read = steps.pop().unwrap();
    assert_eq!(read["request"]["target"], format!("/jobs/game/tasks?{VERSION}"));
    assert_eq!(read["expect"], json!({ "contains": { "value": [{}, {}, { "state": "preparing" }] } }));
    let tasks = steps.iter().map(|step| &step["request"]["target"]).collect::<Vec<_>>();
    let [jobs, task] = ["/jobs", "/jobs/game/tasks"].map(|path| format!("{path}?{VERSION}"));
    assert_eq!(tasks, [&jobs, &task, &task, &task]);
}
