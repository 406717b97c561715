//! What is in the database file.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    fs::{self, File},
    io,
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::{
    Database, DatabaseError, ReadableTable, ReadableTableMetadata, StorageBackend as _, StorageError, Table,
    TableDefinition, TableError, WriteTransaction, backends::FileBackend,
};

use crate::store::{OpenError, StoreError};

/// The format of the file. It changes when files written by an earlier version are no longer read.
pub const FORMAT: u64 = 1;

/// The file in the folder.
const FILE: &str = "store.redb";
/// The file while it is being made.
const NEW_FILE: &str = "store.redb.new";
/// A smaller file is left as it is.
const SHRINK_FROM_BYTES: u64 = 32 * 1024 * 1024;

/// How much of the file is kept in memory.
const CACHE: usize = 64 * 1024 * 1024;

/// `format`.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// The names of logs.
const LOGS: TableDefinition<'_, &str, ()> = TableDefinition::new("logs");
/// Entries by log and index.
const ENTRIES: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("entries");
/// Values by log and name.
const VALUES: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("values");
/// Large values by log and name: the number of the value, and how many pieces it has.
const LARGE_VALUES: TableDefinition<'_, (&str, &str), (u64, u32)> = TableDefinition::new("large_values");
/// Pieces of large values by the number of the value and their own.
const PIECES: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("pieces");

/// Changes to a log that are made together.
pub struct Write {
    pub number: u64,
    pub log: Arc<str>,
    pub changes: Vec<Change>,
}

/// A change to a log.
pub enum Change {
    Append { index: u64, bytes: Vec<u8> },
    Truncate { from: u64 },
    Purge { up_to: u64 },
    Put { value: Box<str>, bytes: Vec<u8> },
    Remove { value: Box<str> },
    Piece { number: u64, piece: u32, bytes: Vec<u8> },
    DropPieces { number: u64 },
    PutPieces { value: Box<str>, number: u64, pieces: u32 },
    DeleteLog,
}

impl Change {
    pub fn size(&self) -> usize {
        match self {
            Self::Append { bytes, .. } | Self::Put { bytes, .. } | Self::Piece { bytes, .. } => bytes.len(),
            Self::Truncate { .. }
            | Self::Purge { .. }
            | Self::Remove { .. }
            | Self::DropPieces { .. }
            | Self::PutPieces { .. }
            | Self::DeleteLog => 0,
        }
    }
}

/// Opens the file in a folder, and checks all of it.
pub fn open(folder: &Path) -> Result<(Database, Found), OpenError> {
    let file = folder.join(FILE);
    if !exists(&file)? {
        create(folder)?;
    }
    // A database that does not fit together can also end in a panic inside it.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let mut database = open_checked(&file)?;
        check_format(&database)?;
        let found = clean_up(&database).map_err(failed)?;
        shrink(&mut database, &file)?;
        Ok((database, found))
    }));
    opened.unwrap_or_else(|_| Err(OpenError::Damaged("it cannot be read".into())))
}

fn open_checked(file: &Path) -> Result<Database, OpenError> {
    let is_checked = Arc::<AtomicBool>::default();
    let checked = is_checked.clone();
    // After a kill, the database checks the whole file by itself.
    let mut database = Database::builder()
        .set_cache_size(CACHE)
        .set_repair_callback(move |_| checked.store(true, Ordering::Relaxed))
        .open(file)
        .map_err(open_error)?;
    if !is_checked.load(Ordering::Relaxed) && !database.check_integrity().map_err(open_error)? {
        return Err(OpenError::Damaged("its checksums are wrong".into()));
    }
    Ok(database)
}

/// Makes a large file small again, if most of it is free.
fn shrink(database: &mut Database, file: &Path) -> Result<(), OpenError> {
    let length = fs::metadata(file).map_err(failed)?.len();
    if length < SHRINK_FROM_BYTES {
        return Ok(());
    }
    let transaction = database.begin_write().map_err(failed)?;
    let stored = transaction.stats().map_err(failed)?.stored_bytes();
    transaction.abort().map_err(failed)?;
    if stored < length / 4 {
        while database.compact().map_err(failed)? {}
    }
    Ok(())
}

