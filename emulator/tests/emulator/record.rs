//! `--record`: what is recorded replays, whatever happened.

use std::{fs, path::PathBuf, process::Command};

use serde_json::{Value, json};

use crate::{
    against::Service,
    episode::{Action, Episode, Outcome, Player},
    harness::{Emulator, VERSION, code, job},
    page::raw,
    remote::Remote,
};

fn file(name: &str) -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::remove_file(&file).ok();
    file
}

/// Plays a recording, and says how often each kind of step occurs in it.
fn play(text: &str) -> Vec<(&'static str, usize)> {
    let episode = Episode::parse(text).unwrap();
    for (number, outcome) in Player::new(&episode).play(&episode) {
        if let Outcome::Failed(why) = outcome {
            panic!("step {number}: {why}\n{text}");
        }
    }
    let kind = |action: &Action| match action {
        Action::Request(request) if request.expect.status.is_some() => "request",
        Action::Request(_) => "request only",
        Action::Tick => "tick",
        Action::Schedule => "schedule",
        Action::Report(_) => "report",
        Action::Node { .. } => "node event",
        Action::AddNode { .. } => "added node",
        Action::RemoteLogin { .. } => "remote login",
        Action::AddAutoPool { .. } => "auto pool",
        Action::Note(_) => "note",
        Action::Assign { .. } | Action::RemoveNode { .. } | Action::RefuseAutoPool { .. } => "other",
    };
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for step in &episode.steps {
        match counts.iter_mut().find(|(name, _)| *name == kind(&step.action)) {
            Some((_, count)) => *count += 1,
            None => counts.push((kind(&step.action), 1)),
        }
    }
    counts
}

/// It is complete while the emulator runs, and once it has ended.
#[cfg(unix)]
#[test]
fn what_is_recorded_replays() {
    let path = file("recording.json");
    let arguments =
        ["--frozen", "--pool", "pool-1:2:1", "--force-wait", "5", "--record", path.to_str().unwrap()];
    let emulator = Emulator::start(&arguments);
    let mut film = job("film");
    film["jobPreparationTask"] = json!({ "commandLine": "sleep 1" });
    film["jobReleaseTask"] = json!({ "commandLine": "sleep 2; exit 6" });
    emulator.add(film, "sleep 100; exit 7");
    emulator.add(
        json!({ "id": "own", "poolInfo": { "autoPoolSpecification": {
        "poolLifetimeOption": "job",
        "pool": {
            "vmSize": "small",
            "virtualMachineConfiguration": {
                "imageReference": { "publisher": "a", "offer": "b", "sku": "c" }, "nodeAgentSKUId": "d"
            },
            "targetDedicatedNodes": 1
        }
    } } }),
        "echo hello",
    );
    emulator.advance(5);
    emulator.advance(5);
    assert_eq!(emulator.get("/jobs/own/tasks/task")["state"], "completed");
    let node = emulator.get("/jobs/film/tasks/task")["nodeInfo"]["nodeId"].as_str().unwrap().to_owned();
    assert_eq!(emulator.call("GET", "/jobs/own/tasks/task/files/stdout.txt", Value::Null).status, 200);
    assert_eq!(emulator.call("GET", "/jobs/none/tasks/task/files/stdout.txt", Value::Null).status, 404);
    let fault = json!({ "count": 1, "path": "/jobs/film", "code": "ServerBusy" });
    assert_eq!(emulator.send("POST", "/_azbatch/faults", fault).status, 200);
    assert_eq!(emulator.call("DELETE", "/jobs/film", Value::Null).status, 503);
    assert_eq!(emulator.send("POST", &format!("/_azbatch/nodes/{node}/lost"), Value::Null).status, 200);
    assert_eq!(emulator.send("GET", "/supportedimages?api-version=2024-07-01.20.0", Value::Null).status, 200);
    assert_eq!(emulator.send("GET", "/jobs", Value::Null).status, 400);
    let forced = emulator.send("POST", &format!("/jobs/film/terminate?force=true&{VERSION}"), Value::Null);
    assert_eq!(forced.status, 202);

    let counts = play(&fs::read_to_string(&path).unwrap());
    let count = |kind: &str| counts.iter().find(|(name, _)| *name == kind).map_or(0, |(_, count)| *count);
    for (kind, expected) in [
        ("request only", 1),
        ("note", 1),
        ("auto pool", 1),
        ("added node", 3),
        ("remote login", 3),
        ("node event", 1),
    ] {
        assert_eq!(count(kind), expected, "{kind}: {counts:?}");
    }
    for kind in ["tick", "schedule", "report", "request"] {
        assert!(count(kind) > 3, "{kind}: {counts:?}");
    }

    emulator.advance(60);
    assert_eq!(emulator.get("/jobs/film")["state"], "completed");
    let log = emulator.interrupt();
    assert!(log.iter().any(|line| line.starts_with("recorded in")), "{log:?}");
    let text = fs::read_to_string(&path).unwrap();
    assert!(play(&text) != counts);
    assert!(text.contains("\"force_wait\": \"PT5S\""));

    // It can also be played over HTTP.
    let emulator = Emulator::start(&["--run", "episode"]);
    let service = Service::new(&format!("http://{}", emulator.address), "anybody", "YW55").unwrap();
    let remote = Remote { service: &service, authorizes: false, token: None, pools: true, pause: &|_| {} };
    let report = remote.play(&text).unwrap();
    assert_eq!((report.differ, report.skipped), (Vec::new(), Vec::new()));
    fs::remove_file(path).unwrap();
}

