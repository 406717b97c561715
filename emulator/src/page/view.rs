//! What the page shows, as JSON. Whatever can be long comes in pages, and a page costs about the same however large
//! the account is.

use azbatch::{
    Job, JobId, Node, NodeId, Pool, PoolId, RunId, Task, TaskId, TimeSpan, Timestamp,
    job::{JobStateName, NotEnded, TerminateReason, Unit},
    task::{Completion, TaskFailure},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    drawing::{
        history::{ACTIVE_FOR_EVER, FAILED, stays_active, task_state},
        timeline::{Lane, Timeline},
    },
    journal::{EffectEntry, RequestEntry},
    world::World,
};

/// How many jobs, tasks or nodes a page has.
const PAGE: usize = 20;
/// How many nodes of a job a page has; each can have two lanes.
const NODES_OF_JOB: usize = 8;
/// How many jobs or tasks are looked at for one page, if only some of them are wanted.
const MAX_LOOKED_AT: usize = 20_000;
/// How many reasons are shown: a job can wait for each of its nodes.
const MAX_REASONS: usize = 50;
/// How many runs of a node are shown.
const MAX_RUNS: usize = 20;

/// A page of something: what is on it, and the id after which the next one begins.
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// Takes a page from everything that comes after the page before.
fn page<T>(all: impl Iterator<Item = T>, id: impl Fn(&T) -> &str, wanted: impl Fn(&T) -> bool) -> Page<T> {
    let (mut items, mut last) = (Vec::new(), None);
    for (looked_at, item) in all.enumerate() {
        if items.len() == PAGE || looked_at == MAX_LOOKED_AT {
            return Page { items, next: last };
        }
        last = Some(id(&item).to_owned());
        if wanted(&item) {
            items.push(item);
        }
    }
    Page { items, next: None }
}

/// Which jobs are shown.
#[derive(Deserialize)]
pub struct JobsQuery {
    /// Those after this one.
    after: Option<String>,
    /// Those whose ids contain this, in any case.
    #[serde(default)]
    find: String,
    /// Those in this state; `live` for all that are not completed.
    #[serde(default)]
    state: String,
}

pub fn jobs(world: &World, query: &JobsQuery) -> Value {
    let after = query.after.as_deref().and_then(|id| JobId::new(id).ok());
    let find = query.find.to_ascii_lowercase();
    let wanted = |job: &&Job| {
        let state = job.state().name();
        let has_state = match query.state.as_str() {
            "" => true,
            "live" => state != JobStateName::Completed,
            name => state.as_str() == name,
        };
        has_state && job.id().as_str().to_ascii_lowercase().contains(&find)
    };
    let all = world.account().jobs_after(after.as_ref());
    let page = page(all, |job| job.id().as_str(), wanted);
    let jobs: Vec<Value> = page.items.iter().map(|job| job_summary(job)).collect();
    json!({ "jobs": jobs, "next": page.next })
}

fn job_summary(job: &Job) -> Value {
    let counts = job.task_counts();
    json!({
        "id": job.id().as_str(),
        "state": job.state().name().as_str(),
        "since": job.stamps().entered().to_string(),
        "reason": job.state().terminate_reason().map(TerminateReason::as_str),
        "pool": job.pool().map(PoolId::as_str),
        "active": counts.active,
        "running": counts.running,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "forEver": stays_active(job),
    })
}

/// Which part of a job is shown.
#[derive(Deserialize)]
pub struct JobQuery {
    /// Tasks after this one.
    after: Option<String>,
    /// Tasks in this state.
    #[serde(default)]
    state: String,
    /// Nodes after this one.
    #[serde(rename = "nodesAfter")]
    nodes_after: Option<String>,
    /// How many seconds of the timeline are drawn, from its end; all of it without.
    last: Option<u64>,
    /// How wide the timeline is.
    width: Option<u64>,
}

pub fn job(world: &World, id: &JobId, query: &JobQuery) -> Option<Value> {
    let job = world.account().job(id)?;
    let after = query.after.as_deref().and_then(|id| TaskId::new(id).ok());
    let wanted = |task: &&Task| match query.state.as_str() {
        "" => true,
        "failed" => task_state(task) == FAILED,
        name => task.state().name().as_str() == name,
    };
    let tasks = page(job.tasks_after(after.as_ref()), |task| task.id().as_str(), wanted);
    let nodes_after = query.nodes_after.as_deref().and_then(|id| NodeId::new(id).ok());
    let mut nodes: Vec<_> = job.nodes_after(nodes_after.as_ref()).take(NODES_OF_JOB + 1).collect();
    let more_nodes = nodes.len() > NODES_OF_JOB;
    nodes.truncate(NODES_OF_JOB);

    let history = world.history();
    let mut lanes = vec![history.of_job(job)];
    lanes.extend(tasks.items.iter().map(|task| history.of_task(job, task)));
    lanes.extend(nodes.iter().flat_map(|(id, node)| history.of_node(job, id, node)));
    let last_node = nodes.last().map(|(id, _)| id.as_str());
    Some(json!({
        "job": job_details(job),
        "reasons": reasons_of_job(world, job),
        "tasks": tasks.items.iter().map(|task| task_summary(job, task)).collect::<Vec<_>>(),
        "tasksNext": tasks.next,
        "nodesNext": last_node.filter(|_| more_nodes),
        "timeline": timeline(job, &lanes, world.now(), query),
    }))
}

