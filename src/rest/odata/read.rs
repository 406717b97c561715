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

use serde_json::{Map, Number, Value};

use crate::{
    BatchError, TimeSpan, Timestamp,
    rest::odata::{
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
        Kind::Boolean => {
            check_primitive("Edm.Boolean", value, |value| value.is_boolean() || is_text_of(value, boolean_in))
        }
        Kind::Int32 => {
            check_primitive("Edm.Int32", value, |value| is_integer(value) || is_text_of(value, integer_in))
        }
        Kind::Int64 => check_primitive("Edm.Int64", value, is_long),
        Kind::Double => {
            check_primitive("Edm.Double", value, |value| value.is_number() || is_text_of(value, number_in))
        }
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

/// Whether a value is a string whose text is a value of another type (B14).
fn is_text_of(value: &Value, held: impl Fn(&str) -> Option<Value>) -> bool {
    value.as_str().and_then(held).is_some()
}

fn boolean_in(text: &str) -> Option<Value> {
    text.parse::<bool>().ok().map(Value::from)
}

fn integer_in(text: &str) -> Option<Value> {
    text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from)).ok()
}

/// `None` for an infinity and for NaN, which JSON cannot express.
fn number_in(text: &str) -> Option<Value> {
    let fraction = || Number::from_f64(text.parse().ok()?).map(Value::from);
    integer_in(text).or_else(fraction)
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
        model.known_to(version).find(|property| property.required && given(property.name.as_str()).is_none());
    let no_choice =
        model.one_of.as_ref().filter(|one_of| one_of.names.iter().all(|name| given(name).is_none()));
    if let Some(name) =
        missing.map(|property| property.name.as_str()).or(no_choice.map(|one_of| one_of.called))
    {
        return Err(BatchError::missing_property(&Path { outer, name }.to_string()));
    }
    let mut found = 0;
    for property in model.known_to(version) {
        // Each member is a property, so nothing is left to look for after the last of them.
        if found == members.len() {
            break;
        }
        let name = property.name.as_str();
        if let Some(value) = members.get(name) {
            found += 1;
            if !value.is_null() {
                check_required_in(property.kind, value, version, &Path { outer, name })?;
            }
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
    let mut found = 0;
    for property in model.properties {
        // As in `check_required`.
        if found == members.len() {
            break;
        }
        if let Some(value) = members.get_mut(property.name.as_str()) {
            found += 1;
            normalize(property.kind, value, &Path { outer, name: property.name.as_str() })?;
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
        Kind::Boolean => {
            replace_text(value, boolean_in);
            Ok(())
        }
        Kind::Int32 => {
            replace_text(value, integer_in);
            check_range(value, path)
        }
        Kind::Double => {
            replace_text(value, number_in);
            Ok(())
        }
        Kind::Object(model) => {
            value.as_object_mut().map_or(Ok(()), |members| normalize_members(model, members, Some(path)))
        }
        Kind::List(kind) => {
            let mut items = value.as_array_mut().into_iter().flatten();
            items.try_for_each(|item| normalize(*kind, item, path))
        }
        Kind::Text | Kind::Int64 | Kind::Raw => Ok(()),
    }
}

/// Replaces a string by the value of another type that its text is (B14).
fn replace_text(value: &mut Value, held: impl Fn(&str) -> Option<Value>) {
    if let Some(held) = value.as_str().and_then(held) {
        *value = held;
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
mod tests;
