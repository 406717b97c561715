//! Strategies for the `proptest` crate. They shrink to what is simplest.
//!
//! - Whole stories: [`sequence`], [`sequence_without_reports`], and [`step`].
//! - An account in any state that calls lead to: [`account`], and what is in one: [`job`], [`task`], [`node`],
//!   [`pool`], [`job_schedule`].
//! - What comes to an account that there is: [`call_on`], [`report_on`].
//! - REST: [`request`].
//! - Values: ids, specifications, commands, preconditions, [`clock`]s, instants and spans.
//!
//! ```
//! use azbatch::testing::{Driver, laws, strategies};
//! use proptest::prelude::*;
//!
//! proptest!(|(sequence in strategies::sequence(20), request in strategies::request())| {
//!     let mut driver = sequence.run();
//!     let before = driver.account().clone();
//!     let answer = driver.receive(&request);
//!     laws::check(&before, &answer.effects, driver.account())?;
//! });
//! ```

use alloc::{string::String, vec::Vec};

use proptest::{
    arbitrary::any,
    collection::vec,
    prop_oneof,
    strategy::{Just, Strategy},
};

use crate::{
    Account, ETag, Job, JobId, JobSchedule, JobScheduleId, Node, NodeId, Pool, PoolId, Preconditions, Report,
    Task, TaskId, TimeSpan, Timestamp,
    condition::{EntityTag, EntityTags},
    job::{
        AddJob, DeleteJob, DisableJob, DisableTasks, EnableJob, JobSettings, JobSpecification, ReportEvent,
        TerminateJob, TerminateReason, UpdateJob,
    },
    node::NodeEvent,
    pool::{AddPool, PoolSpecification},
    rest::OwnedRequest,
    task::{AddTask, TaskSpecification},
    testing::{
        call::Call,
        clock::TestClock,
        input::Block,
        input::{node_event_of, report_event_of},
        names::Name,
        past::{Past, runs_in_progress},
        sequence::{Sequence, Start},
        shapes::{Change, JobShape, TaskShape},
        shrink::Sequences,
        step::{ClockMove, Step},
        wild::request_from_bytes,
    },
};

/// Sequences of up to this many steps after their beginning, see [`Sequence`].
pub fn sequence(max_steps: usize) -> Sequences {
    Sequences { max_steps, without_reports: false }
}

/// The same without the reports of nodes, for a test of a host, which makes its own.
pub fn sequence_without_reports(max_steps: usize) -> Sequences {
    Sequences { max_steps, without_reports: true }
}

/// One step.
pub fn step() -> impl Strategy<Value = Step> {
    any::<Block>().prop_map(Step::from)
}

/// An account in any state that a sequence of up to 40 steps leads to.
///
/// A failing test prints the whole account. [`sequence`] and [`Sequence::account`] print how it came about.
pub fn account() -> impl Strategy<Value = Account> {
    sequence(40).prop_map(|sequence| sequence.account())
}

/// A job in any state that a sequence leads to.
pub fn job() -> impl Strategy<Value = Job> {
    account().prop_filter_map("an account with a job", |account| account.jobs().next().cloned())
}

/// A task in any state that a sequence leads to.
pub fn task() -> impl Strategy<Value = Task> {
    account().prop_filter_map("an account with a task", |account| {
        account.jobs().flat_map(Job::tasks).next().cloned()
    })
}

/// A node in any state that a sequence leads to.
pub fn node() -> impl Strategy<Value = Node> {
    account().prop_filter_map("an account with a node", |account| account.nodes().next().cloned())
}

/// A pool in any state that a sequence leads to.
pub fn pool() -> impl Strategy<Value = Pool> {
    let with_pool = sequence(40).prop_map(|sequence| {
        let add = Step::from([69, 0, 0, 0, 0, 1, 0, 0]);
        let steps = sequence.iter().collect::<Vec<_>>();
        Sequence::of_steps(Start::Usual, [add].into_iter().chain(steps)).account()
    });
    with_pool.prop_filter_map("an account with a pool", |account| account.pools().next().cloned())
}

/// A job schedule in any state that a sequence leads to.
pub fn job_schedule() -> impl Strategy<Value = JobSchedule> {
    let with_schedule = (any::<[u8; 3]>(), sequence(40)).prop_map(|([a, b, c], sequence)| {
        let add = Step::from([72, 0, 0, 0, a, b, c, 0]);
        let steps = sequence.iter().collect::<Vec<_>>();
        Sequence::of_steps(Start::Usual, [add].into_iter().chain(steps)).account()
    });
    with_schedule
        .prop_filter_map("an account with a schedule", |account| account.job_schedules().next().cloned())
}

