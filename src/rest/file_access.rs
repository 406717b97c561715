//! From a request about files that the account allows to its answer. The crate decides what to look up and
//! how to answer; the host looks it up, with no lock on the account.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::ops::Range;

use crate::{
    Account, BatchError, Clock, ErrorCode, Preconditions, Timestamp,
    condition::Read,
    rest::{
        exchange::Reply,
        files::{
            FileAction, FilePlace, FileRequest,
            found::{FileContent, FileEntry, FileItem, FileMetadata, FileProblem, FileTimes},
            path::FilePath,
            shown::{entry, file_mode, file_url},
        },
        frame::Frame,
        list::List,
        message::Response,
        odata::shown::Slot,
        percent::escaped,
        range::ByteRange,
        response_headers::ResponseHeaders,
    },
};

/// What the host must do with files before it can answer. Each kind has its own `answer`, which takes what
/// the host has found.
#[derive(Debug)]
pub enum FileAccess<'a> {
    /// List files.
    List(ListFiles<'a>),
    /// Read a file.
    Get(GetFile<'a>),
    /// Look at a file or a directory.
    Properties(GetFileProperties<'a>),
    /// Delete a file or a directory.
    Delete(DeleteFile<'a>),
}

/// The files at a place are to be listed.
#[derive(Debug)]
pub struct ListFiles<'a> {
    allowed: Allowed<'a>,
    list: List,
    recursive: bool,
}

/// A file, or a part of it, is to be read.
#[derive(Debug)]
pub struct GetFile<'a> {
    allowed: Allowed<'a>,
    path: FilePath,
    range: Option<ByteRange>,
    preconditions: Preconditions,
}

/// What is known of a file or a directory is to be looked up.
#[derive(Debug)]
pub struct GetFileProperties<'a> {
    allowed: Allowed<'a>,
    path: FilePath,
    preconditions: Preconditions,
}

/// A file or a directory is to be deleted.
#[derive(Debug)]
pub struct DeleteFile<'a> {
    allowed: Allowed<'a>,
    path: FilePath,
    recursive: bool,
}

/// What all kinds have: a request that the account allows, and the place that it is about.
struct Allowed<'a> {
    frame: Frame<'a>,
    account_url: String,
    place: FilePlace,
}

impl<'a> FileAccess<'a> {
    /// V3: the timeout, the place, then the path.
    pub(super) fn decide(
        frame: Frame<'a>,
        request: FileRequest,
        account: &Account,
        now: Timestamp,
    ) -> Result<Self, Response> {
        let FileRequest { owner, action } = request;
        let located = frame.check_timeout(now).and_then(|()| owner.locate(account, now));
        let place = match located {
            Ok(place) => place,
            Err(error) => {
                let mut response = Response::default();
                frame.refuse(account.url(), &error, now, &mut response);
                return Err(response);
            }
        };
        let allowed = Allowed { frame, account_url: account.url().into(), place };
        let found = |path: Result<FilePath, ErrorCode>, allowed: Allowed<'a>| match path {
            Ok(path) => Ok((path, allowed)),
            Err(code) => Err(allowed.refuse(&code.into(), now)),
        };
        Ok(match action {
            FileAction::List { list, recursive } => Self::List(ListFiles { allowed, list, recursive }),
            FileAction::Get { path, range, preconditions } => {
                let (path, allowed) = found(path, allowed)?;
                Self::Get(GetFile { allowed, path, range, preconditions })
            }
            FileAction::Properties { path, preconditions } => {
                let (path, allowed) = found(path, allowed)?;
                Self::Properties(GetFileProperties { allowed, path, preconditions })
            }
            FileAction::Delete { path, recursive } => {
                let (path, allowed) = found(path, allowed)?;
                Self::Delete(DeleteFile { allowed, path, recursive })
            }
        })
    }

    /// Where the files are.
    pub fn place(&self) -> &FilePlace {
        match self {
            Self::List(list) => list.place(),
            Self::Get(get) => get.place(),
            Self::Properties(properties) => properties.place(),
            Self::Delete(delete) => delete.place(),
        }
    }

    /// The response of a host that has no files: lists are empty, and no file is found.
    pub fn answer_without_files(self, clock: impl Clock) -> Response {
        match self {
            Self::List(list) => list.answer(Ok(Vec::new()), clock),
            Self::Get(get) => get.answer(Err(FileProblem::NotFound), clock),
            Self::Properties(properties) => properties.answer(Err(FileProblem::NotFound), clock),
            Self::Delete(delete) => delete.answer(Err(FileProblem::NotFound), clock),
        }
    }
}

