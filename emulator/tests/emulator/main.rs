//! The emulator as a separate process, tested over HTTP.

#![allow(clippy::needless_pass_by_value, reason = "the bodies are made in the calls")]

#[path = "../../../examples/against/mod.rs"]
mod against;
#[path = "../../../examples/ask/mod.rs"]
mod ask;
mod asking;
#[path = "../../examples/load/client.rs"]
mod client;
mod conformance;
mod data;
#[path = "../../../examples/episode/mod.rs"]
mod episode;
mod harness;
mod killed;
mod page;
mod record;
#[path = "../../../examples/episode/remote.rs"]
mod remote;
mod signed;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use client::Client;
use harness::{Emulator, TIMEOUT, VERSION, code, job, text, value};
use serde_json::{Value, json};

fn seconds_between(start: &Value, end: &Value) -> u64 {
    let instant = |value: &Value| azbatch::Timestamp::parse_iso8601(value.as_str().unwrap()).unwrap();
    Duration::from(instant(end).since(instant(start))).as_secs()
}

#[test]
fn a_job_runs_and_is_terminated() {
    let emulator = Emulator::start(&["--speed", "50"]);
    let mut film = job("film");
    film["jobPreparationTask"] = json!({ "commandLine": "sleep 1" });
    film["jobReleaseTask"] = json!({ "commandLine": "sleep 20" });
    emulator.add(film, "/bin/sh -c 'sleep 10000'");
    emulator.wait_for_state("/jobs/film/tasks/task", "running");

    let answer = emulator.call("POST", "/jobs/film/terminate", json!({ "terminateReason": "enough" }));
    assert_eq!((answer.status, answer.reason.as_str()), (202, "Accepted"));
    assert!(answer.headers.iter().any(|(name, _)| name == "date"));
    assert_eq!(emulator.get("/jobs/film")["state"], "terminating");
    let again = emulator.call("POST", "/jobs/film/terminate", Value::Null);
    assert_eq!((again.status, code(&again).as_str()), (409, "JobBeingTerminated"));
    assert_eq!(again.reason, "The specified job is being terminated.");

    let film = emulator.wait_for_state("/jobs/film", "completed");
    assert_eq!(film["executionInfo"]["terminateReason"], "enough");
    let task = emulator.get("/jobs/film/tasks/task");
    assert_eq!(task["executionInfo"]["failureInfo"]["code"], "TaskEnded");
    assert_eq!(task["executionInfo"]["exitCode"], 137);
    let status = &emulator.get("/jobs/film/jobpreparationandreleasetaskstatus")["value"][0];
    assert_eq!(status["jobPreparationTaskExecutionInfo"]["exitCode"], 0);
    let release = &status["jobReleaseTaskExecutionInfo"];
    assert_eq!(release["exitCode"], 0);
    assert_eq!(seconds_between(&release["startTime"], &release["endTime"]), 20);
}

/// E2: a task of a terminated job runs until its node answers, which takes a simulated node a moment.
#[test]
fn a_task_that_is_told_to_stop_runs_for_a_moment() {
    let emulator = Emulator::start(&["--frozen"]);
    emulator.add(job("film"), "sleep 600");
    emulator.advance(5);
    let task = || emulator.get("/jobs/film/tasks/task");
    assert_eq!(emulator.call("POST", "/jobs/film/terminate", Value::Null).status, 202);
    assert_eq!(
        (&task()["state"], &emulator.get("/jobs/film")["state"]),
        (&json!("running"), &json!("terminating"))
    );
    let terminated = emulator.get("/jobs/film")["stateTransitionTime"].clone();
    emulator.advance(5);
    let task = task();
    assert_eq!(
        (&task["state"], &emulator.get("/jobs/film")["state"]),
        (&json!("completed"), &json!("completed"))
    );
    assert_ne!(task["executionInfo"]["endTime"], terminated);
}

#[test]
fn unauthorized_requests_are_refused() {
    let emulator = Emulator::start_guarded(&[]);
    let answer = emulator.call("GET", "/jobs", Value::Null);
    assert_eq!((answer.status, code(&answer).as_str()), (400, "MissingRequiredHeader"));
}

