//! An account with a clock and a client: requests go in as bytes, and each answer is checked. A refusal has
//! changed nothing (I4), facts replayed over the state before give the state after (I5), and the account passes
//! its own check.

use std::{
    fmt::{Debug, Display},
    str::FromStr,
};

use azbatch::{
    Account, Effect, Fact, Instruction, RunId, TimeSpan, Timestamp,
    job::{Ended, StopCause, Unit},
    node::{NodeAction, NodeEvent, NodeFact},
    rest::{self, Guid, Request, Response},
    task::TaskFact,
    testing::laws,
};
use serde_json::{Value, json};

pub(crate) use azbatch::testing::laws::announced;

pub(crate) const URL: &str = "https://contoso.westus.batch.azure.com";
pub(crate) const NEWEST: &str = "2025-06-01";
/// A query that names the last api-version before tasks had slots.
pub(crate) const BEFORE_SLOTS: &str = "api-version=2020-03-01.11.0";

/// Names and values.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

pub(crate) fn id<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn secs(seconds: u64) -> TimeSpan {
    TimeSpan::from_secs(seconds)
}

/// The properties of one object, overridden by those of another.
pub(crate) fn with(mut base: Value, more: Value) -> Value {
    let (Value::Object(members), Value::Object(more)) = (&mut base, more) else { panic!("objects") };
    members.extend(more);
    base
}

/// A job that is to be added.
pub(crate) fn job_body(id: &str) -> Value {
    json!({ "id": id, "poolInfo": { "poolId": "pool" } })
}

/// A task that is to be added.
pub(crate) fn task_body(id: &str) -> Value {
    json!({ "id": id, "commandLine": "run" })
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) account: Account,
    pub(crate) now: Timestamp,
    sent: u128,
    nodes: u32,
    /// How many auto pools there were.
    pools: u32,
}

/// A request that is put together piece by piece.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// When it arrived, if that was before it is answered.
    pub(crate) received: Option<Timestamp>,
    /// The next number if it is not given.
    pub(crate) request_id: Option<Guid>,
}

fn header(name: &str, value: impl Into<Vec<u8>>) -> (String, Vec<u8>) {
    (name.to_string(), value.into())
}

impl Sent {
    /// A target without an api-version gets the newest, and a body is declared as JSON.
    pub(crate) fn new(line: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut sent = Self::bare(line, body);
        if !sent.target.contains("api-version") {
            let joint = if sent.target.contains('?') { '&' } else { '?' };
            sent.target = format!("{}{joint}api-version={NEWEST}", sent.target);
        }
        if sent.body.is_empty() {
            sent
        } else {
            sent.header("Content-Type", "application/json; odata=minimalmetadata")
        }
    }

    /// Without an api-version or a content type of its own.
    pub(crate) fn bare(line: &str, body: impl Into<Vec<u8>>) -> Self {
        let (method, target) = line.split_once(' ').unwrap();
        Self {
            method: method.to_string(),
            target: target.to_string(),
            headers: Vec::new(),
            body: body.into(),
            received: None,
            request_id: None,
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new(&format!("GET {path}"), "")
    }

    pub(crate) fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new(&format!("POST {path}"), body)
    }

    /// More query parameters, such as `&timeout=30`.
    pub(crate) fn query(mut self, more: &str) -> Self {
        self.target += more;
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push(header(name, value));
        self
    }

    /// Passes it on in the form in which the crate takes it.
    pub(crate) fn request<T>(
        &self,
        now: Timestamp,
        request_id: Guid,
        then: impl FnOnce(&Request<'_>) -> T,
    ) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        then(&Request {
            method: &self.method,
            target: &self.target,
            headers: &headers,
            body: &self.body,
            received: self.received.unwrap_or(now),
            request_id,
        })
    }
}

pub(crate) struct Reply {
    pub(crate) response: Response,
    pub(crate) effects: Vec<Effect>,
}

