//! Reading episodes and playing them against the crate.

#![allow(dead_code, reason = "each program that plays episodes uses its part")]

pub mod ordered;

use std::fmt;

use azbatch::{
    Account, Effect, JobId, NodeId, PoolId, Report, RunId, Task, TaskId, Timestamp,
    job::{Ended, ReportEvent, Unit},
    node::NodeEvent,
    rest::{self, Guid, Request, Response},
};
use ordered::Ordered;
use serde_json::Value;

/// A conversation, and what it starts from.
pub struct Episode {
    pub says: String,
    account: String,
    nodes: Vec<(PoolId, NodeId, u32)>,
    pub steps: Vec<Step>,
}

/// One step of it.
pub struct Step {
    at: Timestamp,
    action: Action,
}

enum Action {
    Request(Box<RequestStep>),
    Tick,
    Assign {
        job: JobId,
        task: TaskId,
        node: NodeId,
    },
    Report(ReportStep),
    Node {
        node: NodeId,
        event: NodeEvent,
    },
    /// The host adds a node to a pool of the account.
    AddNode {
        pool: PoolId,
        node: NodeId,
    },
}

/// A report on the run that the node has when it arrives: episodes do not number runs.
struct ReportStep {
    job: JobId,
    node: NodeId,
    unit: Unit,
    event: ReportEvent,
}

struct RequestStep {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
    received: Timestamp,
    request_id: Guid,
    expect: Expect,
}

#[derive(Default)]
struct Expect {
    status: Option<u64>,
    headers: Vec<(String, String)>,
    absent: Vec<String>,
    code: Option<String>,
    body: Option<String>,
    json: Option<Ordered>,
    contains: Option<Value>,
}

/// How a step went.
pub enum Outcome {
    Passed { effects: Vec<Effect> },
    Failed(String),
}

impl Episode {
    /// Reads an episode, refusing anything that it does not understand.
    pub fn parse(text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        only(&json, &["name", "source", "says", "account", "setup", "steps"])?;
        only(&json["setup"], &["nodes"])?;
        let nodes = list(&json["setup"], "nodes")?.iter().map(node).collect::<Result<_, _>>()?;
        let ordered: Ordered = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let ordered = ordered.get("steps");
        let steps = list(&json, "steps")?.iter().enumerate().map(|(index, step)| {
            let ordered = ordered.and_then(|steps| steps.item(index));
            parse_step(step, ordered).map_err(|error| format!("step {}: {error}", index + 1))
        });
        Ok(Self {
            says: optional(&json, "says", Value::as_str)?.unwrap_or_default().into(),
            account: string(&json, "account")?.into(),
            nodes,
            steps: steps.collect::<Result<_, _>>()?,
        })
    }
}

/// Refuses what is not an object, and members that are not in this list; a missing value is valid.
fn only(value: &Value, known: &[&str]) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    let members = value.as_object().ok_or_else(|| format!("{value} is no object"))?;
    let unknown = members.keys().find(|name| !known.contains(&name.as_str()));
    unknown.map_or(Ok(()), |name| Err(format!("\"{name}\" is unknown here")))
}

/// A member that may be missing, but not be anything else than what is read.
fn optional<'a, T>(
    value: &'a Value,
    name: &str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<Option<T>, String> {
    let member = &value[name];
    if member.is_null() {
        return Ok(None);
    }
    read(member).map(Some).ok_or_else(|| format!("{member} is no good for \"{name}\""))
}

fn list<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], String> {
    Ok(optional(value, name, Value::as_array)?.map_or(&[], Vec::as_slice))
}

fn string<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name].as_str().ok_or_else(|| format!("no text under \"{name}\""))
}

fn parsed<T: std::str::FromStr>(value: &Value, name: &str) -> Result<T, String> {
    let text = string(value, name)?;
    text.parse().map_err(|_| format!("\"{text}\" is no good for \"{name}\""))
}

fn time(value: &Value, name: &str) -> Result<Timestamp, String> {
    let text = string(value, name)?;
    Timestamp::parse_iso8601(text).map_err(|error| format!("\"{text}\": {error}"))
}

