//! What nodes report. Reports and node events are facts: they are never refused, and one that says
//! nothing new changes nothing (S1, E10).

use alloc::vec::Vec;

use crate::{
    Clock, Timestamp,
    id::{NodeId, TaskId},
    job::{
        departure::Departure,
        effect::Effect,
        fact::{JobNodeFact, PreparationVerdict},
        record::{NodeRun, NodeRunState, RunOutcome},
        resource::Job,
        run::{Ended, Report, ReportEvent, Unit},
        specification::DisableTasks,
        state::{JobState, Living},
    },
    node::{Contact, NodeEvent},
    task::{RetryLimit, TaskFact, TaskState},
};

impl Job {
    /// Handles a report from a node. A report about a run that the node does not have, or one that says
    /// nothing new, changes nothing ([E10](crate::evidence#e10)).
    #[must_use = "instructions among the effects must be carried out"]
    pub fn report(&mut self, report: &Report, clock: impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = self.buffer.take();
        // What follows has the ids as they were spelled at first (S4).
        let Some(run) = self.current_run(&report.run.node, &report.run.unit) else { return effects };
        if run != report.run {
            return effects; // E10
        }
        match (&run.unit, &report.event) {
            (Unit::Preparation, ReportEvent::Started) => {
                self.preparation_started(&mut effects, &run.node, now);
            }
            (Unit::Preparation, ReportEvent::Ended(ended)) => {
                self.preparation_ended(&mut effects, &run.node, ended, now);
            }
            (Unit::Task(task), ReportEvent::Started) => self.task_started(&mut effects, task, now),
            (Unit::Task(task), ReportEvent::Ended(ended)) => {
                self.task_ended(&mut effects, &run.node, task, ended, now);
            }
            (Unit::Release, ReportEvent::Started) => self.release_started(&mut effects, &run.node, now),
            (Unit::Release, ReportEvent::Ended(ended)) => {
                self.end_release(&mut effects, &run.node, RunOutcome::reported(ended), now);
            }
        }
        effects
    }

    /// Handles an event of a node. A node that the job does not know changes nothing.
    #[must_use = "instructions among the effects must be carried out"]
    pub fn node_event(&mut self, node: &NodeId, event: NodeEvent, clock: impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = self.buffer.take();
        let Some(record) = self.nodes.get(node) else { return effects };
        // I1: a completed job is left only by its deletion, whatever happens to its nodes.
        if self.end_time().is_some() || !is_news(record.contact, event) {
            return effects;
        }
        let node = &node.clone();
        match event {
            NodeEvent::Rebooted => self.rebooted(&mut effects, node, now), // N1
            NodeEvent::Reimaged | NodeEvent::Preempted => {
                self.wiped(&mut effects, node, event, false, now); // N2, N3
            }
            NodeEvent::Removed | NodeEvent::Deallocated => {
                self.wiped(&mut effects, node, event, true, now); // N3, N9
            }
            NodeEvent::Lost | NodeEvent::Unusable | NodeEvent::Returned | NodeEvent::Started => {
                self.emit_node(&mut effects, node, JobNodeFact::EventRecorded(event)); // N4, N5, N8, N9
            }
        }
        effects
    }

    /// N1: the node's disk is as it was, but nothing runs on it any more.
    fn rebooted(&mut self, effects: &mut Vec<Effect>, node: &NodeId, now: Timestamp) {
        let was_releasing = self.nodes.get(node).is_some_and(|record| record.releasing().is_some());
        self.clear_node(effects, node, false, now);
        self.emit_node(effects, node, JobNodeFact::EventRecorded(NodeEvent::Rebooted));
        if was_releasing {
            self.issue_release(effects, node);
        } else {
            self.release_if_due(effects, node);
        }
    }

    /// N2, N3: nothing of the job is left on the node, and no release can or need run there.
    fn wiped(
        &mut self,
        effects: &mut Vec<Effect>,
        node: &NodeId,
        event: NodeEvent,
        by_user: bool,
        now: Timestamp,
    ) {
        self.clear_node(effects, node, by_user, now);
        self.end_release(effects, node, RunOutcome::LOST, now);
        self.emit_node(effects, node, JobNodeFact::EventRecorded(event));
    }

    fn preparation_started(&mut self, effects: &mut Vec<Effect>, node: &NodeId, now: Timestamp) {
        let Some(record) = self.nodes.get(node) else { return };
        if is_issued(record.preparation.as_ref()) {
            let at = record.stamp(now);
            self.emit_node(effects, node, JobNodeFact::PreparationStarted { at });
        }
    }

