//! What a customer typed, for refilling the forms: sealed in one cookie of their own browser (`__Host-renkei-typed`),
//! which belongs to the last interaction and ends with it. So it survives an error, a reload, a change of the language,
//! 口座情報を入力し直す and 最初からやり直す, while the birth date is never stored in the database. It never contains a PIN. What was
//! ticked at ⑥ is there only as long as the customer is at ⑥.

use super::{App, cookie};
use crate::clock::Instant;
use crate::id::{AccountId, InteractionId};
use crate::identity::{AccountForm, CustomerForm, Interaction, Message, Problem};
use crate::invisible::is_invisible;
use crate::keys::seal::SealContext;
use crate::secret::{Hash, base64url, from_base64url};
use actix_web::{HttpRequest, HttpResponse};

/// The longest value of the cookie, in bytes. With five interactions' cookies a request must fit proxies' limits.
pub const MOST: usize = 1100;
/// The most bytes stored of each field of ①: more than any valid value has.
const ACCOUNT: [usize; 3] = [24, 16, 32];
/// The most bytes stored of each field of ②. A character of full width has three bytes; a name has 48 characters.
const CUSTOMER: [usize; 7] = [192, 24, 8, 8, 64, 128, 128];
/// The most bytes stored of what was ticked at ⑥.
const TICKED: [usize; 4] = [16, 1, 8, 32];
/// Separators of parts, and of fields in a part. Control characters are removed from what is typed.
const PART: char = '\u{1e}';
const UNIT: char = '\u{1f}';

/// What was typed, and an error that could not be stored in the interaction's row.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// ①
    pub account: Option<AccountForm>,
    /// ②
    pub customer: Option<CustomerForm>,
    /// ⑥
    pub ticked: Option<Ticked>,
    /// An error for the next page that is not stored: a limit that is checked before any write, or a store that does
    /// not write. Only for the page with this step.
    pub unwritten: Option<(i64, Problem)>,
}

/// What was ticked at ⑥.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Ticked {
    /// 同意: which sentences it belongs to; empty if it was not ticked.
    pub agreed: String,
    /// The box for notices.
    pub notices: bool,
    /// Which list of accounts the page had, and the places that were ticked: of the first 128.
    accounts: (String, u128),
}
impl Ticked {
    /// What was ticked on a page with these accounts. `agreed`: the sentences that 同意 belongs to, if it was ticked.
    #[must_use]
    pub fn new(agreed: Option<&Hash>, notices: bool, offered: &[AccountId], chosen: &[AccountId]) -> Self {
        let places = offered.iter().take(128).enumerate().filter(|(_, id)| chosen.contains(id));
        let mask = places.fold(0, |mask, (place, _)| mask | (1_u128 << place));
        Self { agreed: agreed.map(sentences).unwrap_or_default(), notices, accounts: (list(offered), mask) }
    }
    /// Whether 同意 was ticked under these sentences.
    #[must_use]
    pub fn agrees_to(&self, words: &Hash) -> bool {
        self.agreed == sentences(words)
    }
    /// Whether each account of a page was ticked; `None` if that page had other accounts.
    #[must_use]
    pub fn chosen(&self, offered: &[AccountId]) -> Option<Vec<bool>> {
        let ticked = |place: usize| place < 128 && (self.accounts.1 >> place) & 1 == 1;
        (self.accounts.0 == list(offered)).then(|| (0..offered.len()).map(ticked).collect())
    }
}
fn sentences(words: &Hash) -> String {
    words.base64url().chars().take(16).collect()
}
fn list(offered: &[AccountId]) -> String {
    let ids: Vec<&str> = offered.iter().map(AccountId::as_str).collect();
    Hash::of(ids.join("\n")).base64url().chars().take(8).collect()
}

fn seal_context(id: &InteractionId) -> SealContext<'_> {
    SealContext { table: "cookie", column: "typed", row: id.as_str() }
}

