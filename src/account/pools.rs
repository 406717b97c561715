//! Requests about pools: how many nodes there are to be.

use alloc::{sync::Arc, vec::Vec};
use core::cmp::Reverse;

use crate::{
    BatchError, Clock, ErrorCode, Timestamp,
    account::resource::Account,
    id::{NodeId, PoolId},
    job::{Effect, Instruction},
    node::{Node, NodeAction, NodeTasks},
    pool::{
        AddPool, DeletePool, NodeCounts, Pool, PoolFact, PoolOwner, PoolState, RemoveNodes, ResizePool,
        StopResize, UpdatePool,
    },
};

impl Account {
    /// Adds a pool, and asks the host for its nodes ([P2](crate::evidence#p2)).
    ///
    /// # Errors
    /// `PoolExists`, `PoolBeingDeleted`.
    pub fn add_pool(&mut self, command: &AddPool, clock: impl Clock) -> Result<Vec<Effect>, BatchError> {
        self.add_owned_pool(command, None, clock.now())
    }

    /// Adds a pool that is deleted with its owner, if it has one.
    pub(super) fn add_owned_pool(
        &mut self,
        command: &AddPool,
        owner: Option<PoolOwner>,
        at: Timestamp,
    ) -> Result<Vec<Effect>, BatchError> {
        match self.pools.get(&command.specification.id).map(Pool::state) {
            Some(PoolState::Active) => return Err(ErrorCode::PoolExists.into()),
            Some(PoolState::Deleting) => return Err(ErrorCode::PoolBeingDeleted.into()),
            None => {}
        }
        // Nothing below can fail.

        let mut effects = self.buffer.take();
        let AddPool { specification, target, auto_scale } = command.clone();
        let pool = specification.id.clone();
        let added = PoolFact::Added { specification, target, auto_scale, owner, at };
        self.emit_pool(&mut effects, &pool, added);
        self.ask_for_nodes(&mut effects, &pool);
        self.scale_pool(&mut effects, &pool, at);
        Ok(effects)
    }

    /// Changes how many nodes a pool is to have. Of nodes that are too many, idle ones leave first, then
    /// those with the fewest tasks, of equals the last by id ([P3](crate::evidence#p3)).
    ///
    /// # Errors
    /// `PoolNotFound`, `PoolBeingDeleted`, `OperationNotValidOnPool`, `PoolBeingResized`,
    /// `ConditionNotMet`.
    pub fn resize_pool(
        &mut self,
        pool: &PoolId,
        command: &ResizePool,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_pool(pool)?;
        found.require_resizable()?;
        command.preconditions.check_write(found.stamps().modified())?;
        // Nothing below can fail.

        let target = NodeCounts {
            dedicated: command.dedicated.unwrap_or(found.target().dedicated),
            low_priority: command.low_priority.unwrap_or(found.target().low_priority),
        };
        let (pool, at) = (found.id().clone(), found.next_modified_stamp(now));
        let resize_timeout = command.resize_timeout.unwrap_or(Pool::RESIZE_TIMEOUT);
        let mut effects = self.buffer.take();
        self.emit_pool(&mut effects, &pool, PoolFact::Resizing { target, resize_timeout, at });
        self.ask_for_nodes(&mut effects, &pool);
        let leaving = self.surplus(&pool, target);
        self.remove_all(&mut effects, &leaving, command.tasks, at);
        Ok(effects)
    }

    /// Stops the resize of a pool: no more nodes are added, and nodes that are leaving leave. The pool keeps
    /// its target and its ETag ([P9](crate::evidence#p9)).
    ///
    /// # Errors
    /// `PoolNotFound`, `PoolBeingDeleted`, `OperationInvalidForCurrentState`, `ConditionNotMet`.
    pub fn stop_resize(
        &mut self,
        pool: &PoolId,
        command: &StopResize,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_pool(pool)?;
        found.require_resizing()?;
        command.preconditions.check_write(found.stamps().modified())?;
        // Nothing below can fail.

        let (pool, at) = (found.id().clone(), found.next_stamp(now));
        let mut effects = self.buffer.take();
        self.emit_pool(&mut effects, &pool, PoolFact::Stopping { at });
        Ok(effects)
    }

    /// Changes what a pool is ([P10](crate::evidence#p10)).
    ///
    /// # Errors
    /// `PoolNotFound`, `PoolBeingDeleted`; `OperationInvalidForCurrentState` for what can be changed only
    /// while the pool is empty ([P11](crate::evidence#p11)), `ConditionNotMet`.
    pub fn update_pool(
        &mut self,
        pool: &PoolId,
        command: &UpdatePool,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_pool(pool)?;
        found.require_active()?;
        if command.needs_empty_pool() && !self.is_empty(found) {
            let reason = "The property can be changed only while the pool has no nodes";
            return Err(BatchError::invalid_for_state(reason));
        }
        command.preconditions.check_write(found.stamps().modified())?;
        // Nothing below can fail.

        let (pool, at) = (found.id().clone(), found.next_modified_stamp(now));
        let specification = Arc::new(command.apply_to(found.specification()));
        let mut effects = self.buffer.take();
        self.emit_pool(&mut effects, &pool, PoolFact::Updated { specification, at });
        Ok(effects)
    }

