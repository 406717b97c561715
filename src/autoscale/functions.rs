//! The functions, and the methods of metrics (P12, P13).

use alloc::{format, string::String, vec::Vec};

use crate::{
    Timestamp,
    autoscale::{
        operators::shifted,
        samples::{Metric, Metrics, PERIOD_TICKS, Sample},
        value::{MAX_ELEMENTS, Value},
    },
};

/// `None` for a list that is too short.
type Reduce = fn(&[f64]) -> Option<f64>;

/// A function that yields a number for a list of numbers and vectors.
fn of_list(name: &str) -> Option<Reduce> {
    Some(match name {
        "avg" => |list| (!list.is_empty()).then(|| sum(list) / count(list)),
        "len" => |list| Some(count(list)),
        "max" => |list| list.iter().copied().reduce(f64::max),
        "min" => |list| list.iter().copied().reduce(f64::min),
        "norm" => |list| Some(libm::sqrt(list.iter().map(|item| item * item).sum())),
        "range" => |list| {
            let (least, most) =
                (list.iter().copied().reduce(f64::min), list.iter().copied().reduce(f64::max));
            Some(most? - least?)
        },
        "std" => |list| (!list.is_empty()).then(|| standard_deviation(list)),
        "sum" => |list| Some(sum(list)),
        _ => return None,
    })
}

/// A function that yields a number for a number, and a vector for anything else.
fn of_each(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "ceil" => libm::ceil,
        "floor" => libm::floor,
        "lg" => libm::log2,
        "ln" => libm::log,
        "log" => libm::log10,
        "round" => libm::round,
        _ => return None,
    })
}

fn sum(list: &[f64]) -> f64 {
    list.iter().fold(0.0, |sum, item| sum + item)
}

#[allow(clippy::cast_precision_loss, reason = "lists are short")]
fn count(list: &[f64]) -> f64 {
    list.len() as f64
}

/// Of a sample; 0 for a single value, of which there is none (P13).
fn standard_deviation(list: &[f64]) -> f64 {
    let mean = sum(list) / count(list);
    let squares: f64 = list.iter().map(|item| (item - mean) * (item - mean)).sum();
    if list.len() < 2 { 0.0 } else { libm::sqrt(squares / (count(list) - 1.0)) }
}

/// Calls one of the functions that depend on their arguments alone.
pub(super) fn call(function: &str, arguments: &[Value], now: Timestamp) -> Result<Value, String> {
    if let Some(reduce) = of_list(function) {
        let list = list(function, arguments)?;
        let reduced = reduce(&list).map(Value::Number);
        return reduced.ok_or_else(|| format!("`{function}` needs at least one value"));
    }
    if let Some(map) = of_each(function) {
        return match arguments {
            [Value::Number(number)] => Ok(Value::Number(map(*number))),
            _ => Ok(Value::of_vector(list(function, arguments)?.into_iter().map(map).collect())?),
        };
    }
    match (function, arguments) {
        ("vec", _) => Ok(Value::of_vector(list(function, arguments)?)?),
        ("percentile", [Value::Vector(elements), Value::Number(percent)]) => percentile(elements, *percent),
        ("val", [Value::Vector(elements), Value::Number(place)]) => {
            let element = index(*place).and_then(|place| elements.get(place));
            element.map(|element| Value::Number(*element)).ok_or_else(|| "there is no such element".into())
        }
        ("time", []) => Ok(Value::Time(now)),
        ("time", [Value::Text(text)]) => match text.as_str() {
            "" => Ok(Value::Time(now)),
            text => read_time(text).map(Value::Time).ok_or_else(|| format!("`{text}` is not a timestamp")),
        },
        ("percentile" | "val" | "time", _) => Err(wrong_arguments(function, arguments)),
        _ => Err(format!("there is no function `{function}`")),
    }
}

/// Numbers and vectors, one after the other.
pub(super) fn list(function: &str, arguments: &[Value]) -> Result<Vec<f64>, String> {
    let mut list = Vec::new();
    for argument in arguments {
        match argument {
            Value::Number(number) => list.push(*number),
            Value::Vector(elements) => list.extend_from_slice(elements),
            Value::Text(_) | Value::Time(_) | Value::Interval(_) | Value::Metric(_) => {
                return Err(wrong_arguments(function, arguments));
            }
        }
        if list.len() > MAX_ELEMENTS {
            return Err("the list has too many elements".into());
        }
    }
    Ok(list)
}

fn wrong_arguments(function: &str, arguments: &[Value]) -> String {
    let types: Vec<&str> = arguments.iter().map(Value::type_name).collect();
    format!("`{function}` does not take ({})", types.join(", "))
}

/// A number as an index; `None` for a negative one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within the range")]
fn index(number: f64) -> Option<usize> {
    (0.0..4e9).contains(&number).then_some(number as usize)
}

/// The least element that is not less than so many percent of them (P13).
fn percentile(elements: &[f64], percent: f64) -> Result<Value, String> {
    let mut sorted = elements.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = libm::ceil(percent / 100.0 * count(elements));
    let element = index((rank - 1.0).max(0.0)).and_then(|place| sorted.get(place));
    let element = element.filter(|_| (0.0..=100.0).contains(&percent));
    element.map(|element| Value::Number(*element)).ok_or_else(|| "there is no such percentile".into())
}

