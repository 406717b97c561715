//! What is measured on: accounts and jobs of any size, made through the public API and the same each time.

#![allow(dead_code, reason = "no program that includes this uses all of it")]
#![allow(clippy::missing_panics_doc, reason = "a fixture that does not work must stop the measurement")]

use std::{fmt::Debug, str::FromStr, sync::Arc};

use azbatch::{
    Account, Effect, Instruction, Job, JobId, NodeId, PoolId, Report, RunId, TaskId, TimeSpan, Timestamp,
    job::{
        AddJob, Ended, JobPreparationTask, JobReleaseTask, JobSettings, JobSpecification, TerminateJob, Unit,
    },
    rest::{self, Answer, Anyone, Guid, Request},
    task::{AddTask, Dependencies, Placement, TaskSpecification},
};

pub const URL: &str = "https://contoso.westus.batch.azure.com";
pub const VERSION: &str = "api-version=2024-07-01.20.0";

/// The id of the one job that a fixture with tasks has.
pub const FILM: &str = "film";

/// When everything happens: 2026-02-10T08:00:00.1234567Z. A constant, so that no measurement reads it from text.
pub const fn start() -> Timestamp {
    const START: Timestamp =
        Timestamp::from_ticks(639_063_072_001_234_567).expect("an instant before the year 10000");
    START
}

pub fn minutes_later(minutes: u64) -> Timestamp {
    start().saturating_add(TimeSpan::from_secs(60 * minutes))
}

pub fn id<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("a good id")
}

pub fn film() -> JobId {
    id(FILM)
}

fn pool() -> PoolId {
    id("pool")
}

/// Twelve characters, as the ids of all tasks here have.
pub fn task_id(number: usize) -> TaskId {
    id(&format!("task-{number:07}"))
}

fn node_id(number: usize) -> NodeId {
    id(&format!("node-{number:04}"))
}

pub fn task(number: usize) -> AddTask {
    AddTask::new(task_id(number))
}

