//! The tasks of a job, with their index.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    Timestamp,
    collections::range_after,
    error::Unfit,
    id::TaskId,
    job::{counts::Counts, task_index::TaskIndex},
    task::{Task, TaskConstraints, TaskFact, TaskSpecification},
};

/// Tasks and the index over them, which always agree. Only the methods here change either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct TaskTable {
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::stored::map"))]
    by_id: BTreeMap<TaskId, Task>,
    next_sequence: u64,
    /// It follows from the tasks, so it is not stored.
    #[cfg_attr(feature = "serde", serde(skip))]
    index: TaskIndex,
}

impl TaskTable {
    pub(super) fn get(&self, task: &TaskId) -> Option<&Task> {
        self.by_id.get(task)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.by_id.values()
    }

    /// The tasks whose ids come after this one, or all.
    pub(super) fn after(&self, task: Option<&TaskId>) -> impl Iterator<Item = &Task> {
        self.by_id.range(range_after(task)).map(|(_, task)| task)
    }

    /// The active tasks in the order in which they were added.
    pub(super) fn queue(&self) -> impl Iterator<Item = &Task> {
        let mut ready = self.index.ready.iter().peekable();
        let mut waiting = self.index.waiting.iter().peekable();
        let ids = core::iter::from_fn(move || {
            let next_ready = ready.peek().map(|(sequence, _)| **sequence);
            let next_waiting = waiting.peek().map(|(sequence, _)| **sequence);
            if next_ready.is_some_and(|ready| next_waiting.is_none_or(|waiting| ready < waiting)) {
                ready.next().map(|(_, id)| id)
            } else {
                waiting.next().map(|(_, waiting)| &waiting.id)
            }
        });
        ids.filter_map(|id| self.by_id.get(id))
    }

    /// The active tasks that can start and were added after the one with this sequence number, or all.
    pub(super) fn ready_after(&self, sequence: Option<u64>) -> impl Iterator<Item = &Task> {
        self.index.ready.range(range_after(sequence.as_ref())).filter_map(|(_, id)| self.by_id.get(id))
    }

    /// How many active tasks can start.
    pub(super) fn ready_count(&self) -> usize {
        self.index.ready.len()
    }

    /// Whether the dependencies of an active task are satisfied (K9). A range is if each whole number in it
    /// is the id of tasks that all are.
    pub(super) fn is_ready(&self, task: &Task) -> bool {
        self.index.ready.contains_key(&task.sequence())
    }

    pub(super) fn counts(&self) -> Counts {
        self.index.counts
    }

    pub(super) fn slot_counts(&self) -> Counts {
        self.index.slots
    }

    /// The running tasks whose time is limited, by its end (K5).
    pub(super) fn deadlines(&self) -> impl Iterator<Item = &(Timestamp, TaskId)> {
        self.index.deadlines.iter()
    }

    /// Adds a task to the end of the queue.
    pub(super) fn add(
        &mut self,
        specification: &Arc<TaskSpecification>,
        constraints: TaskConstraints,
        at: Timestamp,
    ) -> Result<(), Unfit> {
        let id = &specification.id;
        if self.by_id.contains_key(id) || specification.validate().is_err() {
            return Err(Unfit("the task cannot be added"));
        }
        let task = Task::new(specification.clone(), constraints, self.next_sequence, at);
        self.next_sequence = self.next_sequence.saturating_add(1);
        self.index.add(&task, &self.by_id);
        self.by_id.insert(id.clone(), task);
        Ok(())
    }

    /// Removes a task.
    pub(super) fn remove(&mut self, id: &TaskId) {
        if let Some(task) = self.by_id.remove(id) {
            self.index.remove(&task, &self.by_id);
        }
    }

    /// Applies a fact to a task, and keeps the index.
    pub(super) fn apply(&mut self, id: &TaskId, fact: &TaskFact) -> Result<(), Unfit> {
        let task = self.by_id.get_mut(id).ok_or(Unfit("there is no such task"))?;
        self.index.remove_state(task);
        let was_met = task.satisfies_dependants();
        let applied = task.apply(fact);
        let is_met = task.satisfies_dependants();
        self.index.satisfaction_changed(id, was_met, is_met, &self.by_id);
        if let Some(task) = self.by_id.get(id) {
            self.index.insert_state(task, &self.by_id);
        }
        applied
    }

    /// Makes the index of tasks that were read without it.
    #[cfg(feature = "serde")]
    pub(super) fn restore_index(&mut self) {
        self.index = TaskIndex::of(&self.by_id);
    }

    /// Whether the index equals a recount (I6).
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let mut sequences = BTreeSet::new();
        for (id, task) in &self.by_id {
            if id != task.id() {
                return Err("a task is stored under another id");
            }
            if task.sequence() >= self.next_sequence || !sequences.insert(task.sequence()) {
                return Err("the order of the tasks is broken");
            }
        }
        let ensure = |holds: bool, wrong| if holds { Ok(()) } else { Err(wrong) };
        ensure(self.next_sequence < u64::MAX, "no sequence number is left")?;
        ensure(self.index == TaskIndex::of(&self.by_id), "the index of tasks differs from a recount")
    }
}
