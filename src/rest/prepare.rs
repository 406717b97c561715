//! From a request to an answer, in two halves: what needs no account, then the rest.

use alloc::{format, string::String, vec, vec::Vec};

use crate::{
    Account, BatchError, Clock, ETag, ErrorCode, Preconditions, Timestamp,
    rest::{
        authorize::{Anyone, Authorize},
        exchange::{Act, Context, MAX_BODY_BYTES, ReadAct, Reading, Reply, WriteAct},
        message::{Answer, Request, Response},
        odata::{version::ApiVersion, write::error_body},
        operations::{Found, Operation, ReplyHeaders},
        parameters::{Headers, Query},
    },
};

/// The content type of every body that the service writes.
const JSON: &str = "application/json;odata=minimalmetadata";

/// How long a client that sends too many requests is asked to wait.
const RETRY_AFTER_SECONDS: &str = "30";

/// A request that has been read and authorized; what is left depends on the account.
#[derive(Debug)]
pub enum Prepared<'a> {
    /// It changes nothing, so it needs the account only to read from it, and has no effects.
    Read(PreparedRead<'a>),
    /// It may change the account.
    Write(PreparedWrite<'a>),
}

/// A prepared request that changes nothing.
pub struct PreparedRead<'a> {
    frame: Frame<'a>,
    act: ReadAct,
}

/// A prepared request that may change the account.
pub struct PreparedWrite<'a> {
    frame: Frame<'a>,
    act: WriteAct,
}

/// What the answer depends on besides the account.
struct Frame<'a> {
    request: Request<'a>,
    operation: &'static Operation,
    version: ApiVersion,
    /// When the request times out (F4).
    expires: Timestamp,
}

/// Reads a request of anyone: path, query, headers and body. It needs only the account's URL, so a host
/// can call it outside its lock.
///
/// ```
/// use azbatch::{Account, Timestamp, rest::{self, Guid, Prepared, Request}};
///
/// let mut account = Account::new("https://contoso.westus.batch.azure.com");
/// let now = Timestamp::parse_iso8601("2026-02-10T08:00:00Z")?;
/// let request = Request {
///     method: "GET",
///     target: "/jobs?api-version=2024-07-01.20.0",
///     headers: &[],
///     body: &[],
///     received: now,
///     request_id: Guid::from_u128(1),
/// };
/// let response = match rest::prepare(&request, account.url(), now) {
///     Err(refusal) => refusal,
///     Ok(Prepared::Read(read)) => read.answer(&account, now),
///     Ok(Prepared::Write(write)) => write.answer(&mut account, now).response,
/// };
/// assert_eq!(response.status, 200);
/// # Ok::<(), azbatch::ParseError>(())
/// ```
///
/// # Errors
/// The refusal, as the response to send. It does not depend on what is stored ([S5](crate::evidence#s5)).
pub fn prepare<'a>(
    request: &Request<'a>,
    account_url: &str,
    clock: impl Clock,
) -> Result<Prepared<'a>, Response> {
    prepare_guarded(request, account_url, clock, &Anyone)
}

/// Like [`prepare`], but authorizes the request first.
///
/// # Errors
/// As [`prepare`], and the guard's refusal.
pub fn prepare_guarded<'a>(
    request: &Request<'a>,
    account_url: &str,
    clock: impl Clock,
    guard: &impl Authorize,
) -> Result<Prepared<'a>, Response> {
    let now = clock.now();
    read(request, account_url, now, guard).map_err(|error| refuse(account_url, &error, request, now))
}

/// Answers a request of anyone as the service would, and changes the account if it was accepted.
///
/// Never fails: every refusal is a response. A refused request has no effects ([S5](crate::evidence#s5),
/// [I4](crate::evidence#i4)).
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
    match prepare_guarded(request, account.url(), now, guard) {
        Ok(prepared) => prepared.answer(account, now),
        Err(response) => Answer { response, effects: Vec::new() },
    }
}

/// The response to a request that the host refuses by itself, for example with 429 or 503.
pub fn refuse(account_url: &str, error: &BatchError, request: &Request<'_>, clock: impl Clock) -> Response {
    let mut body = Vec::new();
    error_body(&mut body, account_url, error, request.request_id.as_str(), clock.now());
    let mut headers = common_headers(request);
    headers.push(("Content-Type", JSON.into()));
    headers.push(("Content-Length", format!("{}", body.len())));
    if error.code == ErrorCode::TooManyRequests {
        headers.push(("Retry-After", RETRY_AFTER_SECONDS.into()));
    }
    let response = Response { status: error.code.status(), reason: error.code.text(), headers, body };
    finish(response, request)
}

impl Prepared<'_> {
    /// The answer, and the effects if the request changes something.
    pub fn answer(self, account: &mut Account, clock: impl Clock) -> Answer {
        match self {
            Self::Read(read) => Answer { response: read.answer(account, clock), effects: Vec::new() },
            Self::Write(write) => write.answer(account, clock),
        }
    }
}

impl PreparedRead<'_> {
    /// The response.
    pub fn answer(self, account: &Account, clock: impl Clock) -> Response {
        let Self { frame, act } = self;
        let now = clock.now();
        let reply = frame.check_timeout(now).and_then(|()| act(account, &frame.context(now)));
        match reply {
            Ok(reply) => frame.print(account, reply, now),
            Err(error) => refuse(account.url(), &error, &frame.request, now),
        }
    }
}

