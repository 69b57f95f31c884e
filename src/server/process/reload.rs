//! What SIGHUP does: reads the configuration and its files again, and replaces what can be replaced while the server runs. All or
//! nothing: where one part is wrong, everything stays. The rest is named, because it needs a restart.

use super::{Error, Running, checks, institution, tls};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::config::Config;
use crate::secret::Hash;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError};

/// What a reload did, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// What is in force from now on.
    pub changed: Vec<String>,
    /// What differs from what is in force until the next start.
    pub restart: Vec<String>,
    /// `server.log`
    pub log: String,
}

/// What is in force: the configuration, and the digests of its files.
pub(super) struct InForce {
    config: Config,
    files: BTreeMap<String, Hash>,
}
impl InForce {
    pub(super) fn new(config: &Config) -> Self {
        Self { config: config.clone(), files: contents(config) }
    }
}

/// Files that are read again. The others are used at the start only.
const READ_AGAIN: [&str; 8] = [
    "server.tls_cert_file",
    "server.tls_key_file",
    "server.mtls_ca_file",
    "server.mtls_crl_file",
    "telephony.hook_secret_files",
    "bank.event_secret_files",
    "institution.logo_file",
    "registration.software_statement_keys_file",
];

/// The configuration in force after a reload: `old`, with what may change from `new`. Listeners that have TLS keep it, and those
/// without get none.
fn merged(old: &Config, new: &Config) -> Config {
    let mut merged = old.clone();
    let (to, from) = (&mut merged.server, new.server.clone());
    (to.log, to.trusted_proxies) = (from.log, from.trusted_proxies);
    if to.tls_cert_file.is_some() && from.tls_cert_file.is_some() {
        (to.tls_cert_file, to.tls_key_file) = (from.tls_cert_file, from.tls_key_file);
    }
    if to.mtls_ca_file.is_some() && from.mtls_ca_file.is_some() {
        (to.mtls_ca_file, to.mtls_crl_file) = (from.mtls_ca_file, from.mtls_crl_file);
    }
    merged.hours = new.hours.clone();
    // Its name is in the sender of mails, and the terms are in consent records: they change with a start.
    let (to, from) = (&mut merged.institution, new.institution.clone());
    (to.name_en, to.kind, to.color, to.logo_file) = (from.name_en, from.kind, from.color, from.logo_file);
    (to.faq_url, to.phone, to.department) = (from.faq_url, from.phone, from.department);
    (to.contact_hours, to.stop_contact, to.copyright) = (from.contact_hours, from.stop_contact, from.copyright);
    let (to, from) = (&mut merged.telephony, new.telephony.clone());
    (to.hook_secret_files, to.hook_networks, to.trust_from) =
        (from.hook_secret_files, from.hook_networks, from.trust_from);
    let (to, from) = (&mut merged.bank, new.bank.clone());
    (to.event_secret_files, to.event_networks) = (from.event_secret_files, from.event_networks);
    let (to, from) = (&mut merged.registration, new.registration.clone());
    (to.software_statement_issuers, to.software_statement_keys_file) =
        (from.software_statement_issuers, from.software_statement_keys_file);
    merged
}

/// Each `section.key` with its value.
fn values(config: &Config) -> BTreeMap<String, Value> {
    let Ok(Value::Object(sections)) = serde_json::to_value(config) else { return BTreeMap::new() };
    let mut values = BTreeMap::new();
    for (section, keys) in sections {
        let Value::Object(keys) = keys else { continue };
        values.extend(keys.into_iter().map(|(key, value)| (format!("{section}.{key}"), value)));
    }
    values
}

/// The digest of what the files of each `_file` and `_files` key hold.
fn contents(config: &Config) -> BTreeMap<String, Hash> {
    let digest = |value: &Value| {
        let files = match value {
            Value::Array(files) => files.iter().filter_map(Value::as_str).collect(),
            Value::String(file) => vec![file.as_str()],
            _ => Vec::new(),
        };
        let digests = files.into_iter().map(|file| Hash::of(std::fs::read(Path::new(file)).unwrap_or_default()));
        Hash::of(digests.flat_map(|digest| *digest.as_bytes()).collect::<Vec<u8>>())
    };
    let files = values(config).into_iter().filter(|(key, _)| key.ends_with("_file") || key.ends_with("_files"));
    files.map(|(key, value)| (key, digest(&value))).collect()
}

/// The keys whose values differ.
fn different<T: PartialEq>(one: &BTreeMap<String, T>, other: &BTreeMap<String, T>) -> Vec<String> {
    one.iter().filter(|(key, value)| other.get(*key) != Some(value)).map(|(key, _)| key.clone()).collect()
}

/// What changed from `old` to `merged`, and what of `new` waits for a start.
fn compare(old: &InForce, merged: &InForce, new: &Config) -> Reloaded {
    let mut changed = different(&values(&merged.config), &values(&old.config));
    let mut restart = different(&values(new), &values(&merged.config));
    for key in different(&merged.files, &old.files) {
        let list = if READ_AGAIN.contains(&key.as_str()) { &mut changed } else { &mut restart };
        if !list.contains(&key) {
            list.push(key);
        }
    }
    Reloaded { changed, restart, log: merged.config.server.log.clone() }
}

