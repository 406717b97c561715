//! The ids of jobs, job schedules, tasks, pools and nodes: checked once, then cheap to clone.
//!
//! The service keeps an id as it was written and compares it without case (S4), so every id here
//! orders, compares and hashes without case and prints as it came.

use core::{cmp::Ordering, fmt, hash, str::FromStr};

use ecow::{EcoString, eco_format};

/// Text that is not a valid id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to 64 characters (a node's 128), each a letter, a digit, a hyphen or an underscore")]
pub struct InvalidId;

/// An id's text, ordered and compared without case (S4).
#[derive(Clone)]
struct Caseless(EcoString);

impl PartialEq for Caseless {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Caseless {}

impl Ord for Caseless {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right) = (self.0.as_bytes(), other.0.as_bytes());
        match (left.last_chunk(), right.last_chunk()) {
            // Ids that are compared often have one length. Their last words are whole if they overlap the words
            // before them.
            (Some(left_end), Some(right_end)) if left.len() == right.len() => {
                let words = left.as_chunks().0.iter().zip(right.as_chunks().0);
                let mut orders = words.map(|(left, right)| compare(whole(*left), whole(*right)));
                let differs = orders.find(|order| order.is_ne());
                differs.unwrap_or_else(|| compare(whole(*left_end), whole(*right_end)))
            }
            _ => compare_words(left, right),
        }
    }
}

/// Compares texts of any lengths.
fn compare_words(mut left: &[u8], mut right: &[u8]) -> Ordering {
    loop {
        let order = compare(word(left), word(right));
        if order.is_ne() {
            return order;
        }
        // Ids have no zero bytes, so words that are equal and not full are the ends of both.
        match (left.get(WORD_BYTES..), right.get(WORD_BYTES..)) {
            (Some(left_rest), Some(right_rest)) => (left, right) = (left_rest, right_rest),
            (None | Some(_), None) | (None, Some(_)) => return Ordering::Equal,
        }
    }
}

#[inline]
fn compare(left: u64, right: u64) -> Ordering {
    if left == right { Ordering::Equal } else { lower_case(left).cmp(&lower_case(right)) }
}

#[inline]
const fn whole(word: [u8; WORD_BYTES]) -> u64 {
    u64::from_be_bytes(word)
}

impl PartialOrd for Caseless {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl hash::Hash for Caseless {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.as_bytes().chunks(WORD_BYTES).for_each(|text| state.write_u64(lower_case(word(text))));
        state.write_u8(0xFF);
    }
}

const WORD_BYTES: usize = size_of::<u64>();

/// The first eight bytes of a text, filled up with zeros. As numbers, such words are in the order of the
/// text. Most of the work of a call is to look ids up, so eight bytes are compared at once.
#[inline]
fn word(text: &[u8]) -> u64 {
    match (text.first_chunk(), text.first_chunk(), text.last_chunk()) {
        (Some(word), _, _) => u64::from_be_bytes(*word),
        // Four to seven bytes: the two halves overlap.
        (None, Some(first), Some(last)) => {
            let unused_bits = u64::BITS as usize - 8 * text.len();
            let (first, last) = (u32::from_be_bytes(*first), u32::from_be_bytes(*last));
            (u64::from(first) << 32) | (u64::from(last) << unused_bits)
        }
        (None, _, _) => match *text {
            [] => 0,
            [a] => u64::from_be_bytes([a, 0, 0, 0, 0, 0, 0, 0]),
            [a, b] => u64::from_be_bytes([a, b, 0, 0, 0, 0, 0, 0]),
            [a, b, c, ..] => u64::from_be_bytes([a, b, c, 0, 0, 0, 0, 0]),
        },
    }
}

/// Eight bytes of ASCII in lower case.
#[inline]
const fn lower_case(word: u64) -> u64 {
    const EACH_BYTE: u64 = u64::from_ne_bytes([1; 8]);
    // No sum is carried to the next byte, because ASCII has seven bits. The eighth bit says whether a byte
    // is at least `A`, or above `Z`.
    let from_a = word + (0x80 - b'A' as u64) * EACH_BYTE;
    let after_z = word + (0x7F - b'Z' as u64) * EACH_BYTE;
    let is_upper = (from_a ^ after_z) & (0x80 * EACH_BYTE);
    word | (is_upper >> 2)
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_prefix(text: &str) -> bool {
    text.len() <= 20 && is_id(text)
}

/// The host names nodes, and the service's own names have 72 characters, so more are allowed (B5).
fn is_node_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.as_bytes().chunks(64).all(|part| core::str::from_utf8(part).is_ok_and(is_id))
}

