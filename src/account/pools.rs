//! Pools: how many nodes there are to be.

use alloc::{sync::Arc, vec::Vec};
use core::cmp::Reverse;

use crate::{
    BatchError, Clock, ErrorCode, Preconditions, TimeSpan, Timestamp,
    account::Account,
    id::{NodeId, PoolId},
    job::Effect,
    node::{Node, NodeOrder, NodeState, NodeTasks},
    pool::{AllocationState, NodeCounts, Pool, PoolSpecification, PoolState},
};

/// Make a pool: `Pool - Add`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddPool {
    /// What the pool is, once and for all.
    pub specification: Arc<PoolSpecification>,
    /// How many nodes it is to have.
    pub target: NodeCounts,
}

/// Change how many nodes a pool is to have: `Pool - Resize`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResizePool {
    /// `None` leaves the number of dedicated nodes.
    pub dedicated: Option<u32>,
    /// `None` leaves the number of low-priority nodes.
    pub low_priority: Option<u32>,
    /// What becomes of the tasks of nodes that leave.
    pub tasks: NodeTasks,
    /// How long it may take; [`Pool::RESIZE_TIMEOUT`] if it does not say. Kept and shown (P7).
    pub resize_timeout: Option<TimeSpan>,
    /// What the client demanded of the pool's state.
    pub preconditions: Preconditions,
}

/// Take nodes out of a pool: `Pool - Remove Nodes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoveNodes {
    /// Which nodes.
    pub nodes: Vec<NodeId>,
    /// What becomes of their tasks.
    pub tasks: NodeTasks,
    /// See [`ResizePool::resize_timeout`].
    pub resize_timeout: Option<TimeSpan>,
    /// What the client demanded of the pool's state.
    pub preconditions: Preconditions,
}

/// Delete a pool with its nodes: `Pool - Delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeletePool {
    /// What the client demanded of the pool's state.
    pub preconditions: Preconditions,
}

impl Account {
    /// A pool, for a request that names it.
    ///
    /// # Errors
    /// `PoolNotFound`.
    pub fn pool(&self, pool: &PoolId) -> Result<&Pool, BatchError> {
        self.pools.get(pool).ok_or_else(|| ErrorCode::PoolNotFound.into())
    }

    /// How many nodes of each kind a pool has, but for those that are leaving it.
    pub fn node_counts(&self, pool: &PoolId) -> NodeCounts {
        let staying = self.nodes_of(pool).filter(|node| node.state != NodeState::LeavingPool);
        staying.fold(NodeCounts::default(), |mut counts, node| {
            *(if node.dedicated { &mut counts.dedicated } else { &mut counts.low_priority }) += 1;
            counts
        })
    }

    /// Makes a pool, and asks the host for its nodes (P2).
    ///
    /// # Errors
    /// `PoolExists`, `PoolBeingDeleted`.
    pub fn add_pool(&mut self, command: &AddPool, clock: &impl Clock) -> Result<Vec<Effect>, BatchError> {
        let at = clock.now();
        match self.pools.get(&command.specification.id).map(|pool| pool.state) {
            Some(PoolState::Active) => return Err(ErrorCode::PoolExists.into()),
            Some(PoolState::Deleting) => return Err(ErrorCode::PoolBeingDeleted.into()),
            None => {}
        }
        // Nothing below can fail.

        let mut effects = Vec::new();
        let (specification, target) = (command.specification.clone(), command.target);
        let pool = specification.id.clone();
        self.emit(&mut effects, Effect::PoolAdded { specification, target, at });
        self.ask_for_nodes(&mut effects, &pool);
        Ok(effects)
    }

    /// Changes how many nodes a pool is to have. Nodes that are too many leave: idle ones first, then
    /// those with the fewest tasks, of equals the last by id (P3).
    ///
    /// # Errors
    /// `PoolNotFound`, `PoolBeingDeleted`, `PoolBeingResized`, `ConditionNotMet`.
    pub fn resize_pool(
        &mut self,
        pool: &PoolId,
        command: &ResizePool,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.steady_pool(pool, &command.preconditions)?;
        // Nothing below can fail.

        let target = NodeCounts {
            dedicated: command.dedicated.unwrap_or(found.target.dedicated),
            low_priority: command.low_priority.unwrap_or(found.target.low_priority),
        };
        let (pool, at) = (found.id().clone(), found.stamp_modified(now));
        let resize_timeout = command.resize_timeout.unwrap_or(Pool::RESIZE_TIMEOUT);
        let mut effects = Vec::new();
        self.emit(&mut effects, Effect::PoolResizing { pool: pool.clone(), target, resize_timeout, at });
        self.ask_for_nodes(&mut effects, &pool);
        for node in self.surplus(&pool, target) {
            self.order(&mut effects, &node, NodeOrder::Remove, command.tasks, at);
        }
        Ok(effects)
    }

