//! The audit record and the schema, as an operator sees them.

use super::{AdminContext, AdminError, Period, StaffReason};
use crate::account::Account;
use crate::audit::{self, Actor, AuditAction, Cursor, Entry, Filter};
use crate::clock::Instant;
use crate::grant;
use crate::id::GrantId;
use crate::store::migrate::{FILES, status};
use crate::store::{NoLimit, Tx};
use crate::verify;
use serde_json::{Value, json};

/// Records on one page of an export.
const PAGE: i64 = 500;

/// Which records to export.
pub(super) struct RecordFilter {
    pub(super) period: Period,
    pub(super) grant: Option<GrantId>,
    pub(super) account: Option<Account>,
    pub(super) after: Option<Cursor>,
}

pub(super) async fn verify(service: &AdminContext, actor: Actor, now: Instant) -> Result<Value, AdminError> {
    let store = service.store.without_limit(NoLimit::AuditVerify);
    let mut report = verify::verify(&store).await?;
    report.findings.extend(verify::addresses(&store, service.keep_address, now).await?);
    let whole = report.is_whole();
    let detail = json!({"whole": whole, "records": report.audit.records});
    let entry = Entry { detail, ..Entry::new(now, actor.clone(), AuditAction::StaffAuditVerified) };
    service.store.write(move |tx| audit::append(tx, &entry)).await?;
    let mut answer = json!(report);
    answer["whole"] = json!(whole);
    Ok(answer)
}

pub(super) async fn export(
    service: &AdminContext,
    wanted: &RecordFilter,
    (why, actor): (StaffReason, Actor),
    now: Instant,
) -> Result<Value, AdminError> {
    let account = wanted.account.as_ref().map(|a| service.crypto.account(a));
    let Period { from, to } = wanted.period;
    if wanted.after.is_none() {
        // Recorded once for each export, not for each page.
        let time = |t: Option<Instant>| t.map(Instant::rfc3339);
        let entry = Entry {
            grant: wanted.grant.clone(),
            account,
            detail: json!({"from": time(from), "to": time(to), "reason": why.as_str()}),
            ..Entry::new(now, actor.clone(), AuditAction::StaffAuditExported)
        };
        let recorded = move |tx: &mut Tx<'_, '_>| {
            let mut entry = entry.clone();
            if let (Some(id), None) = (&entry.grant, entry.account) {
                entry.account = grant::sql::account_of(tx, id)?;
            }
            audit::append(tx, &entry)
        };
        service.store.write(recorded).await?;
    }
    let filter = Filter { from, to, grant: wanted.grant.clone(), account };
    let after = wanted.after.clone();
    let store = service.store.without_limit(NoLimit::AuditExport);
    let page = store.scan(move |tx| audit::export(tx, &filter, after.as_ref(), PAGE)).await?;
    Ok(json!({"records": page.records, "next": page.next.map(|c| c.written())}))
}

/// The most looks in a response.
const MOST: i64 = 500;

/// Who of the staff looked at an account, or did something with it. Whoever asks that is shown names of staff, so it is a look too.
pub(super) async fn looks(
    service: &AdminContext,
    account: Account,
    (why, actor): (StaffReason, Actor),
    now: Instant,
) -> Result<Value, AdminError> {
    let index = service.crypto.account(&account);
    let entry = Entry {
        account: Some(index),
        detail: json!({"reason": why.as_str()}),
        ..Entry::new(now, actor, AuditAction::StaffLooksListed)
    };
    let found = service.store.write(move |tx| {
        let found = audit::looks(tx, &index, MOST + 1)?;
        audit::append(tx, &entry)?;
        Ok(found)
    });
    let mut found = found.await?;
    let more = found.len() > MOST.unsigned_abs() as usize;
    found.truncate(MOST.unsigned_abs() as usize);
    Ok(json!({"account": account, "looks": found.iter().map(look).collect::<Vec<_>>(), "more": more}))
}
fn look(seen: &audit::ExportedRecord) -> Value {
    let reason = ["reason", "note"].into_iter().find_map(|name| seen.detail[name].as_str());
    json!({
        "at": seen.at,
        "staff": seen.actor.strip_prefix("staff:"),
        "action": seen.action,
        "reason": reason,
        "grant_id": seen.grant_id,
        "client_id": seen.client_id,
        "from": seen.detail["from"],
        "to": seen.detail["to"],
    })
}

pub(super) async fn schema(service: &AdminContext) -> Result<Value, AdminError> {
    let files = service.store.read(|tx| status(tx, FILES)).await?;
    let damage = service.store.damage().await?;
    let file = |(name, state): &(String, _)| json!({"file": name, "state": state});
    Ok(json!({"files": files.iter().map(file).collect::<Vec<_>>(), "damage": damage}))
}
