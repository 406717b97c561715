//! The emulator is killed again and again under load, and compared with a model of what it has acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    client::Client,
    data::folder,
    harness::{Emulator, VERSION, value},
};

const ROUNDS: u64 = 50;
const WORKERS: u64 = 5;

/// Whether something was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    No,
    /// It was sent, and not answered.
    Sent,
    Acknowledged,
}

/// A job or task as one worker knows it.
#[derive(Debug)]
struct Known {
    added: Asked,
    ended: Asked,
    deleted: Asked,
}

impl Known {
    fn new(added: Asked) -> Self {
        Self { added, ended: Asked::No, deleted: Asked::No }
    }

    /// Compares it with its state, and notes what is known now. `ends` are the states that it is in once it has ended.
    fn compare(&mut self, name: &str, state: Option<&str>, ends: &[&str]) {
        let is_there = state.is_some_and(|state| state != "deleting");
        match (is_there, self.added, self.deleted) {
            (true, Asked::No, _) => panic!("{name} was never asked for"),
            (true, _, Asked::Acknowledged) => panic!("{name} was deleted, and is there again"),
            (false, Asked::Acknowledged, Asked::No) => panic!("{name} was added, and is lost"),
            (false, Asked::Sent | Asked::No, Asked::No) => self.added = Asked::No,
            (true, _, _) => (self.added, self.deleted) = (Asked::Acknowledged, Asked::No),
            (false, _, _) => (self.added, self.deleted) = (Asked::Acknowledged, Asked::Acknowledged),
        }
        if !is_there {
            return;
        }
        let has_ended = state.is_some_and(|state| ends.contains(&state));
        match (has_ended, self.ended) {
            (true, Asked::No) => panic!("{name} has ended without being asked to"),
            (false, Asked::Acknowledged) => panic!("{name} was ended, and is {state:?} again"),
            (true, Asked::Sent | Asked::Acknowledged) => self.ended = Asked::Acknowledged,
            (false, Asked::Sent | Asked::No) => self.ended = Asked::No,
        }
    }

    fn is_there(&self) -> bool {
        self.added == Asked::Acknowledged && self.deleted == Asked::No
    }
}

/// A job with its tasks. They were added some at a time, all or none.
struct KnownJob {
    job: Known,
    tasks: BTreeMap<String, Known>,
    batches: Vec<Vec<String>>,
}

/// What one connection has sent.
struct Worker {
    number: u64,
    random: u64,
    jobs: BTreeMap<String, KnownJob>,
    /// Those that a request of this round is about.
    touched: BTreeSet<String>,
    acknowledged: u64,
}

