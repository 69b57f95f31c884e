//! What each sentence of `templates/locales/ja.ftl` states, and when that is so.
//!
//! A new key needs one line here:
//! - `fact("key", "words of the sentence that carry the fact", |s| when it is so)`. `{name}` in the words stands for a value of
//!   `Scene::values`; what a predicate needs to know is in `Scene`;
//! - `elsewhere("key", "words", "why")` where the walks of this test do not come by: it is shown on none of their pages;
//! - its name in `NO_FACT` where it states nothing about links, locks, hours, ends or times: a label, a button, an instruction.

use super::scene::Scene;

/// A sentence and when it is so.
pub(super) struct Fact {
    pub key: &'static str,
    pub words: &'static str,
    pub so: When,
}
pub(super) enum When {
    /// On the pages of the walks: exactly where this holds.
    Holds(fn(&Scene) -> bool),
    /// On none of them, because they never come into this state.
    Elsewhere,
}
const fn fact(key: &'static str, words: &'static str, so: fn(&Scene) -> bool) -> Fact {
    Fact { key, words, so: When::Holds(so) }
}
const fn elsewhere(key: &'static str, words: &'static str, _why: &'static str) -> Fact {
    Fact { key, words, so: When::Elsewhere }
}

/// Where a name ends with `*`, every key that begins so.
pub(super) const NO_FACT: &str = "
    title-* label-* hint-* legal-* step-* mail-* account-lead-1 account-lead-2 phone-section phone-registered phone-how
    phone-lead phone-number phone-decide
    skip language-switch assure error-prefix steps-label steps-now screen-id terms faq contact new-tab
    contact-department contact-hours reference-translation binding-text home-text nowhere-text required next cancel return
    account-ordinary account-savings account-line account-branch-and-number last4 account-info datetime app reference
    disclaimer caution card-where card-figure card-title
    customer-lead-1 customer-lead-2 account-again customer-section bad-characters bad-kanji wrong-* birth-year birth-era-year
    era-* year month day name-again
    email-section email-purpose registered-phone before-call before-call-2
    call-title call-lead-1 call-lead-2 call-from call-to called-number call-free call-now call-copy call-copied call-left
    call-second call-seconds call-until call-left-spoken call-confirm call-for-app call-next-number call-notes call-note-2 call-note-3
    call-note-4 call-note-5 call-note-6 call-note-7
    pin-section pin-lead pin-of pin-show pin-hide
    consent-lead scope-both scope-accounts scope-transactions scope-identity scope-text scope-identity-text
    scope-item-accounts scope-item-transactions scope-item-transactions-days scope-item-transactions-from
    scope-item-transactions-to scope-item-openid accounts-section accounts-hint error-account-choice period not-shared
    provider-section app-name provider-name registration-number provider-contact provider-contact-link provider-terms
    provider-terms-link provider-disclosure provider-disclosure-link provider-downstream provider-downstream-one
    consent-notes notices-box notices-which allow deny remembered remembered-not-you
    locked-why closed-again closed-when restart restart-kept my-reopened account-needs done-next oauth-error-next oauth-error-detail form-post-text form-post-next
    form-post-go
    my-account-lead my-account-text my-customer-lead my-call-for my-account my-what my-since my-last-use my-provider
    my-provided-by my-of my-history my-history-line my-history-ended my-change-allowed
    my-who-customer my-who-client my-who-institution my-who-account my-who-replay my-stop my-narrow my-no-mail
    my-stop-now my-all my-stop-all my-stop-all-now my-receipt-of my-ended my-ended-link my-ended-at my-ended-why my-back
    my-receipt-facts my-receipt-words my-receipt-stop my-state my-print my-time my-extend my-finish my-finished-text my-stop-anyway
    error-heading error-missing error-required error-branch error-account-number error-kana error-kana-long error-birth-date
    error-phone error-birth-year error-birth-month error-birth-day error-email error-email-dots error-email-long error-email-mismatch error-pin error-agree
";

