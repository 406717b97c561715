//! Instants and spans of time as the service counts them, the forms it writes them in, and clocks.
//!
//! The service's instants have the grain of .NET: 100 nanoseconds, counted from the beginning of the
//! year 1. [`Timestamp`] is that count and nothing else, because an ETag is made of it (T1). The
//! calendar is the Gregorian one throughout and UTC has no leap seconds here, as in .NET.

use core::{fmt, str::FromStr, time::Duration};

use time::OffsetDateTime;

use crate::digits::{Digits, decimals};

const TICKS_PER_SECOND: u64 = 10_000_000;
const TICKS_PER_MINUTE: u64 = 60 * TICKS_PER_SECOND;
const TICKS_PER_HOUR: u64 = 60 * TICKS_PER_MINUTE;
const TICKS_PER_DAY: u64 = 24 * TICKS_PER_HOUR;
const NANOSECONDS_PER_TICK: u32 = 100;

/// Seconds from 0001-01-01 to 1970-01-01.
const UNIX_EPOCH_SECONDS: i64 = 62_135_596_800;

/// An instant: ticks of 100 nanoseconds since 0001-01-01T00:00:00Z.
///
/// It lies between [`MIN`](Self::MIN) and [`MAX`](Self::MAX), the years 1 to 9999. It displays in the
/// form of the service's bodies, which is that of [`iso8601`](Self::iso8601).
///
/// ```
/// use azbatch::Timestamp;
///
/// let instant = Timestamp::parse_iso8601("2025-05-14T21:50:06.7850800Z")?;
/// assert_eq!(instant.to_string(), "2025-05-14T21:50:06.78508Z");
/// assert_eq!(instant.iso8601_padded().to_string(), "2025-05-14T21:50:06.7850800Z");
/// assert_eq!(instant.rfc1123().to_string(), "Wed, 14 May 2025 21:50:06 GMT");
/// # Ok::<(), azbatch::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(0);
    /// 9999-12-31T23:59:59.9999999Z.
    pub const MAX: Self = Self(3_155_378_975_999_999_999);

    /// The instant this number of ticks after 0001-01-01T00:00:00Z; `None` beyond [`MAX`](Self::MAX).
    pub const fn from_ticks(ticks: u64) -> Option<Self> {
        if ticks <= Self::MAX.0 { Some(Self(ticks)) } else { None }
    }

    /// Ticks of 100 nanoseconds since 0001-01-01T00:00:00Z, at most 3155378975999999999.
    pub const fn ticks(self) -> u64 {
        self.0
    }

    /// The same instant without what is less than a microsecond ([T9](crate::evidence#t9)).
    #[must_use]
    pub const fn truncate_to_microsecond(self) -> Self {
        Self(self.0 - self.0 % 10)
    }

    /// The beginning of the second that this instant lies in: what HTTP dates can tell
    /// ([T4](crate::evidence#t4), [H4](crate::evidence#h4)).
    #[must_use]
    pub const fn truncate_to_second(self) -> Self {
        Self(self.0 - self.0 % TICKS_PER_SECOND)
    }

    /// The instant one tick later, the least that moves an ETag ([T5](crate::evidence#t5));
    /// [`MAX`](Self::MAX) stays.
    #[must_use]
    pub const fn next_tick(self) -> Self {
        if self.0 < Self::MAX.0 { Self(self.0 + 1) } else { self }
    }

    /// The instant `span` later; `None` if it lies beyond [`MAX`](Self::MAX), as it always does with
    /// [`TimeSpan::UNLIMITED`].
    pub const fn checked_add(self, span: TimeSpan) -> Option<Self> {
        Self::from_ticks(self.0.saturating_add(span.0))
    }

    /// The instant `span` later, at most [`MAX`](Self::MAX).
    #[must_use]
    pub const fn saturating_add(self, span: TimeSpan) -> Self {
        match self.checked_add(span) {
            Some(later) => later,
            None => Self::MAX,
        }
    }

    /// How long this instant is after `earlier`; zero if it is not.
    pub const fn since(self, earlier: Self) -> TimeSpan {
        TimeSpan(self.0.saturating_sub(earlier.0))
    }

    /// The form in bodies: `2025-05-14T21:50:06.78508Z`. The fraction ends at its last digit that is
    /// not zero, and is not there when all are.
    pub fn iso8601(self) -> impl fmt::Display + Copy {
        Written(self, Self::iso8601_text)
    }

    pub(crate) fn iso8601_text(self) -> Digits {
        let mut text = self.date_and_time();
        text.fraction(self.0);
        text.push(*b"Z");
        text
    }

    /// The form in the `Time` line of an error: `2025-05-14T21:50:06.7850800Z`, always 7 digits.
    pub fn iso8601_padded(self) -> impl fmt::Display + Copy {
        Written(self, Self::iso8601_padded_text)
    }

    pub(crate) fn iso8601_padded_text(self) -> Digits {
        let mut text = self.date_and_time();
        text.push(*b".");
        text.push(decimals::<7>(self.0));
        text.push(*b"Z");
        text
    }

    /// W4: `2025-05-14T21:50:06`.
    fn date_and_time(self) -> Digits {
        let Fields { year, month, day, hour, minute, second, fraction: _ } = self.fields();
        let mut text = Digits::new();
        text.push(decimals::<4>(year));
        for (before, number) in [(b'-', month), (b'-', day), (b'T', hour), (b':', minute), (b':', second)] {
            let [tens, ones] = decimals(number);
            text.push([before, tens, ones]);
        }
        text
    }

    /// The form in headers: `Wed, 14 May 2025 21:50:06 GMT`, cut off to the second
    /// ([T4](crate::evidence#t4)).
    pub fn rfc1123(self) -> impl fmt::Display + Copy {
        Written(self, Self::rfc1123_text)
    }

    pub(crate) fn rfc1123_text(self) -> Digits {
        let Fields { year, month, day, hour, minute, second, fraction: _ } = self.fields();
        let mut text = Digits::new();
        text.push(name_at(&WEEKDAYS, self.weekday()));
        text.push(*b", ");
        text.push(decimals::<2>(day));
        text.push(*b" ");
        text.push(name_at(&MONTHS, month - 1));
        text.push(*b" ");
        text.push(decimals::<4>(year));
        for (before, number) in [(b' ', hour), (b':', minute), (b':', second)] {
            let [tens, ones] = decimals(number);
            text.push([before, tens, ones]);
        }
        text.push(*b" GMT");
        text
    }

    /// Reads `YYYY-MM-DDTHH:MM:SS`, then perhaps a dot and 1 to 7 digits, then `Z` or the offset from
    /// UTC as `+hh:mm` or `-hh:mm`, at most 14 hours. Letters are upper-case. The seconds are
    /// optional. So is everything after the date, which then means its start in UTC
    /// ([W4](crate::evidence#w4)).
    ///
    /// # Errors
    /// [`ParseError`] for any other text, for a date or a time of day that there is not, and for an
    /// instant that its offset carries out of the years 1 to 9999.
    pub fn parse_iso8601(text: &str) -> Result<Self, ParseError> {
        read_iso8601(text.as_bytes()).ok_or(ParseError::ISO8601)
    }

    /// Reads the first form of HTTP dates, `Sun, 06 Nov 1994 08:49:37 GMT`, to the letter
    /// ([H4](crate::evidence#h4)).
    ///
    /// # Errors
    /// [`ParseError`] for any other text, for a date or a time of day that there is not, and for a
    /// weekday that does not fit the date.
    pub fn parse_rfc1123(text: &str) -> Result<Self, ParseError> {
        read_rfc1123(text.as_bytes()).ok_or(ParseError::RFC1123)
    }

    /// Reads the second form of HTTP dates, `Sunday, 06-Nov-94 08:49:37 GMT`, to the letter
    /// ([H4](crate::evidence#h4)).
    ///
    /// The year meant is the latest that is in 1 to 9999 and puts the date at most 50 years ahead of
    /// `now`.
    ///
    /// ```
    /// use azbatch::Timestamp;
    ///
    /// let now = Timestamp::parse_iso8601("2025-01-01T00:00:00Z")?;
    /// let date = Timestamp::parse_rfc850("Sunday, 06-Nov-94 08:49:37 GMT", now)?;
    /// assert_eq!(date.to_string(), "1994-11-06T08:49:37Z");
    /// # Ok::<(), azbatch::ParseError>(())
    /// ```
    ///
    /// # Errors
    /// [`ParseError`] for any other text, for a date or a time of day that there is not, and for a
    /// weekday that does not fit the date in the year meant.
    pub fn parse_rfc850(text: &str, now: Self) -> Result<Self, ParseError> {
        read_rfc850(text.as_bytes(), now).ok_or(ParseError::RFC850)
    }

    /// Reads a header's date in either form, [RFC 1123](Self::parse_rfc1123) or
    /// [RFC 850](Self::parse_rfc850). The form of C's `asctime` is invalid ([H4](crate::evidence#h4)).
    ///
    /// # Errors
    /// [`ParseError`] if it is neither.
    pub fn parse_http_date(value: &[u8], now: Self) -> Result<Self, ParseError> {
        read_rfc1123(value).or_else(|| read_rfc850(value, now)).ok_or(ParseError::HTTP_DATE)
    }

    /// Monday is 0: the year 1 began with one.
    const fn weekday(self) -> u64 {
        self.0 / TICKS_PER_DAY % 7
    }

    fn fields(self) -> Fields {
        let (year, month, day) = date_of(self.0 / TICKS_PER_DAY);
        let time = self.0 % TICKS_PER_DAY;
        Fields {
            year,
            month,
            day,
            hour: time / TICKS_PER_HOUR,
            minute: time % TICKS_PER_HOUR / TICKS_PER_MINUTE,
            second: time % TICKS_PER_MINUTE / TICKS_PER_SECOND,
            fraction: time % TICKS_PER_SECOND,
        }
    }
}

