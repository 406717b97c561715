//! What the answer to a request depends on besides the account, and how answers are put together.

use alloc::{format, string::String, vec::Vec};
use core::fmt::{Display, Write};

use crate::{
    BatchError, Clock, ETag, ErrorCode, Timestamp,
    rest::{
        exchange::{Context, Reply},
        message::{Request, Response},
        odata::{version::ApiVersion, write::error_body},
        operations::{Operation, ReplyHeaders},
        parameters::Headers,
    },
};

/// The content type of every body of JSON that the service writes.
const JSON: &str = "application/json;odata=minimalmetadata";

/// How long a client that sends too many requests is asked to wait.
const RETRY_AFTER_SECONDS: &str = "30";

/// As many headers as an answer about a resource has.
const MOST_HEADERS: usize = 8;

/// What the answer depends on besides the account.
pub(super) struct Frame<'a> {
    pub(super) request: Request<'a>,
    pub(super) operation: &'static Operation,
    pub(super) version: ApiVersion,
    /// When the request times out (F4).
    pub(super) expires: Timestamp,
}

impl Frame<'_> {
    /// F4
    pub(super) fn check_timeout(&self, now: Timestamp) -> Result<(), BatchError> {
        if self.expires < now { Err(ErrorCode::OperationTimedOut.into()) } else { Ok(()) }
    }

    pub(super) fn context(&self, now: Timestamp) -> Context<'_> {
        let (path, query) = split(self.request.target);
        Context { path, query, request_id: self.request.request_id.as_str(), version: self.version, now }
    }

    pub(super) fn refuse(&self, account_url: &str, error: &BatchError, now: Timestamp) -> Response {
        refuse(account_url, error, &self.request, now)
    }

    pub(super) fn print(&self, account_url: &str, reply: Reply, now: Timestamp) -> Response {
        let status = if reply.is_not_modified { 304 } else { self.operation.status };
        let own_url = || self.context(now).own_url(account_url);
        let (has_stamps, id, location) = match self.operation.headers {
            ReplyHeaders::Plain => (false, None, None),
            ReplyHeaders::Stamps => (true, None, None),
            ReplyHeaders::Id => (false, Some(own_url()), None),
            ReplyHeaders::StampsAndId => (true, Some(own_url()), None),
            ReplyHeaders::Added => (true, reply.added_url.clone(), reply.added_url),
        };
        let mut headers = Vec::with_capacity(MOST_HEADERS);
        if let Some(last_modified) = reply.last_modified.filter(|_| has_stamps) {
            headers.push(("ETag", header(ETag::from(last_modified))));
            headers.push(("Last-Modified", header(last_modified.rfc1123()))); // T4
        }
        headers.extend(id.map(|id| ("DataServiceId", id)));
        headers.extend(location.map(|location| ("Location", location)));
        if !reply.body.is_empty() {
            headers.push(("Content-Type", JSON.into()));
        } else if status == 204 {
            headers.push(("Content-Length", "0".into()));
        }
        self.send(status, headers, reply.body)
    }

    /// An answer with headers beside those that every answer has.
    pub(super) fn send(&self, status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Response {
        let mut all = common_headers(&self.request);
        all.extend(headers);
        finish(Response { status, reason: reason(status), headers: all, body }, &self.request)
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

/// The path and the query.
pub(super) fn split(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}

fn common_headers(request: &Request<'_>) -> Vec<(&'static str, String)> {
    let mut headers = Vec::with_capacity(MOST_HEADERS);
    headers.push(("request-id", request.request_id.as_str().into()));
    headers.push(("DataServiceVersion", "3.0".into()));
    headers
}

/// The value of a header that is an ETag or a date. There is room for either, so the text never moves.
fn header(value: impl Display) -> String {
    let mut text = String::with_capacity(32);
    // A text takes all that is written to it.
    let _ = write!(text, "{value}");
    text
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
