//! The ids of requests.

#[cfg(feature = "serde")]
use alloc::string::String;
use core::{fmt, str::FromStr};

use crate::error::UnknownName;

/// A GUID in the form that the service reads and writes: 36 characters, no braces. It keeps its case and
/// is compared with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid([u8; 36]);

impl Guid {
    /// Reads a GUID; `None` if the text has any other form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_bytes(text.as_bytes())
    }

    pub(super) fn parse_bytes(text: &[u8]) -> Option<Self> {
        let bytes: [u8; 36] = text.try_into().ok()?;
        let has_hyphens = bytes[8] == b'-' && bytes[13] == b'-' && bytes[18] == b'-' && bytes[23] == b'-';
        // All other places have a digit if there are as many digits as other places.
        let digits = bytes.iter().fold(0, |digits, byte| digits + u8::from(byte.is_ascii_hexdigit()));
        (has_hyphens && digits == 32).then_some(Self(bytes))
    }

    /// The GUID with this number, in lower case.
    ///
    /// ```
    /// use azbatch::rest::Guid;
    ///
    /// let guid = Guid::from_u128(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210);
    /// assert_eq!(guid.as_str(), "01234567-89ab-cdef-fedc-ba9876543210");
    /// ```
    pub fn from_u128(number: u128) -> Self {
        let mut bytes = [b'-'; 36];
        let mut rest = number;
        for (place, byte) in bytes.iter_mut().enumerate().rev() {
            if !matches!(place, 8 | 13 | 18 | 23) {
                let digit = (rest & 0xF) as u8;
                *byte = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
                rest >>= 4;
            }
        }
        Self(bytes)
    }

    /// The 36 characters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Guid {
    type Err = UnknownName;

    /// As [`Guid::parse`].
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::parse(text).ok_or(UnknownName)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Guid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Guid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("invalid GUID"))
    }
}
