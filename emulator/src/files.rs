//! The files of nodes, in either run mode. They are read without the lock on the account.

use std::{ops::Range, sync::Arc};

use azbatch::{
    Account, Timestamp,
    rest::{
        FileAccess, FileContent, FileEntry, FileItem, FilePath, FilePlace, FileProblem, Request, Response,
    },
};

use crate::log::Log;

/// Where the files of all nodes are.
pub trait Files: Send + Sync {
    /// Restores the files of tasks that ended under an earlier host, as far as they are known. Only files that are kept in
    /// memory need it.
    fn restore(&self, _account: &Account) {}

    /// The files and directories at a place, in any order; with `recursive`, also those in its directories.
    ///
    /// # Errors
    /// Why there is no answer.
    fn list(&self, place: &FilePlace, recursive: bool) -> Result<Vec<FileEntry>, FileProblem>;

    /// A file with a part of its content; `part` chooses the part by the length of the file.
    ///
    /// # Errors
    /// Why there is no answer.
    fn get(
        &self,
        place: &FilePlace,
        path: &FilePath,
        part: &dyn Fn(u64) -> Range<u64>,
    ) -> Result<FileContent, FileProblem>;

    /// The properties of a file or a directory.
    ///
    /// # Errors
    /// Why there is no answer.
    fn properties(&self, place: &FilePlace, path: &FilePath) -> Result<FileItem, FileProblem>;

    /// Deletes a file or a directory.
    ///
    /// # Errors
    /// Why there is no answer.
    fn delete(&self, place: &FilePlace, path: &FilePath, recursive: bool) -> Result<(), FileProblem>;
}

/// A request that can be answered after its files are looked up.
pub struct FileLookup<'a> {
    pub(crate) access: FileAccess<'a>,
    pub(crate) files: Arc<dyn Files>,
    pub(crate) log: Log,
    pub(crate) at: Timestamp,
}

impl FileLookup<'_> {
    /// Looks the files up, which can take a while, and answers.
    pub fn answer(self, request: &Request<'_>) -> Response {
        let Self { access, files, log, at } = self;
        let response = look_up(access, &*files, at);
        log.request(at, request, &response);
        response
    }
}

/// Looks files up, which can take a while, and answers.
pub fn look_up(access: FileAccess<'_>, files: &dyn Files, at: Timestamp) -> Response {
    match access {
        FileAccess::List(list) => {
            let found = files.list(list.place(), list.is_recursive());
            list.answer(found, at)
        }
        FileAccess::Get(get) => {
            let found = files.get(get.place(), get.path(), &|length| get.bytes_of(length));
            get.answer(found, at)
        }
        FileAccess::Properties(properties) => {
            let found = files.properties(properties.place(), properties.path());
            properties.answer(found, at)
        }
        FileAccess::Delete(delete) => {
            let deleted = files.delete(delete.place(), delete.path(), delete.is_recursive());
            delete.answer(deleted, at)
        }
    }
}
