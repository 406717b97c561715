//! Answers of the core as HTTP.

use axum::{
    body::Body,
    http::{self, HeaderValue, header},
    response::Response,
};
use azbatch::{Timestamp, rest};
use hyper::ext::ReasonPhrase;

/// The emulator's answer as a response.
pub fn response(answer: rest::Response, now: Timestamp) -> Response {
    let reason = answer.reason;
    let response = http::Response::<Vec<u8>>::from(answer).map(Body::from);
    with_host_headers(response, reason.as_bytes(), now, "azbatch-emulator")
}

/// Adds what is the host's own: the reason in the status line, and who answers when. Dates are compared with the
/// account's times, so `Date` is by the account's clock too.
pub fn with_host_headers(
    mut response: Response,
    reason: &[u8],
    now: Timestamp,
    server: &'static str,
) -> Response {
    if let Ok(reason) = ReasonPhrase::try_from(reason) {
        response.extensions_mut().insert(reason);
    }
    let headers = response.headers_mut();
    if let Ok(date) = HeaderValue::try_from(now.rfc1123().to_string()) {
        headers.insert(header::DATE, date);
    }
    headers.insert(header::SERVER, HeaderValue::from_static(server));
    response
}
