//! From a well-formed body to what the state machine takes: limits are checked and defaults filled in
//! here; what the state machine does not interpret is kept as it is.

use alloc::{format, string::String, sync::Arc, vec::Vec};
use core::str::FromStr;

use serde_json::{Map, Value, json};

use crate::{
    BatchError, ErrorCode, TimeSpan,
    id::{InvalidId, JobId, NodeId, PoolId, TaskId},
    job::{
        DisableTasks, JobConstraints, JobManagerTask, JobPatch, JobPreparationTask, JobReleaseTask,
        JobSettings, JobSpecification, ParallelLimit,
    },
    node::NodeTasks,
    pool::{NodeCounts, PoolSpecification, RemoveNodes, ResizePool},
    rest::odata::{model, model::Model, read, version::ApiVersion},
    task::{
        AddTask, Dependencies, ExitCodeRange, ExitConditions, ExitOptions, Properties, RequestedConstraints,
        RetryLimit, TaskConstraints, TaskIdRange, TaskSpecification,
    },
};

/// The properties of one object, taken out one by one; what is left is kept.
struct Fields {
    fields: Map<String, Value>,
    /// What refusals put before a property's name (assumed): the way to it from the body.
    path: String,
}

/// How many tasks a collection may have.
const MAX_COLLECTION_TASKS: usize = 100;

/// How many nodes can be removed at once (B5).
const MAX_REMOVED_NODES: usize = 100;

/// How many bytes the names and values of `metadata` may have together (B10).
const MAX_METADATA_BYTES: usize = 8 * 1024;

/// How many characters the ids that a task depends on may have together (B11).
const MAX_DEPENDENCY_CHARS: usize = 64_000;

/// The reason given for an invalid id.
const ID_REASON: &str =
    "The value must contain only alphanumeric characters, hyphens and underscores, and have 1 to 64 of them";

impl Fields {
    fn of_body(fields: Map<String, Value>) -> Self {
        Self { fields, path: String::new() }
    }

    /// A property's name with the way to it.
    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    fn invalid(&self, name: &str, value: impl Into<String>, reason: &str) -> BatchError {
        BatchError::invalid_property(&self.name(name), value, reason)
    }

    fn out_of_range(&self, name: &str, value: i32, reason: &str) -> BatchError {
        self.invalid(name, format!("{value}"), reason)
    }

    fn missing(&self, name: &str) -> BatchError {
        BatchError::missing_property(&self.name(name))
    }

    fn object(&mut self, name: &str) -> Option<Self> {
        match self.fields.remove(name) {
            Some(Value::Object(fields)) => Some(Self { fields, path: format!("{}.", self.name(name)) }),
            _ => None,
        }
    }

