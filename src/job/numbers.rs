//! Sets of whole numbers that are mostly runs, for dependencies on ranges of tasks (K9).

use alloc::collections::BTreeMap;

/// A set of numbers, kept as its longest runs: whether a range is in it takes one look-up, however
/// long the range is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Numbers(BTreeMap<u32, u32>);

impl Numbers {
    /// Whether every number of a range, both ends included, is in the set. An empty range is.
    pub(super) fn covers(&self, start: u32, end: u32) -> bool {
        start > end || self.run_of(start).is_some_and(|(_, last)| end <= last)
    }

    /// The first number of a range, both ends included, that is not in the set.
    pub(super) fn first_outside(&self, start: u32, end: u32) -> Option<u32> {
        let first = self.run_of(start).map_or(Some(start), |(_, last)| last.checked_add(1));
        first.filter(|first| *first <= end)
    }

    /// Puts a number into the set, or takes it out.
    pub(super) fn set(&mut self, number: u32, is_in: bool) {
        match (self.run_of(number), is_in) {
            (None, true) => self.insert(number),
            (Some(run), false) => self.remove(number, run),
            (None, false) | (Some(_), true) => {}
        }
    }

    /// The run that a number is in, by its ends.
    fn run_of(&self, number: u32) -> Option<(u32, u32)> {
        let (first, last) = self.0.range(..=number).next_back()?;
        (number <= *last).then_some((*first, *last))
    }

    fn insert(&mut self, number: u32) {
        let before = number.checked_sub(1).and_then(|before| self.run_of(before));
        let after = number.checked_add(1).and_then(|after| self.run_of(after));
        if let Some((first, _)) = after {
            self.0.remove(&first);
        }
        let first = before.map_or(number, |(first, _)| first);
        let last = after.map_or(number, |(_, last)| last);
        self.0.insert(first, last);
    }

    fn remove(&mut self, number: u32, (first, last): (u32, u32)) {
        self.0.remove(&first);
        if first < number {
            self.0.insert(first, number - 1);
        }
        if number < last {
            self.0.insert(number + 1, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        /// K9: what a plain set of numbers says.
        #[test]
        fn runs_are_a_set(changes in vec((0..12_u32, any::<bool>()), 0..60), shift in prop_oneof![Just(0), Just(u32::MAX - 11)]) {
            let (mut runs, mut set) = (Numbers::default(), BTreeSet::new());
            for (number, is_in) in changes {
                runs.set(shift + number, is_in);
                if is_in { set.insert(shift + number); } else { set.remove(&(shift + number)); }
            }
            for start in 0..12 {
                for end in 0..12 {
                    let all = (start..=end).all(|number| set.contains(&(shift + number)));
                    prop_assert_eq!(runs.covers(shift + start, shift + end), all);
                    let outside = (start..=end).map(|number| shift + number).find(|number| !set.contains(number));
                    prop_assert_eq!(runs.first_outside(shift + start, shift + end), outside);
                }
            }
        }
    }
}
