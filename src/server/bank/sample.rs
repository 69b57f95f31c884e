//! The built-in sample bank (requirements.md#demo). It is a bank of its own: it knows PINs and birth dates, in a file
//! of its own
//! with `bank` in its name, and the server reaches it only through the port.

use crate::account::Account;
use crate::id::{AccountId, HolderId};
use crate::identity::{BankError, BirthDate, CoreBank, Holding, Ineligible, Lookup, Pin};
use crate::phone::Phone;
use crate::secret::{Hash, same};
use chrono::{Days, NaiveDate};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// What the bank's file is called in a data folder.
pub const FILE: &str = "sample-bank.json";

/// How far back its bookings reach when it is founded: 約3か月分 (R85).
const HISTORY: Days = Days::new(92);

/// The sample bank.
#[derive(Debug)]
pub struct SampleBank {
    books: Books,
}
#[derive(Debug, Serialize, Deserialize)]
struct Books {
    founded: NaiveDate,
    accounts: Vec<Record>,
}
/// One account in the bank's books.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) account: Account,
    pub(super) id: AccountId,
    pub(super) holder: HolderId,
    pub(super) status: Status,
    kana: String,
    born: String,
    phones: Vec<String>,
    card: Option<Card>,
}
impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({:?})", self.id)
    }
}
#[derive(Clone, Serialize, Deserialize)]
struct Card {
    pin: String,
}
/// What has become of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Open,
    Closed,
    Transferred { to: String },
    Corporate,
}

/// Holder, account, status, kana, birth date, phones, PIN.
type Line =
    (&'static str, &'static str, Status, &'static str, &'static str, &'static [&'static str], Option<&'static str>);

fn lines() -> Vec<Line> {
    let transferred = Status::Transferred { to: "022-ordinary-2222222".into() };
    vec![
        ("data", "115-ordinary-1100026", Status::Open, "ﾃﾞｰﾀ ﾀﾛｳ", "1985-04-12", &["09012343333"], Some("4071")),
        ("data", "115-savings-2200011", Status::Open, "ﾃﾞｰﾀ ﾀﾛｳ", "1985-04-12", &["09012343333"], Some("4071")),
        ("yamada", "005-ordinary-0000123", Status::Open, "ﾔﾏﾀﾞ ﾊﾅｺ", "1990-12-01", &["0438201122"], Some("9182")),
        ("sato", "010-savings-1234567", Status::Open, "ｻﾄｳ ｲﾁﾛｳ", "1972-02-29", &["08055556666"], Some("6203")),
        ("nocard", "115-ordinary-1100034", Status::Open, "ｶｰﾄﾞ ﾅｼ", "1980-01-15", &["09011110034"], None),
        ("closed", "115-ordinary-1100042", Status::Closed, "ｶｲﾔｸ ｽﾞﾐ", "1979-06-30", &["09011110042"], Some("1042")),
        ("moved", "011-ordinary-1111111", transferred, "ｲｶﾝ ｽﾞﾐ", "1968-11-03", &["09011111111"], Some("1111")),
        ("kaisha", "115-ordinary-1100050", Status::Corporate, "ｶ)ﾐﾅﾄｼﾖｳｼﾞ", "2001-04-01", &["0438200050"], Some("1050")),
    ]
}

impl SampleBank {
    /// The bank as it is founded today, in memory.
    #[must_use]
    pub fn founded(today: NaiveDate) -> Self {
        let record = |(holder, account, status, kana, born, phones, pin): Line| {
            let opaque =
                |what: &str, of: &str| Hash::of(format!("renkei sample bank {what} {of}")).base64url()[..22].to_owned();
            Some(Record {
                id: AccountId::parse(&opaque("account", account))?,
                holder: HolderId::parse(&opaque("holder", holder))?,
                account: Account::parse(account)?,
                status,
                kana: kana.to_owned(),
                born: born.to_owned(),
                phones: phones.iter().map(|p| (*p).to_owned()).collect(),
                card: pin.map(|pin| Card { pin: pin.to_owned() }),
            })
        };
        let founded = today.checked_sub_days(HISTORY).unwrap_or(today);
        Self { books: Books { founded, accounts: lines().into_iter().filter_map(record).collect() } }
    }

