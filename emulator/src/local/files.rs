//! The files that command lines leave on this machine.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::{Component, Path, PathBuf},
};

use azbatch::{
    Timestamp,
    rest::{
        ContentType, FileContent, FileEntry, FileItem, FileMetadata, FilePath, FilePlace, FileProblem,
        FileTimes,
    },
};

use crate::files::Files;

/// How many bytes decide whether a file is text.
const BEGINNING: u64 = 1024;

/// Nodes' directories, below one directory.
///
/// Nothing outside a node's directory is served: no name leads up, and no symbolic link is followed. A task
/// that swaps a directory for a link during a lookup gets around this, but it runs as the same user, so it can
/// read the same files anyway.
pub struct LocalFiles {
    root: PathBuf,
}

impl LocalFiles {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The path of something, with what it is, if no part of it is a symbolic link.
    fn find(&self, place: &FilePlace, path: Option<&FilePath>) -> Result<(PathBuf, Metadata), FileProblem> {
        let mut found = self.root.join(place.placement().node.as_str());
        let mut metadata = real(&found)?;
        let directory = place.directory();
        let names = directory.iter().chain(path).flat_map(FilePath::names);
        for name in names {
            // On Windows a name can be more than a name, such as `C:`.
            let mut components = Path::new(name).components();
            let (Some(Component::Normal(_)), None) = (components.next(), components.next()) else {
                return Err(FileProblem::NotFound);
            };
            found.push(name);
            metadata = real(&found)?;
        }
        Ok((found, metadata))
    }
}

impl Files for LocalFiles {
    fn list(&self, place: &FilePlace, recursive: bool) -> Result<Vec<FileEntry>, FileProblem> {
        let mut entries = Vec::new();
        match (self.find(place, None), place) {
            (Ok((directory, _)), _) => collect(&directory, "", recursive, &mut entries).map_err(problem)?,
            // Nothing has run on the node yet.
            (Err(FileProblem::NotFound), FilePlace::Node(_)) => {}
            (Err(problem), _) => return Err(problem),
        }
        Ok(entries)
    }

    fn get(
        &self,
        place: &FilePlace,
        path: &FilePath,
        part: &dyn Fn(u64) -> Range<u64>,
    ) -> Result<FileContent, FileProblem> {
        let (found, metadata) = self.find(place, Some(path))?;
        if !metadata.is_file() {
            return Err(FileProblem::NotFound);
        }
        let mut file = File::open(found).map_err(problem)?;
        let metadata = file_metadata(&mut file).map_err(problem)?;
        let part = part(metadata.content_length);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(part.start)).map_err(problem)?;
        file.take(part.end.saturating_sub(part.start)).read_to_end(&mut bytes).map_err(problem)?;
        Ok(FileContent { metadata, bytes })
    }

    fn properties(&self, place: &FilePlace, path: &FilePath) -> Result<FileItem, FileProblem> {
        let (found, metadata) = self.find(place, Some(path))?;
        item(&found, &metadata).map_err(problem)?.ok_or(FileProblem::NotFound)
    }

    fn delete(&self, place: &FilePlace, path: &FilePath, recursive: bool) -> Result<(), FileProblem> {
        let (found, metadata) = self.find(place, Some(path))?;
        let deleted = match (metadata.is_dir(), recursive) {
            (true, true) => fs::remove_dir_all(found),
            (true, false) => fs::remove_dir(found),
            (false, _) => fs::remove_file(found),
        };
        deleted.map_err(problem)
    }
}

/// The metadata of anything but a symbolic link.
fn real(path: &Path) -> Result<Metadata, FileProblem> {
    let metadata = fs::symlink_metadata(path).map_err(problem)?;
    if metadata.is_symlink() { Err(FileProblem::NotFound) } else { Ok(metadata) }
}

/// Adds what is in a directory; `prefix` is its path below the place that is listed. It leaves out what is
/// deleted during the listing, names that are not UTF-8, and what is neither a file nor a directory.
fn collect(directory: &Path, prefix: &str, recursive: bool, entries: &mut Vec<FileEntry>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (Ok(name), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata()) else { continue };
        let name = format!("{prefix}{name}");
        let (Ok(path), Ok(Some(item))) = (FilePath::new(&name), item(&entry.path(), &metadata)) else {
            continue;
        };
        entries.push(FileEntry { path, item });
        if recursive && metadata.is_dir() {
            collect(&entry.path(), &format!("{name}/"), recursive, entries).or_else(ignore_missing)?;
        }
    }
    Ok(())
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// `None` for what is neither a file nor a directory, such as a symbolic link.
fn item(path: &Path, metadata: &Metadata) -> io::Result<Option<FileItem>> {
    Ok(if metadata.is_dir() {
        Some(FileItem::Directory(times(metadata)))
    } else if metadata.is_file() {
        Some(FileItem::File(file_metadata(&mut File::open(path)?)?))
    } else {
        None
    })
}

fn file_metadata(file: &mut File) -> io::Result<FileMetadata> {
    let metadata = file.metadata()?;
    let mut beginning = Vec::new();
    Read::by_ref(file).take(BEGINNING).read_to_end(&mut beginning)?;
    Ok(FileMetadata {
        times: times(&metadata),
        content_length: metadata.len(),
        content_type: ContentType::of(&beginning),
        mode: mode(&metadata),
    })
}

/// The creation time is shown only on Windows, as by the service.
fn times(metadata: &Metadata) -> FileTimes {
    let created = if cfg!(windows) { metadata.created().ok() } else { None };
    FileTimes {
        created: created.map(Timestamp::from),
        last_modified: metadata.modified().map_or(Timestamp::MIN, Timestamp::from),
    }
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems have no mode")]
fn mode(metadata: &Metadata) -> Option<u32> {
    Some(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()))
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> Option<u32> {
    None
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` takes")]
fn problem(error: io::Error) -> FileProblem {
    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
        FileProblem::NotFound
    } else {
        FileProblem::InUse
    }
}
