//! What the service shows of a task.

use crate::{
    BatchError, ETag, Timestamp,
    id::{JobId, NodeId, PoolId, TaskId},
    rest::{
        odata::{
            shown::{Shown, Slot, fill},
            write::Message,
        },
        shown::{node_url, partly_kept, stamps, task_url},
    },
    task::{
        Completion, Dependencies, DependencyAction, ExitCodeRange, ExitConditions, ExitOptions, JobAction,
        Placement, Task, TaskConstraints, TaskFailure, TaskIdRange, TaskSpecification, TaskState,
        TaskStateName,
    },
};

/// A task as `Task - Get` shows it.
pub(super) fn task(account: &str, job: &JobId, task: &Task, slot: &mut Slot<'_>) {
    fill!(slot {
        "url" => slot.joined(&task_url(account, job, task.id())),
        "state" => slot.text(task.state().name().as_str()),
        "constraints" => slot.object(&|slot| task_constraints(&task.constraints(), slot)),
        "executionInfo" => slot.object(&|slot| task_execution_info(task, slot)),
        "nodeInfo" => match task.state() {
            TaskState::Active => {}
            TaskState::Preparing(_) | TaskState::Running { .. } | TaskState::Completed(_) => {
                slot.object(&|slot| node_info(account, job, task, slot));
            }
        },
    });
    stamps(slot, &task.stamps(), task.stamps().created(), TaskStateName::as_str);
    task_specification(task.id(), task.command_line(), task.specification(), slot);
}

pub(in crate::rest) fn task_constraints(constraints: &TaskConstraints, slot: &mut Slot<'_>) {
    fill!(slot {
        "maxWallClockTime" => slot.duration(constraints.max_wall_clock_time),
        "retentionTime" => slot.duration(constraints.retention_time),
        "maxTaskRetryCount" => slot.integer(constraints.max_task_retry_count.to_wire()),
    });
}

pub(in crate::rest) fn task_specification(
    id: &TaskId,
    command_line: Option<&str>,
    specification: &TaskSpecification,
    slot: &mut Slot<'_>,
) {
    let kept = &specification.other;
    fill!(slot {
        "id" => slot.text(id.as_str()),
        "commandLine" => slot.text(command_line),
        "requiredSlots" => slot.integer(specification.required_slots),
        "exitConditions" => if let Some(conditions) = &specification.exit_conditions {
            partly_kept(slot, kept, &|slot| exit_conditions(conditions, slot));
        },
        "dependsOn" => if let Some(depends_on) = &specification.depends_on {
            partly_kept(slot, kept, &|slot| dependencies(depends_on, slot));
        },
    });
    slot.kept(kept);
}

pub(in crate::rest) fn task_execution_info(task: &Task, slot: &mut Slot<'_>) {
    let completion = task.state().completion();
    fill!(slot {
        "startTime" => match task.state() {
            TaskState::Active | TaskState::Preparing(_) => {}
            TaskState::Running { start_time, .. } => slot.instant(*start_time),
            TaskState::Completed(completion) => slot.instant(completion.start_time()),
        },
        "endTime" => slot.instant(completion.map(|completion| completion.end_time)),
        "exitCode" => exit_code(completion.and_then(Completion::exit_code), slot),
        "failureInfo" => if let Some(failure) = completion.and_then(Completion::failure) {
            slot.object(&|slot| failure_info(failure, slot));
        },
        "result" => slot.text(completion.map(|completion| result(completion.is_success()))),
        "retryCount" => slot.integer(task.retry_count()),
        "lastRetryTime" => slot.instant(task.last_retry_time()),
        "requeueCount" => slot.integer(task.requeue_count()),
        "lastRequeueTime" => slot.instant(task.last_requeue_time()),
    });
}

pub(in crate::rest) fn exit_code(code: Option<i32>, slot: &mut Slot<'_>) {
    if let Some(code) = code {
        slot.integer(code);
    }
}

pub(in crate::rest) fn result(is_success: bool) -> &'static str {
    if is_success { "success" } else { "failure" }
}

pub(in crate::rest) fn failure_info(failure: &TaskFailure, slot: &mut Slot<'_>) {
    fill!(slot {
        "category" => slot.text(failure.category()),
        "code" => slot.text(failure.code()),
        "message" => slot.text(failure.message()),
        "details" => if !failure.details().is_empty() {
            slot.list(&|give| {
                for (name, value) in failure.details() {
                    give(&Shown::Object(&|slot| name_and_value(name, value, slot)));
                }
            });
        },
    });
}

/// A `NameValuePair`.
fn name_and_value(name: &str, value: &str, slot: &mut Slot<'_>) {
    fill!(slot {
        "name" => slot.text(name),
        "value" => slot.text(value),
    });
}

