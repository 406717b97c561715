//! A certificate of the emulator's own, for clients that insist on https.
//!
//! The folder holds `ca.pem`, which clients are told to trust, and `server.pem`, the server's key and
//! certificate. The key of the authority is not kept, so it can sign nothing else.

use std::{
    error::Error,
    fs,
    io::{self, Write as _},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig, crypto,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// A certificate that is older is replaced. Some clients take none that is valid for more than 825 days.
const MAX_AGE: Duration = Duration::from_secs(365 * DAY_SECONDS);
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// What makes connections secure.
pub struct Https {
    pub acceptor: TlsAcceptor,
    /// The certificate that clients are told to trust.
    pub trust: PathBuf,
}

impl Https {
    /// Reads the certificate from a folder, or makes it there.
    ///
    /// # Errors
    /// If the folder cannot be read or written, or holds something else.
    pub fn from_folder(folder: &Path, address: IpAddr) -> Result<Self, Box<dyn Error>> {
        let (trust, server) = (folder.join("ca.pem"), folder.join("server.pem"));
        let names = ["localhost".into(), "127.0.0.1".into(), "::1".into(), address.to_string()];
        let head = format!("# For {}\n", names.join(", "));
        if !trust.exists() || !is_usable(&server, &head) {
            fs::create_dir_all(folder)?;
            let (authority, own) = make(&names)?;
            fs::write(&trust, authority)?;
            write_private(&server, (head + &own).as_bytes())?;
        }
        let pem = fs::read(&server)?;
        let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(&pem)?;
        let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, key)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), trust })
    }
}

/// Whether the file holds a certificate that is for these names, as its head says, and not too old.
fn is_usable(file: &Path, head: &str) -> bool {
    let modified = fs::metadata(file).and_then(|metadata| metadata.modified());
    let is_recent =
        modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < MAX_AGE));
    is_recent && fs::read_to_string(file).is_ok_and(|content| content.starts_with(head))
}

/// An authority's certificate, and a key with a certificate that the authority signed.
fn make(names: &[String]) -> Result<(String, String), rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.distinguished_name.push(DnType::CommonName, "azbatch-emulator authority");
    set_validity(&mut authority);
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let mut server = CertificateParams::new(names)?;
    server.distinguished_name.push(DnType::CommonName, "azbatch-emulator");
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    set_validity(&mut server);
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &issuer)?;
    Ok((authority_certificate.pem(), certificate.pem() + &key.serialize_pem()))
}

/// From a day ago, for clients whose clock is behind, for two years.
fn set_validity(parameters: &mut CertificateParams) {
    let now = SystemTime::now();
    parameters.not_before = (now - Duration::from_secs(DAY_SECONDS)).into();
    parameters.not_after = (now + 2 * MAX_AGE).into();
}

/// Writes a file that only its owner can read.
fn write_private(file: &Path, content: &[u8]) -> io::Result<()> {
    drop(fs::remove_file(file)); // Else it would keep its permissions.
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(content)
}
