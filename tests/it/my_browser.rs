//! 連携サービスの確認・停止 in Debian's Chromium: with script, without it, by keyboard alone, on paper.

use crate::support::chromium::Window;
use crate::support::demo::Demo;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_stopped_by_keyboard_alone() {
    let demo = Demo::start(&[]);
    let w = Window::open("my", true).await;
    checks(&demo, &w).await;
    w.look_at("none").await;
    link(&demo, &w).await;
    w.goto(&format!("{}/my", demo.issuer())).await;
    checks_on(&demo, &w).await;
    assert!(w.text().await.contains("前回のご利用："));
    w.look_at("one").await;
    // Tab to 連携を停止する, open it, Tab to the button inside, press it.
    w.tab_to("summary", "連携を停止する").await;
    w.keys("\u{e007}").await;
    w.wait_for("停止（連携の解除）はすぐに行われ、取り消せません。").await;
    w.look_at("stop").await;
    w.tab_to("button", "停止を確定する").await;
    w.keys("\u{e007}").await;
    w.wait_for("との連携を停止しました").await;
    w.look_at("stopped").await;
    w.press_text("過去1年間に終了した連携を表示する").await;
    w.wait_for("お客様による停止").await;
    w.look_at("ended").await;
    w.press_text("これまでの経過").await;
    w.press_text("控えを表示する").await;
    w.wait_for("連携の控え").await;
    w.look_at("receipt").await;
    let sheets = w.print("receipt").await;
    assert!((1..=2).contains(&sheets), "the receipt takes {sheets} sheets");
    w.press_text("終了する").await;
    w.wait_for("この画面を閉じてください。").await;
    w.look_at("finished").await;
    // Back: the page is asked of the server again, which shows nothing of the customer any more.
    w.driver.back().await.unwrap();
    w.wait_for("この画面を閉じてください。").await;
    assert!(!w.text().await.contains("CRECO"));
    w.close().await;
    assert!(demo.stop("-TERM").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_stopped_without_script() {
    let demo = Demo::start(&[]);
    let w = Window::open("my-without-script", false).await;
    link(&demo, &w).await;
    w.goto(&format!("{}/my", demo.issuer())).await;
    checks_on(&demo, &w).await;
    w.press_text("連携を停止する").await;
    w.press("stop").await;
    w.wait_for("との連携を停止しました").await;
    w.picture("stopped").await;
    w.wait_for("サービスはありません。").await;
    w.press("finish").await;
    w.wait_for("この画面を閉じてください。").await;
    w.close().await;
    assert!(demo.stop("-TERM").success());
}

/// ① to ⑤, looked at on the way.
async fn checks(demo: &Demo, w: &Window) {
    w.goto(&format!("{}/my", demo.issuer())).await;
    w.wait_for("お客様の口座の情報を提供しているサービスを確認し、停止できます。").await;
    w.look_at("account").await;
    checks_on(demo, w).await;
}
async fn checks_on(demo: &Demo, w: &Window) {
    w.type_in("branch", "115").await;
    w.type_in("account_number", "1100026").await;
    w.press("next").await;
    w.wait_for("生年月日、電話番号を入力してください。").await;
    person(w).await;
    w.press("next").await;
    through_the_call(demo, w).await;
    w.type_in("pin", "4071").await;
    w.press("next").await;
    w.wait_for("過去1年間に終了した連携を表示する").await;
}
async fn person(w: &Window) {
    w.type_in("birth_year", "1985").await;
    w.choose("birth_month", 4).await;
    w.choose("birth_day", 12).await;
    w.type_in("phone", "09012343333").await;
}
async fn through_the_call(demo: &Demo, w: &Window) {
    w.wait_for("*****3333").await;
    w.press("next").await;
    w.wait_for("認証先電話番号").await;
    let number = w.driver.find(thirtyfour::By::Id("called-number")).await.unwrap();
    let to = number.attr("data-called-number").await.unwrap().unwrap();
    let call = json!({ "from": "09012343333", "to": to, "withheld": false }).to_string();
    let request = reqwest::Client::new().post(format!("{}/calls", demo.simulator()));
    let answer = request.header("content-type", "application/json").body(call).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    w.press("next").await;
    w.wait_for("キャッシュカードの暗証番号").await;
}
/// The sample customer links both accounts to the sample app.
async fn link(demo: &Demo, w: &Window) {
    w.goto(&demo.app()).await;
    w.press_text("口座を連携する").await;
    w.wait_for("ご利用口座情報入力").await;
    w.type_in("branch", "115").await;
    w.type_in("account_number", "1100026").await;
    w.press("next").await;
    w.wait_for("お客様情報").await;
    w.type_in("name_kana", "データ　タロウ").await;
    person(w).await;
    w.type_in("email", "taro@example.jp").await;
    w.type_in("email_confirm", "taro@example.jp").await;
    w.press("next").await;
    through_the_call(demo, w).await;
    w.type_in("pin", "4071").await;
    w.press("next").await;
    w.wait_for("以下の許可を求めています。").await;
    w.tick("account-2").await;
    w.tick("agree").await;
    w.press("allow").await;
    w.wait_for("残高").await;
}
