//! How an episode begins and ends.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde_json::{Map, Value, json};

use crate::{
    Account,
    episode::object::{Object, text},
    pool::SupportedImage,
};

/// What follows after the last step.
pub const CLOSING: &str = "\n ]\n}\n";

/// The account is not new. An episode tells everything from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only a new account can be recorded, and this one has been used")]
pub struct NotNew;

/// The beginning of an episode, up to its first step. Steps follow with commas between them, then [`CLOSING`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening(String);

impl Opening {
    /// The beginning of an episode of this name about a new account.
    ///
    /// # Errors
    /// The account is not new.
    pub fn new(name: &str, account: &Account) -> Result<Self, NotNew> {
        let new = new_account(account);
        if new != *account {
            return Err(NotNew);
        }
        let says = "What came in, in this order.";
        let source = concat!("recorded by azbatch ", env!("CARGO_PKG_VERSION"), ", not by the real service");
        let mut lines = alloc::vec![
            member("name", text(name)),
            member("source", text(source)),
            member("says", text(says)),
            member("account", text(account.url())),
        ];
        lines.extend(setup(account).map(|setup| member("setup", setup)));
        lines.push(" \"steps\": [\n".to_string());
        Ok(Self(["{\n", &lines.join(",\n")].concat()))
    }
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn member(name: &str, value: impl fmt::Display) -> String {
    alloc::format!(" \"{name}\": {value}")
}

/// A new account with the same settings.
fn new_account(account: &Account) -> Account {
    Account::new(account.url())
        .with_force_timeout(account.force_timeout())
        .with_supported_images(account.supported_images().to_vec())
}

/// The settings that differ from those of any account.
fn setup(account: &Account) -> Option<Object> {
    let usual = Account::new(account.url());
    let mut members: Vec<(&str, Value)> = Vec::new();
    if account.force_timeout() != usual.force_timeout() {
        members.push(("force_wait", text(account.force_timeout())));
    }
    if !account.supported_images().is_empty() {
        let images = account.supported_images().iter().map(image).collect();
        members.push(("supported_images", Value::Array(images)));
    }
    let mut members = members.into_iter();
    let (name, value) = members.next()?;
    Some(members.fold(Object::new(name, value), |object, (name, value)| object.and(name, value)))
}

/// An image as the service shows it.
fn image(image: &SupportedImage) -> Value {
    let capabilities: Vec<&str> = image.capabilities.iter().map(|capability| &**capability).collect();
    let mut shown = Map::new();
    shown.insert(
        "imageReference".into(),
        json!({
            "publisher": &*image.publisher,
            "offer": &*image.offer,
            "sku": &*image.sku,
            "version": &*image.version,
        }),
    );
    shown.insert("verificationType".into(), image.verification.as_str().into());
    shown.insert("nodeAgentSKUId".into(), (&*image.node_agent_sku_id).into());
    shown.insert("capabilities".into(), capabilities.into());
    shown.insert("osType".into(), image.os_type.as_str().into());
    if let Some(end) = image.end_of_support {
        shown.insert("batchSupportEndOfLife".into(), end.to_string().into());
    }
    Value::Object(shown)
}
