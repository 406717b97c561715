//! What the service shows of a job, task, pool or node: typed fields and kept properties, in one map by the
//! service's names. The model tables put them in order and hide what an api-version does not know.

use alloc::{format, string::String, vec::Vec};
use core::fmt::Display;

use serde_json::{Map, Value, json};

use crate::{
    Account, BatchError, ETag, Node, Pool, Stamps, Timestamp,
    id::{JobId, NodeId, PoolId, TaskId},
    job::{
        Counts, Job, JobConstraints, JobManagerTask, JobNode, JobPreparationTask, JobReleaseTask, NodeRun,
        NodeRunState, RunOutcome,
    },
    rest::odata::write::Message,
    task::{
        Completion, Dependencies, ExitCodeRange, ExitConditions, ExitOptions, Placement, Task,
        TaskConstraints, TaskFailure, TaskIdRange, TaskSpecification, TaskState,
    },
};

pub(super) type Properties = Map<String, Value>;

/// Prints anything that has a written form.
fn text(value: impl Display) -> Value {
    Value::String(format!("{value}"))
}

/// Adds a property, if there is a value for it.
fn put(into: &mut Properties, name: &str, value: impl Into<Option<Value>>) {
    if let Some(value) = value.into() {
        into.insert(name.into(), value);
    }
}

/// What is kept of an object that is interpreted in part; the rest is to be put into it.
fn kept(shown: &mut Properties, name: &str) -> Properties {
    match shown.remove(name) {
        Some(Value::Object(kept)) => kept,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) | None => {
            Properties::new()
        }
    }
}

