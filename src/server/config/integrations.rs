//! The sections about other systems: telephone, mail, core bank, outbound requests.

use super::Span;
use crate::lifecycle::notice::TRY_FOR;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// `[telephony]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telephony {
    /// 認証先電話番号: five or more are recommended.
    pub called_numbers: Vec<String>,
    /// Files with the hook's HMAC secrets; two while one is being replaced.
    pub hook_secret_files: Vec<PathBuf>,
    /// Networks a hook may come from; empty = any.
    #[serde(default)]
    pub hook_networks: Vec<String>,
    /// Whether the From header of the trunk is trusted.
    #[serde(default)]
    pub trust_from: bool,
    /// How long a call is accepted, from ③ (G10).
    #[serde(default = "window")]
    pub call_window: Span,
    /// How long 確定する is accepted, from ③ (G11).
    #[serde(default = "window")]
    pub confirm_window: Span,
    /// How often one interaction may get a number, 1 to 3 (G12).
    #[serde(default = "three")]
    pub call_attempts: u32,
    /// How long until the same caller may get the same number again.
    #[serde(default = "rest")]
    pub rest: Span,
    /// Whether a call is simulated: test mode only, for programs that go through the screens.
    #[serde(default)]
    pub auto_call: bool,
}
fn window() -> Span {
    Span::secs(120)
}
fn three() -> u32 {
    3
}
fn rest() -> Span {
    Span::secs(60)
}

/// `mail.kind`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailKind {
    /// Through a relay.
    Smtp,
    /// To files under `data_dir/mail`: test mode only.
    File,
}
/// `mail.tls`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, required.
    Starttls,
    /// No TLS: only for a relay on loopback.
    None,
}
/// `[mail]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// `smtp` or `file`.
    pub kind: MailKind,
    /// The sender's address; its domain is shown on ② (R83).
    pub from: String,
    /// The relay.
    #[serde(default = "localhost")]
    pub host: String,
    /// Its port.
    #[serde(default = "submission")]
    pub port: u16,
    /// `implicit`, `starttls` or `none`.
    #[serde(default = "starttls")]
    pub tls: MailTls,
    /// Additional CA certificates for the relay, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The name in EHLO; by default the issuer's host.
    #[serde(default)]
    pub helo: Option<String>,
    /// User name at the relay.
    #[serde(default)]
    pub username: Option<String>,
    /// A file with the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// How long an address is stored after its notice was delivered.
    #[serde(default = "keep_address")]
    pub keep_address: Span,
}
impl Mail {
    /// How long an address for notices is stored at most after its link has ended: a day of tries, and what the outbox keeps.
    #[must_use]
    pub fn address_retention(&self) -> Duration {
        TRY_FOR + self.keep_address.get()
    }
}
fn localhost() -> String {
    "localhost".into()
}
fn submission() -> u16 {
    587
}
fn starttls() -> MailTls {
    MailTls::Starttls
}
fn keep_address() -> Span {
    Span::days(30)
}

/// `bank.kind`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BankKind {
    /// A core banking API (`docs/core-banking.md`).
    Http,
    /// The built-in sample bank: test and demo only.
    Sample,
}
/// `[bank]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bank {
    /// `http` or `sample`.
    pub kind: BankKind,
    /// The address of the API.
    #[serde(default)]
    pub url: Option<String>,
    /// A file with the bearer token for it.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// The time limit of one response.
    #[serde(default = "bank_timeout")]
    pub timeout: Span,
    /// How many requests may run at the same time.
    #[serde(default = "bank_parallel")]
    pub parallel: usize,
    /// How long a request waits to be started before the customer gets R35.
    #[serde(default = "bank_wait")]
    pub wait: Span,
    /// Files with the HMAC secrets of the bank's reports; two while one is being replaced, none to accept no reports.
    #[serde(default)]
    pub event_secret_files: Vec<PathBuf>,
    /// Networks a report may come from; empty = any.
    #[serde(default)]
    pub event_networks: Vec<String>,
}
fn bank_timeout() -> Span {
    Span::secs(8)
}
fn bank_parallel() -> usize {
    64
}
fn bank_wait() -> Span {
    Span::secs(3)
}

/// `[outbound]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutboundConfig {
    /// Additional CA certificates, PEM.
    pub ca_file: Option<PathBuf>,
    /// The time limit of one request.
    pub timeout: Span,
}
impl Default for OutboundConfig {
    fn default() -> Self {
        Self { ca_file: None, timeout: Span::secs(5) }
    }
}

/// `[registration]`: apps that register themselves (RFC 7591, RFC 7592).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registration {
    /// Whether `/oauth/register` exists.
    pub enabled: bool,
    /// How many apps may wait for approval at once.
    pub pending_most: u32,
    /// How long an app may wait for approval before it is deleted.
    pub pending_kept: Span,
    /// The accepted `iss` of software statements.
    pub software_statement_issuers: Vec<String>,
    /// The keys of these issuers, a JWK Set.
    pub software_statement_keys_file: Option<PathBuf>,
}
impl Default for Registration {
    fn default() -> Self {
        Self {
            enabled: false,
            pending_most: 100,
            pending_kept: Span::days(30),
            software_statement_issuers: Vec::new(),
            software_statement_keys_file: None,
        }
    }
}
