//! What is replicated: everything that can happen to an account, and what comes of it.

use azbatch::{
    Fact, Instruction, JobId, NodeId, PoolId, Report, Timestamp,
    node::NodeEvent,
    rest::{OwnedRequest, Response},
};
use serde::{Deserialize, Serialize};

/// Something that happens to an account, at the leader's time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The leader's clock. The account's time is this, or the instant of the command before it if that is later.
    pub at: Timestamp,
    /// What happens.
    pub input: Input,
}

/// What can happen to an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// A request, with the time of its arrival and its id. It has been authorized.
    Request(OwnedRequest),
    /// A node reports.
    Report(Report),
    /// Something has happened to a node.
    NodeEvent { node: NodeId, event: NodeEvent },
    /// A node for a pool has been made. It joins, unless the pool has enough by now.
    AddNode { pool: PoolId, dedicated: bool },
    /// The pool that a job asks for can be made. The leader chooses the part of its name that must be unique.
    AddPool { job: JobId, unique: String },
    /// The service makes its own moves, then runs its scheduler.
    Tick,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// A request is answered.
    Answer(Answer),
    /// Anything else; whether it changed something.
    Changed(bool),
}

/// An answer on its way to a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The account's time.
    pub at: Timestamp,
}

impl Answer {
    /// An answer that is given at this time.
    pub fn new(response: Response, at: Timestamp) -> Self {
        let headers = response.headers.iter();
        Self {
            status: response.status,
            reason: response.reason.into(),
            headers: headers.map(|(name, value)| (name.into(), value.into())).collect(),
            body: response.body,
            at,
        }
    }
}

/// What a command leaves to do for the leader.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// The account's time.
    pub at: Timestamp,
    /// What happened to a node, if the command says so and it changed something.
    pub to_node: Option<(NodeId, NodeEvent)>,
    /// What is to be carried out.
    pub instructions: Vec<Instruction>,
    /// What became true.
    pub facts: Vec<Fact>,
}
