//! What nodes say. Reports are facts: they are never refused, and one that says nothing new changes
//! nothing (S1, E10).

use alloc::vec::Vec;

use crate::{
    Clock, Timestamp,
    id::{JobId, NodeId, TaskId},
    job::{
        Contact, DisableTasks, Effect, Job, JobNode, JobState, NodeEvent, NodeRunState, PreparationOutcome,
        ending::completion, ending::ended_by_user,
    },
    task::{NodeError, RetryLimit, StopCause, Task, TaskFailure, TaskState},
};

/// What a node says about something of a job that it was told to run or stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The job.
    pub job: JobId,
    /// The node that speaks.
    pub node: NodeId,
    /// What it speaks about.
    pub unit: Unit,
    /// What it says.
    pub event: ReportEvent,
    /// The `run` of the instruction that the report answers: a report about another run than the current
    /// one changes nothing (E10). `None` is about whatever is there now, for a host that tells each report
    /// once and in time.
    pub run: Option<u32>,
}

/// What a node runs for a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// The job preparation task.
    Preparation,
    /// A task.
    Task(TaskId),
    /// The job release task.
    Release,
}

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportEvent {
    /// Its process started.
    Started,
    /// It is over, by itself or because it was told to stop.
    Ended(Ended),
}

/// How something ended on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The exit code of its process, if there was one.
    pub exit_code: Option<i32>,
    /// What went wrong around the process, if anything did. Only tasks have it.
    pub failure: Option<NodeFailure>,
}

/// What went wrong around a task's process (K5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeFailure {
    /// The task could not be started, for example because a resource file was not there.
    PreProcessing(NodeError),
    /// Its output could not be uploaded.
    FileUpload(NodeError),
}

impl Ended {
    /// A process that ended with this code.
    pub fn with_exit_code(exit_code: i32) -> Self {
        Self { exit_code: Some(exit_code), failure: None }
    }
}

/// How a task leaves its node.
pub(super) enum Leaving<'a> {
    /// The node says that it ended.
    Ended(&'a Ended),
    /// The node is taken from under it, or given up; `counted` if a user caused it (N6).
    Taken { counted: bool },
}

/// Whether an event tells anything about a node with which contact stands like this.
fn is_news(contact: Contact, event: NodeEvent) -> bool {
    match contact {
        Contact::Answering => !matches!(event, NodeEvent::Returned | NodeEvent::Started),
        Contact::Lost => !matches!(event, NodeEvent::Lost | NodeEvent::Unusable),
        Contact::Gone => matches!(
            event,
            NodeEvent::Returned | NodeEvent::Started | NodeEvent::Rebooted | NodeEvent::Reimaged
        ),
    }
}

impl Job {
    /// Hears a node. A report about something that the node does not have, or that is known already,
    /// changes nothing (E10).
    pub fn report(&mut self, report: &Report, clock: &impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = Vec::new();
        // S4: what follows has the spelling that the node was made with.
        let Some((node, record)) = self.nodes.get_key_value(&report.node) else { return effects };
        if report.run.is_some_and(|run| self.current_run(record, &report.unit) != Some(run)) {
            return effects; // E10
        }
        let node = &node.clone();
        match &report.unit {
            Unit::Preparation => match &report.event {
                ReportEvent::Started => self.preparation_started(&mut effects, node, now),
                ReportEvent::Ended(ended) => self.preparation_ended(&mut effects, node, ended, now),
            },
            Unit::Task(task) => match &report.event {
                ReportEvent::Started => self.task_started(&mut effects, node, task, now),
                ReportEvent::Ended(ended) => self.task_ended(&mut effects, node, task, ended, now),
            },
            Unit::Release => match &report.event {
                ReportEvent::Started => self.release_started(&mut effects, node, now),
                ReportEvent::Ended(ended) => self.release_ended(&mut effects, node, ended, now),
            },
        }
        effects
    }

    /// The number of the run that a node has of something now.
    fn current_run(&self, record: &JobNode, unit: &Unit) -> Option<u32> {
        match unit {
            Unit::Preparation => record.preparation.map(|run| run.number),
            Unit::Release => record.release.map(|run| run.number),
            Unit::Task(task) => {
                self.task(task).filter(|task| record.tasks.contains(task.id())).map(|task| task.runs)
            }
        }
    }

