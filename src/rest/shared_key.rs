//! Shared Key authentication, as the service does it: requests are signed with the account's key, or have a
//! bearer token that the host accepts.
//!
//! Messages that were not recorded from this service are those of the storage service, which signs and refuses
//! requests in the same way.

use alloc::{borrow::Cow, boxed::Box, format, string::String, vec::Vec};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{
    BatchError, Clock, ErrorCode, ParseError, TimeSpan, Timestamp,
    rest::{
        authorize::Authorize, exchange::MAX_BODY_BYTES, message::Request, parameters::Query,
        percent::parameters,
    },
};

/// The largest difference between a request's date and the host's clock (U6).
const MAX_CLOCK_SKEW: TimeSpan = TimeSpan::from_mins(15);

/// The headers that are signed by their values alone, in their order (U3).
const SIGNED_HEADERS: [&str; 11] = [
    "Content-Encoding",
    "Content-Language",
    CONTENT_LENGTH,
    "Content-MD5",
    "Content-Type",
    DATE,
    "If-Modified-Since",
    "If-Match",
    "If-None-Match",
    "If-Unmodified-Since",
    "Range",
];

const CONTENT_LENGTH: &str = "Content-Length";
const DATE: &str = "Date";
const OCP_DATE: &str = "ocp-date";

/// An account's name and its key.
///
/// ```
/// use azbatch::{Account, Timestamp, rest::{self, Guid, Request, SharedKey}};
///
/// let key = SharedKey::new("contoso", "c2VjcmV0")?;
/// let wall_clock = Timestamp::parse_iso8601("2026-02-10T08:00:00Z")?; // `SystemClock` in a real host
/// let mut account = Account::new("https://contoso.westus.batch.azure.com");
/// let (target, request_id) = ("/jobs/film/terminate?api-version=2025-06-01", Guid::from_u128(1));
/// let request = Request { method: "POST", target, headers: &[], body: b"", received: wall_clock, request_id };
/// let answer = rest::answer_guarded(&mut account, &request, &wall_clock, &key.guard(wall_clock));
/// assert_eq!(answer.response.reason, "An HTTP header that's mandatory for this request is not specified.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SharedKey {
    account: Box<str>,
    /// HMAC state after keying. Its `Debug` output does not show the key.
    signer: Hmac<Sha256>,
}

/// Text that is not a valid account key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an account key is base64 of at least one byte")]
pub struct InvalidKey;

impl SharedKey {
    /// The key of the account with this name, in base64 as the service gives it.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] if it is empty or not base64 with its padding.
    pub fn new(account: &str, key: &str) -> Result<Self, InvalidKey> {
        let key = STANDARD.decode(key).map_err(|_| InvalidKey)?;
        if key.is_empty() {
            return Err(InvalidKey);
        }
        let signer = Hmac::new_from_slice(&key).map_err(|_| InvalidKey)?;
        Ok(Self { account: account.into(), signer })
    }

    /// A guard that accepts requests that are signed with this key and whose date is within 15 minutes of this
    /// clock.
    ///
    /// Clients sign the current time, so pass the real clock even if the account uses a virtual one
    /// ([U6](crate::evidence#u6)). Bearer tokens are refused; see [`KeyGuard::with_bearer`].
    pub fn guard<C: Clock>(&self, wall_clock: C) -> KeyGuard<'_, C> {
        KeyGuard { key: self, wall_clock, accepts_token: |_| false }
    }

    /// The `Authorization` header of a request that a client is about to send ([U3](crate::evidence#u3)).
    ///
    /// Sign last: the headers must be those that are sent, with an `ocp-date` or a `Date` among them. Names of
    /// query parameters are signed in lower case. The length of an empty body is signed as `0` if the request
    /// has a `Content-Length`, and otherwise as an empty string. When the request was received, and its id, do
    /// not matter.
    ///
    /// ```
    /// use azbatch::{Timestamp, rest::{Authorize as _, Guid, Request, SharedKey}};
    ///
    /// let key = SharedKey::new("contoso", "c2VjcmV0")?;
    /// let now = Timestamp::parse_iso8601("2026-02-10T08:00:00Z")?;
    /// let date = now.rfc1123().to_string();
    /// let headers = [("ocp-date", date.as_bytes())];
    /// let (target, request_id) = ("/jobs/film?api-version=2025-06-01", Guid::from_u128(1));
    /// let request = Request { method: "GET", target, headers: &headers, body: b"", received: now, request_id };
    /// let authorization = key.sign(&request);
    /// assert!(authorization.starts_with("SharedKey contoso:"));
    ///
    /// let headers = [headers[0], ("Authorization", authorization.as_bytes())];
    /// let signed = Request { headers: &headers, ..request };
    /// assert!(key.guard(now).authorize(&signed, "https://contoso.westus.batch.azure.com").is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign(&self, request: &Request<'_>) -> String {
        let code = self.signer.clone().chain_update(self.documented_text(request)).finalize();
        format!("SharedKey {}:{}", self.account, STANDARD.encode(code.into_bytes()))
    }
}

