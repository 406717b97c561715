//! The one way out: every termination and the deletion wind a job's nodes down here.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    BatchError, Clock, Preconditions, TimeSpan, Timestamp,
    id::{JobId, NodeId},
    job::{
        Contact, Effect, Job, JobNode, JobRequest, JobState, NodeRunState, TerminateReason, reports::Leaving,
    },
    task::{Completion, StopCause, Task, TaskFailure, TaskState},
};

/// How long nodes are waited for after a forced request unless the host says otherwise (F1).
pub const DEFAULT_FORCE_WAIT: TimeSpan = TimeSpan::from_secs(60);

/// How long after the request a terminating job shows that it waits for nodes (E9).
const SCHEDULING_ERROR_AFTER: TimeSpan = TimeSpan::from_secs(1);

/// End a job: `Job - Terminate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminate {
    /// Why. A user gives words or none; the other reasons are for the service's own terminations
    /// and for a host that runs job schedules.
    pub reason: TerminateReason,
    /// `Some` forces the end: nodes are waited for that long and no longer (F1);
    /// [`DEFAULT_FORCE_WAIT`] unless the host knows better.
    pub force: Option<TimeSpan>,
    /// What the client demanded of the job's state.
    pub preconditions: Preconditions,
}

impl Terminate {
    /// A user's wish, without words, force or conditions.
    pub fn by_user() -> Self {
        Self::because(TerminateReason::User(None))
    }

    /// An end for this reason, without force or conditions.
    pub fn because(reason: TerminateReason) -> Self {
        Self { reason, force: None, preconditions: Preconditions::None }
    }
}

/// Delete a job: `Job - Delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delete {
    /// As [`Terminate::force`].
    pub force: Option<TimeSpan>,
    /// What the client demanded of the job's state.
    pub preconditions: Preconditions,
}

impl Job {
    /// Ends the job (section 4): `terminating` at once; running tasks are told to stop; once the
    /// nodes have answered and the release tasks have run, a [`tick`](Self::tick) completes it.
    ///
    /// # Errors
    /// `JobBeingTerminated`, `JobCompleted`, `JobBeingDeleted` by state, then `ConditionNotMet`.
    pub fn terminate(&mut self, command: &Terminate, clock: &impl Clock) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        self.allows(JobRequest::Terminate { force: command.force.is_some() })?;
        command.preconditions.check_write(self.last_modified)?;
        // Nothing below can fail.

