//! `azbatch` beside the crates that a user would pick instead, each doing the same work on the same input.
//! Where a peer does less, its comment says so.

use divan::AllocProfiler;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

mod given {
    use std::time::{Duration, SystemTime};

    use azbatch::Timestamp;
    use chrono::{DateTime, Utc};
    use object_store::{ObjectMeta, path::Path};

    /// When the resource was last modified: 2026-02-10T08:00:00Z, in whole seconds, which every peer can write.
    const UNIX_SECONDS: u64 = 1_770_710_400;
    pub const DATE: &str = "Tue, 10 Feb 2026 07:59:59 GMT";

    pub fn modified() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(UNIX_SECONDS)
    }

    pub fn timestamp() -> Timestamp {
        Timestamp::from(modified())
    }

    /// The resource's ETag as it stands in headers.
    pub fn etag() -> String {
        format!("\"{}\"", azbatch::ETag::from(timestamp()))
    }

    pub fn object() -> ObjectMeta {
        ObjectMeta {
            location: Path::from("jobs/film"),
            last_modified: DateTime::<Utc>::from(modified()),
            size: 0,
            e_tag: Some(etag()),
            version: None,
        }
    }
}

/// Reads `If-Match` from a request's header and decides whether the resource is the version that is meant.
mod if_match {
    use azbatch::{Preconditions, condition::ConditionHeaders};
    use divan::{Bencher, black_box};
    use headers::{ETag, Header, IfMatch};
    use http::HeaderValue;
    use object_store::GetOptions;

    use crate::given;

    #[divan::bench(sample_size = 100)]
    fn azbatch(bencher: Bencher) {
        let (modified, etag) = (given::timestamp(), given::etag());
        let header = Some(etag.as_bytes());
        bencher.bench(|| {
            let headers = ConditionHeaders { if_match: black_box(header), ..ConditionHeaders::default() };
            let read = Preconditions::parse(&headers, modified).expect("a good header");
            assert!(read.check_write(black_box(modified)).is_ok());
        });
    }

    #[divan::bench(sample_size = 100)]
    fn headers(bencher: Bencher) {
        let etag: ETag = given::etag().parse().expect("a good ETag");
        let header = HeaderValue::from_str(&given::etag()).expect("a good header");
        bencher.bench(|| {
            let read = IfMatch::decode(&mut [black_box(&header)].into_iter()).expect("a good header");
            assert!(read.precondition_passes(black_box(&etag)));
        });
    }

    /// It does not read the header, but compares texts.
    #[divan::bench(sample_size = 100)]
    fn object_store(bencher: Bencher) {
        let (object, etag) = (given::object(), given::etag());
        bencher.bench(|| {
            let read = GetOptions::new().with_if_match(Some(black_box(etag.as_str())));
            assert!(read.check_preconditions(black_box(&object)).is_ok());
        });
    }
}

/// Decides `If-Match` alone, on a header that was read before.
mod if_match_decided_alone {
    use azbatch::{Preconditions, condition::ConditionHeaders};
    use divan::{Bencher, black_box};
    use headers::{ETag, Header, IfMatch};
    use http::HeaderValue;
    use object_store::GetOptions;

    use crate::given;

    #[divan::bench(sample_size = 100)]
    fn azbatch(bencher: Bencher) {
        let (modified, etag) = (given::timestamp(), given::etag());
        let headers = ConditionHeaders { if_match: Some(etag.as_bytes()), ..ConditionHeaders::default() };
        let read = Preconditions::parse(&headers, modified).expect("a good header");
        bencher.bench(|| assert!(black_box(&read).check_write(black_box(modified)).is_ok()));
    }

    #[divan::bench(sample_size = 100)]
    fn headers(bencher: Bencher) {
        let etag: ETag = given::etag().parse().expect("a good ETag");
        let header = HeaderValue::from_str(&given::etag()).expect("a good header");
        let read = IfMatch::decode(&mut [&header].into_iter()).expect("a good header");
        bencher.bench(|| assert!(black_box(&read).precondition_passes(black_box(&etag))));
    }

    #[divan::bench(sample_size = 100)]
    fn object_store(bencher: Bencher) {
        let object = given::object();
        let read = GetOptions::new().with_if_match(Some(given::etag()));
        bencher.bench(|| assert!(black_box(&read).check_preconditions(black_box(&object)).is_ok()));
    }
}

/// Reads `If-Modified-Since` and decides whether the resource is newer.
mod if_modified_since {
    use azbatch::{
        Preconditions,
        condition::{ConditionHeaders, Read},
    };
    use chrono::{DateTime, Utc};
    use divan::{Bencher, black_box};
    use headers::{Header, IfModifiedSince};
    use http::HeaderValue;
    use object_store::GetOptions;

