//! A second model of the job life, to compare the account with after each step. It is naive on purpose: plain
//! structs, everything worked out anew each time, no index, no facts, and none of the crate's own logic. It was
//! written from the rules of `src/evidence.md`, whose ids stand where they are used.
//!
//! | file | what it has |
//! |---|---|
//! | `mod.rs` | which rule a call goes by: one arm for each |
//! | `jobs.rs` | requests about jobs: the table R, E1 to E5, F1, F2, G1 to G3, X7, X8 |
//! | `tasks.rs` | requests about tasks, and how tasks end: K2 to K11, E2 |
//! | `placing.rs` | which task goes where: K1, K9, K13, P1, P4, P5 |
//! | `reports.rs` | what nodes say: E3, E5, E10, K2 to K5, N7 |
//! | `nodes.rs` | events and orders of nodes: N1 to N10 |
//! | `pools.rs` | pools: P2, P3, P6, P9 to P11, P15, P19, P20 |
//! | `ticks.rs` | what happens by itself: S2, X1 to X9, E6, E8, F1, G1, K5 |
//! | `schedules.rs` | job schedules: L1 to L9 |
//! | `follow.rs` | what is taken over from the account |
//! | `compare.rs`, `reasons.rs` | what is compared |
//!
//! # What it predicts
//!
//! Whether a call is accepted, and the error code if not; of each job, its settings, state, times (so its ETag),
//! reasons and counts; of each task, its state, times, counts, node and how it ended; of each node of a job, what
//! ran there; of each node, its state, slots and pending action; of each pool, its states, times, target and owner, and
//! which nodes leave it and when its formula is evaluated; of each job schedule, its state and times, and the jobs that it
//! makes; which instructions are outstanding after the call, and which came with it, each once; and the reasons why a
//! job has not ended and a task is not running.
//!
//! # What it follows
//!
//! What a formula asks for when it is evaluated: how many nodes, which nodes tasks then go to (`nodeFillType`), what
//! becomes of the tasks on nodes that leave, and whether it fails. Whether the pool is then resized is predicted. The
//! numbers of runs, which must be new and rising. All this is in `follow.rs`, as is whether a request about a user of a
//! node is accepted. Where `assign` or the addition of a node is refused for one of several reasons, any of them can be
//! told.
//!
//! # What is left out
//!
//! - `deadline()`, which is a law of `tests/it/common/laws.rs` (S3);
//! - the facts among the effects, which are a law too (I5);
//! - the results and errors of formulas, and the samples that they count with;
//! - of a node, its last boot, its totals, its recent tasks, its users and its files;
//! - of a pool, what is only shown; over REST, that of all resources, and command lines;
//! - the name that a job has from its schedule;
//! - the HTTP status of a refusal: it follows from the code, and the fuzz target `requests` compares it.
//!
//! # To add an operation
//!
//! Add an arm to [`Oracle::make`], and write the rule as a method beside its like. A call that has no arm panics.

#![allow(clippy::wildcard_enum_match_arm, reason = "calls can become more, and one that is new panics")]
#![allow(clippy::unnecessary_wraps, reason = "each arm of `make` has an answer")]
#![allow(clippy::match_same_arms, reason = "each arm is a rule of its own")]
#![allow(clippy::struct_excessive_bools, reason = "plain values are what this is about")]

mod compare;
mod follow;
mod jobs;
mod model;
mod nodes;
mod placing;
mod pools;
mod reasons;
mod reports;
mod schedules;
mod tasks;
mod ticks;

use azbatch::{
    Account, Effect, ErrorCode, Timestamp,
    job::NotAssigned,
    node::NodeNotAdded,
    testing::{Call, Refused},
};

pub use model::Oracle;

/// Why a call is refused. Where the rules name no order, all that apply.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// A request is refused with this code.
    Code(ErrorCode),
    /// A task cannot go to a node.
    NotAssigned(Vec<NotAssigned>),
    /// A node cannot be added.
    NotAdded(Vec<NodeNotAdded>),
    /// No job asks for the auto pool.
    PoolNotWanted,
    /// The oracle takes over that the call is refused, see `follow.rs`.
    Followed,
}

/// What the oracle says of a call.
pub type Answer = Result<(), Refusal>;