    fn list(&mut self, name: &str) -> Option<Vec<Value>> {
        match self.fields.remove(name) {
            Some(Value::Array(items)) => Some(items),
            _ => None,
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.fields.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    fn flag(&mut self, name: &str, default: bool) -> bool {
        self.given_flag(name).unwrap_or(default)
    }

    fn given_flag(&mut self, name: &str) -> Option<bool> {
        self.fields.remove(name).and_then(|value| value.as_bool())
    }

    fn integer(&mut self, name: &str) -> Option<i32> {
        self.fields
            .remove(name)
            .and_then(|value| value.as_i64())
            .and_then(|number| i32::try_from(number).ok())
    }

    /// One of an enum's names, which reading the JSON has made sure of.
    fn choice<T: FromStr>(&mut self, name: &str) -> Option<T> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    /// A list that has something in it. An empty one says nothing and is left, to be shown as it came.
    fn filled_list(&mut self, name: &str) -> Option<Vec<Value>> {
        let is_empty = self.fields.get(name).and_then(Value::as_array).is_some_and(Vec::is_empty);
        if is_empty { None } else { self.list(name) }
    }

    /// Puts back what is left of an object that was taken out.
    fn keep(&mut self, name: &str, left: Properties) {
        if !left.is_empty() {
            self.fields.insert(name.into(), Value::Object(left));
        }
    }

    /// A duration, which reading the JSON has made sure of.
    fn span(&mut self, name: &str, default: TimeSpan) -> TimeSpan {
        self.given_span(name).unwrap_or(default)
    }

    fn given_span(&mut self, name: &str) -> Option<TimeSpan> {
        self.text(name).and_then(|text| TimeSpan::parse(&text).ok())
    }

    fn id<T>(
        &mut self,
        name: &str,
        new: impl Fn(&str) -> Result<T, InvalidId>,
    ) -> Result<Option<T>, BatchError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        new(&text).map(Some).map_err(|InvalidId| self.invalid(name, text, ID_REASON))
    }

    /// What no room of the crate interprets: kept, and shown as it came (B8).
    fn rest(self) -> Properties {
        self.fields
    }

    /// `userIdentity` with its defaults (B6).
    fn default_user_identity(&mut self) {
        let identity = self.fields.entry("userIdentity").or_insert_with(|| json!({ "autoUser": {} }));
        if let Some(user) = identity.get_mut("autoUser").and_then(Value::as_object_mut) {
            user.entry("scope").or_insert_with(|| "pool".into());
            user.entry("elevationLevel").or_insert_with(|| "nonadmin".into());
        }
    }

    fn check_display_name(&self) -> Result<(), BatchError> {
        let name = self.fields.get("displayName").and_then(Value::as_str).unwrap_or_default();
        if name.chars().count() > 1024 {
            return Err(self.invalid("displayName", name, "The value has more than 1024 characters"));
        }
        Ok(())
    }

    /// What is to be said of `metadata` after every other property (B10).
    fn check_metadata(metadata: Option<&Value>) -> Result<(), BatchError> {
        let pairs = || metadata.and_then(Value::as_array).into_iter().flatten();
        let text = |pair: &Value, name| pair.get(name).and_then(Value::as_str).map_or(0, str::len);
        if pairs().any(|pair| text(pair, "name") == 0) {
            return Err(ErrorCode::EmptyMetadataKey.into());
        }
        let length: usize = pairs().map(|pair| text(pair, "name") + text(pair, "value")).sum();
        if length > MAX_METADATA_BYTES { Err(ErrorCode::MetadataTooLarge.into()) } else { Ok(()) }
    }
}

/// The body of an operation that takes none: nothing, or an object without properties (B12).
pub(super) fn nothing(body: &[u8], version: ApiVersion) -> Result<(), BatchError> {
    if body.is_empty() { Ok(()) } else { read::read(&model::EMPTY_PARAMETER, body, version).map(drop) }
}

/// The body of `Job - Terminate`: the reason, if there is one that says something (E1).
pub(super) fn terminate_job(body: &[u8], version: ApiVersion) -> Result<Option<String>, BatchError> {
    if body.is_empty() {
        return Ok(None);
    }
    let mut fields = Fields::of_body(read::read(&model::JOB_TERMINATE_PARAMETER, body, version)?);
    Ok(fields.text("terminateReason").filter(|reason| !reason.is_empty()))
}

/// The body of `Job - Add`.
pub(super) fn add_job(
    body: &[u8],
    version: ApiVersion,
) -> Result<(JobSpecification, JobSettings), BatchError> {
    let mut fields = Fields::of_body(read::read(&model::JOB_ADD_PARAMETER, body, version)?);
    let id = fields.id("id", plain_job_id)?.ok_or_else(|| fields.missing("id"))?;
    fields.check_display_name()?;
    let (pool, settings) = job_changes(&mut fields)?;
    let job_limit = settings.constraints.unwrap_or_default().max_task_retry_count;
    let specification = JobSpecification {
        id,
        uses_task_dependencies: fields.flag("usesTaskDependencies", false),
        manager: fields
            .object("jobManagerTask")
            .map(|manager| job_manager(manager, job_limit))
            .transpose()?,
        preparation: fields.object("jobPreparationTask").map(job_preparation).transpose()?,
        release: fields.object("jobReleaseTask").map(job_release).transpose()?,
        on_task_failure: fields.choice("onTaskFailure").unwrap_or_default(),
        other: fields.rest(),
    };
    specification.validate()?;
    Ok((specification, job_settings(pool, settings)?))
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
    Fields::check_metadata(patch.other.get("metadata"))?;
    Ok(JobPatch { pool: pool.map(named_pool).transpose()?, ..patch })
}

/// The body of `Job - Disable`.
pub(super) fn disable_job(body: &[u8], version: ApiVersion) -> Result<DisableTasks, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::JOB_DISABLE_PARAMETER, body, version)?);
    fields.choice("disableTasks").ok_or_else(|| fields.missing("disableTasks"))
}

