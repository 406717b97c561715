//! Requests about one question, and what came back.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::ledger::{Kind, Ledger};
use crate::against::{Answered, Asked, Service, versioned};

/// The api-version of all requests that name no other.
pub const VERSION: &str = "2024-07-01.20.0";
/// A pool that is not there: jobs can name it, and their tasks stay active.
const NO_POOL: &str = "azbatch-ask-no-pool";
/// How often a resource is read until it is as expected.
const READS: u32 = 70;
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// So that waiting does not use up the requests that an account may send.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often a request is sent again if the service says that it is busy.
const RETRIES: u32 = 4;

/// What all conversations of a run share.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    pub service: &'a Service,
    pub ledger: &'a Ledger,
    /// A pool with a node.
    pub pool: Option<&'a str>,
    /// Whether the user wants no more.
    pub stopped: &'a AtomicBool,
}

/// Why a conversation ends without an answer.
pub enum Stop {
    Skipped(String),
    /// What should have led to the answer did not.
    Unclear(String),
    /// What was asked about does not happen, which is an answer.
    Stays(String),
}

pub struct Conversation<'a> {
    pub run: Run<'a>,
    pub exchanges: Vec<Exchange>,
}

/// A request and its answer.
pub struct Exchange {
    pub request: Request,
    pub reply: Reply,
}

/// A request that is to be sent.
#[derive(Clone)]
pub struct Request {
    pub method: &'static str,
    /// Path and query, without the api-version.
    pub path: String,
    pub version: Option<&'static str>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<String>,
}

impl Request {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        let has_body = method == "POST" || method == "PUT" || method == "PATCH";
        let body = has_body.then(String::new);
        Self { method, path: path.into(), version: Some(VERSION), headers: Vec::new(), body }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn version(self, version: &'static str) -> Self {
        Self { version: Some(version), ..self }
    }

    pub fn unversioned(self) -> Self {
        Self { version: None, ..self }
    }

    pub fn json(self, body: &Value) -> Self {
        self.text(body.to_string()).header("Content-Type", "application/json")
    }

    /// A body without a content type.
    pub fn text(self, body: impl Into<String>) -> Self {
        Self { body: Some(body.into()), ..self }
    }

    pub fn target(&self) -> String {
        self.version.map_or_else(|| self.path.clone(), |version| versioned(&self.path, version))
    }
}

/// What came back.
#[derive(Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// As JSON. A body that is not JSON is a string, and an empty one is null.
    pub body: Value,
}

impl Reply {
    fn new(answered: &Answered) -> Self {
        let text = String::from_utf8_lossy(&answered.body);
        let as_text = || if text.is_empty() { Value::Null } else { json!(text) };
        let header =
            |(name, value): &(String, Vec<u8>)| (name.clone(), String::from_utf8_lossy(value).into_owned());
        Self {
            status: answered.status,
            headers: answered.headers.iter().map(header).collect(),
            body: serde_json::from_str(&text).unwrap_or_else(|_| as_text()),
        }
    }

    /// The status, and the code of a refusal: `409 JobCompleted`.
    pub fn says(&self) -> String {
        match self.text("/code") {
            "" => self.status.to_string(),
            code => format!("{} {code}", self.status),
        }
    }

    /// The string at this pointer in the body, or an empty one.
    pub fn text(&self, pointer: &str) -> &str {
        text(&self.body, pointer)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }
}

/// The string at this pointer in a value, or an empty one.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What a task does. A simulated node understands it too.
pub fn sleeps(seconds: u32) -> String {
    format!("/bin/sh -c \"sleep {seconds}\"")
}

