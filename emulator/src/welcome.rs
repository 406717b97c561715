//! What the emulator says of itself: at its start, and at `GET /`.

use std::path::PathBuf;

use crate::{https::Https, options::Options};

/// How the emulator can be reached.
pub struct Welcome {
    url: String,
    account: String,
    key: String,
    is_guarded: bool,
    /// The certificate that clients must trust, if it serves https.
    trust: Option<PathBuf>,
}

impl Welcome {
    pub fn new(options: &Options, url: &str, https: Option<&Https>) -> Self {
        Self {
            url: url.into(),
            account: options.account.clone(),
            key: options.key.clone(),
            is_guarded: !options.no_auth,
            trust: https.map(|https| https.trust.clone()),
        }
    }

    /// The endpoint, the account, its key, and a first request to paste.
    pub fn greeting(&self) -> String {
        let Self { url, account, key, .. } = self;
        let trust = self.trust.as_ref().map(|trust| format!("trust    {}\n", trust.display()));
        let first = self.first_request();
        format!(
            "endpoint {url}\naccount  {account}\nkey      {key}\n{}\nA first request:\n\n  {first}\n",
            trust.unwrap_or_default()
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
             Its own clock and faults are controlled at {url}/_azbatch/clock and {url}/_azbatch/faults.\n",
            env!("CARGO_PKG_VERSION"),
            trust.unwrap_or_default()
        )
    }
}
