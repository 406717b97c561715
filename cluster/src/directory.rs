//! Which accounts the cluster has, and on which members each is. It is replicated like an account, in a group of its
//! own.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The number of the latest account.
    last_number: u64,
}

/// An account of the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountEntry {
    /// Unique, even among accounts that have had the same name.
    pub number: u64,
    /// In base64.
    pub key: String,
    pub url: String,
    /// On how many members it is, if the cluster has as many.
    pub replicas: u8,
    /// The members that may begin its group, with their addresses then.
    pub founders: BTreeMap<MemberId, BasicNode>,
    pub placement: Placement,
    /// How often it was asked to move.
    pub moves: u64,
}

/// On which members an account is. There is always at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placement {
    /// The account is new. Each of these members may begin its group.
    New(BTreeSet<MemberId>),
    /// Its group has exactly these members.
    Settled(BTreeSet<MemberId>),
    /// Its group changes its members. All of `from` and `to` take part until it has.
    Moving { from: BTreeSet<MemberId>, to: BTreeSet<MemberId> },
}

/// A change of the directory. Names are in lower case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DirectoryCommand {
    Create {
        name: String,
        key: String,
        url: String,
        replicas: u8,
        on: BTreeMap<MemberId, BasicNode>,
    },
    /// The account is to be on these members.
    Move {
        account: AccountId,
        to: BTreeSet<MemberId>,
    },
    /// The account's group has the members that were asked for. `moves` tells this move from others.
    Settle {
        account: AccountId,
        moves: u64,
    },
    Delete(AccountId),
}

/// One account, as opposed to earlier and later ones of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountId {
    pub name: String,
    pub number: u64,
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DirectoryOutcome {
    /// The directory is as was asked, now or already before.
    Done,
    /// There is another account of this name. Nothing has changed.
    Taken,
    /// There is no such account.
    Unknown,
    /// The account's group has not begun yet, so that it cannot change its members.
    NotBegun,
    /// The account would be nowhere.
    Nowhere,
    /// The account was asked to move again since.
    Outdated,
}

const GROUP_PREFIX: &str = "account-";

impl AccountId {
    /// The name of the account's group.
    pub fn group(&self) -> String {
        let Self { name, number } = self;
        format!("{GROUP_PREFIX}{name}-{number}")
    }

    /// The account of a group.
    pub fn of_group(group: &str) -> Option<Self> {
        let (name, number) = group.strip_prefix(GROUP_PREFIX)?.rsplit_once('-')?;
        Some(Self { name: name.into(), number: number.parse().ok()? })
    }
}

impl AccountEntry {
    /// Whether one that asks for the other gets this one.
    fn is_like(&self, other: &Self) -> bool {
        (&self.key, &self.url, self.replicas) == (&other.key, &other.url, other.replicas)
    }
}

impl Placement {
    /// The members that take part.
    pub fn members(&self) -> BTreeSet<MemberId> {
        match self {
            Self::New(on) | Self::Settled(on) => on.clone(),
            Self::Moving { from, to } => from | to,
        }
    }

    /// The members where the account is to be.
    pub fn goal(&self) -> &BTreeSet<MemberId> {
        match self {
            Self::New(on) | Self::Settled(on) | Self::Moving { to: on, .. } => on,
        }
    }

    /// Whether the group has begun.
    pub fn has_begun(&self) -> bool {
        match self {
            Self::New(_) => false,
            Self::Settled(_) | Self::Moving { .. } => true,
        }
    }

    /// Whether the group has exactly the members that it is to have.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Settled(_) => true,
            Self::New(_) | Self::Moving { .. } => false,
        }
    }
}

impl Directory {
    /// How many accounts are to be on each member that has any.
    pub fn load(&self) -> BTreeMap<MemberId, usize> {
        let mut load = BTreeMap::new();
        for member in self.accounts.values().flat_map(|entry| entry.placement.goal()) {
            *load.entry(*member).or_default() += 1;
        }
        load
    }

    fn find(&mut self, account: &AccountId) -> Option<&mut AccountEntry> {
        self.accounts.get_mut(&account.name).filter(|entry| entry.number == account.number)
    }

    fn create(&mut self, name: String, entry: AccountEntry) -> DirectoryOutcome {
        if entry.placement.members().is_empty() {
            return DirectoryOutcome::Nowhere;
        }
        match self.accounts.get(&name) {
            Some(known) if known.is_like(&entry) => DirectoryOutcome::Done,
            Some(_) => DirectoryOutcome::Taken,
            None => {
                self.last_number = entry.number;
                self.accounts.insert(name, entry);
                DirectoryOutcome::Done
            }
        }
    }

    fn relocate(&mut self, account: &AccountId, to: BTreeSet<MemberId>) -> DirectoryOutcome {
        if to.is_empty() {
            return DirectoryOutcome::Nowhere;
        }
        let Some(entry) = self.find(account) else { return DirectoryOutcome::Unknown };
        if *entry.placement.goal() == to {
            return DirectoryOutcome::Done;
        }
        match entry.placement {
            Placement::New(_) => DirectoryOutcome::NotBegun,
            Placement::Settled(_) | Placement::Moving { .. } => {
                entry.placement = Placement::Moving { from: entry.placement.members(), to };
                entry.moves += 1;
                DirectoryOutcome::Done
            }
        }
    }

    fn settle(&mut self, account: &AccountId, moves: u64) -> DirectoryOutcome {
        let Some(entry) = self.find(account) else { return DirectoryOutcome::Unknown };
        if entry.moves != moves {
            return DirectoryOutcome::Outdated;
        }
        entry.placement = Placement::Settled(entry.placement.goal().clone());
        DirectoryOutcome::Done
    }

