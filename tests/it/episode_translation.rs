//! `replay --against`: what must hold on a server whose times, ETags, ids and URLs are its own.

#![allow(clippy::needless_pass_by_value, reason = "the values are made in the calls")]

use azbatch::Timestamp;
use serde_json::{Value, json};

use crate::episode::{
    Action, Episode,
    expect::{Came, Expect, Part},
    ordered::Ordered,
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
    translation.compare("/jobs/film", &expect(expected), &came).err().map(|difference| difference.to_string())
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
    // What differed is no pair.
    assert_eq!(difference(&mut pairs, etag(second), &[], came(two)), None);
    assert_eq!(difference(&mut pairs, etag(first), &[], came(one)), None);
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
        assert_eq!(pairs.header("/jobs/film", "If-Match", sent, at, at), arrives);
        assert_eq!(pairs.header("/jobs/film", "x-mine", sent, at, at), sent);
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
    let since = |value: &str| pairs.header("/jobs/film", "if-modified-since", value, at, now);
    assert_eq!(since(modified), theirs);
    assert_eq!(since("Tue, 10 Feb 2026 09:00:00 GMT"), "Sat, 28 Nov 2026 15:00:00 GMT");
    assert_eq!(since("yesterday"), "yesterday");
    assert!(difference(&mut pairs, expected, &[("Last-Modified", "yesterday")], Value::Null).is_some());
}

/// Two resources that were modified in one second of the episode need not have been at the server.
#[test]
fn conditions_name_the_time_of_their_resource() {
    let mut pairs = translation();
    let at = Timestamp::parse_iso8601("2026-02-10T08:00:00Z").unwrap();
    let modified = "Tue, 10 Feb 2026 08:00:00 GMT";
    let times =
        [("/jobs/film", "Sat, 28 Nov 2026 13:59:58 GMT"), ("/jobs/song", "Sat, 28 Nov 2026 13:59:59 GMT")];
    for (resource, theirs) in times {
        let came = Came { status: 200, headers: vec![("last-modified", theirs)], body: b"" };
        let expected = expect(json!({ "headers": { "Last-Modified": modified } }));
        assert!(pairs.compare(resource, &expected, &came).is_ok());
    }
    for (resource, theirs) in times {
        assert_eq!(pairs.header(resource, "If-Modified-Since", modified, at, at), theirs);
    }
}

/// A name with a slash is one step of a JSON pointer (RFC 6901).
#[test]
fn pointers_are_escaped() {
    let (expected, came) = (json!({ "a/b~c": { "d": 1 } }), json!({ "a/b~c": { "d": 2 } }));
    let why = "the body at /a~1b~0c/d: expected 1, came 2";
    for part in ["contains", "json"] {
        let found = difference(&mut translation(), json!({ part: expected }), &[], came.clone());
        assert_eq!(found.as_deref(), Some(why));
        let body = came.to_string();
        let answer = Came { status: 200, headers: Vec::new(), body: body.as_bytes() };
        let found = expect(json!({ part: expected })).compare(&answer).unwrap_err();
        let Part::Json(pointer) = &found.part else { panic!("{found}") };
        assert_eq!(pointer, "/a~1b~0c/d");
        let ordered: Ordered = serde_json::from_str(&body).unwrap();
        assert!(ordered.towards(pointer) == Some(ordered), "{body}");
    }
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
        pairs
            .compare(
                "/jobs/film",
                &expected,
                &Came { status: 200, headers: Vec::new(), body: body.as_bytes() },
            )
            .is_err()
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
    let expected = json!({ "headers": {
        "Content-Length": "405", "request-id": "01234567-89ab-cdef-0123-456789abcdef", "DataServiceVersion": "3.0",
        "Date": "Tue, 10 Feb 2026 08:00:00 GMT"
    } });
    let theirs = [
        ("content-length", "380"),
        ("request-id", "fedcba98-89ab-cdef-0123-456789abcdef"),
        ("dataserviceversion", "3.0"),
        ("date", "Sat, 28 Nov 2026 14:18:17 GMT"),
    ];
    assert_eq!(difference(&mut pairs, expected.clone(), &theirs, Value::Null), None);
    for (place, faulty) in ["many", "7", "4.0", "today"].into_iter().enumerate() {
        let mut came = theirs;
        came[place].1 = faulty;
        assert!(difference(&mut pairs, expected.clone(), &came, Value::Null).is_some(), "{faulty}");
    }
}
