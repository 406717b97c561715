//! Rules that published programs rely on, with requests as those programs send them.

use serde_json::json;

use crate::world::World;

/// A job on a pool without nodes.
fn with_job(job: &str) -> World {
    let mut world = World::new();
    assert_eq!(world.send("POST /pools", r#"{"id":"p","vmSize":"small"}"#).told(), "201");
    assert_eq!(world.send("POST /jobs", job).told(), "201");
    world
}

/// B14: the Azure CLI sends each integer as a string.
#[test]
fn numbers_and_booleans_can_be_strings() {
    let mut world = World::new();
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

/// B14: a text that is no number is refused as any other value of another type.
#[test]
fn strings_that_are_no_numbers_are_refused() {
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

/// K9: what users of the service got.
#[test]
fn a_task_with_dependencies_in_a_job_without_is_refused() {
    let mut world = with_job(r#"{"id":"j","poolInfo":{"poolId":"p"}}"#);
    let text = "One of the properties specified in the request body is not supported.";
    for depends_on in [r#"{"taskIds":["a"]}"#, r#"{"taskIdRanges":[{"start":1,"end":2}]}"#] {
        let task = format!(r#"{{"id":"t","commandLine":"c","dependsOn":{depends_on}}}"#);
        let refused = world.send("POST /jobs/j/tasks", &task);
        assert_eq!(refused.told(), "400 UnsupportedProperty", "{depends_on}");
        assert!(refused.json()["message"]["value"].as_str().unwrap().starts_with(text));

        let other = r#"{"id":"u","commandLine":"c"}"#;
        let answer = world.send("POST /jobs/j/addtaskcollection", format!(r#"{{"value":[{task},{other}]}}"#));
        let results = answer.json()["value"].clone();
        assert_eq!(results[0]["status"], "ClientError");
        assert_eq!(results[0]["error"]["code"], "UnsupportedProperty");
        assert!(results[0]["error"]["message"]["value"].as_str().unwrap().starts_with(text));
        assert_eq!(results[1]["status"], "Success", "the others are judged by themselves");
        assert_eq!(world.send("DELETE /jobs/j/tasks/u", "").told(), "200");
    }
    for (id, depends_on) in [("v", "{}"), ("w", r#"{"taskIds":[],"taskIdRanges":[]}"#), ("x", "null")] {
        let task = format!(r#"{{"id":"{id}","commandLine":"c","dependsOn":{depends_on}}}"#);
        assert_eq!(world.send("POST /jobs/j/tasks", task).told(), "201", "{depends_on}");
    }
}

/// X7, X6, G1, S2: the job is disabled before it ends because all its tasks are completed.
#[test]
fn a_job_that_its_last_task_disables_is_disabled_before_it_ends() {
    let mut world = World::new();
    world.add_node("p", "n");
    let job = r#"{"id":"j","poolInfo":{"poolId":"p"},"onTaskFailure":"performexitoptionsjobaction"}"#;
    assert_eq!(world.send("POST /jobs", job).told(), "201");
    let task = r#"{"id":"t","commandLine":"exit 1","exitConditions":{"default":{"jobAction":"disable"}}}"#;
    assert_eq!(world.send("POST /jobs/j/tasks", task).told(), "201");
    assert_eq!(world.send("PATCH /jobs/j", r#"{"onAllTasksComplete":"terminatejob"}"#).told(), "200");
    world.ran("j", "t", "n", 1);
    let mut passed = vec![world.state("/jobs/j")];
    while passed.len() < 6 && world.account.deadline().is_some() {
        world.tick();
        passed.push(world.state("/jobs/j"));
    }
    assert_eq!(passed, ["active", "disabling", "disabled", "terminating", "completed"]);
    let shown = world.shown("/jobs/j");
    assert_eq!(shown["executionInfo"]["terminateReason"], "AllTasksComplete");
    assert_eq!(shown["previousState"], "disabled");
}

/// X7, X4: a disabling by a user goes the same way.
#[test]
fn a_disabling_job_whose_tasks_are_completed_is_disabled_before_it_ends() {
    let mut world = World::new();
    world.add_node("p", "n");
    let job = r#"{"id":"j","poolInfo":{"poolId":"p"},"onAllTasksComplete":"noaction"}"#;
    assert_eq!(world.send("POST /jobs", job).told(), "201");
    assert_eq!(world.send("POST /jobs/j/tasks", r#"{"id":"t","commandLine":"c"}"#).told(), "201");
    assert_eq!(world.send("PATCH /jobs/j", r#"{"onAllTasksComplete":"terminatejob"}"#).told(), "200");
    world.run("j", "t", "n");
    assert_eq!(world.send("POST /jobs/j/disable", r#"{"disableTasks":"wait"}"#).told(), "202");
    world.ends("j", "t", "n", 0);
    assert_eq!(world.state("/jobs/j"), "disabling");
    world.tick();
    assert_eq!(world.state("/jobs/j"), "disabled");
    world.tick();
    assert_eq!(world.state("/jobs/j"), "terminating");
}
