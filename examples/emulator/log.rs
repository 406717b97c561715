//! The log: a line a request, a line an effect. A thread of its own writes it, so that a terminal that
//! stands still holds up nobody.

use std::{
    io::{self, Write},
    sync::mpsc::{Sender, SyncSender, channel, sync_channel},
    thread,
};

use azbatch::{Effect, Timestamp};
use serde_json::Value;

/// Lines that wait for a slow terminal; more are dropped.
const WAITING_LINES: usize = 10_000;

enum Entry {
    Line(String),
    Flush(Sender<()>),
}

/// Where lines are sent. Copies write to the same log.
#[derive(Clone)]
pub struct Log(SyncSender<Entry>);

impl Log {
    pub fn to_standard_output() -> Self {
        let (sender, entries) = sync_channel(WAITING_LINES);
        thread::spawn(move || {
            let mut output = io::stdout();
            for entry in entries {
                // A reader that has gone away is no reason to stop.
                match entry {
                    Entry::Line(line) => drop(writeln!(output, "{line}")),
                    Entry::Flush(done) => drop((output.flush(), done.send(()))),
                }
            }
        });
        Self(sender)
    }

    pub fn line(&self, line: String) {
        self.0.try_send(Entry::Line(line)).ok();
    }

    pub fn request(&self, at: Timestamp, method: &str, target: &str, status: u16, reason: &str) {
        self.line(format!("{at} {method} {target} -> {status} {reason}"));
    }

    pub fn effect(&self, effect: &Effect) {
        self.line(format!("    {}", describe(effect)));
    }

    /// Waits until everything so far is written.
    pub fn flush(&self) {
        let (done, written) = channel();
        if self.0.send(Entry::Flush(done)).is_ok() {
            written.recv().ok();
        }
    }
}

/// An effect's name and its plain fields; what is nested says too much for a line.
fn describe(effect: &Effect) -> String {
    let Ok(Value::Object(effect)) = serde_json::to_value(effect) else { return String::new() };
    let mut words = Vec::new();
    for (name, fields) in effect {
        words.push(name);
        let fields = fields.as_object().into_iter().flatten();
        words.extend(fields.filter_map(|(field, value)| Some(format!("{field}={}", plain(field, value)?))));
    }
    words.join(" ")
}

fn plain(field: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Object(specification) if field == "specification" => {
            specification.get("id").and_then(Value::as_str).map(String::from)
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
