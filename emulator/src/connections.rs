//! Connections of clients. A slow or broken one does not affect others.

use std::{future::Future, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

/// How long a client has to agree on a key for https.
const HANDSHAKE_TIME: Duration = Duration::from_secs(30);
/// How long a client has for the head of a request, and how long a connection may be idle.
const HEAD_TIME: Duration = Duration::from_secs(60);
/// How long requests in progress are waited for at shutdown.
const SHUTDOWN_TIME: Duration = Duration::from_secs(2);

/// Serves connections until it is told to stop, then calls `at_stop` and lets requests in progress finish.
pub async fn serve_connections(
    listener: TcpListener,
    https: Option<TlsAcceptor>,
    routes: Router,
    stop: impl Future<Output = ()>,
    at_stop: impl FnOnce(),
) {
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
        let (http, service) = (http.clone(), service.clone());
        // A broken connection ends alone.
        match https.clone() {
            None => {
                let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
                tokio::spawn(async move { drop(connection.await) });
            }
            Some(acceptor) => {
                let watcher = graceful.watcher();
                tokio::spawn(async move {
                    let Ok(Ok(stream)) = timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await else {
                        return;
                    };
                    let connection = http.serve_connection(TokioIo::new(stream), service);
                    drop(watcher.watch(connection).await);
                });
            }
        }
    }
    drop(listener);
    at_stop();
    drop(timeout(SHUTDOWN_TIME, graceful.shutdown()).await);
}
