//! The sample bank: who its customers are, and the four questions of the core banking API as plain functions. It knows
//! PINs and birth dates, in a file of its own with `bank` in its name.

use crate::crypto::{base64url, same, sha256};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// What the bank's file is called in a data folder.
pub(super) const FILE: &str = "sample-bank.json";

/// The account of somebody who has given too many wrong answers. The bank knows nothing of that: whoever starts the demonstration
/// has the authorization server lock it.
pub const LOCKED: &str = "115-ordinary-1100084";

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
    /// `115-ordinary-1100026`
    pub(super) account: String,
    pub(super) id: String,
    holder: String,
    status: AccountStatus,
    kana: String,
    born: String,
    phones: Vec<String>,
    card: Option<Card>,
}
impl Record {
    fn is_linkable(&self) -> bool {
        self.status == AccountStatus::Open && self.card.is_some()
    }
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
enum AccountStatus {
    Open,
    Closed,
    Transferred {
        to: String,
    },
    Corporate,
    /// For trying out: every question about it is answered with "busy".
    Busy,
    /// For trying out: every question about it fails.
    Failing,
}

/// Whether an account can be linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// It can.
    Eligible {
        /// The opaque name of the person.
        holder: String,
        /// The opaque name of the account.
        id: String,
    },
    /// It cannot, for this reason: `unknown`, `closed`, `transferred`, `no_card` or `corporate`.
    Ineligible(&'static str),
}

/// Holder, account, status, kana, birth date, phones, PIN.
type Line = (
    &'static str,
    &'static str,
    AccountStatus,
    &'static str,
    &'static str,
    &'static [&'static str],
    Option<&'static str>,
);

fn lines() -> Vec<Line> {
    let transferred = AccountStatus::Transferred { to: "022-ordinary-2222222".into() };
    vec![
        ("data", "115-ordinary-1100026", AccountStatus::Open, "ﾃﾞｰﾀ ﾀﾛｳ", "1985-04-12", &["09012343333"], Some("4071")),
        ("data", "115-savings-2200011", AccountStatus::Open, "ﾃﾞｰﾀ ﾀﾛｳ", "1985-04-12", &["09012343333"], Some("4071")),
        ("yamada", "005-ordinary-0000123", AccountStatus::Open, "ﾔﾏﾀﾞ ﾊﾅｺ", "1990-12-01", &["0438201122"], Some("9182")),
        ("sato", "010-savings-1234567", AccountStatus::Open, "ｻﾄｳ ｲﾁﾛｳ", "1972-02-29", &["08055556666"], Some("6203")),
        ("nocard", "115-ordinary-1100034", AccountStatus::Open, "ｶｰﾄﾞ ﾅｼ", "1980-01-15", &["09011110034"], None),
        (
            "closed",
            "115-ordinary-1100042",
            AccountStatus::Closed,
            "ｶｲﾔｸ ｽﾞﾐ",
            "1979-06-30",
            &["09011110042"],
            Some("1042"),
        ),
        ("moved", "011-ordinary-1111111", transferred, "ｲｶﾝ ｽﾞﾐ", "1968-11-03", &["09011111111"], Some("1111")),
        (
            "kaisha",
            "115-ordinary-1100050",
            AccountStatus::Corporate,
            "ｶ)ﾐﾅﾄｼﾖｳｼﾞ",
            "2001-04-01",
            &["0438200050"],
            Some("1050"),
        ),
        ("busy", "115-ordinary-1100068", AccountStatus::Busy, "ｺﾝｻﾞﾂ ﾁﾕｳ", "1983-05-05", &["09011110068"], Some("1068")),
        (
            "failing",
            "115-ordinary-1100076",
            AccountStatus::Failing,
            "ｼﾖｳｶﾞｲ ﾁﾕｳ",
            "1977-07-07",
            &["09011110076"],
            Some("1076"),
        ),
        ("locked", LOCKED, AccountStatus::Open, "ﾛﾂｸ ｽﾞﾐ", "1991-09-09", &["09011110084"], Some("1084")),
    ]
}
fn records() -> impl Iterator<Item = Record> {
    lines().into_iter().map(|(holder, account, status, kana, born, phones, pin)| {
        let opaque =
            |what: &str, of: &str| base64url(sha256(format!("renkei sample bank {what} {of}")))[..22].to_owned();
        Record {
            id: opaque("account", account),
            holder: opaque("holder", holder),
            account: account.to_owned(),
            status,
            kana: kana.to_owned(),
            born: born.to_owned(),
            phones: phones.iter().map(|p| (*p).to_owned()).collect(),
            card: pin.map(|pin| Card { pin: pin.to_owned() }),
        }
    })
}

