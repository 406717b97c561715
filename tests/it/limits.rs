//! The table of limits in the guide, tested at both sides: what is at a limit is accepted, what is beyond it is
//! refused as the table says.

use std::{collections::BTreeMap, fmt::Debug, str::FromStr};

use azbatch::NodeId;
use serde_json::{Value, json};

use crate::world::{Sent, World, id, job_body, task_body, with};

const GUIDE: &str = include_str!("../../src/guide.md");

/// What is sent at a limit, and what beyond it. Both are given as what is told.
type Sides = [String; 2];

/// The rows of the table: what is limited, the limit, and what happens beyond.
fn table() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let (_, section) = GUIDE.split_once("\n## Limits\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [what, limit, beyond, _rule] = cells[..] else { panic!("{line}") };
        (what, (limit, beyond.trim_matches('`')))
    });
    rows.collect()
}

#[test]
fn each_limit_of_the_table_holds_at_both_sides() {
    let tested = [
        ("ids of jobs, job schedules, tasks and pools", "1 to 64 characters", ids()),
        ("ids of nodes, which the host chooses", "1 to 128 characters", node_ids()),
        ("names of a node's users", "1 to 64 characters", user_names()),
        (
            "`displayName`",
            "1024 characters",
            sides([1024, 1025], |n| add_job(json!({ "displayName": "ü".repeat(n) }))),
        ),
        ("`metadata`, names and values", "8 KiB", sides([8192, 8193], metadata)),
        ("`maxParallelTasks`", "-1, or at least 1", both(sides([1, 0], parallel), sides([-1, -2], parallel))),
        ("`maxTaskRetryCount`", "at least -1", sides([-1, -2], retries)),
        ("`priority`", "-1000 to 1000", both(sides([1000, 1001], priority), sides([-1000, -1001], priority))),
        ("a request's body", "1 MiB", sides([1 << 20, (1 << 20) + 1], body_of)),
        ("tasks in a collection", "100", sides([100, 101], collection_of)),
        ("ids that a task depends on, together", "64,000 characters", sides([64_000, 64_001], depending_on)),
        ("`taskSlotsPerNode`", "1 to 256", both(sides([256, 257], slots), sides([1, 0], slots))),
        ("nodes that one request removes", "100", sides([100, 101], removing)),
        ("`maxresults`", "1 to 1000", both(sides([1000, 1001], page("/jobs")), sides([1, 0], page("/jobs")))),
        ("`maxresults` of node counts", "1 to 10", sides([10, 11], page("/nodecounts"))),
        ("depth of parentheses and `not` in `$filter`", "64", sides([64, 65], filter_of_depth)),
        (
            "`timeout`",
            "at least 1 s; longer than 30 s (for a collection of tasks, 120 s) counts as that",
            both(
                sides([1, 0], timeout("/jobs/job/tasks")),
                sides([1, 0], timeout("/jobs/job/addtaskcollection")),
            ),
        ),
        (
            "`recurrenceInterval` and `startWindow`",
            "at least 1 minute",
            both(sides([60, 59], recurrence), sides([60, 59], start_window)),
        ),
        ("characters of an autoscale formula", "8192", sides([8192, 8193], formula_of_length)),
        ("statements of an autoscale formula", "100", sides([100, 101], formula_of_statements)),
        (
            "`autoScaleEvaluationInterval`",
            "5 minutes to 168 hours",
            both(sides([168 * 3600, 168 * 3600 + 1], evaluation), sides([300, 299], evaluation)),
        ),
        ("`maxWallClockTime` of a release task", "15 minutes", sides([15 * 60, 15 * 60 + 1], release_time)),
    ];
    let table = table();
    let mut rows: Vec<&str> = tested.iter().map(|(what, ..)| *what).collect();
    rows.sort_unstable();
    assert_eq!(rows, table.keys().copied().collect::<Vec<_>>());
    for (what, limit, [within, beyond]) in tested {
        println!("{what}");
        assert_accepted(&within);
        assert_eq!((limit, beyond.as_str()), table[what], "{what}");
    }
}

