//! One language's templates with its words: what a template may call, and how it is rendered.

use super::{Error, Language, assets};
use crate::time::jst;
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, SecondsFormat, Timelike};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use rust_embed::RustEmbed;
use serde::Serialize;
use std::error::Error as StdError;
use std::sync::Arc;
use tera::{Context, Kwargs, State, Tera, TeraResult, Value, escape_html};

#[derive(RustEmbed)]
#[folder = "../../templates/demo/"]
#[include = "*.html"]
#[include = "locales/*.ftl"]
struct TemplateFiles;

type Words = FluentBundle<FluentResource>;

pub(super) struct Engine {
    language: Language,
    tera: Tera,
}

impl Engine {
    pub(super) fn load(language: Language) -> Result<Self, Error> {
        let words = Arc::new(words(language)?);
        let mut tera = Tera::default();
        register(&mut tera, language, &words);
        let names: Vec<_> = TemplateFiles::iter().filter(|name| name.ends_with(".html")).collect();
        let sources = names.iter().map(|name| Ok((name.to_string(), source(name)?)));
        let sources = sources.collect::<Result<Vec<_>, Error>>()?;
        tera.add_raw_templates(sources).map_err(|e| Error::Load(chain(&e)))?;
        Ok(Self { language, tera })
    }

    /// Renders a page. `path` is its own address, for the link to the other language.
    pub(super) fn page<P: Serialize>(&self, template: &'static str, path: &str, page: &P) -> Result<String, Error> {
        let fail = |e: tera::Error| Error::Template(template, chain(&e));
        let mut context = Context::new();
        context.insert_value("page", Value::try_from_serializable(page).map_err(fail)?);
        context.insert_value("path", Value::from(path));
        context.insert_value("language", Value::from(self.language.as_str()));
        context.insert_value("other", Value::from(self.language.other().as_str()));
        self.tera.render(template, &context).map_err(fail)
    }
}

fn source(name: &str) -> Result<String, Error> {
    let text = TemplateFiles::get(name).and_then(|file| String::from_utf8(file.data.into_owned()).ok());
    text.ok_or_else(|| Error::Load(format!("{name} is not embedded")))
}

/// The Fluent source of a language.
pub(super) fn locale(language: Language) -> Result<String, Error> {
    source(&format!("locales/{}.ftl", language.as_str()))
}

fn words(language: Language) -> Result<Words, Error> {
    let wrong = |why: String| Error::Load(format!("the texts of {}: {why}", language.as_str()));
    let resource = FluentResource::try_new(locale(language)?).map_err(|(_, e)| wrong(format!("{e:?}")))?;
    let mut words = Words::new_concurrent(vec![language.as_str().parse().map_err(|e| wrong(format!("{e:?}")))?]);
    // Isolation marks (U+2068, U+2069) would be copied with a number.
    words.set_use_isolating(false);
    words.add_resource(resource).map_err(|e| wrong(format!("{e:?}")))?;
    Ok(words)
}

