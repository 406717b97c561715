//! The only place where a job's state changes: each fact, made true.

use alloc::sync::Arc;

use crate::{
    Timestamp,
    error::Unfit,
    id::{NodeId, TaskId},
    job::{
        auto_pool::AutoPoolState,
        effect::Fact,
        fact::{JobFact, JobNodeFact, PreparationVerdict},
        record::{JobNode, NodeRun, NodeRunState, Readiness, RunOutcome},
        resource::Job,
        specification::{DisableTasks, OnTaskFailure},
        state::{End, Ending, EndingKind, JobState, Living, TerminateReason},
        tasks::TaskTable,
    },
    node::{Contact, NodeEvent},
    task::{Completion, FailureAction, NewTask, Placement, Task, TaskFact, TaskState},
};

type Applied = Result<(), Unfit>;

fn require(fits: bool) -> Applied {
    if fits { Ok(()) } else { Err(Unfit("the job's state does not allow it")) }
}

impl Job {
    /// Applies a fact about this job, for a host that stores facts instead of state. A fact that does
    /// not fit the state changes nothing; [`try_apply`](Self::try_apply) says so.
    pub fn apply(&mut self, fact: &Fact) {
        self.try_apply(fact).unwrap_or_default();
    }

    /// Applies a fact about this job.
    ///
    /// # Errors
    /// Why the fact does not fit the state, for example because it is another job's or was applied
    /// before. Nothing has changed then.
    pub fn try_apply(&mut self, fact: &Fact) -> Result<(), Unfit> {
        if fact.job() != Some(self.id()) {
            return Err(Unfit("the fact is not about this job"));
        }
        match fact {
            Fact::Job(_, fact) => self.apply_to_job(fact),
            Fact::Task(_, task, fact) => self.apply_to_task(task, fact),
            Fact::JobNode(_, node, fact) => self.apply_to_node(node, fact),
            Fact::JobSchedule(..) | Fact::Pool(..) | Fact::Node(..) => {
                Err(Unfit("the fact is not about a job"))
            }
        }
    }

    pub(crate) fn apply_to_job(&mut self, fact: &JobFact) -> Applied {
        match fact {
            JobFact::Added { .. } => Err(Unfit("the job exists")),
            JobFact::Updated { settings, at } => {
                require(self.state.permit_update().is_ok())?;
                self.modify(*at)?;
                if !settings.pool.is_same_auto_pool(&self.settings.pool) {
                    self.auto_pool = None;
                }
                self.settings = settings.clone();
                Ok(())
            }
            JobFact::PoolAssigned { pool } => self.settle_pool(AutoPoolState::Made(pool.clone())),
            JobFact::AutoPoolFailed { failure } => self.settle_pool(AutoPoolState::Failed(failure.clone())),
            JobFact::Touched { at } => {
                require(self.state == JobState::Living(Living::Disabled))?;
                self.modify(*at)
            }
            JobFact::Disabling { disable_tasks, at } => self.apply_disabling(*disable_tasks, *at),
            JobFact::Disabled { at } => {
                let disabling = matches!(self.state, JobState::Living(Living::Disabling(_)));
                require(disabling && self.task_counts().running == 0)?;
                self.enter(JobState::Living(Living::Disabled), *at)
            }
            JobFact::Enabled { at } => {
                // Also from `enabling`, in which no request is accepted that enables it.
                require(matches!(self.state, JobState::Living(_)))?;
                self.enter_modified(JobState::Living(Living::Active), *at)?;
                self.forget_disable_actions(); // A user's request overrides what a failure asked for.
                Ok(())
            }
            JobFact::Terminating { reason, modified, force_deadline, at } => {
                self.apply_terminating(reason, *modified, *force_deadline, *at)
            }
            JobFact::TerminationForced { force_deadline, at } => self.apply_force(*force_deadline, *at),
            JobFact::Completed { at } => self.apply_completed(*at),
            JobFact::Deleting { force_deadline, at } => {
                require(self.state.permit_delete().is_ok())?;
                let kind = EndingKind::Deleting(self.state.before_deletion());
                self.enter(JobState::Ending(Ending { kind, force_deadline: *force_deadline }), *at)
            }
            JobFact::DeletionForced { force_deadline } => {
                require(self.is_unforced_deletion())?;
                if let JobState::Ending(ending) = &mut self.state {
                    ending.force_deadline = Some(*force_deadline);
                }
                Ok(())
            }
            JobFact::Deleted => {
                let deleting = self.state.ending().is_some_and(|ending| match ending.kind {
                    EndingKind::Deleting(_) => true,
                    EndingKind::Terminating(_) => false,
                });
                require(deleting)
            }
        }
    }

    fn modify(&mut self, at: Timestamp) -> Applied {
        if !self.stamps.allow_modified(at) {
            return Err(Unfit("the job was modified later"));
        }
        self.stamps.modify(at);
        Ok(())
    }

