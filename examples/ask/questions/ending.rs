//! How jobs end, and what an end moves.

use azbatch::Timestamp;
use serde_json::{Value, json};

use super::super::{
    conversation::{Conversation, Request, Stop, sleeps, text},
    question::{Answer, Question},
};

pub fn questions() -> Vec<Question> {
    let mut questions = automatic();
    questions.extend(reasons());
    questions.extend(refused());
    questions.extend(tasks());
    questions.extend(held_jobs());
    questions.extend(while_disabling());
    questions
}

/// What ends that nobody asked for move.
fn automatic() -> Vec<Question> {
    vec![
        Question::new(
            "etag-of-all-tasks-complete",
            &["T2"],
            "Does a job's own end by AllTasksComplete move its ETag?",
            etag_at_automatic_end,
        )
        .makes(1, 1)
        .foresees("AllTasksComplete, the ETag moved", "T2 stays, and is observed for AllTasksComplete.")
        .foresees(
            "AllTasksComplete, the ETag stayed",
            "T2: of the automatic ends only that by a failed task moves it.",
        ),
        Question::new(
            "etag-of-expiry",
            &["T2"],
            "Does a job's own end by MaxWallClockTimeExpiry move its ETag?",
            etag_at_expiry,
        )
        .takes(90)
        .makes(1, 0)
        .foresees("MaxWallClockTimeExpiry, the ETag moved", "T2 stays, and is observed for the expiry.")
        .foresees("MaxWallClockTimeExpiry, the ETag stayed", "T2: an expiry does not move it."),
        Question::new(
            "etag-of-jm-complete",
            &["T2"],
            "Does a job's own end by JMComplete move its ETag?",
            |account| {
                let manager = json!({ "id": "manager", "commandLine": sleeps(10) });
                let job = account.job_on_node(json!({ "jobManagerTask": manager }))?;
                account.run.ledger.count_tasks(1);
                let added = account.must(Request::new("GET", job.as_str()))?;
                own_end(account, &job, added.text("/eTag"))
            },
        )
        .on_a_node()
        .takes(30)
        .makes(1, 1)
        .foresees("JMComplete, the ETag moved", "T2 stays, and is observed for JMComplete.")
        .foresees("JMComplete, the ETag stayed", "T2: the end of a job manager does not move it."),
    ]
}

/// Which reason an end shows.
fn reasons() -> Vec<Question> {
    vec![
        Question::new(
            "empty-reason",
            &["E1"],
            "What is the reason of a job that is terminated with an empty one?",
            |account| reason_of(account, &json!({ "terminateReason": "" })),
        )
        .makes(1, 0)
        .foresees("UserTerminate", "E1 stays and is observed.")
        .foresees("", "E1: an empty reason is shown as it is, or not at all.")
        .foresees("4*", "E1: an empty reason is refused."),
        Question::new(
            "null-reason",
            &["E1", "B3"],
            "What is the reason of a job that is terminated with null?",
            |account| reason_of(account, &json!({ "terminateReason": null })),
        )
        .makes(1, 0)
        .foresees("UserTerminate", "E1 and B3 stay: null counts as absent.")
        .foresees("4*", "B3: null is refused."),
        Question::new(
            "all-tasks-complete-while-disabled",
            &["X6"],
            "Does a disabled job end when its last task is completed?",
            end_of_disabled,
        )
        .makes(1, 1)
        .foresees("AllTasksComplete", "X6 stays and is observed.")
        .foresees("the job stays *", "X6: a disabled job does not end by itself."),
        Question::new(
            "failed-task-without-exit-options",
            &["X7"],
            "Does a task that a user terminates end a job that performs job actions?",
            |account| {
                let job = account.job(json!({ "onTaskFailure": "performexitoptionsjobaction" }))?;
                let task = account.task(&job, "task", &sleeps(600), Value::Null)?;
                account.must(Request::new("POST", format!("{task}/terminate")))?;
                let ended = account.watch(&job, "completed")?;
                Ok(text(&ended, "/executionInfo/terminateReason").into())
            },
        )
        .makes(1, 1)
        .foresees("TaskFailed", "X7 stays: without exit options a failed task ends the job.")
        .foresees(
            "the job stays *",
            "X7: a task that a user terminates, or without exit options, does not end the job.",
        ),
    ]
}