impl Worker {
    fn new(number: u64) -> Self {
        Self {
            number,
            random: number * 7919 + 1,
            jobs: BTreeMap::new(),
            touched: BTreeSet::new(),
            acknowledged: 0,
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    /// Sends requests until there is no emulator any more.
    fn work(&mut self, address: SocketAddr) {
        let Ok(mut client) = Client::connect(address) else { return };
        while self.step(&mut client).is_ok() {}
    }

    fn step(&mut self, client: &mut Client) -> std::io::Result<()> {
        let choice = self.random(10);
        let there: Vec<String> =
            self.jobs.iter().filter(|(_, job)| job.job.is_there()).map(|(id, _)| id.clone()).collect();
        if choice < 3 || there.is_empty() {
            return self.add_job(client);
        }
        // Mostly one of the last, so that there are jobs with much behind them and others with little.
        let back = self.random(6.min(there.len() as u64));
        let id = there[there.len() - 1 - usize::try_from(back).unwrap()].clone();
        self.touched.insert(id.clone());
        match choice {
            3..=5 => self.add_tasks(client, &id),
            6 => {
                let sent = |job: &mut KnownJob, asked| job.job.ended = asked;
                let known = self.jobs[&id].job.ended;
                self.ask(client, &id, "POST", &format!("/jobs/{id}/terminate"), known, sent)
            }
            7 => {
                let sent = |job: &mut KnownJob, asked| job.job.deleted = asked;
                self.ask(client, &id, "DELETE", &format!("/jobs/{id}"), Asked::No, sent)
            }
            _ => self.change_task(client, &id, choice == 8),
        }
    }

    fn add_job(&mut self, client: &mut Client) -> std::io::Result<()> {
        let id = format!("job-{}-{:05}", self.number, self.jobs.len());
        let job = KnownJob { job: Known::new(Asked::Sent), tasks: BTreeMap::new(), batches: Vec::new() };
        self.jobs.insert(id.clone(), job);
        self.touched.insert(id.clone());
        // Without a pool its tasks stay as they are, so that the model need not know when a node does what.
        let body = json!({ "id": id, "poolInfo": { "poolId": "none" } });
        let answer = client.send("POST", &format!("/jobs?{VERSION}"), body.to_string().as_bytes())?;
        assert_eq!(answer.status, 201, "{id}");
        self.jobs.get_mut(&id).unwrap().job.added = Asked::Acknowledged;
        self.acknowledged += 1;
        Ok(())
    }

    fn add_tasks(&mut self, client: &mut Client, id: &str) -> std::io::Result<()> {
        let job = self.jobs.get_mut(id).unwrap();
        if job.job.ended != Asked::No {
            return Ok(());
        }
        let first = job.tasks.len();
        let names: Vec<String> = (first..first + 4).map(|number| format!("task-{number:04}")).collect();
        for name in &names {
            job.tasks.insert(name.clone(), Known::new(Asked::Sent));
        }
        job.batches.push(names.clone());
        let tasks: Vec<Value> = names.iter().map(|id| json!({ "id": id, "commandLine": "true" })).collect();
        let target = format!("/jobs/{id}/addtaskcollection?{VERSION}");
        let answer = client.send("POST", &target, json!({ "value": tasks }).to_string().as_bytes())?;
        assert_eq!(answer.status, 200, "{id}");
        for name in &names {
            job.tasks.get_mut(name).unwrap().added = Asked::Acknowledged;
        }
        self.acknowledged += 1;
        Ok(())
    }

    fn change_task(&mut self, client: &mut Client, id: &str, deletes: bool) -> std::io::Result<()> {
        let tasks = &self.jobs[id].tasks;
        let there = tasks.iter().filter(|(_, task)| task.is_there() && task.ended == Asked::No);
        let Some(name) = there.map(|(name, _)| name.clone()).next_back() else { return Ok(()) };
        if self.jobs[id].job.ended != Asked::No {
            return Ok(());
        }
        let path = format!("/jobs/{id}/tasks/{name}");
        if deletes {
            let sent = |job: &mut KnownJob, asked| job.tasks.get_mut(&name).unwrap().deleted = asked;
            self.ask(client, id, "DELETE", &path, Asked::No, sent)
        } else {
            let sent = |job: &mut KnownJob, asked| job.tasks.get_mut(&name).unwrap().ended = asked;
            self.ask(client, id, "POST", &format!("{path}/terminate"), Asked::No, sent)
        }
    }

    /// Asks for something, unless it was asked for before.
    fn ask(
        &mut self,
        client: &mut Client,
        id: &str,
        method: &str,
        path: &str,
        known: Asked,
        sent: impl Fn(&mut KnownJob, Asked),
    ) -> std::io::Result<()> {
        if known != Asked::No {
            return Ok(());
        }
        sent(self.jobs.get_mut(id).unwrap(), Asked::Sent);
        let answer = client.send(method, &format!("{path}?{VERSION}"), b"")?;
        assert!([200, 202, 204].contains(&answer.status), "{method} {path}: {}", answer.status);
        sent(self.jobs.get_mut(id).unwrap(), Asked::Acknowledged);
        self.acknowledged += 1;
        Ok(())
    }

    /// Compares what is touched, or everything, with what is there now.
    fn compare(&mut self, states: &BTreeMap<String, String>, emulator: &Emulator, everything: bool) {
        let mine = format!("job-{}-", self.number);
        for id in states.keys().filter(|id| id.starts_with(&mine)) {
            assert!(self.jobs.contains_key(id), "{id} was never asked for");
        }
        let touched = std::mem::take(&mut self.touched);
        for (id, known) in &mut self.jobs {
            known.job.compare(id, states.get(id).map(String::as_str), &["terminating", "completed"]);
            if known.job.is_there() && (everything || touched.contains(id)) {
                known.compare_tasks(id, &tasks(emulator, id));
            }
        }
    }
}

impl KnownJob {
    fn compare_tasks(&mut self, id: &str, states: &BTreeMap<String, String>) {
        for name in states.keys() {
            assert!(self.tasks.contains_key(name), "{id}/{name} was never asked for");
        }
        for batch in &self.batches {
            let is_new = |name: &String| self.tasks[name].added == Asked::Sent;
            if batch.iter().all(is_new) {
                let there = batch.iter().filter(|name| states.contains_key(*name)).count();
                assert!(there == 0 || there == batch.len(), "{id}: {there} of {batch:?} were added");
            }
        }
        for (name, task) in &mut self.tasks {
            if self.job.ended == Asked::Acknowledged && task.ended == Asked::No {
                task.ended = Asked::Sent; // The end of the job is the end of its tasks, now or soon.
            }
            task.compare(&format!("{id}/{name}"), states.get(name).map(String::as_str), &["completed"]);
        }
    }
}

fn states(list: &[Value]) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list.iter().map(|item| (text(&item["id"]), text(&item["state"]))).collect()
}

/// All pages of a list.
fn list(client: &mut Client, path: &str) -> std::io::Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut target = format!("{path}?{VERSION}&$select=id,state");
    loop {
        let answer = client.send("GET", &target, b"")?;
        assert_eq!(answer.status, 200, "{target}");
        let page = value(&answer);
        all.extend(page["value"].as_array().unwrap().iter().cloned());
        let Some(next) = page["odata.nextLink"].as_str() else { return Ok(all) };
        target = next.splitn(4, '/').nth(3).map(|rest| format!("/{rest}")).unwrap();
    }
}

