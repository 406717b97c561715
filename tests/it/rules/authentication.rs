//! Authentication: U1 to U7. Requests that published clients signed, requests that this file signs by the same
//! rules, and every refusal. The clock is fixed at the instant at which the requests were signed.

use std::{collections::BTreeMap, fmt::Write as _};

use azbatch::{
    Account, BatchError, ErrorCode, TimeSpan, Timestamp,
    rest::{self, Answer, Anyone, Authorize, Guid, InvalidKey, Request, SharedKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use proptest::prelude::*;
use sha2::Sha256;

use crate::world::{Sent, URL};

/// The bytes 0 to 63.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
const OTHER_KEY: &str =
    "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
const DATE: &str = "Tue, 10 Feb 2026 08:00:00 GMT";
const TERMINATE: &str = "/jobs/film/terminate?api-version=2025-06-01";

/// What a client sent, without the headers that are not signed, and what its signer said.
struct Signed {
    client: &'static str,
    method: &'static str,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    text: &'static str,
    signature: &'static str,
}

/// Made by these clients' own code with [`KEY`] and [`DATE`].
const SIGNED: [Signed; 8] = [
    Signed {
        client: "Python, azure-batch 15.1.0: gets a job",
        method: "GET",
        target: "/jobs/film?api-version=2025-06-01&timeOut=30",
        headers: &[("ocp-date", DATE)],
        body: "",
        text: "GET\n\n\n\n\n\n\n\n\n\n\n\nocp-date:Tue, 10 Feb 2026 08:00:00 GMT\n\
               /contoso/jobs/film\napi-version:2025-06-01\ntimeOut:30",
        signature: "FSrbjCZBgAFIZVFj3hCKMCPeQjYGEgIKfyg7EZOo2D4=",
    },
    Signed {
        client: "Python, azure-batch 15.1.0: terminates a job",
        method: "POST",
        target: "/jobs/film/terminate?api-version=2025-06-01&timeOut=30&force=true",
        headers: &[
            ("content-type", "application/json; odata=minimalmetadata"),
            ("Content-Length", "29"),
            ("ocp-date", DATE),
            ("If-Match", r#""0x8DC2A1B2C3D4E5F""#),
        ],
        body: r#"{"terminateReason": "enough"}"#,
        text: "POST\n\n\n29\n\napplication/json; odata=minimalmetadata\n\n\n\"0x8DC2A1B2C3D4E5F\"\n\n\n\n\
               ocp-date:Tue, 10 Feb 2026 08:00:00 GMT\n\
               /contoso/jobs/film/terminate\napi-version:2025-06-01\nforce:true\ntimeOut:30",
        signature: "KCuNbCh2Q1JRJ2q3eL2AqDqPw1HM7UfKGa0yNmyUuVI=",
    },
    Signed {
        client: "Python, azure-batch 15.1.0: deletes a schedule's job",
        method: "DELETE",
        target: "/jobs/schedule%3Ajob-1?api-version=2025-06-01",
        headers: &[("ocp-date", DATE), ("Content-Length", "0")],
        body: "",
        text: "DELETE\n\n\n0\n\n\n\n\n\n\n\n\nocp-date:Tue, 10 Feb 2026 08:00:00 GMT\n\
               /contoso/jobs/schedule%3Ajob-1\napi-version:2025-06-01",
        signature: "JMQMJmvR3swvYkNHxV1i/4nqb9H+V88GRg9GNY7GIss=",
    },
    Signed {
        client: "Python, azure-batch 15.1.0: lists jobs",
        method: "GET",
        target: "/jobs?api-version=2025-06-01&maxresults=10\
                 &$filter=state%20eq%20%27active%27%20and%20id%20ge%20%27a%2Bb%27&$select=id,state",
        headers: &[("ocp-date", DATE)],
        body: "",
        text: "GET\n\n\n\n\n\n\n\n\n\n\n\nocp-date:Tue, 10 Feb 2026 08:00:00 GMT\n\
               /contoso/jobs\n$filter:state eq 'active' and id ge 'a+b'\n$select:id,state\n\
               api-version:2025-06-01\nmaxresults:10",
        signature: "8mtm0q/gR7B3JKKqgg/Rn8ltvdJnBcUhSjvIArkRpqo=",
    },
    Signed {
        client: "Python, azure-batch 14.2.0: terminates a job",
        method: "POST",
        target: "/jobs/film/terminate?api-version=2024-02-01.19.0&timeout=30",
        headers: &[
            ("Content-Type", "application/json; odata=minimalmetadata; charset=utf-8"),
            ("ocp-date", DATE),
            ("If-Match", "0x8DC2A1B2C3D4E5F"),
            ("Content-Length", "0"),
        ],
        body: "",
        text: "POST\n\n\n0\n\napplication/json; odata=minimalmetadata; charset=utf-8\n\n\n\
               0x8DC2A1B2C3D4E5F\n\n\n\nocp-date:Tue, 10 Feb 2026 08:00:00 GMT\n\
               /contoso/jobs/film/terminate\napi-version:2024-02-01.19.0\ntimeout:30",
        signature: "S2eY7Y1Pl4dlCJW7uUQ33Aieslws8gPqGskNumZfyj0=",
    },
    Signed {
        client: "JavaScript, @azure/batch 10.2.0: terminates a job",
        method: "POST",
        target: "/jobs/film/terminate?api-version=2022-10-01.16.0",
        headers: &[
            ("content-type", "application/json; odata=minimalmetadata; charset=utf-8"),
            ("ocp-date", DATE),
            ("Content-Length", "28"),
        ],
        body: r#"{"terminateReason":"enough"}"#,
        text: "POST\n\n\n28\n\napplication/json; odata=minimalmetadata; charset=utf-8\n\n\n\n\n\n\n\
               ocp-date:Tue, 10 Feb 2026 08:00:00 GMT\n\
               /contoso/jobs/film/terminate\napi-version:2022-10-01.16.0",
        signature: "J9TD6nesM7V4ZU4znLtGBjJ71UPj7A28laR67NjvUT0=",
    },
    Signed {
        client: "JavaScript, @azure/batch 10.2.0: deletes a job",
        method: "DELETE",
        target: "/jobs/film?api-version=2022-10-01.16.0",
        headers: &[("content-type", "application/json; charset=utf-8"), ("ocp-date", DATE)],
        body: "",
        text: "DELETE\n\n\n\n\napplication/json; charset=utf-8\n\n\n\n\n\n\n\
               ocp-date:Tue, 10 Feb 2026 08:00:00 GMT\n\
               /contoso/jobs/film\napi-version:2022-10-01.16.0",
        signature: "m985yeEeQupwK/v4jQBQq22aytJAKTLm5Wz+ClDtoU4=",
    },
    Signed {
        client: "JavaScript, @azure/batch 10.2.0: lists jobs",
        method: "GET",
        target: "/jobs?api-version=2022-10-01.16.0&$filter=state%20eq%20%27active%27\
                 &$select=id%2Cstate&maxresults=10",
        headers: &[("content-type", "application/json; charset=utf-8"), ("ocp-date", DATE)],
        body: "",
        text: "GET\n\n\n\n\napplication/json; charset=utf-8\n\n\n\n\n\n\n\
               ocp-date:Tue, 10 Feb 2026 08:00:00 GMT\n\
               /contoso/jobs\n$filter:state eq 'active'\n$select:id,state\n\
               api-version:2022-10-01.16.0\nmaxresults:10",
        signature: "p3gW9YlMLQMWJbXjwYL4lQCSm0W6N01cTmg5cTP3FXk=",
    },
];

/// A POST without a body, at the instant of the fixed clock.
fn post(target: &str) -> Sent {
    Sent::bare(&format!("POST {target}"), "").header("ocp-date", DATE)
}

/// What a client sent, without its signature.
fn sent_by(signed: &Signed) -> Sent {
    let sent = Sent::bare(&format!("{} {}", signed.method, signed.target), signed.body);
    signed.headers.iter().fold(sent, |sent, (name, value)| sent.header(name, *value))
}

impl Sent {
    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| found != name);
        self
    }

    fn with_body(mut self, body: &str) -> Self {
        self.body = body.into();
        self
    }

    /// Signed with this string to sign.
    fn signed_as(self, text: &str) -> Self {
        let signature = sign(KEY, text);
        self.header("Authorization", format!("SharedKey contoso:{signature}"))
    }

    /// Signed as the rules say.
    fn signed(self) -> Self {
        let text = string_to_sign(&self, "");
        self.signed_as(&text)
    }

    /// Passes it on at the instant at which it was signed.
    fn at_once<T>(&self, then: impl FnOnce(&Request<'_>) -> T) -> T {
        self.request(now(), Guid::from_u128(1), then)
    }

    /// Whether it is authorized, with the key and at the instant at which it was signed.
    fn authorize(&self) -> Result<(), BatchError> {
        self.authorize_at(now())
    }

    fn authorize_at(&self, wall_clock: Timestamp) -> Result<(), BatchError> {
        self.at_once(|request| key().guard(wall_clock).authorize(request, URL))
    }

    /// The code and the detail of its refusal.
    fn refusal(&self) -> (ErrorCode, String) {
        let error = self.authorize().expect_err("it is authorized");
        (error.code, error.values.first().map_or_else(String::new, |value| value.value.clone()))
    }

    fn answer(&self, account: &mut Account, guard: &impl Authorize) -> Answer {
        self.at_once(|request| rest::answer_guarded(account, request, now(), guard))
    }
}

fn now() -> Timestamp {
    Timestamp::parse_rfc1123(DATE).unwrap()
}

fn key() -> SharedKey {
    SharedKey::new("contoso", KEY).unwrap()
}

fn sign(key: &str, text: &str) -> String {
    let signer = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(key).unwrap()).unwrap();
    STANDARD.encode(signer.chain_update(text).finalize().into_bytes())
}

/// What the Python clients sign, written from their rules and not from the crate's code. `empty` is the length
/// that is signed for an empty body.
fn string_to_sign(call: &Sent, empty: &str) -> String {
    let text_of = |value| std::str::from_utf8(value).unwrap();
    let headers: BTreeMap<String, &str> =
        call.headers.iter().map(|(name, value)| (name.to_lowercase(), text_of(value))).collect();
    let length = if call.body.is_empty() { empty.to_string() } else { call.body.len().to_string() };
    let mut text = call.method.clone() + "\n";
    for name in [
        "content-encoding",
        "content-language",
        "content-length",
        "content-md5",
        "content-type",
        "date",
        "if-modified-since",
        "if-match",
        "if-none-match",
        "if-unmodified-since",
        "range",
    ] {
        let value = if name == "content-length" { &length } else { *headers.get(name).unwrap_or(&"") };
        text += &(value.to_string() + "\n");
    }
    for (name, value) in headers.iter().filter(|(name, _)| name.starts_with("ocp-")) {
        writeln!(text, "{name}:{value}").unwrap();
    }
    let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
    write!(text, "/contoso{path}").unwrap();
    let parameters: BTreeMap<&str, &str> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    for (name, value) in parameters {
        write!(text, "\n{name}:{}", unescape(value)).unwrap();
    }
    text
}

fn unescape(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap().to_string();
    parts.fold(first, |text, part| {
        text + &char::from(u8::from_str_radix(&part[..2], 16).unwrap()).to_string() + &part[2..]
    })
}

/// U3: requests signed by published clients are accepted, and the signer in this file signs the same.
#[test]
fn requests_signed_by_clients_are_accepted() {
    for signed in &SIGNED {
        let call = sent_by(signed);
        let empty = call.headers.iter().find(|(name, _)| name == "Content-Length").map_or("", |_| "0");
        assert_eq!(string_to_sign(&call, empty), signed.text, "{}", signed.client);
        assert_eq!(sign(KEY, signed.text), signed.signature, "{}", signed.client);
        let authorization = format!("SharedKey contoso:{}", signed.signature);
        assert_eq!(
            call.clone().header("Authorization", authorization.as_str()).authorize(),
            Ok(()),
            "{}",
            signed.client
        );
        let answer = call
            .header("authorization", authorization.as_str())
            .answer(&mut Account::new(URL), &key().guard(now()));
        assert!(matches!(answer.response.status, 200 | 404), "{}: {:?}", signed.client, answer.response);
    }
}

/// U3, U4: a request is signed as published clients sign it. Those that sign names of parameters as sent
/// have other signatures if a name is not in lower case.
#[test]
fn requests_are_signed_as_clients_sign_them() {
    let mut same = 0;
    for signed in &SIGNED {
        let call = sent_by(signed);
        let authorization = call.at_once(|request| key().sign(request));
        if signed.target.contains("timeOut") {
            assert_ne!(authorization, format!("SharedKey contoso:{}", signed.signature), "{}", signed.client);
        } else {
            assert_eq!(authorization, format!("SharedKey contoso:{}", signed.signature), "{}", signed.client);
            same += 1;
        }
        assert_eq!(call.header("Authorization", authorization).authorize(), Ok(()), "{}", signed.client);
    }
    assert_eq!(same, 6);
}

/// U3: a client may sign before its HTTP library adds the header with the length of the body.
#[test]
fn the_length_of_a_body_is_signed_also_before_there_is_a_header() {
    let call = Sent::post("/jobs", "{\"id\":\"job\"}").header("ocp-date", "Tue, 10 Feb 2026 08:00:00 GMT");
    let authorization = call.at_once(|request| key().sign(request));
    let sent = call.header("Content-Length", "12").header("Authorization", authorization);
    assert_eq!(sent.authorize(), Ok(()));
}

/// U3: every part of the string counts.
#[test]
fn every_signed_part_counts() {
    for signed in &SIGNED {
        let call = sent_by(signed).header("Authorization", format!("SharedKey contoso:{}", signed.signature));
        let mut changed = vec![
            Sent { method: "PUT".into(), ..call.clone() },
            Sent { target: call.target.replacen("/jobs", "/Jobs", 1), ..call.clone() },
            Sent { target: call.target.replacen("api-version=202", "api-version=201", 1), ..call.clone() },
            Sent { target: call.target.clone() + "&other=1", ..call.clone() },
            call.clone().with_body(&format!("{} ", signed.body)),
        ];
        for name in [
            "Content-Encoding",
            "Content-Language",
            "Content-MD5",
            "Content-Type",
            "If-Modified-Since",
            "If-Match",
            "If-None-Match",
            "If-Unmodified-Since",
            "Range",
            "ocp-range",
            "Ocp-Anything",
        ] {
            changed.push(call.clone().header(name, "x"));
        }
        for call in changed {
            let (code, _) = call.refusal();
            assert_eq!(code, ErrorCode::AuthenticationFailed, "{}, {:?}", signed.client, call.headers);
        }
    }
}

/// U3: what is not signed does not matter.
#[test]
fn other_headers_do_not_matter() {
    let call = post(TERMINATE).signed();
    assert_eq!(call.clone().header("User-Agent", "x").header("client-request-id", "y").authorize(), Ok(()));
    assert_eq!(call.header("If-Match", " ").header("ocp-range", "").authorize(), Ok(()));
}

/// U3: names in any case, values without the space around them, two lines of one name joined.
#[test]
fn headers_are_normalised() {
    let call = post(TERMINATE).header("IF-MATCH", "\"a\"").header("OCP-B", "2").header("Ocp-A", "1").signed();
    let mut padded = call.clone();
    for (_, value) in &mut padded.headers {
        *value = [b" ", value.as_slice(), b"\t"].concat();
    }
    assert_eq!(padded.authorize(), Ok(()));
    let text = string_to_sign(&call.clone().without("IF-MATCH").header("IF-MATCH", "\"a\",\"b\""), "");
    let split = call.without("Authorization").header("if-match", "\"b\"");
    assert_eq!(split.signed_as(&text).authorize(), Ok(()));
}

/// U4: an empty body is of length 0 or of none; any other has its own.
#[test]
fn both_lengths_of_an_empty_body_are_accepted() {
    for method in ["POST", "DELETE", "GET"] {
        for sent in [None, Some("0")] {
            for signed in ["", "0"] {
                let mut call = Sent { method: method.into(), ..post(TERMINATE) };
                call.headers.extend(sent.map(|sent| ("Content-Length".into(), sent.into())));
                let text = string_to_sign(&call, signed);
                assert_eq!(call.signed_as(&text).authorize(), Ok(()), "{method} {sent:?} {signed}");
            }
        }
    }
    let full = post(TERMINATE).with_body("{}");
    let text = string_to_sign(&full, "");
    assert_eq!(full.clone().signed_as(&text).authorize(), Ok(()));
    for length in ["", "0", "3"] {
        let text = text.replacen("\n2\n", &format!("\n{length}\n"), 1);
        assert_eq!(full.clone().signed_as(&text).refusal().0, ErrorCode::AuthenticationFailed);
    }
}

/// U4: .NET and Java sign lower-case names and empty values, Python signs neither.
#[test]
fn both_forms_of_a_query_are_accepted() {
    let call = post("/jobs/film/terminate?timeOut=30&Force=&%41=%C3%A4+b&api-version=2025-06-01&timeOut=9&");
    let head =
        "POST\n\n\n\n\n\n\n\n\n\n\n\nocp-date:Tue, 10 Feb 2026 08:00:00 GMT\n/contoso/jobs/film/terminate";
    for (query, accepted) in [
        ("\na:ä b\napi-version:2025-06-01\nforce:\ntimeout:30", true),
        ("\nA:ä b\napi-version:2025-06-01\ntimeOut:30", true),
        ("\na:ä b\napi-version:2025-06-01\ntimeout:30", false),
        ("\na:ä b\napi-version:2025-06-01\nforce:\ntimeout:9", false),
        ("\nA:ä b\napi-version:2025-06-01\ntimeOut:30\ntimeOut:9", false),
        ("\na:ä+b\napi-version:2025-06-01\nforce:\ntimeout:30", false),
        ("", false),
    ] {
        let authorized = call.clone().signed_as(&format!("{head}{query}")).authorize();
        assert_eq!(authorized.is_ok(), accepted, "{query}");
    }
}

/// U2: no header, and unknown forms.
#[test]
fn the_authorization_header_has_two_forms() {
    let (code, name) = post(TERMINATE).refusal();
    assert_eq!((code, name.as_str()), (ErrorCode::MissingRequiredHeader, "Authorization"));
    assert_eq!(post(TERMINATE).header("Authorization", " ").refusal().0, code);
    for value in [
        "SharedKey",
        "SharedKey contoso",
        "SharedKey contoso:",
        "SharedKey :AA==",
        "SharedKeyLite contoso:AA==",
        "Basic Y29udG9zbzp4",
        "contoso:AA==",
        "Bearer",
        "Bearer  ",
        "\u{e4} contoso:AA==",
    ] {
        let (code, detail) = post(TERMINATE).header("Authorization", value).refusal();
        assert_eq!((code, detail.as_str()), (ErrorCode::InvalidAuthenticationInfo, ""), "{value}");
    }
    let twice = post(TERMINATE).signed().signed();
    assert_eq!(twice.refusal().0, ErrorCode::InvalidAuthenticationInfo);
    let headers: [(&str, &[u8]); 1] = [("Authorization", b"SharedKey contoso:\xff")];
    let refused = post(TERMINATE)
        .at_once(|request| key().guard(now()).authorize(&Request { headers: &headers, ..*request }, URL));
    assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidAuthenticationInfo);
    let lower = post(TERMINATE).signed();
    let value = String::from_utf8(lower.headers.last().unwrap().1.clone()).unwrap();
    let value = value.replace("SharedKey ", "sharedkey  ");
    assert_eq!(lower.without("Authorization").header("Authorization", value).authorize(), Ok(()));
}

