//! Clients add, read and delete tasks at all members while members are killed, paused and cut off, and while the account
//! moves. Whatever was answered must be what one account, without copies, could have answered in that time: the answers
//! are linearizable. Others add jobs with a task that runs, and terminate them. What they were told is true afterwards. And
//! no node was told to begin a run that it should not have begun (see `check_runs`).
//!
//! `AZBATCH_SURVIVAL_ROUNDS` and `AZBATCH_SURVIVAL_SEED` make it longer, and other.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester, SequentialSpec};

use crate::{
    harness::{Answer, Cluster, KEY, VERSION, send_signed, wait},
    pool,
};

const MEMBERS: usize = 4;
const CLIENTS: usize = 6;
/// How long something stays broken, and how long all is well after that.
const BROKEN: Duration = Duration::from_millis(3500);
const REST: Duration = Duration::from_millis(1500);
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
    fn call(&self, address: SocketAddr, task: usize, operation: Operation) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        self.note(Event::Called { call, task, operation });
        let (method, target, body) = operation.request(task);
        let answer = send_signed(address, method, &target, &[("content-type", "application/json")], &body);
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
fn run_client(cluster: &[SocketAddr], history: &History, start: Instant, stop: &AtomicBool, seed: u64) {
    let mut random = generator(seed);
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
    /// Whether it was added, as for all that follows: `None` if the client does not know.
    added: Option<bool>,
    has_task: Option<bool>,
    is_terminated: Option<bool>,
    /// Whether it took a task after its termination was acknowledged.
    has_late_task: Option<bool>,
}

/// Adds and terminates jobs until it is told to stop.
fn run_jobs(cluster: &[SocketAddr], client: usize, stop: &AtomicBool) -> Vec<Job> {
    let mut jobs = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let id = format!("job-{client}-{}", jobs.len());
        let address = cluster[(jobs.len() + client) % cluster.len()];
        // Whether it is done; `None` if nobody knows.
        let post = |path: &str, body: Value, done: u16| {
            let target = format!("/accounts/contoso{path}?{VERSION}");
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let answer =
                send_signed(address, "POST", &target, &[("content-type", "application/json")], &body);
            match answer.map_or(0, |answer| answer.status) {
                status if status == done => Some(true),
                409 | 503 => Some(false), // Nothing was done.
                0 | 500 => None,
                status => panic!("{path}: {status}"),
            }
        };
        let tasks = format!("/jobs/{id}/tasks");
        let task = |id| json!({ "id": id, "commandLine": "sleep 60" });
        let added = post("/jobs", json!({ "id": id, "poolInfo": { "poolId": "busy" } }), 201);
        let (mut has_task, mut is_terminated, mut has_late_task) = (None, None, None);
        if added == Some(true) {
            has_task = post(&tasks, task("task"), 201);
            thread::sleep(Duration::from_millis(300));
            is_terminated = post(&format!("/jobs/{id}/terminate"), Value::Null, 202);
        }
        if is_terminated == Some(true) {
            has_late_task = post(&tasks, task("late"), 201);
        }
        jobs.push(Job { id, added, has_task, is_terminated, has_late_task });
        thread::sleep(Duration::from_millis(100));
    }
    jobs
}

