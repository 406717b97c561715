//! The rules of `src/evidence.md`, each in a scenario of its own. The modules are in the order of the page, and the
//! comment of a test begins with its rules.
//!
//! Outputs are compared as short texts: the names of effects with their task and node (without changes of
//! a node's own state), or a refusal's status and code. Every call is checked by [`check`] too, and no two
//! runs may have one id.

// General
mod shape;

mod precedence;

// Timestamps and ETags
mod times;

// Requests by job state
mod requests;

// Termination
mod ending;

// Force and timeout
mod force;

// Automatic termination
mod automatic;

// Job schedules
mod job_schedules;

// Nodes
mod nodes;

mod node_users;

// Tasks
mod tasks;

// Disable and delete
mod disable;

// Pools and scheduling
mod pools;

mod auto_pools;

mod pool_updates;

mod autoscale;

mod scheduling;

mod reasons;

// Invariants
mod invariants;

// Conditional headers
mod conditions;

// Requests and responses
mod bodies;

mod versions;

mod headers;

mod lists;

mod layout;

mod errors;

mod whole;

// Files
mod files;

// Authentication
#[cfg(feature = "shared-key")]
mod authentication;

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use azbatch::{
    Account, BatchError, Effect, Fact, Instruction, Job, JobId, Pool, Preconditions, Report, RunId, Task,
    TimeSpan, Timestamp,
    job::{
        AddJob, DeleteJob, DisableJob, DisableTasks, EnableJob, Ended, JobChange, JobManagerTask, JobPatch,
        JobPreparationTask, JobReleaseTask, JobSettings, JobSpecification, JobTemplate, NodeRunState,
        OnAllTasksComplete, OnTaskFailure, TerminateJob, TerminateReason, Unit, UpdateJob,
    },
    node::{ChangeNode, NodeEvent, NodeFact},
    pool::{AddPool, DeletePool, NodeCounts, NodeFillType, PoolSpecification, RemoveNodes, ResizePool},
    rest::Response,
    task::{
        AddTask, DeleteTask, Dependencies, Properties, ReactivateTask, RequestedConstraints, TaskFailure,
        TaskIdRange, TaskSpecification, TerminateTask, UpdateTask,
    },
};
use serde_json::{Value, json};

use crate::world::{Headers, Reply, Sent, World as RestWorld, announced, id, secs};

/// An account with a job `job` on the pool `pool`, whose nodes `n1` and `n2` have four slots each.
#[derive(Clone)]
struct World {
    /// Its account and its clock, and requests as bytes.
    client: RestWorld,
    /// Every fact and every instruction so far.
    facts: Vec<Fact>,
    instructions: Vec<Instruction>,
}

impl Deref for World {
    type Target = RestWorld;