    use crate::given;

    #[divan::bench(sample_size = 100)]
    fn azbatch(bencher: Bencher) {
        let modified = given::timestamp();
        let header = Some(given::DATE.as_bytes());
        bencher.bench(|| {
            let headers =
                ConditionHeaders { if_modified_since: black_box(header), ..ConditionHeaders::default() };
            let read = Preconditions::parse(&headers, modified).expect("a good header");
            assert_eq!(read.check_read(black_box(modified)), Ok(Read::Modified));
        });
    }

    #[divan::bench(sample_size = 100)]
    fn headers(bencher: Bencher) {
        let modified = given::modified();
        let header = HeaderValue::from_static(given::DATE);
        bencher.bench(|| {
            let read = IfModifiedSince::decode(&mut [black_box(&header)].into_iter()).expect("a good header");
            assert!(read.is_modified(black_box(modified)));
        });
    }

    /// It has no reader of its own: `chrono`, whose dates it takes, reads the header.
    #[divan::bench(sample_size = 100)]
    fn object_store(bencher: Bencher) {
        let object = given::object();
        bencher.bench(|| {
            let date = DateTime::parse_from_rfc2822(black_box(given::DATE)).expect("a good date");
            let read = GetOptions::new().with_if_modified_since(Some(date.with_timezone(&Utc)));
            assert!(read.check_preconditions(black_box(&object)).is_ok());
        });
    }
}

/// Reads an HTTP date.
mod http_date_read {
    use azbatch::Timestamp;
    use divan::{Bencher, black_box};

    use crate::given;

    #[divan::bench(sample_size = 100)]
    fn azbatch(bencher: Bencher) {
        let now = given::timestamp();
        bencher.bench(|| Timestamp::parse_http_date(black_box(given::DATE.as_bytes()), now));
    }

    #[divan::bench(sample_size = 100)]
    fn httpdate(bencher: Bencher) {
        bencher.bench(|| ::httpdate::parse_http_date(black_box(given::DATE)));
    }
}

/// Writes an HTTP date into a buffer.
mod http_date_written {
    use std::fmt::Write;

    use divan::{Bencher, black_box};
    use httpdate::HttpDate;

    use crate::given;

    #[divan::bench(sample_size = 100)]
    fn azbatch(bencher: Bencher) {
        let (instant, mut buffer) = (given::timestamp(), String::with_capacity(64));
        bencher.bench_local(|| {
            buffer.clear();
            write!(buffer, "{}", black_box(instant).rfc1123()).expect("a String takes everything");
        });
        assert_eq!(buffer, "Tue, 10 Feb 2026 08:00:00 GMT");
    }

    #[divan::bench(sample_size = 100)]
    fn httpdate(bencher: Bencher) {
        let (instant, mut buffer) = (given::modified(), String::with_capacity(64));
        bencher.bench_local(|| {
            buffer.clear();
            write!(buffer, "{}", HttpDate::from(black_box(instant))).expect("a String takes everything");
        });
        assert_eq!(buffer, "Tue, 10 Feb 2026 08:00:00 GMT");
    }
}

/// Writes the body of a refusal into a buffer that is reused.
mod error_body {
    use std::time::Duration;

    use azbatch::{BatchError, ErrorCode, Timestamp, rest};
    use divan::{Bencher, black_box};
    use serde::Serialize;

    use crate::given;

    const URL: &str = "https://contoso.westus.batch.azure.com";
    /// With all its digits: the service does not leave out zeros at the end here.
    fn now() -> Timestamp {
        Timestamp::from(given::modified() + Duration::from_nanos(123_456_700))
    }

    const REQUEST: &str = "6a6ebce4-e376-46f0-99dd-719292f8d8a4";

    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(rename = "odata.metadata")]
        metadata: &'a str,
        code: &'a str,
        message: Message<'a>,
    }

    #[derive(Serialize)]
    struct Message<'a> {
        lang: &'a str,
        value: &'a str,
    }

    fn written_by_azbatch(buffer: &mut Vec<u8>) {
        let error = BatchError::from(black_box(ErrorCode::JobBeingTerminated));
        buffer.clear();
        rest::error_body(buffer, black_box(URL), &error, black_box(REQUEST), now());
    }

    /// The message and the metadata are texts that are made first, as code with serde does.
    fn written_by_serde_json(buffer: &mut Vec<u8>) {
        let error = black_box(ErrorCode::JobBeingTerminated);
        let (text, time) = (error.text(), now());
        buffer.clear();
        let body = Body {
            metadata: &format!(
                "{}/$metadata#Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element",
                black_box(URL)
            ),
            code: error.as_str(),
            message: Message {
                lang: "en-US",
                value: &format!("{text}\nRequestId:{}\nTime:{time}", black_box(REQUEST)),
            },
        };
        serde_json::to_writer(buffer, &body).expect("a Vec takes everything");
    }

    fn same_content() {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        written_by_azbatch(&mut ours);
        written_by_serde_json(&mut theirs);
        let read = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).expect("JSON");
        assert_eq!(read(&ours), read(&theirs));
    }

    #[divan::bench(sample_size = 100)]
    fn azbatch(bencher: Bencher) {
        let mut buffer = Vec::with_capacity(1024);
        bencher.bench_local(|| written_by_azbatch(&mut buffer));
    }

    #[divan::bench(sample_size = 100)]
    fn serde_json(bencher: Bencher) {
        same_content();
        let mut buffer = Vec::with_capacity(1024);
        bencher.bench_local(|| written_by_serde_json(&mut buffer));
    }
}

