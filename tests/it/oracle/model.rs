//! What the oracle remembers: plain values, each once. Everything else is worked out anew when it is wanted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use azbatch::{
    Instruction, JobId, NodeId, PoolId, TaskId, Timestamp,
    job::{AutoPoolFailure, DisableTasks, JobSettings, JobStateName, JobTemplate, TerminateReason},
    node::{Contact, NodeAction, NodeStateName},
    task::{JobAction, NodeFailure, TaskConstraints, TaskSpecification, TaskStateName, TaskStop},
};

use super::{pools::Pool, schedules::Schedule};

/// An account as the oracle sees it.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) nodes: BTreeMap<NodeId, Node>,
    pub(super) schedules: BTreeMap<azbatch::JobScheduleId, Schedule>,
    pub(super) pools: BTreeMap<PoolId, Pool>,
    /// The greatest number of a run that a job of each id has had; it outlives the job.
    pub(super) numbers: BTreeMap<JobId, u64>,
    /// E6: the stops that come with the call.
    pub(super) late_releases: Vec<Instruction>,
    /// Whether calls are made over REST, where what is only shown takes defaults.
    pub(super) over_rest: bool,
}

/// The times of a resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times<S> {
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    pub(super) entered: Timestamp,
    pub(super) previous: Option<(S, Timestamp)>,
}

impl<S> Times<S> {
    /// T6: all are one instant.
    pub(super) fn new(at: Timestamp) -> Self {
        Self { created: at, modified: at, entered: at, previous: None }
    }

    /// T5: never before the latest.
    pub(super) fn next(&self, now: Timestamp) -> Timestamp {
        now.max(self.modified).max(self.entered)
    }

    /// T5: a new lastModified, so a new ETag, is at least a tick after the old one.
    pub(super) fn modify(&mut self, now: Timestamp) -> Timestamp {
        self.modified = self.next(now).max(self.modified.next_tick());
        self.modified
    }

    /// T7: `left` is the state that is left, if it is one that is shown as the previous one.
    pub(super) fn enter(&mut self, at: Timestamp, left: Option<S>) {
        if let Some(left) = left {
            self.previous = Some((left, self.entered));
        }
        self.entered = at;
    }
}

#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: JobId,
    pub(super) template: JobTemplate,
    pub(super) settings: Arc<JobSettings>,
    /// T6: when the request arrived.
    pub(super) received: Timestamp,
    pub(super) times: Times<JobStateName>,
    pub(super) state: JobStateName,
    /// G1: what becomes of tasks on nodes while the job is disabling.
    pub(super) disable_tasks: DisableTasks,
    pub(super) reason: Option<TerminateReason>,
    /// E8: stays if the job is deleted then.
    pub(super) end_time: Option<Timestamp>,
    /// F1
    pub(super) force_deadline: Option<Timestamp>,
    /// P19: none until an auto pool is made.
    pub(super) pool: Option<PoolId>,
    /// X9
    pub(super) pool_failure: Option<AutoPoolFailure>,
    pub(super) tasks: BTreeMap<TaskId, Task>,
    /// How many tasks were added: the sequence number of the next.
    pub(super) added: u64,
    /// X2: a later task with the job manager task's id is another task.
    pub(super) manager_deleted: bool,
    /// The nodes that have, or had, something of the job.
    pub(super) visits: BTreeMap<NodeId, Visit>,
}

impl Job {
    /// E2, G2
    pub(super) fn is_ending(&self) -> bool {
        matches!(self.state, JobStateName::Terminating | JobStateName::Deleting)
    }

    /// X6: nothing but these end by themselves, and nothing but these are disabled or enabled.
    pub(super) fn is_living(&self) -> bool {
        matches!(
            self.state,
            JobStateName::Active | JobStateName::Disabling | JobStateName::Disabled | JobStateName::Enabling
        )
    }

    /// The tasks that are on a node: preparing or running.
    pub(super) fn on_nodes(&self) -> usize {
        self.tasks.values().filter(|task| task.on.is_some()).count()
    }

    /// The tasks on this node, in the order of their ids.
    pub(super) fn tasks_on(&self, node: &NodeId) -> Vec<TaskId> {
        let on = self.tasks.values().filter(|task| task.on.as_ref().is_some_and(|on| on.node == *node));
        on.map(|task| task.id.clone()).collect()
    }

    /// What a node has still to report on.
    pub(super) fn is_outstanding(&self, node: &NodeId) -> bool {
        let in_progress = |run: &Option<Run>| run.as_ref().is_some_and(|run| run.end.is_none());
        let visit = self.visits.get(node);
        visit.is_some_and(|visit| in_progress(&visit.preparation) || in_progress(&visit.release))
            || !self.tasks_on(node).is_empty()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) id: TaskId,
    pub(super) command_line: Option<Arc<str>>,
    pub(super) specification: Arc<TaskSpecification>,
    pub(super) constraints: TaskConstraints,
    /// P1: the order of creation.
    pub(super) sequence: u64,
    pub(super) times: Times<TaskStateName>,
    pub(super) state: TaskStateName,
    /// Where it is preparing or running.
    pub(super) on: Option<Stay>,
    /// K2: the reported start.
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<End>,
    /// X3, X7: what its failure asks of the job.
    pub(super) asks: Option<JobAction>,
    pub(super) retry_count: u32,
    pub(super) last_retry: Option<Timestamp>,
    pub(super) requeue_count: u32,
    pub(super) last_requeue: Option<Timestamp>,
}

