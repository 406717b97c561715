//! The only place where a job's state changes: each effect, made true.

use alloc::{collections::BTreeMap, sync::Arc};

use crate::{
    Timestamp,
    id::{NodeId, TaskId},
    job::{
        Contact, Effect, Job, JobNode, JobSettings, JobSpecification, JobState, NodeEvent, NodeRun,
        NodeRunState, OnTaskFailure, PreparationOutcome, TaskIndex, TaskTable,
    },
    task::{JobAction, Placement, StopCause, Task, TaskState},
};

/// A job as `Effect::JobAdded` makes it.
pub(crate) fn new_job(
    specification: &Arc<JobSpecification>,
    settings: &Arc<JobSettings>,
    creation_time: Timestamp,
    at: Timestamp,
) -> Job {
    Job {
        specification: specification.clone(),
        settings: settings.clone(),
        creation_time,
        start_time: at,
        last_modified: at,
        state: JobState::Active,
        state_transition_time: at,
        previous_state: None,
        demands: BTreeMap::new(),
        nodes: BTreeMap::new(),
        tasks: Arc::default(),
    }
}

impl Job {
    /// Makes an effect of this job true: what a host does that stores effects instead of state. An
    /// effect that does not fit the state, or is another job's, changes nothing it does not name.
    #[expect(clippy::too_many_lines, reason = "one table, an arm an effect")]
    pub fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::JobUpdated { settings, at, .. } => {
                self.settings = settings.clone();
                self.last_modified = *at;
            }
            Effect::JobTouched { at, .. } => self.last_modified = *at,
            Effect::JobDisabling { disable_tasks, at, .. } => {
                self.apply_disabling(JobState::Disabling(*disable_tasks), *at);
            }
            Effect::JobDisabled { at, .. } => self.enter(JobState::Disabled, *at),
            Effect::JobEnabled { at, .. } => {
                self.last_modified = *at;
                self.enter(JobState::Active, *at);
                self.heed(JobAction::Disable); // A user's wish overrides what a failure asked for.
            }
            Effect::JobTerminating { reason, at, modified, give_up_at, .. } => {
                self.last_modified = modified.unwrap_or(self.last_modified); // T2
                self.demands.clear();
                self.enter(JobState::Terminating { reason: reason.clone(), give_up_at: *give_up_at }, *at);
            }
            Effect::JobTerminationForced { at, give_up_at, .. } => self.apply_force(*at, *give_up_at),
            Effect::JobCompleted { at, .. } => self.apply_completed(*at),
            Effect::JobDeleting { at, give_up_at, .. } => {
                let terminated = self.terminate_reason().cloned().map(|reason| (reason, self.end_time()));
                self.enter(JobState::Deleting { terminated, give_up_at: *give_up_at }, *at);
            }

            Effect::TaskAdded { specification, constraints, at, .. } => {
                let sequence = self.tasks.next_sequence;
                self.tasks_mut().insert(Task::new(specification.clone(), *constraints, sequence, *at));
            }
            Effect::TaskUpdated { task, constraints, at, .. } => self.tasks_mut().change(task, |task| {
                task.constraints = *constraints;
                task.last_modified = *at;
            }),
            Effect::TaskTouched { task, at, .. } => {
                self.tasks_mut().change(task, |task| task.last_modified = *at);
            }
            Effect::TaskPreparing { task, placement, at, .. } => {
                let state = TaskState::Preparing { placement: placement.clone(), stop: None };
                self.place(task, placement, state, *at);
            }
            Effect::TaskRunning { task, placement, at, .. } => {
                let state = TaskState::Running { placement: placement.clone(), stop: None, start_time: None };
                self.place(task, placement, state, *at);
            }
            Effect::TaskStarted { task, at, .. } => self.tasks_mut().change(task, |task| start(task, *at)),
            Effect::TaskCompleted { task, completion, .. } => {
                self.unplace(task);
                let (state, at) = (TaskState::Completed((**completion).clone()), completion.end_time);
                self.tasks_mut().change(task, |task| task.enter(state, at));
                self.note_demand(task);
            }
            Effect::TaskRetried { task, at, .. } => {
                self.unplace(task);
                self.tasks_mut().change(task, |task| {
                    task.enter(TaskState::Active, *at);
                    task.retry_count = task.retry_count.saturating_add(1);
                    task.last_retry_time = Some(*at);
                });
            }
            Effect::TaskRequeued { task, at, counted, .. } => {
                self.unplace(task);
                self.tasks_mut().change(task, |task| {
                    task.enter(TaskState::Active, *at);
                    if *counted {
                        task.requeue_count = task.requeue_count.saturating_add(1);
                        task.last_requeue_time = Some(*at);
                    }
                });
            }
            Effect::TaskReactivated { task, at, .. } => {
                self.demands.remove(task);
                self.tasks_mut().change(task, |task| {
                    task.enter(TaskState::Active, *at);
                    task.last_modified = *at;
                    task.retry_count = 0;
                    task.last_retry_time = None;
                });
            }
            Effect::TaskDeleted { task, .. } => {
                self.demands.remove(task);
                self.unplace(task);
                self.tasks_mut().remove(task);
            }
            Effect::StopTask { task, cause, .. } => match cause {
                StopCause::JobEnding => {} // The job's state tells it.
                StopCause::UserTerminate
                | StopCause::UserRequeue
                | StopCause::WallClockTime
                | StopCause::Delete => self.tasks_mut().change(task, |task| mark_stop(task, *cause)),
            },

