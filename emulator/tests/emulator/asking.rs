//! The example `ask` against this emulator: everything is as assumed, a fault is noticed, and nothing is left.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use azbatch::Timestamp;
use serde_json::{Value, json};

use crate::{
    against::{Asked, Service, is_loopback, versioned},
    ask::{
        self,
        ledger::{Cleanup, Kind, Ledger, Left},
        options::Options,
        question::{Question, Verdict},
        questions,
        record::Secrets,
        unasked::UNASKED,
    },
    harness::{Emulator, TIMEOUT},
};

/// "a key that is not secret"
const KEY: &str = "YSBrZXkgdGhhdCBpcyBub3Qgc2VjcmV0";
const ACCOUNT: &str = "fabrikam";
const TOKEN: &str = "a-token";
const VERSION: &str = "2024-07-01.20.0";
/// The example's arguments, as JSON, for the process that runs it.
const ARGUMENTS: &str = "AZBATCH_ASK_ARGUMENTS";

/// The example in a process of its own, which is this program with this test alone.
#[test]
#[ignore = "the other tests start it"]
fn as_a_process() {
    let arguments = env::var(ARGUMENTS).expect("only the tests here start it");
    let arguments: Vec<String> = serde_json::from_str(&arguments).unwrap();
    std::process::exit(i32::from(ask::run(arguments.into_iter())));
}

/// An account to ask.
struct Asking {
    emulator: Emulator,
}

impl Asking {
    fn new(speed: &str) -> Self {
        let guard = ["--account", ACCOUNT, "--key", KEY, "--control-token", TOKEN, "--pool", "render:2:1"];
        Self { emulator: Emulator::start_guarded(&[&guard[..], &["--speed", speed]].concat()) }
    }

    fn start(&self, more: &[&str]) -> Child {
        let url = format!("http://{}", self.emulator.address);
        let whom = ["--against", &url, "--account", ACCOUNT];
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "asking::as_a_process", "--ignored", "--nocapture"])
            .env("AZURE_BATCH_ACCESS_KEY", KEY)
            .env(ARGUMENTS, json!([&whom[..], more].concat()).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn ask(&self, more: &[&str]) -> Ended {
        Ended::new(&self.start(more).wait_with_output().unwrap())
    }

    fn service(&self) -> Service {
        Service::new(&format!("http://{}", self.emulator.address), ACCOUNT, KEY).unwrap()
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let text = body.to_string();
        let (target, is_get) = (versioned(path, VERSION), method == "GET");
        let headers: &[_] = if is_get { &[] } else { &[("Content-Type", "application/json")] };
        let body = (!is_get).then_some(text.as_bytes());
        let answered = self.service().ask(&Asked { method, target: &target, headers, body }).unwrap();
        (answered.status, serde_json::from_slice(&answered.body).unwrap_or_default())
    }

    /// The ids of all jobs and job schedules.
    fn left(&self) -> Vec<String> {
        let lists = ["/jobs?$select=id", "/jobschedules?$select=id"]
            .map(|path| self.send("GET", path, &Value::Null).1);
        let items = lists.iter().flat_map(|list| list["value"].as_array().unwrap());
        items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }

    fn break_with(&self, fault: &Value) {
        let mut client = ureq::Agent::new_with_defaults()
            .post(format!("http://{}/_azbatch/faults", self.emulator.address))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .send(fault.to_string())
            .unwrap();
        assert_eq!(client.status(), 200, "{}", client.body_mut().read_to_string().unwrap());
    }
}

/// What the process did.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// The text between two others.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start)
        .and_then(|(_, rest)| rest.split_once(end))
        .unwrap_or_else(|| panic!("{start}: {text}"))
        .0
}

