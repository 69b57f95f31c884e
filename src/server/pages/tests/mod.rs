//! Every page with every sample, in both languages; forms, ids and assets; the locales compared. The exact texts of
//! docs/requirements.md are in `exact`, the letter's in `letter`.

mod english;
mod exact;
mod letter;
mod trust;

use super::engine::locale;
use super::samples::{self, all, chrome, institution};
use super::*;

use crate::identity::Message;
use crate::identity::service_hours::Hours;
use std::collections::BTreeSet;

fn pages() -> Pages {
    Pages::new(institution()).unwrap()
}

/// The visible text: without markup, entities resolved.
fn text_of(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.replace("&quot;", "\"").replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Full-width punctuation, kana, kanji and half-width kana: nothing of it belongs into English.
fn japanese_or_wide(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}')
}

fn rendered(language: Language) -> Vec<(String, String)> {
    let pages = pages();
    all()
        .iter()
        .map(|s| {
            let html =
                (s.render)(&pages, &chrome(language, false)).unwrap_or_else(|e| panic!("{} {}: {e}", s.page, s.case));
            (format!("{} {}", s.page, s.case), html)
        })
        .collect()
}

fn keys(source: &str) -> BTreeSet<&str> {
    source
        .lines()
        .filter(|l| l.starts_with(|c: char| c.is_ascii_alphabetic()))
        .filter_map(|l| l.split_once(" ="))
        .map(|(key, _)| key)
        .collect()
}

#[test]
fn every_page_renders_with_every_sample_alike_twice() {
    for language in Language::ALL {
        let (first, second) = (rendered(language), rendered(language));
        assert!(first.len() > 50);
        for ((name, one), (_, two)) in first.iter().zip(&second) {
            assert_eq!(one, two, "{name}");
            assert!(one.starts_with("<!doctype html>"), "{name}");
            assert!(one.contains(&format!("<html lang=\"{}\">", language.as_str())), "{name}");
            assert_eq!(one.matches("<h1").count(), 1, "{name}: one h1");
            assert_eq!(one.matches("<main").count(), 1, "{name}: one main");
            for bad in ["style=\"", "data:", "{$", "{ $", "undefined", "javascript:", " onclick"] {
                assert!(!one.contains(bad), "{name} {}: {bad}", language.as_str());
            }
        }
    }
}

#[test]
fn ids_are_unique_and_labels_lead_somewhere() {
    for language in Language::ALL {
        for (name, html) in rendered(language) {
            let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|t| t.split('"').next()).collect();
            let unique: BTreeSet<_> = ids.iter().collect();
            assert_eq!(ids.len(), unique.len(), "{name}: {ids:?}");
            for attribute in [" for=\"", " aria-describedby=\"", " aria-labelledby=\"", " href=\"#", " form=\""] {
                for value in html.split(attribute).skip(1).filter_map(|t| t.split('"').next()) {
                    for id in value.split(' ') {
                        assert!(ids.contains(&id), "{name}: {attribute}{id} leads nowhere");
                    }
                }
            }
        }
    }
}

/// The script prevents that a form is submitted twice, above all 許可する.
#[test]
fn every_page_with_a_form_of_ours_has_the_script() {
    for language in Language::ALL {
        let pages = rendered(language);
        let with_form = pages.iter().filter(|(_, html)| html.contains("name=\"step\""));
        let mut seen = 0;
        for (name, html) in with_form {
            assert!(html.contains("<script src=\"/assets/renkei.js?v="), "{name}");
            seen += 1;
        }
        assert!(seen > 30, "{seen} pages");
    }
}

#[test]
fn the_languages_have_the_same_texts() {
    let (ja, en) = (locale(Language::Ja).unwrap(), locale(Language::En).unwrap());
    let (ja, en) = (keys(&ja), keys(&en));
    assert!(ja.len() > 200, "the files were not understood");
    assert_eq!(ja.symmetric_difference(&en).collect::<Vec<_>>(), Vec::<&&str>::new());
}

