//! The commands of staff, and their form in HTTP under `/admin/v1`: written and parsed here, so that both sides agree.

use super::{AdminError, ClientAsk, ConsentAsk, GrantKey, GrantsOf, Rotation, StreamAsk, TokenAsk, grants, mail};
use crate::account::Account;
use crate::audit::Cursor;
use crate::clock::Instant;
use crate::id::{GrantId, NoticeId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A reason in staff's own words, why they look or act. It is stored in the audit record, so it must not name the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffReason(String);
impl StaffReason {
    /// Parses a reason: 3 to 200 characters on one line, a letter among them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let fits = (3..=200).contains(&text.chars().count()) && !text.chars().any(breaks);
        (fits && text.chars().any(char::is_alphabetic)).then(|| Self(text.to_owned()))
    }
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A period of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// Its start.
    pub from: Option<Instant>,
    /// Its end, exclusive.
    pub to: Option<Instant>,
}

/// A query or command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminCommand {
    /// All grants of an account or of a 受付番号, newest first.
    Grants {
        /// Of what.
        of: GrantsOf,
        /// The reason.
        why: StaffReason,
    },
    /// One grant and its history.
    Grant {
        /// The grant.
        of: GrantKey,
        /// The reason.
        why: StaffReason,
    },
    /// End a grant; or take one account out of it, which ends it if it was verified by that account.
    RevokeGrant {
        /// The grant.
        id: GrantId,
        /// The account to take out; `None` ends the grant.
        account: Option<Account>,
        /// The reason.
        why: StaffReason,
    },
    /// One consent record.
    Consent(ConsentAsk),
    /// The accounts locked for linking.
    Locks {
        /// The reason.
        why: StaffReason,
    },
    /// Release the lock of an account.
    ReleaseLock {
        /// The account.
        account: Account,
        /// The reason.
        why: StaffReason,
    },
    /// Whether the whole service is off.
    Service,
    /// Switch the whole service off or on.
    SwitchService {
        /// Off, or on.
        off: bool,
        /// The reason.
        why: StaffReason,
    },
    /// The notices that have not been delivered.
    Notices {
        /// The reason.
        why: StaffReason,
    },
    /// Try a notice again.
    RetryNotice {
        /// The notice.
        id: NoticeId,
    },
    /// Check the invariants of the whole store.
    VerifyAudit,
    /// One page of the audit record.
    ExportAudit {
        /// The period.
        period: Period,
        /// One grant only.
        grant: Option<GrantId>,
        /// One account and the grants that share it or have shared it only.
        account: Option<Account>,
        /// The reason.
        why: StaffReason,
        /// The cursor of the last page.
        after: Option<Cursor>,
    },
    /// Who of the staff looked at an account, or did something with it.
    Looks {
        /// The account.
        account: Account,
        /// The reason.
        why: StaffReason,
    },
    /// A command about the client registry.
    Client(ClientAsk),
    /// A command about initial access tokens.
    Token(TokenAsk),
    /// A command about streams of events.
    Stream(StreamAsk),
    /// List our own signing keys.
    Keys,
    /// Rotate our own signing keys.
    RotateKeys(Rotation),
    /// Copy the store into a file while it is in use.
    Backup {
        /// The file; it must not exist yet.
        file: PathBuf,
    },
    /// The schema files of the database.
    Schema,
    /// Send one real mail, to see whether mail goes out.
    TestMail {
        /// The address.
        to: String,
    },
}

