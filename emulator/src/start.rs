//! From the command line to a running emulator, and to its end.

use std::{error::Error, path::Path, process::ExitCode, sync::Arc, time::Duration};

use azbatch::{Account, Clock, SystemClock, rest::InvalidKey};
use clap::Parser;
use tokio::{net::TcpListener, sync::Notify, time::timeout};

use crate::{
    access::Access,
    clock::VirtualClock,
    guard::Guard,
    host::Host,
    https::Https,
    images,
    ledger::Ledger,
    local,
    log::Log,
    machines::Machines,
    options::{Options, RunMode},
    record::Record,
    server, simulate,
    snapshot::Snapshot,
    stop::told_to_stop,
    welcome::Welcome,
    world::{Parts, World},
};

/// How long killed processes are waited for.
const KILL_WAIT: Duration = Duration::from_secs(2);

/// Runs the emulator as the command line says, until it is told to stop.
pub async fn main() -> ExitCode {
    let options = Options::parse();
    let log = Log::to_standard_output();
    let result = run(&options, &log).await;
    log.flush();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options, log: &Log) -> Result<(), Box<dyn Error>> {
    let listener =
        TcpListener::bind(options.listen).await.map_err(|error| format!("{}: {error}", options.listen))?;
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into()); // What a client on this machine calls.
    }
    let https = options.https_folder().map(|folder| Https::from_folder(&folder, address.ip())).transpose()?;
    let url = format!("{}://{address}", if https.is_some() { "https" } else { "http" });
    let wake = Arc::new(Notify::new());
    let world = world(options, &url, &wake, log)?;
    let (journal, snapshot) = (log.journal().clone(), options.snapshot.clone());
    let host = Arc::new(Host::new(world, journal, wake, snapshot));
    let token = options.control_token()?;
    let welcome = Welcome::new(options, &url, token.clone(), https.as_ref());
    let access = Access::new(token, options.control_hosts.clone());
    let (told, failing) = (told_to_stop()?, host.clone());
    let stop = async move {
        tokio::select! {
            () = told => {}
            () = failing.failed() => {}
        }
    };
    log.line(welcome.greeting());

    let background = tokio::spawn({
        let host = host.clone();
        async move { host.run().await }
    });
    let shortening = tokio::spawn(host.clone().shorten_ledger());
    let acceptor = https.map(|https| https.acceptor);
    server::serve(listener, acceptor, host.clone(), access, &welcome, stop).await;
    background.abort();
    shortening.abort();
    // Whatever was answered is in the snapshot, and what still runs is in it as running.
    let saved = host.save().await;
    let recorded = host.look(World::finish_recording);
    for process in host.with(World::close) {
        drop(timeout(KILL_WAIT, process).await);
    }
    host.stop_clock();
    host.durable().await?;
    if saved? {
        log.line(format!("saved to {}", options.snapshot.as_deref().unwrap_or(Path::new("")).display()));
    }
    let record = options.record.as_deref().unwrap_or(Path::new("")).display();
    if recorded.map_err(|error| format!("{record}: {error}"))? {
        log.line(format!("recorded in {record}"));
    }
    Ok(())
}

/// The world as it was stored, or a new one.
fn world(options: &Options, url: &str, wake: &Arc<Notify>, log: &Log) -> Result<World, Box<dyn Error>> {
    let keeps = options.data.is_some() || options.record.is_some() || options.snapshot.is_some();
    if options.run == RunMode::Episode && keeps {
        return Err(
            "with --run episode, each episode has an account of its own: there is no data, no snapshot and \
                    no recording"
                .into(),
        );
    }
    let Stored { ledger, account: stored } = Stored::find(options, log)?;
    let new = stored.is_none();
    let stored = stored.unwrap_or_else(|| Snapshot {
        instant: SystemClock.now(),
        out_of_reach: Vec::new(),
        account: Account::new(url),
    });
    let mut account = stored.account.with_url(url).with_supported_images(images::supported());
    if let Some(timeout) = options.force_wait() {
        account = account.with_force_timeout(timeout);
    }
    // A recording is begun only if nothing else keeps the emulator from starting.
    let guard = guard(options)?;
    let record = options
        .record
        .as_deref()
        .map(|file| Record::create(file, &account).map_err(|error| format!("{}: {error}", file.display())));
    let record = record.transpose()?;
    let machines: Box<dyn Machines> = match options.run {
        RunMode::Simulate | RunMode::Episode => Box::<simulate::Simulation>::default(),
        RunMode::Local => {
            let root = match &options.data {
                Some(folder) => folder.canonicalize()?.join("nodes"),
                None => std::env::temp_dir().join(format!("azbatch-emulator-{}", std::process::id())),
            };
            log.line(format!("tasks run in {}", root.display()));
            Box::new(local::Local::new(root, &account, options.account.clone(), wake.clone()))
        }
    };
    let plays = options.run == RunMode::Episode;
    let clock = VirtualClock::new(stored.instant, if plays { 0.0 } else { options.speed() });
    let (lag, out_of_reach) = (options.service_lag(), stored.out_of_reach);
    let mut world = World::new(Parts {
        account,
        clock,
        machines,
        guard,
        log: log.clone(),
        record,
        ledger: ledger.clone().filter(|_| !new),
        lag,
        out_of_reach,
        plays,
    });
    // A default pool that a user deleted stays deleted.
    for pool in if new && !plays { options.pools() } else { options.pools.clone() } {
        world.open_pool(&pool)?;
    }
    if let Some(ledger) = ledger.filter(|_| new) {
        // Only now, so that there is no account without its default pools.
        ledger.store_whole(&world.whole(&ledger)).map_err(|error| error.to_string())?;
        world.keep_in(ledger);
    }
    Ok(world)
}

/// What there is at the start.
struct Stored {
    ledger: Option<Arc<Ledger>>,
    /// From the ledger or from the snapshot.
    account: Option<Snapshot>,
}

impl Stored {
    fn find(options: &Options, log: &Log) -> Result<Self, Box<dyn Error>> {
        let load = |file: &Path| Snapshot::load(file).map_err(|error| format!("{}: {error}", file.display()));
        let file = options.snapshot.as_deref();
        let Some(folder) = &options.data else {
            return Ok(Self { ledger: None, account: file.map(load).transpose()?.flatten() });
        };
        let opened = Ledger::open(folder).map_err(|error| format!("{}: {error}", folder.display()));
        let (ledger, account) = opened?;
        let account = match (account, file) {
            (None, Some(file)) => {
                let imported = load(file)?;
                if let Some(imported) = imported.clone() {
                    ledger.store_whole(&ledger.whole(imported)).map_err(|error| error.to_string())?;
                }
                imported
            }
            (Some(account), Some(file)) => {
                let (folder, file) = (folder.display(), file.display());
                log.line(format!("{folder} has an account already, so {file} is only written"));
                Some(account)
            }
            (account, None) => account,
        };
        Ok(Self { ledger: Some(Arc::new(ledger)), account })
    }
}

fn guard(options: &Options) -> Result<Guard, InvalidKey> {
    if options.no_auth { Ok(Guard::Nobody) } else { Guard::key(&options.account, &options.key) }
}
