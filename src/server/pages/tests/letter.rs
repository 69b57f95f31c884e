//! The completion notice against its exact text (requirements.md#notices).

use super::*;
use crate::account::AccountType;
use crate::clock::Instant;
use crate::consent::Details;
use crate::lifecycle::{Completed, LetterWriter, LinkLetter, LinkNotice, Notice};
use crate::scope::Scope;

fn notice(scope: &str, language: &str, app: &str) -> Notice {
    let at = Instant::from_secs(1_795_310_100);
    let scope = Scope::parse(scope).unwrap();
    Notice::Completed(Completed {
        reference: "ABCD-1234".into(),
        at,
        app: app.into(),
        provider: "アイ・ティ・リアライズ株式会社".into(),
        details: Details::granted(&scope, vec![], None),
        scope,
        account_type: AccountType::Ordinary,
        last3: "026".into(),
        accounts: vec![],
        expires_at: at + std::time::Duration::from_hours(720),
        days: Some(30),
        language: Language::parse(language).unwrap(),
    })
}
fn pages() -> Pages {
    Pages::new(InstitutionProfile { contact_hours: "平日9時～17時".into(), ..samples::institution() }).unwrap()
}

/// A grant ends at the minute that ⑥ showed, and the button is pressed later: the letter still says 30日. A notice of an earlier
/// release has no days.
#[test]
fn thirty_days_are_thirty_however_late_the_button_was_pressed() {
    for (millis, days) in [(0, Some(30)), (1, Some(30)), (599_999, Some(30)), (0, None), (999, None)] {
        let Notice::Completed(mut completed) = notice("accounts", "ja", "app") else { panic!("of another kind") };
        completed.at = completed.at + std::time::Duration::from_millis(millis);
        completed.days = days;
        let letter = pages().write(&Notice::Completed(completed)).unwrap();
        assert!(letter.text.contains("：30日（2026年12月22日 10時15分まで）"), "{millis} ms\n{}", letter.text);
    }
}

/// The period is configured: a letter of another one says neither 30 nor 120.
#[test]
fn a_letter_says_the_period_that_was_agreed() {
    for language in ["ja", "en"] {
        let Notice::Completed(completed) = notice("accounts", language, "app") else { panic!("of another kind") };
        let expires_at = completed.at + std::time::Duration::from_hours(7 * 24);
        let letter = pages().write(&Notice::Completed(Completed { expires_at, days: Some(7), ..completed })).unwrap();
        assert!(letter.text.contains("：7日（2026年11月29日 10時15分まで）"), "{}", letter.text);
        let digits = |c: char| if c.is_ascii_digit() { c } else { ' ' };
        let said: String = letter.text.chars().map(digits).collect();
        assert!(!said.split_whitespace().any(|n| ["30", "120"].contains(&n)), "{}", letter.text);
    }
}

#[test]
fn the_completion_notice_word_for_word() {
    let (pages, both) = (pages(), "accounts transactions");
    let letter = pages.write(&notice(both, "ja", "しんくみアプリwithCRECO")).unwrap();
    assert_eq!(letter.subject, "【みなと信用組合】API連携認証 完了のお知らせ（受付番号 ABCD-1234）");
    assert_eq!(
        letter.text,
        [
            "お客さま",
            "",
            "いつもみなと信用組合をご利用いただき、ありがとうございます。",
            "下記の内容でAPI連携認証（情報連携の許可）のお手続きが完了しましたので、お知らせいたします。",
            "",
            "お手続き日時：2026年11月22日 10時15分",
            "連携先：しんくみアプリwithCRECO（アイ・ティ・リアライズ株式会社）",
            "許可した内容：口座情報・明細情報へのアクセス",
            "対象口座：普通預金（口座番号下3桁 026）",
            "認可期間：30日（2026年12月22日 10時15分まで）",
            "",
            "連携の内容の確認や停止は、当信用組合ホームページの「連携サービスの確認・停止」で行えます（サービス時間外を除きます）。",
            "",
            "お心当たりのない場合は、お手元の通帳・キャッシュカード裏面または当信用組合ホームページに記載の連絡先へ、すぐにお電話ください（平日9時～17時　事務部）。",
            "",
            "このメールは送信専用です。ご返信いただいてもお答えできません。",
            "このメールにリンクや添付ファイルはありません。当信用組合が、メールやSMSで暗証番号等の入力をお願いすることは絶対にありません。",
            ""
        ]
        .join("\n")
    );
    let english = pages.write(&notice(both, "en", "Evil\r\nBcc: x@example.com")).unwrap();
    assert_eq!(english.subject, "[Minato Credit Union] Linking is complete (reference number ABCD-1234)");
    assert!(english.text.contains("\nApp: Evil  Bcc: x@example.com (provider: "), "{}", english.text);
    assert!(english.text.ends_with(&letter.text.replace("しんくみアプリwithCRECO", "Evil  Bcc: x@example.com")));
    for letter in [letter, english] {
        assert!(!letter.text.contains("http") && !letter.text.contains('\r') && !letter.subject.contains('\n'));
    }
}

