//! The memory that a caller lends for effects.

use alloc::vec::Vec;
use core::{hash, mem};

/// What a caller lent with `append_to`, until a call takes it. It is no part of the state: all buffers are
/// equal, and a copy is empty.
#[derive(Debug)]
pub(crate) struct Buffer<T>(Vec<T>);

impl<T> Buffer<T> {
    /// Lends a Vec. Effects that were lent before and not taken stay, before these.
    pub(crate) fn put(&mut self, effects: Vec<T>) {
        if self.0.is_empty() {
            self.0 = effects;
        } else {
            self.0.extend(effects);
        }
    }

    /// What was lent, or an empty Vec. A call takes it after its last refusal, so that it is there for the
    /// next call if this one is refused.
    pub(crate) fn take(&mut self) -> Vec<T> {
        mem::take(&mut self.0)
    }

    /// What was lent and a call has not taken, then what the call returned.
    pub(crate) fn take_before(&mut self, returned: Vec<T>) -> Vec<T> {
        self.put(returned);
        self.take()
    }
}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> PartialEq for Buffer<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Buffer<T> {}

impl<T> hash::Hash for Buffer<T> {
    fn hash<H: hash::Hasher>(&self, _: &mut H) {}
}
