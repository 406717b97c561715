//! The REST surface: the bytes of a request in, the bytes of the service's answer out.
//!
//! [`answer`] takes a [`Request`] and an [`Account`](crate::Account). A host that must not hold a lock
//! while a request is read calls [`prepare`] first, which needs only the account's URL.
//!
//! `operations` is the table of all operations; `prepare` finds the operation, reads the query and the
//! headers (`parameters`), and calls the operation's function in `jobs`, `job_schedules`, `tasks`, `pools` or `nodes`,
//! which reads its `body` before it asks the account. Their `shown` says what is shown of each property, `list`
//! cuts it into pages, and `odata` has the models, and reads, filters and prints by them. The first
//! refusal in that order is the one that is answered ([S5](crate::evidence#s5)). `frame` puts an answer
//! together. A request about files (`files`) is answered by `file_access`, once the host has looked them up.

mod applications;
mod authorize;
mod exchange;
mod fields;
mod file_access;
mod files;
mod frame;
mod guid;
#[cfg(feature = "http")]
mod http;
mod job_schedules;
mod jobs;
mod list;
mod message;
mod nodes;
mod odata;
mod operations;
mod parameters;
mod percent;
mod pools;
mod prepare;
mod range;
mod response_headers;
#[cfg(feature = "shared-key")]
mod shared_key;
mod shown;
mod supported_images;
mod tasks;

pub use authorize::{Anyone, Authorize};
pub use file_access::{DeleteFile, FileAccess, GetFile, GetFileProperties, ListFiles};
pub use files::{
    FilePlace,
    found::{ContentType, FileContent, FileEntry, FileItem, FileMetadata, FileProblem, FileTimes},
    path::{FilePath, InvalidFilePath},
};
pub use frame::{refuse, refuse_into};
pub use guid::Guid;
pub use message::{Answer, OwnedRequest, Request, Response};
pub use odata::{version::ApiVersion, write::error_body};
pub use operations::Operation;
pub use parameters::Conditions;
pub use prepare::{
    Prepared, PreparedFile, PreparedRead, PreparedWrite, answer, answer_guarded, answer_into, prepare,
    prepare_guarded,
};
pub use range::ByteRange;
pub use response_headers::{ResponseHeaders, ResponseHeadersIter};
#[cfg(feature = "shared-key")]
pub use shared_key::{InvalidKey, KeyGuard, SharedKey};
