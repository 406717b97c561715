//! What a resource shows, property by property.
//!
//! A resource is a function that fills a [`Slot`] with the property that the slot is for. Answers are
//! printed and filters are decided by calling it, so each property is found in one place and only the ones
//! that are needed are looked at.

use alloc::string::String;
use core::fmt::{self, Display, Write};

use serde_json::{Map, Value};

use crate::{
    TimeSpan, Timestamp,
    rest::odata::model::{Kind, Name},
};

/// A resource, or an object in one.
pub(in crate::rest) type Resource<'a> = &'a dyn Fn(&mut Slot<'_>);

/// The items of a list, handed over one after the other.
pub(in crate::rest) type Items<'a> = &'a dyn Fn(Take<'_>);

/// Where a value goes.
pub(in crate::rest) type Take<'a> = &'a mut dyn FnMut(&Shown<'_>);

/// The place for one property of a resource.
///
/// The first value that comes counts; what comes after it is ignored, so what the crate knows is given
/// before what was kept as it came.
pub(in crate::rest) struct Slot<'a> {
    name: Name,
    is_filled: bool,
    take: Take<'a>,
}

/// A value of a property or of an item of a list.
pub(in crate::rest) enum Shown<'a> {
    Text(&'a str),
    /// A text in pieces.
    Joined(&'a [&'a str]),
    /// A text: the written form of something.
    Written(&'a dyn Display),
    Boolean(bool),
    Integer(i64),
    Instant(Timestamp),
    Duration(TimeSpan),
    Object(Resource<'a>),
    List(Items<'a>),
    /// What was kept as it came. It is not null.
    Json(&'a Value),
}

/// Fills a slot with what stands beside its name.
macro_rules! fill {
    ($slot:ident { $($text:literal => $fill:expr,)* }) => {
        $(if $slot.name() == $crate::rest::odata::model::name!($text) { $fill; } else)* {}
    };
}
pub(in crate::rest) use fill;

impl<'a> Slot<'a> {
    /// A slot that hands over what it is filled with, if it is.
    pub(in crate::rest) fn new(name: Name, take: Take<'a>) -> Self {
        Self { name, is_filled: false, take }
    }

    /// The property that the slot is for.
    pub(in crate::rest) fn name(&self) -> Name {
        self.name
    }

    pub(in crate::rest) fn text<'t>(&mut self, text: impl Into<Option<&'t str>>) {
        if let Some(text) = text.into() {
            self.fill(&Shown::Text(text));
        }
    }

    pub(in crate::rest) fn joined(&mut self, pieces: &[&str]) {
        self.fill(&Shown::Joined(pieces));
    }

    pub(in crate::rest) fn written(&mut self, value: &dyn Display) {
        self.fill(&Shown::Written(value));
    }

    pub(in crate::rest) fn boolean(&mut self, value: bool) {
        self.fill(&Shown::Boolean(value));
    }

    /// A number that is out of the range of 64 bits is shown as the greatest in it.
    pub(in crate::rest) fn integer(&mut self, number: impl TryInto<i64>) {
        self.fill(&Shown::Integer(number.try_into().unwrap_or(i64::MAX)));
    }

    pub(in crate::rest) fn instant(&mut self, at: impl Into<Option<Timestamp>>) {
        if let Some(at) = at.into() {
            self.fill(&Shown::Instant(at));
        }
    }

    pub(in crate::rest) fn duration(&mut self, span: impl Into<Option<TimeSpan>>) {
        if let Some(span) = span.into() {
            self.fill(&Shown::Duration(span));
        }
    }

    pub(in crate::rest) fn object(&mut self, object: Resource<'_>) {
        self.fill(&Shown::Object(object));
    }

    pub(in crate::rest) fn list(&mut self, items: Items<'_>) {
        self.fill(&Shown::List(items));
    }

    /// A null fills the slot with nothing.
    pub(in crate::rest) fn json(&mut self, value: &Value) {
        if value.is_null() {
            self.is_filled = true;
        } else {
            self.fill(&Shown::Json(value));
        }
    }

    /// What was kept as it came, if there is something of the slot's name.
    pub(in crate::rest) fn kept(&mut self, kept: &Map<String, Value>) {
        if self.is_filled || kept.is_empty() {
            return;
        }
        if let Some(value) = kept.get(self.name.as_str()) {
            self.json(value);
        }
    }

    fn fill(&mut self, shown: &Shown<'_>) {
        if !self.is_filled {
            self.is_filled = true;
            (self.take)(shown);
        }
    }
}

impl Shown<'_> {
    /// Calls back with an object.
    pub(in crate::rest) fn with_object(&self, see: impl FnOnce(Resource<'_>)) {
        match self {
            Self::Object(object) => see(object),
            Self::Json(Value::Object(members)) => see(&|slot| slot.kept(members)),
            Self::Text(_)
            | Self::Joined(_)
            | Self::Written(_)
            | Self::Boolean(_)
            | Self::Integer(_)
            | Self::Instant(_)
            | Self::Duration(_)
            | Self::List(_)
            | Self::Json(_) => {}
        }
    }

    pub(in crate::rest) fn as_boolean(&self) -> Option<bool> {
        if let Self::Boolean(value) = self { Some(*value) } else { self.json()?.as_bool() }
    }

    /// `OData` 3 writes integers of 64 bits as texts.
    pub(in crate::rest) fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self {
            return Some(*number);
        }
        let json = self.json()?;
        json.as_i64().or_else(|| json.as_str()?.parse().ok())
    }

    /// The crate itself knows no property of this kind.
    pub(in crate::rest) fn as_double(&self) -> Option<f64> {
        self.json()?.as_f64()
    }

    pub(in crate::rest) fn as_instant(&self) -> Option<Timestamp> {
        if let Self::Instant(at) = self {
            return Some(*at);
        }
        Timestamp::parse_iso8601(self.json()?.as_str()?).ok()
    }

    pub(in crate::rest) fn as_duration(&self) -> Option<TimeSpan> {
        if let Self::Duration(span) = self {
            return Some(*span);
        }
        TimeSpan::parse(self.json()?.as_str()?).ok()
    }

    /// What was kept as it came.
    fn json(&self) -> Option<&Value> {
        if let Self::Json(value) = self { Some(value) } else { None }
    }

    /// Writes a text; `None` if the value is not a text. The error is the writer's.
    pub(in crate::rest) fn write_text(&self, to: &mut impl Write) -> Option<fmt::Result> {
        match self {
            Self::Text(text) => Some(to.write_str(text)),
            Self::Joined(pieces) => Some(pieces.iter().try_for_each(|piece| to.write_str(piece))),
            Self::Written(value) => Some(write!(to, "{value}")),
            Self::Json(value) => value.as_str().map(|text| to.write_str(text)),
            Self::Boolean(_)
            | Self::Integer(_)
            | Self::Instant(_)
            | Self::Duration(_)
            | Self::Object(_)
            | Self::List(_) => None,
        }
    }

    /// Whether a model that says this kind is right. Of what was kept, reading it has made sure.
    pub(in crate::rest) fn is_of(&self, kind: Kind) -> bool {
        match self {
            Self::Text(_) | Self::Joined(_) | Self::Written(_) => {
                matches!(kind, Kind::Text | Kind::Choice(_))
            }
            Self::Boolean(_) => matches!(kind, Kind::Boolean),
            Self::Integer(_) => matches!(kind, Kind::Int32 | Kind::Int64),
            Self::Instant(_) => matches!(kind, Kind::Instant),
            Self::Duration(_) => matches!(kind, Kind::Duration),
            Self::Object(_) => matches!(kind, Kind::Object(_)),
            Self::List(_) => matches!(kind, Kind::List(_)),
            Self::Json(_) => true,
        }
    }
}

#[cfg(test)]
mod tests;