/// U3: to the byte.
#[test]
fn the_refusal_of_a_wrong_signature_shows_the_expected_string() {
    let call = post(TERMINATE).header("Content-Length", "0");
    let text = string_to_sign(&call, "0");
    let wrong = call.header("Authorization", format!("SharedKey contoso:{}", sign(OTHER_KEY, &text)));
    let answer = wrong.answer(&mut Account::new(URL), &key().guard(now()));
    assert_eq!(answer.response.status, 403);
    assert_eq!(answer.effects, []);
    let body = String::from_utf8(answer.response.body).unwrap();
    let expected = "\"values\":[\r\n    {\r\n      \"key\":\"AuthenticationErrorDetail\",\"value\":\"The MAC \
                    signature found in the HTTP request 'SIGNATURE' is not the same as any computed signature. \
                    Server used following string to sign: 'POST\\n\\n\\n0\\n\\n\\n\\n\\n\\n\\n\\n\\nocp-date:Tue, \
                    10 Feb 2026 08:00:00 GMT\\n/contoso/jobs/film/terminate\\napi-version:2025-06-01'.\"\r\n    \
                    }\r\n  ]\r\n}";
    assert!(body.ends_with(&expected.replace("SIGNATURE", &sign(OTHER_KEY, &text))), "{body}");
    for signature in ["x", "AA==", "////", "\"", &sign(KEY, &text)[..43]] {
        let call = post(TERMINATE).header("Authorization", format!("SharedKey contoso:{signature}"));
        let (code, detail) = call.refusal();
        assert_eq!(code, ErrorCode::AuthenticationFailed);
        assert!(detail.contains(&format!("'{signature}' is not")), "{detail}");
        assert!(detail.contains("'POST\n\n\n\n\n"), "{detail}");
    }
}

