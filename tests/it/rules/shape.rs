//! General rules: S1 to S4.

use azbatch::{
    Fact, NodeId,
    job::{DisableTasks, JobChange, JobConstraints, JobPatch},
    node::{ChangeNode, NodeEvent, NodeTasks},
    pool::{NodeFillType, RemoveNodes},
    task::AddTask,
};

use super::{World, dedicated, ends_by_itself, plain, prepared, refusal, s};
use crate::world::{id, secs};

/// S1: the service's own transitions happen at ticks, never at a request or report.
#[test]
fn the_services_own_transitions_happen_only_at_ticks() {
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

/// S1, X4: an automatic termination waits for a tick too.
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
fn a_tick_makes_at_most_one_state_transition() {
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
    let add = AddTask::new(id("Frame-1"));
    assert_eq!(
        world.call(|account, now| account.add_task(&id("FILM"), &add, now).map_err(refusal)),
        "TaskAdded"
    );
    let again = AddTask::new(id("frame-1"));
    let again = world.call(|account, now| account.add_task(&id("film"), &again, now).map_err(refusal));
    assert_eq!(again, "409 TaskExists");
    assert_eq!(world.account.job(&id("film")).unwrap().id().as_str(), "Film");
    assert_eq!(world.account.task(&id("film"), &id("FRAME-1")).unwrap().id().as_str(), "Frame-1");
    assert_eq!(world.shown("/jobs/fILM", "id"), "Film");
}

/// S4: effects name a node as it was added, not as a report or a request spells it.
#[test]
fn effects_keep_the_spelling_of_a_node() {
    let mut world = World::with_pool(dedicated(2), 1, NodeFillType::Spread);
    world.add_job("job", prepared);
    world.add("a");
    world.assign("a", "N1");
    for event in ["started", "ended 0"] {
        let mut report = world.report_of("n1", &format!("preparation {event}"));
        report.run.node = id("N1");
        assert!(world.tell(&report).contains(" n1"), "{event}");
    }
    for remove in [false, true] {
        let mut world = world.clone();
        if remove {
            let remove = RemoveNodes { nodes: vec![id("N1")], ..RemoveNodes::default() };
            let told = world.remove_nodes("pool", &remove);
            assert_eq!(told, "PoolResizing, NodeActionRequested n1, StopTask a n1");
        } else {
            let told = world.change_node("N1", ChangeNode::DisableScheduling(NodeTasks::Requeue));
            assert_eq!(told, "NodeSchedulingChanged n1, StopTask a n1");
        }
    }
}

/// S4: a node was removed and added again in another spelling.
#[test]
fn a_node_that_is_added_again_has_its_new_spelling() {
    let mut world = World::new(plain);
    world.add("a");
    world.assign("a", "n1");
    world.node("n1", NodeEvent::Removed);
    world.call(|account, now| Ok(account.add_unmanaged_node(&id("pool"), &id("N1"), 4, now).unwrap()));
    for event in [NodeEvent::Lost, NodeEvent::Returned] {
        let facts = world.facts.len();
        world.node("n1", event);
        let named = world.facts[facts..].iter().filter_map(Fact::node);
        assert_eq!(named.map(NodeId::as_str).collect::<Vec<_>>(), ["N1"; 2], "{event:?}");
    }
}
