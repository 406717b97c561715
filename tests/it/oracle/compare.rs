//! What is compared with the account. Each difference is a line: `job Job-1, state: oracle: active, account: disabled`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use azbatch::{
    Account, AutoPoolNotAdded, Effect, ErrorCode, Instruction, PoolId, RunId, TimeSpan, Timestamp,
    job::{
        AutoPool, Counts, JobSettings, JobStateName, JobTemplate, NodeRunState, PoolInfo, RunOutcome,
        StopCause, Unit,
    },
    node::{SchedulingState, Stage},
    pool::{NodeCounts, PoolOwner},
    task::{Completion, Properties, TaskFailure, TaskSpecification, TaskState, TaskStateName, TaskStop},
    testing::Refused,
};

use super::{
    Answer, Refusal,
    model::{Job, Node, Oracle, Run, Task, Times, Visit},
    pools::{Owner, Pool, missing, wants_pool},
    schedules::Schedule,
};

/// The differences of one resource.
pub(super) struct Lines<'a> {
    of: &'a dyn Fn() -> String,
    pub(super) found: Vec<String>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(of: &'a dyn Fn() -> String) -> Self {
        Self { of, found: Vec::new() }
    }

    #[allow(
        clippy::needless_pass_by_value,
        reason = "most are small, and the lines of a comparison stay short"
    )]
    pub(super) fn add<T: PartialEq + Debug>(&mut self, what: &str, oracle: T, account: T) {
        if oracle != account {
            self.found.push(format!("{}, {what}: oracle: {oracle:?}, account: {account:?}", (self.of)()));
        }
    }

    /// Over REST without what is only shown: there it takes defaults.
    fn add_shown<T: PartialEq + Debug>(
        &mut self,
        what: &str,
        over_rest: bool,
        bare: fn(&T) -> T,
        (oracle, account): (&T, &T),
    ) {
        if !over_rest {
            self.add(what, oracle, account);
        } else if oracle != account {
            self.add(what, bare(oracle), bare(account));
        }
    }

    fn times<S: PartialEq + Debug + Copy>(&mut self, oracle: &Times<S>, account: &azbatch::Stamps<S>) {
        self.add("created", oracle.created, account.created());
        self.add("lastModified (ETag)", oracle.modified, account.modified());
        self.add("stateTransitionTime", oracle.entered, account.entered());
        self.add("previous state", oracle.previous, account.previous());
    }
}

fn bare_template(template: &JobTemplate) -> JobTemplate {
    let mut bare = JobTemplate { other: Properties::new(), ..template.clone() };
    if let Some(task) = &mut bare.preparation {
        task.other.clear();
    }
    if let Some(task) = &mut bare.release {
        task.other.clear();
    }
    if let Some(task) = &mut bare.manager {
        task.specification = bare_task(&task.specification).into();
        task.command_line = None;
    }
    bare
}

fn bare_task(task: &TaskSpecification) -> TaskSpecification {
    TaskSpecification { other: Properties::new(), ..task.clone() }
}

fn bare_settings(settings: &JobSettings) -> JobSettings {
    let mut bare = JobSettings { other: Properties::new(), ..settings.clone() };
    if let PoolInfo::Auto(auto) = &bare.pool {
        bare.pool = PoolInfo::Auto(AutoPool { other: Properties::new(), ..(**auto).clone() }.into());
    }
    bare
}

/// Whether the account has answered as the oracle says.
pub(super) fn answers(oracle: &Answer, account: &Result<Vec<Effect>, Refused>) -> Option<String> {
    let agree = match (oracle, account) {
        (Ok(()), Ok(_)) | (Err(Refusal::Followed), Err(_)) => true,
        (Err(Refusal::Code(code)), Err(Refused::Request(error))) => *code == error.code,
        (Err(Refusal::NotAssigned(all)), Err(Refused::Assignment(one))) => all.contains(one),
        (Err(Refusal::NotAdded(all)), Err(Refused::Node(one))) => all.contains(one),
        (Err(Refusal::PoolNotWanted), Err(Refused::AutoPool(AutoPoolNotAdded::NotWanted))) => true,
        (Err(Refusal::Code(code)), Err(Refused::AutoPool(AutoPoolNotAdded::Refused(error)))) => {
            *code == error.code
        }
        _ => false,
    };
    let status = |code: &ErrorCode| code.status();
    let text = match oracle {
        Ok(()) => "accepted".to_string(),
        Err(Refusal::Code(code)) => format!("{} {code}", status(code)),
        Err(refusal) => format!("{refusal:?}"),
    };
    let told = match account {
        Ok(_) => "accepted".to_string(),
        Err(Refused::Request(error)) => format!("{} {}", status(&error.code), error.code),
        Err(refused) => format!("{refused:?}"),
    };
    (!agree).then(|| format!("the answer: oracle: {text}, account: {told}"))
}

