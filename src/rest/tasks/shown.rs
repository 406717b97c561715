//! What the service shows of a task.

use alloc::{format, string::String, vec::Vec};

use serde_json::{Value, json};

use crate::{
    BatchError, ETag, Timestamp,
    id::{JobId, TaskId},
    rest::{
        odata::model::name,
        odata::write::Message,
        shown::{Properties, kept, node_url, previous_state, put, stamps, task_url, text},
    },
    task::{
        Completion, Dependencies, ExitCodeRange, ExitConditions, ExitOptions, Placement, Task,
        TaskConstraints, TaskFailure, TaskIdRange, TaskSpecification, TaskState,
    },
};

/// A task as `Task - Get` shows it.
pub(super) fn task(account: &str, job: &JobId, task: &Task) -> Properties {
    let mut shown = task_specification(task.specification());
    put(&mut shown, name!("url"), Value::String(task_url(account, job, task.id())));
    stamps(&mut shown, task.stamps(), task.stamps().created(), task.state().name());
    previous_state(&mut shown, task.stamps());
    put(&mut shown, name!("constraints"), task_constraints(&task.constraints()));
    put(&mut shown, name!("executionInfo"), task_execution_info(task));
    let node_info = match task.state() {
        TaskState::Active => None,
        TaskState::Preparing(_) | TaskState::Running { .. } | TaskState::Completed(_) => {
            // K6: a task that never got to a node shows an empty object.
            Some(
                task.placement().map_or_else(|| json!({}), |place| node_info(account, job, task.id(), place)),
            )
        }
    };
    put(&mut shown, name!("nodeInfo"), node_info);
    shown
}

pub(in crate::rest) fn task_constraints(constraints: &TaskConstraints) -> Value {
    json!({
        (name!("maxWallClockTime")): text(constraints.max_wall_clock_time),
        (name!("retentionTime")): text(constraints.retention_time),
        (name!("maxTaskRetryCount")): constraints.max_task_retry_count.to_wire(),
    })
}

pub(in crate::rest) fn task_specification(specification: &TaskSpecification) -> Properties {
    let mut shown = specification.other.clone();
    put(&mut shown, name!("id"), text(&specification.id));
    put(&mut shown, name!("requiredSlots"), json!(specification.required_slots));
    if let Some(conditions) = &specification.exit_conditions {
        let kept = kept(&mut shown, name!("exitConditions"));
        put(&mut shown, name!("exitConditions"), exit_conditions(kept, conditions));
    }
    if let Some(depends_on) = &specification.depends_on {
        let kept = kept(&mut shown, name!("dependsOn"));
        put(&mut shown, name!("dependsOn"), dependencies(kept, depends_on));
    }
    shown
}

pub(in crate::rest) fn task_execution_info(task: &Task) -> Value {
    let mut shown = Properties::new();
    match task.state() {
        TaskState::Active | TaskState::Preparing(_) => {}
        TaskState::Running { start_time, .. } => put(&mut shown, name!("startTime"), start_time.map(text)),
        TaskState::Completed(completion) => completed(&mut shown, completion),
    }
    put(&mut shown, name!("retryCount"), json!(task.retry_count()));
    put(&mut shown, name!("lastRetryTime"), task.last_retry_time().map(text));
    put(&mut shown, name!("requeueCount"), json!(task.requeue_count()));
    put(&mut shown, name!("lastRequeueTime"), task.last_requeue_time().map(text));
    Value::Object(shown)
}

fn completed(shown: &mut Properties, completion: &Completion) {
    put(shown, name!("startTime"), completion.start_time().map(text));
    put(shown, name!("endTime"), text(completion.end_time));
    put(shown, name!("exitCode"), completion.exit_code().map(|code| json!(code)));
    put(shown, name!("failureInfo"), completion.failure().map(failure_info));
    put(shown, name!("result"), text(if completion.is_success() { "success" } else { "failure" }));
}

pub(in crate::rest) fn failure_info(failure: &TaskFailure) -> Value {
    let mut shown = Properties::new();
    put(&mut shown, name!("category"), text(failure.category()));
    put(&mut shown, name!("code"), text(failure.code()));
    put(&mut shown, name!("message"), text(failure.message()));
    let details: Vec<Value> = failure
        .details()
        .iter()
        .map(|(name, value)| json!({ (name!("name")): name, (name!("value")): value }))
        .collect();
    put(&mut shown, name!("details"), (!details.is_empty()).then_some(Value::Array(details)));
    Value::Object(shown)
}