/// The guide says that these have no limit.
#[test]
fn filters_and_headers_can_be_long() {
    let mut world = world();
    let long = vec!["id eq 'job'"; 20_000].join(" or ").replace(' ', "%20");
    assert_eq!(world.get(&format!("/jobs?$filter={long}")).told(), "200");
    let many = Sent::get("/jobs/job");
    let many = (0..20_000).fold(many, |sent, number| sent.header(&format!("x-{number}"), "x".repeat(100)));
    assert_eq!(world.exchange(&many).told(), "200");
}

fn world() -> World {
    let mut world = World::new();
    let pool = json!({ "id": "pool", "vmSize": "small", "targetDedicatedNodes": 1 });
    assert_eq!(world.send("POST /pools", pool).told(), "201");
    assert_eq!(world.send("POST /jobs", job_body("job")).told(), "201");
    world
}

fn told(line: &str, body: impl std::fmt::Display) -> String {
    world().send(line, body).told()
}

fn sides<N: Copy>([within, beyond]: [N; 2], send: impl Fn(N) -> String) -> Sides {
    [send(within), send(beyond)]
}

/// A limit with two ends: both accept, and both refuse alike.
fn both(upper: Sides, lower: Sides) -> Sides {
    let [within, beyond] = lower;
    assert_accepted(&within);
    assert_eq!(upper[1], beyond);
    upper
}

fn assert_accepted(told: &str) {
    assert!(["200", "201", "202", "it is read"].contains(&told), "{told}");
}

fn ids() -> Sides {
    let bodies = |n| {
        let id = "a".repeat(n);
        let schedule =
            json!({ "id": id, "schedule": {}, "jobSpecification": { "poolInfo": { "poolId": "pool" } } });
        [
            told("POST /jobs", job_body(&id)),
            told("POST /jobschedules", schedule),
            told("POST /jobs/job/tasks", task_body(&id)),
            told("POST /pools", json!({ "id": id, "vmSize": "small" })),
        ]
    };
    let alike = |n| {
        let [first, rest @ ..] = bodies(n);
        assert!(rest.iter().all(|other| *other == first), "{n} characters: {first}, {rest:?}");
        first
    };
    both(sides([64, 65], alike), sides([1, 0], alike))
}

fn node_ids() -> Sides {
    fn read<T: FromStr<Err: Debug>>(n: usize) -> String {
        let read = "a".repeat(n).parse::<T>();
        read.map_or("InvalidId", |_| "it is read").into()
    }
    both(sides([128, 129], read::<NodeId>), sides([1, 0], read::<NodeId>))
}

fn user_names() -> Sides {
    let add = |n: usize| {
        let mut world = world();
        let (pool, node) = (id("pool"), id("tvm-1"));
        world.account.add_node(&pool, &node, world.now).unwrap();
        let _ = world.account.node_event(&node, azbatch::node::NodeEvent::Started, world.now);
        world.send("POST /pools/pool/nodes/tvm-1/users", json!({ "name": "u".repeat(n) })).told()
    };
    both(sides([64, 65], add), sides([1, 0], add))
}

fn add_job(more: Value) -> String {
    told("POST /jobs", with(job_body("new"), more))
}

fn metadata(bytes: usize) -> String {
    add_job(json!({ "metadata": [{ "name": "name", "value": "v".repeat(bytes - 4) }] }))
}

fn priority(priority: i64) -> String {
    add_job(json!({ "priority": priority }))
}

fn parallel(tasks: i64) -> String {
    add_job(json!({ "maxParallelTasks": tasks }))
}

fn retries(count: i64) -> String {
    add_job(json!({ "constraints": { "maxTaskRetryCount": count } }))
}

fn body_of(bytes: usize) -> String {
    let body = job_body("new").to_string();
    told("POST /jobs", format!("{}{body}", " ".repeat(bytes - body.len())))
}

fn collection_of(tasks: usize) -> String {
    let tasks: Vec<Value> = (0..tasks).map(|number| task_body(&format!("task-{number}"))).collect();
    told("POST /jobs/job/addtaskcollection", json!({ "value": tasks }))
}

