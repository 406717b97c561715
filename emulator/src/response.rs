//! Answers of the core as HTTP.

use axum::{
    body::Body,
    http::{self, HeaderValue, header},
    response::Response,
};
use azbatch::{Timestamp, rest};
use hyper::ext::ReasonPhrase;

/// The core's answer as a response, with the headers that are the host's own. Dates are compared with the
/// account's times, so `Date` is by the account's clock too.
pub fn response(answer: rest::Response, now: Timestamp) -> Response {
    let reason = ReasonPhrase::try_from(answer.reason.as_bytes());
    let mut response = http::Response::<Vec<u8>>::from(answer).map(Body::from);
    if let Ok(reason) = reason {
        response.extensions_mut().insert(reason);
    }
    if let Ok(date) = HeaderValue::try_from(now.rfc1123().to_string()) {
        response.headers_mut().insert(header::DATE, date);
    }
    response.headers_mut().insert(header::SERVER, HeaderValue::from_static("azbatch-emulator"));
    response
}
