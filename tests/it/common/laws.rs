//! What must hold after every input, worked out again from what a reader can see: nothing here trusts
//! the account's own indexes or its `check`.

use std::collections::{BTreeMap, BTreeSet};

use azbatch::{
    Account, Effect, Fact, Instruction, Job, JobId, NodeId, PoolId, Report, RunId, Task, TaskId, TimeSpan,
    Timestamp,
    job::{
        AutoPool, AutoPoolFailure, DisableTasks, Ended, Ending, EndingKind, JobFact, JobNode, JobNodeFact,
        JobState, JobStateName, Living, NodeRun, NodeRunState, OnAllTasksComplete, OnTaskFailure,
        ParallelLimit, PoolInfo, PoolLifetime, PreparationVerdict, ReportEvent, RunOutcome, StopCause,
        TerminateReason, Unit,
    },
    job_schedule::JobScheduleFact,
    node::{Contact, NodeAction, NodeEvent, NodeFact, NodeState, Reach, Stage},
    pool::{Pool, PoolFact, PoolOwner, PoolState},
    task::{
        Completion, DependencyAction, ExitOptions, JobAction, RetryLimit, TaskFact, TaskFailure, TaskState,
        TaskStop,
    },
};

use azbatch::testing::{Input, Past, ScheduleChange, Step};

use super::{Fed, feed, latest, outstanding, schedules::Memories};

/// An account whose every step is checked against the rules.
pub(crate) struct World {
    pub(crate) account: Account,
    pub(crate) now: Timestamp,
    /// What each job is remembered for.
    jobs: BTreeMap<JobId, Memory>,
    /// The same for job schedules.
    schedules: Memories,
    pub(crate) hosts: Hosts,
    pub(crate) past: Past,
    /// Every run that was ever decided, by its job and number.
    decided: BTreeMap<(JobId, u64), RunId>,
    /// Those that nodes were told to run.
    issued: BTreeSet<RunId>,
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
    /// The nodes where the release was issued (E7).
    released: BTreeSet<NodeId>,
    /// What failed tasks asked for (X3, X7).
    demanded: BTreeMap<TaskId, JobAction>,
    /// The job manager task was deleted; a later task of its name is another one (X2).
    manager_deleted: bool,
    /// Why the pool that the job asks for cannot be made (X9).
    pool_failure: Option<AutoPoolFailure>,
    /// Whether nodes may have been given up.
    forced: bool,
}

/// A model of the nodes: they know only what they were told and what they have reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Hosts {
    /// What runs, and whether it was told to stop.
    runs: BTreeMap<RunId, bool>,
    /// What a node was told to stop and does not have. It does not start these, and reports their end.
    not_started: BTreeSet<RunId>,
}

impl Hosts {
    /// A node gets an instruction, possibly again.
    pub(crate) fn take(&mut self, instruction: &Instruction) {
        match instruction {
            Instruction::Run(run) => {
                if !self.not_started.contains(run) {
                    self.runs.entry(run.clone()).or_insert(false);
                }
            }
            Instruction::Stop { run, .. } => match self.runs.get_mut(run) {
                Some(stopped) => *stopped = true,
                None => drop(self.not_started.insert(run.clone())),
            },
            Instruction::AddNodes { .. } | Instruction::AddPool { .. } | Instruction::Act { .. } => {}
        }
    }

    /// What a node has reported as ended is over.
    fn reported(&mut self, report: &Report) {
        if let ReportEvent::Ended(_) = report.event {
            self.runs.remove(&report.run);
            self.not_started.remove(&report.run);
        }
    }

    /// Nothing keeps running after a restart or on a node that is gone.
    fn happened(&mut self, node: &NodeId, event: NodeEvent) {
        match event {
            NodeEvent::Rebooted
            | NodeEvent::Reimaged
            | NodeEvent::Removed
            | NodeEvent::Preempted
            | NodeEvent::Deallocated => {
                self.runs.retain(|run, _| run.node != *node);
                self.not_started.retain(|run| run.node != *node);
            }
            NodeEvent::Lost | NodeEvent::Unusable | NodeEvent::Returned | NodeEvent::Started => {}
        }
    }

    /// The runs that end: what nodes were told to stop, and releases. What they were not told to stop
    /// runs on for ever, unless `patient`.
    pub(crate) fn due(&self, patient: bool) -> Vec<RunId> {
        let ends = |run: &RunId, stopped: bool| stopped || patient || run.unit == Unit::Release;
        let runs = self.runs.iter().filter(|(run, stopped)| ends(run, **stopped)).map(|(run, _)| run);
        runs.chain(&self.not_started).cloned().collect()
    }

    /// The same without the runs that the account no longer waits for.
    pub(crate) fn awaited(&self, account: &Account) -> Self {
        let awaited = outstanding(account);
        let mut hosts = self.clone();
        hosts.runs.retain(|run, _| awaited.contains(run));
        hosts.not_started.retain(|run| awaited.contains(run));
        hosts
    }
}

/// The state before, the input and the state after.
struct Change<'a> {
    before: &'a Account,
    input: &'a Input,
    report: Option<Report>,
    past: &'a Past,
    fed: &'a Fed,
    after: &'a Account,
    now: Timestamp,
}

impl World {
    pub(crate) fn new(now: Timestamp) -> Self {
        let account = Account::new("https://contoso.westus.batch.azure.com");
        Self {
            account,
            now,
            jobs: BTreeMap::new(),
            schedules: Memories::default(),
            hosts: Hosts::default(),
            past: Past::default(),
            decided: BTreeMap::new(),
            issued: BTreeSet::new(),
        }
    }

    /// Makes a step and checks it.
    ///
    /// # Panics
    /// If anything does not hold.
    pub(crate) fn step(&mut self, step: Step) -> Fed {
        self.now = step.clock().from(self.now, &self.account);
        self.feed(&step.input())
    }

    /// A node reports this, now.
    pub(crate) fn report(&mut self, report: Report) -> Fed {
        self.feed(&Input::Says(report))
    }

    /// Feeds an input at the time that it is, and checks what came of it.
    pub(crate) fn feed(&mut self, input: &Input) -> Fed {
        let before = self.account.clone();
        let fed = feed(&mut self.account, &self.past, input, self.now);
        let change = Change {
            before: &before,
            input,
            report: input.report(&before, &self.past),
            past: &self.past,
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
        for (place, effect) in fed.effects.iter().enumerate() {
            change.check_effect(effect);
            change.check_pair(place, effect);
            note_run(&mut self.decided, &mut self.issued, effect);
        }
        for job in self.account.jobs() {
            change.check_job(job);
        }
        for job in before.jobs() {
            change.check_departure(job);
            change.check_tick(job, self.jobs.get(job.id()).unwrap());
        }
        change.check_auto_pools();
        change.check_owners();
        self.schedules.follow(&before, &fed.effects, &self.account, change.is_tick(), self.now);
        change.tell(&mut self.hosts);
        change.check_abandoned(&self.hosts, &self.jobs);
        remember(&mut self.jobs, &change);
        let report = change.report;
        self.past.note(report.as_ref(), &fed.effects);
        if let Err(violation) = self.account.check() {
            panic!("{violation}");
        }
        fed
    }
}

impl Change<'_> {
    /// I5: the same input on the same state has the same result, and the facts alone describe it.
    fn check_determinism(&self) {
        let mut twin = self.before.clone();
        let fed = feed(&mut twin, self.past, self.input, self.now);
        assert_eq!(fed, *self.fed, "I5: the same input, other effects");
        assert_eq!(twin, *self.after, "I5: the same input, another state");

        let mut replayed = self.before.clone();
        for fact in Effect::facts(&self.fed.effects) {
            let applied = replayed.try_apply(fact);
            assert_eq!(applied, Ok(()), "I5: {fact} does not fit the state that it was made on");
        }
        assert_eq!(replayed, *self.after, "I5: the facts do not give the new state");

        // A fact that comes once more, now or late, fits or changes nothing.
        for fact in Effect::facts(&self.fed.effects).chain(self.past.facts()) {
            let mut again = self.after.clone();
            let applied = again.try_apply(fact);
            assert!(applied.is_ok() || again == *self.after, "{fact} does not fit and yet changed something");
        }
    }

