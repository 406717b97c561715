//! Reading request bodies: what comes out has the shape that a [`Model`] says, with the values in the
//! one form in which they are stored and shown.
//!
//! A body is refused for the first of these that is wrong anywhere in it, which is the order in which
//! the codes win (S5): its syntax and shape, a property that it lacks, a value.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

use serde_json::{Map, Value};

use crate::{
    BatchError, TimeSpan, Timestamp,
    rest::{
        model::{Kind, Model},
        version::ApiVersion,
    },
};

/// Reads a whole body.
///
/// # Errors
/// `InvalidRequestBody`, then `MissingRequiredProperty`, then `InvalidPropertyValue`.
pub(crate) fn read(
    model: &'static Model,
    body: &[u8],
    version: ApiVersion,
) -> Result<Map<String, Value>, BatchError> {
    check(model, parse(body)?, version)
}

/// Checks what is JSON already, such as one item of a collection whose items are refused one by one.
///
/// # Errors
/// As [`read`].
pub(crate) fn check(
    model: &'static Model,
    value: Value,
    version: ApiVersion,
) -> Result<Map<String, Value>, BatchError> {
    let Value::Object(mut members) = value else {
        return Err(BatchError::invalid_body("Invalid JSON. The content is not an object."));
    };
    members.retain(|name, _| !name.starts_with("odata."));
    check_members(model, &members, version)?;
    check_required(model, &members, version, None)?;
    normalize_members(model, &mut members, None)?;
    Ok(members)
}

fn parse(body: &[u8]) -> Result<Value, BatchError> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_eof() {
            BatchError::invalid_body(
                "Invalid JSON. Unexpected end of input was found in JSON content. \
                 Not all object and array scopes were closed.",
            )
        } else {
            let (line, column) = (error.line(), error.column());
            BatchError::invalid_body(format!(
                "Invalid JSON. The content is malformed at line {line}, column {column}."
            ))
        }
    })
}

/// Whether all properties exist and hold JSON of the type that their kind is written in (B3).
fn check_members(model: &Model, members: &Map<String, Value>, version: ApiVersion) -> Result<(), BatchError> {
    for (name, value) in members {
        let property = model.known_property(name, version).ok_or_else(|| unknown_property(model, name))?;
        if !value.is_null() {
            check_type(property.kind, value, version)?;
        }
    }
    Ok(())
}

fn check_type(kind: Kind, value: &Value, version: ApiVersion) -> Result<(), BatchError> {
    match kind {
        Kind::Text | Kind::Choice(_) => check_primitive("Edm.String", value, Value::is_string),
        Kind::Boolean => check_primitive("Edm.Boolean", value, Value::is_boolean),
        Kind::Int32 => check_primitive("Edm.Int32", value, is_integer),
        Kind::Int64 => check_primitive("Edm.Int64", value, is_long),
        Kind::Double => check_primitive("Edm.Double", value, Value::is_number),
        Kind::Duration => check_primitive("Edm.Duration", value, Value::is_string),
        Kind::Instant => check_primitive("Edm.DateTime", value, Value::is_string),
        Kind::Object(model) => match value.as_object() {
            Some(members) => check_members(model, members, version),
            None => Err(unexpected_node(value, "StartObject")),
        },
        Kind::List(kind) => match value.as_array() {
            Some(items) => items.iter().try_for_each(|item| check_type(*kind, item, version)),
            None => Err(unexpected_node(value, "StartArray")),
        },
        Kind::Raw => Ok(()),
    }
}

fn check_primitive(name: &str, value: &Value, is_right: impl Fn(&Value) -> bool) -> Result<(), BatchError> {
    if value.is_object() || value.is_array() {
        Err(unexpected_node(value, "PrimitiveValue"))
    } else if is_right(value) {
        Ok(())
    } else {
        Err(BatchError::invalid_body(format!(
            "Cannot convert a primitive value to the expected type '{name}'. \
             See the inner exception for more details."
        )))
    }
}

