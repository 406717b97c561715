//! What the fuzz targets do with their input. `tests/fuzz_corpus.rs` does the same with each file of
//! the corpus, so that whatever fuzzing finds stays a test.

mod bytes;
mod requests;

use azbatch::{Account, Effect, Job, JobStateName, TaskStateName, TimeSpan, Timestamp};

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

/// Makes a call and checks what must hold after any: the invariants; that the effects tell all that
/// changed, so that without effects nothing has (I4, I5); that no stamp went back (I3); that a
/// termination left alone what it must leave alone (I2, E10).
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
    for effect in &effects {
        replayed.apply(effect);
    }
    assert!(replayed == *account, "I5: {effects:?} do not tell all of it");
    for old in before.jobs() {
        let deleted =
            effects.iter().any(|effect| matches!(effect, Effect::JobDeleted { job } if job == old.id()));
        if let (Ok(new), false) = (account.job(old.id()), deleted) {
            check_history(old, new, &effects);
        }
    }
    (answer, effects)
}

fn check_history(old: &Job, new: &Job, effects: &[Effect]) {
    let id = old.id();
    assert_eq!(old.creation_time(), new.creation_time(), "T6: {id}");
    assert!(old.last_modified() <= new.last_modified(), "I3: {id}");
    assert!(old.state_transition_time() <= new.state_transition_time(), "I3: {id}");
    if old.settings() != new.settings() {
        assert!(old.last_modified() < new.last_modified(), "T2: {id}");
    }
    let ending = matches!(old.state().name(), JobStateName::Terminating | JobStateName::Completed);
    for task in old.tasks() {
        let Some(later) = new.task(task.id()) else {
            let deleted = |effect: &Effect| matches!(effect, Effect::TaskDeleted { task: gone, .. } if gone == task.id());
            assert!(effects.iter().any(deleted), "{id} lost {}", task.id());
            continue;
        };
        assert!(task.last_modified() <= later.last_modified(), "I3: {id} {}", task.id());
        assert!(task.state_transition_time() <= later.state_transition_time(), "I3: {id} {}", task.id());
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
        let ((), effects) = checked(account, |account| ((), account.tick(&now)));
        assert_eq!(due, !effects.is_empty(), "S3: {effects:?}");
        if !due {
            return;
        }
    }
    panic!("S3: something is due for ever");
}