fn node(value: &Value) -> Result<(PoolId, NodeId, u32), String> {
    only(value, &["pool", "id", "slots"])?;
    let slots = optional(value, "slots", |slots| u32::try_from(slots.as_u64()?).ok())?;
    Ok((parsed(value, "pool")?, parsed(value, "id")?, slots.unwrap_or(1)))
}

fn parse_step(step: &Value, ordered: Option<&Ordered>) -> Result<Step, String> {
    let at = time(step, "at")?;
    let kinds = ["request", "tick", "assign", "report", "node"];
    let kind = kinds.into_iter().find(|kind| step.get(*kind).is_some()).unwrap_or_default();
    let more: &[&str] = if kind == "request" { &["received", "request_id", "expect"] } else { &[] };
    only(step, &[&["at", "says", kind], more].concat())?;
    let what = &step[kind];
    let action = match kind {
        "request" => Action::Request(Box::new(parse_request(step, ordered, at)?)),
        "tick" if *what == true => Action::Tick,
        "assign" => {
            only(what, &["job", "task", "node"])?;
            Action::Assign {
                job: parsed(what, "job")?,
                task: parsed(what, "task")?,
                node: parsed(what, "node")?,
            }
        }
        "report" => Action::Report(parse_report(what)?),
        "node" if what["event"] == "added" => {
            only(what, &["id", "event", "pool"])?;
            Action::AddNode { pool: parsed(what, "pool")?, node: parsed(what, "id")? }
        }
        "node" => {
            only(what, &["id", "event"])?;
            Action::Node { node: parsed(what, "id")?, event: parse_event(string(what, "event")?)? }
        }
        _ => return Err("a step of an unknown kind".into()),
    };
    Ok(Step { at, action })
}

fn parse_report(report: &Value) -> Result<ReportStep, String> {
    only(report, &["job", "node", "unit", "task", "event", "exitCode"])?;
    let unit = match string(report, "unit")? {
        "preparation" => Unit::Preparation,
        "task" => Unit::Task(parsed(report, "task")?),
        "release" => Unit::Release,
        other => return Err(format!("unknown unit \"{other}\"")),
    };
    let exit_code = optional(report, "exitCode", |code| i32::try_from(code.as_i64()?).ok())?;
    let event = match string(report, "event")? {
        "started" => ReportEvent::Started,
        "ended" => ReportEvent::Ended(Ended { exit_code, failure: None }),
        other => return Err(format!("unknown event \"{other}\"")),
    };
    Ok(ReportStep { job: parsed(report, "job")?, node: parsed(report, "node")?, unit, event })
}

fn parse_event(name: &str) -> Result<NodeEvent, String> {
    Ok(match name {
        "rebooted" => NodeEvent::Rebooted,
        "reimaged" => NodeEvent::Reimaged,
        "removed" => NodeEvent::Removed,
        "preempted" => NodeEvent::Preempted,
        "lost" => NodeEvent::Lost,
        "unusable" => NodeEvent::Unusable,
        "returned" => NodeEvent::Returned,
        "deallocated" => NodeEvent::Deallocated,
        "started" => NodeEvent::Started,
        other => return Err(format!("unknown node event \"{other}\"")),
    })
}

fn parse_request(step: &Value, ordered: Option<&Ordered>, at: Timestamp) -> Result<RequestStep, String> {
    let request = &step["request"];
    only(request, &["method", "target", "headers", "body"])?;
    let received = if step.get("received").is_some() { time(step, "received")? } else { at };
    let request_id = optional(step, "request_id", |id| Guid::parse(id.as_str()?))?;
    Ok(RequestStep {
        method: string(request, "method")?.into(),
        target: string(request, "target")?.into(),
        headers: texts(request, "headers")?,
        body: optional(request, "body", Value::as_str)?.unwrap_or_default().into(),
        received,
        request_id: request_id.unwrap_or_else(|| Guid::from_u128(u128::from(at.ticks()))),
        expect: parse_expect(&step["expect"], ordered)?,
    })
}

fn texts(value: &Value, name: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = optional(value, name, Value::as_object)?.into_iter().flatten();
    pairs.map(|(name, text)| Ok((name.clone(), text.as_str().ok_or_else(|| no_text(text))?.into()))).collect()
}

fn no_text(value: &Value) -> String {
    format!("{value} is no text")
}

