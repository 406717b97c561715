//! Replays episodes: conversations with a Batch service, written down step by step.
//!
//! - With files as arguments it prints a line for each step that differs from what the file expects, then
//!   `N passed, M failed`.
//! - Without files it replays an episode of the project's own and prints how its job ends.
//! - `--why` prints why jobs have not ended and why tasks are not running, after each episode. Otherwise this is
//!   printed after an episode that differs.
//! - `--shrink FILE` reduces an episode that fails to a small one that fails in the same way, and writes it to standard
//!   output, or to the file after `--output`.
//! - `--against URL` plays the episodes over HTTP, against any server, and prints what differs and what is skipped. An
//!   emulator that is started with `--run episode` plays them whole; `--control-token` gives the token that it asks for.
//!   On any other server use an account that nothing else uses. Requests are signed for `--account` with the key in the
//!   environment variable `AZURE_BATCH_ACCESS_KEY`, or with `--key`, which other users of the machine can see. Without
//!   an account the server is taken to accept everybody.

#[path = "against/mod.rs"]
mod against;
#[path = "episode/mod.rs"]
mod episode;
#[path = "episode/remote.rs"]
mod remote;

use std::{env, fs, net::IpAddr, process::ExitCode, thread};

use against::Service;
use azbatch::Effect;
use episode::{Episode, Outcome, Player, shrink};
use remote::{Remote, Report};

const OWN: &str = include_str!("episodes/how-a-job-ends.json");

const USAGE: &str = "\
usage: replay [--why] [FILE...]
       replay --shrink FILE [--output FILE]
       AZURE_BATCH_ACCESS_KEY=KEY replay --against URL --account NAME [--control-token TOKEN] [--pools] FILE...
       replay --against URL [--account NAME --key KEY] [--control-token TOKEN] [--pools] FILE...";

/// Where the key is read from, so that it is not among the arguments, which other users can see.
const KEY_VARIABLE: &str = "AZURE_BATCH_ACCESS_KEY";

/// What requests are signed with where nobody looks.
const ANY_KEY: &str = "YW55";

/// What the command line asks for.
#[derive(Default)]
struct Arguments {
    why: bool,
    shrink: Option<String>,
    output: Option<String>,
    against: Option<String>,
    account: Option<String>,
    key: Option<String>,
    control_token: Option<String>,
    pools: bool,
    files: Vec<String>,
}

