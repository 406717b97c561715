//! How a request is read: its query, its headers and its body.

use azbatch::{TimeSpan, Timestamp};
use serde_json::{Value, json};

use super::super::{
    conversation::{Conversation, Request, Stop, sleeps},
    question::{Answer, Question},
};

const REFUSED_QUERY: &str = "400 InvalidQueryParameterValue";
const REFUSED_HEADER: &str = "400 InvalidHeaderValue";
const REFUSED_BODY: &str = "400 InvalidRequestBody";

pub fn questions() -> Vec<Question> {
    let mut questions = query();
    questions.extend(headers());
    questions.extend(bodies());
    questions.extend(authorization());
    questions
}

/// The answer to a list of jobs with this query.
fn jobs(account: &mut Conversation<'_>, query: &str) -> Answer {
    Ok(account.get(&format!("/jobs?maxresults=1&{query}"))?.says())
}

fn query() -> Vec<Question> {
    vec![
        Question::new("timeout-zero", &["F4"], "Is `timeout=0` accepted?", |account| {
            jobs(account, "timeout=0")
        })
        .foresees(REFUSED_QUERY, "F4 stays and is observed.")
        .foresees("200", "F4: zero is accepted, and means the default.")
        .foresees("500 OperationTimedOut", "F4: zero is accepted, and always over.")
        .foresees("400 *", "F4: zero is refused with this code."),
        Question::new("timeout-negative", &["F4"], "Is `timeout=-1` accepted?", |account| {
            jobs(account, "timeout=-1")
        })
        .foresees(REFUSED_QUERY, "F4 stays and is observed.")
        .foresees("200", "F4: negative numbers are accepted.")
        .foresees("400 *", "F4: negative numbers are refused with this code."),
        Question::new("timeout-no-number", &["F4"], "Is `timeout=x` accepted?", |account| {
            jobs(account, "timeout=x")
        })
        .foresees(REFUSED_QUERY, "F4 stays and is observed.")
        .foresees("200", "F4: what is no number is ignored.")
        .foresees("400 *", "F4: what is no number is refused with this code."),
        Question::new("timeout-too-large", &["F4"], "Is a timeout beyond 32 bits accepted?", |account| {
            jobs(account, "timeout=99999999999")
        })
        .foresees("400 OutOfRangeQueryParameterValue", "F4 stays and is observed.")
        .foresees("200", "F4: any number is accepted.")
        .foresees("400 *", "F4: it is refused with this code."),
        Question::new("unknown-parameter", &["F3"], "Is an unknown query parameter ignored?", |account| {
            jobs(account, "azbatch=ask")
        })
        .foresees("200", "F3 stays and is observed.")
        .foresees("400 *", "F3: unknown parameters are refused."),
        Question::new(
            "force-before-its-version",
            &["F3"],
            "Is `force` refused in api-versions before 2024-07-01.20.0?",
            |account| {
                let job = account.job(json!({}))?;
                let request = Request::new("POST", format!("{job}/terminate?force=true"));
                Ok(account.send(request.version("2024-02-01.19.0"))?.says())
            },
        )
        .makes(1, 0)
        .foresees("400 UnsupportedQueryParameter", "F3 stays and is observed.")
        .foresees("202", "F3: an older api-version ignores it, or takes it.")
        .foresees("400 *", "F3: it is refused with this code."),
        Question::new(
            "select-unknown",
            &["Q3"],
            "Is a property that does not exist refused in `$select`?",
            |account| jobs(account, "$select=id,azbatch"),
        )
        .foresees(REFUSED_QUERY, "Q3 stays and is observed.")
        .foresees("200", "Q3: it is ignored.")
        .foresees("400 *", "Q3: it is refused with this code."),
        Question::new("select-empty", &["Q3"], "Is an empty `$select` ignored?", |account| {
            jobs(account, "$select=")
        })
        .foresees("200", "Q3 stays and is observed.")
        .foresees("400 *", "Q3: it is refused."),
        Question::new("filter-arithmetic", &["Q4"], "Is arithmetic refused in `$filter`?", |account| {
            jobs(account, "$filter=priority%20add%201%20eq%201")
        })
        .foresees(REFUSED_QUERY, "Q4 stays and is observed.")
        .foresees("200", "Q4: arithmetic is understood.")
        .foresees("400 *", "Q4: it is refused with this code."),
        Question::new(
            "operation-before-its-version",
            &["Q12"],
            "How is an operation refused that the api-version does not have?",
            |account| {
                Ok(account
                    .send(Request::new("GET", "/supportedimages?maxresults=1").version("2018-08-01.7.0"))?
                    .says())
            },
        )
        .foresees("400 InvalidUri", "Q12 stays and is observed.")
        .foresees("200", "Q12: an older api-version has it all the same.")
        .foresees("40*", "Q12: it is refused like this."),
        Question::new(
            "date-in-query",
            &["Q10"],
            "Is a malformed `ocp-date` in the query refused as a value?",
            |account| jobs(account, "ocp-date=yesterday"),
        )
        .foresees(REFUSED_HEADER, "Q10 stays and is observed.")
        .foresees("200", "Q10: the header wins, and the query is not read.")
        .foresees("40*", "Q10: it is refused like this."),
    ]
}

