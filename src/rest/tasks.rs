//! The operations on tasks.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "all functions in the table of operations have one signature"
)]

pub(super) mod body;
pub(super) mod shown;

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use crate::{
    Account, BatchError, Timestamp,
    id::{JobId, TaskId},
    job::{Effect, JobRequest},
    rest::{
        exchange::{Act, PathId, Reading, Reply},
        fields,
        list::List,
        odata::{
            model::{self, name},
            shown::Slot,
            write::{self, View},
        },
        shown::task_url,
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
    let command = body::add_task(reading.body, reading.version)?;
    Ok(Act::write(move |account, context| {
        let job = job?;
        let effects = account.add_task(&job, &command, context.now)?;
        let (url, last_modified) = added(account, &job, &command.id)?;
        Ok((Reply::added(last_modified, url), effects))
    }))
}

/// Where a task that was just added is, and its stamp.
fn added(account: &Account, job: &JobId, task: &TaskId) -> Result<(String, Timestamp), BatchError> {
    let job = account.require_job(job)?;
    let task = job.require_task(task)?;
    Ok((task_url(account.url(), job.id(), task.id()).concat(), task.stamps().modified()))
}

/// Each task of a collection is added or refused by itself; only what is wrong with the whole refuses
/// the whole (B7).
pub(super) fn add_collection(job: PathId<JobId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let tasks = body::add_tasks(reading.body, reading.version)?;
    Ok(Act::write_with_body(move |account, context, body| {
        let job = job?;
        account.require_job(&job)?.allows(JobRequest::AddTask)?;
        let mut effects = Vec::new();
        let url = account.url().to_owned();
        let mut results = write::List::begin(
            body,
            &[&url, "/$metadata#taskaddresult"],
            View { model: &model::TASK_ADD_RESULT, version: context.version, select: None },
        );
        for (id, task) in tasks {
            let added = task.and_then(|command| add_one(account, context.now, &job, &command, &mut effects));
            match added {
                Ok((task, last_modified)) => {
                    results.item(&|slot| shown::task_added(&url, &job, &task, last_modified, slot));
                }
                Err(error) => results.item(&|slot| {
                    shown::task_refused(&id, &error, context.request_id, context.now, slot);
                }),
            }
        }
        results.end(None::<&str>);
        Ok((Reply::empty(), effects))
    }))
}

fn add_one(
    account: &mut Account,
    now: Timestamp,
    job: &JobId,
    command: &AddTask,
    effects: &mut Vec<Effect>,
) -> Result<(TaskId, Timestamp), BatchError> {
    effects.extend(account.add_task(job, command, now)?);
    let task = account.require_task(job, &command.id)?;
    Ok((task.id().clone(), task.stamps().modified()))
}

pub(super) fn get(job: PathId<JobId>, task: PathId<TaskId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let show = reading.show(&model::CLOUD_TASK)?;
    Ok(Act::read(move |account, context, body| {
        let job = account.require_job(&job?)?;
        let task = job.require_task(&task?)?;
        let shown = |slot: &mut Slot<'_>| shown::task(account.url(), job.id(), task, slot);
        show.reply(account, context, "tasks", Some(task.stamps().modified()), shown, body)
    }))
}

pub(super) fn list(job: PathId<JobId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::CLOUD_TASK)?;
    let after = list.after_id(|token| TaskId::new(token).ok())?;
    Ok(Act::read(move |account, context, body| {
        let job = account.require_job(&job?)?;
        let tasks = job.tasks_after(after.as_ref());
        let items = tasks.map(|task| {
            (task.id(), move |slot: &mut Slot<'_>| shown::task(account.url(), job.id(), task, slot))
        });
        Ok(list.reply(account, context, "tasks", items, body))
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
    Ok(Act::read(move |account, context, body| {
        let found = account.require_job(&job?)?;
        let found = found.require_task(&task?)?;
        if found.specification().other.contains_key(name!("multiInstanceSettings").as_str()) {
            return Err(BatchError::not_implemented(
                "The subtasks of multi-instance tasks are not implemented.",
            ));
        }
        write::List::begin(
            body,
            &[account.url(), "/$metadata#subtaskinfo"],
            View { model: &model::SUBTASK_INFORMATION, version: context.version, select: None },
        )
        .end(None::<&str>);
        Ok(Reply::empty())
    }))
}
