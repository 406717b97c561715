//! How large a world is, and what can happen in it.

use std::fmt;

/// How large a world is, and what can happen in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct Scope {
    /// How many tasks the job has at first, apart from its manager.
    pub tasks: u8,
    /// How many nodes the pool has at first, which is also the most that it can have.
    pub nodes: u8,
    /// How many tasks a node can run at once.
    pub slots: u8,
    pub preparation: bool,
    pub release: bool,
    pub manager: bool,
    /// Whether the tasks after the first depend on it.
    pub dependencies: bool,
    /// The retry limit of tasks and of the preparation.
    pub retries: u8,
    /// Whether the job is terminated when all its tasks are completed.
    pub ends_with_its_tasks: bool,
    /// What can still happen at first.
    pub left: Budget,
}

impl Scope {
    /// The most tasks, apart from the manager, and the most nodes.
    pub const MAX_TASKS: u8 = 3;
    pub const MAX_NODES: u8 = 2;

    /// One task on one node, and one request.
    pub const SMALL: Self = Self {
        tasks: 1,
        nodes: 1,
        slots: 1,
        preparation: false,
        release: false,
        manager: false,
        dependencies: false,
        retries: 0,
        ends_with_its_tasks: false,
        left: Budget { requests: 1, failures: 0, node_events: 0, resizes: 0 },
    };
}

/// How often something can still happen that could go on for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Budget {
    /// Requests of users, other than about pools.
    pub requests: u8,
    /// Runs that end with another exit code than 0 without having been told to stop.
    pub failures: u8,
    /// Events of nodes that nobody asked for.
    pub node_events: u8,
    /// Requests about the pool.
    pub resizes: u8,
}

/// What an action takes from the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    Nothing,
    Request,
    Failure,
    NodeEvent,
    Resize,
}

impl Budget {
    /// What is left after an action; `None` if it cannot be paid.
    pub fn pay(mut self, cost: Cost) -> Option<Self> {
        let account = match cost {
            Cost::Nothing => return Some(self),
            Cost::Request => &mut self.requests,
            Cost::Failure => &mut self.failures,
            Cost::NodeEvent => &mut self.node_events,
            Cost::Resize => &mut self.resizes,
        };
        *account = account.checked_sub(1)?;
        Some(self)
    }

    pub fn allows(self, cost: Cost) -> bool {
        self.pay(cost).is_some()
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, failures, node_events, resizes } = self;
        write!(f, "{requests} requests, {failures} failures, {node_events} node events, {resizes} resizes")
    }
}
