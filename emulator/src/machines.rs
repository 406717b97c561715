//! What the machines of the nodes are asked to do, in either run mode.

use std::sync::Arc;

use azbatch::{Account, NodeId, Report, RunId, TaskId, Timestamp};
use tokio::task::JoinHandle;

use crate::{files::Files, store::Ticket};

/// Something to run on a node.
#[derive(Clone, Debug)]
pub struct Run {
    /// Which run it is.
    pub id: RunId,
    /// The task's id, also that of a preparation or release task.
    pub task: TaskId,
    /// What runs.
    pub command_line: String,
    /// The variables that the service sets, then the user's, which win.
    pub environment: Vec<(String, String)>,
    /// The id of the job's preparation task, whose directory others may use.
    pub preparation: Option<TaskId>,
    /// When it started, if an emulator before this one had started it.
    pub started: Option<Timestamp>,
}

/// The machines of all nodes. They answer later, with reports.
pub trait Machines: Send + Sync {
    /// Nothing that is asked from here on may reach the outside before this is on disk. Only machines that do
    /// more than remember need it.
    fn hold(&mut self, _until: Ticket) {}

    /// Starts a run, unless it has started already.
    fn run(&mut self, run: &Run, now: Timestamp);

    /// Stops this run, and no other one of the same task. Its end is reported even if the node does not
    /// have it.
    fn stop(&mut self, run: &RunId, now: Timestamp);

    /// Ends everything on this node, without reports.
    fn wipe(&mut self, node: &NodeId);

    /// Deletes all files of this node, on which nothing runs.
    fn erase(&mut self, node: &NodeId);

    /// The files of all nodes.
    fn files(&self) -> Arc<dyn Files>;

    /// What this node has now.
    fn runs_on(&self, node: &NodeId) -> Vec<RunId>;

    /// When the next report is due; one that does not wait for the clock is due now.
    fn next_due(&self, now: Timestamp) -> Option<Timestamp>;

    /// The next report that is due.
    fn take_due(&mut self, now: Timestamp) -> Option<Report>;

    /// Ends everything, and returns the tasks to wait for.
    fn close(&mut self) -> Vec<JoinHandle<()>> {
        Vec::new()
    }
}

impl Run {
    /// What the account says about a run; `None` if it is not, or no longer, one that the node has.
    pub fn find(account: &Account, id: &RunId) -> Option<Self> {
        let specification = account.run_specification(id)?;
        Some(Self {
            id: id.clone(),
            task: specification.task.clone(),
            command_line: specification.command_line().into(),
            environment: account.environment(id)?,
            preparation: specification.preparation.cloned(),
            started: specification.start_time,
        })
    }
}
