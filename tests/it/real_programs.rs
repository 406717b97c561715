//! Rules that published programs rely on, with requests as those programs send them.

use azbatch::{
    TimeSpan, Timestamp,
    job::{JobRequest, JobState, Living, NotAssigned},
    node::NodeEvent,
};
use serde_json::{Value, json};

use crate::world::{URL, World, brief};

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

/// R-enable-enabling, R-disable-enabling: no request leads to `enabling`, but a stored job can be in it.
#[test]
fn a_job_that_is_being_enabled_is_neither_enabled_nor_disabled() {
    let state = JobState::Living(Living::Enabling);
    for request in [JobRequest::Enable, JobRequest::Disable] {
        let refused = state.allows(request).unwrap_err();
        assert_eq!((refused.code.status(), refused.code.as_str()), (409, "JobNotActive"), "{request:?}");
    }
    for request in [JobRequest::Update, JobRequest::AddTask, JobRequest::Terminate { force: false }] {
        assert_eq!(state.allows(request), Ok(()), "{request:?}");
    }
}

/// K8, R-reactivate-task-*: the job's code wins, whether the task has failed, succeeded or is active.
#[test]
fn tasks_of_jobs_that_end_are_not_reactivated() {
    let mut world = World::new();
    world.add_node("p", "n");
    let job = r#"{"id":"j","poolInfo":{"poolId":"p"},"jobPreparationTask":{"commandLine":"c"},"jobReleaseTask":{"commandLine":"c"}}"#;
    assert_eq!(world.send("POST /jobs", job).told(), "201");
    for task in ["failed", "succeeded", "active"] {
        let task = json!({ "id": task, "commandLine": "c" });
        assert_eq!(world.send("POST /jobs/j/tasks", task).told(), "201");
    }
    let effects = world.assign("j", "succeeded", "n");
    for effect in effects {
        world.obey_one(&effect);
    }
    world.starts("j", "succeeded", "n");
    world.ends("j", "succeeded", "n", 0);
    world.ran("j", "failed", "n", 1);
    let answers = |world: &mut World| {
        ["failed", "succeeded", "active"]
            .map(|task| world.send(&format!("POST /jobs/j/tasks/{task}/reactivate"), "").told())
    };
    let terminated = world.send("POST /jobs/j/terminate", "");
    assert_eq!(terminated.told(), "202");
    assert_eq!(answers(&mut world), ["409 JobBeingTerminated"; 3]);
    world.obey(terminated.effects);
    assert_eq!(world.state("/jobs/j"), "completed");
    assert_eq!(answers(&mut world), ["409 JobCompleted"; 3]);
    assert_eq!(world.send("DELETE /jobs/j", "").told(), "202");
    assert_eq!(world.state("/jobs/j"), "deleting");
    assert_eq!(answers(&mut world), ["409 JobBeingDeleted"; 3]);
}

