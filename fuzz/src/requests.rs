//! Every sequence of well-formed calls.

use std::sync::Arc;

use azbatch::{
    Account, BatchError, Effect, JobId, JobScheduleId, NodeId, PoolId, Preconditions, Report, RunId, TaskId,
    TimeSpan, Timestamp,
    condition::ConditionHeaders,
    job::{
        AddJob, DeleteJob, DisableJob, DisableTasks, EnableJob, Ended, JobChange, JobConstraints,
        JobManagerTask, JobPatch, JobPreparationTask, JobReleaseTask, JobSettings, JobSpecification,
        JobStateName, OnAllTasksComplete, OnTaskFailure, ParallelLimit, ReportEvent, TerminateJob,
        TerminateReason, Unit, UpdateJob,
    },
    job_schedule::{DeleteJobSchedule, TerminateJobSchedule},
    node::{ChangeNode, NodeEvent, NodeTasks, Password, UserAccess, UserName},
    pool::{
        AddPool, DeletePool, EnableAutoScale, NodeCounts, NodeFillType, PoolSpecification, RemoveNodes,
        ResizePool, StopResize, UpdatePool,
    },
    rest::{self, Guid, Request},
    task::{
        AddTask, DeleteTask, Dependencies, ExitCodeRange, ExitConditions, ExitOptions, JobAction, NodeError,
        NodeFailure, Properties, ReactivateTask, RequestedConstraints, RetryLimit, TaskIdRange,
        TaskSpecification, TerminateTask, UpdateTask,
    },
};

use super::{at, checked, shifted, tick};

/// Carries out a story.
///
/// The input is text, so that seeds can be read and written: a letter says what happens, and as many
/// characters after it as that needs are its numbers, of which the lowest four bits count. Missing
/// ones are 0, and what is no such letter, such as a space, is passed over.
///
/// | letter | happens | numbers |
/// |---|---|---|
/// | `J` `j` | add a job, typed or over REST | job, parts, limits |
/// | `T` `t` | add a task, typed or over REST | job, task, parts |
/// | `X` `x` | terminate a job, typed or over REST | job, how |
/// | `Q` | delete a job | job, how |
/// | `D` `E` `U` | disable, enable, update a job | job, how |
/// | `K` `R` `Z` `P` | terminate, reactivate, delete, update a task | job, task, how |
/// | `G` | get a job and a task over REST | job, task |
/// | `N` | a node joins | node, slots |
/// | `A` | a task is assigned to a node | job, task, node |
/// | `S` `F` | a node reports that something started, or ended | job, node, what, how |
/// | `s` `f` | the same of the run before the one that the node has | job, node, what, how |
/// | `r` | an earlier report comes again | how many reports ago |
/// | `H` | tasks are assigned to nodes as the crate's own scheduler likes | |
/// | `V` | something happens to a node | node, what |
/// | `L` `l` `W` `Y` | add, resize a pool, take nodes out of it, delete it | pool, how, how |
/// | `y` `u` | stop the resize of a pool, change what it is | pool, how, how |
/// | `e` `d` | a pool begins to scale by a formula, or no longer does | pool, how, how |
/// | `I` | add a job schedule | schedule, times, parts |
/// | `i` | change, disable, enable, terminate, delete a job schedule, over REST | schedule, what, how |
/// | `O` | a user wants something done to a node | pool, node, what, how |
/// | `M` | a user disables or enables scheduling on a node, or changes its users | pool, node, how, how |
/// | `C` | the clock moves on | how far |
/// | `B` | the clock moves back | how far |
/// | `.` | a tick | |
pub fn requests(data: &[u8]) {
    let mut story = Story {
        data: data.iter(),
        account: Account::new("https://c.r.batch.azure.com"),
        now: at(0),
        reports: Vec::new(),
    };
    let mut steps = 0;
    while let Some(letter) = story.data.next() {
        story.step(*letter);
        steps += 1;
        if steps == 200 {
            break;
        }
    }
    story.end();
}

struct Story<'a> {
    data: core::slice::Iter<'a, u8>,
    account: Account,
    now: Timestamp,
    /// What nodes have reported.
    reports: Vec<Report>,
}

