//! Clients add, read and delete tasks at all members while members are killed, paused and cut off. Whatever was
//! answered must be what one account, without copies, could have answered in that time: the answers are linearizable.
//! Others add jobs with a task that runs, and terminate them. What they were told is true afterwards.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester, SequentialSpec};

use crate::{
    harness::{Answer, Cluster, VERSION, send, wait},
    pool,
};

const CLIENTS: usize = 6;
/// How many tasks are used at a time, and for how long before others are.
const TASKS_AT_ONCE: usize = 4;
const TASK_TIME: Duration = Duration::from_millis(700);

/// Whether the task exists.
#[derive(Clone, Debug, Default)]
struct Task(bool);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    Add,
    Get,
    Delete,
}

impl SequentialSpec for Task {
    type Op = Operation;
    /// Whether the task existed before.
    type Ret = bool;

    fn invoke(&mut self, operation: &Operation) -> bool {
        let existed = self.0;
        self.0 = match operation {
            Operation::Add => true,
            Operation::Get => existed,
            Operation::Delete => false,
        };
        existed
    }
}

/// A call by a client, whose number no other call has while it is on its way.
#[derive(Clone, Copy)]
enum Event {
    Called {
        call: usize,
        task: usize,
        operation: Operation,
    },
    Answered {
        call: usize,
        existed: bool,
    },
    /// Nothing was done, as the answer says, or nothing could have been.
    NotDone {
        call: usize,
    },
}

#[derive(Default)]
struct History {
    events: Mutex<Vec<Event>>,
    calls: AtomicUsize,
    writes: AtomicUsize,
}

impl Operation {
    fn request(self, task: usize) -> (&'static str, String, String) {
        let tasks = format!("/accounts/contoso/jobs/job/tasks?{VERSION}");
        let one = format!("/accounts/contoso/jobs/job/tasks/task-{task}?{VERSION}");
        match self {
            Self::Add => {
                let body = json!({ "id": format!("task-{task}"), "commandLine": "true" });
                ("POST", tasks, body.to_string())
            }
            Self::Get => ("GET", one, String::new()),
            Self::Delete => ("DELETE", one, String::new()),
        }
    }

    /// Whether the answer says that the task existed; `None` if it does not say.
    fn existed(self, answer: &Answer) -> Option<bool> {
        match (self, answer.status) {
            (Self::Add, 201) | (Self::Get | Self::Delete, 404) => Some(false),
            (Self::Add, 409) | (Self::Get | Self::Delete, 200) => Some(true),
            (_, 500 | 503) => None,
            _ => panic!("{self:?}: {answer:?}"),
        }
    }
}

impl History {
    fn note(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }

    /// Calls a member, and notes what was answered.
    fn call(&self, address: std::net::SocketAddr, task: usize, operation: Operation) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        self.note(Event::Called { call, task, operation });
        let (method, target, body) = operation.request(task);
        let answer = send(address, method, &target, &[("content-type", "application/json")], &body);
        match answer.as_ref().ok().and_then(|answer| operation.existed(answer)) {
            Some(existed) => {
                self.note(Event::Answered { call, existed });
                if operation != Operation::Get {
                    self.writes.fetch_add(1, Ordering::Relaxed);
                }
            }
            None if operation == Operation::Get || answer.is_ok_and(|answer| answer.status == 503) => {
                self.note(Event::NotDone { call });
            }
            // It may have happened, or may still happen.
            None => {}
        }
    }

    /// A tester for each task.
    fn testers(&self) -> BTreeMap<usize, LinearizabilityTester<usize, Task>> {
        let events = self.events.lock().unwrap();
        let not_done: Vec<usize> = events
            .iter()
            .filter_map(|event| if let Event::NotDone { call } = event { Some(*call) } else { None })
            .collect();
        let (mut testers, mut tasks) = (BTreeMap::new(), BTreeMap::new());
        for event in events.iter() {
            match *event {
                Event::Called { call, task, operation } if !not_done.contains(&call) => {
                    tasks.insert(call, task);
                    let tester =
                        testers.entry(task).or_insert_with(|| LinearizabilityTester::new(Task::default()));
                    tester.on_invoke(call, operation).unwrap();
                }
                Event::Answered { call, existed } => {
                    testers.get_mut(&tasks[&call]).unwrap().on_return(call, existed).unwrap();
                }
                Event::Called { .. } | Event::NotDone { .. } => {}
            }
        }
        testers
    }
}

/// Does things at random until it is told to stop.
fn run_client(
    cluster: &[std::net::SocketAddr],
    history: &History,
    start: Instant,
    stop: &AtomicBool,
    seed: u64,
) {
    let mut state = seed;
    let mut random = |below: usize| {
        // Knuth's generator is good enough to choose with.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    while !stop.load(Ordering::Relaxed) {
        let epoch = usize::try_from(start.elapsed().as_millis() / TASK_TIME.as_millis()).unwrap();
        let task = epoch * TASKS_AT_ONCE + random(TASKS_AT_ONCE);
        let operation = [Operation::Add, Operation::Get, Operation::Get, Operation::Delete][random(4)];
        history.call(cluster[random(cluster.len())], task, operation);
        thread::sleep(Duration::from_millis(20));
    }
}

/// A job that a client has added and terminated, as far as it was told.
struct Job {
    id: String,
    /// Whether it was added; `None` if the client does not know.
    added: Option<bool>,
    has_task: bool,
    is_terminated: bool,
}

