//! Headers and bodies, which are bytes and not always text.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::{fmt::Write, str};

use serde_json::{Value, json};

/// Bytes as a text, or as `{"hex": "..."}` if they are none.
pub(super) fn bytes(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => json!({ "hex": hex(bytes) }),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // A text takes all that is written to it.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Headers by name, in the order in which they were sent, without the secret one. Those that were sent more than once
/// have a list.
pub(super) fn headers(sent: &[(&str, &[u8])]) -> Vec<(String, Value)> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in sent {
        let is_known = names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if !is_known && !name.eq_ignore_ascii_case("authorization") {
            names.push(name);
        }
    }
    let value_of = |name: &str| {
        let of_name = sent.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let mut values: Vec<Value> = of_name.map(|(_, value)| bytes(value)).collect();
        if values.len() > 1 { Value::Array(values) } else { values.pop().unwrap_or_default() }
    };
    names.into_iter().map(|name| (name.to_owned(), value_of(name))).collect()
}
