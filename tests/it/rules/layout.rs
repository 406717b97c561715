//! The layout of JSON: W1, W2 and W4.

use crate::episode::ordered::Ordered;
use azbatch::Timestamp;
use serde_json::json;

use super::{World, plain};
use crate::world::{Reply, URL, World as RestWorld, text};

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

/// W1
#[test]
fn an_empty_list_has_the_services_layout() {
    let mut world = RestWorld::new();
    let reply = world.get("/jobs");
    let expected =
        format!("{{\r\n  \"odata.metadata\":\"{URL}/$metadata#jobs\",\"value\":[\r\n    \r\n  ]\r\n}}");
    assert_eq!(reply.text(), expected);
    assert_eq!(world.get("/pools").text(), expected.replace("#jobs", "#pools"));
    world.add_job("job", json!({})).add_tasks("job", &["t"]);
    let reply = world.get("/jobs/job/tasks/t/subtasksinfo");
    assert_eq!(reply.text(), expected.replace("#jobs", "#subtaskinfo"));
}

/// The keys alone: `id poolInfo{poolId} metadata[{name value}]`.
fn keys_of(value: &Ordered) -> String {
    match value {
        Ordered::Plain(_) => String::new(),
        Ordered::Array(items) => format!("[{}]", items.iter().map(keys_of).collect::<Vec<_>>().join(" ")),
        Ordered::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{name}{}", keys_of(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(" "))
        }
    }
}

pub(super) fn keys(reply: &Reply) -> String {
    let ordered: Ordered = serde_json::from_slice(&reply.response.body).unwrap();
    keys_of(&ordered)
}

/// W1, B6: the recorded order, and the defaults that are shown.
#[test]
fn keys_are_in_the_recorded_order() {
    let mut world = RestWorld::new();
    let job = json!({
        "displayName": "d", "metadata": [{ "value": "v", "name": "n" }],
        "commonEnvironmentSettings": [{ "value": "v", "name": "n" }],
        "jobReleaseTask": { "commandLine": "r" }, "jobPreparationTask": { "commandLine": "p" },
        "jobManagerTask": { "commandLine": "m", "id": "m" },
    });
    world.add_node("pool", "n");
    world.add_job("a", job).add_tasks("a", &["t"]);
    world.assign("a", "t", "n");
    world.send("POST /jobs/a/terminate", "");

    let identity = "userIdentity{autoUser{scope elevationLevel}}";
    let limits = "constraints{maxWallClockTime retentionTime maxTaskRetryCount}";
    assert_eq!(
        keys(&world.get("/jobs/a")),
        format!(
            "{{odata.metadata id displayName url eTag lastModified creationTime state stateTransitionTime \
             previousState previousStateTransitionTime priority maxParallelTasks usesTaskDependencies \
             allowTaskPreemption constraints{{maxWallClockTime maxTaskRetryCount}} \
             jobManagerTask{{id commandLine {limits} requiredSlots {identity} runExclusive allowLowPriorityNode \
             killJobOnCompletion}} \
             jobPreparationTask{{id commandLine {limits} {identity} waitForSuccess rerunOnNodeRebootAfterSuccess}} \
             jobReleaseTask{{id commandLine maxWallClockTime retentionTime {identity}}} \
             commonEnvironmentSettings[{{name value}}] poolInfo{{poolId}} metadata[{{name value}}] \
             executionInfo{{startTime poolId schedulingError{{category code message details[{{name value}}]}} \
             terminateReason}} onAllTasksComplete onTaskFailure}}"
        )
    );
    assert_eq!(
        keys(&world.get("/jobs/a/tasks/t")),
        format!(
            "{{odata.metadata id url eTag creationTime lastModified state stateTransitionTime previousState \
             previousStateTransitionTime commandLine {identity} {limits} requiredSlots \
             executionInfo{{retryCount requeueCount}} nodeInfo{{affinityId nodeUrl poolId nodeId taskRootDirectory \
             taskRootDirectoryUrl}}}}"
        )
    );
}

/// W2
#[test]
fn strings_escape_everything_but_printable_ascii() {
    let mut world = World::empty();
    let name = r#"q\" b\\ t\t u\u0001 '/ é 😀"#;
    let body = format!(r#"{{"id":"job","poolInfo":{{"poolId":"pool"}},"displayName":"{name}"}}"#);
    assert_eq!(world.rest("POST /jobs", &[], &body), "201");
    let response = world.answer("GET /jobs/job?$select=displayName", &[], "");
    let shown = r#""displayName":"q\" b\\ t\t u\u0001 '/ \u00e9 \ud83d\ude00""#;
    assert!(text(&response).contains(shown), "{}", text(&response));
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
