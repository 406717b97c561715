//! Runs the tests that reach a mutant, with it on, until one fails.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use wait_timeout::ChildExt;

use crate::{mutants::Number, outcomes::Outcome};

/// What a test may take at least, on a busy machine.
const MIN_TIMEOUT: Duration = Duration::from_secs(20);
/// How many times longer than without a mutant a test may take.
const TIMEOUT_FACTOR: u32 = 8;

/// A test, and what is known of it.
pub struct Test {
    program: PathBuf,
    name: String,
    took: Duration,
}

/// The tests, the quickest first, and the places in this list of those that reach each mutant.
pub struct Reach {
    pub tests: Vec<Test>,
    pub by_mutant: BTreeMap<Number, Vec<usize>>,
}

/// Runs each test by itself with no mutant on.
///
/// # Errors
/// A test fails, or a program cannot be run.
pub fn reach(
    tree: &Path,
    programs: &[PathBuf],
    scratch: &Path,
    threads: usize,
) -> Result<Reach, Box<dyn Error>> {
    let mut names = Vec::new();
    for program in programs {
        let list = Command::new(program).args(["--list", "--format", "terse"]).current_dir(tree).output()?;
        for line in String::from_utf8(list.stdout)?.lines() {
            names.extend(line.strip_suffix(": test").map(|name| (program.clone(), name.to_owned())));
        }
    }
    let done = Mutex::new(Vec::new());
    let failed = Mutex::new(Vec::new());
    each(threads, names.len(), |index| {
        let (program, name) = &names[index];
        let reached = scratch.join(format!("reached-{index}.txt"));
        let begun = Instant::now();
        let mut command = test(tree, program, name);
        let passed = command.env("MUTANTS_REACHED", &reached).status().is_ok_and(|status| status.success());
        let took = begun.elapsed();
        let numbers: Vec<Number> = fs::read_to_string(&reached)
            .map(|text| text.lines().filter_map(|line| line.parse().ok()).collect())
            .unwrap_or_default();
        fs::remove_file(&reached).ok();
        if passed {
            lock(&done).push((Test { program: program.clone(), name: name.clone(), took }, numbers));
        } else {
            lock(&failed).push(name.clone());
        }
    });
    let failed = failed.into_inner()?;
    if !failed.is_empty() {
        return Err(format!("without a mutant these fail: {}", failed.join(", ")).into());
    }
    let mut done = done.into_inner()?;
    done.sort_by(|(left, _), (right, _)| (left.took, &left.name).cmp(&(right.took, &right.name)));
    let mut by_mutant: BTreeMap<Number, Vec<usize>> = BTreeMap::new();
    for (index, (_, numbers)) in done.iter().enumerate() {
        for number in numbers {
            by_mutant.entry(*number).or_default().push(index);
        }
    }
    Ok(Reach { tests: done.into_iter().map(|(test, _)| test).collect(), by_mutant })
}

impl Reach {
    /// Whether a test notices a mutant, and which. The tests run one after the other, the quickest first.
    pub fn outcome(&self, tree: &Path, number: Number) -> (Outcome, Option<&str>) {
        for index in self.by_mutant.get(&number).into_iter().flatten() {
            let test = &self.tests[*index];
            let limit = MIN_TIMEOUT.max(test.took * TIMEOUT_FACTOR);
            match test.run(tree, number, limit) {
                Some(true) => {}
                Some(false) => return (Outcome::Caught, Some(&test.name)),
                None => return (Outcome::TimedOut, Some(&test.name)),
            }
        }
        (Outcome::Missed, None)
    }

    /// Whether a test notices what is in these programs, and which. All tests run, the quickest first.
    pub fn outcome_of(&self, tree: &Path, programs: &[PathBuf]) -> (Outcome, Option<&str>) {
        for test in &self.tests {
            let limit = MIN_TIMEOUT.max(test.took * TIMEOUT_FACTOR);
            let Some(program) = programs.iter().find(|program| name(program) == name(&test.program)) else {
                return (Outcome::Left, None);
            };
            match run(self::test(tree, program, &test.name), limit) {
                Some(true) => {}
                Some(false) => return (Outcome::Caught, Some(&test.name)),
                None => return (Outcome::TimedOut, Some(&test.name)),
            }
        }
        (Outcome::Missed, None)
    }

    /// How long all tests that reach a mutant take.
    pub fn time(&self, number: Number) -> Duration {
        self.by_mutant.get(&number).into_iter().flatten().map(|index| self.tests[*index].took).sum()
    }
}

impl Test {
    /// Whether it passes with a mutant on; `None` if it does not end in time.
    fn run(&self, tree: &Path, number: Number, limit: Duration) -> Option<bool> {
        let mut command = test(tree, &self.program, &self.name);
        command.env("MUTANT", number.to_string());
        run(command, limit)
    }
}

/// Whether a program succeeds; `None` if it does not end in time.
fn run(mut command: Command, limit: Duration) -> Option<bool> {
    let mut child = command.spawn().ok()?;
    if let Ok(Some(status)) = child.wait_timeout(limit) {
        return Some(status.success());
    }
    child.kill().ok();
    child.wait().ok();
    None
}

/// The name of a test program without the hash that cargo appends.
fn name(program: &Path) -> Option<&str> {
    Some(program.file_name()?.to_str()?.rsplit_once('-')?.0)
}

fn test(tree: &Path, program: &Path, name: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", name, "--test-threads", "1"]).current_dir(tree);
    // A failure needs no small example here. One test looks at how small it gets, which takes a second.
    command.env("PROPTEST_MAX_SHRINK_TIME", "10000");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Calls with each number below a limit, on several threads.
pub fn each(threads: usize, limit: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let index = next.fetch_add(1, Ordering::Relaxed)
                    && index < limit
                {
                    work(index);
                }
            });
        }
    });
}

pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
