//! The core in a server of your own: all that HTTP needs. No nodes and no service's own moves here
//! beyond those that are due when a request comes in; the example `emulator` has everything.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{Router, body::Body, body::Bytes, extract::State, http, response::Response};
use azbatch::{Account, Clock, Effect, SystemClock, rest, rest::Guid};

/// The account, and how many requests it has had.
type Shared = Arc<Mutex<(Account, u128)>>;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:10500").await?;
    let account = Account::new(&format!("http://{}", listener.local_addr()?));
    let shared: Shared = Arc::new(Mutex::new((account, 0)));
    axum::serve(listener, Router::new().fallback(answer).with_state(shared)).await
}

async fn answer(State(shared): State<Shared>, head: http::request::Parts, body: Bytes) -> Response {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let (account, requests) = &mut *shared;
    *requests += 1;
    let headers: Vec<_> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let request = rest::Request {
        method: head.method.as_str(),
        target: head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str),
        headers: &headers,
        body: &body,
        received: SystemClock.now(),
        request_id: Guid::from_u128(*requests),
    };
    let moves = account.tick(SystemClock);
    let answer = rest::answer(account, &request, SystemClock);
    for effect in moves.into_iter().chain(answer.effects) {
        match effect {
            Effect::Fact(fact) => println!("   {fact}"), // A store would be told here.
            Effect::Instruction(instruction) => println!("-> {instruction}"), // And a node here.
        }
    }
    let headers = answer.response.headers.into_iter();
    let response = Response::builder().status(answer.response.status);
    let response = headers.fold(response, |response, (name, value)| response.header(name, value));
    response.body(Body::from(answer.response.body)).unwrap_or_default()
}
