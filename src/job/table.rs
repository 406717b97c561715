//! What is allowed when: the tables of sections 3 and 8.

use crate::{
    BatchError, ErrorCode,
    job::{Job, JobState},
};

/// A request of a user, as far as the job's state decides whether it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// A new job under the id of this one.
    AddJob,
    Get,
    UpdateTask,
    TerminateTask,
    ReactivateTask,
    DeleteTask,
}

impl JobRequest {
    /// Every request.
    pub const ALL: [Self; 13] = [
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

impl Job {
    /// Whether the job's state allows a request: the table of the rules `R-<request>-<state>`.
    ///
    /// # Errors
    /// The 409 that the state calls for. Whatever else can refuse the request comes after it (S5).
    pub fn allows(&self, request: JobRequest) -> Result<(), BatchError> {
        self.refusal(request).map_or(Ok(()), |code| Err(code.into()))
    }

    #[expect(clippy::match_same_arms, reason = "a table: its rows are as long as the page is wide")]
    fn refusal(&self, request: JobRequest) -> Option<ErrorCode> {
        use ErrorCode::{JobBeingDeleted, JobBeingTerminated, JobCompleted, JobExists, JobNotActive};
        use JobRequest as R;

        match &self.state {
            // R-*-active, R-*-disabling, R-*-disabled
            JobState::Active | JobState::Disabling(_) | JobState::Disabled => match request {
                R::AddJob => Some(JobExists),
                R::Terminate { .. } | R::Disable | R::Enable | R::Update | R::Delete | R::AddTask => None,
                R::Get | R::UpdateTask | R::TerminateTask | R::ReactivateTask | R::DeleteTask => None,
            },
            // R-*-enabling
            JobState::Enabling => match request {
                R::AddJob => Some(JobExists),
                R::Disable => Some(JobNotActive),
                R::Terminate { .. } | R::Enable | R::Update | R::Delete | R::AddTask => None,
                R::Get | R::UpdateTask | R::TerminateTask | R::ReactivateTask | R::DeleteTask => None,
            },
            // R-*-terminating, F2, K7, K8
            JobState::Terminating { give_up_at, .. } => match request {
                R::AddJob => Some(JobExists),
                R::Terminate { force: true } if give_up_at.is_none() => None,
                R::Terminate { .. } | R::Disable | R::Enable | R::Update => Some(JobBeingTerminated),
                R::AddTask | R::UpdateTask | R::TerminateTask | R::ReactivateTask => Some(JobBeingTerminated),
                R::Delete | R::Get | R::DeleteTask => None,
            },
            // R-*-completed, K7, K8
            JobState::Completed { .. } => match request {
                R::Terminate { .. } | R::Disable | R::Enable | R::Update | R::AddJob => Some(JobCompleted),
                R::AddTask | R::UpdateTask | R::TerminateTask | R::ReactivateTask => Some(JobCompleted),
                R::Delete | R::Get | R::DeleteTask => None,
            },
            // R-*-deleting, K7, K8
            JobState::Deleting { .. } => match request {
                R::Get => None,
                R::Terminate { .. } | R::Disable | R::Enable | R::Update => Some(JobBeingDeleted),
                R::Delete | R::AddJob | R::AddTask | R::UpdateTask => Some(JobBeingDeleted),
                R::TerminateTask | R::ReactivateTask | R::DeleteTask => Some(JobBeingDeleted),
            },
        }
    }
}