    /// Takes nodes out of a pool, which is to have as many fewer.
    ///
    /// # Errors
    /// `PoolNotFound`, `NodeNotFound`, `PoolBeingDeleted`, `PoolBeingResized`, `ConditionNotMet`.
    pub fn remove_nodes(
        &mut self,
        pool: &PoolId,
        command: &RemoveNodes,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        self.pool(pool)?;
        for node in &command.nodes {
            self.find_node(pool, node)?;
        }
        let found = self.steady_pool(pool, &command.preconditions)?;
        // Nothing below can fail.

        let (pool, at) = (found.id().clone(), found.stamp_modified(now));
        let named = command.nodes.iter().filter_map(|node| self.nodes.get(node));
        let mut nodes: Vec<NodeId> = named.map(|node| node.id.clone()).collect(); // S4
        nodes.sort();
        nodes.dedup();
        let mut target = found.target;
        let staying = |node: &&Node| node.state != NodeState::LeavingPool;
        for node in nodes.iter().filter_map(|node| self.nodes.get(node)).filter(staying) {
            let count = if node.dedicated { &mut target.dedicated } else { &mut target.low_priority };
            *count = count.saturating_sub(1);
        }
        let resize_timeout = command.resize_timeout.unwrap_or(Pool::RESIZE_TIMEOUT);
        let mut effects = Vec::new();
        self.emit(&mut effects, Effect::PoolResizing { pool, target, resize_timeout, at });
        for node in nodes {
            self.order(&mut effects, &node, NodeOrder::Remove, command.tasks, at);
        }
        Ok(effects)
    }

    /// Deletes a pool: its nodes leave, their tasks requeued, then it is gone.
    ///
    /// # Errors
    /// `PoolNotFound`, `PoolBeingDeleted`, `ConditionNotMet`.
    pub fn delete_pool(
        &mut self,
        pool: &PoolId,
        command: &DeletePool,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.living_pool(pool)?;
        command.preconditions.check_write(found.last_modified)?;
        // Nothing below can fail.

        let (pool, at) = (found.id().clone(), found.stamp(now));
        let staying = self.nodes_of(&pool).filter(|node| node.state != NodeState::LeavingPool);
        let nodes: Vec<NodeId> = staying.map(|node| node.id.clone()).collect();
        let mut effects = Vec::new();
        self.emit(&mut effects, Effect::PoolDeleting { pool, at });
        for node in nodes {
            self.order(&mut effects, &node, NodeOrder::Remove, NodeTasks::Requeue, at);
        }
        Ok(effects)
    }

    fn living_pool(&self, pool: &PoolId) -> Result<&Pool, BatchError> {
        let found = self.pool(pool)?;
        match found.state {
            PoolState::Active => Ok(found),
            PoolState::Deleting => Err(ErrorCode::PoolBeingDeleted.into()),
        }
    }

    fn steady_pool(&self, pool: &PoolId, preconditions: &Preconditions) -> Result<&Pool, BatchError> {
        let found = self.living_pool(pool)?;
        match found.allocation_state {
            AllocationState::Steady => {}
            AllocationState::Resizing => return Err(ErrorCode::PoolBeingResized.into()),
        }
        preconditions.check_write(found.last_modified)?;
        Ok(found)
    }

    fn ask_for_nodes(&mut self, effects: &mut Vec<Effect>, pool: &PoolId) {
        if let Some(effect) = self.nodes_to_add(pool) {
            self.emit(effects, effect);
        }
    }

    /// Asks for another node where a pool that is still resizing has lost one (P2).
    pub(super) fn replace_node(&mut self, effects: &mut Vec<Effect>, pool: &PoolId, dedicated: bool) {
        let resizes = |pool: &Pool| {
            pool.state == PoolState::Active && pool.allocation_state == AllocationState::Resizing
        };
        if self.pools.get(pool).is_some_and(resizes) {
            let nodes = NodeCounts { dedicated: u32::from(dedicated), low_priority: u32::from(!dedicated) };
            self.emit(effects, Effect::AddNodes { pool: pool.clone(), nodes });
        }
    }

