//! How many requests a second an emulator answers: reads of a job, then jobs made and ended, then lists of 100,000
//! tasks with a filter that none matches, each over connections that are kept alive. Bounded in time, and for an
//! emulator on this machine alone:
//!
//! ```sh
//! cargo run --release -p azbatch-emulator -- --no-auth > /dev/null &
//! cargo run --release -p azbatch-emulator --example load -- 127.0.0.1:10500 5 8 # address, seconds, connections
//! ```
//!
//! With `through-failures` after these, it goes on when requests are refused with 500 or 503 or connections break, as
//! they are when members of a cluster fail: it counts only what was acknowledged, and connects again.
//!
//! With the account's key in `AZBATCH_KEY` requests are signed. The last part of the path is the account's name then.
//!
//! A path after the address is put before the paths of requests: `127.0.0.1:10600/accounts/laptop` is an account of
//! a cluster. With several accounts, separated by commas, the connections are spread over them, and there are no lists.

mod client;

use std::{
    env,
    error::Error,
    fmt, io,
    net::SocketAddr,
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use azbatch::{
    Clock as _, SystemClock, Timestamp,
    rest::{Guid, Request, SharedKey},
};
use client::{Answer, Client};

const VERSION: &str = "api-version=2024-07-01.20.0";
/// How many tasks the filter looks at.
const TASKS: u64 = 100_000;
/// How many of them a request adds; more are refused.
const TASKS_AT_ONCE: u64 = 100;
/// How long a worker waits before it connects again.
const RECONNECT: Duration = Duration::from_millis(50);
/// A program that forgets to stop is a nuisance.
const LONGEST: u64 = 600;

/// An account: where it is, and what stands before the path of each request.
struct Account {
    address: SocketAddr,
    prefix: String,
    key: Option<SharedKey>,
}

/// A connection to an account.
struct Connection<'a> {
    client: Client,
    account: &'a Account,
}

type Failure = Box<dyn Error + Send + Sync>;

/// What becomes of the run when a request fails as it may in a cluster.
#[derive(Clone, Copy)]
enum Failures {
    End,
    Endure,
}

/// A request that was refused with 500 or 503, or that has no answer.
#[derive(Debug)]
struct Unacknowledged(String);

fn main() -> Result<(), Failure> {
    let mut arguments = env::args().skip(1);
    let accounts = arguments.next().unwrap_or("127.0.0.1:10500".into());
    let accounts = accounts.split(',').map(str::parse).collect::<Result<Vec<Account>, Failure>>()?;
    let seconds = arguments.next().as_deref().unwrap_or("5").parse::<u64>()?.min(LONGEST);
    let connections = arguments.next().as_deref().unwrap_or("8").parse()?;
    let failures = match arguments.next().as_deref() {
        None => Failures::End,
        Some("through-failures") => Failures::Endure,
        Some(other) => return Err(format!("what is {other}?").into()),
    };
    let load = Load { accounts: &accounts, connections, seconds, failures };

    let run = std::process::id();
    // One each, though several addresses may be of one account.
    for (number, account) in accounts.iter().enumerate() {
        make(&mut account.connect()?, &format!("load-{run}-read-{number}"), "pool-1")?;
    }
    let read = |account: &mut Connection<'_>, worker, _| {
        let number = worker % accounts.len();
        expect(account, "GET", &format!("/jobs/load-{run}-read-{number}?{VERSION}"), "", 200).map(|()| 1)
    };
    report("GET job", &load.measure(&read)?);
    let make_and_end = |account: &mut Connection<'_>, worker, turn| {
        let job = format!("load-{run}-{worker}-{turn}");
        make(account, &job, "pool-1")?;
        expect(account, "POST", &format!("/jobs/{job}/terminate?{VERSION}"), "", 202)?;
        Ok(2)
    };
    report("create + terminate", &load.measure(&make_and_end)?);
    let ([account], Failures::End) = (accounts.as_slice(), failures) else { return Ok(()) };
    let job = format!("load-{run}-tasks");
    make_tasks(&mut account.connect()?, &job)?;
    let filter = |account: &mut Connection<'_>, _, _| {
        let target = format!("/jobs/{job}/tasks?{VERSION}&$filter=state%20eq%20'completed'");
        expect(account, "GET", &target, "", 200).map(|()| 1)
    };
    report("list of 100,000 tasks, filtered", &load.measure(&filter)?);
    Ok(())
}

impl FromStr for Account {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let (address, prefix) = text.find('/').map_or((text, ""), |end| text.split_at(end));
        let address: SocketAddr = address.parse()?;
        if !address.ip().is_loopback() {
            return Err("only an emulator on this machine is put under load".into());
        }
        let (_, name) = prefix.rsplit_once('/').unwrap_or_default();
        let key = env::var("AZBATCH_KEY").ok().map(|key| SharedKey::new(name, &key)).transpose()?;
        Ok(Self { address, prefix: prefix.into(), key })
    }
}

impl Account {
    fn connect(&self) -> Result<Connection<'_>, Failure> {
        Ok(Connection { client: Client::connect(self.address)?, account: self })
    }
}

