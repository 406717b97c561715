//! What the resources have in common of what the service shows of them.

use alloc::string::String;
use core::fmt::{self, Display};

use serde_json::{Map, Value};

use crate::{
    Stamps, Timestamp,
    id::{JobId, JobScheduleId, NodeId, PoolId, TaskId},
    rest::odata::shown::{Slot, fill},
};

/// The written form that a function writes.
pub(super) fn written<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result>(write: F) -> impl Display {
    struct Written<F>(F);

    impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> Display for Written<F> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (self.0)(f)
        }
    }

    Written(write)
}

/// Fills a slot with an object that is interpreted in part; the rest of it was kept as it came.
pub(super) fn partly_kept(slot: &mut Slot<'_>, kept: &Map<String, Value>, fill: &dyn Fn(&mut Slot<'_>)) {
    let rest = kept.get(slot.name().as_str()).and_then(Value::as_object);
    slot.object(&|slot| {
        fill(slot);
        if let Some(rest) = rest {
            slot.kept(rest);
        }
    });
}

/// A text in pieces, which displays as a whole.
pub(super) struct Joined<'a>(pub(super) &'a [&'a str]);

impl Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| f.write_str(piece))
    }
}

// URLs, in pieces: they stand in every answer, and `core::fmt` would take most of the time.

pub(super) fn job_url<'a>(account: &'a str, job: &'a JobId) -> [&'a str; 3] {
    [account, "/jobs/", job.as_str()]
}

pub(super) fn job_schedule_url<'a>(account: &'a str, schedule: &'a JobScheduleId) -> [&'a str; 3] {
    [account, "/jobschedules/", schedule.as_str()]
}

pub(super) fn task_url<'a>(account: &'a str, job: &'a JobId, task: &'a TaskId) -> [&'a str; 5] {
    [account, "/jobs/", job.as_str(), "/tasks/", task.as_str()]
}

pub(super) fn node_url<'a>(account: &'a str, pool: &'a PoolId, node: &'a NodeId) -> [&'a str; 5] {
    [account, "/pools/", pool.as_str(), "/nodes/", node.as_str()]
}

pub(super) fn pool_url<'a>(account: &'a str, pool: &'a PoolId) -> [&'a str; 3] {
    [account, "/pools/", pool.as_str()]
}

/// When something was created, modified and changed state.
pub(super) fn stamps<S: Copy>(
    slot: &mut Slot<'_>,
    stamps: &Stamps<S>,
    creation_time: Timestamp,
    name: fn(S) -> &'static str,
) {
    fill!(slot {
        "eTag" => slot.text(stamps.etag().text().as_str()), // T1
        "lastModified" => slot.instant(stamps.modified()),
        "creationTime" => slot.instant(creation_time),
        "stateTransitionTime" => slot.instant(stamps.entered()),
        // T7
        "previousState" => slot.text(stamps.previous().map(|(state, _)| name(state))),
        "previousStateTransitionTime" => slot.instant(stamps.previous().map(|(_, at)| at)),
    });
}