/// Makes the file, whole or not at all, unless another process has made it meanwhile.
fn create(folder: &Path) -> Result<(), OpenError> {
    let (file, new) = (folder.join(FILE), folder.join(NEW_FILE));
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(&new);
    // Only one process gets past the lock, and it keeps it until the file has its name.
    let backend = FileBackend::new(opened.map_err(failed)?).map_err(open_error)?;
    if exists(&file)? {
        return fs::remove_file(&new).or_else(ignore_missing).map_err(failed);
    }
    backend.set_len(0).map_err(failed)?; // What a kill has left of it is of no use.
    let mut builder = Database::builder();
    let database =
        builder.create_with_file_format_v3(true).create_with_backend(backend).map_err(open_error)?;
    begin(&database).map_err(failed)?;
    fs::rename(&new, &file).map_err(failed)?;
    #[cfg(unix)] // Elsewhere a folder cannot be opened.
    for folder in [folder, &folder.join("..")] {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(())
}

fn exists(file: &Path) -> Result<bool, OpenError> {
    file.try_exists().map_err(failed)
}

fn failed(error: impl fmt::Display) -> OpenError {
    OpenError::Failed(error.to_string())
}

/// Makes the tables, so that nobody finds the file without them.
pub fn begin(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert("format", FORMAT)?;
    Tables::open(&transaction)?;
    Ok(transaction.commit()?)
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "more errors may come with the database")]
fn open_error(error: DatabaseError) -> OpenError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse,
        DatabaseError::Storage(StorageError::Io(error)) if is_damage(error.kind()) => {
            OpenError::Damaged(error.to_string())
        }
        DatabaseError::Storage(StorageError::Io(error)) => OpenError::Failed(error.to_string()),
        error => OpenError::Damaged(error.to_string()),
    }
}

/// Whether the file says what cannot be, and not the disk.
fn is_damage(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

fn check_format(database: &Database) -> Result<(), OpenError> {
    match format(database).map_err(|error| OpenError::Damaged(error.to_string()))? {
        Some(FORMAT) => Ok(()),
        Some(found) => Err(OpenError::OtherFormat { found, expected: FORMAT }),
        None => Err(OpenError::Damaged("it has no format".into())),
    }
}

fn format(database: &Database) -> Result<Option<u64>, StoreError> {
    let meta = database.begin_read()?.open_table(META)?;
    Ok(meta.get("format")?.map(|format| format.value()))
}

/// What a store begins with.
pub struct Found {
    pub logs: BTreeSet<Arc<str>>,
    pub next_value: u64,
}

/// Removes the pieces of values that were not finished.
pub fn clean_up(database: &Database) -> Result<Found, StoreError> {
    let transaction = database.begin_write()?;
    let mut tables = Tables::open(&transaction)?;
    let (mut used, mut next_value) = (HashSet::new(), 0);
    for value in tables.large_values.iter()? {
        let (number, _) = value?.1.value();
        used.insert(number);
    }
    if let Some((key, _)) = tables.pieces.last()? {
        next_value = key.value().0 + 1;
    }
    let pieces = tables.pieces.len()?;
    tables.pieces.retain(|(number, _), _| used.contains(&number))?;
    let is_clean = tables.pieces.len()? == pieces;
    let mut logs = BTreeSet::new();
    for log in tables.logs.iter()? {
        logs.insert(log?.0.value().into());
    }
    drop(tables);
    if is_clean {
        transaction.abort()?;
    } else {
        transaction.commit()?;
    }
    Ok(Found { logs, next_value })
}

/// Makes all changes of a group, and waits until they are on disk.
pub fn commit(
    database: &Database,
    logs: &mut BTreeSet<Arc<str>>,
    group: Vec<Write>,
) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    let mut tables = Tables::open(&transaction)?;
    for Write { log, changes, .. } in group {
        if !logs.contains(&log) {
            tables.logs.insert(&*log, ())?;
            logs.insert(log.clone());
        }
        for change in changes {
            if matches!(change, Change::DeleteLog) {
                logs.remove(&log);
            }
            tables.change(&log, change)?;
        }
    }
    drop(tables);
    Ok(transaction.commit()?)
}

/// The tables of a transaction that writes.
struct Tables<'a> {
    logs: Table<'a, &'static str, ()>,
    entries: Table<'a, (&'static str, u64), &'static [u8]>,
    values: Table<'a, (&'static str, &'static str), &'static [u8]>,
    large_values: Table<'a, (&'static str, &'static str), (u64, u32)>,
    pieces: Table<'a, (u64, u32), &'static [u8]>,
}