fn parse_expect(expect: &Value, ordered: Option<&Ordered>) -> Result<Expect, String> {
    only(expect, &["status", "headers", "absent", "code", "body", "json", "contains"])?;
    let absent = list(expect, "absent")?.iter();
    let absent = absent.map(|name| name.as_str().map(Into::into).ok_or_else(|| no_text(name)));
    Ok(Expect {
        status: optional(expect, "status", Value::as_u64)?,
        headers: texts(expect, "headers")?,
        absent: absent.collect::<Result<_, _>>()?,
        code: optional(expect, "code", Value::as_str)?.map(Into::into),
        body: optional(expect, "body", Value::as_str)?.map(Into::into),
        json: ordered.and_then(|step| step.get("expect")?.get("json").cloned()),
        contains: expect.get("contains").cloned(),
    })
}

/// An account in the middle of an episode.
pub struct Player {
    account: Account,
}

impl Player {
    /// The account as the episode finds it.
    pub fn new(episode: &Episode) -> Self {
        let mut account = Account::new(&episode.account);
        let start = episode.steps.first().map_or(Timestamp::MIN, |step| step.at);
        for (pool, node, slots) in &episode.nodes {
            // An episode that names a node twice means the same node.
            let _ = account.add_unmanaged_node(pool, node, *slots, start);
        }
        Self { account }
    }

    /// Plays every step; numbers start at 1.
    pub fn play(&mut self, episode: &Episode) -> Vec<(usize, Outcome)> {
        episode.steps.iter().enumerate().map(|(index, step)| (index + 1, self.step(step))).collect()
    }

    /// Plays one step.
    pub fn step(&mut self, step: &Step) -> Outcome {
        let effects = match &step.action {
            Action::Request(request) => match self.request(request, step.at) {
                Ok(effects) => effects,
                Err(why) => return Outcome::Failed(format!("{step}: {why}")),
            },
            Action::Tick => self.account.tick(step.at),
            Action::Assign { job, task, node } => match self.account.assign(job, task, node, step.at) {
                Ok(effects) => effects,
                Err(why) => return Outcome::Failed(format!("{step}: {why}")),
            },
            Action::Report(report) => self.account.report(&self.report(report), step.at),
            Action::Node { node, event } => self.account.node_event(node, *event, step.at),
            Action::AddNode { pool, node } => match self.account.add_node(pool, node, step.at) {
                Ok(effects) => effects,
                Err(why) => return Outcome::Failed(format!("{step}: {why}")),
            },
        };
        match self.account.check() {
            Ok(()) => Outcome::Passed { effects },
            Err(violation) => Outcome::Failed(format!("{step}: {violation}")),
        }
    }

    /// The report with its run. Number 0 is none that a node ever has, so the report changes nothing.
    fn report(&self, step: &ReportStep) -> Report {
        let ReportStep { job, node, unit, event } = step;
        let current = self.account.current_run(job, node, unit);
        let none = || RunId { job: job.clone(), node: node.clone(), unit: unit.clone(), number: 0 };
        Report { run: current.unwrap_or_else(none), event: event.clone() }
    }

    fn request(&mut self, step: &RequestStep, at: Timestamp) -> Result<Vec<Effect>, String> {
        let headers: Vec<(&str, &[u8])> =
            step.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let request = Request {
            method: &step.method,
            target: &step.target,
            headers: &headers,
            body: step.body.as_bytes(),
            received: step.received,
            request_id: step.request_id,
        };
        let answer = rest::answer(&mut self.account, &request, at);
        if answer.response.status == 501 {
            return Err(String::from_utf8_lossy(&answer.response.body).into_owned());
        }
        step.expect.compare(&answer.response)?;
        Ok(answer.effects)
    }

    /// The account as it is now.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Why jobs have not ended and tasks are not running at this time, a line for each reason.
    pub fn reasons(&self, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        for job in self.account.jobs() {
            let id = job.id();
            for reason in self.account.why_not_ended(id, now).unwrap_or_default() {
                let until = reason.until().map(|until| format!(" (until {until})")).unwrap_or_default();
                lines.push(format!("job {id} has not ended: {reason}{until}"));
            }
            for task in job.tasks().map(Task::id) {
                for reason in self.account.why_not_running(id, task, now).unwrap_or_default() {
                    lines.push(format!("task {task} of job {id} is not running: {reason}"));
                }
            }
        }
        lines
    }

