//! The bodies of requests about jobs: limits are checked and defaults filled in here; what the
//! state machine does not interpret is kept as it is.

use alloc::{string::String, sync::Arc};

use crate::{
    BatchError,
    id::{InvalidId, JobId, PoolId, TaskId},
    job::{
        DisableTasks, JobConstraints, JobManagerTask, JobPatch, JobPreparationTask, JobReleaseTask,
        JobSettings, JobSpecification, JobTemplate, ParallelLimit, PoolInfo, PoolLifetime,
    },
    rest::{
        fields::{Fields, retry_limit},
        odata::model::{Name, name},
        odata::{model, read, version::ApiVersion},
        pools::body as pool_body,
        tasks::body as task_body,
    },
    task::{Properties, RetryLimit, TaskConstraints},
};

/// The body of `Job - Terminate`: the reason, if there is one that says something (E1).
pub(super) fn terminate_job(body: &[u8], version: ApiVersion) -> Result<Option<String>, BatchError> {
    if body.is_empty() {
        return Ok(None);
    }
    let mut fields = Fields::of_body(read::read(&model::JOB_TERMINATE_PARAMETER, body, version)?);
    Ok(fields.text(name!("terminateReason")).filter(|reason| !reason.is_empty()))
}

/// The body of `Job - Add`.
pub(super) fn add_job(
    body: &[u8],
    version: ApiVersion,
) -> Result<(JobSpecification, JobSettings), BatchError> {
    let mut fields = Fields::of_body(read::read(&model::JOB_ADD_PARAMETER, body, version)?);
    let id = fields.id(name!("id"), plain_job_id)?.ok_or_else(|| fields.missing(name!("id")))?;
    let (template, settings) = job_template(fields)?;
    check_lifetime(&settings.pool)?;
    Ok((JobSpecification { id, template }, settings))
}

/// P19: only the jobs of a schedule can share a pool that exists as long as the schedule.
fn check_lifetime(pool: &PoolInfo) -> Result<(), BatchError> {
    match pool {
        PoolInfo::Auto(pool) if pool.lifetime == PoolLifetime::JobSchedule => {
            let name = "poolInfo.autoPoolSpecification.poolLifetimeOption";
            let reason = "The value is for the jobs of a job schedule";
            Err(BatchError::invalid_property(name, pool.lifetime.as_str(), reason))
        }
        PoolInfo::Auto(_) | PoolInfo::Named(_) => Ok(()),
    }
}

/// A job without its id: the rest of that body, or the `jobSpecification` of a job schedule.
pub(in crate::rest) fn job_template(mut fields: Fields) -> Result<(JobTemplate, JobSettings), BatchError> {
    let path = fields.path();
    fields.check_display_name()?;
    let (pool, settings) = job_changes(&mut fields)?;
    let job_limit = settings.constraints.unwrap_or_default().max_task_retry_count;
    let template = JobTemplate {
        uses_task_dependencies: fields.flag(name!("usesTaskDependencies"), false),
        manager: fields
            .object(name!("jobManagerTask"))
            .map(|manager| job_manager(manager, job_limit))
            .transpose()?,
        preparation: fields.object(name!("jobPreparationTask")).map(job_preparation).transpose()?,
        release: fields.object(name!("jobReleaseTask")).map(job_release).transpose()?,
        on_task_failure: fields.choice(name!("onTaskFailure")).unwrap_or_default(),
        other: fields.rest(),
    };
    template.validate().map_err(|error| Fields::locate(&path, error))?;
    Ok((template, job_settings(pool, settings)?))
}

/// The body of `Job - Update`: what it leaves out goes back to its default.
pub(super) fn update_job(body: &[u8], version: ApiVersion) -> Result<JobSettings, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::JOB_UPDATE_PARAMETER, body, version)?);
    let (pool, settings) = job_changes(&mut fields)?;
    job_settings(pool, settings)
}

/// The body of `Job - Patch`: what it leaves out stays.
pub(super) fn patch_job(body: &[u8], version: ApiVersion) -> Result<JobPatch, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::JOB_PATCH_PARAMETER, body, version)?);
    let (pool, patch) = job_changes(&mut fields)?;
    Fields::check_metadata(patch.other.get(name!("metadata").as_str()))?;
    Ok(JobPatch { pool, ..patch })
}

/// The body of `Job - Disable`.
pub(super) fn disable_job(body: &[u8], version: ApiVersion) -> Result<DisableTasks, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::JOB_DISABLE_PARAMETER, body, version)?);
    fields.choice(name!("disableTasks")).ok_or_else(|| fields.missing(name!("disableTasks")))
}

/// A user cannot make a job under an id that only schedules give.
fn plain_job_id(text: &str) -> Result<JobId, InvalidId> {
    if text.contains(':') { Err(InvalidId) } else { JobId::new(text) }
}

/// What add, update and patch have in common, as far as it is given; the pool stands beside it.
fn job_changes(fields: &mut Fields) -> Result<(Option<PoolInfo>, JobPatch), BatchError> {
    let pool = pool_info(fields)?;
    let mut other = Properties::new();
    other.extend(fields.fields.remove_entry(name!("metadata").as_str()));
    let network_configuration = fields.fields.remove(name!("networkConfiguration").as_str());
    let patch = JobPatch {
        pool: None,
        priority: priority(fields)?,
        max_parallel_tasks: max_parallel_tasks(fields)?,
        allow_task_preemption: fields.given_flag(name!("allowTaskPreemption")),
        constraints: job_constraints(fields)?,
        on_all_tasks_complete: fields.choice(name!("onAllTasksComplete")),
        network_configuration,
        other,
    };
    Ok((pool, patch))
}

