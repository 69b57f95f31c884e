//! The forms of the screens; field names as in requirements.md#forms.

use crate::clock::Instant;
use crate::consent::{ConsentChoice, PagePeriod};
use crate::id::{AccountId, GrantId};
use crate::identity::{AccountForm, CustomerForm, Posted, PurposeKind};
use crate::language::Language;
use crate::linking::SubmittedPage;
use crate::my::StopRequest;
use crate::params::{Params, decode};
use crate::secret::Secret;
use crate::web::typed::Typed;
use zeroize::Zeroizing;

/// A submitted form.
pub(super) struct PostedForm {
    /// The single-use step token.
    pub(super) step: String,
    /// The button.
    pub(super) action: Action,
}
/// What a button does.
pub(super) enum Action {
    /// One of the five checks.
    Check(Box<Posted>),
    /// ⑥ 許可する, with the page it was on.
    Allow(ConsentChoice, Option<SubmittedPage>),
    /// ⑥ 拒否する, with the page it was on.
    Deny(Option<SubmittedPage>),
    /// The language link of ① and ② where a script sends it along with what was typed.
    Language(Language),
    /// The same of ⑥, with what was ticked and the page it was ticked on.
    ConsentLanguage(Language, ConsentChoice, Option<SubmittedPage>),
    /// 連携元画面へ
    Return,
    /// 停止を確定する on the customer's own page
    Stop(StopRequest),
}

/// The fields of a form, each once. The only field that may be repeated is taken out first, because the strict parser
/// would refuse it.
fn fields<'b>(screen: &str, body: &'b [u8]) -> Option<(Vec<&'b str>, Params)> {
    let text = std::str::from_utf8(body).ok()?;
    let (chosen, single): (Vec<&str>, Vec<&str>) =
        text.split('&').partition(|pair| screen == "consent" && pair.split('=').next() == Some("account"));
    // Of ⑤ it holds the PIN.
    let single = Zeroizing::new(single.join("&"));
    Some((chosen, Params::parse(&single).ok()?))
}
fn account(params: &Params) -> AccountForm {
    let text = |name: &str| params.get(name).unwrap_or_default().to_owned();
    AccountForm { branch: text("branch"), account_type: text("account_type"), account_number: text("account_number") }
}
fn customer(params: &Params) -> CustomerForm {
    let text = |name: &str| params.get(name).unwrap_or_default().to_owned();
    CustomerForm {
        name_kana: text("name_kana"),
        birth_year: text("birth_year"),
        birth_month: text("birth_month"),
        birth_day: text("birth_day"),
        phone: text("phone"),
        email: text("email"),
        email_confirm: text("email_confirm"),
    }
}

/// What is ticked at ⑥. `None` if an account id cannot have been on our page: the form is rejected.
fn choice(chosen: &[&str], params: &Params) -> Option<ConsentChoice> {
    let account = |pair: &&str| AccountId::parse(&decode(pair.split_once('=')?.1).ok()?);
    let accounts = chosen.iter().map(account).collect::<Option<Vec<_>>>()?;
    let ticked = |name| params.get(name) == Some("yes");
    Some(ConsentChoice { agree: ticked("agree"), accounts, notices: ticked("notices") })
}

/// The page that a form of ⑥ was on; `None` for a form that names none.
fn submitted_page(params: &Params) -> Option<SubmittedPage> {
    let digest = params.get("shown")?.to_owned();
    // A time that is no number is none of ours: the digest will not fit either.
    let time = |name| Instant::from_millis(params.get(name).and_then(|text| text.parse().ok()).unwrap_or_default());
    Some(SubmittedPage { period: PagePeriod { at: time("at"), until: time("until") }, digest })
}

/// 次へ, the link to the other language, and 入力内容を残して最初からやり直す, which belongs to the same form.
fn fields_come_with(action: Option<&str>) -> bool {
    matches!(action, Some("next" | "language" | "restart"))
}

/// What was typed in a form, whatever the result of the form is. Never a PIN: no button of ⑤ is here.
pub(super) fn typed(screen: &str, body: &[u8]) -> Typed {
    let Some((_, params)) = fields(screen, body) else { return Typed::default() };
    match (screen, params.get("action")) {
        ("account", action) if fields_come_with(action) => {
            Typed { account: Some(account(&params)), ..Typed::default() }
        }
        ("customer", action) if fields_come_with(action) => {
            Typed { customer: Some(customer(&params)), ..Typed::default() }
        }
        // A form of 口座情報を入力し直す without fields brings nothing that was typed.
        ("customer", Some("back")) if params.get("phone").is_some() => {
            Typed { customer: Some(customer(&params)), ..Typed::default() }
        }
        _ => Typed::default(),
    }
}

