//! What the service shows of a node.

use alloc::{format, vec::Vec};

use serde_json::{Value, json};

use crate::{
    Account, Node, Timestamp,
    id::{JobId, TaskId},
    rest::{
        odata::model::name,
        shown::{Properties, node_url, put, task_url, text},
        tasks::shown as task_shown,
    },
};

/// A node as `Node - Get` shows it. Its own times have microseconds at most (T9).
pub(super) fn node(account: &Account, node: &Node) -> Properties {
    let time = |at: Timestamp| text(at.truncate_to_microsecond());
    let mut shown = Properties::new();
    put(&mut shown, name!("id"), text(node.id()));
    put(&mut shown, name!("url"), Value::String(node_url(account.url(), node.pool(), node.id())));
    put(&mut shown, name!("state"), text(node.state_name()));
    put(&mut shown, name!("schedulingState"), text(node.scheduling()));
    put(&mut shown, name!("stateTransitionTime"), time(node.stamps().entered()));
    put(&mut shown, name!("lastBootTime"), time(node.last_boot_time()));
    put(&mut shown, name!("allocationTime"), time(node.stamps().created()));
    put(&mut shown, name!("affinityId"), text(format!("TVM:{}", node.id())));
    let size = account
        .pool(node.pool())
        .and_then(|pool| pool.specification().other.get(name!("vmSize").as_str()).cloned());
    put(&mut shown, name!("vmSize"), size);
    put(&mut shown, name!("totalTasksRun"), json!(node.total_tasks_run()));
    put(&mut shown, name!("totalTasksSucceeded"), json!(node.total_tasks_succeeded()));
    put(&mut shown, name!("runningTasksCount"), json!(node.tasks().count()));
    put(&mut shown, name!("runningTaskSlotsCount"), json!(node.taken_slots()));
    let recent: Vec<Value> =
        node.recent_tasks().iter().filter_map(|(job, task)| recent_task(account, job, task)).collect();
    put(&mut shown, name!("recentTasks"), (!recent.is_empty()).then_some(Value::Array(recent)));
    put(&mut shown, name!("isDedicated"), json!(node.is_dedicated()));
    shown
}

/// A task that came to a node lately, if it is still there to be told of.
fn recent_task(account: &Account, job: &JobId, task: &TaskId) -> Option<Value> {
    let job = account.job(job)?;
    let task = job.task(task)?;
    Some(json!({
        (name!("taskUrl")): task_url(account.url(), job.id(), task.id()),
        (name!("jobId")): job.id().as_str(),
        (name!("taskId")): task.id().as_str(),
        (name!("taskState")): task.state().name().as_str(),
        (name!("executionInfo")): task_shown::task_execution_info(task),
    }))
}

/// The answer to `Node - Upload Batch Service Logs`.
pub(super) fn uploaded_logs(directory: &str, files: u64) -> Properties {
    let mut shown = Properties::new();
    put(&mut shown, name!("virtualDirectoryName"), text(directory));
    put(&mut shown, name!("numberOfFilesUploaded"), json!(files));
    shown
}
