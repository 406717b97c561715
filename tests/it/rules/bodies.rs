//! Bodies and headers: B1 to B14, Q1 to Q11 and W1 to W5.

use azbatch::{
    Timestamp,
    job::{JobPreparationTask, JobReleaseTask},
    task::{AddTask, ExitConditions, TaskSpecification},
};
use serde_json::{Value, json};

use super::{World, heeding, plain, text, told, with_pool};
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
        assert_eq!(world.send(line, "").told(), "501 NotImplemented", "{line}");
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
    let added = heeding(&mut world, |specification| {
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

/// B5: whoever adds a task, it takes a slot.
#[test]
fn a_task_takes_a_slot() {
    let mut world = with_pool(1);
    let mut specification = TaskSpecification::new(id("none"));
    specification.required_slots = 0;
    specification.exit_conditions = Some(ExitConditions::default());
    let refused = world.account.add_task(&id("job"), &AddTask::new(specification), world.now);
    assert_eq!(refused.unwrap_err().values[0].value, "requiredSlots");
}

/// Q9: a multi-instance task has subtasks, which are not modelled; none would be a wrong answer.
#[test]
fn subtasks_of_a_multi_instance_task_are_not_denied() {
    let mut world = with_pool(1);
    let settings = json!({ "numberOfInstances": 2, "coordinationCommandLine": "x" });
    let task = json!({ "id": "many", "commandLine": "x", "multiInstanceSettings": settings });
    assert_eq!(world.send("POST /jobs/job/tasks", task).told(), "201");
    assert_eq!(world.get("/jobs/job/tasks/many/subtasksinfo").told(), "501 NotImplemented");
    assert_eq!(world.get("/jobs/job/tasks/t/subtasksinfo").told(), "200");
}
