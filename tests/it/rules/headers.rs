//! Headers: Q2, Q10 and W5.

use serde_json::{Value, json};

use super::{bodies::changed_job, errors::studio, with_job};
use crate::world::{Reply, Sent, URL, World as RestWorld, job_body, task_body};

/// Q2: on request, on refusals and reads too, in the client's own spelling.
#[test]
fn the_client_request_id_is_returned_on_request() {
    const ID: &str = "9D5E47A0-0000-4000-8000-00000000aBcD";
    let world = studio();
    for sent in [
        Sent::get("/jobs/film"),
        Sent::get("/jobs/film").header("If-None-Match", "*"),
        Sent::get("/jobs/none"),
        Sent::bare("GET /nowhere", ""),
        Sent::get("/applications/a"),
        Sent::post("/jobs/film/terminate", ""),
        Sent::post("/jobs/film/tasks", "{"),
        Sent::post("/jobs/film/tasks", r#"{"id":"frame-2","commandLine":"c"}"#),
        Sent::post("/jobs", r#"{"id":"song","poolInfo":{"poolId":"p"}}"#),
    ] {
        let braces = format!("{{{ID}}}");
        for (id, return_id, echoed) in [
            (Some(ID), Some("true"), Some(ID)),
            (Some(ID), Some(" True "), Some(ID)),
            (Some(ID), Some("false"), None),
            (Some(ID), Some("1"), None),
            (Some(ID), None, None),
            (None, Some("true"), None),
            (Some(braces.as_str()), Some("true"), None),
            (Some("9D5E47A0"), Some("true"), None),
        ] {
            let mut sent = sent.clone();
            for (name, value) in [("Client-Request-Id", id), ("Return-Client-Request-Id", return_id)] {
                sent = if let Some(value) = value { sent.header(name, value) } else { sent };
            }
            let reply = world.clone().exchange(&sent);
            assert_eq!(reply.header("client-request-id"), echoed, "{} {id:?} {return_id:?}", sent.target);
        }
    }
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

/// The status line and the headers of an answer, but for the two that every answer begins with.
fn head(reply: &Reply) -> String {
    let mut headers = reply.response.headers.iter();
    let first = [headers.next(), headers.next()].map(|header| header.map(|(name, _)| name));
    assert_eq!(first, [Some("request-id"), Some("DataServiceVersion")]);
    let others = headers.map(|(name, value)| match name {
        "ETag" | "Last-Modified" => format!(" {name}"),
        name => format!(" {name}={}", value.replace(URL, "~")),
    });
    format!("{} {};{}", reply.response.status, reply.response.reason, others.collect::<String>())
}

/// The headers of each answer, and W5 for the location of a new job.
#[test]
fn every_answer_has_its_headers_and_no_others() {
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
    sees(
        "POST /pools",
        pool,
        "201 Created; ETag Last-Modified DataServiceId=~/pools/Pool Location=~/pools/Pool",
    );
    sees("GET /pools/pool", none.clone(), "200 OK; ETag Last-Modified JSON");
    sees("HEAD /pools/pool", none.clone(), "200 OK; ETag Last-Modified");
    sees("GET /pools", none.clone(), "200 OK; JSON");
    let resize = json!({ "targetDedicatedNodes": 3 });
    sees(
        "POST /pools/pool/resize",
        resize,
        "202 Accepted; ETag Last-Modified DataServiceId=~/pools/pool/resize",
    );
    sees("GET /pools/pool/nodes", none.clone(), "200 OK; JSON");
    sees("GET /pools/pool/nodes/tvm-1", none.clone(), "200 OK; JSON");
    for (order, status) in [
        ("reboot", "202 Accepted"),
        ("reimage", "202 Accepted"),
        ("deallocate", "202 Accepted"),
        ("start", "202 Accepted"),
        ("disablescheduling", "200 OK"),
        ("enablescheduling", "200 OK"),
    ] {
        let path = format!("/pools/pool/nodes/tvm-1/{order}");
        sees(&format!("POST {path}?timeout=30"), none.clone(), &format!("{status}; DataServiceId=~{path}"));
    }
    let remove = json!({ "nodeList": ["tvm-1"] });
    sees(
        "POST /pools/pool/removenodes",
        remove,
        "202 Accepted; ETag Last-Modified DataServiceId=~/pools/pool/removenodes",
    );

    sees(
        "POST /jobs",
        changed_job(),
        "201 Created; ETag Last-Modified DataServiceId=~/jobs/job-1 Location=~/jobs/job-1",
    );
    sees("GET /jobs/Job", none.clone(), "200 OK; ETag Last-Modified JSON");
    sees("GET /jobs", none.clone(), "200 OK; JSON");
    let put = json!({ "poolInfo": { "poolId": "pool" } });
    sees("PUT /jobs/Job?timeout=3", put, "200 OK; ETag Last-Modified DataServiceId=~/jobs/Job");
    sees("PATCH /jobs/job", json!({}), "200 OK; ETag Last-Modified DataServiceId=~/jobs/job");
    let disable = json!({ "disableTasks": "wait" });
    sees(
        "POST /jobs/job/disable",
        disable,
        "202 Accepted; ETag Last-Modified DataServiceId=~/jobs/job/disable",
    );
    sees(
        "POST /jobs/job/enable",
        none.clone(),
        "202 Accepted; ETag Last-Modified DataServiceId=~/jobs/job/enable",
    );
    sees("GET /jobs/job/taskcounts", none.clone(), "200 OK; JSON");
    let made = "201 Created; ETag Last-Modified DataServiceId=~/jobs/job/tasks/T Location=~/jobs/job/tasks/T";
    sees("POST /jobs/JOB/tasks", task_body("T"), made);
    sees("POST /jobs/job/addtaskcollection", json!({ "value": [task_body("u")] }), "200 OK; JSON");
    sees("GET /jobs/job/tasks/t", none.clone(), "200 OK; ETag Last-Modified JSON");
    sees("GET /jobs/job/tasks", none.clone(), "200 OK; JSON");
    sees("GET /jobs/job/tasks/t/subtasksinfo", none.clone(), "200 OK; JSON");
    sees("PUT /jobs/job/tasks/t", json!({}), "200 OK; ETag Last-Modified DataServiceId=~/jobs/job/tasks/t");
    let ended =
        "204 No Content; ETag Last-Modified DataServiceId=~/jobs/job/tasks/t/terminate Content-Length=0";
    sees("POST /jobs/job/tasks/t/terminate", none.clone(), ended);
    sees(
        "POST /jobs/job/tasks/t/reactivate",
        none.clone(),
        "204 No Content; ETag Last-Modified Content-Length=0",
    );
    sees("DELETE /jobs/job/tasks/u", none.clone(), "200 OK;");
    let ended = "202 Accepted; ETag Last-Modified DataServiceId=~/jobs/job/terminate";
    sees("POST /jobs/job/terminate?force=true", none.clone(), ended);
    sees("DELETE /jobs/job", none.clone(), "202 Accepted;");
    let mut body = job_body("prepared");
    body["jobPreparationTask"] = json!({ "commandLine": "x" });
    sees(
        "POST /jobs",
        body,
        "201 Created; ETag Last-Modified DataServiceId=~/jobs/job-1 Location=~/jobs/job-1",
    );
    sees("GET /jobs/prepared/jobpreparationandreleasetaskstatus", none.clone(), "200 OK; JSON");
    sees("DELETE /pools/pool", none.clone(), "202 Accepted;");
    sees("GET /jobs/none", none, "404 The specified job does not exist.; JSON Content-Length=326");
}

/// `DataServiceId` has the path as it was sent, without its query.
#[test]
fn the_path_comes_back_as_it_was_sent() {
    let mut world = RestWorld::with_jobs(&["job"]);
    let expected = "202 Accepted; ETag Last-Modified DataServiceId=~/jobs/J%6Fb/terminate";
    assert_eq!(head(&world.send("POST /jobs/J%6Fb/terminate?timeout=3", "")), expected);
}

/// H2, H5: a read under conditions.
#[test]
fn conditions_change_the_headers_of_a_read() {
    let mut world = RestWorld::with_tasks(&["t"]);
    for target in ["/jobs/job", "/jobs/job/tasks/t"] {
        let mut get = |name, value| {
            let reply = world.send_with(&format!("GET {target}"), "", &[(name, value)]);
            (head(&reply), reply.response.body.is_empty())
        };
        let unchanged = "304 Not Modified; ETag Last-Modified";
        assert_eq!(get("If-None-Match", "*"), (unchanged.into(), true));
        assert_eq!(get("If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT"), (unchanged.into(), true));
        let (refused, _) = get("If-Match", "0x1");
        let unmet = "412 The condition specified using HTTP conditional header(s) is not met.; \
                     Content-Type=application/json;odata=minimalmetadata Content-Length=365";
        assert_eq!(refused, unmet);
    }
}