impl Arguments {
    fn read() -> Result<Self, String> {
        let (mut read, mut arguments) = (Self::default(), env::args().skip(1));
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--why" => read.why = true,
                "--shrink" => read.shrink = Some(value()?),
                "--output" => read.output = Some(value()?),
                "--against" => read.against = Some(value()?),
                "--account" => read.account = Some(value()?),
                "--key" => read.key = Some(value()?),
                "--control-token" => read.control_token = Some(value()?),
                "--pools" => read.pools = true,
                unknown if unknown.starts_with("--") => return Err(format!("there is no option {unknown}")),
                _ => read.files.push(argument),
            }
        }
        // Without an account it is not meant for this server.
        if read.account.is_some() && read.key.is_none() {
            read.key = env::var(KEY_VARIABLE).ok();
        }
        read.check()?;
        Ok(read)
    }

    fn check(&self) -> Result<(), String> {
        let is_for_server =
            self.account.is_some() || self.key.is_some() || self.control_token.is_some() || self.pools;
        let wrong = if self.shrink.is_some() && (self.why || self.against.is_some() || !self.files.is_empty())
        {
            "--shrink takes one file and no option but --output"
        } else if self.shrink.is_none() && self.output.is_some() {
            "--output belongs to --shrink"
        } else if self.against.is_none() && is_for_server {
            "--account, --key, --control-token and --pools belong to --against"
        } else if self.against.is_some() && (self.why || self.files.is_empty()) {
            "--against takes files, and not --why"
        } else if self.account.is_some() && self.key.is_none() {
            "--account needs a key, in AZURE_BATCH_ACCESS_KEY or after --key"
        } else if self.key.is_some() && self.account.is_none() {
            "--key needs --account"
        } else {
            return Ok(());
        };
        Err(wrong.into())
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(file) = &arguments.shrink {
        return match reduce(file, arguments.output.as_deref()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{file}: {error}");
                ExitCode::FAILURE
            }
        };
    }
    if let Some(url) = &arguments.against {
        return match play_against(url, &arguments) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let (why, files) = (arguments.why, &arguments.files);
    if files.is_empty() {
        return narrate(why);
    }
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let text = fs::read_to_string(file).map_err(|error| error.to_string());
        match text.and_then(|text| Episode::parse(&text)) {
            Ok(episode) => {
                let mut player = Player::new(&episode);
                let failed_before = failed;
                for (number, outcome) in player.play(&episode) {
                    match outcome {
                        Outcome::Passed { .. } => passed += 1,
                        Outcome::Failed(why) => {
                            failed += 1;
                            println!("{file}: step {number}: {why}");
                        }
                    }
                }
                if why || failed > failed_before {
                    println!("{file}: in the end");
                    explain(&player, &episode);
                }
            }
            Err(error) => {
                failed += 1;
                println!("{file}: {error}");
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays the files over HTTP. Returns whether nothing differs and nothing is left behind.
fn play_against(url: &str, arguments: &Arguments) -> Result<bool, String> {
    let account = arguments.account.as_deref().unwrap_or("anybody");
    let key = arguments.key.as_deref().unwrap_or(ANY_KEY);
    let service = Service::new(url, account, key).map_err(|error| error.to_string())?;
    if is_open(service.url()) {
        eprintln!("warning: {url} is not https, so everybody on the way can read and change what is sent");
    }
    let remote = Remote {
        service: &service,
        authorizes: arguments.key.is_some(),
        token: arguments.control_token.as_deref(),
        pools: arguments.pools,
        pause: &thread::sleep,
    };
    let (mut passed, mut differ, mut skipped, mut left) = (0, 0, 0, 0);
    for file in &arguments.files {
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        let report = remote.play(&text).map_err(|error| format!("{file}: {error}"))?;
        print_report(file, &report);
        passed += report.passed;
        differ += report.differ.len();
        skipped += report.skipped.len();
        left += report.left.len();
    }
    println!("{passed} passed, {differ} differ, {skipped} skipped");
    Ok(differ + left == 0)
}

/// Whether requests leave this machine without encryption.
fn is_open(url: &str) -> bool {
    let Some(host) = url.strip_prefix("http://") else { return false };
    let name = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(host, |(name, _)| name);
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    !address.map_or_else(|_| name.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

fn print_report(file: &str, report: &Report) {
    for (number, why) in &report.differ {
        println!("{file}: step {number}: {why}");
    }
    for run in report.skipped.chunk_by(|(_, why), (_, next)| why == next) {
        if let [(first, why), ..] = run {
            println!("{file}: {} skipped from step {first} on: {why}", run.len());
        }
    }
    for resource in &report.left {
        println!("{file}: {resource} was not deleted in time");
    }
}

/// Writes the smallest part of an episode that fails likewise.
fn reduce(file: &str, output: Option<&str>) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let shrunk = shrink::shrink(&text)?;
    let (before, after) = shrunk.steps;
    eprintln!("{before} steps became {after} ({} tried). It fails so: {}", shrunk.tried, shrunk.why);
    if shrunk.failing > 1 {
        eprintln!("{} other steps failed too, and are not in it.", shrunk.failing - 1);
    }
    if let Some(output) = output {
        return fs::write(output, shrunk.text).map_err(|error| format!("{output}: {error}"));
    }
    print!("{}", shrunk.text);
    Ok(())
}

/// Says what has not happened by the end of an episode, and why.
fn explain(player: &Player, episode: &Episode) {
    for reason in episode.steps.last().map(|step| player.reasons(step.at())).unwrap_or_default() {
        println!("   {reason}");
    }
}

/// Shows a newcomer how a job ends: every step, the facts and instructions (`->`) that follow from it, and
/// the states that are new after it (`==`).
fn narrate(why: bool) -> ExitCode {
    let episode = match Episode::parse(OWN) {
        Ok(episode) => episode,
        Err(error) => {
            println!("the project's own episode: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}\n", episode.says);
    let mut player = Player::new(&episode);
    let mut failed = 0;
    let mut before = Vec::new();
    for step in &episode.steps {
        println!("{}  {step}", step.clock_time());
        match player.step(step) {
            Outcome::Passed { effects } => {
                for effect in effects {
                    match effect {
                        Effect::Fact(fact) => println!("               {fact}"),
                        Effect::Instruction(instruction) => println!("            -> {instruction}"),
                    }
                }
            }
            Outcome::Failed(why) => {
                failed += 1;
                println!("            !! {why}");
            }
        }
        let states = player.states();
        for line in states.iter().filter(|line| !before.contains(*line)) {
            println!("            == {line}");
        }
        before = states;
    }
    if why || failed > 0 {
        println!();
        explain(&player, &episode);
    }
    println!("\n{} passed, {failed} failed", episode.steps.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