impl FromStr for Timestamp {
    type Err = ParseError;

    /// As [`Timestamp::parse_iso8601`].
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse_iso8601(text)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iso8601().fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Timestamp> for OffsetDateTime {
    /// The same instant, in UTC.
    fn from(instant: Timestamp) -> Self {
        let seconds = (instant.0 / TICKS_PER_SECOND).cast_signed() - UNIX_EPOCH_SECONDS;
        let fraction = (instant.0 % TICKS_PER_SECOND).cast_signed() * i64::from(NANOSECONDS_PER_TICK);
        let since_epoch = time::Duration::seconds(seconds) + time::Duration::nanoseconds(fraction);
        Self::UNIX_EPOCH.saturating_add(since_epoch)
    }
}

impl TryFrom<OffsetDateTime> for Timestamp {
    type Error = ParseError;

    /// The tick that the instant lies in; fails for an instant that in UTC is not in the years 1 to
    /// 9999.
    fn try_from(instant: OffsetDateTime) -> Result<Self, ParseError> {
        let seconds = instant.unix_timestamp().saturating_add(UNIX_EPOCH_SECONDS);
        let fraction = u64::from(instant.nanosecond() / NANOSECONDS_PER_TICK);
        u64::try_from(seconds)
            .ok()
            .and_then(|seconds| seconds.checked_mul(TICKS_PER_SECOND)?.checked_add(fraction))
            .and_then(Self::from_ticks)
            .ok_or(ParseError::INSTANT_RANGE)
    }
}

/// A length of time: ticks of 100 nanoseconds, 0 to `i64::MAX`.
///
/// It displays as the service writes it, in days, hours, minutes and seconds.
///
/// ```
/// use azbatch::TimeSpan;
///
/// assert_eq!(TimeSpan::parse("PT01H00M00S")?.to_string(), "PT1H");
/// assert_eq!(TimeSpan::from_days(7).to_string(), "P7D");
/// assert_eq!(TimeSpan::UNLIMITED.to_string(), "P10675199DT2H48M5.4775807S");
/// # Ok::<(), azbatch::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSpan(u64);

impl TimeSpan {
    /// No time at all, `PT0S`.
    pub const ZERO: Self = Self(0);
    /// What the service says for "no limit": `i64::MAX` ticks, `P10675199DT2H48M5.4775807S`.
    pub const UNLIMITED: Self = Self(i64::MAX.cast_unsigned());

    /// This number of ticks of 100 nanoseconds; `None` beyond `i64::MAX`.
    pub const fn from_ticks(ticks: u64) -> Option<Self> {
        if ticks <= Self::UNLIMITED.0 { Some(Self(ticks)) } else { None }
    }

    /// This number of seconds, at most [`UNLIMITED`](Self::UNLIMITED).
    pub const fn from_secs(seconds: u64) -> Self {
        Self::of(seconds, TICKS_PER_SECOND)
    }

    /// This number of minutes, at most [`UNLIMITED`](Self::UNLIMITED).
    pub const fn from_mins(minutes: u64) -> Self {
        Self::of(minutes, TICKS_PER_MINUTE)
    }

    /// This number of hours, at most [`UNLIMITED`](Self::UNLIMITED).
    pub const fn from_hours(hours: u64) -> Self {
        Self::of(hours, TICKS_PER_HOUR)
    }

    /// This number of days of 24 hours, at most [`UNLIMITED`](Self::UNLIMITED).
    pub const fn from_days(days: u64) -> Self {
        Self::of(days, TICKS_PER_DAY)
    }

    const fn of(number: u64, ticks_per_unit: u64) -> Self {
        match Self::from_ticks(number.saturating_mul(ticks_per_unit)) {
            Some(span) => span,
            None => Self::UNLIMITED,
        }
    }

    /// Ticks of 100 nanoseconds, at most `i64::MAX`.
    pub const fn ticks(self) -> u64 {
        self.0
    }

    /// Whether it is exactly [`UNLIMITED`](Self::UNLIMITED).
    pub const fn is_unlimited(self) -> bool {
        self.0 == Self::UNLIMITED.0
    }

    /// W4
    pub(crate) fn text(self) -> Digits {
        let (days, time) = (self.0 / TICKS_PER_DAY, self.0 % TICKS_PER_DAY);
        let mut text = Digits::new();
        text.push(*b"P");
        push_unit(&mut text, days, b'D');
        if time > 0 || days == 0 {
            text.push(*b"T");
        }
        push_unit(&mut text, time / TICKS_PER_HOUR, b'H');
        push_unit(&mut text, time % TICKS_PER_HOUR / TICKS_PER_MINUTE, b'M');
        let seconds = time % TICKS_PER_MINUTE;
        // Something has to follow the T, so no time at all is said in seconds.
        if seconds > 0 || self.0 == 0 {
            text.number(seconds / TICKS_PER_SECOND);
            text.fraction(seconds);
            text.push(*b"S");
        }
        text
    }

