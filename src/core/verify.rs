//! The invariants of the whole store: the audit chains are unbroken; each grant's state, audit records and events
//! agree; codes and tokens are consistent with their grant. `renkei audit verify` checks them, and so does every
//! integration test at its end. [`addresses`] checks the promise about mail addresses, which needs the time.

use crate::audit::{self, story};
use crate::clock::Instant;
use crate::event::{self, Event};
use crate::grant;
use crate::id::{EventId, GrantId};
use crate::store::{Error, Result, Row, Store, Tx};
use std::fmt;
use std::time::Duration;

/// Rows read in one transaction.
const PAGE: i64 = 200;

/// A violated invariant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The table.
    pub table: &'static str,
    /// The row, by a key that may be shown.
    pub row: String,
    /// What is wrong.
    pub why: String,
}
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.table, self.row, self.why)
    }
}

/// What was checked, and what was wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct VerifyReport {
    /// The audit chains.
    pub audit: audit::ChainReport,
    /// The number of grants checked.
    pub grants: u64,
    /// The number of events checked.
    pub events: u64,
    /// Everything that is wrong, except in the audit chains.
    pub findings: Vec<Finding>,
}
impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.audit.breaks.is_empty() && self.findings.is_empty()
    }
}

/// Checks everything. Each page is read in one transaction, so changes of a running server are never half visible.
pub async fn verify(store: &Store) -> Result<VerifyReport> {
    let mut report = VerifyReport { audit: audit::verify(store).await?, ..VerifyReport::default() };
    let mut after = String::new();
    loop {
        let from = after.clone();
        let (ids, findings) = store.scan(move |tx| grants(tx, &from)).await?;
        report.findings.extend(findings);
        report.grants += ids.len() as u64;
        match ids.into_iter().next_back() {
            Some(last) => after = last,
            None => break,
        }
    }
    let mut last: Option<(Instant, EventId)> = None;
    loop {
        let after = last.clone();
        let page = store.scan(move |tx| events(tx, after.as_ref())).await?;
        report.findings.extend(page.iter().filter_map(undocumented_members));
        report.events += page.len() as u64;
        match page.into_iter().next_back() {
            Some(e) => last = Some((e.at, e.id)),
            None => break,
        }
    }
    report.findings.extend(loose(store).await?);
    Ok(report)
}

/// One page of grants: their ids and what is wrong with them.
fn grants(tx: &mut Tx<'_, '_>, after: &str) -> Result<(Vec<String>, Vec<Finding>)> {
    let rows = tx.rows(
        concat!(
            "select g.id, g.state, g.seq, \
         (select count(*) from events e where e.grant_id = g.id), \
         (select max(e.seq) from events e where e.grant_id = g.id), \
         (select min(e.seq) from events e where e.grant_id = g.id), \
         (select count(*) from events e where e.grant_id = g.id \
            and e.kind in ('grant.replaced', 'grant.revoked', 'grant.expired')), \
         (select count(*) from events e where e.grant_id = g.id and e.kind = 'grant.' || g.state), \
         (select count(*) from audit a where a.grant_id = g.id \
            and a.action in ('grant.replaced', 'grant.revoked', 'grant.expired') and ",
            story!(),
            "), \
         (select count(*) from audit a where a.grant_id = g.id and a.action = 'grant.' || g.state and ",
            story!(),
            "), \
         (select count(*) from audit a where a.grant_id = g.id and a.action = 'grant.created' and ",
            story!(),
            "), \
         (select count(*) from audit a where a.grant_id = g.id and a.action = 'grant.activated' and ",
            story!(),
            "), \
         (select count(*) from codes c where c.grant_id = g.id and c.change_id is null and c.used_at is not null), \
         (select count(*) from access_tokens t where t.grant_id = g.id) \
           + (select count(*) from refresh_tokens t where t.grant_id = g.id), \
         (select count(*) from consents c where c.id = g.consent_id and c.client_id = g.client_id \
            and c.account_index = g.account_index), \
         (select count(*) from grants n where n.id = g.replaced_by and n.client_id = g.client_id and n.sub = g.sub), \
         g.seq_skipped \
         from grants g where g.id > ?1 order by g.id limit ?2"
        ),
        &[after.into(), PAGE.into()],
    )?;
    let (mut ids, mut findings) = (Vec::new(), Vec::new());
    for row in &rows {
        let id = row.text(0)?;
        ids.push(id.to_owned());
        let mut whys: Vec<String> = contradictions(row)?.into_iter().map(str::to_owned).collect();
        // Loads the grant like the server does: this finds impossible combinations of columns.
        match GrantId::parse(id).map(|id| grant::sql::load(tx, &id)) {
            Some(Ok(Some(_))) => {}
            Some(Err(Error::Corrupt { why, .. })) => whys.push(why),
            Some(Err(e)) => whys.push(e.to_string()),
            Some(Ok(None)) | None => whys.push("its id cannot be read".into()),
        }
        findings.extend(whys.into_iter().map(|why| Finding { table: "grants", row: id.to_owned(), why }));
    }
    Ok((ids, findings))
}

