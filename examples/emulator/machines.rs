//! What the machines behind the nodes are asked to do, however they do it.

use azbatch::{Account, JobId, NodeId, Properties, Report, TaskId, TaskState, Timestamp, Unit};
use tokio::task::JoinHandle;

/// Which run: there is one of a kind at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunKey {
    pub node: NodeId,
    pub job: JobId,
    pub unit: Unit,
}

/// Something to run on a node.
#[derive(Clone, Debug)]
pub struct Run {
    pub key: RunKey,
    /// The task's id, also that of a preparation or release task.
    pub task: TaskId,
    pub command_line: String,
    /// The variables that the service sets, then the user's, which win.
    pub environment: Vec<(String, String)>,
    /// The id of the job's preparation task, whose directory others may use.
    pub preparation: Option<TaskId>,
    /// When it started, if an emulator before this one had started it.
    pub started: Option<Timestamp>,
}

/// The machines behind all nodes. They answer in their own time, with reports.
pub trait Machines: Send {
    /// Starts something, unless it runs already.
    fn run(&mut self, run: &Run, now: Timestamp);

    /// Stops something. The report of its end is owed even if it does not run.
    fn stop(&mut self, key: &RunKey, now: Timestamp);

    /// Everything on this node is gone without a word.
    fn wipe(&mut self, node: &NodeId);

    /// When the next report is due; one that does not wait for the clock is due now.
    fn next_due(&self, now: Timestamp) -> Option<Timestamp>;

    /// The next report that is due.
    fn take_due(&mut self, now: Timestamp) -> Option<Report>;

    /// Ends everything, and gives what must be waited for until all is gone.
    fn close(&mut self) -> Vec<JoinHandle<()>> {
        Vec::new()
    }
}

impl Run {
    /// What the account says about a run; `None` if it does not know it any more.
    pub fn find(account: &Account, key: RunKey) -> Option<Self> {
        let job = account.job(&key.job).ok()?;
        let record = job.node(&key.node)?;
        let (specification, preparation) = (job.specification(), job.specification().preparation.as_ref());
        let (task, properties, started) = match &key.unit {
            Unit::Preparation => {
                let started = record.preparation().and_then(azbatch::NodeRun::start_time);
                (&preparation?.id, &preparation?.other, started)
            }
            Unit::Release => {
                let release = specification.release.as_ref()?;
                (&release.id, &release.other, record.release().and_then(azbatch::NodeRun::start_time))
            }
            Unit::Task(task) => {
                let found = job.task(task)?;
                (found.id(), &found.specification().other, started(found.state()))
            }
        };
        let text = |name, id: &str| (String::from(name), String::from(id));
        let mut environment = vec![
            text("AZ_BATCH_ACCOUNT_URL", &format!("{}/", account.url())),
            text("AZ_BATCH_POOL_ID", record.pool().as_str()),
            text("AZ_BATCH_NODE_ID", key.node.as_str()),
            text("AZ_BATCH_JOB_ID", key.job.as_str()),
            text("AZ_BATCH_TASK_ID", task.as_str()),
        ];
        environment.extend(settings(&specification.other, "commonEnvironmentSettings"));
        environment.extend(settings(properties, "environmentSettings"));
        let command_line = properties.get("commandLine").and_then(|value| value.as_str());
        Some(Self {
            task: task.clone(),
            command_line: command_line.unwrap_or_default().into(),
            environment,
            preparation: preparation.map(|preparation| preparation.id.clone()),
            started,
            key,
        })
    }
}

fn started(state: &TaskState) -> Option<Timestamp> {
    match state {
        TaskState::Running { start_time, .. } => *start_time,
        TaskState::Active | TaskState::Preparing { .. } | TaskState::Completed(_) => None,
    }
}

/// The pairs of a list of environment settings.
fn settings(properties: &Properties, list: &str) -> Vec<(String, String)> {
    let settings = properties.get(list).and_then(|value| value.as_array());
    let pair = |setting: &serde_json::Value| {
        let text = |name| setting.get(name).and_then(|value| value.as_str());
        Some((text("name")?.to_owned(), text("value").unwrap_or_default().to_owned()))
    };
    settings.into_iter().flatten().filter_map(pair).collect()
}
