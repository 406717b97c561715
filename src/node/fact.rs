//! The facts that change a node, and the change that each makes.

use core::fmt;

use crate::{
    Timestamp,
    error::Unfit,
    id::{JobId, PoolId, TaskId},
    node::{
        state::{Boot, Contact, MAX_RECENT_TASKS, Node, NodeAction, NodeState, SchedulingState, Stage},
        user::{NodeUser, RemoteLogin, UserName},
    },
};

/// Something that became true of a node. `at` is when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum NodeFact {
    /// It joined a pool, idle, with this many slots.
    Added { pool: PoolId, slots: u32, dedicated: bool, at: Timestamp },
    /// Something happened to it; `boot` says how it has just started, if it has.
    Changed { state: NodeState, boot: Option<Boot>, at: Timestamp },
    /// Tasks can, or cannot, be assigned to it.
    SchedulingChanged { scheduling: SchedulingState, at: Timestamp },
    /// An action was requested, which waits for the node's tasks, and for their retained data if that
    /// was asked for.
    ActionRequested { action: NodeAction, retained_data: bool, at: Timestamp },
    /// The host is to carry the action out.
    ActionIssued { action: NodeAction },
    /// It has a new user.
    UserAdded { name: UserName, user: NodeUser },
    /// A user of it has changed.
    UserUpdated { name: UserName, user: NodeUser },
    /// A user of it is gone.
    UserDeleted { name: UserName },
    /// Where users log in to it.
    RemoteLoginSet { remote_login: RemoteLogin },
    /// It has left its pool.
    Removed,
}

impl NodeFact {
    /// A short name, such as `NodeChanged`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Added { .. } => "NodeAdded",
            Self::Changed { .. } => "NodeChanged",
            Self::SchedulingChanged { .. } => "NodeSchedulingChanged",
            Self::ActionRequested { .. } => "NodeActionRequested",
            Self::ActionIssued { .. } => "NodeActionIssued",
            Self::UserAdded { .. } => "NodeUserAdded",
            Self::UserUpdated { .. } => "NodeUserUpdated",
            Self::UserDeleted { .. } => "NodeUserDeleted",
            Self::RemoteLoginSet { .. } => "NodeRemoteLoginSet",
            Self::Removed => "NodeRemoved",
        }
    }

    /// The pool that the node joined, if it did.
    pub fn pool(&self) -> Option<&PoolId> {
        match self {
            Self::Added { pool, .. } => Some(pool),
            Self::Changed { .. }
            | Self::SchedulingChanged { .. }
            | Self::ActionRequested { .. }
            | Self::ActionIssued { .. }
            | Self::UserAdded { .. }
            | Self::UserUpdated { .. }
            | Self::UserDeleted { .. }
            | Self::RemoteLoginSet { .. }
            | Self::Removed => None,
        }
    }
}

impl fmt::Display for NodeFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { pool, slots, .. } => write!(f, "added to pool {pool} with {slots} slots"),
            Self::Changed { state, .. } => state.fmt(f),
            Self::SchedulingChanged { scheduling, .. } => write!(f, "scheduling {scheduling}"),
            Self::ActionRequested { action, .. } => write!(f, "{action} requested"),
            Self::ActionIssued { action } => write!(f, "{action} issued"),
            Self::UserAdded { name, .. } => write!(f, "user {name} added"),
            Self::UserUpdated { name, .. } => write!(f, "user {name} updated"),
            Self::UserDeleted { name } => write!(f, "user {name} deleted"),
            Self::RemoteLoginSet { remote_login } => write!(f, "remote login at {remote_login}"),
            Self::Removed => f.write_str("removed"),
        }
    }
}

