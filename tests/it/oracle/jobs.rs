//! Requests about jobs. In each: 404, then 409 by state, then 400 by what is stored, then 412 (S5).

use std::{collections::BTreeMap, sync::Arc};

use azbatch::{
    ErrorCode, JobId, Preconditions, TimeSpan, Timestamp,
    condition::EntityTags,
    job::{
        AddJob, DeleteJob, DisableJob, DisableTasks, EnableJob, JobChange, JobSettings, JobStateName,
        JobTemplate, OnAllTasksComplete, OnTaskFailure, PoolInfo, PoolLifetime, TerminateJob,
        TerminateReason, UpdateJob,
    },
    task::{TaskSpecification, TaskStop},
};

use super::{
    Answer,
    model::{Job, Oracle, Run, Times},
    refuse_if, refused,
};

/// The table R: the rows that differ.
#[derive(Clone, Copy)]
pub(super) enum Row {
    /// terminate, update, add-task, update-task, terminate-task, reactivate-task
    Change,
    /// disable, enable
    Switch,
    /// delete
    Delete,
    /// delete-task
    DeleteTask,
}

/// R: what a job in this state says to a request.
pub(super) fn table(row: Row, state: JobStateName) -> Answer {
    match (row, state) {
        (_, JobStateName::Active | JobStateName::Disabling | JobStateName::Disabled) => Ok(()),
        (Row::Switch, JobStateName::Enabling) => refused(ErrorCode::JobNotActive),
        (_, JobStateName::Enabling) => Ok(()),
        (_, JobStateName::Deleting) => refused(ErrorCode::JobBeingDeleted),
        (Row::Delete | Row::DeleteTask, JobStateName::Terminating | JobStateName::Completed) => Ok(()),
        (Row::Change | Row::Switch, JobStateName::Terminating) => refused(ErrorCode::JobBeingTerminated),
        (Row::Change | Row::Switch, JobStateName::Completed) => refused(ErrorCode::JobCompleted),
    }
}

/// H2, H3, H4: a write whose condition is not met is refused.
pub(super) fn check_condition(condition: &Preconditions, modified: Timestamp) -> Answer {
    let is_among = |tags: &EntityTags, weakly: bool| match tags {
        EntityTags::Any => true,
        EntityTags::Nothing => false,
        EntityTags::Listed { first, others } => {
            let mut tags = std::iter::once(first).chain(others);
            // T1: an ETag is the instant.
            tags.any(|tag| {
                tag.etag.to_string() == format!("0x{:X}", modified.ticks()) && (weakly || !tag.weak)
            })
        }
    };
    let met = match condition {
        Preconditions::None => true,
        Preconditions::IfMatch(tags) => is_among(tags, false),
        Preconditions::IfNoneMatch(tags) => !is_among(tags, true),
        Preconditions::IfModifiedSince(since) => modified.truncate_to_second() > *since,
        Preconditions::IfUnmodifiedSince(since) => modified.truncate_to_second() <= *since,
    };
    refuse_if(!met, ErrorCode::ConditionNotMet)
}

/// T7: the states that are shown as the previous one.
fn lasting(state: JobStateName) -> Option<JobStateName> {
    match state {
        JobStateName::Disabling | JobStateName::Enabling | JobStateName::Terminating => None,
        JobStateName::Active | JobStateName::Disabled | JobStateName::Completed | JobStateName::Deleting => {
            Some(state)
        }
    }
}

impl Job {
    pub(super) fn enter(&mut self, state: JobStateName, at: Timestamp) {
        self.times.enter(at, lasting(self.state));
        self.state = state;
    }
}

impl Oracle {
    /// A job, for a request that names it.
    pub(super) fn named(&mut self, job: &JobId) -> Result<&mut Job, super::Refusal> {
        self.jobs.get_mut(job).ok_or(super::Refusal::Code(ErrorCode::JobNotFound))
    }