/// A command in HTTP: method, path with query, body.
pub type Http = (&'static str, String, Option<Value>);

/// The path of every command.
pub const BASE: &str = "/admin/v1";

impl AdminCommand {
    /// The command as an HTTP request.
    #[must_use]
    pub fn http(&self) -> Http {
        let get = |path: String| ("GET", format!("{BASE}{path}"), None);
        match self {
            Self::Grants { of, why } => get(asked("/grants", &[of.query()], why)),
            Self::Grant { of, why } => get(asked(&format!("/grants/{}", of.as_str()), &[], why)),
            Self::RevokeGrant { id, account, why } => {
                let of = account.as_ref().map(|account| format!("?account={account}")).unwrap_or_default();
                ("POST", format!("{BASE}/grants/{id}/revoke{of}"), Some(json!({"reason": why.as_str()})))
            }
            Self::Consent(ask) => ask.http(),
            Self::Locks { why } => get(asked("/locks", &[], why)),
            Self::ReleaseLock { account, why } => {
                ("POST", format!("{BASE}/locks/{account}/release"), Some(json!({"reason": why.as_str()})))
            }
            Self::Service => get("/service".to_owned()),
            Self::SwitchService { off, why } => {
                let to = if *off { "off" } else { "on" };
                ("POST", format!("{BASE}/service/{to}"), Some(json!({"reason": why.as_str()})))
            }
            Self::Notices { why } => get(asked("/notices", &[], why)),
            Self::RetryNotice { id } => ("POST", format!("{BASE}/notices/{id}/retry"), None),
            Self::VerifyAudit => get("/audit/verify".to_owned()),
            Self::ExportAudit { period, grant, account, after, why } => {
                let some = [
                    ("from", period.from.map(|t| t.millis().to_string())),
                    ("to", period.to.map(|t| t.millis().to_string())),
                    ("grant", grant.as_ref().map(ToString::to_string)),
                    ("account", account.as_ref().map(ToString::to_string)),
                    ("after", after.as_ref().map(Cursor::written)),
                ];
                let some: Vec<_> = some.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                get(asked("/audit", &some, why))
            }
            Self::Looks { account, why } => get(asked("/audit/looks", &[("account", account.to_string())], why)),
            Self::Client(ask) => based(ask.http()),
            Self::Token(ask) => based(ask.http()),
            Self::Stream(ask) => based(ask.http()),
            Self::Keys => get("/keys".to_owned()),
            Self::RotateKeys(order) => ("POST", format!("{BASE}/keys/rotate"), Some(order.written())),
            Self::Backup { file } => ("POST", format!("{BASE}/backup"), Some(json!({"file": file}))),
            Self::Schema => get("/schema".to_owned()),
            Self::TestMail { to } => ("POST", format!("{BASE}/mail/test"), Some(json!({"to": to}))),
        }
    }

    /// Parses an HTTP request: the path below [`BASE`] and the query.
    ///
    /// # Errors
    /// [`AdminError::Unknown`] for an unknown path, [`AdminError::Invalid`] for an error in a known one.
    pub fn parse(method: &str, path: &str, query: &str, body: &[u8]) -> Result<Self, AdminError> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let query = Query::parse(query)?;
        let ask = match (method, segments.as_slice()) {
            ("GET", ["grants"]) => {
                let of = match (query.may("account", Account::parse)?, query.may("receipt", grants::receipt)?) {
                    (Some(account), None) => GrantsOf::Account(account),
                    (None, Some(receipt)) => GrantsOf::Receipt(receipt),
                    _ => return Err(invalid("account or receipt, one of them,")),
                };
                Self::Grants { of, why: query.why()? }
            }
            ("GET", ["grants", id]) => {
                Self::Grant { of: GrantKey::parse(id).ok_or_else(|| invalid("the grant id"))?, why: query.why()? }
            }
            ("POST", ["grants", id, "revoke"]) => {
                Self::RevokeGrant { id: grant(id)?, account: query.may("account", Account::parse)?, why: reason(body)? }
            }
            ("POST", ["consents", "show"]) => Self::Consent(ConsentAsk::parse(body)?),
            ("GET", ["locks"]) => Self::Locks { why: query.why()? },
            ("POST", ["locks", account, "release"]) => {
                let account = Account::parse(account).ok_or_else(|| invalid("account"))?;
                Self::ReleaseLock { account, why: reason(body)? }
            }
            ("GET", ["service"]) => Self::Service,
            ("POST", ["service", to @ ("off" | "on")]) => Self::SwitchService { off: *to == "off", why: reason(body)? },
            ("GET", ["notices"]) => Self::Notices { why: query.why()? },
            ("POST", ["notices", id, "retry"]) => {
                Self::RetryNotice { id: NoticeId::parse(id).ok_or_else(|| invalid("the notice id"))? }
            }
            ("GET", ["audit", "verify"]) => Self::VerifyAudit,
            ("GET", ["audit"]) => Self::ExportAudit {
                period: Period { from: query.may("from", moment)?, to: query.may("to", moment)? },
                grant: query.may("grant", GrantId::parse)?,
                account: query.may("account", Account::parse)?,
                after: query.may("after", Cursor::parse)?,
                why: query.why()?,
            },
            ("GET", ["audit", "looks"]) => {
                Self::Looks { account: query.need("account", Account::parse)?, why: query.why()? }
            }
            ("GET", ["keys"]) => Self::Keys,
            ("POST", ["keys", "rotate"]) => Self::RotateKeys(Rotation::parse(body)?),
            ("POST", ["backup"]) => Self::Backup { file: file(body)? },
            ("GET", ["schema"]) => Self::Schema,
            ("POST", ["mail", "test"]) => Self::TestMail { to: mail::address(body)? },
            _ => {
                let client = ClientAsk::parse(method, &segments, body).map(|ask| ask.map(Self::Client));
                let token = || TokenAsk::parse(method, &segments, body).map(|ask| ask.map(Self::Token));
                let stream = || StreamAsk::parse(method, &segments, body).map(|ask| ask.map(Self::Stream));
                let unknown = || AdminError::Unknown(format!("{method} {BASE}{path} is not served"));
                client.or_else(token).or_else(stream).ok_or_else(unknown)??
            }
        };
        query.all_known()?;
        Ok(ask)
    }
}

