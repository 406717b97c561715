//! The part of a file that a request asks for.

use core::ops::Range;

use crate::BatchError;

/// The value of an `ocp-range` header: `bytes=FIRST-LAST`, or `bytes=FIRST-` for all from there on
/// ([V7](crate::evidence#v7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteRange {
    first: u64,
    /// Included; not before `first`.
    last: Option<u64>,
}

impl ByteRange {
    /// Reads the header's value. Anything else is malformed (V7).
    pub(super) fn parse(value: &[u8]) -> Result<Self, BatchError> {
        let parsed = core::str::from_utf8(value.trim_ascii()).ok().and_then(Self::parse_text);
        parsed.ok_or_else(|| BatchError::invalid_header("ocp-range", value))
    }

    fn parse_text(text: &str) -> Option<Self> {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        let (first, last) = match (number(first)?, last) {
            (first, "") => (first, None),
            (first, last) => (first, Some(number(last)?)),
        };
        last.is_none_or(|last| first <= last).then_some(Self { first, last })
    }

    /// The bytes of a file of this length; `None` if the range begins at its end or beyond.
    pub fn within(self, content_length: u64) -> Option<Range<u64>> {
        let end = self.last.map_or(content_length, |last| last.saturating_add(1).min(content_length));
        (self.first < content_length).then_some(self.first..end)
    }
}

/// Digits alone: no sign and no space.
fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// V7
    #[test]
    fn a_range_is_cut_to_the_file() {
        let within = |value: &str, length| ByteRange::parse(value.as_bytes()).unwrap().within(length);
        assert_eq!(within("bytes=0-3", 10), Some(0..4));
        assert_eq!(within(" bytes=2- ", 10), Some(2..10));
        assert_eq!(within("bytes=9-9", 10), Some(9..10));
        assert_eq!(within("bytes=5-18446744073709551615", 10), Some(5..10));
        assert_eq!(within("bytes=10-", 10), None);
        assert_eq!(within("bytes=0-", 0), None);
    }

    /// V7
    #[test]
    fn anything_else_is_no_range() {
        for value in ["", "bytes", "bytes=", "bytes=-", "bytes=-5", "bytes=a-b", "bytes=3-2", "0-3"] {
            assert!(ByteRange::parse(value.as_bytes()).is_err(), "{value}");
        }
        for value in
            ["bytes=+1-2", "bytes=1 - 2", "bytes=0-1,3-4", "bytes=18446744073709551616-", "Bytes=0-1"]
        {
            assert!(ByteRange::parse(value.as_bytes()).is_err(), "{value}");
        }
        assert!(ByteRange::parse(b"bytes=0-\xFF").is_err());
    }
}
