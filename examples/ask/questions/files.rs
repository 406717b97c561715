//! Files of tasks.

use serde_json::{Value, json};

use super::super::{
    conversation::{Conversation, Request, Stop, sleeps},
    question::{Answer, Question},
};

pub fn questions() -> Vec<Question> {
    let mut questions = states();
    questions.extend(ranges());
    questions.extend(paths());
    questions
}

fn states() -> Vec<Question> {
    vec![
        Question::new(
            "files-of-a-task-that-never-ran",
            &["V3"],
            "How are files refused of a task that was ended before it ran?",
            |account| {
                let job = account.job(json!({}))?;
                let task = account.task(&job, "task", &sleeps(1), Value::Null)?;
                account.must(Request::new("POST", format!("{task}/terminate")))?;
                Ok(account.get(&format!("{task}/files"))?.says())
            },
        )
        .makes(1, 1)
        .foresees("409 TaskFilesUnavailable", "V3 stays and is observed.")
        .foresees("4*", "V3: it is refused like this.")
        .foresees("200", "V3: the list is empty."),
        Question::new(
            "missing-file-of-an-active-task",
            &["V9", "V3"],
            "Which comes first: that the task is active, or that it has no such file?",
            |account| {
                let job = account.job(json!({}))?;
                let task = account.task(&job, "task", &sleeps(1), Value::Null)?;
                Ok(account.get(&format!("{task}/files/none"))?.says())
            },
        )
        .makes(1, 1)
        .foresees("409 OperationInvalidForCurrentState", "V9 stays, and the code is observed.")
        .foresees("404 FileNotFound", "V9: the file comes first.")
        .foresees("4*", "V3: it is refused like this."),
    ]
}

fn ranges() -> Vec<Question> {
    vec![
        Question::new("range-without-an-end", &["V7"], "Is `bytes=2-` accepted?", |account| {
            part(account, "bytes=2-")
        })
        .on_a_node()
        .makes(1, 1)
        .foresees("200 cdef", "V7 stays and is observed.")
        .foresees("206 cdef", "V7: it is accepted, with 206.")
        .foresees("200 abcdef", "V7: it is ignored.")
        .foresees("4*", "V7: it is refused."),
        Question::new(
            "range-beyond-the-end",
            &["V7"],
            "How is a range beyond the end of a file refused?",
            |account| part(account, "bytes=100-200"),
        )
        .on_a_node()
        .makes(1, 1)
        .foresees("416 InvalidRange", "V7 stays and is observed.")
        .foresees("4*", "V7: it is refused like this.")
        .foresees("20*", "V7: it is accepted."),
        Question::new("range-of-the-end", &["V7"], "Is `bytes=-2` refused?", |account| {
            part(account, "bytes=-2")
        })
        .on_a_node()
        .makes(1, 1)
        .foresees("400 InvalidHeaderValue", "V7 stays and is observed.")
        .foresees("20*", "V7: it is accepted.")
        .foresees("4*", "V7: it is refused like this."),
    ]
}

fn paths() -> Vec<Question> {
    vec![
        Question::new(
            "file-not-modified",
            &["V6"],
            "Has the answer a Last-Modified that a file was not modified?",
            |account| {
                let file = format!("{}/files/stdout.txt", printed(account)?);
                let read = account.must(Request::new("GET", file.as_str()))?;
                let since = read.header("last-modified");
                let again = account.send(Request::new("GET", file).header("If-Modified-Since", since))?;
                let same = again.header("last-modified") == since;
                Ok(format!("{}, {}", again.says(), if same { "with it" } else { "without it" }))
            },
        )
        .on_a_node()
        .makes(1, 1)
        .foresees("304, with it", "V6 stays and is observed.")
        .foresees("304, without it", "V6: a 304 has no Last-Modified.")
        .foresees("200, *", "V6: the condition does not apply."),
        Question::new(
            "path-out-of-the-directory",
            &["V2"],
            "Is a path that contains `..` not found?",
            |account| {
                let task = printed(account)?;
                Ok(account.get(&format!("{task}/files/wd%5C..%5Cstdout.txt"))?.says())
            },
        )
        .on_a_node()
        .makes(1, 1)
        .foresees("404 FileNotFound", "V2 stays and is observed.")
        .foresees("200", "V2: it is followed.")
        .foresees("4*", "V2: it is refused like this."),
        Question::new("directory-as-a-file", &["V5"], "Is a directory not found by a GET?", |account| {
            let task = printed(account)?;
            Ok(account.get(&format!("{task}/files/wd"))?.says())
        })
        .on_a_node()
        .makes(1, 1)
        .foresees("404 FileNotFound", "V5 stays and is observed.")
        .foresees("200", "V5: a GET accepts a directory.")
        .foresees("4*", "V5: it is refused like this."),
        Question::new("order-of-files", &["V4"], "Are files listed by path?", |account| {
            let task = printed(account)?;
            let list = account.must(Request::new("GET", format!("{task}/files")))?;
            let names = list.body["value"].as_array().into_iter().flatten();
            let names: Vec<_> = names.filter_map(|file| file["name"].as_str()).collect();
            if names.len() < 2 {
                return Err(Stop::Unclear(format!("the list is too short to have an order: {names:?}")));
            }
            Ok(if names.is_sorted() { "by path".into() } else { names.join(" ") })
        })
        .on_a_node()
        .makes(1, 1)
        .foresees("by path", "V4 stays.")
        .foresees("*", "V4: they are listed like this."),
    ]
}

/// A task on the node that has printed six letters.
fn printed(account: &mut Conversation<'_>) -> Result<String, Stop> {
    let job = account.job_on_node(json!({}))?;
    let task = account.task(&job, "task", "/bin/sh -c \"echo abcdef\"", Value::Null)?;
    account.wait_for_state(&task, "completed")?;
    Ok(task)
}

fn part(account: &mut Conversation<'_>, range: &str) -> Answer {
    let task = printed(account)?;
    let request = Request::new("GET", format!("{task}/files/stdout.txt")).header("ocp-range", range);
    let reply = account.send(request)?;
    let content = reply.body.as_str().map(|text| format!(" {}", text.trim_end()));
    Ok(format!("{}{}", reply.says(), content.unwrap_or_default()))
}
