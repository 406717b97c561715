//! How tasks end, are deleted and are reactivated.

use serde_json::{Value, json};

use super::{
    super::{
        conversation::{Request, sleeps, text},
        question::Question,
    },
    ending::when,
};

pub fn questions() -> Vec<Question> {
    vec![
        Question::new(
            "reactivate-in-completed-job",
            &["K8"],
            "Which comes first: that the job is completed, or that the task is not?",
            |account| {
                let job = account.job(json!({}))?;
                let task = account.task(&job, "task", &sleeps(600), Value::Null)?;
                account.must(Request::new("POST", format!("{job}/terminate")))?;
                account.wait_for_state(&job, "completed")?;
                Ok(account.act(&format!("{task}/reactivate"))?.says())
            },
        )
        .makes(1, 1)
        .foresees("409 JobCompleted", "K8 stays: the refusal has the job's code.")
        .foresees("409 TaskNotCompleted", "K8: the task's code wins."),
        Question::new(
            "terminate-running-task",
            &["K6"],
            "When is a running task completed that a user terminates, and as what?",
            |account| {
                let job = account.running(json!({}))?;
                let task = format!("{job}/tasks/task");
                account.must(Request::new("POST", format!("{task}/terminate")))?;
                let ended = account.watch(&task, "completed")?;
                // The request moves lastModified, and the task's own end does not (T8).
                let when = when(text(&ended, "/lastModified"), &ended);
                Ok(format!("{when}, {}", text(&ended, "/executionInfo/failureInfo/code")))
            },
        )
        .on_a_node()
        .makes(1, 1)
        .foresees("later, TaskEnded", "K6 stays: it is completed when the node answers.")
        .foresees("at once, TaskEnded", "K6: it is completed by the request itself.")
        .foresees("later, *", "K6: its failure is this one.")
        .foresees("the task stays *", "K6: it is not completed."),
        Question::new(
            "task-that-is-too-slow",
            &["K5"],
            "How does a task show that it exceeded its time?",
            |account| {
                let job = account.job_on_node(json!({}))?;
                let limit = json!({ "constraints": { "maxWallClockTime": "PT10S" } });
                let task = account.task(&job, "task", &sleeps(600), limit)?;
                let ended = account.watch(&task, "completed")?;
                let failure = |name: &str| text(&ended["executionInfo"]["failureInfo"], name).to_owned();
                Ok(format!("{} {}: {}", failure("/category"), failure("/code"), failure("/message")))
            },
        )
        .on_a_node()
        .takes(45)
        .makes(1, 1)
        .foresees(
            "ServerError TaskEnded: Task Was Ended because it exceeded its maximum wall clock time",
            "K5 stays and is observed.",
        )
        .foresees("ServerError TaskEnded: *", "K5: the message is this one.")
        .foresees("*", "K5: category, code and message are these."),
        Question::new(
            "disabled-again-with-another-option",
            &["G3"],
            "Does the newer option count if a job is disabled again?",
            |account| {
                let job = account.running(json!({}))?;
                let disable = |option| {
                    Request::new("POST", format!("{job}/disable")).json(&json!({ "disableTasks": option }))
                };
                account.must(disable("wait"))?;
                let again = account.send(disable("requeue"))?;
                if again.status != 202 {
                    return Ok(again.says());
                }
                account.watch(&job, "disabled")?;
                Ok(account.get(&format!("{job}/tasks/task"))?.text("/state").into())
            },
        )
        .on_a_node()
        .makes(1, 1)
        .foresees("active", "G3 stays: the task is requeued.")
        .foresees("the job stays *", "G3: the older option counts, and the task runs on.")
        .foresees("409 *", "The cell R-disable-disabling becomes this refusal."),
    ]
}
