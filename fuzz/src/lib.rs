//! What the fuzz targets do with their input. `tests/it/fuzz_corpus.rs` does the same with each file of
//! the corpus, so that whatever fuzzing finds stays a test.

mod bytes;
pub mod conditions;
mod dates;
mod filters;
#[path = "../../tests/it/oracle/mod.rs"]
pub mod oracle;
mod requests;
#[cfg(feature = "serde")]
mod stored;

use azbatch::{Account, Effect, TimeSpan, Timestamp, testing::laws};

pub use bytes::bytes;
pub use conditions::conditions;
pub use dates::dates;
pub use filters::filters;
pub use requests::requests;
#[cfg(feature = "serde")]
pub use stored::stored;

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

/// Makes a call and checks what must hold after any.
fn checked<T>(
    account: &mut Account,
    call: impl FnOnce(&mut Account) -> (T, Vec<Effect>),
) -> (T, Vec<Effect>) {
    let before = account.clone();
    let (answer, effects) = call(account);
    laws::check(&before, &effects, account).unwrap_or_else(|violation| panic!("{violation}"));
    (answer, effects)
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