/// Requests that are refused.
fn refused() -> Vec<Question> {
    vec![
        Question::new(
            "no-way-back-from-terminatejob",
            &["S5"],
            "Which comes first: a value that the stored job refuses, or an unmet condition?",
            |account| {
                let job = account.job(json!({ "onAllTasksComplete": "noaction" }))?;
                // It keeps the job active.
                account.task(&job, "task", &sleeps(600), Value::Null)?;
                account.must(
                    Request::new("PATCH", job.as_str())
                        .json(&json!({ "onAllTasksComplete": "terminatejob" })),
                )?;
                let back = Request::new("PATCH", job).json(&json!({ "onAllTasksComplete": "noaction" }));
                Ok(account.send(back.header("If-Match", "0x8D00000000000000"))?.says())
            },
        )
        .makes(1, 1)
        .foresees("400 InvalidPropertyValue", "S5 stays: the value is refused first.")
        .foresees(
            "412 ConditionNotMet",
            "S5: conditions come before a value that the stored resource refuses.",
        )
        .foresees("409 *", "X7: it is refused as a conflict."),
        Question::new(
            "another-pool",
            &["X8"],
            "With which code is another pool of an active job refused?",
            |account| {
                let job = account.job(json!({}))?;
                Ok(account
                    .patch(&job, &json!({ "poolInfo": { "poolId": "azbatch-ask-other-pool" } }))?
                    .says())
            },
        )
        .makes(1, 0)
        .foresees("409 OperationInvalidForCurrentState", "X8 stays and is observed.")
        .foresees("409 *", "X8: the refusal has this code.")
        .foresees("2*", "X8: the pool of an active job can be changed.")
        .foresees("400 *", "X8: it is refused as a bad value."),
        Question::new(
            "refused-changes-nothing",
            &["I4"],
            "Does a refused request leave the job as it was?",
            |account| {
                let job = completed(account)?;
                let before = account.get(&job)?.body;
                let refused = account.act(&format!("{job}/terminate"))?;
                let after = account.get(&job)?.body;
                Ok(format!("{}, {}", refused.status, if before == after { "unchanged" } else { "changed" }))
            },
        )
        .makes(1, 0)
        .foresees("409, unchanged", "I4 stays and is observed for this request.")
        .foresees("409, changed", "I4: this refusal changes the job."),
    ]
}

