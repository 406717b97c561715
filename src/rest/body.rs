//! From a well-formed body to what the state machine takes: limits are checked and defaults filled in
//! here; what the state machine does not interpret is kept as it is.

use alloc::{format, string::String, sync::Arc, vec::Vec};

use serde_json::{Map, Value, json};

use crate::{
    BatchError, TimeSpan,
    id::{InvalidId, JobId, PoolId, TaskId},
    job::{
        JobConstraints, JobManagerTask, JobPreparationTask, JobReleaseTask, JobSettings, JobSpecification,
        OnAllTasksComplete, OnTaskFailure,
    },
    rest::{ApiVersion, json, model},
    task::{
        Dependencies, DependencyAction, ExitCodeRange, ExitConditions, ExitOptions, JobAction, Properties,
        RequestedConstraints, RetryLimit, TaskConstraints, TaskSpecification,
    },
};

/// The properties of one object, taken out one by one; what is left is kept.
struct Fields(Map<String, Value>);

/// The reason that goes with an id that is none.
const ID_REASON: &str =
    "The value must contain only alphanumeric characters, hyphens and underscores, and have 1 to 64 of them";

impl Fields {
    fn object(&mut self, name: &str) -> Option<Self> {
        match self.0.remove(name) {
            Some(Value::Object(fields)) => Some(Self(fields)),
            _ => None,
        }
    }

