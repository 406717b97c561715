//! A stored account is equal to the original when it is read; a changed one that is invalid is refused. Inputs,
//! facts and instructions can be stored too, and stored inputs can be replayed.

#![allow(clippy::too_many_lines, reason = "tables and stories are as long as they are")]

use crate::world;

use std::{collections::BTreeSet, fmt::Debug};

use azbatch::{
    Account, BatchError, ETag, Effect, ErrorCode, Fact, Instruction, JobId, NodeId, PoolId, Preconditions,
    Report, RunId, TaskId, TimeSpan, Timestamp,
    condition::ConditionHeaders,
    job::{
        AddJob, BeforeDeletion, DeleteJob, DisableJob, DisableTasks, EnableJob, End, Ended, Ending,
        EndingKind, JobChange, JobConstraints, JobManagerTask, JobPatch, JobPreparationTask, JobReleaseTask,
        JobRequest, JobSettings, JobSpecification, JobState, JobTemplate, Living, OnAllTasksComplete,
        OnTaskFailure, ParallelLimit, PoolInfo, StopCause, TerminateJob, TerminateReason, Unit, UpdateJob,
    },
    node::{ChangeNode, NodeAction, NodeEvent, NodeTasks},
    pool::{
        AddPool, AutoScaleSettings, DeletePool, EnableAutoScale, EvaluationInterval, NodeCounts,
        NodeFillType, OsType, PoolSpecification, RemoveNodes, ResizePool, StopResize, SupportedImage,
        UpdatePool, VerificationType,
    },
    rest::{self, ApiVersion, Guid, OwnedRequest, Response},
    task::{
        AddTask, DeleteTask, Dependencies, DependencyAction, ExitCodeRange, ExitConditions, ExitOptions,
        JobAction, NodeError, NodeFailure, ReactivateTask, RequestedConstraints, RetryLimit, TaskIdRange,
        TaskSpecification, TaskState, TaskStop, TerminateTask, UpdateTask,
    },
    testing::{Driver, strategies},
};
use proptest::{collection::vec, prelude::*};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use world::{World, event_of, id};

fn stored_and_read(account: &Account) -> Account {
    let text = serde_json::to_string(account).unwrap();
    let read: Account = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    read
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_account_that_was_read_behaves_as_the_one_that_was_stored(
        before in strategies::sequence(80),
        after in strategies::sequence(40),
        requests in vec(strategies::request(), 0..8),
    ) {
        let stored = before.run();
        let mut read = Driver::with_account(stored_and_read(stored.account()), stored.now());
        let mut stored = Driver::with_account(stored.account().clone(), stored.now());
        prop_assert_eq!(read.account(), stored.account());
        for step in &after {
            prop_assert_eq!(read.step(step), stored.step(step));
            prop_assert_eq!(read.account(), stored.account());
            prop_assert_eq!(read.account().deadline(), stored.account().deadline());
        }
        for request in requests {
            let answer = stored.receive(&request);
            prop_assert_eq!(read.receive(&request), answer);
            prop_assert_eq!(read.account(), stored.account());
        }
    }

    #[test]
    fn effects_can_be_stored_too(sequence in strategies::sequence(60)) {
        let mut driver = Driver::new(sequence.start());
        let all: Vec<Effect> = sequence.iter().flat_map(|step| driver.step(step).effects().to_vec()).collect();
        let text = serde_json::to_string(&all).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Effect>>(&text).unwrap(), all);
    }
}

/// A pool with two nodes; a job with a task in each state, one of them on `tvm-1` and one, preparing, on
/// `tvm-2`; and a job that is completed. Both jobs have a preparation and a release task.
fn rich() -> Account {
    let mut world = World::new();
    let body = json!({ "id": "pool", "vmSize": "small", "targetDedicatedNodes": 2, "taskSlotsPerNode": 2 });
    let added = world.send("POST /pools", body);
    world.obey(added.effects);
    for job in ["job", "over"] {
        let body = json!({
            "id": job, "poolInfo": { "poolId": "pool" }, "jobPreparationTask": { "commandLine": "x" },
            "jobReleaseTask": { "commandLine": "y" },
        });
        assert_eq!(world.send("POST /jobs", body).told(), "201");
    }
    for task in ["1", "02", "run", "wait", "prepare"] {
        let body = json!({ "id": task, "commandLine": "x" });
        assert_eq!(world.send("POST /jobs/job/tasks", body).told(), "201");
    }
    for (task, exit_code) in [("1", 0), ("02", 1)] {
        let effects = world.assign("job", task, "tvm-1");
        world.obey(effects);
        world.ends("job", task, "tvm-1", exit_code);
    }
    let body = json!({
        "id": "nightly", "schedule": { "recurrenceInterval": "P1D", "startWindow": "PT1H" },
        "jobSpecification": { "poolInfo": { "poolId": "pool" } },
    });
    assert_eq!(world.send("POST /jobschedules", body).told(), "201");
    world.run("job", "run", "tvm-1");
    world.assign("job", "prepare", "tvm-2");
    world.send("POST /jobs/over/terminate", "");
    world.tick();
    let job = world.account.job(&id("job")).unwrap();
    let states: Vec<_> = job.tasks().map(|task| task.state().name().as_str()).collect();
    assert_eq!(states, ["completed", "completed", "preparing", "running", "active"]);
    assert!(job.tasks().any(|task| matches!(task.state(), TaskState::Active)));
    world.account
}

/// Why what is stored is not read any more once it was changed; `None` if it is read all the same.
fn refusal(change: impl FnOnce(&mut Value)) -> Option<String> {
    let mut stored = serde_json::to_value(rich()).unwrap();
    let whole = stored.clone();
    change(&mut stored);
    assert_ne!(stored, whole, "nothing was changed");
    let of_value = serde_json::from_value::<Account>(stored.clone()).err()?.to_string();
    let of_text = serde_json::from_str::<Account>(&stored.to_string()).err()?.to_string();
    assert!(of_text.starts_with(&of_value), "{of_text} / {of_value}");
    Some(of_value)
}

/// P15, P18: how a pool scales is stored, and read only as it can be.
#[test]
fn how_a_pool_scales_comes_back() {
    let mut world = World::new();
    let pool =
        json!({ "id": "pool", "vmSize": "small", "enableAutoScale": true, "autoScaleFormula": "x = y" });
    world.send("POST /pools", pool);
    world.later(60).tick();
    let scale = world.account.pool(&id("pool")).unwrap().auto_scale().unwrap();
    assert_eq!((scale.samples().len(), scale.run().unwrap().error.is_some()), (2, true));
    let stored = serde_json::to_value(&world.account).unwrap();
    assert_eq!(serde_json::from_value::<Account>(stored.clone()).unwrap(), world.account);
    let scale = "/pools/pool/auto_scale";
    for (pointer, value, why) in [
        ("settings/formula", json!("x = "), "Line 1, Col 5: expected a value"),
        ("settings/evaluation_interval", json!("PT4M"), "an evaluation interval is from PT5M to P7D"),
        ("samples/0/at", json!("2027-02-10T08:00:00Z"), "P18: pool pool: too many samples"),
    ] {
        let mut stored = stored.clone();
        set(&mut stored, &format!("{scale}/{pointer}"), value);
        let found = serde_json::from_value::<Account>(stored).unwrap_err().to_string();
        assert!(found.starts_with(why), "{pointer}: {found}");
    }
}