impl Run<'_> {
    /// Whether the account can be asked, and the pool has a node.
    pub fn check(&self) -> Result<(), String> {
        let mut conversation = Conversation::new(*self);
        let mut get = |path: &str| match conversation.get(path) {
            Ok(reply) if reply.status == 200 => Ok(reply),
            Ok(reply) => Err(format!("nothing can be asked: {path} answers {}", reply.says())),
            Err(Stop::Unclear(why) | Stop::Skipped(why) | Stop::Stays(why)) => Err(why),
        };
        get("/jobs?maxresults=1")?;
        let Some(pool) = self.pool else { return Ok(()) };
        let pool = get(&format!("/pools/{pool}"))?.body;
        let nodes = |name: &str| pool[name].as_u64().unwrap_or(0);
        if nodes("currentDedicatedNodes") + nodes("currentLowPriorityNodes") == 0 {
            return Err("the pool has no node; without --pool, questions that need one are skipped".into());
        }
        Ok(())
    }
}

impl<'a> Conversation<'a> {
    pub fn new(run: Run<'a>) -> Self {
        Self { run, exchanges: Vec::new() }
    }

    /// Sends a request, also again if the service is busy.
    pub fn send(&mut self, request: Request) -> Result<Reply, Stop> {
        for pause in 0..RETRIES {
            let reply = self.send_once(&request)?;
            if !matches!(reply.status, 429 | 503) {
                self.exchanges.push(Exchange { request, reply: reply.clone() });
                return Ok(reply);
            }
            self.pause(Duration::from_secs(1 << pause))?;
        }
        Err(Stop::Unclear("the service is busy".into()))
    }

    fn send_once(&self, request: &Request) -> Result<Reply, Stop> {
        self.check_stopped()?;
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (target, body) = (request.target(), request.body.as_deref().map(str::as_bytes));
        let asked = Asked { method: request.method, target: &target, headers: &headers, body };
        let answered = self.run.service.ask(&asked);
        answered.map(|answered| Reply::new(&answered)).map_err(|error| Stop::Unclear(error.to_string()))
    }

    fn check_stopped(&self) -> Result<(), Stop> {
        if self.run.stopped.load(Ordering::Relaxed) {
            return Err(Stop::Skipped("interrupted".into()));
        }
        Ok(())
    }

