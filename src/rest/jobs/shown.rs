//! What the service shows of a job.

use crate::{
    Timestamp,
    id::{JobId, NodeId, PoolId, PoolIdPrefix, TaskId},
    job::{
        AutoPool, AutoPoolFailure, Counts, Job, JobManagerTask, JobNode, JobPreparationTask, JobReleaseTask,
        JobSettings, JobStateName, JobTemplate, NodeRun, NodeRunState, PoolInfo, RunOutcome, TerminateReason,
    },
    rest::{
        odata::shown::{Shown, Slot, fill},
        pools::shown as pool_shown,
        shown::{job_url, node_url, stamps},
        tasks::shown::{
            exit_code, failure_info, result, task_constraints, task_root_directory, task_root_directory_url,
            task_specification,
        },
    },
    task::TaskFailure,
};

/// A job as `Job - Get` shows it at this time.
pub(super) fn job(account: &str, job: &Job, now: Timestamp, slot: &mut Slot<'_>) {
    fill!(slot {
        "id" => slot.text(job.id().as_str()),
        "url" => slot.joined(&job_url(account, job.id())),
        "state" => slot.text(job.state().name().as_str()),
        "executionInfo" => slot.object(&|slot| job_execution_info(job, now, slot)),
    });
    stamps(slot, job.stamps(), job.creation_time(), JobStateName::as_str);
    job_template(job.template(), job.settings(), slot);
}

/// What the user asked for, of a job or of the jobs of a schedule.
pub(in crate::rest) fn job_template(template: &JobTemplate, settings: &JobSettings, slot: &mut Slot<'_>) {
    fill!(slot {
        "networkConfiguration" => if let Some(configuration) = &settings.network_configuration {
            slot.json(configuration);
        },
        "priority" => slot.integer(settings.priority),
        "maxParallelTasks" => slot.integer(settings.max_parallel_tasks.to_wire()),
        "usesTaskDependencies" => slot.boolean(template.uses_task_dependencies),
        "allowTaskPreemption" => slot.boolean(settings.allow_task_preemption),
        "constraints" => slot.object(&|slot| {
            fill!(slot {
                "maxWallClockTime" => slot.duration(settings.constraints.max_wall_clock_time),
                "maxTaskRetryCount" => slot.integer(settings.constraints.max_task_retry_count.to_wire()),
            });
        }),
        "jobManagerTask" => if let Some(manager) = &template.manager {
            slot.object(&|slot| job_manager(manager, slot));
        },
        "jobPreparationTask" => if let Some(preparation) = &template.preparation {
            slot.object(&|slot| job_preparation(preparation, slot));
        },
        "jobReleaseTask" => if let Some(release) = &template.release {
            slot.object(&|slot| job_release(release, slot));
        },
        "poolInfo" => slot.object(&|slot| pool_info(&settings.pool, slot)),
        "onAllTasksComplete" => slot.text(settings.on_all_tasks_complete.as_str()),
        "onTaskFailure" => slot.text(template.on_task_failure.as_str()),
    });
    slot.kept(&settings.other);
    slot.kept(&template.other);
}

fn job_manager(manager: &JobManagerTask, slot: &mut Slot<'_>) {
    fill!(slot {
        "constraints" => slot.object(&|slot| task_constraints(&manager.constraints, slot)),
        "runExclusive" => slot.boolean(manager.specification.run_exclusive),
        "allowLowPriorityNode" => slot.boolean(manager.allow_low_priority_node),
        "killJobOnCompletion" => slot.boolean(manager.kill_job_on_completion),
    });
    task_specification(&manager.id, manager.command_line.as_deref(), &manager.specification, slot);
}

fn job_preparation(task: &JobPreparationTask, slot: &mut Slot<'_>) {
    fill!(slot {
        "id" => slot.text(task.id.as_str()),
        "constraints" => slot.object(&|slot| task_constraints(&task.constraints, slot)),
        "waitForSuccess" => slot.boolean(task.wait_for_success),
        "rerunOnNodeRebootAfterSuccess" => slot.boolean(task.rerun_on_node_reboot_after_success),
    });
    slot.kept(&task.other);
}

