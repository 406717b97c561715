//! What must hold after every input, worked out anew from what a reader can see: nothing here trusts
//! the account's own indexes or its `check`.

use std::collections::{BTreeMap, BTreeSet};

use azbatch::{
    Account, Completion, Contact, DependencyAction, DisableTasks, Effect, ExitOptions, Job, JobAction, JobId,
    JobNode, JobState, JobStateName, NodeEvent, NodeId, NodeOrder, NodeRun, NodeState, OnAllTasksComplete,
    OnTaskFailure, Placement, PreparationOutcome, Report, StopCause, Task, TaskFailure, TaskId, TaskState,
    TerminateReason, TimeSpan, Timestamp, Unit,
};

use super::{Fed, Input, LATEST, Step, feed, outstanding};

/// An account under watch: each step is checked against everything that section 10 and the rules say.
pub(crate) struct World {
    pub(crate) account: Account,
    pub(crate) now: Timestamp,
    /// What each job is remembered for.
    jobs: BTreeMap<JobId, Memory>,
    pub(crate) hosts: Hosts,
}

/// What the state does not tell but the rules speak of.
#[derive(Default)]
struct Memory {
    /// The tasks that were active when the job began to end (I2).
    left_behind: Option<BTreeMap<TaskId, Task>>,
    /// Tasks in the order in which they were added.
    order: Vec<TaskId>,
    /// The nodes where a task ran since they were made or reimaged (E5, N2).
    ran: BTreeSet<NodeId>,
    /// The nodes where the preparation ran to completion since they were made or reimaged (E5).
    prepared: BTreeSet<NodeId>,
    /// The nodes that rebooted since, if that makes the preparation run again (N1).
    rebooted: BTreeSet<NodeId>,
    /// The nodes where the release was ordered (E7).
    released: BTreeSet<NodeId>,
    /// What failed tasks asked for (X3, X7).
    demanded: BTreeMap<TaskId, JobAction>,
    /// The job manager task was deleted; a later task of its name is another one (X2).
    manager_deleted: bool,
    /// Whether nodes may have been given up.
    forced: bool,
}

/// The nodes as their owner sees them: they know what they were told, and nothing else.
#[derive(Default)]
pub(crate) struct Hosts(BTreeMap<(JobId, NodeId), Work>);

/// What a node has of a job. `true` if it was told to stop it.
#[derive(Default)]
struct Work {
    preparation: Option<bool>,
    release: bool,
    tasks: BTreeMap<TaskId, bool>,
}

impl Hosts {
    pub(crate) fn follow(&mut self, effect: &Effect) {
        match effect {
            Effect::RunPreparation { job, node, .. } => self.of(job, node).preparation = Some(false),
            Effect::StopPreparation { job, node } => self.of(job, node).preparation = Some(true),
            Effect::RunRelease { job, node, .. } => self.of(job, node).release = true,
            Effect::StopRelease { job, node } | Effect::ReleaseEnded { job, node, .. } => {
                self.of(job, node).release = false;
            }
            Effect::PreparationEnded { job, node, .. } => self.of(job, node).preparation = None,
            Effect::StartTask { job, task, node, .. } => {
                self.of(job, node).tasks.insert(task.clone(), false);
            }
            Effect::StopTask { job, task, node, .. } => {
                self.of(job, node).tasks.insert(task.clone(), true);
            }
            Effect::TaskCompleted { job, task, .. }
            | Effect::TaskRetried { job, task, .. }
            | Effect::TaskRequeued { job, task, .. }
            | Effect::TaskDeleted { job, task, .. } => {
                for ((of, _), work) in &mut self.0 {
                    if of == job {
                        work.tasks.remove(task);
                    }
                }
            }
            Effect::NodeNoted {
                job,
                node,
                event:
                    NodeEvent::Rebooted
                    | NodeEvent::Reimaged
                    | NodeEvent::Removed
                    | NodeEvent::Preempted
                    | NodeEvent::Deallocated,
            } => {
                self.0.remove(&(job.clone(), node.clone()));
            }
            Effect::JobDeleted { job } => self.0.retain(|(of, _), _| of != job),
            _ => {}
        }
    }

    fn of(&mut self, job: &JobId, node: &NodeId) -> &mut Work {
        self.0.entry((job.clone(), node.clone())).or_default()
    }

    /// What nodes were told to stop or to run to its end. What they were not told to stop runs on for
    /// ever, unless `patient`.
    pub(crate) fn due(&self, patient: bool) -> Vec<(JobId, NodeId, Unit)> {
        let mut due = Vec::new();
        for ((job, node), work) in &self.0 {
            let mut push = |unit| due.push((job.clone(), node.clone(), unit));
            if work.preparation.is_some_and(|stopped| stopped || patient) {
                push(Unit::Preparation);
            }
            if work.release {
                push(Unit::Release);
            }
            let tasks = work.tasks.iter().filter(|(_, stopped)| **stopped || patient);
            tasks.for_each(|(task, _)| push(Unit::Task(task.clone())));
        }
        due
    }
}

