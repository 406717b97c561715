//! The images that the emulator lists.

use azbatch::pool::{OsType, SupportedImage, VerificationType};

const UBUNTU_24: &str = "batch.node.ubuntu 24.04";
const UBUNTU_24_ARM: &str = "batch.node.ubuntu 24.04-arm64";
const UBUNTU_22: &str = "batch.node.ubuntu 22.04";
const WINDOWS: &str = "batch.node.windows amd64";

/// What container pools need of an image.
const DOCKER: &[&str] = &["DockerCompatible"];

/// Images that are in wide use: publisher, offer, SKU, node agent and capabilities. The list of the service is
/// longer and changes.
const IMAGES: &[(&str, &str, &str, &str, &[&str])] = &[
    ("canonical", "ubuntu-24_04-lts", "server", UBUNTU_24, &[]),
    ("canonical", "ubuntu-24_04-lts", "server-arm64", UBUNTU_24_ARM, &[]),
    ("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts", UBUNTU_22, &[]),
    ("microsoft-dsvm", "ubuntu-hpc", "2404", UBUNTU_24, DOCKER),
    ("microsoft-dsvm", "ubuntu-hpc", "2204", UBUNTU_22, DOCKER),
    ("almalinux", "almalinux-x86_64", "9-gen2", "batch.node.el 9", &[]),
    ("almalinux", "almalinux-x86_64", "8-gen2", "batch.node.el 8", &[]),
    ("microsoftwindowsserver", "windowsserver", "2022-datacenter", WINDOWS, &[]),
    ("microsoftwindowsserver", "windowsserver", "2022-datacenter-core", WINDOWS, &[]),
    ("microsoftwindowsserver", "windowsserver", "2019-datacenter", WINDOWS, &[]),
    ("microsoftwindowsserver", "windowsserver", "2019-datacenter-core", WINDOWS, &[]),
    ("microsoftwindowsserver", "windowsserver", "2019-datacenter-with-containers", WINDOWS, DOCKER),
];

/// The images that the emulator lists; any other can be used all the same.
pub fn supported() -> Vec<SupportedImage> {
    let image = |&(publisher, offer, sku, agent, capabilities): &(&str, &str, &str, &str, &[&str])| {
        let os_type = if agent == WINDOWS { OsType::Windows } else { OsType::Linux };
        SupportedImage {
            publisher: publisher.into(),
            offer: offer.into(),
            sku: sku.into(),
            version: "latest".into(),
            verification: VerificationType::Verified,
            node_agent_sku_id: agent.into(),
            capabilities: capabilities.iter().map(|&name| name.into()).collect(),
            end_of_support: None,
            os_type,
        }
    };
    IMAGES.iter().map(image).collect()
}
