//! The mail address of a customer who ticked the box for notices on ⑥, and the notices about links that go to it.
//!
//! The address stands sealed beside its link while the link is open. A notice takes a copy of the sealed bytes, so that the one
//! about the end can still go out. Nothing is opened before delivery (`lifecycle`): a transaction that ends a link or locks an
//! account needs no key. Ids of notices are derived from what they are about, so that one that is queued twice is one.

use crate::clock::Instant;
use crate::id::{ConsentId, GrantId, NoticeId};
use crate::keys::seal::{Broken, SealContext, Sealer};
use crate::language::Language;
use crate::random::Random;
use crate::secret::{Hash, base64url};
use crate::store::{Error, Result, Row, Tx};

/// What a notice about a link says: nothing that needs a seal.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum LinkNotice {
    /// 連携の期限が近づいたお知らせ
    Expiring {
        /// 期限
        until: Instant,
        /// 受付番号
        reference: String,
    },
    /// 連携終了のお知らせ
    Ended {
        /// 終了日時
        at: Instant,
        /// 理由: a word of `grant::Reason`.
        why: String,
        /// 受付番号
        reference: String,
    },
    /// API連携認証の一時停止のお知らせ
    Suspended {
        /// 日時
        at: Instant,
        /// When the lock ends; `None` until staff releases it.
        until: Option<Instant>,
    },
    /// 新しい連携のお知らせ
    NewLink {
        /// 日時
        at: Instant,
    },
}
impl LinkNotice {
    /// The stored name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Expiring { .. } => "expiring",
            Self::Ended { .. } => "ended",
            Self::Suspended { .. } => "suspended",
            Self::NewLink { .. } => "new_link",
        }
    }
    /// From when the days count after which ⑥ promises that the address is erased: a notice about an end that was noticed
    /// late counts from the end.
    const fn erase_from(&self, now: Instant) -> Instant {
        match self {
            Self::Ended { at, .. } => *at,
            Self::Expiring { .. } | Self::Suspended { .. } | Self::NewLink { .. } => now,
        }
    }
}

/// Who gets the notices of a link, and what the customer calls it.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Addressee {
    /// The address.
    pub to: String,
    /// The app's name, as ⑥ showed it.
    pub app: String,
    /// Its provider's name.
    pub provider: String,
    /// The language of the screens.
    pub language: Language,
}
impl std::fmt::Debug for Addressee {
    /// Hides the content: the address is the customer's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Addressee(…)")
    }
}

fn seal_context(consent: &ConsentId) -> SealContext<'_> {
    SealContext { table: "notice_addresses", column: "sealed", row: consent.as_str() }
}

/// The keyed index of an address.
#[must_use]
pub fn index(sealer: &Sealer, address: &str) -> Hash {
    sealer.index("notice address", &address.to_ascii_lowercase())
}

/// Seals an addressee under the consent on which the box was ticked.
///
/// # Errors
/// [`Broken`] if sealing fails.
pub fn seal(
    addressee: &Addressee,
    consent: &ConsentId,
    (sealer, random): (&Sealer, &dyn Random),
) -> std::result::Result<Vec<u8>, Broken> {
    let plain = serde_json::to_vec(addressee).map_err(|_| Broken)?;
    sealer.seal(random, seal_context(consent), &plain)
}

/// Opens it; `None` if it cannot be read.
#[must_use]
pub fn open(sealer: &Sealer, consent: &ConsentId, sealed: &[u8]) -> Option<Addressee> {
    let plain = sealer.open(seal_context(consent), sealed).ok()?;
    serde_json::from_slice(&plain).ok()
}

/// `t***@example.jp`: enough for its owner to know it again.
#[must_use]
pub fn masked(address: &str) -> String {
    let (local, domain) = address.split_once('@').unwrap_or_default();
    format!("{}***@{domain}", local.chars().next().map(String::from).unwrap_or_default())
}

