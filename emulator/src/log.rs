//! The log: one line per request and one per effect. A separate thread writes it, so that a blocked terminal
//! does not block requests.

use std::{
    io::{self, Write},
    sync::mpsc::{Sender, SyncSender, channel, sync_channel},
    thread,
};

use azbatch::{Effect, Timestamp};

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
                // Go on if the reader has gone away.
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

    /// A fact, or an instruction with an arrow in front.
    pub fn effect(&self, at: Timestamp, effect: &Effect) {
        let at = at.to_string(); // In a column: a time is at most this long.
        self.line(match effect {
            Effect::Fact(fact) => format!("{at:28}    {fact}"),
            Effect::Instruction(instruction) => format!("{at:28} -> {instruction}"),
        });
    }

    /// Waits until everything so far is written.
    pub fn flush(&self) {
        let (done, written) = channel();
        if self.0.send(Entry::Flush(done)).is_ok() {
            written.recv().ok();
        }
    }
}