/// U5
#[test]
fn another_account_is_not_found() {
    for name in ["fabrikam", "Contoso"] {
        let (code, detail) =
            post(TERMINATE).header("Authorization", format!("SharedKey {name}:AA==")).refusal();
        assert_eq!(code, ErrorCode::AuthenticationFailed);
        let text = "Cannot find the claimed account when trying to GetProperties for the account";
        assert_eq!(detail, format!("{text} {name}."));
    }
}

/// U6: 15 minutes, either way, by the wall clock.
#[test]
fn a_signed_request_is_valid_for_15_minutes() {
    let call = post(TERMINATE).signed();
    let (quarter, tick) = (TimeSpan::from_secs(900), TimeSpan::from_ticks(1).unwrap());
    let before = Timestamp::from_ticks(now().ticks() - quarter.ticks()).unwrap();
    for instant in [now(), before, now().saturating_add(quarter)] {
        assert_eq!(call.authorize_at(instant), Ok(()));
    }
    let detail = |instant| call.authorize_at(instant).unwrap_err().values[0].value.clone();
    let too_late = now().saturating_add(quarter).saturating_add(tick);
    assert_eq!(detail(too_late), format!("Request date header too old: '{DATE}'"));
    let too_early = Timestamp::from_ticks(before.ticks() - 1).unwrap();
    assert_eq!(detail(too_early), format!("Request date header too far in the future: '{DATE}'"));
    assert!(call.authorize_at(Timestamp::MIN).is_err() && call.authorize_at(Timestamp::MAX).is_err());
}