/// Without fraction and exponent. Whether it fits into 32 bits is a question of its value.
fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64()
}

/// A 64-bit integer, as a number or as `OData` 3 writes it.
fn is_long(value: &Value) -> bool {
    value.is_i64() || value.as_str().is_some_and(|text| text.parse::<i64>().is_ok())
}

fn unknown_property(model: &Model, name: &str) -> BatchError {
    BatchError::invalid_body(format!(
        "The property '{name}' does not exist on type 'Microsoft.Azure.Batch.Protocol.Entities.{}'. \
         Make sure to only use property names that are defined by the type.",
        model.name
    ))
}

fn unexpected_node(value: &Value, expected: &str) -> BatchError {
    let found = match value {
        Value::Object(_) => "StartObject",
        Value::Array(_) => "StartArray",
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => "PrimitiveValue",
    };
    BatchError::invalid_body(format!(
        "An unexpected '{found}' node was found when reading from the JSON reader. \
         A '{expected}' node was expected."
    ))
}

/// Where in a body a property stands, from the inside out; it displays with dots between the names.
#[derive(Clone, Copy)]
struct Path<'a> {
    outer: Option<&'a Path<'a>>,
    name: &'static str,
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            write!(f, "{outer}.")?;
        }
        f.write_str(self.name)
    }
}

/// Whether an object, and then each that it holds, has what it must have. A null counts as absent.
fn check_required(
    model: &Model,
    members: &Map<String, Value>,
    version: ApiVersion,
    outer: Option<&Path<'_>>,
) -> Result<(), BatchError> {
    let given = |name| members.get(name).filter(|value| !value.is_null());
    let missing =
        model.known_to(version).find(|property| property.required && given(property.name).is_none());
    let no_choice =
        model.one_of.as_ref().filter(|one_of| one_of.names.iter().all(|name| given(name).is_none()));
    if let Some(name) = missing.map(|property| property.name).or(no_choice.map(|one_of| one_of.called)) {
        return Err(BatchError::missing_property(&Path { outer, name }.to_string()));
    }
    for property in model.known_to(version) {
        if let Some(value) = given(property.name) {
            check_required_in(property.kind, value, version, &Path { outer, name: property.name })?;
        }
    }
    Ok(())
}

fn check_required_in(
    kind: Kind,
    value: &Value,
    version: ApiVersion,
    path: &Path<'_>,
) -> Result<(), BatchError> {
    match kind {
        Kind::Object(model) => {
            value.as_object().map_or(Ok(()), |members| check_required(model, members, version, Some(path)))
        }
        Kind::List(kind) => {
            let mut items = value.as_array().into_iter().flatten();
            items.try_for_each(|item| check_required_in(*kind, item, version, path))
        }
        Kind::Text
        | Kind::Boolean
        | Kind::Int32
        | Kind::Int64
        | Kind::Double
        | Kind::Duration
        | Kind::Instant
        | Kind::Choice(_)
        | Kind::Raw => Ok(()),
    }
}

/// Drops what is null and brings every value into the form in which it is stored.
fn normalize_members(
    model: &Model,
    members: &mut Map<String, Value>,
    outer: Option<&Path<'_>>,
) -> Result<(), BatchError> {
    members.retain(|_, value| !value.is_null());
    for property in model.properties {
        if let Some(value) = members.get_mut(property.name) {
            normalize(property.kind, value, &Path { outer, name: property.name })?;
        }
    }
    Ok(())
}

