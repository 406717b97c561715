//! Lives of jobs, tasks, pools and nodes as a client sees them, request by request.

#![allow(clippy::too_many_lines, reason = "a life is told in one piece")]
#![allow(clippy::format_push_string, reason = "the texts are short")]

use crate::world;

use azbatch::{ETag, Effect, Instruction, TimeSpan, Timestamp, job::Unit, node::NodeEvent};
use serde_json::{Value, json};
use world::{NEWEST, Reply, URL, World, brief};

const BEFORE_SLOTS: &str = "api-version=2020-03-01.11.0";

/// A task that is to be added.
fn task(id: &str) -> Value {
    json!({ "id": id, "commandLine": "run" })
}

/// A job that is to be added.
fn job(id: &str) -> Value {
    json!({ "id": id, "poolInfo": { "poolId": "pool" } })
}

impl World {
    fn add_job(&mut self, body: &Value) {
        assert_eq!(self.send("POST /jobs", body).told(), "201", "{body}");
    }

    fn with_jobs(ids: &[&str]) -> Self {
        let mut world = Self::new();
        for id in ids {
            world.add_job(&job(id));
        }
        world
    }

    /// A job `job` with these tasks, on a pool `pool` with the nodes `n1` and `n2` of one slot each.
    fn with_tasks(ids: &[&str]) -> Self {
        let mut world = Self::with_jobs(&["job"]);
        for node in ["n1", "n2"] {
            world.add_node("pool", node);
        }
        for id in ids {
            assert_eq!(world.send("POST /jobs/job/tasks", task(id)).told(), "201");
        }
        world
    }

    /// An account with a pool `pool`, whose nodes `tvm-1`, `tvm-2` ... have two slots each.
    fn with_pool(nodes: u32) -> Self {
        let mut world = Self::new();
        let pool = json!({
            "id": "pool", "vmSize": "standard_d2_v3", "targetDedicatedNodes": nodes, "taskSlotsPerNode": 2,
        });
        let added = world.send("POST /pools", pool);
        assert_eq!(added.told(), "201");
        world.obey(added.effects);
        assert_eq!(world.value("/pools/pool", "/allocationState"), "steady");
        world
    }

    fn complete(&mut self, job: &str) {
        assert_eq!(self.send(&format!("POST /jobs/{job}/terminate"), "").told(), "202");
        self.tick();
        assert_eq!(self.state(&format!("/jobs/{job}")), "completed");
    }

    fn etag(&mut self, target: &str) -> String {
        self.value(target, "/eTag").as_str().unwrap().into()
    }

    /// The ids on all pages from this target on. Between two pages, things happen.
    fn pages(&mut self, target: &str, mut between: impl FnMut(&mut Self, &[String])) -> Vec<Vec<String>> {
        let mut pages = Vec::new();
        let mut next = Some(target.to_string());
        while let Some(target) = next {
            let page = self.get(&target);
            assert_eq!(page.told(), "200", "{}", page.text());
            pages.push(page.ids());
            next = page.next();
            if next.is_some() {
                between(self, pages.last().unwrap());
            }
        }
        pages
    }
}

fn names(ids: &[&str]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

// Jobs

#[test]
fn jobs_that_are_not_completed_come_first_by_id_without_case() {
    // Q6
    let mut world = World::with_jobs(&["b", "D", "a", "C", "e"]);
    assert_eq!(world.get("/jobs").ids(), ["a", "b", "C", "D", "e"]);
    world.complete("b");
    world.complete("D");
    assert_eq!(world.get("/jobs").ids(), ["a", "C", "e", "b", "D"]);
    // Only the completed ones are last: disabled and terminating ones are where they were.
    world.send("POST /jobs/a/disable", json!({ "disableTasks": "wait" }));
    world.send("POST /jobs/C/terminate", "");
    world.send("DELETE /jobs/e", "");
    assert_eq!(world.get("/jobs").ids(), ["a", "C", "e", "b", "D"]);
    world.tick();
    assert_eq!(world.get("/jobs").ids(), ["a", "b", "C", "D"]);
}

#[test]
fn a_list_of_nothing_is_laid_out_as_the_service_does() {
    let mut world = World::new();
    let reply = world.get("/jobs");
    let expected =
        format!("{{\r\n  \"odata.metadata\":\"{URL}/$metadata#jobs\",\"value\":[\r\n    \r\n  ]\r\n}}");
    assert_eq!(reply.text(), expected);
    assert_eq!(world.get("/pools").text(), expected.replace("#jobs", "#pools"));
}

#[test]
fn a_page_has_1_to_1000_items() {
    // Q7
    let mut world = World::with_jobs(&["a", "b"]);
    for (number, reason) in [
        ("0", "MaxResults cannot be less than 1"),
        ("-5", "MaxResults cannot be less than 1"),
        ("1001", "MaxResults cannot be greater than 1000"),
        ("ten", "Not a valid integer."),
    ] {
        for list in ["/jobs", "/jobs/a/tasks", "/pools", "/pools/none/nodes"] {
            let reply = world.get(&format!("{list}?maxresults={number}"));
            assert_eq!(reply.told(), "400 InvalidQueryParameterValue", "{list} {number}");
            assert_eq!(reply.said("QueryParameterName"), "maxresults");
            assert_eq!(reply.said("QueryParameterValue"), number);
            assert_eq!(reply.said("Reason"), reason);
        }
    }
    assert_eq!(world.get("/jobs?maxresults=99999999999").told(), "400 OutOfRangeQueryParameterValue");
    assert_eq!(world.get("/jobs?MaxResults=1").ids(), ["a"]);
    assert_eq!(world.get("/jobs?maxresults=1000").ids(), ["a", "b"]);
    assert_eq!(world.get("/jobs?maxresults=2").next(), None, "there is no empty last page");
}

#[test]
fn a_page_has_1000_items_by_default() {
    // Q7
    let mut world = World::with_jobs(&["job"]);
    for hundred in 0..11 {
        let tasks: Vec<Value> = (0..100).map(|one| task(&format!("t{:04}", hundred * 100 + one))).collect();
        assert_eq!(world.send("POST /jobs/job/addtaskcollection", json!({ "value": tasks })).told(), "200");
    }
    let pages = world.pages("/jobs/job/tasks", |_, _| {});
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1000, 100]);
    assert_eq!(pages.concat().len(), 1100);
}

#[test]
fn the_link_to_the_next_page_repeats_the_request() {
    let mut world = World::with_jobs(&["a", "b", "C"]);
    let reply =
        world.get("/jobs?$select=id,%20state&maxresults=1&api-version=2024-07-01.20.0&$filter=id+ne+'b'");
    assert_eq!(reply.ids(), ["a"]);
    assert_eq!(
        reply.json()["odata.nextLink"],
        format!(
            "{URL}/jobs?$skipToken=0.a&$select=id,%20state&maxresults=1&api-version=2024-07-01.20.0&$filter=id+ne+'b'"
        )
    );
    let reply = world.get(&reply.next().unwrap());
    assert_eq!(reply.json()["value"], json!([{ "id": "C", "state": "active" }]));
    assert_eq!(reply.next(), None);
}

#[test]
fn pages_show_everything_exactly_once() {
    let ids = ["a", "B", "c", "D", "e", "F", "g"];
    let mut world = World::with_jobs(&ids);
    world.complete("B");
    world.complete("e");
    let everything = world.get("/jobs").ids();
    assert_eq!(everything, ["a", "c", "D", "F", "g", "B", "e"]);
    for size in 1..=8 {
        let pages = world.pages(&format!("/jobs?maxresults={size}"), |_, _| {});
        assert!(pages.iter().all(|page| page.len() <= size));
        assert_eq!(pages.concat(), everything, "by {size}");
        let pages = world.pages(&format!("/jobs?maxresults={size}&$filter=state%20eq%20'active'"), |_, _| {});
        assert_eq!(pages.concat(), ["a", "c", "D", "F", "g"], "by {size}");
        let filter = "$filter=id%20eq%20'E'%20or%20state%20eq%20'active'%20and%20id%20gt%20'c'";
        let pages = world.pages(&format!("/jobs?maxresults={size}&{filter}"), |_, _| {});
        assert_eq!(pages.concat(), ["D", "F", "g", "e"], "by {size}");
    }
}

#[test]
fn items_that_vanish_between_pages_take_no_others_with_them() {
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for size in 1..=4 {
        for filter in ["", "&$filter=startswith(id,'')"] {
            let mut world = World::with_jobs(&ids);
            // The last of each page goes once it was shown, which is where the next page goes on from.
            let shown = world.pages(&format!("/jobs?maxresults={size}{filter}"), |world, page| {
                assert_eq!(world.send(&format!("DELETE /jobs/{}", page.last().unwrap()), "").told(), "202");
                world.tick();
            });
            assert_eq!(shown.concat(), ids);

            let mut world = World::with_tasks(&ids);
            let mut gone = Vec::new();
            let shown = world.pages(&format!("/jobs/job/tasks?maxresults={size}{filter}"), |world, page| {
                let last = ids.iter().position(|id| id == page.last().unwrap()).unwrap();
                for id in [Some(&ids[last]), ids.get(last + 1)].into_iter().flatten() {
                    assert_eq!(world.send(&format!("DELETE /jobs/job/tasks/{id}"), "").told(), "200");
                }
                gone.extend(ids.get(last + 1));
            });
            let left: Vec<&str> = ids.into_iter().filter(|id| !gone.contains(&id)).collect();
            assert_eq!(shown.concat(), left, "by {size}");
        }
    }
}

#[test]
fn pools_nodes_and_status_entries_are_paged_too() {
    let mut world = World::new();
    for id in ["p2", "P1", "p3"] {
        let pool = json!({ "id": id, "vmSize": "small", "targetDedicatedNodes": 3 });
        let added = world.send("POST /pools", pool);
        world.obey(added.effects);
    }
    assert_eq!(world.pages("/pools?maxresults=2", |_, _| {}), [names(&["P1", "p2"]), names(&["p3"])]);
    let pages = world.pages("/pools/p2/nodes?maxresults=2", |world, _| {
        world.node("tvm-2", NodeEvent::Removed);
    });
    assert_eq!(pages, [names(&["tvm-1", "tvm-2"]), names(&["tvm-3"])]);

    let body =
        json!({ "id": "job", "poolInfo": { "poolId": "p3" }, "jobPreparationTask": { "commandLine": "x" } });
    world.add_job(&body);
    for one in ["1", "2", "3"] {
        world.send("POST /jobs/job/tasks", task(one));
    }
    let effects = world.schedule();
    world.obey(effects);
    let status = "/jobs/job/jobpreparationandreleasetaskstatus";
    let pages = world.pages(&format!("{status}?maxresults=2"), |_, _| {});
    assert_eq!(pages, [names(&["tvm-7", "tvm-8"]), names(&["tvm-9"])]);
    let pages = world.pages(&format!("{status}?maxresults=1&$filter=nodeId%20ne%20'tvm-8'"), |_, _| {});
    assert_eq!(pages.concat(), ["tvm-7", "tvm-9"]);
}

#[test]
fn a_token_of_no_list_is_refused() {
    let mut world = World::with_jobs(&["a"]);
    for target in [
        "/jobs?$skipToken=a",
        "/jobs?$skipToken=0.%20",
        "/jobs/a/tasks?$skipToken=",
        "/pools?$skiptoken=%C3%A4",
    ] {
        let reply = world.get(target);
        assert_eq!(reply.told(), "400 InvalidQueryParameterValue", "{target}");
        assert_eq!(reply.said("QueryParameterName"), "$skiptoken");
    }
}

#[test]
fn a_selection_is_trimmed_and_answered_in_the_services_order() {
    // Q3
    let mut world = World::with_tasks(&["t"]);
    let reply = world.get("/jobs/job?$select=%20priority%20,state,,id");
    assert_eq!(
        reply.text(),
        format!(
            "{{\r\n  \"odata.metadata\":\"{URL}/$metadata#jobs/@Element\",\"id\":\"job\",\"state\":\"active\",\
             \"priority\":0\r\n}}"
        )
    );
    assert_eq!(world.get("/jobs?$select=id").json()["value"], json!([{ "id": "job" }]));
    let keys =
        |reply: &Reply| reply.json()["value"][0].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&world.get("/jobs/job/tasks?$select=url,id")), ["id", "url"]);
    assert_eq!(keys(&world.get("/pools/pool/nodes?$select=state,id")), ["id", "state"]);
    assert_eq!(world.shown("/pools/pool/nodes/n1?$select=state")["state"], "idle");
    for target in
        ["/jobs", "/jobs/job", "/jobs/job/tasks", "/jobs/job/tasks/t", "/pools", "/pools/pool/nodes"]
    {
        let reply = world.get(&format!("{target}?$select=id,shape"));
        assert_eq!(reply.told(), "400 InvalidQueryParameterValue", "{target}");
        assert_eq!(reply.said("QueryParameterName"), "$select");
        assert_eq!(reply.said("QueryParameterValue"), "id,shape");
        assert!(reply.said("Reason").contains("'shape'"), "{}", reply.said("Reason"));
    }
}

