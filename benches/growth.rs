//! What could cost more as an account grows: each is measured beside a hundred to a million jobs or tasks.
//!
//! `cargo bench` measures; `cargo bench -- --test` runs each once, on the smallest account.

mod common;

use std::{cell::RefCell, env};

use azbatch::{
    Account, TaskId,
    job::{DEFAULT_FORCE_TIMEOUT, TerminateJob},
    task::{AddTask, DeleteTask},
};
use common::{FILM, VERSION, film, minutes_later, next_page, running_job, runs, send, start, succeeded};
use divan::{AllocProfiler, Bencher, black_box, counter::ItemsCount};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// How many jobs or tasks there are beside what is measured.
fn sizes() -> &'static [usize] {
    if env::args().any(|argument| argument == "--test") {
        &[100]
    } else {
        &[100, 1_000, 10_000, 100_000, 1_000_000]
    }
}

#[divan::bench(args = sizes(), sample_size = 100, max_time = 0.5)]
fn tick_with_nothing_due(bencher: Bencher, jobs: usize) {
    let mut account = common::jobs(jobs);
    bencher.bench_local(|| account.tick(black_box(start())));
}

#[divan::bench(args = sizes(), sample_size = 100, max_time = 0.5)]
fn deadline(bencher: Bencher, jobs: usize) {
    let account = common::jobs(jobs);
    bencher.bench_local(|| black_box(&account).deadline());
}

#[divan::bench(args = sizes(), sample_size = 10, max_time = 0.5)]
fn schedule_with_nothing_to_give(bencher: Bencher, jobs: usize) {
    let mut account = common::jobs(jobs);
    bencher.bench_local(|| account.schedule(black_box(start())));
}

/// There is a free slot, but every active task waits for one that runs.
#[divan::bench(args = sizes(), sample_size = 10, max_time = 0.5)]
fn schedule_while_tasks_wait(bencher: Bencher, tasks: usize) {
    let mut account = common::waiting_for_a_dependency(tasks);
    bencher.bench_local(|| account.schedule(black_box(start())));
}

#[divan::bench(args = sizes(), sample_count = 200, sample_size = 1, max_time = 0.5)]
fn terminate_a_job_and_tick(bencher: Bencher, jobs: usize) {
    let mut account = common::jobs(jobs);
    let mut spare = common::add_spare_jobs(&mut account, 200).into_iter();
    bencher
        .with_inputs(|| spare.next().expect("a job for each sample"))
        .bench_local_values(|job| common::terminate_and_tick(&mut account, &job));
}

/// The two must be alike: terminating does not walk the active tasks (E4).
#[divan::bench(args = sizes(), sample_count = 30, sample_size = 1, max_time = 0.5)]
fn terminate_10_running_beside_active(bencher: Bencher, active: usize) {
    let job = running_job(10, 10, active);
    let forced = TerminateJob { force: Some(DEFAULT_FORCE_TIMEOUT), ..TerminateJob::by_user() };
    bencher
        .with_inputs(|| job.clone())
        .bench_local_refs(|job| job.terminate(&forced, minutes_later(1)).map(|effects| effects.len()));
}

/// A job to which tasks are added at the end, and which has the same number of tasks before each.
struct Appended {
    account: Account,
    next: usize,
    latest: Option<TaskId>,
}

impl Appended {
    fn to(tasks: usize) -> RefCell<Self> {
        RefCell::new(Self { account: common::tasks(tasks), next: tasks, latest: None })
    }

    /// The number of the task that is added next. The one before is taken away.
    fn next(&mut self) -> usize {
        let number = self.next;
        self.next += 1;
        if let Some(task) = self.latest.replace(common::task_id(number)) {
            self.account
                .delete_task(&film(), &task, &DeleteTask::default(), start())
                .expect("an active task");
        }
        number
    }
}

#[divan::bench(args = sizes(), sample_count = 1000, sample_size = 1, max_time = 0.5)]
fn add_task(bencher: Bencher, tasks: usize) {
    let job = Appended::to(tasks);
    let input = || common::task(job.borrow_mut().next());
    bencher.with_inputs(input).bench_local_refs(|task: &mut AddTask| {
        job.borrow_mut().account.add_task(&film(), task, start()).expect("a new task")
    });
}

#[divan::bench(args = sizes(), sample_count = 1000, sample_size = 1, max_time = 0.5)]
fn rest_post_task(bencher: Bencher, tasks: usize) {
    let job = Appended::to(tasks);
    let target = format!("/jobs/{FILM}/tasks?{VERSION}");
    let input = || common::task_body(job.borrow_mut().next());
    bencher.with_inputs(input).bench_local_refs(|body| {
        let answer = send(&mut job.borrow_mut().account, "POST", &target, body.as_bytes());
        assert_eq!(answer.response.status, 201);
        answer
    });
}

