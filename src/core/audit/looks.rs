//! What staff ask the record: who looked at an account, or did something with it (for a customer who asks 「誰が見ましたか」), who
//! ended a grant and why, and which grants a procedure made.

use super::chain::{columns, story};
use super::export::{ExportedRecord, grants_of, record};
use crate::id::{GrantId, InteractionId};
use crate::secret::Hash;
use crate::store::{Result, Tx};

/// The records of staff that concern an account, its grants, or everybody's (an export of the whole record); the newest first.
pub fn looks(tx: &mut Tx<'_, '_>, account: &Hash, limit: i64) -> Result<Vec<ExportedRecord>> {
    let sql = concat!(
        "select * from (select ",
        columns!(),
        " from audit where account = ?1 and actor like 'staff:%' order by at desc, worker desc, n desc limit ?2) of_account \
         union select * from (select ",
        columns!(),
        " from audit where grant_id in (",
        grants_of!("?1"),
        ") and actor like 'staff:%' order by at desc, worker desc, n desc limit ?2) of_grants union select * from (select ",
        columns!(),
        " from audit where action = 'staff.audit.exported' and account is null and grant_id is null \
         order by at desc, worker desc, n desc limit ?2) of_all order by 3 desc, 1 desc, 2 desc limit ?2"
    );
    tx.rows(sql, &[(*account).into(), limit.into()])?.iter().map(record).collect()
}

/// The end of a grant, as the record has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantEnd {
    /// Who ended it: `customer`, `client:ID`, `staff:NAME`, `system`.
    pub actor: String,
    /// Why, in the words of staff.
    pub note: Option<String>,
}

/// Who ended a grant, and why; `None` if the record does not say.
pub fn end_of_grant(tx: &mut Tx<'_, '_>, grant: &GrantId) -> Result<Option<GrantEnd>> {
    let sql = concat!(
        "select ",
        columns!(),
        " from audit where grant_id = ?1 and action in ('grant.revoked', 'grant.replaced', 'grant.expired') and ",
        story!(),
        " order by at desc, worker desc, n desc limit 1"
    );
    let row = tx.row(sql, &[grant.as_str().into()])?;
    let end = row.as_ref().map(record).transpose()?;
    Ok(end.map(|end| GrantEnd { note: end.detail["note"].as_str().map(str::to_owned), actor: end.actor }))
}

/// The grants that an interaction of this account made or changed, at most a hundred.
pub fn grants_made_by(tx: &mut Tx<'_, '_>, account: &Hash, interaction: &InteractionId) -> Result<Vec<GrantId>> {
    let sql = "select distinct grant_id from audit where account = ?1 and interaction = ?2 and grant_id is not null limit 100";
    let rows = tx.rows(sql, &[(*account).into(), interaction.as_str().into()])?;
    Ok(rows.iter().filter_map(|row| row.text(0).ok().and_then(GrantId::parse)).collect())
}
