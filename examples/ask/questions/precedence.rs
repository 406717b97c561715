//! Which refusal comes first if several apply (S5).

use serde_json::json;

use super::{
    super::{
        conversation::{Request, sleeps},
        question::Question,
    },
    ending::completed,
};

/// A tag of no resource.
const OTHER: &str = "0x8D00000000000000";

pub fn questions() -> Vec<Question> {
    let mut questions = with_resources();
    questions.extend(in_a_request());
    questions
}

fn with_resources() -> Vec<Question> {
    vec![
        Question::new(
            "state-or-condition",
            &["S5"],
            "Which comes first: a conflict with the state, or an unmet condition?",
            |account| {
                let job = completed(account)?;
                let again = Request::new("POST", format!("{job}/terminate")).header("If-Match", OTHER);
                Ok(account.send(again)?.says())
            },
        )
        .makes(1, 0)
        .foresees("409 JobCompleted", "S5 stays: the conflict comes first.")
        .foresees("412 ConditionNotMet", "S5: conditions come before the state."),
        Question::new(
            "missing-or-condition",
            &["S5"],
            "Which comes first: a missing job, or an unmet condition?",
            |account| {
                let request = Request::new("POST", "/jobs/azbatch-ask-no-job/terminate");
                Ok(account.send(request.header("If-Match", OTHER))?.says())
            },
        )
        .foresees("404 JobNotFound", "S5 stays: what is missing comes first.")
        .foresees("412 ConditionNotMet", "S5: a condition on what is missing is unmet."),
        Question::new(
            "missing-or-two-conditions",
            &["S5"],
            "Which comes first: a missing job, or too many conditions?",
            |account| {
                let request = Request::new("POST", "/jobs/azbatch-ask-no-job/terminate");
                Ok(account.send(request.header("If-Match", OTHER).header("If-None-Match", OTHER))?.says())
            },
        )
        .foresees(
            "400 MultipleConditionHeadersNotSupported",
            "S5 stays: headers come before what is missing.",
        )
        .foresees("404 JobNotFound", "S5: what is missing comes before headers."),
    ]
}

fn in_a_request() -> Vec<Question> {
    vec![
        Question::new(
            "version-or-path",
            &["S5"],
            "Which comes first: an unknown path, or a missing api-version?",
            |account| Ok(account.send(Request::new("GET", "/azbatch-ask").unversioned())?.says()),
        )
        .foresees("400 InvalidUri", "S5 stays: the path comes first.")
        .foresees("400 MissingRequiredQueryParameter", "S5: the api-version comes first.")
        .foresees("404*", "S5: an unknown path is not found."),
        Question::new(
            "method-or-version",
            &["S5"],
            "Which comes first: a method that the path does not take, or a missing api-version?",
            |account| Ok(account.send(Request::new("PUT", "/jobs").unversioned())?.says()),
        )
        .foresees("405 *", "S5 stays: the method comes first.")
        .foresees("400 MissingRequiredQueryParameter", "S5: the api-version comes first."),
        Question::new(
            "query-or-header",
            &["S5"],
            "Which comes first: a bad query parameter, or a bad header?",
            |account| {
                let request = Request::new("GET", "/jobs/azbatch-ask-no-job?timeout=x");
                Ok(account.send(request.header("If-Modified-Since", "yesterday"))?.says())
            },
        )
        .foresees("400 InvalidQueryParameterValue", "S5 stays: the query comes first.")
        .foresees("400 InvalidHeaderValue", "S5: headers come before the query.")
        .foresees("404*", "S5: what is missing comes first."),
        Question::new(
            "header-or-body",
            &["S5"],
            "Which comes first: a bad header, or a body that is no JSON?",
            |account| {
                let request = Request::new("PATCH", "/jobs/azbatch-ask-no-job").text("{");
                let request = request.header("Content-Type", "application/json");
                Ok(account.send(request.header("If-Modified-Since", "yesterday"))?.says())
            },
        )
        .foresees("400 InvalidHeaderValue", "S5 stays: headers come before the body.")
        .foresees("400 InvalidRequestBody", "S5: the body comes before headers.")
        .foresees("404*", "S5: what is missing comes first."),
        Question::new(
            "property-or-missing",
            &["S5"],
            "Which comes first: a bad property of the body, or a missing job?",
            |account| Ok(account.patch("/jobs/azbatch-ask-no-job", &json!({ "priority": 5000 }))?.says()),
        )
        .foresees("400 InvalidPropertyValue", "S5 stays: properties come first.")
        .foresees("404 JobNotFound", "S5: what is missing comes before the values of properties."),
        Question::new(
            "state-or-property",
            &["S5"],
            "Which comes first: a conflict with the state, or a bad property of the body?",
            |account| {
                let job = completed(account)?;
                let task = json!({ "id": "not allowed!", "commandLine": sleeps(1) });
                Ok(account.post(&format!("{job}/tasks"), &task)?.says())
            },
        )
        .makes(1, 0)
        .foresees("400 InvalidPropertyValue", "S5 stays: properties come first.")
        .foresees("409 JobCompleted", "S5: the state comes before properties."),
    ]
}
