//! Reads a record's members one at a time; every refusal names the member.

use super::super::redirect;
use super::Rules;
use crate::client::MOST_NETWORKS;
use crate::duration::{NotADuration, Span};
use crate::keys::jose::Alg;
use crate::network::Network;
use crate::refusal::{ErrorCode, Refusal};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::time::Duration;
use url::Url;

pub(super) fn invalid(member: &str, why: &str) -> Refusal {
    Refusal::naming(ErrorCode::InvalidClientMetadata, &format!("{member}: {why}"))
}

/// A value in a sentence: between marks that RFC 6749 §5.2 allows, and not longer than a line.
pub(super) fn shown(value: &str) -> String {
    let cut: String = value.chars().take(80).collect();
    format!("'{cut}{}'", if value.chars().count() > 80 { "..." } else { "" })
}

/// Words as a list in a sentence.
pub(super) fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// What is wrong with a record, collected.
#[derive(Debug, Default)]
pub(super) struct Mistakes(RefCell<Vec<Refusal>>);
impl Mistakes {
    pub(super) fn add(&self, mistake: Refusal) {
        self.0.borrow_mut().push(mistake);
    }
    /// The value, or nothing and a mistake more.
    pub(super) fn may<T>(&self, read: Result<T, Refusal>) -> Option<T> {
        read.map_err(|mistake| self.add(mistake)).ok()
    }
    /// The value, or this one and a mistake more.
    pub(super) fn or<T>(&self, read: Result<T, Refusal>, otherwise: T) -> T {
        self.may(read).unwrap_or(otherwise)
    }
    /// All of them.
    pub(super) fn all(self) -> Vec<Refusal> {
        self.0.into_inner()
    }
}

