//! The completion notice against its exact text (requirements.md#notices).

use super::*;
use crate::account::AccountType;
use crate::clock::Instant;
use crate::consent::Details;
use crate::lifecycle::{Completed, LetterWriter, Notice};
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
        let Notice::Completed(mut completed) = notice("accounts", "ja", "app");
        completed.at = completed.at + std::time::Duration::from_millis(millis);
        completed.days = days;
        let letter = pages().write(&Notice::Completed(completed)).unwrap();
        assert!(letter.text.contains("：30日（2026年12月22日 10時15分まで）"), "{millis} ms\n{}", letter.text);
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
            "いつもみなと信用組合をご利用いただき、ありがとうございます。",
            "下記の内容でAPI連携認証（情報連携の許可）のお手続きが完了しましたので、お知らせいたします。",
            "　お手続き日時：2026年11月22日 10時15分",
            "　連携先　　　：しんくみアプリwithCRECO（アイ・ティ・リアライズ株式会社）",
            "　許可した内容：口座情報・明細情報へのアクセス",
            "　対象口座　　：普通預金（口座番号下3桁 026）",
            "　認可期間　　：30日（2026年12月22日 10時15分まで）",
            "許可した内容は、当信用組合ホームページの「連携サービスの確認・停止」でご確認・停止いただけます。",
            "お心当たりのない場合や連携の解除をご希望の場合は、お手元の通帳・キャッシュカード裏面または",
            "当信用組合ホームページに記載の連絡先へお電話ください（平日9時～17時　事務部）。",
            "※このメールは送信専用です。ご返信いただいてもお答えできません。",
            "※このメールにリンクや添付ファイルはありません。当信用組合が、メールやSMSで暗証番号等の入力を",
            "　お願いすることは絶対にありません。",
            ""
        ]
        .join("\n")
    );
    let english = pages.write(&notice(both, "en", "Evil\r\nBcc: x@example.com")).unwrap();
    assert!(
        english.text.contains("Minato Credit Union: you have allowed Evil  Bcc: x@example.com"),
        "{}",
        english.text
    );
    for letter in [letter, english] {
        assert!(!letter.text.contains("http") && !letter.text.contains('\r') && !letter.subject.contains('\n'));
    }
}

/// If only an identifier was allowed, the verified account is not named as shared.
#[test]
fn a_notice_names_no_account_where_none_is_shared() {
    let pages = pages();
    let letter = pages.write(&notice("openid", "ja", "家計簿")).unwrap();
    for line in ["　許可した内容：お客様の識別\n", "　対象口座　　：なし（口座の情報は連携されません）\n"]
    {
        assert!(letter.text.contains(line), "{}", letter.text);
    }
    assert!(!letter.text.contains("下3桁") && !letter.text.contains("普通預金"), "{}", letter.text);
    let english = pages.write(&notice("openid offline_access", "en", "Kakeibo")).unwrap().text;
    assert!(
        english.contains("you have allowed Kakeibo (アイ・ティ・リアライズ株式会社) to recognise you"),
        "{english}"
    );
    assert!(
        english.contains("It cannot read your accounts.") && !english.contains("to read your account"),
        "{english}"
    );
}