/// P19: only jobs of a schedule make its pool, and only if they share one.
#[test]
fn a_job_schedule_with_a_pool_has_had_a_job() {
    let refusal = |lifetime: &str, last_job: u32| {
        let pool = json!({ "autoPoolSpecification": {
            "poolLifetimeOption": lifetime, "pool": { "vmSize": "small", "targetDedicatedNodes": 1 },
        } });
        let mut world = World::new();
        let schedule = json!({
            "id": "nightly", "schedule": { "doNotRunUntil": "2027-02-10T08:00:00Z" },
            "jobSpecification": { "poolInfo": pool },
        });
        assert_eq!(world.send("POST /jobschedules", schedule).told(), "201");
        let mut stored = serde_json::to_value(&world.account).unwrap();
        set(&mut stored, "/job_schedules/nightly/pool", json!("pool"));
        if last_job > 0 {
            set(&mut stored, "/job_schedules/nightly/last_job", json!(last_job));
            set(&mut stored, "/job_schedules/nightly/last_turn", json!("2026-02-10T08:00:00Z"));
        }
        serde_json::from_value::<Account>(stored).err().map(|refusal| refusal.to_string())
    };
    let contradicts = Some("I3: job schedule nightly contradicts itself".to_owned());
    assert_eq!(refusal("jobschedule", 0), contradicts);
    assert_eq!(refusal("job", 1), contradicts);
    assert_eq!(refusal("jobschedule", 1), None);
}

/// Puts a value in the place of another, or where something was left out.
fn set(stored: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = stored.pointer_mut(pointer) {
        *place = value;
    } else {
        let (object, name) = pointer.rsplit_once('/').unwrap();
        let object = stored.pointer_mut(object).and_then(Value::as_object_mut);
        object.unwrap_or_else(|| panic!("{pointer}")).insert(name.into(), value);
    }
}

/// Where the place is that these changes name in short: `JOB` is a job, and `TASK/name` a task of it.
fn place(short: &str) -> String {
    let in_order = ["02", "1", "prepare", "run", "wait"];
    let task = short.strip_prefix("TASK/").and_then(|rest| rest.split_once('/'));
    task.map_or_else(
        || short.replace("JOB", "/jobs/job"),
        |(name, rest)| {
            let number = in_order.iter().position(|task| *task == name).unwrap();
            format!("/jobs/job/tasks/tasks/{number}/{rest}")
        },
    )
}

/// The history of a task in this state.
fn history(state: &Value) -> Value {
    let wait = rich().task(&id("job"), &id("wait")).unwrap().stamps().created();
    let at = wait.to_string();
    json!({
        "stamps": { "created": at, "modified": at, "entered": at, "previous": null }, "state": state,
        "retry_count": 0, "last_retry_time": null, "requeue_count": 0, "last_requeue_time": null,
    })
}

/// Takes the member of this name out of an object.
fn take(stored: &mut Value, pointer: &str, name: &str) -> Value {
    let object = stored.pointer_mut(pointer).and_then(Value::as_object_mut);
    object.and_then(|object| object.remove(name)).unwrap_or_else(|| panic!("{pointer}/{name}"))
}

fn placed(node: &str, run: u64) -> Value {
    json!({ "placement": { "pool": "pool", "node": node }, "run": run, "stop": null })
}

/// Asserts that each of these changes of one place makes the account unreadable, and why: a change is a
/// place, the value to put there, and the rule and the text of the error.
fn all_are_refused(changes: &[(&str, Value, &str)]) {
    for (pointer, value, why) in changes {
        let pointer = place(pointer);
        let found = refusal(|stored| set(stored, &pointer, value.clone()));
        let found = found.unwrap_or_else(|| panic!("{pointer}: {value}: it is read"));
        assert!(found.starts_with(why), "{pointer}: {value}: {found}");
    }
}

