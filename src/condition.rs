//! Conditional requests: ETags, and the conditions that a client puts on the version that it acts on.
//!
//! The rules are HTTP's with changes of the service's own. Their ids here are [H1](crate::evidence#h1) (which
//! headers go together), [H2](crate::evidence#h2) (what an unmet condition answers), [H3](crate::evidence#h3)
//! (ETags), [H4](crate::evidence#h4) (dates) and [H5](crate::evidence#h5) (the refusal).

use alloc::vec::Vec;
use core::{fmt, str::FromStr};

use crate::{
    digits::Digits,
    error::{BatchError, ErrorCode, UnknownName},
    timestamp::Timestamp,
};

/// The version of a resource: the instant of its last modification ([T1](crate::evidence#t1)).
///
/// It displays as the service writes it in bodies and headers, without quotes: `0x` and the ticks in
/// upper-case hexadecimal digits.
///
/// ```
/// use azbatch::{ETag, Timestamp};
///
/// let last_modified = Timestamp::parse_iso8601("2025-05-14T21:50:06.78508Z")?;
/// assert_eq!(ETag::from(last_modified).to_string(), "0x8DD93314A6D8630");
/// # Ok::<(), azbatch::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ETag(Timestamp);

impl ETag {
    /// Reads exactly what [`ETag`] displays: no quotes, no lower-case digits, no leading zeros
    /// ([H3](crate::evidence#h3)). `None` for anything else, which no resource ever has as its ETag.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_bytes(text.as_bytes())
    }

    fn parse_bytes(text: &[u8]) -> Option<Self> {
        let digits = text.strip_prefix(b"0x")?;
        let is_shortest = matches!(digits, b"0" | [b'1'..=b'9' | b'A'..=b'F', ..]);
        if !is_shortest || digits.len() > 16 {
            return None;
        }
        let ticks = digits.iter().try_fold(0, |ticks, digit| {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'A'..=b'F' => digit - b'A' + 10,
                _ => return None,
            };
            Some(ticks << 4 | u64::from(value))
        })?;
        Timestamp::from_ticks(ticks).map(Self)
    }

    pub(crate) fn text(self) -> Digits {
        let mut text = Digits::new();
        text.push(*b"0x");
        text.hexadecimal(self.0.ticks());
        text
    }
}

impl FromStr for ETag {
    type Err = UnknownName;

    /// As [`ETag::parse`].
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::parse(text).ok_or(UnknownName)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for ETag {
    /// As the service writes it.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for ETag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::stored::parsed(deserializer, |text| Self::parse(text).ok_or("invalid ETag"))
    }
}

impl From<Timestamp> for ETag {
    /// The ETag of a resource that was last modified then.
    fn from(last_modified: Timestamp) -> Self {
        Self(last_modified)
    }
}

impl From<ETag> for Timestamp {
    /// When the resource was last modified.
    fn from(etag: ETag) -> Self {
        etag.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text().as_str())
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The condition that a client puts on the version of the resource that it reads or writes.
///
/// However many conditional headers a request has, at most one counts ([H1](crate::evidence#h1)), so there is
/// one here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Preconditions {
    /// No condition: always satisfied.
    #[default]
    None,
    /// `If-Match`: satisfied if the resource's ETag is among these, compared strongly.
    IfMatch(EntityTags),
    /// `If-None-Match`: satisfied if the resource's ETag is not among these, compared weakly.
    IfNoneMatch(EntityTags),
    /// `If-Modified-Since`: satisfied if the resource changed in a later second than this one.
    IfModifiedSince(Timestamp),
    /// `If-Unmodified-Since`: satisfied if the resource did not.
    IfUnmodifiedSince(Timestamp),
}

