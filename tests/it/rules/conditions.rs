//! Conditional headers: H1 to H5.

use azbatch::Timestamp;

use super::{World, plain};
use crate::world::{Headers, told};

const DATE: &str = "Tue, 10 Feb 2026 08:00:00 GMT";

const EARLIER: &str = "Tue, 10 Feb 2026 07:59:59 GMT";

const LATER: &str = "Tue, 10 Feb 2026 08:00:01 GMT";

/// A job that was made half a second after 8:00, and its ETag.
fn conditional() -> (World, String) {
    let mut world = World::empty();
    world.on(Timestamp::parse_iso8601("2026-02-10T08:00:00.5Z").unwrap()).add_job("job", plain);
    let etag = world.job().etag().to_string();
    (world, etag)
}

/// What a termination under these headers answers. `TAG` stands for the job's ETag.
fn write(headers: Headers<'_>) -> String {
    asked("POST /jobs/job/terminate", headers)
}

/// What a read under these headers answers.
fn read(headers: Headers<'_>) -> String {
    asked("GET /jobs/job", headers)
}

fn asked(line: &str, headers: Headers<'_>) -> String {
    let (mut world, etag) = conditional();
    let headers: Vec<(&str, String)> =
        headers.iter().map(|(name, value)| (*name, value.replace("TAG", &etag))).collect();
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.rest(line, &headers, "")
}

/// H1
#[test]
fn a_tag_overrides_its_date_and_other_pairs_are_refused() {
    let unmet_dates = [("If-Modified-Since", LATER), ("If-Unmodified-Since", EARLIER)];
    assert_eq!(write(&[("If-None-Match", "0x1"), unmet_dates[0]]), "202");
    assert_eq!(write(&[("If-Match", "TAG"), unmet_dates[1]]), "202");
    assert_eq!(write(&[("If-None-Match", "0x1"), ("If-Modified-Since", "no date")]), "202");
    let met = [
        ("If-Match", "TAG"),
        ("If-None-Match", "0x1"),
        ("If-Modified-Since", EARLIER),
        ("If-Unmodified-Since", LATER),
    ];
    for (first, second) in [(0, 1), (0, 2), (1, 3), (2, 3)] {
        let refused = "400 MultipleConditionHeadersNotSupported";
        assert_eq!(write(&[met[first], met[second]]), refused, "{first} and {second}");
    }
    assert_eq!(write(&met), "400 MultipleConditionHeadersNotSupported");
}

