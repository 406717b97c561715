//! From the text of a file to an episode.

use std::str::FromStr;

use azbatch::{
    NodeId, PoolId, Timestamp,
    job::{AutoPoolFailure, Ended, ReportEvent, Unit},
    node::{NodeEvent, NodeTasks, RemoteLogin},
    pool::SupportedImage,
    rest::Guid,
    task::{NodeError, NodeFailure},
};
use serde_json::Value;

use super::{Action, Episode, ReportStep, RequestStep, Setup, Step, expect::Expect, ordered::Ordered};

impl Episode {
    /// Reads an episode, refusing anything that it does not understand.
    pub fn parse(text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        only(&json, &["name", "source", "says", "account", "setup", "steps"])?;
        let ordered: Ordered = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let ordered = ordered.get("steps");
        let steps = list(&json, "steps")?.iter().enumerate().map(|(index, step)| {
            let ordered = ordered.and_then(|steps| steps.item(index));
            parse_step(step, ordered).map_err(|error| format!("step {}: {error}", index + 1))
        });
        Ok(Self {
            says: optional(&json, "says", Value::as_str)?.unwrap_or_default().into(),
            account: string(&json, "account")?.into(),
            setup: parse_setup(&json["setup"])?,
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

fn parsed<T: FromStr>(value: &Value, name: &str) -> Result<T, String> {
    let text = string(value, name)?;
    text.parse().map_err(|_| format!("\"{text}\" is no good for \"{name}\""))
}

fn optional_parsed<T: FromStr>(value: &Value, name: &str) -> Result<Option<T>, String> {
    optional(value, name, |member| member.as_str()?.parse().ok())
}

fn number<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    T::try_from(value.as_i64()?).ok()
}

fn time(value: &Value, name: &str) -> Result<Timestamp, String> {
    let text = string(value, name)?;
    Timestamp::parse_iso8601(text).map_err(|error| format!("\"{text}\": {error}"))
}

fn words(value: &Value, name: &str) -> Result<Vec<String>, String> {
    let words = list(value, name)?.iter();
    words.map(|word| word.as_str().map(Into::into).ok_or_else(|| no_text(word))).collect()
}

fn no_text(value: &Value) -> String {
    format!("{value} is no text")
}

fn parse_setup(setup: &Value) -> Result<Setup, String> {
    only(setup, &["nodes", "force_wait", "supported_images"])?;
    Ok(Setup {
        nodes: list(setup, "nodes")?.iter().map(parse_node).collect::<Result<_, _>>()?,
        force_wait: optional_parsed(setup, "force_wait")?,
        supported_images: list(setup, "supported_images")?
            .iter()
            .map(parse_image)
            .collect::<Result<_, _>>()?,
    })
}

fn parse_node(value: &Value) -> Result<(PoolId, NodeId, u32), String> {
    only(value, &["pool", "id", "slots"])?;
    let slots = optional(value, "slots", number)?;
    Ok((parsed(value, "pool")?, parsed(value, "id")?, slots.unwrap_or(1)))
}

fn parse_image(image: &Value) -> Result<SupportedImage, String> {
    let known = ["imageReference", "verificationType", "nodeAgentSKUId", "capabilities", "osType"];
    only(image, &[&known[..], &["batchSupportEndOfLife"]].concat())?;
    let reference = &image["imageReference"];
    only(reference, &["publisher", "offer", "sku", "version"])?;
    Ok(SupportedImage {
        publisher: string(reference, "publisher")?.into(),
        offer: string(reference, "offer")?.into(),
        sku: string(reference, "sku")?.into(),
        version: string(reference, "version")?.into(),
        verification: parsed(image, "verificationType")?,
        node_agent_sku_id: string(image, "nodeAgentSKUId")?.into(),
        capabilities: words(image, "capabilities")?.into_iter().map(String::into_boxed_str).collect(),
        end_of_support: optional_parsed(image, "batchSupportEndOfLife")?,
        os_type: parsed(image, "osType")?,
    })
}

/// How long a text can be when it is repeated, so that a file cannot ask for all memory.
const MAX_REPEATED_BYTES: usize = 4 * 1024 * 1024;

/// What else a step of each kind can have.
const KINDS: [(&str, &[&str]); 9] = [
    ("request", &["received", "request_id", "expect"]),
    ("tick", &[]),
    ("schedule", &[]),
    ("assign", &["refused"]),
    ("report", &[]),
    ("node", &["refused"]),
    ("remote_login", &[]),
    ("auto_pool", &["refused"]),
    ("note", &[]),
];

fn parse_step(step: &Value, ordered: Option<&Ordered>) -> Result<Step, String> {
    let at = time(step, "at")?;
    let kind = KINDS.into_iter().find(|(kind, _)| step.get(*kind).is_some());
    let (kind, more) = kind.ok_or("a step of an unknown kind")?;
    only(step, &[&["at", "says", "rules", kind], more].concat())?;
    optional(step, "says", Value::as_str)?;
    let what = &step[kind];
    let action = match kind {
        "request" => Action::Request(Box::new(parse_request(step, ordered, at)?)),
        "tick" if *what == true => Action::Tick,
        "schedule" if *what == true => Action::Schedule,
        "assign" => {
            only(what, &["job", "task", "node"])?;
            Action::Assign {
                job: parsed(what, "job")?,
                task: parsed(what, "task")?,
                node: parsed(what, "node")?,
            }
        }
        "report" => Action::Report(parse_report(what)?),
        "node" => parse_node_step(what)?,
        "remote_login" => {
            only(what, &["node", "address", "port"])?;
            let port = optional(what, "port", number)?.ok_or("no number under \"port\"")?;
            let login = RemoteLogin { address: parsed(what, "address")?, port };
            Action::RemoteLogin { node: parsed(what, "node")?, login }
        }
        "auto_pool" => parse_auto_pool(what)?,
        "note" => Action::Note(string(step, "note")?.into()),
        _ => return Err(format!("{what} is no good for \"{kind}\"")),
    };
    let refused = optional(step, "refused", Value::as_str)?.map(Into::into);
    Ok(Step { at, rules: words(step, "rules")?, refused, action })
}

fn parse_node_step(what: &Value) -> Result<Action, String> {
    let node = parsed(what, "id")?;
    match string(what, "event")? {
        "added" => {
            only(what, &["id", "event", "pool", "slots"])?;
            Ok(Action::AddNode { pool: parsed(what, "pool")?, node, slots: optional(what, "slots", number)? })
        }
        "leaving" => {
            only(what, &["id", "event", "pool", "tasks"])?;
            let tasks = optional_parsed(what, "tasks")?.unwrap_or(NodeTasks::default());
            Ok(Action::RemoveNode { pool: parsed(what, "pool")?, node, tasks })
        }
        event => {
            only(what, &["id", "event"])?;
            Ok(Action::Node { node, event: parse_event(event)? })
        }
    }
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

fn parse_auto_pool(what: &Value) -> Result<Action, String> {
    only(what, &["job", "pool", "failure"])?;
    let (job, failure) = (parsed(what, "job")?, &what["failure"]);
    if failure.is_null() {
        return Ok(Action::AddAutoPool { job, pool: parsed(what, "pool")? });
    }
    only(what, &["job", "failure"])?;
    only(failure, &["code", "message"])?;
    let (code, message) = (parsed(failure, "code")?, string(failure, "message")?.into());
    Ok(Action::RefuseAutoPool { job, failure: AutoPoolFailure { code, message } })
}

fn parse_report(report: &Value) -> Result<ReportStep, String> {
    only(report, &["job", "node", "unit", "task", "run", "event", "exitCode", "failure"])?;
    let unit = match string(report, "unit")? {
        "preparation" => Unit::Preparation,
        "task" => Unit::Task(parsed(report, "task")?),
        "release" => Unit::Release,
        other => return Err(format!("unknown unit \"{other}\"")),
    };
    if !matches!(unit, Unit::Task(_)) {
        optional(report, "task", |_| None::<()>)?;
    }
    let ended = Ended {
        exit_code: optional(report, "exitCode", number)?,
        failure: optional(report, "failure", Some)?.map(parse_failure).transpose()?,
    };
    let event = match string(report, "event")? {
        "started" if ended == Ended::default() => ReportEvent::Started,
        "ended" => ReportEvent::Ended(ended),
        other => return Err(format!("unknown event \"{other}\", or one without exit code and failure")),
    };
    let run = optional(report, "run", Value::as_u64)?;
    Ok(ReportStep { job: parsed(report, "job")?, node: parsed(report, "node")?, unit, run, event })
}

fn parse_failure(failure: &Value) -> Result<NodeFailure, String> {
    only(failure, &["at", "code", "message"])?;
    let error =
        NodeError { code: string(failure, "code")?.into(), message: string(failure, "message")?.into() };
    match string(failure, "at")? {
        "preprocessing" => Ok(NodeFailure::PreProcessing(error)),
        "fileupload" => Ok(NodeFailure::FileUpload(error)),
        other => Err(format!("a run cannot fail at \"{other}\"")),
    }
}

fn parse_request(step: &Value, ordered: Option<&Ordered>, at: Timestamp) -> Result<RequestStep, String> {
    let request = &step["request"];
    only(request, &["method", "target", "headers", "body"])?;
    let received = if step.get("received").is_some() { time(step, "received")? } else { at };
    let request_id = optional(step, "request_id", |id| Guid::parse(id.as_str()?))?;
    let names = ordered.and_then(|step| step.get("request")?.get("headers")).map(Ordered::names);
    Ok(RequestStep {
        method: string(request, "method")?.into(),
        target: string(request, "target")?.into(),
        headers: parse_headers(&request["headers"], &names.unwrap_or_default())?,
        body: optional(request, "body", bytes)?.unwrap_or_default(),
        received,
        request_id: request_id.unwrap_or_else(|| Guid::from_u128(u128::from(at.ticks()))),
        expect: parse_expect(&step["expect"], ordered)?,
    })
}

/// The headers in the order in which they stand. One that is sent more than once has a list of values.
fn parse_headers(headers: &Value, names: &[&str]) -> Result<Vec<(String, Vec<u8>)>, String> {
    if !headers.is_null() && !headers.is_object() {
        return Err(format!("{headers} are no headers"));
    }
    let mut parsed = Vec::new();
    for name in names {
        let value = &headers[*name];
        for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            parsed.push(((*name).into(), bytes(value).ok_or_else(|| no_text(value))?));
        }
    }
    Ok(parsed)
}

/// A text, a text many times over, `{"text": "...", "times": 3}`, or bytes that are no text, `{"hex": "..."}`.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    if let Some(text) = value.as_str() {
        return Some(text.into());
    }
    if let (Some(text), Some(times)) = (value["text"].as_str(), value["times"].as_u64()) {
        only(value, &["text", "times"]).ok()?;
        let times = usize::try_from(times).ok()?;
        let bytes = text.len().checked_mul(times)?;
        return (bytes <= MAX_REPEATED_BYTES).then(|| text.repeat(times).into_bytes());
    }
    only(value, &["hex"]).ok()?;
    let digits = value["hex"].as_str()?.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(|pair| byte(pair).filter(|_| pair.len() == 2)).collect()
}

fn parse_expect(expect: &Value, ordered: Option<&Ordered>) -> Result<Expect, String> {
    only(expect, &["status", "headers", "absent", "code", "body", "json", "contains"])?;
    let bodies = ["body", "json", "contains"].into_iter().filter(|name| expect.get(name).is_some());
    if bodies.count() > 1 {
        return Err("at most one of \"body\", \"json\" and \"contains\"".into());
    }
    let headers = optional(expect, "headers", Value::as_object)?.into_iter().flatten();
    let headers =
        headers.map(|(name, text)| Ok((name.clone(), text.as_str().ok_or_else(|| no_text(text))?.into())));
    Ok(Expect {
        status: optional(expect, "status", number)?,
        headers: headers.collect::<Result<_, String>>()?,
        absent: words(expect, "absent")?,
        code: optional(expect, "code", Value::as_str)?.map(Into::into),
        body: optional(expect, "body", bytes)?,
        json: ordered.and_then(|step| step.get("expect")?.get("json").cloned()),
        contains: expect.get("contains").cloned(),
    })
}