    /// Hears what happened to a node (section 7). A node that the job does not know changes nothing.
    pub fn node_event(&mut self, node: &NodeId, event: NodeEvent, clock: &impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = Vec::new();
        let Some(record) = self.nodes.get(node) else { return effects };
        // I1: a completed job is left only by its deletion, whatever becomes of the nodes it was on.
        if self.end_time().is_some() || !is_news(record.contact, event) {
            return effects;
        }
        match event {
            NodeEvent::Rebooted => self.rebooted(&mut effects, node, now), // N1
            NodeEvent::Reimaged | NodeEvent::Preempted => {
                self.lose_everything(&mut effects, node, event, false, now);
            } // N2, N3
            NodeEvent::Removed | NodeEvent::Deallocated => {
                self.lose_everything(&mut effects, node, event, true, now);
            } // N3, N9
            NodeEvent::Lost | NodeEvent::Unusable | NodeEvent::Returned | NodeEvent::Started => {
                self.note(&mut effects, node, event); // N4, N5, N8, N9
            }
        }
        effects
    }

    /// N1: the node's disk is as it was, but nothing runs on it any more.
    fn rebooted(&mut self, effects: &mut Vec<Effect>, node: &NodeId, now: Timestamp) {
        let releasing = self.nodes.get(node).is_some_and(JobNode::releasing);
        self.clear_node(effects, node, &Leaving::Taken { counted: false }, now);
        self.note(effects, node, NodeEvent::Rebooted);
        if releasing {
            let run = self.next_run(node);
            let again = Effect::RunRelease { job: self.id().clone(), node: node.clone(), run };
            self.emit(effects, again);
        } else {
            self.release_if_due(effects, node);
        }
    }

    /// N2, N3: nothing of the job is left on the node, and no release can or need run there.
    fn lose_everything(
        &mut self,
        effects: &mut Vec<Effect>,
        node: &NodeId,
        event: NodeEvent,
        counted: bool,
        now: Timestamp,
    ) {
        self.clear_node(effects, node, &Leaving::Taken { counted }, now);
        if self.nodes.get(node).is_some_and(JobNode::releasing) {
            self.end_release(effects, node, None, false, now);
        }
        self.note(effects, node, event);
    }

    fn note(&mut self, effects: &mut Vec<Effect>, node: &NodeId, event: NodeEvent) {
        let noted = Effect::NodeNoted { job: self.id().clone(), node: node.clone(), event };
        self.emit(effects, noted);
    }

    /// Takes the preparation and every task off a node that will not answer for them.
    pub(super) fn clear_node(
        &mut self,
        effects: &mut Vec<Effect>,
        node: &NodeId,
        leaving: &Leaving<'_>,
        now: Timestamp,
    ) {
        let Some(record) = self.nodes.get(node) else { return };
        let preparing = record.preparing();
        let tasks: Vec<TaskId> = record.tasks.iter().cloned().collect();
        if preparing {
            self.end_preparation(effects, node, None, PreparationOutcome::Stopped, now);
        }
        for task in tasks {
            self.leave(effects, &task, leaving, now);
        }
    }

    fn preparation_started(&mut self, effects: &mut Vec<Effect>, node: &NodeId, now: Timestamp) {
        let Some(record) = self.nodes.get(node) else { return };
        if record.preparation.is_some_and(|run| run.state == NodeRunState::Ordered) {
            let (job, node, at) = (self.id().clone(), node.clone(), record.stamp(now));
            self.emit(effects, Effect::PreparationStarted { job, node, at });
        }
    }

    /// K1, E3, N7: the end of the preparation decides about the tasks that waited for it.
    fn preparation_ended(&mut self, effects: &mut Vec<Effect>, node: &NodeId, ended: &Ended, now: Timestamp) {
        let Some(record) = self.nodes.get(node).filter(|record| record.preparing()) else { return };
        let outcome = self.judge_preparation(record, ended);
        let retry_count = record.preparation.map_or(0, |run| run.retry_count);
        let pool = record.pool.clone();
        let waiting: Vec<TaskId> = record.tasks.iter().cloned().collect();
        self.end_preparation(effects, node, ended.exit_code, outcome, now);

        match outcome {
            PreparationOutcome::Succeeded | PreparationOutcome::NotWaitedFor => {
                for task in &waiting {
                    self.start_prepared(effects, task, node, now);
                }
            }
            PreparationOutcome::Retried => {
                let retry_count = retry_count.saturating_add(1);
                let run = self.next_run(node);
                let again = Effect::RunPreparation {
                    job: self.id().clone(),
                    node: node.clone(),
                    pool,
                    retry_count,
                    run,
                };
                self.emit(effects, again);
            }
            PreparationOutcome::Failed | PreparationOutcome::Stopped => {
                for task in &waiting {
                    self.leave(effects, task, &Leaving::Taken { counted: false }, now); // N7, E3
                }
            }
        }
        self.release_if_due(effects, node);
    }

