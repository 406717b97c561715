//! JSON whose objects keep the order of their keys, for answers that must come in a certain order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A JSON value; two are equal only if their keys stand in the same order too.
#[derive(Clone, PartialEq)]
pub enum Ordered {
    Object(Vec<(String, Ordered)>),
    Array(Vec<Ordered>),
    Plain(Value),
}

impl Ordered {
    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            Self::Array(_) | Self::Plain(_) => None,
        }
    }

    /// The names of an object's members, in their order.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Object(members) => members.iter().map(|(name, _)| name.as_str()).collect(),
            Self::Array(_) | Self::Plain(_) => Vec::new(),
        }
    }

    /// Where another value differs first, by its JSON pointer, and what stands there in both.
    pub fn first_difference(&self, other: &Self) -> Option<(String, String, String)> {
        match (self, other) {
            (Self::Object(mine), Self::Object(others)) => {
                for (place, (name, value)) in mine.iter().enumerate() {
                    let Some(found) = other.get(name) else {
                        return Some((step_to(name), value.to_string(), "nothing".into()));
                    };
                    if others.get(place).is_none_or(|(other, _)| other != name) {
                        return Some((step_to(name), "another order".into(), other.to_string()));
                    }
                    if let Some((pointer, old, new)) = value.first_difference(found) {
                        return Some((step_to(name) + &pointer, old, new));
                    }
                }
                let (name, more) = others.get(mine.len())?;
                Some((step_to(name), "nothing".into(), more.to_string()))
            }
            (Self::Array(mine), Self::Array(others)) if mine.len() == others.len() => {
                let mut pairs = mine.iter().zip(others).enumerate();
                pairs.find_map(|(index, (mine, other))| {
                    let (pointer, old, new) = mine.first_difference(other)?;
                    Some((format!("/{index}{pointer}"), old, new))
                })
            }
            _ if self == other => None,
            _ => Some((String::new(), self.to_string(), other.to_string())),
        }
    }

    /// A member of an array.
    pub fn item(&self, index: usize) -> Option<&Self> {
        match self {
            Self::Array(items) => items.get(index),
            Self::Object(_) | Self::Plain(_) => None,
        }
    }

    /// How many members or items it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Object(members) => members.len(),
            Self::Array(items) => items.len(),
            Self::Plain(_) => 0,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Plain(value) => value.as_str(),
            Self::Object(_) | Self::Array(_) => None,
        }
    }

    /// What of it leads to a JSON pointer: in objects one member, and in arrays all items, of which the others are
    /// empty if they are objects.
    pub fn towards(&self, pointer: &str) -> Option<Self> {
        let Some((name, rest)) = pointer.strip_prefix('/').map(|names| names.split_at(name_length(names)))
        else {
            return Some(self.clone());
        };
        match self {
            Self::Object(_) => {
                let name = name.replace("~1", "/").replace("~0", "~");
                Some(Self::object(&name, self.get(&name)?.towards(rest)?))
            }
            Self::Array(items) => {
                let place: usize = name.parse().ok()?;
                let emptied = |item: &Self| match item {
                    Self::Object(_) => Some(Self::Object(Vec::new())),
                    Self::Array(_) | Self::Plain(_) => Some(item.clone()),
                };
                let towards = |(index, item): (usize, &Self)| {
                    if index == place { item.towards(rest) } else { emptied(item) }
                };
                items.iter().enumerate().map(towards).collect::<Option<_>>().map(Self::Array)
            }
            Self::Plain(_) => None,
        }
    }

    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Plain(text.into())
    }

    /// An object with one member.
    pub fn object(name: &str, value: Self) -> Self {
        Self::Object(vec![(name.into(), value)])
    }
}

