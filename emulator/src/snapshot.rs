//! The state on disk.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write},
    path::Path,
};

use azbatch::{Account, NodeId, Timestamp};
use serde::{Deserialize, Serialize};

/// All that is needed to go on as if nothing had happened. What nodes must still report follows from the account.
#[derive(Clone, Serialize, Deserialize)]
pub struct Snapshot {
    pub instant: Timestamp,
    pub out_of_reach: Vec<NodeId>,
    pub account: Account,
}

impl Snapshot {
    /// Reads a file; `None` if there is none yet.
    pub fn load(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Ok(Some(serde_json::from_reader(BufReader::new(file))?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a file, whole or not at all: what was there stays until the new one is on disk.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let mut file = BufWriter::new(File::create(&beside)?);
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        fs::rename(&beside, path)
    }
}
