//! Random keys every node of one installation shares, sealed in the store.

use super::Error;
use crate::clock::Instant;
use crate::keys::seal::{Broken, Place, Sealer};
use crate::random::{self, Random};
use crate::store::{Store, Value};
use zeroize::Zeroizing;

/// A 256-bit key all nodes of this installation share, made the first time it is asked for and sealed in the store.
///
/// # Errors
/// [`Error`].
pub async fn shared_secret(
    store: &Store,
    sealer: &Sealer,
    random: &dyn Random,
    name: &'static str,
    now: Instant,
) -> Result<Zeroizing<[u8; 32]>, Error> {
    let place = Place { table: "shared_secrets", column: "sealed", row: name };
    let sealed = sealer.seal(random, place, Zeroizing::new(random::bytes::<32>(random)).as_ref())?;
    let stored = store
        .write(move |tx| {
            tx.execute(
                "insert into shared_secrets (name, sealed, created_at) values (?1, ?2, ?3) on conflict do nothing",
                &[name.into(), sealed.as_slice().into(), Value::from(now)],
            )?;
            let row = tx.row("select sealed from shared_secrets where name = ?1", &[name.into()])?;
            row.map_or(Ok(None), |r| r.bytes(0).map(|b| Some(b.to_vec())))
        })
        .await?
        .ok_or(Broken)?;
    let plain = sealer.open(place, &stored)?;
    let mut out = Zeroizing::new([0; 32]);
    if plain.len() != 32 {
        return Err(Broken.into());
    }
    out.copy_from_slice(&plain);
    Ok(out)
}
