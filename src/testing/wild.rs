//! Requests as clients might send them: well-formed and malformed, with every header.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use crate::{
    Account,
    rest::{ApiVersion, Guid, Operation, OwnedRequest},
    testing::{input::Block, names::Name, past::Past, sequence::Start, step::Step},
};

/// Bytes, of which there are zeros without end.
struct Bytes<'a>(core::slice::Iter<'a, u8>);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    /// One out of several. The first is the simplest.
    fn one_of<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::from(self.next()) % of.len()].clone()
    }

    /// True once in this many times, and false if there are no bytes left.
    fn once_in(&mut self, times: u8) -> bool {
        self.next() % times == times - 1
    }

    fn block(&mut self) -> Block {
        let mut block = Block::default();
        for byte in &mut block {
            *byte = self.next();
        }
        block
    }
}

/// The request that any bytes stand for, to one of the things that a [`Sequence`](super::Sequence) makes.
///
/// It may be a well-formed request for what a step asks for, or any operation of the service with good and bad ids,
/// parameters, headers and bodies. No bytes are `GET /jobs`.
///
/// ```
/// use azbatch::testing::request_from_bytes;
///
/// let request = request_from_bytes(&[]);
/// assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/jobs?api-version=2025-06-01"));
/// ```
pub fn request_from_bytes(bytes: &[u8]) -> OwnedRequest {
    let mut bytes = Bytes(bytes.iter());
    let well_formed = if bytes.once_in(3) { well_formed(&mut bytes) } else { None };
    let mut request = well_formed.unwrap_or_else(|| any_operation(&mut bytes));
    add_query(&mut request.target, &mut bytes);
    add_headers(&mut request, &mut bytes);
    if bytes.once_in(4) {
        spoil(&mut request.body, &mut bytes);
    }
    if bytes.once_in(16) {
        spoil_head(&mut request, &mut bytes);
    }
    request
}

/// What a user's step asks for.
fn well_formed(bytes: &mut Bytes<'_>) -> Option<OwnedRequest> {
    let (account, now) = (Account::new(""), Start::Usual.timestamp());
    let call = Step::from(bytes.block()).input().call(&account, &Past::default(), now)?;
    call.request(now)
}

fn any_operation(bytes: &mut Bytes<'_>) -> OwnedRequest {
    let operations = Operation::all();
    let operation = &operations[usize::from(bytes.next()) % operations.len()];
    let version = match bytes.next() % 8 {
        0..=5 => ApiVersion::ALL.last().copied().unwrap_or(ApiVersion::OLDEST),
        _ => bytes.one_of(ApiVersion::ALL),
    };
    let body = if matches!(operation.method, "GET" | "HEAD" | "DELETE") && !bytes.once_in(16) {
        String::new()
    } else {
        bytes.one_of(BODIES).into()
    };
    let mut headers = Vec::new();
    if !body.is_empty() {
        headers.push(("Content-Type".to_string(), b"application/json".to_vec()));
    }
    OwnedRequest {
        method: operation.method.into(),
        target: format!("{}?api-version={version}", path(operation.path, bytes)),
        headers,
        body: body.into_bytes(),
        received: Start::Usual.timestamp(),
        request_id: Guid::from_u128(1),
    }
}

/// A path with ids for what stands in braces.
fn path(template: &str, bytes: &mut Bytes<'_>) -> String {
    let segments = template.split('/').skip(1).map(|segment| {
        let Some((before, rest)) = segment.split_once('{') else { return segment.to_string() };
        let (what, after) = rest.split_once('}').unwrap_or((rest, ""));
        let name = Name(bytes.next());
        let id = match what {
            _ if bytes.once_in(16) => bytes.one_of(BAD_IDS).to_string(),
            "job" => name.job().to_string(),
            "task" => name.task().to_string(),
            "schedule" => name.schedule().to_string(),
            "pool" => name.pool().to_string(),
            "node" => name.node().to_string(),
            "user" => name.user().to_string(),
            ".." => bytes.one_of(FILES).to_string(),
            _ => "x".to_string(),
        };
        format!("{before}{id}{after}")
    });
    let path: Vec<String> = segments.collect();
    format!("/{}", path.join("/"))
}