/// U6: the virtual clock of the account does not matter.
#[test]
fn the_clock_of_the_account_does_not_count() {
    let call = post("/jobs/film/terminate?api-version=2025-06-01").signed();
    let long_ago = Timestamp::parse_iso8601("2001-01-01T00:00:00Z").unwrap();
    let key = key();
    let answer = call.at_once(|request| {
        let request = Request { received: long_ago, ..*request };
        rest::answer_guarded(&mut Account::new(URL), &request, long_ago, &key.guard(now()))
    });
    assert_eq!(answer.response.status, 404);
}

/// U6: `ocp-date` before `Date`, which then is not signed.
#[test]
fn one_of_two_dates_counts() {
    let late = "Tue, 10 Feb 2026 09:00:00 GMT";
    let both = post(TERMINATE).signed().header("Date", late);
    assert_eq!(both.authorize(), Ok(()));
    let plain = post(TERMINATE).without("ocp-date");
    assert_eq!(plain.clone().header("Date", DATE).signed().authorize(), Ok(()));
    assert_eq!(plain.clone().header("date", "Tuesday, 10-Feb-26 08:00:00 GMT").signed().authorize(), Ok(()));
    for (call, expected) in [
        (plain.clone(), "Request date header not specified".to_string()),
        (
            plain.clone().header("ocp-date", " ").header("Date", ""),
            "Request date header not specified".into(),
        ),
        (plain.clone().header("Date", late), format!("Request date header too far in the future: '{late}'")),
        (plain.clone().header("Date", "today"), "The Date header in the request is incorrect.".into()),
        (
            plain.header("ocp-date", "Do., 02 M\u{e4}r 2017 12:53:51 GMT").header("Date", DATE),
            "The Date header in the request is incorrect.".into(),
        ),
    ] {
        let call = call.signed();
        assert_eq!(call.refusal(), (ErrorCode::AuthenticationFailed, expected), "{:?}", call.headers);
    }
}

