//! The operations on images and the node agents that run on them. The host says which there are.

#![allow(
    clippy::needless_pass_by_value,
    reason = "all functions in the table of operations have one signature"
)]

use alloc::vec::Vec;

use crate::{
    BatchError,
    pool::{SupportedImage, VerificationType},
    rest::{
        exchange::{Act, Reading},
        list::List,
        odata::{
            model,
            shown::{Shown, Slot, fill},
        },
    },
};

/// A skip token is the number of images before the page.
pub(super) fn list(reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::SUPPORTED_IMAGE)?;
    let before = list.after_id(|token| token.parse().ok())?.unwrap_or(0);
    Ok(Act::read(move |account, context, body| {
        let items = account.supported_images().iter().zip(1_usize..).skip(before);
        let items = items.map(|(image, number)| (number, move |slot: &mut Slot<'_>| shown(image, slot)));
        Ok(list.reply(account, context, "supportedimages", items, body))
    }))
}

/// A skip token is the number of node agents before the page.
pub(super) fn node_agents(reading: Reading<'_>) -> Result<Act, BatchError> {
    let list = List::read(&reading, &model::NODE_AGENT_SKU)?;
    let before = list.after_id(|token| token.parse().ok())?.unwrap_or(0);
    Ok(Act::read(move |account, context, body| {
        let agents = agents_of(account.supported_images());
        let items = agents.iter().zip(1_usize..).skip(before);
        let items =
            items.map(|(images, number)| (number, move |slot: &mut Slot<'_>| shown_agent(images, slot)));
        Ok(list.reply(account, context, "nodeagentskus", items, body))
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
fn shown(image: &SupportedImage, slot: &mut Slot<'_>) {
    fill!(slot {
        "imageReference" => slot.object(&|slot| reference(image, slot)),
        "verificationType" => slot.text(image.verification.as_str()),
        "nodeAgentSKUId" => slot.text(&*image.node_agent_sku_id),
        "capabilities" => if !image.capabilities.is_empty() {
            slot.list(&|give| image.capabilities.iter().for_each(|name| give(&Shown::Text(name))));
        },
        "batchSupportEndOfLife" => slot.instant(image.end_of_support),
        "osType" => slot.text(image.os_type.as_str()),
    });
}

/// A node agent with its images (Q14).
fn shown_agent(images: &[&SupportedImage], slot: &mut Slot<'_>) {
    fill!(slot {
        "id" => slot.text(images.first().map(|image| &*image.node_agent_sku_id)),
        "verifiedImageReferences" => slot.list(&|give| {
            for image in images.iter().filter(|image| image.verification == VerificationType::Verified) {
                give(&Shown::Object(&|slot| reference(image, slot)));
            }
        }),
        "osType" => slot.text(images.first().map(|image| image.os_type.as_str())),
    });
}

fn reference(image: &SupportedImage, slot: &mut Slot<'_>) {
    fill!(slot {
        "publisher" => slot.text(&*image.publisher),
        "offer" => slot.text(&*image.offer),
        "sku" => slot.text(&*image.sku),
        "version" => slot.text(&*image.version),
    });
}