impl Typed {
    /// What this browser sends for an interaction; empty if it belongs to another one.
    #[must_use]
    pub fn from_request(req: &HttpRequest, app: &App, id: &InteractionId) -> Self {
        cookie::typed_cookie(req, app).and_then(|sealed| Self::open(app, id, sealed)).unwrap_or_default()
    }
    fn open(app: &App, id: &InteractionId, sealed: &str) -> Option<Self> {
        if sealed.len() > MOST {
            return None;
        }
        let plain = app.sealer.open(seal_context(id), &from_base64url(sealed)?).ok()?;
        let mut typed = Self::default();
        for part in std::str::from_utf8(&plain).ok()?.split(PART) {
            let fields: Vec<&str> = part.split(UNIT).collect();
            let text = |place: usize| fields.get(place).copied().unwrap_or_default().to_owned();
            match (fields.first().copied(), fields.len()) {
                (Some("c"), 8) => {
                    typed.customer = Some(CustomerForm {
                        name_kana: text(1),
                        birth_year: text(2),
                        birth_month: text(3),
                        birth_day: text(4),
                        phone: text(5),
                        email: text(6),
                        email_confirm: text(7),
                    });
                }
                (Some("a"), 4) => {
                    typed.account =
                        Some(AccountForm { branch: text(1), account_type: text(2), account_number: text(3) });
                }
                (Some("t"), 5) => {
                    let accounts = (text(3), u128::from_str_radix(&text(4), 16).unwrap_or_default());
                    typed.ticked = Some(Ticked { agreed: text(1), notices: text(2) == "1", accounts });
                }
                (Some("u"), 4) => typed.unwritten = read_unwritten(&text(1), &text(2), &text(3)),
                _ => {}
            }
        }
        Some(typed)
    }
    /// The value after another form was submitted.
    fn with(self, posted: Self) -> Self {
        Self {
            account: posted.account.or(self.account),
            customer: posted.customer.or(self.customer),
            ticked: posted.ticked.or(self.ticked),
            unwritten: posted.unwritten,
        }
    }
    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
    /// The error of an interaction's page that is not in its row.
    #[must_use]
    pub fn unwritten_at(&self, i: &Interaction) -> Option<Problem> {
        self.unwritten.filter(|(step, _)| *step == i.step).map(|(_, problem)| problem)
    }
    fn seal(&self, app: &App, id: &InteractionId) -> Option<String> {
        let mut parts = Vec::new();
        if let Some(f) = &self.account {
            parts.push(part("a", &[&f.branch, &f.account_type, &f.account_number], &ACCOUNT));
        }
        if let Some(f) = &self.customer {
            let date = [&f.birth_year, &f.birth_month, &f.birth_day];
            let [year, month, day] = date;
            let fields = [&f.name_kana, year, month, day, &f.phone, &f.email, &f.email_confirm];
            parts.push(part("c", &fields, &CUSTOMER));
        }
        if let Some(Ticked { agreed, notices, accounts: (list, mask) }) = &self.ticked {
            let notices = if *notices { "1" } else { "0" }.to_owned();
            parts.push(part("t", &[agreed, &notices, list, &format!("{mask:x}")], &TICKED));
        }
        if let Some((step, problem)) = &self.unwritten {
            let time = problem.time.map(|at| at.millis().to_string()).unwrap_or_default();
            parts.push(part("u", &[&step.to_string(), &problem.message.key().to_owned(), &time], &[20, 40, 20]));
        }
        let plain = zeroize::Zeroizing::new(parts.join(&PART.to_string()).into_bytes());
        let sealed = app.sealer.seal(&*app.random, seal_context(id), &plain).ok()?;
        Some(base64url(sealed)).filter(|text| text.len() <= MOST)
    }
    /// Sets the cookie again after a form; deletes it if the interaction has ended and cannot be restarted. The cookie
    /// of another interaction is not changed.
    pub fn bring(&self, posted: Self, answer: &mut HttpResponse, app: &App, i: &Interaction, now: Instant) {
        let kept = i.live() || i.may_restart(app.identity.policy(), now);
        let mut whole = self.clone().with(posted);
        // Whoever begins again agrees again.
        whole.ticked = whole.ticked.filter(|_| i.at_consent().is_some());
        let sealed = if kept && !whole.is_empty() { whole.seal(app, &i.id) } else { None };
        match sealed {
            Some(sealed) => cookie::set_typed(answer, app, &sealed, cookie::left(i, now)),
            None if !self.is_empty() => cookie::set_typed(answer, app, "", cookie::left(i, now)),
            None => {}
        }
    }
}

fn part(kind: &str, fields: &[&String], most: &[usize]) -> String {
    let mut text = kind.to_owned();
    for (field, most) in fields.iter().zip(most) {
        let field: String = field.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
        text.push(UNIT);
        text.push_str(&field[..field.floor_char_boundary(*most)]);
    }
    text
}
fn read_unwritten(step: &str, message: &str, time: &str) -> Option<(i64, Problem)> {
    let message = Message::ALL.iter().copied().find(|m| m.key() == message)?;
    let time = time.parse().ok().map(Instant::from_millis);
    Some((step.parse().ok()?, Problem { field: None, message, time }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ticked_belongs_to_its_page() {
        let ids = |names: &[&str]| names.iter().map(|name| AccountId::parse(name).unwrap()).collect::<Vec<_>>();
        let (offered, words, others) = (ids(&["a1", "a2", "a3"]), Hash::of("these"), Hash::of("others"));
        let ticked = Ticked::new(Some(&words), true, &offered, &ids(&["a3", "a1", "a9"]));
        assert_eq!(ticked.chosen(&offered), Some(vec![true, false, true]));
        assert_eq!(ticked.chosen(&offered[..2]), None, "another list");
        assert_eq!(ticked.chosen(&ids(&["a2", "a1", "a3"])), None, "another order");
        assert_eq!((ticked.agrees_to(&words), ticked.agrees_to(&others)), (true, false));
        let none = Ticked::new(None, false, &offered, &[]);
        assert_eq!((none.chosen(&offered), none.agrees_to(&words)), (Some(vec![false; 3]), false));
        let many: Vec<AccountId> = (0..130).map(|n| AccountId::parse(&format!("n{n}")).unwrap()).collect();
        let chosen = Ticked::new(None, false, &many, &many).chosen(&many).unwrap();
        assert_eq!((chosen.len(), chosen.iter().filter(|ticked| **ticked).count()), (130, 128));
    }

    /// The longest text of each field, in characters with the most bytes, still fits.
    #[test]
    fn whatever_is_typed_fits_into_the_cookie() {
        let long = |_| "あ".repeat(200);
        let fields: Vec<String> = (0..10).map(long).collect();
        let parts = [
            part("a", &fields.iter().take(3).collect::<Vec<_>>(), &ACCOUNT),
            part("c", &fields.iter().take(7).collect::<Vec<_>>(), &CUSTOMER),
            part("t", &[&fields[0], &fields[0], &fields[0], &format!("{:x}", u128::MAX)], &TICKED),
            part("u", &[&"9".repeat(20), &"x".repeat(40), &"9".repeat(20)], &[20, 40, 20]),
        ];
        let plain = parts.join(&PART.to_string());
        // Plus the nonce of 12 and the tag of 16 bytes.
        assert!(base64url(vec![0; plain.len() + 28]).len() <= MOST, "{}", plain.len());
        assert!(Message::ALL.iter().all(|m| m.key().len() <= 40));
    }
}
