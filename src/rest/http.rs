//! To and from the types of the `http` crate.

use alloc::vec::Vec;

use crate::{
    Timestamp,
    rest::{
        guid::Guid,
        message::{OwnedRequest, Response},
    },
};

impl OwnedRequest {
    /// The request of a server that uses the `http` crate, with its whole body. The host says when it
    /// arrived, and numbers it.
    ///
    /// ```
    /// use azbatch::{Account, Timestamp, rest::{self, Guid, OwnedRequest}};
    ///
    /// let mut account = Account::new("https://contoso.westus.batch.azure.com");
    /// let now = Timestamp::parse_iso8601("2026-02-10T08:00:00Z")?;
    /// let request = http::Request::get("/jobs?api-version=2024-07-01.20.0").body(Vec::new())?;
    /// let request = OwnedRequest::from_http(request, now, Guid::from_u128(1));
    /// let answer = request.with(|request| rest::answer(&mut account, request, now));
    /// let response = http::Response::<Vec<u8>>::from(answer.response);
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_http(request: http::Request<Vec<u8>>, received: Timestamp, request_id: Guid) -> Self {
        let (head, body) = request.into_parts();
        let headers = head.headers.iter();
        Self {
            method: head.method.as_str().into(),
            target: head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).into(),
            headers: headers.map(|(name, value)| (name.as_str().into(), value.as_bytes().into())).collect(),
            body,
            received,
            request_id,
        }
    }
}

impl From<Response> for http::Response<Vec<u8>> {
    /// The reason phrase is lost: the `http` crate has no place for it.
    fn from(response: Response) -> Self {
        let mut converted = Self::new(response.body);
        // The crate's own statuses and header names are valid. A value can be invalid where an account's
        // URL is; such a header is left out.
        *converted.status_mut() = http::StatusCode::from_u16(response.status).unwrap_or_default();
        for (name, value) in &response.headers {
            let name = http::HeaderName::try_from(name);
            if let (Ok(name), Ok(value)) = (name, http::HeaderValue::try_from(value)) {
                converted.headers_mut().append(name, value);
            }
        }
        converted
    }
}