    fn judge_preparation(&self, record: &JobNode, ended: &Ended) -> PreparationOutcome {
        let (retry_count, told_to_stop) =
            record.preparation.map_or((0, false), |run| (run.retry_count, run.told_to_stop));
        let task = self.specification.preparation.as_ref();
        let limit = task.map_or(RetryLimit::Times(0), |task| task.constraints.max_task_retry_count);
        if told_to_stop {
            PreparationOutcome::Stopped // E5
        } else if ended.exit_code == Some(0) {
            PreparationOutcome::Succeeded
        } else if limit.allows(retry_count) {
            if self.starts_tasks() { PreparationOutcome::Retried } else { PreparationOutcome::Stopped } // G1
        } else if task.is_some_and(|task| task.wait_for_success) {
            PreparationOutcome::Failed // N7
        } else {
            PreparationOutcome::NotWaitedFor // E5
        }
    }

    /// Whether tasks that are on a node may start there, and so their preparation be tried again (G1).
    fn starts_tasks(&self) -> bool {
        match &self.state {
            JobState::Active | JobState::Disabling(DisableTasks::Wait) => true,
            JobState::Disabling(DisableTasks::Requeue | DisableTasks::Terminate)
            | JobState::Disabled
            | JobState::Enabling
            | JobState::Terminating { .. }
            | JobState::Completed { .. }
            | JobState::Deleting { .. } => false,
        }
    }

    pub(super) fn end_preparation(
        &mut self,
        effects: &mut Vec<Effect>,
        node: &NodeId,
        exit_code: Option<i32>,
        outcome: PreparationOutcome,
        now: Timestamp,
    ) {
        let at = self.nodes.get(node).map_or(now, |record| record.stamp(now));
        let (job, node) = (self.id().clone(), node.clone());
        self.emit(effects, Effect::PreparationEnded { job, node, at, exit_code, outcome });
    }

    /// K1: the task's turn has come, unless it was told to stop in the meantime: then the end of its
    /// preparation is the node's answer to that (K6).
    fn start_prepared(&mut self, effects: &mut Vec<Effect>, task: &TaskId, node: &NodeId, now: Timestamp) {
        let Some(waiting) = self.tasks.by_id.get(task) else { return };
        let Some(placement) = waiting.placement().cloned() else { return };
        if waiting.stop_cause().is_some() {
            return self.leave(effects, task, &Leaving::Taken { counted: false }, now);
        }
        let at = waiting.stamp(now);
        let (job, node) = (self.id().clone(), node.clone());
        self.emit(effects, Effect::TaskRunning { job: job.clone(), task: task.clone(), placement, at });
        let run = self.task(task).map_or(0, |task| task.runs);
        self.emit(effects, Effect::StartTask { job, task: task.clone(), node, run });
    }

    /// The number of the next run of the preparation or release on a node.
    pub(super) fn next_run(&self, node: &NodeId) -> u32 {
        self.nodes.get(node).map_or(0, |record| record.runs).saturating_add(1)
    }

    /// K2
    fn task_started(&mut self, effects: &mut Vec<Effect>, node: &NodeId, task: &TaskId, now: Timestamp) {
        let Some(running) = self.task_on(node, task) else { return };
        match &running.state {
            TaskState::Running { start_time: None, .. } => {
                let at = running.stamp(now);
                let (job, task) = (self.id().clone(), running.id().clone());
                self.emit(effects, Effect::TaskStarted { job, task, at });
            }
            TaskState::Active
            | TaskState::Preparing { .. }
            | TaskState::Running { start_time: Some(_), .. }
            | TaskState::Completed(_) => {}
        }
    }

