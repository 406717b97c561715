//! Bodies: B1 to B14.

use azbatch::{
    job::{JobPreparationTask, JobReleaseTask},
    task::{AddTask, ExitConditions, TaskSpecification},
};
use serde_json::{Value, json};

use super::{
    World, add_job_that_acts_on_failures, errors::whole_studio, names, plain, whole, with_job, with_pool,
};
use crate::world::{BEFORE_SLOTS, URL, World as RestWorld, id, job_body, task_body, text, told, with};

/// A job of the newest api-version with these members besides `id` and `poolInfo`.
fn add(members: &str) -> String {
    let body = format!(r#"{{"id":"job","poolInfo":{{"poolId":"pool"}}{members}}}"#);
    World::empty().rest("POST /jobs", &[], &body)
}

/// B1
#[test]
fn a_body_of_more_than_a_mebibyte_is_refused() {
    let mut world = World::new(plain);
    let json = [("Content-Type", "application/json")];
    let target = "/jobs/job/terminate?api-version=2025-06-01";
    let mut valid = br#"{"terminateReason":"enough"}"#.to_vec();
    valid.resize(1024 * 1024, b' ');
    assert_eq!(
        told(&world.send("POST", target, &json, &vec![b'x'; 1024 * 1024 + 1])),
        "413 RequestBodyTooLarge"
    );
    valid.push(b' ');
    let response = world.send("POST", target, &json, &valid);
    assert_eq!(told(&response), "413 RequestBodyTooLarge");
    assert!(text(&response).contains("\"key\":\"MaxLimit\",\"value\":\"1048576\""));
    valid.pop();
    assert_eq!(told(&world.send("POST", target, &json, &valid)), "202");
}

/// B1
#[test]
fn a_collection_has_at_most_a_mebibyte() {
    let mut world = RestWorld::with_jobs(&["job"]);
    let mut body = json!({ "value": [{ "id": "a", "commandLine": "" }] }).to_string();
    let missing = 1024 * 1024 - body.len();
    body = body.replace("\"commandLine\":\"", &format!("\"commandLine\":\"{}", "x".repeat(missing)));
    assert_eq!(body.len(), 1024 * 1024);
    let reply = world.send("POST /jobs/job/addtaskcollection", format!("{body} "));
    assert_eq!((reply.told(), reply.said("MaxLimit")), ("413 RequestBodyTooLarge".into(), "1048576".into()));
    assert_eq!(world.send("POST /jobs/job/addtaskcollection", body).told(), "200");
}

/// B2
#[test]
fn a_body_must_be_declared_as_json() {
    let target = "/jobs/job/terminate?api-version=2025-06-01";
    for (content_type, accepted) in [
        (Some("application/json"), true),
        (Some("Application/JSON; odata=minimalmetadata; charset=utf-8"), true),
        (Some("text/plain"), false),
        (Some("application/jsonp"), false),
        (None, false),
    ] {
        let headers: Vec<(&str, &str)> =
            content_type.map(|value| ("content-type", value)).into_iter().collect();
        let came = told(&World::new(plain).send("POST", target, &headers, b"{}"));
        assert_eq!(came, if accepted { "202" } else { "400 InvalidHeaderValue" }, "{content_type:?}");
        assert_eq!(
            told(&World::new(plain).send("POST", target, &headers, b"")),
            "202",
            "{content_type:?} and no body"
        );
    }
}

/// B3
#[test]
fn a_body_must_fit_the_operations_model() {
    for (body, reason) in [
        (r#"{"terminateReason":"enough""#, "Unexpected end of input was found in JSON content."),
        (r#"{"terminateReason":}"#, "Invalid JSON."),
        ("[]", ""),
        (r#"{"TerminateReason":"enough"}"#, "The property 'TerminateReason' does not exist on type"),
        (r#"{"terminateReason":1}"#, "Cannot convert a primitive value to the expected type 'Edm.String'."),
        (r#"{"terminateReason":{}}"#, "An unexpected 'StartObject' node was found"),
        (r#"{"terminateReason":[]}"#, "An unexpected 'StartArray' node was found"),
    ] {
        let response = World::new(plain).answer("POST /jobs/job/terminate", &[], body);
        assert_eq!(told(&response), "400 InvalidRequestBody", "{body}");
        assert!(text(&response).contains(reason), "{body}: {}", text(&response));
    }
    assert_eq!(add(r#","priority":null,"metadata":null,"constraints":null"#), "201");
    assert_eq!(World::empty().rest("POST /jobs", &[], r#"{"id":null}"#), "400 MissingRequiredProperty");
}

/// B3
#[test]
fn a_put_needs_a_pool() {
    let mut world = RestWorld::with_jobs(&["job"]);
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

/// B3
#[test]
fn disabling_a_job_requires_disable_tasks() {
    let mut world = RestWorld::with_jobs(&["job"]);
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

/// B3, S5
#[test]
fn a_resize_needs_a_number_of_nodes() {
    // Observed.
    let mut world = RestWorld::with_pool(0, 2, "spread");
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

/// B4
#[test]
fn enum_values_are_read_without_case_and_written_in_lower_case() {
    let mut world = World::empty();
    let body = r#"{"id":"job","poolInfo":{"poolId":"pool"},"onTaskFailure":"performExitOptionsJobAction",
        "onAllTasksComplete":"TerminateJob"}"#;
    assert_eq!(world.rest("POST /jobs", &[], body), "201");
    assert_eq!(world.shown("/jobs/job", "onAllTasksComplete"), "terminatejob");
    assert_eq!(world.shown("/jobs/job", "onTaskFailure"), "performexitoptionsjobaction");
    assert_eq!(add(r#","onAllTasksComplete":"explode""#), "400 InvalidPropertyValue");
    assert_eq!(world.rest("POST /jobs/job/disable", &[], r#"{"disableTasks":"Wait"}"#), "202");
}

/// B5
#[test]
fn values_have_limits() {
    for (member, bad, good) in [
        ("priority", &["-1001", "1001"][..], &["-1000", "1000"][..]),
        ("maxParallelTasks", &["-2", "0"], &["-1", "1"]),
    ] {
        for value in bad {
            assert_eq!(
                add(&format!(r#","{member}":{value}"#)),
                "400 InvalidPropertyValue",
                "{member} {value}"
            );
        }
        for value in good {
            assert_eq!(add(&format!(r#","{member}":{value}"#)), "201", "{member} {value}");
        }
    }
    for (retries, came) in [("-2", "400 InvalidPropertyValue"), ("-1", "201"), ("0", "201")] {
        assert_eq!(add(&format!(r#","constraints":{{"maxTaskRetryCount":{retries}}}"#)), came, "{retries}");
    }
    for (length, came) in [(1024, "201"), (1025, "400 InvalidPropertyValue")] {
        assert_eq!(add(&format!(r#","displayName":"{}""#, "\u{e9}".repeat(length))), came);
    }
    for (name, came) in [
        ("", "400 InvalidPropertyValue"),
        ("Aa0-_", "201"),
        ("a.b", "400 InvalidPropertyValue"),
        (&"x".repeat(64), "201"),
        (&"x".repeat(65), "400 InvalidPropertyValue"),
    ] {
        let body = format!(r#"{{"id":"{name}","poolInfo":{{"poolId":"pool"}}}}"#);
        assert_eq!(World::empty().rest("POST /jobs", &[], &body), came, "{name}");
    }
}

/// B5, Q1, Q9
#[test]
fn an_invalid_pool_is_refused() {
    let mut world = RestWorld::new();
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
    ] {
        let reply = world.send("POST /pools", &body);
        assert_eq!((reply.told(), reply.said("PropertyName")), (told.into(), named.into()), "{body}");
    }
    let line = format!("POST /pools?{BEFORE_SLOTS}");
    assert_eq!(world.send(&line, pool(json!({ "maxTasksPerNode": 3 }))).told(), "201");
    assert_eq!(world.value("/pools/p", "/taskSlotsPerNode"), 3);
    assert_eq!(world.value(&format!("/pools/p?{BEFORE_SLOTS}"), "/maxTasksPerNode"), 3);
}

/// B5: a task needs at least one slot, also when it is added by a typed command.
#[test]
fn a_task_requires_at_least_one_slot() {
    let mut world = with_pool(1);
    let exit_conditions = Some(ExitConditions::default());
    let specification =
        TaskSpecification { required_slots: 0, exit_conditions, ..TaskSpecification::default() };
    let command = AddTask { specification: specification.into(), ..AddTask::new(id("none")) };
    let refused = world.account.add_task(&id("job"), &command, world.now);
    assert_eq!(refused.unwrap_err().values[0].value, "requiredSlots");
}

/// B6
#[test]
fn omitted_properties_take_the_services_defaults_which_are_shown() {
    let mut world = World::empty();
    let body = r#"{"id":"job","poolInfo":{"poolId":"pool"},"jobPreparationTask":{"commandLine":"p"},
        "jobReleaseTask":{"commandLine":"r"},"constraints":{"maxTaskRetryCount":3}}"#;
    assert_eq!(world.rest("POST /jobs", &[], body), "201");
    let unlimited = "P10675199DT2H48M5.4775807S";
    for (path, shown) in [
        ("priority", 0.into()),
        ("maxParallelTasks", (-1).into()),
        ("usesTaskDependencies", false.into()),
        ("constraints/maxWallClockTime", unlimited.into()),
        ("onAllTasksComplete", "noaction".into()),
        ("onTaskFailure", "noaction".into()),
        ("executionInfo/poolId", "pool".into()),
        ("jobPreparationTask/id", "jobpreparation".into()),
        ("jobPreparationTask/constraints/retentionTime", "P7D".into()),
        ("jobPreparationTask/waitForSuccess", true.into()),
        ("jobPreparationTask/userIdentity/autoUser/elevationLevel", "nonadmin".into()),
        ("jobReleaseTask/id", "jobrelease".into()),
        ("jobReleaseTask/maxWallClockTime", Value::from("PT15M")),
    ] {
        assert_eq!(world.shown("/jobs/job", path), shown, "{path}");
    }
    assert_eq!(world.rest("POST /jobs/job/tasks", &[], r#"{"id":"a","commandLine":"c"}"#), "201");
    for (path, shown) in [
        ("requiredSlots", 1.into()),
        ("constraints/maxTaskRetryCount", 3.into()),
        ("constraints/retentionTime", "P7D".into()),
        ("executionInfo/retryCount", 0.into()),
        ("userIdentity/autoUser/scope", Value::from("pool")),
    ] {
        assert_eq!(world.shown("/jobs/job/tasks/a", path), shown, "{path}");
    }
}

/// A job before it is changed by PUT or PATCH.
pub(super) fn changed_job() -> Value {
    json!({
        "id": "job", "displayName": "kept", "priority": 100, "maxParallelTasks": 7, "allowTaskPreemption": true,
        "constraints": { "maxWallClockTime": "PT2H", "maxTaskRetryCount": 4 }, "poolInfo": { "poolId": "pool" },
        "metadata": [{ "name": "a", "value": "b" }], "usesTaskDependencies": true,
        "networkConfiguration": { "subnetId": "s", "skipWithdrawFromVNet": true },
    })
}

/// B6, B13, T2
#[test]
fn what_a_put_omits_returns_to_its_default() {
    let mut world = RestWorld::new();
    world.add_job("job", changed_job());
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
    assert!(before["networkConfiguration"].is_object(), "B13");
    for kept in [
        "displayName",
        "networkConfiguration",
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

/// B6
#[test]
fn a_patch_replaces_each_property_that_it_gives_whole() {
    let mut world = RestWorld::new();
    world.add_job("job", changed_job());
    let patch = |world: &mut RestWorld, body: Value| {
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
    // A patch without values changes only the ETag.
    let before = world.shown("/jobs/job");
    let after = patch(&mut world, json!({ "priority": null, "poolInfo": null }));
    assert_eq!(after["priority"], 5);
    assert_ne!(after["eTag"], before["eTag"]);
}

/// B6
#[test]
fn a_new_retry_count_of_a_job_is_for_new_tasks() {
    let mut world = RestWorld::with_tasks(&["old"]);
    world.send("PATCH /jobs/job", json!({ "constraints": { "maxTaskRetryCount": 2 } }));
    world.send("POST /jobs/job/tasks", task_body("new"));
    let count = "/constraints/maxTaskRetryCount";
    assert_eq!(world.value("/jobs/job/tasks/old", count), 0);
    assert_eq!(world.value("/jobs/job/tasks/new", count), 2);
}

/// B6, T8
#[test]
fn an_update_of_a_task_replaces_its_constraints() {
    let mut world = RestWorld::with_tasks(&["t"]);
    let target = "/jobs/job/tasks/t";
    let body = json!({ "constraints": { "maxWallClockTime": "PT5M", "retentionTime": "PT1H", "maxTaskRetryCount": -1 } });
    let before = world.shown(target);
    let reply = world.send(&format!("PUT {target}"), &body);
    assert_eq!((reply.told(), reply.brief()), ("200".into(), vec!["TaskUpdated t".into()]));
    let after = world.shown(target);
    assert_eq!(after["constraints"], body["constraints"]);
    assert_ne!(after["eTag"], before["eTag"], "T8");
    assert_eq!(after["stateTransitionTime"], before["stateTransitionTime"]);
    // Omitted properties return to their defaults.
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

/// B7
#[test]
fn each_task_of_a_collection_is_added_or_refused_by_itself() {
    let mut world = RestWorld::with_tasks(&["old"]);
    let body = json!({ "value": [
        task_body("new"), task_body("Old"), task_body("NEW"), task_body("bad id"), { "id": "no-command" }, { "commandLine": "no id" },
        { "id": "slots", "commandLine": "x", "requiredSlots": 0 },
        { "id": "depends", "commandLine": "x", "dependsOn": { "taskIds": ["new"] } },
        { "id": "acts", "commandLine": "x", "exitConditions": { "default": { "jobAction": "terminate" } } },
        task_body("last"),
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

/// B7
#[test]
fn a_collection_has_at_most_100_tasks() {
    let mut world = RestWorld::with_jobs(&["job"]);
    let tasks =
        |number: u32| -> Vec<Value> { (0..number).map(|one| task_body(&format!("t{one}"))).collect() };
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

/// B7
#[test]
fn a_malformed_collection_is_refused_as_a_whole() {
    let mut world = RestWorld::with_jobs(&["job"]);
    for (body, told) in [
        (
            json!({ "value": [task_body("a"), { "id": "b", "commandLine": "x", "shape": 1 }] }),
            "400 InvalidRequestBody",
        ),
        (json!({ "value": [task_body("a"), { "id": 1, "commandLine": "x" }] }), "400 InvalidRequestBody"),
        (json!({ "value": [task_body("a"), "b"] }), "400 InvalidRequestBody"),
        (json!({ "value": task_body("a") }), "400 InvalidRequestBody"),
        (json!({ "values": [] }), "400 InvalidRequestBody"),
        (json!([task_body("a")]), "400 InvalidRequestBody"),
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

/// B7
#[test]
fn a_task_of_a_collection_is_the_same_as_one_added_alone() {
    let mut alone = RestWorld::new();
    alone.add_job(
        "job",
        json!({ "usesTaskDependencies": true, "onTaskFailure": "performexitoptionsjobaction" }),
    );
    let mut together = alone.clone();
    alone.send("POST /jobs/job/tasks", whole::task());
    together.send("POST /jobs/job/addtaskcollection", json!({ "value": [whole::task()] }));
    assert_eq!(alone.get("/jobs/job/tasks/whole").text(), together.get("/jobs/job/tasks/whole").text());
}

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

/// Sends a body with every property of its model, which must be returned; and then with one unknown property in
/// each of its objects, which must be refused. `free` are objects with arbitrary properties.
fn nothing_is_dropped(world: &RestWorld, line: &str, body: &Value, shown_at: &str, free: &[&str]) {
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

/// B8, B3
#[test]
fn no_property_of_a_body_is_dropped() {
    let mut world = RestWorld::new();
    nothing_is_dropped(&world, "POST /jobs", &whole::job(), "/jobs/whole", &[]);
    let mut with_manager = world.clone();
    assert_eq!(with_manager.send("POST /jobs", whole::job()).told(), "201");
    let mut manager = whole::job()["jobManagerTask"].take();
    for only_here in ["runExclusive", "allowLowPriorityNode", "killJobOnCompletion"] {
        manager.as_object_mut().unwrap().remove(only_here);
    }
    contains(&with_manager.shown("/jobs/whole/tasks/manager"), &manager, "the manager");
    let free = [
        "/virtualMachineConfiguration/extensions/0/settings",
        "/virtualMachineConfiguration/extensions/0/protectedSettings",
        "/resourceTags",
    ];
    nothing_is_dropped(&world, "POST /pools", &whole::pool(), "/pools/whole", &free);

    world.add_job(
        "job",
        json!({ "usesTaskDependencies": true, "onTaskFailure": "performexitoptionsjobaction" }),
    );
    nothing_is_dropped(&world, "POST /jobs/job/tasks", &whole::task(), "/jobs/job/tasks/whole", &[]);
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
    world.send("POST /jobs/job/tasks", task_body("t"));
    nothing_is_dropped(
        &world,
        "PUT /jobs/job/tasks/t",
        &json!({ "constraints": whole::limits() }),
        "/jobs/job/tasks/t",
        &[],
    );
    let collection = json!({ "value": [whole::task()] });
    nothing_is_dropped(&world, "POST /jobs/job/addtaskcollection", &collection, "", &[]);
    world.send("POST /jobs/job/addtaskcollection", &collection);
    contains(&world.shown("/jobs/job/tasks/whole"), &whole::task(), "in a collection");

    let world = RestWorld::with_pool(1, 2, "spread");
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

/// B8, W1: empty lists and objects are returned too, also those that the state machine reads.
#[test]
fn empty_values_are_not_lost() {
    let mut world = RestWorld::new();
    let job = json!({
        "metadata": [], "commonEnvironmentSettings": [], "displayName": "", "usesTaskDependencies": true,
    });
    let task = json!({
        "commandLine": "", "resourceFiles": [], "outputFiles": [], "environmentSettings": [],
        "exitConditions": { "exitCodes": [], "exitCodeRanges": [], "default": {} },
        "dependsOn": { "taskIds": [], "taskIdRanges": [] }, "applicationPackageReferences": [],
        "authenticationTokenSettings": {},
    });
    world.add_job("a", job.clone()).add_task("a", "t", task.clone());
    contains(&world.shown("/jobs/a"), &job, "job");
    contains(&world.shown("/jobs/a/tasks/t"), &task, "task");
}

/// B9
#[test]
fn tasks_cannot_have_the_ids_of_the_preparation_and_the_release() {
    let mut world = RestWorld::new();
    let mut body = job_body("job");
    body["jobPreparationTask"] = json!({ "commandLine": "x" });
    body["jobReleaseTask"] = json!({ "id": "bye", "commandLine": "y" });
    world.add_job("job", body.clone());
    let add = "POST /jobs/job/tasks";
    assert_eq!(world.send(add, task_body("JobPreparation")).told(), "409 TaskIdSameAsJobPreparationTask");
    assert_eq!(world.send(add, task_body("bye")).told(), "409 TaskIdSameAsJobReleaseTask");
    assert_eq!(world.send(add, task_body("jobrelease")).told(), "201");
    body["id"] = json!("other");
    body["jobManagerTask"] = json!({ "id": "bye", "commandLine": "z" });
    assert_eq!(world.send("POST /jobs", &body).told(), "409 TaskIdSameAsJobReleaseTask");
}

/// B9
#[test]
fn preparation_and_release_have_two_ids() {
    let mut world = RestWorld::new();
    let added = add_job_that_acts_on_failures(&mut world, |specification| {
        specification.preparation = Some(JobPreparationTask::new(id("same")));
        specification.release = Some(JobReleaseTask::new(id("Same")));
    });
    assert_eq!(added, Vec::<String>::new());
    let body = json!({
        "id": "job", "poolInfo": { "poolId": "pool" },
        "jobPreparationTask": { "id": "same", "commandLine": "x" },
        "jobReleaseTask": { "id": "same", "commandLine": "x" },
    });
    assert_eq!(world.send("POST /jobs", body).told(), "409 TaskIdSameAsJobPreparationTask");
}

/// B10, B11: at the limit, and above it.
#[test]
fn metadata_and_dependencies_have_a_largest_size() {
    let mut world = RestWorld::new();
    world.add_job("job", json!({ "usesTaskDependencies": true }));
    for (length, is_taken) in [(8 * 1024 - 1, true), (8 * 1024, false)] {
        let metadata = json!([{ "name": "n", "value": "v".repeat(length) }]);
        let body = with(job_body("a"), json!({ "metadata": metadata }));
        let added = world.clone().send("POST /jobs", body);
        assert_eq!(added.told(), if is_taken { "201" } else { "400 MetadataTooLarge" });
        let patched = world.clone().send("PATCH /jobs/job", json!({ "metadata": metadata }));
        assert_eq!(patched.told(), if is_taken { "200" } else { "400 MetadataTooLarge" });
    }
    for (count, told) in [(1000, "201"), (1001, "400 TaskDependencyListTooLong")] {
        let ids: Vec<String> = (0..count).map(|number| format!("{number:064}")).collect();
        let body = with(task_body("a"), json!({ "dependsOn": { "taskIds": ids } }));
        assert_eq!(world.clone().send("POST /jobs/job/tasks", body).told(), told);
    }
}

/// B12: neither a body nor an object without properties is refused.
#[test]
fn an_operation_without_a_body_takes_an_empty_one() {
    let world = whole_studio();
    for (line, told) in [
        ("POST /jobs/film/enable", "202"),
        ("DELETE /jobs/film", "202"),
        ("POST /jobs/film/tasks/frame-1/terminate", "204"),
        ("POST /jobs/film/tasks/frame-0/reactivate", "204"),
        ("DELETE /jobs/film/tasks/frame-1", "200"),
        ("DELETE /pools/pool", "202"),
        ("POST /pools/studio/nodes/tvm-1/start", "409 OperationNotValidOnNode"),
        ("POST /pools/studio/nodes/tvm-1/enablescheduling", "409 NodeAlreadyInTargetSchedulingState"),
    ] {
        for (body, expected) in [
            ("", told),
            ("{}", told),
            (r#"{"odata.type":"x"}"#, told),
            (r#"{"a":1}"#, "400 InvalidRequestBody"),
            ("[", "400 InvalidRequestBody"),
        ] {
            assert_eq!(world.clone().send(line, body).told(), expected, "{line} {body}");
        }
    }
}

/// B14: the Azure CLI sends each integer as a string.
#[test]
fn numbers_and_booleans_can_be_strings() {
    let mut world = RestWorld::new();
    let pool = r#"{"id":"p","vmSize":"small","targetDedicatedNodes":"2","taskSlotsPerNode":"4",
        "enableInterNodeCommunication":"false","startTask":{"commandLine":"c","waitForSuccess":"true","maxTaskRetryCount":"1"}}"#;
    let added = world.send("POST /pools", pool);
    assert_eq!(added.told(), "201");
    world.obey(added.effects);
    assert_eq!(world.send("POST /pools/p/resize", r#"{"targetDedicatedNodes":"3"}"#).told(), "202");
    let shown = world.shown("/pools/p");
    assert_eq!(shown["targetDedicatedNodes"], 3);
    assert_eq!(shown["taskSlotsPerNode"], 4);
    assert_eq!(shown["enableInterNodeCommunication"], false);
    assert_eq!(shown["startTask"]["waitForSuccess"], true);
    assert_eq!(shown["startTask"]["maxTaskRetryCount"], 1);

    let job = r#"{"id":"j","priority":"5","usesTaskDependencies":"true","maxParallelTasks":"-1",
        "constraints":{"maxTaskRetryCount":"3"},"poolInfo":{"poolId":"p"},
        "onTaskFailure":"performexitoptionsjobaction"}"#;
    assert_eq!(world.send("POST /jobs", job).told(), "201");
    let shown = world.shown("/jobs/j");
    assert_eq!(shown["priority"], 5);
    assert_eq!(shown["maxParallelTasks"], -1);
    assert_eq!(shown["usesTaskDependencies"], true);
    assert_eq!(shown["constraints"]["maxTaskRetryCount"], 3);
    assert_eq!(world.send("PATCH /jobs/j", r#"{"priority":"-7"}"#).told(), "200");
    assert_eq!(world.value("/jobs/j", "/priority"), -7);

    let task = r#"{"id":"t","commandLine":"c","requiredSlots":"2","constraints":{"maxTaskRetryCount":"2"},
        "dependsOn":{"taskIdRanges":[{"start":"1","end":"3"}]},
        "exitConditions":{"exitCodes":[{"code":"4","exitOptions":{"jobAction":"none"}}],
            "exitCodeRanges":[{"start":"-5","end":"-1","exitOptions":{"jobAction":"none"}}]}}"#;
    let collection = format!(r#"{{"value":[{}]}}"#, task.replace(r#""t""#, r#""u""#));
    assert_eq!(world.send("POST /jobs/j/tasks", task).told(), "201");
    let answer = world.send("POST /jobs/j/addtaskcollection", collection);
    assert_eq!(answer.json()["value"][0]["status"], "Success", "{}", answer.text());
    for task in ["t", "u"] {
        let shown = world.shown(&format!("/jobs/j/tasks/{task}"));
        assert_eq!(shown["requiredSlots"], 2);
        assert_eq!(shown["constraints"]["maxTaskRetryCount"], 2);
        assert_eq!(shown["dependsOn"]["taskIdRanges"], json!([{ "start": 1, "end": 3 }]));
        assert_eq!(shown["exitConditions"]["exitCodes"][0]["code"], 4);
        assert_eq!(shown["exitConditions"]["exitCodeRanges"][0]["start"], -5);
        assert_eq!(shown["exitConditions"]["exitCodeRanges"][0]["end"], -1);
    }
}

/// B14: any other text is refused like a value of another type.
#[test]
fn other_strings_are_refused() {
    let mut world = with_job(r#"{"id":"j","poolInfo":{"poolId":"p"}}"#);
    for text in ["", " 3", "3 ", "3.0", "0x3", "three"] {
        let body = json!({ "targetDedicatedNodes": text });
        assert_eq!(world.send("POST /pools/p/resize", &body).told(), "400 InvalidRequestBody", "{text}");
        let body = json!({ "priority": text });
        assert_eq!(world.send("PATCH /jobs/j", &body).told(), "400 InvalidRequestBody", "{text}");
    }
    let out_of_range = world.send("PATCH /jobs/j", r#"{"priority":"1001"}"#);
    assert_eq!(out_of_range.told(), "400 InvalidPropertyValue");
    assert_eq!(out_of_range.said("PropertyValue"), "1001");
    // The reverse is refused.
    assert_eq!(world.send("POST /jobs", r#"{"id":1}"#).told(), "400 InvalidRequestBody");
}

/// B6, W2: as recorded of pools with virtual machines.
#[test]
fn a_pool_is_shown_with_its_defaults_in_the_services_order() {
    let mut world = RestWorld::new();
    let image = json!({ "publisher": "canonical", "offer": "ubuntu", "sku": "server" });
    let machine = json!({
        "imageReference": image,
        "nodeAgentSKUId": "batch.node.ubuntu 24.04",
        "nodePlacementConfiguration": { "policy": "zonal" },
    });
    let pool = json!({
        "id": "p", "vmSize": "STANDARD_D2S_V3", "virtualMachineConfiguration": machine,
        "startTask": { "commandLine": "x" }, "targetNodeCommunicationMode": "default",
    });
    assert_eq!(world.send("POST /pools", pool).told(), "201");
    let shown = world.shown("/pools/p");
    assert_eq!(shown["vmSize"], "standard_d2s_v3");
    let machine = &shown["virtualMachineConfiguration"];
    assert_eq!(machine["imageReference"]["version"], "latest");
    assert_eq!(machine["nodePlacementConfiguration"]["policy"], "Zonal");
    assert_eq!(shown["certificateReferences"], json!([]));
    let user = json!({ "autoUser": { "scope": "pool", "elevationLevel": "nonadmin" } });
    let start = json!({
        "commandLine": "x", "userIdentity": user, "maxTaskRetryCount": 0, "waitForSuccess": true,
    });
    assert_eq!(shown["startTask"], start);

    let text = world.get("/pools/p").text().to_string();
    let order = [
        "vmSize",
        "resizeTimeout",
        "currentDedicatedNodes",
        "targetDedicatedNodes",
        "currentLowPriorityNodes",
        "targetLowPriorityNodes",
        "enableAutoScale",
        "enableInterNodeCommunication",
        "startTask",
        "certificateReferences",
        "taskSlotsPerNode",
        "taskSchedulingPolicy",
        "virtualMachineConfiguration",
        "targetNodeCommunicationMode",
    ];
    let places: Vec<usize> = order.iter().map(|name| text.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}
