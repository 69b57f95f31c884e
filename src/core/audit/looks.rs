//! Who of the staff looked at an account, or did something with it: for a customer who asks 「誰が見ましたか」.

use super::chain::columns;
use super::export::{ExportedRecord, grants_of, record};
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
