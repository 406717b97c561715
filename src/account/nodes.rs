//! Nodes: what users want done to them, and what happens to them.

use alloc::{format, vec::Vec};

use crate::{
    BatchError, Clock, ErrorCode, Timestamp,
    account::Account,
    id::{JobId, NodeId, PoolId},
    job::{Effect, NodeEvent, Violation, ensure},
    node::{Node, NodeOrder, NodeState, NodeTasks, PendingOrder, SchedulingState},
    pool::PoolState,
    task::StopCause,
};

/// Why a node was not added. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeNotAdded {
    /// Another node has the id.
    #[error("the account has a node of this id already")]
    Exists,
    /// The pool takes no more nodes.
    #[error("the pool is being deleted")]
    PoolBeingDeleted,
}

impl Account {
    /// Adds an idle node to a pool. A pool that the account does not have gives it this many slots and
    /// makes it dedicated; one that the account has gives it its own number of slots, and makes it a
    /// low-priority node once there are dedicated ones enough.
    ///
    /// # Errors
    /// Why the node was not added.
    pub fn add_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        slots: u32,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, NodeNotAdded> {
        let at = clock.now();
        if self.nodes.contains_key(node) {
            return Err(NodeNotAdded::Exists);
        }
        let (slots, dedicated) = match self.pools.get(pool) {
            None => (slots, true),
            Some(found) if found.state == PoolState::Deleting => return Err(NodeNotAdded::PoolBeingDeleted),
            Some(found) => {
                let wanted = found.target.dedicated > self.node_counts(pool).dedicated;
                (found.specification.task_slots_per_node, wanted || found.target.low_priority == 0)
            }
        };
        let mut effects = Vec::new();
        let (node_id, pool) = (node.clone(), pool.clone());
        self.emit(&mut effects, Effect::NodeAdded { node: node_id, pool, slots, dedicated, at });
        self.tell_jobs(&mut effects, node, NodeEvent::Returned, at); // It may be an old name again.
        Ok(effects)
    }

    /// A node, for a request that names it.
    ///
    /// # Errors
    /// `PoolNotFound` if neither the pool nor any node of it exists, `NodeNotFound`.
    pub fn find_node(&self, pool: &PoolId, node: &NodeId) -> Result<&Node, BatchError> {
        if let Some(node) = self.nodes.get(node).filter(|node| node.pool == *pool) {
            return Ok(node);
        }
        let known = self.pools.contains_key(pool) || self.nodes_of(pool).next().is_some();
        Err(if known { ErrorCode::NodeNotFound } else { ErrorCode::PoolNotFound }.into())
    }

    /// The nodes of a pool, by id without case.
    pub fn nodes_of(&self, pool: &PoolId) -> impl Iterator<Item = &Node> {
        self.nodes.values().filter(move |node| node.pool == *pool)
    }

    /// Wants something done to a node: at once as far as its state shows, really once its tasks have
    /// let go of it, as `tasks` says. `Start` has no tasks to wait for.
    ///
    /// # Errors
    /// `PoolNotFound`, `NodeNotFound`; a 409 by the node's state (N9).
    pub fn order_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        order: NodeOrder,
        tasks: NodeTasks,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.find_node(pool, node)?;
        found.refuse(order)?;
        // Nothing below can fail.

