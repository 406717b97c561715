//! Anything that could come over a wire.

use azbatch::{
    Account, ErrorCode, Preconditions, Timestamp,
    job::{DeleteJob, DisableJob, DisableTasks, TerminateJob},
    rest::{self, Guid, Request},
};
use serde_json::Value;

use super::{at, checked, shifted, tick};

const URL: &str = "https://contoso.westus.batch.azure.com";

/// Sends requests to an account that has a job in every state that the API leads to.
///
/// The input is text, so that seeds can be read and written: requests as HTTP/1.1 writes them, with
/// `%%` on a line between them. A number after a target says how many seconds after the clock's
/// time the request arrived; a negative one, how many before it.
pub fn bytes(data: &[u8]) {
    let mut account = prepared();
    let mut rest = Some(data);
    for number in 0..12 {
        let Some(text) = rest.take() else { break };
        let (text, tail) = match find(text, b"\n%%\n") {
            Some(place) => (&text[..place], Some(&text[place + 4..])),
            None => (text, None),
        };
        rest = tail;
        let now = at(100 + number);
        send(&mut account, text, number.unsigned_abs().into(), now);
        tick(&mut account, now);
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Takes a line off, without its end.
fn line<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let (line, tail) = match find(text, b"\n") {
        Some(place) => (&text[..place], &text[place + 1..]),
        None => (*text, &text[text.len()..]),
    };
    *text = tail;
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn send(account: &mut Account, mut text: &[u8], number: u128, now: Timestamp) {
    let first = String::from_utf8_lossy(line(&mut text)).into_owned();
    let mut words = first.splitn(3, ' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let seconds = words.next().and_then(|word| word.trim().parse::<i32>().ok()).unwrap_or(0);
    let received = shifted(now, seconds.into());
    let mut headers = Vec::new();
    while !text.is_empty() {
        let header = line(&mut text);
        if header.is_empty() {
            break;
        }
        let colon = header.iter().position(|byte| *byte == b':').unwrap_or(header.len());
        let value = header.get(colon + 1..).unwrap_or_default();
        headers.push((String::from_utf8_lossy(&header[..colon]).into_owned(), value));
    }
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let request_id = Guid::from_u128(number);
    let request = Request { method, target, headers: &headers, body: text, received, request_id };

    let mut twin = account.clone();
    let (answer, _) = checked(account, |account| {
        let answer = rest::answer(account, &request, now);
        let effects = answer.effects.clone();
        (answer, effects)
    });
    assert_eq!(rest::answer(&mut twin, &request, now), answer, "I5");
    assert_eq!(answer.response.header("request-id"), Some(request_id.as_str()));
    for (name, value) in &answer.response.headers {
        assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{name}: {value:?}");
    }
    match answer.response.status {
        200..=204 | 304 => {
            assert!(
                answer.effects.is_empty() || !matches!(method, "GET" | "HEAD"),
                "{method} changed something"
            );
            let id = answer.response.header("DataServiceId").unwrap_or(URL);
            assert!(
                id.strip_prefix(URL).is_some_and(|path| path.is_empty() || path.starts_with('/')),
                "{id}"
            );
        }
        // A refusal of HEAD has no body, whatever its Content-Length names.
        _ if request.method == "HEAD" => {
            assert!(answer.response.body.is_empty() && answer.effects.is_empty());
        }
        _ => check_refusal(&answer),
    }
    if answer.response.status == 200 && !answer.response.body.is_empty() {
        let shown: Value = serde_json::from_slice(&answer.response.body).expect("JSON");
        if let Some(etag) = answer.response.header("ETag") {
            assert_eq!(shown.get("eTag").map_or(Some(etag), Value::as_str), Some(etag), "T1");
        }
        assert!(answer.response.body.is_ascii(), "W2");
    }
}

/// W3, H5
fn check_refusal(answer: &rest::Answer) {
    let response = &answer.response;
    assert!(answer.effects.is_empty(), "I4");
    let body: Value = serde_json::from_slice(&response.body).expect("JSON");
    let code = body.get("code").and_then(Value::as_str).expect("a code");
    let code = ErrorCode::ALL.iter().find(|known| known.as_str() == code).expect("a known code");
    assert_eq!((response.status, response.reason), (code.status(), code.text()));
    let message = body.pointer("/message/value").and_then(Value::as_str).expect("a message");
    assert_eq!(message.lines().next(), Some(code.text()));
    assert_eq!(response.header("Content-Length"), Some(response.body.len().to_string().as_str()));
    for name in ["ETag", "Last-Modified", "DataServiceId", "Location"] {
        assert_eq!(response.header(name), None, "{name}");
    }
    assert!(response.body.is_ascii(), "W2");
}

/// Jobs `film` (active, with a task on a node and one that waits), `ending`, `done`, `gone` (being
/// deleted) and `paused` (disabled); pool `attic` with a node.
fn prepared() -> Account {
    let mut account = Account::new(URL);
    let now = at(0);
    let post = |account: &mut Account, path: &str, body: &str| {
        let target = format!("{path}?api-version=2025-06-01");
        let headers = [("Content-Type", b"application/json".as_slice())];
        let (body, request_id) = (body.as_bytes(), Guid::from_u128(0));
        let request =
            Request { method: "POST", target: &target, headers: &headers, body, received: now, request_id };
        assert_eq!(rest::answer(account, &request, now).response.status, 201, "{path}");
    };
    for id in ["film", "ending", "gone"] {
        let extra = r#""jobPreparationTask":{"commandLine":"p"},"jobReleaseTask":{"commandLine":"r"}"#;
        post(&mut account, "/jobs", &format!(r#"{{"id":"{id}","poolInfo":{{"poolId":"studio"}},{extra}}}"#));
    }
    for id in ["done", "paused"] {
        post(&mut account, "/jobs", &format!(r#"{{"id":"{id}","poolInfo":{{"poolId":"studio"}}}}"#));
    }
    let (pool, node) = ("studio".parse().expect("an id"), "tvm-1".parse().expect("an id"));
    account.add_unmanaged_node(&pool, &node, 4, now).expect("a new node");
    for id in ["film", "ending", "gone"] {
        for task in ["frame-1", "frame-2"] {
            let body = format!(r#"{{"id":"{task}","commandLine":"render"}}"#);
            post(&mut account, &format!("/jobs/{id}/tasks"), &body);
        }
        let (job, task) = (id.parse().expect("an id"), "frame-1".parse().expect("an id"));
        account.assign(&job, &task, &node, now).expect("a free slot");
    }
    for id in ["ending", "done"] {
        let job = id.parse().expect("an id");
        account.terminate_job(&job, &TerminateJob::by_user(), now).expect("an active job");
    }
    account.delete_job(&"gone".parse().expect("an id"), &DeleteJob::default(), now).expect("an active job");
    let disable = DisableJob { disable_tasks: DisableTasks::Requeue, preconditions: Preconditions::None };
    let pool = r#"{"id":"attic","vmSize":"standard_d1_v2","targetDedicatedNodes":1,"virtualMachineConfiguration":{"imageReference":{},"nodeAgentSKUId":"a"}}"#;
    post(&mut account, "/pools", pool);
    account
        .add_node(&"attic".parse().expect("an id"), &"tvm-2".parse().expect("an id"), now)
        .expect("a new node");
    account.disable_job(&"paused".parse().expect("an id"), &disable, now).expect("an active job");
    tick(&mut account, now);
    account
}