fn node_info(account: &str, job: &JobId, task: &TaskId, place: &Placement) -> Value {
    let node = node_url(account, &place.pool, &place.node);
    let directory = task_root_directory(job, task);
    json!({
        (name!("affinityId")): format!("TVM:{}", place.node),
        (name!("nodeUrl")): node,
        (name!("poolId")): place.pool.as_str(),
        (name!("nodeId")): place.node.as_str(),
        (name!("taskRootDirectory")): directory,
        (name!("taskRootDirectoryUrl")): format!("{node}/files/{directory}"),
    })
}

/// Where a node keeps a task's files, as Linux nodes write it. Every job is `job-1` there too.
pub(in crate::rest) fn task_root_directory(job: &JobId, task: &TaskId) -> String {
    format!("workitems/{job}/job-1/{task}")
}

fn exit_conditions(mut shown: Properties, conditions: &ExitConditions) -> Value {
    let codes = |ranges: &[ExitCodeRange], show: fn(&ExitCodeRange) -> Value| {
        (!ranges.is_empty()).then(|| Value::Array(ranges.iter().map(show).collect()))
    };
    let one = |range: &ExitCodeRange| json!({ (name!("code")): range.start, (name!("exitOptions")): exit_options(range.options) });
    let many = |range: &ExitCodeRange| {
        json!({
            (name!("start")): range.start,
            (name!("end")): range.end,
            (name!("exitOptions")): exit_options(range.options),
        })
    };
    put(&mut shown, name!("exitCodes"), codes(&conditions.exit_codes, one));
    put(&mut shown, name!("exitCodeRanges"), codes(&conditions.exit_code_ranges, many));
    put(&mut shown, name!("preProcessingError"), conditions.pre_processing_error.map(exit_options));
    put(&mut shown, name!("fileUploadError"), conditions.file_upload_error.map(exit_options));
    put(&mut shown, name!("default"), conditions.default.map(exit_options));
    Value::Object(shown)
}

fn exit_options(options: ExitOptions) -> Value {
    let mut shown = Properties::new();
    put(&mut shown, name!("jobAction"), options.job_action.map(text));
    put(&mut shown, name!("dependencyAction"), options.dependency_action.map(text));
    Value::Object(shown)
}

fn dependencies(mut shown: Properties, dependencies: &Dependencies) -> Value {
    let ids: Vec<Value> = dependencies.task_ids.iter().map(text).collect();
    let ranges = dependencies.ranges.iter();
    let ranges =
        ranges.map(|TaskIdRange { start, end }| json!({ (name!("start")): start, (name!("end")): end }));
    let ranges: Vec<Value> = ranges.collect();
    put(&mut shown, name!("taskIds"), (!ids.is_empty()).then_some(Value::Array(ids)));
    put(&mut shown, name!("taskIdRanges"), (!ranges.is_empty()).then_some(Value::Array(ranges)));
    Value::Object(shown)
}

/// An item of the answer to a collection: a task that was added.
pub(super) fn task_added(task: &TaskId, url: &str, last_modified: Timestamp) -> Properties {
    let mut shown = Properties::new();
    put(&mut shown, name!("status"), text("Success"));
    put(&mut shown, name!("taskId"), text(task));
    put(&mut shown, name!("eTag"), text(ETag::from(last_modified)));
    put(&mut shown, name!("lastModified"), text(last_modified));
    put(&mut shown, name!("location"), text(url));
    shown
}

/// An item of the answer to a collection: a task that was refused.
pub(super) fn task_refused(task: &str, error: &BatchError, request_id: &str, now: Timestamp) -> Properties {
    let status = if error.code.status() < 500 { "ClientError" } else { "ServerError" };
    let message = Message { text: error.code.text(), request_id, time: now };
    let mut shown_error = Properties::new();
    put(&mut shown_error, name!("code"), text(error.code));
    put(
        &mut shown_error,
        name!("message"),
        json!({ (name!("lang")): "en-US", (name!("value")): text(message) }),
    );
    let values: Vec<Value> = error
        .values
        .iter()
        .map(|value| json!({ (name!("key")): *value.key, (name!("value")): value.value }))
        .collect();
    put(&mut shown_error, name!("values"), (!values.is_empty()).then_some(Value::Array(values)));
    let mut shown = Properties::new();
    put(&mut shown, name!("status"), text(status));
    put(&mut shown, name!("taskId"), text(task));
    put(&mut shown, name!("error"), Value::Object(shown_error));
    shown
}
