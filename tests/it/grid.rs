//! Every request of the rules' tables in every state, through the bytes of a client: what is answered,
//! and what it did. A state that requests cannot lead to (`enabling`) is not here.

#![allow(clippy::format_push_string, reason = "the texts are short")]

use crate::world;

use serde_json::{Value, json};
use world::World;

/// A job on two nodes, with a task in each state. It has a preparation, which is completed on the one and
/// under way on the other.
fn with_tasks() -> World {
    let mut world = World::new();
    let pool = json!({ "id": "pool", "vmSize": "small", "targetDedicatedNodes": 2, "taskSlotsPerNode": 4 });
    let added = world.send("POST /pools", pool);
    world.obey(added.effects);
    let job = json!({
        "id": "job", "poolInfo": { "poolId": "pool" }, "jobPreparationTask": { "commandLine": "x" },
    });
    world.send("POST /jobs", job);
    for task in ["t-succeeded", "t-failed", "t-running", "t-preparing", "t-active"] {
        world.send("POST /jobs/job/tasks", json!({ "id": task, "commandLine": "x" }));
    }
    for (task, exit_code) in [("t-succeeded", Some(0)), ("t-failed", Some(1)), ("t-running", None)] {
        let effects = world.assign("job", task, "tvm-1");
        world.obey(effects);
        if let Some(exit_code) = exit_code {
            world.ends("job", task, "tvm-1", exit_code);
        }
    }
    // Its node never reports the end of the preparation.
    world.assign("job", "t-preparing", "tvm-2");
    world
}

const TASKS: [&str; 6] = ["t-active", "t-preparing", "t-running", "t-succeeded", "t-failed", "t-none"];

/// The states of a job, each with what leads there from `with_tasks`.
fn states() -> Vec<(&'static str, World)> {
    let disable = |option: &str| json!({ "disableTasks": option }).to_string();
    let after = |line: &str, body: String| {
        let mut world = with_tasks();
        let reply = world.send(line, body);
        assert_eq!(reply.told(), "202", "{line}");
        (world, reply.effects)
    };
    let at_once = |line: &str, body: String| after(line, body).0;
    let settled = |line: &str, body: String| {
        let (mut world, effects) = after(line, body);
        world.obey(effects);
        world
    };
    let mut deleting_completed = settled("POST /jobs/job/terminate", String::new());
    deleting_completed.send("DELETE /jobs/job", "");
    let mut deleting_terminating = at_once("POST /jobs/job/terminate", String::new());
    deleting_terminating.send("DELETE /jobs/job", "");
    vec![
        ("active", with_tasks()),
        ("disabling (requeue)", at_once("POST /jobs/job/disable", disable("requeue"))),
        ("disabling (terminate)", at_once("POST /jobs/job/disable", disable("terminate"))),
        ("disabling (wait)", at_once("POST /jobs/job/disable", disable("wait"))),
        ("disabled", settled("POST /jobs/job/disable", disable("requeue"))),
        ("terminating", at_once("POST /jobs/job/terminate", String::new())),
        ("terminating (forced)", at_once("POST /jobs/job/terminate?force=true", String::new())),
        ("completed", settled("POST /jobs/job/terminate", String::new())),
        ("deleting", at_once("DELETE /jobs/job", String::new())),
        ("deleting (was terminating)", deleting_terminating),
        ("deleting (was completed)", deleting_completed),
        ("no such job", {
            let mut world = World::new();
            world.add_node("pool", "tvm-1");
            world
        }),
    ]
}

/// One line per outcome, with the states in which it occurs.
fn by_outcome<'a>(cells: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for (state, outcome) in cells {
        match lines.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, states)) if states.contains(&state) => {}
            Some((_, states)) => states.push(state),
            None => lines.push((outcome, vec![state])),
        }
    }
    let mut told = String::new();
    for (outcome, states) in lines {
        told += &format!("    {}: {outcome}\n", states.join(", "));
    }
    told
}

/// The status of an answer, and what it changed in the resource at this target.
fn outcome(before: &World, line: &str, body: &str, target: &str) -> String {
    let mut world = before.clone();
    let seen = |world: &mut World| {
        let reply = world.get(target);
        (reply.response.status == 200).then(|| reply.json())
    };
    let old = seen(&mut world);
    let reply = world.send(line, body);
    let mut told = reply.told();
    if reply.response.status >= 400 {
        return told;
    }
    let new = seen(&mut world);
    let text = |body: &Option<Value>, name: &str| match body {
        Some(body) => body[name].as_str().unwrap_or_default().to_string(),
        None => "nothing".into(),
    };
    let (from, to) = (text(&old, "state"), text(&new, "state"));
    told += &if from == to { format!(", {to} as before") } else { format!(", {from} -> {to}") };
    if old.is_some() && new.is_some() && text(&old, "eTag") != text(&new, "eTag") {
        told += ", new ETag";
    }
    if !reply.effects.is_empty() {
        told += &format!("; {}", reply.brief().join(", "));
    }
    told
}