    /// Goes from one state to another. A state that is only passed through is not remembered (T7).
    fn enter(&mut self, state: JobState, at: Timestamp) -> Applied {
        if !self.stamps.allow(at) {
            return Err(Unfit("the job changed later"));
        }
        self.stamps.enter(self.state.lasting_name(), at);
        self.state = state;
        Ok(())
    }

    fn enter_modified(&mut self, state: JobState, at: Timestamp) -> Applied {
        self.modify(at)?;
        self.enter(state, at)
    }

    /// P19: what becomes of the pool that the job asks for.
    fn settle_pool(&mut self, state: AutoPoolState) -> Applied {
        require(self.wanted_pool().is_some())?;
        self.auto_pool = Some(state);
        Ok(())
    }

    fn apply_disabling(&mut self, disable_tasks: DisableTasks, at: Timestamp) -> Applied {
        let state = JobState::Living(Living::Disabling(disable_tasks));
        match self.state {
            JobState::Living(Living::Disabling(_)) => {
                self.modify(at)?;
                self.state = state; // Only the option is new.
            }
            JobState::Living(Living::Active) => self.enter_modified(state, at)?,
            JobState::Living(Living::Disabled | Living::Enabling)
            | JobState::Ending(_)
            | JobState::Completed(_) => return require(false),
        }
        self.forget_disable_actions();
        Ok(())
    }

    fn apply_terminating(
        &mut self,
        reason: &TerminateReason,
        modified: Option<Timestamp>,
        force_deadline: Option<Timestamp>,
        at: Timestamp,
    ) -> Applied {
        let living = matches!(self.state, JobState::Living(_));
        require(living && modified.is_none_or(|modified| modified == at))?;
        let kind = EndingKind::Terminating(reason.clone());
        let state = JobState::Ending(Ending { kind, force_deadline });
        match modified {
            Some(_) => self.enter_modified(state, at)?,
            None => self.enter(state, at)?, // T2
        }
        self.failure_actions.clear();
        Ok(())
    }

    fn apply_force(&mut self, deadline: Timestamp, at: Timestamp) -> Applied {
        if !self.stamps.allow_modified(at) {
            return Err(Unfit("the job was modified later"));
        }
        match &mut self.state {
            JobState::Ending(Ending {
                kind: EndingKind::Terminating(_),
                force_deadline: force_deadline @ None,
            }) => {
                *force_deadline = Some(deadline);
                self.stamps.modify(at);
                Ok(())
            }
            JobState::Living(_) | JobState::Ending(_) | JobState::Completed(_) => require(false),
        }
    }

    fn apply_completed(&mut self, at: Timestamp) -> Applied {
        match &self.state {
            JobState::Ending(Ending { kind: EndingKind::Terminating(reason), .. })
                if self.nodes.outstanding() == 0 =>
            {
                let end = End { reason: reason.clone(), at };
                self.enter(JobState::Completed(end), at)
            }
            JobState::Living(_) | JobState::Ending(_) | JobState::Completed(_) => require(false),
        }
    }

    pub(super) fn apply_to_task(&mut self, task: &TaskId, fact: &TaskFact) -> Applied {
        match fact {
            TaskFact::Added { command_line, specification, constraints, at } => {
                require(matches!(self.state, JobState::Living(_)))?;
                let (command_line, specification) = (command_line.clone(), specification.clone());
                let new =
                    NewTask { id: task.clone(), command_line, specification, constraints: *constraints };
                self.tasks_mut().add(new, *at)
            }
            TaskFact::Updated { .. } | TaskFact::Touched { .. } | TaskFact::Started { .. } => {
                self.tasks_mut().apply(task, fact)
            }
            TaskFact::Stopping { .. } => self.tasks_mut().apply(task, fact),
            TaskFact::Preparing { placement, run, .. } => {
                let is_ready = self.readiness_on(&placement.node).is_ready();
                require(self.state.is_active() && *run == self.next_run() && !is_ready)?;
                self.tasks_mut().apply(task, fact)?;
                self.place(task, placement, *run, |_| ());
                Ok(())
            }
            TaskFact::Running { placement, run, .. } => self.apply_running(task, placement, *run, fact),
            TaskFact::Completed(completion) => {
                self.tasks_mut().apply(task, fact)?;
                self.unplace(task, completion);
                self.note_failure(task);
                Ok(())
            }
            TaskFact::Retried { node, .. } | TaskFact::Requeued { node, .. } => {
                require(!self.state.is_ending())?;
                self.tasks_mut().apply(task, fact)?;
                self.remove_from(node, task);
                Ok(())
            }
            TaskFact::Reactivated { .. } => {
                self.tasks_mut().apply(task, fact)?;
                self.failure_actions.remove(task);
                Ok(())
            }
            TaskFact::Deleted { node, .. } => {
                self.tasks_mut().apply(task, fact)?;
                self.tasks_mut().remove(task);
                self.failure_actions.remove(task);
                if let Some(node) = node {
                    self.remove_from(node, task);
                }
                Ok(())
            }
        }
    }

