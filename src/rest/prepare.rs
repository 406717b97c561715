//! From a request to an answer, in two halves: what needs no account, then the rest.

use alloc::format;
use core::mem;

use crate::{
    Account, BatchError, Clock, ErrorCode, Preconditions, Timestamp,
    rest::{
        authorize::{Anyone, Authorize},
        exchange::{Act, MAX_BODY_BYTES, ReadAct, Reading, WriteAct},
        file_access::FileAccess,
        files::FileRequest,
        frame::{Frame, refuse, refuse_into, split},
        message::{Answer, Request, Response},
        operations::{Found, Operation, Work},
        parameters::{Headers, Query},
        range::ByteRange,
    },
};

/// A request that has been read and authorized; what is left depends on the account.
#[derive(Debug)]
pub enum Prepared<'a> {
    /// It changes nothing, so it needs the account only to read from it, and has no effects.
    Read(PreparedRead<'a>),
    /// It may change the account.
    Write(PreparedWrite<'a>),
    /// It is about files, which only the host knows. It needs the account only to read from it, and has no
    /// effects.
    File(PreparedFile<'a>),
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

/// A prepared request about files ([V1](crate::evidence#v1)).
pub struct PreparedFile<'a> {
    frame: Frame<'a>,
    request: FileRequest,
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
///     Ok(Prepared::File(file)) => file.answer(&account, now),
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
/// A request about files is answered as by a host without any; see [`PreparedFile::decide`].
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
    let mut answer = Answer::default();
    answer_into(account, request, clock, guard, &mut answer);
    answer
}

/// Like [`answer_guarded`], but writes over an answer. Its memory for headers, body and effects is used again, so
/// a host that answers one request after the other allocates for what stays in the account and little else.
///
/// ```
/// use azbatch::{Account, Timestamp, rest::{self, Answer, Anyone, Guid, Request}};
///
/// let mut account = Account::new("https://contoso.westus.batch.azure.com");
/// let now = Timestamp::parse_iso8601("2026-02-10T08:00:00Z")?;
/// let mut answer = Answer::default();
/// for (number, target) in ["/jobs?api-version=2024-07-01.20.0", "/jobs/film"].into_iter().enumerate() {
///     let request = Request {
///         method: "GET",
///         target,
///         headers: &[],
///         body: &[],
///         received: now,
///         request_id: Guid::from_u128(number as u128),
///     };
///     rest::answer_into(&mut account, &request, now, &Anyone, &mut answer);
///     assert_eq!(answer.response.status, if number == 0 { 200 } else { 400 });
/// }
/// # Ok::<(), azbatch::ParseError>(())
/// ```
pub fn answer_into(
    account: &mut Account,
    request: &Request<'_>,
    clock: impl Clock,
    guard: &impl Authorize,
    answer: &mut Answer,
) {
    let now = clock.now();
    match read(request, account.url(), now, guard) {
        Ok(prepared) => prepared.answer_into(account, now, answer),
        Err(error) => {
            answer.effects.clear();
            refuse_into(account.url(), &error, request, now, &mut answer.response);
        }
    }
}

impl Prepared<'_> {
    /// The answer, and the effects if the request changes something. A request about files is answered as
    /// by a host without any.
    pub fn answer(self, account: &mut Account, clock: impl Clock) -> Answer {
        let mut answer = Answer::default();
        self.answer_into(account, clock, &mut answer);
        answer
    }

    /// Like [`answer`](Self::answer), but writes over an answer; see [`answer_into`].
    pub fn answer_into(self, account: &mut Account, clock: impl Clock, answer: &mut Answer) {
        answer.effects.clear();
        match self {
            Self::Read(read) => read.answer_into(account, clock, &mut answer.response),
            Self::Write(write) => write.answer_into(account, clock, answer),
            Self::File(file) => answer.response = file.answer(account, clock),
        }
    }
}

impl PreparedRead<'_> {
    /// The response.
    pub fn answer(self, account: &Account, clock: impl Clock) -> Response {
        let mut response = Response::default();
        self.answer_into(account, clock, &mut response);
        response
    }

    /// Like [`answer`](Self::answer), but writes over a response; see [`answer_into`].
    pub fn answer_into(self, account: &Account, clock: impl Clock, response: &mut Response) {
        let Self { frame, act } = self;
        let now = clock.now();
        response.body.clear();
        let reply =
            frame.check_timeout(now).and_then(|()| act(account, &frame.context(now), &mut response.body));
        match reply {
            Ok(reply) => frame.accept(account.url(), &reply, response),
            Err(error) => frame.refuse(account.url(), &error, now, response),
        }
    }
}