    /// Reads an ISO 8601 duration: `P`, years, months and days, then perhaps `T`, hours, minutes and
    /// seconds, each at most once and at least one after `P` and after `T`. A year counts 365 days, a
    /// month 30. Seconds may have a fraction; what it has beyond 7 digits is cut off.
    ///
    /// # Errors
    /// [`ParseError`] for any other text, so also for weeks and for anything negative, and for a
    /// length beyond [`UNLIMITED`](Self::UNLIMITED).
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        read_duration(text.as_bytes()).ok_or(ParseError::DURATION)
    }
}

impl FromStr for TimeSpan {
    type Err = ParseError;

    /// As [`TimeSpan::parse`].
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

/// [W4](crate::evidence#w4)
impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text().as_str())
    }
}

impl fmt::Debug for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<TimeSpan> for Duration {
    fn from(span: TimeSpan) -> Self {
        let fraction = span.0 % TICKS_PER_SECOND * u64::from(NANOSECONDS_PER_TICK);
        Self::from_secs(span.0 / TICKS_PER_SECOND).saturating_add(Self::from_nanos(fraction))
    }
}

impl TryFrom<Duration> for TimeSpan {
    type Error = ParseError;

    /// The length in whole ticks; fails beyond [`UNLIMITED`](Self::UNLIMITED).
    fn try_from(duration: Duration) -> Result<Self, ParseError> {
        let fraction = u64::from(duration.subsec_nanos() / NANOSECONDS_PER_TICK);
        duration
            .as_secs()
            .checked_mul(TICKS_PER_SECOND)
            .and_then(|ticks| ticks.checked_add(fraction))
            .and_then(Self::from_ticks)
            .ok_or(ParseError::SPAN_RANGE)
    }
}

/// Text that is not a valid instant or duration in the required form, or a value of another type that is
/// out of range here. It displays which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct ParseError(&'static str);

impl ParseError {
    const ISO8601: Self = Self("an ISO 8601 instant, like 2025-05-14T21:50:06.78508Z");
    const RFC1123: Self = Self("an RFC 1123 date, like Sun, 06 Nov 1994 08:49:37 GMT");
    const RFC850: Self = Self("an RFC 850 date, like Sunday, 06-Nov-94 08:49:37 GMT");
    const HTTP_DATE: Self = Self("an HTTP date, like Sun, 06 Nov 1994 08:49:37 GMT");
    const DURATION: Self = Self("an ISO 8601 duration of at most P10675199DT2H48M5.4775807S, like PT15M");
    const INSTANT_RANGE: Self = Self("an instant in the years 1 to 9999");
    const SPAN_RANGE: Self = Self("a length of time of at most P10675199DT2H48M5.4775807S");
}

/// A source of the current time.
///
/// Each call into this crate reads its clock once. A clock can stand still or go back; stamps never do
/// ([T5](crate::evidence#t5)). A [`Timestamp`] is a fixed clock.
pub trait Clock {
    /// The instant it is.
    fn now(&self) -> Timestamp;
}

impl Clock for Timestamp {
    fn now(&self) -> Timestamp {
        *self
    }
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

#[cfg(feature = "std")]
impl From<std::time::SystemTime> for Timestamp {
    /// The tick that the time lies in. A time before the year 1 or after 9999 becomes the nearest that a
    /// `Timestamp` can say.
    fn from(time: std::time::SystemTime) -> Self {
        const UNIX_EPOCH: Timestamp = Timestamp(UNIX_EPOCH_SECONDS.cast_unsigned() * TICKS_PER_SECOND);
        let distance = |duration| TimeSpan::try_from(duration).unwrap_or(TimeSpan::UNLIMITED);
        match time.duration_since(std::time::SystemTime::UNIX_EPOCH) {
            Ok(after) => UNIX_EPOCH.saturating_add(distance(after)),
            Err(before) => Self(UNIX_EPOCH.0.saturating_sub(distance(before.duration()).0)),
        }
    }
}

/// The clock of the operating system.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemClock;

#[cfg(feature = "std")]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        std::time::SystemTime::now().into()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Timestamp {
    /// As text, in the form of [`iso8601`](Self::iso8601), which loses nothing.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::stored::parsed(deserializer, Self::parse_iso8601)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for TimeSpan {
    /// As text, in the form that it displays in, which loses nothing.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for TimeSpan {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::stored::parsed(deserializer, Self::parse)
    }
}

const MONTHS: [[u8; 3]; 12] = [
    *b"Jan", *b"Feb", *b"Mar", *b"Apr", *b"May", *b"Jun", *b"Jul", *b"Aug", *b"Sep", *b"Oct", *b"Nov",
    *b"Dec",
];
const WEEKDAYS: [[u8; 3]; 7] = [*b"Mon", *b"Tue", *b"Wed", *b"Thu", *b"Fri", *b"Sat", *b"Sun"];
const FULL_WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A date and a time of day as they are written. What was read may not exist;
/// [`timestamp`](Self::timestamp) checks that.
#[derive(Clone, Copy)]
struct Fields {
    year: u64,
    /// From 1.
    month: u64,
    /// From 1.
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    /// Ticks.
    fraction: u64,
}

impl Fields {
    fn timestamp(&self) -> Option<Timestamp> {
        let exists = (1..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=days_in_month(self.year, self.month)).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60;
        exists.then(|| {
            let days = days_before(self.year, self.month) + self.day - 1;
            Timestamp(
                days * TICKS_PER_DAY
                    + self.hour * TICKS_PER_HOUR
                    + self.minute * TICKS_PER_MINUTE
                    + self.second * TICKS_PER_SECOND
                    + self.fraction,
            )
        })
    }

    /// Orders the dates of one year.
    const fn place_in_year(&self) -> [u64; 5] {
        [self.month, self.day, self.hour, self.minute, self.second]
    }
}

const fn is_leap_year(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 0001-01-01 to the first of a month; the year is at least 1, the month 1 to 12.
fn days_before(year: u64, month: u64) -> u64 {
    let years = year - 1;
    let leap_days = years / 4 - years / 100 + years / 400;
    let in_year = match month {
        ..=2 => (month - 1) * 31,
        // From March on the months behave as if each had 30.6 days.
        _ => (month * 306 - 324) / 10 + u64::from(is_leap_year(year)),
    };
    years * 365 + leap_days + in_year
}

/// Year, month and day of the day that is this number of days after 0001-01-01.
///
/// It counts years from March on, so that the day which some years have more is the last one, and so that
/// the months before it behave as if each had 30.6 days.
fn date_of(days: u64) -> (u64, u64, u64) {
    const DAYS_PER_4_YEARS: u64 = 4 * 365 + 1;
    const DAYS_PER_100_YEARS: u64 = 25 * DAYS_PER_4_YEARS - 1;
    const DAYS_PER_400_YEARS: u64 = 4 * DAYS_PER_100_YEARS + 1;
    /// From March of the year 0 to the end of December.
    const DAYS_BEFORE_THE_YEAR_1: u64 = 306;
    let since_march = days + DAYS_BEFORE_THE_YEAR_1;
    let in_400 = since_march % DAYS_PER_400_YEARS;
    // A cycle's last day is a leap day: it makes a last century, and a last year, one day too long.
    let centuries = (in_400 / DAYS_PER_100_YEARS).min(3);
    let in_100 = in_400 - centuries * DAYS_PER_100_YEARS;
    let in_4 = in_100 % DAYS_PER_4_YEARS;
    let years = (in_4 / 365).min(3);
    let in_year = in_4 - years * 365;
    let month = (10 * in_year + 5) / 306;
    let day = in_year - (306 * month + 5) / 10;
    let year =
        since_march / DAYS_PER_400_YEARS * 400 + centuries * 100 + in_100 / DAYS_PER_4_YEARS * 4 + years;
    if month < 10 { (year, month + 3, day + 1) } else { (year + 1, month - 9, day + 1) }
}

/// The form of an instant that a function writes.
#[derive(Clone, Copy)]
struct Written(Timestamp, fn(Timestamp) -> Digits);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(instant, text) = self;
        f.pad(text(*instant).as_str())
    }
}