/// If only an identifier was allowed, the verified account is not named as shared.
#[test]
fn a_notice_names_no_account_where_none_is_shared() {
    let pages = pages();
    let letter = pages.write(&notice("openid", "ja", "家計簿")).unwrap();
    for line in ["許可した内容：お客様の識別\n", "対象口座：なし（口座の情報は連携されません）\n"]
    {
        assert!(letter.text.contains(line), "{}", letter.text);
    }
    assert!(!letter.text.contains("下3桁") && !letter.text.contains("普通預金"), "{}", letter.text);
    let english = pages.write(&notice("openid offline_access", "en", "Kakeibo")).unwrap().text;
    for said in
        ["You have allowed an app to recognise you.", "It cannot see your accounts.", "\nApp: Kakeibo (provider: "]
    {
        assert!(english.contains(said), "{english}");
    }
    for untrue in ["information about your account", "read your account", "ordinary deposit"] {
        assert!(!english.to_lowercase().contains(untrue), "{english}");
    }
}

/// Each notice about a link, with its subject and its text, from the first word to the last.
#[test]
fn notices_about_links_word_for_word() {
    let at = Instant::from_secs(1_795_310_100);
    let reference = || "ABCD-1234".to_owned();
    let ended = |why: &str| LinkNotice::Ended { at, why: why.into(), reference: reference() };
    let with = |notice: LinkNotice, language| {
        let (app, provider) = ("しんくみアプリwithCRECO".into(), "アイ・ティ・リアライズ株式会社".into());
        Notice::Link(LinkLetter { notice, app, provider, language })
    };
    let pages = pages();
    let first = ["お客さま", "", "いつもみなと信用組合をご利用いただき、ありがとうございます。"];
    let last = [
        "",
        "このお知らせは、お手続きの際にご希望いただいたメールアドレスへお送りしています。不要な場合は、「連携サービスの確認・停止」またはお電話でお申し出ください。",
        "",
        "お心当たりのない場合は、お手元の通帳・キャッシュカード裏面または当信用組合ホームページに記載の連絡先へ、すぐにお電話ください（平日9時～17時　事務部）。",
        "",
        "このメールは送信専用です。ご返信いただいてもお答えできません。",
        "このメールにリンクや添付ファイルはありません。当信用組合が、メールやSMSで暗証番号等の入力をお願いすることは絶対にありません。",
        "",
    ];
    let midnight = Instant::from_secs(1_795_359_600);
    let locked = |until| LinkNotice::Suspended { at, until };
    for (notice, subject, body) in [
        (
            LinkNotice::Expiring { until: at, reference: reference() },
            "連携の期限が近づいたお知らせ",
            &[
                "下記の連携は、認可期間の終了が近づいています。引き続きご利用になる場合は、アプリの画面から、あらためてAPI連携認証のお手続きをお願いいたします。お手続きがない場合は、期限をもって連携が終了します。",
                "",
                "連携先：しんくみアプリwithCRECO（アイ・ティ・リアライズ株式会社）",
                "期限：2026年11月22日 10時15分",
                "受付番号：ABCD-1234",
            ][..],
        ),
        (
            ended("customer"),
            "連携終了のお知らせ",
            &[
                "下記の連携は終了しました。",
                "",
                "連携先：しんくみアプリwithCRECO（アイ・ティ・リアライズ株式会社）",
                "終了日時：2026年11月22日 10時15分",
                "理由：お客様による停止",
                "受付番号：ABCD-1234",
            ],
        ),
        (
            locked(Some(midnight)),
            "API連携認証の一時停止のお知らせ",
            &[
                "本人認証情報の入力誤りが続いたため、お客様の口座のAPI連携認証を一時的に停止しました。2026年11月23日0時以降に自動で解除されます。現在の連携やATMでのお取引に影響はありません。",
                "",
                "日時：2026年11月22日 10時15分",
            ],
        ),
        (
            locked(None),
            "API連携認証の一時停止のお知らせ",
            &[
                "本人認証情報の入力誤りが続いたため、お客様の口座のAPI連携認証を一時的に停止しました。解除には、お問い合わせ先へのご連絡が必要です。現在の連携やATMでのお取引に影響はありません。",
                "",
                "日時：2026年11月22日 10時15分",
            ],
        ),
        (
            LinkNotice::NewLink { at },
            "新しい連携のお知らせ",
            &[
                "お客様の口座で、新しい連携が許可されました。内容は、当信用組合ホームページの「連携サービスの確認・停止」でご確認いただけます。",
                "",
                "日時：2026年11月22日 10時15分",
            ],
        ),
    ] {
        let letter = pages.write(&with(notice.clone(), Language::Ja)).unwrap();
        assert_eq!(letter.subject, subject);
        assert_eq!(letter.text, [&first[..], body, &last[..]].concat().join("\n"));
        // For users of the English pages, English first, and the same Japanese letter below it.
        let english = pages.write(&with(notice, Language::En)).unwrap();
        assert!(english.subject.is_ascii(), "{}", english.subject);
        let above = english.text.strip_suffix(&letter.text).expect("the Japanese text comes last");
        assert!(above.starts_with("Dear customer,\n\n") && above.contains("2026, 10:15 JST"), "{above}");
        assert!(above.contains("Check and stop linked services"), "{above}");
        assert!(!english.text.contains("http"), "no link");
    }
    for (why, words) in [
        ("expired", "期間の満了"),
        ("customer", "お客様による停止"),
        ("client", "アプリからの解除"),
        ("institution", "当信用組合による停止"),
        ("account", "口座の移管・解約等による終了"),
        ("replaced", "新しい許可への切り替え"),
        ("replay", "安全のための停止"),
    ] {
        let letter = pages.write(&with(ended(why), Language::Ja)).unwrap();
        assert!(letter.text.contains(&format!("\n理由：{words}\n")), "{why}: {}", letter.text);
    }
    assert!(pages.write(&with(ended("no such reason"), Language::Ja)).is_err());
    let names = LinkLetter {
        notice: ended("client"),
        app: "Evil\r\nBcc: x".into(),
        provider: "E".into(),
        language: Language::En,
    };
    assert!(!pages.write(&Notice::Link(names)).unwrap().text.contains('\r'), "a name starts no line");
}