#[test]
fn what_does_not_fit_together_is_not_read() {
    // I1, I3, I6
    const WRONG_NODES: &str = "I6: job job: the index of nodes is wrong";
    const WRONG_ORDER: &str = "I6: job job: the order of the tasks is broken";
    const NOT_ON_NODE: &str = "I6: job job: task run is not on node tvm-1";
    const WRONG_NODE: &str = "I6: node tvm-1 contradicts itself";
    const ENDED_ALONE: &str = "L5: job schedule nightly is ending or has ended, and job nightly:job-1 is not";
    all_are_refused(&[
        ("JOB/tasks/next_sequence", json!(3), WRONG_ORDER),
        ("JOB/tasks/next_sequence", json!(u64::MAX), "I6: job job: no sequence number is left"),
        ("TASK/wait/sequence", json!(2), WRONG_ORDER),
        ("JOB/nodes/index/outstanding", json!(1), WRONG_NODES),
        ("JOB/nodes/index/outstanding_lost", json!(1), WRONG_NODES),
        ("JOB/nodes/index/outstanding_gone", json!(1), WRONG_NODES),
        ("JOB/nodes/index/releases", json!([["2026-02-10T09:00:00Z", "tvm-1"]]), WRONG_NODES),
        (
            "TASK/wait/history",
            history(&json!({ "Running": { "assignment": placed("tvm-1", 3), "start_time": null } })),
            "I6: job job: node tvm-1 does not have task wait",
        ),
        ("TASK/run/history/state", json!("Active"), NOT_ON_NODE),
        (
            "TASK/run/specification",
            json!({ "required_slots": 2 }),
            "I6: node tvm-1 has the wrong slots for task run of job job",
        ),
        ("TASK/wait/specification", json!({ "required_slots": 0 }), "B5: job job: task wait needs no slot"),
        // Tasks and nodes that do not know each other.
        ("TASK/run/history/state/Running/assignment/placement/node", json!("tvm-2"), NOT_ON_NODE),
        ("TASK/run/history/state/Running/assignment/placement/node", json!("tvm-9"), NOT_ON_NODE),
        ("TASK/run/history/state/Running/assignment/placement/pool", json!("other"), NOT_ON_NODE),
        ("TASK/run/history/state/Running/assignment/run", json!(3), NOT_ON_NODE),
        ("JOB/nodes/by_id/tvm-1/tasks", json!({}), "I6: job job: node tvm-1 does not have task run"),
        (
            "JOB/nodes/by_id/tvm-1/tasks",
            json!({ "run": 4, "wait": 3 }),
            "I6: job job: task wait is not on node tvm-1",
        ),
        ("JOB/nodes/by_id/tvm-1/tasks", json!({ "run": 3 }), NOT_ON_NODE),
        (
            "JOB/nodes/by_id/tvm-2/tasks",
            json!({ "prepare": 5, "none": 3 }),
            "I6: job job: task none is not on node tvm-2",
        ),
        ("JOB/nodes/by_id", json!({}), "I6: job job: node tvm-2 does not have task prepare"),
        ("JOB/nodes/by_id/tvm-1/pool", json!("other"), NOT_ON_NODE),
        ("/nodes/tvm-1/pool", json!("other"), "I6: job job waits for node tvm-1, which is not there"),
        ("/nodes/tvm-1/tasks", json!({}), "I6: node tvm-1 does not have task run of job job"),
        ("/nodes/tvm-1/tasks", json!({ "job": { "run": 1 }, "over": {} }), WRONG_NODE),
        ("/nodes/tvm-1/tasks/job", json!({ "run": 1, "wait": 1 }), WRONG_NODE),
        (
            "/nodes/tvm-2/tasks",
            json!({ "over": { "x": 1 } }),
            "I6: node tvm-2 does not have task prepare of job job",
        ),
        (
            "/nodes/tvm-2/tasks",
            json!({ "none": { "prepare": 1 } }),
            "I6: node tvm-2 does not have task prepare of job job",
        ),
        ("/nodes", json!({}), "I6: node tvm-1 does not have task run of job job"),
        // Slots.
        ("/nodes/tvm-1/slots", json!(0), WRONG_NODE),
        ("/nodes/tvm-1/tasks/job/run", json!(3), WRONG_NODE),
        ("/nodes/tvm-1/taken_slots", json!(2), WRONG_NODE),
        // Two ids of one thing.
        ("JOB/specification/id", json!("other"), "S4: job job is stored under another id"),
        ("TASK/wait/id", json!("other"), "the tasks are not in the order of their ids"),
        ("TASK/wait/id", json!("RUN"), "the tasks are not in the order of their ids"),
        ("TASK/02/specification", json!(null), "missing field `specification`"),
        (
            "/job_schedules/nightly/specification/id",
            json!("other"),
            "S4: job schedule nightly is stored under another id",
        ),
        (
            "/job_schedules/nightly/last_job",
            json!(0),
            "L2: job schedule nightly did not make job nightly:job-1",
        ),
        (
            "/job_schedules/nightly/last_job",
            json!(2),
            "L3: job schedule nightly has another job than nightly:job-1",
        ),
        ("/job_schedules/nightly/last_turn", json!(null), "I3: job schedule nightly contradicts itself"),
        ("/job_schedules/nightly/state", json!("Terminating"), ENDED_ALONE),
        (
            "/job_schedules/nightly/state",
            json!({ "Completed": { "end_time": "2026-02-10T08:00:00Z" } }),
            ENDED_ALONE,
        ),
        ("/job_schedules/nightly/state", json!({ "Deleting": { "end_time": null } }), ENDED_ALONE),
        ("/job_schedules/nightly/pool", json!("pool"), "I3: job schedule nightly contradicts itself"),
        (
            "/job_schedules/nightly/settings/schedule/start_window",
            json!("PT59S"),
            "a period has at least one minute",
        ),
        ("/nodes/tvm-1/id", json!("tvm-2"), "S4: node tvm-1 is stored under another id"),
        // What is out of step.
        (
            "JOB/nodes/by_id/tvm-2/preparation",
            json!(null),
            "K1: job job: task prepare is out of step with node tvm-2",
        ),
        (
            "TASK/prepare/history/state",
            json!({ "Running": { "assignment": placed("tvm-2", 5), "start_time": null } }),
            "K1: job job: task prepare is out of step with node tvm-2",
        ),
        (
            "TASK/run/history/state",
            json!({ "Preparing": placed("tvm-1", 4) }),
            "K1: job job: task run is out of step with node tvm-1",
        ),
        ("JOB/state", json!({ "Living": "Disabled" }), "G1: job job: disabled with a task on a node"),
        (
            "JOB/state",
            json!({ "Completed": { "reason": "TaskFailed", "at": "2026-02-10T08:00:06.1234567Z" } }),
            "I1: job job: completed with something left on a node",
        ),
        (
            "/jobs/over/state/Completed/at",
            json!("2026-02-10T09:00:00Z"),
            "E8: job over: ended at another time",
        ),
        (
            "/jobs/over/state/Completed/at",
            json!("2026-02-10T08:00:29.1234567Z"),
            "E8: job over: ended at another time",
        ),
        // Stamps that go back.
        ("JOB/stamps/entered", json!("2026-02-10T08:00:00Z"), "I3: job job: stamps go back"),
        ("JOB/stamps/modified", json!("2026-02-10T08:00:00Z"), "I3: job job: stamps go back"),
        ("JOB/received", json!("2026-02-10T09:00:00Z"), "T6: job job: created too early"),
        ("/jobs/over/stamps/entered", json!("2026-02-10T08:00:06.2Z"), "I3: job over: stamps go back"),
        (
            "TASK/1/history/stamps/modified",
            json!("2026-02-10T08:00:00Z"),
            "I3: job job: stamps of task 1 go back",
        ),
        (
            "TASK/1/history/stamps/entered",
            json!("2026-02-10T08:00:09Z"),
            "I3: job job: stamps of task 1 go back",
        ),
        (
            "TASK/1/history/stamps/previous/1",
            json!("2026-02-10T09:00:00Z"),
            "I3: job job: stamps of task 1 go back",
        ),
        // Two times of one creation, and a history of nothing.
        (
            "TASK/1/created",
            json!("2026-02-10T08:00:01Z"),
            "I3: job job: the history of task 1 does not fit it",
        ),
        (
            "TASK/wait/history",
            history(&json!("Active")),
            "I3: job job: the history of task wait does not fit it",
        ),
        ("/pools/pool/stamps/modified", json!("2026-02-10T08:00:00Z"), "I3: pool pool: stamps go back"),
        ("/nodes/tvm-1/stamps/entered", json!("2026-02-10T08:00:00Z"), WRONG_NODE),
        // Specifications that are refused in requests.
        ("JOB/specification/template/preparation", json!(null), "B9: job job: the specification is invalid"),
        (
            "JOB/specification/template/preparation/id",
            json!("jobrelease"),
            "B9: job job: the specification is invalid",
        ),
        (
            "JOB/specification/template/release/max_wall_clock_time",
            json!("PT16M"),
            "B9: job job: the specification is invalid",
        ),
        // What is no value at all.
        ("JOB/specification/id", json!("no id"), "an id has 1 to 64 characters"),
        ("JOB/state", json!("Paused"), "unknown variant"),
        ("JOB/received", json!("yesterday"), "not an ISO 8601 instant"),
        ("JOB/settings/priority", json!("high"), "invalid type"),
    ]);
}

