//! Termination: E1 to E11.

use std::collections::BTreeSet;

use azbatch::{
    Effect, Instruction, Report, RunId, TimeSpan,
    job::{DisableTasks, Ended, NodeRunState, RunOutcome, TerminateJob, TerminateReason, Unit},
    node::NodeEvent,
    task::{NodeError, NodeFailure, RetryLimit},
};
use serde_json::{Value, json};

use super::{World, before, plain, prepared, refusal, s, with_pool};
use crate::world::{World as RestWorld, brief as brief_all, id, secs};

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
fn a_reason_in_the_body_is_kept_exactly() {
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

/// E3, E10: the task's own run was never started nor told to stop, so its report changes nothing.
#[test]
fn a_preparing_task_of_an_ending_job_does_not_end_before_its_preparation() {
    let mut world = World::new(prepared);
    world.add("a");
    world.assign("a", "n1");
    world.terminate();
    for report in ["task a started", "task a ended 0", "task a ended"] {
        assert_eq!(world.say("n1", report), "", "{report}");
    }
    assert_eq!(world.task_state("a"), "preparing");
    assert_eq!(world.say("n1", "preparation ended 1"), "PreparationEnded n1, TaskCompleted a n1");
    assert_eq!(world.end("a"), (None, Some("TaskEnded")));
}

/// E4, I2
#[test]
fn active_tasks_never_change() {
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

/// E6: at the first tick at or after its limit, not before.
#[test]
fn the_time_limit_of_a_release_counts_from_its_start() {
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

/// E6: a longer limit is refused.
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

/// E9: starting one second after the termination.
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

/// E9: after the force deadline too, until a tick completes the job.
#[test]
fn the_scheduling_error_stays_until_the_end() {
    let mut world = with_pool(1);
    world.run("job", "t", "tvm-1");
    world.send("POST /jobs/job/terminate?force=true", "");
    world.later(3600);
    let error = "/executionInfo/schedulingError/code";
    assert_eq!(world.value("/jobs/job", error), "JobTerminationAwaitingNodeProcessing");
    world.tick();
    assert!(world.value("/jobs/job", error).is_null());
}

/// E10: it accepts and starts no tasks.
#[test]
fn a_terminating_job_takes_and_starts_no_tasks() {
    let mut world = World::new(plain);
    world.add("a");
    world.terminate();
    assert_eq!(world.add("b"), "409 JobBeingTerminated");
    assert_eq!(world.assign("a", "n1"), "JobNotActive");
}

/// E10: reports that change nothing.
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

/// E10, K3: the node rebooted, so that the first run is over although its task waits for the same node.
#[test]
fn a_late_report_does_not_end_a_task_that_is_preparing() {
    let mut world = World::new(prepared);
    let unit = Unit::Task(id("a"));
    world.add("a");
    world.assign("a", "n1");
    world.say("n1", "preparation ended 0");
    let first = world.run_of("n1", &unit);
    world.node("n1", NodeEvent::Rebooted);
    assert_eq!(world.assign("a", "n1"), "TaskPreparing a n1, RunPreparation n1");
    assert_ne!(world.run_of("n1", &unit), first);
    for exit_code in [0, 1] {
        assert_eq!(world.tell(&first.ended(Ended::with_exit_code(exit_code))), "");
        assert_eq!(world.say("n1", &format!("task a ended {exit_code}")), "");
    }
    // As the answer to a stop, the report of the run that was stopped counts and no other (K6).
    world.terminate_task("a");
    assert_eq!(world.tell(&first.ended(Ended::with_exit_code(0))), "");
    assert_eq!(world.say("n1", "task a ended 0"), "TaskCompleted a n1");
}

/// A node that follows its instructions exactly: it starts a run once, it stops the run that it is told to stop
/// and no other, and it answers every stop, even of a run that it does not have.
#[derive(Default)]
struct ModelNode {
    runs: BTreeSet<RunId>,
    /// What it must not start any more.
    over: BTreeSet<RunId>,
}

impl ModelNode {
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
            Instruction::AddNodes { .. } | Instruction::AddPool { .. } | Instruction::Act { .. } => None,
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
    /// Delivers an instruction to a node, and returns what followed from its answer.
    fn deliver(&mut self, node: &mut ModelNode, instruction: &Instruction) -> String {
        node.obey(instruction).map(|report| self.tell(&report)).unwrap_or_default()
    }

    /// Delivers the latest instruction, from whose answer this must follow.
    fn deliver_latest(&mut self, node: &mut ModelNode, told: &str) -> Instruction {
        let instruction = self.latest();
        assert_eq!(self.deliver(node, &instruction), told, "{instruction}");
        instruction
    }

    /// Instructions about runs that are over come again, and so do reports about those runs. Nothing
    /// changes, and the run that the latest `Run` started continues.
    fn comes_late(&mut self, node: &mut ModelNode, late: &[&Instruction]) {
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

/// E10, G1: a job is disabled and enabled, and its task is assigned to the same node again. The stop of the first
/// run, which is delivered again, does not affect the second run.
#[test]
fn a_repeated_stop_leaves_the_next_run_alone() {
    for (ticks, stop_comes_first) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut world = World::new(plain);
        let mut node = ModelNode::default();
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
/// assigned to the node again before the preparation has ended.
#[test]
fn a_repeated_stop_of_a_preparing_task_leaves_its_next_run_alone() {
    let mut world = World::new(prepared);
    let mut node = ModelNode::default();
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
    let mut node = ModelNode::default();
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
    let mut node = ModelNode::default();
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

/// E10, E3, F1: the stop of a preparation, delivered again or late, concerns the deleted job, even if its
/// termination was forced and its node never answered.
#[test]
fn the_stop_of_a_preparation_leaves_a_later_job_of_the_same_id_alone() {
    for forced in [false, true] {
        let mut world = World::new(prepared);
        let mut node = ModelNode::default();
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
    let mut node = ModelNode::default();
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

/// E10: a repeated or late report does not end the next run.
#[test]
fn a_repeated_report_is_about_its_own_run() {
    let mut world = RestWorld::new();
    world.add_node("pool", "n");
    world.send("POST /jobs", json!({ "id": "job", "poolInfo": { "poolId": "pool" } }));
    let retried = json!({ "id": "t", "commandLine": "x", "constraints": { "maxTaskRetryCount": 1 } });
    world.send("POST /jobs/job/tasks", retried);
    for (number, came) in [(1, "TaskRetried t n"), (2, "TaskCompleted t n")] {
        let assigned = world.assign("job", "t", "n");
        let [Effect::Fact(_), Effect::Instruction(Instruction::Run(run))] = &assigned[..] else {
            panic!("{assigned:?}")
        };
        assert_eq!(run.number, number);
        let report = run.ended(Ended::with_exit_code(1));
        for other in [0, number - 1, number + 1] {
            let other = RunId { number: other, ..run.clone() }.ended(Ended::with_exit_code(1));
            assert_eq!(world.call(|account, now| account.report(&other, now)), [], "{other}");
        }
        assert_eq!(brief_all(&world.call(|account, now| account.report(&report, now))), [came]);
        assert_eq!(world.call(|account, now| account.report(&report, now)), []);
    }
}

/// E11, for every request with a later outcome.
#[test]
fn a_poller_never_sees_the_state_before_its_request() {
    let mut world = RestWorld::with_tasks(&["t"]);
    world.run("job", "t", "n1");
    for (line, body, target, pointer, first, last) in [
        (
            "POST /jobs/job/disable",
            "{\"disableTasks\":\"requeue\"}",
            "/jobs/job",
            "/state",
            "disabling",
            "disabled",
        ),
        ("POST /jobs/job/enable", "", "/jobs/job", "/state", "active", "active"),
        ("POST /jobs/job/terminate", "", "/jobs/job", "/state", "terminating", "completed"),
        ("DELETE /jobs/job", "", "/jobs/job", "/state", "deleting", ""),
    ] {
        let reply = world.send(line, body);
        assert_eq!(reply.told(), "202", "{line}");
        assert_eq!(world.value(target, pointer), first, "{line}");
        world.obey(reply.effects);
        if last.is_empty() {
            assert_eq!(world.get(target).told(), "404 JobNotFound");
        } else {
            assert_eq!(world.value(target, pointer), last, "{line}");
        }
    }
    let mut world = RestWorld::with_pool(2, 2, "spread");
    let node = "/pools/pool/nodes/tvm-1";
    for (request, first, last) in [
        ("reboot", "rebooting", "idle"),
        ("reimage", "reimaging", "idle"),
        ("deallocate", "deallocating", "deallocated"),
        ("start", "starting", "idle"),
    ] {
        let reply = world.send(&format!("POST {node}/{request}"), "");
        assert_eq!((reply.told(), world.state(node)), ("202".into(), first.into()), "{request}");
        world.obey(reply.effects);
        assert_eq!(world.state(node), last, "{request}");
    }
    for (line, body) in [
        ("POST /pools/pool/resize", json!({ "targetDedicatedNodes": 3 })),
        ("POST /pools/pool/resize", json!({ "targetDedicatedNodes": 2 })),
        ("POST /pools/pool/resize", json!({ "targetDedicatedNodes": 2 })),
        ("POST /pools/pool/removenodes", json!({ "nodeList": ["tvm-1"] })),
    ] {
        let reply = world.send(line, &body);
        assert_eq!(reply.told(), "202", "{body}");
        assert_eq!(world.value("/pools/pool", "/allocationState"), "resizing", "{body}");
        world.obey(reply.effects);
        assert_eq!(world.value("/pools/pool", "/allocationState"), "steady", "{body}");
    }
}