#[test]
fn what_to_expand_is_accepted() {
    let mut world = World::with_tasks(&["t"]);
    for target in ["/jobs", "/jobs/job", "/jobs/job/tasks", "/jobs/job/tasks/t", "/pools"] {
        let (plain, expanded) = (world.shown(target), world.shown(&format!("{target}?$expand=stats")));
        assert_eq!(plain, expanded);
    }
}

#[test]
fn a_filter_that_is_not_understood_is_refused_with_a_reason() {
    // Q4
    let mut world = World::with_tasks(&["t"]);
    for list in ["/jobs", "/jobs/job/tasks", "/pools", "/pools/pool/nodes"] {
        let reply = world.get(&format!("{list}?$filter=length(id)%20gt%203"));
        assert_eq!(reply.told(), "400 InvalidQueryParameterValue", "{list}");
        assert_eq!(reply.said("QueryParameterName"), "$filter");
        assert_eq!(reply.said("QueryParameterValue"), "length(id) gt 3");
        assert!(!reply.said("Reason").is_empty());
    }
}

#[test]
fn tasks_are_filtered_by_how_they_ended() {
    // Q4, Q5
    let mut world = World::with_tasks(&["ok", "bad", "waits"]);
    world.ran("job", "ok", "n1", 0);
    world.ran("job", "bad", "n1", 3);
    for (filter, found) in [
        ("state eq 'completed'", vec!["bad", "ok"]),
        ("state eq 'active' or state eq 'running'", vec!["waits"]),
        ("state eq 'Completed' and id ne 'BAD'", vec!["ok"]),
        ("executionInfo/exitCode eq null", vec!["waits"]),
        ("not (executionInfo/exitCode eq 0)", vec!["bad", "waits"]),
        ("executionInfo/exitCode ne 0", vec!["bad", "waits"]),
        ("executionInfo/exitCode gt 0", vec!["bad"]),
        ("executionInfo/result eq 'failure'", vec!["bad"]),
        ("executionInfo/failureInfo/code eq 'FailureExitCode'", vec!["bad"]),
        ("not (startswith(id, 'b')) and executionInfo/retryCount eq 0", vec!["ok", "waits"]),
        ("stateTransitionTime lt DateTime'2026-02-10T08:00:04Z'", vec![]),
        ("creationTime lt DateTime'2027-01-01T00:00:00Z'", vec!["bad", "ok", "waits"]),
    ] {
        let filter = filter.replace(' ', "%20");
        assert_eq!(world.get(&format!("/jobs/job/tasks?$filter={filter}")).ids(), found, "{filter}");
    }
    assert_eq!(world.get("/pools/pool/nodes?$filter=state%20eq%20'idle'").ids(), ["n1", "n2"]);
    world.run("job", "waits", "n2");
    assert_eq!(world.get("/pools/pool/nodes?$filter=state%20eq%20'idle'").ids(), ["n1"]);
    assert_eq!(world.get("/pools/pool/nodes?$filter=runningTasksCount%20ge%201").ids(), ["n2"]);
}

/// What a job of PUT and PATCH has before.
fn changed_job() -> Value {
    json!({
        "id": "job", "displayName": "kept", "priority": 100, "maxParallelTasks": 7, "allowTaskPreemption": true,
        "constraints": { "maxWallClockTime": "PT2H", "maxTaskRetryCount": 4 }, "poolInfo": { "poolId": "pool" },
        "metadata": [{ "name": "a", "value": "b" }], "usesTaskDependencies": true,
    })
}

#[test]
fn what_a_put_leaves_out_goes_back_to_its_default() {
    let mut world = World::new();
    world.add_job(&changed_job());
    let before = world.shown("/jobs/job");
    let reply = world.send("PUT /jobs/job", json!({ "poolInfo": { "poolId": "pool" } }));
    assert_eq!((reply.told(), reply.brief()), ("200".into(), vec!["JobUpdated".into()]));
    let after = world.shown("/jobs/job");
    assert_eq!(after["priority"], 0);
    assert_eq!(after["maxParallelTasks"], -1);
    assert_eq!(after["allowTaskPreemption"], false);
    assert_eq!(
        after["constraints"],
        json!({ "maxWallClockTime": "P10675199DT2H48M5.4775807S", "maxTaskRetryCount": 0 })
    );
    assert_eq!(after.get("metadata"), None);
    for kept in [
        "displayName",
        "usesTaskDependencies",
        "creationTime",
        "state",
        "stateTransitionTime",
        "onTaskFailure",
    ] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    assert_ne!(after["eTag"], before["eTag"], "T2");

    let everything = json!({
        "priority": -3, "maxParallelTasks": 2, "allowTaskPreemption": true, "metadata": [{ "name": "x", "value": "y" }],
        "constraints": { "maxWallClockTime": "P1D", "maxTaskRetryCount": -1 }, "poolInfo": { "poolId": "pool" },
        "onAllTasksComplete": "terminatejob",
    });
    assert_eq!(world.send("PUT /jobs/job", &everything).told(), "200");
    let after = world.shown("/jobs/job");
    for (name, value) in everything.as_object().unwrap() {
        assert_eq!(&after[name], value, "{name}");
    }
}

#[test]
fn a_put_needs_a_pool() {
    let mut world = World::with_jobs(&["job"]);
    let reply = world.send("PUT /jobs/job", json!({ "priority": 1 }));
    assert_eq!(
        (reply.told(), reply.said("PropertyName")),
        ("400 MissingRequiredProperty".into(), "poolInfo".into())
    );
    let reply = world.send("PUT /jobs/job", json!({ "poolInfo": {} }));
    assert_eq!(
        (reply.told(), reply.said("PropertyName")),
        ("400 MissingRequiredProperty".into(), "poolInfo.poolId".into())
    );
    assert_eq!(world.send("PUT /jobs/job", "").told(), "400 InvalidRequestBody");
}

