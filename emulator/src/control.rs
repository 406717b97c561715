//! The control interface: the emulator's own requests, under `/_azbatch`. Everything that changes something is
//! here; what the page looks at is in `page/`.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{Method, StatusCode},
    response::Response,
    routing::{delete, get, post},
};
use azbatch::{NodeId, TimeSpan};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    episode::{Action, Episode},
    faults::Fault,
    host::Host,
    nodes::{REPORTED_EVENTS, reported_event},
    options::is_speed,
    response,
    world::World,
};

type Answer = Result<Json<Value>, (StatusCode, String)>;

pub fn routes() -> Router<Arc<Host>> {
    Router::new()
        .route("/clock", get(show_clock).post(change_clock))
        .route("/snapshot", post(save))
        .route("/nodes/{node}/{event}", post(report_event))
        .route("/episode", get(show_episode).post(begin_episode))
        .route("/episode/steps", post(play_steps))
        .route("/faults", get(list_faults).post(add_fault).delete(clear_faults))
        .route("/jobs/{job}", delete(end_job))
        .route("/jobs/{job}/terminate", post(end_job))
        .route("/jobs/{job}/tasks/{task}", delete(end_task))
        .route("/jobs/{job}/tasks/{task}/terminate", post(end_task))
}

/// `{"advance":"PT30S"}`, `{"seconds":30}`, `{"to":"next"}` or `{"speed":10}`.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClockChange {
    Advance(TimeSpan),
    Seconds(u64),
    To(Target),
    Speed(f64),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Target {
    /// The instant at which the next event is due.
    Next,
}

async fn show_clock(State(host): State<Arc<Host>>) -> Answer {
    Ok(Json(host.look(clock)))
}

/// The time, how fast it goes, and when the next event is due.
pub fn clock(world: &World) -> Value {
    let next = world.next_due().map(|due| due.to_string());
    json!({ "now": world.now().to_string(), "speed": world.speed(), "next": next })
}

async fn change_clock(State(host): State<Arc<Host>>, Json(change): Json<ClockChange>) -> Answer {
    match change {
        ClockChange::Advance(span) => host.with(|world| world.advance(span)),
        ClockChange::Seconds(seconds) => host.with(|world| world.advance(TimeSpan::from_secs(seconds))),
        ClockChange::To(Target::Next) => host.with(World::advance_to_next),
        ClockChange::Speed(speed) => {
            if speed != 0.0 && !is_speed(speed) {
                let why = "a speed is 0, or a number from 0.001 to 100000\n";
                return Err((StatusCode::BAD_REQUEST, why.into()));
            }
            host.with(|world| world.set_speed(speed));
        }
    }
    host.wake.notify_one(); // The next event is due at another time of the wall clock.
    host.journal.add_control();
    show_clock(State(host)).await
}

/// Whether episodes can be played.
async fn show_episode(State(host): State<Arc<Host>>) -> Answer {
    Ok(Json(json!({ "plays": host.look(World::plays) })))
}

/// Begins an episode, and makes its first steps, without requests: these come as such.
async fn begin_episode(State(host): State<Arc<Host>>, body: String) -> Answer {
    play(&host, &body, true)
}

/// Makes the next steps of an episode.
async fn play_steps(State(host): State<Arc<Host>>, body: String) -> Answer {
    play(&host, &body, false)
}

fn play(host: &Host, body: &str, begins: bool) -> Answer {
    let refused = |why: String| (StatusCode::CONFLICT, format!("{why}\n"));
    let episode = Episode::parse(body).map_err(|why| (StatusCode::BAD_REQUEST, format!("{why}\n")))?;
    if episode.steps.iter().any(|step| matches!(step.action, Action::Request(_))) {
        return Err((StatusCode::BAD_REQUEST, "requests are sent as requests\n".into()));
    }
    host.with(|world| {
        if !world.plays() {
            return Err(refused("start the emulator with --run episode".into()));
        }
        if begins {
            world.begin(&episode);
        }
        episode.steps.iter().try_for_each(|step| world.play(step).map_err(refused))
    })?;
    host.journal.add_control();
    Ok(Json(json!({ "played": episode.steps.len() })))
}

async fn save(State(host): State<Arc<Host>>) -> Answer {
    match host.save().await {
        Ok(true) => Ok(Json(json!({ "saved": host.snapshot_file }))),
        Ok(false) => Err((StatusCode::CONFLICT, "start the emulator with --snapshot FILE\n".into())),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))),
    }
}

async fn report_event(State(host): State<Arc<Host>>, Path((node, event)): Path<(String, String)>) -> Answer {
    let event =
        reported_event(&event).ok_or_else(|| (StatusCode::NOT_FOUND, format!("{REPORTED_EVENTS}\n")))?;
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
    host.journal.add_control();
    list_faults(State(host)).await
}

async fn clear_faults(State(host): State<Arc<Host>>) -> Answer {
    host.faults().clear();
    host.journal.add_control();
    list_faults(State(host)).await
}

/// How a job or task is ended.
#[derive(Deserialize)]
struct EndOptions {
    #[serde(default)]
    force: bool,
}

/// Terminates or deletes a job, as the service's own request would.
async fn end_job(
    State(host): State<Arc<Host>>,
    method: Method,
    Path(job): Path<String>,
    Query(options): Query<EndOptions>,
    body: Bytes,
) -> Response {
    let force = if options.force { "&force=true" } else { "" };
    end(&host, &method, &format!("/jobs/{}", encoded(&job)), force, body)
}

/// Terminates or deletes a task, as the service's own request would.
async fn end_task(
    State(host): State<Arc<Host>>,
    method: Method,
    Path((job, task)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    end(&host, &method, &format!("/jobs/{}/tasks/{}", encoded(&job), encoded(&task)), "", body)
}

fn end(host: &Host, method: &Method, path: &str, options: &str, body: Bytes) -> Response {
    let action = if *method == Method::DELETE { "" } else { "/terminate" };
    let target = format!("{path}{action}?api-version=2024-07-01.20.0{options}");
    let (answer, now) = host.answer_control(method.as_str(), &target, body.into());
    response::response(answer, now)
}

/// A text as part of a URL. Ids that need escapes are not valid, and the service says so.
pub fn encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b':' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    bytes.collect()
}
