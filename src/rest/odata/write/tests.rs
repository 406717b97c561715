use proptest::{collection, prelude::*};
use serde_json::{Map, json};

use super::*;
use crate::{ErrorCode, rest::odata::model};

const ACCOUNT: &str = "https://contoso.westus.batch.azure.com";
const REQUEST_ID: &str = "5b6344a9-f49d-47d0-a34a-688a56cd31d1";

const JOBS: View<'_> = View { model: &model::CLOUD_JOB, version: ApiVersion::V2024_07, select: None };

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { panic!("{value} is no object") };
    members
}

fn laid_out(value: &Value) -> String {
    let mut out = Vec::new();
    Layout::new(&mut out).value(value);
    String::from_utf8(out).expect("ASCII")
}

fn refused(error: &BatchError, time: &str) -> String {
    let mut out = Vec::new();
    error_body(&mut out, ACCOUNT, error, REQUEST_ID, Timestamp::parse_iso8601(time).expect(time));
    String::from_utf8(out).expect("ASCII")
}

/// Texts are looked at in blocks of 16 and 8 bytes; nothing that is to be escaped is passed over at their ends.
#[test]
fn what_is_to_be_escaped_is_found_at_each_place_of_a_text() {
    for length in 1..40 {
        for place in 0..length {
            for special in ['"', '\\', '\u{1f}', '\u{80}', '\u{1F600}'] {
                let text: String = (0..length).map(|at| if at == place { special } else { ' ' }).collect();
                let written = laid_out(&json!(text));
                assert!(written.is_ascii(), "{text:?}: {written}");
                assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), json!(text));
            }
        }
    }
}

#[test]
fn members_and_items_are_joined_by_commas_and_brackets_break_lines() {
    let expected = concat!(
        "{\r\n  \"a\":1,\"b\":{\r\n    \"c\":2\r\n  },\"d\":[\r\n    {\r\n      \"e\":3\r\n    },",
        "{\r\n      \"e\":4\r\n    }\r\n  ]\r\n}"
    );
    assert_eq!(laid_out(&json!({ "a": 1, "b": { "c": 2 }, "d": [{ "e": 3 }, { "e": 4 }] })), expected);
}

#[test]
fn an_empty_nested_array_is_short_and_an_empty_object_is_not() {
    let expected = "{\r\n  \"a\":[],\"b\":{\r\n    \r\n  },\"c\":[\r\n    []\r\n  ]\r\n}";
    assert_eq!(laid_out(&json!({ "a": [], "b": {}, "c": [[]] })), expected);
    assert_eq!(laid_out(&json!({})), "{\r\n  \r\n}");
}

#[test]
fn an_empty_list_answer_has_an_indented_empty_line() {
    let mut out = Vec::new();
    List::begin(&mut out, &["u", "#jobs"], JOBS).end(None::<&str>);
    let expected = "{\r\n  \"odata.metadata\":\"u#jobs\",\"value\":[\r\n    \r\n  ]\r\n}";
    assert_eq!(String::from_utf8(out).expect("ASCII"), expected);
}

#[test]
fn a_list_answer_nests_its_items_and_ends_with_the_next_link() {
    let jobs = [object(json!({ "id": "a" })), object(json!({ "id": "b", "priority": 0 }))];
    let mut out = Vec::new();
    let mut list = List::begin(&mut out, &["u", "#jobs"], JOBS);
    for job in &jobs {
        list.item(&|slot| slot.kept(job));
    }
    list.end(Some("u?n"));
    let expected = concat!(
        "{\r\n  \"odata.metadata\":\"u#jobs\",\"value\":[\r\n    {\r\n      \"id\":\"a\"\r\n    },",
        "{\r\n      \"id\":\"b\",\"priority\":0\r\n    }\r\n  ],\"odata.nextLink\":\"u?n\"\r\n}"
    );
    assert_eq!(String::from_utf8(out).expect("ASCII"), expected);
}

#[test]
fn texts_are_escaped_as_the_service_does() {
    let text = "\"\\/'\u{8}\u{C}\n\r\t\0\u{1F}\u{7F}\u{80}é😀<>&";
    let expected =
        r#""\"\\/'\b\f\n\r\t\u0000\u001f"#.to_owned() + "\u{7F}" + r#"\u0080\u00e9\ud83d\ude00<>&""#;
    assert_eq!(laid_out(&json!(text)), expected);
}