/// What was, what came in and what is.
struct Change<'a> {
    before: &'a Account,
    input: &'a Input,
    report: Option<Report>,
    fed: &'a Fed,
    after: &'a Account,
    now: Timestamp,
}

impl World {
    pub(crate) fn new(now: Timestamp) -> Self {
        let account = Account::new("https://contoso.westus.batch.azure.com");
        Self { account, now, jobs: BTreeMap::new(), hosts: Hosts::default() }
    }

    /// Makes a step and checks it.
    ///
    /// # Panics
    /// If anything does not hold.
    pub(crate) fn step(&mut self, step: &Step) -> Fed {
        self.now = step.clock.from(self.now, &self.account);
        self.feed(&step.input)
    }

    /// Feeds an input at the time that it is, and checks what came of it.
    pub(crate) fn feed(&mut self, input: &Input) -> Fed {
        let before = self.account.clone();
        let fed = feed(&mut self.account, input, self.now);
        let change = Change {
            before: &before,
            input,
            report: input.report(&before),
            fed: &fed,
            after: &self.account,
            now: self.now,
        };
        change.check_determinism();
        change.check_refusal();
        change.check_node_states();
        change.check_counts();
        change.check_deadline();
        change.check_schedule();
        for effect in &fed.effects {
            change.check_effect(effect);
        }
        for job in self.account.jobs() {
            change.check_job(job);
        }
        for job in before.jobs() {
            change.check_departure(job);
            change.check_tick(job, self.jobs.get(job.id()).unwrap());
        }
        remember(&mut self.jobs, &change);
        for effect in &fed.effects {
            self.hosts.follow(effect);
        }
        if let Err(violation) = self.account.check() {
            panic!("{violation}");
        }
        fed
    }
}