/// Accepts requests that are signed with a [`SharedKey`] or have a bearer token that the host accepts.
#[derive(Clone, Copy, Debug)]
pub struct KeyGuard<'a, C, B = fn(&str) -> bool> {
    key: &'a SharedKey,
    wall_clock: C,
    accepts_token: B,
}

impl<'a, C: Clock, B: Fn(&str) -> bool> KeyGuard<'a, C, B> {
    /// Also accepts the bearer tokens for which this returns true ([U7](crate::evidence#u7)).
    pub fn with_bearer<N: Fn(&str) -> bool>(self, accepts_token: N) -> KeyGuard<'a, C, N> {
        KeyGuard { key: self.key, wall_clock: self.wall_clock, accepts_token }
    }
}

impl<C: Clock, B: Fn(&str) -> bool> Authorize for KeyGuard<'_, C, B> {
    fn authorize(&self, request: &Request<'_>, _: &str) -> Result<(), BatchError> {
        match Credentials::read(request)? {
            Credentials::Bearer(token) => {
                let known = (self.accepts_token)(token);
                known.then_some(()).ok_or_else(|| failed("The bearer token is not valid.".into())) // U7
            }
            Credentials::Signature { account, signature } => {
                check_date(request, self.wall_clock.now())?;
                self.key.check(request, account, signature)
            }
        }
    }
}

/// What an Authorization header says (U2).
enum Credentials<'a> {
    Signature { account: &'a str, signature: &'a str },
    Bearer(&'a str),
}

impl<'a> Credentials<'a> {
    /// U2: an empty header counts as absent, and two headers are not a known form.
    fn read(request: &Request<'a>) -> Result<Self, BatchError> {
        const NAME: &str = "Authorization";
        let mut values = values(request, NAME);
        let value = values.next();
        let value = value
            .ok_or_else(|| BatchError::from(ErrorCode::MissingRequiredHeader).with("HeaderName", NAME))?;
        let text = core::str::from_utf8(value).ok().filter(|_| values.next().is_none());
        text.and_then(Self::parse).ok_or_else(|| ErrorCode::InvalidAuthenticationInfo.into())
    }

    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("SharedKey") {
            let (account, signature) = rest.split_once(':')?;
            (!account.is_empty() && !signature.is_empty()).then_some(Self::Signature { account, signature })
        } else {
            let is_token = scheme.eq_ignore_ascii_case("Bearer") && !rest.is_empty();
            is_token.then_some(Self::Bearer(rest))
        }
    }
}

/// The date of a request, if it has one (U6): its `ocp-date`, as a header or in the query (Q10), otherwise its
/// `Date`.
fn sent_at(request: &Request<'_>, now: Timestamp) -> Option<Result<Timestamp, ParseError>> {
    let read = |value| Timestamp::parse_http_date(value, now);
    let (_, query) = request.target.split_once('?').unwrap_or_default();
    let header = |name| values(request, name).next().map(read);
    header(OCP_DATE).or_else(|| Query::parse(query).sent_at()).or_else(|| header(DATE))
}

/// U6: the date must be within 15 minutes of the host's clock.
fn check_date(request: &Request<'_>, now: Timestamp) -> Result<(), BatchError> {
    let Some(date) = sent_at(request, now) else {
        return Err(failed("Request date header not specified".into()));
    };
    let Ok(date) = date else {
        return Err(failed("The Date header in the request is incorrect.".into()));
    };
    if now.since(date) > MAX_CLOCK_SKEW {
        return Err(failed(format!("Request date header too old: '{}'", date.rfc1123())));
    }
    if date.since(now) > MAX_CLOCK_SKEW {
        return Err(failed(format!("Request date header too far in the future: '{}'", date.rfc1123())));
    }
    Ok(())
}

impl SharedKey {
    fn check(&self, request: &Request<'_>, account: &str, signature: &str) -> Result<(), BatchError> {
        if account != &*self.account {
            return Err(failed(format!(
                "Cannot find the claimed account when trying to GetProperties for the account {account}."
            ))); // U5
        }
        // Invalid base64 matches no signature.
        let code = STANDARD.decode(signature).unwrap_or_default();
        let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
        let [lower_cased, as_sent] = [Names::LowerCased, Names::AsSent].map(|names| canonical(query, names));
        for length in lengths(request) {
            let text = self.string_to_sign(request, *length, path);
            let mut signed =
                [&lower_cased, &as_sent].into_iter().map(|query| [&text, query.as_slice()].concat());
            if signed.any(|text| self.has_code(&text, &code)) {
                return Ok(());
            }
        }
        let shown = self.documented_text(request);
        let shown = String::from_utf8_lossy(&shown);
        Err(failed(format!(
            "The MAC signature found in the HTTP request '{signature}' is not the same as any computed \
             signature. Server used following string to sign: '{shown}'."
        ))) // U3
    }

