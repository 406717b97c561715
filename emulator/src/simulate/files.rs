//! The files of simulated nodes, which are kept in memory.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use azbatch::{
    Account, JobId, NodeId, Task, TaskId, Timestamp,
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
        let mut disks = self.lock();
        let disk = disks.entry(run.id.node.clone()).or_default();
        for (path, content) in files(&run.id.job, &run.task, &run.command_line) {
            disk.insert(path, Stored { modified, content });
        }
    }

    /// If the node has started again since the task did, the files may be gone, so they are not restored.
    fn restore_task(&self, account: &Account, job: &JobId, task: &Task) {
        let Some(ended) = task.state().completion() else { return };
        let (Some(placement), Some(start)) = (ended.placement(), ended.start_time()) else { return };
        let node = account.node(&placement.node);
        if node.is_none_or(|node| node.pool() != &placement.pool || start < node.last_boot_time()) {
            return;
        }
        let mut disks = self.lock();
        let disk = disks.entry(placement.node.clone()).or_default();
        for (path, content) in files(job, task.id(), task.command_line().unwrap_or_default()) {
            disk.entry(path).or_insert(Stored { modified: start, content });
        }
    }

    /// Deletes all files of a node.
    pub fn erase(&self, node: &NodeId) {
        self.lock().remove(node);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Disk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a run leaves on its node, by path; directories have no content.
fn files(job: &JobId, task: &TaskId, command_line: &str) -> Vec<(FilePath, Option<Vec<u8>>)> {
    let directory = format!("workitems/{job}/job-1/{task}");
    let ends = directory.match_indices('/').map(|(end, _)| end);
    let above = ends.filter_map(|end| directory.get(..end)).chain([directory.as_str(), "shared"]);
    let mut all: Vec<(String, Option<Vec<u8>>)> = above.map(|path| (path.into(), None)).collect();
    all.push((format!("{directory}/wd"), None));
    all.push((format!("{directory}/stdout.txt"), Some(echo::output(command_line).into_bytes())));
    all.push((format!("{directory}/stderr.txt"), Some(Vec::new())));
    all.into_iter().filter_map(|(path, content)| Some((FilePath::new(&path).ok()?, content))).collect()
}

impl Files for SimulatedFiles {
    fn restore(&self, account: &Account) {
        for job in account.jobs() {
            for task in job.tasks() {
                self.restore_task(account, job.id(), task);
            }
        }
    }

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
