//! The headers of a response.

use alloc::{string::String, vec::Vec};
use core::fmt::{self, Display, Write};

/// The headers of a [`Response`](crate::rest::Response): names as the service writes them, and values, in the
/// order in which they are sent.
///
/// All values stand in one text, so there are two allocations for all headers, and none for those of a
/// response that is written over.
///
/// ```
/// use azbatch::rest::ResponseHeaders;
///
/// let mut headers = ResponseHeaders::default();
/// headers.push("Retry-After", 30);
/// headers.push("DataServiceVersion", "3.0");
/// assert_eq!(headers.get("retry-after"), Some("30"));
/// assert_eq!(headers.iter().last(), Some(("DataServiceVersion", "3.0")));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ResponseHeaders {
    values: String,
    /// The name of each header, and where its value ends. It begins where the one before ends.
    ends: Vec<(&'static str, usize)>,
}

/// What most answers have room in.
const USUAL_BYTES: usize = 384;
const USUAL_HEADERS: usize = 8;

impl ResponseHeaders {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no headers.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The value of the first header of this name, which is compared without case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Names and values.
    pub fn iter(&self) -> ResponseHeadersIter<'_> {
        ResponseHeadersIter { values: &self.values, begin: 0, ends: self.ends.iter() }
    }

    /// Appends a header, as a host does with its own.
    pub fn push(&mut self, name: &'static str, value: impl Display) {
        // A text takes all that is written to it. If the value's own form fails, the text ends there.
        let _ = write!(self.values, "{value}");
        self.ends.push((name, self.values.len()));
    }

    /// Appends a header whose value comes in pieces, without `core::fmt`.
    pub(super) fn push_joined(&mut self, name: &'static str, pieces: &[&str]) {
        for piece in pieces {
            self.values.push_str(piece);
        }
        self.ends.push((name, self.values.len()));
    }

    /// Takes out all headers, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.values.reserve(USUAL_BYTES);
        self.ends.clear();
        self.ends.reserve(USUAL_HEADERS);
    }
}

impl fmt::Debug for ResponseHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<'a> IntoIterator for &'a ResponseHeaders {
    type Item = (&'static str, &'a str);
    type IntoIter = ResponseHeadersIter<'a>;

    fn into_iter(self) -> ResponseHeadersIter<'a> {
        self.iter()
    }
}

/// The names and values of [`ResponseHeaders`].
#[derive(Clone, Debug)]
pub struct ResponseHeadersIter<'a> {
    values: &'a str,
    /// Where the next value begins.
    begin: usize,
    ends: core::slice::Iter<'a, (&'static str, usize)>,
}

impl<'a> Iterator for ResponseHeadersIter<'a> {
    type Item = (&'static str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, end) = self.ends.next()?;
        let value = self.values.get(self.begin..*end).unwrap_or_default();
        self.begin = *end;
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ends.size_hint()
    }
}

impl ExactSizeIterator for ResponseHeadersIter<'_> {}
