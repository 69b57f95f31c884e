//! The sections about the world outside: telephone, mail, core bank, what we fetch.

use super::Span;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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
    /// Whether the From header of the trunk can be believed.
    #[serde(default)]
    pub trust_from: bool,
    /// How long a call counts, from ③ (G10).
    #[serde(default = "window")]
    pub call_window: Span,
    /// How long 確定する counts, from ③ (G11).
    #[serde(default = "window")]
    pub confirm_window: Span,
    /// How often a number may be issued in one interaction, 1 to 3 (G12).
    #[serde(default = "one")]
    pub call_attempts: u32,
    /// How long a number rests before the same caller can be given it again.
    #[serde(default = "rest")]
    pub rest: Span,
    /// Whether the call comes by itself: test mode only, for programs that walk the screens.
    #[serde(default)]
    pub auto_call: bool,
}
fn window() -> Span {
    Span::secs(120)
}
fn one() -> u32 {
    1
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
    /// Into files under `data_dir/mail`: test mode only.
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
    /// None: loopback relays only.
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
    /// A further CA bundle for the relay's certificate, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// What EHLO says; by default the issuer's host.
    #[serde(default)]
    pub helo: Option<String>,
    /// User name at the relay.
    #[serde(default)]
    pub username: Option<String>,
    /// A file with the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// How long an address is kept after its notice was delivered.
    #[serde(default = "keep_address")]
    pub keep_address: Span,
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
    /// Where the API is.
    #[serde(default)]
    pub url: Option<String>,
    /// A file with the bearer token for it.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// How long one answer may take.
    #[serde(default = "bank_timeout")]
    pub timeout: Span,
    /// How many questions may be under way at once.
    #[serde(default = "bank_parallel")]
    pub parallel: usize,
    /// How long a question waits for its turn before the customer reads R35.
    #[serde(default = "bank_wait")]
    pub wait: Span,
    /// Files with the HMAC secret of the bank's reports; two while one is being replaced, none to take no reports.
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
    /// A further CA bundle, PEM.
    pub ca_file: Option<PathBuf>,
    /// How long one fetch may take.
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
    /// Whether `/oauth/register` is there at all.
    pub enabled: bool,
    /// How many apps may wait for approval at once.
    pub pending_most: u32,
    /// How long an app may wait for approval before it is dropped.
    pub pending_kept: Span,
    /// `iss` of the software statements that count.
    pub software_statement_issuers: Vec<String>,
    /// The keys they are signed with, a JWK Set.
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
