//! Machines that run command lines as child processes on this computer.
//!
//! Each node has a directory, laid out as the service lays it out:
//! `NODE/workitems/JOB/job-1/TASK/{wd/,stdout.txt,stderr.txt}` and `NODE/shared/`.

mod files;
#[cfg(target_os = "linux")]
mod orphans;
mod steps;

use std::{
    collections::{BTreeMap, VecDeque},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use azbatch::{
    Account, NodeId, Report, RunId, Timestamp,
    job::{Ended, ReportEvent},
    task::{NodeError, NodeFailure},
};
use tokio::{
    process::{Child, Command},
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    files::Files,
    machines::{Machines, Run},
    store::Ticket,
};
use files::LocalFiles;
use steps::Steps;

/// How long a process has to end by itself once it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// Where the files of nodes are moved to before they are deleted; no id begins with a full stop.
const ERASED: &str = ".erased";

/// The variable by which processes are found that an emulator before this one has left running. Its value is the
/// directory below which they run.
const MARK: &str = "AZBATCH_EMULATOR_NODES";

/// Child processes, one a run.
pub struct Local {
    root: PathBuf,
    account: String,
    runs: BTreeMap<RunId, Running>,
    inbox: Arc<Inbox>,
    /// What is done outside this process, in its order.
    steps: Steps,
    /// How many times the files of a node were deleted.
    erased: u64,
    /// Whether what ends from now on ends without a report.
    is_closed: bool,
}

struct Running {
    end: mpsc::UnboundedSender<Ending>,
    done: JoinHandle<()>,
}

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Asked,
    Killed,
}

/// The reports on processes that nobody has taken yet.
struct Inbox {
    reports: Mutex<VecDeque<Report>>,
    wake: Arc<Notify>,
}

