//! The operations on jobs.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "all functions in the table of operations have one signature"
)]

pub(super) mod body;
pub(super) mod shown;

use alloc::{format, string::String, sync::Arc, vec::Vec};

use shown::NodeRuns;

use crate::{
    Account, BatchError, ErrorCode,
    id::{JobId, JobScheduleId},
    job::{
        AddJob, DeleteJob, DisableJob, EnableJob, JobChange, JobStateName, TerminateJob, TerminateReason,
        UpdateJob,
    },
    rest::{
        exchange::{Act, Context, PathId, Reading, Reply, force_timeout},
        fields,
        list::List,
        odata::{
            model::{self, name},
            shown::Slot,
        },
        shown::written,
    },
};

pub(super) fn add(reading: Reading<'_>) -> Result<Act, BatchError> {
    let (specification, settings) = body::add_job(reading.body, reading.version)?;
    let received = reading.received;
    Ok(Act::write(move |account, context| {
        let command =
            AddJob { specification: Arc::new(specification), settings: Arc::new(settings), received };
        let effects = account.add_job(&command, context.now)?;
        let last_modified = account.require_job(&command.specification.id)?.stamps().modified();
        let url = format!("{}/jobs/job-1", account.url()); // W5
        Ok((Reply::added(last_modified, url), effects))
    }))
}

pub(super) fn get(job: PathId<JobId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let show = reading.show(&model::CLOUD_JOB)?;
    Ok(Act::read(move |account, context, body| {
        let job = account.require_job(&job?)?;
        let shown = |slot: &mut Slot<'_>| shown::job(account.url(), job, context.now, slot);
        show.reply(account, context, "jobs", Some(job.stamps().modified()), shown, body)
    }))
}

pub(super) fn list(reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = JobList::read(&reading)?;
    Ok(Act::read(move |account, context, body| Ok(list.reply(account, context, None, body))))
}

/// What a request asks of a list of jobs. Those that are not completed come first, each part by id (Q6).
pub(super) struct JobList {
    list: List,
    /// The job at which the page before ended, and whether it was completed.
    after: Option<(bool, JobId)>,
}

impl JobList {
    pub(super) fn read(reading: &Reading<'_>) -> Result<Self, BatchError> {
        let list = List::read(reading, &model::CLOUD_JOB)?;
        let after = list.after_id(|token| {
            let (part, id) = token.split_once('.')?;
            Some((part == "1", JobId::new(id).ok()?))
        })?;
        Ok(Self { list, after })
    }

