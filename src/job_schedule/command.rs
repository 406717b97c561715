//! The requests that change job schedules, named after the operations of the REST API.

use alloc::sync::Arc;

use crate::{
    Preconditions, TimeSpan,
    job::{JobSettings, JobTemplate},
    job_schedule::specification::{JobScheduleSettings, JobScheduleSpecification, Schedule},
    task::Properties,
};

/// Adds a job schedule: `Job Schedule - Add`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AddJobSchedule {
    /// What it is.
    pub specification: Arc<JobScheduleSpecification>,
    /// What can be changed later.
    pub settings: Arc<JobScheduleSettings>,
}

/// Changes a job schedule: `Job Schedule - Update` and `Job Schedule - Patch`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UpdateJobSchedule {
    /// What to change.
    pub change: JobScheduleChange,
    /// The conditions on the schedule's version.
    pub preconditions: Preconditions,
}

/// What to change about a job schedule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum JobScheduleChange {
    /// PUT: everything.
    Replace(JobScheduleSettings),
    /// PATCH: only what is given.
    Patch(JobSchedulePatch),
}

/// The settings that a PATCH gives. Each replaces the old one whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the fields are those of `JobScheduleSettings`")]
pub struct JobSchedulePatch {
    pub schedule: Option<Schedule>,
    pub job: Option<(Arc<JobTemplate>, Arc<JobSettings>)>,
    pub other: Properties,
}

impl JobScheduleChange {
    /// The settings after the change.
    pub(super) fn apply_to(&self, old: &JobScheduleSettings) -> JobScheduleSettings {
        match self {
            Self::Replace(settings) => settings.clone(),
            Self::Patch(patch) => patch.apply_to(old),
        }
    }

    /// What the jobs are to be, if that changes.
    pub(crate) fn job(&self) -> Option<&JobTemplate> {
        match self {
            Self::Replace(settings) => Some(&settings.job),
            Self::Patch(patch) => patch.job.as_ref().map(|(job, _)| job.as_ref()),
        }
    }
}

impl JobSchedulePatch {
    fn apply_to(&self, old: &JobScheduleSettings) -> JobScheduleSettings {
        let old_job = || (old.job.clone(), old.job_settings.clone());
        let (job, job_settings) = self.job.clone().unwrap_or_else(old_job);
        let mut other = old.other.clone();
        other.extend(self.other.clone());
        JobScheduleSettings { schedule: self.schedule.unwrap_or(old.schedule), job, job_settings, other }
    }
}

/// Stops making jobs: `Job Schedule - Disable`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DisableJobSchedule {
    /// The conditions on the schedule's version.
    pub preconditions: Preconditions,
}

/// Makes jobs again: `Job Schedule - Enable`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EnableJobSchedule {
    /// The conditions on the schedule's version.
    pub preconditions: Preconditions,
}

/// Ends a job schedule and its job: `Job Schedule - Terminate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TerminateJobSchedule {
    /// `Some` forces the end of its job, see [`TerminateJob::force`](crate::job::TerminateJob::force).
    pub force: Option<TimeSpan>,
    /// The conditions on the schedule's version.
    pub preconditions: Preconditions,
}

/// Deletes a job schedule with its jobs: `Job Schedule - Delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DeleteJobSchedule {
    /// `Some` forces the deletion of its jobs, see
    /// [`TerminateJob::force`](crate::job::TerminateJob::force).
    pub force: Option<TimeSpan>,
    /// The conditions on the schedule's version.
    pub preconditions: Preconditions,
}
