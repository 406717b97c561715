//! How many requests a second an emulator answers: reads of a job, then jobs made and ended, then lists of 100,000
//! tasks with a filter that none matches, each over connections that are kept alive. Bounded in time, and for an emulator on this machine alone:
//!
//! ```sh
//! cargo run --release --all-features --example emulator -- --no-auth > /dev/null &
//! cargo run --release --example load -- 127.0.0.1:10500 5 8 # address, seconds, connections
//! ```
//!
//! A path after the address is put before the paths of requests: `127.0.0.1:10600/accounts/laptop` is an account of
//! a cluster.

mod client;

use std::{
    env,
    error::Error,
    net::SocketAddr,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use client::Client;

const VERSION: &str = "api-version=2024-07-01.20.0";
/// How many tasks the filter looks at.
const TASKS: u64 = 100_000;
/// How many of them a request adds; more are refused.
const TASKS_AT_ONCE: u64 = 100;
/// A program that forgets to stop is a nuisance.
const LONGEST: u64 = 60;

/// What stands before the path of each request.
static PREFIX: OnceLock<String> = OnceLock::new();

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = env::args().skip(1);
    let server = arguments.next().unwrap_or("127.0.0.1:10500".into());
    let (address, prefix) = server.find('/').map_or((&*server, ""), |end| server.split_at(end));
    PREFIX.get_or_init(|| prefix.into());
    let address: SocketAddr = address.parse()?;
    if !address.ip().is_loopback() {
        return Err("only an emulator on this machine is put under load".into());
    }
    let seconds = arguments.next().as_deref().unwrap_or("5").parse::<u64>()?.min(LONGEST);
    let connections = arguments.next().as_deref().unwrap_or("8").parse()?;

    let run = std::process::id();
    make(&mut Client::connect(address)?, &format!("load-{run}"), "pool-1")?;
    let read = |client: &mut Client, _, _| {
        expect(client, "GET", &format!("/jobs/load-{run}?{VERSION}"), "", 200).map(|()| 1)
    };
    report("GET job", &measure(address, connections, seconds, &read)?);
    let make_and_end = |client: &mut Client, worker, turn| {
        let job = format!("load-{run}-{worker}-{turn}");
        make(client, &job, "pool-1")?;
        expect(client, "POST", &format!("/jobs/{job}/terminate?{VERSION}"), "", 202)?;
        Ok(2)
    };
    report("create + terminate", &measure(address, connections, seconds, &make_and_end)?);
    let job = format!("load-{run}-tasks");
    make_tasks(&mut Client::connect(address)?, &job)?;
    let filter = |client: &mut Client, _, _| {
        let target = format!("/jobs/{job}/tasks?{VERSION}&$filter=state%20eq%20'completed'");
        expect(client, "GET", &target, "", 200).map(|()| 1)
    };
    report("list of 100,000 tasks, filtered", &measure(address, connections, seconds, &filter)?);
    Ok(())
}

fn make(client: &mut Client, job: &str, pool: &str) -> Result<(), Failure> {
    let body = format!(r#"{{"id":"{job}","poolInfo":{{"poolId":"{pool}"}}}}"#);
    expect(client, "POST", &format!("/jobs?{VERSION}"), &body, 201)
}

/// A job with tasks that stay active, because its pool does not exist.
fn make_tasks(client: &mut Client, job: &str) -> Result<(), Failure> {
    make(client, job, "no-pool")?;
    let target = format!("/jobs/{job}/addtaskcollection?{VERSION}");
    for first in (0..TASKS).step_by(usize::try_from(TASKS_AT_ONCE)?) {
        let task = |number| format!(r#"{{"id":"task-{number:07}","commandLine":"exit 0"}}"#);
        let tasks: Vec<String> = (first..first + TASKS_AT_ONCE).map(task).collect();
        expect(client, "POST", &target, &format!(r#"{{"value":[{}]}}"#, tasks.join(",")), 200)?;
    }
    Ok(())
}

fn expect(client: &mut Client, method: &str, target: &str, body: &str, status: u16) -> Result<(), Failure> {
    let target = format!("{}{target}", PREFIX.get().map_or("", String::as_str));
    let answer = client.send(method, &target, body.as_bytes())?;
    if answer.status == status {
        Ok(())
    } else {
        let body = String::from_utf8_lossy(&answer.body);
        Err(format!("{method} {target} was answered with {}: {body}", answer.status).into())
    }
}

/// Requests, and the time they took.
struct Measured {
    requests: u64,
    time: Duration,
}

/// Turns of every worker over a connection of its own, for so many seconds.
fn measure<F>(address: SocketAddr, connections: u64, seconds: u64, turn: &F) -> Result<Measured, Failure>
where
    F: Fn(&mut Client, u64, u64) -> Result<u64, Failure> + Sync,
{
    let start = Instant::now();
    let end = start + Duration::from_secs(seconds);
    let work = |worker| -> Result<u64, Failure> {
        let mut client = Client::connect(address)?;
        let (mut requests, mut turns) = (0, 0);
        while Instant::now() < end {
            requests += turn(&mut client, worker, turns)?;
            turns += 1;
        }
        Ok(requests)
    };
    let requests = thread::scope(|scope| -> Result<u64, Failure> {
        let workers: Vec<_> = (0..connections).map(|worker| scope.spawn(move || work(worker))).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Result<u64, Failure>>| {
            worker.join().map_err(|_| Failure::from("a worker panicked"))?
        };
        workers.into_iter().map(join).sum()
    })?;
    Ok(Measured { requests, time: start.elapsed() })
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn report(what: &str, measured: &Measured) {
    let rate = measured.requests as f64 / measured.time.as_secs_f64();
    println!("{what}: {rate:.0} requests a second ({} in {:.1?})", measured.requests, measured.time);
}
