//! Conditional requests against a second evaluator, written from the rules alone: it works on texts, reads dates its
//! own way and shares nothing with the crate but the names of the refusals.

use azbatch::{
    ErrorCode, Preconditions, Timestamp,
    condition::{ConditionHeaders, Read},
};

pub const LAST_MODIFIED: &str = "2020-03-21T02:16:12.2352885Z";
pub const NOW: &str = "2020-03-21T03:00:00Z";
pub const ETAG: &str = "0x8D7CD3DD39024F5";

pub const NAMES: [&str; 4] = ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"];

/// When what the requests are about may have changed.
pub const CHANGES: [&str; 9] = [
    LAST_MODIFIED,
    "2020-03-21T02:16:11.9999999Z",
    "2020-03-21T02:16:12Z",
    "2020-03-21T02:16:12.0000001Z",
    "2020-03-21T02:16:12.9999999Z",
    "2020-03-21T02:16:13Z",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00.9999999Z",
    "9999-12-31T23:59:59.9999999Z",
];

/// The values of the four headers, in the order of [`NAMES`].
pub type Values<'a> = [Option<&'a str>; 4];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Write,
    Read,
}

/// Every possible outcome: go ahead, 304, or a refusal.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    GoAhead,
    NotModified,
    Refused(ErrorCode),
}

/// Judges a request with these headers.
///
/// The input is text: in the first line the number of one of [`CHANGES`], then headers as HTTP writes them.
pub fn conditions(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let number: usize = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(0);
    let mut values: Values<'_> = [None; 4];
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if let Some(place) = NAMES.iter().position(|known| *known == name) {
            values[place] = Some(value);
        }
    }
    compare(CHANGES[number % CHANGES.len()], values);
}

pub fn instant(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(text).expect("an instant")
}

/// Whether the crate judges as the rules do.
///
/// # Panics
/// If it does not.
pub fn compare(last_modified: &str, values: Values<'_>) {
    for kind in [Kind::Write, Kind::Read] {
        let expected = by_the_rules(kind, last_modified, values);
        assert_eq!(
            by_the_crate(kind, last_modified, values),
            expected,
            "{kind:?} of what changed at {last_modified} with {NAMES:?} = {values:?}"
        );
    }
}

pub fn by_the_crate(kind: Kind, last_modified: &str, values: Values<'_>) -> Outcome {
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

/// The ticks in hexadecimal digits.
fn etag_of(last_modified: &str) -> String {
    format!("0x{:X}", instant(last_modified).ticks())
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
            members.last_mut().expect("the first").push(character);
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
pub fn sortable_date(value: &str) -> Option<String> {
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
    let has_colons = time.bytes().enumerate().all(|(place, byte)| (byte == b':') == (place % 3 == 2));
    if zone != "GMT"
        || time.len() != 8
        || !has_colons
        || clock.len() != 6
        || day.len() != 2
        || year.len() != 4
    {
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