    /// Replies with all jobs, or those of a schedule.
    pub(super) fn reply(
        &self,
        account: &Account,
        context: &Context<'_>,
        schedule: Option<&JobScheduleId>,
        body: &mut Vec<u8>,
    ) -> Reply {
        // The token is in one of the two parts: that part continues after it, and an earlier part is done.
        let (live, completed) = match &self.after {
            None => (Some(None), None),
            Some((false, id)) => (Some(Some(id)), None),
            Some((true, id)) => (None, Some(id)),
        };
        let (live, completed) =
            (live.filter(|_| self.may_list(false)), Some(completed).filter(|_| self.may_list(true)));
        let live = live.into_iter().flat_map(|after| account.live_jobs(schedule, after)).map(|job| (0, job));
        let completed = completed.into_iter().flat_map(|after| account.completed_jobs(schedule, after));
        let completed = completed.map(|job| (1, job));
        let items = live.chain(completed).map(|(part, job)| {
            let token = written(move |f| write!(f, "{part}.{}", job.id()));
            (token, |slot: &mut Slot<'_>| shown::job(account.url(), job, context.now, slot))
        });
        self.list.reply(account, context, "jobs", items, body)
    }

    /// Whether the filter can let pass a job of a part of the list. One that asks for a state of the other
    /// part cannot, and nobody should wait while a hundred thousand jobs are asked.
    fn may_list(&self, completed: bool) -> bool {
        let states =
            JobStateName::ALL.iter().filter(|state| (**state == JobStateName::Completed) == completed);
        self.list.may_list(name!("state"), states.map(|state| state.as_str()))
    }
}

pub(super) fn update(job: PathId<JobId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let change = JobChange::Replace(body::update_job(reading.body, reading.version)?);
    Ok(change_job(job, UpdateJob { change, preconditions: reading.preconditions }))
}

pub(super) fn patch(job: PathId<JobId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let change = JobChange::Patch(body::patch_job(reading.body, reading.version)?);
    Ok(change_job(job, UpdateJob { change, preconditions: reading.preconditions }))
}

fn change_job(job: PathId<JobId>, command: UpdateJob) -> Act {
    Act::write(move |account, context| {
        let job = job?;
        let effects = account.update_job(&job, &command, context.now)?;
        Ok((Reply::changed(account.require_job(&job)?.stamps().modified()), effects))
    })
}

/// The answer has no ETag: the deleted job keeps its old one (T3).
pub(super) fn delete(job: PathId<JobId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    let (force, preconditions) = (reading.force, reading.preconditions);
    Ok(Act::write(move |account, context| {
        let command = DeleteJob { force: force_timeout(force, account), preconditions };
        let effects = account.delete_job(&job?, &command, context.now)?;
        Ok((Reply::empty(), effects))
    }))
}

pub(super) fn terminate(job: PathId<JobId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let reason = body::terminate_job(reading.body, reading.version)?;
    let reason = TerminateReason::User(reason.map(String::into_boxed_str));
    let (force, preconditions) = (reading.force, reading.preconditions);
    Ok(Act::write(move |account, context| {
        let job = job?;
        let command = TerminateJob { reason, force: force_timeout(force, account), preconditions };
        let effects = account.terminate_job(&job, &command, context.now)?;
        Ok((Reply::changed(account.require_job(&job)?.stamps().modified()), effects))
    }))
}

pub(super) fn disable(job: PathId<JobId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let disable_tasks = body::disable_job(reading.body, reading.version)?;
    let command = DisableJob { disable_tasks, preconditions: reading.preconditions };
    Ok(Act::write(move |account, context| {
        let job = job?;
        let effects = account.disable_job(&job, &command, context.now)?;
        Ok((Reply::changed(account.require_job(&job)?.stamps().modified()), effects))
    }))
}

pub(super) fn enable(job: PathId<JobId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    let command = EnableJob { preconditions: reading.preconditions };
    Ok(Act::write(move |account, context| {
        let job = job?;
        let effects = account.enable_job(&job, &command, context.now)?;
        Ok((Reply::changed(account.require_job(&job)?.stamps().modified()), effects))
    }))
}

pub(super) fn task_counts(job: PathId<JobId>, _: Reading<'_>) -> Result<Act, BatchError> {
    Ok(Act::read(move |account, context, body| {
        let job = account.require_job(&job?)?;
        let (set, model) = ("taskcountsresult/@Element", &model::TASK_COUNTS_RESULT);
        Ok(Reply::shown(account, set, model, context.version, &|slot| shown::task_counts(job, slot), body))
    }))
}

pub(super) fn preparation_and_release_status(
    job: PathId<JobId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::PREPARATION_AND_RELEASE_STATUS)?;
    let after = list.after_id(|token| crate::NodeId::new(token).ok())?;
    Ok(Act::read(move |account, context, body| {
        let job = account.require_job(&job?)?;
        let template = job.template();
        if template.preparation.is_none() && template.release.is_none() {
            return Err(ErrorCode::JobPreparationTaskOrReleaseTaskNotSpecified.into());
        }
        let items = job.nodes_after(after.as_ref()).filter_map(|(id, node)| {
            let runs = NodeRuns::of(job, id, node)?;
            Some((id, move |slot: &mut Slot<'_>| runs.show(account.url(), slot)))
        });
        Ok(list.reply(account, context, "jobpreparationandreleasetaskstatuslist", items, body))
    }))
}
