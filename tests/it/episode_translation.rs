//! `replay --against`: what must hold on a server whose times, ETags, ids and URLs are its own.

#![allow(clippy::needless_pass_by_value, reason = "the values are made in the calls")]

use azbatch::Timestamp;
use serde_json::{Value, json};

use crate::episode::{
    Action, Episode,
    expect::{Came, Expect},
    translation::Translation,
};

const OURS: &str = "https://contoso.westus.batch.azure.com";
const THEIRS: &str = "http://127.0.0.1:9999";

fn translation() -> Translation {
    Translation::new(OURS, THEIRS)
}

fn expect(expect: Value) -> Expect {
    let step = json!({
        "at": "2026-02-10T08:00:00Z", "request": { "method": "GET", "target": "/" }, "expect": expect
    });
    let episode = json!({ "name": "n", "source": "s", "account": OURS, "steps": [step] }).to_string();
    let step = Episode::parse(&episode).unwrap().steps.remove(0);
    let Action::Request(request) = step.action else { panic!("a request") };
    request.expect
}

/// What differs between an expectation and an answer, if anything.
fn difference(
    translation: &mut Translation,
    expected: Value,
    headers: &[(&str, &str)],
    body: Value,
) -> Option<String> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let came = Came { status: 200, headers: headers.to_vec(), body: body.as_bytes() };
    translation.compare(&expect(expected), &came).err().map(|difference| difference.to_string())
}

/// The same ETag of the episode is the same one at the server, and another one is another.
#[test]
fn etags_are_compared_by_where_they_are_equal() {
    let mut pairs = translation();
    let etag = |value: &str| json!({ "contains": { "eTag": value } });
    let came = |value: &str| json!({ "eTag": value });
    let (first, second) = ("0x8DE687A00000001", "0x8DE687A00000002");
    let (one, two) = ("0x8DF4D5A72818B84", "0x8DF4D5A72818B85");
    assert_eq!(difference(&mut pairs, etag(first), &[], came(one)), None);
    assert_eq!(
        difference(&mut pairs, json!({ "headers": { "ETag": first } }), &[("etag", one)], Value::Null),
        None
    );
    let changed = "the body at /eTag: expected 0x8DE687A00000001, came 0x8DF4D5A72818B85";
    assert_eq!(difference(&mut pairs, etag(first), &[], came(two)).as_deref(), Some(changed));
    let stayed = "the body at /eTag: expected 0x8DE687A00000002, came 0x8DF4D5A72818B84";
    assert_eq!(difference(&mut pairs, etag(second), &[], came(one)).as_deref(), Some(stayed));
    assert!(difference(&mut pairs, etag(second), &[], came("none")).is_some());
}

/// A condition names the server's own ETag, also in lists and quotes, and one that no resource has stays.
#[test]
fn conditions_name_the_etags_of_the_server() {
    let mut pairs = translation();
    let at = Timestamp::parse_iso8601("2026-02-10T08:00:00Z").unwrap();
    let expected = json!({ "headers": { "ETag": "0x8DE687A00000001" } });
    assert_eq!(difference(&mut pairs, expected, &[("ETag", "0x8DF4D5A72818B84")], Value::Null), None);
    for (sent, arrives) in [
        ("0x8DE687A00000001", "0x8DF4D5A72818B84"),
        ("W/\"0x8DE687A00000001\", \"0x1\"", "W/\"0x8DF4D5A72818B84\", \"0x1\""),
        ("*", "*"),
        ("0x8de687a00000001", "0x8de687a00000001"),
    ] {
        assert_eq!(pairs.header("If-Match", sent, at, at), arrives);
        assert_eq!(pairs.header("x-mine", sent, at, at), sent);
    }
}

/// A time that an answer had is the server's, and another one is as far from now as it was.
#[test]
fn conditions_name_the_times_of_the_server() {
    let mut pairs = translation();
    let at = Timestamp::parse_iso8601("2026-02-10T08:00:00Z").unwrap();
    let now = Timestamp::parse_iso8601("2026-11-28T14:00:00Z").unwrap();
    let (modified, theirs) = ("Tue, 10 Feb 2026 08:00:00 GMT", "Sat, 28 Nov 2026 13:59:58 GMT");
    let expected = json!({ "headers": { "Last-Modified": modified } });
    assert_eq!(difference(&mut pairs, expected.clone(), &[("Last-Modified", theirs)], Value::Null), None);
    let since = |value: &str| pairs.header("if-modified-since", value, at, now);
    assert_eq!(since(modified), theirs);
    assert_eq!(since("Tue, 10 Feb 2026 09:00:00 GMT"), "Sat, 28 Nov 2026 15:00:00 GMT");
    assert_eq!(since("yesterday"), "yesterday");
    assert!(difference(&mut pairs, expected, &[("Last-Modified", "yesterday")], Value::Null).is_some());
}

