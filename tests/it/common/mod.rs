//! The inputs of the property tests: each is made from a few bytes, so that any source of bytes can make them,
//! and there are only a few ids, so that inputs affect each other.
//!
//! An [`Input`] may mean "the next thing that a node must report": it is looked up in the account
//! that it is fed to, or in that account's [`Past`], so that random inputs make progress and are still reproducible.

#![allow(clippy::wildcard_enum_match_arm, reason = "a law speaks of some effects and inputs, not of all")]
#![allow(dead_code, reason = "not every user of this module needs all of it")]

pub(crate) mod laws;
pub(crate) mod lending;
pub(crate) mod reasons;
pub(crate) mod schedules;

use std::{collections::VecDeque, sync::Arc};

use azbatch::{
    Account, ETag, Effect, Fact, Instruction, JobId, JobScheduleId, NodeId, PoolId, Preconditions, Report,
    RunId, TaskId, TimeSpan, Timestamp,
    condition::ConditionHeaders,
    job::{
        AddJob, AutoPool, AutoPoolFailure, AutoPoolFailureCode, DeleteJob, DisableJob, DisableTasks,
        EnableJob, Ended, JobChange, JobConstraints, JobManagerTask, JobPatch, JobPreparationTask,
        JobReleaseTask, JobSettings, JobSpecification, OnAllTasksComplete, OnTaskFailure, ParallelLimit,
        PoolInfo, PoolLifetime, ReportEvent, TerminateJob, TerminateReason, Unit, UpdateJob,
    },
    node::{ChangeNode, NodeEvent, NodeTasks, UserAccess, UserName},
    pool::{
        AddPool, DeletePool, EnableAutoScale, NodeCounts, NodeFillType, PoolSpecification, RemoveNodes,
        ResizePool, StopResize, UpdatePool,
    },
    task::{
        AddTask, DeleteTask, Dependencies, DependencyAction, ExitCodeRange, ExitConditions, ExitOptions,
        JobAction, NodeError, NodeFailure, Properties, ReactivateTask, RequestedConstraints, RetryLimit,
        TaskIdRange, TaskSpecification, TaskState, TerminateTask, UpdateTask,
    },
};
use schedules::ScheduleChange;

/// Three jobs, each in two spellings that are one (S4). The last may be a schedule's.
const JOBS: [[&str; 2]; 3] = [["Job-1", "job-1"], ["job-2", "JOB-2"], ["Nightly:job-1", "nightly:job-1"]];
/// Tasks; `02` and `2` are one number to a dependency range (K9), and `manager` may be a job's own.
const TASKS: [[&str; 2]; 5] =
    [["1", "1"], ["02", "02"], ["2", "2"], ["Build", "build"], ["manager", "Manager"]];
/// Job schedules; a job and a schedule cannot have one id (L9).
const SCHEDULES: [[&str; 2]; 2] = [["Nightly", "nightly"], ["JOB-1", "Job-1"]];
const NODES: [[&str; 2]; 3] = [["Node-a", "node-a"], ["Node-b", "NODE-B"], ["node-c", "Node-C"]];
const POOLS: [&str; 2] = ["pool-1", "pool-2"];

/// By its tasks, to and fro, and by mistake.
const FORMULAS: [&str; 3] = [
    "$TargetDedicatedNodes = min(3, $PendingTasks.GetSample(1));",
    "$TargetDedicatedNodes = $CurrentDedicatedNodes < 2 ? 3 : 1; $NodeDeallocationOption = terminate;",
    "$TargetDedicatedNodes = avg($RunningTasks.GetSample(TimeInterval_Hour, 50));",
];

pub(crate) const SECOND: u64 = 10_000_000;
const DAY: u64 = 24 * 60 * 60 * SECOND;
/// The clock stays a day away from the end of time, where there are no later stamps.
pub(crate) const LATEST: u64 = Timestamp::MAX.ticks() - DAY;

/// What a [`Step`] is made of.
pub(crate) type Block = [u8; 8];

/// The clock moves, then something comes in.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) clock: ClockMove,
    pub(crate) input: Input,
}

/// What the clock does before an input.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ClockMove {
    Still,
    Forward(u64),
    Back(u64),
    /// To so many ticks before the account's deadline, if that is ahead.
    Deadline {
        before: u64,
    },
}

/// A job, task or node out of the few there are. The first bit tells the spelling.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name(u8);

/// The precondition of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    None,
    /// `If-Match` with the ETag of the moment.
    Met,
    /// `If-None-Match` with it.
    Unmet,
}

/// The number of a pool that is made for a job.
const AUTO_POOL: u8 = 2;

/// What a job asks of a pool that is made for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AutoPoolShape {
    shared: bool,
    keep_alive: bool,
    slots: u32,
}

impl AutoPoolShape {
    fn decode(byte: u8) -> Self {
        Self { shared: !bit(byte, 0), keep_alive: bit(byte, 1), slots: 1 + u32::from(!bit(byte, 2)) }
    }

