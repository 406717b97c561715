use std::{path::PathBuf, sync::Arc};

use openraft::{
    Config, EntryPayload,
    raft::VoteRequest,
    testing::{StoreBuilder, Suite},
};
use tokio::sync::{mpsc::unbounded_channel, watch};

use super::*;
use crate::{
    directory::Directory,
    group::{Context, Group},
    machine::Machine,
    network::Peers,
};

struct Builder;

/// Removes the folder of a store in the end.
pub struct Folder(pub PathBuf);

impl Folder {
    /// In memory where that can be had: a disk would take a minute for the suite.
    pub fn new() -> Self {
        let name = format!("azbatch-cluster-{}-{:x}", std::process::id(), azbatch_emulator::nodes::random());
        let memory = PathBuf::from("/dev/shm");
        Self(if memory.is_dir() { memory } else { std::env::temp_dir() }.join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

impl StoreBuilder<Types, RaftLog, Machine<Directory>, Folder> for Builder {
    async fn build(&self) -> Result<(Folder, RaftLog, Machine<Directory>), StorageError> {
        let folder = Folder::new();
        let log = store::Store::open(&folder.0).unwrap().log("group");
        let (events, changes) = (unbounded_channel().0, watch::channel(0).0);
        let machine = Machine::open(log.clone(), Directory::default(), events, changes).unwrap();
        Ok((folder, RaftLog::new(log), machine))
    }
}

/// What Raft itself expects of a log and of a state machine.
#[test]
fn the_log_is_as_raft_expects() {
    Suite::test_all(Builder).unwrap();
}

fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(openraft::LeaderId::new(term, 2), index)
}

/// A member that has left, and comes back, votes as if it still had its log.
#[tokio::test]
async fn who_has_left_a_group_elects_nobody_who_lacks_what_it_had() {
    let folder = Folder::new();
    let store = store::Store::open(&folder.0).unwrap();
    let mut log = RaftLog::new(store.log("group"));
    let entry =
        |index| encode(&Entry::<Types> { log_id: log_id(4, index), payload: EntryPayload::Blank }).unwrap();
    log.log.append(0, (0..=6).map(entry)).committed().await.unwrap();
    // It was the leader.
    log.save_vote(&Vote::new_committed(4, 2)).await.unwrap();
    log.save_committed(Some(log_id(4, 6))).await.unwrap();
    assert_eq!(log.read_committed().await.unwrap(), None, "it is stored later");
    for _twice in 0..2 {
        log.leave().await.unwrap();
        sleep(2 * COMMITTED_TIME).await;
        assert_eq!(log.read_committed().await.unwrap(), None);
        assert_eq!(log.state().unwrap(), LogState { last_purged_log_id: None, last_log_id: None });
        assert_eq!(log.left().unwrap(), Some(log_id(4, 6)));
        assert_eq!(log.read_vote().await.unwrap(), Some(Vote::new(4, 2)), "it does not lead");
    }

    // Even if it is stored after the entries are forgotten.
    let late = encode(&Some(log_id(4, 6))).unwrap();
    log.log.put(COMMITTED, late).committed().await.unwrap();
    let (events, changes) = (unbounded_channel().0, watch::channel(0).0);
    let peers = Peers::new(1, "token".into());
    let config = Arc::new(Config { enable_elect: false, ..Config::default() }.validate().unwrap());
    let context = Context { store, peers, config, failures: unbounded_channel().0 };
    let group = Group::open("group", &context, Directory::default(), events, changes).await.unwrap();
    for (last, granted) in [(None, false), (Some(log_id(4, 5)), false), (Some(log_id(4, 6)), true)] {
        let request = VoteRequest { vote: Vote::new(5, 3), last_log_id: last };
        assert_eq!(group.vote(request).await.unwrap().vote_granted, granted, "{last:?}");
    }
    // It has voted in this term.
    let request = VoteRequest { vote: Vote::new(4, 3), last_log_id: Some(log_id(4, 9)) };
    assert!(!group.vote(request).await.unwrap().vote_granted);
}

/// A member that lags is sent no more at once than it can take.
#[tokio::test]
async fn what_is_sent_at_once_is_limited() {
    let folder = Folder::new();
    let mut log = RaftLog::new(store::Store::open(&folder.0).unwrap().log("group"));
    let entry = |index: u64| {
        let bytes = if index < 4 { 10 } else { MESSAGE_BYTES / 2 };
        let payload = EntryPayload::Normal(crate::raft::Bytes(vec![0; bytes].into()));
        encode(&Entry::<Types> { log_id: log_id(1, index), payload }).unwrap()
    };
    log.log.append(0, (0..30).map(entry)).committed().await.unwrap();
    let mut sent = Vec::new();
    for (start, end) in [(0, 4), (0, 30), (6, 30), (29, 30)] {
        let entries = log.limited_get_log_entries(start, end).await.unwrap();
        let indices: Vec<u64> = entries.iter().map(|entry| entry.log_id.index).collect();
        assert_eq!(indices[0], start);
        assert!(indices.is_sorted_by(|before, after| before + 1 == *after), "{indices:?}");
        sent.push(indices.len());
    }
    assert_eq!(sent, [4, 6, 2, 1]);
}
