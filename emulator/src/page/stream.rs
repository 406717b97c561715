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
use tokio::time::{sleep, timeout};

use crate::{control, host::Host, journal::Progress};

/// How long a reader is left alone after an event.
const PAUSE: Duration = Duration::from_millis(200);
/// How often something is sent if nothing happens, so that a reader that has gone is noticed.
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
        if progress.closed || sender.send_data(event(&host, progress).into()).await.is_err() {
            return;
        }
        sleep(PAUSE).await;
        while timeout(SILENCE, changes.changed()).await.is_err() {
            if sender.send_data(Bytes::from_static(b": nothing new\n\n")).await.is_err() {
                return;
            }
        }
    }
}

fn event(host: &Host, progress: Progress) -> String {
    let Progress { requests, effects, controls, closed: _ } = progress;
    let clock = host.with(control::clock);
    let data = serde_json::json!({
        "requests": requests, "effects": effects, "controls": controls, "clock": clock
    });
    format!("data: {data}\n\n")
}