impl<'a> Tables<'a> {
    fn open(transaction: &'a WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            logs: transaction.open_table(LOGS)?,
            entries: transaction.open_table(ENTRIES)?,
            values: transaction.open_table(VALUES)?,
            large_values: transaction.open_table(LARGE_VALUES)?,
            pieces: transaction.open_table(PIECES)?,
        })
    }

    fn change(&mut self, log: &str, change: Change) -> Result<(), StoreError> {
        match change {
            Change::Append { index, bytes } => drop(self.entries.insert((log, index), bytes.as_slice())?),
            Change::Truncate { from } => {
                self.entries.retain_in((log, from)..=(log, u64::MAX), |_, _| false)?;
            }
            Change::Purge { up_to } => self.entries.retain_in((log, 0)..=(log, up_to), |_, _| false)?,
            Change::Put { value, bytes } => {
                self.remove_large(log, &value)?;
                self.values.insert((log, &*value), bytes.as_slice())?;
            }
            Change::Remove { value } => {
                self.remove_large(log, &value)?;
                self.values.remove((log, &*value))?;
            }
            Change::Piece { number, piece, bytes } => {
                self.pieces.insert((number, piece), bytes.as_slice())?;
            }
            Change::DropPieces { number } => self.drop_pieces(number)?,
            Change::PutPieces { value, number, pieces } => {
                self.remove_large(log, &value)?;
                self.values.remove((log, &*value))?;
                self.large_values.insert((log, &*value), (number, pieces))?;
            }
            Change::DeleteLog => self.delete(log)?,
        }
        Ok(())
    }

    fn remove_large(&mut self, log: &str, value: &str) -> Result<(), StoreError> {
        let removed = self.large_values.remove((log, value))?.map(|value| value.value());
        if let Some((number, _)) = removed {
            self.drop_pieces(number)?;
        }
        Ok(())
    }

    fn drop_pieces(&mut self, number: u64) -> Result<(), StoreError> {
        Ok(self.pieces.retain_in((number, 0)..=(number, u32::MAX), |_, _| false)?)
    }

    fn delete(&mut self, log: &str) -> Result<(), StoreError> {
        self.entries.retain_in((log, 0)..=(log, u64::MAX), |_, _| false)?;
        let mut names = Vec::new();
        for value in of_log(&self.values, log)? {
            names.push(value);
        }
        for value in of_log(&self.large_values, log)? {
            names.push(value);
        }
        for value in names {
            self.change(log, Change::Remove { value })?;
        }
        self.logs.remove(log)?;
        Ok(())
    }
}

/// The names of the values that a log has in a table.
fn of_log<V: redb::Value + 'static>(
    table: &impl ReadableTable<(&'static str, &'static str), V>,
    log: &str,
) -> Result<Vec<Box<str>>, StoreError> {
    let mut names = Vec::new();
    for entry in table.range((log, "")..)? {
        let (key, _) = entry?;
        let (of, name) = key.value();
        if of != log {
            break;
        }
        names.push(name.into());
    }
    Ok(names)
}

pub fn names(database: &Database) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for name in database.begin_read()?.open_table(LOGS)?.iter()? {
        names.push(name?.0.value().to_owned());
    }
    Ok(names)
}

pub fn read(
    database: &Database,
    log: &str,
    range: RangeInclusive<u64>,
) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
    let mut entries = Vec::new();
    let table = database.begin_read()?.open_table(ENTRIES)?;
    for entry in table.range((log, *range.start())..=(log, *range.end()))? {
        let (key, bytes) = entry?;
        entries.push((key.value().1, bytes.value().to_vec()));
    }
    Ok(entries)
}

pub fn bounds(database: &Database, log: &str) -> Result<Option<(u64, u64)>, StoreError> {
    let table = database.begin_read()?.open_table(ENTRIES)?;
    let mut all = table.range((log, 0)..=(log, u64::MAX))?;
    let Some(first) = all.next().transpose()?.map(|(key, _)| key.value().1) else { return Ok(None) };
    let last = all.next_back().transpose()?.map_or(first, |(key, _)| key.value().1);
    Ok(Some((first, last)))
}

pub fn get(database: &Database, log: &str, value: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let transaction = database.begin_read()?;
    if let Some(bytes) = transaction.open_table(VALUES)?.get((log, value))? {
        return Ok(Some(bytes.value().to_vec()));
    }
    let Some(large) = transaction.open_table(LARGE_VALUES)?.get((log, value))? else { return Ok(None) };
    let (number, pieces) = large.value();
    let mut bytes = Vec::new();
    let table = transaction.open_table(PIECES)?;
    for piece in table.range((number, 0)..(number, pieces))? {
        bytes.extend_from_slice(piece?.1.value());
    }
    Ok(Some(bytes))
}

/// The numbers of the values that the pieces are of.
#[cfg(test)]
pub fn pieces(database: &Database) -> Vec<u64> {
    let table = database.begin_read().unwrap().open_table(PIECES).unwrap();
    table.iter().unwrap().map(|piece| piece.unwrap().0.value().0).collect()
}
