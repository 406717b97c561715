//! What the service shows of a job.

use alloc::format;

use serde_json::{Value, json};

use crate::{
    Timestamp,
    id::{JobId, NodeId, TaskId},
    job::{
        AutoPool, AutoPoolFailure, Counts, Job, JobConstraints, JobManagerTask, JobNode, JobPreparationTask,
        JobReleaseTask, JobSettings, JobTemplate, NodeRun, NodeRunState, PoolInfo, RunOutcome,
        TerminateReason,
    },
    rest::{
        odata::model::name,
        pools::shown as pool_shown,
        shown::{Properties, job_url, node_url, previous_state, put, stamps, text},
        tasks::shown as task_shown,
    },
    task::TaskFailure,
};

/// A job as `Job - Get` shows it at this time.
pub(super) fn job(account: &str, job: &Job, now: Timestamp) -> Properties {
    let mut shown = job_template(job.template(), job.settings());
    put(&mut shown, name!("id"), text(job.id()));
    put(&mut shown, name!("url"), Value::String(job_url(account, job.id())));
    stamps(&mut shown, job.stamps(), job.creation_time(), job.state().name());
    previous_state(&mut shown, job.stamps());
    put(&mut shown, name!("executionInfo"), job_execution_info(job, now));
    shown
}

/// What the user asked for, of a job or of the jobs of a schedule.
pub(in crate::rest) fn job_template(template: &JobTemplate, settings: &JobSettings) -> Properties {
    let mut shown = template.other.clone();
    shown.extend(settings.other.clone());
    put(&mut shown, name!("networkConfiguration"), settings.network_configuration.clone());
    put(&mut shown, name!("priority"), json!(settings.priority));
    put(&mut shown, name!("maxParallelTasks"), json!(settings.max_parallel_tasks.to_wire()));
    put(&mut shown, name!("usesTaskDependencies"), json!(template.uses_task_dependencies));
    put(&mut shown, name!("allowTaskPreemption"), json!(settings.allow_task_preemption));
    put(&mut shown, name!("constraints"), job_constraints(&settings.constraints));
    put(&mut shown, name!("jobManagerTask"), template.manager.as_ref().map(job_manager));
    put(&mut shown, name!("jobPreparationTask"), template.preparation.as_ref().map(job_preparation));
    put(&mut shown, name!("jobReleaseTask"), template.release.as_ref().map(job_release));
    put(&mut shown, name!("poolInfo"), pool_info(&settings.pool));
    put(&mut shown, name!("onAllTasksComplete"), text(settings.on_all_tasks_complete));
    put(&mut shown, name!("onTaskFailure"), text(template.on_task_failure));
    shown
}

fn job_constraints(constraints: &JobConstraints) -> Value {
    json!({
        (name!("maxWallClockTime")): text(constraints.max_wall_clock_time),
        (name!("maxTaskRetryCount")): constraints.max_task_retry_count.to_wire(),
    })
}

fn job_manager(manager: &JobManagerTask) -> Value {
    let mut shown = task_shown::task_specification(&manager.task);
    put(&mut shown, name!("constraints"), task_shown::task_constraints(&manager.constraints));
    put(&mut shown, name!("runExclusive"), json!(manager.task.run_exclusive));
    put(&mut shown, name!("allowLowPriorityNode"), json!(manager.allow_low_priority_node));
    put(&mut shown, name!("killJobOnCompletion"), json!(manager.kill_job_on_completion));
    Value::Object(shown)
}

fn job_preparation(task: &JobPreparationTask) -> Value {
    let mut shown = task.other.clone();
    put(&mut shown, name!("id"), text(&task.id));
    put(&mut shown, name!("constraints"), task_shown::task_constraints(&task.constraints));
    put(&mut shown, name!("waitForSuccess"), json!(task.wait_for_success));
    put(&mut shown, name!("rerunOnNodeRebootAfterSuccess"), json!(task.rerun_on_node_reboot_after_success));
    Value::Object(shown)
}

fn job_release(task: &JobReleaseTask) -> Value {
    let mut shown = task.other.clone();
    put(&mut shown, name!("id"), text(&task.id));
    put(&mut shown, name!("maxWallClockTime"), text(task.max_wall_clock_time));
    put(&mut shown, name!("retentionTime"), text(task.retention_time));
    Value::Object(shown)
}

