//! ④ and the time of an interaction, in Debian's Chromium: what stands in the first screenful of a small telephone, where the
//! focus goes, and that what the page says is what its button does. Samples, served with a `call/status` of the test's own;
//! and the demo, with script and without.

use crate::support::chromium::Window;
use crate::support::demo::Demo;
use renkei_server::pages::{Chrome, Language, Pages, TimeLeft, asset, samples};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use thirtyfour::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Every state of ④ (waiting, seen, withheld, expired, new number, error) as a sample.
const STATES: [&str; 13] = [
    "waiting",
    "early",
    "asks",
    "seen",
    "longer",
    "withheld",
    "new number",
    "last number",
    "expired",
    "expired, one more",
    "expired, the last",
    "no number",
    "failed",
];

/// Serves pages of samples, our files, and answers of `call/status`.
#[derive(Clone)]
pub(crate) struct ShownPages {
    port: u16,
    pages: Arc<Mutex<HashMap<String, String>>>,
}
impl ShownPages {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shown_pages = Self { port: listener.local_addr().unwrap().port(), pages: Arc::default() };
        let served = shown_pages.clone();
        tokio::spawn(async move {
            loop {
                let (mut line, _) = listener.accept().await.unwrap();
                let served = served.clone();
                tokio::spawn(async move {
                    let mut asked = Vec::new();
                    let mut more = [0; 4096];
                    while !asked.windows(4).any(|w| w == b"\r\n\r\n") {
                        match line.read(&mut more).await {
                            Ok(n) if n > 0 => asked.extend_from_slice(&more[..n]),
                            _ => return,
                        }
                    }
                    let asked = String::from_utf8_lossy(&asked).into_owned();
                    let path = asked.split(' ').nth(1).unwrap().split('?').next().unwrap().to_owned();
                    let (kind, body) = served.answer(&path);
                    let head = format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = line.write_all(head.as_bytes()).await;
                    let _ = line.write_all(&body).await;
                });
            }
        });
        shown_pages
    }
    fn answer(&self, path: &str) -> (&'static str, Vec<u8>) {
        if let Some(name) = path.strip_prefix("/assets/") {
            let kind = if name.ends_with(".css") { "text/css" } else { "text/javascript" };
            return (kind, asset(name).map(|a| a.bytes.into_owned()).unwrap_or_default());
        }
        let kind = if path.ends_with("/status") { "application/json" } else { "text/html; charset=utf-8" };
        (kind, self.pages.lock().unwrap().get(path).cloned().unwrap_or_default().into_bytes())
    }
    fn put(&self, path: &str, body: String) {
        self.pages.lock().unwrap().insert(path.to_owned(), body);
    }
    fn status(&self, state: &str, left: u64) {
        self.put("/link/int-sample/call/status", json!({"state": state, "seconds_left": left}).to_string());
    }
    /// Shows a sample, with the text of the page `percent` as large.
    pub(crate) async fn show(&self, w: &Window, sample: &str, language: Language, percent: u32) {
        let html = rendered(sample, &samples::chrome(language, false));
        self.put("/page", html.replacen("<html ", &format!("<html style=\"font-size: {percent}%\" "), 1));
        w.goto(&format!("http://localhost:{}/page", self.port)).await;
    }
}

fn rendered(sample: &str, chrome: &Chrome) -> String {
    let (page, case) = sample.split_once(' ').unwrap();
    let found = samples::all().into_iter().find(|s| s.page == page && s.case == case);
    (found.unwrap_or_else(|| panic!("no sample {sample}")).render)(&Pages::new(samples::institution()).unwrap(), chrome)
        .unwrap()
}