impl Oracle {
    /// All that differs.
    pub fn differences(&self, account: &Account, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        let mut same = |what: &str, oracle: Vec<String>, account: Vec<String>| {
            if oracle != account {
                lines.push(format!("{what}: oracle: {oracle:?}, account: {account:?}"));
            }
        };
        let text = |id: &dyn ToString| id.to_string();
        same(
            "jobs",
            self.jobs.values().map(|job| text(&job.id)).collect(),
            account.jobs().map(|job| text(job.id())).collect(),
        );
        same(
            "nodes",
            self.nodes.values().map(|node| text(&node.id)).collect(),
            account.nodes().map(|node| text(node.id())).collect(),
        );
        same(
            "job schedules",
            self.schedules.values().map(|schedule| text(&schedule.id)).collect(),
            account.job_schedules().map(|schedule| text(schedule.id())).collect(),
        );
        same(
            "pools",
            self.pools.values().map(|pool| text(&pool.id)).collect(),
            account.pools().map(|pool| text(pool.id())).collect(),
        );
        for job in account.jobs() {
            if let Some(oracle) = self.jobs.get(job.id()) {
                lines.extend(self.job(oracle, job, now));
                lines.extend(self.reasons(oracle, account, now));
            }
        }
        for node in account.nodes() {
            if let Some(oracle) = self.nodes.get(node.id()) {
                lines.extend(self.node(oracle, node));
            }
        }
        for pool in account.pools() {
            if let Some(oracle) = self.pools.get(pool.id()) {
                lines.extend(self.pool(oracle, pool, account));
            }
        }
        for schedule in account.job_schedules() {
            if let Some(oracle) = self.schedules.get(schedule.id()) {
                lines.extend(self.job_schedule(oracle, schedule, now));
            }
        }
        let (oracle, found) = (self.outstanding(), outstanding(account));
        if oracle != found {
            let missing: Vec<_> = oracle.difference(&found).map(ToString::to_string).collect();
            let more: Vec<_> = found.difference(&oracle).map(ToString::to_string).collect();
            lines.push(format!("outstanding: only oracle: {missing:?}, only account: {more:?}"));
        }
        lines
    }

    fn job(&self, oracle: &Job, account: &azbatch::Job, now: Timestamp) -> Vec<String> {
        let of = || format!("job {}", oracle.id);
        let mut lines = Lines::new(&of);
        lines.add("state", oracle.state, account.state().name());
        lines.times(&oracle.times, account.stamps());
        lines.add("creationTime", oracle.received, account.creation_time());
        let template = (&oracle.template, account.template());
        lines.add_shown("template", self.over_rest, bare_template, template);
        let settings = (&*oracle.settings, account.settings());
        lines.add_shown("settings", self.over_rest, bare_settings, settings);
        lines.add("poolId", oracle.pool.as_ref(), account.pool());
        lines.add("terminateReason", oracle.reason.as_ref(), account.terminate_reason());
        lines.add("endTime", oracle.end_time, account.end_time());
        let deadline = account.state().ending().and_then(|ending| ending.force_deadline);
        let expected = oracle.force_deadline.filter(|_| oracle.is_ending());
        lines.add("deadline of force", expected, deadline);
        // E9: one second after the termination.
        let is_shown = oracle.state == JobStateName::Terminating
            && oracle.times.entered.checked_add(TimeSpan::from_secs(1)).is_some_and(|from| from <= now);
        let awaited = if is_shown { self.awaited_nodes(oracle).len() } else { 0 };
        let awaited = (awaited > 0).then_some(awaited);
        lines.add("nodes awaited", awaited, account.nodes_awaiting_processing(now));
        lines.add(
            "tasks",
            oracle.tasks.keys().collect(),
            account.tasks().map(azbatch::Task::id).collect::<Vec<_>>(),
        );
        lines.add("task counts", count(oracle, |_| 1), account.task_counts());
        let slots = count(oracle, |task| u64::from(task.specification.required_slots));
        lines.add("task slot counts", slots, account.task_slot_counts());
        let mut found = lines.found;
        for task in account.tasks() {
            if let Some(oracle) = oracle.tasks.get(task.id()) {
                found.extend(self::task(&of(), oracle, task, self.over_rest));
            }
        }
        found.extend(self.visits(oracle, account));
        found
    }