#[test]
fn faults_can_be_injected() {
    let emulator = Emulator::start(&["--speed", "50"]);
    emulator.add(job("film"), "sleep 100000");
    let node = emulator.wait_for_state("/jobs/film/tasks/task", "running")["nodeInfo"]["nodeId"].clone();
    let fault = json!({ "count": 2, "method": "POST", "path": "/jobs/film/*", "code": "ServerBusy" });
    assert_eq!(emulator.send("POST", "/_azbatch/faults", fault).status, 200);
    for _ in 0..2 {
        let busy = emulator.call("POST", "/jobs/film/terminate", Value::Null);
        assert_eq!((busy.status, code(&busy).as_str()), (503, "ServerBusy"));
    }

    let happens = |event: &str| {
        let target = format!("/_azbatch/nodes/{}/{event}", node.as_str().unwrap());
        assert_eq!(emulator.send("POST", &target, Value::Null).status, 200);
    };
    happens("lost");
    assert_eq!(emulator.call("POST", "/jobs/film/terminate", Value::Null).status, 202);
    let stuck = |film: &Value| film["executionInfo"]["schedulingError"].is_object();
    assert_eq!(emulator.wait_for("/jobs/film", stuck)["state"], "terminating");
    happens("returned");
    emulator.wait_for_state("/jobs/film", "completed");

    let delay = json!({ "path": "/jobs/film", "delay": "PT0.3S" });
    assert_eq!(emulator.send("POST", "/_azbatch/faults", delay).status, 200);
    let start = Instant::now();
    emulator.get("/jobs/film");
    assert!(start.elapsed() >= Duration::from_millis(300));

    let limit = json!({ "count": 9, "code": "TooManyRequests" });
    assert_eq!(emulator.send("POST", "/_azbatch/faults", limit).status, 200);
    assert_eq!(emulator.call("GET", "/jobs", Value::Null).status, 429);
    let cleared = emulator.send("DELETE", "/_azbatch/faults", Value::Null);
    assert_eq!(text(&cleared), "[]");
    assert_eq!(emulator.call("GET", "/jobs", Value::Null).status, 200);
    assert_eq!(emulator.send("POST", "/_azbatch/faults", json!({ "code": "NoSuchCode" })).status, 422);
    assert_eq!(emulator.send("POST", "/_azbatch/nodes/nobody/lost", Value::Null).status, 404);
}

#[test]
fn a_stopped_clock_can_be_advanced() {
    let emulator = Emulator::start(&["--frozen"]);
    let clock = || value(&emulator.send("GET", "/_azbatch/clock", Value::Null))["now"].clone();
    let start = clock();
    emulator.add(job("film"), "sleep 10; exit 3");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(emulator.get("/jobs/film/tasks/task")["state"], "active");
    assert_eq!(clock(), start);

    let answer = emulator.send("POST", "/_azbatch/clock", json!({ "advance": "PT5S" }));
    assert_eq!(seconds_between(&start, &value(&answer)["now"]), 5);
    assert_eq!(emulator.get("/jobs/film/tasks/task")["state"], "running");
    emulator.advance(30);
    let task = emulator.get("/jobs/film/tasks/task");
    let information = &task["executionInfo"];
    assert_eq!((&task["state"], &information["exitCode"]), (&json!("completed"), &json!(3)));
    assert_eq!(seconds_between(&information["startTime"], &information["endTime"]), 10);
}