/// What clients were told is true at each member: what was added is there, what was refused is not, and what was
/// terminated ends, and takes no more tasks. No task had more runs than were lost, and one more.
fn check_jobs(cluster: &Cluster, jobs: &[Job], runs: &Runs) {
    for Job { id, added, has_task, is_terminated, has_late_task } in jobs {
        let path = format!("/jobs/{id}");
        assert_ne!(*has_late_task, Some(true), "{id} took a task after its end was accepted");
        for member in 1..=MEMBERS {
            let is = |path: &str, told: Option<bool>| {
                let status = cluster.call(member, "GET", path, &Value::Null).status;
                let expected = told.map_or(status, |told| if told { 200 } else { 404 });
                assert_eq!(status, expected, "{path} at {member}");
            };
            is(&path, *added);
            is(&format!("{path}/tasks/late"), *has_late_task);
            is(&format!("{path}/tasks/task"), *has_task);
            if *has_task == Some(true) {
                let task = cluster.get(member, &format!("{path}/tasks/task"));
                let count = |name: &str| task["executionInfo"][name].as_u64().unwrap();
                let losses = runs.losses.get(&(id.clone(), "task".into())).copied().unwrap_or(0);
                let given = runs.given.get(&(id.clone(), "task".into())).copied().unwrap_or(0);
                assert!((losses..=losses + 1).contains(&given), "{given} runs, {losses} lost: {task}");
                // Nobody asked for another run, and a task with a start time has had one.
                assert_eq!((count("retryCount"), count("requeueCount")), (0, 0), "{task}");
                assert!(given > losses || !task["executionInfo"]["startTime"].is_string(), "{task}");
            }
            match is_terminated {
                Some(true) => {
                    wait(id, || (cluster.get(member, &path)["state"] == "completed").then_some(()));
                }
                Some(false) => assert_eq!(cluster.get(member, &path)["state"], "active", "{id} at {member}"),
                None => {}
            }
        }
    }
}

/// What members have noted of runs.
struct Runs {
    /// How many runs the account has given to a task, by job and task.
    given: BTreeMap<(String, String), u64>,
    /// How many of them were lost.
    losses: BTreeMap<(String, String), u64>,
    begun: usize,
    /// How many were begun again by another leader.
    again: usize,
}

/// Which run a task has, as the account knows it, and whether the node has said that it has started.
#[derive(Default)]
struct Current {
    run: Option<String>,
    has_started: bool,
    /// The task is completed, and nobody reactivates tasks here.
    has_ended: bool,
}

/// No run was begun twice without its first run being known to be lost.
///
/// Members note what they tell nodes to begin, and what becomes true of runs, each with the index of the log up to which
/// they have applied it then. So all of it can be put into one order. A node may be told to begin the run that the account
/// has given it, as often as a new leader does not know that it has started: a node does one run once. It must not be
/// told so once the account knows that the run has started, or that it is over: ended, lost with its node, or
/// deleted. And a task gets its next run only after the one before is over.
///
/// One leader tells a node only once to begin a run.
///
/// Assumed is that members apply equal entries in the same way, which the comparison of the lines of all members shows
/// in part, and that the facts that the account states are true. A run counts as lost only on a node that this test has rebooted.
/// `check_jobs` compares the facts with what the account answers.
fn check_runs(traces: impl IntoIterator<Item = String>, rebooted: &BTreeSet<String>) -> Runs {
    let (mut known, mut begun) = (BTreeMap::<u64, Vec<&str>>::new(), BTreeMap::<u64, Vec<&str>>::new());
    let traces: Vec<String> = traces.into_iter().collect();
    for trace in &traces {
        let (mut own, mut by_leader) = (BTreeMap::<u64, Vec<&str>>::new(), BTreeSet::new());
        // The last line is not whole if the member was killed as it wrote it.
        for line in trace.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let (index, line) = line.split_once(' ').unwrap();
            if line == "leads" {
                by_leader.clear();
                continue;
            }
            let is_begun = line.contains(" begin ");
            assert!(!is_begun || by_leader.insert(line), "{index}: {line}: twice by one leader");
            let lines = if is_begun { &mut begun } else { &mut own };
            lines.entry(index.parse().unwrap()).or_default().push(line);
        }
        for (index, lines) in own {
            // All members know the same from an entry, or less of it if they were killed then.
            let seen = known.entry(index).or_default();
            let common = seen.len().min(lines.len());
            assert_eq!(seen[..common], lines[..common], "entry {index}");
            if lines.len() > common {
                *seen = lines;
            }
        }
    }
    let mut tasks = BTreeMap::<(&str, &str), Current>::new();
    let (mut first, mut again) = (BTreeSet::new(), 0);
    let (mut given, mut losses) = (BTreeMap::new(), BTreeMap::new());
    let indices: BTreeSet<u64> = known.keys().chain(begun.keys()).copied().collect();
    for index in indices {
        let lines = [&known, &begun].into_iter().filter_map(|lines| lines.get(&index)).flatten();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let task = tasks.entry((words[0], words[1])).or_default();
            let name = (words[0].to_owned(), words[1].to_owned());
            match words[2..] {
                ["given", run] => {
                    assert_eq!(task.run, None, "{index}: {line}: the run before is not over");
                    assert!(!task.has_ended, "{index}: {line}: it has ended");
                    *task = Current { run: Some(run.into()), ..Current::default() };
                    *given.entry(name).or_default() += 1;
                }
                ["started"] => {
                    assert!(task.run.is_some() && !task.has_started, "{index}: {line}: again");
                    task.has_started = true;
                }
                ["lost", node] => {
                    assert!(rebooted.contains(node), "{index}: {line}: nothing has happened to the node");
                    assert!(task.run.is_some(), "{index}: {line}: there was no run");
                    *task = Current::default();
                    *losses.entry(name).or_default() += 1;
                }
                ["ended"] => *task = Current { has_ended: true, ..Current::default() },
                ["deleted"] => *task = Current::default(),
                ["begin", run] => {
                    assert_eq!(task.run.as_deref(), Some(run), "{index}: {line}: it is over");
                    assert!(!task.has_started, "{index}: {line}: it has started");
                    again += usize::from(!first.insert((words[0], words[1], run)));
                }
                _ => panic!("{line}"),
            }
        }
    }
    Runs { given, losses, begun: first.len(), again }
}

