//! Every order of events in a small world, explored by the model checker `stateright`.
//!
//! `cargo run --release --example explore -- check` says whether the laws hold in each state that there can be, and
//! prints a fault as an episode for `cargo run --example replay`. With `serve`, a browser shows each state and what
//! can happen in it.

mod options;
mod world;

use std::{
    env, fs,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use options::{Command, HELP, Options};
use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model, Path};
use world::{Action, Service, World};

fn main() -> ExitCode {
    match Options::parse(env::args().skip(1)) {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}\n\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> ExitCode {
    let builder = service(options).checker().threads(options.threads);
    match options.command {
        Command::Serve => {
            println!("http://127.0.0.1:{}", options.port);
            builder.serve(("127.0.0.1", options.port));
            ExitCode::SUCCESS
        }
        Command::Check => check(builder.finish_when(HasDiscoveries::AnyFailures), options),
    }
}

fn service(options: &Options) -> Service {
    let service = Service::new(options.scope);
    // The notes compare the worlds that look alike.
    let service = if options.whole { service.telling_all_apart().with_notes() } else { service };
    if options.planted { service.with_planted_fault() } else { service }
}

fn check(builder: CheckerBuilder<Service>, options: &Options) -> ExitCode {
    let builder = match options.bound {
        Some(bound) => builder.target_state_count(bound),
        None => builder,
    };
    if options.breadth_first {
        return explore(builder.spawn_bfs(), options);
    }
    let builder = if options.symmetry { builder.symmetry() } else { builder };
    explore(builder.spawn_dfs(), options)
}

/// Waits until all is explored or the time is over, and prints what was found.
///
/// This does not use the time limit of stateright, which a single thread never looks at.
fn explore(mut checker: impl Checker<Service>, options: &Options) -> ExitCode {
    let begun = Instant::now();
    let (mut depth_in_time, mut told) = (None, 0);
    let threads = checker.handles();
    while threads.iter().any(|thread| !thread.is_finished()) {
        thread::sleep(Duration::from_millis(20));
        let tens = begun.elapsed().as_secs() / 10;
        if tens > told {
            told = tens;
            let (states, transitions) = (checker.unique_state_count(), transitions(&checker));
            eprintln!(
                "{states} states, {transitions} transitions, {} a second",
                rate(transitions, begun.elapsed())
            );
        }
        if depth_in_time.is_none() && options.limit.is_some_and(|limit| limit <= begun.elapsed()) {
            depth_in_time = Some(checker.max_depth());
            checker.model().stop();
        }
    }
    for thread in threads {
        thread.join().expect("an explorer panicked");
    }
    checker.model().resume();
    tell(&checker, begun.elapsed(), depth_in_time, options)
}

/// Prints what was found.
fn tell(
    checker: &impl Checker<Service>,
    took: Duration,
    depth_in_time: Option<usize>,
    options: &Options,
) -> ExitCode {
    let service = checker.model();
    let faults = checker.discoveries();
    let transitions = transitions(checker);
    let is_cut_off =
        depth_in_time.is_some() || options.bound.is_some_and(|bound| checker.state_count() >= bound);
    let is_whole = faults.is_empty() && !is_cut_off;
    println!("{} states, {transitions} transitions", checker.unique_state_count());
    let depth = depth_in_time.unwrap_or(checker.max_depth());
    println!("longest path: {} steps", depth.saturating_sub(1));
    println!("{:.1} s, {} transitions a second", took.as_secs_f64(), rate(transitions, took));
    println!("{}", if is_whole { "That is the whole world." } else { "That is not the whole world." });
    // More threads do not go step by step.
    if is_cut_off && faults.is_empty() && options.breadth_first && options.threads == 1 {
        println!("Every path of fewer than {} steps was seen.", depth.saturating_sub(1));
    }
    for property in service.properties() {
        let verdict = match (faults.contains_key(property.name), is_whole) {
            (true, _) => "does not hold",
            (false, true) => "holds",
            (false, false) => "held so far",
        };
        println!("{verdict}: {}", property.name);
    }
    for (name, path) in &faults {
        tell_fault(service, name, path, options);
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints how a state came to be in which a property does not hold.
fn tell_fault(service: &Service, name: &str, path: &Path<World, Action>, options: &Options) {
    let world = path.last_state();
    let why = service.violation(name, world).map_or(String::new(), |violation| violation.to_string());
    let says = format!("It does not hold that {name}: {why}");
    let actions = path.clone().into_actions();
    println!("\n{says}\n\n{world:?}\nafter");
    for action in &actions {
        println!("  {action}");
    }
    let episode = service.episode(&says, &actions);
    match &options.episode {
        None => println!("\n{episode}"),
        Some(file) => match fs::write(file, episode) {
            Ok(()) => println!("\nThe episode is in {}.", file.display()),
            Err(error) => println!("\n{}: {error}", file.display()),
        },
    }
}

/// Stateright counts the first state too.
fn transitions(checker: &impl Checker<Service>) -> usize {
    checker.state_count().saturating_sub(1)
}

fn rate(transitions: usize, took: Duration) -> u128 {
    transitions as u128 * 1000 / took.as_millis().max(1)
}
