//! Every page with every sample in Debian's Chromium: pictures under `tests/output/pages`, axe in light, dark and at
//! 320 px. The flow's own browser test sees the pages a customer meets when all goes well; this one sees the others.

use crate::support::chromium::Window;
use renkei_demo::pages as demo_pages;
use renkei_server::pages::{Language, Pages, asset, samples};
use std::fs;
use std::path::{Path, PathBuf};

/// Samples that differ from another of their page in words alone: nothing new for the eye, and a minute of axe.
pub(crate) const ONLY_WORDS: &[(&str, &[&str])] = &[
    ("account", &["long", "failed"]),
    ("customer", &["long", "r31", "r36", "r37"]),
    ("pin", &["empty", "short", "page", "failed"]),
    ("consent", &["balances", "transactions", "from a day", "to a day", "failed"]),
    ("locked", &["before"]),
    ("cancelled", &["after the checks", "two links live"]),
    ("closed", &["failed", "off", "no days", "open again, too late"]),
    ("expired", &["elsewhere"]),
    ("app", &["refreshed", "ended", "refused", "expired", "broken", "not asked"]),
];

/// Writes a page where Chromium can open it, with our files beside it.
fn written(folder: &Path, name: &str, html: &str) -> String {
    let file = folder.join(format!("{name}.html"));
    // A file has no server: the addresses lose their root and version.
    let local = html.replace("/assets/", "assets/");
    let mut plain = String::with_capacity(local.len());
    for (n, piece) in local.split("?v=").enumerate() {
        plain.push_str(if n == 0 { piece } else { &piece[piece.find('"').unwrap()..] });
    }
    fs::write(&file, plain).unwrap();
    format!("file://{}", file.display())
}

fn folder(pages: &Pages) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output/pages/html");
    fs::create_dir_all(folder.join("assets")).unwrap();
    for name in ["renkei.css", "renkei.js", "icon.svg"] {
        fs::write(folder.join("assets").join(name), asset(name).unwrap().bytes).unwrap();
    }
    fs::write(folder.join("assets/institution.css"), pages.institution_css()).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_is_fit_to_be_seen() {
    let pages = Pages::new(samples::institution()).unwrap();
    let folder = folder(&pages);
    let w = Window::open("pages", true).await;
    let mut seen = Vec::new();
    for sample in samples::all() {
        // The form that sends itself has nowhere to go here.
        if sample.page == "form_post" {
            continue;
        }
        if ONLY_WORDS.iter().any(|(page, cases)| *page == sample.page && cases.contains(&sample.case)) {
            continue;
        }
        // Each page once in English too, and once as a test server shows it.
        let languages = if seen.contains(&sample.page) { &Language::ALL[..1] } else { &Language::ALL[..] };
        for &language in languages {
            let chrome = samples::chrome(language, language == Language::En);
            let html = (sample.render)(&pages, &chrome).unwrap();
            let name = format!("{}-{}-{}", sample.page, sample.case.replace(' ', "-"), language.as_str());
            w.goto(&written(&folder, &name, &html)).await;
            w.judge(&name).await;
            if ["my_receipt", "consent"].contains(&sample.page) {
                let sheets = w.print(&name).await;
                assert!((1..=2).contains(&sheets), "{name} takes {sheets} sheets");
            }
        }
        seen.push(sample.page);
    }
    w.close().await;
}

/// The pages of the sample apps and of the simulator, which share the stylesheet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_of_the_demonstration_is_fit_to_be_seen() {
    let pages = demo_pages::Pages::new().unwrap();
    let folder = folder(&Pages::new(samples::institution()).unwrap());
    let w = Window::open("demo-pages", true).await;
    let mut seen = Vec::new();
    for sample in demo_pages::samples::all() {
        if ONLY_WORDS.iter().any(|(page, cases)| *page == sample.page && cases.contains(&sample.case)) {
            continue;
        }
        let languages = if seen.contains(&sample.page) { 1 } else { 2 };
        for &language in &demo_pages::Language::ALL[..languages] {
            let name = format!("{}-{}-{}", sample.page, sample.case, language.as_str());
            w.goto(&written(&folder, &name, &(sample.render)(&pages, language).unwrap())).await;
            w.judge(&name).await;
        }
        seen.push(sample.page);
    }
    w.close().await;
}
