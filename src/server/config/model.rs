//! Every key, by section.

use super::{
    AdminConfig, Bank, Error, Events, Institution, Keys, Limits, LogFormat, Mail, OutboundConfig, Registration, Span,
    Telephony, TracesConfig,
};
use crate::identity::service_hours::{self, NotAWindow, SEED};
use crate::scope::Scope;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Our issuer and our listeners.
    pub server: Server,
    /// What operators look at.
    #[serde(default)]
    pub admin: AdminConfig,
    /// What happened when, for the institution's collector.
    #[serde(default)]
    pub traces: TracesConfig,
    /// The database.
    #[serde(default)]
    pub store: Store,
    /// The institution: its name and texts on every screen.
    pub institution: Institution,
    /// Service hours (docs/requirements.md#hours).
    #[serde(default)]
    pub hours: Hours,
    /// Limits of the five checks.
    #[serde(default)]
    pub identity: Identity,
    /// Limits for one network or one client.
    #[serde(default)]
    pub limits: Limits,
    /// The numbers customers call, and the reports of calls.
    pub telephony: Telephony,
    /// Outgoing mail.
    pub mail: Mail,
    /// The core bank.
    pub bank: Bank,
    /// Outbound requests.
    #[serde(default)]
    pub outbound: OutboundConfig,
    /// Codes, grants and tokens.
    #[serde(default)]
    pub tokens: Tokens,
    /// Lifecycle events and their receivers.
    #[serde(default)]
    pub events: Events,
    /// How our signing keys rotate.
    #[serde(default)]
    pub keys: Keys,
    /// Apps that register themselves.
    #[serde(default)]
    pub registration: Registration,
}

/// `server.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Refuses the simulator, the sample bank, file mail and plain http.
    Production,
    /// A banner on every page; loopback, `.test` and `.localhost` issuers only.
    Test,
    /// The mode of `renkei demo`; a configuration file cannot set it.
    #[serde(skip_deserializing)]
    Demo,
}

/// `[server]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Our public address: `https://link.example.jp`, no path, no trailing slash.
    pub issuer: String,
    /// `production` (default) or `test`.
    #[serde(default = "production")]
    pub mode: Mode,
    /// Addresses to listen on.
    #[serde(default = "listen")]
    pub listen: Vec<SocketAddr>,
    /// Certificate chain, PEM.
    #[serde(default)]
    pub tls_cert_file: Option<PathBuf>,
    /// Its private key, PEM.
    #[serde(default)]
    pub tls_key_file: Option<PathBuf>,
    /// Addresses for clients with certificates (RFC 8705); the public ones never ask, because a browser would prompt.
    #[serde(default)]
    pub mtls_listen: Vec<SocketAddr>,
    /// The public address of `mtls_listen`: the base of `mtls_endpoint_aliases`.
    #[serde(default)]
    pub mtls_base_url: Option<String>,
    /// The CAs of client certificates (`tls_client_auth`), PEM.
    #[serde(default)]
    pub mtls_ca_file: Option<PathBuf>,
    /// The revocation lists of these CAs, PEM (RFC 5280 §5).
    #[serde(default)]
    pub mtls_crl_file: Option<PathBuf>,
    /// Whether trusted_proxies send a client's certificate in `Client-Cert` (RFC 9440).
    #[serde(default)]
    pub client_cert_header: bool,
    /// Addresses and networks of the proxies in front of us, which terminate TLS and send the caller's address in
    /// `X-Forwarded-For`.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// The folder of the store file, the admin socket and test mail.
    #[serde(default = "data_dir")]
    pub data_dir: PathBuf,
    /// 32 random bytes, base64url: seals keys and personal fields.
    pub master_key_file: PathBuf,
    /// Web worker threads; 0 = one for each processor.
    #[serde(default)]
    pub workers: usize,
    /// The most open connections, of all listeners together.
    #[serde(default = "most_connections")]
    pub connections: usize,
    /// How long a stop says that we are not ready before the listeners close; see [`Server::drain_for`].
    #[serde(default)]
    pub drain: Option<Span>,
    /// How long a stop waits for running requests.
    #[serde(default = "shutdown_grace")]
    pub shutdown_grace: Span,
    /// `error`, `warn`, `info`, `debug`.
    #[serde(default = "log_level")]
    pub log: String,
    /// `json` or `text`.
    #[serde(default = "log_format")]
    pub log_format: LogFormat,
}
fn production() -> Mode {
    Mode::Production
}
fn listen() -> Vec<SocketAddr> {
    vec![SocketAddr::from(([127, 0, 0, 1], 8443))]
}
fn data_dir() -> PathBuf {
    PathBuf::from("data")
}
fn most_connections() -> usize {
    1024
}
fn shutdown_grace() -> Span {
    Span::secs(20)
}
fn log_level() -> String {
    "info".into()
}
fn log_format() -> LogFormat {
    LogFormat::Json
}

/// `[store]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite:FILE` (under `data_dir` if relative) or `postgres://…`.
    pub url: String,
    /// A file with the URL, if it contains a password.
    pub url_file: Option<PathBuf>,
    /// PostgreSQL connections.
    pub connections: usize,
    /// How long one unit of work may wait; on PostgreSQL also the time limit of each step.
    pub time_limit: Span,
}
impl Default for Store {
    fn default() -> Self {
        Self { url: "sqlite:renkei.db".into(), url_file: None, connections: 8, time_limit: Span::secs(5) }
    }
}