impl Inbox {
    fn post(&self, report: Report) {
        self.lock().push_back(report);
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Report>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Local {
    /// Runs everything below `root`, and wakes the task that waits for reports. Files of nodes that are not there any more
    /// are deleted, because another node can get the same id.
    pub fn new(root: PathBuf, account: &Account, name: String, wake: Arc<Notify>) -> Self {
        let inbox = Arc::new(Inbox { reports: Mutex::default(), wake });
        #[cfg(target_os = "linux")]
        orphans::kill(&root);
        remove_old(&root, account); // An earlier process may have stopped before it had done so.
        let (runs, steps) = (BTreeMap::new(), Steps::new());
        Self { root, account: name, runs, inbox, steps, erased: 0, is_closed: false }
    }
}

/// Removes all that is below a directory, but for the files of the account's nodes.
fn remove_old(root: &Path, account: &Account) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let node = entry.file_name().to_str().and_then(|name| NodeId::new(name).ok());
        if node.is_none_or(|node| account.node(&node).is_none()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

impl Machines for Local {
    fn hold(&mut self, until: Ticket) {
        self.steps.hold(until);
    }

    fn run(&mut self, run: &Run, _now: Timestamp) {
        if self.runs.contains_key(&run.id) {
            return;
        }
        let (id, inbox) = (run.id.clone(), self.inbox.clone());
        let (end, endings) = mpsc::unbounded_channel();
        let place = Place::new(&self.root, run);
        let command = place.command(run, &self.account, &self.root);
        let turn = self.steps.turn();
        let done = tokio::spawn(async move {
            if turn.await.is_err() {
                return; // It never comes.
            }
            let ended = live(&place, command, endings, || inbox.post(id.started())).await;
            inbox.post(id.ended(ended));
        });
        self.runs.insert(run.id.clone(), Running { end, done });
    }

    fn stop(&mut self, run: &RunId, _now: Timestamp) {
        match self.runs.get(run) {
            Some(running) => self.steps.then(running.end(Ending::Asked)),
            None => self.inbox.post(run.ended(Ended::default())),
        }
    }

    fn wipe(&mut self, node: &NodeId) {
        self.runs.retain(|run, running| {
            let stays = run.node != *node;
            if !stays {
                self.steps.then(running.end(Ending::Killed));
            }
            stays
        });
    }

    /// A killed process may still write for a moment, so its directory is moved before it is deleted.
    fn erase(&mut self, node: &NodeId) {
        self.erased += 1;
        let erased = self.root.join(ERASED);
        let (node, number) = (self.root.join(node.as_str()), self.erased.to_string());
        self.steps.then(move || {
            fs::create_dir_all(&erased).ok();
            let erased = erased.join(number);
            if fs::rename(node, &erased).is_ok() {
                tokio::task::spawn_blocking(move || fs::remove_dir_all(erased));
            }
        });
    }

    fn files(&self) -> Arc<dyn Files> {
        Arc::new(LocalFiles::new(self.root.clone()))
    }

    fn runs_on(&self, node: &NodeId) -> Vec<RunId> {
        self.runs.keys().filter(|run| run.node == *node).cloned().collect()
    }

    fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        (!self.is_closed && !self.inbox.lock().is_empty()).then_some(now)
    }

    /// Reports of processes on a wiped node come too; their runs have ended already, so they change nothing.
    fn take_due(&mut self, _now: Timestamp) -> Option<Report> {
        if self.is_closed {
            return None;
        }
        let report = self.inbox.lock().pop_front()?;
        if matches!(report.event, ReportEvent::Ended(_)) {
            self.runs.remove(&report.run);
        }
        Some(report)
    }

    fn close(&mut self) -> Vec<JoinHandle<()>> {
        self.is_closed = true; // A client that is still there must not learn that what runs was killed.
        self.steps.stop();
        let runs = std::mem::take(&mut self.runs);
        let close = |run: Running| {
            run.end.send(Ending::Killed).ok();
            run.done
        };
        runs.into_values().map(close).collect()
    }
}

impl Running {
    /// What lets it end.
    fn end(&self, ending: Ending) -> impl FnOnce() + Send + 'static {
        let end = self.end.clone();
        move || end.send(ending).unwrap_or_default() // It may have ended.
    }
}

/// The directories of a run.
struct Place {
    node: PathBuf,
    job: PathBuf,
    task: PathBuf,
}

impl Place {
    /// Ids consist of letters, digits and a few marks, so they cannot lead to other directories.
    fn new(root: &Path, run: &Run) -> Self {
        let node = root.join(run.id.node.as_str());
        let job = node.join("workitems").join(run.id.job.as_str()).join("job-1");
        let task = job.join(run.task.as_str());
        Self { node, job, task }
    }

    fn command(&self, run: &Run, account: &str, root: &Path) -> Command {
        let mut command = Command::new("sh");
        let (shared, working) = (self.node.join("shared"), self.task.join("wd"));
        command.arg("-c").arg(&run.command_line).current_dir(&working).kill_on_drop(true);
        command.env("AZ_BATCH_ACCOUNT_NAME", account);
        command.env("AZ_BATCH_NODE_ROOT_DIR", &self.node).env("AZ_BATCH_NODE_SHARED_DIR", shared);
        command.env("AZ_BATCH_TASK_DIR", &self.task).env("AZ_BATCH_TASK_WORKING_DIR", working);
        if let Some(preparation) = &run.preparation {
            let preparation = self.job.join(preparation.as_str());
            command.env("AZ_BATCH_JOB_PREP_WORKING_DIR", preparation.join("wd"));
            command.env("AZ_BATCH_JOB_PREP_DIR", preparation);
        }
        command.envs(run.environment.iter().map(|(name, value)| (name, value)));
        command.env(MARK, root);
        #[cfg(unix)]
        command.process_group(0); // So that what the shell starts can be stopped with it.
        command
    }

