//! The images that nodes of a pool can be made from.

use alloc::{boxed::Box, vec::Vec};

use crate::{Timestamp, names::wire_enum};

wire_enum! {
    /// The operating system of an image.
    pub enum OsType {
        /// Linux.
        Linux = "linux",
        /// Windows.
        Windows = "windows",
    }
}

wire_enum! {
    /// Whether the node agent was tested with an image.
    pub enum VerificationType {
        /// It was.
        Verified = "verified",
        /// It was not, but should work.
        Unverified = "unverified",
    }
}

/// An image that the account's pools can use ([Q13](crate::evidence#q13)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SupportedImage {
    /// Its publisher, such as `canonical`.
    pub publisher: Box<str>,
    /// Its offer, such as `ubuntu-24_04-lts`.
    pub offer: Box<str>,
    /// Its SKU, such as `server`.
    pub sku: Box<str>,
    /// Its version; `latest` names the newest.
    pub version: Box<str>,
    /// Whether the node agent was tested with it.
    pub verification: VerificationType,
    /// The node agent that runs on it, such as `batch.node.ubuntu 24.04`.
    pub node_agent_sku_id: Box<str>,
    /// What it can do, such as `DockerCompatible`.
    pub capabilities: Vec<Box<str>>,
    /// When Batch stops supporting it, if that is known.
    pub end_of_support: Option<Timestamp>,
    /// Its operating system.
    pub os_type: OsType,
}
