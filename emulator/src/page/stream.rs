//! The stream of changes: server-sent events that say how much has happened, not what.
//!
//! A reader that is slow gets fewer events. Nothing is kept for it but the one that is on its way.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use http_body_util::channel::{Channel, Sender};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{control, host::Host, journal::Progress};

/// How long a reader is left alone after an event.
const PAUSE: Duration = Duration::from_millis(200);
/// How often an event is sent if nothing happens, so that a reader that has gone is noticed.
const SILENCE: Duration = Duration::from_secs(10);

pub async fn changes(State(host): State<Arc<Host>>) -> Response {
    let (sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(send_changes(host, sender));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::new(body)).into_response()
}

/// Sends events until the reader or the emulator has gone.
async fn send_changes(host: Arc<Host>, mut sender: Sender<Bytes>) {
    let mut changes = host.journal.watch();
    loop {
        let progress = *changes.borrow_and_update();
        let (clock, idle_time) = host.look(|world| (control::clock(world), world.idle_time()));
        let event = event(&host, progress, &clock);
        if progress.closed || host.durable().await.is_err() || sender.send_data(event.into()).await.is_err() {
            return;
        }
        sleep(PAUSE).await;
        // What is due may happen without any effect, and then something else is due next.
        let quiet = idle_time.map_or(SILENCE, |time| time.min(SILENCE));
        drop(timeout(quiet, changes.changed()).await);
    }
}

fn event(host: &Host, progress: Progress, clock: &Value) -> String {
    let Progress { requests, effects, controls, closed: _ } = progress;
    let data = json!({
        "start": host.start(), "requests": requests, "effects": effects, "controls": controls, "clock": clock
    });
    format!("data: {data}\n\n")
}
