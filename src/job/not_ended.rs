//! Why a job has not ended: what it waits for, in its own words.

use alloc::vec::Vec;
use core::fmt;

use crate::{
    Timestamp,
    id::{NodeId, TaskId},
    job::{
        record::JobNode,
        resource::Job,
        specification::OnAllTasksComplete,
        state::{Ending, JobState, JobStateName, Living},
        words::{Several, agree},
    },
    node::{Contact, NodeStateName},
    task::{Task, TaskState},
};

/// One reason why a job has not ended; see [`Account::why_not_ended`](crate::Account::why_not_ended).
///
/// Its text is one line without a full stop, such as `waiting for the release task on node tvm-1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum NotEnded {
    /// Nothing holds it up: the service moves it on at the next tick ([S1](crate::evidence#s1)), perhaps to a
    /// disabling that comes before its end ([X7](crate::evidence#x7)).
    Tick,
    /// It is disabled, disabling or enabling. It can end all the same.
    NotActive(JobStateName),
    /// Only a request or the job's time limit ends it, whatever becomes of its tasks
    /// ([X4](crate::evidence#x4)).
    NoAction,
    /// Its job manager task is not completed ([X2](crate::evidence#x2)).
    Manager {
        /// The task.
        task: TaskId,
        /// The node that it is on, if it is on one.
        node: Option<NodeId>,
    },
    /// Something of the job is on a node.
    Node(NodeWait),
    /// Tasks are active ([X4](crate::evidence#x4)).
    ActiveTasks {
        /// The one that was added first.
        first: TaskId,
        /// How many there are.
        count: u64,
    },
    /// Its `maxWallClockTime` is not over ([X1](crate::evidence#x1)).
    MaxWallClockTime {
        /// When it is.
        ends: Timestamp,
    },
    /// The time for which a forced end waits for nodes is not over ([F1](crate::evidence#f1)).
    ForceTimeout {
        /// When it is.
        ends: Timestamp,
    },
}

/// What a job waits for on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct NodeWait {
    /// The node.
    pub node: NodeId,
    /// What the service shows as its state; `None` if the account does not have the node.
    pub node_state: Option<NodeStateName>,
    /// Whether it answers ([N4](crate::evidence#n4)).
    pub contact: Contact,
    /// What is on it.
    pub unit: AwaitedUnit,
    /// Whether the node was told to stop that.
    pub stopping: bool,
    /// Whether the release task has to run there afterwards ([E5](crate::evidence#e5)).
    pub release_follows: bool,
    /// When the job stops waiting for it: a running release task has had its time
    /// ([E6](crate::evidence#e6)), or a forced end comes ([F1](crate::evidence#f1)).
    pub until: Option<Timestamp>,
}

/// What of a job is on a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum AwaitedUnit {
    /// The preparation task, and tasks that wait for it.
    Preparation,
    /// Running tasks.
    Tasks {
        /// The first one by id.
        first: TaskId,
        /// How many there are.
        count: u64,
    },
    /// The release task.
    Release,
}

impl NotEnded {
    /// The instant at which the reason ends by itself, if there is one. It ends at the first tick that is
    /// not earlier.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Node(wait) => wait.until,
            Self::MaxWallClockTime { ends } | Self::ForceTimeout { ends } => Some(*ends),
            Self::Tick
            | Self::NotActive(_)
            | Self::NoAction
            | Self::Manager { .. }
            | Self::ActiveTasks { .. } => None,
        }
    }
}

