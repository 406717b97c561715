//! Authentication.

use azbatch::{
    SystemClock, Timestamp,
    rest::{self, InvalidKey, Prepared, Request, Response, SharedKey},
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
    pub fn prepare<'a>(
        &self,
        request: &Request<'a>,
        account_url: &str,
        at: Timestamp,
    ) -> Result<Prepared<'a>, Response> {
        match self {
            Self::Nobody => rest::prepare(request, account_url, at),
            Self::Key(key) => rest::prepare_guarded(request, account_url, at, &key.guard(SystemClock)),
        }
    }
}
