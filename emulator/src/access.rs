//! Who may use the control interface and its page.
//!
//! - Where the service's requests need authorization, the control interface needs its token.
//! - Requests that a browser sends for another site are refused always, and so are those to an unknown host
//!   name: it may be another site's, which has taken this machine's address.

use std::{error::Error, net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio_rustls::rustls::crypto::ring::default_provider;

/// Who may.
pub struct Access {
    /// What requests must bring, if anything.
    token: Option<String>,
    /// Host names beside `localhost` and addresses.
    names: Vec<String>,
}

impl Access {
    /// Who has the token, if there must be one, and under which names beside `localhost` and addresses.
    pub fn new(token: Option<String>, names: Vec<String>) -> Self {
        Self { token, names }
    }

    /// A token that nobody can guess.
    ///
    /// # Errors
    /// The system provides no random numbers.
    pub fn new_token() -> Result<String, Box<dyn Error>> {
        let mut bytes = [0; 16];
        default_provider()
            .secure_random
            .fill(&mut bytes)
            .map_err(|_| "the system provides no random numbers")?;
        Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
    }

    /// Whether a request says that it comes from another site, or is for another host.
    fn is_foreign(&self, method: &Method, headers: &HeaderMap) -> bool {
        let text =
            |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let host = text(header::HOST);
        if host.is_some_and(|host| !self.knows(host)) {
            return true;
        }
        if let Some(origin) = text(header::ORIGIN) {
            let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            return !authority
                .is_some_and(|authority| host.is_some_and(|host| authority.eq_ignore_ascii_case(host)));
        }
        // A browser that sends no origin says this. A link from another site to the page is no harm.
        let is_link =
            method == Method::GET && headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        let site = headers.get("sec-fetch-site");
        !is_link && site.is_some_and(|site| site != "same-origin" && site != "none")
    }

    /// Whether a host, with its port, is an address, `localhost` or a name that was given.
    fn knows(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(address) => address.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let is_local = name == "localhost" || name.ends_with(".localhost");
        is_local
            || name.parse::<IpAddr>().is_ok()
            || self.names.iter().any(|known| known.eq_ignore_ascii_case(&name))
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        given.and_then(|given| given.split_once(' ')).is_some_and(|(scheme, given)| {
            scheme.eq_ignore_ascii_case("bearer") && is_same(given.trim().as_bytes(), token.as_bytes())
        })
    }
}

/// Compares all bytes, so that the time does not tell how many are right.
fn is_same(given: &[u8], token: &[u8]) -> bool {
    given.len() == token.len() && given.iter().zip(token).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// Refuses requests that a browser sends for another site.
pub async fn refuse_foreign(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    if access.is_foreign(request.method(), request.headers()) {
        let why = "The control interface refuses requests from other sites and for unknown host names. To make a \
                   host name known, start the server with --control-host NAME.\n";
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    next.run(request).await
}

/// Refuses requests without the token, if there must be one.
pub async fn require_token(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    if !access.has_token(request.headers()) {
        let why = "The control interface needs the token that it was started with, as in\n\
                   curl -H 'authorization: Bearer TOKEN' ...\n";
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], why).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_foreign(method: &Method, headers: &[(&'static str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), header::HeaderValue::from_str(value).unwrap())
        });
        Access::new(None, vec!["batch".into()]).is_foreign(method, &headers.collect())
    }

    #[test]
    fn addresses_and_known_names_are_answered() {
        for host in
            ["127.0.0.1:10500", "192.168.1.2", "[::1]:10500", "localhost:1", "a.localhost", "Batch:80"]
        {
            assert!(!is_foreign(&Method::POST, &[("host", host)]), "{host}");
            let origin = format!("http://{host}");
            assert!(!is_foreign(&Method::POST, &[("host", host), ("origin", &origin)]), "{host}");
        }
        for host in [
            "evil.example:10500",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "",
            "[evil]",
            "batch.a",
        ] {
            assert!(is_foreign(&Method::GET, &[("host", host)]), "{host}");
        }
    }

    #[test]
    fn other_sites_are_refused() {
        let host = ("host", "127.0.0.1:10500");
        for origin in
            ["http://evil.example", "null", "http://127.0.0.1:8000", "http://127.0.0.1", "file://", ""]
        {
            assert!(is_foreign(&Method::POST, &[host, ("origin", origin)]), "{origin}");
        }
        for (site, mode, foreign) in [
            ("cross-site", "no-cors", true),
            ("same-site", "cors", true),
            ("cross-site", "navigate", false),
            ("same-origin", "cors", false),
            ("none", "navigate", false),
        ] {
            let headers = [host, ("sec-fetch-site", site), ("sec-fetch-mode", mode)];
            assert_eq!(is_foreign(&Method::GET, &headers), foreign, "{site} {mode}");
        }
        assert!(is_foreign(
            &Method::POST,
            &[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]
        ));
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        let access = Access::new(Some("abc".into()), Vec::new());
        for (given, is_right) in [
            ("Bearer abc", true),
            ("bearer abc", true),
            ("Bearer abd", false),
            ("Bearer ab", false),
            ("Basic abc", false),
            ("abc", false),
        ] {
            let headers = [(header::AUTHORIZATION, header::HeaderValue::from_static(given))];
            assert_eq!(access.has_token(&headers.into_iter().collect()), is_right, "{given}");
        }
        assert!(!access.has_token(&HeaderMap::new()));
        assert_ne!(Access::new_token().unwrap(), Access::new_token().unwrap());
    }
}