const BAD_IDS: &[&str] = &[
    "",
    "%20",
    "a b",
    "%FF%00",
    "a%2Fb",
    "%4Aob-1",
    "job:1",
    "\u{e4}",
    "..",
    "this-id-has-more-than-sixty-four-characters-and-so-it-names-nothing",
];

const FILES: &[&str] =
    &["stdout.txt", "wd/out.bin", "wd%2Fout.bin", "", "../secret", "..%2f..%2fsecret", "wd//x", "%00"];

/// More query parameters, good and bad ones.
fn add_query(target: &mut String, bytes: &mut Bytes<'_>) {
    while bytes.once_in(3) {
        target.push('&');
        target.push_str(bytes.one_of(PARAMETERS));
    }
}

const PARAMETERS: &[&str] = &[
    "force=true",
    "force=false",
    "force=yes",
    "FORCE=TRUE",
    "timeout=30",
    "timeout=0",
    "timeout=-1",
    "timeout=31",
    "timeout=999999999999",
    "timeout=x",
    "$select=id,state",
    "$select=id,nothing",
    "$select=",
    "$select=executionInfo/startTime",
    "$expand=stats",
    "$filter=state%20eq%20'active'",
    "$filter=state%20eq%20'completed'%20and%20id%20eq%20'job-1'",
    "$filter=startswith(id,'Job')",
    "$filter=not%20(id%20eq%20'1')%20or%20true",
    "$filter=creationTime%20lt%20DateTime'2026-01-01T00:00:00Z'",
    "$filter=executionInfo/exitCode%20lt%200",
    "$filter=((((((((((((((((((((",
    "$filter=id%20eq",
    "$filter=",
    "maxresults=1",
    "maxresults=0",
    "maxresults=1000",
    "maxresults=1001",
    "maxresults=x",
    "$skiptoken=1",
    "$skiptoken=%FF",
    "recursive=true",
    "recursive=perhaps",
    "api-version=2025-06-01",
    "api-version=",
    "api-version=2025-06-01.1.0",
    "client-request-id=1",
    "ocp-date=Wed,%2014%20May%202025%2021:50:06%20GMT",
    "unknown=1",
    "=",
    "",
    "&",
    "%",
    "%zz=%",
];

/// Any of the headers that the service reads, with good and bad values.
fn add_headers(request: &mut OwnedRequest, bytes: &mut Bytes<'_>) {
    while bytes.once_in(2) {
        let (name, values) = HEADERS[usize::from(bytes.next()) % HEADERS.len()];
        let name = if bytes.once_in(4) { name.to_ascii_lowercase() } else { name.to_string() };
        let value = if bytes.once_in(8) {
            let length = bytes.next() % 16;
            (0..length).map(|_| bytes.next()).collect()
        } else {
            bytes.one_of(values).as_bytes().to_vec()
        };
        request.headers.push((name, value));
    }
}

const TAGS: &[&str] = &[
    "*",
    "\"0x8DD93314A6D8630\"",
    "0x8DD93314A6D8630",
    "W/\"0x8DD93314A6D8630\"",
    "\"0x1\", \"0x2\"",
    "\"",
    "",
    ",",
];

const DATES: &[&str] = &[
    "Wed, 14 May 2025 21:50:06 GMT",
    "Wed, 14 May 2025 21:50:07 GMT",
    "Wednesday, 14-May-25 21:50:06 GMT",
    "Thu, 14 May 2025 21:50:06 GMT",
    "Mon, 01 Jan 0001 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "2025-05-14T21:50:06Z",
    "Wed, 31 Feb 2025 21:50:06 GMT",
    "",
    "*",
];

const GUIDS: &[&str] = &[
    "9a5f5d37-5d0c-4d5e-8d6c-0d7a3f6f2f10",
    "9A5F5D37-5D0C-4D5E-8D6C-0D7A3F6F2F10",
    "{9a5f5d37-5d0c-4d5e-8d6c-0d7a3f6f2f10}",
    "9a5f5d375d0c4d5e8d6c0d7a3f6f2f10",
    "1",
    "",
];