/// A user cannot make a job under an id that only schedules give.
fn plain_job_id(text: &str) -> Result<JobId, InvalidId> {
    if text.contains(':') { Err(InvalidId) } else { JobId::new(text) }
}

/// What add, update and patch have in common, as far as it is given; the pool stands beside it.
fn job_changes(fields: &mut Fields) -> Result<(Option<PoolInfo>, JobPatch), BatchError> {
    let pool = pool_info(fields)?;
    let mut other = Properties::new();
    other.extend(fields.fields.remove_entry("metadata"));
    let network_configuration = fields.fields.remove("networkConfiguration");
    let patch = JobPatch {
        pool: None,
        priority: priority(fields)?,
        max_parallel_tasks: max_parallel_tasks(fields)?,
        allow_task_preemption: fields.given_flag("allowTaskPreemption"),
        constraints: job_constraints(fields)?,
        on_all_tasks_complete: fields.choice("onAllTasksComplete"),
        network_configuration,
        other,
    };
    Ok((pool, patch))
}

/// The settings of a body that gives these, the others by default (B6), once nothing else is wrong with
/// it.
fn job_settings(pool: Option<PoolInfo>, given: JobPatch) -> Result<JobSettings, BatchError> {
    Fields::check_metadata(given.other.get("metadata"))?;
    let pool = pool.ok_or_else(|| BatchError::missing_property("poolInfo"))?;
    let default = JobSettings::new(named_pool(pool)?);
    Ok(JobSettings {
        pool: default.pool,
        priority: given.priority.unwrap_or(default.priority),
        max_parallel_tasks: given.max_parallel_tasks.unwrap_or(default.max_parallel_tasks),
        allow_task_preemption: given.allow_task_preemption.unwrap_or(default.allow_task_preemption),
        constraints: given.constraints.unwrap_or(default.constraints),
        on_all_tasks_complete: given.on_all_tasks_complete.unwrap_or(default.on_all_tasks_complete),
        network_configuration: given.network_configuration,
        other: given.other,
    })
}

/// Where a job wants its tasks to run.
enum PoolInfo {
    Named(PoolId),
    Auto,
}

fn pool_info(fields: &mut Fields) -> Result<Option<PoolInfo>, BatchError> {
    let Some(mut info) = fields.object("poolInfo") else { return Ok(None) };
    let pool = info.id("poolId", PoolId::new)?;
    if info.object("autoPoolSpecification").is_some() {
        return Ok(Some(PoolInfo::Auto));
    }
    pool.map(|pool| Some(PoolInfo::Named(pool))).ok_or_else(|| info.missing("poolId"))
}

/// 501 comes after everything else that a body is refused for (S5).
fn named_pool(pool: PoolInfo) -> Result<PoolId, BatchError> {
    match pool {
        PoolInfo::Named(pool) => Ok(pool),
        PoolInfo::Auto => Err(BatchError::not_implemented("Auto pools are not implemented.")),
    }
}

fn priority(fields: &mut Fields) -> Result<Option<i32>, BatchError> {
    match fields.integer("priority") {
        Some(priority) if !(-1000..=1000).contains(&priority) => {
            Err(fields.out_of_range("priority", priority, "The value must be between -1000 and 1000"))
        }
        priority => Ok(priority),
    }
}

