//! JSON as the service lays it out (W1).
//!
//! Lines end with CRLF and are indented by two spaces a level. A line ends after an opening bracket
//! and before a closing one, nowhere else. So an object or a list answer without content has an empty,
//! indented line between its brackets; only an empty list inside a resource is `[]`.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use serde_json::Value;

use crate::{
    BatchError, Timestamp,
    digits::Digits,
    rest::odata::{
        model::{Kind, Model, Name, Property},
        shown::{Resource, Shown, Slot},
        version::ApiVersion,
    },
};

/// What most answers that are one resource have room in.
const USUAL_BYTES: usize = 2048;

/// What most refusals have room in.
const USUAL_REFUSAL_BYTES: usize = 768;

/// Appends the body of a refusal. The request id is the one of the `request-id` header, the time the
/// host's clock ([W3](crate::evidence#w3)).
pub fn error_body(
    out: &mut Vec<u8>,
    account_url: &str,
    error: &BatchError,
    request_id: &str,
    time: Timestamp,
) {
    out.reserve(USUAL_REFUSAL_BYTES);
    let mut layout = Layout::new(out);
    layout.begin_object();
    layout.name("odata.metadata");
    layout.joined(&[
        account_url,
        "/$metadata#Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element",
    ]);
    layout.name("code");
    layout.string(error.code.as_str());
    layout.name("message");
    layout.begin_object();
    layout.name("lang");
    layout.string("en-US");
    layout.name("value");
    layout.joined(&Message::new(error.code.text(), time).pieces(request_id));
    layout.end_object();
    if !error.values.is_empty() {
        layout.name("values");
        layout.begin_array();
        for value in &error.values {
            layout.begin_object();
            layout.name("key");
            layout.string(&value.key);
            layout.name("value");
            layout.string(&value.value);
            layout.end_object();
        }
        layout.end_array();
    }
    layout.end_object();
}

/// How resources are shown: what the model has and the api-version knows, in the model's order, and of
/// that only what is selected, if anything is.
#[derive(Clone, Copy)]
pub(in crate::rest) struct View<'a> {
    pub(in crate::rest) model: &'static Model,
    pub(in crate::rest) version: ApiVersion,
    pub(in crate::rest) select: Option<&'a [Name]>,
}

/// Appends an answer that is one resource. `metadata` is the `odata.metadata` URL, in pieces.
pub(in crate::rest) fn resource(
    out: &mut Vec<u8>,
    metadata: &[&str],
    view: View<'_>,
    resource: Resource<'_>,
) {
    out.reserve(USUAL_BYTES);
    let mut layout = Layout::new(out);
    layout.begin_object();
    layout.name("odata.metadata");
    layout.joined(metadata);
    layout.properties(view, resource);
    layout.end_object();
}

/// An answer that is a list of resources, while it is being written.
pub(in crate::rest) struct List<'a> {
    layout: Layout<'a>,
    view: View<'a>,
}

impl<'a> List<'a> {
    /// Appends what stands before the first item. `metadata` is the `odata.metadata` URL, in pieces.
    pub(in crate::rest) fn begin(out: &'a mut Vec<u8>, metadata: &[&str], view: View<'a>) -> Self {
        out.reserve(USUAL_BYTES);
        let mut layout = Layout::new(out);
        layout.begin_object();
        layout.name("odata.metadata");
        layout.joined(metadata);
        layout.name("value");
        layout.begin_array();
        Self { layout, view }
    }

    /// Appends an item.
    pub(in crate::rest) fn item(&mut self, item: Resource<'_>) {
        self.layout.begin_object();
        self.layout.properties(self.view, item);
        self.layout.end_object();
    }

    /// Appends what stands after the last item, with the link to the next page if there is one.
    pub(in crate::rest) fn end(mut self, next_link: Option<impl fmt::Display>) {
        self.layout.end_array();
        if let Some(next_link) = next_link {
            self.layout.name("odata.nextLink");
            self.layout.display(next_link);
        }
        self.layout.end_object();
    }
}

/// Writes one JSON value, piece by piece.
///
/// The caller opens and closes objects and arrays in pairs and gives each member its key; everything
/// between the pieces is written here.
pub(crate) struct Layout<'a> {
    out: &'a mut Vec<u8>,
    depth: usize,
    last: Piece,
}

/// What was written last, which decides about the comma.
#[derive(Clone, Copy)]
enum Piece {
    Opening,
    Key,
    Value,
}

