//! The institution's own mark: what `config check` refuses, and how it is served.

use crate::support::http::RequestParts;
use crate::support::town::{Engine, Town, renkei_at, run};
use std::path::Path;

const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 40 40\">\n<path d=\"M0 0h40v40\" fill=\"#00707a\"/>\n</svg>\n";

fn in_a_town(file: Option<&Path>, test: impl AsyncFn(&Town)) {
    run(Engine::Sqlite, |config| config.institution.logo_file = file.map(Path::to_owned), test);
}

#[test]
fn it_is_served_as_it_is_and_nothing_in_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("logo.svg");
    std::fs::write(&file, SVG).unwrap();
    in_a_town(Some(&file), async |w| {
        let mut browser = w.browser();
        browser.open(&w.creco().push("accounts").await.url).await;
        let html = browser.page().html().to_owned();
        let (_, after) = html.split_once("<img class=\"logo\" src=\"").unwrap();
        let url = after.split('"').next().unwrap();
        assert!(url.starts_with("/assets/institution-logo?v="), "{url}");
        let answer = w.http.get(url).await.expect(200);
        assert_eq!(answer.body, SVG, "nothing is rewritten");
        for (name, value) in [
            ("content-type", "image/svg+xml"),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "public, max-age=31536000, immutable"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
        let tag = answer.header("etag").unwrap().to_owned();
        let known = w.http.send("GET", url, RequestParts::default().header("if-none-match", tag)).await;
        assert_eq!((known.status, known.body.as_str()), (304, ""));
        assert_eq!(known.header("content-security-policy"), Some("default-src 'none'; sandbox"));
    });
    in_a_town(None, async |w| {
        w.http.get("/assets/institution-logo").await.expect(404);
        let mut browser = w.browser();
        browser.open(&w.creco().push("accounts").await.url).await;
        assert!(browser.page().html().contains("<svg class=\"mark\"") && !browser.page().html().contains("<img"));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_names_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let (config, logo) = (dir.path().join("renkei.toml"), dir.path().join("logo.svg"));
    for (name, text) in [("master.key", renkei_core::secret::base64url([7; 32])), ("hook.key", "h".repeat(40))] {
        std::fs::write(dir.path().join(name), text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(dir.path().join(name), mode).unwrap();
    }
    std::fs::write(
        &config,
        r#"[server]
issuer = "https://link.renkei.test"
mode = "test"
trusted_proxies = ["127.0.0.1"]
master_key_file = "master.key"
[institution]
name = "みなと信用組合"
name_en = "Minato Credit Union"
kind = "shinkumi"
logo_file = "logo.svg"
terms_url = "https://www.minato.example/terms"
terms_version = "2026-04"
faq_url = "https://www.minato.example/faq"
phone = "0120-000-000"
copyright = "みなと信用組合"
[telephony]
called_numbers = ["0800-111-0001", "0800-111-0002", "0800-111-0003"]
hook_secret_files = ["hook.key"]
[mail]
kind = "file"
from = "no-reply@link.renkei.test"
[bank]
kind = "sample"
"#,
    )
    .unwrap();
    let check = async || renkei_at(&config, &["config", "check"]).await;
    std::fs::write(&logo, SVG).unwrap();
    check().await.refused(0, "");
    for (inner, line, why) in [
        ("<script/>", 2, "has the element script"),
        ("<foreignObject/>", 2, "has the element foreignObject"),
        ("<g\n onload=\"x()\"/>", 3, "onload"),
        ("<image href=\"https://evil.example/a.png\"/>", 2, "outside the file"),
    ] {
        std::fs::write(&logo, SVG.replace("<path ", &format!("{inner}<path "))).unwrap();
        let said = check().await;
        said.refused(1, "renkei.toml:10: institution.logo_file: ");
        said.refused(1, &format!("logo.svg:{line}: "));
        said.refused(1, why);
    }
    std::fs::write(&logo, "GIF89a").unwrap();
    check().await.refused(1, "logo.svg:1: ");
    std::fs::write(&logo, [0xff, 0xd8, 0xff, 0xe0]).unwrap();
    check().await.refused(1, "is neither a PNG nor an SVG");
    std::fs::remove_file(&logo).unwrap();
    check().await.refused(1, "No such file");
}
