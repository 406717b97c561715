//! HTTP: requests of clients, of other members, and of whoever runs the cluster.

use std::{convert::Infallible, future::Future, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{self, HeaderValue, StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
};
use azbatch::{Timestamp, rest::OwnedRequest};
use azbatch_emulator::{
    access::{Access, refuse_foreign, require_token},
    body,
    connections::serve_connections,
    response::with_host_headers,
};
use tokio::net::TcpListener;

use crate::{
    account::{Asked, Consistency},
    command::Answer,
    control,
    node::Member,
    peer, relay,
    route::route,
};

/// With the value `stale`, a member answers a read with what it has.
const READ: &str = "azbatch-read";

/// Serves clients and other members until it is told to stop.
pub async fn serve(
    listener: TcpListener,
    member: Arc<Member>,
    access: Access,
    stop: impl Future<Output = ()>,
) {
    let access = Arc::new(access);
    // Members may reach each other by names that `refuse_foreign` does not know.
    let own = control::routes().route_layer(from_fn_with_state(access.clone(), refuse_foreign));
    let own = own.merge(peer::routes()).route_layer(from_fn_with_state(access, require_token));
    let routes = Router::new().nest("/_azbatch", own).fallback(answer).with_state(member);
    serve_connections(listener, None, routes, stop, || {}).await;
}

/// Answers a request of the service's own.
async fn answer(State(member): State<Arc<Member>>, request: Request) -> Result<Response, Infallible> {
    let (head, body) = request.into_parts();
    let signed_target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
    let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(route) = route(host, &signed_target) else {
        let why =
            "Which account? Use a path such as /accounts/NAME/jobs, or a host such as NAME.localhost.\n";
        return Ok((StatusCode::NOT_FOUND, why).into_response());
    };
    let consistency = match head.headers.get(READ).map(HeaderValue::as_bytes) {
        None | Some(b"linearizable") => Consistency::Linearizable,
        Some(b"stale") => Consistency::Stale,
        Some(_) => {
            return Ok((StatusCode::BAD_REQUEST, "azbatch-read: linearizable or stale\n").into_response());
        }
    };
    let body = body::read(body).await;
    let refusal = body.as_ref().err().copied();
    let request = http::Request::from_parts(head, body.unwrap_or_default());
    // The account knows the time.
    let mut request = OwnedRequest::from_http(request, Timestamp::MIN, member.request_id());
    request.target = route.target;
    let answered = match refusal {
        Some(code) => relay::refuse_by(&member, &route.account, &request, code),
        None => relay::answer(&member, &route.account, Asked { request, signed_target, consistency }).await,
    };
    Ok(match answered {
        Ok(answer) => response(answer),
        Err(why) => control::no_account(&route.account, &why).into_response(),
    })
}

fn response(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        let name = http::HeaderName::try_from(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    with_host_headers(response, answer.reason.as_bytes(), answer.at, "azbatch-cluster")
}
