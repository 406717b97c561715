//! A node: a machine of a pool, as a state machine of its own.
//!
//! `table.rs` says what a node in each state answers to a user's request; `event.rs` decides what an
//! event makes of it; `fact.rs` is the only place where a node changes; `user.rs` has its
//! users. Which tasks are on it follows
//! from the facts of jobs, which the account passes on.

mod command;
mod event;
mod fact;
mod state;
mod table;
mod user;
mod words;

pub use command::{ChangeNode, NodeNotAdded, NodeTasks};
pub(crate) use event::NodeChange;
pub use event::NodeEvent;
pub use fact::NodeFact;
pub use state::{Boot, Contact, Node, NodeAction, NodeState, NodeStateName, Reach, SchedulingState, Stage};
pub use user::{
    DEFAULT_USER_LIFETIME, InvalidUserName, NodeUser, Password, RemoteLogin, UserAccess, UserName,
};
