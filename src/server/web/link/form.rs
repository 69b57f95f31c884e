//! The forms of the screens; field names as in requirements.md#forms.

use crate::consent::ConsentChoice;
use crate::id::AccountId;
use crate::identity::{AccountForm, CustomerForm, Posted};
use crate::params::{Params, decode};
use crate::secret::Secret;
use crate::web::typed::Typed;

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
    /// ⑥ 許可する, with the digest of the page it was on.
    Allow(ConsentChoice, Option<String>),
    /// ⑥ 拒否する
    Deny,
    /// 連携元画面へ
    Return,
}

/// The fields of a form, each once. The only field that may be repeated is taken out first, because the strict parser
/// would refuse it.
fn fields<'b>(screen: &str, body: &'b [u8]) -> Option<(Vec<&'b str>, Params)> {
    let text = std::str::from_utf8(body).ok()?;
    let (chosen, single): (Vec<&str>, Vec<&str>) =
        text.split('&').partition(|pair| screen == "consent" && pair.split('=').next() == Some("account"));
    Some((chosen, Params::parse(&single.join("&")).ok()?))
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

/// What was typed in a form, whatever the result of the form is. Never a PIN.
pub(super) fn typed(screen: &str, body: &[u8]) -> Typed {
    let Some((_, params)) = fields(screen, body) else { return Typed::default() };
    match screen {
        // A button without fields, such as 口座情報を入力し直す, submits nothing typed.
        "account" if params.get("action") == Some("next") => {
            Typed { account: Some(account(&params)), ..Typed::default() }
        }
        "customer" if params.get("action") == Some("next") => {
            Typed { customer: Some(customer(&params)), ..Typed::default() }
        }
        _ => Typed::default(),
    }
}

/// Parses a form; `None` for a button that this screen does not have.
pub(super) fn parse(screen: &str, body: &[u8]) -> Option<PostedForm> {
    let (chosen, params) = fields(screen, body)?;
    let text = |name: &str| params.get(name).unwrap_or_default().to_owned();
    let plain = |posted: Posted| Action::Check(Box::new(posted));
    let action = match (screen, params.get("action")?) {
        ("account", "next") => plain(Posted::Account(account(&params))),
        ("customer", "next") => plain(Posted::Customer(customer(&params))),
        ("customer", "back") => plain(Posted::Back),
        ("phone", "next") => plain(Posted::Phone),
        ("call", "next") => plain(Posted::Call),
        ("pin", "next") => plain(Posted::Pin(Secret::new(text("pin")))),
        ("account" | "customer" | "phone" | "call" | "pin", "cancel") => plain(Posted::Cancel),
        ("expired", "restart") => plain(Posted::Restart),
        ("consent", "allow") => {
            let account = |pair: &&str| AccountId::parse(&decode(pair.split_once('=')?.1).ok()?);
            // An account id that cannot have been on our page: reject the form.
            let accounts = chosen.iter().map(account).collect::<Option<Vec<_>>>()?;
            let shown = params.get("shown").map(str::to_owned);
            let ticked = |name| params.get(name) == Some("yes");
            Action::Allow(ConsentChoice { agree: ticked("agree"), accounts, notices: ticked("notices") }, shown)
        }
        ("consent", "deny") => Action::Deny,
        (
            "account" | "customer" | "phone" | "call" | "pin" | "consent" | "cancelled" | "locked" | "closed"
            | "expired",
            "return",
        ) => Action::Return,
        _ => return None,
    };
    Some(PostedForm { step: text("step"), action })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("phone", "restart", false),
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
            ("cancelled", "restart", false),
            ("done", "return", false),
        ] {
            let body = format!("step=s&action={action}");
            assert_eq!(parse(screen, body.as_bytes()).is_some(), there, "{screen} {action}");
        }
        for body in ["step=s", "", "step=s&step=t&action=next", "action=next&branch=1&branch=2"] {
            assert!(parse("account", body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn accounts_may_be_chosen_repeatedly_and_the_box_must_say_yes() {
        let choice = |body: &str| match parse("consent", body.as_bytes()).map(|f| f.action) {
            Some(Action::Allow(choice, _)) => choice,
            _ => panic!("{body}"),
        };
        let both = choice("step=s&action=allow&agree=yes&account=a1&account=a2");
        assert_eq!((both.agree, both.accounts.len()), (true, 2));
        assert_eq!(choice("step=s&action=allow&agree=yes&account=a%3A1").accounts[0].as_str(), "a:1");
        assert!(parse("consent", b"step=s&action=allow&agree=yes&account=a1&account=%3Cb%3E").is_none());
        assert!(!choice("step=s&action=allow").agree);
        assert!(!choice("step=s&action=allow&agree=on").agree);
        assert!(choice("step=s&action=allow&agree=yes&notices=yes").notices);
        assert!(!choice("step=s&action=allow&agree=yes").notices, "no mail that nobody asked for");
        assert!(!choice("step=s&action=allow&agree=yes&notices=on").notices);
    }
}
