//! The bodies of requests about job schedules.

use alloc::sync::Arc;

use crate::{
    BatchError,
    id::JobScheduleId,
    job::{JobSettings, JobTemplate},
    job_schedule::{JobSchedulePatch, JobScheduleSettings, JobScheduleSpecification, Period, Schedule},
    rest::{
        fields::Fields,
        jobs::body as job_body,
        odata::model::{Name, name},
        odata::{model, read, version::ApiVersion},
    },
    task::Properties,
};

/// The body of `Job Schedule - Add`.
pub(super) fn add_job_schedule(
    body: &[u8],
    version: ApiVersion,
) -> Result<(JobScheduleSpecification, JobScheduleSettings), BatchError> {
    let mut fields = Fields::of_body(read::read(&model::JOB_SCHEDULE_ADD_PARAMETER, body, version)?);
    let id = fields.id(name!("id"), JobScheduleId::new)?.ok_or_else(|| fields.missing(name!("id")))?;
    fields.check_display_name()?;
    let settings = settings(&mut fields)?;
    Ok((JobScheduleSpecification { id, other: fields.rest() }, settings))
}

/// The body of `Job Schedule - Update`: what it leaves out goes back to its default.
pub(super) fn update_job_schedule(
    body: &[u8],
    version: ApiVersion,
) -> Result<JobScheduleSettings, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::JOB_SCHEDULE_UPDATE_PARAMETER, body, version)?);
    settings(&mut fields)
}

/// The body of `Job Schedule - Patch`: what it leaves out stays.
pub(super) fn patch_job_schedule(body: &[u8], version: ApiVersion) -> Result<JobSchedulePatch, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::JOB_SCHEDULE_PATCH_PARAMETER, body, version)?);
    patch(&mut fields)
}

fn settings(fields: &mut Fields) -> Result<JobScheduleSettings, BatchError> {
    let JobSchedulePatch { schedule, job, other } = patch(fields)?;
    let schedule = schedule.unwrap_or_default();
    let (job, job_settings) = job.ok_or_else(|| fields.missing(name!("jobSpecification")))?;
    Ok(JobScheduleSettings { schedule, job, job_settings, other })
}

/// What can be changed, as far as it is given.
fn patch(fields: &mut Fields) -> Result<JobSchedulePatch, BatchError> {
    let schedule = fields.object(name!("schedule")).map(schedule).transpose()?;
    let job = fields.object(name!("jobSpecification")).map(job).transpose()?;
    let mut other = Properties::new();
    other.extend(fields.fields.remove_entry(name!("metadata").as_str()));
    Fields::check_metadata(other.get(name!("metadata").as_str()))?;
    Ok(JobSchedulePatch { schedule, job, other })
}

fn job(fields: Fields) -> Result<(Arc<JobTemplate>, Arc<JobSettings>), BatchError> {
    let (job, settings) = job_body::job_template(fields)?;
    Ok((job.into(), settings.into()))
}

fn schedule(mut fields: Fields) -> Result<Schedule, BatchError> {
    Ok(Schedule {
        do_not_run_until: fields.given_instant(name!("doNotRunUntil")),
        do_not_run_after: fields.given_instant(name!("doNotRunAfter")),
        start_window: period(&mut fields, name!("startWindow"))?,
        recurrence_interval: period(&mut fields, name!("recurrenceInterval"))?,
    })
}

/// L3
fn period(fields: &mut Fields, name: Name) -> Result<Option<Period>, BatchError> {
    let Some(span) = fields.given_span(name) else { return Ok(None) };
    let period = Period::new(span);
    let reason = "The value cannot be less than one minute";
    period.map(Some).map_err(|_| fields.invalid(name, alloc::format!("{span}"), reason))
}