/// A count with its designator, or nothing for none.
fn push_unit(text: &mut Digits, count: u64, designator: u8) {
    if count > 0 {
        text.number(count);
        text.push([designator]);
    }
}

fn name_at(names: &[[u8; 3]], place: u64) -> [u8; 3] {
    usize::try_from(place).ok().and_then(|place| names.get(place)).copied().unwrap_or_default()
}

fn read_iso8601(text: &[u8]) -> Option<Timestamp> {
    let mut reader = Reader(text);
    let year = reader.number(4)?;
    reader.literal("-")?;
    let month = reader.number(2)?;
    reader.literal("-")?;
    let day = reader.number(2)?;
    if reader.end().is_some() {
        return Fields { year, month, day, hour: 0, minute: 0, second: 0, fraction: 0 }.timestamp(); // W4
    }
    reader.literal("T")?;
    let hour = reader.number(2)?;
    reader.literal(":")?;
    let minute = reader.number(2)?;
    let (mut second, mut fraction) = (0, 0);
    if reader.literal(":").is_some() {
        second = reader.number(2)?;
        fraction = match reader.fraction()? {
            digits if digits.len() > 7 => return None,
            digits => ticks_of_fraction(digits),
        };
    }
    let local = Fields { year, month, day, hour, minute, second, fraction }.timestamp()?;
    let utc = if reader.literal("Z").is_some() {
        local
    } else if reader.literal("+").is_some() {
        Timestamp(local.0.checked_sub(reader.offset()?)?)
    } else {
        reader.literal("-")?;
        Timestamp::from_ticks(local.0 + reader.offset()?)?
    };
    reader.end()?;
    Some(utc)
}

fn read_rfc1123(text: &[u8]) -> Option<Timestamp> {
    let [w1, w2, w3, b',', b' ', d1, d2, b' ', m1, m2, m3, b' ', y1, y2, y3, y4, b' ', time @ ..] = text
    else {
        return None;
    };
    let [h1, h2, b':', n1, n2, b':', s1, s2, b' ', b'G', b'M', b'T'] = time else { return None };
    let weekday = place_of(&WEEKDAYS, [*w1, *w2, *w3])?;
    let fields = Fields {
        year: number(&[*y1, *y2, *y3, *y4])?,
        month: place_of(&MONTHS, [*m1, *m2, *m3])? + 1,
        day: number(&[*d1, *d2])?,
        hour: number(&[*h1, *h2])?,
        minute: number(&[*n1, *n2])?,
        second: number(&[*s1, *s2])?,
        fraction: 0,
    };
    let instant = fields.timestamp()?;
    (instant.weekday() == weekday).then_some(instant)
}

fn place_of(names: &[[u8; 3]], name: [u8; 3]) -> Option<u64> {
    names.iter().position(|known| *known == name).and_then(|place| u64::try_from(place).ok())
}

/// The number that these digits write, at most 4; `None` if one of them is no digit.
fn number(digits: &[u8]) -> Option<u64> {
    let are_digits = digits.iter().all(u8::is_ascii_digit);
    are_digits.then(|| digits.iter().fold(0, |number, digit| number * 10 + value_of(*digit)))
}

fn read_rfc850(text: &[u8], now: Timestamp) -> Option<Timestamp> {
    let mut reader = Reader(text);
    let weekday = reader.name(&FULL_WEEKDAYS)?;
    reader.literal(", ")?;
    let day = reader.number(2)?;
    reader.literal("-")?;
    let month = reader.name(&MONTHS)? + 1;
    reader.literal("-")?;
    let year = reader.number(2)?;
    reader.literal(" ")?;
    let (hour, minute, second) = reader.time_of_day()?;
    reader.literal(" GMT")?;
    reader.end()?;
    let mut fields = Fields { year, month, day, hour, minute, second, fraction: 0 };
    fields.year = year_meant(&fields, &now.fields())?;
    let instant = fields.timestamp()?;
    (instant.weekday() == weekday).then_some(instant)
}

/// H4: the latest year that ends in the two digits read, is at most 9999 and puts the date at most 50
/// years ahead of now.
fn year_meant(read: &Fields, now: &Fields) -> Option<u64> {
    let latest = now.year + 50;
    let year = latest.checked_sub((latest + 100 - read.year) % 100)?;
    let too_late = year > 9999 || (year == latest && read.place_in_year() > now.place_in_year());
    if too_late { year.checked_sub(100) } else { Some(year) }
}

fn read_duration(text: &[u8]) -> Option<TimeSpan> {
    let mut parts = text.strip_prefix(b"P")?.splitn(2, |byte| *byte == b'T');
    let date = parts.next()?;
    let ticks = match parts.next() {
        None if date.is_empty() => return None,
        None => read_days(date)?,
        Some([]) => return None,
        Some(time) => read_days(date)?.checked_add(read_hours(time)?)?,
    };
    TimeSpan::from_ticks(ticks)
}

/// The ticks of years, months and days, zero if there are none.
fn read_days(date: &[u8]) -> Option<u64> {
    let mut reader = Reader(date);
    let years = reader.unit("Y", 365 * TICKS_PER_DAY)?;
    let months = reader.unit("M", 30 * TICKS_PER_DAY)?;
    let days = reader.unit("D", TICKS_PER_DAY)?;
    reader.end()?;
    years.checked_add(months)?.checked_add(days)
}

/// The ticks of hours, minutes and seconds, zero if there are none.
fn read_hours(time: &[u8]) -> Option<u64> {
    let mut reader = Reader(time);
    let hours = reader.unit("H", TICKS_PER_HOUR)?;
    let minutes = reader.unit("M", TICKS_PER_MINUTE)?;
    let seconds = if reader.0.is_empty() { 0 } else { reader.seconds()? };
    reader.end()?;
    hours.checked_add(minutes)?.checked_add(seconds)
}

/// The number that the digits write, at least one; `None` if it overflows.
fn count_of(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |count, digit| count.checked_mul(10)?.checked_add(value_of(*digit)))
}

/// Ticks that a second's decimal digits stand for, the first 7 of them.
fn ticks_of_fraction(digits: &[u8]) -> u64 {
    digits.iter().chain([b'0'; 7].iter()).take(7).fold(0, |ticks, digit| ticks * 10 + value_of(*digit))
}

fn value_of(digit: u8) -> u64 {
    u64::from(digit.saturating_sub(b'0'))
}

