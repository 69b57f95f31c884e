//! The signing keys of a start: one for each of `keys.algorithms`, and no client that needs another.

use super::{Error, key};
use crate::client;
use crate::clock::Instant;
use crate::config::Config;
use crate::keys::ring::Ring;
use crate::keys::seal::Sealer;
use crate::random::Random;
use crate::store::Store;

/// The ring of keys.
///
/// # Errors
/// The store's; a client that registered another algorithm; keys that cannot be opened.
pub(super) async fn ring(
    config: &Config,
    store: &Store,
    sealer: &Sealer,
    random: &dyn Random,
    now: Instant,
) -> Result<Ring, Error> {
    let algs = config.keys.algs();
    let asked = algs.clone();
    if let Some(why) = store.scan(move |tx| client::unsigned(tx, &asked)).await? {
        return Err(Error::Key { key: "keys.algorithms", why });
    }
    Ring::open(store, sealer, random, &algs, now).await.map_err(key("signing keys"))
}
