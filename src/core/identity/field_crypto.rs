//! What keeps a customer's fields out of the tables, and what is derived from the same key.

use crate::account::Account;
use crate::keys::seal::Sealer;
use crate::random::Random;
use crate::secret::Hash;
use std::sync::Arc;

/// What keeping personal fields takes.
#[derive(Clone)]
pub struct FieldCrypto {
    /// Seals fields and makes keyed indexes.
    pub sealer: Arc<Sealer>,
    /// Randomness for nonces and ids.
    pub random: Arc<dyn Random>,
}
impl FieldCrypto {
    /// The keyed index of an account, the same in every table.
    #[must_use]
    pub fn account(&self, account: &Account) -> Hash {
        self.sealer.index("account", &account.to_string())
    }
}
