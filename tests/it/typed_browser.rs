//! What was typed stays, in Debian's Chromium with script and without: after an error, a reload, a change of the language
//! and 口座情報を入力し直す. It is only in the page and in a sealed cookie, never in the browser's own stores; the PIN nowhere
//! (requirements.md#typed).

use crate::support::chromium::Window;
use crate::support::demo::Demo;
use serde_json::json;
use thirtyfour::By;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_typed_stays_with_script() {
    typed_stays("typed-with-script", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_typed_stays_without_script() {
    typed_stays("typed-without-script", false).await;
}

const ACCOUNT: [(&str, &str); 3] = [("branch", "11"), ("account_type", "savings"), ("account_number", "1,2x")];
const CUSTOMER: [(&str, &str); 7] = [
    ("name_kana", "山田　たろう"),
    ("birth_year", "昭和60年"),
    ("birth_month", "4"),
    ("birth_day", "13"),
    ("phone", "０９０（１２３４）３３３"),
    ("email", "ta..ro@docomo.ne.jp"),
    ("email_confirm", "taro@example.jp"),
];
const RIGHT: [(&str, &str); 7] = [
    ("name_kana", "データ　タロウ"),
    ("birth_year", "S60"),
    ("birth_month", "4"),
    ("birth_day", "12"),
    ("phone", "+81 (0)90-1234-3333"),
    ("email", "taro＠example。jp"),
    ("email_confirm", "taro@example.jp"),
];

async fn typed_stays(story: &'static str, script: bool) {
    let demo = Demo::start(&[]);
    let w = Window::open(story, script).await;
    w.goto(&demo.app()).await;
    w.press_text("口座を連携する").await;
    w.wait_for("ご利用口座情報入力").await;

    // ① Without script, what was never sent may be lost: there it is sent first, and comes back with the error.
    fill(&w, &ACCOUNT).await;
    if !script {
        w.press("next").await;
        w.wait_for("半角数字3桁で入力して下さい。").await;
    }
    w.press_text("English").await;
    w.wait_for("Branch number").await;
    stands(&w, script, &ACCOUNT).await;
    w.press("next").await;
    w.wait_for("Please enter three digits.").await;
    stands(&w, script, &ACCOUNT).await;
    w.driver.refresh().await.unwrap();
    w.wait_for("Please enter three digits.").await;
    stands(&w, script, &ACCOUNT).await;
    w.press_text("日本語").await;
    w.wait_for("半角数字3桁で入力して下さい。").await;
    stands(&w, script, &ACCOUNT).await;
    fill(&w, &[("branch", "115"), ("account_type", "ordinary"), ("account_number", "１，１００，０２６")]).await;
    w.press("next").await;

    // ②
    w.wait_for("お客様情報の入力").await;
    fill(&w, &CUSTOMER).await;
    if script {
        w.press_text("English").await;
        w.wait_for("Date of birth").await;
        stands(&w, script, &CUSTOMER).await;
        w.press_text("日本語").await;
        w.wait_for("お客様情報の入力").await;
        assert!(!w.text().await.contains("入力内容をご確認ください"), "it was no attempt");
    }
    // Enter in a field is 次へ, although 口座情報を入力し直す stands before it.
    w.field("email_confirm").await.send_keys("\u{e007}").await.unwrap();
    w.wait_for("漢字（山、田）は使用できません。").await;
    w.wait_for("西暦1985年です。").await;
    w.wait_for("「.」が連続する").await;
    stands(&w, script, &CUSTOMER).await;
    if script {
        w.look_at("customer-errors").await;
    }
    w.driver.refresh().await.unwrap();
    w.wait_for("漢字（山、田）は使用できません。").await;
    stands(&w, script, &CUSTOMER).await;
    w.press_text("English").await;
    w.wait_for("Kanji (山、田) cannot be used.").await;
    stands(&w, script, &CUSTOMER).await;
    // 口座情報を入力し直す, with something typed and not sent.
    w.type_in("phone", "0312345678").await;
    w.press("back").await;
    w.wait_for("Branch number").await;
    stands(&w, script, &[("branch", "115"), ("account_number", "１，１００，０２６")]).await;
    w.press("next").await;
    w.wait_for("Date of birth").await;
    let mut typed = CUSTOMER;
    typed[4].1 = "0312345678";
    stands(&w, script, &typed).await;
    w.press_text("日本語").await;
    w.wait_for("お客様情報の入力").await;
    stands(&w, script, &typed).await;

    // The wrong birth date, then the right one: R31 with what to check, and everything typed.
    let mut wrong = RIGHT;
    wrong[3].1 = "13";
    fill(&w, &wrong).await;
    w.press("next").await;
    w.wait_for("生年月日とお届け電話番号をご確認ください。").await;
    stands(&w, script, &wrong).await;
    assert!(!w.text().await.contains("あと1回"), "two more may be wrong");
    if script {
        w.picture("customer-r31").await;
    }
    w.choose("birth_day", 12).await;
    w.press("next").await;

    // ③ repeats the name as it was converted.
    w.wait_for("*****3333").await;
    assert!(w.text().await.contains("ﾃﾞｰﾀ ﾀﾛｳ"), "{}", w.text().await);
    stores_are_empty(&w, script).await;
    // It can be corrected there.
    if script {
        w.look_at("phone").await;
    }
    w.press("back").await;
    w.wait_for("お客様情報の入力").await;
    stands(&w, script, &RIGHT).await;
    w.press("next").await;
    w.wait_for("*****3333").await;
    w.press("next").await;
    w.wait_for("認証先電話番号").await;
    stores_are_empty(&w, script).await;
    call(&demo, &w).await;
    w.press("next").await;

    // ⑤ The PIN stays nowhere, and no language link takes it along.
    w.wait_for("キャッシュカードの暗証番号").await;
    w.type_in("pin", "0917").await;
    w.press_text("English").await;
    w.wait_for("PIN").await;
    stands(&w, script, &[("pin", "")]).await;
    w.press_text("日本語").await;
    w.wait_for("キャッシュカードの暗証番号").await;
    w.type_in("pin", "0917").await;
    w.press("next").await;
    w.wait_for("キャッシュカードの暗証番号（ATMでお使いの4桁）をご確認ください。").await;
    w.wait_for("あと1回誤りますと、API連携認証を本日はご利用いただけなくなります。").await;
    stands(&w, script, &[("pin", "")]).await;
    if script {
        w.picture("pin-last-try").await;
    }
    w.press_text("English").await;
    w.wait_for("If your next try is also wrong").await;
    stands(&w, script, &[("pin", "")]).await;
    w.type_in("pin", "4071").await;
    w.press("next").await;
    w.wait_for("Allow").await;

    // ⑥ What is ticked. Without script it is sent first, and the error leaves it as it was.
    w.tick("notices").await;
    if script {
        w.tick("agree").await;
        w.press_text("日本語").await;
        w.wait_for("次のお知らせもメールで受け取ります。").await;
        assert!(!w.text().await.contains("入力内容をご確認ください"), "it was no attempt");
        assert_eq!(ticks(&w).await, [true, true]);
        w.picture("consent-kept").await;
        w.press_text("English").await;
        w.wait_for("Allow").await;
        assert_eq!(ticks(&w).await, [true, true]);
        w.tick("agree").await;
    }
    w.press("allow").await;
    w.wait_for("Please read the API terms of use and tick the box.").await;
    assert_eq!(ticks(&w).await, [false, true]);
    w.driver.refresh().await.unwrap();
    w.wait_for("Please read the API terms of use and tick the box.").await;
    assert_eq!(ticks(&w).await, [false, true]);
    w.press_text("日本語").await;
    w.wait_for("同意のチェックを入れて下さい。").await;
    assert_eq!(ticks(&w).await, [false, true]);
    stores_are_empty(&w, script).await;
    w.close().await;
    assert!(demo.stop("-TERM").success());
}

/// 同意 and the box for notices.
async fn ticks(w: &Window) -> [bool; 2] {
    let mut ticked = [false; 2];
    for (place, id) in ["agree", "notices"].into_iter().enumerate() {
        ticked[place] = w.driver.find(By::Id(id)).await.unwrap().is_selected().await.unwrap();
    }
    ticked
}

async fn fill(w: &Window, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        match *name {
            "account_type" => {
                w.driver.find(By::Css(format!("option[value='{value}']"))).await.unwrap().click().await.unwrap();
            }
            "birth_month" | "birth_day" => w.choose(name, value.parse().unwrap()).await,
            _ => w.type_in(name, value).await,
        }
    }
}

/// Every field has this value, and the browser's stores have nothing.
async fn stands(w: &Window, script: bool, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        let shown = w.field(name).await.prop("value").await.unwrap().unwrap_or_default();
        assert_eq!(shown, *value, "{name}");
    }
    stores_are_empty(w, script).await;
}

/// A page without script cannot write there either.
async fn stores_are_empty(w: &Window, script: bool) {
    if !script {
        return;
    }
    let read = "return [Object.entries(localStorage), Object.entries(sessionStorage), history.state]";
    let stores = w.driver.execute(read, Vec::new()).await.unwrap();
    assert_eq!(stores.json(), &json!([[], [], null]));
}

async fn call(demo: &Demo, w: &Window) {
    let number = w.driver.find(By::Id("called-number")).await.unwrap();
    let to = number.attr("data-called-number").await.unwrap().unwrap();
    let call = json!({ "from": "09012343333", "to": to, "withheld": false }).to_string();
    let request = reqwest::Client::new().post(format!("{}/calls", demo.simulator()));
    let answer = request.header("content-type", "application/json").body(call).send().await.unwrap();
    assert_eq!(answer.status(), 202);
}
