//! A whole story: where the clock starts, and the steps from there.

use alloc::vec::Vec;
use core::{fmt, iter::Copied, slice};

use crate::{
    Account, Timestamp,
    testing::{
        driver::Driver,
        input::Block,
        step::{LATEST, Step},
    },
};

/// The longest sequence that bytes make.
const MAX_STEPS: usize = 200;

/// Where a sequence's clock starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Start {
    /// At an ordinary time in 2025.
    #[default]
    Usual,
    /// At the beginning of time.
    Earliest,
    /// An hour before the end of what a sequence's clock shows.
    Latest,
}

impl Start {
    /// The instant.
    pub fn timestamp(self) -> Timestamp {
        const HOUR: u64 = 3600 * 10_000_000;
        /// 2025-05-14T21:50:06.78508Z
        const USUAL: u64 = 638_828_562_067_850_800;
        let ticks = match self {
            Self::Usual => USUAL,
            Self::Earliest => 0,
            Self::Latest => LATEST - HOUR,
        };
        Timestamp::from_ticks(ticks).unwrap()
    }

    fn decode(byte: u8) -> Self {
        match byte % 11 {
            0..=7 => Self::Usual,
            8..=9 => Self::Earliest,
            _ => Self::Latest,
        }
    }

    fn encode(self) -> u8 {
        match self {
            Self::Usual => 0,
            Self::Earliest => 8,
            Self::Latest => 10,
        }
    }
}

/// Everything that happens to an account, from its beginning: requests, reports, ticks and what befalls nodes.
///
/// Any bytes are a sequence ([`from_bytes`](Self::from_bytes)), so the same sequences come from property tests
/// (`strategies::sequence`) and from fuzzers (`arbitrary::Arbitrary`). A sequence
/// knows its account: its steps speak of what is there. So terminations with running work, refusals, forced
/// ends, silent nodes and late reports are common.
///
/// `Debug` writes a sequence as the code that makes it, one line a step:
///
/// ```
/// use azbatch::testing::{Sequence, Start};
///
/// let sequence = Sequence::new(Start::Usual, [
///     [14, 0, 0, 0, 0, 0, 0, 0], // add job Job-1 to pool-1
///     [50, 0, 0, 0, 0, 1, 0, 6], // 1 s later: terminate Job-1 by force
/// ]);
/// assert_eq!(format!("{sequence:?}"), "\
/// Sequence::new(Start::Usual, [
///     [14, 0, 0, 0, 0, 0, 0, 0], // add job Job-1 to pool-1
///     [50, 0, 0, 0, 0, 1, 0, 6], // 1 s later: terminate Job-1 by force
/// ])");
/// assert_eq!(sequence.to_string(), "\
/// add job Job-1 to pool-1
/// 1 s later: terminate Job-1 by force
/// ");
/// assert_eq!(sequence.run().account().jobs().count(), 1);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Sequence {
    start: Start,
    steps: Vec<Step>,
}

impl Sequence {
    /// Exactly these steps.
    pub fn new(start: Start, blocks: impl IntoIterator<Item = Block>) -> Self {
        Self::of_steps(start, blocks.into_iter().map(Step::from))
    }

    /// Exactly these steps.
    pub fn of_steps(start: Start, steps: impl IntoIterator<Item = Step>) -> Self {
        Self { start, steps: steps.into_iter().collect() }
    }

    /// The sequence that any bytes stand for, of at most 200 steps.
    ///
    /// The first block of eight bytes says where the clock starts and whether the sequence begins with three
    /// nodes, a job of any shape and up to three tasks, perhaps assigned; each block after it is a step.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut blocks = bytes.chunks(8).map(|chunk| {
            let mut block = Block::default();
            block.iter_mut().zip(chunk).for_each(|(byte, given)| *byte = *given);
            block
        });
        let [start, beginning, ..] = blocks.next().unwrap_or_default();
        let beginning = match beginning % 8 {
            0 => Vec::new(),
            tasks => {
                let mut begun = Self::beginning(usize::from(tasks - 1) % 4, &mut blocks);
                if beginning & 0b11000 != 0 {
                    begun.push([70, 0, 0, 0, 0, 0, 0, 0]);
                }
                begun
            }
        };
        let steps = beginning.into_iter().chain(blocks.take(MAX_STEPS)).map(Step::from);
        Self::of_steps(Start::decode(start), steps)
    }

    /// Three nodes in two pools, a job in the first of them, and some tasks. The shapes come from blocks.
    fn beginning(tasks: usize, shapes: &mut impl Iterator<Item = Block>) -> Vec<Block> {
        let mut shape = || shapes.next().unwrap_or_default();
        let mut blocks =
            alloc::vec![[11, 0, 0, 0, 0, 0, 0, 0], [11, 0, 0, 1, 0, 0, 0, 0], [11, 0, 0, 2, 1, 1, 0, 0],];
        let [.., a, b, c, _] = shape();
        blocks.push([14, 0, 0, 0, a, b, c, 0]);
        for task in (0..).take(tasks) {
            let [.., a, b, c, _] = shape();
            blocks.push([17, 0, task, 0, a, b, c, 0]);
        }
        blocks
    }

    /// The bytes that [`from_bytes`](Self::from_bytes) makes this sequence of, if it has at most 200 steps: a seed
    /// for a fuzzer.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = alloc::vec![self.start.encode(), 0, 0, 0, 0, 0, 0, 0];
        self.steps.iter().for_each(|step| bytes.extend(Block::from(*step)));
        bytes
    }

    /// The same without the reports of nodes: for a test of a host, which makes its own.
    #[must_use]
    pub fn without_reports(mut self) -> Self {
        self.steps.retain(|step| !step.input().is_report());
        self
    }

    /// Where the clock starts.
    pub fn start(&self) -> Timestamp {
        self.start.timestamp()
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The steps, one after the other.
    pub fn iter(&self) -> Copied<slice::Iter<'_, Step>> {
        self.steps.iter().copied()
    }

    /// The same with other steps.
    #[cfg(feature = "proptest")]
    pub(super) fn with_steps(&self, steps: Vec<Step>) -> Self {
        Self { start: self.start, steps }
    }

    /// The same from the usual start.
    #[cfg(feature = "proptest")]
    pub(super) fn starting_as_usual(&self) -> Self {
        Self { start: Start::Usual, steps: self.steps.clone() }
    }

    /// Makes all steps on an empty account.
    pub fn run(&self) -> Driver {
        let mut driver = Driver::new(self.start());
        for step in self {
            driver.step(step);
        }
        driver
    }

    /// The account after all steps.
    pub fn account(&self) -> Account {
        self.run().into_account()
    }
}

impl fmt::Display for Sequence {
    /// A line for each step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Sequence::new(Start::{:?}, [", self.start)?;
        for step in &self.steps {
            writeln!(f, "    {step:?}")?;
        }
        f.write_str("])")
    }
}

impl<'a> IntoIterator for &'a Sequence {
    type Item = Step;
    type IntoIter = Copied<slice::Iter<'a, Step>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