/// Each rule of `check_runs` finds what breaks it, and nothing in what keeps them all.
#[test]
fn runs_that_should_not_have_begun_are_found() {
    let check = |traces: &[&str]| {
        let traces: Vec<String> = traces.iter().map(|trace| (*trace).to_owned()).collect();
        let rebooted = BTreeSet::from(["rebooted".to_owned()]);
        std::panic::catch_unwind(|| check_runs(traces, &rebooted))
            .map_err(|panic| panic.downcast_ref::<String>().unwrap().clone())
    };
    // The run is begun by two leaders, starts, is lost; so is the next one begun.
    let kept = check(&[
        "0 leads\n1 j t given 1\n1 j t begin 1\n",
        "1 j t given 1\n1 leads\n1 j t begin 1\n2 j t started\n3 j t lost rebooted\n4 j t given 2\n\
         4 j t begin 2\n5 j t started\n6 j t ended\n7 j",
    ]);
    let kept = kept.unwrap();
    assert_eq!((kept.begun, kept.again), (2, 1));
    let name = ("j".to_owned(), "t".to_owned());
    assert_eq!((kept.given[&name], kept.losses[&name]), (2, 1));

    let broken: [(&[&str], &str); 9] = [
        (&["1 j t given 1\n1 j t begin 1\n2 j t begin 1\n"], "twice by one leader"),
        (&["1 j t given 1\n2 j t started\n", "2 leads\n2 j t begin 1\n"], "it has started"),
        (&["1 j t given 1\n2 j t ended\n", "2 leads\n2 j t begin 1\n"], "it is over"),
        (&["1 j t given 1\n2 j t lost rebooted\n3 j t given 2\n3 j t begin 1\n"], "it is over"),
        (&["1 j t given 1\n2 j t given 2\n"], "the run before is not over"),
        (&["1 j t given 1\n2 j t ended\n3 j t given 2\n"], "it has ended"),
        (&["1 j t given 1\n2 j t started\n3 j t started\n"], "again"),
        (&["1 j t given 1\n2 j t lost other\n"], "nothing has happened to the node"),
        (&["1 j t given 1\n", "1 j t given 2\n"], "entry 1"),
    ];
    for (traces, why) in broken {
        let found = check(traces).err().unwrap_or_else(|| panic!("{traces:?} is not found"));
        assert!(found.contains(why), "{traces:?}: {found}");
    }
}