/// K6: a task that never got to a node shows an empty object.
fn node_info(account: &str, job: &JobId, task: &Task, slot: &mut Slot<'_>) {
    let Some(Placement { pool, node }) = task.placement() else { return };
    fill!(slot {
        "affinityId" => slot.joined(&["TVM:", node.as_str()]),
        "nodeUrl" => slot.joined(&node_url(account, pool, node)),
        "poolId" => slot.text(pool.as_str()),
        "nodeId" => slot.text(node.as_str()),
        "taskRootDirectory" => slot.joined(&task_root_directory(job, task.id())),
        "taskRootDirectoryUrl" => {
            slot.joined(&task_root_directory_url(account, pool, node, job, task.id()));
        },
    });
}

/// Where a node keeps a task's files, as Linux nodes write it. Every job is `job-1` there too.
pub(in crate::rest) fn task_root_directory<'a>(job: &'a JobId, task: &'a TaskId) -> [&'a str; 4] {
    ["workitems/", job.as_str(), "/job-1/", task.as_str()]
}

pub(in crate::rest) fn task_root_directory_url<'a>(
    account: &'a str,
    pool: &'a PoolId,
    node: &'a NodeId,
    job: &'a JobId,
    task: &'a TaskId,
) -> [&'a str; 10] {
    let [account, pools, pool, nodes, node] = node_url(account, pool, node);
    let [root, job, number, task] = task_root_directory(job, task);
    [account, pools, pool, nodes, node, "/files/", root, job, number, task]
}

fn exit_conditions(conditions: &ExitConditions, slot: &mut Slot<'_>) {
    fill!(slot {
        "exitCodes" => exit_codes(&conditions.exit_codes, slot),
        "exitCodeRanges" => exit_codes(&conditions.exit_code_ranges, slot),
        "preProcessingError" => exit_options(conditions.pre_processing_error, slot),
        "fileUploadError" => exit_options(conditions.file_upload_error, slot),
        "default" => exit_options(conditions.default, slot),
    });
}

/// Single codes show as `code` what ranges show as `start` and `end`.
fn exit_codes(ranges: &[ExitCodeRange], slot: &mut Slot<'_>) {
    if ranges.is_empty() {
        return;
    }
    slot.list(&|give| {
        for range in ranges {
            give(&Shown::Object(&|slot| {
                fill!(slot {
                    "code" => slot.integer(range.start),
                    "start" => slot.integer(range.start),
                    "end" => slot.integer(range.end),
                    "exitOptions" => exit_options(Some(range.options), slot),
                });
            }));
        }
    });
}

fn exit_options(options: Option<ExitOptions>, slot: &mut Slot<'_>) {
    let Some(options) = options else { return };
    slot.object(&|slot| {
        fill!(slot {
            "jobAction" => slot.text(options.job_action.map(JobAction::as_str)),
            "dependencyAction" => slot.text(options.dependency_action.map(DependencyAction::as_str)),
        });
    });
}

fn dependencies(dependencies: &Dependencies, slot: &mut Slot<'_>) {
    fill!(slot {
        "taskIds" => if !dependencies.task_ids.is_empty() {
            slot.list(&|give| {
                dependencies.task_ids.iter().for_each(|id| give(&Shown::Text(id.as_str())));
            });
        },
        "taskIdRanges" => if !dependencies.ranges.is_empty() {
            slot.list(&|give| {
                for TaskIdRange { start, end } in &dependencies.ranges {
                    give(&Shown::Object(&|slot| {
                        fill!(slot {
                            "start" => slot.integer(*start),
                            "end" => slot.integer(*end),
                        });
                    }));
                }
            });
        },
    });
}

/// An item of the answer to a collection: a task that was added.
pub(super) fn task_added(
    account: &str,
    job: &JobId,
    task: &TaskId,
    last_modified: Timestamp,
    slot: &mut Slot<'_>,
) {
    fill!(slot {
        "status" => slot.text("Success"),
        "taskId" => slot.text(task.as_str()),
        "eTag" => slot.text(ETag::from(last_modified).text().as_str()),
        "lastModified" => slot.instant(last_modified),
        "location" => slot.joined(&task_url(account, job, task)),
    });
}

/// An item of the answer to a collection: a task that was refused.
pub(super) fn task_refused(
    task: &str,
    error: &BatchError,
    request_id: &str,
    now: Timestamp,
    slot: &mut Slot<'_>,
) {
    fill!(slot {
        "status" => slot.text(if error.code.status() < 500 { "ClientError" } else { "ServerError" }),
        "taskId" => slot.text(task),
        "error" => slot.object(&|slot| refusal(error, request_id, now, slot)),
    });
}

fn refusal(error: &BatchError, request_id: &str, now: Timestamp, slot: &mut Slot<'_>) {
    fill!(slot {
        "code" => slot.text(error.code.as_str()),
        "message" => slot.object(&|slot| {
            fill!(slot {
                "lang" => slot.text("en-US"),
                "value" => slot.joined(&Message::new(error.code.text(), now).pieces(request_id)),
            });
        }),
        "values" => if !error.values.is_empty() {
            slot.list(&|give| {
                for value in &error.values {
                    give(&Shown::Object(&|slot| {
                        fill!(slot {
                            "key" => slot.text(&*value.key),
                            "value" => slot.text(&*value.value),
                        });
                    }));
                }
            });
        },
    });
}