/// The contradictions in one row of [`grants`].
fn contradictions(row: &Row) -> Result<Vec<&'static str>> {
    let (state, seq) = (row.text(1)?, row.int(2)?);
    let (told, highest, lowest) = (row.int(3)?, row.opt_int(4)?.unwrap_or(0), row.opt_int(5)?.unwrap_or(1));
    let (ends_told, this_end_told) = (row.int(6)?, row.int(7)?);
    let (ends_recorded, this_end_recorded) = (row.int(8)?, row.int(9)?);
    let (created, activated) = (row.int(10)?, row.int(11)?);
    let (used_codes, tokens, consents, heirs) = (row.int(12)?, row.int(13)?, row.int(14)?, row.int(15)?);
    let ended = !matches!(state, "pending" | "active");
    let once = i64::from(ended);
    // A restore skips numbers: then the highest is at most the counter.
    let skipped = row.opt_int(16)?.unwrap_or(0);
    let numbered = told + skipped == seq && lowest == 1 && highest <= seq && (skipped > 0 || highest == seq);
    let checks = [
        (numbered, "its events are not numbered 1 to its counter without a gap"),
        (ends_told == once && (!ended || this_end_told == 1), "its state and its events disagree on how it ended"),
        (ends_recorded == once && (!ended || this_end_recorded == 1), "its state and the audit record disagree"),
        (created == 1, "the audit record does not say once that it was created"),
        (activated == i64::from(state == "active") || (ended && activated <= 1), "activation and state disagree"),
        (consents == 1, "no consent of this client and account stands behind it"),
        (state != "pending" || (used_codes == 0 && tokens == 0), "it is pending, yet its code was redeemed"),
        (state != "active" || used_codes == 1, "it is active without exactly one redeemed code"),
        (state != "replaced" || heirs == 1, "what replaced it is not a grant of this client and account"),
    ];
    Ok(checks.into_iter().filter(|(holds, _)| !holds).map(|(_, why)| why).collect())
}

fn events(tx: &mut Tx<'_, '_>, after: Option<&(Instant, EventId)>) -> Result<Vec<Event>> {
    let from = after.map_or(Instant::from_millis(i64::MIN), |(at, _)| *at);
    event::since(tx, from, after.map(|(_, id)| id), PAGE)
}

/// Checks that an event has only the members of docs/events.md.
fn undocumented_members(e: &Event) -> Option<Finding> {
    let known = |m: &String| e.kind.members().contains(&m.as_str());
    let fits = e.detail.as_object().is_some_and(|o| o.keys().all(known)) && (e.grant.is_some() || e.seq == 0);
    let why = format!("{} says {}", e.kind.as_str(), e.detail);
    (!fits).then(|| Finding { table: "events", row: e.id.to_string(), why })
}