pub(super) fn job_url(account: &str, job: &JobId) -> String {
    format!("{account}/jobs/{job}")
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

/// A job as `Job - Get` shows it at this time.
pub(super) fn job(account: &str, job: &Job, now: Timestamp) -> Properties {
    let (specification, settings) = (job.specification(), job.settings());
    let mut shown = specification.other.clone();
    shown.extend(settings.other.clone());
    put(&mut shown, "networkConfiguration", settings.network_configuration.clone());
    put(&mut shown, "id", text(job.id()));
    put(&mut shown, "url", Value::String(job_url(account, job.id())));
    stamps(&mut shown, job.stamps(), job.creation_time(), job.state().name());
    previous_state(&mut shown, job.stamps());
    put(&mut shown, "priority", json!(settings.priority));
    put(&mut shown, "maxParallelTasks", json!(settings.max_parallel_tasks.to_wire()));
    put(&mut shown, "usesTaskDependencies", json!(specification.uses_task_dependencies));
    put(&mut shown, "allowTaskPreemption", json!(settings.allow_task_preemption));
    put(&mut shown, "constraints", job_constraints(&settings.constraints));
    put(&mut shown, "jobManagerTask", specification.manager.as_ref().map(job_manager));
    put(&mut shown, "jobPreparationTask", specification.preparation.as_ref().map(job_preparation));
    put(&mut shown, "jobReleaseTask", specification.release.as_ref().map(job_release));
    put(&mut shown, "poolInfo", json!({ "poolId": settings.pool.as_str() }));
    put(&mut shown, "executionInfo", job_execution_info(job, now));
    put(&mut shown, "onAllTasksComplete", text(settings.on_all_tasks_complete));
    put(&mut shown, "onTaskFailure", text(specification.on_task_failure));
    shown
}

fn stamps<S: Copy + Display>(shown: &mut Properties, stamps: &Stamps<S>, creation_time: Timestamp, state: S) {
    put(shown, "eTag", text(stamps.etag())); // T1
    put(shown, "lastModified", text(stamps.modified()));
    put(shown, "creationTime", text(creation_time));
    put(shown, "state", text(state));
    put(shown, "stateTransitionTime", text(stamps.entered()));
}

/// T7
fn previous_state<S: Copy + Display>(shown: &mut Properties, stamps: &Stamps<S>) {
    if let Some((state, at)) = stamps.previous() {
        put(shown, "previousState", text(state));
        put(shown, "previousStateTransitionTime", text(at));
    }
}

fn job_constraints(constraints: &JobConstraints) -> Value {
    json!({
        "maxWallClockTime": text(constraints.max_wall_clock_time),
        "maxTaskRetryCount": constraints.max_task_retry_count.to_wire(),
    })
}

fn task_constraints(constraints: &TaskConstraints) -> Value {
    json!({
        "maxWallClockTime": text(constraints.max_wall_clock_time),
        "retentionTime": text(constraints.retention_time),
        "maxTaskRetryCount": constraints.max_task_retry_count.to_wire(),
    })
}

fn job_manager(manager: &JobManagerTask) -> Value {
    let mut shown = task_specification(&manager.task);
    put(&mut shown, "constraints", task_constraints(&manager.constraints));
    put(&mut shown, "runExclusive", json!(manager.task.run_exclusive));
    put(&mut shown, "allowLowPriorityNode", json!(manager.allow_low_priority_node));
    put(&mut shown, "killJobOnCompletion", json!(manager.kill_job_on_completion));
    Value::Object(shown)
}

fn job_preparation(task: &JobPreparationTask) -> Value {
    let mut shown = task.other.clone();
    put(&mut shown, "id", text(&task.id));
    put(&mut shown, "constraints", task_constraints(&task.constraints));
    put(&mut shown, "waitForSuccess", json!(task.wait_for_success));
    put(&mut shown, "rerunOnNodeRebootAfterSuccess", json!(task.rerun_on_node_reboot_after_success));
    Value::Object(shown)
}

fn job_release(task: &JobReleaseTask) -> Value {
    let mut shown = task.other.clone();
    put(&mut shown, "id", text(&task.id));
    put(&mut shown, "maxWallClockTime", text(task.max_wall_clock_time));
    put(&mut shown, "retentionTime", text(task.retention_time));
    Value::Object(shown)
}

fn job_execution_info(job: &Job, now: Timestamp) -> Value {
    let mut shown = Properties::new();
    put(&mut shown, "startTime", text(job.stamps().created()));
    put(&mut shown, "endTime", job.end_time().map(text));
    put(&mut shown, "poolId", text(&job.settings().pool));
    put(&mut shown, "schedulingError", job.nodes_awaiting_processing(now).map(scheduling_error));
    put(&mut shown, "terminateReason", job.terminate_reason().map(text));
    Value::Object(shown)
}

/// E9
fn scheduling_error(nodes: usize) -> Value {
    json!({
        "category": "ServerError",
        "code": "JobTerminationAwaitingNodeProcessing",
        "message": "The Job termination operation is waiting for processing from one or more node.",
        "details": [{ "name": "Number of nodes awaiting processing", "value": text(nodes) }],
    })
}

/// A task as `Task - Get` shows it.
pub(super) fn task(account: &str, job: &JobId, task: &Task) -> Properties {
    let mut shown = task_specification(task.specification());
    put(&mut shown, "url", Value::String(task_url(account, job, task.id())));
    stamps(&mut shown, task.stamps(), task.stamps().created(), task.state().name());
    previous_state(&mut shown, task.stamps());
    put(&mut shown, "constraints", task_constraints(&task.constraints()));
    put(&mut shown, "executionInfo", task_execution_info(task));
    let node_info = match task.state() {
        TaskState::Active => None,
        TaskState::Preparing(_) | TaskState::Running { .. } | TaskState::Completed(_) => {
            // K6: a task that never got to a node shows an empty object.
            Some(
                task.placement().map_or_else(|| json!({}), |place| node_info(account, job, task.id(), place)),
            )
        }
    };
    put(&mut shown, "nodeInfo", node_info);
    shown
}

fn task_specification(specification: &TaskSpecification) -> Properties {
    let mut shown = specification.other.clone();
    put(&mut shown, "id", text(&specification.id));
    put(&mut shown, "requiredSlots", json!(specification.required_slots));
    if let Some(conditions) = &specification.exit_conditions {
        let kept = kept(&mut shown, "exitConditions");
        put(&mut shown, "exitConditions", exit_conditions(kept, conditions));
    }
    if let Some(depends_on) = &specification.depends_on {
        let kept = kept(&mut shown, "dependsOn");
        put(&mut shown, "dependsOn", dependencies(kept, depends_on));
    }
    shown
}

fn task_execution_info(task: &Task) -> Value {
    let mut shown = Properties::new();
    match task.state() {
        TaskState::Active | TaskState::Preparing(_) => {}
        TaskState::Running { start_time, .. } => put(&mut shown, "startTime", start_time.map(text)),
        TaskState::Completed(completion) => completed(&mut shown, completion),
    }
    put(&mut shown, "retryCount", json!(task.retry_count()));
    put(&mut shown, "lastRetryTime", task.last_retry_time().map(text));
    put(&mut shown, "requeueCount", json!(task.requeue_count()));
    put(&mut shown, "lastRequeueTime", task.last_requeue_time().map(text));
    Value::Object(shown)
}

fn completed(shown: &mut Properties, completion: &Completion) {
    put(shown, "startTime", completion.start_time().map(text));
    put(shown, "endTime", text(completion.end_time));
    put(shown, "exitCode", completion.exit_code().map(|code| json!(code)));
    put(shown, "failureInfo", completion.failure().map(failure_info));
    put(shown, "result", text(if completion.is_success() { "success" } else { "failure" }));
}

fn failure_info(failure: &TaskFailure) -> Value {
    let mut shown = Properties::new();
    put(&mut shown, "category", text(failure.category()));
    put(&mut shown, "code", text(failure.code()));
    put(&mut shown, "message", text(failure.message()));
    let details: Vec<Value> =
        failure.details().iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    put(&mut shown, "details", (!details.is_empty()).then_some(Value::Array(details)));
    Value::Object(shown)
}

fn node_info(account: &str, job: &JobId, task: &TaskId, place: &Placement) -> Value {
    let node = node_url(account, &place.pool, &place.node);
    let directory = task_root_directory(job, task);
    json!({
        "affinityId": format!("TVM:{}", place.node),
        "nodeUrl": node,
        "poolId": place.pool.as_str(),
        "nodeId": place.node.as_str(),
        "taskRootDirectory": directory,
        "taskRootDirectoryUrl": format!("{node}/files/{directory}"),
    })
}

/// Where a node keeps a task's files, as Linux nodes write it. Every job is `job-1` there too.
pub(super) fn task_root_directory(job: &JobId, task: &TaskId) -> String {
    format!("workitems/{job}/job-1/{task}")
}

fn exit_conditions(mut shown: Properties, conditions: &ExitConditions) -> Value {
    let codes = |ranges: &[ExitCodeRange], show: fn(&ExitCodeRange) -> Value| {
        (!ranges.is_empty()).then(|| Value::Array(ranges.iter().map(show).collect()))
    };
    let one =
        |range: &ExitCodeRange| json!({ "code": range.start, "exitOptions": exit_options(range.options) });
    let many = |range: &ExitCodeRange| json!({ "start": range.start, "end": range.end, "exitOptions": exit_options(range.options) });
    put(&mut shown, "exitCodes", codes(&conditions.exit_codes, one));
    put(&mut shown, "exitCodeRanges", codes(&conditions.exit_code_ranges, many));
    put(&mut shown, "preProcessingError", conditions.pre_processing_error.map(exit_options));
    put(&mut shown, "fileUploadError", conditions.file_upload_error.map(exit_options));
    put(&mut shown, "default", conditions.default.map(exit_options));
    Value::Object(shown)
}

fn exit_options(options: ExitOptions) -> Value {
    let mut shown = Properties::new();
    put(&mut shown, "jobAction", options.job_action.map(text));
    put(&mut shown, "dependencyAction", options.dependency_action.map(text));
    Value::Object(shown)
}

fn dependencies(mut shown: Properties, dependencies: &Dependencies) -> Value {
    let ids: Vec<Value> = dependencies.task_ids.iter().map(text).collect();
    let ranges = dependencies.ranges.iter();
    let ranges = ranges.map(|TaskIdRange { start, end }| json!({ "start": start, "end": end }));
    let ranges: Vec<Value> = ranges.collect();
    put(&mut shown, "taskIds", (!ids.is_empty()).then_some(Value::Array(ids)));
    put(&mut shown, "taskIdRanges", (!ranges.is_empty()).then_some(Value::Array(ranges)));
    Value::Object(shown)
}

/// The counts of a job's tasks and of the slots that they need.
pub(super) fn task_counts(job: &Job) -> Properties {
    let counts = |counts: Counts| {
        json!({
            "active": counts.active,
            "running": counts.running,
            "completed": counts.completed(),
            "succeeded": counts.succeeded,
            "failed": counts.failed,
        })
    };
    let mut shown = Properties::new();
    put(&mut shown, "taskCounts", counts(job.task_counts()));
    put(&mut shown, "taskSlotCounts", counts(job.task_slot_counts()));
    shown
}

/// An item of the answer to a collection: a task that was added.
pub(super) fn task_added(task: &TaskId, url: &str, last_modified: Timestamp) -> Properties {
    let mut shown = Properties::new();
    put(&mut shown, "status", text("Success"));
    put(&mut shown, "taskId", text(task));
    put(&mut shown, "eTag", text(ETag::from(last_modified)));
    put(&mut shown, "lastModified", text(last_modified));
    put(&mut shown, "location", text(url));
    shown
}

/// An item of the answer to a collection: a task that was refused.
pub(super) fn task_refused(task: &str, error: &BatchError, request_id: &str, now: Timestamp) -> Properties {
    let status = if error.code.status() < 500 { "ClientError" } else { "ServerError" };
    let message = Message { text: error.code.text(), request_id, time: now };
    let mut shown_error = Properties::new();
    put(&mut shown_error, "code", text(error.code));
    put(&mut shown_error, "message", json!({ "lang": "en-US", "value": text(message) }));
    let values: Vec<Value> =
        error.values.iter().map(|value| json!({ "key": *value.key, "value": value.value })).collect();
    put(&mut shown_error, "values", (!values.is_empty()).then_some(Value::Array(values)));
    let mut shown = Properties::new();
    put(&mut shown, "status", text(status));
    put(&mut shown, "taskId", text(task));
    put(&mut shown, "error", Value::Object(shown_error));
    shown
}

/// What the preparation and release tasks did on a node; `None` if neither has started there.
pub(super) fn preparation_and_release(
    account: &str,
    job: &Job,
    id: &NodeId,
    node: &JobNode,
) -> Option<Properties> {
    let run = |task: Option<&TaskId>, run: Option<&NodeRun>| {
        let (task, run) = task.zip(run)?;
        node_run(account, job.id(), task, id, node, run)
    };
    let specification = job.specification();
    let preparation = run(specification.preparation.as_ref().map(|task| &task.id), node.preparation());
    let release = run(specification.release.as_ref().map(|task| &task.id), node.release());
    if preparation.is_none() && release.is_none() {
        return None;
    }
    let mut shown = Properties::new();
    put(&mut shown, "poolId", text(node.pool()));
    put(&mut shown, "nodeId", text(id));
    put(&mut shown, "nodeUrl", Value::String(node_url(account, node.pool(), id)));
    put(&mut shown, "jobPreparationTaskExecutionInfo", preparation);
    put(&mut shown, "jobReleaseTaskExecutionInfo", release);
    Some(shown)
}

fn node_run(
    account: &str,
    job: &JobId,
    task: &TaskId,
    id: &NodeId,
    node: &JobNode,
    run: &NodeRun,
) -> Option<Value> {
    let directory = task_root_directory(job, task);
    let url = format!("{}/files/{directory}", node_url(account, node.pool(), id));
    let mut shown = Properties::new();
    let start_time = match run.state {
        NodeRunState::Issued { .. } => return None,
        NodeRunState::Running { start_time, .. } => start_time,
        // The property is required, so a run that was over before it started did so at its end (K10).
        NodeRunState::Completed { start_time, end_time, .. } => start_time.unwrap_or(end_time),
    };
    put(&mut shown, "startTime", text(start_time));
    put(&mut shown, "taskRootDirectory", text(directory));
    put(&mut shown, "taskRootDirectoryUrl", text(url));
    put(&mut shown, "retryCount", json!(run.retry_count));
    match &run.state {
        NodeRunState::Issued { .. } | NodeRunState::Running { .. } => {
            put(&mut shown, "state", text("running"));
        }
        NodeRunState::Completed { end_time, outcome, .. } => {
            put(&mut shown, "state", text("completed"));
            put(&mut shown, "endTime", text(end_time));
            run_outcome(&mut shown, outcome);
        }
    }
    Some(Value::Object(shown))
}

/// A failure around the process is shown as that of a task is (K5).
fn run_outcome(shown: &mut Properties, outcome: &RunOutcome) {
    put(shown, "exitCode", outcome.exit_code().map(|code| json!(code)));
    match outcome {
        RunOutcome::Succeeded => put(shown, "result", text("success")),
        RunOutcome::Failed { failure, .. } => {
            let failure = failure.clone().map(TaskFailure::from);
            put(shown, "failureInfo", failure.as_ref().map(failure_info));
            put(shown, "result", text("failure"));
        }
    }
}

/// A pool as `Pool - Get` shows it.
pub(super) fn pool(account: &Account, pool: &Pool) -> Properties {
    let specification = pool.specification();
    let (counts, target) = (account.node_counts(pool.id()), pool.target());
    let mut shown = specification.other.clone();
    put(&mut shown, "id", text(pool.id()));
    put(&mut shown, "url", Value::String(pool_url(account.url(), pool.id())));
    stamps(&mut shown, pool.stamps(), pool.stamps().created(), pool.state());
    put(&mut shown, "allocationState", text(pool.allocation_state()));
    put(&mut shown, "allocationStateTransitionTime", text(pool.allocation_state_transition_time()));
    put(&mut shown, "resizeTimeout", pool.resize_timeout().map(text)); // P7
    shown.entry("resizeTimeout").or_insert_with(|| "PT15M".into());
    put(&mut shown, "currentDedicatedNodes", json!(counts.dedicated));
    put(&mut shown, "currentLowPriorityNodes", json!(counts.low_priority));
    put(&mut shown, "targetDedicatedNodes", json!(target.dedicated));
    put(&mut shown, "targetLowPriorityNodes", json!(target.low_priority));
    put(&mut shown, "enableAutoScale", json!(false));
    shown.entry("enableInterNodeCommunication").or_insert_with(|| json!(false));
    put(&mut shown, "taskSlotsPerNode", json!(specification.task_slots_per_node));
    put(&mut shown, "maxTasksPerNode", json!(specification.task_slots_per_node));
    let mut policy = kept(&mut shown, "taskSchedulingPolicy");
    put(&mut policy, "nodeFillType", text(specification.node_fill_type));
    put(&mut shown, "taskSchedulingPolicy", Value::Object(policy));
    shown
}

/// A node as `Node - Get` shows it. Its own times have microseconds at most (T9).
pub(super) fn node(account: &Account, node: &Node) -> Properties {
    let time = |at: Timestamp| text(at.truncate_to_microsecond());
    let mut shown = Properties::new();
    put(&mut shown, "id", text(node.id()));
    put(&mut shown, "url", Value::String(node_url(account.url(), node.pool(), node.id())));
    put(&mut shown, "state", text(node.state_name()));
    put(&mut shown, "schedulingState", text(node.scheduling()));
    put(&mut shown, "stateTransitionTime", time(node.stamps().entered()));
    put(&mut shown, "lastBootTime", time(node.last_boot_time()));
    put(&mut shown, "allocationTime", time(node.stamps().created()));
    put(&mut shown, "affinityId", text(format!("TVM:{}", node.id())));
    let size = account.pool(node.pool()).and_then(|pool| pool.specification().other.get("vmSize").cloned());
    put(&mut shown, "vmSize", size);
    put(&mut shown, "totalTasksRun", json!(node.total_tasks_run()));
    put(&mut shown, "totalTasksSucceeded", json!(node.total_tasks_succeeded()));
    put(&mut shown, "runningTasksCount", json!(node.tasks().count()));
    put(&mut shown, "runningTaskSlotsCount", json!(node.taken_slots()));
    let recent: Vec<Value> =
        node.recent_tasks().iter().filter_map(|(job, task)| recent_task(account, job, task)).collect();
    put(&mut shown, "recentTasks", (!recent.is_empty()).then_some(Value::Array(recent)));
    put(&mut shown, "isDedicated", json!(node.is_dedicated()));
    shown
}

/// A task that came to a node lately, if it is still there to be told of.
fn recent_task(account: &Account, job: &JobId, task: &TaskId) -> Option<Value> {
    let job = account.job(job)?;
    let task = job.task(task)?;
    Some(json!({
        "taskUrl": task_url(account.url(), job.id(), task.id()),
        "jobId": job.id().as_str(),
        "taskId": task.id().as_str(),
        "taskState": task.state().name().as_str(),
        "executionInfo": task_execution_info(task),
    }))
}