impl Change<'_> {
    /// I5: the same input makes the same of the same state, and the effects tell all of it.
    fn check_determinism(&self) {
        let mut twin = self.before.clone();
        assert_eq!(feed(&mut twin, self.input, self.now), *self.fed, "I5: the same input, other effects");
        assert_eq!(twin, *self.after, "I5: the same input, another state");

        let mut replayed = self.before.clone();
        self.fed.effects.iter().for_each(|effect| replayed.apply(effect));
        assert_eq!(replayed, *self.after, "I5: the effects do not give the new state");
    }

    fn check_refusal(&self) {
        if self.fed.refused {
            assert_eq!(*self.before, *self.after, "I4: a refused request changed something");
        }
        if let Some(report) = &self.report {
            let known = outstanding(self.before).contains(&(
                report.job.clone(),
                report.node.clone(),
                report.unit.clone(),
            ));
            assert!(known || self.fed.effects.is_empty(), "E10: a report of nothing known was heard");
        }
    }

    fn old_job(&self, job: &JobId) -> Option<&Job> {
        self.before.job(job).ok()
    }

    fn is_tick(&self) -> bool {
        matches!(self.input, Input::Tick)
    }

    /// The jobs and the account know the same about each node (N3, N4, N5).
    fn check_node_states(&self) {
        // I1: a job that is over no longer hears of its nodes.
        for job in self.after.jobs().filter(|job| job.end_time().is_none()) {
            for (id, record) in job.nodes() {
                let contact = record.contact();
                let right = match self.after.node(id).map(azbatch::Node::state) {
                    Some(NodeState::Ready | NodeState::Rebooting | NodeState::Reimaging) => {
                        contact == Contact::Answering
                    }
                    // A node that is being brought back may get lost before it is there.
                    Some(NodeState::Unknown | NodeState::Unusable) => contact != Contact::Answering,
                    Some(NodeState::Preempted | NodeState::Deallocated | NodeState::Starting) | None => {
                        contact == Contact::Gone
                    }
                    // What a user wants goes on whether it answers or not.
                    Some(NodeState::LeavingPool | NodeState::Deallocating) => true,
                };
                assert!(right, "job {} is wrong about node {id}: {contact:?}", job.id());
                if owes(record) {
                    let pool = self.after.node(id).map(azbatch::Node::pool);
                    assert_eq!(Some(record.pool()), pool, "job {} is wrong about node {id}", job.id());
                }
            }
        }
        for node in self.after.nodes() {
            if let Some(old) = self.before.node(node.id()) {
                assert!(old.state_transition_time() <= node.state_transition_time(), "I3: {}", node.id());
                let leaves = matches!(node.state(), NodeState::LeavingPool | NodeState::Preempted);
                let was_leaving = old.state() == NodeState::LeavingPool;
                assert!(!was_leaving || leaves, "node {} stays: {:?}", node.id(), node.state());
            }
        }
    }

    /// I6: counts and slots equal a recount.
    fn check_counts(&self) {
        let mut taken: BTreeMap<&NodeId, BTreeMap<(&JobId, &TaskId), u32>> = BTreeMap::new();
        for job in self.after.jobs() {
            let mut tasks = [0; 4];
            let mut slots = [0; 4];
            for task in job.tasks() {
                let required = task.specification().required_slots;
                let column = match task.state() {
                    TaskState::Active => 0,
                    TaskState::Preparing { placement, .. } | TaskState::Running { placement, .. } => {
                        let whole = task.specification().run_exclusive;
                        let slots = self.after.node(&placement.node).map_or(0, azbatch::Node::slots);
                        let needs = if whole { required.max(slots) } else { required };
                        taken.entry(&placement.node).or_default().insert((job.id(), task.id()), needs);
                        1
                    }
                    TaskState::Completed(completion) => 2 + usize::from(completion.failure.is_some()),
                };
                tasks[column] += 1;
                slots[column] += u64::from(required);
            }
            let (counts, slot_counts) = (job.task_counts(), job.task_slot_counts());
            assert_eq!(tasks, [counts.active, counts.running, counts.succeeded, counts.failed], "I6");
            let counted =
                [slot_counts.active, slot_counts.running, slot_counts.succeeded, slot_counts.failed];
            assert_eq!(slots, counted, "I6");
        }
        for node in self.after.nodes() {
            let tasks = taken.remove(node.id()).unwrap_or_default();
            let sum: u32 = tasks.values().sum();
            assert!(sum <= node.slots(), "I6: node {} is oversubscribed", node.id());
            assert_eq!(node.free_slots(), node.slots() - sum, "I6: free slots of node {}", node.id());
            let kept: BTreeSet<_> = node.tasks().collect();
            assert_eq!(kept, tasks.into_keys().collect(), "I6: tasks of node {}", node.id());
        }
        assert!(taken.is_empty(), "tasks on nodes that are not there: {taken:?}");
    }

    /// S3: a tick does something from the deadline on, and nothing before.
    fn check_deadline(&self) {
        if self.is_tick() {
            let due = self.before.deadline().is_some_and(|deadline| deadline <= self.now);
            assert_eq!(due, !self.fed.effects.is_empty(), "S3: due {due}, but {:?}", self.fed.effects);
        }
        let mut later = self.after.clone();
        let Some(deadline) = later.deadline() else {
            let last = Timestamp::from_ticks(LATEST).unwrap();
            assert_eq!(later.tick(&last), [], "S3: a tick that was never due did something");
            return;
        };
        if let Some(early) = deadline.ticks().checked_sub(1).and_then(Timestamp::from_ticks) {
            assert_eq!(later.tick(&early), [], "S3: a tick before the deadline did something");
        }
        assert!(!later.tick(&deadline.max(self.now)).is_empty(), "S3: a tick at the deadline did nothing");
    }

    /// P1: the account's own scheduler leaves nothing to do.
    fn check_schedule(&self) {
        if matches!(self.input, Input::ScheduleAll) {
            assert_eq!(self.after.clone().schedule(&self.now), [], "P1: there was more to give");
        }
    }

    fn check_effect(&self, effect: &Effect) {
        let old = effect.job().and_then(|job| self.old_job(job));
        if let (Some(job), Some(known)) = (effect.job(), old) {
            // S4: what goes out has the spelling that the job was made with.
            assert_eq!(job.as_str(), known.id().as_str(), "S4: {effect:?}");
        }
        if let Some(node) = node_of(effect) {
            let known = self.before.node(node).or_else(|| self.after.node(node)).map(azbatch::Node::id);
            assert!(
                known.is_none_or(|known| known.as_str() == node.as_str()),
                "S4: {effect:?} for {known:?}"
            );
        }
        self.check_origin(effect);
        self.check_order(effect);
        self.check_instruction(effect);
        match effect {
            Effect::TaskPreparing { job, task, .. } | Effect::TaskRunning { job, task, .. } => {
                let job = old.unwrap_or_else(|| panic!("a task of no job {job} was placed"));
                let task = job.task(task).unwrap();
                assert_eq!(task.stop_cause(), None, "K6: a task that was told to stop went on");
                if *task.state() == TaskState::Active {
                    self.check_assignment(job, task);
                }
            }
            Effect::TaskCompleted { task, completion, .. } => {
                let job = old.unwrap();
                check_completion(job, job.task(task).unwrap(), completion);
            }
            Effect::JobDeleting { give_up_at, .. } => {
                let old = old.unwrap();
                if let JobState::Terminating { give_up_at: Some(earlier), .. } = old.state() {
                    // F1: what was forced once stays forced.
                    assert!(give_up_at.is_some_and(|at| at <= *earlier), "{effect:?} after {earlier}");
                }
                let wound_down = is_ending(old.state().name()) || old.end_time().is_some();
                assert!(!wound_down || self.fed.effects.len() == 1, "G2: {:?}", self.fed.effects);
            }
            Effect::JobTerminationForced { .. } => {
                let unforced =
                    matches!(old.map(Job::state), Some(JobState::Terminating { give_up_at: None, .. }));
                assert!(unforced, "F2: {old:?} was forced");
            }
            Effect::TaskRetried { .. } | Effect::TaskRequeued { .. } => {
                let ending = is_ending(old.unwrap().state().name());
                assert!(!ending, "E2: a task of an ending job went back to the queue");
            }
            _ => {}
        }
    }

    /// S1: what the service does by itself happens at ticks, and the rest does not.
    fn check_origin(&self, effect: &Effect) {
        let right = match effect {
            Effect::JobDisabled { .. }
            | Effect::JobCompleted { .. }
            | Effect::JobDeleted { .. }
            | Effect::StopRelease { .. }
            | Effect::CarryOut { .. }
            | Effect::PoolSteady { .. }
            | Effect::PoolDeleted { .. } => self.is_tick(),
            Effect::JobTerminating { reason, .. } => match reason {
                TerminateReason::User(_) | TerminateReason::Schedule => {
                    matches!(self.input, Input::Terminate { .. })
                }
                TerminateReason::MaxWallClockTimeExpiry
                | TerminateReason::JobManagerComplete
                | TerminateReason::TaskFailed
                | TerminateReason::AllTasksComplete => self.is_tick(),
            },
            Effect::JobDisabling { .. } => matches!(self.input, Input::Disable { .. }) || self.is_tick(),
            Effect::JobEnabled { .. } => matches!(self.input, Input::Enable { .. }),
            Effect::JobDeleting { .. } => matches!(self.input, Input::Delete { .. }),
            Effect::JobTerminationForced { .. } => matches!(self.input, Input::Terminate { force: true, .. }),
            Effect::TaskStarted { .. }
            | Effect::PreparationStarted { .. }
            | Effect::ReleaseStarted { .. } => self.report.is_some(),
            _ => true,
        };
        assert!(right, "S1: {:?} led to {effect:?}", self.input);
    }

    /// A node is told to do what was asked of it when no task is left on it, and if it can.
    fn check_order(&self, effect: &Effect) {
        if let Effect::CarryOut { node, order } = effect {
            let node = self.after.node(node).unwrap();
            // N10: one that does not answer need not let go of its tasks to be removed.
            let free = *order == NodeOrder::Remove && !node.answers();
            assert!(free || node.tasks().next().is_none(), "{effect:?}");
            let gone = node.state() == NodeState::Preempted;
            assert!(!gone || *order == NodeOrder::Remove, "N3: {effect:?} in {:?}", node.state());
        }
    }

    /// An instruction goes to a node that is there, and nothing is started that should not be.
    fn check_instruction(&self, effect: &Effect) {
        let (job, node, starts) = match effect {
            Effect::RunPreparation { job, node, .. } | Effect::StartTask { job, node, .. } => {
                (job, node, true)
            }
            Effect::StopPreparation { job, node }
            | Effect::StopTask { job, node, .. }
            | Effect::RunRelease { job, node, .. }
            | Effect::StopRelease { job, node } => (job, node, false),
            _ => return,
        };
        let there = self.after.node(node).unwrap_or_else(|| panic!("{effect:?} for a node that is gone"));
        let gone = matches!(there.state(), NodeState::Preempted | NodeState::Deallocated);
        assert!(!gone, "N3: {effect:?} in {:?}", there.state());
        let state = self.after.job(job).unwrap().state();
        let starting = matches!(state, JobState::Active | JobState::Disabling(DisableTasks::Wait));
        assert!(!starts || starting, "G1, E10: {effect:?} in {state:?}");
        match effect {
            Effect::RunPreparation { pool, .. } => assert_eq!(pool, there.pool(), "{effect:?}"),
            Effect::RunRelease { .. } => {
                assert!(is_ending(state.name()), "E5: {effect:?} in {state:?}");
            }
            Effect::StopTask { task, cause, .. } => {
                let old = self.old_job(job).and_then(|job| job.task(task)).unwrap();
                assert!(is_on(old, node), "{effect:?}, which is not there");
                // E2: the job's state tells it, and a user's wish does not come over it but to delete.
                let by_job = *cause == StopCause::JobEnding || *cause == StopCause::Delete;
                assert!(by_job || !is_ending(state.name()), "{effect:?} in {state:?}");
            }
            _ => {}
        }
    }

    /// K9, E10, G1 and the limits: a task goes to a node only if it may.
    fn check_assignment(&self, job: &Job, task: &Task) {
        assert_eq!(job.state().name(), JobStateName::Active, "E10, G1: {} was scheduled", task.id());
        assert!(dependencies_met(job, task), "K9: {} was scheduled too early", task.id());
        let on_nodes = job.tasks().filter(|task| on_a_node(task)).count();
        let limit = job.settings().max_parallel_tasks.map_or(usize::MAX, |limit| limit as usize);
        assert!(on_nodes < limit, "{} is one too many on nodes", task.id());
        let new = self.after.job(job.id()).unwrap().tasks().filter(|task| on_a_node(task)).count();
        assert!(new <= limit, "{} is one too many on nodes", task.id());
    }

    fn check_job(&self, job: &Job) {
        if let Some(previous) = job.previous_state() {
            let transitional = matches!(
                previous.0,
                JobStateName::Disabling | JobStateName::Enabling | JobStateName::Terminating
            );
            assert!(!transitional, "T7: {previous:?}");
        }
        if let JobState::Completed { .. } = job.state() {
            assert!(job.end_time().is_some() && job.terminate_reason().is_some(), "I1: job {}", job.id());
            assert!(!job.tasks().any(on_a_node), "I1: a task of completed job {} is on a node", job.id());
            assert!(!job.nodes().any(|(_, node)| owes(node)), "I1: something of job {} is left", job.id());
        }
        if let Some(old) = self.old_job(job.id()) {
            self.check_versions(old, job);
            job.tasks().for_each(|task| self.check_task_versions(old, task));
        }
    }

    /// I3, T2, T3: stamps of a job never go back, and its ETag moves when it should and only then.
    fn check_versions(&self, old: &Job, new: &Job) {
        let id = new.id();
        assert_eq!((old.creation_time(), old.start_time()), (new.creation_time(), new.start_time()));
        assert!(old.state_transition_time() <= new.state_transition_time(), "I3: job {id}");
        let moves = |effect: &Effect| match effect {
            Effect::JobUpdated { .. }
            | Effect::JobTouched { .. }
            | Effect::JobDisabling { .. }
            | Effect::JobEnabled { .. }
            | Effect::JobTerminationForced { .. } => true,
            Effect::JobTerminating { reason, .. } => *reason != TerminateReason::Schedule,
            _ => false,
        };
        if self.fed.effects.iter().any(|effect| effect.job() == Some(id) && moves(effect)) {
            assert!(old.last_modified() < new.last_modified(), "I3: job {id}'s ETag comes again");
        } else {
            assert_eq!(old.etag(), new.etag(), "T2: job {id}'s ETag moved");
        }
        for (node, record) in new.nodes() {
            let runs = [record.preparation(), record.release()];
            for run in runs.into_iter().flatten() {
                check_run(run, id, node);
            }
        }
    }

    /// I3, T8: the same for a task.
    fn check_task_versions(&self, job: &Job, new: &Task) {
        let Some(old) = job.task(new.id()) else { return };
        let id = new.id();
        assert_eq!(old.creation_time(), new.creation_time());
        assert!(old.state_transition_time() <= new.state_transition_time(), "I3: task {id}");
        let moved = match self.input {
            Input::UpdateTask { job: on, task, .. }
            | Input::TerminateTask { job: on, task, .. }
            | Input::ReactivateTask { job: on, task, .. } => {
                on.job() == *job.id() && task.task() == *id && !self.fed.refused
            }
            _ => false,
        };
        if moved {
            assert!(old.last_modified() < new.last_modified(), "I3: task {id}'s ETag comes again");
        } else {
            assert_eq!(old.last_modified(), new.last_modified(), "T8: task {id}'s ETag moved");
        }
    }

    /// I1: a completed job is left only by delete, and a job vanishes only when it is due to (G2).
    fn check_departure(&self, old: &Job) {
        let new = self.after.job(old.id()).ok().map(Job::state);
        match old.state() {
            JobState::Completed { .. } if !matches!(self.input, Input::Delete { .. }) => {
                assert_eq!(new, Some(old.state()), "I1: job {} left its completion", old.id());
            }
            JobState::Deleting { .. } => {
                let stays = new.is_none_or(|state| state.name() == JobStateName::Deleting);
                assert!(stays, "G2: job {} came back as {new:?}", old.id());
            }
            JobState::Terminating { .. } => {
                let on_its_way = new.is_some_and(|state| {
                    matches!(
                        state.name(),
                        JobStateName::Terminating | JobStateName::Completed | JobStateName::Deleting
                    )
                });
                assert!(on_its_way, "job {} was saved from its end: {new:?}", old.id());
            }
            _ => assert!(new.is_some(), "G2: job {} vanished", old.id()),
        }
    }

    /// What a tick owes a job: one move at most (S2), and the one that is due.
    fn check_tick(&self, old: &Job, memory: &Memory) {
        if !self.is_tick() {
            return;
        }
        let mut moves =
            self.fed.effects.iter().filter(|effect| effect.job() == Some(old.id())).filter(|effect| {
                matches!(
                    effect,
                    Effect::JobDisabling { .. }
                        | Effect::JobDisabled { .. }
                        | Effect::JobEnabled { .. }
                        | Effect::JobTerminating { .. }
                        | Effect::JobCompleted { .. }
                        | Effect::JobDeleting { .. }
                        | Effect::JobDeleted { .. }
                )
            });
        let (made, more) = (moves.next(), moves.next());
        assert_eq!(more, None, "S2: a second move after {made:?}");
        let (job, at) =
            (old.id().clone(), old.state_transition_time().max(old.last_modified()).max(self.now));
        match old.state() {
            JobState::Active | JobState::Disabling(_) | JobState::Disabled => {
                if let Some(due) = automatic_end(old, memory, self.now) {
                    let ends = matches!(made, Some(Effect::JobTerminating { reason, .. }) if *reason == due);
                    assert!(ends, "section 6: job {job} should end by {due:?}, not {made:?}");
                    return;
                }
                let asked_off = *old.state() == JobState::Active && memory.demands(JobAction::Disable);
                let is_off = matches!(old.state(), JobState::Disabling(_)) && !old.tasks().any(on_a_node);
                if asked_off {
                    let requeues = matches!(
                        made,
                        Some(Effect::JobDisabling { disable_tasks: DisableTasks::Requeue, .. })
                    );
                    assert!(requeues, "X7: job {job} should be disabled, not {made:?}");
                } else if is_off {
                    assert_eq!(made, Some(&Effect::JobDisabled { job, at }), "G1");
                } else {
                    assert_eq!(made, None, "section 6: job {job}");
                }
            }
            JobState::Terminating { give_up_at, .. } => {
                let over = is_over(old, *give_up_at, self.now);
                assert_eq!(made, over.then_some(&Effect::JobCompleted { job, at }), "E8, F1, I7");
            }
            JobState::Deleting { give_up_at, .. } => {
                let over = is_over(old, *give_up_at, self.now);
                assert_eq!(made, over.then_some(&Effect::JobDeleted { job }), "G2, F1, I7");
            }
            JobState::Enabling | JobState::Completed { .. } => assert_eq!(made, None, "job {job}"),
        }
    }
}