/// The rest of a text that is being read. What is found is taken off its front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn literal(&mut self, literal: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(literal.as_bytes())?;
        Some(())
    }

    /// The place of the first name in the list that comes next.
    fn name(&mut self, names: &[impl AsRef<[u8]>]) -> Option<u64> {
        let rest = names
            .iter()
            .enumerate()
            .find_map(|(place, name)| Some((place, self.0.strip_prefix(name.as_ref())?)));
        let (place, rest) = rest?;
        self.0 = rest;
        u64::try_from(place).ok()
    }

    /// Exactly this number of digits, at most 4.
    fn number(&mut self, width: usize) -> Option<u64> {
        let (digits, rest) = self.0.split_at_checked(width)?;
        let number = number(digits)?;
        self.0 = rest;
        Some(number)
    }

    /// `HH:MM:SS`.
    fn time_of_day(&mut self) -> Option<(u64, u64, u64)> {
        let hour = self.number(2)?;
        self.literal(":")?;
        let minute = self.number(2)?;
        self.literal(":")?;
        Some((hour, minute, self.number(2)?))
    }

    /// The ticks of `hh:mm`, at most 14 hours, which is as far as .NET and XML Schema go.
    fn offset(&mut self) -> Option<u64> {
        let hours = self.number(2)?;
        self.literal(":")?;
        let minutes = self.number(2)?;
        let ticks = hours * TICKS_PER_HOUR + minutes * TICKS_PER_MINUTE;
        (minutes < 60 && ticks <= 14 * TICKS_PER_HOUR).then_some(ticks)
    }

    /// As many digits as there are.
    fn digits(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at_checked(end).unwrap_or((self.0, &[]));
        self.0 = rest;
        digits
    }

    /// The digits after a dot: empty if there is no dot, `None` if there is only a dot.
    fn fraction(&mut self) -> Option<&'a [u8]> {
        match self.literal(".") {
            None => Some(&[]),
            Some(()) => Some(self.digits()).filter(|digits| !digits.is_empty()),
        }
    }

    /// The ticks of a count with this designator, zero if something else comes next; `None` if they
    /// overflow.
    fn unit(&mut self, designator: &str, ticks: u64) -> Option<u64> {
        let mut ahead = Reader(self.0);
        let digits = ahead.digits();
        if digits.is_empty() || ahead.literal(designator).is_none() {
            return Some(0);
        }
        self.0 = ahead.0;
        count_of(digits)?.checked_mul(ticks)
    }

    /// The ticks of a count of seconds with its fraction.
    fn seconds(&mut self) -> Option<u64> {
        let whole = count_of(self.digits())?;
        let fraction = self.fraction()?;
        self.literal("S")?;
        whole.checked_mul(TICKS_PER_SECOND)?.checked_add(ticks_of_fraction(fraction))
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        format,
        string::{String, ToString},
    };

    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_iso8601(text).unwrap()
    }

    /// Ticks, the form in bodies, the form in headers.
    const CORNERS: [(u64, &str, &str); 16] = [
        (0, "0001-01-01T00:00:00Z", "Mon, 01 Jan 0001 00:00:00 GMT"),
        (1, "0001-01-01T00:00:00.0000001Z", "Mon, 01 Jan 0001 00:00:00 GMT"),
        (50_112_000_000_000, "0001-02-28T00:00:00Z", "Wed, 28 Feb 0001 00:00:00 GMT"),
        (50_976_000_000_000, "0001-03-01T00:00:00Z", "Thu, 01 Mar 0001 00:00:00 GMT"),
        (997_056_000_000_000, "0004-02-29T00:00:00Z", "Sun, 29 Feb 0004 00:00:00 GMT"),
        (31_292_352_000_000_000, "0100-03-01T00:00:00Z", "Mon, 01 Mar 0100 00:00:00 GMT"),
        (126_227_807_999_999_999, "0400-12-31T23:59:59.9999999Z", "Sun, 31 Dec 0400 23:59:59 GMT"),
        (126_227_808_000_000_000, "0401-01-01T00:00:00Z", "Mon, 01 Jan 0401 00:00:00 GMT"),
        (599_317_056_000_000_000, "1900-03-01T00:00:00Z", "Thu, 01 Mar 1900 00:00:00 GMT"),
        (621_355_968_000_000_000, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
        (630_874_655_999_000_000, "2000-02-29T23:59:59.9Z", "Tue, 29 Feb 2000 23:59:59 GMT"),
        (637_203_537_722_352_885, "2020-03-21T02:16:12.2352885Z", "Sat, 21 Mar 2020 02:16:12 GMT"),
        (638_828_562_067_850_800, "2025-05-14T21:50:06.78508Z", "Wed, 14 May 2025 21:50:06 GMT"),
        (662_380_416_000_000_000, "2100-01-01T00:00:00Z", "Fri, 01 Jan 2100 00:00:00 GMT"),
        (662_431_392_000_000_000, "2100-03-01T00:00:00Z", "Mon, 01 Mar 2100 00:00:00 GMT"),
        (3_155_378_975_999_999_999, "9999-12-31T23:59:59.9999999Z", "Fri, 31 Dec 9999 23:59:59 GMT"),
    ];

    #[test]
    fn spans_are_made_of_units() {
        let spans =
            [TimeSpan::from_secs(3), TimeSpan::from_mins(3), TimeSpan::from_hours(3), TimeSpan::from_days(3)];
        assert_eq!(spans.map(|span| span.to_string()), ["PT3S", "PT3M", "PT3H", "P3D"]);
        let most = TimeSpan::UNLIMITED.ticks() / TICKS_PER_DAY;
        assert_eq!(TimeSpan::from_days(most).ticks(), most * TICKS_PER_DAY);
        assert_eq!(TimeSpan::from_days(most + 1), TimeSpan::UNLIMITED);
        assert_eq!(TimeSpan::from_secs(u64::MAX), TimeSpan::UNLIMITED);
    }

    #[test]
    fn corner_instants_have_their_written_forms() {
        for (ticks, iso8601, rfc1123) in CORNERS {
            let instant = Timestamp::from_ticks(ticks).unwrap();
            assert_eq!(instant.to_string(), iso8601);
            assert_eq!(format!("{instant:?}"), iso8601);
            assert_eq!(instant.rfc1123().to_string(), rfc1123);
            assert_eq!(at(iso8601), instant);
            assert_eq!(Timestamp::parse_rfc1123(rfc1123), Ok(instant.truncate_to_second()));
        }
        assert_eq!(Timestamp::from_ticks(Timestamp::MAX.ticks() + 1), None);
    }

    #[test]
    fn every_day_is_the_calendars() {
        let mut date = time::Date::from_calendar_date(1, time::Month::January, 1).unwrap();
        for days in 0..=Timestamp::MAX.ticks() / TICKS_PER_DAY {
            let (year, month, day) = date_of(days);
            let year_of_date = u64::try_from(date.year()).unwrap();
            let expected = (year_of_date, u64::from(u8::from(date.month())), u64::from(date.day()));
            assert_eq!((year, month, day), expected);
            assert_eq!(days_before(year, month) + day - 1, days);
            let weekday = Timestamp(days * TICKS_PER_DAY).weekday();
            assert_eq!(weekday, u64::from(date.weekday().number_days_from_monday()));
            date = date.next_day().unwrap_or(date);
        }
        assert_eq!(date.to_string(), "9999-12-31");
    }

    #[test]
    fn the_fraction_is_trimmed_or_padded() {
        for (ticks, trimmed, padded) in [
            (0, "", ".0000000"),
            (1, ".0000001", ".0000001"),
            (10, ".000001", ".0000010"),
            (100_000, ".01", ".0100000"),
            (1_010_000, ".101", ".1010000"),
            (5_000_000, ".5", ".5000000"),
            (9_999_999, ".9999999", ".9999999"),
        ] {
            let instant = Timestamp::from_ticks(ticks).unwrap();
            assert_eq!(instant.iso8601().to_string(), format!("0001-01-01T00:00:00{trimmed}Z"));
            assert_eq!(instant.iso8601_padded().to_string(), format!("0001-01-01T00:00:00{padded}Z"));
            assert_eq!(at(&instant.iso8601_padded().to_string()), instant);
        }
    }

    #[test]
    fn what_is_no_iso8601_instant_is_refused() {
        for text in [
            "",
            "Z",
            "2025-05",
            "2025-05-14Z",
            "2025-05-14T",
            "2025-05-14T21Z",
            "2025-05-14T21:50",
            "2025-05-14T21:50.5Z",
            "2025-05-14T21:50:Z",
            "2025-02-29",
            "2025-05-14T21:50:06",
            "2025-05-14 21:50:06Z",
            "2025-05-14t21:50:06Z",
            "2025-05-14T21:50:06z",
            " 2025-05-14T21:50:06Z",
            "2025-05-14T21:50:06Z ",
            "2025-05-14T21:50:06ZZ",
            "2025-05-14T21:50:06.Z",
            "2025-05-14T21:50:06,5Z",
            "2025-05-14T21:50:06.12345678Z",
            "2025-05-14T21:50:06.-1Z",
            "2025-5-14T21:50:06Z",
            "20250514T215006Z",
            "+2025-05-14T21:50:06Z",
            "-2025-05-14T21:50:06Z",
            "12025-05-14T21:50:06Z",
            "0000-01-01T00:00:00Z",
            "2025-00-14T21:50:06Z",
            "2025-13-14T21:50:06Z",
            "2025-05-00T21:50:06Z",
            "2025-04-31T21:50:06Z",
            "2025-05-32T21:50:06Z",
            "2025-02-29T21:50:06Z",
            "1900-02-29T21:50:06Z",
            "2025-05-14T24:00:00Z",
            "2025-05-14T21:60:06Z",
            "2016-12-31T23:59:60Z",
            "2025-05-14T21:50:06+0100",
            "2025-05-14T21:50:06+01",
            "2025-05-14T21:50:06+1:00",
            "2025-05-14T21:50:06+01:60",
            "2025-05-14T21:50:06+14:01",
            "2025-05-14T21:50:06-15:00",
            "2025-05-14T21:50:06+-1:00",
            "2025-05-14T21:50:06+01:00Z",
            "2025-05-14T21:50:06Z+01:00",
            "0001-01-01T00:59:59+01:00",
            "9999-12-31T23:00:00-01:00",
            "２025-05-14T21:50:06Z",
        ] {
            assert_eq!(Timestamp::parse_iso8601(text), Err(ParseError::ISO8601), "{text}");
        }
    }

    /// W4
    #[test]
    fn an_offset_is_taken_off_and_what_is_left_out_is_zero() {
        for (text, utc) in [
            ("2025-05-14", "2025-05-14T00:00:00Z"),
            ("2025-05-14T21:50Z", "2025-05-14T21:50:00Z"),
            ("2025-05-14T21:50+01:30", "2025-05-14T20:20:00Z"),
            ("2025-05-14T21:50:06+00:00", "2025-05-14T21:50:06Z"),
            ("2025-05-14T21:50:06-00:00", "2025-05-14T21:50:06Z"),
            ("2025-05-14T21:50:06.5+05:30", "2025-05-14T16:20:06.5Z"),
            ("2024-12-31T21:50:06-03:00", "2025-01-01T00:50:06Z"),
            ("2025-05-14T21:50:06+14:00", "2025-05-14T07:50:06Z"),
            ("0001-01-01T01:00:00+01:00", "0001-01-01T00:00:00Z"),
            ("9999-12-31T22:59:59.9999999-01:00", "9999-12-31T23:59:59.9999999Z"),
        ] {
            assert_eq!(at(text), at(utc), "{text}");
        }
    }

    /// What is wrong in both forms of HTTP dates, each with a date that is otherwise right.
    const NO_HTTP_DATES: [&str; 34] = [
        "",
        "Sun",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 ",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 01994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 November 1994 08:49:37 GMT",
        "Sun, 06 11 1994 08:49:37 GMT",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Wed, 31 Nov 1994 08:49:37 GMT",
        "Mon, 00 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 2023 08:49:37 GMT",
        "Sat, 01 Jan 0000 00:00:00 GMT",
        "06 Nov 1994 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "1994-11-06T08:49:37Z",
    ];

    #[test]
    fn what_is_no_http_date_is_refused() {
        let now = at("2025-01-01T00:00:00Z");
        for text in NO_HTTP_DATES {
            assert_eq!(Timestamp::parse_rfc1123(text), Err(ParseError::RFC1123), "{text}");
            assert_eq!(Timestamp::parse_rfc850(text, now), Err(ParseError::RFC850), "{text}");
            let either = Timestamp::parse_http_date(text.as_bytes(), now);
            assert_eq!(either, Err(ParseError::HTTP_DATE), "{text}");
        }
        for value in [&b"\xFF"[..], b"Sun, 06 Nov 1994 08:49:37 GMT\xFF", b"\0"] {
            assert_eq!(Timestamp::parse_http_date(value, now), Err(ParseError::HTTP_DATE));
        }
    }

    #[test]
    fn what_is_no_rfc850_date_is_refused() {
        let now = at("2025-01-01T00:00:00Z");
        for text in [
            "Sun, 06-Nov-94 08:49:37 GMT",
            "sunday, 06-Nov-94 08:49:37 GMT",
            "Sunday, 6-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06 Nov 94 08:49:37 GMT",
            "Sunday, 06-NOV-94 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 UTC",
            "Sunday, 06-Nov-94 08:49:37 GMT ",
            "Sunday, 06-Nov-94 08:49:37.0 GMT",
            "Monday, 06-Nov-94 08:49:37 GMT",
            "Thursday, 31-Nov-94 08:49:37 GMT",
            "Wednesday, 29-Feb-23 08:49:37 GMT",
        ] {
            assert_eq!(Timestamp::parse_rfc850(text, now), Err(ParseError::RFC850), "{text}");
        }
    }

    #[test]
    fn an_rfc850_year_is_at_most_50_years_ahead() {
        for (now, text, meant) in [
            ("2025-01-01T00:00:00Z", "Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"),
            ("2025-06-15T12:00:00Z", "Saturday, 15-Jun-75 12:00:00 GMT", "2075-06-15T12:00:00Z"),
            ("2025-06-15T12:00:00Z", "Sunday, 15-Jun-75 12:00:01 GMT", "1975-06-15T12:00:01Z"),
            ("2025-06-15T12:00:00.5Z", "Saturday, 15-Jun-75 12:00:00 GMT", "2075-06-15T12:00:00Z"),
            ("2025-06-15T12:00:00Z", "Monday, 16-Jun-75 12:00:00 GMT", "1975-06-16T12:00:00Z"),
            ("2025-06-15T12:00:00Z", "Tuesday, 31-Dec-74 23:59:59 GMT", ""),
            ("2025-06-15T12:00:00Z", "Monday, 31-Dec-74 23:59:59 GMT", "2074-12-31T23:59:59Z"),
            // 2074 has no 29 February; what lies before its place in the year is within 50 years.
            ("2024-02-29T12:00:00Z", "Wednesday, 28-Feb-74 23:59:59 GMT", "2074-02-28T23:59:59Z"),
            ("2024-02-29T12:00:00Z", "Friday, 01-Mar-74 00:00:00 GMT", "1974-03-01T00:00:00Z"),
            ("2099-01-01T00:00:00Z", "Saturday, 01-Jan-00 00:00:00 GMT", ""),
            ("2099-01-01T00:00:00Z", "Friday, 01-Jan-00 00:00:00 GMT", "2100-01-01T00:00:00Z"),
            ("9999-01-01T00:00:00Z", "Friday, 31-Dec-99 23:59:59 GMT", "9999-12-31T23:59:59Z"),
            ("9999-01-01T00:00:00Z", "Sunday, 01-Jan-00 00:00:00 GMT", ""),
            ("9999-01-01T00:00:00Z", "Monday, 01-Jan-00 00:00:00 GMT", "9900-01-01T00:00:00Z"),
            ("0001-01-01T00:00:00Z", "Monday, 01-Jan-01 00:00:00 GMT", "0001-01-01T00:00:00Z"),
            ("0001-01-01T00:00:00Z", "Sunday, 01-Jan-51 00:00:00 GMT", "0051-01-01T00:00:00Z"),
            ("0001-01-01T00:00:00Z", "Sunday, 01-Jan-51 00:00:01 GMT", ""),
            ("0001-01-01T00:00:00Z", "Monday, 01-Jan-52 00:00:00 GMT", ""),
            ("0001-01-01T00:00:00Z", "Saturday, 01-Jan-00 00:00:00 GMT", ""),
        ] {
            let read = Timestamp::parse_rfc850(text, at(now));
            assert_eq!(read.ok(), (!meant.is_empty()).then(|| at(meant)), "{text} at {now}");
            assert_eq!(Timestamp::parse_http_date(text.as_bytes(), at(now)).ok(), read.ok());
        }
    }

    #[test]
    fn spans_have_their_written_form() {
        for (ticks, text) in [
            (0, "PT0S"),
            (1, "PT0.0000001S"),
            (5_000_000, "PT0.5S"),
            (TICKS_PER_SECOND, "PT1S"),
            (59 * TICKS_PER_SECOND + 10, "PT59.000001S"),
            (15 * TICKS_PER_MINUTE, "PT15M"),
            (TICKS_PER_HOUR, "PT1H"),
            (TICKS_PER_HOUR + TICKS_PER_SECOND, "PT1H1S"),
            (24 * TICKS_PER_HOUR, "P1D"),
            (7 * TICKS_PER_DAY, "P7D"),
            (TICKS_PER_DAY + 1, "P1DT0.0000001S"),
            (1279 * TICKS_PER_DAY + 12 * TICKS_PER_HOUR + 305 * TICKS_PER_SECOND, "P1279DT12H5M5S"),
            (i64::MAX.cast_unsigned(), "P10675199DT2H48M5.4775807S"),
        ] {
            let span = TimeSpan::from_ticks(ticks).unwrap();
            assert_eq!(span.to_string(), text);
            assert_eq!(format!("{span:?}"), text);
            assert_eq!(TimeSpan::parse(text), Ok(span));
        }
        assert_eq!(TimeSpan::from_ticks(i64::MAX.cast_unsigned() + 1), None);
    }

    #[test]
    fn spans_are_read_in_every_form() {
        for (text, normal) in [
            ("PT01H00M00S", "PT1H"),
            ("P1Y", "P365D"),
            ("P2M", "P60D"),
            ("P3Y6M4DT12H30M5S", "P1279DT12H30M5S"),
            ("P1M1DT1M", "P31DT1M"),
            ("P0D", "PT0S"),
            ("P0Y0M0DT0H0M0.0S", "PT0S"),
            ("PT36H", "P1DT12H"),
            ("PT90S", "PT1M30S"),
            ("PT0.50S", "PT0.5S"),
            ("PT1.00000019S", "PT1.0000001S"),
            ("PT1.000000099999999999999999999999S", "PT1S"),
            ("P10675199DT2H48M5.477S", "P10675199DT2H48M5.477S"),
            ("P10675199DT2H48M5.47758079S", "P10675199DT2H48M5.4775807S"),
            ("PT922337203685.4775807S", "P10675199DT2H48M5.4775807S"),
            ("P000000000000000000000000000001D", "P1D"),
        ] {
            assert_eq!(TimeSpan::parse(text).unwrap().to_string(), normal, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "T1H",
            "1D",
            "P1",
            "PT1",
            "PD",
            "PTS",
            "P1DT",
            "P1DT1",
            "-P1D",
            "-PT0S",
            "P-1D",
            "+P1D",
            "P+1D",
            "p1d",
            "P1d",
            "PT1s",
            "P1W",
            "P1H",
            "P1S",
            "PT1D",
            "PT1Y",
            "P1M1Y",
            "P1D1M",
            "PT1M1H",
            "PT1S1M",
            "P1D1D",
            "P1Y1Y",
            "PT1M1M",
            "PT1S1S",
            "PT1HT1M",
            "P1.5D",
            "PT1.5H",
            "PT1.5M",
            "PT.5S",
            "PT1.S",
            "PT1,5S",
            "PT1.5.5S",
            " P1D",
            "P1D ",
            "P 1D",
            "00:15:00",
            "P10675199DT2H48M5.4775808S",
            "P10675200D",
            "P29248Y",
            "P18446744073709551616D",
            "PT18446744073709551615S",
            "PT99999999999999999999999999S",
            "P１D",
        ] {
            assert_eq!(TimeSpan::parse(text), Err(ParseError::DURATION), "{text}");
        }
    }

    #[test]
    fn adding_stops_at_the_last_instant() {
        let second = TimeSpan::from_secs(1);
        let instant = at("2025-05-14T21:50:06Z");
        assert_eq!(instant.checked_add(second), Some(at("2025-05-14T21:50:07Z")));
        assert_eq!(instant.saturating_add(second), at("2025-05-14T21:50:07Z"));
        assert_eq!(Timestamp::MAX.checked_add(TimeSpan::ZERO), Some(Timestamp::MAX));
        assert_eq!(Timestamp::MAX.checked_add(TimeSpan(1)), None);
        assert_eq!(Timestamp::MAX.saturating_add(TimeSpan(1)), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.checked_add(TimeSpan::UNLIMITED), None);
        assert_eq!(Timestamp::MAX.saturating_add(TimeSpan::UNLIMITED), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.next_tick().ticks(), 1);
        assert_eq!(Timestamp::MAX.next_tick(), Timestamp::MAX);
        assert_eq!(instant.saturating_add(second).since(instant), second);
        assert_eq!(instant.since(instant.saturating_add(second)), TimeSpan::ZERO);
        assert_eq!(at("2025-05-14T21:50:06.9999999Z").truncate_to_second(), instant);
        assert_eq!(TimeSpan::from_secs(u64::MAX), TimeSpan::UNLIMITED);
        assert!(TimeSpan::UNLIMITED.is_unlimited() && !TimeSpan::ZERO.is_unlimited());
    }

    #[test]
    fn an_instant_of_another_type_is_cut_off_to_the_tick() {
        let epoch = at("1970-01-01T00:00:00Z");
        let nanoseconds = |count| OffsetDateTime::from_unix_timestamp_nanos(count).unwrap();
        assert_eq!(Timestamp::try_from(nanoseconds(0)), Ok(epoch));
        assert_eq!(Timestamp::try_from(nanoseconds(199)), Ok(epoch.next_tick()));
        // Cut off towards the past, also before 1970.
        let before = at("1969-12-31T23:59:59.9999999Z");
        assert_eq!(Timestamp::try_from(nanoseconds(-1)), Ok(before));
        assert_eq!(Timestamp::try_from(nanoseconds(-100)), Ok(before));
        let tokyo = time::UtcOffset::from_hms(9, 0, 0).unwrap();
        assert_eq!(Timestamp::try_from(nanoseconds(0).to_offset(tokyo)), Ok(epoch));
    }

    #[test]
    fn an_instant_of_another_type_may_be_out_of_range() {
        let first = OffsetDateTime::from(Timestamp::MIN);
        let last = OffsetDateTime::from(Timestamp::MAX);
        let hour = time::UtcOffset::from_hms(1, 0, 0).unwrap();
        let beyond = [
            first - time::Duration::nanoseconds(1),
            first.replace_offset(hour),
            last.replace_offset(-hour),
            OffsetDateTime::new_utc(time::Date::MIN, time::Time::MIDNIGHT),
        ];
        for instant in beyond {
            assert_eq!(Timestamp::try_from(instant), Err(ParseError::INSTANT_RANGE));
        }
        assert_eq!(Timestamp::try_from(last + time::Duration::nanoseconds(99)), Ok(Timestamp::MAX));
    }

    #[test]
    fn a_duration_may_be_out_of_range() {
        let longest = Duration::from(TimeSpan::UNLIMITED);
        assert_eq!(longest, Duration::new(922_337_203_685, 477_580_700));
        assert_eq!(TimeSpan::try_from(longest), Ok(TimeSpan::UNLIMITED));
        assert_eq!(TimeSpan::try_from(longest + Duration::from_nanos(99)), Ok(TimeSpan::UNLIMITED));
        for beyond in [longest + Duration::from_nanos(100), Duration::MAX] {
            assert_eq!(TimeSpan::try_from(beyond), Err(ParseError::SPAN_RANGE));
        }
    }

    #[test]
    fn an_error_says_what_was_expected() {
        let error = TimeSpan::parse("P").unwrap_err().to_string();
        assert!(error.starts_with("not an ISO 8601 duration"), "{error}");
    }

    #[test]
    fn an_instant_is_a_clock_that_stands() {
        fn read(clock: &impl Clock) -> Timestamp {
            clock.now()
        }
        let instant = at("2025-05-14T21:50:06Z");
        assert_eq!(read(&instant), instant);
        assert_eq!(read(&&instant), instant);
        let unsized_clock: &dyn Clock = &instant;
        assert_eq!(read(&unsized_clock), instant);
    }

    #[cfg(feature = "std")]
    #[test]
    fn the_system_clock_tells_the_time() {
        let now = SystemClock.now();
        let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap();
        let expected = Timestamp::try_from(OffsetDateTime::UNIX_EPOCH + since_epoch).unwrap();
        assert!(expected.since(now).max(now.since(expected)) < TimeSpan::from_secs(60));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn stored_times_are_texts() {
        let pair = (at("2025-05-14T21:50:06.78508Z"), TimeSpan::UNLIMITED);
        let stored = serde_json::to_string(&pair).unwrap();
        assert_eq!(stored, r#"["2025-05-14T21:50:06.78508Z","P10675199DT2H48M5.4775807S"]"#);
        assert_eq!(serde_json::from_str::<(Timestamp, TimeSpan)>(&stored).unwrap(), pair);
        assert!(serde_json::from_str::<Timestamp>(r#""2025-05""#).is_err());
        assert!(serde_json::from_str::<Timestamp>("1").is_err());
        assert!(serde_json::from_str::<TimeSpan>(r#""P""#).is_err());
    }

    fn instants() -> impl Strategy<Value = Timestamp> {
        (0..=Timestamp::MAX.ticks()).prop_map(Timestamp)
    }

    fn spans() -> impl Strategy<Value = TimeSpan> {
        prop_oneof![0..=TimeSpan::UNLIMITED.ticks(), 0..TICKS_PER_DAY].prop_map(TimeSpan)
    }

    proptest! {
        #[test]
        fn instants_come_back_from_their_written_forms(instant in instants(), now in instants()) {
            prop_assert_eq!(Timestamp::parse_iso8601(&instant.to_string()), Ok(instant));
            prop_assert_eq!(Timestamp::parse_iso8601(&instant.iso8601_padded().to_string()), Ok(instant));
            let (date, second) = (instant.rfc1123().to_string(), instant.truncate_to_second());
            prop_assert_eq!(Timestamp::parse_rfc1123(&date), Ok(second));
            prop_assert_eq!(Timestamp::parse_http_date(date.as_bytes(), now), Ok(second));
        }

        #[test]
        fn instants_come_back_from_the_other_type(instant in instants()) {
            let other = OffsetDateTime::from(instant);
            prop_assert_eq!(Timestamp::try_from(other), Ok(instant));
            let (date, time) = (other.date(), other.time());
            let expected = format!("{date}T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
            prop_assert!(instant.to_string().starts_with(&expected));
        }

        #[test]
        fn dates_near_now_come_back_from_two_digits(
            now in instants(),
            distance in 0..49 * 365 * TICKS_PER_DAY,
        ) {
            let earlier = Timestamp(now.ticks().saturating_sub(distance));
            for instant in [earlier, now.saturating_add(TimeSpan(distance))] {
                let Fields { year, month, day, hour, minute, second, fraction: _ } = instant.fields();
                let weekday = FULL_WEEKDAYS[usize::try_from(instant.weekday()).unwrap()];
                let month = String::from_utf8(name_at(&MONTHS, month - 1).into()).unwrap();
                let date = format!("{weekday}, {day:02}-{month}-{:02}", year % 100);
                let text = format!("{date} {hour:02}:{minute:02}:{second:02} GMT");
                prop_assert_eq!(Timestamp::parse_rfc850(&text, now), Ok(instant.truncate_to_second()));
            }
        }

        #[test]
        fn instants_come_back_from_their_fields(instant in instants()) {
            prop_assert_eq!(instant.fields().timestamp(), Some(instant));
        }

        #[test]
        fn spans_come_back_from_their_written_form(span in spans()) {
            prop_assert_eq!(TimeSpan::parse(&span.to_string()), Ok(span));
            prop_assert_eq!(TimeSpan::try_from(Duration::from(span)), Ok(span));
        }

        #[test]
        fn no_text_makes_a_parser_panic(
            near in "[PT0-9YMDHS.Z:+ -]{0,40}|(Mon|Monday), [0-9]{2}[ -]Jan[ -][0-9]{2,4} [0-9:]{8} GMT",
            bytes in any::<Vec<u8>>(),
            now in instants(),
        ) {
            if let Ok(instant) = Timestamp::parse_iso8601(&near) {
                prop_assert!(instant <= Timestamp::MAX);
            }
            if let Ok(span) = TimeSpan::parse(&near) {
                prop_assert!(span <= TimeSpan::UNLIMITED);
            }
            let _ = Timestamp::parse_http_date(near.as_bytes(), now);
            let _ = Timestamp::parse_http_date(&bytes, now);
        }
    }
}
