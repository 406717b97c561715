//! The operations on files of tasks and nodes. What they read of a request is here, and what the account
//! says about it; where files are is the host's business, see `file_access`.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "all functions in the table of operations have one signature"
)]

pub(super) mod found;
pub(super) mod path;
pub(super) mod shown;

use core::fmt::Display;

use crate::{
    Account, BatchError, ErrorCode, Preconditions, Timestamp,
    id::{JobId, NodeId, PoolId, TaskId},
    node::{Contact, Node, Stage},
    rest::{
        exchange::{PathId, Reading},
        fields,
        list::List,
        odata::model,
        range::ByteRange,
        shown::{Joined, node_url, task_url, written},
        tasks::shown::task_root_directory,
    },
    task::{Completion, Placement, Task, TaskState},
};
use path::FilePath;

/// The reason of the refusal where a task has no files yet (V3).
const ACTIVE_REASON: &str =
    "The files of the specified task cannot be accessed as the task state is still active";

/// A request for files that has been read.
pub(super) struct FileRequest {
    pub(super) owner: FileOwner,
    pub(super) action: FileAction,
}

/// Whose files a path names.
pub(super) enum FileOwner {
    Task(PathId<JobId>, PathId<TaskId>),
    Node(PathId<PoolId>, PathId<NodeId>),
}

/// What is to be done with them.
pub(super) enum FileAction {
    List { list: List, recursive: bool },
    Get { path: PathId<FilePath>, range: Option<ByteRange>, preconditions: Preconditions },
    Properties { path: PathId<FilePath>, preconditions: Preconditions },
    Delete { path: PathId<FilePath>, recursive: bool },
}

/// Where the files are that a request names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilePlace {
    /// The directory of a task, on the node where it is or was last.
    Task {
        /// The task's job.
        job: JobId,
        /// The task.
        task: TaskId,
        /// The node, with its pool.
        placement: Placement,
    },
    /// The root directory of a node, below which all tasks' directories are.
    Node(Placement),
}

impl FilePlace {
    /// The node, with its pool.
    pub fn placement(&self) -> &Placement {
        match self {
            Self::Task { placement, .. } | Self::Node(placement) => placement,
        }
    }

    /// The directory, below the node's root directory; `None` for that itself.
    pub fn directory(&self) -> Option<FilePath> {
        match self {
            Self::Task { job, task, .. } => FilePath::new(&task_root_directory(job, task).concat()).ok(),
            Self::Node(_) => None,
        }
    }

    /// The URL that the URLs of its files begin with.
    pub(super) fn url(&self, account_url: &str) -> impl Display {
        written(move |f| match self {
            Self::Task { job, task, .. } => Joined(&task_url(account_url, job, task)).fmt(f),
            Self::Node(Placement { pool, node }) => Joined(&node_url(account_url, pool, node)).fmt(f),
        })
    }
}

pub(super) fn list(owner: FileOwner, _: &str, reading: Reading<'_>) -> Result<FileRequest, BatchError> {
    let recursive = reading.query.recursive()?;
    let list = List::read(&reading, &model::NODE_FILE)?;
    Ok(FileRequest { owner, action: FileAction::List { list, recursive } })
}

pub(super) fn get(owner: FileOwner, path: &str, reading: Reading<'_>) -> Result<FileRequest, BatchError> {
    let Reading { range, preconditions, .. } = reading;
    Ok(FileRequest { owner, action: FileAction::Get { path: parse(path), range, preconditions } })
}

pub(super) fn properties(
    owner: FileOwner,
    path: &str,
    reading: Reading<'_>,
) -> Result<FileRequest, BatchError> {
    let preconditions = reading.preconditions;
    Ok(FileRequest { owner, action: FileAction::Properties { path: parse(path), preconditions } })
}

pub(super) fn delete(owner: FileOwner, path: &str, reading: Reading<'_>) -> Result<FileRequest, BatchError> {
    let recursive = reading.query.recursive()?;
    fields::nothing(reading.body, reading.version)?;
    Ok(FileRequest { owner, action: FileAction::Delete { path: parse(path), recursive } })
}

/// V2: text that is no path names no file.
fn parse(path: &str) -> PathId<FilePath> {
    FilePath::new(path).map_err(|_| ErrorCode::FileNotFound)
}

impl FileOwner {
    /// Where the files are, if the account knows that they can be there and be read.
    pub(super) fn locate(self, account: &Account, now: Timestamp) -> Result<FilePlace, BatchError> {
        match self {
            Self::Task(job, task) => {
                let job = account.require_job(&job?)?;
                let task = job.require_task(&task?)?;
                let placement = placement(task, now)?.clone();
                let node = account.node(&placement.node).filter(|node| *node.pool() == placement.pool);
                match node.filter(|node| node.contact() != Contact::Gone) {
                    Some(node) => require_answering(node)?,
                    None => return Err(ErrorCode::TaskFilesUnavailable.into()), // V3
                }
                Ok(FilePlace::Task { job: job.id().clone(), task: task.id().clone(), placement })
            }
            Self::Node(pool, node) => {
                let node = account.require_node(&pool?, &node?)?;
                require_answering(node)?;
                let (pool, node) = (node.pool().clone(), node.id().clone());
                Ok(FilePlace::Node(Placement { pool, node }))
            }
        }
    }
}

/// Where a task's directory is: V3.
fn placement(task: &Task, now: Timestamp) -> Result<&Placement, BatchError> {
    match task.state() {
        TaskState::Active => return Err(BatchError::invalid_for_state(ACTIVE_REASON)),
        TaskState::Preparing(_) | TaskState::Running { .. } => {}
        TaskState::Completed(completion) => {
            if retained_until(task, completion) <= now {
                return Err(ErrorCode::TaskFilesCleanedup.into());
            }
        }
    }
    task.placement().ok_or_else(|| ErrorCode::TaskFilesUnavailable.into())
}

fn retained_until(task: &Task, completion: &Completion) -> Timestamp {
    completion.end_time.saturating_add(task.constraints().retention_time)
}

/// V3: a node that is lost, or that something is being done to, cannot be asked.
fn require_answering(node: &Node) -> Result<(), BatchError> {
    let is_away = node.state().action().is_some_and(|(_, stage)| stage == Stage::Issued);
    if is_away || node.contact() != Contact::Answering {
        return Err(ErrorCode::NodeNotReady.into());
    }
    Ok(())
}
