//! Requests about nodes, and what happens to them: finding the node, and telling the jobs that have
//! something there. The node decides by itself.

use alloc::vec::Vec;

use crate::{
    BatchError, Clock, ErrorCode, Timestamp,
    account::resource::Account,
    id::{JobId, NodeId, PoolId},
    job::Effect,
    node::{
        ChangeNode, NodeAction, NodeChange, NodeEvent, NodeFact, NodeNotAdded, NodeTasks, SchedulingState,
    },
    task::TaskStop,
};

impl Account {
    /// Adds an idle node to a pool of the account, for an `AddNodes` instruction. The pool says how many
    /// slots it has. It is a low-priority node once the pool has enough dedicated ones.
    ///
    /// # Errors
    /// Why the node was not added.
    pub fn add_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, NodeNotAdded> {
        let found = self.pools.get(pool).ok_or(NodeNotAdded::PoolNotFound)?;
        found.require_active().map_err(|_| NodeNotAdded::PoolBeingDeleted)?;
        let target = found.target();
        let dedicated = target.dedicated > self.node_counts(pool).dedicated || target.low_priority == 0;
        let (pool, slots) = (found.id().clone(), found.specification().task_slots_per_node);
        self.insert_node(node, pool, slots, dedicated, clock.now())
    }

    /// Adds an idle, dedicated node to a pool that the account does not have, with this many slots: for
    /// a host that manages pools by itself.
    ///
    /// # Errors
    /// Why the node was not added.
    pub fn add_unmanaged_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        slots: u32,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, NodeNotAdded> {
        if self.pools.contains_key(pool) {
            return Err(NodeNotAdded::PoolExists);
        }
        self.insert_node(node, pool.clone(), slots, true, clock.now())
    }

    fn insert_node(
        &mut self,
        node: &NodeId,
        pool: PoolId,
        slots: u32,
        dedicated: bool,
        at: Timestamp,
    ) -> Result<Vec<Effect>, NodeNotAdded> {
        if self.nodes.contains_key(node) {
            return Err(NodeNotAdded::Exists);
        }
        // Nothing below can fail.

        let mut effects = self.buffer.take();
        self.emit_node(&mut effects, node, NodeFact::Added { pool, slots, dedicated, at });
        self.tell_jobs(&mut effects, node, NodeEvent::Returned, at); // A node of this id may be back.
        Ok(effects)
    }

    /// Changes a node. The node shows the change at once; a reboot and the like happen once its tasks
    /// have ended, as the command says.
    ///
    /// # Errors
    /// `PoolNotFound`, `NodeNotFound`; a 409 by the node's state ([N9](crate::evidence#n9)).
    pub fn change_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        command: ChangeNode,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let (action, tasks) = match command {
            ChangeNode::Reboot(tasks) => (NodeAction::Reboot, tasks),
            ChangeNode::Reimage(tasks) => (NodeAction::Reimage, tasks),
            ChangeNode::Deallocate(tasks) => (NodeAction::Deallocate, tasks),
            ChangeNode::Start => (NodeAction::Start, NodeTasks::TaskCompletion),
            ChangeNode::DisableScheduling(tasks) => {
                let mut effects = self.set_scheduling(pool, node, SchedulingState::Disabled, now)?;
                self.stop_tasks_on(&mut effects, node, tasks);
                return Ok(effects);
            }
            ChangeNode::EnableScheduling => {
                return self.set_scheduling(pool, node, SchedulingState::Enabled, now);
            }
        };
        let found = self.require_node(pool, node)?;
        found.request(action, false)?;
        // Nothing below can fail.

