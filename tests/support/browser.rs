//! A customer's browser without script: cookies, forms, and a verb for each screen.

use super::html::Page;
use super::http::{Answer, Http, RequestParts, query};
use std::collections::BTreeMap;

/// What a customer types on ②.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub name_kana: String,
    pub birth: (String, String, String),
    pub phone: String,
    pub email: String,
}
impl Customer {
    /// ﾃﾞｰﾀ ﾀﾛｳ, the sample customer (requirements.md#demo).
    pub(crate) fn taro() -> Self {
        Self {
            name_kana: "データ　タロウ".into(),
            birth: ("1985".into(), "4".into(), "12".into()),
            phone: "09012343333".into(),
            email: "taro@example.jp".into(),
        }
    }
    /// ﾔﾏﾀﾞ ﾊﾅｺ of 005 ordinary 0000123, who has a fixed line.
    pub(crate) fn hanako() -> Self {
        Self {
            name_kana: "やまだ　はなこ".into(),
            birth: ("1990".into(), "12".into(), "01".into()),
            phone: "0438201122".into(),
            email: "hanako@example.jp".into(),
        }
    }
    pub(crate) fn with_phone(mut self, phone: &str) -> Self {
        self.phone = phone.into();
        self
    }
    pub(crate) fn born(mut self, y: &str, m: &str, d: &str) -> Self {
        self.birth = (y.into(), m.into(), d.into());
        self
    }
}

/// One browser.
#[derive(Clone)]
pub(crate) struct Browser {
    http: Http,
    pub cookies: BTreeMap<String, String>,
    /// The caller's address as the proxy in front tells it.
    pub address: String,
    /// Where we are; the app's address once we have left.
    pub url: String,
    /// What we see.
    pub answer: Answer,
    /// What this browser says of itself with every request: `user-agent` and the like.
    pub says: Vec<(&'static str, String)>,
    /// The page of another site whose link `open` follows.
    pub came_from: Option<String>,
    referer: Option<String>,
}

impl Browser {
    pub(crate) fn new(http: Http, address: &str) -> Self {
        let answer = Answer { status: 0, headers: Default::default(), body: String::new() };
        let (cookies, says) = (BTreeMap::new(), vec![("accept-language", "ja".to_owned())]);
        Self {
            http,
            cookies,
            address: address.into(),
            url: String::new(),
            answer,
            says,
            came_from: None,
            referer: None,
        }
    }
    /// The same browser, whose next request reaches another node.
    pub(crate) fn through(&self, http: Http) -> Self {
        Self { http, ..self.clone() }
    }
    /// The server's name.
    pub(crate) fn issuer(&self) -> &str {
        &self.http.issuer
    }
    pub(crate) fn page(&self) -> Page {
        self.answer.page()
    }
    pub(crate) fn status(&self) -> u16 {
        self.answer.status
    }
    /// The screen we are on: the last part of the address.
    pub(crate) fn screen(&self) -> &str {
        self.url.split('?').next().unwrap().rsplit('/').next().unwrap()
    }
    /// `/link/{interaction}`
    pub(crate) fn interaction(&self) -> String {
        let path = self.http.ours(&self.url).unwrap().split('?').next().unwrap();
        path.rsplit_once('/').unwrap().0.to_owned()
    }
    /// The name of the cookie that makes the interaction we are in ours.
    pub(crate) fn cookie_name(&self) -> String {
        format!("__Host-renkei-{}", &self.interaction().rsplit_once('/').unwrap().1[..8])
    }
    /// Its value.
    pub(crate) fn cookie(&self) -> String {
        self.cookies[&self.cookie_name()].clone()
    }
    pub(crate) fn has_left(&self) -> bool {
        self.http.ours(&self.url).is_none()
    }

