//! Nodes: what users want done to them, and what happens to them.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    vec::Vec,
};
use core::ops::Bound;

use crate::{
    BatchError, Clock, ErrorCode, Timestamp,
    account::{Account, schedule::slots_taken},
    id::{JobId, NodeId, PoolId},
    job::{Boot, Effect, NodeEvent, Violation, ensure},
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
        self.nodes_of_after(pool, None)
    }

    /// The nodes of a pool behind this id, or all.
    pub(crate) fn nodes_of_after(
        &self,
        pool: &PoolId,
        after: Option<&NodeId>,
    ) -> impl Iterator<Item = &Node> {
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let ids = self.nodes_by_pool.get(pool).map(|ids| ids.range(behind));
        ids.into_iter().flatten().filter_map(|id| self.nodes.get(id))
    }

    /// Wants something done to a node: at once as far as its state shows, really once its tasks have
    /// let go of it, as `tasks` says. `Start` has no tasks to wait for. `Remove` is for nodes of pools
    /// that the account does not have; otherwise it is [`remove_nodes`](Self::remove_nodes).
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
        if order == NodeOrder::Remove && self.pools.contains_key(pool) {
            // The pool must know that it is to have fewer: that is `remove_nodes`.
            return Err(ErrorCode::OperationNotValidOnNode.into());
        }
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
        let Some(state) = state_after(found, event) else { return effects };
        let answers = match event {
            NodeEvent::Lost | NodeEvent::Unusable => false,
            NodeEvent::Rebooted | NodeEvent::Reimaged | NodeEvent::Returned | NodeEvent::Started => true,
            NodeEvent::Removed | NodeEvent::Preempted | NodeEvent::Deallocated => found.answers,
        };
        let boot = match event {
            NodeEvent::Rebooted => Some(Boot::Restarted),
            NodeEvent::Reimaged | NodeEvent::Started => Some(Boot::Renewed),
            NodeEvent::Removed
            | NodeEvent::Preempted
            | NodeEvent::Lost
            | NodeEvent::Unusable
            | NodeEvent::Returned
            | NodeEvent::Deallocated => None,
        };
        let (node, pool, dedicated, at) =
            (found.id.clone(), found.pool.clone(), found.dedicated, found.stamp(now));
        let differs = state != found.state || answers != found.answers || boot.is_some();
        self.tell_jobs(&mut effects, &node, event, now);
        if event == NodeEvent::Removed {
            self.emit(&mut effects, Effect::NodeRemoved { node });
            if state != NodeState::LeavingPool {
                self.replace_node(&mut effects, &pool, dedicated);
            }
        } else if differs {
            self.emit(&mut effects, Effect::NodeChanged { node, state, answers, boot, at });
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
            self.remove_node(node); // One of this id is there only if the effect does not fit the state.
            self.nodes.insert(node.clone(), Node::new(node.clone(), pool.clone(), *slots, *dedicated, *at));
            self.nodes_by_pool.entry(pool.clone()).or_default().insert(node.clone());
        } else if let Effect::NodeRemoved { node } = effect {
            self.remove_node(node);
        } else if let Effect::NodeChanged { node, state, answers, boot, at } = effect {
            self.change_node(node, |node| {
                node.change(*at, |node| node.state = *state);
                node.answers = *answers;
                if boot.is_some() {
                    node.last_boot_time = *at;
                }
                if *boot == Some(Boot::Renewed) || *state == NodeState::Deallocated {
                    node.retained_until = Timestamp::MIN; // N2, N9: nothing that was kept is there now.
                }
                if *state == NodeState::Ready {
                    node.pending = None; // What was to be done has been, or is moot.
                }
                node.told = node.told.filter(|order| is_under_way(*order, *state, boot.is_some()));
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

    fn remove_node(&mut self, node: &NodeId) {
        let Some(node) = self.nodes.remove(node) else { return };
        if let Some(nodes) = self.nodes_by_pool.get_mut(&node.pool) {
            nodes.remove(&node.id);
            if nodes.is_empty() {
                self.nodes_by_pool.remove(&node.pool);
            }
        }
    }

    /// I6: slots are never oversubscribed, and every slot taken is a task's.
    pub(super) fn check_node(&self, node: &Node) -> Result<(), Violation> {
        let taken = node
            .tasks
            .values()
            .flat_map(|tasks| tasks.values())
            .fold(0_u64, |sum, slots| sum + u64::from(*slots));
        ensure(taken == u64::from(node.taken), || format!("node {} counts its slots wrongly", node.id))?;
        ensure(taken <= u64::from(node.slots), || format!("node {} has too many tasks", node.id))?;
        for (job, tasks) in &node.tasks {
            for (task, slots) in tasks {
                let found = self.jobs.get(job).and_then(|job| job.task(task));
                let here = found.filter(|task| task.is_on(&node.id));
                ensure(here.is_some_and(|task| slots_taken(task, node) == *slots), || {
                    format!("node {} keeps the wrong slots for task {task}", node.id)
                })?;
            }
        }
        Ok(())
    }
}

/// Which of the nodes each pool has.
pub(super) fn by_pool(nodes: &BTreeMap<NodeId, Node>) -> BTreeMap<PoolId, BTreeSet<NodeId>> {
    let mut found: BTreeMap<PoolId, BTreeSet<NodeId>> = BTreeMap::new();
    for node in nodes.values() {
        found.entry(node.pool.clone()).or_default().insert(node.id.clone());
    }
    found
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
/// user wants of a node outlasts its being out of reach and its restarting by itself (N9).
fn state_after(node: &Node, event: NodeEvent) -> Option<NodeState> {
    let old = node.state;
    // N3: what was wanted of a node that the cloud took back is moot, but for its leaving.
    let is_moot =
        |order| is_done_by(order, event) || (old == NodeState::Preempted && order != NodeOrder::Remove);
    let back = match (node.pending, old) {
        (Some(pending), _) if !is_moot(pending.order) => pending.order.state(),
        (_, NodeState::LeavingPool | NodeState::Deallocating | NodeState::Deallocated) => old,
        (
            _,
            NodeState::Ready
            | NodeState::Rebooting
            | NodeState::Reimaging
            | NodeState::Starting
            | NodeState::Unknown
            | NodeState::Unusable
            | NodeState::Preempted,
        ) => NodeState::Ready,
    };
    let out_of_reach = |state| match old {
        NodeState::LeavingPool | NodeState::Deallocating => old,
        NodeState::Ready
        | NodeState::Rebooting
        | NodeState::Reimaging
        | NodeState::Deallocated
        | NodeState::Starting
        | NodeState::Unknown
        | NodeState::Unusable
        | NodeState::Preempted => state,
    };
    // N3, N9: one that was preempted or put away says nothing until it is given or brought back.
    let silent = matches!(old, NodeState::Preempted | NodeState::Deallocated);
    // N9: one that is being brought back can only say that it is.
    let away = silent || old == NodeState::Starting;
    let leaving = old == NodeState::LeavingPool;
    match event {
        NodeEvent::Removed => Some(old),
        NodeEvent::Returned => (!away || old == NodeState::Preempted).then_some(back),
        NodeEvent::Started => match old {
            NodeState::Deallocated | NodeState::Starting => Some(NodeState::Ready),
            NodeState::LeavingPool => Some(old),
            NodeState::Ready
            | NodeState::Rebooting
            | NodeState::Reimaging
            | NodeState::Deallocating
            | NodeState::Unknown
            | NodeState::Unusable
            | NodeState::Preempted => None,
        },
        NodeEvent::Preempted => {
            (old != NodeState::Preempted).then_some(if leaving { old } else { NodeState::Preempted })
        }
        NodeEvent::Deallocated => (!silent).then_some(if leaving { old } else { NodeState::Deallocated }),
        NodeEvent::Rebooted | NodeEvent::Reimaged => (!silent).then_some(back),
        NodeEvent::Lost => (!away).then(|| out_of_reach(NodeState::Unknown)),
        NodeEvent::Unusable => (!away).then(|| out_of_reach(NodeState::Unusable)),
    }
}

/// Whether an event is what an order asked for.
fn is_done_by(order: NodeOrder, event: NodeEvent) -> bool {
    match order {
        NodeOrder::Reboot => matches!(event, NodeEvent::Rebooted | NodeEvent::Reimaged),
        NodeOrder::Reimage => event == NodeEvent::Reimaged,
        NodeOrder::Deallocate => event == NodeEvent::Deallocated,
        NodeOrder::Start => {
            matches!(event, NodeEvent::Started | NodeEvent::Rebooted | NodeEvent::Reimaged)
        }
        NodeOrder::Remove => event == NodeEvent::Removed,
    }
}
