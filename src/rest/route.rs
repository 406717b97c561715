//! Which operation a method and a path name.

use alloc::{borrow::Cow, string::String, vec::Vec};

use crate::{
    BatchError, ErrorCode,
    id::{JobId, TaskId},
};

/// An id in a path: text that is no id names nothing, which is a 404 in its turn (rest.md section 3).
pub(super) type PathId<T> = Option<T>;

/// An operation of the service, with the ids that its path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    AddJob,
    GetJob(PathId<JobId>),
    TerminateJob(PathId<JobId>),
    AddTask(PathId<JobId>),
    GetTask(PathId<JobId>, PathId<TaskId>),
    /// An operation that the service has and this crate has not; says which.
    NotImplemented(&'static str),
}

/// Finds the operation of a request.
///
/// `InvalidUri` for a path that names nothing, `UnsupportedHttpVerb` for one that does not take the
/// method.
pub(super) fn route(method: &str, path: &str) -> Result<Operation, BatchError> {
    let segments: Vec<Cow<'_, str>> = path.strip_prefix('/').unwrap_or(path).split('/').map(decode).collect();
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let operations = operations(&segments).ok_or(ErrorCode::InvalidUri)?;
    let found = operations.into_iter().find(|(verb, _)| *verb == method);
    found.map(|(_, operation)| operation).ok_or_else(|| ErrorCode::UnsupportedHttpVerb.into())
}

/// What the methods mean on a path; `None` for a path that the service does not know.
fn operations(segments: &[&str]) -> Option<Vec<(&'static str, Operation)>> {
    use Operation as O;
    let job = |id: &str| JobId::new(id).ok();
    let task = |id: &str| TaskId::new(id).ok();
    Some(match segments {
        ["jobs"] => alloc::vec![("POST", O::AddJob), ("GET", O::NotImplemented("listing jobs"))],
        ["jobs", j] => alloc::vec![
            ("GET", O::GetJob(job(j))),
            ("PUT", O::NotImplemented("updating jobs")),
            ("PATCH", O::NotImplemented("patching jobs")),
            ("DELETE", O::NotImplemented("deleting jobs")),
        ],
        ["jobs", j, "terminate"] => alloc::vec![("POST", O::TerminateJob(job(j)))],
        ["jobs", _, "disable" | "enable"] => {
            alloc::vec![("POST", O::NotImplemented("disabling and enabling jobs"))]
        }
        ["jobs", j, "tasks"] => {
            alloc::vec![("POST", O::AddTask(job(j))), ("GET", O::NotImplemented("listing tasks"))]
        }
        ["jobs", j, "tasks", t] => alloc::vec![
            ("GET", O::GetTask(job(j), task(t))),
            ("PUT", O::NotImplemented("updating tasks")),
            ("DELETE", O::NotImplemented("deleting tasks")),
        ],
        ["jobs", _, "tasks", _, "terminate" | "reactivate"] => {
            alloc::vec![("POST", O::NotImplemented("terminating and reactivating tasks"))]
        }
        _ => return None,
    })
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
