//! Everything that can come in.

use alloc::vec::Vec;
use core::fmt;

use crate::{
    Account, JobId, NodeId, Report, RunId, TaskId, Timestamp,
    job::{
        AutoPoolFailure, AutoPoolFailureCode, DeleteJob, DisableJob, DisableTasks, EnableJob, Ended,
        ReportEvent, TerminateJob, TerminateReason, Unit, UpdateJob,
    },
    node::{ChangeNode, NodeEvent, NodeTasks},
    task::{
        DeleteTask, NodeError, NodeFailure, ReactivateTask, RequestedConstraints, RetryLimit, TaskState,
        TerminateTask, UpdateTask,
    },
    testing::{
        call::Call,
        names::Name,
        past::{Past, runs_in_progress},
        pools::{PoolChange, UserChange, pool_of},
        schedules::ScheduleChange,
        shapes::{Change, Condition, JobShape, TaskShape, bit, node_tasks},
    },
};

/// The eight bytes that a [`Step`](super::Step) is made of. Any bytes are a step. Smaller ones are simpler steps.
pub type Block = [u8; 8];

/// What comes in to an account in a step.
///
/// An input may mean "the next run that a node must report": it is looked up in the account that it comes to, and
/// in that account's [`Past`], so that any sequence makes progress and can be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum Input {
    /// A tick of the clock.
    Tick,
    /// Nothing: only the clock moves.
    Nothing,
    /// Something happens to a node.
    Node { node: Name, event: NodeEvent },
    /// The host adds a node: to a pool of the account, or to one that it manages by itself.
    AddNode { node: Name, pool: Name, slots: u32 },
    /// A user adds a job.
    AddJob { job: Name, shape: JobShape },
    /// A user adds a task.
    AddTask { job: Name, task: Name, shape: TaskShape },
    /// The account assigns tasks to nodes.
    ScheduleAll,
    /// The host assigns one of the active tasks to one of the nodes of its job's pool.
    Schedule { pick: u8 },
    /// The host assigns a task to a node.
    Assign { job: Name, task: Name, node: Name },
    /// A node reports one of the runs that are in progress.
    Answer { pick: u8, event: ReportEvent },
    /// A user changes a node.
    ChangeNode { node: Name, change: ChangeNode },
    /// A user changes the users of a node.
    NodeUser { node: Name, user: Name, change: UserChange },
    /// A user takes a node out of a pool that the account does not have.
    RemoveNode { node: Name, tasks: NodeTasks },
    /// A user changes a pool.
    Pool { pool: Name, change: PoolChange },
    /// The host answers one of the jobs that ask for a pool. If none does, it adds a node to a pool that it made for one.
    AutoPool { pick: u8, fails: bool },
    /// A user changes a job schedule.
    JobSchedule { schedule: Name, change: ScheduleChange },
    /// A node reports a run, which it may not have.
    Report { job: Name, node: Name, unit: UnitName, number: Number, event: ReportEvent },
    /// A node reports exactly this.
    Says(Report),
    /// A node reports late: again what it has reported before, or, with an event, a run that it no longer has.
    OldReport { pick: u8, event: Option<ReportEvent> },
    /// A user, or the host's schedule, terminates a job.
    Terminate { job: Name, reason: TerminateReason, force: bool, condition: Condition },
    /// A user deletes a job.
    Delete { job: Name, force: bool, condition: Condition },
    /// A user disables a job.
    Disable { job: Name, disable_tasks: DisableTasks, condition: Condition },
    /// A user enables a job.
    Enable { job: Name, condition: Condition },
    /// A user changes a job.
    Update { job: Name, change: Change, condition: Condition },
    /// A user changes a task.
    UpdateTask { job: Name, task: Name, retries: u32, condition: Condition },
    /// A user terminates a task.
    TerminateTask { job: Name, task: Name, condition: Condition },
    /// A user reactivates a task.
    ReactivateTask { job: Name, task: Name, condition: Condition },
    /// A user deletes a task.
    DeleteTask { job: Name, task: Name, condition: Condition },
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitName {
    /// A task.
    Task(Name),
    /// The job's preparation.
    Preparation,
    /// The job's release.
    Release,
}

