//! The command line.

use std::{env, time::Duration};

use super::{question::Question, record::Secrets};
use crate::against::is_loopback;

const KEY: &str = "AZURE_BATCH_ACCESS_KEY";
const PAUSE: Duration = Duration::from_secs(5);

pub const USAGE: &str = "\
ask [--list] [QUESTION|RULE...]
AZURE_BATCH_ACCESS_KEY=KEY ask --against URL --account NAME [--pool ID] [--json FILE] [--yes] [QUESTION|RULE...]

Its key is read from the environment variable AZURE_BATCH_ACCESS_KEY.

  --against URL   the account's endpoint, such as https://NAME.REGION.batch.azure.com
  --account NAME  the account's name
  --key KEY       its key, instead of that of the environment variable; other users of this machine can see it
  --pool ID       a pool of Linux nodes with at least one node; without it, questions that need one are skipped
  --json FILE     where to write what was asked and answered, without the account, its key and its host;
                  - writes it to the standard output, and the table to the standard error
  --yes           begin at once, without 5 seconds in which ctrl-c makes nothing; on this machine they are left out
  --list          print the questions and ask nothing
It ends with 0 if all is as assumed, with 1 if not, and with 2 if nothing was asked.";

#[derive(Default)]
pub struct Options {
    /// Whom to ask.
    pub target: Option<Target>,
    pub json: Option<String>,
    /// Names of questions and rules; all if it is empty.
    chosen: Vec<String>,
}

pub struct Target {
    pub url: String,
    pub account: String,
    pub key: String,
    pub pool: Option<String>,
    /// How long the user can think again.
    pub pause: Duration,
}

impl Target {
    /// What must not be in a record.
    pub fn secrets(&self) -> Secrets {
        Secrets::new(&self.url, &self.account, &self.key, self.pool.as_deref())
    }
}

impl Options {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let (mut list, mut yes, mut url, mut account, mut key, mut pool) =
            (false, false, None, None, None, None);
        while let Some(argument) = arguments.next() {
            let place = match argument.as_str() {
                "--against" => &mut url,
                "--account" => &mut account,
                "--key" => &mut key,
                "--pool" => &mut pool,
                "--json" => &mut options.json,
                "--list" => {
                    list = true;
                    continue;
                }
                "--yes" => {
                    yes = true;
                    continue;
                }
                option if option.starts_with('-') => return Err(USAGE.into()),
                _ => {
                    options.chosen.push(argument);
                    continue;
                }
            };
            *place = Some(arguments.next().ok_or(USAGE)?);
        }
        if let Some(url) = url.filter(|_| !list) {
            let account = account.ok_or("--account is missing")?;
            let key = key.or_else(|| env::var(KEY).ok().filter(|key| !key.is_empty()));
            let key = key.ok_or_else(|| format!("there is no key in the environment variable {KEY}"))?;
            let pause = if yes || is_loopback(&url) { Duration::ZERO } else { PAUSE };
            options.target = Some(Target { url, account, key, pool, pause });
        }
        Ok(options)
    }

    /// The questions that were chosen.
    pub fn select(&self, mut questions: Vec<Question>) -> Result<Vec<Question>, String> {
        let is_of = |question: &Question, chosen: &String| {
            question.name.eq_ignore_ascii_case(chosen)
                || question.rules.iter().any(|rule| rule.eq_ignore_ascii_case(chosen))
        };
        if let Some(unknown) =
            self.chosen.iter().find(|chosen| !questions.iter().any(|question| is_of(question, chosen)))
        {
            return Err(format!("there is no question about {unknown}; --list prints all"));
        }
        if !self.chosen.is_empty() {
            questions.retain(|question| self.chosen.iter().any(|chosen| is_of(question, chosen)));
        }
        Ok(questions)
    }
}
