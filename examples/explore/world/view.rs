//! What of a world decides what can happen next. Worlds with equal views are one state to the checker.
//!
//! A view leaves out what nothing decides by:
//!
//! - **When it is.** A call only asks whether an instant that something waits for has come, and sets new ones at a
//!   span after now. So of an instant ahead only its distance counts, and those that have come are all alike.
//! - **Stamps**, and ETags with them: no request here has a condition. But while the clock stands still, each change
//!   of a resource moves its stamp one tick of 100 ns ahead (T5), and instants that are set then are later by that.
//!   All spans are minutes or longer, so distances are in whole seconds, and instants less than a second apart are
//!   one: the clock moves to the last of them, see [`last_beside`].
//! - **Numbers of runs.** They are compared with those in reports only, and a new one was never used before. Reports
//!   of other runs than the current ones are tried in each state, see `laws.rs`.
//! - **The order in which tasks were added.** Only the scheduler goes by it. Here it is the host that assigns tasks,
//!   in every order.
//! - **What is only shown:** reasons of ends, exit codes, where a completed task was, counts, previous states,
//!   requeue counts, recent tasks of nodes.
//!
//! A test explores a world account by account, and compares what follows from those that look alike.

use azbatch::{
    Account, Job, Node, NodeId, Task, TimeSpan, Timestamp,
    job::{
        BeforeDeletion, DisableTasks, EndingKind, JobNode, JobState, Living, NodeRun, NodeRunState,
        OnAllTasksComplete, Readiness,
    },
    node::{Contact, NodeState, Reach, SchedulingState, Stage},
    pool::{AllocationState, Pool, PoolState},
    task::{RetryLimit, TaskState, TaskStop},
};

use super::{names::Names, scope::Budget};

/// The most tasks of a world, with its manager, and the most nodes.
const TASKS: usize = 4;
const NODES: usize = 2;

/// See the module. Each number holds the parts of a thing, see [`Code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct View {
    left: Budget,
    job: u64,
    /// In how many seconds the job's end is forced; see [`seconds_to`].
    force: u32,
    pool: u64,
    nodes: [NodeView; NODES],
    tasks: [TaskView; TASKS],
}

/// What counts of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct NodeView {
    code: u64,
    /// In how many seconds nothing has to be kept on it any longer.
    retained: u32,
    /// In how many seconds its release task will have had its time.
    release: u32,
}

/// What counts of a task; all zeros if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct TaskView {
    code: u64,
    /// Where it is: 0 for nowhere, else the node's number and 1.
    node: u8,
}

/// What is alike in a world, so that it can change places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alike {
    /// Tasks from the first of these numbers to before the second.
    pub tasks: (usize, usize),
    /// Whether both nodes are.
    pub nodes: bool,
}

impl View {
    /// The view of an account at this time.
    pub fn of(account: &Account, names: &Names, left: Budget, now: Timestamp) -> Self {
        let job = account.job(&names.job);
        let force = job.and_then(force_deadline).map_or(0, |at| seconds_to(at, now));
        let pool = account.pool(&names.pool).map_or(0, pool_code);
        let (nodes, tasks) = Default::default();
        let mut view = Self { left, job: job.map_or(0, job_code), force, pool, nodes, tasks };
        for (place, id) in view.nodes.iter_mut().zip(&names.nodes) {
            let record = job.and_then(|job| Some((job, job.node(id)?)));
            *place = NodeView::of(account.node(id), record, now);
        }
        for (place, id) in view.tasks.iter_mut().zip(&names.tasks) {
            if let Some(task) = job.and_then(|job| job.task(id)) {
                *place = TaskView::of(task, &names.nodes);
            }
        }
        view
    }

    /// The least view that things which are alike make by changing places. It is the same for all of them.
    pub fn representative(&self, alike: Alike) -> Self {
        let sorted = |mut view: Self| {
            if let Some(tasks) = view.tasks.get_mut(alike.tasks.0..alike.tasks.1) {
                tasks.sort_unstable();
            }
            view
        };
        let here = sorted(*self);
        if alike.nodes { here.min(sorted(self.with_nodes_swapped())) } else { here }
    }

