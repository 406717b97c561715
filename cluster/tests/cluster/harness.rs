//! A started cluster, and requests to its members.

use std::{
    fmt::Write as _,
    fs,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use azbatch::{
    Clock as _, SystemClock, Timestamp,
    rest::{Guid, Request, SharedKey},
};
use serde_json::{Value, json};

pub const VERSION: &str = "api-version=2024-07-01.20.0";
/// The key of the account `contoso`.
pub const KEY: &str = "a2V5";
/// Longer than anything here takes, even on a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(40);

/// A cluster; it ends with the test, and so does its data.
pub struct Cluster {
    members: Vec<Member>,
    folder: PathBuf,
    arguments: Vec<String>,
    /// No other cluster has it, should one get the port of a member that was killed.
    token: String,
}

/// A member, numbered from 1. Its address stays when it is killed and started again.
struct Member {
    address: SocketAddr,
    founders: Vec<String>,
    process: Option<Child>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Cluster {
    /// Starts three members with an account `contoso`, which is on all of them.
    pub fn start(test: &str, arguments: &[&str]) -> Self {
        let cluster = Self::start_members(test, 3, arguments);
        cluster.control_ok(1, "PUT", "/accounts/contoso", &json!({ "key": KEY }));
        for member in 1..=3 {
            wait("all members know the account", || {
                let seen = cluster.control(member, "GET", "/accounts/contoso", &Value::Null).ok()?;
                (seen.status == 200 && seen.json()["leader"].is_u64()).then_some(())
            });
        }
        cluster
    }

    /// Starts a cluster without accounts.
    pub fn start_members(test: &str, count: usize, arguments: &[&str]) -> Self {
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut cluster = Self {
            members: Vec::new(),
            folder,
            arguments,
            token: format!("token-of-{test}-{}", std::process::id()),
        };
        let addresses = free_addresses(count);
        let founders: Vec<String> =
            (1..).zip(&addresses).map(|(id, address)| format!("--founder={id}={address}")).collect();
        for address in addresses {
            fs::create_dir_all(&cluster.folder).unwrap();
            cluster.members.push(Member { address, founders: founders.clone(), process: None });
            cluster.restart(cluster.members.len());
        }
        cluster
    }

    /// Starts a member that waits to be added, and returns its number.
    pub fn start_another(&mut self) -> usize {
        let address = free_addresses(1)[0];
        self.members.push(Member { address, founders: Vec::new(), process: None });
        let number = self.members.len();
        self.restart(number);
        number
    }

    /// Starts a member that was killed, or a new one.
    pub fn restart(&mut self, number: usize) {
        let trace = self.trace_file(number);
        let member = &mut self.members[number - 1];
        let mut command = Command::new(env!("CARGO_BIN_EXE_azbatch-cluster"));
        command.arg("node").arg(format!("--id={number}")).arg(format!("--listen={}", member.address));
        command.arg("--data").arg(self.folder.join(number.to_string())).args(&member.founders);
        command.arg("--trace").arg(trace);
        command.args(&self.arguments).env("AZBATCH_CLUSTER_TOKEN", &self.token).stdout(Stdio::null());
        member.process = Some(command.spawn().unwrap());
        let address = member.address;
        wait("the member listens", || TcpStream::connect(address).ok().map(drop));
    }

    /// Runs a member that does not start, over the data of another one.
    pub fn run_on_data_of(&self, number: usize, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_azbatch-cluster"));
        command.args(["node", "--listen=127.0.0.1:0"]).args(arguments);
        if !arguments.iter().any(|argument| argument.starts_with("--id")) {
            command.arg(format!("--id={number}"));
        }
        command.arg("--data").arg(self.folder.join(number.to_string()));
        command.env("AZBATCH_CLUSTER_TOKEN", &self.token).output().unwrap()
    }

    fn trace_file(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number}.trace"))
    }

    /// What a member has noted of runs, one text for each time that it opened the group.
    pub fn traces(&self, number: usize) -> Vec<String> {
        let trace = fs::read_to_string(self.trace_file(number)).unwrap();
        trace.split("start\n").skip(1).map(str::to_owned).collect()
    }

    /// Ends a member at once, as a machine that loses its power.
    pub fn kill(&mut self, number: usize) {
        let mut process = self.members[number - 1].process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Sends a signal to a member.
    pub fn signal(&self, number: usize, signal: &str) {
        let id = self.members[number - 1].process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Lets nothing through between two members.
    pub fn cut(&self, member: usize, other: usize) {
        self.control_ok(member, "PUT", &format!("/members/{other}/cut"), &Value::Null);
    }

    pub fn repair(&self, member: usize, other: usize) {
        self.control_ok(member, "DELETE", &format!("/members/{other}/cut"), &Value::Null);
    }

    pub fn address(&self, number: usize) -> SocketAddr {
        self.members[number - 1].address
    }

    /// A request to the control interface of a member.
    pub fn control(&self, member: usize, method: &str, path: &str, body: &Value) -> io::Result<Answer> {
        let authorization = format!("Bearer {}", self.token);
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        send(self.address(member), method, &format!("/_azbatch{path}"), &headers, &text(body))
    }

    /// As [`control`](Self::control), and it is accepted in the end.
    pub fn control_ok(&self, member: usize, method: &str, path: &str, body: &Value) -> Value {
        wait("the member accepts it", || {
            let answer = self.control(member, method, path, body).ok()?;
            (answer.status == 200).then(|| answer.json())
        })
    }

    /// A request to the account, at a member.
    pub fn call(&self, member: usize, method: &str, path: &str, body: &Value) -> Answer {
        self.call_with(member, method, path, body, &[]).unwrap()
    }

    pub fn call_with(
        &self,
        member: usize,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> io::Result<Answer> {
        let headers = [&[("content-type", "application/json")], headers].concat();
        let target =
            format!("/accounts/contoso{path}{}{VERSION}", if path.contains('?') { '&' } else { '?' });
        send_signed(self.address(member), method, &target, &headers, &text(body))
    }

    /// What is at a path, as a member has it after everything that was answered before.
    pub fn get(&self, member: usize, path: &str) -> Value {
        let answer = self.call(member, "GET", path, &Value::Null);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Asks for a change until it is made. A retry can find that an earlier try has made it.
    pub fn change(&self, member: usize, method: &str, path: &str, body: &Value, made: u16, again: u16) {
        let mut tries = 0;
        wait("the change is made", || {
            tries += 1;
            let answer = self.call(member, method, path, body);
            assert!(
                answer.status == made || answer.status >= 500 || (tries > 1 && answer.status == again),
                "{answer:?}"
            );
            (answer.status < 500).then_some(())
        });
    }

    /// The leader of the account, as a member knows it.
    pub fn leader(&self, member: usize) -> usize {
        let leader = wait("the member knows a leader", || {
            let seen = self.control(member, "GET", "/accounts/contoso", &Value::Null).ok()?;
            if seen.status == 200 { seen.json()["leader"].as_u64() } else { None }
        });
        usize::try_from(leader).unwrap()
    }

    /// Waits until these members have the same account, byte for byte, with all that was applied by any.
    pub fn wait_until_equal(&self, members: &[usize]) {
        wait("the replicas are equal", || {
            let seen = members.iter().map(|member| {
                let seen = self.control(*member, "GET", "/accounts/contoso/replica", &Value::Null).ok()?;
                (seen.status == 200).then(|| seen.json())
            });
            let seen: Vec<Value> = seen.collect::<Option<_>>()?;
            // Equal entries make equal accounts, always.
            for (a, b) in seen.iter().zip(&seen[1..]) {
                assert!(a["applied"] != b["applied"] || a == b, "{a} is not {b}");
            }
            seen.iter().all(|one| *one == seen[0]).then_some(())
        });
    }
}

impl Cluster {
    /// What a member says of the cluster, also if it does not answer.
    fn describe(&self, member: &Member) -> String {
        let ask = || -> io::Result<String> {
            let mut stream = TcpStream::connect(member.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(3)))?;
            write!(
                stream,
                "GET /_azbatch/cluster HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
                member.address
            )?;
            write!(stream, "authorization: Bearer {}\r\n\r\n", self.token)?;
            Ok(receive(BufReader::new(stream))?.body)
        };
        ask().unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if thread::panicking() {
            for member in &self.members {
                eprintln!("{}: {}", member.address, self.describe(member));
            }
        }
        for member in &mut self.members {
            if let Some(process) = &mut member.process {
                process.kill().ok();
                process.wait().ok();
            }
        }
        if thread::panicking() {
            eprintln!("what the members stored and noted is in {}", self.folder.display());
        } else {
            fs::remove_dir_all(&self.folder).ok();
        }
    }
}

/// Looks again and again until something is there.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < TIMEOUT, "not in time: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn text(body: &Value) -> String {
    if body.is_null() { String::new() } else { body.to_string() }
}

/// Addresses that nobody listens to.
pub fn free_addresses(count: usize) -> Vec<SocketAddr> {
    let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
}

/// Sends one request over a connection of its own. A header `host` takes the place of the address.
pub fn send(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut request =
        format!("{method} {target} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if headers.iter().all(|(name, _)| *name != "host") {
        write!(request, "host: {address}\r\n").unwrap();
    }
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    write!(request, "\r\n{body}").unwrap();
    stream.write_all(request.as_bytes())?;
    receive(BufReader::new(stream))
}

/// As [`send`], signed with the key of `contoso`.
pub fn send_signed(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    let (date, length) = (SystemClock.now().rfc1123().to_string(), body.len().to_string());
    let headers = [headers, &[("ocp-date", date.as_str())]].concat();
    let sent = headers.iter().copied().chain([("content-length", length.as_str())]);
    let sent: Vec<(&str, &[u8])> = sent.map(|(name, value)| (name, value.as_bytes())).collect();
    let (received, request_id) = (Timestamp::MIN, Guid::from_u128(1));
    let request = Request { method, target, headers: &sent, body: body.as_bytes(), received, request_id };
    let signature = SharedKey::new("contoso", KEY).unwrap().sign(&request);
    send(address, method, target, &[headers.as_slice(), &[("authorization", &signature)]].concat(), body)
}

fn receive(mut reader: impl BufRead) -> io::Result<Answer> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(io::ErrorKind::UnexpectedEof)?;
    while !line.trim_end().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let mut body = String::new();
    reader.read_to_string(&mut body)?;
    Ok(Answer { status, body })
}
