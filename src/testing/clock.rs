//! A clock that does what the clocks of machines do.

use alloc::vec::Vec;
use core::cell::Cell;

use crate::{Clock, Timestamp, testing::step::ClockMove};

/// A clock that stands still, goes on, jumps or goes back each time it is read.
///
/// ```
/// use azbatch::{Clock, Timestamp, testing::{ClockMove, TestClock}};
///
/// let clock = TestClock::new(Timestamp::MIN, vec![ClockMove::Forward(2), ClockMove::Back(1)]);
/// let readings = [clock.now(), clock.now(), clock.now(), clock.now()].map(Timestamp::ticks);
/// assert_eq!(readings, [0, 2, 1, 1]);
/// ```
#[derive(Clone, Debug)]
pub struct TestClock {
    now: Cell<Timestamp>,
    moves: Vec<ClockMove>,
    read: Cell<usize>,
}

impl TestClock {
    /// A clock that shows this first, and makes a move after each reading. After the last move it stands still. It
    /// knows no account, so it does not move for a [`ClockMove::Deadline`].
    pub fn new(start: Timestamp, moves: Vec<ClockMove>) -> Self {
        Self { now: Cell::new(start), moves, read: Cell::new(0) }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let now = self.now.get();
        if let Some(next) = self.moves.get(self.read.get()) {
            self.now.set(next.after(now, None));
        }
        self.read.set(self.read.get() + 1);
        now
    }
}
