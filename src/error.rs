//! The service's error codes, [`BatchError`], and the crate's own errors about state.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{fmt, str::FromStr};

/// Text that is not the name of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

/// Why a fact does not fit the state that it was applied to. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the fact does not fit the state: {0}")]
pub struct Unfit(pub(crate) &'static str);

/// An invariant that does not hold: a bug in the crate, or a stored state that was tampered with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{rule}: {what}")]
pub struct Violation {
    /// The id of the rule, see [`evidence`](crate::evidence).
    pub rule: &'static str,
    /// What is wrong.
    pub what: String,
}

/// Fails with what is wrong, if it is.
pub(crate) fn ensure(
    rule: &'static str,
    holds: bool,
    what: impl FnOnce() -> String,
) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { rule, what: what() }) }
}

/// How certain the text of a code is; see [`ErrorCode::evidence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TextEvidence {
    /// Read in a recording of the real service.
    Recorded,
    /// Read in a log that a user of the service published.
    UserLog,
    /// Read in a sample that Microsoft published.
    Sample,
    /// Relied on by a published client.
    Client,
    /// From Microsoft's documentation.
    Documented,
    /// Nobody published the text; this is the likeliest one.
    Inferred,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $status:literal $evidence:ident $text:literal;)*) => {
        /// The codes of the service's refusals, declared in the order in which they win (rule
        /// [S5](crate::evidence#s5)): of two that one request deserves, the one that stands first here is
        /// answered.
        ///
        /// Three codes can win at a second, later place too: `InvalidHeaderValue` for a
        /// `Content-Type` (after `RequestBodyTooLarge`), and `InvalidPropertyValue` and
        /// `OperationInvalidForCurrentState` where the value is judged against the stored resource
        /// (after the refusals by state, before `ConditionNotMet`). Within the query `timeout` is judged
        /// first, then `force`, then what only lists take.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* #[doc = concat!("Status ", $status, ": ", $text)] $name,)*
        }

        impl ErrorCode {
            /// Every code, in the order in which they win.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code in an error body.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// The HTTP status, 400 to 599.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// The first line of the message, which is the HTTP reason phrase too.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// How sure [`text`](Self::text) is.
            pub const fn evidence(self) -> TextEvidence {
                match self { $(Self::$name => TextEvidence::$evidence),* }
            }
        }
    };
}

