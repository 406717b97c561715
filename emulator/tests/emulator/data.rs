//! `--data`: what survives when the emulator is killed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use azbatch::Timestamp;
use serde_json::{Value, json};

use crate::harness::{Emulator, TIMEOUT, VERSION, code, job, text, value};

/// A folder that is not there yet.
pub fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::remove_dir_all(&folder).ok();
    folder
}

fn refused(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_azbatch-emulator"))
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

fn now(emulator: &Emulator) -> Timestamp {
    let clock = value(&emulator.send("GET", "/_azbatch/clock", Value::Null));
    Timestamp::parse_iso8601(clock["now"].as_str().unwrap()).unwrap()
}

/// The clock, a node that does not answer, a default pool that was deleted, and what runs.
#[test]
fn a_killed_emulator_goes_on_where_it_was() {
    let folder = folder("killed-frozen");
    let arguments = ["--frozen", "--data", folder.to_str().unwrap()];
    let emulator = Emulator::start(&arguments);
    let pool = emulator.get("/pools/pool-1");
    let mut own = json!({ "id": "own", "targetDedicatedNodes": 2 });
    for property in ["vmSize", "virtualMachineConfiguration"] {
        own[property] = pool[property].clone();
    }
    assert_eq!(emulator.call("POST", "/pools", own).status, 201);
    let in_own = |id: &str| json!({ "id": id, "poolInfo": { "poolId": "own" } });
    emulator.advance(5);
    emulator.add(in_own("stuck"), "sleep 8; exit 7");
    emulator.add(in_own("running"), "sleep 30; exit 4");
    emulator.advance(5);
    let node = emulator.get("/jobs/stuck/tasks/task")["nodeInfo"]["nodeId"].as_str().unwrap().to_owned();
    assert_eq!(emulator.send("POST", &format!("/_azbatch/nodes/{node}/lost"), Value::Null).status, 200);
    assert_eq!(emulator.call("POST", "/jobs/stuck/terminate", Value::Null).status, 202);
    assert_eq!(emulator.call("DELETE", "/pools/pool-1", Value::Null).status, 202);
    emulator.advance(7); // Nothing happens at the end of it, but the clock has moved.
    let (at, running) = (now(&emulator), emulator.get("/jobs/running/tasks/task"));
    drop(emulator);

    let emulator = Emulator::start(&arguments);
    assert_eq!(now(&emulator), at);
    assert_eq!(emulator.call("GET", "/pools/pool-1", Value::Null).status, 404);
    let shown = |task: &Value| ["state", "executionInfo", "eTag"].map(|property| task[property].clone());
    assert_eq!(shown(&emulator.get("/jobs/running/tasks/task")), shown(&running));
    emulator.advance(60);
    assert_eq!(emulator.get("/jobs/running/tasks/task")["executionInfo"]["exitCode"], 4);
    assert_eq!(emulator.get("/jobs/stuck")["state"], "terminating");
    drop(emulator);

    let emulator = Emulator::start(&arguments);
    assert_eq!(emulator.get("/jobs/stuck")["state"], "terminating");
    assert_eq!(emulator.send("POST", &format!("/_azbatch/nodes/{node}/returned"), Value::Null).status, 200);
    drop(emulator);

    let emulator = Emulator::start(&arguments);
    emulator.advance(1);
    assert_eq!(emulator.get("/jobs/stuck")["state"], "completed");
    drop(emulator);
    fs::remove_dir_all(folder).unwrap();
}

/// Simulated nodes have the files of their tasks again, unless they were reimaged since.
#[test]
fn files_of_simulated_tasks_are_made_again() {
    let folder = folder("files");
    let arguments = ["--frozen", "--pool", "pool-1:1:1", "--data", folder.to_str().unwrap()];
    let emulator = Emulator::start(&arguments);
    emulator.add(job("film"), "echo kept");
    emulator.advance(5);
    let task = emulator.get("/jobs/film/tasks/task");
    assert_eq!(task["state"], "completed");
    let node = task["nodeInfo"]["nodeId"].as_str().unwrap();
    // Their URLs have the port, which changes.
    let files = |emulator: &Emulator| -> Vec<(Value, Value)> {
        let list = emulator.get("/jobs/film/tasks/task/files");
        let files = list["value"].as_array().unwrap().iter();
        files.map(|file| (file["name"].clone(), file["properties"].clone())).collect()
    };
    let before = files(&emulator);
    assert_eq!(before.len(), 3);
    drop(emulator);

    let emulator = Emulator::start(&arguments);
    assert_eq!(files(&emulator), before);
    let output = emulator.call("GET", "/jobs/film/tasks/task/files/stdout.txt", Value::Null);
    assert_eq!(text(&output), "kept\n");
    let reimage = format!("/pools/pool-1/nodes/{node}/reimage");
    assert_eq!(emulator.call("POST", &reimage, Value::Null).status, 202);
    emulator.advance(5);
    drop(emulator);

    let emulator = Emulator::start(&arguments);
    let output = emulator.call("GET", "/jobs/film/tasks/task/files/stdout.txt", Value::Null);
    assert_eq!(output.status, 404);
    drop(emulator);
    fs::remove_dir_all(folder).unwrap();
}

/// A clock that runs does not go back behind anything that it has shown, and not far ahead of it.
#[test]
fn a_clock_that_runs_does_not_go_back() {
    let folder = folder("killed-running");
    let arguments = ["--speed", "1000", "--data", folder.to_str().unwrap()];
    let mut shown = Timestamp::MIN;
    for _ in 0..3 {
        let emulator = Emulator::start(&arguments);
        let start = now(&emulator);
        assert!(start >= shown, "{start} {shown}");
        if shown != Timestamp::MIN {
            // A second of the wall clock, and the time that starting takes.
            assert!(
                Duration::from(start.since(shown)) < Duration::from_secs(1000 + 20_000),
                "{start} {shown}"
            );
        }
        let end = Instant::now() + Duration::from_millis(1300);
        while Instant::now() < end {
            shown = now(&emulator);
        }
    }
    #[cfg(unix)]
    {
        let emulator = Emulator::start(&[arguments.as_slice(), &["--frozen"]].concat()[2..]);
        emulator.advance(3);
        shown = now(&emulator);
        emulator.interrupt();
        let emulator = Emulator::start(&["--frozen", "--data", folder.to_str().unwrap()]);
        assert_eq!(now(&emulator), shown);
    }
    fs::remove_dir_all(folder).unwrap();
}

#[cfg(unix)]
#[test]
fn a_snapshot_is_imported_into_an_empty_folder_only() {
    let (folder, file) = (folder("imported"), folder("imported.json"));
    let (data, snapshot) = (["--data", folder.to_str().unwrap()], ["--snapshot", file.to_str().unwrap()]);
    fs::remove_file(&file).ok();
    let emulator = Emulator::start(&[["--frozen", "--pool"].as_slice(), &["only:1:1"], &snapshot].concat());
    emulator.add(job("first"), "true");
    emulator.interrupt();

    let both = [["--frozen"].as_slice(), &data, &snapshot].concat();
    let emulator = Emulator::start(&both);
    assert_eq!(emulator.call("GET", "/jobs/first", Value::Null).status, 200);
    assert_eq!(emulator.call("GET", "/pools/pool-1", Value::Null).status, 404);
    emulator.add(job("second"), "true");
    drop(emulator); // Killed: the file has only the first job.

    let emulator = Emulator::start(&both);
    assert_eq!(emulator.call("GET", "/jobs/second", Value::Null).status, 200);
    let log = emulator.interrupt();
    assert!(log.iter().any(|line| line.starts_with("saved to")), "{log:?}");
    assert!(fs::read_to_string(&file).unwrap().contains("second"));
    let emulator = Emulator::start(&both);
    assert!(emulator.first_lines.iter().any(|line| line.contains("only written")));
    drop(emulator);
    fs::remove_dir_all(folder).unwrap();
    fs::remove_file(file).unwrap();
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let folder = folder("refused");
    let path = folder.to_str().unwrap();
    let why = refused(&["--run", "episode", "--data", path]);
    assert!(why.contains("no data"), "{why}");
    assert!(!folder.exists());

    let emulator = Emulator::start(&["--data", path]);
    let why = refused(&["--data", path]);
    assert!(why.contains(path) && why.contains("another process has the store open"), "{why}");
    drop(emulator);
    let record = folder.join("record.json");
    let why = refused(&["--data", path, "--record", record.to_str().unwrap()]);
    assert!(why.contains("only a new account"), "{why}");

    let store = folder.join("store.redb");
    let mut bytes = fs::read(&store).unwrap();
    bytes.truncate(5000);
    fs::write(&store, bytes).unwrap();
    let why = refused(&["--data", path]);
    assert!(why.contains("is damaged") && why.contains("move it away"), "{why}");
    fs::write(&store, "something else").unwrap();
    let why = refused(&["--data", path]);
    assert!(why.contains("is damaged"), "{why}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_new_account_is_recorded_beside_it() {
    let (folder, file) = (folder("recorded"), folder("recorded.json"));
    fs::remove_file(&file).ok();
    let emulator = Emulator::start(&[
        "--data",
        folder.to_str().unwrap(),
        "--record",
        file.to_str().unwrap(),
        "--frozen",
    ]);
    emulator.add(job("film"), "true");
    drop(emulator);
    assert!(fs::read_to_string(&file).unwrap().contains("film"));
    let emulator = Emulator::start(&["--data", folder.to_str().unwrap(), "--frozen"]);
    assert_eq!(emulator.call("GET", "/jobs/film/tasks/task", Value::Null).status, 200);
    drop(emulator);
    fs::remove_dir_all(folder).unwrap();
    fs::remove_file(file).unwrap();
}

/// A disk that is full: what was answered stays, nothing else is acknowledged, and the emulator ends.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_emulator_and_loses_nothing() {
    let folder = folder("full");
    let arguments = ["--data", folder.to_str().unwrap()];
    let mut emulator = Emulator::start_limited(6_000, &arguments);
    let mut client = emulator.client();
    let mut acknowledged = 0;
    let refusal = loop {
        let mut film = job(&format!("film-{acknowledged}"));
        let setting = |number| json!({ "name": format!("name-{number}"), "value": "x".repeat(1_000) });
        film["commonEnvironmentSettings"] = (0..20).map(setting).collect();
        let body = film.to_string().into_bytes();
        let answer = client.send("POST", &format!("/jobs?{VERSION}"), &body).unwrap();
        if answer.status != 201 {
            break answer;
        }
        acknowledged += 1;
        assert!(acknowledged < 2_000);
    };
    assert_eq!((refusal.status, code(&refusal)), (500, "InternalError".into()), "{}", text(&refusal));
    assert!(!emulator.wait().success());
    drop(emulator);

    let emulator = Emulator::start(&arguments);
    for number in 0..acknowledged {
        assert_eq!(
            emulator.call("GET", &format!("/jobs/film-{number}"), Value::Null).status,
            200,
            "{number}"
        );
    }
    drop(emulator);
    fs::remove_dir_all(folder).unwrap();
}

/// The processes of real tasks: those of a killed emulator are ended before the tasks run again.
#[cfg(target_os = "linux")]
#[test]
fn real_tasks_run_once_at_a_time_and_keep_their_files() {
    let folder = folder("orphans");
    let arguments = ["--run", "local", "--service-lag", "10", "--data", folder.to_str().unwrap()];
    let emulator = Emulator::start(&arguments);
    emulator.add(job("film"), "echo kept");
    emulator.wait_for_state("/jobs/film/tasks/task", "completed");
    let pids = folder.join("pids");
    // A child of its own is left too, and in another process group.
    let command = format!("echo $$ >> {0}; setsid sh -c 'echo $$ >> {0}; sleep 1000'", pids.display());
    let endless = json!({ "id": "endless", "commandLine": command });
    assert_eq!(emulator.call("POST", "/jobs/film/tasks", endless).status, 201);
    let before = wait_for_pids(&pids, 2);
    assert!(before.iter().all(|pid| runs(pid)));
    drop(emulator);
    assert!(before.iter().all(|pid| runs(pid)), "they go on without the emulator");
    // A node that was removed, whose files a kill has kept from being deleted. Another node can get its id.
    let removed = folder.join("nodes/tvmps_0_d");
    fs::create_dir_all(removed.join("shared")).unwrap();

    let emulator = Emulator::start(&arguments);
    assert!(!before.iter().any(|pid| runs(pid)));
    assert!(!removed.exists());
    let output = emulator.call("GET", "/jobs/film/tasks/task/files/stdout.txt", Value::Null);
    assert_eq!(text(&output), "kept\n");
    let all = wait_for_pids(&pids, 4);
    assert_eq!(emulator.get("/jobs/film/tasks/endless")["state"], "running");
    assert_eq!(emulator.call("POST", "/jobs/film/terminate", Value::Null).status, 202);
    emulator.wait_for_state("/jobs/film", "completed");
    drop(emulator);
    drop(Emulator::start(&arguments)); // Ends what has left its process group.
    assert!(!all.iter().any(|pid| runs(pid)));
    fs::remove_dir_all(folder).unwrap();
}

fn wait_for_pids(file: &Path, count: usize) -> Vec<String> {
    let start = Instant::now();
    loop {
        let pids = fs::read_to_string(file).unwrap_or_default();
        if pids.lines().count() == count {
            return pids.lines().map(str::to_owned).collect();
        }
        assert!(start.elapsed() < TIMEOUT, "{pids}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn runs(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}