/// The sample accounts that can be linked, as they are written: the bank has something to report of these.
#[must_use]
pub fn linkable_accounts() -> Vec<String> {
    records().filter(Record::is_linkable).map(|r| r.account).collect()
}

impl SampleBank {
    /// The bank as it is founded today, in memory.
    #[must_use]
    pub fn founded(today: NaiveDate) -> Self {
        let founded = today.checked_sub_days(HISTORY).unwrap_or(today);
        Self { books: Books { founded, accounts: records().collect() } }
    }

    /// The bank whose books lie in `dir`; founded today when there are none yet.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is not the bank's.
    pub fn open(dir: &Path, today: NaiveDate) -> io::Result<Self> {
        let path = dir.join(FILE);
        match std::fs::read(&path) {
            Ok(text) => {
                let mut books: Books = serde_json::from_slice(&text)?;
                // Books of an earlier version lack the accounts that are newer.
                let new = |r: &Record| !books.accounts.iter().any(|old| old.account == r.account);
                let missing: Vec<Record> = records().filter(new).collect();
                books.accounts.extend(missing);
                Ok(Self { books })
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let bank = Self::founded(today);
                std::fs::write(&path, serde_json::to_vec_pretty(&bank.books)?)?;
                Ok(bank)
            }
            Err(e) => Err(e),
        }
    }

    /// How every question about an account is refused, if it is one for trying that out: status and error.
    pub(super) fn refusal(&self, account: &str) -> Option<(u16, &'static str)> {
        match self.find(account)?.status {
            AccountStatus::Busy => Some((503, "busy")),
            AccountStatus::Failing => Some((500, "failed")),
            _ => None,
        }
    }
    /// The first day with bookings.
    pub(super) fn since(&self) -> NaiveDate {
        self.books.founded
    }
    pub(super) fn find(&self, account: &str) -> Option<&Record> {
        self.books.accounts.iter().find(|r| r.account == account)
    }
    pub(super) fn by_id(&self, id: &str) -> Option<&Record> {
        self.books.accounts.iter().find(|r| r.id == id && r.status == AccountStatus::Open)
    }

    /// Can this account, written `115-ordinary-1100026`, be linked?
    #[must_use]
    pub fn lookup(&self, account: &str) -> Lookup {
        let Some(r) = self.find(account) else { return Lookup::Ineligible("unknown") };
        match (&r.status, &r.card) {
            (AccountStatus::Closed, _) => Lookup::Ineligible("closed"),
            (AccountStatus::Transferred { .. }, _) => Lookup::Ineligible("transferred"),
            (AccountStatus::Corporate, _) => Lookup::Ineligible("corporate"),
            (AccountStatus::Busy | AccountStatus::Failing, _) => Lookup::Ineligible("unknown"),
            (AccountStatus::Open, None) => Lookup::Ineligible("no_card"),
            (AccountStatus::Open, Some(_)) => Lookup::Eligible { holder: r.holder.clone(), id: r.id.clone() },
        }
    }
    /// Do birth date (`1985-04-12`) and phone (national digits) belong to it?
    #[must_use]
    pub fn matches(&self, account: &str, born: &str, phone: &str) -> bool {
        self.find(account).is_some_and(|r| same(&r.born, born) & r.phones.iter().any(|p| same(p, phone)))
    }
    /// Is this its cash card's PIN?
    #[must_use]
    pub fn verify_pin(&self, account: &str, pin: &str) -> bool {
        let card = self.find(account).filter(|r| r.status == AccountStatus::Open).and_then(|r| r.card.as_ref());
        card.is_some_and(|card| same(&card.pin, pin))
    }
    /// Which accounts of this person can be linked? The opaque name of each, and how it is written.
    #[must_use]
    pub fn accounts(&self, holder: &str) -> Vec<(String, String)> {
        self.linkable(holder).map(|r| (r.id.clone(), r.account.clone())).collect()
    }
    pub(super) fn linkable(&self, holder: &str) -> impl Iterator<Item = &Record> {
        self.books.accounts.iter().filter(move |r| r.is_linkable() && r.holder == holder)
    }
}