/// A reader's program wraps lines; a line broken by hand breaks again in the middle on a phone.
#[test]
fn no_sentence_is_broken_by_hand_and_the_english_part_is_english() {
    let pages = pages();
    let at = Instant::from_secs(1_795_310_100);
    let mut letters = Vec::new();
    for language in ["ja", "en"] {
        for scope in ["openid", "accounts", "accounts transactions"] {
            letters.push((language, pages.write(&notice(scope, language, "Kakeibo Note")).unwrap()));
        }
        for notice in [
            LinkNotice::Expiring { until: at, reference: "ABCD-1234".into() },
            LinkNotice::Ended { at, why: "account".into(), reference: "ABCD-1234".into() },
            LinkNotice::Suspended { at, until: Some(at) },
            LinkNotice::Suspended { at, until: None },
            LinkNotice::NewLink { at },
        ] {
            let language = Language::parse(language).unwrap();
            let (app, provider) = ("Kakeibo Note".into(), "Sample Inc.".into());
            let letter = pages.write(&Notice::Link(LinkLetter { notice, app, provider, language })).unwrap();
            letters.push((language.as_str(), letter));
        }
    }
    for (language, letter) in letters {
        for line in letter.text.lines().filter(|line| !line.is_empty()) {
            let whole = line.contains("：") || line.contains(": ") || line.ends_with(['。', '.', ',', ':', '：']);
            assert!(whole || line == "お客さま", "{line}");
            assert!(!line.starts_with(['　', ' ']), "{line}");
        }
        if language == "en" {
            let (english, japanese) = letter.text.split_once("which is the text that applies:\n\n").unwrap();
            let english = english.replace("アイ・ティ・リアライズ株式会社", "Sample Inc.");
            assert_eq!(english.chars().find(|c| japanese_or_wide(*c)), None, "{english}");
            assert!(japanese.starts_with("お客さま\n"));
        }
    }
}