impl World {
    pub(crate) fn new() -> Self {
        let now = Timestamp::parse_iso8601("2026-02-10T08:00:00.1234567Z").unwrap();
        Self { account: Account::new(URL), now, sent: 0, nodes: 0, pools: 0 }
    }

    pub(crate) fn later(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now.saturating_add(secs(seconds));
        self
    }

    /// Sends a request, a second after what was before. A target without an api-version gets the newest.
    pub(crate) fn send(&mut self, line: &str, body: impl Display) -> Reply {
        self.send_with(line, body, &[])
    }

    pub(crate) fn get(&mut self, target: &str) -> Reply {
        let reply = self.send(&format!("GET {target}"), "");
        assert_eq!(reply.effects, [], "{target}: a read has no effects");
        reply
    }

    /// What a successful read shows.
    pub(crate) fn shown(&mut self, target: &str) -> Value {
        let reply = self.get(target);
        assert_eq!(reply.response.status, 200, "{target}: {}", reply.text());
        reply.json()
    }

    /// One property of what a successful read shows, by a JSON pointer.
    pub(crate) fn value(&mut self, target: &str, pointer: &str) -> Value {
        self.shown(target).pointer(pointer).cloned().unwrap_or_default()
    }

    pub(crate) fn state(&mut self, target: &str) -> String {
        self.value(target, "/state").as_str().unwrap().to_string()
    }

    pub(crate) fn send_with(&mut self, line: &str, body: impl Display, headers: Headers<'_>) -> Reply {
        let mut sent = Sent::new(line, body.to_string());
        sent.headers.splice(0..0, headers.iter().map(|(name, value)| header(name, *value)));
        self.later(1);
        self.exchange(&sent)
    }

    /// Sends a request as it stands, and checks what must hold of every answer. The clock does not move.
    pub(crate) fn exchange(&mut self, sent: &Sent) -> Reply {
        self.sent += 1;
        let request_id = sent.request_id.unwrap_or(Guid::from_u128(self.sent));
        let before = self.account.clone();
        let now = self.now;
        let answer = sent.request(now, request_id, |request| rest::answer(&mut self.account, request, now));
        let reply = Reply { response: answer.response, effects: answer.effects };
        laws::check(&before, &reply.effects, &self.account).unwrap();
        if reply.response.status >= 400 {
            assert_eq!(
                self.account, before,
                "{} {}: a refusal changes nothing (I4)",
                sent.method, sent.target
            );
            assert_eq!(reply.effects, [], "{} {}: a refusal has no effects (I4)", sent.method, sent.target);
        }
        assert_eq!(reply.header("request-id"), Some(request_id.as_str()));
        assert_eq!(reply.header("DataServiceVersion"), Some("3.0"));
        reply
    }

    /// The answer to a request that is refused.
    pub(crate) fn refusal(&self, sent: &Sent) -> Reply {
        let reply = self.clone().exchange(sent);
        assert!(reply.response.status >= 400, "{}", reply.text());
        reply
    }

    /// Anything that is no request, a second after what was before.
    pub(crate) fn call(&mut self, call: impl FnOnce(&mut Account, Timestamp) -> Vec<Effect>) -> Vec<Effect> {
        self.later(1).call_now(call)
    }

    /// Anything that is no request. The clock does not move.
    pub(crate) fn call_now(
        &mut self,
        call: impl FnOnce(&mut Account, Timestamp) -> Vec<Effect>,
    ) -> Vec<Effect> {
        let before = self.account.clone();
        let effects = call(&mut self.account, self.now);
        laws::check(&before, &effects, &self.account).unwrap();
        effects
    }

    pub(crate) fn tick(&mut self) -> Vec<Effect> {
        self.call(Account::tick)
    }

    pub(crate) fn schedule(&mut self) -> Vec<Effect> {
        self.call(Account::schedule)
    }