#[test]
fn everything_is_as_assumed_here() {
    let asking = Asking::new("40");
    let record = file("ask-record.json");
    // This emulator's clock is fast, and its check of dates has a clock of its own (U6).
    let questions: Vec<_> =
        questions::all().into_iter().filter(|question| question.rules != ["U6"]).collect();
    let mut arguments = vec!["--pool", "render", "--json", record.to_str().unwrap()];
    arguments.extend(questions.iter().map(|question| &*question.name));
    let asked = asking.ask(&arguments);
    assert_eq!(asked.code, Some(0), "{}\n{}", asked.out, asked.err);
    let count = questions.len();
    assert!(
        asked.out.contains(&format!("{count} as assumed, 0 refuted, 0 unclear, 0 skipped")),
        "{}",
        asked.out
    );
    assert_eq!(asking.left(), [""; 0]);
    assert_eq!(between(&asked.err, "they make: ", "\n"), between(&asked.err, "made: ", "\n"));

    let text = fs::read_to_string(record).unwrap();
    let host = asking.emulator.address.to_string();
    for secret in [KEY, ACCOUNT, &host, "127.0.0.1", "render", "SharedKey", "ocp-date: "] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(!asked.out.contains(KEY) && !asked.err.contains(KEY));
    let record: Value = serde_json::from_str(&text).unwrap();
    let questions = record["questions"].as_array().unwrap();
    assert_eq!(questions.len(), count);
    for question in questions {
        let conversation = question["conversation"].as_array().unwrap();
        let last = &conversation.last().unwrap()["answer"]["headers"];
        let ids: Vec<_> =
            last.as_array().unwrap().iter().filter(|header| header[0] == "request-id").collect();
        assert_eq!(ids, [&json!(["request-id", question["requestId"]])], "{question:#}");
    }
}

/// U6: by the clock of the service, as its answers show it.
#[test]
fn dates_are_as_assumed_here() {
    let asking = Asking::new("1");
    let asked = asking.ask(&["U6"]);
    assert_eq!(asked.code, Some(0), "{}\n{}", asked.out, asked.err);
    assert!(asked.out.contains("2 as assumed, 0 refuted, 0 unclear, 0 skipped"), "{}", asked.out);
    assert!(asked.err.contains("; they make: 0 jobs, 0 tasks, 0 job schedules\n"), "{}", asked.err);
    assert!(!asked.err.contains("ctrl-c"), "{}", asked.err);
}

#[test]
fn a_record_on_the_standard_output_is_alone_there() {
    let asking = Asking::new("40");
    let asked = asking.ask(&["--json", "-", "timeout-zero"]);
    assert_eq!(asked.code, Some(0), "{}\n{}", asked.out, asked.err);
    // The test harness says how many tests it runs.
    let record: Value = serde_json::from_str(&asked.out[asked.out.find('{').unwrap()..]).unwrap();
    assert_eq!(record["questions"][0]["verdict"], "as assumed");
    assert!(asked.err.contains("1 as assumed, 0 refuted, 0 unclear, 0 skipped"), "{}", asked.err);
}

/// It is noticed before anything is asked, and a file is kept until there is something to write.
#[test]
fn a_record_that_cannot_be_written_is_noticed_at_once() {
    let asking = Asking::new("40");
    let asked = asking.ask(&["--json", file("no/such/directory").to_str().unwrap(), "empty-reason"]);
    assert_eq!(asked.code, Some(2), "{}\n{}", asked.out, asked.err);
    assert!(asked.err.contains("cannot be written"), "{}", asked.err);
    assert!(!asked.err.contains("they make"), "{}", asked.err);

    let earlier = file("ask-earlier.json");
    fs::write(&earlier, "earlier").unwrap();
    let record = earlier.to_str().unwrap();
    assert_eq!(asking.ask(&["--key", "b3RoZXI=", "--json", record]).code, Some(2));
    assert_eq!(fs::read_to_string(&earlier).unwrap(), "earlier");
}

#[test]
fn who_can_read_along_is_told_apart() {
    for (url, loopback, readable) in [
        ("http://127.0.0.1:10500", true, false),
        ("http://localhost:80/", true, false),
        ("http://[::1]:80", true, false),
        ("http://127.0.0.1.example.com", false, true),
        ("http://10.0.0.1:80", false, true),
        ("https://film.westus.batch.azure.com", false, false),
    ] {
        let service = Service::new(url, ACCOUNT, KEY).unwrap();
        assert_eq!((is_loopback(url), service.is_readable_by_others()), (loopback, readable), "{url}");
        let pause = |more: &[&str]| {
            let arguments = ["--against", url, "--account", ACCOUNT, "--key", KEY];
            let arguments = arguments.iter().chain(more).map(ToString::to_string);
            Options::parse(arguments).unwrap().target.unwrap().pause
        };
        assert_eq!(pause(&[]).is_zero(), loopback, "{url}");
        assert!(pause(&["--yes"]).is_zero());
    }
}