fn max_parallel_tasks(fields: &mut Fields) -> Result<Option<ParallelLimit>, BatchError> {
    const NAME: &str = "maxParallelTasks";
    let Some(number) = fields.integer(NAME) else { return Ok(None) };
    let limit = ParallelLimit::from_wire(number.into());
    limit.map(Some).ok_or_else(|| fields.out_of_range(NAME, number, "The value must be -1 or greater than 0"))
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
    let limit = RetryLimit::from_wire(number.into());
    limit.map(Some).ok_or_else(|| fields.out_of_range(NAME, number, "The value must be -1 or greater"))
}

fn job_manager(mut fields: Fields, job: RetryLimit) -> Result<JobManagerTask, BatchError> {
    let kill_job_on_completion = fields.flag("killJobOnCompletion", true);
    let run_exclusive = fields.flag("runExclusive", true);
    let allow_low_priority_node = fields.flag("allowLowPriorityNode", true);
    let (mut task, constraints) = task(fields)?;
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
        id: id.map_or_else(|| TaskId::new("jobpreparation"), Ok).map_err(|_| fields.missing("id"))?,
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
        id: id.map_or_else(|| TaskId::new("jobrelease"), Ok).map_err(|_| fields.missing("id"))?,
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
    task(Fields::of_body(read::read(&model::TASK_ADD_PARAMETER, body, version)?))
}

/// One task of a collection: its id as sent, and what there is to add or why it cannot be.
pub(super) type CollectionItem = (String, Result<AddTask, BatchError>);

/// The body of `Task - Add Collection`. What does not have the shape of a task refuses the whole; what
/// has it is judged by itself (B7).
pub(super) fn add_tasks(body: &[u8], version: ApiVersion) -> Result<Vec<CollectionItem>, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::TASK_ADD_COLLECTION_PARAMETER, body, version)?);
    let items = fields.list("value").ok_or_else(|| fields.missing("value"))?;
    if items.len() > MAX_COLLECTION_TASKS {
        let reason = "The collection has more than 100 tasks";
        return Err(fields.invalid("value", format!("{}", items.len()), reason));
    }
    items.into_iter().map(|item| collection_item(item, version)).collect()
}

fn collection_item(item: Value, version: ApiVersion) -> Result<CollectionItem, BatchError> {
    let id = item.get("id").and_then(Value::as_str).unwrap_or_default().into();
    let added = read::check(&model::TASK_ADD_PARAMETER, item, version).and_then(|fields| {
        let (specification, constraints) = task(Fields::of_body(fields))?;
        Ok(AddTask { specification: Arc::new(specification), constraints })
    });
    match added {
        Err(error) if error.code == ErrorCode::InvalidRequestBody => Err(error),
        added => Ok((id, added)),
    }
}

/// The body of `Task - Update`.
pub(super) fn update_task(body: &[u8], version: ApiVersion) -> Result<RequestedConstraints, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::TASK_UPDATE_PARAMETER, body, version)?);
    Ok(task_constraints(&mut fields)?.unwrap_or_default())
}

fn task(mut fields: Fields) -> Result<(TaskSpecification, RequestedConstraints), BatchError> {
    let id = fields.id("id", TaskId::new)?.ok_or_else(|| fields.missing("id"))?;
    fields.check_display_name()?;
    let constraints = task_constraints(&mut fields)?.unwrap_or_default();
    let required_slots = required_slots(&mut fields)?;
    let exit_conditions = fields.object("exitConditions").map(|mut conditions| {
        let read = exit_conditions(&mut conditions);
        fields.keep("exitConditions", conditions.rest());
        read
    });
    let depends_on = fields.object("dependsOn").map(|mut dependencies| {
        let read = self::dependencies(&mut dependencies);
        fields.keep("dependsOn", dependencies.rest());
        read
    });
    let depends_on = depends_on.transpose()?;
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
        Ok(0) | Err(_) => Err(fields.out_of_range(NAME, number, "The value must be greater than 0")),
    }
}

fn exit_conditions(fields: &mut Fields) -> ExitConditions {
    ExitConditions {
        exit_codes: ranges(fields.filled_list("exitCodes")),
        exit_code_ranges: ranges(fields.filled_list("exitCodeRanges")),
        pre_processing_error: fields.object("preProcessingError").map(exit_options),
        file_upload_error: fields.object("fileUploadError").map(exit_options),
        default: fields.object("default").map(exit_options),
    }
}

