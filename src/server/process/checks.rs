//! Creates the identity service with its rules and its core bank, and the hooks.

use super::{Error, Parts, SampleBank, StartSampleBank, inside, key};
use crate::alarm::Alarms;
use crate::bank::{EventHook, HttpBank};
use crate::client::registration::Trust;
use crate::clock::Instant;
use crate::config::{self, BankKind, Config};
use crate::hook::SignedHook;
use crate::identity::limiter::{HOUR, TEN_MINUTES};
use crate::identity::{
    CookieKey, CoreBank, FieldCrypto, IdentityPolicy, IdentityService, IdentityServiceParts, Limit, answer_within,
    customer_within,
};
use crate::keys::Jwk;
use crate::keys::ring::shared_secret;
use crate::outbound::{Network, Outbound};
use crate::phone::Phone;
use crate::store::Store;
use crate::telephony::sip_hook::SipHook;
use std::path::PathBuf;
use std::sync::Arc;

/// The identity service.
pub(super) async fn identity_service(
    config: &Config,
    store: Store,
    seals: FieldCrypto,
    bank: Arc<dyn CoreBank>,
    alarms: Arc<Alarms>,
    now: Instant,
) -> Result<IdentityService, Error> {
    let key = shared_secret(&store, &seals.sealer, &*seals.random, "interaction_cookies", now).await;
    let key = CookieKey::new(key.map_err(super::key("the key of cookies"))?);
    Ok(IdentityService::new(store, IdentityServiceParts { crypto: seals, key, policy: policy(config)?, bank, alarms }))
}

/// The accepted issuers of software statements.
pub(super) fn trust(config: &Config) -> Result<Trust, Error> {
    let wanted = &config.registration;
    let Some(file) = &wanted.software_statement_keys_file else { return Ok(Trust::default()) };
    let text = std::fs::read(file).map_err(|e| Error::Io(file.display().to_string(), e))?;
    let at = "registration.software_statement_keys_file";
    let set = serde_json::from_slice(&text).map_err(key(at))?;
    let keys = Jwk::parse_set(&set).map_err(key(at))?;
    Ok(Trust { issuers: wanted.software_statement_issuers.clone(), keys })
}

/// The rules of the checks, as configured.
pub(super) fn policy(config: &Config) -> Result<IdentityPolicy, Error> {
    let (identity, calls, limits) = (&config.identity, &config.telephony, &config.limits);
    Ok(IdentityPolicy {
        hours: config.hours.in_force().map_err(key("hours.closed"))?.into(),
        absolute: identity.session.get(),
        idle: identity.idle.get(),
        failures_a_day: identity.failures_per_day.into(),
        wrong_pins: identity.wrong_pins_ever.into(),
        unknown_accounts: identity.unknown_accounts.into(),
        concurrent: identity.concurrent.into(),
        unfinished: identity.unfinished.into(),
        by_network: limits.by_network,
        starts: Limit { most: limits.starts, window: TEN_MINUTES },
        customer_posts: Limit { most: limits.customer_posts, window: TEN_MINUTES },
        network_unknown_accounts: Limit { most: limits.unknown_accounts, window: HOUR },
        network_wrong_customers: Limit { most: limits.wrong_customers, window: HOUR },
        alarms: limits.alarms(),
        bank_parallel: config.bank.parallel,
        bank_wait: config.bank.wait.get(),
        customer_within: customer_within(config.bank.wait.get(), config.bank.timeout.get()),
        answer_within: answer_within(config.bank.timeout.get(), config.store.time_limit.get()),
        called_numbers: calls.called_numbers.iter().filter_map(|n| Phone::parse(n)).collect(),
        call_window: calls.call_window.get(),
        confirm_window: calls.confirm_window.get(),
        call_attempts: calls.call_attempts,
        rest: calls.rest.get(),
        auto_call: calls.auto_call,
        ..IdentityPolicy::default()
    })
}

/// The core bank; with the means to stop it if it is the sample bank.
pub(super) fn bank(config: &Config, parts: &Parts) -> Result<(Arc<dyn CoreBank>, Option<SampleBank>), Error> {
    if let Some(own) = &parts.bank {
        return Ok((own.clone(), None));
    }
    let wanted = &config.bank;
    let (BankKind::Http, Some(url)) = (wanted.kind, &wanted.url) else {
        let (start, dir) = (has_sample_bank(parts.sample_bank)?, &config.server.data_dir);
        let sample = start(dir, parts.clock.clone(), parts.random.clone());
        let sample = sample.map_err(|e| Error::Io(dir.display().to_string(), e))?;
        let outbound = Outbound::loopback().map_err(key("bank.kind"))?;
        return Ok((Arc::new(HttpBank::new(outbound, &sample.url, Some(sample.token.clone()))), Some(sample)));
    };
    let token = wanted.token_file.as_deref().map(config::secret_file).transpose()?;
    // The bank has its own timeout, because a customer waits at a page.
    let mut patient = config.clone();
    patient.outbound.timeout = wanted.timeout;
    Ok((Arc::new(HttpBank::new(inside(&patient)?, url, token)), None))
}

/// Refuses `bank.kind = "sample"` in a program that has no sample bank.
pub(super) fn has_sample_bank(start: Option<StartSampleBank>) -> Result<StartSampleBank, Error> {
    let refuse = key("bank.kind");
    start.ok_or_else(|| refuse("this program was built without the sample bank (the cargo feature \"demo\")"))
}

/// The networks in the list of the key `name`.
pub(super) fn networks(name: &'static str, texts: &[String]) -> Result<Vec<Network>, Error> {
    Network::list(texts)
        .map_err(|text| key(name)(format!("{text:?} is not an address, nor a network such as 10.1.0.0/16")))
}

/// The hook for reports of calls.
pub(super) fn hook(config: &Config) -> Result<SipHook, Error> {
    let calls = &config.telephony;
    let signed = signed_hook(&calls.hook_secret_files, &calls.hook_networks, "telephony.hook_networks")?;
    Ok(SipHook::new(signed, calls.trust_from))
}

/// The hook for reports of account changes.
pub(super) fn bank_hook(config: &Config) -> Result<EventHook, Error> {
    let bank = &config.bank;
    signed_hook(&bank.event_secret_files, &bank.event_networks, "bank.event_networks").map(EventHook::new)
}

fn signed_hook(files: &[PathBuf], sources: &[String], sources_key: &'static str) -> Result<SignedHook, Error> {
    let sources = networks(sources_key, sources)?;
    let secrets = files.iter().map(|file| config::secret_file(file)).collect::<Result<_, _>>()?;
    Ok(SignedHook::new(secrets, sources, sources_key))
}