#[test]
fn pools_get_nodes_and_lose_them() {
    let emulator = Emulator::start(&["--frozen", "--pool", "render:1:2"]);
    let pool = json!({
        "id": "more", "vmSize": "standard_d2s_v3", "targetDedicatedNodes": 2, "targetLowPriorityNodes": 1,
        "virtualMachineConfiguration": {
            "imageReference": { "publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server" },
            "nodeAgentSKUId": "batch.node.ubuntu 24.04"
        }
    });
    let answer = emulator.call("POST", "/pools", pool);
    assert_eq!(answer.status, 201, "{}", text(&answer));
    assert_eq!(emulator.get("/pools/more")["allocationState"], "resizing");
    emulator.advance(1);
    assert_eq!(emulator.get("/pools/more")["allocationState"], "steady");
    let nodes = emulator.get("/pools/more/nodes")["value"].clone();
    assert_eq!(nodes.as_array().unwrap().len(), 3);
    let node = nodes[0]["id"].as_str().unwrap();
    let path = format!("/pools/more/nodes/{node}");
    assert_eq!(emulator.call("POST", &format!("{path}/reboot"), Value::Null).status, 202);
    assert_eq!(emulator.get(&path)["state"], "rebooting");
    emulator.advance(5);
    assert_eq!(emulator.get(&path)["state"], "idle");
    assert_eq!(emulator.call("DELETE", "/pools/more", Value::Null).status, 202);
    emulator.advance(5);
    assert_eq!(emulator.call("GET", "/pools/more", Value::Null).status, 404);
}

/// A node that was rebooted while it was starting has started already: the later end of that start changes
/// nothing, so whatever runs on the node continues.
#[test]
fn a_late_node_event_ends_no_run() {
    let emulator = Emulator::start(&["--frozen", "--pool", "pool-1:1:1"]);
    let node = emulator.get("/pools/pool-1/nodes")["value"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/pools/pool-1/nodes/{node}");
    assert_eq!(emulator.call("POST", &format!("{path}/deallocate"), Value::Null).status, 202);
    emulator.advance(5);
    assert_eq!(emulator.get(&path)["state"], "deallocated");
    assert_eq!(emulator.call("POST", &format!("{path}/start"), Value::Null).status, 202);
    emulator.advance(1);
    assert_eq!(emulator.send("POST", &format!("/_azbatch/nodes/{node}/rebooted"), Value::Null).status, 200);
    emulator.add(job("film"), "sleep 100; exit 3");
    emulator.advance(1);
    assert_eq!(emulator.get("/jobs/film/tasks/task")["state"], "running");
    emulator.advance(200);
    assert_eq!(emulator.get("/jobs/film/tasks/task")["executionInfo"]["exitCode"], 3);
}

/// Preparing, running, stopping, releasing, restarting: all of it continues in another process.
#[cfg(unix)]
#[test]
fn a_stored_account_continues_in_another_process() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("emulator.json");
    fs::remove_file(&file).ok();
    let arguments = ["--frozen", "--pool", "pool-1:4:1", "--snapshot", file.to_str().unwrap()];
    let emulator = Emulator::start(&arguments);
    emulator.add(job("running"), "sleep 10; exit 4");
    let mut preparing = job("preparing");
    preparing["jobPreparationTask"] = json!({ "commandLine": "sleep 10" });
    emulator.add(preparing, "exit 5");
    let mut releasing = job("releasing");
    releasing["jobPreparationTask"] = json!({ "commandLine": "true" });
    releasing["jobReleaseTask"] = json!({ "commandLine": "sleep 20; exit 6" });
    emulator.add(releasing, "sleep 100");
    emulator.add(job("stuck"), "sleep 8; exit 7");
    emulator.advance(5);
    let node = emulator.get("/jobs/stuck/tasks/task")["nodeInfo"]["nodeId"].as_str().unwrap().to_owned();
    assert_eq!(emulator.send("POST", &format!("/_azbatch/nodes/{node}/lost"), Value::Null).status, 200);
    assert_eq!(emulator.call("POST", "/jobs/releasing/terminate", Value::Null).status, 202);
    emulator.call("POST", "/jobs/stuck/terminate", Value::Null);
    emulator.advance(1);
    let started = emulator.get("/jobs/running/tasks/task")["executionInfo"]["startTime"].clone();
    let log = emulator.interrupt();
    assert!(log.iter().any(|line| line.starts_with("saved to")), "{log:?}");

    let emulator = Emulator::start(&arguments);
    assert_eq!(emulator.get("/jobs/releasing")["state"], "terminating");
    emulator.advance(60);
    let running = emulator.get("/jobs/running/tasks/task")["executionInfo"].clone();
    assert_eq!((&running["exitCode"], &running["startTime"]), (&json!(4), &started));
    assert_eq!(seconds_between(&started, &running["endTime"]), 10);
    assert_eq!(emulator.get("/jobs/preparing/tasks/task")["executionInfo"]["exitCode"], 5);
    assert_eq!(emulator.get("/jobs/releasing")["state"], "completed");
    let status = emulator.get("/jobs/releasing/jobpreparationandreleasetaskstatus")["value"][0].clone();
    assert_eq!(status["jobReleaseTaskExecutionInfo"]["exitCode"], 6);
    assert_eq!(emulator.get("/jobs/stuck")["state"], "terminating");
    assert_eq!(emulator.send("POST", &format!("/_azbatch/nodes/{node}/returned"), Value::Null).status, 200);
    emulator.advance(1);
    assert_eq!(emulator.get("/jobs/stuck")["state"], "completed");
    assert_eq!(emulator.get("/jobs/stuck/tasks/task")["executionInfo"]["exitCode"], 7);
    assert_eq!(emulator.send("POST", "/_azbatch/snapshot", Value::Null).status, 200);
    drop(emulator);

    let emulator = Emulator::start(&arguments);
    assert_eq!(emulator.get("/jobs/stuck")["state"], "completed");
    let url = emulator.get("/jobs/stuck")["url"].clone();
    assert_eq!(url, format!("http://{}/jobs/stuck", emulator.address));
    drop(emulator);
    fs::remove_file(file).unwrap();
}

