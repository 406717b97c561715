//! Every order of events in a small world, explored by the model checker `stateright`.
//!
//! `cargo run --release --example explore -- check` says whether the laws hold in each state that there can be, and
//! prints a fault as an episode for `cargo run --example replay`. With `serve`, a browser shows each state and what
//! can happen in it.

mod options;
mod world;

use std::{env, fs, process::ExitCode, time::Instant};

use options::{Command, HELP, Options};
use stateright::{
    Checker, CheckerBuilder, HasDiscoveries, Model, Path,
    report::{ReportData, ReportDiscovery, Reporter},
};
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
    let until = options.limit.and_then(|limit| Instant::now().checked_add(limit));
    let service = Service::new(options.scope).until(until);
    // The notes compare the worlds that look alike.
    let service = if options.whole { service.telling_all_apart().with_notes() } else { service };
    if options.planted { service.with_planted_fault() } else { service }
}

fn check(builder: CheckerBuilder<Service>, options: &Options) -> ExitCode {
    let begun = Instant::now();
    let builder = match options.bound {
        Some(bound) => builder.target_state_count(bound),
        None => builder,
    };
    if options.breadth_first {
        let checker = builder.spawn_bfs().join_and_report(&mut Progress::new(begun));
        return tell(&checker, begun, options);
    }
    let builder = if options.symmetry { builder.symmetry() } else { builder };
    let checker = builder.spawn_dfs().join_and_report(&mut Progress::new(begun));
    tell(&checker, begun, options)
}

/// Prints what was found.
fn tell(checker: &impl Checker<Service>, begun: Instant, options: &Options) -> ExitCode {
    let (service, took) = (checker.model(), begun.elapsed());
    let faults = checker.discoveries();
    let transitions = transitions(checker.state_count());
    let is_cut_off = service.is_over() || options.bound.is_some_and(|bound| checker.state_count() >= bound);
    let is_whole = faults.is_empty() && !is_cut_off;
    println!("{} states, {transitions} transitions", checker.unique_state_count());
    println!("{} steps from the first state to the last", checker.max_depth().saturating_sub(1));
    println!("{:.1} s, {} transitions a second", took.as_secs_f64(), rate(transitions, begun));
    println!("{}", if is_whole { "That is the whole world." } else { "That is not the whole world." });
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
fn transitions(states: usize) -> usize {
    states.saturating_sub(1)
}

fn rate(transitions: usize, begun: Instant) -> u128 {
    transitions as u128 * 1000 / begun.elapsed().as_millis().max(1)
}

/// Tells every ten seconds how far an exploration is.
struct Progress {
    begun: Instant,
    told: u64,
}

impl Progress {
    fn new(begun: Instant) -> Self {
        Self { begun, told: 0 }
    }
}

impl Reporter<Service> for Progress {
    fn report_checking(&mut self, data: ReportData) {
        let tens = self.begun.elapsed().as_secs() / 10;
        if tens > self.told && !data.done {
            self.told = tens;
            let transitions = transitions(data.total_states);
            let rate = rate(transitions, self.begun);
            eprintln!("{} states, {transitions} transitions, {rate} a second", data.unique_states);
        }
    }

    fn report_discoveries(
        &mut self,
        _: &Service,
        _: std::collections::BTreeMap<&'static str, ReportDiscovery<Service>>,
    ) {
    }

    fn delay(&self) -> std::time::Duration {
        std::time::Duration::from_millis(50)
    }
}
