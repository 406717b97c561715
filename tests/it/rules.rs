//! The rules of `src/evidence.md`, each in a scenario of its own. A test's first line names its rules.
//!
//! Outputs are compared as short texts: the names of effects with the task and node that they are
//! about (but for a node's own state), or a refusal's status and code. Whatever a scenario does, it is
//! checked besides that the account is sound, that a refusal has changed nothing, that the facts,
//! replayed, give the same, and that no run is started under the id of another.

use std::{collections::BTreeSet, fmt::Debug, str::FromStr, sync::Arc};

use azbatch::{
    Account, BatchError, ETag, Effect, Fact, Instruction, Job, JobId, NodeId, Pool, PoolId, Preconditions,
    Report, RunId, Task, TimeSpan, Timestamp,
    condition::ConditionHeaders,
    job::{
        AddJob, DeleteJob, DisableJob, DisableTasks, EnableJob, Ended, JobChange, JobConstraints, JobFact,
        JobManagerTask, JobNodeFact, JobPatch, JobPreparationTask, JobReleaseTask, JobSettings,
        JobSpecification, NodeRunState, OnAllTasksComplete, OnTaskFailure, ParallelLimit, RunOutcome,
        TerminateJob, TerminateReason, Unit, UpdateJob,
    },
    node::{ChangeNode, NodeAction, NodeEvent, NodeFact, NodeTasks},
    pool::{
        AddPool, AllocationState, DeletePool, NodeCounts, NodeFillType, PoolFact, PoolSpecification,
        PoolState, RemoveNodes, ResizePool,
    },
    rest::{self, Guid, Request, Response},
    task::{
        AddTask, Completion, DeleteTask, Dependencies, DependencyAction, ExitCodeRange, ExitConditions,
        ExitOptions, JobAction, LastRun, NodeError, NodeFailure, Outcome, Placement, Properties,
        ReactivateTask, RequestedConstraints, RetryLimit, TaskFact, TaskFailure, TaskIdRange,
        TaskSpecification, TaskStop, TerminateTask, UpdateTask,
    },
};
use serde_json::Value;

/// An account with a job `job` on the pool `pool`, whose nodes `n1` and `n2` have four slots each.
struct World {
    account: Account,
    now: Timestamp,
    /// Every fact and every instruction so far.
    facts: Vec<Fact>,
    instructions: Vec<Instruction>,
}

const URL: &str = "https://contoso.westus.batch.azure.com";
const NEWEST: &str = "2025-06-01";

/// One step of a scenario, which tells what followed.
type Step = fn(&mut World) -> String;

/// Names and values.
type Headers<'a> = &'a [(&'a str, &'a str)];

fn id<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// So many seconds after the start of every scenario.
fn s(second: u64) -> Timestamp {
    Timestamp::parse_iso8601("2026-02-10T08:00:00Z").unwrap().saturating_add(secs(second))
}

fn secs(seconds: u64) -> TimeSpan {
    TimeSpan::from_secs(seconds)
}

/// The last instant before.
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

