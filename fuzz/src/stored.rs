//! Arbitrary bytes as a stored account: refused, or an account that keeps its rules and then behaves.

use azbatch::{
    Account,
    testing::{Driver, Sequence, laws},
};
use serde_json::Value;

/// Reads a stored account: JSON as it stands, or the account of a sequence that was tampered with.
///
/// The first byte of what is no JSON says how many changes there are, of four bytes each; the rest is the sequence.
pub fn stored(data: &[u8]) {
    if data.first() == Some(&b'{') {
        if let Ok(account) = serde_json::from_slice(data) {
            behaves(account, &Sequence::from_bytes(data));
        }
        return;
    }
    let (changes, rest) =
        data.split_first().map_or((0, data), |(first, rest)| (usize::from(first % 4), rest));
    let (changes, rest) = rest.split_at_checked(4 * changes).unwrap_or((&[], rest));
    let sequence = Sequence::from_bytes(rest);
    let account = sequence.account();
    let mut json = serde_json::to_value(&account).expect("an account can be stored");
    for change in changes.as_chunks::<4>().0 {
        tamper(&mut json, *change);
    }
    match serde_json::from_value(json) {
        Ok(read) => {
            assert!(!changes.is_empty() || read == account, "it is not read as it was stored");
            behaves(read, &sequence);
        }
        Err(error) => assert!(!changes.is_empty(), "it is not read: {error}"),
    }
}

/// The account passes its own check, can be stored again, and keeps its rules whatever comes.
fn behaves(account: Account, sequence: &Sequence) {
    account.check().expect("what is read keeps the rules");
    let again = serde_json::to_value(&account).and_then(serde_json::from_value);
    assert_eq!(again.ok().as_ref(), Some(&account), "it is not read as it was stored");
    let mut driver = Driver::with_account(account, sequence.start());
    for step in sequence {
        let before = driver.account().clone();
        let outcome = driver.step(step);
        let lawful = laws::check(&before, outcome.effects(), driver.account());
        lawful.unwrap_or_else(|violation| panic!("{violation} after {step:?}"));
    }
}

/// Changes one of the values: to another one of its kind or of the account's, or takes it away.
fn tamper(json: &mut Value, [high, low, how, what]: [u8; 4]) {
    let mut count = 0;
    walk(json, &mut |_| count += 1);
    let wanted = (usize::from(high) << 8 | usize::from(low)) % count;
    let other = nth(json, usize::from(what) * 7 % count);
    let mut at = 0;
    walk(json, &mut |value| {
        if at == wanted {
            change(value, how, what, &other);
        }
        at += 1;
    });
}

fn change(value: &mut Value, how: u8, what: u8, other: &Value) {
    match (how % 4, &mut *value) {
        (0, Value::Number(number)) => {
            let near = number.as_u64().unwrap_or(0).wrapping_add(what.into()).wrapping_sub(2);
            *value = near.into();
        }
        (0, Value::Bool(is_so)) => *is_so = !*is_so,
        (1, Value::Array(items)) if !items.is_empty() => drop(items.remove(usize::from(what) % items.len())),
        (1, Value::Object(members)) if !members.is_empty() => {
            let name = members.keys().nth(usize::from(what) % members.len()).cloned().unwrap_or_default();
            members.remove(&name);
        }
        (2, _) => *value = Value::Null,
        _ => *value = other.clone(),
    }
}

fn nth(json: &mut Value, wanted: usize) -> Value {
    let (mut at, mut found) = (0, Value::Null);
    walk(json, &mut |value| {
        if at == wanted {
            found = value.clone();
        }
        at += 1;
    });
    found
}

/// Visits every value, the outer ones first.
fn walk(value: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    visit(value);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, visit)),
        Value::Object(members) => members.iter_mut().for_each(|(_, member)| walk(member, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