#[test]
fn what_no_call_leads_to_is_not_read() {
    const OUT_OF_ORDER: &str = "I3: job job: a run on node tvm-1 is out of order";
    const NOT_READY: &str = "K1: job job: tasks run on node tvm-1, which is not ready";
    const OUT_OF_STEP: &str = "K1: job job: task run is out of step with node tvm-1";
    const UNASKED_RELEASE: &str = "E5: job job: a release without cause on node tvm-1";
    const UNASKED_STOP: &str = "E3: job job: the preparation on node tvm-2 is stopping without cause";
    const WRONG_CONTACT: &str = "N4: job job is wrong about whether node tvm-1 answers";
    let failed = |failure: &str| json!({ "Failed": { "failure": failure, "exit_code": null, "run": null } });
    let release = |state: Value| json!({ "number": 3, "retry_count": 0, "state": state });
    let completed = |start: &str, end: &str| json!({ "Completed": { "start_time": start, "end_time": end, "outcome": "Succeeded" } });
    all_are_refused(&[
        // E2: a task that stops because its job ends is one of a job that ends.
        (
            "TASK/run/history/state/Running/assignment/stop",
            json!("JobEnding"),
            "unknown variant `JobEnding`, expected one of `Terminate`, `Requeue`, `WallClockTime`, `Delete`",
        ),
        (
            "TASK/prepare/history/state/Preparing/stop",
            json!("JobEnding"),
            "unknown variant `JobEnding`, expected one of `Terminate`, `Requeue`, `WallClockTime`, `Delete`",
        ),
        // K1, E5: a node is ready only once its preparation is completed.
        (
            "JOB/nodes/by_id/tvm-2/readiness",
            json!({ "Ready": { "ran_tasks": true } }),
            "E5: job job: node tvm-2 cannot be Ready { ran_tasks: true }",
        ),
        (
            "JOB/nodes/by_id/tvm-2/readiness",
            json!({ "Ready": { "ran_tasks": false } }),
            "E5: job job: node tvm-2 cannot be Ready { ran_tasks: false }",
        ),
        (
            "JOB/nodes/by_id/tvm-2/readiness",
            json!({ "Barred": { "ran_tasks": false } }),
            "E5: job job: node tvm-2 cannot be Barred { ran_tasks: false }",
        ),
        (
            "JOB/nodes/by_id/tvm-1/preparation",
            json!(null),
            "E5: job job: node tvm-1 cannot be Ready { ran_tasks: true }",
        ),
        ("JOB/nodes/by_id/tvm-1/preparation/state", json!({ "Issued": { "stopping": false } }), OUT_OF_STEP),
        (
            "JOB/nodes/by_id/tvm-1/preparation/state",
            json!({ "Running": { "start_time": "2026-02-10T08:00:14.1234567Z", "stopping": false } }),
            OUT_OF_STEP,
        ),
        ("JOB/nodes/by_id/tvm-1/readiness", json!("Unprepared"), NOT_READY),
        ("JOB/nodes/by_id/tvm-1/readiness", json!({ "Ready": { "ran_tasks": false } }), NOT_READY),
        ("JOB/nodes/by_id/tvm-1/readiness", json!({ "Rebooted": { "ran_tasks": true } }), NOT_READY),
        ("JOB/nodes/by_id/tvm-1/readiness", json!({ "Barred": { "ran_tasks": true } }), NOT_READY),
        // Runs that were not decided yet.
        ("JOB/nodes/by_id/tvm-1/preparation/number", json!(7), OUT_OF_ORDER),
        ("JOB/last_run", json!(5), "I3: job job: a run on node tvm-2 is out of order"),
        ("JOB/last_run", json!(3), "I6: job job: task run is not on node tvm-1"),
        ("JOB/last_run", json!(0), "I6: job job: task run is not on node tvm-1"),
        // Runs that end before they start, or later than anything on their node.
        (
            "JOB/nodes/by_id/tvm-1/preparation/state",
            completed("2026-02-10T08:00:15.1Z", "2026-02-10T08:00:15Z"),
            OUT_OF_ORDER,
        ),
        (
            "JOB/nodes/by_id/tvm-1/preparation/state",
            completed("2026-02-10T08:00:14Z", "2026-02-10T08:00:16Z"),
            OUT_OF_ORDER,
        ),
        (
            "JOB/nodes/by_id/tvm-2/preparation/state",
            json!({ "Running": { "start_time": "2026-02-10T08:00:28Z", "stopping": false } }),
            "I3: job job: a run on node tvm-2 is out of order",
        ),
        // E5, E3: a living job has nothing to release, and does not stop its preparations.
        (
            "JOB/nodes/by_id/tvm-1/release",
            release(json!({ "Issued": { "stopping": false } })),
            UNASKED_RELEASE,
        ),
        (
            "JOB/nodes/by_id/tvm-1/release",
            release(completed("2026-02-10T08:00:14Z", "2026-02-10T08:00:15Z")),
            UNASKED_RELEASE,
        ),
        ("JOB/nodes/by_id/tvm-2/preparation/state/Issued/stopping", json!(true), UNASKED_STOP),
        // N4, N9: jobs know which nodes answer.
        ("/nodes/tvm-1/state", json!({ "Ready": "Unknown" }), WRONG_CONTACT),
        ("/nodes/tvm-1/state", json!({ "Ready": "Unusable" }), WRONG_CONTACT),
        ("/nodes/tvm-1/state", json!({ "Rebooting": ["Unknown", "Issued"] }), WRONG_CONTACT),
        ("/nodes/tvm-1/state", json!({ "Starting": "Issued" }), WRONG_CONTACT),
        ("/nodes/tvm-1/state", json!("Deallocated"), WRONG_CONTACT),
        ("/nodes/tvm-1/state", json!("Preempted"), WRONG_CONTACT),
        ("JOB/nodes/by_id/tvm-1/contact", json!("Lost"), "I6: job job: the index of nodes is wrong"),
        ("JOB/nodes/by_id/tvm-1/contact", json!("Gone"), "I6: job job: the index of nodes is wrong"),
        // K3, K4: ends that contradict themselves.
        (
            "TASK/02/history/state/Completed/outcome/Failed/exit_code",
            json!(0),
            "K3: job job: the end of task 02",
        ),
        (
            "TASK/02/history/state/Completed/outcome/Failed/run",
            json!(null),
            "K3: job job: the end of task 02",
        ),
        (
            "TASK/02/history/state/Completed/outcome/Failed/run/start_time",
            json!(null),
            "K3: job job: the end of task 02",
        ),
        ("TASK/02/history/state/Completed/outcome", failed("ExitCode"), "K3: job job: the end of task 02"),
        (
            "TASK/02/history/state/Completed/outcome/Failed/run/start_time",
            json!("2026-02-10T08:00:26Z"),
            "K3: job job: the end of task 02",
        ),
        (
            "TASK/1/history/state/Completed/outcome/Succeeded/start_time",
            json!("2026-02-10T08:00:21Z"),
            "K3: job job: the end of task 1",
        ),
        ("TASK/1/history/state/Completed/outcome/Succeeded/start_time", json!(null), "invalid type: null"),
        (
            "TASK/1/history/state/Completed/end_time",
            json!("2026-02-10T08:00:09Z"),
            "K3: job job: the end of task 1",
        ),
        (
            "TASK/1/history/state/Completed/end_time",
            json!("2026-02-10T09:00:00Z"),
            "K3: job job: the end of task 1",
        ),
        ("/nodes/tvm-1/recent_tasks", json!(vec![["job", "1"]; 11]), "I6: node tvm-1 contradicts itself"),
    ]);
}

/// Each of these would make a later call go wrong: a debug build panics, or `check` fails after it.
#[test]
fn what_would_break_a_later_call_is_not_read() {
    let start = "TASK/run/history/state/Running/start_time";
    all_are_refused(&[
        // No run number is left.
        ("/last_run", json!(u64::MAX), ""),
        ("JOB/last_run", json!(u64::MAX), ""),
        // A start after all that happened to the task.
        (start, json!("2026-02-10T08:00:28Z"), ""),
        (start, json!("9999-12-31T23:59:59.9999999Z"), ""),
    ]);
    // N3: a job that still expects something of a node that is not there.
    let with_gone_node = |stored: &mut Value| {
        let mut record = stored.pointer("/jobs/job/nodes/by_id/tvm-1").unwrap().clone();
        record["tasks"] = json!({});
        stored.pointer_mut("/jobs/job/nodes/by_id").unwrap()["tvm-9"] = record;
    };
    assert_ne!(refusal(with_gone_node), None);
}

/// L2, L3: a schedule whose last job has the highest number makes no other, and is completed with it.
#[test]
fn a_job_schedule_can_run_out_of_numbers() {
    let mut stored = serde_json::to_value(rich()).unwrap();
    set(&mut stored, "/job_schedules/nightly/last_job", json!(u32::MAX));
    take(&mut stored, "/jobs", "nightly:job-1");
    let mut account: Account = serde_json::from_value(stored).unwrap();
    let effects = account.tick(instant("2026-02-12T08:00:00Z"));
    let names = Effect::facts(&effects).map(Fact::name);
    let of_schedule: Vec<_> = names.filter(|name| name.starts_with("JobSchedule")).collect();
    assert_eq!(of_schedule, ["JobScheduleCompleted"]);
    let stored = serde_json::to_value(&account).unwrap();
    assert_eq!(stored["job_schedules"]["nightly"]["last_job"], json!(u32::MAX));
    account.check().unwrap();
}

#[test]
fn the_index_of_the_account_is_not_stored() {
    let image = SupportedImage {
        publisher: "canonical".into(),
        offer: "ubuntu".into(),
        sku: "server".into(),
        version: "latest".into(),
        verification: VerificationType::Unverified,
        node_agent_sku_id: "batch.node.ubuntu".into(),
        capabilities: vec!["DockerCompatible".into()],
        end_of_support: "2030-04-01T00:00:00Z".parse().ok(),
        os_type: OsType::Linux,
    };
    let account = rich().with_supported_images(vec![image]);
    let mut stored = serde_json::to_value(&account).unwrap();
    let names: Vec<_> = stored.as_object().unwrap().keys().collect();
    let expected = [
        "account_format",
        "force_timeout",
        "job_schedules",
        "jobs",
        "last_run",
        "nodes",
        "pools",
        "supported_images",
        "url",
    ];
    assert_eq!(names, expected);
    // An index that somebody stored all the same is not read.
    stored["index"] = json!({ "nodes_by_pool": {}, "jobs_by_node": {}, "pools_due": ["pool"] });
    let read: Account = serde_json::from_value(stored).unwrap();
    assert_eq!(read, account);
    read.check().unwrap();
}