#[test]
fn a_patch_replaces_each_property_that_it_gives_whole() {
    let mut world = World::new();
    world.add_job(&changed_job());
    let patch = |world: &mut World, body: Value| {
        assert_eq!(world.send("PATCH /jobs/job", body).told(), "200");
        world.shown("/jobs/job")
    };
    let after = patch(&mut world, json!({ "priority": 5 }));
    let before = changed_job();
    assert_eq!(after["priority"], 5);
    for kept in ["maxParallelTasks", "allowTaskPreemption", "constraints", "metadata", "poolInfo"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    // Observed: constraints that leave the retry count out give 0.
    let after = patch(&mut world, json!({ "constraints": { "maxWallClockTime": "PT1H" } }));
    assert_eq!(after["constraints"], json!({ "maxWallClockTime": "PT1H", "maxTaskRetryCount": 0 }));
    let after = patch(&mut world, json!({ "constraints": { "maxTaskRetryCount": 3 } }));
    assert_eq!(
        after["constraints"],
        json!({ "maxWallClockTime": "P10675199DT2H48M5.4775807S", "maxTaskRetryCount": 3 })
    );
    let after = patch(&mut world, json!({ "metadata": [{ "name": "c", "value": "d" }] }));
    assert_eq!(after["metadata"], json!([{ "name": "c", "value": "d" }]));
    let after = patch(&mut world, json!({ "networkConfiguration": { "subnetId": "/net" } }));
    assert_eq!(after["networkConfiguration"], json!({ "subnetId": "/net" }));
    // Nothing and nulls are a change of nothing, which moves the ETag all the same.
    let before = world.shown("/jobs/job");
    let after = patch(&mut world, json!({ "priority": null, "poolInfo": null }));
    assert_eq!(after["priority"], 5);
    assert_ne!(after["eTag"], before["eTag"]);
}

#[test]
fn a_new_retry_count_of_a_job_is_for_new_tasks() {
    let mut world = World::with_tasks(&["old"]);
    world.send("PATCH /jobs/job", json!({ "constraints": { "maxTaskRetryCount": 2 } }));
    world.send("POST /jobs/job/tasks", task("new"));
    let count = "/constraints/maxTaskRetryCount";
    assert_eq!(world.value("/jobs/job/tasks/old", count), 0);
    assert_eq!(world.value("/jobs/job/tasks/new", count), 2);
}

#[test]
fn a_disabled_job_can_go_to_another_pool_and_its_tasks_with_it() {
    // X8
    let mut world = World::with_tasks(&["t"]);
    world.add_node("other", "n9");
    let body = json!({ "poolInfo": { "poolId": "other" } });
    assert_eq!(world.send("PATCH /jobs/job", &body).told(), "409 OperationInvalidForCurrentState");
    world.send("POST /jobs/job/disable", json!({ "disableTasks": "requeue" }));
    assert_eq!(
        world.send("PATCH /jobs/job", &body).told(),
        "409 OperationInvalidForCurrentState",
        "disabling"
    );
    world.tick();
    assert_eq!(world.send("PATCH /jobs/job", &body).told(), "200");
    world.send("POST /jobs/job/enable", "");
    let effects = world.schedule();
    assert_eq!(brief(&effects), ["TaskRunning t n9", "RunTask t n9"]);
    assert_eq!(world.value("/jobs/job/tasks/t", "/nodeInfo/poolId"), "other");
    assert_eq!(world.value("/jobs/job", "/executionInfo/poolId"), "other");
}

#[test]
fn a_deleted_job_is_there_until_it_is_gone() {
    // G2, T3
    let mut world = World::with_tasks(&["runs", "waits"]);
    world.run("job", "runs", "n1");
    let before = world.shown("/jobs/job");
    let deleted = world.send("DELETE /jobs/job", "");
    assert_eq!(
        (deleted.told(), deleted.brief()),
        ("202".into(), vec!["JobDeleting".into(), "StopTask runs n1 JobEnding".into()])
    );
    let shown = world.shown("/jobs/job");
    assert_eq!(shown["state"], "deleting");
    assert_eq!(shown["previousState"], "active");
    assert_eq!((&shown["eTag"], &shown["lastModified"]), (&before["eTag"], &before["lastModified"]));
    assert_ne!(shown["stateTransitionTime"], before["stateTransitionTime"]);
    assert_eq!(shown["executionInfo"], before["executionInfo"], "no endTime, no reason");
    assert_eq!(world.send("DELETE /jobs/job", "").told(), "409 JobBeingDeleted");
    assert_eq!(world.send("DELETE /jobs/job?force=true", "").told(), "409 JobBeingDeleted");
    assert_eq!(world.get("/jobs/job/tasks").ids(), ["runs", "waits"]);
    assert_eq!(brief(&world.tick()), [""; 0], "the node has not answered");
    world.ends("job", "runs", "n1", 143);
    assert_eq!(world.state("/jobs/job"), "deleting");
    assert_eq!(brief(&world.tick()), ["JobDeleted"]);
    assert_eq!(world.get("/jobs/job").told(), "404 JobNotFound");
    assert_eq!(world.get("/jobs/job/tasks").told(), "404 JobNotFound");
    assert_eq!(world.get("/jobs").ids(), [""; 0]);
    // The id is free again, and nothing of the old job is left.
    world.add_job(&job("JOB"));
    assert_eq!(world.shown("/jobs/job")["id"], "JOB");
    assert_eq!(world.get("/jobs/job/tasks").ids(), [""; 0]);
}

#[test]
fn a_forced_deletion_gives_up_on_nodes_in_time() {
    // F1
    let mut world = World::with_tasks(&["t"]);
    world.run("job", "t", "n1");
    assert_eq!(world.send("DELETE /jobs/job?force=TRUE", "").told(), "202");
    world.later(57);
    assert_eq!(brief(&world.tick()), [""; 0]);
    world.later(1);
    assert_eq!(brief(&world.tick()), ["TaskCompleted t n1", "JobDeleted"]);
    assert_eq!(world.get("/jobs/job").told(), "404 JobNotFound");
    assert_eq!(world.state("/pools/pool/nodes/n1"), "idle");
}

#[test]
fn force_is_known_from_its_version_on_alone() {
    // F3
    let mut world = World::with_jobs(&["job"]);
    let old = "/jobs/job?force=true&api-version=2024-02-01.19.0";
    assert_eq!(world.send(&format!("DELETE {old}"), "").told(), "400 UnsupportedQueryParameter");
    // Where force means nothing it is ignored.
    assert_eq!(world.send(&format!("GET {old}"), "").told(), "200");
    assert_eq!(world.send("DELETE /jobs/job?force=perhaps", "").told(), "400 InvalidQueryParameterValue");
    assert_eq!(world.send("DELETE /jobs/job?force=false", "").told(), "202");
}

#[test]
fn a_disabled_job_does_with_its_tasks_as_told() {
    // G1
    for (option, stops, states, counted) in [
        ("requeue", Some("Requeue"), ["active", "active"], 1),
        ("terminate", Some("Terminate"), ["completed", "active"], 0),
        ("wait", None, ["completed", "active"], 0),
        ("Wait", None, ["completed", "active"], 0),
    ] {
        let mut world = World::with_tasks(&["runs", "waits"]);
        world.run("job", "runs", "n1");
        let reply = world.send("POST /jobs/job/disable", json!({ "disableTasks": option }));
        let stop = stops.map(|cause| format!("StopTask runs n1 {cause}"));
        assert_eq!(reply.brief(), ["JobDisabling".to_string()].into_iter().chain(stop).collect::<Vec<_>>());
        assert_eq!(world.state("/jobs/job"), "disabling");
        assert_eq!(brief(&world.tick()), [""; 0], "{option}: its task runs still");
        assert_eq!(world.schedule(), []);
        world.ends("job", "runs", "n1", 0);
        assert_eq!(world.state("/jobs/job"), "disabling", "S1");
        let etag = world.etag("/jobs/job");
        assert_eq!(brief(&world.tick()), ["JobDisabled"]);
        let shown = world.shown("/jobs/job");
        assert_eq!((&shown["state"], &shown["previousState"]), (&json!("disabled"), &json!("active")), "T7");
        assert_eq!(shown["eTag"], etag, "T2");
        assert_eq!(
            ["runs", "waits"].map(|task| world.state(&format!("/jobs/job/tasks/{task}"))),
            states,
            "{option}"
        );
        assert_eq!(world.value("/jobs/job/tasks/runs", "/executionInfo/requeueCount"), counted);
        if option == "terminate" {
            assert_eq!(world.value("/jobs/job/tasks/runs", "/executionInfo/failureInfo/code"), "TaskEnded");
        }
        assert_eq!(world.schedule(), [], "G1");

        assert_eq!(world.send("POST /jobs/job/enable", "").brief(), ["JobEnabled"]);
        let shown = world.shown("/jobs/job");
        assert_eq!((&shown["state"], &shown["previousState"]), (&json!("active"), &json!("disabled")));
        assert_ne!(shown["eTag"], etag, "T2");
        assert!(!world.schedule().is_empty(), "{option}");
    }
}

#[test]
fn to_disable_a_job_takes_a_word_about_its_tasks() {
    let mut world = World::with_jobs(&["job"]);
    let reply = world.send("POST /jobs/job/disable", "{}");
    assert_eq!(
        (reply.told(), reply.said("PropertyName")),
        ("400 MissingRequiredProperty".into(), "disableTasks".into())
    );
    let reply = world.send("POST /jobs/job/disable", json!({ "disableTasks": "stop" }));
    assert_eq!(
        (reply.told(), reply.said("PropertyValue")),
        ("400 InvalidPropertyValue".into(), "stop".into())
    );
    assert_eq!(world.send("POST /jobs/job/disable", "").told(), "400 InvalidRequestBody");
}

#[test]
fn a_job_manager_task_is_made_with_the_job_and_ends_it() {
    // X2
    let mut world = World::new();
    for node in ["n1", "n2"] {
        world.add_node("pool", node);
    }
    let mut body = job("job");
    body["jobManagerTask"] = json!({ "id": "manager", "commandLine": "manage", "displayName": "M" });
    body["constraints"] = json!({ "maxTaskRetryCount": 2 });
    let reply = world.send("POST /jobs", &body);
    assert_eq!(reply.brief(), ["JobAdded", "TaskAdded"]);
    let shown = world.shown("/jobs/job/tasks/manager");
    assert_eq!((&shown["displayName"], &shown["commandLine"]), (&json!("M"), &json!("manage")));
    assert_eq!(
        shown["constraints"],
        json!({
            "maxWallClockTime": "P10675199DT2H48M5.4775807S", "retentionTime": "P7D", "maxTaskRetryCount": 2,
        })
    );
    assert_eq!(
        world.shown("/jobs/job")["jobManagerTask"],
        json!({
            "id": "manager", "displayName": "M", "commandLine": "manage", "requiredSlots": 1,
            "constraints": { "maxWallClockTime": "P10675199DT2H48M5.4775807S", "retentionTime": "P7D", "maxTaskRetryCount": 2 },
            "userIdentity": { "autoUser": { "scope": "pool", "elevationLevel": "nonadmin" } },
            "runExclusive": true, "allowLowPriorityNode": true, "killJobOnCompletion": true,
        })
    );
    assert_eq!(world.value("/jobs/job/taskcounts", "/taskCounts/active"), 1);
    assert_eq!(world.send("POST /jobs/job/tasks", task("Manager")).told(), "409 TaskExists", "S4");
    world.send("POST /jobs/job/tasks", task("t"));
    let effects = world.schedule();
    world.obey(effects);
    assert_eq!(world.get("/jobs/job/tasks?$filter=state%20eq%20'running'").ids(), ["manager", "t"]);
    world.ends("job", "manager", "n1", 0);
    assert_eq!(brief(&world.tick()), ["JobTerminating", "StopTask t n2 JobEnding"]);
    assert_eq!(world.value("/jobs/job", "/executionInfo/terminateReason"), "JMComplete");
}

#[test]
fn the_ids_of_the_preparation_and_the_release_are_taken() {
    let mut world = World::new();
    let mut body = job("job");
    body["jobPreparationTask"] = json!({ "commandLine": "x" });
    body["jobReleaseTask"] = json!({ "id": "bye", "commandLine": "y" });
    world.add_job(&body);
    let add = "POST /jobs/job/tasks";
    assert_eq!(world.send(add, task("JobPreparation")).told(), "409 TaskIdSameAsJobPreparationTask");
    assert_eq!(world.send(add, task("bye")).told(), "409 TaskIdSameAsJobReleaseTask");
    assert_eq!(world.send(add, task("jobrelease")).told(), "201");
    body["id"] = json!("other");
    body["jobManagerTask"] = json!({ "id": "bye", "commandLine": "z" });
    assert_eq!(world.send("POST /jobs", &body).told(), "409 TaskIdSameAsJobReleaseTask");
}

// Preparation and release

#[test]
fn preparation_and_release_show_on_each_node() {
    let status = "/jobs/job/jobpreparationandreleasetaskstatus";
    let mut world = World::with_pool(2);
    let mut body = job("job");
    body["jobPreparationTask"] = json!({ "commandLine": "x", "constraints": { "maxTaskRetryCount": 1 } });
    body["jobReleaseTask"] = json!({ "commandLine": "y" });
    world.add_job(&body);
    for one in ["a", "b"] {
        world.send("POST /jobs/job/tasks", task(one));
    }
    assert_eq!(world.get(status).ids(), [""; 0]);
    world.assign("job", "a", "tvm-1");
    assert_eq!(world.get(status).ids(), [""; 0], "nothing has started there yet");
    world.say("job", Unit::Preparation, "tvm-1", None);
    let node = format!("{URL}/pools/pool/nodes/tvm-1");
    let start = world.now;
    let running = json!({
        "startTime": start.iso8601().to_string(), "taskRootDirectory": "workitems/job/job-1/jobpreparation",
        "taskRootDirectoryUrl": format!("{node}/files/workitems/job/job-1/jobpreparation"),
        "state": "running", "retryCount": 0,
    });
    let reply = world.get(status);
    assert_eq!(
        reply.json(),
        json!({
            "odata.metadata": format!("{URL}/$metadata#jobpreparationandreleasetaskstatuslist"),
            "value": [{
                "poolId": "pool", "nodeId": "tvm-1", "nodeUrl": node, "jobPreparationTaskExecutionInfo": running,
            }],
        })
    );
    world.say("job", Unit::Preparation, "tvm-1", Some(1));
    world.say("job", Unit::Preparation, "tvm-1", None);
    world.say("job", Unit::Preparation, "tvm-1", Some(0));
    let preparation = world.value(status, "/value/0/jobPreparationTaskExecutionInfo");
    assert_eq!(preparation["endTime"], world.now_before_a_read());
    for (name, value) in [
        ("state", json!("completed")),
        ("exitCode", json!(0)),
        ("result", json!("success")),
        ("retryCount", json!(1)),
    ] {
        assert_eq!(preparation[name], value, "{name}");
    }
    let effects = world.assign("job", "b", "tvm-2");
    world.obey(effects);
    assert_eq!(world.get(status).ids(), ["tvm-1", "tvm-2"]);

    // N3: a node that was removed is still told of.
    world.node("tvm-2", NodeEvent::Removed);
    assert_eq!(world.get("/pools/pool/nodes").ids(), ["tvm-1"]);
    assert_eq!(world.get(status).ids(), ["tvm-1", "tvm-2"]);

    world.ends("job", "a", "tvm-1", 0);
    assert_eq!(world.send("POST /jobs/job/terminate", "").brief(), ["JobTerminating", "RunRelease tvm-1"]);
    assert_eq!(world.value(status, "/value/0/jobReleaseTaskExecutionInfo"), Value::Null);
    world.say("job", Unit::Release, "tvm-1", None);
    assert_eq!(world.value(status, "/value/0/jobReleaseTaskExecutionInfo/state"), "running");
    world.say("job", Unit::Release, "tvm-1", Some(9));
    let release = world.value(status, "/value/0/jobReleaseTaskExecutionInfo");
    assert_eq!((&release["exitCode"], &release["result"]), (&json!(9), &json!("failure")));
    assert_eq!(release["taskRootDirectory"], "workitems/job/job-1/jobrelease");
    assert_eq!(release.get("retryCount"), None, "a release is not tried again");
    world.tick();
    assert_eq!(world.state("/jobs/job"), "completed");
    assert_eq!(world.get(status).ids(), ["tvm-1", "tvm-2"]);
    assert_eq!(world.value(status, "/value/1/jobReleaseTaskExecutionInfo"), Value::Null);
}

impl World {
    fn now_before_a_read(&self) -> String {
        let read = TimeSpan::from_secs(1).ticks();
        Timestamp::from_ticks(self.now.ticks() - read).unwrap().iso8601().to_string()
    }
}

#[test]
fn a_job_without_preparation_and_release_has_no_status_of_them() {
    let mut world = World::with_jobs(&["plain"]);
    let reply = world.get("/jobs/plain/jobpreparationandreleasetaskstatus");
    assert_eq!(reply.told(), "409 JobPreparationTaskOrReleaseTaskNotSpecified");
    assert_eq!(world.get("/jobs/none/jobpreparationandreleasetaskstatus").told(), "404 JobNotFound");
}

// Tasks

#[test]
fn each_task_of_a_collection_is_judged_by_itself() {
    // B7
    let mut world = World::with_tasks(&["old"]);
    let body = json!({ "value": [
        task("new"), task("Old"), task("NEW"), task("bad id"), { "id": "no-command" }, { "commandLine": "no id" },
        { "id": "slots", "commandLine": "x", "requiredSlots": 0 },
        { "id": "depends", "commandLine": "x", "dependsOn": { "taskIds": ["new"] } },
        { "id": "acts", "commandLine": "x", "exitConditions": { "default": { "jobAction": "terminate" } } },
        task("last"),
    ] });
    let reply = world.send("POST /jobs/job/addtaskcollection", body);
    assert_eq!((reply.told(), reply.brief()), ("200".into(), names(&["TaskAdded", "TaskAdded"])));
    let shown = reply.json();
    assert_eq!(shown["odata.metadata"], format!("{URL}/$metadata#taskaddresult"));
    let results: Vec<String> = shown["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            let text =
                |pointer: &str| result.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_string();
            format!("{} {} {}", text("/taskId"), text("/status"), text("/error/code"))
        })
        .collect();
    assert_eq!(
        results,
        [
            "new Success -",
            "Old ClientError TaskExists",
            "NEW ClientError TaskExists",
            "bad id ClientError InvalidPropertyValue",
            "no-command ClientError MissingRequiredProperty",
            " ClientError MissingRequiredProperty",
            "slots ClientError InvalidPropertyValue",
            "depends ClientError UnsupportedProperty",
            "acts ClientError InvalidPropertyValue",
            "last Success -",
        ]
    );
    let added = world.shown("/jobs/job/tasks/new");
    assert_eq!(
        shown["value"][0],
        json!({
            "status": "Success", "taskId": "new", "eTag": added["eTag"], "lastModified": added["lastModified"],
            "location": format!("{URL}/jobs/job/tasks/new"),
        })
    );
    let error = &shown["value"][1]["error"];
    let first = "The specified task already exists.\nRequestId:";
    assert!(error["message"]["value"].as_str().unwrap().starts_with(first), "{error}");
    assert_eq!(error["message"]["lang"], "en-US");
    assert_eq!(
        shown["value"][6]["error"]["values"][0],
        json!({ "key": "PropertyName", "value": "requiredSlots" })
    );
    assert_eq!(world.get("/jobs/job/tasks").ids(), ["last", "new", "old"]);
}

