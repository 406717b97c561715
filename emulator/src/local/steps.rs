//! What is done to processes and files, one after the other, and each only when it is on disk why.

use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    task::JoinHandle,
};

use crate::store::Ticket;

/// The steps that are still to be taken.
pub struct Steps {
    queue: UnboundedSender<Step>,
    work: JoinHandle<()>,
    /// What the next step must wait for.
    hold: Option<Ticket>,
}

struct Step {
    after: Option<Ticket>,
    act: Box<dyn FnOnce() + Send>,
}

impl Steps {
    pub fn new() -> Self {
        let (queue, steps) = unbounded_channel();
        Self { queue, work: tokio::spawn(work(steps)), hold: None }
    }

    /// Lets everything from here on wait until this is on disk.
    pub fn hold(&mut self, until: Ticket) {
        self.hold = Some(until);
    }

    /// Does something when its turn comes.
    pub fn then(&self, act: impl FnOnce() + Send + 'static) {
        self.queue.send(Step { after: self.hold.clone(), act: Box::new(act) }).ok();
    }

    /// Comes when its turn comes, or fails if that never happens.
    pub fn turn(&self) -> oneshot::Receiver<()> {
        let (now, turn) = oneshot::channel();
        self.then(move || now.send(()).unwrap_or_default());
        turn
    }

    /// Takes no more steps.
    pub fn stop(&self) {
        self.work.abort();
    }
}

/// Takes steps until one is about something that will never be on disk.
async fn work(mut steps: UnboundedReceiver<Step>) {
    while let Some(Step { after, act }) = steps.recv().await {
        if let Some(ticket) = after
            && ticket.committed().await.is_err()
        {
            return;
        }
        act();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        time::Duration,
    };

    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::store::disk::Disk;

    #[tokio::test]
    async fn a_step_waits_until_its_reason_is_on_disk() {
        let (disk, mut steps, taken) = (Disk::default(), Steps::new(), Arc::<AtomicU32>::default());
        let store = disk.store();
        let take = |digit| {
            let taken = taken.clone();
            move || taken.store(taken.load(Ordering::Relaxed) * 10 + digit, Ordering::Relaxed)
        };
        steps.then(take(1));
        disk.set(|disk| disk.held = true);
        steps.hold(store.log("a").append(0, [b"a reason".to_vec()]));
        steps.then(take(2));
        steps.then(take(3));
        let turn = steps.turn();
        sleep(Duration::from_millis(100)).await;
        assert_eq!(taken.load(Ordering::Relaxed), 1);
        disk.set(|disk| disk.held = false);
        turn.await.unwrap();
        assert_eq!(taken.load(Ordering::Relaxed), 123);
    }

    #[tokio::test]
    async fn a_step_whose_reason_is_lost_is_never_taken() {
        let (disk, mut steps) = (Disk::default(), Steps::new());
        let store = disk.store();
        disk.set(|disk| disk.fails = true);
        steps.hold(store.log("a").append(0, [b"a reason".to_vec()]));
        let turn = steps.turn();
        assert!(timeout(Duration::from_secs(20), turn).await.unwrap().is_err());
    }
}