/// W3C-DTF, which may be a year or a month alone, or RFC 1123.
fn read_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let full = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.into(),
    };
    Timestamp::parse_iso8601(&full).or_else(|_| Timestamp::parse_rfc1123(&full)).ok()
}

/// Why a method failed.
pub(super) enum MethodError {
    /// There are too few samples.
    Insufficient {
        wanted: f64,
        received: f64,
    },
    Other(String),
}

impl From<String> for MethodError {
    fn from(what: String) -> Self {
        Self::Other(what)
    }
}

/// Calls a method of a metric.
pub(super) fn method(
    metric: Metric,
    name: &str,
    arguments: &[Value],
    metrics: &impl Metrics,
) -> Result<Value, MethodError> {
    let samples = metrics.samples(metric);
    match (name, arguments) {
        ("GetSample", [Value::Number(wanted)]) => Ok(latest(&samples, *wanted)?),
        ("GetSample", [start]) => get_sample(&samples, start, None, None, metrics.now()),
        ("GetSample", [start, Value::Number(percent)]) => {
            get_sample(&samples, start, None, Some(*percent), metrics.now())
        }
        ("GetSample", [start, end]) => get_sample(&samples, start, Some(end), None, metrics.now()),
        ("GetSample", [start, end, Value::Number(percent)]) => {
            get_sample(&samples, start, Some(end), Some(*percent), metrics.now())
        }
        ("GetSamplePercent", [start]) => {
            Ok(Value::Number(Window::new(start, None, metrics.now())?.percent(&samples)))
        }
        ("GetSamplePercent", [start, end]) => {
            Ok(Value::Number(Window::new(start, Some(end), metrics.now())?.percent(&samples)))
        }
        ("GetSamplePeriod", []) => Ok(Value::Interval(PERIOD_TICKS)),
        ("Count", []) => {
            let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
            Ok(Value::Number(count(&values)))
        }
        ("HistoryBeginTime", []) => match samples.first() {
            Some(sample) => Ok(Value::Time(sample.at)),
            None => Err(format!("there are no samples of {metric}").into()),
        },
        ("GetSample" | "GetSamplePercent" | "GetSamplePeriod" | "Count" | "HistoryBeginTime", _) => {
            Err(wrong_arguments(name, arguments).into())
        }
        _ => Err(format!("{metric} has no method `{name}`").into()),
    }
}

/// The latest samples, at most so many.
fn latest(samples: &[Sample], wanted: f64) -> Result<Value, String> {
    let wanted = index(wanted).ok_or("the number of samples is out of range")?;
    let first = samples.len().saturating_sub(wanted);
    let samples = samples.get(first..).unwrap_or_default();
    Ok(Value::of_vector(samples.iter().map(|sample| sample.value).collect())?)
}

fn get_sample(
    samples: &[Sample],
    start: &Value,
    end: Option<&Value>,
    percent: Option<f64>,
    now: Timestamp,
) -> Result<Value, MethodError> {
    let window = Window::new(start, end, now)?;
    if let Some(wanted) = percent {
        let received = window.percent(samples);
        if received < wanted {
            return Err(MethodError::Insufficient { wanted, received });
        }
    }
    let found = window.samples(samples).map(|sample| sample.value).collect();
    Ok(Value::of_vector(found).map_err(String::from)?)
}

/// After the one instant, and up to the other (P13).
struct Window {
    after: Timestamp,
    until: Timestamp,
}

impl Window {
    /// An interval looks back from now; without an end it is now. The earlier one is the start.
    fn new(start: &Value, end: Option<&Value>, now: Timestamp) -> Result<Self, String> {
        let instant = |value: &Value| match value {
            Value::Time(time) => Ok(*time),
            Value::Interval(ticks) => Ok(shifted(now, ticks.saturating_neg())?),
            Value::Number(_) | Value::Vector(_) | Value::Text(_) | Value::Metric(_) => {
                Err(format!("a time frame does not begin or end with a {}", value.type_name()))
            }
        };
        let (one, other) = (instant(start)?, end.map_or(Ok(now), instant)?);
        Ok(Self { after: one.min(other), until: one.max(other) })
    }

    fn samples<'a>(&self, samples: &'a [Sample]) -> impl Iterator<Item = &'a Sample> {
        let (after, until) = (self.after, self.until);
        samples.iter().filter(move |sample| after < sample.at && sample.at <= until)
    }

    /// How many of the samples that are possible in the window are there, in percent; 0 if none is.
    #[allow(clippy::cast_precision_loss, reason = "the counts are small or only compared")]
    fn percent(&self, samples: &[Sample]) -> f64 {
        let possible = self.until.since(self.after).ticks().div_ceil(PERIOD_TICKS.unsigned_abs());
        let found = self.samples(samples).count();
        if possible == 0 { 0.0 } else { (found as f64 * 100.0 / possible as f64).min(100.0) }
    }
}