        let mut effects = Vec::new();
        match &self.state {
            JobState::Terminating { .. } => self.force_termination(&mut effects, command.force, now),
            JobState::Active
            | JobState::Disabling(_)
            | JobState::Disabled
            | JobState::Enabling
            | JobState::Completed { .. }
            | JobState::Deleting { .. } => {
                self.begin_termination(&mut effects, &command.reason, command.force, now);
            }
        }
        Ok(effects)
    }

    /// Deletes the job (G2): `deleting` at once, gone at a later [`tick`](Self::tick).
    ///
    /// # Errors
    /// `JobBeingDeleted` by state, then `ConditionNotMet`.
    pub fn delete(&mut self, command: &Delete, clock: &impl Clock) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        self.allows(JobRequest::Delete)?;
        command.preconditions.check_write(self.last_modified)?;
        // Nothing below can fail.

        let mut effects = Vec::new();
        let at = self.stamp(now); // T3: DELETE does not move the ETag.
        let give_up_at = match &self.state {
            JobState::Terminating { give_up_at, .. } => *give_up_at,
            JobState::Active
            | JobState::Disabling(_)
            | JobState::Disabled
            | JobState::Enabling
            | JobState::Completed { .. }
            | JobState::Deleting { .. } => None,
        };
        let forced = command.force.map(|wait| now.saturating_add(wait)); // F1
        let give_up_at = [give_up_at, forced].into_iter().flatten().min();
        let was_ending = self.state.is_ending();
        let had_ended = matches!(self.state, JobState::Completed { .. });
        self.emit(&mut effects, Effect::JobDeleting { job: self.id().clone(), at, give_up_at });
        if !was_ending && !had_ended {
            self.wind_down(&mut effects);
        }
        Ok(effects)
    }

    /// E1, E2, E3, E5. The service's own terminations come here too (X6).
    pub(super) fn begin_termination(
        &mut self,
        effects: &mut Vec<Effect>,
        reason: &TerminateReason,
        force: Option<TimeSpan>,
        now: Timestamp,
    ) {
        let by_schedule = matches!(reason, TerminateReason::Schedule); // T2
        let at = if by_schedule { self.stamp(now) } else { self.stamp_modified(now) };
        let reason = match reason {
            // E1: an empty text counts as none.
            TerminateReason::User(Some(text)) if text.is_empty() => TerminateReason::User(None),
            TerminateReason::User(_)
            | TerminateReason::MaxWallClockTimeExpiry
            | TerminateReason::JobManagerComplete
            | TerminateReason::TaskFailed
            | TerminateReason::AllTasksComplete
            | TerminateReason::Schedule => reason.clone(),
        };
        let terminating = Effect::JobTerminating {
            job: self.id().clone(),
            reason,
            at,
            modified: (!by_schedule).then_some(at),
            give_up_at: force.map(|wait| now.saturating_add(wait)), // F1
        };
        self.emit(effects, terminating); // E11
        self.wind_down(effects);
    }

    /// F2: force comes over an unforced termination; the table lets nothing else come here.
    fn force_termination(&mut self, effects: &mut Vec<Effect>, force: Option<TimeSpan>, now: Timestamp) {
        if let Some(wait) = force {
            let (job, at, give_up_at) =
                (self.id().clone(), self.stamp_modified(now), now.saturating_add(wait));
            self.emit(effects, Effect::JobTerminationForced { job, at, give_up_at });
        }
    }

    /// Tells every node what the job's ending asks of it. Walks the nodes, never the active tasks,
    /// which stay as they are (E4, I2).
    fn wind_down(&mut self, effects: &mut Vec<Effect>) {
        let first = effects.len();
        for (id, node) in &self.nodes {
            self.wind_down_node(id, node, effects);
        }
        for effect in effects.get(first..).unwrap_or_default() {
            self.apply(effect);
        }
    }

    fn wind_down_node(&self, id: &NodeId, node: &JobNode, effects: &mut Vec<Effect>) {
        let job = || self.id().clone();
        if node.preparing() {
            effects.push(Effect::StopPreparation { job: job(), node: id.clone() }); // E3
        } else if node.tasks.is_empty() {
            effects.extend(self.release_due(id, node)); // E5
        } else {
            effects.extend(node.tasks.iter().map(|task| {
                let cause = StopCause::JobEnding; // E2
                Effect::StopTask { job: job(), task: task.clone(), node: id.clone(), cause }
            }));
        }
    }

    /// Runs the release task on a node of an ending job that the job's tasks have just left (E5).
    pub(super) fn release_if_due(&mut self, effects: &mut Vec<Effect>, node: &NodeId) {
        if !self.state.is_ending() {
            return;
        }
        let due = self.nodes.get(node).and_then(|record| self.release_due(node, record));
        if let Some(effect) = due {
            self.emit(effects, effect);
        }
    }

    /// E5, E7, N2, N3: the job has a release task, a task of it ran on the node, the preparation ran
    /// to completion there, nothing of the job is left there, and the release has not run yet.
    fn release_due(&self, id: &NodeId, node: &JobNode) -> Option<Effect> {
        let due = self.specification.release.is_some()
            && self.end_time().is_none() // G2: not for a job that had completed before its deletion.
            && node.release.is_none()
            && node.ran_tasks
            && node.prepared
            && node.contact != Contact::Gone
            && node.tasks.is_empty()
            && !node.preparing();
        let run = node.runs.saturating_add(1);
        due.then(|| Effect::RunRelease { job: self.id().clone(), node: id.clone(), run })
    }

    /// When an ending job gives up, if it is forced.
    fn give_up_at(&self) -> Option<Timestamp> {
        match &self.state {
            JobState::Terminating { give_up_at, .. } | JobState::Deleting { give_up_at, .. } => *give_up_at,
            JobState::Active
            | JobState::Disabling(_)
            | JobState::Disabled
            | JobState::Enabling
            | JobState::Completed { .. } => None,
        }
    }

    /// How many nodes an ending job waits for.
    pub fn nodes_awaited(&self) -> usize {
        let forced = self.give_up_at().is_some();
        let holding = self.nodes.values().filter(|node| holds_ending(node, forced));
        if self.state.is_ending() { holding.count() } else { 0 }
    }

    /// Whether an ending job waits no longer: no node holds it, or the time of force is over (F1).
    pub(super) fn may_end(&self, now: Timestamp) -> bool {
        self.give_up_at().is_some_and(|give_up_at| give_up_at <= now) || self.nodes_awaited() == 0
    }

    /// What `executionInfo.schedulingError` tells at this time: the number of nodes that a
    /// terminating job waits for, from a second after its termination on (E9).
    pub fn nodes_awaiting_processing(&self, now: Timestamp) -> Option<usize> {
        let terminating = matches!(self.state, JobState::Terminating { .. });
        let since = self.state_transition_time.checked_add(SCHEDULING_ERROR_AFTER)?;
        let awaited = if terminating && since <= now { self.nodes_awaited() } else { 0 };
        (awaited > 0).then_some(awaited)
    }

    /// Gives up what is still outstanding: nothing, unless the end was forced (F1).
    pub(super) fn give_up(&mut self, effects: &mut Vec<Effect>, now: Timestamp) {
        let outstanding = self.nodes.iter().filter(|(_, node)| node.is_outstanding());
        let outstanding: Vec<NodeId> = outstanding.map(|(id, _)| id.clone()).collect();
        for node in outstanding {
            self.clear_node(effects, &node, &Leaving::Taken { counted: false }, now);
            if self.nodes.get(&node).is_some_and(JobNode::releasing) {
                self.end_release(effects, &node, None, false, now);
            }
        }
    }

    /// E6: release tasks whose time is over are over, as failed.
    pub(super) fn expire_releases(&mut self, effects: &mut Vec<Effect>, now: Timestamp) {
        let expired =
            self.nodes.iter().filter(|(_, node)| self.release_deadline(node).is_some_and(|at| at <= now));
        let expired: Vec<NodeId> = expired.map(|(id, _)| id.clone()).collect();
        for node in expired {
            self.end_release(effects, &node, None, false, now);
            let stop = Effect::StopRelease { job: self.id().clone(), node };
            self.emit(effects, stop);
        }
    }

    /// When a running release task has had its time (E6).
    pub(super) fn release_deadline(&self, node: &JobNode) -> Option<Timestamp> {
        let limit = self.specification.release.as_ref()?.max_wall_clock_time;
        match node.release?.state {
            NodeRunState::Running { start_time } => start_time.checked_add(limit),
            NodeRunState::Ordered | NodeRunState::Completed { .. } => None,
        }
    }
}

