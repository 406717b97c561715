//! Percent escapes in paths and queries.

use alloc::{borrow::Cow, string::String, vec::Vec};

/// In a query a plus sign is a space.
pub(super) fn decode_value(value: &str) -> Cow<'_, str> {
    if value.contains('+') {
        Cow::Owned(decode(&value.replace('+', " ")).into_owned())
    } else {
        decode(value)
    }
}

/// Decodes percent escapes. An invalid escape is left as it is; bytes that are not UTF-8 become
/// replacement characters.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, tail @ ..]) => {
                hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, tail))
            }
            (_, _) => None,
        };
        let (byte, tail) = escaped.unwrap_or((first, after));
        bytes.push(byte);
        rest = tail;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
