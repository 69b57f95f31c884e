//! More than sixty forms of what is typed, each with what is stored of it, or what is said (requirements.md#japanese-input).

use super::*;
use Message as M;

fn account(branch: &str, number: &str) -> Result<String, Message> {
    let form = AccountForm { branch: branch.into(), account_type: "ordinary".into(), account_number: number.into() };
    form.parse().map(|a| a.to_string()).map_err(|p| p.last().unwrap().message)
}
/// What is stored of ②: for the name both forms, for the birth date what the core bank is asked.
fn customer(change: impl Fn(&mut CustomerForm)) -> Result<(Personal, String), Message> {
    let mut form = taro();
    change(&mut form);
    match form.parse(PurposeKind::Link, NOON) {
        Ok((Declared::Link(personal), born)) => Ok((personal, born.iso())),
        Ok(_) => panic!("not of a link"),
        Err(problems) => Err(problems.last().unwrap().message),
    }
}

#[test]
fn what_is_stored_of_each_form_of_typing() {
    let mut checked = 0;
    let mut check = |field: &str, typed: &str, got: Result<String, Message>, want: Result<&str, Message>| {
        assert_eq!(got.as_deref().map_err(|m| *m), want, "{field} {typed:?}");
        checked += 1;
    };
    for (typed, want) in [
        ("115", Ok("115-ordinary-0000001")),
        ("１１５", Ok("115-ordinary-0000001")),
        ("\u{202a}115\u{202c}", Ok("115-ordinary-0000001")),
        (" 115\u{a0}", Ok("115-ordinary-0000001")),
        ("１１5", Ok("115-ordinary-0000001")),
        ("15", Err(M::Branch)),
        ("1,15", Err(M::Branch)),
        ("本店", Err(M::Branch)),
        ("\u{200b}", Err(M::Required)),
    ] {
        check("店番", typed, account(typed, "1"), want);
    }
    for (typed, want) in [
        ("123", Ok("115-ordinary-0000123")),
        ("0000123", Ok("115-ordinary-0000123")),
        ("１１０００２６", Ok("115-ordinary-1100026")),
        ("1,100,026", Ok("115-ordinary-1100026")),
        ("１，１００，０２６", Ok("115-ordinary-1100026")),
        ("1、100、026", Ok("115-ordinary-1100026")),
        ("110-0026", Ok("115-ordinary-1100026")),
        ("110 0026", Ok("115-ordinary-1100026")),
        ("1100\u{ad}026\u{feff}", Ok("115-ordinary-1100026")),
        ("11000267", Err(M::AccountNumber)),
        ("No.123", Err(M::AccountNumber)),
    ] {
        check("口座番号", typed, account("115", typed), want);
    }
    for (typed, want) in [
        ("ﾔﾏﾀﾞ ﾀﾛｳ", Ok("ﾔﾏﾀﾞ ﾀﾛｳ ﾔﾏﾀﾞ ﾀﾛｳ")),
        ("ヤマダ　タロウ", Ok("ﾔﾏﾀﾞ ﾀﾛｳ ﾔﾏﾀﾞ ﾀﾛｳ")),
        ("やまだ たろう", Ok("ﾔﾏﾀﾞ ﾀﾛｳ ﾔﾏﾀﾞ ﾀﾛｳ")),
        ("きゅうよ　いちろう", Ok("ｷｭｳﾖ ｲﾁﾛｳ ｷﾕｳﾖ ｲﾁﾛｳ")),
        ("データ－たろう", Ok("ﾃﾞｰﾀｰﾀﾛｳ ﾃﾞ-ﾀ-ﾀﾛｳ")),
        ("か゛く\u{200d}", Ok("ｶﾞｸ ｶﾞｸ")),
        ("が\u{fe0f}く", Ok("ｶﾞｸ ｶﾞｸ")),
        ("ﾔﾏﾀﾞ\u{a0}ﾀﾛｳ", Ok("ﾔﾏﾀﾞﾀﾛｳ ﾔﾏﾀﾞﾀﾛｳ")),
        ("カ）ヤマダ", Ok("ｶ)ﾔﾏﾀﾞ ｶ)ﾔﾏﾀﾞ")),
        ("ｊｏｈｎ　ｓｍｉｔｈ", Ok("JOHN SMITH JOHN SMITH")),
        ("山田　太郎", Err(M::Kana)),
        ("ジョン・スミス", Err(M::Kana)),
        ("\u{3000}", Err(M::Required)),
    ] {
        let stored = customer(|f| f.name_kana = typed.into());
        let stored = stored.map(|(p, _)| format!("{} {}", p.name.as_str(), p.name.zengin()));
        check("お名前", typed, stored, want);
    }
    for (typed, want) in [
        ("1954", Ok("1954-04-12")),
        ("１９５４", Ok("1954-04-12")),
        ("1954年", Ok("1954-04-12")),
        ("S29", Ok("1954-04-12")),
        ("ｓ２９", Ok("1954-04-12")),
        ("昭和29年", Ok("1954-04-12")),
        ("昭和２９", Ok("1954-04-12")),
        ("昭29", Ok("1954-04-12")),
        ("大正10年", Ok("1921-04-12")),
        ("T10", Ok("1921-04-12")),
        ("M45", Ok("1912-04-12")),
        ("平成元年", Ok("1989-04-12")),
        ("H1", Ok("1989-04-12")),
        ("令和２年", Ok("2020-04-12")),
        ("R2", Ok("2020-04-12")),
        ("29", Err(M::BirthDate)),
        ("昭和64年", Err(M::BirthDate)),
        ("\u{200b}", Err(M::BirthYear)),
    ] {
        check("年", typed, customer(|f| f.birth_year = typed.into()).map(|(_, born)| born), want);
    }
    for (typed, want) in [
        ("09012343333", Ok("09012343333")),
        ("090-1234-3333", Ok("09012343333")),
        ("０９０－１２３４－３３３３", Ok("09012343333")),
        ("090ー1234ー3333", Ok("09012343333")),
        ("090 1234 3333", Ok("09012343333")),
        ("090.1234.3333", Ok("09012343333")),
        ("+81 90 1234 3333", Ok("09012343333")),
        ("+81 (0)90-1234-3333", Ok("09012343333")),
        ("＋８１９０１２３４３３３３", Ok("09012343333")),
        ("\u{202d}090-1234-3333\u{202c}", Ok("09012343333")),
        ("(0438)20-1122", Ok("0438201122")),
        ("０４３８（２０）１１２２", Ok("0438201122")),
        ("0901234333", Err(M::Phone)),
        ("04382011223", Err(M::Phone)),
        ("090-1234-3333 自宅", Err(M::Phone)),
        ("+1 90 1234 3333", Err(M::Phone)),
    ] {
        let stored = customer(|f| f.phone = typed.into()).map(|(p, _)| p.phone.as_str().to_owned());
        check("電話番号", typed, stored, want);
    }
    for (typed, want) in [
        ("taro@example.jp", Ok("taro@example.jp")),
        (" Taro@EXAMPLE.JP ", Ok("Taro@example.jp")),
        ("taro＠example.jp", Ok("taro@example.jp")),
        ("taro@example。jp", Ok("taro@example.jp")),
        ("ta｡ro＠example．jp", Ok("ta.ro@example.jp")),
        ("ｔａｒｏ@example.jp", Ok("taro@example.jp")),
        ("taro\u{200b}@example.jp\u{a0}", Ok("taro@example.jp")),
        ("ta..ro@docomo.ne.jp", Err(M::EmailDots)),
        ("taro.@ezweb.ne.jp", Err(M::EmailDots)),
        ("ta。。ro@docomo.ne.jp", Err(M::EmailDots)),
        (".taro@docomo.ne.jp", Err(M::Email)),
        ("taro@example", Err(M::Email)),
        ("taro@", Err(M::Email)),
    ] {
        let stored = customer(|f| (f.email, f.email_confirm) = (typed.into(), typed.into()));
        check("メールアドレス", typed, stored.map(|(p, _)| p.email.as_str().to_owned()), want);
    }
    for (typed, want) in [
        ("4071", Ok("4071")),
        ("４０７１", Ok("4071")),
        ("\u{200e}4071\u{a0}", Ok("4071")),
        ("40-71", Err(M::Pin)),
        ("40711", Err(M::Pin)),
    ] {
        let got = Pin::parse(typed).map(|p| p.reveal().to_owned()).map_err(|p| p.last().unwrap().message);
        check("暗証番号", typed, got, want);
    }
    assert!(checked >= 60, "{checked}");
}
