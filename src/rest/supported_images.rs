//! The operation on images. The host says which there are.

#![allow(
    clippy::needless_pass_by_value,
    reason = "all functions in the table of operations have one signature"
)]

use alloc::string::ToString;

use serde_json::json;

use crate::{
    BatchError,
    pool::SupportedImage,
    rest::{
        exchange::{Act, Reading},
        list::List,
        odata::model::{self, name},
        shown::{Properties, put, text},
    },
};

/// A skip token is the number of images before the page.
pub(super) fn list(reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::SUPPORTED_IMAGE)?;
    let before = list.after_id(|token| token.parse().ok())?.unwrap_or(0);
    Ok(Act::read(move |account, context| {
        let items = account.supported_images().iter().zip(1_usize..).skip(before);
        let items = items.map(|(image, number)| (number.to_string(), shown(image)));
        Ok(list.reply(account, context, "supportedimages", items))
    }))
}

/// An image as the service shows it (Q13).
fn shown(image: &SupportedImage) -> Properties {
    let mut shown = Properties::new();
    let reference = json!({
        (name!("publisher")): image.publisher,
        (name!("offer")): image.offer,
        (name!("sku")): image.sku,
        (name!("version")): image.version,
    });
    put(&mut shown, name!("imageReference"), reference);
    put(&mut shown, name!("verificationType"), text(image.verification));
    put(&mut shown, name!("nodeAgentSKUId"), text(&image.node_agent_sku_id));
    let has_capabilities = !image.capabilities.is_empty();
    put(&mut shown, name!("capabilities"), has_capabilities.then(|| json!(image.capabilities)));
    put(&mut shown, name!("batchSupportEndOfLife"), image.end_of_support.map(text));
    put(&mut shown, name!("osType"), text(image.os_type));
    shown
}
