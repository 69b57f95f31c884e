//! RFC 9700 §4.7, §4.16, §4.17: the customer's browser in other hands. Forged forms on each screen, frames, other windows,
//! cookies somebody else has put there, and addresses of other customers.

use super::{on_sqlite, raw};
use crate::support::browser::{Browser, Customer};
use crate::support::http::{RequestParts, encode};
use crate::support::town::{Town, on_both};

on_both!(no_form_of_any_screen_is_taken_from_elsewhere, somebody_elses_interaction_answers_like_none);
on_sqlite!(
    no_page_lets_itself_be_framed,
    nothing_is_said_to_other_windows,
    a_tossed_cookie_opens_nothing,
    a_neighbours_cookie_disturbs_nothing,
    a_cookie_that_was_brought_along_is_never_adopted,
);

const SCREENS: [&str; 6] = ["account", "customer", "phone", "call", "pin", "consent"];

async fn begun(w: &Town) -> Browser {
    let mut browser = w.browser();
    browser.open(&w.creco().push("accounts").await.url).await;
    browser
}

/// What the right customer would type here.
fn typed<'a>(screen: &str, taro: &'a Customer) -> Vec<(&'static str, &'a str)> {
    match screen {
        "account" => vec![("branch", "115"), ("account_number", "1100026")],
        "customer" => Browser::typed(taro).to_vec(),
        "pin" => vec![("pin", "4071")],
        "consent" => vec![("agree", "yes")],
        _ => Vec::new(),
    }
}

async fn no_form_of_any_screen_is_taken_from_elsewhere(w: &Town) {
    let taro = Customer::taro();
    let mut browser = begun(w).await;
    let mut attackers = begun(w).await;
    let mut before: Option<String> = None;
    for screen in SCREENS {
        browser.walk_to(w, screen).await;
        attackers.walk_to(w, if screen == "consent" { "pin" } else { screen }).await;
        if screen == "call" {
            let to = browser.called_number();
            w.phone.call("09012343333", &to).await.expect(204);
        }
        let url = browser.url.clone();
        let next = if screen == "consent" { "allow" } else { "next" };
        let good = browser.filled(next, &typed(screen, &taro));
        let step = good.iter().find(|(n, _)| n == "step").unwrap().1.clone();
        let theirs = attackers.page().forms().into_iter().flat_map(|f| f.fields).find(|(n, _)| n == "step").unwrap().1;
        let stop = if screen == "consent" { "deny" } else { "cancel" };
        let with_step = |step: Option<&str>| {
            let mut fields = good.clone();
            fields.retain(|(n, _)| n != "step");
            fields.extend(step.map(|s| ("step".to_owned(), s.to_owned())));
            fields
        };
        let issuer = w.http.issuer.as_str();
        // Whatever a page elsewhere makes this browser send, with this browser's cookie and even the right step.
        for (headers, why) in [
            (vec![], "no word where it comes from"),
            (vec![("origin", "https://evil.example")], "another origin"),
            (vec![("origin", "null")], "a sandbox"),
            (vec![("origin", "http://link.renkei.test")], "our name without TLS"),
            (vec![("origin", "https://link.renkei.test.evil.example")], "our name as a subdomain"),
            (vec![("origin", "https://link.renkei.test:444")], "another port"),
            (vec![("sec-fetch-site", "cross-site"), ("origin", issuer)], "the browser knows better"),
            (vec![("sec-fetch-site", "same-site"), ("origin", issuer)], "a sibling of ours"),
            (vec![("sec-fetch-site", "none")], "typed by nobody"),
            (vec![("referer", url.as_str())], "a Referer alone"),
        ] {
            for fields in [&good, &vec![("step".into(), step.clone()), ("action".into(), stop.into())]] {
                let ask = headers.iter().fold(RequestParts::default().form(fields), |ask, (n, v)| ask.header(n, *v));
                let answer = browser.request("POST", &url, ask).await;
                assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{screen}: {why}");
            }
        }
        // From the right origin, but not from the page this browser was shown last.
        for (step, why) in [
            (None, "no step"),
            (Some(""), "an empty step"),
            (Some(theirs.as_str()), "the attacker's step"),
            (before.as_deref(), "the step of the screen before"),
            (Some(&step[1..]), "the step cut short"),
        ] {
            for fields in [
                with_step(step),
                vec![("step".into(), step.unwrap_or_default().into()), ("action".into(), stop.into())],
            ] {
                let answer = browser.post(&url, &fields).await;
                assert_eq!(answer.status, 303, "{screen}: {why}");
                assert_eq!(w.http.ours(answer.location()), w.http.ours(&url), "{screen}: {why}");
            }
        }
        browser.reload().await;
        assert_eq!((browser.status(), browser.screen()), (200, screen), "nothing of it was taken");
        before = Some(step);
    }
    assert_eq!(w.bank.pin_checks(), 1, "the one PIN that was typed to reach ⑥");
    assert!(w.events().await.iter().all(|e| e != "grant.created" && e != "consent.granted"));
    // A page that was left by GET: no address of ours changes anything.
    for action in ["?action=allow&agree=yes", "?action=deny", "?action=cancel"] {
        let url = format!("{}{action}", browser.url.split('?').next().unwrap());
        assert_eq!(browser.open(&url).await.screen(), "consent", "{action}");
    }
    assert!(browser.allow().await.contains_key("code"));
}

