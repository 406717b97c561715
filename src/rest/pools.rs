//! The operations on pools.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "all functions in the table of operations have one signature"
)]

pub(super) mod body;
pub(super) mod shown;

use crate::{
    BatchError,
    id::PoolId,
    pool::{DeletePool, StopResize, UpdatePool},
    rest::{
        exchange::{Act, PathId, Reading, Reply},
        fields,
        list::List,
        odata::{model, shown::Slot},
        shown::pool_url,
    },
};

pub(super) fn add(reading: Reading<'_>) -> Result<Act, BatchError> {
    let command = body::add_pool(reading.body, reading.version)?;
    Ok(Act::write(move |account, context| {
        let effects = account.add_pool(&command, context.now)?;
        let pool = account.require_pool(&command.specification.id)?;
        let url = pool_url(account.url(), pool.id()).concat();
        Ok((Reply::added(pool.stamps().modified(), url), effects))
    }))
}

pub(super) fn get(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let show = reading.show(&model::CLOUD_POOL)?;
    Ok(Act::read(move |account, context, body| {
        let pool = account.require_pool(&pool?)?;
        let shown = |slot: &mut Slot<'_>| shown::pool(account, pool, slot);
        show.reply(account, context, "pools", Some(pool.stamps().modified()), shown, body)
    }))
}

pub(super) fn exists(pool: PathId<PoolId>, _: Reading<'_>) -> Result<Act, BatchError> {
    Ok(Act::read(move |account, _, _| Ok(Reply::changed(account.require_pool(&pool?)?.stamps().modified()))))
}

pub(super) fn list(reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::CLOUD_POOL)?;
    let after = list.after_id(|token| PoolId::new(token).ok())?;
    Ok(Act::read(move |account, context, body| {
        let items = account
            .pools_after(after.as_ref())
            .map(|pool| (pool.id(), move |slot: &mut Slot<'_>| shown::pool(account, pool, slot)));
        Ok(list.reply(account, context, "pools", items, body))
    }))
}

pub(super) fn delete(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    let command = DeletePool { preconditions: reading.preconditions };
    Ok(Act::write(move |account, context| {
        let effects = account.delete_pool(&pool?, &command, context.now)?;
        Ok((Reply::empty(), effects))
    }))
}

pub(super) fn resize(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let mut command = body::resize_pool(reading.body, reading.version)?;
    command.preconditions = reading.preconditions;
    Ok(Act::write(move |account, context| {
        let pool = pool?;
        let effects = account.resize_pool(&pool, &command, context.now)?;
        Ok((Reply::changed(account.require_pool(&pool)?.stamps().modified()), effects))
    }))
}

pub(super) fn stop_resize(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    let command = StopResize { preconditions: reading.preconditions };
    Ok(Act::write(move |account, context| {
        let pool = pool?;
        let effects = account.stop_resize(&pool, &command, context.now)?;
        Ok((Reply::changed(account.require_pool(&pool)?.stamps().modified()), effects))
    }))
}

pub(super) fn patch(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let command = body::patch_pool(reading.body, reading.version)?;
    Ok(change_pool(pool, UpdatePool { preconditions: reading.preconditions, ..command }))
}

pub(super) fn update_properties(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    Ok(change_pool(pool, body::update_properties(reading.body, reading.version)?))
}

fn change_pool(pool: PathId<PoolId>, command: UpdatePool) -> Act {
    Act::write(move |account, context| {
        let pool = pool?;
        let effects = account.update_pool(&pool, &command, context.now)?;
        Ok((Reply::changed(account.require_pool(&pool)?.stamps().modified()), effects))
    })
}

pub(super) fn remove_nodes(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let (ids, mut command) = body::remove_nodes(reading.body, reading.version)?;
    command.preconditions = reading.preconditions;
    Ok(Act::write(move |account, context| {
        let pool = pool?;
        account.require_pool(&pool)?;
        command.nodes = ids.into_iter().collect::<Result<_, _>>()?;
        let effects = account.remove_nodes(&pool, &command, context.now)?;
        Ok((Reply::changed(account.require_pool(&pool)?.stamps().modified()), effects))
    }))
}

pub(super) fn enable_auto_scale(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let mut command = body::enable_auto_scale(reading.body, reading.version)?;
    command.preconditions = reading.preconditions;
    Ok(Act::write(move |account, context| {
        let pool = pool?;
        let effects = account.enable_auto_scale(&pool, &command, context.now)?;
        Ok((Reply::changed(account.require_pool(&pool)?.stamps().modified()), effects))
    }))
}

pub(super) fn disable_auto_scale(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    fields::nothing(reading.body, reading.version)?;
    Ok(Act::write(move |account, context| {
        let pool = pool?;
        let effects = account.disable_auto_scale(&pool, context.now)?;
        Ok((Reply::changed(account.require_pool(&pool)?.stamps().modified()), effects))
    }))
}

pub(super) fn evaluate_auto_scale(pool: PathId<PoolId>, reading: Reading<'_>) -> Result<Act, BatchError> {
    let formula = body::evaluate_auto_scale(reading.body, reading.version)?;
    Ok(Act::read(move |account, context, body| {
        let run = account.evaluate_auto_scale(&pool?, &formula, context.now)?;
        let set = "Microsoft.Azure.Batch.Protocol.Entities.AutoScaleRun";
        let shown = |slot: &mut Slot<'_>| shown::auto_scale_run(&run, slot);
        Ok(Reply::shown(account, set, &model::AUTO_SCALE_RUN, context.version, &shown, body))
    }))
}

/// The most pools on a page of node counts (P8).
const MAX_COUNTED_POOLS: usize = 10;

pub(super) fn node_counts(reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read_up_to(MAX_COUNTED_POOLS, &reading, &model::POOL_NODE_COUNTS)?;
    let after = list.after_id(|token| PoolId::new(token).ok())?;
    Ok(Act::read(move |account, context, body| {
        let items = account
            .pools_after(after.as_ref())
            .map(|pool| (pool.id(), move |slot: &mut Slot<'_>| shown::node_counts(account, pool, slot)));
        Ok(list.reply(account, context, "poolnodecounts", items, body))
    }))
}

pub(super) fn usage_metrics(reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::POOL_USAGE_METRICS)?;
    Ok(Act::read(move |account, context, body| {
        Ok(list.reply_empty(account, context, "poolusagemetrics", body))
    })) // Q11
}
