//! Runs: what a node runs for a job, and what it reports about it.

use core::fmt;

use crate::{
    id::{JobId, NodeId, TaskId},
    task::NodeFailure,
};

/// The greatest run number of a stored account. Every JSON reader keeps it, no account reaches it by
/// counting, and the numbers above it are enough for every later run.
pub(crate) const MAX_STORED_RUNS: u64 = 1 << 53;

/// What a node runs for a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Unit {
    /// The job preparation task.
    Preparation,
    /// A task.
    Task(TaskId),
    /// The job release task.
    Release,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preparation => f.write_str("the preparation task"),
            Self::Task(task) => write!(f, "task {task}"),
            Self::Release => f.write_str("the release task"),
        }
    }
}

/// One run of something on a node.
///
/// Instructions name the run that they are about, and a report names the run that it reports, so an
/// instruction or a report that is late or repeated never affects another run. An account never issues
/// two runs with one `RunId`, not even for a task or job that was deleted and added again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RunId {
    /// The job.
    pub job: JobId,
    /// The node.
    pub node: NodeId,
    /// What runs.
    pub unit: Unit,
    /// The number of the run. The runs of a job are numbered in the order in which they are decided.
    pub number: u64,
}

impl RunId {
    /// The report that the run has started.
    pub fn started(&self) -> Report {
        Report { run: self.clone(), event: ReportEvent::Started }
    }

    /// The report that the run has ended, by itself or because it was told to stop.
    pub fn ended(&self, ended: Ended) -> Report {
        Report { run: self.clone(), event: ReportEvent::Ended(ended) }
    }

    /// The task, if the run is one of a task.
    pub fn task(&self) -> Option<&TaskId> {
        match &self.unit {
            Unit::Task(task) => Some(task),
            Unit::Preparation | Unit::Release => None,
        }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of job {} on node {} (run {})", self.unit, self.job, self.node, self.number)
    }
}

/// What a node says about a run. It is built from the run that the instruction named, with
/// [`RunId::started`] and [`RunId::ended`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Report {
    /// The run. A report about a run that is over, or about none that the node has, changes nothing
    /// ([E10](crate::evidence#e10)).
    pub run: RunId,
    /// What the node says.
    pub event: ReportEvent,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.run, self.event)
    }
}

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ReportEvent {
    /// The process has started.
    Started,
    /// The run is over. A node that was told to stop a run that it does not have reports this too.
    Ended(Ended),
}

impl fmt::Display for ReportEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("started"),
            Self::Ended(Ended { exit_code: Some(code), .. }) => write!(f, "ended with exit code {code}"),
            Self::Ended(Ended { exit_code: None, .. }) => f.write_str("ended"),
        }
    }
}

/// How a run ended on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ended {
    /// The exit code of its process, if there was one.
    pub exit_code: Option<i32>,
    /// What went wrong around the process, if anything did. The run has failed then, whatever its exit
    /// code, and is not retried ([K5](crate::evidence#k5)).
    pub failure: Option<NodeFailure>,
}

impl Ended {
    /// A process that ended with this exit code.
    pub fn with_exit_code(exit_code: i32) -> Self {
        Self { exit_code: Some(exit_code), failure: None }
    }

    /// Whether the run did what it was for.
    pub(crate) fn is_success(&self) -> bool {
        self.exit_code == Some(0) && self.failure.is_none()
    }
}