async fn no_page_lets_itself_be_framed(w: &Town) {
    let framed = |browser: &Browser, what: &str| {
        let answer = &browser.answer;
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{what}");
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{what}: {policy}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{what}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
        // What everybody may read a script of any origin may read; what a cookie opens never.
        let public = ["the keys", "the metadata"].contains(&what);
        assert_eq!(answer.header("access-control-allow-origin"), public.then_some("*"), "{what}");
        assert!(answer.header("access-control-allow-credentials").is_none(), "{what}");
    };
    let mut browser = begun(w).await;
    for screen in SCREENS {
        browser.walk_to(w, screen).await;
        framed(&browser, screen);
    }
    browser.press("deny", &[]).await;
    assert_eq!(browser.screen(), "cancelled");
    framed(&browser, "cancelled");
    for (url, what) in [
        ("/oauth/authorize?client_id=nobody", "the page of a refused request"),
        ("/link/AAAAAAAAAAAAAAAAAAAAAA/account", "somebody else's way"),
        ("/nowhere", "no page"),
        ("/oauth/jwks", "the keys"),
        ("/assets/renkei.js", "a script"),
        ("/.well-known/openid-configuration", "the metadata"),
    ] {
        let mut browser = w.browser();
        browser.answer = browser.request("GET", url, RequestParts::default()).await;
        framed(&browser, what);
    }
    let mut browser = begun(w).await;
    w.clock.advance(std::time::Duration::from_secs(3 * 3600));
    browser.reload().await;
    framed(&browser, "expired");
    // The page that carries the answer by itself.
    let app = w.kakeibo();
    let (_, mut fields) = app.request("accounts");
    fields.extend([("response_mode", "form_post".to_owned()), ("prompt", "none".to_owned())]);
    let url = format!("/oauth/authorize?{}", crate::support::http::encode(&fields));
    browser.answer = browser.request("GET", &url, RequestParts::default()).await;
    assert!(browser.page().html().contains("login_required"));
    framed(&browser, "form_post");
}

/// §4.17: no answer is posted to a window, and nobody keeps a handle on ours.
async fn nothing_is_said_to_other_windows(w: &Town) {
    let app = w.kakeibo();
    for mode in ["web_message", "fragment", "fragment.jwt", "postmessage", "cookie"] {
        let (_, mut fields) = app.request("accounts");
        fields.push(("response_mode", mode.into()));
        let answer = w.http.get(&format!("/oauth/authorize?{}", crate::support::http::encode(&fields))).await;
        assert_eq!(answer.status, 303, "{mode}");
        assert!(answer.location().contains("error=invalid_request") && !answer.location().contains('#'), "{mode}");
    }
    for script in ["renkei.js", "post.js"] {
        let text = w.http.get(&format!("/assets/{script}")).await.expect(200).body;
        for word in [
            "postMessage",
            "opener",
            "window.open",
            "addEventListener(\"message\"",
            "eval(",
            "innerHTML",
            "document.write",
        ] {
            assert!(!text.contains(word), "{script} says {word}");
        }
    }
    let (mut browser, mut elsewhere) = (begun(w).await, 0);
    for screen in SCREENS {
        browser.walk_to(w, screen).await;
        let html = browser.page().html().to_owned();
        assert!(!html.contains("onclick=") && !html.contains("<script>") && !html.contains("javascript:"), "{screen}");
        for link in html.split("<a ").skip(1).filter_map(|t| t.split('>').next()).filter(|t| t.contains("_blank")) {
            assert!(link.contains("noopener"), "{screen}: {link}");
            elsewhere += 1;
        }
    }
    assert!(elsewhere > 0, "some link opens a window of its own");
}

