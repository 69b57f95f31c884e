//! The sample account that is locked until midnight: as if its customer had given too many wrong answers.

use renkei_core::account::Account;
use renkei_core::clock::Instant;
use renkei_core::id::GuessId;
use renkei_core::identity::lockout::{self, Guess, Reserved};
use renkei_core::store;
use renkei_demo::bank::LOCKED;
use renkei_server::web::App;

/// Locks it, unless it is locked already.
///
/// # Errors
/// Of the store.
pub(super) async fn lock(app: &App, now: Instant) -> store::Result<()> {
    let Some(account) = Account::parse(LOCKED) else { return Ok(()) };
    let (crypto, policy) = (app.identity.crypto().clone(), app.identity.policy().clone());
    let ids: Vec<GuessId> = (0..policy.failures_a_day).map(|_| GuessId::random(&*app.random)).collect();
    let wrong_answers = move |tx: &mut store::Tx<'_, '_>| {
        for id in &ids {
            match lockout::reserve(tx, &crypto, &policy, (&account, Guess::Customer, id), now)? {
                Reserved::Proceed(reservation) => {
                    lockout::fail(tx, &crypto, &policy, &reservation, None, now)?;
                }
                Reserved::Locked(_) | Reserved::Full => break,
            }
        }
        Ok(())
    };
    app.store.write(wrong_answers).await
}