        let node = found.id().clone();
        let mut effects = self.buffer.take();
        self.request_action(&mut effects, &node, action, tasks, now);
        Ok(effects)
    }

    /// Removes a node from a pool that the account does not have. For a pool of the account it is
    /// [`remove_nodes`](Self::remove_nodes), because the pool must then have fewer.
    ///
    /// # Errors
    /// `PoolNotFound`, `NodeNotFound`; `OperationNotValidOnNode` if the account has the pool.
    pub fn remove_unmanaged_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        tasks: NodeTasks,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_node(pool, node)?;
        if self.pools.contains_key(pool) {
            return Err(ErrorCode::OperationNotValidOnNode.into());
        }
        // Nothing below can fail.

        let node = found.id().clone();
        let mut effects = self.buffer.take();
        self.request_action(&mut effects, &node, NodeAction::Remove, tasks, now);
        Ok(effects)
    }

    /// Requests an action that the node's state allows.
    pub(super) fn request_action(
        &mut self,
        effects: &mut Vec<Effect>,
        node: &NodeId,
        action: NodeAction,
        tasks: NodeTasks,
        now: Timestamp,
    ) {
        let Some(found) = self.nodes.get(node) else { return };
        let (at, retained_data) = (found.stamps().next(now), tasks == NodeTasks::RetainedData);
        self.emit_node(effects, node, NodeFact::ActionRequested { action, retained_data, at });
        self.stop_tasks_on(effects, node, tasks);
    }

    fn set_scheduling(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        scheduling: SchedulingState,
        now: Timestamp,
    ) -> Result<Vec<Effect>, BatchError> {
        let found = self.require_node(pool, node)?;
        found.allow_scheduling(scheduling)?;
        // Nothing below can fail.

        let (node, at) = (found.id().clone(), found.stamps().next(now));
        let mut effects = self.buffer.take();
        self.emit_node(&mut effects, &node, NodeFact::SchedulingChanged { scheduling, at });
        Ok(effects)
    }

    /// Tells a node to stop its tasks, where the option asks for it.
    fn stop_tasks_on(&mut self, effects: &mut Vec<Effect>, node: &NodeId, tasks: NodeTasks) {
        let cause = match tasks {
            NodeTasks::Requeue => TaskStop::Requeue,
            NodeTasks::Terminate => TaskStop::Terminate,
            NodeTasks::TaskCompletion | NodeTasks::RetainedData => return,
        };
        let Some(found) = self.nodes.get(node) else { return };
        let node = found.id().clone();
        let jobs: Vec<JobId> = found.jobs_with_tasks().cloned().collect();
        for id in jobs {
            let first = effects.len();
            if let Some(job) = self.jobs.get_mut(&id) {
                job.stop_tasks_on(effects, &node, cause);
            }
            self.follow(&id, effects.get(first..).unwrap_or_default());
        }
    }

    /// Handles an event of a node, and tells the jobs that have something there. An event that says
    /// nothing new, or is about an unknown node, changes nothing.
    #[must_use = "instructions among the effects must be carried out"]
    pub fn node_event(&mut self, node: &NodeId, event: NodeEvent, clock: impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = self.buffer.take();
        let Some(found) = self.nodes.get(node) else { return effects };
        let Some(change) = found.after(event) else { return effects };
        let (node, pool, dedicated) = (found.id().clone(), found.pool().clone(), found.is_dedicated());
        let was_leaving = found.state().is_leaving();
        self.tell_jobs(&mut effects, &node, event, now);
        let changed = match change {
            NodeChange::Removed => Some(NodeFact::Removed),
            NodeChange::Continues(state, boot) => {
                self.nodes.get(&node).and_then(|node| node.changed(state, boot, now))
            }
        };
        let Some(fact) = changed else { return effects };
        let is_removed = fact == NodeFact::Removed;
        self.emit_node(&mut effects, &node, fact);
        if is_removed && !was_leaving {
            self.replace_node(&mut effects, &pool, dedicated);
        }
        effects
    }

    fn tell_jobs(&mut self, effects: &mut Vec<Effect>, node: &NodeId, event: NodeEvent, now: Timestamp) {
        let jobs: Vec<JobId> = self.index.jobs_on(node).cloned().collect();
        for id in jobs {
            self.drive_job(effects, &id, |job| job.node_event(node, event, now));
        }
    }
}