    pub(super) fn add_job(&mut self, command: &AddJob, now: Timestamp) -> Answer {
        let (id, template) = (&command.specification.id, &command.specification.template);
        check_template(template)?;
        if let Some(old) = self.jobs.get(id) {
            return refused(match old.state {
                JobStateName::Completed => ErrorCode::JobCompleted,
                JobStateName::Deleting => ErrorCode::JobBeingDeleted,
                JobStateName::Active
                | JobStateName::Disabling
                | JobStateName::Disabled
                | JobStateName::Enabling
                | JobStateName::Terminating => ErrorCode::JobExists,
            });
        }
        // L9: also under an id that the schedule gives to its jobs.
        let is_schedules = self.schedules.keys().any(|schedule| {
            schedule.as_str().eq_ignore_ascii_case(id.as_str()) || id.schedule().as_ref() == Some(schedule)
        });
        refuse_if(is_schedules, ErrorCode::JobScheduleWithSameIdExists)?;
        check_ids(template)?;
        // P19: that only jobs of a schedule can ask for a pool that they share is known from the body alone, so `rest`
        // refuses it. A host that does schedules by itself can add such a job.
        self.begin_job(id, template, &command.settings, command.received, now);
        Ok(())
    }

    /// T6, X2: the job and its manager.
    pub(super) fn begin_job(
        &mut self,
        id: &JobId,
        template: &JobTemplate,
        settings: &Arc<JobSettings>,
        received: Timestamp,
        now: Timestamp,
    ) {
        let job = Job {
            id: id.clone(),
            template: template.clone(),
            settings: settings.clone(),
            received,
            times: Times::new(now),
            state: JobStateName::Active,
            disable_tasks: DisableTasks::Wait,
            reason: None,
            end_time: None,
            force_deadline: None,
            pool: match &settings.pool {
                PoolInfo::Named(pool) => Some(pool.clone()),
                PoolInfo::Auto(_) => None,
            },
            pool_failure: None,
            tasks: BTreeMap::new(),
            added: 0,
            manager_deleted: false,
            visits: BTreeMap::new(),
        };
        self.jobs.insert(id.clone(), job);
        if let Some(manager) = &template.manager {
            let (line, specification) = (manager.command_line.clone(), manager.specification.clone());
            self.begin_task(id, &manager.id, (line, specification, manager.constraints), now);
        }
        self.share_pool(id);
    }

    pub(super) fn terminate_job(&mut self, id: &JobId, command: &TerminateJob, now: Timestamp) -> Answer {
        let job = self.named(id)?;
        // F2: force on a job that is terminating without force.
        let adds_force =
            job.state == JobStateName::Terminating && job.force_deadline.is_none() && command.force.is_some();
        if !adds_force {
            table(Row::Change, job.state)?;
        }
        check_condition(&command.preconditions, job.times.modified)?;
        if adds_force {
            job.times.modify(now); // F2: its ETag moves, its state and reason do not.
            job.force_deadline = command.force.map(|span| now.saturating_add(span));
            return Ok(());
        }
        self.begin_termination(id, &command.reason, command.force, now);
        Ok(())
    }

    /// E1: terminating at once, with its reason.
    pub(super) fn begin_termination(
        &mut self,
        id: &JobId,
        reason: &TerminateReason,
        force: Option<TimeSpan>,
        now: Timestamp,
    ) {
        let job = self.jobs.get_mut(id).unwrap();
        let at = match reason {
            TerminateReason::Schedule => job.times.next(now), // T2: its ETag stays.
            _ => job.times.modify(now),
        };
        job.enter(JobStateName::Terminating, at);
        job.reason = Some(match reason {
            TerminateReason::User(Some(text)) if text.is_empty() => TerminateReason::User(None), // E1
            reason => reason.clone(),
        });
        job.force_deadline = force.map(|span| now.saturating_add(span)); // F1
        self.wind_down(id);
    }

    pub(super) fn delete_job(&mut self, id: &JobId, command: &DeleteJob, now: Timestamp) -> Answer {
        let job = self.named(id)?;
        table(Row::Delete, job.state)?;
        check_condition(&command.preconditions, job.times.modified)?;
        self.begin_deletion(id, command.force, now);
        Ok(())
    }

    /// G2: deleting at once; T3: only stateTransitionTime moves.
    pub(super) fn begin_deletion(&mut self, id: &JobId, force: Option<TimeSpan>, now: Timestamp) {
        let job = self.jobs.get_mut(id).unwrap();
        let at = job.times.next(now);
        job.enter(JobStateName::Deleting, at);
        let asked = force.map(|span| now.saturating_add(span));
        job.force_deadline = job.force_deadline.into_iter().chain(asked).min(); // F1
        self.wind_down(id);
    }