fn job_details(job: &Job) -> Value {
    let mut value = job_summary(job);
    let ending = job.state().ending();
    value["created"] = json!(job.creation_time().to_string());
    value["ended"] = json!(job.state().end_time().map(|at| at.to_string()));
    value["forcedAt"] = json!(ending.and_then(|ending| ending.force_deadline).map(|at| at.to_string()));
    value["priority"] = json!(job.settings().priority);
    value
}

/// The time from the job's creation until now, or a little after its end.
fn timeline(job: &Job, lanes: &[Lane], now: Timestamp, query: &JobQuery) -> String {
    let created = job.creation_time();
    let end = if job.state().name() == JobStateName::Completed {
        let changes = lanes.iter().filter_map(|lane| lane.states.last().map(|(at, _)| *at));
        let last = changes.max().unwrap_or(created);
        let rest = TimeSpan::from_ticks(last.since(created).ticks() / 8).unwrap_or(TimeSpan::ZERO);
        last.saturating_add(rest.max(TimeSpan::from_ticks(1_000_000).unwrap_or(TimeSpan::ZERO)))
    } else {
        now
    };
    let earliest = query.last.and_then(|seconds| {
        Timestamp::from_ticks(end.ticks().saturating_sub(seconds.saturating_mul(10_000_000)))
    });
    let start = created.max(earliest.unwrap_or(created));
    Timeline { lanes, start, end, width: query.width.unwrap_or(crate::drawing::timeline::WIDTH) }.draw()
}

fn task_summary(job: &Job, task: &Task) -> Value {
    let state = match task_state(task) {
        "active" if stays_active(job) => ACTIVE_FOR_EVER,
        state => state,
    };
    let completion = task.state().completion();
    json!({
        "id": task.id().as_str(),
        "state": state,
        "since": task.stamps().entered().to_string(),
        "node": task.placement().map(|placement| placement.node.as_str()),
        "exitCode": completion.and_then(Completion::exit_code),
        "failure": completion.and_then(Completion::failure).map(TaskFailure::message),
        "retries": task.retry_count(),
        "stop": task.stop().map(|stop| azbatch::job::StopCause::Task(stop).to_string()),
    })
}

pub fn task(world: &World, job: &JobId, id: &TaskId) -> Option<Value> {
    let found = world.account().job(job)?;
    let task = found.task(id)?;
    let mut value = task_summary(found, task);
    value["commandLine"] = json!(task.command_line());
    value["created"] = json!(task.stamps().created().to_string());
    value["reasons"] = reasons_of_task(world, job, id);
    Some(value)
}

/// Which pools and nodes are shown.
#[derive(Deserialize)]
pub struct PoolsQuery {
    /// Pools after this one.
    after: Option<String>,
    /// The nodes of this pool only.
    pool: Option<String>,
    /// Nodes after this one, of that pool.
    #[serde(rename = "nodesAfter")]
    nodes_after: Option<String>,
}

/// A page of pools, and a page of the nodes of one of them: the first, unless another is named that exists.
pub fn pools(world: &World, query: &PoolsQuery) -> Value {
    let after = query.after.as_deref().and_then(|id| PoolId::new(id).ok());
    let pools = page(world.account().pools_after(after.as_ref()), |pool| pool.id().as_str(), |_| true);
    let named = query.pool.as_deref().and_then(|id| PoolId::new(id).ok());
    let named = named.filter(|id| world.account().pool(id).is_some());
    let chosen = named.or_else(|| pools.items.first().map(|pool| pool.id().clone()));
    let after = query.nodes_after.as_deref().and_then(|id| NodeId::new(id).ok());
    let nodes = chosen.as_ref().map(|pool| {
        page(world.account().nodes_of_after(pool, after.as_ref()), |node| node.id().as_str(), |_| true)
    });
    let nodes = nodes.unwrap_or(Page { items: Vec::new(), next: None });
    json!({
        "pools": pools.items.iter().map(|pool| pool_summary(world, pool)).collect::<Vec<_>>(),
        "poolsNext": pools.next,
        "pool": chosen.as_ref().map(PoolId::as_str),
        "nodes": nodes.items.iter().map(|node| node_summary(world, node)).collect::<Vec<_>>(),
        "nodesNext": nodes.next,
    })
}

