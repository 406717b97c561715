//! Why a task is not running, as far as its job knows.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::fmt;

use crate::{
    Timestamp,
    id::{JobId, NodeId, PoolId, TaskId},
    job::{
        auto_pool::{AutoPoolFailureCode, AutoPoolState},
        resource::Job,
        specification::ParallelLimit,
        state::{JobState, JobStateName},
        words::{Several, agree},
    },
    node::NodeStateName,
    task::{Task, TaskIdRange, TaskState},
};

/// One reason why a task is not running; see
/// [`Account::why_not_running`](crate::Account::why_not_running).
///
/// Its text is one line without a full stop, such as `node tvm-1 has too few free slots`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum NotRunning {
    /// Only tasks of active jobs are assigned to nodes ([E10](crate::evidence#e10),
    /// [G1](crate::evidence#g1)). An active task of a job that is ending or has ended stays active
    /// ([E4](crate::evidence#e4)).
    JobNotActive(JobStateName),
    /// It was added 180 days ago or earlier ([K13](crate::evidence#k13)).
    Expired,
    /// It depends on tasks that do not satisfy it ([K9](crate::evidence#k9)).
    DependsOn {
        /// Why they do not.
        state: DependencyState,
        /// The first of them, in the order in which the task names them.
        first: TaskId,
        /// How many there are.
        count: u64,
    },
    /// It depends on ranges of tasks that do not satisfy it ([K9](crate::evidence#k9)).
    DependsOnRange {
        /// The first of them, in the order in which the task names them.
        range: TaskIdRange,
        /// The first number in it that does not satisfy the task.
        number: u32,
        /// Why it does not.
        state: DependencyState,
        /// How many such ranges there are.
        count: u64,
    },
    /// As many tasks as the job allows are on nodes ([P1](crate::evidence#p1)).
    ParallelLimit {
        /// The job's `maxParallelTasks`.
        limit: u32,
    },
    /// The pool that its job asks for has still to be made ([P19](crate::evidence#p19)).
    NoAutoPool,
    /// The pool that its job asks for could not be made, so the job ends at the next tick
    /// ([X9](crate::evidence#x9)).
    AutoPoolFailed(AutoPoolFailureCode),
    /// Its job's pool does not exist, and there are no nodes of it.
    NoPool(PoolId),
    /// Its job's pool is being deleted.
    PoolDeleting(PoolId),
    /// Its job's pool has no nodes.
    NoNodes(PoolId),
    /// Its job's pool does not have the nodes yet that it is to have ([P2](crate::evidence#p2)).
    PoolResizing {
        /// The pool.
        pool: PoolId,
        /// How many nodes are missing.
        missing: u32,
    },
    /// Nodes of the pool cannot take it ([P1](crate::evidence#p1)).
    Nodes {
        /// Why they cannot.
        obstacle: NodeObstacle,
        /// The first of them by id.
        first: NodeId,
        /// How many there are.
        count: u64,
    },
    /// A node can take it, but this job's tasks are scheduled before ([P1](crate::evidence#p1)).
    JobFirst(JobId),
    /// A node can take it, but this task of its job is scheduled before ([P1](crate::evidence#p1)).
    TaskFirst(TaskId),
    /// This node can take it at the next [`schedule`](crate::Account::schedule).
    Scheduling(NodeId),
    /// It is preparing: the job preparation task has to run on its node first
    /// ([K1](crate::evidence#k1)).
    Preparation {
        /// The node.
        node: NodeId,
        /// What the service shows as its state; `None` if the account does not have the node.
        node_state: Option<NodeStateName>,
    },
    /// It was told to stop before it could start ([E3](crate::evidence#e3), [K6](crate::evidence#k6)).
    Stopping,
}

/// Why a task does not satisfy one that depends on it ([K9](crate::evidence#k9)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum DependencyState {
    /// It does not exist.
    Missing,
    /// It is not completed.
    Unfinished,
    /// It is completed, and its end blocks what depends on it until it is reactivated and ends otherwise.
    Blocking,
}

