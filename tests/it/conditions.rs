//! Conditional requests against the second evaluator of the fuzz target `conditions`.

use azbatch::{
    BatchError, ErrorCode, Preconditions, Timestamp,
    condition::{ConditionHeaders, Read},
};
use proptest::prelude::*;

use crate::fuzz_corpus::fuzz::conditions::{
    CHANGES, ETAG, Kind, LAST_MODIFIED, NOW, Outcome, by_the_crate, compare, instant,
};

/// Met, unmet, `*` and malformed for each header; a tag that is malformed matches nothing.
const PLAIN_VALUES: [[&str; 4]; 4] = [
    [ETAG, "0x8D7CD3DD39024F6", "*", "\"0x8D7CD3DD39024F5"],
    ["0x8D7CD3DD39024F6", ETAG, "*", "\"0x8D7CD3DD39024F5"],
    ["Sat, 21 Mar 2020 02:16:11 GMT", "Sat, 21 Mar 2020 02:16:12 GMT", "*", "Fri, 21 Mar 2020 02:16:11 GMT"],
    ["Sat, 21 Mar 2020 02:16:12 GMT", "Sat, 21 Mar 2020 02:16:11 GMT", "*", "Sun, 21 Mar 2020 02:16:12 GMT"],
];

const TAG_VALUES: [&str; 24] = [
    "",
    " \t ",
    ",",
    "0x8D7CD3DD39024F5",
    "\"0x8D7CD3DD39024F5\"",
    " \"0x8D7CD3DD39024F5\"\t",
    "W/\"0x8D7CD3DD39024F5\"",
    "W/0x8D7CD3DD39024F5",
    "w/\"0x8D7CD3DD39024F5\"",
    "0x8d7cd3dd39024f5",
    "0x08D7CD3DD39024F5",
    "0x8D7CD3DD39024F50",
    "8D7CD3DD39024F5",
    "'0x8D7CD3DD39024F5'",
    "*",
    " *,",
    "\"*\"",
    "*, \"0x1\"",
    "*, 0x8D7CD3DD39024F5",
    "\"0x1\", \"0x8D7CD3DD39024F5\", x",
    "0x1,0x2",
    "\"a,0x8D7CD3DD39024F5\"",
    "\"a,b\",,0x8D7CD3DD39024F5",
    "0x1, \"0x8D7CD3DD39024F5",
];

const DATE_VALUES: [&str; 24] = [
    "",
    "\t",
    "*",
    "x",
    "Sat, 21 Mar 2020 02:16:11 GMT",
    "Sat, 21 Mar 2020 02:16:12 GMT",
    " Sat, 21 Mar 2020 02:16:12 GMT ",
    "Sat, 21 Mar 2020 02:16:13 GMT",
    "Sun, 21 Mar 2020 02:16:12 GMT",
    "Sat, 21 Mar 2020 02:16:12 UTC",
    "Sat, 21 Mar 2020 02:16:60 GMT",
    "sat, 21 mar 2020 02:16:12 gmt",
    "Saturday, 21-Mar-20 02:16:11 GMT",
    "Saturday, 21-Mar-20 02:16:12 GMT",
    "Saturday, 21-Mar-20 02:16:13 GMT",
    "Sat, 21-Mar-20 02:16:12 GMT",
    "Friday, 31-Dec-99 23:59:59 GMT",
    "Saturday, 21-Mar-70 03:00:01 GMT",
    "Friday, 21-Mar-70 03:00:00 GMT",
    "Mon, 01 Jan 0001 00:00:00 GMT",
    "Sat, 01 Jan 0000 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Sat Mar 21 02:16:12 2020",
    "2020-03-21T02:16:12Z",
];

#[test]
fn every_subset_of_headers_with_every_plain_value() {
    let mut compared = 0;
    for subset in 0..16 {
        for choice in 0..256 {
            let value = |place: usize| {
                let chosen = (choice >> (2 * place)) & 3;
                (subset >> place & 1 == 1).then(|| PLAIN_VALUES[place][chosen])
            };
            compare(LAST_MODIFIED, [value(0), value(1), value(2), value(3)]);
            compared += 1;
        }
    }
    assert_eq!(compared, 16 * 256);
}

#[test]
fn every_pair_of_headers_with_every_odd_value() {
    for first in 0..4 {
        for second in first..4 {
            for one in odd_values(first) {
                for other in odd_values(second) {
                    let mut values = [None; 4];
                    values[first] = Some(*one);
                    values[second] = Some(*other);
                    compare(LAST_MODIFIED, values);
                }
            }
        }
    }
}

fn odd_values(header: usize) -> &'static [&'static str] {
    if header < 2 { &TAG_VALUES } else { &DATE_VALUES }
}