/// H1, H4: they are not read, because the resource does not exist yet.
#[test]
fn conditions_on_an_addition_are_ignored() {
    let headers = [
        ("If-Match", "0x1"),
        ("If-None-Match", "*"),
        ("If-Modified-Since", "yesterday"),
        ("If-Modified-Since", "tomorrow"),
    ];
    let (mut world, _) = conditional();
    for (line, body) in [
        ("POST /jobs", r#"{"id":"other","poolInfo":{"poolId":"pool"}}"#),
        ("POST /jobs/job/tasks", r#"{"id":"t","commandLine":"c"}"#),
    ] {
        assert_eq!(world.rest(line, &headers, body), "201", "{line}");
    }
}

/// H2
#[test]
fn an_unmet_condition_is_412_on_a_write_and_may_be_304_on_a_read() {
    for (name, met, unmet, unmet_read) in [
        ("If-Match", "TAG", "0x1", "412 ConditionNotMet"),
        ("If-None-Match", "0x1", "TAG", "304"),
        ("If-Modified-Since", EARLIER, DATE, "304"),
        ("If-Unmodified-Since", DATE, EARLIER, "412 ConditionNotMet"),
    ] {
        assert_eq!((write(&[(name, met)]), read(&[(name, met)])), ("202".into(), "200".into()), "{name}");
        assert_eq!(write(&[(name, unmet)]), "412 ConditionNotMet", "{name}");
        assert_eq!(read(&[(name, unmet)]), unmet_read, "{name}");
    }
    let (mut world, etag) = conditional();
    let response = world.answer("GET /jobs/job", &[("If-None-Match", &etag)], "");
    assert_eq!(
        (response.status, response.body.len(), response.header("ETag")),
        (304, 0, Some(etag.as_str()))
    );
}

/// H3
#[test]
fn tags_come_bare_or_quoted_alone_or_in_lists() {
    for (tags, matches, matches_weakly) in [
        ("TAG", true, true),
        ("\"TAG\"", true, true),
        ("*", true, true),
        ("0x1, \"TAG\"", true, true),
        ("0x1,\"0x2\"", false, false),
        ("W/\"TAG\"", false, true),
        ("\"TAGF\"", false, false),
    ] {
        assert_eq!(write(&[("If-Match", tags)]) == "202", matches, "If-Match: {tags}");
        assert_eq!(write(&[("If-None-Match", tags)]) != "202", matches_weakly, "If-None-Match: {tags}");
    }
    let (mut world, etag) = conditional();
    let lower = etag.to_lowercase();
    assert_ne!(etag, lower);
    assert_eq!(world.rest("POST /jobs/job/terminate", &[("If-Match", &lower)], ""), "412 ConditionNotMet");
    let absent = world.rest("POST /jobs/no/terminate", &[("If-Match", "*")], "");
    assert_eq!(absent, "404 JobNotFound");
}

/// H4: dates.
#[test]
fn dates_are_compared_in_seconds() {
    for (date, modified_since) in [(EARLIER, true), (DATE, false), (LATER, false)] {
        assert_eq!(write(&[("If-Modified-Since", date)]) == "202", modified_since, "{date}");
        assert_eq!(write(&[("If-Unmodified-Since", date)]) == "202", !modified_since, "{date}");
    }
    for date in ["no date", "2026-02-10T08:00:00Z", "Mon, 10 Feb 2026 08:00:00 GMT"] {
        assert_eq!(write(&[("If-Modified-Since", date)]), "400 InvalidHeaderValue", "{date}");
    }
}

/// H4: malformed, empty and repeated headers.
#[test]
fn malformed_tags_match_nothing_and_empty_headers_are_absent() {
    for tags in ["\"TAG", "*, TAG x", "any"] {
        assert_eq!(write(&[("If-Match", tags)]), "412 ConditionNotMet", "{tags}");
    }
    for name in ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"] {
        assert_eq!(write(&[(name, " ")]), "202", "{name}");
    }
    assert_eq!(write(&[("If-Match", "0x1"), ("If-Match", "TAG")]), "202", "two headers are one list");
    assert_eq!(write(&[("If-None-Match", "0x1"), ("If-None-Match", "TAG")]), "412 ConditionNotMet");
    for (name, value) in [("If-Modified-Since", EARLIER), ("ocp-date", DATE)] {
        assert_eq!(write(&[(name, value)]), "202", "{name}");
        assert_eq!(write(&[(name, ""), (name, value)]), "202", "{name}");
        assert_eq!(write(&[(name, value), (name, value)]), "400 InvalidHeaderValue", "{name}");
    }
    assert_eq!(write(&[("Content-Type", "a"), ("Content-Type", "b")]), "202", "there is no body");
    let (mut world, _) = conditional();
    assert_eq!(world.rest("POST /jobs/job/terminate", &[("content-type", "")], "{}"), "202");
}

/// H5
#[test]
fn the_refusal_of_a_condition_carries_no_etag() {
    let (mut world, _) = conditional();
    for line in ["POST /jobs/job/terminate", "GET /jobs/job"] {
        let response = world.answer(line, &[("If-Match", "0x1")], "");
        assert_eq!((told(&response), response.header("ETag")), ("412 ConditionNotMet".into(), None));
        assert_eq!(response.header("Last-Modified"), None);
    }
}