/// U6, Q10: an `ocp-date` in the query counts after one in a header and before `Date`.
#[test]
fn ocp_date_in_the_query_counts() {
    let call = |date: &str| post(&format!("{TERMINATE}&ocp-date={date}"));
    let (on_time, late) = ("2026-02-10T08:00:00Z", "2026-02-10T09:00:00Z");
    assert_eq!(call(on_time).without("ocp-date").signed().authorize(), Ok(()));
    assert_eq!(call(late).signed().authorize(), Ok(()), "the header counts");
    let late = call(late).without("ocp-date").signed().refusal().1;
    assert_eq!(late, "Request date header too far in the future: 'Tue, 10 Feb 2026 09:00:00 GMT'");
    let malformed = call("today").without("ocp-date").signed().refusal().1;
    assert_eq!(malformed, "The Date header in the request is incorrect.");
}

/// U7
#[test]
fn the_host_decides_about_bearer_tokens() {
    let call = post(TERMINATE).without("ocp-date").header("Authorization", "bearer  abc.def ");
    let detail = "The bearer token is not valid.".to_string();
    assert_eq!(call.refusal(), (ErrorCode::AuthenticationFailed, detail));
    let key = key();
    let account = Account::new(URL);
    let guard = key.guard(now()).with_bearer(|token| token == "abc.def");
    assert_eq!(call.at_once(|request| guard.authorize(request, account.url())), Ok(()));
    let other = call.without("Authorization").header("Authorization", "Bearer abc");
    assert!(other.at_once(|request| guard.authorize(request, account.url())).is_err());
    let signed = post(TERMINATE).signed();
    assert_eq!(signed.at_once(|request| guard.authorize(request, account.url())), Ok(()));
}

