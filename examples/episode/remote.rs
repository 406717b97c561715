//! Playing an episode over HTTP, against any server.
//!
//! Only its requests can be sent. What else happens in an episode is up to the server: an emulator that is started with
//! `--run episode` does it when it is told to, and on any other server an episode ends where it needs it.
//!
//! A server that moves by itself can be faster than an episode expects: a job is `terminating` only for a moment there if
//! no node is waited for. So a difference in a state is not always a fault.
//!
//! On a server that is used otherwise nothing is touched that was there before: an episode is not played if the account
//! has one of the jobs, schedules or pools that it adds, changes or deletes. What it has added is deleted afterwards, and
//! nothing else is: only what the server has answered 201 for counts as added.

use std::{
    collections::BTreeSet,
    fmt,
    time::{Duration, Instant},
};

use azbatch::Timestamp;
use serde_json::Value;

use crate::{
    against::{self, Answered, Asked, Service},
    episode::{
        Action, Episode, RequestStep, Step,
        expect::{Came, Difference},
        ordered::Ordered,
        translation::Translation,
    },
};

/// How long the deletion of what an episode has added is waited for.
const DELETION: Duration = Duration::from_secs(60);

/// How a server is played against.
pub struct Remote<'a> {
    pub service: &'a Service,
    /// Whether the server checks who sends a request.
    pub authorizes: bool,
    /// The token of an emulator's control interface, if it needs one.
    pub token: Option<&'a str>,
    /// Whether episodes may add pools, which cost money at Azure.
    pub pools: bool,
    /// Lets time pass while a deletion is waited for.
    pub pause: &'a dyn Fn(Duration),
}

/// How the steps of an episode went, by their numbers.
#[derive(Debug, Default)]
pub struct Report {
    pub passed: usize,
    pub differ: Vec<(usize, String)>,
    /// What each needs that cannot be had.
    pub skipped: Vec<(usize, String)>,
    /// What could not be deleted afterwards.
    pub left: Vec<String>,
}

/// The server or the way to it failed, so nothing more can be said about it.
#[derive(Debug)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Remote<'_> {
    /// Plays an episode, of which this is the text.
    ///
    /// # Errors
    /// It cannot be read, or the server does not answer.
    pub fn play(&self, text: &str) -> Result<Report, Broken> {
        let episode = Episode::parse(text).map_err(Broken)?;
        let document: Ordered = serde_json::from_str(text).map_err(|error| Broken(error.to_string()))?;
        let is_told = self.is_told()?;
        let mut game = Game {
            remote: self,
            episode: &episode,
            document: &document,
            translation: Translation::new(&episode.account, self.service.url()),
            is_told,
            api_version: api_version(&episode),
            added: Vec::new(),
            taken: None,
            report: Report::default(),
        };
        game.run()?;
        Ok(game.report)
    }

    /// Whether the server does what episodes say, beside answering requests.
    pub fn is_told(&self) -> Result<bool, Broken> {
        let answer = self.control("GET", "/_azbatch/episode", None)?;
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        Ok(answer.status == 200 && json["plays"] == true)
    }

    fn control(&self, method: &str, target: &str, body: Option<&[u8]>) -> Result<Answered, Broken> {
        let bearer = self.token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> =
            bearer.iter().map(|bearer| ("Authorization", bearer.as_str())).collect();
        self.ask(&Asked { method, target, headers: &headers, body })
    }

    fn ask(&self, asked: &Asked<'_>) -> Result<Answered, Broken> {
        let broken = |why: against::Unanswered| Broken(format!("{} {}: {why}", asked.method, asked.target));
        self.service.ask(asked).map_err(broken)
    }
}

struct Game<'a> {
    remote: &'a Remote<'a>,
    episode: &'a Episode,
    /// The episode as it is written, to pass on its steps.
    document: &'a Ordered,
    translation: Translation,
    is_told: bool,
    /// For requests of our own.
    api_version: String,
    /// The paths of what the server has added for the episode, beside tasks.
    added: Vec<String>,
    /// What the server refused to add with 409, so that it may be somebody else's.
    taken: Option<String>,
    report: Report,
}

