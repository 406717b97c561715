//! How a sequence that fails a test is made smaller: fewer steps first, then simpler steps, then smaller numbers.

use alloc::vec::Vec;
use core::fmt;

use proptest::{
    arbitrary::any,
    collection::vec,
    strategy::{NewTree, Strategy, ValueTree},
    test_runner::TestRunner,
};

use crate::testing::{input::Block, sequence::Sequence, step::Step};

/// See [`strategies::sequence`](super::strategies::sequence).
#[derive(Clone, Debug)]
pub struct Sequences {
    pub(super) max_steps: usize,
    pub(super) without_reports: bool,
}

impl Strategy for Sequences {
    type Tree = SequenceTree;
    type Value = Sequence;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let blocks = vec(any::<Block>(), 1..=self.max_steps + 1).new_tree(runner)?.current();
        let mut sequence = Sequence::from_bytes(blocks.as_flattened());
        if self.without_reports {
            sequence = sequence.without_reports();
        }
        Ok(SequenceTree::new(sequence))
    }
}

/// A sequence that fails, and what to try next.
pub struct SequenceTree {
    /// The smallest sequence known to fail, and the one being tried.
    failing: Sequence,
    tried: Sequence,
    attempt: Attempt,
    /// Whether something became smaller since the attempts last restarted.
    improved: bool,
}

/// What is tried next. The fields say where it goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Attempt {
    /// Start at the usual time.
    Start,
    /// Remove `length` steps, starting at `from`.
    Remove {
        length: usize,
        from: usize,
    },
    /// Write other bytes into a step.
    Simplify {
        step: usize,
        simpler: usize,
    },
    Done,
}

impl SequenceTree {
    fn new(sequence: Sequence) -> Self {
        Self { failing: sequence.clone(), tried: sequence, attempt: Attempt::Start, improved: false }
    }

    /// Tries the next smaller sequence. Returns whether there is one.
    fn try_next(&mut self) -> bool {
        loop {
            let steps = self.failing.steps();
            let tried = match self.attempt {
                Attempt::Start => self.failing.starting_as_usual(),
                Attempt::Remove { length, from } => {
                    let end = (from + length).min(steps.len());
                    let kept = steps.iter().take(from).chain(steps.iter().skip(end));
                    self.failing.with_steps(kept.copied().collect())
                }
                Attempt::Simplify { step, simpler } => {
                    let mut steps: Vec<Step> = steps.to_vec();
                    let found =
                        steps.get_mut(step).zip(simpler_block(steps_block(&self.failing, step), simpler));
                    if let Some((step, block)) = found {
                        *step = block.into();
                    }
                    self.failing.with_steps(steps)
                }
                Attempt::Done => return false,
            };
            if tried != self.failing {
                self.tried = tried;
                return true;
            }
            self.advance();
        }
    }

    /// Goes on to the next attempt.
    fn advance(&mut self) {
        let count = self.failing.steps().len();
        self.attempt = match self.attempt {
            Attempt::Start => Attempt::Remove { length: count.max(1), from: 0 },
            Attempt::Remove { length, from } if from + length < count => {
                Attempt::Remove { length, from: from + length }
            }
            Attempt::Remove { length, .. } if length > 1 => Attempt::Remove { length: length / 2, from: 0 },
            Attempt::Remove { .. } => Attempt::Simplify { step: 0, simpler: 0 },
            Attempt::Simplify { step, simpler } if simpler + 1 < SIMPLER => {
                Attempt::Simplify { step, simpler: simpler + 1 }
            }
            Attempt::Simplify { step, .. } if step + 1 < count => {
                Attempt::Simplify { step: step + 1, simpler: 0 }
            }
            Attempt::Simplify { .. } if self.improved => {
                self.improved = false;
                Attempt::Remove { length: (count / 2).max(1), from: 0 }
            }
            Attempt::Simplify { .. } | Attempt::Done => Attempt::Done,
        };
    }
}

impl ValueTree for SequenceTree {
    type Value = Sequence;

    fn current(&self) -> Sequence {
        self.tried.clone()
    }

    /// What was tried fails too, so it is the smallest now. The same is tried on it once more.
    fn simplify(&mut self) -> bool {
        if self.tried != self.failing {
            self.failing = self.tried.clone();
            self.improved = true;
        }
        self.try_next()
    }

    /// What was tried does not fail.
    fn complicate(&mut self) -> bool {
        self.tried = self.failing.clone();
        self.advance();
        self.try_next()
    }
}

impl fmt::Debug for SequenceTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.tried, f)
    }
}

fn steps_block(sequence: &Sequence, step: usize) -> Block {
    sequence.steps().get(step).copied().map(Block::from).unwrap_or_default()
}

/// How many ways there are to make a byte smaller, and how many to make a step simpler.
const SMALLER: usize = 12;
const SIMPLER: usize = 3 + 7 * SMALLER;

/// A simpler step: without details, without a move of the clock, in its shortest form, or with a smaller byte. `None`
/// if that way does not make it smaller.
fn simpler_block(block: Block, way: usize) -> Option<Block> {
    let mut simpler = block;
    match way {
        0 => simpler = [block[0], 0, 0, 0, 0, 0, 0, 0],
        1 => simpler[7] = 0,
        2 => simpler = shortest_form(block),
        _ => {
            // The kind of input stays.
            let (place, way) = ((way - 3) / SMALLER, (way - 3) % SMALLER);
            simpler[1 + place] = smaller_byte(block[1 + place], way)?;
        }
    }
    Some(simpler)
}

/// Zero, without one of its bits, half, or one less.
fn smaller_byte(old: u8, way: usize) -> Option<u8> {
    let new = match way {
        0 => 0,
        1 => 1,
        2..=9 => old & !(0x80 >> (way - 2)),
        10 => old / 2,
        _ => old.saturating_sub(1),
    };
    (new < old).then_some(new)
}

/// The smallest bytes that mean the same.
fn shortest_form(mut block: Block) -> Block {
    let meaning = |block| (Step::from(block).clock(), Step::from(block).input());
    let wanted = meaning(block);
    for place in 0..block.len() {
        let means_the_same = |byte: &u8| {
            let mut tried = block;
            tried[place] = *byte;
            meaning(tried) == wanted
        };
        let shortest = (0..block[place]).find(means_the_same);
        block[place] = shortest.unwrap_or(block[place]);
    }
    block
}
