//! From an episode that fails to a small one that fails in the same way.
//!
//! The same way means: the step that failed first still fails, its answer has the same status, and the same part of it
//! differs. Where that part is a code, or one value in the body, the value that came is the same too. What else fails
//! does not count, and what other steps expect is left out at once. So the result shows this fault and no other.

use super::{Episode, Outcome, Player, expect::Part, ordered::Ordered, play::Failure};

/// What a candidate must do to count as failing in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    /// The part that differs, the status of the answer, and what came there.
    Answer {
        part: Part,
        status: u16,
        came: String,
    },
    NotModelled,
    Refusal {
        expected: Option<String>,
        came: Option<String>,
    },
    Violation(String),
}

impl Fault {
    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Answer { difference, .. } => {
                let came = match &difference.part {
                    Part::Code | Part::Json(_) if !difference.came.starts_with(['{', '[']) => {
                        difference.came.clone()
                    }
                    Part::Header(_) if difference.came == "(none)" => "nothing".into(),
                    // What is long or follows from a time changes with what is left out.
                    Part::Status | Part::Code | Part::Header(_) | Part::Body | Part::Json(_) => String::new(),
                };
                Self::Answer { part: difference.part.clone(), status: difference.status, came }
            }
            Failure::NotModelled { .. } => Self::NotModelled,
            Failure::Refusal { expected, came, .. } => {
                Self::Refusal { expected: expected.clone(), came: came.clone() }
            }
            Failure::Violation { violation, .. } => Self::Violation(violation.clone()),
        }
    }
}

/// A smaller episode.
#[derive(Debug)]
pub struct Shrunk {
    /// The text of its file.
    pub text: String,
    /// What fails in it, in words.
    pub why: String,
    /// How many steps the episode had, and has.
    pub steps: (usize, usize),
    /// How many steps failed at first. Only the first of them fails in the result.
    pub failing: usize,
    /// How many candidates were played.
    pub tried: usize,
}

/// Reduces an episode that fails.
///
/// # Errors
/// It cannot be read, or nothing in it fails.
pub fn shrink(text: &str) -> Result<Shrunk, String> {
    let episode = Episode::parse(text)?;
    let outcomes = Player::new(&episode).play(&episode);
    let mut failures = outcomes.iter().filter_map(|(number, outcome)| match outcome {
        Outcome::Failed(failure) => Some((*number, Fault::of(failure))),
        Outcome::Passed { .. } => None,
    });
    let (number, fault) = failures.next().ok_or("nothing fails in it")?;
    let failing = 1 + failures.count();
    let mut document: Ordered = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let steps = document.get_mut("steps").and_then(Ordered::items_mut).ok_or("no steps")?;
    // What comes after the fault cannot matter.
    steps.truncate(number);
    let mut shrinker = Shrinker { document, fault, tried: 0 };
    shrinker.run();
    shrinker.finish(episode.steps.len(), failing)
}

struct Shrinker {
    /// The smallest episode so far. The failing step is its last.
    document: Ordered,
    fault: Fault,
    tried: usize,
}

impl Shrinker {
    fn run(&mut self) {
        self.leave_out_what_others_expect();
        loop {
            let before = self.document.to_string();
            self.remove_items(&["steps"], 1);
            self.remove_items(&["setup", "nodes"], 0);
            self.remove_from_steps();
            if self.document.to_string() == before {
                return;
            }
        }
    }

    /// Takes a candidate if it fails in the same way at its last step.
    fn try_it(&mut self, candidate: Ordered) -> bool {
        self.tried += 1;
        let failure = last_failure(&candidate);
        let is_same = failure.is_some_and(|failure| Fault::of(&failure) == self.fault);
        if is_same {
            self.document = candidate;
        }
        is_same
    }

    /// Changes a copy, and tries it.
    fn try_change(&mut self, change: impl FnOnce(&mut Ordered) -> Option<()>) -> bool {
        let mut candidate = self.document.clone();
        change(&mut candidate).is_some() && self.try_it(candidate)
    }

    fn leave_out_what_others_expect(&mut self) {
        self.try_change(|document| {
            let (last, others) = document.get_mut("steps")?.items_mut()?.split_last_mut()?;
            let _ = last.remove("says");
            for step in others {
                for name in ["expect", "says", "rules"] {
                    let _ = step.remove(name);
                }
            }
            Some(())
        });
    }

