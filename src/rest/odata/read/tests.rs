use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    ErrorCode,
    rest::odata::{model, write},
};

const LATEST: ApiVersion = ApiVersion::V2025_06;

fn job(body: &str) -> Result<Value, BatchError> {
    read(&model::JOB_ADD_PARAMETER, body.as_bytes(), LATEST).map(Value::Object)
}

/// The refusal of a job, with what its `values` say.
fn refusal(body: &str) -> (ErrorCode, Vec<String>) {
    let error = job(body).expect_err(body);
    (error.code, error.values.into_iter().map(|value| value.value).collect())
}

fn reason(body: &str) -> String {
    let (code, mut values) = refusal(body);
    assert_eq!(code, ErrorCode::InvalidRequestBody, "{body}");
    values.remove(0)
}

#[test]
fn a_body_comes_out_normalized() {
    let read = job(
        r#" { "odata.metadata": 1, "odata.type": {}, "id": "j", "poolInfo": { "poolId": "p", "autoPoolSpecification": null },
            "constraints": { "maxWallClockTime": "PT01H00M00S", "maxTaskRetryCount": 3 }, "displayName": null,
            "onAllTasksComplete": "NoAction", "priority": 1, "priority": 2, "metadata": [] } "#,
    );
    let expected = json!({
        "id": "j", "poolInfo": { "poolId": "p" }, "onAllTasksComplete": "noaction", "priority": 2, "metadata": [],
        "constraints": { "maxWallClockTime": "PT1H", "maxTaskRetryCount": 3 },
    });
    assert_eq!(read, Ok(expected));
}

#[test]
fn a_cut_body_is_told_from_other_malformed_ones() {
    let whole =
        r#"{"id":"j","poolInfo":{"poolId":"p"},"metadata":[{"name":"a","value":"\u00e4"}],"priority":10}"#;
    assert!(job(whole).is_ok());
    for end in 0..whole.len() {
        let cut = whole.get(..end).expect("ASCII");
        assert!(reason(cut).ends_with("Not all object and array scopes were closed."), "{cut}");
    }
    for body in [
        "{'id':1}",
        "{\"id\" 1}",
        "{} {}",
        "{\"id\":01}",
        "[1,]",
        "\u{FEFF}{}",
        "{\"id\":\"\t\"}",
        "{\"id\":1e999}",
    ] {
        assert!(reason(body).starts_with("Invalid JSON. The content is malformed at line 1, "), "{body}");
    }
    let deep = "{\"id\":".to_owned() + &"[".repeat(100_000);
    assert!(reason(&deep).starts_with("Invalid JSON. The content is malformed at line 1, "));
    for body in ["[]", "1", "null", "\"{}\""] {
        assert_eq!(reason(body), "Invalid JSON. The content is not an object.", "{body}");
    }
    let error = read(&model::JOB_ADD_PARAMETER, b"{\"id\":\"\xFF\"}", LATEST).expect_err("no UTF-8");
    assert_eq!(error.code, ErrorCode::InvalidRequestBody);
}

