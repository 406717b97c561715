//! Faults on demand: requests are refused, or answered late.

use std::time::Duration;

use azbatch::{ErrorCode, TimeSpan};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A refusal or a delay, for which requests and how often.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// How many more requests it applies to.
    #[serde(default = "once")]
    count: u32,
    /// For any method if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// A path without query, or the beginning of one and a `*`.
    #[serde(default = "any")]
    path: String,
    /// The refusal that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "code")]
    pub code: Option<ErrorCode>,
    /// How long the answer is held back, by the wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay: Option<TimeSpan>,
}

fn once() -> u32 {
    1
}

fn any() -> String {
    String::from("*")
}

impl Fault {
    /// Whether it does anything at all.
    pub fn is_idle(&self) -> bool {
        self.count == 0 || (self.code.is_none() && self.delay.is_none())
    }

    pub fn delay(&self) -> Option<Duration> {
        self.delay.map(Duration::from)
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        let path_matches = match self.path.strip_suffix('*') {
            Some(beginning) => path.starts_with(beginning),
            None => path == self.path,
        };
        path_matches && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
    }
}

/// The pending faults, the oldest first.
#[derive(Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub fn list(&self) -> &[Fault] {
        &self.0
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Uses up the oldest fault that matches this request, once.
    pub fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let place = self.0.iter().position(|fault| fault.matches(method, path))?;
        let fault = self.0.get_mut(place)?;
        fault.count -= 1;
        let taken = fault.clone();
        if taken.count == 0 {
            self.0.remove(place);
        }
        Some(taken)
    }
}

/// An error code by its name on the wire.
mod code {
    use super::{Deserialize, Deserializer, Error, ErrorCode, Serialize, Serializer};

    #[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub fn serialize<S: Serializer>(code: &Option<ErrorCode>, serializer: S) -> Result<S::Ok, S::Error> {
        code.map(ErrorCode::as_str).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ErrorCode>, D::Error> {
        let Some(name) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let found = ErrorCode::ALL.iter().find(|code| code.as_str() == name);
        found.copied().map(Some).ok_or_else(|| D::Error::custom(format!("{name} is no error code")))
    }
}
