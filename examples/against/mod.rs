//! A client of a Batch service over HTTP: an account at Azure, or an emulator.
//!
//! Requests are sent as they are given, with an `ocp-date`, and signed with the account's key.

#![allow(dead_code, reason = "no example needs all of it")]

use std::{
    fmt::{self, Display},
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use azbatch::{
    TimeSpan, Timestamp,
    rest::{Guid, InvalidKey, Request, SharedKey},
};
use ureq::{Agent, config::AutoHeaderValue, http};

/// Longer than the service may spend on any request (F4).
const PATIENCE: Duration = Duration::from_secs(130);
/// Connections are closed by a service that has heard nothing for a while, so older ones are not used again.
const IDLE: Duration = Duration::from_secs(20);
const LARGEST_BODY: u64 = 64 << 20;

/// An account, and who asks it.
pub struct Service {
    agent: Agent,
    /// Without a slash at its end.
    url: String,
    key: SharedKey,
}

/// What is asked. It has no `Debug`, so that nothing prints more of it than it means to.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub method: &'a str,
    /// Path and query, with `api-version` unless it is meant to be missing.
    pub target: &'a str,
    /// Beside `ocp-date`, `Content-Length` and `Authorization`, which are added unless they are given.
    pub headers: &'a [(&'a str, &'a str)],
    /// `None` sends neither a body nor a length. `Some(b"")` sends the length 0.
    pub body: Option<&'a [u8]>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answered {
    pub status: u16,
    /// In the order in which they came, but those of one name together. Names are in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// The address is not `http://HOST[:PORT]` or `https://HOST[:PORT]`.
    Address,
    Key(InvalidKey),
    /// The request cannot be written down as HTTP.
    Request(http::Error),
    /// The service could not be reached, or broke off. It may have carried out the request all the same.
    Connection(Box<ureq::Error>),
}

impl Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => write!(f, "an address is http://HOST:PORT or https://HOST, without a path"),
            Self::Key(error) => error.fmt(f),
            Self::Request(error) => write!(f, "this cannot be sent as HTTP: {error}"),
            Self::Connection(error) => write!(f, "no answer: {error}"),
        }
    }
}

impl std::error::Error for Unanswered {}

impl From<http::Error> for Unanswered {
    fn from(error: http::Error) -> Self {
        Self::Request(error)
    }
}

impl From<ureq::Error> for Unanswered {
    fn from(error: ureq::Error) -> Self {
        Self::Connection(Box::new(error))
    }
}

impl Service {
    /// Nothing is sent yet.
    pub fn new(url: &str, account: &str, key: &str) -> Result<Self, Unanswered> {
        let key = SharedKey::new(account, key).map_err(Unanswered::Key)?;
        let url = url.strip_suffix('/').unwrap_or(url);
        let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let is_host = |host: &str| !host.is_empty() && !host.contains(['/', '?', '#', '@']);
        if !host.is_some_and(is_host) {
            return Err(Unanswered::Address);
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .user_agent("azbatch-examples")
            .timeout_global(Some(PATIENCE))
            .max_idle_age(IDLE)
            .build()
            .new_agent();
        Ok(Self { agent, url: url.to_owned(), key })
    }

    /// Where it is, as scheme, host and port.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether others on the way can read what is sent, though not the key.
    pub fn is_readable_by_others(&self) -> bool {
        self.url.starts_with("http://") && !is_loopback(&self.url)
    }

    /// Sends a request, with the date and the signature, and waits for the answer.
    ///
    /// It is sent once: who does not know whether it arrived can look.
    pub fn ask(&self, asked: &Asked<'_>) -> Result<Answered, Unanswered> {
        let length = asked.body.map(|body| body.len().to_string());
        let now = now();
        let date = now.rfc1123().to_string();
        let mut headers = asked.headers.to_vec();
        let is_given = |name: &str| asked.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        if !is_given("ocp-date") {
            headers.push(("ocp-date", &date));
        }
        if let Some(length) = &length
            && !is_given("content-length")
        {
            headers.push(("Content-Length", length));
        }
        let authorization = self.sign(asked, &headers, now);
        if !is_given("authorization") {
            headers.push(("Authorization", &authorization));
        }
        self.send(asked, &headers)
    }

    fn sign(&self, asked: &Asked<'_>, headers: &[(&str, &str)], now: Timestamp) -> String {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        self.key.sign(&Request {
            method: asked.method,
            target: asked.target,
            headers: &headers,
            body: asked.body.unwrap_or_default(),
            received: now,
            request_id: Guid::from_u128(0),
        })
    }

    fn send(&self, asked: &Asked<'_>, headers: &[(&str, &str)]) -> Result<Answered, Unanswered> {
        let mut request =
            http::Request::builder().method(asked.method).uri(format!("{}{}", self.url, asked.target));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = match asked.body {
            Some(body) => self.agent.run(request.body(body)?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let (head, mut body) = answer.into_parts();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        let headers = headers.collect();
        let body = body.with_config().limit(LARGEST_BODY).read_to_vec()?;
        Ok(Answered { status: head.status.as_u16(), headers, body })
    }
}

impl Answered {
    /// The first value of a header, by its name in any case; `None` also if it is not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }
}

/// Whether a service of this address, with its scheme, is on this machine.
pub fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, host)| host).trim_end_matches('/');
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A path with its query, and this api-version added to it.
pub fn versioned(target: &str, version: &str) -> String {
    let separator = if target.contains('?') { '&' } else { '?' };
    format!("{target}{separator}api-version={version}")
}

/// The wall clock: the service does not accept a date that is 15 minutes off (U6).
pub fn now() -> Timestamp {
    const UNIX_EPOCH_TICKS: u64 = 621_355_968_000_000_000;
    let unix = Timestamp::from_ticks(UNIX_EPOCH_TICKS).unwrap_or(Timestamp::MIN);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeSpan::try_from(since).map_or(Timestamp::MAX, |since| unix.saturating_add(since))
}