impl<'a> Layout<'a> {
    /// Starts a value at the end of `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, depth: 0, last: Piece::Opening }
    }

    /// Opens an object.
    pub(crate) fn begin_object(&mut self) {
        self.begin(b'{');
    }

    /// Closes an object.
    pub(crate) fn end_object(&mut self) {
        self.end(b'}');
    }

    /// Opens an array. One without items comes out as the empty list answer has it.
    pub(crate) fn begin_array(&mut self) {
        self.begin(b'[');
    }

    /// Closes an array.
    pub(crate) fn end_array(&mut self) {
        self.end(b']');
    }

    /// The name of the member whose value comes next.
    pub(crate) fn key(&mut self, name: &str) {
        self.string(name);
        self.out.push(b':');
        self.last = Piece::Key;
    }

    /// A text.
    pub(crate) fn string(&mut self, text: &str) {
        self.separate();
        self.out.push(b'"');
        escape(self.out, text);
        self.out.push(b'"');
    }

    /// A text: the written form of anything, without a detour over a `String`.
    pub(crate) fn display(&mut self, value: impl fmt::Display) {
        self.separate();
        self.out.push(b'"');
        // Fails only if the value's own form does; then the text ends there.
        let _ = write!(Escaped(self.out), "{value}");
        self.out.push(b'"');
    }

    /// A text in pieces.
    pub(crate) fn joined(&mut self, pieces: &[&str]) {
        self.separate();
        self.out.push(b'"');
        for piece in pieces {
            escape(self.out, piece);
        }
        self.out.push(b'"');
    }

    /// A number, as `serde_json` writes it: digits, sign, point and exponent need no escape.
    pub(crate) fn number(&mut self, number: &serde_json::Number) {
        self.separate();
        let _ = write!(Plain(self.out), "{number}");
    }

    fn integer(&mut self, number: i64) {
        let mut text = Digits::new();
        text.integer(number);
        self.separate();
        self.out.extend_from_slice(text.as_bytes());
    }

    /// A text that needs no escape.
    fn digits(&mut self, text: &Digits) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'"');
    }

    /// The name of a member that the crate itself gives it, which needs no escape.
    fn name(&mut self, name: &'static str) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.last = Piece::Key;
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, value: bool) {
        self.literal(if value { "true" } else { "false" });
    }

    /// Any JSON.
    pub(crate) fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.literal("null"),
            Value::Bool(value) => self.boolean(*value),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.string(text),
            Value::Array(items) => self.items(items, Self::value),
            Value::Object(members) => {
                self.begin_object();
                for (name, value) in members {
                    self.key(name);
                    self.value(value);
                }
                self.end_object();
            }
        }
    }

    /// The members of an object, by its model.
    fn properties(&mut self, view: View<'_>, resource: Resource<'_>) {
        let is_selected =
            |property: &&Property| view.select.is_none_or(|names| names.contains(&property.name));
        for property in view.model.known_to(view.version).filter(is_selected) {
            resource(&mut Slot::new(property.name, &mut |shown| {
                debug_assert!(shown.is_of(property.kind), "{}.{}", view.model.name, property.name);
                self.name(property.name.as_str());
                self.shown(property.kind, shown, view.version);
            }));
        }
    }

    /// A value that a model says the kind of.
    fn shown(&mut self, kind: Kind, shown: &Shown<'_>, version: ApiVersion) {
        match shown {
            Shown::Text(text) => self.string(text),
            Shown::Joined(pieces) => self.joined(pieces),
            Shown::Written(value) => self.display(value),
            Shown::Boolean(value) => self.boolean(*value),
            Shown::Integer(number) if matches!(kind, Kind::Int64) => {
                let mut text = Digits::new();
                text.integer(*number);
                self.digits(&text);
            }
            Shown::Integer(number) => self.integer(*number),
            Shown::Instant(at) => self.digits(&at.iso8601_text()),
            Shown::Duration(span) => self.digits(&span.text()),
            Shown::Object(resource) => self.object(kind, resource, version),
            Shown::List(items) => {
                let item_kind = if let Kind::List(item) = kind { *item } else { Kind::Raw };
                let mut is_empty = true;
                items(&mut |item| {
                    if is_empty {
                        self.begin_array();
                    }
                    is_empty = false;
                    self.shown(item_kind, item, version);
                });
                if is_empty { self.literal("[]") } else { self.end_array() }
            }
            Shown::Json(value) => self.modelled(kind, value, version),
        }
    }

    fn object(&mut self, kind: Kind, resource: Resource<'_>, version: ApiVersion) {
        self.begin_object();
        if let Kind::Object(model) = kind {
            self.properties(View { model, version, select: None }, resource);
        }
        self.end_object();
    }

    /// What was kept as it came. A value that is of another kind than the model says is written as it is.
    fn modelled(&mut self, kind: Kind, value: &Value, version: ApiVersion) {
        match (kind, value) {
            (Kind::Object(_), Value::Object(members)) => {
                self.object(kind, &|slot| slot.kept(members), version);
            }
            (Kind::List(kind), Value::Array(items)) => {
                self.items(items, |layout, item| layout.modelled(*kind, item, version));
            }
            (
                Kind::Object(_)
                | Kind::List(_)
                | Kind::Text
                | Kind::Boolean
                | Kind::Int32
                | Kind::Int64
                | Kind::Double
                | Kind::Duration
                | Kind::Instant
                | Kind::Choice(_)
                | Kind::Raw,
                _,
            ) => self.value(value),
        }
    }

    /// An array inside a resource.
    fn items(&mut self, items: &[Value], mut item: impl FnMut(&mut Self, &Value)) {
        if items.is_empty() {
            return self.literal("[]");
        }
        self.begin_array();
        for value in items {
            item(self, value);
        }
        self.end_array();
    }

    fn literal(&mut self, text: &str) {
        self.separate();
        self.out.extend_from_slice(text.as_bytes());
    }

    fn begin(&mut self, bracket: u8) {
        self.separate();
        self.out.push(bracket);
        self.depth += 1;
        self.break_line();
        self.last = Piece::Opening;
    }

    fn end(&mut self, bracket: u8) {
        self.depth = self.depth.saturating_sub(1);
        self.break_line();
        self.out.push(bracket);
        self.last = Piece::Value;
    }

    /// Goes before every key and every value.
    fn separate(&mut self) {
        match self.last {
            Piece::Opening | Piece::Key => {}
            Piece::Value => self.out.push(b','),
        }
        self.last = Piece::Value;
    }

    fn break_line(&mut self) {
        self.out.extend_from_slice(b"\r\n");
        let indented = self.out.len() + 2 * self.depth;
        self.out.resize(indented, b' ');
    }
}

