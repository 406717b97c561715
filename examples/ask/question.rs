//! What is asked, and what each answer would mean.

use super::{
    cells::Cell,
    conversation::{Conversation, Stop},
};

/// What a few requests take, in seconds.
const BRIEF: u32 = 3;
/// What it takes until a task runs and has ended again, in seconds.
const ON_A_NODE: u32 = 20;

pub type Answer = Result<String, Stop>;

/// A question to the service.
pub struct Question {
    /// By which it can be chosen on the command line.
    pub name: String,
    /// The rules that it is about, by their ids.
    pub rules: Vec<String>,
    pub asks: String,
    /// Whether it needs a pool with a node on which a task can run.
    pub needs_node: bool,
    /// How long it takes the service, roughly.
    pub seconds: u32,
    /// What it makes.
    pub makes: Makes,
    steps: Steps,
    /// The answers that are foreseen, the assumed one first.
    pub foreseen: Vec<Foreseen>,
}

/// What a question makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Makes {
    pub jobs: usize,
    pub tasks: usize,
    pub schedules: usize,
}

/// The conversation, from which the answer follows.
enum Steps {
    Cell(Cell),
    Own(fn(&mut Conversation<'_>) -> Answer),
}

/// An answer that is foreseen.
pub struct Foreseen {
    /// The answer, or the beginning of it and a `*`. After a space, and alone, it stands for something.
    pub answer: String,
    pub means: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    AsAssumed,
    Refuted,
    /// None of the answers that are foreseen.
    Unclear,
    Skipped,
}

impl Verdict {
    pub fn text(self) -> &'static str {
        match self {
            Self::AsAssumed => "as assumed",
            Self::Refuted => "refuted",
            Self::Unclear => "unclear",
            Self::Skipped => "skipped",
        }
    }
}

impl Foreseen {
    fn matches(&self, answer: &str) -> bool {
        match self.answer.strip_suffix('*') {
            Some(beginning) => answer.strip_prefix(beginning).is_some_and(|rest| {
                // Where a word is expected, none is no answer.
                let is_word = beginning.is_empty() || beginning.ends_with(' ');
                !is_word || rest.contains(char::is_alphanumeric)
            }),
            None => self.answer == answer,
        }
    }
}

impl Question {
    pub fn new(name: &str, rules: &[&str], asks: &str, steps: fn(&mut Conversation<'_>) -> Answer) -> Self {
        Self {
            name: name.into(),
            rules: rules.iter().map(ToString::to_string).collect(),
            asks: asks.into(),
            needs_node: false,
            seconds: BRIEF,
            makes: Makes::default(),
            steps: Steps::Own(steps),
            foreseen: Vec::new(),
        }
    }

    pub fn of_cell(cell: Cell) -> Self {
        Self {
            name: cell.id(),
            rules: vec![cell.id()],
            asks: cell.asks(),
            needs_node: cell.needs_node(),
            seconds: if cell.needs_node() { ON_A_NODE } else { BRIEF },
            makes: cell.makes(),
            foreseen: cell.foreseen(),
            steps: Steps::Cell(cell),
        }
    }

    /// A foreseen answer, or the beginning of it and a `*`; the first one is the assumed one.
    pub fn foresees(mut self, answer: &str, means: &str) -> Self {
        self.foreseen.push(Foreseen { answer: answer.into(), means: means.into() });
        self
    }

    pub fn makes(mut self, jobs: usize, tasks: usize) -> Self {
        (self.makes.jobs, self.makes.tasks) = (jobs, tasks);
        self
    }

    pub fn makes_schedules(mut self, schedules: usize) -> Self {
        self.makes.schedules = schedules;
        self
    }

    pub fn on_a_node(mut self) -> Self {
        self.needs_node = true;
        self.seconds = self.seconds.max(ON_A_NODE);
        self
    }

    /// How long it takes, if that is longer than other questions take.
    pub fn takes(mut self, seconds: u32) -> Self {
        self.seconds = seconds;
        self
    }

    /// Its rules and its name.
    pub fn title(&self) -> String {
        match &self.rules[..] {
            [rule] if *rule == self.name => self.name.clone(),
            rules => format!("{} {}", rules.join(","), self.name),
        }
    }

    /// The answer that is assumed.
    pub fn assumed(&self) -> &str {
        self.foreseen.first().map_or("", |foreseen| &foreseen.answer)
    }

    /// Has the conversation.
    pub fn has(&self, conversation: &mut Conversation<'_>) -> Answer {
        if self.needs_node && conversation.run.pool.is_none() {
            return Err(Stop::Skipped("it needs --pool, with a node".into()));
        }
        match &self.steps {
            Steps::Cell(cell) => cell.ask(conversation),
            Steps::Own(steps) => steps(conversation),
        }
    }

    pub fn verdict(&self, answer: &str) -> Verdict {
        match self.foreseen.iter().position(|foreseen| foreseen.matches(answer)) {
            Some(0) => Verdict::AsAssumed,
            Some(_) => Verdict::Refuted,
            None => Verdict::Unclear,
        }
    }

    /// What an answer means, if it is foreseen.
    pub fn meaning(&self, answer: &str) -> Option<&str> {
        self.foreseen.iter().find(|foreseen| foreseen.matches(answer)).map(|foreseen| &*foreseen.means)
    }
}