        let (node, at) = (found.id.clone(), found.stamp(now));
        let mut effects = Vec::new();
        self.order(&mut effects, &node, order, tasks, at);
        Ok(effects)
    }

    pub(super) fn order(
        &mut self,
        effects: &mut Vec<Effect>,
        node: &NodeId,
        order: NodeOrder,
        tasks: NodeTasks,
        at: Timestamp,
    ) {
        self.emit(effects, Effect::NodeOrdered { node: node.clone(), order, tasks, at });
        match tasks {
            NodeTasks::Requeue => self.stop_tasks_on(effects, node, StopCause::UserRequeue),
            NodeTasks::Terminate => self.stop_tasks_on(effects, node, StopCause::UserTerminate),
            NodeTasks::TaskCompletion | NodeTasks::RetainedData => {}
        }
    }

    /// No more tasks for the node until a user says otherwise; those on it go as `tasks` says.
    ///
    /// # Errors
    /// `PoolNotFound`, `NodeNotFound`; `NodeAlreadyInTargetSchedulingState`.
    pub fn disable_scheduling(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        tasks: NodeTasks,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let mut effects = self.set_scheduling(pool, node, SchedulingState::Disabled, clock)?;
        match tasks {
            NodeTasks::Requeue => self.stop_tasks_on(&mut effects, node, StopCause::UserRequeue),
            NodeTasks::Terminate => self.stop_tasks_on(&mut effects, node, StopCause::UserTerminate),
            NodeTasks::TaskCompletion | NodeTasks::RetainedData => {}
        }
        Ok(effects)
    }

    /// Tasks may be given to the node again.
    ///
    /// # Errors
    /// `PoolNotFound`, `NodeNotFound`; `NodeAlreadyInTargetSchedulingState`.
    pub fn enable_scheduling(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.set_scheduling(pool, node, SchedulingState::Enabled, clock)
    }

    fn set_scheduling(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        scheduling: SchedulingState,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.find_node(pool, node)?;
        if found.scheduling == scheduling {
            return Err(ErrorCode::NodeAlreadyInTargetSchedulingState.into());
        }
        // Nothing below can fail.

        let (node, at) = (found.id.clone(), found.stamp(now));
        let mut effects = Vec::new();
        self.emit(&mut effects, Effect::NodeScheduling { node, scheduling, at });
        Ok(effects)
    }

    fn stop_tasks_on(&mut self, effects: &mut Vec<Effect>, node: &NodeId, cause: StopCause) {
        let Some(found) = self.nodes.get(node) else { return };
        let (node, jobs): (NodeId, Vec<JobId>) = (found.id.clone(), found.tasks.keys().cloned().collect());
        for job in jobs {
            if let Some(job) = self.jobs.get_mut(&job) {
                job.stop_tasks(effects, &node, cause);
            }
        }
    }

    /// Hears what happened to a node, and tells the jobs that have something there (section 7). An
    /// event that tells nothing new, or of an unknown node, changes nothing.
    pub fn node_event(&mut self, node: &NodeId, event: NodeEvent, clock: &impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = Vec::new();
        let Some(found) = self.nodes.get(node) else { return effects };
        let Some(state) = state_after(found.state, event) else { return effects };
        let (node, old, at) = (found.id.clone(), found.state, found.stamp(now));
        self.tell_jobs(&mut effects, &node, event, now);
        if event == NodeEvent::Removed {
            self.emit(&mut effects, Effect::NodeRemoved { node });
            return effects;
        }
        let booted = matches!(event, NodeEvent::Rebooted | NodeEvent::Reimaged | NodeEvent::Started);
        if state != old || booted {
            self.emit(&mut effects, Effect::NodeChanged { node, state, booted, at });
        }
        effects
    }

    fn tell_jobs(&mut self, effects: &mut Vec<Effect>, node: &NodeId, event: NodeEvent, now: Timestamp) {
        let first = effects.len();
        for job in self.jobs.values_mut() {
            effects.extend(job.node_event(node, event, &now));
        }
        self.book_all(effects.get(first..).unwrap_or_default());
    }

    /// Orders whose node's tasks have let go of it are carried out now.
    pub(super) fn tick_nodes(&mut self, effects: &mut Vec<Effect>, now: Timestamp) {
        let due = |node: &&Node| node.order_due().is_some_and(|due| due <= now);
        let due: Vec<Effect> = self
            .nodes
            .values()
            .filter(due)
            .filter_map(|node| Some(Effect::CarryOut { node: node.id.clone(), order: node.pending?.order }))
            .collect();
        for effect in due {
            self.emit(effects, effect);
        }
    }

    pub(super) fn nodes_deadline(&self) -> Option<Timestamp> {
        self.nodes.values().filter_map(Node::order_due).min()
    }

    pub(super) fn book_node(&mut self, effect: &Effect) {
        if let Effect::NodeAdded { node, pool, slots, dedicated, at } = effect {
            self.nodes.insert(node.clone(), Node::new(node.clone(), pool.clone(), *slots, *dedicated, *at));
        } else if let Effect::NodeRemoved { node } = effect {
            self.nodes.remove(node);
        } else if let Effect::NodeChanged { node, state, booted, at } = effect {
            self.change_node(node, |node| {
                node.change(*at, |node| node.state = *state);
                if *booted {
                    node.last_boot_time = *at;
                }
                if *state == NodeState::Ready {
                    node.pending = None; // What was to be done has been, or is moot.
                }
                node.told = node.told.filter(|order| is_under_way(*order, *state, *booted));
            });
        } else if let Effect::NodeScheduling { node, scheduling, at } = effect {
            self.change_node(node, |node| node.change(*at, |node| node.scheduling = *scheduling));
        } else if let Effect::NodeOrdered { node, order, tasks, at } = effect {
            let pending = PendingOrder { order: *order, retained_data: *tasks == NodeTasks::RetainedData };
            self.change_node(node, |node| {
                node.change(*at, |node| node.state = order.state());
                node.pending = Some(pending);
            });
        } else if let Effect::CarryOut { node, order } = effect {
            self.change_node(node, |node| {
                node.pending = None;
                node.told = Some(*order);
            });
        }
    }

    /// I6: slots are never oversubscribed, and every slot taken is a task's.
    pub(super) fn check_node(&self, node: &Node) -> Result<(), Violation> {
        let taken = node
            .tasks
            .values()
            .flat_map(|tasks| tasks.values())
            .fold(0_u64, |sum, slots| sum + u64::from(*slots));
        ensure(taken <= u64::from(node.slots), || format!("node {} has too many tasks", node.id))?;
        for (job, task) in node.tasks() {
            let record = self.jobs.get(job).and_then(|job| job.node(&node.id));
            let there = record.is_some_and(|record| record.tasks().any(|other| other == task));
            ensure(there, || format!("node {} keeps slots for task {task}, which is not there", node.id))?;
        }
        Ok(())
    }
}