            Effect::RunPreparation { node, pool, retry_count, run, .. } => {
                let record = self.nodes.entry(node.clone()).or_insert_with(|| JobNode::new(pool.clone()));
                record.preparation = Some(NodeRun::ordered(*run, *retry_count));
                record.runs = *run;
            }
            Effect::StopPreparation { node, .. } => self.change_node(node, |record| {
                if let Some(run) = &mut record.preparation {
                    run.told_to_stop = true;
                }
            }),
            Effect::RunRelease { node, run, .. } => self.change_node(node, |record| {
                record.release = Some(NodeRun::ordered(*run, 0));
                record.runs = *run;
            }),
            Effect::PreparationStarted { node, at, .. } => self.change_node(node, |record| {
                record.latest = *at;
                if let Some(run) = &mut record.preparation {
                    run.state = NodeRunState::Running { start_time: *at };
                }
            }),
            Effect::PreparationEnded { node, at, exit_code, outcome, .. } => {
                self.change_node(node, |record| end_preparation(record, *at, *exit_code, *outcome));
            }
            Effect::ReleaseStarted { node, at, .. } => self.change_node(node, |record| {
                record.latest = *at;
                if let Some(run) = &mut record.release {
                    run.state = NodeRunState::Running { start_time: *at };
                }
            }),
            Effect::ReleaseEnded { node, at, exit_code, succeeded, .. } => self.change_node(node, |record| {
                record.latest = *at;
                if let Some(run) = &mut record.release {
                    let (start_time, end_time) = (run.start_time(), *at);
                    run.state = NodeRunState::Completed {
                        start_time,
                        end_time,
                        exit_code: *exit_code,
                        succeeded: *succeeded,
                    };
                }
            }),
            Effect::NodeNoted { node, event, .. } => self.apply_node_event(node, *event),