/// Single exit codes have `code`, ranges `start` and `end`.
fn ranges(items: Option<Vec<Value>>) -> Vec<ExitCodeRange> {
    let range = |item: Value| match item {
        Value::Object(fields) => {
            let mut fields = Fields::of_body(fields);
            let code = fields.integer("code");
            let (start, end) = (fields.integer("start").or(code)?, fields.integer("end").or(code)?);
            Some(ExitCodeRange { start, end, options: fields.object("exitOptions").map(exit_options)? })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    };
    items.unwrap_or_default().into_iter().filter_map(range).collect()
}

fn exit_options(mut fields: Fields) -> ExitOptions {
    ExitOptions {
        job_action: fields.choice("jobAction"),
        dependency_action: fields.choice("dependencyAction"),
    }
}

fn dependencies(fields: &mut Fields) -> Result<Dependencies, BatchError> {
    let (ids, ranges) = (fields.filled_list("taskIds"), fields.filled_list("taskIdRanges"));
    let id = |item: Value| {
        let text = item.as_str().unwrap_or_default();
        TaskId::new(text).map_err(|InvalidId| fields.invalid("taskIds", text, ID_REASON))
    };
    let range = |item: Value| {
        let bound = |name: &str| item.get(name).and_then(Value::as_i64);
        let bounds = bound("start").zip(bound("end")).filter(|(start, end)| start <= end);
        let range = bounds.and_then(|(start, end)| {
            Some(TaskIdRange { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
        });
        range.ok_or_else(|| {
            let reason = "A range must start at 0 or later and not end before it starts";
            fields.invalid("taskIdRanges", format!("{item}"), reason)
        })
    };
    let task_ids: Vec<TaskId> = ids.unwrap_or_default().into_iter().map(id).collect::<Result<_, _>>()?;
    let ranges = ranges.unwrap_or_default().into_iter().map(range).collect::<Result<_, _>>()?;
    if task_ids.iter().map(|id| id.as_str().len()).sum::<usize>() > MAX_DEPENDENCY_CHARS {
        return Err(ErrorCode::TaskDependencyListTooLong.into()); // B11
    }
    Ok(Dependencies { task_ids, ranges })
}

/// The body of `Pool - Add`.
pub(super) fn add_pool(
    body: &[u8],
    version: ApiVersion,
) -> Result<(PoolSpecification, NodeCounts), BatchError> {
    let mut fields = Fields::of_body(read::read(&model::POOL_ADD_PARAMETER, body, version)?);
    let scales = fields.flag("enableAutoScale", false);
    let id = fields.id("id", PoolId::new)?.ok_or_else(|| fields.missing("id"))?;
    fields.check_display_name()?;
    let target = NodeCounts {
        dedicated: node_count(&mut fields, "targetDedicatedNodes")?.unwrap_or(0),
        low_priority: node_count(&mut fields, "targetLowPriorityNodes")?.unwrap_or(0),
    };
    let task_slots_per_node = slots_per_node(&mut fields)?;
    let mut node_fill_type = None;
    if let Some(mut policy) = fields.object("taskSchedulingPolicy") {
        node_fill_type = policy.choice("nodeFillType");
        fields.keep("taskSchedulingPolicy", policy.rest());
    }
    let node_fill_type = node_fill_type.unwrap_or_default();
    Fields::check_metadata(fields.fields.get("metadata"))?;
    if scales {
        return Err(BatchError::not_implemented("Pools that scale by a formula are not implemented."));
    }
    let other = fields.rest();
    Ok((PoolSpecification { id, task_slots_per_node, node_fill_type, other }, target))
}

/// The number goes by another name in old api-versions; a refusal calls it as the client did.
fn slots_per_node(fields: &mut Fields) -> Result<u32, BatchError> {
    let mut given = ["taskSlotsPerNode", "maxTasksPerNode"].into_iter();
    let given = given.find_map(|name| Some((name, fields.integer(name)?)));
    let Some((name, slots)) = given else { return Ok(1) };
    match u32::try_from(slots) {
        Ok(slots @ 1..=256) => Ok(slots),
        Ok(_) | Err(_) => Err(fields.out_of_range(name, slots, "The value must be between 1 and 256")),
    }
}

fn node_count(fields: &mut Fields, name: &str) -> Result<Option<u32>, BatchError> {
    let Some(number) = fields.integer(name) else { return Ok(None) };
    let count = u32::try_from(number).ok();
    count.map(Some).ok_or_else(|| fields.out_of_range(name, number, "The value must be 0 or greater"))
}

/// The body of `Pool - Resize`.
pub(super) fn resize_pool(body: &[u8], version: ApiVersion) -> Result<ResizePool, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::POOL_RESIZE_PARAMETER, body, version)?);
    let dedicated = node_count(&mut fields, "targetDedicatedNodes")?;
    let low_priority = node_count(&mut fields, "targetLowPriorityNodes")?;
    let tasks = node_tasks(&mut fields, "nodeDeallocationOption");
    let resize_timeout = fields.given_span("resizeTimeout");
    Ok(ResizePool { dedicated, low_priority, tasks, resize_timeout, ..ResizePool::default() })
}