/// Something that happens to the cluster.
#[derive(Clone, Copy, Debug)]
enum Break {
    KillLeader,
    KillFollower,
    PauseLeader,
    PauseFollower,
    CutLeader,
    CutFollower,
    /// Another member leads.
    HandOver,
    /// The account leaves the member that leads it, for the one that does not have it.
    Move,
    /// A node of the pool has lost what ran there.
    RebootNode,
}

impl Break {
    const ALL: [Self; 9] = [
        Self::KillLeader,
        Self::KillFollower,
        Self::PauseLeader,
        Self::PauseFollower,
        Self::CutLeader,
        Self::CutFollower,
        Self::HandOver,
        Self::Move,
        Self::RebootNode,
    ];

    /// Has it happen, for a while, and repairs it. Returns the node that was rebooted, if one was.
    fn happen(self, cluster: &mut Cluster) -> Option<String> {
        let (leader, followers) = members(cluster);
        let (follower, spare) = (followers[0], 10 - leader - followers.iter().sum::<usize>());
        match self {
            Self::KillLeader => kill(cluster, leader),
            Self::KillFollower => kill(cluster, follower),
            Self::PauseLeader => pause(cluster, leader),
            Self::PauseFollower => pause(cluster, follower),
            Self::CutLeader => cut_off(cluster, leader),
            Self::CutFollower => cut_off(cluster, follower),
            Self::HandOver => {
                cluster.control_ok(follower, "POST", "/accounts/contoso/lead", &Value::Null);
            }
            Self::Move => {
                let to = json!({ "members": [followers[0], followers[1], spare] });
                cluster.control_ok(leader, "PUT", "/accounts/contoso/members", &to);
            }
            Self::RebootNode => {
                let nodes = cluster.get(leader, "/pools/busy/nodes");
                let node = nodes["value"][0]["id"].as_str().unwrap();
                let event = format!("/accounts/contoso/nodes/{node}/rebooted");
                cluster.control_ok(spare, "POST", &event, &Value::Null);
                return Some(node.to_owned());
            }
        }
        None
    }
}

fn kill(cluster: &mut Cluster, member: usize) {
    cluster.kill(member);
    thread::sleep(BROKEN);
    cluster.restart(member);
}

fn pause(cluster: &Cluster, member: usize) {
    cluster.signal(member, "-STOP");
    thread::sleep(BROKEN);
    cluster.signal(member, "-CONT");
}

/// Nothing passes between a member and all others.
fn cut_off(cluster: &Cluster, member: usize) {
    let others = (1..=MEMBERS).filter(|other| *other != member);
    others.clone().for_each(|other| cluster.cut(member, other));
    thread::sleep(BROKEN);
    others.for_each(|other| cluster.repair(member, other));
}

/// The leader of the account, and the two other members that have it.
fn members(cluster: &Cluster) -> (usize, Vec<usize>) {
    wait("the account has a leader", || {
        let seen = (1..=MEMBERS).find_map(|member| {
            let seen = cluster.control(member, "GET", "/accounts/contoso", &Value::Null).ok()?;
            (seen.status == 200 && seen.json()["leads"] == true).then(|| (member, seen.json()))
        });
        let (leader, seen) = seen.filter(|(_, seen)| seen["settled"] == true)?;
        let on = seen["members"].as_array().unwrap().iter().map(|member| member.as_u64().unwrap());
        let on = on.map(|member| usize::try_from(member).unwrap());
        Some((leader, on.filter(|member| *member != leader).collect()))
    })
}

/// Lets everything happen once in each round, in an order that follows from the seed. Returns the nodes that were
/// rebooted.
fn break_and_repair(
    cluster: &mut Cluster,
    rounds: usize,
    mut random: impl FnMut(usize) -> usize,
) -> BTreeSet<String> {
    let mut rebooted = BTreeSet::new();
    for _ in 0..rounds {
        let mut left = Break::ALL.to_vec();
        while !left.is_empty() {
            thread::sleep(REST);
            let next = left.swap_remove(random(left.len()));
            println!("{next:?}");
            rebooted.extend(next.happen(cluster));
        }
    }
    thread::sleep(REST);
    rebooted
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

/// Knuth's generator is good enough to choose with.
fn generator(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    }
}

