//! `replay --against`: the project's episodes over HTTP, against this emulator.

use std::{ffi::OsStr, fs, path::PathBuf};

use serde_json::json;

use crate::{
    against::Service,
    harness::{Emulator, VERSION},
    remote::{Remote, Report},
};

/// "a key that is not secret"
const KEY: &str = "YSBrZXkgdGhhdCBpcyBub3Qgc2VjcmV0";

/// The project's own episodes.
fn episodes() -> Vec<(String, String)> {
    episodes_in("../examples/episodes").unwrap()
}

fn episodes_in(folder: &str) -> Option<Vec<(String, String)>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = paths
        .filter(|path| path.extension() == Some(OsStr::new("json")))
        .map(|path| {
            (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())
        })
        .collect();
    found.sort();
    Some(found)
}

fn episode(name: &str) -> String {
    episodes().into_iter().find(|(found, _)| found == name).unwrap().1
}

fn play(emulator: &Emulator, text: &str) -> Report {
    let service = Service::new(&format!("http://{}", emulator.address), "laptop", KEY).unwrap();
    // Where the clock stands still, only this moves it.
    let pause = |_| emulator.advance(1);
    Remote { service: &service, authorizes: false, token: None, pools: true, pause: &pause }
        .play(text)
        .unwrap()
}

/// On an account where pools must not be added.
fn without_pools(emulator: &Emulator, text: &str) -> Report {
    let service = Service::new(&format!("http://{}", emulator.address), "laptop", KEY).unwrap();
    let pause = |_| emulator.advance(1);
    Remote { service: &service, authorizes: false, token: None, pools: false, pause: &pause }
        .play(text)
        .unwrap()
}

/// An episode of requests, each with the method, the path, the body and the expected status.
fn written(requests: &[(&str, &str, &str, u16)]) -> String {
    let step = |(method, path, body, status): &(&str, &str, &str, u16)| {
        let headers = json!({ "content-type": "application/json; odata=minimalmetadata" });
        let target = format!("{path}?{VERSION}");
        let request = json!({ "method": method, "target": target, "headers": headers, "body": body });
        json!({ "at": "2026-02-10T08:00:00Z", "request": request, "expect": { "status": status } })
    };
    let steps: Vec<_> = requests.iter().map(step).collect();
    json!({ "name": "n", "source": "s", "account": "http://a", "steps": steps }).to_string()
}

/// All of them, whole: the emulator does what the episodes say.
#[test]
fn an_emulator_that_is_told_plays_all_episodes() {
    let emulator = Emulator::start(&["--run", "episode"]);
    let (mut passed, mut skipped) = (0, Vec::new());
    for (name, text) in episodes() {
        let report = play(&emulator, &text);
        assert_eq!(report.differ, [], "{name}");
        assert_eq!(report.left, Vec::<String>::new(), "{name}");
        passed += report.passed;
        skipped.extend(report.skipped);
    }
    assert!(passed > 900, "only {passed} steps passed");
    let early = "needs a request that arrives long before it is answered";
    assert!(skipped.iter().all(|(_, why)| why == early), "{skipped:?}");
    assert!(skipped.len() < 5, "{skipped:?}");
}

/// Those that were recorded from the service, where they are here: whole bodies, byte for byte but for times and ETags.
#[test]
fn an_emulator_that_is_told_plays_the_shared_episodes() {
    let emulator = Emulator::start(&["--run", "episode"]);
    let Some(episodes) = episodes_in("../../shared/episodes") else {
        eprintln!("skipped: the shared episodes, which are not here");
        return;
    };
    assert!(episodes.len() >= 8, "only {} episodes are there", episodes.len());
    for (name, text) in episodes {
        let report = play(&emulator, &text);
        assert_eq!((report.differ, report.skipped), (Vec::new(), Vec::new()), "{name}");
        assert!(report.passed > 3, "{name}");
    }
}

