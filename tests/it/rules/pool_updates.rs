//! Stopping a resize and changing what a pool is: P9 to P11.

use azbatch::{
    ETag, Instruction,
    node::NodeEvent,
    pool::{AllocationState, NodeFillType, ResizePool, StopResize, UpdatePool},
};
use serde_json::{Value, json};

use super::{World, dedicated, refusal, s};
use crate::world::{World as RestWorld, brief, id};

impl World {
    fn stop_resize(&mut self) -> String {
        let command = StopResize::default();
        self.call(|account, now| account.stop_resize(&id("pool"), &command, now).map_err(refusal))
    }

    fn update_pool(&mut self, command: &UpdatePool) -> String {
        self.call(|account, now| account.update_pool(&id("pool"), command, now).map_err(refusal))
    }
}

/// P9, P6: the pool keeps its target, its ETag and the nodes that it has.
#[test]
fn a_stopped_resize_leaves_the_pool_with_the_nodes_that_it_has() {
    let mut world = World::with_pool(dedicated(1), 1, NodeFillType::Spread);
    let grown = ResizePool { dedicated: Some(3), ..ResizePool::default() };
    assert_eq!(world.at(1).resize_pool("pool", &grown), "PoolResizing, AddNodes");
    world.at(2).add_node("pool", "n2");
    assert_eq!(world.at(3).stop_resize(), "PoolStopping");
    assert_eq!(world.pool().allocation_state(), AllocationState::Stopping);
    assert_eq!(world.pool().allocation_state_transition_time(), s(3));
    assert_eq!((world.pool().target(), world.pool().etag()), (dedicated(3), ETag::from(s(1))));
    assert_eq!(world.shown("/pools/pool", "allocationState"), "stopping");
    assert_eq!(world.shown("/pools/pool", "targetDedicatedNodes"), 3);
    assert_eq!(world.account.outstanding(), [], "no more nodes are asked for");
    assert_eq!(world.node("n2", NodeEvent::Removed), "NodeRemoved n2", "nor is a lost one replaced");

    assert_eq!(world.resize_pool("pool", &grown), "409 PoolBeingResized");
    assert_eq!(world.stop_resize(), "409 OperationInvalidForCurrentState");
    assert_eq!(world.at(4).tick(), "PoolSteady");
    assert_eq!(world.pool().allocation_state_transition_time(), s(4));
    assert_eq!((world.pool().target(), world.pool().etag()), (dedicated(3), ETag::from(s(1))));
    assert_eq!(world.stop_resize(), "409 OperationInvalidForCurrentState");

    // The next resize asks for what is missing then.
    assert_eq!(world.at(5).resize_pool("pool", &grown), "PoolResizing, AddNodes");
    assert_eq!(world.latest(), Instruction::AddNodes { pool: id("pool"), nodes: dedicated(2) });
}

/// P9: a node that is told to leave leaves, and the pool waits for that.
#[test]
fn a_stopped_resize_waits_for_nodes_that_are_leaving() {
    let mut world = World::with_pool(dedicated(2), 1, NodeFillType::Spread);
    let shrunk = ResizePool { dedicated: Some(1), ..ResizePool::default() };
    assert_eq!(world.resize_pool("pool", &shrunk), "PoolResizing, NodeActionRequested n2");
    assert_eq!(world.stop_resize(), "PoolStopping");
    assert_eq!(world.tick(), "RemoveNode n2");
    assert_eq!((world.tick().as_str(), world.account.deadline()), ("", None));
    assert_eq!(world.node("n2", NodeEvent::Removed), "NodeRemoved n2");
    assert_eq!(world.tick(), "PoolSteady");
}

