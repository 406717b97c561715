//! The log: one line per request and one per effect. A separate thread writes it, so that a blocked terminal
//! does not block requests, and writes no line before everything that it can tell is on disk. What is logged also goes into the
//! journal.

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use azbatch::{
    Effect, Timestamp,
    rest::{Request, Response},
};

use crate::{journal::Journal, store::Ticket};

/// Lines that wait for a slow terminal; more are dropped.
const WAITING_LINES: usize = 10_000;

enum Entry {
    Line { after: Option<Ticket>, text: String },
    Flush(Sender<()>),
}

/// Where lines are sent. Copies write to the same log.
#[derive(Clone)]
pub struct Log {
    entries: SyncSender<Entry>,
    journal: Arc<Journal>,
    /// What the next line must wait for.
    hold: Arc<Mutex<Option<Ticket>>>,
}

impl Log {
    pub fn to_standard_output() -> Self {
        Self::to(io::stdout())
    }

    pub fn to(mut output: impl Write + Send + 'static) -> Self {
        let (sender, entries) = sync_channel(WAITING_LINES);
        thread::spawn(move || {
            for entry in entries {
                // Go on if the reader has gone away.
                match entry {
                    // What will never be on disk has not happened.
                    Entry::Line { after: Some(ticket), .. } if ticket.wait().is_err() => {}
                    Entry::Line { after: _, text } => drop(writeln!(output, "{text}")),
                    Entry::Flush(done) => drop((output.flush(), done.send(()))),
                }
            }
        });
        Self { entries: sender, journal: Arc::default(), hold: Arc::default() }
    }

    pub fn line(&self, text: String) {
        let after = self.hold.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.entries.try_send(Entry::Line { after, text }).ok();
    }

    /// Lets everything from here on wait until this is on disk.
    pub fn hold(&self, until: Ticket) {
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
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
