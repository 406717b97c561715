//! What the service shows of files.

use alloc::{format, string::String};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::rest::{
    files::{
        found::{FileEntry, FileItem, FileMetadata},
        path::FilePath,
    },
    odata::model::name,
    shown::{Properties, put, text},
};

/// What is escaped in a component of a URL (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text with everything escaped that a component of a URL cannot have.
pub(in crate::rest) fn escaped(text: &str) -> String {
    format!("{}", utf8_percent_encode(text, RESERVED))
}

/// The URL of a file; the base is that of its task or node.
pub(in crate::rest) fn file_url(base: &str, path: &FilePath) -> String {
    let mut url = format!("{base}/files");
    for name in path.names() {
        url.push('/');
        url.push_str(&escaped(name));
    }
    url
}

/// An item of a list of files. Directories have no properties (V4).
pub(in crate::rest) fn entry(base: &str, entry: &FileEntry) -> Properties {
    let mut shown = Properties::new();
    put(&mut shown, name!("name"), text(&entry.path));
    put(&mut shown, name!("url"), Value::String(file_url(base, &entry.path)));
    let (is_directory, metadata) = match &entry.item {
        FileItem::Directory(_) => (true, None),
        FileItem::File(metadata) => (false, Some(metadata)),
    };
    put(&mut shown, name!("isDirectory"), Value::Bool(is_directory));
    put(&mut shown, name!("properties"), metadata.map(properties));
    shown
}

fn properties(metadata: &FileMetadata) -> Value {
    let mut shown = Properties::new();
    put(&mut shown, name!("creationTime"), metadata.times.created.map(text));
    put(&mut shown, name!("lastModified"), text(metadata.times.last_modified));
    put(&mut shown, name!("contentLength"), text(metadata.content_length));
    put(&mut shown, name!("contentType"), text(metadata.content_type.as_str()));
    put(&mut shown, name!("fileMode"), metadata.mode.map(|mode| text(file_mode(mode))));
    Value::Object(shown)
}

/// As the service writes it, such as `0o100644` (V5).
pub(in crate::rest) fn file_mode(mode: u32) -> String {
    format!("0o{mode:o}")
}