    /// The whole text that is signed, in the form that is documented (U4).
    fn documented_text(&self, request: &Request<'_>) -> Vec<u8> {
        let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
        let mut text = self.string_to_sign(request, Length::as_sent(request), path);
        text.extend_from_slice(&canonical(query, Names::LowerCased));
        text
    }

    /// In constant time, so that the time does not reveal how much of a wrong code is right.
    fn has_code(&self, text: &[u8], code: &[u8]) -> bool {
        self.signer.clone().chain_update(text).verify_slice(code).is_ok()
    }

    /// What a client signs, without the query parameters that follow (U3).
    fn string_to_sign(&self, request: &Request<'_>, length: Length, path: &str) -> Vec<u8> {
        let mut text = request.method.as_bytes().to_vec();
        for name in SIGNED_HEADERS {
            text.push(b'\n');
            match name {
                CONTENT_LENGTH => text.extend_from_slice(&length.of(request)),
                // U6: a `Date` that does not count is not signed; a proxy may have added it.
                DATE if values(request, OCP_DATE).next().is_some() => {}
                _ => text.extend_from_slice(&joined(request, name)),
            }
        }
        text.push(b'\n');
        add_own_headers(&mut text, request);
        text.push(b'/');
        text.extend_from_slice(self.account.as_bytes());
        text.extend_from_slice(path.as_bytes()); // as it was sent: clients sign the escaped path
        text
    }
}

/// How the length of an empty body is signed, in which clients differ (U4).
#[derive(Clone, Copy)]
enum Length {
    Zero,
    Nothing,
}

/// How names of query parameters are signed, in which they differ too (U4).
#[derive(Clone, Copy)]
enum Names {
    /// In lower case, as documented; parameters without a value too.
    LowerCased,
    /// As they were sent; parameters without a value not at all.
    AsSent,
}

impl Length {
    /// The one that refusals show and [`SharedKey::sign`] signs.
    fn as_sent(request: &Request<'_>) -> Self {
        if values(request, CONTENT_LENGTH).next().is_some() { Self::Zero } else { Self::Nothing }
    }

    /// What is signed: every client signs the length of a body that is not empty. The host need not read all of
    /// a body that is too large, so its length is taken from its header.
    fn of(self, request: &Request<'_>) -> Vec<u8> {
        let header = values(request, CONTENT_LENGTH).next();
        match (self, header) {
            (Self::Nothing, _) if request.body.is_empty() => Vec::new(),
            (_, Some(header)) if request.body.len() > MAX_BODY_BYTES => header.trim_ascii().to_vec(),
            (Self::Nothing | Self::Zero, _) => format!("{}", request.body.len()).into_bytes(),
        }
    }
}

/// Every form of the length that a client may have signed for this request.
fn lengths(request: &Request<'_>) -> &'static [Length] {
    if request.body.is_empty() { &[Length::Nothing, Length::Zero] } else { &[Length::Zero] }
}

/// The `ocp-` headers, each on a line with its name (U3).
fn add_own_headers(text: &mut Vec<u8>, request: &Request<'_>) {
    let mut headers: Vec<(String, &[u8])> = Vec::new();
    for (name, value) in request.headers {
        let (name, value) = (name.to_ascii_lowercase(), value.trim_ascii());
        if name.starts_with("ocp-") && !value.is_empty() {
            headers.push((name, value));
        }
    }
    headers.sort();
    for (name, value) in headers {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        text.extend_from_slice(value);
        text.push(b'\n');
    }
}

/// The query parameters, decoded, each after a line feed; of a repeated name the first (U3, U4).
fn canonical(query: &str, names: Names) -> Vec<u8> {
    let mut signed: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    for parameter in parameters(query) {
        let (name, value) = (parameter.name(), parameter.value());
        match names {
            Names::LowerCased => signed.push((Cow::Owned(name.to_ascii_lowercase()), value)),
            Names::AsSent if value.is_empty() => {}
            Names::AsSent => signed.push((name, value)),
        }
    }
    signed.sort_by(|(one, _), (other, _)| one.cmp(other)); // stable: the first stays before the second
    signed.dedup_by(|(later, _), (earlier, _)| later == earlier);
    let mut text = Vec::new();
    for (name, value) in signed {
        text.extend_from_slice(format!("\n{name}:{value}").as_bytes());
    }
    text
}

/// The values of a header that are not empty, trimmed.
fn values<'a>(request: &Request<'a>, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    let named = request.headers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.trim_ascii()).filter(|value| !value.is_empty())
}

/// A header that was sent twice is signed as the list that it stands for (RFC 9110 5.3), so that nobody
/// can add to what was signed.
fn joined(request: &Request<'_>, name: &'static str) -> Vec<u8> {
    values(request, name).collect::<Vec<_>>().join(&b',')
}

fn failed(detail: String) -> BatchError {
    BatchError::from(ErrorCode::AuthenticationFailed).with("AuthenticationErrorDetail", detail)
}
