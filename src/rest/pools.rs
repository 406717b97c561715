//! The operations on pools and nodes.

use alloc::{format, sync::Arc, vec::Vec};

use crate::{
    Account, BatchError, ErrorCode,
    id::{NodeId, PoolId},
    node::ChangeNode,
    pool::{AddPool, DeletePool},
    rest::{
        body,
        list::List,
        model,
        operation::{Act, Context, Reading, Reply, act},
        represent,
        route::{NodeChange, PathId},
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
        let effects = account.add_pool(&command, context.now)?;
        let pool = account.require_pool(&command.specification.id)?;
        let url = represent::pool_url(account.url(), pool.id());
        Ok((Reply::made(pool.stamps().modified(), url), effects))
    }))
}

pub(super) fn get(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let show = reading.show(&model::CLOUD_POOL)?;
    Ok(act(move |account, context| {
        let pool = account.require_pool(&named(pool)?)?;
        let shown = || represent::pool(account, pool);
        show.reply(account, context, "pools", Some(pool.stamps().modified()), shown)
    }))
}

pub(super) fn exists(pool: PathId<PoolId>) -> Act {
    act(move |account, _| {
        let last_modified = Some(account.require_pool(&named(pool)?)?.stamps().modified());
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
        let effects = account.delete_pool(&named(pool)?, &command, context.now)?;
        Ok((Reply::accepted(202), effects))
    }))
}

pub(super) fn resize(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let mut command = body::resize_pool(reading.body, reading.version)?;
    command.preconditions = reading.preconditions;
    Ok(act(move |account, context| {
        let pool = named(pool)?;
        let effects = account.resize_pool(&pool, &command, context.now)?;
        Ok((context.changed(account, 202, account.require_pool(&pool)?.stamps().modified()), effects))
    }))
}

pub(super) fn remove_nodes(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let (ids, mut command) = body::remove_nodes(reading.body, reading.version)?;
    command.preconditions = reading.preconditions;
    Ok(act(move |account, context| {
        let pool = named(pool)?;
        account.require_pool(&pool)?;
        command.nodes = ids.into_iter().map(named_node).collect::<Result<_, _>>()?;
        let effects = account.remove_nodes(&pool, &command, context.now)?;
        Ok((context.changed(account, 202, account.require_pool(&pool)?.stamps().modified()), effects))
    }))
}

pub(super) fn list_nodes(pool: PathId<PoolId>, reading: &Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(reading, &model::COMPUTE_NODE)?;
    let after = list.after_id(|token| NodeId::new(token).ok())?;
    Ok(act(move |account, context| {
        let pool = named(pool)?;
        if account.nodes_of(&pool).next().is_none() {
            account.require_pool(&pool)?;
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
        let node = account.require_node(&named(pool)?, &named_node(node)?)?;
        show.reply(account, context, "nodes", None, || represent::node(account, node))
    }))
}

pub(super) fn change_node(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    change: NodeChange,
    reading: &Reading<'_>,
) -> Result<Act, BatchError> {
    let command = body::change_node(change, reading.body, reading.version)?;
    let status = match command {
        ChangeNode::Reboot(_) | ChangeNode::Reimage(_) | ChangeNode::Deallocate(_) | ChangeNode::Start => 202,
        ChangeNode::DisableScheduling(_) | ChangeNode::EnableScheduling => 200,
    };
    Ok(act(move |account, context| {
        let (pool, node) = (named(pool)?, named_node(node)?);
        let effects = account.change_node(&pool, &node, command, context.now)?;
        Ok((changed_node(context, account, status), effects))
    }))
}

/// Nodes have no ETag.
fn changed_node(context: &Context<'_>, account: &Account, status: u16) -> Reply {
    Reply { status, data_service_id: Some(context.own_url(account)), ..Reply::default() }
}
