//! Which mutant is on: the one whose number is in `MUTANT`. If `MUTANTS_REACHED` names a file, the number of each
//! mutant that is asked for is added to it, so that it is known which tests can notice it.
//!
//! Constant functions ask too. What is computed while compiling is never mutated.

#![feature(const_eval_select, core_intrinsics)]
#![allow(internal_features, reason = "nothing else tells a constant function whether it runs")]

use std::{
    env,
    fs::{File, OpenOptions},
    intrinsics::const_eval_select,
    io::Write,
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

pub use either::Either;

/// Numbers are below this.
const MAX_MUTANTS: u32 = 20_000;

/// Whether the mutant with this number is on.
#[inline]
pub const fn on(number: u32) -> bool {
    const_eval_select((number,), never, now)
}

const fn never(_number: u32) -> bool {
    false
}

#[inline]
fn now(number: u32) -> bool {
    let switch = &*SWITCH;
    if let Some(reached) = &switch.reached {
        reached.add(number);
    }
    switch.on == number
}

static SWITCH: LazyLock<Switch> = LazyLock::new(|| Switch {
    on: env::var("MUTANT").ok().and_then(|number| number.parse().ok()).unwrap_or(u32::MAX),
    reached: env::var_os("MUTANTS_REACHED").map(|path| {
        let file = OpenOptions::new().create(true).append(true).open(path).expect("the file can be opened");
        Reached { known: (0..MAX_MUTANTS).map(|_| AtomicBool::new(false)).collect(), file: Mutex::new(file) }
    }),
});

struct Switch {
    on: u32,
    reached: Option<Reached>,
}

struct Reached {
    known: Vec<AtomicBool>,
    file: Mutex<File>,
}

impl Reached {
    fn add(&self, number: u32) {
        let known = &self.known[number as usize];
        if !known.load(Ordering::Relaxed) && !known.swap(true, Ordering::Relaxed) {
            let mut file = self.file.lock().expect("nobody panics with it");
            writeln!(file, "{number}").expect("the file can be written");
        }
    }
}
