//! Accounts on some of many members: where they are, how they are found, and how they move.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Answer, Cluster, VERSION, send, wait};

const MEMBERS: usize = 5;
const REQUESTS: u64 = 40;

/// A request to an account, at any member.
fn call(cluster: &Cluster, member: usize, account: &str, method: &str, path: &str, body: &Value) -> Answer {
    let target = format!("/accounts/{account}{path}?{VERSION}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(cluster.address(member), method, &target, &[("content-type", "application/json")], &body).unwrap()
}

fn on(cluster: &Cluster, member: usize, account: &str) -> BTreeSet<usize> {
    let seen = cluster.control_ok(member, "GET", &format!("/accounts/{account}"), &Value::Null);
    let members = seen["members"].as_array().unwrap().iter();
    members.map(|member| member.as_u64().unwrap().try_into().unwrap()).collect()
}

fn pool(id: &str) -> Value {
    let mut pool = crate::pool(0);
    pool["id"] = json!(id);
    pool
}

/// Adds a pool until it is there.
fn add_pool(cluster: &Cluster, member: usize, account: &str, id: &str) {
    wait("the pool is added", || {
        let answer = call(cluster, member, account, "POST", "/pools", &pool(id));
        assert!([201, 409, 500, 503].contains(&answer.status), "{answer:?}");
        [201, 409].contains(&answer.status).then_some(())
    });
}

fn pools(cluster: &Cluster, member: usize, account: &str) -> Vec<String> {
    let answer = wait("the pools are listed", || {
        let answer = call(cluster, member, account, "GET", "/pools", &Value::Null);
        (answer.status == 200).then_some(answer)
    });
    let pools = answer.json()["value"].as_array().unwrap().clone();
    pools.iter().map(|pool| pool["id"].as_str().unwrap().to_owned()).collect()
}

/// What a member has of an account: how far it is, and a hash.
fn replica(cluster: &Cluster, member: usize, account: &str) -> Answer {
    cluster.control(member, "GET", &format!("/accounts/{account}/replica"), &Value::Null).unwrap()
}

#[test]
fn accounts_are_spread_and_found_at_every_member() {
    let mut cluster = Cluster::start_members("spread", MEMBERS, &["--no-auth"]);
    let accounts: Vec<String> = (0..10).map(|number| format!("account{number}")).collect();
    for (number, account) in accounts.iter().enumerate() {
        cluster.control_ok(number % MEMBERS + 1, "PUT", &format!("/accounts/{account}"), &Value::Null);
        // Another member knows of it at once.
        let answer = call(&cluster, (number + 1) % MEMBERS + 1, account, "GET", "/pools", &Value::Null);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let mut load = [0; MEMBERS];
    for account in &accounts {
        let on = on(&cluster, 1, account);
        assert_eq!(on.len(), 3);
        for member in on {
            load[member - 1] += 1;
        }
    }
    assert_eq!(load, [6; MEMBERS]);

    // Each is one account at all members, and has nothing of the others.
    for account in &accounts {
        for member in 1..=MEMBERS {
            add_pool(&cluster, member, account, &format!("{account}-{member}"));
            let expected: Vec<String> = (1..=member).map(|before| format!("{account}-{before}")).collect();
            assert_eq!(pools(&cluster, member % MEMBERS + 1, account), expected);
        }
    }

    // One member is gone: all accounts are there still, at each of the others, and can be changed.
    cluster.kill(2);
    for account in &accounts {
        for member in [1, 3, 4, 5] {
            add_pool(&cluster, member, account, "after");
            assert_eq!(pools(&cluster, member, account).len(), MEMBERS + 1);
        }
    }
    // It leaves the cluster. Every account is on three of the others then.
    cluster.control_ok(1, "DELETE", "/members/2", &Value::Null);
    for account in &accounts {
        let on = on(&cluster, 3, account);
        assert_eq!(on.len(), 3);
        assert!(!on.contains(&2));
        let on: Vec<usize> = on.into_iter().collect();
        wait("its members are equal", || {
            let seen: Vec<Value> = on
                .iter()
                .map(|member| replica(&cluster, *member, account))
                .map(|seen| if seen.status == 200 { seen.json() } else { Value::Null })
                .collect();
            (seen[0].is_object() && seen.iter().all(|one| *one == seen[0])).then_some(())
        });
    }
}

#[test]
fn an_account_moves_with_all_it_has_and_can_come_back() {
    let mut cluster = Cluster::start_members("moves", MEMBERS, &["--no-auth", "--snapshot-after=10"]);
    cluster.control_ok(1, "PUT", "/accounts/contoso", &Value::Null);
    for number in 0..30 {
        add_pool(&cluster, number % MEMBERS + 1, "contoso", &format!("pool-{number:02}"));
    }
    let before = pools(&cluster, 1, "contoso");
    assert_eq!(before.len(), 30);
    let was_on = on(&cluster, 1, "contoso");
    let elsewhere: Vec<usize> = (1..=MEMBERS).filter(|member| !was_on.contains(member)).collect();
    let kept = *was_on.first().unwrap();
    let moved: BTreeSet<usize> = elsewhere.iter().copied().chain([kept]).collect();

    // There and back, with a change at each place. Two members of three are others each time.
    let mut expected = before;
    for (turn, goal) in [&moved, &was_on, &moved].into_iter().enumerate() {
        cluster.control_ok(kept, "PUT", "/accounts/contoso/members", &json!({ "members": goal }));
        assert_eq!(on(&cluster, elsewhere[0], "contoso"), *goal);
        let id = format!("turn-{turn}");
        add_pool(&cluster, turn + 1, "contoso", &id);
        expected.push(id);
        for member in 1..=MEMBERS {
            assert_eq!(pools(&cluster, member, "contoso"), expected, "{member}");
            wait("who has it and who does not", || {
                let status = replica(&cluster, member, "contoso").status;
                (status == if goal.contains(&member) { 200 } else { 421 }).then_some(())
            });
        }
    }

    // All members that once had it start again, and nobody brings back what was.
    for member in 1..=MEMBERS {
        cluster.kill(member);
    }
    for member in 1..=MEMBERS {
        cluster.restart(member);
    }
    for member in 1..=MEMBERS {
        assert_eq!(pools(&cluster, member, "contoso"), expected);
    }

    for (members, status) in [(json!([1, 9]), 400), (json!([]), 409)] {
        let refused =
            cluster.control(1, "PUT", "/accounts/contoso/members", &json!({ "members": members })).unwrap();
        assert_eq!(refused.status, status, "{refused:?}");
    }
}

/// A member that comes back gets the log from its beginning. In the first part of it, the member is alone in its group,
/// and has time to be elected by itself, because the rest is large.
#[test]
fn a_member_that_comes_back_does_not_lead_with_a_part_of_the_log() {
    let cluster = Cluster::start_members("back", 3, &["--no-auth"]);
    cluster.control_ok(1, "PUT", "/accounts/contoso", &json!({ "replicas": 1 }));
    let home = *on(&cluster, 1, "contoso").first().unwrap();
    let away = home % 3 + 1;
    let job = json!({ "id": "job", "poolInfo": { "poolId": "none" } });
    assert_eq!(call(&cluster, home, "contoso", "POST", "/jobs", &job).status, 201);
    let line = format!("echo {}", "x".repeat(9000));
    for number in 0..REQUESTS {
        let task = |index| json!({ "id": format!("task-{number}-{index}"), "commandLine": line });
        let tasks: Vec<Value> = (0..100).map(task).collect();
        let path = "/jobs/job/addtaskcollection";
        let added = call(&cluster, home, "contoso", "POST", path, &json!({ "value": tasks }));
        assert_eq!(added.status, 200);
    }
    let count = |member| {
        let counts = call(&cluster, member, "contoso", "GET", "/jobs/job/taskcounts", &Value::Null);
        counts.json()["taskCounts"]["active"].as_u64().unwrap()
    };
    for (turn, to) in [away, home, away, home].into_iter().enumerate() {
        cluster.control_ok(3, "PUT", "/accounts/contoso/members", &json!({ "members": [to] }));
        add_pool(&cluster, 2, "contoso", &format!("pool-{turn}"));
        let seen = cluster.control_ok(to, "GET", "/accounts/contoso", &Value::Null);
        assert_eq!((&seen["voters"], &seen["leads"]), (&json!([to]), &json!(true)), "{seen}");
        for member in 1..=3 {
            assert_eq!(count(member), 100 * REQUESTS, "at {member}, on {to}");
            assert_eq!(pools(&cluster, member, "contoso").len(), turn + 1, "at {member}, on {to}");
        }
    }
}

#[test]
fn a_deleted_account_is_gone_and_its_name_can_be_used_again() {
    let mut cluster = Cluster::start_members("deleted", 3, &["--no-auth"]);
    cluster.control_ok(1, "PUT", "/accounts/contoso", &json!({ "replicas": 2 }));
    assert_eq!(on(&cluster, 1, "contoso").len(), 2);
    add_pool(&cluster, 2, "contoso", "old");
    // This member does not hear of it.
    cluster.kill(3);
    cluster.control_ok(2, "DELETE", "/accounts/contoso", &Value::Null);
    for member in [1, 2] {
        wait("it is gone", || {
            let answer = call(&cluster, member, "contoso", "GET", "/pools", &Value::Null);
            (answer.status == 404).then_some(())
        });
    }
    assert_eq!(cluster.control(1, "DELETE", "/accounts/contoso", &Value::Null).unwrap().status, 404);

    cluster.restart(3);
    cluster.control_ok(3, "PUT", "/accounts/contoso", &json!({ "replicas": 3 }));
    for member in 1..=3 {
        assert!(pools(&cluster, member, "contoso").is_empty(), "{member} has what was deleted");
    }
    let refused = cluster.control(1, "PUT", "/accounts/fabrikam", &json!({ "replicas": 0 })).unwrap();
    assert_eq!(refused.status, 400);
}

#[test]
fn a_member_can_be_made_the_leader() {
    let cluster = Cluster::start("lead", &["--no-auth"]);
    add_pool(&cluster, 1, "contoso", "0");
    let before = cluster.leader(1);
    for next in [before % 3 + 1, (before + 1) % 3 + 1, before] {
        let seen = cluster.control_ok(next, "POST", "/accounts/contoso/lead", &Value::Null);
        assert_eq!(seen["leads"], true, "{seen}");
        add_pool(&cluster, before, "contoso", &next.to_string());
        assert_eq!(cluster.leader(before), next);
    }
    assert_eq!(pools(&cluster, before, "contoso"), ["0", "1", "2", "3"]);
}