    fn list(&mut self, name: &str) -> Option<Vec<Value>> {
        match self.0.remove(name) {
            Some(Value::Array(items)) => Some(items),
            _ => None,
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    fn flag(&mut self, name: &str, default: bool) -> bool {
        self.0.remove(name).and_then(|value| value.as_bool()).unwrap_or(default)
    }

    fn integer(&mut self, name: &str) -> Option<i32> {
        self.0.remove(name).and_then(|value| value.as_i64()).and_then(|number| i32::try_from(number).ok())
    }

    /// A duration, which reading the JSON has made sure of.
    fn span(&mut self, name: &str, default: TimeSpan) -> TimeSpan {
        self.text(name).and_then(|text| TimeSpan::parse(&text).ok()).unwrap_or(default)
    }

    fn id<T>(
        &mut self,
        name: &str,
        new: impl Fn(&str) -> Result<T, InvalidId>,
    ) -> Result<Option<T>, BatchError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        new(&text).map(Some).map_err(|InvalidId| BatchError::invalid_property(name, text, ID_REASON))
    }

    /// What no room of the crate interprets.
    fn rest(self) -> Properties {
        self.0
    }

    /// `userIdentity` with its defaults (wire.md, Defaults).
    fn default_user_identity(&mut self) {
        let identity = self.0.entry("userIdentity").or_insert_with(|| json!({ "autoUser": {} }));
        if let Some(user) = identity.get_mut("autoUser").and_then(Value::as_object_mut) {
            user.entry("scope").or_insert_with(|| "pool".into());
            user.entry("elevationLevel").or_insert_with(|| "nonadmin".into());
        }
    }

    fn check_display_name(&self) -> Result<(), BatchError> {
        let name = self.0.get("displayName").and_then(Value::as_str).unwrap_or_default();
        if name.chars().count() > 1024 {
            return Err(BatchError::invalid_property(
                "displayName",
                name,
                "The value has more than 1024 characters",
            ));
        }
        Ok(())
    }
}

fn out_of_range(name: &str, value: i32, reason: &str) -> BatchError {
    BatchError::invalid_property(name, format!("{value}"), reason)
}

/// The body of `Job - Terminate`: the reason, if there is one that says something (E1).
pub(super) fn terminate_job(body: &[u8], version: ApiVersion) -> Result<Option<String>, BatchError> {
    if body.is_empty() {
        return Ok(None);
    }
    let mut fields = Fields(json::read(&model::JOB_TERMINATE_PARAMETER, body, version)?);
    Ok(fields.text("terminateReason").filter(|reason| !reason.is_empty()))
}

/// The body of `Job - Add`.
pub(super) fn add_job(
    body: &[u8],
    version: ApiVersion,
) -> Result<(JobSpecification, JobSettings), BatchError> {
    let mut fields = Fields(json::read(&model::JOB_ADD_PARAMETER, body, version)?);
    let id = fields.id("id", plain_job_id)?.ok_or_else(|| BatchError::missing_property("id"))?;
    fields.check_display_name()?;
    let settings = job_settings(&mut fields)?;
    let specification = JobSpecification {
        id,
        uses_task_dependencies: fields.flag("usesTaskDependencies", false),
        manager: fields
            .object("jobManagerTask")
            .map(|manager| job_manager(manager, settings.constraints.max_task_retry_count, version))
            .transpose()?,
        preparation: fields.object("jobPreparationTask").map(job_preparation).transpose()?,
        release: fields.object("jobReleaseTask").map(job_release).transpose()?,
        on_task_failure: match fields.text("onTaskFailure").as_deref() {
            Some("performexitoptionsjobaction") => OnTaskFailure::PerformExitOptionsJobAction,
            _ => OnTaskFailure::NoAction,
        },
        other: fields.rest(),
    };
    Ok((specification, settings))
}

/// A user cannot make a job under an id that only schedules give.
fn plain_job_id(text: &str) -> Result<JobId, InvalidId> {
    if text.contains(':') { Err(InvalidId) } else { JobId::new(text) }
}

/// What add, update and patch have in common, with the defaults of the first two.
fn job_settings(fields: &mut Fields) -> Result<JobSettings, BatchError> {
    let pool = pool_info(fields)?.ok_or_else(|| BatchError::missing_property("poolInfo"))?;
    let mut other = Properties::new();
    for name in ["metadata", "networkConfiguration"] {
        other.extend(fields.0.remove_entry(name));
    }
    Ok(JobSettings {
        pool,
        priority: priority(fields)?.unwrap_or(0),
        max_parallel_tasks: max_parallel_tasks(fields)?.unwrap_or(None),
        allow_task_preemption: fields.flag("allowTaskPreemption", false),
        constraints: job_constraints(fields)?.unwrap_or_default(),
        on_all_tasks_complete: on_all_tasks_complete(fields).unwrap_or_default(),
        other,
    })
}

fn pool_info(fields: &mut Fields) -> Result<Option<PoolId>, BatchError> {
    let Some(mut info) = fields.object("poolInfo") else { return Ok(None) };
    if info.object("autoPoolSpecification").is_some() {
        return Err(BatchError::not_implemented("Auto pools are not implemented."));
    }
    let pool = info.id("poolId", PoolId::new)?;
    pool.map(Some).ok_or_else(|| BatchError::missing_property("poolId"))
}

fn priority(fields: &mut Fields) -> Result<Option<i32>, BatchError> {
    match fields.integer("priority") {
        Some(priority) if !(-1000..=1000).contains(&priority) => {
            Err(out_of_range("priority", priority, "The value must be between -1000 and 1000"))
        }
        priority => Ok(priority),
    }
}

fn max_parallel_tasks(fields: &mut Fields) -> Result<Option<Option<u32>>, BatchError> {
    match fields.integer("maxParallelTasks") {
        None => Ok(None),
        Some(-1) => Ok(Some(None)),
        Some(limit) => match u32::try_from(limit) {
            Ok(limit @ 1..) => Ok(Some(Some(limit))),
            Ok(0) | Err(_) => {
                Err(out_of_range("maxParallelTasks", limit, "The value must be -1 or greater than 0"))
            }
        },
    }
}

fn job_constraints(fields: &mut Fields) -> Result<Option<JobConstraints>, BatchError> {
    let Some(mut fields) = fields.object("constraints") else { return Ok(None) };
    let default = JobConstraints::default();
    Ok(Some(JobConstraints {
        max_wall_clock_time: fields.span("maxWallClockTime", default.max_wall_clock_time),
        max_task_retry_count: retry_limit(&mut fields)?.unwrap_or(default.max_task_retry_count),
    }))
}

fn retry_limit(fields: &mut Fields) -> Result<Option<RetryLimit>, BatchError> {
    const NAME: &str = "maxTaskRetryCount";
    let Some(number) = fields.integer(NAME) else { return Ok(None) };
    let limit = RetryLimit::from_wire(number);
    limit.map(Some).ok_or_else(|| out_of_range(NAME, number, "The value must be -1 or greater"))
}

fn on_all_tasks_complete(fields: &mut Fields) -> Option<OnAllTasksComplete> {
    fields.text("onAllTasksComplete").map(|action| match action.as_str() {
        "terminatejob" => OnAllTasksComplete::TerminateJob,
        _ => OnAllTasksComplete::NoAction,
    })
}

fn job_manager(
    mut fields: Fields,
    job: RetryLimit,
    version: ApiVersion,
) -> Result<JobManagerTask, BatchError> {
    let kill_job_on_completion = fields.flag("killJobOnCompletion", true);
    let run_exclusive = fields.flag("runExclusive", true);
    let allow_low_priority_node = fields.flag("allowLowPriorityNode", true);
    let (mut task, constraints) = task(fields, version)?;
    task.run_exclusive = run_exclusive;
    Ok(JobManagerTask {
        task: Arc::new(task),
        constraints: constraints.resolve(job),
        kill_job_on_completion,
        allow_low_priority_node,
    })
}

fn job_preparation(mut fields: Fields) -> Result<JobPreparationTask, BatchError> {
    let id = fields.id("id", TaskId::new)?;
    let constraints = task_constraints(&mut fields)?.unwrap_or_default();
    let wait_for_success = fields.flag("waitForSuccess", true);
    let rerun_on_node_reboot_after_success = fields.flag("rerunOnNodeRebootAfterSuccess", true);
    fields.default_user_identity();
    Ok(JobPreparationTask {
        id: id
            .map_or_else(|| TaskId::new("jobpreparation"), Ok)
            .map_err(|_| BatchError::missing_property("id"))?,
        constraints: constraints.resolve(RetryLimit::Times(0)),
        wait_for_success,
        rerun_on_node_reboot_after_success,
        other: fields.rest(),
    })
}

fn job_release(mut fields: Fields) -> Result<JobReleaseTask, BatchError> {
    let id = fields.id("id", TaskId::new)?;
    let max_wall_clock_time = fields.span("maxWallClockTime", JobReleaseTask::MAX_WALL_CLOCK_TIME);
    let retention_time = fields.span("retentionTime", TaskConstraints::DEFAULT_RETENTION);
    fields.default_user_identity();
    Ok(JobReleaseTask {
        id: id
            .map_or_else(|| TaskId::new("jobrelease"), Ok)
            .map_err(|_| BatchError::missing_property("id"))?,
        max_wall_clock_time,
        retention_time,
        other: fields.rest(),
    })
}

/// The body of `Task - Add`.
pub(super) fn add_task(
    body: &[u8],
    version: ApiVersion,
) -> Result<(TaskSpecification, RequestedConstraints), BatchError> {
    task(Fields(json::read(&model::TASK_ADD_PARAMETER, body, version)?), version)
}

fn task(
    mut fields: Fields,
    _version: ApiVersion,
) -> Result<(TaskSpecification, RequestedConstraints), BatchError> {
    let id = fields.id("id", TaskId::new)?.ok_or_else(|| BatchError::missing_property("id"))?;
    fields.check_display_name()?;
    let constraints = task_constraints(&mut fields)?.unwrap_or_default();
    let required_slots = required_slots(&mut fields)?;
    let exit_conditions = fields.object("exitConditions").map(exit_conditions);
    let depends_on = fields.object("dependsOn").map(dependencies).transpose()?;
    fields.default_user_identity();
    let specification = TaskSpecification {
        id,
        required_slots,
        run_exclusive: false,
        exit_conditions,
        depends_on,
        other: fields.rest(),
    };
    Ok((specification, constraints))
}

fn task_constraints(fields: &mut Fields) -> Result<Option<RequestedConstraints>, BatchError> {
    let Some(mut fields) = fields.object("constraints") else { return Ok(None) };
    let default = RequestedConstraints::default();
    Ok(Some(RequestedConstraints {
        max_wall_clock_time: fields.span("maxWallClockTime", default.max_wall_clock_time),
        retention_time: fields.span("retentionTime", default.retention_time),
        max_task_retry_count: retry_limit(&mut fields)?,
    }))
}

fn required_slots(fields: &mut Fields) -> Result<u32, BatchError> {
    const NAME: &str = "requiredSlots";
    let number = fields.integer(NAME).unwrap_or(1);
    match u32::try_from(number) {
        Ok(slots @ 1..) => Ok(slots),
        Ok(0) | Err(_) => Err(out_of_range(NAME, number, "The value must be greater than 0")),
    }
}

fn exit_conditions(mut fields: Fields) -> ExitConditions {
    ExitConditions {
        exit_codes: ranges(fields.list("exitCodes")),
        exit_code_ranges: ranges(fields.list("exitCodeRanges")),
        pre_processing_error: fields.object("preProcessingError").map(exit_options),
        file_upload_error: fields.object("fileUploadError").map(exit_options),
        default: fields.object("default").map(exit_options),
    }
}

/// Single exit codes have `code`, ranges `start` and `end`.
fn ranges(items: Option<Vec<Value>>) -> Vec<ExitCodeRange> {
    let range = |item: Value| match item {
        Value::Object(fields) => {
            let mut fields = Fields(fields);
            let code = fields.integer("code");
            let (start, end) = (fields.integer("start").or(code)?, fields.integer("end").or(code)?);
            Some(ExitCodeRange { start, end, options: fields.object("exitOptions").map(exit_options)? })
        }
        _ => None,
    };
    items.unwrap_or_default().into_iter().filter_map(range).collect()
}

fn exit_options(mut fields: Fields) -> ExitOptions {
    ExitOptions {
        job_action: fields.text("jobAction").and_then(|action| JobAction::from_wire(&action)),
        dependency_action: fields.text("dependencyAction").map(|action| match action.as_str() {
            "satisfy" => DependencyAction::Satisfy,
            _ => DependencyAction::Block,
        }),
    }
}

fn dependencies(mut fields: Fields) -> Result<Dependencies, BatchError> {
    let id = |item: Value| {
        let text = item.as_str().unwrap_or_default();
        TaskId::new(text).map_err(|InvalidId| BatchError::invalid_property("taskIds", text, ID_REASON))
    };
    let range = |item: Value| {
        let bound = |name: &str| item.get(name).and_then(Value::as_i64);
        let bounds = bound("start").zip(bound("end")).filter(|(start, end)| start <= end);
        let numbers =
            bounds.and_then(|(start, end)| Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?)));
        numbers.ok_or_else(|| {
            let reason = "A range must start at 0 or later and not end before it starts";
            BatchError::invalid_property("taskIdRanges", format!("{item}"), reason)
        })
    };
    Ok(Dependencies {
        task_ids: fields.list("taskIds").unwrap_or_default().into_iter().map(id).collect::<Result<_, _>>()?,
        ranges: fields
            .list("taskIdRanges")
            .unwrap_or_default()
            .into_iter()
            .map(range)
            .collect::<Result<_, _>>()?,
    })
}
