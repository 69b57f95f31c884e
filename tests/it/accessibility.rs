//! WCAG 2.2, A and AA: docs/accessibility.md has a row for each criterion, and the walks that no rule of axe can make: by keyboard
//! through the six screens, at 320 px, with wider spacing, with text twice as large, and the size of what is pressed.

use crate::forgiving_call::{ShownPages, focused, js, size};
use crate::pages::ONLY_WORDS;
use crate::support::chromium::Window;
use renkei_server::pages::{Language, samples};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The criteria of levels A and AA of WCAG 2.2. (4.1.1 is not one of them any more.)
const CRITERIA: &str = "1.1.1 1.2.1 1.2.2 1.2.3 1.2.4 1.2.5 1.3.1 1.3.2 1.3.3 1.3.4 1.3.5 1.4.1 1.4.2 1.4.3 1.4.4 1.4.5 1.4.10 1.4.11 \
    1.4.12 1.4.13 2.1.1 2.1.2 2.1.4 2.2.1 2.2.2 2.3.1 2.4.1 2.4.2 2.4.3 2.4.4 2.4.5 2.4.6 2.4.7 2.4.11 2.5.1 2.5.2 2.5.3 2.5.4 2.5.7 \
    2.5.8 3.1.1 3.1.2 3.2.1 3.2.2 3.2.3 3.2.4 3.2.6 3.3.1 3.3.2 3.3.3 3.3.4 3.3.7 3.3.8 4.1.2 4.1.3";
/// Those that a walk must show.
const WALKED: [&str; 4] = ["1.4.10", "2.2.1", "2.4.3", "3.3.7"];

/// `shape::what_the_documents_name_exists` looks whether the tests and pictures that are named are there.
#[test]
fn every_criterion_has_a_row() {
    let page = include_str!("../../docs/accessibility.md");
    let mut rows = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, level, met, shown] = cells[..] else { panic!("not four cells: {line}") };
        let number = number.split(' ').next().unwrap();
        assert!(level == "A" || level == "AA", "{line}");
        let why_not = met.strip_prefix("Does not apply: ");
        assert!(
            why_not.is_some_and(|why| why.len() > 10) || shown.contains(".rs::") || shown.contains(".png"),
            "{line}"
        );
        assert!(rows.insert(number, shown).is_none(), "two rows for {number}");
    }
    assert_eq!(CRITERIA.split_whitespace().count(), 55);
    for number in CRITERIA.split_whitespace() {
        let shown = rows.remove(number).unwrap_or_else(|| panic!("docs/accessibility.md has no row for {number}"));
        let walked =
            ["forgiving_call", "accessibility", "browser"].iter().any(|file| shown.contains(&format!("{file}.rs::")));
        assert!(walked || !WALKED.contains(&number), "no walk shows {number}");
    }
    assert!(rows.is_empty(), "no criteria of WCAG 2.2 A or AA: {rows:?}");
}

/// 2.1.1, 2.1.2, 2.4.1, 2.4.3, 2.4.7, 2.4.11: Tab goes through each screen in the order of its text and out of it again, on a small
/// telephone. What has the focus is seen: it has an outline, and the bar of ④ does not lie over it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tab_goes_through_each_screen_in_order() {
    const LOOK: &str = r"
        const e = document.activeElement, before = window.before;
        if (!e || e === document.body) return null;
        window.before = e;
        const r = e.getBoundingClientRect(), inset = 2;
        const spots = [[r.left + r.width / 2, r.top + r.height / 2], [r.left + inset, r.top + inset], [r.right - inset, r.top + inset],
            [r.left + inset, r.bottom - inset], [r.right - inset, r.bottom - inset]];
        const hit = ([x, y]) => { const at = document.elementFromPoint(x, y); return at && (e.contains(at) || at.contains(e) && at !== document.body && at !== document.documentElement && !at.matches('main, .page')); };
        const style = getComputedStyle(e);
        return {
            name: e.tagName + ' ' + (e.name || '') + ' ' + (e.value || e.textContent).trim().slice(0, 30),
            after: !before || !!(before.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING),
            outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
            seen: spots.some(hit),
        };";
    let shown_pages = ShownPages::open().await;
    let w = Window::open("accessibility", true).await;
    for sample in [
        "account first",
        "account empty",
        "customer first",
        "phone first",
        "call waiting",
        "call seen",
        "call expired, one more",
        "pin first",
        "consent choose",
        "cancelled reference",
        "expired call",
        "my_links many",
    ] {
        shown_pages.show(&w, sample, Language::Ja, 100).await;
        size(&w, 360, 664, "light").await;
        // Reading starts at the errors or at the heading where there is news: Tab goes on from there.
        let begins_at_news = focused(&w).await != "BODY";
        js(&w, "document.activeElement.blur(); window.before = null").await;
        let (mut stops, mut actions) = (Vec::new(), 0);
        loop {
            w.keys("\u{e004}").await;
            let at = js(&w, LOOK).await;
            // After the last one the window itself has the focus, or the first one again.
            if at == Value::Null || stops.len() > 80 || stops.first().is_some_and(|first| at["name"] == json!(first)) {
                break;
            }
            let name = at["name"].as_str().unwrap().to_owned();
            for what in ["after", "outline", "seen"] {
                assert_eq!(at[what], json!(true), "{sample}: {what} of {name}, after {stops:?}");
            }
            actions += usize::from(name.starts_with("BUTTON action"));
            stops.push(name);
        }
        assert!(stops.len() < 80, "{sample}: Tab does not leave the page: {stops:?}");
        let to_the_text = begins_at_news || stops[0] == "A  本文へ移動";
        assert!(to_the_text && stops.len() > 3, "{sample}: the first leads to the text: {stops:?}");
        let buttons =
            "return [...document.querySelectorAll('button[name=action]')].filter((b) => b.checkVisibility()).length";
        assert_eq!(js(&w, buttons).await, json!(actions), "{sample}: each button is reached: {stops:?}");
    }
    w.close().await;
}

