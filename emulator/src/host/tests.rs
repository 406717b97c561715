use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use super::*;
use crate::{
    store::disk::Disk,
    world::tests::{add_job, world},
};

fn host(disk: &Disk, snapshot_file: Option<std::path::PathBuf>) -> Host {
    Host::new(world(disk, io::sink()), Arc::default(), Arc::default(), snapshot_file)
}

/// The account may have what was never kept, so nobody is told of it.
#[tokio::test]
async fn after_a_panic_in_the_middle_of_a_change_nothing_is_acknowledged() {
    let host = host(&Disk::default(), None);
    host.with(|world| add_job(world, "film"));
    host.durable().await.unwrap();
    catch_unwind(AssertUnwindSafe(|| host.with(|_| panic!("as asked")))).unwrap_err();
    host.with(|world| add_job(world, "later"));
    let error = host.durable().await.unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    host.failed().await;
}

#[tokio::test]
async fn a_snapshot_has_only_what_is_kept() {
    let file = std::env::temp_dir().join(format!("azbatch-host-{}.json", std::process::id()));
    let disk = Disk::default();
    let host = host(&disk, Some(file.clone()));
    host.with(|world| add_job(world, "film"));
    assert!(host.save().await.unwrap());
    let saved = std::fs::read(&file).unwrap();
    disk.set(|disk| disk.held = true);
    host.with(|world| add_job(world, "later"));
    let meanwhile = timeout(Duration::from_millis(100), host.save()).await;
    disk.set(|disk| (disk.held, disk.fails) = (false, true));
    assert!(meanwhile.is_err());
    assert!(host.save().await.unwrap_err().to_string().contains("the store has failed"));
    assert_eq!(std::fs::read(&file).unwrap(), saved);
    std::fs::remove_file(file).unwrap();
}