/// What becomes of the tasks of a job that ends, with its preparation and release tasks.
fn tasks() -> Vec<Question> {
    vec![
        Question::new("running-then-completed", &["E2"], "When does a running task end whose job is terminated, and as what?", |account| {
            let job = account.running(json!({}))?;
            end_and_watch(account, &job)
        })
        .on_a_node()
        .makes(1, 1)
        .foresees("later failure UserError TaskEnded running", "E2 stays and is observed.")
        .foresees("at once failure UserError TaskEnded running", "E2: a running task is completed at once.")
        .foresees("the task stays active", "E2: running tasks become active again."),
        Question::new("preparing-then-completed", &["E3"], "When does a preparing task end whose job is terminated, and as what?", |account| {
            let job = preparing(account, json!({}))?;
            end_and_watch(account, &job)
        })
        .on_a_node()
        .makes(1, 1)
        .foresees("later failure UserError TaskEnded preparing", "E3 stays and is observed.")
        .foresees("later failure UserError JobBeingTerminated*", "E3: the task is completed with the scheduling error JobBeingTerminated, which a page of 2017 lists.")
        .foresees("at once *", "E3: a preparing task is completed at once.")
        .foresees("the task stays active", "E3: a preparing task becomes active again.")
        .foresees("the task stays *", "E3: a preparing task is not completed; it may stay as it is, or become active."),
        Question::new("release-after-stopped-preparation", &["E5"], "Does the release task run where the preparation task was stopped?", |account| {
            let job = preparing(account, json!({ "jobReleaseTask": { "commandLine": sleeps(1) } }))?;
            account.must(Request::new("POST", format!("{job}/terminate")))?;
            account.wait_for_state(&job, "completed")?;
            release_of(account, &job)
        })
        .on_a_node()
        .makes(1, 1)
        .foresees("no release task", "E5 stays: a stopped preparation is not run to completion.")
        .foresees("release task *", "E5: the release task runs also after a preparation that was stopped."),
        Question::new("release-after-failed-preparation", &["E5"], "Does the release task run where the preparation failed and was not waited for?", |account| {
            let preparation = json!({
                "commandLine": "/bin/sh -c \"exit 1\"",
                "waitForSuccess": false,
                "constraints": { "maxTaskRetryCount": 0 },
            });
            let release = json!({ "commandLine": sleeps(1) });
            let job = account.running(json!({ "jobPreparationTask": preparation, "jobReleaseTask": release }))?;
            account.must(Request::new("POST", format!("{job}/terminate")))?;
            account.wait_for_state(&job, "completed")?;
            release_of(account, &job)
        })
        .on_a_node()
        .makes(1, 1)
        .foresees("release task completed", "E5 stays: such a preparation counts as run to completion.")
        .foresees("no release task", "E5: after a failed preparation no release task runs."),
        Question::new("release-task-that-is-too-slow", &["E6"], "How does a release task end that exceeds its own time?", |account| {
            let release = json!({ "commandLine": sleeps(600), "maxWallClockTime": "PT30S" });
            let preparation = json!({ "commandLine": sleeps(0) });
            let job = account.running(json!({ "jobPreparationTask": preparation, "jobReleaseTask": release }))?;
            account.must(Request::new("POST", format!("{job}/terminate")))?;
            account.watch(&job, "completed")?;
            let status = account.get(&format!("{job}/jobpreparationandreleasetaskstatus"))?;
            Ok(format!("{} {}", status.text("/value/0/jobReleaseTaskExecutionInfo/state"), status.text("/value/0/jobReleaseTaskExecutionInfo/result")))
        })
        .on_a_node()
        .takes(60)
        .makes(1, 1)
        .foresees("completed failure", "E6 stays: it counts as ended and failed, and does not hold the job.")
        .foresees("running*", "E6: the job does not wait for the release task to be stopped.")
        .foresees("the job stays *", "E6: the release task's own time does not end it."),
    ]
}

/// Requests about a job that nodes hold in `terminating`.
fn held_jobs() -> Vec<Question> {
    vec![
        Question::new(
            "force-and-a-slow-release-task",
            &["F1"],
            "Does a forced end wait for a release task of ten minutes?",
            |account| {
                let job = held(account, 600)?;
                account.must(Request::new("POST", format!("{job}/terminate?force=true")))?;
                account.watch(&job, "completed")?;
                Ok("completed within minutes".into())
            },
        )
        .on_a_node()
        .takes(120)
        .makes(1, 1)
        .foresees("completed within minutes", "F1 stays: force limits the waiting.")
        .foresees("the job stays *", "F1: force waits for a release task that runs."),
        Question::new(
            "force-over-terminating",
            &["F2"],
            "What does a forced terminate of a terminating job move?",
            |account| {
                let job = held(account, 120)?;
                account.must(Request::new("POST", format!("{job}/terminate")))?;
                let before = account.must(Request::new("GET", job.as_str()))?;
                let forced = account.act(&format!("{job}/terminate?force=true"))?;
                if forced.status != 202 {
                    return Ok(forced.says());
                }
                let after = account.must(Request::new("GET", job))?;
                let moved =
                    |name: &str| if before.text(name) == after.text(name) { "stays" } else { "moves" };
                Ok(format!(
                    "202, eTag {}, stateTransitionTime {}",
                    moved("/eTag"),
                    moved("/stateTransitionTime")
                ))
            },
        )
        .on_a_node()
        .makes(1, 1)
        .foresees("202, eTag moves, stateTransitionTime stays", "F2 stays and is observed.")
        .foresees("202, *", "F2: a forced request moves what is said here.")
        .foresees("409 *", "F2: force on a terminating job is refused."),
        Question::new(
            "put-to-terminating-job",
            &["R-update-terminating"],
            "What does a PUT answer, other than a PATCH, if the job is terminating?",
            |account| {
                let job = held(account, 120)?;
                account.must(Request::new("POST", format!("{job}/terminate")))?;
                let pool = account.must(Request::new("GET", job.as_str()))?.body["poolInfo"].clone();
                Ok(account.send(Request::new("PUT", job).json(&json!({ "poolInfo": pool })))?.says())
            },
        )
        .on_a_node()
        .makes(1, 1)
        .foresees("409 JobBeingTerminated", "the cell R-update-terminating stays and is observed.")
        .foresees("2*", "the cell R-update-terminating becomes ok, for a PUT.")
        .foresees("4*", "the cell R-update-terminating becomes this refusal, for a PUT."),
        Question::new(
            "force-over-forced",
            &["F2"],
            "What does a second forced terminate answer?",
            |account| {
                let job = held(account, 120)?;
                account.must(Request::new("POST", format!("{job}/terminate?force=true")))?;
                Ok(account.act(&format!("{job}/terminate?force=true"))?.says())
            },
        )
        .on_a_node()
        .makes(1, 1)
        .foresees("409 JobBeingTerminated", "F2 stays and is observed.")
        .foresees("202", "F2: a second forced request is accepted.")
        .foresees("409 *", "F2: the refusal has this code."),
    ]
}

