//! The demo's configuration of the authorization server: an invented institution on this machine.

use renkei_core::client::metadata::Rules;
use renkei_core::client::{Client, SecretKey, prepare};
use renkei_core::clock::Instant;
use renkei_core::random::Random;
use renkei_core::refusal::{ErrorCode, Refusal};
use renkei_server::config::{Config, Mode, client_rules};
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// The addresses the demo's parts know each other by.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    /// The authorization server's port.
    pub port: u16,
    /// The sample app.
    pub app: String,
    /// The account API.
    pub api: String,
    /// The simulator, which has the institution's documents too.
    pub simulator: String,
    /// Where the simulator takes mail.
    pub smtp: SocketAddr,
}

impl Addresses {
    /// The issuer.
    #[must_use]
    pub(super) fn issuer(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
    /// The port of `/metrics` and of `/readyz` with components.
    #[must_use]
    pub(super) const fn operator_port(&self) -> u16 {
        self.port.saturating_add(4)
    }
    /// The operator's side.
    #[must_use]
    pub(super) fn operator(&self) -> String {
        format!("http://localhost:{}", self.operator_port())
    }
}

/// The file of the secret that the telephone's hook wants.
pub(super) const HOOK_SECRET: &str = "hook.secret";
/// The file of the secret that the bank's hook wants.
pub(super) const BANK_SECRET: &str = "bank-events.secret";

/// The configuration of the authorization server.
///
/// # Errors
/// When the file that comes with the program does not hold.
pub(super) fn config(addresses: &Addresses, folder: &Path, always_open: bool) -> Result<Config, toml::de::Error> {
    let mut config: Config = toml::from_str(include_str!("../../config/demo/renkei.toml"))?;
    config.server.mode = Mode::Demo;
    config.server.issuer = addresses.issuer();
    config.server.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, addresses.port))];
    config.admin.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, addresses.operator_port()))];
    config.server.data_dir = folder.to_owned();
    config.server.master_key_file = folder.join("master.key");
    config.hours.always_open = always_open;
    config.telephony.hook_secret_files = vec![folder.join(HOOK_SECRET)];
    config.bank.event_secret_files = vec![folder.join(BANK_SECRET)];
    config.mail.host = addresses.smtp.ip().to_string();
    config.mail.port = addresses.smtp.port();
    config.tokens.default_audience.clone_from(&addresses.api);
    let document = |name: &str| format!("{}/documents/{name}", addresses.simulator);
    config.institution.terms_url = document("api-terms");
    config.institution.faq_url = document("faq");
    Ok(config)
}

/// 認可期間
const MONTH: Duration = Duration::from_secs(30 * 86_400);

/// The records of the demo's three clients, as `renkei client import` reads them.
const RECORDS: [&str; 3] = [
    include_str!("../../config/demo/creco.json"),
    include_str!("../../config/demo/kakeibo.json"),
    include_str!("../../config/demo/accounts-api.json"),
];

/// The three clients, with this demo's addresses in their records.
///
/// # Errors
/// When a record does not hold.
pub(super) fn clients(
    addresses: &Addresses,
    key: &SecretKey,
    random: &dyn Random,
    now: Instant,
) -> Result<Vec<Client>, Refusal> {
    let rules = Rules { scopes: None, detail_types: None, ..client_rules(Mode::Demo, MONTH) };
    let prepared = |record: &&str| {
        let text =
            record.replace("http://localhost:8081", &addresses.app).replace("http://localhost:8082", &addresses.api);
        let document: Value = serde_json::from_str(&text)
            .map_err(|_| Refusal::new(ErrorCode::InvalidClientMetadata, "a demo record is not JSON"))?;
        Ok(prepare(&document, &rules, false, key, random, now)?.client)
    };
    RECORDS.iter().map(prepared).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use renkei_core::client::Profile;
    use renkei_core::random::SystemRandom;

    fn addresses() -> Addresses {
        let smtp = SocketAddr::from((Ipv4Addr::LOCALHOST, 4025));
        let at = |port: u16| format!("http://localhost:{port}");
        Addresses { port: 4000, app: at(4001), api: at(4002), simulator: at(4003), smtp }
    }

    #[test]
    fn the_configuration_holds() -> Result<(), Box<dyn std::error::Error>> {
        let config = config(&addresses(), Path::new("/tmp/demo"), true)?;
        config.check()?;
        assert_eq!(config.server.mode, Mode::Demo);
        assert_eq!(config.server.issuer, "http://localhost:4000");
        assert_eq!((config.mail.port, config.hours.always_open), (4025, true));
        assert_eq!(config.institution.faq_url, "http://localhost:4003/documents/faq");
        Ok(())
    }

    #[test]
    fn the_three_clients_hold_and_know_this_demos_addresses() -> Result<(), Refusal> {
        let clients = clients(&addresses(), &SecretKey::new([1; 32].into()), &SystemRandom, Instant::from_secs(0))?;
        let by_id = |id: &str| clients.iter().find(|c| c.id.as_str() == id);
        let (creco, kakeibo, api) = (by_id("creco"), by_id("kakeibo"), by_id("accounts-api"));
        assert!(creco.is_some_and(|c| c.profile == Profile::Fapi2 && c.dpop_bound && c.require_par));
        assert_eq!(creco.map(|c| c.redirect_uris.clone()), Some(vec!["http://localhost:4001/callback".into()]));
        let terms = creco.and_then(|c| c.provider.terms_uri.as_deref());
        assert_eq!(terms, Some("http://localhost:4001/documents/terms"));
        let back = ["http://localhost:4001/kakeibo/callback", "http://127.0.0.1:9999/callback"];
        assert!(kakeibo.is_some_and(|c| c.profile == Profile::Oidc && c.require_pkce && c.redirect_uris == back));
        assert!(api.is_some_and(|c| c.profile == Profile::ResourceServer && c.resources == ["http://localhost:4002"]));
        Ok(())
    }
}