            // These change nothing of a job that exists, or are not a job's.
            Effect::JobAdded { .. }
            | Effect::JobDeleted { .. }
            | Effect::StartTask { .. }
            | Effect::StopRelease { .. }
            | Effect::PoolAdded { .. }
            | Effect::PoolResizing { .. }
            | Effect::PoolSteady { .. }
            | Effect::PoolDeleting { .. }
            | Effect::PoolDeleted { .. }
            | Effect::AddNodes { .. }
            | Effect::NodeAdded { .. }
            | Effect::NodeScheduling { .. }
            | Effect::NodeOrdered { .. }
            | Effect::CarryOut { .. }
            | Effect::NodeChanged { .. }
            | Effect::NodeRemoved { .. } => {}
        }
    }

    /// Goes from one state to another. A state that is only passed through is not remembered (T7).
    fn enter(&mut self, state: JobState, at: Timestamp) {
        if !self.state.is_transitional() {
            self.previous_state = Some((self.state.name(), self.state_transition_time));
        }
        self.state = state;
        self.state_transition_time = at;
    }

    fn apply_disabling(&mut self, state: JobState, at: Timestamp) {
        self.last_modified = at;
        if self.state.name() == state.name() {
            self.state = state; // Only the option is new.
        } else {
            self.enter(state, at);
        }
        self.heed(JobAction::Disable);
    }

    fn apply_force(&mut self, at: Timestamp, deadline: Timestamp) {
        if let JobState::Terminating { give_up_at, .. } = &mut self.state {
            *give_up_at = Some(deadline);
            self.last_modified = at;
        }
    }

    fn apply_completed(&mut self, at: Timestamp) {
        if let Some(reason) = self.terminate_reason().cloned() {
            self.enter(JobState::Completed { reason, end_time: at }, at);
        }
    }

    /// What a failed task asks of the job counts only if the job listens (X3).
    fn note_demand(&mut self, task: &TaskId) {
        let asked = match self.specification.on_task_failure {
            OnTaskFailure::NoAction => JobAction::None,
            OnTaskFailure::PerformExitOptionsJobAction => {
                self.task(task).map_or(JobAction::None, Task::demanded_job_action)
            }
        };
        match asked {
            JobAction::None => {}
            JobAction::Disable | JobAction::Terminate => drop(self.demands.insert(task.clone(), asked)),
        }
    }

    /// Whether a failed task asks for this.
    pub(super) fn demands(&self, action: JobAction) -> bool {
        self.demands.values().any(|demand| *demand == action)
    }

    fn heed(&mut self, action: JobAction) {
        self.demands.retain(|_, demand| *demand != action);
    }

    /// The tasks, no longer shared with a copy of the job.
    fn tasks_mut(&mut self) -> &mut TaskTable {
        Arc::make_mut(&mut self.tasks)
    }

    fn change_node(&mut self, node: &NodeId, change: impl FnOnce(&mut JobNode)) {
        if let Some(record) = self.nodes.get_mut(node) {
            change(record);
        }
    }

    /// Puts a task that waits for it on a node; any other is where it is.
    fn place(&mut self, task: &TaskId, placement: &Placement, state: TaskState, at: Timestamp) {
        let waits = self.task(task).is_some_and(|task| match &task.state {
            TaskState::Active => true,
            TaskState::Preparing { placement: there, .. } => there == placement,
            TaskState::Running { .. } | TaskState::Completed(_) => false,
        });
        if !waits {
            return;
        }
        let Placement { pool, node } = placement;
        // A node that left may be back in another pool, or spelling (S4); what is known of it stays.
        let known = self.nodes.remove(node).map(|record| JobNode { pool: pool.clone(), ..record });
        let record =
            self.nodes.entry(node.clone()).or_insert(known.unwrap_or_else(|| JobNode::new(pool.clone())));
        record.tasks.insert(task.clone());
        record.ran_tasks |= matches!(state, TaskState::Running { .. });
        self.tasks_mut().change(task, |task| {
            task.runs = task.runs.saturating_add(u32::from(task.state == TaskState::Active));
            task.enter(state, at);
        });
    }

    fn unplace(&mut self, task: &TaskId) {
        let node = self.task(task).and_then(Task::placement).map(|placement| placement.node.clone());
        if let Some(node) = node {
            self.change_node(&node, |record| {
                record.tasks.remove(task);
            });
        }
    }

    fn apply_node_event(&mut self, node: &NodeId, event: NodeEvent) {
        let rerun = self
            .specification
            .preparation
            .as_ref()
            .is_none_or(|task| task.rerun_on_node_reboot_after_success);
        self.change_node(node, |record| match event {
            NodeEvent::Rebooted => {
                record.contact = Contact::Answering;
                record.rerun_preparation |= rerun; // N1
            }
            NodeEvent::Reimaged => {
                // N2, but what ran stays in the status list, and a release does not run again (E7).
                let JobNode { pool, preparation, release, runs, latest, .. } = record.clone();
                *record = JobNode { preparation, release, runs, latest, ..JobNode::new(pool) };
            }
            NodeEvent::Removed | NodeEvent::Preempted | NodeEvent::Deallocated => {
                // N3: forgotten, but for what the status list shows.
                record.contact = Contact::Gone;
                record.prepared = false;
                record.barred = false;
                record.ran_tasks = false;
            }
            NodeEvent::Lost | NodeEvent::Unusable => record.contact = Contact::Lost, // N4, N8
            NodeEvent::Returned | NodeEvent::Started => record.contact = Contact::Answering, // N5, N9
        });
    }
}