/// To be called after each page: chromedriver sets the size of its own telephone again when it opens one.
pub(crate) async fn size(w: &Window, width: u32, height: u32, scheme: &str) {
    let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700 });
    w.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
    w.cdp("Emulation.setEmulatedMedia", features).await;
}
/// The first screenful as a picture under tests/output.
async fn screenful(w: &Window, name: &str) {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/output/forgiving"));
    std::fs::create_dir_all(&folder).unwrap();
    w.driver.screenshot(&folder.join(format!("{name}.png"))).await.unwrap();
}
/// Where it stands in the window, which may have scrolled to what has the focus.
async fn rect(w: &Window, css: &str) -> Rect {
    let look = format!(
        "const r = document.querySelector('{css}').getBoundingClientRect(); return [r.x, r.y, r.width, r.height]"
    );
    let [x, y, width, height] = serde_json::from_value(js(w, &look).await).unwrap();
    Rect { x, y, width, height }
}
#[derive(Debug)]
struct Rect {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}
async fn in_first_screenful(w: &Window, what: &str, width: f64, height: f64) {
    for css in ["#call-status", "#call-go"] {
        let r = rect(w, css).await;
        let fits = r.x >= 0.0 && r.y >= 0.0 && r.x + r.width <= width && r.y + r.height <= height && r.height > 20.0;
        assert!(fits, "{css} of {what} stands at {r:?}");
    }
    let (status, go) = (rect(w, "#call-status").await, rect(w, "#call-go").await);
    assert!(status.y + status.height <= go.y, "{what}: they lie over each other");
}
pub(crate) async fn js(w: &Window, script: &str) -> Value {
    w.driver.execute(script, Vec::new()).await.unwrap().json().clone()
}
pub(crate) async fn focused(w: &Window) -> String {
    js(w, "return document.activeElement.id || document.activeElement.tagName").await.as_str().unwrap().to_owned()
}
async fn until(w: &Window, script: &str) {
    let end = Instant::now() + Duration::from_secs(10);
    while js(w, script).await != json!(true) {
        assert!(Instant::now() < end, "never: {script}: {}", w.text().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_and_button_stand_in_the_first_screenful_in_every_state() {
    let shown_pages = ShownPages::open().await;
    for script in [true, false] {
        let w = Window::open("forgiving", script).await;
        for (n, state) in STATES.into_iter().enumerate() {
            for language in Language::ALL {
                for percent in [100, 200] {
                    if !script && (n % 3 > 0 || language == Language::En) {
                        continue;
                    }
                    let scheme = if n % 2 == 0 { "light" } else { "dark" };
                    shown_pages.show(&w, &format!("call {state}"), language, percent).await;
                    size(&w, 360, 664, scheme).await;
                    let what = format!("{state}-{}-{percent}-{script}", language.as_str());
                    in_first_screenful(&w, &what, 360.0, 664.0).await;
                    if script {
                        screenful(&w, &what).await;
                    }
                }
            }
        }
        // On a wide page they stand above the number, in either colour.
        for (state, scheme) in [("waiting", "light"), ("seen", "dark"), ("expired, one more", "light")] {
            shown_pages.show(&w, &format!("call {state}"), Language::Ja, 100).await;
            size(&w, 1280, 800, scheme).await;
            in_first_screenful(&w, &format!("{state} on a wide page"), 1280.0, 800.0).await;
            screenful(&w, &format!("wide-{state}-{script}")).await;
        }
        // In a low window (zoom, landscape) nothing sticks: status, 確定する, number, the rest.
        for (width, height) in [(664, 360), (360, 480), (180, 332)] {
            shown_pages.show(&w, "call waiting", Language::Ja, 100).await;
            size(&w, width, height, "light").await;
            let mut tops = Vec::new();
            for css in ["#call-status", "#call-go", "#called-number", ".at-call > .lead"] {
                tops.push(rect(&w, css).await.y);
            }
            assert!(tops.is_sorted(), "{width} by {height}: {tops:?}");
            if script {
                assert_eq!(
                    js(&w, "return getComputedStyle(document.querySelector('.call-bar')).position").await,
                    "static"
                );
                screenful(&w, &format!("low-{width}")).await;
            }
        }
        w.close().await;
    }
}

/// Whether it is seen as the window stands: nothing lies over it, and it is no mere hair.
async fn in_view(w: &Window, css: &str) -> bool {
    let look = format!(
        "const e = document.querySelector('{css}'), r = e.getBoundingClientRect(), x = r.x + r.width / 2; \
         return r.height > 10 && [r.y + 4, r.bottom - 4].every((y) => {{ const top = document.elementFromPoint(x, y); \
         return e.contains(top) || (top?.contains(e) && top.closest('.call-bar')); }})"
    );
    js(w, &look).await == json!(true)
}

/// A telephone's first screenful: the status, the time that is left, the question after half a minute and the button; and once the
/// call was seen, that the countdown has stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_call_needs_stands_in_the_first_screenful() {
    let shown_pages = ShownPages::open().await;
    for script in [true, false] {
        let w = Window::open("forgiving", script).await;
        for (state, what) in [
            ("waiting", &[".call-ends"][..]),
            ("early", &[".call-ends"]),
            ("withheld", &[".call-ends"]),
            ("new number", &[".call-ends"]),
            ("asks", &[".call-ends", "#call-asks"]),
            ("seen", &["#call-stopped"]),
            ("longer", &["#call-stopped"]),
        ] {
            for language in Language::ALL {
                for height in [664, 740] {
                    match state {
                        "seen" | "longer" | "withheld" => {
                            shown_pages.status(state.replace("longer", "seen").as_str(), 95)
                        }
                        "asks" => shown_pages.status("waiting", 88),
                        _ => shown_pages.status("waiting", 95),
                    }
                    shown_pages.show(&w, &format!("call {state}"), language, 100).await;
                    size(&w, 360, height, if height == 664 { "light" } else { "dark" }).await;
                    let timer = script && what[0] == ".call-ends";
                    for css in ["#call-status", "#call-go"].iter().chain(what).chain(timer.then_some(&"#seconds-left"))
                    {
                        assert!(in_view(&w, css).await, "{css}: {state}, {height}, {}, {script}", language.as_str());
                    }
                    if script {
                        screenful(&w, &format!("{height}-{state}-{}", language.as_str())).await;
                    }
                }
            }
        }
        w.close().await;
    }
    // The countdown stops with the call, and says so.
    let w = Window::open("forgiving", true).await;
    for language in Language::ALL {
        shown_pages.status("waiting", 98);
        shown_pages.show(&w, "call waiting", language, 100).await;
        size(&w, 360, 740, "light").await;
        until(&w, "return document.querySelector('#seconds-left').textContent < 98").await;
        let line = js(&w, "return document.querySelector('#ring').textContent.trim()").await;
        let line = line.as_str().unwrap();
        let told = if language == Language::Ja {
            line.starts_with("残り9") && line.ends_with('秒')
        } else {
            line.ends_with(" seconds left") && line.starts_with('9')
        };
        assert!(told, "{line}");
        shown_pages.status("seen", 90);
        until(&w, "return document.querySelector('#call').dataset.state === 'seen'").await;
        assert!(in_view(&w, "#call-stopped").await && !in_view(&w, "#seconds-left").await);
        let left = js(&w, "return document.querySelector('#seconds-left').textContent").await;
        tokio::time::sleep(Duration::from_millis(2200)).await;
        assert_eq!(js(&w, "return document.querySelector('#seconds-left').textContent").await, left);
        let said = if language == Language::Ja {
            "残り時間の表示を終わりました。"
        } else {
            "The countdown has stopped."
        };
        w.wait_for(said).await;
    }
    // The text of a notice begins beside its icon, also on a telephone.
    for sample in ["account first", "call waiting", "phone first"] {
        shown_pages.show(&w, sample, Language::Ja, 100).await;
        size(&w, 360, 740, "light").await;
        let (icon, text) =
            (rect(&w, ".notice:has(> :is(p, ul)) > .icon").await, rect(&w, ".notice > :is(p, ul)").await);
        assert!(text.x >= icon.x + icon.width, "{sample}: {text:?} under {icon:?}");
    }
    w.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_page_says_is_what_its_button_does() {
    let shown_pages = ShownPages::open().await;
    let w = Window::open("forgiving", true).await;
    size(&w, 360, 664, "light").await;
    // The call is seen while the focus is on the number: it goes to the status, not to nowhere.
    for (state, focus, lost) in [
        ("seen", ".call-now", true),
        ("expired", "#called-number", true),
        ("seen", "#call-go", false),
        ("withheld", ".call-now", false),
    ] {
        shown_pages.status("waiting", 98);
        shown_pages.show(&w, "call waiting", Language::Ja, 100).await;
        js(&w, &format!("document.querySelector('{focus}').focus()")).await;
        let before = focused(&w).await;
        shown_pages.status(state, if state == "expired" { 0 } else { 90 });
        until(&w, &format!("return document.querySelector('#call').dataset.state === '{state}'")).await;
        let want = if lost { "call-status".to_owned() } else { before };
        assert_eq!(focused(&w).await, want, "{state} while the focus was on {focus}");
        let said = js(&w, "return document.activeElement.getClientRects().length > 0").await;
        assert_eq!(said, json!(true), "what has the focus is there to be seen");
    }
    // After the time: the status and the button offer the same, as the server would say it on a reloaded page.
    for (waiting, expired, button, value) in [
        (
            "call waiting",
            "お電話の期限が過ぎたため、新しい番号をご案内します（このあとのご案内は、残り1回です）。",
            "新しい番号を表示する",
            "next",
        ),
        (
            "call new number",
            "お電話の期限が過ぎたため、新しい番号をご案内します（今回が最後のご案内です）。",
            "新しい番号を表示する",
            "next",
        ),
        ("call last number", "API連携認証の最初に戻って操作してください。", "最初からやり直す", "restart"),
    ] {
        shown_pages.status("waiting", 1);
        shown_pages.show(&w, waiting, Language::Ja, 100).await;
        until(&w, "return document.querySelector('#seconds-left').textContent === '0'").await;
        assert_eq!(
            js(&w, "return document.querySelector('#call-go').value").await,
            "next",
            "only the server's clock decides"
        );
        shown_pages.status("expired", 0);
        until(&w, "return document.querySelector('#call').dataset.state === 'expired'").await;
        let shown = js(&w, "const b = document.querySelector('#call-go'); return [document.querySelector('#call-status').textContent, b.textContent, b.value, b.form.method]").await;
        assert_eq!(shown, json!([expired, button, value, "post"]), "{waiting}");
    }
    // Half a minute without a call: the question; with the call it goes.
    shown_pages.status("waiting", 91);
    shown_pages.show(&w, "call waiting", Language::Ja, 100).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let hidden = "return document.querySelector('#call-asks').getClientRects().length === 0";
    shown_pages.status("waiting", 90);
    until(&w, "return document.querySelector('#call-asks').getClientRects().length > 0").await;
    w.wait_for("お届けの電話（下4桁 3333）からおかけになっていますか。").await;
    shown_pages.status("seen", 80);
    until(&w, hidden).await;
    w.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_minutes_before_its_end_a_page_offers_more_time() {
    let shown_pages = ShownPages::open().await;
    let w = Window::open("forgiving", true).await;
    size(&w, 360, 664, "light").await;
    let now = renkei_core::clock::Instant::from_secs(1_795_310_100);
    let may_restart = std::cell::Cell::new(true);
    let put = |sample: &str, idle: u64, whole: u64| {
        let time = TimeLeft::at(now, now + Duration::from_secs(idle), now + Duration::from_secs(whole));
        let html = rendered(
            sample,
            &Chrome { time: Some(time), may_restart: may_restart.get(), ..samples::chrome(Language::Ja, false) },
        );
        shown_pages.put("/page", html);
    };
    let url = format!("http://localhost:{}/page", shown_pages.port);
    // Nothing is said before, but the times stand on the page.
    put("account first", 900, 1800);
    w.goto(&url).await;
    w.wait_for("操作がないと10時30分に、操作を続けても10時45分に終了します。").await;
    assert!(!w.text().await.contains("あと2分"));
    // Two minutes before the end of the pause: more time, and what is typed and not sent stays.
    put("account first", 121, 1800);
    w.goto(&url).await;
    w.type_in("branch", "115").await;
    w.wait_for("操作がないため、あと2分でお手続きを終了します。").await;
    screenful(&w, "idle-soon").await;
    put("account first", 900, 1800);
    w.press_text("手続きを続ける").await;
    w.wait_for("お手続きの時間を延ばしました。").await;
    assert!(!w.text().await.contains("あと2分"));
    assert_eq!(
        js(&w, "return [document.querySelector('#branch').value, document.activeElement !== document.body]").await,
        json!(["115", true])
    );
    // Two minutes before the end of the whole: the beginning, with what was typed in the same form.
    for sample in ["account first", "customer first", "phone first", "call waiting", "pin first", "consent choose"] {
        put(sample, 300, 120);
        w.goto(&url).await;
        w.wait_for("お手続きの制限時間まで、あと2分です。").await;
        let form = "const b = document.querySelector('#time-again'); return [b.name, b.value, b.form.method, b.form.elements.step.value, b.getClientRects().length]";
        assert_eq!(js(&w, form).await, json!(["action", "restart", "post", "step-sample", 1]), "{sample}");
        // The button sends it, and Enter in a field stays 次へ.
        let listen = "window.sent = []; window.addEventListener('submit', (e) => { e.preventDefault(); e.stopImmediatePropagation(); window.sent.push(e.submitter.value); }, true);";
        js(&w, listen).await;
        js(&w, "document.querySelector('#time-again').click()").await;
        let field = js(&w, "const f = document.querySelector('#screen input:not([type=hidden], [type=checkbox], [type=radio])'); f?.focus(); return !!f").await;
        if field == json!(true) {
            w.keys("\u{e007}").await;
            assert_eq!(js(&w, "return window.sent").await, json!(["restart", "next"]), "{sample}");
        } else {
            assert_eq!(js(&w, "return window.sent").await, json!(["restart"]), "{sample}");
        }
        if sample == "account first" || sample == "call waiting" {
            screenful(&w, &format!("whole-soon-{}", &sample[..4])).await;
        }
    }
    // It has begun anew as often as it may: the end is said, and nothing is offered that would not be done.
    may_restart.set(false);
    put("account first", 300, 120);
    w.goto(&url).await;
    w.wait_for("お手続きの制限時間まで、あと2分です。").await;
    assert_eq!(js(&w, "return document.querySelector('#time-again')").await, Value::Null);
    may_restart.set(true);
    // After the end the page that says what happened is loaded.
    put("account first", 1, 1800);
    w.goto(&url).await;
    shown_pages.put("/page", rendered("expired idle", &samples::chrome(Language::Ja, false)));
    w.wait_for("15分間操作がなかったため、安全のため、お手続きを終了しました。").await;
    screenful(&w, "expired-idle").await;
    // ② and ⑤ say that the core bank is asked, from the press to the answer.
    for sample in ["customer first", "pin first"] {
        put(sample, 900, 1800);
        w.goto(&url).await;
        let press = "window.addEventListener('submit', (e) => e.preventDefault()); document.querySelector('button[value=next]').click(); \
                     const said = () => [document.querySelector('.asking').textContent, document.querySelector('#screen').getAttribute('aria-busy')]; \
                     const first = said(); window.dispatchEvent(new Event('pageshow')); return [first, said()]";
        let busy = json!([["当信用組合のシステムに確認しています。しばらくお待ちください。", "true"], ["", null]]);
        assert_eq!(js(&w, press).await, busy, "{sample}");
    }
    w.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_call_of_a_customer_with_script_and_without() {
    let demo = Demo::start(&[]);
    for script in [true, false] {
        let w = Window::open("forgiving", script).await;
        size(&w, 360, 664, "light").await;
        w.goto(&demo.app()).await;
        w.press_text("口座を連携する").await;
        w.wait_for("お手続きには5分ほどかかります。開始から30分を過ぎると、最初からのやり直しとなります。").await;
        assert!(w.text().await.contains("電話で操作を指示されている場合は中止してください。"));
        screenful(&w, &format!("demo-account-{script}")).await;
        w.type_in("branch", "115").await;
        w.type_in("account_number", "1100026").await;
        w.press("next").await;
        w.wait_for("お客様情報").await;
        for (name, text) in [
            ("name_kana", "データ　タロウ"),
            ("birth_year", "1985"),
            ("phone", "09012343333"),
            ("email", "taro@example.jp"),
            ("email_confirm", "taro@example.jp"),
        ] {
            w.type_in(name, text).await;
        }
        w.choose("birth_month", 4).await;
        w.choose("birth_day", 12).await;
        w.press("next").await;
        w.wait_for("*****3333").await;
        w.press("next").await;
        w.wait_for("に終了します").await;
        size(&w, 360, 664, "light").await;
        in_first_screenful(&w, "④ of the demo", 360.0, 664.0).await;
        let number = w.driver.find(By::Id("called-number")).await.unwrap();
        let to = number.attr("data-called-number").await.unwrap().unwrap();
        let call = json!({ "from": "09012343333", "to": to, "withheld": false }).to_string();
        if script {
            js(&w, "document.querySelector('.call-now').focus()").await;
        }
        let request = reqwest::Client::new().post(format!("{}/calls", demo.simulator()));
        let answer = request.header("content-type", "application/json").body(call).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        if script {
            w.wait_for("お電話を確認しました").await;
            assert_eq!(focused(&w).await, "call-status");
        } else {
            w.driver.refresh().await.unwrap();
            w.wait_for("お電話を確認しました").await;
        }
        size(&w, 360, 664, "light").await;
        in_first_screenful(&w, "④ of the demo, called", 360.0, 664.0).await;
        screenful(&w, &format!("demo-seen-{script}")).await;
        w.press("next").await;
        w.wait_for("キャッシュカードの暗証番号").await;
        w.close().await;
    }
    assert!(demo.stop("-TERM").success());
}