impl fmt::Display for NotEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tick => f.write_str("nothing holds it up, so it moves on at the next tick"),
            Self::NotActive(state) => write!(f, "it is {state}"),
            Self::NoAction => {
                f.write_str("onAllTasksComplete is noaction, so the end of its tasks does not end it")
            }
            Self::Manager { task, node: None } => {
                write!(f, "waiting for the job manager task {task}, which is active")
            }
            Self::Manager { task, node: Some(node) } => {
                write!(f, "waiting for the job manager task {task} on node {node}")
            }
            Self::Node(wait) => wait.fmt(f),
            Self::ActiveTasks { first, count } => {
                let (tasks, are) = (tasks(first, *count), agree(["is", "are"], *count));
                write!(f, "waiting for {tasks}, which {are} active")
            }
            Self::MaxWallClockTime { .. } => f.write_str("its maxWallClockTime is not over"),
            Self::ForceTimeout { .. } => f.write_str("the timeout of its forced end is not over"),
        }
    }
}

impl fmt::Display for NodeWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            AwaitedUnit::Preparation => f.write_str("waiting for the preparation task")?,
            AwaitedUnit::Tasks { first, count } => write!(f, "waiting for {}", tasks(first, *count))?,
            AwaitedUnit::Release => f.write_str("waiting for the release task")?,
        }
        if self.stopping {
            f.write_str(" to stop")?;
        }
        if self.release_follows {
            f.write_str(" and then for the release task")?;
        }
        write!(f, " on node {}", self.node)?;
        self.write_trouble(f)
    }
}

fn tasks(first: &TaskId, count: u64) -> Several<'_, TaskId> {
    Several { kind: "task", first, count }
}

impl NodeWait {
    /// What the node is up to, if that may hold up what is on it.
    fn write_trouble(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An offline node takes no new tasks, but goes on with what it has.
        let state = self.node_state.filter(|state| *state != NodeStateName::Offline);
        match (state.and_then(NodeStateName::trouble), self.contact) {
            (None, Contact::Answering) => Ok(()),
            (None, Contact::Lost) => f.write_str(", which does not answer"),
            (None, Contact::Gone) => f.write_str(", which is gone"),
            (Some([trouble, _]), Contact::Lost) if self.shows_more_than_lost() => {
                write!(f, ", which {trouble} and does not answer")
            }
            (Some([trouble, _]), _) => write!(f, ", which {trouble}"),
        }
    }

    /// Whether the state that the service shows of a lost node says something else.
    fn shows_more_than_lost(&self) -> bool {
        !matches!(self.node_state, Some(NodeStateName::Unknown | NodeStateName::Unusable))
    }
}

impl Job {
    /// Why the job has not ended; see [`Account::why_not_ended`](crate::Account::why_not_ended).
    pub(crate) fn why_not_ended(
        &self,
        state_of: impl Fn(&NodeId) -> Option<NodeStateName>,
        now: Timestamp,
    ) -> Vec<NotEnded> {
        let mut reasons = match &self.state {
            JobState::Completed(_) => Vec::new(),
            JobState::Living(living) => self.why_living(*living, now),
            JobState::Ending(ending) => self.why_ending(ending, now),
        };
        // The job does not know the states of its nodes, only whether they answer.
        for reason in &mut reasons {
            if let NotEnded::Node(wait) = reason {
                wait.node_state = state_of(&wait.node);
            }
        }
        reasons
    }

    fn why_living(&self, living: Living, now: Timestamp) -> Vec<NotEnded> {
        if living != Living::Enabling && self.is_due_to_end(now) {
            return Vec::from([NotEnded::Tick]); // X6
        }
        let mut reasons = Vec::new();
        if living != Living::Active {
            reasons.push(NotEnded::NotActive(self.state.name()));
        }
        let ends_with_tasks = self.settings.on_all_tasks_complete == OnAllTasksComplete::TerminateJob; // X4
        match self.decisive_manager() {
            Some(manager) => reasons.extend(manager_reason(manager)), // X2
            None if !ends_with_tasks => reasons.push(NotEnded::NoAction),
            None => {}
        }
        // G1: a job is disabling until its tasks have left their nodes.
        if ends_with_tasks || matches!(living, Living::Disabling(_)) {
            reasons.extend(
                self.nodes.iter().flat_map(|(id, node)| self.living_waits(id, node)).map(NotEnded::Node),
            );
        }
        if ends_with_tasks {
            reasons.extend(self.active_tasks());
        }
        reasons.extend(self.wall_clock_deadline().map(|ends| NotEnded::MaxWallClockTime { ends })); // X1
        reasons
    }