/// A task's stay on a node.
#[derive(Clone, Debug)]
pub(super) struct Stay {
    pub(super) pool: PoolId,
    pub(super) node: NodeId,
    /// Followed; 0 until then.
    pub(super) number: u64,
    pub(super) stop: Option<TaskStop>,
}

/// How a task ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) at: Timestamp,
    pub(super) exit_code: Option<i32>,
    pub(super) failure: Option<Failure>,
    pub(super) node: Option<NodeId>,
    pub(super) start: Option<Timestamp>,
}

/// The `failureInfo` of a task.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) category: &'static str,
    pub(super) code: String,
    pub(super) message: String,
    /// What happened around the process, if something did (K5).
    pub(super) around: Option<NodeFailure>,
}

/// What a job knows of a node.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) pool: PoolId,
    /// E5: the preparation has run to completion since the node was made or reimaged.
    pub(super) prepared: bool,
    /// N1: the node rebooted since, so the preparation must run again before the next task.
    pub(super) rebooted: bool,
    /// N7
    pub(super) barred: bool,
    /// E5, N2: a task has run here since the node was made or reimaged.
    pub(super) ran: bool,
    pub(super) preparation: Option<Run>,
    pub(super) release: Option<Run>,
    /// T5: the latest start or end of the two.
    pub(super) latest: Timestamp,
}

/// A run of a preparation or release task.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Followed; 0 until then.
    pub(super) number: u64,
    pub(super) retry_count: u32,
    pub(super) stopping: bool,
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<RunEnd>,
}

/// How it ended: with an exit code, an error around it, or neither if nobody said.
#[derive(Clone, Debug)]
pub(super) struct RunEnd {
    pub(super) at: Timestamp,
    pub(super) exit_code: Option<i32>,
    pub(super) failure: Option<NodeFailure>,
}

/// Whether a node that is there answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Answers,
    Lost,
    Unusable,
}

/// Whether a node is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    On,
    Deallocated,
    Preempted,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) pool: PoolId,
    pub(super) slots: u32,
    pub(super) dedicated: bool,
    pub(super) takes_tasks: bool,
    pub(super) power: Power,
    pub(super) reach: Reach,
    /// N9: what a user asked for and has not come yet.
    pub(super) action: Option<Action>,
    /// What is shown, and since when.
    pub(super) shown: NodeStateName,
    pub(super) entered: Timestamp,
    /// N9: the last end of a retention time.
    pub(super) retained_until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Action {
    pub(super) what: NodeAction,
    pub(super) issued: bool,
    pub(super) retained_data: bool,
}

impl Node {
    /// N3, N4, N9: what a job can expect of it.
    pub(super) fn contact(&self) -> Contact {
        match (self.power, self.reach) {
            (Power::Deallocated | Power::Preempted, _) => Contact::Gone,
            (Power::On, Reach::Answers) => Contact::Answering,
            (Power::On, Reach::Lost | Reach::Unusable) => Contact::Lost,
        }
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.action.is_some_and(|action| action.what == NodeAction::Remove)
    }
}

impl Oracle {
    /// An empty account, whose calls are typed.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty account, whose calls are made over REST.
    pub fn over_rest() -> Self {
        Self { over_rest: true, ..Self::default() }
    }

    pub(super) fn contact(&self, node: &NodeId) -> Contact {
        self.nodes.get(node).map_or(Contact::Gone, Node::contact)
    }

    /// The tasks of all jobs on a node.
    pub(super) fn tasks_on(&self, node: &NodeId) -> BTreeSet<(JobId, TaskId)> {
        let of_job = |job: &Job| job.tasks_on(node).into_iter().map(|task| (job.id.clone(), task)).collect();
        self.jobs.values().flat_map(|job| -> Vec<(JobId, TaskId)> { of_job(job) }).collect()
    }

    /// I6, P5: the slots of a node that tasks take.
    pub(super) fn taken_slots(&self, node: &NodeId) -> u32 {
        let Some(found) = self.nodes.get(node) else { return 0 };
        self.tasks_on(node).iter().map(|(job, task)| needs(&self.jobs[job].tasks[task], found)).sum()
    }
}

/// P5: an exclusive task takes its node whole.
pub(super) fn needs(task: &Task, node: &Node) -> u32 {
    let required = task.specification.required_slots;
    if task.specification.run_exclusive { node.slots.max(required) } else { required }
}