fn job_execution_info(job: &Job, now: Timestamp) -> Value {
    let mut shown = Properties::new();
    put(&mut shown, name!("startTime"), text(job.stamps().created()));
    put(&mut shown, name!("endTime"), job.end_time().map(text));
    put(&mut shown, name!("poolId"), job.pool().map(text));
    match job.terminate_reason() {
        Some(TerminateReason::AutoPoolFailed(failure)) => {
            put(&mut shown, name!("schedulingError"), auto_pool_failure(failure)); // X9
        }
        reason => {
            let error = job.nodes_awaiting_processing(now).map(scheduling_error);
            put(&mut shown, name!("schedulingError"), error);
            put(&mut shown, name!("terminateReason"), reason.map(text));
        }
    }
    Value::Object(shown)
}

fn pool_info(pool: &PoolInfo) -> Value {
    match pool {
        PoolInfo::Named(pool) => json!({ (name!("poolId")): pool.as_str() }),
        PoolInfo::Auto(pool) => json!({ (name!("autoPoolSpecification")): auto_pool(pool) }),
    }
}

fn auto_pool(pool: &AutoPool) -> Value {
    let mut shown = Properties::new();
    put(&mut shown, name!("autoPoolIdPrefix"), pool.id_prefix.as_ref().map(text));
    put(&mut shown, name!("poolLifetimeOption"), text(pool.lifetime));
    put(&mut shown, name!("keepAlive"), json!(pool.keep_alive));
    put(&mut shown, name!("pool"), Value::Object(pool_shown::auto_pool(pool)));
    Value::Object(shown)
}

/// X9
fn auto_pool_failure(failure: &AutoPoolFailure) -> Value {
    json!({
        (name!("category")): "UserError",
        (name!("code")): failure.code.as_str(),
        (name!("message")): failure.message,
    })
}

/// E9
fn scheduling_error(nodes: usize) -> Value {
    json!({
        (name!("category")): "ServerError",
        (name!("code")): "JobTerminationAwaitingNodeProcessing",
        (name!("message")): "The Job termination operation is waiting for processing from one or more node.",
        (name!("details")): [{
            (name!("name")): "Number of nodes awaiting processing",
            (name!("value")): text(nodes),
        }],
    })
}

/// The counts of a job's tasks and of the slots that they need.
pub(super) fn task_counts(job: &Job) -> Properties {
    let counts = |counts: Counts| {
        json!({
            (name!("active")): counts.active,
            (name!("running")): counts.running,
            (name!("completed")): counts.completed(),
            (name!("succeeded")): counts.succeeded,
            (name!("failed")): counts.failed,
        })
    };
    let mut shown = Properties::new();
    put(&mut shown, name!("taskCounts"), counts(job.task_counts()));
    put(&mut shown, name!("taskSlotCounts"), counts(job.task_slot_counts()));
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
    let template = job.template();
    let preparation = run(template.preparation.as_ref().map(|task| &task.id), node.preparation());
    let release = run(template.release.as_ref().map(|task| &task.id), node.release());
    if preparation.is_none() && release.is_none() {
        return None;
    }
    let mut shown = Properties::new();
    put(&mut shown, name!("poolId"), text(node.pool()));
    put(&mut shown, name!("nodeId"), text(id));
    put(&mut shown, name!("nodeUrl"), Value::String(node_url(account, node.pool(), id)));
    put(&mut shown, name!("jobPreparationTaskExecutionInfo"), preparation);
    put(&mut shown, name!("jobReleaseTaskExecutionInfo"), release);
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
    put(&mut shown, name!("startTime"), text(start_time));
    put(&mut shown, name!("taskRootDirectory"), text(directory));
    put(&mut shown, name!("taskRootDirectoryUrl"), text(url));
    put(&mut shown, name!("retryCount"), json!(run.retry_count));
    match &run.state {
        NodeRunState::Issued { .. } | NodeRunState::Running { .. } => {
            put(&mut shown, name!("state"), text("running"));
        }
        NodeRunState::Completed { end_time, outcome, .. } => {
            put(&mut shown, name!("state"), text("completed"));
            put(&mut shown, name!("endTime"), text(end_time));
            run_outcome(&mut shown, outcome);
        }
    }
    Some(Value::Object(shown))
}

/// A failure around the process is shown as that of a task is (K5).
fn run_outcome(shown: &mut Properties, outcome: &RunOutcome) {
    put(shown, name!("exitCode"), outcome.exit_code().map(|code| json!(code)));
    match outcome {
        RunOutcome::Succeeded => put(shown, name!("result"), text("success")),
        RunOutcome::Failed { failure, .. } => {
            let failure = failure.clone().map(TaskFailure::from);
            put(shown, name!("failureInfo"), failure.as_ref().map(task_shown::failure_info));
            put(shown, name!("result"), text("failure"));
        }
    }
}
