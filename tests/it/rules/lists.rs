//! Lists, selections and filters: Q3 to Q8, Q11, Q13 and Q14.

use azbatch::{
    Timestamp,
    node::NodeEvent,
    pool::{OsType, SupportedImage, VerificationType},
};
use serde_json::{Value, json};

use super::{names, with_a_task, with_job};
use crate::world::{Reply, URL, World as RestWorld, task_body};

/// Q3
#[test]
fn a_selection_is_trimmed_and_answered_in_the_services_order() {
    let mut world = RestWorld::with_tasks(&["t"]);
    let reply = world.get("/jobs/job?$select=%20priority%20,state,,id");
    assert_eq!(
        reply.text(),
        format!(
            "{{\r\n  \"odata.metadata\":\"{URL}/$metadata#jobs/@Element\",\"id\":\"job\",\"state\":\"active\",\
             \"priority\":0\r\n}}"
        )
    );
    let whole = world.shown("/jobs/job");
    for nothing in ["", ",", "+,+"] {
        assert_eq!(world.shown(&format!("/jobs/job?$select={nothing}")), whole, "it is ignored");
    }
    assert_eq!(world.get("/jobs?$select=id").json()["value"], json!([{ "id": "job" }]));
    let keys =
        |reply: &Reply| reply.json()["value"][0].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&world.get("/jobs/job/tasks?$select=url,id")), ["id", "url"]);
    assert_eq!(keys(&world.get("/pools/pool/nodes?$select=state,id")), ["id", "state"]);
    assert_eq!(world.shown("/pools/pool/nodes/n1?$select=state")["state"], "idle");
    for target in
        ["/jobs", "/jobs/job", "/jobs/job/tasks", "/jobs/job/tasks/t", "/pools", "/pools/pool/nodes"]
    {
        let reply = world.get(&format!("{target}?$select=id,shape"));
        assert_eq!(reply.told(), "400 InvalidQueryParameterValue", "{target}");
        assert_eq!(reply.said("QueryParameterName"), "$select");
        assert_eq!(reply.said("QueryParameterValue"), "id,shape");
        assert!(reply.said("Reason").contains("'shape'"), "{}", reply.said("Reason"));
    }
}

/// F3: there are no statistics, so that `$expand` changes nothing.
#[test]
fn expand_is_accepted_and_ignored() {
    let mut world = RestWorld::with_tasks(&["t"]);
    for target in ["/jobs", "/jobs/job", "/jobs/job/tasks", "/jobs/job/tasks/t", "/pools"] {
        let (plain, expanded) = (world.shown(target), world.shown(&format!("{target}?$expand=stats")));
        assert_eq!(plain, expanded);
    }
}

/// Q4
#[test]
fn an_invalid_filter_is_refused_with_a_reason() {
    let mut world = RestWorld::with_tasks(&["t"]);
    for list in ["/jobs", "/jobs/job/tasks", "/pools", "/pools/pool/nodes"] {
        let reply = world.get(&format!("{list}?$filter=length(id)%20gt%203"));
        assert_eq!(reply.told(), "400 InvalidQueryParameterValue", "{list}");
        assert_eq!(reply.said("QueryParameterName"), "$filter");
        assert_eq!(reply.said("QueryParameterValue"), "length(id) gt 3");
        assert!(!reply.said("Reason").is_empty());
    }
}

