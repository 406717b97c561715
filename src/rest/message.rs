//! Requests and answers, as a transport sees them.

use alloc::{string::String, vec::Vec};

use crate::{
    Effect, Timestamp,
    rest::{guid::Guid, response_headers::ResponseHeaders},
};

/// A request as it came in. The transport has read it whole and settled what is its own: HTTP
/// version, Host, transfer coding.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// Path and query as sent, such as `/jobs/job-1?api-version=2024-07-01.20.0`.
    pub target: &'a str,
    /// Names, in any case, and values. The same name may stand more than once.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The whole body.
    pub body: &'a [u8],
    /// When it arrived: a new job's creationTime ([T6](crate::evidence#t6)), and where its timeout starts
    /// ([F4](crate::evidence#f4)).
    pub received: Timestamp,
    /// The id that the host gives it.
    pub request_id: Guid,
}

/// The service's answer.
///
/// The default is an empty one, with status 200: the memory for a response that is to be written, which
/// [`answer_into`](crate::rest::answer_into) uses again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The HTTP reason phrase; on a refusal the first line of its message.
    pub reason: &'static str,
    /// Names as the service writes them, and values. `Date`, `Server` and the like are the host's.
    ///
    /// `Content-Length` is among them where the service is known to send it: on refusals and on 204. A
    /// host whose transport counts the body by itself drops it, or else sends it as it is. A refusal of
    /// a `HEAD` has it without a body, as HTTP wants: it tells how long the body would have been.
    pub headers: ResponseHeaders,
    /// The body, often empty.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header, by its name without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }
}

impl Default for Response {
    fn default() -> Self {
        Self { status: 200, reason: "OK", headers: ResponseHeaders::default(), body: Vec::new() }
    }
}

/// An answer, and what the host must do besides sending it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[must_use = "instructions among the effects must be carried out"]
pub struct Answer {
    /// What goes back to the client.
    pub response: Response,
    /// What follows; empty for reads and refusals.
    pub effects: Vec<Effect>,
}

/// A [`Request`] that owns its parts, for a host that queues, logs or replicates requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the fields are those of `Request`")]
pub struct OwnedRequest {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub received: Timestamp,
    pub request_id: Guid,
}

impl OwnedRequest {
    /// Calls a function with the request, for example [`answer`](crate::rest::answer).
    ///
    /// ```
    /// # use azbatch::{Account, Timestamp, rest::{self, Guid, OwnedRequest}};
    /// # let mut account = Account::new("https://contoso.westus.batch.azure.com");
    /// # let now = Timestamp::MIN;
    /// let request = OwnedRequest {
    ///     method: "GET".into(),
    ///     target: "/jobs?api-version=2024-07-01.20.0".into(),
    ///     headers: Vec::new(),
    ///     body: Vec::new(),
    ///     received: now,
    ///     request_id: Guid::from_u128(1),
    /// };
    /// let answer = request.with(|request| rest::answer(&mut account, request, now));
    /// assert_eq!(answer.response.status, 200);
    /// ```
    pub fn with<T>(&self, call: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        call(&Request {
            method: &self.method,
            target: &self.target,
            headers: &headers,
            body: &self.body,
            received: self.received,
            request_id: self.request_id,
        })
    }
}

impl From<&Request<'_>> for OwnedRequest {
    fn from(request: &Request<'_>) -> Self {
        let headers = request.headers.iter();
        Self {
            method: request.method.into(),
            target: request.target.into(),
            headers: headers.map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: request.body.into(),
            received: request.received,
            request_id: request.request_id,
        }
    }
}
