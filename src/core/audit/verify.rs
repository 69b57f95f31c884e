//! Verifies every chain from its root to its head.

use super::chain::{ChainRow, columns, root};
use crate::secret::{Hash, base64url};
use crate::store::{Result, Store, Tx};

/// Records read at once.
const PAGE: i64 = 500;

/// The end of one chain. If it is stored elsewhere, it proves every record up to it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Head {
    /// The store worker.
    pub chain: String,
    /// How many records it has.
    pub length: i64,
    /// base64url of its last hash.
    pub hash: String,
}

/// The first invalid record of a chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Break {
    /// The store worker.
    pub chain: String,
    /// The record's number.
    pub n: i64,
    /// What is wrong.
    pub why: &'static str,
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ChainReport {
    /// How many records are valid.
    pub records: u64,
    /// The chains, by name.
    pub heads: Vec<Head>,
    /// The chains that break; empty if all are valid.
    pub breaks: Vec<Break>,
}

/// Checks every chain. Records appended meanwhile are not checked.
pub async fn verify(store: &Store) -> Result<ChainReport> {
    let mut report = ChainReport::default();
    let chains = store.scan(chains).await?;
    for (chain, length, hash, last) in chains {
        let found = first_break(store, &chain, length, hash, last).await?;
        match found {
            Some((n, why)) => {
                report.records += u64::try_from(n - 1).unwrap_or(0);
                report.breaks.push(Break { chain: chain.clone(), n, why });
            }
            None => report.records += u64::try_from(length).unwrap_or(0),
        }
        report.heads.push(Head { chain, length, hash: base64url(hash.as_bytes()) });
    }
    Ok(report)
}

/// Name, length, head and last record number of each chain, including chains whose head was removed.
type Chain = (String, i64, Hash, i64);

fn chains(tx: &mut Tx<'_, '_>) -> Result<Vec<Chain>> {
    let heads = tx.rows(
        "select c.worker, c.length, c.head, (select max(a.n) from audit a where a.worker = c.worker) \
         from audit_chains c order by c.worker limit 100000",
        &[],
    )?;
    let mut out = Vec::new();
    for row in &heads {
        out.push((row.text(0)?.to_owned(), row.int(1)?, row.hash(2)?, row.opt_int(3)?.unwrap_or(0)));
    }
    // Finds chains without a head by one look-up each, so that a long record is not read twice.
    let mut after = String::new();
    while let Some(row) =
        tx.row("select worker from audit where worker > ?1 order by worker limit 1", &[after.as_str().into()])?
    {
        after = row.text(0)?.to_owned();
        if out.iter().all(|(name, ..)| *name != after) {
            let last = tx.row("select max(n) from audit where worker = ?1", &[after.as_str().into()])?;
            let last = last.map_or(Ok(None), |row| row.opt_int(0))?.unwrap_or(0);
            out.push((after.clone(), 0, root(), last));
        }
    }
    Ok(out)
}

/// The first invalid record, if there is one.
async fn first_break(
    store: &Store,
    chain: &str,
    length: i64,
    head: Hash,
    last: i64,
) -> Result<Option<(i64, &'static str)>> {
    let (mut n, mut before) = (0, root());
    while n < length {
        let (name, after) = (chain.to_owned(), n);
        let page = store
            .scan(move |tx| {
                tx.rows(
                    concat!(
                        "select ",
                        columns!(),
                        " from audit where worker = ?1 and n > ?2 and n <= ?3 order by n limit ?4"
                    ),
                    &[name.as_str().into(), after.into(), length.into(), PAGE.into()],
                )
            })
            .await?;
        if page.is_empty() {
            return Ok(Some((n + 1, "the record is missing")));
        }
        for row in &page {
            let link = ChainRow::from_row(row)?;
            if link.n != n + 1 {
                return Ok(Some((n + 1, "the record is missing")));
            }
            let hash = link.hash(&before);
            if hash != row.hash(10)? {
                return Ok(Some((link.n, "the record was changed")));
            }
            (n, before) = (link.n, hash);
        }
    }
    if before != head {
        return Ok(Some((length, "the head is not of this record")));
    }
    Ok((last > length).then_some((length + 1, "the record lies beyond the head")))
}
