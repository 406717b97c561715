//! An account that steps are made on.

use alloc::vec::Vec;

use crate::{
    Account, Effect, Instruction, TimeSpan, Timestamp,
    rest::{self, Answer, OwnedRequest, Request},
    testing::{
        call::{Call, Refused},
        input::Input,
        past::Past,
        step::Step,
    },
};

/// An account with a clock of its own, on which a sequence's steps are made.
///
/// ```
/// use azbatch::testing::{Driver, Sequence, Start};
///
/// let sequence = Sequence::new(Start::Usual, [
///     [14, 0, 0, 0, 0, 0, 0, 0], // add job Job-1 to pool-1
///     [50, 0, 0, 0, 0, 0, 0, 6], // 1 s later: terminate Job-1
///     [0, 0, 0, 0, 0, 0, 0, 15], // at the deadline: tick
/// ]);
/// let mut driver = Driver::new(sequence.start());
/// let outcomes: Vec<_> = sequence.iter().map(|step| driver.step(step)).collect();
/// assert_eq!(outcomes[2].effects()[0].to_string(), "job Job-1: completed");
/// ```
#[derive(Clone, Debug)]
pub struct Driver {
    account: Account,
    now: Timestamp,
    past: Past,
}

/// What came of an input.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The call that the input was; `None` if it found nothing to be about.
    pub call: Option<Call>,
    /// What followed, or why the call was refused.
    pub result: Result<Vec<Effect>, Refused>,
}

impl Outcome {
    /// The effects; none if the call was refused.
    pub fn effects(&self) -> &[Effect] {
        self.result.as_deref().unwrap_or_default()
    }

    /// What nodes and the host have to do now.
    pub fn instructions(&self) -> impl Iterator<Item = &Instruction> {
        Effect::instructions(self.effects())
    }

    /// Whether the call was refused.
    pub fn is_refused(&self) -> bool {
        self.result.is_err()
    }
}

impl Driver {
    /// An empty account.
    pub fn new(now: Timestamp) -> Self {
        Self::with_account(Account::new("https://contoso.westus.batch.azure.com"), now)
    }

    /// An account that there is already.
    pub fn with_account(account: Account, now: Timestamp) -> Self {
        Self { account, now, past: Past::default() }
    }

    /// The account.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What nodes were told and have reported.
    pub fn past(&self) -> &Past {
        &self.past
    }

    /// The account, when it is no longer driven.
    pub fn into_account(self) -> Account {
        self.account
    }

    /// Makes a step: moves the clock, then feeds the input.
    pub fn step(&mut self, step: Step) -> Outcome {
        self.now = step.clock().from(self.now, &self.account);
        self.feed(&step.input())
    }

    /// Feeds an input now.
    pub fn feed(&mut self, input: &Input) -> Outcome {
        let Some(call) = input.call(&self.account, &self.past, self.now) else {
            return Outcome { call: None, result: Ok(Vec::new()) };
        };
        self.call(call)
    }

    /// Makes a call now.
    pub fn call(&mut self, call: Call) -> Outcome {
        let result = call.make(&mut self.account, self.now);
        let report = if let Call::Report(report) = &call { Some(report) } else { None };
        self.past.note(report, result.as_deref().unwrap_or_default());
        Outcome { call: Some(call), result }
    }

    /// Answers a request over REST now. If it arrived too long ago, it has timed out ([F4](crate::evidence#f4)).
    pub fn send(&mut self, request: &Request<'_>) -> Answer {
        let answer = rest::answer(&mut self.account, request, self.now);
        self.past.note(None, &answer.effects);
        answer
    }

    /// Answers a request over REST as if it had arrived now.
    pub fn receive(&mut self, request: &OwnedRequest) -> Answer {
        request.with(|request| self.send(&Request { received: self.now, ..*request }))
    }

    /// Lets time pass, with a tick whenever one is due. Returns the effects.
    ///
    /// A timeout of hours takes no time:
    ///
    /// ```
    /// use azbatch::{job::JobStateName, testing::{Driver, Sequence, Start}};
    ///
    /// let sequence = Sequence::new(Start::Usual, [
    ///     [11, 0, 0, 0, 0, 0, 0, 0],  // add node Node-a to pool-1 (slots: 3)
    ///     [14, 0, 0, 0, 0, 0, 0, 0],  // add job Job-1 to pool-1
    ///     [17, 0, 0, 0, 0, 0, 0, 0],  // add task 1 to Job-1
    ///     [25, 0, 0, 0, 0, 0, 0, 0],  // assign an active task (choice 0)
    ///     [50, 0, 0, 0, 0, 1, 0, 0],  // terminate Job-1 by force
    /// ]);
    /// let mut driver = sequence.run();
    /// let state = |driver: &Driver| driver.account().jobs().next().map(|job| job.state().name());
    /// assert_eq!(state(&driver), Some(JobStateName::Terminating));
    /// driver.wait(driver.account().force_timeout());
    /// assert_eq!(state(&driver), Some(JobStateName::Completed));
    /// ```
    pub fn wait(&mut self, span: TimeSpan) -> Vec<Effect> {
        let end = self.now.saturating_add(span);
        let mut effects = Vec::new();
        while let Some(due) = self.account.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let ticked = self.account.tick(self.now);
            self.past.note(None, &ticked);
            effects.extend(ticked);
        }
        self.now = end;
        effects
    }
}
