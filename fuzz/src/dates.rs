//! Instants, dates and spans of time, read from any text.

use azbatch::{ETag, TimeSpan, Timestamp};

use super::conditions::{NOW, instant, sortable_date};

/// Reads a text as everything that is a time. What is read is written so that it is read again as the same, and agrees
/// with a second reader that counts days.
pub fn dates(data: &[u8]) {
    let now = instant(NOW);
    header_date(data, now);
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(read) = Timestamp::parse_iso8601(text) {
        for written in [read.iso8601().to_string(), read.iso8601_padded().to_string(), read.to_string()] {
            assert_eq!(Timestamp::parse_iso8601(&written), Ok(read), "{text} as {written}");
        }
        let second = read.truncate_to_second();
        let written = read.rfc1123().to_string();
        assert_eq!(Timestamp::parse_rfc1123(&written), Ok(second), "{text} as {written}");
        assert_eq!(ETag::parse(&ETag::from(read).to_string()), Some(ETag::from(read)));
    }
    if let Some(ticks) = counted_ticks(text) {
        let read = Timestamp::parse_iso8601(text).map(Timestamp::ticks);
        assert_eq!(read, Ok(ticks), "{text}");
    }
    if let Ok(span) = TimeSpan::parse(text) {
        assert_eq!(TimeSpan::parse(&span.to_string()), Ok(span), "{text} as {span}");
    }
    if let Some(etag) = ETag::parse(text) {
        assert_eq!(etag.to_string(), text);
    }
}

/// The date of a header: the second reader must find the same one, or none.
fn header_date(data: &[u8], now: Timestamp) {
    let read = Timestamp::parse_http_date(data, now).ok();
    let text = std::str::from_utf8(data).ok();
    let expected = text.and_then(sortable_date).map(|sortable| {
        let part = |from: usize, to: usize| &sortable[from..to];
        let (days, time) = ([part(0, 4), part(4, 6), part(6, 8)], [part(8, 10), part(10, 12), part(12, 14)]);
        format!("{}T{}Z", days.join("-"), time.join(":"))
    });
    // There is no year 0.
    let expected = expected.filter(|text| !text.starts_with("0000")).map(|text| instant(&text));
    assert_eq!(read, expected, "{:?}", String::from_utf8_lossy(data));
}

/// The ticks of an instant of the form `2020-03-21T02:16:12.2352885Z`, by counting days.
fn counted_ticks(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let numbers = |text: &str, separator: char, lengths: [usize; 3]| -> Option<[u64; 3]> {
        let parts: Vec<&str> = text.split(separator).collect();
        let fits = |(part, length): (&&str, usize)| {
            part.len() == length && part.bytes().all(|digit| digit.is_ascii_digit())
        };
        if parts.len() != 3 || !parts.iter().zip(lengths).all(fits) {
            return None;
        }
        Some([parts[0].parse().ok()?, parts[1].parse().ok()?, parts[2].parse().ok()?])
    };
    let ([year, month, day], [hour, minute, second]) =
        (numbers(date, '-', [4, 2, 2])?, numbers(time, ':', [2, 2, 2])?);
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) || !(1..=7).contains(&fraction.len()) {
        return None;
    }
    let leap = |year: u64| (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let length = |year: u64, month: u64| match month {
        2 => 28 + u64::from(leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let is_there = year > 0 && (1..=12).contains(&month) && (1..=length(year, month)).contains(&day);
    if !is_there || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years: u64 = (1..year).map(|year| 365 + u64::from(leap(year))).sum();
    let months: u64 = (1..month).map(|month| length(year, month)).sum();
    let seconds = (((years + months + day - 1) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 10_000_000 + format!("{fraction:0<7}").parse::<u64>().ok()?)
}
