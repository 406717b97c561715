//! The client of the examples: what it signs is accepted, and what goes wrong is said.

use crate::{
    against::{Answered, Asked, Service, Unanswered, versioned},
    harness::Emulator,
};

/// "a key that is not secret"
const KEY: &str = "YSBrZXkgdGhhdCBpcyBub3Qgc2VjcmV0";
/// "another key"
const OTHER_KEY: &str = "YW5vdGhlciBrZXk=";
const VERSION: &str = "2024-07-01.20.0";
const JOB: &[u8] = br#"{"id":"film","poolInfo":{"poolId":"pool-1"}}"#;

fn emulator() -> Emulator {
    Emulator::start_guarded(&["--account", "contoso", "--key", KEY])
}

fn service(emulator: &Emulator, account: &str, key: &str) -> Service {
    Service::new(&format!("http://{}/", emulator.address), account, key).unwrap()
}

fn ask(service: &Service, method: &str, target: &str, body: Option<&[u8]>) -> Answered {
    let headers = [("Content-Type", "application/json"), ("return-client-request-id", "true")];
    let headers = if body.is_some() { &headers[..] } else { &headers[1..] };
    service.ask(&Asked { method, target: &versioned(target, VERSION), headers, body }).unwrap()
}

/// U3: requests with and without a body, with escapes and with a query, in every method.
#[test]
fn what_it_signs_is_accepted() {
    let emulator = emulator();
    let service = service(&emulator, "contoso", KEY);
    let added = ask(&service, "POST", "/jobs", Some(JOB));
    assert_eq!(added.status, 201);
    let etag = added.header("ETAG").unwrap().to_owned();
    let film = ask(&service, "GET", "/jobs/film?$select=id,state", None);
    assert_eq!((film.status, film.header("etag")), (200, Some(etag.as_str())));
    let metadata = format!("http://{}/$metadata#jobs/@Element", emulator.address);
    let shown =
        format!("{{\r\n  \"odata.metadata\":\"{metadata}\",\"id\":\"film\",\"state\":\"active\"\r\n}}");
    assert_eq!(String::from_utf8(film.body).unwrap(), shown);
    assert_eq!(ask(&service, "GET", "/jobs?$filter=id%20eq%20%27film%27", None).status, 200);
    assert_eq!(ask(&service, "HEAD", "/jobschedules/none", None).status, 404);
    assert_eq!(ask(&service, "PATCH", "/jobs/film", Some(br#"{"priority":7}"#)).status, 200);
    assert_eq!(ask(&service, "POST", "/jobs/film/terminate", Some(b"")).status, 202);
    assert_eq!(ask(&service, "DELETE", "/jobs/film", None).status, 202);
}

#[test]
fn a_wrong_key_and_another_account_are_refused() {
    let emulator = emulator();
    for (account, key) in [("contoso", OTHER_KEY), ("fabrikam", KEY)] {
        let answer = ask(&service(&emulator, account, key), "GET", "/jobs", None);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (403, Some("application/json;odata=minimalmetadata"))
        );
    }
}

/// The request is as it was given: also a header that the client would set by itself.
#[test]
fn headers_that_are_given_are_sent() {
    let emulator = emulator();
    let headers = [("OCP-Date", "Tue, 10 Feb 2026 08:00:00 GMT")];
    let asked =
        Asked { method: "GET", target: "/jobs?api-version=2024-07-01.20.0", headers: &headers, body: None };
    let answer = service(&emulator, "contoso", KEY).ask(&asked).unwrap();
    assert_eq!(answer.status, 403);
    assert!(String::from_utf8(answer.body).unwrap().contains("Request date header too old"));
}

#[test]
fn what_goes_wrong_is_said() {
    let refused = |url: &str, key: &str| Service::new(url, "contoso", key).err().unwrap().to_string();
    for url in ["localhost", "ftp://localhost", "http://", "http://localhost/batch", "http://a@localhost"] {
        assert_eq!(refused(url, KEY), "an address is http://HOST:PORT or https://HOST, without a path");
    }
    assert_eq!(refused("http://localhost", "no key"), "an account key is base64 of at least one byte");

    let service = Service::new("http://127.0.0.1:1", "contoso", KEY).unwrap();
    let get = |target| service.ask(&Asked { method: "GET", target, headers: &[], body: None }).unwrap_err();
    assert!(matches!(get("/jobs"), Unanswered::Connection(_)));
    assert!(matches!(get("/a b"), Unanswered::Request(_)));
}