    pub(crate) fn node(&mut self, node: &str, event: NodeEvent) -> Vec<Effect> {
        self.call(|account, now| account.node_event(&id(node), event, now))
    }

    pub(crate) fn add_node(&mut self, pool: &str, node: &str) -> Vec<Effect> {
        self.add_node_with_slots(pool, node, 1)
    }

    /// The slots count only for a pool that the account does not have.
    pub(crate) fn add_node_with_slots(&mut self, pool: &str, node: &str, slots: u32) -> Vec<Effect> {
        let (pool, node) = (id(pool), id(node));
        self.call(|account, now| {
            let added = match account.pool(&pool) {
                Some(_) => account.add_node(&pool, &node, now),
                None => account.add_unmanaged_node(&pool, &node, slots, now),
            };
            added.unwrap()
        })
    }

    pub(crate) fn assign(&mut self, job: &str, task: &str, node: &str) -> Vec<Effect> {
        self.call(|account, now| account.assign(&id(job), &id(task), &id(node), now).unwrap())
    }

    /// What a node has of a unit now; a run that never exists if it has none.
    pub(crate) fn run_of(&self, job: &str, unit: Unit, node: &str) -> RunId {
        let (job, node) = (id(job), id(node));
        let current = self.account.current_run(&job, &node, &unit);
        current.unwrap_or(RunId { job, node, unit, number: 0 })
    }

    /// A node reports something about what it has now: the start, or the end with an exit code.
    pub(crate) fn say(&mut self, job: &str, unit: Unit, node: &str, what: Option<i32>) -> Vec<Effect> {
        let run = self.run_of(job, unit, node);
        self.report(&run, what)
    }

    /// A node reports the start of a run, or its end with an exit code.
    pub(crate) fn report(&mut self, run: &RunId, what: Option<i32>) -> Vec<Effect> {
        let report = what.map_or_else(|| run.started(), |code| run.ended(Ended::with_exit_code(code)));
        self.call(|account, now| account.report(&report, now))
    }

    pub(crate) fn starts(&mut self, job: &str, task: &str, node: &str) -> Vec<Effect> {
        self.say(job, Unit::Task(id(task)), node, None)
    }

    pub(crate) fn ends(&mut self, job: &str, task: &str, node: &str, exit_code: i32) -> Vec<Effect> {
        self.say(job, Unit::Task(id(task)), node, Some(exit_code))
    }

    /// Assigns a task to a node, which starts it.
    pub(crate) fn run(&mut self, job: &str, task: &str, node: &str) {
        self.assign(job, task, node);
        self.starts(job, task, node);
    }

    /// Runs a task on a node from its assignment to its end.
    pub(crate) fn ran(&mut self, job: &str, task: &str, node: &str, exit_code: i32) {
        self.run(job, task, node);
        self.ends(job, task, node, exit_code);
    }

    /// Adds a job with these properties besides the id and the pool `pool`.
    pub(crate) fn add_job(&mut self, id: &str, properties: Value) -> &mut Self {
        let reply = self.send("POST /jobs", with(job_body(id), properties));
        assert_eq!(reply.told(), "201", "{}", reply.text());
        self
    }

    /// Adds a task to a job with these properties besides the id and the command line.
    pub(crate) fn add_task(&mut self, job: &str, id: &str, properties: Value) -> &mut Self {
        let reply = self.send(&format!("POST /jobs/{job}/tasks"), with(task_body(id), properties));
        assert_eq!(reply.told(), "201", "{}", reply.text());
        self
    }

    pub(crate) fn add_tasks(&mut self, job: &str, ids: &[&str]) -> &mut Self {
        for id in ids {
            self.add_task(job, id, json!({}));
        }
        self
    }

    pub(crate) fn with_jobs(ids: &[&str]) -> Self {
        let mut world = Self::new();
        for id in ids {
            world.add_job(id, json!({}));
        }
        world
    }