/// A job is disabled and enabled again, and each takes a tick: four steps of a state machine.
///
/// The peer makes the transitions alone. `azbatch` also decides on preconditions, keeps times and ETag, and gives
/// the facts that follow.
mod four_steps_of_a_job {
    use std::sync::Arc;

    use azbatch::{
        Job,
        job::{AddJob, DisableJob, DisableTasks, EnableJob, JobSettings, JobSpecification, JobStateName},
    };
    use divan::{Bencher, black_box};
    use statig::prelude::*;

    use crate::given;

    #[divan::bench(sample_size = 100)]
    fn azbatch(bencher: Bencher) {
        let now = given::timestamp();
        let (id, pool) = ("film".parse().expect("a good id"), "pool".parse().expect("a good id"));
        let command = AddJob {
            specification: Arc::new(JobSpecification::new(id)),
            settings: Arc::new(JobSettings::new(pool)),
            received: now,
        };
        let (mut job, _) = Job::add(&command, now).expect("a good job");
        let disable = DisableJob { disable_tasks: DisableTasks::Requeue, preconditions: Default::default() };
        let enable = EnableJob { preconditions: Default::default() };
        bencher.bench_local(|| {
            let disabling = job.disable(black_box(&disable), now).expect("an active job");
            let disabled = job.tick(now);
            assert_eq!(job.state().name(), JobStateName::Disabled);
            let enabling = job.enable(black_box(&enable), now).expect("a disabled job");
            let enabled = job.tick(now);
            assert_eq!(job.state().name(), JobStateName::Active);
            [disabling, disabled, enabling, enabled]
        });
    }

    enum Event {
        Disable,
        Enable,
        Tick,
        Terminate,
    }

    #[derive(Default)]
    struct Machine;

    #[state_machine(initial = "State::active()", state(derive(Debug, PartialEq)))]
    impl Machine {
        #[state(superstate = "living")]
        fn active(event: &Event) -> Outcome<State> {
            match event {
                Event::Disable => Transition(State::disabling()),
                Event::Enable | Event::Tick => Handled,
                Event::Terminate => Super,
            }
        }

        #[state(superstate = "living")]
        fn disabling(event: &Event) -> Outcome<State> {
            match event {
                Event::Tick => Transition(State::disabled()),
                Event::Disable | Event::Enable => Handled,
                Event::Terminate => Super,
            }
        }

        #[state(superstate = "living")]
        fn disabled(event: &Event) -> Outcome<State> {
            match event {
                Event::Enable => Transition(State::enabling()),
                Event::Disable | Event::Tick => Handled,
                Event::Terminate => Super,
            }
        }

        #[state(superstate = "living")]
        fn enabling(event: &Event) -> Outcome<State> {
            match event {
                Event::Tick => Transition(State::active()),
                Event::Disable | Event::Enable => Handled,
                Event::Terminate => Super,
            }
        }

        #[superstate]
        fn living(event: &Event) -> Outcome<State> {
            match event {
                Event::Terminate => Transition(State::terminating()),
                Event::Disable | Event::Enable | Event::Tick => Handled,
            }
        }

        #[state]
        fn terminating(event: &Event) -> Outcome<State> {
            match event {
                Event::Disable | Event::Enable | Event::Tick | Event::Terminate => Handled,
            }
        }
    }

    #[divan::bench(sample_size = 100)]
    fn statig(bencher: Bencher) {
        let mut machine = Machine.state_machine();
        bencher.bench_local(|| {
            machine.handle(black_box(&Event::Disable));
            machine.handle(black_box(&Event::Tick));
            assert_eq!(*machine.state(), State::Disabled {});
            machine.handle(black_box(&Event::Enable));
            machine.handle(black_box(&Event::Tick));
            assert_eq!(*machine.state(), State::Active {});
        });
        machine.handle(&Event::Terminate);
        assert_eq!(*machine.state(), State::Terminating {});
    }
}
