//! What may be typed, and what is said when it may not (R10–R26, G17, G18, requirements.md#a1, #a2).

use super::*;

fn said(problems: &[Problem]) -> Vec<(&'static str, &'static str)> {
    problems.iter().map(|p| (p.field.map_or("", Field::name), p.message.ja())).collect()
}

#[test]
fn the_account() {
    let form = |branch: &str, kind: &str, number: &str| {
        let form = AccountForm { branch: branch.into(), account_type: kind.into(), account_number: number.into() };
        form.parse().map(|a| a.to_string())
    };
    for (branch, number, want) in [
        ("115", "1100026", "115-ordinary-1100026"),
        ("005", "123", "005-ordinary-0000123"),
        ("005", "0000123", "005-ordinary-0000123"),
        ("００５", "１２３", "005-ordinary-0000123"),
    ] {
        assert_eq!(form(branch, "ordinary", number).as_deref(), Ok(want));
    }
    assert_eq!(form("010", "savings", "1").as_deref(), Ok("010-savings-0000001"));
    for (branch, kind, number, want) in [
        ("5", "ordinary", "123", vec![("branch", "半角数字3桁で入力して下さい。")]),
        ("115", "ordinary", "12345678", vec![("account_number", "半角数字7桁以内で入力して下さい。")]),
        ("115", "ordinary", "12a", vec![("account_number", "半角数字7桁以内で入力して下さい。")]),
        ("115", "loan", "1", vec![("", "入力されていない項目があります。"), ("account_type", "必ず入力して下さい。")]),
        (
            "",
            "ordinary",
            "",
            vec![
                ("", "入力されていない項目があります。"),
                ("branch", "必ず入力して下さい。"),
                ("account_number", "必ず入力して下さい。"),
            ],
        ),
    ] {
        assert_eq!(said(&form(branch, kind, number).unwrap_err()), want, "{branch} {kind} {number}");
    }
}

const PHONE: &str = "060・070・080・090・050で始まる番号は11桁、それ以外の番号は10桁の半角数字で入力して下さい。";
const DOTS: &str = "「.」が連続する、または「@」の直前に「.」があるメールアドレスには、お知らせをお届けできません。別のメールアドレスを入力して下さい。";

#[test]
fn the_date_says_which_part_is_missing() {
    let empty = "入力されていない項目があります。";
    let (year, month, day) = ("「年」を入力して下さい。", "「月」を選択して下さい。", "「日」を選択して下さい。");
    for (parts, want) in [
        (["", "4", "12"], vec![("", empty), ("birth_year", year)]),
        (["1985", "", "12"], vec![("", empty), ("birth_month", month)]),
        (["1985", "4", ""], vec![("", empty), ("birth_day", day)]),
        (["\u{a0}", "", "12"], vec![("", empty), ("birth_year", year), ("birth_month", month)]),
        (["昭和60年", "", ""], vec![("", empty), ("birth_month", month), ("birth_day", day)]),
        (["x", "", "12"], vec![("", empty), ("birth_month", month)]),
        (["", "", ""], vec![("", empty), ("birth_year", "必ず入力して下さい。")]),
        (["1985", "2", "30"], vec![("birth_year", "生年月日を正しく入力して下さい。")]),
    ] {
        let [birth_year, birth_month, birth_day] = parts.map(str::to_owned);
        let form = CustomerForm { birth_year, birth_month, birth_day, ..taro() };
        for kind in [PurposeKind::Link, PurposeKind::My] {
            assert_eq!(said(&form.parse(kind, NOON).map(|_| ()).unwrap_err()), want, "{parts:?}");
        }
    }
}