    fn pool(self) -> PoolInfo {
        PoolInfo::Auto(Arc::new(AutoPool {
            id_prefix: None,
            lifetime: if self.shared { PoolLifetime::JobSchedule } else { PoolLifetime::Job },
            keep_alive: self.keep_alive,
            task_slots_per_node: self.slots,
            node_fill_type: NodeFillType::Spread,
            target: NodeCounts { dedicated: 1, low_priority: 0 },
            auto_scale: None,
            other: Properties::new(),
        }))
    }
}

/// Everything that can be fed to an account.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Tick,
    Node {
        node: Name,
        event: NodeEvent,
    },
    AddNode {
        node: Name,
        pool: u8,
        slots: u32,
    },
    AddJob {
        job: Name,
        shape: JobShape,
    },
    AddTask {
        job: Name,
        task: Name,
        shape: TaskShape,
    },
    /// Let the account give tasks to nodes.
    ScheduleAll,
    /// Give one of the active tasks to one of the nodes of its job's pool.
    Schedule {
        pick: u8,
    },
    Assign {
        job: Name,
        task: Name,
        node: Name,
    },
    /// A node reports one of the runs that are outstanding.
    Answer {
        pick: u8,
        event: ReportEvent,
    },
    ChangeNode {
        node: Name,
        change: ChangeNode,
    },
    NodeUser {
        node: Name,
        user: u8,
        change: UserChange,
    },
    /// A user takes a node out of a pool that the account does not have.
    RemoveNode {
        node: Name,
        tasks: NodeTasks,
    },
    Pool {
        pool: u8,
        change: PoolChange,
    },
    /// The host answers one of the jobs that ask for a pool.
    AutoPool {
        pick: u8,
        fails: bool,
    },
    JobSchedule {
        schedule: Name,
        change: ScheduleChange,
    },
    /// A node reports anything.
    Report {
        job: JobId,
        node: NodeId,
        unit: Unit,
        number: Number,
        event: ReportEvent,
    },
    /// A node reports exactly this.
    Says(Report),
    /// A node reports late what it has reported before, or a run that it has no longer.
    OldReport {
        pick: u8,
        /// What it says of a run that is no longer outstanding. `None` repeats a whole report.
        event: Option<ReportEvent>,
    },
    Terminate {
        job: Name,
        reason: TerminateReason,
        force: bool,
        condition: Condition,
    },
    Delete {
        job: Name,
        force: bool,
        condition: Condition,
    },
    Disable {
        job: Name,
        disable_tasks: DisableTasks,
        condition: Condition,
    },
    Enable {
        job: Name,
        condition: Condition,
    },
    Update {
        job: Name,
        change: Change,
        condition: Condition,
    },
    UpdateTask {
        job: Name,
        task: Name,
        retries: u32,
        condition: Condition,
    },
    TerminateTask {
        job: Name,
        task: Name,
        condition: Condition,
    },
    ReactivateTask {
        job: Name,
        task: Name,
        condition: Condition,
    },
    DeleteTask {
        job: Name,
        task: Name,
        condition: Condition,
    },
}

/// The number of the run that a report names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// That of the run that the node has now or had last, or 0, which is no run's.
    Current,
    /// The number before that.
    Before,
    /// The number after that.
    After,
}

/// A request about a pool.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PoolChange {
    Add { slots: u32, target: u32 },
    Resize { target: u32, tasks: NodeTasks },
    RemoveNode { node: Name, tasks: NodeTasks },
    StopResize,
    Update { slots: Option<u32> },
    Scale { formula: u8 },
    Unscale,
    Delete,
}

/// The properties of a job.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the job's own")]
pub(crate) struct JobShape {
    preparation: Option<PreparationShape>,
    /// Without a preparation task this is refused.
    release: bool,
    /// Whether there is a job manager task, and whether it ends the job.
    manager: Option<bool>,
    /// Whether the job manager task takes its node whole.
    exclusive: bool,
    ends_with_its_tasks: bool,
    acts_on_failures: bool,
    uses_dependencies: bool,
    parallel_tasks: ParallelLimit,
    seconds: Option<u64>,
    retries: u32,
    pool: u8,
    /// What it asks for if that is [`AUTO_POOL`].
    auto_pool: AutoPoolShape,
    /// How much older the request is than the job.
    age: u64,
}

#[derive(Clone, Copy, Debug)]
struct PreparationShape {
    wait_for_success: bool,
    retries: u32,
    rerun: bool,
}

/// The properties of a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskShape {
    slots: u32,
    retries: Option<RetryLimit>,
    seconds: Option<u64>,
    depends_on: DependencyShape,
    on_exit_code_1: Option<ExitOptions>,
    on_upload_error: Option<ExitOptions>,
    otherwise: Option<ExitOptions>,
}

#[derive(Clone, Copy, Debug)]
enum DependencyShape {
    None,
    Task(Name),
    Range(u32, u32),
}

/// What an update of a job changes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Replace { pool: u8 },
    EndWithTasks,
    Seconds(u64),
    ParallelTasks(ParallelLimit),
    Pool(u8),
    AutoPool(AutoPoolShape),
}

