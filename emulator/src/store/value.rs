//! Large values, written piece by piece.

use std::{io, mem, sync::atomic::Ordering};

use crate::store::{Changes, Log, Ticket, tables::Change};

/// How long a piece is.
const PIECE: usize = 512 * 1024;

/// Writes a value. It counts once it is [finished](Self::finish); dropped before that it leaves nothing.
pub struct ValueWriter {
    log: Log,
    value: String,
    number: u64,
    piece: Vec<u8>,
    pieces: u32,
    /// The piece before, which is on its way.
    sent: Option<Ticket>,
}

impl ValueWriter {
    pub(super) fn new(log: Log, value: &str) -> Self {
        let number = log.store.inner.next_value.fetch_add(1, Ordering::Relaxed);
        Self { log, value: value.into(), number, piece: Vec::new(), pieces: 0, sent: None }
    }

    /// Sets the value, and makes these changes together with that.
    pub fn finish(mut self, changes: Changes) -> Ticket {
        let put = Change::PutPieces {
            value: mem::take(&mut self.value).into(),
            number: self.number,
            pieces: self.pieces + 1,
        };
        let last = self.next_piece();
        self.pieces = 0; // They belong to the value now.
        self.log.write(Changes([last, put].into_iter().chain(changes.0).collect()))
    }

    fn next_piece(&mut self) -> Change {
        let piece =
            Change::Piece { number: self.number, piece: self.pieces, bytes: mem::take(&mut self.piece) };
        self.pieces += 1;
        piece
    }
}

impl io::Write for ValueWriter {
    /// Waits for the piece before, so that no more than two are in memory and others can write in between.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (taken, _) = bytes.split_at(bytes.len().min(PIECE - self.piece.len()));
        self.piece.extend_from_slice(taken);
        if self.piece.len() == PIECE {
            let piece = self.next_piece();
            let ticket = self.log.write(Changes(vec![piece]));
            if let Some(before) = self.sent.replace(ticket) {
                before.wait().map_err(io::Error::other)?;
            }
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for ValueWriter {
    fn drop(&mut self) {
        if self.pieces > 0 {
            drop(self.log.write(Changes(vec![Change::DropPieces { number: self.number }])));
        }
    }
}
