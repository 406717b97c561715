//! An account: finds what a request names, passes on what happens to a node, and knows who is where and
//! what is due when.
//!
//! `resource.rs` has the account itself and `apply.rs` the only place where it changes; `index.rs` holds
//! what follows from its jobs, pools and nodes; `jobs.rs`, `job_schedules.rs`, `pools.rs`, `nodes.rs` and `ticks.rs` take
//! inputs; `schedule.rs` decides which task goes to which node, and `reasons.rs` says why something has not
//! happened yet.

mod apply;
mod auto_pools;
mod check;
mod index;
mod job_schedules;
mod jobs;
mod node_users;
mod nodes;
mod outstanding;
mod pools;
mod reasons;
mod resource;
mod scaling;
mod schedule;
mod slots;
mod ticks;

pub use auto_pools::AutoPoolNotAdded;
pub use resource::Account;