    /// The instruction to make the nodes that a pool lacks, if it lacks any.
    pub(super) fn nodes_to_add(&self, pool: &PoolId) -> Option<Effect> {
        let target = self.pools.get(pool)?.target;
        let have = self.node_counts(pool);
        let nodes = NodeCounts {
            dedicated: target.dedicated.saturating_sub(have.dedicated),
            low_priority: target.low_priority.saturating_sub(have.low_priority),
        };
        (nodes != NodeCounts::default()).then(|| Effect::AddNodes { pool: pool.clone(), nodes })
    }

    /// The nodes that are to leave so that the pool has no more than its target.
    fn surplus(&self, pool: &PoolId, target: NodeCounts) -> Vec<NodeId> {
        let mut leaving = Vec::new();
        for (dedicated, keep) in [(true, target.dedicated), (false, target.low_priority)] {
            let of_kind = |node: &&Node| node.dedicated == dedicated && node.state != NodeState::LeavingPool;
            let mut nodes: Vec<&Node> = self.nodes_of(pool).filter(of_kind).collect();
            nodes.sort_by_key(|node| (Reverse(node.tasks().count()), node.id.clone()));
            leaving.extend(nodes.into_iter().skip(keep as usize).map(|node| node.id.clone()));
        }
        leaving
    }

    /// P2: pools that have the nodes that they are to have are steady; deleting ones without nodes are
    /// gone.
    pub(super) fn tick_pools(&mut self, effects: &mut Vec<Effect>, now: Timestamp) {
        let moves: Vec<Effect> = self.pools.values().filter_map(|pool| self.pool_move(pool, now)).collect();
        for effect in moves {
            self.emit(effects, effect);
        }
    }

    fn pool_move(&self, pool: &Pool, now: Timestamp) -> Option<Effect> {
        let (id, at) = (pool.id().clone(), pool.stamp(now));
        match pool.state {
            PoolState::Deleting => {
                self.nodes_of(pool.id()).next().is_none().then_some(Effect::PoolDeleted { pool: id })
            }
            PoolState::Active => match pool.allocation_state {
                AllocationState::Steady => None,
                AllocationState::Resizing => {
                    let leaving = self.nodes_of(pool.id()).any(|node| node.state == NodeState::LeavingPool);
                    let settled = !leaving && self.nodes_to_add(pool.id()).is_none();
                    settled.then_some(Effect::PoolSteady { pool: id, at })
                }
            },
        }
    }

    pub(super) fn pools_deadline(&self) -> Option<Timestamp> {
        let mut pools = self.pools.values();
        pools.any(|pool| self.pool_move(pool, Timestamp::MIN).is_some()).then_some(Timestamp::MIN)
    }

    pub(super) fn book_pool(&mut self, effect: &Effect) {
        if let Effect::PoolAdded { specification, target, at } = effect {
            let pool = Pool::new(specification.clone(), *target, *at);
            self.pools.insert(specification.id.clone(), pool);
        } else if let Effect::PoolResizing { pool, target, resize_timeout, at } = effect {
            self.change_pool(pool, |pool| {
                pool.target = *target;
                pool.resize_timeout = Some(*resize_timeout);
                pool.last_modified = *at;
                pool.allocation_state = AllocationState::Resizing;
                pool.allocation_state_transition_time = *at;
            });
        } else if let Effect::PoolSteady { pool, at } = effect {
            self.change_pool(pool, |pool| {
                pool.allocation_state = AllocationState::Steady;
                pool.allocation_state_transition_time = *at;
            });
        } else if let Effect::PoolDeleting { pool, at } = effect {
            self.change_pool(pool, |pool| {
                pool.state = PoolState::Deleting;
                pool.state_transition_time = *at;
            });
        } else if let Effect::PoolDeleted { pool } = effect {
            self.pools.remove(pool);
        }
    }

    fn change_pool(&mut self, pool: &PoolId, change: impl FnOnce(&mut Pool)) {
        if let Some(pool) = self.pools.get_mut(pool) {
            change(pool);
        }
    }
}
