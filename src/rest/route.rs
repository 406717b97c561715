//! Which operation a method and a path name.

use alloc::{borrow::Cow, string::String, vec, vec::Vec};

use crate::{
    BatchError, ErrorCode,
    id::{JobId, NodeId, PoolId, TaskId},
};

/// An id in a path: text that is no id names nothing, which is a 404 in its turn (rest.md section 3).
pub(super) type PathId<T> = Option<T>;

/// An operation of the service, with the ids that its path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    AddJob,
    ListJobs,
    Job(JobOperation, PathId<JobId>),
    Task(TaskOperation, PathId<JobId>, PathId<TaskId>),
    AddPool,
    ListPools,
    Pool(PoolOperation, PathId<PoolId>),
    Node(NodeOperation, PathId<PoolId>, PathId<NodeId>),
    /// An operation that the service has and this crate has not; says which.
    NotImplemented(&'static str),
}

/// What can be done to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobOperation {
    Get,
    Update,
    Patch,
    Delete,
    Terminate,
    Disable,
    Enable,
    AddTask,
    AddTasks,
    ListTasks,
    TaskCounts,
    PreparationAndReleaseStatus,
}

/// What can be done to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskOperation {
    Get,
    Update,
    Delete,
    Terminate,
    Reactivate,
    Subtasks,
}

/// What can be done to a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PoolOperation {
    Get,
    Exists,
    Delete,
    Resize,
    RemoveNodes,
    ListNodes,
}

/// What can be done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeOperation {
    Get,
    Change(NodeChange),
}

/// A change of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeChange {
    Reboot,
    Reimage,
    Deallocate,
    Start,
    DisableScheduling,
    EnableScheduling,
}