impl PreparedWrite<'_> {
    /// The answer, with its effects. A refused request has changed nothing and has no effects.
    pub fn answer(self, account: &mut Account, clock: impl Clock) -> Answer {
        let Self { frame, act } = self;
        let now = clock.now();
        let written = frame.check_timeout(now).and_then(|()| act(account, &frame.context(now)));
        match written {
            Ok((reply, effects)) => Answer { response: frame.print(account, reply, now), effects },
            Err(error) => {
                Answer { response: refuse(account.url(), &error, &frame.request, now), effects: Vec::new() }
            }
        }
    }
}

impl core::fmt::Debug for PreparedRead<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PreparedRead").field("request", &self.frame.request).finish_non_exhaustive()
    }
}

impl core::fmt::Debug for PreparedWrite<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PreparedWrite").field("request", &self.frame.request).finish_non_exhaustive()
    }
}

/// The first refusal in this order is the one that is answered (S5).
fn read<'a>(
    request: &Request<'a>,
    account_url: &str,
    now: Timestamp,
    guard: &impl Authorize,
) -> Result<Prepared<'a>, BatchError> {
    // The path, and who may call.
    let (path, query) = split(request.target);
    let found = Found::new(request.method, path)?;
    let operation = found.operation;
    guard.authorize(request, account_url)?; // U1

    // The query, as far as it is the same for all.
    let query = Query::parse(query);
    let version = query.api_version()?;
    found.check_version(version)?;
    let timeout = query.timeout(operation.max_timeout_seconds)?;
    let force = operation.is_forceable && query.force(version)?;

    // The headers, and what the operation itself reads.
    let checked = query.check_date().and_then(|()| check_headers(request, operation, now));
    let (body, received) = (request.body, request.received);
    let reading = |preconditions| Reading { body, query: &query, version, preconditions, force, received };
    let act = if operation.reads_query_only() {
        let act = found.read(reading(checked.clone().unwrap_or_default()))?;
        checked.map(|_| act)?
    } else {
        found.read(reading(checked?))?
    };
    let expires = received.saturating_add(timeout);
    let frame = Frame { request: *request, operation, version, expires };
    Ok(match act {
        Act::Read(act) => Prepared::Read(PreparedRead { frame, act }),
        Act::Write(act) => Prepared::Write(PreparedWrite { frame, act }),
    })
}

/// The path and the query.
fn split(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}

/// Checks the headers, and the body as far as they and its size tell about it.
fn check_headers(
    request: &Request<'_>,
    operation: &Operation,
    now: Timestamp,
) -> Result<Preconditions, BatchError> {
    let headers = Headers::collect(request.headers);
    let preconditions = headers.check(operation.is_conditional, now)?;
    if request.body.len() > MAX_BODY_BYTES {
        return Err(
            BatchError::from(ErrorCode::RequestBodyTooLarge).with("MaxLimit", format!("{MAX_BODY_BYTES}"))
        ); // B1
    }
    if !request.body.is_empty() {
        headers.check_content_type()?; // B2
    }
    Ok(preconditions)
}

impl Frame<'_> {
    /// F4
    fn check_timeout(&self, now: Timestamp) -> Result<(), BatchError> {
        if self.expires < now { Err(ErrorCode::OperationTimedOut.into()) } else { Ok(()) }
    }

    fn context(&self, now: Timestamp) -> Context<'_> {
        let (path, query) = split(self.request.target);
        Context { path, query, request_id: self.request.request_id.as_str(), version: self.version, now }
    }

    fn print(&self, account: &Account, reply: Reply, now: Timestamp) -> Response {
        let status = if reply.is_not_modified { 304 } else { self.operation.status };
        let own_url = || self.context(now).own_url(account);
        let (has_stamps, id, location) = match self.operation.headers {
            ReplyHeaders::Plain => (false, None, None),
            ReplyHeaders::Stamps => (true, None, None),
            ReplyHeaders::Id => (false, Some(own_url()), None),
            ReplyHeaders::StampsAndId => (true, Some(own_url()), None),
            ReplyHeaders::Added => (true, reply.added_url.clone(), reply.added_url),
        };
        let mut headers = common_headers(&self.request);
        if let Some(last_modified) = reply.last_modified.filter(|_| has_stamps) {
            headers.push(("ETag", format!("{}", ETag::from(last_modified))));
            headers.push(("Last-Modified", format!("{}", last_modified.rfc1123()))); // T4
        }
        headers.extend(id.map(|id| ("DataServiceId", id)));
        headers.extend(location.map(|location| ("Location", location)));
        if !reply.body.is_empty() {
            headers.push(("Content-Type", JSON.into()));
        } else if status == 204 {
            headers.push(("Content-Length", "0".into()));
        }
        let response = Response { status, reason: reason(status), headers, body: reply.body };
        finish(response, &self.request)
    }
}

fn common_headers(request: &Request<'_>) -> Vec<(&'static str, String)> {
    vec![("request-id", request.request_id.as_str().into()), ("DataServiceVersion", "3.0".into())]
}

/// What answers and refusals have in common: a `HEAD` gets no body, and a client its id if it asks (Q2).
fn finish(mut response: Response, request: &Request<'_>) -> Response {
    if request.method == "HEAD" {
        response.body.clear();
    }
    if let Some(id) = Headers::collect(request.headers).echoed_client_request_id() {
        response.headers.push(("client-request-id", id.into()));
    }
    response
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
