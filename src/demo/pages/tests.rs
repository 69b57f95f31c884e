use super::engine::locale;
use super::*;
use std::collections::BTreeSet;

fn rendered(language: Language) -> Vec<(String, String)> {
    let pages = Pages::new().unwrap();
    let all = samples::all();
    let html =
        |s: &samples::Sample| (s.render)(&pages, language).unwrap_or_else(|e| panic!("{} {}: {e}", s.page, s.case));
    all.iter().map(|s| (format!("{} {}", s.page, s.case), html(s))).collect()
}

fn keys(source: &str) -> BTreeSet<&str> {
    let lines = source.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_alphabetic()));
    lines.filter_map(|l| l.split_once(" =")).map(|(key, _)| key).collect()
}

#[test]
fn every_page_renders_with_every_sample_alike_twice() {
    for language in Language::ALL {
        let (first, second) = (rendered(language), rendered(language));
        assert!(first.len() > 10);
        for ((name, one), (_, two)) in first.iter().zip(&second) {
            assert_eq!(one, two, "{name}");
            assert!(one.starts_with("<!doctype html>"), "{name}");
            assert!(one.contains(&format!("<html lang=\"{}\">", language.as_str())), "{name}");
            assert_eq!(one.matches("<h1").count(), 1, "{name}: one h1");
            assert_eq!(one.matches("<main").count(), 1, "{name}: one main");
            for bad in ["style=\"", "data:", "{$", "{ $", "undefined", "javascript:", " onclick", "<script"] {
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
            for attribute in [" for=\"", " aria-describedby=\"", " aria-labelledby=\"", " href=\"#", " list=\""] {
                for value in html.split(attribute).skip(1).filter_map(|t| t.split('"').next()) {
                    assert!(value.split(' ').all(|id| ids.contains(&id)), "{name}: {attribute}{value} leads nowhere");
                }
            }
        }
    }
}

#[test]
fn what_others_say_is_escaped() {
    let page = SimulatorPage { to: "\"><b>".into(), ..simulator_page() };
    let html = Pages::new().unwrap().simulator(Language::En, &page).unwrap();
    assert!(!html.contains("<b>\"") && html.contains("&quot;&gt;&lt;b&gt;"), "{html}");
}

fn simulator_page() -> SimulatorPage {
    SimulatorPage {
        from: "09012343333".into(),
        to: String::new(),
        numbers: vec![],
        sample: String::new(),
        calls: vec![],
        mails: vec![],
        refused: false,
        accounts: vec![],
        changes: vec![],
        reports: vec![],
        now: crate::time::from_secs(0),
    }
}

#[test]
fn the_languages_have_the_same_texts_and_each_is_used() {
    let (ja, en) = (locale(Language::Ja).unwrap(), locale(Language::En).unwrap());
    assert!(keys(&ja).len() > 60, "the files were not understood");
    assert_eq!(keys(&ja).symmetric_difference(&keys(&en)).collect::<Vec<_>>(), Vec::<&&str>::new());
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates/demo");
    let mut used = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "html") {
            used.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    let composed = ["account-", "app-notice-", "document-", "event-", "sim-change-"];
    let idle = |key: &&str| !used.contains(&format!("\"{key}\"")) && !composed.iter().any(|c| key.starts_with(c));
    assert_eq!(keys(&ja).into_iter().filter(idle).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn the_files_of_a_page_are_there() {
    let html = rendered(Language::Ja).remove(0).1;
    for name in ["renkei.css", "icon.svg"] {
        assert!(!asset(name).unwrap().is_empty());
        assert!(html.contains(&format!("/assets/{name}?v=")), "{name}");
    }
    for name in ["renkei.js", "../demo/app.html", ""] {
        assert!(asset(name).is_none(), "{name}");
    }
}

#[test]
fn languages_are_found_in_ui_locales() {
    for (tags, want) in [
        ("en", Some(Language::En)),
        ("fr ja-JP en", Some(Language::Ja)),
        ("EN-us", Some(Language::En)),
        ("fr", None),
        ("", None),
    ] {
        assert_eq!(Language::of_ui_locales(tags), want, "{tags}");
    }
}
