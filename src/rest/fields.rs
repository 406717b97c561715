//! The properties of a body, taken out one by one.

use alloc::{format, string::String, vec::Vec};
use core::str::FromStr;

use serde_json::{Map, Value, json};

use crate::{
    BatchError, ErrorCode, TimeSpan, Timestamp,
    id::InvalidId,
    rest::{
        odata::model::{Name, name},
        odata::{model, read, version::ApiVersion},
    },
    task::{Properties, RetryLimit},
};

/// How many bytes the names and values of `metadata` may have together (B10).
const MAX_METADATA_BYTES: usize = 8 * 1024;

/// The reason given for an invalid id.
pub(super) const ID_REASON: &str =
    "The value must contain only alphanumeric characters, hyphens and underscores, and have 1 to 64 of them";

/// The properties of one object, taken out one by one; what is left is kept.
pub(super) struct Fields {
    pub(super) fields: Map<String, Value>,
    /// What refusals put before a property's name (assumed): the way to it from the body.
    path: String,
}

impl Fields {
    pub(super) fn of_body(fields: Map<String, Value>) -> Self {
        Self { fields, path: String::new() }
    }

    /// A property's name with the way to it.
    pub(super) fn name(&self, name: Name) -> String {
        format!("{}{name}", self.path)
    }

    pub(super) fn invalid(&self, name: Name, value: impl Into<String>, reason: &str) -> BatchError {
        BatchError::invalid_property(&self.name(name), value, reason)
    }

    pub(super) fn out_of_range(&self, name: Name, value: i32, reason: &str) -> BatchError {
        self.invalid(name, format!("{value}"), reason)
    }

    pub(super) fn missing(&self, name: Name) -> BatchError {
        BatchError::missing_property(&self.name(name))
    }

    /// Puts the way to this object before the property that an error names.
    pub(super) fn locate(path: &str, mut error: BatchError) -> BatchError {
        for value in error.values.iter_mut().filter(|value| value.key == "PropertyName") {
            value.value.insert_str(0, path);
        }
        error
    }

    pub(super) fn path(&self) -> String {
        self.path.clone()
    }

    pub(super) fn object(&mut self, name: Name) -> Option<Self> {
        match self.fields.remove(name.as_str()) {
            Some(Value::Object(fields)) => Some(Self { fields, path: format!("{}.", self.name(name)) }),
            _ => None,
        }
    }

    pub(super) fn list(&mut self, name: Name) -> Option<Vec<Value>> {
        match self.fields.remove(name.as_str()) {
            Some(Value::Array(items)) => Some(items),
            _ => None,
        }
    }

    pub(super) fn text(&mut self, name: Name) -> Option<String> {
        match self.fields.remove(name.as_str()) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn flag(&mut self, name: Name, default: bool) -> bool {
        self.given_flag(name).unwrap_or(default)
    }

    pub(super) fn given_flag(&mut self, name: Name) -> Option<bool> {
        self.fields.remove(name.as_str()).and_then(|value| value.as_bool())
    }

    pub(super) fn integer(&mut self, name: Name) -> Option<i32> {
        self.fields
            .remove(name.as_str())
            .and_then(|value| value.as_i64())
            .and_then(|number| i32::try_from(number).ok())
    }

    /// One of an enum's names, which reading the JSON has made sure of.
    pub(super) fn choice<T: FromStr>(&mut self, name: Name) -> Option<T> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    /// A list that has something in it. An empty one says nothing and is left, to be shown as it came.
    pub(super) fn filled_list(&mut self, name: Name) -> Option<Vec<Value>> {
        let is_empty = self.fields.get(name.as_str()).and_then(Value::as_array).is_some_and(Vec::is_empty);
        if is_empty { None } else { self.list(name) }
    }

    /// Puts back what is left of an object that was taken out.
    pub(super) fn keep(&mut self, name: Name, left: Properties) {
        if !left.is_empty() {
            self.fields.insert(name.into(), Value::Object(left));
        }
    }

    /// A duration, which reading the JSON has made sure of.
    pub(super) fn span(&mut self, name: Name, default: TimeSpan) -> TimeSpan {
        self.given_span(name).unwrap_or(default)
    }

    pub(super) fn given_span(&mut self, name: Name) -> Option<TimeSpan> {
        self.text(name).and_then(|text| TimeSpan::parse(&text).ok())
    }

    /// An instant, which reading the JSON has made sure of.
    pub(super) fn given_instant(&mut self, name: Name) -> Option<Timestamp> {
        self.text(name).and_then(|text| Timestamp::parse_iso8601(&text).ok())
    }

    pub(super) fn id<T>(
        &mut self,
        name: Name,
        new: impl Fn(&str) -> Result<T, InvalidId>,
    ) -> Result<Option<T>, BatchError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        new(&text).map(Some).map_err(|InvalidId| self.invalid(name, text, ID_REASON))
    }

    /// What no room of the crate interprets: kept, and shown as it came (B8).
    pub(super) fn rest(self) -> Properties {
        self.fields
    }

    /// `userIdentity` with its defaults (B6).
    pub(super) fn default_user_identity(&mut self) {
        let identity =
            self.fields.entry(name!("userIdentity")).or_insert_with(|| json!({ (name!("autoUser")): {} }));
        if let Some(user) = identity.get_mut(name!("autoUser").as_str()).and_then(Value::as_object_mut) {
            user.entry(name!("scope")).or_insert_with(|| "pool".into());
            user.entry(name!("elevationLevel")).or_insert_with(|| "nonadmin".into());
        }
    }

    pub(super) fn check_display_name(&self) -> Result<(), BatchError> {
        let name = self.fields.get(name!("displayName").as_str()).and_then(Value::as_str).unwrap_or_default();
        if name.chars().count() > 1024 {
            return Err(self.invalid(name!("displayName"), name, "The value has more than 1024 characters"));
        }
        Ok(())
    }

    /// What is to be said of `metadata` after every other property (B10).
    pub(super) fn check_metadata(metadata: Option<&Value>) -> Result<(), BatchError> {
        let pairs = || metadata.and_then(Value::as_array).into_iter().flatten();
        let text =
            |pair: &Value, name: Name| pair.get(name.as_str()).and_then(Value::as_str).map_or(0, str::len);
        if pairs().any(|pair| text(pair, name!("name")) == 0) {
            return Err(ErrorCode::EmptyMetadataKey.into());
        }
        let length: usize = pairs().map(|pair| text(pair, name!("name")) + text(pair, name!("value"))).sum();
        if length > MAX_METADATA_BYTES { Err(ErrorCode::MetadataTooLarge.into()) } else { Ok(()) }
    }
}

pub(super) fn retry_limit(fields: &mut Fields) -> Result<Option<RetryLimit>, BatchError> {
    const NAME: Name = name!("maxTaskRetryCount");
    let Some(number) = fields.integer(NAME) else { return Ok(None) };
    let limit = RetryLimit::from_wire(number.into());
    limit.map(Some).ok_or_else(|| fields.out_of_range(NAME, number, "The value must be -1 or greater"))
}

/// The body of an operation that takes none: nothing, or an object without properties (B12).
pub(super) fn nothing(body: &[u8], version: ApiVersion) -> Result<(), BatchError> {
    if body.is_empty() { Ok(()) } else { read::read(&model::EMPTY_PARAMETER, body, version).map(drop) }
}