/// P9: the resize that a new pool begins with; what the service answers, and what it refuses.
#[test]
fn the_first_resize_of_a_pool_can_be_stopped_over_rest() {
    let mut world = RestWorld::new();
    let added = world.send("POST /pools", r#"{"id":"p","vmSize":"small","targetDedicatedNodes":5}"#);
    let etag = added.header("ETag").map(ToString::to_string);
    assert_eq!(world.send("POST /pools/q/stopresize", "").told(), "404 PoolNotFound");
    let unmet = [("If-None-Match", "*")];
    assert_eq!(world.send_with("POST /pools/p/stopresize", "", &unmet).told(), "412 ConditionNotMet");
    assert_eq!(world.value("/pools/p", "/allocationState"), "resizing");
    let stopped = world.send("POST /pools/p/stopresize", "");
    assert_eq!((stopped.told().as_str(), stopped.header("ETag")), ("202", etag.as_deref()));
    assert!(stopped.header("DataServiceId").unwrap().ends_with("/pools/p/stopresize"));
    assert_eq!(brief(&world.tick()), ["PoolSteady"]);
    let shown = world.shown("/pools/p");
    assert_eq!((&shown["targetDedicatedNodes"], &shown["currentDedicatedNodes"]), (&json!(5), &json!(0)));
    world.send("POST /pools/p/resize", r#"{"targetDedicatedNodes":1}"#);
    assert_eq!(world.send("DELETE /pools/p", "").told(), "202");
    assert_eq!(world.send("POST /pools/p/stopresize", "").told(), "409 PoolBeingDeleted");
}

/// A pool with every property that can always be changed.
fn with_pool(nodes: u32) -> RestWorld {
    let mut world = RestWorld::new();
    let pool = json!({
        "id": "p", "vmSize": "small", "displayName": "old", "targetDedicatedNodes": nodes,
        "startTask": { "commandLine": "old" },
        "metadata": [{ "name": "a", "value": "b" }],
        "applicationPackageReferences": [{ "applicationId": "old" }],
        "targetNodeCommunicationMode": "classic",
        "taskSchedulingPolicy": { "nodeFillType": "Pack", "jobDefaultOrder": "creationtime" },
    });
    let added = world.send("POST /pools", pool);
    assert_eq!(added.told(), "201");
    world.obey(added.effects);
    world
}

/// What a pool shows under these names.
fn shown(world: &mut RestWorld, names: &[&str]) -> Vec<Value> {
    let shown = world.shown("/pools/p");
    names.iter().map(|name| shown.get(name).cloned().unwrap_or_default()).collect()
}

const NAMES: [&str; 4] =
    ["startTask", "metadata", "applicationPackageReferences", "targetNodeCommunicationMode"];

/// P10: what is given is replaced whole, an empty list removes what there was, and the rest stays.
#[test]
fn a_patch_replaces_what_it_gives() {
    let mut world = with_pool(1);
    let old = shown(&mut world, &NAMES);
    for body in ["{}", r#"{"metadata":null}"#] {
        let patched = world.send("PATCH /pools/p", body);
        assert_eq!(patched.told(), "200", "{body}");
        assert_eq!(patched.header("ETag"), world.value("/pools/p", "/eTag").as_str(), "{body}");
        assert_eq!(shown(&mut world, &NAMES), old, "{body}");
    }
    let before = world.value("/pools/p", "/eTag");
    let body = json!({ "startTask": { "commandLine": "new", "waitForSuccess": true }, "metadata": [] });
    let patched = world.send("PATCH /pools/p", body);
    assert_eq!(brief(&patched.effects), ["PoolUpdated"]);
    assert!(patched.header("DataServiceId").unwrap().ends_with("/pools/p"));
    // B6: the rest of a start task is filled in.
    let user = json!({ "autoUser": { "scope": "pool", "elevationLevel": "nonadmin" } });
    let start = json!({
        "commandLine": "new", "userIdentity": user, "maxTaskRetryCount": 0, "waitForSuccess": true,
    });
    assert_eq!(shown(&mut world, &NAMES), [start, Value::Null, old[2].clone(), old[3].clone()]);
    assert_ne!(world.value("/pools/p", "/eTag"), before);
    assert_eq!(world.value("/pools/p", "/displayName"), "old");
    assert_eq!(world.value("/pools/p", "/state"), "active");
    let unmet = [("If-None-Match", "*")];
    assert_eq!(world.send_with("PATCH /pools/p", "{}", &unmet).told(), "412 ConditionNotMet");
}

/// P10: what is left out is removed; it takes no conditions.
#[test]
fn an_update_removes_what_it_leaves_out() {
    let mut world = with_pool(1);
    let body = json!({
        "applicationPackageReferences": [{ "applicationId": "new" }], "metadata": [],
        "certificateReferences": [],
    });
    let unmet = [("If-None-Match", "*")];
    let updated = world.send_with("POST /pools/p/updateproperties", body, &unmet);
    assert_eq!((updated.told().as_str(), updated.text()), ("204", ""));
    assert_eq!(updated.header("ETag"), world.value("/pools/p", "/eTag").as_str());
    assert!(updated.header("DataServiceId").unwrap().ends_with("/pools/p/updateproperties"));
    let package = json!([{ "applicationId": "new" }]);
    assert_eq!(shown(&mut world, &NAMES), [Value::Null, Value::Null, package, Value::Null]);
    assert_eq!(shown(&mut world, &["displayName", "vmSize"]), ["old", "small"]);
    assert_eq!(world.value("/pools/p", "/certificateReferences"), Value::Null);
}

/// P10, B10: what both refuse.
#[test]
fn a_bad_update_of_a_pool_is_refused() {
    let mut world = with_pool(0);
    let nameless = r#"{"metadata":[{"name":"","value":"x"}]}"#;
    for line in ["PATCH /pools/p", "POST /pools/p/updateproperties"] {
        assert_eq!(world.send(line, r#"{"id":"q"}"#).told(), "400 InvalidRequestBody", "{line}");
        assert_eq!(world.send(line, nameless).told(), "400 EmptyMetadataKey", "{line}");
        let missing = line.replace("/p", "/none").replace("/noneools", "/pools");
        assert_eq!(world.send(&missing, "{}").told(), "404 PoolNotFound", "{missing}");
    }
    let long = json!({ "displayName": "x".repeat(1025) });
    assert_eq!(world.send("PATCH /pools/p", long).told(), "400 InvalidPropertyValue");
    let slots = r#"{"taskSlotsPerNode":257}"#;
    assert_eq!(world.send("PATCH /pools/p", slots).told(), "400 InvalidPropertyValue");
    let old = "PATCH /pools/p?api-version=2024-02-01.19.0";
    assert_eq!(world.send(old, r#"{"vmSize":"big"}"#).told(), "400 InvalidRequestBody");
    assert_eq!(world.send(old, r#"{"metadata":[]}"#).told(), "200");
    let waiting = world.send("POST /pools/p/resize", r#"{"targetDedicatedNodes":1}"#);
    assert_eq!(waiting.told(), "202");
    assert_eq!(world.send("DELETE /pools/p", "").told(), "202");
    for line in ["PATCH /pools/p", "POST /pools/p/updateproperties"] {
        assert_eq!(world.send(line, "{}").told(), "409 PoolBeingDeleted", "{line}");
    }
}

/// P11: what makes nodes can be changed only while there are none, and none are on their way.
#[test]
fn what_nodes_are_made_of_is_changed_only_in_an_empty_pool() {
    let bodies = [
        json!({ "displayName": "new" }),
        json!({ "vmSize": "big" }),
        json!({ "taskSlotsPerNode": 4 }),
        json!({ "taskSchedulingPolicy": { "nodeFillType": "spread" } }),
        json!({ "enableInterNodeCommunication": true }),
        json!({ "networkConfiguration": { "subnetId": "s" } }),
    ];
    let mut world = with_pool(1);
    for body in &bodies {
        let refused = world.send("PATCH /pools/p", body);
        assert_eq!(refused.told(), "409 OperationInvalidForCurrentState", "{body}");
    }
    let mut world = with_pool(0);
    for body in &bodies {
        assert_eq!(world.send("PATCH /pools/p", body).told(), "200", "{body}");
    }
    let expected = [
        json!("new"),
        json!("big"),
        json!(4),
        json!({ "nodeFillType": "Spread" }),
        json!(true),
        json!({ "subnetId": "s" }),
    ];
    let names = [
        "displayName",
        "vmSize",
        "taskSlotsPerNode",
        "taskSchedulingPolicy",
        "enableInterNodeCommunication",
        "networkConfiguration",
    ];
    assert_eq!(shown(&mut world, &names), expected);

    let grown = world.send("POST /pools/p/resize", r#"{"targetDedicatedNodes":1}"#);
    let refused = world.send("PATCH /pools/p", &bodies[2]);
    assert_eq!(refused.told(), "409 OperationInvalidForCurrentState", "a node is on its way");
    world.obey(grown.effects);
    let node = world.account.nodes().next().unwrap();
    assert_eq!(node.slots(), 4, "new nodes are made by the new properties");
}

/// P11: a pool that is to have no nodes waits for none, although it is not steady yet.
#[test]
fn what_nodes_are_made_of_is_changed_while_a_pool_is_resized_to_nothing() {
    let mut world = with_pool(0);
    assert_eq!(world.send("POST /pools/p/resize", r#"{"targetDedicatedNodes":0}"#).told(), "202");
    assert_eq!(world.value("/pools/p", "/allocationState"), "resizing");
    assert_eq!(world.send("PATCH /pools/p", r#"{"vmSize":"big"}"#).told(), "200");
}

/// P10, P11, T5: a typed update changes only what it gives.
#[test]
fn a_typed_update_keeps_what_it_does_not_give() {
    let mut world = World::bare();
    world.add_pool("pool", dedicated(0), 2, NodeFillType::Pack);
    assert_eq!(world.tick(), "PoolSteady");
    let other = json!({ "a": 1, "b": null }).as_object().unwrap().clone();
    let command = UpdatePool { task_slots_per_node: Some(8), other, ..UpdatePool::default() };
    assert_eq!(world.update_pool(&command), "PoolUpdated");
    let specification = world.pool().specification();
    assert_eq!((specification.task_slots_per_node, specification.node_fill_type), (8, NodeFillType::Pack));
    assert_eq!(Value::from(specification.other.clone()), json!({ "a": 1 }));
    assert_eq!(world.pool().stamps().modified().ticks(), s(0).ticks() + 1);
    let command = UpdatePool { node_fill_type: Some(NodeFillType::Spread), ..UpdatePool::default() };
    assert_eq!(world.update_pool(&command), "PoolUpdated");
    assert_eq!(world.pool().specification().node_fill_type, NodeFillType::Spread);
    assert_eq!(world.pool().stamps().modified().ticks(), s(0).ticks() + 2);
}
