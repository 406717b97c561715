//! What stands for what, when an episode is played against another server: its ETags, times, request ids, URLs and links
//! cannot be equal to those of the episode. What can be is where they stand: the same value in the same places.

use std::collections::BTreeMap;

use azbatch::{Timestamp, rest::Guid};
use serde_json::Value;

use crate::episode::{
    expect::{Came, Difference, Expect, Part},
    ordered::{Ordered, step_to},
};

/// The values of an episode and those of the server.
pub struct Translation {
    /// The account's URL in the episode and at the server.
    urls: (String, String),
    /// ETags of the episode, with the server's.
    etags: BTreeMap<String, String>,
    /// The same the other way round.
    etags_back: BTreeMap<String, String>,
    /// `Last-Modified` headers of the episode, with the server's of each resource that has it.
    dates: BTreeMap<String, BTreeMap<String, String>>,
    /// Paths and queries of links to the next page.
    links: BTreeMap<String, String>,
}

impl Translation {
    pub fn new(episode_url: &str, server_url: &str) -> Self {
        Self {
            urls: (episode_url.into(), server_url.into()),
            etags: BTreeMap::new(),
            etags_back: BTreeMap::new(),
            dates: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }

    /// A target as the server must get it.
    pub fn target(&self, target: &str) -> String {
        self.links.get(target).cloned().unwrap_or_else(|| target.into())
    }

    /// The value of a header as the server must get it. A time that no answer about this resource had is that of another
    /// one, or else as far from the server's now as it is from the episode's.
    pub fn header(&self, resource: &str, name: &str, value: &str, at: Timestamp, now: Timestamp) -> String {
        match name.to_ascii_lowercase().as_str() {
            "if-match" | "if-none-match" => self.with_own_etags(value),
            "if-modified-since" | "if-unmodified-since" | "ocp-date" => {
                let known = self.dates.get(value);
                let known = known.and_then(|of| of.get(resource).or_else(|| of.values().next_back()));
                known.cloned().unwrap_or_else(|| shifted(value, at, now).unwrap_or_else(|| value.into()))
            }
            _ => value.into(),
        }
    }

    /// Each ETag of the episode in a list of them, replaced.
    fn with_own_etags(&self, value: &str) -> String {
        let is_part = |letter: char| letter.is_ascii_alphanumeric();
        let mut text = String::new();
        let mut rest = value;
        while let Some(start) = rest.find(is_part) {
            let end =
                rest[start..].find(|letter| !is_part(letter)).map_or(rest.len(), |length| start + length);
            let word = &rest[start..end];
            text.push_str(&rest[..start]);
            text.push_str(self.etags.get(word).map_or(word, String::as_str));
            rest = &rest[end..];
        }
        text + rest
    }

    /// Says what differs first in an answer about this resource.
    pub fn compare(
        &mut self,
        resource: &str,
        expect: &Expect,
        came: &Came<'_>,
    ) -> Result<(), Box<Difference>> {
        let found = self.compare_parts(resource, expect, came);
        found.map_or(Ok(()), |(part, expected, value)| {
            Err(Box::new(Difference::between(part, came.status, expected, value)))
        })
    }

    fn compare_parts(
        &mut self,
        resource: &str,
        expect: &Expect,
        came: &Came<'_>,
    ) -> Option<(Part, String, String)> {
        let text = String::from_utf8_lossy(came.body);
        if let Some(status) = expect.status.filter(|status| *status != came.status) {
            return Some((Part::Status, status.to_string(), format!("{} {text}", came.status)));
        }
        for (name, value) in &expect.headers {
            let part = Part::Header(name.to_ascii_lowercase());
            match came.header(name) {
                None => return Some((part, value.clone(), "(none)".into())),
                Some(found) if !self.same_header(resource, name, value, found) => {
                    return Some((part, value.clone(), found.into()));
                }
                Some(_) => {}
            }
        }
        if let Some((name, found)) = expect.absent.iter().find_map(|name| Some((name, came.header(name)?))) {
            return Some((Part::Header(name.to_ascii_lowercase()), "(none)".into(), found.into()));
        }
        let json: Option<Ordered> = serde_json::from_str(&text).ok();
        if let Some(code) = &expect.code {
            let found = json.as_ref().and_then(|json| json.get("code")?.as_str()).unwrap_or("(none)");
            if found != code {
                return Some((Part::Code, code.clone(), found.into()));
            }
        }
        if let Some(body) = &expect.body {
            let body = String::from_utf8_lossy(body);
            if let (Ok(expected), Some(json)) = (serde_json::from_str(&body), &json)
                && let Some((pointer, old, new)) = self.difference(&expected, json, true, String::new())
            {
                return Some((Part::Json(pointer), old, new));
            }
            let (body, found) = (blanked(&body, &self.urls.0), blanked(&text, &self.urls.1));
            if body != found {
                return Some((Part::Body, body, found));
            }
        }
        let contained: Option<Ordered> =
            expect.contains.as_ref().and_then(|value| serde_json::from_str(&value.to_string()).ok());
        let (expected, whole) = match (&expect.json, &contained) {
            (Some(json), _) => (json, true),
            (None, Some(contained)) => (contained, false),
            (None, None) => return None,
        };
        let Some(json) = json else {
            return Some((Part::Json(String::new()), "JSON".into(), text.into_owned()));
        };
        let (pointer, expected, found) = self.difference(expected, &json, whole, String::new())?;
        Some((Part::Json(pointer), expected, found))
    }

    fn same_header(&mut self, resource: &str, name: &str, expected: &str, came: &str) -> bool {
        match name.to_ascii_lowercase().as_str() {
            // The length follows from the account's name, and the date and the id are the server's.
            "content-length" => came.parse::<u64>().is_ok(),
            "request-id" => Guid::parse(came).is_some(),
            "date" => Timestamp::parse_rfc1123(came).is_ok(),
            "last-modified" => {
                let is_time = Timestamp::parse_rfc1123(came).is_ok();
                if is_time {
                    self.dates.entry(expected.into()).or_default().insert(resource.into(), came.into());
                }
                is_time
            }
            _ => self.same_text(expected, came),
        }
    }

    /// Where two bodies differ first. If they are compared as a whole, the keys stand in the same order, and there are
    /// no others.
    fn difference(
        &mut self,
        expected: &Ordered,
        came: &Ordered,
        whole: bool,
        pointer: String,
    ) -> Option<(String, String, String)> {
        match (expected, came) {
            (Ordered::Object(members), Ordered::Object(others)) => {
                if whole && expected.names() != came.names() {
                    let names = |of: &Ordered| format!("the members {}", of.names().join(", "));
                    return Some((pointer, names(expected), names(came)));
                }
                members.iter().find_map(|(name, value)| {
                    let pointer = format!("{pointer}{}", step_to(name));
                    match others.iter().find(|(other, _)| other == name) {
                        Some((_, found)) => self.difference(value, found, whole, pointer),
                        None => Some((pointer, value.to_string(), "nothing".into())),
                    }
                })
            }
            (Ordered::Array(items), Ordered::Array(others)) if items.len() == others.len() => {
                let mut pairs = items.iter().zip(others).enumerate();
                pairs.find_map(|(index, (item, other))| {
                    self.difference(item, other, whole, format!("{pointer}/{index}"))
                })
            }
            (Ordered::Plain(Value::String(expected)), Ordered::Plain(Value::String(came))) => {
                let same = if pointer.ends_with("/odata.nextLink") {
                    self.same_link(expected, came)
                } else {
                    self.same_text(expected, came)
                };
                (!same).then(|| (pointer, expected.clone(), came.clone()))
            }
            _ => (expected != came).then(|| (pointer, expected.to_string(), came.to_string())),
        }
    }

    fn same_text(&mut self, expected: &str, came: &str) -> bool {
        if is_etag(expected) {
            return is_etag(came) && self.same_etag(expected, came);
        }
        if Timestamp::parse_iso8601(expected).is_ok() {
            return Timestamp::parse_iso8601(came).is_ok();
        }
        blanked(expected, &self.urls.0) == blanked(came, &self.urls.1)
    }

    /// Each stands for the other, here and everywhere else.
    fn same_etag(&mut self, expected: &str, came: &str) -> bool {
        match (self.etags.get(expected), self.etags_back.get(came)) {
            (None, None) => {
                self.etags.insert(expected.into(), came.into());
                self.etags_back.insert(came.into(), expected.into());
                true
            }
            (there, back) => {
                there.is_some_and(|there| there == came) && back.is_some_and(|back| back == expected)
            }
        }
    }

    /// The link is the server's own; only where it leads to is compared.
    fn same_link(&mut self, expected: &str, came: &str) -> bool {
        let (old, new) = (expected.strip_prefix(&self.urls.0), came.strip_prefix(&self.urls.1));
        let (Some(old), Some(new)) = (old, new) else { return false };
        self.links.insert(old.into(), new.into());
        let path = |target: &str| target.split('?').next().map(str::to_owned);
        path(old) == path(new)
    }
}

/// As far from now as it was.
fn shifted(value: &str, at: Timestamp, now: Timestamp) -> Option<String> {
    let time = Timestamp::parse_rfc1123(value).ok()?;
    let ticks = i128::from(time.ticks()) - i128::from(at.ticks()) + i128::from(now.ticks());
    Some(Timestamp::from_ticks(u64::try_from(ticks).ok()?)?.rfc1123().to_string())
}

/// An ETag as the service writes it.
fn is_etag(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    digits.len() >= 8 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
}

/// A text without the account's URL, ETags, times, and the ids that refusals show.
fn blanked(text: &str, url: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-:.".contains(letter);
    let text = text.replace(url, "ACCOUNT");
    let (mut blank, mut rest) = (String::new(), text.as_str());
    while let Some(start) = rest.find(is_part) {
        let end = rest[start..].find(|letter| !is_part(letter)).map_or(rest.len(), |length| start + length);
        blank.push_str(&rest[..start]);
        blank.push_str(&blanked_word(&rest[start..end]));
        rest = &rest[end..];
    }
    blank + rest
}

fn blanked_word(word: &str) -> String {
    for mark in ["RequestId:", "nRequestId:"] {
        if word.strip_prefix(mark).is_some_and(|id| Guid::parse(id).is_some()) {
            return format!("{mark}ID");
        }
    }
    let (before, time) = word.split_once("Time:").map_or(("", word), |(before, time)| (before, time));
    if time.contains('T') && Timestamp::parse_iso8601(time).is_ok() {
        format!("{before}TIME")
    } else if is_etag(word) {
        "ETAG".into()
    } else {
        word.into()
    }
}
