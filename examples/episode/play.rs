//! Playing an episode against the crate.

use std::fmt;

use azbatch::{
    Account, Effect, Report, RunId, Task, Timestamp,
    rest::{self, Request},
};

use super::{
    Action, Episode, ReportStep, RequestStep, Step,
    expect::{Came, Difference},
};

/// How a step went.
pub enum Outcome {
    Passed { effects: Vec<Effect> },
    Failed(Failure),
}

/// Why a step failed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The answer differs from what the step expects.
    Answer { step: String, difference: Box<Difference> },
    /// The crate does not model what is asked for.
    NotModelled { step: String, body: String },
    /// What came of it is not what the step says: accepted, or refused for this reason.
    Refusal { step: String, expected: Option<String>, came: Option<String> },
    /// The account contradicts itself after it.
    Violation { step: String, violation: String },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |refusal: &Option<String>| {
            refusal.as_ref().map_or("no refusal".into(), |why| format!("the refusal \"{why}\""))
        };
        match self {
            Self::Answer { step, difference } => write!(f, "{step}: {difference}"),
            Self::NotModelled { step, body: why } | Self::Violation { step, violation: why } => {
                write!(f, "{step}: {why}")
            }
            Self::Refusal { step, expected, came } => {
                write!(f, "{step}: expected {}, came {}", words(expected), words(came))
            }
        }
    }
}

/// An account in the middle of an episode.
pub struct Player {
    account: Account,
    /// The answer to the latest request.
    answer: Option<rest::Response>,
}

/// What came of an input: its effects, or why it was refused.
type Played = Result<Vec<Effect>, String>;

impl Episode {
    /// The account as the episode finds it, with this URL.
    pub fn new_account(&self, url: &str) -> Account {
        let setup = &self.setup;
        let mut account = Account::new(url).with_supported_images(setup.supported_images.clone());
        if let Some(wait) = setup.force_wait {
            account = account.with_force_timeout(wait);
        }
        let start = self.steps.first().map_or(Timestamp::MIN, |step| step.at);
        for (pool, node, slots) in &setup.nodes {
            // An episode that names a node twice means the same node.
            let _ = account.add_unmanaged_node(pool, node, *slots, start);
        }
        account
    }
}

/// Whatever is no request.
///
/// # Errors
/// The account's refusal.
pub fn input(account: &mut Account, action: &Action, at: Timestamp) -> Played {
    let words = |error: &dyn fmt::Display| error.to_string();
    match action {
        Action::Request(_) | Action::Note(_) => Ok(Vec::new()),
        Action::Tick => Ok(account.tick(at)),
        Action::Schedule => Ok(account.schedule(at)),
        Action::Assign { job, task, node } => {
            account.assign(job, task, node, at).map_err(|error| words(&error))
        }
        Action::Report(report) => Ok(account.report(&numbered(account, report), at)),
        Action::Node { node, event } => Ok(account.node_event(node, *event, at)),
        Action::AddNode { pool, node, slots: None } => {
            account.add_node(pool, node, at).map_err(|error| words(&error))
        }
        Action::AddNode { pool, node, slots: Some(slots) } => {
            account.add_unmanaged_node(pool, node, *slots, at).map_err(|error| words(&error))
        }
        Action::RemoveNode { pool, node, tasks } => {
            account.remove_unmanaged_node(pool, node, *tasks, at).map_err(|error| words(&error))
        }
        Action::RemoteLogin { node, login } => Ok(account.set_remote_login(node, *login)),
        Action::AddAutoPool { job, pool } => {
            account.add_auto_pool(job, pool, at).map_err(|error| words(&error))
        }
        Action::RefuseAutoPool { job, failure } => Ok(account.refuse_auto_pool(job, failure)),
    }
}

