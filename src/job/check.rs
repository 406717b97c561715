//! What must hold at any time (section 10), said once.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
};

use crate::{
    id::{NodeId, TaskId},
    job::{Job, JobNode, JobState, TaskIndex, apply::number, numbers::Numbers},
    task::{Task, TaskState},
};

/// An invariant that does not hold: a bug in the crate, or a stored state that was tampered with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(pub(crate) String);

/// Fails with what is wrong, if it is.
pub(crate) fn ensure(holds: bool, wrong: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation(wrong())) }
}

impl Job {
    /// Checks the invariants of one job: I1, I3, I6 and that indexes agree with what they index.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self) -> Result<(), Violation> {
        let id = self.id();
        ensure(self.last_modified >= self.start_time, || format!("job {id}: modified before it started"))?;
        ensure(self.state_transition_time >= self.start_time, || {
            format!("job {id}: moved before it started")
        })?;
        if let Some((_, previous)) = self.previous_state {
            ensure(self.state_transition_time >= previous, || format!("job {id}: stamps go back"))?; // I3
        }
        self.check_state()?;
        for (node, record) in &self.nodes {
            self.check_node(node, record)?;
        }
        for (key, task) in &self.tasks.by_id {
            ensure(key == task.id(), || format!("job {id}: task {key} is filed under another id"))?;
            self.check_task(task)?;
        }
        self.check_indexes()
    }

    /// I1, and that nothing runs where nothing may.
    fn check_state(&self) -> Result<(), Violation> {
        let id = self.id();
        let outstanding = self.nodes.values().any(JobNode::is_outstanding);
        match &self.state {
            JobState::Completed { end_time, .. } => {
                ensure(!outstanding, || format!("job {id}: completed with something outstanding on a node"))?;
                ensure(*end_time == self.state_transition_time, || format!("job {id}: ended at another time"))
            }
            JobState::Disabled => ensure(self.tasks.index.counts.running == 0, || {
                format!("job {id}: disabled with a task on a node")
            }),
            JobState::Active
            | JobState::Disabling(_)
            | JobState::Enabling
            | JobState::Terminating { .. }
            | JobState::Deleting { .. } => Ok(()),
        }
    }

    fn check_node(&self, node: &NodeId, record: &JobNode) -> Result<(), Violation> {
        let id = self.id();
        for task in &record.tasks {
            let found = self.task(task);
            let here = found.and_then(Task::placement).is_some_and(|placement| placement.node == *node);
            ensure(here, || format!("job {id}: task {task} is not on node {node}"))?;
            let preparing = found.is_some_and(|task| matches!(task.state, TaskState::Preparing { .. }));
            ensure(preparing == record.preparing(), || {
                format!("job {id}: task {task} is out of step with node {node}")
            })?;
        }
        let ending_or_ended = match &self.state {
            JobState::Terminating { .. } | JobState::Completed { .. } | JobState::Deleting { .. } => true,
            JobState::Active | JobState::Disabling(_) | JobState::Disabled | JobState::Enabling => false,
        };
        ensure(ending_or_ended || record.release.is_none(), || {
            format!("job {id}: released node {node} while living")
        })?;
        ensure(!record.releasing() || record.tasks.is_empty(), || {
            format!("job {id}: releases node {node} while tasks are there")
        })
    }

    fn check_task(&self, task: &Task) -> Result<(), Violation> {
        let (id, name) = (self.id(), task.id());
        ensure(task.last_modified >= task.creation_time, || {
            format!("job {id}: task {name} modified before created")
        })?;
        let previous = task.previous_state.map_or(task.creation_time, |(_, at)| at);
        ensure(task.state_transition_time >= previous, || format!("job {id}: task {name}'s stamps go back"))?; // I3
        match &task.state {
            TaskState::Active => Ok(()),
            TaskState::Preparing { placement, .. } | TaskState::Running { placement, .. } => {
                let here = self.nodes.get(&placement.node).is_some_and(|record| record.tasks.contains(name));
                ensure(here, || format!("job {id}: node {} does not know task {name}", placement.node))
            }
            TaskState::Completed(completion) => {
                let in_order = completion.start_time.is_none_or(|start| start <= completion.end_time);
                ensure(in_order, || format!("job {id}: task {name} ended before it started"))
            }
        }
    }

    /// I6
    fn check_indexes(&self) -> Result<(), Violation> {
        let id = self.id();
        let mut index = TaskIndex::default();
        let mut numbered: BTreeMap<u32, BTreeSet<TaskId>> = BTreeMap::new();
        let mut met = Numbers::default();
        let mut sequences = BTreeSet::new();
        ensure(self.tasks.next_sequence < u64::MAX, || format!("job {id}: no sequence number is left"))?;
        for task in self.tasks.by_id.values() {
            let is_new = task.sequence < self.tasks.next_sequence && sequences.insert(task.sequence);
            ensure(is_new, || format!("job {id}: task {} is out of sequence", task.id()))?;
            ensure(task.specification.validate().is_ok(), || {
                format!("job {id}: task {} needs no slot", task.id())
            })?;
            index.insert(task);
            if let Some(number) = number(task.id()) {
                numbered.entry(number).or_default().insert(task.id().clone());
            }
        }
        for (number, ids) in &numbered {
            let all = ids.iter().all(|id| self.task(id).is_some_and(Task::satisfies_dependants));
            met.set(*number, all);
        }
        ensure(index == self.tasks.index, || format!("job {id}: counts differ from a recount"))?;
        ensure(numbered == self.tasks.numbered, || {
            format!("job {id}: the index of numbered tasks is wrong")
        })?;
        ensure(met == self.tasks.met, || format!("job {id}: the index of met numbers is wrong"))
    }
}

#[cfg(feature = "serde")]
mod stored {
    //! A stored job is checked before it is trusted, so that nothing later can go wrong over it.

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::job::Job;

    impl Serialize for Job {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Self::serialize(self, serializer)
        }
    }

    impl<'de> Deserialize<'de> for Job {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let job = Self::deserialize(deserializer)?;
            job.check().map_err(D::Error::custom)?;
            Ok(job)
        }
    }
}