    /// P20: at a tick, the pools whose owner had ended before are deleted, and no others.
    fn check_auto_pools(&self) {
        let job_ended = |job: Option<&Job>| job.is_none_or(|job| job.end_time().is_some());
        for pool in self.before.pools().filter(|pool| pool.state() == PoolState::Active) {
            let ended = match pool.owner() {
                None => false,
                Some(PoolOwner::Job(job)) => job_ended(self.before.job(job)),
                Some(PoolOwner::JobSchedule(schedule)) => {
                    let schedule = self.before.job_schedule(schedule);
                    schedule.is_none_or(|schedule| schedule.state().end_time().is_some())
                }
                Some(PoolOwner::Gone) => true,
            };
            if self.is_tick() {
                let stays = self.after.pool(pool.id()).map(Pool::state) == Some(PoolState::Active);
                assert_eq!(stays, !ended, "P20: pool {}", pool.id());
            }
        }
    }

    /// P19: a job gets what it asks for, also from its schedule. P20: what was made for something that is
    /// gone is not made for what comes later under its id. X8: a job keeps its auto pool.
    fn check_owners(&self) {
        for fact in Effect::facts(&self.fed.effects) {
            let gone = match fact {
                Fact::Job(job, JobFact::Deleted) => PoolOwner::Job(job.clone()),
                Fact::JobSchedule(schedule, JobScheduleFact::Deleted) => {
                    PoolOwner::JobSchedule(schedule.clone())
                }
                Fact::Job(job, JobFact::PoolAssigned { pool }) => {
                    self.check_assigned_pool(job, pool);
                    continue;
                }
                Fact::Job(job, JobFact::Updated { .. }) => {
                    self.check_kept_pool(job);
                    continue;
                }
                _ => continue,
            };
            let mut active = self.after.pools().filter(|pool| pool.state() == PoolState::Active);
            assert!(active.all(|pool| pool.owner() != Some(&gone)), "P20: {gone:?} is gone");
        }
    }

    fn check_kept_pool(&self, job: &JobId) {
        let (old, new) = (self.before.job(job).unwrap(), self.after.job(job).unwrap());
        let PoolInfo::Auto(asked) = &new.settings().pool else { return };
        let PoolInfo::Auto(before) = &old.settings().pool else {
            panic!("X8: job {job} asks for a pool now")
        };
        assert_eq!(AutoPool { keep_alive: asked.keep_alive, ..(**before).clone() }, **asked, "X8: job {job}");
        assert!(before == asked || asked.lifetime == PoolLifetime::Job, "X8: job {job}");
        assert_eq!(old.pool(), new.pool(), "X8: job {job}");
    }

    fn check_assigned_pool(&self, job: &JobId, pool: &PoolId) {
        let PoolInfo::Auto(asked) = &self.after.job(job).unwrap().settings().pool else {
            panic!("P19: job {job} asked for no pool")
        };
        let found = self.after.pool(pool).unwrap();
        assert_eq!(found.specification().task_slots_per_node, asked.task_slots_per_node, "P19: job {job}");
        assert_eq!(found.owner().is_none(), asked.keep_alive, "P20: job {job}");
    }

    fn check_refusal(&self) {
        if self.fed.refused {
            assert_eq!(*self.before, *self.after, "I4: a refused request changed something");
            assert_eq!(self.fed.effects, [], "I4: a refused request had effects");
        }
        let Some(Report { run, .. }) = &self.report else { return };
        let current = self.before.current_run(&run.job, &run.node, &run.unit);
        let is_outstanding = outstanding(self.before).contains(run);
        assert!(
            !is_outstanding || current.as_ref() == Some(run),
            "{run} is outstanding, and {current:?} current"
        );
        if !is_outstanding {
            assert_eq!(
                self.fed.effects,
                [],
                "E10: a report of {run} was accepted, the current one is {current:?}"
            );
            assert_eq!(*self.before, *self.after, "E10: a report of {run} changed something");
        }
    }

    fn old_job(&self, job: &JobId) -> Option<&Job> {
        self.before.job(job)
    }

    fn terminates_schedule(&self) -> bool {
        matches!(self.input, Input::JobSchedule { change: ScheduleChange::Terminate { .. }, .. })
    }

    fn deletes_schedule(&self) -> bool {
        matches!(self.input, Input::JobSchedule { change: ScheduleChange::Delete { .. }, .. })
    }

    fn is_tick(&self) -> bool {
        matches!(self.input, Input::Tick)
    }

    /// The end that was reported, if this step is one.
    fn reported_end(&self) -> Option<(&RunId, &Ended)> {
        match self.report.as_ref()? {
            Report { run, event: ReportEvent::Ended(ended) } => Some((run, ended)),
            Report { event: ReportEvent::Started, .. } => None,
        }
    }