#[test]
fn times_ids_and_urls_are_compared_by_their_form() {
    let mut pairs = translation();
    let expected = json!({ "json": {
        "url": format!("{OURS}/jobs/film"), "creationTime": "2026-02-10T08:00:00Z", "state": "active",
        "value": "No.\nRequestId:01234567-89ab-cdef-0123-456789abcdef\nTime:2026-02-10T08:00:00.0000000Z"
    } });
    let came = json!({
        "url": format!("{THEIRS}/jobs/film"), "creationTime": "2026-11-28T14:18:17.3387652Z", "state": "active",
        "value": "No.\nRequestId:fedcba98-89ab-cdef-0123-456789abcdef\nTime:2026-11-28T14:18:17.3387652Z"
    });
    assert_eq!(difference(&mut pairs, expected.clone(), &[], came.clone()), None);
    for (member, value) in [
        ("url", json!(format!("{THEIRS}/jobs/song"))),
        ("creationTime", json!("never")),
        ("state", json!("completed")),
        ("value", json!("Yes.\nRequestId:fedcba98-89ab-cdef-0123-456789abcdef\nTime:2026-11-28T14:18:17Z")),
        ("more", json!(1)),
    ] {
        let mut other = came.clone();
        other[member] = value;
        assert!(difference(&mut pairs, expected.clone(), &[], other).is_some(), "{member}");
    }
}

/// A body that is expected byte for byte has the same layout, and the same values but for those of the server.
#[test]
fn whole_bodies_are_compared_by_layout_too() {
    let mut pairs = translation();
    let body = |url: &str, etag: &str, time: &str| {
        format!("{{\r\n  \"url\":\"{url}/jobs/film\",\"eTag\":\"{etag}\",\"lastModified\":\"{time}\"\r\n}}")
    };
    let expected = expect(json!({ "body": body(OURS, "0x8DE687A00000001", "2026-02-10T08:00:00Z") }));
    let theirs = body(THEIRS, "0x8DF4D5A72818B84", "2026-11-28T14:18:17.3387652Z");
    let mut differs = |body: &str| {
        pairs.compare(&expected, &Came { status: 200, headers: Vec::new(), body: body.as_bytes() }).is_err()
    };
    assert!(!differs(&theirs));
    assert!(differs(&theirs.replace("\r\n", "\n")));
    assert!(differs(&theirs.replace("film", "song")));
    assert!(differs(&theirs.replace("8B84", "8B85")));
    assert!(differs(&theirs.replace("2026-11-28T14:18:17.3387652Z", "soon")));
}

/// The link of a page is the server's own, and the episode's next request follows it.
#[test]
fn links_are_those_of_the_server() {
    let mut pairs = translation();
    let link = |url: &str, query: &str| json!({ "odata.nextLink": format!("{url}/jobs?{query}") });
    let expected = json!({ "contains": link(OURS, "$skipToken=0.b&api-version=1") });
    let came = link(THEIRS, "api-version=1&$skiptoken=WyJiIl0%3D");
    assert_eq!(difference(&mut pairs, expected.clone(), &[], came), None);
    assert_eq!(
        pairs.target("/jobs?$skipToken=0.b&api-version=1"),
        "/jobs?api-version=1&$skiptoken=WyJiIl0%3D"
    );
    assert_eq!(pairs.target("/jobs?api-version=1"), "/jobs?api-version=1");
    assert!(difference(&mut pairs, expected, &[], link("http://elsewhere", "a=b")).is_some());
}

#[test]
fn lengths_and_dates_are_the_servers() {
    let mut pairs = translation();
    let expected =
        json!({ "headers": { "Content-Length": "405", "request-id": "a", "DataServiceVersion": "3.0" } });
    let came =
        |length, version| [("content-length", length), ("request-id", "b"), ("dataserviceversion", version)];
    assert_eq!(difference(&mut pairs, expected.clone(), &came("380", "3.0"), Value::Null), None);
    assert!(difference(&mut pairs, expected.clone(), &came("many", "3.0"), Value::Null).is_some());
    assert!(difference(&mut pairs, expected, &came("380", "4.0"), Value::Null).is_some());
}