/// Parses a form; `None` for a button that this screen does not have.
pub(super) fn parse(kind: PurposeKind, screen: &str, body: &[u8]) -> Option<PostedForm> {
    let (chosen, params) = fields(screen, body)?;
    let text = |name: &str| params.get(name).unwrap_or_default().to_owned();
    let plain = |posted: Posted| Action::Check(Box::new(posted));
    let action = match (screen, params.get("action")?) {
        ("account" | "customer", "language") => Action::Language(Language::of_ui_locales(&text("ui_locales"))?),
        (_, action) if kind == PurposeKind::My => my(screen, action, &params)?,
        ("consent", "language") => {
            let language = Language::of_ui_locales(&text("ui_locales"))?;
            Action::ConsentLanguage(language, choice(&chosen, &params)?, submitted_page(&params))
        }
        ("account", "next") => plain(Posted::Account(account(&params))),
        ("customer", "next") => plain(Posted::Customer(customer(&params))),
        ("customer" | "phone", "back") => plain(Posted::Back),
        ("phone", "next") => plain(Posted::Phone),
        ("call", "next") => plain(Posted::Call),
        ("pin", "next") => plain(Posted::Pin(Secret::new(text("pin")))),
        ("account" | "customer" | "phone" | "call" | "pin", "cancel") => plain(Posted::Cancel),
        ("account" | "customer" | "phone" | "call" | "pin" | "consent" | "expired" | "closed", "restart") => {
            plain(Posted::Restart)
        }
        ("consent", "allow") => Action::Allow(choice(&chosen, &params)?, submitted_page(&params)),
        ("consent", "deny") => Action::Deny(submitted_page(&params)),
        (
            "account" | "customer" | "phone" | "call" | "pin" | "consent" | "cancelled" | "locked" | "closed"
            | "expired",
            "return",
        ) => Action::Return,
        _ => return None,
    };
    Some(PostedForm { step: text("step"), action })
}

