//! The operations on pools and nodes.

use alloc::{format, sync::Arc, vec::Vec};

use crate::{
    Account, AddPool, BatchError, DeletePool, ErrorCode, NodeOrder, NodeTasks, SchedulingState,
    id::{NodeId, PoolId},
    rest::{
        body,
        list::List,
        model,
        operation::{Act, Context, Reading, Reply, act},
        represent,
        route::PathId,
    },
};

/// The pool that a path names.
fn named(pool: PathId<PoolId>) -> Result<PoolId, BatchError> {
    pool.ok_or_else(|| ErrorCode::PoolNotFound.into())
}

/// The node that a path names.
fn named_node(node: PathId<NodeId>) -> Result<NodeId, BatchError> {
    node.ok_or_else(|| ErrorCode::NodeNotFound.into())
}

pub(super) fn add(reading: &Reading<'_>) -> Result<Act, BatchError> {
    let (specification, target) = body::add_pool(reading.body, reading.version)?;
    let command = AddPool { specification: Arc::new(specification), target };
    Ok(act(move |account, context| {
        let effects = account.add_pool(&command, &context.now)?;
        let pool = account.pool(&command.specification.id)?;
        let url = represent::pool_url(account.url(), pool.id());
        Ok((Reply::made(pool.last_modified(), url), effects))
    }))
}

pub(super) fn get(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let show = reading.show(&model::CLOUD_POOL)?;
    Ok(act(move |account, context| {
        let pool = account.pool(&named(pool)?)?;
        let shown = || represent::pool(account, pool);
        show.reply(account, context, "pools", Some(pool.last_modified()), shown)
    }))
}

pub(super) fn exists(pool: PathId<PoolId>) -> Act {
    act(move |account, _| {
        let last_modified = Some(account.pool(&named(pool)?)?.last_modified());
        Ok((Reply { status: 200, last_modified, ..Reply::default() }, Vec::new()))
    })
}

pub(super) fn list(reading: &Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(reading, &model::CLOUD_POOL)?;
    let after = list.after_id(|token| PoolId::new(token).ok())?;
    Ok(act(move |account, context| {
        let items = account
            .pools_after(after.as_ref())
            .map(|pool| (format!("{}", pool.id()), represent::pool(account, pool)));
        Ok((list.reply(account, context, "pools", items), Vec::new()))
    }))
}

pub(super) fn delete(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    body::nothing(reading.body, reading.version)?;
    let command = DeletePool { preconditions: reading.preconditions };
    Ok(act(move |account, context| {
        let effects = account.delete_pool(&named(pool)?, &command, &context.now)?;
        Ok((Reply::accepted(202), effects))
    }))
}

pub(super) fn resize(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let mut command = body::resize_pool(reading.body, reading.version)?;
    command.preconditions = reading.preconditions;
    Ok(act(move |account, context| {
        let pool = named(pool)?;
        let effects = account.resize_pool(&pool, &command, &context.now)?;
        Ok((context.changed(account, 202, account.pool(&pool)?.last_modified()), effects))
    }))
}

pub(super) fn remove_nodes(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let (ids, mut command) = body::remove_nodes(reading.body, reading.version)?;
    command.preconditions = reading.preconditions;
    Ok(act(move |account, context| {
        let pool = named(pool)?;
        account.pool(&pool)?;
        command.nodes = ids.into_iter().map(named_node).collect::<Result<_, _>>()?;
        let effects = account.remove_nodes(&pool, &command, &context.now)?;
        Ok((context.changed(account, 202, account.pool(&pool)?.last_modified()), effects))
    }))
}

pub(super) fn list_nodes(pool: PathId<PoolId>, reading: &Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(reading, &model::COMPUTE_NODE)?;
    let after = list.after_id(|token| NodeId::new(token).ok())?;
    Ok(act(move |account, context| {
        let pool = named(pool)?;
        if account.nodes_of(&pool).next().is_none() {
            account.pool(&pool)?;
        }
        let items = account
            .nodes_of_after(&pool, after.as_ref())
            .map(|node| (format!("{}", node.id()), represent::node(account, node)));
        Ok((list.reply(account, context, "nodes", items), Vec::new()))
    }))
}

pub(super) fn get_node(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let show = reading.show(&model::COMPUTE_NODE)?;
    Ok(act(move |account, context| {
        let node = account.find_node(&named(pool)?, &named_node(node)?)?;
        show.reply(account, context, "nodes", None, || represent::node(account, node))
    }))
}

pub(super) fn order_node(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    order: NodeOrder,
    reading: &Reading<'_>,
) -> Result<Act, BatchError> {
    let tasks = body::order_node(order, reading.body, reading.version)?;
    Ok(act(move |account, context| {
        let (pool, node) = (named(pool)?, named_node(node)?);
        let effects = account.order_node(&pool, &node, order, tasks, &context.now)?;
        Ok((of_node(context, account, 202), effects))
    }))
}

pub(super) fn set_scheduling(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    scheduling: SchedulingState,
    reading: &Reading<'_>,
) -> Result<Act, BatchError> {
    let tasks = match scheduling {
        SchedulingState::Disabled => body::disable_scheduling(reading.body, reading.version)?,
        SchedulingState::Enabled => {
            body::nothing(reading.body, reading.version)?;
            NodeTasks::default()
        }
    };
    Ok(act(move |account, context| {
        let (pool, node) = (named(pool)?, named_node(node)?);
        let effects = match scheduling {
            SchedulingState::Disabled => account.disable_scheduling(&pool, &node, tasks, &context.now)?,
            SchedulingState::Enabled => account.enable_scheduling(&pool, &node, &context.now)?,
        };
        Ok((of_node(context, account, 200), effects))
    }))
}

/// Nodes have no ETag.
fn of_node(context: &Context<'_>, account: &Account, status: u16) -> Reply {
    Reply { status, data_service_id: Some(context.own_url(account)), ..Reply::default() }
}