const HEADERS: &[(&str, &[&str])] = &[
    ("If-Match", TAGS),
    ("If-None-Match", TAGS),
    ("If-Modified-Since", DATES),
    ("If-Unmodified-Since", DATES),
    ("client-request-id", GUIDS),
    ("return-client-request-id", &["true", "false", "True", "yes", ""]),
    ("ocp-date", DATES),
    ("Date", DATES),
    ("ocp-range", &["bytes=0-9", "bytes=0-", "bytes=9-0", "bytes=-5", "bytes=0-1,3-4", "items=0-1", ""]),
    (
        "Content-Type",
        &[
            "application/json; odata=minimalmetadata",
            "application/json",
            "application/json; charset=utf-8",
            "APPLICATION/JSON",
            "application/xml",
            "text/plain",
            "",
        ],
    ),
    ("Content-Length", &["0", "1", "2097152", "-1", "x"]),
    ("Accept", &["application/json", "application/json;odata=nometadata", "application/atom+xml", "*/*"]),
    ("Authorization", &["SharedKey contoso:AAAA", "Bearer x", "SharedKey", ""]),
    ("User-Agent", &["test", ""]),
    ("X-Unknown", &["1"]),
];

const BODIES: &[&str] = &[
    "",
    "{}",
    r#"{"id":"Job-1","poolInfo":{"poolId":"pool-1"}}"#,
    r#"{"id":"1","commandLine":"run"}"#,
    r#"{"value":[{"id":"1","commandLine":"run"},{"id":"02","commandLine":"run"}]}"#,
    r#"{"id":"pool-1","vmSize":"small","targetDedicatedNodes":1}"#,
    r#"{"id":"Nightly","schedule":{"recurrenceInterval":"PT1H"},"jobSpecification":{"poolInfo":{"poolId":"pool-1"}}}"#,
    r#"{"poolInfo":{"poolId":"pool-2"}}"#,
    r#"{"priority":100,"constraints":{"maxWallClockTime":"PT1H","maxTaskRetryCount":-1}}"#,
    r#"{"constraints":{"maxTaskRetryCount":3,"retentionTime":"P7D"}}"#,
    r#"{"disableTasks":"requeue"}"#,
    r#"{"disableTasks":"sometimes"}"#,
    r#"{"terminateReason":"enough"}"#,
    r#"{"nodeList":["Node-a","node-b"],"nodeDeallocationOption":"taskcompletion"}"#,
    r#"{"targetDedicatedNodes":2,"resizeTimeout":"PT15M"}"#,
    r#"{"autoScaleFormula":"$TargetDedicatedNodes = 1;"}"#,
    r#"{"autoScaleFormula":"$TargetDedicatedNodes = ;"}"#,
    r#"{"nodeRebootOption":"requeue"}"#,
    r#"{"name":"ada","password":"secret"}"#,
    r#"{"odata.metadata":"x","id":"job-2","poolInfo":{"poolId":"pool-1"},"metadata":[{"name":"a","value":"b"}]}"#,
    r#"{"id":"x y","poolInfo":{"poolId":"pool-1"}}"#,
    r#"{"id":7,"poolInfo":[]}"#,
    r#"{"id":"Job-1","id":"job-2"}"#,
    r#"{"unknown":true}"#,
    r#"{"priority":"1","maxParallelTasks":"-1"}"#,
    r#"{"priority":1e400}"#,
    "null",
    "[]",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "not JSON",
    "\u{feff}{}",
];

/// Makes a body that is likely to be malformed.
fn spoil(body: &mut Vec<u8>, bytes: &mut Bytes<'_>) {
    let place = usize::from(bytes.next());
    match bytes.next() % 5 {
        0 => body.truncate(place),
        1 => body.extend_from_slice(b"}"),
        2 if place < body.len() => body[place] = bytes.next(),
        3 if place < body.len() => drop(body.remove(place)),
        _ => body.insert(place.min(body.len()), bytes.next()),
    }
}

/// Makes a method or a target that is likely to be malformed.
fn spoil_head(request: &mut OwnedRequest, bytes: &mut Bytes<'_>) {
    const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "get", "", " "];
    match bytes.next() % 4 {
        0 => request.method = bytes.one_of(METHODS).into(),
        1 => drop(request.target.pop()),
        2 => drop(request.target.remove(0)),
        _ => {
            let letter = char::from(bytes.next());
            let place = usize::from(bytes.next()) % request.target.len();
            if request.target.is_char_boundary(place) {
                request.target.insert(place, letter);
            }
        }
    }
}
