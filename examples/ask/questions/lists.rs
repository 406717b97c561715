//! Lists: their order, filters and pages.

use serde_json::{Value, json};

use super::super::{
    conversation::{Conversation, Request, Stop, sleeps},
    question::Question,
};

pub fn questions() -> Vec<Question> {
    vec![
        Question::new("order-of-tasks", &["Q6"], "Are tasks listed by id, whatever its case?", |account| {
            let job = with_tasks(account, &["c", "B", "a"])?;
            Ok(ids(&account.must(Request::new("GET", format!("{job}/tasks")))?.body))
        })
        .makes(1, 3)
        .foresees("a B c", "Q6 stays and is observed for tasks.")
        .foresees("B a c", "Q6: case counts.")
        .foresees("c B a", "Q6: tasks are listed in the order in which they were added."),
        Question::new(
            "page-after-a-deleted-task",
            &["Q8"],
            "Does a page continue if its last task was deleted?",
            |account| {
                let job = with_tasks(account, &["a", "b", "c"])?;
                let first = account.must(Request::new("GET", format!("{job}/tasks?maxresults=1")))?;
                account.must(Request::new("DELETE", format!("{job}/tasks/a")))?;
                let link = first.text("/odata.nextLink");
                let Some(place) = link.find("/jobs/") else {
                    return Ok("no link".into());
                };
                let next = Request { version: None, ..Request::new("GET", &link[place..]) };
                let next = account.send(next)?;
                Ok(if next.status == 200 { ids(&next.body) } else { next.says() })
            },
        )
        .makes(1, 3)
        .foresees("b", "Q8 stays and is observed.")
        .foresees("c", "Q8: a page skips a number of items.")
        .foresees("4*", "Q8: the link is not valid any more.")
        .foresees("no link", "Q7: the page is longer than was asked for."),
        Question::new(
            "filter-of-what-is-absent",
            &["Q5"],
            "Is a property that is not shown unequal to a value?",
            |account| {
                let job = with_tasks(account, &["a"])?;
                let filter = "$filter=executionInfo/exitCode%20ne%201";
                let reply = account.get(&format!("{job}/tasks?{filter}"))?;
                Ok(if reply.status == 200 { ids(&reply.body) } else { reply.says() })
            },
        )
        .makes(1, 1)
        .foresees("a", "Q5 stays and is observed.")
        .foresees("", "Q5: a comparison with what is not shown is false, also `ne`.")
        .foresees("400 *", "Q4: this property cannot be filtered by."),
    ]
}

fn with_tasks(account: &mut Conversation<'_>, ids: &[&str]) -> Result<String, Stop> {
    let job = account.job(json!({}))?;
    for id in ids {
        account.task(&job, id, &sleeps(1), Value::Null)?;
    }
    Ok(job)
}

/// The ids of a list, in its order.
fn ids(list: &Value) -> String {
    let items = list["value"].as_array().into_iter().flatten();
    items.filter_map(|item| item["id"].as_str()).collect::<Vec<_>>().join(" ")
}