    /// Whether a pool has no nodes and waits for none (P11).
    fn is_empty(&self, pool: &Pool) -> bool {
        let is_growing = pool.waits_for_nodes() && pool.target() != NodeCounts::default();
        self.nodes_of(pool.id()).next().is_none() && !is_growing
    }

    /// Removes nodes from a pool, which is then to have as many fewer.
    ///
    /// # Errors
    /// `PoolNotFound`, `NodeNotFound`, `PoolBeingDeleted`, `PoolBeingResized`, `ConditionNotMet`.
    pub fn remove_nodes(
        &mut self,
        pool: &PoolId,
        command: &RemoveNodes,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_pool(pool)?;
        for node in &command.nodes {
            self.require_node(pool, node)?;
        }
        found.require_steady()?;
        command.preconditions.check_write(found.stamps().modified())?;
        // Nothing below can fail.

        let (pool, at) = (found.id().clone(), found.next_modified_stamp(now));
        let mut target = found.target();
        let named = command.nodes.iter().filter_map(|node| self.nodes.get(node));
        let mut nodes: Vec<&Node> = named.collect();
        nodes.sort_by_key(|node| node.id().clone());
        nodes.dedup_by_key(|node| node.id().clone());
        for node in nodes.iter().filter(|node| !node.state().is_leaving()) {
            let count = target.of_kind(node.is_dedicated());
            *count = count.saturating_sub(1);
        }
        let nodes: Vec<NodeId> = nodes.into_iter().map(|node| node.id().clone()).collect(); // S4
        let resize_timeout = command.resize_timeout.unwrap_or(Pool::RESIZE_TIMEOUT);
        let mut effects = self.buffer.take();
        self.emit_pool(&mut effects, &pool, PoolFact::Resizing { target, resize_timeout, at });
        self.remove_all(&mut effects, &nodes, command.tasks, at);
        self.ask_for_nodes(&mut effects, &pool); // P2: those that a resize that was stopped did not get.
        Ok(effects)
    }

    /// Deletes a pool: its nodes leave and their tasks are requeued, then it is gone.
    ///
    /// # Errors
    /// `PoolNotFound`, `PoolBeingDeleted`, `ConditionNotMet`.
    pub fn delete_pool(
        &mut self,
        pool: &PoolId,
        command: &DeletePool,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_pool(pool)?;
        found.require_active()?;
        command.preconditions.check_write(found.stamps().modified())?;
        // Nothing below can fail.

        let (pool, at) = (found.id().clone(), found.next_stamp(now));
        let staying = self.nodes_of(&pool).filter(|node| !node.state().is_leaving());
        let nodes: Vec<NodeId> = staying.map(|node| node.id().clone()).collect();
        let mut effects = self.buffer.take();
        self.emit_pool(&mut effects, &pool, PoolFact::Deleting { at });
        self.remove_all(&mut effects, &nodes, NodeTasks::Requeue, at);
        Ok(effects)
    }

    pub(super) fn remove_all(
        &mut self,
        effects: &mut Vec<Effect>,
        nodes: &[NodeId],
        tasks: NodeTasks,
        at: Timestamp,
    ) {
        for node in nodes {
            self.request_action(effects, node, NodeAction::Remove, tasks, at);
        }
    }

    fn ask_for_nodes(&mut self, effects: &mut Vec<Effect>, pool: &PoolId) {
        if let Some(instruction) = self.nodes_to_add(pool) {
            Self::instruct(effects, instruction);
        }
    }

    /// Asks for another node where a pool that is still resizing has lost one that it needs (P2).
    pub(super) fn replace_node(&mut self, effects: &mut Vec<Effect>, pool: &PoolId, dedicated: bool) {
        let Some(found) = self.pools.get(pool).filter(|pool| pool.waits_for_nodes()) else { return };
        // A pool can have more nodes than it is to have.
        let mut missing = found.target().missing_from(self.node_counts(pool));
        if *missing.of_kind(dedicated) > 0 {
            let nodes = NodeCounts::one(dedicated);
            Self::instruct(effects, Instruction::AddNodes { pool: pool.clone(), nodes });
        }
    }

    /// The instruction to add the nodes that a pool lacks, if it lacks any.
    pub(super) fn nodes_to_add(&self, pool: &PoolId) -> Option<Instruction> {
        let found = self.pools.get(pool)?;
        let nodes = found.target().missing_from(self.node_counts(pool));
        (nodes != NodeCounts::default()).then(|| Instruction::AddNodes { pool: found.id().clone(), nodes })
    }

    /// The nodes that must leave so that the pool has no more than its target.
    pub(super) fn surplus(&self, pool: &PoolId, target: NodeCounts) -> Vec<NodeId> {
        let mut leaving = Vec::new();
        for (dedicated, keep) in [(true, target.dedicated), (false, target.low_priority)] {
            let of_kind = |node: &&Node| node.is_dedicated() == dedicated && !node.state().is_leaving();
            let mut nodes: Vec<&Node> = self.nodes_of(pool).filter(of_kind).collect();
            nodes.sort_by_key(|node| (Reverse(node.tasks().count()), node.id().clone()));
            leaving.extend(nodes.into_iter().skip(keep as usize).map(|node| node.id().clone()));
        }
        leaving
    }
}
