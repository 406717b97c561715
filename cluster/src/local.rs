//! A whole cluster on this machine.

use std::{error::Error, process::Stdio, time::Duration};

use axum::http::{self, StatusCode, header};
use azbatch_emulator::{access::Access, stop::told_to_stop};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::options::LocalOptions;

/// How long a cluster has to begin.
const START_TIME: Duration = Duration::from_secs(60);
/// How long a member has to end before it is killed.
const STOP_TIME: Duration = Duration::from_secs(3);

/// Starts the members, creates the accounts, and ends the members when it is told to stop, or when one has ended.
pub async fn run(options: &LocalOptions) -> Result<(), Box<dyn Error>> {
    let stop = told_to_stop()?;
    let token = options.common.token.clone().map_or_else(Access::new_token, Ok)?;
    let mut members = Vec::new();
    for number in 1..=options.nodes {
        members.push((number, start(options, number, &token)?));
    }
    let result = tokio::select! {
        ended = any_end(&mut members) => Err(ended.into()),
        () = stop => Ok(()),
        Err(error) = introduce(options, &token) => Err(error),
    };
    for (_, mut member) in members {
        terminate(&member);
        if timeout(STOP_TIME, member.wait()).await.is_err() {
            member.kill().await?;
        }
    }
    result
}

/// Creates the accounts, and says where everything is. Then waits for ever.
async fn introduce(options: &LocalOptions, token: &str) -> Result<(), Box<dyn Error>> {
    let first = address(options, 1)?;
    println!("control token: {token}");
    for number in 1..=options.nodes {
        println!("member {number}: http://{}", address(options, number)?);
    }
    for account in &options.accounts {
        let created = create(&first, account, options.key.as_deref(), token).await?;
        for number in 1..=options.nodes {
            println!("account {account}: http://{}/accounts/{account}", address(options, number)?);
        }
        if !options.common.no_auth {
            println!("its key: {}", created["key"].as_str().unwrap_or_default());
        }
    }
    println!("ready");
    std::future::pending().await
}

/// Creates an account, as soon as the cluster can.
async fn create(
    address: &str,
    account: &str,
    key: Option<&str>,
    token: &str,
) -> Result<Value, Box<dyn Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let body = key.map_or_else(|| json!({}), |key| json!({ "key": key })).to_string();
    let until = Instant::now() + START_TIME;
    loop {
        let request = http::Request::put(format!("http://{address}/_azbatch/accounts/{account}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Full::new(hyper::body::Bytes::from(body.clone())))?;
        let why = match client.request(request).await {
            Err(error) => error.to_string(),
            Ok(answer) => {
                let status = answer.status();
                let body = answer.into_body().collect().await?.to_bytes();
                if status == StatusCode::OK {
                    return Ok(serde_json::from_slice(&body)?);
                }
                let why = String::from_utf8_lossy(&body).into_owned();
                if status.is_client_error() {
                    return Err(why.into());
                }
                why
            }
        };
        if Instant::now() > until {
            return Err(why.into());
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn address(options: &LocalOptions, number: u16) -> Result<String, Box<dyn Error>> {
    let port =
        options.port.checked_add(number - 1).ok_or("the port of the last member would be above 65535")?;
    Ok(format!("127.0.0.1:{port}"))
}

fn start(options: &LocalOptions, number: u16, token: &str) -> Result<Child, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("node").arg(format!("--id={number}")).arg(format!("--listen={}", address(options, number)?));
    command.arg("--data").arg(options.data.join(number.to_string()));
    for founder in 1..=options.nodes {
        command.arg(format!("--founder={founder}={}", address(options, founder)?));
    }
    command.args(options.common.arguments()).env("AZBATCH_CLUSTER_TOKEN", token);
    Ok(command.stdin(Stdio::null()).kill_on_drop(true).spawn()?)
}

/// Waits until a member ends, and says so.
async fn any_end(members: &mut [(u16, Child)]) -> String {
    loop {
        for (number, member) in &mut *members {
            if let Ok(Some(status)) = member.try_wait() {
                return format!("member {number} has ended: {status}");
            }
        }
        sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(unix)]
fn terminate(member: &Child) {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    if let Some(id) = member.id().and_then(|id| id.try_into().ok()) {
        kill(Pid::from_raw(id), Signal::SIGTERM).ok();
    }
}

#[cfg(not(unix))]
fn terminate(_: &Child) {}