/// Any call to this account at this time: a user's command, a report, an event, a tick.
pub fn call_on(account: &Account, now: Timestamp) -> impl Strategy<Value = Call> + use<> {
    let account = account.clone();
    step().prop_filter_map("a step that finds something", move |step| {
        step.input().call(&account, &Past::default(), now)
    })
}

/// A report to this account: of one of the runs that are in progress, or of any other.
pub fn report_on(account: &Account) -> impl Strategy<Value = Report> + use<> {
    let (account, runs) = (account.clone(), runs_in_progress(account));
    (any::<Block>(), report_event()).prop_map(move |(block, event)| {
        let [_, job, task, node, ..] = block;
        let known = runs.get(usize::from(job) % runs.len().max(1)).filter(|_| task % 4 != 3);
        let run = known.cloned().unwrap_or_else(|| {
            let block = [49, job, task, node, 0, 0, 0, 0];
            let report = Step::from(block).input().report(&account, &Past::default());
            report.map(|report| report.run).expect("a report")
        });
        Report { run, event: event.clone() }
    })
}

/// What a node reports of a run.
pub fn report_event() -> impl Strategy<Value = ReportEvent> {
    any::<u8>().prop_map(report_event_of)
}

/// What happens to a node.
pub fn node_event() -> impl Strategy<Value = NodeEvent> {
    any::<u8>().prop_map(node_event_of)
}

/// A request over REST to what sequences make: well-formed or malformed, with any headers.
pub fn request() -> impl Strategy<Value = OwnedRequest> {
    vec(any::<u8>(), 0..96).prop_map(|bytes| request_from_bytes(&bytes))
}

fn id_text(max: usize) -> impl Strategy<Value = String> {
    const CHARACTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    let character = (0..CHARACTERS.len()).prop_map(|place| char::from(CHARACTERS[place]));
    vec(character, 1..=max).prop_map(String::from_iter)
}

/// Any id that a user can give a job.
pub fn job_id() -> impl Strategy<Value = JobId> {
    id_text(64).prop_map(|text| text.parse().unwrap())
}

/// Any id of a task.
pub fn task_id() -> impl Strategy<Value = TaskId> {
    prop_oneof![
        id_text(64).prop_map(|text| text.parse().unwrap()),
        // Numbers, which ranges of dependencies speak of.
        any::<u32>().prop_map(|number| alloc::format!("{number}").parse().unwrap()),
    ]
}

/// Any id of a node.
pub fn node_id() -> impl Strategy<Value = NodeId> {
    id_text(128).prop_map(|text| text.parse().unwrap())
}

/// Any id of a pool.
pub fn pool_id() -> impl Strategy<Value = PoolId> {
    id_text(64).prop_map(|text| text.parse().unwrap())
}

/// Any id of a job schedule.
pub fn job_schedule_id() -> impl Strategy<Value = JobScheduleId> {
    id_text(64).prop_map(|text| text.parse().unwrap())
}

fn job_shape() -> impl Strategy<Value = JobShape> {
    any::<[u8; 3]>().prop_map(|[a, b, c]| JobShape::decode(a, b, c))
}

fn task_shape() -> impl Strategy<Value = TaskShape> {
    any::<[u8; 3]>().prop_map(|[a, b, c]| TaskShape::decode(a, b, c))
}

/// A job of any shape that sequences have, under any id.
pub fn job_specification() -> impl Strategy<Value = JobSpecification> {
    (job_id(), job_shape()).prop_map(|(id, shape)| {
        let command = shape.command(Name::nth(0), Start::Usual.timestamp());
        JobSpecification { id, template: command.specification.template.clone() }
    })
}

/// The settings of a job of any shape that sequences have, in any pool.
pub fn job_settings() -> impl Strategy<Value = JobSettings> {
    (pool_id(), job_shape()).prop_map(|(pool, shape)| {
        let command = shape.command(Name::nth(0), Start::Usual.timestamp());
        JobSettings { pool: pool.into(), ..(*command.settings).clone() }
    })
}

/// A task of any shape that sequences have.
pub fn task_specification() -> impl Strategy<Value = TaskSpecification> {
    task_shape().prop_map(|shape| (*shape.command(Name::nth(0)).specification).clone())
}

/// A pool under any id.
pub fn pool_specification() -> impl Strategy<Value = PoolSpecification> {
    add_pool().prop_map(|command| (*command.specification).clone())
}

/// `Job - Add`.
pub fn add_job() -> impl Strategy<Value = AddJob> {
    (job_specification(), job_settings(), timestamp()).prop_map(|(specification, settings, received)| {
        AddJob { specification: specification.into(), settings: settings.into(), received }
    })
}