/// S5: after path and method, before api-version and everything after it.
#[test]
fn authorization_comes_after_the_method_and_before_the_api_version() {
    let unknown = post("/nothing");
    let key = key();
    let code = |call: &Sent, guard: &dyn Authorize| {
        let answer = call.answer(&mut Account::new(URL), &guard);
        assert_eq!(answer.effects, []);
        answer.response.reason
    };
    let guard = key.guard(now());
    for (call, expected) in [
        (unknown, ErrorCode::InvalidUri),
        (post("/jobs/film/tasks/1"), ErrorCode::UnsupportedHttpVerb),
        (post("/jobs/film/terminate"), ErrorCode::MissingRequiredHeader),
        (post("/jobs/film/terminate?api-version=x"), ErrorCode::MissingRequiredHeader),
        (post(TERMINATE).with_body("{"), ErrorCode::MissingRequiredHeader),
        (post("/jobs/film/terminate").signed(), ErrorCode::MissingRequiredQueryParameter),
        (post(TERMINATE).signed(), ErrorCode::JobNotFound),
    ] {
        assert_eq!(code(&call, &guard), expected.text(), "{}", call.target);
    }
    // An invalid date fails authorization if there is any, and is an invalid header otherwise.
    let call = post(TERMINATE).without("ocp-date").header("ocp-date", "x").signed();
    assert_eq!(code(&call, &guard), ErrorCode::AuthenticationFailed.text());
    assert_eq!(code(&call, &Anyone), ErrorCode::InvalidHeaderValue.text());
}