/// A task completed by a user's doing or its job's ending (E2, E3, K6).
pub(super) fn ended_by_user(job: &JobId, task: &Task, exit_code: Option<i32>, at: Timestamp) -> Effect {
    completion(job, task, exit_code, Some(TaskFailure::EndedByUser), at)
}

/// A task completed in whichever way.
pub(super) fn completion(
    job: &JobId,
    task: &Task,
    exit_code: Option<i32>,
    failure: Option<TaskFailure>,
    end_time: Timestamp,
) -> Effect {
    let start_time = match &task.state {
        // K10: a node that never said when it started the task did so when it was given it.
        TaskState::Running { start_time, .. } => Some(start_time.unwrap_or(task.state_transition_time)),
        TaskState::Active | TaskState::Preparing { .. } | TaskState::Completed(_) => None,
    };
    let placement = task.placement().cloned();
    let completion = Box::new(Completion { start_time, end_time, exit_code, failure, placement });
    Effect::TaskCompleted { job: job.clone(), task: task.id().clone(), completion }
}

/// Whether an ending waits for this node: a forced one never does for a node that cannot answer.
pub(super) fn holds_ending(node: &JobNode, forced: bool) -> bool {
    let reachable = match node.contact {
        Contact::Answering => true,
        Contact::Lost => !forced, // N4, F1
        Contact::Gone => false,   // N3
    };
    reachable && node.is_outstanding()
}
