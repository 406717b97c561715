//! The requests that change jobs, named after the operations of the REST API.

use alloc::sync::Arc;

use serde_json::Value;

use crate::{
    Preconditions, TimeSpan, Timestamp,
    job::{
        auto_pool::PoolInfo,
        specification::{
            DisableTasks, JobConstraints, JobSettings, JobSpecification, OnAllTasksComplete, ParallelLimit,
        },
        state::TerminateReason,
    },
    task::Properties,
};

/// How long nodes are waited for after a forced request, unless the host sets another time
/// ([F1](crate::evidence#f1)).
pub const DEFAULT_FORCE_TIMEOUT: TimeSpan = TimeSpan::from_secs(60);

/// Adds a job: `Job - Add`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AddJob {
    /// What the job is.
    pub specification: Arc<JobSpecification>,
    /// What can be changed later.
    pub settings: Arc<JobSettings>,
    /// When the request arrived: the job's creationTime ([T6](crate::evidence#t6)).
    pub received: Timestamp,
}

/// Changes a job: `Job - Update` and `Job - Patch`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UpdateJob {
    /// What to change.
    pub change: JobChange,
    /// The conditions on the job's version.
    pub preconditions: Preconditions,
}

/// What to change about a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum JobChange {
    /// PUT: everything. What the user left out returns to its default, except for the network
    /// configuration, which stays unless another is given ([B13](crate::evidence#b13)).
    Replace(JobSettings),
    /// PATCH: only what is given.
    Patch(JobPatch),
}

/// The settings that a PATCH gives. Each replaces the old one whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the fields are those of `JobSettings`")]
pub struct JobPatch {
    pub pool: Option<PoolInfo>,
    pub priority: Option<i32>,
    pub max_parallel_tasks: Option<ParallelLimit>,
    pub allow_task_preemption: Option<bool>,
    pub constraints: Option<JobConstraints>,
    pub on_all_tasks_complete: Option<OnAllTasksComplete>,
    pub network_configuration: Option<Value>,
    pub other: Properties,
}

impl JobChange {
    /// The settings after the change.
    pub(super) fn apply_to(&self, old: &JobSettings) -> JobSettings {
        match self {
            Self::Replace(settings) => {
                let mut settings = settings.clone();
                let network = settings.network_configuration.take();
                settings.network_configuration = network.or_else(|| old.network_configuration.clone()); // B13
                settings
            }
            Self::Patch(patch) => patch.apply_to(old),
        }
    }
}

impl JobPatch {
    fn apply_to(&self, old: &JobSettings) -> JobSettings {
        let mut other = old.other.clone();
        other.extend(self.other.clone());
        let network = self.network_configuration.as_ref().or(old.network_configuration.as_ref());
        JobSettings {
            pool: self.pool.clone().unwrap_or_else(|| old.pool.clone()),
            priority: self.priority.unwrap_or(old.priority),
            max_parallel_tasks: self.max_parallel_tasks.unwrap_or(old.max_parallel_tasks),
            allow_task_preemption: self.allow_task_preemption.unwrap_or(old.allow_task_preemption),
            constraints: self.constraints.unwrap_or(old.constraints),
            on_all_tasks_complete: self.on_all_tasks_complete.unwrap_or(old.on_all_tasks_complete),
            network_configuration: network.cloned(),
            other,
        }
    }
}

/// Stops scheduling a job's tasks: `Job - Disable`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DisableJob {
    /// What becomes of the tasks on nodes.
    pub disable_tasks: DisableTasks,
    /// The conditions on the job's version.
    pub preconditions: Preconditions,
}

/// Schedules a job's tasks again: `Job - Enable`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EnableJob {
    /// The conditions on the job's version.
    pub preconditions: Preconditions,
}

/// Ends a job: `Job - Terminate`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TerminateJob {
    /// Why. A user gives a text or none. The other reasons are for the service's own terminations, and
    /// for a host that runs job schedules.
    pub reason: TerminateReason,
    /// `Some` forces the end: nodes are waited for this long and no longer ([F1](crate::evidence#f1)).
    /// Usually [`Account::force_timeout`](crate::Account::force_timeout).
    pub force: Option<TimeSpan>,
    /// The conditions on the job's version.
    pub preconditions: Preconditions,
}

impl TerminateJob {
    /// A user's request without a reason, force or conditions.
    pub fn by_user() -> Self {
        Self::because(TerminateReason::User(None))
    }

    /// An end for this reason, without force or conditions.
    pub fn because(reason: TerminateReason) -> Self {
        Self { reason, force: None, preconditions: Preconditions::None }
    }
}

/// Deletes a job: `Job - Delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DeleteJob {
    /// As [`TerminateJob::force`].
    pub force: Option<TimeSpan>,
    /// The conditions on the job's version.
    pub preconditions: Preconditions,
}
