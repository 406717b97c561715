//! Storing tasks. The index follows from them, so it is rebuilt when they are read.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

use super::{Latest, TaskIndex, TaskTable, Tasks};
use crate::task::{ReadTask, StoredTask, Task};

#[derive(Serialize)]
struct StoredTable<'a> {
    next_sequence: u64,
    tasks: StoredTasks<'a>,
}

struct StoredTasks<'a>(&'a Tasks);

impl Serialize for TaskTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tasks = StoredTasks(&self.by_id);
        StoredTable { next_sequence: self.next_sequence, tasks }.serialize(serializer)
    }
}

impl Serialize for StoredTasks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut before = None;
        serializer.collect_seq(self.0.values().map(|task| {
            let stored = StoredTask::new(task, before);
            before = Some(task);
            stored
        }))
    }
}

#[derive(Deserialize)]
struct ReadTable {
    next_sequence: u64,
    #[serde(deserialize_with = "read_tasks")]
    tasks: Tasks,
}

impl<'de> Deserialize<'de> for TaskTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ReadTable { next_sequence, tasks } = ReadTable::deserialize(deserializer)?;
        let index = TaskIndex::of(&tasks);
        Ok(Self { by_id: tasks, next_sequence, latest_specification: Latest::default(), index })
    }
}

fn read_tasks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tasks, D::Error> {
    deserializer.deserialize_seq(TasksVisitor)
}

struct TasksVisitor;

impl<'de> Visitor<'de> for TasksVisitor {
    type Value = Tasks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tasks in the order of their ids")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut stored: A) -> Result<Tasks, A::Error> {
        let mut tasks: Vec<Box<Task>> = Vec::new();
        while let Some(read) = stored.next_element::<ReadTask>()? {
            let before = tasks.last().map(Box::as_ref);
            let task = read.task(before).ok_or_else(|| A::Error::missing_field("specification"))?;
            if before.is_some_and(|before| before.id() >= task.id()) {
                return Err(A::Error::custom("the tasks are not in the order of their ids"));
            }
            tasks.push(Box::new(task));
        }
        // A map that is made from sorted entries at once has full nodes.
        Ok(tasks.into_iter().map(|task| (task.id().clone(), task)).collect())
    }
}