/// Keeps what later steps are judged by, and judges by it.
fn remember(memories: &mut BTreeMap<JobId, Memory>, change: &Change<'_>) {
    for effect in &change.fed.effects {
        if let Effect::JobAdded { job, .. } = effect {
            memories.insert(job.clone(), Memory::default());
        }
        let Some(memory) = effect.job().and_then(|job| memories.get_mut(job)) else { continue };
        memory.follow(effect, change);
        if let Effect::JobDeleted { job } = effect {
            memories.remove(job);
        }
    }
    for (id, memory) in memories {
        memory.check(change.after.job(id).unwrap(), change);
    }
}

impl Memory {
    fn follow(&mut self, effect: &Effect, change: &Change<'_>) {
        match effect {
            Effect::TaskAdded { specification, .. } => self.order.push(specification.id.clone()),
            Effect::TaskDeleted { job, task, .. } => {
                self.order.retain(|other| other != task);
                self.demanded.remove(task);
                let manager = change.old_job(job).and_then(|job| job.specification().manager.as_ref());
                self.manager_deleted |= manager.is_some_and(|manager| manager.task.id == *task);
            }
            Effect::TaskPreparing { job, placement: Placement { node, .. }, .. } => {
                let prepares = change.old_job(job).unwrap().specification().preparation.is_some();
                let done = self.prepared.contains(node) && !self.rebooted.contains(node);
                assert!(prepares && !done, "K1: job {job} prepares node {node} without need");
            }
            Effect::TaskRunning { job, placement: Placement { node, .. }, .. } => {
                let prepares = change.old_job(job).unwrap().specification().preparation.is_some();
                let done = self.prepared.contains(node) && !self.rebooted.contains(node);
                assert!(!prepares || done, "K1, N1: job {job} does not prepare node {node}");
                self.ran.insert(node.clone());
            }
            Effect::PreparationEnded {
                node,
                outcome: PreparationOutcome::Succeeded | PreparationOutcome::NotWaitedFor,
                ..
            } => {
                self.prepared.insert(node.clone());
                self.rebooted.remove(node);
            }
            Effect::NodeNoted { job, node, event } => match event {
                NodeEvent::Rebooted => {
                    let preparation = change.old_job(job).unwrap().specification().preparation.as_ref();
                    if preparation.is_some_and(|task| task.rerun_on_node_reboot_after_success) {
                        self.rebooted.insert(node.clone());
                    }
                }
                NodeEvent::Reimaged | NodeEvent::Removed | NodeEvent::Preempted | NodeEvent::Deallocated => {
                    self.ran.remove(node);
                    self.prepared.remove(node);
                    self.rebooted.remove(node);
                }
                NodeEvent::Lost | NodeEvent::Unusable | NodeEvent::Returned | NodeEvent::Started => {}
            },
            Effect::RunRelease { job, node, .. } => {
                let due = self.ran.contains(node) && self.prepared.contains(node);
                assert!(due, "E5: job {job} releases node {node} without need");
                let old = change.old_job(job).unwrap();
                assert_eq!(old.end_time(), None, "G2: job {job} was over when it released {node}");
                // N1: a reboot interrupts the run, and it is made anew.
                let interrupted = matches!(change.input, Input::Node { event: NodeEvent::Rebooted, .. })
                    && old.node(node).and_then(JobNode::release).is_some_and(NodeRun::in_progress);
                let first = self.released.insert(node.clone());
                assert!(first || interrupted, "E7: job {job} releases node {node} once more");
            }
            Effect::JobTerminating { give_up_at, .. } | Effect::JobDeleting { give_up_at, .. } => {
                self.forced |= give_up_at.is_some();
            }
            Effect::JobTerminationForced { .. } => self.forced = true,
            Effect::TaskCompleted { job, task, completion } => {
                let job = change.old_job(job).unwrap();
                let asked = demand(job, job.task(task).unwrap(), completion);
                if asked != JobAction::None {
                    self.demanded.insert(task.clone(), asked);
                }
            }
            // X7: what a task asked for lapses with its failure.
            Effect::TaskReactivated { task, .. } => drop(self.demanded.remove(task)),
            Effect::JobEnabled { .. } | Effect::JobDisabling { .. } => {
                self.demanded.retain(|_, action| *action != JobAction::Disable);
            }
            Effect::JobCompleted { job, .. } | Effect::JobDeleted { job } => {
                self.check_released(change.old_job(job).unwrap());
            }
            _ => {}
        }
    }

