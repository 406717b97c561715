//! What the indexes do with sorted sets and maps.

use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Bound;

/// Everything after a key, or all.
pub(crate) fn range_after<K>(after: Option<&K>) -> (Bound<&K>, Bound<&K>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

/// Puts something into a set or takes it out.
pub(crate) fn set_member<K: Clone + Ord>(set: &mut BTreeSet<K>, key: &K, is_member: bool) {
    if is_member {
        set.insert(key.clone());
    } else {
        set.remove(key);
    }
}

/// Takes something out of one of many sets. A set that becomes empty is removed.
pub(crate) fn remove_from<K: Ord, V: Ord>(sets: &mut BTreeMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(set) = sets.get_mut(key) {
        set.remove(value);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}
