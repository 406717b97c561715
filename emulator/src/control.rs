//! The control interface: the emulator's own requests, under `/_azbatch`.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use azbatch::{NodeId, TimeSpan, node::NodeEvent};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{faults::Fault, host::Host, world::World};

type Answer = Result<Json<Value>, (StatusCode, String)>;

pub fn routes() -> Router<Arc<Host>> {
    Router::new()
        .route("/clock", get(show_clock).post(advance_clock))
        .route("/snapshot", post(save))
        .route("/nodes/{node}/{event}", post(report_event))
        .route("/faults", get(list_faults).post(add_fault).delete(clear_faults))
}

/// `{"advance":"PT30S"}` or `{"seconds":30}`.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Advance {
    Advance(TimeSpan),
    Seconds(u64),
}

async fn show_clock(State(host): State<Arc<Host>>) -> Answer {
    Ok(Json(json!({ "now": host.with(|world| world.now()).to_string() })))
}

async fn advance_clock(State(host): State<Arc<Host>>, Json(advance): Json<Advance>) -> Answer {
    let span = match advance {
        Advance::Advance(span) => span,
        Advance::Seconds(seconds) => TimeSpan::from_secs(seconds),
    };
    host.with(|world| world.advance(span));
    show_clock(State(host)).await
}

async fn save(State(host): State<Arc<Host>>) -> Answer {
    match host.save().await {
        Ok(true) => Ok(Json(json!({ "saved": host.snapshot_file }))),
        Ok(false) => Err((StatusCode::CONFLICT, "start the emulator with --snapshot FILE\n".into())),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))),
    }
}

async fn report_event(State(host): State<Arc<Host>>, Path((node, event)): Path<(String, String)>) -> Answer {
    let event = match event.as_str() {
        "lost" => NodeEvent::Lost,
        "returned" => NodeEvent::Returned,
        "preempted" => NodeEvent::Preempted,
        "rebooted" => NodeEvent::Rebooted,
        "removed" => NodeEvent::Removed,
        _ => return Err((StatusCode::NOT_FOUND, "lost, returned, preempted, rebooted or removed\n".into())),
    };
    let unknown = || (StatusCode::NOT_FOUND, format!("no node {node}\n"));
    let id = NodeId::new(&node).map_err(|_| unknown())?;
    let report = |world: &mut World| world.node_event(&id, event).then(|| world.node_state(&id));
    let state = host.with(report).ok_or_else(unknown)?;
    Ok(Json(json!({ "node": node, "state": state })))
}

async fn list_faults(State(host): State<Arc<Host>>) -> Answer {
    Ok(Json(json!(host.faults().list())))
}

async fn add_fault(State(host): State<Arc<Host>>, Json(fault): Json<Fault>) -> Answer {
    if fault.is_idle() {
        return Err((StatusCode::BAD_REQUEST, "a fault has a code or a delay, and a count\n".into()));
    }
    host.faults().add(fault);
    list_faults(State(host)).await
}

async fn clear_faults(State(host): State<Arc<Host>>) -> Answer {
    host.faults().clear();
    list_faults(State(host)).await
}
