//! Refusals: W3 and Q9.

use azbatch::Timestamp;
use serde_json::json;

use super::{World, with_pool};
use crate::world::{World as RestWorld, text};

/// W3
#[test]
fn an_error_body_names_the_request_and_its_time() {
    let mut world = World::empty();
    let at = Timestamp::parse_iso8601("2026-02-10T08:00:00.5Z").unwrap();
    let response = world.on(at).answer("GET /jobs/no", &[], "");
    let expected = [
        "{",
        "  \"odata.metadata\":\"https://contoso.westus.batch.azure.com/$metadata\
         #Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element\",\"code\":\"JobNotFound\",\"message\":{",
        "    \"lang\":\"en-US\",\"value\":\"The specified job does not exist.\\n\
         RequestId:00000000-0000-0000-0000-000000000001\\nTime:2026-02-10T08:00:00.5000000Z\"",
        "  }",
        "}",
    ];
    assert_eq!(text(&response), expected.join("\r\n"));
    assert_eq!(response.reason, "The specified job does not exist.");
    assert_eq!(response.header("Content-Length"), Some(response.body.len().to_string().as_str()));
    let response = world.answer("GET /jobs/no?timeout=soon", &[], "");
    assert!(
        text(&response)
            .contains("\"values\":[\r\n    {\r\n      \"key\":\"QueryParameterName\",\"value\":\"timeout\"")
    );
}

#[test]
fn what_is_outside_says_so() {
    let mut world = RestWorld::with_tasks(&["t"]);
    for (line, reason) in [
        ("GET /certificates?api-version=2022-10-01.16.0", "certificates"),
        ("GET /applications/a", "applications"),
        ("GET /jobs/job/tasks/t/files", "files"),
        ("GET /jobs/job/tasks/t/files/stdout.txt", "files"),
        ("GET /jobs/job/tasks/t/files/a/b", "files"),
        ("GET /pools/pool/nodes/n1/files/x", "files"),
        ("POST /pools/pool/nodes/n1/users", "node users"),
        ("GET /pools/pool/nodes/n1/remoteloginsettings", "remote access"),
        ("POST /pools/pool/enableautoscale", "autoscale"),
        ("POST /pools/pool/stopresize", "stopping a resize"),
        ("PATCH /pools/pool", "patching pools"),
        ("GET /supportedimages", "account information"),
        ("GET /lifetimejobstats?api-version=2022-10-01.16.0", "lifetime statistics"),
    ] {
        let reply = world.send(line, "");
        assert_eq!(reply.told(), "501 NotImplemented", "{line}");
        assert!(reply.said("Reason").contains(reason), "{line}: {}", reply.said("Reason"));
    }
    let pool =
        json!({ "autoPoolSpecification": { "poolLifetimeOption": "job", "pool": { "vmSize": "small" } } });
    for (line, body) in [
        ("POST /jobs", json!({ "id": "auto", "poolInfo": pool })),
        ("PUT /jobs/job", json!({ "poolInfo": pool })),
        ("PATCH /jobs/job", json!({ "poolInfo": pool })),
    ] {
        let reply = world.send(line, body);
        assert_eq!(reply.told(), "501 NotImplemented", "{line}");
        assert!(reply.said("Reason").contains("uto pool"), "{line}: {}", reply.said("Reason"));
    }
    for (line, told) in [
        ("GET /", "400 InvalidUri"),
        ("GET /job", "400 InvalidUri"),
        ("GET /jobs/job/tasks/t/state", "400 InvalidUri"),
        ("PATCH /jobs/job/tasks/t", "405 UnsupportedHttpVerb"),
        ("GET /jobs/job/terminate", "405 UnsupportedHttpVerb"),
        ("DELETE /pools/pool/nodes/n1", "405 UnsupportedHttpVerb"),
    ] {
        assert_eq!(world.send(line, "").told(), told, "{line}");
    }
}

/// Q9: one certificate is named as OData names keys.
#[test]
fn certificates_by_thumbprint_are_not_modelled_either() {
    let mut world = RestWorld::new();
    for line in [
        "DELETE /certificates(thumbprintAlgorithm=sha1,thumbprint=ab)",
        "POST /certificates(thumbprintAlgorithm=sha1,thumbprint=ab)/canceldelete",
    ] {
        let reply = world.send(&format!("{line}?api-version=2024-07-01.20.0"), "");
        assert_eq!(reply.told(), "501 NotImplemented", "{line}");
    }
}

/// Q9: the subtasks of a multi-instance task are not modelled, so an empty list would be wrong.
#[test]
fn subtasks_of_a_multi_instance_task_are_not_denied() {
    let mut world = with_pool(1);
    let settings = json!({ "numberOfInstances": 2, "coordinationCommandLine": "x" });
    let task = json!({ "id": "many", "commandLine": "x", "multiInstanceSettings": settings });
    assert_eq!(world.send("POST /jobs/job/tasks", task).told(), "201");
    assert_eq!(world.get("/jobs/job/tasks/many/subtasksinfo").told(), "501 NotImplemented");
    assert_eq!(world.get("/jobs/job/tasks/t/subtasksinfo").told(), "200");
}