fn while_disabling() -> Vec<Question> {
    vec![
        Question::new(
            "previous-state-after-disabling",
            &["T7"],
            "Which previousState has a job that was enabled while it was disabling?",
            |account| {
                let job = account.running(json!({}))?;
                account.must(
                    Request::new("POST", format!("{job}/disable")).json(&json!({ "disableTasks": "wait" })),
                )?;
                let disabling = account.must(Request::new("GET", job.as_str()))?;
                account.must(Request::new("POST", format!("{job}/enable")))?;
                let enabled = account.must(Request::new("GET", job))?;
                let shown =
                    [disabling.text("/state"), enabled.text("/state"), enabled.text("/previousState")];
                let same = disabling.text("/previousStateTransitionTime")
                    == enabled.text("/previousStateTransitionTime");
                Ok(format!("{}, its time {}", shown.join(" "), if same { "stays" } else { "moves" }))
            },
        )
        .on_a_node()
        .makes(1, 1)
        .foresees("disabling active active, its time stays", "T7 stays and is observed.")
        .foresees("disabling active disabling*", "T7: transitional states are shown as previousState.")
        .foresees(
            "disabling active *",
            "T7: previousState is set again when a request leaves a transitional state.",
        ),
    ]
}

/// A job on the node whose release task takes this long.
fn held(account: &mut Conversation<'_>, seconds: u32) -> Result<String, Stop> {
    account.running(json!({
        "jobPreparationTask": { "commandLine": sleeps(0) },
        "jobReleaseTask": { "commandLine": sleeps(seconds) },
    }))
}

/// A job whose task waits for a preparation task of ten minutes.
fn preparing(account: &mut Conversation<'_>, mut properties: Value) -> Result<String, Stop> {
    properties["jobPreparationTask"] = json!({ "commandLine": sleeps(600) });
    let job = account.job_on_node(properties)?;
    let task = account.task(&job, "task", &sleeps(600), Value::Null)?;
    account.wait_for_state(&task, "preparing")?;
    let running = |found: &Value| found["value"][0]["jobPreparationTaskExecutionInfo"]["state"] == "running";
    account.wait(&format!("{job}/jobpreparationandreleasetaskstatus"), running)?;
    Ok(job)
}

/// A job without tasks that has ended.
pub fn completed(account: &mut Conversation<'_>) -> Result<String, Stop> {
    let job = account.job(json!({}))?;
    account.must(Request::new("POST", format!("{job}/terminate")))?;
    account.wait_for_state(&job, "completed")?;
    Ok(job)
}