fn job_release(task: &JobReleaseTask, slot: &mut Slot<'_>) {
    fill!(slot {
        "id" => slot.text(task.id.as_str()),
        "maxWallClockTime" => slot.duration(task.max_wall_clock_time),
        "retentionTime" => slot.duration(task.retention_time),
    });
    slot.kept(&task.other);
}

fn job_execution_info(job: &Job, now: Timestamp, slot: &mut Slot<'_>) {
    let (pool_failure, reason) = match job.terminate_reason() {
        Some(TerminateReason::AutoPoolFailed(failure)) => (Some(failure), None),
        reason => (None, reason),
    };
    fill!(slot {
        "startTime" => slot.instant(job.stamps().created()),
        "endTime" => slot.instant(job.end_time()),
        "poolId" => slot.text(job.pool().map(PoolId::as_str)),
        "schedulingError" => if let Some(failure) = pool_failure {
            slot.object(&|slot| pool_error(failure, slot));
        } else if let Some(nodes) = job.nodes_awaiting_processing(now) {
            slot.object(&|slot| scheduling_error(nodes, slot));
        },
        "terminateReason" => slot.text(reason.map(TerminateReason::as_str)),
    });
}

fn pool_info(pool: &PoolInfo, slot: &mut Slot<'_>) {
    match pool {
        PoolInfo::Named(pool) => fill!(slot { "poolId" => slot.text(pool.as_str()), }),
        PoolInfo::Auto(pool) => {
            fill!(slot { "autoPoolSpecification" => slot.object(&|slot| auto_pool(pool, slot)), });
        }
    }
}

fn auto_pool(pool: &AutoPool, slot: &mut Slot<'_>) {
    fill!(slot {
        "autoPoolIdPrefix" => slot.text(pool.id_prefix.as_ref().map(PoolIdPrefix::as_str)),
        "poolLifetimeOption" => slot.text(pool.lifetime.as_str()),
        "keepAlive" => slot.boolean(pool.keep_alive),
        "pool" => slot.object(&|slot| pool_shown::auto_pool(pool, slot)),
    });
}

/// X9
fn pool_error(failure: &AutoPoolFailure, slot: &mut Slot<'_>) {
    fill!(slot {
        "category" => slot.text("UserError"),
        "code" => slot.text(failure.code.as_str()),
        "message" => slot.text(&*failure.message),
    });
}

/// E9
fn scheduling_error(nodes: usize, slot: &mut Slot<'_>) {
    fill!(slot {
        "category" => slot.text("ServerError"),
        "code" => slot.text("JobTerminationAwaitingNodeProcessing"),
        "message" => {
            slot.text("The Job termination operation is waiting for processing from one or more node.");
        },
        "details" => slot.list(&|give| {
            give(&Shown::Object(&|slot| {
                fill!(slot {
                    "name" => slot.text("Number of nodes awaiting processing"),
                    "value" => slot.written(&nodes),
                });
            }));
        }),
    });
}

/// The counts of a job's tasks and of the slots that they need.
pub(super) fn task_counts(job: &Job, slot: &mut Slot<'_>) {
    fill!(slot {
        "taskCounts" => slot.object(&|slot| counts(job.task_counts(), slot)),
        "taskSlotCounts" => slot.object(&|slot| counts(job.task_slot_counts(), slot)),
    });
}

fn counts(counts: Counts, slot: &mut Slot<'_>) {
    fill!(slot {
        "active" => slot.integer(counts.active),
        "running" => slot.integer(counts.running),
        "completed" => slot.integer(counts.completed()),
        "succeeded" => slot.integer(counts.succeeded),
        "failed" => slot.integer(counts.failed),
    });
}

