//! The files of simulated nodes, which are kept in memory.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use azbatch::{
    NodeId, Timestamp,
    rest::{
        ContentType, FileContent, FileEntry, FileItem, FileMetadata, FilePath, FilePlace, FileProblem,
        FileTimes,
    },
};

use crate::{echo, files::Files, machines::Run};

/// What is on each node, by its path below the node's root directory.
#[derive(Default)]
pub struct SimulatedFiles(Mutex<BTreeMap<NodeId, Disk>>);

type Disk = BTreeMap<FilePath, Stored>;

struct Stored {
    modified: Timestamp,
    /// `None` for a directory.
    content: Option<Vec<u8>>,
}

impl SimulatedFiles {
    /// Creates the files of a run: its output, and an empty working directory.
    pub fn leave(&self, run: &Run, modified: Timestamp) {
        let directory = format!("workitems/{}/job-1/{}", run.id.job, run.task);
        let mut disks = self.lock();
        let disk = disks.entry(run.id.node.clone()).or_default();
        let mut add = |path: &str, content: Option<Vec<u8>>| {
            if let Ok(path) = FilePath::new(path) {
                disk.insert(path, Stored { modified, content });
            }
        };
        let ends = directory.match_indices('/').map(|(end, _)| end);
        for directory in ends.filter_map(|end| directory.get(..end)).chain([directory.as_str(), "shared"]) {
            add(directory, None);
        }
        add(&format!("{directory}/wd"), None);
        add(&format!("{directory}/stdout.txt"), Some(echo::output(&run.command_line).into_bytes()));
        add(&format!("{directory}/stderr.txt"), Some(Vec::new()));
    }

    /// Deletes all files of a node.
    pub fn erase(&self, node: &NodeId) {
        self.lock().remove(node);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Disk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files for SimulatedFiles {
    fn list(&self, place: &FilePlace, recursive: bool) -> Result<Vec<FileEntry>, FileProblem> {
        let disks = self.lock();
        let disk = disks.get(&place.placement().node);
        let directory = place.directory();
        if directory.as_ref().is_some_and(|directory| disk.is_none_or(|disk| !disk.contains_key(directory))) {
            return Err(FileProblem::NotFound);
        }
        let prefix = directory.map_or_else(String::new, |directory| format!("{directory}/"));
        let below = disk.into_iter().flatten().filter_map(|(path, stored)| {
            let name = path.as_str().strip_prefix(&prefix)?;
            let path = FilePath::new(name).ok()?;
            (recursive || !name.contains('/')).then(|| FileEntry { path, item: stored.item() })
        });
        Ok(below.collect())
    }

    fn get(
        &self,
        place: &FilePlace,
        path: &FilePath,
        part: &dyn Fn(u64) -> Range<u64>,
    ) -> Result<FileContent, FileProblem> {
        let disks = self.lock();
        let stored = find(&disks, place, path)?;
        let (FileItem::File(metadata), Some(content)) = (stored.item(), &stored.content) else {
            return Err(FileProblem::NotFound);
        };
        let part = part(metadata.content_length);
        let part = usize::try_from(part.start).unwrap_or(usize::MAX)
            ..usize::try_from(part.end).unwrap_or(usize::MAX);
        Ok(FileContent { metadata, bytes: content.get(part).unwrap_or_default().to_vec() })
    }

    fn properties(&self, place: &FilePlace, path: &FilePath) -> Result<FileItem, FileProblem> {
        find(&self.lock(), place, path).map(Stored::item)
    }

    fn delete(&self, place: &FilePlace, path: &FilePath, recursive: bool) -> Result<(), FileProblem> {
        let mut disks = self.lock();
        find(&disks, place, path)?;
        let disk = disks.get_mut(&place.placement().node).ok_or(FileProblem::NotFound)?;
        let path = full(place, path);
        let prefix = format!("{path}/");
        let is_below = |other: &FilePath| other.as_str().starts_with(&prefix);
        if !recursive && disk.keys().any(is_below) {
            return Err(FileProblem::InUse);
        }
        disk.retain(|other, _| other.as_str() != path && !is_below(other));
        Ok(())
    }
}

impl Stored {
    fn item(&self) -> FileItem {
        let times = FileTimes { created: None, last_modified: self.modified };
        match &self.content {
            None => FileItem::Directory(times),
            Some(content) => FileItem::File(FileMetadata {
                times,
                content_length: content.len().try_into().unwrap_or(u64::MAX),
                content_type: ContentType::of(content),
                mode: Some(0o100_644),
            }),
        }
    }
}

fn find<'a>(
    disks: &'a BTreeMap<NodeId, Disk>,
    place: &FilePlace,
    path: &FilePath,
) -> Result<&'a Stored, FileProblem> {
    let path = FilePath::new(&full(place, path)).map_err(|_| FileProblem::NotFound)?;
    disks.get(&place.placement().node).and_then(|disk| disk.get(&path)).ok_or(FileProblem::NotFound)
}

/// A path below the node's root directory.
fn full(place: &FilePlace, path: &FilePath) -> String {
    place.directory().map_or_else(|| path.to_string(), |directory| format!("{directory}/{path}"))
}
