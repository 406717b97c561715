//! Whole clusters: a process for each member, on this machine.

mod harness;
mod placement;
mod survival;

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Command, Stdio},
};

use azbatch::{
    Clock as _, SystemClock, Timestamp,
    rest::{Guid, Request, SharedKey},
};
use harness::{Answer, Cluster, VERSION, free_addresses, send, wait};
use serde_json::{Value, json};

fn pool(nodes: u32) -> Value {
    json!({
        "id": "pool", "vmSize": "small", "targetDedicatedNodes": nodes, "taskSlotsPerNode": 4,
        "virtualMachineConfiguration": {
            "imageReference": { "publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server" },
            "nodeAgentSKUId": "batch.node.ubuntu 24.04"
        }
    })
}

fn job() -> Value {
    json!({ "id": "job", "poolInfo": { "poolId": "pool" } })
}

fn task(id: &str, command_line: &str) -> Value {
    json!({ "id": id, "commandLine": command_line })
}

/// Two members that do not lead.
fn followers(leader: usize) -> (usize, usize) {
    (leader % 3 + 1, (leader + 1) % 3 + 1)
}

#[test]
fn a_job_lives_on_when_its_leader_is_killed() {
    let mut cluster = Cluster::start("killed", &["--no-auth"]);
    let leader = cluster.leader(1);
    let (one, other) = followers(leader);

    // All of it over members that do not lead. Each read sees the write before it, at whichever member it was.
    assert_eq!(cluster.call(one, "POST", "/pools", &pool(1)).status, 201);
    assert_eq!(cluster.get(other, "/pools/pool")["id"], "pool");
    assert_eq!(cluster.call(other, "POST", "/jobs", &job()).status, 201);
    assert_eq!(cluster.get(one, "/jobs/job")["state"], "active");
    assert_eq!(cluster.call(one, "POST", "/jobs", &job()).json()["code"], "JobExists");
    for id in ["long-1", "long-2"] {
        assert_eq!(cluster.call(one, "POST", "/jobs/job/tasks", &task(id, "sleep 8")).status, 201);
        assert_eq!(cluster.get(other, &format!("/jobs/job/tasks/{id}"))["id"], id);
    }
    let started = wait("the tasks run", || {
        let seen = cluster.get(one, "/jobs/job/tasks");
        let tasks = seen["value"].as_array().unwrap().clone();
        tasks.iter().all(|task| task["executionInfo"]["startTime"].is_string()).then_some(tasks)
    });

    cluster.change(one, "POST", "/jobs/job/tasks", &task("before", "echo before"), 201, 409);
    wait("a task ends", || {
        (cluster.get(one, "/jobs/job/tasks/before")["state"] == "completed").then_some(())
    });

    cluster.kill(leader);
    cluster.change(one, "POST", "/jobs/job/tasks", &task("after", "echo after; exit 3"), 201, 409);
    assert_ne!(cluster.leader(one), leader);

    // The new leader continues what ran, and starts what is new. Nothing runs twice.
    let ended = wait("the tasks end", || {
        let seen = cluster.get(other, "/jobs/job/tasks");
        let tasks = seen["value"].as_array().unwrap().clone();
        tasks.iter().all(|task| task["state"] == "completed").then_some(tasks)
    });
    assert_eq!(ended.len(), 4);
    assert_eq!(ended[0]["executionInfo"]["exitCode"], 3);
    for id in ["before", "after"] {
        let output =
            cluster.call(one, "GET", &format!("/jobs/job/tasks/{id}/files/stdout.txt"), &Value::Null);
        assert_eq!(output.body, format!("{id}\n"), "{output:?}");
    }
    for (before, after) in started.iter().zip(&ended[2..]) {
        let (before, after) = (&before["executionInfo"], &after["executionInfo"]);
        assert_eq!(before["startTime"], after["startTime"]);
        let ran = time(&after["endTime"]).since(time(&after["startTime"]));
        assert!((8..20).contains(&(ran.ticks() / 10_000_000)), "{after}");
        for never in ["retryCount", "requeueCount", "exitCode"] {
            assert_eq!(after[never], 0, "{never}");
        }
    }
    cluster.change(one, "POST", "/jobs/job/terminate", &Value::Null, 202, 409);
    wait("the job ends", || (cluster.get(other, "/jobs/job")["state"] == "completed").then_some(()));

    cluster.restart(leader);
    cluster.wait_until_equal(&[1, 2, 3]);
    assert_eq!(cluster.get(leader, "/jobs/job")["state"], "completed");

    // Power fails everywhere.
    let before = cluster.get(one, "/jobs/job/tasks");
    for member in 1..=3 {
        cluster.kill(member);
    }
    for member in 1..=3 {
        cluster.restart(member);
    }
    wait("the cluster is back", || {
        (cluster.call(one, "GET", "/jobs/job", &Value::Null).status == 200).then_some(())
    });
    assert_eq!(cluster.get(leader, "/jobs/job/tasks"), before);
}

