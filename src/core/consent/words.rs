//! The words of ⑥, so that somebody can show later what was agreed.
//!
//! The sentences are stored once for every customer who read them, with a placeholder where a value of the customer's own
//! stands: an account, a time, 受付番号. The values are sealed in the customer's own record.

use crate::clock::Instant;
use crate::id::InteractionId;
use crate::keys::seal::Sealer;
use crate::language::Language;
use crate::secret::Hash;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The sentences of a page and the values that stand in them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ConsentWords {
    language: Language,
    /// One sentence a line. `{0}`, `{1}` … stand for the values, `{{` for a brace.
    text: String,
    values: Vec<String>,
    /// Where its links lead: not stored, but a customer must have seen the same ones.
    links: Vec<String>,
    /// The boxes of its form: the sentence each stands before, and its name and value.
    boxes: Vec<(usize, String, String)>,
    /// Which sentences stood beside a box, and whether the customer had ticked it: known when the form is posted.
    ticks: Ticks,
}

/// Sentences with a box, by their place, and whether it was ticked.
pub type Ticks = Vec<(usize, bool)>;

/// What is sealed in a record: the values, and the boxes where the page had some. Records of earlier releases have the values
/// alone.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SealedValues {
    Alone(Vec<String>),
    WithTicks { values: Vec<String>, ticks: Ticks },
}
/// Reads what [`ConsentWords::values`] wrote.
pub(super) fn values_and_ticks(sealed: &str) -> Option<(Vec<String>, Ticks)> {
    Some(match serde_json::from_str(sealed).ok()? {
        SealedValues::Alone(values) => (values, Ticks::new()),
        SealedValues::WithTicks { values, ticks } => (values, ticks),
    })
}
impl std::fmt::Debug for ConsentWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConsentWords({}, {})", self.language.as_str(), self.hash().base64url())
    }
}

impl ConsentWords {
    /// No words yet.
    #[must_use]
    pub fn new(language: Language) -> Self {
        Self { language, ..Self::default() }
    }
    /// Adds text to the sentence.
    pub fn say(&mut self, text: &str) {
        for c in text.chars().filter(|c| *c != '\n') {
            self.text.push(c);
            if c == '{' {
                self.text.push(c);
            }
        }
    }
    /// Adds a value of the customer's own to the sentence.
    pub fn value(&mut self, value: &str) {
        self.text.push_str(&format!("{{{}}}", self.values.len()));
        self.values.push(value.to_owned());
    }
    /// Ends the sentence. An empty one is none.
    pub fn end(&mut self) {
        if !self.begins() {
            self.text.push('\n');
        }
    }
    /// Whether a sentence begins here.
    #[must_use]
    pub fn begins(&self) -> bool {
        self.text.is_empty() || self.text.ends_with('\n')
    }
    /// Adds the address of a link.
    pub fn link(&mut self, address: &str) {
        self.links.push(address.to_owned());
    }

    /// Adds a box before the sentence that comes next.
    pub fn checkbox(&mut self, name: &str, value: &str) {
        self.boxes.push((self.text.lines().count(), name.to_owned(), value.to_owned()));
    }
    /// The words with the boxes as the customer left them. `ticked` knows a box by its name and value.
    #[must_use]
    pub fn with_ticks(mut self, ticked: impl Fn(&str, &str) -> bool) -> Self {
        self.ticks = self.boxes.iter().map(|(place, name, value)| (*place, ticked(name, value))).collect();
        self
    }

    /// The digest of language and sentences, without the values.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(format!("{}\n{}", self.language.as_str(), self.text))
    }
    /// Their language.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }
    /// The sentences with their placeholders.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
    /// The values, as they are sealed, in JSON: an array, or with the boxes an object.
    #[must_use]
    pub fn values(&self) -> String {
        let values = serde_json::Value::from(self.values.clone());
        if self.ticks.is_empty() {
            return values.to_string();
        }
        serde_json::json!({ "values": values, "ticks": self.ticks }).to_string()
    }
    /// The sentences as they were read; `None` if a value is missing.
    #[must_use]
    pub fn sentences(&self) -> Option<Vec<String>> {
        filled(&self.text, &self.values)
    }
}

/// Puts sentences and values together; `None` if they do not belong together.
#[must_use]
pub fn filled(text: &str, values: &[String]) -> Option<Vec<String>> {
    text.lines().map(|line| sentence(line, values)).collect()
}

fn sentence(line: &str, values: &[String]) -> Option<String> {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        rest = if let Some(after) = after.strip_prefix('{') {
            out.push('{');
            after
        } else {
            let (place, after) = after.split_once('}')?;
            out.push_str(values.get(place.parse::<usize>().ok()?)?);
            after
        };
    }
    out.push_str(rest);
    Some(out)
}

/// When ⑥ was shown, and the end of 認可期間 that stood on it: whole minutes, so that page, mail, receipt and introspection
/// say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagePeriod {
    /// When it was shown.
    pub at: Instant,
    /// The end: at most the period after `at`.
    pub until: Instant,
}
impl PagePeriod {
    /// Of a page that is shown now.
    #[must_use]
    pub fn new(now: Instant, period: Duration) -> Self {
        Self { at: now.floor_minute(), until: (now + period).floor_minute() }
    }
    /// Whether a permission given now may end then.
    #[must_use]
    pub fn holds(&self, now: Instant, period: Duration) -> bool {
        now < self.until && self.until <= now + period && self.until == self.until.floor_minute()
    }
}