impl Preconditions {
    /// Reads the conditional headers of a request. `now` decides what a year of two digits means
    /// ([H4](crate::evidence#h4)).
    ///
    /// ```
    /// use azbatch::{Preconditions, Timestamp, condition::ConditionHeaders};
    ///
    /// let last_modified = Timestamp::parse_iso8601("2025-05-14T21:50:06.78508Z")?;
    /// let headers = ConditionHeaders { if_match: Some(b"\"0x8DD93314A6D8630\""), ..Default::default() };
    /// let preconditions = Preconditions::parse(&headers, last_modified).unwrap();
    /// assert!(preconditions.check_write(last_modified).is_ok());
    /// assert!(preconditions.check_write(last_modified.next_tick()).is_err());
    /// # Ok::<(), azbatch::ParseError>(())
    /// ```
    ///
    /// # Errors
    /// `MultipleConditionHeadersNotSupported` for headers that do not go together ([H1](crate::evidence#h1)),
    /// whatever is in them ([S5](crate::evidence#s5)); otherwise `InvalidHeaderValue` for an invalid date
    /// ([H4](crate::evidence#h4)). A tag is never refused: one that no resource can have matches nothing
    /// ([H3](crate::evidence#h3)).
    pub fn parse(headers: &ConditionHeaders<'_>, now: Timestamp) -> Result<Self, BatchError> {
        let if_match = headers.if_match.filter(has_content);
        let if_none_match = headers.if_none_match.filter(has_content);
        let if_modified_since = headers.if_modified_since.filter(has_content);
        let if_unmodified_since = headers.if_unmodified_since.filter(has_content);
        // H1: a date beside the tag header that it goes with is not even read.
        match (if_match, if_none_match, if_modified_since, if_unmodified_since) {
            (None, None, None, None) => Ok(Self::None),
            (Some(tags), None, None, _) => Ok(Self::IfMatch(EntityTags::parse(tags))),
            (None, Some(tags), _, None) => Ok(Self::IfNoneMatch(EntityTags::parse(tags))),
            (None, None, Some(date), None) => {
                parse_date("If-Modified-Since", date, now).map(Self::IfModifiedSince)
            }
            (None, None, None, Some(date)) => {
                parse_date("If-Unmodified-Since", date, now).map(Self::IfUnmodifiedSince)
            }
            (Some(_), Some(_), _, _)
            | (Some(_), None, Some(_), _)
            | (None, Some(_), _, Some(_))
            | (None, None, Some(_), Some(_)) => Err(ErrorCode::MultipleConditionHeadersNotSupported.into()),
        }
    }

    /// Judges a request that would change a resource that was last modified then.
    ///
    /// # Errors
    /// `ConditionNotMet` if the condition is not satisfied, whichever it is ([H2](crate::evidence#h2),
    /// [H5](crate::evidence#h5)).
    pub fn check_write(&self, last_modified: Timestamp) -> Result<(), BatchError> {
        if self.is_met(last_modified) { Ok(()) } else { Err(ErrorCode::ConditionNotMet.into()) }
    }

    /// Judges a request that reads a resource that was last modified then.
    ///
    /// # Errors
    /// `ConditionNotMet` if it is an `If-Match` or `If-Unmodified-Since` that is not met
    /// ([H2](crate::evidence#h2), [H5](crate::evidence#h5)).
    pub fn check_read(&self, last_modified: Timestamp) -> Result<Read, BatchError> {
        match self {
            Self::None | Self::IfMatch(_) | Self::IfUnmodifiedSince(_) => {
                self.check_write(last_modified).map(|()| Read::Modified)
            }
            Self::IfNoneMatch(_) | Self::IfModifiedSince(_) => {
                Ok(if self.is_met(last_modified) { Read::Modified } else { Read::NotModified })
            }
        }
    }

    fn is_met(&self, last_modified: Timestamp) -> bool {
        let etag = ETag::from(last_modified);
        match self {
            Self::None => true,
            Self::IfMatch(tags) => tags.match_strongly(etag),
            Self::IfNoneMatch(tags) => !tags.match_weakly(etag),
            // H4: a date names a second, so it is compared with a second.
            Self::IfModifiedSince(date) => last_modified.truncate_to_second() > *date,
            Self::IfUnmodifiedSince(date) => last_modified.truncate_to_second() <= *date,
        }
    }
}

/// How a read whose condition allows an answer is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Read {
    /// In full.
    Modified,
    /// With status 304 and no body: the client has what there is ([H2](crate::evidence#h2)).
    NotModified,
}

/// The values of a request's conditional headers, as they came; absent ones are `None`.
///
/// Of an `If-Match` or an `If-None-Match` that came several times the values are joined by a comma.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConditionHeaders<'a> {
    /// The value of `If-Match`.
    pub if_match: Option<&'a [u8]>,
    /// The value of `If-None-Match`.
    pub if_none_match: Option<&'a [u8]>,
    /// The value of `If-Modified-Since`.
    pub if_modified_since: Option<&'a [u8]>,
    /// The value of `If-Unmodified-Since`.
    pub if_unmodified_since: Option<&'a [u8]>,
}