/// What a template can call:
/// `t(key=…, …)` a text; arguments are escaped, the text itself is ours and may hold markup;
/// `event(name=…, by=…)` a sentence for an event; `asset(name=…)` the address of a file; filters for moments, days and yen.
fn register(tera: &mut Tera, language: Language, words: &Arc<Words>) {
    let known = Arc::clone(words);
    tera.register_function("t", move |kwargs: Kwargs, _: &State| -> TeraResult<Value> {
        text(&known, kwargs.must_get::<&str>("key")?, &kwargs)
    });
    let known = Arc::clone(words);
    tera.register_function("event", move |kwargs: Kwargs, _: &State| -> TeraResult<Value> {
        let key = format!("event-{}", kwargs.must_get::<&str>("name")?.replace(['.', '_'], "-"));
        let precise = format!("{key}-{}", kwargs.must_get::<&str>("by")?);
        // An event this version has no sentence for: its name is nothing to show to people.
        let key = [&precise, &key].into_iter().find(|key| known.has_message(key)).map_or("event-other", String::as_str);
        text(&known, key, &kwargs)
    });
    tera.register_function("asset", |kwargs: Kwargs, _: &State| -> TeraResult<Value> {
        let name = kwargs.must_get::<&str>("name")?;
        let address = assets::address(name).ok_or_else(|| tera::Error::message(format!("no asset {name}")))?;
        Ok(Value::safe_string(&address))
    });
    for (name, form) in [("moment", Form::Minute), ("precise", Form::Second), ("short", Form::Short)] {
        tera.register_filter(name, move |ms: i64, _: Kwargs, _: &State| said(ms, form, language));
    }
    tera.register_filter("machine", |ms: i64, _: Kwargs, _: &State| at(ms).to_rfc3339_opts(SecondsFormat::Secs, false));
    tera.register_filter("slashed", |day: &str, _: Kwargs, _: &State| -> TeraResult<String> {
        let day: NaiveDate = day.parse().map_err(tera::Error::message)?;
        Ok(format!("{}/{}", day.month(), day.day()))
    });
    tera.register_filter("yen", |amount: i64, _: Kwargs, _: &State| grouped(amount));
}

/// A missing text, a missing argument and a text that is used wrongly are errors, never a gap on a page.
fn text(words: &Words, key: &str, kwargs: &Kwargs) -> TeraResult<Value> {
    let broken = |why: String| tera::Error::message(format!("the text {key}: {why}"));
    let mut args = FluentArgs::new();
    for (name, value) in kwargs.iter() {
        let Some(name) = name.as_str().filter(|n| *n != "key") else { continue };
        let value = match (value.as_i64(), value.as_str()) {
            (Some(n), _) => FluentValue::from(n),
            (None, Some(s)) => FluentValue::from(escaped(s)?),
            (None, None) => return Err(broken(format!("{name} is a {}", value.name()))),
        };
        args.set(name.to_owned(), value);
    }
    let pattern = words.get_message(key).and_then(|m| m.value()).ok_or_else(|| broken("there is none".into()))?;
    let mut errors = Vec::new();
    let text = words.format_pattern(pattern, Some(&args), &mut errors);
    if errors.is_empty() { Ok(Value::safe_string(&text)) } else { Err(broken(format!("{errors:?}"))) }
}

fn escaped(text: &str) -> TeraResult<String> {
    let mut out = Vec::with_capacity(text.len());
    escape_html(text, &mut out).map_err(tera::Error::message)?;
    String::from_utf8(out).map_err(tera::Error::message)
}

/// How much of a moment is said.
#[derive(Clone, Copy)]
enum Form {
    /// 2026年11月22日 10時15分
    Minute,
    /// 11月22日 10時16分20秒
    Second,
    /// 10:15
    Short,
}

fn at(ms: i64) -> DateTime<FixedOffset> {
    jst(DateTime::from_timestamp_millis(ms).unwrap_or_default())
}

fn said(ms: i64, form: Form, language: Language) -> String {
    let t = at(ms);
    let (y, mo, d, h, mi, s) = (t.year(), t.month(), t.day(), t.hour(), t.minute(), t.second());
    match (form, language) {
        (Form::Short, _) => format!("{h}:{mi:02}"),
        (Form::Minute, Language::Ja) => format!("{y}年{mo}月{d}日 {h}時{mi:02}分"),
        (Form::Second, Language::Ja) => format!("{mo}月{d}日 {h}時{mi:02}分{s:02}秒"),
        (Form::Minute, Language::En) => t.format("%-d %B %Y, %H:%M JST").to_string(),
        (Form::Second, Language::En) => t.format("%-d %B, %H:%M:%S").to_string(),
    }
}

/// 1,284,530; the sign is the template's.
fn grouped(amount: i64) -> String {
    let digits = amount.unsigned_abs().to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// An error with all its causes: the outermost alone says only that rendering failed.
fn chain(error: &dyn StdError) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
}
