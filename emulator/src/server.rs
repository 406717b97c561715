//! HTTP: bytes in, the core's answers out. A slow or broken client does not affect others.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{self, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use azbatch::{ErrorCode, Timestamp, rest::OwnedRequest};
use serde_json::Value;
use tokio::{net::TcpListener, time::sleep};
use tokio_rustls::TlsAcceptor;

use crate::{
    access::{Access, refuse_foreign, require_token},
    body,
    connections::serve_connections,
    control,
    host::Host,
    page,
    response::response,
    welcome::Welcome,
};

/// Serves connections until it is told to stop, then lets requests in progress finish. `welcome` is what
/// it says of itself.
pub async fn serve(
    listener: TcpListener,
    https: Option<TlsAcceptor>,
    host: Arc<Host>,
    access: Access,
    welcome: &Welcome,
    stop: impl Future<Output = ()>,
) {
    let page = welcome.page();
    let root = get(move || async { page }).fallback(answer);
    let mut own = own_routes(access, welcome.about());
    if host.ledger.is_some() {
        own = own.route_layer(from_fn_with_state(host.clone(), hold_back));
    }
    let routes = Router::new().route("/", root).merge(own).fallback(answer);
    let (journal, routes) = (host.journal.clone(), routes.with_state(host));
    // Those who wait for changes need wait no longer.
    serve_connections(listener, https, routes, stop, || journal.close()).await;
}

/// The emulator's own requests.
fn own_routes(access: Access, about: Value) -> Router<Arc<Host>> {
    let access = Arc::new(access);
    let control = control::routes().merge(page::view_routes(about));
    let control = control.route_layer(from_fn_with_state(access.clone(), require_token));
    let own = Router::new().nest("/_azbatch", control).merge(page::file_routes());
    own.route_layer(from_fn_with_state(access, refuse_foreign))
}

/// Lets an answer to one of the emulator's own requests leave once everything that it can tell is on disk.
async fn hold_back(State(host): State<Arc<Host>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match host.durable().await {
        Ok(()) => response,
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// Answers a request of the service's own. The answer leaves once everything that it can tell is on disk: what the request
/// did, and what it has seen of others, refusals too.
async fn answer(State(host): State<Arc<Host>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let fault = host.faults().take(head.method.as_str(), path);
    let body = body::read(body).await;
    if let Some(delay) = fault.as_ref().and_then(crate::faults::Fault::delay) {
        sleep(delay).await;
    }
    let refusal = fault.and_then(|fault| fault.code).or(body.as_ref().err().copied());
    let request = http::Request::from_parts(head, body.unwrap_or_default());
    let received = Timestamp::MIN; // The world knows the time.
    let request = OwnedRequest::from_http(request, received, host.request_id());
    let (mut answer, mut now) = request.with(|request| host.answer(request, refusal));
    if host.durable().await.is_err() {
        (answer, now) = request.with(|request| host.answer(request, Some(ErrorCode::InternalError)));
    }
    response(answer, now)
}
