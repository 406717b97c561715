//! The path of a file below a directory.

use alloc::{boxed::Box, string::String};
use core::{fmt, str::FromStr};

/// Text that is not the path of a file below a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a path names something below its directory, without `..`")]
pub struct InvalidFilePath;

/// The path of something below a directory: one name or more, none of which leads out of the directory
/// ([V2](crate::evidence#v2)). No name is empty, `.` or `..`, and none contains a slash, a backslash or a
/// NUL.
///
/// ```
/// use azbatch::rest::FilePath;
///
/// assert_eq!(FilePath::new(r"wd\out.txt")?.as_str(), "wd/out.txt");
/// assert!(FilePath::new("../secret").is_err());
/// # Ok::<(), azbatch::rest::InvalidFilePath>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePath(Box<str>);

impl FilePath {
    /// Reads a path, in which slashes and backslashes separate names. Empty names and `.` are left out, so
    /// a path that begins with a slash is one below the directory too.
    ///
    /// # Errors
    /// [`InvalidFilePath`] for a path with `..` or a NUL, and for one without names.
    pub fn new(text: &str) -> Result<Self, InvalidFilePath> {
        let mut path = String::with_capacity(text.len());
        for name in text.split(['/', '\\']).filter(|name| !matches!(*name, "" | ".")) {
            if name == ".." || name.contains('\0') {
                return Err(InvalidFilePath);
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(name);
        }
        if path.is_empty() { Err(InvalidFilePath) } else { Ok(Self(path.into())) }
    }

    /// The names, with slashes between them.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names, the outermost first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl FromStr for FilePath {
    type Err = InvalidFilePath;

    fn from_str(text: &str) -> Result<Self, InvalidFilePath> {
        Self::new(text)
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use std::{string::ToString, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    /// V2
    #[test]
    fn a_path_never_leaves_its_directory() {
        for (text, path) in [
            ("stdout.txt", "stdout.txt"),
            ("wd\\a b.txt", "wd/a b.txt"),
            ("/wd//./x/", "wd/x"),
            ("\\\\server\\share", "server/share"),
            ("...", "..."),
            ("a..b", "a..b"),
        ] {
            assert_eq!(FilePath::new(text).map(|path| path.to_string()), Ok(path.to_string()), "{text}");
        }
        for text in ["", "/", ".", "./", "..", "../x", "wd/../../x", "wd\\..\\x", "x/..", "a\0b"] {
            assert_eq!(FilePath::new(text), Err(InvalidFilePath), "{text:?}");
        }
    }

    proptest! {
        /// V2
        #[test]
        fn every_name_of_a_path_is_a_name(text in "[a./\\\\\0]{0,12}|.{0,12}") {
            if let Ok(path) = FilePath::new(&text) {
                let names: Vec<&str> = path.names().collect();
                prop_assert!(!names.is_empty());
                for name in names {
                    prop_assert!(!matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0']));
                }
                prop_assert_eq!(FilePath::new(path.as_str()), Ok(path));
            }
        }
    }
}