impl PreparedWrite<'_> {
    /// The answer, with its effects. A refused request has changed nothing and has no effects.
    pub fn answer(self, account: &mut Account, clock: impl Clock) -> Answer {
        let mut answer = Answer::default();
        self.answer_into(account, clock, &mut answer);
        answer
    }

    /// Like [`answer`](Self::answer), but writes over an answer; see [`answer_into`].
    pub fn answer_into(self, account: &mut Account, clock: impl Clock, answer: &mut Answer) {
        let Self { frame, act } = self;
        let Answer { response, effects } = answer;
        let now = clock.now();
        response.body.clear();
        effects.clear();
        // After a refusal the account still has what was lent to it, and there is nothing to lend here.
        if effects.capacity() > 0 {
            account.append_to(mem::take(effects));
        }
        let written =
            frame.check_timeout(now).and_then(|()| act(account, &frame.context(now), &mut response.body));
        match written {
            Ok((reply, followed)) => {
                *effects = followed;
                frame.accept(account.url(), &reply, response);
            }
            Err(error) => frame.refuse(account.url(), &error, now, response),
        }
    }
}

impl<'a> PreparedFile<'a> {
    /// Decides what the account knows: whether the job, task or node exists and its files can be there.
    /// The host then looks the files up, without the account, and [answers](FileAccess) with what it finds.
    ///
    /// ```
    /// use azbatch::{
    ///     Account, Timestamp,
    ///     rest::{self, ContentType, FileAccess, FileContent, FileMetadata, FileTimes, Guid, Prepared, Request},
    /// };
    ///
    /// let mut account = Account::new("https://contoso.westus.batch.azure.com");
    /// let now = Timestamp::parse_iso8601("2026-02-10T08:00:00Z")?;
    /// account.add_unmanaged_node(&"studio".parse()?, &"tvm-1".parse()?, 1, now)?;
    /// let request = Request {
    ///     method: "GET",
    ///     target: "/pools/studio/nodes/tvm-1/files/shared/note.txt?api-version=2025-06-01",
    ///     headers: &[],
    ///     body: &[],
    ///     received: now,
    ///     request_id: Guid::from_u128(1),
    /// };
    /// let Ok(Prepared::File(file)) = rest::prepare(&request, account.url(), now) else { panic!() };
    /// let Ok(FileAccess::Get(get)) = file.decide(&account, now) else { panic!() };
    /// assert_eq!((get.place().directory(), get.path().as_str()), (None, "shared/note.txt"));
    /// let metadata = FileMetadata {
    ///     times: FileTimes { created: None, last_modified: now },
    ///     content_length: 2,
    ///     content_type: ContentType::Text,
    ///     mode: Some(0o100_644),
    /// };
    /// assert_eq!(get.bytes_of(metadata.content_length), 0..2);
    /// let response = get.answer(Ok(FileContent { metadata, bytes: b"hi".to_vec() }), now);
    /// assert_eq!((response.status, response.body.as_slice()), (200, b"hi".as_slice()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The refusal, as the response to send ([V3](crate::evidence#v3)).
    pub fn decide(self, account: &Account, clock: impl Clock) -> Result<FileAccess<'a>, Response> {
        let Self { frame, request } = self;
        FileAccess::decide(frame, request, account, clock.now())
    }

    /// The response of a host that has no files: lists are empty, and no file is found.
    pub fn answer(self, account: &Account, clock: impl Clock) -> Response {
        let now = clock.now();
        match self.decide(account, now) {
            Ok(access) => access.answer_without_files(now),
            Err(refusal) => refusal,
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

impl core::fmt::Debug for PreparedFile<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PreparedFile").field("request", &self.frame.request).finish_non_exhaustive()
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
    let headers = Headers::collect(request.headers);
    let checked = query.check_date().and_then(|()| check_headers(&headers, request.body, operation, now));
    let (body, received) = (request.body, request.received);
    let reading = |(preconditions, range)| Reading {
        body,
        query: &query,
        version,
        preconditions,
        range,
        force,
        received,
    };
    let work = if operation.reads_query_only() {
        let work = found.read(reading(checked.clone().unwrap_or_default()))?;
        checked.map(|_| work)?
    } else {
        found.read(reading(checked?))?
    };
    let expires = received.saturating_add(timeout);
    let client_request_id = headers.echoed_client_request_id();
    let frame = Frame { request: *request, client_request_id, operation, version, expires };
    Ok(match work {
        Work::Act(Act::Read(act)) => Prepared::Read(PreparedRead { frame, act }),
        Work::Act(Act::Write(act)) => Prepared::Write(PreparedWrite { frame, act }),
        Work::Files(request) => Prepared::File(PreparedFile { frame, request }),
    })
}

/// Checks the headers, and the body as far as they and its size tell about it.
fn check_headers(
    headers: &Headers<'_>,
    body: &[u8],
    operation: &Operation,
    now: Timestamp,
) -> Result<(Preconditions, Option<ByteRange>), BatchError> {
    let preconditions = headers.check(operation.conditions, now)?;
    let range = if operation.has_range { headers.range()? } else { None };
    if body.len() > MAX_BODY_BYTES {
        return Err(
            BatchError::from(ErrorCode::RequestBodyTooLarge).with("MaxLimit", format!("{MAX_BODY_BYTES}"))
        ); // B1
    }
    if !body.is_empty() {
        headers.check_content_type()?; // B2
    }
    Ok((preconditions, range))
}