/// Q4, Q5
#[test]
fn tasks_are_filtered_by_how_they_ended() {
    let mut world = RestWorld::with_tasks(&["ok", "bad", "waits"]);
    world.ran("job", "ok", "n1", 0);
    world.ran("job", "bad", "n1", 3);
    for (filter, found) in [
        ("state eq 'completed'", vec!["bad", "ok"]),
        ("state eq 'active' or state eq 'running'", vec!["waits"]),
        ("state eq 'Completed' and id ne 'BAD'", vec!["ok"]),
        ("executionInfo/exitCode eq null", vec!["waits"]),
        ("not (executionInfo/exitCode eq 0)", vec!["bad", "waits"]),
        ("executionInfo/exitCode ne 0", vec!["bad", "waits"]),
        ("executionInfo/exitCode gt 0", vec!["bad"]),
        ("executionInfo/result eq 'failure'", vec!["bad"]),
        ("executionInfo/failureInfo/code eq 'FailureExitCode'", vec!["bad"]),
        ("not (startswith(id, 'b')) and executionInfo/retryCount eq 0", vec!["ok", "waits"]),
        ("stateTransitionTime lt DateTime'2026-02-10T08:00:04Z'", vec![]),
        ("creationTime lt DateTime'2027-01-01T00:00:00Z'", vec!["bad", "ok", "waits"]),
    ] {
        let filter = filter.replace(' ', "%20");
        assert_eq!(world.get(&format!("/jobs/job/tasks?$filter={filter}")).ids(), found, "{filter}");
    }
    assert_eq!(world.get("/pools/pool/nodes?$filter=state%20eq%20'idle'").ids(), ["n1", "n2"]);
    world.run("job", "waits", "n2");
    assert_eq!(world.get("/pools/pool/nodes?$filter=state%20eq%20'idle'").ids(), ["n1"]);
    assert_eq!(world.get("/pools/pool/nodes?$filter=runningTasksCount%20ge%201").ids(), ["n2"]);
}