    fn apply_running(&mut self, task: &TaskId, placement: &Placement, run: u64, fact: &TaskFact) -> Applied {
        let is_new = self.task(task).is_some_and(|task| *task.state() == TaskState::Active);
        let is_assigned = !is_new || (self.state.is_active() && run == self.next_run());
        require(is_assigned && self.readiness_on(&placement.node).is_ready())?;
        self.tasks_mut().apply(task, fact)?;
        let ran = |record: &mut JobNode| record.readiness = Readiness::Ready { ran_tasks: true };
        if is_new {
            self.place(task, placement, run, ran);
            return Ok(());
        }
        self.nodes.change(&placement.node, |record| {
            ran(record);
            Ok(())
        })
    }

    /// Whether tasks can start on a node, which the job may not know yet.
    pub(super) fn readiness_on(&self, node: &NodeId) -> Readiness {
        let has_preparation = self.template().preparation.is_some();
        self.nodes.get(node).map_or(Readiness::new(has_preparation), |record| record.readiness)
    }

    /// The task is on the node now; `change` is what else changes there.
    fn place(&mut self, task: &TaskId, placement: &Placement, run: u64, change: impl FnOnce(&mut JobNode)) {
        self.last_run = run;
        self.nodes.enter(&placement.node, &placement.pool, self.template().preparation.is_some());
        let placed = self.nodes.change(&placement.node, |record| {
            record.tasks.insert(task.clone(), run);
            change(record);
            Ok(())
        });
        debug_assert_eq!(placed, Ok(()), "the node was entered above");
    }

    fn unplace(&mut self, task: &TaskId, completion: &Completion) {
        if let Some(placement) = completion.placement() {
            self.remove_from(&placement.node, task);
        }
    }

    fn remove_from(&mut self, node: &NodeId, task: &TaskId) {
        let removed = self.nodes.change(node, |record| {
            record.tasks.remove(task);
            Ok(())
        });
        debug_assert_eq!(removed, Ok(()), "a task was on a node that the job does not know");
    }

    /// What a failed task asks of the job counts only if the job performs such actions (X3).
    fn note_failure(&mut self, task: &TaskId) {
        match self.template().on_task_failure {
            OnTaskFailure::NoAction => {}
            OnTaskFailure::PerformExitOptionsJobAction => {
                if let Some(action) = self.task(task).and_then(Task::failure_action) {
                    self.failure_actions.insert(task.clone(), action);
                }
            }
        }
    }

    /// Whether a failed task asks for this.
    pub(super) fn is_asked_to(&self, action: FailureAction) -> bool {
        self.failure_actions.values().any(|asked| *asked == action)
    }

    fn forget_disable_actions(&mut self) {
        self.failure_actions.retain(|_, action| *action != FailureAction::Disable);
    }

    /// The tasks, no longer shared with a copy of the job.
    fn tasks_mut(&mut self) -> &mut TaskTable {
        Arc::make_mut(&mut self.tasks)
    }

    pub(super) fn apply_to_node(&mut self, node: &NodeId, fact: &JobNodeFact) -> Applied {
        let next_run = self.next_run();
        match fact {
            JobNodeFact::PreparationIssued { run, retry_count } => {
                require(*run == next_run)?;
                self.nodes.change(node, |record| record.issue_preparation(*run, *retry_count))?;
                self.last_run = *run;
                Ok(())
            }
            JobNodeFact::PreparationStarted { at } => self.nodes.change(node, |record| {
                record.allow(*at)?;
                start(&mut record.preparation, *at)?;
                record.latest = *at;
                Ok(())
            }),
            JobNodeFact::PreparationStopping => {
                require(self.state.is_ending())?; // E3
                self.nodes.change(node, |record| stop(&mut record.preparation))
            }
            JobNodeFact::PreparationEnded { outcome, verdict, at } => {
                self.nodes.change(node, |record| record.end_preparation(outcome, *verdict, *at))
            }
            JobNodeFact::ReleaseIssued { run } => {
                require(*run == next_run && self.state.is_ending())?;
                self.nodes.change(node, |record| record.issue_release(*run))?;
                self.last_run = *run;
                Ok(())
            }
            JobNodeFact::ReleaseStarted { at } => self.nodes.change(node, |record| {
                record.allow(*at)?;
                start(&mut record.release, *at)?;
                record.latest = *at;
                Ok(())
            }),
            JobNodeFact::ReleaseEnded { outcome, at } => self.nodes.change(node, |record| {
                record.allow(*at)?;
                end(&mut record.release, outcome, *at)?;
                record.latest = *at;
                Ok(())
            }),
            JobNodeFact::EventRecorded(event) => {
                let preparation = self.template().preparation.as_ref();
                let has_preparation = preparation.is_some();
                let reruns = preparation.is_some_and(|task| task.rerun_on_node_reboot_after_success);
                self.nodes.change(node, |record| record.record_event(*event, has_preparation, reruns))
            }
        }
    }
}

