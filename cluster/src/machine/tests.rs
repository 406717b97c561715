use openraft::{EntryPayload, LeaderId, storage::RaftLogStorage};
use tokio::{
    sync::mpsc::unbounded_channel,
    time::{Duration, timeout},
};

use super::*;
use crate::{
    directory::{Directory, DirectoryCommand},
    log::{RaftLog, tests::Folder},
};

fn log_id(index: u64) -> LogId {
    LogId::new(LeaderId::new(1, 1), index)
}

fn meta(index: u64) -> SnapshotMeta {
    SnapshotMeta {
        last_log_id: Some(log_id(index)),
        last_membership: Membership::default(),
        snapshot_id: index.to_string(),
    }
}

fn machine(log: &Log) -> Machine<Directory> {
    let (events, changes) = (unbounded_channel().0, watch::channel(0).0);
    Machine::open(log.clone(), Directory::default(), events, changes).unwrap()
}

/// A directory with one account.
fn directory(name: &str) -> Directory {
    let mut directory = Directory::default();
    directory.apply(DirectoryCommand::Create {
        name: name.into(),
        key: "a2V5".into(),
        url: format!("http://{name}"),
        replicas: 1,
        on: [(1, openraft::BasicNode::new("127.0.0.1:1"))].into(),
    });
    directory
}

#[tokio::test]
async fn an_older_snapshot_does_not_take_the_place_of_a_newer_one() {
    let folder = Folder::new();
    let log = azbatch_emulator::store::Store::open(&folder.0).unwrap().log("group");
    let mut machine = machine(&log);
    // One is being made when a newer one comes from the leader.
    let mut older = machine.get_snapshot_builder().await;
    older.last_applied = Some(log_id(5));
    let newer = directory("contoso");
    machine.install_snapshot(&meta(9), Box::new(newer.store().unwrap())).await.unwrap();
    older.build_snapshot().await.unwrap();

    let machine = self::machine(&log);
    assert_eq!(machine.shared.read().last_applied, Some(log_id(9)));
    assert_eq!(machine.shared.read().state, newer);
    assert_eq!(*machine.snapshots().covered().borrow(), Some(log_id(9)));
}

#[tokio::test]
async fn a_closed_group_stores_no_snapshot() {
    let folder = Folder::new();
    let log = azbatch_emulator::store::Store::open(&folder.0).unwrap().log("group");
    let mut machine = machine(&log);
    let mut late = machine.get_snapshot_builder().await;
    machine.snapshots().close().await;
    late.build_snapshot().await.unwrap();
    assert_eq!(log.get(SNAPSHOT).unwrap(), None);
}

#[tokio::test]
async fn the_log_is_purged_only_once_the_snapshot_is_stored() {
    let folder = Folder::new();
    let log = azbatch_emulator::store::Store::open(&folder.0).unwrap().log("group");
    let mut machine = machine(&log);
    let mut raft_log = RaftLog::new(log.clone()).purged_after(machine.snapshots().covered());
    let entry = |index| {
        let entry = openraft::Entry::<Types> { log_id: log_id(index), payload: EntryPayload::Blank };
        encode(&entry).unwrap()
    };
    log.append(0, (0..10).map(entry)).committed().await.unwrap();

    let too_early = timeout(Duration::from_millis(200), raft_log.purge(log_id(7))).await;
    assert!(too_early.is_err(), "it waits");
    assert_eq!(log.bounds().unwrap(), Some((0, 9)));
    let purge = tokio::spawn(async move { raft_log.purge(log_id(7)).await });
    machine.install_snapshot(&meta(7), Box::new(directory("contoso").store().unwrap())).await.unwrap();
    purge.await.unwrap().unwrap();
    assert_eq!(log.bounds().unwrap(), Some((8, 9)));
}

#[tokio::test]
async fn what_cannot_be_applied_is_an_error_and_changes_nothing() {
    let folder = Folder::new();
    let log = azbatch_emulator::store::Store::open(&folder.0).unwrap().log("group");
    let mut machine = machine(&log);
    let payload = EntryPayload::Normal(Bytes(b"no batch"[..].into()));
    let entry = openraft::Entry::<Types> { log_id: log_id(1), payload };
    assert!(machine.apply([entry]).await.is_err());
    assert_eq!(machine.shared.read().state, Directory::default());
    assert_eq!(machine.shared.read().last_applied, None);
}