fn time(json: &Value) -> Timestamp {
    Timestamp::parse_iso8601(json.as_str().unwrap()).unwrap()
}

#[test]
fn a_leader_without_a_majority_answers_nothing_but_stale_reads() {
    let cluster = Cluster::start("cut", &["--no-auth"]);
    let leader = cluster.leader(1);
    let (one, other) = followers(leader);
    assert_eq!(cluster.call(one, "POST", "/pools", &pool(0)).status, 201);

    for follower in [one, other] {
        cluster.cut(leader, follower);
    }
    // The others go on without it.
    cluster.change(one, "POST", "/jobs", &job(), 201, 409);
    assert_eq!(cluster.get(other, "/jobs/job")["state"], "active");

    let read = |headers: &[(&str, &str)]| -> Answer {
        cluster.call_with(leader, "GET", "/jobs/job", &Value::Null, headers).unwrap()
    };
    assert_eq!(read(&[]).json()["code"], "ServerBusy");
    assert_eq!(read(&[("azbatch-read", "stale")]).json()["code"], "JobNotFound");
    assert_eq!(read(&[("azbatch-read", "fresh")]).status, 400);
    let write = cluster.call(leader, "DELETE", "/pools/pool", &Value::Null);
    assert_eq!(write.json()["code"], "OperationTimedOut");

    for follower in [one, other] {
        cluster.repair(leader, follower);
    }
    cluster.wait_until_equal(&[1, 2, 3]);
    assert_eq!(cluster.get(leader, "/jobs/job")["state"], "active");
    // What the old leader could not say was done was not done.
    assert_eq!(cluster.get(leader, "/pools/pool")["state"], "active");
}

