//! What the answer to a request depends on besides the account, and how answers are put together.

use crate::{
    BatchError, Clock, ETag, ErrorCode, Timestamp,
    rest::{
        exchange::{Context, Reply},
        guid::Guid,
        message::{Request, Response},
        odata::{version::ApiVersion, write::error_body},
        operations::{Operation, ReplyHeaders},
        parameters::Headers,
        percent::cut,
        response_headers::ResponseHeaders,
    },
};

/// The content type of every body of JSON that the service writes.
const JSON: &str = "application/json;odata=minimalmetadata";

/// How long a client that sends too many requests is asked to wait.
const RETRY_AFTER_SECONDS: &str = "30";

/// What the answer depends on besides the account.
pub(super) struct Frame<'a> {
    pub(super) request: Request<'a>,
    /// The id that the client wants back, if it wants one (Q2).
    pub(super) client_request_id: Option<Guid>,
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

    pub(super) fn refuse(&self, account_url: &str, error: &BatchError, now: Timestamp, to: &mut Response) {
        write_refusal(account_url, error, &self.request, now, to);
        finish(&self.request, self.client_request_id, to);
    }

    /// Writes the answer to a request that was accepted, beside its body, which is there already.
    pub(super) fn accept(&self, account_url: &str, reply: &Reply, to: &mut Response) {
        let status = if reply.is_not_modified { 304 } else { self.operation.status };
        let has_body = !to.body.is_empty();
        self.send(status, to, |headers| {
            self.push_stamps(reply.last_modified, headers);
            self.push_urls(account_url, reply.added_url.as_deref(), headers);
            if has_body {
                headers.push_joined("Content-Type", &[JSON]);
            } else if status == 204 {
                headers.push_joined("Content-Length", &["0"]);
            }
        });
    }

    fn push_stamps(&self, last_modified: Option<Timestamp>, headers: &mut ResponseHeaders) {
        let Some(last_modified) = last_modified else { return };
        match self.operation.headers {
            ReplyHeaders::Plain | ReplyHeaders::Id => {}
            ReplyHeaders::Stamps | ReplyHeaders::StampsAndId | ReplyHeaders::Added => {
                headers.push_joined("ETag", &[ETag::from(last_modified).text().as_str()]);
                headers.push_joined("Last-Modified", &[last_modified.rfc1123_text().as_str()]); // T4
            }
        }
    }

    fn push_urls(&self, account_url: &str, added_url: Option<&str>, headers: &mut ResponseHeaders) {
        match self.operation.headers {
            ReplyHeaders::Plain | ReplyHeaders::Stamps => {}
            ReplyHeaders::Id | ReplyHeaders::StampsAndId => {
                let (path, _) = split(self.request.target);
                headers.push_joined("DataServiceId", &[account_url, path]);
            }
            ReplyHeaders::Added => {
                if let Some(url) = added_url {
                    headers.push_joined("DataServiceId", &[url]);
                    headers.push_joined("Location", &[url]);
                }
            }
        }
    }

    /// Writes an answer that has headers beside those that every answer has. Its body is there already.
    pub(super) fn send(&self, status: u16, to: &mut Response, push: impl FnOnce(&mut ResponseHeaders)) {
        begin(status, reason(status), &self.request, to);
        push(&mut to.headers);
        finish(&self.request, self.client_request_id, to);
    }
}

/// The response to a request that the host refuses by itself, for example with 429 or 503.
pub fn refuse(account_url: &str, error: &BatchError, request: &Request<'_>, clock: impl Clock) -> Response {
    let mut response = Response::default();
    refuse_into(account_url, error, request, clock, &mut response);
    response
}

/// Like [`refuse`], but writes over a response, whose memory is used again.
pub fn refuse_into(
    account_url: &str,
    error: &BatchError,
    request: &Request<'_>,
    clock: impl Clock,
    response: &mut Response,
) {
    write_refusal(account_url, error, request, clock.now(), response);
    finish(request, Headers::collect(request.headers).echoed_client_request_id(), response);
}

fn write_refusal(
    account_url: &str,
    error: &BatchError,
    request: &Request<'_>,
    now: Timestamp,
    to: &mut Response,
) {
    to.body.clear();
    error_body(&mut to.body, account_url, error, request.request_id.as_str(), now);
    begin(error.code.status(), error.code.text(), request, to);
    to.headers.push_joined("Content-Type", &[JSON]);
    to.headers.push("Content-Length", to.body.len());
    if error.code == ErrorCode::TooManyRequests {
        to.headers.push_joined("Retry-After", &[RETRY_AFTER_SECONDS]);
    }
}

/// The path and the query.
pub(super) fn split(target: &str) -> (&str, &str) {
    let (path, query) = cut(target, b'?');
    (path, query.unwrap_or_default())
}

/// What answers and refusals begin with.
fn begin(status: u16, reason: &'static str, request: &Request<'_>, to: &mut Response) {
    (to.status, to.reason) = (status, reason);
    to.headers.clear();
    to.headers.push_joined("request-id", &[request.request_id.as_str()]);
    to.headers.push_joined("DataServiceVersion", &["3.0"]);
}

/// What answers and refusals end with: a `HEAD` gets no body, and a client its id if it asks (Q2).
fn finish(request: &Request<'_>, client_request_id: Option<Guid>, to: &mut Response) {
    if request.method == "HEAD" {
        to.body.clear();
    }
    if let Some(id) = client_request_id {
        to.headers.push_joined("client-request-id", &[id.as_str()]);
    }
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