    /// Waits, in short pieces, so that ctrl-c is noticed.
    pub fn pause(&self, duration: Duration) -> Result<(), Stop> {
        let end = Instant::now() + duration;
        loop {
            self.check_stopped()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(Duration::from_millis(50)));
        }
    }

    pub fn get(&mut self, path: &str) -> Result<Reply, Stop> {
        self.send(Request::new("GET", path))
    }

    pub fn delete(&mut self, path: &str) -> Result<Reply, Stop> {
        self.send(Request::new("DELETE", path))
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Result<Reply, Stop> {
        self.send(Request::new("POST", path).json(body))
    }

    pub fn patch(&mut self, path: &str, body: &Value) -> Result<Reply, Stop> {
        self.send(Request::new("PATCH", path).json(body))
    }

    /// A POST without a body.
    pub fn act(&mut self, path: &str) -> Result<Reply, Stop> {
        self.send(Request::new("POST", path))
    }

    /// A request that is no question, but leads to one.
    pub fn must(&mut self, request: Request) -> Result<Reply, Stop> {
        let what = format!("{} {}", request.method, request.path);
        let reply = self.send(request)?;
        if reply.status >= 300 {
            return Err(Stop::Unclear(format!("{what} answered {}", reply.says())));
        }
        Ok(reply)
    }

    /// Reads until the resource is as expected, which leads to the answer.
    pub fn wait(&mut self, path: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value, Stop> {
        let found = self.read_until(path, is_so)?;
        found.map_err(|last| Stop::Unclear(format!("{path} stays {}", text(&last, "/state"))))
    }

    /// Reads until the resource has a state, which is the answer: so is that it does not get there.
    pub fn watch(&mut self, path: &str, state: &str) -> Result<Value, Stop> {
        let found = self.read_until(path, |found| found["state"] == state)?;
        let what = if path.contains("/tasks/") { "task" } else { "job" };
        found.map_err(|last| Stop::Stays(format!("the {what} stays {}", text(&last, "/state"))))
    }

    /// The resource when it is as expected, or as it was read last.
    fn read_until(
        &mut self,
        path: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Result<Result<Value, Value>, Stop> {
        let mut pause = FIRST_PAUSE;
        let mut last = Value::Null;
        for _ in 0..READS {
            last = self.must(Request::new("GET", path))?.body;
            if is_so(&last) {
                return Ok(Ok(last));
            }
            self.exchanges.pop(); // Only the last read says anything.
            self.pause(pause)?;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
        Ok(Err(last))
    }

    pub fn wait_for_state(&mut self, path: &str, state: &str) -> Result<Value, Stop> {
        self.wait(path, |found| found["state"] == state)
    }

    /// Adds something that will be deleted in the end, and returns its id.
    fn add(&mut self, kind: Kind, mut properties: Value) -> Result<(String, Reply), Stop> {
        self.check_stopped()?; // What is not sent need not be deleted.
        let ledger = self.run.ledger;
        let id = ledger.note(kind);
        properties["id"] = json!(id);
        let reply = self.post(kind.list(), &properties)?;
        ledger.answered(&id, reply.status, reply.text("/code"));
        Ok((id, reply))
    }

    /// The path of a new job, whose tasks stay active because its pool is not there.
    pub fn job(&mut self, properties: Value) -> Result<String, Stop> {
        self.job_on(NO_POOL, properties)
    }

    /// The path of a new job on the pool that has a node.
    pub fn job_on_node(&mut self, properties: Value) -> Result<String, Stop> {
        let pool = self.run.pool.unwrap_or(NO_POOL);
        self.job_on(pool, properties)
    }

    fn job_on(&mut self, pool: &str, properties: Value) -> Result<String, Stop> {
        let reply = self.try_job(pool, properties)?;
        match reply {
            (path, reply) if reply.status == 201 => Ok(path),
            (_, reply) => Err(Stop::Unclear(format!("adding a job answered {}", reply.says()))),
        }
    }

    /// Adds a job that may be refused, and whose tasks would stay active.
    pub fn add_job(&mut self, properties: Value) -> Result<Reply, Stop> {
        Ok(self.try_job(NO_POOL, properties)?.1)
    }

    fn try_job(&mut self, pool: &str, mut properties: Value) -> Result<(String, Reply), Stop> {
        if properties.get("poolInfo").is_none() {
            properties["poolInfo"] = json!({ "poolId": pool });
        }
        let (id, reply) = self.add(Kind::Job, properties)?;
        Ok((format!("/jobs/{id}"), reply))
    }

    /// Adds a task, and returns its path.
    pub fn task(&mut self, job: &str, id: &str, command_line: &str, more: Value) -> Result<String, Stop> {
        let mut task = more;
        if task.is_null() {
            task = json!({});
        }
        (task["id"], task["commandLine"]) = (json!(id), json!(command_line));
        self.must(Request::new("POST", format!("{job}/tasks")).json(&task))?;
        self.run.ledger.count_tasks(1);
        Ok(format!("{job}/tasks/{id}"))
    }

    /// A job with these properties and a task that runs on a node for ten minutes, unless it is stopped.
    pub fn running(&mut self, properties: Value) -> Result<String, Stop> {
        let job = self.job_on_node(properties)?;
        let task = self.task(&job, "task", &sleeps(600), Value::Null)?;
        self.wait_for_state(&task, "running")?;
        Ok(job)
    }

    /// The path of a new job schedule, whose jobs have a pool that is not there.
    pub fn schedule(&mut self, schedule: &Value) -> Result<String, Stop> {
        self.schedule_of(schedule, json!({ "poolInfo": { "poolId": NO_POOL } }))
    }

    pub fn schedule_of(&mut self, schedule: &Value, mut jobs: Value) -> Result<String, Stop> {
        if jobs.get("poolInfo").is_none() {
            jobs["poolInfo"] = json!({ "poolId": self.run.pool.unwrap_or(NO_POOL) });
        }
        let properties = json!({ "schedule": schedule, "jobSpecification": jobs });
        match self.add(Kind::JobSchedule, properties)? {
            (id, reply) if reply.status == 201 => Ok(format!("/jobschedules/{id}")),
            (_, reply) => Err(Stop::Unclear(format!("adding a job schedule answered {}", reply.says()))),
        }
    }
}