/// An empty answer is not one of the foreseen ones.
#[test]
fn an_empty_answer_refutes_nothing() {
    let all = questions::all();
    let verdict =
        |name: &str, answer: &str| all.iter().find(|question| question.name == name).unwrap().verdict(answer);
    assert_eq!(verdict("task-that-is-too-slow", " : "), Verdict::Unclear);
    assert_eq!(verdict("task-that-is-too-slow", "UserError Slow: x"), Verdict::Refuted);
    assert_eq!(verdict("order-of-files", ""), Verdict::Unclear);
    assert_eq!(verdict("terminate-running-task", "later, "), Verdict::Unclear);
    assert_eq!(verdict("job-of-a-terminated-schedule", "active "), Verdict::Refuted);
}

/// Lists of the whole account are asked for, and what else is in them is nobody's business.
#[test]
fn a_record_has_no_jobs_of_others() {
    let asking = Asking::new("40");
    let marker = "a-foreign-secret";
    let manager = json!({
        "id": "manager",
        "commandLine": format!("/bin/sh -c \"echo {marker}\""),
        "environmentSettings": [{ "name": "PASSWORD", "value": marker }],
    });
    let foreign = json!({ "id": "production", "poolInfo": { "poolId": "none" }, "jobManagerTask": manager });
    assert_eq!(asking.send("POST", "/jobs", &foreign).0, 201);
    assert!(asking.send("GET", "/jobs?maxresults=1", &Value::Null).1.to_string().contains(marker));
    let record = file("ask-foreign.json");
    let asked =
        asking.ask(&["--json", record.to_str().unwrap(), "unknown-parameter", "U3", "basic-authorization"]);
    assert_eq!(asked.code, Some(0), "{}\n{}", asked.out, asked.err);
    assert_eq!(asking.left(), ["production"]);

    let text = fs::read_to_string(record).unwrap();
    assert!(!text.contains(marker) && !text.contains("production"), "{text}");
    let record: Value = serde_json::from_str(&text).unwrap();
    let bodies: BTreeMap<_, _> = record["questions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|question| {
            (
                question["name"].as_str().unwrap(),
                &question["conversation"].as_array().unwrap().last().unwrap()["answer"]["body"],
            )
        })
        .collect();
    for list in ["unknown-parameter", "parameter-twice"] {
        assert_eq!(
            (&bodies[list]["itemsOfOthers"], &bodies[list]["value"]),
            (&json!(1), &json!([])),
            "{list}"
        );
    }
    assert_eq!(bodies["basic-authorization"]["code"], "InvalidAuthenticationInfo");
}

#[test]
fn a_service_that_answers_otherwise_refutes_the_rule() {
    let asking = Asking::new("40");
    let fault = json!({ "method": "POST", "path": "/jobs/azbatch-ask*", "code": "JobNotActive" });
    // None of the answers that are foreseen.
    asking.break_with(&fault);
    let asked = asking.ask(&["body-where-none-is-taken"]);
    assert_eq!(asked.code, Some(1), "{}\n{}", asked.out, asked.err);
    assert!(asked.out.contains("0 as assumed, 0 refuted, 1 unclear, 0 skipped"), "{}", asked.out);

    let fault = json!({ "method": "PATCH", "path": "/jobs/azbatch-ask*", "code": "JobNotActive" });
    asking.break_with(&fault);
    let asked = asking.ask(&["R-update-disabling", "timeout-zero", "--pool", "render"]);
    assert_eq!(asked.code, Some(1), "{}\n{}", asked.out, asked.err);
    assert!(asked.out.contains("1 as assumed, 1 refuted, 0 unclear, 0 skipped"), "{}", asked.out);
    let means = "R-update-disabling: 409 JobNotActive: the cell R-update-disabling becomes this refusal";
    assert!(asked.out.contains(means), "{}", asked.out);
    assert_eq!(asking.left(), [""; 0]);
}