/// A path with a query and the reason.
fn asked(path: &str, query: &[(&str, String)], why: &StaffReason) -> String {
    let mut all = url::form_urlencoded::Serializer::new(String::new());
    all.extend_pairs(query).append_pair("reason", why.as_str());
    format!("{path}?{}", all.finish())
}
fn based((method, path, body): Http) -> Http {
    (method, format!("{BASE}{path}"), body)
}
pub(super) fn invalid(what: &str) -> AdminError {
    AdminError::Invalid(format!("{what} is missing or not well formed"))
}
fn grant(text: &str) -> Result<GrantId, AdminError> {
    GrantId::parse(text).ok_or_else(|| invalid("the grant id"))
}
fn moment(text: &str) -> Option<Instant> {
    text.parse().ok().map(Instant::from_millis)
}
/// What a reason is, for errors.
const REASON: &str = "the reason (3 to 200 characters on one line, a letter among them)";
pub(super) fn reason(body: &[u8]) -> Result<StaffReason, AdminError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        reason: String,
    }
    let body: Body = serde_json::from_slice(body).map_err(|_| invalid("the body {\"reason\": …}"))?;
    StaffReason::parse(&body.reason).ok_or_else(|| invalid(REASON))
}

fn file(body: &[u8]) -> Result<PathBuf, AdminError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        file: PathBuf,
    }
    let body: Result<Body, _> = serde_json::from_slice(body);
    let file = body.map_err(|_| invalid("the body {\"file\": …}"))?.file;
    // The server's working directory differs from the caller's.
    if file.is_absolute() { Ok(file) } else { Err(invalid("the file (an absolute path)")) }
}

/// The query; each name at most once.
struct Query(std::cell::RefCell<BTreeMap<String, String>>);
impl Query {
    fn parse(text: &str) -> Result<Self, AdminError> {
        let mut map = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if map.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(AdminError::Invalid(format!("{name} is given twice")));
            }
        }
        Ok(Self(map.into()))
    }
    fn may<T>(&self, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, AdminError> {
        let value = self.0.borrow_mut().remove(name);
        value.map(|v| read(&v).ok_or_else(|| invalid(name))).transpose()
    }
    fn need<T>(&self, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, AdminError> {
        self.may(name, read)?.ok_or_else(|| invalid(name))
    }
    fn why(&self) -> Result<StaffReason, AdminError> {
        self.may("reason", |text| Some(text.to_owned()))?
            .as_deref()
            .and_then(StaffReason::parse)
            .ok_or_else(|| invalid(REASON))
    }
    fn all_known(&self) -> Result<(), AdminError> {
        match self.0.borrow().keys().next() {
            Some(name) => Err(AdminError::Invalid(format!("{name} is not a parameter of this request"))),
            None => Ok(()),
        }
    }
}
