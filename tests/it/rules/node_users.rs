//! Users of nodes, where they log in, and logs of the service: N11 to N13.

use std::net::{IpAddr, Ipv4Addr};

use azbatch::node::{DEFAULT_USER_LIFETIME, NodeEvent, Password, RemoteLogin, UserName};
use serde_json::json;

use super::with_a_task;
use crate::world::{URL, World as RestWorld, id};

const USERS: &str = "/pools/p/nodes/n/users";

fn add(world: &mut RestWorld, name: &str) -> String {
    world.send(&format!("POST {USERS}"), json!({ "name": name })).told()
}

fn user_names(world: &RestWorld) -> Vec<String> {
    let node = world.account.node(&id("n")).unwrap();
    node.users().map(|(name, _)| name.to_string()).collect()
}

/// N11: the headers are those of the recordings.
#[test]
fn a_user_is_added_changed_and_deleted() {
    let mut world = with_a_task();
    let body = json!({ "name": "ada", "isAdmin": true, "password": "secret", "expiryTime": "2026-03-01" });
    let reply = world.send(&format!("POST {USERS}"), body);
    assert_eq!(reply.told(), "201");
    let url = format!("{URL}{USERS}/ada");
    assert_eq!(reply.header("Location"), Some(url.as_str()));
    assert_eq!(reply.header("DataServiceId"), Some(url.as_str()));
    assert_eq!((reply.header("ETag"), reply.header("Last-Modified")), (None, None));

    let name = UserName::new("ada").unwrap();
    let user = |world: &RestWorld| world.account.node(&id("n")).unwrap().user(&name).cloned();
    let added = user(&world).unwrap();
    assert!(added.is_admin);
    assert_eq!(added.expiry_time.to_string(), "2026-03-01T00:00:00Z");
    assert_eq!(added.password.as_ref().map(Password::reveal), Some("secret"));
    assert_eq!(added.ssh_public_key, None);
    assert!(!format!("{added:?}").contains("secret"), "{added:?}");

    let reply = world.send(&format!("PUT {USERS}/ada"), json!({ "sshPublicKey": "ssh-rsa AAAA" }));
    assert_eq!(reply.told(), "200");
    assert_eq!(reply.header("DataServiceId"), Some(url.as_str()));
    let changed = user(&world).unwrap();
    assert!(changed.is_admin, "it cannot be changed");
    assert_eq!(
        changed.expiry_time,
        world.now.saturating_add(DEFAULT_USER_LIFETIME),
        "what is not given is as new"
    );
    assert_eq!((changed.password, changed.ssh_public_key.as_deref()), (None, Some("ssh-rsa AAAA")));

    let reply = world.send(&format!("DELETE {USERS}/ada"), "");
    assert_eq!((reply.told().as_str(), reply.header("DataServiceId")), ("200", None));
    assert_eq!(user(&world), None);
}

/// N11
#[test]
fn requests_about_users_are_refused_by_name_and_node() {
    let mut world = with_a_task();
    assert_eq!(add(&mut world, "ada"), "201");
    assert_eq!(add(&mut world, "ada"), "409 NodeUserExists");
    assert_eq!(add(&mut world, "Ada"), "201", "names are compared exactly");
    assert_eq!(add(&mut world, "é/ f"), "201");
    assert_eq!(user_names(&world), ["Ada", "ada", "é/ f"]);
    for (line, told) in [
        ("PUT /pools/p/nodes/n/users/eve", "404 NodeUserNotFound"),
        ("DELETE /pools/p/nodes/n/users/eve", "404 NodeUserNotFound"),
        ("DELETE /pools/p/nodes/n/users/", "404 NodeUserNotFound"),
        ("DELETE /pools/p/nodes/m/users/ada", "404 NodeNotFound"),
        ("PUT /pools/q/nodes/n/users/ada", "404 PoolNotFound"),
        ("DELETE /pools/p/nodes/n/users/%C3%A9%2F%20f", "200"),
        ("GET /pools/p/nodes/n/users/ada", "405 UnsupportedHttpVerb"),
    ] {
        let body = if line.starts_with("PUT") { "{}" } else { "" };
        assert_eq!(world.send(line, body).told(), told, "{line}");
    }
    for (name, told) in [
        (json!("x".repeat(64)), "201"),
        (json!("x".repeat(65)), "400 InvalidPropertyValue"),
        (json!(""), "400 InvalidPropertyValue"),
        (json!("a\nb"), "400 InvalidPropertyValue"),
        (json!(null), "400 MissingRequiredProperty"),
    ] {
        let reply = world.send(&format!("POST {USERS}"), json!({ "name": name }));
        assert_eq!(reply.told(), told, "{name}");
    }
}

