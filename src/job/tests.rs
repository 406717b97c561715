//! The full grid of states and requests, as snapshots that were read before they were accepted.

use alloc::{
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use std::fmt::Write as _;

use super::*;
use crate::{
    BatchError, Preconditions, TaskId, TimeSpan, Timestamp,
    node::NodeFact,
    task::{AddTask, Placement, TaskFact},
};

/// What of a job is on its nodes when the request comes.
#[derive(Clone, Copy, Debug)]
enum Situation {
    NoTasks,
    OnlyActive,
    Running,
    Preparing,
    ReleaseOwed,
}

const SITUATIONS: [Situation; 5] = [
    Situation::NoTasks,
    Situation::OnlyActive,
    Situation::Running,
    Situation::Preparing,
    Situation::ReleaseOwed,
];

const STATES: [JobStateName; 7] = [
    JobStateName::Active,
    JobStateName::Disabling,
    JobStateName::Disabled,
    JobStateName::Enabling,
    JobStateName::Terminating,
    JobStateName::Completed,
    JobStateName::Deleting,
];

fn at(second: u64) -> Timestamp {
    Timestamp::parse_iso8601("2026-02-10T08:00:00Z").unwrap().saturating_add(TimeSpan::from_secs(second))
}

fn task_id(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

fn placement() -> Placement {
    Placement { pool: "pool".parse().unwrap(), node: "node".parse().unwrap() }
}

fn add_task(id: &str) -> AddTask {
    AddTask::new(task_id(id))
}

/// What the node has of this now.
fn run(job: &Job, unit: &Unit) -> RunId {
    job.current_run(&placement().node, unit).unwrap()
}

/// The node reports the start of a run.
fn started(job: &mut Job, unit: &Unit, second: u64) {
    let report = run(job, unit).started();
    assert_ne!(job.report(&report, at(second)), []);
}

/// The node reports that a run ended with exit code 0.
fn ended(job: &mut Job, unit: &Unit, second: u64) {
    let report = run(job, unit).ended(Ended::with_exit_code(0));
    assert_ne!(job.report(&report, at(second)), []);
}

/// An active job in this situation.
fn active(situation: Situation) -> Job {
    let mut specification = JobSpecification::new("job".parse().unwrap());
    specification.template.preparation = Some(JobPreparationTask::new(task_id("jobpreparation")));
    specification.template.release = Some(JobReleaseTask::new(task_id("jobrelease")));
    let settings = Arc::new(JobSettings::new(placement().pool));
    let command = AddJob { specification: Arc::new(specification), settings, received: at(0) };
    let (mut job, _) = Job::add(&command, at(0)).unwrap();
    let task = Unit::Task(task_id("runs"));
    match situation {
        Situation::NoTasks => {}
        Situation::OnlyActive => {
            job.add_task(&add_task("waits"), at(1)).unwrap();
        }
        Situation::Running | Situation::Preparing | Situation::ReleaseOwed => {
            job.add_task(&add_task("runs"), at(1)).unwrap();
            job.assign(&task_id("runs"), &placement(), at(2)).unwrap();
            started(&mut job, &Unit::Preparation, 3);
        }
    }
    match situation {
        Situation::NoTasks | Situation::OnlyActive | Situation::Preparing => {}
        Situation::Running | Situation::ReleaseOwed => {
            ended(&mut job, &Unit::Preparation, 4);
            started(&mut job, &task, 5);
        }
    }
    if let Situation::ReleaseOwed = situation {
        ended(&mut job, &task, 6);
    }
    job
}

/// The job in this state, still in the situation; `None` where the two cannot be together.
fn in_state(state: JobStateName, situation: Situation) -> Option<Job> {
    let mut job = active(situation);
    let busy = job.task_counts().running > 0;
    match state {
        JobStateName::Active => {}
        JobStateName::Disabling | JobStateName::Disabled => {
            let disable =
                DisableJob { disable_tasks: DisableTasks::Wait, preconditions: Preconditions::None };
            job.disable(&disable, at(10)).unwrap();
            if state == JobStateName::Disabled {
                drop(job.tick(at(11)));
            }
        }
        // No request leads there, so the state is set by hand.
        JobStateName::Enabling => job.state = JobState::Living(Living::Enabling),
        JobStateName::Terminating => drop(job.terminate(&TerminateJob::by_user(), at(10)).unwrap()),
        JobStateName::Completed => {
            job.terminate(&TerminateJob::by_user(), at(10)).unwrap();
            if busy || matches!(situation, Situation::ReleaseOwed) {
                return None;
            }
            drop(job.tick(at(11)));
        }
        JobStateName::Deleting => drop(job.delete(&DeleteJob::default(), at(10)).unwrap()),
    }
    job.check().unwrap();
    (job.state().name() == state).then_some(job)
}

/// The effects by name; those that add or stop a task with its id.
///
/// Five facts are left out, because the instruction that follows each of them says the same:
/// `TaskStopping`, `PreparationIssued`, `PreparationStopping`, `ReleaseIssued` and `NodeActionIssued`.
fn brief(effects: &[Effect]) -> String {
    let told: Vec<String> =
        effects.iter().filter(|effect| !announces_instruction(effect)).map(one_brief).collect();
    told.join(", ")
}

fn one_brief(effect: &Effect) -> String {
    match effect {
        Effect::Fact(Fact::Task(_, task, TaskFact::Added { .. }))
        | Effect::Instruction(Instruction::Stop { run: RunId { unit: Unit::Task(task), .. }, .. }) => {
            format!("{}({task})", effect.name())
        }
        Effect::Fact(_) | Effect::Instruction(_) => effect.name().to_string(),
    }
}

/// Whether an effect is a fact that the instruction after it repeats.
fn announces_instruction(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Fact(
            Fact::Task(_, _, TaskFact::Stopping { .. })
                | Fact::JobNode(
                    _,
                    _,
                    JobNodeFact::PreparationIssued { .. }
                        | JobNodeFact::PreparationStopping
                        | JobNodeFact::ReleaseIssued { .. }
                )
                | Fact::Node(_, NodeFact::ActionIssued { .. })
        )
    )
}

fn outcome(job: &Job, result: Result<Vec<Effect>, BatchError>) -> String {
    match result {
        Err(error) => format!("{} {}", error.code.status(), error.code),
        Ok(effects) => format!("{} <- {}", job.state().name(), brief(&effects)),
    }
}

/// A request by its name.
type Named<'a> = (&'a str, &'a dyn Fn(&mut Job) -> Result<Vec<Effect>, BatchError>);

fn grid(requests: &[Named<'_>]) -> String {
    let mut lines = String::new();
    for state in STATES {
        for situation in SITUATIONS {
            for (name, request) in requests {
                let line = match in_state(state, situation) {
                    None => "cannot be".to_string(),
                    Some(old) => {
                        let mut job = old.clone();
                        let result = request(&mut job);
                        assert!(result.is_ok() || job == old, "a refused request changed the job (I4)");
                        outcome(&job, result)
                    }
                };
                let situation = format!("{situation:?}");
                writeln!(lines, "{:<12}{situation:<13}{name:<20}{line}", state.as_str()).unwrap();
            }
        }
    }
    lines
}

#[test]
fn every_state_and_situation_answers_terminate() {
    let forced = TerminateJob { force: Some(DEFAULT_FORCE_TIMEOUT), ..TerminateJob::by_user() };
    insta::assert_snapshot!(grid(&[
        ("terminate", &|job| job.terminate(&TerminateJob::by_user(), at(20))),
        ("terminate, force", &|job| job.terminate(&forced, at(20))),
    ]));
}

#[test]
fn every_state_and_situation_answers_add_task() {
    insta::assert_snapshot!(grid(&[("add task", &|job| job.add_task(&add_task("new"), at(20)))]));
}

/// A job in each state, in the order of the tables' columns.
fn one_of_each() -> Vec<(JobStateName, Job)> {
    let job = |state| in_state(state, Situation::OnlyActive).unwrap_or_else(|| panic!("{state:?}"));
    STATES.into_iter().map(|state| (state, job(state))).collect()
}

/// The cells of the rows of a Markdown table that begins with a row of these headings, without the
/// anchors that links lead to.
fn table<'a>(text: &'a str, headings: &str) -> Vec<Vec<&'a str>> {
    let start = text.find(headings).unwrap_or_else(|| panic!("no table under {headings}"));
    let rows = text[start..].lines().take_while(|line| line.starts_with('|')).skip(2);
    let cell = |cell: &'a str| cell.rsplit_once("</a>").map_or(cell, |(_, text)| text).trim();
    rows.map(|row| row.trim_matches('|').split('|').map(cell).collect()).collect()
}