/// The same, signed. Only what needs another date than today's cannot be played then (U6).
#[test]
fn an_emulator_that_authorizes_plays_them_too() {
    let emulator = Emulator::start_guarded(&["--run", "episode", "--key", KEY, "--control-token", "token"]);
    let service = Service::new(&format!("http://{}", emulator.address), "laptop", KEY).unwrap();
    let remote =
        Remote { service: &service, authorizes: true, token: Some("token"), pools: true, pause: &|_| {} };
    let mut skipped = Vec::new();
    for (name, text) in episodes() {
        let report = remote.play(&text).unwrap();
        assert_eq!(report.differ, [], "{name}");
        skipped.extend(report.skipped.into_iter().map(|(_, why)| why));
    }
    skipped.dedup();
    let early = "needs a request that arrives long before it is answered";
    assert_eq!(skipped, [early, "needs a server that does not check the dates of requests", early]);
}

/// One that does things by itself plays the beginning of each, up to the first step that is no request, and has nothing
/// of them afterwards. Its clock stands still, so that it is not faster than the episodes.
#[test]
fn an_emulator_that_is_not_told_plays_requests() {
    let emulator = Emulator::start(&["--frozen"]);
    let (mut passed, mut skipped) = (0, 0);
    for (name, text) in episodes() {
        let report = play(&emulator, &text);
        let steps = report.passed + report.skipped.len() + report.differ.len();
        let expected = serde_json::from_str::<serde_json::Value>(&text).unwrap();
        assert_eq!(steps, expected["steps"].as_array().unwrap().len(), "{name}");
        assert_eq!((report.differ, report.left), (Vec::new(), Vec::new()), "{name}");
        passed += report.passed;
        skipped += report.skipped.len();
    }
    assert!(passed > 100 && skipped > 100, "{passed} passed, {skipped} skipped");
    assert_eq!(emulator.get("/jobs")["value"], json!([]));
    assert_eq!(emulator.get("/jobschedules")["value"], json!([]));
    let pools = emulator.get("/pools")["value"].as_array().unwrap().clone();
    assert_eq!(pools.iter().map(|pool| &pool["id"]).collect::<Vec<_>>(), ["pool-1"]);
}

/// A faulty answer is a difference.
#[test]
fn a_fault_is_found() {
    let emulator = Emulator::start(&["--run", "episode"]);
    let text = episode("the-service-moves-at-ticks");
    assert_eq!(play(&emulator, &text).differ, []);
    let fault = json!({ "count": 1, "method": "GET", "path": "/jobs/film", "code": "JobNotFound" });
    assert_eq!(emulator.send("POST", "/_azbatch/faults", fault).status, 200);
    let report = play(&emulator, &text);
    let [(number, why)] = &report.differ[..] else { panic!("{report:?}") };
    assert_eq!(*number, 3);
    assert!(why.contains("status: expected 200, came 404"), "{why}");
}

/// Nothing is touched that was there before.
#[test]
fn what_others_have_is_left_alone() {
    let emulator = Emulator::start(&["--frozen"]);
    emulator.add(crate::harness::job("FILM"), "sleep 1");
    let before = emulator.get("/jobs/film");
    let report = play(&emulator, &episode("conditional-requests"));
    assert_eq!((report.passed, report.differ.len()), (0, 0));
    let (_, why) = &report.skipped[0];
    assert_eq!(why, "needs an account that does not have /jobs/film");
    assert_eq!(emulator.get("/jobs/film"), before);

    let pools = "needs to add pools, which is not permitted (--pools)";
    for name in ["pools-grow-and-shrink", "auto-pools"] {
        let report = without_pools(&emulator, &episode(name));
        assert_eq!((report.passed, report.skipped[0].1.as_str()), (0, pools), "{name}");
    }
    let pools = emulator.send("GET", &format!("/pools?$select=id&{VERSION}"), serde_json::Value::Null);
    assert!(!String::from_utf8(pools.body).unwrap().contains("studio"));
}

