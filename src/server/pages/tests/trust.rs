//! What a customer sees before they trust a page: who asks, who answers for it, whose page it is; and that no text says a
//! number that is configured.

use super::*;

#[test]
fn the_app_is_named_before_anything_is_typed() {
    let app = "しんくみアプリwithCRECO";
    let named = format!("<span class=\"muted\">連携先</span> <b>{app}</b>");
    for (page, there) in [
        ("account first", true),
        ("customer first", true),
        ("phone first", true),
        ("call waiting", false),
        ("pin first", true),
        ("consent choose", false),
        ("account my", false),
        ("pin my", false),
    ] {
        let html = samples_of(Language::Ja, page);
        assert_eq!(html.contains(&named), there, "{page}");
    }
    for page in ["call waiting", "consent choose"] {
        assert!(samples_of(Language::Ja, page).contains(app), "{page} names it in its own words");
    }
    let pin = samples_of(Language::Ja, "pin first");
    let (promise, field) = (pin.find("入力された暗証番号は、"), pin.find("id=\"pin\""));
    assert!(promise.is_some() && promise < field, "before the PIN is typed");
    assert!(text_of(&pin).contains(&format!("入力された暗証番号は、{app}には開示されません。")));
    assert!(!samples_of(Language::Ja, "pin my").contains("開示されません"), "no app waits there");
}

#[test]
fn the_provider_is_named_with_what_it_published_and_who_gets_the_data_next() {
    let html = samples_of(Language::Ja, "consent choose");
    let text = text_of(&html);
    for said in ["関東財務局長（電代）第000号", "契約等の公表", "情報の再提供先", "株式会社家計分析（家計簿の作成）"]
    {
        assert!(text.contains(said), "{said}");
    }
    assert!(html.contains("href=\"https://app.example/disclosure\""));
    assert!(!text_of(&samples_of(Language::Ja, "consent identity")).contains("第000号"));
    assert!(text_of(&samples_of(Language::Ja, "my_links one")).contains("情報の再提供先"));
}

/// The browser's own padlock is the only one that says something.
#[test]
fn no_padlock_is_drawn() {
    for (name, html) in rendered(Language::Ja) {
        assert!(!html.contains("M8 11V8a4 4 0 0 1 8 0v3") && !html.contains("🔒"), "{name}");
    }
}

#[test]
fn the_institutions_own_mark_stands_in_the_place_of_ours() {
    let ours = "<svg class=\"mark\" ";
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec();
    let with = Pages::new(InstitutionProfile { logo: Some(logo(svg).unwrap()), ..institution() }).unwrap();
    let without = pages();
    for sample in all() {
        let html = |pages: &Pages| (sample.render)(pages, &chrome(Language::Ja, false)).unwrap();
        let name = format!("{} {}", sample.page, sample.case);
        assert!(html(&without).contains(ours) && !html(&without).contains("<img"), "{name}");
        assert!(!html(&with).contains(ours), "{name}");
        assert!(html(&with).contains("<img class=\"logo\" src=\"/assets/institution-logo?v="), "{name}");
        assert!(html(&with).contains("\" alt=\"\">"), "{name}: the name stands beside it");
    }
}

/// The period and the windows are configured, so no text may say 30 or 120.
#[test]
fn no_text_says_a_number_that_is_configured() {
    let numbers = |text: &str| -> Vec<String> {
        let digits: String = text.chars().map(|c| if c.is_ascii_digit() { c } else { ' ' }).collect();
        digits.split_whitespace().filter(|n| ["30", "120"].contains(n)).map(str::to_owned).collect()
    };
    // The key of a text may have a number, and a comment may say anything.
    let after_key = |line: &str| match line.split_once(" =") {
        _ if line.starts_with('#') => String::new(),
        Some((key, said)) if !key.starts_with(' ') => said.to_owned(),
        _ => line.to_owned(),
    };
    let mut files: Vec<_> = walk(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../templates")));
    for folder in ["locales", "demo/locales"] {
        for language in ["ja", "en"] {
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates");
            files.push(root.join(folder).join(format!("{language}.ftl")));
        }
    }
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        for (line, n) in source.lines().zip(1..) {
            // What stands in markup is no text: colours, paths of drawings, conditions.
            let said = if file.extension().is_some_and(|e| e == "html") { text_of(line) } else { after_key(line) };
            let said = if said.contains("{%") || said.contains("{{") { String::new() } else { said };
            assert_eq!(numbers(&said), Vec::<String>::new(), "{}:{n}: {line}", file.display());
        }
    }
    // Nor does a page or a letter, where other numbers are configured.
    let wording = text_of(
        &pages()
            .expired(
                &chrome(Language::Ja, false),
                &ExpiredPage {
                    why: crate::identity::Expired::Time,
                    window: 90,
                    minutes: 25,
                    can_return: true,
                    ..ExpiredPage::default()
                },
            )
            .unwrap(),
    );
    assert!(wording.contains("開始から25分が過ぎたため"), "{wording}");
}