/// Q10: as a header it is an HTTP date, in the query an ISO 8601 instant.
#[test]
fn ocp_date_can_be_a_query_parameter() {
    let mut world = with_job(r#"{"id":"j","poolInfo":{"poolId":"p"}}"#);
    for date in
        ["2026-02-10T08:00:00Z", "2026-02-10T08:00Z", "2026-02-10", "2026-02-10T09:00:00.5%2B01:00", ""]
    {
        assert_eq!(world.get(&format!("/jobs/j?ocp-date={date}")).told(), "200", "{date}");
        assert_eq!(world.get(&format!("/jobs/j?OCP-Date={date}")).told(), "200", "{date}");
    }
    for date in ["today", "2026-02-30", "Tue,%2010%20Feb%202026%2008:00:00%20GMT"] {
        let refused = world.get(&format!("/jobs/j?ocp-date={date}"));
        assert_eq!(refused.told(), "400 InvalidHeaderValue", "{date}");
        assert_eq!(refused.said("HeaderName"), "ocp-date");
    }
    for (date, told) in [
        ("Tue, 10 Feb 2026 08:00:00 GMT", "200"),
        ("Tuesday, 10-Feb-26 08:00:00 GMT", "200"),
        ("2026-02-10T08:00:00Z", "400 InvalidHeaderValue"),
    ] {
        assert_eq!(world.send_with("GET /jobs/j", "", &[("ocp-date", date)]).told(), told, "{date}");
    }
}

/// W4, Q4
#[test]
fn instants_can_be_a_date_alone_or_have_no_seconds() {
    let mut world = with_job(r#"{"id":"j","poolInfo":{"poolId":"p"}}"#);
    for (instant, found) in [
        ("2026-02-10", true),
        ("2026-02-11", false),
        ("2026-02-10T08:00Z", true),
        ("2026-02-10T08:01Z", false),
        ("2026-02-10T09:00%2B01:00", true),
        ("2026-02-10T08:00:00.5Z", true),
    ] {
        for literal in [format!("DateTime'{instant}'"), instant.to_string()] {
            let reply = world.get(&format!("/jobs?$filter=creationTime%20ge%20{literal}"));
            assert_eq!(reply.told(), "200", "{literal}");
            assert_eq!(!reply.ids().is_empty(), found, "{literal}");
        }
    }
}

/// K13, K5: a running task is told to stop at the first tick after 180 days.
#[test]
fn a_task_runs_for_180_days_at_most() {
    let mut world = with_a_task();
    world.run("j", "t", "n");
    world.later(DAYS_180 - 1000);
    assert_eq!(brief(&world.tick()), [""; 0]);
    let expiry = Timestamp::parse_iso8601(world.value("/jobs/j/tasks/t", "/creationTime").as_str().unwrap());
    let expiry = expiry.unwrap().saturating_add(TimeSpan::from_secs(DAYS_180));
    assert_eq!(world.account.deadline(), Some(expiry));
    world.later(1000);
    assert_eq!(brief(&world.tick()), ["StopTask t n WallClockTime"]);
    world.ends("j", "t", "n", 143);
    let shown = world.shown("/jobs/j/tasks/t");
    assert_eq!(shown["state"], "completed");
    assert_eq!(shown["executionInfo"]["failureInfo"]["category"], "ServerError");
    assert_eq!(shown["executionInfo"]["failureInfo"]["code"], "TaskEnded");
}

/// K13: an active task that is older stays as it is, also after its job was disabled and enabled.
#[test]
fn a_task_of_180_days_is_not_scheduled() {
    let mut world = with_a_task();
    let mut early = world.clone();
    early.later(DAYS_180 - 10);
    assert_eq!(brief(&early.schedule()), ["TaskRunning t n", "RunTask t n"]);

    let added = world.shown("/jobs/j/tasks/t");
    world.later(DAYS_180);
    assert_eq!(world.tick(), []);
    assert_eq!(world.schedule(), []);
    let (job, task, node, now) =
        ("j".parse().unwrap(), "t".parse().unwrap(), "n".parse().unwrap(), world.now);
    assert_eq!(world.account.assign(&job, &task, &node, now), Err(NotAssigned::TaskExpired));
    assert_eq!(world.send("POST /jobs/j/disable", r#"{"disableTasks":"requeue"}"#).told(), "202");
    world.tick();
    assert_eq!(world.send("POST /jobs/j/enable", "").told(), "202");
    assert_eq!(world.schedule(), []);
    assert_eq!(world.shown("/jobs/j/tasks/t"), added);

    // A task that is added later is scheduled.
    assert_eq!(world.send("POST /jobs/j/tasks", r#"{"id":"u","commandLine":"c"}"#).told(), "201");
    assert_eq!(brief(&world.schedule()), ["TaskRunning u n", "RunTask u n"]);
}

const DAYS_180: u64 = 180 * 24 * 60 * 60;

/// A job `j` with an active task `t`, on a pool with a node `n`.
fn with_a_task() -> World {
    let mut world = World::new();
    world.add_node("p", "n");
    assert_eq!(world.send("POST /jobs", r#"{"id":"j","poolInfo":{"poolId":"p"}}"#).told(), "201");
    assert_eq!(world.send("POST /jobs/j/tasks", r#"{"id":"t","commandLine":"c"}"#).told(), "201");
    world
}

/// P8, Q7
#[test]
fn nodes_are_counted_by_state() {
    let mut world = World::new();
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

/// Q11
#[test]
fn lists_of_what_an_account_has_none_of_are_empty() {
    let mut world = with_a_task();
    for target in ["/applications", "/poolusagemetrics", "/pools/p/nodes/n/extensions"] {
        let shown = world.shown(target);
        assert_eq!(shown["value"], json!([]), "{target}");
        assert_eq!(shown["odata.nextLink"], Value::Null, "{target}");
    }
    assert_eq!(world.get("/pools/p/nodes/m/extensions").told(), "404 NodeNotFound");
    assert_eq!(world.get("/pools/q/nodes/n/extensions").told(), "404 PoolNotFound");
    assert_eq!(world.get("/applications?maxresults=0").told(), "400 InvalidQueryParameterValue");
}