/// W4, Q4
#[test]
fn instants_can_be_a_date_alone_or_have_no_seconds() {
    let mut world = with_job(r#"{"id":"j","poolInfo":{"poolId":"p"}}"#);
    for (instant, found) in [
        ("2026-02-10", true),
        ("2026-02-11", false),
        ("2026-02-10T08:00Z", true),
        ("2026-02-10T08:01Z", false),
        ("2026-02-10T09:00%2B01:00", true),
        ("2026-02-10T08:00:00.5Z", true),
    ] {
        for literal in [format!("DateTime'{instant}'"), instant.to_string()] {
            let reply = world.get(&format!("/jobs?$filter=creationTime%20ge%20{literal}"));
            assert_eq!(reply.told(), "200", "{literal}");
            assert_eq!(!reply.ids().is_empty(), found, "{literal}");
        }
    }
}

/// Q6
#[test]
fn completed_jobs_are_listed_last_each_group_by_id() {
    let mut world = RestWorld::with_jobs(&["b", "D", "a", "C", "e"]);
    assert_eq!(world.get("/jobs").ids(), ["a", "b", "C", "D", "e"]);
    world.complete("b");
    world.complete("D");
    assert_eq!(world.get("/jobs").ids(), ["a", "C", "e", "b", "D"]);
    // Disabled, terminating and deleting jobs keep their place.
    world.send("POST /jobs/a/disable", json!({ "disableTasks": "wait" }));
    world.send("POST /jobs/C/terminate", "");
    world.send("DELETE /jobs/e", "");
    assert_eq!(world.get("/jobs").ids(), ["a", "C", "e", "b", "D"]);
    world.tick();
    assert_eq!(world.get("/jobs").ids(), ["a", "b", "C", "D"]);
}

/// Q6
#[test]
fn tasks_are_listed_by_id_without_case() {
    let mut world = RestWorld::with_tasks(&["b", "C", "a", "10", "9"]);
    let reply = world.get("/jobs/job/tasks");
    assert_eq!(reply.ids(), ["10", "9", "a", "b", "C"]);
    assert!(reply.json()["value"][0].get("odata.metadata").is_none());
}

impl RestWorld {
    /// The ids on all pages from this target on. `between` is called between two pages.
    fn pages(&mut self, target: &str, mut between: impl FnMut(&mut Self, &[String])) -> Vec<Vec<String>> {
        let mut pages = Vec::new();
        let mut next = Some(target.to_string());
        while let Some(target) = next {
            let page = self.get(&target);
            assert_eq!(page.told(), "200", "{}", page.text());
            pages.push(page.ids());
            next = page.next();
            if next.is_some() {
                between(self, pages.last().unwrap());
            }
        }
        pages
    }
}

/// Q6, Q7
#[test]
fn pages_show_each_item_once() {
    let ids = ["a", "B", "c", "D", "e", "F", "g"];
    let mut world = RestWorld::with_jobs(&ids);
    world.complete("B");
    world.complete("e");
    let everything = world.get("/jobs").ids();
    assert_eq!(everything, ["a", "c", "D", "F", "g", "B", "e"]);
    for size in 1..=8 {
        let pages = world.pages(&format!("/jobs?maxresults={size}"), |_, _| {});
        assert!(pages.iter().all(|page| page.len() <= size));
        assert_eq!(pages.concat(), everything, "by {size}");
        let pages = world.pages(&format!("/jobs?maxresults={size}&$filter=state%20eq%20'active'"), |_, _| {});
        assert_eq!(pages.concat(), ["a", "c", "D", "F", "g"], "by {size}");
        let pages =
            world.pages(&format!("/jobs?maxresults={size}&$filter=state%20eq%20'completed'"), |_, _| {});
        assert_eq!(pages.concat(), ["B", "e"], "by {size}");
        let filter = "$filter=id%20eq%20'E'%20or%20state%20eq%20'active'%20and%20id%20gt%20'c'";
        let pages = world.pages(&format!("/jobs?maxresults={size}&{filter}"), |_, _| {});
        assert_eq!(pages.concat(), ["D", "F", "g", "e"], "by {size}");
    }
}

/// Q6, Q8: a page continues after the last item of the one before, even if that was deleted.
#[test]
fn no_item_is_skipped_when_others_are_deleted_between_pages() {
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for size in 1..=4 {
        for filter in ["", "&$filter=startswith(id,'')"] {
            let mut world = RestWorld::with_jobs(&ids);
            world.complete("b");
            world.complete("d");
            let shown = world.pages(&format!("/jobs?maxresults={size}{filter}"), |world, page| {
                assert_eq!(world.send(&format!("DELETE /jobs/{}", page.last().unwrap()), "").told(), "202");
                world.tick();
            });
            assert_eq!(shown.concat(), ["a", "c", "e", "f", "g", "h", "b", "d"]);

            let mut world = RestWorld::with_tasks(&ids);
            let mut gone = Vec::new();
            let shown = world.pages(&format!("/jobs/job/tasks?maxresults={size}{filter}"), |world, page| {
                let last = ids.iter().position(|id| id == page.last().unwrap()).unwrap();
                for id in [Some(&ids[last]), ids.get(last + 1)].into_iter().flatten() {
                    assert_eq!(world.send(&format!("DELETE /jobs/job/tasks/{id}"), "").told(), "200");
                }
                gone.extend(ids.get(last + 1));
            });
            let left: Vec<&str> = ids.into_iter().filter(|id| !gone.contains(&id)).collect();
            assert_eq!(shown.concat(), left, "by {size}");
        }
    }
}

/// Q7
#[test]
fn a_page_has_1_to_1000_items() {
    let mut world = RestWorld::with_jobs(&["a", "b"]);
    for (number, reason) in [
        ("0", "MaxResults cannot be less than 1"),
        ("-5", "MaxResults cannot be less than 1"),
        ("1001", "MaxResults cannot be greater than 1000"),
        ("ten", "Not a valid integer."),
    ] {
        for list in ["/jobs", "/jobs/a/tasks", "/pools", "/pools/none/nodes"] {
            let reply = world.get(&format!("{list}?maxresults={number}"));
            assert_eq!(reply.told(), "400 InvalidQueryParameterValue", "{list} {number}");
            assert_eq!(reply.said("QueryParameterName"), "maxresults");
            assert_eq!(reply.said("QueryParameterValue"), number);
            assert_eq!(reply.said("Reason"), reason);
        }
    }
    assert_eq!(world.get("/jobs?maxresults=99999999999").told(), "400 OutOfRangeQueryParameterValue");
    assert_eq!(world.get("/jobs?MaxResults=1").ids(), ["a"]);
    assert_eq!(world.get("/jobs?maxresults=1000").ids(), ["a", "b"]);
    assert_eq!(world.get("/jobs?maxresults=2").next(), None, "there is no empty last page");
}

/// Q7
#[test]
fn a_page_has_1000_items_by_default() {
    let mut world = RestWorld::with_jobs(&["job"]);
    for hundred in 0..11 {
        let tasks: Vec<Value> =
            (0..100).map(|one| task_body(&format!("t{:04}", hundred * 100 + one))).collect();
        assert_eq!(world.send("POST /jobs/job/addtaskcollection", json!({ "value": tasks })).told(), "200");
    }
    let pages = world.pages("/jobs/job/tasks", |_, _| {});
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1000, 100]);
    assert_eq!(pages.concat().len(), 1100);
}

