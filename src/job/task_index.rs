//! What follows from the tasks of a job, and would otherwise be searched for. [`TaskIndex::of`] makes it
//! again, so that a check can compare the two.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::hash;

use crate::{
    Timestamp,
    collections::remove_from,
    id::TaskId,
    job::{counts::Counts, numbers::Numbers},
    task::{Task, TaskIdRange, TaskState},
};

/// Tasks by id. A task is behind a pointer, so that the map's nodes, which are never full, have little room
/// to waste.
pub(super) type Tasks = BTreeMap<TaskId, Box<Task>>;

/// See the module. A task's sequence number stands for it where its id is not needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TaskIndex {
    /// The active tasks that can start, in the order in which they are scheduled.
    pub(super) ready: BTreeMap<u64, TaskId>,
    /// The active tasks that cannot start yet, in the same order.
    pub(super) waiting: BTreeMap<u64, Waiting>,
    pub(super) counts: Counts,
    pub(super) slots: Counts,
    /// The running tasks whose time is limited, by its end (K5).
    pub(super) deadlines: BTreeSet<(Timestamp, TaskId)>,
    /// The active tasks that depend on a task with this id, which need not exist.
    dependants: BTreeMap<TaskId, BTreeSet<u64>>,
    /// The active tasks that depend on a range.
    range_dependants: BTreeMap<TaskIdRange, BTreeSet<u64>>,
    /// The tasks whose ids are whole numbers, for dependencies on ranges (K9).
    numbered: BTreeMap<u32, BTreeSet<TaskId>>,
    /// Those numbers whose tasks all satisfy their dependants.
    satisfied_numbers: Numbers,
}

impl hash::Hash for TaskIndex {
    /// It follows from the tasks, so it tells nothing more.
    fn hash<H: hash::Hasher>(&self, _: &mut H) {}
}

/// An active task with dependencies that are not satisfied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) id: TaskId,
    /// How many; each id and each range counts once.
    unmet: usize,
}

impl TaskIndex {
    /// The index of these tasks.
    pub(super) fn of(tasks: &Tasks) -> Self {
        let mut index = Self::default();
        for id in tasks.keys() {
            if let Some(number) = number(id) {
                index.numbered.entry(number).or_default().insert(id.clone());
            }
        }
        let numbers: Vec<u32> = index.numbered.keys().copied().collect();
        for number in numbers {
            index.recount_number(number, tasks);
        }
        for task in tasks.values() {
            index.insert_state(task, tasks);
        }
        index
    }

    /// A task is added to these. It is active, so it satisfies no dependant.
    pub(super) fn add(&mut self, task: &Task, tasks: &Tasks) {
        self.insert_number(task.id(), tasks);
        self.insert_state(task, tasks);
    }

    /// A task was removed from these.
    pub(super) fn remove(&mut self, task: &Task, tasks: &Tasks) {
        self.remove_state(task);
        if task.satisfies_dependants() {
            self.satisfaction_changed(task.id(), false, tasks);
        }
        self.remove_number(task.id(), tasks);
    }

    /// Takes out what depends on a task's state, before that changes.
    pub(super) fn remove_state(&mut self, task: &Task) {
        *self.counts.of(task.state()) -= 1;
        *self.slots.of(task.state()) -= u64::from(task.specification().required_slots);
        if *task.state() == TaskState::Active {
            if self.ready.remove(&task.sequence()).is_none() {
                self.waiting.remove(&task.sequence());
            }
            self.remove_dependencies(task);
        }
        if let Some(deadline) = task.wall_clock_deadline() {
            self.deadlines.remove(&(deadline, task.id().clone()));
        }
    }

    /// Puts in what depends on the state of one of these tasks.
    pub(super) fn insert_state(&mut self, task: &Task, tasks: &Tasks) {
        *self.counts.of(task.state()) += 1;
        *self.slots.of(task.state()) += u64::from(task.specification().required_slots);
        if *task.state() == TaskState::Active {
            let id = task.id().clone();
            match self.insert_dependencies(task, tasks) {
                0 => drop(self.ready.insert(task.sequence(), id)),
                unmet => drop(self.waiting.insert(task.sequence(), Waiting { id, unmet })),
            }
        }
        if let Some(deadline) = task.wall_clock_deadline() {
            self.deadlines.insert((deadline, task.id().clone()));
        }
    }

