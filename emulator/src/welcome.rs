//! What the emulator says of itself: at its start, and at `GET /`.

use std::path::PathBuf;

use azbatch::ErrorCode;
use serde_json::{Value, json};

use crate::{control::encoded, https::Https, options::Options};

/// How the emulator can be reached.
pub struct Welcome {
    url: String,
    account: String,
    key: String,
    is_guarded: bool,
    /// What requests to the control interface must bring, if anything.
    token: Option<String>,
    /// The certificate that clients must trust, if it serves https.
    trust: Option<PathBuf>,
}

impl Welcome {
    pub fn new(options: &Options, url: &str, token: Option<String>, https: Option<&Https>) -> Self {
        Self {
            url: url.into(),
            account: options.account.clone(),
            key: options.key.clone(),
            is_guarded: !options.no_auth,
            token,
            trust: https.map(|https| https.trust.clone()),
        }
    }

    /// The endpoint, the account, its key, the page that shows it, and a first request to paste.
    pub fn greeting(&self) -> String {
        let Self { url, account, key, .. } = self;
        let trust = self.trust.as_ref().map(|trust| format!("trust    {}\n", trust.display()));
        let token = self.token.as_ref().map(|token| format!("token    {token}, for {url}/_azbatch\n"));
        let fragment = self.token.as_ref().map(|token| format!("#token={}", encoded(token)));
        let first = self.first_request();
        format!(
            "endpoint {url}\naccount  {account}\nkey      {key}\n{}{}page     {url}/_azbatch/{}\n\n\
             A first request:\n\n  {first}\n",
            trust.unwrap_or_default(),
            token.unwrap_or_default(),
            fragment.unwrap_or_default()
        )
    }

    fn first_request(&self) -> String {
        let Self { url, account, key, .. } = self;
        let trust = self.trust.as_ref().map(|trust| trust.display());
        if self.is_guarded {
            let trust = trust.map(|trust| format!("REQUESTS_CA_BUNDLE={trust} ")).unwrap_or_default();
            format!(
                "{trust}python3 -c 'from azure.batch import BatchClient; \
                 from azure.core.credentials import AzureNamedKeyCredential as Key; \
                 print([pool.id for pool in BatchClient(\"{url}\", Key(\"{account}\", \"{key}\")).list_pools()])'"
            )
        } else {
            let trust = trust.map(|trust| format!("--cacert {trust} ")).unwrap_or_default();
            format!("curl {trust}'{url}/pools?api-version=2024-07-01.20.0'")
        }
    }

    /// What the page that shows the account says of the emulator.
    pub fn about(&self) -> Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "account": self.account,
            "certificate": self.trust,
            "codes": ErrorCode::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
        })
    }

    /// The page at `GET /`. It does not show the key.
    pub fn page(&self) -> String {
        let Self { url, account, .. } = self;
        let access = if self.is_guarded {
            "Requests need the key that the emulator printed when it was started."
        } else {
            "Requests need no key."
        };
        let trust = self.trust.as_ref().map(|trust| {
            format!("\nClients must trust the certificate {} on this machine.\n", trust.display())
        });
        format!(
            "azbatch-emulator {}: an unofficial emulator of Azure Batch\n\n\
             endpoint  {url}\naccount   {account}\n\n{access}\n{}\n\
             It answers the REST API of Azure Batch, for example:\n\n\
             \x20 GET {url}/pools?api-version=2024-07-01.20.0\n\
             \x20 GET {url}/jobs?api-version=2024-07-01.20.0\n\n\
             A page shows everything in it as it happens, and acts:\n\n\
             \x20 {url}/_azbatch/\n\n\
             Its own clock and faults are controlled at {url}/_azbatch/clock and {url}/_azbatch/faults{}.\n",
            env!("CARGO_PKG_VERSION"),
            trust.unwrap_or_default(),
            if self.token.is_some() { ", with the token that it printed" } else { "" }
        )
    }
}