    fn with_nodes_swapped(&self) -> Self {
        let mut view = *self;
        view.nodes.swap(0, 1);
        for task in &mut view.tasks {
            task.node = [0, 2, 1][usize::from(task.node)];
        }
        view
    }
}

/// A second. Instants that are less than that apart are one, see the module.
const SECOND: TimeSpan = TimeSpan::from_secs(1);

/// In how many seconds an instant comes; 0 if it has come.
fn seconds_to(at: Timestamp, now: Timestamp) -> u32 {
    if at <= now {
        return 0;
    }
    let seconds = (at.since(now).ticks() + SECOND.ticks() / 2) / SECOND.ticks();
    u32::try_from(seconds).expect("nothing here waits for a century").max(1)
}

/// The last of the instants that something waits for and that are one with this one.
pub fn last_beside(at: Timestamp, account: &Account, names: &Names) -> Timestamp {
    let job = account.job(&names.job);
    let releases =
        job.into_iter().flat_map(|job| job.nodes().filter_map(|(_, record)| release_deadline(job, record)));
    let retained = account.nodes().map(Node::retained_until);
    let all = job.and_then(force_deadline).into_iter().chain(releases).chain(retained);
    all.filter(|other| *other < at.saturating_add(SECOND)).fold(at, Timestamp::max)
}

fn force_deadline(job: &Job) -> Option<Timestamp> {
    job.state().ending()?.force_deadline
}

/// When a release task that is running will have had its time.
fn release_deadline(job: &Job, record: &JobNode) -> Option<Timestamp> {
    let run = record.release().filter(|run| run.in_progress())?;
    let limit: TimeSpan = job.template().release.as_ref()?.max_wall_clock_time;
    run.start_time()?.checked_add(limit)
}

/// A number made of small parts.
#[derive(Default)]
struct Code(u64);

impl Code {
    /// Adds a part, which is less than `below`.
    fn with(self, part: u64, below: u64) -> Self {
        assert!(part < below, "{part} is not below {below}");
        Self(self.0 * below + part)
    }
}

fn job_code(job: &Job) -> u64 {
    let (state, force) = match job.state() {
        JobState::Living(Living::Active) => (1, None),
        JobState::Living(Living::Disabling(DisableTasks::Requeue)) => (2, None),
        JobState::Living(Living::Disabling(DisableTasks::Terminate)) => (3, None),
        JobState::Living(Living::Disabling(DisableTasks::Wait)) => (4, None),
        JobState::Living(Living::Disabled) => (5, None),
        JobState::Living(Living::Enabling) => (6, None),
        JobState::Ending(ending) => {
            let state = match &ending.kind {
                EndingKind::Terminating(_) => 7,
                EndingKind::Deleting(BeforeDeletion::Living | BeforeDeletion::Terminating(_)) => 8,
                EndingKind::Deleting(BeforeDeletion::Completed(_)) => 9,
            };
            (state, ending.force_deadline)
        }
        JobState::Completed(_) => (10, None),
    };
    let ends_with_its_tasks = job.settings().on_all_tasks_complete == OnAllTasksComplete::TerminateJob;
    Code::default()
        .with(state, 11)
        .with(u64::from(force.is_some()), 2)
        .with(u64::from(ends_with_its_tasks), 2)
        .0
}

fn pool_code(pool: &Pool) -> u64 {
    let state = match pool.state() {
        PoolState::Active => 1,
        PoolState::Deleting => 2,
    };
    let allocation = match pool.allocation_state() {
        AllocationState::Steady => 0,
        AllocationState::Resizing => 1,
        AllocationState::Stopping => 2,
    };
    let target = pool.target();
    Code::default().with(state, 3).with(allocation, 3).with(target.dedicated.into(), NODES as u64 + 1).0
}

impl NodeView {
    /// A node, and what the job knows of it: it also knows nodes that are gone.
    fn of(node: Option<&Node>, record: Option<(&Job, &JobNode)>, now: Timestamp) -> Self {
        let release = record.and_then(|(job, record)| release_deadline(job, record));
        Self {
            code: node_code(node, record.map(|(_, record)| record)),
            retained: node.map_or(0, |node| seconds_to(node.retained_until(), now)),
            release: release.map_or(0, |at| seconds_to(at, now)),
        }
    }
}

