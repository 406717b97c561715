//! What the service shows of a node.

use alloc::{format, vec::Vec};

use serde_json::{Value, json};

use crate::{
    Account, Node, Timestamp,
    id::{JobId, TaskId},
    rest::{
        shown::{Properties, node_url, put, task_url, text},
        tasks::shown as task_shown,
    },
};

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
        "executionInfo": task_shown::task_execution_info(task),
    }))
}
