//! The operations on a node's users, and on where they log in.

use alloc::format;

use crate::{
    BatchError, ErrorCode,
    id::{NodeId, PoolId},
    node::{RemoteLogin, UserName},
    rest::{
        exchange::{Act, PathId, Reading, Reply},
        nodes::body,
        odata::{
            model,
            shown::{Slot, fill},
        },
        percent::escaped,
        shown::node_url,
    },
};

pub(in crate::rest) fn add(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let body::NewUser { name, is_admin, access } = body::add_user(reading.body, reading.version)?;
    Ok(Act::write(move |account, context| {
        let (pool, node) = (pool?, node?);
        let url = node_url(account.url(), &pool, &node).concat();
        let url = format!("{url}/users/{}", escaped(name.as_str()));
        let effects = account.add_node_user(&pool, &node, name, is_admin, access, context.now)?;
        Ok((Reply { added_url: Some(url), ..Reply::default() }, effects))
    }))
}

pub(in crate::rest) fn update(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    user: PathId<UserName>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let access = body::update_user(reading.body, reading.version)?;
    Ok(Act::write(move |account, context| {
        let effects = account.update_node_user(&pool?, &node?, user?, access, context.now)?;
        Ok((Reply::empty(), effects))
    }))
}

pub(in crate::rest) fn delete(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    user: PathId<UserName>,
    _: Reading<'_>,
) -> Result<Act, BatchError> {
    Ok(Act::write(move |account, _| Ok((Reply::empty(), account.delete_node_user(&pool?, &node?, user?)?))))
}

pub(in crate::rest) fn remote_login_settings(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let version = reading.version;
    Ok(Act::read(move |account, _, body| {
        let node = account.require_node(&pool?, &node?)?;
        let remote_login = node.remote_login().ok_or(ErrorCode::NodeNotReady)?; // N12
        let set = "Microsoft.Azure.Batch.Protocol.Entities.RemoteLoginSettings";
        let model = &model::REMOTE_LOGIN_SETTINGS;
        Ok(Reply::shown(account, set, model, version, &|slot| shown(remote_login, slot), body))
    }))
}

fn shown(remote_login: RemoteLogin, slot: &mut Slot<'_>) {
    fill!(slot {
        "remoteLoginIPAddress" => slot.written(&remote_login.address),
        "remoteLoginPort" => slot.integer(remote_login.port),
    });
}
