//! Notices: typed, queued in the transaction that causes them, rendered when they are sent, erased afterwards.

use crate::account::{Account, AccountType};
use crate::authorize::Details;
use crate::clock::Instant;
use crate::id::{GrantId, NoticeId};
use crate::keys::seal::{Broken, Place, Sealer};
use crate::random::Random;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::store::{Result, Tx};
use std::time::Duration;

/// How long an address is kept after its notice was delivered or given up, by default (domain §3).
pub const ERASE_AFTER: Duration = Duration::from_hours(30 * 24);

/// How long delivery is tried (domain §7).
pub const TRY_FOR: Duration = Duration::from_hours(24);

/// What a customer is told by mail.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// API連携認証 完了のお知らせ (domain §7).
    Completed(Completed),
}
impl Notice {
    /// The stored word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Completed(_) => "completed",
        }
    }
}

/// A link was allowed. Holds no name and no full account number: the mail says neither (domain §7).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Completed {
    /// 受付番号
    pub reference: String,
    /// お手続き日時
    pub at: Instant,
    /// The app's name, from the registry.
    pub app: String,
    /// Its provider's name, from the registry.
    pub provider: String,
    /// 許可した内容
    pub scope: Scope,
    /// 許可した内容, in detail.
    pub details: Details,
    /// The account that was verified: what kind,
    pub account_type: AccountType,
    /// and the last three digits.
    pub last3: String,
    /// 対象口座, the same of each; where empty, the verified one.
    #[serde(default)]
    pub accounts: Vec<(AccountType, String)>,
    /// 認可期間, its end.
    pub expires_at: Instant,
    /// The language of the screens, `ja` or `en`.
    pub language: String,
}
impl Completed {
    /// The part of `account` that a mail may say.
    #[must_use]
    pub fn of_account(account: &Account) -> (AccountType, String) {
        (account.account_type, account.number.last3().to_owned())
    }
}

/// What stands sealed in the outbox.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Envelope {
    pub(super) to: String,
    pub(super) notice: Notice,
}

/// A notice ready to be queued: sealed before the transaction.
#[derive(Debug, Clone)]
pub struct Queued {
    id: NoticeId,
    kind: &'static str,
    grant: Option<GrantId>,
    sealed: Vec<u8>,
}
impl Queued {
    /// Seals `notice` for `to`.
    ///
    /// # Errors
    /// [`Broken`] when sealing fails.
    pub fn new(
        notice: Notice,
        to: &Secret,
        grant: Option<GrantId>,
        sealer: &Sealer,
        random: &dyn Random,
    ) -> std::result::Result<Self, Broken> {
        let id = NoticeId::random(random);
        let kind = notice.kind();
        let plain = serde_json::to_vec(&Envelope { to: to.reveal().to_owned(), notice }).map_err(|_| Broken)?;
        let sealed = sealer.seal(random, place(&id), &plain)?;
        Ok(Self { id, kind, grant, sealed })
    }
}

pub(super) fn place(id: &NoticeId) -> Place<'_> {
    Place { table: "notices", column: "sealed", row: id.as_str() }
}

/// Puts a notice into the outbox, in the transaction that causes it.
///
/// # Errors
/// The store's.
pub fn queue(tx: &mut Tx<'_, '_>, notice: &Queued, now: Instant) -> Result<()> {
    tx.execute(
        "insert into notices (id, kind, grant_id, sealed, state, attempts, next_at, created_at, since) \
         values (?1, ?2, ?3, ?4, 'waiting', 0, ?5, ?5, ?5)",
        &[
            notice.id.as_str().into(),
            notice.kind.into(),
            notice.grant.as_ref().map(GrantId::as_str).into(),
            notice.sealed.clone().into(),
            now.into(),
        ],
    )?;
    Ok(())
}