/// Whether an effect is left out of the short texts: a node's own state, and the five facts that the
/// instruction after them repeats, which are `TaskStopping`, `PreparationIssued`, `PreparationStopping`,
/// `ReleaseIssued` and `NodeActionIssued`.
fn is_left_out(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Fact(
            Fact::Node(_, NodeFact::Changed { .. } | NodeFact::ActionIssued { .. })
                | Fact::Task(_, _, TaskFact::Stopping { .. })
                | Fact::JobNode(
                    _,
                    _,
                    JobNodeFact::PreparationIssued { .. }
                        | JobNodeFact::PreparationStopping
                        | JobNodeFact::ReleaseIssued { .. }
                )
        )
    )
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` takes")]
fn refusal(error: BatchError) -> String {
    format!("{} {}", error.code.status(), error.code)
}

/// No preparation, no release, every default.
fn plain(_: &mut JobSpecification, _: &mut JobSettings) {}

/// With a preparation and a release task.
fn prepared(specification: &mut JobSpecification, _: &mut JobSettings) {
    specification.preparation = Some(JobPreparationTask::new(id("jobpreparation")));
    specification.release = Some(JobReleaseTask::new(id("jobrelease")));
}

/// Ends when all its tasks are completed.
fn ends_by_itself(_: &mut JobSpecification, settings: &mut JobSettings) {
    settings.on_all_tasks_complete = OnAllTasksComplete::TerminateJob;
}

/// Does what its tasks' exit options ask for.
fn acts_on_failures(specification: &mut JobSpecification, _: &mut JobSettings) {
    specification.on_task_failure = OnTaskFailure::PerformExitOptionsJobAction;
}

fn uses_dependencies(specification: &mut JobSpecification, _: &mut JobSettings) {
    specification.uses_task_dependencies = true;
}

impl World {
    /// Without nodes and jobs.
    fn bare() -> Self {
        Self { account: Account::new(URL), now: s(0), facts: Vec::new(), instructions: Vec::new() }
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

    fn new(set_up: impl FnOnce(&mut JobSpecification, &mut JobSettings)) -> Self {
        let mut world = Self::empty();
        assert_eq!(world.add_job("job", set_up), "JobAdded");
        world
    }

    fn with_force_timeout(mut self, timeout: TimeSpan) -> Self {
        self.account = self.account.with_force_timeout(timeout);
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

    /// Makes a call, checks what must hold after every call, and tells what followed.
    fn call(&mut self, call: impl FnOnce(&mut Account, &Timestamp) -> Result<Vec<Effect>, String>) -> String {
        let old = self.account.clone();
        let result = call(&mut self.account, &self.now);
        self.account.check().unwrap();
        let mut replayed = old;
        let told = match result {
            Ok(effects) => {
                for fact in Effect::facts(&effects) {
                    replayed.try_apply(fact).unwrap();
                }
                self.remember(&effects);
                let shown = effects.iter().filter(|effect| !is_left_out(effect));
                shown.map(brief).collect::<Vec<_>>().join(", ")
            }
            Err(why) => why,
        };
        assert_eq!(replayed, self.account, "{told}");
        told
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

    fn add_job(
        &mut self,
        name: &str,
        set_up: impl FnOnce(&mut JobSpecification, &mut JobSettings),
    ) -> String {
        let (mut specification, mut settings) =
            (JobSpecification::new(id(name)), JobSettings::new(id("pool")));
        set_up(&mut specification, &mut settings);
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

    /// A change of no importance.
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
        let (mut specification, mut constraints) =
            (TaskSpecification::new(id(task)), RequestedConstraints::default());
        set_up(&mut specification, &mut constraints);
        let command = AddTask { specification: Arc::new(specification), constraints };
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

    /// A node says such as `task a started`, `task a ended 0`, `preparation ended` or `release started`.
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
        let (job, node): (JobId, NodeId) = (id("job"), id(node));
        let current = self.account.current_run(&job, &node, unit);
        current.unwrap_or(RunId { job, node, unit: unit.clone(), number: 0 })
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
        let headers: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let request_id = Guid::from_u128(1);
        let request = Request { method, target, headers: &headers, body, received, request_id };
        let mut response = None;
        self.call(|account, now| {
            let answer = rest::answer(account, &request, now);
            response = Some(answer.response);
            Ok(answer.effects)
        });
        response.unwrap()
    }

    /// Sends a request of the newest api-version, with a JSON body or none, and tells its status and code.
    fn rest(&mut self, line: &str, headers: Headers<'_>, body: &str) -> String {
        told(&self.answer(line, headers, body))
    }

    fn answer(&mut self, line: &str, headers: Headers<'_>, body: &str) -> Response {
        let (method, target) = line.split_once(' ').unwrap();
        let joint = if target.contains('?') { '&' } else { '?' };
        let version = if target.contains("api-version=") {
            String::new()
        } else {
            format!("{joint}api-version={NEWEST}")
        };
        let mut headers = headers.to_vec();
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        self.send(method, &format!("{target}{version}"), &headers, body.as_bytes())
    }

    /// What a read shows under this path of names, such as `executionInfo/startTime`.
    fn shown(&mut self, target: &str, path: &str) -> Value {
        let body = self.answer(&format!("GET {target}"), &[], "").body;
        let json: Value = serde_json::from_slice(&body).unwrap();
        json.pointer(&format!("/{path}")).cloned().unwrap_or_default()
    }
}

/// A response's status, with the code of its body if it has one.
fn told(response: &Response) -> String {
    let json: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let code = json["code"].as_str().map(|code| format!(" {code}"));
    format!("{}{}", response.status, code.unwrap_or_default())
}

fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

// Shape

/// S1: no request and no report makes a move that is the service's own; a tick does.
#[test]
fn the_service_moves_at_ticks_alone() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    for (step, outcome, state_then, tick, state_after) in [
        ("disable", "JobDisabling, StopTask a n1", "disabling", "", "disabling"),
        ("report", "TaskRequeued a n1", "disabling", "JobDisabled", "disabled"),
        ("terminate", "JobTerminating", "terminating", "JobCompleted", "completed"),
        ("delete", "JobDeleting", "deleting", "JobDeleted", "gone"),
    ] {
        let came = match step {
            "disable" => world.disable(DisableTasks::Requeue),
            "report" => world.say("n1", "task a ended 1"),
            "terminate" => world.terminate(),
            _ => world.delete(),
        };
        assert_eq!((came.as_str(), world.state()), (outcome, state_then), "{step}");
        assert_eq!((world.tick().as_str(), world.state()), (tick, state_after), "the tick after {step}");
    }
}

/// S1, X4: also what a job does by itself waits for a tick.
#[test]
fn a_job_that_could_end_waits_for_the_tick() {
    let mut world = World::new(ends_by_itself);
    world.ran("a", "n1", 0);
    assert_eq!(world.at(10).patch(), "JobUpdated");
    assert_eq!(world.state(), "active");
    assert_eq!(world.at(11).tick(), "JobTerminating");
}

/// S2: an automatic end and its completion are two ticks; giving up and completing are one.
#[test]
fn a_tick_makes_one_move_of_the_jobs_state() {
    let mut world = World::new(ends_by_itself);
    assert_eq!(world.tick(), "JobTerminating");
    assert!(world.account.deadline() <= Some(world.now));
    assert_eq!(world.tick(), "JobCompleted");

    let mut world = World::new(plain);
    world.run("a", "n1");
    world.at(10).force();
    assert_eq!(world.at(70).tick(), "TaskCompleted a n1, JobCompleted");
}

/// S3: the deadline is the next instant at which a tick can do something.
#[test]
fn the_deadline_tells_when_a_tick_is_due() {
    let mut world = World::new(prepared);
    assert_eq!(world.account.deadline(), None);

    let constraints = JobConstraints { max_wall_clock_time: secs(3600), ..JobConstraints::default() };
    world.update(JobChange::Patch(JobPatch { constraints: Some(constraints), ..JobPatch::default() }));
    assert_eq!(world.account.deadline(), Some(s(3600)));

    world.at(1).add_with("a", |_, constraints| constraints.max_wall_clock_time = secs(20));
    world.at(5).run_added("a", "n1");
    assert_eq!(world.account.deadline(), Some(s(25)));

    world.at(10).terminate();
    assert_eq!(world.account.deadline(), None, "only the node can move it");
    world.at(11).say("n1", "task a ended 0");
    world.at(12).say("n1", "release started");
    assert_eq!(world.account.deadline(), Some(s(12 + 900)));
    world.at(13).force();
    assert_eq!(world.account.deadline(), Some(s(13 + 60)));
    world.at(14).say("n1", "release ended 0");
    assert!(world.account.deadline() <= Some(s(14)), "now");
    world.at(14).tick();
    assert_eq!(world.account.deadline(), None);
}

/// S4
#[test]
fn ids_keep_their_case_and_are_compared_without_it() {
    let mut world = World::empty();
    world.add_job("Film", plain);
    assert_eq!(world.add_job("fILM", plain), "409 JobExists");
    let add = AddTask::new(TaskSpecification::new(id("Frame-1")));
    assert_eq!(
        world.call(|account, now| account.add_task(&id("FILM"), &add, now).map_err(refusal)),
        "TaskAdded"
    );
    let again = AddTask::new(TaskSpecification::new(id("frame-1")));
    let again = world.call(|account, now| account.add_task(&id("film"), &again, now).map_err(refusal));
    assert_eq!(again, "409 TaskExists");
    assert_eq!(world.account.job(&id("film")).unwrap().id().as_str(), "Film");
    assert_eq!(world.account.task(&id("film"), &id("FRAME-1")).unwrap().id().as_str(), "Frame-1");
    assert_eq!(world.shown("/jobs/fILM", "id"), "Film");
}

/// S5: each of these requests deserves the refusal of the next line too, where it can.
#[test]
fn of_several_refusals_the_first_in_order_wins() {
    let mut world = World::new(plain);
    world.terminate();
    world.at(1).tick();
    world.at(100);
    let large = "x".repeat(1024 * 1024 + 1);
    let unmet = ("If-Match", "0x0");
    let (date, two) = (("ocp-date", "today"), [("If-Match", "*"), ("If-None-Match", "*")]);
    let cases: [(&str, &str, Headers<'_>, &str); 14] = [
        ("400 InvalidUri", "PATCH /nowhere", &[], ""),
        ("405 UnsupportedHttpVerb", "PATCH /jobs/job/terminate", &[], ""),
        ("400 MissingRequiredQueryParameter", "POST /jobs/no/terminate?timeout=x", &[], ""),
        ("400 InvalidQueryParameterValue", "POST /jobs/no/terminate?api-version=2020&timeout=x", &two, ""),
        (
            "400 InvalidQueryParameterValue",
            "POST /jobs/no/terminate?api-version=2025-06-01&timeout=x",
            &two,
            "",
        ),
        (
            "400 MultipleConditionHeadersNotSupported",
            "POST /jobs/no/terminate?api-version=2025-06-01",
            &[date, two[0], two[1]],
            &large,
        ),
        ("400 InvalidHeaderValue", "POST /jobs/no/terminate?api-version=2025-06-01", &[date], &large),
        ("413 RequestBodyTooLarge", "POST /jobs/no/terminate?api-version=2025-06-01", &[], &large),
        ("400 InvalidHeaderValue", "POST /jobs/no/terminate?api-version=2025-06-01", &[], "{"),
        (
            "400 InvalidRequestBody",
            "POST /jobs?api-version=2025-06-01",
            &[("Content-Type", "application/json")],
            r#"{"priority":5000"#,
        ),
        (
            "400 InvalidPropertyValue",
            "POST /jobs?api-version=2025-06-01",
            &[("Content-Type", "application/json")],
            r#"{"id":"job","priority":5000,"poolInfo":{"poolId":"pool"}}"#,
        ),
        ("500 OperationTimedOut", "POST /jobs/no/terminate?api-version=2025-06-01", &[unmet], ""),
        ("404 JobNotFound", "POST /jobs/no/terminate?api-version=2025-06-01", &[unmet], ""),
        ("409 JobCompleted", "POST /jobs/job/terminate?api-version=2025-06-01", &[unmet], ""),
    ];
    for (refused, line, headers, body) in cases {
        let (method, target) = line.split_once(' ').unwrap();
        let in_time = refused.starts_with("404") || refused.starts_with("409");
        let received = if in_time { s(100) } else { s(60) };
        let response = world.send_late(received, method, target, headers, body.as_bytes());
        assert_eq!(told(&response), refused, "{line}");
    }
}

/// S5: a query parameter is judged before the headers.
#[test]
fn a_bad_query_parameter_wins_over_bad_headers() {
    let mut world = World::new(plain);
    let two = [("If-Match", "*"), ("If-None-Match", "*")];
    for target in ["/jobs/job?timeout=0", "/jobs/job?$select=nothing"] {
        assert_eq!(
            world.rest(&format!("GET {target}"), &two, ""),
            "400 InvalidQueryParameterValue",
            "{target}"
        );
    }
}

/// S5: what is wrong with a body alone is told before its time is up, and before what is stored.
#[test]
fn a_bad_body_wins_over_the_time_and_the_state() {
    let mut world = World::new(plain);
    let headers = [("Content-Type", "application/json")];
    for part in [r#""priority":5000"#, r#""jobReleaseTask":{"commandLine":"r"}"#] {
        let body = format!(r#"{{"id":"job","poolInfo":{{"poolId":"pool"}},{part}}}"#);
        for now in [s(1), s(60)] {
            let response = world.on(now).send_late(
                s(0),
                "POST",
                "/jobs?api-version=2025-06-01",
                &headers,
                body.as_bytes(),
            );
            assert_eq!(told(&response), "400 InvalidPropertyValue", "{part}");
        }
    }
}

/// S5: state, then the value that depends on what is stored, then the conditions.
#[test]
fn the_state_wins_over_the_value_and_that_over_the_conditions() {
    let mut world = World::new(ends_by_itself);
    world.add("a");
    let tags = ConditionHeaders { if_match: Some(b"0x0"), ..Default::default() };
    let preconditions = Preconditions::parse(&tags, s(0)).unwrap();
    let take_back = UpdateJob { change: JobChange::Replace(JobSettings::new(id("pool"))), preconditions };
    let send = |world: &mut World, command: &UpdateJob| {
        world.request(|account, job, now| account.update_job(job, command, now))
    };
    assert_eq!(send(&mut world, &take_back), "400 InvalidPropertyValue");
    let patch = UpdateJob { change: JobChange::Patch(JobPatch::default()), ..take_back.clone() };
    assert_eq!(send(&mut world, &patch), "412 ConditionNotMet");
    world.terminate();
    assert_eq!(send(&mut world, &take_back), "409 JobBeingTerminated");
}

// Times and versions

/// T1
#[test]
fn an_etag_is_the_last_modification_in_ticks() {
    let mut world = World::empty();
    world.on(Timestamp::parse_iso8601("2025-05-14T21:50:06.78508Z").unwrap());
    let body = r#"{"id":"job","poolInfo":{"poolId":"pool"}}"#;
    assert_eq!(world.answer("POST /jobs", &[], body).header("ETag"), Some("0x8DD93314A6D8630"));
    assert_eq!(world.job().etag().to_string(), "0x8DD93314A6D8630");
    assert_eq!(world.shown("/jobs/job", "eTag"), "0x8DD93314A6D8630");
}

/// T2: what moves lastModified, and what does not.
#[test]
fn users_and_automatic_ends_move_the_etag_and_nothing_else_does() {
    let mut world = World::new(|specification, settings| {
        acts_on_failures(specification, settings);
        settings.max_parallel_tasks = ParallelLimit::AtMost(9);
    });
    let steps: [(bool, Step); 13] = [
        (true, World::patch),
        (true, |world| world.update(JobChange::Replace(JobSettings::new(id("pool"))))),
        (false, |world| world.add("a")),
        (false, |world| world.assign("a", "n1")),
        (false, |world| world.say("n1", "task a started")),
        (true, |world| world.disable(DisableTasks::Wait)),
        (false, |world| world.say("n1", "task a ended 0")),
        (false, World::tick),
        (true, World::enable),
        (false, |world| world.node("n1", NodeEvent::Lost)),
        (true, World::terminate),
        (false, World::tick),
        (false, World::delete),
    ];
    for (number, (moves, step)) in (1..).zip(steps) {
        let old = world.job().stamps().modified();
        let came = step(world.at(number));
        assert!(!came.is_empty());
        let expected = if moves { s(number) } else { old };
        assert_eq!(world.job().stamps().modified(), expected, "{came}");
    }
}

/// T2: an automatic end moves lastModified, but for one by the job's schedule.
#[test]
fn an_end_by_the_schedule_leaves_the_etag_alone() {
    let mut world = World::new(ends_by_itself);
    world.at(5).tick();
    assert_eq!((world.reason(), world.job().stamps().modified()), ("AllTasksComplete", s(5)));

    let mut world = World::new(acts_on_failures);
    world.ran("a", "n1", 1);
    world.at(5).tick();
    assert_eq!((world.reason(), world.job().stamps().modified()), ("TaskFailed", s(5)));

    let mut world = World::new(plain);
    world.at(5).terminate_with(&TerminateJob::because(TerminateReason::Schedule));
    assert_eq!((world.job().stamps().modified(), world.job().stamps().entered()), (s(0), s(5)));
}

/// T2: waiting for nodes shows a scheduling error without moving the ETag.
#[test]
fn a_scheduling_error_leaves_the_etag_alone() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    world.at(5).terminate();
    let etag = world.shown("/jobs/job", "eTag");
    world.at(9);
    assert!(world.shown("/jobs/job", "executionInfo/schedulingError").is_object());
    assert_eq!(world.shown("/jobs/job", "eTag"), etag);
}

/// T3
#[test]
fn a_request_stamps_one_instant_and_answers_with_it() {
    let mut world = World::new(plain);
    let response = world.at(5).answer("POST /jobs/job/terminate", &[], "");
    assert_eq!((world.job().stamps().modified(), world.job().stamps().entered()), (s(5), s(5)));
    assert_eq!(response.header("ETag"), Some(world.job().etag().to_string().as_str()));

    let mut world = World::new(plain);
    world.at(5).patch();
    assert_eq!((world.job().stamps().modified(), world.job().stamps().entered()), (s(5), s(0)));
    world.at(6).delete();
    assert_eq!((world.job().stamps().modified(), world.job().stamps().entered()), (s(5), s(6)));
}

/// T4
#[test]
fn the_last_modified_header_has_no_fraction() {
    let mut world = World::new(plain);
    world.on(Timestamp::parse_iso8601("2026-02-10T08:00:01.9999999Z").unwrap());
    let response = world.answer("POST /jobs/job/terminate", &[], "");
    assert_eq!(response.header("Last-Modified"), Some("Tue, 10 Feb 2026 08:00:01 GMT"));
    assert_eq!(world.shown("/jobs/job", "lastModified"), "2026-02-10T08:00:01.9999999Z");
}

/// T5: a clock that stands.
#[test]
fn a_standing_clock_repeats_no_etag() {
    let mut world = World::new(plain);
    for ticks in 1..=3 {
        world.patch();
        assert_eq!(world.job().stamps().modified().ticks(), s(0).ticks() + ticks);
    }
    world.add("a");
    world.update_task("a");
    assert_eq!(world.task("a").stamps().modified().ticks(), s(0).ticks() + 1);
    world.add_job("other", plain);
    assert_eq!(
        world.account.job(&id("other")).unwrap().stamps().modified(),
        s(0),
        "two jobs may share an instant"
    );
}

/// T5: a clock that runs back.
#[test]
fn a_clock_that_runs_back_stamps_nothing_earlier() {
    let mut world = World::new(plain);
    world.at(50).run("a", "n1");
    world.at(60).patch();
    world.at(20).terminate();
    assert_eq!(world.job().stamps().modified(), s(60).next_tick());
    world.at(10).say("n1", "task a ended 0");
    assert_eq!(world.task("a").stamps().entered(), s(50));
    world.at(5).tick();
    assert_eq!((world.state(), world.job().end_time()), ("completed", Some(s(60).next_tick())));
}

/// T5: behind the last tick there is none, so stamps stand still there.
#[test]
fn at_the_end_of_the_calendar_stamps_stand_still() {
    let mut world = World::new(plain);
    world.on(Timestamp::MAX).patch();
    assert_eq!(world.patch(), "JobUpdated");
    assert_eq!(world.job().stamps().modified(), Timestamp::MAX);
    assert_eq!(world.force(), "JobTerminating");
    assert_eq!(world.tick(), "JobCompleted");
}

/// T6
#[test]
fn a_new_jobs_stamps_are_one_but_for_its_creation() {
    let mut world = World::empty();
    let received = s(3);
    let body = br#"{"id":"job","poolInfo":{"poolId":"pool"}}"#;
    let headers = [("Content-Type", "application/json")];
    world.at(4).send_late(received, "POST", "/jobs?api-version=2025-06-01", &headers, body);
    let job = world.job();
    assert_eq!((job.creation_time(), job.stamps().created()), (s(3), s(4)));
    assert_eq!((job.stamps().modified(), job.stamps().entered()), (s(4), s(4)));

    world.at(5).add("a");
    let task = world.task("a");
    assert_eq!([task.stamps().created(), task.stamps().modified(), task.stamps().entered()], [s(5); 3]);
}

/// T7: disabling, terminating are left out; deleting shows what was before it.
#[test]
fn states_that_are_passed_through_are_never_the_previous_one() {
    let mut world = World::new(plain);
    assert_eq!(world.previous(), None);
    let steps: [(Step, &str, (&str, u64)); 7] = [
        (|world| world.disable(DisableTasks::Wait), "disabling", ("active", 0)),
        (World::enable, "active", ("active", 0)),
        (|world| world.disable(DisableTasks::Wait), "disabling", ("active", 2)),
        (World::tick, "disabled", ("active", 2)),
        (World::terminate, "terminating", ("disabled", 4)),
        (World::tick, "completed", ("disabled", 4)),
        (World::delete, "deleting", ("completed", 6)),
    ];
    for (second, (step, state, (previous, entered))) in (1..).zip(steps) {
        step(world.at(second));
        assert_eq!((world.state(), world.previous()), (state, Some((previous, s(entered)))), "step {second}");
    }
}

/// T7: from disabling straight to an end.
#[test]
fn leaving_a_passing_state_by_a_request_keeps_what_was_before() {
    let mut world = World::new(plain);
    for (second, state) in [(3, "disabling"), (4, "terminating"), (5, "completed")] {
        match state {
            "disabling" => world.at(second).disable(DisableTasks::Wait),
            "terminating" => world.at(second).terminate(),
            _ => world.at(second).tick(),
        };
        assert_eq!((world.state(), world.previous()), (state, Some(("active", s(0)))));
    }
    for end in [World::terminate, World::disable_and_wait] {
        let mut world = World::new(plain);
        end(world.at(3));
        world.at(4).delete();
        assert_eq!((world.state(), world.previous()), ("deleting", Some(("active", s(0)))));
    }
}

impl World {
    fn disable_and_wait(&mut self) -> String {
        self.disable(DisableTasks::Wait)
    }
}

/// T8
#[test]
fn a_tasks_etag_moves_on_users_calls_alone() {
    let mut world = World::new(plain);
    world.add("a");
    let steps: [(bool, Step); 8] = [
        (true, |world| world.update_task("a")),
        (false, |world| world.assign("a", "n1")),
        (false, |world| world.say("n1", "task a started")),
        (true, |world| world.terminate_task("a")),
        (false, |world| world.say("n1", "task a ended 0")),
        (true, |world| world.reactivate("a")),
        (false, |world| world.assign("a", "n1")),
        (false, |world| world.say("n1", "task a ended 0")),
    ];
    for (number, (moves, step)) in (1..).zip(steps) {
        let old = world.task("a").stamps().modified();
        let came = step(world.at(number));
        assert!(!came.is_empty());
        assert_eq!(world.task("a").stamps().modified(), if moves { s(number) } else { old }, "{came}");
    }
}

// Job: state and request

/// A job in a state, with a task `waits` that is active and one `failed` that is completed.
fn in_state(state: &str) -> World {
    let mut world = World::new(plain);
    world.at(1).ran("failed", "n1", 1);
    world.at(2).add("waits");
    world.at(3);
    match state {
        "active" => String::new(),
        "disabling" => world.disable(DisableTasks::Wait),
        "disabled" => world.disable(DisableTasks::Wait) + &world.tick(),
        "terminating" => world.terminate(),
        "completed" => world.terminate() + &world.tick(),
        _ => world.delete(),
    };
    assert_eq!(world.state(), state);
    world.at(4);
    world
}

fn send(world: &mut World, request: &str) -> String {
    match request {
        "terminate" => world.terminate(),
        "terminate-force" => world.force(),
        "disable" => world.disable(DisableTasks::Wait),
        "enable" => world.enable(),
        "update" => world.patch(),
        "delete" => world.delete(),
        "add-task" => world.add("new"),
        "add-job" => world.add_job("job", plain),
        "get" => world.request(|account, job, _| account.require_job(job).map(|_| Vec::new())),
        "update-task" => world.update_task("waits"),
        "terminate-task" => world.terminate_task("waits"),
        "reactivate-task" => world.reactivate("failed"),
        "delete-task" => world.delete_task("waits"),
        other => panic!("an unknown request: {other}"),
    }
}

/// The rows of the rules' table: a request, and what each state answers, without the anchors that links
/// lead to.
fn table() -> Vec<Vec<&'static str>> {
    let lines = include_str!("../../src/evidence.md").lines();
    let rows =
        lines.skip_while(|line| !line.starts_with("| request ")).take_while(|line| line.starts_with('|'));
    let cell = |cell: &'static str| cell.rsplit_once("</a>").map_or(cell, |(_, text)| text).trim();
    rows.map(|row| row.trim_matches('|').split('|').map(cell).collect()).collect()
}

/// R-*-*: what each state answers to each request, but for enabling, to which no request leads.
#[test]
fn a_job_answers_as_the_table_says() {
    let rows = table();
    assert_eq!(rows.len(), 2 + 13);
    let (states, rows) = (&rows[0], &rows[2..]);
    for row in rows {
        for (state, cell) in states.iter().zip(row).skip(1).filter(|(state, _)| **state != "enabling") {
            let (expected, _kind) = cell.split_once(' ').unwrap();
            let came = send(&mut in_state(state), row[0]);
            match expected {
                "ok" => assert!(!came.starts_with("409"), "{} while {state}: {came}", row[0]),
                code => assert_eq!(came, format!("409 {code}"), "{} while {state}", row[0]),
            }
        }
    }
}

/// R-disable-disabled, R-enable-active: accepted, though there is nothing to do.
#[test]
fn disabling_twice_moves_the_etag_alone_and_enabling_an_active_job_nothing() {
    let mut world = in_state("disabled");
    let moved = world.job().stamps().entered();
    assert_eq!(world.disable(DisableTasks::Requeue), "JobTouched");
    assert_eq!((world.state(), world.job().stamps().entered()), ("disabled", moved));
    assert_eq!(world.job().stamps().modified(), s(4));

    let mut world = in_state("active");
    let old = world.account.clone();
    assert_eq!(world.enable(), "");
    assert_eq!(world.account, old);
}

/// R-*-*: without the job there is nothing to ask.
#[test]
fn a_job_that_does_not_exist_answers_404_but_to_its_creation() {
    for row in &table()[2..] {
        let expected = if row[0] == "add-job" { "JobAdded" } else { "404 JobNotFound" };
        assert_eq!(send(&mut World::empty(), row[0]), expected, "{}", row[0]);
    }
}

// Ending

/// E1
#[test]
fn a_terminated_job_is_terminating_at_once_with_its_reason() {
    for (text, shown) in [(None, "UserTerminate"), (Some(""), "UserTerminate"), (Some("enough"), "enough")] {
        let mut world = World::new(plain);
        world.run("a", "n1");
        world.at(5).terminate_with(&TerminateJob::because(TerminateReason::User(text.map(Into::into))));
        assert_eq!((world.state(), world.reason(), world.job().end_time()), ("terminating", shown, None));
        assert_eq!(world.job().stamps().entered(), s(5));
    }
}

/// E1: on the wire too.
#[test]
fn a_reason_in_the_body_is_kept_to_the_letter() {
    for (body, shown) in [
        ("", "UserTerminate"),
        ("{}", "UserTerminate"),
        (r#"{"terminateReason":""}"#, "UserTerminate"),
        (r#"{"terminateReason":null}"#, "UserTerminate"),
        (r#"{"terminateReason":" Enough! "}"#, " Enough! "),
    ] {
        let mut world = World::new(plain);
        assert_eq!(world.rest("POST /jobs/job/terminate", &[], body), "202", "{body}");
        assert_eq!(world.shown("/jobs/job", "executionInfo/terminateReason"), shown, "{body}");
        assert_eq!(world.shown("/jobs/job", "executionInfo/endTime"), Value::Null);
    }
}

/// E2
#[test]
fn running_tasks_are_told_to_stop_and_end_as_failed_when_the_node_answers() {
    for (answer, exit_code) in
        [("task a ended 137", Some(137)), ("task a ended 0", Some(0)), ("task a ended", None)]
    {
        let mut world = World::new(plain);
        world.run("a", "n1");
        assert_eq!(world.at(5).terminate(), "JobTerminating, StopTask a n1");
        assert_eq!(world.task_state("a"), "running");
        assert_eq!(world.at(7).say("n1", answer), "TaskCompleted a n1");
        assert_eq!(world.end("a"), (exit_code, Some("TaskEnded")));
        assert_eq!(world.task("a").stamps().entered(), s(7));
        let shown = world.shown("/jobs/job/tasks/a", "executionInfo");
        assert_eq!(shown["failureInfo"]["category"], "UserError");
        assert_eq!(shown["failureInfo"]["message"], "Task Was Ended by User Request");
        assert_eq!(shown["result"], "failure");
    }
}

/// E3
#[test]
fn preparing_tasks_end_with_their_preparation() {
    for answer in ["preparation ended", "preparation ended 0", "preparation ended 1"] {
        let mut world = World::new(prepared);
        world.add("a");
        world.assign("a", "n1");
        assert_eq!(world.terminate(), "JobTerminating, StopPreparation n1");
        assert_eq!(world.task_state("a"), "preparing");
        assert_eq!(world.at(7).say("n1", answer), "PreparationEnded n1, TaskCompleted a n1", "{answer}");
        assert_eq!(world.end("a"), (None, Some("TaskEnded")));
        assert_eq!(world.task("a").stamps().previous().map(|(state, _)| state.as_str()), Some("preparing"));
    }
}

/// E4, I2
#[test]
fn active_tasks_stay_as_they_are_for_ever() {
    let mut world = World::new(prepared);
    world.add("waits");
    world.run("a", "n1");
    let old = world.task("waits").clone();
    let untouched = |world: &World| assert_eq!(*world.task("waits"), old);
    world.at(5).terminate();
    untouched(&world);
    world.at(6).say("n1", "task a ended 1");
    world.at(7).say("n1", "release ended 0");
    untouched(&world);
    assert_eq!(world.at(8).tick(), "JobCompleted");
    untouched(&world);
    assert_eq!(world.at(9).terminate_task("waits"), "409 JobCompleted");
    untouched(&world);
    assert_eq!(world.at(9).delete_task("waits"), "TaskDeleted waits");
}

/// E5: the last task that leaves a node makes room for the release.
#[test]
fn the_release_runs_on_a_node_when_its_last_task_has_ended() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.run("b", "n1");
    world.ran("c", "n2", 0);
    assert_eq!(world.terminate(), "JobTerminating, StopTask a n1, StopTask b n1, RunRelease n2");
    assert_eq!(world.say("n1", "task b ended 1"), "TaskCompleted b n1");
    assert_eq!(world.say("n1", "task a ended 1"), "TaskCompleted a n1, RunRelease n1");
    assert_eq!(world.account.node(&id("n1")).unwrap().free_slots(), 4, "it takes no slot");
}

/// E5: no release task, no task that ran, no preparation that ran to completion.
#[test]
fn without_something_to_release_no_release_runs() {
    let mut world = World::new(plain);
    world.ran("a", "n1", 0);
    assert_eq!(world.terminate(), "JobTerminating");

    let mut world = World::new(prepared);
    world.add("a");
    world.assign("a", "n1");
    world.delete_task("a");
    world.say("n1", "preparation ended 0");
    assert_eq!(
        world.account.require_task(&id("job"), &id("a")).map(drop).map_err(refusal),
        Err("404 TaskNotFound".into())
    );
    assert_eq!(world.terminate(), "JobTerminating", "no task ran there");

    let mut world = World::new(prepared);
    world.add("a");
    world.assign("a", "n1");
    world.terminate();
    world.say("n1", "preparation ended 0");
    assert_eq!(world.release("n1"), "none", "a stopped preparation is no completed one");
    assert_eq!(world.tick(), "JobCompleted");
}

/// E5: a failed preparation counts as completed if nobody waited for its success.
#[test]
fn a_failed_preparation_that_nobody_waited_for_is_released() {
    for (waited, ended, terminated) in [
        (false, "PreparationEnded n1, TaskRunning a n1, RunTask a n1", "JobTerminating, StopTask a n1"),
        (true, "PreparationEnded n1, TaskRequeued a n1", "JobTerminating"),
    ] {
        let mut world = World::new(|specification, settings| {
            prepared(specification, settings);
            specification.preparation.as_mut().unwrap().wait_for_success = waited;
        });
        world.add("a");
        world.assign("a", "n1");
        assert_eq!(world.say("n1", "preparation ended 1"), ended);
        assert_eq!(world.terminate(), terminated);
        world.say("n1", "task a ended 0");
        assert_eq!(world.release("n1"), if waited { "none" } else { "issued" });
    }
}

/// E6: at the first tick at or after its time is over, not before.
#[test]
fn a_release_may_take_its_time_from_its_start_and_no_longer() {
    for limit in [15 * 60, 60] {
        let mut world = World::new(|specification, settings| {
            prepared(specification, settings);
            specification.release.as_mut().unwrap().max_wall_clock_time = secs(limit);
        });
        world.ran("a", "n1", 0);
        world.at(10).terminate();
        assert_eq!(world.at(5000).tick(), "", "a node that never starts it holds the job");
        world.at(6000).say("n1", "release started");
        assert_eq!(world.on(before(s(6000 + limit))).tick(), "");
        assert_eq!(world.at(6000 + limit).tick(), "ReleaseEnded n1, StopRelease n1");
        let run = world.job().node(&id("n1")).unwrap().release().unwrap();
        let NodeRunState::Completed { outcome, .. } = &run.state else { panic!("{run:?}") };
        assert_eq!(*outcome, RunOutcome::Failed { exit_code: None, failure: None });
        assert_eq!(world.tick(), "JobCompleted");
    }
}

/// E6: nobody can give it longer.
#[test]
fn a_release_of_more_than_15_minutes_is_refused() {
    let with_limit = |limit| {
        World::empty().add_job("job", |specification, settings| {
            prepared(specification, settings);
            specification.release.as_mut().unwrap().max_wall_clock_time = limit;
        })
    };
    assert_eq!(with_limit(secs(900)), "JobAdded");
    assert_eq!(with_limit(TimeSpan::from_ticks(secs(900).ticks() + 1).unwrap()), "400 InvalidPropertyValue");
}

/// E7
#[test]
fn a_failed_release_does_not_hold_the_job_and_runs_once() {
    let mut world = World::new(prepared);
    world.ran("a", "n1", 0);
    world.terminate();
    world.say("n1", "release started");
    assert_eq!(world.say("n1", "release ended 1"), "ReleaseEnded n1");
    assert_eq!(world.tick(), "JobCompleted");
    assert_eq!(world.delete(), "JobDeleting");
    assert_eq!(world.tick(), "JobDeleted");

    let mut world = World::new(prepared);
    world.ran("a", "n1", 0);
    assert_eq!(world.terminate(), "JobTerminating, RunRelease n1");
    assert_eq!(world.delete(), "JobDeleting", "it runs already");
    assert_eq!(world.say("n1", "release ended 0"), "ReleaseEnded n1");
    assert_eq!(world.node("n1", NodeEvent::Rebooted), "NodeEventRecorded n1", "it has run");
    assert_eq!(world.tick(), "JobDeleted");
}

/// E8
#[test]
fn with_nothing_outstanding_the_next_tick_completes_the_job() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.at(5).terminate();
    assert_eq!(world.at(6).tick(), "");
    world.at(7).say("n1", "task a ended 1");
    assert_eq!(world.at(8).tick(), "");
    world.at(9).say("n1", "release ended 0");
    let etag = world.job().etag();
    assert_eq!(world.at(10).tick(), "JobCompleted");
    assert_eq!((world.job().stamps().entered(), world.job().end_time()), (s(10), Some(s(10))));
    assert_eq!(world.job().etag(), etag);
}

/// E9: from a second after the termination on.
#[test]
fn a_job_that_waits_for_nodes_shows_how_many() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.run("b", "n2");
    world.at(10).terminate();
    let old = world.account.clone();
    assert_eq!(world.on(before(s(11))).shown("/jobs/job", "executionInfo/schedulingError"), Value::Null);
    let error = world.at(11).shown("/jobs/job", "executionInfo/schedulingError");
    assert_eq!(error["category"], "ServerError");
    assert_eq!(error["code"], "JobTerminationAwaitingNodeProcessing");
    assert_eq!(
        error["message"],
        "The Job termination operation is waiting for processing from one or more node."
    );
    assert_eq!(error["details"][0]["name"], "Number of nodes awaiting processing");
    assert_eq!(error["details"][0]["value"], "2");
    assert_eq!(world.account, old, "it is derived at each read");
    assert_eq!(world.account.deadline(), None);

    world.say("n1", "task a ended 1");
    assert_eq!(world.job().nodes_awaiting_processing(world.now), Some(2), "the release counts too");
    world.say("n1", "release ended 0");
    assert_eq!(world.job().nodes_awaiting_processing(world.now), Some(1));
    world.say("n2", "task b ended 1");
    world.say("n2", "release ended 0");
    assert_eq!(world.at(20).shown("/jobs/job", "executionInfo/schedulingError"), Value::Null);
}

/// E10: it takes and starts no tasks.
#[test]
fn a_terminating_job_takes_and_starts_no_tasks() {
    let mut world = World::new(plain);
    world.add("a");
    world.terminate();
    assert_eq!(world.add("b"), "409 JobBeingTerminated");
    assert_eq!(world.assign("a", "n1"), "JobNotActive");
}

/// E10: reports that tell nothing new.
#[test]
fn late_repeated_and_unknown_reports_change_nothing() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.terminate();
    let from = |report: &Report, node: &str, number: u64| {
        let run = RunId { node: id(node), number, ..report.run.clone() };
        Report { run, event: report.event.clone() }
    };
    let mut late = vec![
        world.report_of("n1", "task a started"),
        world.report_of("n1", "task b ended 0"),
        world.report_of("n1", "preparation started"),
        world.report_of("n1", "preparation ended 0"),
    ];
    for (what, first) in [
        ("task a ended 1", "TaskCompleted a n1, RunRelease n1"),
        ("release started", "ReleaseStarted n1"),
        ("release ended 0", "ReleaseEnded n1"),
    ] {
        let report = world.report_of("n1", what);
        let number = report.run.number;
        for other in [0, number - 1, number + 1, u64::MAX] {
            assert_eq!(world.tell(&from(&report, "n1", other)), "", "{what}, of run {other}");
        }
        assert_eq!(world.tell(&report), first);
        assert_eq!(world.tell(&report), "", "{what}, repeated");
        assert_eq!(world.say("n1", what), "", "{what}, repeated by a node that knows no numbers");
        assert_eq!(world.tell(&from(&report, "n2", number)), "", "{what}, from another node");
        assert_eq!(world.say("n2", what), "", "{what}, from another node");
        late.push(report);
    }
    for _ in 0..2 {
        for report in &late {
            assert_eq!(world.tell(report), "", "{report}, late");
            assert_eq!(world.tell(&from(report, "unknown", report.run.number)), "", "{report}, unknown node");
            let elsewhere = RunId { job: id("no"), ..report.run.clone() };
            let elsewhere = Report { run: elsewhere, event: report.event.clone() };
            assert_eq!(world.tell(&elsewhere), "", "{elsewhere}");
        }
        world.tick();
        assert_eq!(world.state(), "completed");
        assert_eq!(world.say("n1", "task a ended 0"), "");
    }
}

/// A node that does what it is told and no more: it starts a run once, it stops the run that it is told to
/// stop and no other, and it answers every stop, also that of a run that it does not have.
#[derive(Default)]
struct HonestNode {
    runs: BTreeSet<RunId>,
    /// What it must not start any more.
    over: BTreeSet<RunId>,
}

impl HonestNode {
    fn obey(&mut self, instruction: &Instruction) -> Option<Report> {
        match instruction {
            Instruction::Run(run) => {
                let starts = !self.over.contains(run) && self.runs.insert(run.clone());
                starts.then(|| run.started())
            }
            Instruction::Stop { run, .. } => {
                self.over.insert(run.clone());
                let ended = if self.runs.remove(run) { Ended::with_exit_code(137) } else { Ended::default() };
                Some(run.ended(ended))
            }
            Instruction::AddNodes { .. } | Instruction::Act { .. } => None,
        }
    }

    /// A run ends by itself.
    fn ends(&mut self, run: &RunId, exit_code: i32) -> Report {
        assert!(self.runs.remove(run), "the node does not have {run}");
        self.over.insert(run.clone());
        run.ended(Ended::with_exit_code(exit_code))
    }

    fn reboots(&mut self) {
        self.over.append(&mut self.runs);
    }
}

impl World {
    /// Delivers an instruction to a node, and tells what followed from its answer.
    fn deliver(&mut self, node: &mut HonestNode, instruction: &Instruction) -> String {
        node.obey(instruction).map(|report| self.tell(&report)).unwrap_or_default()
    }

    /// Delivers the latest instruction, from whose answer this must follow.
    fn deliver_latest(&mut self, node: &mut HonestNode, told: &str) -> Instruction {
        let instruction = self.latest();
        assert_eq!(self.deliver(node, &instruction), told, "{instruction}");
        instruction
    }

    /// Instructions about runs that are over come again, and so do reports about those runs. Nothing
    /// changes, and the run that the latest `Run` started goes on.
    fn comes_late(&mut self, node: &mut HonestNode, late: &[&Instruction]) {
        let mut latest = self.instructions.iter().rev();
        let next = latest.find(|told| matches!(told, Instruction::Run(_))).and_then(Instruction::run);
        let next = next.unwrap().clone();
        let error = NodeError { code: "Late".into(), message: "late".into() };
        let failed = Ended { exit_code: None, failure: Some(NodeFailure::FileUpload(error)) };
        let old = self.account.clone();
        for instruction in late {
            let over = instruction.run().unwrap();
            assert_ne!(*over, next);
            assert_eq!(self.deliver(node, instruction), "", "{instruction}");
            let ends = [Ended::default(), Ended::with_exit_code(0), Ended::with_exit_code(1), failed.clone()];
            for report in ends.map(|ended| over.ended(ended)).into_iter().chain([over.started()]) {
                assert_eq!(self.tell(&report), "", "{report}");
            }
            assert!(node.runs.contains(&next), "after {instruction}");
        }
        assert_eq!(self.account, old);
        assert_eq!(self.account.current_run(&next.job, &next.node, &next.unit), Some(next));
    }
}

/// E10, G1: a job is disabled and enabled, and its task comes to the same node again. The first stop, which
/// is delivered again then, is about the first run.
#[test]
fn a_repeated_stop_leaves_the_next_run_alone() {
    for (ticks, stop_comes_first) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut world = World::new(plain);
        let mut node = HonestNode::default();
        world.add("a");
        assert_eq!(world.assign("a", "n1"), "TaskRunning a n1, RunTask a n1");
        let first = world.deliver_latest(&mut node, "TaskStarted a");
        assert_eq!(world.disable(DisableTasks::Requeue), "JobDisabling, StopTask a n1");
        let stop = world.deliver_latest(&mut node, "TaskRequeued a n1");
        assert_eq!(stop.run(), first.run());
        if ticks {
            assert_eq!(world.tick(), "JobDisabled");
        }
        assert_eq!(world.enable(), "JobEnabled");
        assert_eq!(world.assign("a", "n1"), "TaskRunning a n1, RunTask a n1");
        let second = world.latest();
        if stop_comes_first {
            assert_eq!(world.deliver(&mut node, &stop), "");
        }
        assert_eq!(world.deliver(&mut node, &second), "TaskStarted a");
        world.comes_late(&mut node, &[&stop, &first]);

        assert_eq!(world.task_state("a"), "running");
        assert_eq!(world.tell(&node.ends(second.run().unwrap(), 0)), "TaskCompleted a n1");
        assert_eq!(world.end("a"), (Some(0), None));
    }
}

/// E10, G1, K1: a task is told to stop while its node is preparing, so the node does not have it. It is
/// given to the node again before the preparation has ended.
#[test]
fn a_repeated_stop_of_a_preparing_task_leaves_its_next_run_alone() {
    let mut world = World::new(prepared);
    let mut node = HonestNode::default();
    world.add("a");
    world.assign("a", "n1");
    let preparation = world.deliver_latest(&mut node, "PreparationStarted n1");
    assert_eq!(world.disable(DisableTasks::Requeue), "JobDisabling, StopTask a n1");
    let stop = world.deliver_latest(&mut node, "TaskRequeued a n1");
    assert_eq!(world.enable(), "JobEnabled");
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1");
    assert_eq!(world.deliver(&mut node, &stop), "");
    assert_eq!(world.task_state("a"), "preparing");
    let prepared = node.ends(preparation.run().unwrap(), 0);
    assert_eq!(world.tell(&prepared), "PreparationEnded n1, TaskRunning a n1, RunTask a n1");
    drop(world.deliver_latest(&mut node, "TaskStarted a"));
    world.comes_late(&mut node, &[&stop, &preparation]);
}

/// E10, K7: a task that was deleted and added again is another one, also to its node.
#[test]
fn a_task_that_was_added_again_has_runs_of_its_own() {
    let mut world = World::new(plain);
    let mut node = HonestNode::default();
    world.add("a");
    world.assign("a", "n1");
    let first = world.deliver_latest(&mut node, "TaskStarted a");
    assert_eq!(world.delete_task("a"), "StopTask a n1");
    let stop = world.deliver_latest(&mut node, "TaskDeleted a n1");
    for name in ["a", "A"] {
        assert_eq!(world.add(name), "TaskAdded");
        world.assign(name, "n1");
        let next = world.deliver_latest(&mut node, &format!("TaskStarted {name}"));
        world.comes_late(&mut node, &[&stop, &first]);
        let ended = node.ends(next.run().unwrap(), 0);
        assert_eq!(world.tell(&ended), format!("TaskCompleted {name} n1"));
        assert_eq!(world.delete_task(name), format!("TaskDeleted {name}"));
        assert_eq!(world.tell(&ended), "");
    }
}

/// E10, N1, K4: a preparation that is run again, because it failed or because its node rebooted, is another
/// run, and so is a release.
#[test]
fn a_preparation_or_release_that_runs_again_is_another_run() {
    let mut world = World::new(|specification, settings| {
        prepared(specification, settings);
        specification.preparation.as_mut().unwrap().constraints.max_task_retry_count = RetryLimit::Times(1);
    });
    let mut node = HonestNode::default();
    world.add("a");
    world.assign("a", "n1");
    let first = world.deliver_latest(&mut node, "PreparationStarted n1");
    node.reboots();
    let rebooted = "PreparationEnded n1, TaskRequeued a n1, NodeEventRecorded n1";
    assert_eq!(world.node("n1", NodeEvent::Rebooted), rebooted);
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
    let second = world.deliver_latest(&mut node, "PreparationStarted n1");
    world.comes_late(&mut node, &[&first]);

    let failed = node.ends(second.run().unwrap(), 1);
    assert_eq!(world.tell(&failed), "PreparationEnded n1, RunPreparation n1");
    let third = world.deliver_latest(&mut node, "PreparationStarted n1");
    world.comes_late(&mut node, &[&first, &second]);
    let prepared = node.ends(third.run().unwrap(), 0);
    assert_eq!(world.tell(&prepared), "PreparationEnded n1, TaskRunning a n1, RunTask a n1");
    let task = world.deliver_latest(&mut node, "TaskStarted a");

    assert_eq!(world.terminate(), "JobTerminating, StopTask a n1");
    drop(world.deliver_latest(&mut node, "TaskCompleted a n1, RunRelease n1"));
    let released = world.deliver_latest(&mut node, "ReleaseStarted n1");
    node.reboots();
    assert_eq!(world.node("n1", NodeEvent::Rebooted), "NodeEventRecorded n1, RunRelease n1");
    let again = world.deliver_latest(&mut node, "ReleaseStarted n1");
    world.comes_late(&mut node, &[&first, &second, &third, &task, &released]);
    assert_eq!(world.tick(), "");
    assert_eq!(world.tell(&node.ends(again.run().unwrap(), 0)), "ReleaseEnded n1");
    assert_eq!(world.tick(), "JobCompleted");
}

impl World {
    /// The job, which is over, is deleted and added again under another spelling of its id. Before that a
    /// job with fewer runs is gone.
    fn add_again(&mut self, set_up: impl FnOnce(&mut JobSpecification, &mut JobSettings)) {
        let (other, delete) = (id("other"), DeleteJob::default());
        assert_eq!(self.add_job("other", plain), "JobAdded");
        assert_eq!(self.delete(), "JobDeleting");
        assert_eq!(self.tick(), "JobDeleted");
        self.call(|account, now| account.delete_job(&other, &delete, now).map_err(refusal));
        assert_eq!(self.tick(), "JobDeleted");
        assert_eq!(self.add_job("JOB", set_up), "JobAdded");
    }
}

/// E10, E3, F1: the stop of a preparation, delivered again or late, is about the job that was, also if
/// its termination was forced and its node has never answered.
#[test]
fn the_stop_of_a_preparation_leaves_a_later_job_of_the_same_id_alone() {
    for forced in [false, true] {
        let mut world = World::new(prepared);
        let mut node = HonestNode::default();
        world.add("a");
        world.assign("a", "n1");
        let first = world.deliver_latest(&mut node, "PreparationStarted n1");
        let stop = if forced {
            assert_eq!(world.force(), "JobTerminating, StopPreparation n1");
            let stop = world.latest();
            assert_eq!(world.at(60).tick(), "PreparationEnded n1, TaskCompleted a n1, JobCompleted");
            stop
        } else {
            assert_eq!(world.terminate(), "JobTerminating, StopPreparation n1");
            let stop = world.deliver_latest(&mut node, "PreparationEnded n1, TaskCompleted a n1");
            assert_eq!(world.tick(), "JobCompleted");
            stop
        };
        assert_eq!(stop.run(), first.run());
        world.add_again(prepared);

        world.add("a");
        assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
        let second = world.deliver_latest(&mut node, "PreparationStarted n1");
        assert_eq!(node.runs.contains(first.run().unwrap()), forced, "nobody has stopped it");
        world.comes_late(&mut node, &[&stop, &first]);
        let ended = node.ends(second.run().unwrap(), 0);
        assert_eq!(world.tell(&ended), "PreparationEnded n1, TaskRunning a n1, RunTask a n1");
        drop(world.deliver_latest(&mut node, "TaskStarted a"));
        world.comes_late(&mut node, &[&stop, &first, &second]);
    }
}

/// E10, F1, E6: the same for the tasks of a job that was force-terminated, and for its release.
#[test]
fn a_job_that_was_added_again_has_runs_of_its_own() {
    let mut world = World::new(plain);
    let mut node = HonestNode::default();
    world.add("a");
    world.assign("a", "n1");
    let first = world.deliver_latest(&mut node, "TaskStarted a");
    assert_eq!(world.force(), "JobTerminating, StopTask a n1");
    let stop = world.latest();
    assert_eq!(world.at(60).tick(), "TaskCompleted a n1, JobCompleted");
    world.add_again(prepared);

    world.run("a", "n1"); // The node is not asked to say that, so that it has only the first run.
    let second = world.latest();
    node.obey(&second);
    assert_eq!(node.runs, [&first, &second].map(|told| told.run().unwrap().clone()).into());
    world.comes_late(&mut node, &[&stop, &first]);
    assert_eq!(world.tell(&node.ends(second.run().unwrap(), 0)), "TaskCompleted a n1");

    assert_eq!(world.terminate(), "JobTerminating, RunRelease n1");
    let release = world.deliver_latest(&mut node, "ReleaseStarted n1");
    assert_eq!(world.at(60 + 15 * 60).tick(), "ReleaseEnded n1, StopRelease n1");
    let stop_release = world.latest();
    assert_eq!(world.tick(), "JobCompleted");
    world.add_again(prepared);
    world.ran("a", "n1", 0);
    assert_eq!(world.terminate(), "JobTerminating, RunRelease n1");
    let next = world.deliver_latest(&mut node, "ReleaseStarted n1");
    world.comes_late(&mut node, &[&stop, &first, &second, &stop_release, &release]);
    assert_eq!(world.tell(&node.ends(next.run().unwrap(), 0)), "ReleaseEnded n1");
    assert_eq!(world.tick(), "JobCompleted");
}

/// E11
#[test]
fn after_the_202_no_read_says_active() {
    for busy in [false, true] {
        let mut world = World::new(plain);
        if busy {
            world.run("a", "n1");
        }
        assert_eq!(world.rest("POST /jobs/job/terminate", &[], ""), "202");
        assert_eq!(world.shown("/jobs/job", "state"), "terminating");
        world.tick();
        assert_eq!(world.shown("/jobs/job", "state"), if busy { "terminating" } else { "completed" });
    }
}

// Force and timeout

/// F1: at the deadline and a tick before.
#[test]
fn force_waits_60_seconds_for_nodes_and_no_longer() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.ran("b", "n2", 0);
    world.add("c");
    world.add("p");
    world.node("n1", NodeEvent::Rebooted);
    world.run_added("c", "n2");
    world.assign("p", "n1");
    let told = world.at(10).force();
    assert_eq!(told, "JobTerminating, StopPreparation n1, StopTask c n2");
    assert_eq!(world.on(before(s(70))).tick(), "");
    assert_eq!(
        world.at(70).tick(),
        "PreparationEnded n1, TaskCompleted p n1, TaskCompleted c n2, JobCompleted"
    );
    for task in ["p", "c"] {
        assert_eq!(world.end(task), (None, Some("TaskEnded")));
        assert_eq!(world.task(task).stamps().entered(), s(70));
    }
    assert_eq!((world.state(), world.job().end_time()), ("completed", Some(s(70))));
}

/// F1: release tasks are dropped; a node that answers in time is waited for, and no longer than it takes.
#[test]
fn force_drops_releases_that_are_late_and_waits_for_those_in_time() {
    for (answers, ticked) in [(false, "ReleaseEnded n1, JobCompleted"), (true, "JobCompleted")] {
        let mut world = World::new(prepared);
        world.ran("a", "n1", 0);
        world.at(10).force();
        assert_eq!(world.at(40).tick(), "");
        if answers {
            assert_eq!(world.at(41).say("n1", "release ended 0"), "ReleaseEnded n1");
        }
        assert_eq!(world.at(if answers { 41 } else { 70 }).tick(), ticked);
        assert_eq!(world.state(), "completed");
    }
}

/// F1: the host can set another time, also none.
#[test]
fn the_host_sets_how_long_force_waits() {
    for wait in [0, 5, 600] {
        let mut world = World::new(plain).with_force_timeout(secs(wait));
        world.run("a", "n1");
        assert_eq!(world.at(10).rest("POST /jobs/job/terminate?force=true", &[], ""), "202");
        assert_eq!(world.account.deadline(), Some(s(10 + wait)));
        assert_eq!(world.on(before(s(10 + wait))).tick(), "");
        assert_eq!(world.at(10 + wait).tick(), "TaskCompleted a n1, JobCompleted");
    }
}

/// F1, N4, N8: a node that cannot answer holds a forced end not at all.
#[test]
fn force_does_not_wait_for_nodes_that_cannot_answer() {
    for (event, unforced) in [
        (NodeEvent::Lost, ""),
        (NodeEvent::Unusable, ""),
        (NodeEvent::Preempted, "JobCompleted"),
        (NodeEvent::Removed, "JobCompleted"),
    ] {
        for event_first in [true, false] {
            let mut world = World::new(prepared);
            world.run("a", "n1");
            world.at(10);
            if event_first {
                world.node("n1", event);
            }
            world.force();
            if !event_first {
                world.node("n1", event);
            }
            assert!(world.tick().ends_with("JobCompleted"), "{event:?}");
        }
        let mut world = World::new(prepared);
        world.run("a", "n1");
        world.at(10).terminate();
        world.node("n1", event);
        assert_eq!(world.at(5000).tick(), unforced, "{event:?} without force");
    }
}

/// F2
#[test]
fn force_comes_over_an_unforced_termination_once() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    world.at(10).terminate_with(&TerminateJob::because(TerminateReason::User(Some("first".into()))));
    let forced = TerminateJob {
        force: Some(secs(60)),
        ..TerminateJob::because(TerminateReason::User(Some("second".into())))
    };
    assert_eq!(world.at(20).terminate_with(&forced), "JobTerminationForced");
    assert_eq!((world.job().stamps().modified(), world.account.deadline()), (s(20), Some(s(80))));
    assert_eq!(
        (world.state(), world.job().stamps().entered(), world.reason()),
        ("terminating", s(10), "first")
    );
    assert_eq!(world.at(30).force(), "409 JobBeingTerminated");
    assert_eq!(world.at(30).terminate(), "409 JobBeingTerminated");
    assert_eq!(world.at(80).tick(), "TaskCompleted a n1, JobCompleted");
}

/// F3
#[test]
fn force_exists_from_the_version_of_july_2024_on() {
    for (version, status) in [
        ("2016-02-01.3.0", "400 UnsupportedQueryParameter"),
        ("2024-02-01.19.0", "400 UnsupportedQueryParameter"),
        ("2024-07-01.20.0", "202"),
        ("2025-06-01", "202"),
    ] {
        let target = format!("POST /jobs/job/terminate?api-version={version}&force=true");
        assert_eq!(World::new(plain).rest(&target, &[], ""), status, "{version}");
        let other = format!("POST /jobs/job/terminate?api-version={version}&farce=true");
        assert_eq!(World::new(plain).rest(&other, &[], ""), "202", "an unknown parameter in {version}");
    }
    let mut world = World::new(plain);
    world.run("a", "n1");
    assert_eq!(world.at(10).rest("POST /jobs/job/terminate?FORCE=True", &[], ""), "202");
    assert_eq!(world.account.deadline(), Some(s(70)));
    assert_eq!(world.rest("POST /jobs/job/terminate?force=yes", &[], ""), "400 InvalidQueryParameterValue");
}

/// F4: a request has 30 seconds, or what it says if that is less.
#[test]
fn a_request_whose_time_is_up_fails() {
    for (query, limit) in
        [("", 30), ("&timeout=5", 5), ("&timeOut=5", 5), ("&timeout=30", 30), ("&timeout=90", 30)]
    {
        for (now, status) in [(before(s(limit)), "202"), (s(limit).next_tick(), "500 OperationTimedOut")] {
            let mut world = World::new(plain);
            let target = format!("/jobs/job/terminate?api-version={NEWEST}{query}");
            let response = world.on(now).send_late(s(0), "POST", &target, &[], b"");
            assert_eq!(told(&response), status, "{query}");
        }
    }
}

/// F4: what is no number of seconds.
#[test]
fn a_bad_timeout_is_refused() {
    let mut world = World::new(plain);
    for (timeout, status, reason) in [
        ("0", "400 InvalidQueryParameterValue", ""),
        ("-1", "400 InvalidQueryParameterValue", ""),
        ("soon", "400 InvalidQueryParameterValue", "Not a valid integer."),
        ("1.5", "400 InvalidQueryParameterValue", "Not a valid integer."),
        ("2147483648", "400 OutOfRangeQueryParameterValue", "2147483647"),
        ("-2147483649", "400 OutOfRangeQueryParameterValue", "-2147483648"),
    ] {
        let response = world.answer(&format!("POST /jobs/job/terminate?timeout={timeout}"), &[], "");
        assert_eq!(told(&response), status, "{timeout}");
        assert!(text(&response).contains(reason), "{timeout}");
    }
    assert_eq!(world.rest("POST /jobs/job/terminate?timeout=2147483647", &[], ""), "202");
}

// Ends that nobody asked for

/// A job manager task under this id.
fn manager(name: &str, kill_job_on_completion: bool) -> JobManagerTask {
    JobManagerTask {
        task: Arc::new(TaskSpecification::new(id(name))),
        constraints: RequestedConstraints::default().resolve(RetryLimit::Times(0)),
        kill_job_on_completion,
        allow_low_priority_node: true,
    }
}

/// X1: counted from the creation; at the instant itself, not a tick before.
#[test]
fn a_job_ends_when_its_time_is_over() {
    let mut world = World::new(|_, settings| settings.constraints.max_wall_clock_time = secs(100));
    world.at(50).run("a", "n1");
    assert_eq!(world.on(before(s(100))).tick(), "");
    assert_eq!(world.at(100).tick(), "JobTerminating, StopTask a n1");
    assert_eq!(world.reason(), "MaxWallClockTimeExpiry");
}

/// X2
#[test]
fn a_job_ends_with_its_manager_unless_told_otherwise() {
    for (kills, exit_code, ticked) in
        [(true, 0, "JobTerminating"), (true, 1, "JobTerminating"), (false, 0, "")]
    {
        let mut world = World::empty();
        let added =
            world.add_job("job", |specification, _| specification.manager = Some(manager("m", kills)));
        assert_eq!(added, "JobAdded, TaskAdded");
        world.run_added("m", "n1");
        assert_eq!(world.tick(), "");
        world.say("n1", &format!("task m ended {exit_code}"));
        assert_eq!(world.tick(), ticked);
        assert_eq!(world.reason(), if kills { "JMComplete" } else { "none" });
    }
}

fn asks_for(action: Option<JobAction>) -> ExitConditions {
    let options = ExitOptions { job_action: action, dependency_action: None };
    ExitConditions { default: Some(options), ..ExitConditions::default() }
}

/// X3, X7: a failed task asks for the job's end unless its exit options say otherwise; a success does not.
#[test]
fn a_failed_task_ends_its_job_if_the_job_listens() {
    for (listens, action, exit_code, ticked) in [
        (true, Some(JobAction::Terminate), 1, "JobTerminating"),
        (true, None, 1, "JobTerminating"),
        (true, Some(JobAction::None), 1, ""),
        (true, Some(JobAction::Terminate), 0, ""),
        (false, None, 1, ""),
    ] {
        let mut world = World::new(|specification, settings| {
            if listens {
                acts_on_failures(specification, settings);
            }
        });
        world.add_with("a", |specification, _| specification.exit_conditions = Some(asks_for(action)));
        world.run_added("a", "n1");
        world.say("n1", &format!("task a ended {exit_code}"));
        assert_eq!(world.state(), "active");
        assert_eq!(world.tick(), ticked, "{action:?} and {exit_code}");
        assert_eq!(world.reason(), if ticked.is_empty() { "none" } else { "TaskFailed" });
    }
}

/// X4
#[test]
fn a_job_ends_with_its_last_task_if_it_is_to() {
    let mut world = World::new(ends_by_itself);
    world.add("b");
    world.run("a", "n1");
    for report in ["task a ended 0", "task b ended 1"] {
        assert_eq!(world.tick(), "");
        if report.contains('b') {
            world.assign("b", "n1");
        }
        world.say("n1", report);
    }
    assert_eq!((world.tick().as_str(), world.reason()), ("JobTerminating", "AllTasksComplete"));

    let mut world = World::new(ends_by_itself);
    assert_eq!(world.tick(), "JobTerminating", "a job without tasks counts");

    let mut world = World::new(plain);
    world.ran("a", "n1", 0);
    assert_eq!(world.tick(), "", "one that is not to end");
}

/// X5
#[test]
fn the_end_of_a_schedule_is_told_as_the_service_tells_it() {
    let mut world = World::new(plain);
    world.terminate_with(&TerminateJob::because(TerminateReason::Schedule));
    assert_eq!(world.shown("/jobs/job", "executionInfo/terminateReason"), "TerminateWorkitem");
}

/// X6: each job has every cause from its line on, and ends for the first.
#[test]
fn the_first_cause_that_applies_is_the_reason() {
    let causes = ["MaxWallClockTimeExpiry", "JMComplete", "TaskFailed", "AllTasksComplete", "none"];
    for (from, cause) in causes.into_iter().enumerate() {
        let mut world = World::empty();
        world.add_job("job", |specification, settings| {
            specification.on_task_failure = OnTaskFailure::PerformExitOptionsJobAction;
            specification.manager = Some(manager("m", from <= 1));
            settings.constraints.max_wall_clock_time = if from == 0 { secs(50) } else { TimeSpan::UNLIMITED };
            settings.on_all_tasks_complete =
                if from <= 3 { OnAllTasksComplete::TerminateJob } else { OnAllTasksComplete::NoAction };
        });
        world.run_added("m", "n1");
        world.say("n1", "task m ended 0");
        world.ran("a", "n1", i32::from(from <= 2));
        world.at(50).tick();
        assert_eq!(world.reason(), cause);
    }
}

/// X6: a job that is disabling or disabled ends too, as every job ends.
#[test]
fn disabled_jobs_end_by_themselves_too() {
    for ticks_first in [false, true] {
        let mut world = World::new(|specification, settings| {
            prepared(specification, settings);
            settings.constraints.max_wall_clock_time = secs(100);
        });
        world.ran("a", "n1", 0);
        world.disable(DisableTasks::Wait);
        if ticks_first {
            assert_eq!(world.tick(), "JobDisabled");
        }
        assert_eq!(world.at(100).tick(), "JobTerminating, RunRelease n1");
        world.say("n1", "release ended 0");
        assert_eq!(world.tick(), "JobCompleted");
    }
    let mut world = World::new(ends_by_itself);
    world.run("a", "n1");
    world.disable(DisableTasks::Wait);
    world.say("n1", "task a ended 0");
    assert_eq!(world.tick(), "JobDisabled", "G1: no task is on a node");
    assert_eq!(world.tick(), "JobTerminating");
}

/// X6: a task that waits for one that failed is active, so not all are completed.
#[test]
fn a_blocked_task_keeps_its_job_from_ending() {
    let mut world = World::new(|specification, settings| {
        uses_dependencies(specification, settings);
        ends_by_itself(specification, settings);
    });
    world.add_with("b", |specification, _| specification.depends_on = Some(on(&["a"], &[])));
    world.ran("a", "n1", 1);
    assert_eq!(world.assign("b", "n1"), "DependencyNotMet");
    assert_eq!(world.tick(), "");
}

/// X7: neither by a PATCH nor by a PUT that leaves it out.
#[test]
fn terminatejob_cannot_be_taken_back() {
    let mut world = World::new(ends_by_itself);
    world.add("a");
    let take_back =
        JobPatch { on_all_tasks_complete: Some(OnAllTasksComplete::NoAction), ..JobPatch::default() };
    assert_eq!(world.update(JobChange::Patch(take_back)), "400 InvalidPropertyValue");
    assert_eq!(world.update(JobChange::Replace(JobSettings::new(id("pool")))), "400 InvalidPropertyValue");
    assert_eq!(world.patch(), "JobUpdated");
    assert_eq!(world.job().settings().on_all_tasks_complete, OnAllTasksComplete::TerminateJob);
}

/// X7: a job action that nobody would perform.
#[test]
fn a_job_action_needs_a_job_that_performs_it() {
    for action in [JobAction::None, JobAction::Disable, JobAction::Terminate] {
        let ask = |specification: &mut TaskSpecification| {
            specification.exit_conditions = Some(asks_for(Some(action)));
        };
        let refused = World::new(plain).add_with("a", |specification, _| ask(specification));
        assert_eq!(refused, "400 InvalidPropertyValue");
        assert_eq!(
            World::new(acts_on_failures).add_with("a", |specification, _| ask(specification)),
            "TaskAdded"
        );
    }
}

/// X7: `disable` disables with requeue, at a tick.
#[test]
fn a_failed_task_can_disable_its_job() {
    let mut world = World::new(acts_on_failures);
    world.run("b", "n1");
    world.add_with("a", |specification, _| {
        specification.exit_conditions = Some(asks_for(Some(JobAction::Disable)));
    });
    world.run_added("a", "n1");
    world.say("n1", "task a ended 1");
    assert_eq!(world.tick(), "JobDisabling, StopTask b n1");
    assert_eq!(world.say("n1", "task b ended 1"), "TaskRequeued b n1");
    assert_eq!(world.tick(), "JobDisabled");
}

/// X8
#[test]
fn another_pool_needs_a_disabled_job() {
    let mut world = World::new(plain);
    let pool = |name: &str| JobChange::Patch(JobPatch { pool: Some(id(name)), ..JobPatch::default() });
    assert_eq!(world.update(pool("pool")), "JobUpdated");
    assert_eq!(world.update(pool("other")), "409 OperationInvalidForCurrentState");
    world.disable(DisableTasks::Wait);
    assert_eq!(world.update(pool("other")), "409 OperationInvalidForCurrentState");
    world.tick();
    assert_eq!(world.update(pool("other")), "JobUpdated");
    assert_eq!(world.job().settings().pool, id::<PoolId>("other"));
}

// Nodes

/// A prepared job whose preparation runs again after reboots or not.
fn reruns(rerun: bool) -> impl Fn(&mut JobSpecification, &mut JobSettings) {
    move |specification, settings| {
        prepared(specification, settings);
        specification.preparation.as_mut().unwrap().rerun_on_node_reboot_after_success = rerun;
    }
}

/// N1
#[test]
fn a_reboot_requeues_the_tasks_of_a_living_job() {
    for (rerun, assigned) in
        [(true, "TaskPreparing a n1, RunPreparation n1"), (false, "TaskRunning a n1, RunTask a n1")]
    {
        let mut world = World::new(reruns(rerun));
        world.run("a", "n1");
        assert_eq!(world.node("n1", NodeEvent::Rebooted), "TaskRequeued a n1, NodeEventRecorded n1");
        assert_eq!(world.task("a").requeue_count(), 0);
        assert_eq!(world.assign("a", "n1"), assigned);
    }
    let mut world = World::new(reruns(false));
    world.add("a");
    world.assign("a", "n1");
    assert_eq!(
        world.node("n1", NodeEvent::Rebooted),
        "PreparationEnded n1, TaskRequeued a n1, NodeEventRecorded n1"
    );
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1", "it was not completed");
}

/// N1
#[test]
fn a_reboot_ends_the_tasks_of_an_ending_job_and_repeats_its_release() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.terminate();
    assert_eq!(
        world.node("n1", NodeEvent::Rebooted),
        "TaskCompleted a n1, NodeEventRecorded n1, RunRelease n1"
    );
    assert_eq!(world.end("a"), (None, Some("TaskEnded")));
    world.say("n1", "release started");
    assert_eq!(world.node("n1", NodeEvent::Rebooted), "NodeEventRecorded n1, RunRelease n1");
    assert_eq!(world.release("n1"), "issued");
    world.say("n1", "release ended 0");
    assert_eq!(world.tick(), "JobCompleted");
}

/// N2
#[test]
fn a_reimaged_node_has_forgotten_the_preparation() {
    let mut world = World::new(reruns(false));
    world.run("a", "n1");
    assert_eq!(world.node("n1", NodeEvent::Reimaged), "TaskRequeued a n1, NodeEventRecorded n1");
    assert_eq!(world.task("a").requeue_count(), 0);
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
}

/// N2: what there was to release is gone, unless tasks ran since.
#[test]
fn a_reimaged_node_is_released_only_if_tasks_ran_since() {
    for ran_since in [false, true] {
        let mut world = World::new(prepared);
        world.ran("a", "n1", 0);
        world.node("n1", NodeEvent::Reimaged);
        if ran_since {
            world.ran("b", "n1", 0);
        }
        assert_eq!(
            world.terminate(),
            if ran_since { "JobTerminating, RunRelease n1" } else { "JobTerminating" }
        );
    }
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.terminate();
    assert_eq!(world.node("n1", NodeEvent::Reimaged), "TaskCompleted a n1, NodeEventRecorded n1");
    assert_eq!(world.end("a"), (None, Some("TaskEnded")));
    assert_eq!(world.tick(), "JobCompleted");

    let mut world = World::new(prepared);
    world.ran("a", "n1", 0);
    world.terminate();
    world.say("n1", "release started");
    assert_eq!(world.node("n1", NodeEvent::Reimaged), "ReleaseEnded n1, NodeEventRecorded n1");
    assert_eq!(world.tick(), "JobCompleted");
}

/// N3, N6: a removal by a user counts as a requeue, a preemption does not.
#[test]
fn the_tasks_of_a_node_that_is_gone_are_requeued() {
    for (event, counted, told) in [
        (NodeEvent::Removed, 1, "TaskRequeued a n1, NodeEventRecorded n1, NodeRemoved n1"),
        (NodeEvent::Preempted, 0, "TaskRequeued a n1, NodeEventRecorded n1"),
    ] {
        let mut world = World::new(prepared);
        world.run("a", "n1");
        assert_eq!(world.node("n1", event), told);
        assert_eq!(world.task("a").requeue_count(), counted);
        assert!(world.job().node(&id("n1")).unwrap().preparation().is_some(), "it stays in the status list");
    }
}

/// N3
#[test]
fn no_release_of_a_node_that_is_gone_is_waited_for() {
    for event in [NodeEvent::Removed, NodeEvent::Preempted] {
        let mut world = World::new(prepared);
        world.run("a", "n1");
        world.ran("b", "n2", 0);
        world.terminate();
        assert!(world.node("n1", event).starts_with("TaskCompleted a n1, NodeEventRecorded n1"));
        assert!(world.node("n2", event).starts_with("ReleaseEnded n2, NodeEventRecorded n2"));
        assert_eq!(world.end("a"), (None, Some("TaskEnded")));
        assert_eq!(world.release("n1"), "none");
        assert_eq!(world.release("n2"), "completed", "it stays in the status list");
        assert_eq!(world.tick(), "JobCompleted");

        let mut world = World::new(prepared);
        world.ran("a", "n1", 0);
        world.node("n1", event);
        assert_eq!(world.terminate(), "JobTerminating");
    }
}

/// N4, N8: a lost or unusable node keeps what it has, and an ending job waits for it.
#[test]
fn what_is_on_a_lost_node_stays_as_it_is() {
    for event in [NodeEvent::Lost, NodeEvent::Unusable] {
        let mut world = World::new(prepared);
        world.run("a", "n1");
        world.add("b");
        assert_eq!(world.node("n1", event), "NodeEventRecorded n1");
        assert_eq!(world.task_state("a"), "running");
        assert_eq!(world.assign("b", "n1"), "NodeNotReady");

        assert_eq!(world.terminate(), "JobTerminating, StopTask a n1");
        assert_eq!(world.at(5000).tick(), "", "it is waited for");
        assert_eq!(world.say("n1", "task a ended 1"), "TaskCompleted a n1, RunRelease n1");
        assert_eq!(world.at(9000).tick(), "", "its release too");
        assert_eq!(
            world.node("n1", NodeEvent::Removed),
            "ReleaseEnded n1, NodeEventRecorded n1, NodeRemoved n1"
        );
        assert_eq!(world.tick(), "JobCompleted");
    }
}

/// N5
#[test]
fn a_node_that_returned_goes_on() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.node("n1", NodeEvent::Lost);
    assert_eq!(world.node("n1", NodeEvent::Returned), "NodeEventRecorded n1");
    assert_eq!(world.task_state("a"), "running");
    world.add("b");
    assert_eq!(world.assign("b", "n1"), "TaskRunning b n1, RunTask b n1", "it is still prepared");
    assert_eq!(world.say("n1", "task a ended 0"), "TaskCompleted a n1");

    world.node("n1", NodeEvent::Lost);
    world.terminate();
    world.node("n1", NodeEvent::Returned);
    assert_eq!(world.tick(), "");
    assert_eq!(world.say("n1", "task b ended 0"), "TaskCompleted b n1, RunRelease n1");
}

/// N6
#[test]
fn a_requeue_counts_only_if_a_user_caused_it() {
    let mut world =
        World::new(|_, settings| settings.constraints.max_task_retry_count = RetryLimit::Times(1));
    world.add("a");
    for (event, counted) in [
        (NodeEvent::Rebooted, 0),
        (NodeEvent::Reimaged, 0),
        (NodeEvent::Preempted, 0),
        (NodeEvent::Returned, 0),
        (NodeEvent::Removed, 1),
    ] {
        if event != NodeEvent::Returned {
            world.run_added("a", "n1");
        }
        world.node("n1", event);
        let task = world.task("a");
        assert_eq!((task.state().name().as_str(), task.requeue_count()), ("active", counted), "{event:?}");
        assert_eq!(task.retry_count(), 0, "it uses up no retries");
    }
}

/// N7
#[test]
fn a_node_where_the_preparation_failed_is_barred_until_it_is_reimaged() {
    let mut world = World::new(prepared);
    world.add("a");
    world.add("b");
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
    assert_eq!(world.assign("b", "n1"), "TaskPreparing b n1");
    let ended = "PreparationEnded n1, TaskRequeued a n1, TaskRequeued b n1";
    assert_eq!(world.say("n1", "preparation ended 1"), ended);
    assert_eq!(world.task("a").requeue_count(), 0);
    assert_eq!(world.assign("a", "n1"), "NodeBarred");
    world.node("n1", NodeEvent::Rebooted);
    assert_eq!(world.assign("a", "n1"), "NodeBarred");
    world.node("n1", NodeEvent::Reimaged);
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
}

/// N7: while it has retries left it is run again.
#[test]
fn a_failed_preparation_is_tried_again_while_it_may() {
    let mut world = World::new(|specification, settings| {
        prepared(specification, settings);
        specification.preparation.as_mut().unwrap().constraints.max_task_retry_count = RetryLimit::Times(1);
    });
    world.add("a");
    world.assign("a", "n1");
    assert_eq!(world.say("n1", "preparation ended 1"), "PreparationEnded n1, RunPreparation n1");
    assert_eq!(world.task_state("a"), "preparing");
    assert_eq!(world.say("n1", "preparation ended 1"), "PreparationEnded n1, TaskRequeued a n1");
}

// Tasks

/// K1
#[test]
fn a_task_is_preparing_while_the_preparation_is_not_completed() {
    let mut world = World::new(prepared);
    for task in ["a", "b", "c"] {
        world.add(task);
    }
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
    assert_eq!(world.assign("b", "n1"), "TaskPreparing b n1");
    let started = "PreparationEnded n1, TaskRunning a n1, RunTask a n1, TaskRunning b n1, RunTask b n1";
    assert_eq!(world.say("n1", "preparation ended 0"), started);
    assert_eq!(world.assign("c", "n1"), "TaskRunning c n1, RunTask c n1");

    let mut world = World::new(plain);
    world.add("a");
    assert_eq!(world.assign("a", "n1"), "TaskRunning a n1, RunTask a n1");
}

/// K2
#[test]
fn the_start_that_the_node_reports_stamps_the_running_state() {
    let mut world = World::new(plain);
    world.add("a");
    world.at(5).assign("a", "n1");
    assert_eq!((world.task_state("a"), world.task("a").stamps().entered()), ("running", s(5)));
    assert_eq!(world.shown("/jobs/job/tasks/a", "executionInfo/startTime"), Value::Null);
    world.at(7).say("n1", "task a started");
    assert_eq!(world.task("a").stamps().entered(), s(7));
    assert_eq!(world.shown("/jobs/job/tasks/a", "executionInfo/startTime"), "2026-02-10T08:00:07Z");
}

/// K3
#[test]
fn exit_code_0_is_success() {
    let mut world =
        World::new(|_, settings| settings.constraints.max_task_retry_count = RetryLimit::Unlimited);
    world.at(5).run("a", "n1");
    assert_eq!(world.at(9).say("n1", "task a ended 0"), "TaskCompleted a n1");
    assert_eq!(world.end("a"), (Some(0), None));
    let shown = world.shown("/jobs/job/tasks/a", "executionInfo");
    assert_eq!(
        (&shown["startTime"], &shown["endTime"]),
        (&"2026-02-10T08:00:05Z".into(), &"2026-02-10T08:00:09Z".into())
    );
    assert_eq!((&shown["result"], &shown["exitCode"]), (&"success".into(), &0.into()));
    assert_eq!(world.task("a").stamps().entered(), s(9));
    assert_eq!(world.task("a").stamps().previous().map(|(state, _)| state.as_str()), Some("running"));
}

/// K4: tried again while there are retries left; -1 is without end.
#[test]
fn another_exit_code_is_tried_again_while_retries_are_left() {
    for (limit, retries) in [(0, 0), (2, 2), (-1, 5)] {
        let mut world = World::new(plain);
        world.add_with("a", |_, constraints| constraints.max_task_retry_count = RetryLimit::from_wire(limit));
        for retry in 1..=retries {
            world.run_added("a", "n1");
            assert_eq!(world.at(retry).say("n1", "task a ended 1"), "TaskRetried a n1");
            let task = world.task("a");
            assert_eq!((u64::from(task.retry_count()), task.last_retry_time()), (retry, Some(s(retry))));
            assert_eq!(world.task_state("a"), "active");
        }
        if limit >= 0 {
            world.run_added("a", "n1");
            assert_eq!(world.say("n1", "task a ended 1"), "TaskCompleted a n1");
            assert_eq!(world.end("a"), (Some(1), Some("FailureExitCode")));
            assert_eq!(u64::from(world.task("a").retry_count()), retries);
        }
    }
}

/// K4: the failure's shape.
#[test]
fn a_failure_by_exit_code_shows_its_details() {
    let mut world = World::new(plain);
    world.ran("a", "n1", 7);
    let shown = world.shown("/jobs/job/tasks/a", "executionInfo");
    assert_eq!((&shown["result"], &shown["exitCode"]), (&"failure".into(), &7.into()));
    let failure = &shown["failureInfo"];
    assert_eq!((&failure["category"], &failure["code"]), (&"UserError".into(), &"FailureExitCode".into()));
    assert_eq!(failure["message"], "The task exited with an exit code representing a failure");
    assert_eq!(failure["details"][0]["value"], "The task process exited with an unexpected exit code");
    assert_eq!(failure["details"][1]["value"], "FailureExitCode");
}

/// K5
#[test]
fn errors_around_a_task_complete_it_without_retries() {
    let error = || NodeError { code: "BlobNotFound".into(), message: "There is no such blob".into() };
    for failure in [NodeFailure::PreProcessing(error()), NodeFailure::FileUpload(error())] {
        let mut world = World::new(plain);
        world.add_with("a", |_, constraints| constraints.max_task_retry_count = Some(RetryLimit::Unlimited));
        world.run_added("a", "n1");
        let ended = Ended { exit_code: None, failure: Some(failure) };
        assert_eq!(world.ends("n1", &Unit::Task(id("a")), ended), "TaskCompleted a n1");
        assert_eq!(world.end("a"), (None, Some("BlobNotFound")));
    }
}

/// What can go wrong around a process, each with its own code and message.
fn node_failures() -> [NodeFailure; 2] {
    let error = |code: &str, message: &str| NodeError { code: code.into(), message: message.into() };
    [
        NodeFailure::PreProcessing(error("BlobNotFound", "There is no such blob")),
        NodeFailure::FileUpload(error("UploadContainerNotFound", "There is no such container")),
    ]
}

impl World {
    /// What the status list shows of the preparation or the release of the only node.
    fn status(&mut self, which: &str) -> Value {
        let target = "/jobs/job/jobpreparationandreleasetaskstatus";
        assert_eq!(self.shown(target, "value/1"), Value::Null);
        self.shown(target, &format!("value/0/job{which}TaskExecutionInfo"))
    }
}

/// The run is shown as failed for this reason, though its exit code is 0.
fn assert_failed(shown: &Value, failure: &NodeFailure) {
    let (NodeFailure::PreProcessing(error) | NodeFailure::FileUpload(error)) = failure;
    let info = serde_json::json!({ "category": "UserError", "code": error.code, "message": error.message });
    assert_eq!(shown["failureInfo"], info);
    assert_eq!((&shown["result"], &shown["state"]), (&"failure".into(), &"completed".into()));
    assert_eq!(shown["exitCode"], 0);
}

/// K5, N7, E5: an error around a preparation fails it, whatever its exit code and its retries.
#[test]
fn errors_around_a_preparation_fail_it_without_retries() {
    for (waited, retries) in [(true, -1), (true, 0), (false, -1), (false, 0)] {
        for failure in node_failures() {
            let mut world = World::new(|specification, settings| {
                prepared(specification, settings);
                let preparation = specification.preparation.as_mut().unwrap();
                preparation.wait_for_success = waited;
                preparation.constraints.max_task_retry_count = RetryLimit::from_wire(retries).unwrap();
            });
            world.add("a");
            world.assign("a", "n1");
            world.at(1).say("n1", "preparation started");
            let ended = Ended { exit_code: Some(0), failure: Some(failure.clone()) };
            let told = world.at(2).ends("n1", &Unit::Preparation, ended);
            if waited {
                assert_eq!(told, "PreparationEnded n1, TaskRequeued a n1");
                assert_eq!(world.assign("a", "n1"), "NodeBarred");
            } else {
                assert_eq!(told, "PreparationEnded n1, TaskRunning a n1, RunTask a n1");
                assert_eq!(world.say("n1", "task a ended 0"), "TaskCompleted a n1");
            }
            assert_eq!(world.job().node(&id("n1")).unwrap().is_barred(), waited);
            let shown = world.status("Preparation");
            assert_failed(&shown, &failure);
            assert_eq!(shown["retryCount"], 0);
            let ending = world.terminate();
            assert_eq!(ending, if waited { "JobTerminating" } else { "JobTerminating, RunRelease n1" });
        }
    }
}

/// K5: the same ends without an error are a success and a failure with retries, and show no error.
#[test]
fn without_an_error_the_exit_code_of_a_preparation_decides() {
    for (exit_code, told, result) in [
        (0, "PreparationEnded n1, TaskRunning a n1, RunTask a n1", "success"),
        (1, "PreparationEnded n1, RunPreparation n1", "failure"),
    ] {
        let mut world = World::new(|specification, settings| {
            prepared(specification, settings);
            specification.preparation.as_mut().unwrap().constraints.max_task_retry_count =
                RetryLimit::Times(1);
        });
        world.add("a");
        world.assign("a", "n1");
        assert_eq!(world.say("n1", &format!("preparation ended {exit_code}")), told);
        if exit_code == 1 {
            assert_eq!(world.say("n1", "preparation ended 1"), "PreparationEnded n1, TaskRequeued a n1");
        }
        let shown = world.status("Preparation");
        assert_eq!((&shown["result"], &shown["retryCount"]), (&result.into(), &exit_code.into()));
        assert_eq!((&shown["exitCode"], &shown["failureInfo"]), (&exit_code.into(), &Value::Null));
    }
}

/// K5, E3: a preparation that was told to stop shows its error too, and is no completed one (E5).
#[test]
fn errors_around_a_stopped_preparation_are_shown() {
    for failure in node_failures() {
        let mut world = World::new(prepared);
        world.add("a");
        world.assign("a", "n1");
        world.terminate();
        let ended = Ended { exit_code: Some(0), failure: Some(failure.clone()) };
        let told = world.ends("n1", &Unit::Preparation, ended);
        assert_eq!(told, "PreparationEnded n1, TaskCompleted a n1");
        assert_failed(&world.status("Preparation"), &failure);
        assert_eq!((world.release("n1"), world.tick().as_str()), ("none", "JobCompleted"));
    }
}

/// K5, E7: an error around a release fails it. It does not hold the job, and the release runs once.
#[test]
fn errors_around_a_release_fail_it_and_do_not_hold_the_job() {
    for failure in node_failures() {
        let mut world = World::new(prepared);
        world.ran("a", "n1", 0);
        assert_eq!(world.terminate(), "JobTerminating, RunRelease n1");
        world.at(1).say("n1", "release started");
        let ended = Ended { exit_code: Some(0), failure: Some(failure.clone()) };
        assert_eq!(world.at(2).ends("n1", &Unit::Release, ended), "ReleaseEnded n1");
        assert_failed(&world.status("Release"), &failure);
        assert_eq!(world.node("n1", NodeEvent::Rebooted), "NodeEventRecorded n1", "it has run");
        assert_eq!(world.tick(), "JobCompleted");
        assert_failed(&world.status("Release"), &failure);
        assert_eq!(world.status("Preparation")["result"], "success");
    }
}

/// K5: a task's own time, from its start.
#[test]
fn a_task_whose_time_is_over_is_told_to_stop() {
    let mut world = World::new(plain);
    world.add_with("a", |_, constraints| {
        constraints.max_wall_clock_time = secs(10);
        constraints.max_task_retry_count = Some(RetryLimit::Unlimited);
    });
    world.assign("a", "n1");
    assert_eq!(world.at(100).tick(), "", "it has not started");
    world.at(100).say("n1", "task a started");
    assert_eq!(world.on(before(s(110))).tick(), "");
    assert_eq!(world.at(110).tick(), "StopTask a n1");
    assert_eq!(world.at(111).tick(), "", "it was told once");
    assert_eq!(world.say("n1", "task a ended 137"), "TaskCompleted a n1");
    assert_eq!(world.end("a"), (Some(137), Some("TaskEnded")));
    assert_eq!(world.shown("/jobs/job/tasks/a", "executionInfo/failureInfo/category"), "ServerError");
}

/// K6
#[test]
fn a_user_ends_an_active_task_at_once() {
    let mut world = World::new(plain);
    world.add("a");
    assert_eq!(world.at(5).terminate_task("a"), "TaskTouched a, TaskCompleted a");
    assert_eq!(world.end("a"), (None, Some("TaskEnded")));
    assert_eq!((world.task("a").stamps().modified(), world.task("a").stamps().entered()), (s(5), s(5)));
    assert_eq!(world.shown("/jobs/job/tasks/a", "nodeInfo"), serde_json::json!({}));
    assert_eq!(world.shown("/jobs/job/tasks/a", "previousState"), "active");
    assert_eq!(world.shown("/jobs/job/tasks/a", "executionInfo/startTime"), Value::Null);
}

/// K6: one on a node is ended there.
#[test]
fn a_user_ends_a_task_on_a_node_through_the_node() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    assert_eq!(world.at(5).terminate_task("a"), "TaskTouched a, StopTask a n1");
    assert_eq!(world.task_state("a"), "running");
    world.at(6).say("n1", "task a ended 0");
    assert_eq!(world.end("a"), (Some(0), Some("TaskEnded")));

    world.add("b");
    world.assign("b", "n2");
    assert_eq!(world.terminate_task("b"), "TaskTouched b, StopTask b n2");
    assert_eq!(world.task_state("b"), "preparing");
    assert_eq!(world.say("n2", "preparation ended 0"), "PreparationEnded n2, TaskCompleted b n2");
    assert_eq!(world.end("b"), (None, Some("TaskEnded")));
}

/// K7
#[test]
fn a_completed_task_cannot_be_terminated_but_deleted() {
    let mut world = World::new(plain);
    world.ran("a", "n1", 0);
    assert_eq!(world.terminate_task("a"), "409 TaskCompleted");
    assert_eq!(world.delete_task("a"), "TaskDeleted a");
    assert_eq!(world.delete_task("a"), "404 TaskNotFound");
}

/// K7: a task on a node is gone when the node has stopped it, whatever else was asked for.
#[test]
fn a_deleted_task_waits_for_its_node() {
    for ending in [false, true] {
        let mut world = World::new(plain);
        world.run("a", "n1");
        assert_eq!(world.delete_task("a"), "StopTask a n1");
        assert_eq!(world.task_state("a"), "running");
        if ending {
            world.terminate();
        }
        assert_eq!(world.say("n1", "task a ended 0"), "TaskDeleted a n1");
        assert_eq!(world.job().task(&id("a")), None);
    }
}

/// K8
#[test]
fn a_failed_task_can_be_reactivated() {
    let mut world = World::new(plain);
    world.add_with("a", |_, constraints| constraints.max_task_retry_count = Some(RetryLimit::Times(1)));
    assert_eq!(world.reactivate("a"), "409 TaskNotCompleted");
    for _ in 0..2 {
        world.run_added("a", "n1");
        world.say("n1", "task a ended 1");
    }
    assert_eq!((world.task_state("a"), world.task("a").retry_count()), ("completed", 1));
    assert_eq!(world.at(9).reactivate("a"), "TaskReactivated a");
    assert_eq!((world.task_state("a"), world.task("a").retry_count()), ("active", 0));
    assert_eq!(world.shown("/jobs/job/tasks/a", "executionInfo/exitCode"), Value::Null);
    assert_eq!(world.shown("/jobs/job/tasks/a", "executionInfo/failureInfo"), Value::Null);
    world.run_added("a", "n1");
    world.say("n1", "task a ended 0");
    assert_eq!(world.reactivate("a"), "409 TaskSucceeded");
    world.terminate();
    assert_eq!(world.reactivate("a"), "409 JobBeingTerminated", "the job's code wins");
}

fn on(task_ids: &[&str], ranges: &[(u32, u32)]) -> Dependencies {
    let ranges = ranges.iter().map(|(start, end)| TaskIdRange { start: *start, end: *end });
    Dependencies { task_ids: task_ids.iter().map(|task| id(task)).collect(), ranges: ranges.collect() }
}

/// K9: by ids and by ranges, in which leading zeros do not count.
#[test]
fn a_dependant_waits_for_everything_that_it_depends_on() {
    let mut world = World::new(uses_dependencies);
    world.add_with("d", |specification, _| specification.depends_on = Some(on(&["x"], &[(1, 2), (7, 7)])));
    for task in ["x", "1", "002", "07"] {
        assert_eq!(world.assign("d", "n2"), "DependencyNotMet", "before {task}");
        world.ran(task, "n1", 0);
    }
    world.run("7", "n1");
    assert_eq!(world.assign("d", "n2"), "DependencyNotMet", "7 is in the range like 07");
    world.say("n1", "task 7 ended 0");
    assert_eq!(world.assign("d", "n2"), "TaskRunning d n2, RunTask d n2");
}

/// Options for an exit code and for every other failure, as to the tasks that depend on it.
fn dependants(code: i32, on_code: DependencyAction, otherwise: DependencyAction) -> ExitConditions {
    let options = |action| ExitOptions { job_action: None, dependency_action: Some(action) };
    let exit_codes = vec![ExitCodeRange { start: code, end: code, options: options(on_code) }];
    ExitConditions { exit_codes, default: Some(options(otherwise)), ..ExitConditions::default() }
}

/// K9: by what the failed task's exit options say.
#[test]
fn exit_options_decide_whether_a_failure_satisfies_dependants() {
    use DependencyAction::{Block, Satisfy};
    for (conditions, exit_code, met) in [
        (None, 0, true),
        (None, 1, false),
        (Some(dependants(3, Satisfy, Block)), 3, true),
        (Some(dependants(3, Satisfy, Block)), 4, false),
        (Some(dependants(3, Block, Satisfy)), 3, false),
        (Some(dependants(3, Block, Satisfy)), 4, true),
        (Some(dependants(3, Satisfy, Block)), 0, true),
    ] {
        let mut world = World::new(uses_dependencies);
        world.add_with("d", |specification, _| specification.depends_on = Some(on(&["a"], &[])));
        world.add_with("a", |specification, _| specification.exit_conditions.clone_from(&conditions));
        world.run_added("a", "n1");
        world.say("n1", &format!("task a ended {exit_code}"));
        let came = world.assign("d", "n1");
        assert_eq!(came != "DependencyNotMet", met, "exit code {exit_code} with {conditions:?}");
    }
}

/// K9: only in a job that uses them.
#[test]
fn dependencies_need_a_job_that_uses_them() {
    let refused =
        World::new(plain).add_with("d", |specification, _| specification.depends_on = Some(on(&["a"], &[])));
    assert_eq!(refused, "400 UnsupportedProperty");
}

/// K10
#[test]
fn a_task_whose_start_was_never_told_started_when_it_was_given() {
    let mut world = World::new(plain);
    world.add("a");
    world.at(5).assign("a", "n1");
    world.at(9).say("n1", "task a ended 0");
    assert_eq!(world.shown("/jobs/job/tasks/a", "executionInfo/startTime"), "2026-02-10T08:00:05Z");
}

/// K11
#[test]
fn an_end_without_an_exit_code_is_a_failure_with_retries() {
    let mut world = World::new(plain);
    world.add_with("a", |_, constraints| constraints.max_task_retry_count = Some(RetryLimit::Times(1)));
    world.run_added("a", "n1");
    assert_eq!(world.say("n1", "task a ended"), "TaskRetried a n1");
    world.run_added("a", "n1");
    assert_eq!(world.say("n1", "task a ended"), "TaskCompleted a n1");
    assert_eq!(world.end("a"), (None, Some("FailureExitCode")));
}

// Disable and delete

/// G1: the three options.
#[test]
fn disabling_requeues_ends_or_waits_for_running_tasks() {
    for (option, told, left) in [
        (DisableTasks::Requeue, "JobDisabling, StopTask a n1", "TaskRequeued a n1"),
        (DisableTasks::Terminate, "JobDisabling, StopTask a n1", "TaskCompleted a n1"),
        (DisableTasks::Wait, "JobDisabling", "TaskCompleted a n1"),
    ] {
        let mut world = World::new(plain);
        world.add("b");
        world.run("a", "n1");
        assert_eq!(world.at(5).disable(option), told);
        assert_eq!((world.state(), world.task_state("a")), ("disabling", "running"));
        assert_eq!(world.tick(), "");
        assert_eq!(world.say("n1", "task a ended 0"), left);
        match option {
            DisableTasks::Requeue => assert_eq!(world.task("a").requeue_count(), 1),
            DisableTasks::Terminate => assert_eq!(world.end("a"), (Some(0), Some("TaskEnded"))),
            DisableTasks::Wait => assert_eq!(world.end("a"), (Some(0), None)),
        }
        assert_eq!(world.at(7).tick(), "JobDisabled");
        assert_eq!((world.state(), world.job().stamps().entered()), ("disabled", s(7)));
        assert_eq!(world.assign("b", "n1"), "JobNotActive");
        assert_eq!(world.enable(), "JobEnabled");
        assert_eq!(world.assign("b", "n1"), "TaskRunning b n1, RunTask b n1");
    }
}

/// G1: a task that is preparing is on a node too.
#[test]
fn a_disabling_job_waits_for_preparing_tasks() {
    for (option, told) in [
        (DisableTasks::Requeue, "PreparationEnded n1, TaskRequeued a n1"),
        (DisableTasks::Terminate, "PreparationEnded n1, TaskCompleted a n1"),
        (DisableTasks::Wait, "PreparationEnded n1, TaskRunning a n1, RunTask a n1"),
    ] {
        let mut world = World::new(prepared);
        world.add("a");
        world.assign("a", "n1");
        world.disable(option);
        assert_eq!(world.tick(), "");
        assert_eq!(world.say("n1", "preparation ended 0"), told);
        assert_eq!(world.tick(), if option == DisableTasks::Wait { "" } else { "JobDisabled" });
    }
}

/// G2: what it was before, and that it is gone with its tasks.
#[test]
fn a_deleted_job_ends_like_a_terminated_one() {
    let mut world = World::new(prepared);
    world.run("a", "n1");
    world.add("b");
    let etag = world.job().etag();
    assert_eq!(world.at(5).delete(), "JobDeleting, StopTask a n1");
    assert_eq!((world.state(), world.reason(), world.job().end_time()), ("deleting", "none", None));
    assert_eq!(world.job().etag(), etag);
    assert_eq!(world.say("n1", "task a ended 1"), "TaskCompleted a n1, RunRelease n1");
    assert_eq!(world.rest("GET /jobs/job", &[], ""), "200");
    assert_eq!(world.tick(), "");
    world.say("n1", "release ended 0");
    assert_eq!(world.tick(), "JobDeleted");
    assert_eq!(world.rest("GET /jobs/job", &[], ""), "404 JobNotFound");
    assert_eq!(world.rest("GET /jobs/job/tasks/b", &[], ""), "404 JobNotFound");
    assert_eq!(world.add_job("job", plain), "JobAdded");
}

/// G2: a job that had ended keeps what it had, and releases nothing again.
#[test]
fn a_deleted_job_that_had_ended_keeps_its_end() {
    let mut world = World::new(prepared);
    world.ran("a", "n1", 0);
    world.terminate();
    world.say("n1", "release ended 0");
    world.at(9).tick();
    assert_eq!(world.at(10).delete(), "JobDeleting");
    assert_eq!((world.reason(), world.job().end_time()), ("UserTerminate", Some(s(9))));
    assert_eq!(world.tick(), "JobDeleted");
}

/// G2, F1: a forced deletion waits as long as a forced termination.
#[test]
fn a_forced_deletion_does_not_wait_for_ever() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    let forced = DeleteJob { force: Some(secs(60)), ..DeleteJob::default() };
    world.at(10).request(|account, job, now| account.delete_job(job, &forced, now));
    assert_eq!(world.on(before(s(70))).tick(), "");
    assert_eq!(world.at(70).tick(), "TaskCompleted a n1, JobDeleted");
    assert_eq!(world.account.node(&id("n1")).unwrap().free_slots(), 4);
}

/// G3: the newest option counts.
#[test]
fn disabling_with_another_option_goes_by_the_newest() {
    let mut world = World::new(plain);
    world.run("a", "n1");
    assert_eq!(world.at(3).disable(DisableTasks::Wait), "JobDisabling");
    assert_eq!(world.at(4).disable(DisableTasks::Requeue), "JobDisabling, StopTask a n1");
    assert_eq!((world.job().stamps().modified(), world.job().stamps().entered()), (s(4), s(3)));
    assert_eq!(world.at(5).disable(DisableTasks::Terminate), "JobDisabling, StopTask a n1");
    world.say("n1", "task a ended 0");
    assert_eq!(world.end("a"), (Some(0), Some("TaskEnded")));
}

/// G3: but what is to be ended or deleted stays so.
#[test]
fn a_task_that_is_to_be_ended_or_deleted_stays_so() {
    let mut world = World::new(plain);
    world.run("ended", "n1");
    world.run("deleted", "n1");
    world.delete_task("deleted");
    world.disable(DisableTasks::Terminate);
    assert_eq!(world.disable(DisableTasks::Requeue), "JobDisabling");
    assert_eq!(world.say("n1", "task ended ended 0"), "TaskCompleted ended n1");
    assert_eq!(world.say("n1", "task deleted ended 0"), "TaskDeleted deleted n1");
}

// Pools and scheduling

impl World {
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

    /// Schedules, and tells which tasks came to which nodes.
    fn placed(&mut self) -> Vec<String> {
        let before = self.facts.len();
        self.call(|account, now| Ok(account.schedule(now)));
        let assigned = self.facts[before..].iter().filter(|fact| fact.name() != "PreparationIssued");
        assigned.map(|fact| format!("{} {}", fact.task().unwrap(), fact.node().unwrap())).collect()
    }

    fn pool(&self) -> &Pool {
        self.account.pool(&id("pool")).unwrap()
    }
}

/// P1: jobs by priority, then by creation, and their tasks by creation.
#[test]
fn jobs_are_scheduled_by_priority_then_by_creation() {
    let mut world = World::with_pool(dedicated(1), 8, NodeFillType::Spread);
    for (second, (job, priority)) in (1..).zip([("low", -1), ("z", 0), ("a", 0), ("high", 1)]) {
        world.at(second).add_job(job, |_, settings| settings.priority = priority);
        for task in ["2", "1"] {
            assert_eq!(world.add_to(job, &format!("{job}-{task}")), "TaskAdded");
        }
    }
    let order = ["high-2", "high-1", "z-2", "z-1", "a-2", "a-1", "low-2", "low-1"];
    assert_eq!(world.placed(), order.map(|task| format!("{task} n1")));
}

/// P1: the node with most free slots, or the one with fewest that are enough.
#[test]
fn a_pool_is_filled_as_its_fill_type_says() {
    for (fill, placed) in [
        (NodeFillType::Spread, ["a n1", "b n2", "wide n1", "c n2", "d n2"]),
        (NodeFillType::Pack, ["a n1", "b n1", "wide n2", "c n1", "d n2"]),
    ] {
        let mut world = World::with_pool(dedicated(2), 3, fill);
        world.add_job("job", plain);
        world.add("a");
        world.add("b");
        world.add_with("wide", |specification, _| specification.required_slots = 2);
        world.add("c");
        world.add("d");
        assert_eq!(world.placed(), placed, "{fill}");
    }
}

/// P1: a node that takes no tasks, one that has too few slots and one that is barred get none.
#[test]
fn tasks_go_only_to_nodes_that_can_take_them() {
    let mut world = World::with_pool(dedicated(4), 2, NodeFillType::Spread);
    world.add_job("job", prepared);
    world.add("a");
    assert_eq!(world.placed(), ["a n1"]);
    world.say("n1", "preparation ended 1");
    world.change_node("n2", ChangeNode::DisableScheduling(NodeTasks::Requeue));
    world.add_to("job", "x");
    assert!(world.assign("x", "n3").starts_with("TaskPreparing x n3"));
    world.add_with("wide", |specification, _| specification.required_slots = 2);
    for (node, why) in [("n1", "NodeBarred"), ("n2", "NodeNotReady"), ("n3", "NoSlots")] {
        assert_eq!(world.assign("wide", node), why);
    }
    assert_eq!(world.placed(), ["a n4"], "it came first");
    world.say("n4", "preparation ended 0");
    world.say("n4", "task a ended 0");
    assert_eq!(world.placed(), ["wide n4"]);
}

/// P2
#[test]
fn a_pool_is_resizing_until_it_has_its_nodes() {
    let mut world = World::bare();
    let target = NodeCounts { dedicated: 1, low_priority: 1 };
    assert_eq!(world.add_pool("pool", target, 1, NodeFillType::Spread), "PoolAdded, AddNodes");
    assert_eq!(world.latest(), Instruction::AddNodes { pool: id("pool"), nodes: target });
    for (second, node) in [(1, "n1"), (2, "n2")] {
        assert_eq!((world.tick().as_str(), world.account.deadline()), ("", None));
        world.at(second).add_node("pool", node);
        assert_eq!(world.pool().allocation_state(), AllocationState::Resizing, "before the tick");
    }
    assert!(world.account.deadline() <= Some(world.now));
    assert_eq!(world.at(3).tick(), "PoolSteady");
    assert_eq!(world.pool().allocation_state_transition_time(), s(3));
    assert_eq!(world.shown("/pools/pool", "allocationState"), "steady");

    let grown = ResizePool { dedicated: Some(3), ..ResizePool::default() };
    assert_eq!(world.at(4).resize_pool("pool", &grown), "PoolResizing, AddNodes");
    assert_eq!(world.latest(), Instruction::AddNodes { pool: id("pool"), nodes: dedicated(2) });
    assert_eq!(world.shown("/pools/pool", "allocationState"), "resizing");
    assert_eq!(world.resize_pool("pool", &grown), "409 PoolBeingResized");
}

/// P3: idle nodes, then those with the fewest tasks, of equals the last by id.
#[test]
fn of_nodes_that_are_too_many_the_idlest_leave_first() {
    for (left, leaving) in [
        (4, vec!["n5"]),
        (3, vec!["n3", "n5"]),
        (2, vec!["n3", "n4", "n5"]),
        (1, vec!["n2", "n3", "n4", "n5"]),
    ] {
        let mut world = World::with_pool(dedicated(5), 2, NodeFillType::Spread);
        world.add_job("job", plain);
        for (task, node) in [("a", "n1"), ("b", "n1"), ("c", "n2"), ("d", "n4")] {
            world.run(task, node);
        }
        let command =
            ResizePool { dedicated: Some(left), tasks: NodeTasks::TaskCompletion, ..ResizePool::default() };
        let told = world.resize_pool("pool", &command);
        let nodes = world.account.nodes().filter(|node| node.state().is_leaving());
        let nodes: Vec<&str> = nodes.map(|node| node.id().as_str()).collect();
        assert_eq!(nodes, leaving, "{told}");
    }
}

/// P4: jobs that are equal otherwise go by id, without case, whatever the order of their creation.
#[test]
fn jobs_of_one_priority_and_instant_go_by_id() {
    for names in [["b", "C", "a"], ["a", "b", "C"], ["C", "b", "a"]] {
        let mut world = World::with_pool(dedicated(1), 2, NodeFillType::Spread);
        for name in names {
            world.add_job(name, plain);
            world.add_to(name, &format!("of-{name}"));
        }
        assert_eq!(world.placed(), ["of-a n1", "of-b n1"], "{names:?}");
    }
}

/// P4: within a job and from job to job.
#[test]
fn a_task_that_fits_nowhere_lets_later_ones_pass() {
    let mut world = World::with_pool(dedicated(2), 2, NodeFillType::Spread);
    world.add_job("job", |_, settings| settings.priority = 1);
    world.add_job("other", plain);
    world.add_with("never", |specification, _| specification.required_slots = 3);
    world.add("a");
    world.add("b");
    world.add_with("wide", |specification, _| specification.required_slots = 2);
    world.add_to("other", "c");
    world.add_to("other", "d");
    assert_eq!(world.placed(), ["a n1", "b n2", "c n1", "d n2"]);
    for task in ["a", "b"] {
        assert_eq!(world.task_state(task), "running");
    }
    assert_eq!([world.task_state("never"), world.task_state("wide")], ["active"; 2]);
}

/// P5: it takes all slots of its node, so it needs an empty one.
#[test]
fn an_exclusive_job_manager_task_has_its_node_for_itself() {
    for exclusive in [true, false] {
        let mut world = World::with_pool(dedicated(2), 3, NodeFillType::Pack);
        world.add_job("other", |_, settings| settings.priority = 1);
        world.add_to("other", "before");
        world.add_job("job", |specification, _| {
            let mut task = TaskSpecification::new(id("m"));
            task.run_exclusive = exclusive;
            specification.manager = Some(JobManagerTask { task: task.into(), ..manager("m", false) });
        });
        world.add("after");
        let (placed, node, refused) = if exclusive {
            (["before n1", "m n2", "after n1"], "n2", "NoSlots")
        } else {
            (["before n1", "m n1", "after n1"], "n1", "TaskRunning x n2, RunTask x n2")
        };
        assert_eq!(world.placed(), placed);
        assert_eq!(world.account.node(&id(node)).unwrap().free_slots(), 0);
        world.add("x");
        assert_eq!(world.assign("x", "n2"), refused);
        world.say(node, "task m ended 0");
        let left = if exclusive { 3 } else { 1 };
        assert_eq!(world.account.node(&id(node)).unwrap().free_slots(), left, "it gives back what it took");
    }
}

/// P5: it waits for a dedicated node; the job's other tasks do not.
#[test]
fn a_job_manager_task_may_be_kept_from_low_priority_nodes() {
    for allowed in [true, false] {
        let target = NodeCounts { dedicated: 0, low_priority: 1 };
        let mut world = World::with_pool(target, 2, NodeFillType::Spread);
        world.add_job("job", |specification, _| {
            let manager = JobManagerTask { allow_low_priority_node: allowed, ..manager("m", false) };
            specification.manager = Some(manager);
        });
        world.add("a");
        if allowed {
            assert_eq!(world.placed(), ["m n1", "a n1"]);
            continue;
        }
        assert_eq!(world.assign("m", "n1"), "DedicatedNodeNeeded");
        assert_eq!(world.placed(), ["a n1"]);
        let grown = ResizePool { dedicated: Some(1), ..ResizePool::default() };
        world.at(1).resize_pool("pool", &grown);
        world.add_node("pool", "n2");
        assert!(world.account.node(&id("n2")).unwrap().is_dedicated());
        assert_eq!(world.placed(), ["m n2"]);
    }
}

/// P6, T3: what moves a pool's ETag, and what does not. Its own states are stamped apart from that.
#[test]
fn a_pools_etag_moves_when_it_is_resized_and_when_nodes_are_removed() {
    let mut world = World::with_pool(dedicated(2), 1, NodeFillType::Spread);
    let resize = |nodes| ResizePool { dedicated: Some(nodes), ..ResizePool::default() };
    world.add_job("job", plain);
    let all = [*world.pool().stamps()];
    assert_eq!(
        all.map(|stamps| (stamps.created(), stamps.modified(), stamps.entered())),
        [(s(0), s(0), s(0))]
    );

    assert_eq!(world.at(1).resize_pool("pool", &resize(3)), "PoolResizing, AddNodes");
    assert_eq!((world.pool().stamps().modified(), world.pool().etag()), (s(1), ETag::from(s(1))));
    assert_eq!(world.pool().allocation_state_transition_time(), s(1));
    world.at(2).add_node("pool", "n3");
    assert_eq!(world.at(3).tick(), "PoolSteady");
    assert_eq!(world.pool().stamps().modified(), s(1), "becoming steady");
    assert_eq!(world.pool().allocation_state_transition_time(), s(3));
    world.at(4).ran("a", "n1", 0);
    world.at(5).node("n2", NodeEvent::Lost);
    assert_eq!(world.pool().stamps().modified(), s(1), "what happens on nodes");

    let remove = RemoveNodes { nodes: vec![id("n3")], ..RemoveNodes::default() };
    assert_eq!(world.at(6).remove_nodes("pool", &remove), "PoolResizing, NodeActionRequested n3");
    assert_eq!(world.pool().stamps().modified(), s(6));
    assert_eq!(world.tick(), "RemoveNode n3");
    assert_eq!(world.at(7).node("n3", NodeEvent::Removed), "NodeRemoved n3");
    assert_eq!(world.tick(), "PoolSteady");
    assert_eq!(world.pool().stamps().modified(), s(6), "the removal itself");
    assert_eq!(world.shown("/pools/pool", "eTag"), ETag::from(s(6)).to_string());

    let response = world.at(8).answer("POST /pools/pool/resize", &[], r#"{"targetDedicatedNodes":1}"#);
    assert_eq!(response.header("ETag"), Some(ETag::from(s(8)).to_string().as_str()));
    assert_eq!((world.pool().stamps().entered(), world.pool().stamps().previous()), (s(0), None));
    world.at(9).delete_pool("pool");
    let stamps = *world.pool().stamps();
    assert_eq!((stamps.created(), stamps.modified()), (s(0), s(8)), "its deletion");
    assert_eq!((stamps.entered(), stamps.previous()), (s(9), Some((PoolState::Active, s(0)))));
}

/// P6, T5: with a clock that stands or runs back a pool's ETags do not repeat.
#[test]
fn a_standing_clock_repeats_no_etag_of_a_pool() {
    let mut world = World::with_pool(dedicated(1), 1, NodeFillType::Spread);
    let mut etags = vec![world.pool().etag()];
    for second in [0, 0, 9, 4, 0] {
        world.at(second).resize_pool("pool", &ResizePool::default());
        assert!(!etags.contains(&world.pool().etag()), "at {second}");
        etags.push(world.pool().etag());
        assert_eq!(world.tick(), "PoolSteady");
        assert!(world.pool().allocation_state_transition_time() >= world.pool().stamps().modified());
    }
    assert_eq!(world.pool().stamps().modified().ticks(), s(9).ticks() + 2);
}

/// P7
#[test]
fn a_pool_shows_the_timeout_of_its_latest_resize() {
    let mut world = World::with_pool(dedicated(3), 1, NodeFillType::Spread);
    assert_eq!(world.pool().resize_timeout(), None);
    let resize = |resize_timeout| ResizePool { resize_timeout, ..ResizePool::default() };
    for (asked, kept, shown) in [
        (Some(secs(600)), secs(600), "PT10M"),
        (None, secs(900), "PT15M"),
        (Some(secs(7200)), secs(7200), "PT2H"),
    ] {
        assert_eq!(world.resize_pool("pool", &resize(asked)), "PoolResizing");
        assert_eq!(world.pool().resize_timeout(), Some(kept));
        assert_eq!(world.tick(), "PoolSteady");
        assert_eq!(world.shown("/pools/pool", "resizeTimeout"), shown);
    }
    for (node, asked, kept) in [("n3", None, secs(900)), ("n2", Some(secs(60)), secs(60))] {
        let remove = RemoveNodes { nodes: vec![id(node)], resize_timeout: asked, ..RemoveNodes::default() };
        world.remove_nodes("pool", &remove);
        assert_eq!(world.pool().resize_timeout(), Some(kept));
        assert_eq!(world.tick(), format!("RemoveNode {node}"));
        world.node(node, NodeEvent::Removed);
        assert_eq!(world.tick(), "PoolSteady");
    }
}

// What holds at any time

/// I1
#[test]
fn a_completed_job_is_left_by_its_deletion_alone() {
    let mut world = in_state("completed");
    assert!(world.job().end_time().is_some() && world.job().terminate_reason().is_some());
    assert!(world.job().nodes().all(|(_, node)| !node.is_outstanding()));
    for row in table()[2..].iter().filter(|row| row[0] != "delete") {
        send(&mut world, row[0]);
        world.tick();
        assert_eq!(world.state(), "completed", "after {}", row[0]);
    }
    world.delete();
    assert_eq!(world.state(), "deleting");
}

/// I3
#[test]
fn stamps_never_go_back_whatever_the_clock_does() {
    let mut world = World::new(plain);
    let mut old = (world.job().stamps().modified(), world.job().stamps().entered());
    let steps: [(u64, Step); 7] = [
        (40, World::patch),
        (10, World::disable_and_wait),
        (10, World::tick),
        (0, World::enable),
        (20, World::patch),
        (39, World::terminate),
        (41, World::delete),
    ];
    let mut etags = vec![world.job().etag()];
    for (second, step) in steps {
        step(world.at(second));
        let new = (world.job().stamps().modified(), world.job().stamps().entered());
        assert!(new.0 >= old.0 && new.1 >= old.1, "at {second}");
        if new.0 != old.0 {
            assert!(!etags.contains(&world.job().etag()), "at {second}");
            etags.push(world.job().etag());
        }
        old = new;
    }
    assert_eq!(etags.len(), 6);
}

/// I4: whatever is refused, by any door.
#[test]
fn a_refused_request_changes_nothing() {
    let mut world = in_state("completed");
    let old = world.account.clone();
    for row in &table()[2..] {
        if !matches!(row[0], "get" | "delete" | "delete-task") {
            assert!(send(&mut world, row[0]).starts_with("409 "), "{}", row[0]);
        }
    }
    assert_eq!(world.rest("POST /jobs/job/terminate", &[], "{"), "400 InvalidRequestBody");
    assert_eq!(world.assign("waits", "n1"), "JobNotActive");
    assert_eq!(world.account, old);
}

/// I5: [`World::call`] replays effects; here the same inputs are given twice.
#[test]
fn the_same_inputs_give_the_same_outputs() {
    let play = || {
        let mut world = World::new(prepared);
        let mut told = Vec::new();
        world.run("a", "n1");
        told.push(world.at(5).terminate());
        told.push(world.at(6).say("n1", "task a ended 1"));
        told.push(world.at(7).node("n1", NodeEvent::Rebooted));
        told.push(text(&world.answer("GET /jobs/job", &[], "")).to_string());
        told.push(world.at(8).node("n1", NodeEvent::Removed));
        told.push(world.at(9).tick());
        (told, world.account)
    };
    assert_eq!(play(), play());
}

/// The name of every fact that there is.
const FACTS: [&str; 42] = [
    "JobAdded",
    "JobUpdated",
    "JobDisabling",
    "JobTouched",
    "JobDisabled",
    "JobEnabled",
    "JobTerminating",
    "JobTerminationForced",
    "JobCompleted",
    "JobDeleting",
    "JobDeleted",
    "TaskAdded",
    "TaskUpdated",
    "TaskTouched",
    "TaskPreparing",
    "TaskRunning",
    "TaskStarted",
    "TaskStopping",
    "TaskCompleted",
    "TaskRetried",
    "TaskRequeued",
    "TaskReactivated",
    "TaskDeleted",
    "PreparationIssued",
    "PreparationStarted",
    "PreparationStopping",
    "PreparationEnded",
    "ReleaseIssued",
    "ReleaseStarted",
    "ReleaseEnded",
    "NodeEventRecorded",
    "PoolAdded",
    "PoolResizing",
    "PoolSteady",
    "PoolDeleting",
    "PoolDeleted",
    "NodeAdded",
    "NodeChanged",
    "NodeSchedulingChanged",
    "NodeActionRequested",
    "NodeActionIssued",
    "NodeRemoved",
];

/// Whether a fact truly fits a second time: what it makes true can become true again.
fn fits_again(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Task(_, _, TaskFact::Stopping { .. })
            | Fact::JobNode(_, _, JobNodeFact::PreparationStopping | JobNodeFact::EventRecorded(_))
            | Fact::Node(
                _,
                NodeFact::Changed { .. } | NodeFact::ActionRequested { action: NodeAction::Remove, .. }
            )
    )
}

impl World {
    fn change_node(&mut self, node: &str, change: ChangeNode) -> String {
        self.call(|account, now| account.change_node(&id("pool"), &id(node), change, now).map_err(refusal))
    }

    /// Adds a task to a job that need not be `job`.
    fn add_to(&mut self, job: &str, task: &str) -> String {
        let command = AddTask::new(TaskSpecification::new(id(task)));
        self.call(|account, now| account.add_task(&id(job), &command, now).map_err(refusal))
    }

    fn add_pool(&mut self, pool: &str, target: NodeCounts, slots: u32, fill: NodeFillType) -> String {
        let specification = PoolSpecification {
            id: id(pool),
            task_slots_per_node: slots,
            node_fill_type: fill,
            other: Properties::new(),
        };
        let command = AddPool { specification: Arc::new(specification), target };
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

fn dedicated(nodes: u32) -> NodeCounts {
    NodeCounts { dedicated: nodes, low_priority: 0 }
}

/// How a pool is filled, and how a job and its tasks live, next to a job `other` that has a task.
const LIFE: [Step; 36] = [
    |world| world.add_job("other", prepared),
    |world| world.add_to("other", "a"),
    |world| world.add_pool("p", dedicated(1), 2, NodeFillType::Pack),
    |world| world.add_node("p", "p1"),
    World::tick,
    |world| {
        world.add_job("job", |specification, settings| {
            prepared(specification, settings);
            let preparation = specification.preparation.as_mut().unwrap();
            preparation.constraints.max_task_retry_count = RetryLimit::Times(1);
        })
    },
    World::patch,
    |world| world.add_with("a", |_, limits| limits.max_task_retry_count = Some(RetryLimit::Times(1))),
    |world| world.add("b"),
    |world| world.add("c"),
    |world| world.update_task("b"),
    |world| world.assign("a", "n1"),
    |world| world.say("n1", "preparation started"),
    |world| world.say("n1", "preparation ended 1"),
    |world| world.say("n1", "preparation started"),
    |world| world.say("n1", "preparation ended 0"),
    |world| world.say("n1", "task a started"),
    |world| world.disable(DisableTasks::Requeue),
    |world| world.say("n1", "task a ended 0"),
    World::tick,
    |world| world.disable(DisableTasks::Wait),
    World::enable,
    |world| world.assign("a", "n1"),
    |world| world.say("n1", "task a ended 1"),
    |world| world.assign("a", "n1"),
    |world| world.say("n1", "task a ended 1"),
    |world| world.reactivate("a"),
    |world| world.terminate_task("a"),
    |world| world.delete_task("a"),
    |world| world.node("n1", NodeEvent::Lost),
    |world| world.node("n1", NodeEvent::Returned),
    |world| world.change_node("n1", ChangeNode::DisableScheduling(NodeTasks::TaskCompletion)),
    |world| world.change_node("n1", ChangeNode::EnableScheduling),
    |world| world.change_node("n2", ChangeNode::Reboot(NodeTasks::TaskCompletion)),
    World::tick,
    |world| world.node("n2", NodeEvent::Rebooted),
];

/// How the job and the pool of [`LIFE`] end.
const END: [Step; 18] = [
    |world| world.assign("b", "n1"),
    |world| world.assign("c", "n2"),
    |world| world.say("n1", "task b started"),
    World::terminate,
    World::force,
    |world| world.say("n2", "preparation ended"),
    |world| world.say("n1", "task b ended 0"),
    |world| world.say("n1", "release started"),
    |world| world.say("n1", "release ended 0"),
    World::tick,
    World::delete,
    World::tick,
    |world| world.resize_pool("p", &ResizePool { dedicated: Some(2), ..ResizePool::default() }),
    |world| world.delete_pool("p"),
    World::tick,
    |world| world.node("n2", NodeEvent::Preempted),
    |world| world.node("p1", NodeEvent::Removed),
    World::tick,
];

/// [`LIFE`] and [`END`], with so many seconds from step to step. Every kind of fact is among the facts.
fn whole_life(seconds: u64) -> World {
    let mut world = World::empty();
    for (number, step) in (1..).zip(LIFE.into_iter().chain(END)) {
        let facts = world.facts.len();
        let told = step(world.at(number * seconds));
        assert!(world.facts.len() > facts, "step {number}: {told}");
    }
    let kinds: BTreeSet<&str> = world.facts.iter().map(Fact::name).collect();
    assert_eq!(kinds, FACTS.into());
    world
}

/// I5: also with a clock that stands. A fact that was applied does not fit again, or changes nothing.
#[test]
fn facts_fit_once() {
    for seconds in [0, 1] {
        let world = whole_life(seconds);
        let mut account = Account::new(URL);
        for fact in &world.facts {
            let before = account.clone();
            account.try_apply(fact).unwrap();
            let after = account.clone();
            let again = account.try_apply(fact);
            assert_eq!(again.is_ok(), fits_again(fact), "{fact}: {again:?}");
            assert_eq!(account, after, "{fact}, applied again");
            assert_ne!(after, before, "{fact}");
        }
        account.check().unwrap();
        assert_eq!(account, world.account);
    }
}

/// I4, I5: every fact of a long life, tried on every state of that life.
#[test]
fn a_fact_that_does_not_fit_changes_nothing() {
    let world = whole_life(1);
    let mut account = Account::new(URL);
    let mut refused = BTreeSet::new();
    for applied in &world.facts {
        account.try_apply(applied).unwrap();
        for fact in &world.facts {
            let (mut tried, mut quiet) = (account.clone(), account.clone());
            let fits = tried.try_apply(fact);
            quiet.apply(fact);
            assert_eq!(quiet, tried, "{fact} after {applied}");
            if fits.is_err() {
                assert_eq!(tried, account, "{fact} after {applied}: {fits:?}");
                refused.insert(fact.name());
            }
        }
    }
    assert_eq!(refused, FACTS.into(), "each kind of fact was refused somewhere");
}

/// The same fact about a job, task, node or pool that the account does not have. A node that is added
/// need not be there.
fn about_unknown(fact: &Fact) -> Vec<Fact> {
    match fact.clone() {
        Fact::Job(_, fact) => vec![Fact::Job(id("no"), fact)],
        Fact::Task(job, task, fact) => {
            vec![Fact::Task(id("no"), task, fact.clone()), Fact::Task(job, id("no"), fact)]
        }
        Fact::JobNode(job, node, fact) => {
            vec![Fact::JobNode(id("no"), node, fact.clone()), Fact::JobNode(job, id("no"), fact)]
        }
        Fact::Pool(_, fact) => vec![Fact::Pool(id("no"), fact)],
        Fact::Node(_, NodeFact::Added { .. }) => vec![],
        Fact::Node(_, fact) => vec![Fact::Node(id("no"), fact)],
        fact => panic!("a new kind of fact: {fact}"),
    }
}

/// I4, I5: at the very moment when a fact fits, the same fact about something unknown does not.
#[test]
fn facts_about_what_is_unknown_do_not_fit() {
    let world = whole_life(1);
    let mut account = Account::new(URL);
    let mut tried = 0;
    for fact in &world.facts {
        for unknown in about_unknown(fact) {
            let mut copy = account.clone();
            assert!(copy.try_apply(&unknown).is_err(), "{unknown}");
            assert_eq!(copy, account, "{unknown}");
            tried += 1;
        }
        account.try_apply(fact).unwrap();
    }
    assert!(tried > world.facts.len(), "{tried}");
}

/// I4, I5: a job alone takes its own facts and no others.
#[test]
fn a_job_takes_the_facts_that_are_about_it() {
    let world = whole_life(1);
    let (name, other): (JobId, JobId) = (id("job"), id("other"));
    let mut account = Account::new(URL);
    let mut alone: Option<Job> = None;
    let (mut own, mut others) = (0, 0);
    for fact in &world.facts {
        account.try_apply(fact).unwrap();
        if let (Some(job), true) = (&mut alone, fact.job() == Some(&name)) {
            job.try_apply(fact).unwrap();
            own += 1;
        }
        alone = alone.or_else(|| account.job(&name).cloned());
        for job in alone.iter().chain(account.job(&other)) {
            if fact.job() != Some(job.id()) {
                let mut copy = job.clone();
                assert!(copy.try_apply(fact).is_err(), "{fact}");
                assert_eq!(copy, *job, "{fact}");
                others += 1;
            }
        }
        if let Some(job) = account.job(&name) {
            assert_eq!(alone.as_ref(), Some(job), "{fact}");
        }
    }
    assert!(own > 40 && others > 40, "{own} and {others}");
    assert!(account.job(&name).is_none() && account.job(&other).is_some());
}

/// How a task ended on a node, with this exit code if it failed by it.
fn completed(node: &str, start: u64, end: u64, exit_code: Option<i32>) -> TaskFact {
    let (placement, start_time) = (Placement { pool: id("pool"), node: id(node) }, s(start));
    let outcome = match exit_code {
        None => Outcome::Succeeded { placement, start_time },
        Some(code) => Outcome::Failed {
            failure: TaskFailure::ExitCode,
            exit_code: Some(code),
            run: Some(LastRun { placement, start_time: Some(start_time) }),
        },
    };
    TaskFact::Completed(Box::new(Completion { end_time: s(end), outcome }))
}

/// I3, I4, I6, E10, K1: of each two facts the first would break a rule and does not fit, though the second,
/// which differs in that alone, does.
#[test]
fn facts_that_would_break_a_rule_do_not_fit() {
    let mut world = World::new(prepared);
    world.at(5).run("a", "n1"); // Run 1, after the preparation's run 2.
    world.ran("x", "n2", 0); // Runs 3 and 4.
    world.node("n2", NodeEvent::Rebooted); // So n2 is not prepared any more.
    world.at(6).add("b");
    world.add_with("wide", |specification, _| specification.required_slots = 4);
    let task = |task: &str, fact: TaskFact| Fact::Task(id("job"), id(task), fact);
    let on = |pool: &str, node: &str| Placement { pool: id(pool), node: id(node) };
    let running = |name, placement, run| task(name, TaskFact::Running { placement, run, at: s(9) });
    let preparing = |name, placement, run| task(name, TaskFact::Preparing { placement, run, at: s(9) });
    let job = |fact: JobFact| Fact::Job(id("job"), fact);
    let updated = |at| job(JobFact::Updated { settings: JobSettings::new(id("pool")).into(), at });
    let terminating = |modified| {
        let reason = TerminateReason::Schedule;
        job(JobFact::Terminating { reason, modified, force_deadline: None, at: s(9) })
    };
    let stopping = |node| task("a", TaskFact::Stopping { node: id(node), cause: TaskStop::Terminate });
    let retried = |node, at| task("a", TaskFact::Retried { node: id(node), at });
    let issued =
        |run| Fact::JobNode(id("job"), id("n2"), JobNodeFact::PreparationIssued { run, retry_count: 0 });
    let gone = |node| Fact::JobNode(id("job"), id(node), JobNodeFact::EventRecorded(NodeEvent::Removed));
    let pairs = [
        (running("b", on("pool", "n1"), 4), running("b", on("pool", "n1"), 5)), // A run's number is new.
        (preparing("b", on("pool", "n2"), 4), preparing("b", on("pool", "n2"), 5)),
        (issued(4), issued(5)),
        (running("b", on("pool", "n2"), 5), running("b", on("pool", "n1"), 5)), // n2 is not prepared,
        (preparing("b", on("pool", "n1"), 5), preparing("b", on("pool", "n2"), 5)), // and n1 is.
        (running("b", on("other", "n1"), 5), running("b", on("pool", "n1"), 5)),
        (running("wide", on("pool", "n1"), 5), running("b", on("pool", "n1"), 5)), // n1 has three slots left.
        (running("a", on("pool", "n1"), 5), running("b", on("pool", "n1"), 5)),    // a is running.
        (stopping("n2"), stopping("n1")),
        (retried("n2", s(9)), retried("n1", s(9))),
        (retried("n1", s(4)), retried("n1", s(5))), // a entered its state at 5.
        (task("a", completed("n2", 5, 9, None)), task("a", completed("n1", 5, 9, None))),
        (task("a", completed("n1", 8, 7, None)), task("a", completed("n1", 7, 8, None))),
        (task("a", completed("n1", 5, 9, Some(0))), task("a", completed("n1", 5, 9, Some(1)))),
        (updated(s(0)), updated(s(0).next_tick())), // The ETag must move.
        (terminating(Some(s(8))), terminating(Some(s(9)))),
        (gone("n1"), gone("n2")), // n1 has a task.
    ];
    for (bad, good) in pairs {
        let mut account = world.account.clone();
        assert!(account.try_apply(&bad).is_err(), "{bad:?}");
        assert_eq!(account, world.account, "{bad:?}");
        account.try_apply(&good).unwrap_or_else(|why| panic!("{good:?}: {why}"));
        assert_ne!(account, world.account, "{good:?}");
    }
}

/// I1, I4: facts about a job's end, a node's action and a pool's end that come before their time.
#[test]
fn facts_that_come_too_early_do_not_fit() {
    let mut world = World::new(prepared);
    assert_eq!(world.add_pool("p", dedicated(1), 1, NodeFillType::Spread), "PoolAdded, AddNodes");
    world.run("a", "n1");
    let job = |fact| Fact::Job(id("job"), fact);
    let release = Fact::JobNode(id("job"), id("n1"), JobNodeFact::ReleaseIssued { run: 3 });
    let early = [
        job(JobFact::Disabled { at: s(9) }),
        job(JobFact::Completed { at: s(9) }),
        job(JobFact::TerminationForced { force_deadline: s(9), at: s(9) }),
        job(JobFact::Deleted),
        job(JobFact::Touched { at: s(9) }),
        release,
        Fact::Node(id("n1"), NodeFact::ActionIssued { action: NodeAction::Remove }),
        Fact::Pool(id("p"), PoolFact::Deleted),
    ];
    for fact in &early {
        let mut account = world.account.clone();
        assert!(account.try_apply(fact).is_err(), "{fact}");
        assert_eq!(account, world.account, "{fact}");
    }
    world.at(1).disable(DisableTasks::Wait);
    world.terminate();
    for fact in &early[..2] {
        let mut account = world.account.clone();
        assert!(account.try_apply(fact).is_err(), "{fact} while a task is on a node");
        assert_eq!(account, world.account, "{fact} while a task is on a node");
    }
    world.say("n1", "task a ended 0");
    world.say("n1", "release ended 0");
    world.account.clone().try_apply(&early[1]).unwrap();
}

/// E3, N3: a preparation is stopped by the end of its job alone, and a node is removed after the jobs
/// that have something there have recorded it.
#[test]
fn facts_about_a_nodes_work_come_in_order() {
    let mut world = World::new(prepared);
    world.add("b");
    world.assign("b", "n2");
    let on_n2 = |fact| Fact::JobNode(id("job"), id("n2"), fact);
    let stopping = on_n2(JobNodeFact::PreparationStopping);
    let removed = Fact::Node(id("n2"), NodeFact::Removed);
    let recorded = on_n2(JobNodeFact::EventRecorded(NodeEvent::Removed));
    let rebooted = on_n2(JobNodeFact::EventRecorded(NodeEvent::Rebooted));
    for fact in [&stopping, &removed, &recorded, &rebooted] {
        assert!(world.account.clone().try_apply(fact).is_err(), "{fact} while the node is being prepared");
    }
    world.say("n2", "preparation ended 0");
    world.say("n2", "task b ended 0");
    assert!(world.account.clone().try_apply(&removed).is_err(), "the job does not know");
    for fact in [&recorded, &removed] {
        world.account.try_apply(fact).unwrap();
    }
    assert_eq!(world.account.check(), Ok(()));
}

/// I6: [`World::call`] recounts; here the slots of a node run out.
#[test]
fn slots_are_never_oversubscribed() {
    let mut world = World::new(plain);
    world.add_with("wide", |specification, _| specification.required_slots = 3);
    world.add_with("pair", |specification, _| specification.required_slots = 2);
    world.add("single");
    world.run_added("wide", "n1");
    assert_eq!(world.assign("pair", "n1"), "NoSlots");
    world.run_added("single", "n1");
    assert_eq!((world.job().task_counts().running, world.job().task_slot_counts().running), (2, 4));
    assert_eq!((world.job().task_counts().active, world.job().task_slot_counts().active), (1, 2));
    world.say("n1", "task wide ended 0");
    assert_eq!(world.assign("pair", "n1"), "TaskRunning pair n1, RunTask pair n1");
    assert_eq!(world.account.node(&id("n1")).unwrap().free_slots(), 1);
}

/// I7: every node answers what it is told, or none answers at all.
#[test]
fn a_terminated_job_completes() {
    let busy = || {
        let mut world = World::new(prepared);
        world.run("a", "n1");
        world.ran("b", "n2", 0);
        world.add("c");
        world.node("n1", NodeEvent::Rebooted);
        world.assign("c", "n1");
        world
    };
    let mut world = busy();
    world.at(10).terminate();
    for (node, answer) in [("n1", "preparation ended"), ("n1", "release ended"), ("n2", "release ended 1")] {
        assert_eq!(world.tick(), "");
        world.say(node, answer);
    }
    assert_eq!((world.tick().as_str(), world.state()), ("JobCompleted", "completed"));

    for event in [None, Some(NodeEvent::Lost), Some(NodeEvent::Rebooted), Some(NodeEvent::Removed)] {
        let mut world = busy();
        world.at(10).force();
        if let Some(event) = event {
            world.node("n1", event);
            world.node("n2", event);
        }
        world.at(70).tick();
        assert_eq!(world.state(), "completed", "{event:?}");
    }
}

// Conditional headers

const DATE: &str = "Tue, 10 Feb 2026 08:00:00 GMT";
const EARLIER: &str = "Tue, 10 Feb 2026 07:59:59 GMT";
const LATER: &str = "Tue, 10 Feb 2026 08:00:01 GMT";

/// A job that was made half a second after 8:00, and its ETag.
fn conditional() -> (World, String) {
    let mut world = World::empty();
    world.on(Timestamp::parse_iso8601("2026-02-10T08:00:00.5Z").unwrap()).add_job("job", plain);
    let etag = world.job().etag().to_string();
    (world, etag)
}

/// What a termination under these headers answers. `TAG` stands for the job's ETag.
fn write(headers: Headers<'_>) -> String {
    asked("POST /jobs/job/terminate", headers)
}

/// What a read under these headers answers.
fn read(headers: Headers<'_>) -> String {
    asked("GET /jobs/job", headers)
}

fn asked(line: &str, headers: Headers<'_>) -> String {
    let (mut world, etag) = conditional();
    let headers: Vec<(&str, String)> =
        headers.iter().map(|(name, value)| (*name, value.replace("TAG", &etag))).collect();
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.rest(line, &headers, "")
}

/// H1
#[test]
fn a_tag_makes_its_date_not_count_and_other_pairs_are_refused() {
    let unmet_dates = [("If-Modified-Since", LATER), ("If-Unmodified-Since", EARLIER)];
    assert_eq!(write(&[("If-None-Match", "0x1"), unmet_dates[0]]), "202");
    assert_eq!(write(&[("If-Match", "TAG"), unmet_dates[1]]), "202");
    assert_eq!(write(&[("If-None-Match", "0x1"), ("If-Modified-Since", "no date")]), "202");
    let met = [
        ("If-Match", "TAG"),
        ("If-None-Match", "0x1"),
        ("If-Modified-Since", EARLIER),
        ("If-Unmodified-Since", LATER),
    ];
    for (first, second) in [(0, 1), (0, 2), (1, 3), (2, 3)] {
        let refused = "400 MultipleConditionHeadersNotSupported";
        assert_eq!(write(&[met[first], met[second]]), refused, "{first} and {second}");
    }
    assert_eq!(write(&met), "400 MultipleConditionHeadersNotSupported");
}

/// H2
#[test]
fn an_unmet_condition_is_412_on_a_write_and_may_be_304_on_a_read() {
    for (name, met, unmet, unmet_read) in [
        ("If-Match", "TAG", "0x1", "412 ConditionNotMet"),
        ("If-None-Match", "0x1", "TAG", "304"),
        ("If-Modified-Since", EARLIER, DATE, "304"),
        ("If-Unmodified-Since", DATE, EARLIER, "412 ConditionNotMet"),
    ] {
        assert_eq!((write(&[(name, met)]), read(&[(name, met)])), ("202".into(), "200".into()), "{name}");
        assert_eq!(write(&[(name, unmet)]), "412 ConditionNotMet", "{name}");
        assert_eq!(read(&[(name, unmet)]), unmet_read, "{name}");
    }
    let (mut world, etag) = conditional();
    let response = world.answer("GET /jobs/job", &[("If-None-Match", &etag)], "");
    assert_eq!(
        (response.status, response.body.len(), response.header("ETag")),
        (304, 0, Some(etag.as_str()))
    );
}

/// H3
#[test]
fn tags_come_bare_or_quoted_alone_or_in_lists() {
    for (tags, matches, matches_weakly) in [
        ("TAG", true, true),
        ("\"TAG\"", true, true),
        ("*", true, true),
        ("0x1, \"TAG\"", true, true),
        ("0x1,\"0x2\"", false, false),
        ("W/\"TAG\"", false, true),
        ("\"TAGF\"", false, false),
    ] {
        assert_eq!(write(&[("If-Match", tags)]) == "202", matches, "If-Match: {tags}");
        assert_eq!(write(&[("If-None-Match", tags)]) != "202", matches_weakly, "If-None-Match: {tags}");
    }
    let (mut world, etag) = conditional();
    let lower = etag.to_lowercase();
    assert_ne!(etag, lower);
    assert_eq!(world.rest("POST /jobs/job/terminate", &[("If-Match", &lower)], ""), "412 ConditionNotMet");
    let absent = world.rest("POST /jobs/no/terminate", &[("If-Match", "*")], "");
    assert_eq!(absent, "404 JobNotFound");
}

/// H4: dates.
#[test]
fn dates_are_compared_in_seconds() {
    for (date, modified_since) in [(EARLIER, true), (DATE, false), (LATER, false)] {
        assert_eq!(write(&[("If-Modified-Since", date)]) == "202", modified_since, "{date}");
        assert_eq!(write(&[("If-Unmodified-Since", date)]) == "202", !modified_since, "{date}");
    }
    for date in ["no date", "2026-02-10T08:00:00Z", "Mon, 10 Feb 2026 08:00:00 GMT"] {
        assert_eq!(write(&[("If-Modified-Since", date)]), "400 InvalidHeaderValue", "{date}");
    }
}

/// H4: odd headers.
#[test]
fn odd_tags_match_nothing_and_empty_headers_are_absent() {
    for tags in ["\"TAG", "*, TAG x", "any"] {
        assert_eq!(write(&[("If-Match", tags)]), "412 ConditionNotMet", "{tags}");
    }
    for name in ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"] {
        assert_eq!(write(&[(name, " ")]), "202", "{name}");
    }
    assert_eq!(write(&[("If-Match", "0x1"), ("If-Match", "TAG")]), "202", "two headers are one list");
    assert_eq!(write(&[("If-None-Match", "0x1"), ("If-None-Match", "TAG")]), "412 ConditionNotMet");
    for (name, value) in [("If-Modified-Since", EARLIER), ("ocp-date", DATE)] {
        assert_eq!(write(&[(name, value)]), "202", "{name}");
        assert_eq!(write(&[(name, ""), (name, value)]), "202", "{name}");
        assert_eq!(write(&[(name, value), (name, value)]), "400 InvalidHeaderValue", "{name}");
    }
    assert_eq!(write(&[("Content-Type", "a"), ("Content-Type", "b")]), "202", "there is no body");
}

/// H5
#[test]
fn the_refusal_of_a_condition_carries_no_etag() {
    let (mut world, _) = conditional();
    for line in ["POST /jobs/job/terminate", "GET /jobs/job"] {
        let response = world.answer(line, &[("If-Match", "0x1")], "");
        assert_eq!((told(&response), response.header("ETag")), ("412 ConditionNotMet".into(), None));
        assert_eq!(response.header("Last-Modified"), None);
    }
}

// Bodies and headers

/// A job of the newest api-version with these members besides `id` and `poolInfo`.
fn add(members: &str) -> String {
    let body = format!(r#"{{"id":"job","poolInfo":{{"poolId":"pool"}}{members}}}"#);
    World::empty().rest("POST /jobs", &[], &body)
}

/// B1
#[test]
fn a_body_of_more_than_a_mebibyte_is_refused() {
    let mut world = World::new(plain);
    let json = [("Content-Type", "application/json")];
    let target = "/jobs/job/terminate?api-version=2025-06-01";
    let mut valid = br#"{"terminateReason":"enough"}"#.to_vec();
    valid.resize(1024 * 1024, b' ');
    assert_eq!(
        told(&world.send("POST", target, &json, &vec![b'x'; 1024 * 1024 + 1])),
        "413 RequestBodyTooLarge"
    );
    valid.push(b' ');
    let response = world.send("POST", target, &json, &valid);
    assert_eq!(told(&response), "413 RequestBodyTooLarge");
    assert!(text(&response).contains("\"key\":\"MaxLimit\",\"value\":\"1048576\""));
    valid.pop();
    assert_eq!(told(&world.send("POST", target, &json, &valid)), "202");
}

/// B2
#[test]
fn a_body_must_be_declared_as_json() {
    let target = "/jobs/job/terminate?api-version=2025-06-01";
    for (content_type, accepted) in [
        (Some("application/json"), true),
        (Some("Application/JSON; odata=minimalmetadata; charset=utf-8"), true),
        (Some("text/plain"), false),
        (Some("application/jsonp"), false),
        (None, false),
    ] {
        let headers: Vec<(&str, &str)> =
            content_type.map(|value| ("content-type", value)).into_iter().collect();
        let came = told(&World::new(plain).send("POST", target, &headers, b"{}"));
        assert_eq!(came, if accepted { "202" } else { "400 InvalidHeaderValue" }, "{content_type:?}");
        assert_eq!(
            told(&World::new(plain).send("POST", target, &headers, b"")),
            "202",
            "{content_type:?} and no body"
        );
    }
}

/// B3
#[test]
fn a_body_must_fit_the_operations_model() {
    for (body, reason) in [
        (r#"{"terminateReason":"enough""#, "Unexpected end of input was found in JSON content."),
        (r#"{"terminateReason":}"#, "Invalid JSON."),
        ("[]", ""),
        (r#"{"TerminateReason":"enough"}"#, "The property 'TerminateReason' does not exist on type"),
        (r#"{"terminateReason":1}"#, "Cannot convert a primitive value to the expected type 'Edm.String'."),
        (r#"{"terminateReason":{}}"#, "An unexpected 'StartObject' node was found"),
        (r#"{"terminateReason":[]}"#, "An unexpected 'StartArray' node was found"),
    ] {
        let response = World::new(plain).answer("POST /jobs/job/terminate", &[], body);
        assert_eq!(told(&response), "400 InvalidRequestBody", "{body}");
        assert!(text(&response).contains(reason), "{body}: {}", text(&response));
    }
    assert_eq!(add(r#","priority":null,"metadata":null,"constraints":null"#), "201");
    assert_eq!(World::empty().rest("POST /jobs", &[], r#"{"id":null}"#), "400 MissingRequiredProperty");
}

/// B4
#[test]
fn enum_values_are_read_without_case_and_written_in_lower_case() {
    let mut world = World::empty();
    let body = r#"{"id":"job","poolInfo":{"poolId":"pool"},"onTaskFailure":"performExitOptionsJobAction",
        "onAllTasksComplete":"TerminateJob"}"#;
    assert_eq!(world.rest("POST /jobs", &[], body), "201");
    assert_eq!(world.shown("/jobs/job", "onAllTasksComplete"), "terminatejob");
    assert_eq!(world.shown("/jobs/job", "onTaskFailure"), "performexitoptionsjobaction");
    assert_eq!(add(r#","onAllTasksComplete":"explode""#), "400 InvalidPropertyValue");
}

/// B5
#[test]
fn values_have_limits() {
    for (member, bad, good) in [
        ("priority", &["-1001", "1001"][..], &["-1000", "1000"][..]),
        ("maxParallelTasks", &["-2", "0"], &["-1", "1"]),
    ] {
        for value in bad {
            assert_eq!(
                add(&format!(r#","{member}":{value}"#)),
                "400 InvalidPropertyValue",
                "{member} {value}"
            );
        }
        for value in good {
            assert_eq!(add(&format!(r#","{member}":{value}"#)), "201", "{member} {value}");
        }
    }
    for (retries, came) in [("-2", "400 InvalidPropertyValue"), ("-1", "201"), ("0", "201")] {
        assert_eq!(add(&format!(r#","constraints":{{"maxTaskRetryCount":{retries}}}"#)), came, "{retries}");
    }
    for (length, came) in [(1024, "201"), (1025, "400 InvalidPropertyValue")] {
        assert_eq!(add(&format!(r#","displayName":"{}""#, "\u{e9}".repeat(length))), came);
    }
    for (name, came) in [
        ("", "400 InvalidPropertyValue"),
        ("Aa0-_", "201"),
        ("a.b", "400 InvalidPropertyValue"),
        (&"x".repeat(64), "201"),
        (&"x".repeat(65), "400 InvalidPropertyValue"),
    ] {
        let body = format!(r#"{{"id":"{name}","poolInfo":{{"poolId":"pool"}}}}"#);
        assert_eq!(World::empty().rest("POST /jobs", &[], &body), came, "{name}");
    }
}

/// B6
#[test]
fn what_is_left_out_follows_the_services_defaults_which_are_shown() {
    let mut world = World::empty();
    let body = r#"{"id":"job","poolInfo":{"poolId":"pool"},"jobPreparationTask":{"commandLine":"p"},
        "jobReleaseTask":{"commandLine":"r"},"constraints":{"maxTaskRetryCount":3}}"#;
    assert_eq!(world.rest("POST /jobs", &[], body), "201");
    let unlimited = "P10675199DT2H48M5.4775807S";
    for (path, shown) in [
        ("priority", 0.into()),
        ("maxParallelTasks", (-1).into()),
        ("usesTaskDependencies", false.into()),
        ("constraints/maxWallClockTime", unlimited.into()),
        ("onAllTasksComplete", "noaction".into()),
        ("onTaskFailure", "noaction".into()),
        ("executionInfo/poolId", "pool".into()),
        ("jobPreparationTask/id", "jobpreparation".into()),
        ("jobPreparationTask/constraints/retentionTime", "P7D".into()),
        ("jobPreparationTask/waitForSuccess", true.into()),
        ("jobPreparationTask/userIdentity/autoUser/elevationLevel", "nonadmin".into()),
        ("jobReleaseTask/id", "jobrelease".into()),
        ("jobReleaseTask/maxWallClockTime", Value::from("PT15M")),
    ] {
        assert_eq!(world.shown("/jobs/job", path), shown, "{path}");
    }
    assert_eq!(world.rest("POST /jobs/job/tasks", &[], r#"{"id":"a","commandLine":"c"}"#), "201");
    for (path, shown) in [
        ("requiredSlots", 1.into()),
        ("constraints/maxTaskRetryCount", 3.into()),
        ("constraints/retentionTime", "P7D".into()),
        ("executionInfo/retryCount", 0.into()),
        ("userIdentity/autoUser/scope", Value::from("pool")),
    ] {
        assert_eq!(world.shown("/jobs/job/tasks/a", path), shown, "{path}");
    }
}

/// Q1
#[test]
fn the_api_version_is_required_and_decides_what_is_shown() {
    let mut world = World::new(plain);
    world.add("a");
    let send = |world: &mut World, query: &str| {
        let response = world.send("GET", &format!("/jobs/job{query}"), &[], b"");
        (told(&response), text(&response).contains("maxParallelTasks"))
    };
    assert_eq!(send(&mut world, "").0, "400 MissingRequiredQueryParameter");
    assert_eq!(send(&mut world, "?api-version=2024-07-01").0, "400 InvalidQueryParameterValue");
    assert_eq!(send(&mut world, "?api-version=2020-09-01.12.0"), ("200".into(), false));
    assert_eq!(send(&mut world, "?API-Version=2021-06-01.14.0"), ("200".into(), true));
    assert_eq!(world.shown("/jobs/job/tasks/a?api-version=2020-03-01.11.0", "requiredSlots"), Value::Null);
    assert_eq!(world.shown("/jobs/job/tasks/a?api-version=2020-09-01.12.0", "requiredSlots"), 1);
}

/// Q2
#[test]
fn the_clients_request_id_comes_back_only_when_asked_for() {
    let guid = "9C4D50EE-2D56-4CD3-8152-34347DC9F2B0";
    let mut world = World::new(plain);
    for line in ["GET /jobs/job", "GET /jobs/no", "GET /nowhere"] {
        for (id, wanted, echoed) in [
            (guid, Some("true"), Some(guid)),
            (guid, Some("false"), None),
            (guid, None, None),
            ("no guid", Some("true"), None),
        ] {
            let mut headers = vec![("client-request-id", id)];
            headers.extend(wanted.map(|wanted| ("return-client-request-id", wanted)));
            let response = world.answer(line, &headers, "");
            assert_eq!(response.header("client-request-id"), echoed, "{line} {wanted:?}");
            assert!(response.header("request-id").is_some());
        }
    }
}

/// Q3
#[test]
fn a_read_can_be_limited_and_keeps_its_own_order() {
    let mut world = World::new(plain);
    let response = world.answer("GET /jobs/job?$select=state,%20priority,id", &[], "");
    let places =
        ["odata.metadata", "\"id\"", "\"state\"", "\"priority\""].map(|name| text(&response).find(name));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{}", text(&response));
    assert!(!text(&response).contains("poolInfo"));
    assert_eq!(world.rest("GET /jobs/job?$select=id,nothing", &[], ""), "400 InvalidQueryParameterValue");
}

/// W1
#[test]
fn the_layout_of_json_is_the_services() {
    let mut world = World::empty();
    let body = r#"{"id":"job","poolInfo":{"poolId":"pool"},"metadata":[{"name":"a","value":"b"},{"name":"c","value":"d"}]}"#;
    world.rest("POST /jobs", &[], body);
    let expected = [
        "{",
        "  \"odata.metadata\":\"https://contoso.westus.batch.azure.com/$metadata#jobs/@Element\",\"id\":\"job\",\
         \"poolInfo\":{",
        "    \"poolId\":\"pool\"",
        "  },\"metadata\":[",
        "    {",
        "      \"name\":\"a\",\"value\":\"b\"",
        "    },{",
        "      \"name\":\"c\",\"value\":\"d\"",
        "    }",
        "  ]",
        "}",
    ];
    let response = world.answer("GET /jobs/job?$select=id,poolInfo,metadata", &[], "");
    assert_eq!(text(&response), expected.join("\r\n"));
}

/// W2
#[test]
fn strings_escape_all_that_is_not_plain() {
    let mut world = World::empty();
    let name = r#"q\" b\\ t\t u\u0001 '/ é 😀"#;
    let body = format!(r#"{{"id":"job","poolInfo":{{"poolId":"pool"}},"displayName":"{name}"}}"#);
    assert_eq!(world.rest("POST /jobs", &[], &body), "201");
    let response = world.answer("GET /jobs/job?$select=displayName", &[], "");
    let shown = r#""displayName":"q\" b\\ t\t u\u0001 '/ \u00e9 \ud83d\ude00""#;
    assert!(text(&response).contains(shown), "{}", text(&response));
}

/// W3
#[test]
fn an_error_body_names_the_request_and_its_time() {
    let mut world = World::empty();
    let at = Timestamp::parse_iso8601("2026-02-10T08:00:00.5Z").unwrap();
    let response = world.on(at).answer("GET /jobs/no", &[], "");
    let expected = [
        "{",
        "  \"odata.metadata\":\"https://contoso.westus.batch.azure.com/$metadata\
         #Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element\",\"code\":\"JobNotFound\",\"message\":{",
        "    \"lang\":\"en-US\",\"value\":\"The specified job does not exist.\\n\
         RequestId:00000000-0000-0000-0000-000000000001\\nTime:2026-02-10T08:00:00.5000000Z\"",
        "  }",
        "}",
    ];
    assert_eq!(text(&response), expected.join("\r\n"));
    assert_eq!(response.reason, "The specified job does not exist.");
    assert_eq!(response.header("Content-Length"), Some(response.body.len().to_string().as_str()));
    let response = world.answer("GET /jobs/no?timeout=soon", &[], "");
    assert!(
        text(&response)
            .contains("\"values\":[\r\n    {\r\n      \"key\":\"QueryParameterName\",\"value\":\"timeout\"")
    );
}

/// W4
#[test]
fn instants_are_trimmed_and_durations_normalised() {
    for (at, shown) in [
        ("2026-02-10T08:00:00Z", "2026-02-10T08:00:00Z"),
        ("2026-02-10T08:00:00.1200000Z", "2026-02-10T08:00:00.12Z"),
        ("2026-02-10T08:00:00.1234567Z", "2026-02-10T08:00:00.1234567Z"),
    ] {
        let mut world = World::empty();
        world.on(Timestamp::parse_iso8601(at).unwrap()).add_job("job", plain);
        assert_eq!(world.shown("/jobs/job", "creationTime"), shown);
    }
    for (sent, shown) in [("PT01H00M00S", "PT1H"), ("P1Y2M", "P425D"), ("PT90M", "PT1H30M"), ("P7D", "P7D")] {
        let mut world = World::empty();
        let body = format!(
            r#"{{"id":"job","poolInfo":{{"poolId":"pool"}},"constraints":{{"maxWallClockTime":"{sent}"}}}}"#
        );
        assert_eq!(world.rest("POST /jobs", &[], &body), "201");
        assert_eq!(world.shown("/jobs/job", "constraints/maxWallClockTime"), shown);
    }
}

/// W5
#[test]
fn every_new_job_has_the_same_location() {
    let mut world = World::empty();
    for name in ["film", "job-2"] {
        let body = format!(r#"{{"id":"{name}","poolInfo":{{"poolId":"pool"}}}}"#);
        let response = world.answer("POST /jobs", &[], &body);
        let location = Some("https://contoso.westus.batch.azure.com/jobs/job-1");
        assert_eq!((response.header("Location"), response.header("DataServiceId")), (location, location));
    }
}
