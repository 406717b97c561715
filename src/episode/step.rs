//! One step of an episode, as it is written.

use alloc::string::String;
use core::{fmt, str};

use serde_json::Value;

use crate::{
    AutoPoolNotAdded, BatchError, JobId, NodeId, PoolId, Report, TaskId, Timestamp,
    episode::{
        bytes::{bytes, headers},
        object::{Object, text},
    },
    job::{AutoPoolFailure, NotAssigned, ReportEvent, Unit},
    node::{NodeEvent, NodeNotAdded, NodeTasks, RemoteLogin},
    rest::{Request, Response},
    task::{NodeError, NodeFailure},
};

/// One step of an episode. Its `Display` is the JSON of the file, over one line or more, without a comma after it.
///
/// Each is named after the method of [`Account`](crate::Account) that was called, with its arguments, and with what
/// came of it where the call can be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step(Object);

impl Step {
    /// A request, with the answer that it got: its status, headers and code, and its whole body, as `json` if it is
    /// JSON. The request's id is written too, because refusals show it.
    ///
    /// The answer must come from the account alone. For any other there are [`request_only`](Self::request_only),
    /// if the account has seen the request, and [`note`](Self::note), if it has not.
    pub fn request(request: &Request<'_>, response: &Response, at: Timestamp) -> Self {
        let Self(step) = Self::request_only(request, at);
        Self(step.and_below("   ", "expect", expectation(response)))
    }

    /// A request whose answer the account did not give alone, such as one with the content of a file. Replaying
    /// accepts any answer. The Authorization header is left out: it is a secret, and a replay authorizes nobody.
    pub fn request_only(request: &Request<'_>, at: Timestamp) -> Self {
        let received = (request.received != at).then(|| text(request.received));
        let step =
            begin(at).and_any("received", received).and("request_id", text(request.request_id.as_str()));
        let mut sent = Object::new("method", text(request.method)).and("target", text(request.target));
        let mut headers = headers(request.headers).into_iter();
        if let Some((name, value)) = headers.next() {
            let all = headers.fold(Object::new(&name, value), |all, (name, value)| all.and(&name, value));
            sent = sent.and_below("     ", "headers", all);
        }
        if !request.body.is_empty() {
            sent = sent.and_below("     ", "body", bytes(request.body));
        }
        Self(step.and_below("   ", "request", sent))
    }

    /// Something that did not reach the account, in words. Replaying passes over it.
    pub fn note(words: &str, at: Timestamp) -> Self {
        Self(begin(at).and("note", text(words)))
    }

    /// A tick.
    pub fn tick(at: Timestamp) -> Self {
        Self(begin(at).and("tick", true))
    }

    /// A run of the scheduler.
    pub fn schedule(at: Timestamp) -> Self {
        Self(begin(at).and("schedule", true))
    }

    /// A task is given to a node.
    pub fn assign(
        job: &JobId,
        task: &TaskId,
        node: &NodeId,
        refused: Option<&NotAssigned>,
        at: Timestamp,
    ) -> Self {
        let assigned = Object::new("job", text(job)).and("task", text(task)).and("node", text(node));
        Self(begin(at).and("assign", assigned).and_any("refused", refused.map(text)))
    }

    /// A node reports.
    pub fn report(report: &Report, at: Timestamp) -> Self {
        let Report { run, event } = report;
        let unit = match &run.unit {
            Unit::Preparation => "preparation",
            Unit::Task(_) => "task",
            Unit::Release => "release",
        };
        let said = Object::new("job", text(&run.job)).and("node", text(&run.node)).and("unit", text(unit));
        let said = said.and_any("task", run.task().map(text)).and("run", run.number);
        Self(begin(at).and("report", what(said, event)))
    }

    /// Something has happened to a node.
    pub fn node_event(node: &NodeId, event: NodeEvent, at: Timestamp) -> Self {
        Self(begin(at).and("node", Object::new("id", text(node)).and("event", text(event_name(event)))))
    }

    /// A node is added to a pool of the account.
    pub fn add_node(pool: &PoolId, node: &NodeId, refused: Option<&NodeNotAdded>, at: Timestamp) -> Self {
        let added = Object::new("id", text(node)).and("event", text("added")).and("pool", text(pool));
        Self(begin(at).and("node", added).and_any("refused", refused.map(text)))
    }

