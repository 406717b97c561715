//! The ids of jobs, job schedules, tasks, pools and nodes: checked once, then cheap to clone.
//!
//! The service keeps an id as it was written and compares it without case (S4), so every id here
//! orders, compares and hashes without case and prints as it came.

use alloc::{format, sync::Arc};
use core::{cmp::Ordering, fmt, hash, str::FromStr};

/// Text that is not a valid id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to 64 characters (a node's 128), each a letter, a digit, a hyphen or an underscore")]
pub struct InvalidId;

/// An id's text, ordered and compared without case (S4).
#[derive(Clone)]
struct Caseless(Arc<str>);

impl Caseless {
    fn folded(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl PartialEq for Caseless {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Caseless {}

impl Ord for Caseless {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl PartialOrd for Caseless {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl hash::Hash for Caseless {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.folded().for_each(|byte| state.write_u8(byte));
        state.write_u8(0xFF);
    }
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
                let text = alloc::string::String::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
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
        JobId(Caseless(format!("{self}:job-{number}").into()))
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
