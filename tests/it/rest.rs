//! The Rust API of `rest`: what hosts call besides `answer`.

use azbatch::{
    ErrorCode,
    rest::{self, Answer, Anyone, Guid, Prepared, Response},
};

use crate::world::{Sent, URL, World, secs, told};

/// Passes a request on as the first of an account.
fn first<T>(world: &World, sent: &Sent, then: impl FnOnce(&rest::Request<'_>) -> T) -> T {
    sent.request(world.now, Guid::from_u128(1), then)
}

/// S5: a refusal that does not depend on the account comes before it is needed.
#[test]
fn a_request_is_prepared_without_the_account() {
    let world = World::with_jobs(&["job"]);
    let prepare = |line: &str, body: &str| {
        first(&world, &Sent::new(line, body), |request| match rest::prepare(request, URL, world.now) {
            Ok(Prepared::Read(_)) => "a read".to_string(),
            Ok(Prepared::Write(_)) => "a write".to_string(),
            Ok(Prepared::File(_)) => "about a file".to_string(),
            Err(refusal) => told(&refusal),
        })
    };
    for (line, body, prepared) in [
        ("GET /jobs/none", "", "a read"),
        ("HEAD /pools/none", "", "a read"),
        ("POST /jobs/none/terminate", "", "a write"),
        ("DELETE /jobs/none", "", "a write"),
        ("DELETE /pools/none/nodes/n/files/x", "", "about a file"),
        ("GET /jobs/none/tasks/t/files?recursive=2", "", "400 InvalidQueryParameterValue"),
        ("POST /jobs/none/terminate", "{", "400 InvalidRequestBody"),
        ("GET /jobs/none?$select=colour", "", "400 InvalidQueryParameterValue"),
        ("GET /nowhere", "", "400 InvalidUri"),
    ] {
        assert_eq!(prepare(line, body), prepared, "{line} {body}");
    }
}

/// F4, I4: the time that passes until the account is there counts.
#[test]
fn a_prepared_request_can_time_out() {
    let world = World::with_jobs(&["job"]);
    let late = world.now.saturating_add(secs(31));
    for sent in [Sent::get("/jobs/job"), Sent::post("/jobs/job/terminate", "")] {
        for (now, is_in_time) in [(world.now, true), (late, false)] {
            let mut account = world.account.clone();
            let answer = first(&world, &sent, |request| {
                rest::prepare(request, URL, world.now).unwrap().answer(&mut account, now)
            });
            let told = told(&answer.response);
            assert_eq!(told == "500 OperationTimedOut", !is_in_time, "{}: {told}", sent.target);
            assert_eq!(account == world.account, answer.effects.is_empty(), "{}", sent.target);
        }
    }
}

/// Q2: what the host refuses by itself goes back like any refusal; a `HEAD` gets no body.
#[test]
fn what_the_host_refuses_goes_back_like_any_refusal() {
    const ID: &str = "9D5E47A0-0000-4000-8000-00000000aBcD";
    let world = World::new();
    let refuse = |method: &str| -> Response {
        let sent = Sent::new(&format!("{method} /pools/pool"), "").header("client-request-id", ID);
        let sent = sent.header("return-client-request-id", "true");
        first(&world, &sent, |request| rest::refuse(URL, &ErrorCode::ServerBusy.into(), request, world.now))
    };
    let (get, head) = (refuse("GET"), refuse("HEAD"));
    assert_eq!(get.headers, head.headers);
    assert_eq!(get.header("client-request-id"), Some(ID));
    assert_eq!(get.header("Content-Length"), Some(get.body.len().to_string().as_str()));
    assert!(head.body.is_empty());
}

/// Requests whose answers differ in status, headers, body and effects, for an account with a job `job`.
const DIFFERENT: [(&str, &str); 12] = [
    ("GET /jobs/job", ""),
    ("POST /jobs/job/tasks", r#"{"id":"a","commandLine":"x"}"#),
    ("GET /jobs/job/tasks", ""),
    ("POST /jobs/job/addtaskcollection", r#"{"value":[{"id":"a","commandLine":"x"}]}"#),
    ("POST /jobs/job/tasks/a/terminate", ""),
    ("HEAD /jobs/job", ""),
    ("GET /nowhere", ""),
    ("GET /pools/none/nodes/none/files", ""),
    ("POST /jobs/job/terminate", "{"),
    ("POST /jobs/job/terminate", ""),
    ("POST /jobs/job/terminate", ""),
    ("GET /jobs/none", ""),
];

/// What an answer was before does not show in what is written over it.
#[test]
fn an_answer_that_is_written_over_is_as_a_new_one() {
    let world = World::with_jobs(&["job"]);
    for before in DIFFERENT {
        let (mut account, mut answer) = (world.account.clone(), Answer::default());
        for (line, body) in [[before].as_slice(), &DIFFERENT].concat() {
            let mut twin = account.clone();
            let new = first(&world, &Sent::new(line, body), |request| {
                rest::answer_into(&mut account, request, world.now, &Anyone, &mut answer);
                rest::answer(&mut twin, request, world.now)
            });
            assert_eq!(answer, new, "{line} after {before:?}");
            assert_eq!(account, twin, "{line} after {before:?}");
        }
    }
}

/// The memory of an answer is used again.
#[test]
fn an_answer_that_is_written_over_keeps_its_memory() {
    let mut world = World::with_jobs(&["job"]);
    let mut answer = Answer::default();
    let get = Sent::get("/jobs/job")
        .header("return-client-request-id", "true")
        .header("client-request-id", "9D5E47A0-0000-4000-8000-00000000aBcD");
    let mut place = |sent: &Sent| {
        let (now, account) = (world.now, &mut world.account);
        sent.request(now, Guid::from_u128(1), |request| {
            rest::answer_into(account, request, now, &Anyone, &mut answer);
        });
        let value = answer.response.header("request-id").map(str::as_ptr);
        (answer.response.body.as_ptr(), answer.response.body.capacity(), value)
    };
    let first = place(&get);
    assert_eq!(place(&Sent::get("/nowhere")), first, "a refusal");
    assert_eq!(place(&Sent::post("/jobs/job/disable", r#"{"disableTasks":"wait"}"#)), first, "a change");
    assert_eq!(place(&get), first, "a read");
}
