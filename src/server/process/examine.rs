//! What a start would refuse, all at once, each with its key; and what a start takes although it cannot be right. Nothing is
//! created, opened or sent; the store and the addresses are not tried.

use super::checks::{bank_hook, has_sample_bank, hook, trust};
use super::{DEMO_MARK, Error, StartSampleBank, inside, institution, make_mailer, tls};
use crate::clock::Instant;
use crate::config::{self, BankKind, Config, Mode};
use crate::keys::master;
use crate::secret::may_carry_128_bits;
use crate::store;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// The longest path of a Unix socket, in bytes (unix(7), `sun_path` without its last zero).
const LONGEST_SOCKET: usize = 107;
/// A random key has about thirty different bytes.
const LEAST_DIFFERENT: usize = 16;

/// What was found.
#[derive(Default)]
struct Found(Vec<Error>);
impl Found {
    /// Notes that `tried` failed: an error that names a key keeps it, any other is one of `key`.
    fn note<T>(&mut self, key: &'static str, tried: Result<T, Error>) -> Option<T> {
        match tried {
            Ok(value) => return Some(value),
            Err(Error::Key { key, why }) => self.say(key, why),
            Err(Error::Config(config::Error::Key { key, why })) => self.say(key, why),
            Err(Error::Tls(why)) => self.say(key, why),
            Err(other) => self.say(key, other),
        }
        None
    }
    fn say(&mut self, key: &'static str, why: impl ToString) {
        self.0.push(Error::Key { key, why: why.to_string() });
    }
}

/// Everything that a start would refuse in this configuration and, with `files`, in the files it names. `sample_bank` is the
/// program's, if any.
#[must_use]
pub fn examine(config: &Config, files: bool, sample_bank: Option<StartSampleBank>) -> Vec<Error> {
    let mut found = Found::default();
    if config.bank.kind == BankKind::Sample {
        found.note("bank.kind", has_sample_bank(sample_bank));
    }
    let key = if config.admin.socket.is_some() { "admin.socket" } else { "server.data_dir" };
    for socket in config.admin_sockets() {
        let long = socket.as_os_str().len();
        if long > LONGEST_SOCKET {
            let why = format!(
                "is too long: {} would have {long} bytes, and a Unix socket's path has {LONGEST_SOCKET} at most",
                socket.display()
            );
            found.say(key, why);
        }
    }
    if !files {
        return found.0;
    }
    let folder = &config.server.data_dir;
    if folder.exists() && !folder.is_dir() {
        found.say("server.data_dir", format!("{}: is no folder", folder.display()));
    }
    if config.server.mode != Mode::Demo && folder.join(DEMO_MARK).exists() {
        found.say("server.data_dir", "belongs to a demo");
    }
    found.note(
        "server.master_key_file",
        master::load(&config.server.master_key_file).map_err(super::key("server.master_key_file")),
    );
    let (store_url, bank_token) = (&config.store.url_file, &config.bank.token_file);
    for (key, file) in [
        ("store.url_file", store_url),
        ("bank.token_file", bank_token),
        ("mail.password_file", &config.mail.password_file),
    ] {
        let read = file.as_deref().map(config::secret_file).transpose();
        let secret = found.note(key, read.map_err(Error::from)).flatten();
        if let (Some(secret), "store.url_file") = (secret, key)
            && let Err(why) = store::examine(secret.reveal())
        {
            found.say(key, why);
        }
    }
    found.note("telephony.hook_secret_files", hook(config));
    found.note("bank.event_secret_files", bank_hook(config));
    found.note("registration.software_statement_keys_file", trust(config));
    found.note("outbound.ca_file", inside(config));
    // Its password was read above.
    let mut mail = config.clone();
    (mail.mail.username, mail.mail.password_file) = (None, None);
    found.note("mail.ca_file", make_mailer::examine(&mail));
    found.note("admin.group", super::admin::group(config));
    found.note("institution.terms_file", config.linking_rules().map_err(Error::from));
    found.note("institution.logo_file", institution::logo(config));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    found.note("server.tls_cert_file", tls::ServerCertificate::read(config, &provider));
    found.note("server.mtls_ca_file", tls::authorities(config, &provider));
    found.0
}

/// Values that a start takes, and that cannot be right in production: secrets that somebody could guess, and a database on another
/// machine that everything reaches without TLS. What cannot be read is not judged here.
#[must_use]
pub fn doubts(config: &Config) -> Vec<Error> {
    let mut found = Found::default();
    if config.server.mode != Mode::Production {
        return found.0;
    }
    let master = master::load(&config.server.master_key_file);
    if master.is_ok_and(|key| key.iter().collect::<BTreeSet<_>>().len() < LEAST_DIFFERENT) {
        found.say("server.master_key_file", "carries less than 128 bits: its bytes are not random (openssl rand 32)");
    }
    let weak = |file: &&PathBuf| config::secret_file(file).is_ok_and(|secret| !may_carry_128_bits(secret.reveal()));
    for (key, files) in [
        ("telephony.hook_secret_files", &config.telephony.hook_secret_files),
        ("bank.event_secret_files", &config.bank.event_secret_files),
    ] {
        for file in files.iter().filter(weak) {
            found.say(key, format!("{}: carries less than 128 bits (openssl rand -hex 32)", file.display()));
        }
    }
    let (key, url) = match &config.store.url_file {
        Some(file) => {
            ("store.url_file", config::secret_file(file).map(|url| url.reveal().to_owned()).unwrap_or_default())
        }
        None => ("store.url", config.store.url.clone()),
    };
    if store::is_plain_to_another_machine(&url) {
        found.say(key, "sslmode=disable sends everything, the password too, in clear to another machine");
    }
    found.0
}

/// Certificates of ours that no caller would accept at this time: over, not begun, or for another host.
#[must_use]
pub fn unfit_certificate(config: &Config, now: Instant) -> Vec<Error> {
    let mut found = Found::default();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    if let Ok(Some(identity)) = tls::ServerCertificate::read(config, &provider)
        && let Some(why) = identity.unfit(config, now)
    {
        found.say("server.tls_cert_file", why);
    }
    found.0
}
