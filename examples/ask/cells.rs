//! Questions about the table of requests by job state: a job in the state, and the request.

use serde_json::{Value, json};

use super::{
    conversation::{Conversation, Request, Stop, sleeps},
    question::{Answer, Foreseen, Makes},
};

/// How long a job is held in `terminating` or `deleting` by its release task, in seconds.
const HELD: u32 = 120;

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Requested {
    Terminate,
    TerminateForce,
    Disable,
    Enable,
    Update,
    Delete,
    AddTask,
    AddJob,
    UpdateTask,
    TerminateTask,
    ReactivateTask,
    DeleteTask,
}

impl Requested {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::TerminateForce => "terminate-force",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::AddTask => "add-task",
            Self::AddJob => "add-job",
            Self::UpdateTask => "update-task",
            Self::TerminateTask => "terminate-task",
            Self::ReactivateTask => "reactivate-task",
            Self::DeleteTask => "delete-task",
        }
    }
}

/// A column of the table in which a job can be seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    Active,
    Disabling,
    Disabled,
    Terminating,
    Completed,
    Deleting,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabling => "disabling",
            Self::Disabled => "disabled",
            Self::Terminating => "terminating",
            Self::Completed => "completed",
            Self::Deleting => "deleting",
        }
    }

    /// Whether only a node keeps a job in it.
    fn is_held_by_node(self) -> bool {
        matches!(self, Self::Disabling | Self::Terminating | Self::Deleting)
    }
}

/// A cell of the table, and the answer that is assumed.
pub struct Cell {
    pub request: Requested,
    pub state: State,
    pub assumed: &'static str,
}

impl Cell {
    /// `R-<request>-<state>`.
    pub fn id(&self) -> String {
        format!("R-{}-{}", self.request.name(), self.state.name())
    }

    pub fn asks(&self) -> String {
        format!("What does the request {} answer if the job is {}?", self.request.name(), self.state.name())
    }

    pub fn needs_node(&self) -> bool {
        self.state.is_held_by_node()
    }

    pub fn makes(&self) -> Makes {
        let tasks = 1 + usize::from(self.needs_ended_task()) + usize::from(self.is_ok() && self.adds_task());
        Makes { jobs: 1, tasks, schedules: 0 }
    }

    fn is_ok(&self) -> bool {
        self.assumed.starts_with('2')
    }

    fn adds_task(&self) -> bool {
        self.request == Requested::AddTask
    }

    fn needs_ended_task(&self) -> bool {
        self.request == Requested::ReactivateTask
    }

    pub fn foreseen(&self) -> Vec<Foreseen> {
        let foreseen = |answer: &str, means: String| Foreseen { answer: answer.into(), means };
        let refusal = || foreseen("4*", format!("the cell {} becomes this refusal", self.id()));
        let mut all = vec![foreseen(self.assumed, format!("the cell {} stays and is observed", self.id()))];
        if !self.is_ok() {
            all.push(foreseen("2*", format!("the cell {} becomes ok", self.id())));
        }
        all.push(refusal());
        all
    }

    pub fn ask(&self, account: &mut Conversation<'_>) -> Answer {
        let job = job_in(account, self.state, self.needs_ended_task())?;
        let reply = account.send(request_to(self.request, &job))?;
        if self.adds_task() && reply.status == 201 {
            account.run.ledger.count_tasks(1);
        }
        Ok(reply.says())
    }
}

/// A job in this state with an active or running task `task`, and perhaps a failed one, `ended`.
fn job_in(account: &mut Conversation<'_>, state: State, with_ended: bool) -> Result<String, Stop> {
    let on_node = state.is_held_by_node();
    let held = json!({
        "jobPreparationTask": { "commandLine": "/bin/sh -c \"exit 0\"" },
        "jobReleaseTask": { "commandLine": sleeps(HELD) },
    });
    let job = match state {
        State::Terminating | State::Deleting => account.job_on_node(held)?,
        State::Disabling => account.job_on_node(json!({}))?,
        State::Active | State::Disabled | State::Completed => account.job(json!({}))?,
    };
    if with_ended {
        let ended = account.task(&job, "ended", &sleeps(600), Value::Null)?;
        account.must(Request::new("POST", format!("{ended}/terminate")))?;
        account.wait_for_state(&ended, "completed")?;
    }
    let task = account.task(&job, "task", &sleeps(600), Value::Null)?;
    if on_node {
        account.wait_for_state(&task, "running")?;
    }
    let disable =
        |option| Request::new("POST", format!("{job}/disable")).json(&json!({ "disableTasks": option }));
    match state {
        State::Active => return Ok(job),
        State::Disabling => account.must(disable("wait"))?,
        State::Disabled => account.must(disable("requeue"))?,
        State::Terminating | State::Completed => {
            account.must(Request::new("POST", format!("{job}/terminate")))?
        }
        State::Deleting => account.must(Request::new("DELETE", job.as_str()))?,
    };
    // A state that a job only passes through is there now or not at all.
    let reached = account.wait(&job, |found| on_node || found["state"] == state.name())?;
    if reached["state"] != state.name() {
        return Err(Stop::Unclear(format!("the job is {} instead of {}", reached["state"], state.name())));
    }
    Ok(job)
}

/// The request of a row of the table.
fn request_to(request: Requested, job: &str) -> Request {
    let post = |path: &str| Request::new("POST", format!("{job}{path}"));
    match request {
        Requested::Terminate => post("/terminate"),
        Requested::TerminateForce => post("/terminate?force=true"),
        Requested::Disable => post("/disable").json(&json!({ "disableTasks": "requeue" })),
        Requested::Enable => post("/enable"),
        Requested::Update => Request::new("PATCH", job).json(&json!({ "priority": 5 })),
        Requested::Delete => Request::new("DELETE", job),
        Requested::AddTask => post("/tasks").json(&json!({ "id": "added", "commandLine": sleeps(1) })),
        Requested::AddJob => {
            let id = job.trim_start_matches("/jobs/");
            let pool = json!({ "poolId": "azbatch-ask-no-pool" });
            Request::new("POST", "/jobs").json(&json!({ "id": id, "poolInfo": pool }))
        }
        Requested::UpdateTask => {
            let constraints = json!({ "constraints": { "maxTaskRetryCount": 1 } });
            Request::new("PUT", format!("{job}/tasks/task")).json(&constraints)
        }
        Requested::TerminateTask => post("/tasks/task/terminate"),
        Requested::ReactivateTask => post("/tasks/ended/reactivate"),
        Requested::DeleteTask => Request::new("DELETE", format!("{job}/tasks/task")),
    }
}
