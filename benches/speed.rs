//! What costs the same in every account. `cargo bench` measures; `cargo bench -- --test` runs each once.

mod common;

use std::fmt::Write;

use azbatch::{
    BatchError, ETag, ErrorCode, Preconditions,
    condition::ConditionHeaders,
    job::{DEFAULT_FORCE_TIMEOUT, TerminateJob},
    rest,
};
use common::{FILM, VERSION, film, minutes_later, running_job, send, start};
use divan::{AllocProfiler, Bencher, black_box, counter::ItemsCount};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
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

const DATE: &str = "Tue, 10 Feb 2026 07:59:59 GMT";

/// Reading the header and deciding, as a request does.
mod condition {
    use azbatch::ETag;
    use divan::{Bencher, black_box};

    use super::{DATE, conditions, start};

    fn read_and_decide(
        bencher: Bencher,
        if_match: Option<&str>,
        if_none_match: Option<&str>,
        date: Option<&str>,
    ) {
        bencher.bench(|| {
            conditions(black_box(if_match), black_box(if_none_match), black_box(date))
                .check_write(black_box(start()))
                .is_ok()
        });
    }

    #[divan::bench(sample_size = 100)]
    fn if_match(bencher: Bencher) {
        let etag = ETag::from(start()).to_string();
        read_and_decide(bencher, Some(&etag), None, None);
    }

    #[divan::bench(sample_size = 100)]
    fn date(bencher: Bencher) {
        read_and_decide(bencher, None, None, Some(DATE));
    }

    /// The two headers that may come together (H1).
    #[divan::bench(sample_size = 100)]
    fn allowed_pair(bencher: Bencher) {
        read_and_decide(bencher, None, Some("\"0x8D7CD3DD39024F5\""), Some(DATE));
    }

    /// Deciding alone, on a condition that was read before.
    #[divan::bench(sample_size = 100)]
    fn decided_alone(bencher: Bencher) {
        let preconditions = conditions(Some(&ETag::from(start()).to_string()), None, None);
        bencher.bench(|| black_box(&preconditions).check_write(black_box(start())).is_ok());
    }
}

#[divan::bench(sample_size = 100)]
fn error_body_into_a_reused_buffer(bencher: Bencher) {
    let error = BatchError::from(ErrorCode::JobBeingTerminated);
    let mut buffer = Vec::with_capacity(1024);
    bencher.bench_local(|| {
        buffer.clear();
        let id = "6a6ebce4-e376-46f0-99dd-719292f8d8a4";
        rest::error_body(
            &mut buffer,
            black_box(common::URL),
            black_box(&error),
            black_box(id),
            black_box(start()),
        );
        buffer.len()
    });
}

#[divan::bench(sample_size = 100)]
fn etag_into_a_buffer(bencher: Bencher) {
    let mut buffer = String::with_capacity(32);
    bencher.bench_local(|| {
        buffer.clear();
        write!(buffer, "{}", ETag::from(black_box(start()))).expect("a String takes everything");
        buffer.len()
    });
}

/// Divided by ten thousand, the time is a running task's share.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn terminate_10_000_running_on_1_000_nodes(bencher: Bencher) {
    let job = running_job(1_000, 10_000, 0);
    let forced = TerminateJob { force: Some(DEFAULT_FORCE_TIMEOUT), ..TerminateJob::by_user() };
    bencher
        .counter(ItemsCount::new(10_000_usize))
        .with_inputs(|| job.clone())
        .bench_local_refs(|job| job.terminate(&forced, minutes_later(1)).map(|effects| effects.len()));
}

/// Requests to a job with a hundred tasks.
mod rest_requests {
    use azbatch::{job::TerminateJob, rest::Answer};
    use divan::Bencher;

    use super::{FILM, VERSION, common, common::send_into, film, send, start};

    fn get(bencher: Bencher, path: &str) {
        let mut account = common::tasks(100);
        let target = format!("/jobs/{FILM}{path}?{VERSION}");
        bencher.bench_local(|| {
            let answer = send(&mut account, "GET", &target, b"");
            assert_eq!(answer.response.status, 200);
            answer
        });
    }

    #[divan::bench(sample_size = 10)]
    fn get_job(bencher: Bencher) {
        get(bencher, "");
    }

    #[divan::bench(sample_size = 10)]
    fn get_task(bencher: Bencher) {
        get(bencher, "/tasks/task-0000042");
    }

    /// The answer is written over the one before.
    #[divan::bench(sample_size = 10)]
    fn get_task_into_a_used_answer(bencher: Bencher) {
        let (mut account, mut answer) = (common::tasks(100), Answer::default());
        let target = format!("/jobs/{FILM}/tasks/task-0000042?{VERSION}");
        bencher.bench_local(|| {
            send_into(&mut account, "GET", &target, b"", &mut answer);
            assert_eq!(answer.response.status, 200);
        });
    }

    #[divan::bench(sample_size = 10)]
    fn get_task_counts(bencher: Bencher) {
        get(bencher, "/taskcounts");
    }

    /// The job is being terminated, so the request answers 409.
    #[divan::bench(sample_size = 10)]
    fn terminate_refused(bencher: Bencher) {
        let mut account = common::tasks(100);
        account.terminate_job(&film(), &TerminateJob::by_user(), start()).expect("an active job");
        let target = format!("/jobs/{FILM}/terminate?{VERSION}");
        bencher.bench_local(|| {
            let answer = send(&mut account, "POST", &target, b"");
            assert_eq!(answer.response.status, 409);
            answer
        });
    }
}