    fn task_ended(
        &mut self,
        effects: &mut Vec<Effect>,
        node: &NodeId,
        task: &TaskId,
        ended: &Ended,
        now: Timestamp,
    ) {
        let Some(found) = self.task_on(node, task) else { return };
        // E10: a task that waits for its preparation was not started, so the word is about an older run.
        let answers = self.state.is_ending() || found.stop_cause().is_some();
        if answers || matches!(found.state, TaskState::Running { .. }) {
            self.leave(effects, task, &Leaving::Ended(ended), now);
            self.release_if_due(effects, node);
        }
    }

    /// A task that is on this node now.
    fn task_on(&self, node: &NodeId, task: &TaskId) -> Option<&Task> {
        self.nodes.get(node).filter(|record| record.tasks.contains(task))?;
        self.tasks.by_id.get(task)
    }

    /// A task lets go of its node: what becomes of it is decided here and nowhere else.
    pub(super) fn leave(
        &mut self,
        effects: &mut Vec<Effect>,
        task: &TaskId,
        leaving: &Leaving<'_>,
        now: Timestamp,
    ) {
        let Some(leaver) = self.tasks.by_id.get(task) else { return };
        let Some(node) = leaver.placement().map(|placement| placement.node.clone()) else { return };
        let (job, task, at) = (self.id().clone(), leaver.id().clone(), leaver.stamp(now));
        let exit_code = match leaving {
            Leaving::Ended(ended) => ended.exit_code,
            Leaving::Taken { .. } => None,
        };
        let effect = match (self.state.is_ending(), leaver.stop_cause()) {
            (_, Some(StopCause::Delete)) => Effect::TaskDeleted { job, task, node: Some(node), at }, // K7
            (true, _) | (false, Some(StopCause::JobEnding | StopCause::UserTerminate)) => {
                ended_by_user(&job, leaver, exit_code, at) // E2, E3, K6
            }
            (false, Some(StopCause::UserRequeue)) => {
                Effect::TaskRequeued { job, task, node, at, counted: true }
            } // G1
            (false, Some(StopCause::WallClockTime)) => {
                completion(&job, leaver, exit_code, Some(TaskFailure::WallClockTime), at) // K5
            }
            (false, None) => match leaving {
                Leaving::Taken { counted } => {
                    Effect::TaskRequeued { job, task, node, at, counted: *counted } // N6
                }
                Leaving::Ended(ended) => self.by_exit(leaver, ended, at),
            },
        };
        self.emit(effects, effect);
    }

    /// K3, K4, K5: the task ended by itself.
    fn by_exit(&self, task: &Task, ended: &Ended, at: Timestamp) -> Effect {
        let job = self.id().clone();
        let failure = match &ended.failure {
            Some(NodeFailure::PreProcessing(error)) => TaskFailure::PreProcessing(error.clone()),
            Some(NodeFailure::FileUpload(error)) => TaskFailure::FileUpload(error.clone()),
            None if ended.exit_code == Some(0) => return completion(&job, task, Some(0), None, at),
            // K4, K11
            None => {
                let node = task.placement().map(|placement| placement.node.clone());
                if let Some(node) =
                    node.filter(|_| task.constraints.max_task_retry_count.allows(task.retry_count))
                {
                    return Effect::TaskRetried { job, task: task.id().clone(), node, at };
                }
                TaskFailure::ExitCode
            }
        };
        completion(&job, task, ended.exit_code, Some(failure), at)
    }

    fn release_started(&mut self, effects: &mut Vec<Effect>, node: &NodeId, now: Timestamp) {
        let Some(record) = self.nodes.get(node) else { return };
        if record.release.is_some_and(|run| run.state == NodeRunState::Ordered) {
            let (job, node, at) = (self.id().clone(), node.clone(), record.stamp(now));
            self.emit(effects, Effect::ReleaseStarted { job, node, at });
        }
    }

    fn release_ended(&mut self, effects: &mut Vec<Effect>, node: &NodeId, ended: &Ended, now: Timestamp) {
        if self.nodes.get(node).is_some_and(JobNode::releasing) {
            self.end_release(effects, node, ended.exit_code, ended.exit_code == Some(0), now);
        }
    }

    pub(super) fn end_release(
        &mut self,
        effects: &mut Vec<Effect>,
        node: &NodeId,
        exit_code: Option<i32>,
        succeeded: bool,
        now: Timestamp,
    ) {
        let at = self.nodes.get(node).map_or(now, |record| record.stamp(now));
        let (job, node) = (self.id().clone(), node.clone());
        self.emit(effects, Effect::ReleaseEnded { job, node, at, exit_code, succeeded });
    }
}
