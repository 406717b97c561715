//! The command line.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use azbatch::TimeSpan;
use clap::{Args, Parser, Subcommand};

use crate::{
    raft::MemberId,
    route::{ACCOUNT_NAME, is_account_name},
};

/// Batch accounts that outlive a machine: each is replicated on three members of a cluster, with Raft.
///
/// A client reaches an account at any member, as `http://MEMBER/accounts/NAME`, or as `http://NAME.HOST:PORT`.
/// Reads see what was answered before; with the header "azbatch-read: stale" they are answered with what the member
/// has at once. Accounts and members are managed under /_azbatch, see README.md.
#[derive(Parser)]
#[command(name = "azbatch-cluster", version)]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run a member of a cluster
    Node(NodeOptions),
    /// Run a whole cluster on this machine, a process for each member
    Local(LocalOptions),
}

#[derive(Args)]
pub struct NodeOptions {
    /// The number of this member, which it keeps for good
    #[arg(long, value_name = "NUMBER")]
    pub id: MemberId,
    /// Where to listen, for clients and for other members; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Where the data of this member is kept
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,
    /// A member of a new cluster; given for each, this one too, and the same for all. Without any, this member waits
    /// until it is added to a cluster
    #[arg(long = "founder", value_name = "NUMBER=HOST:PORT")]
    pub founders: Vec<Founder>,
    /// For tests: append to this file which runs nodes are told to begin, and what accounts know of runs
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    #[command(flatten)]
    pub common: CommonOptions,
}

#[derive(Args)]
pub struct LocalOptions {
    /// How many members
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=9))]
    pub nodes: u16,
    /// The port of the first member; the others follow
    #[arg(long, default_value_t = 10600, value_name = "PORT")]
    pub port: u16,
    /// Where the data is kept, in a folder for each member
    #[arg(long, default_value = "azbatch-cluster-data", value_name = "FOLDER")]
    pub data: PathBuf,
    /// An account that is there from the start; may be given more than once
    #[arg(long = "account", default_value = "laptop", value_name = "NAME", value_parser = account_name)]
    pub accounts: Vec<String>,
    /// The key of these accounts, in base64 [default: a new one for each, which is printed]
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    #[command(flatten)]
    pub common: CommonOptions,
}

#[derive(Args, Clone)]
pub struct CommonOptions {
    /// What members, and requests to the control interface, prove themselves with, as a bearer token. It is the same
    /// for all members
    #[arg(long, env = "AZBATCH_CLUSTER_TOKEN", hide_env_values = true, value_name = "TOKEN", value_parser = token)]
    pub token: Option<String>,
    /// Accept all requests to accounts without authorization
    #[arg(long)]
    pub no_auth: bool,
    /// A name by which members are reached, beside localhost and addresses, for the control interface; may be given
    /// more than once
    #[arg(long = "control-host", value_name = "NAME")]
    pub control_hosts: Vec<String>,
    /// How late the service's own transitions happen, in milliseconds; at least 1
    #[arg(long, default_value_t = 200, value_name = "MS")]
    service_lag: u64,
    /// After how many entries of an account's log a snapshot is made, and the log before it dropped
    #[arg(long, default_value_t = 5000, value_name = "N", value_parser = clap::value_parser!(u64).range(10..))]
    pub snapshot_after: u64,
}

impl CommonOptions {
    /// Never zero: a task that fails and is tried again without end would leave no time for anything else.
    pub fn lag(&self) -> TimeSpan {
        TimeSpan::try_from(Duration::from_millis(self.service_lag.max(1))).unwrap_or(TimeSpan::UNLIMITED)
    }

    /// The options again, for another process. The token goes another way.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![format!("--service-lag={}", self.service_lag)];
        arguments.push(format!("--snapshot-after={}", self.snapshot_after));
        arguments.extend(self.no_auth.then(|| "--no-auth".into()));
        arguments.extend(self.control_hosts.iter().map(|name| format!("--control-host={name}")));
        arguments
    }
}

/// A member of a new cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Founder {
    pub id: MemberId,
    pub address: String,
}

impl FromStr for Founder {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('=').and_then(|(id, address)| Some((id.parse().ok()?, address)));
        let (id, address) =
            parts.filter(|(_, address)| address.contains(':')).ok_or("it has the form 1=HOST:PORT")?;
        Ok(Self { id, address: address.into() })
    }
}

fn account_name(text: &str) -> Result<String, &'static str> {
    if is_account_name(text) { Ok(text.to_owned()) } else { Err(ACCOUNT_NAME) }
}

/// A token stands in a header, where nothing else arrives as it was sent.
fn token(text: &str) -> Result<String, &'static str> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("it is one or more visible ASCII characters, without spaces")
    }
}
