//! The page at `/_azbatch/`: who may use it, what it looks at, and the stream of changes.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::harness::{Emulator, TIMEOUT, VERSION, job, text, value};

/// Sends a request with exactly these headers, and returns all that comes back.
pub fn raw(emulator: &Emulator, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut stream = open(emulator, method, path, headers, body);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn open(emulator: &Emulator, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
    let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let mut stream = TcpStream::connect(emulator.address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    stream
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn view(emulator: &Emulator, path: &str) -> Value {
    let answer = emulator.send("GET", &format!("/_azbatch/view/{path}"), Value::Null);
    assert_eq!(answer.status, 200, "{path}: {}", text(&answer));
    value(&answer)
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

fn add_tasks(emulator: &Emulator, job: &str, tasks: impl IntoIterator<Item = (String, &'static str)>) {
    for (id, command_line) in tasks {
        let task = json!({ "id": id, "commandLine": command_line });
        assert_eq!(emulator.call("POST", &format!("/jobs/{job}/tasks"), task).status, 201);
    }
}

#[test]
fn the_page_is_served_whole_and_loads_nothing_from_elsewhere() {
    let emulator = Emulator::start_guarded(&[]);
    let host = emulator.address.to_string();
    let get = |path: &str| raw(&emulator, "GET", path, &[("Host", &host)], "");
    let page = get("/_azbatch/");
    assert_eq!(status(&page), 200, "{page}");
    let policy = "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; \
                  connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    assert!(page.contains(policy), "{page}");
    for attribute in ["src=\"", "href=\""] {
        for target in page.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()) {
            match target {
                "page.css" | "page.js" => assert_eq!(status(&get(&format!("/_azbatch/{target}"))), 200),
                _ => assert!(target.starts_with('#') || target.starts_with("data:"), "{target}"),
            }
        }
    }
    // The policy would not let these run.
    assert!(!page.contains("<script>") && !page.contains(" onclick=") && !page.contains(" style="), "{page}");
    assert!(get("/_azbatch").contains("location: /_azbatch/"));
    assert!(get("/").contains(&format!("http://{host}/_azbatch/")));
}

/// Whatever the control interface and the page answer to.
const OWN_PATHS: [(&str, &str); 11] = [
    ("GET", "/_azbatch/"),
    ("GET", "/_azbatch/page.js"),
    ("GET", "/_azbatch/events"),
    ("GET", "/_azbatch/view/jobs"),
    ("GET", "/_azbatch/view/requests"),
    ("GET", "/_azbatch/clock"),
    ("POST", "/_azbatch/clock"),
    ("POST", "/_azbatch/faults"),
    ("DELETE", "/_azbatch/faults"),
    ("POST", "/_azbatch/nodes/node/lost"),
    ("DELETE", "/_azbatch/jobs/film"),
];

#[test]
fn other_sites_are_refused() {
    let emulator = Emulator::start(&["--control-host", "batch"]);
    let host = emulator.address.to_string();
    let port = emulator.address.port();
    let own = format!("http://{host}");
    let named = format!("batch:{port}");
    let evil = format!("evil.example:{port}");
    for (method, path) in OWN_PATHS {
        for (host, origin) in [
            (&host, Some("http://evil.example")),
            (&host, Some("null")),
            (&host, Some("http://127.0.0.1:1")),
            (&evil, None),
            (&evil, Some("http://evil.example")),
        ] {
            let mut headers = vec![("Host", host.as_str()), ("Content-Type", "application/json")];
            headers.extend(origin.map(|origin| ("Origin", origin)));
            let answer = raw(&emulator, method, path, &headers, "{}");
            assert_eq!(status(&answer), 403, "{method} {path} {host} {origin:?}: {answer}");
        }
        let script =
            [("Host", host.as_str()), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")];
        assert_eq!(status(&raw(&emulator, method, path, &script, "")), 403, "{method} {path}");
    }
    let fault = r#"{"code":"ServerBusy"}"#;
    for (host, origin) in [(&host, own.as_str()), (&named, &format!("http://{named}"))] {
        let headers = [("Host", host.as_str()), ("Origin", origin), ("Content-Type", "application/json")];
        assert_eq!(status(&raw(&emulator, "POST", "/_azbatch/faults", &headers, fault)), 200, "{host}");
    }
    let faults = value(&emulator.send("GET", "/_azbatch/faults", Value::Null));
    assert_eq!(faults.as_array().unwrap().len(), 2, "{faults}");
}

#[test]
fn the_control_interface_needs_its_token_where_requests_are_authorized() {
    let emulator = Emulator::start_guarded(&["--control-token", "open-sesame"]);
    let host = emulator.address.to_string();
    let send = |method: &str, path: &str, token: Option<&str>| {
        let token = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("Host", host.as_str())];
        headers.extend(token.as_deref().map(|token| ("Authorization", token)));
        raw(&emulator, method, path, &headers, "")
    };
    for (method, path) in OWN_PATHS.into_iter().skip(2) {
        for token in [None, Some(""), Some("open-sesam"), Some("open-sesame-2")] {
            let answer = send(method, path, token);
            assert_eq!(status(&answer), 401, "{method} {path} {token:?}: {answer}");
        }
    }
    assert_eq!(status(&send("GET", "/_azbatch/view/jobs", Some("open-sesame"))), 200);
    // The token is for the control interface only, which needs no signature.
    let target = format!("/jobs/film?{VERSION}");
    assert_eq!(status(&send("DELETE", &target, Some("open-sesame"))), 403);
    let answer = send("DELETE", "/_azbatch/jobs/film", Some("open-sesame"));
    assert_eq!(status(&answer), 404, "{answer}");
    assert!(answer.contains("JobNotFound"), "{answer}");

    let lines: Vec<String> =
        std::iter::from_fn(|| emulator.lines.recv_timeout(Duration::from_millis(500)).ok())
            .take_while(|line| !line.starts_with("A first request"))
            .collect();
    assert!(lines.contains(&format!("token    open-sesame, for http://{host}/_azbatch")), "{lines:?}");
    assert!(lines.contains(&format!("page     http://{host}/_azbatch/#token=open-sesame")), "{lines:?}");
    // A token that was asked for is needed even where requests are not authorized.
    let open = Emulator::start(&["--control-token", "a+b"]);
    assert_eq!(open.call("GET", "/jobs", Value::Null).status, 200);
    assert_eq!(open.send("GET", "/_azbatch/view/jobs", Value::Null).status, 401);
    let page = format!("page     http://{}/_azbatch/#token=a%2Bb", open.address);
    assert!(std::iter::from_fn(|| open.lines.recv_timeout(TIMEOUT).ok()).any(|line| line == page), "{page}");
    // Without a token of the user's own, each start makes another.
    let token = |emulator: &Emulator| loop {
        let line = emulator.lines.recv_timeout(TIMEOUT).unwrap();
        if let Some(rest) = line.strip_prefix("token    ") {
            return rest.split(',').next().unwrap().to_owned();
        }
    };
    let [one, other] = [Emulator::start_guarded(&[]), Emulator::start_guarded(&[])].map(|e| token(&e));
    assert!(one.len() == 32 && one != other, "{one} {other}");
}

#[test]
fn jobs_come_in_pages() {
    let emulator = Emulator::start(&["--frozen"]);
    let names: Vec<String> = (0..45).map(|number| format!("Job-{number:02}")).collect();
    for name in &names {
        assert_eq!(emulator.call("POST", "/jobs", job(name)).status, 201);
    }
    let (mut seen, mut pages, mut after) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = view(&emulator, &format!("jobs?{after}"));
        let ids = ids(&page["jobs"]);
        pages.push(ids.len());
        seen.extend(ids.into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("after={next}");
    }
    assert_eq!((pages, &seen), (vec![20, 20, 5], &names));

    assert_eq!(emulator.send("POST", "/_azbatch/jobs/job-07/terminate", Value::Null).status, 202);
    emulator.advance(1);
    assert_eq!(ids(&view(&emulator, "jobs?find=b-1")["jobs"]).len(), 10);
    assert_eq!(ids(&view(&emulator, "jobs?state=completed")["jobs"]), ["Job-07"]);
    assert!(!ids(&view(&emulator, "jobs?state=live&find=job-0")["jobs"]).contains(&"Job-07"));
    assert!(ids(&view(&emulator, "jobs?find=%3Cscript%3E")["jobs"]).is_empty());
    assert_eq!(emulator.send("GET", "/_azbatch/view/jobs/nobody", Value::Null).status, 404);
    assert_eq!(emulator.send("GET", "/_azbatch/view/jobs/a%3Cb", Value::Null).status, 404);
}

#[test]
fn a_job_is_shown_with_its_tasks_and_its_timeline() {
    let emulator = Emulator::start(&["--frozen"]);
    let mut film = job("film");
    film["jobPreparationTask"] = json!({ "commandLine": "sleep 10" });
    film["jobReleaseTask"] = json!({ "commandLine": "sleep 20" });
    assert_eq!(emulator.call("POST", "/jobs", film).status, 201);
    let tasks = (0..23).map(|number| (format!("frame-{number:02}"), "sleep 5; exit 3"));
    add_tasks(&emulator, "film", tasks);
    emulator.advance(12); // Two nodes with a slot each: the first two tasks run now.
    let running = view(&emulator, "jobs/film?state=running");
    assert_eq!(ids(&running["tasks"]), ["frame-00", "frame-01"]);
    emulator.advance(10);
    assert_eq!(emulator.send("POST", "/_azbatch/jobs/film/terminate", Value::Null).status, 202);
    emulator.advance(1);

    let first = view(&emulator, "jobs/film");
    assert_eq!(first["job"]["state"], "terminating");
    assert_eq!((first["tasks"].as_array().unwrap().len(), &first["tasksNext"]), (20, &json!("frame-19")));
    let second = view(&emulator, "jobs/film?after=frame-19");
    assert_eq!(ids(&second["tasks"]), ["frame-20", "frame-21", "frame-22"]);
    assert_eq!(second["tasks"][0]["state"], "active for ever");
    assert_eq!(second["tasksNext"], Value::Null);
    let failed = view(&emulator, "jobs/film?state=failed");
    assert_eq!(failed["tasks"][0]["exitCode"], 3);
    assert_eq!(failed["tasks"][0]["state"], "completed (failed)");

    let reasons = first["reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 2, "{reasons:?}"); // Each node runs the release task.
    for reason in reasons {
        assert!(reason["text"].as_str().unwrap().starts_with("waiting for the release task on node tvmps_"));
    }
    let task = view(&emulator, "jobs/film/tasks/frame-22");
    assert_eq!(task["reasons"].as_array().unwrap().len(), 1, "{task}");
    assert_eq!(emulator.send("POST", "/_azbatch/jobs/film/terminate?force=true", Value::Null).status, 202);
    let forced = view(&emulator, "jobs/film");
    let deadline = forced["job"]["forcedAt"].as_str().unwrap();
    let reasons = forced["reasons"].as_array().unwrap();
    assert!(
        reasons.iter().any(|reason| reason["until"] == deadline && reason["end"] == "forced end"),
        "{forced}"
    );

    let timeline = first["timeline"].as_str().unwrap();
    let order = ["job film", "task frame-00", "task frame-19", "preparation on", "release on"];
    let places: Vec<usize> = order.iter().map(|name| timeline.find(name).expect(name)).collect();
    assert!(places.is_sorted(), "{places:?}");
    for state in [
        "preparing from",
        "running from",
        "completed (failed) from",
        "active for ever from",
        "terminating from",
    ] {
        assert!(timeline.contains(state), "{state}: {timeline}");
    }
    assert!(timeline.contains("viewBox=\"0 0 1010 "), "{timeline}");
    let narrow = view(&emulator, "jobs/film?width=340&last=5")["timeline"].as_str().unwrap().to_owned();
    assert!(narrow.contains("viewBox=\"0 0 340 ") && !narrow.contains("preparing from"), "{narrow}");

    emulator.advance(60);
    let ended = view(&emulator, "jobs/film");
    assert_eq!((&ended["job"]["state"], &ended["job"]["forEver"]), (&json!("completed"), &json!(true)));
    let task = view(&emulator, "jobs/film/tasks/frame-22");
    assert_eq!(
        (&task["state"], &task["commandLine"]),
        (&json!("active for ever"), &json!("sleep 5; exit 3"))
    );
}

#[test]
fn nodes_are_shown_with_what_is_on_them() {
    let emulator = Emulator::start(&["--frozen", "--pool", "pool-1:1:2", "--pool", "pool-2:25:1"]);
    let mut film = job("film");
    film["jobPreparationTask"] = json!({ "commandLine": "sleep 10" });
    assert_eq!(emulator.call("POST", "/jobs", film).status, 201);
    add_tasks(&emulator, "film", [("frame".to_owned(), "sleep 60")]);
    emulator.advance(1);
    let node = |path: &str| view(&emulator, path)["nodes"][0].clone();
    let preparing = node("pools");
    assert_eq!(preparing["runs"], json!([{ "job": "film", "what": "preparation" }]));
    assert_eq!(preparing["waiting"], json!([{ "job": "film", "what": "task frame" }]));
    emulator.advance(10);
    let running = node("pools?pool=pool-1");
    assert_eq!(running["runs"], json!([{ "job": "film", "what": "task frame" }]));
    assert_eq!((&running["waiting"], &running["taken"]), (&json!([]), &json!(1)));

    let id = running["id"].as_str().unwrap();
    assert_eq!(emulator.send("POST", &format!("/_azbatch/nodes/{id}/lost"), Value::Null).status, 200);
    assert_eq!(emulator.send("DELETE", "/_azbatch/jobs/film/tasks/frame", Value::Null).status, 200);
    emulator.advance(100);
    let lost = node("pools");
    assert_eq!((&lost["state"], &lost["reports"]), (&json!("unknown"), &json!(1)), "{lost}");

    let first = view(&emulator, "pools?pool=pool-2");
    assert_eq!(ids(&first["pools"]), ["pool-1", "pool-2"]);
    let next = first["nodesNext"].as_str().unwrap();
    let second = view(&emulator, &format!("pools?pool=pool-2&nodesAfter={next}"));
    assert_eq!((ids(&first["nodes"]).len(), ids(&second["nodes"]).len()), (20, 5));
}

#[test]
fn the_last_requests_and_effects_are_shown() {
    let emulator = Emulator::start(&["--frozen"]);
    let host = emulator.address.to_string();
    assert_eq!(emulator.call("POST", "/jobs", job("film")).status, 201);
    assert_eq!(emulator.call("POST", "/jobs", job("song")).status, 201);
    for _ in 0..2 {
        let headers = [("Host", host.as_str()), ("client-request-id", "one-client"), ("If-Match", "\"0x0\"")];
        raw(&emulator, "POST", &format!("/jobs/film/terminate?{VERSION}"), &headers, "");
    }
    assert_eq!(emulator.call("GET", "/jobs/nobody", Value::Null).status, 404);
    let refused = view(&emulator, "requests?refused=true")["requests"].clone();
    let codes: Vec<&str> =
        refused.as_array().unwrap().iter().map(|request| request["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["JobNotFound", "ConditionNotMet", "ConditionNotMet"]);
    assert_eq!((&refused[1]["client"], &refused[2]["client"]), (&json!("one-client"), &json!("one-client")));
    assert_eq!(refused[0]["message"], "The specified job does not exist.");
    assert_eq!(view(&emulator, "requests?find=terminate")["requests"].as_array().unwrap().len(), 2);
    // What the page itself asks for is not among them.
    let all = view(&emulator, "requests")["requests"].clone();
    assert_eq!(all.as_array().unwrap().len(), 5, "{all}");

    let effects = view(&emulator, "effects?job=song")["effects"].clone();
    assert_eq!((effects.as_array().unwrap().len(), &effects[0]["text"]), (1, &json!("job song: added")));
    assert!(view(&emulator, "effects")["effects"].as_array().unwrap().len() > 2);
}

#[test]
fn the_clock_stops_steps_and_changes_its_speed() {
    let emulator = Emulator::start(&[]);
    let change = |change: Value| emulator.send("POST", "/_azbatch/clock", change);
    let stopped = value(&change(json!({ "speed": 0 })));
    assert_eq!(stopped["speed"], 0.0);
    emulator.add(job("film"), "sleep 3600; exit 3");
    let mut steps = 0;
    while emulator.get("/jobs/film/tasks/task")["state"] != "completed" {
        let before = value(&emulator.send("GET", "/_azbatch/clock", Value::Null));
        let after = value(&change(json!({ "to": "next" })));
        assert_eq!(after["now"], before["next"]);
        steps += 1;
        assert!(steps < 10, "{after}");
    }
    let now = value(&emulator.send("GET", "/_azbatch/clock", Value::Null))["now"].clone();
    assert_eq!(value(&change(json!({ "speed": 0 })))["now"], now);
    assert_eq!(value(&change(json!({ "speed": 1000.0 })))["speed"], 1000.0);
    let start = Instant::now();
    let later = azbatch::Timestamp::parse_iso8601(now.as_str().unwrap()).unwrap();
    let later = later.saturating_add(azbatch::TimeSpan::from_secs(100)).to_string();
    let shown =
        || value(&emulator.send("GET", "/_azbatch/clock", Value::Null))["now"].as_str().unwrap().to_owned();
    while shown() < later {
        assert!(start.elapsed() < TIMEOUT);
    }
    for invalid in [json!({ "speed": -1 }), json!({ "speed": 1e9 }), json!({ "to": "yesterday" }), json!({})]
    {
        let answer = change(invalid.clone());
        assert!((400..500).contains(&answer.status), "{invalid}: {}", answer.status);
    }
}

/// Nothing but the clock itself makes the job end: what the page looks at makes nothing happen.
#[test]
fn a_clock_that_was_stopped_goes_on_by_itself() {
    let emulator = Emulator::start(&["--frozen"]);
    emulator.add(job("film"), "sleep 50; exit 3");
    let speed = emulator.send("POST", "/_azbatch/clock", json!({ "speed": 100 }));
    assert_eq!(speed.status, 200);
    let start = Instant::now();
    while view(&emulator, "jobs/film/tasks/task")["exitCode"] != 3 {
        assert!(start.elapsed() < TIMEOUT);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The next event of a stream.
fn next_event(stream: &mut impl BufRead) -> Value {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream has ended");
        if let Some(data) = line.strip_prefix("data: ") {
            return serde_json::from_str(data).unwrap();
        }
    }
}

#[test]
fn the_stream_says_that_something_has_changed() {
    let emulator = Emulator::start(&["--frozen"]);
    let host = emulator.address.to_string();
    let stream = open(&emulator, "GET", "/_azbatch/events", &[("Host", &host)], "");
    let mut stream = BufReader::new(stream);
    let first = next_event(&mut stream);
    assert_eq!(first["clock"]["speed"], 0.0);
    assert_eq!(emulator.call("POST", "/jobs", job("film")).status, 201);
    let second = next_event(&mut stream);
    let grew = |name: &str, before: &Value, after: &Value| after[name].as_u64() > before[name].as_u64();
    assert!(grew("requests", &first, &second) && grew("effects", &first, &second), "{first} {second}");
    assert_eq!(emulator.send("POST", "/_azbatch/faults", json!({ "code": "ServerBusy" })).status, 200);
    assert!(grew("controls", &second, &next_event(&mut stream)));
}

/// What is due may happen without any effect; the stream says then what is due next.
#[test]
fn the_stream_says_what_is_due_next() {
    let emulator = Emulator::start(&["--pool", "pool-1:0:1"]);
    let host = emulator.address.to_string();
    let stream = open(&emulator, "GET", "/_azbatch/events", &[("Host", &host)], "");
    let mut stream = BufReader::new(stream);
    let first = next_event(&mut stream);
    assert_eq!(emulator.call("POST", "/jobs", job("film")).status, 201);
    let last = loop {
        let event = next_event(&mut stream);
        assert_eq!(event["start"], first["start"]);
        if event["effects"].as_u64() > first["effects"].as_u64() && event["clock"]["next"].is_null() {
            break event;
        }
    };
    assert_eq!(
        last["effects"],
        value(&emulator.send("GET", "/_azbatch/view/effects", Value::Null))["effects"][0]["number"]
    );
}

/// A reader that is slow gets the latest count, not all of them.
#[test]
fn a_slow_reader_misses_events_and_not_the_end() {
    let emulator = Emulator::start(&[]);
    let host = emulator.address.to_string();
    let stream = open(&emulator, "GET", "/_azbatch/events", &[("Host", &host)], "");
    let mut stream = BufReader::new(stream);
    next_event(&mut stream);
    let mut client = emulator.client();
    for _ in 0..2_000 {
        client.send("GET", &format!("/jobs/none?{VERSION}"), b"").unwrap();
    }
    let mut events = 0;
    while next_event(&mut stream)["requests"] != 2_000 {
        events += 1;
    }
    assert!(events < 100, "{events}");
}

/// An open page does not hold up the end of the emulator.
#[cfg(unix)]
#[test]
fn the_stream_ends_with_the_emulator() {
    let emulator = Emulator::start(&[]);
    let host = emulator.address.to_string();
    let stream = open(&emulator, "GET", "/_azbatch/events", &[("Host", &host)], "");
    let mut stream = BufReader::new(stream);
    next_event(&mut stream);
    let start = Instant::now();
    emulator.interrupt();
    assert!(start.elapsed() < Duration::from_millis(1_500), "{:?}", start.elapsed());
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
}
