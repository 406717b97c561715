//! HTTP: bytes in, the core's answers out. A slow or broken client harms nobody but itself.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{self, HeaderValue, header, request::Parts},
    response::Response,
};
use azbatch::{
    ErrorCode, Timestamp,
    rest::{self, Guid},
};
use http_body_util::BodyExt;
use hyper::{ext::ReasonPhrase, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    sync::Notify,
    time::{sleep, timeout},
};

use crate::{control, faults::Faults, snapshot::Snapshot, world::World};

/// One byte more than the service takes is enough for the core to refuse a body (413).
const READ_AT_MOST: usize = 1024 * 1024 + 1;
/// What is read beyond that and thrown away, so that a client that is still sending gets the answer.
const DISCARD_AT_MOST: usize = 64 * 1024 * 1024;
/// How long a client has for the head of a request, and how long a connection may lie idle.
const HEAD_TIME: Duration = Duration::from_secs(60);
/// How long a client has for a body.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How long requests under way are waited for at the end.
const FAREWELL_TIME: Duration = Duration::from_secs(2);

/// What every connection shares.
pub struct Host {
    world: Mutex<World>,
    pub faults: Mutex<Faults>,
    /// Told when the next move may be due earlier than before.
    pub wake: Arc<Notify>,
    pub snapshot_file: Option<std::path::PathBuf>,
    saving: tokio::sync::Mutex<()>,
    /// Makes the request ids of one start differ from those of another.
    seed: u64,
    requests: std::sync::atomic::AtomicU64,
}

impl Host {
    pub fn new(world: World, wake: Arc<Notify>, snapshot_file: Option<std::path::PathBuf>) -> Self {
        use std::hash::{BuildHasher, RandomState};
        let (faults, seed) = (Mutex::default(), RandomState::new().hash_one(()));
        let (world, saving, requests) = (Mutex::new(world), tokio::sync::Mutex::default(), 0.into());
        Self { world, faults, wake, snapshot_file, saving, seed, requests }
    }

    /// Does something to the world, and wakes its mover if there is something to do earlier than before.
    pub fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.lock();
        let before = world.next_due();
        let result = act(&mut world);
        if world.next_due() != before {
            self.wake.notify_one();
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the world on whenever something is due. Never returns.
    pub async fn move_on(&self) {
        loop {
            let idle_time = {
                let mut world = self.lock();
                world.catch_up();
                world.idle_time()
            };
            match idle_time {
                Some(time) => drop(timeout(time, self.wake.notified()).await),
                None => self.wake.notified().await,
            }
        }
    }

    /// Writes the state to its file; `Ok(false)` if there is none to write to.
    pub async fn save(&self) -> std::io::Result<bool> {
        let Some(file) = self.snapshot_file.clone() else { return Ok(false) };
        let _one_at_a_time = self.saving.lock().await;
        let snapshot: Snapshot = self.with(World::snapshot);
        tokio::task::spawn_blocking(move || snapshot.save(&file)).await??;
        Ok(true)
    }

    fn request_id(&self) -> Guid {
        let number = self.requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Guid::from_u128(u128::from(self.seed) << 64 | u128::from(number))
    }
}

/// Serves connections until it is told to stop, then lets requests under way come to their end.
pub async fn serve(listener: TcpListener, host: Arc<Host>, stop: impl Future<Output = ()>) {
    let routes = Router::new().nest("/_azbatch", control::routes()).fallback(answer).with_state(host);
    let (service, graceful) = (TowerToHyperService::new(routes), GracefulShutdown::new());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            sleep(Duration::from_millis(50)).await; // No more connections are to be had just now.
            continue;
        };
        drop(stream.set_nodelay(true));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service.clone()));
        tokio::spawn(async move { drop(connection.await) }); // A broken connection is its client's affair.
    }
    drop(listener);
    drop(timeout(FAREWELL_TIME, graceful.shutdown()).await);
}

/// Answers a request of the service's own.
async fn answer(State(host): State<Arc<Host>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let fault = host.faults().take(head.method.as_str(), path);
    let body = timeout(BODY_TIME, read(body)).await.unwrap_or(Err(ErrorCode::OperationTimedOut));
    if let Some(delay) = fault.as_ref().and_then(crate::faults::Fault::delay) {
        sleep(delay).await;
    }
    let refusal = fault.and_then(|fault| fault.code).or(body.as_ref().err().copied());
    let headers: Vec<(&str, &[u8])> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let request = rest::Request {
        method: head.method.as_str(),
        target: target(&head),
        headers: &headers,
        body: body.as_deref().unwrap_or_default(),
        received: Timestamp::MIN, // The world knows the time.
        request_id: host.request_id(),
    };
    let (answer, now) = host.with(|world| {
        let answer = match refusal {
            Some(code) => world.refuse(&request, code),
            None => world.answer(&request),
        };
        (answer, world.now())
    });
    response(answer, now)
}

/// Path and query as they were sent.
fn target(head: &Parts) -> &str {
    head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
}

/// Reads a body, but for what is too much.
async fn read(mut body: Body) -> Result<Vec<u8>, ErrorCode> {
    let (mut bytes, mut discarded) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ErrorCode::InvalidRequestBody)?.into_data() else { continue };
        let (kept, rest) = data.split_at(data.len().min(READ_AT_MOST - bytes.len()));
        bytes.extend_from_slice(kept);
        discarded += rest.len();
        if discarded > DISCARD_AT_MOST {
            break;
        }
    }
    Ok(bytes)
}

/// The core's answer in the transport's clothes, with the headers that are the host's own. Dates are
/// compared with the account's times, so `Date` is by the account's clock too.
fn response(answer: rest::Response, now: Timestamp) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or_default();
    if let Ok(reason) = ReasonPhrase::try_from(answer.reason.as_bytes()) {
        response.extensions_mut().insert(reason);
    }
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    if let Ok(date) = HeaderValue::try_from(now.rfc1123().to_string()) {
        response.headers_mut().insert(header::DATE, date);
    }
    response.headers_mut().insert(header::SERVER, HeaderValue::from_static("azbatch-emulator"));
    response
}