#[test]
fn a_collection_has_at_most_100_tasks() {
    // B7
    let mut world = World::with_jobs(&["job"]);
    let tasks = |number: u32| -> Vec<Value> { (0..number).map(|one| task(&format!("t{one}"))).collect() };
    let reply = world.send("POST /jobs/job/addtaskcollection", json!({ "value": tasks(101) }));
    assert_eq!(
        (reply.told(), reply.said("PropertyName")),
        ("400 InvalidPropertyValue".into(), "value".into())
    );
    let reply = world.send("POST /jobs/job/addtaskcollection", json!({ "value": tasks(100) }));
    assert_eq!((reply.told(), reply.ids().len()), ("200".into(), 100));
    let reply = world.send("POST /jobs/job/addtaskcollection", json!({ "value": [] }));
    assert_eq!((reply.told(), reply.ids().len()), ("200".into(), 0));
}

#[test]
fn what_is_wrong_with_the_shape_of_a_collection_refuses_all_of_it() {
    // B7
    let mut world = World::with_jobs(&["job"]);
    for (body, told) in [
        (
            json!({ "value": [task("a"), { "id": "b", "commandLine": "x", "shape": 1 }] }),
            "400 InvalidRequestBody",
        ),
        (json!({ "value": [task("a"), { "id": 1, "commandLine": "x" }] }), "400 InvalidRequestBody"),
        (json!({ "value": [task("a"), "b"] }), "400 InvalidRequestBody"),
        (json!({ "value": task("a") }), "400 InvalidRequestBody"),
        (json!({ "values": [] }), "400 InvalidRequestBody"),
        (json!([task("a")]), "400 InvalidRequestBody"),
        (json!({}), "400 MissingRequiredProperty"),
        (json!({ "value": null }), "400 MissingRequiredProperty"),
    ] {
        assert_eq!(world.send("POST /jobs/job/addtaskcollection", &body).told(), told, "{body}");
    }
    assert_eq!(world.send("POST /jobs/job/addtaskcollection", "").told(), "400 InvalidRequestBody");
    // A property that the api-version does not know yet is none.
    let slots = json!({ "value": [{ "id": "a", "commandLine": "x", "requiredSlots": 2 }] });
    let line = format!("POST /jobs/job/addtaskcollection?{BEFORE_SLOTS}");
    assert_eq!(world.send(&line, &slots).told(), "400 InvalidRequestBody");
    assert_eq!(world.send("POST /jobs/job/addtaskcollection", &slots).told(), "200");
}

#[test]
fn a_collection_has_at_most_a_mebibyte() {
    // B1
    let mut world = World::with_jobs(&["job"]);
    let mut body = json!({ "value": [{ "id": "a", "commandLine": "" }] }).to_string();
    let missing = 1024 * 1024 - body.len();
    body = body.replace("\"commandLine\":\"", &format!("\"commandLine\":\"{}", "x".repeat(missing)));
    assert_eq!(body.len(), 1024 * 1024);
    let reply = world.send("POST /jobs/job/addtaskcollection", format!("{body} "));
    assert_eq!((reply.told(), reply.said("MaxLimit")), ("413 RequestBodyTooLarge".into(), "1048576".into()));
    assert_eq!(world.send("POST /jobs/job/addtaskcollection", body).told(), "200");
}

#[test]
fn a_collection_for_a_job_that_takes_no_tasks_is_refused_whole() {
    let mut world = World::with_jobs(&["job"]);
    let body = json!({ "value": [task("a")] });
    assert_eq!(world.send("POST /jobs/none/addtaskcollection", &body).told(), "404 JobNotFound");
    world.send("POST /jobs/job/terminate", "");
    assert_eq!(world.send("POST /jobs/job/addtaskcollection", &body).told(), "409 JobBeingTerminated");
    world.tick();
    assert_eq!(world.send("POST /jobs/job/addtaskcollection", &body).told(), "409 JobCompleted");
}

#[test]
fn tasks_are_listed_by_id_without_case() {
    // Q6
    let mut world = World::with_tasks(&["b", "C", "a", "10", "9"]);
    let reply = world.get("/jobs/job/tasks");
    assert_eq!(reply.ids(), ["10", "9", "a", "b", "C"]);
    assert!(reply.json()["value"][0].get("odata.metadata").is_none());
}

#[test]
fn an_update_of_a_task_replaces_its_constraints() {
    let mut world = World::with_tasks(&["t"]);
    let target = "/jobs/job/tasks/t";
    let body = json!({ "constraints": { "maxWallClockTime": "PT5M", "retentionTime": "PT1H", "maxTaskRetryCount": -1 } });
    let before = world.shown(target);
    let reply = world.send(&format!("PUT {target}"), &body);
    assert_eq!((reply.told(), reply.brief()), ("200".into(), vec!["TaskUpdated t".into()]));
    let after = world.shown(target);
    assert_eq!(after["constraints"], body["constraints"]);
    assert_ne!(after["eTag"], before["eTag"], "T8");
    assert_eq!(after["stateTransitionTime"], before["stateTransitionTime"]);
    // What is left out goes back to its default.
    for body in
        [json!({ "constraints": { "maxTaskRetryCount": 1 } }), json!({ "constraints": {} }), json!({})]
    {
        assert_eq!(world.send(&format!("PUT {target}"), &body).told(), "200");
        assert_eq!(
            world.value(target, "/constraints"),
            json!({
                "maxWallClockTime": "P10675199DT2H48M5.4775807S", "retentionTime": "P7D",
                "maxTaskRetryCount": body.pointer("/constraints/maxTaskRetryCount").unwrap_or(&json!(0)),
            })
        );
    }
    let reply = world.send(&format!("PUT {target}"), json!({ "constraints": { "maxTaskRetryCount": -2 } }));
    assert_eq!(reply.told(), "400 InvalidPropertyValue");
    assert_eq!(world.send("PUT /jobs/job/tasks/none", "{}").told(), "404 TaskNotFound");
}

#[test]
fn a_task_is_deleted_at_once_or_when_its_node_has_stopped_it() {
    // K7
    let mut world = World::with_tasks(&["active", "running", "completed", "running-on"]);
    world.ran("job", "completed", "n1", 0);
    world.run("job", "running", "n1");
    for (task, effects) in [
        ("active", "TaskDeleted active"),
        ("completed", "TaskDeleted completed"),
        ("running", "StopTask running n1 Delete"),
    ] {
        let reply = world.send(&format!("DELETE /jobs/job/tasks/{task}"), "");
        assert_eq!((reply.told(), reply.brief()), ("200".into(), vec![effects.to_string()]));
    }
    assert_eq!(world.get("/jobs/job/tasks").ids(), ["running", "running-on"]);
    assert_eq!(world.get("/jobs/job/tasks/active").told(), "404 TaskNotFound");
    assert_eq!(world.state("/pools/pool/nodes/n1"), "running");
    assert_eq!(brief(&world.ends("job", "running", "n1", 0)), ["TaskDeleted running n1"]);
    assert_eq!(world.state("/pools/pool/nodes/n1"), "idle");
    assert_eq!(world.get("/jobs/job/tasks").ids(), ["running-on"]);
    // The id is free again.
    assert_eq!(world.send("POST /jobs/job/tasks", task("active")).told(), "201");
    assert_eq!(
        world.shown("/jobs/job/taskcounts")["taskCounts"],
        json!({
            "active": 2, "running": 0, "completed": 0, "succeeded": 0, "failed": 0,
        })
    );
}

#[test]
fn a_task_is_terminated_at_once_or_when_its_node_has_stopped_it() {
    // K6
    let mut world = World::with_tasks(&["active", "running"]);
    let before = world.shown("/jobs/job/tasks/active");
    assert_eq!(world.send("POST /jobs/job/tasks/active/terminate", "").told(), "204");
    let after = world.shown("/jobs/job/tasks/active");
    assert_eq!(after["state"], "completed");
    assert_eq!(after["previousState"], "active");
    assert_eq!(after["nodeInfo"], json!({}));
    assert_eq!(
        after["executionInfo"],
        json!({
            "endTime": after["stateTransitionTime"], "result": "failure", "retryCount": 0, "requeueCount": 0,
            "failureInfo": { "category": "UserError", "code": "TaskEnded", "message": "Task Was Ended by User Request" },
        })
    );
    assert_ne!(after["eTag"], before["eTag"], "T8");

    world.run("job", "running", "n1");
    let reply = world.send("POST /jobs/job/tasks/running/terminate", "");
    assert_eq!(reply.brief(), ["TaskTouched running", "StopTask running n1 Terminate"]);
    assert_eq!(world.state("/jobs/job/tasks/running"), "running");
    // A second request is accepted as well.
    let reply = world.send("POST /jobs/job/tasks/running/terminate", "");
    assert_eq!((reply.told(), reply.brief()), ("204".into(), vec!["TaskTouched running".into()]));
    world.ends("job", "running", "n1", 137);
    let after = world.shown("/jobs/job/tasks/running");
    assert_eq!((&after["state"], &after["executionInfo"]["exitCode"]), (&json!("completed"), &json!(137)));
    assert_eq!(world.send("POST /jobs/job/tasks/running/terminate", "").told(), "409 TaskCompleted");
}

#[test]
fn a_failed_task_is_reactivated_without_a_trace_of_its_end() {
    // K8
    let mut world = World::with_tasks(&["t", "good"]);
    world.send("PUT /jobs/job/tasks/t", json!({ "constraints": { "maxTaskRetryCount": 1 } }));
    let fresh = world.shown("/jobs/job/tasks/t");
    assert_eq!(world.send("POST /jobs/job/tasks/t/reactivate", "").told(), "409 TaskNotCompleted");
    world.ran("job", "t", "n1", 1);
    world.ran("job", "t", "n1", 1);
    assert_eq!(world.value("/jobs/job/tasks/t", "/executionInfo/retryCount"), 1);
    assert_eq!(world.send("POST /jobs/job/tasks/t/reactivate", "").told(), "204");
    let again = world.shown("/jobs/job/tasks/t");
    assert_eq!(again["executionInfo"], fresh["executionInfo"]);
    assert_eq!((&again["state"], &again["previousState"]), (&json!("active"), &json!("completed")));
    assert_eq!(again.get("nodeInfo"), None);
    world.ran("job", "t", "n2", 1);
    assert_eq!(world.state("/jobs/job/tasks/t"), "active", "its retries are new too");
    world.ran("job", "good", "n1", 0);
    assert_eq!(world.send("POST /jobs/job/tasks/good/reactivate", "").told(), "409 TaskSucceeded");
}

#[test]
fn a_plain_task_has_no_subtasks() {
    let mut world = World::with_tasks(&["t"]);
    let reply = world.get("/jobs/job/tasks/t/subtasksinfo");
    let expected = format!(
        "{{\r\n  \"odata.metadata\":\"{URL}/$metadata#subtaskinfo\",\"value\":[\r\n    \r\n  ]\r\n}}"
    );
    assert_eq!(reply.text(), expected);
    assert_eq!(world.get("/jobs/job/tasks/none/subtasksinfo").told(), "404 TaskNotFound");
    assert_eq!(world.get("/jobs/none/tasks/t/subtasksinfo").told(), "404 JobNotFound");
}

#[test]
fn tasks_and_their_slots_are_counted() {
    let mut world = World::with_pool(1);
    let mut body = job("job");
    body["jobPreparationTask"] = json!({ "commandLine": "x" });
    world.add_job(&body);
    for (id, slots) in [("a", 1), ("b", 2), ("c", 1), ("d", 1), ("e", 2)] {
        world.send("POST /jobs/job/tasks", json!({ "id": id, "commandLine": "x", "requiredSlots": slots }));
    }
    let effects = world.assign("job", "a", "tvm-1");
    world.obey(effects);
    world.ends("job", "a", "tvm-1", 0);
    world.ran("job", "b", "tvm-1", 1);
    world.run("job", "c", "tvm-1");
    world.node("tvm-1", NodeEvent::Rebooted); // The preparation runs again before what comes next.
    world.assign("job", "d", "tvm-1");
    assert_eq!(world.state("/jobs/job/tasks/d"), "preparing");
    let reply = world.get("/jobs/job/taskcounts");
    assert_eq!(
        reply.json(),
        json!({
            "odata.metadata": format!("{URL}/$metadata#taskcountsresult/@Element"),
            "taskCounts": { "active": 2, "running": 1, "completed": 2, "succeeded": 1, "failed": 1 },
            "taskSlotCounts": { "active": 3, "running": 1, "completed": 3, "succeeded": 1, "failed": 2 },
        })
    );
    let old = world.shown(&format!("/jobs/job/taskcounts?{BEFORE_SLOTS}"));
    assert_eq!(old.get("taskSlotCounts"), None);
    assert_eq!(old["taskCounts"], reply.json()["taskCounts"]);
}

