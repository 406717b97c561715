//! What hosts whose nodes are simulated have in common: which nodes they make, and what happens to them.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::{IpAddr, Ipv4Addr},
};

use azbatch::{
    Account, NodeId, PoolId, TimeSpan,
    node::{NodeAction, NodeEvent, RemoteLogin},
    rest::Guid,
};

/// Where users log in to every node. Nothing answers there: nodes have no SSH server.
pub const REMOTE_LOGIN: RemoteLogin = RemoteLogin { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 50_000 };

/// How long a node takes to reboot, to be reimaged, deallocated or removed.
pub const ACTION_TIME: TimeSpan = TimeSpan::from_secs(2);

/// The events that can be reported through a control interface.
pub const REPORTED_EVENTS: &str = "lost, returned, preempted, rebooted or removed";

/// One of the [`REPORTED_EVENTS`].
pub fn reported_event(name: &str) -> Option<NodeEvent> {
    Some(match name {
        "lost" => NodeEvent::Lost,
        "returned" => NodeEvent::Returned,
        "preempted" => NodeEvent::Preempted,
        "rebooted" => NodeEvent::Rebooted,
        "removed" => NodeEvent::Removed,
        _ => return None,
    })
}

/// What a node reports when it has carried out an action.
pub fn event_of(action: NodeAction) -> NodeEvent {
    match action {
        NodeAction::Reboot => NodeEvent::Rebooted,
        NodeAction::Reimage => NodeEvent::Reimaged,
        NodeAction::Deallocate => NodeEvent::Deallocated,
        NodeAction::Start => NodeEvent::Started,
        NodeAction::Remove => NodeEvent::Removed,
    }
}

/// The name of one more node of a pool, in the service's form; `None` if the pool has enough or no longer exists.
pub fn next_node(account: &Account, pool: &PoolId, dedicated: bool) -> Option<NodeId> {
    let (have, target) = (account.node_counts(pool), account.pool(pool)?.target());
    let is_wanted =
        if dedicated { have.dedicated < target.dedicated } else { have.low_priority < target.low_priority };
    if !is_wanted {
        return None;
    }
    let kind = if dedicated { 'd' } else { 'p' };
    let names = (0_u64..).map(|number| {
        let hash = fnv(format!("{}/{number}", pool.as_str().to_ascii_lowercase()).as_bytes());
        NodeId::new(&format!("tvmps_{:016x}{:016x}_{kind}", hash, hash.wrapping_mul(hash | 1))).ok()
    });
    names.flatten().find(|name| account.node(name).is_none())
}

/// A GUID in upper case, as the service names auto pools. No two calls make one twice.
pub fn unique_name() -> String {
    Guid::from_u128(random()).as_str().to_ascii_uppercase()
}

/// A number that no two calls make.
pub fn random() -> u128 {
    let random = || u128::from(RandomState::new().hash_one(()));
    random() << 64 | random()
}

/// Spreads a text over 64 bits (Fowler, Noll and Vo).
pub fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
