//! The operations on nodes.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "all functions in the table of operations have one signature"
)]

mod body;
mod shown;
pub(super) mod users;

use alloc::format;

use crate::{
    BatchError, ErrorCode,
    id::{NodeId, PoolId},
    node::{ChangeNode, Contact},
    rest::{
        exchange::{Act, PathId, Reading, Reply},
        fields,
        list::List,
        odata::{model, read, shown::Slot},
    },
};

pub(super) fn list(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::COMPUTE_NODE)?;
    let after = list.after_id(|token| NodeId::new(token).ok())?;
    Ok(Act::read(move |account, context, body| {
        let pool = pool?;
        if account.nodes_of(&pool).next().is_none() {
            account.require_pool(&pool)?;
        }
        let items = account
            .nodes_of_after(&pool, after.as_ref())
            .map(|node| (node.id(), move |slot: &mut Slot<'_>| shown::node(account, node, slot)));
        Ok(list.reply(account, context, "nodes", items, body))
    }))
}

pub(super) fn get(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let show = reading.show(&model::COMPUTE_NODE)?;
    Ok(Act::read(move |account, context, body| {
        let node = account.require_node(&pool?, &node?)?;
        show.reply(account, context, "nodes", None, |slot| shown::node(account, node, slot), body)
    }))
}

pub(super) fn reboot(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let tasks = body::reboot_node(reading.body, reading.version)?;
    Ok(change(pool, node, ChangeNode::Reboot(tasks)))
}

pub(super) fn reimage(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let tasks = body::reimage_node(reading.body, reading.version)?;
    Ok(change(pool, node, ChangeNode::Reimage(tasks)))
}

pub(super) fn deallocate(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let tasks = body::deallocate_node(reading.body, reading.version)?;
    Ok(change(pool, node, ChangeNode::Deallocate(tasks)))
}

pub(super) fn start(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    Ok(change(pool, node, ChangeNode::Start))
}

pub(super) fn disable_scheduling(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let tasks = body::disable_scheduling(reading.body, reading.version)?;
    Ok(change(pool, node, ChangeNode::DisableScheduling(tasks)))
}

pub(super) fn enable_scheduling(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    Ok(change(pool, node, ChangeNode::EnableScheduling))
}

pub(super) fn extensions(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::NODE_VM_EXTENSION)?;
    Ok(Act::read(move |account, context, body| {
        account.require_node(&pool?, &node?)?;
        Ok(list.reply_empty(account, context, "extensions", body)) // Q11
    }))
}

/// Every extension is unknown, because a node has none (Q11).
pub(super) fn extension(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    reading.show(&model::NODE_VM_EXTENSION)?;
    Ok(Act::read(move |account, _, _| {
        account.require_node(&pool?, &node?)?;
        Err(ErrorCode::ResourceNotFound.into())
    }))
}

/// A node has no logs of the service, so no file is uploaded (N13).
pub(super) fn upload_service_logs(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let version = reading.version;
    read::read(&model::UPLOAD_BATCH_SERVICE_LOGS_CONFIGURATION, reading.body, version)?;
    Ok(Act::read(move |account, context, body| {
        let node = account.require_node(&pool?, &node?)?;
        match node.contact() {
            Contact::Answering => {}
            Contact::Lost | Contact::Gone => return Err(ErrorCode::NodeNotReady.into()),
        }
        let directory = format!("{}/{}/{}", node.pool(), node.id(), context.request_id);
        let set = "Microsoft.Azure.Batch.Protocol.Entities.UploadBatchServiceLogsResult";
        let model = &model::UPLOAD_BATCH_SERVICE_LOGS_RESULT;
        let shown = |slot: &mut Slot<'_>| shown::uploaded_logs(&directory, 0, slot);
        Ok(Reply::shown(account, set, model, version, &shown, body))
    }))
}

/// Nodes have no ETag.
fn change(pool: PathId<PoolId>, node: PathId<NodeId>, command: ChangeNode) -> Act {
    Act::write(move |account, context| {
        let effects = account.change_node(&pool?, &node?, command, context.now)?;
        Ok((Reply::empty(), effects))
    })
}
