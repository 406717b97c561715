//! Which task goes to which node: P1, P4 and P5. Examples first, then random accounts against a simple
//! reference scheduler.

use azbatch::{
    Account, Effect, Fact, Instruction, Job, Node, NodeId, Task, Timestamp,
    job::{JobManagerTask, ParallelLimit, Unit},
    node::{ChangeNode, NodeEvent, NodeState, NodeTasks, Reach, SchedulingState},
    pool::{NodeCounts, NodeFillType, ResizePool},
    task::{TaskFact, TaskSpecification},
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::json;

use super::{World, dedicated, manager, plain, prepared};
use crate::world::{World as RestWorld, id};

/// P1
#[test]
fn jobs_go_by_priority_then_by_creation() {
    let mut world = RestWorld::with_pool(1, 4, "spread");
    for (job, priority) in [("a", 0), ("b", 5), ("c", -5), ("d", 5), ("e", 1000)] {
        world.add_job(job, json!({ "priority": priority })).add_tasks(job, &[&format!("of-{job}")]);
    }
    assert_eq!(world.placed(), ["of-e tvm-1", "of-b tvm-1", "of-d tvm-1", "of-a tvm-1"]);
    // A new priority applies from the next time on.
    world.send("PATCH /jobs/a", json!({ "priority": -6 }));
    world.add_tasks("a", &["more"]);
    for task in ["of-b", "of-e"] {
        let job = task.rsplit('-').next().unwrap();
        world.starts(job, task, "tvm-1");
        world.ends(job, task, "tvm-1", 0);
    }
    assert_eq!(world.placed(), ["of-c tvm-1", "more tvm-1"]);
}

/// P1
#[test]
fn tasks_go_by_creation_and_requeued_ones_keep_their_place() {
    let mut world = RestWorld::with_pool(1, 2, "spread");
    world.add_job("job", json!({})).add_tasks("job", &["z", "b", "a", "y"]);
    assert_eq!(world.placed(), ["z tvm-1", "b tvm-1"]);
    world.node("tvm-1", NodeEvent::Rebooted);
    assert_eq!(world.placed(), ["z tvm-1", "b tvm-1"]);
    world.ends("job", "z", "tvm-1", 0);
    assert_eq!(world.placed(), ["a tvm-1"]);
}

/// P1
#[test]
fn no_more_tasks_than_the_job_allows_are_on_nodes() {
    let mut world = RestWorld::with_pool(2, 4, "spread");
    world.add_job("job", json!({ "maxParallelTasks": 2 })).add_tasks("job", &["a", "b", "c"]);
    world.add_job("other", json!({ "priority": -1 })).add_tasks("other", &["x"]);
    assert_eq!(world.placed(), ["a tvm-1", "b tvm-2", "x tvm-1"]);
    world.ends("job", "b", "tvm-2", 1);
    assert_eq!(world.placed(), ["c tvm-2"]);
    world.add_tasks("job", &["d"]);
    assert_eq!(world.placed(), [""; 0]);
    world.send("PATCH /jobs/job", json!({ "maxParallelTasks": -1 }));
    assert_eq!(world.placed(), ["d tvm-2"]);
}

/// P1, K1
#[test]
fn preparing_tasks_count_as_being_on_nodes() {
    let mut world = RestWorld::with_pool(2, 4, "spread");
    let body = json!({ "maxParallelTasks": 1, "jobPreparationTask": { "commandLine": "x" } });
    world.add_job("job", body).add_tasks("job", &["a", "b"]);
    assert_eq!(world.placed(), ["a tvm-1"]);
    assert_eq!(world.placed(), [""; 0]);
    world.say("job", Unit::Preparation, "tvm-1", Some(0));
    assert_eq!(world.placed(), [""; 0]);
    world.ends("job", "a", "tvm-1", 0);
    assert_eq!(world.placed(), ["b tvm-1"]);
}

/// P1
#[test]
fn spread_takes_the_emptiest_node_and_pack_the_fullest() {
    for (fill, placed) in [
        ("spread", ["a tvm-1", "b tvm-2", "c tvm-3", "d tvm-1", "e tvm-2", "f tvm-3"]),
        ("pack", ["a tvm-1", "b tvm-1", "c tvm-1", "d tvm-2", "e tvm-2", "f tvm-2"]),
    ] {
        let mut world = RestWorld::with_pool(3, 3, fill);
        world.add_job("job", json!({})).add_tasks("job", &["a", "b", "c", "d", "e", "f"]);
        assert_eq!(world.placed(), placed, "{fill}");
    }
    // A large task goes past a node that is nearly full.
    for (fill, placed) in [
        ("spread", ["a tvm-1", "b tvm-2", "large tvm-1", "c tvm-2", "d tvm-2"]),
        ("pack", ["a tvm-1", "b tvm-1", "large tvm-2", "c tvm-1", "d tvm-2"]),
    ] {
        let mut world = RestWorld::with_pool(2, 3, fill);
        world.add_job("job", json!({})).add_tasks("job", &["a", "b"]);
        world.add_task("job", "large", json!({ "requiredSlots": 2 })).add_tasks("job", &["c", "d"]);
        assert_eq!(world.placed(), placed, "{fill}");
    }
}

/// P1
#[test]
fn a_pool_that_the_account_does_not_know_is_spread() {
    let mut world = RestWorld::new();
    for node in ["n1", "n2"] {
        world.add_node_with_slots("pool", node, 2);
    }
    world.add_job("job", json!({})).add_tasks("job", &["a", "b", "c"]);
    assert_eq!(world.placed(), ["a n1", "b n2", "c n1"]);
}

/// P1
#[test]
fn tasks_go_to_nodes_of_their_jobs_pool_alone() {
    let mut world = RestWorld::with_pool(1, 1, "spread");
    world.add_node("other", "n1");
    world.add_job("job", json!({})).add_tasks("job", &["a", "b"]);
    assert_eq!(world.placed(), ["a tvm-1"]);
}

/// P1: a node that takes no tasks, one that has too few slots and one that is barred get none.
#[test]
fn tasks_go_only_to_nodes_that_can_take_them() {
    let mut world = World::with_pool(dedicated(4), 2, NodeFillType::Spread);
    world.add_job("job", prepared);
    world.add("a");
    assert_eq!(world.placed(), ["a n1"]);
    world.say("n1", "preparation ended 1");
    world.change_node("n2", ChangeNode::DisableScheduling(NodeTasks::Requeue));
    world.add_to("job", "x");
    assert!(world.assign("x", "n3").starts_with("TaskPreparing x n3"));
    world.add_with("wide", |specification, _| specification.required_slots = 2);
    for (node, why) in [("n1", "NodeBarred"), ("n2", "NodeNotReady"), ("n3", "NoSlots")] {
        assert_eq!(world.assign("wide", node), why);
    }
    assert_eq!(world.placed(), ["a n4"], "it came first");
    world.say("n4", "preparation ended 0");
    world.say("n4", "task a ended 0");
    assert_eq!(world.placed(), ["wide n4"]);
}

/// P1, N7
#[test]
fn a_barred_node_takes_tasks_of_other_jobs() {
    let mut world = RestWorld::with_pool(2, 2, "spread");
    world.add_job("job", json!({ "jobPreparationTask": { "commandLine": "x" } })).add_tasks("job", &["a"]);
    world.add_job("other", json!({}));
    assert_eq!(world.placed(), ["a tvm-1"]);
    world.say("job", Unit::Preparation, "tvm-1", Some(1));
    assert_eq!(world.placed(), ["a tvm-2"]);
    world.say("job", Unit::Preparation, "tvm-2", Some(1));
    world.add_tasks("other", &["b"]);
    assert_eq!(world.placed(), ["b tvm-1"]);
    world.node("tvm-2", NodeEvent::Reimaged);
    assert_eq!(world.placed(), ["a tvm-2"]);
}

/// P1, N4, N8, N9
#[test]
fn nodes_that_are_not_ready_get_no_tasks() {
    for (event, back) in [
        (NodeEvent::Lost, NodeEvent::Returned),
        (NodeEvent::Unusable, NodeEvent::Returned),
        (NodeEvent::Unusable, NodeEvent::Rebooted),
        (NodeEvent::Preempted, NodeEvent::Returned),
        (NodeEvent::Deallocated, NodeEvent::Started),
    ] {
        let mut world = RestWorld::with_pool(1, 1, "spread");
        // The job knows the node already.
        world.add_job("job", json!({})).add_tasks("job", &["before"]);
        assert_eq!(world.placed(), ["before tvm-1"]);
        world.ends("job", "before", "tvm-1", 0);
        world.add_tasks("job", &["a"]);
        world.node("tvm-1", event);
        assert_eq!(world.placed(), [""; 0], "{event:?}");
        world.node("tvm-1", back);
        assert_eq!(world.placed(), ["a tvm-1"], "{event:?} {back:?}");
    }
    for order in ["reboot", "reimage", "deallocate", "disablescheduling"] {
        let mut world = RestWorld::with_pool(1, 1, "spread");
        world.add_job("job", json!({})).add_tasks("job", &["a"]);
        world.send(&format!("POST /pools/pool/nodes/tvm-1/{order}"), "");
        assert_eq!(world.placed(), [""; 0], "{order}");
    }
}

/// E10, G1
#[test]
fn only_tasks_of_active_jobs_are_assigned() {
    let mut world = RestWorld::with_pool(1, 4, "spread");
    world.add_job("job", json!({})).add_tasks("job", &["a"]);
    for (line, body) in [
        ("POST /jobs/job/disable", "{\"disableTasks\":\"wait\"}"),
        ("POST /jobs/job/terminate", ""),
        ("DELETE /jobs/job", ""),
    ] {
        let mut world = world.clone();
        assert_eq!(world.send(line, body).told(), "202");
        assert_eq!(world.placed(), [""; 0], "{line}");
        world.tick();
        assert_eq!(world.placed(), [""; 0], "{line}, at last");
    }
    assert_eq!(world.placed(), ["a tvm-1"]);
}

/// K9
#[test]
fn a_dependent_task_waits_for_its_dependencies() {
    let mut world = RestWorld::with_pool(1, 8, "spread");
    world.add_job("job", json!({ "usesTaskDependencies": true }));
    world.add_task(
        "job",
        "last",
        json!({ "dependsOn": { "taskIdRanges": [{ "start": 1, "end": 2 }], "taskIds": ["X"] } }),
    );
    world.add_task("job", "x", json!({ "dependsOn": { "taskIds": ["1"] } }));
    world.add_tasks("job", &["1", "002"]);
    assert_eq!(world.placed(), ["1 tvm-1", "002 tvm-1"]);
    world.ends("job", "1", "tvm-1", 0);
    assert_eq!(world.placed(), ["x tvm-1"]);
    world.ends("job", "x", "tvm-1", 0);
    assert_eq!(world.placed(), [""; 0]);
    world.ends("job", "002", "tvm-1", 1);
    assert_eq!(world.placed(), [""; 0], "it failed");
    world.send("POST /jobs/job/tasks/002/reactivate", "");
    assert_eq!(world.placed(), ["002 tvm-1"]);
    world.ends("job", "002", "tvm-1", 0);
    assert_eq!(world.placed(), ["last tvm-1"]);
}

/// P4: by id, case-insensitively, whatever the order of their creation.
#[test]
fn jobs_of_one_priority_and_instant_go_by_id() {
    for names in [["b", "C", "a"], ["a", "b", "C"], ["C", "b", "a"]] {
        let mut world = World::with_pool(dedicated(1), 2, NodeFillType::Spread);
        for name in names {
            world.add_job(name, plain);
            world.add_to(name, &format!("of-{name}"));
        }
        assert_eq!(world.placed(), ["of-a n1", "of-b n1"], "{names:?}");
    }
}

/// P4: within a job and from job to job.
#[test]
fn a_task_that_fits_nowhere_does_not_block_later_ones() {
    let mut world = World::with_pool(dedicated(2), 2, NodeFillType::Spread);
    world.add_job("job", |_, settings| settings.priority = 1);
    world.add_job("other", plain);
    world.add_with("never", |specification, _| specification.required_slots = 3);
    world.add("a");
    world.add("b");
    world.add_with("wide", |specification, _| specification.required_slots = 2);
    world.add_to("other", "c");
    world.add_to("other", "d");
    assert_eq!(world.placed(), ["a n1", "b n2", "c n1", "d n2"]);
    for task in ["a", "b"] {
        assert_eq!(world.task_state(task), "running");
    }
    assert_eq!([world.task_state("never"), world.task_state("wide")], ["active"; 2]);
}

/// P4, I6
#[test]
fn a_task_takes_the_slots_that_it_requires() {
    let mut world = RestWorld::with_pool(2, 4, "spread");
    world.add_job("job", json!({}));
    for (task, slots) in [("three", 3), ("five", 5), ("four", 4), ("two", 2), ("one", 1), ("last", 1)] {
        world.add_task("job", task, json!({ "requiredSlots": slots }));
    }
    // A task that does not fit does not block others, and one that never fits waits forever.
    assert_eq!(world.placed(), ["three tvm-1", "four tvm-2", "one tvm-1"]);
    world.ends("job", "three", "tvm-1", 0);
    assert_eq!(world.placed(), ["two tvm-1", "last tvm-1"]);
    let node = world.shown("/pools/pool/nodes/tvm-1");
    assert_eq!((&node["runningTasksCount"], &node["runningTaskSlotsCount"]), (&json!(3), &json!(4)));
}

/// P5: it takes all slots of its node, so it needs an empty one.
#[test]
fn an_exclusive_job_manager_task_takes_a_whole_node() {
    for exclusive in [true, false] {
        let mut world = World::with_pool(dedicated(2), 3, NodeFillType::Pack);
        world.add_job("other", |_, settings| settings.priority = 1);
        world.add_to("other", "before");
        world.add_job("job", |specification, _| {
            let task = TaskSpecification { run_exclusive: exclusive, ..TaskSpecification::default() };
            specification.manager =
                Some(JobManagerTask { specification: task.into(), ..manager("m", false) });
        });
        world.add("after");
        let (placed, node, refused) = if exclusive {
            (["before n1", "m n2", "after n1"], "n2", "NoSlots")
        } else {
            (["before n1", "m n1", "after n1"], "n1", "TaskRunning x n2, RunTask x n2")
        };
        assert_eq!(world.placed(), placed);
        assert_eq!(world.account.node(&id(node)).unwrap().free_slots(), 0);
        world.add("x");
        assert_eq!(world.assign("x", "n2"), refused);
        world.say(node, "task m ended 0");
        let left = if exclusive { 3 } else { 1 };
        assert_eq!(world.account.node(&id(node)).unwrap().free_slots(), left, "it gives back what it took");
    }
    // Without an empty node it waits, and the job's other tasks do not.
    let mut world = World::with_pool(dedicated(1), 2, NodeFillType::Pack);
    world.add_job("other", |_, settings| settings.priority = 1);
    world.add_to("other", "before");
    world.add_job("job", |specification, _| {
        let task = TaskSpecification { run_exclusive: true, ..TaskSpecification::default() };
        specification.manager = Some(JobManagerTask { specification: task.into(), ..manager("m", false) });
    });
    world.add("after");
    assert_eq!(world.placed(), ["before n1", "after n1"]);
}

/// P5: it waits for a dedicated node; the job's other tasks do not.
#[test]
fn a_job_manager_task_may_be_kept_from_low_priority_nodes() {
    for allowed in [true, false] {
        let target = NodeCounts { dedicated: 0, low_priority: 1 };
        let mut world = World::with_pool(target, 2, NodeFillType::Spread);
        world.add_job("job", |specification, _| {
            let manager = JobManagerTask { allow_low_priority_node: allowed, ..manager("m", false) };
            specification.manager = Some(manager);
        });
        world.add("a");
        if allowed {
            assert_eq!(world.placed(), ["m n1", "a n1"]);
            continue;
        }
        assert_eq!(world.assign("m", "n1"), "DedicatedNodeNeeded");
        assert_eq!(world.placed(), ["a n1"]);
        let grown = ResizePool { dedicated: Some(1), ..ResizePool::default() };
        world.at(1).resize_pool("pool", &grown);
        world.add_node("pool", "n2");
        assert!(world.account.node(&id("n2")).unwrap().is_dedicated());
        assert_eq!(world.placed(), ["m n2"]);
    }
}

/// P5: a user's task is no manager, although it has the id of one that was deleted.
#[test]
fn a_task_with_the_id_of_a_deleted_manager_may_run_on_a_low_priority_node() {
    let target = NodeCounts { dedicated: 0, low_priority: 1 };
    let mut world = World::with_pool(target, 2, NodeFillType::Spread);
    world.add_job("job", |specification, _| {
        specification.manager =
            Some(JobManagerTask { allow_low_priority_node: false, ..manager("m", false) });
    });
    assert!(world.placed().is_empty());
    world.delete_task("m");
    world.add("m");
    assert_eq!(world.placed(), ["m n1"]);
}

// Random accounts

#[derive(Clone, Debug)]
struct AnyJob {
    priority: i32,
    limit: Option<u32>,
    prepares: bool,
    manager: Option<(bool, bool)>,
    pool: usize,
    /// The slots of each task, and which earlier one it depends on.
    tasks: Vec<(u32, Option<usize>)>,
    /// What happens to it in the end.
    event: usize,
}

#[derive(Clone, Debug)]
struct AnyNode {
    pool: usize,
    low_priority: bool,
    event: usize,
}

/// The pools, of which the account does not know the last.
const POOLS: [&str; 3] = ["spread", "pack", "unknown"];

fn any_job() -> impl Strategy<Value = AnyJob> {
    (
        select(vec![0, 0, 0, 7, -7]),
        option::weighted(0.3, 1_u32..4),
        any::<bool>(),
        option::weighted(0.3, any::<(bool, bool)>()),
        0_usize..3,
        vec((1_u32..6, option::weighted(0.3, 0_usize..6)), 0..8),
        select(vec![0, 0, 0, 0, 1, 2, 3, 4]),
    )
        .prop_map(|(priority, limit, prepares, manager, pool, tasks, event)| AnyJob {
            priority,
            limit,
            prepares,
            manager,
            pool,
            tasks,
            event,
        })
}

fn any_node() -> impl Strategy<Value = AnyNode> {
    (0_usize..3, any::<bool>(), select(vec![0, 0, 0, 0, 0, 1, 2, 3, 4]))
        .prop_map(|(pool, low_priority, event)| AnyNode { pool, low_priority, event })
}

/// An account with completed and running tasks, and with nodes that are excluded or do not answer.
fn account(jobs: &[AnyJob], nodes: &[AnyNode], answers: &[(usize, i32)]) -> RestWorld {
    let mut world = RestWorld::new();
    for (place, name) in POOLS[..2].iter().enumerate() {
        let of_kind =
            |low| nodes.iter().filter(|node| node.pool == place && node.low_priority == low).count();
        let body = json!({
            "id": name, "vmSize": "small", "taskSlotsPerNode": 4, "taskSchedulingPolicy": { "nodeFillType": name },
            "targetDedicatedNodes": of_kind(false), "targetLowPriorityNodes": of_kind(true),
        });
        assert_eq!(world.send("POST /pools", body).told(), "201");
    }
    for (number, node) in nodes.iter().enumerate() {
        world.add_node_with_slots(POOLS[node.pool], &format!("n{number}"), 3);
    }
    for (number, job) in jobs.iter().enumerate() {
        let name = format!("job-{number}");
        let mut body = json!({
            "id": name, "poolInfo": { "poolId": POOLS[job.pool] }, "priority": job.priority,
            "maxParallelTasks": job.limit.map_or(-1, i64::from), "usesTaskDependencies": true,
        });
        if job.prepares {
            body["jobPreparationTask"] = json!({ "commandLine": "x" });
        }
        if let Some((exclusive, low_priority)) = job.manager {
            body["jobManagerTask"] = json!({
                "id": "manager", "commandLine": "x", "runExclusive": exclusive, "killJobOnCompletion": false,
                "allowLowPriorityNode": low_priority,
            });
        }
        assert_eq!(world.send("POST /jobs", body).told(), "201");
        for (number, (slots, dependency)) in job.tasks.iter().enumerate() {
            let mut body = json!({ "id": format!("{number}"), "commandLine": "x", "requiredSlots": slots });
            if let Some(other) = dependency {
                body["dependsOn"] = json!({ "taskIds": [format!("{other}")] });
            }
            world.add_task(&name, &format!("{number}"), body);
        }
    }
    let mut effects = world.schedule();
    // Nodes report the end of some runs, with success or failure.
    for (pick, exit_code) in answers {
        let told: Vec<&Instruction> = Effect::instructions(&effects)
            .filter(|instruction| ["RunTask", "RunPreparation"].contains(&instruction.name()))
            .collect();
        let Some(Instruction::Run(run)) = told.get(pick % told.len().max(1)) else { break };
        let run = run.clone();
        effects.retain(|effect| *effect != Instruction::Run(run.clone()).into());
        effects.extend(world.report(&run, Some(*exit_code)));
    }
    for (number, node) in nodes.iter().enumerate() {
        let name = format!("n{number}");
        let target = format!("POST /pools/{}/nodes/{name}", POOLS[node.pool]);
        match node.event {
            1 => drop(world.node(&name, NodeEvent::Lost)),
            2 => drop(world.node(&name, NodeEvent::Rebooted)),
            3 => drop(world.send(&format!("{target}/disablescheduling"), "")),
            4 => drop(world.send(&format!("{target}/reimage"), "")),
            _ => {}
        }
    }
    for (number, job) in jobs.iter().enumerate() {
        match job.event {
            1 => drop(
                world.send(&format!("POST /jobs/job-{number}/disable"), json!({ "disableTasks": "requeue" })),
            ),
            2 => drop(world.send(&format!("POST /jobs/job-{number}/terminate"), "")),
            3 => drop(world.send(&format!("DELETE /jobs/job-{number}"), "")),
            4 => drop(world.send(&format!("PATCH /jobs/job-{number}"), json!({ "priority": 1 }))),
            _ => {}
        }
    }
    world
}

/// The job, the task and the node of an effect that assigns a task to a node.
fn placement(effect: &Effect) -> Option<(&azbatch::JobId, &azbatch::TaskId, &NodeId)> {
    if let Effect::Fact(Fact::Task(
        job,
        task,
        TaskFact::Preparing { placement, .. } | TaskFact::Running { placement, .. },
    )) = effect
    {
        Some((job, task, &placement.node))
    } else {
        None
    }
}

/// The reference (P1): each task in order is offered to each node in order of preference.
fn reference(account: &mut Account, now: Timestamp) -> Vec<Effect> {
    let turn =
        |job: &Job| (job.pool().cloned(), -job.settings().priority, job.creation_time(), job.id().clone());
    let mut turns: Vec<_> = account.jobs().map(turn).collect();
    turns.sort();
    let mut effects = Vec::new();
    for (.., job) in turns {
        let found = account.job(&job).unwrap();
        let tasks: Vec<_> = found.queue().map(|task| task.id().clone()).collect();
        let pool = found.pool().unwrap().clone();
        let packed =
            account.pool(&pool).is_some_and(|pool| pool.specification().node_fill_type == NodeFillType::Pack);
        for task in tasks {
            let mut nodes: Vec<_> =
                account.nodes_of(&pool).map(|node| (node.free_slots(), node.id().clone())).collect();
            nodes.sort_by_key(|(free, node)| {
                (if packed { i64::from(*free) } else { -i64::from(*free) }, node.clone())
            });
            let placed = nodes.iter().find_map(|(_, node)| account.assign(&job, &task, node, now).ok());
            effects.extend(placed.unwrap_or_default());
        }
    }
    effects
}

/// A node whose slots do not equal those of its tasks, or that has too few for them.
fn oversubscribed(account: &Account) -> Option<String> {
    let taken = |node: &Node| -> u32 {
        let on_node = |job: &Job| -> u32 {
            let tasks = job.tasks().filter(|task| {
                let assignment = task.state().assignment();
                assignment.is_some_and(|assignment| assignment.placement.node == *node.id())
            });
            let slots = tasks.map(|task| {
                let required = task.specification().required_slots;
                if task.specification().run_exclusive { node.slots().max(required) } else { required }
            });
            slots.sum()
        };
        account.jobs().map(on_node).sum()
    };
    let mut nodes = account.nodes();
    nodes
        .find(|node| taken(node) > node.slots() || taken(node) != node.taken_slots())
        .map(|node| node.id().to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_scheduler_equals_the_simple_one(
        jobs in vec(any_job(), 1..5),
        nodes in vec(any_node(), 1..7),
        answers in vec((any::<usize>(), select(vec![0, 0, 0, 1])), 0..8),
    ) {
        let mut world = account(&jobs, &nodes, &answers);
        let before = world.account.clone();
        let effects = world.schedule();
        let now = world.now;
        let account = &world.account;

        // Pure, deterministic, and equal to the reference (P1).
        prop_assert_eq!(&before.clone().schedule(now), &effects);
        prop_assert_eq!(&reference(&mut before.clone(), now), &effects);

        prop_assert_eq!(oversubscribed(account), None, "I6");
        for effect in &effects {
            let Some((job, task, node)) = placement(effect) else { continue };
            let old = before.job(job).unwrap();
            prop_assert!(old.state().is_active(), "E10, G1: {effect:?}");
            let node = before.node(node).unwrap();
            prop_assert_eq!(node.state(), NodeState::Ready(Reach::Answering));
            prop_assert_eq!(node.scheduling(), SchedulingState::Enabled);
            prop_assert_eq!(Some(node.pool()), old.pool());
            prop_assert!(old.node(node.id()).is_none_or(|record| !record.is_barred()), "N7: {effect:?}");
            let dependencies = old.task(task).unwrap().specification().depends_on.clone().unwrap_or_default();
            for other in dependencies.task_ids {
                let met = old.task(&other).is_some_and(Task::satisfies_dependants);
                prop_assert!(met, "K9: {effect:?}");
            }
        }
        for job in account.jobs() {
            let (old, new) = (before.job(job.id()).unwrap().task_counts().running, job.task_counts().running);
            let limit = match job.settings().max_parallel_tasks {
                ParallelLimit::AtMost(limit) => u64::from(limit),
                ParallelLimit::Unlimited => u64::MAX,
            };
            prop_assert!(new <= limit.max(old), "{} has too many tasks on nodes", job.id());
            // No task that could be assigned was left.
            for task in job.queue() {
                for node in account.nodes() {
                    let refused = account.clone().assign(job.id(), task.id(), node.id(), now);
                    prop_assert!(refused.is_err(), "{} of {} fits on {}", task.id(), job.id(), node.id());
                }
            }
        }
        prop_assert_eq!(world.schedule(), vec![], "a second time there is nothing left to do");
    }
}