/// A refusal of the guard is a note, because a replay authorizes nobody.
#[test]
fn what_the_guard_refuses_is_a_note() {
    let file = file("guarded.json");
    let emulator = Emulator::start_guarded(&["--frozen", "--record", file.to_str().unwrap()]);
    let answer = emulator.client().send("GET", &format!("/jobs?{VERSION}"), b"").unwrap();
    assert_eq!((answer.status, code(&answer).as_str()), (400, "MissingRequiredHeader"));
    let answer = emulator.client().send("GET", "/nothing", b"").unwrap();
    // The path comes before the authorization (S5).
    assert_eq!((answer.status, code(&answer).as_str()), (400, "InvalidUri"));
    let text = fs::read_to_string(&file).unwrap();
    let counts = play(&text);
    assert!(counts.contains(&("note", 1)) && counts.contains(&("request", 2)), "{text}");
    fs::remove_file(file).unwrap();
}

#[test]
fn a_recording_has_no_authorization() {
    let file = file("secrets.json");
    let emulator = Emulator::start(&["--frozen", "--record", file.to_str().unwrap()]);
    let headers = [("Host", "localhost"), ("Authorization", "Bearer sesame"), ("X-Mine", "kept")];
    let answer = raw(&emulator, "GET", &format!("/jobs?{VERSION}"), &headers, "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("kept") && !text.contains("sesame"), "{text}");
    play(&text);
    fs::remove_file(file).unwrap();
}

/// A recording tells everything from the beginning, and replaces no other one.
#[test]
fn only_a_new_account_is_recorded_in_a_new_file() {
    let (record, snapshot) = (file("twice.json"), file("twice-account.json"));
    let refused = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_azbatch-emulator"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    fs::write(&record, "precious").unwrap();
    let why = refused(&["--record", record.to_str().unwrap()]);
    assert!(why.contains("exists"), "{why}");
    assert_eq!(fs::read_to_string(&record).unwrap(), "precious");
    fs::remove_file(&record).unwrap();

    let emulator = Emulator::start(&["--frozen", "--snapshot", snapshot.to_str().unwrap()]);
    assert_eq!(emulator.send("POST", "/_azbatch/snapshot", Value::Null).status, 200);
    drop(emulator);
    let why = refused(&["--snapshot", snapshot.to_str().unwrap(), "--record", record.to_str().unwrap()]);
    assert!(why.contains("only a new account"), "{why}");
    assert!(!record.exists());
    fs::remove_file(snapshot).unwrap();
}