#[test]
fn what_is_filed_under_another_id_is_not_read() {
    for (pointer, old, why) in [
        ("/jobs", "over", "S4: job renamed is stored under another id"),
        ("/nodes", "tvm-2", "I6: node tvm-2 does not have task prepare of job job"),
        ("/pools", "pool", "S4: pool renamed is stored under another id"),
    ] {
        let renamed = |stored: &mut Value| {
            let value = take(stored, pointer, old);
            stored.pointer_mut(pointer).unwrap()["renamed"] = value;
        };
        assert_eq!(refusal(renamed).as_deref(), Some(why), "{pointer}/{old}");
    }
}

#[test]
fn two_of_one_id_are_not_read() {
    // S4
    for (pointer, old, id) in [
        ("/jobs", "over", "/specification/id"),
        ("/job_schedules", "nightly", "/specification/id"),
        ("/pools", "pool", "/specification/id"),
        ("/nodes", "tvm-2", "/id"),
    ] {
        let doubled = |stored: &mut Value| {
            let mut value = stored.pointer(&format!("{pointer}/{old}")).unwrap().clone();
            let other = old.to_uppercase();
            set(&mut value, id, json!(other));
            stored.pointer_mut(pointer).unwrap()[&other] = value;
        };
        assert_eq!(refusal(doubled).as_deref(), Some("two entries have one id"), "{pointer}/{old}");
    }
}

#[test]
fn what_is_stored_can_be_read_as_anything_that_is_json() {
    let account = rich();
    assert_eq!(serde_json::from_value::<Account>(serde_json::to_value(&account).unwrap()).unwrap(), account);
    assert_eq!(stored_and_read(&account), account);
    assert_eq!(stored_and_read(&World::new().account), World::new().account);
}

// Inputs

