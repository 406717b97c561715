//! The questions. To add one, add it to one of the lists here.

mod ending;
mod files;
mod lists;
mod precedence;
mod requests;
mod schedules;
mod table;
mod tasks;

use super::question::Question;

/// All questions: first those that need no node, which are quick.
pub fn all() -> Vec<Question> {
    let mut all = Vec::new();
    all.extend(ending::questions());
    all.extend(tasks::questions());
    all.extend(precedence::questions());
    all.extend(requests::questions());
    all.extend(lists::questions());
    all.extend(schedules::questions());
    all.extend(files::questions());
    all.extend(table::questions());
    all.sort_by_key(|question| question.needs_node); // stable: in each half as they stand above
    all
}