    /// The jobs and the account know the same about each node (N3, N4, N5).
    fn check_node_states(&self) {
        // I1: a job that is over is no longer told about its nodes.
        for job in self.after.jobs().filter(|job| job.end_time().is_none()) {
            for (id, record) in job.nodes() {
                let node = self.after.node(id);
                let contact = node.map_or(Contact::Gone, azbatch::Node::contact);
                assert_eq!(record.contact(), contact, "job {} is wrong about node {id}: {node:?}", job.id());
                if expects_report(record) {
                    let pool = node.map(azbatch::Node::pool);
                    assert_eq!(Some(record.pool()), pool, "job {} is wrong about node {id}", job.id());
                }
            }
        }
        for node in self.after.nodes() {
            assert_eq!(node.contact(), contact(node.state()), "{:?}", node.state());
            if let Some(old) = self.before.node(node.id()) {
                assert!(old.stamps().entered() <= node.stamps().entered(), "I3: {}", node.id());
                let was_leaving = old.state().is_leaving();
                assert!(!was_leaving || node.state().is_leaving(), "{} stays: {:?}", node.id(), node.state());
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
                    TaskState::Preparing(assignment) | TaskState::Running { assignment, .. } => {
                        let placement = &assignment.placement;
                        let whole = task.specification().run_exclusive;
                        let slots = self.after.node(&placement.node).map_or(0, azbatch::Node::slots);
                        let needs = if whole { required.max(slots) } else { required };
                        taken.entry(&placement.node).or_default().insert((job.id(), task.id()), needs);
                        1
                    }
                    TaskState::Completed(completion) => 2 + usize::from(completion.failure().is_some()),
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
            assert_eq!(later.tick(latest()), [], "S3: a tick that was never due did something");
            return;
        };
        if let Some(early) = deadline.ticks().checked_sub(1).and_then(Timestamp::from_ticks) {
            assert_eq!(later.tick(early), [], "S3: a tick before the deadline did something");
        }
        assert!(!later.tick(deadline.max(self.now)).is_empty(), "S3: a tick at the deadline did nothing");
    }

    /// P1: the account's own scheduler leaves nothing to do.
    fn check_schedule(&self) {
        if matches!(self.input, Input::ScheduleAll) {
            assert_eq!(self.after.clone().schedule(self.now), [], "P1: there was more to assign");
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
        match effect {
            Effect::Fact(Fact::Job(_, fact)) => self.check_job_fact(old, fact),
            // The job manager task comes with its job.
            Effect::Fact(Fact::Task(_, _, TaskFact::Added { .. })) => {}
            Effect::Fact(Fact::Task(_, task, fact)) => self.check_task_fact(old.unwrap(), task, fact),
            Effect::Fact(Fact::JobNode(_, node, fact)) => self.check_job_node_fact(old.unwrap(), node, fact),
            Effect::Instruction(instruction) => {
                self.check_action(instruction);
                self.check_instruction(instruction);
            }
            Effect::Fact(_) => {}
        }
    }

    fn check_job_fact(&self, old: Option<&Job>, fact: &JobFact) {
        match fact {
            JobFact::Deleting { force_deadline, .. } => {
                let old = old.unwrap();
                if let JobState::Ending(Ending {
                    kind: EndingKind::Terminating(_),
                    force_deadline: Some(earlier),
                }) = old.state()
                {
                    // F1: what was forced once stays forced.
                    assert!(force_deadline.is_some_and(|at| at <= *earlier), "{fact:?} after {earlier}");
                }
                let wound_down = is_ending(old.state().name()) || old.end_time().is_some();
                let alone = self.fed.effects.len() == 1 || self.deletes_schedule();
                assert!(!wound_down || alone, "G2: {:?}", self.fed.effects);
            }
            JobFact::TerminationForced { .. } => {
                let unforced = matches!(
                    old.map(Job::state),
                    Some(JobState::Ending(Ending { kind: EndingKind::Terminating(_), force_deadline: None }))
                );
                assert!(unforced, "F2: {old:?} was forced");
            }
            JobFact::DeletionForced { .. } => {
                let unforced = matches!(
                    old.map(Job::state),
                    Some(JobState::Ending(Ending { kind: EndingKind::Deleting(_), force_deadline: None }))
                );
                assert!(unforced, "L5: {old:?} was forced");
            }
            _ => {}
        }
    }

    fn check_task_fact(&self, job: &Job, id: &TaskId, fact: &TaskFact) {
        match fact {
            TaskFact::Preparing { .. } | TaskFact::Running { .. } => {
                let task = job.task(id).unwrap();
                assert_eq!(task.stop(), None, "K6: a task that was told to stop went on");
                if *task.state() == TaskState::Active {
                    self.check_assignment(job, task);
                }
            }
            TaskFact::Completed(completion) => {
                let task = job.task(id).unwrap();
                check_completion(job, task, completion);
                let reported =
                    self.reported_end().filter(|(run, _)| run.task() == Some(id) && run.job == *job.id());
                let exit_code = reported.and_then(|(_, ended)| ended.exit_code);
                assert_eq!(completion.exit_code(), exit_code, "E2, K3, K4: {id}");
            }
            TaskFact::Retried { .. } | TaskFact::Requeued { .. } => {
                let ending = is_ending(job.state().name());
                assert!(!ending, "E2: a task of an ending job went back to the queue");
            }
            _ => {}
        }
    }

    /// How a preparation or release has ended is what was reported, and nothing for one that was lost.
    fn check_job_node_fact(&self, job: &Job, node: &NodeId, fact: &JobNodeFact) {
        let ended_as = |unit: Unit| {
            let is_it = |run: &RunId| run.job == *job.id() && run.node == *node && run.unit == unit;
            self.reported_end().filter(|(run, _)| is_it(run)).map(|(_, ended)| ended)
        };
        match fact {
            JobNodeFact::PreparationEnded { outcome, verdict, .. } => {
                let ended = ended_as(Unit::Preparation);
                assert_eq!(*outcome, run_outcome(ended), "K5: {ended:?}");
                let right = preparation_verdict(job, job.node(node).unwrap(), ended);
                assert_eq!(*verdict, right, "E5, G1, N7: {ended:?} in {:?}", job.state());
            }
            JobNodeFact::PreparationIssued { retry_count, .. } => {
                let is_retry = Effect::facts(&self.fed.effects).any(|fact| {
                    matches!(
                        fact,
                        Fact::JobNode(on, at, JobNodeFact::PreparationEnded { verdict: PreparationVerdict::Retry, .. })
                            if on == job.id() && at == node
                    )
                });
                let before = job.node(node).and_then(JobNode::preparation).map_or(0, |run| run.retry_count);
                assert_eq!(*retry_count, if is_retry { before + 1 } else { 0 }, "K12: job {}", job.id());
            }
            JobNodeFact::ReleaseEnded { outcome, .. } => {
                let ended = ended_as(Unit::Release);
                assert_eq!(*outcome, run_outcome(ended), "E6, E7: {ended:?}");
            }
            _ => {}
        }
    }

    /// S1: what the service does by itself happens at ticks, and the rest does not.
    fn check_origin(&self, effect: &Effect) {
        let right = match effect {
            Effect::Fact(Fact::Job(_, fact)) => match fact {
                JobFact::Disabled { .. } | JobFact::Completed { .. } | JobFact::Deleted => self.is_tick(),
                JobFact::Terminating { reason, .. } => match reason {
                    TerminateReason::User(_) => matches!(self.input, Input::Terminate { .. }),
                    TerminateReason::Schedule => {
                        matches!(self.input, Input::Terminate { .. }) || self.terminates_schedule()
                    }
                    _ => self.is_tick(),
                },
                JobFact::Disabling { .. } => matches!(self.input, Input::Disable { .. }) || self.is_tick(),
                JobFact::Enabled { .. } => matches!(self.input, Input::Enable { .. }),
                JobFact::Deleting { .. } => {
                    matches!(self.input, Input::Delete { .. }) || self.deletes_schedule()
                }
                JobFact::TerminationForced { .. } => {
                    matches!(self.input, Input::Terminate { force: true, .. }) || self.terminates_schedule()
                }
                JobFact::DeletionForced { .. } => self.terminates_schedule() || self.deletes_schedule(),
                _ => true,
            },
            Effect::Fact(
                Fact::Task(_, _, TaskFact::Started { .. })
                | Fact::JobNode(
                    ..,
                    JobNodeFact::PreparationStarted { .. } | JobNodeFact::ReleaseStarted { .. },
                ),
            ) => self.report.is_some(),
            Effect::Fact(Fact::Pool(_, PoolFact::Steady { .. } | PoolFact::Deleted))
            | Effect::Instruction(
                Instruction::Act { .. } | Instruction::Stop { run: RunId { unit: Unit::Release, .. }, .. },
            ) => self.is_tick(),
            _ => true,
        };
        assert!(right, "S1: {:?} led to {effect:?}", self.input);
    }

    /// What is recorded and what is told go together: an instruction that changes state comes right
    /// after the fact that says so, and no such fact comes alone.
    fn check_pair(&self, place: usize, effect: &Effect) {
        let before = place.checked_sub(1).map(|place| &self.fed.effects[place]);
        match effect {
            Effect::Instruction(instruction) => {
                let recorded = before.is_some_and(|before| self.records(before, instruction));
                assert!(recorded, "{instruction} follows {before:?}");
            }
            Effect::Fact(fact) => {
                let after = self.fed.effects.get(place + 1);
                let told = after.and_then(Effect::instruction).is_some_and(|told| self.records(effect, told));
                let tells = matches!(
                    fact,
                    Fact::Task(_, _, TaskFact::Running { .. } | TaskFact::Stopping { .. })
                        | Fact::JobNode(
                            ..,
                            JobNodeFact::PreparationIssued { .. }
                                | JobNodeFact::PreparationStopping
                                | JobNodeFact::ReleaseIssued { .. }
                        )
                        | Fact::Node(_, NodeFact::ActionIssued { .. })
                );
                assert!(told || !tells, "{fact} is followed by {after:?}");
            }
        }
    }

    /// Whether the effect before an instruction records that it is given.
    fn records(&self, before: &Effect, instruction: &Instruction) -> bool {
        let fact = before.fact();
        match instruction {
            Instruction::Run(RunId { job: of, node, unit: Unit::Task(task), number }) => matches!(
                fact,
                Some(Fact::Task(job, id, TaskFact::Running { placement, run, .. }))
                    if job == of && id == task && placement.node == *node && run == number
            ),
            Instruction::Run(RunId { job: of, node, unit: Unit::Preparation, number }) => matches!(
                fact,
                Some(Fact::JobNode(job, id, JobNodeFact::PreparationIssued { run, .. }))
                    if job == of && id == node && run == number
            ),
            Instruction::Run(RunId { job: of, node, unit: Unit::Release, number }) => matches!(
                fact,
                Some(Fact::JobNode(job, id, JobNodeFact::ReleaseIssued { run }))
                    if job == of && id == node && run == number
            ),
            // E2: the job's state says that its tasks are to stop.
            Instruction::Stop {
                run: RunId { job, unit: Unit::Task(_), .. },
                cause: StopCause::JobEnding,
            } => Effect::facts(&self.fed.effects).any(|fact| {
                matches!(
                    fact,
                    Fact::Job(of, JobFact::Terminating { .. } | JobFact::Deleting { .. }) if of == job
                )
            }),
            Instruction::Stop { run: RunId { job: of, node, unit: Unit::Task(task), .. }, cause } => {
                matches!(
                    fact,
                    Some(Fact::Task(job, id, TaskFact::Stopping { node: there, cause: why }))
                        if job == of && id == task && there == node && *cause == StopCause::Task(*why)
                )
            }
            Instruction::Stop { run: RunId { job: of, node, unit: Unit::Preparation, .. }, cause } => {
                matches!(
                    fact,
                    Some(Fact::JobNode(job, id, JobNodeFact::PreparationStopping))
                        if job == of && id == node && *cause == StopCause::JobEnding
                )
            }
            Instruction::Stop { run: RunId { job: of, node, unit: Unit::Release, .. }, cause } => matches!(
                fact,
                Some(Fact::JobNode(job, id, JobNodeFact::ReleaseEnded { .. }))
                    if job == of && id == node && *cause == StopCause::ReleaseTimeout
            ),
            Instruction::Act { node, action } => matches!(
                fact,
                Some(Fact::Node(id, NodeFact::ActionIssued { action: issued }))
                    if id == node && issued == action
            ),
            Instruction::AddPool { job } => {
                let asks = |fact: &Fact| {
                    matches!(
                        fact,
                        Fact::Job(of, JobFact::Added { .. } | JobFact::Updated { .. })
                            | Fact::Task(of, _, TaskFact::Added { .. })
                            if of == job
                    )
                };
                fact.is_some_and(asks)
            }
            Instruction::AddNodes { pool, .. } => match fact {
                Some(Fact::Pool(
                    id,
                    PoolFact::Added { .. }
                    | PoolFact::Resizing { .. }
                    | PoolFact::AutoScaleDisabled { .. }
                    | PoolFact::Scaled { resize: Some(_), .. },
                )) => id == pool,
                Some(Fact::Node(_, NodeFact::Removed)) => true,
                _ => false,
            },
        }
    }

    /// A node is told to do what was asked of it when no task is left on it, and if it can.
    fn check_action(&self, instruction: &Instruction) {
        if let Instruction::Act { node, action } = instruction {
            let node = self.after.node(node).unwrap();
            // N10: one that does not answer need not let go of its tasks to be removed.
            let free = *action == NodeAction::Remove && node.contact() != Contact::Answering;
            assert!(free || node.tasks().next().is_none(), "{instruction:?}");
            assert_eq!(node.state().action(), Some((*action, Stage::Issued)), "N3: {instruction:?}");
            let gone = node.contact() == Contact::Gone;
            let can = matches!(action, NodeAction::Remove | NodeAction::Start);
            assert!(!gone || can, "N3: {instruction:?} in {:?}", node.state());
        }
    }

    /// An instruction goes to a node that is there and is about the run that it has, and nothing is
    /// started that should not be.
    fn check_instruction(&self, instruction: &Instruction) {
        let Some(run) = instruction.run() else { return };
        let RunId { job, node, unit, .. } = run;
        let there = self.after.node(node);
        let there = there.unwrap_or_else(|| panic!("{instruction:?} for a node that is gone"));
        assert_ne!(there.contact(), Contact::Gone, "N3: {instruction:?} in {:?}", there.state());
        let current = self.after.current_run(job, node, unit);
        assert_eq!(current.as_ref(), Some(run), "{instruction:?}");
        let state = self.after.job(job).unwrap().state();
        match (instruction, unit) {
            (Instruction::Run(_), Unit::Preparation | Unit::Task(_)) => {
                let starts = [Living::Active, Living::Disabling(DisableTasks::Wait)].map(JobState::Living);
                assert!(starts.contains(state), "G1, E10: {instruction:?} in {state:?}");
            }
            (Instruction::Run(_), Unit::Release) => {
                assert!(is_ending(state.name()), "E5: {instruction:?} in {state:?}");
            }
            (Instruction::Stop { cause, .. }, Unit::Task(task)) => {
                let old = self.old_job(job).and_then(|job| job.task(task)).unwrap();
                assert!(is_on(old, node), "{instruction:?}, which is not there");
                // E2: the job's state tells it, and only a user's request to delete replaces it.
                let by_job = matches!(cause, StopCause::JobEnding | StopCause::Task(TaskStop::Delete));
                assert!(by_job || !is_ending(state.name()), "{instruction:?} in {state:?}");
            }
            (Instruction::Stop { .. }, Unit::Preparation | Unit::Release) => {
                assert!(outstanding(self.before).contains(run), "{instruction:?}, which is not there");
                assert!(is_ending(state.name()), "E3, E6: {instruction:?} in {state:?}");
            }
            _ => {}
        }
        if let Instruction::Run(_) = instruction {
            let specification =
                self.after.run_specification(run).unwrap_or_else(|| panic!("{run} is unknown"));
            assert_eq!(specification.pool, there.pool(), "{instruction:?}");
            assert!(outstanding(self.after).contains(run), "{instruction:?}, which nobody waits for");
        }
    }

    /// The nodes learn what comes of the step for them.
    fn tell(&self, hosts: &mut Hosts) {
        if let Some(report) = &self.report {
            hosts.reported(report);
        }
        if let Input::Node { node, event } = self.input {
            hosts.happened(&node.node(), *event);
        }
        Effect::instructions(&self.fed.effects).for_each(|instruction| hosts.take(instruction));
    }

    /// F1, E6: nobody stops waiting for what a node runs, but when the end is forced or a release has
    /// had its time.
    fn check_abandoned(&self, hosts: &Hosts, memories: &BTreeMap<JobId, Memory>) {
        let (before, after) = (outstanding(self.before), outstanding(self.after));
        for run in before.iter().filter(|run| hosts.runs.contains_key(*run) && !after.contains(run)) {
            let had_its_time = Effect::instructions(&self.fed.effects).any(|instruction| {
                matches!(instruction, Instruction::Stop { run: over, cause: StopCause::ReleaseTimeout } if over == run)
            });
            let forced = self.is_tick() && memories[&run.job].forced;
            assert!(forced || had_its_time, "F1, E6: nobody waits for {run} any more");
        }
    }

    /// K9, E10, G1 and the limits: a task goes to a node only if it may.
    fn check_assignment(&self, job: &Job, task: &Task) {
        assert_eq!(job.state().name(), JobStateName::Active, "E10, G1: {} was scheduled", task.id());
        assert!(dependencies_met(job, task), "K9: {} was scheduled too early", task.id());
        let expiry = task.stamps().created().checked_add(LIFETIME);
        assert!(expiry.is_none_or(|expiry| self.now < expiry), "K13: {} was scheduled too late", task.id());
        let on_nodes = job.tasks().filter(|task| on_a_node(task)).count();
        let limit = match job.settings().max_parallel_tasks {
            ParallelLimit::AtMost(limit) => limit as usize,
            ParallelLimit::Unlimited => usize::MAX,
        };
        assert!(on_nodes < limit, "{} is one too many on nodes", task.id());
        let new = self.after.job(job.id()).unwrap().tasks().filter(|task| on_a_node(task)).count();
        assert!(new <= limit, "{} is one too many on nodes", task.id());
    }

    fn check_job(&self, job: &Job) {
        if let Some(previous) = job.stamps().previous() {
            let transitional = matches!(
                previous.0,
                JobStateName::Disabling | JobStateName::Enabling | JobStateName::Terminating
            );
            assert!(!transitional, "T7: {previous:?}");
        }
        if let JobState::Completed(_) = job.state() {
            assert!(job.end_time().is_some() && job.terminate_reason().is_some(), "I1: job {}", job.id());
            assert!(!job.tasks().any(on_a_node), "I1: a task of completed job {} is on a node", job.id());
            assert!(
                !job.nodes().any(|(_, node)| expects_report(node)),
                "I1: something of job {} is left",
                job.id()
            );
        }
        for (node, record) in job.nodes() {
            let here = job.tasks().filter(|task| is_on(task, node)).map(Task::id);
            assert!(record.tasks().eq(here), "I6: job {} is wrong about the tasks on {node}", job.id());
        }
        if let Some(old) = self.old_job(job.id()) {
            self.check_versions(old, job);
            job.tasks().for_each(|task| self.check_task_versions(old, task));
        }
    }

    /// I3, T2, T3: stamps of a job never go back, and its ETag moves when it should and only then.
    fn check_versions(&self, old: &Job, new: &Job) {
        let id = new.id();
        let created = |job: &Job| (job.creation_time(), job.stamps().created());
        assert_eq!(created(old), created(new), "T6: job {id}");
        assert!(old.stamps().entered() <= new.stamps().entered(), "I3: job {id}");
        let moves = |fact: &Fact| match fact {
            Fact::Job(_, fact) => match fact {
                JobFact::Updated { .. }
                | JobFact::Touched { .. }
                | JobFact::Disabling { .. }
                | JobFact::Enabled { .. }
                | JobFact::TerminationForced { .. } => true,
                JobFact::Terminating { reason, .. } => *reason != TerminateReason::Schedule,
                _ => false,
            },
            _ => false,
        };
        if Effect::facts(&self.fed.effects).any(|fact| fact.job() == Some(id) && moves(fact)) {
            assert!(old.stamps().modified() < new.stamps().modified(), "I3: job {id}'s ETag comes again");
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
        assert_eq!(old.stamps().created(), new.stamps().created(), "T6: task {id}");
        assert!(old.stamps().entered() <= new.stamps().entered(), "I3: task {id}");
        let moved = match self.input {
            Input::UpdateTask { job: on, task, .. }
            | Input::TerminateTask { job: on, task, .. }
            | Input::ReactivateTask { job: on, task, .. } => {
                on.job() == *job.id() && task.task() == *id && !self.fed.refused
            }
            _ => false,
        };
        if moved {
            assert!(old.stamps().modified() < new.stamps().modified(), "I3: task {id}'s ETag comes again");
        } else {
            assert_eq!(old.etag(), new.etag(), "T8: task {id}'s ETag moved");
        }
    }

    /// I1: a completed job is left only by delete, and a job vanishes only when it is due to (G2).
    fn check_departure(&self, old: &Job) {
        let new = self.after.job(old.id()).map(Job::state);
        match old.state() {
            JobState::Completed(_)
                if !matches!(self.input, Input::Delete { .. }) && !self.deletes_schedule() =>
            {
                assert_eq!(new, Some(old.state()), "I1: job {} left its completion", old.id());
            }
            JobState::Ending(Ending { kind: EndingKind::Deleting(_), .. }) => {
                let stays = new.is_none_or(|state| state.name() == JobStateName::Deleting);
                assert!(stays, "G2: job {} came back as {new:?}", old.id());
            }
            JobState::Ending(Ending { kind: EndingKind::Terminating(_), .. }) => {
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

    /// What a tick does to a job: one move at most (S2), and the one that is due.
    fn check_tick(&self, old: &Job, memory: &Memory) {
        if !self.is_tick() {
            return;
        }
        let of_job = Effect::facts(&self.fed.effects).filter_map(|fact| match fact {
            Fact::Job(job, fact) if job == old.id() => Some(fact),
            _ => None,
        });
        let mut moves = of_job.filter(|fact| {
            matches!(
                fact,
                JobFact::Disabling { .. }
                    | JobFact::Disabled { .. }
                    | JobFact::Enabled { .. }
                    | JobFact::Terminating { .. }
                    | JobFact::Completed { .. }
                    | JobFact::Deleting { .. }
                    | JobFact::Deleted
            )
        });
        let (made, more) = (moves.next(), moves.next());
        assert_eq!(more, None, "S2: a second move after {made:?}");
        let (job, at) = (old.id(), old.stamps().entered().max(old.stamps().modified()).max(self.now));
        match old.state() {
            JobState::Living(Living::Enabling) | JobState::Completed(_) => {
                assert_eq!(made, None, "job {job}");
            }
            JobState::Living(living) => {
                if let Some(due) = automatic_end(old, memory, self.now) {
                    let ends = matches!(made, Some(JobFact::Terminating { reason, .. }) if *reason == due);
                    assert!(ends, "job {job} should end by {due:?}, not {made:?}");
                    return;
                }
                let asked_off = *living == Living::Active && memory.demands(JobAction::Disable);
                let is_off = matches!(living, Living::Disabling(_)) && !old.tasks().any(on_a_node);
                let ends = !asked_off && !is_off && has_done_all(old);
                if asked_off {
                    let requeues =
                        matches!(made, Some(JobFact::Disabling { disable_tasks: DisableTasks::Requeue, .. }));
                    assert!(requeues, "X7: job {job} should be disabled, not {made:?}");
                } else if ends {
                    let reason = TerminateReason::AllTasksComplete;
                    let ends =
                        matches!(made, Some(JobFact::Terminating { reason: made, .. }) if *made == reason);
                    assert!(ends, "X4, X7: job {job} should end by {reason:?}, not {made:?}");
                } else {
                    self.check_overdue_tasks(old);
                    assert_eq!(made, is_off.then_some(&JobFact::Disabled { at }), "G1, A1: job {job}");
                }
            }
            JobState::Ending(Ending { kind, force_deadline }) => {
                let over = is_over(old, *force_deadline, self.now);
                let end = match kind {
                    EndingKind::Terminating(_) => JobFact::Completed { at },
                    EndingKind::Deleting(_) => JobFact::Deleted,
                };
                assert_eq!(made, over.then_some(&end), "E8, G2, F1, I7: job {job}");
                if !over {
                    self.check_overdue_releases(old);
                }
            }
        }
    }

    /// The runs of a job that the step stops for this cause, in order.
    fn stopped(&self, job: &Job, cause: StopCause) -> Vec<&RunId> {
        let stops = Effect::instructions(&self.fed.effects).filter_map(|instruction| match instruction {
            Instruction::Stop { run, cause: why } if run.job == *job.id() && *why == cause => Some(run),
            _ => None,
        });
        stops.collect()
    }

    /// K5: the tasks whose own time is over are told to stop, those first whose time was over first.
    fn check_overdue_tasks(&self, job: &Job) {
        let mut overdue: Vec<(Timestamp, &TaskId)> = job.tasks().filter_map(deadline).collect();
        overdue.retain(|(deadline, _)| *deadline <= self.now);
        overdue.sort();
        let stopped = self.stopped(job, StopCause::Task(TaskStop::WallClockTime));
        let stopped: Vec<Option<&TaskId>> = stopped.into_iter().map(RunId::task).collect();
        let overdue: Vec<Option<&TaskId>> = overdue.into_iter().map(|(_, task)| Some(task)).collect();
        assert_eq!(stopped, overdue, "K5: the tasks of job {} whose time is over", job.id());
    }

    /// E6: the releases whose time is over are told to stop, those first that started first.
    fn check_overdue_releases(&self, job: &Job) {
        let limit = job.template().release.as_ref().map(|release| release.max_wall_clock_time);
        let mut overdue: Vec<(Timestamp, &NodeId)> = Vec::new();
        for (node, record) in job.nodes() {
            let running = record.release().filter(|run| run.in_progress()).and_then(NodeRun::start_time);
            overdue.extend(running.map(|start| (start, node)));
        }
        overdue.retain(|(start, _)| {
            limit.and_then(|limit| start.checked_add(limit)).is_some_and(|deadline| deadline <= self.now)
        });
        overdue.sort();
        let overdue: Vec<&NodeId> = overdue.into_iter().map(|(_, node)| node).collect();
        let stopped = self.stopped(job, StopCause::ReleaseTimeout);
        let stopped: Vec<&NodeId> = stopped.into_iter().map(|run| &run.node).collect();
        assert_eq!(stopped, overdue, "E6: the releases of job {} whose time is over", job.id());
    }
}

/// An account decides no two runs of one number in a job, not even in a later job of the same id, and
/// issues each once.
fn note_run(decided: &mut BTreeMap<(JobId, u64), RunId>, issued: &mut BTreeSet<RunId>, effect: &Effect) {
    let new = match effect {
        Effect::Fact(Fact::Task(job, task, TaskFact::Preparing { placement, run, .. })) => {
            let unit = Unit::Task(task.clone());
            RunId { job: job.clone(), node: placement.node.clone(), unit, number: *run }
        }
        Effect::Instruction(Instruction::Run(run)) => {
            assert!(issued.insert(run.clone()), "{run} is issued twice");
            run.clone()
        }
        _ => return,
    };
    let is_waiting = matches!(effect, Effect::Instruction(_)) && new.task().is_some();
    if let Some(old) = decided.insert((new.job.clone(), new.number), new.clone()) {
        // A task that waited for a preparation has its number already.
        assert!(is_waiting && old == new, "{new} has the number of {old}");
    } else {
        let latest = decided.keys().filter(|(job, _)| *job == new.job).map(|(_, number)| *number).max();
        assert_eq!(latest, Some(new.number), "{new} has a number before that of an earlier run");
    }
}

/// Keeps what later steps are judged by, and judges by it.
fn remember(memories: &mut BTreeMap<JobId, Memory>, change: &Change<'_>) {
    for fact in Effect::facts(&change.fed.effects) {
        if let Fact::Job(job, JobFact::Added { .. }) = fact {
            memories.insert(job.clone(), Memory::default());
        }
        let Some(memory) = fact.job().and_then(|job| memories.get_mut(job)) else { continue };
        memory.follow(fact, change);
        if let Fact::Job(job, JobFact::Deleted) = fact {
            memories.remove(job);
        }
    }
    for (id, memory) in memories {
        memory.check(change.after.job(id).unwrap(), change);
    }
}

impl Memory {
    fn follow(&mut self, fact: &Fact, change: &Change<'_>) {
        match fact {
            Fact::Job(job, fact) => self.follow_job(job, fact, change),
            Fact::Task(job, task, fact) => self.follow_task(job, task, fact, change),
            Fact::JobNode(job, node, fact) => self.follow_node(job, node, fact, change),
            _ => {}
        }
    }

    fn follow_job(&mut self, job: &JobId, fact: &JobFact, change: &Change<'_>) {
        match fact {
            JobFact::Terminating { force_deadline, .. } | JobFact::Deleting { force_deadline, .. } => {
                self.forced |= force_deadline.is_some();
            }
            JobFact::AutoPoolFailed { failure } => self.pool_failure = Some(failure.clone()),
            JobFact::Updated { settings, .. } => {
                let is_auto = |pool: &PoolInfo| matches!(pool, PoolInfo::Auto(_));
                // An auto pool is only kept or not from now on (X8).
                let same = is_auto(&settings.pool)
                    && change.old_job(job).is_some_and(|job| is_auto(&job.settings().pool));
                self.pool_failure.take_if(|_| !same);
            }
            JobFact::TerminationForced { .. } | JobFact::DeletionForced { .. } => self.forced = true,
            JobFact::Enabled { .. } | JobFact::Disabling { .. } => {
                self.demanded.retain(|_, action| *action != JobAction::Disable);
            }
            JobFact::Completed { .. } | JobFact::Deleted => {
                self.check_released(change.old_job(job).unwrap());
            }
            _ => {}
        }
    }

    fn follow_task(&mut self, job: &JobId, task: &TaskId, fact: &TaskFact, change: &Change<'_>) {
        match fact {
            TaskFact::Added { .. } => self.order.push(task.clone()),
            TaskFact::Deleted { .. } => {
                self.order.retain(|other| other != task);
                self.demanded.remove(task);
                let manager = change.old_job(job).and_then(|job| job.template().manager.as_ref());
                self.manager_deleted |= manager.is_some_and(|manager| manager.id == *task);
            }
            TaskFact::Preparing { placement, .. } => {
                let node = &placement.node;
                let prepares = change.old_job(job).unwrap().template().preparation.is_some();
                let done = self.prepared.contains(node) && !self.rebooted.contains(node);
                assert!(prepares && !done, "K1: job {job} prepares node {node} without need");
            }
            TaskFact::Running { placement, .. } => {
                let node = &placement.node;
                let prepares = change.old_job(job).unwrap().template().preparation.is_some();
                let done = self.prepared.contains(node) && !self.rebooted.contains(node);
                assert!(!prepares || done, "K1, N1: job {job} does not prepare node {node}");
                self.ran.insert(node.clone());
            }
            TaskFact::Completed(completion) => {
                let job = change.old_job(job).unwrap();
                let asked = demand(job, job.task(task).unwrap(), completion);
                if asked != JobAction::None {
                    self.demanded.insert(task.clone(), asked);
                }
            }
            // X7: what a task asked for lapses with its failure.
            TaskFact::Reactivated { .. } => drop(self.demanded.remove(task)),
            _ => {}
        }
    }

    fn follow_node(&mut self, job: &JobId, node: &NodeId, fact: &JobNodeFact, change: &Change<'_>) {
        match fact {
            JobNodeFact::PreparationEnded { verdict: PreparationVerdict::Ready, .. } => {
                self.prepared.insert(node.clone());
                self.rebooted.remove(node);
            }
            JobNodeFact::EventRecorded(event) => match event {
                NodeEvent::Rebooted => {
                    let preparation = change.old_job(job).unwrap().template().preparation.as_ref();
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
            JobNodeFact::ReleaseIssued { .. } => {
                let due = self.ran.contains(node) && self.prepared.contains(node);
                assert!(due, "E5: job {job} releases node {node} without need");
                let old = change.old_job(job).unwrap();
                assert_eq!(old.end_time(), None, "G2: job {job} was over when it released {node}");
                // N1: a reboot interrupts the run, and it is made again.
                let interrupted = matches!(change.input, Input::Node { event: NodeEvent::Rebooted, .. })
                    && old.node(node).and_then(JobNode::release).is_some_and(NodeRun::in_progress);
                let first = self.released.insert(node.clone());
                assert!(first || interrupted, "E7: job {job} releases node {node} once more");
            }
            _ => {}
        }
    }

    fn demands(&self, action: JobAction) -> bool {
        self.demanded.values().any(|demand| *demand == action)
    }

    /// E5: where the release was due it ran, unless nobody waited.
    fn check_released(&self, job: &Job) {
        if job.template().release.is_some() && !self.forced {
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

/// The node that an effect is for, or about.
fn node_of(effect: &Effect) -> Option<&NodeId> {
    let node = match effect {
        Effect::Instruction(Instruction::Run(run) | Instruction::Stop { run, .. }) => Some(&run.node),
        Effect::Instruction(Instruction::Act { node, .. })
        | Effect::Fact(
            Fact::JobNode(_, node, _)
            | Fact::Node(node, _)
            | Fact::Task(
                ..,
                TaskFact::Stopping { node, .. }
                | TaskFact::Retried { node, .. }
                | TaskFact::Requeued { node, .. }
                | TaskFact::Deleted { node: Some(node), .. },
            ),
        ) => Some(node),
        Effect::Fact(Fact::Task(
            ..,
            TaskFact::Preparing { placement, .. } | TaskFact::Running { placement, .. },
        )) => Some(&placement.node),
        Effect::Fact(Fact::Task(.., TaskFact::Completed(completion))) => {
            completion.placement().map(|placement| &placement.node)
        }
        _ => None,
    };
    assert_eq!(effect.node(), node, "{effect:?}");
    node
}

/// What a job can expect of a node in this state.
fn contact(state: NodeState) -> Contact {
    match state {
        NodeState::Ready(reach)
        | NodeState::Rebooting(reach, _)
        | NodeState::Reimaging(reach, _)
        | NodeState::Deallocating(reach, _) => match reach {
            Reach::Answering => Contact::Answering,
            Reach::Unknown | Reach::Unusable => Contact::Lost,
        },
        NodeState::Preempted | NodeState::Deallocated | NodeState::Starting(_) => Contact::Gone,
        NodeState::LeavingPool(contact, _) => contact,
    }
}

fn check_run(run: &NodeRun, job: &JobId, node: &NodeId) {
    if let NodeRunState::Completed { start_time: Some(start), end_time, .. } = &run.state {
        assert!(start <= end_time, "I3: a run of job {job} on {node} ended before it started");
    }
}

/// K5: how a preparation or release that was reported so has ended; `None` if it was lost.
fn run_outcome(ended: Option<&Ended>) -> RunOutcome {
    match ended {
        Some(Ended { exit_code: Some(0), failure: None }) => RunOutcome::Succeeded,
        Some(Ended { exit_code, failure }) => {
            RunOutcome::Failed { exit_code: *exit_code, failure: failure.clone() }
        }
        None => RunOutcome::Failed { exit_code: None, failure: None },
    }
}

/// E3, E5, G1, K5, N7: what the end of a preparation means for its node.
fn preparation_verdict(job: &Job, node: &JobNode, ended: Option<&Ended>) -> PreparationVerdict {
    let (task, run) = (job.template().preparation.as_ref().unwrap(), node.preparation().unwrap());
    let retries = match task.constraints.max_task_retry_count {
        RetryLimit::Times(times) => run.retry_count < times,
        RetryLimit::Unlimited => true,
    };
    let goes_on = match job.state() {
        JobState::Living(living) => {
            matches!(living, Living::Active | Living::Disabling(DisableTasks::Wait))
        }
        JobState::Ending(_) | JobState::Completed(_) => false,
    };
    match ended {
        None => PreparationVerdict::Unprepared,
        Some(_) if run.is_stopping() => PreparationVerdict::Unprepared,
        Some(Ended { exit_code: Some(0), failure: None }) => PreparationVerdict::Ready,
        Some(Ended { failure: None, .. }) if retries && goes_on => PreparationVerdict::Retry,
        Some(Ended { failure: None, .. }) if retries => PreparationVerdict::Unprepared,
        Some(_) if task.wait_for_success => PreparationVerdict::Barred,
        Some(_) => PreparationVerdict::Ready,
    }
}

/// K13: how long a task may be there.
const LIFETIME: TimeSpan = TimeSpan::from_secs(180 * 24 * 60 * 60);

/// K5, K13: when a task that nobody has told to stop will have had its time.
fn deadline(task: &Task) -> Option<(Timestamp, &TaskId)> {
    match task.state() {
        TaskState::Running { assignment, start_time } if assignment.stop.is_none() => {
            let run = start_time.and_then(|start| start.checked_add(task.constraints().max_wall_clock_time));
            let life = task.stamps().created().checked_add(LIFETIME);
            Some((run.into_iter().chain(life).min()?, task.id()))
        }
        _ => None,
    }
}

/// K3, K5, K6, E2: what a completion says fits where the task came from.
fn check_completion(job: &Job, task: &Task, completion: &Completion) {
    let ran = matches!(task.state(), TaskState::Running { .. });
    assert_eq!(ran, completion.start_time().is_some(), "K3, K6: {} of {:?}", task.id(), task.state());
    let here = task.state().assignment().map(|assignment| &assignment.placement);
    assert_eq!(completion.placement(), here, "K3, K6: {}", task.id());
    let told = task.stop().is_some() || is_ending(job.state().name());
    assert_eq!(completion.is_success(), completion.failure().is_none(), "K3: {completion:?}");
    match completion.failure() {
        None => {
            assert!(ran && !told, "K3: {} succeeded from {:?}", task.id(), task.state());
            assert_eq!(completion.exit_code(), Some(0), "K3");
        }
        Some(TaskFailure::EndedByUser) => {
            assert!(told || *task.state() == TaskState::Active, "E2, K6: nobody ended {}", task.id());
        }
        Some(TaskFailure::WallClockTime) => {
            assert_eq!(task.stop(), Some(TaskStop::WallClockTime), "K5");
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
    matches!(task.state(), TaskState::Preparing(_) | TaskState::Running { .. })
}

fn is_on(task: &Task, node: &NodeId) -> bool {
    on_a_node(task) && task.placement().is_some_and(|placement| placement.node == *node)
}

fn expects_report(node: &JobNode) -> bool {
    let in_progress = |run: Option<&NodeRun>| run.is_some_and(NodeRun::in_progress);
    in_progress(node.preparation()) || in_progress(node.release()) || node.tasks().next().is_some()
}

/// E8, F1, N3, N4: whether an ending waits for nobody any more.
fn is_over(job: &Job, force_deadline: Option<Timestamp>, now: Timestamp) -> bool {
    let awaited = job.nodes().any(|(_, node)| {
        expects_report(node)
            && match node.contact() {
                Contact::Answering => true,
                Contact::Lost => force_deadline.is_none(),
                Contact::Gone => false,
            }
    });
    !awaited || force_deadline.is_some_and(|at| at <= now)
}

/// The exit options that a task's end leads to, looked up as the documentation tells it.
fn exit_options(task: &Task, completion: &Completion) -> ExitOptions {
    let Some(conditions) = &task.specification().exit_conditions else { return ExitOptions::default() };
    let by_code = conditions
        .exit_codes
        .iter()
        .find(|range| completion.exit_code() == Some(range.start))
        .map(|range| range.options);
    // K9: an upload fails after the exit code, and nothing else has options of its own.
    let found = match completion.failure() {
        Some(TaskFailure::PreProcessing(_)) => conditions.pre_processing_error.or(by_code),
        Some(TaskFailure::FileUpload(_)) => by_code.or(conditions.file_upload_error),
        _ => by_code,
    };
    // K9: an exit code of 0 is not among what the default is for.
    let default = conditions.default.filter(|_| completion.failure().is_some());
    found.or(default).unwrap_or_default()
}

/// X3, X7
fn demand(job: &Job, task: &Task, completion: &Completion) -> JobAction {
    let heeded = job.template().on_task_failure == OnTaskFailure::PerformExitOptionsJobAction;
    if heeded && completion.failure().is_some() {
        let by_default =
            if completion.exit_code() == Some(0) { JobAction::None } else { JobAction::Terminate };
        exit_options(task, completion).job_action.unwrap_or(by_default)
    } else {
        JobAction::None
    }
}

/// K9, one by one.
pub(super) fn dependencies_met(job: &Job, task: &Task) -> bool {
    let Some(dependencies) = &task.specification().depends_on else { return true };
    let met = |task: &Task| match task.state() {
        TaskState::Completed(completion) => match exit_options(task, completion).dependency_action {
            Some(action) => action == DependencyAction::Satisfy,
            None => completion.failure().is_none(),
        },
        _ => false,
    };
    let numbered = |number: u32| {
        let mut tasks = job.tasks().filter(move |task| task.id().as_str().parse() == Ok(number)).peekable();
        tasks.peek().is_some() && tasks.all(met)
    };
    dependencies.task_ids.iter().all(|id| job.task(id).is_some_and(met))
        && dependencies.ranges.iter().all(|range| (range.start..=range.end).all(numbered))
}

/// X4: whether all of a job's tasks are completed, and it ends then.
fn has_done_all(job: &Job) -> bool {
    let completed = |task: &Task| matches!(task.state(), TaskState::Completed(_));
    job.settings().on_all_tasks_complete == OnAllTasksComplete::TerminateJob && job.tasks().all(completed)
}

/// Section 6: why a living job ends at this tick, by the first row that applies. X4 comes after disabling.
fn automatic_end(job: &Job, memory: &Memory, now: Timestamp) -> Option<TerminateReason> {
    let template = job.template();
    let limit = job.settings().constraints.max_wall_clock_time;
    let completed = |task: &Task| matches!(task.state(), TaskState::Completed(_));
    let manager = template.manager.as_ref().filter(|manager| manager.kill_job_on_completion);
    if limit != TimeSpan::UNLIMITED && job.creation_time().saturating_add(limit) <= now {
        Some(TerminateReason::MaxWallClockTimeExpiry) // X1
    } else if let Some(failure) = &memory.pool_failure {
        Some(TerminateReason::AutoPoolFailed(failure.clone())) // X9
    } else if !memory.manager_deleted
        && manager.and_then(|manager| job.task(&manager.id)).is_some_and(completed)
    {
        Some(TerminateReason::JobManagerComplete) // X2
    } else if memory.demands(JobAction::Terminate) {
        Some(TerminateReason::TaskFailed) // X3
    } else {
        None
    }
}
