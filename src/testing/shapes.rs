//! The shapes of jobs and tasks: each is made from a few bytes, and a command from each.

use alloc::{format, string::String, sync::Arc, vec, vec::Vec};
use core::fmt;

use serde_json::json;

use crate::{
    Account, ETag, Job, JobId, Preconditions, Task, TaskId, TimeSpan, Timestamp,
    condition::ConditionHeaders,
    job::{
        AddJob, AutoPool, JobChange, JobConstraints, JobManagerTask, JobPatch, JobPreparationTask,
        JobReleaseTask, JobSettings, JobSpecification, OnAllTasksComplete, OnTaskFailure, ParallelLimit,
        PoolInfo, PoolLifetime,
    },
    node::NodeTasks,
    pool::{NodeCounts, NodeFillType},
    task::{
        AddTask, Dependencies, DependencyAction, ExitCodeRange, ExitConditions, ExitOptions, JobAction,
        Properties, RequestedConstraints, RetryLimit, TaskIdRange, TaskSpecification,
    },
    testing::names::Name,
};

/// The precondition of a request, by what the account has when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// No precondition.
    None,
    /// `If-Match` with the ETag that the resource has.
    Met,
    /// `If-None-Match` with that ETag.
    Unmet,
}

/// Where the tasks of a job run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolShape {
    /// In a pool that may be there.
    Named(Name),
    /// In a pool that is made for the job.
    Auto(AutoPoolShape),
}

impl PoolShape {
    fn info(self) -> PoolInfo {
        match self {
            Self::Named(pool) => pool.pool().into(),
            Self::Auto(shape) => shape.pool(),
        }
    }
}

/// What a job asks of a pool that is made for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoPoolShape {
    shared: bool,
    keep_alive: bool,
    slots: u32,
}

impl AutoPoolShape {
    pub(super) fn decode(byte: u8) -> Self {
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
            other: uninterpreted_of_pool(),
        }))
    }
}

/// What REST keeps of a pool beside what the crate interprets: what it wants, and defaults ([B6](crate::evidence#b6)).
/// The typed command has it too, because whether two auto pools are equal depends on it (X8).
pub(super) fn uninterpreted_of_pool() -> Properties {
    let agent = "batch.node.ubuntu 22.04";
    let machine = json!({ "imageReference": { "version": "latest" }, "nodeAgentSKUId": agent });
    let properties = [
        ("vmSize", json!("standard_d2s_v3")),
        ("virtualMachineConfiguration", machine),
        ("certificateReferences", json!([])),
        ("enableInterNodeCommunication", json!(false)),
        ("resizeTimeout", json!("PT15M")),
    ];
    properties.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// The properties of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the job's own")]
pub struct JobShape {
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
    pool: PoolShape,
    /// How much older the request is than the job.
    age: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PreparationShape {
    wait_for_success: bool,
    retries: u32,
    rerun: bool,
}

/// The properties of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskShape {
    slots: u32,
    retries: Option<RetryLimit>,
    seconds: Option<u64>,
    depends_on: DependencyShape,
    on_exit_code_1: Option<ExitOptions>,
    on_upload_error: Option<ExitOptions>,
    otherwise: Option<ExitOptions>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DependencyShape {
    None,
    Task(Name),
    Range(u32, u32),
}

/// What an update of a job changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Everything, so that what a PUT leaves out returns to its default.
    Replace {
        /// Where the tasks run from now on.
        pool: Name,
    },
    /// The job ends with its tasks.
    EndWithTasks,
    /// How long the job may take.
    Seconds(u64),
    /// How many tasks may run at once.
    ParallelTasks(ParallelLimit),
    /// Where the tasks run.
    Pool(PoolShape),
}

impl JobShape {
    pub(super) fn decode(a: u8, b: u8, c: u8) -> Self {
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
            pool: match c >> 5 {
                0..=5 => PoolShape::Named(Name::nth(0)),
                6 => PoolShape::Auto(AutoPoolShape::decode(b >> 4)),
                _ => PoolShape::Named(Name::nth(1)),
            },
            age: if bit(c, 1) { 250_000 } else { 0 },
        }
    }

    /// The command that adds a job of this shape.
    pub fn command(self, job: Name, now: Timestamp) -> AddJob {
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
        let mut settings = JobSettings { pool: self.pool.info(), ..JobSettings::new(Name::nth(0).pool()) };
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
    pub(super) fn decode(a: u8, b: u8, c: u8) -> Self {
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

    /// The command that adds a task of this shape.
    pub fn command(self, task: Name) -> AddTask {
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

    pub(super) fn on_job(self, account: &Account, job: &JobId) -> Preconditions {
        self.preconditions(account.job(job).map(Job::etag))
    }

    pub(super) fn on_task(self, account: &Account, job: &JobId, task: &TaskId) -> Preconditions {
        self.preconditions(account.task(job, task).map(Task::etag))
    }
}

impl Change {
    pub(super) fn decode(a: u8, b: u8) -> Self {
        match a % 6 {
            0 => Self::EndWithTasks,
            1 => Self::Seconds(u64::from(b)),
            2 => Self::ParallelTasks(match b % 3 {
                0 => ParallelLimit::Unlimited,
                limit => ParallelLimit::AtMost(limit.into()),
            }),
            3 => Self::Pool(PoolShape::Named(Name::nth(b))),
            4 => Self::Pool(PoolShape::Auto(AutoPoolShape::decode(b))),
            _ => Self::Replace { pool: Name::nth(b) },
        }
    }

    /// The change that it stands for.
    pub fn command(self) -> JobChange {
        let patch = match self {
            Self::Replace { pool } => return JobChange::Replace(JobSettings::new(pool.pool())),
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
            Self::Pool(shape) => JobPatch { pool: Some(shape.info()), ..JobPatch::default() },
        };
        JobChange::Patch(patch)
    }
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

/// Whether this bit of a byte is set.
pub(super) fn bit(byte: u8, bit: u8) -> bool {
    byte >> bit & 1 == 1
}

pub(super) fn node_tasks(byte: u8) -> NodeTasks {
    match byte % 4 {
        0 => NodeTasks::Requeue,
        1 => NodeTasks::Terminate,
        2 => NodeTasks::TaskCompletion,
        _ => NodeTasks::RetainedData,
    }
}

impl fmt::Display for Condition {
    /// What stands after a request.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "",
            Self::Met => ", if its ETag matches",
            Self::Unmet => ", unless its ETag matches",
        })
    }
}

impl fmt::Display for PoolShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(pool) => write!(f, "{}", pool.pool()),
            Self::Auto(AutoPoolShape { shared, keep_alive, slots }) => {
                let shared = if *shared { "for all jobs of a schedule" } else { "of its own" };
                let keep = if *keep_alive { ", kept" } else { "" };
                write!(f, "an auto pool {shared} (slots: {slots}{keep})")
            }
        }
    }
}

