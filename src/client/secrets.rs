//! Client secrets at rest (contract §6): the ones we made are 256 random bits and need no more than SHA-256; the ones
//! somebody brought along may be guessable and get argon2id.

use crate::secret::Hash;
use std::fmt;

/// What is kept of a client secret.
#[derive(Clone, PartialEq, Eq)]
pub enum StoredSecret {
    /// SHA-256 of a generated secret.
    Generated(Hash),
    /// The argon2id PHC string of an imported one.
    Imported(String),
}
impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generated(_) => "StoredSecret::Generated",
            Self::Imported(_) => "StoredSecret::Imported",
        })
    }
}