/// The tags that an `If-Match` or an `If-None-Match` names, as far as an ETag can match them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EntityTags {
    /// `*`: any ETag.
    Any,
    /// Nothing that an ETag can match.
    Nothing,
    /// The members of the list that an ETag can match, in the order in which they came.
    Listed {
        /// The first of them. Clients send one nearly always, so no memory is allocated for it.
        first: EntityTag,
        /// The others.
        others: Vec<EntityTag>,
    },
}

/// One member of an `If-Match` or an `If-None-Match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EntityTag {
    /// The ETag that it names.
    pub etag: ETag,
    /// Whether it came as `W/"..."`: then it can match weakly only.
    pub weak: bool,
}

impl FromIterator<EntityTag> for EntityTags {
    fn from_iter<T: IntoIterator<Item = EntityTag>>(tags: T) -> Self {
        let mut tags = tags.into_iter();
        match tags.next() {
            None => Self::Nothing,
            Some(first) => Self::Listed { first, others: tags.collect() },
        }
    }
}

impl EntityTags {
    /// Reads a header's value. An invalid ETag matches nothing and is left out (H3).
    fn parse(value: &[u8]) -> Self {
        if let Some(tag) = EntityTag::parse(trim(value)) {
            return Self::from_iter([tag]); // The whole value is one tag, so it needs no search for commas.
        }
        let mut members = members(value).peekable();
        let is_star = members.next_if(|member| *member == b"*").is_some();
        if is_star && members.peek().is_none() {
            return Self::Any;
        }
        members.filter_map(EntityTag::parse).collect()
    }

    /// H3: a weak tag never matches, and the service has none of its own.
    fn match_strongly(&self, etag: ETag) -> bool {
        self.contain(|tag| tag.etag == etag && !tag.weak)
    }

    /// H3: a weak tag matches like any other.
    fn match_weakly(&self, etag: ETag) -> bool {
        self.contain(|tag| tag.etag == etag)
    }

    fn contain(&self, is_match: impl Fn(&EntityTag) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Nothing => false,
            Self::Listed { first, others } => is_match(first) || others.iter().any(is_match),
        }
    }
}

impl EntityTag {
    fn parse(member: &[u8]) -> Option<Self> {
        let (weak, tag) = match member.strip_prefix(b"W/") {
            Some(tag) => (true, tag),
            None => (false, member),
        };
        // Clients send plain tags with and without quotes. Nobody sends a weak one without, so that is
        // no tag.
        let quoted = tag.strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\""));
        let bare = if weak { None } else { Some(tag) };
        ETag::parse_bytes(quoted.or(bare)?).map(|etag| Self { etag, weak })
    }
}

/// The members of a list, without the spaces around them and without empty ones (H3). A comma between
/// quotes is part of its member; a quote that is not closed makes all that follows part of its member.
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let is_separator = move |byte: &u8| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    };
    value.split(is_separator).map(trim).filter(|member| !member.is_empty())
}

/// H4: an empty header counts as absent, and spaces do not count.
fn has_content(value: &&[u8]) -> bool {
    !trim(value).is_empty()
}

