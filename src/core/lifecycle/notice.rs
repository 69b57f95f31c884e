//! Notices: typed, held from 許可する until the app redeems its code, rendered when sent, erased afterwards.

use crate::account::{Account, AccountType};
use crate::authorize::Details;
use crate::clock::Instant;
use crate::grant::FURTHER_WINDOW;
use crate::id::{ConsentId, GrantId, NoticeId};
use crate::keys::seal::{Broken, SealContext, Sealer};
use crate::language::Language;
use crate::notice_address::{self, Addressee, LinkNotice};
use crate::random::Random;
use crate::scope::Scope;
use crate::secret::{Hash, Secret};
use crate::store::{Result, Tx};
use std::time::Duration;

/// How long an address is stored after its notice was delivered or given up, by default (requirements.md#purpose).
pub const ERASE_AFTER: Duration = Duration::from_hours(30 * 24);

/// How long delivery is tried (requirements.md#notice-delivery).
pub const TRY_FOR: Duration = Duration::from_hours(24);

/// A mail to the customer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// API連携認証 完了のお知らせ (requirements.md#notices).
    Completed(Completed),
    /// A notice about a link, to a customer who ticked the box for it on ⑥.
    Link(LinkLetter),
}
impl Notice {
    /// The stored name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Completed(_) => "completed",
            Self::Link(letter) => letter.notice.kind(),
        }
    }
}

/// A notice about a link, with the names that ⑥ showed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LinkLetter {
    /// What it says.
    pub notice: LinkNotice,
    /// The app's name.
    pub app: String,
    /// Its provider's name.
    pub provider: String,
    /// The language of the screens.
    pub language: Language,
}

/// A grant was given. No name and no full account number: the mail may contain neither (requirements.md#notice-text).
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
    /// The granted detail of it.
    pub details: Details,
    /// The type of the verified account.
    pub account_type: AccountType,
    /// Its last three digits.
    pub last3: String,
    /// 対象口座: type and last three digits of each; if empty, the verified account.
    #[serde(default)]
    pub accounts: Vec<(AccountType, String)>,
    /// The end of 認可期間: the minute that stood on ⑥.
    pub expires_at: Instant,
    /// 認可期間 in days, as on ⑥; `None` in a notice of an earlier release.
    #[serde(default)]
    pub days: Option<u64>,
    /// The language of the screens.
    pub language: Language,
}
impl Completed {
    /// The part of `account` that a mail may contain.
    #[must_use]
    pub fn of_account(account: &Account) -> (AccountType, String) {
        (account.account_type, account.number.last3().to_owned())
    }
}

/// The content that is sealed in the outbox.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Envelope {
    pub(super) to: String,
    pub(super) notice: Notice,
}

/// A notice ready to be stored, sealed before the transaction.
#[derive(Debug, Clone)]
pub struct Queued {
    id: NoticeId,
    kind: &'static str,
    grant: GrantId,
    sealed: Vec<u8>,
    index: Hash,
    further: Option<(ConsentId, Vec<u8>)>,
}
impl Queued {
    /// Seals `notice` of `grant` for `to`.
    ///
    /// # Errors
    /// [`Broken`] when sealing fails.
    pub fn new(
        notice: Notice,
        to: &Secret,
        grant: GrantId,
        sealer: &Sealer,
        random: &dyn Random,
    ) -> std::result::Result<Self, Broken> {
        let id = NoticeId::random(random);
        let kind = notice.kind();
        let plain = serde_json::to_vec(&Envelope { to: to.reveal().to_owned(), notice }).map_err(|_| Broken)?;
        let sealed = sealer.seal(random, seal_context(&id), &plain)?;
        let index = notice_address::index(sealer, to.reveal());
        Ok(Self { id, kind, grant, sealed, index, further: None })
    }

    /// The customer ticked the box for further notices: from the redemption on, they go to the same address.
    ///
    /// # Errors
    /// [`Broken`] when sealing fails.
    pub fn with_further(
        mut self,
        addressee: &Addressee,
        consent: &ConsentId,
        seals: (&Sealer, &dyn Random),
    ) -> std::result::Result<Self, Broken> {
        self.further = Some((consent.clone(), notice_address::seal(addressee, consent, seals)?));
        Ok(self)
    }
}

pub(super) fn seal_context(id: &NoticeId) -> SealContext<'_> {
    SealContext { table: "notices", column: "sealed", row: id.as_str() }
}

/// Stores a notice, in the transaction of 許可する. The app has no token yet, so it is held (requirements.md#notices, G26).
pub fn hold(tx: &mut Tx<'_, '_>, notice: &Queued, now: Instant) -> Result<()> {
    let (consent, address) =
        notice.further.as_ref().map(|(consent, address)| (consent.as_str(), address.clone())).unzip();
    tx.execute(
        "insert into notices (id, kind, grant_id, sealed, state, attempts, created_at, consent_id, address, address_index) \
         values (?1, ?2, ?3, ?4, 'held', 0, ?5, ?6, ?7, ?8)",
        &[
            notice.id.as_str().into(),
            notice.kind.into(),
            notice.grant.as_str().into(),
            notice.sealed.clone().into(),
            now.into(),
            consent.into(),
            address.into(),
            notice.index.into(),
        ],
    )?;
    Ok(())
}

/// Releases the notice of the consent that a grant rests on, in the transaction that redeems its code. Its 24 hours begin now.
/// A notice of another consent, whose change of the grant was not redeemed, stays held. What was ticked for further notices counts
/// from now on.
pub fn release(tx: &mut Tx<'_, '_>, grant: &GrantId, now: Instant) -> Result<()> {
    notice_address::begin(tx, grant)?;
    tx.execute(
        "update notices set state = 'waiting', next_at = ?2, since = ?2 where grant_id = ?1 and state = 'held' \
         and created_at = (select c.decided_at from grants g join consents c on c.id = g.consent_id where g.id = ?1)",
        &[grant.as_str().into(), now.into()],
    )?;
    Ok(())
}

/// The redemption was undone: a completion notice that is not sent yet is held again. The link itself goes on, and so do the
/// notices about it and about others.
pub fn put_on_hold(tx: &mut Tx<'_, '_>, grant: &GrantId) -> Result<()> {
    tx.execute(
        "update notices set state = 'held', next_at = null, since = null where grant_id = ?1 and state = 'waiting' \
         and facts is null",
        &[grant.as_str().into()],
    )?;
    Ok(())
}

/// The clock difference between two nodes. Another node may still redeem a code that has just expired here.
const CLOCKS: Duration = Duration::from_secs(60);

/// Housekeeping: deletes held notices, with their addresses, once no code of their grant can be redeemed any more.
/// Either the grant has ended (for example by revocation), or its codes have expired unused and it is too late for a
/// further one. Returns how many were deleted.
pub fn drop_held(tx: &mut Tx<'_, '_>, now: Instant, limit: i64) -> Result<u64> {
    let dead = now - CLOCKS;
    tx.execute(
        "delete from notices where id in (select n.id from notices n left join grants g on g.id = n.grant_id \
         where n.state = 'held' and (g.id is null or g.ended_at is not null or g.expires_at <= ?1 \
         or (n.created_at <= ?2 and (select count(*) from codes c where c.grant_id = n.grant_id \
         and coalesce(c.used_at, 0) = 0 and c.expires_at > ?1) = 0)) limit ?3)",
        &[dead.into(), (dead - FURTHER_WINDOW).into(), limit.into()],
    )
}
