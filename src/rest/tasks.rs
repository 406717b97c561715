//! The operations on tasks.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "all functions in the table of operations have one signature"
)]

pub(super) mod body;
pub(super) mod shown;

use alloc::{format, string::String, sync::Arc, vec::Vec};

use crate::{
    Account, BatchError,
    id::{JobId, TaskId},
    job::{Effect, JobRequest},
    rest::{
        exchange::{Act, Context, PathId, Reading, Reply, metadata},
        fields,
        list::List,
        odata::{
            model::{self, name},
            write,
        },
        shown::{Properties, task_url},
    },
    task::{AddTask, DeleteTask, ReactivateTask, TerminateTask, UpdateTask},
};

/// The job and the task that a path names: a job that does not exist is missed before a task id that is
/// none.
fn find(account: &Account, job: PathId<JobId>, task: PathId<TaskId>) -> Result<(JobId, TaskId), BatchError> {
    let job = job?;
    account.require_job(&job)?;
    Ok((job, task?))
}

pub(super) fn add(job: PathId<JobId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let (specification, constraints) = body::add_task(reading.body, reading.version)?;
    let command = AddTask { specification: Arc::new(specification), constraints };
    Ok(Act::write(move |account, context| {
        let job = job?;
        let effects = account.add_task(&job, &command, context.now)?;
        let (url, last_modified) = added(account, &job, &command.specification.id)?;
        Ok((Reply::added(last_modified, url), effects))
    }))
}

/// Where a task that was just added is, and its stamp.
fn added(account: &Account, job: &JobId, task: &TaskId) -> Result<(String, crate::Timestamp), BatchError> {
    let job = account.require_job(job)?;
    let task = job.require_task(task)?;
    Ok((task_url(account.url(), job.id(), task.id()), task.stamps().modified()))
}

/// Each task of a collection is added or refused by itself; only what is wrong with the whole refuses
/// the whole (B7).
pub(super) fn add_collection(job: PathId<JobId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let tasks = body::add_tasks(reading.body, reading.version)?;
    Ok(Act::write(move |account, context| {
        let job = job?;
        account.require_job(&job)?.allows(JobRequest::AddTask)?;
        let mut effects = Vec::new();
        let results: Vec<Properties> = tasks
            .into_iter()
            .map(|(id, task)| {
                let added = task.and_then(|command| add_one(account, context, &job, &command, &mut effects));
                added.unwrap_or_else(|error| refused(context, &id, &error))
            })
            .collect();
        let mut reply = Reply::empty();
        let metadata = metadata(account, "taskaddresult");
        write::list(
            &mut reply.body,
            Some(&metadata),
            &model::TASK_ADD_RESULT,
            &results,
            context.version,
            None,
        );
        Ok((reply, effects))
    }))
}

fn add_one(
    account: &mut Account,
    context: &Context<'_>,
    job: &JobId,
    command: &AddTask,
    effects: &mut Vec<Effect>,
) -> Result<Properties, BatchError> {
    effects.extend(account.add_task(job, command, context.now)?);
    let (url, last_modified) = added(account, job, &command.specification.id)?;
    Ok(shown::task_added(&command.specification.id, &url, last_modified))
}

fn refused(context: &Context<'_>, task: &str, error: &BatchError) -> Properties {
    shown::task_refused(task, error, context.request_id, context.now)
}

pub(super) fn get(job: PathId<JobId>, task: PathId<TaskId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let show = reading.show(&model::CLOUD_TASK)?;
    Ok(Act::read(move |account, context| {
        let job = account.require_job(&job?)?;
        let task = job.require_task(&task?)?;
        let shown = || shown::task(account.url(), job.id(), task);
        show.reply(account, context, "tasks", Some(task.stamps().modified()), shown)
    }))
}

pub(super) fn list(job: PathId<JobId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::CLOUD_TASK)?;
    let after = list.after_id(|token| TaskId::new(token).ok())?;
    Ok(Act::read(move |account, context| {
        let job = account.require_job(&job?)?;
        let tasks = job.tasks_after(after.as_ref());
        let items = tasks.map(|task| (format!("{}", task.id()), shown::task(account.url(), job.id(), task)));
        Ok(list.reply(account, context, "tasks", items))
    }))
}

pub(super) fn update(
    job: PathId<JobId>,
    task: PathId<TaskId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let constraints = body::update_task(reading.body, reading.version)?;
    let command = UpdateTask { constraints, preconditions: reading.preconditions };
    Ok(Act::write(move |account, context| {
        let (job, task) = find(account, job, task)?;
        let effects = account.update_task(&job, &task, &command, context.now)?;
        Ok((Reply::changed(account.require_task(&job, &task)?.stamps().modified()), effects))
    }))
}

pub(super) fn delete(
    job: PathId<JobId>,
    task: PathId<TaskId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    let command = DeleteTask { preconditions: reading.preconditions };
    Ok(Act::write(move |account, context| {
        let (job, task) = find(account, job, task)?;
        let effects = account.delete_task(&job, &task, &command, context.now)?;
        Ok((Reply::empty(), effects))
    }))
}

pub(super) fn terminate(
    job: PathId<JobId>,
    task: PathId<TaskId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    let command = TerminateTask { preconditions: reading.preconditions };
    Ok(Act::write(move |account, context| {
        let (job, task) = find(account, job, task)?;
        let effects = account.terminate_task(&job, &task, &command, context.now)?;
        Ok((Reply::changed(account.require_task(&job, &task)?.stamps().modified()), effects))
    }))
}

pub(super) fn reactivate(
    job: PathId<JobId>,
    task: PathId<TaskId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    let command = ReactivateTask { preconditions: reading.preconditions };
    Ok(Act::write(move |account, context| {
        let (job, task) = find(account, job, task)?;
        let effects = account.reactivate_task(&job, &task, &command, context.now)?;
        Ok((Reply::changed(account.require_task(&job, &task)?.stamps().modified()), effects))
    }))
}

/// A plain task has none. A multi-instance one has, but the crate does not run it as such (Q9).
pub(super) fn subtasks(job: PathId<JobId>, task: PathId<TaskId>, _: Reading<'_>) -> Result<Act, BatchError> {
    Ok(Act::read(move |account, context| {
        let found = account.require_job(&job?)?;
        let found = found.require_task(&task?)?;
        if found.specification().other.contains_key(name!("multiInstanceSettings").as_str()) {
            return Err(BatchError::not_implemented(
                "The subtasks of multi-instance tasks are not implemented.",
            ));
        }
        let mut reply = Reply::empty();
        let metadata = metadata(account, "subtaskinfo");
        let none: [Properties; 0] = [];
        write::list(
            &mut reply.body,
            Some(&metadata),
            &model::SUBTASK_INFORMATION,
            &none,
            context.version,
            None,
        );
        Ok(reply)
    }))
}