    fn spawn(&self, mut command: Command) -> io::Result<Child> {
        fs::create_dir_all(self.node.join("shared"))?;
        fs::create_dir_all(self.task.join("wd"))?;
        command.stdin(std::process::Stdio::null());
        command.stdout(File::create(self.task.join("stdout.txt"))?);
        command.stderr(File::create(self.task.join("stderr.txt"))?);
        command.spawn()
    }
}

/// A process from its start to its end.
async fn live(
    place: &Place,
    command: Command,
    mut endings: mpsc::UnboundedReceiver<Ending>,
    started: impl Fn(),
) -> Ended {
    let mut child = match place.spawn(command) {
        Ok(child) => child,
        Err(error) => return not_started(&error),
    };
    let group = child.id();
    started();
    let mut ended = None;
    tokio::select! {
        status = child.wait() => ended = Some(status),
        ending = endings.recv() => if ending != Some(Ending::Killed) {
            signal::ask_to_end(group);
            tokio::select! {
                status = timeout(GRACE, child.wait()) => ended = status.ok(),
                // A kill comes before the grace time is over; a second request to end changes nothing.
                () = killed(&mut endings) => {}
            }
        },
    }
    signal::kill(group); // Ends what the process has left running.
    let status = match ended {
        Some(status) => status,
        None => child.wait().await,
    };
    Ended { exit_code: status.ok().map(exit_code), failure: None }
}

async fn killed(endings: &mut mpsc::UnboundedReceiver<Ending>) {
    while endings.recv().await == Some(Ending::Asked) {}
}

fn not_started(error: &io::Error) -> Ended {
    let error = NodeError { code: "CommandProgramNotFound".into(), message: error.to_string() };
    Ended { exit_code: None, failure: Some(NodeFailure::PreProcessing(error)) }
}

/// As a shell reports it: 128 plus the number of the signal for a process that a signal ended.
fn exit_code(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + signal;
    }
    status.code().unwrap_or(-1)
}

#[cfg(unix)]
mod signal {
    //! Signals to a process group, which may be gone already.

    use nix::{
        sys::signal::{Signal, killpg},
        unistd::Pid,
    };

    pub fn ask_to_end(group: Option<u32>) {
        send(group, Signal::SIGTERM);
    }

    pub fn kill(group: Option<u32>) {
        send(group, Signal::SIGKILL);
    }

    fn send(group: Option<u32>, signal: Signal) {
        if let Some(group) = group.and_then(|group| i32::try_from(group).ok()) {
            killpg(Pid::from_raw(group), signal).ok();
        }
    }
}

#[cfg(not(unix))]
mod signal {
    //! Without process groups only the child itself is ended, when it is dropped.

    pub fn ask_to_end(_group: Option<u32>) {}

    pub fn kill(_group: Option<u32>) {}
}

#[cfg(test)]
mod tests {
    use azbatch::{JobId, TaskId, job::Unit};

    use super::*;

    /// A run that is killed at the end of the emulator goes on at the next start, so nobody is told that it has ended.
    #[tokio::test]
    async fn what_is_killed_at_the_end_is_not_reported() {
        let root = std::env::temp_dir().join(format!("azbatch-local-{}", std::process::id()));
        let account = Account::new("http://127.0.0.1");
        let mut local = Local::new(root.clone(), &account, "laptop".into(), Arc::default());
        let task = TaskId::new("task").unwrap();
        let (job, node) = (JobId::new("film").unwrap(), NodeId::new("n").unwrap());
        let run = Run {
            id: RunId { job, node, unit: Unit::Task(task.clone()), number: 0 },
            task,
            command_line: "sleep 100".into(),
            environment: Vec::new(),
            preparation: None,
            started: None,
        };
        let now = Timestamp::MIN;
        local.run(&run, now);
        while local.next_due(now).is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(local.take_due(now), Some(run.id.started()));
        for process in local.close() {
            process.await.unwrap();
        }
        assert_eq!((local.next_due(now), local.take_due(now)), (None, None));
        fs::remove_dir_all(root).unwrap();
    }
}
