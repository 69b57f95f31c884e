//! Access tokens that were asked for lately, kept in memory on SQLite: the most frequent request then reads no table. What is kept is
//! exactly what SQLite would answer ([`Changes`]). Time, audience and the caller's right are judged at each request.

use super::find::{find_access_for, look_up_access};
use super::introspect::{self, IntrospectedToken, Introspection, KnownToken};
use crate::client::{Client, RecordVersion};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::secret::Hash;
use crate::store::{Changes, CommitNumber, Result, Store, Stripe, WatchedRow};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// How many bytes the kept tokens may take.
const BYTES: u64 = 64 * 1024 * 1024;
/// What a kept token takes about, for the first size of the tables.
const USUAL: usize = 2048;

/// The tokens kept by one server.
pub struct RecentTokens {
    store: Store,
    issuer: String,
    cache: Cache<Hash, Arc<CachedToken>, InBytes>,
}

/// A token, and the commit up to which it was read.
struct CachedToken {
    token: Arc<KnownToken>,
    rows: Vec<Stripe>,
    read_at: CommitNumber,
    bytes: u64,
}

#[derive(Debug, Clone)]
struct InBytes;
impl Weighter<Hash, Arc<CachedToken>> for InBytes {
    fn weight(&self, _: &Hash, cached: &Arc<CachedToken>) -> u64 {
        cached.bytes
    }
}

/// A token, and what the same statement said of the caller's record.
pub struct TokenAndCaller {
    /// The token, if there is one.
    pub token: Option<Arc<KnownToken>>,
    /// Of the caller.
    pub version: RecordVersion,
}

impl RecentTokens {
    /// Nothing is kept yet.
    #[must_use]
    pub fn new(store: Store, issuer: String) -> Self {
        let tokens = usize::try_from(BYTES).unwrap_or(usize::MAX) / USUAL;
        Self { store, issuer, cache: Cache::with_weighter(tokens, BYTES, InBytes) }
    }

    /// [`introspect::introspect`], from memory where that is exact.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub async fn introspect(
        &self,
        asked: IntrospectedToken,
        caller: &Arc<Client>,
        now: Instant,
    ) -> Result<Introspection> {
        if let IntrospectedToken::Access(hash) = asked {
            return Ok(introspect::of_access(self.find(hash, now).await?, caller, now));
        }
        let caller = caller.clone();
        Box::pin(self.store.read(move |tx| introspect::introspect(tx, asked, &caller, now))).await
    }

    /// The access token under `hash`, as the store has it now.
    async fn find(&self, hash: Hash, now: Instant) -> Result<Option<Arc<KnownToken>>> {
        if let Some(changes) = self.store.changes()
            && let Some(cached) = self.cache.get(&hash)
            && changes.unchanged(cached.read_at, &cached.rows)
        {
            return Ok(Some(cached.token.clone()));
        }
        // In a box of its own: otherwise the future of every request would be as large as that of this one.
        Box::pin(self.read_and_insert(hash, now)).await
    }

    /// Only a valid token is kept.
    async fn read_and_insert(&self, hash: Hash, now: Instant) -> Result<Option<Arc<KnownToken>>> {
        let Some(changes) = self.store.changes() else { return self.read(hash).await };
        let read_at = changes.finished();
        let token = self.read(hash).await?;
        if let Some(token) = token.as_ref().filter(|token| token.is_live(now)) {
            self.insert(hash, token, read_at, changes);
        }
        Ok(token)
    }

    /// The access token under `hash`, and the version of the caller's record, in one statement. For PostgreSQL: SQLite says both from memory.
    ///
    /// # Errors
    /// Those of [`Store::look_up`].
    pub async fn with_caller(&self, hash: &Hash, caller: &ClientId) -> Result<TokenAndCaller> {
        let (found, version) = find_access_for(&self.store, hash, caller).await?;
        Ok(TokenAndCaller { token: found.map(|found| Arc::new(KnownToken::new(found))), version })
    }

    async fn read(&self, hash: Hash) -> Result<Option<Arc<KnownToken>>> {
        let found = look_up_access(&self.store, &hash).await?;
        Ok(found.map(|found| Arc::new(KnownToken::new(found))))
    }

    fn insert(&self, hash: Hash, token: &Arc<KnownToken>, read_at: CommitNumber, changes: &Changes) {
        let found = token.found();
        let grant = found.grant.as_ref().map(|grant| WatchedRow::Grant(&grant.id));
        let rows = [WatchedRow::AccessToken(&hash), WatchedRow::Client(&found.token.client)];
        let rows: Vec<Stripe> = rows.into_iter().chain(grant).map(Stripe::of).collect();
        // Otherwise it is not what SQLite would answer any more.
        if changes.unchanged(read_at, &rows) {
            // The texts of the record are those of the response, and each has its own allocation.
            let bytes = size_of::<CachedToken>() + size_of::<KnownToken>() + 4 * token.response(&self.issuer).len();
            self.cache.insert(hash, Arc::new(CachedToken { token: token.clone(), rows, read_at, bytes: bytes as u64 }));
        }
    }
}
