//! The operations on images and the node agents that run on them. The host says which there are.

#![allow(
    clippy::needless_pass_by_value,
    reason = "all functions in the table of operations have one signature"
)]

use alloc::{string::ToString, vec::Vec};

use serde_json::{Value, json};

use crate::{
    BatchError,
    pool::{SupportedImage, VerificationType},
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

/// A skip token is the number of node agents before the page.
pub(super) fn node_agents(reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::NODE_AGENT_SKU)?;
    let before = list.after_id(|token| token.parse().ok())?.unwrap_or(0);
    Ok(Act::read(move |account, context| {
        let agents = agents_of(account.supported_images());
        let items = agents.iter().zip(1_usize..).skip(before);
        let items = items.map(|(images, number)| (number.to_string(), shown_agent(images)));
        Ok(list.reply(account, context, "nodeagentskus", items))
    }))
}

/// The images by node agent, the agents in the order of their first images (Q14).
fn agents_of(images: &[SupportedImage]) -> Vec<Vec<&SupportedImage>> {
    let mut agents: Vec<Vec<&SupportedImage>> = Vec::new();
    for image in images {
        let is_of_agent = |others: &&mut Vec<&SupportedImage>| {
            others.iter().any(|other| other.node_agent_sku_id == image.node_agent_sku_id)
        };
        match agents.iter_mut().find(is_of_agent) {
            Some(others) => others.push(image),
            None => agents.push(Vec::from([image])),
        }
    }
    agents
}

/// An image as the service shows it (Q13).
fn shown(image: &SupportedImage) -> Properties {
    let mut shown = Properties::new();
    put(&mut shown, name!("imageReference"), reference(image));
    put(&mut shown, name!("verificationType"), text(image.verification));
    put(&mut shown, name!("nodeAgentSKUId"), text(&image.node_agent_sku_id));
    let has_capabilities = !image.capabilities.is_empty();
    put(&mut shown, name!("capabilities"), has_capabilities.then(|| json!(image.capabilities)));
    put(&mut shown, name!("batchSupportEndOfLife"), image.end_of_support.map(text));
    put(&mut shown, name!("osType"), text(image.os_type));
    shown
}

/// A node agent with its images (Q14).
fn shown_agent(images: &[&SupportedImage]) -> Properties {
    let mut shown = Properties::new();
    let verified = images.iter().filter(|image| image.verification == VerificationType::Verified);
    let references: Vec<Value> = verified.map(|image| reference(image)).collect();
    put(&mut shown, name!("id"), images.first().map(|image| text(&image.node_agent_sku_id)));
    put(&mut shown, name!("verifiedImageReferences"), Value::Array(references));
    put(&mut shown, name!("osType"), images.first().map(|image| text(image.os_type)));
    shown
}

fn reference(image: &SupportedImage) -> Value {
    json!({
        (name!("publisher")): image.publisher,
        (name!("offer")): image.offer,
        (name!("sku")): image.sku,
        (name!("version")): image.version,
    })
}