/// The report with its run. No run has the number 0, so a report with it changes nothing.
fn numbered(account: &Account, step: &ReportStep) -> Report {
    let ReportStep { job, node, unit, run, event } = step;
    let of_number = |number| RunId { job: job.clone(), node: node.clone(), unit: unit.clone(), number };
    let current = || account.current_run(job, node, unit).unwrap_or_else(|| of_number(0));
    Report { run: run.map_or_else(current, of_number), event: event.clone() }
}

impl Player {
    /// The account as the episode finds it.
    pub fn new(episode: &Episode) -> Self {
        Self { account: episode.new_account(&episode.account), answer: None }
    }

    /// Plays every step; numbers start at 1.
    pub fn play(&mut self, episode: &Episode) -> Vec<(usize, Outcome)> {
        episode.steps.iter().enumerate().map(|(index, step)| (index + 1, self.step(step))).collect()
    }

    /// Plays one step.
    pub fn step(&mut self, step: &Step) -> Outcome {
        let name = || step.to_string();
        let played = if let Action::Request(request) = &step.action {
            match self.request(request, step.at, name) {
                Ok(effects) => Ok(effects),
                Err(failure) => return Outcome::Failed(failure),
            }
        } else {
            input(&mut self.account, &step.action, step.at)
        };
        let effects = match (played, &step.refused) {
            (Ok(effects), None) => effects,
            (Err(came), Some(expected)) if came == *expected => Vec::new(),
            (played, expected) => {
                let expected = expected.clone();
                return Outcome::Failed(Failure::Refusal { step: name(), expected, came: played.err() });
            }
        };
        match self.account.check() {
            Ok(()) => Outcome::Passed { effects },
            Err(violation) => {
                Outcome::Failed(Failure::Violation { step: name(), violation: violation.to_string() })
            }
        }
    }

    fn request(
        &mut self,
        step: &RequestStep,
        at: Timestamp,
        name: impl Fn() -> String,
    ) -> Result<Vec<Effect>, Failure> {
        let headers: Vec<(&str, &[u8])> =
            step.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let request = Request {
            method: &step.method,
            target: &step.target,
            headers: &headers,
            body: &step.body,
            received: step.received,
            request_id: step.request_id,
        };
        let answer = rest::answer(&mut self.account, &request, at);
        let response = self.answer.insert(answer.response);
        // Where a status is expected, the comparison says so.
        if response.status == 501 && step.expect.status.is_none() {
            let body = String::from_utf8_lossy(&response.body).into_owned();
            return Err(Failure::NotModelled { step: name(), body });
        }
        let headers = response.headers.iter().collect();
        let came = Came { status: response.status, headers, body: &response.body };
        let compared = step.expect.compare(&came);
        let failure = |difference| Failure::Answer { step: name(), difference: Box::new(difference) };
        compared.map_err(failure)?;
        Ok(answer.effects)
    }

    /// The account as it is now.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The answer to the latest request.
    pub fn answer(&self) -> Option<&rest::Response> {
        self.answer.as_ref()
    }

    /// Why jobs have not ended and tasks are not running at this time, a line for each reason.
    pub fn reasons(&self, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        for job in self.account.jobs() {
            let id = job.id();
            for reason in self.account.why_not_ended(id, now).unwrap_or_default() {
                let until = reason.until().map(|until| format!(" (until {until})")).unwrap_or_default();
                lines.push(format!("job {id} has not ended: {reason}{until}"));
            }
            for task in job.tasks().map(Task::id) {
                for reason in self.account.why_not_running(id, task, now).unwrap_or_default() {
                    lines.push(format!("task {task} of job {id} is not running: {reason}"));
                }
            }
        }
        lines
    }

    /// The states of all jobs and tasks, a line each.
    pub fn states(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for job in self.account.jobs() {
            lines.push(format!("job {} is {}", job.id(), job.state().name().as_str()));
            for task in job.tasks() {
                lines.push(format!("task {} is {}", task.id(), task.state().name().as_str()));
            }
        }
        lines
    }
}