    fn demands(&self, action: JobAction) -> bool {
        self.demanded.values().any(|demand| *demand == action)
    }

    /// E5: where the release was due it ran, unless nobody waited.
    fn check_released(&self, job: &Job) {
        if job.specification().release.is_some() && !self.forced {
            let missing = self.ran.intersection(&self.prepared).find(|node| !self.released.contains(*node));
            assert_eq!(missing, None, "E5: job {} ended without its release there", job.id());
        }
    }

    fn check(&mut self, job: &Job, change: &Change<'_>) {
        let queue: Vec<&TaskId> = job.queue().map(Task::id).collect();
        let active = |task: &&TaskId| job.task(task).is_some_and(|task| *task.state() == TaskState::Active);
        assert_eq!(queue, self.order.iter().filter(active).collect::<Vec<_>>(), "the queue of {}", job.id());

        let ended = is_ending(job.state().name()) || job.state().name() == JobStateName::Completed;
        if ended && self.left_behind.is_none() {
            let old = change.old_job(job.id()).unwrap();
            let active = old.tasks().filter(|task| *task.state() == TaskState::Active);
            self.left_behind = Some(active.map(|task| (task.id().clone(), task.clone())).collect());
        }
        let Some(left_behind) = &mut self.left_behind else { return };
        if let Input::DeleteTask { job: on, task, .. } = change.input
            && !change.fed.refused
            && on.job() == *job.id()
        {
            left_behind.remove(&task.task());
        }
        for (id, task) in left_behind {
            assert_eq!(job.task(id), Some(&*task), "E4, I2: a task that was active at the job's end");
        }
    }
}

