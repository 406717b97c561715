//! What a job in each state answers to each request: the tables of the rules `R-<request>-<state>`.
//!
//! Each request has one function, which either refuses or returns a permit. A permit says what the
//! state allows, so that the code after it has no arms for states that it cannot meet.

use crate::{
    BatchError, ErrorCode, Timestamp,
    job::state::{Ending, EndingKind, JobState, Living},
};

/// A user's request, as far as the job's state decides about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the names are the REST API's")]
pub enum JobRequest {
    Terminate {
        force: bool,
    },
    Disable,
    Enable,
    /// PUT and PATCH.
    Update,
    Delete,
    AddTask,
    /// A new job with the id of this one.
    AddJob,
    Get,
    UpdateTask,
    TerminateTask,
    ReactivateTask,
    DeleteTask,
}

impl JobRequest {
    /// Every request.
    pub const ALL: &'static [Self] = &[
        Self::Terminate { force: false },
        Self::Terminate { force: true },
        Self::Disable,
        Self::Enable,
        Self::Update,
        Self::Delete,
        Self::AddTask,
        Self::AddJob,
        Self::Get,
        Self::UpdateTask,
        Self::TerminateTask,
        Self::ReactivateTask,
        Self::DeleteTask,
    ];
}

/// Proof that a job is living: only the tables hand it out.
#[derive(Clone, Copy)]
pub(super) struct Alive(());

/// What a termination does.
pub(super) enum TerminatePermit {
    /// It begins.
    Begin(Alive),
    /// It sets a deadline for a termination that has none (F2).
    Force,
}

/// What disabling does.
pub(super) enum DisablePermit {
    /// The job is disabled, or the option of a disabling in progress changes (G3).
    Begin(Alive),
    /// The job is disabled already: only its ETag moves.
    Touch,
}

/// What enabling does.
pub(super) enum EnablePermit {
    /// The job becomes active.
    Begin,
    /// The job is active already: nothing changes.
    Nothing,
}

/// What an update can change.
pub(super) struct UpdatePermit {
    /// Whether the job can change its pool (X8).
    pub(super) can_change_pool: bool,
}

/// What a deletion does.
pub(super) enum DeletePermit {
    /// The job's nodes are told to stop what they run.
    WindDown(Alive),
    /// The job was terminated before: its nodes know already. An earlier deadline still holds.
    Continue { force_deadline: Option<Timestamp> },
}

impl JobState {
    /// Whether the state allows a request.
    ///
    /// # Errors
    /// The 409 that the state calls for. Every other refusal of the request comes after it
    /// ([S5](crate::evidence#s5)).
    pub fn allows(&self, request: JobRequest) -> Result<(), BatchError> {
        let allowed = match request {
            JobRequest::Terminate { force } => self.permit_terminate(force).map(drop),
            JobRequest::Disable => self.permit_disable().map(drop),
            JobRequest::Enable => self.permit_enable().map(drop),
            JobRequest::Update => self.permit_update().map(drop),
            JobRequest::Delete => self.permit_delete().map(drop),
            // R-add-task-*, R-update-task-*, R-terminate-task-*, R-reactivate-task-*, K7, K8
            JobRequest::AddTask
            | JobRequest::UpdateTask
            | JobRequest::TerminateTask
            | JobRequest::ReactivateTask => self.permit_task_change().map(drop),
            JobRequest::DeleteTask => self.permit_delete_task(),
            JobRequest::AddJob => Err(self.conflict_with_new_job()),
            JobRequest::Get => Ok(()), // R-get-*
        };
        Ok(allowed?)
    }

    /// The state of a living job; most requests are for these alone.
    fn require_living(&self) -> Result<Living, ErrorCode> {
        match self {
            Self::Living(living) => Ok(*living),
            Self::Ending(ending) => Err(ending.conflict()),
            Self::Completed(_) => Err(ErrorCode::JobCompleted),
        }
    }

    /// Proof that the job is living, if it is.
    pub(super) fn alive(&self) -> Option<Alive> {
        self.require_living().ok().map(Living::alive)
    }