#[test]
fn every_request_to_a_job_in_every_state() {
    // R-*-*, F2, G1, G2, G3
    let pool = json!({ "poolId": "pool" });
    let requests = [
        ("POST /jobs/job/terminate", Value::Null),
        ("POST /jobs/job/terminate?force=true", Value::Null),
        ("POST /jobs/job/disable", json!({ "disableTasks": "requeue" })),
        ("POST /jobs/job/disable", json!({ "disableTasks": "terminate" })),
        ("POST /jobs/job/disable", json!({ "disableTasks": "wait" })),
        ("POST /jobs/job/enable", Value::Null),
        ("PUT /jobs/job", json!({ "poolInfo": pool })),
        ("PUT /jobs/job", json!({ "poolInfo": { "poolId": "other" } })),
        ("PATCH /jobs/job", json!({ "priority": 1 })),
        ("PATCH /jobs/job", json!({ "onAllTasksComplete": "terminatejob" })),
        ("DELETE /jobs/job", Value::Null),
        ("DELETE /jobs/job?force=true", Value::Null),
        ("POST /jobs/job/tasks", json!({ "id": "new", "commandLine": "x" })),
        ("POST /jobs/job/addtaskcollection", json!({ "value": [{ "id": "new", "commandLine": "x" }] })),
        ("POST /jobs", json!({ "id": "Job", "poolInfo": pool })),
        ("GET /jobs/job", Value::Null),
        ("GET /jobs", Value::Null),
        ("GET /jobs/job/tasks", Value::Null),
        ("GET /jobs/job/taskcounts", Value::Null),
        ("GET /jobs/job/jobpreparationandreleasetaskstatus", Value::Null),
    ];
    let states = states();
    let mut grid = String::new();
    for (line, body) in requests {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        grid += format!("{line} {body}").trim_end();
        grid += "\n";
        grid += &by_outcome(
            states.iter().map(|(state, world)| (*state, outcome(world, line, &body, "/jobs/job"))),
        );
    }
    insta::assert_snapshot!("jobs", grid);
}

/// What there is of a task: its state, and how it ended.
fn found(world: &World, task: &str) -> String {
    let reply = world.clone().get(&format!("/jobs/job/tasks/{task}"));
    if reply.response.status == 404 {
        return "not there".into();
    }
    let shown = reply.json();
    let result = shown.pointer("/executionInfo/result").and_then(Value::as_str);
    [shown["state"].as_str(), result].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[test]
fn every_request_to_a_task_in_every_state() {
    // R-update-task-*, R-terminate-task-*, R-reactivate-task-*, R-delete-task-*, K6, K7, K8
    let requests = [
        ("PUT", "", "{\"constraints\":{\"maxTaskRetryCount\":3}}"),
        ("POST", "/terminate", ""),
        ("POST", "/reactivate", ""),
        ("DELETE", "", ""),
        ("GET", "", ""),
        ("GET", "/subtasksinfo", ""),
    ];
    let states = states();
    let mut grid = String::new();
    for (method, rest, body) in requests {
        for wanted in
            ["active", "preparing", "running", "completed, success", "completed, failure", "not there"]
        {
            grid += &format!("{method} /jobs/job/tasks/it{rest}, {wanted}\n");
            grid += &by_outcome(states.iter().flat_map(|(state, world)| {
                let tasks = TASKS.into_iter().filter(|task| found(world, task) == wanted);
                tasks.map(|task| {
                    let target = format!("/jobs/job/tasks/{task}");
                    let told = outcome(world, &format!("{method} {target}{rest}"), body, &target);
                    (*state, told.replace(task, "it"))
                })
            }));
        }
    }
    insta::assert_snapshot!("tasks", grid);
}

#[test]
fn every_request_to_a_node_in_every_state() {
    // N9
    use azbatch::node::NodeEvent as E;
    let node = "/pools/pool/nodes/tvm-1";
    let mut idle = World::new();
    let added =
        idle.send("POST /pools", json!({ "id": "pool", "vmSize": "small", "targetDedicatedNodes": 1 }));
    idle.obey(added.effects);
    let after = |world: &World, order: &str, carried_out: bool, event: Option<E>| {
        let mut world = world.clone();
        if !order.is_empty() {
            assert!(world.send(&format!("POST {node}/{order}"), "").response.status < 300);
        }
        if carried_out {
            world.tick();
        }
        if let Some(event) = event {
            world.node("tvm-1", event);
        }
        world
    };
    let deallocated = after(&idle, "deallocate", true, Some(E::Deallocated));
    let mut leaving = idle.clone();
    leaving.send("POST /pools/pool/removenodes", json!({ "nodeList": ["tvm-1"] }));
    let states = [
        ("running", after(&with_tasks(), "", false, None)),
        ("offline", after(&idle, "disablescheduling", false, None)),
        ("rebooting", after(&idle, "reboot", true, None)),
        ("reimaging", after(&idle, "reimage", true, None)),
        ("deallocating", after(&idle, "deallocate", true, None)),
        ("deallocated", deallocated.clone()),
        ("starting", after(&deallocated, "start", true, None)),
        ("leavingpool", leaving),
        ("unknown", after(&idle, "", false, Some(E::Lost))),
        ("unusable", after(&idle, "", false, Some(E::Unusable))),
        ("preempted", after(&idle, "", false, Some(E::Preempted))),
        ("idle", idle),
    ];
    for (state, world) in &states {
        assert_eq!(world.clone().state(node), *state);
    }
    let mut grid = String::new();
    for order in ["reboot", "reimage", "deallocate", "start", "disablescheduling", "enablescheduling"] {
        grid += &format!("POST {node}/{order}\n");
        let line = format!("POST {node}/{order}");
        grid += &by_outcome(states.iter().map(|(state, world)| (*state, outcome(world, &line, "", node))));
    }
    for (line, body) in [
        ("POST /pools/pool/removenodes", json!({ "nodeList": ["tvm-1"] })),
        ("POST /pools/pool/resize", json!({ "targetDedicatedNodes": 0 })),
        ("DELETE /pools/pool", Value::Null),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        grid += format!("{line} {body}").trim_end();
        grid += "\n";
        grid += &by_outcome(states.iter().map(|(state, world)| (*state, outcome(world, line, &body, node))));
    }
    insta::assert_snapshot!("nodes", grid);
}