/// The node that an effect of a job is for, or about.
fn node_of(effect: &Effect) -> Option<&NodeId> {
    match effect {
        Effect::RunPreparation { node, .. }
        | Effect::StopPreparation { node, .. }
        | Effect::StartTask { node, .. }
        | Effect::StopTask { node, .. }
        | Effect::RunRelease { node, .. }
        | Effect::StopRelease { node, .. }
        | Effect::PreparationStarted { node, .. }
        | Effect::PreparationEnded { node, .. }
        | Effect::ReleaseStarted { node, .. }
        | Effect::ReleaseEnded { node, .. }
        | Effect::TaskRetried { node, .. }
        | Effect::TaskRequeued { node, .. }
        | Effect::NodeNoted { node, .. }
        | Effect::NodeChanged { node, .. }
        | Effect::NodeScheduling { node, .. }
        | Effect::NodeOrdered { node, .. }
        | Effect::CarryOut { node, .. }
        | Effect::NodeRemoved { node } => Some(node),
        Effect::TaskPreparing { placement, .. } | Effect::TaskRunning { placement, .. } => {
            Some(&placement.node)
        }
        _ => None,
    }
}

fn check_run(run: &NodeRun, job: &JobId, node: &NodeId) {
    if let azbatch::NodeRunState::Completed { start_time: Some(start), end_time, .. } = run.state {
        assert!(start <= end_time, "I3: a run of job {job} on {node} ended before it started");
    }
}