/// K2: the state is stamped again; what came before it stays.
fn start(task: &mut Task, at: Timestamp) {
    if let TaskState::Running { start_time, .. } = &mut task.state {
        *start_time = Some(at);
        task.state_transition_time = at;
    }
}

fn mark_stop(task: &mut Task, cause: StopCause) {
    match &mut task.state {
        TaskState::Preparing { stop, .. } | TaskState::Running { stop, .. } => *stop = Some(cause),
        TaskState::Active | TaskState::Completed(_) => {}
    }
}

fn end_preparation(record: &mut JobNode, at: Timestamp, exit_code: Option<i32>, outcome: PreparationOutcome) {
    record.latest = at;
    let succeeded = match outcome {
        PreparationOutcome::Succeeded => true,
        PreparationOutcome::NotWaitedFor
        | PreparationOutcome::Retried
        | PreparationOutcome::Failed
        | PreparationOutcome::Stopped => false,
    };
    if let Some(run) = &mut record.preparation {
        run.state =
            NodeRunState::Completed { start_time: run.start_time(), end_time: at, exit_code, succeeded };
    }
    match outcome {
        PreparationOutcome::Succeeded | PreparationOutcome::NotWaitedFor => {
            record.prepared = true;
            record.rerun_preparation = false;
        }
        PreparationOutcome::Failed => record.barred = true, // N7
        PreparationOutcome::Retried | PreparationOutcome::Stopped => {}
    }
}

impl TaskTable {
    fn insert(&mut self, task: Task) {
        let id = task.id().clone();
        if self.by_id.contains_key(&id) {
            return;
        }
        self.next_sequence = self.next_sequence.max(task.sequence.saturating_add(1));
        if let Some(number) = number(&id) {
            self.numbered.entry(number).or_default().insert(id.clone());
        }
        self.index.insert(&task);
        self.by_id.insert(id.clone(), task);
        self.recount_number(&id);
    }

    fn remove(&mut self, id: &TaskId) {
        let Some(task) = self.by_id.remove(id) else { return };
        self.index.remove(&task);
        if let Some(number) = number(id) {
            let ids = self.numbered.entry(number).or_default();
            ids.remove(id);
            if ids.is_empty() {
                self.numbered.remove(&number);
            }
        }
        self.recount_number(id);
    }

    /// Changes a task, and the indexes with it.
    fn change(&mut self, id: &TaskId, change: impl FnOnce(&mut Task)) {
        let Some(task) = self.by_id.get_mut(id) else { return };
        self.index.remove(task);
        change(task);
        self.index.insert(task);
        self.recount_number(id);
    }

    /// A number is met when there are tasks of it and each satisfies its dependants (K9).
    fn recount_number(&mut self, id: &TaskId) {
        let Some(number) = number(id) else { return };
        let met = |id: &TaskId| self.by_id.get(id).is_some_and(Task::satisfies_dependants);
        let is_met = self.numbered.get(&number).is_some_and(|ids| ids.iter().all(met));
        self.met.set(number, is_met);
    }
}

impl TaskIndex {
    pub(super) fn insert(&mut self, task: &Task) {
        *self.counts.of(&task.state) += 1;
        *self.slots.of(&task.state) += u64::from(task.specification.required_slots);
        if task.state == TaskState::Active {
            self.queue.insert(task.sequence, task.id().clone());
        }
    }

    fn remove(&mut self, task: &Task) {
        *self.counts.of(&task.state) -= 1;
        *self.slots.of(&task.state) -= u64::from(task.specification.required_slots);
        if task.state == TaskState::Active {
            self.queue.remove(&task.sequence);
        }
    }
}

/// The whole number that an id is, if it is one that a dependency range can name (K9).
pub(super) fn number(id: &TaskId) -> Option<u32> {
    let text = id.as_str();
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
