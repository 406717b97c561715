//! What Raft is made of here. A group's log has batches of commands, which Raft itself does not read.

use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error, SeqAccess, Visitor},
};

/// The number of a member of the cluster.
pub type MemberId = u64;

openraft::declare_raft_types!(
    /// The types of every group.
    pub Types:
        D = Bytes,
        R = Bytes,
        NodeId = MemberId,
        Node = openraft::BasicNode,
        Entry = openraft::Entry<Types>,
        SnapshotData = Vec<u8>,
        AsyncRuntime = openraft::TokioRuntime,
);

pub type LogId = openraft::LogId<MemberId>;
pub type StorageError = openraft::StorageError<MemberId>;
pub type Snapshot = openraft::Snapshot<Types>;
pub type SnapshotMeta = openraft::SnapshotMeta<MemberId, openraft::BasicNode>;
pub type Membership = openraft::StoredMembership<MemberId, openraft::BasicNode>;

/// The number of the format of what is in logs and between members.
const FORMAT: u8 = 2;

/// Encoded data, which is stored and sent as it is. Copies share it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Arc<[u8]>);

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("it is in format {0}, but this version reads format {FORMAT}")]
    OtherFormat(u8),
    #[error("it is empty")]
    Empty,
    #[error(transparent)]
    Damaged(#[from] postcard::Error),
}

/// Encodes something, with the number of the format before it.
///
/// # Errors
/// It has no encoding.
pub fn encode(value: &impl Serialize) -> Result<Vec<u8>, Unreadable> {
    Ok(postcard::to_extend(value, vec![FORMAT])?)
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// It is in another format, or damaged.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => Ok(postcard::from_bytes(rest)?),
        Some((&format, _)) => Err(Unreadable::OtherFormat(format)),
        None => Err(Unreadable::Empty),
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Bytes, A::Error> {
        let mut all = Vec::new();
        while let Some(byte) = bytes.next_element()? {
            all.push(byte);
        }
        Ok(Bytes(all.into()))
    }
}