/// The address of a link, masked; `None` where its customer wants no notices, or the link has ended.
pub fn masked_of(tx: &mut Tx<'_, '_>, grant: &GrantId, sealer: &Sealer) -> Result<Option<String>> {
    let sql = "select consent_id, sealed from notice_addresses where grant_id = ?1";
    let Some(row) = tx.row(sql, &[grant.as_str().into()])? else { return Ok(None) };
    let bad = |why: &str| corrupt(grant.as_str(), why);
    let consent = ConsentId::parse(row.text(0)?).ok_or_else(|| bad("consent_id"))?;
    let addressee = open(sealer, &consent, row.bytes(1)?).ok_or_else(|| bad("its address does not open"))?;
    Ok(Some(masked(&addressee.to)))
}

fn corrupt(row: &str, why: &str) -> Error {
    Error::Corrupt { table: "notice_addresses", row: row.to_owned(), why: why.to_owned() }
}

/// The completion notice that redemption releases, as it is held: its own address, and what is kept of it.
const HELD: &str = "select n.id, n.address, n.address_index, n.consent_id from notices n where n.grant_id = ?1 \
                    and n.state = 'held' and n.created_at = (select c.decided_at from grants g \
                    join consents c on c.id = g.consent_id where g.id = ?1)";

/// The code of a ⑥ was redeemed: what was ticked there counts for the link from now on. The last ⑥ decides, so an address of an
/// earlier one goes if the box was not ticked again. Without a ⑥ of its own (`prompt=none`) nothing changes.
pub fn begin(tx: &mut Tx<'_, '_>, grant: &GrantId) -> Result<()> {
    let Some(row) = tx.row(HELD, &[grant.as_str().into()])? else { return Ok(()) };
    // A redemption that was undone released it before: what the customer took back since does not come again.
    let Some(index) = row.opt_bytes(2)? else { return Ok(()) };
    let id = grant.as_str();
    tx.execute("delete from notice_addresses where grant_id = ?1", &[id.into()])?;
    if let (Some(sealed), Some(consent)) = (row.opt_bytes(1)?, row.opt_text(3)?) {
        tx.execute(
            "insert into notice_addresses (grant_id, consent_id, sealed, address_index) values (?1, ?2, ?3, ?4)",
            &[id.into(), consent.into(), sealed.to_vec().into(), index.to_vec().into()],
        )?;
    }
    let spent = "update notices set address = null, address_index = null where id = ?1";
    tx.execute(spent, &[row.text(0)?.into()]).map(drop)
}

/// A link on the same consent (`prompt=none`) takes over, and the address with it: no ⑥ was shown between them.
pub fn hand_over(tx: &mut Tx<'_, '_>, from: &GrantId, to: &GrantId) -> Result<()> {
    let sql = "update notice_addresses set grant_id = ?2 where grant_id = ?1 \
               and consent_id = (select consent_id from grants where id = ?2)";
    tx.execute(sql, &[from.as_str().into(), to.as_str().into()]).map(drop)
}

/// A link ended: its address goes. Where `last` is given, that notice takes a copy.
pub fn end(tx: &mut Tx<'_, '_>, grant: &GrantId, last: Option<&LinkNotice>, now: Instant) -> Result<()> {
    if let Some(last) = last {
        queue(tx, grant, last, "", now)?;
    }
    tx.execute("delete from notice_addresses where grant_id = ?1", &[grant.as_str().into()]).map(drop)
}

/// The customer takes the address back: it goes with every copy, and a notice that is not sent yet is not sent. One that is
/// being delivered at this moment keeps its copy. `false` where there was none.
pub fn forget(tx: &mut Tx<'_, '_>, grant: &GrantId, now: Instant) -> Result<bool> {
    let id = [grant.as_str().into(), now.into()];
    tx.execute(
        "delete from notices where grant_id = ?1 and state = 'waiting' and facts is not null \
         and (taken_until is null or taken_until <= ?2)",
        &id,
    )?;
    tx.execute(
        "update notices set sealed = null where grant_id = ?1 and facts is not null and sealed is not null \
         and (taken_until is null or taken_until <= ?2)",
        &id,
    )?;
    // A further code of a ⑥ that was allowed and is not redeemed yet begins without it too.
    tx.execute("update notices set address = null where grant_id = ?1 and state = 'held'", &id[..1])?;
    Ok(tx.execute("delete from notice_addresses where grant_id = ?1", &id[..1])? > 0)
}