/// The settings of a body that gives these, the others by default (B6), once nothing else is wrong with
/// it.
fn job_settings(pool: Option<PoolInfo>, given: JobPatch) -> Result<JobSettings, BatchError> {
    Fields::check_metadata(given.other.get(name!("metadata").as_str()))?;
    let pool = pool.ok_or_else(|| BatchError::missing_property(name!("poolInfo").as_str()))?;
    Ok(JobSettings {
        pool,
        priority: given.priority.unwrap_or(0),
        max_parallel_tasks: given.max_parallel_tasks.unwrap_or_default(),
        allow_task_preemption: given.allow_task_preemption.unwrap_or(false),
        constraints: given.constraints.unwrap_or_default(),
        on_all_tasks_complete: given.on_all_tasks_complete.unwrap_or_default(),
        network_configuration: given.network_configuration,
        other: given.other,
    })
}

/// A pool that exists apart from the job, or one that is made for it (P19).
fn pool_info(fields: &mut Fields) -> Result<Option<PoolInfo>, BatchError> {
    let Some(mut info) = fields.object(name!("poolInfo")) else { return Ok(None) };
    let pool = info.id(name!("poolId"), PoolId::new)?;
    match (pool, info.object(name!("autoPoolSpecification"))) {
        (None, Some(specification)) => {
            Ok(Some(PoolInfo::Auto(Arc::new(pool_body::auto_pool(specification)?))))
        }
        (Some(pool), None) => Ok(Some(PoolInfo::Named(pool))),
        (Some(pool), Some(_)) => {
            let reason = "The value cannot be given together with autoPoolSpecification";
            Err(info.invalid(name!("poolId"), pool.as_str(), reason))
        }
        (None, None) => Err(info.missing(name!("poolId"))),
    }
}

fn priority(fields: &mut Fields) -> Result<Option<i32>, BatchError> {
    match fields.integer(name!("priority")) {
        Some(priority) if !(-1000..=1000).contains(&priority) => {
            Err(fields.out_of_range(name!("priority"), priority, "The value must be between -1000 and 1000"))
        }
        priority => Ok(priority),
    }
}

fn max_parallel_tasks(fields: &mut Fields) -> Result<Option<ParallelLimit>, BatchError> {
    const NAME: Name = name!("maxParallelTasks");
    let Some(number) = fields.integer(NAME) else { return Ok(None) };
    let limit = ParallelLimit::from_wire(number.into());
    limit.map(Some).ok_or_else(|| fields.out_of_range(NAME, number, "The value must be -1 or greater than 0"))
}

fn job_constraints(fields: &mut Fields) -> Result<Option<JobConstraints>, BatchError> {
    let Some(mut fields) = fields.object(name!("constraints")) else { return Ok(None) };
    let default = JobConstraints::default();
    Ok(Some(JobConstraints {
        max_wall_clock_time: fields.span(name!("maxWallClockTime"), default.max_wall_clock_time),
        max_task_retry_count: retry_limit(&mut fields)?.unwrap_or(default.max_task_retry_count),
    }))
}

fn job_manager(mut fields: Fields, job: RetryLimit) -> Result<JobManagerTask, BatchError> {
    let kill_job_on_completion = fields.flag(name!("killJobOnCompletion"), true);
    let run_exclusive = fields.flag(name!("runExclusive"), true);
    let allow_low_priority_node = fields.flag(name!("allowLowPriorityNode"), true);
    let mut task = task_body::task(fields)?;
    Arc::make_mut(&mut task.specification).run_exclusive = run_exclusive;
    Ok(JobManagerTask {
        id: task.id,
        command_line: task.command_line,
        specification: task.specification,
        constraints: task.constraints.resolve(job),
        kill_job_on_completion,
        allow_low_priority_node,
    })
}

fn job_preparation(mut fields: Fields) -> Result<JobPreparationTask, BatchError> {
    let id = fields.id(name!("id"), TaskId::new)?;
    let constraints = task_body::task_constraints(&mut fields)?.unwrap_or_default();
    let wait_for_success = fields.flag(name!("waitForSuccess"), true);
    let rerun_on_node_reboot_after_success = fields.flag(name!("rerunOnNodeRebootAfterSuccess"), true);
    fields.default_user_identity();
    Ok(JobPreparationTask {
        id: id.map_or_else(|| TaskId::new("jobpreparation"), Ok).map_err(|_| fields.missing(name!("id")))?,
        constraints: constraints.resolve(RetryLimit::Times(0)),
        wait_for_success,
        rerun_on_node_reboot_after_success,
        other: fields.rest(),
    })
}

fn job_release(mut fields: Fields) -> Result<JobReleaseTask, BatchError> {
    let id = fields.id(name!("id"), TaskId::new)?;
    let max_wall_clock_time = fields.span(name!("maxWallClockTime"), JobReleaseTask::MAX_WALL_CLOCK_TIME);
    let retention_time = fields.span(name!("retentionTime"), TaskConstraints::DEFAULT_RETENTION);
    fields.default_user_identity();
    Ok(JobReleaseTask {
        id: id.map_or_else(|| TaskId::new("jobrelease"), Ok).map_err(|_| fields.missing(name!("id")))?,
        max_wall_clock_time,
        retention_time,
        other: fields.rest(),
    })
}