/// The parts that are there, in brackets.
fn parts(f: &mut fmt::Formatter<'_>, parts: impl IntoIterator<Item = Option<String>>) -> fmt::Result {
    let mut separator = " (";
    for part in parts.into_iter().flatten() {
        write!(f, "{separator}{part}")?;
        separator = ", ";
    }
    f.write_str(if separator == " (" { "" } else { ")" })
}

fn retries(limit: RetryLimit) -> String {
    match limit {
        RetryLimit::Times(times) => format!("retries: {times}"),
        RetryLimit::Unlimited => "retries without limit".into(),
    }
}

impl fmt::Display for JobShape {
    /// Where it runs, and what it has besides the defaults.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |is_there: bool, text: &str| is_there.then(|| text.into());
        let preparation = self.preparation.map(|preparation| {
            let PreparationShape { wait_for_success, retries, rerun } = preparation;
            let wait = if wait_for_success { "" } else { " that need not succeed" };
            let rerun = if rerun { "" } else { " and does not run again after a reboot" };
            let retries = if retries == 0 { String::new() } else { format!(" with retries: {retries}") };
            format!("a preparation{wait}{rerun}{retries}")
        });
        let manager = self.manager.map(|ends_job| {
            let exclusive = if self.exclusive { "an exclusive" } else { "a" };
            let ends = if ends_job { " that ends the job" } else { "" };
            format!("{exclusive} job manager{ends}")
        });
        let limit = match self.parallel_tasks {
            ParallelLimit::Unlimited => None,
            ParallelLimit::AtMost(limit) => Some(format!("parallel tasks: {limit}")),
        };
        write!(f, "to {}", self.pool)?;
        parts(
            f,
            [
                preparation,
                part(self.release, "a release"),
                manager,
                part(self.ends_with_its_tasks, "ends with its tasks"),
                part(self.acts_on_failures, "acts on failures"),
                part(!self.uses_dependencies, "no dependencies"),
                limit,
                self.seconds.map(|seconds| format!("time limit: {seconds} s")),
                (self.retries > 0).then(|| format!("retries: {}", self.retries)),
                part(self.age > 0, "received earlier"),
            ],
        )
    }
}

impl fmt::Display for TaskShape {
    /// What it has besides the defaults.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let depends_on = match self.depends_on {
            DependencyShape::None => None,
            DependencyShape::Task(task) => Some(format!("after {}", task.task())),
            DependencyShape::Range(start, end) => Some(format!("after {start} to {end}")),
        };
        let on = |what: &str, options: Option<ExitOptions>| {
            let ExitOptions { job_action, dependency_action } = options?;
            let job = job_action.map_or(String::new(), |action| format!(" {} job", action.as_str()));
            let tasks =
                dependency_action.map_or(String::new(), |action| format!(" {} dependents", action.as_str()));
            Some(format!("on {what}:{job}{tasks}"))
        };
        parts(
            f,
            [
                (self.slots > 1).then(|| format!("slots: {}", self.slots)),
                self.retries.map(retries),
                self.seconds.map(|seconds| format!("time limit: {seconds} s")),
                depends_on,
                on("exit code 1", self.on_exit_code_1),
                on("an upload error", self.on_upload_error),
                on("other failures", self.otherwise),
            ],
        )
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replace { pool } => write!(f, "all settings, in {}", pool.pool()),
            Self::EndWithTasks => f.write_str("it ends with its tasks"),
            Self::Seconds(seconds) => write!(f, "time limit: {seconds} s"),
            Self::ParallelTasks(ParallelLimit::Unlimited) => f.write_str("parallel tasks without limit"),
            Self::ParallelTasks(ParallelLimit::AtMost(limit)) => write!(f, "parallel tasks: {limit}"),
            Self::Pool(shape) => write!(f, "pool: {shape}"),
        }
    }
}