/// Asserts that each of these is the same once it was written as text and read back, and that it is
/// written as the same text again.
fn all_come_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(values: &[T]) {
    for value in values {
        let text = serde_json::to_string(value).unwrap();
        let read: T =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{value:?}: {error}: {text}"));
        assert_eq!(read, *value);
        // Ids are compared without case; their texts are not.
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}

fn instant(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(text).unwrap()
}

/// One of each kind, and some with more or fewer tags.
fn preconditions() -> Vec<Preconditions> {
    let now = instant("2026-02-10T08:00:00Z");
    let parse = |headers: &ConditionHeaders<'_>| Preconditions::parse(headers, now).unwrap();
    let date: &[u8] = b"Tue, 10 Feb 2026 07:00:00 GMT";
    let none = ConditionHeaders::default();
    let all = vec![
        Preconditions::None,
        parse(&ConditionHeaders { if_match: Some(b"*"), ..none }),
        parse(&ConditionHeaders { if_match: Some(b"\"0x8DD93314A6D8630\", W/\"0x0\", 0x1"), ..none }),
        parse(&ConditionHeaders { if_match: Some(b"\"no ETag\""), ..none }),
        parse(&ConditionHeaders { if_none_match: Some(b"*"), ..none }),
        parse(&ConditionHeaders { if_none_match: Some(b"0x8DD93314A6D8630"), ..none }),
        parse(&ConditionHeaders { if_modified_since: Some(date), ..none }),
        parse(&ConditionHeaders { if_unmodified_since: Some(date), ..none }),
    ];
    let kinds: BTreeSet<_> =
        all.iter().map(|one| format!("{one:?}").split('(').next().unwrap().to_string()).collect();
    let expected = ["IfMatch", "IfModifiedSince", "IfNoneMatch", "IfUnmodifiedSince", "None"];
    assert!(kinds.iter().eq(expected), "{kinds:?}");
    all
}

fn properties(value: Value) -> azbatch::task::Properties {
    serde_json::from_value(value).unwrap()
}

/// Text that JSON has to escape or to write in more than one byte.
const AWKWARD: &str = "x \"y\" \u{e4}\u{1F600}\u{0}";

fn task_specification() -> TaskSpecification {
    let options = |job_action, dependency_action| ExitOptions { job_action, dependency_action };
    let range = |start, end| ExitCodeRange {
        start,
        end,
        options: options(Some(JobAction::Disable), Some(DependencyAction::Block)),
    };
    TaskSpecification {
        required_slots: 3,
        run_exclusive: true,
        exit_conditions: Some(ExitConditions {
            exit_codes: vec![range(1, 1), range(-1, -1)],
            exit_code_ranges: vec![range(i32::MIN, i32::MAX)],
            pre_processing_error: Some(options(Some(JobAction::Terminate), None)),
            file_upload_error: Some(options(None, Some(DependencyAction::Satisfy))),
            default: Some(options(Some(JobAction::None), None)),
        }),
        depends_on: Some(Dependencies {
            task_ids: vec![id("a"), id("B")],
            ranges: vec![TaskIdRange { start: 0, end: u32::MAX }],
        }),
        other: properties(json!({ "displayName": AWKWARD, "resourceFiles": [1, 2.5, null] })),
    }
}

fn job_specification() -> JobSpecification {
    let constraints = RequestedConstraints::default();
    let template = JobTemplate {
        uses_task_dependencies: true,
        manager: Some(JobManagerTask {
            command_line: Some(AWKWARD.into()),
            specification: task_specification().into(),
            constraints: constraints.resolve(RetryLimit::Unlimited),
            allow_low_priority_node: false,
            ..JobManagerTask::new(id("Task-1"))
        }),
        preparation: Some(JobPreparationTask {
            wait_for_success: false,
            rerun_on_node_reboot_after_success: false,
            other: properties(json!({ "commandLine": "p" })),
            ..JobPreparationTask::new(id("prepare"))
        }),
        release: Some(JobReleaseTask {
            max_wall_clock_time: TimeSpan::from_secs(61),
            ..JobReleaseTask::new(id("release"))
        }),
        on_task_failure: OnTaskFailure::PerformExitOptionsJobAction,
        other: properties(json!({ "displayName": "\u{e4}", "commonEnvironmentSettings": [{ "name": "n" }] })),
    };
    JobSpecification { id: id("Job-1"), template }
}

fn job_settings() -> JobSettings {
    JobSettings {
        priority: -1000,
        max_parallel_tasks: ParallelLimit::AtMost(7),
        allow_task_preemption: true,
        constraints: JobConstraints {
            max_wall_clock_time: TimeSpan::from_ticks(1).unwrap(),
            max_task_retry_count: RetryLimit::Times(3),
        },
        on_all_tasks_complete: OnAllTasksComplete::TerminateJob,
        network_configuration: Some(json!({ "subnetId": "/net" })),
        other: properties(json!({ "metadata": [{ "name": "n", "value": "v" }] })),
        ..JobSettings::new(id("pool"))
    }
}

#[test]
fn commands_come_back() {
    let received = instant("2026-02-10T08:00:00.1234567Z");
    all_come_back(&[
        AddJob {
            specification: JobSpecification::new(id("job")).into(),
            settings: JobSettings::new(id("pool")).into(),
            received: Timestamp::MIN,
        },
        AddJob { specification: job_specification().into(), settings: job_settings().into(), received },
    ]);
    let patch = JobPatch {
        pool: Some(PoolInfo::Named(id("Other"))),
        priority: Some(1000),
        max_parallel_tasks: Some(ParallelLimit::Unlimited),
        allow_task_preemption: Some(false),
        constraints: Some(JobConstraints::default()),
        on_all_tasks_complete: Some(OnAllTasksComplete::NoAction),
        network_configuration: Some(json!({})),
        other: properties(json!({ "metadata": [] })),
    };
    let requested = RequestedConstraints {
        max_wall_clock_time: TimeSpan::from_secs(1),
        retention_time: TimeSpan::UNLIMITED,
        max_task_retry_count: Some(RetryLimit::Unlimited),
    };
    let reasons = [
        TerminateReason::User(None),
        TerminateReason::User(Some("".into())),
        TerminateReason::User(Some("enough \u{e4}".into())),
        TerminateReason::MaxWallClockTimeExpiry,
        TerminateReason::JobManagerComplete,
        TerminateReason::TaskFailed,
        TerminateReason::AllTasksComplete,
        TerminateReason::Schedule,
    ];
    for preconditions in preconditions() {
        let preconditions = || preconditions.clone();
        let changes = [
            JobChange::Replace(job_settings()),
            JobChange::Replace(JobSettings::new(id("pool"))),
            JobChange::Patch(patch.clone()),
            JobChange::Patch(JobPatch::default()),
        ];
        all_come_back(&changes.map(|change| UpdateJob { change, preconditions: preconditions() }));
        let disable_tasks =
            |option: &DisableTasks| DisableJob { disable_tasks: *option, preconditions: preconditions() };
        all_come_back(&DisableTasks::ALL.iter().map(disable_tasks).collect::<Vec<_>>());
        all_come_back(&[EnableJob { preconditions: preconditions() }]);
        for force in [None, Some(TimeSpan::from_secs(0)), Some(TimeSpan::UNLIMITED)] {
            let terminate = |reason| TerminateJob { reason, force, preconditions: preconditions() };
            all_come_back(&reasons.clone().map(terminate));
            all_come_back(&[DeleteJob { force, preconditions: preconditions() }]);
        }
        let constraints = [RequestedConstraints::default(), requested];
        all_come_back(
            &constraints.map(|constraints| UpdateTask { constraints, preconditions: preconditions() }),
        );
        all_come_back(&[TerminateTask { preconditions: preconditions() }]);
        all_come_back(&[ReactivateTask { preconditions: preconditions() }]);
        all_come_back(&[DeleteTask { preconditions: preconditions() }]);
        for tasks in NodeTasks::ALL {
            all_come_back(&[
                ResizePool { preconditions: preconditions(), ..ResizePool::default() },
                ResizePool {
                    dedicated: Some(0),
                    low_priority: Some(u32::MAX),
                    tasks: *tasks,
                    resize_timeout: Some(TimeSpan::from_secs(60)),
                    preconditions: preconditions(),
                },
            ]);
            all_come_back(&[RemoveNodes {
                nodes: vec![id("tvm-1"), id("TVM-2")],
                tasks: *tasks,
                resize_timeout: None,
                preconditions: preconditions(),
            }]);
        }
        all_come_back(&[DeletePool { preconditions: preconditions() }]);
        all_come_back(&[StopResize { preconditions: preconditions() }]);
        all_come_back(&[
            EnableAutoScale { preconditions: preconditions(), ..EnableAutoScale::default() },
            EnableAutoScale {
                formula: Some(id("x = 1;")),
                evaluation_interval: Some(EvaluationInterval::MAX),
                preconditions: preconditions(),
            },
        ]);
        all_come_back(&[
            UpdatePool { preconditions: preconditions(), ..UpdatePool::default() },
            UpdatePool {
                task_slots_per_node: Some(2),
                node_fill_type: Some(NodeFillType::Pack),
                other: properties(json!({ "metadata": null, "vmSize": "big" })),
                preconditions: preconditions(),
            },
        ]);
        all_come_back(&[preconditions()]);
    }
    all_come_back(&[
        AddTask::new(id("0")),
        AddTask {
            id: id("Task-1"),
            command_line: Some(AWKWARD.into()),
            specification: task_specification().into(),
            constraints: requested,
        },
    ]);
    all_come_back(&[AddPool {
        specification: PoolSpecification {
            id: id("Pool_1"),
            task_slots_per_node: 4,
            node_fill_type: NodeFillType::Pack,
            other: properties(json!({ "vmSize": "small" })),
        }
        .into(),
        target: NodeCounts { dedicated: 1, low_priority: 2 },
        auto_scale: Some(AutoScaleSettings {
            formula: id("$TargetDedicatedNodes = 3"),
            evaluation_interval: EvaluationInterval::MIN,
        }),
    }]);
    let by_tasks =
        [ChangeNode::Reboot, ChangeNode::Reimage, ChangeNode::Deallocate, ChangeNode::DisableScheduling];
    let by_tasks = by_tasks.iter().flat_map(|command| NodeTasks::ALL.iter().map(|tasks| command(*tasks)));
    all_come_back(&by_tasks.chain([ChangeNode::Start, ChangeNode::EnableScheduling]).collect::<Vec<_>>());
    all_come_back(JobRequest::ALL);
}

const NODE_EVENTS: [NodeEvent; 9] = [
    NodeEvent::Rebooted,
    NodeEvent::Reimaged,
    NodeEvent::Removed,
    NodeEvent::Preempted,
    NodeEvent::Lost,
    NodeEvent::Unusable,
    NodeEvent::Returned,
    NodeEvent::Deallocated,
    NodeEvent::Started,
];

fn runs() -> Vec<RunId> {
    let units = [Unit::Preparation, Unit::Task(id("Task-1")), Unit::Release];
    let run = |unit| RunId { job: id("Job_1"), node: id(&"n".repeat(128)), unit, number: u64::MAX };
    units.map(run).to_vec()
}

#[test]
fn what_nodes_say_comes_back() {
    let error = || NodeError { code: "BlobNotFound".into(), message: "There is no \"blob\"\r\n".into() };
    let failures = [None, Some(NodeFailure::PreProcessing(error())), Some(NodeFailure::FileUpload(error()))];
    let mut reports: Vec<Report> = Vec::new();
    for run in runs() {
        reports.push(run.started());
        for exit_code in [None, Some(0), Some(i32::MIN), Some(i32::MAX)] {
            reports.extend(
                failures.iter().map(|failure| run.ended(Ended { exit_code, failure: failure.clone() })),
            );
        }
    }
    assert_eq!(reports.len(), 39);
    all_come_back(&reports);
    all_come_back(&runs());
    all_come_back(&NODE_EVENTS);
}

#[test]
fn instructions_come_back() {
    let stops = [TaskStop::Terminate, TaskStop::Requeue, TaskStop::WallClockTime, TaskStop::Delete];
    let causes =
        stops.map(StopCause::Task).into_iter().chain([StopCause::JobEnding, StopCause::ReleaseTimeout]);
    let causes: Vec<_> = causes.collect();
    let actions = [
        NodeAction::Reboot,
        NodeAction::Reimage,
        NodeAction::Deallocate,
        NodeAction::Start,
        NodeAction::Remove,
    ];
    let mut instructions: Vec<Instruction> = runs().into_iter().map(Instruction::Run).collect();
    for run in runs() {
        instructions.extend(causes.iter().map(|cause| Instruction::Stop { run: run.clone(), cause: *cause }));
    }
    instructions.extend(actions.map(|action| Instruction::Act { node: id("tvm-1"), action }));
    instructions.push(Instruction::AddNodes {
        pool: id("pool"),
        nodes: NodeCounts { dedicated: u32::MAX, low_priority: 0 },
    });
    all_come_back(&instructions);
    all_come_back(&instructions.into_iter().map(Effect::from).collect::<Vec<_>>());
}

#[test]
fn values_come_back() {
    all_come_back(&[
        Guid::from_u128(0),
        Guid::from_u128(u128::MAX),
        Guid::parse("9D5E47A0-0000-4000-8000-00000000aBcD").unwrap(),
    ]);
    let instants = [Timestamp::MIN, instant("2026-02-10T08:00:00.1234567Z"), Timestamp::MAX];
    all_come_back(&instants);
    all_come_back(&instants.map(ETag::from));
    all_come_back(&[TimeSpan::from_secs(0), TimeSpan::from_secs(1), TimeSpan::UNLIMITED]);
    all_come_back(ErrorCode::ALL);
    all_come_back(ApiVersion::ALL);
    all_come_back(&[
        BatchError::from(ErrorCode::JobNotFound),
        BatchError::invalid_property("priority", "1001", "The value must be between -1000 and 1000"),
        BatchError::from(ErrorCode::InvalidRequestBody).with("Reason", "\"\u{0}\"").with("", ""),
    ]);
    let end = || End { reason: TerminateReason::User(Some("x".into())), at: Timestamp::MAX };
    let ending = |kind| JobState::Ending(Ending { kind, force_deadline: Some(Timestamp::MAX) });
    all_come_back(&[
        JobState::Living(Living::Active),
        JobState::Living(Living::Disabling(DisableTasks::Wait)),
        JobState::Living(Living::Disabled),
        JobState::Living(Living::Enabling),
        ending(EndingKind::Terminating(TerminateReason::User(None))),
        ending(EndingKind::Deleting(BeforeDeletion::Living)),
        ending(EndingKind::Deleting(BeforeDeletion::Terminating(TerminateReason::TaskFailed))),
        ending(EndingKind::Deleting(BeforeDeletion::Completed(end()))),
        JobState::Completed(end()),
    ]);
    all_come_back(&[id::<JobId>("Job-1")]);
    all_come_back(&[id::<TaskId>("Task_1")]);
    all_come_back(&[id::<PoolId>("POOL")]);
    all_come_back(&[id::<NodeId>("tvm-1")]);
}

#[test]
fn what_is_no_value_does_not_come_back() {
    fn is_read<T: DeserializeOwned>(text: &str) -> bool {
        serde_json::from_str::<T>(text).is_ok()
    }
    assert!(!is_read::<Guid>("\"6a6ebce4\""));
    assert!(!is_read::<Guid>("\"{6a6ebce4-e376-46f0-99dd-719292f8d8a4}\""));
    assert!(!is_read::<ETag>("\"0x08DD93314A6D8630\""));
    assert!(!is_read::<ErrorCode>("\"JobMissing\""));
    assert!(!is_read::<ApiVersion>("\"latest\""));
    assert!(!is_read::<JobId>("\"\""));
    assert!(!is_read::<Instruction>("{\"Run\":{\"job\":\"j\",\"node\":\"n\",\"unit\":\"Preparation\"}}"));
    assert!(!is_read::<Fact>("{\"Job\":[\"j\",\"Resurrected\"]}"));
}

/// An input as a host may log it. It has the time of the clock, so a replay needs no clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Input {
    Request(OwnedRequest, Timestamp),
    Report(Report, Timestamp),
    NodeEvent(NodeId, NodeEvent, Timestamp),
    AddNode(PoolId, NodeId, Timestamp),
    Schedule(Timestamp),
    Tick(Timestamp),
}