/// The body of `Pool - Remove Nodes`: the nodes, where an invalid id names no node, and the rest.
pub(super) fn remove_nodes(
    body: &[u8],
    version: ApiVersion,
) -> Result<(Vec<Result<NodeId, ErrorCode>>, RemoveNodes), BatchError> {
    const NAME: &str = "nodeList";
    let mut fields = Fields::of_body(read::read(&model::NODE_REMOVE_PARAMETER, body, version)?);
    let list = fields.list(NAME).ok_or_else(|| fields.missing(NAME))?;
    if list.is_empty() || list.len() > MAX_REMOVED_NODES {
        let reason = "The list must have 1 to 100 nodes";
        return Err(fields.invalid(NAME, format!("{}", list.len()), reason));
    }
    let node = |id: &Value| NodeId::new(id.as_str().unwrap_or_default()).map_err(|_| ErrorCode::NodeNotFound);
    let nodes = list.iter().map(node).collect();
    let tasks = node_tasks(&mut fields, "nodeDeallocationOption");
    let resize_timeout = fields.given_span("resizeTimeout");
    Ok((nodes, RemoveNodes { tasks, resize_timeout, ..RemoveNodes::default() }))
}

/// The body of `Node - Reboot`, which may be empty.
pub(super) fn reboot_node(body: &[u8], version: ApiVersion) -> Result<NodeTasks, BatchError> {
    optional_node_tasks(&model::NODE_REBOOT_PARAMETER, "nodeRebootOption", body, version)
}

/// The body of `Node - Reimage`, which may be empty.
pub(super) fn reimage_node(body: &[u8], version: ApiVersion) -> Result<NodeTasks, BatchError> {
    optional_node_tasks(&model::NODE_REIMAGE_PARAMETER, "nodeReimageOption", body, version)
}

/// The body of `Node - Deallocate`, which may be empty.
pub(super) fn deallocate_node(body: &[u8], version: ApiVersion) -> Result<NodeTasks, BatchError> {
    optional_node_tasks(&model::NODE_DEALLOCATE_PARAMETER, "nodeDeallocateOption", body, version)
}

/// The body of `Node - Disable Scheduling`, which may be empty.
pub(super) fn disable_scheduling(body: &[u8], version: ApiVersion) -> Result<NodeTasks, BatchError> {
    let (model, name) = (&model::NODE_DISABLE_SCHEDULING_PARAMETER, "nodeDisableSchedulingOption");
    optional_node_tasks(model, name, body, version)
}

fn optional_node_tasks(
    model: &'static Model,
    name: &str,
    body: &[u8],
    version: ApiVersion,
) -> Result<NodeTasks, BatchError> {
    if body.is_empty() {
        return Ok(NodeTasks::default());
    }
    Ok(node_tasks(&mut Fields::of_body(read::read(model, body, version)?), name))
}

fn node_tasks(fields: &mut Fields, name: &str) -> NodeTasks {
    fields.choice(name).unwrap_or_default()
}