/// Q7
#[test]
fn the_link_to_the_next_page_repeats_the_request() {
    let mut world = RestWorld::with_jobs(&["a", "b", "C"]);
    let reply =
        world.get("/jobs?$select=id,%20state&maxresults=1&api-version=2024-07-01.20.0&$filter=id+ne+'b'");
    assert_eq!(reply.ids(), ["a"]);
    assert_eq!(
        reply.json()["odata.nextLink"],
        format!(
            "{URL}/jobs?$skipToken=0.a&$select=id,%20state&maxresults=1&api-version=2024-07-01.20.0&$filter=id+ne+'b'"
        )
    );
    let reply = world.get(&reply.next().unwrap());
    assert_eq!(reply.json()["value"], json!([{ "id": "C", "state": "active" }]));
    assert_eq!(reply.next(), None);
}

/// Q7
#[test]
fn pools_nodes_and_status_entries_are_paged_too() {
    let mut world = RestWorld::new();
    for id in ["p2", "P1", "p3"] {
        let pool = json!({ "id": id, "vmSize": "small", "targetDedicatedNodes": 3 });
        let added = world.send("POST /pools", pool);
        world.obey(added.effects);
    }
    assert_eq!(world.pages("/pools?maxresults=2", |_, _| {}), [names(&["P1", "p2"]), names(&["p3"])]);
    let pages = world.pages("/pools/p2/nodes?maxresults=2", |world, _| {
        world.node("tvm-2", NodeEvent::Removed);
    });
    assert_eq!(pages, [names(&["tvm-1", "tvm-2"]), names(&["tvm-3"])]);

    let prepared = json!({ "poolInfo": { "poolId": "p3" }, "jobPreparationTask": { "commandLine": "x" } });
    world.add_job("job", prepared).add_tasks("job", &["1", "2", "3"]);
    let effects = world.schedule();
    world.obey(effects);
    let status = "/jobs/job/jobpreparationandreleasetaskstatus";
    let pages = world.pages(&format!("{status}?maxresults=2"), |_, _| {});
    assert_eq!(pages, [names(&["tvm-7", "tvm-8"]), names(&["tvm-9"])]);
    let pages = world.pages(&format!("{status}?maxresults=1&$filter=nodeId%20ne%20'tvm-8'"), |_, _| {});
    assert_eq!(pages.concat(), ["tvm-7", "tvm-9"]);
}

/// Q7
#[test]
fn an_invalid_skip_token_is_refused() {
    let mut world = RestWorld::with_jobs(&["a"]);
    for target in [
        "/jobs?$skipToken=a",
        "/jobs?$skipToken=0.%20",
        "/jobs/a/tasks?$skipToken=",
        "/pools?$skiptoken=%C3%A4",
    ] {
        let reply = world.get(target);
        assert_eq!(reply.told(), "400 InvalidQueryParameterValue", "{target}");
        assert_eq!(reply.said("QueryParameterName"), "$skiptoken");
    }
}

fn image(sku: &str, capabilities: &[&str], end_of_support: Option<Timestamp>) -> SupportedImage {
    SupportedImage {
        publisher: "canonical".into(),
        offer: "ubuntu".into(),
        sku: sku.into(),
        version: "latest".into(),
        verification: VerificationType::Verified,
        node_agent_sku_id: "batch.node.ubuntu".into(),
        capabilities: capabilities.iter().map(|&name| name.into()).collect(),
        end_of_support,
        os_type: OsType::Linux,
    }
}