    /// What ran on each node. Of a job that is over nobody asks for more.
    fn visits(&self, oracle: &Job, account: &azbatch::Job) -> Vec<String> {
        let of = || format!("job {}", oracle.id);
        let mut lines = Lines::new(&of);
        let nodes: Vec<_> = account.nodes().map(|(node, _)| node).collect();
        lines.add("nodes", oracle.visits.keys().collect(), nodes);
        let mut found = lines.found;
        for (node, record) in account.nodes() {
            let Some(visit) = oracle.visits.get(node) else { continue };
            let of = || format!("job {} on node {node}", oracle.id);
            let mut lines = Lines::new(&of);
            lines.add("poolId", &visit.pool, record.pool());
            lines.add(
                "preparation",
                visit.preparation.as_ref().map(shown_run),
                record.preparation().map(run),
            );
            lines.add("release", visit.release.as_ref().map(shown_run), record.release().map(run));
            if oracle.end_time.is_none() {
                lines.add("barred", visit.barred, record.is_barred());
                lines.add("contact", self.contact(node), record.contact());
            }
            found.extend(lines.found);
        }
        found
    }

    fn node(&self, oracle: &Node, account: &azbatch::Node) -> Vec<String> {
        let of = || format!("node {}", oracle.id);
        let mut lines = Lines::new(&of);
        lines.add("pool", &oracle.pool, account.pool());
        lines.add("state", oracle.shown, account.state_name());
        lines.add("stateTransitionTime", oracle.entered, account.stamps().entered());
        lines.add("contact", oracle.contact(), account.contact());
        let action = account.state().action().map(|(what, stage)| match stage {
            Stage::Issued => (what, true, false),
            Stage::Waiting { retained_data } => (what, false, retained_data),
        });
        let expected =
            oracle.action.map(|action| (action.what, action.issued, action.retained_data && !action.issued));
        lines.add("action", expected, action);
        lines.add("takes tasks", oracle.takes_tasks, account.scheduling() == SchedulingState::Enabled);
        lines.add("slots", oracle.slots, account.slots());
        lines.add("taken slots", self.taken_slots(&oracle.id), account.taken_slots());
        let tasks = account.tasks().map(|(job, task)| (job.clone(), task.clone())).collect();
        lines.add("tasks", self.tasks_on(&oracle.id), tasks);
        lines.found
    }

    fn pool(&self, oracle: &Pool, pool: &azbatch::Pool, account: &Account) -> Vec<String> {
        let of = || format!("pool {}", oracle.id);
        let mut lines = Lines::new(&of);
        lines.add("state", oracle.state, pool.state());
        lines.times(&oracle.times, pool.stamps());
        lines.add("allocationState", oracle.allocation, pool.allocation_state());
        let at = pool.allocation_state_transition_time();
        lines.add("allocationStateTransitionTime", oracle.allocated_at, at);
        lines.add("target", oracle.target, pool.target());
        lines.add("nodes", self.node_counts(&oracle.id), account.node_counts(pool.id()));
        lines.add("resizeTimeout", oracle.resize_timeout, pool.resize_timeout());
        lines.add("taskSlotsPerNode", oracle.slots, pool.specification().task_slots_per_node);
        lines.add("nodeFillType", oracle.fill, pool.specification().node_fill_type);
        let since = pool.auto_scale().map(azbatch::pool::AutoScale::enabled);
        lines.add("scales by a formula", oracle.scales_since, since);
        let run = pool.auto_scale().and_then(azbatch::pool::AutoScale::run);
        lines.add("last evaluation", oracle.last_evaluation, run.map(|run| run.timestamp));
        let owner = pool.owner().map(|owner| match owner {
            PoolOwner::Job(job) => Owner::Job(job.clone()),
            PoolOwner::JobSchedule(schedule) => Owner::Schedule(schedule.clone()),
            PoolOwner::Gone => Owner::Gone,
        });
        lines.add("owner", oracle.owner.clone(), owner);
        lines.found
    }

