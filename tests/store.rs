//! An account that was stored and read back is the account that it was; what was tampered with is not
//! read.

#![cfg(feature = "serde")]

mod world;

use azbatch::{Account, Effect, NodeEvent, TaskState};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use world::World;

/// Something that comes in: what, to what, and how.
type Act = (u8, u8, u8);

const JOBS: [&str; 3] = ["job-a", "Job-B", "job-c"];
const TASKS: [&str; 5] = ["1", "02", "Build", "manager", "x"];
const POOLS: [&str; 2] = ["pool", "other"];

fn pick<'a>(of: &[&'a str], number: u8) -> &'a str {
    of[usize::from(number) % of.len()]
}

/// Does one thing to a world with a host that has instructions to carry out, and tells all that came
/// of it.
fn act(world: &mut World, owed: &mut Vec<Effect>, (kind, a, b): Act) -> String {
    let (job, task, pool) = (pick(&JOBS, a), pick(&TASKS, b), pick(&POOLS, a));
    let send = |world: &mut World, line: String, body: Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = world.send(&line, body);
        (format!("{:?}", reply.response), reply.effects)
    };
    let (told, effects) = match kind % 40 {
        0..=2 => send(world, "POST /jobs".into(), job_body(job, a, b)),
        3..=9 => send(world, format!("POST /jobs/{job}/tasks"), task_body(task, a, b)),
        10 => send(
            world,
            "POST /pools".into(),
            json!({
                "id": pool, "vmSize": "small", "targetDedicatedNodes": b % 3, "targetLowPriorityNodes": b / 3 % 2,
                "taskSlotsPerNode": 1 + b % 4, "taskSchedulingPolicy": { "nodeFillType": if b > 99 { "pack" } else { "spread" } },
            }),
        ),
        11 => send(world, format!("POST /pools/{pool}/resize"), json!({ "targetDedicatedNodes": b % 4 })),
        12..=17 => (String::new(), world.schedule()),
        18..=25 if !owed.is_empty() => {
            let instruction = owed.remove(usize::from(a) % owed.len());
            (String::new(), world.obey_one(&instruction))
        }
        26..=28 => (String::new(), world.tick()),
        29 => {
            let event = [
                NodeEvent::Rebooted,
                NodeEvent::Reimaged,
                NodeEvent::Lost,
                NodeEvent::Returned,
                NodeEvent::Preempted,
                NodeEvent::Removed,
            ][usize::from(b) % 6];
            (String::new(), world.node(&format!("tvm-{}", a % 5), event))
        }
        30 => {
            let order = ["reboot", "reimage", "deallocate", "start", "disablescheduling", "enablescheduling"];
            send(
                world,
                format!("POST /pools/{pool}/nodes/tvm-{}/{}", b % 5, pick(&order, b / 5)),
                Value::Null,
            )
        }
        31 => {
            let option = pick(&["requeue", "terminate", "wait"], b);
            send(world, format!("POST /jobs/{job}/disable"), json!({ "disableTasks": option }))
        }
        32..=33 => send(world, format!("POST /jobs/{job}/enable"), Value::Null),
        34 => send(world, format!("POST /jobs/{job}/terminate?force={}", b % 2 == 0), Value::Null),
        35 => send(world, format!("DELETE /jobs/{job}"), Value::Null),
        36 => {
            let action = pick(&["/terminate", "/reactivate", ""], a / 3);
            let method = if action.is_empty() { "DELETE" } else { "POST" };
            send(world, format!("{method} /jobs/{job}/tasks/{task}{action}"), Value::Null)
        }
        37 => send(
            world,
            format!("PATCH /jobs/{job}"),
            json!({ "priority": b, "metadata": [{ "name": "n", "value": "v" }] }),
        ),
        38 => {
            world.later(u64::from(b) * 10);
            (String::new(), Vec::new())
        }
        _ => {
            let target = [
                format!("/jobs?maxresults={}", 1 + b % 2),
                format!("/jobs/{job}"),
                format!("/jobs/{job}/tasks"),
                format!("/jobs/{job}/taskcounts"),
                format!("/pools/{pool}/nodes"),
                "/pools".into(),
                format!("/jobs/{job}/jobpreparationandreleasetaskstatus"),
            ];
            send(world, format!("GET {}", target[usize::from(a) % target.len()]), Value::Null)
        }
    };
    owed.extend(effects.iter().cloned());
    let deadline = world.account.deadline();
    format!("{told} {effects:?} {deadline:?}")
}

