//! How a job ends: every termination and the deletion wind down its nodes here.

use alloc::vec::Vec;

use crate::{
    BatchError, Clock, TimeSpan, Timestamp,
    id::NodeId,
    job::{
        command::{DeleteJob, TerminateJob},
        effect::{Effect, StopCause},
        fact::{JobFact, JobNodeFact},
        record::{JobNode, RunOutcome},
        resource::Job,
        run::Unit,
        state::{Ending, EndingKind, TerminateReason},
        table::{Alive, DeletePermit, TerminatePermit},
    },
    node::Contact,
};

/// How long after the request a terminating job shows that it waits for nodes (E9).
const SCHEDULING_ERROR_DELAY: TimeSpan = TimeSpan::from_secs(1);

impl Job {
    /// Terminates the job. It is `terminating` at once and its running tasks are told to stop. Once its
    /// nodes have reported and the release tasks have run, a [`tick`](Self::tick) completes it.
    ///
    /// # Errors
    /// `JobBeingTerminated`, `JobCompleted`, `JobBeingDeleted` by state, then `ConditionNotMet`.
    pub fn terminate(
        &mut self,
        command: &TerminateJob,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let permit = self.state.permit_terminate(command.force.is_some())?;
        command.preconditions.check_write(self.stamps.modified())?;
        // Nothing below can fail.

        let mut effects = self.buffer.take();
        match permit {
            TerminatePermit::Begin(alive) => {
                self.begin_termination(&mut effects, alive, &command.reason, command.force, now);
            }
            TerminatePermit::Force => {
                let force_deadline = now.saturating_add(command.force.unwrap_or(TimeSpan::ZERO)); // F2
                let at = self.stamps.next_modified(now);
                self.emit(&mut effects, JobFact::TerminationForced { force_deadline, at });
            }
        }
        Ok(effects)
    }

    /// Deletes the job ([G2](crate::evidence#g2)). It is `deleting` at once, and gone at a later
    /// [`tick`](Self::tick).
    ///
    /// # Errors
    /// `JobBeingDeleted` by state, then `ConditionNotMet`.
    pub fn delete(&mut self, command: &DeleteJob, clock: impl Clock) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let permit = self.state.permit_delete()?;
        command.preconditions.check_write(self.stamps.modified())?;
        // Nothing below can fail.

