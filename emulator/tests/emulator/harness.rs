//! A started emulator, and requests to it.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::client::{Answer, Client};

pub const VERSION: &str = "api-version=2024-07-01.20.0";
/// Longer than anything here takes, even on a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// A started emulator; it ends with the test.
pub struct Emulator {
    process: Child,
    pub address: SocketAddr,
    /// What it says before it says where it is.
    pub first_lines: Vec<String>,
    pub lines: mpsc::Receiver<String>,
}

impl Emulator {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_guarded(&[&["--no-auth"], arguments].concat())
    }

    pub fn start_guarded(arguments: &[&str]) -> Self {
        Self::start_as(&mut Command::new(env!("CARGO_BIN_EXE_azbatch-emulator")), arguments)
    }

    /// An emulator whose files may not be larger than so many kilobytes.
    #[cfg(target_os = "linux")]
    pub fn start_limited(kilobytes: u64, arguments: &[&str]) -> Self {
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kilobytes * 2);
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_azbatch-emulator")]);
        Self::start_as(&mut command, &[&["--no-auth"], arguments].concat())
    }

    fn start_as(command: &mut Command, arguments: &[&str]) -> Self {
        let mut process = command
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("TMPDIR", env!("CARGO_TARGET_TMPDIR")) // What tasks leave behind stays with the build.
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut first_lines = Vec::new();
        let address = loop {
            let line = lines.recv_timeout(TIMEOUT).unwrap();
            match line.strip_prefix("endpoint ").and_then(|url| url.split_once("://")) {
                Some((_, address)) => break address.parse().unwrap(),
                None => first_lines.push(line),
            }
        };
        Self { process, address, first_lines, lines }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    pub fn send(&self, method: &str, target: &str, body: Value) -> Answer {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.client().send(method, target, &body).unwrap()
    }

    /// A request to the service.
    pub fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.send(method, &format!("{path}?{VERSION}"), body)
    }

    pub fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", path, Value::Null);
        assert_eq!(answer.status, 200, "{path}: {}", text(&answer));
        value(&answer)
    }

    pub fn wait_for(&self, path: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let seen = self.get(path);
            if condition(&seen) {
                return seen;
            }
            assert!(start.elapsed() < TIMEOUT, "{path} stays {seen}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn wait_for_state(&self, path: &str, state: &str) -> Value {
        self.wait_for(path, |seen| seen["state"] == state)
    }

    /// Makes a job with a task.
    pub fn add(&self, job: Value, command_line: &str) {
        let path = format!("/jobs/{}/tasks", job["id"].as_str().unwrap());
        assert_eq!(self.call("POST", "/jobs", job).status, 201);
        let task = json!({ "id": "task", "commandLine": command_line });
        assert_eq!(self.call("POST", &path, task).status, 201);
    }

    pub fn advance(&self, seconds: u64) {
        assert_eq!(self.send("POST", "/_azbatch/clock", json!({ "seconds": seconds })).status, 200);
    }

    /// Waits until it ends by itself.
    #[cfg(target_os = "linux")]
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// What the log says in the end, once the process has ended as it does at ctrl-c.
    #[cfg(unix)]
    pub fn interrupt(mut self) -> Vec<String> {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
        self.lines.iter().collect()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

pub fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

pub fn value(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

pub fn code(answer: &Answer) -> String {
    value(answer)["code"].as_str().unwrap_or_default().to_owned()
}

pub fn job(id: &str) -> Value {
    json!({ "id": id, "poolInfo": { "poolId": "pool-1" } })
}
