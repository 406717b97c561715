//! Api-versions: Q1.

#![allow(clippy::format_push_string, reason = "the texts are short")]

use azbatch::rest::ApiVersion;
use serde_json::json;

use super::{World, layout::keys, plain, whole};
use crate::world::{NEWEST, World as RestWorld, task_body, with};

/// Q1
#[test]
fn the_api_version_is_required_and_must_be_known() {
    let mut world = World::new(plain);
    for (query, told) in [
        ("", "400 MissingRequiredQueryParameter"),
        ("?api-version=2024-07-01", "400 InvalidQueryParameterValue"),
        ("?API-Version=2021-06-01.14.0", "200"),
    ] {
        let response = world.send("GET", &format!("/jobs/job{query}"), &[], b"");
        assert_eq!(crate::world::told(&response), told, "{query}");
    }
}

/// Q1: which of the newer properties an api-version shows, in the job, its manager and the task.
#[test]
fn an_api_version_hides_what_is_newer() {
    let mut world = RestWorld::new();
    world.add_job("whole", whole::job()).add_task("whole", "whole", whole::task());
    let newer = [
        ("/jobs/whole", "/maxParallelTasks", "2021-06-01.14.0"),
        ("/jobs/whole", "/allowTaskPreemption", "2022-01-01.15.0"),
        ("/jobs/whole", "/jobManagerTask/requiredSlots", "2020-09-01.12.0"),
        ("/jobs/whole", "/jobManagerTask/containerSettings/containerHostBatchBindMounts", "2024-07-01.20.0"),
        ("/jobs/whole", "/networkConfiguration/skipWithdrawFromVNet", "2024-07-01.20.0"),
        ("/jobs/whole/tasks/whole", "/requiredSlots", "2020-09-01.12.0"),
        ("/jobs/whole/tasks/whole", "/containerSettings/containerHostBatchBindMounts", "2024-07-01.20.0"),
        ("/jobs/whole/tasks/whole", "/resourceFiles/0/httpUrl", "2018-12-01.8.0"),
    ];
    for version in ApiVersion::ALL {
        for (path, property, since) in newer {
            let shown = world.shown(&format!("{path}?api-version={version}"));
            let there = shown.pointer(property).is_some();
            assert_eq!(there, *version >= ApiVersion::parse(since).unwrap(), "{property} in {version}");
        }
    }
    // Q3, Q4: what a version does not show cannot be asked for.
    for version in ApiVersion::ALL {
        let select = "$select=priority,maxParallelTasks,metadata";
        let selected = world.get(&format!("/jobs/whole?api-version={version}&{select}"));
        let filter = "$filter=maxParallelTasks+eq+-1";
        let listed = world.get(&format!("/jobs?api-version={version}&{filter}")).told();
        if *version < ApiVersion::parse("2021-06-01.14.0").unwrap() {
            assert_eq!(selected.told(), "400 InvalidQueryParameterValue", "{version}");
            let reason = "The property 'maxParallelTasks' does not exist on the resource.";
            assert_eq!(selected.said("Reason"), reason);
            assert_eq!(listed, "400 InvalidQueryParameterValue", "{version}");
        } else {
            let expected = "{odata.metadata priority maxParallelTasks metadata[{name value} {name value}]}";
            assert_eq!(keys(&selected), expected, "{version}");
            assert_eq!(listed, "200", "{version}");
        }
    }
}

/// The lines of a body, one per property, to read and to compare.
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

/// The lines that are removed and added to get the second list from the first.
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

/// A resource as the newest api-version shows it, then the differences in some older ones.
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
fn a_version_shows_the_properties_that_it_knows() {
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
fn a_version_accepts_the_properties_that_it_knows() {
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

/// Q1: a property that an old client sends under its old name is returned under that name.
#[test]
fn an_old_name_comes_back_to_an_old_client() {
    let mut world = RestWorld::with_jobs(&["job"]);
    let files = json!([{ "blobSource": "https://b", "filePath": "f" }]);
    let body = with(task_body("old"), json!({ "resourceFiles": files }));
    assert_eq!(world.send("POST /jobs/job/tasks", &body).told(), "400 InvalidRequestBody");
    assert_eq!(world.send("POST /jobs/job/tasks?api-version=2018-08-01.7.0", &body).told(), "201");
    assert_eq!(world.value("/jobs/job/tasks/old?api-version=2018-08-01.7.0", "/resourceFiles"), files);
}
