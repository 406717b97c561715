//! The bodies of requests about tasks: limits are checked and defaults filled in here; what the
//! state machine does not interpret is kept as it is.

use alloc::{format, string::String, sync::Arc, vec::Vec};

use serde_json::Value;

use crate::{
    BatchError, ErrorCode,
    id::{InvalidId, TaskId},
    rest::{
        fields::{Fields, ID_REASON, retry_limit},
        odata::model::{Name, name},
        odata::{model, read, version::ApiVersion},
    },
    task::{
        AddTask, Dependencies, ExitCodeRange, ExitConditions, ExitOptions, RequestedConstraints, TaskIdRange,
        TaskSpecification,
    },
};

/// How many tasks a collection may have.
const MAX_COLLECTION_TASKS: usize = 100;

/// How many characters the ids that a task depends on may have together (B11).
const MAX_DEPENDENCY_CHARS: usize = 64_000;

/// The body of `Task - Add`.
pub(super) fn add_task(body: &[u8], version: ApiVersion) -> Result<AddTask, BatchError> {
    task(Fields::of_body(read::read(&model::TASK_ADD_PARAMETER, body, version)?))
}

/// One task of a collection: its id as sent, and what there is to add or why it cannot be.
pub(super) type CollectionItem = (String, Result<AddTask, BatchError>);

/// The body of `Task - Add Collection`. What does not have the shape of a task refuses the whole; what
/// has it is judged by itself (B7).
pub(super) fn add_tasks(body: &[u8], version: ApiVersion) -> Result<Vec<CollectionItem>, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::TASK_ADD_COLLECTION_PARAMETER, body, version)?);
    let items = fields.list(name!("value")).ok_or_else(|| fields.missing(name!("value")))?;
    if items.len() > MAX_COLLECTION_TASKS {
        let reason = "The collection has more than 100 tasks";
        return Err(fields.invalid(name!("value"), format!("{}", items.len()), reason));
    }
    items.into_iter().map(|item| collection_item(item, version)).collect()
}

fn collection_item(item: Value, version: ApiVersion) -> Result<CollectionItem, BatchError> {
    let id = item.get(name!("id").as_str()).and_then(Value::as_str).unwrap_or_default().into();
    let added = read::check(&model::TASK_ADD_PARAMETER, item, version)
        .and_then(|fields| task(Fields::of_body(fields)));
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

/// A task to add, or a job manager task.
pub(in crate::rest) fn task(mut fields: Fields) -> Result<AddTask, BatchError> {
    let id = fields.id(name!("id"), TaskId::new)?.ok_or_else(|| fields.missing(name!("id")))?;
    fields.check_display_name()?;
    let constraints = task_constraints(&mut fields)?.unwrap_or_default();
    let required_slots = required_slots(&mut fields)?;
    let exit_conditions = fields.object(name!("exitConditions")).map(|mut conditions| {
        let read = exit_conditions(&mut conditions);
        fields.keep(name!("exitConditions"), conditions.rest());
        read
    });
    let depends_on = fields.object(name!("dependsOn")).map(|mut dependencies| {
        let read = self::dependencies(&mut dependencies);
        fields.keep(name!("dependsOn"), dependencies.rest());
        read
    });
    let depends_on = depends_on.transpose()?;
    fields.default_user_identity();
    let command_line = fields.text(name!("commandLine")).map(Into::into);
    let specification = TaskSpecification {
        required_slots,
        run_exclusive: false,
        exit_conditions,
        depends_on,
        other: fields.rest(),
    };
    Ok(AddTask { id, command_line, specification: Arc::new(specification), constraints })
}

pub(in crate::rest) fn task_constraints(
    fields: &mut Fields,
) -> Result<Option<RequestedConstraints>, BatchError> {
    let Some(mut fields) = fields.object(name!("constraints")) else { return Ok(None) };
    let default = RequestedConstraints::default();
    Ok(Some(RequestedConstraints {
        max_wall_clock_time: fields.span(name!("maxWallClockTime"), default.max_wall_clock_time),
        retention_time: fields.span(name!("retentionTime"), default.retention_time),
        max_task_retry_count: retry_limit(&mut fields)?,
    }))
}

fn required_slots(fields: &mut Fields) -> Result<u32, BatchError> {
    const NAME: Name = name!("requiredSlots");
    let number = fields.integer(NAME).unwrap_or(1);
    match u32::try_from(number) {
        Ok(slots @ 1..) => Ok(slots),
        Ok(0) | Err(_) => Err(fields.out_of_range(NAME, number, "The value must be greater than 0")),
    }
}

fn exit_conditions(fields: &mut Fields) -> ExitConditions {
    ExitConditions {
        exit_codes: ranges(fields.filled_list(name!("exitCodes"))),
        exit_code_ranges: ranges(fields.filled_list(name!("exitCodeRanges"))),
        pre_processing_error: fields.object(name!("preProcessingError")).map(exit_options),
        file_upload_error: fields.object(name!("fileUploadError")).map(exit_options),
        default: fields.object(name!("default")).map(exit_options),
    }
}

/// Single exit codes have `code`, ranges `start` and `end`.
fn ranges(items: Option<Vec<Value>>) -> Vec<ExitCodeRange> {
    let range = |item: Value| match item {
        Value::Object(fields) => {
            let mut fields = Fields::of_body(fields);
            let code = fields.integer(name!("code"));
            let (start, end) =
                (fields.integer(name!("start")).or(code)?, fields.integer(name!("end")).or(code)?);
            Some(ExitCodeRange {
                start,
                end,
                options: fields.object(name!("exitOptions")).map(exit_options)?,
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    };
    items.unwrap_or_default().into_iter().filter_map(range).collect()
}

fn exit_options(mut fields: Fields) -> ExitOptions {
    ExitOptions {
        job_action: fields.choice(name!("jobAction")),
        dependency_action: fields.choice(name!("dependencyAction")),
    }
}

fn dependencies(fields: &mut Fields) -> Result<Dependencies, BatchError> {
    let (ids, ranges) = (fields.filled_list(name!("taskIds")), fields.filled_list(name!("taskIdRanges")));
    let id = |item: Value| {
        let text = item.as_str().unwrap_or_default();
        TaskId::new(text).map_err(|InvalidId| fields.invalid(name!("taskIds"), text, ID_REASON))
    };
    let range = |item: Value| {
        let bound = |name: Name| item.get(name.as_str()).and_then(Value::as_i64);
        let bounds = bound(name!("start")).zip(bound(name!("end"))).filter(|(start, end)| start <= end);
        let range = bounds.and_then(|(start, end)| {
            Some(TaskIdRange { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
        });
        range.ok_or_else(|| {
            let reason = "A range must start at 0 or later and not end before it starts";
            fields.invalid(name!("taskIdRanges"), format!("{item}"), reason)
        })
    };
    let task_ids: Vec<TaskId> = ids.unwrap_or_default().into_iter().map(id).collect::<Result<_, _>>()?;
    let ranges = ranges.unwrap_or_default().into_iter().map(range).collect::<Result<_, _>>()?;
    if task_ids.iter().map(|id| id.as_str().len()).sum::<usize>() > MAX_DEPENDENCY_CHARS {
        return Err(ErrorCode::TaskDependencyListTooLong.into()); // B11
    }
    Ok(Dependencies { task_ids, ranges })
}
