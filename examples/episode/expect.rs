//! What a step expects of the answer, and what differs.

use std::fmt;

use serde_json::Value;

use super::ordered::{Ordered, step_to};

/// What is expected of an answer. Nothing is expected of what is left out.
#[derive(Default, PartialEq)]
pub struct Expect {
    pub status: Option<u16>,
    pub headers: Vec<(String, String)>,
    pub absent: Vec<String>,
    pub code: Option<String>,
    pub body: Option<Vec<u8>>,
    pub json: Option<Ordered>,
    pub contains: Option<Value>,
}

/// An answer, whoever gave it.
pub struct Came<'a> {
    pub status: u16,
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: &'a [u8],
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Status,
    /// A header, by its name in lower case.
    Header(String),
    /// The error code.
    Code,
    /// The whole body, byte for byte.
    Body,
    /// A value in the body, by its JSON pointer.
    Json(String),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status => f.write_str("status"),
            Self::Header(name) => f.write_str(name),
            Self::Code => f.write_str("code"),
            Self::Body => f.write_str("the body"),
            Self::Json(pointer) => write!(f, "the body at {pointer}"),
        }
    }
}

/// The first part that differs.
#[derive(Clone, Debug)]
pub struct Difference {
    pub part: Part,
    /// The status of the answer.
    pub status: u16,
    pub expected: String,
    pub came: String,
    /// The two bodies line by line, where they were compared as a whole.
    lines: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.lines {
            Some(lines) => write!(f, "the body differs\n{lines}"),
            None => write!(f, "{}: expected {}, came {}", self.part, self.expected, self.came),
        }
    }
}

impl Difference {
    pub fn between(part: Part, status: u16, expected: String, came: String) -> Self {
        let lines = (part == Part::Body).then(|| diff(&expected, &came));
        Self { part, status, expected, came, lines }
    }
}

impl Came<'_> {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

impl Expect {
    /// Whether any answer will do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Says what differs first.
    pub fn compare(&self, came: &Came<'_>) -> Result<(), Difference> {
        self.compare_parts(came).map_err(|difference| Difference { status: came.status, ..difference })
    }

    fn compare_parts(&self, came: &Came<'_>) -> Result<(), Difference> {
        let text = String::from_utf8_lossy(came.body);
        if let Some(status) = self.status.filter(|status| *status != came.status) {
            return differ(Part::Status, status, format!("{} {text}", came.status));
        }
        let part = |name: &str| Part::Header(name.to_ascii_lowercase());
        for (name, value) in &self.headers {
            let found = came.header(name);
            if found != Some(value) {
                return differ(part(name), value, found.unwrap_or("(none)"));
            }
        }
        for name in &self.absent {
            if let Some(found) = came.header(name) {
                return differ(part(name), "(none)", found);
            }
        }
        let json: Value = serde_json::from_slice(came.body).unwrap_or_default();
        if let Some(code) = self.code.as_ref().filter(|code| json["code"] != **code) {
            return differ(Part::Code, code, &json["code"]);
        }
        if let Some(expected) = self.body.as_ref().filter(|expected| **expected != came.body) {
            let expected = String::from_utf8_lossy(expected);
            let lines = Some(diff(&expected, &text));
            let (expected, came) = (expected.into_owned(), text.into_owned());
            return Err(Difference { part: Part::Body, status: 0, expected, came, lines });
        }
        if let Some(expected) = &self.json {
            let Ok(found) = serde_json::from_slice::<Ordered>(came.body) else {
                return differ(Part::Json(String::new()), "JSON", text);
            };
            if let Some((pointer, old, new)) = expected.first_difference(&found) {
                let lines = Some(diff(&format!("{expected:#?}"), &format!("{found:#?}")));
                let part = Part::Json(pointer);
                return Err(Difference { part, status: 0, expected: old, came: new, lines });
            }
        }
        self.contains.as_ref().map_or(Ok(()), |expected| contains(expected, &json, ""))
    }
}

fn differ(part: Part, expected: impl fmt::Display, came: impl fmt::Display) -> Result<(), Difference> {
    Err(Difference { part, status: 0, expected: expected.to_string(), came: came.to_string(), lines: None })
}

/// Two texts, line by line, where they differ.
fn diff(expected: &str, came: &str) -> String {
    let mut lines = Vec::new();
    let (expected, came): (Vec<&str>, Vec<&str>) =
        (expected.split_inclusive('\n').collect(), came.split_inclusive('\n').collect());
    for index in 0..expected.len().max(came.len()) {
        let (old, new) = (expected.get(index), came.get(index));
        if old != new {
            lines.extend(old.map(|line| format!("  - {}", line.escape_debug())));
            lines.extend(new.map(|line| format!("  + {}", line.escape_debug())));
        }
    }
    lines.join("\n")
}

/// Everything expected is there; objects by key, arrays element by element.
fn contains(expected: &Value, came: &Value, pointer: &str) -> Result<(), Difference> {
    match (expected, came) {
        (Value::Object(expected), Value::Object(came)) => expected.iter().try_for_each(|(key, value)| {
            let pointer = format!("{pointer}{}", step_to(key));
            match came.get(key) {
                Some(found) => contains(value, found, &pointer),
                None => differ(Part::Json(pointer), value, "nothing"),
            }
        }),
        (Value::Array(expected), Value::Array(came)) if expected.len() == came.len() => {
            let mut pairs = expected.iter().zip(came).enumerate();
            pairs.try_for_each(|(index, (expected, came))| {
                contains(expected, came, &format!("{pointer}/{index}"))
            })
        }
        _ if expected == came => Ok(()),
        _ => differ(Part::Json(pointer.into()), expected, came),
    }
}
