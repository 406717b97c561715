//! Rules that are assumed, at least in part, and that no question is about.

/// Why there is no question.
#[derive(Clone, Copy)]
pub enum Why {
    /// A user's requests cannot settle it.
    CannotBeSettled(&'static str),
    /// They could settle it, at a price or with more than the questions make.
    NotYetAsked(&'static str),
}

use Why::{CannotBeSettled, NotYetAsked};

const OF_THE_CRATE: Why =
    CannotBeSettled("it is about the crate and its host, and the service has no such thing");
const NODE_EVENT: Why = CannotBeSettled("no request makes a node of a pool do this");
const REPORT: Why = CannotBeSettled("it is about what a node reports, which no user sees");
const CHANGES_POOL: Why =
    NotYetAsked("it changes a pool or its nodes, and the questions leave pools as they are");
const AUTO_SCALE: Why =
    NotYetAsked("it needs a pool that scales by a formula, and the questions make no pool");
const AUTO_POOL: Why = NotYetAsked("it makes a pool, which costs money if it gets nodes");
const NEEDS_FILES: Why =
    NotYetAsked("a simulated node leaves no such files, so the question could not be tested");

/// Rules, and the cells of the column `enabling`, which stands for its cells.
pub const UNASKED: &[(&str, Why)] = &[
    ("R-*-enabling", CannotBeSettled("a job is never seen in this state: enabling takes no time")),
    ("S1", OF_THE_CRATE),
    ("S2", OF_THE_CRATE),
    ("S3", OF_THE_CRATE),
    ("T5", CannotBeSettled("the service's clock does not stop or run backwards on request")),
    ("T6", CannotBeSettled("only the service knows when it received a request")),
    ("E9", CannotBeSettled("the time between two reads is too long to tell when within a second it begins")),
    ("E10", REPORT),
    ("X9", AUTO_POOL),
    ("L2", CannotBeSettled("that a job is made at a tick is about the crate; the names are observed")),
    ("L3", NotYetAsked("it takes several periods of at least a minute, by the service's clock")),
    ("L4", NotYetAsked("it takes a schedule whose job outlives a period of at least a minute")),
    ("L8", NotYetAsked("it needs a schedule that has made several jobs, a minute apart")),
    ("L9", OF_THE_CRATE),
    ("N3", CHANGES_POOL),
    ("N4", NODE_EVENT),
    ("N5", NODE_EVENT),
    ("N8", NODE_EVENT),
    ("N9", CHANGES_POOL),
    ("N10", NODE_EVENT),
    ("N11", CHANGES_POOL),
    ("N12", OF_THE_CRATE),
    ("N13", NotYetAsked("an upload of logs needs a storage container to upload them to")),
    ("K2", REPORT),
    (
        "K7",
        CannotBeSettled(
            "a node that works answers within a request, so a deletion that waits for it is not seen to wait",
        ),
    ),
    ("K10", REPORT),
    ("K11", REPORT),
    ("K12", NotYetAsked("it needs a preparation task that exceeds its time on a node that retries it")),
    ("K13", CannotBeSettled("it takes 180 days")),
    ("P3", CHANGES_POOL),
    ("P4", CannotBeSettled("two jobs cannot be created at the same instant on purpose")),
    ("P5", NotYetAsked("it needs a pool with several slots on a node, or with low-priority nodes")),
    ("P8", NotYetAsked("it needs an account with several pools")),
    ("P9", CHANGES_POOL),
    ("P10", CHANGES_POOL),
    ("P11", CHANGES_POOL),
    ("P13", AUTO_SCALE),
    ("P14", AUTO_SCALE),
    ("P15", AUTO_SCALE),
    ("P16", AUTO_SCALE),
    ("P17", AUTO_SCALE),
    ("P18", AUTO_SCALE),
    ("P19", AUTO_POOL),
    ("P20", AUTO_POOL),
    ("I3", CannotBeSettled("no number of requests shows that something never happens")),
    ("I5", OF_THE_CRATE),
    ("I6", CannotBeSettled("it is about the crate's own counts")),
    ("B8", OF_THE_CRATE),
    ("B13", NotYetAsked("it needs a virtual network that the job's pool is in")),
    ("Q9", OF_THE_CRATE),
    ("Q11", OF_THE_CRATE),
    ("Q13", CannotBeSettled("which images there are is the host's choice; the form of the list is observed")),
    ("Q14", NotYetAsked("the api-versions that have this list may not be answered any more")),
    ("V1", OF_THE_CRATE),
    ("V8", NEEDS_FILES),
    ("U1", OF_THE_CRATE),
    ("U4", NotYetAsked("the client signs in one form only")),
    ("U5", NotYetAsked("the client signs with the name of its account only")),
    ("U7", OF_THE_CRATE),
];
