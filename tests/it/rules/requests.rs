//! What each request does in each state of a job.

use azbatch::job::{DisableTasks, JobRequest, JobState, Living};

use super::{World, plain, s};

/// A job in a state, with a task `waits` that is active and one `failed` that is completed.
pub(super) fn in_state(state: &str) -> World {
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

pub(super) fn send(world: &mut World, request: &str) -> String {
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
pub(super) fn table() -> Vec<Vec<&'static str>> {
    let lines = include_str!("../../../src/evidence.md").lines();
    let rows =
        lines.skip_while(|line| !line.starts_with("| request ")).take_while(|line| line.starts_with('|'));
    let cell = |cell: &'static str| cell.rsplit_once("</a>").map_or(cell, |(_, text)| text).trim();
    rows.map(|row| row.trim_matches('|').split('|').map(cell).collect()).collect()
}

/// R-*-*: what each state answers to each request, except `enabling`, which no request leads to.
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
fn disabling_twice_changes_only_the_etag_and_enabling_an_active_job_nothing() {
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

/// R-*-*: the job does not exist.
#[test]
fn a_job_that_does_not_exist_answers_404_but_to_its_creation() {
    for row in &table()[2..] {
        let expected = if row[0] == "add-job" { "JobAdded" } else { "404 JobNotFound" };
        assert_eq!(send(&mut World::empty(), row[0]), expected, "{}", row[0]);
    }
}

/// R-enable-enabling, R-disable-enabling: no request leads to `enabling`, but a stored job can be in it.
#[test]
fn a_job_that_is_being_enabled_is_neither_enabled_nor_disabled() {
    let state = JobState::Living(Living::Enabling);
    for request in [JobRequest::Enable, JobRequest::Disable] {
        let refused = state.allows(request).unwrap_err();
        assert_eq!((refused.code.status(), refused.code.as_str()), (409, "JobNotActive"), "{request:?}");
    }
    for request in [JobRequest::Update, JobRequest::AddTask, JobRequest::Terminate { force: false }] {
        assert_eq!(state.allows(request), Ok(()), "{request:?}");
    }
}