fn pool_summary(world: &World, pool: &Pool) -> Value {
    let (have, target) = (world.account().node_counts(pool.id()), pool.target());
    json!({
        "id": pool.id().as_str(),
        "state": pool.state().as_str(),
        "allocation": pool.allocation_state().as_str(),
        "nodes": have.total(),
        "target": target.total(),
        "slots": pool.specification().task_slots_per_node,
    })
}

fn node_summary(world: &World, node: &Node) -> Value {
    let runs = world.runs_on(node.id());
    let is_here =
        |job: &JobId, task: &TaskId| runs.iter().any(|run| run.job == *job && run.task() == Some(task));
    let waiting = node.tasks().filter(|(job, task)| !is_here(job, task));
    let waiting: Vec<Value> = waiting
        .take(MAX_RUNS)
        .map(|(job, task)| json!({ "job": job.as_str(), "what": format!("task {task}") }))
        .collect();
    let undelivered = world.undelivered(node.id());
    json!({
        "id": node.id().as_str(),
        "state": node.state_name().as_str(),
        "since": node.stamps().entered().to_string(),
        "slots": node.slots(),
        "taken": node.taken_slots(),
        "dedicated": node.is_dedicated(),
        "scheduling": node.scheduling().as_str(),
        "runs": runs.iter().take(MAX_RUNS).map(run).collect::<Vec<_>>(),
        "waiting": waiting,
        "reports": undelivered.map(|(reports, _)| reports),
        "instructions": undelivered.map(|(_, instructions)| instructions),
    })
}

fn run(run: &RunId) -> Value {
    let what = match &run.unit {
        Unit::Preparation => String::from("preparation"),
        Unit::Task(task) => format!("task {task}"),
        Unit::Release => String::from("release"),
    };
    json!({ "job": run.job.as_str(), "what": what })
}

/// A request with what its refusal says.
pub fn request(entry: &RequestEntry) -> Value {
    let refusal: Value =
        entry.refusal.as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    let message = refusal["message"]["value"].as_str().and_then(|text| text.lines().next());
    json!({
        "number": entry.number,
        "at": entry.at.to_string(),
        "method": entry.method,
        "target": entry.target,
        "client": entry.client_request_id,
        "status": entry.status,
        "code": refusal["code"],
        "message": message.unwrap_or(entry.reason),
        "details": details(&refusal),
    })
}

/// The names and values that some refusals have.
fn details(refusal: &Value) -> Vec<String> {
    let values = refusal["values"].as_array().map(Vec::as_slice).unwrap_or_default();
    let line = |value: &Value| Some(format!("{}: {}", value["key"].as_str()?, value["value"].as_str()?));
    values.iter().filter_map(line).collect()
}

pub fn effect(entry: &EffectEntry) -> Value {
    json!({
        "number": entry.number,
        "at": entry.at.to_string(),
        "job": entry.job.as_ref().map(JobId::as_str),
        "instruction": entry.is_instruction,
        "text": entry.text,
    })
}

/// Why a job has not ended. A forced end is told apart from the other ends of a wait.
fn reasons_of_job(world: &World, job: &Job) -> Value {
    let forced = job.state().ending().and_then(|ending| ending.force_deadline);
    let reasons = world.account().why_not_ended(job.id(), world.now()).unwrap_or_default();
    shown_reasons(&reasons, |reason| {
        let until = reason.until();
        let is_time_limit =
            matches!(reason, NotEnded::ForceTimeout { .. } | NotEnded::MaxWallClockTime { .. });
        let end = if is_time_limit {
            "and ends"
        } else if until == forced {
            "forced end"
        } else {
            "at the latest"
        };
        json!({ "text": reason.to_string(), "end": end, "until": until.map(|at| at.to_string()) })
    })
}

fn reasons_of_task(world: &World, job: &JobId, task: &TaskId) -> Value {
    let reasons = world.account().why_not_running(job, task, world.now()).unwrap_or_default();
    shown_reasons(&reasons, |reason| json!({ "text": reason.to_string() }))
}

/// The first reasons, and how many more there are.
fn shown_reasons<T>(reasons: &[T], show: impl Fn(&T) -> Value) -> Value {
    let mut shown: Vec<Value> = reasons.iter().take(MAX_REASONS).map(show).collect();
    let more = reasons.len().saturating_sub(MAX_REASONS);
    shown.extend((more > 0).then(|| json!({ "text": format!("and {more} more") })));
    json!(shown)
}
