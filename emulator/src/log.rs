//! The log: one line per request and one per effect. A separate thread writes it, so that a blocked terminal
//! does not block requests. What is logged also goes into the journal.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        mpsc::{Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use azbatch::{
    Effect, Timestamp,
    rest::{Request, Response},
};

use crate::journal::Journal;

/// Lines that wait for a slow terminal; more are dropped.
const WAITING_LINES: usize = 10_000;

enum Entry {
    Line(String),
    Flush(Sender<()>),
}

/// Where lines are sent. Copies write to the same log.
#[derive(Clone)]
pub struct Log {
    entries: SyncSender<Entry>,
    journal: Arc<Journal>,
}

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
        Self { entries: sender, journal: Arc::default() }
    }

    pub fn line(&self, line: String) {
        self.entries.try_send(Entry::Line(line)).ok();
    }

    /// The last of what is logged.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    pub fn request(&self, at: Timestamp, request: &Request<'_>, response: &Response) {
        let Request { method, target, .. } = request;
        let Response { status, reason, .. } = response;
        self.line(format!("{at} {method} {target} -> {status} {reason}"));
        self.journal.add_request(at, request, response);
    }

    /// A fact, or an instruction with an arrow in front.
    pub fn effect(&self, at: Timestamp, effect: &Effect) {
        let (time, text) = (at.to_string(), effect.to_string()); // In a column: a time is at most this long.
        self.line(match effect {
            Effect::Fact(_) => format!("{time:28}    {text}"),
            Effect::Instruction(_) => format!("{time:28} -> {text}"),
        });
        self.journal.add_effect(at, effect, text);
    }

    /// Waits until everything so far is written.
    pub fn flush(&self) {
        let (done, written) = channel();
        if self.entries.send(Entry::Flush(done)).is_ok() {
            written.recv().ok();
        }
    }
}
