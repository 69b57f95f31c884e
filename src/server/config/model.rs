//! Every key, by section.

use super::{Bank, Error, Events, Keys, Limits, Mail, OutboundConfig, Registration, Span, Telephony};
use crate::identity::service_hours::{self, NotAWindow, SEED};
use crate::scope::Scope;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who we are and where we listen.
    pub server: Server,
    /// Where everything is kept.
    #[serde(default)]
    pub store: Store,
    /// The institution: its name and words on every screen.
    pub institution: Institution,
    /// Service hours (docs/requirements.md#hours).
    #[serde(default)]
    pub hours: Hours,
    /// Limits of the five checks.
    #[serde(default)]
    pub identity: Identity,
    /// What one network or one client may do.
    #[serde(default)]
    pub limits: Limits,
    /// The numbers customers call, and who may report a call.
    pub telephony: Telephony,
    /// How mail leaves.
    pub mail: Mail,
    /// The core bank.
    pub bank: Bank,
    /// What we fetch from others.
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
    /// What `renkei demo` runs; no file can ask for it.
    #[serde(skip_deserializing)]
    Demo,
}

/// `[server]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Our name to the world: `https://link.example.jp`, no path, no trailing slash.
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
    /// Addresses on which clients show certificates (RFC 8705); the public ones never ask, a browser would prompt.
    #[serde(default)]
    pub mtls_listen: Vec<SocketAddr>,
    /// Where the world reaches `mtls_listen`: the base of `mtls_endpoint_aliases`.
    #[serde(default)]
    pub mtls_base_url: Option<String>,
    /// Authorities that may vouch for a client's certificate (`tls_client_auth`), PEM.
    #[serde(default)]
    pub mtls_ca_file: Option<PathBuf>,
    /// The revocation lists of these authorities, PEM (RFC 5280 §5).
    #[serde(default)]
    pub mtls_crl_file: Option<PathBuf>,
    /// Whether trusted_proxies tell a client's certificate in `Client-Cert` (RFC 9440).
    #[serde(default)]
    pub client_cert_header: bool,
    /// Addresses and networks of the proxies in front of us, which end TLS and tell the caller's address in
    /// `X-Forwarded-For`.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// Where the store file, the admin socket and test mail live.
    #[serde(default = "data_dir")]
    pub data_dir: PathBuf,
    /// 32 random bytes, base64url: seals keys and personal fields.
    pub master_key_file: PathBuf,
    /// Web worker threads; 0 = one a processor.
    #[serde(default)]
    pub workers: usize,
    /// Connections open at once, on all listeners together.
    #[serde(default = "most_connections")]
    pub connections: usize,
    /// How long a stop waits for requests under way.
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

/// `server.log_format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// `[store]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite:FILE` (under `data_dir` when relative) or `postgres://…`.
    pub url: String,
    /// A file with the URL, when it holds a password.
    pub url_file: Option<PathBuf>,
    /// PostgreSQL connections.
    pub connections: usize,
    /// How long one unit of work waits for its turn; on PostgreSQL also how long each step of it may take.
    pub time_limit: Span,
}
impl Default for Store {
    fn default() -> Self {
        Self { url: "sqlite:renkei.db".into(), url_file: None, connections: 8, time_limit: Span::secs(5) }
    }
}

/// Which kind of institution, and so what it calls itself (G32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstitutionKind {
    /// 信用組合: 当信用組合
    Shinkumi,
    /// 組合: 当組合
    Kumiai,
    /// 信用金庫: 当金庫
    Shinkin,
    /// 銀行: 当行
    Bank,
}
impl InstitutionKind {
    /// How the institution speaks of itself.
    #[must_use]
    pub const fn ja(self) -> &'static str {
        match self {
            Self::Shinkumi => "当信用組合",
            Self::Kumiai => "当組合",
            Self::Shinkin => "当金庫",
            Self::Bank => "当行",
        }
    }
}