/// The digest that a page's form sends back. It covers everything that the customer reads and agrees to, and nobody can make it
/// but the server: so a browser can choose neither another end nor other words.
#[must_use]
pub fn page_digest(
    sealer: &Sealer,
    way: &InteractionId,
    words: &ConsentWords,
    period: PagePeriod,
    terms: &super::Terms,
) -> String {
    let all = serde_json::json!([
        way.as_str(),
        words.language.as_str(),
        words.text,
        words.values,
        words.links,
        period.at.millis(),
        period.until.millis(),
        terms.version,
        terms.hash.base64url(),
    ]);
    sealer.index("consent page", &all.to_string()).base64url()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> ConsentWords {
        let mut words = ConsentWords::new(Language::Ja);
        words.say("{口座} ");
        words.value("店番 {115}");
        words.say(" を連携");
        words.end();
        words.end();
        words.say("終わり");
        words.end();
        words
    }

    #[test]
    fn values_come_back_to_their_places() {
        let words = some();
        assert_eq!(words.text(), "{{口座} {0} を連携\n終わり\n");
        assert_eq!(words.sentences().unwrap(), ["{口座} 店番 {115} を連携", "終わり"]);
        assert_eq!(filled(words.text(), &[]), None, "a value is missing");
        assert_eq!(filled("{x}", &["a".to_owned()]), None);
        assert!(!format!("{words:?}").contains("115"));
    }

    #[test]
    fn a_record_says_which_boxes_were_ticked() {
        let mut words = some();
        words.checkbox("agree", "yes");
        words.say("同意します。");
        words.end();
        let plain = words.clone().values();
        assert_eq!(values_and_ticks(&plain).unwrap(), (vec!["店番 {115}".to_owned()], vec![]), "an earlier release");
        for (ticked, place) in [(true, 2), (false, 2)] {
            let left = words.clone().with_ticks(|name, value| ticked && (name, value) == ("agree", "yes"));
            assert_eq!(left.sentences().unwrap()[place], "同意します。");
            assert_eq!(values_and_ticks(&left.values()).unwrap().1, [(place, ticked)]);
            assert_eq!(left.hash(), words.hash(), "all who read the same share the sentences");
        }
        assert_eq!(values_and_ticks("{}"), None);
    }

    #[test]
    fn the_hash_is_of_the_sentences_alone() {
        let words = some();
        let mut other = words.clone();
        other.values = vec!["店番 116".to_owned()];
        assert_eq!(words.hash(), other.hash(), "another customer read the same");
        other.text.push('x');
        assert_ne!(words.hash(), other.hash());
        assert_ne!(words.hash(), ConsentWords { language: Language::En, ..words.clone() }.hash());
    }

    #[test]
    fn the_digest_covers_all_that_is_agreed_to() {
        let sealer = Sealer::new("k", &[7; 32]).unwrap();
        let (one, other) = (InteractionId::parse("i-1").unwrap(), InteractionId::parse("i-2").unwrap());
        let terms = super::super::Terms { version: "1".into(), hash: Hash::of("terms") };
        let period = PagePeriod::new(Instant::from_secs(1_000), Duration::from_secs(86_400));
        let words = some();
        let digest =
            |interaction, words: &ConsentWords, period, terms| page_digest(&sealer, interaction, words, period, terms);
        let first = digest(&one, &words, period, &terms);
        assert_eq!(first, digest(&one, &words, period, &terms));
        let with = |change: fn(&mut ConsentWords)| {
            let mut changed = some();
            change(&mut changed);
            changed
        };
        let later = PagePeriod { until: period.until + Duration::from_secs(60), ..period };
        let text = super::super::Terms { hash: Hash::of("another text"), ..terms.clone() };
        for (why, digest) in [
            ("another interaction", digest(&other, &words, period, &terms)),
            ("another value", digest(&one, &with(|w| w.values[0].push('0')), period, &terms)),
            ("another sentence", digest(&one, &with(|w| w.text.push('x')), period, &terms)),
            ("another link", digest(&one, &with(|w| w.link("https://x.example")), period, &terms)),
            ("another end", digest(&one, &words, later, &terms)),
            ("another text of the terms", digest(&one, &words, period, &text)),
        ] {
            assert_ne!(first, digest, "{why}");
        }
    }

    #[test]
    fn the_end_is_a_whole_minute_within_the_period() {
        let (month, now) = (Duration::from_secs(30 * 86_400), Instant::from_millis(1_795_310_159_999));
        let shown = PagePeriod::new(now, month);
        assert_eq!((shown.at.millis() % 60_000, shown.until.millis() % 60_000), (0, 0));
        assert!(shown.until <= now + month && now + month < shown.until + Duration::from_secs(60));
        assert!(shown.holds(now, month) && shown.holds(now + Duration::from_secs(900), month));
        assert!(!shown.holds(shown.until, month), "it is over");
        let longer = PagePeriod { until: shown.until + Duration::from_secs(60), ..shown };
        assert!(!longer.holds(now, month), "later than the period allows");
        assert!(!PagePeriod { until: shown.until - Duration::from_secs(1), ..shown }.holds(now, month));
    }
}
