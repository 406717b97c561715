//! How fast the crate is. `cargo bench` measures; `cargo bench -- --test` runs each once.

use std::sync::Arc;

use azbatch::{
    Account, BatchError, ETag, ErrorCode, Job, JobId, NodeId, PoolId, Preconditions, TaskId, TimeSpan,
    Timestamp,
    condition::ConditionHeaders,
    job::{
        AddJob, DEFAULT_FORCE_TIMEOUT, Ended, JobPreparationTask, JobReleaseTask, JobSettings,
        JobSpecification, TerminateJob, Unit,
    },
    rest,
    task::{AddTask, Placement, TaskSpecification},
};
use divan::{Bencher, black_box, counter::ItemsCount};

fn main() {
    divan::main();
}

fn start() -> Timestamp {
    Timestamp::parse_iso8601("2026-02-10T08:00:00.1234567Z").expect("a good instant")
}

fn conditions(
    if_match: Option<&str>,
    if_none_match: Option<&str>,
    if_modified_since: Option<&str>,
) -> Preconditions {
    let headers = ConditionHeaders {
        if_match: if_match.map(str::as_bytes),
        if_none_match: if_none_match.map(str::as_bytes),
        if_modified_since: if_modified_since.map(str::as_bytes),
        if_unmodified_since: None,
    };
    Preconditions::parse(&headers, start()).expect("good headers")
}

/// Reading the header and deciding, as a request does.
#[divan::bench(args = ["if-match met", "date", "allowed pair"])]
fn condition(bencher: Bencher, case: &str) {
    let etag = ETag::from(start()).to_string();
    let date = "Tue, 10 Feb 2026 07:59:59 GMT";
    let (if_match, if_none_match, if_modified_since) = match case {
        "if-match met" => (Some(etag.as_str()), None, None),
        "date" => (None, None, Some(date)),
        _ => (None, Some("\"0x8D7CD3DD39024F5\""), Some(date)),
    };
    bencher.bench(|| {
        conditions(black_box(if_match), black_box(if_none_match), black_box(if_modified_since))
            .check_write(black_box(start()))
    });
}

/// Deciding alone, on a condition that was read before.
#[divan::bench]
fn decide_if_match(bencher: Bencher) {
    let etag = ETag::from(start()).to_string();
    let preconditions = conditions(Some(&etag), None, None);
    bencher.bench(|| black_box(&preconditions).check_write(black_box(start())));
}

#[divan::bench]
fn error_body_into_a_reused_buffer(bencher: Bencher) {
    let error = BatchError::from(ErrorCode::JobBeingTerminated);
    let mut buffer = Vec::with_capacity(1024);
    bencher.bench_local(|| {
        buffer.clear();
        let (url, id) = ("https://contoso.westus.batch.azure.com", "6a6ebce4-e376-46f0-99dd-719292f8d8a4");
        rest::error_body(&mut buffer, black_box(url), black_box(&error), black_box(id), black_box(start()));
        buffer.len()
    });
}

#[divan::bench]
fn etag(bencher: Bencher) {
    use std::fmt::Write;
    let mut buffer = String::with_capacity(32);
    bencher.bench_local(|| {
        buffer.clear();
        write!(buffer, "{}", ETag::from(black_box(start()))).expect("a String takes everything");
        buffer.len()
    });
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a good id")
}

/// A job with tasks running on nodes, and others waiting.
fn job(nodes: usize, running: usize, active: usize) -> Job {
    let (job_id, pool): (JobId, PoolId) = (id("job"), id("pool"));
    let mut specification = JobSpecification::new(job_id.clone());
    specification.template.preparation = Some(JobPreparationTask::new(id("jobpreparation")));
    specification.template.release = Some(JobReleaseTask::new(id("jobrelease")));
    let (specification, settings) = (Arc::new(specification), Arc::new(JobSettings::new(pool.clone())));
    let (mut job, _) =
        Job::add(&AddJob { specification, settings, received: start() }, start()).expect("a good job");
    for number in 0..running + active {
        let task: TaskId = id(&format!("task-{number}"));
        job.add_task(&AddTask::new(TaskSpecification::new(task)), start()).expect("a new task");
    }
    for number in 0..running {
        let node: NodeId = id(&format!("node-{}", number % nodes));
        let placement = Placement { pool: pool.clone(), node: node.clone() };
        job.assign(&id(&format!("task-{number}")), &placement, start()).expect("an active task");
        let preparation = job.current_run(&node, &Unit::Preparation).expect("the node was told to prepare");
        let _effects = job.report(&preparation.ended(Ended::with_exit_code(0)), start());
    }
    job
}

fn forced() -> TerminateJob {
    TerminateJob { force: Some(DEFAULT_FORCE_TIMEOUT), ..TerminateJob::by_user() }
}

/// Each round works on a copy that was made, with the same work after it, before the clock started.
fn terminate(bencher: Bencher, job: &Job) {
    let later = start().saturating_add(TimeSpan::from_secs(60));
    bencher
        .counter(ItemsCount::new(job.task_counts().running))
        .with_inputs(|| job.clone())
        .bench_local_refs(|job| job.terminate(&forced(), later).map(|effects| effects.len()));
}

#[divan::bench(sample_count = 50, sample_size = 1)]
fn terminate_10_000_running_on_1_000_nodes(bencher: Bencher) {
    terminate(bencher, &job(1_000, 10_000, 0));
}

/// The two must be alike: terminating does not walk the active tasks (E4).
#[divan::bench(args = [0, 1_000_000], sample_count = 50, sample_size = 1)]
fn terminate_10_running_with_active(bencher: Bencher, active: usize) {
    terminate(bencher, &job(10, 10, active));
}

/// An account whose nodes have room for every task that waits.
fn account(nodes: usize, slots: u32) -> Account {
    let mut account = Account::new("https://contoso.westus.batch.azure.com");
    let (job_id, pool): (JobId, PoolId) = (id("job"), id("pool"));
    let (specification, settings) = (JobSpecification::new(job_id.clone()), JobSettings::new(pool.clone()));
    let command =
        AddJob { specification: Arc::new(specification), settings: Arc::new(settings), received: start() };
    account.add_job(&command, start()).expect("a good job");
    for number in 0..nodes {
        let node: NodeId = id(&format!("node-{number}"));
        account.add_unmanaged_node(&pool, &node, slots, start()).expect("a new node");
    }
    for number in 0..nodes * slots as usize {
        let task = TaskSpecification::new(id(&format!("task-{number}")));
        account.add_task(&job_id, &AddTask::new(task), start()).expect("a new task");
    }
    account
}

/// Finding a node does not look at all of them, so four times the nodes take about four times as long.
#[divan::bench(args = [500, 2_000], sample_count = 20, sample_size = 1)]
fn schedule_4_tasks_a_node(bencher: Bencher, nodes: usize) {
    let account = account(nodes, 4);
    bencher
        .counter(ItemsCount::new(nodes * 4))
        .with_inputs(|| account.clone())
        .bench_local_refs(|account| account.schedule(start()).len());
}