/// Whether what a node was told to do is still to be done once it has changed like this.
fn is_under_way(order: NodeOrder, state: NodeState, booted: bool) -> bool {
    match (order, state) {
        (_, NodeState::Ready) => false, // It has been, or is moot.
        (NodeOrder::Remove, _) => true, // Otherwise only its being gone is the end of it.
        (_, NodeState::Preempted | NodeState::Deallocated) => false,
        (
            _,
            NodeState::Rebooting
            | NodeState::Reimaging
            | NodeState::Deallocating
            | NodeState::Starting
            | NodeState::LeavingPool
            | NodeState::Unknown
            | NodeState::Unusable,
        ) => !booted,
    }
}

/// What a node is doing after an event; `None` if the event tells nothing of a node like this. What a
/// user wants of a node goes on while it is out of reach or restarts.
fn state_after(old: NodeState, event: NodeEvent) -> Option<NodeState> {
    let back = match old {
        NodeState::LeavingPool | NodeState::Deallocating | NodeState::Deallocated => old,
        NodeState::Ready
        | NodeState::Rebooting
        | NodeState::Reimaging
        | NodeState::Starting
        | NodeState::Unknown
        | NodeState::Unusable
        | NodeState::Preempted => NodeState::Ready,
    };
    let out_of_reach = |state| if back == NodeState::Ready { state } else { old };
    match event {
        NodeEvent::Removed => Some(old),
        // N3: a node that was preempted is no more, until the cloud gives it back.
        NodeEvent::Rebooted
        | NodeEvent::Reimaged
        | NodeEvent::Preempted
        | NodeEvent::Lost
        | NodeEvent::Unusable
        | NodeEvent::Deallocated
        | NodeEvent::Started
            if old == NodeState::Preempted =>
        {
            None
        }
        // N9: one that is put away says nothing, until it is brought back.
        NodeEvent::Rebooted
        | NodeEvent::Reimaged
        | NodeEvent::Lost
        | NodeEvent::Unusable
        | NodeEvent::Returned
            if old == NodeState::Deallocated =>
        {
            None
        }
        NodeEvent::Deallocated | NodeEvent::Started if old == NodeState::LeavingPool => Some(old),
        NodeEvent::Rebooted | NodeEvent::Reimaged | NodeEvent::Returned => Some(back),
        NodeEvent::Preempted => Some(NodeState::Preempted),
        NodeEvent::Lost => Some(out_of_reach(NodeState::Unknown)),
        NodeEvent::Unusable => Some(out_of_reach(NodeState::Unusable)),
        NodeEvent::Deallocated => Some(NodeState::Deallocated),
        NodeEvent::Started => Some(NodeState::Ready),
    }
}
