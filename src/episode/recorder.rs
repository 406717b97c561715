//! An account that is recorded.

use alloc::vec::Vec;
use core::fmt;

use crate::{
    Account, AutoPoolNotAdded, BatchError, Clock, Effect, JobId, NodeId, PoolId, Report, TaskId,
    episode::{CLOSING, NotNew, Opening, Step},
    job::{AutoPoolFailure, NotAssigned},
    node::{NodeEvent, NodeNotAdded, NodeTasks, RemoteLogin},
    rest::{self, Answer, Request},
};

/// An account, and everything that came in since it was new. Its `Display` is an episode file.
///
/// Its methods do what those of [`Account`] do. There is none for what a host does with typed commands instead of
/// requests: an episode speaks HTTP. All steps are kept in memory.
#[derive(Clone, Debug)]
pub struct Recorder {
    account: Account,
    opening: Opening,
    steps: Vec<Step>,
}

impl Recorder {
    /// Records a new account, as an episode of this name.
    ///
    /// # Errors
    /// The account is not new.
    pub fn new(account: Account, name: &str) -> Result<Self, NotNew> {
        let opening = Opening::new(name, &account)?;
        Ok(Self { account, opening, steps: Vec::new() })
    }

    /// The account.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// What was recorded.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The account, when no more is recorded.
    pub fn into_account(self) -> Account {
        self.account
    }

    /// As [`rest::answer`].
    pub fn answer(&mut self, request: &Request<'_>, clock: impl Clock) -> Answer {
        let now = clock.now();
        let answer = rest::answer(&mut self.account, request, now);
        self.steps.push(Step::request(request, &answer.response, now));
        answer
    }

    /// As [`Account::tick`].
    pub fn tick(&mut self, clock: impl Clock) -> Vec<Effect> {
        let now = clock.now();
        self.steps.push(Step::tick(now));
        self.account.tick(now)
    }

    /// As [`Account::schedule`].
    pub fn schedule(&mut self, clock: impl Clock) -> Vec<Effect> {
        let now = clock.now();
        self.steps.push(Step::schedule(now));
        self.account.schedule(now)
    }

    /// As [`Account::assign`].
    ///
    /// # Errors
    /// As there.
    pub fn assign(
        &mut self,
        job: &JobId,
        task: &TaskId,
        node: &NodeId,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, NotAssigned> {
        let now = clock.now();
        let result = self.account.assign(job, task, node, now);
        self.steps.push(Step::assign(job, task, node, result.as_ref().err(), now));
        result
    }

    /// As [`Account::report`].
    pub fn report(&mut self, report: &Report, clock: impl Clock) -> Vec<Effect> {
        let now = clock.now();
        self.steps.push(Step::report(report, now));
        self.account.report(report, now)
    }

    /// As [`Account::node_event`].
    pub fn node_event(&mut self, node: &NodeId, event: NodeEvent, clock: impl Clock) -> Vec<Effect> {
        let now = clock.now();
        self.steps.push(Step::node_event(node, event, now));
        self.account.node_event(node, event, now)
    }

    /// As [`Account::add_node`].
    ///
    /// # Errors
    /// As there.
    pub fn add_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, NodeNotAdded> {
        let now = clock.now();
        let result = self.account.add_node(pool, node, now);
        self.steps.push(Step::add_node(pool, node, result.as_ref().err(), now));
        result
    }

    /// As [`Account::add_unmanaged_node`].
    ///
    /// # Errors
    /// As there.
    pub fn add_unmanaged_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        slots: u32,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, NodeNotAdded> {
        let now = clock.now();
        let result = self.account.add_unmanaged_node(pool, node, slots, now);
        self.steps.push(Step::add_unmanaged_node(pool, node, slots, result.as_ref().err(), now));
        result
    }

    /// As [`Account::remove_unmanaged_node`].
    ///
    /// # Errors
    /// As there.
    pub fn remove_unmanaged_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        tasks: NodeTasks,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let result = self.account.remove_unmanaged_node(pool, node, tasks, now);
        self.steps.push(Step::remove_unmanaged_node(pool, node, tasks, result.as_ref().err(), now));
        result
    }

    /// As [`Account::set_remote_login`], which needs no time: the step's time is given for the file.
    pub fn set_remote_login(&mut self, node: &NodeId, login: RemoteLogin, clock: impl Clock) -> Vec<Effect> {
        self.steps.push(Step::set_remote_login(node, login, clock.now()));
        self.account.set_remote_login(node, login)
    }

    /// As [`Account::add_auto_pool`].
    ///
    /// # Errors
    /// As there.
    pub fn add_auto_pool(
        &mut self,
        job: &JobId,
        pool: &PoolId,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, AutoPoolNotAdded> {
        let now = clock.now();
        let result = self.account.add_auto_pool(job, pool, now);
        self.steps.push(Step::add_auto_pool(job, pool, result.as_ref().err(), now));
        result
    }

    /// As [`Account::refuse_auto_pool`], which needs no time: the step's time is given for the file.
    pub fn refuse_auto_pool(
        &mut self,
        job: &JobId,
        failure: &AutoPoolFailure,
        clock: impl Clock,
    ) -> Vec<Effect> {
        self.steps.push(Step::refuse_auto_pool(job, failure, clock.now()));
        self.account.refuse_auto_pool(job, failure)
    }
}

impl fmt::Display for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.opening)?;
        for (number, step) in self.steps.iter().enumerate() {
            write!(f, "{}{step}", if number == 0 { "" } else { ",\n" })?;
        }
        f.write_str(CLOSING)
    }
}