impl Connection<'_> {
    fn send(&mut self, method: &str, target: &str, body: &[u8]) -> io::Result<Answer> {
        let target = format!("{}{target}", self.account.prefix);
        let Some(key) = &self.account.key else { return self.client.send(method, &target, body) };
        let (date, length) = (SystemClock.now().rfc1123().to_string(), body.len().to_string());
        let mut headers = vec![("ocp-date", date.as_bytes()), ("content-length", length.as_bytes())];
        if !body.is_empty() {
            headers.push(("content-type", b"application/json"));
        }
        let (received, request_id) = (Timestamp::MIN, Guid::from_u128(0));
        let request = Request { method, target: &target, headers: &headers, body, received, request_id };
        let signature = key.sign(&request);
        self.client.send_with(method, &target, &[("ocp-date", &date), ("authorization", &signature)], body)
    }
}

fn make(account: &mut Connection<'_>, job: &str, pool: &str) -> Result<(), Failure> {
    let body = format!(r#"{{"id":"{job}","poolInfo":{{"poolId":"{pool}"}}}}"#);
    expect(account, "POST", &format!("/jobs?{VERSION}"), &body, 201)
}

/// A job with tasks that stay active, because its pool does not exist.
fn make_tasks(account: &mut Connection<'_>, job: &str) -> Result<(), Failure> {
    make(account, job, "no-pool")?;
    let target = format!("/jobs/{job}/addtaskcollection?{VERSION}");
    for first in (0..TASKS).step_by(usize::try_from(TASKS_AT_ONCE)?) {
        let task = |number| format!(r#"{{"id":"task-{number:07}","commandLine":"exit 0"}}"#);
        let tasks: Vec<String> = (first..first + TASKS_AT_ONCE).map(task).collect();
        expect(account, "POST", &target, &format!(r#"{{"value":[{}]}}"#, tasks.join(",")), 200)?;
    }
    Ok(())
}

fn expect(
    account: &mut Connection<'_>,
    method: &str,
    target: &str,
    body: &str,
    status: u16,
) -> Result<(), Failure> {
    let answer = account.send(method, target, body.as_bytes());
    let answer = answer.map_err(|error| Unacknowledged(format!("{method} {target}: {error}")))?;
    if answer.status == status {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&answer.body);
    let why = format!("{method} {target} was answered with {}: {body}", answer.status);
    if matches!(answer.status, 500 | 503) { Err(Unacknowledged(why).into()) } else { Err(why.into()) }
}

impl fmt::Display for Unacknowledged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Unacknowledged {}

/// Requests, and the time they took.
struct Measured {
    requests: u64,
    failed: u64,
    time: Duration,
}

/// Turns of every worker over a connection of its own, for so many seconds.
struct Load<'a> {
    accounts: &'a [Account],
    connections: usize,
    seconds: u64,
    failures: Failures,
}

impl Load<'_> {
    fn measure<F>(&self, turn: &F) -> Result<Measured, Failure>
    where
        F: Fn(&mut Connection<'_>, usize, u64) -> Result<u64, Failure> + Sync,
    {
        let start = Instant::now();
        let end = start + Duration::from_secs(self.seconds);
        let (requests, failed) = thread::scope(|scope| -> Result<(u64, u64), Failure> {
            let workers: Vec<_> = (0..self.connections)
                .map(|worker| scope.spawn(move || self.work(worker, end, turn)))
                .collect();
            let (mut requests, mut failed) = (0, 0);
            for worker in workers {
                let done = worker.join().map_err(|_| Failure::from("a worker panicked"))??;
                requests += done.0;
                failed += done.1;
            }
            Ok((requests, failed))
        })?;
        Ok(Measured { requests, failed, time: start.elapsed() })
    }

    /// The requests of one worker that were acknowledged, and how many turns failed.
    fn work<F>(&self, worker: usize, end: Instant, turn: &F) -> Result<(u64, u64), Failure>
    where
        F: Fn(&mut Connection<'_>, usize, u64) -> Result<u64, Failure> + Sync,
    {
        let account = self.accounts.get(worker % self.accounts.len()).ok_or("there is no account")?;
        let mut connection = None;
        let (mut requests, mut failed, mut turns) = (0, 0, 0);
        while Instant::now() < end {
            let tried = match &mut connection {
                Some(connection) => turn(connection, worker, turns),
                None => account.connect().map(|new| {
                    connection = Some(new);
                    0
                }),
            };
            turns += 1;
            match (tried, self.failures) {
                (Ok(more), _) => requests += more,
                (Err(error), Failures::Endure) if is_passing(&error) => {
                    failed += 1;
                    connection = None;
                    thread::sleep(RECONNECT);
                }
                (Err(error), _) => return Err(error),
            }
        }
        Ok((requests, failed))
    }
}

/// Whether this may be over when it is tried again.
fn is_passing(error: &Failure) -> bool {
    error.is::<Unacknowledged>() || error.is::<io::Error>()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn report(what: &str, measured: &Measured) {
    let Measured { requests, failed, time } = measured;
    let rate = *requests as f64 / time.as_secs_f64();
    let failed = if *failed > 0 { format!(", {failed} turns failed") } else { String::new() };
    println!("{what}: {rate:.0} requests a second ({requests} in {time:.1?}{failed})");
}