/// Why a node cannot take a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum NodeObstacle {
    /// It is in this state ([N4](crate::evidence#n4), [N8](crate::evidence#n8), [N9](crate::evidence#n9)).
    State(NodeStateName),
    /// A user disabled its scheduling.
    SchedulingDisabled,
    /// The job's preparation task failed there for good ([N7](crate::evidence#n7)).
    Barred,
    /// The job manager task needs a dedicated node ([P5](crate::evidence#p5)).
    LowPriority,
    /// It has fewer slots than the task needs.
    TooSmall {
        /// How many the task needs.
        required: u32,
    },
    /// It has enough slots, but too few of them are free.
    Full,
}

impl DependencyState {
    fn of(task: Option<&Task>) -> Option<Self> {
        let Some(task) = task else { return Some(Self::Missing) };
        match task.state() {
            TaskState::Active | TaskState::Preparing(_) | TaskState::Running { .. } => Some(Self::Unfinished),
            TaskState::Completed(_) => (!task.satisfies_dependants()).then_some(Self::Blocking),
        }
    }

    /// As a predicate, of one task and of several.
    fn words(self) -> [&'static str; 2] {
        match self {
            Self::Missing => ["does not exist", "do not exist"],
            Self::Unfinished => ["is not completed", "are not completed"],
            Self::Blocking => ["has ended and blocks it", "have ended and block it"],
        }
    }
}

impl NodeObstacle {
    /// The beginning of a predicate, of one node and of several.
    fn words(self) -> [&'static str; 2] {
        match self {
            Self::State(state) => state.trouble().unwrap_or(["takes no tasks", "take no tasks"]),
            Self::SchedulingDisabled => ["has scheduling disabled", "have scheduling disabled"],
            Self::Barred => ["is excluded", "are excluded"],
            Self::LowPriority => ["is a low-priority node", "are low-priority nodes"],
            Self::TooSmall { .. } => ["has fewer", "have fewer"],
            Self::Full => ["has too few free slots", "have too few free slots"],
        }
    }

    /// The rest of it.
    fn write_cause(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(_) | Self::SchedulingDisabled | Self::Full => Ok(()),
            Self::Barred => f.write_str(" because the preparation task failed there"),
            Self::LowPriority => f.write_str(", and the task needs a dedicated one"),
            Self::TooSmall { required } => write!(f, " than the {required} slots that the task needs"),
        }
    }
}

impl fmt::Display for NotRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JobNotActive(state) => match state {
                JobStateName::Active
                | JobStateName::Disabling
                | JobStateName::Disabled
                | JobStateName::Enabling => {
                    write!(f, "its job is {state}")
                }
                JobStateName::Terminating | JobStateName::Completed | JobStateName::Deleting => {
                    write!(f, "its job is {state}, so it never runs")
                }
            },
            Self::Expired => f.write_str("it was added 180 days ago or earlier, so it never runs"),
            Self::DependsOn { state, first, count } => {
                let tasks = Several { kind: "task", first, count: *count };
                write!(f, "it depends on {tasks}, which {}", agree(state.words(), *count))
            }
            Self::DependsOnRange { range, number, state, count } => {
                let [is, _] = state.words();
                write!(f, "it depends on tasks {} to {}, of which {number} {is}", range.start, range.end)?;
                match count.saturating_sub(1) {
                    0 => Ok(()),
                    1 => f.write_str(", and on another range"),
                    others => write!(f, ", and on {others} other ranges"),
                }
            }
            Self::ParallelLimit { limit } => {
                let are =
                    agree(["task of its job is on a node", "tasks of its job are on nodes"], (*limit).into());
                write!(f, "{limit} {are}, as many as maxParallelTasks allows")
            }
            Self::NoAutoPool => f.write_str("the pool of its job has still to be made"),
            Self::AutoPoolFailed(code) => write!(f, "the pool of its job could not be made: {code}"),
            Self::NoPool(pool) => write!(f, "pool {pool} does not exist"),
            Self::PoolDeleting(pool) => write!(f, "pool {pool} is being deleted"),
            Self::NoNodes(pool) => write!(f, "pool {pool} has no nodes"),
            Self::PoolResizing { pool, missing } => {
                write!(
                    f,
                    "pool {pool} is waiting for {missing} more {}",
                    agree(["node", "nodes"], (*missing).into())
                )
            }
            Self::Nodes { obstacle, first, count } => {
                let nodes = Several { kind: "node", first, count: *count };
                write!(f, "{nodes} {}", agree(obstacle.words(), *count))?;
                obstacle.write_cause(f)
            }
            Self::JobFirst(job) => write!(f, "job {job} is scheduled first"),
            Self::TaskFirst(task) => write!(f, "task {task} of its job is scheduled first"),
            Self::Scheduling(node) => {
                write!(f, "waiting for the scheduler, which can give it to node {node}")
            }
            Self::Preparation { node, node_state } => {
                write!(f, "waiting for the preparation task on node {node}")?;
                match node_state.and_then(NodeStateName::trouble) {
                    Some([trouble, _]) => write!(f, ", which {trouble}"),
                    None => Ok(()),
                }
            }
            Self::Stopping => f.write_str("it was told to stop"),
        }
    }
}

