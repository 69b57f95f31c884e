//! Bookings of a sample account: made up from its name and the date, so that they are the same whenever they are read
//! and go on by themselves from day to day.

use crate::crypto::sha256;
use chrono::{Datelike, NaiveDate};

/// One booking.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Booking {
    /// Its name, the same whenever it is read.
    pub id: String,
    /// The day.
    pub date: NaiveDate,
    /// 摘要
    pub description: &'static str,
    /// In yen; what went out is negative.
    pub amount: i64,
    /// What stood in the account afterwards.
    pub balance: i64,
}

/// Every booking from `since` to `today`, oldest first, and what stands in the account.
pub(super) fn bookings(name: &str, savings: bool, since: NaiveDate, today: NaiveDate) -> (Vec<Booking>, i64) {
    let dice = Dice::new(name, since);
    let mut balance = if savings { 1_200_000 + dice.between(0, 300_000) } else { 380_000 + dice.between(0, 90_000) };
    let mut list = Vec::new();
    for date in since.iter_days().take_while(|d| *d <= today) {
        for (n, (description, amount)) in day(name, savings, date).into_iter().enumerate() {
            // Nobody overdraws a sample account.
            if balance + amount < 0 {
                continue;
            }
            balance += amount;
            list.push(Booking { id: format!("{}-{n}", date.format("%Y%m%d")), date, description, amount, balance });
        }
    }
    (list, balance)
}

fn day(name: &str, savings: bool, date: NaiveDate) -> Vec<(&'static str, i64)> {
    let dice = Dice::new(name, date);
    let mut out = Vec::new();
    if savings {
        if date.day() == 28 {
            out.push(("定額自動振替", 20_000));
        }
        if date.day() == 15 && matches!(date.month(), 2 | 8) {
            out.push(("利息", dice.between(120, 680)));
        }
        return out;
    }
    match date.day() {
        5 => out.push(("携帯電話料金", -dice.between(4_980, 7_980))),
        10 => out.push(("電気料金", -dice.between(5_200, 11_800))),
        16 => out.push(("ガス料金", -dice.between(3_100, 6_900))),
        20 if date.month().is_multiple_of(2) => out.push(("水道料金", -dice.between(3_900, 5_600))),
        25 => out.push(("給与振込", 262_000 + dice.between(0, 9_000))),
        26 => out.push(("クレジットカード", -dice.between(28_000, 52_000))),
        27 => out.push(("家賃", -72_000)),
        28 => out.push(("定額自動振替", -20_000)),
        _ => {}
    }
    match dice.between(0, 20) {
        0..=2 => out.push(("ATMお引出し", -10_000 * dice.between(1, 3))),
        3..=6 => out.push(("スーパーみなと", -dice.between(1_180, 6_420))),
        7..=8 => out.push(("ドラッグストア", -dice.between(680, 3_200))),
        9 => out.push(("書店", -dice.between(770, 4_400))),
        _ => {}
    }
    out
}

struct Dice([u8; 32]);
impl Dice {
    fn new(name: &str, date: NaiveDate) -> Self {
        Self(sha256(format!("{name} {date}")))
    }
    /// A number from `low` to `high`, both included; different ranges throw different dice.
    fn between(&self, low: i64, high: i64) -> i64 {
        let at = usize::try_from((low + high).rem_euclid(28)).unwrap_or(0);
        let word = self.0[at..at + 4].iter().fold(0_i64, |n, b| n << 8 | i64::from(*b));
        low + word % (high - low + 1)
    }
}