    fn job_schedule(&self, oracle: &Schedule, account: &azbatch::JobSchedule, now: Timestamp) -> Vec<String> {
        let of = || format!("job schedule {}", oracle.id);
        let mut lines = Lines::new(&of);
        lines.add("state", oracle.state, account.state().name());
        lines.times(&oracle.times, account.stamps());
        lines.add("schedule", oracle.settings.schedule, account.settings().schedule);
        let template = (&*oracle.settings.job, &*account.settings().job);
        lines.add_shown("template", self.over_rest, bare_template, template);
        let settings = (&*oracle.settings.job_settings, &*account.settings().job_settings);
        lines.add_shown("settings", self.over_rest, bare_settings, settings);
        if !self.over_rest {
            lines.add("what is only shown", &oracle.settings.other, &account.settings().other);
        }
        lines.add("endTime", oracle.end_time, account.state().end_time());
        let recent = (oracle.made > 0).then(|| oracle.id.job(oracle.made));
        lines.add("recentJob", recent, account.recent_job());
        lines.add("pool of its jobs", oracle.pool.as_ref(), account.pool());
        lines.add("nextRunTime", Self::next_run_time(oracle, now), account.next_run_time(now));
        lines.found
    }

    /// What nodes and the host were told and have not answered.
    pub(super) fn outstanding(&self) -> BTreeSet<Instruction> {
        let mut all = BTreeSet::new();
        for pool in self.pools.values().filter(|pool| pool.is_growing()) {
            let nodes = missing(pool.target, self.node_counts(&pool.id));
            if nodes.total() > 0 {
                all.insert(Instruction::AddNodes { pool: pool.id.clone(), nodes }); // P2
            }
        }
        for node in self.nodes.values() {
            if let Some(action) = node.action.filter(|action| action.issued) {
                all.insert(Instruction::Act { node: node.id.clone(), action: action.what });
            }
        }
        for job in self.jobs.values() {
            if wants_pool(job) {
                all.insert(Instruction::AddPool { job: job.id.clone() }); // P19
            }
            for (node, visit) in &job.visits {
                outstanding_on(job, node, visit, &mut all);
            }
        }
        all
    }

    /// The instructions that come with a call, each once: those that are outstanding since, of nodes how many more
    /// there are to be (P2), and the stops of releases whose time is over (E6). A run that was told to stop may be told
    /// again: when its job ends (E2), or if a user asks again.
    pub(super) fn told(
        &self,
        before: &BTreeSet<Instruction>,
        result: &Result<Vec<Effect>, Refused>,
    ) -> Option<String> {
        let told = Effect::instructions(result.as_deref().unwrap_or_default()).cloned();
        let (asked, mut told): (Vec<_>, Vec<_>) = told.partition(is_about_nodes);
        told.extend(sums(&asked).map(|(pool, nodes)| Instruction::AddNodes { pool, nodes }));
        let outstanding = self.outstanding();
        let new = outstanding.difference(before).filter(|new| !is_about_nodes(new));
        let mut expected: Vec<Instruction> = new.chain(&self.late_releases).cloned().collect();
        let had: BTreeMap<PoolId, NodeCounts> = sums(before).collect();
        for (pool, nodes) in sums(&outstanding) {
            let nodes = missing(nodes, had.get(&pool).copied().unwrap_or_default());
            if nodes.total() > 0 {
                expected.push(Instruction::AddNodes { pool, nodes });
            }
        }
        told.sort();
        expected.sort();
        let mut again = told.clone();
        again.retain(|told| !expected.contains(told));
        let mut stops: Vec<&RunId> = told.iter().filter_map(stopped).collect();
        let count = stops.len();
        stops.dedup();
        let is_stopping = |run: &RunId| before.iter().filter_map(stopped).any(|known| known == run);
        let is_again = |told: &Instruction| match told {
            Instruction::Stop { run, cause: StopCause::JobEnding } => is_stopping(run),
            told => stopped(told).is_some() && before.contains(told) && outstanding.contains(told),
        };
        let right = stops.len() == count
            && again.iter().all(is_again)
            && told.iter().filter(|told| !again.contains(told)).eq(&expected);
        (!right).then(|| format!("instructions: oracle: {expected:?}, account: {told:?}"))
    }
}

