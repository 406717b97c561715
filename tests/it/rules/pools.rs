//! Pools and scheduling: P1 to P8.

use azbatch::{
    ETag, Instruction,
    job::JobManagerTask,
    node::{ChangeNode, NodeEvent, NodeTasks},
    pool::{AllocationState, NodeCounts, NodeFillType, PoolState, RemoveNodes, ResizePool},
    task::TaskSpecification,
};
use serde_json::json;

use super::{World, dedicated, manager, plain, prepared, s};
use crate::world::{URL, World as RestWorld, brief as brief_all, id, secs};

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

/// P3: idle nodes first, then those with the fewest tasks; among equals, the last by id.
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

/// P4: by id, case-insensitively, whatever the order of their creation.
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

/// P6, T5: a pool's ETags do not repeat if the clock stops or runs backwards.
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

/// P2: a growing pool that loses a node asks for another; too many nodes also make it steady.
#[test]
fn a_growing_pool_becomes_steady() {
    let mut world = RestWorld::new();
    world.send("POST /pools", json!({ "id": "pool", "vmSize": "small", "targetDedicatedNodes": 2 }));
    world.add_node("pool", "one");
    assert_eq!(brief_all(&world.node("one", NodeEvent::Removed)), ["NodeRemoved one", "AddNodes"]);
    for node in ["two", "three", "four"] {
        world.add_node("pool", node);
    }
    world.tick();
    assert_eq!(world.value("/pools/pool", "/allocationState"), "steady");
}

/// P8, Q7
#[test]
fn nodes_are_counted_by_state() {
    let mut world = RestWorld::new();
    let pool = r#"{"id":"p","vmSize":"small","targetDedicatedNodes":3,"targetLowPriorityNodes":1}"#;
    let added = world.send("POST /pools", pool);
    world.obey(added.effects);
    assert_eq!(world.send("POST /jobs", r#"{"id":"j","poolInfo":{"poolId":"p"}}"#).told(), "201");
    assert_eq!(world.send("POST /jobs/j/tasks", r#"{"id":"t","commandLine":"c"}"#).told(), "201");
    let nodes = world.shown("/pools/p/nodes")["value"].clone();
    let dedicated: Vec<&str> = nodes
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["isDedicated"] == true)
        .map(|node| node["id"].as_str().unwrap())
        .collect();
    world.run("j", "t", dedicated[0]);
    world.node(dedicated[1], NodeEvent::Lost);

    let shown = world.shown("/nodecounts");
    assert_eq!(shown["odata.metadata"], format!("{URL}/$metadata#poolnodecounts"));
    let zero = json!({
        "creating": 0, "idle": 0, "offline": 0, "preempted": 0, "rebooting": 0, "reimaging": 0, "running": 0,
        "starting": 0, "startTaskFailed": 0, "leavingPool": 0, "unknown": 0, "unusable": 0,
        "waitingForStartTask": 0, "deallocated": 0, "deallocating": 0, "total": 0, "upgradingOS": 0,
    });
    let (mut expected, mut low) = (zero.clone(), zero.clone());
    for state in ["idle", "running", "unknown"] {
        expected[state] = json!(1);
    }
    expected["total"] = json!(3);
    low["idle"] = json!(1);
    low["total"] = json!(1);
    assert_eq!(shown["value"], json!([{ "poolId": "p", "dedicated": expected, "lowPriority": low }]));

    for number in 0..10 {
        let pool = json!({ "id": format!("q{number}"), "vmSize": "small" });
        assert_eq!(world.send("POST /pools", pool).told(), "201");
    }
    let first = world.get("/nodecounts");
    assert_eq!(first.json()["value"].as_array().unwrap().len(), 10, "a page has ten pools");
    let next = world.get(&first.next().unwrap());
    assert_eq!(next.json()["value"][0]["poolId"], "q9");
    assert_eq!(next.next(), None);
    let one = world.shown("/nodecounts?$filter=poolId%20eq%20'q3'&maxresults=10");
    assert_eq!(one["value"], json!([{ "poolId": "q3", "dedicated": zero, "lowPriority": zero }]));
    for number in ["0", "11"] {
        let refused = world.get(&format!("/nodecounts?maxresults={number}"));
        assert_eq!(refused.told(), "400 InvalidQueryParameterValue", "{number}");
    }
}
