//! Percent escapes in paths and queries.

use alloc::borrow::Cow;
use core::{fmt::Display, iter};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What is escaped in a component of a URL (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A parameter of a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter<'a> {
    /// As the client wrote it, without the ampersands around it.
    pub(super) raw: &'a str,
    name: &'a str,
    value: &'a str,
}

impl<'a> Parameter<'a> {
    pub(super) fn name(&self) -> Cow<'a, str> {
        decode(self.name)
    }

    /// The value, in which a plus sign is a space.
    pub(super) fn value(&self) -> Cow<'a, str> {
        if self.value.bytes().any(|byte| byte == b'+') {
            Cow::Owned(decode(&self.value.replace('+', " ")).into_owned())
        } else {
            decode(self.value)
        }
    }
}

/// The parameters of a query, which is what follows the question mark. Empty ones are left out.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = Parameter<'_>> {
    let mut rest = Some(query);
    let parts = iter::from_fn(move || {
        let (part, after) = cut(rest?, b'&');
        rest = after;
        Some(part)
    });
    parts.filter(|raw| !raw.is_empty()).map(|raw| {
        let (name, value) = cut(raw, b'=');
        Parameter { raw, name, value: value.unwrap_or_default() }
    })
}

/// What comes before the first such byte, which is of ASCII, and what comes after it. The parts of a target
/// are short, and `split_once` costs several times as much for them.
pub(super) fn cut(text: &str, byte: u8) -> (&str, Option<&str>) {
    let parts = text.bytes().position(|found| found == byte).and_then(|place| text.split_at_checked(place));
    match parts {
        Some((before, after)) => (before, after.get(1..)),
        None => (text, None),
    }
}

/// Decodes percent escapes. An invalid escape is left as it is; bytes that are not UTF-8 become
/// replacement characters.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte != b'%') {
        return Cow::Borrowed(text); // As most are.
    }
    percent_decode_str(text).decode_utf8_lossy()
}

/// A text with everything escaped that a component of a URL cannot have.
pub(super) fn escaped(text: &str) -> impl Display {
    utf8_percent_encode(text, RESERVED)
}