/// A sibling host or a plain-http page puts cookies into the customer's browser.
async fn a_tossed_cookie_opens_nothing(w: &Town) {
    let (mut victim, mut attacker) = (begun(w).await, begun(w).await);
    victim.walk_to(w, "customer").await;
    attacker.walk_to(w, "account").await;
    let (own, theirs) = (victim.cookie(), attacker.cookie());
    let (name, other) = (victim.cookie_name(), attacker.cookie_name());
    let label = name.strip_prefix("__Host-renkei-").unwrap();
    let see = async |url: &str, cookie: String| {
        let ask = RequestParts::default().header("cookie", cookie).header("sec-fetch-site", "same-origin");
        w.http.send("GET", url, ask).await
    };
    for (cookie, why) in [
        (format!("renkei-{label}={own}"), "without the prefix the browser guards"),
        (format!("__host-renkei-{label}={own}"), "another name"),
        (format!("__Host-renkei={own}"), "without the interaction"),
        (format!("{name} ={own}x"), "nearly the name"),
        (format!("{other}={own}"), "under another interaction's name"),
        (format!("{name}={theirs}"), "the attacker's own"),
        (format!("{name}={theirs}; {name}={theirs}"), "twice the attacker's"),
        (format!("{name}={}", own.to_uppercase()), "in other letters"),
        (format!("{name}={own}{theirs}"), "both in one"),
        (format!("{name}="), "an empty one"),
        (format!("{name}={}", "A".repeat(8000)), "a long one"),
        (format!("x=\"{name}={own}\""), "within another"),
    ] {
        let answer = see(&victim.url, cookie).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{why}");
    }
    // Two of the name: one of them is read, and it decides alone. Nothing of one interaction shows in the other.
    for cookie in [format!("{name}={theirs}; {name}={own}"), format!("{name}={own}; {name}={theirs}")] {
        assert!(matches!(see(&victim.url, cookie.clone()).await.status, 200 | 403));
        assert_eq!(see(&attacker.url, cookie).await.status, 403);
    }
    // Each opens its own, whatever stands beside it.
    let both = format!("\u{fffd}=1; {other}={theirs}; {name}={own}; __Host-renkei-typed=x");
    assert_eq!(see(&victim.url, both.clone()).await.status, 200);
    assert_eq!(see(&attacker.url, both).await.status, 200);
    assert_eq!(victim.reload().await.screen(), "customer", "the customer goes on");
    let set = w.browser().request("GET", &w.creco().push("accounts").await.url, RequestParts::default()).await;
    let set = set.header("set-cookie").unwrap().to_owned();
    assert!(set.starts_with("__Host-renkei-") && set.contains("; Secure") && !set.contains("Domain"), "{set}");
}

/// What a neighbour on our domain has set comes with every request: bytes that are no text, names without a value.
async fn a_neighbours_cookie_disturbs_nothing(w: &Town) {
    let neighbours: [&[u8]; 5] = [b"\x83N\x83b\x83L\x81[=\x83e\x83X\x83g", b"flag", b"=", b"a=%zz", b"a=\xff\xfe"];
    let mut browser = w.browser();
    let url = w.creco().push("accounts").await.url;
    browser.open(&url).await;
    let url = w.http.ours(&url).unwrap();
    let path = w.http.ours(&browser.url).unwrap().to_owned();
    let own = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let ask = async |line: &str, more: &[u8], body: &str| {
        let head = format!(
            "{line} HTTP/1.1\r\nhost: link.renkei.test\r\nconnection: close\r\nsec-fetch-site: same-origin\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
            body.len()
        );
        raw(w, &[head.as_bytes(), more, b"\r\n\r\n", body.as_bytes()].concat()).await
    };
    for neighbour in neighbours {
        for cookies in [
            [b"cookie: ", own.as_bytes(), b"; ", neighbour].concat(),
            [b"cookie: ", neighbour, b"; ", own.as_bytes()].concat(),
            [b"cookie: ", neighbour, b"\r\ncookie: ", own.as_bytes()].concat(),
        ] {
            let shown = ask(&format!("GET {path}"), &cookies, "").await;
            assert!(shown.starts_with("HTTP/1.1 200 "), "{neighbour:?}: {shown}");
            let again = ask(&format!("GET {url}"), &cookies, "").await;
            assert!(again.contains("HTTP/1.1 303 ") && !again.contains("set-cookie"), "{neighbour:?}: {again}");
        }
    }
    let form = browser.filled("next", &[("branch", "115"), ("account_number", "1100026")]);
    let cookies = [b"cookie: ", neighbours[0], b"; ", own.as_bytes()].concat();
    let taken = ask(&format!("POST {path}"), &cookies, &encode(&form)).await;
    assert!(taken.starts_with("HTTP/1.1 303 ") && taken.contains("/customer"), "{taken}");
}

