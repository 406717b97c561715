//! The operations on job schedules.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "all functions in the table of operations have one signature"
)]

mod body;
mod shown;

use alloc::vec::Vec;

use crate::{
    Account, BatchError, Timestamp,
    id::JobScheduleId,
    job::Effect,
    job_schedule::{
        AddJobSchedule, DeleteJobSchedule, DisableJobSchedule, EnableJobSchedule, JobScheduleChange,
        TerminateJobSchedule, UpdateJobSchedule,
    },
    rest::{
        exchange::{Act, PathId, Reading, Reply, force_timeout},
        fields,
        jobs::JobList,
        list::List,
        odata::{model, shown::Slot},
        shown::job_schedule_url,
    },
};

pub(super) fn add(reading: Reading<'_>) -> Result<Act, BatchError> {
    let (specification, settings) = body::add_job_schedule(reading.body, reading.version)?;
    let command = AddJobSchedule { specification: specification.into(), settings: settings.into() };
    Ok(Act::write(move |account, context| {
        let effects = account.add_job_schedule(&command, context.now)?;
        let schedule = account.require_job_schedule(&command.specification.id)?;
        let url = job_schedule_url(account.url(), schedule.id()).concat();
        Ok((Reply::added(schedule.stamps().modified(), url), effects))
    }))
}

pub(super) fn get(schedule: PathId<JobScheduleId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let show = reading.show(&model::CLOUD_JOB_SCHEDULE)?;
    Ok(Act::read(move |account, context, body| {
        let schedule = account.require_job_schedule(&schedule?)?;
        let shown = |slot: &mut Slot<'_>| shown::job_schedule(account.url(), schedule, context.now, slot);
        show.reply(account, context, "jobschedules", Some(schedule.stamps().modified()), shown, body)
    }))
}

/// L8
pub(super) fn exists(schedule: PathId<JobScheduleId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let preconditions = reading.preconditions;
    Ok(Act::read(move |account, _, _| {
        Reply::exists(account.require_job_schedule(&schedule?)?.stamps().modified(), &preconditions)
    }))
}

pub(super) fn list(reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::CLOUD_JOB_SCHEDULE)?;
    let after = list.after_id(|token| JobScheduleId::new(token).ok())?;
    Ok(Act::read(move |account, context, body| {
        let items = account.job_schedules_after(after.as_ref()).map(|schedule| {
            let shown =
                move |slot: &mut Slot<'_>| shown::job_schedule(account.url(), schedule, context.now, slot);
            (schedule.id(), shown)
        });
        Ok(list.reply(account, context, "jobschedules", items, body))
    }))
}

pub(super) fn jobs(schedule: PathId<JobScheduleId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = JobList::read(&reading)?;
    Ok(Act::read(move |account, context, body| {
        let schedule = account.require_job_schedule(&schedule?)?.id();
        Ok(list.reply(account, context, Some(schedule), body))
    }))
}

pub(super) fn update(schedule: PathId<JobScheduleId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let change = JobScheduleChange::Replace(body::update_job_schedule(reading.body, reading.version)?);
    let command = UpdateJobSchedule { change, preconditions: reading.preconditions };
    Ok(change_job_schedule(schedule, move |account, schedule, now| {
        account.update_job_schedule(schedule, &command, now)
    }))
}

pub(super) fn patch(schedule: PathId<JobScheduleId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let change = JobScheduleChange::Patch(body::patch_job_schedule(reading.body, reading.version)?);
    let command = UpdateJobSchedule { change, preconditions: reading.preconditions };
    Ok(change_job_schedule(schedule, move |account, schedule, now| {
        account.update_job_schedule(schedule, &command, now)
    }))
}

pub(super) fn disable(schedule: PathId<JobScheduleId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    let command = DisableJobSchedule { preconditions: reading.preconditions };
    Ok(change_job_schedule(schedule, move |account, schedule, now| {
        account.disable_job_schedule(schedule, &command, now)
    }))
}

pub(super) fn enable(schedule: PathId<JobScheduleId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    let command = EnableJobSchedule { preconditions: reading.preconditions };
    Ok(change_job_schedule(schedule, move |account, schedule, now| {
        account.enable_job_schedule(schedule, &command, now)
    }))
}

pub(super) fn terminate(schedule: PathId<JobScheduleId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    let (force, preconditions) = (reading.force, reading.preconditions);
    Ok(change_job_schedule(schedule, move |account, schedule, now| {
        let command = TerminateJobSchedule { force: force_timeout(force, account), preconditions };
        account.terminate_job_schedule(schedule, &command, now)
    }))
}

/// The answer has no ETag: the deleted schedule keeps its old one (L1).
pub(super) fn delete(schedule: PathId<JobScheduleId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    let (force, preconditions) = (reading.force, reading.preconditions);
    Ok(Act::write(move |account, context| {
        let command = DeleteJobSchedule { force: force_timeout(force, account), preconditions };
        let effects = account.delete_job_schedule(&schedule?, &command, context.now)?;
        Ok((Reply::empty(), effects))
    }))
}

fn change_job_schedule(
    schedule: PathId<JobScheduleId>,
    change: impl FnOnce(&mut Account, &JobScheduleId, Timestamp) -> Result<Vec<Effect>, BatchError>
    + Send
    + 'static,
) -> Act {
    Act::write(move |account, context| {
        let schedule = schedule?;
        let effects = change(account, &schedule, context.now)?;
        Ok((Reply::changed(account.require_job_schedule(&schedule)?.stamps().modified()), effects))
    })
}
