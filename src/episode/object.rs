//! A JSON object that keeps the order in which its members are written.

use alloc::string::String;
use core::fmt::{Display, Write};

use serde_json::Value;

/// An object without its end, so that more members can follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object(String);

impl Object {
    /// An object that begins with this member.
    pub(super) fn new(name: &str, value: impl Display) -> Self {
        let mut text = String::from("{ ");
        write_member(&mut text, name, value);
        Self(text)
    }

    /// One more member, on the same line.
    pub(super) fn and(mut self, name: &str, value: impl Display) -> Self {
        self.0.push_str(", ");
        write_member(&mut self.0, name, value);
        self
    }

    /// One more member, on a line of its own.
    pub(super) fn and_below(mut self, indent: &str, name: &str, value: impl Display) -> Self {
        self.0.push_str(",\n");
        self.0.push_str(indent);
        write_member(&mut self.0, name, value);
        self
    }

    /// One more member if there is a value.
    pub(super) fn and_any(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.and(name, value),
            None => self,
        }
    }
}

impl Display for Object {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} }}", self.0)
    }
}

/// A text as JSON.
pub(super) fn text(text: impl Display) -> Value {
    Value::String(alloc::format!("{text}"))
}

fn write_member(out: &mut String, name: &str, value: impl Display) {
    // A text takes all that is written to it.
    let _ = write!(out, "{}: {value}", text(name));
}
