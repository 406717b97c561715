//! The values that expressions have.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::fmt;

use time::OffsetDateTime;

use crate::{Timestamp, autoscale::samples::Metric};

/// How many elements a vector may have, so that no formula needs much memory (P13).
pub(super) const MAX_ELEMENTS: usize = 10_000;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Vector(Arc<[f64]>),
    Text(String),
    Time(Timestamp),
    /// Ticks of 100 ns, of either sign.
    Interval(i64),
    Metric(Metric),
}

impl Value {
    /// What messages call it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Number(_) => "double",
            Self::Vector(_) => "doubleVec",
            Self::Text(_) => "string",
            Self::Time(_) => "timestamp",
            Self::Interval(_) => "timeinterval",
            Self::Metric(_) => "sample object",
        }
    }

    pub(super) fn of_bool(value: bool) -> Self {
        Self::Number(if value { 1.0 } else { 0.0 })
    }

    /// A vector, if it is not too long.
    pub(super) fn of_vector(elements: Vec<f64>) -> Result<Self, &'static str> {
        if elements.len() > MAX_ELEMENTS {
            return Err("the vector has too many elements");
        }
        Ok(Self::Vector(elements.into()))
    }

    /// An interval of so many ticks.
    pub(super) fn of_ticks(ticks: f64) -> Result<Self, &'static str> {
        // Beyond these, an `i64` cannot hold it.
        if ticks.is_finite() && (-9.2e18..=9.2e18).contains(&ticks) {
            #[allow(clippy::cast_possible_truncation, reason = "it is within the range of an `i64`")]
            return Ok(Self::Interval(ticks as i64));
        }
        Err("the timeinterval is out of range")
    }
}

/// The text in an evaluation's results (P14).
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // There is one zero.
            Self::Number(number) => write!(f, "{}", number + 0.0),
            Self::Vector(elements) => {
                f.write_str("[")?;
                for (number, element) in elements.iter().enumerate() {
                    let comma = if number > 0 { "," } else { "" };
                    write!(f, "{comma}{}", element + 0.0)?;
                }
                f.write_str("]")
            }
            Self::Text(text) => f.write_str(text),
            Self::Time(time) => {
                let millisecond = Timestamp::from_ticks(time.ticks() - time.ticks() % 10_000);
                write!(f, "{}", millisecond.unwrap_or(*time))
            }
            Self::Interval(ticks) => {
                let sign = if *ticks < 0 { "-" } else { "" };
                let span = crate::TimeSpan::from_ticks(ticks.unsigned_abs());
                write!(f, "{sign}{}", span.unwrap_or(crate::TimeSpan::UNLIMITED))
            }
            Self::Metric(metric) => write!(f, "{metric}"),
        }
    }
}

/// A part of an instant: `year`, `month` and so on, with Sunday as weekday 0 (P13).
pub(super) fn part_of_time(time: Timestamp, part: &str) -> Option<f64> {
    let time = OffsetDateTime::from(time);
    Some(match part {
        "year" => f64::from(time.year()),
        "month" => f64::from(u8::from(time.month())),
        "day" => f64::from(time.day()),
        "weekday" => f64::from(time.weekday().number_days_from_sunday()),
        "hour" => f64::from(time.hour()),
        "minute" => f64::from(time.minute()),
        "second" => f64::from(time.second()),
        _ => return None,
    })
}