/// The ids of jobs that a schedule made: `schedule:job-N`.
fn is_job_id(text: &str) -> bool {
    match text.split_once(':') {
        None => is_id(text),
        Some((schedule, job)) => {
            is_id(schedule)
                && job.strip_prefix("job-").is_some_and(|number| {
                    (1..=10).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
                })
        }
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $is_valid:ident) => {
        $(#[$doc])*
        ///
        /// It keeps its case and is compared without it ([S4](crate::evidence#s4)). A clone shares the text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Caseless);

        impl $name {
            /// Checks text.
            ///
            /// # Errors
            /// [`InvalidId`] if the text is not a valid id, see the type.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                if $is_valid(text) { Ok(Self(Caseless(text.into()))) } else { Err(InvalidId) }
            }

            /// The id as it was written when the resource was made.
            pub fn as_str(&self) -> &str {
                &self.0.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::stored::parsed(deserializer, Self::new)
            }
        }
    };
}

id!(
    /// The id of a job: 1 to 64 letters, digits, hyphens and underscores; or `SCHEDULE:job-N` for a job of
    /// a schedule, where `SCHEDULE` is such an id and `N` has 1 to 10 digits.
    JobId,
    is_job_id
);
id!(
    /// The id of a job schedule: 1 to 64 letters, digits, hyphens and underscores.
    JobScheduleId,
    is_id
);
id!(
    /// The id of a task, unique within its job: 1 to 64 letters, digits, hyphens and underscores.
    TaskId,
    is_id
);
id!(
    /// The id of a pool: 1 to 64 letters, digits, hyphens and underscores.
    PoolId,
    is_id
);
id!(
    /// What the ids of auto pools begin with: 1 to 20 letters, digits, hyphens and underscores.
    PoolIdPrefix,
    is_prefix
);
id!(
    /// The id of a node, unique within the account: 1 to 128 letters, digits, hyphens and underscores. The
    /// host names nodes.
    NodeId,
    is_node_id
);

impl JobScheduleId {
    /// The id of a job of the schedule ([L2](crate::evidence#l2)). The first job has the number 1.
    pub fn job(&self, number: u32) -> JobId {
        JobId(Caseless(eco_format!("{self}:job-{number}")))
    }

    /// The id that a job would have with this text ([L9](crate::evidence#l9)).
    pub(crate) fn same_job(&self) -> JobId {
        JobId(self.0.clone())
    }
}

impl JobId {
    /// The id of the schedule that made the job, if one did.
    pub fn schedule(&self) -> Option<JobScheduleId> {
        let (schedule, _) = self.as_str().split_once(':')?;
        Some(JobScheduleId(Caseless(schedule.into())))
    }

    /// Whether the job is one of this schedule's.
    pub(crate) fn is_of(&self, schedule: &JobScheduleId) -> bool {
        self.as_str().split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case(schedule.as_str()))
    }

    /// The only schedule beside which a job of this id cannot be added: that of the same id, or the one
    /// that makes jobs of such ids ([L9](crate::evidence#l9)).
    pub(crate) fn related_schedule(&self) -> Option<JobScheduleId> {
        self.schedule().or_else(|| JobScheduleId::new(self.as_str()).ok())
    }

    /// The job's number among those of its schedule ([L2](crate::evidence#l2)).
    pub(crate) fn number(&self) -> Option<u32> {
        self.as_str().split_once(":job-")?.1.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use super::*;

    fn caseless(text: &str) -> Caseless {
        Caseless(text.into())
    }

    fn hash_of(text: &str) -> u64 {
        #[derive(Default)]
        struct Sum(u64);
        impl hash::Hasher for Sum {
            fn finish(&self) -> u64 {
                self.0
            }
            fn write(&mut self, bytes: &[u8]) {
                for byte in bytes {
                    self.0 = self.0.wrapping_mul(31).wrapping_add(u64::from(*byte));
                }
            }
        }
        let mut hasher = Sum::default();
        hash::Hash::hash(&caseless(text), &mut hasher);
        hash::Hasher::finish(&hasher)
    }

    /// Texts of many lengths that differ in one place, by the first and last characters of each kind.
    fn texts() -> Vec<String> {
        let characters = ['-', '9', 'A', 'Z', '_', 'a', 'z'];
        let lengths = [1, 3, 4, 7, 8, 9, 17_usize]
            .into_iter()
            .flat_map(|length| (0..length).map(move |place| (length, place)));
        let texts = lengths.flat_map(|(length, place)| {
            characters.map(|different| {
                let character = |at| if at == place { different } else { 'k' };
                (0..length).map(character).collect()
            })
        });
        texts.collect()
    }

    /// S4
    #[test]
    fn ids_are_ordered_and_compared_as_their_text_in_lower_case() {
        for left in texts() {
            for right in texts() {
                let expected = left.to_ascii_lowercase().cmp(&right.to_ascii_lowercase());
                let (is_equal, order) =
                    (caseless(&left) == caseless(&right), caseless(&left).cmp(&caseless(&right)));
                assert_eq!((order, is_equal), (expected, expected.is_eq()), "{left} {right}");
                if expected.is_eq() {
                    assert_eq!(hash_of(&left), hash_of(&right), "{left} {right}");
                }
            }
        }
    }

    /// On big-endian targets they take a pointer more.
    #[cfg(target_endian = "little")]
    #[test]
    fn ids_take_sixteen_bytes() {
        assert_eq!(size_of::<TaskId>(), 16);
    }
}