/// A cluster of four members, with an account on three of them.
fn start(test: &str, snapshot_after: &str) -> Cluster {
    let cluster = Cluster::start_members(test, MEMBERS, &[snapshot_after]);
    cluster.control_ok(1, "PUT", "/accounts/contoso", &json!({ "key": KEY }));
    // Tasks of the one never run, so that a deleted one is gone at once. Those of the other do.
    cluster.change(1, "POST", "/pools", &pool(0), 201, 409);
    let mut busy = pool(4);
    busy["id"] = json!("busy");
    cluster.change(1, "POST", "/pools", &busy, 201, 409);
    let job = json!({ "id": "job", "poolInfo": { "poolId": "pool" } });
    cluster.change(1, "POST", "/jobs", &job, 201, 409);
    cluster
}

/// Breaks and repairs the cluster under the clients of this test and others, and checks what they all were told.
/// `others` are told to stop in the end, and say which jobs they have made.
fn survive(mut cluster: Cluster, default_rounds: u64, others: impl FnOnce() -> Vec<Job>) -> Cluster {
    let rounds = setting("AZBATCH_SURVIVAL_ROUNDS").unwrap_or(default_rounds);
    let seed = setting("AZBATCH_SURVIVAL_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("AZBATCH_SURVIVAL_SEED={seed}");
    let (mut jobs, mut rebooted) = (Vec::new(), BTreeSet::new());
    let (history, stop, since) = (History::default(), AtomicBool::new(false), Instant::now());
    let addresses: Vec<SocketAddr> = (1..=MEMBERS).map(|member| cluster.address(member)).collect();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (addresses, history, stop) = (&addresses, &history, &stop);
            scope.spawn(move || run_client(addresses, history, since, stop, client as u64));
        }
        let adding = [0, 1].map(|client| {
            let (addresses, stop) = (&addresses, &stop);
            scope.spawn(move || run_jobs(addresses, client, stop))
        });
        let stopping = StopAtEnd(&stop);
        rebooted.append(&mut break_and_repair(
            &mut cluster,
            usize::try_from(rounds).unwrap(),
            generator(seed),
        ));
        drop(stopping);
        jobs.extend(adding.into_iter().flat_map(|client| client.join().unwrap()));
    });
    jobs.extend(others());
    let refused = check_counts(&jobs);
    let (leader, followers) = members(&cluster);
    cluster.wait_until_equal(&[leader, followers[0], followers[1]]);
    let runs = check_runs((1..=MEMBERS).flat_map(|member| cluster.traces(member)), &rebooted);
    check_jobs(&cluster, &jobs, &runs);
    cluster.wait_until_equal(&[leader, followers[0], followers[1]]);

    // What there is in the end is seen too, at each member.
    let tasks: Vec<usize> = history.testers().into_keys().collect();
    for task in &tasks {
        for address in &addresses {
            history.call(*address, *task, Operation::Get);
        }
    }
    let writes = history.writes.load(Ordering::Relaxed);
    let (calls, jobs) = (history.calls.load(Ordering::Relaxed), jobs.len());
    assert!(writes > 50, "only {writes} writes were answered");
    for (task, tester) in history.testers() {
        assert!(tester.is_consistent(), "task-{task} was not one thing: {tester:#?}");
    }
    let Runs { losses, begun, again, .. } = runs;
    assert!(begun > 10, "only {begun} runs");
    let lost: u64 = losses.values().sum();
    println!(
        "{} tasks, {calls} calls, {writes} writes, {jobs} jobs, {refused} things refused, {begun} runs, \
         {again} begun again by another leader, {lost} lost",
        tasks.len()
    );
    cluster
}