/// `[hours]`: when the service is closed. `identity::service_hours` parses the texts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hours {
    /// Never closed: for demonstrations.
    pub always_open: bool,
    /// The windows in which the service is closed.
    pub closed: Vec<String>,
}
impl Default for Hours {
    fn default() -> Self {
        Self { always_open: false, closed: SEED.map(str::to_owned).to_vec() }
    }
}
impl Hours {
    /// The configured windows, even if `always_open` overrides them.
    ///
    /// # Errors
    /// A window that cannot be parsed.
    pub fn windows(&self) -> Result<service_hours::Hours, NotAWindow> {
        service_hours::Hours::parse(self.closed.iter().map(String::as_str))
    }
    /// The windows that close the service: none if it is always open.
    ///
    /// # Errors
    /// Those of [`Self::windows`].
    pub fn in_force(&self) -> Result<service_hours::Hours, NotAWindow> {
        let windows = self.windows()?;
        Ok(if self.always_open { service_hours::Hours::default() } else { windows })
    }
}

/// `[identity]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// 規定回数: wrong answers at ② and ⑤ within one day before the lock (G4).
    pub failures_per_day: u32,
    /// Wrong PINs in all, without a success between, before only an operator releases the lock (G5).
    pub wrong_pins_ever: u32,
    /// R30 answers after which an interaction ends (G3).
    pub unknown_accounts: u32,
    /// The longest interaction (G28), at most five minutes less than the hour its cookie lives.
    pub session: Span,
    /// The longest pause on one screen (G28).
    pub idle: Span,
    /// How many interactions past ② until others get R35 (G8).
    pub concurrent: u32,
    /// How many interactions before ② until nobody can begin.
    pub unfinished: u32,
    /// Whether ① has 中止する (G19).
    pub cancel_on_account: bool,
    /// 画面ID of ② (G20).
    pub customer_screen_id: String,
    /// The lifetime of a proofing session for one app in one browser; 0 for none. A client's own record must allow it
    /// too.
    pub proofing_memory: Span,
}
impl Default for Identity {
    fn default() -> Self {
        Self {
            failures_per_day: 3,
            wrong_pins_ever: 10,
            unknown_accounts: 5,
            session: Span::secs(30 * 60),
            idle: Span::secs(15 * 60),
            concurrent: 500,
            unfinished: 50_000,
            cancel_on_account: true,
            customer_screen_id: "SOA202".into(),
            proofing_memory: Span::secs(0),
        }
    }
}

/// `[tokens]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// How long a browser may begin with a pushed request: `expires_in` (RFC 9126 §2.2), under 600 s (FAPI 2.0).
    pub request_lifetime: Span,
    /// Lifetime of an authorization code, at most 60 s (FAPI 2.0).
    pub code_lifetime: Span,
    /// 認可期間: the longest lifetime of a grant (R4).
    pub grant_lifetime: Span,
    /// Lifetime of an id_token.
    pub id_token_lifetime: Span,
    /// `aud` of an access token if the request names no resource.
    pub default_audience: String,
    /// Scopes that a client may have for itself, without a customer (RFC 6749 §4.4); your APIs define their meaning.
    pub client_scopes: Scope,
    /// Whether a DPoP proof must have a nonce of ours.
    pub dpop_nonce_required: bool,
    /// How many links one app may have for one account; a further one ends the one not used for longest.
    pub open_grants: usize,
    /// How often it is written when links were last used.
    pub note_uses: Span,
    /// How long a consent record is stored after its grant ended.
    pub keep_consents: Span,
}
impl Default for Tokens {
    fn default() -> Self {
        Self {
            request_lifetime: Span::secs(300),
            code_lifetime: Span::secs(60),
            grant_lifetime: Span::days(30),
            id_token_lifetime: Span::secs(300),
            default_audience: "accounts-api".into(),
            client_scopes: Scope::default(),
            dpop_nonce_required: false,
            open_grants: 10,
            note_uses: Span::secs(60),
            keep_consents: Span::days(7 * 365),
        }
    }
}

impl Config {
    /// Whether browsers use TLS: then cookies are `__Host-` and Secure.
    #[must_use]
    pub fn https(&self) -> bool {
        self.server.issuer.starts_with("https://")
    }

    /// Makes relative paths relative to the configuration file's folder.
    pub(super) fn relative_to(mut self, dir: &Path) -> Self {
        let s = &mut self.server;
        let files = [&mut s.data_dir, &mut s.master_key_file];
        let maybe = [&mut s.tls_cert_file, &mut s.tls_key_file, &mut self.store.url_file, &mut self.mail.password_file];
        let further = [&mut self.mail.ca_file, &mut self.institution.terms_file, &mut self.institution.logo_file];
        let more = [&mut s.mtls_ca_file, &mut s.mtls_crl_file, &mut self.bank.token_file, &mut self.outbound.ca_file];
        let trust = [&mut self.registration.software_statement_keys_file, &mut self.admin.socket];
        let hooks = self.telephony.hook_secret_files.iter_mut().chain(self.bank.event_secret_files.iter_mut());
        for file in files
            .into_iter()
            .chain(maybe.into_iter().chain(more).chain(further).chain(trust).filter_map(Option::as_mut))
            .chain(hooks)
        {
            *file = dir.join(&*file);
        }
        self
    }

    /// The rules that types cannot express: dependencies of keys, and what a mode forbids (requirements.md#modes).
    ///
    /// # Errors
    /// Every key that breaks a rule.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = super::check::all(self);
        let mistakes: Vec<_> = wrong.into_iter().map(|(key, why)| Error::Key { key, why }).collect();
        if mistakes.is_empty() { Ok(()) } else { Err(Error::of(mistakes)) }
    }
}