/// What the preparation and release tasks of a job did on a node.
pub(super) struct NodeRuns<'a> {
    job: &'a JobId,
    id: &'a NodeId,
    node: &'a JobNode,
    preparation: Option<StartedRun<'a>>,
    release: Option<StartedRun<'a>>,
}

/// A run, with the id of its task and when it started.
#[derive(Clone, Copy)]
struct StartedRun<'a> {
    task: &'a TaskId,
    run: &'a NodeRun,
    start_time: Timestamp,
}

impl<'a> NodeRuns<'a> {
    /// `None` if neither has started there.
    pub(super) fn of(job: &'a Job, id: &'a NodeId, node: &'a JobNode) -> Option<Self> {
        let template = job.template();
        let preparation =
            StartedRun::new(template.preparation.as_ref().map(|task| &task.id), node.preparation());
        let release = StartedRun::new(template.release.as_ref().map(|task| &task.id), node.release());
        preparation.or(release)?;
        Some(Self { job: job.id(), id, node, preparation, release })
    }

    pub(super) fn show(&self, account: &str, slot: &mut Slot<'_>) {
        fill!(slot {
            "poolId" => slot.text(self.node.pool().as_str()),
            "nodeId" => slot.text(self.id.as_str()),
            "nodeUrl" => slot.joined(&node_url(account, self.node.pool(), self.id)),
            "jobPreparationTaskExecutionInfo" => self.run(account, self.preparation, slot),
            "jobReleaseTaskExecutionInfo" => self.run(account, self.release, slot),
        });
    }

    fn run(&self, account: &str, run: Option<StartedRun<'_>>, slot: &mut Slot<'_>) {
        let Some(StartedRun { task, run, start_time }) = run else { return };
        let directory = task_root_directory(self.job, task);
        let url = task_root_directory_url(account, self.node.pool(), self.id, self.job, task);
        slot.object(&|slot| {
            fill!(slot {
                "startTime" => slot.instant(start_time),
                "taskRootDirectory" => slot.joined(&directory),
                "taskRootDirectoryUrl" => slot.joined(&url),
                "retryCount" => slot.integer(run.retry_count),
            });
            run_state(&run.state, slot);
        });
    }
}

impl<'a> StartedRun<'a> {
    fn new(task: Option<&'a TaskId>, run: Option<&'a NodeRun>) -> Option<Self> {
        let (task, run) = task.zip(run)?;
        let start_time = match run.state {
            NodeRunState::Issued { .. } => return None,
            NodeRunState::Running { start_time, .. } => start_time,
            // The property is required, so a run that was over before it started did so at its end (K10).
            NodeRunState::Completed { start_time, end_time, .. } => start_time.unwrap_or(end_time),
        };
        Some(Self { task, run, start_time })
    }
}

fn run_state(state: &NodeRunState, slot: &mut Slot<'_>) {
    match state {
        NodeRunState::Issued { .. } | NodeRunState::Running { .. } => {
            fill!(slot { "state" => slot.text("running"), });
        }
        NodeRunState::Completed { end_time, outcome, .. } => {
            fill!(slot {
                "state" => slot.text("completed"),
                "endTime" => slot.instant(*end_time),
            });
            run_outcome(outcome, slot);
        }
    }
}

/// A failure around the process is shown as that of a task is (K5).
fn run_outcome(outcome: &RunOutcome, slot: &mut Slot<'_>) {
    let (is_success, failure) = match outcome {
        RunOutcome::Succeeded => (true, None),
        RunOutcome::Failed { failure, .. } => (false, failure.as_ref()),
    };
    fill!(slot {
        "exitCode" => exit_code(outcome.exit_code(), slot),
        "failureInfo" => if let Some(failure) = failure.cloned().map(TaskFailure::from) {
            slot.object(&|slot| failure_info(&failure, slot));
        },
        "result" => slot.text(result(is_success)),
    });
}
