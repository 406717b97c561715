//! Requests about tasks, and how a task ends. In each request: 404, then the job's 409, then the task's, then 400 by
//! what is stored, then 412 (S5).

use std::sync::Arc;

use azbatch::{
    ErrorCode, JobId, TaskId, Timestamp,
    job::{Ended, JobStateName, OnTaskFailure},
    task::{
        AddTask, DeleteTask, DependencyAction, ExitOptions, JobAction, NodeError, NodeFailure,
        ReactivateTask, RequestedConstraints, RetryLimit, TaskConstraints, TaskSpecification, TaskStateName,
        TaskStop, TerminateTask, UpdateTask,
    },
};

use super::{
    Answer, Refusal,
    jobs::{Row, check_condition, check_specification, table},
    model::{End, Failure, Job, Oracle, Stay, Task, Times},
    refuse_if, refused,
};

impl Oracle {
    pub(super) fn task(&mut self, job: &JobId, task: &TaskId) -> &mut Task {
        self.jobs.get_mut(job).unwrap().tasks.get_mut(task).unwrap()
    }

    /// 404, then what the job's state says.
    fn named_task(&mut self, row: Row, job: &JobId, task: &TaskId) -> Result<&mut Task, Refusal> {
        let job = self.named(job)?;
        let state = job.state;
        let task = job.tasks.get_mut(task).ok_or(Refusal::Code(ErrorCode::TaskNotFound))?;
        table(row, state)?;
        Ok(task)
    }

    pub(super) fn add_task(&mut self, job: &JobId, command: &AddTask, now: Timestamp) -> Answer {
        refuse_if(command.specification.required_slots == 0, ErrorCode::InvalidPropertyValue)?; // B5
        let found = self.named(job)?;
        table(Row::Change, found.state)?;
        let is_id_of = |own: Option<&TaskId>| own == Some(&command.id);
        let template = &found.template; // B9
        let is_preparation = is_id_of(template.preparation.as_ref().map(|task| &task.id));
        refuse_if(is_preparation, ErrorCode::TaskIdSameAsJobPreparationTask)?;
        let is_release = is_id_of(template.release.as_ref().map(|task| &task.id));
        refuse_if(is_release, ErrorCode::TaskIdSameAsJobReleaseTask)?;
        refuse_if(found.tasks.contains_key(&command.id), ErrorCode::TaskExists)?;
        check_specification(template, &command.specification)?;
        let constraints = in_force(found, command.constraints);
        let (line, specification) = (command.command_line.clone(), command.specification.clone());
        self.begin_task(job, &command.id, (line, specification, constraints), now);
        Ok(())
    }

    /// T6: all times of a new task are one instant.
    pub(super) fn begin_task(
        &mut self,
        job: &JobId,
        id: &TaskId,
        (command_line, specification, constraints): (
            Option<Arc<str>>,
            Arc<TaskSpecification>,
            TaskConstraints,
        ),
        now: Timestamp,
    ) {
        let job = self.jobs.get_mut(job).unwrap();
        let task = Task {
            id: id.clone(),
            command_line,
            specification,
            constraints,
            sequence: job.added,
            times: Times::new(now),
            state: TaskStateName::Active,
            on: None,
            start: None,
            end: None,
            asks: None,
            retry_count: 0,
            last_retry: None,
            requeue_count: 0,
            last_requeue: None,
        };
        job.added += 1;
        job.tasks.insert(id.clone(), task);
    }

    pub(super) fn update_task(
        &mut self,
        job: &JobId,
        id: &TaskId,
        command: &UpdateTask,
        now: Timestamp,
    ) -> Answer {
        let task = self.named_task(Row::Change, job, id)?;
        check_condition(&command.preconditions, task.times.modified)?;
        task.times.modify(now); // T8
        let constraints = in_force(&self.jobs[job], command.constraints);
        self.task(job, id).constraints = constraints;
        Ok(())
    }