        let mut effects = self.buffer.take();
        let at = self.stamps.next(now); // T3: a deletion does not move the ETag.
        let forced = command.force.map(|timeout| now.saturating_add(timeout)); // F1
        match permit {
            DeletePermit::WindDown(alive) => {
                self.emit(&mut effects, JobFact::Deleting { force_deadline: forced, at });
                self.wind_down(&mut effects, alive);
            }
            DeletePermit::Continue { force_deadline } => {
                let force_deadline = [force_deadline, forced].into_iter().flatten().min();
                self.emit(&mut effects, JobFact::Deleting { force_deadline, at });
            }
        }
        Ok(effects)
    }

    /// The end of its schedule is forced: L5. A job that is being deleted takes no request, but gets the
    /// deadline that its deletion does not have yet.
    pub(crate) fn force_deletion(&mut self, force: TimeSpan, now: Timestamp) -> Vec<Effect> {
        let mut effects = self.buffer.take();
        if self.is_unforced_deletion() {
            let force_deadline = now.saturating_add(force);
            self.emit(&mut effects, JobFact::DeletionForced { force_deadline });
        }
        effects
    }

    /// Whether the job is being deleted, however long that takes (F1).
    pub(super) fn is_unforced_deletion(&self) -> bool {
        self.state.ending().is_some_and(|ending| match ending.kind {
            EndingKind::Deleting(_) => ending.force_deadline.is_none(),
            EndingKind::Terminating(_) => false,
        })
    }

    /// E1, E2, E3, E5. The service's own terminations come here too (X6).
    pub(super) fn begin_termination(
        &mut self,
        effects: &mut Vec<Effect>,
        alive: Alive,
        reason: &TerminateReason,
        force: Option<TimeSpan>,
        now: Timestamp,
    ) {
        let by_schedule = *reason == TerminateReason::Schedule; // T2
        let at = if by_schedule { self.stamps.next(now) } else { self.stamps.next_modified(now) };
        let terminating = JobFact::Terminating {
            reason: reason.normalized(),
            modified: (!by_schedule).then_some(at),
            force_deadline: force.map(|timeout| now.saturating_add(timeout)), // F1
            at,
        };
        self.emit(effects, terminating); // E11
        self.wind_down(effects, alive);
    }

    /// Tells every node what the end of a job that was living asks of it. It visits the nodes, never the
    /// active tasks, which stay as they are (E4, I2).
    fn wind_down(&mut self, effects: &mut Vec<Effect>, _was_living: Alive) {
        let nodes: Vec<NodeId> = self.nodes.iter().map(|(id, _)| id.clone()).collect();
        for node in nodes {
            self.wind_down_node(effects, &node);
        }
    }

    fn wind_down_node(&mut self, effects: &mut Vec<Effect>, node: &NodeId) {
        let Some(record) = self.nodes.get(node) else { return };
        if let Some(number) = record.preparing().map(|run| run.number) {
            self.emit_node(effects, node, JobNodeFact::PreparationStopping);
            self.instruct_stop(effects, node, Unit::Preparation, number, StopCause::JobEnding); // E3
        } else if record.tasks.is_empty() {
            self.release_if_due(effects, node); // E5
        } else {
            // E2: the job's state says that its tasks are to stop, so nothing more is recorded.
            for (task, number) in &record.tasks {
                self.instruct_stop(effects, node, Unit::Task(task.clone()), *number, StopCause::JobEnding);
            }
        }
    }

    /// Runs the release task on a node of an ending job, if it is due there (E5).
    pub(super) fn release_if_due(&mut self, effects: &mut Vec<Effect>, node: &NodeId) {
        if self.state.is_ending() && self.nodes.get(node).is_some_and(|record| self.is_release_due(record)) {
            self.issue_release(effects, node);
        }
    }

    pub(super) fn issue_release(&mut self, effects: &mut Vec<Effect>, node: &NodeId) {
        let run = self.next_run();
        self.emit_node(effects, node, JobNodeFact::ReleaseIssued { run });
        self.instruct_run(effects, node, Unit::Release, run);
    }

    /// E5: nothing of the job is left on the node, and its release task has still to run there.
    fn is_release_due(&self, node: &JobNode) -> bool {
        self.needs_release(node) && node.tasks.is_empty() && node.preparing().is_none()
    }

    /// E5, E7, N2, N3: the job has a release task, a task of it ran on the node, so its preparation ran to
    /// completion there, and the release has not run yet.
    pub(super) fn needs_release(&self, node: &JobNode) -> bool {
        self.template().release.is_some()
            && self.end_time().is_none() // G2: not for a job that was completed before its deletion.
            && node.release.is_none()
            && node.readiness.ran_tasks()
            && node.contact != Contact::Gone
    }

    /// How many nodes an ending job waits for; 0 if it is not ending.
    pub fn nodes_awaited(&self) -> usize {
        let ending = self.state.ending();
        ending.map_or(0, |ending| self.nodes.awaited(ending.force_deadline.is_some()))
    }

    /// Whether an ending job stops waiting: nothing holds it up, or the time of force is over (F1).
    pub(super) fn can_end(&self, ending: &Ending, now: Timestamp) -> bool {
        ending.force_deadline.is_some_and(|deadline| deadline <= now) || self.nodes_awaited() == 0
    }

    /// What `executionInfo.schedulingError` shows at this time: the number of nodes that a terminating
    /// job waits for, from one second after its termination on ([E9](crate::evidence#e9)).
    pub fn nodes_awaiting_processing(&self, now: Timestamp) -> Option<usize> {
        let is_terminating = match &self.state.ending()?.kind {
            EndingKind::Terminating(_) => true,
            EndingKind::Deleting(_) => false,
        };
        let since = self.stamps.entered().checked_add(SCHEDULING_ERROR_DELAY)?;
        let awaited = if is_terminating && since <= now { self.nodes_awaited() } else { 0 };
        (awaited > 0).then_some(awaited)
    }

    /// Gives up what is still outstanding: nothing, unless the end was forced (F1).
    pub(super) fn give_up(&mut self, effects: &mut Vec<Effect>, now: Timestamp) {
        if self.nodes.outstanding() == 0 {
            return;
        }
        let outstanding = self.nodes.iter().filter(|(_, node)| node.is_outstanding());
        let outstanding: Vec<NodeId> = outstanding.map(|(id, _)| id.clone()).collect();
        for node in outstanding {
            self.clear_node(effects, &node, false, now);
            self.end_release(effects, &node, RunOutcome::LOST, now);
        }
    }

    /// E6: release tasks whose time is over are over, as failed.
    pub(super) fn expire_releases(&mut self, effects: &mut Vec<Effect>, now: Timestamp) {
        let expired = self.release_deadlines().take_while(|(deadline, _)| *deadline <= now);
        let expired: Vec<NodeId> = expired.map(|(_, node)| node.clone()).collect();
        for node in expired {
            let number = self.nodes.get(&node).and_then(|record| record.releasing()).map(|run| run.number);
            self.end_release(effects, &node, RunOutcome::LOST, now);
            if let Some(number) = number {
                self.instruct_stop(effects, &node, Unit::Release, number, StopCause::ReleaseTimeout);
            }
        }
    }

    /// When the running release tasks will have had their time, the earliest first (E6).
    pub(super) fn release_deadlines(&self) -> impl Iterator<Item = (Timestamp, &NodeId)> {
        let running = self.nodes.running_releases();
        running.filter_map(|(start, node)| Some((self.release_deadline(*start)?, node)))
    }

    /// When a release task that started then will have had its time (E6).
    pub(super) fn release_deadline(&self, start: Timestamp) -> Option<Timestamp> {
        start.checked_add(self.template().release.as_ref()?.max_wall_clock_time)
    }
}
