//! The assumed cells of the table of requests by job state. The column `enabling` is never seen.

use super::super::{
    cells::{
        Cell,
        Requested::{
            self, AddJob, AddTask, Delete, DeleteTask, Disable, Enable, ReactivateTask, Terminate,
            TerminateForce, TerminateTask, Update, UpdateTask,
        },
        State::{self, Active, Completed, Deleting, Disabled, Disabling, Terminating},
    },
    question::Question,
};

const DELETING: &str = "409 JobBeingDeleted";
const TERMINATING: &str = "409 JobBeingTerminated";
const COMPLETED: &str = "409 JobCompleted";
const EXISTS: &str = "409 JobExists";

const CELLS: [(Requested, State, &str); 38] = [
    (UpdateTask, Active, "200"),
    (Terminate, Disabling, "202"),
    (TerminateForce, Disabling, "202"),
    (Update, Disabling, "200"),
    (Delete, Disabling, "202"),
    (AddTask, Disabling, "201"),
    (AddJob, Disabling, EXISTS),
    (UpdateTask, Disabling, "200"),
    (TerminateTask, Disabling, "204"),
    (ReactivateTask, Disabling, "204"),
    (DeleteTask, Disabling, "200"),
    (Terminate, Disabled, "202"),
    (TerminateForce, Disabled, "202"),
    (Delete, Disabled, "202"),
    (AddTask, Disabled, "201"),
    (AddJob, Disabled, EXISTS),
    (UpdateTask, Disabled, "200"),
    (TerminateTask, Disabled, "204"),
    (ReactivateTask, Disabled, "204"),
    (DeleteTask, Disabled, "200"),
    (TerminateForce, Terminating, "202"),
    (Disable, Terminating, TERMINATING),
    (Enable, Terminating, TERMINATING),
    (Update, Terminating, TERMINATING),
    (AddTask, Terminating, TERMINATING),
    (AddJob, Terminating, EXISTS),
    (UpdateTask, Terminating, TERMINATING),
    (TerminateTask, Terminating, TERMINATING),
    (DeleteTask, Terminating, "200"),
    (Disable, Completed, COMPLETED),
    (Enable, Completed, COMPLETED),
    (UpdateTask, Completed, COMPLETED),
    (TerminateTask, Completed, COMPLETED),
    (DeleteTask, Completed, "200"),
    (AddTask, Deleting, DELETING),
    (UpdateTask, Deleting, DELETING),
    (TerminateTask, Deleting, DELETING),
    (DeleteTask, Deleting, DELETING),
];

pub fn questions() -> impl Iterator<Item = Question> {
    CELLS.into_iter().map(|(request, state, assumed)| Question::of_cell(Cell { request, state, assumed }))
}
