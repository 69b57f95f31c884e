//! Random keys that all nodes of an installation share, sealed in the store.

use super::Error;
use crate::clock::Instant;
use crate::keys::seal::{Broken, SealContext, Sealer};
use crate::random::{self, Random};
use crate::store::{self, Store, Tx, Value};
use zeroize::Zeroizing;

/// A 256-bit key that all nodes of this installation share, created on first use and sealed in the store.
pub async fn shared_secret(
    store: &Store,
    sealer: &Sealer,
    random: &dyn Random,
    name: &'static str,
    now: Instant,
) -> Result<Zeroizing<[u8; 32]>, Error> {
    let place = SealContext { table: "shared_secrets", column: "sealed", row: name };
    // Only the first start has to write, so that later starts succeed with a full disk.
    let stored = match store.read(move |tx| load(tx, name)).await? {
        Some(stored) => stored,
        None => {
            let sealed = sealer.seal(random, place, Zeroizing::new(random::bytes::<32>(random)).as_ref())?;
            let made = store.write(move |tx| {
                tx.execute(
                    "insert into shared_secrets (name, sealed, created_at) values (?1, ?2, ?3) on conflict do nothing",
                    &[name.into(), sealed.as_slice().into(), Value::from(now)],
                )?;
                load(tx, name)
            });
            made.await?.ok_or(Broken)?
        }
    };
    let plain = sealer.open(place, &stored)?;
    let mut out = Zeroizing::new([0; 32]);
    if plain.len() != 32 {
        return Err(Broken.into());
    }
    out.copy_from_slice(&plain);
    Ok(out)
}

fn load(tx: &mut Tx<'_, '_>, name: &'static str) -> store::Result<Option<Vec<u8>>> {
    let row = tx.row("select sealed from shared_secrets where name = ?1", &[name.into()])?;
    row.map_or(Ok(None), |row| row.bytes(0).map(|sealed| Some(sealed.to_vec())))
}