    /// What of a living job is on a node: tasks that were not told to stop, and tasks that were.
    fn living_waits(&self, id: &NodeId, node: &JobNode) -> Vec<NodeWait> {
        if let Some(run) = node.preparing() {
            return Vec::from([NodeWait::new(id, node, AwaitedUnit::Preparation, run.is_stopping())]);
        }
        let waits = [false, true].map(|stopping| {
            let is_told = |task: &&TaskId| self.task(task).and_then(Task::stop).is_some() == stopping;
            some_tasks(node.tasks().filter(is_told)).map(|tasks| NodeWait::new(id, node, tasks, stopping))
        });
        waits.into_iter().flatten().collect()
    }

    /// The active tasks, as one reason.
    fn active_tasks(&self) -> Option<NotEnded> {
        let first = self.queue().next()?.id().clone();
        Some(NotEnded::ActiveTasks { first, count: self.task_counts().active })
    }

    fn why_ending(&self, ending: &Ending, now: Timestamp) -> Vec<NotEnded> {
        if self.can_end(ending, now) {
            return Vec::from([NotEnded::Tick]); // E8, F1
        }
        let awaited = self.nodes.iter().filter(|(_, node)| is_waited_for(node.contact(), ending));
        let waits = awaited.filter_map(|(id, node)| self.ending_wait(ending, id, node));
        let mut reasons: Vec<NotEnded> = waits.map(NotEnded::Node).collect();
        reasons.extend(ending.force_deadline.map(|ends| NotEnded::ForceTimeout { ends }));
        reasons
    }

    /// What an ending job waits for on a node, if anything is outstanding there (E2, E3, E5).
    fn ending_wait(&self, ending: &Ending, id: &NodeId, node: &JobNode) -> Option<NodeWait> {
        let unit = if node.preparing().is_some() {
            AwaitedUnit::Preparation
        } else if let Some(tasks) = some_tasks(node.tasks()) {
            tasks
        } else {
            node.releasing().map(|_| AwaitedUnit::Release)?
        };
        let release = node.releasing().and_then(|run| self.release_deadline(run.running_since()?));
        let stopping = unit != AwaitedUnit::Release;
        let release_follows = self.needs_release(node);
        let until = release.into_iter().chain(ending.force_deadline).min();
        Some(NodeWait { release_follows, until, ..NodeWait::new(id, node, unit, stopping) })
    }
}

impl NodeWait {
    fn new(id: &NodeId, node: &JobNode, unit: AwaitedUnit, stopping: bool) -> Self {
        let (node, contact) = (id.clone(), node.contact());
        Self { node, node_state: None, contact, unit, stopping, release_follows: false, until: None }
    }
}

/// X2
fn manager_reason(task: &Task) -> Option<NotEnded> {
    let node = match task.state() {
        TaskState::Active => None,
        TaskState::Preparing(assignment) | TaskState::Running { assignment, .. } => {
            Some(assignment.placement.node.clone())
        }
        TaskState::Completed(_) => return None, // The next tick ends the job.
    };
    Some(NotEnded::Manager { task: task.id().clone(), node })
}

/// N3, N4, F1: whether an ending job waits for a node that can be reached like this.
fn is_waited_for(contact: Contact, ending: &Ending) -> bool {
    match contact {
        Contact::Answering => true,
        Contact::Lost => ending.force_deadline.is_none(),
        Contact::Gone => false,
    }
}

/// Running tasks, if there are any.
fn some_tasks<'a>(mut tasks: impl Iterator<Item = &'a TaskId>) -> Option<AwaitedUnit> {
    let first = tasks.next()?.clone();
    let count = tasks.fold(1, |count: u64, _| count.saturating_add(1));
    Some(AwaitedUnit::Tasks { first, count })
}