fn node_code(node: Option<&Node>, record: Option<&JobNode>) -> u64 {
    let node = node.map_or(0, |node| {
        let is_enabled = node.scheduling() == SchedulingState::Enabled;
        Code::default().with(1 + node_state_code(node.state()), NODE_STATES).with(u64::from(is_enabled), 2).0
    });
    let record = record.map_or(0, |record| {
        Code::default()
            .with(1 + contact_code(record.contact()), 4)
            .with(readiness_code(record.readiness()), 7)
            .with(record.preparation().map_or(0, run_code), 6)
            .with(record.preparation().map_or(0, |run| run.retry_count.into()), 4)
            .with(record.release().map_or(0, run_code), 6)
            .0
    });
    Code::default().with(node, NODE_STATES * 2).with(record, 4 * 7 * 6 * 4 * 6).0
}

const NODE_STATES: u64 = 64;

fn node_state_code(state: NodeState) -> u64 {
    let of_reach = |reach| match reach {
        Reach::Answering => 0,
        Reach::Unknown => 1,
        Reach::Unusable => 2,
    };
    let of_stage = |stage| match stage {
        Stage::Waiting { retained_data: false } => 0,
        Stage::Waiting { retained_data: true } => 1,
        Stage::Issued => 2,
    };
    match state {
        NodeState::Ready(reach) => of_reach(reach),
        NodeState::Rebooting(reach, at) => 3 + 3 * of_reach(reach) + of_stage(at),
        NodeState::Reimaging(reach, at) => 12 + 3 * of_reach(reach) + of_stage(at),
        NodeState::Deallocating(reach, at) => 21 + 3 * of_reach(reach) + of_stage(at),
        NodeState::Deallocated => 30,
        NodeState::Starting(at) => 31 + of_stage(at),
        NodeState::Preempted => 34,
        NodeState::LeavingPool(contact, at) => 35 + 3 * contact_code(contact) + of_stage(at),
    }
}

fn contact_code(contact: Contact) -> u64 {
    match contact {
        Contact::Answering => 0,
        Contact::Lost => 1,
        Contact::Gone => 2,
    }
}

fn readiness_code(readiness: Readiness) -> u64 {
    match readiness {
        Readiness::Unprepared => 0,
        Readiness::Ready { ran_tasks } => 1 + u64::from(ran_tasks),
        Readiness::Rebooted { ran_tasks } => 3 + u64::from(ran_tasks),
        Readiness::Barred { ran_tasks } => 5 + u64::from(ran_tasks),
    }
}

fn run_code(run: &NodeRun) -> u64 {
    match run.state {
        NodeRunState::Issued { stopping } => 1 + u64::from(stopping),
        NodeRunState::Running { stopping, .. } => 3 + u64::from(stopping),
        NodeRunState::Completed { .. } => 5,
    }
}

impl TaskView {
    fn of(task: &Task, nodes: &[NodeId]) -> Self {
        let state = match task.state() {
            TaskState::Active => 1,
            TaskState::Preparing(_) => 2,
            TaskState::Running { start_time: None, .. } => 3,
            TaskState::Running { start_time: Some(_), .. } => 4,
            TaskState::Completed(completion) if completion.is_success() => 5,
            TaskState::Completed(_) => 6,
        };
        let stop = match task.stop() {
            None => 0,
            Some(TaskStop::Terminate) => 1,
            Some(TaskStop::Requeue) => 2,
            Some(TaskStop::WallClockTime) => 3,
            Some(TaskStop::Delete) => 4,
        };
        let limit = match task.constraints().max_task_retry_count {
            RetryLimit::Times(times) => times.into(),
            RetryLimit::Unlimited => 4,
        };
        let code =
            Code::default().with(state, 7).with(stop, 5).with(limit, 5).with(task.retry_count().into(), 5).0;
        let here = task.state().assignment().map(|assignment| &assignment.placement.node);
        let node = here.and_then(|here| nodes.iter().position(|node| node == here));
        Self { code, node: node.map_or(0, |node| [1, 2][node]) }
    }
}