/// How much later than promised housekeeping may erase an address: it looks every few minutes.
const LATE: Duration = Duration::from_secs(3600);

/// Mail addresses that are stored longer than ⑥ promises: beside a link that has ended or does not exist, and in copies for
/// notices. `promised` is how long after the end of a link one may be stored at most.
pub async fn addresses(store: &Store, promised: Duration, now: Instant) -> Result<Vec<Finding>> {
    let due = now - (promised + LATE);
    // Each row is visited once, in pages: a search for the few that are wrong would visit all of them in one statement.
    let beside = "select a.grant_id, case when g.id is null or g.ended_at is not null or g.expires_at <= ?2 then 1 else 0 end \
                  from notice_addresses a left join grants g on g.id = a.grant_id \
                  where a.grant_id > ?1 order by a.grant_id limit ?3";
    let copies = "select id, case when erase_from <= ?2 and sealed is not null then 1 else 0 end from notices \
                  where id > ?1 order by id limit ?3";
    let mut findings = Vec::new();
    for (table, sql) in [("notice_addresses", beside), ("notices", copies)] {
        let mut after = String::new();
        loop {
            let from = after.clone();
            let rows = store.scan(move |tx| tx.rows(sql, &[from.as_str().into(), due.into(), PAGE.into()])).await?;
            for row in rows.iter().filter(|row| row.int(1) == Ok(1)) {
                let why = "a mail address is stored longer after the end of its link than promised".into();
                findings.push(Finding { table, row: row.text(0)?.to_owned(), why });
            }
            match rows.last() {
                Some(last) => after = last.text(0)?.to_owned(),
                None => break,
            }
        }
    }
    Ok(findings)
}

/// Codes and tokens with their grant: an id for the report, and whether the row is inconsistent with its grant. Only
/// the functions that write them make sure of that, so every row is checked.
const LOOSE: [(&str, &str); 3] = [
    (
        "codes",
        "select t.hash, t.grant_id, \
         case when g.id is null or t.client_id <> g.client_id or t.issued_at < g.created_at then 1 else 0 end \
         from codes t left join grants g on g.id = t.grant_id where t.hash > ?1 order by t.hash limit ?2",
    ),
    (
        "access_tokens",
        // A client's own token has no grant, no customer's scope, and a lifetime of at most an hour.
        "select t.hash, t.id, case when t.grant_id is not null and (g.id is null or t.client_id <> g.client_id \
         or t.expires_at > g.expires_at or g.activated_at is null or t.issued_at < g.activated_at) then 1 \
         when t.grant_id is null and (t.expires_at > t.issued_at + 3600000 or ' ' || t.scope || ' ' like '% openid %' \
         or ' ' || t.scope || ' ' like '% accounts %' or ' ' || t.scope || ' ' like '% transactions %' \
         or ' ' || t.scope || ' ' like '% offline_access %') then 1 else 0 end \
         from access_tokens t left join grants g on g.id = t.grant_id where t.hash > ?1 order by t.hash limit ?2",
    ),
    (
        "refresh_tokens",
        "select t.hash, t.id, case when g.id is null or t.client_id <> g.client_id \
         or t.expires_at > g.expires_at or g.activated_at is null or t.issued_at < g.activated_at then 1 else 0 end \
         from refresh_tokens t left join grants g on g.id = t.grant_id where t.hash > ?1 order by t.hash limit ?2",
    ),
];

async fn loose(store: &Store) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (table, sql) in LOOSE {
        let mut after: Vec<u8> = Vec::new();
        loop {
            let from = after.clone();
            let rows = store.scan(move |tx| tx.rows(sql, &[from.clone().into(), PAGE.into()])).await?;
            for row in &rows {
                if row.flag(2)? {
                    let why = "client, times or scope contradict its grant".into();
                    findings.push(Finding { table, row: row.text(1)?.to_owned(), why });
                }
            }
            match rows.last() {
                Some(last) => after = last.bytes(0)?.to_vec(),
                None => break,
            }
        }
    }
    Ok(findings)
}
