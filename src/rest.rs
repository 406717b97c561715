//! The REST surface: the bytes of a request in, the bytes of the service's answer out.
//!
//! [`answer`] takes a [`Request`] and an [`Account`](crate::Account). A host that must not hold a lock while a request is
//! read calls [`prepare`] first, which needs only the account's URL.
//!
//! `operations` is the table of all operations; `prepare` finds the operation, reads the query and the
//! headers (`parameters`), and calls the operation's function in `jobs`, `tasks`, `pools` or `nodes`,
//! which reads its `body` before it asks the account. `represent` collects what is shown, `list` and
//! `filter` choose from it, `layout` prints. The first refusal in that order is the one that is answered
//! (S5).

mod authorize;
mod body;
mod exchange;
mod filter;
mod guid;
#[cfg(feature = "http")]
mod http;
mod jobs;
mod json;
mod layout;
mod list;
mod message;
mod model;
mod nodes;
mod operations;
mod parameters;
mod percent;
mod pools;
mod prepare;
mod represent;
#[cfg(feature = "shared-key")]
mod shared_key;
mod tasks;
mod version;

pub use authorize::{Anyone, Authorize};
pub use guid::Guid;
pub use layout::error_body;
pub use message::{Answer, OwnedRequest, Request, Response};
pub use operations::Operation;
pub use prepare::{
    Prepared, PreparedRead, PreparedWrite, answer, answer_guarded, prepare, prepare_guarded, refuse,
};
#[cfg(feature = "shared-key")]
pub use shared_key::{InvalidKey, KeyGuard, SharedKey};
pub use version::ApiVersion;