fn reason_of(account: &mut Conversation<'_>, body: &Value) -> Answer {
    let job = account.job(json!({}))?;
    let reply = account.post(&format!("{job}/terminate"), body)?;
    if reply.status != 202 {
        return Ok(reply.says());
    }
    Ok(account.get(&job)?.text("/executionInfo/terminateReason").into())
}

/// Terminates the job, and says when its task ended and what it shows then.
fn end_and_watch(account: &mut Conversation<'_>, job: &str) -> Answer {
    let task = format!("{job}/tasks/task");
    account.must(Request::new("POST", format!("{job}/terminate")))?;
    account.wait_for_state(job, "completed")?;
    // The request moves lastModified, and the job's completion does not (T2).
    let requested = account.must(Request::new("GET", job))?.text("/lastModified").to_owned();
    let ended = account.watch(&task, "completed")?;
    let of = |pointer| text(&ended, pointer);
    let end = [
        when(&requested, &ended),
        of("/executionInfo/result"),
        of("/executionInfo/failureInfo/category"),
        of("/executionInfo/failureInfo/code"),
        of("/previousState"),
    ];
    Ok(end.join(" "))
}

/// Whether a task ended by the request of this instant, or later.
pub fn when(requested: &str, ended: &Value) -> &'static str {
    let requested = Timestamp::parse_iso8601(requested);
    let ended = Timestamp::parse_iso8601(text(ended, "/executionInfo/endTime"));
    match (requested, ended) {
        (Ok(requested), Ok(ended)) if ended > requested => "later",
        (Ok(_), Ok(_)) => "at once",
        _ => "at no known time",
    }
}

fn release_of(account: &mut Conversation<'_>, job: &str) -> Answer {
    let status = account.must(Request::new("GET", format!("{job}/jobpreparationandreleasetaskstatus")))?;
    Ok(match status.text("/value/0/jobReleaseTaskExecutionInfo/state") {
        "" => "no release task".into(),
        state => format!("release task {state}"),
    })
}

/// Why a job ended by itself, and whether its ETag is another one than before.
fn own_end(account: &mut Conversation<'_>, job: &str, before: &str) -> Answer {
    let ended = account.watch(job, "completed")?;
    let moved = if text(&ended, "/eTag") == before { "stayed" } else { "moved" };
    Ok(format!("{}, the ETag {moved}", text(&ended, "/executionInfo/terminateReason")))
}

/// A task that a user terminates while it is active is completed without a node, and with it the job.
fn etag_at_automatic_end(account: &mut Conversation<'_>) -> Answer {
    let job = account.job(json!({}))?;
    let task = account.task(&job, "task", &sleeps(600), Value::Null)?;
    let last = json!({ "onAllTasksComplete": "terminatejob" });
    let patched = account.must(Request::new("PATCH", job.as_str()).json(&last))?;
    account.must(Request::new("POST", format!("{task}/terminate")))?;
    own_end(account, &job, patched.header("etag"))
}

fn etag_at_expiry(account: &mut Conversation<'_>) -> Answer {
    let job = account.job(json!({ "constraints": { "maxWallClockTime": "PT1M" } }))?;
    let before = account.must(Request::new("GET", job.as_str()))?.text("/eTag").to_owned();
    own_end(account, &job, &before)
}

/// X6: a task is completed while its job is disabled, as nothing else can complete one without a node.
fn end_of_disabled(account: &mut Conversation<'_>) -> Answer {
    let job = account.job(json!({}))?;
    let task = account.task(&job, "task", &sleeps(600), Value::Null)?;
    account
        .must(Request::new("PATCH", job.as_str()).json(&json!({ "onAllTasksComplete": "terminatejob" })))?;
    account
        .must(Request::new("POST", format!("{job}/disable")).json(&json!({ "disableTasks": "requeue" })))?;
    account.wait_for_state(&job, "disabled")?;
    account.must(Request::new("POST", format!("{task}/terminate")))?;
    let ended = account.watch(&job, "completed")?;
    Ok(text(&ended, "/executionInfo/terminateReason").into())
}
