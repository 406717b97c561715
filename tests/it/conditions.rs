//! Conditional requests against a second evaluator, written from the rules alone: it works on texts,
//! reads dates its own way and shares no code with the crate.

use azbatch::{
    BatchError, ErrorCode, Preconditions, Timestamp,
    condition::{ConditionHeaders, Read},
};
use proptest::prelude::*;

const LAST_MODIFIED: &str = "2020-03-21T02:16:12.2352885Z";
const NOW: &str = "2020-03-21T03:00:00Z";
const ETAG: &str = "0x8D7CD3DD39024F5";

const NAMES: [&str; 4] = ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"];

/// The values of the four headers, in the order of [`NAMES`].
type Values<'a> = [Option<&'a str>; 4];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Write,
    Read,
}

/// Every possible outcome: go ahead, 304, or a refusal.
#[derive(Debug, PartialEq)]
enum Outcome {
    GoAhead,
    NotModified,
    Refused(ErrorCode),
}

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
    for last_modified in [
        "2020-03-21T02:16:11.9999999Z",
        "2020-03-21T02:16:12Z",
        "2020-03-21T02:16:12.0000001Z",
        "2020-03-21T02:16:12.9999999Z",
        "2020-03-21T02:16:13Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00.9999999Z",
        "9999-12-31T23:59:59.9999999Z",
    ] {
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

fn instant(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(text).unwrap()
}

fn compare(last_modified: &str, values: Values<'_>) {
    for kind in [Kind::Write, Kind::Read] {
        let expected = by_the_rules(kind, last_modified, values);
        assert_eq!(
            by_the_crate(kind, last_modified, values),
            expected,
            "{kind:?} of what changed at {last_modified} with {NAMES:?} = {values:?}"
        );
    }
}

fn by_the_crate(kind: Kind, last_modified: &str, values: Values<'_>) -> Outcome {
    let [if_match, if_none_match, if_modified_since, if_unmodified_since] =
        values.map(|value| value.map(str::as_bytes));
    let headers = ConditionHeaders { if_match, if_none_match, if_modified_since, if_unmodified_since };
    let judged = Preconditions::parse(&headers, instant(NOW)).and_then(|preconditions| match kind {
        Kind::Write => preconditions.check_write(instant(last_modified)).map(|()| Read::Modified),
        Kind::Read => preconditions.check_read(instant(last_modified)),
    });
    match judged {
        Ok(Read::Modified) => Outcome::GoAhead,
        Ok(Read::NotModified) => Outcome::NotModified,
        Err(error) => Outcome::Refused(error.code),
    }
}

// From here on nothing of the crate but the names of the refusals.

fn by_the_rules(kind: Kind, last_modified: &str, values: Values<'_>) -> Outcome {
    let mut present = Vec::new();
    for (name, value) in NAMES.into_iter().zip(values) {
        if let Some(value) = value.map(without_spaces).filter(|value| !value.is_empty()) {
            present.push((name, value));
        }
    }
    let names: Vec<&str> = present.iter().map(|(name, _)| *name).collect();
    match names.join(" + ").as_str() {
        "" => return Outcome::GoAhead,
        "If-None-Match + If-Modified-Since" | "If-Match + If-Unmodified-Since" => present.truncate(1),
        _ if present.len() > 1 => {
            return Outcome::Refused(ErrorCode::MultipleConditionHeadersNotSupported);
        }
        _ => {}
    }
    let (name, value) = present[0];
    let met = if name.contains("Match") {
        let matches = has_matching_tag(value, &etag_of(last_modified), name == "If-None-Match");
        matches == (name == "If-Match")
    } else {
        let Some(date) = sortable_date(value) else {
            return Outcome::Refused(ErrorCode::InvalidHeaderValue);
        };
        (sortable_instant(last_modified) > date) == (name == "If-Modified-Since")
    };
    match (met, kind, name) {
        (true, _, _) => Outcome::GoAhead,
        (false, Kind::Read, "If-None-Match" | "If-Modified-Since") => Outcome::NotModified,
        (false, _, _) => Outcome::Refused(ErrorCode::ConditionNotMet),
    }
}

/// Known for the one instant that tags are compared for.
fn etag_of(last_modified: &str) -> String {
    String::from(if last_modified == LAST_MODIFIED { ETAG } else { "unknown" })
}

fn without_spaces(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

fn has_matching_tag(value: &str, etag: &str, weakly: bool) -> bool {
    let mut members = vec![String::new()];
    let mut quotes = 0;
    for character in value.chars() {
        quotes += usize::from(character == '"');
        if character == ',' && quotes % 2 == 0 {
            members.push(String::new());
        } else {
            members.last_mut().unwrap().push(character);
        }
    }
    let members: Vec<&str> =
        members.iter().map(|member| without_spaces(member)).filter(|member| !member.is_empty()).collect();
    let strong = [etag.to_string(), format!("\"{etag}\"")];
    let weak = format!("W/\"{etag}\"");
    members == ["*"]
        || members
            .iter()
            .any(|member| strong.contains(&(*member).to_string()) || (weakly && **member == weak))
}

/// `20200321021612` for `2020-03-21T02:16:12.2352885Z`: in this form text order is time order.
fn sortable_instant(iso8601: &str) -> String {
    iso8601[..19].chars().filter(char::is_ascii_digit).collect()
}

/// The same form for a header's date; `None` for a malformed one.
fn sortable_date(value: &str) -> Option<String> {
    let words: Vec<&str> = value.split(' ').collect();
    let (weekday, day, month, year, time, zone) = match words[..] {
        [weekday, day, month, year, time, zone] if year.len() == 4 => {
            (weekday, day, month, year.to_string(), time, zone)
        }
        [weekday, date, time, zone] => {
            let parts: Vec<&str> = date.split('-').collect();
            let [day, month, year] = parts[..] else { return None };
            (weekday, day, month, format!("??{year}"), time, zone)
        }
        _ => return None,
    };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = format!("{:02}", months.iter().position(|name| *name == month)? + 1);
    let clock: String = time.split(':').collect();
    if zone != "GMT" || time.len() != 8 || clock.len() != 6 || day.len() != 2 || year.len() != 4 {
        return None;
    }
    let rest = format!("{month}{day}{clock}");
    let (short, year) = match year.strip_prefix("??") {
        None => (true, year),
        // 50 years after NOW ends the century that two digits can mean.
        Some(digits) if *format!("20{digits}{rest}") <= *"20700321030000" => (false, format!("20{digits}")),
        Some(digits) => (false, format!("19{digits}")),
    };
    let sortable = format!("{year}{rest}");
    let fits = sortable.chars().all(|digit| digit.is_ascii_digit())
        && weekday == format!("{},", weekday_of(&year, &month, day, short)?)
        && clock[..2] < *"24"
        && clock[2..4] < *"60"
        && clock[4..] < *"60";
    fits.then_some(sortable)
}

/// By walking there from a day that is known: 0001-01-01 was a Monday. `None` if there is no such day.
fn weekday_of(year: &str, month: &str, day: &str, short: bool) -> Option<String> {
    let wanted: (u32, usize, u32) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let names = ["Mon.day", "Tue.sday", "Wed.nesday", "Thu.rsday", "Fri.day", "Sat.urday", "Sun.day"];
    let mut weekday = 0;
    for year in 1..=wanted.0 {
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, length) in lengths.into_iter().enumerate() {
            if (year, month + 1) == (wanted.0, wanted.1) {
                let name = names[(weekday + wanted.2 as usize + 6) % 7];
                let name = if short { name.split('.').next()?.to_string() } else { name.replace('.', "") };
                return (1..=length).contains(&wanted.2).then_some(name);
            }
            weekday += length as usize;
        }
    }
    None
}