#[test]
fn members_come_and_go() {
    let mut cluster = Cluster::start("members", &["--no-auth", "--snapshot-after=20"]);
    assert_eq!(cluster.call(1, "POST", "/pools", &pool(0)).status, 201);
    assert_eq!(cluster.call(1, "POST", "/jobs", &job()).status, 201);
    for number in 0..60 {
        let id = format!("task-{number}");
        assert_eq!(cluster.call(number % 3 + 1, "POST", "/jobs/job/tasks", &task(&id, "exit 0")).status, 201);
    }
    let leader = cluster.leader(1);
    wait("the log is cut", || {
        let seen = cluster.control_ok(leader, "GET", "/accounts/contoso", &Value::Null);
        seen["purged"].as_u64().filter(|purged| *purged > 20)
    });

    // A new member does not have the account, but answers for it.
    let new = cluster.start_another();
    assert_eq!(new, 4);
    let address = cluster.address(new).to_string();
    cluster.control_ok(2, "POST", "/members", &json!({ "id": new, "address": address }));
    let tasks =
        |cluster: &Cluster, member| cluster.get(member, "/jobs/job/tasks")["value"].as_array().unwrap().len();
    wait("it knows the account", || {
        (cluster.call(new, "GET", "/jobs/job", &Value::Null).status == 200).then_some(())
    });
    assert_eq!(tasks(&cluster, new), 60);
    let seen = cluster.control_ok(new, "GET", "/accounts/contoso", &Value::Null);
    assert_eq!(seen["members"], json!([1, 2, 3]));
    assert!(seen["voters"].is_null(), "{seen}");
    assert_eq!(cluster.control(new, "GET", "/accounts/contoso/replica", &Value::Null).unwrap().status, 421);

    // It takes the place of one that is gone for ever. What is no longer in any log comes as a snapshot.
    let (gone, _) = followers(cluster.leader(1));
    cluster.kill(gone);
    cluster.control_ok(new, "DELETE", &format!("/members/{gone}"), &Value::Null);
    let left: Vec<usize> = (1..=4).filter(|member| *member != gone).collect();
    cluster.change(new, "POST", "/jobs/job/tasks", &task("last", "exit 0"), 201, 409);
    cluster.wait_until_equal(&left);
    let seen = cluster.control_ok(new, "GET", "/cluster", &Value::Null);
    let account = &seen["accounts"]["contoso"];
    assert_eq!(account["voters"], json!(left));
    assert_eq!(account["members"], json!(left));
    assert_eq!(account["settled"], true);
    assert!(account["snapshot"].as_u64().is_some_and(|snapshot| snapshot > 20), "{account}");
    assert_eq!(seen["directory"]["voters"], json!(left));

    // A snapshot and the log after it are all that a member needs.
    cluster.kill(new);
    cluster.restart(new);
    cluster.wait_until_equal(&left);
    assert_eq!(tasks(&cluster, new), 61);
}

#[test]
fn a_member_alone_reads_what_it_has_after_a_restart() {
    let mut cluster = Cluster::start("alone", &["--no-auth"]);
    assert_eq!(cluster.call(1, "POST", "/pools", &pool(0)).status, 201);
    cluster.wait_until_equal(&[1, 2, 3]);
    // Soon it is stored too that it is committed.
    std::thread::sleep(std::time::Duration::from_secs(1));
    for member in 1..=3 {
        cluster.kill(member);
    }
    cluster.restart(2);
    let read = |headers: &[(&str, &str)]| {
        cluster.call_with(2, "GET", "/pools/pool", &Value::Null, headers).unwrap().status
    };
    wait("it reads without the others", || (read(&[("azbatch-read", "stale")]) == 200).then_some(()));
    assert_eq!(read(&[]), 503);
}

/// A leader has a write on its way when it is cut off. What becomes of it comes back to it only within a snapshot.
#[test]
fn a_leader_that_was_left_behind_can_lead_again() {
    let cluster = Cluster::start("behind", &["--no-auth", "--snapshot-after=10"]);
    let leader = cluster.leader(1);
    let (one, other) = followers(leader);
    for follower in [one, other] {
        cluster.cut(leader, follower);
    }
    let write = cluster.call(leader, "POST", "/pools", &pool(0));
    assert!([500, 503].contains(&write.status), "{write:?}");
    cluster.change(one, "POST", "/jobs", &job(), 201, 409);
    for number in 0..60 {
        let id = format!("task-{number}");
        cluster.change(other, "POST", "/jobs/job/tasks", &task(&id, "exit 0"), 201, 409);
    }
    wait("the log is cut", || {
        let seen = cluster.control_ok(cluster.leader(one), "GET", "/accounts/contoso", &Value::Null);
        seen["purged"].as_u64().filter(|purged| *purged > 40)
    });
    for follower in [one, other] {
        cluster.repair(leader, follower);
    }
    cluster.wait_until_equal(&[1, 2, 3]);
    cluster.control_ok(leader, "POST", "/accounts/contoso/lead", &Value::Null);
    cluster.change(leader, "POST", "/jobs/job/tasks", &task("last", "exit 0"), 201, 409);
    assert_eq!(cluster.get(one, "/jobs/job/tasks")["value"].as_array().unwrap().len(), 61);
}