fn job_body(job: &str, a: u8, b: u8) -> Value {
    let mut body = json!({
        "id": job, "poolInfo": { "poolId": pick(&POOLS, b) }, "usesTaskDependencies": true, "displayName": "\u{e4}",
        "onTaskFailure": "performexitoptionsjobaction", "constraints": { "maxTaskRetryCount": i32::from(b % 3) - 1 },
    });
    if a & 8 != 0 {
        body["jobPreparationTask"] =
            json!({ "commandLine": "x", "rerunOnNodeRebootAfterSuccess": b & 8 != 0 });
        body["jobReleaseTask"] = json!({ "commandLine": "y", "maxWallClockTime": "PT1M" });
    }
    if a & 16 != 0 {
        body["jobManagerTask"] =
            json!({ "id": "manager", "commandLine": "x", "killJobOnCompletion": b & 16 != 0 });
    }
    if a & 32 != 0 {
        body["constraints"]["maxWallClockTime"] = json!("PT20M");
    }
    body
}

fn task_body(task: &str, a: u8, b: u8) -> Value {
    let mut body = json!({ "id": task, "commandLine": "x", "requiredSlots": 1 + b / 16 % 3 });
    if a & 8 != 0 {
        body["dependsOn"] = json!({ "taskIdRanges": [{ "start": 1, "end": 2 }], "taskIds": ["build"] });
    }
    if a & 16 != 0 {
        let action = pick(&["none", "disable", "terminate"], b);
        body["exitConditions"] = json!({ "default": { "jobAction": action, "dependencyAction": "satisfy" } });
    }
    if a & 32 != 0 {
        body["constraints"] = json!({ "maxWallClockTime": "PT1M", "retentionTime": "PT1H" });
    }
    body
}

fn stored_and_read(account: &Account) -> Account {
    let text = serde_json::to_string(account).unwrap();
    let read: Account = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_account_that_was_read_behaves_as_the_one_that_was_stored(
        before in vec(any::<Act>(), 0..120),
        after in vec(any::<Act>(), 0..60),
    ) {
        let (mut world, mut owed) = (World::new(), Vec::new());
        for begin in [(10, 0, 5), (10, 1, 104), (0, 0, 8), (0, 25, 1)] {
            act(&mut world, &mut owed, begin);
        }
        for one in before {
            act(&mut world, &mut owed, one);
        }
        let mut other = world.clone();
        other.account = stored_and_read(&world.account);
        prop_assert_eq!(&other.account, &world.account);
        let mut other_owed = owed.clone();
        for one in after {
            prop_assert_eq!(act(&mut other, &mut other_owed, one), act(&mut world, &mut owed, one));
            prop_assert_eq!(&other.account, &world.account);
        }
    }
}