    /// The states of all jobs and tasks, a line each.
    pub fn states(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for job in self.account.jobs() {
            lines.push(format!("job {} is {}", job.id(), job.state().name().as_str()));
            for task in job.tasks() {
                lines.push(format!("task {} is {}", task.id(), task.state().name().as_str()));
            }
        }
        lines
    }
}

impl Expect {
    /// Says what differs first.
    fn compare(&self, response: &Response) -> Result<(), String> {
        let body = String::from_utf8_lossy(&response.body);
        let differ =
            |what: &str, expected: &str, came: &str| Err(format!("{what}: expected {expected}, came {came}"));
        if self.status.is_some_and(|status| status != u64::from(response.status)) {
            let expected = self.status.unwrap_or_default().to_string();
            return differ("status", &expected, &format!("{} {body}", response.status));
        }
        for (name, value) in &self.headers {
            let came = response.header(name).unwrap_or("(none)");
            if came != value {
                return differ(name, value, came);
            }
        }
        if let Some(name) = self.absent.iter().find(|name| response.header(name).is_some()) {
            return differ(name, "(none)", response.header(name).unwrap_or_default());
        }
        let json: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        if let Some(code) = self.code.as_ref().filter(|code| json["code"] != **code) {
            return differ("code", code, &json["code"].to_string());
        }
        if let Some(expected) = self.body.as_ref().filter(|expected| **expected != body) {
            return Err(diff(expected, &body));
        }
        if let Some(expected) = &self.json {
            let came: Ordered = serde_json::from_slice(&response.body).map_err(|error| error.to_string())?;
            if came != *expected {
                return Err(diff(&format!("{expected:#?}"), &format!("{came:#?}")));
            }
        }
        self.contains.as_ref().map_or(Ok(()), |expected| contains(expected, &json, ""))
    }
}

/// Two texts, line by line, where they differ.
fn diff(expected: &str, came: &str) -> String {
    let mut lines = vec!["the body differs".to_string()];
    let (expected, came): (Vec<&str>, Vec<&str>) =
        (expected.split_inclusive('\n').collect(), came.split_inclusive('\n').collect());
    for index in 0..expected.len().max(came.len()) {
        let (old, new) = (expected.get(index), came.get(index));
        if old != new {
            lines.extend(old.map(|line| format!("  - {}", line.escape_debug())));
            lines.extend(new.map(|line| format!("  + {}", line.escape_debug())));
        }
    }
    lines.join("\n")
}

/// Everything expected is there; objects by key, arrays element by element.
fn contains(expected: &Value, came: &Value, path: &str) -> Result<(), String> {
    match (expected, came) {
        (Value::Object(expected), Value::Object(came)) => expected.iter().try_for_each(|(key, value)| {
            let path = format!("{path}/{key}");
            let found = came.get(key).ok_or_else(|| format!("{path}: expected {value}, came nothing"))?;
            contains(value, found, &path)
        }),
        (Value::Array(expected), Value::Array(came)) if expected.len() == came.len() => {
            let mut pairs = expected.iter().zip(came).enumerate();
            pairs.try_for_each(|(index, (expected, came))| {
                contains(expected, came, &format!("{path}/{index}"))
            })
        }
        _ if expected == came => Ok(()),
        _ => Err(format!("{path}: expected {expected}, came {came}")),
    }
}

impl Step {
    /// When it happens.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The time of day, for a timeline.
    pub fn clock_time(&self) -> String {
        let text = self.at.to_string();
        text.split_once('T').map_or(text.clone(), |(_, time)| format!("{time:<10}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.action {
            Action::Request(request) => write!(f, "{} {}", request.method, request.target),
            Action::Tick => f.write_str("tick"),
            Action::Assign { job, task, node } => {
                write!(f, "task {task} of job {job} is given to node {node}")
            }
            Action::Report(report) => {
                write!(f, "node {} says: {} {}", report.node, report.unit, report.event)
            }
            Action::Node { node, event } => {
                write!(f, "node {node} is {}", format!("{event:?}").to_lowercase())
            }
            Action::AddNode { pool, node } => write!(f, "node {node} is added to pool {pool}"),
        }
    }
}
