//! What can go wrong with a store.

use std::{error::Error, fmt, sync::Arc};

/// A store cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has it open, or this one has.
    InUse,
    /// What is in the file does not fit together.
    Damaged(String),
    /// It was written in another format.
    OtherFormat {
        /// The format of the file.
        found: u64,
        /// The format of this version.
        expected: u64,
    },
    /// The disk or the system fails.
    Failed(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => formatter.write_str("another process has the store open; end it first"),
            Self::Damaged(why) => write!(
                formatter,
                "the store is damaged ({why}); restore the folder from a copy, or move it away to start with an \
                 empty account"
            ),
            Self::OtherFormat { found, expected } => write!(
                formatter,
                "the store has the format {found}, and this version reads the format {expected}; \
                 use the version that wrote it, or move the folder away to start with an empty account"
            ),
            Self::Failed(why) => formatter.write_str(why),
        }
    }
}

impl Error for OpenError {}

/// The disk failed. Nothing is written after that.
#[derive(Clone, Debug)]
pub struct StoreError(Arc<str>);

impl StoreError {
    pub(super) fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string().into())
    }
}

/// The operations of the database have different errors, and each means the same here.
macro_rules! from_database_error {
    ($($error:ty),*) => {
        $(impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                Self::new(error)
            }
        })*
    };
}

from_database_error!(redb::CommitError, redb::StorageError, redb::TableError, redb::TransactionError);

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the store has failed: {}", self.0)
    }
}

impl Error for StoreError {}
