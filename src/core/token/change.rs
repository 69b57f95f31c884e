//! What a merge or a replacement of a grant does to the tokens issued before (Grant Management for OAuth 2.0 §5.2).

use super::sql;
use crate::authorize::Details;
use crate::clock::Instant;
use crate::grant::change::ChangeAction;
use crate::id::GrantId;
use crate::store::{Error, Result, Tx};

/// What a change of a grant does to the tokens issued before. Its refresh tokens end (Grant Management for OAuth 2.0 §5.2). With a
/// merge, access tokens live on with what they covered: one for all of the grant gets that written into it. A replacement ends them.
pub(super) fn end_by_change(
    tx: &mut Tx<'_, '_>,
    grant: &GrantId,
    action: ChangeAction,
    before: &Details,
    now: Instant,
) -> Result<()> {
    tx.execute(
        "update refresh_tokens set revoked_at = ?2, revoked_by = 'replaced' where grant_id = ?1 and revoked_at is null",
        &[grant.as_str().into(), now.into()],
    )?;
    match action {
        ChangeAction::Merge => {
            let details = serde_json::to_string(before).map_err(|e| Error::Engine(format!("details: {e}")))?;
            cut(tx, grant, before, now)?;
            tx.execute(
                "update access_tokens set details = ?2 where grant_id = ?1 and details is null",
                &[grant.as_str().into(), details.into()],
            )?
        }
        ChangeAction::Replace => tx.execute(
            "update access_tokens set revoked_at = ?2 where grant_id = ?1 and revoked_at is null",
            &[grant.as_str().into(), now.into()],
        )?,
    };
    Ok(())
}

/// Writes into the tokens that stand for less than their grant what they reach just before a merge, so that an account which the
/// link had lost does not come back to them with it. A token that reaches nothing is revoked.
fn cut(tx: &mut Tx<'_, '_>, grant: &GrantId, before: &Details, now: Instant) -> Result<()> {
    let of = "select hash, details from access_tokens where grant_id = ?1 and details is not null and revoked_at is null \
              and expires_at > ?2";
    for row in tx.rows(of, &[grant.as_str().into(), now.into()])? {
        let hash = row.hash(0)?;
        let bad = || Error::Corrupt { table: "access_tokens", row: grant.to_string(), why: "details".to_owned() };
        let own: Details = serde_json::from_str(row.text(1)?).map_err(|_| bad())?;
        if own.permissions.is_empty() || own == *before {
            continue;
        }
        match own.intersection(before) {
            Some(left) if left == own => {}
            Some(left) => {
                let text = serde_json::to_string(&left).map_err(|e| Error::Engine(format!("details: {e}")))?;
                tx.execute("update access_tokens set details = ?2 where hash = ?1", &[hash.into(), text.into()])?;
            }
            None => sql::revoke_access(tx, &hash, now)?,
        }
    }
    Ok(())
}