#[test]
fn the_error_body_of_the_reference_has_405_bytes() {
    let error = ErrorCode::JobPreparationTaskOrReleaseTaskNotSpecified.into();
    let body = refused(&error, "2023-05-23T03:28:53.7684183Z");
    assert_eq!(body.len(), 405);
    let expected = [
        "{\r\n  \"odata.metadata\":\"https://contoso.westus.batch.azure.com/$metadata",
        "#Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element\",",
        "\"code\":\"JobPreparationTaskOrReleaseTaskNotSpecified\",\"message\":{\r\n    \"lang\":\"en-US\",",
        "\"value\":\"The specified job does not have either job preparation task or job release task.",
        "\\nRequestId:5b6344a9-f49d-47d0-a34a-688a56cd31d1\\nTime:2023-05-23T03:28:53.7684183Z\"\r\n  }\r\n}",
    ];
    assert_eq!(body, expected.concat());
}

#[test]
fn the_time_line_keeps_its_zeros_and_values_follow_the_message() {
    let error = BatchError::missing_property("id").with("Reason", "\u{e4}\"");
    let body = refused(&error, "2022-02-03T04:23:46.6334960Z");
    let expected = concat!(
        "\\nTime:2022-02-03T04:23:46.6334960Z\"\r\n  },\"values\":[\r\n    {\r\n      ",
        "\"key\":\"PropertyName\",\"value\":\"id\"\r\n    },{\r\n      ",
        "\"key\":\"Reason\",\"value\":\"\\u00e4\\\"\"\r\n    }\r\n  ]\r\n}"
    );
    assert!(body.ends_with(expected), "{body}");
}

#[test]
fn an_error_body_is_appended() {
    let mut out = b"before".to_vec();
    let error = ErrorCode::JobNotFound.into();
    error_body(&mut out, ACCOUNT, &error, REQUEST_ID, Timestamp::from_ticks(0).expect("the first instant"));
    assert!(out.starts_with(b"before{\r\n"));
}

#[test]
fn a_resource_is_in_the_models_order_and_hides_what_the_version_does_not_know() {
    let job = object(json!({
        "onTaskFailure": "noaction", "allowTaskPreemption": false, "maxParallelTasks": -1, "id": "j",
        "displayName": null, "unheard": 1, "constraints": { "maxTaskRetryCount": 0, "maxWallClockTime": "P1D" },
        "jobManagerTask": { "requiredSlots": 1, "id": "m", "environmentSettings": [{ "value": "v", "name": "n" }] },
    }));
    let shown = |version| {
        let mut out = Vec::new();
        resource(&mut out, &["u"], View { version, ..JOBS }, &|slot| slot.kept(&job));
        String::from_utf8(out).expect("ASCII").split_whitespace().collect::<String>()
    };
    let start = r#"{"odata.metadata":"u","id":"j","#;
    let rest = concat!(
        r#""constraints":{"maxWallClockTime":"P1D","maxTaskRetryCount":0},"#,
        r#""jobManagerTask":{"id":"m","environmentSettings":[{"name":"n","value":"v"}]"#
    );
    let tail = r#"},"onTaskFailure":"noaction"}"#;
    assert_eq!(
        shown(ApiVersion::V2022_01),
        [start, r#""maxParallelTasks":-1,"allowTaskPreemption":false,"#, rest, r#","requiredSlots":1"#, tail]
            .concat()
    );
    assert_eq!(
        shown(ApiVersion::V2021_06),
        [start, r#""maxParallelTasks":-1,"#, rest, r#","requiredSlots":1"#, tail].concat()
    );
    assert_eq!(shown(ApiVersion::V2020_03), [start, rest, tail].concat());
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_laid_out_reads_back(value in values()) {
        let text = laid_out(&value);
        prop_assert!(text.is_ascii());
        prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
    }

    #[test]
    fn an_error_body_reads_back(url in any::<String>(), id in any::<String>(), text in any::<String>()) {
        let mut out = Vec::new();
        let error = BatchError::invalid_property(&text, text.as_str(), &id);
        error_body(&mut out, &url, &error, &id, Timestamp::from_ticks(7).expect("an instant"));
        let body: Value = serde_json::from_slice(&out).expect("JSON");
        prop_assert_eq!(body.pointer("/values/1/value").and_then(Value::as_str), Some(text.as_str()));
        let metadata = url + "/$metadata#Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element";
        prop_assert_eq!(body.pointer("/odata.metadata").and_then(Value::as_str), Some(metadata.as_str()));
    }
}
