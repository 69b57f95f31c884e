//! Finds an access token with its grant and its client's status: the hot read of introspection.

use super::TokenBinding;
use super::sql::{Access, Found, words};
use crate::client::RecordVersion;
use crate::grant::row::{columns, from_row};
use crate::id::{ClientId, TokenId};
use crate::scope::Scope;
use crate::secret::Hash;
use crate::store::{Error, Result, Row, Store, Tx};

/// What [`access_row`] reads.
macro_rules! access_columns {
    () => {
        concat!(
            "t.id, t.client_id, t.scope, t.aud, t.jkt, t.x5t, t.issued_at, t.expires_at, t.revoked_at, c.status, t.details, ",
            columns!()
        )
    };
}

/// The statement of [`find_access`]: three look-ups by primary key, whatever the history. A test reads its plan.
pub const FIND_ACCESS: &str = concat!(
    "select ",
    access_columns!(),
    " from access_tokens t left join grants g on g.id = t.grant_id join clients c on c.id = t.client_id \
     where t.hash = ?1 and (t.grant_id is null or g.id is not null)"
);

/// The access token under `hash`, with its grant and its client's status: the hot read of introspection.
pub fn find_access(tx: &mut Tx<'_, '_>, hash: &Hash) -> Result<Option<Found>> {
    tx.row(FIND_ACCESS, &[(*hash).into()])?.map(|row| access_row(&row, 0, hash)).transpose()
}

/// [`find_access`] outside a transaction.
pub async fn look_up_access(store: &Store, hash: &Hash) -> Result<Option<Found>> {
    store.look_up(FIND_ACCESS, [(*hash).into()]).await?.map(|row| access_row(&row, 0, hash)).transpose()
}

/// The statement of [`find_access_for`]: the same look-ups, and one of the caller's record. Whether there is a token or not, it is one
/// statement: the time of the answer tells a caller without credentials nothing.
pub const FIND_ACCESS_FOR: &str = concat!(
    "select v.version, ",
    access_columns!(),
    " from clients v left join access_tokens t on t.hash = ?1 \
     and (t.grant_id is null or exists (select 1 from grants x where x.id = t.grant_id)) \
     left join grants g on g.id = t.grant_id left join clients c on c.id = t.client_id where v.id = ?2"
);

/// [`find_access`], and in the same statement the version of the caller's record. To a caller without a record there is no token.
pub(super) async fn find_access_for(
    store: &Store,
    hash: &Hash,
    caller: &ClientId,
) -> Result<(Option<Found>, RecordVersion)> {
    let client = caller.clone();
    let Some(row) = store.look_up(FIND_ACCESS_FOR, [(*hash).into(), caller.as_str().into()]).await? else {
        return Ok((None, RecordVersion { client, number: None }));
    };
    let found = row.opt_text(1)?.map(|_| access_row(&row, 1, hash)).transpose()?;
    Ok((found, RecordVersion { client, number: Some(row.int(0)?) }))
}

/// The token of a row whose columns begin at `first`.
fn access_row(row: &Row, first: usize, hash: &Hash) -> Result<Found> {
    let id = row.text(first)?;
    let bad = |column: &str| Error::Corrupt { table: "access_tokens", row: id.to_owned(), why: column.to_owned() };
    let grant = row.opt_text(first + 11)?.is_some().then(|| from_row(row, first + 11)).transpose()?;
    let token = Access {
        hash: *hash,
        id: TokenId::parse(id).ok_or_else(|| bad("id"))?,
        grant: grant.as_ref().map(|g| g.id.clone()),
        client: ClientId::parse(row.text(first + 1)?).ok_or_else(|| bad("client_id"))?,
        scope: Scope::parse(row.text(first + 2)?).ok_or_else(|| bad("scope"))?,
        aud: words(row.text(first + 3)?),
        details: row
            .opt_text(first + 10)?
            .map(|text| serde_json::from_str(text).map_err(|_| bad("details")))
            .transpose()?,
        binding: TokenBinding::stored(row.opt_text(first + 4)?, row.opt_text(first + 5)?)
            .map_err(|()| bad("jkt, x5t"))?,
        issued_at: row.instant(first + 6)?,
        // Earlier releases stored milliseconds: the token ends when its `exp` says.
        expires_at: row.instant(first + 7)?.floor_second(),
        revoked_at: row.opt_instant(first + 8)?,
    };
    Ok(Found { token, grant, client_active: row.text(first + 9)? == "active" })
}
