//! What a host finds on a node.

use alloc::vec::Vec;

use crate::{BatchError, ErrorCode, Timestamp, rest::files::path::FilePath};

/// When something on a node was created and last modified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTimes {
    /// When it was created. Not known on a Linux node ([V5](crate::evidence#v5)).
    pub created: Option<Timestamp>,
    /// When it was last modified.
    pub last_modified: Timestamp,
}

/// What kind of content a file has ([V5](crate::evidence#v5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentType {
    /// `text/plain`
    Text,
    /// `application/octet-stream`
    Binary,
}

impl ContentType {
    /// The content type of a file that begins like this: text if it is UTF-8 without control characters,
    /// except for those that texts have. The beginning may end within a character.
    pub fn of(beginning: &[u8]) -> Self {
        let is_text = match core::str::from_utf8(beginning) {
            Ok(_) => true,
            Err(error) => error.error_len().is_none(),
        };
        let is_control =
            |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | 0xC | b'\r' | 0x1B);
        if is_text && !beginning.iter().any(is_control) { Self::Text } else { Self::Binary }
    }

    /// The name in headers and lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Binary => "application/octet-stream",
        }
    }
}

/// What is known of a file besides its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileMetadata {
    /// Its times.
    pub times: FileTimes,
    /// How many bytes it has.
    pub content_length: u64,
    /// What kind of content it has.
    pub content_type: ContentType,
    /// Its type and permissions as Linux has them, such as `0o100644`.
    pub mode: Option<u32>,
}

/// Something in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileItem {
    /// A directory.
    Directory(FileTimes),
    /// A file.
    File(FileMetadata),
}

/// An item of a list of files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileEntry {
    /// Its path below the place that is listed.
    pub path: FilePath,
    /// What it is.
    pub item: FileItem,
}

/// A file with the bytes that were asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileContent {
    /// What is known of the file.
    pub metadata: FileMetadata,
    /// The bytes that [`GetFile::bytes_of`](crate::rest::GetFile::bytes_of) names.
    pub bytes: Vec<u8>,
}

/// Why a host did not find, or did not delete, what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileProblem {
    /// It is not there.
    NotFound,
    /// It is in use, or a directory that is not empty: it cannot be deleted.
    InUse,
    /// The node does not answer.
    NodeNotAnswering,
}

impl From<FileProblem> for BatchError {
    /// The refusal ([V9](crate::evidence#v9)).
    fn from(problem: FileProblem) -> Self {
        match problem {
            FileProblem::NotFound => ErrorCode::FileNotFound,
            FileProblem::InUse => ErrorCode::OperationNotValidOnNode,
            FileProblem::NodeNotAnswering => ErrorCode::NodeNotReady,
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// V5
    #[test]
    fn a_text_is_told_by_how_it_begins() {
        for text in ["", "hello\r\n", "\u{e4}\t\u{1b}[1m"] {
            assert_eq!(ContentType::of(text.as_bytes()), ContentType::Text, "{text:?}");
        }
        assert_eq!(ContentType::of(&"\u{20ac}".as_bytes()[..2]), ContentType::Text, "cut within a character");
        for bytes in [b"\x7fELF".as_slice(), b"a\0b", b"\xff\xfe", b"\xe4 a"] {
            assert_eq!(ContentType::of(bytes), ContentType::Binary, "{bytes:?}");
        }
    }
}