#[test]
fn invalid_requests_do_not_break_the_connection() {
    let emulator = Emulator::start(&[]);
    let body = vec![b' '; 3 * 1024 * 1024];
    let mut client = emulator.client();
    let answer = client.send("POST", &format!("/jobs?{VERSION}"), &body).unwrap();
    assert_eq!((answer.status, code(&answer).as_str()), (413, "RequestBodyTooLarge"));
    assert_eq!(client.send("GET", &format!("/jobs?{VERSION}"), b"").unwrap().status, 200);
    assert_eq!(client.send("HEAD", &format!("/pools/pool-1?{VERSION}"), b"").unwrap().status, 200);
    assert_eq!(client.send("BREW", &format!("/pools/pool-1?{VERSION}"), b"").unwrap().status, 405);
    assert_eq!(client.send("GET", "/coffee", b"").unwrap().status, 400);
}

/// The crate has no limit to these; its guide names the emulator's.
#[test]
fn headers_and_targets_have_limits() {
    let emulator = Emulator::start(&[]);
    let status = |target: String, headers: usize| {
        let mut stream = TcpStream::connect(emulator.address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        let others = "x-other: x\r\n".repeat(headers - 2);
        let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", emulator.address);
        stream.write_all(format!("{head}{others}\r\n").as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.split(' ').nth(1).unwrap().to_owned()
    };
    let target = |bytes: usize| format!("{:x<bytes$}", format!("/jobs?{VERSION}&x="));
    assert_eq!([100, 101].map(|headers| status(target(100), headers)), ["200", "431"]);
    assert_eq!([65_534, 65_535].map(|bytes| status(target(bytes), 2)), ["200", "414"]);
}

#[test]
fn a_thousand_clients_and_broken_ones_are_served() {
    let emulator = Emulator::start(&[]);
    let start = Instant::now();
    let half_open: Vec<TcpStream> = (0..100)
        .map(|number| {
            let mut stream = TcpStream::connect(emulator.address).unwrap();
            let beginning: &[u8] = match number % 3 {
                0 => b"",
                1 => b"GET /jobs HTTP/1.1\r\nHo",
                _ => b"POST /jobs HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n{",
            };
            stream.write_all(beginning).unwrap();
            stream
        })
        .collect();
    let mut clients: Vec<Client> = (0..1000).map(|_| emulator.client()).collect();
    thread::scope(|scope| {
        for (number, clients) in clients.chunks_mut(50).enumerate() {
            scope.spawn(move || {
                for (place, client) in clients.iter_mut().enumerate() {
                    let body = job(&format!("job-{number}-{place}")).to_string();
                    let made = client.send("POST", &format!("/jobs?{VERSION}"), body.as_bytes()).unwrap();
                    assert_eq!(made.status, 201, "{}", text(&made));
                }
            });
        }
    });
    assert!(start.elapsed() < TIMEOUT);
    drop(half_open);
    assert_eq!(emulator.get("/jobs")["value"].as_array().unwrap().len(), 1000);
}

#[cfg(unix)]
#[test]
fn command_lines_really_run() {
    let emulator = Emulator::start(&["--run", "local", "--service-lag", "10"]);
    let mut film = job("film");
    film["commonEnvironmentSettings"] = json!([{ "name": "SHADE", "value": "grey" }]);
    film["jobPreparationTask"] = json!({ "commandLine": "echo prepared > data" });
    film["jobReleaseTask"] = json!({ "commandLine": "exit 6" });
    let command = r#"test "$SHADE$AZ_BATCH_JOB_ID$AZ_BATCH_TASK_ID" = greyfilmtask || exit 1
        test "$(cat "$AZ_BATCH_JOB_PREP_WORKING_DIR/data")" = prepared || exit 2
        test "$(pwd -P)" = "$(cd "$AZ_BATCH_TASK_WORKING_DIR" && pwd -P)" || exit 3
        test "$AZ_BATCH_ACCOUNT_NAME$AZ_BATCH_POOL_ID" = laptoppool-1 || exit 4
        test -n "$AZ_BATCH_ACCOUNT_URL" && test -d "$AZ_BATCH_NODE_SHARED_DIR" || exit 5
        test -f "$AZ_BATCH_TASK_DIR/stdout.txt" && test -d "$AZ_BATCH_NODE_ROOT_DIR" || exit 6
        rm -r "$AZ_BATCH_NODE_ROOT_DIR/shared"; exit 42"#;
    emulator.add(film, command);
    let task = emulator.wait_for_state("/jobs/film/tasks/task", "completed");
    assert_eq!(task["executionInfo"]["exitCode"], 42);
    let endless = json!({ "id": "endless", "commandLine": "sleep 1000 & wait" });
    assert_eq!(emulator.call("POST", "/jobs/film/tasks", endless).status, 201);
    let has_started = |task: &Value| task["executionInfo"]["startTime"].is_string();
    emulator.wait_for("/jobs/film/tasks/endless", |task| task["state"] == "running" && has_started(task));
    assert_eq!(emulator.call("POST", "/jobs/film/terminate", Value::Null).status, 202);
    emulator.wait_for_state("/jobs/film", "completed");
    assert_eq!(emulator.get("/jobs/film/tasks/endless")["executionInfo"]["exitCode"], 128 + 15);
    let status = emulator.get("/jobs/film/jobpreparationandreleasetaskstatus")["value"][0].clone();
    assert_eq!(status["jobReleaseTaskExecutionInfo"]["exitCode"], 6);
}

/// The names in a list of files.
fn names(list: &Value) -> Vec<&str> {
    list["value"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect()
}

#[test]
fn simulated_tasks_have_files_until_their_node_is_reimaged() {
    let emulator = Emulator::start(&["--speed", "50", "--pool", "pool-1:1:1"]);
    emulator.add(job("film"), "/bin/sh -c 'echo hello; exit 0'");
    let task = emulator.wait_for_state("/jobs/film/tasks/task", "completed");
    let node = task["nodeInfo"]["nodeId"].as_str().unwrap();
    let files = "/jobs/film/tasks/task/files";

    assert_eq!(names(&emulator.get(files)), ["stderr.txt", "stdout.txt", "wd"]);
    let output = emulator.call("GET", &format!("{files}/stdout.txt"), Value::Null);
    assert_eq!((output.status, text(&output).as_str()), (200, "hello\n"));
    let head = emulator.call("HEAD", &format!("{files}/stdout.txt"), Value::Null);
    assert_eq!(head.status, 200);
    assert!(head.headers.contains(&("content-length".into(), "6".into())), "{:?}", head.headers);
    let missing = emulator.call("GET", &format!("{files}/wd/none"), Value::Null);
    assert_eq!((missing.status, code(&missing).as_str()), (404, "FileNotFound"));

    assert_eq!(emulator.call("DELETE", &format!("{files}/stderr.txt"), Value::Null).status, 200);
    let node = format!("/pools/pool-1/nodes/{node}");
    let recursive = format!("{node}/files?{VERSION}&recursive=true");
    let all = value(&emulator.send("GET", &recursive, Value::Null));
    let task = "workitems/film/job-1/task";
    let expected = ["shared", "workitems", "workitems/film", "workitems/film/job-1", task];
    let of_task = ["stdout.txt", "wd"].map(|name| format!("{task}/{name}"));
    assert_eq!(names(&all), [expected.as_slice(), &of_task.each_ref().map(String::as_str)].concat());

    assert_eq!(emulator.call("POST", &format!("{node}/reimage"), Value::Null).status, 202);
    emulator.wait_for_state(&node, "idle");
    assert!(names(&value(&emulator.send("GET", &recursive, Value::Null))).is_empty());
}

#[cfg(unix)]
#[test]
fn files_of_real_tasks_are_served_but_nothing_outside_their_node() {
    let emulator = Emulator::start(&["--run", "local", "--service-lag", "10", "--pool", "pool-1:1:1"]);
    emulator.add(job("film"), "echo out; echo err >&2; mkdir -p a/b; printf 12345 > a/b/c; ln -s / root");
    let task = emulator.wait_for_state("/jobs/film/tasks/task", "completed");
    let files = "/jobs/film/tasks/task/files";

    let recursive = format!("{files}?{VERSION}&recursive=true");
    let all = value(&emulator.send("GET", &recursive, Value::Null));
    assert_eq!(names(&all), ["stderr.txt", "stdout.txt", "wd", "wd/a", "wd/a/b", "wd/a/b/c"]);
    for (name, content) in [("stdout.txt", "out\n"), ("stderr.txt", "err\n"), ("wd/a/b/c", "12345")] {
        let file = emulator.call("GET", &format!("{files}/{name}"), Value::Null);
        assert_eq!((file.status, text(&file).as_str()), (200, content), "{name}");
    }
    // `/etc/passwd` stands for any file outside the node: every Unix has it.
    for outside in ["wd/root", "wd/root/etc/passwd", "wd/../../../../../../etc/passwd", "%2Fetc%2Fpasswd"] {
        let refused = emulator.call("GET", &format!("{files}/{outside}"), Value::Null);
        assert_eq!(refused.status, 404, "{outside}: {}", text(&refused));
    }
    let directory = emulator.call("DELETE", &format!("{files}/wd/a"), Value::Null);
    assert_eq!(directory.status, 409, "{}", text(&directory));
    let whole = format!("{files}/wd/a?{VERSION}&recursive=true");
    assert_eq!(emulator.send("DELETE", &whole, Value::Null).status, 200);
    let all = value(&emulator.send("GET", &recursive, Value::Null));
    assert_eq!(names(&all), ["stderr.txt", "stdout.txt", "wd"]);

    let node = format!("/pools/pool-1/nodes/{}", task["nodeInfo"]["nodeId"].as_str().unwrap());
    assert_eq!(emulator.call("POST", &format!("{node}/reimage"), Value::Null).status, 202);
    emulator.wait_for_state(&node, "idle");
    let gone = emulator.call("GET", &format!("{files}/stdout.txt"), Value::Null);
    assert_eq!(gone.status, 404, "{}", text(&gone));
}

/// A process that ignores SIGTERM is still running when its node gets the next job's task of the same name.
#[cfg(unix)]
#[test]
fn the_end_of_an_old_run_does_not_end_a_new_one() {
    let arguments = ["--run", "local", "--service-lag", "10", "--force-wait", "1", "--pool", "pool-1:1:1"];
    let emulator = Emulator::start(&arguments);
    emulator.add(job("film"), "trap '' TERM; while :; do sleep 0.1; done");
    let has_started = |task: &Value| task["executionInfo"]["startTime"].is_string();
    emulator.wait_for("/jobs/film/tasks/task", |task| task["state"] == "running" && has_started(task));
    thread::sleep(Duration::from_millis(300)); // The shell needs time to reach its `trap`.
    let forced = |method: &str, path: &str| {
        emulator.send(method, &format!("{path}?{VERSION}&force=true"), Value::Null).status
    };
    assert_eq!(forced("POST", "/jobs/film/terminate"), 202);
    emulator.wait_for_state("/jobs/film", "completed");
    assert_eq!(forced("DELETE", "/jobs/film"), 202);
    let start = Instant::now();
    while emulator.call("GET", "/jobs/film", Value::Null).status != 404 {
        assert!(start.elapsed() < TIMEOUT);
        thread::sleep(Duration::from_millis(10));
    }

    emulator.add(job("film"), "sleep 5; exit 7");
    let task = emulator.wait_for_state("/jobs/film/tasks/task", "completed");
    assert_eq!(task["executionInfo"]["exitCode"], 7);
}

#[test]
fn images_to_choose_from_are_listed() {
    let emulator = Emulator::start(&[]);
    let images = emulator.get("/supportedimages");
    let has = |publisher: &str, agent: &str| {
        images["value"].as_array().unwrap().iter().any(|image| {
            image["imageReference"]["publisher"] == publisher && image["nodeAgentSKUId"] == agent
        })
    };
    assert!(has("canonical", "batch.node.ubuntu 24.04"), "{images}");
    assert!(has("microsoftwindowsserver", "batch.node.windows amd64"), "{images}");
}

#[test]
fn the_root_says_what_it_is() {
    let emulator = Emulator::start_guarded(&["--account", "film"]);
    let page = emulator.send("GET", "/", Value::Null);
    assert_eq!(page.status, 200);
    let text = text(&page);
    for part in [
        "an unofficial emulator of Azure Batch",
        &format!("http://{}", emulator.address),
        "film",
        "need the key",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("=="), "the key is not shown: {text}");
    // Anything else there is refused as the service does.
    let refused = emulator.send("POST", "/", Value::Null);
    assert_eq!((refused.status, value(&refused)["code"].as_str()), (400, Some("InvalidUri")));
    let open = Emulator::start(&[]).send("GET", "/", Value::Null);
    assert!(self::text(&open).contains("Requests need no key"));
}

/// A GET over https by a client that trusts this certificate.
fn get_over_https(address: SocketAddr, trust: &[u8], path: &str) -> std::io::Result<String> {
    use tokio_rustls::rustls::{
        ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto,
        pki_types::{CertificateDer, pem::PemObject},
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(trust) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(config.into(), address.ip().into()).unwrap();
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut stream = StreamOwned::new(connection, stream);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer)?;
    Ok(answer)
}

#[test]
fn https_is_trusted_by_its_own_certificate() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("https-{}", std::process::id()));
    drop(fs::remove_dir_all(&folder));
    let start = || Emulator::start(&["--https", folder.to_str().unwrap()]);
    let path = format!("/pools?{VERSION}&$select=id");
    let (emulator, trust) = (start(), fs::read(folder.join("ca.pem")).unwrap());
    let answer = get_over_https(emulator.address, &trust, &path).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("pool-1"), "{answer}");
    // What the service says of itself is https too.
    assert!(answer.contains(&format!("https://{}/$metadata#pools", emulator.address)), "{answer}");
    // Plain http is no answer, and does not stop anything.
    assert!(emulator.client().send("GET", &path, &[]).is_err());

    // The certificate stays when the emulator is started again, and another is not trusted.
    drop(emulator);
    let again = start();
    assert_eq!(fs::read(folder.join("ca.pem")).unwrap(), trust);
    assert!(get_over_https(again.address, &trust, &path).is_ok());
    #[cfg(unix)]
    {
        let metadata = fs::metadata(folder.join("server.pem")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777, 0o600);
    }
    drop(again);
    fs::remove_file(folder.join("ca.pem")).unwrap();
    let other = start();
    assert!(get_over_https(other.address, &trust, &path).is_err());
    fs::remove_dir_all(folder).unwrap();
}
