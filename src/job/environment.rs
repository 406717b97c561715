//! What a node needs to know to run something: the command line and the environment.

use alloc::{string::String, vec::Vec};

use crate::{
    Timestamp,
    id::{PoolId, TaskId},
    job::{
        resource::Job,
        run::{RunId, Unit},
    },
    task::{Properties, TaskState, environment_settings},
};

/// What a node needs to know to carry out a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSpecification<'a> {
    /// The id of the task, or of the preparation or release task.
    pub task: &'a TaskId,
    /// The pool that the node belongs to.
    pub pool: &'a PoolId,
    /// The id of the job's preparation task, whose directory other tasks can use.
    pub preparation: Option<&'a TaskId>,
    /// When the run started, if the node reported it.
    pub start_time: Option<Timestamp>,
    /// The properties that the user gave and the state machine does not interpret: `resourceFiles` and
    /// so on.
    pub properties: &'a Properties,
    command_line: Option<&'a str>,
    common: &'a Properties,
    run: &'a RunId,
}

impl<'a> RunSpecification<'a> {
    /// The command line; empty if the user gave none.
    pub fn command_line(&self) -> &'a str {
        self.command_line.unwrap_or_default()
    }

    /// The environment variables that follow from the account's state, in the order in which to set
    /// them: those that the service sets, the job's common ones, then the task's own, which win.
    ///
    /// Directories, and whatever else depends on the node, are the host's to add:
    /// `AZ_BATCH_TASK_DIR`, `AZ_BATCH_NODE_ROOT_DIR` and so on.
    pub fn environment(&self, account_url: &str) -> Vec<(String, String)> {
        let mut url = String::from(account_url);
        url.push('/');
        let own = [
            ("AZ_BATCH_ACCOUNT_URL", url.as_str()),
            ("AZ_BATCH_POOL_ID", self.pool.as_str()),
            ("AZ_BATCH_NODE_ID", self.run.node.as_str()),
            ("AZ_BATCH_JOB_ID", self.run.job.as_str()),
            ("AZ_BATCH_TASK_ID", self.task.as_str()),
        ];
        let common = environment_settings(self.common, "commonEnvironmentSettings");
        let settings = environment_settings(self.properties, "environmentSettings");
        let all = own.into_iter().chain(common).chain(settings);
        all.map(|(name, value)| (name.into(), value.into())).collect()
    }
}

impl Job {
    /// What a node needs to know to carry out a run; `None` if the run is not, or no longer, one that
    /// the node has.
    pub fn run_specification<'a>(&'a self, run: &'a RunId) -> Option<RunSpecification<'a>> {
        if self.current_run(&run.node, &run.unit).as_ref() != Some(run) {
            return None;
        }
        let record = self.nodes.get(&run.node)?;
        let preparation = self.template().preparation.as_ref();
        let (task, command_line, properties, start_time) = match &run.unit {
            Unit::Preparation => {
                let (task, run) = (preparation?, record.preparing()?);
                (&task.id, task.command_line(), &task.other, run.start_time())
            }
            Unit::Release => {
                let (task, run) = (self.template().release.as_ref()?, record.releasing()?);
                (&task.id, task.command_line(), &task.other, run.start_time())
            }
            Unit::Task(task) => {
                let task = self.task(task)?;
                let start_time = match task.state() {
                    TaskState::Running { start_time, .. } => *start_time,
                    TaskState::Active | TaskState::Preparing(_) | TaskState::Completed(_) => None,
                };
                (task.id(), task.command_line(), &task.specification().other, start_time)
            }
        };
        Some(RunSpecification {
            task,
            pool: &record.pool,
            preparation: preparation.map(|preparation| &preparation.id),
            start_time,
            properties,
            command_line,
            common: &self.template().other,
            run,
        })
    }
}