fn stopped(instruction: &Instruction) -> Option<&RunId> {
    if let Instruction::Stop { run, .. } = instruction { Some(run) } else { None }
}

fn is_about_nodes(instruction: &Instruction) -> bool {
    matches!(instruction, Instruction::AddNodes { .. })
}

/// How many nodes are to be added to each pool.
pub(super) fn sums<'a>(
    instructions: impl IntoIterator<Item = &'a Instruction>,
) -> impl Iterator<Item = (PoolId, NodeCounts)> {
    let mut sums: BTreeMap<PoolId, NodeCounts> = BTreeMap::new();
    for instruction in instructions {
        if let Instruction::AddNodes { pool, nodes } = instruction {
            let sum = sums.entry(pool.clone()).or_default();
            sum.dedicated += nodes.dedicated;
            sum.low_priority += nodes.low_priority;
        }
    }
    sums.into_iter()
}

fn outstanding(account: &Account) -> BTreeSet<Instruction> {
    account.outstanding().into_iter().collect()
}

fn outstanding_on(job: &Job, node: &azbatch::NodeId, visit: &Visit, all: &mut BTreeSet<Instruction>) {
    let id = |unit: Unit, number: u64| RunId { job: job.id.clone(), node: node.clone(), unit, number };
    let in_progress = |run: &Option<Run>| run.clone().filter(|run| run.end.is_none());
    let preparing = in_progress(&visit.preparation);
    if let Some(run) = &preparing {
        all.insert(Instruction::Run(id(Unit::Preparation, run.number)));
        if run.stopping {
            let run = id(Unit::Preparation, run.number);
            all.insert(Instruction::Stop { run, cause: StopCause::JobEnding }); // E3
        }
    }
    if let Some(run) = in_progress(&visit.release) {
        all.insert(Instruction::Run(id(Unit::Release, run.number)));
    }
    for task in job.tasks.values() {
        let Some(stay) = task.on.as_ref().filter(|stay| stay.node == *node) else { continue };
        let run = id(Unit::Task(task.id.clone()), stay.number);
        if preparing.is_none() {
            all.insert(Instruction::Run(run.clone())); // K1
        }
        // E2; E3: the end of a preparation answers for those that wait for it.
        let by_job = (job.is_ending() && preparing.is_none()).then_some(StopCause::JobEnding);
        if let Some(cause) = stay.stop.map(StopCause::Task).or(by_job) {
            all.insert(Instruction::Stop { run, cause });
        }
    }
}

/// I6: counted anew. Preparing tasks count as running.
fn count(job: &Job, what: impl Fn(&Task) -> u64) -> Counts {
    let mut counts = Counts::default();
    for task in job.tasks.values() {
        let failed = task.end.as_ref().is_some_and(|end| end.failure.is_some());
        *match task.state {
            TaskStateName::Active => &mut counts.active,
            TaskStateName::Preparing | TaskStateName::Running => &mut counts.running,
            TaskStateName::Completed if failed => &mut counts.failed,
            TaskStateName::Completed => &mut counts.succeeded,
        } += what(task);
    }
    counts
}

