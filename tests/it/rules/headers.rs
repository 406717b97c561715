//! Headers: Q2, Q10 and W5.

use serde_json::{Value, json};

use super::{bodies::changed_job, with_job};
use crate::world::{Reply, URL, World as RestWorld, job_body, task_body};

/// The status and the headers of an answer, but for those that every answer has.
pub(super) fn head(reply: &Reply) -> String {
    let mut told = vec![reply.response.status.to_string()];
    for (name, value) in &reply.response.headers {
        let value = value.replace(URL, "~");
        told.push(match *name {
            "request-id" | "DataServiceVersion" => continue,
            "ETag" | "Last-Modified" => (*name).to_string(),
            name => format!("{name}={value}"),
        });
    }
    told.join(" ")
}

#[test]
fn every_answer_has_its_headers_and_no_others() {
    // The table of operations in the reference of the REST surface.
    const JSON: &str = "Content-Type=application/json;odata=minimalmetadata";
    let mut world = RestWorld::new();
    let mut sees = |line: &str, body: Value, expected: &str| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = world.send(line, body);
        let expected = expected.replace("JSON", JSON);
        assert_eq!(head(&reply), expected, "{line}: {}", reply.text());
        world.obey(reply.effects);
    };
    let none = Value::Null;
    let pool = json!({ "id": "Pool", "vmSize": "small", "targetDedicatedNodes": 2 });
    sees("POST /pools", pool, "201 ETag Last-Modified DataServiceId=~/pools/Pool Location=~/pools/Pool");
    sees("GET /pools/pool", none.clone(), "200 ETag Last-Modified JSON");
    sees("HEAD /pools/pool", none.clone(), "200 ETag Last-Modified");
    sees("GET /pools", none.clone(), "200 JSON");
    let resize = json!({ "targetDedicatedNodes": 3 });
    sees("POST /pools/pool/resize", resize, "202 ETag Last-Modified DataServiceId=~/pools/pool/resize");
    sees("GET /pools/pool/nodes", none.clone(), "200 JSON");
    sees("GET /pools/pool/nodes/tvm-1", none.clone(), "200 JSON");
    for (order, status) in [
        ("reboot", 202),
        ("reimage", 202),
        ("deallocate", 202),
        ("start", 202),
        ("disablescheduling", 200),
        ("enablescheduling", 200),
    ] {
        let path = format!("/pools/pool/nodes/tvm-1/{order}");
        sees(&format!("POST {path}?timeout=30"), none.clone(), &format!("{status} DataServiceId=~{path}"));
    }
    let remove = json!({ "nodeList": ["tvm-1"] });
    sees(
        "POST /pools/pool/removenodes",
        remove,
        "202 ETag Last-Modified DataServiceId=~/pools/pool/removenodes",
    );

    // W5
    sees(
        "POST /jobs",
        changed_job(),
        "201 ETag Last-Modified DataServiceId=~/jobs/job-1 Location=~/jobs/job-1",
    );
    sees("GET /jobs/Job", none.clone(), "200 ETag Last-Modified JSON");
    sees("GET /jobs", none.clone(), "200 JSON");
    let put = json!({ "poolInfo": { "poolId": "pool" } });
    sees("PUT /jobs/Job?timeout=3", put, "200 ETag Last-Modified DataServiceId=~/jobs/Job");
    sees("PATCH /jobs/job", json!({}), "200 ETag Last-Modified DataServiceId=~/jobs/job");
    let disable = json!({ "disableTasks": "wait" });
    sees("POST /jobs/job/disable", disable, "202 ETag Last-Modified DataServiceId=~/jobs/job/disable");
    sees("POST /jobs/job/enable", none.clone(), "202 ETag Last-Modified DataServiceId=~/jobs/job/enable");
    sees("GET /jobs/job/taskcounts", none.clone(), "200 JSON");
    let made = "201 ETag Last-Modified DataServiceId=~/jobs/job/tasks/T Location=~/jobs/job/tasks/T";
    sees("POST /jobs/JOB/tasks", task_body("T"), made);
    sees("POST /jobs/job/addtaskcollection", json!({ "value": [task_body("u")] }), "200 JSON");
    sees("GET /jobs/job/tasks/t", none.clone(), "200 ETag Last-Modified JSON");
    sees("GET /jobs/job/tasks", none.clone(), "200 JSON");
    sees("GET /jobs/job/tasks/t/subtasksinfo", none.clone(), "200 JSON");
    sees("PUT /jobs/job/tasks/t", json!({}), "200 ETag Last-Modified DataServiceId=~/jobs/job/tasks/t");
    let ended = "204 ETag Last-Modified DataServiceId=~/jobs/job/tasks/t/terminate Content-Length=0";
    sees("POST /jobs/job/tasks/t/terminate", none.clone(), ended);
    sees("POST /jobs/job/tasks/t/reactivate", none.clone(), "204 ETag Last-Modified Content-Length=0");
    sees("DELETE /jobs/job/tasks/u", none.clone(), "200");
    let ended = "202 ETag Last-Modified DataServiceId=~/jobs/job/terminate";
    sees("POST /jobs/job/terminate?force=true", none.clone(), ended);
    sees("DELETE /jobs/job", none.clone(), "202");
    let mut body = job_body("prepared");
    body["jobPreparationTask"] = json!({ "commandLine": "x" });
    sees("POST /jobs", body, "201 ETag Last-Modified DataServiceId=~/jobs/job-1 Location=~/jobs/job-1");
    sees("GET /jobs/prepared/jobpreparationandreleasetaskstatus", none.clone(), "200 JSON");
    sees("DELETE /pools/pool", none.clone(), "202");
    sees("GET /jobs/none", none, "404 JSON Content-Length=326");
}

/// Q10: as a header it is an HTTP date, in the query an ISO 8601 instant.
#[test]
fn ocp_date_can_be_a_query_parameter() {
    let mut world = with_job(r#"{"id":"j","poolInfo":{"poolId":"p"}}"#);
    for date in
        ["2026-02-10T08:00:00Z", "2026-02-10T08:00Z", "2026-02-10", "2026-02-10T09:00:00.5%2B01:00", ""]
    {
        assert_eq!(world.get(&format!("/jobs/j?ocp-date={date}")).told(), "200", "{date}");
        assert_eq!(world.get(&format!("/jobs/j?OCP-Date={date}")).told(), "200", "{date}");
    }
    for date in ["today", "2026-02-30", "Tue,%2010%20Feb%202026%2008:00:00%20GMT"] {
        let refused = world.get(&format!("/jobs/j?ocp-date={date}"));
        assert_eq!(refused.told(), "400 InvalidHeaderValue", "{date}");
        assert_eq!(refused.said("HeaderName"), "ocp-date");
    }
    for (date, told) in [
        ("Tue, 10 Feb 2026 08:00:00 GMT", "200"),
        ("Tuesday, 10-Feb-26 08:00:00 GMT", "200"),
        ("2026-02-10T08:00:00Z", "400 InvalidHeaderValue"),
    ] {
        assert_eq!(world.send_with("GET /jobs/j", "", &[("ocp-date", date)]).told(), told, "{date}");
    }
}