/// N11: a user's name stands in a header, so it is escaped there.
#[test]
fn the_location_of_a_user_is_a_url() {
    let mut world = with_a_task();
    let reply = world.send(&format!("POST {USERS}"), json!({ "name": "é/ f" }));
    assert_eq!(reply.header("Location"), Some(format!("{URL}{USERS}/%C3%A9%2F%20f").as_str()));
}

/// N11: users can be changed only on a node that is ready and answers, and are gone with its disk.
#[test]
fn users_live_as_long_as_the_nodes_disk() {
    let mut world = with_a_task();
    add(&mut world, "ada");
    world.node("n", NodeEvent::Lost);
    for line in ["PUT /pools/p/nodes/n/users/ada", "DELETE /pools/p/nodes/n/users/ada"] {
        let body = if line.starts_with("PUT") { "{}" } else { "" };
        assert_eq!(world.send(line, body).told(), "409 OperationNotValidOnNode", "{line}");
    }
    assert_eq!(add(&mut world, "eve"), "409 OperationNotValidOnNode");
    world.node("n", NodeEvent::Returned);
    assert_eq!(add(&mut world, "eve"), "201");
    assert_eq!(world.send("POST /pools/p/nodes/n/disablescheduling", "").told(), "200");
    assert_eq!(add(&mut world, "bob"), "201", "a user may log in to a node that takes no tasks");
    world.node("n", NodeEvent::Rebooted);
    assert_eq!(user_names(&world), ["ada", "bob", "eve"]);
    world.node("n", NodeEvent::Reimaged);
    assert_eq!(user_names(&world), [""; 0]);
    add(&mut world, "ada");
    assert_eq!(world.send("POST /pools/p/nodes/n/deallocate", "").told(), "202");
    world.node("n", NodeEvent::Deallocated);
    assert_eq!(user_names(&world), [""; 0]);
}

/// N12
#[test]
fn the_host_says_where_to_log_in() {
    let mut world = with_a_task();
    let target = "/pools/p/nodes/n/remoteloginsettings";
    assert_eq!(world.get(target).told(), "409 NodeNotReady");
    let remote_login = RemoteLogin { address: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), port: 50_001 };
    let effects = world.call(|account, _| account.set_remote_login(&id("n"), remote_login));
    assert_eq!(effects.len(), 1);
    let reply = world.get(target);
    assert_eq!(
        reply.text(),
        format!(
            "{{\r\n  \"odata.metadata\":\"{URL}/$metadata#Microsoft.Azure.Batch.Protocol.Entities.\
             RemoteLoginSettings\",\"remoteLoginIPAddress\":\"203.0.113.7\",\"remoteLoginPort\":50001\r\n}}"
        )
    );
    assert_eq!(reply.header("DataServiceId"), Some(format!("{URL}{target}").as_str()));
    assert_eq!(reply.header("ETag"), None);
    assert_eq!(world.get("/pools/p/nodes/m/remoteloginsettings").told(), "404 NodeNotFound");
    let effects = world.call(|account, _| account.set_remote_login(&id("unknown"), remote_login));
    assert_eq!(effects, []);
}

/// N13
#[test]
fn a_node_has_no_logs_to_upload() {
    let mut world = with_a_task();
    let line = "POST /pools/p/nodes/n/uploadbatchservicelogs";
    let body = json!({ "containerUrl": "https://example.com/logs", "startTime": "2026-02-10T08:00:00Z" });
    let shown = world.send(line, body.clone()).json();
    assert_eq!(shown["numberOfFilesUploaded"], 0);
    let directory = shown["virtualDirectoryName"].as_str().unwrap();
    assert!(directory.starts_with("p/n/") && directory.len() == "p/n/".len() + 36, "{directory}");
    assert_eq!(world.send(line, json!({ "containerUrl": "u" })).told(), "400 MissingRequiredProperty");
    world.node("n", NodeEvent::Lost);
    assert_eq!(world.send(line, body).told(), "409 NodeNotReady");
}
