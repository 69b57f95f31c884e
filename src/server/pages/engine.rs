//! The templates and texts of one language: the functions for templates, and rendering.

use super::chrome::{Chrome, InstitutionProfile};
use super::frame::Framed;
use super::time::{self, FILTERS, TimeFormat};
use super::words::{Words, WordsError};
use super::{Error, assets, shown};
use crate::clock::Instant;
use crate::language::Language;
use chrono::NaiveDate;
use fluent_bundle::{FluentArgs, FluentValue};
use rust_embed::RustEmbed;
use serde::Serialize;
use std::fmt::Write as _;
use std::sync::Arc;
use tera::{Context, Kwargs, State, Tera, TeraResult, Value, escape_html};

#[derive(RustEmbed)]
#[folder = "../../templates/"]
#[include = "*.html"]
#[include = "locales/*.ftl"]
#[exclude = "demo/*"]
struct Templates;

pub(super) struct Engine {
    language: Language,
    tera: Tera,
    words: Arc<Words>,
    /// `us` and `institution`: every text gets them.
    common: Common,
}

#[derive(Clone)]
struct Common {
    us: String,
    institution: String,
}
impl Common {
    fn args(&self) -> FluentArgs<'_> {
        let mut args = FluentArgs::new();
        args.set("us", FluentValue::from(self.us.as_str()));
        args.set("institution", FluentValue::from(self.institution.as_str()));
        args
    }
}

impl Engine {
    /// With the texts of its language, and the Japanese ones for legal sentences.
    pub(super) fn load(
        language: Language,
        (texts, legal): (&str, &str),
        institution: &InstitutionProfile,
    ) -> Result<Self, Error> {
        let words = Arc::new(Words::parse(language, texts)?);
        let japanese = Arc::new(Words::parse(Language::Ja, legal)?);
        let common = Common { us: institution.us.clone(), institution: institution.named(language).to_owned() };
        let mut tera = Tera::default();
        register(&mut tera, language, &words, &japanese, &common);
        let sources: Vec<_> = Templates::iter()
            .filter(|name| name.ends_with(".html"))
            .filter_map(|name| Some((name.to_string(), template(&name)?)))
            .collect();
        tera.add_raw_templates(sources).map_err(|e| Error::Load(chain(&e)))?;
        Ok(Self { language, tera, words, common })
    }

    pub(super) fn page<P: Serialize + Framed>(
        &self,
        template: &'static str,
        chrome: &Chrome,
        page: &P,
        institution: &InstitutionProfile,
    ) -> Result<String, Error> {
        let fail = |e: tera::Error| Error::Template(template, chain(&e));
        let mut context = Context::new();
        let value = |v: Result<Value, tera::Error>| v.map_err(fail);
        context.insert_value("page", value(Value::try_from_serializable(page))?);
        context.insert_value("chrome", value(Value::try_from_serializable(chrome))?);
        context
            .insert_value("frame", value(Value::try_from_serializable(&page.frame().of(institution).on(chrome.my)))?);
        context.insert_value("other", Value::from(chrome.language.other().as_str()));
        context.insert_value("bank", value(Value::try_from_serializable(&institution.view(self.language)))?);
        let closed = institution.closed.sentences(self.language);
        context.insert_value("closed_hours", value(Value::try_from_serializable(&closed))?);
        self.tera.render(template, &context).map_err(fail)
    }

    /// A text without markup, for letters and records.
    pub(super) fn text(&self, key: &str) -> Result<String, Error> {
        self.text_with(key, &[])
    }

    /// A text with arguments, not escaped: only for plain text.
    pub(super) fn text_with(&self, key: &str, given: &[(&str, &str)]) -> Result<String, Error> {
        let mut args = self.common.args();
        for (name, value) in given {
            args.set((*name).to_owned(), FluentValue::from(*value));
        }
        Ok(self.words.text(key, &args)?)
    }
}

fn template(name: &str) -> Option<String> {
    String::from_utf8(Templates::get(name)?.data.into_owned()).ok()
}

/// The Fluent source of a language.
pub(super) fn locale(language: Language) -> Result<String, Error> {
    let name = format!("locales/{}.ftl", language.as_str());
    template(&name).ok_or_else(|| Error::Load(format!("{name} is not embedded")))
}

