use std::path::PathBuf;

use openraft::testing::{StoreBuilder, Suite};
use tokio::sync::{mpsc::unbounded_channel, watch};

use super::*;
use crate::{directory::Directory, machine::Machine};

struct Builder;

/// Removes the folder of a store in the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

impl StoreBuilder<Types, RaftLog, Machine<Directory>, Folder> for Builder {
    async fn build(&self) -> Result<(Folder, RaftLog, Machine<Directory>), StorageError> {
        let name = format!("azbatch-cluster-{}-{:x}", std::process::id(), crate::account::random());
        // In memory where that can be had: a disk would take a minute for it.
        let memory = PathBuf::from("/dev/shm");
        let folder = Folder(if memory.is_dir() { memory } else { std::env::temp_dir() }.join(name));
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
