//! How a task is stored: what is as it is for most tasks, or for the task stored before it, is left out.

use alloc::{boxed::Box, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    TimeSpan, Timestamp,
    id::TaskId,
    task::{
        specification::{RetryLimit, TaskConstraints, TaskSpecification},
        state::{History, Task},
    },
};

/// The constraints of a task whose user and whose job gave none.
const DEFAULT_CONSTRAINTS: TaskConstraints = TaskConstraints {
    max_wall_clock_time: TimeSpan::UNLIMITED,
    retention_time: TaskConstraints::DEFAULT_RETENTION,
    max_task_retry_count: RetryLimit::Times(0),
};

/// A task to store.
#[derive(Serialize)]
pub(crate) struct StoredTask<'a> {
    id: &'a TaskId,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_line: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    specification: Option<&'a TaskSpecification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    constraints: Option<&'a TaskConstraints>,
    sequence: u64,
    created: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'a History>,
}

impl<'a> StoredTask<'a> {
    /// `before` is the task that is stored before this one.
    pub(crate) fn new(task: &'a Task, before: Option<&Task>) -> Self {
        let is_shared = before.is_some_and(|before| before.specification == task.specification);
        Self {
            id: &task.id,
            command_line: task.command_line.as_deref(),
            specification: (!is_shared).then_some(task.specification.as_ref()),
            constraints: Some(&task.constraints).filter(|constraints| **constraints != DEFAULT_CONSTRAINTS),
            sequence: task.sequence,
            created: task.created,
            history: task.history.as_deref(),
        }
    }
}

/// A stored task that was read.
#[derive(Deserialize)]
pub(crate) struct ReadTask {
    id: TaskId,
    command_line: Option<Arc<str>>,
    specification: Option<Arc<TaskSpecification>>,
    constraints: Option<TaskConstraints>,
    sequence: u64,
    created: Timestamp,
    history: Option<Box<History>>,
}

impl ReadTask {
    /// The task; `None` if neither it nor the task before it has a specification.
    pub(crate) fn task(self, before: Option<&Task>) -> Option<Task> {
        Some(Task {
            id: self.id,
            command_line: self.command_line,
            specification: self.specification.or_else(|| Some(before?.specification.clone()))?,
            constraints: self.constraints.unwrap_or(DEFAULT_CONSTRAINTS),
            sequence: self.sequence,
            created: self.created,
            history: self.history,
        })
    }
}

impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredTask::new(self, None).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Task {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = ReadTask::deserialize(deserializer)?;
        read.task(None).ok_or_else(|| D::Error::missing_field("specification"))
    }
}