/// G20: the manual's ID of ② is illegible, so the institution configures it.
#[test]
fn the_id_of_the_second_screen_is_the_configured_one() {
    let customer = |profile: InstitutionProfile| {
        let pages = Pages::new(profile).unwrap();
        let page = all().into_iter().find(|sample| sample.page == "customer").unwrap();
        (page.render)(&pages, &chrome(Language::Ja, false)).unwrap()
    };
    assert!(customer(institution()).contains("画面ID : SOA202"));
    let other = customer(InstitutionProfile { customer_screen_id: "SOA203".into(), ..institution() });
    assert!(other.contains("画面ID : SOA203") && !other.contains("SOA202"));
}

#[test]
fn every_text_is_used() {
    let mut sources = String::new();
    for entry in walk(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../templates"))) {
        sources.push_str(&std::fs::read_to_string(entry).unwrap());
    }
    for file in ["frame.rs", "letter.rs"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pages").join(file);
        sources.push_str(&std::fs::read_to_string(path).unwrap());
    }
    let composed = ["label-", "hint-", "step-", "account-", "my-by-", "my-change-", "my-who-", "mail-why-", "era-"];
    let named = |key: &str| sources.contains(&format!("\"{key}\"")) || Message::ALL.iter().any(|m| m.key() == key);
    let ja = locale(Language::Ja).unwrap();
    let idle: Vec<_> =
        keys(&ja).into_iter().filter(|k| !named(k) && !composed.iter().any(|c| k.starts_with(c))).collect();
    assert_eq!(idle, Vec::<&str>::new());
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Those of the demonstration have their own texts.
        if path.is_dir() && !path.ends_with("demo") {
            found.extend(walk(&path));
        } else if path.extension().is_some_and(|e| e == "html") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_locale_says_every_message_to_the_letter() {
    let pages = pages();
    for message in Message::ALL {
        let said = |language| pages.engine(language).text_with(message.key(), &[("time", "{ $time }")]);
        assert_eq!(said(Language::Ja).unwrap(), message.ja(), "{message:?}");
        assert!(said(Language::En).is_ok(), "{message:?}");
    }
}

#[test]
fn forms_have_the_documented_names() {
    for (page, fields, actions) in [
        ("account first", &["branch", "account_type", "account_number"][..], &["next", "cancel"][..]),
        (
            "customer first",
            &["name_kana", "birth_year", "birth_month", "birth_day", "phone", "email", "email_confirm"],
            &["next", "back", "next", "cancel"],
        ),
        ("phone first", &[], &["back", "next", "cancel"]),
        ("call waiting", &[], &["next", "cancel"]),
        ("pin first", &["pin"], &["next", "cancel"]),
        ("consent choose", &["account", "account", "agree", "notices"], &["allow", "deny"]),
        ("consent by scope", &["agree", "notices"], &["allow", "deny"]),
        ("cancelled none", &[], &["return"]),
        ("locked now", &[], &["return"]),
        ("closed hours", &[], &["return"]),
        ("expired call", &[], &["restart", "return"]),
        ("done complete", &[], &[]),
        ("done not handed over", &[], &[]),
    ] {
        let html = samples_of(Language::Ja, page);
        let named = |tag: &str| -> Vec<String> {
            html.split(tag)
                .skip(1)
                .filter_map(|t| t.split('>').next()?.split(" name=\"").nth(1)?.split('"').next().map(str::to_owned))
                .collect()
        };
        let mut inputs = named("<input");
        let steps = inputs.iter().filter(|n| *n == "step").count();
        // ②: what Enter presses.
        inputs.retain(|n| n != "step" && n != "action");
        if page.starts_with("consent") {
            for hidden in ["at", "until", "shown"] {
                assert_eq!(inputs.iter().filter(|n| *n == hidden).count(), 1, "{page}: what binds the page");
                inputs.retain(|n| n != hidden);
            }
        }
        inputs.extend(named("<select"));
        let mut wanted: Vec<_> = fields.iter().map(|f| (*f).to_owned()).collect();
        inputs.sort();
        wanted.sort();
        assert_eq!(inputs, wanted, "{page}");
        let values: Vec<_> =
            html.split("name=\"action\" value=\"").skip(1).filter_map(|t| t.split('"').next()).collect();
        assert_eq!(values, actions, "{page}");
        assert_eq!(
            steps,
            html.matches("<form method=\"post\"").count() + html.matches("<form id=\"").count(),
            "{page}"
        );
    }
    let call = samples_of(Language::Ja, "call waiting");
    assert!(call.contains("id=\"called-number\" data-called-number=\"08001110001\""));
    assert!(samples_of(Language::Ja, "oauth_error client").contains("id=\"oauth-error\""));
    assert!(!samples_of(Language::Ja, "oauth_error client").contains("<form"));
}

#[test]
fn what_was_typed_comes_back_escaped_and_a_pin_never() {
    let html = samples_of(Language::Ja, "customer wrong");
    assert!(html.contains("value=\"データ　タロウ &lt;b&gt;\""), "{html}");
    assert!(
        html.contains("<option value=\"4\" selected>04</option>")
            && html.contains("<option value=\"12\" selected>12</option>")
    );
    assert!(html.contains("value=\"taro@mail.example\""));
    let pin = samples_of(Language::Ja, "pin wrong");
    let field = pin.split("id=\"pin\"").nth(1).unwrap().split('>').next().unwrap();
    assert!(!field.contains("value"), "{field}");
    let post = samples_of(Language::Ja, "form_post code");
    assert!(post.contains("value=\"a&quot;b&lt;c&gt;\""), "{post}");
    assert!(post.contains("<script src=\"/assets/post.js?v=") && !post.contains("renkei.js"));
    let script = String::from_utf8(asset("post.js").unwrap().bytes.into_owned()).unwrap();
    let code: Vec<&str> = script.lines().filter(|line| !line.starts_with("//")).collect();
    assert_eq!(code, ["document.forms[0].submit();"], "words every browser with scripts knows");
    assert!(!samples_of(Language::Ja, "consent not agreed").contains("value=\"yes\" aria-required=\"true\" checked"));
}

#[test]
fn inline_errors_stand_beside_their_fields() {
    let html = samples_of(Language::Ja, "customer empty");
    for field in ["name_kana", "birth_year", "phone", "email", "email_confirm"] {
        assert!(html.contains(&format!("id=\"{field}-error\"")), "{field}");
        assert!(html.contains(&format!("href=\"#{field}\"")), "{field}");
    }
    assert_eq!(text_of(&html).matches("入力されていない項目があります。").count(), 1);
    let date = samples_of(Language::Ja, "customer date");
    for field in ["birth_month", "birth_day"] {
        assert!(
            date.contains(&format!("id=\"{field}-error\"")) && date.contains(&format!("href=\"#{field}\"")),
            "{field}"
        );
    }
    assert!(!date.contains("id=\"birth_year-error\""), "the year is there");
    let agree = samples_of(Language::Ja, "consent not agreed");
    assert!(agree.contains("id=\"agree-error\"") && agree.contains("href=\"#agree\""));
}

/// A control with `required` is invalid while it is empty, and screen readers say so before anybody has typed.
#[test]
fn nothing_is_invalid_on_arrival() {
    for language in Language::ALL {
        for page in ["account first", "customer first", "pin first", "consent choose", "consent by scope"] {
            let html = samples_of(language, page);
            let controls = ["<input", "<select"].into_iter().flat_map(|tag| html.split(tag).skip(1));
            for control in controls.filter_map(|text| text.split('>').next()) {
                assert!(!control.contains("aria-invalid"), "{page}: {control}");
                assert!(!control.split(' ').any(|word| word == "required"), "{page}: {control}");
            }
        }
    }
    let agree = samples_of(Language::Ja, "consent not agreed");
    let agree = agree.split("id=\"agree\"").nth(1).unwrap().split('>').next().unwrap();
    assert!(agree.contains("aria-required=\"true\"") && agree.contains("aria-invalid=\"true\""), "{agree}");
}

/// Paper opens no tab, and nothing is said twice that one needs once.
#[test]
fn paper_has_no_dead_words_and_my_says_things_once() {
    for (language, said) in [(Language::Ja, "（新しいタブで開きます）"), (Language::En, " (opens in a new tab)")]
    {
        for (name, html) in rendered(language) {
            let off_paper = html.matches(&format!("<span class=\"no-print\">{said}</span>")).count();
            assert_eq!(html.matches(said).count(), off_paper, "{name}");
        }
    }
    assert_eq!(text_of(&samples_of(Language::Ja, "account my")).matches("ご用意いただくもの").count(), 1);
    assert_eq!(text_of(&samples_of(Language::En, "account my")).matches("What you need").count(), 1);
    for (page, more) in [("my_links one", true), ("my_links all stopped", false), ("my_links none", false)] {
        assert_eq!(samples_of(Language::Ja, page).contains("value=\"extend\""), more, "{page}");
    }
    let links = samples_of(Language::Ja, "my_links many");
    assert!(!links.contains("<button name=\"action\" value=\"no_mail\">"), "it is no more than a line");
    let receipt = samples_of(Language::Ja, "my_receipt ended");
    assert!(text_of(&receipt).contains("終了するまで連携していた口座"));
    assert!(receipt.contains(">チェックあり</span>") && receipt.contains(">チェックなし</span>"));
}

#[test]
fn a_test_server_says_so_on_every_page() {
    let pages = pages();
    for s in all() {
        let html = |test| (s.render)(&pages, &chrome(Language::Ja, test)).unwrap();
        assert!(html(true).contains("テスト環境です。"), "{}", s.page);
        assert!(!html(false).contains("テスト環境です。"), "{}", s.page);
    }
}

#[test]
fn another_institution_has_words_of_its_own() {
    let bank = InstitutionProfile { us: "当行".into(), name: "みなと銀行".into(), ..institution() };
    let pages = Pages::new(bank).unwrap();
    for s in all().iter().filter(|s| ["account", "customer", "consent"].contains(&s.page)) {
        let text = text_of(&(s.render)(&pages, &chrome(Language::Ja, false)).unwrap());
        assert!(text.contains("当行") && !text.contains("当信用組合"), "{} {}", s.page, s.case);
    }
    assert_eq!(pages.institution_css(), ":root { --institution: #00707a; }\n");
}

#[test]
fn the_closed_page_says_every_window_in_words() {
    let written = [
        "sunday 21:00-24:00",
        "2nd,4th sunday -1d 23:50-07:00",
        "01-01..01-03 -1d 23:50-07:00",
        "2026-12-05T22:00..2026-12-06T06:00",
    ];
    let pages = Pages::new(InstitutionProfile { closed: Hours::parse(written).unwrap(), ..institution() }).unwrap();
    let samples = all();
    let closed = samples.iter().find(|s| (s.page, s.case) == ("closed", "hours")).unwrap();
    for language in Language::ALL {
        let html = (closed.render)(&pages, &chrome(language, false)).unwrap();
        let text = text_of(&html);
        for sentence in pages.institution().closed.sentences(language) {
            assert!(text.contains(&(sentence.days + &sentence.times)), "{text}");
        }
        for raw in ["-1d", "sunday", "12-05T22", "01-01.."] {
            assert!(!text.contains(raw), "{raw} in {text}");
        }
    }
}

#[test]
fn assets_are_there_with_type_and_tag() {
    for (name, kind) in [
        ("renkei.css", "text/css; charset=utf-8"),
        ("renkei.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let asset = asset(name).unwrap();
        assert_eq!(asset.content_type, kind);
        assert!(!asset.bytes.is_empty() && asset.etag.len() == 18, "{}", asset.etag);
        let html = samples_of(Language::Ja, "account empty");
        assert!(html.contains(&format!("/assets/{name}?v={}", asset.etag.trim_matches('"'))), "{name}");
    }
    for name in ["../mod.rs", "account.html", "locales/ja.ftl", ""] {
        assert!(asset(name).is_none(), "{name}");
    }
}

#[test]
fn languages_are_found_in_ui_locales() {
    for (tags, want) in [
        ("en", Some(Language::En)),
        ("fr-CA ja-JP en", Some(Language::Ja)),
        ("EN-us", Some(Language::En)),
        ("fr", None),
        ("", None),
        ("japanese", None),
    ] {
        assert_eq!(Language::of_ui_locales(tags), want, "{tags}");
    }
}

fn samples_of(language: Language, name: &str) -> String {
    rendered(language).into_iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("no sample {name}")).1
}
