//! Scenarios whose instructions `.ci/instructions` counts under valgrind.
//!
//! Without arguments it prints their names; with a name it runs that scenario. What a scenario prepares is not
//! counted: valgrind counts only while [`counted`] runs.

#[path = "../../../benches/common/mod.rs"]
mod common;

use std::{env, hint::black_box, process::ExitCode};

use azbatch::{
    Account, BatchError, ETag, ErrorCode, Preconditions,
    condition::ConditionHeaders,
    job::{DEFAULT_FORCE_TIMEOUT, TerminateJob},
    rest,
};
use common::{FILM, VERSION, film, minutes_later, runs, send, start, succeeded};

/// Enough that a walk over the account is far more than what a scenario costs without one.
const MANY: usize = 1_000;

const SCENARIOS: &[(&str, fn())] = &[
    ("condition_if_match", condition_if_match),
    ("condition_date", condition_date),
    ("error_body", error_body),
    ("etag_as_text", etag_as_text),
    ("tick_with_nothing_due", tick_with_nothing_due),
    ("schedule_with_nothing_to_give", schedule_with_nothing_to_give),
    ("schedule_while_tasks_wait", schedule_while_tasks_wait),
    ("give_4_tasks_and_hear_4_ends", give_4_tasks_and_hear_4_ends),
    ("terminate_a_job_and_tick", terminate_a_job_and_tick),
    ("terminate_100_running_on_10_nodes", terminate_100_running_on_10_nodes),
    ("add_100_tasks", add_100_tasks),
    ("rest_get_job", rest_get_job),
    ("rest_get_task", rest_get_task),
    ("rest_get_task_into_a_used_answer", rest_get_task_into_a_used_answer),
    ("rest_get_task_counts", rest_get_task_counts),
    ("rest_post_task", rest_post_task),
    ("rest_terminate_refused", rest_terminate_refused),
    ("rest_list_100_tasks", rest_list_100_tasks),
    ("rest_filter_that_matches_none", rest_filter_that_matches_none),
    ("rest_10_completed_jobs", rest_10_completed_jobs),
    ("store_and_read_an_account", store_and_read_an_account),
];

fn main() -> ExitCode {
    let Some(wanted) = env::args().nth(1) else {
        for (name, _) in SCENARIOS {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, run)) = SCENARIOS.iter().find(|(name, _)| *name == wanted) else {
        eprintln!("there is no scenario {wanted}");
        return ExitCode::FAILURE;
    };
    run();
    ExitCode::SUCCESS
}

/// Valgrind counts from the call of this function to its return. It is found by its name, so no other function
/// has a name with `counted` in it.
#[inline(never)]
fn counted(scenario: &mut dyn FnMut()) {
    scenario();
}

/// Counts one call, and not the drop of what it gives.
fn count<T>(call: impl FnOnce() -> T) -> T {
    let mut call = Some(call);
    let mut given = None;
    counted(&mut || given = call.take().map(|call| call()));
    black_box(given.expect("the scenario was run"))
}

fn decide(headers: &ConditionHeaders<'_>) {
    count(|| {
        let preconditions = Preconditions::parse(black_box(headers), start()).expect("good headers");
        preconditions.check_write(start())
    })
    .expect("conditions that are met");
}

fn condition_if_match() {
    let etag = ETag::from(start()).to_string();
    decide(&ConditionHeaders { if_match: Some(etag.as_bytes()), ..ConditionHeaders::default() });
}

fn condition_date() {
    let date = Some(b"Tue, 10 Feb 2026 07:59:59 GMT".as_slice());
    decide(&ConditionHeaders { if_modified_since: date, ..ConditionHeaders::default() });
}

fn error_body() {
    let error = BatchError::from(ErrorCode::JobBeingTerminated);
    let mut buffer = Vec::with_capacity(1024);
    let id = "6a6ebce4-e376-46f0-99dd-719292f8d8a4";
    count(|| rest::error_body(&mut buffer, black_box(common::URL), &error, black_box(id), start()));
    assert!(!buffer.is_empty());
}