/// What an input leads to.
type Outcome = (Option<Response>, Vec<Effect>);

impl Input {
    fn hand_to(&self, account: &mut Account) -> Outcome {
        let effects = match self {
            Self::Request(request, now) => {
                let answer = request.with(|request| rest::answer(account, request, now));
                return (Some(answer.response), answer.effects);
            }
            Self::Report(report, now) => account.report(report, now),
            Self::NodeEvent(node, event, now) => account.node_event(node, *event, now),
            Self::AddNode(pool, node, now) => account.add_node(pool, node, now).unwrap(),
            Self::Schedule(now) => account.schedule(now),
            Self::Tick(now) => account.tick(now),
        };
        (None, effects)
    }
}

/// An account whose host logs each input.
struct Story {
    account: Account,
    now: Timestamp,
    nodes: u32,
    inputs: Vec<Input>,
    outcomes: Vec<Outcome>,
}

impl Story {
    fn new() -> Self {
        Self {
            account: Account::new(world::URL),
            now: instant("2026-02-10T08:00:00.1234567Z"),
            nodes: 0,
            inputs: Vec::new(),
            outcomes: Vec::new(),
        }
    }

    fn later(&mut self, seconds: u64) {
        self.now = self.now.saturating_add(TimeSpan::from_secs(seconds));
    }

    fn hand(&mut self, input: impl FnOnce(Timestamp) -> Input) -> Vec<Effect> {
        self.later(1);
        let input = input(self.now);
        let outcome = input.hand_to(&mut self.account);
        self.inputs.push(input);
        self.outcomes.push(outcome.clone());
        outcome.1
    }

    /// Sends a request that is accepted.
    fn send(&mut self, line: &str, body: &Value) -> Vec<Effect> {
        let (method, target) = line.split_once(' ').unwrap();
        let separator = if target.contains('?') { '&' } else { '?' };
        let mut headers = Vec::new();
        if !body.is_null() {
            headers.push(("Content-Type".to_string(), b"application/json".to_vec()));
        }
        let request_id = Guid::from_u128(self.inputs.len() as u128);
        let effects = self.hand(|now| {
            let request = OwnedRequest {
                method: method.into(),
                target: format!("{target}{separator}api-version=2025-06-01"),
                headers,
                body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
                received: now,
                request_id,
            };
            Input::Request(request, now)
        });
        let response = self.outcomes.last().unwrap().0.as_ref().unwrap();
        assert!(response.status < 400, "{line}: {}", response.body.escape_ascii());
        effects
    }

    fn event(&mut self, node: &str, event: NodeEvent) -> Vec<Effect> {
        self.hand(|now| Input::NodeEvent(id(node), event, now))
    }

    fn tick(&mut self) -> Vec<Effect> {
        self.hand(Input::Tick)
    }

    fn schedule(&mut self) -> Vec<Effect> {
        self.hand(Input::Schedule)
    }

    /// A node reports the start of what it has of a unit, or its end.
    fn report(&mut self, job: &str, unit: &Unit, node: &str, ended: Option<Ended>) -> Vec<Effect> {
        let run = self.account.current_run(&id(job), &id(node), unit).unwrap();
        let report = ended.map_or_else(|| run.started(), |ended| run.ended(ended));
        self.hand(|now| Input::Report(report, now))
    }

    fn starts(&mut self, job: &str, task: &str, node: &str) -> Vec<Effect> {
        self.report(job, &Unit::Task(id(task)), node, None)
    }

    fn ends(&mut self, job: &str, task: &str, node: &str, exit_code: i32) -> Vec<Effect> {
        self.report(job, &Unit::Task(id(task)), node, Some(Ended::with_exit_code(exit_code)))
    }

    /// Adds the nodes that are asked for, and does to nodes what is to be done.
    fn obey_about_nodes(&mut self, effects: &[Effect]) {
        for instruction in Effect::instructions(effects) {
            match instruction {
                Instruction::AddNodes { pool, nodes } => {
                    for _ in 0..nodes.total() {
                        self.nodes += 1;
                        let node = id(&format!("tvm-{}", self.nodes));
                        self.hand(|now| Input::AddNode(pool.clone(), node, now));
                    }
                }
                Instruction::Act { node, action } => {
                    self.event(node.as_str(), event_of(*action));
                }
                Instruction::Run(_) | Instruction::Stop { .. } | Instruction::AddPool { .. } => {}
            }
        }
    }
}