// Pools

#[test]
fn a_pool_gets_its_nodes_from_the_host() {
    // P2
    let mut world = World::new();
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
        ("taskSchedulingPolicy", &json!({ "nodeFillType": "spread" })),
    ] {
        assert_eq!(&shown[name], value, "{name}");
    }
    assert_eq!(brief(&world.tick()), [""; 0], "it waits for the host");
    world.add_node("Pool", "n1");
    world.add_node("Pool", "n2");
    assert_eq!(world.value("/pools/pool", "/allocationState"), "resizing");
    world.add_node("Pool", "n3");
    assert_eq!(world.value("/pools/pool", "/allocationState"), "resizing", "S1");
    assert_eq!(brief(&world.tick()), ["PoolSteady"]);
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

#[test]
fn an_empty_pool_is_steady_at_the_next_tick() {
    let mut world = World::new();
    assert_eq!(world.send("POST /pools", json!({ "id": "p", "vmSize": "small" })).brief(), ["PoolAdded"]);
    assert!(world.account.deadline().unwrap() <= world.now);
    assert_eq!(brief(&world.tick()), ["PoolSteady"]);
    assert_eq!(world.account.deadline(), None);
}

#[test]
fn a_pool_that_cannot_be_is_refused() {
    let mut world = World::new();
    let pool = |change: Value| {
        let mut body = json!({ "id": "p", "vmSize": "small" });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    for (body, told, named) in [
        (json!({ "vmSize": "small" }), "400 MissingRequiredProperty", "id"),
        (json!({ "id": "p" }), "400 MissingRequiredProperty", "vmSize"),
        (pool(json!({ "id": "a b" })), "400 InvalidPropertyValue", "id"),
        (pool(json!({ "targetDedicatedNodes": -1 })), "400 InvalidPropertyValue", "targetDedicatedNodes"),
        (pool(json!({ "taskSlotsPerNode": 0 })), "400 InvalidPropertyValue", "taskSlotsPerNode"),
        (pool(json!({ "taskSlotsPerNode": 257 })), "400 InvalidPropertyValue", "taskSlotsPerNode"),
        (pool(json!({ "displayName": "x".repeat(1025) })), "400 InvalidPropertyValue", "displayName"),
        (pool(json!({ "maxTasksPerNode": 2 })), "400 InvalidRequestBody", ""),
        (pool(json!({ "enableAutoScale": true, "autoScaleFormula": "1" })), "501 NotImplemented", ""),
    ] {
        let reply = world.send("POST /pools", &body);
        assert_eq!((reply.told(), reply.said("PropertyName")), (told.into(), named.into()), "{body}");
    }
    let line = format!("POST /pools?{BEFORE_SLOTS}");
    assert_eq!(world.send(&line, pool(json!({ "maxTasksPerNode": 3 }))).told(), "201");
    assert_eq!(world.value("/pools/p", "/taskSlotsPerNode"), 3);
    assert_eq!(world.value(&format!("/pools/p?{BEFORE_SLOTS}"), "/maxTasksPerNode"), 3);
}

#[test]
fn a_deleted_pool_lets_its_nodes_go_first() {
    let mut world = World::with_pool(2);
    world.add_job(&job("job"));
    world.send("POST /jobs/job/tasks", task("t"));
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
    assert_eq!(brief(&world.tick()), ["RemoveNode tvm-2"]);
    world.node("tvm-2", NodeEvent::Removed);
    world.ends("job", "t", "tvm-1", 143);
    assert_eq!(world.state("/jobs/job/tasks/t"), "active");
    assert_eq!(brief(&world.tick()), ["RemoveNode tvm-1"]);
    assert_eq!(brief(&world.tick()), [""; 0]);
    world.node("tvm-1", NodeEvent::Removed);
    assert_eq!(brief(&world.tick()), ["PoolDeleted"]);
    assert_eq!(world.get("/pools/pool").told(), "404 PoolNotFound");
    assert_eq!(world.get("/pools/pool/nodes").told(), "404 PoolNotFound");
    assert_eq!(world.send("DELETE /pools/pool", "").told(), "404 PoolNotFound");
    assert_eq!(world.send("POST /pools", json!({ "id": "pool", "vmSize": "small" })).told(), "201");
}

#[test]
fn a_resize_needs_a_number_of_nodes() {
    // Observed.
    let mut world = World::with_pool(0);
    for body in
        [json!({}), json!({ "nodeDeallocationOption": "requeue" }), json!({ "targetDedicatedNodes": null })]
    {
        let reply = world.send("POST /pools/pool/resize", &body);
        assert_eq!(reply.told(), "400 MissingRequiredProperty", "{body}");
        assert_eq!(reply.said("PropertyName"), "targetDedicatedNodes and/or targetLowPriorityNodes");
    }
    let reply = world.send("POST /pools/none/resize", "{}");
    assert_eq!(reply.told(), "400 MissingRequiredProperty", "S5: before existence");
    assert_eq!(
        world.send("POST /pools/none/resize", json!({ "targetDedicatedNodes": 1 })).told(),
        "404 PoolNotFound"
    );
    let reply = world.send("POST /pools/pool/resize", json!({ "targetLowPriorityNodes": -1 }));
    assert_eq!(reply.told(), "400 InvalidPropertyValue");
}

#[test]
fn a_pool_grows_and_shrinks() {
    let mut world = World::with_pool(1);
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

    // Dedicated nodes are left alone by a resize that does not name them.
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

#[test]
fn idle_nodes_leave_first_and_the_last_by_id_of_equals() {
    // P3
    let mut world = World::with_pool(4);
    world.add_job(&job("job"));
    for (one, node) in [("a", "tvm-1"), ("b", "tvm-1"), ("c", "tvm-2"), ("d", "tvm-4")] {
        world.send("POST /jobs/job/tasks", task(one));
        world.run("job", one, node);
    }
    for (target, leave) in
        [(3, vec!["tvm-3"]), (2, vec!["tvm-3", "tvm-4"]), (1, vec!["tvm-2", "tvm-3", "tvm-4"])]
    {
        let mut world = world.clone();
        let reply = world.send("POST /pools/pool/resize", json!({ "targetDedicatedNodes": target }));
        assert_eq!(reply.told(), "202");
        assert_eq!(world.get("/pools/pool/nodes?$filter=state%20eq%20'leavingpool'").ids(), leave);
    }
}

#[test]
fn named_nodes_are_removed() {
    let mut world = World::with_pool(3);
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

// Nodes

/// A pool with the node `tvm-1`, on which a task of a living job and one of a terminating job run. Both
/// are kept for an hour after their end.
fn shared_node() -> World {
    let mut world = World::with_pool(1);
    for id in ["living", "ending"] {
        world.add_job(&job(id));
        let mut task = task("t");
        task["constraints"] = json!({ "retentionTime": "PT1H" });
        world.send(&format!("POST /jobs/{id}/tasks"), task);
        world.run(id, "t", "tvm-1");
    }
    assert_eq!(world.send("POST /jobs/ending/terminate", "").told(), "202");
    world
}

/// Whether a node is to do something, such as to reboot.
fn has_act(effects: &[Effect]) -> bool {
    Effect::instructions(effects).any(|instruction| matches!(instruction, Instruction::Act { .. }))
}

#[test]
fn a_node_goes_when_its_tasks_have_gone_as_the_option_says() {
    // N9, and N3 for the nodes that leave
    let requests = [
        ("reboot", "nodeRebootOption", "rebooting", "RebootNode tvm-1", Some(NodeEvent::Rebooted)),
        ("reimage", "nodeReimageOption", "reimaging", "ReimageNode tvm-1", Some(NodeEvent::Reimaged)),
        (
            "deallocate",
            "nodeDeallocateOption",
            "deallocating",
            "DeallocateNode tvm-1",
            Some(NodeEvent::Deallocated),
        ),
        ("removenodes", "nodeDeallocationOption", "leavingpool", "RemoveNode tvm-1", None),
        ("resize", "nodeDeallocationOption", "leavingpool", "RemoveNode tvm-1", None),
    ];
    for (request, name, state, instruction, event) in requests {
        for option in ["", "requeue", "Terminate", "taskcompletion", "retaineddata"] {
            let told_of = format!("{request} {option}");
            let mut world = shared_node();
            let mut body = match request {
                "removenodes" => json!({ "nodeList": ["tvm-1"] }),
                "resize" => json!({ "targetDedicatedNodes": 0 }),
                _ => json!({}),
            };
            if !option.is_empty() {
                body[name] = json!(option);
            }
            let line = match event {
                Some(_) => format!("POST /pools/pool/nodes/tvm-1/{request}"),
                None => format!("POST /pools/pool/{request}"),
            };
            let body = if body == json!({}) { String::new() } else { body.to_string() };
            let reply = world.send(&line, body);
            assert_eq!(reply.told(), "202", "{told_of}");
            // The task of the ending job was told to stop already.
            let stops: Vec<String> =
                reply.brief().into_iter().filter(|effect| effect.starts_with("StopTask")).collect();
            let cause = match option {
                "" | "requeue" => Some("Requeue"),
                "Terminate" => Some("Terminate"),
                _ => None,
            };
            assert_eq!(
                stops,
                cause.map(|cause| format!("StopTask t tvm-1 {cause}")).into_iter().collect::<Vec<_>>(),
                "{told_of}"
            );
            assert_eq!(world.state("/pools/pool/nodes/tvm-1"), state, "{told_of}: C5, at once");
            assert_eq!(brief(&world.tick()), [""; 0], "{told_of}: its tasks hold it");

            world.ends("living", "t", "tvm-1", 0);
            assert!(!has_act(&world.tick()), "{told_of}");
            let expected = match option {
                "" | "requeue" => ("active", Value::Null, json!(1)),
                "Terminate" => ("completed", json!("TaskEnded"), json!(0)),
                _ => ("completed", Value::Null, json!(0)),
            };
            let living = world.shown("/jobs/living/tasks/t");
            let found = |pointer: &str| living.pointer(pointer).cloned().unwrap_or_default();
            let code = found("/executionInfo/failureInfo/code");
            assert_eq!(
                (living["state"].as_str().unwrap(), code, found("/executionInfo/requeueCount")),
                expected,
                "{told_of}"
            );

            world.ends("ending", "t", "tvm-1", 0);
            let ending = world.shown("/jobs/ending/tasks/t");
            assert_eq!(ending["executionInfo"]["failureInfo"]["code"], "TaskEnded", "{told_of}: E2");
            if option == "retaineddata" {
                assert!(!has_act(&world.tick()), "{told_of}");
                let end: Timestamp =
                    Timestamp::parse_iso8601(ending["executionInfo"]["endTime"].as_str().unwrap()).unwrap();
                let kept = end.saturating_add(TimeSpan::from_secs(3600));
                assert_eq!(world.account.deadline(), Some(kept), "{told_of}");
                world.now = kept;
            }
            let effects = world.tick();
            assert!(brief(&effects).contains(&instruction.to_string()), "{told_of}: {effects:?}");
            assert!(!has_act(&world.tick()), "{told_of}: once");
            assert_eq!(world.state("/jobs/ending"), "completed", "{told_of}");
            let Some(event) = event else {
                world.node("tvm-1", NodeEvent::Removed);
                world.tick();
                assert_eq!(world.value("/pools/pool", "/allocationState"), "steady", "{told_of}");
                continue;
            };
            let before = world.value("/pools/pool/nodes/tvm-1", "/lastBootTime");
            world.node("tvm-1", event);
            let node = world.shown("/pools/pool/nodes/tvm-1");
            if request == "deallocate" {
                assert_eq!(node["state"], "deallocated", "{told_of}");
            } else {
                assert_eq!(node["state"], "idle", "{told_of}");
                assert_ne!(node["lastBootTime"], before, "{told_of}");
            }
        }
    }
}

#[test]
fn a_node_that_was_put_away_comes_back() {
    // N9
    let mut world = World::with_pool(1);
    let node = "/pools/pool/nodes/tvm-1";
    let start = format!("POST {node}/start");
    assert_eq!(world.send(&start, "").told(), "409 OperationNotValidOnNode");
    world.send(&format!("POST {node}/deallocate"), "");
    assert_eq!(world.send(&start, "").told(), "409 OperationNotValidOnNode", "deallocating");
    world.tick();
    world.node("tvm-1", NodeEvent::Deallocated);
    world.add_job(&job("job"));
    world.send("POST /jobs/job/tasks", task("t"));
    assert_eq!(world.schedule(), []);
    let reply = world.send(&start, "");
    assert_eq!((reply.told(), reply.brief()), ("202".into(), vec!["NodeActionRequested tvm-1 Start".into()]));
    assert_eq!(world.state(node), "starting");
    assert_eq!(world.send(&start, "").told(), "409 NodeBeingStarted");
    assert_eq!(brief(&world.tick()), ["StartNode tvm-1"]);
    world.node("tvm-1", NodeEvent::Started);
    assert_eq!(world.state(node), "idle");
    assert_eq!(brief(&world.schedule()), ["TaskRunning t tvm-1", "RunTask t tvm-1"]);
}

#[test]
fn what_a_node_is_doing_refuses_other_wishes() {
    // N9
    let mut world = World::with_pool(1);
    for (order, told) in [
        ("reboot", "409 NodeBeingRebooted"),
        ("reimage", "409 NodeBeingReimaged"),
        ("deallocate", "409 OperationNotValidOnNode"),
    ] {
        let mut world = world.clone();
        assert_eq!(world.send(&format!("POST /pools/pool/nodes/tvm-1/{order}"), "").told(), "202");
        for other in ["reboot", "reimage", "deallocate", "start"] {
            assert_eq!(world.send(&format!("POST /pools/pool/nodes/TVM-1/{other}"), "").told(), told);
        }
        let reply = world.send("POST /pools/pool/removenodes", json!({ "nodeList": ["tvm-1"] }));
        assert_eq!(reply.told(), "202", "a node can be removed whatever it does");
    }
    for (event, told) in [
        (NodeEvent::Unusable, "409 NodeStateUnusable"),
        (NodeEvent::Lost, "409 OperationNotValidOnNode"),
        (NodeEvent::Preempted, "409 OperationNotValidOnNode"),
    ] {
        let mut world = world.clone();
        world.node("tvm-1", event);
        assert_eq!(world.send("POST /pools/pool/nodes/tvm-1/reboot", "").told(), told);
    }
    assert_eq!(world.send("POST /pools/pool/nodes/none/reboot", "").told(), "404 NodeNotFound");
    assert_eq!(world.send("POST /pools/none/nodes/tvm-1/reboot", "").told(), "404 PoolNotFound");
    let reply = world.send("POST /pools/pool/nodes/tvm-1/reboot", json!({ "nodeRebootOption": "gently" }));
    assert_eq!(
        (reply.told(), reply.said("PropertyName")),
        ("400 InvalidPropertyValue".into(), "nodeRebootOption".into())
    );
}

#[test]
fn a_node_that_is_to_leave_leaves_whatever_else_becomes_of_it() {
    // N9
    let target = "/pools/pool/nodes/tvm-1";
    let remove = json!({ "nodeList": ["tvm-1"] });
    let mut world = World::with_pool(1);
    let reply = world.send(&format!("POST {target}/deallocate"), "");
    let mut away = world.clone();
    away.obey(reply.effects);
    away.send(&format!("POST {target}/start"), "");
    away.tick();
    away.send("POST /pools/pool/removenodes", &remove);
    away.node("tvm-1", NodeEvent::Started);
    assert_eq!(away.state(target), "leavingpool");
    assert!(brief(&away.tick()).contains(&"RemoveNode tvm-1".to_string()));

    world.tick();
    world.send("POST /pools/pool/removenodes", &remove);
    world.tick();
    world.node("tvm-1", NodeEvent::Deallocated);
    assert_eq!(world.state(target), "leavingpool");
}

#[test]
fn a_node_that_has_an_old_ones_name_is_told_of_where_it_is() {
    let mut world = World::new();
    let mut body = job("job");
    body["jobPreparationTask"] = json!({ "commandLine": "x" });
    world.add_job(&body);
    world.send("POST /jobs/job/tasks", task("t"));
    for pool in ["pool", "other"] {
        world.add_node(pool, "n");
        let effects = world.assign("job", "t", "n");
        world.obey(effects);
        let status = "/jobs/job/jobpreparationandreleasetaskstatus";
        assert_eq!(world.value(status, "/value/0/poolId"), pool);
        world.node("n", NodeEvent::Removed);
        let disabled = world.send("POST /jobs/job/disable", json!({ "disableTasks": "wait" }));
        world.obey(disabled.effects);
        assert_eq!(world.send("PATCH /jobs/job", json!({ "poolInfo": { "poolId": "other" } })).told(), "200");
        world.send("POST /jobs/job/enable", "");
    }
}

#[test]
fn a_node_without_scheduling_takes_no_tasks() {
    let target = "/pools/pool/nodes/tvm-1";
    for option in ["", "requeue", "terminate", "taskcompletion"] {
        let mut world = shared_node();
        let body = if option.is_empty() {
            String::new()
        } else {
            json!({ "nodeDisableSchedulingOption": option }).to_string()
        };
        let reply = world.send(&format!("POST {target}/disablescheduling"), body);
        assert_eq!(reply.told(), "200");
        let cause = match option {
            "" | "requeue" => vec!["StopTask t tvm-1 Requeue"],
            "terminate" => vec!["StopTask t tvm-1 Terminate"],
            _ => vec![],
        };
        assert_eq!(reply.brief()[1..], cause, "{option}");
        let node = world.shown(target);
        assert_eq!((&node["state"], &node["schedulingState"]), (&json!("running"), &json!("disabled")));
        world.ends("living", "t", "tvm-1", 0);
        world.ends("ending", "t", "tvm-1", 0);
        let node = world.shown(target);
        assert_eq!((&node["state"], &node["schedulingState"]), (&json!("offline"), &json!("disabled")));
        assert_eq!(
            world.state("/jobs/living/tasks/t"),
            if cause == ["StopTask t tvm-1 Requeue"] { "active" } else { "completed" }
        );
        world.send("POST /jobs/living/tasks", task("next"));
        assert_eq!(world.schedule(), [], "{option}");
        assert_eq!(
            world.send(&format!("POST {target}/disablescheduling"), "").told(),
            "409 NodeAlreadyInTargetSchedulingState"
        );
        assert_eq!(world.send(&format!("POST {target}/enablescheduling"), "").told(), "200");
        assert_eq!(
            world.send(&format!("POST {target}/enablescheduling"), "").told(),
            "409 NodeAlreadyInTargetSchedulingState"
        );
        assert_eq!(world.state(target), "idle");
        assert!(!world.schedule().is_empty(), "{option}");
    }
    let mut world = World::with_pool(1);
    let body = json!({ "nodeDisableSchedulingOption": "retaineddata" });
    assert_eq!(
        world.send(&format!("POST {target}/disablescheduling"), body).told(),
        "400 InvalidPropertyValue"
    );
}

#[test]
fn a_node_tells_of_its_tasks() {
    let mut world = World::with_pool(1);
    let target = "/pools/pool/nodes/tvm-1";
    world.add_job(&job("job"));
    for number in 0..12 {
        world.send("POST /jobs/job/tasks", task(&format!("t{number}")));
    }
    let fresh = world.shown(target);
    assert_eq!(fresh.get("recentTasks"), None);
    for name in ["totalTasksRun", "totalTasksSucceeded", "runningTasksCount", "runningTaskSlotsCount"] {
        assert_eq!(fresh[name], 0, "{name}");
    }
    for number in 0..11 {
        world.ran("job", &format!("t{number}"), "tvm-1", i32::from(number % 2 == 1));
    }
    world.run("job", "t11", "tvm-1");
    let node = world.shown(target);
    assert_eq!((&node["totalTasksRun"], &node["totalTasksSucceeded"]), (&json!(12), &json!(6)));
    assert_eq!((&node["runningTasksCount"], &node["runningTaskSlotsCount"]), (&json!(1), &json!(1)));
    let recent = node["recentTasks"].as_array().unwrap();
    let told: Vec<&str> = recent.iter().map(|task| task["taskId"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        ["t11", "t10", "t9", "t8", "t7", "t6", "t5", "t4", "t3", "t2"],
        "the last ten, the latest first"
    );
    let of_task = world.shown("/jobs/job/tasks/t9");
    assert_eq!(
        recent[2],
        json!({
            "taskUrl": format!("{URL}/jobs/job/tasks/t9"), "jobId": "job", "taskId": "t9", "taskState": "completed",
            "executionInfo": of_task["executionInfo"],
        })
    );
    assert_eq!(node["state"], "running");
    assert_eq!(node["affinityId"], "TVM:tvm-1");
    assert_eq!(node["vmSize"], "standard_d2_v3");
    assert_eq!(world.shown("/pools/pool/nodes")["value"][0]["recentTasks"], node["recentTasks"]);
    // T9: times of nodes have microseconds at most.
    for name in ["stateTransitionTime", "lastBootTime", "allocationTime"] {
        let time = node[name].as_str().unwrap();
        assert!(time.ends_with(".123456Z"), "{name}: {time}");
    }
    world.send("DELETE /jobs/job/tasks/t9", "");
    assert_eq!(
        world.shown(target)["recentTasks"].as_array().unwrap().len(),
        9,
        "what is gone cannot be told of"
    );
}

#[test]
fn a_poller_never_sees_the_state_before_its_request() {
    // E11, and C5 of what clients rely on: the first read after the answer tells that it is under way.
    let mut world = World::with_tasks(&["t"]);
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
    let mut world = World::with_pool(2);
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

// What is outside

#[test]
fn what_is_outside_says_so() {
    let mut world = World::with_tasks(&["t"]);
    for (line, reason) in [
        ("GET /jobschedules", "job schedules"),
        ("POST /jobschedules", "job schedules"),
        ("POST /jobschedules/s/terminate", "job schedules"),
        ("GET /jobschedules/s/jobs", "job schedules"),
        ("GET /certificates?api-version=2022-10-01.16.0", "certificates"),
        ("GET /applications/a", "applications"),
        ("GET /jobs/job/tasks/t/files", "files"),
        ("GET /jobs/job/tasks/t/files/stdout.txt", "files"),
        ("GET /jobs/job/tasks/t/files/a/b", "files"),
        ("GET /pools/pool/nodes/n1/files/x", "files"),
        ("POST /pools/pool/nodes/n1/users", "node users"),
        ("GET /pools/pool/nodes/n1/remoteloginsettings", "remote access"),
        ("POST /pools/pool/enableautoscale", "autoscale"),
        ("POST /pools/pool/stopresize", "stopping a resize"),
        ("PATCH /pools/pool", "patching pools"),
        ("GET /supportedimages", "account information"),
        ("GET /lifetimejobstats?api-version=2022-10-01.16.0", "lifetime statistics"),
    ] {
        let reply = world.send(line, "");
        assert_eq!(reply.told(), "501 NotImplemented", "{line}");
        assert!(reply.said("Reason").contains(reason), "{line}: {}", reply.said("Reason"));
    }
    let pool =
        json!({ "autoPoolSpecification": { "poolLifetimeOption": "job", "pool": { "vmSize": "small" } } });
    for (line, body) in [
        ("POST /jobs", json!({ "id": "auto", "poolInfo": pool })),
        ("PUT /jobs/job", json!({ "poolInfo": pool })),
        ("PATCH /jobs/job", json!({ "poolInfo": pool })),
    ] {
        let reply = world.send(line, body);
        assert_eq!(reply.told(), "501 NotImplemented", "{line}");
        assert!(reply.said("Reason").contains("uto pool"), "{line}: {}", reply.said("Reason"));
    }
    for (line, told) in [
        ("GET /", "400 InvalidUri"),
        ("GET /job", "400 InvalidUri"),
        ("GET /jobs/job/tasks/t/state", "400 InvalidUri"),
        ("PATCH /jobs/job/tasks/t", "405 UnsupportedHttpVerb"),
        ("GET /jobs/job/terminate", "405 UnsupportedHttpVerb"),
        ("DELETE /pools/pool/nodes/n1", "405 UnsupportedHttpVerb"),
    ] {
        assert_eq!(world.send(line, "").told(), told, "{line}");
    }
}

// Headers

/// The status and the headers of an answer, but for those that every answer has.
fn headers(reply: &Reply) -> String {
    let mut told = vec![reply.response.status.to_string()];
    for (name, value) in &reply.response.headers {
        let value = value.replace(URL, "~");
        told.push(match *name {
            "request-id" | "DataServiceVersion" => continue,
            "ETag" | "Last-Modified" => (*name).to_string(),
            name => format!("{name}={value}"),
        });
    }
    told.join(" ")
}

#[test]
fn every_answer_has_its_headers_and_no_others() {
    // The table of operations in the reference of the REST surface.
    const JSON: &str = "Content-Type=application/json;odata=minimalmetadata";
    let mut world = World::new();
    let mut sees = |line: &str, body: Value, expected: &str| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = world.send(line, body);
        let expected = expected.replace("JSON", JSON);
        assert_eq!(headers(&reply), expected, "{line}: {}", reply.text());
        world.obey(reply.effects);
    };
    let none = Value::Null;
    let pool = json!({ "id": "Pool", "vmSize": "small", "targetDedicatedNodes": 2 });
    sees("POST /pools", pool, "201 ETag Last-Modified DataServiceId=~/pools/Pool Location=~/pools/Pool");
    sees("GET /pools/pool", none.clone(), "200 ETag Last-Modified JSON");
    sees("HEAD /pools/pool", none.clone(), "200 ETag Last-Modified");
    sees("GET /pools", none.clone(), "200 JSON");
    let resize = json!({ "targetDedicatedNodes": 3 });
    sees("POST /pools/pool/resize", resize, "202 ETag Last-Modified DataServiceId=~/pools/pool/resize");
    sees("GET /pools/pool/nodes", none.clone(), "200 JSON");
    sees("GET /pools/pool/nodes/tvm-1", none.clone(), "200 JSON");
    for (order, status) in [
        ("reboot", 202),
        ("reimage", 202),
        ("deallocate", 202),
        ("start", 202),
        ("disablescheduling", 200),
        ("enablescheduling", 200),
    ] {
        let path = format!("/pools/pool/nodes/tvm-1/{order}");
        sees(&format!("POST {path}?timeout=30"), none.clone(), &format!("{status} DataServiceId=~{path}"));
    }
    let remove = json!({ "nodeList": ["tvm-1"] });
    sees(
        "POST /pools/pool/removenodes",
        remove,
        "202 ETag Last-Modified DataServiceId=~/pools/pool/removenodes",
    );

    // W5
    sees(
        "POST /jobs",
        changed_job(),
        "201 ETag Last-Modified DataServiceId=~/jobs/job-1 Location=~/jobs/job-1",
    );
    sees("GET /jobs/Job", none.clone(), "200 ETag Last-Modified JSON");
    sees("GET /jobs", none.clone(), "200 JSON");
    let put = json!({ "poolInfo": { "poolId": "pool" } });
    sees("PUT /jobs/Job?timeout=3", put, "200 ETag Last-Modified DataServiceId=~/jobs/Job");
    sees("PATCH /jobs/job", json!({}), "200 ETag Last-Modified DataServiceId=~/jobs/job");
    let disable = json!({ "disableTasks": "wait" });
    sees("POST /jobs/job/disable", disable, "202 ETag Last-Modified DataServiceId=~/jobs/job/disable");
    sees("POST /jobs/job/enable", none.clone(), "202 ETag Last-Modified DataServiceId=~/jobs/job/enable");
    sees("GET /jobs/job/taskcounts", none.clone(), "200 JSON");
    let made = "201 ETag Last-Modified DataServiceId=~/jobs/job/tasks/T Location=~/jobs/job/tasks/T";
    sees("POST /jobs/JOB/tasks", task("T"), made);
    sees("POST /jobs/job/addtaskcollection", json!({ "value": [task("u")] }), "200 JSON");
    sees("GET /jobs/job/tasks/t", none.clone(), "200 ETag Last-Modified JSON");
    sees("GET /jobs/job/tasks", none.clone(), "200 JSON");
    sees("GET /jobs/job/tasks/t/subtasksinfo", none.clone(), "200 JSON");
    sees("PUT /jobs/job/tasks/t", json!({}), "200 ETag Last-Modified DataServiceId=~/jobs/job/tasks/t");
    let ended = "204 ETag Last-Modified DataServiceId=~/jobs/job/tasks/t/terminate Content-Length=0";
    sees("POST /jobs/job/tasks/t/terminate", none.clone(), ended);
    sees("POST /jobs/job/tasks/t/reactivate", none.clone(), "204 ETag Last-Modified Content-Length=0");
    sees("DELETE /jobs/job/tasks/u", none.clone(), "200");
    let ended = "202 ETag Last-Modified DataServiceId=~/jobs/job/terminate";
    sees("POST /jobs/job/terminate?force=true", none.clone(), ended);
    sees("DELETE /jobs/job", none.clone(), "202");
    let mut body = job("prepared");
    body["jobPreparationTask"] = json!({ "commandLine": "x" });
    sees("POST /jobs", body, "201 ETag Last-Modified DataServiceId=~/jobs/job-1 Location=~/jobs/job-1");
    sees("GET /jobs/prepared/jobpreparationandreleasetaskstatus", none.clone(), "200 JSON");
    sees("DELETE /pools/pool", none.clone(), "202");
    sees("GET /jobs/none", none, "404 JSON Content-Length=326");
}

#[test]
fn the_etag_of_an_answer_is_the_resources_own() {
    // T1, T3, T4
    let mut world = World::with_pool(1);
    for (line, body, target) in [
        ("POST /jobs", job("job"), "/jobs/job"),
        ("PATCH /jobs/job", json!({ "priority": 1 }), "/jobs/job"),
        ("PUT /jobs/job", json!({ "poolInfo": { "poolId": "pool" } }), "/jobs/job"),
        ("POST /jobs/job/disable", json!({ "disableTasks": "wait" }), "/jobs/job"),
        ("POST /jobs/job/enable", Value::Null, "/jobs/job"),
        ("POST /jobs/job/tasks", task("t"), "/jobs/job/tasks/t"),
        ("PUT /jobs/job/tasks/t", json!({}), "/jobs/job/tasks/t"),
        ("POST /jobs/job/tasks/t/terminate", Value::Null, "/jobs/job/tasks/t"),
        ("POST /jobs/job/tasks/t/reactivate", Value::Null, "/jobs/job/tasks/t"),
        ("POST /jobs/job/terminate", Value::Null, "/jobs/job"),
        ("POST /pools/pool/resize", json!({ "targetDedicatedNodes": 1 }), "/pools/pool"),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = world.send(line, body);
        let stamp = world.now;
        assert_eq!(reply.header("ETag").unwrap(), ETag::from(stamp).to_string(), "{line}");
        assert_eq!(reply.header("Last-Modified").unwrap(), stamp.rfc1123().to_string(), "{line}");
        assert_eq!(world.etag(target), ETag::from(stamp).to_string(), "{line}");
        let read = world.get(target);
        assert_eq!(
            (read.header("ETag"), read.header("Last-Modified")),
            (reply.header("ETag"), reply.header("Last-Modified"))
        );
        if target.starts_with("/pools") {
            world.obey(reply.effects);
        }
    }
}

#[test]
fn writes_obey_the_conditional_headers_and_lists_do_not_look_at_them() {
    let mut world = World::with_tasks(&["t"]);
    world.send("POST /pools", json!({ "id": "pool", "vmSize": "small", "targetDedicatedNodes": 2 }));
    world.tick();
    world.send("POST /jobs/job/tasks/t/terminate", "");
    let stale = [("If-Match", "\"0x8D0000000000000\"")];
    let constraints = json!({ "constraints": {} });
    for (line, body) in [
        ("PUT /jobs/job", json!({ "poolInfo": { "poolId": "pool" } })),
        ("PATCH /jobs/job", json!({})),
        ("DELETE /jobs/job", Value::Null),
        ("POST /jobs/job/terminate", Value::Null),
        ("POST /jobs/job/disable", json!({ "disableTasks": "wait" })),
        ("POST /jobs/job/enable", Value::Null),
        ("PUT /jobs/job/tasks/t", constraints),
        ("POST /jobs/job/tasks/t/reactivate", Value::Null),
        ("DELETE /jobs/job/tasks/t", Value::Null),
        ("POST /pools/pool/resize", json!({ "targetDedicatedNodes": 1 })),
        ("POST /pools/pool/removenodes", json!({ "nodeList": ["n1"] })),
        ("DELETE /pools/pool", Value::Null),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = world.send_with(line, body, &stale);
        assert_eq!(reply.told(), "412 ConditionNotMet", "{line}");
        assert_eq!(reply.header("ETag"), None);
    }
    for line in [
        "GET /jobs",
        "GET /jobs/job/tasks",
        "GET /jobs/job/taskcounts",
        "GET /pools",
        "GET /pools/pool/nodes",
        "POST /pools/pool/nodes/n1/reboot",
        "POST /pools/pool/nodes/n2/disablescheduling",
    ] {
        assert!(world.send_with(line, "", &stale).response.status < 300, "{line}");
    }
    let etag = world.etag("/jobs/job");
    let reply = world.send_with("GET /jobs/job", "", &[("If-None-Match", &etag)]);
    assert_eq!(headers(&reply), "304 ETag Last-Modified");
    assert_eq!(reply.text(), "");
}

#[test]
fn the_clients_own_id_comes_back_on_request() {
    // Q2
    let mut world = World::with_jobs(&["job"]);
    let own = "AbCdEf01-2345-6789-abcd-ef0123456789";
    for line in
        ["GET /jobs", "GET /jobs/none", "POST /jobs/job/terminate", "GET /nowhere", "GET /certificates"]
    {
        let reply =
            world.send_with(line, "", &[("Client-Request-Id", own), ("return-client-request-id", "True")]);
        assert_eq!(reply.header("client-request-id"), Some(own), "{line}");
        let reply = world.send_with(line, "", &[("client-request-id", own)]);
        assert_eq!(reply.header("client-request-id"), None, "{line}");
    }
}

// Bodies

/// Everything under `sent` is under `shown` too.
fn contains(shown: &Value, sent: &Value, path: &str) {
    match sent {
        Value::Object(members) => {
            for (name, value) in members {
                contains(&shown[name], value, &format!("{path}/{name}"));
            }
        }
        Value::Array(items) => {
            assert_eq!(shown.as_array().map(Vec::len), Some(items.len()), "{path} of {shown}");
            for (place, item) in items.iter().enumerate() {
                contains(&shown[place], item, &format!("{path}/{place}"));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            assert_eq!(shown, sent, "{path}");
        }
    }
}

/// Every object in a body, by JSON pointer.
fn objects(body: &Value, pointer: &str, found: &mut Vec<String>) {
    match body {
        Value::Object(members) => {
            found.push(pointer.to_string());
            for (name, value) in members {
                objects(value, &format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                objects(item, &format!("{pointer}/{place}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Sends a body with everything that its model has: it must come back; and then with one unknown
/// property in each of its objects: each must be refused. `free` are objects that may hold anything.
fn nothing_is_dropped(world: &World, line: &str, body: &Value, shown_at: &str, free: &[&str]) {
    let mut kept = world.clone();
    let reply = kept.send(line, body);
    assert!(reply.response.status < 300, "{line}: {}", reply.text());
    if !shown_at.is_empty() {
        contains(&kept.shown(shown_at), body, line);
    }
    let mut places = Vec::new();
    objects(body, "", &mut places);
    for place in places.iter().filter(|place| !free.iter().any(|free| place.starts_with(free))) {
        let mut tampered = body.clone();
        tampered.pointer_mut(place).unwrap()["shape"] = json!(1);
        let mut refused = world.clone();
        let reply = refused.send(line, &tampered);
        assert_eq!(reply.told(), "400 InvalidRequestBody", "{line}: shape in {place}");
        assert!(reply.said("Reason").starts_with("The property 'shape' does not exist on type"), "{place}");
    }
}

fn files() -> Value {
    json!([
        { "httpUrl": "https://a/b", "filePath": "b", "fileMode": "0770", "identityReference": { "resourceId": "/id" } },
        { "autoStorageContainerName": "c", "blobPrefix": "p/", "filePath": "d" },
        { "storageContainerUrl": "https://s/c", "filePath": "." },
    ])
}

fn container() -> Value {
    json!({
        "containerRunOptions": "--rm", "imageName": "ubuntu", "workingDirectory": "taskWorkingDirectory",
        "registry": {
            "username": "u", "password": "p", "registryServer": "r.io", "identityReference": { "resourceId": "/id" },
        },
        "containerHostBatchBindMounts": [{ "source": "Shared", "isReadOnly": true }],
    })
}

fn environment() -> Value {
    json!([{ "name": "A", "value": "1" }, { "name": "\u{e4}\u{1f600}" }])
}

fn identity() -> Value {
    json!({ "autoUser": { "scope": "task", "elevationLevel": "admin" } })
}

fn outputs() -> Value {
    json!([{
        "filePattern": "**/*.txt",
        "destination": { "container": {
            "path": "out", "containerUrl": "https://s/out", "identityReference": { "resourceId": "/id" },
            "uploadHeaders": [{ "name": "x-ms-blob-content-type", "value": "text/plain" }],
        } },
        "uploadOptions": { "uploadCondition": "taskcompletion" },
    }])
}

fn limits() -> Value {
    json!({ "maxWallClockTime": "PT1H30M", "retentionTime": "P2D", "maxTaskRetryCount": 3 })
}

fn whole_job() -> Value {
    json!({
        "id": "whole", "displayName": "The whole of it", "priority": -100, "maxParallelTasks": 10, "allowTaskPreemption": true,
        "constraints": { "maxWallClockTime": "P1DT2H", "maxTaskRetryCount": -1 },
        "jobManagerTask": {
            "id": "manager", "displayName": "M", "commandLine": "manage", "containerSettings": container(),
            "resourceFiles": files(), "outputFiles": outputs(), "environmentSettings": environment(), "constraints": limits(),
            "requiredSlots": 2, "userIdentity": identity(), "runExclusive": false,
            "applicationPackageReferences": [{ "applicationId": "app", "version": "1.0" }],
            "authenticationTokenSettings": { "access": ["job"] }, "allowLowPriorityNode": false, "killJobOnCompletion": false,
        },
        "jobPreparationTask": {
            "id": "prepare", "commandLine": "p", "containerSettings": container(), "resourceFiles": files(),
            "environmentSettings": environment(), "constraints": limits(), "userIdentity": { "username": "me" },
            "waitForSuccess": false, "rerunOnNodeRebootAfterSuccess": false,
        },
        "jobReleaseTask": {
            "id": "release", "commandLine": "r", "containerSettings": container(), "resourceFiles": files(),
            "environmentSettings": environment(), "maxWallClockTime": "PT5M", "retentionTime": "P1D", "userIdentity": identity(),
        },
        "commonEnvironmentSettings": environment(), "poolInfo": { "poolId": "pool" }, "onAllTasksComplete": "terminatejob",
        "onTaskFailure": "performexitoptionsjobaction", "metadata": [{ "name": "owner", "value": "me" }],
        "usesTaskDependencies": true, "networkConfiguration": { "subnetId": "/net", "skipWithdrawFromVNet": false },
    })
}

fn whole_task() -> Value {
    let act = |job: &str, dependency: &str| json!({ "jobAction": job, "dependencyAction": dependency });
    json!({
        "id": "whole", "displayName": "The whole of it", "commandLine": "run \"it\"", "containerSettings": container(),
        "exitConditions": {
            "exitCodes": [{ "code": 3, "exitOptions": act("none", "satisfy") }, { "code": -1, "exitOptions": {} }],
            "exitCodeRanges": [{ "start": 4, "end": 9, "exitOptions": act("disable", "block") }],
            "preProcessingError": act("terminate", "block"), "fileUploadError": act("none", "satisfy"),
            "default": { "jobAction": "none" },
        },
        "resourceFiles": files(), "outputFiles": outputs(), "environmentSettings": environment(),
        "affinityInfo": { "affinityId": "TVM:n1" }, "constraints": limits(), "requiredSlots": 2, "userIdentity": identity(),
        "multiInstanceSettings": { "numberOfInstances": 2, "coordinationCommandLine": "c", "commonResourceFiles": files() },
        "dependsOn": { "taskIds": ["a", "b"], "taskIdRanges": [{ "start": 1, "end": 5 }] },
        "applicationPackageReferences": [{ "applicationId": "app" }], "authenticationTokenSettings": { "access": ["job"] },
    })
}

fn whole_pool() -> Value {
    json!({
        "id": "whole", "displayName": "The whole of it", "vmSize": "standard_d2_v3", "resizeTimeout": "PT30M",
        "virtualMachineConfiguration": {
            "imageReference": {
                "publisher": "canonical", "offer": "ubuntu", "sku": "22_04", "version": "latest", "virtualMachineImageId": "/image",
                "sharedGalleryImageId": "/shared", "communityGalleryImageId": "/community",
            },
            "nodeAgentSKUId": "batch.node.ubuntu 22.04", "windowsConfiguration": { "enableAutomaticUpdates": true },
            "dataDisks": [{ "lun": 0, "caching": "readwrite", "diskSizeGB": 64, "storageAccountType": "premium_lrs" }],
            "licenseType": "Windows_Server",
            "containerConfiguration": {
                "type": "dockerCompatible", "containerImageNames": ["ubuntu"],
                "containerRegistries": [{ "registryServer": "r.io", "username": "u", "password": "p" }],
            },
            "diskEncryptionConfiguration": { "targets": ["osdisk", "temporarydisk"] },
            "nodePlacementConfiguration": { "policy": "zonal" },
            "extensions": [{
                "name": "e", "publisher": "p", "type": "t", "typeHandlerVersion": "1", "autoUpgradeMinorVersion": true,
                "enableAutomaticUpgrade": false, "settings": { "any": [1, { "thing": null }] }, "protectedSettings": {},
                "provisionAfterExtensions": ["f"],
            }],
            "osDisk": {
                "ephemeralOSDiskSettings": { "placement": "CacheDisk" }, "caching": "none", "diskSizeGB": 30,
                "managedDisk": { "storageAccountType": "standard_lrs", "securityProfile": { "securityEncryptionType": "VMGuestStateOnly" } },
                "writeAcceleratorEnabled": false,
            },
            "securityProfile": {
                "securityType": "trustedLaunch", "encryptionAtHost": true,
                "uefiSettings": { "secureBootEnabled": true, "vTpmEnabled": true },
            },
            "serviceArtifactReference": { "id": "/artifact" },
        },
        "targetDedicatedNodes": 2, "targetLowPriorityNodes": 1, "enableAutoScale": false, "enableInterNodeCommunication": true,
        "networkConfiguration": {
            "subnetId": "/net", "dynamicVNetAssignmentScope": "none", "enableAcceleratedNetworking": true,
            "endpointConfiguration": { "inboundNATPools": [{
                "name": "ssh", "protocol": "tcp", "backendPort": 22, "frontendPortRangeStart": 10000, "frontendPortRangeEnd": 10100,
                "networkSecurityGroupRules": [{ "priority": 150, "access": "allow", "sourceAddressPrefix": "*", "sourcePortRanges": ["1-2"] }],
            }] },
            "publicIPAddressConfiguration": { "provision": "usermanaged", "ipAddressIds": ["/ip"] },
        },
        "startTask": {
            "commandLine": "start", "containerSettings": container(), "resourceFiles": files(), "environmentSettings": environment(),
            "userIdentity": identity(), "maxTaskRetryCount": 2, "waitForSuccess": true,
        },
        "certificateReferences": [{
            "thumbprint": "ab", "thumbprintAlgorithm": "sha1", "storeLocation": "currentuser", "storeName": "My", "visibility": ["task"],
        }],
        "applicationPackageReferences": [{ "applicationId": "app", "version": "1" }], "taskSlotsPerNode": 4,
        "taskSchedulingPolicy": { "nodeFillType": "pack" },
        "userAccounts": [{
            "name": "u", "password": "p", "elevationLevel": "admin",
            "linuxUserConfiguration": { "uid": 1, "gid": 2, "sshPrivateKey": "k" },
            "windowsUserConfiguration": { "loginMode": "batch" },
        }],
        "metadata": [{ "name": "a", "value": "b" }],
        "mountConfiguration": [
            { "azureBlobFileSystemConfiguration": {
                "accountName": "a", "containerName": "c", "accountKey": "k", "sasKey": "s", "blobfuseOptions": "o",
                "relativeMountPath": "m", "identityReference": { "resourceId": "/id" },
            } },
            { "nfsMountConfiguration": { "source": "s", "relativeMountPath": "m", "mountOptions": "o" } },
            { "cifsMountConfiguration": { "username": "u", "source": "s", "relativeMountPath": "m", "mountOptions": "o", "password": "p" } },
            { "azureFileShareConfiguration": {
                "accountName": "a", "azureFileUrl": "https://f", "accountKey": "k", "relativeMountPath": "m", "mountOptions": "o",
            } },
        ],
        "targetNodeCommunicationMode": "simplified",
        "upgradePolicy": {
            "mode": "automatic",
            "automaticOSUpgradePolicy": {
                "disableAutomaticRollback": true, "enableAutomaticOSUpgrade": true, "useRollingUpgradePolicy": true, "osRollingUpgradeDeferral": true,
            },
            "rollingUpgradePolicy": {
                "enableCrossZoneUpgrade": true, "maxBatchInstancePercent": 20, "maxUnhealthyInstancePercent": 20,
                "maxUnhealthyUpgradedInstancePercent": 20, "pauseTimeBetweenBatches": "PT0S", "prioritizeUnhealthyInstances": true,
                "rollbackFailedInstancesOnPolicyBreach": true,
            },
        },
        "resourceTags": { "team": "x" },
    })
}

#[test]
fn no_property_of_a_body_is_dropped() {
    // B3
    let mut world = World::new();
    nothing_is_dropped(&world, "POST /jobs", &whole_job(), "/jobs/whole", &[]);
    let free = [
        "/virtualMachineConfiguration/extensions/0/settings",
        "/virtualMachineConfiguration/extensions/0/protectedSettings",
        "/resourceTags",
    ];
    nothing_is_dropped(&world, "POST /pools", &whole_pool(), "/pools/whole", &free);

    let mut body = job("job");
    body["usesTaskDependencies"] = json!(true);
    body["onTaskFailure"] = json!("performexitoptionsjobaction");
    world.add_job(&body);
    nothing_is_dropped(&world, "POST /jobs/job/tasks", &whole_task(), "/jobs/job/tasks/whole", &[]);
    let put = json!({
        "priority": 1, "maxParallelTasks": 2, "allowTaskPreemption": true, "constraints": { "maxWallClockTime": "PT1H", "maxTaskRetryCount": 2 },
        "poolInfo": { "poolId": "pool" }, "metadata": [{ "name": "a", "value": "b" }], "onAllTasksComplete": "terminatejob",
    });
    nothing_is_dropped(&world, "PUT /jobs/job", &put, "/jobs/job", &[]);
    let mut patch = put;
    patch["networkConfiguration"] = json!({ "subnetId": "/net", "skipWithdrawFromVNet": true });
    nothing_is_dropped(&world, "PATCH /jobs/job", &patch, "/jobs/job", &[]);
    nothing_is_dropped(&world, "POST /jobs/job/terminate", &json!({ "terminateReason": "" }), "", &[]);
    nothing_is_dropped(&world, "POST /jobs/job/disable", &json!({ "disableTasks": "terminate" }), "", &[]);
    world.send("POST /jobs/job/tasks", task("t"));
    nothing_is_dropped(
        &world,
        "PUT /jobs/job/tasks/t",
        &json!({ "constraints": limits() }),
        "/jobs/job/tasks/t",
        &[],
    );
    let collection = json!({ "value": [whole_task()] });
    nothing_is_dropped(&world, "POST /jobs/job/addtaskcollection", &collection, "", &[]);
    world.send("POST /jobs/job/addtaskcollection", &collection);
    contains(&world.shown("/jobs/job/tasks/whole"), &whole_task(), "in a collection");

    let world = World::with_pool(1);
    let node = "POST /pools/pool/nodes/tvm-1";
    for (line, name) in [
        ("reboot", "nodeRebootOption"),
        ("reimage", "nodeReimageOption"),
        ("deallocate", "nodeDeallocateOption"),
        ("disablescheduling", "nodeDisableSchedulingOption"),
    ] {
        nothing_is_dropped(&world, &format!("{node}/{line}"), &json!({ name: "terminate" }), "", &[]);
    }
    let remove = json!({ "nodeList": ["tvm-1"], "nodeDeallocationOption": "terminate" });
    nothing_is_dropped(&world, "POST /pools/pool/removenodes", &remove, "", &[]);
    let resize = json!({ "targetDedicatedNodes": 2, "targetLowPriorityNodes": 1 });
    nothing_is_dropped(&world, "POST /pools/pool/resize", &resize, "/pools/pool", &[]);
}

#[test]
fn a_task_of_a_collection_is_the_same_as_one_added_alone() {
    let mut alone = World::new();
    let mut body = job("job");
    body["usesTaskDependencies"] = json!(true);
    body["onTaskFailure"] = json!("performexitoptionsjobaction");
    alone.add_job(&body);
    let mut together = alone.clone();
    alone.send("POST /jobs/job/tasks", whole_task());
    together.send("POST /jobs/job/addtaskcollection", json!({ "value": [whole_task()] }));
    assert_eq!(alone.get("/jobs/job/tasks/whole").text(), together.get("/jobs/job/tasks/whole").text());
}

// Api-versions

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
fn across_versions(world: &World, target: &str) -> String {
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

#[test]
fn a_version_shows_what_it_knows() {
    // Q1, W1
    let mut world = World::new();
    let mut pool = whole_pool();
    pool["id"] = json!("pool");
    let added = world.send("POST /pools", pool);
    world.obey(added.effects);
    world.add_job(&whole_job());
    let mut body = whole_task();
    body["dependsOn"] = json!({ "taskIds": ["first"] });
    world.send("POST /jobs/whole/tasks", body);
    world.send("POST /jobs/whole/tasks", task("first"));
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

#[test]
fn a_version_takes_what_it_knows() {
    // Q1
    let world = World::with_jobs(&["job"]);
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