impl Node {
    /// Applies a fact to the node. The account adds and removes nodes.
    ///
    /// # Errors
    /// Why the fact does not fit the node; nothing has changed then.
    pub(crate) fn apply(&mut self, fact: &NodeFact) -> Result<(), Unfit> {
        match fact {
            NodeFact::Added { .. } => Err(Unfit("the node exists")),
            NodeFact::Changed { state, boot, at } => self.change_state(*state, *boot, *at),
            NodeFact::SchedulingChanged { scheduling, at } => {
                self.allow_scheduling(*scheduling).map_err(|_| Unfit("the scheduling is so already"))?;
                self.allow(*at)?;
                self.change(*at, |node| node.scheduling = *scheduling);
                Ok(())
            }
            NodeFact::ActionRequested { action, retained_data, at } => {
                let requested = self.request(*action, *retained_data);
                let state = requested.map_err(|_| Unfit("the node's state refuses the action"))?;
                self.allow(*at)?;
                self.change(*at, |node| node.state = state);
                Ok(())
            }
            NodeFact::ActionIssued { action } => match self.state.action() {
                Some((waiting, Stage::Waiting { .. })) if waiting == *action => {
                    self.state = self.state.issued().unwrap_or(self.state);
                    Ok(())
                }
                Some(_) | None => Err(Unfit("the action does not wait")),
            },
            NodeFact::UserAdded { name, user } => {
                self.allow_new_user(name).map_err(|_| Unfit("the user cannot be added"))?;
                self.users.insert(name.clone(), user.clone());
                Ok(())
            }
            NodeFact::UserUpdated { name, user } => {
                self.require_user(name).map_err(|_| Unfit("the user cannot be changed"))?;
                self.users.insert(name.clone(), user.clone());
                Ok(())
            }
            NodeFact::UserDeleted { name } => {
                self.require_user(name).map_err(|_| Unfit("the user cannot be deleted"))?;
                self.users.remove(name);
                Ok(())
            }
            NodeFact::RemoteLoginSet { remote_login } => {
                self.remote_login = Some(*remote_login);
                Ok(())
            }
            NodeFact::Removed => Ok(()),
        }
    }

    fn allow(&self, at: Timestamp) -> Result<(), Unfit> {
        if self.stamps.allow(at) { Ok(()) } else { Err(Unfit("the node changed state later")) }
    }

    fn change_state(&mut self, state: NodeState, boot: Option<Boot>, at: Timestamp) -> Result<(), Unfit> {
        self.allow(at)?;
        self.change(at, |node| node.state = state);
        if boot.is_some() {
            self.last_boot_time = at;
        }
        let is_renewed = boot == Some(Boot::Renewed);
        if is_renewed || state.contact() == Contact::Gone {
            self.retained_until = Timestamp::MIN; // N2, N3, N9: nothing that was kept is there now.
        }
        if is_renewed || state == NodeState::Deallocated {
            self.users.clear(); // N11
        }
        Ok(())
    }

    /// Makes a change, and stamps the node if the service shows another state after it.
    fn change(&mut self, at: Timestamp, change: impl FnOnce(&mut Self)) {
        let before = self.state_name();
        change(self);
        if self.state_name() != before {
            let at = self.stamps.next(at);
            self.stamps.enter(Some(before), at);
        }
    }

    /// A task was assigned to the node, or its run starts there after a preparation.
    pub(crate) fn assign(&mut self, job: &JobId, task: &TaskId, slots: u32, starts: bool, at: Timestamp) {
        self.total_tasks_run = self.total_tasks_run.saturating_add(u64::from(starts));
        self.change(at, |node| {
            let before = node.tasks.entry(job.clone()).or_default().insert(task.clone(), slots);
            node.taken_slots = node.taken_slots.saturating_sub(before.unwrap_or(0)).saturating_add(slots);
            // Tasks differ more often than jobs.
            node.recent_tasks.retain(|(recent_job, recent)| recent != task || recent_job != job);
            node.recent_tasks.truncate(MAX_RECENT_TASKS - 1);
            node.recent_tasks.insert(0, (job.clone(), task.clone()));
        });
    }

    /// A task has left the node.
    pub(crate) fn release(&mut self, job: &JobId, task: &TaskId, at: Timestamp) {
        self.change(at, |node| {
            let Some(tasks) = node.tasks.get_mut(job) else { return };
            let slots = tasks.remove(task).unwrap_or(0);
            node.taken_slots = node.taken_slots.saturating_sub(slots);
            if tasks.is_empty() {
                node.tasks.remove(job);
            }
        });
    }

    /// A task that left the node is completed: its directory is kept until this instant.
    pub(crate) fn retain(&mut self, until: Timestamp, succeeded: bool) {
        self.retained_until = self.retained_until.max(until);
        self.total_tasks_succeeded = self.total_tasks_succeeded.saturating_add(u64::from(succeeded));
    }
}
