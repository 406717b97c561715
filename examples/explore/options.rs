//! The options of the command line.

use std::{fmt::Display, path::PathBuf, str::FromStr, time::Duration};

use crate::world::Scope;

pub const HELP: &str = "\
Explores every order of events in a small world: one job on one pool.

cargo run --release --example explore -- check [OPTIONS]    explores, and says what holds
cargo run --release --example explore -- serve [OPTIONS]    shows the world in a browser

The world:
  --tasks 0..=3           tasks of the job (1)
  --nodes 0..=2           nodes of the pool (1)
  --slots 1..=3           slots of each node (1)
  --preparation           the job has a preparation task
  --release               the job has a release task, and with it a preparation task
  --manager               the job has a manager task, whose end ends the job
  --dependencies          the other tasks depend on the first
  --retries 0..=3         how often a failed task is retried (0)
  --on-all-tasks-complete noaction|terminate
                          what becomes of the job when its tasks are completed (noaction)

How often in a run:
  --requests N            users ask for something (1)
  --failures N            runs fail (0)
  --node-events N         something happens to a node that nobody asked for (0)
  --resizes N             users resize the pool, or remove nodes from it (0)

The exploration:
  --seconds N             ends after this time
  --transitions N         ends after this many transitions
  --threads N             threads (1)
  --no-symmetry           alike tasks and alike nodes do not stand for each other
  --breadth-first         finds the shortest way to a fault, with more memory and without symmetry
  --whole                 accounts that differ in what is only shown are different states, and those
                          that look alike are compared; without symmetry
  --planted-fault         with a property that does not hold, to see what is printed then
  --episode FILE          writes the episode of a fault there
  --port N                port for `serve`, on loopback (3000)

Not there: low-priority nodes, adding or deleting a pool, conditions (ETags), maxWallClockTime of jobs and tasks,
exit conditions and onTaskFailure, most changes by PATCH and PUT, job schedules, auto pools.
";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Check,
    Serve,
}

/// What the command line asks for.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct Options {
    pub command: Command,
    pub scope: Scope,
    pub limit: Option<Duration>,
    /// After how many transitions to end.
    pub bound: Option<usize>,
    pub threads: usize,
    pub symmetry: bool,
    pub breadth_first: bool,
    pub whole: bool,
    pub planted: bool,
    pub episode: Option<PathBuf>,
    pub port: u16,
}

impl Options {
    /// Reads the command line; `None` if it asks for help.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let command = match arguments.next().as_deref() {
            Some("check") => Command::Check,
            Some("serve") => Command::Serve,
            None | Some("--help" | "-h") => return Ok(None),
            Some(other) => return Err(format!("there is no command {other}")),
        };
        let mut options = Self {
            command,
            scope: Scope::SMALL,
            limit: None,
            bound: None,
            threads: 1,
            symmetry: true,
            breadth_first: false,
            whole: false,
            planted: false,
            episode: None,
            port: 3000,
        };
        while let Some(name) = arguments.next() {
            if name == "--help" || name == "-h" {
                return Ok(None);
            }
            if !options.flag(&name) {
                let value = arguments
                    .next()
                    .ok_or_else(|| format!("there is no option {name}, or no value for it"))?;
                options.value(&name, &value)?;
            }
        }
        options.scope.preparation |= options.scope.release;
        options.symmetry &= !options.whole;
        Ok(Some(options))
    }

    /// Takes an option without a value, if it is one.
    fn flag(&mut self, name: &str) -> bool {
        let scope = &mut self.scope;
        match name {
            "--preparation" => scope.preparation = true,
            "--release" => scope.release = true,
            "--manager" => scope.manager = true,
            "--dependencies" => scope.dependencies = true,
            "--no-symmetry" => self.symmetry = false,
            "--breadth-first" => self.breadth_first = true,
            "--whole" => self.whole = true,
            "--planted-fault" => self.planted = true,
            _ => return false,
        }
        true
    }

    fn value(&mut self, name: &str, value: &str) -> Result<(), String> {
        let scope = &mut self.scope;
        let small = |least, most| number(name, value, least, most);
        match name {
            "--tasks" => scope.tasks = small(0, Scope::MAX_TASKS)?,
            "--nodes" => scope.nodes = small(0, Scope::MAX_NODES)?,
            "--slots" => scope.slots = small(1, 3)?,
            "--retries" => scope.retries = small(0, 3)?,
            "--on-all-tasks-complete" => {
                scope.ends_with_its_tasks = match value {
                    "noaction" => false,
                    "terminate" => true,
                    _ => return Err(format!("{name} takes noaction or terminate, not {value}")),
                }
            }
            "--requests" => scope.left.requests = small(0, 9)?,
            "--failures" => scope.left.failures = small(0, 9)?,
            "--node-events" => scope.left.node_events = small(0, 9)?,
            "--resizes" => scope.left.resizes = small(0, 9)?,
            "--seconds" => self.limit = Some(Duration::from_secs(number(name, value, 1, 1_000_000)?)),
            "--transitions" => self.bound = Some(number(name, value, 1, usize::MAX)?),
            "--threads" => self.threads = number(name, value, 1, 64)?,
            "--port" => self.port = number(name, value, 1, u16::MAX)?,
            "--episode" => self.episode = Some(value.into()),
            _ => return Err(format!("there is no option {name}")),
        }
        Ok(())
    }
}

fn number<T: FromStr + PartialOrd + Display + Copy>(
    name: &str,
    value: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    let number = value.parse().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("{name} takes a number from {least} to {most}, not {value}"))
}