/// The answer to a read of a new job with these headers.
fn read_with(account: &mut Conversation<'_>, headers: &[(&'static str, &str)]) -> Answer {
    let job = account.job(json!({}))?;
    let request = Request::new("GET", job);
    let with = |request: Request, (name, value): &(&'static str, &str)| request.header(name, *value);
    Ok(account.send(headers.iter().fold(request, with))?.says())
}

fn headers() -> Vec<Question> {
    vec![
        Question::new("malformed-date", &["H4"], "Is a malformed date in a condition refused?", |account| {
            read_with(account, &[("If-Modified-Since", "yesterday")])
        })
        .makes(1, 0)
        .foresees(REFUSED_HEADER, "H4 stays and is observed.")
        .foresees("200", "H4: a malformed date is ignored, as RFC 9110 says.")
        .foresees("400 *", "H4: it is refused with this code."),
        Question::new(
            "malformed-etag",
            &["H4"],
            "Is a text that is no ETag refused in If-Match?",
            |account| read_with(account, &[("If-Match", "azbatch")]),
        )
        .makes(1, 0)
        .foresees("412 ConditionNotMet", "H4 stays: it matches nothing.")
        .foresees("400 *", "H4: it is refused.")
        .foresees("200", "H4: it is ignored."),
        Question::new("empty-if-match", &["H4"], "Does an empty If-Match count as absent?", |account| {
            read_with(account, &[("If-Match", "")])
        })
        .makes(1, 0)
        .foresees("200", "H4 stays and is observed.")
        .foresees("412 ConditionNotMet", "H4: an empty list matches nothing.")
        .foresees("400 *", "H4: an empty header is refused."),
        Question::new("etag-header-twice", &["H4"], "Is If-None-Match sent twice one list?", |account| {
            let job = account.job(json!({}))?;
            let etag = account.must(Request::new("GET", job.as_str()))?.header("etag").to_owned();
            let twice =
                Request::new("GET", job).header("If-None-Match", "0x8D0").header("If-None-Match", etag);
            Ok(account.send(twice)?.says())
        })
        .makes(1, 0)
        .foresees("304", "H4 stays: they are one list.")
        .foresees("200", "H4: only the first one counts.")
        .foresees("4*", "H4: it is refused."),
        Question::new("date-header-twice", &["H4"], "Is If-Modified-Since sent twice refused?", |account| {
            let date = "Tue, 10 Feb 2026 08:00:00 GMT";
            read_with(account, &[("If-Modified-Since", date), ("If-Modified-Since", date)])
        })
        .makes(1, 0)
        .foresees(REFUSED_HEADER, "H4 stays and is observed.")
        .foresees("200", "H4: one of them counts.")
        .foresees("400 *", "H4: it is refused with this code.")
        .foresees("403 *", "U3: headers that are sent twice are signed in another way; H4 stays."),
    ]
}

/// The answer to a new job with these properties.
fn job_with(account: &mut Conversation<'_>, properties: Value) -> Answer {
    Ok(account.add_job(properties)?.says())
}

fn tasks_of(count: usize) -> Value {
    let task = |number| json!({ "id": format!("task-{number}"), "commandLine": sleeps(1) });
    json!({ "value": (0..count).map(task).collect::<Vec<_>>() })
}

fn bodies() -> Vec<Question> {
    vec![
        Question::new("tasks-101", &["B7"], "How is a collection of 101 tasks refused?", |account| {
            let job = account.job(json!({}))?;
            let reply = account.post(&format!("{job}/addtaskcollection"), &tasks_of(101))?;
            account.run.ledger.count_tasks(if reply.status == 200 { 101 } else { 0 });
            Ok(reply.says())
        })
        .makes(1, 0)
        .foresees("400 InvalidPropertyValue", "B7 stays and is observed.")
        .foresees("200", "B7: more than 100 tasks are accepted.")
        .foresees("413 *", "B7: it is refused as too large.")
        .foresees("400 *", "B7: it is refused with this code."),
        Question::new(
            "tasks-one-of-them-taken",
            &["B7"],
            "Is each task of a collection added by itself?",
            |account| {
                let job = account.job(json!({}))?;
                account.task(&job, "task-0", &sleeps(1), Value::Null)?;
                let reply = account.post(&format!("{job}/addtaskcollection"), &tasks_of(2))?;
                account.run.ledger.count_tasks(1);
                let mut results: Vec<_> = reply.body["value"].as_array().into_iter().flatten().collect();
                results.sort_by_key(|result| result["taskId"].as_str());
                let says = |result: &&Value| {
                    let code = result["error"]["code"].as_str().unwrap_or("none");
                    format!("{} {code}", result["status"].as_str().unwrap_or_default().to_ascii_lowercase())
                };
                Ok(format!("{}: {}", reply.says(), results.iter().map(says).collect::<Vec<_>>().join(", ")))
            },
        )
        .makes(1, 2)
        .foresees("200: clienterror TaskExists, success none", "B7 stays and is observed.")
        .foresees("200: *", "B7: the results are these.")
        .foresees("409 *", "B7: one task that is refused refuses all."),
        Question::new(
            "property-in-another-case",
            &["B3"],
            "Must names of properties match exactly?",
            |account| job_with(account, json!({ "Priority": 5 })),
        )
        .makes(1, 0)
        .foresees(REFUSED_BODY, "B3 stays and is observed.")
        .foresees("201", "B3: names are compared without case, or unknown ones are ignored.")
        .foresees("400 *", "B3: it is refused with this code."),
        Question::new("null-property", &["B3"], "Does null count as absent?", |account| {
            job_with(account, json!({ "priority": null }))
        })
        .makes(1, 0)
        .foresees("201", "B3 stays and is observed.")
        .foresees("400 *", "B3: null is refused."),
        Question::new("enum-in-another-case", &["B4"], "Are enum values read without case?", |account| {
            job_with(account, json!({ "onAllTasksComplete": "NoAction" }))
        })
        .makes(1, 0)
        .foresees("201", "B4 stays and is observed.")
        .foresees("400 *", "B4: the case of enum values counts."),
        Question::new(
            "one-id-for-two-tasks",
            &["B9"],
            "Can the preparation and the release task have one id?",
            |account| {
                let task = json!({ "id": "one", "commandLine": sleeps(1) });
                job_with(account, json!({ "jobPreparationTask": task, "jobReleaseTask": task }))
            },
        )
        .makes(1, 0)
        .foresees("409 TaskIdSameAsJobPreparationTask", "B9 stays and is observed.")
        .foresees("201", "B9: they can have one id.")
        .foresees("4*", "B9: it is refused with this code."),
        Question::new("empty-metadata-name", &["B10"], "Is an empty metadata name refused?", |account| {
            job_with(account, json!({ "metadata": [{ "name": "", "value": "x" }] }))
        })
        .makes(1, 0)
        .foresees("400 *", "B10 stays.")
        .foresees("201", "B10: it is accepted."),
        Question::new("metadata-of-8193-bytes", &["B10"], "Is metadata of 8193 bytes refused?", |account| {
            job_with(account, json!({ "metadata": [{ "name": "n", "value": "x".repeat(8192) }] }))
        })
        .makes(1, 0)
        .foresees("400 *", "B10 stays.")
        .foresees("201", "B10: the limit is higher, or counted otherwise."),
        Question::new("metadata-of-8192-bytes", &["B10"], "Is metadata of 8192 bytes accepted?", |account| {
            job_with(account, json!({ "metadata": [{ "name": "n", "value": "x".repeat(8191) }] }))
        })
        .makes(1, 0)
        .foresees("201", "B10 stays.")
        .foresees("400 *", "B10: the limit is lower, or counted otherwise."),
        Question::new(
            "body-where-none-is-taken",
            &["B12"],
            "Does an operation without a body accept an empty object?",
            |account| {
                let job = account.job(json!({}))?;
                Ok(account.post(&format!("{job}/enable"), &json!({}))?.says())
            },
        )
        .makes(1, 0)
        .foresees("202", "B12 stays and is observed.")
        .foresees("400 *", "B12: any body is refused."),
    ]
}

fn authorization() -> Vec<Question> {
    vec![
        Question::new(
            "parameter-twice",
            &["U3"],
            "Is the first value signed of a query parameter that is repeated?",
            |account| jobs(account, "azbatch=1&azbatch=2"),
        )
        .foresees("200", "U3 stays and is observed.")
        .foresees("403 AuthenticationFailed", "U3: repeated parameters are signed in another way.")
        .foresees("400 *", "U3: they are refused."),
        Question::new(
            "basic-authorization",
            &["U2"],
            "How is another form of authorization refused?",
            |account| {
                let request = Request::new("GET", "/jobs?maxresults=1");
                Ok(account.send(request.header("Authorization", "Basic YXpiYXRjaDphc2s="))?.says())
            },
        )
        .foresees("400 InvalidAuthenticationInfo", "U2 stays and is observed.")
        .foresees("40*", "U2: it is refused like this."),
        Question::new(
            "authorization-is-empty",
            &["U2"],
            "Does an empty Authorization header count as absent?",
            |account| {
                Ok(account
                    .send(Request::new("GET", "/jobs?maxresults=1").header("Authorization", ""))?
                    .says())
            },
        )
        .foresees("400 MissingRequiredHeader", "U2 stays and is observed.")
        .foresees("40*", "U2: it is refused like this."),
        Question::new("date-14-minutes-ago", &["U6"], "Is a date of 14 minutes ago accepted?", |account| {
            dated(account, 14)
        })
        .foresees("200", "U6 stays.")
        .foresees("403 AuthenticationFailed", "U6: the date may be less than 14 minutes old."),
        Question::new("date-16-minutes-ago", &["U6"], "Is a date of 16 minutes ago refused?", |account| {
            dated(account, 16)
        })
        .foresees("403 AuthenticationFailed", "U6 stays.")
        .foresees("200", "U6: the date may be more than 16 minutes old."),
    ]
}

/// The answer to a request that was dated some minutes ago, by the service's clock.
fn dated(account: &mut Conversation<'_>, minutes: u64) -> Answer {
    let earlier = account.must(Request::new("GET", "/jobs?maxresults=1"))?;
    let now = Timestamp::parse_rfc1123(earlier.header("date"));
    let ticks = now.map(|now| now.ticks().saturating_sub(TimeSpan::from_secs(minutes * 60).ticks()));
    let Some(date) = ticks.ok().and_then(Timestamp::from_ticks) else {
        return Err(Stop::Unclear("the service does not say what time it is".into()));
    };
    let request = Request::new("GET", "/jobs?maxresults=1").header("ocp-date", date.rfc1123().to_string());
    Ok(account.send(request)?.says())
}