#[test]
fn without_a_pool_what_needs_one_is_skipped() {
    let asking = Asking::new("40");
    let asked = asking.ask(&["E3", "F4"]);
    assert_eq!(asked.code, Some(0), "{}\n{}", asked.out, asked.err);
    assert!(asked.out.contains("4 as assumed, 0 refuted, 0 unclear, 1 skipped"), "{}", asked.out);
    assert!(asked.err.contains("no task runs; 1 questions need --pool and are skipped"), "{}", asked.err);
}

#[test]
fn nothing_is_asked_if_the_account_cannot_be() {
    let asking = Asking::new("40");
    let refused = |more: &[&str]| {
        let asked = asking.ask(more);
        assert_eq!(asked.code, Some(2), "{}\n{}", asked.out, asked.err);
        asked.err
    };
    let other = "YW5vdGhlciBrZXk=";
    assert!(refused(&["--key", other]).contains("/jobs?maxresults=1 answers 403 AuthenticationFailed"));
    assert!(refused(&["--pool", "none"]).contains("/pools/none answers 404 PoolNotFound"));
    assert!(refused(&["R-fly-active"]).contains("there is no question about R-fly-active"));
    assert!(refused(&["--what"]).contains("ask [--list]"));
    assert_eq!(asking.left(), [""; 0]);
}

#[test]
fn what_cannot_be_deleted_is_said() {
    let asking = Asking::new("40");
    asking.break_with(&json!({ "count": 99, "method": "DELETE", "path": "/jobs/*", "code": "ServerBusy" }));
    let asked = asking.ask(&["empty-reason"]);
    assert_eq!(asked.code, Some(1), "{}\n{}", asked.out, asked.err);
    let left = asking.left();
    assert_eq!(left.len(), 1);
    assert!(asked.out.contains(&format!("could not be deleted: /jobs/{}\n", left[0])), "{}", asked.out);
}

/// A signal in the middle of a conversation: the expiry of a job after a minute is waited for.
#[cfg(unix)]
#[test]
fn nothing_is_left_after_ctrl_c() {
    let asking = Asking::new("1");
    let process = asking.start(&["etag-of-expiry", "running-then-completed", "--pool", "render"]);
    let start = Instant::now();
    while asking.left().is_empty() {
        assert!(start.elapsed() < TIMEOUT);
        thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
    let asked = Ended::new(&process.wait_with_output().unwrap());
    assert_eq!(asked.code, Some(1), "{}\n{}", asked.out, asked.err);
    assert!(asked.out.contains("0 as assumed, 0 refuted, 0 unclear, 1 skipped"), "{}", asked.out);
    assert!(asked.err.contains("1 questions were not asked"), "{}", asked.err);
    assert_eq!(asking.left(), [""; 0]);
}

#[test]
fn nothing_is_left_after_a_panic() {
    let asking = Asking::new("40");
    let (service, ledger) = (asking.service(), Ledger::new(Timestamp::MIN));
    let panics = || {
        let _cleanup = Cleanup::new(&service, &ledger);
        let id = ledger.note(Kind::Job);
        let job = json!({ "id": id, "poolInfo": { "poolId": "render" } });
        assert_eq!(asking.send("POST", "/jobs", &job).0, 201);
        assert_eq!(asking.left(), [id.as_str()]);
        panic!("on purpose");
    };
    let message = catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
    assert_eq!(message.downcast_ref(), Some(&"on purpose"));
    assert_eq!(asking.left(), [""; 0]);
}

/// The connection breaks off while a job is added, and the service carries the request out later.
#[test]
fn a_job_that_appears_late_is_deleted() {
    let asking = Asking::new("40");
    let (service, ledger) = (asking.service(), Ledger::new(Timestamp::MIN));
    let cleanup = Cleanup::new(&service, &ledger);
    let id = ledger.note(Kind::Job);
    assert!(matches!(&cleanup.begin()[..], [Left::MayAppear(path)] if *path == format!("/jobs/{id}")));
    let job = json!({ "id": id, "poolInfo": { "poolId": "render" } });
    assert_eq!(asking.send("POST", "/jobs", &job).0, 201);
    assert!(cleanup.finish().is_empty());
    assert_eq!(asking.left(), [""; 0]);
}

#[test]
fn a_job_that_may_still_appear_is_named() {
    let asking = Asking::new("40");
    let (service, ledger) = (asking.service(), Ledger::new(Timestamp::MIN));
    let [unanswered, refused, gone] = [(); 3].map(|()| ledger.note(Kind::Job));
    ledger.answered(&refused, 409, "AJobThatIsRefused");
    ledger.answered(&gone, 201, "");
    let left: Vec<_> = Cleanup::new(&service, &ledger).finish().iter().map(ToString::to_string).collect();
    let says = format!("may still appear, as adding it was not answered: /jobs/{unanswered}");
    assert_eq!(left, [says]);
}

#[test]
fn secrets_are_redacted_whatever_their_case() {
    let secrets = Secrets::new("https://Film.westus.batch.azure.com:443/", "Film", "a+KEY==", Some("render"));
    let text = "https://film.WestUS.batch.azure.com/jobs https://FILM.westus.batch.azure.com:443 film Render A+key== é";
    assert_eq!(secrets.redact(text), "https://HOST/jobs https://HOST ACCOUNT POOL KEY é");
}

/// The assumed rules with their kinds, and the assumed cells with what they say.
fn assumed() -> BTreeMap<String, String> {
    let mut assumed = BTreeMap::new();
    let mut states = Vec::new();
    for line in include_str!("../../../src/evidence.md").lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let id = cells[0].rsplit_once("</a>").map_or(cells[0], |(_, id)| id);
        if id == "request" {
            states = cells[1..].to_vec();
        } else if cells[0].contains("id=\"r-") {
            for (state, cell) in states.iter().zip(&cells[1..]) {
                let (answer, kind) = cell.rsplit_once(' ').unwrap();
                if kind.contains('A') {
                    assumed.insert(format!("R-{id}-{state}"), answer.to_owned());
                }
            }
        } else if cells[0].contains("<a id") && cells[1].contains('A') {
            assumed.insert(id.to_owned(), cells[1].to_owned());
        }
    }
    assumed
}