#[test]
fn an_unknown_property_is_refused_by_the_name_of_its_model() {
    let expected = |name: &str, model: &str| {
        format!(
            "The property '{name}' does not exist on type 'Microsoft.Azure.Batch.Protocol.Entities.{model}'. \
             Make sure to only use property names that are defined by the type."
        )
    };
    assert_eq!(reason(r#"{"x":null}"#), expected("x", "JobAddParameter"));
    assert_eq!(reason(r#"{"Id":"j"}"#), expected("Id", "JobAddParameter"));
    assert_eq!(reason(r#"{"poolInfo":{"id":"p"}}"#), expected("id", "PoolInformation"));
    assert_eq!(reason(r#"{"metadata":[{"odata.type":1}]}"#), expected("odata.type", "MetadataItem"));
    let old = read(&model::JOB_ADD_PARAMETER, br#"{"maxParallelTasks":1}"#, ApiVersion::V2020_09);
    let old = old.expect_err("a property newer than the version");
    assert_eq!(
        old.values.first().map(|value| &value.value),
        Some(&expected("maxParallelTasks", "JobAddParameter"))
    );
}

#[test]
fn a_primitive_of_another_type_is_refused_with_the_type_that_was_expected() {
    for (body, expected) in [
        (r#"{"id":1}"#, "Edm.String"),
        (r#"{"id":true}"#, "Edm.String"),
        (r#"{"onTaskFailure":0}"#, "Edm.String"),
        (r#"{"jobManagerTask":{"authenticationTokenSettings":{"access":[null]}}}"#, "Edm.String"),
        (r#"{"priority":"one"}"#, "Edm.Int32"),
        (r#"{"priority":1.0}"#, "Edm.Int32"),
        (r#"{"priority":99999999999999999999}"#, "Edm.Int32"),
        (r#"{"usesTaskDependencies":1}"#, "Edm.Boolean"),
        (r#"{"usesTaskDependencies":"yes"}"#, "Edm.Boolean"),
        (r#"{"constraints":{"maxWallClockTime":5}}"#, "Edm.Duration"),
    ] {
        let expected = format!(
            "Cannot convert a primitive value to the expected type '{expected}'. \
             See the inner exception for more details."
        );
        assert_eq!(reason(body), expected, "{body}");
    }
    let stats = |member: &str| {
        check_type(Kind::Object(&model::JOB_STATISTICS), &serde_json::from_str(member).expect(member), LATEST)
    };
    assert_eq!(stats(r#"{"readIOps":"5","writeIOps":5,"readIOGiB":5,"startTime":"x"}"#), Ok(()));
    for (member, expected) in [
        (r#"{"readIOps":"5.5"}"#, "'Edm.Int64'"),
        (r#"{"readIOGiB":"NaN"}"#, "'Edm.Double'"),
        (r#"{"startTime":5}"#, "'Edm.DateTime'"),
    ] {
        let error = stats(member).expect_err(member);
        assert!(error.values.first().is_some_and(|value| value.value.contains(expected)), "{error:?}");
    }
}

#[test]
fn another_node_than_the_expected_one_is_refused() {
    for (body, found, expected) in [
        (r#"{"id":{}}"#, "StartObject", "PrimitiveValue"),
        (r#"{"id":[]}"#, "StartArray", "PrimitiveValue"),
        (r#"{"poolInfo":"p"}"#, "PrimitiveValue", "StartObject"),
        (r#"{"poolInfo":[]}"#, "StartArray", "StartObject"),
        (r#"{"metadata":{}}"#, "StartObject", "StartArray"),
        (r#"{"metadata":false}"#, "PrimitiveValue", "StartArray"),
        (r#"{"metadata":[null]}"#, "PrimitiveValue", "StartObject"),
    ] {
        let expected = format!(
            "An unexpected '{found}' node was found when reading from the JSON reader. \
             A '{expected}' node was expected."
        );
        assert_eq!(reason(body), expected, "{body}");
    }
}

#[test]
fn a_missing_property_is_named_with_its_path() {
    let missing = |body: &str| {
        let (code, values) = refusal(body);
        assert_eq!(code, ErrorCode::MissingRequiredProperty, "{body}");
        values.join(" ")
    };
    assert_eq!(missing("{}"), "id");
    assert_eq!(missing(r#"{"id":null,"poolInfo":{}}"#), "id");
    assert_eq!(missing(r#"{"id":"j"}"#), "poolInfo");
    // An object's own come before those of the objects in it.
    assert_eq!(missing(r#"{"id":"j","jobManagerTask":{}}"#), "poolInfo");
    assert_eq!(
        missing(r#"{"id":"j","poolInfo":{},"jobManagerTask":{"id":"m"}}"#),
        "jobManagerTask.commandLine"
    );
    assert_eq!(
        missing(r#"{"id":"j","poolInfo":{"poolId":"p"},"metadata":[{"name":"n","value":"v"},{"name":"n"}]}"#),
        "metadata.value"
    );
    // Of some one must be there.
    assert_eq!(missing(r#"{"id":"j","poolInfo":{"poolId":null}}"#), "poolInfo.poolId");
    assert_eq!(
        missing(r#"{"id":"j","poolInfo":{"autoPoolSpecification":{}}}"#),
        "poolInfo.autoPoolSpecification.poolLifetimeOption"
    );
}

#[test]
fn a_bad_value_is_quoted() {
    let invalid = |member: &str| {
        let (code, values) = refusal(&format!(r#"{{"id":"j","poolInfo":{{"poolId":"p"}},{member}}}"#));
        assert_eq!(code, ErrorCode::InvalidPropertyValue, "{member}");
        values
    };
    assert_eq!(
        invalid(r#""constraints":{"maxWallClockTime":"1 hour"}"#),
        ["constraints.maxWallClockTime", "1 hour", "The value is not a valid ISO 8601 duration."]
    );
    assert_eq!(
        invalid(r#""onTaskFailure":"explode""#),
        ["onTaskFailure", "explode", "The value must be one of: noaction, performexitoptionsjobaction."]
    );
    for number in ["2147483648", "-2147483649", "18446744073709551615"] {
        let values = invalid(&format!(r#""priority":{number}"#));
        assert_eq!(values, ["priority", number, "The value must be between -2147483648 and 2147483647."]);
    }
}

#[test]
fn shape_wins_over_absence_and_absence_over_values() {
    assert_eq!(
        refusal(r#"{"metadata":[{"name":0}],"priority":99999999999}"#).0,
        ErrorCode::InvalidRequestBody
    );
    assert_eq!(refusal(r#"{"priority":99999999999,"id":"j"}"#).0, ErrorCode::MissingRequiredProperty);
}

#[test]
fn the_items_of_a_task_collection_are_checked_one_by_one() {
    let body = br#"{"value":[{"id":"t","commandLine":"c"},{"id":"u"},{"x":1},7]}"#;
    let mut read =
        read(&model::TASK_ADD_COLLECTION_PARAMETER, body, LATEST).expect("the collection is sound");
    let Some(Value::Array(items)) = read.remove("value") else { panic!("no items") };
    let codes = items
        .into_iter()
        .map(|item| check(&model::TASK_ADD_PARAMETER, item, LATEST).map_err(|error| error.code));
    let codes: Vec<_> = codes.map(Result::err).collect();
    let (shape, absence) = (Some(ErrorCode::InvalidRequestBody), Some(ErrorCode::MissingRequiredProperty));
    assert_eq!(codes, [None, absence, shape, shape]);
}

/// A value of a kind, in the form in which it is stored.
fn sample(kind: Kind, version: ApiVersion) -> Value {
    match kind {
        Kind::Text => json!("é\"\r\n"),
        Kind::Boolean => json!(true),
        Kind::Int32 => json!(i32::MIN),
        Kind::Int64 => json!("9223372036854775807"),
        Kind::Double => json!(0.5),
        Kind::Duration => json!("P10675199DT2H48M5.4775807S"),
        Kind::Instant => json!("2025-05-14T21:50:06.78508Z"),
        Kind::Choice(choices) => json!(choices.last()),
        Kind::Object(model) => Value::Object(sample_of(model, version)),
        Kind::List(kind) => json!([sample(*kind, version), sample(*kind, version)]),
        Kind::Raw => json!({ "b": [], "a": {} }),
    }
}

fn sample_of(model: &Model, version: ApiVersion) -> Map<String, Value> {
    model.known_to(version).map(|property| (property.name.into(), sample(property.kind, version))).collect()
}

fn print(body: &mut Vec<u8>, model: &'static Model, value: &Map<String, Value>, version: ApiVersion) {
    let view = write::View { model, version, select: None };
    write::resource(body, &["u"], view, &|slot| slot.kept(value));
}

#[test]
fn every_model_is_printed_and_read_back_in_every_version() {
    for model in model::ALL {
        for version in ApiVersion::ALL.iter().copied() {
            let value = sample_of(model, version);
            let mut body = Vec::new();
            print(&mut body, model, &value, version);
            assert_eq!(read(model, &body, version), Ok(value), "{} in {version}", model.name);
        }
    }
}

/// The same value with a string in the place of each number and boolean that it holds.
fn with_texts(kind: Kind, value: &mut Value) {
    match kind {
        Kind::Boolean | Kind::Int32 | Kind::Double => *value = json!(value.to_string()),
        Kind::Object(model) => {
            for (name, member) in value.as_object_mut().expect("an object") {
                with_texts(model.property(name).expect("known").kind, member);
            }
        }
        Kind::List(kind) => {
            let items = value.as_array_mut().expect("a list");
            for item in items {
                with_texts(*kind, item);
            }
        }
        Kind::Text | Kind::Int64 | Kind::Duration | Kind::Instant | Kind::Choice(_) | Kind::Raw => {}
    }
}

/// B14
#[test]
fn a_text_that_is_a_number_or_a_boolean_is_taken_as_one_everywhere() {
    let mut met = 0;
    for model in model::ALL {
        for version in ApiVersion::ALL.iter().copied() {
            let expected = sample_of(model, version);
            let mut texts = Value::Object(expected.clone());
            with_texts(Kind::Object(model), &mut texts);
            assert_eq!(check(model, texts, version), Ok(expected), "{} in {version}", model.name);

            for property in model.known_to(version) {
                let (name, near) = match property.kind {
                    Kind::Boolean => ("Edm.Boolean", ["True", " true", "1", "0"]),
                    Kind::Int32 => ("Edm.Int32", ["3.0", " 3", "3 ", "1e3"]),
                    Kind::Double => ("Edm.Double", [" 0.5", "0,5", "INF", "1e999"]),
                    Kind::Text
                    | Kind::Int64
                    | Kind::Duration
                    | Kind::Instant
                    | Kind::Choice(_)
                    | Kind::Object(_)
                    | Kind::List(_)
                    | Kind::Raw => continue,
                };
                met += 1;
                for text in near.into_iter().chain(["", "x", "null", "-"]) {
                    let body = json!({ (property.name): text });
                    let error = check(model, body, version).expect_err(text);
                    assert_eq!(error.code, ErrorCode::InvalidRequestBody, "{}: {text}", property.name);
                    assert!(error.values.iter().any(|value| value.value.contains(name)), "{error:?}");
                }
            }
        }
    }
    assert!(met > ApiVersion::ALL.len() * 50, "{met} numbers and booleans");
}

/// B14: a number is judged alike in both forms.
#[test]
fn a_text_that_is_too_large_a_number_is_refused_as_the_number_is() {
    for number in ["2147483648", "-2147483649", "18446744073709551615", "99999999999999999999"] {
        let with =
            |priority: &str| format!(r#"{{"id":"j","poolInfo":{{"poolId":"p"}},"priority":{priority}}}"#);
        assert_eq!(refusal(&with(&format!("\"{number}\""))), refusal(&with(number)));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in any::<Vec<u8>>(), place in any::<prop::sample::Index>()) {
        let _ = read(model::ALL[place.index(model::ALL.len())], &body, LATEST);
    }

    #[test]
    fn no_change_of_a_good_body_makes_it_panic(
        place in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let model = model::ALL[place.index(model::ALL.len())];
        let mut body = Vec::new();
        print(&mut body, model, &sample_of(model, LATEST), LATEST);
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Ok(read_once) = read(model, &body, LATEST) {
            // What was stored is stored again as it is.
            prop_assert_eq!(check(model, Value::Object(read_once.clone()), LATEST), Ok(read_once));
        }
    }
}