fn task(job: &str, oracle: &Task, account: &azbatch::Task, over_rest: bool) -> Vec<String> {
    let of = || format!("{job}, task {}", oracle.id);
    let mut lines = Lines::new(&of);
    let specification = (&*oracle.specification, &**account.specification());
    lines.add_shown("specification", over_rest, bare_task, specification);
    if !over_rest {
        lines.add("commandLine", oracle.command_line.as_deref(), account.command_line());
    }
    lines.add("state", oracle.state, account.state().name());
    lines.times(&oracle.times, &account.stamps());
    lines.add("constraints", oracle.constraints, account.constraints());
    lines.add("sequence", oracle.sequence, account.sequence());
    lines.add("retryCount", oracle.retry_count, account.retry_count());
    lines.add("lastRetryTime", oracle.last_retry, account.last_retry_time());
    lines.add("requeueCount", oracle.requeue_count, account.requeue_count());
    lines.add("lastRequeueTime", oracle.last_requeue, account.last_requeue_time());
    let stay = account.state().assignment();
    let (on, at) = (oracle.on.as_ref(), stay.map(|stay| &stay.placement));
    lines.add("pool", on.map(|on| &on.pool), at.map(|at| &at.pool));
    lines.add("node", on.map(|on| &on.node), at.map(|at| &at.node));
    lines.add("run", on.map(|on| on.number), stay.map(|stay| stay.run));
    let stop: Option<TaskStop> = on.and_then(|on| on.stop);
    lines.add("told to stop", stop, account.stop());
    let start = match account.state() {
        TaskState::Running { start_time, .. } => *start_time,
        TaskState::Active | TaskState::Preparing(_) | TaskState::Completed(_) => None,
    };
    lines.add("reported start", oracle.start, start);
    let (end, completion) = (oracle.end.as_ref(), account.state().completion());
    lines.add("endTime", end.map(|end| end.at), completion.map(|found| found.end_time));
    lines.add("exitCode", end.and_then(|end| end.exit_code), completion.and_then(Completion::exit_code));
    lines.add("startTime", end.and_then(|end| end.start), completion.and_then(Completion::start_time));
    let node = completion.and_then(Completion::placement).map(|place| &place.node);
    lines.add("last node", end.and_then(|end| end.node.as_ref()), node);
    let failure = end.and_then(|end| end.failure.as_ref());
    let expected = failure.map(|failure| (failure.category, &*failure.code, &*failure.message));
    let told = |failure: &TaskFailure| {
        (failure.category(), failure.code().to_string(), failure.message().to_string())
    };
    let expected =
        expected.map(|(category, code, message)| (category, code.to_string(), message.to_string()));
    lines.add("failureInfo", expected, completion.and_then(Completion::failure).map(told));
    lines.found
}

/// A preparation or release run, as both sides have it.
#[derive(Debug, PartialEq)]
struct ShownRun {
    number: u64,
    retry_count: u32,
    stopping: bool,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    succeeded: bool,
    exit_code: Option<i32>,
    failure: Option<azbatch::task::NodeFailure>,
}

fn shown_run(run: &Run) -> ShownRun {
    let end = run.end.as_ref();
    let failure = end.and_then(|end| end.failure.clone());
    let exit_code = end.and_then(|end| end.exit_code);
    ShownRun {
        number: run.number,
        retry_count: run.retry_count,
        stopping: run.stopping && end.is_none(),
        start: run.start,
        end: end.map(|end| end.at),
        succeeded: exit_code == Some(0) && failure.is_none(),
        exit_code,
        failure,
    }
}

fn run(run: &azbatch::job::NodeRun) -> ShownRun {
    let outcome = match &run.state {
        NodeRunState::Issued { .. } | NodeRunState::Running { .. } => None,
        NodeRunState::Completed { end_time, outcome, .. } => Some((*end_time, outcome)),
    };
    let failure = match outcome {
        Some((_, RunOutcome::Failed { failure, .. })) => failure.clone(),
        Some((_, RunOutcome::Succeeded)) | None => None,
    };
    ShownRun {
        number: run.number,
        retry_count: run.retry_count,
        stopping: run.is_stopping(),
        start: run.start_time(),
        end: outcome.map(|(at, _)| at),
        succeeded: outcome.is_some_and(|(_, outcome)| *outcome == RunOutcome::Succeeded),
        exit_code: outcome.and_then(|(_, outcome)| outcome.exit_code()),
        failure,
    }
}
