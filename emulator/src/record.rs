//! The recording: everything that comes in, as an episode in a file that is complete after each step.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use azbatch::{
    Account,
    episode::{CLOSING, Opening, Step},
};

/// A file that grows by a step at a time.
pub struct Record {
    file: Mutex<Growing>,
}

struct Growing {
    file: File,
    /// Where the next step is written: over the closing.
    end: u64,
    is_first: bool,
    /// Why no more is written.
    error: Option<io::Error>,
}

impl Record {
    /// Begins a recording of a new account. A file that is there already is left alone.
    pub fn create(path: &Path, account: &Account) -> io::Result<Self> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let opening = Opening::new(&name, account).map_err(io::Error::other)?.to_string();
        let mut file = File::create_new(path)?;
        file.write_all(format!("{opening}{CLOSING}").as_bytes())?;
        let growing = Growing { file, end: opening.len() as u64, is_first: true, error: None };
        Ok(Self { file: Mutex::new(growing) })
    }

    /// Adds a step. A recording that cannot be written ends with the step before.
    ///
    /// # Errors
    /// This is the first step that cannot be written. Those after it are passed over.
    pub fn add(&self, step: &Step) -> Result<(), String> {
        let mut growing = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if growing.error.is_some() {
            return Ok(());
        }
        growing.add(step).map_err(|error| {
            let why = error.to_string();
            growing.error = Some(error);
            why
        })
    }

    /// Waits until everything is on disk.
    pub fn finish(&self) -> io::Result<()> {
        let growing = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match &growing.error {
            Some(error) => Err(io::Error::new(error.kind(), error.to_string())),
            None => growing.file.sync_all(),
        }
    }
}

impl Growing {
    fn add(&mut self, step: &Step) -> io::Result<()> {
        let mut text = String::from(if self.is_first { "" } else { ",\n" });
        write!(text, "{step}").map_err(io::Error::other)?;
        let length = text.len() as u64;
        text.push_str(CLOSING);
        if let Err(error) = self.write(&text) {
            // The closing had its place before the step.
            self.file.set_len(self.end)?;
            self.write(CLOSING)?;
            return Err(error);
        }
        self.end += length;
        self.is_first = false;
        Ok(())
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(text.as_bytes())
    }
}