    /// The bank whose books lie in `dir`; founded today when there are none yet.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is not the bank's.
    pub fn open(dir: &Path, today: NaiveDate) -> io::Result<Self> {
        let path = dir.join(FILE);
        match std::fs::read(&path) {
            Ok(text) => Ok(Self { books: serde_json::from_slice(&text)? }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let bank = Self::founded(today);
                std::fs::write(&path, serde_json::to_vec_pretty(&bank.books)?)?;
                Ok(bank)
            }
            Err(e) => Err(e),
        }
    }

    /// The first day with bookings.
    pub(super) fn since(&self) -> NaiveDate {
        self.books.founded
    }
    pub(super) fn find(&self, account: &Account) -> Option<&Record> {
        self.books.accounts.iter().find(|r| r.account == *account)
    }
    pub(super) fn by_id(&self, id: &str) -> Option<&Record> {
        self.books.accounts.iter().find(|r| r.id.as_str() == id && r.status == Status::Open)
    }

    pub(super) fn lookup_now(&self, account: &Account) -> Lookup {
        let Some(r) = self.find(account) else { return Lookup::Ineligible(Ineligible::Unknown) };
        match (&r.status, &r.card) {
            (Status::Closed, _) => Lookup::Ineligible(Ineligible::Closed),
            (Status::Transferred { .. }, _) => Lookup::Ineligible(Ineligible::Transferred),
            (Status::Corporate, _) => Lookup::Ineligible(Ineligible::Corporate),
            (Status::Open, None) => Lookup::Ineligible(Ineligible::NoCard),
            (Status::Open, Some(_)) => Lookup::Eligible(Holding { holder: r.holder.clone(), id: r.id.clone() }),
        }
    }
    pub(super) fn matches_now(&self, account: &Account, born: &str, phone: &Phone) -> bool {
        self.find(account).is_some_and(|r| {
            let born = same(r.born.as_bytes(), born.as_bytes());
            born & r.phones.iter().any(|p| same(p.as_bytes(), phone.as_str().as_bytes()))
        })
    }
    pub(super) fn pin_now(&self, account: &Account, pin: &str) -> bool {
        let card = self.find(account).filter(|r| r.status == Status::Open).and_then(|r| r.card.as_ref());
        card.is_some_and(|card| same(card.pin.as_bytes(), pin.as_bytes()))
    }
    pub(super) fn accounts_now(&self, holder: &str) -> Vec<&Record> {
        let eligible = |r: &&Record| r.status == Status::Open && r.card.is_some();
        self.books.accounts.iter().filter(eligible).filter(|r| r.holder.as_str() == holder).collect()
    }
}

impl CoreBank for SampleBank {
    fn lookup<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Lookup, BankError>> {
        ready(Ok(self.lookup_now(account))).boxed()
    }
    fn matches<'a>(
        &'a self,
        account: &'a Account,
        born: &'a BirthDate,
        phone: &'a Phone,
    ) -> BoxFuture<'a, Result<bool, BankError>> {
        ready(Ok(self.matches_now(account, &born.iso(), phone))).boxed()
    }
    fn verify_pin<'a>(&'a self, account: &'a Account, pin: &'a Pin) -> BoxFuture<'a, Result<bool, BankError>> {
        ready(Ok(self.pin_now(account, pin.reveal()))).boxed()
    }
    fn accounts<'a>(&'a self, holder: &'a HolderId) -> BoxFuture<'a, Result<Vec<(AccountId, Account)>, BankError>> {
        let list = self.accounts_now(holder.as_str()).into_iter().map(|r| (r.id.clone(), r.account.clone())).collect();
        ready(Ok(list)).boxed()
    }
}
