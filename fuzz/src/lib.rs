//! What the fuzz targets do with their input. `tests/it/fuzz_corpus.rs` does the same with each file of
//! the corpus, so that whatever fuzzing finds stays a test.

mod bytes;
mod requests;

use azbatch::{
    Account, Effect, Fact, Instruction, Job, RunId, TimeSpan, Timestamp,
    job::{JobFact, JobStateName, Unit},
    task::{TaskFact, TaskStateName},
};

pub use bytes::bytes;
pub use requests::requests;

/// So many seconds after the beginning of the story, or before it.
fn at(seconds: i64) -> Timestamp {
    let start = Timestamp::parse_iso8601("2026-02-10T08:00:00.1234567Z").expect("an instant");
    shifted(start, seconds)
}

fn shifted(instant: Timestamp, seconds: i64) -> Timestamp {
    let span = TimeSpan::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        Timestamp::from_ticks(instant.ticks().saturating_sub(span.ticks())).expect("an earlier instant")
    } else {
        instant.saturating_add(span)
    }
}

/// Makes a call and checks what must hold after any: the invariants; that the facts alone tell all that
/// changed, so that without facts nothing has (I4, I5); that nodes are told to run what is new and theirs
/// (E10); that no stamp went back (I3); that a termination left alone what it must leave alone (I2, E10).
fn checked<T>(
    account: &mut Account,
    call: impl FnOnce(&mut Account) -> (T, Vec<Effect>),
) -> (T, Vec<Effect>) {
    let before = account.clone();
    let (answer, effects) = call(account);
    if let Err(violation) = account.check() {
        panic!("{violation} after {effects:?}");
    }
    let mut replayed = before.clone();
    for fact in Effect::facts(&effects) {
        assert_eq!(replayed.try_apply(fact), Ok(()), "I5: {fact} does not fit");
    }
    assert!(replayed == *account, "I5: {effects:?} do not tell all of it");
    for instruction in Effect::instructions(&effects) {
        check_instruction(&before, account, instruction);
    }
    for old in before.jobs() {
        let deleted = Effect::facts(&effects)
            .any(|fact| matches!(fact, Fact::Job(job, JobFact::Deleted) if job == old.id()));
        if let (Some(new), false) = (account.job(old.id()), deleted) {
            check_history(old, new, &effects);
        }
    }
    (answer, effects)
}

/// An instruction is about the run that the node has, and none is issued twice.
fn check_instruction(before: &Account, after: &Account, instruction: &Instruction) {
    let Some(run) = instruction.run() else { return };
    let current = |account: &Account| account.current_run(&run.job, &run.node, &run.unit);
    assert_eq!(current(after).as_ref(), Some(run), "E10: {instruction}");
    if let Instruction::Run(RunId { job, unit, .. }) = instruction {
        let waited = match unit {
            // The run of a task that waits for a preparation is decided before it is issued.
            Unit::Task(task) => before.task(job, task).is_some_and(|task| task.state().is_preparing()),
            Unit::Preparation | Unit::Release => false,
        };
        assert!(waited || current(before).as_ref() != Some(run), "{instruction} is issued twice");
    }
}

fn check_history(old: &Job, new: &Job, effects: &[Effect]) {
    let id = old.id();
    assert_eq!(old.creation_time(), new.creation_time(), "T6: {id}");
    assert!(old.stamps().modified() <= new.stamps().modified(), "I3: {id}");
    assert!(old.stamps().entered() <= new.stamps().entered(), "I3: {id}");
    if old.settings() != new.settings() {
        assert!(old.stamps().modified() < new.stamps().modified(), "T2: {id}");
    }
    let ending = matches!(old.state().name(), JobStateName::Terminating | JobStateName::Completed);
    for task in old.tasks() {
        let Some(later) = new.task(task.id()) else {
            let deleted = |fact: &Fact| matches!(fact, Fact::Task(_, gone, TaskFact::Deleted { .. }) if gone == task.id());
            assert!(Effect::facts(effects).any(deleted), "{id} lost {}", task.id());
            continue;
        };
        assert!(task.stamps().modified() <= later.stamps().modified(), "I3: {id} {}", task.id());
        assert!(task.stamps().entered() <= later.stamps().entered(), "I3: {id} {}", task.id());
        if ending && task.state().name() == TaskStateName::Active {
            assert_eq!(task, later, "I2: {id}");
        }
    }
    if ending {
        assert!(new.tasks().all(|task| old.task(task.id()).is_some()), "E10: {id}");
    }
}

/// Ticks until nothing is due. A tick that is not due does nothing, one that is due does something,
/// and it comes to an end (S2, S3).
fn tick(account: &mut Account, now: Timestamp) {
    for _ in 0..16 {
        let due = account.deadline().is_some_and(|deadline| deadline <= now);
        let ((), effects) = checked(account, |account| ((), account.tick(now)));
        assert_eq!(due, !effects.is_empty(), "S3: {effects:?}");
        if !due {
            return;
        }
    }
    panic!("S3: something is due for ever");
}