impl ListFiles<'_> {
    /// What is to be listed.
    pub fn place(&self) -> &FilePlace {
        &self.allowed.place
    }

    /// Whether what is in directories is to be listed too. Otherwise only what is in the place itself is
    /// ([V4](crate::evidence#v4)).
    pub fn is_recursive(&self) -> bool {
        self.recursive
    }

    /// The response, with what the host found in any order. Filters and pages are made of it here
    /// ([V4](crate::evidence#v4)).
    pub fn answer(self, found: Result<Vec<FileEntry>, FileProblem>, clock: impl Clock) -> Response {
        let Self { allowed, list, .. } = self;
        let now = clock.now();
        let mut entries = match found {
            Ok(entries) => entries,
            Err(problem) => return allowed.refuse(&problem.into(), now),
        };
        entries.sort_unstable();
        let after = list.after.as_deref();
        let entries = entries.iter().filter(|entry| after.is_none_or(|after| entry.path.as_str() > after));
        let (url, place) = (&allowed.account_url, &allowed.place);
        let items = entries.map(|found| {
            (escaped(found.path.as_str()), move |slot: &mut Slot<'_>| entry(url, place, found, slot))
        });
        let mut response = Response::default();
        let reply = list.reply_at(url, &allowed.frame.context(now), "files", items, &mut response.body);
        allowed.frame.accept(url, &reply, &mut response);
        response
    }
}

impl GetFile<'_> {
    /// Where the file is.
    pub fn place(&self) -> &FilePlace {
        &self.allowed.place
    }

    /// The file's path below the place.
    pub fn path(&self) -> &FilePath {
        &self.path
    }

    /// The part of the file that the client asks for, if not the whole file ([V7](crate::evidence#v7)).
    pub fn range(&self) -> Option<ByteRange> {
        self.range
    }

    /// The bytes to read of a file that has this length: none, if the range is beyond it.
    pub fn bytes_of(&self, content_length: u64) -> Range<u64> {
        self.range.map_or(Some(0..content_length), |range| range.within(content_length)).unwrap_or(0..0)
    }

    /// The response. For a directory the host says that no file was found.
    pub fn answer(self, found: Result<FileContent, FileProblem>, clock: impl Clock) -> Response {
        let Self { allowed, path, range, preconditions } = self;
        let now = clock.now();
        let content = match found {
            Ok(content) => content,
            Err(problem) => return allowed.refuse(&problem.into(), now),
        };
        let metadata = content.metadata;
        if let Some(response) = allowed.unmet(&preconditions, metadata.times, now) {
            return response;
        }
        if range.is_some_and(|range| range.within(metadata.content_length).is_none()) {
            return allowed.refuse(&ErrorCode::InvalidRange.into(), now); // V7
        }
        let mut response = Response { body: content.bytes, ..Response::default() };
        allowed.frame.send(allowed.frame.operation.status, &mut response, |headers| {
            allowed.push_headers(&path, &FileItem::File(metadata), headers);
        });
        response
    }
}