/// The end of a link is near. Each period is announced once, by the first of its warnings.
pub fn expiring(tx: &mut Tx<'_, '_>, grant: &GrantId, (until, reference): (Instant, &str), now: Instant) -> Result<()> {
    let notice = LinkNotice::Expiring { until, reference: reference.to_owned() };
    queue(tx, grant, &notice, &until.secs().to_string(), now)
}

/// An account was locked: the addresses of its open links are told, each once. What was typed on the way to the lock is not
/// among them: such an address stands nowhere but in its own interaction.
pub fn suspended(tx: &mut Tx<'_, '_>, account: &Hash, until: Option<Instant>, now: Instant) -> Result<()> {
    let notice = LinkNotice::Suspended { at: now, until };
    for (grant, _) in distinct(of_account(tx, account, now)?) {
        queue(tx, &grant, &notice, &now.millis().to_string(), now)?;
    }
    Ok(())
}

/// A new link was allowed and its code redeemed: the addresses of the other open links of its accounts are told, each once.
/// Of `taken_over`, links of the same app that end by it, only those whose address does not get the completion notice. A link
/// without a ⑥ of its own tells nobody.
pub fn new_link(
    tx: &mut Tx<'_, '_>,
    grant: &GrantId,
    taken_over: &[GrantId],
    allowed_at: Instant,
    now: Instant,
) -> Result<()> {
    let Some(held) = tx.row(HELD, &[grant.as_str().into()])? else { return Ok(()) };
    let own = held.opt_bytes(2)?.map(<[u8]>::to_vec);
    let accounts = tx.rows(
        "select account_index from grants where id = ?1 \
         union select account_index from grant_accounts where grant_id = ?1 order by 1",
        &[grant.as_str().into()],
    )?;
    let mut others = Vec::new();
    for row in accounts {
        others.extend(of_account(tx, &row.hash(0)?, now)?);
    }
    others.retain(|(other, index)| other != grant && !(taken_over.contains(other) && own.as_ref() == Some(index)));
    for (other, _) in distinct(others) {
        queue(tx, &other, &LinkNotice::NewLink { at: allowed_at }, grant.as_str(), now)?;
    }
    Ok(())
}

/// The most links of one account whose addresses are read.
const MOST: i64 = 1000;

/// The open links of an account that have an address, verified by it or sharing it, with the index of the address; the newest
/// first.
fn of_account(tx: &mut Tx<'_, '_>, account: &Hash, now: Instant) -> Result<Vec<(GrantId, Vec<u8>)>> {
    let rows = tx.rows(
        // Subqueries in the select list: see `grant::sql`.
        "select grant_id, address_index, created_at from (select g.id as grant_id, g.created_at, \
         (select a.address_index from notice_addresses a where a.grant_id = g.id) as address_index \
         from grants g where g.account_index = ?1 and g.ended_at is null and g.expires_at > ?2 \
         union select s.grant_id, \
         (select g.created_at from grants g where g.id = s.grant_id and g.ended_at is null and g.expires_at > ?2), \
         (select a.address_index from notice_addresses a where a.grant_id = s.grant_id) \
         from grant_accounts s where s.account_index = ?1) as links \
         where address_index is not null and created_at is not null order by created_at desc, grant_id limit ?3",
        &[(*account).into(), now.into(), MOST.into()],
    )?;
    let link = |row: &Row| {
        let id = row.text(0)?;
        Ok((GrantId::parse(id).ok_or_else(|| corrupt(id, "grant_id"))?, row.bytes(1)?.to_vec()))
    };
    rows.iter().map(link).collect()
}

/// One link of each address.
fn distinct(links: Vec<(GrantId, Vec<u8>)>) -> Vec<(GrantId, Vec<u8>)> {
    let mut seen = std::collections::BTreeSet::new();
    links.into_iter().filter(|(_, index)| seen.insert(index.clone())).collect()
}