    /// Deletes an account. To do it twice does no harm, and another account of the same name stays.
    fn delete(&mut self, account: &AccountId) -> DirectoryOutcome {
        if self.find(account).is_some() {
            self.accounts.remove(&account.name);
        }
        DirectoryOutcome::Done
    }
}

impl Replicated for Directory {
    type Command = DirectoryCommand;
    type Outcome = DirectoryOutcome;
    type Event = ();

    fn apply(&mut self, command: DirectoryCommand) -> Applied<Self> {
        let outcome = match command {
            DirectoryCommand::Create { name, key, url, replicas, on } => {
                let number = self.last_number + 1;
                let placement = Placement::New(on.keys().copied().collect());
                self.create(
                    name,
                    AccountEntry { number, key, url, replicas, founders: on, placement, moves: 0 },
                )
            }
            DirectoryCommand::Move { account, to } => self.relocate(&account, to),
            DirectoryCommand::Settle { account, moves } => self.settle(&account, moves),
            DirectoryCommand::Delete(account) => self.delete(&account),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn create(name: &str, on: &[MemberId]) -> DirectoryCommand {
        DirectoryCommand::Create {
            name: name.into(),
            key: "a2V5".into(),
            url: format!("http://{name}"),
            replicas: 3,
            on: on.iter().map(|id| (*id, BasicNode::new("127.0.0.1:1"))).collect(),
        }
    }

    fn id(name: &str, number: u64) -> AccountId {
        AccountId { name: name.into(), number }
    }

    fn members(members: &[MemberId]) -> BTreeSet<MemberId> {
        members.iter().copied().collect()
    }

    fn placement(directory: &Directory) -> &Placement {
        &directory.accounts["contoso"].placement
    }

    #[test]
    fn an_account_moves_after_it_has_begun_and_old_members_stay_until_it_has_moved() {
        let mut directory = Directory::default();
        let mut apply = |command| {
            let outcome = directory.apply(command).outcome;
            (outcome, directory.clone())
        };
        let account = || id("contoso", 1);
        let go = |to: &[MemberId]| DirectoryCommand::Move { account: account(), to: members(to) };
        let settle = |moves| DirectoryCommand::Settle { account: account(), moves };

        assert_eq!(apply(create("contoso", &[])).0, DirectoryOutcome::Nowhere);
        let (outcome, after) = apply(create("contoso", &[1, 2, 3]));
        assert_eq!(outcome, DirectoryOutcome::Done);
        assert_eq!(*placement(&after), Placement::New(members(&[1, 2, 3])));
        assert_eq!(apply(go(&[1, 2, 4])).0, DirectoryOutcome::NotBegun);
        assert!(!placement(&after).is_settled());
        let (_, after) = apply(settle(0));
        assert_eq!(*placement(&after), Placement::Settled(members(&[1, 2, 3])));

        assert_eq!(apply(go(&[])).0, DirectoryOutcome::Nowhere);
        let (_, after) = apply(go(&[1, 2, 4]));
        assert_eq!(placement(&after).members(), members(&[1, 2, 3, 4]));
        // It is to go elsewhere before it has arrived.
        let (_, after) = apply(go(&[2, 5]));
        assert_eq!(placement(&after).members(), members(&[1, 2, 3, 4, 5]));
        assert_eq!(placement(&after).goal(), &members(&[2, 5]));
        assert_eq!(apply(settle(1)).0, DirectoryOutcome::Outdated);
        let (outcome, after) = apply(settle(2));
        assert_eq!(outcome, DirectoryOutcome::Done);
        assert_eq!(after.load(), [(2, 1), (5, 1)].into());
    }

    #[test]
    fn a_late_report_of_a_move_does_not_settle_another_one_to_the_same_members() {
        let mut directory = Directory::default();
        let account = || id("contoso", 1);
        directory.apply(create("contoso", &[1, 2, 3]));
        for to in [&[1, 4, 5], &[1, 2, 3]] {
            let before = directory.accounts["contoso"].moves;
            directory.apply(DirectoryCommand::Settle { account: account(), moves: before });
            directory.apply(DirectoryCommand::Move { account: account(), to: members(to) });
        }
        let late = DirectoryCommand::Settle { account: account(), moves: 0 };
        assert_eq!(directory.apply(late).outcome, DirectoryOutcome::Outdated);
        assert!(!placement(&directory).is_settled());
    }

    #[test]
    fn an_account_that_is_gone_has_nothing_to_do_with_the_next_one_of_its_name() {
        let mut directory = Directory::default();
        directory.apply(create("contoso", &[1]));
        assert_eq!(directory.apply(create("contoso", &[2])).outcome, DirectoryOutcome::Done);
        assert_eq!(placement(&directory).goal(), &members(&[1]), "it was there");
        directory.apply(DirectoryCommand::Delete(id("contoso", 1)));
        assert!(directory.accounts.is_empty());
        directory.apply(create("contoso", &[2]));
        let old = id("contoso", 1);
        for (late, outcome) in [
            (DirectoryCommand::Delete(old.clone()), DirectoryOutcome::Done),
            (DirectoryCommand::Settle { account: old.clone(), moves: 0 }, DirectoryOutcome::Unknown),
            (DirectoryCommand::Move { account: old, to: members(&[3]) }, DirectoryOutcome::Unknown),
        ] {
            assert_eq!(directory.apply(late).outcome, outcome);
            assert_eq!(*placement(&directory), Placement::New(members(&[2])));
            assert_eq!(directory.accounts["contoso"].number, 2);
        }
    }
}
