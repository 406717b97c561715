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
