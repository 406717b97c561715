//! Batch accounts that outlive a machine: `azbatch`, replicated with Raft. `--help` lists the commands, and README.md
//! says how it works.

mod account;
mod command;
mod control;
mod directory;
mod group;
mod hosting;
mod leader;
mod local;
mod log;
mod machine;
mod network;
mod node;
mod options;
mod peer;
mod placement;
mod raft;
mod relay;
mod replica;
mod route;
mod server;
mod trace;

use std::{error::Error, process::ExitCode};

use azbatch_emulator::{access::Access, stop::told_to_stop};
use clap::Parser;
use node::{Member, Settings};
use openraft::BasicNode;
use options::{Command, NodeOptions, Options};
use tokio::net::TcpListener;
use trace::Trace;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let result = match &options.command {
        Command::Node(options) => run_node(options).await,
        Command::Local(options) => local::run(options).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a member until it is told to stop. It can be killed as well: what was answered is on disk.
async fn run_node(options: &NodeOptions) -> Result<(), Box<dyn Error>> {
    let stop = told_to_stop()?;
    let NodeOptions { id, listen, data, founders, trace, common } = options;
    let token = common.token.clone().ok_or("a member needs the token of its cluster: --token TOKEN")?;
    let founders = founders.iter().map(|founder| (founder.id, BasicNode::new(&founder.address)));
    let settings = Settings {
        id: *id,
        token: token.clone(),
        founders: founders.collect(),
        authorizes: !common.no_auth,
        lag: common.lag(),
        snapshot_after: common.snapshot_after,
        trace: trace.as_deref().map(Trace::open).transpose()?.unwrap_or_default(),
    };
    if !settings.founders.is_empty() && !settings.founders.contains_key(id) {
        return Err("a founder of a cluster is among --founder itself".into());
    }
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
    let member = Member::start(data, settings).await?;
    tokio::spawn(hosting::run(member.clone()));
    println!("member {id} listens on {}", listener.local_addr()?);
    let access = Access::new(Some(token), common.control_hosts.clone());
    tokio::select! {
        () = server::serve(listener, member.clone(), access, stop) => Ok(()),
        failure = member.failure() => Err(failure.into()),
    }
}
