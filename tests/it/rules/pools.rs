//! Pools: P2, P3 and P6 to P8.

use azbatch::{
    ETag, Effect, Instruction,
    node::{NodeEvent, NodeTasks},
    pool::{AllocationState, NodeCounts, NodeFillType, PoolState, RemoveNodes, ResizePool, StopResize},
};
use serde_json::json;

use super::{World, dedicated, names, plain, s};
use crate::world::{URL, World as RestWorld, brief as brief_all, id, task_body};

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

/// P2: a growing pool that has more nodes of a kind than it needs asks for no other when one of them is lost.
#[test]
fn a_node_that_is_too_many_is_not_replaced() {
    let mut world = RestWorld::new();
    let targets = json!({ "targetDedicatedNodes": 1, "targetLowPriorityNodes": 2 });
    let mut pool = json!({ "id": "pool", "vmSize": "small" });
    pool.as_object_mut().unwrap().extend(targets.as_object().unwrap().clone());
    world.send("POST /pools", pool);
    for node in ["dedicated", "low-1", "low-2", "low-3"] {
        world.add_node("pool", node);
    }
    assert_eq!(brief_all(&world.node("low-3", NodeEvent::Removed)), ["NodeRemoved low-3"]);
    assert_eq!(brief_all(&world.node("low-2", NodeEvent::Removed)), ["NodeRemoved low-2", "AddNodes"]);
}

/// P2, P9: a pool whose resize was stopped is resized by a removal, and then gets the nodes that it lacks.
#[test]
fn a_removal_after_a_stopped_resize_asks_for_the_nodes_that_are_missing() {
    let mut world = World::bare();
    world.add_pool("pool", dedicated(3), 1, NodeFillType::Spread);
    world.add_node("pool", "n1");
    world.call(|account, now| Ok(account.stop_resize(&id("pool"), &StopResize::default(), now).unwrap()));
    assert_eq!(world.tick(), "PoolSteady");
    assert_eq!(world.account.outstanding(), []);
    let remove = RemoveNodes { nodes: vec![id("n1")], ..RemoveNodes::default() };
    world.remove_nodes("pool", &remove);
    let more = Instruction::AddNodes { pool: id("pool"), nodes: dedicated(2) };
    assert_eq!(world.latest(), more);
    assert_eq!(world.account.outstanding(), [more]);
}

/// P2, B6
#[test]
fn a_pool_gets_its_nodes_from_the_host() {
    let mut world = RestWorld::new();
    let body =
        json!({ "id": "Pool", "vmSize": "small", "targetDedicatedNodes": 2, "targetLowPriorityNodes": 1 });
    let added = world.send("POST /pools", &body);
    assert_eq!(added.brief(), ["PoolAdded", "AddNodes"]);
    let shown = world.shown("/pools/pool");
    let at = &shown["creationTime"];
    for (name, value) in [
        ("id", &json!("Pool")),
        ("url", &json!(format!("{URL}/pools/Pool"))),
        ("lastModified", at),
        ("state", &json!("active")),
        ("stateTransitionTime", at),
        ("allocationState", &json!("resizing")),
        ("allocationStateTransitionTime", at),
        ("vmSize", &json!("small")),
        ("currentDedicatedNodes", &json!(0)),
        ("currentLowPriorityNodes", &json!(0)),
        ("targetDedicatedNodes", &json!(2)),
        ("targetLowPriorityNodes", &json!(1)),
        ("taskSlotsPerNode", &json!(1)),
        ("resizeTimeout", &json!("PT15M")),
        ("taskSchedulingPolicy", &json!({ "nodeFillType": "Spread" })),
    ] {
        assert_eq!(&shown[name], value, "{name}");
    }
    assert_eq!(brief_all(&world.tick()), [""; 0], "it waits for the host");
    world.add_node("Pool", "n1");
    world.add_node("Pool", "n2");
    assert_eq!(world.value("/pools/pool", "/allocationState"), "resizing");
    world.add_node("Pool", "n3");
    assert_eq!(world.value("/pools/pool", "/allocationState"), "resizing", "S1");
    assert_eq!(brief_all(&world.tick()), ["PoolSteady"]);
    let shown = world.shown("/pools/pool");
    assert_eq!((&shown["allocationState"], &shown["eTag"]), (&json!("steady"), &json!(added.header("ETag"))));
    assert_eq!((&shown["currentDedicatedNodes"], &shown["currentLowPriorityNodes"]), (&json!(2), &json!(1)));
    let dedicated =
        ["n1", "n2", "n3"].map(|node| world.value(&format!("/pools/pool/nodes/{node}"), "/isDedicated"));
    assert_eq!(dedicated, [json!(true), json!(true), json!(false)]);
    assert_eq!(world.send("POST /pools", &body).told(), "409 PoolExists");
    assert_eq!(world.send("HEAD /pools/POOL", "").told(), "200");
    assert_eq!(world.send("HEAD /pools/none", "").response.status, 404);
}