/// Queues a notice to the address of a link, if it has one. `key` tells notices of one kind about one link apart.
fn queue(tx: &mut Tx<'_, '_>, grant: &GrantId, notice: &LinkNotice, key: &str, now: Instant) -> Result<()> {
    let digest = Hash::of(format!("{} {grant} {key}", notice.kind()));
    let id = NoticeId::parse(&base64url(&digest.as_bytes()[..16]))
        .ok_or_else(|| Error::Engine("a notice id cannot be made".to_owned()))?;
    let facts = serde_json::to_string(notice).map_err(|e| Error::Engine(format!("facts: {e}")))?;
    tx.execute(
        "insert into notices (id, kind, grant_id, consent_id, sealed, facts, state, attempts, next_at, since, created_at, \
         erase_from) select ?1, ?2, a.grant_id, a.consent_id, a.sealed, ?3, 'waiting', 0, ?4, ?4, ?4, ?5 \
         from notice_addresses a where a.grant_id = ?6 on conflict do nothing",
        &[
            id.as_str().into(),
            notice.kind().into(),
            facts.into(),
            now.into(),
            notice.erase_from(now).into(),
            grant.as_str().into(),
        ],
    )?;
    Ok(())
}

/// After a restore: nobody knows which addresses were taken back since the copy, which links ended, or which notices went
/// out. So addresses go, and notices about links that are not sent yet. Returns how many rows went.
pub fn drop_restored(tx: &mut Tx<'_, '_>, limit: i64) -> Result<u64> {
    let addresses = "delete from notice_addresses where grant_id in (select grant_id from notice_addresses limit ?1)";
    let notices = "delete from notices where id in \
                   (select id from notices where state = 'waiting' and facts is not null limit ?1)";
    let held = "update notices set address = null where id in \
                (select id from notices where state = 'held' and address is not null limit ?1)";
    let mut gone = 0;
    for sql in [addresses, notices, held] {
        gone += tx.execute(sql, &[limit.into()])?;
    }
    Ok(gone)
}

/// Housekeeping: erases the copies of notices about links that began to count before `before`, whatever became of them, and
/// gives up what is not sent. Returns how many were erased.
pub fn erase(tx: &mut Tx<'_, '_>, before: Instant, now: Instant, limit: i64) -> Result<u64> {
    tx.execute(
        "update notices set sealed = null, next_at = null, done_at = coalesce(done_at, ?2), \
         state = case when state = 'waiting' then 'failed' else state end where id in \
         (select id from notices where erase_from <= ?1 and sealed is not null and (taken_until is null or taken_until <= ?2) \
         order by erase_from limit ?3)",
        &[before.into(), now.into(), limit.into()],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn a_masked_address_shows_its_first_letter_and_its_domain() {
        for (address, shown) in [
            ("taro@example.jp", "t***@example.jp"),
            ("t@example.jp", "t***@example.jp"),
            ("taro.yamada+bank@mail.example.co.jp", "t***@mail.example.co.jp"),
        ] {
            assert_eq!(masked(address), shown);
        }
    }

    #[test]
    fn an_address_opens_under_its_own_consent_only() {
        let (sealer, random) = (Sealer::new("t", &[7; 32]).unwrap(), SeededRandom::new(1));
        let (own, other) = (ConsentId::parse("c-1").unwrap(), ConsentId::parse("c-2").unwrap());
        let addressee = Addressee {
            to: "taro@example.jp".into(),
            app: "家計簿".into(),
            provider: "株式会社家計簿".into(),
            language: Language::Ja,
        };
        let sealed = seal(&addressee, &own, (&sealer, &random)).unwrap();
        assert_eq!(open(&sealer, &own, &sealed), Some(addressee));
        assert_eq!(open(&sealer, &other, &sealed), None);
        assert_eq!(index(&sealer, "Taro@example.jp"), index(&sealer, "taro@example.jp"));
        assert_ne!(index(&sealer, "jiro@example.jp"), index(&sealer, "taro@example.jp"));
    }
}