pub(super) const FACTS: &[Fact] = &[
    fact("test-mode", "テスト環境です。", |_| true),
    // ①
    fact("closing", "まもなくサービス時間外になります", |s| s.on("account") && s.closing.is_some()),
    fact("closing-at", "{closing}からサービス時間外となります。", |s| {
        s.on("account") && s.closing.is_some()
    }),
    fact(
        "account-time",
        "お手続きには5分ほどかかります。開始から{whole}分を過ぎると、最初からのやり直しとなります。",
        |s| s.on("account"),
    ),
    // ① to ⑥
    fact("fraud", "電話で操作を指示されている場合は中止してください。", |s| {
        s.on("account") || s.on("call")
    }),
    fact("time-text", "操作がないと{idle_at}に、操作を続けても{whole_at}に終了します。", |s| {
        s.on_a_step() && s.idle_comes_first()
    }),
    fact("time-text-whole", "続きは{whole_at}に終了しま", |s| s.on_a_step() && !s.idle_comes_first()),
    elsewhere("time-extended", "お手続きの時間を延ばしました。", "the script says it"),
    elsewhere("asking", "{us}のシステムに確認しています。", "the script says it"),
    // ② to ⑤
    elsewhere("birth-western", "西暦{ $year }年です。", "nobody types a year of an era"),
    fact("check-customer", "生年月日とお届け電話番号をご確認ください。", |s| {
        s.refused("customer")
    }),
    fact("check-pin", "キャッシュカードの暗証番号（ATMでお使いの4桁）をご確認ください。", |s| s.refused("pin")),
    fact(
        "last-try-of-day",
        "あと1回誤りますと、API連携認証を本日はご利用いただけなくなります。",
        |s| (s.refused("customer") || s.on("pin")) && s.failures == 2,
    ),
    elsewhere(
        "last-try-before-lock",
        "あと1回誤りますと、API連携認証をご利用いただけなくなり、解除には",
        "nobody errs four times with the PIN",
    ),
    fact("name-converted", "入力されたお名前は、この形で記録します。", |s| s.on("phone") && !s.my),
    elsewhere("call-confirm-until", "「確定する」を押す期限", "call and 確定する have the same time"),
    fact("call-asks", "お届けの電話（下4桁{digits}）からおかけになっていますか。", |s| {
        s.on("call") && s.call != "seen" && s.called_for() >= 30
    }),
    fact(
        "call-stopped",
        "残り時間の表示を終わりました。「確定する」は{call_until}までに",
        |s| s.on("call") && s.call == "seen",
    ),
    elsewhere("call-early", "まだお電話を確認できていません。", "nobody presses 確定する before the call"),
    fact("call-other", "お届けの電話ではない電話からおかけになった場合は、", |s| s.on("call")),
    fact("call-new-number", "（このあとのご案内は、残り{numbers}回です）。", |s| s.number_is(2)),
    fact("call-last-number", "（今回が最後のご案内です）。", |s| s.number_is(3)),
    fact("pin-app", "入力された暗証番号は、{app}には開示されません。", |s| s.on("pin") && !s.my),
    fact("email-domain", "お知らせは @{domain} からお送りします。", |s| s.on("customer") && !s.my),
    fact("before-call-1", "{window}秒以内に、この番号の電話から", |s| s.on("phone")),
    fact("call-until-time", "{call_until}まで", |s| s.on("call")),
    fact("call-note-1", "本画面が表示されてから{window}秒以内に", |s| s.on("call")),
    fact("call-waiting", "認証中（認証着信待ち）", |s| s.on("call") && s.call == "waiting"),
    fact("call-seen", "お電話を確認しました。", |s| s.on("call") && s.call == "seen"),
    fact("call-withheld", "非通知のお電話がありました。", |s| s.on("call") && s.call == "withheld"),
    // ⑥
    elsewhere(
        "remembered-text",
        "この端末で本人確認（口座情報、お客様情報、お電話、暗証番号の確認）が完了しています",
        "no browser of the walks is remembered",
    ),
    fact("accounts-fixed", "本人確認をした口座を連携します。", |s| s.on("consent") && !s.asked.choose),
    fact("period-days", "{days}日", |s| s.on("consent")),
    fact("period-until", "{offer_until}まで", |s| s.on("consent")),
    fact("period-text", "期間を過ぎると連携は終わります。", |s| s.on("consent")),
    fact("not-shared-1", "暗証番号、生年月日、お届け電話番号、メールアドレス", |s| {
        s.on("consent")
    }),
    fact("not-shared-2", "お振込や出金などのお取引（この許可ではできません）", |s| {
        s.on("consent")
    }),
    fact("asked-again", "ご本人の確認をあらためて行うよう求められています。", |s| {
        s.confirms() && (s.on("consent") || s.on("account") && s.asked.action.is_some())
    }),
    fact("existing", "すでに連携している内容", |s| s.changes("merge") || s.changes("replace")),
    fact("existing-new", "今回新たに連携する内容", |s| s.changes("merge") || s.changes("replace")),
    fact("existing-whole", "許可後の連携", |s| s.changes("merge")),
    fact("existing-ending", "今回の許可により終了する内容", |s| s.changes("replace")),
    fact(
        "existing-period",
        "すでに連携している内容も含めて、認可期間は{offer_until}までとなります。",
        |s| s.changes("merge") || s.changes("replace"),
    ),
    fact("existing-all", "すべての口座について、上記のすべての内容が連携されます。", |s| {
        s.changes("merge")
    }),
    fact(
        "existing-replaced",
        "チェックを入れていない口座の連携は、今回の許可により終了します。",
        |s| s.changes("replace"),
    ),
    elsewhere("beside-ends", "に許可された連携（受付番号", "no app has as many links as allowed"),
    fact("accounts-added", "選ばない場合は、すでに連携している口座のみとなります。", |s| {
        // The customer has two accounts.
        s.changes("merge") && !s.open().any(|link| link.client == "budget" && link.accounts > 1)
    }),
    fact("consent-my", "許可した連携は、いつでも確認し、停止できます。", |s| s.on("consent")),
    fact("notices-hint", "連携の終了後{address_days}日以内に消去します。", |s| s.on("consent")),
    // Pages that end the way
    fact("cancelled-text", "API連携認証を中止しました。", |s| s.on("cancelled") && !s.my && !s.live),
    fact("cancelled-nothing", "新たに提供された情報はありません。", |s| {
        s.on("cancelled") && !s.my && !s.allowed()
    }),
    fact(
        "cancelled-living",
        "以前に許可された連携がある場合、その連携は続いています。",
        |s| s.on("cancelled") && !s.my && !s.passed(),
    ),
    fact("cancelled-current", "{app}との現在の連携（{current_until}まで）は続いています。", |s| {
        s.on("cancelled") && !s.my && s.passed() && s.current().is_some()
    }),
    fact(
        "cancelled-my",
        "停止をご希望の場合は、「連携サービスの確認・停止」をご利用いただくか",
        |s| s.on("cancelled") && !s.my && s.passed() && s.current().is_some(),
    ),
    fact(
        "locked-1",
        "入力誤りが1日の上限の回数に達したため、API連携認証を一時的に停止しました。",
        |s| s.on("locked") && s.lock.flatten().is_some(),
    ),
    elsewhere("locked-1-pin", "暗証番号の入力誤りが上限の回数に達したため", "no lock is lasting"),
    fact("locked-2", "{lock_until}0時以降に自動で解除されます。", |s| {
        s.on("locked") && s.lock.flatten().is_some()
    }),
    elsewhere("locked-2-contact", "解除には、お問い合わせ先へのご連絡が必要です。", "no lock is lasting"),
    fact("locked-3", "停止したのはAPI連携認証だけです。", |s| s.on("locked") && s.lock.is_some()),
    fact("closed-from", "{reopens_at}から", |s| s.on("closed") && s.closed.is_some()),
    fact("closed-adhoc", "その他システムメンテナンスの場合", |s| s.on("closed") && s.closed.is_some()),
    // No other closed page of the walks is one while the service is open.
    fact("reopened", "サービスを再開しました。", |s| s.on("closed") && s.closed.is_none()),
    fact(
        "reopened-restart",
        "「最初からやり直す」を押して、お手続きを始めてください。",
        |s| s.on("closed") && s.closed.is_none() && s.within_the_whole(),
    ),
    fact("reopened-app", "アプリの画面から、もう一度お手続きください。", |s| {
        !s.my && s.on("closed") && s.closed.is_none() && !s.within_the_whole()
    }),
    elsewhere("busy-text", "しばらく時間をおいてから、アプリの画面で", "the core bank is not busy"),
    elsewhere(
        "too-many-text",
        "以降に、アプリの画面からもう一度お試しください。",
        "no network opens so many interactions",
    ),
    elsewhere("too-often-text", "アプリの画面に戻り、時間をおいてから", "no network is limited"),
    elsewhere("no-account-text", "連携できる口座がありませんでした。", "no request names the accounts of others"),
    elsewhere(
        "invalid-grant-text",
        "口座の情報は、アプリに提供されていません。",
        "no link ends between the request and ⑥",
    ),
    elsewhere("failed-text", "それでも改善しない場合は", "the core bank answers"),
    fact("expired-call-text", "期限が過ぎたため、この電話番号認証は無効となりました。", |s| s.over("call_expired")),
    fact(
        "expired-idle-text",
        "{idle}分間操作がなかったため、安全のため、お手続きを終了しました。",
        |s| !s.my && s.on("expired") && s.late() && s.idle_comes_first(),
    ),
    fact(
        "expired-whole-text",
        "開始から{whole}分が過ぎたため、安全のため、お手続きを終了しました。",
        |s| !s.my && s.on("expired") && s.late() && !s.idle_comes_first(),
    ),
    fact(
        "expired-kept",
        "送信済みの入力内容を残したまま、もう一度お手続きいただけます。",
        |s| s.on("expired") && (s.over("call_expired") || !s.my && s.late()) && s.within_the_whole(),
    ),
    fact("expired-anew", "お手数ですが、アプリの画面からもう一度お手続きください。", |s| {
        !s.my && s.on("expired") && s.late() && !s.within_the_whole()
    }),
    elsewhere("expired-gone", "長い時間がたったため", "no walk waits until an interaction is kept no longer"),
    elsewhere("expired-gone-text", "連携がお済みでない場合は", "no walk waits until an interaction is kept no longer"),
    fact("expired-elsewhere", "別の画面で続けられたか、完了したか、時間が過ぎています。", |s| s.over("superseded")),
    elsewhere(
        "expired-elsewhere-text",
        "開いている別の画面をご確認いただくか、アプリの画面から",
        "no link of the walks is begun twice",
    ),
    fact("done-text", "連携は完了しています。", |s| s.on("done") && s.allowed()),
    elsewhere("handover-failed", "アプリへの受け渡しが完了しませんでした。", "every code is redeemed in time"),
    elsewhere("oauth-error-text", "アプリからの連携の申し込みに誤りがあるため", "every request is right"),
    // 連携サービスの確認・停止
    fact("my-last-visit", "前回のご利用：{visit}。", |s| s.on("links") && s.visit.is_some()),
    fact("my-first-visit", "前回のご利用の記録はありません。", |s| s.on("links") && s.visit.is_none()),
    fact("my-none", "お客様の口座の情報を提供しているサービスはありません。", |s| {
        s.on("links") && s.listed().is_empty()
    }),
    fact("my-count", "お客様の口座の情報を提供しているサービスは{n}件です。", |s| {
        s.on("links") && !s.listed().is_empty()
    }),
    elsewhere("my-other-accounts", "この画面に表示できない口座", "the core bank lists every account"),
    fact("my-until", "{until}まで", |s| {
        (s.on("links") || s.on("receipt")) && s.listed().iter().any(|link| link.open)
    }),
    fact("my-days-left", "あと{left}日", |s| s.on("links") && !s.listed().is_empty()),
    fact("my-last-use-hint", "口座情報を提供するシステムが、最後に確認した日です。", |s| {
        s.on("links") && s.listed().iter().any(|link| link.used)
    }),
    fact("my-change-widened", "内容の追加", |s| s.listed().iter().any(|link| link.widened)),
    fact("my-change-narrowed", "内容の縮小", |s| s.listed().iter().any(|link| link.narrowed)),
    fact("my-change-renewed", "期間の更新", |s| s.listed().iter().any(|link| link.renewed)),
    elsewhere("my-change-changed", "内容の変更", "no change takes and gives"),
    fact("my-by-expired", "期間の満了", |s| s.ended_by("expired")),
    fact("my-by-customer", "お客様による停止", |s| s.ended_by("customer")),
    fact("my-by-client", "アプリからの解除", |s| s.ended_by("client")),
    fact("my-by-institution", "{us}による停止", |s| s.ended_by("institution")),
    fact("my-by-account", "口座の移管・解約等による終了", |s| s.ended_by("account")),
    fact("my-by-replaced", "新しい許可への切り替え", |s| s.ended_by("replaced")),
    fact("my-by-replay", "安全のための停止", |s| s.ended_by("replay")),
    fact("my-stop-text", "苦情は、{provider}（{contact}）へお問い合わせください。", |s| {
        s.on("links") && s.listed().iter().any(|link| link.client == "kakeibo")
    }),
    fact("my-stop-text-no-contact", "苦情は、{nameless}へ", |s| {
        s.on("links") && s.listed().iter().any(|link| link.client == "budget")
    }),
    fact("my-notices", "お知らせの送信先", |s| s.on("links") && s.listed().iter().any(|link| link.notices)),
    fact("my-stop-whole", "この連携に含まれるすべての口座の連携が終了します。", |s| {
        s.on("links") && s.listed().iter().any(|link| link.accounts > 1)
    }),
    fact("my-narrow-text", "ほかの口座の連携は続きます。", |s| {
        s.on("links") && s.listed().iter().any(|link| link.accounts > 1)
    }),
    fact("my-narrowed", "との連携から、口座を1つ外しました", |s| s.did("account")),
    fact("my-narrowed-text", "ほかの口座の連携は続いています。", |s| s.did("account")),
    fact("my-no-mail-done", "との連携のお知らせは、今後お送りしません", |s| s.did("notices")),
    fact("my-no-mail-text", "メールアドレスは消去しました。連携は続いています。", |s| {
        s.did("notices")
    }),
    fact(
        "my-stop-all-text",
        "次の{n}件のサービスは、この連携による口座の情報を受け取れなくなります。",
        |s| s.on("links") && s.listed().len() > 1,
    ),
    fact("my-stopped", "との連携を停止しました", |s| s.did("one")),
    fact("my-stopped-all", "件の連携を停止しました", |s| s.did("all")),
    fact("my-stopped-all-text", "停止した連携の控えは、「終了した連携」から印刷できます。", |s| s.did("all")),
    fact("my-stopped-before", "との連携は、すでに終了していました", |s| s.did("before")),
    fact("my-stopped-before-text", "「終了した連携」でご確認いただけます。", |s| s.did("before")),
    fact("my-ended-none", "過去1年間に終了した連携はありません。", |s| {
        s.on("ended") && s.listed().is_empty()
    }),
    fact("my-ended-count", "過去1年間に終了した連携は{n}件です。", |s| {
        s.on("ended") && !s.listed().is_empty()
    }),
    fact("my-receipt-lead", "以下の内容を許可されました。", |s| s.on("receipt")),
    fact("my-receipt-now", "現在連携している口座", |s| {
        s.on("receipt") && s.listed().iter().all(|link| link.open)
    }),
    fact("my-receipt-then", "終了するまで連携していた口座", |s| {
        s.on("receipt") && s.listed().iter().all(|link| !link.open)
    }),
    elsewhere("my-ticked", "チェックあり", "it stands among the words of then, which are left out here"),
    elsewhere("my-unticked", "チェックなし", "it stands among the words of then, which are left out here"),
    fact("my-state-open", "連携中（{until}まで）", |s| {
        s.on("receipt") && s.listed().iter().all(|link| link.open)
    }),
    fact("my-state-ended", "{ended_at}に終了", |s| s.on("receipt") && s.listed().iter().all(|link| !link.open)),
    elsewhere("my-receipt-today", "許可されたときの画面の記録がないため、", "every record has its words"),
    fact("my-receipt-stop-text", "お電話（{number}、{hours}）で、いつでも停止できます。", |s| {
        s.on("receipt") && s.listed().iter().all(|link| link.open)
    }),
    fact("my-terms", "（API利用規定の版：{terms}）", |s| s.on("receipt")),
    fact("my-printed", "表示日時 {now}", |s| s.on("receipt")),
    fact("my-time-text", "この画面は自動で終了します。", |s| s.after_checks()),
    elsewhere("my-idle-soon", "操作がないため、あと2分で", "shown by the script"),
    elsewhere("my-whole-soon", "お手続きの制限時間まで、あと2分です。", "shown by the script"),
    fact("my-finished", "「連携サービスの確認・停止」を終了しました。", |s| {
        s.my && s.on("cancelled") && s.ended_with("finish")
    }),
    fact("my-cancelled", "お手続きを中止しました。", |s| {
        s.my && s.on("cancelled") && s.ended_with("cancel")
    }),
    fact("my-cancelled-text", "連携の停止は行われていません。", |s| {
        s.my && s.on("cancelled") && s.ended_with("cancel") && !s.stopped()
    }),
    fact("my-closed", "この画面をご利用いただけません。{reopens}から再開します。", |s| {
        s.my && s.on("closed") && s.closed.is_some()
    }),
    fact("my-locked", "API連携認証が一時停止中のため、", |s| s.my && s.on("locked") && s.lock.is_some()),
    fact("my-stop-phone", "アプリの画面で連携を解除することもできます。", |s| {
        s.my && s.on("closed") && s.closed.is_some()
    }),
    elsewhere("my-stop-contact", "上記の時間外に連携の停止を承る電話番号", "this institution has no such number"),
    elsewhere("my-busy", "しばらく時間をおいてから、もう一度お手続きください。", "the core bank is not busy"),
    elsewhere("my-too-many", "以降に、もう一度お試しください。", "no network is limited"),
    fact("my-expired-time", "制限時間が過ぎたときは、お手続きを終わります。", |s| {
        s.my && s.on("expired") && s.late()
    }),
    fact("my-expired-elsewhere", "開いている別の画面をご確認いただくか、もう一度", |s| {
        s.my && s.over("superseded")
    }),
    elsewhere("my-unknown-accounts", "口座情報の確認ができない状態が続いたため", "every account exists"),
    // Errors
    elsewhere("error-r30", "ご指定の口座は、本サービスではお取り扱いできません。", "every account exists"),
    fact("error-r31", "本人認証情報が誤っています。", |s| {
        s.on("customer") && s.last("interaction.customer.refused") || s.on("pin") && s.last("interaction.pin.refused")
    }),
    fact("error-r32", "お取扱いができなくなりました。", |s| s.on("locked") && s.over("locked")),
    fact("error-r33", "理由コードはB84です。", |s| s.on("locked") && s.over("was_locked") && s.lock.is_some()),
    fact("error-r34", "ただ今の時間はサービスを行っていません。", |s| {
        s.on("closed") && s.closed.is_some()
    }),
    elsewhere("error-r35", "ただ今受付が混雑しておりますので", "the core bank is not busy"),
    elsewhere("error-r36", "調整のため連絡ができなくなりました。", "the core bank answers"),
    elsewhere("error-r37", "ご指定のサービスはただ今お取扱できません。", "no service is off"),
    elsewhere("error-no-number", "もう一度「電話番号の決定」を押してください。", "a number is free"),
    elsewhere(
        "error-no-number-again",
        "以降に、もう一度「新しい番号を表示する」を押してください。",
        "a number is free",
    ),
    elsewhere("error-too-often", "受け付けを一時止めています。", "no network is limited"),
    elsewhere("error-check-under-way", "この口座について別のお手続きを確認しています。", "no two check one account"),
    elsewhere("error-unknown-accounts", "口座情報の確認ができない状態が続いたため", "every account exists"),
    elsewhere("error-no-days", "アプリから求められた期間の明細は、提供できません。", "no request names days"),
    elsewhere("error-invalid-grant", "変更する連携を確認できないため", "no link ends between the request and ⑥"),
    fact("error-r57", "API連携認証の最初に戻って操作してください。", |s| s.over("call_expired")),
];
