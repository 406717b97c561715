//! A world whose facts are kept on a disk that can be held up.

use std::{
    io::{self, Write},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use super::*;
use crate::{simulate::Simulation, store::disk::Disk};

/// What the log says.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn wait_for(&self, text: &str) {
        let start = Instant::now();
        while !self.text().contains(text) {
            assert!(start.elapsed() < Duration::from_secs(20), "{}", self.text());
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A new world with a stopped clock.
pub fn world(disk: &Disk, output: impl Write + Send + 'static) -> World {
    let account = Account::new("http://127.0.0.1");
    let instant = Timestamp::MIN;
    let (ledger, _) = Ledger::in_store(&disk.store()).unwrap();
    let snapshot = Snapshot { instant, out_of_reach: Vec::new(), account: account.clone() };
    ledger.store_whole(&ledger.whole(snapshot)).unwrap();
    World::new(Parts {
        account,
        clock: VirtualClock::new(instant, 0.0),
        machines: Box::<Simulation>::default(),
        guard: Guard::Nobody,
        log: Log::to(output),
        record: None,
        ledger: Some(Arc::new(ledger)),
        lag: TimeSpan::from_secs(1),
        out_of_reach: Vec::new(),
        plays: false,
    })
}

/// Adds a job.
pub fn add_job(world: &mut World, id: &str) {
    let body = format!(r#"{{"id":"{id}","poolInfo":{{"poolId":"p"}}}}"#);
    let request = Request {
        method: "POST",
        target: "/jobs?api-version=2024-07-01.20.0",
        headers: &[("content-type", b"application/json")],
        body: body.as_bytes(),
        received: Timestamp::MIN,
        request_id: Guid::from_u128(0),
    };
    assert!(matches!(world.answer(&request), Answered::Now(response) if response.status == 201));
}

/// Neither what a request did nor the request itself is in the log before it is on disk, and never if that fails.
#[test]
fn the_log_tells_only_what_is_on_disk() {
    let (disk, output) = (Disk::default(), Output::default());
    let mut world = world(&disk, output.clone());
    world.log.line("at the start".into());
    output.wait_for("at the start");
    disk.set(|disk| disk.held = true);
    add_job(&mut world, "film");
    thread::sleep(Duration::from_millis(100));
    let meanwhile = output.text();
    disk.set(|disk| disk.held = false);
    assert_eq!(meanwhile, "at the start\n");
    output.wait_for("job film");
    assert!(output.text().contains("POST /jobs"), "{}", output.text());
    disk.set(|disk| disk.fails = true);
    add_job(&mut world, "lost");
    world.log.flush();
    assert!(
        !output.text().contains("lost") && output.text().matches("POST").count() == 1,
        "{}",
        output.text()
    );
}