    /// Enters what a task depends on, and returns how much of it is not satisfied.
    fn insert_dependencies(&mut self, task: &Task, tasks: &Tasks) -> usize {
        let Some(dependencies) = &task.specification().depends_on else { return 0 };
        let sequence = task.sequence();
        let mut unmet = 0;
        for id in &dependencies.task_ids {
            let is_new = self.dependants.entry(id.clone()).or_default().insert(sequence);
            unmet += usize::from(is_new && !is_satisfied(id, tasks));
        }
        for range in &dependencies.ranges {
            let is_new = self.range_dependants.entry(*range).or_default().insert(sequence);
            unmet += usize::from(is_new && !self.satisfied_numbers.covers(range.start, range.end));
        }
        unmet
    }

    fn remove_dependencies(&mut self, task: &Task) {
        let Some(dependencies) = &task.specification().depends_on else { return };
        for id in &dependencies.task_ids {
            remove_from(&mut self.dependants, id, &task.sequence());
        }
        for range in &dependencies.ranges {
            remove_from(&mut self.range_dependants, range, &task.sequence());
        }
    }

    /// A task with this id now satisfies its dependants, or no longer does (K9).
    pub(super) fn satisfaction_changed(&mut self, id: &TaskId, is_met: bool, tasks: &Tasks) {
        let dependants: Vec<u64> = self.dependants.get(id).into_iter().flatten().copied().collect();
        self.count(&dependants, is_met);
        if let Some(number) = number(id) {
            self.recount_number(number, tasks);
        }
    }

    /// A number is satisfied if there are tasks with that id and each satisfies its dependants (K9).
    fn recount_number(&mut self, number: u32, tasks: &Tasks) {
        let ids = self.numbered.get(&number);
        let is_met = ids.is_some_and(|ids| ids.iter().all(|id| is_satisfied(id, tasks)));
        if self.satisfied_numbers.covers(number, number) == is_met {
            return;
        }
        // The ranges that change are satisfied while the number is: before it is taken out, or after.
        self.satisfied_numbers.set(number, true);
        let dependants: Vec<u64> = self.dependants_on_satisfied_ranges(number).collect();
        self.satisfied_numbers.set(number, is_met);
        self.count(&dependants, is_met);
    }

    /// The active tasks that depend on satisfied ranges with this number in them, once for each range.
    fn dependants_on_satisfied_ranges(&self, number: u32) -> impl Iterator<Item = u64> {
        let last = TaskIdRange { start: number, end: u32::MAX };
        let ranges = self.range_dependants.range(..=last).filter(move |(range, _)| {
            number <= range.end && self.satisfied_numbers.covers(range.start, range.end)
        });
        ranges.flat_map(|(_, dependants)| dependants.iter().copied())
    }

    /// One dependency of each of these active tasks became satisfied, or unsatisfied.
    fn count(&mut self, dependants: &[u64], is_met: bool) {
        for sequence in dependants {
            let unmet = self.waiting.get(sequence).map_or(0, |waiting| waiting.unmet);
            let left = if is_met { unmet.saturating_sub(1) } else { unmet + 1 };
            let waiting = self.waiting.remove(sequence).map(|waiting| waiting.id);
            let Some(id) = waiting.or_else(|| self.ready.remove(sequence)) else { continue };
            if left == 0 {
                self.ready.insert(*sequence, id);
            } else {
                self.waiting.insert(*sequence, Waiting { id, unmet: left });
            }
        }
    }

    /// The first number of a range that is not satisfied (K9).
    pub(super) fn first_unsatisfied(&self, range: TaskIdRange) -> Option<u32> {
        self.satisfied_numbers.first_outside(range.start, range.end)
    }

    /// The tasks whose ids are this whole number, by id.
    pub(super) fn numbered(&self, number: u32) -> impl Iterator<Item = &TaskId> {
        self.numbered.get(&number).into_iter().flatten()
    }

    fn insert_number(&mut self, id: &TaskId, tasks: &Tasks) {
        if let Some(number) = number(id) {
            self.numbered.entry(number).or_default().insert(id.clone());
            self.recount_number(number, tasks);
        }
    }

    fn remove_number(&mut self, id: &TaskId, tasks: &Tasks) {
        if let Some(number) = number(id) {
            remove_from(&mut self.numbered, &number, id);
            self.recount_number(number, tasks);
        }
    }
}

fn is_satisfied(id: &TaskId, tasks: &Tasks) -> bool {
    tasks.get(id).is_some_and(|task| task.satisfies_dependants())
}

/// The whole number that an id is, if it is one that a dependency range can name (K9).
fn number(id: &TaskId) -> Option<u32> {
    let text = id.as_str();
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