    pub(super) fn terminate_task(
        &mut self,
        job: &JobId,
        id: &TaskId,
        command: &TerminateTask,
        now: Timestamp,
    ) -> Answer {
        let task = self.named_task(Row::Change, job, id)?;
        refuse_if(task.state == TaskStateName::Completed, ErrorCode::TaskCompleted)?; // K7
        check_condition(&command.preconditions, task.times.modified)?;
        let at = task.times.modify(now); // T8
        match &mut task.on {
            // K6: told to stop, completed when the node answers, also if its time was over before.
            Some(stay) if stay.stop == Some(TaskStop::WallClockTime) => stay.stop = Some(TaskStop::Terminate),
            Some(stay) => stay.tell_to_stop(TaskStop::Terminate),
            // K6: at once.
            None => self.complete(job, id, Some(ended_by_user()), None, at),
        }
        Ok(())
    }

    /// K8: active again, without what its end has left, and with its retries counted from zero.
    pub(super) fn reactivate_task(
        &mut self,
        job: &JobId,
        id: &TaskId,
        command: &ReactivateTask,
        now: Timestamp,
    ) -> Answer {
        let task = self.named_task(Row::Change, job, id)?;
        let Some(end) = &task.end else { return refused(ErrorCode::TaskNotCompleted) };
        refuse_if(end.failure.is_none(), ErrorCode::TaskSucceeded)?;
        check_condition(&command.preconditions, task.times.modified)?;
        let at = task.times.modify(now); // T8
        task.enter(TaskStateName::Active, at);
        task.end = None;
        task.asks = None; // X7: what it asked for lapses.
        (task.retry_count, task.last_retry) = (0, None);
        Ok(())
    }

    pub(super) fn delete_task(
        &mut self,
        job: &JobId,
        id: &TaskId,
        command: &DeleteTask,
        now: Timestamp,
    ) -> Answer {
        let task = self.named_task(Row::DeleteTask, job, id)?;
        check_condition(&command.preconditions, task.times.modified)?;
        match &mut task.on {
            Some(stay) => stay.tell_to_stop(TaskStop::Delete), // K7: it waits for the node.
            None => self.remove_task(job, id, now),
        }
        Ok(())
    }

    pub(super) fn remove_task(&mut self, job: &JobId, id: &TaskId, now: Timestamp) {
        let found = self.jobs.get_mut(job).unwrap();
        let task = found.tasks.remove(id).unwrap();
        let is_manager = found.template.manager.as_ref().is_some_and(|manager| manager.id == *id);
        found.manager_deleted |= is_manager; // X2
        if let Some(stay) = task.on {
            self.show(&stay.node, task.times.next(now));
        }
    }

    /// The task is completed: successfully, or with a failure.
    pub(super) fn complete(
        &mut self,
        job: &JobId,
        id: &TaskId,
        failure: Option<Failure>,
        exit_code: Option<i32>,
        at: Timestamp,
    ) {
        let job = self.jobs.get_mut(job).unwrap();
        let acts = job.template.on_task_failure == OnTaskFailure::PerformExitOptionsJobAction;
        let task = job.tasks.get_mut(id).unwrap();
        let stay = task.on.take();
        // K10: without a reported start it started when it was assigned. One that was preparing did not start.
        let assigned = task.times.entered;
        let started = (task.state == TaskStateName::Running).then(|| task.start.take().unwrap_or(assigned));
        let node = stay.as_ref().map(|stay| stay.node.clone());
        task.enter(TaskStateName::Completed, at);
        let end = End { at, exit_code, failure, node, start: started };
        task.asks = if acts { job_action(task, &end) } else { None };
        task.end = Some(end);
        let kept_until = at.saturating_add(task.constraints.retention_time);
        if let Some(stay) = stay {
            if let Some(node) = self.nodes.get_mut(&stay.node) {
                node.retained_until = node.retained_until.max(kept_until); // N9
            }
            self.show(&stay.node, at);
        }
    }

