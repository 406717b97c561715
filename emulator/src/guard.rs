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
    /// Accepts what is signed with the account's key, which is given in base64.
    ///
    /// # Errors
    /// The key is no base64.
    pub fn key(account: &str, key: &str) -> Result<Self, InvalidKey> {
        SharedKey::new(account, key).map(Self::Key)
    }

    /// Reads a request, and checks its signature. Clients sign the current time, which is independent of the
    /// account's time.
    ///
    /// # Errors
    /// The refusal.
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
