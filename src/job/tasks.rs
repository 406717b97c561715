//! The tasks of a job, with their index.

#[cfg(feature = "serde")]
mod stored;

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::hash;

use crate::{
    Timestamp,
    collections::range_after,
    error::Unfit,
    id::TaskId,
    job::{
        counts::Counts,
        task_index::{TaskIndex, Tasks},
    },
    task::{NewTask, Task, TaskFact, TaskIdRange, TaskSpecification},
};

/// Tasks and the index over them, which always agree. Only the methods here change either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct TaskTable {
    by_id: Tasks,
    next_sequence: u64,
    latest_specification: Latest,
    index: TaskIndex,
}

/// The specification of the task that was added last, so that alike ones are kept once. It changes nothing
/// that can be seen, so all are equal.
#[derive(Clone, Debug, Default)]
struct Latest(Option<Arc<TaskSpecification>>);

impl Latest {
    /// Replaces a specification by the latest if they are equal, and remembers it if not.
    fn share(&mut self, specification: &mut Arc<TaskSpecification>) {
        match &self.0 {
            Some(latest) if latest == specification => *specification = latest.clone(),
            Some(_) | None => self.0 = Some(specification.clone()),
        }
    }
}

impl PartialEq for Latest {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Latest {}

impl hash::Hash for Latest {
    fn hash<H: hash::Hasher>(&self, _: &mut H) {}
}

impl TaskTable {
    pub(super) fn get(&self, task: &TaskId) -> Option<&Task> {
        self.by_id.get(task).map(Box::as_ref)
    }

    /// Whether there is a task with this id. Tasks are mostly added in the order of their ids, so the last id is
    /// looked at first: that needs no search.
    pub(super) fn contains(&self, task: &TaskId) -> bool {
        let comes_last = self.by_id.last_key_value().is_none_or(|(last, _)| last < task);
        !comes_last && self.by_id.contains_key(task)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.by_id.values().map(Box::as_ref)
    }

    /// The tasks whose ids come after this one, or all.
    pub(super) fn after(&self, task: Option<&TaskId>) -> impl Iterator<Item = &Task> {
        self.by_id.range(range_after(task)).map(|(_, task)| task.as_ref())
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
        ids.filter_map(|id| self.get(id))
    }

    /// The active tasks that can start and were added after the one with this sequence number, or all.
    pub(super) fn ready_after(&self, sequence: Option<u64>) -> impl Iterator<Item = &Task> {
        self.index.ready.range(range_after(sequence.as_ref())).filter_map(|(_, id)| self.get(id))
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

    /// The first number of a range that is not satisfied (K9), with the tasks that have it as their id.
    pub(super) fn first_unsatisfied(&self, range: TaskIdRange) -> Option<(u32, impl Iterator<Item = &Task>)> {
        let number = self.index.first_unsatisfied(range)?;
        Some((number, self.index.numbered(number).filter_map(|id| self.get(id))))
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

    /// Adds a task to the end of the queue. A specification that is equal to that of the task added before
    /// is shared with it.
    pub(super) fn add(&mut self, mut new: NewTask, at: Timestamp) -> Result<(), Unfit> {
        if self.contains(&new.id) || new.specification.validate().is_err() {
            return Err(Unfit("the task cannot be added"));
        }
        self.latest_specification.share(&mut new.specification);
        let (id, task) = (new.id.clone(), Task::new(new, self.next_sequence, at));
        self.next_sequence = self.next_sequence.saturating_add(1);
        self.index.add(&task, &self.by_id);
        self.by_id.insert(id, Box::new(task));
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
        if was_met != is_met {
            self.index.satisfaction_changed(id, is_met, &self.by_id);
        }
        if let Some(task) = self.by_id.get(id) {
            self.index.insert_state(task, &self.by_id);
        }
        applied
    }

    /// Whether each task is under its id, and has a place in the order (I6).
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let ensure = |holds: bool, wrong| if holds { Ok(()) } else { Err(wrong) };
        let is_under_its_id = self.by_id.iter().all(|(id, task)| id == task.id());
        ensure(is_under_its_id, "a task is stored under another id")?;
        let mut sequences: Vec<u64> = self.by_id.values().map(|task| task.sequence()).collect();
        sequences.sort_unstable();
        let is_in_order = sequences.is_sorted_by(|before, after| before < after);
        let is_over = sequences.last().is_none_or(|last| *last < self.next_sequence);
        ensure(is_in_order && is_over, "the order of the tasks is broken")?;
        ensure(self.next_sequence < u64::MAX, "no sequence number is left")
    }

    /// Whether the index equals a recount (I6).
    pub(super) fn check_index(&self) -> Result<(), &'static str> {
        let is_right = self.index == TaskIndex::of(&self.by_id);
        if is_right { Ok(()) } else { Err("the index of tasks differs from a recount") }
    }
}
