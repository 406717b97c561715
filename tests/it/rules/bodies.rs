//! Bodies and headers: B1 to B14, Q1 to Q11 and W1 to W5.

use azbatch::{
    Timestamp,
    job::{JobPreparationTask, JobReleaseTask},
    task::{AddTask, ExitConditions, TaskSpecification},
};
use serde_json::{Value, json};

use super::{World, add_job_that_acts_on_failures, plain, text, told, with_a_task, with_job, with_pool};
use crate::world::{World as RestWorld, id};

/// A job of the newest api-version with these members besides `id` and `poolInfo`.
fn add(members: &str) -> String {
    let body = format!(r#"{{"id":"job","poolInfo":{{"poolId":"pool"}}{members}}}"#);
    World::empty().rest("POST /jobs", &[], &body)
}

/// B1
#[test]
fn a_body_of_more_than_a_mebibyte_is_refused() {
    let mut world = World::new(plain);
    let json = [("Content-Type", "application/json")];
    let target = "/jobs/job/terminate?api-version=2025-06-01";
    let mut valid = br#"{"terminateReason":"enough"}"#.to_vec();
    valid.resize(1024 * 1024, b' ');
    assert_eq!(
        told(&world.send("POST", target, &json, &vec![b'x'; 1024 * 1024 + 1])),
        "413 RequestBodyTooLarge"
    );
    valid.push(b' ');
    let response = world.send("POST", target, &json, &valid);
    assert_eq!(told(&response), "413 RequestBodyTooLarge");
    assert!(text(&response).contains("\"key\":\"MaxLimit\",\"value\":\"1048576\""));
    valid.pop();
    assert_eq!(told(&world.send("POST", target, &json, &valid)), "202");
}

/// B2
#[test]
fn a_body_must_be_declared_as_json() {
    let target = "/jobs/job/terminate?api-version=2025-06-01";
    for (content_type, accepted) in [
        (Some("application/json"), true),
        (Some("Application/JSON; odata=minimalmetadata; charset=utf-8"), true),
        (Some("text/plain"), false),
        (Some("application/jsonp"), false),
        (None, false),
    ] {
        let headers: Vec<(&str, &str)> =
            content_type.map(|value| ("content-type", value)).into_iter().collect();
        let came = told(&World::new(plain).send("POST", target, &headers, b"{}"));
        assert_eq!(came, if accepted { "202" } else { "400 InvalidHeaderValue" }, "{content_type:?}");
        assert_eq!(
            told(&World::new(plain).send("POST", target, &headers, b"")),
            "202",
            "{content_type:?} and no body"
        );
    }
}

/// B3
#[test]
fn a_body_must_fit_the_operations_model() {
    for (body, reason) in [
        (r#"{"terminateReason":"enough""#, "Unexpected end of input was found in JSON content."),
        (r#"{"terminateReason":}"#, "Invalid JSON."),
        ("[]", ""),
        (r#"{"TerminateReason":"enough"}"#, "The property 'TerminateReason' does not exist on type"),
        (r#"{"terminateReason":1}"#, "Cannot convert a primitive value to the expected type 'Edm.String'."),
        (r#"{"terminateReason":{}}"#, "An unexpected 'StartObject' node was found"),
        (r#"{"terminateReason":[]}"#, "An unexpected 'StartArray' node was found"),
    ] {
        let response = World::new(plain).answer("POST /jobs/job/terminate", &[], body);
        assert_eq!(told(&response), "400 InvalidRequestBody", "{body}");
        assert!(text(&response).contains(reason), "{body}: {}", text(&response));
    }
    assert_eq!(add(r#","priority":null,"metadata":null,"constraints":null"#), "201");
    assert_eq!(World::empty().rest("POST /jobs", &[], r#"{"id":null}"#), "400 MissingRequiredProperty");
}

/// B4
#[test]
fn enum_values_are_read_without_case_and_written_in_lower_case() {
    let mut world = World::empty();
    let body = r#"{"id":"job","poolInfo":{"poolId":"pool"},"onTaskFailure":"performExitOptionsJobAction",
        "onAllTasksComplete":"TerminateJob"}"#;
    assert_eq!(world.rest("POST /jobs", &[], body), "201");
    assert_eq!(world.shown("/jobs/job", "onAllTasksComplete"), "terminatejob");
    assert_eq!(world.shown("/jobs/job", "onTaskFailure"), "performexitoptionsjobaction");
    assert_eq!(add(r#","onAllTasksComplete":"explode""#), "400 InvalidPropertyValue");
}

/// B5
#[test]
fn values_have_limits() {
    for (member, bad, good) in [
        ("priority", &["-1001", "1001"][..], &["-1000", "1000"][..]),
        ("maxParallelTasks", &["-2", "0"], &["-1", "1"]),
    ] {
        for value in bad {
            assert_eq!(
                add(&format!(r#","{member}":{value}"#)),
                "400 InvalidPropertyValue",
                "{member} {value}"
            );
        }
        for value in good {
            assert_eq!(add(&format!(r#","{member}":{value}"#)), "201", "{member} {value}");
        }
    }
    for (retries, came) in [("-2", "400 InvalidPropertyValue"), ("-1", "201"), ("0", "201")] {
        assert_eq!(add(&format!(r#","constraints":{{"maxTaskRetryCount":{retries}}}"#)), came, "{retries}");
    }
    for (length, came) in [(1024, "201"), (1025, "400 InvalidPropertyValue")] {
        assert_eq!(add(&format!(r#","displayName":"{}""#, "\u{e9}".repeat(length))), came);
    }
    for (name, came) in [
        ("", "400 InvalidPropertyValue"),
        ("Aa0-_", "201"),
        ("a.b", "400 InvalidPropertyValue"),
        (&"x".repeat(64), "201"),
        (&"x".repeat(65), "400 InvalidPropertyValue"),
    ] {
        let body = format!(r#"{{"id":"{name}","poolInfo":{{"poolId":"pool"}}}}"#);
        assert_eq!(World::empty().rest("POST /jobs", &[], &body), came, "{name}");
    }
}

/// B6
#[test]
fn what_is_left_out_follows_the_services_defaults_which_are_shown() {
    let mut world = World::empty();
    let body = r#"{"id":"job","poolInfo":{"poolId":"pool"},"jobPreparationTask":{"commandLine":"p"},
        "jobReleaseTask":{"commandLine":"r"},"constraints":{"maxTaskRetryCount":3}}"#;
    assert_eq!(world.rest("POST /jobs", &[], body), "201");
    let unlimited = "P10675199DT2H48M5.4775807S";
    for (path, shown) in [
        ("priority", 0.into()),
        ("maxParallelTasks", (-1).into()),
        ("usesTaskDependencies", false.into()),
        ("constraints/maxWallClockTime", unlimited.into()),
        ("onAllTasksComplete", "noaction".into()),
        ("onTaskFailure", "noaction".into()),
        ("executionInfo/poolId", "pool".into()),
        ("jobPreparationTask/id", "jobpreparation".into()),
        ("jobPreparationTask/constraints/retentionTime", "P7D".into()),
        ("jobPreparationTask/waitForSuccess", true.into()),
        ("jobPreparationTask/userIdentity/autoUser/elevationLevel", "nonadmin".into()),
        ("jobReleaseTask/id", "jobrelease".into()),
        ("jobReleaseTask/maxWallClockTime", Value::from("PT15M")),
    ] {
        assert_eq!(world.shown("/jobs/job", path), shown, "{path}");
    }
    assert_eq!(world.rest("POST /jobs/job/tasks", &[], r#"{"id":"a","commandLine":"c"}"#), "201");
    for (path, shown) in [
        ("requiredSlots", 1.into()),
        ("constraints/maxTaskRetryCount", 3.into()),
        ("constraints/retentionTime", "P7D".into()),
        ("executionInfo/retryCount", 0.into()),
        ("userIdentity/autoUser/scope", Value::from("pool")),
    ] {
        assert_eq!(world.shown("/jobs/job/tasks/a", path), shown, "{path}");
    }
}

/// Q1
#[test]
fn the_api_version_is_required_and_decides_what_is_shown() {
    let mut world = World::new(plain);
    world.add("a");
    let send = |world: &mut World, query: &str| {
        let response = world.send("GET", &format!("/jobs/job{query}"), &[], b"");
        (told(&response), text(&response).contains("maxParallelTasks"))
    };
    assert_eq!(send(&mut world, "").0, "400 MissingRequiredQueryParameter");
    assert_eq!(send(&mut world, "?api-version=2024-07-01").0, "400 InvalidQueryParameterValue");
    assert_eq!(send(&mut world, "?api-version=2020-09-01.12.0"), ("200".into(), false));
    assert_eq!(send(&mut world, "?API-Version=2021-06-01.14.0"), ("200".into(), true));
    assert_eq!(world.shown("/jobs/job/tasks/a?api-version=2020-03-01.11.0", "requiredSlots"), Value::Null);
    assert_eq!(world.shown("/jobs/job/tasks/a?api-version=2020-09-01.12.0", "requiredSlots"), 1);
}

/// Q2
#[test]
fn the_clients_request_id_comes_back_only_when_asked_for() {
    let guid = "9C4D50EE-2D56-4CD3-8152-34347DC9F2B0";
    let mut world = World::new(plain);
    for line in ["GET /jobs/job", "GET /jobs/no", "GET /nowhere"] {
        for (id, wanted, echoed) in [
            (guid, Some("true"), Some(guid)),
            (guid, Some("false"), None),
            (guid, None, None),
            ("no guid", Some("true"), None),
        ] {
            let mut headers = vec![("client-request-id", id)];
            headers.extend(wanted.map(|wanted| ("return-client-request-id", wanted)));
            let response = world.answer(line, &headers, "");
            assert_eq!(response.header("client-request-id"), echoed, "{line} {wanted:?}");
            assert!(response.header("request-id").is_some());
        }
    }
}

/// Q3
#[test]
fn a_read_can_be_limited_and_keeps_its_own_order() {
    let mut world = World::new(plain);
    let response = world.answer("GET /jobs/job?$select=state,%20priority,id", &[], "");
    let places =
        ["odata.metadata", "\"id\"", "\"state\"", "\"priority\""].map(|name| text(&response).find(name));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{}", text(&response));
    assert!(!text(&response).contains("poolInfo"));
    assert_eq!(world.rest("GET /jobs/job?$select=id,nothing", &[], ""), "400 InvalidQueryParameterValue");
}

/// W1
#[test]
fn the_layout_of_json_is_the_services() {
    let mut world = World::empty();
    let body = r#"{"id":"job","poolInfo":{"poolId":"pool"},"metadata":[{"name":"a","value":"b"},{"name":"c","value":"d"}]}"#;
    world.rest("POST /jobs", &[], body);
    let expected = [
        "{",
        "  \"odata.metadata\":\"https://contoso.westus.batch.azure.com/$metadata#jobs/@Element\",\"id\":\"job\",\
         \"poolInfo\":{",
        "    \"poolId\":\"pool\"",
        "  },\"metadata\":[",
        "    {",
        "      \"name\":\"a\",\"value\":\"b\"",
        "    },{",
        "      \"name\":\"c\",\"value\":\"d\"",
        "    }",
        "  ]",
        "}",
    ];
    let response = world.answer("GET /jobs/job?$select=id,poolInfo,metadata", &[], "");
    assert_eq!(text(&response), expected.join("\r\n"));
}

/// W2
#[test]
fn strings_escape_all_that_is_not_plain() {
    let mut world = World::empty();
    let name = r#"q\" b\\ t\t u\u0001 '/ é 😀"#;
    let body = format!(r#"{{"id":"job","poolInfo":{{"poolId":"pool"}},"displayName":"{name}"}}"#);
    assert_eq!(world.rest("POST /jobs", &[], &body), "201");
    let response = world.answer("GET /jobs/job?$select=displayName", &[], "");
    let shown = r#""displayName":"q\" b\\ t\t u\u0001 '/ \u00e9 \ud83d\ude00""#;
    assert!(text(&response).contains(shown), "{}", text(&response));
}

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

/// W4
#[test]
fn instants_are_trimmed_and_durations_normalised() {
    for (at, shown) in [
        ("2026-02-10T08:00:00Z", "2026-02-10T08:00:00Z"),
        ("2026-02-10T08:00:00.1200000Z", "2026-02-10T08:00:00.12Z"),
        ("2026-02-10T08:00:00.1234567Z", "2026-02-10T08:00:00.1234567Z"),
    ] {
        let mut world = World::empty();
        world.on(Timestamp::parse_iso8601(at).unwrap()).add_job("job", plain);
        assert_eq!(world.shown("/jobs/job", "creationTime"), shown);
    }
    for (sent, shown) in [("PT01H00M00S", "PT1H"), ("P1Y2M", "P425D"), ("PT90M", "PT1H30M"), ("P7D", "P7D")] {
        let mut world = World::empty();
        let body = format!(
            r#"{{"id":"job","poolInfo":{{"poolId":"pool"}},"constraints":{{"maxWallClockTime":"{sent}"}}}}"#
        );
        assert_eq!(world.rest("POST /jobs", &[], &body), "201");
        assert_eq!(world.shown("/jobs/job", "constraints/maxWallClockTime"), shown);
    }
}

/// W5
#[test]
fn every_new_job_has_the_same_location() {
    let mut world = World::empty();
    for name in ["film", "job-2"] {
        let body = format!(r#"{{"id":"{name}","poolInfo":{{"poolId":"pool"}}}}"#);
        let response = world.answer("POST /jobs", &[], &body);
        let location = Some("https://contoso.westus.batch.azure.com/jobs/job-1");
        assert_eq!((response.header("Location"), response.header("DataServiceId")), (location, location));
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

/// Q1, Q3, Q4
#[test]
fn selections_and_filters_go_by_the_version() {
    let mut world = with_pool(0);
    for query in ["$select=maxParallelTasks", "$filter=maxParallelTasks%20eq%20-1"] {
        let reply = world.get(&format!("/jobs?{query}&api-version=2018-12-01.8.0"));
        assert_eq!(reply.told(), "400 InvalidQueryParameterValue", "{query}");
        assert_eq!(world.get(&format!("/jobs?{query}&api-version=2024-07-01.20.0")).told(), "200");
    }
}

/// B9
#[test]
fn preparation_and_release_have_two_ids() {
    let mut world = RestWorld::new();
    let added = add_job_that_acts_on_failures(&mut world, |specification| {
        specification.preparation = Some(JobPreparationTask::new(id("same")));
        specification.release = Some(JobReleaseTask::new(id("Same")));
    });
    assert_eq!(added, Vec::<String>::new());
    let body = json!({
        "id": "job", "poolInfo": { "poolId": "pool" },
        "jobPreparationTask": { "id": "same", "commandLine": "x" },
        "jobReleaseTask": { "id": "same", "commandLine": "x" },
    });
    assert_eq!(world.send("POST /jobs", body).told(), "409 TaskIdSameAsJobPreparationTask");
}

/// B5: a task needs at least one slot, also when it is added by a typed command.
#[test]
fn a_task_takes_a_slot() {
    let mut world = with_pool(1);
    let mut specification = TaskSpecification::new(id("none"));
    specification.required_slots = 0;
    specification.exit_conditions = Some(ExitConditions::default());
    let refused = world.account.add_task(&id("job"), &AddTask::new(specification), world.now);
    assert_eq!(refused.unwrap_err().values[0].value, "requiredSlots");
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

/// B14: the Azure CLI sends each integer as a string.
#[test]
fn numbers_and_booleans_can_be_strings() {
    let mut world = RestWorld::new();
    let pool = r#"{"id":"p","vmSize":"small","targetDedicatedNodes":"2","taskSlotsPerNode":"4",
        "enableInterNodeCommunication":"false","startTask":{"commandLine":"c","waitForSuccess":"true","maxTaskRetryCount":"1"}}"#;
    let added = world.send("POST /pools", pool);
    assert_eq!(added.told(), "201");
    world.obey(added.effects);
    assert_eq!(world.send("POST /pools/p/resize", r#"{"targetDedicatedNodes":"3"}"#).told(), "202");
    let shown = world.shown("/pools/p");
    assert_eq!(shown["targetDedicatedNodes"], 3);
    assert_eq!(shown["taskSlotsPerNode"], 4);
    assert_eq!(shown["enableInterNodeCommunication"], false);
    assert_eq!(shown["startTask"]["waitForSuccess"], true);
    assert_eq!(shown["startTask"]["maxTaskRetryCount"], 1);

    let job = r#"{"id":"j","priority":"5","usesTaskDependencies":"true","maxParallelTasks":"-1",
        "constraints":{"maxTaskRetryCount":"3"},"poolInfo":{"poolId":"p"},
        "onTaskFailure":"performexitoptionsjobaction"}"#;
    assert_eq!(world.send("POST /jobs", job).told(), "201");
    let shown = world.shown("/jobs/j");
    assert_eq!(shown["priority"], 5);
    assert_eq!(shown["maxParallelTasks"], -1);
    assert_eq!(shown["usesTaskDependencies"], true);
    assert_eq!(shown["constraints"]["maxTaskRetryCount"], 3);
    assert_eq!(world.send("PATCH /jobs/j", r#"{"priority":"-7"}"#).told(), "200");
    assert_eq!(world.value("/jobs/j", "/priority"), -7);

    let task = r#"{"id":"t","commandLine":"c","requiredSlots":"2","constraints":{"maxTaskRetryCount":"2"},
        "dependsOn":{"taskIdRanges":[{"start":"1","end":"3"}]},
        "exitConditions":{"exitCodes":[{"code":"4","exitOptions":{"jobAction":"none"}}],
            "exitCodeRanges":[{"start":"-5","end":"-1","exitOptions":{"jobAction":"none"}}]}}"#;
    let collection = format!(r#"{{"value":[{}]}}"#, task.replace(r#""t""#, r#""u""#));
    assert_eq!(world.send("POST /jobs/j/tasks", task).told(), "201");
    let answer = world.send("POST /jobs/j/addtaskcollection", collection);
    assert_eq!(answer.json()["value"][0]["status"], "Success", "{}", answer.text());
    for task in ["t", "u"] {
        let shown = world.shown(&format!("/jobs/j/tasks/{task}"));
        assert_eq!(shown["requiredSlots"], 2);
        assert_eq!(shown["constraints"]["maxTaskRetryCount"], 2);
        assert_eq!(shown["dependsOn"]["taskIdRanges"], json!([{ "start": 1, "end": 3 }]));
        assert_eq!(shown["exitConditions"]["exitCodes"][0]["code"], 4);
        assert_eq!(shown["exitConditions"]["exitCodeRanges"][0]["start"], -5);
        assert_eq!(shown["exitConditions"]["exitCodeRanges"][0]["end"], -1);
    }
}

/// B14: any other text is refused like a value of another type.
#[test]
fn other_strings_are_refused() {
    let mut world = with_job(r#"{"id":"j","poolInfo":{"poolId":"p"}}"#);
    for text in ["", " 3", "3 ", "3.0", "0x3", "three"] {
        let body = json!({ "targetDedicatedNodes": text });
        assert_eq!(world.send("POST /pools/p/resize", &body).told(), "400 InvalidRequestBody", "{text}");
        let body = json!({ "priority": text });
        assert_eq!(world.send("PATCH /jobs/j", &body).told(), "400 InvalidRequestBody", "{text}");
    }
    let out_of_range = world.send("PATCH /jobs/j", r#"{"priority":"1001"}"#);
    assert_eq!(out_of_range.told(), "400 InvalidPropertyValue");
    assert_eq!(out_of_range.said("PropertyValue"), "1001");
    // The reverse is refused.
    assert_eq!(world.send("POST /jobs", r#"{"id":1}"#).told(), "400 InvalidRequestBody");
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

/// Q11
#[test]
fn lists_of_resources_that_are_never_there_are_empty() {
    let mut world = with_a_task();
    for target in ["/applications", "/poolusagemetrics", "/pools/p/nodes/n/extensions"] {
        let shown = world.shown(target);
        assert_eq!(shown["value"], json!([]), "{target}");
        assert_eq!(shown["odata.nextLink"], Value::Null, "{target}");
    }
    assert_eq!(world.get("/pools/p/nodes/m/extensions").told(), "404 NodeNotFound");
    assert_eq!(world.get("/pools/q/nodes/n/extensions").told(), "404 PoolNotFound");
    assert_eq!(world.get("/applications?maxresults=0").told(), "400 InvalidQueryParameterValue");
}