impl Story<'_> {
    fn number(&mut self) -> u8 {
        self.data.next().map_or(0, |byte| byte & 0xF)
    }

    fn job(&mut self) -> JobId {
        // Two jobs, one of them under two spellings (S4).
        let id = ["film", "song", "FILM", "nightly:job-1"][usize::from(self.number() & 3)];
        id.parse().expect("an id")
    }

    fn task(&mut self) -> TaskId {
        // The preparation and release tasks' names are taken where a job has them.
        let id = ["1", "2", "three", "THREE", "jobpreparation", "jobrelease", "manager", "7"];
        id[usize::from(self.number() & 7)].parse().expect("an id")
    }

    fn node(&mut self) -> NodeId {
        ["tvm-1", "tvm-2", "tvm-3", "TVM-1"][usize::from(self.number() & 3)].parse().expect("an id")
    }

    /// A condition that holds, one that does not, or, as a rule, none.
    fn preconditions(&mut self, how: u8) -> Preconditions {
        let headers = match how >> 2 {
            0 | 1 => return Preconditions::None,
            2 => ConditionHeaders { if_match: Some(b"*"), ..ConditionHeaders::default() },
            _ => ConditionHeaders { if_none_match: Some(b"*"), ..ConditionHeaders::default() },
        };
        Preconditions::parse(&headers, self.now).expect("good headers")
    }

    fn force(&self, how: u8) -> Option<TimeSpan> {
        match how & 3 {
            1 => Some(self.account.force_timeout()),
            2 => Some(TimeSpan::ZERO),
            _ => None,
        }
    }

    /// A typed request, which may be refused.
    fn ask(&mut self, request: impl FnOnce(&mut Account, Timestamp) -> Result<Vec<Effect>, BatchError>) {
        let now = self.now;
        checked(&mut self.account, |account| match request(account, now) {
            Ok(effects) => (None, effects),
            Err(error) => (Some(error), Vec::new()),
        });
    }

    /// A request over REST, which may be refused but is understood.
    fn send(&mut self, method: &str, path: &str, query: &str, body: &str) {
        let target = format!("{path}?api-version=2025-06-01{query}");
        let headers = [("Content-Type", b"application/json".as_slice())];
        let (body, received, request_id) = (body.as_bytes(), self.now, Guid::from_u128(7));
        let request = Request { method, target: &target, headers: &headers, body, received, request_id };
        let now = self.now;
        let (status, _) = checked(&mut self.account, |account| {
            let answer = rest::answer(account, &request, now);
            (answer.response.status, answer.effects)
        });
        assert!(matches!(status, 200..=204 | 404 | 409), "{method} {target} {status}");
    }

    fn step(&mut self, letter: u8) {
        match letter {
            b'J' => self.add_job(false),
            b'j' => self.add_job(true),
            b'T' => self.add_task(false),
            b't' => self.add_task(true),
            b'X' => {
                let (job, how) = (self.job(), self.number());
                let reason =
                    if how & 3 == 3 { TerminateReason::Schedule } else { TerminateReason::User(None) };
                let command =
                    TerminateJob { reason, force: self.force(how), preconditions: self.preconditions(how) };
                self.ask(|account, now| account.terminate_job(&job, &command, now));
            }
            b'x' => {
                let (job, how) = (self.job(), self.number());
                let query = ["", "&force=true", "&force=false", "&timeout=5"][usize::from(how & 3)];
                let body = if how & 4 == 0 { "" } else { r#"{"terminateReason":"enough"}"# };
                self.send("POST", &format!("/jobs/{job}/terminate"), query, body);
            }
            b'Q' => {
                let (job, how) = (self.job(), self.number());
                let command = DeleteJob { force: self.force(how), preconditions: self.preconditions(how) };
                self.ask(|account, now| account.delete_job(&job, &command, now));
            }
            b'D' => {
                let (job, how) = (self.job(), self.number());
                let options = [DisableTasks::Requeue, DisableTasks::Terminate, DisableTasks::Wait];
                let disable_tasks = options[usize::from(how & 3) % 3];
                let command = DisableJob { disable_tasks, preconditions: self.preconditions(how) };
                self.ask(|account, now| account.disable_job(&job, &command, now));
            }
            b'E' => {
                let (job, how) = (self.job(), self.number());
                let command = EnableJob { preconditions: self.preconditions(how) };
                self.ask(|account, now| account.enable_job(&job, &command, now));
            }
            b'U' => self.update_job(),
            b'K' | b'R' | b'Z' | b'P' => self.change_task(letter),
            b'G' => {
                let (job, task) = (self.job(), self.task());
                self.send("GET", &format!("/jobs/{job}"), "", "");
                self.send("GET", &format!("/jobs/{job}/tasks/{task}"), "", "");
            }
            b'N' => {
                let (node, slots) = (self.node(), u32::from(self.number()));
                let pool = pool(slots & 8 != 0);
                let now = self.now;
                checked(&mut self.account, |account| {
                    let effects = match account.pool(&pool) {
                        Some(_) => account.add_node(&pool, &node, now),
                        None => account.add_unmanaged_node(&pool, &node, slots & 7, now),
                    };
                    (effects.is_err(), effects.unwrap_or_default())
                });
            }
            b'A' => {
                let (job, task, node) = (self.job(), self.task(), self.node());
                let now = self.now;
                checked(&mut self.account, |account| {
                    let effects = account.assign(&job, &task, &node, now);
                    (effects.is_err(), effects.unwrap_or_default())
                });
            }
            b'H' => {
                let now = self.now;
                checked(&mut self.account, |account| ((), account.schedule(now)));
            }
            b'L' | b'l' | b'W' | b'Y' | b'y' | b'u' | b'e' | b'd' => self.change_pool(letter),
            b'I' => self.add_job_schedule(),
            b'i' => self.change_job_schedule(),
            b'O' | b'M' => self.change_node(letter),
            b'S' | b'F' | b's' | b'f' => {
                let report = self.next_report(letter);
                self.report(report);
            }
            b'r' => {
                let ago = usize::from(self.number());
                if let Some(report) = self.reports.iter().rev().nth(ago).cloned() {
                    self.report(report);
                }
            }
            b'V' => self.happen(),
            b'C' => {
                let steps = [0, 1, 2, 5, 10, 30, 59, 60, 61, 600, 899, 900, 901, 3600, 86400, 604_800];
                self.now = shifted(self.now, steps[usize::from(self.number())]);
            }
            b'B' => self.now = shifted(self.now, -i64::from(self.number()) * 45),
            b'.' => tick(&mut self.account, self.now),
            _ => {}
        }
    }

    fn happen(&mut self) {
        let events = [
            NodeEvent::Rebooted,
            NodeEvent::Reimaged,
            NodeEvent::Removed,
            NodeEvent::Preempted,
            NodeEvent::Lost,
            NodeEvent::Unusable,
            NodeEvent::Returned,
            NodeEvent::Deallocated,
            NodeEvent::Started,
            NodeEvent::Removed,
        ];
        let (node, event) = (self.node(), events[usize::from(self.number() % 10)]);
        let now = self.now;
        checked(&mut self.account, |account| ((), account.node_event(&node, event, now)));
    }

    fn schedule(&mut self) -> &'static str {
        // One of them under two spellings, and one that a job may have too (L9).
        ["nightly", "weekly", "Nightly", "film"][usize::from(self.number() & 3)]
    }

    fn times(&mut self) -> String {
        let how = usize::from(self.number());
        let interval = ["", r#","recurrenceInterval":"PT1H""#, r#","recurrenceInterval":"PT1M""#][how % 3];
        let window = ["", r#","startWindow":"PT10M""#][how & 1];
        let after = if how == 15 { r#","doNotRunAfter":"2026-02-11""# } else { "" };
        format!("{{{}}}", [interval, window, after].concat().trim_start_matches(','))
    }

    fn add_job_schedule(&mut self) {
        let (id, times, parts) = (self.schedule(), self.times(), self.number());
        let ends = ["noaction", "terminatejob"][usize::from(parts & 1)];
        let manager = match parts & 2 {
            0 => "",
            _ => r#","jobManagerTask":{"id":"manager","commandLine":"x"}"#,
        };
        // As with jobs that are added directly, tasks with dependencies are accepted.
        let pool = r#""poolInfo":{"poolId":"studio"},"usesTaskDependencies":true"#;
        let job = format!(r#"{{{pool},"onAllTasksComplete":"{ends}"{manager}}}"#);
        let body = format!(r#"{{"id":"{id}","schedule":{times},"jobSpecification":{job}}}"#);
        self.send("POST", "/jobschedules", "", &body);
    }

    fn change_job_schedule(&mut self) {
        let (id, what, how) = (self.schedule(), self.number(), self.number());
        let path = format!("/jobschedules/{id}");
        let query = ["", "&force=true"][usize::from(how & 1)];
        match what % 8 {
            0 | 1 => self.send("POST", &format!("{path}/disable"), "", ""),
            2 | 3 => self.send("POST", &format!("{path}/enable"), "", ""),
            4 => self.send("POST", &format!("{path}/terminate"), query, ""),
            5 => self.send("DELETE", &path, query, ""),
            6 => self.send("GET", &format!("{path}/jobs"), "", ""),
            _ => {
                let times = self.times();
                self.send("PATCH", &path, "", &format!(r#"{{"schedule":{times}}}"#));
            }
        }
        self.send("GET", &path, "", "");
    }

    fn add_job(&mut self, over_rest: bool) {
        let (id, parts, limits) = (self.job(), self.number(), self.number());
        let preparation = parts & 1 != 0;
        let release = parts & 3 == 3;
        let manager = parts & 4 != 0;
        let (performs, terminates) = (limits & 1 != 0, limits & 2 != 0);
        // A user cannot add a job under an id that only schedules give.
        if over_rest && id.schedule().is_none() {
            let mut body =
                format!(r#"{{"id":"{id}","poolInfo":{{"poolId":"studio"}},"usesTaskDependencies":true"#);
            let extras = [
                (preparation, r#","jobPreparationTask":{"commandLine":"p"}"#),
                (release, r#","jobReleaseTask":{"commandLine":"r","maxWallClockTime":"PT5M"}"#),
                (manager, r#","jobManagerTask":{"id":"manager","commandLine":"m"}"#),
                (performs, r#","onTaskFailure":"performexitoptionsjobaction""#),
                (terminates, r#","onAllTasksComplete":"terminatejob""#),
                (limits & 4 != 0, r#","constraints":{"maxWallClockTime":"PT10M","maxTaskRetryCount":1}"#),
                (limits & 8 != 0, r#","maxParallelTasks":1"#),
            ];
            body.extend(extras.iter().filter(|(wanted, _)| *wanted).map(|(_, text)| *text));
            return self.send("POST", "/jobs", "", &(body + "}"));
        }
        let mut specification = JobSpecification::new(id);
        specification.template.uses_task_dependencies = true;
        specification.template.preparation = preparation.then(|| JobPreparationTask {
            wait_for_success: parts & 8 == 0,
            rerun_on_node_reboot_after_success: limits & 8 == 0,
            constraints: RequestedConstraints::default().resolve(RetryLimit::Times(u32::from(limits & 1))),
            ..JobPreparationTask::new("jobpreparation".parse().expect("an id"))
        });
        specification.template.release =
            release.then(|| JobReleaseTask::new("jobrelease".parse().expect("an id")));
        specification.template.manager = manager.then(|| JobManagerTask {
            kill_job_on_completion: parts & 8 == 0,
            ..JobManagerTask::new("manager".parse().expect("an id"))
        });
        if performs {
            specification.template.on_task_failure = OnTaskFailure::PerformExitOptionsJobAction;
        }
        let mut settings = JobSettings::new(pool(false));
        if terminates {
            settings.on_all_tasks_complete = OnAllTasksComplete::TerminateJob;
        }
        if limits & 4 != 0 {
            settings.constraints = JobConstraints {
                max_wall_clock_time: TimeSpan::from_secs(600),
                max_task_retry_count: RetryLimit::Times(1),
            };
        }
        settings.max_parallel_tasks =
            if limits & 8 == 0 { ParallelLimit::Unlimited } else { ParallelLimit::AtMost(1) };
        let received = self.now;
        let command =
            AddJob { specification: Arc::new(specification), settings: Arc::new(settings), received };
        self.ask(|account, now| account.add_job(&command, now));
    }

    fn add_task(&mut self, over_rest: bool) {
        let (job, id, parts) = (self.job(), self.task(), self.number());
        let depends = parts & 3;
        if over_rest {
            let depends = [
                "",
                r#","dependsOn":{"taskIds":["2"]}"#,
                r#","dependsOn":{"taskIdRanges":[{"start":1,"end":2}]}"#,
                "",
            ];
            let mut body = format!(r#"{{"id":"{id}","commandLine":"c"{}"#, depends[usize::from(parts & 3)]);
            body += if parts & 4 == 0 { "" } else { r#","requiredSlots":2"# };
            body += if parts & 8 == 0 {
                ""
            } else {
                r#","constraints":{"maxTaskRetryCount":2,"maxWallClockTime":"PT1M"}"#
            };
            return self.send("POST", &format!("/jobs/{job}/tasks"), "", &(body + "}"));
        }
        let required_slots = if parts & 4 == 0 { 1 } else { 3 };
        let mut specification = TaskSpecification { required_slots, ..TaskSpecification::default() };
        specification.depends_on = match depends {
            1 => Some(Dependencies { task_ids: vec!["2".parse().expect("an id")], ranges: Vec::new() }),
            2 => Some(Dependencies {
                task_ids: Vec::new(),
                ranges: vec![TaskIdRange { start: 0, end: u32::MAX }],
            }),
            _ => None,
        };
        specification.exit_conditions = (depends == 3).then(|| {
            let options = |action| ExitOptions { job_action: Some(action), dependency_action: None };
            ExitConditions {
                exit_codes: vec![ExitCodeRange { start: 1, end: 1, options: options(JobAction::Terminate) }],
                exit_code_ranges: vec![ExitCodeRange {
                    start: 2,
                    end: 9,
                    options: options(JobAction::Disable),
                }],
                pre_processing_error: None,
                file_upload_error: Some(options(JobAction::Disable)),
                default: Some(options(JobAction::None)),
            }
        });
        let mut constraints = RequestedConstraints::default();
        if parts & 8 != 0 {
            constraints.max_wall_clock_time = TimeSpan::from_secs(60);
            constraints.max_task_retry_count = Some(RetryLimit::Times(2));
        }
        let specification = Arc::new(specification);
        let command = AddTask { specification, constraints, ..AddTask::new(id) };
        self.ask(|account, now| account.add_task(&job, &command, now));
    }

    fn update_job(&mut self) {
        let (job, how) = (self.job(), self.number());
        let mut settings = JobSettings::new(pool(how & 3 == 3));
        if how & 3 == 1 {
            settings.on_all_tasks_complete = OnAllTasksComplete::TerminateJob;
        }
        let change = if how & 3 == 2 {
            let constraints =
                JobConstraints { max_wall_clock_time: TimeSpan::from_secs(60), ..JobConstraints::default() };
            JobChange::Patch(JobPatch { constraints: Some(constraints), ..JobPatch::default() })
        } else {
            JobChange::Replace(settings)
        };
        let command = UpdateJob { change, preconditions: self.preconditions(how) };
        self.ask(|account, now| account.update_job(&job, &command, now));
    }

    fn change_task(&mut self, letter: u8) {
        let (job, task, how) = (self.job(), self.task(), self.number());
        let preconditions = self.preconditions(how);
        self.ask(|account, now| match letter {
            b'K' => account.terminate_task(&job, &task, &TerminateTask { preconditions }, now),
            b'R' => account.reactivate_task(&job, &task, &ReactivateTask { preconditions }, now),
            b'Z' => account.delete_task(&job, &task, &DeleteTask { preconditions }, now),
            _ => {
                let mut constraints = RequestedConstraints::default();
                if how & 1 != 0 {
                    constraints.max_wall_clock_time = TimeSpan::from_secs(30);
                    constraints.max_task_retry_count = Some(RetryLimit::Unlimited);
                }
                account.update_task(&job, &task, &UpdateTask { constraints, preconditions }, now)
            }
        });
    }

    fn change_pool(&mut self, letter: u8) {
        let (pool, how, more) = (pool(self.number() & 1 != 0), self.number(), self.number());
        let (target, preconditions) = (u32::from(more & 3), self.preconditions(more));
        match letter {
            b'L' => {
                let specification = PoolSpecification {
                    id: pool,
                    task_slots_per_node: u32::from(how & 3) + 1,
                    node_fill_type: if how & 4 == 0 { NodeFillType::Spread } else { NodeFillType::Pack },
                    other: Properties::new(),
                };
                let target = NodeCounts { dedicated: target, low_priority: u32::from(how >> 3) };
                let command = AddPool { specification: Arc::new(specification), target, auto_scale: None };
                self.ask(|account, now| account.add_pool(&command, now));
            }
            b'l' => {
                let (dedicated, tasks) = (Some(target), tasks(how));
                let low_priority = (how & 8 != 0).then_some(0);
                let command =
                    ResizePool { dedicated, low_priority, tasks, preconditions, ..ResizePool::default() };
                self.ask(|account, now| account.resize_pool(&pool, &command, now));
            }
            b'W' => {
                let nodes = vec![self.node(), self.node()];
                let command =
                    RemoveNodes { nodes, tasks: tasks(how), preconditions, ..RemoveNodes::default() };
                self.ask(|account, now| account.remove_nodes(&pool, &command, now));
            }
            b'y' => self.ask(|account, now| account.stop_resize(&pool, &StopResize { preconditions }, now)),
            b'e' => {
                let formula = [
                    "$TargetDedicatedNodes = min(3, $PendingTasks.GetSample(1));",
                    "$TargetDedicatedNodes = $CurrentDedicatedNodes < 2 ? 3 : 1;",
                    "$TargetLowPriorityNodes = 1; $NodeDeallocationOption = taskcompletion;",
                    "x = $RunningTasks.GetSample(TimeInterval_Hour, 50);",
                ];
                let formula = Some(formula[usize::from(how & 3)].parse().expect("a formula"));
                let command = EnableAutoScale { formula, preconditions, ..EnableAutoScale::default() };
                self.ask(|account, now| account.enable_auto_scale(&pool, &command, now));
            }
            b'd' => self.ask(|account, now| account.disable_auto_scale(&pool, now)),
            b'u' => {
                let task_slots_per_node = (how & 8 != 0).then_some(u32::from(how & 3) + 1);
                let command = UpdatePool { task_slots_per_node, preconditions, ..UpdatePool::default() };
                self.ask(|account, now| account.update_pool(&pool, &command, now));
            }
            _ => self.ask(|account, now| account.delete_pool(&pool, &DeletePool { preconditions }, now)),
        }
    }

    fn change_node(&mut self, letter: u8) {
        let (pool, node, what) = (pool(self.number() & 1 != 0), self.node(), self.number());
        let change = if letter == b'O' {
            let tasks = tasks(self.number());
            match what & 3 {
                0 => ChangeNode::Reboot(tasks),
                1 => ChangeNode::Reimage(tasks),
                2 => ChangeNode::Deallocate(tasks),
                _ => ChangeNode::Start,
            }
        } else if what & 8 == 0 {
            ChangeNode::DisableScheduling(tasks(what))
        } else if what & 4 == 0 {
            ChangeNode::EnableScheduling
        } else {
            return self.change_user(&pool, &node, what);
        };
        self.ask(|account, now| account.change_node(&pool, &node, change, now));
    }

    fn change_user(&mut self, pool: &PoolId, node: &NodeId, what: u8) {
        let how = self.number();
        let name: UserName = if what & 1 == 0 { "ada" } else { "eve" }.parse().expect("a user name");
        let access = UserAccess { password: Some(Password::new("secret")), ..UserAccess::default() };
        match how & 3 {
            0 => self.ask(|account, _| account.delete_node_user(pool, node, name)),
            1 => self.ask(|account, now| account.update_node_user(pool, node, name, access, now)),
            _ => self.ask(|account, now| account.add_node_user(pool, node, name, how & 4 != 0, access, now)),
        }
    }

    fn next_report(&mut self, letter: u8) -> Report {
        let (job, node, what, how) = (self.job(), self.node(), self.number(), self.number());
        let unit = match what {
            0 => Unit::Preparation,
            1 => Unit::Release,
            _ => {
                let id = ["1", "2", "three", "THREE", "manager", "7", "1"][usize::from(what - 2) % 7];
                Unit::Task(id.parse().expect("an id"))
            }
        };
        let error = || NodeError { code: "BlobNotFound".into(), message: "It is not there".into() };
        let event = match (matches!(letter, b'F' | b'f'), how) {
            (false, _) => ReportEvent::Started,
            (true, 10) => ReportEvent::Ended(Ended::default()),
            (true, 11) => {
                let failure = Some(NodeFailure::PreProcessing(error()));
                ReportEvent::Ended(Ended { exit_code: None, failure })
            }
            (true, 12) => {
                let failure = Some(NodeFailure::FileUpload(error()));
                ReportEvent::Ended(Ended { exit_code: Some(0), failure })
            }
            (true, code) => ReportEvent::Ended(Ended::with_exit_code(code.into())),
        };
        // No run has the number 0.
        let current = self.account.current_run(&job, &node, &unit).map_or(0, |run| run.number);
        let number = if matches!(letter, b's' | b'f') { current.wrapping_sub(1) } else { current };
        Report { run: RunId { job, node, unit, number }, event }
    }

    /// A node reports something. What is not about the run that it has changes nothing (E10).
    fn report(&mut self, report: Report) {
        let (now, run) = (self.now, &report.run);
        let is_current =
            self.account.current_run(&run.job, &run.node, &run.unit).is_some_and(|current| current == *run);
        let ((), effects) = checked(&mut self.account, |account| ((), account.report(&report, now)));
        assert!(is_current || effects.is_empty(), "E10: {report} led to {effects:?}");
        self.reports.push(report);
    }

    /// However the story went, force brings every job to its end whatever the nodes do (I7), and once
    /// the nodes are gone, a deletion leaves nothing.
    fn end(mut self) {
        let latest = self.account.jobs().map(|job| job.stamps().modified().max(job.stamps().entered())).max();
        self.now = self.now.max(latest.unwrap_or(self.now));
        let schedules: Vec<JobScheduleId> =
            self.account.job_schedules().map(|schedule| schedule.id().clone()).collect();
        for schedule in &schedules {
            let force = Some(self.account.force_timeout());
            let command = TerminateJobSchedule { force, ..TerminateJobSchedule::default() };
            self.ask(|account, now| account.terminate_job_schedule(schedule, &command, now));
        }
        let jobs: Vec<JobId> = self.account.jobs().map(|job| job.id().clone()).collect();
        for job in &jobs {
            let command =
                TerminateJob { force: Some(self.account.force_timeout()), ..TerminateJob::by_user() };
            self.ask(|account, now| account.terminate_job(job, &command, now));
        }
        // The clock may have run back, and stamps do not (T5): the waiting counts from the stamps.
        let latest = self.account.jobs().map(|job| job.stamps().modified().max(job.stamps().entered())).max();
        self.now = self.now.max(latest.unwrap_or(self.now)).saturating_add(self.account.force_timeout());
        tick(&mut self.account, self.now);
        for job in self.account.jobs() {
            let ended = matches!(job.state().name(), JobStateName::Completed | JobStateName::Deleting);
            assert!(ended, "I7: {} is {:?}", job.id(), job.state());
        }
        let nodes: Vec<NodeId> = self.account.nodes().map(|node| node.id().clone()).collect();
        let now = self.now;
        for node in &nodes {
            checked(&mut self.account, |account| ((), account.node_event(node, NodeEvent::Removed, now)));
        }
        for job in &jobs {
            self.ask(|account, now| account.delete_job(job, &DeleteJob::default(), now));
        }
        for schedule in &schedules {
            let command = DeleteJobSchedule::default();
            self.ask(|account, now| account.delete_job_schedule(schedule, &command, now));
        }
        for pool in [pool(false), pool(true)] {
            self.ask(|account, now| account.delete_pool(&pool, &DeletePool::default(), now));
        }
        tick(&mut self.account, now);
        // The numbers of the runs of jobs that are gone are all that is left.
        let account = &self.account;
        let jobs = account.jobs().count() + account.job_schedules().count();
        assert_eq!(jobs + account.pools().count() + account.nodes().count(), 0, "G2, L5");
        assert_eq!((account.deadline(), account.outstanding()), (None, Vec::new()), "G2");
    }
}

fn pool(other: bool) -> PoolId {
    if other { "attic" } else { "studio" }.parse().expect("an id")
}

fn tasks(how: u8) -> NodeTasks {
    let all = [NodeTasks::Requeue, NodeTasks::Terminate, NodeTasks::TaskCompletion, NodeTasks::RetainedData];
    all[usize::from(how & 3)]
}