impl UnitName {
    /// The unit that it stands for.
    pub fn unit(self) -> Unit {
        match self {
            Self::Task(task) => Unit::Task(task.task()),
            Self::Preparation => Unit::Preparation,
            Self::Release => Unit::Release,
        }
    }
}

/// The number of the run that a report names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// That of the run that the node has now or had last, or 0, which is no run's.
    Current,
    /// The number before that.
    Before,
    /// The number after that.
    After,
}

impl Input {
    pub(super) fn decode([kind, job, task, node, a, b, c, _]: Block) -> Self {
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
        match usual_kind(kind) {
            51 if bit(b, 1) => Self::Delete { job, force: bit(b, 0), condition },
            0..=6 | 51 => Self::Tick,
            7..=10 => Self::Node { node, event: node_event_of(a) },
            11..=13 => Self::AddNode { node, pool: Name::nth(a & b & 1), slots: 3 - u32::from(b >> 6) },
            14..=16 => Self::AddJob { job, shape: JobShape::decode(a, b, c) },
            17..=24 => Self::AddTask { job, task, shape: TaskShape::decode(a, b, c) },
            25..=35 => Self::Schedule { pick: a },
            36 => Self::Assign { job, task, node },
            37..=48 => Self::Answer { pick: a, event: report_event_of(b) },
            49 => {
                let unit = match a % 3 {
                    0 => UnitName::Task(task),
                    1 => UnitName::Preparation,
                    _ => UnitName::Release,
                };
                let number = match c % 8 {
                    0..=5 => Number::Current,
                    6 => Number::Before,
                    _ => Number::After,
                };
                Self::Report { job, node, unit, number, event: report_event_of(b) }
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
            69 => Self::Pool {
                pool: Name::nth(u8::from(c >> 6 == 3)),
                change: PoolChange::decode(node, a, b, c),
            },
            70..=71 => Self::ScheduleAll,
            72..=79 => Self::JobSchedule { schedule: node, change: ScheduleChange::decode(task.0, a, b, c) },
            80..=82 => Self::AutoPool { pick: a, fails: b > 200 },
            83 => Self::NodeUser {
                node,
                user: Name([0, 0x80, 1][usize::from(b % 3)]),
                change: UserChange::decode(a),
            },
            115..=117 => Self::Node { node, event: NodeEvent::Lost },
            89 => Self::Nothing,
            _ => Self::OldReport { pick: a, event: bit(c, 0).then(|| report_event_of(b)) },
        }
    }
}

impl Input {
    /// Whether a node says it. A host under test makes its own reports, see
    /// [`Sequence::without_reports`](super::Sequence::without_reports).
    pub fn is_report(&self) -> bool {
        matches!(self, Self::Answer { .. } | Self::Report { .. } | Self::Says(_) | Self::OldReport { .. })
    }

    /// The report that this input makes to this account, if it makes one.
    pub fn report(&self, account: &Account, past: &Past) -> Option<Report> {
        if !self.is_report() {
            return None;
        }
        match self.call(account, past, Timestamp::MIN) {
            Some(Call::Report(report)) => Some(report),
            _ => None,
        }
    }