impl Running {
    /// Reads files again and replaces what may change while the server runs, as `new` says.
    ///
    /// # Errors
    /// What is wrong with one part; then nothing is replaced.
    pub fn reload(&self, new: &Config) -> Result<Reloaded, Error> {
        let app = &self.app;
        let mut in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        let mut merged = InForce::new(&merged(&in_force.config, new));
        let config = &merged.config;
        let authorities = tls::authorities(config, &self.provider)?;
        let (hook, bank_hook, trust) = (checks::hook(config)?, checks::bank_hook(config)?, checks::trust(config)?);
        let proxies = checks::networks("server.trusted_proxies", &config.server.trusted_proxies)?;
        let hours = config.hours.in_force().map_err(super::key("hours.closed"))?;
        let pages = app.pages.changed(institution::profile(config)?).map_err(super::key("templates"))?;
        let fresh = match &self.identity {
            Some(identity) => identity.fresh(config, app.now())?,
            None => None,
        };
        // Nothing after this can fail.
        if let (Some(identity), Some(fresh)) = (&self.identity, fresh) {
            identity.replace(fresh);
        }
        if let (Some(known), Some(authorities)) = (&app.authorities, authorities) {
            known.store(Arc::new(authorities));
        }
        app.hook.store(Arc::new(hook));
        app.bank_hook.store(Arc::new(bank_hook));
        app.trust.store(Arc::new(trust));
        app.proxies.store(Arc::new(proxies));
        app.identity.policy().hours.change(hours);
        app.pages.take(&pages);
        tls::note_end(self.identity.as_deref(), app);
        let reloaded = compare(&in_force, &merged, new);
        // A file that waits for a start is told again at the next reload.
        for (key, digest) in &in_force.files {
            if !READ_AGAIN.contains(&key.as_str()) {
                merged.files.insert(key.clone(), *digest);
            }
        }
        *in_force = merged;
        Ok(reloaded)
    }

    /// Appends the audit record of a reload that changed something: which configuration serves from then on.
    pub async fn record(&self, reloaded: &Reloaded) {
        if reloaded.changed.is_empty() {
            return;
        }
        let digest = self.in_force.lock().unwrap_or_else(PoisonError::into_inner).config.digest().unwrap_or_default();
        let detail = json!({"config_sha256": digest, "changed": reloaded.changed});
        let entry = Entry { detail, ..Entry::new(self.app.now(), Actor::System, AuditAction::ServerReloaded) };
        let written = self.app.store.ending().write(move |tx| audit::append(tx, &entry)).await;
        if let Err(cause) = written {
            tracing::error!(%cause, config_sha256 = digest, "the reload could not be recorded");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        toml::from_str(include_str!("../../../config/default.toml")).unwrap()
    }

    /// Every key is either replaced or named for a restart: none is lost.
    #[test]
    fn what_is_replaced_and_what_waits_for_a_start() {
        let old = InForce::new(&config());
        let mut new = config();
        new.server.log = "debug".into();
        new.server.workers = 7;
        new.hours.closed = Vec::new();
        new.institution.phone = "0120-111-111".into();
        new.institution.name = "さかな信用組合".into();
        new.telephony.hook_networks = vec!["192.0.2.0/28".into()];
        new.server.tls_cert_file = Some("chain.pem".into());
        let merged = InForce::new(&merged(&old.config, &new));
        let said = compare(&old, &merged, &new);
        assert_eq!(said.changed, ["hours.closed", "institution.phone", "server.log", "telephony.hook_networks"]);
        assert_eq!(
            said.restart,
            ["institution.name", "server.tls_cert_file", "server.workers"],
            "TLS begins with a start"
        );
        assert_eq!(said.log, "debug");
        // What is in force now is not told again, and what waits is.
        let again = compare(&merged, &merged, &new);
        assert_eq!((again.changed.len(), again.restart), (0, said.restart));
    }

    #[test]
    fn a_file_that_changed_is_told_as_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let (hook, token) = (dir.path().join("hook"), dir.path().join("token"));
        let write = |text: &str| [&hook, &token].map(|file| std::fs::write(file, text).unwrap());
        let mut config = config();
        config.telephony.hook_secret_files = vec![hook.clone()];
        config.bank.token_file = Some(token.clone());
        write("one");
        let old = InForce::new(&config);
        assert_eq!(
            compare(&old, &InForce::new(&config), &config),
            Reloaded { log: "info".into(), ..Reloaded::default() }
        );
        write("two");
        let said = compare(&old, &InForce::new(&config), &config);
        assert_eq!(
            (said.changed, said.restart),
            (vec!["telephony.hook_secret_files".to_owned()], vec!["bank.token_file".to_owned()])
        );
    }
}
