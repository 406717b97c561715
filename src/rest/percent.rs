//! Percent escapes in paths and queries.

use alloc::borrow::Cow;

use percent_encoding::percent_decode_str;

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
        if self.value.contains('+') {
            Cow::Owned(decode(&self.value.replace('+', " ")).into_owned())
        } else {
            decode(self.value)
        }
    }
}

/// The parameters of a query, which is what follows the question mark. Empty ones are left out.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = Parameter<'_>> {
    query.split('&').filter(|raw| !raw.is_empty()).map(|raw| {
        let (name, value) = raw.split_once('=').unwrap_or((raw, ""));
        Parameter { raw, name, value }
    })
}

/// Decodes percent escapes. An invalid escape is left as it is; bytes that are not UTF-8 become
/// replacement characters.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}