fn request(name: &str) -> JobRequest {
    match name {
        "terminate" => JobRequest::Terminate { force: false },
        "terminate-force" => JobRequest::Terminate { force: true },
        "disable" => JobRequest::Disable,
        "enable" => JobRequest::Enable,
        "update" => JobRequest::Update,
        "delete" => JobRequest::Delete,
        "add-task" => JobRequest::AddTask,
        "add-job" => JobRequest::AddJob,
        "get" => JobRequest::Get,
        "update-task" => JobRequest::UpdateTask,
        "terminate-task" => JobRequest::TerminateTask,
        "reactivate-task" => JobRequest::ReactivateTask,
        "delete-task" => JobRequest::DeleteTask,
        other => panic!("an unknown request: {other}"),
    }
}

/// R-*-*: the table of the rules is the table of the code.
#[test]
fn the_evidence_has_the_table_of_the_code() {
    let rows = table(include_str!("../evidence.md"), "| request | active |");
    assert_eq!(rows.len(), JobRequest::ALL.len());
    for row in rows {
        for ((state, job), cell) in one_of_each().iter().zip(&row[1..]) {
            let (expected, _kind) = cell.split_once(' ').unwrap();
            let came = job.allows(request(row[0])).map_or_else(|error| error.code.as_str(), |()| "ok");
            assert_eq!(came, expected, "{} on a job that is {}", row[0], state.as_str());
        }
    }
}

/// The guide's table is the table of the code; the statuses of acceptance are `rest`'s.
#[test]
fn the_guide_has_the_table_of_the_code() {
    let rows = table(include_str!("../guide.md"), "| request | active |");
    assert!(rows.len() >= 4);
    for row in rows {
        for ((state, job), cell) in one_of_each().iter().zip(&row[1..]) {
            let came = job.allows(request(&row[0].replace(' ', "-")));
            let came =
                came.map_or_else(|error| format!("{} {}", error.code.status(), error.code), |()| "20".into());
            assert!(
                cell.starts_with(&came),
                "{} on a job that is {}: {cell}, {came}",
                row[0],
                state.as_str()
            );
        }
    }
}