/// `Task - Add`.
pub fn add_task() -> impl Strategy<Value = AddTask> {
    (task_id(), task_shape()).prop_map(|(id, shape)| AddTask { id, ..shape.command(Name::nth(0)) })
}

/// `Pool - Add`.
pub fn add_pool() -> impl Strategy<Value = AddPool> {
    (pool_id(), 1..=4_u32, 0..4_u32, 0..4_u32).prop_map(|(id, slots, dedicated, low_priority)| AddPool {
        specification: PoolSpecification {
            id,
            task_slots_per_node: slots,
            node_fill_type: crate::pool::NodeFillType::Spread,
            other: crate::task::Properties::new(),
        }
        .into(),
        target: crate::pool::NodeCounts { dedicated, low_priority },
        auto_scale: None,
    })
}

fn force() -> impl Strategy<Value = Option<TimeSpan>> {
    proptest::option::of((0..3600_u64).prop_map(TimeSpan::from_secs))
}

/// `Job - Terminate` by a user.
pub fn terminate_job() -> impl Strategy<Value = TerminateJob> {
    let reason =
        proptest::option::of(id_text(64)).prop_map(|text| TerminateReason::User(text.map(Into::into)));
    (reason, force(), preconditions()).prop_map(|(reason, force, preconditions)| TerminateJob {
        reason,
        force,
        preconditions,
    })
}

/// `Job - Delete`.
pub fn delete_job() -> impl Strategy<Value = DeleteJob> {
    (force(), preconditions()).prop_map(|(force, preconditions)| DeleteJob { force, preconditions })
}

/// `Job - Disable`.
pub fn disable_job() -> impl Strategy<Value = DisableJob> {
    let disable_tasks =
        prop_oneof![Just(DisableTasks::Requeue), Just(DisableTasks::Terminate), Just(DisableTasks::Wait)];
    (disable_tasks, preconditions())
        .prop_map(|(disable_tasks, preconditions)| DisableJob { disable_tasks, preconditions })
}

/// `Job - Enable`.
pub fn enable_job() -> impl Strategy<Value = EnableJob> {
    preconditions().prop_map(|preconditions| EnableJob { preconditions })
}

/// `Job - Update` and `Job - Patch`.
pub fn update_job() -> impl Strategy<Value = UpdateJob> {
    (any::<[u8; 2]>(), preconditions()).prop_map(|([a, b], preconditions)| UpdateJob {
        change: Change::decode(a, b).command(),
        preconditions,
    })
}

/// Any condition, most often none.
pub fn preconditions() -> impl Strategy<Value = Preconditions> {
    let tag = || (timestamp(), any::<bool>()).prop_map(|(at, weak)| EntityTag { etag: ETag::from(at), weak });
    let listed = (tag(), vec(tag(), 0..2)).prop_map(|(first, others)| EntityTags::Listed { first, others });
    let tags = || prop_oneof![Just(EntityTags::Any), Just(EntityTags::Nothing)];
    let tags = prop_oneof![listed, tags()].boxed();
    prop_oneof![
        4 => Just(Preconditions::None),
        1 => tags.clone().prop_map(Preconditions::IfMatch),
        1 => tags.prop_map(Preconditions::IfNoneMatch),
        1 => timestamp().prop_map(|at| Preconditions::IfModifiedSince(at.truncate_to_second())),
        1 => timestamp().prop_map(|at| Preconditions::IfUnmodifiedSince(at.truncate_to_second())),
    ]
}

/// Any instant: around the usual start of a sequence, or at any other time.
pub fn timestamp() -> impl Strategy<Value = Timestamp> {
    let usual = Start::Usual.timestamp().ticks();
    let near = usual..usual + 24 * 60 * 60 * 10_000_000;
    prop_oneof![3 => near, 1 => 0..=Timestamp::MAX.ticks()]
        .prop_map(|ticks| Timestamp::from_ticks(ticks).unwrap())
}

/// Any span of time: of some hours at most, or of any length.
pub fn time_span() -> impl Strategy<Value = TimeSpan> {
    let hours = (0..4 * 60 * 60_u64).prop_map(TimeSpan::from_secs);
    let ticks = (0..=TimeSpan::UNLIMITED.ticks()).prop_map(|ticks| TimeSpan::from_ticks(ticks).unwrap());
    prop_oneof![3 => hours, 1 => ticks]
}

/// A clock that stands still, goes on, jumps or goes back each time it is read.
pub fn clock() -> impl Strategy<Value = TestClock> {
    (timestamp(), vec(any::<u8>(), 0..20))
        .prop_map(|(start, moves)| TestClock::new(start, moves.into_iter().map(ClockMove::decode).collect()))
}