/// P2
#[test]
fn an_empty_pool_is_steady_at_the_next_tick() {
    let mut world = RestWorld::new();
    assert_eq!(world.send("POST /pools", json!({ "id": "p", "vmSize": "small" })).brief(), ["PoolAdded"]);
    assert!(world.account.deadline().unwrap() <= world.now);
    assert_eq!(brief_all(&world.tick()), ["PoolSteady"]);
    assert_eq!(world.account.deadline(), None);
}

/// P2, P6
#[test]
fn a_pool_grows_and_shrinks() {
    let mut world = RestWorld::with_pool(1, 2, "spread");
    let etag = world.etag("/pools/pool");
    let reply = world.send("POST /pools/pool/resize", json!({ "targetDedicatedNodes": 3 }));
    assert_eq!((reply.told(), reply.brief()), ("202".into(), names(&["PoolResizing", "AddNodes"])));
    assert!(
        matches!(&reply.effects[1], Effect::Instruction(Instruction::AddNodes { nodes, .. }) if (nodes.dedicated, nodes.low_priority) == (2, 0))
    );
    assert_ne!(world.etag("/pools/pool"), etag);
    assert_eq!(world.value("/pools/pool", "/allocationState"), "resizing");
    let again = json!({ "targetDedicatedNodes": 4 });
    assert_eq!(world.send("POST /pools/pool/resize", &again).told(), "409 PoolBeingResized");
    world.obey(reply.effects);
    assert_eq!(world.get("/pools/pool/nodes").ids(), ["tvm-1", "tvm-2", "tvm-3"]);
    assert_eq!(world.value("/pools/pool", "/allocationState"), "steady");

    // A resize that does not name dedicated nodes does not change their number.
    let reply = world.send("POST /pools/pool/resize", json!({ "targetLowPriorityNodes": 1 }));
    world.obey(reply.effects);
    assert_eq!(world.value("/pools/pool", "/currentDedicatedNodes"), 3);
    assert_eq!(world.value("/pools/pool", "/currentLowPriorityNodes"), 1);

    let reply = world
        .send("POST /pools/pool/resize", json!({ "targetDedicatedNodes": 1, "targetLowPriorityNodes": 0 }));
    assert_eq!(reply.brief()[0], "PoolResizing");
    assert_eq!(world.value("/pools/pool", "/currentDedicatedNodes"), 1, "what leaves does not count");
    world.obey(reply.effects);
    assert_eq!(world.get("/pools/pool/nodes").ids(), ["tvm-1"]);
    assert_eq!(world.value("/pools/pool", "/allocationState"), "steady");
}

/// P2, N9
#[test]
fn named_nodes_are_removed() {
    let mut world = RestWorld::with_pool(3, 2, "spread");
    for (body, told) in [
        (json!({ "nodeList": [] }), "400 InvalidPropertyValue"),
        (json!({ "nodeList": vec!["tvm-1"; 101] }), "400 InvalidPropertyValue"),
        (json!({}), "400 MissingRequiredProperty"),
        (json!({ "nodeList": ["tvm-1", "none"] }), "404 NodeNotFound"),
        (json!({ "nodeList": ["no node id"] }), "404 NodeNotFound"),
    ] {
        assert_eq!(world.send("POST /pools/pool/removenodes", &body).told(), told, "{body}");
    }
    let body = json!({ "nodeList": ["TVM-1", "tvm-3", "tvm-1"] });
    assert_eq!(world.send("POST /pools/none/removenodes", &body).told(), "404 PoolNotFound");
    let reply = world.send("POST /pools/pool/removenodes", &body);
    assert_eq!(
        reply.brief(),
        ["PoolResizing", "NodeActionRequested tvm-1 Remove", "NodeActionRequested tvm-3 Remove"]
    );
    assert_eq!(world.value("/pools/pool", "/targetDedicatedNodes"), 1);
    assert_eq!(world.state("/pools/pool/nodes/tvm-1"), "leavingpool");
    assert_eq!(world.value("/pools/pool", "/allocationState"), "resizing");
    assert_eq!(
        world.send("POST /pools/pool/removenodes", json!({ "nodeList": ["tvm-2"] })).told(),
        "409 PoolBeingResized"
    );
    world.obey(reply.effects);
    assert_eq!(world.get("/pools/pool/nodes").ids(), ["tvm-2"]);
    assert_eq!(world.value("/pools/pool", "/allocationState"), "steady");
    assert_eq!(world.get("/pools/pool/nodes/tvm-1").told(), "404 NodeNotFound");
    assert_eq!(world.get("/pools/none/nodes/tvm-1").told(), "404 PoolNotFound");
}