/// A place for `core::fmt` to write to, where what it writes becomes part of a JSON text.
struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

/// A place for `core::fmt` to write to what needs no escape.
struct Plain<'a>(&'a mut Vec<u8>);

impl fmt::Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Appends a part of a JSON text, escaped as the service does.
fn escape(out: &mut Vec<u8>, text: &str) {
    // Looking at all bytes without stopping is several times faster than a search, and mostly enough.
    if has_special(text.as_bytes()) {
        escape_specials(out, text);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Copies what may stand in a JSON text in runs, and escapes the rest: everything above 0x7F too, though
/// JSON would not ask for it (W2).
#[cold]
fn escape_specials(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    // What is skipped is ASCII, so the place is between two characters.
    while let Some((plain, special)) =
        rest.bytes().position(is_special).and_then(|at| rest.split_at_checked(at))
    {
        out.extend_from_slice(plain.as_bytes());
        let mut characters = special.chars();
        if let Some(character) = characters.next() {
            escape_character(out, character);
        }
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

/// Whether a text has a byte that is to be escaped. It looks at blocks whose length the compiler knows, the
/// last of which overlaps the one before, because it can look at all bytes of such a block together.
fn has_special(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<16>();
    blocks.iter().any(is_special_in)
        || match (text.last_chunk::<16>(), rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
            (Some(last), _, _) => is_special_in(last),
            (None, Some(first), Some(last)) => is_special_in(first) || is_special_in(last),
            (None, _, _) => rest.iter().any(|byte| is_special(*byte)),
        }
}

fn is_special_in<const N: usize>(block: &[u8; N]) -> bool {
    block.iter().fold(0, |found, byte| found | u8::from(is_special(*byte))) != 0
}

#[allow(clippy::needless_bitwise_bool, reason = "without branches the compiler compares many bytes at once")]
fn is_special(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\') | (byte >= 0x80)
}

fn escape_character(out: &mut Vec<u8>, character: char) {
    let short = match character {
        '"' => b'"',
        '\\' => b'\\',
        '\u{8}' => b'b',
        '\t' => b't',
        '\n' => b'n',
        '\u{C}' => b'f',
        '\r' => b'r',
        _ => return escape_units(out, character),
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// `\u` and four digits for each UTF-16 unit, which is two times for what needs a surrogate pair.
fn escape_units(out: &mut Vec<u8>, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(b"\\u");
        for shift in [12, 8, 4, 0] {
            let digit = (*unit >> shift & 0xF) as u8;
            out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        }
    }
}

/// A message as the service ends it, and as error bodies and items of a collection show it (W3).
pub(in crate::rest) struct Message {
    text: &'static str,
    time: Digits,
}

impl Message {
    pub(in crate::rest) fn new(text: &'static str, time: Timestamp) -> Self {
        Self { text, time: time.iso8601_padded_text() }
    }

    pub(in crate::rest) fn pieces<'a>(&'a self, request_id: &'a str) -> [&'a str; 7] {
        [self.text, "\n", "RequestId:", request_id, "\n", "Time:", self.time.as_str()]
    }
}

#[cfg(test)]
mod tests;
