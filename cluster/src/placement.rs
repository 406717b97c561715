//! On which members an account is to be, and which of them is to lead it first.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use azbatch_emulator::nodes::fnv;

use crate::raft::MemberId;

/// Chooses members for an account: those of `stay` that are in the cluster, then those that have the fewest accounts.
/// Ties are decided by the account's name, so that members are alike.
pub fn choose(
    account: &str,
    replicas: u8,
    members: &BTreeSet<MemberId>,
    stay: &BTreeSet<MemberId>,
    load: &BTreeMap<MemberId, usize>,
) -> BTreeSet<MemberId> {
    let mut ranked: Vec<MemberId> = members.iter().copied().collect();
    ranked.sort_by_key(|member| {
        let load = load.get(member).copied().unwrap_or_default();
        (Reverse(stay.contains(member)), load, fnv(format!("{account}/{member}").as_bytes()), *member)
    });
    ranked.into_iter().take(replicas.into()).collect()
}

/// The member that is the first leader of an account. Accounts are spread over the members by their names.
pub fn preferred_leader(account: &str, members: &BTreeSet<MemberId>) -> Option<MemberId> {
    let count = u64::try_from(members.len()).ok().filter(|count| *count > 0)?;
    members.iter().nth(usize::try_from(fnv(account.as_bytes()) % count).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_first_leaders_are_spread_over_the_members() {
        let members = [2, 5, 9, 11, 12].into();
        let (mut load, mut leads) = (BTreeMap::new(), BTreeMap::new());
        for number in 0..300 {
            let account = format!("account{number}");
            let on = choose(&account, 3, &members, &BTreeSet::new(), &load);
            assert_eq!(on.len(), 3);
            let leader = preferred_leader(&account, &on).unwrap();
            assert!(on.contains(&leader));
            *leads.entry(leader).or_insert(0) += 1;
            for member in on {
                *load.entry(member).or_insert(0) += 1;
            }
        }
        assert_eq!(load, members.iter().map(|member| (*member, 180)).collect());
        assert!(members.iter().all(|member| (40..80).contains(&leads[member])), "{leads:?}");
        assert_eq!(preferred_leader("account", &BTreeSet::new()), None);
    }

    #[test]
    fn an_account_stays_where_it_is_if_it_can() {
        let load = [(1, 9), (2, 9), (3, 9), (4, 0), (5, 1)].into();
        let choose = |replicas, members: &[MemberId], stay: &[MemberId]| -> Vec<MemberId> {
            let members = members.iter().copied().collect();
            let stay = stay.iter().copied().collect();
            choose("contoso", replicas, &members, &stay, &load).into_iter().collect()
        };
        assert_eq!(choose(3, &[1, 2, 3, 4, 5], &[1, 2, 3]), [1, 2, 3]);
        assert_eq!(choose(3, &[1, 2, 4, 5], &[1, 2, 3]), [1, 2, 4]);
        assert_eq!(choose(4, &[1, 2, 3, 4, 5], &[1, 2]), [1, 2, 4, 5]);
        assert_eq!(choose(3, &[1, 2], &[1, 2, 3]), [1, 2]);
        assert!(choose(3, &[], &[1, 2, 3]).is_empty());
    }
}