fn tasks(emulator: &Emulator, id: &str) -> BTreeMap<String, String> {
    states(&list(&mut emulator.client(), &format!("/jobs/{id}/tasks")).unwrap())
}

/// Looks at all jobs, again and again, and remembers which it was shown.
fn watch(address: SocketAddr) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let Ok(mut client) = Client::connect(address) else { return seen };
    while let Ok(jobs) = list(&mut client, "/jobs") {
        seen.extend(states(&jobs).into_keys());
    }
    seen
}

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() {
    let folder = folder("killed");
    let arguments = ["--data", folder.to_str().unwrap()];
    let mut workers: Vec<Worker> = (0..WORKERS).map(Worker::new).collect();
    let mut seen = BTreeSet::<String>::new();
    for round in 0..=ROUNDS {
        let emulator = Emulator::start(&arguments);
        let jobs = states(&list(&mut emulator.client(), "/jobs").unwrap());
        for id in &seen {
            let worker = workers.iter().find(|worker| worker.jobs.contains_key(id)).expect(id);
            let is_deleted = worker.jobs[id].job.deleted != Asked::No;
            assert!(is_deleted || jobs.contains_key(id), "{id} was shown, and is lost");
        }
        for worker in &mut workers {
            worker.compare(&jobs, &emulator, round == ROUNDS);
        }
        if round == ROUNDS {
            break;
        }
        let address = emulator.address;
        seen = thread::scope(|scope| {
            let watcher = scope.spawn(move || watch(address));
            for worker in &mut workers {
                scope.spawn(move || worker.work(address));
            }
            thread::sleep(Duration::from_millis(40 + round * 37 % 120));
            drop(emulator); // This kills it.
            watcher.join().unwrap()
        });
    }
    let acknowledged: u64 = workers.iter().map(|worker| worker.acknowledged).sum();
    assert!(acknowledged > 1_000, "{acknowledged}");
    fs::remove_dir_all(folder).unwrap();
}