/// Adds and terminates jobs until it is told to stop.
fn run_jobs(cluster: &[std::net::SocketAddr], client: usize, stop: &AtomicBool) -> Vec<Job> {
    let mut jobs = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let id = format!("job-{client}-{}", jobs.len());
        let post = |path: &str, body: serde_json::Value| {
            let target = format!("/accounts/contoso{path}?{VERSION}");
            let address = cluster[(jobs.len() + client) % cluster.len()];
            let body = if body.is_null() { String::new() } else { body.to_string() };
            send(address, "POST", &target, &[("content-type", "application/json")], &body)
                .map_or(0, |answer| answer.status)
        };
        let added = match post("/jobs", json!({ "id": id, "poolInfo": { "poolId": "busy" } })) {
            201 => Some(true),
            503 => Some(false), // Nothing was done.
            0 | 500 => None,
            status => panic!("{id}: {status}"),
        };
        let (mut has_task, mut is_terminated) = (false, false);
        if added == Some(true) {
            let task = json!({ "id": "task", "commandLine": "sleep 60" });
            has_task = post(&format!("/jobs/{id}/tasks"), task) == 201;
            thread::sleep(Duration::from_millis(300));
            is_terminated = post(&format!("/jobs/{id}/terminate"), serde_json::Value::Null) == 202;
        }
        jobs.push(Job { id, added, has_task, is_terminated });
        thread::sleep(Duration::from_millis(100));
    }
    jobs
}

/// What clients were told is true at each member: what was added is there, what was refused is not, and what was
/// terminated ends. No task has run twice.
fn check_jobs(cluster: &Cluster, jobs: &[Job]) {
    for Job { id, added, has_task, is_terminated } in jobs {
        let path = format!("/jobs/{id}");
        for member in 1..=3 {
            let status = cluster.call(member, "GET", &path, &serde_json::Value::Null).status;
            if let Some(added) = added {
                assert_eq!(status, if *added { 200 } else { 404 }, "{id} at {member}");
            }
            if *has_task {
                let task = cluster.get(member, &format!("{path}/tasks/task"));
                assert_eq!(task["executionInfo"]["requeueCount"], 0, "{task}");
                assert_eq!(task["executionInfo"]["retryCount"], 0, "{task}");
            }
            if *is_terminated {
                wait(id, || (cluster.get(member, &path)["state"] == "completed").then_some(()));
            }
        }
    }
}

/// What is done to the cluster, one after the other.
fn break_and_repair(cluster: &mut Cluster) {
    let rest = || thread::sleep(Duration::from_millis(1500));
    for round in 0..2 {
        rest();
        let leader = cluster.leader(1);
        cluster.kill(leader);
        rest();
        cluster.restart(leader);
        rest();

        let leader = cluster.leader(1);
        cluster.signal(leader, "-STOP");
        thread::sleep(Duration::from_millis(3500));
        cluster.signal(leader, "-CONT");
        rest();

        let alone = if round == 0 { cluster.leader(1) } else { cluster.leader(1) % 3 + 1 };
        for other in (1..=3).filter(|other| *other != alone) {
            cluster.cut(alone, other);
        }
        thread::sleep(Duration::from_millis(3500));
        for other in (1..=3).filter(|other| *other != alone) {
            cluster.repair(alone, other);
        }
    }
    rest();
}

#[test]
fn answers_are_linearizable_whatever_fails() {
    let mut cluster = Cluster::start("survival", &["--no-auth", "--snapshot-after=100"]);
    // Tasks of the one never run, so that a deleted one is gone at once. Those of the other do.
    assert_eq!(cluster.call(1, "POST", "/pools", &pool(0)).status, 201);
    let mut busy = pool(2);
    busy["id"] = json!("busy");
    assert_eq!(cluster.call(1, "POST", "/pools", &busy).status, 201);
    let job = json!({ "id": "job", "poolInfo": { "poolId": "pool" } });
    assert_eq!(cluster.call(1, "POST", "/jobs", &job).status, 201);

    let mut jobs = Vec::new();
    let (history, stop, start) = (History::default(), AtomicBool::new(false), Instant::now());
    let addresses = [1, 2, 3].map(|member| cluster.address(member));
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (addresses, history, stop) = (&addresses, &history, &stop);
            scope.spawn(move || run_client(addresses, history, start, stop, client as u64));
        }
        let adding = [0, 1].map(|client| {
            let (addresses, stop) = (&addresses, &stop);
            scope.spawn(move || run_jobs(addresses, client, stop))
        });
        break_and_repair(&mut cluster);
        stop.store(true, Ordering::Relaxed);
        jobs.extend(adding.into_iter().flat_map(|client| client.join().unwrap()));
    });
    let ended = jobs.iter().filter(|job| job.is_terminated).count();
    assert!(ended > 10, "only {ended} jobs were terminated");
    check_jobs(&cluster, &jobs);
    cluster.wait_until_equal(&[1, 2, 3]);

    // What there is in the end is seen too, at each member.
    let tasks: Vec<usize> = history.testers().into_keys().collect();
    for task in &tasks {
        for address in addresses {
            history.call(address, *task, Operation::Get);
        }
    }
    let writes = history.writes.load(Ordering::Relaxed);
    println!("{} tasks, {} calls, {writes} writes", tasks.len(), history.calls.load(Ordering::Relaxed));
    assert!(writes > 50, "only {writes} writes were answered");
    for (task, tester) in history.testers() {
        assert!(tester.is_consistent(), "task-{task} was not one thing: {tester:#?}");
    }
}
