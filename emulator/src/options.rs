//! The command line.

use std::{error::Error, net::SocketAddr, path::PathBuf, str::FromStr};

use azbatch::{PoolId, TimeSpan};
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

use crate::access::Access;

/// A key that everybody knows, so that the first request can be pasted as it is printed.
const PUBLIC_KEY: &str =
    "VGhlIHB1YmxpYyBrZXkgb2YgZXZlcnkgYXpiYXRjaCBlbXVsYXRvcjsgaXQgcHJvdGVjdHMgbm90aGluZy4uLg==";

/// An Azure Batch account on this machine.
#[derive(Parser)]
#[command(name = "azbatch-emulator", version)]
pub struct Options {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:10500", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// The account's name
    #[arg(long, default_value = "laptop", value_name = "NAME")]
    pub account: String,
    /// The account's key, in base64
    #[arg(long, default_value = PUBLIC_KEY, value_name = "KEY")]
    pub key: String,
    /// A pool that is there from the start; may be given more than once [default: pool-1:2:1]
    #[arg(long = "pool", value_name = "ID:NODES:SLOTS")]
    pub pools: Vec<PoolOption>,
    /// Accept all requests without authorization
    #[arg(long)]
    pub no_auth: bool,
    /// What requests to the control interface must bring as a bearer token
    /// [default: a new one, which is printed; with --no-auth none is needed]
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    control_token: Option<String>,
    /// A name by which this machine is reached, beside localhost and its addresses, for the control interface;
    /// may be given more than once
    #[arg(long = "control-host", value_name = "NAME")]
    pub control_hosts: Vec<String>,
    /// Serve https, with a certificate that is kept in this folder and made if it is not there
    /// [default folder: azbatch-emulator-https in the folder for temporary files]
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = "")]
    https: Option<PathBuf>,
    /// How many times faster than the wall clock the emulator's clock runs
    #[arg(long, default_value_t = 1.0, value_name = "X", value_parser = speed)]
    speed: f64,
    /// Stop the clock; only POST /_azbatch/clock moves it
    #[arg(long, conflicts_with = "speed")]
    frozen: bool,
    /// How late the service's own transitions happen, in milliseconds of the account's time; at least 1
    #[arg(long, default_value_t = 200, value_name = "MS")]
    service_lag: u64,
    /// What running a task means
    #[arg(long, value_enum, default_value_t = RunMode::Simulate, value_name = "HOW")]
    pub run: RunMode,
    /// How long a forced end waits for nodes, in seconds [default: 60]
    #[arg(long, value_name = "S")]
    force_wait: Option<u64>,
    /// Where the state is kept: read at the start if it is there, written at the end. With --data, it is read only if
    /// the folder has no account yet
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// A folder in which everything is kept before it is answered, so that a kill loses nothing. Made if it is not there
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// A new file for an episode of everything that comes in; it is complete after each step, and
    /// `cargo run --example replay -- FILE` plays it. Without the Authorization header, but with all else that
    /// clients send
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

/// What running a task means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunMode {
    /// `sleep N` takes N seconds, `exit N` ends with N, anything else ends at once with 0
    Simulate,
    /// The command line really runs, as a child process
    Local,
    /// Nothing happens by itself: time, scheduler and nodes do what comes to /_azbatch/episode
    Episode,
}

/// A pool that is there from the start.
#[derive(Clone, Debug)]
pub struct PoolOption {
    pub id: PoolId,
    pub nodes: u32,
    pub slots: u32,
}

impl FromStr for PoolOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let (Some(id), Some(nodes), Some(slots), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("it has the form ID:NODES:SLOTS, like render:2:4".into());
        };
        let id = PoolId::new(id).map_err(|error| error.to_string())?;
        let number = |text: &str| text.parse().map_err(|_| format!("{text} is no number"));
        let slots = number(slots)?;
        if slots == 0 {
            return Err("a node has at least one slot".into());
        }
        Ok(Self { id, nodes: number(nodes)?, slots })
    }
}

impl PoolOption {
    /// The body with which a user would add it.
    pub fn body(&self) -> Value {
        json!({
            "id": self.id.as_str(),
            "vmSize": "standard_d2s_v3",
            "virtualMachineConfiguration": {
                "imageReference": {
                    "publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"
                },
                "nodeAgentSKUId": "batch.node.ubuntu 24.04"
            },
            "targetDedicatedNodes": self.nodes,
            "taskSlotsPerNode": self.slots,
            "taskSchedulingPolicy": { "nodeFillType": "Spread" }
        })
    }
}

impl Options {
    /// The pools that were asked for, or the one that is there by default.
    pub fn pools(&self) -> Vec<PoolOption> {
        if self.pools.is_empty() { "pool-1:2:1".parse().into_iter().collect() } else { self.pools.clone() }
    }

    /// Where the certificate for https is kept; `None` for plain http.
    pub fn https_folder(&self) -> Option<PathBuf> {
        let default = || std::env::temp_dir().join("azbatch-emulator-https");
        self.https.clone().map(|folder| if folder.as_os_str().is_empty() { default() } else { folder })
    }

    /// The token of the control interface; `None` if it needs none.
    pub fn control_token(&self) -> Result<Option<String>, Box<dyn Error>> {
        match &self.control_token {
            Some(token) => Ok(Some(token.clone())),
            None if self.no_auth => Ok(None),
            None => Access::new_token().map(Some),
        }
    }

    /// How fast the clock runs; 0 if it is stopped.
    pub fn speed(&self) -> f64 {
        if self.frozen { 0.0 } else { self.speed }
    }

    /// Never zero: a task that fails and is tried again without end would leave no time for anything else.
    pub fn service_lag(&self) -> TimeSpan {
        TimeSpan::try_from(std::time::Duration::from_millis(self.service_lag.max(1)))
            .unwrap_or(TimeSpan::UNLIMITED)
    }

    pub fn force_wait(&self) -> Option<TimeSpan> {
        self.force_wait.map(TimeSpan::from_secs)
    }
}

/// Whether the clock can run that fast.
pub fn is_speed(speed: f64) -> bool {
    (0.001..=100_000.0).contains(&speed)
}

/// A token stands in a header, where nothing else arrives as it was sent.
fn token(text: &str) -> Result<String, &'static str> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("it is one or more visible ASCII characters, without spaces")
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if is_speed(speed) => Ok(speed),
        Ok(_) | Err(_) => Err("it is a number from 0.001 to 100000".into()),
    }
}
