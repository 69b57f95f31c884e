//! The audit record and the schema, as an operator sees them.

use super::{AdminContext, AdminError, Period};
use crate::account::Account;
use crate::audit::{self, Actor, AuditAction, Cursor, Entry, Filter};
use crate::clock::Instant;
use crate::id::GrantId;
use crate::store::NoLimit;
use crate::store::migrate::{FILES, status};
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
    let report = verify::verify(&service.store.without_limit(NoLimit::AuditVerify)).await?;
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
    actor: Actor,
    now: Instant,
) -> Result<Value, AdminError> {
    let account = wanted.account.as_ref().map(|a| service.crypto.account(a));
    if wanted.after.is_none() {
        // Recorded once for each export, not for each page.
        let grant = wanted.grant.clone();
        let entry = Entry { grant, account, ..Entry::new(now, actor.clone(), AuditAction::StaffAuditExported) };
        service.store.write(move |tx| audit::append(tx, &entry)).await?;
    }
    let Period { from, to } = wanted.period;
    let filter = Filter { from, to, grant: wanted.grant.clone(), account };
    let after = wanted.after.clone();
    let store = service.store.without_limit(NoLimit::AuditExport);
    let page = store.scan(move |tx| audit::export(tx, &filter, after.as_ref(), PAGE)).await?;
    Ok(json!({"records": page.records, "next": page.next.map(|c| c.written())}))
}

pub(super) async fn schema(service: &AdminContext) -> Result<Value, AdminError> {
    let files = service.store.read(|tx| status(tx, FILES)).await?;
    let damage = service.store.damage().await?;
    let file = |(name, state): &(String, _)| json!({"file": name, "state": state});
    Ok(json!({"files": files.iter().map(file).collect::<Vec<_>>(), "damage": damage}))
}