    /// A job `job` with these tasks, on a pool `pool` with the nodes `n1` and `n2` of one slot each.
    pub(crate) fn with_tasks(ids: &[&str]) -> Self {
        let mut world = Self::with_jobs(&["job"]);
        for node in ["n1", "n2"] {
            world.add_node("pool", node);
        }
        world.add_tasks("job", ids);
        world
    }

    /// An account with a pool `pool`, whose nodes are `tvm-1`, `tvm-2` and so on.
    pub(crate) fn with_pool(nodes: u32, slots: u32, fill: &str) -> Self {
        let mut world = Self::new();
        let added = world.send(
            "POST /pools",
            json!({
                "id": "pool", "vmSize": "standard_d2_v3", "targetDedicatedNodes": nodes, "taskSlotsPerNode": slots,
                "taskSchedulingPolicy": { "nodeFillType": fill },
            }),
        );
        assert_eq!(added.told(), "201");
        world.obey(added.effects);
        assert_eq!(world.value("/pools/pool", "/allocationState"), "steady");
        world
    }

    pub(crate) fn complete(&mut self, job: &str) {
        assert_eq!(self.send(&format!("POST /jobs/{job}/terminate"), "").told(), "202");
        self.tick();
        assert_eq!(self.state(&format!("/jobs/{job}")), "completed");
    }

    pub(crate) fn etag(&mut self, target: &str) -> String {
        self.value(target, "/eTag").as_str().unwrap().into()
    }

    /// Schedules, and returns which tasks were assigned to which nodes. The instructions are not carried out.
    pub(crate) fn placed(&mut self) -> Vec<String> {
        let effects = self.schedule();
        let assigned = Effect::facts(&effects).filter(|fact| fact.task().is_some());
        assigned.map(|fact| format!("{} {}", fact.task().unwrap(), fact.node().unwrap())).collect()
    }

    /// Carries out instructions as a host with fast nodes does, and those that follow, at ticks too, until
    /// nothing is due. Tasks run until they are told to stop.
    pub(crate) fn obey(&mut self, mut effects: Vec<Effect>) {
        for _ in 0..1000 {
            let now = self.now;
            if effects.is_empty() && self.account.deadline().is_none_or(|deadline| deadline > now) {
                return;
            }
            let mut next = Vec::new();
            for effect in effects {
                next.extend(self.obey_one(&effect));
            }
            next.extend(self.tick());
            effects = next;
        }
        panic!("the account does not settle");
    }

    /// Carries out an instruction. Facts are ignored.
    pub(crate) fn obey_one(&mut self, effect: &Effect) -> Vec<Effect> {
        match effect {
            Effect::Fact(_) => Vec::new(),
            Effect::Instruction(Instruction::Run(run)) => {
                let mut next = self.report(run, None);
                if run.task().is_none() {
                    next.extend(self.report(run, Some(0)));
                }
                next
            }
            Effect::Instruction(Instruction::Stop { run, .. }) => match run.unit {
                Unit::Preparation => self.report(run, Some(1)),
                Unit::Task(_) => self.report(run, Some(143)),
                Unit::Release => Vec::new(),
            },
            Effect::Instruction(Instruction::AddPool { job }) => {
                self.pools += 1;
                let name = format!("{:08X}", self.pools);
                let wanted = self.account.job(job).and_then(azbatch::Job::wanted_pool).cloned();
                let Some(pool) = wanted.map(|wanted| wanted.pool_id(&name).unwrap()) else {
                    return Vec::new();
                };
                self.call(|account, now| account.add_auto_pool(job, &pool, now).unwrap())
            }
            Effect::Instruction(Instruction::AddNodes { pool, nodes }) => {
                let mut next = Vec::new();
                for _ in 0..nodes.dedicated + nodes.low_priority {
                    self.nodes += 1;
                    next.extend(self.add_node(pool.as_str(), &format!("tvm-{}", self.nodes)));
                }
                next
            }
            Effect::Instruction(Instruction::Act { node, action }) => {
                self.node(node.as_str(), event_of(*action))
            }
        }
    }
}