/// The latest of what an account's nodes were told and have reported, so that something of it can come
/// again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past {
    /// The runs that nodes were told to run, the latest first.
    runs: VecDeque<RunId>,
    /// The reports, the latest first.
    reports: VecDeque<Report>,
    /// The instructions, the latest first.
    pub(crate) instructions: VecDeque<Instruction>,
    /// The facts, the latest first.
    facts: VecDeque<Fact>,
}

/// The result of an input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fed {
    pub(crate) refused: bool,
    pub(crate) effects: Vec<Effect>,
}

impl Step {
    /// The bytes of each step stand for themselves, so a shorter or smaller block is a simpler case.
    pub(crate) fn decode(block: Block) -> Self {
        Self { clock: ClockMove::decode(block[7]), input: Input::decode(block) }
    }
}

impl ClockMove {
    fn decode(byte: u8) -> Self {
        match byte % 16 {
            0..=3 => Self::Still,
            4 => Self::Forward(1),
            5 => Self::Forward(SECOND / 1000),
            6..=8 => Self::Forward(SECOND),
            9 => Self::Forward(61 * SECOND),
            10 => Self::Forward(3600 * SECOND),
            11 => Self::Back(1),
            12 => Self::Back(SECOND),
            13 => Self::Back(3600 * SECOND),
            14 => Self::Deadline { before: 1 },
            _ => Self::Deadline { before: 0 },
        }
    }

    /// Where the clock stands after the move.
    pub(crate) fn from(self, now: Timestamp, account: &Account) -> Timestamp {
        let ticks = now.ticks();
        let moved = match self {
            Self::Still => ticks,
            Self::Forward(by) => ticks + by,
            Self::Back(by) => ticks.saturating_sub(by),
            Self::Deadline { before } => {
                account.deadline().map_or(ticks, |at| ticks.max(at.ticks().saturating_sub(before)))
            }
        };
        Timestamp::from_ticks(moved.min(LATEST)).unwrap()
    }
}

impl Name {
    /// The first spelling of one of them.
    pub(crate) const fn nth(which: u8) -> Self {
        Self(which & 0x7F)
    }

    /// The same one in its other spelling (S4).
    pub(crate) const fn respelled(self) -> Self {
        Self(self.0 ^ 0x80)
    }