fn etag_as_text() {
    assert!(count(|| ETag::from(start()).to_string()).starts_with("0x"));
}

fn tick_with_nothing_due() {
    let mut account = common::jobs(MANY);
    assert_eq!(count(|| account.tick(start())), []);
}

fn schedule_with_nothing_to_give() {
    let mut account = common::jobs(MANY);
    assert_eq!(count(|| account.schedule(start())), []);
}

fn schedule_while_tasks_wait() {
    let mut account = common::waiting_for_a_dependency(MANY);
    assert_eq!(count(|| account.schedule(start())), []);
}

fn give_4_tasks_and_hear_4_ends() {
    let mut account = common::room_for_all(4, 1);
    let ends = count(|| {
        let given = account.schedule(start());
        runs(&given).map(|run| account.report(&succeeded(run), start())).collect::<Vec<_>>()
    });
    assert_eq!(ends.len(), 4);
}

fn terminate_a_job_and_tick() {
    let mut account = common::jobs(MANY);
    let spare = common::add_spare_jobs(&mut account, 1);
    for job in &spare {
        count(|| common::terminate_and_tick(&mut account, job));
    }
}

fn terminate_100_running_on_10_nodes() {
    let mut job = common::running_job(10, 100, MANY);
    let forced = TerminateJob { force: Some(DEFAULT_FORCE_TIMEOUT), ..TerminateJob::by_user() };
    count(|| job.terminate(&forced, minutes_later(1))).expect("an active job");
}

fn add_100_tasks() {
    let mut account = common::tasks(MANY);
    let (job, commands) = (film(), (MANY..MANY + 100).map(common::task).collect::<Vec<_>>());
    count(|| {
        for command in &commands {
            account.add_task(&job, command, start()).expect("a new task");
        }
    });
}

fn request(account: &mut Account, method: &str, path: &str, query: &str, body: &str, status: u16) {
    let target = format!("/jobs/{FILM}{path}?{VERSION}{query}");
    let answer = count(|| send(account, method, &target, body.as_bytes()));
    assert_eq!(answer.response.status, status);
}

fn rest_get_job() {
    request(&mut common::tasks(100), "GET", "", "", "", 200);
}

fn rest_get_task() {
    request(&mut common::tasks(100), "GET", "/tasks/task-0000042", "", "", 200);
}

fn rest_get_task_into_a_used_answer() {
    let mut account = common::tasks(100);
    let target = format!("/jobs/{FILM}/tasks/task-0000042?{VERSION}");
    let mut answer = send(&mut account, "GET", &target, b"");
    count(|| common::send_into(&mut account, "GET", &target, b"", &mut answer));
    assert_eq!(answer.response.status, 200);
}

fn rest_get_task_counts() {
    request(&mut common::tasks(100), "GET", "/taskcounts", "", "", 200);
}

fn rest_post_task() {
    request(&mut common::tasks(MANY), "POST", "/tasks", "", &common::task_body(MANY), 201);
}

fn rest_terminate_refused() {
    let mut account = common::tasks(100);
    account.terminate_job(&film(), &TerminateJob::by_user(), start()).expect("an active job");
    request(&mut account, "POST", "/terminate", "", "", 409);
}

fn rest_list_100_tasks() {
    request(&mut common::tasks(MANY), "GET", "/tasks", "&maxresults=100", "", 200);
}

fn rest_filter_that_matches_none() {
    let filter = "&$filter=state%20eq%20'completed'";
    request(&mut common::tasks(MANY), "GET", "/tasks", filter, "", 200);
}

fn rest_10_completed_jobs() {
    let mut account = common::completed_jobs_behind(MANY);
    let target = format!("/jobs?{VERSION}&maxresults=10&$filter=state%20eq%20'completed'");
    assert_eq!(common::items(&count(|| send(&mut account, "GET", &target, b""))), 10);
}

fn store_and_read_an_account() {
    let account = common::tasks(100);
    let read: Account = count(|| {
        let stored = serde_json::to_vec(&account).expect("every account can be written");
        serde_json::from_slice(&stored).expect("what was written can be read")
    });
    assert_eq!(read.jobs().count(), 1);
}