/// P3: idle nodes first, then those with the fewest tasks; among equals, the last by id.
#[test]
fn when_a_pool_shrinks_the_idlest_nodes_leave_first() {
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

/// P6, T3: what changes a pool's ETag, and what does not. Its states have timestamps of their own.
#[test]
fn a_pools_etag_changes_when_it_is_resized_and_when_nodes_are_removed() {
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
fn a_stopped_clock_repeats_no_etag_of_a_pool() {
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

/// P6, N9
#[test]
fn a_deleted_pool_is_removed_after_its_nodes() {
    let mut world = RestWorld::with_pool(2, 2, "spread");
    world.add_job("job", json!({}));
    world.send("POST /jobs/job/tasks", task_body("t"));
    world.run("job", "t", "tvm-1");
    let etag = world.etag("/pools/pool");
    let deleted = world.send("DELETE /pools/pool", "");
    assert_eq!(deleted.told(), "202");
    assert_eq!(
        deleted.brief(),
        [
            "PoolDeleting",
            "NodeActionRequested tvm-1 Remove",
            "StopTask t tvm-1 Requeue",
            "NodeActionRequested tvm-2 Remove",
        ]
    );
    assert_eq!(world.state("/pools/pool"), "deleting");
    assert_eq!(world.etag("/pools/pool"), etag);
    assert_eq!(world.state("/pools/pool/nodes/tvm-1"), "leavingpool");
    for (line, body) in [
        ("DELETE /pools/pool", json!("")),
        ("POST /pools/pool/resize", json!({ "targetDedicatedNodes": 3 })),
        ("POST /pools/pool/removenodes", json!({ "nodeList": ["tvm-1"] })),
        ("POST /pools", json!({ "id": "POOL", "vmSize": "small" })),
    ] {
        let body = if body == "" { String::new() } else { body.to_string() };
        assert_eq!(world.send(line, body).told(), "409 PoolBeingDeleted", "{line}");
    }
    assert_eq!(brief_all(&world.tick()), ["RemoveNode tvm-2"]);
    world.node("tvm-2", NodeEvent::Removed);
    world.ends("job", "t", "tvm-1", 143);
    assert_eq!(world.state("/jobs/job/tasks/t"), "active");
    assert_eq!(brief_all(&world.tick()), ["RemoveNode tvm-1"]);
    assert_eq!(brief_all(&world.tick()), [""; 0]);
    world.node("tvm-1", NodeEvent::Removed);
    assert_eq!(brief_all(&world.tick()), ["PoolDeleted"]);
    assert_eq!(world.get("/pools/pool").told(), "404 PoolNotFound");
    assert_eq!(world.get("/pools/pool/nodes").told(), "404 PoolNotFound");
    assert_eq!(world.send("DELETE /pools/pool", "").told(), "404 PoolNotFound");
    assert_eq!(world.send("POST /pools", json!({ "id": "pool", "vmSize": "small" })).told(), "201");
}

/// P7, B8
#[test]
fn a_pool_shows_the_timeout_of_its_latest_resize() {
    let mut world = RestWorld::new();
    let policy = json!({ "jobDefaultOrder": "creationtime", "nodeFillType": "Pack" });
    let pool = json!({ "id": "p", "vmSize": "a", "taskSchedulingPolicy": policy, "resizeTimeout": "PT30M" });
    assert_eq!(world.send("POST /pools", pool).told(), "201");
    world.tick();
    assert_eq!(world.account.pool(&id("p")).unwrap().resize_timeout(), None);
    assert_eq!(world.value("/pools/p", "/resizeTimeout"), "PT30M");
    assert_eq!(world.value("/pools/p", "/taskSchedulingPolicy"), policy);
    for (asked, shown) in [(Some("PT010M"), "PT10M"), (None, "PT15M"), (Some("PT2H"), "PT2H")] {
        for (line, mut body) in [
            ("POST /pools/p/resize", json!({ "targetDedicatedNodes": 0 })),
            ("POST /pools/p/removenodes", json!({ "nodeList": ["n"] })),
        ] {
            if let Some(asked) = asked {
                body["resizeTimeout"] = json!(asked);
            }
            world.add_node("p", "n");
            let resized = world.send(line, &body);
            assert_eq!(resized.told(), "202", "{line} {body}");
            assert_eq!(world.value("/pools/p", "/resizeTimeout"), shown, "{line} {body}");
            world.obey(resized.effects);
        }
    }
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
