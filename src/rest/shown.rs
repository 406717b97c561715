//! What the service shows of a resource: typed fields and kept properties, in one map by the service's
//! names. The models put them in order and hide what an api-version does not know.

use alloc::{format, string::String};
use core::fmt::Display;

use serde_json::{Map, Value};

use crate::{
    Stamps, Timestamp,
    id::{JobId, JobScheduleId, NodeId, PoolId, TaskId},
    rest::odata::model::{Name, name},
};

pub(super) type Properties = Map<String, Value>;

/// Prints anything that has a written form.
pub(super) fn text(value: impl Display) -> Value {
    Value::String(format!("{value}"))
}

/// Adds a property, if there is a value for it.
pub(super) fn put(into: &mut Properties, name: Name, value: impl Into<Option<Value>>) {
    if let Some(value) = value.into() {
        into.insert(name.into(), value);
    }
}

/// What is kept of an object that is interpreted in part; the rest is to be put into it.
pub(super) fn kept(shown: &mut Properties, name: Name) -> Properties {
    match shown.remove(name.as_str()) {
        Some(Value::Object(kept)) => kept,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) | None => {
            Properties::new()
        }
    }
}

pub(super) fn job_url(account: &str, job: &JobId) -> String {
    format!("{account}/jobs/{job}")
}

pub(super) fn job_schedule_url(account: &str, schedule: &JobScheduleId) -> String {
    format!("{account}/jobschedules/{schedule}")
}

pub(super) fn task_url(account: &str, job: &JobId, task: &TaskId) -> String {
    format!("{account}/jobs/{job}/tasks/{task}")
}

pub(super) fn node_url(account: &str, pool: &PoolId, node: &NodeId) -> String {
    format!("{account}/pools/{pool}/nodes/{node}")
}

pub(super) fn pool_url(account: &str, pool: &PoolId) -> String {
    format!("{account}/pools/{pool}")
}

pub(super) fn stamps<S: Copy + Display>(
    shown: &mut Properties,
    stamps: &Stamps<S>,
    creation_time: Timestamp,
    state: S,
) {
    put(shown, name!("eTag"), text(stamps.etag())); // T1
    put(shown, name!("lastModified"), text(stamps.modified()));
    put(shown, name!("creationTime"), text(creation_time));
    put(shown, name!("state"), text(state));
    put(shown, name!("stateTransitionTime"), text(stamps.entered()));
}

/// T7
pub(super) fn previous_state<S: Copy + Display>(shown: &mut Properties, stamps: &Stamps<S>) {
    if let Some((state, at)) = stamps.previous() {
        put(shown, name!("previousState"), text(state));
        put(shown, name!("previousStateTransitionTime"), text(at));
    }
}