/// U1, I4
#[test]
fn an_unauthorized_request_changes_nothing() {
    let add = post("/jobs?api-version=2025-06-01")
        .header("Content-Type", "application/json")
        .with_body(r#"{"id":"film","poolInfo":{"poolId":"studio"}}"#);
    let mut account = Account::new(URL);
    let key = key();
    assert_eq!(add.answer(&mut account, &key.guard(now())).response.status, 400);
    assert_eq!(account, Account::new(URL));
    let mut open = account.clone();
    assert_eq!(add.clone().signed().answer(&mut account, &key.guard(now())).response.status, 201);
    let anyone = add.answer(&mut open.clone(), &Anyone);
    assert_eq!(add.at_once(|request| rest::answer(&mut open, request, now())), anyone);
    assert_eq!(open, account);
}

/// U3
#[test]
fn a_key_is_base64() {
    for text in ["", "=", "x", "AA", "AA=", "AA==\n", "A A=", "-_-_"] {
        assert_eq!(SharedKey::new("contoso", text).unwrap_err(), InvalidKey, "{text:?}");
    }
    assert_eq!(InvalidKey.to_string(), "an account key is base64 of at least one byte");
    let shown = format!("{:?}", SharedKey::new("contoso", "c2VjcmV0").unwrap());
    assert!(shown.contains("contoso") && !shown.contains("c2VjcmV0") && !shown.contains("115"), "{shown}");
}

proptest! {
    // U2: random input is never authorized, and never makes the check panic.
    #[test]
    fn invented_credentials_are_refused(
        target in "/jobs[/?&=%+a-zA-Z\u{e4}]{0,30}",
        headers in prop::collection::vec(
            (
                prop_oneof![Just("Authorization"), Just("ocp-date"), Just("Date"), Just("OCP-x"), Just("If-Match")],
                prop_oneof![
                    any::<Vec<u8>>(),
                    "(SharedKey|Bearer) [contso]{0,7}:?[a-zA-Z=]{0,8}".prop_map(String::into_bytes),
                    Just(DATE.as_bytes().to_vec()),
                    Just(b"SharedKey contoso:AAAA".to_vec()),
                ],
            ),
            0..6,
        ),
        body in any::<Vec<u8>>(),
    ) {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        let (received, request_id) = (now(), Guid::from_u128(1));
        let request =
            Request { method: "POST", target: &target, headers: &headers, body: &body, received, request_id };
        prop_assert!(key().guard(now()).authorize(&request, URL).is_err());
    }
}

/// U3: of a body that is too large anyway the host need not have read the rest.
#[test]
fn a_body_that_is_too_large_gets_413() {
    let whole =
        post(TERMINATE).header("Content-Length", "5000000").header("Content-Type", "application/json");
    let text = string_to_sign(&whole.clone().with_body(&"x".repeat(5_000_000)), "");
    let read = whole.with_body(&"x".repeat(1024 * 1024 + 1)).signed_as(&text);
    assert_eq!(read.authorize(), Ok(()));
    let answer = read.answer(&mut Account::new(URL), &key().guard(now()));
    assert_eq!(answer.response.status, 413);
}