/// A long sequence of inputs that leads to every kind of fact and instruction.
fn story() -> Story {
    let mut story = Story::new();
    let none = Value::Null;
    let task = |id: &str| json!({ "id": id, "commandLine": "x" });
    let ok = || Some(Ended::with_exit_code(0));
    let pool = json!({ "id": "pool", "vmSize": "small", "targetDedicatedNodes": 2, "taskSlotsPerNode": 4 });
    let effects = story.send("POST /pools", &pool);
    story.obey_about_nodes(&effects);
    story.tick();
    let job = |id: &str| {
        json!({
            "id": id, "poolInfo": { "poolId": "pool" },
            "jobPreparationTask": { "commandLine": "p", "constraints": { "maxTaskRetryCount": 1 } },
            "jobReleaseTask": { "commandLine": "r", "maxWallClockTime": "PT1M" },
        })
    };
    story.send("POST /jobs", &job("job"));
    for id in ["one", "two", "three"] {
        let mut body = task(id);
        body["constraints"] = json!({ "maxTaskRetryCount": 1, "maxWallClockTime": "PT10M" });
        story.send("POST /jobs/job/tasks", &body);
    }
    story.send("PUT /jobs/job/tasks/three", &json!({ "constraints": { "retentionTime": "PT1H" } }));
    story.schedule();
    // The preparation fails once, then each node is ready.
    story.report("job", &Unit::Preparation, "tvm-1", None);
    story.report("job", &Unit::Preparation, "tvm-1", Some(Ended::with_exit_code(1)));
    for node in ["tvm-1", "tvm-2"] {
        story.report("job", &Unit::Preparation, node, None);
        story.report("job", &Unit::Preparation, node, ok());
    }
    // A task that is retried, then takes too long; one that cannot be started; one that a user ends.
    story.starts("job", "one", "tvm-1");
    story.ends("job", "one", "tvm-1", 3);
    story.schedule();
    story.starts("job", "one", "tvm-1");
    let error = NodeError { code: "BlobNotFound".into(), message: "There is no such blob".into() };
    let failure = Some(NodeFailure::PreProcessing(error));
    story.report("job", &Unit::Task(id("two")), "tvm-2", Some(Ended { exit_code: None, failure }));
    story.starts("job", "three", "tvm-1");
    story.send("POST /jobs/job/tasks/three/terminate", &none);
    story.ends("job", "three", "tvm-1", 143);
    story.later(600);
    story.tick();
    story.ends("job", "one", "tvm-1", 143);
    story.send("POST /jobs/job/tasks/two/reactivate", &none);
    story.schedule();
    // Disabled, disabled again, enabled.
    story.send("PATCH /jobs/job", &json!({ "priority": 5 }));
    story.send("POST /jobs/job/disable", &json!({ "disableTasks": "requeue" }));
    story.ends("job", "two", "tvm-1", 143);
    story.tick();
    story.send("POST /jobs/job/disable", &json!({ "disableTasks": "requeue" }));
    story.send("POST /jobs/job/enable", &none);
    story.schedule();
    story.send("DELETE /jobs/job/tasks/one", &none);
    // A node is rebooted, reimaged, deallocated and started; another is lost and comes back.
    for request in ["reboot", "reimage", "deallocate", "start"] {
        let option = match request {
            "reboot" => json!({ "nodeRebootOption": "terminate" }),
            _ => none.clone(),
        };
        story.send(&format!("POST /pools/pool/nodes/tvm-1/{request}"), &option);
        if request == "reboot" {
            story.ends("job", "two", "tvm-1", 143);
        }
        let effects = story.tick();
        story.obey_about_nodes(&effects);
    }
    story.send("POST /pools/pool/nodes/tvm-2/disablescheduling", &none);
    story.send("POST /pools/pool/nodes/tvm-2/enablescheduling", &none);
    for event in [NodeEvent::Lost, NodeEvent::Returned, NodeEvent::Unusable, NodeEvent::Returned] {
        story.event("tvm-2", event);
    }
    // A job that ends while its preparation and a task are under way.
    story.send("POST /jobs", &job("short"));
    story.send("POST /jobs/short/tasks", &task("t"));
    story.schedule();
    story.send("POST /jobs/short/terminate", &json!({ "terminateReason": "enough" }));
    story.send("POST /jobs/short/terminate?force=true", &none);
    story.send("DELETE /jobs/short", &none);
    story.later(60);
    story.tick();
    // The first job releases its nodes. One has run a task since it was started again, and its release
    // takes too long.
    story.send("POST /jobs/job/tasks", &task("four"));
    story.schedule();
    story.report("job", &Unit::Preparation, "tvm-1", ok());
    story.ends("job", "four", "tvm-1", 0);
    story.send("POST /jobs/job/terminate", &none);
    for node in ["tvm-1", "tvm-2"] {
        story.report("job", &Unit::Release, node, None);
    }
    story.report("job", &Unit::Release, "tvm-2", ok());
    story.later(60);
    story.tick();
    story.tick();
    // The pool shrinks and is deleted.
    let effects = story.send("POST /pools/pool/resize", &json!({ "targetDedicatedNodes": 1 }));
    story.obey_about_nodes(&effects);
    let effects = story.tick();
    story.obey_about_nodes(&effects);
    story.tick();
    story.send("DELETE /jobs/job", &none);
    story.send("DELETE /pools/pool", &none);
    let effects = story.tick();
    story.obey_about_nodes(&effects);
    story.tick();
    story
}

#[test]
fn every_fact_and_instruction_of_a_long_story_comes_back() {
    let story = story();
    let effects: Vec<Effect> = story.outcomes.iter().flat_map(|(_, effects)| effects.clone()).collect();
    let names: BTreeSet<&str> = Effect::facts(&effects).map(Fact::name).collect();
    let expected = [
        "JobAdded",
        "JobCompleted",
        "JobDeleted",
        "JobDeleting",
        "JobDisabled",
        "JobDisabling",
        "JobEnabled",
        "JobTerminating",
        "JobTerminationForced",
        "JobTouched",
        "JobUpdated",
        "NodeActionIssued",
        "NodeActionRequested",
        "NodeAdded",
        "NodeChanged",
        "NodeEventRecorded",
        "NodeRemoved",
        "NodeSchedulingChanged",
        "PoolAdded",
        "PoolDeleted",
        "PoolDeleting",
        "PoolResizing",
        "PoolSteady",
        "PreparationEnded",
        "PreparationIssued",
        "PreparationStarted",
        "PreparationStopping",
        "ReleaseEnded",
        "ReleaseIssued",
        "ReleaseStarted",
        "TaskAdded",
        "TaskCompleted",
        "TaskDeleted",
        "TaskPreparing",
        "TaskReactivated",
        "TaskRequeued",
        "TaskRetried",
        "TaskRunning",
        "TaskStarted",
        "TaskStopping",
        "TaskTouched",
        "TaskUpdated",
    ];
    let missing: Vec<_> = expected.iter().filter(|name| !names.contains(*name)).collect();
    assert!(missing.is_empty() && names.len() == expected.len(), "missing: {missing:?}; {names:?}");
    let names: BTreeSet<&str> = Effect::instructions(&effects).map(Instruction::name).collect();
    let expected = [
        "AddNodes",
        "DeallocateNode",
        "RebootNode",
        "ReimageNode",
        "RemoveNode",
        "RunPreparation",
        "RunRelease",
        "RunTask",
        "StartNode",
        "StopPreparation",
        "StopRelease",
        "StopTask",
    ];
    assert!(names.iter().eq(&expected), "{names:?}");
    all_come_back(&effects);
    all_come_back(&[effects]);
}

#[test]
fn stored_inputs_replayed_over_a_new_account_give_the_same() {
    // S1: nothing but the inputs counts.
    let story = story();
    all_come_back(&story.inputs);
    let log: Vec<String> = story.inputs.iter().map(|input| serde_json::to_string(input).unwrap()).collect();
    let mut account = Account::new(world::URL);
    for (line, outcome) in log.iter().zip(&story.outcomes) {
        let input: Input = serde_json::from_str(line).unwrap();
        assert_eq!(input.hand_to(&mut account), *outcome, "{line}");
    }
    assert_eq!(account, story.account);
    assert_eq!(serde_json::to_string(&account).unwrap(), serde_json::to_string(&story.account).unwrap());
    assert_eq!((account.deadline(), account.outstanding()), (story.account.deadline(), vec![]));
}

#[test]
fn stored_facts_replayed_over_a_new_account_give_the_same() {
    // I5
    let story = story();
    let effects = story.outcomes.iter().flat_map(|(_, effects)| effects);
    let log: Vec<String> =
        effects.filter_map(Effect::fact).map(|fact| serde_json::to_string(fact).unwrap()).collect();
    let mut account = Account::new(world::URL);
    for line in &log {
        let fact: Fact = serde_json::from_str(line).unwrap();
        account.try_apply(&fact).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    assert_eq!(account, story.account);
    account.check().unwrap();
}
