//! The users that can log in to a node, and where they do so.

use alloc::boxed::Box;
use core::{fmt, net::IpAddr, str::FromStr};

use crate::{TimeSpan, Timestamp};

/// How long a user can log in if the request does not say ([N11](crate::evidence#n11)).
pub const DEFAULT_USER_LIFETIME: TimeSpan = TimeSpan::from_days(1);

/// Text that is not a valid user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user name has 1 to 64 characters, none of which is a control character")]
pub struct InvalidUserName;

/// The name of a user of a node: 1 to 64 characters, none of which is a control character. Unlike an id it
/// is compared exactly ([N11](crate::evidence#n11)).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "Box<str>"))]
pub struct UserName(Box<str>);

impl UserName {
    /// Checks text.
    ///
    /// # Errors
    /// [`InvalidUserName`] if the text is not a valid name, see the type.
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, InvalidUserName> {
        let text = text.into();
        let length = text.chars().count();
        let is_valid = (1..=64).contains(&length) && !text.chars().any(char::is_control);
        if is_valid { Ok(Self(text)) } else { Err(InvalidUserName) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Box<str>> for UserName {
    type Error = InvalidUserName;

    fn try_from(text: Box<str>) -> Result<Self, InvalidUserName> {
        Self::new(text)
    }
}

impl FromStr for UserName {
    type Err = InvalidUserName;

    fn from_str(text: &str) -> Result<Self, InvalidUserName> {
        Self::new(text)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A password. `Debug` does not print it; stored accounts and facts contain it.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Password(Box<str>);

impl Password {
    /// A password. Any text is one.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The password as text, for the host that creates the user.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// What a request says of how, and how long, a user can log in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UserAccess {
    /// Until when; [`DEFAULT_USER_LIFETIME`] after the request if it does not say.
    pub expiry_time: Option<Timestamp>,
    /// With this password.
    pub password: Option<Password>,
    /// With the private part of this key.
    pub ssh_public_key: Option<Box<str>>,
}

/// A user of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeUser {
    /// Whether the user is an administrator of the node.
    pub is_admin: bool,
    /// Until when the user can log in. The user stays on the node after that.
    pub expiry_time: Timestamp,
    /// The password, if there is one.
    pub password: Option<Password>,
    /// The public part of a key, if there is one.
    pub ssh_public_key: Option<Box<str>>,
}

impl NodeUser {
    /// A user with this access, as requested at this time.
    pub(crate) fn new(is_admin: bool, access: UserAccess, now: Timestamp) -> Self {
        let UserAccess { expiry_time, password, ssh_public_key } = access;
        let expiry_time = expiry_time.unwrap_or_else(|| now.saturating_add(DEFAULT_USER_LIFETIME));
        Self { is_admin, expiry_time, password, ssh_public_key }
    }
}

/// Where users log in to a node ([N12](crate::evidence#n12)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RemoteLogin {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

impl fmt::Display for RemoteLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "address {}, port {}", self.address, self.port)
    }
}