/// Not even a request that names what the episode did not add reaches it.
#[test]
fn what_others_have_is_not_changed_by_any_request() {
    let emulator = Emulator::start(&["--frozen"]);
    emulator.add(crate::harness::job("none"), "sleep 1");
    let (job, pool) = (emulator.get("/jobs/none"), emulator.get("/pools/pool-1"));
    let requests = [
        ("POST", "/jobs/none/terminate", "{}", "/jobs/none"),
        ("DELETE", "/jobs/NONE", "", "/jobs/NONE"),
        ("PATCH", "/jobs/none", "{\"priority\": 7}", "/jobs/none"),
        ("DELETE", "/jobs/none/tasks/task", "", "/jobs/none"),
        ("POST", "/pools/pool-1/resize", "{\"targetDedicatedNodes\": 0}", "/pools/pool-1"),
    ];
    for (method, path, body, named) in requests {
        let report = play(&emulator, &written(&[(method, path, body, 202)]));
        assert_eq!((report.passed, report.differ.len()), (0, 0), "{method} {path}");
        let why = format!("needs an account that does not have {named}");
        assert_eq!(report.skipped, [(1, why)], "{method} {path}");
    }
    assert_eq!((emulator.get("/jobs/none"), emulator.get("/pools/pool-1")), (job, pool));
    let reading = written(&[("GET", "/jobs/none", "", 200)]);
    assert_eq!(play(&emulator, &reading).passed, 1);
    let absent = written(&[("POST", "/jobs/absent/terminate", "", 404)]);
    assert_eq!(play(&emulator, &absent).passed, 1);
}

/// A job of the same name that comes after the episode has looked: here the fault hides it at first.
#[test]
fn what_others_add_meanwhile_is_left_alone() {
    let emulator = Emulator::start(&["--frozen"]);
    emulator.add(crate::harness::job("film"), "sleep 1");
    let before = emulator.get("/jobs/film");
    let hidden = json!({ "count": 1, "method": "GET", "path": "/jobs/film", "code": "JobNotFound" });
    assert_eq!(emulator.send("POST", "/_azbatch/faults", hidden).status, 200);
    let film = r#"{"id": "film", "poolInfo": {"poolId": "pool-1"}}"#;
    let song = film.replace("film", "song");
    let report = play(
        &emulator,
        &written(&[
            ("POST", "/jobs", &song, 201),
            ("POST", "/jobs", film, 201),
            ("POST", "/jobs/film/terminate", "", 202),
            ("DELETE", "/jobs/film", "", 202),
        ]),
    );
    assert_eq!(report.passed, 1, "{report:?}");
    assert!(report.differ[0].1.contains("expected 201, came 409"), "{report:?}");
    let why = "needs /jobs/film of its own, which was refused with 409".to_owned();
    assert_eq!(report.skipped, [(3, why.clone()), (4, why)]);
    assert_eq!(report.left, Vec::<String>::new());
    assert_eq!(emulator.get("/jobs/film"), before);
    assert_eq!(emulator.get("/jobs")["value"].as_array().unwrap().len(), 1);
}

/// A note sends nothing.
#[test]
fn a_note_is_counted_as_skipped() {
    let emulator = Emulator::start(&["--frozen"]);
    let mut text: serde_json::Value = serde_json::from_str(&written(&[("GET", "/jobs", "", 200)])).unwrap();
    let note = json!({ "at": "2026-02-10T08:00:00Z", "note": "something else" });
    text["steps"].as_array_mut().unwrap().insert(0, note);
    let report = play(&emulator, &text.to_string());
    assert_eq!((report.passed, report.skipped), (1, vec![(1, "a note sends nothing".to_owned())]));
}

/// Only where nothing else happens can steps be told.
#[test]
fn steps_are_told_only_to_an_emulator_that_plays() {
    let emulator = Emulator::start(&[]);
    let told = json!({ "name": "n", "source": "s", "account": "http://a", "steps": [] });
    assert_eq!(emulator.send("POST", "/_azbatch/episode", told.clone()).status, 409);
    let emulator = Emulator::start(&["--run", "episode"]);
    assert_eq!(emulator.send("POST", "/_azbatch/episode", told).status, 200);
    let at = "2026-02-10T08:00:00Z";
    let with = |step| json!({ "name": "n", "source": "s", "account": "http://a", "steps": [step] });
    let request = with(json!({ "at": at, "request": { "method": "GET", "target": "/jobs" } }));
    assert_eq!(emulator.send("POST", "/_azbatch/episode/steps", request).status, 400);
    let assign = with(json!({ "at": at, "assign": { "job": "j", "task": "t", "node": "n" } }));
    assert_eq!(emulator.send("POST", "/_azbatch/episode/steps", assign).status, 409);
}
