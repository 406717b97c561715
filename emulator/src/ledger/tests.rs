use std::{fs, path::PathBuf};

use azbatch::{
    Account, Effect,
    rest::{self, Guid, Request},
};

use super::*;

const START: Timestamp = Timestamp::MIN;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("azbatch-ledger-{name}-{}", std::process::id()));
    fs::remove_dir_all(&folder).ok();
    folder
}

/// A new account, which the ledger has whole.
fn begin(folder: &Path) -> (Ledger, Account) {
    let (ledger, stored) = Ledger::open(folder).unwrap();
    assert!(stored.is_none());
    let account = Account::new("http://127.0.0.1");
    ledger.store_whole(&whole(&ledger, &account)).unwrap();
    (ledger, account)
}

fn whole(ledger: &Ledger, account: &Account) -> Whole {
    ledger.whole(Snapshot { instant: START, out_of_reach: Vec::new(), account: account.clone() })
}

fn second(number: u64) -> Timestamp {
    START.saturating_add(TimeSpan::from_secs(number))
}

/// Adds a job, with a body of its own length.
fn add_job(ledger: &Ledger, account: &mut Account, number: u64, length: usize) {
    let metadata = "x".repeat(length);
    let body = format!(
        r#"{{"id":"job-{number}","poolInfo":{{"poolId":"p"}},"metadata":[{{"name":"n","value":"{metadata}"}}]}}"#
    );
    let request = Request {
        method: "POST",
        target: "/jobs?api-version=2024-07-01.20.0",
        headers: &[("content-type", b"application/json")],
        body: body.as_bytes(),
        received: second(number),
        request_id: Guid::from_u128(0),
    };
    let answer = rest::answer(account, &request, second(number));
    assert_eq!(answer.response.status, 201);
    let facts: Vec<&Fact> = Effect::facts(&answer.effects).collect();
    drop(ledger.add(second(number), TimeSpan::ZERO, None, &facts));
}

/// Closes the ledger, and opens it again.
fn again(ledger: Ledger, folder: &Path) -> (Ledger, Snapshot) {
    drop(ledger);
    let (ledger, stored) = Ledger::open(folder).unwrap();
    (ledger, stored.unwrap())
}

fn why(folder: &Path) -> String {
    Ledger::open(folder).err().unwrap().to_string()
}

#[test]
fn what_is_added_is_there_again() {
    let folder = folder("added");
    let (ledger, mut account) = begin(&folder);
    let node = NodeId::new("n").unwrap();
    for number in 0..3 {
        add_job(&ledger, &mut account, number, 10);
    }
    drop(ledger.add(second(4), TimeSpan::from_secs(9), Some(&Contact::Lost(node.clone())), &[]));
    let (ledger, stored) = again(ledger, &folder);
    assert_eq!(stored.account, account);
    assert_eq!((stored.out_of_reach, stored.instant), (vec![node.clone()], second(13)));
    drop(ledger.add(second(5), TimeSpan::ZERO, Some(&Contact::Found(node)), &[]));
    let (ledger, stored) = again(ledger, &folder);
    assert_eq!((stored.out_of_reach, stored.instant), (Vec::new(), second(13)));

    // The clock may go on to where it was allowed to, and no further without a word.
    ledger.cover(second(13), TimeSpan::from_secs(1));
    let (ledger, stored) = again(ledger, &folder);
    assert_eq!(stored.instant, second(13));
    ledger.cover(second(20), TimeSpan::from_secs(1));
    let (ledger, stored) = again(ledger, &folder);
    assert_eq!(stored.instant, second(21));
    ledger.set_clock(second(20));
    let (ledger, stored) = again(ledger, &folder);
    assert_eq!(stored.instant, second(20));
    drop(ledger);
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_long_ledger_is_made_short_and_nothing_is_lost() {
    let folder = folder("long");
    let (ledger, mut account) = begin(&folder);
    for number in 0..3_000 {
        add_job(&ledger, &mut account, number, 3_000);
    }
    ledger.long().await; // 9 MB are more than many.
    let whole = whole(&ledger, &account);
    for number in 3_000..3_010 {
        add_job(&ledger, &mut account, number, 10); // Others go on meanwhile.
    }
    ledger.store_whole(&whole).unwrap();
    assert_eq!(ledger.log.bounds().unwrap(), Some((3_000, 3_009)));
    let (ledger, stored) = again(ledger, &folder);
    assert!(stored.account == account);
    // A kill before the entries are removed leaves some that are in the account already.
    let earlier: Vec<Vec<u8>> = vec![b"in the account already".to_vec(); 2];
    ledger.log.append(2_998, earlier).wait().unwrap();
    let (ledger, stored) = again(ledger, &folder);
    assert!(stored.account == account);
    ledger.store_whole(&self::whole(&ledger, &account)).unwrap();
    assert_eq!(ledger.log.bounds().unwrap(), None);
    add_job(&ledger, &mut account, 4_000, 10);
    let (ledger, stored) = again(ledger, &folder);
    assert!(stored.account == account);
    drop(ledger);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn entries_that_do_not_fit_are_refused() {
    let folder = folder("unfit");
    let (ledger, mut account) = begin(&folder);
    for number in 0..3 {
        add_job(&ledger, &mut account, number, 10);
    }
    let Ledger { log, .. } = ledger;
    log.store().latest().wait().unwrap();
    let text: Vec<Vec<u8>> = log.read(0..=2).unwrap().into_iter().map(|(_, bytes)| bytes).collect();
    for (first, changed, words) in [
        (1, text[0].clone(), "entry 1: job job-0"),
        (1, b"{".to_vec(), "entry 1: EOF"),
        (1, br#"{"until":"nonsense"}"#.to_vec(), "entry 1: "),
        (4, text[2].clone(), "entry 3 is missing"),
    ] {
        log.append(first, [changed]).wait().unwrap();
        let account = Account::new("http://127.0.0.1");
        let mut snapshot = Snapshot { instant: START, out_of_reach: Vec::new(), account };
        let why = replay(&log, 0, &mut snapshot).unwrap_err().to_string();
        assert!(why.contains(words) && why.contains("is damaged") && why.contains("restore"), "{why}");
        log.write(Changes::default().truncate(3).append(1, text[1].clone())).wait().unwrap();
    }
    drop(log.write(Changes::default().remove(WHOLE)));
    log.store().latest().wait().unwrap();
    drop(log);
    let why = self::why(&folder);
    assert!(why.contains("is damaged (it has no account)"), "{why}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn entries_of_another_format_are_refused() {
    let folder = folder("entry-format");
    let (ledger, _) = begin(&folder);
    let Ledger { log, .. } = ledger;
    log.put(FORMAT_VALUE, b"99".to_vec()).wait().unwrap();
    drop(log);
    let why = self::why(&folder);
    assert!(why.contains("format 99") && why.contains(&format!("format {FORMAT};")), "{why}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_account_of_another_format_is_refused() {
    let folder = folder("account-format");
    let (ledger, _) = begin(&folder);
    let value = String::from_utf8(ledger.log.get(WHOLE).unwrap().unwrap()).unwrap();
    let format = format!(r#""account_format":{}"#, Account::STORED_FORMAT);
    let other = value.replace(&format, r#""account_format":99"#);
    assert_ne!(value, other);
    ledger.log.put(WHOLE, other.into()).wait().unwrap();
    drop(ledger);
    let why = why(&folder);
    assert!(why.contains("99") && why.contains(&Account::STORED_FORMAT.to_string()), "{why}");
    fs::remove_dir_all(folder).unwrap();
}