impl JobNode {
    /// T5
    fn allow(&self, at: Timestamp) -> Applied {
        if self.stamp(at) == at { Ok(()) } else { Err(Unfit("a run here has a later stamp")) }
    }

    fn issue_preparation(&mut self, run: u64, retry_count: u32) -> Applied {
        if self.preparing().is_some() || self.readiness.is_ready() {
            return Err(Unfit("the node needs no preparation"));
        }
        self.preparation = Some(NodeRun::issued(run, retry_count));
        Ok(())
    }

    fn end_preparation(
        &mut self,
        outcome: &RunOutcome,
        verdict: PreparationVerdict,
        at: Timestamp,
    ) -> Applied {
        self.allow(at)?;
        end(&mut self.preparation, outcome, at)?;
        self.latest = at;
        let ran_tasks = self.readiness.ran_tasks();
        match verdict {
            PreparationVerdict::Ready => self.readiness = Readiness::Ready { ran_tasks },
            PreparationVerdict::Barred => self.readiness = Readiness::Barred { ran_tasks }, // N7
            PreparationVerdict::Retry | PreparationVerdict::Unprepared => {}
        }
        Ok(())
    }

    /// A release that a reboot interrupted is issued again (N1).
    fn issue_release(&mut self, run: u64) -> Applied {
        let is_over = self.release.is_some() && self.releasing().is_none();
        if is_over || !self.tasks.is_empty() || self.preparing().is_some() {
            return Err(Unfit("the node cannot run the release task"));
        }
        self.release = Some(NodeRun::issued(run, 0));
        Ok(())
    }

    fn record_event(&mut self, event: NodeEvent, has_preparation: bool, reruns: bool) -> Applied {
        // N1 to N3: what ran on the node has ended before the event is recorded.
        let is_idle = self.preparing().is_none() && self.tasks.is_empty();
        match event {
            NodeEvent::Rebooted => require(is_idle)?,
            NodeEvent::Reimaged | NodeEvent::Removed | NodeEvent::Preempted | NodeEvent::Deallocated => {
                require(is_idle && self.releasing().is_none())?;
            }
            NodeEvent::Lost | NodeEvent::Unusable | NodeEvent::Returned | NodeEvent::Started => {}
        }
        match event {
            NodeEvent::Rebooted => {
                self.contact = Contact::Answering;
                if reruns {
                    self.readiness = self.readiness.rebooted(); // N1
                }
            }
            NodeEvent::Reimaged => {
                // N2. What ran stays in the status list, and a release does not run again (E7).
                self.contact = Contact::Answering;
                self.readiness = Readiness::new(has_preparation);
            }
            NodeEvent::Removed | NodeEvent::Preempted | NodeEvent::Deallocated => {
                self.contact = Contact::Gone; // N3, N9
                self.readiness = Readiness::new(has_preparation);
            }
            NodeEvent::Lost | NodeEvent::Unusable => self.contact = Contact::Lost, // N4, N8
            NodeEvent::Returned | NodeEvent::Started => self.contact = Contact::Answering, // N5, N9
        }
        Ok(())
    }
}

fn start(run: &mut Option<NodeRun>, at: Timestamp) -> Applied {
    match run {
        Some(NodeRun { state: state @ NodeRunState::Issued { .. }, .. }) => {
            let stopping = matches!(state, NodeRunState::Issued { stopping: true });
            *state = NodeRunState::Running { start_time: at, stopping };
            Ok(())
        }
        Some(_) | None => Err(Unfit("the run does not wait for its start")),
    }
}

fn stop(run: &mut Option<NodeRun>) -> Applied {
    match run {
        Some(NodeRun {
            state: NodeRunState::Issued { stopping } | NodeRunState::Running { stopping, .. },
            ..
        }) => {
            *stopping = true;
            Ok(())
        }
        Some(NodeRun { state: NodeRunState::Completed { .. }, .. }) | None => {
            Err(Unfit("the run is not in progress"))
        }
    }
}

fn end(run: &mut Option<NodeRun>, outcome: &RunOutcome, at: Timestamp) -> Applied {
    let Some(run) = run.as_mut().filter(|run| run.in_progress()) else {
        return Err(Unfit("the run is not in progress"));
    };
    let start_time = run.start_time();
    run.state = NodeRunState::Completed { start_time, end_time: at, outcome: outcome.clone() };
    Ok(())
}