/// The part of a JSON pointer that leads to a member (RFC 6901).
pub fn step_to(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// How long the first name of a JSON pointer without its slash is.
fn name_length(names: &str) -> usize {
    names.find('/').unwrap_or(names.len())
}

/// Changes.
impl Ordered {
    /// A member of an object.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Object(members) => members.iter_mut().find(|(key, _)| key == name).map(|(_, value)| value),
            Self::Array(_) | Self::Plain(_) => None,
        }
    }

    /// The items of an array.
    pub fn items_mut(&mut self) -> Option<&mut Vec<Self>> {
        match self {
            Self::Array(items) => Some(items),
            Self::Object(_) | Self::Plain(_) => None,
        }
    }

    /// Removes a member of an object.
    pub fn remove(&mut self, name: &str) -> Option<Self> {
        let Self::Object(members) = self else { return None };
        let place = members.iter().position(|(key, _)| key == name)?;
        Some(members.remove(place).1)
    }

    /// Sets a member of an object, at its place or at the end.
    pub fn set(&mut self, name: &str, value: Self) {
        let Self::Object(members) = self else { return };
        match members.iter_mut().find(|(key, _)| key == name) {
            Some((_, member)) => *member = value,
            None => members.push((name.into(), value)),
        }
    }

    /// How many members and items there are at any depth.
    pub fn places(&self) -> usize {
        match self {
            Self::Object(members) => members.iter().map(|(_, value)| 1 + value.places()).sum(),
            Self::Array(items) => items.iter().map(|item| 1 + item.places()).sum(),
            Self::Plain(_) => 0,
        }
    }

    /// Removes one of them; each counts before what is in it.
    pub fn remove_place(&mut self, mut place: usize) -> Option<()> {
        let children: Vec<usize> = match self {
            Self::Object(members) => members.iter().map(|(_, value)| value.places()).collect(),
            Self::Array(items) => items.iter().map(Self::places).collect(),
            Self::Plain(_) => return None,
        };
        for (index, within) in children.into_iter().enumerate() {
            if place > within {
                place -= within + 1;
                continue;
            }
            return match (self, place.checked_sub(1)) {
                (Self::Object(members), Some(place)) => members.get_mut(index)?.1.remove_place(place),
                (Self::Array(items), Some(place)) => items.get_mut(index)?.remove_place(place),
                (Self::Object(members), None) => {
                    members.remove(index);
                    Some(())
                }
                (Self::Array(items), None) => {
                    items.remove(index);
                    Some(())
                }
                (Self::Plain(_), _) => None,
            };
        }
        None
    }
}

impl fmt::Debug for Ordered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(members) => {
                f.debug_map().entries(members.iter().map(|(key, value)| (key, value))).finish()
            }
            Self::Array(items) => f.debug_list().entries(items).finish(),
            Self::Plain(value) => write!(f, "{value}"),
        }
    }
}

impl fmt::Display for Ordered {
    /// JSON on one line; with `{:#}` on many, as `json.dumps(..., indent=1)` of Python writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, f.alternate().then_some(0))
    }
}

impl Ordered {
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: Option<usize>) -> fmt::Result {
        let within = depth.map(|depth| depth + 1);
        match self {
            Self::Object(members) if !members.is_empty() => {
                f.write_str("{")?;
                for (place, (name, value)) in members.iter().enumerate() {
                    separate(f, place > 0, within)?;
                    write!(f, "{}: ", Value::from(name.as_str()))?;
                    value.write(f, within)?;
                }
                close(f, "}", depth)
            }
            Self::Array(items) if !items.is_empty() => {
                f.write_str("[")?;
                for (place, item) in items.iter().enumerate() {
                    separate(f, place > 0, within)?;
                    item.write(f, within)?;
                }
                close(f, "]", depth)
            }
            Self::Object(_) => f.write_str("{}"),
            Self::Array(_) => f.write_str("[]"),
            Self::Plain(value) => write!(f, "{value}"),
        }
    }
}

/// What stands before a member or an item.
fn separate(f: &mut fmt::Formatter<'_>, is_later: bool, depth: Option<usize>) -> fmt::Result {
    match (is_later, depth) {
        (true, Some(depth)) => write!(f, ",\n{:depth$}", ""),
        (false, Some(depth)) => write!(f, "\n{:depth$}", ""),
        (true, None) => f.write_str(", "),
        (false, None) => Ok(()),
    }
}

fn close(f: &mut fmt::Formatter<'_>, end: &str, depth: Option<usize>) -> fmt::Result {
    match depth {
        Some(depth) => write!(f, "\n{:depth$}{end}", ""),
        None => f.write_str(end),
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrderedVisitor)
    }
}

struct OrderedVisitor;

impl<'de> Visitor<'de> for OrderedVisitor {
    type Value = Ordered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Ordered::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Ordered, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Ordered::Array(items))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Ordered, E> {
        Ok(Ordered::Plain(Value::Null))
    }
}