/// K3, K5, K6, E2: what a completion says fits where the task came from.
fn check_completion(job: &Job, task: &Task, completion: &Completion) {
    let ran = matches!(task.state(), TaskState::Running { .. });
    assert_eq!(ran, completion.start_time.is_some(), "K3, K6: {} of {:?}", task.id(), task.state());
    let told = task.stop_cause().is_some() || is_ending(job.state().name());
    match &completion.failure {
        None => {
            assert!(ran && !told, "K3: {} succeeded from {:?}", task.id(), task.state());
            assert_eq!(completion.exit_code, Some(0), "K3");
        }
        Some(TaskFailure::EndedByUser) => {
            assert!(told || *task.state() == TaskState::Active, "E2, K6: nobody ended {}", task.id());
        }
        Some(TaskFailure::WallClockTime) => {
            assert_eq!(task.stop_cause(), Some(StopCause::WallClockTime), "K5");
        }
        Some(TaskFailure::ExitCode) => {
            assert!(ran && !told, "K4: {} failed from {:?}", task.id(), task.state());
        }
        Some(TaskFailure::PreProcessing(_) | TaskFailure::FileUpload(_)) => {
            assert!(!told, "E2: {} was told to stop and yet failed by itself", task.id());
        }
    }
}

fn is_ending(state: JobStateName) -> bool {
    matches!(state, JobStateName::Terminating | JobStateName::Deleting)
}