impl Game<'_> {
    fn run(&mut self) -> Result<(), Broken> {
        if self.is_told {
            self.tell("", None)?.map_err(Broken)?;
            return self.play_steps();
        }
        if let Some(obstacle) = self.obstacle()? {
            self.skip_from(1, &obstacle);
            return Ok(());
        }
        let played = self.play_steps();
        let cleaned = self.clean_up();
        let Err(Broken(why)) = played.and(cleaned) else { return Ok(()) };
        let left =
            self.added.iter().chain(&self.report.left).map(|resource| format!("; {resource} may be left"));
        Err(Broken(why + &left.collect::<String>()))
    }

    fn play_steps(&mut self) -> Result<(), Broken> {
        for (number, step) in (1..).zip(&self.episode.steps) {
            if let Action::Request(request) = &step.action {
                if let Some(need) = self.need(request, step) {
                    self.report.skipped.push((number, format!("needs {need}")));
                    continue;
                }
                match self.request(request, step)? {
                    Ok(()) => self.report.passed += 1,
                    Err(difference) => self.report.differ.push((number, format!("{step}: {difference}"))),
                }
                if let Some(taken) = self.taken.take() {
                    let why = format!("needs {taken} of its own, which was refused with 409");
                    self.skip_from(number + 1, &why);
                    return Ok(());
                }
            } else if self.is_told {
                match self.tell("/steps", Some(number))? {
                    Ok(()) => self.report.passed += 1,
                    Err(why) => self.report.differ.push((number, why)),
                }
            } else if matches!(step.action, Action::Note(_)) {
                self.report.skipped.push((number, "a note sends nothing".into()));
            } else {
                self.skip_from(number, &format!("needs a server that can be told: {step}"));
                return Ok(());
            }
        }
        Ok(())
    }

    fn skip_from(&mut self, first: usize, why: &str) {
        let rest = first..=self.episode.steps.len();
        self.report.skipped.extend(rest.map(|number| (number, why.to_owned())));
    }

    /// What a request needs that cannot be had over HTTP.
    fn need(&self, request: &RequestStep, step: &Step) -> Option<&'static str> {
        let has_date = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("ocp-date"))
            || request.target.to_ascii_lowercase().contains("ocp-date=");
        let path = path(request);
        if request.received != step.at() && request.expect.status == Some(500) {
            Some("a request that arrives long before it is answered")
        } else if self.remote.authorizes && has_date {
            Some("a server that does not check the dates of requests")
        } else if !self.is_told && matches!(path, "/supportedimages" | "/nodeagentskus") {
            Some("the images of the episode")
        } else if !self.is_told && path.starts_with("/pools/") && !self.episode.setup.nodes.is_empty() {
            Some("the nodes of the episode")
        } else if request.headers.iter().any(|(_, value)| str::from_utf8(value).is_err()) {
            Some("a client that sends headers which are no text")
        } else {
            None
        }
    }

    /// Makes a step, or sets the clock of an emulator that plays episodes.
    fn tell(&self, path: &str, number: Option<usize>) -> Result<Result<(), String>, Broken> {
        let steps = self.document.get("steps");
        let step = number.and_then(|number| steps?.item(number - 1).cloned());
        let mut told = self.document.clone();
        told.set("steps", Ordered::Array(step.into_iter().collect()));
        self.send_steps(path, &told)
    }

    fn set_clock(&self, at: Timestamp) -> Result<(), Broken> {
        let mut note = Ordered::object("at", Ordered::text(&at.to_string()));
        note.set("note", Ordered::text("a request comes"));
        let mut told = self.document.clone();
        told.set("steps", Ordered::Array(vec![note]));
        self.send_steps("/steps", &told)?.map_err(Broken)
    }

    fn send_steps(&self, path: &str, steps: &Ordered) -> Result<Result<(), String>, Broken> {
        let target = format!("/_azbatch/episode{path}");
        let answer = self.remote.control("POST", &target, Some(steps.to_string().as_bytes()))?;
        let text = String::from_utf8_lossy(&answer.body).trim_end().to_owned();
        Ok(if answer.status == 200 { Ok(()) } else { Err(text) })
    }

    fn request(&mut self, request: &RequestStep, step: &Step) -> Result<Result<(), Box<Difference>>, Broken> {
        if self.is_told {
            self.set_clock(step.at())?;
        }
        let resource = resource(request);
        let now = if self.is_told { step.at() } else { against::now() };
        let headers: Vec<(&str, String)> = request
            .headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value);
                (name.as_str(), self.translation.header(&resource, name, &value, step.at(), now))
            })
            .collect();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let target = self.translation.target(&request.target);
        let has_body =
            !request.body.is_empty() || matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
        let body = has_body.then_some(request.body.as_slice());
        let asked = Asked { method: &request.method, target: &target, headers: &headers, body };
        let adds = addition(request);
        let answer = self.remote.ask(&asked).map_err(|Broken(why)| match &adds {
            Some(resource) => Broken(format!("{why}; {resource} may have been added")),
            None => Broken(why),
        })?;
        if let Some(resource) = adds {
            self.note_addition(resource, answer.status);
        }
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers: Vec<(&str, String)> =
            answer.headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let came = Came { status: answer.status, headers, body: &answer.body };
        Ok(self.translation.compare(&resource, &request.expect, &came))
    }

    /// Remembers what is to be deleted. What somebody else has added meanwhile is not, and nothing more is sent to it.
    fn note_addition(&mut self, resource: String, status: u16) {
        let is_ours = self.added.iter().any(|added| added.eq_ignore_ascii_case(&resource));
        match status {
            201 if !is_ours => self.added.push(resource),
            409 if !is_ours && !self.is_told => self.taken = Some(resource),
            _ => {}
        }
    }

    /// The requests that are sent to a server that is not told: those before the first step that only a host can make.
    fn requests(&self) -> impl Iterator<Item = &RequestStep> {
        let needs_no_host = |step: &&Step| matches!(step.action, Action::Request(_) | Action::Note(_));
        let steps = self.episode.steps.iter().take_while(needs_no_host);
        steps.filter_map(|step| {
            let Action::Request(request) = &step.action else { return None };
            Some(&**request).filter(|request| self.need(request, step).is_none())
        })
    }

    /// What is in the way of playing it on a server that is used otherwise.
    fn obstacle(&self) -> Result<Option<String>, Broken> {
        if !self.remote.pools && self.requests().any(adds_pool) {
            return Ok(Some("needs to add pools, which is not permitted (--pools)".into()));
        }
        let touched: BTreeSet<String> = self.requests().filter_map(touched).collect();
        for resource in touched {
            if !self.wait_until_gone(&resource, Duration::ZERO)? {
                return Ok(Some(format!("needs an account that does not have {resource}")));
            }
        }
        Ok(None)
    }

    fn own(&self, method: &str, resource: &str) -> Result<u16, Broken> {
        let target = against::versioned(resource, &self.api_version);
        self.remote
            .ask(&Asked { method, target: &target, headers: &[], body: None })
            .map(|answer| answer.status)
    }

    /// Whether it is not there, or not any more after this time. Any other answer than 404 may hide something.
    fn wait_until_gone(&self, resource: &str, patience: Duration) -> Result<bool, Broken> {
        let (start, mut pause) = (Instant::now(), Duration::from_millis(20));
        loop {
            if self.own("GET", resource)? == 404 {
                return Ok(true);
            }
            if start.elapsed() >= patience {
                return Ok(false);
            }
            (self.remote.pause)(pause);
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// Deletes what the episode has added. It is all its own: none of it was there before.
    fn clean_up(&mut self) -> Result<(), Broken> {
        for resource in &self.added {
            self.own("DELETE", resource)?;
        }
        while let Some(resource) = self.added.last() {
            if !self.wait_until_gone(resource, DELETION)? {
                self.report.left.push(resource.clone());
            }
            self.added.pop();
        }
        Ok(())
    }
}

/// The api-version of the first request that has one and is not expected to be refused for it.
fn api_version(episode: &Episode) -> String {
    let version = episode.steps.iter().find_map(|step| {
        let Action::Request(request) = &step.action else { return None };
        let (_, version) = request.target.split_once("api-version=")?;
        version.split('&').next().filter(|_| request.expect.status != Some(400))
    });
    version.unwrap_or_default().into()
}

/// The path of what a request adds beside tasks, if the server accepts it.
fn addition(request: &RequestStep) -> Option<String> {
    let path = path(request);
    if request.method != "POST" || !matches!(path, "/jobs" | "/jobschedules" | "/pools") {
        return None;
    }
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    // What has no id, or one that is not valid, is not added.
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_valid = |id: &&str| (1..=64).contains(&id.len()) && id.bytes().all(is_letter);
    let id = body["id"].as_str().filter(is_valid)?;
    Some(format!("{path}/{id}"))
}

/// Also a job or a schedule that has one made.
fn adds_pool(request: &RequestStep) -> bool {
    let asks_for_one = || String::from_utf8_lossy(&request.body).contains("\"autoPoolSpecification\"");
    writes(request) && (path(request) == "/pools" || asks_for_one())
}

/// The path of what a request adds, changes or deletes, as a whole or a part of it.
fn touched(request: &RequestStep) -> Option<String> {
    let mut parts = path(request).splitn(4, '/').skip(1);
    let named = match (parts.next(), parts.next()) {
        (Some(collection), Some(id)) => Some(format!("/{collection}/{id}")),
        _ => None,
    };
    named.filter(|_| writes(request)).or_else(|| addition(request))
}

/// The path of what the ETag and the times of an answer belong to: after an action what it was done to, and after an
/// addition what was added.
fn resource(request: &RequestStep) -> String {
    let path = path(request);
    let is_one = path.matches('/').count().is_multiple_of(2);
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let resource = match (is_one, body["id"].as_str(), path.rsplit_once('/')) {
        (false, Some(id), _) => format!("{path}/{id}"),
        (false, None, Some((of, _))) => of.into(),
        _ => path.into(),
    };
    // Ids are the same in any case.
    resource.to_ascii_lowercase()
}

fn writes(request: &RequestStep) -> bool {
    !matches!(request.method.as_str(), "GET" | "HEAD")
}

fn path(request: &RequestStep) -> &str {
    request.target.split('?').next().unwrap_or_default()
}
