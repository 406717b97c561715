//! The times that every resource has: created, last modified, last change of state.

use crate::{ETag, Timestamp};

/// When a resource was created, when it was last modified and when it entered its state
/// ([T3](crate::evidence#t3)).
///
/// `S` names the resource's states. Stamps never go back, and a new modification is at least one tick
/// later than the one before, so ETags do not repeat ([T5](crate::evidence#t5), [I3](crate::evidence#i3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stamps<S> {
    created: Timestamp,
    modified: Timestamp,
    entered: Timestamp,
    previous: Option<(S, Timestamp)>,
}

impl<S: Copy> Stamps<S> {
    /// A new resource: all its times are one instant (T6).
    pub(crate) const fn new(at: Timestamp) -> Self {
        Self { created: at, modified: at, entered: at, previous: None }
    }

    /// When the resource was created.
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// When the resource was last modified.
    pub const fn modified(&self) -> Timestamp {
        self.modified
    }

    /// The resource's ETag, which is derived from [`modified`](Self::modified) ([T1](crate::evidence#t1)).
    pub fn etag(&self) -> ETag {
        ETag::from(self.modified)
    }

    /// When the resource entered its state.
    pub const fn entered(&self) -> Timestamp {
        self.entered
    }

    /// The previous state and when it was entered; `None` before the first transition. States that are
    /// only passed through are not remembered ([T7](crate::evidence#t7)).
    pub const fn previous(&self) -> Option<(S, Timestamp)> {
        self.previous
    }

    /// The stamp for a change at `now` (T5).
    pub(crate) fn next(&self, now: Timestamp) -> Timestamp {
        now.max(self.modified).max(self.entered)
    }

    /// The stamp for a change at `now` that moves the ETag (T5).
    pub(crate) fn next_modified(&self, now: Timestamp) -> Timestamp {
        self.next(now).max(self.modified.next_tick())
    }

    /// Whether a change at `at` would not go back (I3).
    pub(crate) fn allow(&self, at: Timestamp) -> bool {
        self.next(at) == at
    }

    /// Whether a modification at `at` would move the ETag (I3).
    pub(crate) fn allow_modified(&self, at: Timestamp) -> bool {
        self.next_modified(at) == at
    }

    pub(crate) fn modify(&mut self, at: Timestamp) {
        self.modified = at;
    }

    /// Enters another state. `left` is the state left, or `None` if it is transitional: then the pair
    /// from before it stays (T7).
    pub(crate) fn enter(&mut self, left: Option<S>, at: Timestamp) {
        if let Some(left) = left {
            self.previous = Some((left, self.entered));
        }
        self.entered = at;
    }

    /// Stamps the same state again (K2).
    pub(crate) fn restamp(&mut self, at: Timestamp) {
        self.entered = at;
    }

    /// Whether the stamps are in an order that changes can lead to (I3).
    pub(crate) fn are_in_order(&self) -> bool {
        let previous = self.previous.map_or(self.created, |(_, at)| at);
        self.created <= self.modified && self.created <= self.entered && previous <= self.entered
    }
}