    /// N6: the task is active again; the requeue counts if a user caused it.
    pub(super) fn requeue(&mut self, job: &JobId, id: &TaskId, counts: bool, at: Timestamp) {
        let task = self.task(job, id);
        if counts {
            task.requeue_count += 1;
            task.last_requeue = Some(at);
        }
        self.back_to_queue(job, id, at);
    }

    fn back_to_queue(&mut self, job: &JobId, id: &TaskId, at: Timestamp) {
        let task = self.task(job, id);
        let stay = task.on.take();
        task.start = None;
        task.enter(TaskStateName::Active, at);
        if let Some(stay) = stay {
            self.show(&stay.node, at);
        }
    }

    /// A task is no longer on its node, and did not end by itself. If it was deleted it is gone (K7); if its job is
    /// ending it is ended (E2, N1); else what it was told decides (G3, K5, K6), and without that it is requeued (N6).
    pub(super) fn leave(
        &mut self,
        job: &JobId,
        id: &TaskId,
        exit_code: Option<i32>,
        counts: bool,
        now: Timestamp,
    ) {
        let is_ending = self.jobs[job].is_ending();
        let task = self.task(job, id);
        let at = task.times.next(now);
        match task.on.as_ref().unwrap().stop {
            Some(TaskStop::Delete) => self.remove_task(job, id, now),
            _ if is_ending => self.complete(job, id, Some(ended_by_user()), exit_code, at),
            Some(TaskStop::Terminate) => self.complete(job, id, Some(ended_by_user()), exit_code, at),
            Some(TaskStop::WallClockTime) => self.complete(job, id, Some(out_of_time()), exit_code, at),
            Some(TaskStop::Requeue) => self.requeue(job, id, true, at),
            None => self.requeue(job, id, counts, at),
        }
    }

    /// A running task that nobody told to stop has ended by itself.
    pub(super) fn ends_by_itself(&mut self, job: &JobId, id: &TaskId, ended: &Ended, now: Timestamp) {
        let task = self.task(job, id);
        let at = task.times.next(now);
        if let Some(failure) = &ended.failure {
            return self.complete(job, id, Some(around(failure)), ended.exit_code, at); // K5
        }
        if ended.exit_code == Some(0) {
            return self.complete(job, id, None, ended.exit_code, at); // K3
        }
        let retries_left = match task.constraints.max_task_retry_count {
            RetryLimit::Times(times) => task.retry_count < times,
            RetryLimit::Unlimited => true,
        };
        if retries_left {
            task.retry_count += 1; // K4
            task.last_retry = Some(at);
            self.back_to_queue(job, id, at);
        } else {
            self.complete(job, id, Some(by_exit_code()), ended.exit_code, at); // K4, K11
        }
    }
}

impl Stay {
    /// G3: a task that was told to stop is handled as it was told, but one that is to be requeued can still be
    /// terminated. K7: any can be deleted.
    pub(super) fn tell_to_stop(&mut self, stop: TaskStop) {
        let is_told = match (self.stop, stop) {
            (_, TaskStop::Delete) | (None, _) => true,
            (Some(TaskStop::Requeue), TaskStop::Terminate) => true,
            (Some(_), TaskStop::Requeue | TaskStop::Terminate | TaskStop::WallClockTime) => false,
        };
        if is_told {
            self.stop = Some(stop);
        }
    }
}

impl Task {
    pub(super) fn enter(&mut self, state: TaskStateName, at: Timestamp) {
        self.times.enter(at, Some(self.state));
        self.state = state;
    }

    /// K9: as the exit options say, else by success.
    pub(super) fn satisfies(&self) -> bool {
        let Some(end) = &self.end else { return false };
        match exit_options(self, end).dependency_action {
            Some(DependencyAction::Satisfy) => true,
            Some(DependencyAction::Block) => false,
            None => end.failure.is_none(),
        }
    }
}