fn on_a_node(task: &Task) -> bool {
    matches!(task.state(), TaskState::Preparing { .. } | TaskState::Running { .. })
}

fn is_on(task: &Task, node: &NodeId) -> bool {
    on_a_node(task) && task.placement().is_some_and(|placement| placement.node == *node)
}

fn owes(node: &JobNode) -> bool {
    let in_progress = |run: Option<&NodeRun>| run.is_some_and(NodeRun::in_progress);
    in_progress(node.preparation()) || in_progress(node.release()) || node.tasks().next().is_some()
}

/// E8, F1, N3, N4: whether an ending waits for nobody any more.
fn is_over(job: &Job, give_up_at: Option<Timestamp>, now: Timestamp) -> bool {
    let awaited = job.nodes().any(|(_, node)| {
        owes(node)
            && match node.contact() {
                Contact::Answering => true,
                Contact::Lost => give_up_at.is_none(),
                Contact::Gone => false,
            }
    });
    !awaited || give_up_at.is_some_and(|at| at <= now)
}

/// The exit options that a task's end leads to, looked up as the documentation tells it.
fn exit_options(task: &Task, completion: &Completion) -> ExitOptions {
    let Some(conditions) = &task.specification().exit_conditions else { return ExitOptions::default() };
    let by_error = match &completion.failure {
        Some(TaskFailure::PreProcessing(_)) => conditions.pre_processing_error,
        Some(TaskFailure::FileUpload(_)) => conditions.file_upload_error,
        _ => None,
    };
    let by_code = conditions
        .exit_codes
        .iter()
        .find(|range| completion.exit_code == Some(range.start))
        .map(|range| range.options);
    // K9: an exit code of 0 is not among what the default is for.
    let default = conditions.default.filter(|_| completion.failure.is_some());
    by_error.or(by_code).or(default).unwrap_or_default()
}

/// X3, X7
fn demand(job: &Job, task: &Task, completion: &Completion) -> JobAction {
    let heeded = job.specification().on_task_failure == OnTaskFailure::PerformExitOptionsJobAction;
    if heeded && completion.failure.is_some() {
        let by_default = if completion.exit_code == Some(0) { JobAction::None } else { JobAction::Terminate };
        exit_options(task, completion).job_action.unwrap_or(by_default)
    } else {
        JobAction::None
    }
}

/// K9, one by one.
fn dependencies_met(job: &Job, task: &Task) -> bool {
    let Some(dependencies) = &task.specification().depends_on else { return true };
    let met = |task: &Task| match task.state() {
        TaskState::Completed(completion) => match exit_options(task, completion).dependency_action {
            Some(action) => action == DependencyAction::Satisfy,
            None => completion.failure.is_none(),
        },
        _ => false,
    };
    let numbered = |number: u32| {
        let mut tasks = job.tasks().filter(move |task| task.id().as_str().parse() == Ok(number)).peekable();
        tasks.peek().is_some() && tasks.all(met)
    };
    dependencies.task_ids.iter().all(|id| job.task(id).is_some_and(met))
        && dependencies.ranges.iter().all(|&(start, end)| (start..=end).all(numbered))
}

/// Section 6: why a living job ends at this tick, by the first row that applies.
fn automatic_end(job: &Job, memory: &Memory, now: Timestamp) -> Option<TerminateReason> {
    let (specification, settings) = (job.specification(), job.settings());
    let limit = settings.constraints.max_wall_clock_time;
    let completed = |task: &Task| matches!(task.state(), TaskState::Completed(_));
    let manager = specification.manager.as_ref().filter(|manager| manager.kill_job_on_completion);
    if limit != TimeSpan::UNLIMITED && job.creation_time().saturating_add(limit) <= now {
        Some(TerminateReason::MaxWallClockTimeExpiry) // X1
    } else if !memory.manager_deleted
        && manager.and_then(|manager| job.task(&manager.task.id)).is_some_and(completed)
    {
        Some(TerminateReason::JobManagerComplete) // X2
    } else if memory.demands(JobAction::Terminate) {
        Some(TerminateReason::TaskFailed) // X3
    } else if settings.on_all_tasks_complete == OnAllTasksComplete::TerminateJob && job.tasks().all(completed)
    {
        Some(TerminateReason::AllTasksComplete) // X4
    } else {
        None
    }
}
