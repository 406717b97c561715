//! The assumed cells of the table of requests by job state. The column `enabling` is never seen.

use super::super::{cells::Cell, question::Question};

const DELETING: &str = "409 JobBeingDeleted";
const TERMINATING: &str = "409 JobBeingTerminated";
const COMPLETED: &str = "409 JobCompleted";
const EXISTS: &str = "409 JobExists";

const CELLS: [(&str, &str); 38] = [
    ("R-update-task-active", "200"),
    ("R-terminate-disabling", "202"),
    ("R-terminate-force-disabling", "202"),
    ("R-update-disabling", "200"),
    ("R-delete-disabling", "202"),
    ("R-add-task-disabling", "201"),
    ("R-add-job-disabling", EXISTS),
    ("R-update-task-disabling", "200"),
    ("R-terminate-task-disabling", "204"),
    ("R-reactivate-task-disabling", "204"),
    ("R-delete-task-disabling", "200"),
    ("R-terminate-disabled", "202"),
    ("R-terminate-force-disabled", "202"),
    ("R-delete-disabled", "202"),
    ("R-add-task-disabled", "201"),
    ("R-add-job-disabled", EXISTS),
    ("R-update-task-disabled", "200"),
    ("R-terminate-task-disabled", "204"),
    ("R-reactivate-task-disabled", "204"),
    ("R-delete-task-disabled", "200"),
    ("R-terminate-force-terminating", "202"),
    ("R-disable-terminating", TERMINATING),
    ("R-enable-terminating", TERMINATING),
    ("R-update-terminating", TERMINATING),
    ("R-add-task-terminating", TERMINATING),
    ("R-add-job-terminating", EXISTS),
    ("R-update-task-terminating", TERMINATING),
    ("R-terminate-task-terminating", TERMINATING),
    ("R-delete-task-terminating", "200"),
    ("R-disable-completed", COMPLETED),
    ("R-enable-completed", COMPLETED),
    ("R-update-task-completed", COMPLETED),
    ("R-terminate-task-completed", COMPLETED),
    ("R-delete-task-completed", "200"),
    ("R-add-task-deleting", DELETING),
    ("R-update-task-deleting", DELETING),
    ("R-terminate-task-deleting", DELETING),
    ("R-delete-task-deleting", DELETING),
];

pub fn questions() -> impl Iterator<Item = Question> {
    CELLS.into_iter().map(|(id, assumed)| Question::of_cell(Cell { id, assumed }))
}