/// The body of a request that adds a task.
pub fn task_body(number: usize) -> String {
    format!(r#"{{"id":"task-{number:07}","commandLine":"render --frame {number}"}}"#)
}

fn add_job(account: &mut Account, specification: JobSpecification, settings: JobSettings) {
    let (specification, settings) = (Arc::new(specification), Arc::new(settings));
    account.add_job(&AddJob { specification, settings, received: start() }, start()).expect("a good job");
}

/// An account with active jobs that have no tasks. Each job is due on a day and second of its own, the first
/// after thirty days. A node with free slots is there.
pub fn jobs(count: usize) -> Account {
    let mut account = Account::new(URL);
    account.add_unmanaged_node(&pool(), &node_id(0), 4, start()).expect("a new node");
    for number in 0..count {
        let mut settings = JobSettings::new(pool());
        settings.constraints.max_wall_clock_time = TimeSpan::from_secs(30 * 86_400 + number as u64);
        add_job(&mut account, JobSpecification::new(id(&format!("job-{number:07}"))), settings);
    }
    account
}

/// Adds active jobs, so that a measurement can end one after the other.
pub fn add_spare_jobs(account: &mut Account, count: usize) -> Vec<JobId> {
    let add = |number| {
        let spare: JobId = id(&format!("spare-{number:04}"));
        add_job(account, JobSpecification::new(spare.clone()), JobSettings::new(pool()));
        spare
    };
    (0..count).map(add).collect()
}

/// Terminates a job and lets the time come at which it completes.
pub fn terminate_and_tick(account: &mut Account, job: &JobId) -> (Vec<Effect>, Vec<Effect>) {
    let told = account.terminate_job(job, &TerminateJob::by_user(), start()).expect("an active job");
    (told, account.tick(start()))
}

/// Jobs that live, and after them in the order of lists a thousand that are completed.
pub fn completed_jobs_behind(live: usize) -> Account {
    let mut account = jobs(live);
    for spare in add_spare_jobs(&mut account, 1_000) {
        account.terminate_job(&spare, &TerminateJob::by_user(), start()).expect("an active job");
    }
    let _completed = account.tick(start());
    account
}

/// An account with one job, whose tasks are all active. There are no nodes.
pub fn tasks(count: usize) -> Account {
    let mut account = Account::new(URL);
    add_job(&mut account, JobSpecification::new(film()), JobSettings::new(pool()));
    for number in 0..count {
        account.add_task(&film(), &task(number), start()).expect("a new task");
    }
    account
}

/// An account whose nodes have room for every task that waits.
pub fn room_for_all(nodes: usize, slots: u32) -> Account {
    let mut account = idle_nodes(nodes, slots);
    for number in 0..nodes * slots as usize {
        account.add_task(&film(), &task(number), start()).expect("a new task");
    }
    account
}

/// An account with nodes, and a job without tasks.
pub fn idle_nodes(nodes: usize, slots: u32) -> Account {
    let mut account = tasks(0);
    for number in 0..nodes {
        account.add_unmanaged_node(&pool(), &node_id(number), slots, start()).expect("a new node");
    }
    account
}

/// An account in which one task runs and all others wait for it, with a free slot.
pub fn waiting_for_a_dependency(waiting: usize) -> Account {
    let mut account = Account::new(URL);
    let mut specification = JobSpecification::new(film());
    specification.template.uses_task_dependencies = true;
    add_job(&mut account, specification, JobSettings::new(pool()));
    account.add_unmanaged_node(&pool(), &node_id(0), 2, start()).expect("a new node");
    account.add_task(&film(), &task(0), start()).expect("a new task");
    for number in 1..=waiting {
        let depends_on = Some(Dependencies { task_ids: vec![task_id(0)], ranges: Vec::new() });
        let specification = TaskSpecification { depends_on, ..TaskSpecification::default() };
        let command = AddTask { specification: specification.into(), ..task(number) };
        account.add_task(&film(), &command, start()).expect("a new task");
    }
    assert_eq!(runs(&account.schedule(start())).count(), 1, "the first task alone can run");
    account
}

/// The runs that nodes are told to start.
pub fn runs(effects: &[Effect]) -> impl Iterator<Item = &RunId> {
    effects.iter().filter_map(|effect| match effect {
        Effect::Instruction(Instruction::Run(run)) => Some(run),
        Effect::Instruction(_) | Effect::Fact(_) => None,
    })
}

/// The report that a run has succeeded.
pub fn succeeded(run: &RunId) -> Report {
    run.ended(Ended::with_exit_code(0))
}

/// A job with tasks running on nodes, and others waiting.
pub fn running_job(nodes: usize, running: usize, active: usize) -> Job {
    let mut specification = JobSpecification::new(film());
    specification.template.preparation = Some(JobPreparationTask::new(id("jobpreparation")));
    specification.template.release = Some(JobReleaseTask::new(id("jobrelease")));
    let (specification, settings) = (Arc::new(specification), Arc::new(JobSettings::new(pool())));
    let (mut job, _) =
        Job::add(&AddJob { specification, settings, received: start() }, start()).expect("a good job");
    for number in 0..running + active {
        job.add_task(&task(number), start()).expect("a new task");
    }
    for number in 0..running {
        let node = node_id(number % nodes);
        let placement = Placement { pool: pool(), node: node.clone() };
        job.assign(&task_id(number), &placement, start()).expect("an active task");
        let preparation = job.current_run(&node, &Unit::Preparation).expect("the node was told to prepare");
        let _started = job.report(&succeeded(&preparation), start());
    }
    assert_eq!(job.task_counts().running, running as u64, "all of them were started");
    job
}

/// Sends a request with the headers that clients send.
pub fn send(account: &mut Account, method: &str, target: &str, body: &[u8]) -> Answer {
    let mut answer = Answer::default();
    send_into(account, method, target, body, &mut answer);
    answer
}

/// The same, and writes over an answer.
pub fn send_into(account: &mut Account, method: &str, target: &str, body: &[u8], answer: &mut Answer) {
    let headers: [(&str, &[u8]); 6] = [
        ("host", b"contoso.westus.batch.azure.com"),
        ("user-agent", b"azsdk-python-batch/15.0.0 Python/3.12 (Linux)"),
        ("accept", b"application/json"),
        ("content-type", b"application/json; odata=minimalmetadata"),
        ("client-request-id", b"6a6ebce4-e376-46f0-99dd-719292f8d8a4"),
        ("return-client-request-id", b"true"),
    ];
    let request = Request {
        method,
        target,
        headers: &headers,
        body,
        received: start(),
        request_id: Guid::from_u128(7),
    };
    rest::answer_into(account, &request, start(), &Anyone, answer);
}

fn body_of(answer: &Answer) -> serde_json::Value {
    serde_json::from_slice(&answer.response.body).expect("an answer in JSON")
}

/// How many items a page of a list has.
pub fn items(answer: &Answer) -> usize {
    body_of(answer)["value"].as_array().expect("a list").len()
}

/// The target of the page that follows, as the answer names it.
pub fn next_page(answer: &Answer) -> String {
    let body = body_of(answer);
    let link = body["odata.nextLink"].as_str().expect("a page that is not the last");
    link.strip_prefix(URL).expect("a link to the same account").to_owned()
}