    /// E3, E5: preparations are told to stop, and where nothing is left the release runs. That tasks are told to stop
    /// (E2) follows from the job's state.
    fn wind_down(&mut self, id: &JobId) {
        for visit in self.jobs.get_mut(id).unwrap().visits.values_mut() {
            if let Some(run) = visit.preparation.as_mut().filter(|run| run.end.is_none()) {
                run.stopping = true;
            }
        }
        self.release(id);
    }

    /// E5: on each node where the job's tasks have ended, if one ran there and the preparation ran to completion
    /// there. E7: once. N3: not on one that is gone.
    pub(super) fn release(&mut self, id: &JobId) {
        let job = &self.jobs[id];
        if !job.is_ending() || job.end_time.is_some() || job.template.release.is_none() {
            return;
        }
        let due = job.visits.iter().filter(|(node, visit)| {
            visit.ran
                && visit.prepared
                && visit.release.is_none()
                && !job.is_outstanding(node)
                && self.contact(node) != azbatch::node::Contact::Gone
        });
        let due: Vec<_> = due.map(|(node, _)| node.clone()).collect();
        for node in due {
            self.jobs.get_mut(id).unwrap().visits.get_mut(&node).unwrap().release = Some(Run::new(0));
        }
    }

    pub(super) fn disable_job(&mut self, id: &JobId, command: &DisableJob, now: Timestamp) -> Answer {
        let job = self.named(id)?;
        table(Row::Switch, job.state)?;
        check_condition(&command.preconditions, job.times.modified)?;
        if job.state == JobStateName::Disabled {
            job.times.modify(now); // T2, R-disable-disabled: only its ETag moves.
        } else {
            self.begin_disabling(id, command.disable_tasks, now);
        }
        Ok(())
    }

    /// G1: disabling at once; its tasks on nodes are requeued, terminated or waited for. G3: the newest
    /// option counts.
    pub(super) fn begin_disabling(&mut self, id: &JobId, disable_tasks: DisableTasks, now: Timestamp) {
        let job = self.jobs.get_mut(id).unwrap();
        let at = job.times.modify(now);
        if job.state != JobStateName::Disabling {
            job.enter(JobStateName::Disabling, at);
        }
        job.disable_tasks = disable_tasks;
        for stay in job.tasks.values_mut().filter_map(|task| task.on.as_mut()) {
            match disable_tasks {
                DisableTasks::Requeue => stay.tell_to_stop(TaskStop::Requeue),
                DisableTasks::Terminate => stay.tell_to_stop(TaskStop::Terminate),
                DisableTasks::Wait => {}
            }
        }
        forget_requests_to_disable(job);
    }

    pub(super) fn enable_job(&mut self, id: &JobId, command: &EnableJob, now: Timestamp) -> Answer {
        let job = self.named(id)?;
        table(Row::Switch, job.state)?;
        check_condition(&command.preconditions, job.times.modified)?;
        if job.state == JobStateName::Active {
            return Ok(()); // R-enable-active: nothing moves.
        }
        let at = job.times.modify(now);
        job.enter(JobStateName::Active, at);
        forget_requests_to_disable(job);
        Ok(())
    }

    pub(super) fn update_job(&mut self, id: &JobId, command: &UpdateJob, now: Timestamp) -> Answer {
        let job = self.named(id)?;
        table(Row::Change, job.state)?;
        let new = changed(&job.settings, &command.change);
        refuse_if(!may_have_pool(job, &new.pool), ErrorCode::OperationInvalidForCurrentState)?; // X8
        let takes_back = job.settings.on_all_tasks_complete == OnAllTasksComplete::TerminateJob
            && new.on_all_tasks_complete == OnAllTasksComplete::NoAction;
        refuse_if(takes_back, ErrorCode::InvalidPropertyValue)?; // X7
        check_condition(&command.preconditions, job.times.modified)?;
        if let PoolInfo::Named(pool) = &new.pool {
            job.pool = Some(pool.clone());
            job.pool_failure = None; // X9: it asks for none any more.
        }
        job.settings = Arc::new(new);
        job.times.modify(now);
        self.keep_pool(id);
        Ok(())
    }
}

impl Run {
    pub(super) fn new(retry_count: u32) -> Self {
        Self { number: 0, retry_count, stopping: false, start: None, end: None }
    }
}

/// X7: what a failed task asked for is done, or overruled by a user.
fn forget_requests_to_disable(job: &mut Job) {
    for task in job.tasks.values_mut() {
        task.asks.take_if(|action| *action == azbatch::task::JobAction::Disable);
    }
}

