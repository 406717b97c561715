//! Every order of events in a small world, by the model checker `stateright`.

mod options;
#[path = "world/mod.rs"]
mod world;

use std::{env, fs, process::ExitCode, time::Instant};

use options::{Command, HELP, Options};
use stateright::{Checker, HasDiscoveries, Model};
use world::Service;

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
    match options.command {
        Command::Check => check(options),
        Command::Serve => {
            println!("http://127.0.0.1:{}", options.port);
            let service = service(options);
            service.checker().threads(options.threads).serve(("127.0.0.1", options.port));
            ExitCode::SUCCESS
        }
    }
}

fn service(options: &Options) -> Service {
    let until = options.limit.and_then(|limit| Instant::now().checked_add(limit));
    let service = Service::new(options.scope).until(until);
    let service = if options.whole { service.telling_all_apart().with_notes() } else { service };
    if options.planted { service.with_planted_fault() } else { service }
}

fn check(options: &Options) -> ExitCode {
    let begun = Instant::now();
    let builder =
        service(options).checker().threads(options.threads).finish_when(HasDiscoveries::AnyFailures);
    let builder = if options.states > 0 { builder.target_state_count(options.states) } else { builder };
    let builder = if options.symmetry { builder.symmetry() } else { builder };
    let checker = builder.spawn_dfs().join();
    let (service, took) = (checker.model(), begun.elapsed());
    let edges = checker.state_count() - 1;
    let discoveries = checker.discoveries();
    let is_whole = !service.is_over()
        && discoveries.is_empty()
        && !(options.states > 0 && checker.state_count() >= options.states);
    println!("states:      {}", checker.unique_state_count());
    println!("transitions: {edges}");
    println!("depth:       {}", checker.max_depth() - 1);
    println!("time:        {:.1} s", took.as_secs_f64());
    println!("rate:        {} transitions a second", edges as u128 * 1000 / took.as_millis().max(1));
    println!(
        "{}",
        if is_whole { "The world was explored whole." } else { "The world was not explored whole." }
    );
    for property in service.properties() {
        let verdict = if discoveries.contains_key(property.name) { "FAILS" } else { "holds" };
        println!("{verdict}: {}", property.name);
    }
    for (name, path) in &discoveries {
        let world = path.last_state();
        let why = service.violation(name, world).map_or(String::new(), |violation| violation.to_string());
        println!("\nIt does not hold that {name}: {why}");
        println!("{world:?}");
        let actions = path.clone().into_actions();
        for action in &actions {
            println!("{action}");
        }
        let episode = service.episode(&format!("It does not hold that {name}: {why}"), &actions);
        match &options.episode {
            None => println!("{episode}"),
            Some(file) => match fs::write(file, episode) {
                Ok(()) => println!("written to {}", file.display()),
                Err(error) => println!("{}: {error}", file.display()),
            },
        }
    }
    if discoveries.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