/// Tells clients to stop, also when the test panics: it waits for them then.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// There is enough to check. Returns how much was refused.
fn check_counts(jobs: &[Job]) -> usize {
    let ended = jobs.iter().filter(|job| job.is_terminated == Some(true)).count();
    assert!(ended > 10, "only {ended} jobs were terminated");
    let told = jobs.iter().flat_map(|job| [job.added, job.has_task, job.is_terminated, job.has_late_task]);
    let refused = told.filter(|told| *told == Some(false)).count();
    assert!(refused > 10, "only {refused} were refused");
    refused
}

#[test]
fn answers_are_linearizable_whatever_fails() {
    survive(start("survival", "--snapshot-after=100"), 1, Vec::new);
}

/// The same under the load of the published SDK for Python and of this project's load generator.
#[test]
#[ignore = "needs AZBATCH_PYTHON, which has azure-batch, and AZBATCH_LOAD, the example `load` of the emulator"]
fn published_clients_survive_whatever_fails() {
    let program = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let cluster = start("survival-of-clients", "--snapshot-after=2000");
    let at = |member| format!("{}/accounts/contoso", cluster.address(member));
    let all: Vec<String> = (1..=MEMBERS).map(at).collect();
    let rounds = setting("AZBATCH_SURVIVAL_ROUNDS").unwrap_or(1);
    let seconds = (rounds * 20).to_string(); // for reads, and as many for writes
    let load = Command::new(program("AZBATCH_LOAD"))
        .args([all.join(",").as_str(), &seconds, "4", "through-failures"])
        .env("AZBATCH_KEY", KEY)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut sdk = Command::new(program("AZBATCH_PYTHON"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/load.py"))
        .args(all.iter().map(|account| format!("http://{account}")))
        .env("AZBATCH_KEY", KEY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(sdk.stdout.take().unwrap()).lines();
    let reading = thread::spawn(|| lines.map(|line| read_job(&line.unwrap())).collect::<Vec<Job>>());

    let others = || {
        drop(sdk.stdin.take());
        let jobs = reading.join().unwrap();
        assert!(sdk.wait().unwrap().success());
        println!("the SDK: {} jobs, {} things refused", jobs.len(), check_counts(&jobs));
        jobs
    };
    let cluster = survive(cluster, 1, others);

    let output = load.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    println!("{said}");
    assert!(output.status.success());
    let requests = said.lines().find(|line| line.starts_with("create + terminate")).unwrap();
    let requests = requests.split_once('(').unwrap().1.split(' ').next().unwrap().parse::<usize>().unwrap();
    check_load(&cluster, requests / 2);
}

/// What the SDK's client was told of a job.
fn read_job(line: &str) -> Job {
    let line: Value = serde_json::from_str(line).unwrap();
    let is = |name: &str| line[name].as_bool();
    Job {
        id: line["job"].as_str().unwrap().into(),
        added: is("added"),
        has_task: is("task"),
        is_terminated: is("terminated"),
        has_late_task: is("late"),
    }
}

/// At least as many jobs of the load generator have ended as were acknowledged, and none is still ending.
fn check_load(cluster: &Cluster, acknowledged: usize) {
    let count = |state: &str| {
        let filter = format!("startswith(id,'load-')%20and%20state%20eq%20'{state}'");
        let mut path = format!("/jobs?$select=id&$filter={filter}");
        let mut count = 0;
        loop {
            let page = cluster.get(1, &path);
            count += page["value"].as_array().unwrap().len();
            let Some(next) = page["odata.nextLink"].as_str() else { return count };
            // The account's URL and the version are added again.
            let (_, target) = next.split_once("/accounts/contoso").unwrap();
            path = target.replace(&format!("{VERSION}&"), "").replace(&format!("&{VERSION}"), "");
        }
    };
    wait("no job is ending", || (count("terminating") == 0).then_some(()));
    let ended = count("completed");
    println!("the load generator: {acknowledged} jobs were acknowledged, {ended} have ended");
    assert!(acknowledged > 10 && ended >= acknowledged);
}