/// What a node reports when it has carried out an action.
pub(crate) fn event_of(action: NodeAction) -> NodeEvent {
    match action {
        NodeAction::Reboot => NodeEvent::Rebooted,
        NodeAction::Reimage => NodeEvent::Reimaged,
        NodeAction::Deallocate => NodeEvent::Deallocated,
        NodeAction::Start => NodeEvent::Started,
        NodeAction::Remove => NodeEvent::Removed,
    }
}

/// A response's status, and of a refusal the code.
pub(crate) fn told(response: &Response) -> String {
    let json: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let code = json["code"].as_str().filter(|_| response.status >= 400).map(|code| format!(" {code}"));
    format!("{}{}", response.status, code.unwrap_or_default())
}

pub(crate) fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

impl Reply {
    pub(crate) fn told(&self) -> String {
        told(&self.response)
    }

    pub(crate) fn text(&self) -> &str {
        text(&self.response)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.text()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.header(name)
    }

    /// The `values` of a refusal.
    pub(crate) fn values(&self) -> Vec<(String, String)> {
        let body = self.json();
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_string();
        let values = body["values"].as_array().into_iter().flatten();
        values.map(|value| (text(value, "key"), text(value, "value"))).collect()
    }

    /// What `values` of a refusal says under a key.
    pub(crate) fn said(&self, key: &str) -> String {
        let found = self.values().into_iter().filter(|(name, _)| name == key).map(|(_, value)| value);
        found.collect::<Vec<_>>().join("\n")
    }

    /// The ids in a list answer.
    pub(crate) fn ids(&self) -> Vec<String> {
        let body = self.json();
        let items = body["value"].as_array().unwrap_or_else(|| panic!("{}", self.text()));
        let id = |item: &Value| {
            item["id"].as_str().or(item["nodeId"].as_str()).or(item["taskId"].as_str()).unwrap().to_string()
        };
        items.iter().map(id).collect()
    }

    /// The target of the next page.
    pub(crate) fn next(&self) -> Option<String> {
        let link = self.json()["odata.nextLink"].as_str().map(ToString::to_string)?;
        Some(link.strip_prefix(URL).unwrap().to_string())
    }

    pub(crate) fn brief(&self) -> Vec<String> {
        brief(&self.effects)
    }
}

/// The names of effects, with what they are about. Five facts are left out, because the instruction
/// that follows each of them says the same: `TaskStopping`, `PreparationIssued`, `PreparationStopping`,
/// `ReleaseIssued` and `NodeActionIssued`.
pub(crate) fn brief(effects: &[Effect]) -> Vec<String> {
    effects.iter().filter(|effect| announced(effect).is_none()).map(one_brief).collect()
}

fn one_brief(effect: &Effect) -> String {
    let task = match effect {
        Effect::Fact(Fact::Task(_, _, TaskFact::Added { .. })) => None,
        Effect::Fact(_) | Effect::Instruction(_) => effect.task(),
    };
    let cause = match effect {
        Effect::Instruction(Instruction::Stop { run, cause }) if run.task().is_some() => Some(match cause {
            StopCause::Task(stop) => format!("{stop:?}"),
            StopCause::JobEnding | StopCause::ReleaseTimeout => format!("{cause:?}"),
        }),
        Effect::Fact(_) | Effect::Instruction(_) => None,
    };
    let action = match effect {
        Effect::Fact(Fact::Node(_, NodeFact::ActionRequested { action, .. })) => Some(format!("{action:?}")),
        Effect::Fact(_) | Effect::Instruction(_) => None,
    };
    let mut text = effect.name().to_string();
    let about = [task.map(ToString::to_string), effect.node().map(ToString::to_string), cause, action];
    for part in about.into_iter().flatten() {
        text.push(' ');
        text.push_str(&part);
    }
    text
}