    /// K1, E3, N7: the end of the preparation decides about the tasks that wait for it.
    fn preparation_ended(&mut self, effects: &mut Vec<Effect>, node: &NodeId, ended: &Ended, now: Timestamp) {
        let Some(record) = self.nodes.get(node) else { return };
        let Some(run) = record.preparing() else { return };
        let verdict = self.judge_preparation(run.is_stopping(), run.retry_count, ended);
        let next_retry = run.retry_count.saturating_add(1);
        let waiting: Vec<TaskId> = record.tasks().cloned().collect();
        self.end_preparation(effects, node, RunOutcome::reported(ended), verdict, now);

        match verdict {
            PreparationVerdict::Ready => {
                for task in &waiting {
                    self.start_prepared(effects, task, node, now);
                }
            }
            PreparationVerdict::Retry => self.issue_preparation(effects, node, next_retry),
            PreparationVerdict::Barred | PreparationVerdict::Unprepared => {
                for task in &waiting {
                    self.depart(effects, task, Departure::Lost { by_user: false }, now); // N7, E3
                }
            }
        }
        self.release_if_due(effects, node);
    }

    fn judge_preparation(&self, stopping: bool, retry_count: u32, ended: &Ended) -> PreparationVerdict {
        let task = self.template().preparation.as_ref();
        let limit = task.map_or(RetryLimit::Times(0), |task| task.constraints.max_task_retry_count);
        if stopping {
            PreparationVerdict::Unprepared // E5
        } else if ended.is_success() {
            PreparationVerdict::Ready
        } else if ended.failure.is_none() && limit.allows(retry_count) {
            // G1
            if self.starts_tasks() { PreparationVerdict::Retry } else { PreparationVerdict::Unprepared }
        } else if task.is_some_and(|task| task.wait_for_success) {
            PreparationVerdict::Barred // N7, K5
        } else {
            PreparationVerdict::Ready // E5
        }
    }

    /// Whether tasks that are on a node can start there, so that their preparation is retried (G1).
    fn starts_tasks(&self) -> bool {
        match &self.state {
            JobState::Living(Living::Active | Living::Disabling(DisableTasks::Wait)) => true,
            JobState::Living(
                Living::Disabling(DisableTasks::Requeue | DisableTasks::Terminate)
                | Living::Disabled
                | Living::Enabling,
            )
            | JobState::Ending(_)
            | JobState::Completed(_) => false,
        }
    }

    /// K1: a task whose node is prepared starts, unless it was told to stop meanwhile: then the end of
    /// its preparation is the node's answer to that (K6).
    fn start_prepared(&mut self, effects: &mut Vec<Effect>, task: &TaskId, node: &NodeId, now: Timestamp) {
        let Some(waiting) = self.task(task) else { return };
        let Some(assignment) = waiting.state().assignment().cloned() else { return };
        if assignment.stop.is_some() {
            return self.depart(effects, task, Departure::Lost { by_user: false }, now);
        }
        let (placement, run, at) = (assignment.placement, assignment.run, waiting.stamps().next(now));
        self.emit_task(effects, task, TaskFact::Running { placement, run, at });
        self.instruct_run(effects, node, Unit::Task(task.clone()), run);
    }

    /// K2
    fn task_started(&mut self, effects: &mut Vec<Effect>, task: &TaskId, now: Timestamp) {
        let Some(found) = self.task(task) else { return };
        match found.state() {
            TaskState::Running { start_time: None, .. } => {
                let at = found.stamps().next(now);
                self.emit_task(effects, task, TaskFact::Started { at });
            }
            TaskState::Active
            | TaskState::Preparing(_)
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
        let Some(found) = self.task(task) else { return };
        // A task that waits for its preparation has not run, so only a stop of its own can be answered (E10). When its
        // job ends, its preparation is told to stop, and the task ends with that (E3).
        if !found.state().is_preparing() || found.stop().is_some() {
            self.depart(effects, task, Departure::Ended(ended), now);
            self.release_if_due(effects, node);
        }
    }

    fn release_started(&mut self, effects: &mut Vec<Effect>, node: &NodeId, now: Timestamp) {
        let Some(record) = self.nodes.get(node) else { return };
        if is_issued(record.release.as_ref()) {
            let at = record.stamp(now);
            self.emit_node(effects, node, JobNodeFact::ReleaseStarted { at });
        }
    }
}

fn is_issued(run: Option<&NodeRun>) -> bool {
    run.is_some_and(|run| matches!(run.state, NodeRunState::Issued { .. }))
}

/// Whether an event is news about a node with this contact.
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