/// The methods that a path takes, and what they mean.
enum Verbs {
    /// These and no others.
    These(Vec<(&'static str, Operation)>),
    /// Whatever it is, it is not implemented.
    Any(&'static str),
}

/// Finds the operation of a request.
///
/// `InvalidUri` for a path that names nothing, `UnsupportedHttpVerb` for one that does not take the
/// method (S5).
pub(super) fn route(method: &str, path: &str) -> Result<Operation, BatchError> {
    let path = path.strip_prefix('/').ok_or(ErrorCode::InvalidUri)?;
    let segments: Vec<Cow<'_, str>> = path.split('/').map(decode).collect();
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    match verbs(&segments).ok_or(ErrorCode::InvalidUri)? {
        Verbs::Any(what) => Ok(Operation::NotImplemented(what)),
        Verbs::These(verbs) => {
            let found = verbs.into_iter().find(|(verb, _)| *verb == method);
            found.map(|(_, operation)| operation).ok_or_else(|| ErrorCode::UnsupportedHttpVerb.into())
        }
    }
}

/// What the methods mean on a path; `None` for a path that the service does not know.
fn verbs(segments: &[&str]) -> Option<Verbs> {
    match segments {
        ["jobs", rest @ ..] => job_verbs(rest),
        ["pools", rest @ ..] => pool_verbs(rest),
        ["jobschedules", ..] => Some(Verbs::Any("job schedules")),
        ["certificates", ..] => Some(Verbs::Any("certificates")),
        // One certificate is named as OData names keys.
        [first, ..] if first.starts_with("certificates(") => Some(Verbs::Any("certificates")),
        ["applications", ..] => Some(Verbs::Any("applications")),
        ["supportedimages" | "nodecounts" | "poolusagemetrics"] => Some(Verbs::Any("account information")),
        ["lifetimepoolstats" | "lifetimejobstats"] => Some(Verbs::Any("lifetime statistics")),
        _ => None,
    }
}

fn job_verbs(segments: &[&str]) -> Option<Verbs> {
    use JobOperation as J;
    use TaskOperation as T;
    let job = |operation, id: &str| Operation::Job(operation, JobId::new(id).ok());
    let task =
        |operation, j: &str, t: &str| Operation::Task(operation, JobId::new(j).ok(), TaskId::new(t).ok());
    let verbs = match segments {
        [] => vec![("POST", Operation::AddJob), ("GET", Operation::ListJobs)],
        [j] => vec![
            ("GET", job(J::Get, j)),
            ("PUT", job(J::Update, j)),
            ("PATCH", job(J::Patch, j)),
            ("DELETE", job(J::Delete, j)),
        ],
        [j, "terminate"] => vec![("POST", job(J::Terminate, j))],
        [j, "disable"] => vec![("POST", job(J::Disable, j))],
        [j, "enable"] => vec![("POST", job(J::Enable, j))],
        [j, "taskcounts"] => vec![("GET", job(J::TaskCounts, j))],
        [j, "jobpreparationandreleasetaskstatus"] => vec![("GET", job(J::PreparationAndReleaseStatus, j))],
        [j, "addtaskcollection"] => vec![("POST", job(J::AddTasks, j))],
        [j, "tasks"] => vec![("POST", job(J::AddTask, j)), ("GET", job(J::ListTasks, j))],
        [j, "tasks", t] => {
            vec![
                ("GET", task(T::Get, j, t)),
                ("PUT", task(T::Update, j, t)),
                ("DELETE", task(T::Delete, j, t)),
            ]
        }
        [j, "tasks", t, "terminate"] => vec![("POST", task(T::Terminate, j, t))],
        [j, "tasks", t, "reactivate"] => vec![("POST", task(T::Reactivate, j, t))],
        [j, "tasks", t, "subtasksinfo"] => vec![("GET", task(T::Subtasks, j, t))],
        [_, "tasks", _, "files", ..] => return Some(Verbs::Any("files")),
        _ => return None,
    };
    Some(Verbs::These(verbs))
}

fn pool_verbs(segments: &[&str]) -> Option<Verbs> {
    use NodeOperation as N;
    use PoolOperation as P;
    let pool = |operation, id: &str| Operation::Pool(operation, PoolId::new(id).ok());
    let node =
        |operation, p: &str, n: &str| Operation::Node(operation, PoolId::new(p).ok(), NodeId::new(n).ok());
    let change = |change, p: &str, n: &str| vec![("POST", node(N::Change(change), p, n))];
    let verbs = match segments {
        [] => vec![("POST", Operation::AddPool), ("GET", Operation::ListPools)],
        [p] => vec![
            ("GET", pool(P::Get, p)),
            ("HEAD", pool(P::Exists, p)),
            ("DELETE", pool(P::Delete, p)),
            ("PATCH", Operation::NotImplemented("patching pools")),
        ],
        [p, "resize"] => vec![("POST", pool(P::Resize, p))],
        [p, "removenodes"] => vec![("POST", pool(P::RemoveNodes, p))],
        [_, "stopresize" | "updateproperties"] => {
            return Some(Verbs::Any("stopping a resize and updating pools"));
        }
        [_, "enableautoscale" | "disableautoscale" | "evaluateautoscale"] => {
            return Some(Verbs::Any("autoscale"));
        }
        [p, "nodes"] => vec![("GET", pool(P::ListNodes, p))],
        [p, "nodes", n] => vec![("GET", node(N::Get, p, n))],
        [p, "nodes", n, "reboot"] => change(NodeChange::Reboot, p, n),
        [p, "nodes", n, "reimage"] => change(NodeChange::Reimage, p, n),
        [p, "nodes", n, "deallocate"] => change(NodeChange::Deallocate, p, n),
        [p, "nodes", n, "start"] => change(NodeChange::Start, p, n),
        [p, "nodes", n, "disablescheduling"] => change(NodeChange::DisableScheduling, p, n),
        [p, "nodes", n, "enablescheduling"] => change(NodeChange::EnableScheduling, p, n),
        [_, "nodes", _, "files", ..] => return Some(Verbs::Any("files")),
        [_, "nodes", _, "users" | "extensions", ..] => return Some(Verbs::Any("node users and extensions")),
        [_, "nodes", _, "remoteloginsettings" | "rdp" | "uploadbatchservicelogs"] => {
            return Some(Verbs::Any("remote access and logs of nodes"));
        }
        _ => return None,
    };
    Some(Verbs::These(verbs))
}

/// Decodes percent escapes. An escape that is none is left as it stands, bytes that are no UTF-8
/// become replacement characters.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, tail @ ..]) => {
                hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, tail))
            }
            (_, _) => None,
        };
        let (byte, tail) = escaped.unwrap_or((first, after));
        bytes.push(byte);
        rest = tail;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
