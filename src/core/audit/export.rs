//! Export of the record for auditors: in order of time, page by page.

use super::chain::{ChainRow, columns};
use crate::clock::Instant;
use crate::id::GrantId;
use crate::secret::{Hash, base64url};
use crate::store::{Result, Row, Tx, Value};
use serde::{Deserialize, Serialize};

/// The part that every query shares.
macro_rules! select {
    () => {
        concat!("select ", columns!(), " from audit where (at, worker, n) > (?1, ?2, ?3) and at < ?4")
    };
}

/// The grants that share or have shared the account of this parameter.
macro_rules! grants_of {
    ($account:literal) => {
        concat!(
            "select grant_id from audit where account = ",
            $account,
            " and grant_id is not null union select grant_id from grant_accounts where account_index = ",
            $account
        )
    };
}
pub(super) use grants_of;

/// Which records are exported.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// From this moment on.
    pub from: Option<Instant>,
    /// Before this moment.
    pub to: Option<Instant>,
    /// Of this grant only.
    pub grant: Option<GrantId>,
    /// Of this account (`Sealer::index`) and of the grants that share it or have shared it only.
    pub account: Option<Hash>,
}

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    at: i64,
    chain: String,
    n: i64,
}
impl Cursor {
    /// Reads what [`Cursor::written`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (at, n) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { at, n, chain: parts.next()?.to_owned() })
    }
    /// The cursor as one word.
    #[must_use]
    pub fn written(&self) -> String {
        format!("{}.{}.{}", self.at, self.n, self.chain)
    }
}

/// One record in an export: one JSON line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedRecord {
    /// RFC 3339, UTC.
    pub at: String,
    /// Its chain.
    pub chain: String,
    /// Its number in the chain.
    pub n: i64,
    /// Who acted.
    pub actor: String,
    /// The action.
    pub action: String,
    /// The app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The interaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction: Option<String>,
    /// The grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// The account's keyed index, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// More facts.
    pub detail: serde_json::Value,
    /// Its hash, base64url.
    pub hash: String,
}

/// Some records, and where the next page begins.
#[derive(Debug, Clone)]
pub struct Page {
    /// In order of time.
    pub records: Vec<ExportedRecord>,
    /// `None` at the end.
    pub next: Option<Cursor>,
}

/// One page of records after `after`, in order of time.
pub fn export(tx: &mut Tx<'_, '_>, filter: &Filter, after: Option<&Cursor>, limit: i64) -> Result<Page> {
    // The first page begins before the first record of `from`, and so does a cursor that is older: a second bound of the same column
    // would not keep the engine from visiting each record before it.
    let start = Cursor { at: filter.from.map_or(i64::MIN, Instant::millis), chain: String::new(), n: 0 };
    let after = after.filter(|after| after.at >= start.at).unwrap_or(&start);
    let mut params: Vec<Value> = vec![
        after.at.into(),
        after.chain.as_str().into(),
        after.n.into(),
        filter.to.map_or(i64::MAX, Instant::millis).into(),
        limit.into(),
    ];
    let sql = match (&filter.grant, &filter.account) {
        (Some(grant), _) => {
            params.push(grant.as_str().into());
            concat!(select!(), " and grant_id = ?6 order by at, worker, n limit ?5")
        }
        // Each record of the account, and each of a grant that shares it or has shared it: the record of a grant names every
        // account it shared, and `grant_accounts` those of grants that are older than such records.
        (None, Some(account)) => {
            params.push((*account).into());
            concat!(
                "select * from (",
                select!(),
                " and account = ?6 order by at, worker, n limit ?5) of_account union select * from (",
                select!(),
                " and grant_id in (",
                grants_of!("?6"),
                ") order by at, worker, n limit ?5) of_grants order by 3, 1, 2 limit ?5"
            )
        }
        (None, None) => concat!(select!(), " order by at, worker, n limit ?5"),
    };
    let rows = tx.rows(sql, &params)?;
    let full = i64::try_from(rows.len()).is_ok_and(|n| n >= limit);
    let next = match rows.last() {
        Some(row) if full => Some(Cursor { at: row.int(2)?, chain: row.text(0)?.to_owned(), n: row.int(1)? }),
        _ => None,
    };
    Ok(Page { records: rows.iter().map(record).collect::<Result<_>>()?, next })
}

pub(super) fn record(row: &Row) -> Result<ExportedRecord> {
    let link = ChainRow::from_row(row)?;
    let text = |t: Option<&str>| t.map(str::to_owned);
    Ok(ExportedRecord {
        at: link.at.rfc3339(),
        chain: link.worker.to_owned(),
        n: link.n,
        actor: link.actor.to_owned(),
        action: link.action.to_owned(),
        client_id: text(link.client),
        interaction: text(link.interaction),
        grant_id: text(link.grant),
        account: link.account.map(base64url),
        // Invalid JSON is exported as it is: somebody changed the record, and that must be visible.
        detail: serde_json::from_str(link.detail).unwrap_or_else(|_| link.detail.into()),
        hash: row.hash(10)?.base64url(),
    })
}
