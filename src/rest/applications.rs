//! The operations on applications. An account in this crate never has any.

#![allow(
    clippy::needless_pass_by_value,
    reason = "all functions in the table of operations have one signature"
)]

use crate::{
    BatchError, ErrorCode,
    rest::{
        exchange::{Act, Reading},
        list::List,
        odata::model,
    },
};

pub(super) fn list(reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::APPLICATION_SUMMARY)?;
    Ok(Act::read(move |account, context, body| Ok(list.reply_empty(account, context, "applications", body)))) // Q11
}

/// Every application is unknown, because the account has none (Q11).
pub(super) fn get(reading: Reading<'_>) -> Result<Act, BatchError> {
    reading.show(&model::APPLICATION_SUMMARY)?;
    Ok(Act::read(|_, _, _| Err(ErrorCode::ApplicationNotFound.into())))
}