#[test]
fn the_customer() {
    let with = |change: &dyn Fn(&mut CustomerForm)| {
        let mut form = taro();
        change(&mut form);
        form.parse(PurposeKind::Link, NOON).map(|_| ()).map_err(|p| said(&p))
    };
    let email = |f: &mut CustomerForm, text: &str| {
        f.email = text.into();
        f.email_confirm = text.into();
    };
    type Change<'a> = &'a dyn Fn(&mut CustomerForm);
    let good: &[Change<'_>] = &[
        &|_| {},
        &|f| f.birth_month = "04".into(),
        &|f| f.birth_year = "１９８５".into(),
        &|f| (f.birth_year, f.birth_month, f.birth_day) = ("1972".into(), "2".into(), "29".into()),
        &|f| (f.birth_year, f.birth_month, f.birth_day) = ("2026".into(), "11".into(), "24".into()),
        &|f| f.phone = "+81 90 1234 3333".into(),
        &|f| f.phone = "0438201122".into(),
        &|f| f.name_kana = "あ".repeat(48),
        &|f| email(f, "ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ"),
        &|f| f.email_confirm = " taro@EXAMPLE.jp ".into(),
        &|f| email(f, &format!("{}@example.jp", "a".repeat(53))),
    ];
    for (n, change) in good.iter().enumerate() {
        assert_eq!(with(*change), Ok(()), "the good form {n}");
    }
    let bad: &[(Change<'_>, &str, &str)] = &[
        (&|f| f.name_kana = "山田太郎".into(), "name_kana", "半角カタカナで入力して下さい。"),
        (&|f| f.name_kana = "あ".repeat(49), "name_kana", "48文字以内で入力して下さい。"),
        (&|f| f.birth_day = "31".into(), "birth_year", "生年月日を正しく入力して下さい。"),
        (
            &|f| (f.birth_year, f.birth_month, f.birth_day) = ("1973".into(), "2".into(), "29".into()),
            "birth_year",
            "生年月日を正しく入力して下さい。",
        ),
        (&|f| f.birth_year = "1899".into(), "birth_year", "生年月日を正しく入力して下さい。"),
        (
            &|f| (f.birth_year, f.birth_month, f.birth_day) = ("2026".into(), "11".into(), "25".into()),
            "birth_year",
            "生年月日を正しく入力して下さい。",
        ),
        (&|f| f.birth_year = "昭和65".into(), "birth_year", "生年月日を正しく入力して下さい。"),
        (&|f| f.phone = "9012343333".into(), "phone", PHONE),
        (&|f| f.phone = "090123433334".into(), "phone", PHONE),
        (&|f| f.phone = "0901234333".into(), "phone", PHONE),
        (&|f| f.phone = "04382011223".into(), "phone", PHONE),
        (&|f| f.email_confirm = "Taro@example.jp".into(), "email_confirm", "メールアドレスが一致していません。"),
        (&|f| email(f, "ta..ro@docomo.ne.jp"), "email", DOTS),
        (&|f| email(f, "taro.@ezweb.ne.jp"), "email", DOTS),
        (&|f| email(f, ".taro@ezweb.ne.jp"), "email", "メールアドレスの形式が正しくありません。"),
        (&|f| email(f, "taro@ezweb..ne.jp"), "email", "メールアドレスの形式が正しくありません。"),
        (&|f| email(f, "a@b@example.jp"), "email", "メールアドレスの形式が正しくありません。"),
        (&|f| email(f, "a@localhost"), "email", "メールアドレスの形式が正しくありません。"),
        (&|f| email(f, "a\r\nBcc: b@example.jp"), "email", "メールアドレスの形式が正しくありません。"),
        (&|f| email(f, "太郎@example.jp"), "email", "メールアドレスの形式が正しくありません。"),
        (&|f| email(f, &format!("{}@example.jp", "a".repeat(54))), "email", "64文字以内で入力して下さい。"),
    ];
    for (n, (change, field, text)) in bad.iter().enumerate() {
        assert_eq!(with(*change), Err(vec![(*field, *text)]), "the bad form {n}");
    }
    let empty = CustomerForm::default().parse(PurposeKind::Link, NOON).map(|_| ()).map_err(|p| said(&p)).unwrap_err();
    let fields: Vec<_> = empty.iter().map(|(field, _)| *field).collect();
    assert_eq!(fields, ["", "name_kana", "birth_year", "phone", "email", "email_confirm"]);
    assert_eq!(empty[0].1, "入力されていない項目があります。");
    assert!(empty[1..].iter().all(|(_, text)| *text == "必ず入力して下さい。"));
}

#[test]
fn the_pin() {
    for (typed, want) in [("4071", Ok("4071")), ("４０７１", Ok("4071")), (" 0000 ", Ok("0000"))] {
        assert_eq!(Pin::parse(typed).map(|p| p.reveal().to_owned()), want.map(str::to_owned), "{typed}");
    }
    for typed in ["407", "40711", "40-71", "407a", "四〇七一"] {
        assert_eq!(said(&Pin::parse(typed).unwrap_err()), [("pin", "半角数字4桁で入力して下さい。")], "{typed}");
    }
    let empty = said(&Pin::parse(" ").unwrap_err());
    assert_eq!(empty, [("", "入力されていない項目があります。"), ("pin", "必ず入力して下さい。")]);
}

#[test]
fn nothing_personal_is_printed() {
    let (declared, born) = taro().parse(PurposeKind::Link, NOON).unwrap();
    let Declared::Link(personal) = &declared else { panic!("not of a link") };
    let pin = Pin::parse("4071").unwrap();
    let form = AccountForm::of(&Account::parse("115-ordinary-1100026").unwrap());
    let printed = format!("{declared:?} {born:?} {pin:?} {:?} {form:?} {:?}", taro(), personal.email);
    for secret in ["4071", "1985", "taro", "ﾀﾛｳ", "タロウ", "3333", "1100026"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}