#[test]
fn a_resource_that_changed_at_the_edge_of_a_second() {
    for last_modified in CHANGES {
        for date in DATE_VALUES {
            compare(last_modified, [None, None, Some(date), None]);
            compare(last_modified, [None, None, None, Some(date)]);
        }
    }
}

/// H4 in numbers: the second of the change is not later than itself, whatever its fraction.
#[test]
fn dates_compare_with_whole_seconds() {
    let at = |fraction: &str| instant(&format!("2020-03-21T02:16:12{fraction}Z"));
    let date = instant("2020-03-21T02:16:12Z");
    for fraction in ["", ".0000001", ".9999999"] {
        let since = Preconditions::IfModifiedSince(date);
        assert_eq!(since.check_read(at(fraction)), Ok(Read::NotModified));
        assert_eq!(since.check_write(at(fraction)), Err(ErrorCode::ConditionNotMet.into()));
        let unmodified = Preconditions::IfUnmodifiedSince(date);
        assert_eq!(unmodified.check_read(at(fraction)), Ok(Read::Modified));
        assert_eq!(unmodified.check_write(at(fraction)), Ok(()));
    }
}

/// H1 and S5 by name: which headers go together, and which refusal comes first.
#[test]
fn headers_that_do_not_go_together_are_refused_before_their_values() {
    let too_many = Outcome::Refused(ErrorCode::MultipleConditionHeadersNotSupported);
    let bad = Outcome::Refused(ErrorCode::InvalidHeaderValue);
    for (values, expected) in [
        ([Some(ETAG), Some("x"), None, None], &too_many),
        ([Some(ETAG), None, Some("x"), None], &too_many),
        ([None, Some("x"), None, Some("x")], &too_many),
        ([None, None, Some("x"), Some("x")], &too_many),
        ([Some(ETAG), Some("x"), Some("x"), Some("x")], &too_many),
        ([Some(ETAG), None, None, Some("x")], &Outcome::GoAhead),
        ([None, Some("x"), Some("x"), None], &Outcome::GoAhead),
        ([None, None, Some("x"), None], &bad),
        ([None, None, None, Some("x")], &bad),
        ([Some(""), Some(" "), Some("\t"), Some("x")], &bad),
        ([Some(" "), Some("x"), Some("x"), Some("")], &Outcome::GoAhead),
        ([None; 4], &Outcome::GoAhead),
    ] {
        assert_eq!(&by_the_crate(Kind::Write, LAST_MODIFIED, values), expected, "{values:?}");
    }
}

/// H5: a refusal by a condition has no values of its own; H4: one by a date shows the header.
#[test]
fn refusals_say_what_is_wrong() {
    let headers = ConditionHeaders { if_match: Some(b"0x1"), ..ConditionHeaders::default() };
    let unmet = Preconditions::parse(&headers, instant(NOW)).unwrap();
    let refusal = unmet.check_write(instant(LAST_MODIFIED)).unwrap_err();
    assert_eq!((refusal.code.status(), refusal.values), (412, vec![]));

    let headers = ConditionHeaders { if_unmodified_since: Some(b"x"), ..ConditionHeaders::default() };
    let refusal = Preconditions::parse(&headers, instant(NOW)).unwrap_err();
    assert_eq!(refusal, BatchError::invalid_header("If-Unmodified-Since", b"x"));
    assert_eq!(refusal.code.status(), 400);
}

proptest! {
    #[test]
    fn any_mixture_of_tags_and_quotes(
        match_value in proptest::option::of(tag_lists()),
        none_match_value in proptest::option::of(tag_lists()),
        date in proptest::option::of(proptest::sample::select(&DATE_VALUES[..])),
    ) {
        let (one, other) = (match_value.as_deref(), none_match_value.as_deref());
        compare(LAST_MODIFIED, [one, None, None, None]);
        compare(LAST_MODIFIED, [None, other, None, None]);
        compare(LAST_MODIFIED, [one, other, date, None]);
        compare(LAST_MODIFIED, [None, other, date, None]);
    }

    #[test]
    fn any_date_near_the_change(offset in -90_000_000_i64..90_000_000) {
        let ticks = instant(LAST_MODIFIED).ticks().saturating_add_signed(offset * 100);
        let date = Timestamp::from_ticks(ticks).unwrap().rfc1123().to_string();
        compare(LAST_MODIFIED, [None, None, Some(&date), None]);
        compare(LAST_MODIFIED, [None, None, None, Some(&date)]);
    }
}

fn tag_lists() -> impl Strategy<Value = String> {
    let pieces = [ETAG, "\"", ",", " ", "\t", "*", "W/", "w/", "0x8D7CD3DD39024F6", "x", "é"];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..9)
        .prop_map(|parts| parts.concat())
}
