//! The tasks of a job, with the counts and orders that the job asks for all the time.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use core::ops::Bound;

use crate::{
    Timestamp,
    error::Unfit,
    id::TaskId,
    job::numbers::Numbers,
    task::{Dependencies, Task, TaskConstraints, TaskFact, TaskSpecification, TaskState},
};

/// How many tasks, or task slots, are in each state. Preparing tasks count as running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Counts {
    /// Waiting for a node.
    pub active: u64,
    /// On a node.
    pub running: u64,
    /// Completed successfully.
    pub succeeded: u64,
    /// Completed with a failure.
    pub failed: u64,
}

impl Counts {
    /// Succeeded and failed ones together.
    pub fn completed(self) -> u64 {
        self.succeeded + self.failed
    }

    fn of(&mut self, state: &TaskState) -> &mut u64 {
        match state {
            TaskState::Active => &mut self.active,
            TaskState::Preparing(_) | TaskState::Running { .. } => &mut self.running,
            TaskState::Completed(completion) if completion.is_success() => &mut self.succeeded,
            TaskState::Completed(_) => &mut self.failed,
        }
    }
}

/// Tasks and the indexes over them, which always agree. Only the methods here change either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct TaskTable {
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::stored::map"))]
    by_id: BTreeMap<TaskId, Task>,
    next_sequence: u64,
    /// The tasks whose ids are whole numbers, for dependencies on ranges (K9).
    numbered: BTreeMap<u32, BTreeSet<TaskId>>,
    /// Those numbers whose tasks all satisfy their dependants.
    satisfied_numbers: Numbers,
    index: TaskIndex,
}

/// What follows from the tasks' states.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct TaskIndex {
    /// The active tasks in the order in which they are scheduled.
    queue: BTreeMap<u64, TaskId>,
    counts: Counts,
    slots: Counts,
    /// The running tasks whose time is limited, by its end (K5).
    deadlines: BTreeSet<(Timestamp, TaskId)>,
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
        let after = (task.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        self.by_id.range(after).map(|(_, task)| task)
    }

    /// The active tasks that were added after the one with this sequence number, or all.
    pub(super) fn queue_after(&self, sequence: Option<u64>) -> impl Iterator<Item = &Task> {
        let after = (sequence.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        self.index.queue.range(after).filter_map(|(_, id)| self.by_id.get(id))
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

    /// Whether every dependency is satisfied (K9). A range is if each whole number in it is the id of
    /// tasks that all are.
    pub(super) fn satisfies(&self, dependencies: &Dependencies) -> bool {
        let ranges = &dependencies.ranges;
        ranges.iter().all(|range| self.satisfied_numbers.covers(range.start, range.end))
            && dependencies.task_ids.iter().all(|id| self.get(id).is_some_and(Task::satisfies_dependants))
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
        if let Some(number) = number(id) {
            self.numbered.entry(number).or_default().insert(id.clone());
        }
        self.index.insert(&task);
        self.by_id.insert(id.clone(), task);
        self.recount_number(id);
        Ok(())
    }

    /// Removes a task.
    pub(super) fn remove(&mut self, id: &TaskId) {
        let Some(task) = self.by_id.remove(id) else { return };
        self.index.remove(&task);
        if let Some(number) = number(id)
            && let Some(ids) = self.numbered.get_mut(&number)
        {
            ids.remove(id);
            if ids.is_empty() {
                self.numbered.remove(&number);
            }
        }
        self.recount_number(id);
    }

    /// Applies a fact to a task, and keeps the indexes.
    pub(super) fn apply(&mut self, id: &TaskId, fact: &TaskFact) -> Result<(), Unfit> {
        let task = self.by_id.get_mut(id).ok_or(Unfit("there is no such task"))?;
        self.index.remove(task);
        let applied = task.apply(fact);
        self.index.insert(task);
        self.recount_number(id);
        applied
    }

    /// A number is satisfied if there are tasks with that id and each satisfies its dependants (K9).
    fn recount_number(&mut self, id: &TaskId) {
        let Some(number) = number(id) else { return };
        let satisfied = |id: &TaskId| self.by_id.get(id).is_some_and(Task::satisfies_dependants);
        let all = self.numbered.get(&number).is_some_and(|ids| ids.iter().all(satisfied));
        self.satisfied_numbers.set(number, all);
    }

    /// Whether the indexes equal a recount (I6).
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let mut index = TaskIndex::default();
        let mut numbered: BTreeMap<u32, BTreeSet<TaskId>> = BTreeMap::new();
        let mut satisfied = Numbers::default();
        let mut sequences = BTreeSet::new();
        for (id, task) in &self.by_id {
            if id != task.id() {
                return Err("a task is stored under another id");
            }
            if task.sequence() >= self.next_sequence || !sequences.insert(task.sequence()) {
                return Err("the order of the tasks is broken");
            }
            index.insert(task);
            if let Some(number) = number(id) {
                numbered.entry(number).or_default().insert(id.clone());
            }
        }
        for (number, ids) in &numbered {
            let all = ids.iter().all(|id| self.get(id).is_some_and(Task::satisfies_dependants));
            satisfied.set(*number, all);
        }
        let ensure = |holds: bool, wrong| if holds { Ok(()) } else { Err(wrong) };
        ensure(self.next_sequence < u64::MAX, "no sequence number is left")?;
        ensure(index == self.index, "counts differ from a recount")?;
        ensure(numbered == self.numbered, "the index of numbered tasks is wrong")?;
        ensure(satisfied == self.satisfied_numbers, "the index of satisfied numbers is wrong")
    }
}

impl TaskIndex {
    fn insert(&mut self, task: &Task) {
        *self.counts.of(task.state()) += 1;
        *self.slots.of(task.state()) += u64::from(task.specification().required_slots);
        if *task.state() == TaskState::Active {
            self.queue.insert(task.sequence(), task.id().clone());
        }
        if let Some(deadline) = task.wall_clock_deadline() {
            self.deadlines.insert((deadline, task.id().clone()));
        }
    }

    fn remove(&mut self, task: &Task) {
        *self.counts.of(task.state()) -= 1;
        *self.slots.of(task.state()) -= u64::from(task.specification().required_slots);
        if *task.state() == TaskState::Active {
            self.queue.remove(&task.sequence());
        }
        if let Some(deadline) = task.wall_clock_deadline() {
            self.deadlines.remove(&(deadline, task.id().clone()));
        }
    }
}

/// The whole number that an id is, if it is one that a dependency range can name (K9).
fn number(id: &TaskId) -> Option<u32> {
    let text = id.as_str();
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