fn depending_on(characters: usize) -> String {
    let mut world = world();
    let job = with(job_body("graph"), json!({ "usesTaskDependencies": true }));
    assert_eq!(world.send("POST /jobs", job).told(), "201");
    let mut ids: Vec<String> = (0..1000).map(|number| format!("{number:064}")).collect();
    ids.extend((characters > 64_000).then(|| "a".repeat(characters - 64_000)));
    let task = with(task_body("task"), json!({ "dependsOn": { "taskIds": ids } }));
    world.send("POST /jobs/graph/tasks", task).told()
}

fn slots(slots: u32) -> String {
    told("POST /pools", json!({ "id": "new", "vmSize": "small", "taskSlotsPerNode": slots }))
}

fn removing(nodes: usize) -> String {
    let mut world = world();
    let pool = json!({ "id": "big", "vmSize": "small", "targetDedicatedNodes": nodes });
    let added = world.send("POST /pools", pool);
    world.obey(added.effects);
    world.tick();
    let nodes: Vec<String> = world.account.nodes().map(|node| node.id().to_string()).collect();
    world.send("POST /pools/big/removenodes", json!({ "nodeList": nodes })).told()
}

fn page(path: &str) -> impl Fn(u32) -> String + '_ {
    move |items| told(&format!("GET {path}?maxresults={items}"), "")
}

fn filter_of_depth(depth: usize) -> String {
    let nest = |nots: usize| {
        let groups = depth - nots;
        let (open, rest) = ("not%20(".repeat(nots), "(".repeat(groups - nots));
        told(&format!("GET /jobs?$filter={open}{rest}id%20eq%20'a'{}", ")".repeat(groups)), "")
    };
    let [groups, negations] = [nest(0), nest(depth / 2)];
    assert_eq!(groups, negations);
    groups
}

/// Parentheses side by side are not deep.
#[test]
fn many_groups_side_by_side_are_not_deep() {
    let filter = vec!["(id%20eq%20'a')"; 65].join("%20or%20");
    assert_eq!(told(&format!("GET /jobs?$filter={filter}"), ""), "200");
}

fn timeout(path: &str) -> impl Fn(u32) -> String + '_ {
    let body = if path.ends_with("collection") { json!({ "value": [] }) } else { task_body("task") };
    move |seconds| told(&format!("POST {path}?timeout={seconds}"), &body)
}

fn add_schedule(schedule: &Value) -> String {
    let job = json!({ "poolInfo": { "poolId": "pool" } });
    told("POST /jobschedules", json!({ "id": "new", "schedule": schedule, "jobSpecification": job }))
}

fn recurrence(seconds: u32) -> String {
    add_schedule(&json!({ "recurrenceInterval": format!("PT{seconds}S") }))
}

fn start_window(seconds: u32) -> String {
    add_schedule(&json!({ "recurrenceInterval": "P1D", "startWindow": format!("PT{seconds}S") }))
}

fn scaled(more: Value) -> String {
    let pool =
        json!({ "id": "new", "vmSize": "small", "enableAutoScale": true, "autoScaleFormula": "a = 1;" });
    told("POST /pools", with(pool, more))
}

fn formula_of_length(characters: usize) -> String {
    let formula = "$TargetDedicatedNodes = 1;";
    let spaces = " ".repeat(characters - formula.len());
    scaled(json!({ "autoScaleFormula": format!("{formula}{spaces}") }))
}

fn formula_of_statements(statements: usize) -> String {
    scaled(json!({ "autoScaleFormula": "a = 1; ".repeat(statements) }))
}

fn evaluation(seconds: u32) -> String {
    scaled(json!({ "autoScaleEvaluationInterval": format!("PT{seconds}S") }))
}

fn release_time(seconds: u32) -> String {
    let release = json!({ "commandLine": "r", "maxWallClockTime": format!("PT{seconds}S") });
    add_job(json!({ "jobPreparationTask": { "commandLine": "p" }, "jobReleaseTask": release }))
}
