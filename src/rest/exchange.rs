//! What the operations have in common: what they read from, and what they reply with.
//!
//! Each operation is a function that reads its part of the request and returns an [`Act`]: what is left
//! to do with the account. So whatever can be refused without the account is refused before anything is
//! looked up (S5).

use alloc::{boxed::Box, format, string::String, vec::Vec};

use crate::{
    Account, BatchError, ErrorCode, Preconditions, TimeSpan, Timestamp,
    condition::Read,
    job::Effect,
    rest::{
        odata::{
            model::{Model, Name},
            shown::{Resource, Slot},
            version::ApiVersion,
            write::{self, View},
        },
        parameters::Query,
        range::ByteRange,
    },
};

/// The largest body that the service reads (B1).
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// An id in a path. Text that is not a valid id names nothing, which is a 404 when it is looked up.
pub(super) type PathId<T> = Result<T, ErrorCode>;

/// What an operation reads from.
pub(super) struct Reading<'a> {
    pub(super) body: &'a [u8],
    pub(super) query: &'a Query<'a>,
    pub(super) version: ApiVersion,
    /// The conditional headers; `None` for operations that take no conditions.
    pub(super) preconditions: Preconditions,
    /// The part of a file that is asked for; `None` for operations that take no range.
    pub(super) range: Option<ByteRange>,
    pub(super) force: bool,
    pub(super) received: Timestamp,
}

/// What an operation leaves to do after it has read the request.
pub(super) enum Act {
    /// It changes nothing, so it cannot have effects.
    Read(ReadAct),
    /// It may change the account.
    Write(WriteAct),
}

/// It appends the body of the answer to the last argument, which is the caller's and empty.
pub(super) type ReadAct =
    Box<dyn FnOnce(&Account, &Context<'_>, &mut Vec<u8>) -> Result<Reply, BatchError> + Send>;

/// As [`ReadAct`].
pub(super) type WriteAct = Box<dyn FnOnce(&mut Account, &Context<'_>, &mut Vec<u8>) -> Written + Send>;

/// The reply to an accepted request and its effects, or a refusal that depends on what is stored.
pub(super) type Written = Result<(Reply, Vec<Effect>), BatchError>;

impl Act {
    pub(super) fn read(
        act: impl FnOnce(&Account, &Context<'_>, &mut Vec<u8>) -> Result<Reply, BatchError> + Send + 'static,
    ) -> Self {
        Self::Read(Box::new(act))
    }

    /// A change whose answer has no body.
    pub(super) fn write(act: impl FnOnce(&mut Account, &Context<'_>) -> Written + Send + 'static) -> Self {
        Self::write_with_body(move |account, context, _| act(account, context))
    }

    pub(super) fn write_with_body(
        act: impl FnOnce(&mut Account, &Context<'_>, &mut Vec<u8>) -> Written + Send + 'static,
    ) -> Self {
        Self::Write(Box::new(act))
    }
}

/// What an operation replies with, beside the body. The table of operations says which of the headers are sent.
#[derive(Default)]
pub(super) struct Reply {
    /// That the client has the resource already: 304 instead of the operation's own status (H2).
    pub(super) is_not_modified: bool,
    pub(super) last_modified: Option<Timestamp>,
    /// The URL of something that was added.
    pub(super) added_url: Option<String>,
}

impl Reply {
    /// The reply to a change of something that has no ETag, or whose ETag no longer matters.
    pub(super) fn empty() -> Self {
        Self::default()
    }

    /// The reply to a request that asks only whether something with an ETag exists.
    pub(super) fn exists(
        last_modified: Timestamp,
        preconditions: &Preconditions,
    ) -> Result<Self, BatchError> {
        let is_not_modified = match preconditions.check_read(last_modified)? {
            Read::Modified => false,
            Read::NotModified => true,
        };
        Ok(Self { is_not_modified, ..Self::changed(last_modified) })
    }

    /// The reply to a change of something that has an ETag.
    pub(super) fn changed(last_modified: Timestamp) -> Self {
        Self { last_modified: Some(last_modified), ..Self::default() }
    }

    /// The reply that shows something that has no ETag. `set` is the part of its metadata that is its own.
    pub(super) fn shown(
        account: &Account,
        set: &str,
        model: &'static Model,
        version: ApiVersion,
        shown: Resource<'_>,
        body: &mut Vec<u8>,
    ) -> Self {
        let view = View { model, version, select: None };
        write::resource(body, &[account.url(), "/$metadata#", set], view, shown);
        Self::empty()
    }

    /// The reply to an addition.
    pub(super) fn added(last_modified: Timestamp, url: String) -> Self {
        Self { last_modified: Some(last_modified), added_url: Some(url), ..Self::default() }
    }
}

/// What a reply depends on besides the account.
pub(super) struct Context<'a> {
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) request_id: &'a str,
    pub(super) version: ApiVersion,
    pub(super) now: Timestamp,
}

impl Context<'_> {
    /// The account's URL and the request's path, without its query.
    pub(super) fn own_url(&self, account_url: &str) -> String {
        format!("{account_url}{}", self.path)
    }
}

impl Reading<'_> {
    /// What a read of one resource asks for.
    pub(super) fn show(self, model: &'static Model) -> Result<Show, BatchError> {
        Ok(Show { model, select: self.query.select(model, self.version)?, preconditions: self.preconditions })
    }
}

/// How long nodes are waited for if the request is forced (F1).
pub(super) fn force_timeout(force: bool, account: &Account) -> Option<TimeSpan> {
    force.then(|| account.force_timeout())
}

/// What a read of one resource asks for, and under which condition.
pub(super) struct Show {
    model: &'static Model,
    select: Option<Vec<Name>>,
    preconditions: Preconditions,
}

impl Show {
    /// Replies with one resource: whole, in part, or not at all if the client has it already (H2).
    pub(super) fn reply(
        &self,
        account: &Account,
        context: &Context<'_>,
        set: &str,
        last_modified: Option<Timestamp>,
        shown: impl Fn(&mut Slot<'_>),
        body: &mut Vec<u8>,
    ) -> Result<Reply, BatchError> {
        let reply = Reply { last_modified, ..Reply::default() };
        if let Some(last_modified) = last_modified {
            match self.preconditions.check_read(last_modified)? {
                Read::Modified => {}
                Read::NotModified => return Ok(Reply { is_not_modified: true, ..reply }),
            }
        }
        let view = View { model: self.model, version: context.version, select: self.select.as_deref() };
        write::resource(body, &[account.url(), "/$metadata#", set, "/@Element"], view, &shown);
        Ok(reply)
    }
}
