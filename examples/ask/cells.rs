//! Questions about the table of requests by job state: a job in the state, and the request.

use serde_json::{Value, json};

use super::{
    conversation::{Conversation, Request, Stop, sleeps},
    question::{Answer, Foreseen, Makes},
};

/// How long a job is held in `terminating` or `deleting` by its release task, in seconds.
const HELD: u32 = 120;

/// A cell of the table, and the answer that is assumed.
pub struct Cell {
    /// `R-<request>-<state>`.
    pub id: &'static str,
    pub assumed: &'static str,
}

impl Cell {
    fn parts(&self) -> (&'static str, &'static str) {
        self.id.trim_start_matches("R-").rsplit_once('-').unwrap_or_default()
    }

    pub fn asks(&self) -> String {
        let (request, state) = self.parts();
        format!("What does the request {request} answer if the job is {state}?")
    }

    pub fn needs_node(&self) -> bool {
        matches!(self.parts().1, "disabling" | "terminating" | "deleting")
    }

    pub fn makes(&self) -> Makes {
        let tasks = 1 + usize::from(self.needs_ended_task()) + usize::from(self.is_ok() && self.adds_task());
        Makes { jobs: 1, tasks, schedules: 0 }
    }

    fn is_ok(&self) -> bool {
        self.assumed.starts_with('2')
    }

    fn adds_task(&self) -> bool {
        self.parts().0 == "add-task"
    }

    fn needs_ended_task(&self) -> bool {
        self.parts().0 == "reactivate-task"
    }

    pub fn foreseen(&self) -> Vec<Foreseen> {
        let foreseen = |answer: &str, means: String| Foreseen { answer: answer.into(), means };
        let refusal = || foreseen("4*", format!("the cell {} becomes this refusal", self.id));
        let mut all = vec![foreseen(self.assumed, format!("the cell {} stays and is observed", self.id))];
        if !self.is_ok() {
            all.push(foreseen("2*", format!("the cell {} becomes ok", self.id)));
        }
        all.push(refusal());
        all
    }

    pub fn ask(&self, account: &mut Conversation<'_>) -> Answer {
        let (request, state) = self.parts();
        let job = job_in(account, state, self.needs_ended_task())?;
        let reply = account.send(request_to(request, &job))?;
        if self.adds_task() && reply.status == 201 {
            account.run.ledger.count_tasks(1);
        }
        Ok(reply.says())
    }
}

/// A job in this state with an active or running task `task`, and perhaps a failed one, `ended`.
fn job_in(account: &mut Conversation<'_>, state: &str, with_ended: bool) -> Result<String, Stop> {
    let on_node = matches!(state, "disabling" | "terminating" | "deleting");
    let held = json!({
        "jobPreparationTask": { "commandLine": "/bin/sh -c \"exit 0\"" },
        "jobReleaseTask": { "commandLine": sleeps(HELD) },
    });
    let job = match state {
        "terminating" | "deleting" => account.job_on_node(held)?,
        "disabling" => account.job_on_node(json!({}))?,
        _ => account.job(json!({}))?,
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
        "disabling" => account.must(disable("wait"))?,
        "disabled" => account.must(disable("requeue"))?,
        "terminating" | "completed" => account.must(Request::new("POST", format!("{job}/terminate")))?,
        "deleting" => account.must(Request::new("DELETE", job.as_str()))?,
        _ => return Ok(job),
    };
    // A state that a job only passes through is there now or not at all.
    let reached = account.wait(&job, |found| on_node || found["state"] == state)?;
    if reached["state"] != state {
        return Err(Stop::Unclear(format!("the job is {} instead of {state}", reached["state"])));
    }
    Ok(job)
}

/// The request of a row of the table.
pub fn request_to(request: &str, job: &str) -> Request {
    let post = |path: &str| Request::new("POST", format!("{job}{path}"));
    match request {
        "terminate" => post("/terminate"),
        "terminate-force" => post("/terminate?force=true"),
        "disable" => post("/disable").json(&json!({ "disableTasks": "requeue" })),
        "enable" => post("/enable"),
        "update" => Request::new("PATCH", job).json(&json!({ "priority": 5 })),
        "delete" => Request::new("DELETE", job),
        "add-task" => post("/tasks").json(&json!({ "id": "added", "commandLine": sleeps(1) })),
        "add-job" => {
            let id = job.trim_start_matches("/jobs/");
            let pool = json!({ "poolId": "azbatch-ask-no-pool" });
            Request::new("POST", "/jobs").json(&json!({ "id": id, "poolInfo": pool }))
        }
        "update-task" => {
            let constraints = json!({ "constraints": { "maxTaskRetryCount": 1 } });
            Request::new("PUT", format!("{job}/tasks/task")).json(&constraints)
        }
        "terminate-task" => post("/tasks/task/terminate"),
        "reactivate-task" => post("/tasks/ended/reactivate"),
        "delete-task" => Request::new("DELETE", format!("{job}/tasks/task")),
        _ => Request::new("GET", job),
    }
}