/// Session fixation: what identifies a browser is made here, and made anew.
async fn a_cookie_that_was_brought_along_is_never_adopted(w: &Town) {
    let fixed = "A".repeat(43);
    let mut victim = w.browser();
    victim.cookies.insert("__Host-renkei-AAAAAAAA".into(), fixed.clone());
    victim.open(&w.creco().push("accounts").await.url).await;
    let first = victim.cookie();
    assert_ne!(first, fixed);
    let mut attacker = w.browser();
    attacker.cookies.insert("__Host-renkei-AAAAAAAA".into(), fixed.clone());
    attacker.cookies.insert(victim.cookie_name(), fixed);
    assert_eq!(attacker.open(&victim.url).await.status(), 403);
    // Nor does the attacker's own live cookie carry over to a request of somebody else's.
    let mut attacker = begun(w).await;
    let known = (attacker.cookie_name(), attacker.cookie());
    let (planted, request) = (attacker.cookies.clone(), w.creco().push("accounts").await.url);
    attacker.open(&request).await;
    assert_ne!((attacker.cookie_name(), attacker.cookie()), known, "another request, another interaction");
    // Planted before ①: the victim's browser gets an interaction and a cookie that the attacker does not know.
    let mut fooled = w.browser();
    fooled.cookies = planted;
    fooled.open(&w.creco().push("accounts").await.url).await;
    fooled.walk_to(w, "customer").await;
    assert_ne!((fooled.cookie_name(), fooled.cookie()), known);
    let mut peeping = w.browser();
    peeping.cookies.insert(known.0, known.1);
    assert_eq!(peeping.open(&fooled.url).await.status(), 403);
    // What was known before the customer proved who they are is worth nothing after it.
    victim.walk_to(w, "consent").await;
    assert_ne!(victim.cookie(), first, "the cookie changes on the way");
    let mut thief = w.browser();
    thief.cookies.insert(victim.cookie_name(), first);
    thief.open(&victim.url).await;
    assert!(thief.status() == 403, "{} {}", thief.status(), thief.url);
    assert_eq!(victim.reload().await.screen(), "consent");
}

/// Broken object level authorization: the address of another customer's way says as much as one that does not exist.
async fn somebody_elses_interaction_answers_like_none(w: &Town) {
    let (mut owner, mut stranger) = (begun(w).await, begun(w).await);
    owner.walk_to(w, "call").await;
    let (theirs, none) = (owner.interaction(), "/link/AAAAAAAAAAAAAAAAAAAAAA".to_owned());
    let step = stranger.page().forms().into_iter().flat_map(|f| f.fields).find(|(n, _)| n == "step").unwrap().1;
    let form = [("step".to_owned(), step), ("action".to_owned(), "cancel".to_owned())];
    for path in ["account", "call", "pin", "consent", "done", "call/status"] {
        let mut answers = Vec::new();
        for base in [&theirs, &none] {
            let url = format!("{base}/{path}");
            let mut both = vec![
                stranger.request("GET", &url, RequestParts::default()).await,
                w.browser().request("GET", &url, RequestParts::default()).await,
            ];
            if path != "call/status" {
                both.push(stranger.post(&url, &form).await);
            }
            answers.push(both.into_iter().map(|a| (a.status, a.body)).collect::<Vec<_>>());
        }
        assert_eq!(answers[0], answers[1], "{path}");
        assert!(answers[0].iter().all(|(status, _)| matches!(status, 403 | 404)), "{path}: {:?}", answers[0]);
    }
    for id in ["..%2f..", "%00", "' or 1=1 --", "a".repeat(129).as_str(), "%e3%81%82"] {
        let answer = stranger
            .request("GET", &format!("/link/{}/account", id.replace(' ', "%20")), RequestParts::default())
            .await;
        assert!(matches!(answer.status, 400 | 403 | 404), "{id}: {}", answer.status);
    }
    assert_eq!(owner.reload().await.screen(), "call");
}