fn normalize(kind: Kind, value: &mut Value, path: &Path<'_>) -> Result<(), BatchError> {
    match kind {
        Kind::Duration => rewrite(value, path, "The value is not a valid ISO 8601 duration.", |text| {
            TimeSpan::parse(text).ok().map(|span| span.to_string())
        }),
        Kind::Instant => rewrite(value, path, "The value is not a valid ISO 8601 instant.", |text| {
            Timestamp::parse_iso8601(text).ok().map(|instant| instant.iso8601().to_string())
        }),
        Kind::Choice(choices) => {
            let reason = format!("The value must be one of: {}.", choices.join(", "));
            let find = |text: &str| choices.iter().find(|choice| choice.eq_ignore_ascii_case(text));
            rewrite(value, path, &reason, |text| find(text).map(ToString::to_string))
        }
        Kind::Int32 => check_range(value, path),
        Kind::Object(model) => {
            value.as_object_mut().map_or(Ok(()), |members| normalize_members(model, members, Some(path)))
        }
        Kind::List(kind) => {
            let mut items = value.as_array_mut().into_iter().flatten();
            items.try_for_each(|item| normalize(*kind, item, path))
        }
        Kind::Text | Kind::Boolean | Kind::Int64 | Kind::Double | Kind::Raw => Ok(()),
    }
}

/// Replaces a text by its stored form; refuses one that has none.
fn rewrite(
    value: &mut Value,
    path: &Path<'_>,
    reason: &str,
    stored: impl Fn(&str) -> Option<String>,
) -> Result<(), BatchError> {
    if let Value::String(text) = value {
        match stored(text) {
            Some(form) => *text = form,
            None => return Err(BatchError::invalid_property(&path.to_string(), text.as_str(), reason)),
        }
    }
    Ok(())
}

fn check_range(value: &Value, path: &Path<'_>) -> Result<(), BatchError> {
    if value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) {
        return Ok(());
    }
    let reason = format!("The value must be between {} and {}.", i32::MIN, i32::MAX);
    Err(BatchError::invalid_property(&path.to_string(), value.to_string(), &reason))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        ErrorCode,
        rest::{layout, model},
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
        let whole = r#"{"id":"j","poolInfo":{"poolId":"p"},"metadata":[{"name":"a","value":"\u00e4"}],"priority":10}"#;
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
            (r#"{"priority":"1"}"#, "Edm.Int32"),
            (r#"{"priority":1.0}"#, "Edm.Int32"),
            (r#"{"priority":99999999999999999999}"#, "Edm.Int32"),
            (r#"{"usesTaskDependencies":"true"}"#, "Edm.Boolean"),
            (r#"{"constraints":{"maxWallClockTime":5}}"#, "Edm.Duration"),
        ] {
            let expected = format!(
                "Cannot convert a primitive value to the expected type '{expected}'. \
                 See the inner exception for more details."
            );
            assert_eq!(reason(body), expected, "{body}");
        }
        let stats = |member: &str| {
            check_type(
                Kind::Object(&model::JOB_STATISTICS),
                &serde_json::from_str(member).expect(member),
                LATEST,
            )
        };
        assert_eq!(stats(r#"{"readIOps":"5","writeIOps":5,"readIOGiB":5,"startTime":"x"}"#), Ok(()));
        for (member, expected) in [
            (r#"{"readIOps":"5.5"}"#, "'Edm.Int64'"),
            (r#"{"readIOGiB":"5"}"#, "'Edm.Double'"),
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
            missing(
                r#"{"id":"j","poolInfo":{"poolId":"p"},"metadata":[{"name":"n","value":"v"},{"name":"n"}]}"#
            ),
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
        let (shape, absence) =
            (Some(ErrorCode::InvalidRequestBody), Some(ErrorCode::MissingRequiredProperty));
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
        model
            .known_to(version)
            .map(|property| (property.name.to_owned(), sample(property.kind, version)))
            .collect()
    }

    #[test]
    fn every_model_is_printed_and_read_back_in_every_version() {
        for model in model::ALL {
            for version in ApiVersion::ALL.iter().copied() {
                let value = sample_of(model, version);
                let mut body = Vec::new();
                layout::resource(&mut body, Some("u"), model, &value, version);
                assert_eq!(read(model, &body, version), Ok(value), "{} in {version}", model.name);
            }
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
            layout::resource(&mut body, None, model, &sample_of(model, LATEST), LATEST);
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
}