    /// A node is added to a pool that the account does not have.
    pub fn add_unmanaged_node(
        pool: &PoolId,
        node: &NodeId,
        slots: u32,
        refused: Option<&NodeNotAdded>,
        at: Timestamp,
    ) -> Self {
        let added = Object::new("id", text(node)).and("event", text("added")).and("pool", text(pool));
        Self(begin(at).and("node", added.and("slots", slots)).and_any("refused", refused.map(text)))
    }

    /// A user takes a node out of a pool that the account does not have.
    pub fn remove_unmanaged_node(
        pool: &PoolId,
        node: &NodeId,
        tasks: NodeTasks,
        refused: Option<&BatchError>,
        at: Timestamp,
    ) -> Self {
        let taken = Object::new("id", text(node)).and("event", text("leaving")).and("pool", text(pool));
        Self(begin(at).and("node", taken.and("tasks", text(tasks))).and_any("refused", refused.map(text)))
    }

    /// The host tells where users log in to a node.
    pub fn set_remote_login(node: &NodeId, login: RemoteLogin, at: Timestamp) -> Self {
        let RemoteLogin { address, port } = login;
        let known = Object::new("node", text(node)).and("address", text(address)).and("port", port);
        Self(begin(at).and("remote_login", known))
    }

    /// The host makes the pool that a job asks for.
    pub fn add_auto_pool(
        job: &JobId,
        pool: &PoolId,
        refused: Option<&AutoPoolNotAdded>,
        at: Timestamp,
    ) -> Self {
        let made = Object::new("job", text(job)).and("pool", text(pool));
        Self(begin(at).and("auto_pool", made).and_any("refused", refused.map(text)))
    }

    /// The host cannot make the pool that a job asks for.
    pub fn refuse_auto_pool(job: &JobId, failure: &AutoPoolFailure, at: Timestamp) -> Self {
        let why = Object::new("code", text(failure.code)).and("message", text(&failure.message));
        Self(begin(at).and("auto_pool", Object::new("job", text(job)).and("failure", why)))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}", self.0)
    }
}

fn begin(at: Timestamp) -> Object {
    Object::new("at", text(at))
}

/// What a report says about a run.
fn what(run: Object, event: &ReportEvent) -> Object {
    let ended = match event {
        ReportEvent::Started => return run.and("event", text("started")),
        ReportEvent::Ended(ended) => ended,
    };
    let failure = ended.failure.as_ref().map(|failure| {
        let (at, NodeError { code, message }) = match failure {
            NodeFailure::PreProcessing(error) => ("preprocessing", error),
            NodeFailure::FileUpload(error) => ("fileupload", error),
        };
        Object::new("at", text(at)).and("code", text(code)).and("message", text(message))
    });
    run.and("event", text("ended")).and_any("exitCode", ended.exit_code).and_any("failure", failure)
}

fn event_name(event: NodeEvent) -> &'static str {
    match event {
        NodeEvent::Rebooted => "rebooted",
        NodeEvent::Reimaged => "reimaged",
        NodeEvent::Removed => "removed",
        NodeEvent::Preempted => "preempted",
        NodeEvent::Lost => "lost",
        NodeEvent::Unusable => "unusable",
        NodeEvent::Returned => "returned",
        NodeEvent::Deallocated => "deallocated",
        NodeEvent::Started => "started",
    }
}

/// Everything about an answer, except for the id of the request.
fn expectation(response: &Response) -> Object {
    let expect = Object::new("status", response.status);
    let mut headers = response.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("request-id"));
    let headers = headers.next().map(|(name, value)| {
        headers.fold(Object::new(name, text(value)), |all, (name, value)| all.and(name, text(value)))
    });
    let expect = match headers {
        Some(headers) => expect.and_below("     ", "headers", headers),
        None => expect,
    };
    let Ok(json) = serde_json::from_slice::<Value>(&response.body) else {
        return expect.and_below("     ", "body", bytes(&response.body));
    };
    let code = json.get("code").filter(|_| response.status >= 400);
    expect.and_any("code", code).and_below("     ", "json", indented(&response.body))
}

/// A body that is JSON, as it stands. Line breaks in JSON are never part of a text.
fn indented(json: &[u8]) -> String {
    let text = str::from_utf8(json).unwrap_or_default();
    text.replace("\r\n", "\n").replace('\n', "\n     ")
}
