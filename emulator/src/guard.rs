//! Authentication.

use azbatch::{
    Account, SystemClock, Timestamp,
    rest::{self, Answer, InvalidKey, Request, SharedKey},
};

/// Whether requests must be signed.
pub enum Guard {
    /// Every request is accepted, with any signature or token, or without.
    Nobody,
    /// Only requests signed with the account's key are accepted.
    Key(SharedKey),
}

impl Guard {
    pub fn key(account: &str, key: &str) -> Result<Self, InvalidKey> {
        SharedKey::new(account, key).map(Self::Key)
    }

    /// Clients sign the current time, which is independent of the account's time.
    pub fn answer(&self, account: &mut Account, request: &Request<'_>, at: Timestamp) -> Answer {
        match self {
            Self::Nobody => rest::answer(account, request, at),
            Self::Key(key) => rest::answer_guarded(account, request, at, &key.guard(SystemClock)),
        }
    }
}
