//! Reading episodes and playing them against the crate. The format is described in `examples/episodes/README.md`.

#![allow(dead_code, reason = "each program that plays episodes uses its part")]

pub mod expect;
pub mod ordered;
mod parse;
pub mod play;
pub mod shrink;
pub mod translation;

use std::fmt;

use azbatch::{
    JobId, NodeId, PoolId, TaskId, TimeSpan, Timestamp,
    job::{AutoPoolFailure, ReportEvent, Unit},
    node::{NodeEvent, NodeTasks, RemoteLogin},
    pool::SupportedImage,
    rest::Guid,
};

use expect::Expect;
pub use play::{Outcome, Player};

/// A conversation, and what it starts from.
pub struct Episode {
    pub says: String,
    pub account: String,
    pub setup: Setup,
    pub steps: Vec<Step>,
}

/// What is there before the first step.
pub struct Setup {
    pub nodes: Vec<(PoolId, NodeId, u32)>,
    force_wait: Option<TimeSpan>,
    supported_images: Vec<SupportedImage>,
}

/// One step of it.
pub struct Step {
    at: Timestamp,
    /// The rules of `src/evidence.md` that it shows.
    pub rules: Vec<String>,
    /// Why the account refuses it, unless it is a request.
    pub refused: Option<String>,
    pub action: Action,
}

pub enum Action {
    Request(Box<RequestStep>),
    Tick,
    Schedule,
    Assign { job: JobId, task: TaskId, node: NodeId },
    Report(ReportStep),
    Node { node: NodeId, event: NodeEvent },
    AddNode { pool: PoolId, node: NodeId, slots: Option<u32> },
    RemoveNode { pool: PoolId, node: NodeId, tasks: NodeTasks },
    RemoteLogin { node: NodeId, login: RemoteLogin },
    AddAutoPool { job: JobId, pool: PoolId },
    RefuseAutoPool { job: JobId, failure: AutoPoolFailure },
    Note(String),
}

/// A report. Without a number it is about the run that the node has when it arrives.
pub struct ReportStep {
    pub job: JobId,
    pub node: NodeId,
    pub unit: Unit,
    run: Option<u64>,
    pub event: ReportEvent,
}

pub struct RequestStep {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub received: Timestamp,
    request_id: Guid,
    pub expect: Expect,
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
            Action::Schedule => f.write_str("the scheduler runs"),
            Action::Assign { job, task, node } => {
                write!(f, "task {task} of job {job} is given to node {node}")
            }
            Action::Report(report) => {
                write!(f, "node {} says: {} {}", report.node, report.unit, report.event)
            }
            Action::Node { node, event } => {
                write!(f, "node {node} {event}")
            }
            Action::AddNode { pool, node, .. } => write!(f, "node {node} is added to pool {pool}"),
            Action::RemoveNode { pool, node, tasks } => {
                write!(f, "node {node} is taken out of pool {pool} ({tasks})")
            }
            Action::RemoteLogin { node, login } => write!(f, "users log in to node {node} at {login}"),
            Action::AddAutoPool { job, pool } => write!(f, "pool {pool} is made for job {job}"),
            Action::RefuseAutoPool { job, .. } => write!(f, "no pool can be made for job {job}"),
            Action::Note(words) => write!(f, "note: {words}"),
        }
    }
}