/// A pool with two nodes; a job with a task in each state, one of them on `tvm-1` and one, preparing, on
/// `tvm-2`; and a job that is completed.
fn rich() -> Account {
    let mut world = World::new();
    let body = json!({ "id": "pool", "vmSize": "small", "targetDedicatedNodes": 2, "taskSlotsPerNode": 2 });
    let added = world.send("POST /pools", body);
    world.obey(added.effects);
    for job in ["job", "over"] {
        let body = json!({ "id": job, "poolInfo": { "poolId": "pool" }, "jobPreparationTask": { "commandLine": "x" } });
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
    world.run("job", "run", "tvm-1");
    world.assign("job", "prepare", "tvm-2");
    world.send("POST /jobs/over/terminate", "");
    world.tick();
    let job = world.account.job(&world::id("job")).unwrap();
    let states: Vec<_> = job.tasks().map(|task| task.state().name().as_str()).collect();
    assert_eq!(states, ["completed", "completed", "preparing", "running", "active"]);
    assert!(job.tasks().any(|task| matches!(task.state(), TaskState::Active)));
    world.account
}

/// Whether what is stored, changed in one place, is read all the same.
fn is_read(change: impl FnOnce(&mut Value)) -> bool {
    let mut stored = serde_json::to_value(rich()).unwrap();
    let whole = stored.clone();
    change(&mut stored);
    assert_ne!(stored, whole, "the change is none");
    serde_json::from_value::<Account>(stored.clone()).is_ok()
        || serde_json::from_str::<Account>(&stored.to_string()).is_ok()
}

fn set(stored: &mut Value, pointer: &str, value: Value) {
    *stored.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
}

/// Takes the member of this name out of an object.
fn take(stored: &mut Value, pointer: &str, name: &str) -> Value {
    let object = stored.pointer_mut(pointer).and_then(Value::as_object_mut);
    object.and_then(|object| object.remove(name)).unwrap_or_else(|| panic!("{pointer}/{name}"))
}

#[test]
fn what_does_not_fit_together_is_not_read() {
    // I1, I3, I6
    let (job, task) = ("/jobs/job", "/jobs/job/tasks/by_id");
    for (pointer, value) in [
        // Counts that are not a recount.
        (format!("{job}/tasks/index/counts/active"), json!(2)),
        (format!("{job}/tasks/index/counts/succeeded"), json!(0)),
        (format!("{job}/tasks/index/slots/running"), json!(3)),
        (format!("{job}/tasks/index/queue"), json!({})),
        (format!("{job}/tasks/index/queue"), json!({ "3": "run" })),
        (format!("{job}/tasks/numbered"), json!({})),
        (format!("{job}/tasks/numbered/1"), json!(["1", "run"])),
        (format!("{job}/tasks/next_sequence"), json!(3)),
        (
            format!("{task}/wait/state"),
            json!({ "Running": { "placement": { "pool": "pool", "node": "tvm-1" }, "stop": null, "start_time": null } }),
        ),
        (format!("{task}/run/state"), json!("Active")),
        (format!("{task}/run/specification/required_slots"), json!(2)),
        // Tasks and nodes that do not know each other.
        (format!("{task}/run/state/Running/placement/node"), json!("tvm-2")),
        (format!("{task}/run/state/Running/placement/node"), json!("tvm-9")),
        (format!("{job}/nodes/tvm-1/tasks"), json!([])),
        (format!("{job}/nodes/tvm-1/tasks"), json!(["run", "wait"])),
        (format!("{job}/nodes/tvm-2/tasks"), json!(["prepare", "none"])),
        (format!("{job}/nodes"), json!({})),
        ("/nodes/tvm-1/tasks".into(), json!({})),
        ("/nodes/tvm-1/tasks/job".into(), json!({ "run": 1, "wait": 1 })),
        ("/nodes/tvm-2/tasks".into(), json!({ "over": { "x": 1 } })),
        ("/nodes/tvm-2/tasks".into(), json!({ "none": { "prepare": 1 } })),
        ("/nodes".into(), json!({})),
        // Slots.
        ("/nodes/tvm-1/slots".into(), json!(0)),
        ("/nodes/tvm-1/tasks/job/run".into(), json!(3)),
        // Two ids of one thing.
        (format!("{job}/specification/id"), json!("other")),
        (format!("{task}/wait/specification/id"), json!("other")),
        ("/nodes/tvm-1/id".into(), json!("tvm-2")),
        // What is out of step.
        (format!("{job}/nodes/tvm-2/preparation"), json!(null)),
        (
            format!("{task}/prepare/state"),
            json!({ "Running": { "placement": { "pool": "pool", "node": "tvm-2" }, "stop": null, "start_time": null } }),
        ),
        (
            format!("{job}/nodes/tvm-1/release"),
            json!({ "state": "Ordered", "retry_count": 0, "told_to_stop": false }),
        ),
        (format!("{job}/state"), json!("Disabled")),
        (
            format!("{job}/state"),
            json!({ "Completed": { "reason": "TaskFailed", "end_time": "2026-02-10T08:00:06.1234567Z" } }),
        ),
        ("/jobs/over/state/Completed/end_time".into(), json!("2026-02-10T09:00:00Z")),
        // Stamps that go back.
        (format!("{job}/state_transition_time"), json!("2026-02-10T08:00:00Z")),
        (format!("{job}/last_modified"), json!("2026-02-10T08:00:00Z")),
        ("/jobs/over/state_transition_time".into(), json!("2026-02-10T08:00:06.2Z")),
        (format!("{task}/1/last_modified"), json!("2026-02-10T08:00:00Z")),
        (format!("{task}/1/state_transition_time"), json!("2026-02-10T08:00:09Z")),
        (format!("{task}/1/state/Completed/end_time"), json!("2026-02-10T08:00:09Z")),
        // What is nothing at all.
        (format!("{job}/specification/id"), json!("no id")),
        (format!("{job}/state"), json!("Paused")),
        (format!("{job}/creation_time"), json!("yesterday")),
        (format!("{job}/settings/priority"), json!("high")),
    ] {
        assert!(!is_read(|stored| set(stored, &pointer, value.clone())), "{pointer}: {value}");
    }
}

#[test]
fn what_is_filed_under_another_id_is_not_read() {
    for (pointer, old) in
        [("/jobs", "over"), ("/jobs/job/tasks/by_id", "wait"), ("/nodes", "tvm-2"), ("/pools", "pool")]
    {
        let renamed = |stored: &mut Value| {
            let value = take(stored, pointer, old);
            stored.pointer_mut(pointer).unwrap()["renamed"] = value;
        };
        assert!(!is_read(renamed), "{pointer}/{old}");
    }
}

#[test]
fn two_of_one_id_are_not_read() {
    // S4
    for (pointer, old, id) in [
        ("/jobs", "over", "/specification/id"),
        ("/pools", "pool", "/specification/id"),
        ("/nodes", "tvm-2", "/id"),
        ("/jobs/job/tasks/by_id", "wait", "/specification/id"),
    ] {
        let doubled = |stored: &mut Value| {
            let mut value = stored.pointer(&format!("{pointer}/{old}")).unwrap().clone();
            let other = old.to_uppercase();
            set(&mut value, id, json!(other));
            stored.pointer_mut(pointer).unwrap()[&other] = value;
        };
        assert!(!is_read(doubled), "{pointer}/{old}");
    }
}

#[test]
fn what_is_stored_can_be_read_as_anything_that_is_json() {
    let account = rich();
    assert_eq!(serde_json::from_value::<Account>(serde_json::to_value(&account).unwrap()).unwrap(), account);
    assert_eq!(stored_and_read(&account), account);
    assert_eq!(stored_and_read(&World::new().account), World::new().account);
}

#[test]
fn effects_can_be_stored_too() {
    let (mut world, mut owed) = (World::new(), Vec::new());
    let mut all = Vec::new();
    act(&mut world, &mut owed, (10, 0, 5));
    for number in 0..=255_u8 {
        let owed_before = owed.len();
        act(
            &mut world,
            &mut owed,
            (number.wrapping_mul(37), number.wrapping_mul(11), number.wrapping_mul(101)),
        );
        all.extend(owed.iter().skip(owed_before).cloned());
    }
    assert!(all.len() > 20, "{}", all.len());
    let text = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Effect>>(&text).unwrap(), all);
}