/// Invisible characters that change how a text is read: zero width, writing direction, line breaks, fillers, tags. A
/// name that customers trust must not contain them (Unicode TR36 §3.1). Variation selectors of kanji (U+FE00…,
/// U+E0100…) are allowed.
const fn hides(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// Reads one member at a time and names it in every refusal.
pub(super) struct Members<'m>(pub(super) &'m Map<String, Value>);
impl<'m> Members<'m> {
    pub(super) fn text(&self, name: &str) -> Result<Option<&'m str>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(s)) if s.trim().is_empty() => Err(invalid(name, "is empty")),
            Some(Value::String(s)) if s.chars().count() > 2000 => Err(invalid(name, "is too long")),
            Some(Value::String(s)) if s.chars().any(char::is_control) => {
                Err(invalid(name, "holds a control character"))
            }
            Some(Value::String(s)) if s.chars().any(hides) => Err(invalid(name, "holds an invisible character")),
            Some(Value::String(s)) => Ok(Some(s)),
            Some(_) => Err(invalid(name, "is not text")),
        }
    }
    pub(super) fn owned(&self, name: &str) -> Result<Option<String>, Refusal> {
        Ok(self.text(name)?.map(str::to_owned))
    }
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(other) => Err(invalid(name, &format!("is not true or false: {}", shown(&other.to_string())))),
        }
    }
    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<&'m str>>, Refusal> {
        let Some(value) = self.0.get(name).filter(|v| !v.is_null()) else { return Ok(None) };
        let list = value.as_array().ok_or_else(|| invalid(name, "is not a list"))?;
        if list.len() > 64 {
            return Err(invalid(name, "has too many entries"));
        }
        let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
        let texts = texts.ok_or_else(|| invalid(name, "holds something that is not text"))?;
        // Control characters could inject terminal escape sequences when staff lists the record.
        if texts.iter().any(|t| t.chars().any(|c| c.is_control() || hides(c))) {
            return Err(invalid(name, "holds an invisible or control character"));
        }
        Ok(Some(texts))
    }
    /// Whether a list is given that is not empty, whatever it holds.
    pub(super) fn has_entries(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty())
    }
    pub(super) fn alg(&self, name: &str, allowed: &[Alg]) -> Result<Option<Alg>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let alg = Alg::parse(text).filter(|a| allowed.contains(a));
        let why = || {
            let allowed = listed(allowed.iter().map(|alg| alg.as_str()));
            invalid(name, &format!("{} is not an algorithm this profile may use; allowed are {allowed}", shown(text)))
        };
        alg.map(Some).ok_or_else(why)
    }
    pub(super) fn word<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        written: fn(T) -> &'static str,
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let why = || {
            let allowed = listed(all.iter().map(|value| written(*value)));
            invalid(name, &format!("{} is not a value this server knows; allowed are {allowed}", shown(text)))
        };
        all.iter().copied().find(|value| written(*value) == text).map(Some).ok_or_else(why)
    }
    pub(super) fn uri(&self, name: &str, rules: &Rules) -> Result<Option<String>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        web_uri(text, rules).map_err(|why| {
            // A password in it is not repeated.
            if text.contains('@') { invalid(name, why) } else { invalid(name, &format!("{why}: {}", shown(text))) }
        })?;
        Ok(Some(text.to_owned()))
    }
    pub(super) fn duration(&self, name: &str, least: u64, most: Duration) -> Result<Option<Duration>, Refusal> {
        let read = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(n)) => n.as_u64().map(Duration::from_secs).ok_or(NotADuration),
            Some(Value::String(text)) => written(text),
            Some(_) => Err(NotADuration),
        };
        let given =
            || self.0.get(name).map(|value| shown(value.as_str().unwrap_or(&value.to_string()))).unwrap_or_default();
        let duration = read.map_err(|why| invalid(name, &format!("is {why}: {}", given())))?;
        if duration < Duration::from_secs(least) || duration > most {
            let why = format!("is not between {least}s and {}: {}", Span::from(most), given());
            return Err(invalid(name, &why));
        }
        Ok(Some(duration))
    }
    /// A number of at least 1.
    pub(super) fn count(&self, name: &str, most: u32) -> Result<Option<u32>, Refusal> {
        let Some(value) = self.0.get(name).filter(|v| !v.is_null()) else { return Ok(None) };
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=most).contains(n));
        let why = || invalid(name, &format!("is not a number from 1 to {most}: {}", shown(&value.to_string())));
        number.map(Some).ok_or_else(why)
    }
    pub(super) fn networks(&self, name: &str) -> Result<Vec<Network>, Refusal> {
        let texts = self.list(name)?.unwrap_or_default();
        if texts.len() > MOST_NETWORKS {
            return Err(invalid(name, &format!("names more than {MOST_NETWORKS} networks")));
        }
        let read = |text: &&str| {
            let why = || invalid(name, &format!("has {}, which is not a network such as 10.1.0.0/16", shown(text)));
            Network::parse(text).ok_or_else(why)
        };
        texts.iter().map(read).collect()
    }
}

/// A duration as text, or in seconds as digits only. A member in seconds accepts whole seconds only.
fn written(text: &str) -> Result<Duration, NotADuration> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map(Duration::from_secs).map_err(|_| NotADuration);
    }
    let duration = Span::parse(text)?.get();
    if duration.subsec_nanos() == 0 { Ok(duration) } else { Err(NotADuration) }
}

/// An https address that a browser or this server may open; http if loopback is allowed.
pub(super) fn web_uri(text: &str, rules: &Rules) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "is not an absolute URI")?;
    // `Url` would add the missing slashes of `https:host`; a browser would read it as a path on our own page.
    if !text.split_once(':').is_some_and(|(_, rest)| rest.starts_with("//")) || text.contains(['\\', ' ']) {
        return Err("is not an absolute URI");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or password");
    }
    match url.scheme() {
        "https" if url.host_str().is_some() => Ok(()),
        "http" if rules.loopback_http && redirect::is_loopback(&url) => Ok(()),
        "http" => Err("is not https"),
        _ => Err("is not an https URI"),
    }
}