codes! {
    InvalidUri 400 Documented "The requested URI does not represent any resource on the server.";
    UnsupportedHttpVerb 405 Inferred "The resource doesn't support specified Http Verb.";
    MissingRequiredHeader 400 Recorded "An HTTP header that's mandatory for this request is not specified.";
    InvalidAuthenticationInfo 400 Inferred "Authentication information is not given in the correct format. Check the value of Authorization header.";
    AuthenticationFailed 403 Recorded "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.";
    MissingRequiredQueryParameter 400 UserLog "A query parameter that's mandatory for this request is not specified.";
    InvalidQueryParameterValue 400 Recorded "Value for one of the query parameters specified in the request URI is invalid.";
    OutOfRangeQueryParameterValue 400 Inferred "One of the query parameters specified in the request URI is outside the permissible range.";
    UnsupportedQueryParameter 400 Documented "One of the query parameters specified in the request URI is not supported.";
    MultipleConditionHeadersNotSupported 400 Documented "Multiple condition headers are not supported.";
    InvalidHeaderValue 400 UserLog "The value for one of the HTTP headers is not in the correct format.";
    /// Only a host gives this one, where it limits how often a client may call.
    TooManyRequests 429 Recorded "Request failed as server encountered too many requests. Please try again.";
    /// Only a host gives this one.
    ServerBusy 503 Inferred "The server is busy.";
    /// Only a host gives this one.
    InternalError 500 Inferred "Server encountered an internal error. Please try again after some time.";
    RequestBodyTooLarge 413 Recorded "The request body is too large and exceeds the maximum permissible limit.";
    InvalidRequestBody 400 UserLog "The specified Request Body is not syntactically valid.";
    MissingRequiredProperty 400 Recorded "A required property was not specified in the request body.";
    InvalidPropertyValue 400 Recorded "The value provided for one of the properties in the request body is invalid.";
    AutoScalingFormulaSyntaxError 400 Documented "The specified auto-scaling formula has a syntax error.";
    AutoScalingFormulaTooLong 400 Documented "The specified auto-scaling formula exceeds lengths limit.";
    TaskDependencyListTooLong 400 Documented "A task was specified as depending on other tasks, but the list of dependencies was too long to be stored. The total stored length is limited to 64000 characters; the total length of task ids must be slightly less than this to allow for internal storage overhead. If you encounter this error, consider using task range dependencies instead.";
    EmptyMetadataKey 400 Documented "The key for one of the metadata key-value pairs is empty.";
    MetadataTooLarge 400 Inferred "The metadata specified exceeds the maximum permissible limit (8KB).";
    /// What this crate does not model, said in the service's form.
    NotImplemented 501 Inferred "The requested operation is not implemented on the specified resource.";
    OperationTimedOut 500 Inferred "Operation could not be completed within the specified time.";
    PoolNotFound 404 Recorded "The specified pool does not exist.";
    NodeNotFound 404 Documented "The specified node does not exist.";
    NodeUserNotFound 404 Documented "The specified node user does not exist.";
    /// A part of a node that this crate never has (Q11).
    ResourceNotFound 404 Documented "The specified resource does not exist.";
    ApplicationNotFound 404 Documented "The specified application does not exist.";
    JobNotFound 404 Recorded "The specified job does not exist.";
    JobScheduleNotFound 404 Recorded "The specified job schedule does not exist.";
    TaskNotFound 404 Recorded "The specified task does not exist.";
    JobBeingDeleted 409 Recorded "The specified job has been marked for deletion and is being garbage collected.";
    JobCompleted 409 Client "The specified job is already in a completed state.";
    JobExists 409 Recorded "The specified job already exists.";
    JobBeingTerminated 409 Client "The specified job is being terminated.";
    JobNotActive 409 Documented "The specified job is not in active state.";
    JobScheduleWithSameIdExists 409 Documented "A job schedule with the specified job id exists. Job and job schedule cannot have the same id.";
    JobWithSameIdExists 409 Documented "A job with the specified job schedule id exists. Job and job schedule cannot have the same id.";
    JobScheduleBeingDeleted 409 Documented "The specified job schedule has been marked for deletion and is being reclaimed.";
    JobScheduleCompleted 409 Client "The specified job schedule is already in completed state.";
    JobScheduleExists 409 Documented "The specified job schedule already exists.";
    JobScheduleBeingTerminated 409 Documented "The specified job schedule is being terminated.";
    JobPreparationTaskOrReleaseTaskNotSpecified 409 Recorded "The specified job does not have either job preparation task or job release task.";
    TaskIdSameAsJobPreparationTask 409 Documented "The specified task id is same as the job preparation task.";
    TaskIdSameAsJobReleaseTask 409 Documented "The specified task id is same as the job release task.";
    TaskExists 409 Sample "The specified task already exists.";
    TaskCompleted 409 UserLog "The specified task is already in a completed state.";
    TaskNotCompleted 409 Documented "The specified task is not in a completed state, and the requested operation can be performed only on completed tasks.";
    TaskSucceeded 409 Documented "The specified task has already completed successfully, and the requested operation cannot be performed on successful tasks.";
    PoolBeingDeleted 409 Recorded "The specified pool has been marked for deletion and is being reclaimed.";
    PoolExists 409 Recorded "The specified pool already exists.";
    OperationNotValidOnPool 409 Documented "The specified operation is not valid on the pool.";
    PoolBeingResized 409 Documented "The specified pool is being resized";
    TooManyEnableAutoScaleRequests 503 Documented "Too many Enable Pool AutoScale requests are issued on the pool.";
    NodeBeingCreated 409 Documented "The specified node is being created";
    NodeBeingStarted 409 Documented "The specified node is being started";
    NodeBeingReimaged 409 Documented "The specified node is being reimaged";
    NodeBeingRebooted 409 Documented "The specified node is being rebooted";
    NodeStateUnusable 409 Documented "The state of the specified node is unusable";
    NodeAlreadyInTargetSchedulingState 409 Documented "The specified node is already in the target scheduling state.";
    NodeUserExists 409 Documented "The specified node user already exists.";
    OperationNotValidOnNode 409 Documented "The specified operation is not valid on the node.";
    OperationInvalidForCurrentState 409 UserLog "The specified operation is not valid for the current state of the resource.";
    InvalidAutoScalingSettings 400 Documented "The specified auto-scaling settings are not valid.";
    TaskFilesUnavailable 409 Documented "The files of the specified task are unavailable.";
    TaskFilesCleanedup 409 Documented "The files of the specified task are cleanedup.";
    NodeNotReady 409 UserLog "Node is not able to perform the requested operations in its current state";
    /// Only the node knows, so it comes after the conflicts that the account knows of.
    FileNotFound 404 Documented "The specified file does not exist.";
    UnsupportedProperty 400 Documented "One of the properties specified in the request body is not supported.";
    ConditionNotMet 412 Recorded "The condition specified using HTTP conditional header(s) is not met.";
    InvalidRange 416 Documented "The range specified is invalid for the current size of the resource.";
}

