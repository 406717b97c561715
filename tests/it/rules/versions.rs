//! Api-versions: Q1.

#![allow(clippy::format_push_string, reason = "the texts are short")]

use serde_json::{Value, json};

use super::{World, plain, whole};
use crate::world::{NEWEST, World as RestWorld, task_body, text, told};

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

/// The lines of a body, one a property, for people to read and to compare.
fn lines(body: &str) -> Vec<String> {
    let mut text = String::new();
    let (mut quoted, mut escaped, mut depth) = (false, false, 0_usize);
    for letter in body.replace("\r\n", "\n").chars() {
        text.push(letter);
        match letter {
            '"' if !escaped => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth -= 1,
            ',' if !quoted => text += &format!("\n{:1$}", "", 2 * depth),
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    text.lines().map(ToString::to_string).collect()
}

/// What has to be taken out of the first lines and put in to get the second.
fn difference(old: &[String], new: &[String]) -> String {
    let mut lengths = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i][j] = if old[i] == new[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut told) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || lengths[i + 1][j] >= lengths[i][j + 1]) {
            told += &format!("- {}\n", old[i].trim_start());
            i += 1;
        } else {
            told += &format!("+ {}\n", new[j].trim_start());
            j += 1;
        }
    }
    if told.is_empty() { "nothing\n".into() } else { told }
}

const VERSIONS: [&str; 6] =
    [NEWEST, "2024-07-01.20.0", "2023-11-01.18.0", "2022-01-01.15.0", "2020-09-01.12.0", "2018-12-01.8.0"];

/// A resource as the newest api-version shows it, then what is different in each older one of a few.
fn across_versions(world: &RestWorld, target: &str) -> String {
    let shown = |version: &str| {
        let mut world = world.clone();
        let reply = world.get(&format!("{target}?api-version={version}"));
        assert_eq!(reply.told(), "200");
        lines(reply.text())
    };
    let mut newer = shown(VERSIONS[0]);
    let mut told = format!("{}\n{}\n", VERSIONS[0], newer.join("\n"));
    for version in &VERSIONS[1..] {
        let older = shown(version);
        told += &format!("\n{version}\n{}", difference(&newer, &older));
        newer = older;
    }
    told
}

/// Q1, W1
#[test]
fn a_version_shows_what_it_knows() {
    let mut world = RestWorld::new();
    let mut pool = whole::pool();
    pool["id"] = json!("pool");
    let added = world.send("POST /pools", pool);
    world.obey(added.effects);
    world.add_job("whole", whole::job());
    let mut body = whole::task();
    body["dependsOn"] = json!({ "taskIds": ["first"] });
    world.send("POST /jobs/whole/tasks", body);
    world.send("POST /jobs/whole/tasks", task_body("first"));
    let effects = world.assign("whole", "first", "tvm-1");
    world.obey(effects);
    world.ends("whole", "first", "tvm-1", 0);
    world.run("whole", "whole", "tvm-1");
    world.ends("whole", "whole", "tvm-1", 77);
    world.run("whole", "whole", "tvm-1");
    world.ends("whole", "whole", "tvm-1", 0);
    insta::assert_snapshot!("versions-task", across_versions(&world, "/jobs/whole/tasks/whole"));
    insta::assert_snapshot!("versions-node", across_versions(&world, "/pools/pool/nodes/tvm-1"));
    insta::assert_snapshot!("versions-pool", across_versions(&world, "/pools/pool"));
    world.run("whole", "manager", "tvm-2");
    world.send("POST /jobs/whole/terminate", json!({ "terminateReason": "enough" }));
    world.later(5);
    insta::assert_snapshot!("versions-job", across_versions(&world, "/jobs/whole"));
}

/// Q1
#[test]
fn a_version_takes_what_it_knows() {
    let world = RestWorld::with_jobs(&["job"]);
    for (line, body, first) in [
        (
            "POST /jobs",
            json!({ "id": "p", "poolInfo": { "poolId": "pool" }, "maxParallelTasks": 1 }),
            "2021-06-01.14.0",
        ),
        ("PATCH /jobs/job", json!({ "allowTaskPreemption": true }), "2022-01-01.15.0"),
        ("PATCH /jobs/job", json!({ "networkConfiguration": { "subnetId": "/net" } }), "2024-07-01.20.0"),
        (
            "POST /jobs/job/tasks",
            json!({ "id": "s", "commandLine": "x", "requiredSlots": 1 }),
            "2020-09-01.12.0",
        ),
        ("POST /pools", json!({ "id": "s", "vmSize": "small", "taskSlotsPerNode": 1 }), "2020-09-01.12.0"),
        ("POST /pools", json!({ "id": "t", "vmSize": "small", "resourceTags": {} }), "2023-11-01.18.0"),
    ] {
        for version in VERSIONS {
            let mut world = world.clone();
            let reply = world.send(&format!("{line}?api-version={version}"), &body);
            if version < first {
                assert_eq!(reply.told(), "400 InvalidRequestBody", "{line} {version}: {body}");
            } else {
                assert!(reply.response.status < 300, "{line} {version}: {}", reply.text());
            }
        }
    }
}
