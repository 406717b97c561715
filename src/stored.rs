//! Reading stored maps strictly, stored ids without a copy, and the number of the format.

use alloc::collections::BTreeMap;
use core::{
    fmt::{self, Display},
    marker::PhantomData,
};

use serde::{
    Serialize, Serializer,
    de::{Deserialize, Deserializer, Error, MapAccess, Visitor},
};

/// The number of the format in which something is stored. Only `FORMAT` can be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Format<const FORMAT: u32>;

impl<const FORMAT: u32> Serialize for Format<FORMAT> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(FORMAT)
    }
}

impl<'de, const FORMAT: u32> Deserialize<'de> for Format<FORMAT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = u32::deserialize(deserializer)?;
        if stored == FORMAT {
            return Ok(Self);
        }
        Err(D::Error::custom(format_args!(
            "stored in format {stored}, but this version reads format {FORMAT}"
        )))
    }
}

/// Reads a map, and refuses two entries of one key: ids that differ only in case are one (S4), and one
/// of the two would be lost.
pub(crate) fn map<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(MapVisitor(PhantomData))
}

struct MapVisitor<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for MapVisitor<K, V> {
    type Value = BTreeMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry()? {
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("two entries have one id"));
            }
        }
        Ok(map)
    }
}

/// Reads what is stored as its text, which is parsed without a copy of it.
pub(crate) fn parsed<'de, D, T, E>(
    deserializer: D,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: Display,
{
    deserializer.deserialize_str(TextVisitor(parse))
}

struct TextVisitor<F>(F);

impl<T, E: Display, F: Fn(&str) -> Result<T, E>> Visitor<'_> for TextVisitor<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<Invalid: Error>(self, text: &str) -> Result<T, Invalid> {
        (self.0)(text).map_err(Invalid::custom)
    }
}
