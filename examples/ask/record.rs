//! What was asked and answered, as evidence that can be passed on.

use std::{
    fs::File,
    io::{self, Write as _},
};

use serde_json::{Map, Value, json};

use super::{
    conversation::{Exchange, Reply, Request, VERSION, text},
    ledger::OURS,
    question::{Question, Verdict},
};
use crate::against::now;

/// Headers of answers that say nothing about the rules, or where they came from.
const DROPPED: [&str; 6] = [
    "server",
    "strict-transport-security",
    "x-content-type-options",
    "connection",
    "content-length",
    "set-cookie",
];

/// What became of a question.
pub struct Outcome {
    pub question: Question,
    pub verdict: Verdict,
    pub answered: String,
    pub exchanges: Vec<Exchange>,
}

impl Outcome {
    /// The id of the last request, which the answer was read from.
    pub fn request_id(&self) -> &str {
        self.exchanges.last().map_or("", |exchange| exchange.reply.header("request-id"))
    }

    fn value(&self) -> Value {
        json!({
            "name": self.question.name,
            "rules": self.question.rules,
            "asks": self.question.asks,
            "assumed": self.question.assumed(),
            "answered": self.answered,
            "verdict": self.verdict.text(),
            "means": self.question.meaning(&self.answered),
            "requestId": self.request_id(),
            "conversation": self.exchanges.iter().map(exchange).collect::<Vec<_>>(),
        })
    }
}

/// Signatures and dates are added when a request is sent, and are not here.
fn exchange(exchange: &Exchange) -> Value {
    let Exchange { request, reply } = exchange;
    let headers: Vec<_> = request.headers.iter().filter(|(name, _)| *name != "Authorization").collect();
    json!({
        "request": { "method": request.method, "target": request.target(), "headers": headers, "body": request.body },
        "answer": answer(request, reply),
    })
}

fn answer(request: &Request, reply: &Reply) -> Value {
    let headers: Vec<_> = reply.headers.iter().filter(|(name, _)| !DROPPED.contains(&&**name)).collect();
    let body = if is_about_ours(request) { reply.body.clone() } else { without_items_of_others(&reply.body) };
    json!({ "status": reply.status, "headers": headers, "body": body })
}

/// Whether the path names something that was made here, and not all that the account has.
fn is_about_ours(request: &Request) -> bool {
    let path = request.path.split_once('?').map_or(&*request.path, |(path, _)| path);
    path.contains(OURS)
}

/// Members of a refusal.
const OF_REFUSALS: [&str; 4] = ["odata.metadata", "code", "message", "values"];

/// A body without what the account had before: other people's jobs say what they run, and with which secrets.
fn without_items_of_others(body: &Value) -> Value {
    let members = match body {
        Value::Null => return Value::Null,
        Value::Object(members) => members,
        // Half a list would be a text, for instance.
        Value::String(_) | Value::Array(_) | Value::Bool(_) | Value::Number(_) => {
            return json!({ "omitted": "a body that is no JSON object" });
        }
    };
    let mut kept: Map<_, _> =
        members.clone().into_iter().filter(|(name, _)| OF_REFUSALS.contains(&&**name)).collect();
    if let Some(Value::Array(items)) = members.get("value") {
        let (ours, others): (Vec<_>, Vec<_>) =
            items.iter().partition(|item| text(item, "/id").starts_with(OURS));
        kept.insert("value".into(), json!(ours));
        kept.insert("itemsOfOthers".into(), json!(others.len()));
    }
    Value::Object(kept)
}

/// What must not be in a record, with what stands in its place. Longer ones come first, as the host has the
/// account's name in it.
pub struct Secrets(Vec<(String, &'static str)>);

impl Secrets {
    pub fn new(url: &str, account: &str, key: &str, pool: Option<&str>) -> Self {
        let host = url.split_once("://").map_or(url, |(_, host)| host).trim_end_matches('/');
        let name = host.split_once(':').map_or(host, |(name, _)| name);
        let secrets = [
            (key, "KEY"),
            (host, "HOST"),
            (name, "HOST"),
            (account, "ACCOUNT"),
            (pool.unwrap_or(""), "POOL"),
        ];
        let secrets = secrets.iter().filter(|(secret, _)| !secret.is_empty());
        Self(secrets.map(|(secret, instead)| (secret.to_ascii_lowercase(), *instead)).collect())
    }

    /// The text without secrets, whatever their case.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (secret, instead) in &self.0 {
            let mut rest = 0;
            while let Some(place) = text.to_ascii_lowercase().get(rest..).and_then(|text| text.find(secret)) {
                let start = rest + place;
                text.replace_range(start..start + secret.len(), instead);
                rest = start + instead.len();
            }
        }
        text
    }

    fn redact_all(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.redact(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.redact_all(value)),
            Value::Object(members) => members.values_mut().for_each(|value| self.redact_all(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    pub fn record(&self, outcomes: &[Outcome]) -> Value {
        let mut conversations: Value = outcomes.iter().map(Outcome::value).collect();
        self.redact_all(&mut conversations);
        json!({
            "says": "Answers of a Batch account to the questions of azbatch's example `ask`.",
            "asked": now().to_string(),
            "apiVersion": VERSION,
            "questions": conversations,
        })
    }
}

/// Where the record is written to.
pub enum Destination {
    Nowhere,
    StandardOutput,
    File(File),
}

impl Destination {
    /// Opens the file, before anything is asked. What is in it stays there until there is a record.
    pub fn open(name: Option<&str>) -> Result<Self, String> {
        let open = |name| File::options().write(true).create(true).truncate(false).open(name);
        match name {
            None => Ok(Self::Nowhere),
            Some("-") => Ok(Self::StandardOutput),
            Some(name) => {
                let file = open(name).map_err(|error| format!("{name} cannot be written: {error}"))?;
                Ok(Self::File(file))
            }
        }
    }

    /// Whether the standard output is to have the record and nothing else.
    pub fn is_standard_output(&self) -> bool {
        matches!(self, Self::StandardOutput)
    }

    pub fn write(self, record: &Value) -> io::Result<()> {
        let text = format!("{record:#}\n");
        match self {
            Self::Nowhere => Ok(()),
            Self::StandardOutput => io::stdout().write_all(text.as_bytes()),
            Self::File(mut file) => {
                // Not everything that can be written to can be made shorter, such as a pipe.
                if file.metadata()?.is_file() {
                    file.set_len(0)?;
                }
                file.write_all(text.as_bytes())
            }
        }
    }
}
