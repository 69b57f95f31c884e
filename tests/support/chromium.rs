//! Debian's Chromium, driven by chromedriver: one driver for the whole run, a window for each story.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use thirtyfour::prelude::*;

/// A window of phone size.
pub(crate) struct Window {
    pub driver: WebDriver,
    chromedriver: Child,
    story: &'static str,
    shots: AtomicU32,
    script: bool,
}

/// How wide a small phone is, in CSS pixels.
const WIDTH: u32 = 375;

impl Window {
    /// Opens a window; without script when `script` is false, by Chromium's own content setting.
    pub(crate) async fn open(story: &'static str, script: bool) -> Self {
        let mut chromedriver = Command::new("chromedriver")
            .args(["--port=0", "--allowed-ips=127.0.0.1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed by tests/run");
        let mut out = BufReader::new(chromedriver.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert!(out.read_line(&mut line).unwrap() > 0, "chromedriver did not start");
            if let Some(port) = line.trim().strip_suffix('.').and_then(|l| l.rsplit_once("on port ")) {
                break port.1.to_owned();
            }
        };
        std::thread::spawn(move || for _ in out.lines().map_while(Result::ok) {});
        let mut options = DesiredCapabilities::chrome();
        for arg in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"] {
            options.add_arg(arg).unwrap();
        }
        options.add_arg("--lang=ja").unwrap();
        // chromedriver waits for ever for the end of a touch where script is off; there it clicks.
        let phone = json!({ "deviceMetrics": { "width": WIDTH, "height": 812, "pixelRatio": 2.0, "touch": script, "mobile": true } });
        options.add_experimental_option("mobileEmulation", phone).unwrap();
        let setting = if script { 1 } else { 2 };
        let prefs =
            json!({ "intl.accept_languages": "ja", "profile.managed_default_content_settings.javascript": setting });
        options.add_experimental_option("prefs", prefs).unwrap();
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), options).await.unwrap();
        Self { driver, chromedriver, story, shots: AtomicU32::new(1), script }
    }
    pub(crate) async fn close(mut self) {
        self.driver.clone().quit().await.unwrap();
        let _ = self.chromedriver.kill();
        let _ = self.chromedriver.wait();
    }

    // ---- doing ------------------------------------------------------------------------------------------------------

    pub(crate) async fn goto(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }
    /// The element with this id or name.
    pub(crate) async fn field(&self, name: &str) -> WebElement {
        let css = format!("[name='{name}']:not([type=hidden])");
        self.driver.find(By::Css(css)).await.unwrap_or_else(|e| panic!("no field {name}: {e}"))
    }
    pub(crate) async fn tick(&self, id: &str) {
        let tick = self.driver.find(By::Id(id)).await.unwrap_or_else(|e| panic!("no tick {id}: {e}"));
        tick.click().await.unwrap();
    }
    pub(crate) async fn type_in(&self, name: &str, text: &str) {
        let field = self.field(name).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }
    /// Chooses the option of a select whose value reads as this number.
    pub(crate) async fn choose(&self, name: &str, value: u32) {
        let css =
            format!("select[name='{name}'] option[value='{value}'], select[name='{name}'] option[value='{value:02}']");
        self.driver.find(By::Css(css)).await.unwrap().click().await.unwrap();
    }
    /// Presses the button with this action.
    pub(crate) async fn press(&self, action: &str) {
        let button = self.driver.find(By::Css(format!("button[name=action][value={action}]"))).await;
        let button = button.unwrap_or_else(|e| panic!("no button {action}: {e}"));
        button.click().await.unwrap();
    }
    /// Presses it twice in a moment, on a line where an answer takes 300 ms.
    pub(crate) async fn press_twice(&self, action: &str) {
        let line = |latency: u32| json!({ "offline": false, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.cdp("Network.enable", json!({})).await;
        self.cdp("Network.emulateNetworkConditions", line(300)).await;
        let button = self.driver.find(By::Css(format!("button[name=action][value={action}]"))).await.unwrap();
        self.driver.action_chain().double_click_element(&button).perform().await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.cdp("Network.emulateNetworkConditions", line(0)).await;
    }
    /// Presses the link or button that says this.
    pub(crate) async fn press_text(&self, text: &str) {
        let path = format!("//*[self::a or self::button or self::summary][contains(normalize-space(.), '{text}')]");
        let found = self.driver.find(By::XPath(path)).await.unwrap_or_else(|e| panic!("nothing says {text}: {e}"));
        found.click().await.unwrap();
    }
    pub(crate) async fn text(&self) -> String {
        self.driver.find(By::Css("body")).await.unwrap().text().await.unwrap()
    }
    /// Waits until the page says this.
    pub(crate) async fn wait_for(&self, text: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let said = match self.driver.find(By::Css("body")).await {
                Ok(body) => body.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if said.contains(text) {
                return;
            }
            let url = self.driver.current_url().await.unwrap();
            assert!(Instant::now() < until, "{url} never said {text} but: {said}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    // ---- judging ----------------------------------------------------------------------------------------------------

    /// Keeps a picture of the whole page and lets axe judge it: light, dark, and at 320 px.
    pub(crate) async fn judge(&self, name: &str) {
        self.picture(name).await;
        if !self.script {
            return; // axe is a script; it judges the very same page in the other story
        }
        self.axe(name, "light").await;
        self.cdp(
            "Emulation.setEmulatedMedia",
            json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] }),
        )
        .await;
        self.axe(name, "dark").await;
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": [] })).await;
        self.width(320).await;
        self.axe(name, "320 px").await;
        let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let wide = self.driver.execute(overflow, Vec::new()).await.unwrap().json().as_i64().unwrap();
        assert!(wide <= 0, "{name} is {wide} px wider than a screen of 320 px");
        self.width(WIDTH).await;
    }
    /// Keeps a picture at 360 and 1280 px, light and dark, and lets axe judge each; then nothing may be cut off with the text
    /// twice as large.
    pub(crate) async fn look_at(&self, name: &str) {
        for (width, mobile) in [(360, true), (1280, false)] {
            let metrics = json!({ "width": width, "height": 812, "deviceScaleFactor": 1, "mobile": mobile });
            self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
            for scheme in ["light", "dark"] {
                let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
                self.cdp("Emulation.setEmulatedMedia", features).await;
                self.picture(&format!("{name}-{width}-{scheme}")).await;
                self.axe(name, &format!("{width} px, {scheme}")).await;
            }
            self.fits(&format!("{name} at {width} px")).await;
        }
        self.width(360).await;
        let twice = "document.documentElement.style.fontSize = arguments[0]";
        self.driver.execute(twice, vec![json!("200%")]).await.unwrap();
        self.fits(&format!("{name} with text twice as large")).await;
        self.picture(&format!("{name}-twice")).await;
        self.driver.execute(twice, vec![json!("")]).await.unwrap();
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": [] })).await;
        self.width(WIDTH).await;
    }
    async fn fits(&self, what: &str) {
        let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let wide = self.driver.execute(overflow, Vec::new()).await.unwrap().json().as_i64().unwrap();
        assert!(wide <= 0, "{what}: {wide} px too wide");
    }
    /// Presses Tab until the focus is on an element of this kind that says this.
    pub(crate) async fn tab_to(&self, tag: &str, text: &str) {
        for _ in 0..60 {
            self.keys("\u{e004}").await;
            let focused = self.driver.active_element().await.unwrap();
            let on = focused.tag_name().await.unwrap() == tag && focused.text().await.unwrap().contains(text);
            if on {
                return;
            }
        }
        panic!("Tab never reaches {text}");
    }
    /// Types at the focus.
    pub(crate) async fn keys(&self, keys: &str) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }
    /// Prints the page on A4, keeps the PDF, and says how many sheets it takes.
    pub(crate) async fn print(&self, name: &str) -> usize {
        let a4 = json!({ "paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": false });
        let pdf = base64_of(self.cdp("Page.printToPDF", a4).await["data"].as_str().unwrap());
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/output")).join(self.story);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.pdf")), &pdf).unwrap();
        let text = String::from_utf8_lossy(&pdf);
        text.matches("/Type /Page\n").count()
            + text.matches("/Type /Page/").count()
            + text.matches("/Type /Page ").count()
    }
    async fn width(&self, width: u32) {
        let metrics = json!({ "width": width, "height": 812, "deviceScaleFactor": 2, "mobile": true });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    }
    async fn axe(&self, name: &str, how: &str) {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node_modules/axe-core/axe.min.js");
        let source = std::fs::read_to_string(source).expect("axe-core is installed by tests/run");
        self.driver.execute(source, Vec::new()).await.unwrap();
        let run = "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] }).then(\
                   r => done(r.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.target.join(' ') + ': ' + n.failureSummary)])),\
                   e => done([['critical', String(e), []]]))";
        let found = self.driver.execute_async(run, Vec::new()).await.unwrap().json().clone();
        let grave: Vec<&Value> =
            found.as_array().unwrap().iter().filter(|v| v[0] == "serious" || v[0] == "critical").collect();
        assert!(grave.is_empty(), "axe on {name} ({how}): {grave:#?}");
    }
    /// The whole page as a picture under tests/output.
    pub(crate) async fn picture(&self, name: &str) {
        let shot = self.cdp("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": true })).await;
        let png = base64_of(shot["data"].as_str().unwrap());
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/output")).join(self.story);
        std::fs::create_dir_all(&folder).unwrap();
        let n = self.shots.fetch_add(1, Ordering::SeqCst);
        std::fs::write(folder.join(format!("{n:02}-{name}.png")), png).unwrap();
    }
    pub(crate) async fn cdp(&self, method: &str, params: Value) -> Value {
        self.driver.cdp().send_raw(method, params).await.unwrap()
    }
}
impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.chromedriver.kill();
        let _ = self.chromedriver.wait();
    }
}

fn base64_of(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