impl Job {
    /// What keeps one of the job's active tasks from being assigned to any node, as far as the job knows:
    /// what [`can_assign`](Self::can_assign) refuses, whole.
    pub(crate) fn why_not_assigned(&self, task: &Task, now: Timestamp) -> Vec<NotRunning> {
        let mut reasons = Vec::new();
        if !self.state.is_active() {
            reasons.push(NotRunning::JobNotActive(self.state.name()));
        }
        match &self.state {
            JobState::Living(_) => {}
            // E4: nothing else matters any more.
            JobState::Ending(_) | JobState::Completed(_) => return reasons,
        }
        if task.has_expired(now) {
            reasons.push(NotRunning::Expired);
        }
        if !self.tasks.is_ready(task) {
            self.name_dependencies(&mut reasons, task);
        }
        if let (true, ParallelLimit::AtMost(limit)) =
            (self.is_at_parallel_limit(), self.settings.max_parallel_tasks)
        {
            reasons.push(NotRunning::ParallelLimit { limit });
        }
        if self.pool().is_none() {
            reasons.push(match &self.auto_pool {
                Some(AutoPoolState::Failed(failure)) => NotRunning::AutoPoolFailed(failure.code),
                Some(AutoPoolState::Made(_)) | None => NotRunning::NoAutoPool,
            });
        }
        reasons
    }

    /// K9: what a task depends on and is not satisfied by.
    fn name_dependencies(&self, reasons: &mut Vec<NotRunning>, task: &Task) {
        let Some(dependencies) = &task.specification().depends_on else { return };
        let mut unmet: BTreeMap<DependencyState, (&TaskId, u64)> = BTreeMap::new();
        let mut named = BTreeSet::new();
        for id in dependencies.task_ids.iter().filter(|id| named.insert(*id)) {
            if let Some(state) = DependencyState::of(self.task(id)) {
                unmet.entry(state).or_insert((id, 0)).1 += 1;
            }
        }
        reasons.extend(unmet.into_iter().map(|(state, (first, count))| NotRunning::DependsOn {
            state,
            first: first.clone(),
            count,
        }));
        let mut ranges = dependencies.ranges.iter().filter_map(|range| self.unmet_in_range(*range));
        if let Some((range, number, state)) = ranges.next() {
            let count = ranges.fold(1, |count, _| count + 1);
            reasons.push(NotRunning::DependsOnRange { range, number, state, count });
        }
    }

    /// The first number of a range whose tasks do not satisfy what depends on them, and why.
    fn unmet_in_range(&self, range: TaskIdRange) -> Option<(TaskIdRange, u32, DependencyState)> {
        let (number, tasks) = self.tasks.first_unsatisfied(range)?;
        let states = tasks.filter_map(|task| DependencyState::of(Some(task)));
        Some((range, number, states.min().unwrap_or(DependencyState::Missing)))
    }
}