impl Job {
    /// K9: every task that is named, and every task of every number in a range.
    pub(super) fn are_dependencies_met(&self, task: &Task) -> bool {
        let Some(on) = &task.specification.depends_on else { return true };
        let by_id = |id: &TaskId| self.tasks.get(id).is_some_and(Task::satisfies);
        let numbered = |number: u32| {
            let has_number = |task: &&Task| task.id.as_str().parse() == Ok(number);
            let mut tasks = self.tasks.values().filter(has_number).peekable();
            tasks.peek().is_some() && tasks.all(Task::satisfies)
        };
        on.task_ids.iter().all(by_id) && on.ranges.iter().all(|range| (range.start..=range.end).all(numbered))
    }
}

/// The constraints that a request gives, else the defaults: of retries, the job's.
fn in_force(job: &Job, asked: RequestedConstraints) -> TaskConstraints {
    let of_job = job.settings.constraints.max_task_retry_count;
    TaskConstraints {
        max_wall_clock_time: asked.max_wall_clock_time,
        retention_time: asked.retention_time,
        max_task_retry_count: asked.max_task_retry_count.unwrap_or(of_job),
    }
}

/// X3, X7: terminate by default, but nothing for the exit code 0; a success asks for nothing.
fn job_action(task: &Task, end: &End) -> Option<JobAction> {
    end.failure.as_ref()?;
    let default = if end.exit_code == Some(0) { JobAction::None } else { JobAction::Terminate };
    Some(exit_options(task, end).job_action.unwrap_or(default))
}

/// K9: what an exit code leads to comes before what an upload error leads to. The default is for failures that
/// nothing else is for, so never for the exit code 0 alone.
fn exit_options(task: &Task, end: &End) -> ExitOptions {
    let Some(conditions) = &task.specification.exit_conditions else { return ExitOptions::default() };
    let mut ranges = conditions.exit_codes.iter().chain(&conditions.exit_code_ranges);
    let is_in = |range: &&azbatch::task::ExitCodeRange| {
        end.exit_code.is_some_and(|code| (range.start..=range.end).contains(&code))
    };
    let by_code = ranges.find(is_in).map(|range| range.options);
    let default = if end.failure.is_some() { conditions.default } else { None };
    let found = match end.failure.as_ref().and_then(|failure| failure.around.as_ref()) {
        Some(NodeFailure::PreProcessing(_)) => conditions.pre_processing_error.or(by_code),
        Some(NodeFailure::FileUpload(_)) => by_code.or(conditions.file_upload_error),
        None => by_code,
    };
    found.or(default).unwrap_or_default()
}

/// E2, K6
pub(super) fn ended_by_user() -> Failure {
    failure("UserError", "TaskEnded", "Task Was Ended by User Request")
}

/// K5
fn out_of_time() -> Failure {
    failure("ServerError", "TaskEnded", "Task Was Ended because it exceeded its maximum wall clock time")
}

/// K4
fn by_exit_code() -> Failure {
    failure("UserError", "FailureExitCode", "The task exited with an exit code representing a failure")
}

/// K5
fn around(around: &NodeFailure) -> Failure {
    let (NodeFailure::PreProcessing(error) | NodeFailure::FileUpload(error)) = around;
    let NodeError { code, message } = error;
    Failure { around: Some(around.clone()), ..failure("UserError", code, message) }
}

fn failure(category: &'static str, code: &str, message: &str) -> Failure {
    Failure { category, code: code.into(), message: message.into(), around: None }
}

/// X4: whether all tasks of a job are completed, also if there are none.
pub(super) fn are_all_completed(job: &Job) -> bool {
    job.tasks.values().all(|task| task.state == TaskStateName::Completed)
}

/// Whether no task of a job is assigned any more, or not now (E10, G1).
pub(super) fn assigns(job: &Job) -> bool {
    job.state == JobStateName::Active
}