impl GetFileProperties<'_> {
    /// Where the file is.
    pub fn place(&self) -> &FilePlace {
        &self.allowed.place
    }

    /// The path of the file or directory, below the place.
    pub fn path(&self) -> &FilePath {
        &self.path
    }

    /// The response.
    pub fn answer(self, found: Result<FileItem, FileProblem>, clock: impl Clock) -> Response {
        let Self { allowed, path, preconditions } = self;
        let now = clock.now();
        let item = match found {
            Ok(item) => item,
            Err(problem) => return allowed.refuse(&problem.into(), now),
        };
        let (times, content_length) = match item {
            FileItem::Directory(times) => (times, 0),
            FileItem::File(metadata) => (metadata.times, metadata.content_length),
        };
        if let Some(response) = allowed.unmet(&preconditions, times, now) {
            return response;
        }
        let mut response = Response::default();
        allowed.frame.send(allowed.frame.operation.status, &mut response, |headers| {
            allowed.push_headers(&path, &item, headers);
            headers.push("Content-Length", content_length); // V5
        });
        response
    }
}

impl DeleteFile<'_> {
    /// Where the file is.
    pub fn place(&self) -> &FilePlace {
        &self.allowed.place
    }

    /// The path of the file or directory, below the place.
    pub fn path(&self) -> &FilePath {
        &self.path
    }

    /// Whether a directory is to be deleted with what is in it. Otherwise one that is not empty is in use
    /// ([V8](crate::evidence#v8)).
    pub fn is_recursive(&self) -> bool {
        self.recursive
    }

    /// The response, once the host has deleted it or has not.
    pub fn answer(self, deleted: Result<(), FileProblem>, clock: impl Clock) -> Response {
        let Self { allowed, .. } = self;
        let now = clock.now();
        match deleted {
            Ok(()) => {
                let mut response = Response::default();
                allowed.frame.accept(&allowed.account_url, &Reply::empty(), &mut response);
                response
            }
            Err(problem) => allowed.refuse(&problem.into(), now),
        }
    }
}

impl Allowed<'_> {
    fn refuse(&self, error: &BatchError, now: Timestamp) -> Response {
        let mut response = Response::default();
        self.frame.refuse(&self.account_url, error, now, &mut response);
        response
    }

    /// V6: the refusal, or the 304, if the request's condition is not met.
    fn unmet(&self, preconditions: &Preconditions, times: FileTimes, now: Timestamp) -> Option<Response> {
        match preconditions.check_read(times.last_modified) {
            Ok(Read::Modified) => None,
            Ok(Read::NotModified) => {
                let mut response = Response::default();
                self.frame.send(304, &mut response, |headers| {
                    headers.push("Last-Modified", times.last_modified.rfc1123());
                });
                Some(response)
            }
            Err(error) => Some(self.refuse(&error, now)),
        }
    }

    /// V5: what is known of a file, in headers.
    fn push_headers(&self, path: &FilePath, item: &FileItem, headers: &mut ResponseHeaders) {
        let (times, metadata) = match item {
            FileItem::Directory(times) => (times, None),
            FileItem::File(metadata) => (&metadata.times, Some(metadata)),
        };
        if let Some(created) = times.created {
            headers.push("ocp-creation-time", created.rfc1123());
        }
        let is_directory = if metadata.is_some() { "False" } else { "True" };
        headers.push("ocp-batch-file-isdirectory", is_directory);
        let url = file_url(&self.account_url, &self.place, path).to_string();
        headers.push("ocp-batch-file-url", escaped(&url));
        headers.push("Last-Modified", times.last_modified.rfc1123());
        if let Some(FileMetadata { content_type, mode, .. }) = metadata {
            if let Some(mode) = mode {
                headers.push("ocp-batch-file-mode", file_mode(*mode));
            }
            headers.push("Content-Type", content_type.as_str());
        }
    }
}

impl core::fmt::Debug for Allowed<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut debug = f.debug_struct("Allowed");
        debug.field("request", &self.frame.request).field("place", &self.place).finish_non_exhaustive()
    }
}