impl Oracle {
    /// Makes a call that was made on the account, and returns what differs, a line for each:
    /// `job Job-1, state: oracle: active, account: disabled`.
    pub fn step(
        &mut self,
        call: &Call,
        result: &Result<Vec<Effect>, Refused>,
        account: &Account,
        now: Timestamp,
    ) -> Vec<String> {
        let before = self.outstanding();
        self.late_releases.clear();
        let answer = self.make(call, result, now);
        let accepted = answer.is_ok().then_some(call);
        let mut lines = self.follow(accepted, &compare::sums(&before).collect(), account, now);
        lines.extend(compare::answers(&answer, result));
        lines.extend(self.differences(account, now));
        if lines.is_empty() {
            lines.extend(self.told(&before, result));
        }
        lines
    }

    /// One arm for each call. What the account made of it is for what is followed.
    fn make(&mut self, call: &Call, result: &Result<Vec<Effect>, Refused>, now: Timestamp) -> Answer {
        match call {
            Call::Tick => self.tick(now),
            Call::Schedule => self.schedule(now),
            Call::Assign(job, task, node) => self.assign(job, task, node, now),
            Call::Report(report) => self.report(report, now),
            Call::NodeEvent(node, event) => self.node_event(node, *event, now),
            Call::AddNode(pool, node) => self.add_node(pool, node, now),
            Call::AddUnmanagedNode(pool, node, slots) => self.add_unmanaged_node(pool, node, *slots, now),
            Call::AddAutoPool(job, pool) => self.add_auto_pool(job, pool, now),
            Call::RefuseAutoPool(job, failure) => self.refuse_auto_pool(job, failure),
            Call::AddJob(command) => self.add_job(command, now),
            Call::TerminateJob(job, command) => self.terminate_job(job, command, now),
            Call::DeleteJob(job, command) => self.delete_job(job, command, now),
            Call::DisableJob(job, command) => self.disable_job(job, command, now),
            Call::EnableJob(job, command) => self.enable_job(job, command, now),
            Call::UpdateJob(job, command) => self.update_job(job, command, now),
            Call::AddTask(job, command) => self.add_task(job, command, now),
            Call::UpdateTask(job, task, command) => self.update_task(job, task, command, now),
            Call::TerminateTask(job, task, command) => self.terminate_task(job, task, command, now),
            Call::ReactivateTask(job, task, command) => self.reactivate_task(job, task, command, now),
            Call::DeleteTask(job, task, command) => self.delete_task(job, task, command, now),
            Call::ChangeNode(pool, node, change) => self.change_node(pool, node, *change, now),
            Call::RemoveUnmanagedNode(pool, node, tasks) => self.remove_node(pool, node, *tasks, now),
            Call::AddJobSchedule(command) => self.add_job_schedule(command, now),
            Call::UpdateJobSchedule(schedule, command) => self.update_job_schedule(schedule, command, now),
            Call::DisableJobSchedule(schedule, command) => self.disable_job_schedule(schedule, command, now),
            Call::EnableJobSchedule(schedule, command) => self.enable_job_schedule(schedule, command, now),
            Call::TerminateJobSchedule(schedule, command) => {
                self.terminate_job_schedule(schedule, command, now)
            }
            Call::DeleteJobSchedule(schedule, command) => self.delete_job_schedule(schedule, command, now),
            Call::AddPool(command) => self.add_pool(command, now),
            Call::ResizePool(pool, command) => self.resize_pool(pool, command, now),
            Call::RemoveNodes(pool, command) => self.remove_nodes(pool, command, now),
            Call::StopResize(pool, command) => self.stop_resize(pool, command, now),
            Call::UpdatePool(pool, command) => self.update_pool(pool, command, now),
            Call::EnableAutoScale(pool, command) => self.enable_auto_scale(pool, command, now),
            Call::DisableAutoScale(pool) => self.disable_auto_scale(pool, now),
            Call::DeletePool(pool, command) => self.delete_pool(pool, command, now),
            Call::AddNodeUser(..) | Call::UpdateNodeUser(..) | Call::DeleteNodeUser(..) => {
                follow::answer(result)
            }
            call => panic!("the oracle does not know {call:?}"),
        }
    }
}

/// A request that is refused with this code.
fn refused(code: ErrorCode) -> Answer {
    Err(Refusal::Code(code))
}

/// S5: the code is told if its reason is there.
fn refuse_if(applies: bool, code: ErrorCode) -> Answer {
    if applies { refused(code) } else { Ok(()) }
}
