//! Processes that a killed emulator has left running.

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill as send},
    unistd::Pid,
};

use super::MARK;

/// How long they are waited for. A process that the system cannot end just now is left alone.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kills everything that runs below a directory: what has it in its environment. What starts meanwhile is killed too.
pub fn kill(root: &Path) {
    let mark = [MARK.as_bytes(), b"=", root.as_os_str().as_bytes()].concat();
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let orphans = marked(&mark);
        if orphans.is_empty() {
            return;
        }
        for orphan in orphans {
            send(orphan, Signal::SIGKILL).ok(); // It may have ended.
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The processes with this variable. Those of other users cannot be read, and a process that has ended has none.
fn marked(mark: &[u8]) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let is_marked = |id: &i32| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark)
    };
    ids.filter(is_marked).map(Pid::from_raw).collect()
}