    /// The call that this input is to this account at this time; `None` if it finds nothing to be about.
    pub fn call(&self, account: &Account, past: &Past, now: Timestamp) -> Option<Call> {
        let force_timeout = |force: &bool| force.then(|| account.force_timeout());
        Some(match self {
            Self::Tick => Call::Tick,
            Self::Nothing => return None,
            Self::Node { node, event } => Call::NodeEvent(node.node(), *event),
            Self::AddNode { node, pool, slots } => {
                let (pool, node) = (pool.pool(), node.node());
                match account.pool(&pool) {
                    Some(_) => Call::AddNode(pool, node),
                    None => Call::AddUnmanagedNode(pool, node, *slots),
                }
            }
            Self::AddJob { job, shape } => Call::AddJob(shape.command(*job, now)),
            Self::AddTask { job, task, shape } => Call::AddTask(job.job(), shape.command(*task)),
            Self::ChangeNode { node, change } => {
                Call::ChangeNode(pool_of(account, *node), node.node(), *change)
            }
            Self::NodeUser { node, user, change } => change.call(account, *node, *user),
            Self::RemoveNode { node, tasks } => {
                Call::RemoveUnmanagedNode(pool_of(account, *node), node.node(), *tasks)
            }
            Self::Pool { pool, change } => change.call(pool.pool()),
            Self::AutoPool { pick, fails } => answer_for_pool(account, *pick, *fails)?,
            Self::JobSchedule { schedule, change } => change.call(account, schedule.schedule(), now),
            Self::ScheduleAll => Call::Schedule,
            Self::Schedule { pick: number } => {
                let (job, task, node) = pick(assignments(account), *number)?;
                Call::Assign(job, task, node)
            }
            Self::Assign { job, task, node } => Call::Assign(job.job(), task.task(), node.node()),
            Self::Report { job, node, unit, number, event } => {
                let run = numbered_run(account, *job, *node, *unit, *number);
                Call::Report(Report { run, event: event.clone() })
            }
            Self::Says(report) => Call::Report(report.clone()),
            Self::Answer { pick: number, event } => {
                let run = pick(runs_in_progress(account), *number)?;
                Call::Report(Report { run, event: event.clone() })
            }
            Self::OldReport { pick: number, event } => {
                Call::Report(old_report(account, past, *number, event.as_ref())?)
            }
            Self::Terminate { job, reason, force, condition } => {
                let mut command = TerminateJob::because(reason.clone());
                command.force = force_timeout(force);
                command.preconditions = condition.on_job(account, &job.job());
                Call::TerminateJob(job.job(), command)
            }
            Self::Delete { job, force, condition } => {
                let preconditions = condition.on_job(account, &job.job());
                Call::DeleteJob(job.job(), DeleteJob { force: force_timeout(force), preconditions })
            }
            Self::Disable { job, disable_tasks, condition } => {
                let preconditions = condition.on_job(account, &job.job());
                Call::DisableJob(job.job(), DisableJob { disable_tasks: *disable_tasks, preconditions })
            }
            Self::Enable { job, condition } => {
                Call::EnableJob(job.job(), EnableJob { preconditions: condition.on_job(account, &job.job()) })
            }
            Self::Update { job, change, condition } => {
                let preconditions = condition.on_job(account, &job.job());
                Call::UpdateJob(job.job(), UpdateJob { change: change.command(), preconditions })
            }
            Self::UpdateTask { job, task, retries, condition } => {
                let max_task_retry_count = Some(RetryLimit::Times(*retries));
                let constraints = RequestedConstraints { max_task_retry_count, ..Default::default() };
                let preconditions = condition.on_task(account, &job.job(), &task.task());
                Call::UpdateTask(job.job(), task.task(), UpdateTask { constraints, preconditions })
            }
            Self::TerminateTask { job, task, condition } => {
                let preconditions = condition.on_task(account, &job.job(), &task.task());
                Call::TerminateTask(job.job(), task.task(), TerminateTask { preconditions })
            }
            Self::ReactivateTask { job, task, condition } => {
                let preconditions = condition.on_task(account, &job.job(), &task.task());
                Call::ReactivateTask(job.job(), task.task(), ReactivateTask { preconditions })
            }
            Self::DeleteTask { job, task, condition } => {
                let preconditions = condition.on_task(account, &job.job(), &task.task());
                Call::DeleteTask(job.job(), task.task(), DeleteTask { preconditions })
            }
        })
    }
}

/// What the last of the 128 kinds are: more of what makes sequences hard.
fn usual_kind(kind: u8) -> u8 {
    match kind % 128 {
        90..=94 => 50,   // terminate
        95..=96 => 51,   // delete
        97..=104 => 25,  // assign a task
        105..=110 => 37, // report what is in progress
        111..=114 => 17, // add a task
        118..=122 => 0,  // tick
        123..=125 => 84, // a late report
        126..=127 => 52, // disable
        usual => usual,
    }
}

/// A run of this number, with the ids as the report spells them (S4).
fn numbered_run(account: &Account, job: Name, node: Name, unit: UnitName, number: Number) -> RunId {
    let (job, node, unit) = (job.job(), node.node(), unit.unit());
    let current = account.current_run(&job, &node, &unit).map_or(0, |run| run.number);
    let number = match number {
        Number::Current => current,
        Number::Before => current.wrapping_sub(1),
        Number::After => current + 1,
    };
    RunId { job, node, unit, number }
}

fn old_report(account: &Account, past: &Past, number: u8, event: Option<&ReportEvent>) -> Option<Report> {
    let Some(event) = event else { return pick(past.reports().cloned(), number) };
    let in_progress = runs_in_progress(account);
    let over = past.runs().filter(|run| !in_progress.contains(run));
    Some(Report { run: pick(over.cloned(), number)?, event: event.clone() })
}

/// Answers one of the jobs that ask for a pool. If there is none, one of the pools that were made for jobs gets a node.
fn answer_for_pool(account: &Account, number: u8, fails: bool) -> Option<Call> {
    let asking = account.jobs().filter(|job| job.wanted_pool().is_some()).map(|job| job.id().clone());
    let Some(job) = pick(asking, number) else {
        let made = account.pools().filter(|pool| pool.owner().is_some()).map(|pool| pool.id().clone());
        let mut free =
            (0..3).map(|which| Name::nth(which).node()).filter(|node| account.node(node).is_none());
        return Some(Call::AddNode(pick(made, number)?, free.next()?));
    };
    if fails {
        let code = AutoPoolFailureCode::QuotaReached;
        return Some(Call::RefuseAutoPool(job, AutoPoolFailure { code, message: "none".into() }));
    }
    let name = alloc::format!("auto-{}", account.pools().count());
    Some(Call::AddAutoPool(job, name.parse().unwrap()))
}

/// One out of several, if there are any.
fn pick<T>(from: impl IntoIterator<Item = T>, pick: u8) -> Option<T> {
    let mut all: Vec<T> = from.into_iter().collect();
    if all.is_empty() { None } else { Some(all.swap_remove(usize::from(pick) % all.len())) }
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

pub(super) fn node_event_of(byte: u8) -> NodeEvent {
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

pub(super) fn report_event_of(byte: u8) -> ReportEvent {
    let error = || NodeError { code: "BlobNotFound".into(), message: "It is not there".into() };
    ReportEvent::Ended(match byte % 9 {
        0..=1 => return ReportEvent::Started,
        2..=3 => Ended::with_exit_code(0),
        4 => Ended::with_exit_code(1),
        5 => Ended::with_exit_code(137),
        6 => Ended::default(),
        7 => Ended { exit_code: None, failure: Some(NodeFailure::PreProcessing(error())) },
        _ => Ended {
            exit_code: Some(i32::from(byte / 9 % 2)),
            failure: Some(NodeFailure::FileUpload(error())),
        },
    })
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forced = |force: &bool| if *force { " by force" } else { "" };
        match self {
            Self::Tick => f.write_str("tick"),
            Self::Nothing => f.write_str("nothing else"),
            Self::Node { node, event } => write!(f, "node {} {}", node.node(), event),
            Self::AddNode { node, pool, slots } => {
                write!(f, "add node {} to {} (slots: {slots})", node.node(), pool.pool())
            }
            Self::AddJob { job, shape } => write!(f, "add job {} {shape}", job.job()),
            Self::AddTask { job, task, shape } => {
                write!(f, "add task {} to {}{shape}", task.task(), job.job())
            }
            Self::ScheduleAll => f.write_str("schedule"),
            Self::Schedule { pick } => write!(f, "assign an active task (choice {pick})"),
            Self::Assign { job, task, node } => {
                write!(f, "assign task {} of {} to {}", task.task(), job.job(), node.node())
            }
            Self::Answer { pick, event } => {
                write!(f, "a node reports a run in progress (choice {pick}): {event}")
            }
            Self::ChangeNode { node, change } => write!(f, "{} {}", change_text(*change), node.node()),
            Self::NodeUser { node, user, change } => {
                let change = match change {
                    UserChange::Add => "add",
                    UserChange::Update => "update",
                    UserChange::Delete => "delete",
                };
                write!(f, "{change} user {} of node {}", user.user(), node.node())
            }
            Self::RemoveNode { node, tasks } => write!(f, "remove node {} ({tasks})", node.node()),
            Self::Pool { pool, change } => change.write(f, &pool.pool()),
            Self::AutoPool { pick, fails: false } => write!(f, "make an auto pool (choice {pick})"),
            Self::AutoPool { pick, fails: true } => write!(f, "refuse an auto pool (choice {pick})"),
            Self::JobSchedule { schedule, change } => change.write(f, &schedule.schedule()),
            Self::Report { job, node, unit, number, event } => {
                let number = match number {
                    Number::Current => "its current run",
                    Number::Before => "the run before its current one",
                    Number::After => "a run that it never had",
                };
                let (unit, job) = (unit.unit(), job.job());
                write!(f, "node {} reports {unit} of {job}, {number}: {event}", node.node())
            }
            Self::Says(report) => write!(f, "report: {report}"),
            Self::OldReport { pick, event: None } => write!(f, "an earlier report again (choice {pick})"),
            Self::OldReport { pick, event: Some(event) } => {
                write!(f, "a node reports a run that is over (choice {pick}): {event}")
            }
            Self::Terminate { job, reason, force, condition } => {
                let job = job.job();
                write!(f, "terminate {job}{}{condition}", forced(force))?;
                match reason {
                    TerminateReason::User(None) => Ok(()),
                    reason => write!(f, " ({reason:?})"),
                }
            }
            Self::Delete { job, force, condition } => {
                write!(f, "delete {}{}{condition}", job.job(), forced(force))
            }
            Self::Disable { job, disable_tasks, condition } => {
                write!(f, "disable {} ({disable_tasks}){condition}", job.job())
            }
            Self::Enable { job, condition } => write!(f, "enable {}{condition}", job.job()),
            Self::Update { job, change, condition } => {
                write!(f, "update {}: {change}{condition}", job.job())
            }
            Self::UpdateTask { job, task, retries, condition } => {
                write!(f, "update task {} of {}: retries: {retries}{condition}", task.task(), job.job())
            }
            Self::TerminateTask { job, task, condition } => {
                write!(f, "terminate task {} of {}{condition}", task.task(), job.job())
            }
            Self::ReactivateTask { job, task, condition } => {
                write!(f, "reactivate task {} of {}{condition}", task.task(), job.job())
            }
            Self::DeleteTask { job, task, condition } => {
                write!(f, "delete task {} of {}{condition}", task.task(), job.job())
            }
        }
    }
}

fn change_text(change: ChangeNode) -> alloc::string::String {
    match change {
        ChangeNode::Reboot(tasks) => alloc::format!("reboot ({tasks})"),
        ChangeNode::Reimage(tasks) => alloc::format!("reimage ({tasks})"),
        ChangeNode::Deallocate(tasks) => alloc::format!("deallocate ({tasks})"),
        ChangeNode::Start => "start".into(),
        ChangeNode::DisableScheduling(tasks) => alloc::format!("disable scheduling ({tasks}) on"),
        ChangeNode::EnableScheduling => "enable scheduling on".into(),
    }
}
