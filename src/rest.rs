//! The REST surface: the bytes of a request in, the bytes of the service's answer out.
//!
//! [`answer`] takes a [`Request`] in any transport's clothes through its rooms: `route` names the
//! operation and `parameters` reads the query and the headers; the operation itself stands in `jobs`,
//! `tasks` or `pools`, and reads its `body` before it asks the [`Account`]; `represent` gathers what is
//! shown, `list` and `filter` choose from it, `layout` prints. The first refusal in that order is the one
//! that is answered (S5).

mod body;
mod filter;
mod jobs;
mod json;
mod layout;
mod list;
mod model;
mod operation;
mod parameters;
mod pools;
mod represent;
mod route;
#[cfg(feature = "shared-key")]
mod shared_key;
mod tasks;
mod version;

use alloc::{format, string::String, vec::Vec};
use core::{fmt, str::FromStr};

pub use layout::error_body;
#[cfg(feature = "shared-key")]
pub use shared_key::{InvalidKey, KeyGuard, SharedKey};
pub use version::ApiVersion;

use crate::{Account, BatchError, Clock, ETag, Effect, Timestamp, error::UnknownName};
use operation::Reply;
use parameters::Headers;

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
    /// When it arrived: a new job's creationTime (T6), and where its timeout starts (F4).
    pub received: Timestamp,
    /// The id that the host gives it.
    pub request_id: Guid,
}

/// The service's answer.
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
    pub headers: Vec<(&'static str, String)>,
    /// The body, often empty.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header, by its name without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// An answer, and what the host must do besides sending it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// Calls a function with the request, for example [`answer`].
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

/// A GUID in the form that the service reads and writes: 36 characters, no braces. It keeps its case and
/// is compared with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid([u8; 36]);

impl Guid {
    /// Reads a GUID; `None` if the text has any other form.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 36] = text.as_bytes().try_into().ok()?;
        let well_formed = bytes.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        well_formed.then_some(Self(bytes))
    }

    /// The GUID with this number, in lower case.
    ///
    /// ```
    /// use azbatch::rest::Guid;
    ///
    /// let guid = Guid::from_u128(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210);
    /// assert_eq!(guid.as_str(), "01234567-89ab-cdef-fedc-ba9876543210");
    /// ```
    pub fn from_u128(number: u128) -> Self {
        let mut bytes = [b'-'; 36];
        let mut rest = number;
        for (place, byte) in bytes.iter_mut().enumerate().rev() {
            if !matches!(place, 8 | 13 | 18 | 23) {
                let digit = (rest & 0xF) as u8;
                *byte = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
                rest >>= 4;
            }
        }
        Self(bytes)
    }

    /// The 36 characters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Guid {
    type Err = UnknownName;

    /// As [`Guid::parse`].
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::parse(text).ok_or(UnknownName)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Guid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Guid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("invalid GUID"))
    }
}

/// Who may call. A host that cares gives one to [`answer_guarded`]; the feature `shared-key` brings the
/// service's own, `SharedKey`.
pub trait Authorize {
    /// Lets a request in, or refuses it. It is asked once the path and the method are known to be good,
    /// and before anything else of the request is looked at (S5).
    ///
    /// # Errors
    ///
    /// The refusal to answer with: the service says `MissingRequiredHeader`, `InvalidAuthenticationInfo`
    /// or `AuthenticationFailed`.
    fn authorize(&self, request: &Request<'_>, account: &Account) -> Result<(), BatchError>;
}

impl<A: Authorize + ?Sized> Authorize for &A {
    fn authorize(&self, request: &Request<'_>, account: &Account) -> Result<(), BatchError> {
        (**self).authorize(request, account)
    }
}

/// Lets everybody in (U1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anyone;

impl Authorize for Anyone {
    fn authorize(&self, _: &Request<'_>, _: &Account) -> Result<(), BatchError> {
        Ok(())
    }
}

/// Answers a request of anyone as the service would, and changes the account if it was accepted.
///
/// Never fails: every refusal is a response. A refused request has no effects (S5, I4).
pub fn answer(account: &mut Account, request: &Request<'_>, clock: impl Clock) -> Answer {
    answer_guarded(account, request, clock, &Anyone)
}

/// Like [`answer`], but authorizes the request first.
pub fn answer_guarded(
    account: &mut Account,
    request: &Request<'_>,
    clock: impl Clock,
    guard: &impl Authorize,
) -> Answer {
    let now = clock.now();
    let headers = Headers::collect(request.headers);
    let reply = operation::answer(account, request, &headers, now, guard);
    let (response, effects) = match reply {
        Ok((reply, effects)) => (print(reply, request), effects),
        Err(error) => (print_refusal(account, &error, request, now), Vec::new()),
    };
    Answer { response: finish(response, request, &headers), effects }
}

/// The response to a request that the host refuses by itself, such as 429 or 503.
pub fn refuse(account: &Account, error: &BatchError, request: &Request<'_>, now: Timestamp) -> Response {
    let response = print_refusal(account, error, request, now);
    finish(response, request, &Headers::collect(request.headers))
}

/// What answers and refusals have in common: a `HEAD` gets no body, and a client its id if it asks (Q2).
fn finish(mut response: Response, request: &Request<'_>, headers: &Headers<'_>) -> Response {
    if request.method == "HEAD" {
        response.body.clear();
    }
    if let Some(id) = headers.echoed_client_request_id() {
        response.headers.push(("client-request-id", id.into()));
    }
    response
}

fn print_refusal(account: &Account, error: &BatchError, request: &Request<'_>, now: Timestamp) -> Response {
    let mut body = Vec::new();
    error_body(&mut body, account.url(), error, request.request_id.as_str(), now);
    let mut headers = common_headers(request);
    headers.push(("Content-Type", JSON.into()));
    headers.push(("Content-Length", format!("{}", body.len())));
    if error.code == crate::ErrorCode::TooManyRequests {
        headers.push(("Retry-After", "30".into()));
    }
    Response { status: error.code.status(), reason: error.code.text(), headers, body }
}

/// The content type of every body that the service writes.
const JSON: &str = "application/json;odata=minimalmetadata";

fn common_headers(request: &Request<'_>) -> Vec<(&'static str, String)> {
    alloc::vec![("request-id", request.request_id.as_str().into()), ("DataServiceVersion", "3.0".into())]
}

fn print(reply: Reply, request: &Request<'_>) -> Response {
    let mut headers = common_headers(request);
    if let Some(last_modified) = reply.last_modified {
        headers.push(("ETag", format!("{}", ETag::from(last_modified))));
        headers.push(("Last-Modified", format!("{}", last_modified.rfc1123()))); // T4
    }
    if let Some(id) = reply.data_service_id {
        headers.push(("DataServiceId", id));
    }
    if let Some(location) = reply.location {
        headers.push(("Location", location));
    }
    if !reply.body.is_empty() {
        headers.push(("Content-Type", JSON.into()));
    } else if reply.status == 204 {
        headers.push(("Content-Length", "0".into()));
    }
    Response { status: reply.status, reason: reason(reply.status), headers, body: reply.body }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        304 => "Not Modified",
        _ => "",
    }
}