    /// Delta debugging (Zeller): removes runs of items, half of them first, then smaller and smaller runs. The last
    /// ones stay.
    fn remove_items(&mut self, path: &[&str], stay: usize) {
        let count = |document: &Ordered| {
            let items = path.iter().try_fold(document, |value, name| value.get(name));
            items.map_or(0, |items| items.len().saturating_sub(stay))
        };
        let mut size = count(&self.document).div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < count(&self.document) {
                let end = (start + size).min(count(&self.document));
                let removed = self.try_change(|document| {
                    let list = path.iter().try_fold(document, |value, name| value.get_mut(name))?;
                    list.items_mut()?.drain(start..end);
                    Some(())
                });
                if !removed {
                    start = end;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    /// Removes members and parts of steps, one at a time.
    fn remove_from_steps(&mut self) {
        let count = self.document.get("steps").map_or(0, Ordered::len);
        for index in 0..count {
            for name in ["expect", "received", "request_id", "says", "rules", "refused"] {
                self.try_step(index, |step| step.remove(name).map(drop));
            }
            self.expect_less(index);
            self.remove_within(index, &["expect"]);
            self.remove_within(index, &["report"]);
            self.try_step(index, |step| step.get_mut("request")?.remove("body").map(drop));
            self.try_step(index, |step| step.get_mut("request")?.remove("headers").map(drop));
            self.remove_within(index, &["request", "headers"]);
            self.shorten_query(index);
            self.shorten_body(index);
        }
    }

    fn try_step(&mut self, index: usize, change: impl FnOnce(&mut Ordered) -> Option<()>) -> bool {
        self.try_change(|document| change(document.get_mut("steps")?.items_mut()?.get_mut(index)?))
    }

    /// Expects only the value that differs, instead of the whole body.
    fn expect_less(&mut self, index: usize) {
        let Fault::Answer { part: Part::Json(pointer), .. } = self.fault.clone() else { return };
        self.try_step(index, |step| {
            let expect = step.get_mut("expect")?;
            let less = expect.get("json").or_else(|| expect.get("contains"))?.towards(&pointer)?;
            *expect = Ordered::object("contains", less);
            Some(())
        });
    }

    /// Removes what is under this path, at any depth, one member or item after the other.
    fn remove_within(&mut self, index: usize, path: &[&str]) {
        let mut place = 0;
        loop {
            let mut found = false;
            let removed = self.try_step(index, |step| {
                let part = path.iter().try_fold(step, |value, name| value.get_mut(name))?;
                found = place < part.places();
                part.remove_place(place)
            });
            if !found {
                return;
            }
            place += usize::from(!removed);
        }
    }

    /// Removes parameters of the query.
    fn shorten_query(&mut self, index: usize) {
        let mut place = 0;
        loop {
            let mut found = false;
            let removed = self.try_step(index, |step| {
                let target = step.get_mut("request")?.get_mut("target")?;
                let (path, query) = target.as_str()?.split_once('?')?;
                let mut parameters: Vec<&str> = query.split('&').collect();
                found = place < parameters.len();
                found.then(|| parameters.remove(place))?;
                let joint = if parameters.is_empty() { "" } else { "?" };
                *target = Ordered::text(&format!("{path}{joint}{}", parameters.join("&")));
                Some(())
            });
            if !found {
                return;
            }
            place += usize::from(!removed);
        }
    }

    /// Removes what is in a body that is JSON.
    fn shorten_body(&mut self, index: usize) {
        let mut place = 0;
        loop {
            let mut found = false;
            let removed = self.try_step(index, |step| {
                let body = step.get_mut("request")?.get_mut("body")?;
                let mut json: Ordered = serde_json::from_str(body.as_str()?).ok()?;
                found = place < json.places();
                json.remove_place(place)?;
                *body = Ordered::text(&json.to_string());
                Some(())
            });
            if !found {
                return;
            }
            place += usize::from(!removed);
        }
    }

    fn finish(mut self, steps: usize, failing: usize) -> Result<Shrunk, String> {
        let failure = last_failure(&self.document).ok_or("it no longer fails")?;
        let left = self.document.get("steps").map_or(0, Ordered::len);
        if self
            .document
            .get("setup")
            .and_then(|setup| setup.get("nodes"))
            .is_some_and(|nodes| nodes.len() == 0)
        {
            self.try_change(|document| document.get_mut("setup")?.remove("nodes").map(drop));
        }
        if self.document.get("setup").is_some_and(|setup| setup.len() == 0) {
            self.try_change(|document| document.remove("setup").map(drop));
        }
        let source = self.document.get("source").and_then(Ordered::as_str).unwrap_or_default();
        let source = Ordered::text(&format!("{source}; reduced to a part that fails"));
        let says = Ordered::text(&failure.to_string());
        self.document.set("source", source);
        self.document.set("says", says);
        let text = format!("{:#}\n", self.document);
        Ok(Shrunk { text, why: failure.to_string(), steps: (steps, left), failing, tried: self.tried })
    }
}

/// How the last step of an episode fails, if it does.
fn last_failure(document: &Ordered) -> Option<Failure> {
    let episode = Episode::parse(&document.to_string()).ok()?;
    let (_, outcome) = Player::new(&episode).play(&episode).pop()?;
    match outcome {
        Outcome::Failed(failure) => Some(failure),
        Outcome::Passed { .. } => None,
    }
}