/// A page of a list, with a hundred items.
fn measure_page(bencher: Bencher, account: &mut Account, target: &str) {
    let answer = send(account, "GET", target, b"");
    assert_eq!(common::items(&answer), 100);
    bencher.counter(ItemsCount::new(100_usize)).bench_local(|| send(account, "GET", target, b""));
}

#[divan::bench(args = sizes(), max_time = 0.5)]
fn rest_list_100_tasks(bencher: Bencher, tasks: usize) {
    let mut account = common::tasks(tasks);
    let target = format!("/jobs/{FILM}/tasks?{VERSION}&maxresults=100");
    measure_page(bencher, &mut account, &target);
}

#[divan::bench(args = sizes(), max_time = 0.5)]
fn rest_filter_that_matches_no_task(bencher: Bencher, tasks: usize) {
    let mut account = common::tasks(tasks);
    let target = format!("/jobs/{FILM}/tasks?{VERSION}&$filter=state%20eq%20'completed'");
    let answer = send(&mut account, "GET", &target, b"");
    assert_eq!(common::items(&answer), 0);
    bencher.counter(ItemsCount::new(tasks)).bench_local(|| send(&mut account, "GET", &target, b""));
}

const COMPLETED_JOBS: &str = "maxresults=100&$filter=state%20eq%20'completed'";

/// The first page: it has to be found behind all jobs that live.
#[divan::bench(args = sizes(), max_time = 0.5)]
fn rest_list_completed_jobs(bencher: Bencher, live: usize) {
    let mut account = common::completed_jobs_behind(live);
    let target = format!("/jobs?{VERSION}&{COMPLETED_JOBS}");
    measure_page(bencher, &mut account, &target);
}

#[divan::bench(args = sizes(), max_time = 0.5)]
fn rest_list_completed_jobs_later(bencher: Bencher, live: usize) {
    let mut account = common::completed_jobs_behind(live);
    let first = send(&mut account, "GET", &format!("/jobs?{VERSION}&{COMPLETED_JOBS}"), b"");
    let target = next_page(&first);
    measure_page(bencher, &mut account, &target);
}

/// What stays allocated at the end, divided by the tasks, is the memory of an active task.
#[divan::bench(args = sizes(), sample_size = 1, max_time = 0.5)]
fn make_tasks(bencher: Bencher, tasks: usize) {
    bencher.counter(ItemsCount::new(tasks)).bench_local(|| common::tasks(tasks));
}

/// Each node gets as many tasks as it has slots.
#[divan::bench(args = sizes().iter().map(|size| size / 4).take(4), sample_size = 1, max_time = 0.5)]
fn schedule_4_tasks_a_node(bencher: Bencher, nodes: usize) {
    let account = common::room_for_all(nodes, 4);
    bencher
        .counter(ItemsCount::new(nodes * 4))
        .with_inputs(|| account.clone())
        .bench_local_refs(|account| account.schedule(start()));
}

#[divan::bench(sample_size = 1, max_time = 0.5)]
fn schedule_8_000_tasks_to_2_000_nodes(bencher: Bencher) {
    let account = common::room_for_all(2_000, 4);
    bencher
        .counter(ItemsCount::new(8_000_usize))
        .with_inputs(|| account.clone())
        .bench_local_refs(|account| account.schedule(start()));
}

/// Four nodes with one slot each get a task each. Others wait, and those of the rounds before are completed.
#[divan::bench(sample_count = 100, sample_size = 10)]
fn give_4_tasks_to_4_nodes_and_hear_4_ends(bencher: Bencher) {
    let mut account = common::idle_nodes(4, 1);
    for number in 0..4 * 100 * 10 {
        account.add_task(&film(), &common::task(number), start()).expect("a new task");
    }
    bencher.bench_local(|| {
        let given = account.schedule(start());
        let ends = runs(&given).map(|run| account.report(&succeeded(run), start()));
        let ends: Vec<_> = ends.collect();
        assert_eq!(ends.len(), 4);
        (given, ends)
    });
}

/// The account as JSON.
#[cfg(feature = "serde")]
mod stored {
    use azbatch::Account;
    use divan::{Bencher, black_box, counter::BytesCount};

    use super::{common, sizes};

    #[divan::bench(args = sizes(), max_time = 0.5)]
    fn written(bencher: Bencher, tasks: usize) {
        let account = common::tasks(tasks);
        let length = serde_json::to_vec(&account).expect("every account can be written").len();
        let mut buffer = Vec::with_capacity(length);
        bencher.counter(BytesCount::new(length)).bench_local(|| {
            buffer.clear();
            serde_json::to_writer(&mut buffer, black_box(&account)).expect("every account can be written");
        });
    }

    #[divan::bench(args = sizes(), max_time = 0.5)]
    fn read_and_checked(bencher: Bencher, tasks: usize) {
        let stored = serde_json::to_vec(&common::tasks(tasks)).expect("every account can be written");
        bencher.counter(BytesCount::new(stored.len())).bench_local(|| {
            serde_json::from_slice::<Account>(black_box(&stored)).expect("what was written can be read")
        });
    }
}
