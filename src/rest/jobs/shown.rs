//! What the service shows of a job.

use alloc::format;

use serde_json::{Value, json};

use crate::{
    Timestamp,
    id::{JobId, NodeId, TaskId},
    job::{
        Counts, Job, JobConstraints, JobManagerTask, JobNode, JobPreparationTask, JobReleaseTask, NodeRun,
        NodeRunState, RunOutcome,
    },
    rest::{
        shown::{Properties, job_url, node_url, previous_state, put, stamps, text},
        tasks::shown as task_shown,
    },
    task::TaskFailure,
};

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

fn job_constraints(constraints: &JobConstraints) -> Value {
    json!({
        "maxWallClockTime": text(constraints.max_wall_clock_time),
        "maxTaskRetryCount": constraints.max_task_retry_count.to_wire(),
    })
}

fn job_manager(manager: &JobManagerTask) -> Value {
    let mut shown = task_shown::task_specification(&manager.task);
    put(&mut shown, "constraints", task_shown::task_constraints(&manager.constraints));
    put(&mut shown, "runExclusive", json!(manager.task.run_exclusive));
    put(&mut shown, "allowLowPriorityNode", json!(manager.allow_low_priority_node));
    put(&mut shown, "killJobOnCompletion", json!(manager.kill_job_on_completion));
    Value::Object(shown)
}

fn job_preparation(task: &JobPreparationTask) -> Value {
    let mut shown = task.other.clone();
    put(&mut shown, "id", text(&task.id));
    put(&mut shown, "constraints", task_shown::task_constraints(&task.constraints));
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
    let directory = task_shown::task_root_directory(job, task);
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
            put(shown, "failureInfo", failure.as_ref().map(task_shown::failure_info));
            put(shown, "result", text("failure"));
        }
    }
}
