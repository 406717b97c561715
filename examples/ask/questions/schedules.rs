//! Job schedules.

use serde_json::{Value, json};

use super::super::{
    conversation::{Conversation, Request, Stop, text},
    question::{Answer, Question},
};

pub fn questions() -> Vec<Question> {
    vec![
        Question::new(
            "disable-disabled-schedule",
            &["L1"],
            "What does disabling a disabled schedule move?",
            |account| twice(account, &["disable", "disable"]),
        )
        .makes_schedules(1)
        .foresees("204, the ETag moved", "L1 stays and is observed.")
        .foresees("204, the ETag stayed", "L1: disabling a disabled schedule changes nothing.")
        .foresees("409 *", "L1: it is refused."),
        Question::new(
            "enable-active-schedule",
            &["L1"],
            "What does enabling an active schedule move?",
            |account| twice(account, &["enable"]),
        )
        .makes_schedules(1)
        .foresees("204, the ETag stayed", "L1 stays and is observed.")
        .foresees("204, the ETag moved", "L1: enabling an active schedule changes its ETag.")
        .foresees("409 *", "L1: it is refused."),
        Question::new(
            "job-of-a-terminated-schedule",
            &["L5"],
            "Is the job of a schedule terminated by the schedule's own request?",
            |account| {
                let schedule = account.schedule(&json!({}))?;
                let job = job_of(account, &schedule)?;
                account.must(Request::new("POST", format!("{schedule}/terminate")))?;
                let job = account.must(Request::new("GET", job))?;
                let state = job.text("/state").replace("completed", "terminating"); // It may have been quick.
                Ok(format!("{state} {}", job.text("/executionInfo/terminateReason")))
            },
        )
        .makes(1, 0)
        .makes_schedules(1)
        .foresees("terminating TerminateWorkitem", "L5 stays and is observed.")
        .foresees("active*", "L5: the job is terminated later than its schedule.")
        .foresees("terminating*", "X5: the reason is this one."),
        Question::new(
            "disable-completed-schedule",
            &["L6"],
            "How is disabling a completed schedule refused?",
            |account| {
                let schedule = waiting(account)?;
                account.must(Request::new("POST", format!("{schedule}/terminate")))?;
                account.wait_for_state(&schedule, "completed")?;
                Ok(account.act(&format!("{schedule}/disable"))?.says())
            },
        )
        .makes_schedules(1)
        .foresees("409 JobScheduleCompleted", "L6 stays and is observed.")
        .foresees("2*", "L6: it is accepted.")
        .foresees("409 *", "L6: the refusal has this code."),
        Question::new(
            "patch-terminating-schedule",
            &["L6"],
            "How is changing a terminating schedule refused?",
            |account| {
                let held = json!({
                    "jobPreparationTask": { "commandLine": "/bin/sh -c \"sleep 0\"" },
                    "jobReleaseTask": { "commandLine": "/bin/sh -c \"sleep 120\"" },
                    "jobManagerTask": { "id": "manager", "commandLine": "/bin/sh -c \"sleep 600\"" },
                });
                let schedule = account.schedule_of(&json!({}), held)?;
                let job = job_of(account, &schedule)?;
                account.wait_for_state(&format!("{job}/tasks/manager"), "running")?;
                account.run.ledger.count_tasks(1);
                account.must(Request::new("POST", format!("{schedule}/terminate")))?;
                let metadata = json!({ "metadata": [] });
                Ok(account.patch(&schedule, &metadata)?.says())
            },
        )
        .on_a_node()
        .makes(1, 1)
        .makes_schedules(1)
        .foresees("409 JobScheduleBeingTerminated", "L6 stays and is observed.")
        .foresees("2*", "L6: it is accepted.")
        .foresees("409 *", "L6: the refusal has this code."),
    ]
}

/// A schedule that makes no jobs for a long time.
fn waiting(account: &mut Conversation<'_>) -> Result<String, Stop> {
    account.schedule(&json!({ "doNotRunUntil": "2099-01-01T00:00:00Z" }))
}

/// The path of the job that a new schedule makes at once.
fn job_of(account: &mut Conversation<'_>, schedule: &str) -> Result<String, Stop> {
    let made = account.wait(schedule, |found| found["executionInfo"]["recentJob"].is_object())?;
    account.run.ledger.count_job_of_schedule();
    Ok(format!("/jobs/{}", text(&made, "/executionInfo/recentJob/id")))
}

/// Acts on a new schedule, and says what the last request moved.
fn twice(account: &mut Conversation<'_>, actions: &[&str]) -> Answer {
    let schedule = waiting(account)?;
    let (last, before) = actions.split_last().unwrap_or((&"enable", &[]));
    for action in before {
        account.must(Request::new("POST", format!("{schedule}/{action}")))?;
    }
    let etag = |reply: &Value| text(reply, "/eTag").to_owned();
    let old = etag(&account.must(Request::new("GET", schedule.as_str()))?.body);
    let reply = account.act(&format!("{schedule}/{last}"))?;
    if reply.status >= 300 {
        return Ok(reply.says());
    }
    let new = etag(&account.must(Request::new("GET", schedule))?.body);
    Ok(format!("{}, the ETag {}", reply.says(), if old == new { "stayed" } else { "moved" }))
}