    /// R-terminate-*, R-terminate-force-*
    pub(super) fn permit_terminate(&self, forced: bool) -> Result<TerminatePermit, ErrorCode> {
        match self {
            Self::Ending(Ending { kind: EndingKind::Terminating(_), force_deadline: None }) if forced => {
                Ok(TerminatePermit::Force) // F2
            }
            Self::Living(_) | Self::Ending(_) | Self::Completed(_) => {
                self.require_living().map(|living| TerminatePermit::Begin(living.alive()))
            }
        }
    }

    /// R-disable-*
    pub(super) fn permit_disable(&self) -> Result<DisablePermit, ErrorCode> {
        let living = self.require_living()?;
        match living {
            Living::Active | Living::Disabling(_) => Ok(DisablePermit::Begin(living.alive())),
            Living::Disabled => Ok(DisablePermit::Touch),
            Living::Enabling => Err(ErrorCode::JobNotActive),
        }
    }

    /// R-enable-*
    pub(super) fn permit_enable(&self) -> Result<EnablePermit, ErrorCode> {
        match self.require_living()? {
            Living::Active => Ok(EnablePermit::Nothing),
            Living::Disabling(_) | Living::Disabled => Ok(EnablePermit::Begin),
            Living::Enabling => Err(ErrorCode::JobNotActive),
        }
    }

    /// R-update-*
    pub(super) fn permit_update(&self) -> Result<UpdatePermit, ErrorCode> {
        match self.require_living()? {
            Living::Disabled => Ok(UpdatePermit { can_change_pool: true }),
            Living::Active | Living::Disabling(_) | Living::Enabling => {
                Ok(UpdatePermit { can_change_pool: false })
            }
        }
    }

    /// R-delete-*
    pub(super) fn permit_delete(&self) -> Result<DeletePermit, ErrorCode> {
        match self {
            Self::Living(living) => Ok(DeletePermit::WindDown(living.alive())),
            Self::Ending(Ending { kind: EndingKind::Terminating(_), force_deadline }) => {
                Ok(DeletePermit::Continue { force_deadline: *force_deadline })
            }
            Self::Ending(Ending { kind: EndingKind::Deleting(_), .. }) => Err(ErrorCode::JobBeingDeleted),
            Self::Completed(_) => Ok(DeletePermit::Continue { force_deadline: None }),
        }
    }

    /// Tasks are added to and changed in living jobs alone.
    pub(super) fn permit_task_change(&self) -> Result<Living, ErrorCode> {
        self.require_living()
    }

    /// R-delete-task-*, K7
    pub(super) fn permit_delete_task(&self) -> Result<(), ErrorCode> {
        match self {
            Self::Ending(Ending { kind: EndingKind::Deleting(_), .. }) => Err(ErrorCode::JobBeingDeleted),
            Self::Living(_)
            | Self::Ending(Ending { kind: EndingKind::Terminating(_), .. })
            | Self::Completed(_) => Ok(()),
        }
    }

    /// R-add-job-*: why another job cannot have the id of one in this state.
    pub(crate) fn conflict_with_new_job(&self) -> ErrorCode {
        match self {
            Self::Living(_) | Self::Ending(Ending { kind: EndingKind::Terminating(_), .. }) => {
                ErrorCode::JobExists
            }
            Self::Ending(Ending { kind: EndingKind::Deleting(_), .. }) => ErrorCode::JobBeingDeleted,
            Self::Completed(_) => ErrorCode::JobCompleted,
        }
    }
}

impl Ending {
    /// R-*-terminating, R-*-deleting
    fn conflict(&self) -> ErrorCode {
        match self.kind {
            EndingKind::Terminating(_) => ErrorCode::JobBeingTerminated,
            EndingKind::Deleting(_) => ErrorCode::JobBeingDeleted,
        }
    }
}

impl Living {
    /// Proof that the job is living.
    #[allow(clippy::unused_self, reason = "the state is the evidence")]
    fn alive(self) -> Alive {
        Alive(())
    }
}
