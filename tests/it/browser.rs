//! What a newcomer sees: the demo in Debian's Chromium at phone size, through all six screens, with script and without.

use crate::support::chromium::Window;
use crate::support::demo::Demo;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_screens_with_script() {
    all_screens("with-script", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_screens_without_script() {
    all_screens("without-script", false).await;
}

async fn all_screens(story: &'static str, script: bool) {
    let demo = Demo::start(&[]);
    let w = Window::open(story, script).await;

    w.goto(&demo.app()).await;
    w.judge("app").await;
    w.press_text("口座を連携する").await;

    w.wait_for("ご利用口座情報入力").await;
    w.judge("account").await;
    if script {
        a_second_press_is_not_sent(&w).await;
    }
    w.press("next").await;
    w.wait_for("入力されていない項目があります。").await;
    w.judge("account-error").await;
    w.type_in("branch", "115").await;
    w.type_in("account_number", "1100026").await;
    w.press("next").await;

    w.wait_for("お客様情報").await;
    w.judge("customer").await;
    w.type_in("name_kana", "データ　タロウ").await;
    w.type_in("birth_year", "1985").await;
    w.choose("birth_month", 4).await;
    w.choose("birth_day", 12).await;
    w.type_in("phone", "09012343333").await;
    w.type_in("email", "taro@example.jp").await;
    w.type_in("email_confirm", "taro@example.jp").await;
    w.press("next").await;

    w.wait_for("*****3333").await;
    w.judge("phone").await;
    w.press("next").await;

    w.wait_for("電話番号認証").await;
    let number = w.driver.find(thirtyfour::By::Id("called-number")).await.unwrap();
    let to = number.attr("data-called-number").await.unwrap().unwrap();
    w.judge("call").await;
    w.press("next").await;
    w.wait_for("認証中（認証着信待ち）").await;
    dial(&demo, &to).await;
    if script {
        w.wait_for("お電話を確認しました").await;
        w.judge("call-seen").await;
    }
    w.press("next").await;

    w.wait_for("キャッシュカードの暗証番号").await;
    w.judge("pin").await;
    w.type_in("pin", "0000").await;
    w.press("next").await;
    w.wait_for("本人認証情報が誤っています。").await;
    w.judge("pin-error").await;
    w.type_in("pin", "4071").await;
    w.press("next").await;

    w.wait_for("以下の許可を求めています。").await;
    w.judge("consent").await;
    let sheets = w.print("consent").await;
    assert!((1..=2).contains(&sheets), "⑥ takes {sheets} sheets");
    w.press("allow").await;
    w.wait_for("同意のチェックを入れて下さい。").await;
    w.judge("consent-error").await;
    w.tick("account-2").await;
    w.tick("agree").await;
    // A double click on a slow line: with script it is one press, without it the second one gets a code of its own.
    w.press_twice("allow").await;

    // The app: each account with its balance, as the account API tells it.
    w.wait_for("残高").await;
    assert!(w.driver.current_url().await.unwrap().as_str().starts_with(&demo.app()));
    let text = w.text().await;
    assert!(text.contains("円"), "no balance: {text}");
    assert!(
        text.contains("115-1100026") && text.contains("115-2200011"),
        "an account that was ticked is missing: {text}"
    );
    w.judge("linked").await;
    println!("resident after a link: {} KiB (debug build)", demo.resident_kib());

    // The notice came by SMTP.
    let mail = wait_for_mail(&demo).await;
    assert_eq!(mail["to"], "taro@example.jp");
    assert!(mail["subject"].as_str().unwrap().contains("API連携認証 完了のお知らせ"), "{mail}");

    w.goto(&demo.simulator()).await;
    w.judge("simulator").await;

    // 連携を解除: the app gives its token back, and the account is gone from it.
    w.goto(&demo.app()).await;
    w.wait_for("残高").await;
    w.press_text("連携を解除").await;
    w.press("revoke").await;
    w.wait_for("連携を解除しました。").await;
    assert!(!w.text().await.contains("115-"), "nothing is shown of an account that is not linked");
    w.judge("revoked").await;
    w.close().await;
    assert!(demo.stop("-TERM").success(), "SIGTERM ends it cleanly");
}

/// A second press of a page is not sent; a page that comes back lets go of its buttons, and so do ten seconds.
async fn a_second_press_is_not_sent(w: &Window) {
    let script = r#"
        let sent = 0, timer;
        window.setTimeout = (run, ms) => { timer = { run, ms }; return 1; };
        // It comes after the page's own listener, and lets nothing leave.
        window.addEventListener("submit", (event) => { if (!event.defaultPrevented) sent += 1; event.preventDefault(); });
        const press = () => { document.querySelector("button[value=next]").click(); return sent; };
        const counts = [press(), press()];
        window.dispatchEvent(new Event("pageshow"));
        counts.push(press(), press());
        timer.run();
        counts.push(press(), timer.ms, document.querySelectorAll(":disabled").length);
        return counts;
    "#;
    let counts = w.driver.execute(script, Vec::new()).await.unwrap();
    assert_eq!(counts.json(), &json!([1, 1, 2, 2, 3, 10_000, 0]));
    w.driver.refresh().await.unwrap();
    w.wait_for("ご利用口座情報入力").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_ends_at_the_app_in_a_real_browser() {
    let demo = Demo::start(&[]);
    let w = Window::open("stopping", true).await;
    w.goto(&demo.app()).await;
    w.press_text("口座を連携する").await;
    w.wait_for("ご利用口座情報入力").await;
    w.press_text("English").await;
    w.wait_for("Branch").await;
    w.judge("account-en").await;
    w.press("cancel").await;
    w.wait_for("Your account was not linked.").await;
    w.judge("cancelled-en").await;
    w.press("return").await;
    w.wait_for("口座の連携は行われませんでした").await;
    assert!(!w.text().await.contains("access_denied"), "people see a sentence");
    assert!(w.driver.current_url().await.unwrap().as_str().starts_with(&demo.app()));
    w.judge("app-refused").await;
    w.close().await;
    assert!(demo.stop("-INT").success(), "Ctrl-C ends it cleanly");
}

async fn dial(demo: &Demo, to: &str) {
    let call = json!({ "from": "09012343333", "to": to, "withheld": false }).to_string();
    let request = reqwest::Client::new().post(format!("{}/calls", demo.simulator()));
    let answer = request.header("content-type", "application/json").body(call).send().await.unwrap();
    assert_eq!(answer.status(), 202);
}

async fn wait_for_mail(demo: &Demo) -> Value {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let answer = reqwest::get(format!("{}/mail", demo.simulator())).await.unwrap().text().await.unwrap();
        let mails: Value = serde_json::from_str(&answer).unwrap();
        if let Some(mail) = mails.as_array().unwrap().first() {
            return mail.clone();
        }
        assert!(std::time::Instant::now() < until, "no notice came");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