#[test]
fn the_same_data_with_other_founders_is_refused() {
    let mut cluster = Cluster::start("founders", &["--no-auth"]);
    cluster.kill(1);
    for (arguments, why) in [
        (vec!["--founder=1=127.0.0.1:1"], "other founders"),
        (vec![], "other founders"),
        (vec!["--id=2"], "that of member 1"),
    ] {
        let output = cluster.run_on_data_of(1, &arguments);
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(why), "{arguments:?}: {error}");
    }
    cluster.restart(1);
    cluster.wait_until_equal(&[1, 2, 3]);
}

#[test]
fn requests_are_signed_and_find_their_account_by_host_or_path() {
    let cluster = Cluster::start("signed", &[]);
    cluster.control_ok(
        2,
        "PUT",
        "/accounts/fabrikam",
        &json!({ "key": "b3RoZXI=", "url": "https://fabrikam.example" }),
    );
    let ask = |account: &str, key: &str, host: &str, target: &str| {
        let date = SystemClock.now().rfc1123().to_string();
        let headers = [("ocp-date", date.as_bytes())];
        let (received, request_id) = (Timestamp::MIN, Guid::from_u128(1));
        let request = Request { method: "GET", target, headers: &headers, body: b"", received, request_id };
        let signature = SharedKey::new(account, key).unwrap().sign(&request);
        let headers = [("host", host), ("ocp-date", &date), ("authorization", &signature)];
        send(cluster.address(2), "GET", target, &headers, "").unwrap()
    };
    let (jobs, below) = (format!("/jobs?{VERSION}"), format!("/accounts/contoso/jobs?{VERSION}"));
    let metadata = |answer: &Answer| answer.json()["odata.metadata"].as_str().unwrap_or_default().to_owned();

    let by_host = ask("contoso", "a2V5", "contoso.localhost", &jobs);
    assert!(metadata(&by_host).contains("/accounts/contoso/$metadata#jobs"), "{by_host:?}");
    assert_eq!(ask("contoso", "a2V5", "127.0.0.1", &below).status, 200);
    let other = ask("fabrikam", "b3RoZXI=", "fabrikam.localhost", &jobs);
    assert_eq!(metadata(&other), "https://fabrikam.example/$metadata#jobs");

    // A key opens its own account only, and nobody is let in without.
    assert_eq!(ask("fabrikam", "b3RoZXI=", "contoso.localhost", &jobs).status, 403);
    assert_eq!(ask("contoso", "b3RoZXI=", "contoso.localhost", &jobs).status, 403);
    assert_eq!(send(cluster.address(2), "GET", &below, &[], "").unwrap().status, 400);
    assert_eq!(ask("nobody", "a2V5", "nobody.localhost", &jobs).status, 404);
    assert_eq!(send(cluster.address(2), "GET", &jobs, &[], "").unwrap().status, 404);
    // The control interface and the way between members need the token.
    for target in ["/_azbatch/cluster", "/_azbatch/peer/account-contoso/append"] {
        let method = if target.ends_with("cluster") { "GET" } else { "POST" };
        assert_eq!(send(cluster.address(2), method, target, &[], "").unwrap().status, 401, "{target}");
    }
}

#[test]
fn one_command_starts_a_cluster() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("local-{}", std::process::id()));
    let port = free_addresses(1)[0].port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let target = format!("/accounts/contoso/pools?{VERSION}");
    // What was there is there again.
    for (method, status) in [("POST", 201), ("POST", 409)] {
        let mut process = Command::new(env!("CARGO_BIN_EXE_azbatch-cluster"))
            .args(["local", "--nodes", "1", "--no-auth", "--account", "contoso", "--data"])
            .arg(&folder)
            .arg(format!("--port={port}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line == "ready"));
        let headers = [("content-type", "application/json")];
        let answer = send(address, method, &target, &headers, &pool(0).to_string()).unwrap();
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap().success());
        assert!(process.wait().unwrap().success());
        assert!(send(address, "GET", &target, &[], "").is_err(), "its members have ended");
    }
    std::fs::remove_dir_all(folder).unwrap();
}
