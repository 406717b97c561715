//! The emulator's own clock, which can run faster than the wall clock, or be stopped.

use std::time::{Duration, Instant};

use azbatch::{Clock, TimeSpan, Timestamp};

/// Counts from an instant of its own, so that a stored account goes on at the instant it was stored.
pub struct VirtualClock {
    origin: Timestamp,
    since: Instant,
    speed: f64,
}

impl VirtualClock {
    /// A clock that shows `origin` now and runs `speed` times as fast as the wall clock; at 0 it is stopped.
    pub fn new(origin: Timestamp, speed: f64) -> Self {
        Self { origin, since: Instant::now(), speed }
    }

    /// Moves the clock forward.
    pub fn advance(&mut self, span: TimeSpan) {
        self.origin = self.origin.saturating_add(span);
    }

    /// How many times faster than the wall clock it runs; 0 if it is stopped.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Goes on from the instant that it shows at another speed; 0 stops it.
    pub fn set_speed(&mut self, speed: f64) {
        *self = Self::new(self.now(), speed);
    }

    /// How long it takes until the clock shows `instant`; `None` if it is stopped before it.
    pub fn wall_time_until(&self, instant: Timestamp) -> Option<Duration> {
        let ahead = Duration::from(instant.since(self.now()));
        if ahead.is_zero() {
            Some(ahead)
        } else {
            Duration::try_from_secs_f64(ahead.as_secs_f64() / self.speed).ok()
        }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let elapsed = self.since.elapsed().mul_f64(self.speed);
        self.origin.saturating_add(TimeSpan::try_from(elapsed).unwrap_or(TimeSpan::UNLIMITED))
    }
}