/// `[institution]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Institution {
    /// 機関名, e.g. みなと信用組合.
    pub name: String,
    /// Its English name.
    pub name_en: String,
    /// `shinkumi`, `kumiai`, `shinkin` or `bank`.
    pub kind: InstitutionKind,
    /// `#rrggbb`, with 3:1 against white.
    #[serde(default = "color")]
    pub color: String,
    /// API利用規定.
    pub terms_url: String,
    /// The version of the terms a customer agrees to.
    pub terms_version: String,
    /// よくあるご質問.
    pub faq_url: String,
    /// お問い合わせ先.
    pub phone: String,
    /// The department that answers, e.g. 事務部.
    #[serde(default = "department")]
    pub department: String,
    /// When it answers, e.g. 平日9時～17時.
    #[serde(default = "contact_hours")]
    pub contact_hours: String,
    /// The copyright line of the footer.
    pub copyright: String,
    /// Private networks in which the institution's own systems stand, e.g. `10.1.0.0/16`.
    #[serde(default)]
    pub networks: Vec<String>,
}
fn color() -> String {
    "#00629b".into()
}
fn department() -> String {
    "事務部".into()
}
fn contact_hours() -> String {
    "平日9時～17時".into()
}

/// `[hours]`: what closes the service. Text forms as `identity::service_hours` reads them.
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
    /// The windows as they are written, whether or not `always_open` passes over them.
    ///
    /// # Errors
    /// The window that cannot be read.
    pub fn windows(&self) -> Result<service_hours::Hours, NotAWindow> {
        service_hours::Hours::parse(self.closed.iter().map(String::as_str))
    }
    /// The windows that close the service: none when it is always open.
    ///
    /// # Errors
    /// As for [`Self::windows`].
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
    /// Wrong PINs ever, without a success, before only an operator releases the lock (G5).
    pub wrong_pins_ever: u32,
    /// R30 answers after which an interaction ends (G3).
    pub unknown_accounts: u32,
    /// The longest interaction (G28): five minutes less than the hour its cookie lives.
    pub session: Span,
    /// The longest pause on one screen (G28).
    pub idle: Span,
    /// Interactions past ② before others see R35 (G8).
    pub concurrent: u32,
    /// Interactions that have not passed ② before nobody can begin.
    pub unfinished: u32,
    /// Whether ① has 中止する (G19).
    pub cancel_on_account: bool,
    /// 画面ID of ② (G20).
    pub customer_screen_id: String,
    /// How long finished checks may be remembered for one app in one browser; nought is never. A client's own record
    /// must allow it too.
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
    /// Life of an authorization code, at most 60 s (FAPI 2.0).
    pub code_lifetime: Span,
    /// 認可期間: no client's grant lives longer (R4).
    pub grant_lifetime: Span,
    /// Life of an id_token.
    pub id_token_lifetime: Span,
    /// `aud` of an access token when the request names no resource.
    pub default_audience: String,
    /// Scopes a client may have for itself, without a customer (RFC 6749 §4.4); what they open, your APIs say.
    pub client_scopes: Scope,
    /// Whether a DPoP proof must carry a nonce of ours.
    pub dpop_nonce_required: bool,
    /// How long a consent record is kept after its grant ended.
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
            keep_consents: Span::days(7 * 365),
        }
    }
}

impl Config {
    /// Whether the screens are reached over TLS: what makes a cookie `__Host-` and Secure.
    #[must_use]
    pub fn https(&self) -> bool {
        self.server.issuer.starts_with("https://")
    }

    /// Makes relative paths relative to the configuration file's folder.
    pub(super) fn relative_to(mut self, dir: &Path) -> Self {
        let s = &mut self.server;
        let files = [&mut s.data_dir, &mut s.master_key_file];
        let maybe = [&mut s.tls_cert_file, &mut s.tls_key_file, &mut self.store.url_file, &mut self.mail.password_file];
        let further = [&mut self.mail.ca_file];
        let more = [&mut s.mtls_ca_file, &mut s.mtls_crl_file, &mut self.bank.token_file, &mut self.outbound.ca_file];
        let trust = &mut self.registration.software_statement_keys_file;
        let hooks = self.telephony.hook_secret_files.iter_mut().chain(self.bank.event_secret_files.iter_mut());
        for file in files
            .into_iter()
            .chain(maybe.into_iter().chain(more).chain(further).chain([trust]).filter_map(Option::as_mut))
            .chain(hooks)
        {
            *file = dir.join(&*file);
        }
        self
    }

    /// What no type can say: how keys fit together, and what a mode refuses (requirements.md#modes).
    ///
    /// # Errors
    /// The first key that does not fit.
    pub fn check(&self) -> Result<(), Error> {
        super::check::all(self)
    }
}
