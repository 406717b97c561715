//! What the service shows of files.

use core::fmt::Display;

use crate::rest::{
    files::{
        FilePlace,
        found::{FileEntry, FileItem, FileMetadata},
        path::FilePath,
    },
    odata::shown::{Slot, fill},
    percent::escaped,
    shown::written,
};

/// The URL of a file of a task or node.
pub(in crate::rest) fn file_url(account: &str, place: &FilePlace, path: &FilePath) -> impl Display {
    written(move |f| {
        write!(f, "{}/files", place.url(account))?;
        path.names().try_for_each(|name| write!(f, "/{}", escaped(name)))
    })
}

/// An item of a list of files. Directories have no properties (V4).
pub(in crate::rest) fn entry(account: &str, place: &FilePlace, entry: &FileEntry, slot: &mut Slot<'_>) {
    let (is_directory, metadata) = match &entry.item {
        FileItem::Directory(_) => (true, None),
        FileItem::File(metadata) => (false, Some(metadata)),
    };
    fill!(slot {
        "name" => slot.text(entry.path.as_str()),
        "url" => slot.written(&file_url(account, place, &entry.path)),
        "isDirectory" => slot.boolean(is_directory),
        "properties" => if let Some(metadata) = metadata {
            slot.object(&|slot| properties(metadata, slot));
        },
    });
}

fn properties(metadata: &FileMetadata, slot: &mut Slot<'_>) {
    fill!(slot {
        "creationTime" => slot.instant(metadata.times.created),
        "lastModified" => slot.instant(metadata.times.last_modified),
        "contentLength" => slot.integer(metadata.content_length),
        "contentType" => slot.text(metadata.content_type.as_str()),
        "fileMode" => if let Some(mode) = metadata.mode {
            slot.written(&file_mode(mode));
        },
    });
}

/// As the service writes it, such as `0o100644` (V5).
pub(in crate::rest) fn file_mode(mode: u32) -> impl Display {
    written(move |f| write!(f, "0o{mode:o}"))
}