/// Q14
#[test]
fn node_agents_are_those_of_the_supported_images() {
    let mut world = with_a_task();
    let list = "/nodeagentskus?api-version=2018-12-01.8.0";
    assert_eq!(world.shown(list)["value"], json!([]));
    let mut windows = image("server", &[], None);
    windows.node_agent_sku_id = "batch.node.windows".into();
    windows.os_type = OsType::Windows;
    let mut untested = image("beta", &[], None);
    untested.verification = VerificationType::Unverified;
    let images = vec![image("old", &[], None), windows, untested, image("new", &[], None)];
    world.account = world.account.clone().with_supported_images(images);
    let reference =
        |sku| json!({ "publisher": "canonical", "offer": "ubuntu", "sku": sku, "version": "latest" });
    let linux = json!({
        "id": "batch.node.ubuntu",
        "verifiedImageReferences": [reference("old"), reference("new")],
        "osType": "linux",
    });
    let windows = json!({
        "id": "batch.node.windows", "verifiedImageReferences": [reference("server")], "osType": "windows",
    });
    assert_eq!(world.shown(list)["value"], json!([linux, windows]));
    assert_eq!(world.shown(&format!("{list}&$skipToken=1"))["value"], json!([windows]));
    let filtered = world.shown(&format!("{list}&$filter=osType%20eq%20'linux'"));
    assert_eq!(filtered["value"], json!([linux]));
    assert_eq!(world.get("/nodeagentskus").told(), "400 InvalidUri", "later versions list images");
}

/// Q13
#[test]
fn supported_images_are_those_of_the_host() {
    let mut world = with_a_task();
    assert_eq!(world.shown("/supportedimages")["value"], json!([]));
    let end = "2030-04-01T00:00:00Z".parse().ok();
    let images =
        vec![image("old", &["DockerCompatible"], end), image("new", &[], None), image("old", &[], None)];
    world.account = world.account.clone().with_supported_images(images);

    let shown = world.get("/supportedimages?maxresults=1").text().to_string();
    assert!(shown.contains("/$metadata#supportedimages\",\"value\":["), "{shown}");
    let order =
        ["imageReference", "publisher", "offer", "sku", "version", "verificationType", "nodeAgentSKUId"];
    let order = [order.as_slice(), &["capabilities", "batchSupportEndOfLife", "osType"]].concat();
    let places: Vec<_> = order.iter().map(|name| shown.find(&format!("\"{name}\"")).unwrap()).collect();
    assert!(places.is_sorted(), "{shown}");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["value"][0]["capabilities"], json!(["DockerCompatible"]));
    assert_eq!(shown["value"][0]["batchSupportEndOfLife"], "2030-04-01T00:00:00Z");
    assert_eq!(shown["value"][0]["osType"], "linux");
    assert!(shown["odata.nextLink"].as_str().unwrap().contains("$skipToken=1&"), "{shown}");

    let skus = |shown: Value| -> Vec<String> {
        let images = shown["value"].as_array().unwrap().iter();
        images.map(|image| image["imageReference"]["sku"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(skus(world.shown("/supportedimages?$skipToken=1")), ["new", "old"]);
    assert_eq!(skus(world.shown("/supportedimages?$skipToken=4")), [""; 0]);
    assert_eq!(skus(world.shown("/supportedimages?$filter=imageReference/sku%20eq%20'old'")), ["old", "old"]);
    assert_eq!(skus(world.shown("/supportedimages?$filter=osType%20eq%20'windows'")), [""; 0]);
    let verified = "/supportedimages?$filter=verificationType%20eq%20'verified'";
    assert_eq!(skus(world.shown(verified)).len(), 3);
}

/// Q11
#[test]
fn lists_of_resources_that_are_not_modelled_are_empty() {
    let mut world = with_a_task();
    for target in ["/applications", "/poolusagemetrics", "/pools/p/nodes/n/extensions"] {
        let shown = world.shown(target);
        assert_eq!(shown["value"], json!([]), "{target}");
        assert_eq!(shown["odata.nextLink"], Value::Null, "{target}");
    }
    assert_eq!(world.get("/pools/p/nodes/m/extensions").told(), "404 NodeNotFound");
    assert_eq!(world.get("/pools/q/nodes/n/extensions").told(), "404 PoolNotFound");
    assert_eq!(world.get("/pools/p/nodes/n/extensions/gpu").told(), "404 ResourceNotFound");
    assert_eq!(world.get("/pools/p/nodes/m/extensions/gpu").told(), "404 NodeNotFound");
    assert_eq!(world.get("/applications/blender").told(), "404 ApplicationNotFound");
    assert_eq!(world.get("/applications?maxresults=0").told(), "400 InvalidQueryParameterValue");
}