    fn deref(&self) -> &RestWorld {
        &self.client
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut RestWorld {
        &mut self.client
    }
}

/// One step of a scenario. It returns the outcome as a short text.
type Step = fn(&mut World) -> String;

/// `second` seconds after the start of the scenario.
fn s(second: u64) -> Timestamp {
    Timestamp::parse_iso8601("2026-02-10T08:00:00Z").unwrap().saturating_add(secs(second))
}

/// The instant one tick earlier.
fn before(instant: Timestamp) -> Timestamp {
    Timestamp::from_ticks(instant.ticks() - 1).unwrap()
}

/// An effect's name, with the task and the node that it is about.
fn brief(effect: &Effect) -> String {
    let name = effect.name().to_string();
    if let "JobAdded" | "TaskAdded" = effect.name() {
        return name;
    }
    let task = effect.task().map(ToString::to_string);
    let node = effect.node().map(ToString::to_string);
    [Some(name), task, node].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Whether an effect is left out of the short texts: a node's own state, and a fact that the instruction
/// after it repeats.
fn is_left_out(effect: &Effect) -> bool {
    let is_nodes_state = matches!(effect, Effect::Fact(Fact::Node(_, NodeFact::Changed { .. })));
    is_nodes_state || announced(effect).is_some()
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` takes")]
fn refusal(error: BatchError) -> String {
    format!("{} {}", error.code.status(), error.code)
}

/// No preparation, no release, every default.
fn plain(_: &mut JobTemplate, _: &mut JobSettings) {}

/// With a preparation and a release task.
fn prepared(specification: &mut JobTemplate, _: &mut JobSettings) {
    specification.preparation = Some(JobPreparationTask::new(id("jobpreparation")));
    specification.release = Some(JobReleaseTask::new(id("jobrelease")));
}

/// Ends when all its tasks are completed.
fn ends_by_itself(_: &mut JobTemplate, settings: &mut JobSettings) {
    settings.on_all_tasks_complete = OnAllTasksComplete::TerminateJob;
}

/// Performs the job actions of its tasks' exit options.
fn acts_on_failures(specification: &mut JobTemplate, _: &mut JobSettings) {
    specification.on_task_failure = OnTaskFailure::PerformExitOptionsJobAction;
}

fn uses_dependencies(specification: &mut JobTemplate, _: &mut JobSettings) {
    specification.uses_task_dependencies = true;
}

impl World {
    /// Without nodes and jobs.
    fn bare() -> Self {
        let mut client = RestWorld::new();
        client.now = s(0);
        Self { client, facts: Vec::new(), instructions: Vec::new() }
    }

    fn empty() -> Self {
        let mut world = Self::bare();
        for node in ["n1", "n2"] {
            let pool = id("pool");
            let added =
                world.call(|account, now| Ok(account.add_unmanaged_node(&pool, &id(node), 4, now).unwrap()));
            assert_eq!(added, format!("NodeAdded {node}"));
        }
        world
    }

    fn new(set_up: impl FnOnce(&mut JobTemplate, &mut JobSettings)) -> Self {
        let mut world = Self::empty();
        assert_eq!(world.add_job("job", set_up), "JobAdded");
        world
    }

    fn with_force_timeout(mut self, timeout: TimeSpan) -> Self {
        self.account = self.account.clone().with_force_timeout(timeout);
        self
    }

    /// Sets the clock.
    fn at(&mut self, second: u64) -> &mut Self {
        self.on(s(second))
    }

    fn on(&mut self, now: Timestamp) -> &mut Self {
        self.now = now;
        self
    }

    /// Makes a call, checks what must hold after every call, and returns what followed.
    fn call(&mut self, call: impl FnOnce(&mut Account, &Timestamp) -> Result<Vec<Effect>, String>) -> String {
        let mut refused = None;
        let effects = self.client.call_now(|account, now| {
            call(account, &now).unwrap_or_else(|why| {
                refused = Some(why);
                Vec::new()
            })
        });
        self.remember(&effects);
        let shown = effects.iter().filter(|effect| !is_left_out(effect));
        refused.unwrap_or_else(|| shown.map(brief).collect::<Vec<_>>().join(", "))
    }

    /// Keeps effects for later. No two runs that are to be started have one id (E10).
    fn remember(&mut self, effects: &[Effect]) {
        self.facts.extend(Effect::facts(effects).cloned());
        for instruction in Effect::instructions(effects) {
            if let Instruction::Run(run) = instruction {
                assert!(!self.instructions.contains(instruction), "{run} was started before");
            }
            self.instructions.push(instruction.clone());
        }
    }

    /// The latest instruction.
    fn latest(&self) -> Instruction {
        self.instructions.last().unwrap().clone()
    }

    fn request(
        &mut self,
        request: impl FnOnce(&mut Account, &JobId, &Timestamp) -> Result<Vec<Effect>, BatchError>,
    ) -> String {
        self.call(|account, now| request(account, &id("job"), now).map_err(refusal))
    }

    fn add_job(&mut self, name: &str, set_up: impl FnOnce(&mut JobTemplate, &mut JobSettings)) -> String {
        let (mut specification, mut settings) =
            (JobSpecification::new(id(name)), JobSettings::new(id("pool")));
        set_up(&mut specification.template, &mut settings);
        let command =
            AddJob { specification: specification.into(), settings: settings.into(), received: self.now };
        self.call(|account, now| account.add_job(&command, now).map_err(refusal))
    }

    fn terminate(&mut self) -> String {
        self.terminate_with(&TerminateJob::by_user())
    }

    fn terminate_with(&mut self, command: &TerminateJob) -> String {
        self.request(|account, job, now| account.terminate_job(job, command, now))
    }

    fn force(&mut self) -> String {
        let force = Some(self.account.force_timeout());
        self.terminate_with(&TerminateJob { force, ..TerminateJob::by_user() })
    }

    fn delete(&mut self) -> String {
        self.request(|account, job, now| account.delete_job(job, &DeleteJob::default(), now))
    }

    fn disable(&mut self, disable_tasks: DisableTasks) -> String {
        let command = DisableJob { disable_tasks, preconditions: Preconditions::None };
        self.request(|account, job, now| account.disable_job(job, &command, now))
    }

    fn enable(&mut self) -> String {
        self.request(|account, job, now| account.enable_job(job, &EnableJob::default(), now))
    }

    fn update(&mut self, change: JobChange) -> String {
        let command = UpdateJob { change, preconditions: Preconditions::None };
        self.request(|account, job, now| account.update_job(job, &command, now))
    }

    /// A PATCH that changes only the priority.
    fn patch(&mut self) -> String {
        self.update(JobChange::Patch(JobPatch { priority: Some(1), ..JobPatch::default() }))
    }

    fn add(&mut self, task: &str) -> String {
        self.add_with(task, |_, _| ())
    }

    fn add_with(
        &mut self,
        task: &str,
        set_up: impl FnOnce(&mut TaskSpecification, &mut RequestedConstraints),
    ) -> String {
        let mut command = AddTask::new(id(task));
        set_up(Arc::make_mut(&mut command.specification), &mut command.constraints);
        self.request(|account, job, now| account.add_task(job, &command, now))
    }

    fn terminate_task(&mut self, task: &str) -> String {
        self.request(|account, job, now| {
            account.terminate_task(job, &id(task), &TerminateTask::default(), now)
        })
    }

    fn update_task(&mut self, task: &str) -> String {
        self.request(|account, job, now| account.update_task(job, &id(task), &UpdateTask::default(), now))
    }

    fn reactivate(&mut self, task: &str) -> String {
        self.request(|account, job, now| {
            account.reactivate_task(job, &id(task), &ReactivateTask::default(), now)
        })
    }

    fn delete_task(&mut self, task: &str) -> String {
        self.request(|account, job, now| account.delete_task(job, &id(task), &DeleteTask::default(), now))
    }

    fn assign(&mut self, task: &str, node: &str) -> String {
        self.call(|account, now| {
            account.assign(&id("job"), &id(task), &id(node), now).map_err(|why| format!("{why:?}"))
        })
    }

    /// A node reports, for example, `task a started`, `task a ended 0`, `preparation ended` or `release started`.
    fn say(&mut self, node: &str, what: &str) -> String {
        let report = self.report_of(node, what);
        self.tell(&report)
    }

    /// What [`say`](Self::say) reports, about the run that the node has now.
    fn report_of(&self, node: &str, what: &str) -> Report {
        let mut words = what.split(' ');
        let unit = match words.next() {
            Some("task") => Unit::Task(id(words.next().unwrap())),
            Some("preparation") => Unit::Preparation,
            _ => Unit::Release,
        };
        let run = self.run_of(node, &unit);
        match words.next() {
            Some("started") => run.started(),
            _ => run.ended(Ended { exit_code: words.next().map(id), failure: None }),
        }
    }

    /// A node reports how the run that it has now ended.
    fn ends(&mut self, node: &str, unit: &Unit, ended: Ended) -> String {
        let report = self.run_of(node, unit).ended(ended);
        self.tell(&report)
    }

    /// What a node has of this now; a run that never exists if it has none.
    fn run_of(&self, node: &str, unit: &Unit) -> RunId {
        self.client.run_of("job", unit.clone(), node)
    }

    fn tell(&mut self, report: &Report) -> String {
        self.call(|account, now| Ok(account.report(report, now)))
    }

    fn node(&mut self, node: &str, event: NodeEvent) -> String {
        self.call(|account, now| Ok(account.node_event(&id(node), event, now)))
    }

    fn tick(&mut self) -> String {
        self.call(|account, now| Ok(account.tick(now)))
    }

    /// A task that runs on a node, whose preparation, if there is one, succeeds.
    fn run(&mut self, task: &str, node: &str) {
        assert_eq!(self.add(task), "TaskAdded");
        self.run_added(task, node);
    }

    fn run_added(&mut self, task: &str, node: &str) {
        if self.assign(task, node).contains("RunPreparation") {
            self.say(node, "preparation started");
            self.say(node, "preparation ended 0");
        }
        assert_eq!(self.say(node, &format!("task {task} started")), format!("TaskStarted {task}"));
    }

    /// A task that ran on a node and ended there with an exit code.
    fn ran(&mut self, task: &str, node: &str, exit_code: i32) {
        self.run(task, node);
        assert_eq!(
            self.say(node, &format!("task {task} ended {exit_code}")),
            format!("TaskCompleted {task} {node}")
        );
    }

    fn job(&self) -> &Job {
        self.account.job(&id("job")).unwrap()
    }

    /// The job's state, `gone` without the job.
    fn state(&self) -> &'static str {
        self.account.job(&id("job")).map_or("gone", |job| job.state().name().as_str())
    }

    /// The job's previous state and when it was entered.
    fn previous(&self) -> Option<(&'static str, Timestamp)> {
        self.job().stamps().previous().map(|(state, at)| (state.as_str(), at))
    }

    fn reason(&self) -> &str {
        self.job().terminate_reason().map_or("none", TerminateReason::as_str)
    }

    fn task(&self, task: &str) -> &Task {
        self.job().task(&id(task)).unwrap()
    }

    fn task_state(&self, task: &str) -> &'static str {
        self.task(task).state().name().as_str()
    }

    /// A completed task's exit code and its failure's code.
    fn end(&self, task: &str) -> (Option<i32>, Option<&str>) {
        let Some(end) = self.task(task).state().completion() else { panic!("task {task} is not completed") };
        (end.exit_code(), end.failure().map(TaskFailure::code))
    }

    /// Whether the release task is `issued`, `running` or `completed` on a node.
    fn release(&self, node: &str) -> &'static str {
        match self.job().node(&id(node)).and_then(|node| node.release()).map(|run| &run.state) {
            None => "none",
            Some(NodeRunState::Issued { .. }) => "issued",
            Some(NodeRunState::Running { .. }) => "running",
            Some(NodeRunState::Completed { .. }) => "completed",
        }
    }

    /// Sends a request as it stands, and checks the same as [`call`](Self::call).
    fn send(&mut self, method: &str, target: &str, headers: Headers<'_>, body: &[u8]) -> Response {
        let received = self.now;
        self.send_late(received, method, target, headers, body)
    }

    /// As [`send`](Self::send), but it arrived at another time than it is answered.
    fn send_late(
        &mut self,
        received: Timestamp,
        method: &str,
        target: &str,
        headers: Headers<'_>,
        body: &[u8],
    ) -> Response {
        let mut sent = Sent::bare(&format!("{method} {target}"), body);
        sent.received = Some(received);
        self.exchange_with(sent, headers).response
    }

    /// Sends a request of the newest api-version, with a JSON body or none, and returns its status and code.
    fn rest(&mut self, line: &str, headers: Headers<'_>, body: &str) -> String {
        self.exchange_with(Sent::new(line, body), headers).told()
    }

    fn answer(&mut self, line: &str, headers: Headers<'_>, body: &str) -> Response {
        self.exchange_with(Sent::new(line, body), headers).response
    }

    fn exchange_with(&mut self, sent: Sent, headers: Headers<'_>) -> Reply {
        let sent = headers.iter().fold(sent, |sent, (name, value)| sent.header(name, *value));
        let reply = self.client.exchange(&sent);
        self.remember(&reply.effects);
        reply
    }

    /// What a read shows under this path of names, such as `executionInfo/startTime`.
    fn shown(&mut self, target: &str, path: &str) -> Value {
        let body = self.answer(&format!("GET {target}"), &[], "").body;
        let json: Value = serde_json::from_slice(&body).unwrap();
        json.pointer(&format!("/{path}")).cloned().unwrap_or_default()
    }

    fn disable_and_wait(&mut self) -> String {
        self.disable(DisableTasks::Wait)
    }

    /// The completed job is deleted and added again in another spelling of its id. In between, another job with
    /// fewer runs is deleted.
    fn add_again(&mut self, set_up: impl FnOnce(&mut JobTemplate, &mut JobSettings)) {
        let (other, delete) = (id("other"), DeleteJob::default());
        assert_eq!(self.add_job("other", plain), "JobAdded");
        assert_eq!(self.delete(), "JobDeleting");
        assert_eq!(self.tick(), "JobDeleted");
        self.call(|account, now| account.delete_job(&other, &delete, now).map_err(refusal));
        assert_eq!(self.tick(), "JobDeleted");
        assert_eq!(self.add_job("JOB", set_up), "JobAdded");
    }

    /// What the status list shows of the preparation or the release of the only node.
    fn status(&mut self, which: &str) -> Value {
        let target = "/jobs/job/jobpreparationandreleasetaskstatus";
        assert_eq!(self.shown(target, "value/1"), Value::Null);
        self.shown(target, &format!("value/0/job{which}TaskExecutionInfo"))
    }

    /// An account whose pool `pool` has dedicated nodes `n1`, `n2` and so on, then low-priority ones.
    fn with_pool(target: NodeCounts, slots: u32, fill: NodeFillType) -> Self {
        let mut world = Self::bare();
        assert_eq!(world.add_pool("pool", target, slots, fill), "PoolAdded, AddNodes");
        for number in 1..=target.total() {
            assert_eq!(world.add_node("pool", &format!("n{number}")), format!("NodeAdded n{number}"));
        }
        assert_eq!(world.tick(), "PoolSteady");
        world
    }

    fn pool(&self) -> &Pool {
        self.account.pool(&id("pool")).unwrap()
    }

    fn change_node(&mut self, node: &str, change: ChangeNode) -> String {
        self.call(|account, now| account.change_node(&id("pool"), &id(node), change, now).map_err(refusal))
    }

    /// Adds a task to a job that need not be `job`.
    fn add_to(&mut self, job: &str, task: &str) -> String {
        let command = AddTask::new(id(task));
        self.call(|account, now| account.add_task(&id(job), &command, now).map_err(refusal))
    }

    fn add_pool(&mut self, pool: &str, target: NodeCounts, slots: u32, fill: NodeFillType) -> String {
        let specification = PoolSpecification {
            id: id(pool),
            task_slots_per_node: slots,
            node_fill_type: fill,
            other: Properties::new(),
        };
        let command = AddPool { specification: Arc::new(specification), target, auto_scale: None };
        self.call(|account, now| account.add_pool(&command, now).map_err(refusal))
    }

    fn add_node(&mut self, pool: &str, node: &str) -> String {
        self.call(|account, now| Ok(account.add_node(&id(pool), &id(node), now).unwrap()))
    }

    fn resize_pool(&mut self, pool: &str, command: &ResizePool) -> String {
        self.call(|account, now| account.resize_pool(&id(pool), command, now).map_err(refusal))
    }

    fn remove_nodes(&mut self, pool: &str, command: &RemoveNodes) -> String {
        self.call(|account, now| account.remove_nodes(&id(pool), command, now).map_err(refusal))
    }

    fn delete_pool(&mut self, pool: &str) -> String {
        self.call(|account, now| account.delete_pool(&id(pool), &DeletePool::default(), now).map_err(refusal))
    }
}

/// A job with one task, on a pool with this number of nodes: `tvm-1` and so on.
fn with_pool(nodes: u32) -> RestWorld {
    let mut world = RestWorld::with_pool(nodes, 1, "spread");
    world.add_job("job", json!({})).add_tasks("job", &["t"]);
    world
}

/// Adds a job that performs the job actions of failed tasks, by a typed command.
fn add_job_that_acts_on_failures(
    world: &mut RestWorld,
    change: impl FnOnce(&mut JobTemplate),
) -> Vec<String> {
    let mut specification = JobSpecification::new(id("job"));
    specification.template.on_task_failure = OnTaskFailure::PerformExitOptionsJobAction;
    change(&mut specification.template);
    let settings = JobSettings::new(id("pool")).into();
    let effects = world.call(|account, now| {
        let command = AddJob { specification: specification.into(), settings, received: now };
        account.add_job(&command, now).unwrap_or_default()
    });
    crate::world::brief(&effects)
}

fn depends_on(task_ids: &[&str], ranges: &[(u32, u32)]) -> Dependencies {
    let ranges = ranges.iter().map(|(start, end)| TaskIdRange { start: *start, end: *end });
    Dependencies { task_ids: task_ids.iter().map(|task| id(task)).collect(), ranges: ranges.collect() }
}

fn dedicated(nodes: u32) -> NodeCounts {
    NodeCounts { dedicated: nodes, low_priority: 0 }
}

/// A job manager task under this id.
fn manager(name: &str, kill_job_on_completion: bool) -> JobManagerTask {
    JobManagerTask { kill_job_on_completion, ..JobManagerTask::new(id(name)) }
}

/// A job on a pool without nodes.
fn with_job(job: &str) -> RestWorld {
    let mut world = RestWorld::new();
    assert_eq!(world.send("POST /pools", r#"{"id":"p","vmSize":"small"}"#).told(), "201");
    assert_eq!(world.send("POST /jobs", job).told(), "201");
    world
}

/// A job `j` with an active task `t`, on a pool with a node `n`.
fn with_a_task() -> RestWorld {
    let mut world = RestWorld::new();
    world.add_node("p", "n");
    assert_eq!(world.send("POST /jobs", r#"{"id":"j","poolInfo":{"poolId":"p"}}"#).told(), "201");
    assert_eq!(world.send("POST /jobs/j/tasks", r#"{"id":"t","commandLine":"c"}"#).told(), "201");
    world
}

fn names(ids: &[&str]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
