//! Which accounts the cluster has. It is replicated like an account, in a group of its own.

use std::collections::BTreeMap;

use openraft::BasicNode;
use serde::{Deserialize, Serialize};

use crate::{
    machine::{Applied, Replicated},
    raft::MemberId,
};

/// The accounts of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Directory {
    /// By name, in lower case.
    pub accounts: BTreeMap<String, AccountEntry>,
}

/// An account of the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountEntry {
    /// In base64.
    pub key: String,
    pub url: String,
    /// The members of its group when it was created.
    pub members: BTreeMap<MemberId, BasicNode>,
}

/// A new account. The name is in lower case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateAccount {
    pub name: String,
    pub entry: AccountEntry,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Created {
    New,
    /// There was one of this name, with the same key and URL.
    Same,
    /// There was one of this name. Nothing has changed.
    Other,
}

impl Replicated for Directory {
    type Command = CreateAccount;
    type Outcome = Created;
    type Event = ();

    fn apply(&mut self, CreateAccount { name, entry }: CreateAccount) -> Applied<Self> {
        let outcome = match self.accounts.get(&name) {
            Some(known) if known.key == entry.key && known.url == entry.url => Created::Same,
            Some(_) => Created::Other,
            None => {
                self.accounts.insert(name, entry);
                Created::New
            }
        };
        Applied { outcome, event: None }
    }

    fn store(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|error| error.to_string())
    }

    fn restore(stored: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(stored).map_err(|error| error.to_string())
    }
}