fn asked_about(questions: &[Question]) -> BTreeSet<&str> {
    questions.iter().flat_map(|question| question.rules.iter().map(String::as_str)).collect()
}

/// Each assumed rule and cell has a question, or stands among those that have none, with the reason.
#[test]
fn every_assumed_rule_has_a_question_or_a_reason() {
    let (assumed, questions) = (assumed(), questions::all());
    assert_eq!(assumed.values().filter(|kind| *kind == "A").count(), 37, "the kind A of whole rules");
    let asked = asked_about(&questions);
    let unasked: BTreeSet<&str> = UNASKED.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(unasked.len(), UNASKED.len());
    for rule in &asked {
        assert!(assumed.contains_key(*rule), "{rule} is not assumed, or does not exist");
        assert!(!unasked.contains(rule), "there is a question about {rule}");
    }
    for rule in &unasked {
        assert!(
            *rule == "R-*-enabling" || assumed.contains_key(*rule),
            "{rule} is not assumed, or does not exist"
        );
    }
    for rule in assumed.keys().filter(|rule| !rule.ends_with("-enabling")) {
        assert!(
            asked.contains(&**rule) || unasked.contains(&**rule),
            "{rule} has neither a question nor a reason"
        );
    }
}

/// What a question about a cell takes as assumed is what the cell says.
#[test]
fn questions_about_cells_assume_what_they_say() {
    let assumed = assumed();
    let all = questions::all();
    let cells = all.iter().filter(|question| question.name.starts_with("R-"));
    for question in cells {
        let says = &assumed[&question.name];
        let answer = question.assumed();
        let code = answer.split_once(' ').map_or("ok", |(_, code)| code);
        assert_eq!((code, answer.starts_with('2')), (says.as_str(), says == "ok"), "{}", question.name);
    }
}

/// Names tell questions apart, and each has answers that mean something else than the assumed one.
#[test]
fn questions_are_whole() {
    let questions = questions::all();
    let names: BTreeSet<&str> = questions.iter().map(|question| &*question.name).collect();
    assert_eq!(names.len(), questions.len());
    for question in &questions {
        assert!(question.foreseen.len() >= 2, "{}", question.name);
        let answers: BTreeSet<&str> = question.foreseen.iter().map(|foreseen| &*foreseen.answer).collect();
        assert_eq!(answers.len(), question.foreseen.len(), "{}", question.name);
    }
}