    /// Goes to an address and follows the server's redirects until a page shows or the app is reached.
    pub(crate) async fn open(&mut self, url: &str) -> &mut Self {
        self.referer.clone_from(&self.came_from);
        let answer = self.request("GET", url, RequestParts::default().header("sec-fetch-site", "cross-site")).await;
        self.follow(url, answer).await
    }
    /// The same page once more.
    pub(crate) async fn reload(&mut self) -> &mut Self {
        let url = self.url.clone();
        self.open(&url).await
    }
    /// Presses a button, sending the form as it stands with `typed` in it.
    pub(crate) async fn press(&mut self, action: &str, typed: &[(&str, &str)]) -> &mut Self {
        let answer = self.submit(action, typed).await;
        let url = self.url.clone();
        self.follow(&url, answer).await
    }
    /// The form of the page as `press` would send it.
    pub(crate) fn filled(&self, action: &str, typed: &[(&str, &str)]) -> Vec<(String, String)> {
        let form = self.page().form_with(action);
        let form = form.unwrap_or_else(|| panic!("no button {action} on {}: {}", self.url, self.page().text()));
        assert_eq!(form.method, "post");
        let mut fields = form.fields;
        for (name, value) in typed {
            assert!(form.names.iter().any(|n| n == name), "no field {name} on {}", self.url);
            fields.retain(|(n, _)| n != name);
            fields.push(((*name).into(), (*value).into()));
        }
        fields.push(("action".into(), action.into()));
        fields
    }
    /// Sends the form and shows what comes back, without following it.
    pub(crate) async fn submit(&mut self, action: &str, typed: &[(&str, &str)]) -> Answer {
        let fields = self.filled(action, typed);
        let url = self.url.clone();
        // `Referrer-Policy: same-origin`: a page of ours is named whole to ourselves.
        self.referer = self.http.ours(&url).map(|path| format!("{}{path}", self.http.issuer));
        self.post(&url, &fields).await
    }
    /// A POST of a form of ours, as a browser sends it.
    pub(crate) async fn post(&mut self, url: &str, fields: &[(String, String)]) -> Answer {
        let ask = RequestParts::default().form(fields).header("sec-fetch-site", "same-origin");
        let ask = ask.header("origin", self.http.issuer.clone());
        self.request("POST", url, ask).await
    }
    pub(crate) async fn request(&mut self, method: &str, url: &str, mut ask: RequestParts) -> Answer {
        ask = ask.header("x-forwarded-for", self.address.clone());
        if let Some(page) = &self.referer {
            ask = ask.header("referer", page.clone());
        }
        ask = self.says.iter().fold(ask, |ask, (name, value)| ask.header(name, value.clone()));
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
            ask = ask.header("cookie", pairs.join("; "));
        }
        let answer = self.http.send(method, url, ask).await;
        for set in answer.headers.get_all("set-cookie") {
            let text = set.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            assert!(text.contains("HttpOnly") && text.contains("SameSite=Lax") && text.contains("Path=/"), "{text}");
            if value.is_empty() || text.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.into(), value.into());
            }
        }
        answer
    }
    /// Follows `answer`, which came from `url`, to where it leads.
    pub(crate) async fn follow(&mut self, url: &str, mut answer: Answer) -> &mut Self {
        let mut url = url.to_owned();
        for _ in 0..5 {
            if !(300..400).contains(&answer.status) {
                break;
            }
            assert_eq!(answer.status, 303, "every redirect of ours is a 303");
            url = answer.location().to_owned();
            if self.http.ours(&url).is_none() {
                break;
            }
            answer = self.request("GET", &url, RequestParts::default().header("sec-fetch-site", "same-origin")).await;
        }
        (self.url, self.answer) = (url, answer);
        self
    }

    // ---- the screens ----------------------------------------------------------------------------------------------

    /// ① `115-1100026` or `115-savings-2200011`.
    pub(crate) async fn account(&mut self, account: &str) -> &mut Self {
        let parts: Vec<&str> = account.split('-').collect();
        let (branch, kind, number) = match parts[..] {
            [branch, number] => (branch, "ordinary", number),
            [branch, kind, number] => (branch, kind, number),
            _ => panic!("{account} is not an account"),
        };
        self.press("next", &[("branch", branch), ("account_type", kind), ("account_number", number)]).await
    }
    /// ②
    pub(crate) async fn customer(&mut self, c: &Customer) -> &mut Self {
        self.press("next", &Self::typed(c)).await
    }
    pub(crate) fn typed(c: &Customer) -> [(&'static str, &str); 7] {
        [
            ("name_kana", &c.name_kana),
            ("birth_year", &c.birth.0),
            ("birth_month", &c.birth.1),
            ("birth_day", &c.birth.2),
            ("phone", &c.phone),
            ("email", &c.email),
            ("email_confirm", &c.email),
        ]
    }
    /// The same for the fields that a page has: the own page asks for fewer.
    pub(crate) fn typed_on(page: &Page, c: &Customer) -> Vec<(&'static str, String)> {
        let names = page.form_with("next").unwrap().names;
        let typed = Self::typed(c).into_iter().filter(|(name, _)| names.iter().any(|n| n == name));
        typed.map(|(name, value)| (name, value.to_owned())).collect()
    }
    /// ③ → the number to call.
    pub(crate) async fn settle_phone(&mut self) -> String {
        self.press("next", &[]).await;
        self.called_number()
    }
    /// ④'s number.
    pub(crate) fn called_number(&self) -> String {
        let number = self.page().attribute("called-number", "data-called-number");
        number.unwrap_or_else(|| panic!("no number to call on {}: {}", self.url, self.page().text()))
    }
    /// ④ 確定する
    pub(crate) async fn confirm_call(&mut self) -> &mut Self {
        self.press("next", &[]).await
    }
    /// ⑤
    pub(crate) async fn pin(&mut self, pin: &str) -> &mut Self {
        self.press("next", &[("pin", pin)]).await
    }
    /// ⑥ with the tick; → what the app is given.
    pub(crate) async fn allow(&mut self) -> BTreeMap<String, String> {
        self.press("allow", &[("agree", "yes")]).await;
        self.handed_to_app()
    }
    /// 連携元画面へ; → what the app is given.
    pub(crate) async fn return_to_app(&mut self) -> BTreeMap<String, String> {
        self.press("return", &[]).await;
        self.handed_to_app()
    }
    /// The parameters with which the app was reached.
    pub(crate) fn handed_to_app(&self) -> BTreeMap<String, String> {
        assert!(self.has_left(), "still on {} ({}): {}", self.url, self.status(), self.page().text());
        query(&self.url)
    }
    /// The message above the form, if there is one.
    pub(crate) fn summary(&self) -> String {
        self.page().id("error-summary").unwrap_or_default()
    }
}