    fn of<const N: usize>(self, names: &[[&'static str; 2]; N]) -> &'static str {
        names[usize::from(self.0 & 0x7F) % N][usize::from(self.0 >> 7)]
    }

    pub(crate) fn job(self) -> JobId {
        JobId::new(self.of(&JOBS)).unwrap()
    }

    pub(crate) fn schedule(self) -> JobScheduleId {
        JobScheduleId::new(self.of(&SCHEDULES)).unwrap()
    }

    pub(crate) fn task(self) -> TaskId {
        TaskId::new(self.of(&TASKS)).unwrap()
    }

    pub(crate) fn node(self) -> NodeId {
        NodeId::new(self.of(&NODES)).unwrap()
    }
}

fn pool(which: u8) -> PoolId {
    PoolId::new(POOLS[usize::from(which) % POOLS.len()]).unwrap()
}

fn bit(byte: u8, bit: u8) -> bool {
    byte >> bit & 1 == 1
}

/// The options that a number of 0 to 8 stands for; none for more.
fn exit_options(number: u8) -> Option<ExitOptions> {
    let job_action = match number % 3 {
        0 => None,
        1 => Some(JobAction::Disable),
        _ => Some(JobAction::Terminate),
    };
    let dependency_action = match number / 3 {
        0 => Some(DependencyAction::Satisfy),
        1 => Some(DependencyAction::Block),
        2 => None,
        _ => return None,
    };
    Some(ExitOptions { job_action, dependency_action })
}

impl Input {
    fn decode([kind, job, task, node, a, b, c, _]: Block) -> Self {
        // Most inputs are about the first job, so that they affect each other.
        let job = match job & 7 {
            0..=4 => Name(job & 0x80),
            5..=6 => Name((job & 0x80) | 1),
            _ => Name((job & 0x80) | 2),
        };
        let (task, node) = (Name(task), Name(node));
        let condition = match c % 8 {
            0..=5 => Condition::None,
            6 => Condition::Met,
            _ => Condition::Unmet,
        };
        match kind % 89 {
            51 if bit(b, 1) => Self::Delete { job, force: bit(b, 0), condition },
            0..=6 | 51 => Self::Tick,
            7..=10 => Self::Node { node, event: node_event(a) },
            11..=13 => Self::AddNode { node, pool: a & b & 1, slots: 3 - u32::from(b >> 6) },
            14..=16 => Self::AddJob { job, shape: JobShape::decode(a, b, c) },
            17..=24 => Self::AddTask { job, task, shape: TaskShape::decode(a, b, c) },
            25..=35 => Self::Schedule { pick: a },
            36 => Self::Assign { job, task, node },
            37..=48 => Self::Answer { pick: a, event: report_event(b) },
            49 => {
                let unit = match a % 3 {
                    0 => Unit::Task(task.task()),
                    1 => Unit::Preparation,
                    _ => Unit::Release,
                };
                let number = match c % 8 {
                    0..=5 => Number::Current,
                    6 => Number::Before,
                    _ => Number::After,
                };
                Self::Report { job: job.job(), node: node.node(), unit, number, event: report_event(b) }
            }
            50 => {
                let reason = match a % 4 {
                    0 => TerminateReason::User(None),
                    1 => TerminateReason::User(Some("enough".into())),
                    2 => TerminateReason::User(Some("".into())),
                    _ => TerminateReason::Schedule,
                };
                Self::Terminate { job, reason, force: bit(b, 0), condition }
            }
            52 => {
                let disable_tasks = match a % 3 {
                    0 => DisableTasks::Requeue,
                    1 => DisableTasks::Terminate,
                    _ => DisableTasks::Wait,
                };
                Self::Disable { job, disable_tasks, condition }
            }
            53..=55 => Self::Enable { job, condition },
            56 => {
                let change = Change::decode(a, b);
                Self::Update { job, change, condition }
            }
            57..=59 => Self::ReactivateTask { job, task, condition },
            60..=61 => Self::TerminateTask { job, task, condition },
            62 => Self::DeleteTask { job, task, condition },
            63 => Self::UpdateTask { job, task, retries: u32::from(a % 3), condition },
            64..=66 => {
                let tasks = node_tasks(b);
                let change = match a % 5 {
                    0 => ChangeNode::Reboot(tasks),
                    1 => ChangeNode::Reimage(tasks),
                    2 => ChangeNode::Deallocate(tasks),
                    3 => ChangeNode::Start,
                    _ => return Self::RemoveNode { node, tasks },
                };
                Self::ChangeNode { node, change }
            }
            67 => Self::ChangeNode { node, change: ChangeNode::DisableScheduling(node_tasks(b)) },
            68 => Self::ChangeNode { node, change: ChangeNode::EnableScheduling },
            69 => Self::Pool { pool: u8::from(c >> 6 == 3), change: PoolChange::decode(node, a, b, c) },
            70..=71 => Self::ScheduleAll,
            72..=79 => Self::JobSchedule { schedule: node, change: ScheduleChange::decode(task.0, a, b, c) },
            80..=82 => Self::AutoPool { pick: a, fails: b > 200 },
            83 => Self::NodeUser { node, user: b % 3, change: UserChange::decode(a) },
            _ => Self::OldReport { pick: a, event: bit(c, 0).then(|| report_event(b)) },
        }
    }
}

/// What a request does with a user of a node (N11).
#[derive(Clone, Copy, Debug)]
pub(crate) enum UserChange {
    Add,
    Update,
    Delete,
}

impl UserChange {
    fn decode(byte: u8) -> Self {
        match byte % 4 {
            0..=1 => Self::Add,
            2 => Self::Update,
            _ => Self::Delete,
        }
    }

    fn make(self, account: &mut Account, node: Name, user: u8, now: Timestamp) -> Option<Vec<Effect>> {
        let (pool, node, name) = (pool_of(account, node), node.node(), user_name(user));
        let changed = match self {
            Self::Add => account.add_node_user(&pool, &node, name, false, UserAccess::default(), now),
            Self::Update => account.update_node_user(&pool, &node, name, UserAccess::default(), now),
            Self::Delete => account.delete_node_user(&pool, &node, name),
        };
        changed.ok()
    }
}

fn user_name(user: u8) -> UserName {
    ["ada", "Ada", "eve"][usize::from(user % 3)].parse().expect("a user name")
}

fn node_event(byte: u8) -> NodeEvent {
    match byte % 18 {
        0..=4 => NodeEvent::Returned,
        5..=8 => NodeEvent::Rebooted,
        9..=10 => NodeEvent::Reimaged,
        11..=12 => NodeEvent::Lost,
        13 => NodeEvent::Unusable,
        14 => NodeEvent::Preempted,
        15 => NodeEvent::Removed,
        16 => NodeEvent::Deallocated,
        _ => NodeEvent::Started,
    }
}

fn node_tasks(byte: u8) -> NodeTasks {
    match byte % 4 {
        0 => NodeTasks::Requeue,
        1 => NodeTasks::Terminate,
        2 => NodeTasks::TaskCompletion,
        _ => NodeTasks::RetainedData,
    }
}

fn report_event(byte: u8) -> ReportEvent {
    let error = || NodeError { code: "BlobNotFound".into(), message: "It is not there".into() };
    ReportEvent::Ended(match byte % 9 {
        0..=1 => return ReportEvent::Started,
        2..=3 => Ended::with_exit_code(0),
        4 => Ended::with_exit_code(1),
        5 => Ended::with_exit_code(137),
        6 => Ended::default(),
        7 => Ended { exit_code: None, failure: Some(NodeFailure::PreProcessing(error())) },
        _ => Ended { exit_code: Some(0), failure: Some(NodeFailure::FileUpload(error())) },
    })
}

impl JobShape {
    pub(crate) fn decode(a: u8, b: u8, c: u8) -> Self {
        let preparation = PreparationShape {
            wait_for_success: !bit(a, 2),
            retries: u32::from(bit(a, 3)),
            rerun: !bit(a, 4),
        };
        let prepares = a & 3 != 0;
        Self {
            preparation: prepares.then_some(preparation),
            release: bit(a, 5) && (prepares || bit(a, 2)),
            manager: (a >> 6 == 2).then_some(!bit(c, 2)),
            exclusive: bit(c, 3),
            ends_with_its_tasks: a >> 6 == 3,
            acts_on_failures: bit(b, 0),
            uses_dependencies: !bit(b, 1),
            parallel_tasks: if bit(b, 2) {
                ParallelLimit::AtMost(1 + u32::from(bit(b, 3)))
            } else {
                ParallelLimit::Unlimited
            },
            seconds: (b >> 4 == 15).then_some(1000),
            retries: u32::from(bit(c, 0)),
            pool: [0, 0, 0, 0, 0, 0, AUTO_POOL, 1][usize::from(c >> 5)],
            auto_pool: AutoPoolShape::decode(b >> 4),
            age: if bit(c, 1) { 250_000 } else { 0 },
        }
    }

    fn command(self, job: Name, now: Timestamp) -> AddJob {
        let mut specification = JobSpecification::new(job.job());
        specification.template.uses_task_dependencies = self.uses_dependencies;
        specification.template.preparation = self.preparation.map(|shape| {
            let mut task = JobPreparationTask::new(TaskId::new("jobpreparation").unwrap());
            task.wait_for_success = shape.wait_for_success;
            task.rerun_on_node_reboot_after_success = shape.rerun;
            task.constraints.max_task_retry_count = RetryLimit::Times(shape.retries);
            task
        });
        specification.template.release = self.release.then(|| {
            let mut task = JobReleaseTask::new(TaskId::new("jobrelease").unwrap());
            task.max_wall_clock_time = TimeSpan::from_secs(30);
            task
        });
        specification.template.manager = self.manager.map(|kill_job_on_completion| JobManagerTask {
            specification: Arc::new(TaskSpecification {
                run_exclusive: self.exclusive,
                ..TaskSpecification::default()
            }),
            constraints: RequestedConstraints::default().resolve(RetryLimit::Times(self.retries)),
            kill_job_on_completion,
            ..JobManagerTask::new(Name::nth(4).task())
        });
        if self.acts_on_failures {
            specification.template.on_task_failure = OnTaskFailure::PerformExitOptionsJobAction;
        }
        let mut settings = JobSettings::new(pool(self.pool));
        if self.pool == AUTO_POOL {
            settings.pool = self.auto_pool.pool();
        }
        settings.max_parallel_tasks = self.parallel_tasks;
        settings.constraints.max_task_retry_count = RetryLimit::Times(self.retries);
        if let Some(seconds) = self.seconds {
            settings.constraints.max_wall_clock_time = TimeSpan::from_secs(seconds);
        }
        if self.ends_with_its_tasks {
            settings.on_all_tasks_complete = OnAllTasksComplete::TerminateJob;
        }
        let received = Timestamp::from_ticks(now.ticks().saturating_sub(self.age)).unwrap();
        AddJob { specification: Arc::new(specification), settings: Arc::new(settings), received }
    }
}

impl TaskShape {
    pub(crate) fn decode(a: u8, b: u8, c: u8) -> Self {
        let retries = match a >> 2 & 7 {
            0..=3 => None,
            4 => Some(RetryLimit::Times(0)),
            5..=6 => Some(RetryLimit::Times(1)),
            _ => Some(RetryLimit::Unlimited),
        };
        let depends_on = match b & 15 {
            0..=8 => DependencyShape::None,
            9 => DependencyShape::Range(1, 2),
            10 => DependencyShape::Range(2, 2),
            11 => DependencyShape::Range(2, 1),
            12 => DependencyShape::Range(0, u32::MAX),
            number => DependencyShape::Task(Name((number - 13) | (b & 0x80))),
        };
        let (on_exit_code_1, on_upload_error, otherwise) = match c & 7 {
            0..=4 => (None, None, None),
            5 => (exit_options(c >> 3 & 15), None, None),
            6 => (None, None, exit_options(c >> 3 & 15)),
            _ => (exit_options(c >> 3 & 3), exit_options(c >> 5 & 1), exit_options(c >> 6)),
        };
        let seconds = (a >> 5 >= 6).then_some(20);
        let slots = 1 + u32::from(a & 3).min(2);
        Self { slots, retries, seconds, depends_on, on_exit_code_1, on_upload_error, otherwise }
    }

    fn command(self, task: Name) -> AddTask {
        let mut specification =
            TaskSpecification { required_slots: self.slots, ..TaskSpecification::default() };
        specification.depends_on = match self.depends_on {
            DependencyShape::None => None,
            DependencyShape::Task(task) => {
                Some(Dependencies { task_ids: vec![task.task()], ranges: Vec::new() })
            }
            DependencyShape::Range(start, end) => {
                Some(Dependencies { task_ids: Vec::new(), ranges: vec![TaskIdRange { start, end }] })
            }
        };
        let exit_codes =
            self.on_exit_code_1.into_iter().map(|options| ExitCodeRange { start: 1, end: 1, options });
        specification.exit_conditions = Some(ExitConditions {
            exit_codes: exit_codes.collect(),
            file_upload_error: self.on_upload_error,
            default: self.otherwise,
            ..ExitConditions::default()
        });
        let mut command = AddTask { specification: specification.into(), ..AddTask::new(task.task()) };
        command.constraints.max_task_retry_count = self.retries;
        if let Some(seconds) = self.seconds {
            command.constraints.max_wall_clock_time = TimeSpan::from_secs(seconds);
        }
        command
    }
}

impl Condition {
    fn preconditions(self, etag: Option<ETag>) -> Preconditions {
        let tag = etag.map_or_else(String::new, |etag| format!("\"{etag}\""));
        let (if_match, if_none_match) = match self {
            Self::None => (None, None),
            Self::Met => (Some(tag.as_bytes()), None),
            Self::Unmet => (None, Some(tag.as_bytes())),
        };
        let headers = ConditionHeaders { if_match, if_none_match, ..ConditionHeaders::default() };
        Preconditions::parse(&headers, Timestamp::MIN).unwrap()
    }

    fn on_job(self, account: &Account, job: &JobId) -> Preconditions {
        self.preconditions(account.job(job).map(azbatch::Job::etag))
    }

    fn on_task(self, account: &Account, job: &JobId, task: &TaskId) -> Preconditions {
        self.preconditions(account.task(job, task).map(azbatch::Task::etag))
    }
}

impl Change {
    fn decode(a: u8, b: u8) -> Self {
        match a % 6 {
            0 => Self::EndWithTasks,
            1 => Self::Seconds(u64::from(b)),
            2 => Self::ParallelTasks(match b % 3 {
                0 => ParallelLimit::Unlimited,
                limit => ParallelLimit::AtMost(limit.into()),
            }),
            3 => Self::Pool(b),
            4 => Self::AutoPool(AutoPoolShape::decode(b)),
            _ => Self::Replace { pool: b },
        }
    }

    fn command(self) -> JobChange {
        let patch = match self {
            Self::Replace { pool: which } => return JobChange::Replace(JobSettings::new(pool(which))),
            Self::EndWithTasks => JobPatch {
                on_all_tasks_complete: Some(OnAllTasksComplete::TerminateJob),
                ..JobPatch::default()
            },
            Self::Seconds(seconds) => {
                let max_wall_clock_time = TimeSpan::from_secs(seconds);
                let constraints = JobConstraints { max_wall_clock_time, ..JobConstraints::default() };
                JobPatch { constraints: Some(constraints), ..JobPatch::default() }
            }
            Self::ParallelTasks(limit) => JobPatch { max_parallel_tasks: Some(limit), ..JobPatch::default() },
            Self::Pool(which) => JobPatch { pool: Some(pool(which).into()), ..JobPatch::default() },
            Self::AutoPool(shape) => JobPatch { pool: Some(shape.pool()), ..JobPatch::default() },
        };
        JobChange::Patch(patch)
    }
}

/// One out of several, if there are any.
fn pick<T>(from: impl IntoIterator<Item = T>, pick: u8) -> Option<T> {
    let mut all: Vec<T> = from.into_iter().collect();
    if all.is_empty() { None } else { Some(all.swap_remove(usize::from(pick) % all.len())) }
}

/// The runs that nodes still have to report, as the job's records and tasks tell them.
pub(crate) fn outstanding(account: &Account) -> Vec<RunId> {
    let mut found = Vec::new();
    for job in account.jobs() {
        for (node, record) in job.nodes() {
            let mut push = |unit, number| {
                found.push(RunId { job: job.id().clone(), node: node.clone(), unit, number });
            };
            if let Some(run) = record.preparation().filter(|run| run.in_progress()) {
                push(Unit::Preparation, run.number);
            }
            for task in job.tasks() {
                let assignment = task.state().assignment().filter(|here| here.placement.node == *node);
                if let Some(assignment) = assignment {
                    push(Unit::Task(task.id().clone()), assignment.run);
                }
            }
            if let Some(run) = record.release().filter(|run| run.in_progress()) {
                push(Unit::Release, run.number);
            }
        }
    }
    found
}

/// Every active task with every node of its job's pool.
fn assignments(account: &Account) -> Vec<(JobId, TaskId, NodeId)> {
    let mut found = Vec::new();
    for job in account.jobs() {
        let active = || job.tasks().filter(|task| *task.state() == TaskState::Active);
        for node in account.nodes().filter(|node| Some(node.pool()) == job.pool()) {
            found.extend(active().map(|task| (job.id().clone(), task.id().clone(), node.id().clone())));
        }
    }
    found
}

impl Past {
    /// How many of each are kept.
    const KEPT: usize = 8;

    pub(crate) fn note(&mut self, report: Option<&Report>, effects: &[Effect]) {
        for instruction in Effect::instructions(effects) {
            if let Instruction::Run(run) = instruction {
                self.runs.push_front(run.clone());
            }
            self.instructions.push_front(instruction.clone());
        }
        if let Some(report) = report {
            self.reports.push_front(report.clone());
        }
        for fact in Effect::facts(effects) {
            self.facts.push_front(fact.clone());
        }
        self.facts.truncate(Self::KEPT);
        self.runs.truncate(Self::KEPT);
        self.reports.truncate(Self::KEPT);
        self.instructions.truncate(Self::KEPT);
    }
}

impl Input {
    /// The report that this input makes to this account, if it makes one.
    pub(crate) fn report(&self, account: &Account, past: &Past) -> Option<Report> {
        match self {
            Self::Report { job, node, unit, number, event } => {
                let current = account.current_run(job, node, unit).map_or(0, |run| run.number);
                let number = match number {
                    Number::Current => current,
                    Number::Before => current.wrapping_sub(1),
                    Number::After => current + 1,
                };
                // The ids as the report spells them (S4).
                let run = RunId { job: job.clone(), node: node.clone(), unit: unit.clone(), number };
                Some(Report { run, event: event.clone() })
            }
            Self::Says(report) => Some(report.clone()),
            Self::Answer { pick: number, event } => {
                Some(Report { run: pick(outstanding(account), *number)?, event: event.clone() })
            }
            Self::OldReport { pick: number, event: None } => pick(past.reports.iter().cloned(), *number),
            Self::OldReport { pick: number, event: Some(event) } => {
                let outstanding = outstanding(account);
                let over = past.runs.iter().filter(|run| !outstanding.contains(run));
                Some(Report { run: pick(over.cloned(), *number)?, event: event.clone() })
            }
            _ => None,
        }
    }
}

/// The pool that a node is in, or one that it is not in.
fn pool_of(account: &Account, node: Name) -> PoolId {
    account.node(&node.node()).map_or_else(|| pool(0), |node| node.pool().clone())
}

impl PoolChange {
    fn decode(node: Name, a: u8, b: u8, c: u8) -> Self {
        match a % 9 {
            0 => Self::Add { slots: u32::from(b % 4), target: u32::from(c % 3) },
            1 => Self::Resize { target: u32::from(c % 3), tasks: node_tasks(b) },
            2 => Self::RemoveNode { node, tasks: node_tasks(b) },
            3 => Self::Delete,
            4 => Self::StopResize,
            5..=6 => Self::Scale { formula: b },
            7 => Self::Unscale,
            _ => Self::Update { slots: bit(b, 7).then_some(u32::from(b % 4)) },
        }
    }

    fn make(self, account: &mut Account, pool: &PoolId, now: Timestamp) -> Option<Vec<Effect>> {
        let result = match self {
            Self::Add { slots, target } => {
                let specification = Arc::new(PoolSpecification {
                    id: pool.clone(),
                    task_slots_per_node: slots,
                    node_fill_type: NodeFillType::Pack,
                    other: Properties::new(),
                });
                let target = NodeCounts { dedicated: target, low_priority: 0 };
                account.add_pool(&AddPool { specification, target, auto_scale: None }, now)
            }
            Self::Resize { target, tasks } => {
                let command = ResizePool { dedicated: Some(target), tasks, ..ResizePool::default() };
                account.resize_pool(pool, &command, now)
            }
            Self::RemoveNode { node, tasks } => {
                let command = RemoveNodes { nodes: vec![node.node()], tasks, ..RemoveNodes::default() };
                account.remove_nodes(pool, &command, now)
            }
            Self::StopResize => account.stop_resize(pool, &StopResize::default(), now),
            Self::Update { slots } => {
                let command = UpdatePool { task_slots_per_node: slots, ..UpdatePool::default() };
                account.update_pool(pool, &command, now)
            }
            Self::Scale { formula } => {
                let formula = FORMULAS[usize::from(formula) % FORMULAS.len()].parse().unwrap();
                let command = EnableAutoScale { formula: Some(formula), ..EnableAutoScale::default() };
                account.enable_auto_scale(pool, &command, now)
            }
            Self::Unscale => account.disable_auto_scale(pool, now),
            Self::Delete => account.delete_pool(pool, &DeletePool::default(), now),
        };
        result.ok()
    }
}

/// Answers a job that asks for a pool, if there is one.
fn answer_for_pool(account: &mut Account, number: u8, fails: bool, now: Timestamp) -> Vec<Effect> {
    let asking = account.jobs().filter(|job| job.wanted_pool().is_some()).map(|job| job.id().clone());
    let Some(job) = pick(asking.collect::<Vec<_>>(), number) else { return Vec::new() };
    if fails {
        let code = AutoPoolFailureCode::QuotaReached;
        return account.refuse_auto_pool(&job, &AutoPoolFailure { code, message: "none".into() });
    }
    let name = format!("auto-{}", account.pools().count());
    account.add_auto_pool(&job, &name.parse().unwrap(), now).unwrap_or_default()
}

/// Passes an input to an account. One without effect, such as a report when none is expected, changes nothing.
pub(crate) fn feed(account: &mut Account, past: &Past, input: &Input, now: Timestamp) -> Fed {
    let force_timeout = |force: &bool, account: &Account| force.then_some(account.force_timeout());
    let accepted: Option<Vec<Effect>> = match input {
        Input::Tick => Some(account.tick(now)),
        Input::Node { node, event } => Some(account.node_event(&node.node(), *event, now)),
        Input::AddNode { node, pool: which, slots } => {
            let (pool, node) = (pool(*which), node.node());
            match account.pool(&pool) {
                Some(_) => account.add_node(&pool, &node, now).ok(),
                None => account.add_unmanaged_node(&pool, &node, *slots, now).ok(),
            }
        }
        Input::AddJob { job, shape } => account.add_job(&shape.command(*job, now), now).ok(),
        Input::AddTask { job, task, shape } => account.add_task(&job.job(), &shape.command(*task), now).ok(),
        Input::ChangeNode { node, change } => {
            account.change_node(&pool_of(account, *node), &node.node(), *change, now).ok()
        }
        Input::NodeUser { node, user, change } => change.make(account, *node, *user, now),
        Input::RemoveNode { node, tasks } => {
            account.remove_unmanaged_node(&pool_of(account, *node), &node.node(), *tasks, now).ok()
        }
        Input::Pool { pool: which, change } => change.make(account, &pool(*which), now),
        Input::AutoPool { pick: number, fails } => Some(answer_for_pool(account, *number, *fails, now)),
        Input::JobSchedule { schedule, change } => change.make(account, schedule.schedule(), now),
        Input::ScheduleAll => Some(account.schedule(now)),
        Input::Schedule { pick: number } => match pick(assignments(account), *number) {
            Some((job, task, node)) => account.assign(&job, &task, &node, now).ok(),
            None => Some(Vec::new()),
        },
        Input::Assign { job, task, node } => account.assign(&job.job(), &task.task(), &node.node(), now).ok(),
        Input::Answer { .. } | Input::Report { .. } | Input::Says(_) | Input::OldReport { .. } => {
            match input.report(account, past) {
                Some(report) => Some(account.report(&report, now)),
                None => Some(Vec::new()),
            }
        }
        Input::Terminate { job, reason, force, condition } => {
            let mut command = TerminateJob::because(reason.clone());
            command.force = force_timeout(force, account);
            command.preconditions = condition.on_job(account, &job.job());
            account.terminate_job(&job.job(), &command, now).ok()
        }
        Input::Delete { job, force, condition } => {
            let preconditions = condition.on_job(account, &job.job());
            let command = DeleteJob { force: force_timeout(force, account), preconditions };
            account.delete_job(&job.job(), &command, now).ok()
        }
        Input::Disable { job, disable_tasks, condition } => {
            let preconditions = condition.on_job(account, &job.job());
            let command = DisableJob { disable_tasks: *disable_tasks, preconditions };
            account.disable_job(&job.job(), &command, now).ok()
        }
        Input::Enable { job, condition } => {
            let command = EnableJob { preconditions: condition.on_job(account, &job.job()) };
            account.enable_job(&job.job(), &command, now).ok()
        }
        Input::Update { job, change, condition } => {
            let preconditions = condition.on_job(account, &job.job());
            let command = UpdateJob { change: change.command(), preconditions };
            account.update_job(&job.job(), &command, now).ok()
        }
        Input::UpdateTask { job, task, retries, condition } => {
            let max_task_retry_count = Some(RetryLimit::Times(*retries));
            let constraints = RequestedConstraints { max_task_retry_count, ..Default::default() };
            let preconditions = condition.on_task(account, &job.job(), &task.task());
            let command = UpdateTask { constraints, preconditions };
            account.update_task(&job.job(), &task.task(), &command, now).ok()
        }
        Input::TerminateTask { job, task, condition } => {
            let command =
                TerminateTask { preconditions: condition.on_task(account, &job.job(), &task.task()) };
            account.terminate_task(&job.job(), &task.task(), &command, now).ok()
        }
        Input::ReactivateTask { job, task, condition } => {
            let command =
                ReactivateTask { preconditions: condition.on_task(account, &job.job(), &task.task()) };
            account.reactivate_task(&job.job(), &task.task(), &command, now).ok()
        }
        Input::DeleteTask { job, task, condition } => {
            let command = DeleteTask { preconditions: condition.on_task(account, &job.job(), &task.task()) };
            account.delete_task(&job.job(), &task.task(), &command, now).ok()
        }
    };
    Fed { refused: accepted.is_none(), effects: accepted.unwrap_or_default() }
}