/// The buttons of the customer's own page: those of ① to ⑤, those after ⑤, and 終了する wherever it can end. It has no button
/// that leads to an app.
fn my(screen: &str, action: &str, params: &Params) -> Option<Action> {
    let text = |name: &str| params.get(name).unwrap_or_default().to_owned();
    let posted = match (screen, action) {
        ("links" | "ended", "stop") => return Some(Action::Stop(StopRequest::One(GrantId::parse(&text("grant"))?))),
        ("links" | "ended", "narrow") => {
            let (grant, account) = (GrantId::parse(&text("grant"))?, AccountId::parse(&text("account"))?);
            return Some(Action::Stop(StopRequest::Account(grant, account)));
        }
        ("links", "no_mail") => return Some(Action::Stop(StopRequest::Notices(GrantId::parse(&text("grant"))?))),
        ("links" | "ended", "stop_all") => return Some(Action::Stop(StopRequest::All)),
        ("links" | "ended", "extend") => Posted::Extend,
        (_, "finish") => Posted::Finish,
        ("account", "next") => Posted::Account(account(params)),
        ("customer", "next") => Posted::Customer(customer(params)),
        ("customer", "back") => Posted::Back,
        ("phone", "next") => Posted::Phone,
        ("call", "next") => Posted::Call,
        ("pin", "next") => Posted::Pin(Secret::new(text("pin"))),
        ("account" | "customer" | "phone" | "call" | "pin", "cancel") => Posted::Cancel,
        ("account" | "customer" | "phone" | "call" | "pin" | "expired" | "closed", "restart") => Posted::Restart,
        _ => return None,
    };
    Some(Action::Check(Box::new(posted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::PurposeKind::{Link, My};

    #[test]
    fn the_own_page_has_no_button_that_leads_to_an_app() {
        for (screen, action, there) in [
            ("account", "next", true),
            ("pin", "cancel", true),
            ("pin", "finish", true),
            ("locked", "finish", true),
            ("links", "stop_all", true),
            ("links", "stop", false),
            ("links", "narrow", false),
            ("links", "no_mail", false),
            ("links", "extend", true),
            ("account", "stop_all", false),
            ("locked", "return", false),
            ("pin", "return", false),
            ("consent", "allow", false),
            ("consent", "deny", false),
        ] {
            let body = format!("step=s&action={action}");
            assert_eq!(parse(My, screen, body.as_bytes()).is_some(), there, "{screen} {action}");
        }
        assert!(parse(My, "phone", b"step=s&action=back").is_none(), "it asks for no name");
        assert!(parse(My, "consent", b"step=s&action=language&ui_locales=en").is_none());
        assert!(parse(My, "links", b"step=s&action=stop&grant=g-1").is_some());
        assert!(parse(My, "links", b"step=s&action=stop&grant=%3Cb%3E").is_none());
        assert!(parse(Link, "links", b"step=s&action=stop&grant=g-1").is_none());
        assert!(parse(Link, "account", b"step=s&action=finish").is_none());
    }

    #[test]
    fn buttons_of_each_screen() {
        for (screen, action, there) in [
            ("account", "next", true),
            ("account", "cancel", true),
            ("account", "back", false),
            ("customer", "next", true),
            ("customer", "back", true),
            ("customer", "cancel", true),
            ("phone", "next", true),
            ("phone", "restart", true),
            ("phone", "back", true),
            ("call", "back", false),
            ("pin", "back", false),
            ("consent", "restart", true),
            ("locked", "restart", false),
            ("call", "next", true),
            ("pin", "next", true),
            ("pin", "allow", false),
            ("consent", "allow", true),
            ("consent", "deny", true),
            ("consent", "cancel", false),
            ("consent", "return", true),
            ("pin", "return", true),
            ("cancelled", "return", true),
            ("locked", "return", true),
            ("closed", "return", true),
            ("expired", "return", true),
            ("expired", "restart", true),
            ("closed", "restart", true),
            ("cancelled", "restart", false),
            ("done", "return", false),
        ] {
            let body = format!("step=s&action={action}");
            assert_eq!(parse(Link, screen, body.as_bytes()).is_some(), there, "{screen} {action}");
        }
        for body in ["step=s", "", "step=s&step=t&action=next", "action=next&branch=1&branch=2"] {
            assert!(parse(Link, "account", body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn what_was_typed_is_taken_from_the_buttons_of_two_screens_and_no_pin_ever() {
        let account = "branch=1&account_type=savings&account_number=2";
        let customer = "name_kana=a&birth_year=b&birth_month=c&birth_day=d&phone=e&email=f&email_confirm=g";
        for (screen, action, fields, of) in [
            ("account", "next", account, "①"),
            ("account", "language", account, "①"),
            ("account", "cancel", account, ""),
            ("customer", "next", customer, "②"),
            ("customer", "language", customer, "②"),
            ("customer", "back", customer, "②"),
            ("customer", "back", "", ""),
            ("customer", "cancel", customer, ""),
            ("pin", "next", "pin=4071", ""),
            ("pin", "language", "pin=4071", ""),
            ("pin", "language", account, ""),
            ("call", "language", customer, ""),
        ] {
            let typed = typed(screen, format!("step=s&action={action}&{fields}").trim_end_matches('&').as_bytes());
            let got = match (typed.account, typed.customer) {
                (Some(_), None) => "①",
                (None, Some(form)) if form.email_confirm == "g" => "②",
                (None, None) => "",
                _ => "both",
            };
            assert_eq!(got, of, "{screen} {action}");
        }
        for (screen, language, there) in
            [("account", "en", true), ("customer", "ja", true), ("customer", "fr", false), ("pin", "en", false)]
        {
            let body = format!("action=language&ui_locales={language}");
            for kind in [Link, My] {
                assert_eq!(parse(kind, screen, body.as_bytes()).is_some(), there, "{screen} {language}");
            }
        }
    }

    #[test]
    fn the_language_link_of_consent_takes_along_what_is_ticked() {
        let of = |body: &str| match parse(Link, "consent", body.as_bytes()).map(|f| f.action) {
            Some(Action::ConsentLanguage(language, choice, page)) => Some((language, choice, page.is_some())),
            _ => None,
        };
        let (language, choice, page) =
            of("step=s&action=language&ui_locales=en&agree=yes&account=a1&account=a2&shown=x&at=1&until=2").unwrap();
        assert_eq!((language, choice.agree, choice.notices, choice.accounts.len()), (Language::En, true, false, 2));
        assert!(page);
        for refused in ["action=language&ui_locales=fr", "action=language&ui_locales=en&account=%3Cb%3E"] {
            assert!(of(refused).is_none(), "{refused}");
        }
    }

    #[test]
    fn accounts_may_be_chosen_repeatedly_and_the_box_must_say_yes() {
        let choice = |body: &str| match parse(Link, "consent", body.as_bytes()).map(|f| f.action) {
            Some(Action::Allow(choice, _)) => choice,
            _ => panic!("{body}"),
        };
        let both = choice("step=s&action=allow&agree=yes&account=a1&account=a2");
        assert_eq!((both.agree, both.accounts.len()), (true, 2));
        assert_eq!(choice("step=s&action=allow&agree=yes&account=a%3A1").accounts[0].as_str(), "a:1");
        assert!(parse(Link, "consent", b"step=s&action=allow&agree=yes&account=a1&account=%3Cb%3E").is_none());
        assert!(!choice("step=s&action=allow").agree);
        assert!(!choice("step=s&action=allow&agree=on").agree);
        assert!(choice("step=s&action=allow&agree=yes&notices=yes").notices);
        assert!(!choice("step=s&action=allow&agree=yes").notices, "no mail that nobody asked for");
        assert!(!choice("step=s&action=allow&agree=yes&notices=on").notices);
    }
}