/// 1.4.4, 1.4.10, 1.4.12, 2.5.8: no page scrolls sideways or cuts a word off at 320 px, with the text twice as large, or with the
/// spacing of 1.4.12; and what is pressed is at least 24 px high and wide.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_reflows_at_320_px() {
    const MEASURE: &str = r"
        const found = [], root = document.documentElement;
        const wide = (how) => {
            if (root.scrollWidth > root.clientWidth) found.push(how + ': ' + (root.scrollWidth - root.clientWidth) + ' px too wide');
            for (const e of document.querySelectorAll('main *, header *, footer *')) {
                const s = getComputedStyle(e);
                if (e.matches('.vh, .vh *') || s.overflowX === 'visible' || s.overflowX === 'auto' || !e.checkVisibility()) continue;
                if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 && !e.matches('input, select')) found.push(how + ': cut off: ' + e.outerHTML.slice(0, 90));
            }
        };
        wide('320 px');
        for (const e of document.querySelectorAll('button, summary, input:not([type=hidden]), select, nav a, footer a, header a:not(.skip)')) {
            if (!e.checkVisibility()) continue;
            const r = (e.type === 'checkbox' || e.type === 'radio' ? e.closest('label') || e.labels[0] || e : e).getBoundingClientRect();
            if (r.width < 24 || r.height < 24) found.push('small: ' + Math.round(r.width) + ' by ' + Math.round(r.height) + ' ' + e.outerHTML.slice(0, 90));
        }
        const style = document.createElement('style');
        style.textContent = '* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }';
        document.head.append(style);
        wide('spacing');
        style.remove();
        root.style.fontSize = '200%';
        wide('twice');
        return found;";
    let shown_pages = ShownPages::open().await;
    let w = Window::open("accessibility", true).await;
    let mut wrong = Vec::new();
    for (n, sample) in samples::all().iter().enumerate() {
        let only_words = ONLY_WORDS.iter().any(|(page, cases)| *page == sample.page && cases.contains(&sample.case));
        if only_words && sample.case != "long" || sample.page == "form_post" {
            continue; // The latter sends itself.
        }
        let name = format!("{} {}", sample.page, sample.case);
        let language = if n % 2 == 0 { Language::Ja } else { Language::En };
        shown_pages.show(&w, &name, language, 100).await;
        size(&w, 320, 568, if n % 4 < 2 { "light" } else { "dark" }).await;
        let found = js(&w, MEASURE).await;
        wrong.extend(found.as_array().unwrap().iter().map(|what| format!("{name}, {}: {what}", language.as_str())));
    }
    w.close().await;
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}

/// 1.4.11: borders of what is filled in, and the outline of what has the focus, against what is around them, in light and in dark.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn borders_and_outlines_are_seen() {
    const MEASURE: &str = r"
        const pen = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
        const rgb = (color) => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = color; pen.fillRect(0, 0, 1, 1); return [...pen.getImageData(0, 0, 1, 1).data]; };
        const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4).reduce((sum, c, n) => sum + c * [.2126, .7152, .0722][n], 0);
        const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + .05) / (y + .05); };
        const around = (e) => { for (e = e.parentElement; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; } return rgb(getComputedStyle(document.documentElement).colorScheme === 'dark' ? '#000' : '#fff'); };
        const found = [];
        for (const e of document.querySelectorAll('input:not([type=hidden], [type=submit]), select, button, a, summary')) {
            if (!e.checkVisibility() || e.matches('.vh')) continue;
            const style = getComputedStyle(e);
            if (e.matches('input:not([type=checkbox], [type=radio]), select')) {
                const got = ratio(rgb(style.borderTopColor), around(e));
                if (got < 3 || parseFloat(style.borderTopWidth) < 1) found.push('border ' + got.toFixed(1) + ' ' + (e.name || e.textContent));
            }
            e.focus({ focusVisible: true });
            const got = ratio(rgb(getComputedStyle(e).outlineColor), around(e));
            if (got < 3) found.push('outline ' + got.toFixed(1) + ' ' + (e.name || e.textContent));
        }
        return found;";
    let shown_pages = ShownPages::open().await;
    let w = Window::open("accessibility", true).await;
    let mut wrong = Vec::new();
    for sample in [
        "account first",
        "account empty",
        "customer wrong",
        "call waiting",
        "call seen",
        "pin wrong",
        "consent choose",
        "my_links many",
    ] {
        for scheme in ["light", "dark"] {
            shown_pages.show(&w, sample, Language::Ja, 100).await;
            size(&w, 360, 664, scheme).await;
            let found = js(&w, MEASURE).await;
            wrong.extend(found.as_array().unwrap().iter().map(|what| format!("{sample}, {scheme}: {what}")));
        }
    }
    w.close().await;
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}