/// Without the spaces and tabs at both ends, which HTTP does not count as part of a value.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn parse_date(name: &str, value: &[u8], now: Timestamp) -> Result<Timestamp, BatchError> {
    Timestamp::parse_http_date(trim(value), now).map_err(|_| BatchError::invalid_header(name, value))
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use proptest::prelude::*;

    use super::*;

    /// Of a job recorded in 2020.
    const ETAG: &str = "0x8D7CD3DD39024F5";

    fn last_modified() -> Timestamp {
        Timestamp::parse_iso8601("2020-03-21T02:16:12.2352885Z").unwrap()
    }

    fn tag(weak: bool) -> EntityTag {
        EntityTag { etag: ETag(last_modified()), weak }
    }

    #[test]
    fn an_etag_is_the_ticks_in_hexadecimal() {
        for (instant, etag) in [
            ("2020-03-21T02:16:12.2352885Z", ETAG),
            ("2025-05-14T21:50:06.78508Z", "0x8DD93314A6D8630"),
            ("0001-01-01T00:00:00Z", "0x0"),
            ("0001-01-01T00:00:00.000001Z", "0xA"),
            ("9999-12-31T23:59:59.9999999Z", "0x2BCA2875F4373FFF"),
        ] {
            let instant = Timestamp::parse_iso8601(instant).unwrap();
            assert_eq!(ETag::from(instant).to_string(), etag);
            assert_eq!(ETag::parse(etag).map(Timestamp::from), Some(instant));
        }
    }

    #[test]
    fn what_no_resource_has_is_no_etag() {
        for text in [
            "",
            "0x",
            "0X8D7CD3DD39024F5",
            "8D7CD3DD39024F5",
            "0x8d7cd3dd39024f5",
            "0x8D7CD3DD39024Fg",
            "0x08D7CD3DD39024F5",
            "0x00",
            "0x+1",
            "0x-1",
            " 0x1",
            "0x1 ",
            "\"0x1\"",
            "0x2BCA2875F4374000",
            "0xFFFFFFFFFFFFFFFF",
            "0x10000000000000000",
        ] {
            assert_eq!(ETag::parse(text), None, "{text}");
        }
    }

    #[test]
    fn members_may_be_bare_quoted_or_weak() {
        for (value, tags) in [
            (ETAG.to_string(), vec![tag(false)]),
            (format!("\"{ETAG}\""), vec![tag(false)]),
            (format!("W/\"{ETAG}\""), vec![tag(true)]),
            (format!(" \t{ETAG}\t "), vec![tag(false)]),
            (format!("{ETAG},W/\"{ETAG}\" ,\t\"{ETAG}\""), vec![tag(false), tag(true), tag(false)]),
            (format!(",, {ETAG} , ,"), vec![tag(false)]),
            (format!("\"a,{ETAG},b\",{ETAG}"), vec![tag(false)]),
            (format!("*, {ETAG}"), vec![tag(false)]),
        ] {
            assert_eq!(EntityTags::parse(value.as_bytes()), tags.into_iter().collect(), "{value}");
        }
    }

    #[test]
    fn other_members_match_nothing() {
        for value in [
            ",".to_string(),
            "\"*\"".to_string(),
            "*, *".to_string(),
            "**".to_string(),
            "W/*".to_string(),
            "\"".to_string(),
            "\"\"".to_string(),
            format!("\"{ETAG}"),
            format!("{ETAG}\""),
            format!("'{ETAG}'"),
            format!("\"\"{ETAG}\"\""),
            format!("\" {ETAG}\""),
            format!("\"{ETAG}\"x"),
            format!("\"{ETAG}\" \"{ETAG}\""),
            format!("\"{ETAG}, {ETAG}"),
            format!("x\", {ETAG}"),
            format!("w/\"{ETAG}\""),
            format!("W/{ETAG}"),
            format!("W/ \"{ETAG}\""),
            format!("W/W/\"{ETAG}\""),
            format!("{ETAG};{ETAG}"),
        ] {
            assert_eq!(EntityTags::parse(value.as_bytes()), EntityTags::Nothing, "{value}");
        }
        assert_eq!(EntityTags::parse(b"\xFF, \"\xC3\""), EntityTags::Nothing);
        let beside = [b"\"\xFF\",".as_slice(), ETAG.as_bytes()].concat();
        assert_eq!(EntityTags::parse(&beside), [tag(false)].into_iter().collect());
    }

    #[test]
    fn a_star_alone_is_any_tag() {
        for value in ["*", " * ", "\t*", ",*", "*, ,"] {
            assert_eq!(EntityTags::parse(value.as_bytes()), EntityTags::Any, "{value}");
        }
    }

    #[test]
    fn a_bad_date_is_shown_as_it_came() {
        let headers = ConditionHeaders { if_modified_since: Some(b" x\xFF "), ..Default::default() };
        let expected = BatchError::invalid_header("If-Modified-Since", b" x\xFF ");
        assert_eq!(Preconditions::parse(&headers, last_modified()), Err(expected));
        let headers = ConditionHeaders { if_unmodified_since: Some(b"x"), ..Default::default() };
        let expected = BatchError::invalid_header("If-Unmodified-Since", b"x");
        assert_eq!(Preconditions::parse(&headers, last_modified()), Err(expected));
    }

    proptest! {
        #[test]
        fn etags_come_back_from_their_written_form(ticks in 0..=Timestamp::MAX.ticks()) {
            let etag = ETag(Timestamp::from_ticks(ticks).unwrap());
            prop_assert_eq!(ETag::parse(&etag.to_string()), Some(etag));
        }

        #[test]
        fn what_is_read_as_an_etag_is_written_so(text in "0x[0-9A-Fa-f]{0,17}|.{0,5}") {
            if let Some(etag) = ETag::parse(&text) {
                prop_assert_eq!(etag.to_string(), text);
            }
        }

        #[test]
        fn no_tags_are_refused(value in any::<Vec<u8>>()) {
            let headers = ConditionHeaders { if_match: Some(&value), ..Default::default() };
            prop_assert!(Preconditions::parse(&headers, last_modified()).is_ok());
        }
    }
}
