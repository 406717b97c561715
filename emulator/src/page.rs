//! The page at `/_azbatch/`, and what it looks at. It is made of the three files beside this one; a browser runs
//! them as they are.
//!
//! The page listens to `/_azbatch/events`, which says how much has happened, and then asks for what it shows under
//! `/_azbatch/view`. Nothing is done for a page that nobody has open.

mod stream;
mod view;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use azbatch::{JobId, TaskId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::host::Host;
use view::{JobQuery, JobsQuery, PoolsQuery};

const HTML: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// The page loads its own two files and talks to its own server, and no other page may show it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How many requests or effects are shown at most.
const MAX_ENTRIES: usize = 200;

/// The page itself. It says nothing of the account, so nobody needs a token for it.
pub fn file_routes() -> Router<Arc<Host>> {
    Router::new()
        .route("/_azbatch", get(|| async { Redirect::temporary("/_azbatch/") }))
        .route("/_azbatch/", get(|| async { file("text/html; charset=utf-8", HTML) }))
        .route("/_azbatch/page.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
        .route("/_azbatch/page.js", get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
}

/// What the page looks at, under `/_azbatch`.
pub fn view_routes(about: Value) -> Router<Arc<Host>> {
    Router::new()
        .route("/events", get(stream::changes))
        .route("/view/about", get(move || async { Json(about) }))
        .route("/view/jobs", get(jobs))
        .route("/view/jobs/{job}", get(job))
        .route("/view/jobs/{job}/tasks/{task}", get(task))
        .route("/view/pools", get(pools))
        .route("/view/requests", get(requests))
        .route("/view/effects", get(effects))
}

fn file(content_type: &'static str, content: &'static str) -> Response {
    let headers: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    (headers, content).into_response()
}

type Answer = Result<Json<Value>, (StatusCode, String)>;

async fn jobs(State(host): State<Arc<Host>>, Query(query): Query<JobsQuery>) -> Answer {
    Ok(Json(host.look(|world| view::jobs(world, &query))))
}

async fn job(
    State(host): State<Arc<Host>>,
    Path(job): Path<String>,
    Query(query): Query<JobQuery>,
) -> Answer {
    let id = JobId::new(&job).ok();
    let found = id.and_then(|id| host.look(|world| view::job(world, &id, &query)));
    found.map(Json).ok_or_else(|| (StatusCode::NOT_FOUND, format!("no job {job}\n")))
}

async fn task(State(host): State<Arc<Host>>, Path((job, task)): Path<(String, String)>) -> Answer {
    let ids = JobId::new(&job).ok().zip(TaskId::new(&task).ok());
    let found = ids.and_then(|(job, task)| host.look(|world| view::task(world, &job, &task)));
    found.map(Json).ok_or_else(|| (StatusCode::NOT_FOUND, format!("no task {task} in job {job}\n")))
}

async fn pools(State(host): State<Arc<Host>>, Query(query): Query<PoolsQuery>) -> Answer {
    Ok(Json(host.look(|world| view::pools(world, &query))))
}

/// Which requests are shown.
#[derive(Deserialize)]
struct RequestsQuery {
    /// A part of their targets.
    #[serde(default)]
    find: String,
    /// Only those that were refused.
    #[serde(default)]
    refused: bool,
}

async fn requests(State(host): State<Arc<Host>>, Query(query): Query<RequestsQuery>) -> Answer {
    let entries = host.journal.requests(MAX_ENTRIES, |entry| {
        (!query.refused || entry.status >= 400) && entry.target.contains(&query.find)
    });
    Ok(Json(json!({ "requests": entries.iter().map(view::request).collect::<Vec<_>>() })))
}

/// Which effects are shown.
#[derive(Deserialize)]
struct EffectsQuery {
    /// Only those about this job.
    #[serde(default)]
    job: String,
}

async fn effects(State(host): State<Arc<Host>>, Query(query): Query<EffectsQuery>) -> Answer {
    let job = JobId::new(&query.job).ok();
    let entries = host.journal.effects(MAX_ENTRIES, |entry| job.is_none() || entry.job == job);
    Ok(Json(json!({ "effects": entries.iter().map(view::effect).collect::<Vec<_>>() })))
}
