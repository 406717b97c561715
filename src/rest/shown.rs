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

pub(super) fn job_url(account: &str, job: &JobId) -> impl Display {
    written(move |f| write!(f, "{account}/jobs/{job}"))
}

pub(super) fn job_schedule_url(account: &str, schedule: &JobScheduleId) -> impl Display {
    written(move |f| write!(f, "{account}/jobschedules/{schedule}"))
}

pub(super) fn task_url(account: &str, job: &JobId, task: &TaskId) -> impl Display {
    written(move |f| write!(f, "{account}/jobs/{job}/tasks/{task}"))
}

pub(super) fn node_url(account: &str, pool: &PoolId, node: &NodeId) -> impl Display {
    written(move |f| write!(f, "{account}/pools/{pool}/nodes/{node}"))
}

pub(super) fn pool_url(account: &str, pool: &PoolId) -> impl Display {
    written(move |f| write!(f, "{account}/pools/{pool}"))
}

/// When something was created, modified and changed state.
pub(super) fn stamps<S: Copy>(
    slot: &mut Slot<'_>,
    stamps: &Stamps<S>,
    creation_time: Timestamp,
    name: fn(S) -> &'static str,
) {
    fill!(slot {
        "eTag" => slot.written(&stamps.etag()), // T1
        "lastModified" => slot.instant(stamps.modified()),
        "creationTime" => slot.instant(creation_time),
        "stateTransitionTime" => slot.instant(stamps.entered()),
        // T7
        "previousState" => slot.text(stamps.previous().map(|(state, _)| name(state))),
        "previousStateTransitionTime" => slot.instant(stamps.previous().map(|(_, at)| at)),
    });
}
