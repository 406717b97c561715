//! The operations on a node's users, and on where they log in.

use alloc::format;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    BatchError, ErrorCode,
    id::{NodeId, PoolId},
    node::{RemoteLogin, UserName},
    rest::{
        exchange::{Act, PathId, Reading, Reply, metadata},
        nodes::body,
        odata::model::name,
        odata::{model, write},
        shown::{Properties, node_url, put, text},
    },
};

/// What a URL's path has as it is (RFC 3986).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(in crate::rest) fn add(
    pool: PathId<PoolId>,
    node: PathId<NodeId>,
    reading: Reading<'_>,
) -> Result<Act, BatchError> {
    let body::NewUser { name, is_admin, access } = body::add_user(reading.body, reading.version)?;
    Ok(Act::write(move |account, context| {
        let (pool, node) = (pool?, node?);
        let url = node_url(account.url(), &pool, &node);
        let url = format!("{url}/users/{}", utf8_percent_encode(name.as_str(), RESERVED));
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
    Ok(Act::read(move |account, _| {
        let node = account.require_node(&pool?, &node?)?;
        let remote_login = node.remote_login().ok_or(ErrorCode::NodeNotReady)?; // N12
        let metadata = metadata(account, "Microsoft.Azure.Batch.Protocol.Entities.RemoteLoginSettings");
        let (model, mut reply) = (&model::REMOTE_LOGIN_SETTINGS, Reply::empty());
        write::resource(&mut reply.body, Some(&metadata), model, &shown(remote_login), version);
        Ok(reply)
    }))
}

fn shown(remote_login: RemoteLogin) -> Properties {
    let mut shown = Properties::new();
    put(&mut shown, name!("remoteLoginIPAddress"), text(remote_login.address));
    put(&mut shown, name!("remoteLoginPort"), serde_json::Value::from(remote_login.port));
    shown
}
