use std::{io::Write as _, path::PathBuf, thread, time::Duration};

use redb::TableDefinition;

use super::{disk::Disk, *};

/// A folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("azbatch-store-{name}-{}", std::process::id()));
    fs::remove_dir_all(&folder).ok();
    folder
}

fn entries(log: &Log) -> Vec<(u64, Vec<u8>)> {
    log.read(0..=u64::MAX).unwrap()
}

fn entry(index: u64, text: &str) -> (u64, Vec<u8>) {
    (index, text.into())
}

#[test]
fn what_is_committed_is_there_after_the_store_is_opened_again() {
    let folder = folder("again");
    {
        let store = Store::open(&folder).unwrap();
        let log = store.log("a");
        log.append(1, ["one".into(), "two".into()]).wait().unwrap();
        log.put("vote", b"v".to_vec()).wait().unwrap();
        store.log("b").append(7, ["seven".into()]).wait().unwrap();
    }
    let store = Store::open(&folder).unwrap();
    assert_eq!(store.names().unwrap(), ["a", "b"]);
    assert_eq!(entries(&store.log("a")), [entry(1, "one"), entry(2, "two")]);
    assert_eq!(store.log("a").get("vote").unwrap().as_deref(), Some(b"v".as_slice()));
    assert_eq!(store.log("b").get("vote").unwrap(), None);
    assert_eq!(store.log("b").bounds().unwrap(), Some((7, 7)));
    drop(store);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_large_file_whose_data_is_gone_becomes_small_at_the_next_start() {
    let folder = folder("shrink");
    let length = || fs::metadata(folder.join("store.redb")).unwrap().len();
    let store = Store::open(&folder).unwrap();
    let log = store.log("a");
    for index in 0..60 {
        drop(log.append(index, [vec![7; 1_000_000]]));
    }
    log.purge(54).wait().unwrap();
    let before = length();
    assert!(before > 60_000_000, "{before}");
    drop(log);
    drop(store);

    let store = Store::open(&folder).unwrap();
    assert_eq!(store.log("a").bounds().unwrap(), Some((55, 59)));
    assert_eq!(store.log("a").read(57..=57).unwrap(), [(57, vec![7; 1_000_000])]);
    drop(store);
    assert!(length() < before / 3, "{before} {}", length());
    fs::remove_dir_all(folder).unwrap();
}

/// One log is changed in all ways; those with the names before and after it stay as they are.
#[test]
fn a_change_is_to_one_log_only() {
    let folder = folder("changes");
    let store = Store::open(&folder).unwrap();
    let (before, log, after) = (store.log("l"), store.log("lo"), store.log("log"));
    for log in [&before, &log, &after] {
        drop(log.append(0, ["0".into(), "1".into(), "2".into(), "3".into()]));
        drop(log.put("value", b"small".to_vec()));
        let mut large = log.value_writer("large");
        large.write_all(&vec![7; 2_000_000]).unwrap();
        large.finish(Changes::default()).wait().unwrap();
    }
    log.truncate(3).wait().unwrap();
    assert_eq!(entries(&log), [entry(0, "0"), entry(1, "1"), entry(2, "2")]);
    log.purge(0).wait().unwrap();
    assert_eq!((entries(&log).len(), log.bounds().unwrap()), (2, Some((1, 2))));
    assert_eq!(log.read(2..=2).unwrap(), [entry(2, "2")]);
    let changes = Changes::default().truncate(2).append(2, b"other".to_vec()).remove("value");
    log.write(changes).wait().unwrap();
    assert_eq!(entries(&log), [entry(1, "1"), entry(2, "other")]);
    assert_eq!(log.get("value").unwrap(), None);
    log.put("large", b"small".to_vec()).wait().unwrap();
    assert_eq!(log.get("large").unwrap().as_deref(), Some(b"small".as_slice()));
    log.delete().wait().unwrap();
    assert_eq!((entries(&log), log.bounds().unwrap(), log.get("large").unwrap()), (Vec::new(), None, None));
    assert_eq!(store.names().unwrap(), ["l", "log"]);
    for other in [before, after] {
        assert_eq!(other.bounds().unwrap(), Some((0, 3)));
        assert_eq!(other.get("value").unwrap().as_deref(), Some(b"small".as_slice()));
        assert_eq!(other.get("large").unwrap().as_deref(), Some(vec![7; 2_000_000].as_slice()));
    }
    log.append(9, ["back".into()]).wait().unwrap();
    assert_eq!(store.names().unwrap(), ["l", "lo", "log"]);
    drop((store, log));
    fs::remove_dir_all(folder).ok();
}

#[test]
fn an_unfinished_value_leaves_the_earlier_one_and_no_pieces() {
    let folder = folder("pieces");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    {
        let store = Store::open(&folder).unwrap();
        let log = store.log("a");
        log.append(1, ["old".into()]).wait().unwrap();
        let mut value = log.value_writer("account");
        value.write_all(&bytes).unwrap();
        value.finish(Changes::default().purge(1)).wait().unwrap();
        assert_eq!(log.bounds().unwrap(), None);
        let mut unfinished = log.value_writer("account");
        unfinished.write_all(&vec![1; 2_000_000]).unwrap();
        drop(unfinished);
        store.latest().wait().unwrap();
        assert_eq!(tables::pieces(&store.inner.database), [0; 6]);
        // As a kill leaves it.
        let mut unfinished = log.value_writer("account");
        unfinished.write_all(&vec![2; 2_000_000]).unwrap();
        store.latest().wait().unwrap();
        assert!(tables::pieces(&store.inner.database).contains(&2));
        std::mem::forget(unfinished);
        fs::copy(folder.join("store.redb"), folder.join("copy")).unwrap();
    }
    let copy = folder.join("copied");
    fs::create_dir(&copy).unwrap();
    fs::rename(folder.join("copy"), copy.join("store.redb")).unwrap();
    let store = Store::open(&copy).unwrap();
    assert_eq!(tables::pieces(&store.inner.database), [0; 6]);
    let log = store.log("a");
    assert_eq!(log.get("account").unwrap(), Some(bytes));
    // A new value is not mixed up with the pieces of an earlier one.
    log.value_writer("account").finish(Changes::default()).wait().unwrap();
    assert_eq!(log.get("account").unwrap(), Some(Vec::new()));
    assert_eq!(tables::pieces(&store.inner.database).len(), 1);
    drop((store, log));
    fs::remove_dir_all(folder).ok();
}

#[test]
fn a_folder_is_open_once_only() {
    let folder = folder("once");
    let store = Store::open(&folder).unwrap();
    assert!(matches!(Store::open(&folder), Err(OpenError::InUse)));
    drop(store);
    Store::open(&folder).unwrap();
    fs::remove_dir_all(folder).unwrap();
}

/// Those that come while the store is made do not make another one over it.
#[test]
fn of_many_that_open_a_new_folder_one_gets_it() {
    for round in 0..20 {
        let folder = folder("many");
        let opened: Vec<_> = thread::scope(|scope| {
            let open = || {
                let store = Store::open(&folder)?;
                store.log("a").append(0, ["mine".into()]).wait().unwrap();
                Ok(store)
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for refusal in opened.iter().filter_map(|opened: &Result<_, OpenError>| opened.as_ref().err()) {
            assert!(matches!(refusal, OpenError::InUse), "round {round}: {refusal}");
        }
        assert_eq!(opened.iter().flatten().count(), 1, "round {round}");
        drop(opened);
        assert_eq!(entries(&Store::open(&folder).unwrap().log("a")), [entry(0, "mine")], "round {round}");
        fs::remove_dir_all(folder).unwrap();
    }
}

/// A kill can leave a store that is not whole yet. It is made again.
#[test]
fn a_store_that_was_not_made_whole_is_made_again() {
    let folder = folder("half");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("store.redb.new"), "half of a store").unwrap();
    drop(Store::open(&folder).unwrap());
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["store.redb"]);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn another_format_is_refused_with_both_numbers() {
    let folder = folder("format");
    drop(Store::open(&folder).unwrap());
    let database = Database::open(folder.join("store.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta = TableDefinition::<&str, u64>::new("meta");
    transaction.open_table(meta).unwrap().insert("format", 999).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = Store::open(&folder).err().unwrap().to_string();
    assert!(error.contains("format 999") && error.contains(&format!("format {}", tables::FORMAT)), "{error}");
    fs::remove_dir_all(folder).unwrap();
}

/// Where an entry is changed or the end is missing, the store is refused. Wherever else bytes are changed, it is refused
/// too, or it is as it was: the bytes were of no use any more.
#[test]
fn a_damaged_file_is_refused() {
    let folder = folder("damaged");
    let file = folder.join("store.redb");
    let entry = |index: u64| vec![u8::try_from(index).unwrap(); 500];
    {
        let store = Store::open(&folder).unwrap();
        store.log("a").append(0, (0..200).map(entry)).wait().unwrap();
    }
    let whole = fs::read(&file).unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {})); // Panics inside the database are expected, and caught.
    let open = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        match Store::open(&folder) {
            Err(error) => {
                assert!(matches!(error, OpenError::Damaged(_)), "{error}");
                None
            }
            Ok(store) => Some(entries(&store.log("a"))),
        }
    };
    for part in [0, 1, 2, 5, 9] {
        assert_eq!(open(&whole[..whole.len() * part / 10]), None, "{part} tenths");
    }
    for index in [1, 77, 199] {
        let mut bytes = whole.clone();
        let places = (0..whole.len() - 500).filter(|at| whole[*at..].starts_with(&entry(index)));
        for at in places {
            bytes[at + 250] ^= 1;
        }
        assert!(bytes != whole);
        assert_eq!(open(&bytes), None, "entry {index}");
    }
    for at in (0..400_000).step_by(19_991) {
        let mut bytes = whole.clone();
        bytes[at..at + 8].copy_from_slice(b"damaged!");
        if let Some(entries) = open(&bytes) {
            assert!(entries.into_iter().eq((0..200).map(|index| (index, entry(index)))), "at {at}");
        }
    }
    std::panic::set_hook(hook);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn all_that_wait_are_committed_together() {
    let disk = Disk::default();
    let store = disk.store();
    let log = store.log("a");
    log.append(0, ["first".into()]).wait().unwrap();
    disk.set(|disk| disk.held = true);
    let first = log.append(1, ["second".into()]);
    while !disk.set(|disk| disk.waiting) {
        thread::sleep(Duration::from_millis(1));
    }
    // One commit is held up, and a hundred writers come meanwhile.
    let writers: Vec<_> = (2..102)
        .map(|index| {
            let log = log.clone();
            thread::spawn(move || log.append(index, [b"more".to_vec()]))
        })
        .collect();
    let tickets: Vec<Ticket> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    assert!(first.result().is_none() && tickets.iter().all(|ticket| ticket.result().is_none()));
    assert_eq!(log.bounds().unwrap(), Some((0, 0))); // Reads see only what is on disk.
    let (commits, syncs) = (store.commits(), disk.set(|disk| disk.syncs));
    disk.set(|disk| disk.held = false);
    for ticket in tickets {
        ticket.wait().unwrap();
    }
    assert_eq!(store.commits() - commits, 2);
    assert_eq!(disk.set(|disk| disk.syncs) - syncs, 2);
    assert_eq!(log.bounds().unwrap(), Some((0, 101)));
}

#[tokio::test]
async fn after_a_failure_nothing_is_written_and_every_ticket_says_so() {
    let disk = Disk::default();
    let store = disk.store();
    let log = store.log("a");
    let before = log.append(0, ["before".into()]);
    before.committed().await.unwrap();
    disk.set(|disk| disk.fails = true);
    let failed = log.append(1, ["lost".into()]);
    assert!(failed.committed().await.unwrap_err().to_string().contains("no disk"));
    disk.set(|disk| disk.fails = false);
    let after = log.append(2, ["after".into()]);
    assert!(after.committed().await.is_err() && after.wait().is_err() && store.latest().wait().is_err());
    before.committed().await.unwrap();
    let mut value = log.value_writer("large");
    assert!(value.write_all(&vec![0; 3_000_000]).is_err());
    assert!(value.finish(Changes::default()).wait().is_err());
}