/// Functions for templates:
/// `t(key=…, …)` a text; arguments are escaped, the text itself is ours and may have markup;
/// `legal(key=…, …)` a legal text, always in Japanese;
/// `heading(key=…)` a title as a heading; the filter `marked` says that a Japanese name is Japanese; `own`, `aside`, `back` and `digest` are marks, see `shown`; `asset(name=…)` the address of a file; filters for times and days.
fn register(tera: &mut Tera, language: Language, words: &Arc<Words>, japanese: &Arc<Words>, common: &Common) {
    for (name, language, words) in [("t", language, words), ("legal", Language::Ja, japanese)] {
        let (words, common) = (Arc::clone(words), common.clone());
        tera.register_function(name, move |kwargs: Kwargs, _: &State| -> TeraResult<Value> {
            text(language, &words, &common, &kwargs)
        });
    }
    let own = (Arc::clone(words), common.clone());
    tera.register_function("heading", move |kwargs: Kwargs, _: &State| -> TeraResult<Value> {
        text(language, &own.0, &own.1, &kwargs)
            .map(|title| Value::safe_string(&heading(title.as_str().unwrap_or_default())))
    });
    tera.register_function("asset", |kwargs: Kwargs, _: &State| -> TeraResult<Value> {
        let name = kwargs.must_get::<&str>("name")?;
        let address = assets::address(name).ok_or_else(|| tera::Error::message(format!("no asset {name}")))?;
        Ok(Value::safe_string(&address))
    });
    // The marks of ⑥, see `shown`.
    tera.register_filter("own", |value: &str, _: Kwargs, _: &State| shown::customer_value(value));
    for (name, mark) in [("aside", shown::ASIDE), ("back", shown::BACK), ("digest", shown::DIGEST)] {
        tera.register_function(name, move |_: Kwargs, _: &State| -> TeraResult<Value> {
            Ok(Value::safe_string(&mark.to_string()))
        });
    }
    for &(name, form) in FILTERS {
        tera.register_filter(name, move |ms: i64, _: Kwargs, _: &State| moment(ms, form, language));
    }
    tera.register_filter("date", move |day: &str, _: Kwargs, _: &State| -> TeraResult<String> {
        day.parse::<NaiveDate>().map(|day| time::date(day, language)).map_err(tera::Error::message)
    });
    tera.register_filter("marked", move |name: &str, _: Kwargs, _: &State| -> TeraResult<Value> {
        Ok(Value::safe_string(&marked(language, escaped(name)?)))
    });
    tera.register_filter("two", |n: i64, _: Kwargs, _: &State| format!("{n:02}"));
}

fn moment(ms: i64, form: TimeFormat, language: Language) -> String {
    time::say(Instant::from_millis(ms), form, language)
}

/// A name on an English page may be Japanese: then its language is said, for voices and fonts (WCAG 3.1.2).
fn marked(language: Language, name: String) -> String {
    let japanese = |c: char| matches!(c, '\u{3000}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}');
    match language {
        Language::En if name.contains(japanese) => format!("<span lang=\"ja\">{name}</span>"),
        _ => name,
    }
}

fn text(language: Language, words: &Words, common: &Common, kwargs: &Kwargs) -> TeraResult<Value> {
    let key = kwargs.must_get::<&str>("key")?;
    let mut args = common.args();
    for (name, value) in kwargs.iter() {
        let Some(name) = name.as_str().filter(|n| *n != "key") else { continue };
        let value = match (value.as_i64(), value.as_str()) {
            (Some(n), _) => FluentValue::from(n),
            (None, Some(s)) if value.is_safe() => FluentValue::from(s.to_owned()),
            (None, Some(s)) => FluentValue::from(marked(language, escaped(s)?)),
            (None, None) => {
                let why = format!("{name} is a {}", value.name());
                return Err(tera::Error::message(WordsError::Broken(key.to_owned(), why)));
            }
        };
        args.set(name.to_owned(), value);
    }
    let text = words.text(key, &args).map_err(tera::Error::message)?;
    Ok(Value::safe_string(&text))
}

/// 「API連携認証 (…)」 as a heading: the service name small above, the screen's name large. The brackets are visually hidden,
/// so that a screen reader reads the exact title.
fn heading(title: &str) -> String {
    for (open, close, gap) in [(" (", ")", " "), ("（", "）", "")] {
        if let Some((service, name)) = title.split_once(open).and_then(|(s, n)| Some((s, n.strip_suffix(close)?))) {
            let (open, name) = (open.trim(), breakable(name));
            return format!(
                "<span class=\"h1-service\">{service}</span>{gap}<span><span class=\"vh\">{open}</span>{name}\
                 <span class=\"vh\">{close}</span></span>"
            );
        }
    }
    title.to_owned()
}

/// A long heading breaks where a reader would: between a word in katakana and one in kanji.
fn breakable(name: &str) -> String {
    let katakana = |c: char| matches!(c, 'ァ'..='ヺ' | 'ー');
    let kanji = |c: char| matches!(c, '\u{4e00}'..='\u{9fff}');
    let mut out = String::with_capacity(name.len() + 5);
    let mut before = None;
    for c in name.chars() {
        if kanji(c) && before.is_some_and(katakana) {
            out.push_str("<wbr>");
        }
        out.push(c);
        before = Some(c);
    }
    out
}

/// Escapes text like tera does in a template.
fn escaped(text: &str) -> TeraResult<String> {
    let mut out = Vec::with_capacity(text.len());
    escape_html(text, &mut out).map_err(tera::Error::message)?;
    String::from_utf8(out).map_err(tera::Error::message)
}

/// An error with all its causes: the outermost says only that rendering failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut cause = error.source();
    while let Some(c) = cause {
        let _ = write!(out, ": {c}");
        cause = c.source();
    }
    out
}