impl FromStr for ErrorCode {
    type Err = UnknownName;

    /// Reads the code as it is written in an error body.
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(UnknownName)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One entry of the `values` list of an error body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ErrorValue {
    /// What the value is, such as `HeaderName` or `Reason`.
    pub key: Cow<'static, str>,
    /// The value, as the user sent it if it is theirs.
    pub value: String,
}

/// A refusal, as the service words it. A refused request has changed nothing (rules [S5](crate::evidence#s5),
/// [I4](crate::evidence#i4)).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[error("{code}: {}", code.text())]
pub struct BatchError {
    /// The code; status and text follow from it.
    pub code: ErrorCode,
    /// The body's `values` list, in its order; empty for most codes.
    pub values: Vec<ErrorValue>,
}

impl BatchError {
    /// The same error with one more entry in `values`.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.values.push(ErrorValue { key: key.into(), value: value.into() });
        self
    }

    /// 400: a property of a body has an invalid value.
    pub fn invalid_property(name: &str, value: impl Into<String>, reason: &str) -> Self {
        Self::from(ErrorCode::InvalidPropertyValue)
            .with("PropertyName", name)
            .with("PropertyValue", value)
            .with("Reason", reason)
    }

    /// 400: a header has an invalid value.
    pub fn invalid_header(name: &str, value: &[u8]) -> Self {
        Self::from(ErrorCode::InvalidHeaderValue)
            .with("HeaderName", name)
            .with("HeaderValue", String::from_utf8_lossy(value))
    }

    /// 400: a query parameter has an invalid value.
    pub fn invalid_query(name: &str, value: &str, reason: &str) -> Self {
        Self::from(ErrorCode::InvalidQueryParameterValue)
            .with("QueryParameterName", name)
            .with("QueryParameterValue", value)
            .with("Reason", reason)
    }

    /// 400: the body is not valid JSON for the operation.
    pub fn invalid_body(reason: impl Into<String>) -> Self {
        Self::from(ErrorCode::InvalidRequestBody).with("Reason", reason)
    }

    /// 400: the body lacks a property that the operation needs.
    pub fn missing_property(name: &str) -> Self {
        Self::from(ErrorCode::MissingRequiredProperty).with("PropertyName", name)
    }

    /// 409: the resource's state does not allow the operation.
    pub fn invalid_for_state(reason: &str) -> Self {
        Self::from(ErrorCode::OperationInvalidForCurrentState).with("Reason", reason)
    }

    /// 501: this crate does not implement it.
    pub fn not_implemented(reason: &str) -> Self {
        Self::from(ErrorCode::NotImplemented).with("Reason", reason)
    }
}

impl From<ErrorCode> for BatchError {
    fn from(code: ErrorCode) -> Self {
        Self { code, values: Vec::new() }
    }
}
