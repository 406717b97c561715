//! The REST surface: the bytes of a request in, the bytes of the service's answer out.
//!
//! [`answer`] takes a [`Request`] and an [`Account`](crate::Account). A host that must not hold a lock
//! while a request is read calls [`prepare`] first, which needs only the account's URL.
//!
//! `operations` is the table of all operations; `prepare` finds the operation, reads the query and the
//! headers (`parameters`), and calls the operation's function in `jobs`, `job_schedules`, `tasks`, `pools` or `nodes`,
//! which reads its `body` before it asks the account. Their `shown` collects what is shown, `list`
//! cuts it into pages, and `odata` has the models, and reads, filters and prints by them. The first
//! refusal in that order is the one that is answered ([S5](crate::evidence#s5)).

mod applications;
mod authorize;
mod exchange;
mod fields;
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
#[cfg(feature = "shared-key")]
mod shared_key;
mod shown;
mod tasks;

pub use authorize::{Anyone, Authorize};
pub use guid::Guid;
pub use message::{Answer, OwnedRequest, Request, Response};
pub use odata::{version::ApiVersion, write::error_body};
pub use operations::Operation;
pub use prepare::{
    Prepared, PreparedRead, PreparedWrite, answer, answer_guarded, prepare, prepare_guarded, refuse,
};
#[cfg(feature = "shared-key")]
pub use shared_key::{InvalidKey, KeyGuard, SharedKey};
