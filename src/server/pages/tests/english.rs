//! The English pages are English: Japanese stands only in elements that say so.

use super::*;

/// Elements without an end tag.
const VOID: [&str; 6] = ["meta", "link", "input", "img", "br", "wbr"];

/// What of a page is in Japanese or full-width and no element says so, with the text of the element's attributes.
fn undeclared(html: &str) -> Vec<String> {
    let mut open: Vec<(String, bool)> = Vec::new();
    let mut found = Vec::new();
    let mut rest = html;
    let said = |open: &[(String, bool)]| open.iter().rev().find(|(_, own)| *own).is_some();
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        if text.contains(japanese_or_wide) && !said(&open) {
            found.push(text.trim().to_owned());
        }
        let Some((tag, after)) = tag[1..].split_once('>') else { break };
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            while open.pop().is_some_and(|(open, _)| open != name) {}
            continue;
        }
        if tag.starts_with('!') {
            continue;
        }
        let name = tag.split([' ', '\n']).next().unwrap_or_default();
        let own = tag.contains("lang=\"ja\"");
        // What was typed is the customer's, whatever it is written in.
        let typed = name == "input";
        if !own && !typed && tag.contains(japanese_or_wide) && !said(&open) {
            found.push(tag.to_owned());
        }
        if !VOID.contains(&name) && !tag.ends_with('/') {
            open.push((name.to_owned(), own));
        }
    }
    found
}

#[test]
fn japanese_is_found_where_no_element_says_so() {
    for (html, found) in [
        ("<p>English</p>", 0),
        ("<p>日本語</p>", 1),
        ("<p>Note：</p>", 1),
        ("<p lang=\"ja\">日本語<b>太字</b></p><p>English</p>", 0),
        ("<p lang=\"ja\">日本語</p><p>日本語</p>", 1),
        ("<p aria-label=\"日本語\">x</p>", 1),
        ("<input value=\"ﾃﾞｰﾀ\"><br><p>x　y</p>", 1),
    ] {
        assert_eq!(undeclared(html).len(), found, "{html}");
    }
}

#[test]
fn no_japanese_stands_on_an_english_page_unless_its_element_says_so() {
    for (name, html) in rendered(Language::En) {
        assert_eq!(undeclared(&html), Vec::<String>::new(), "{name}");
    }
}

/// English first; the Japanese that applies is folded below it, and a section says once that it is a translation.
#[test]
fn the_binding_japanese_is_folded_below_the_english() {
    for (page, sections) in [("account first", 2), ("consent choose", 2)] {
        let html = samples_of(Language::En, page);
        assert_eq!(html.matches("参考訳").count(), sections, "{page}");
        assert_eq!(html.matches("<details class=\"binding\">").count(), sections, "{page}");
        assert!(!samples_of(Language::Ja, page).contains("class=\"binding\""), "{page}");
    }
    let consent = text_of(&samples_of(Language::En, "consent choose"));
    let at = |said: &str| consent.find(said).unwrap_or_else(|| panic!("{said}"));
    assert!(at("I have read our API terms of use") < at("当信用組合のAPI利用規定を確認し、同意します。"));
    assert!(at("please decide for yourself") < at("お客様自身の判断で確認してください。"));
}

#[test]
fn the_footers_links_open_beside_the_page_and_say_so() {
    for (language, said) in [(Language::Ja, "（新しいタブで開きます）"), (Language::En, " (opens in a new tab)")]
    {
        for (name, html) in rendered(language) {
            let footer = html.split("<footer").nth(1).unwrap();
            assert_eq!(footer.matches("target=\"_blank\" rel=\"noopener noreferrer\"").count(), 2, "{name}");
            assert_eq!(footer.matches(said).count(), 2, "{name}");
        }
    }
}

#[test]
fn a_page_that_came_too_late_says_so_once() {
    for (name, html) in rendered(Language::Ja) {
        let (_, main) = html.split_once("<main").unwrap();
        if name.starts_with("expired") {
            let said = main.matches("お手続きの時間が過ぎました").count() + main.matches("お手続きの期限").count();
            assert!(said <= 1, "{name}: {said}");
        }
    }
    let heading = samples_of(Language::Ja, "pin first");
    assert!(heading.contains("キャッシュカード<wbr>暗証番号認証"), "the heading of ⑤ breaks between its words");
}

/// A name that stands in Japanese alone is introduced: an English reader learns what it is the name of.
#[test]
fn japanese_names_are_introduced_in_english() {
    let department = |html: &str| html.contains("Department: <span lang=\"ja\">事務部</span>");
    for page in ["closed failed", "my_links one"] {
        let html = samples_of(Language::En, page);
        assert!(department(&html), "{page}");
        assert!(html.contains("Opening hours: <span lang=\"ja\">平日の午前9時～17時</span>"), "{page}");
    }
    let consent = text_of(&samples_of(Language::En, "consent choose"));
    assert!(consent.contains("The company that runs the app, "), "{consent}");
    assert!(text_of(&samples_of(Language::En, "my_links one")).contains("Provider: "));
    // A number is where it is called, and a time left is what an English reader says.
    let call = text_of(&samples_of(Language::En, "call waiting"));
    for (said, there) in
        [("number below", false), ("Left", false), ("seconds left", true), ("number on this page", true)]
    {
        assert_eq!(call.contains(said), there, "{said}: {call}");
    }
    let cancelled = text_of(&samples_of(Language::En, "cancelled none"));
    assert_eq!(cancelled.matches("cancelled").count(), 2, "the title and the heading: {cancelled}");
}