/// PUT replaces everything but what its body cannot express (B13), PATCH what is given.
fn changed(old: &JobSettings, change: &JobChange) -> JobSettings {
    let patch = match change {
        JobChange::Replace(new) => {
            let network = new.network_configuration.clone().or(old.network_configuration.clone());
            return JobSettings { network_configuration: network, ..new.clone() };
        }
        JobChange::Patch(patch) => patch.clone(),
    };
    let mut other = old.other.clone();
    other.extend(patch.other);
    JobSettings {
        pool: patch.pool.unwrap_or(old.pool.clone()),
        priority: patch.priority.unwrap_or(old.priority),
        max_parallel_tasks: patch.max_parallel_tasks.unwrap_or(old.max_parallel_tasks),
        allow_task_preemption: patch.allow_task_preemption.unwrap_or(old.allow_task_preemption),
        constraints: patch.constraints.unwrap_or(old.constraints),
        on_all_tasks_complete: patch.on_all_tasks_complete.unwrap_or(old.on_all_tasks_complete),
        network_configuration: patch.network_configuration.or(old.network_configuration.clone()),
        other,
    }
}

/// X8: the same pool always; another one while the job is disabled; of an auto pool of the job's own, whether it is
/// kept.
fn may_have_pool(job: &Job, new: &PoolInfo) -> bool {
    let is_disabled = job.state == JobStateName::Disabled;
    match (&job.settings.pool, new) {
        (PoolInfo::Named(old), PoolInfo::Named(new)) => old == new || is_disabled,
        (PoolInfo::Auto(_), PoolInfo::Named(_)) => is_disabled,
        (PoolInfo::Named(_), PoolInfo::Auto(_)) => false,
        (PoolInfo::Auto(old), PoolInfo::Auto(new)) => {
            let mut kept = (**new).clone();
            kept.keep_alive = old.keep_alive;
            old == new || (is_disabled && kept == **old && old.lifetime == PoolLifetime::Job)
        }
    }
}

/// 400: what a body alone is refused for.
pub(super) fn check_template(template: &JobTemplate) -> Answer {
    if let Some(release) = &template.release {
        refuse_if(template.preparation.is_none(), ErrorCode::InvalidPropertyValue)?;
        let limit = TimeSpan::from_secs(15 * 60); // E6
        refuse_if(release.max_wall_clock_time > limit, ErrorCode::InvalidPropertyValue)?;
    }
    match &template.manager {
        Some(manager) => check_specification(template, &manager.specification),
        None => Ok(()),
    }
}

/// 409, B9: three tasks with three ids.
pub(super) fn check_ids(template: &JobTemplate) -> Answer {
    let preparation = template.preparation.as_ref().map(|task| &task.id);
    let release = template.release.as_ref().map(|task| &task.id);
    let manager = template.manager.as_ref().map(|task| &task.id);
    let same = |a: Option<&azbatch::TaskId>, b: Option<&azbatch::TaskId>| a.is_some() && a == b;
    let is_preparation = same(preparation, release) || same(preparation, manager);
    refuse_if(is_preparation, ErrorCode::TaskIdSameAsJobPreparationTask)?;
    refuse_if(same(release, manager), ErrorCode::TaskIdSameAsJobReleaseTask)
}

/// 400: a task that relies on what its job does not do.
pub(super) fn check_specification(job: &JobTemplate, task: &TaskSpecification) -> Answer {
    refuse_if(task.required_slots == 0, ErrorCode::InvalidPropertyValue)?; // B5
    let depends = task.depends_on.as_ref().is_some_and(|on| !on.task_ids.is_empty() || !on.ranges.is_empty());
    refuse_if(depends && !job.uses_task_dependencies, ErrorCode::UnsupportedProperty)?; // K9
    let asks = task.exit_conditions.as_ref().is_some_and(|conditions| {
        let ranges = conditions.exit_codes.iter().chain(&conditions.exit_code_ranges);
        let mut options = ranges
            .map(|range| range.options)
            .chain(conditions.pre_processing_error)
            .chain(conditions.file_upload_error)
            .chain(conditions.default);
        options.any(|options| options.job_action.is_some())
    });
    refuse_if(asks && job.on_task_failure == OnTaskFailure::NoAction, ErrorCode::InvalidPropertyValue) // X7
}
