//! What the service shows of a node.

use crate::{
    Account, Job, Node,
    rest::{
        odata::shown::{Shown, Slot, fill},
        shown::{node_url, task_url},
        tasks::shown::task_execution_info,
    },
    task::Task,
};

/// A node as `Node - Get` shows it. Its own times have microseconds at most (T9).
pub(super) fn node(account: &Account, node: &Node, slot: &mut Slot<'_>) {
    fill!(slot {
        "id" => slot.text(node.id().as_str()),
        "url" => slot.joined(&node_url(account.url(), node.pool(), node.id())),
        "state" => slot.text(node.state_name().as_str()),
        "schedulingState" => slot.text(node.scheduling().as_str()),
        "stateTransitionTime" => slot.instant(node.stamps().entered().truncate_to_microsecond()),
        "lastBootTime" => slot.instant(node.last_boot_time().truncate_to_microsecond()),
        "allocationTime" => slot.instant(node.stamps().created().truncate_to_microsecond()),
        "affinityId" => slot.joined(&["TVM:", node.id().as_str()]),
        "vmSize" => if let Some(pool) = account.pool(node.pool()) {
            slot.kept(&pool.specification().other);
        },
        "totalTasksRun" => slot.integer(node.total_tasks_run()),
        "totalTasksSucceeded" => slot.integer(node.total_tasks_succeeded()),
        "runningTasksCount" => slot.integer(node.tasks().count()),
        "runningTaskSlotsCount" => slot.integer(node.taken_slots()),
        "recentTasks" => if recent_tasks(account, node).next().is_some() {
            slot.list(&|give| {
                recent_tasks(account, node).for_each(|(job, task)| {
                    give(&Shown::Object(&|slot| recent_task(account, job, task, slot)));
                });
            });
        },
        "isDedicated" => slot.boolean(node.is_dedicated()),
    });
}

/// The tasks that came to a node lately, if they are still there to be told of.
fn recent_tasks<'a>(account: &'a Account, node: &'a Node) -> impl Iterator<Item = (&'a Job, &'a Task)> {
    node.recent_tasks().iter().filter_map(|(job, task)| {
        let job = account.job(job)?;
        Some((job, job.task(task)?))
    })
}

fn recent_task(account: &Account, job: &Job, task: &Task, slot: &mut Slot<'_>) {
    fill!(slot {
        "taskUrl" => slot.joined(&task_url(account.url(), job.id(), task.id())),
        "jobId" => slot.text(job.id().as_str()),
        "taskId" => slot.text(task.id().as_str()),
        "taskState" => slot.text(task.state().name().as_str()),
        "executionInfo" => slot.object(&|slot| task_execution_info(task, slot)),
    });
}

/// The answer to `Node - Upload Batch Service Logs`.
pub(super) fn uploaded_logs(directory: &str, files: u64, slot: &mut Slot<'_>) {
    fill!(slot {
        "virtualDirectoryName" => slot.text(directory),
        "numberOfFilesUploaded" => slot.integer(files),
    });
}
