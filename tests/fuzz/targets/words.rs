//! Forms, and the words customers and networks write.

use crate::{NOW, sendable};
use renkei_core::account::{self, Account, AccountNumber, Branch};
use renkei_core::authorize::RequestUri;
use renkei_core::id::{ClientId, InteractionId};
use renkei_core::identity::{AccountForm, CustomerForm, Email, Pin, PurposeKind};
use renkei_core::kana::Kana;
use renkei_core::params::{Params, decode};
use renkei_core::phone::Phone;
use renkei_core::scope::Scope;
use renkei_core::secret::{Hash, SecretKind, presented};

/// A query or a body.
pub fn params(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Params::parse(text) {
        Err(refusal) => sendable(&refusal),
        Ok(read) => {
            let again = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(read.iter()).finish();
            assert_eq!(Params::parse(&again).as_ref(), Ok(&read), "what we read, we read again");
            // Somebody else's reader sees what ours sees: nothing is smuggled past one of them.
            let theirs: Vec<_> = url::form_urlencoded::parse(text.as_bytes()).collect();
            assert!(theirs.iter().map(|(n, v)| (&**n, &**v)).eq(read.iter()), "{theirs:?}");
            for (name, value) in read.iter().filter(|(n, v)| *n != "resource" && !v.is_empty()) {
                assert_eq!((read.get(name), read.all(name).count()), (Some(value), 1), "each once (RFC 6749 3.1)");
            }
            assert!(read.iter().count() <= 64);
        }
    }
    if let Ok(plain) = decode(text) {
        assert!(plain.len() <= text.len() && !plain.contains('\0'));
    }
}

/// What a customer types on ①, ② and ⑤, and what a carrier writes.
pub fn typed(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines: Vec<String> = text.split('\n').chain([""; 7]).map(str::to_owned).take(7).collect();
    let [a, b, c, d, e, f, g] = <[String; 7]>::try_from(lines).unwrap();
    if let Ok(name) = Kana::parse(text) {
        assert_eq!(Kana::parse(name.as_str()), Ok(name.clone()), "a name that is read stays as it is");
        assert!(name.as_str().chars().count() <= 48 && name.zengin().chars().count() == name.as_str().chars().count());
    }
    for phone in [Phone::parse(&a), Phone::from_network(&a)].into_iter().flatten() {
        for again in [Phone::parse(phone.as_str()), Phone::from_network(phone.as_str()), Phone::parse(&phone.grouped())]
        {
            assert_eq!(again.as_ref(), Some(&phone));
        }
        assert!(phone.as_str().bytes().all(|b| b.is_ascii_digit()) && matches!(phone.as_str().len(), 10 | 11));
        assert!(!format!("{phone:?} {}", phone.masked()).contains(&phone.as_str()[..6]), "never printed");
    }
    if let Some(digits) = account::digits(&a) {
        assert!(digits.bytes().all(|b| b.is_ascii_digit()));
    }
    if let Some(known) = Account::parse(&a) {
        assert_eq!(Account::parse(&known.to_string()), Some(known.clone()));
        assert_eq!((known.branch.as_str().len(), known.number.as_str().len()), (3, 7));
    }
    assert!(Branch::parse(&a).is_none_or(|b| b.as_str().len() == 3));
    assert!(AccountNumber::parse(&a).is_none_or(|n| n.as_str().len() == 7 && n.last3().len() == 3));
    if let Ok(email) = Email::parse(&f) {
        assert!(email.as_str().bytes().all(|b| b.is_ascii_graphic()), "no line of its own in a mail");
        assert_eq!(email.as_str().matches('@').count(), 1);
    }
    let pin = Pin::parse(&b);
    assert!(!format!("{pin:?}").contains(&b) || b.len() != 4, "never printed");
    let form = AccountForm { branch: a.clone(), account_type: b.clone(), account_number: c.clone() };
    match form.parse() {
        Ok(known) => assert_eq!(AccountForm::of(&known).parse(), Ok(known)),
        Err(problems) => assert!(!problems.is_empty()),
    }
    let form = CustomerForm {
        name_kana: a,
        birth_year: b,
        birth_month: c,
        birth_day: d,
        phone: e,
        email: f,
        email_confirm: g,
    };
    for kind in [PurposeKind::Link, PurposeKind::My] {
        match form.parse(kind, NOW) {
            Ok((_, born)) => assert!(born.iso().len() == 10 && *born.iso() < *"2026-12-01", "{}", born.iso()),
            Err(problems) => assert!(!problems.is_empty()),
        }
    }
}

/// References and ids in addresses, bodies and headers.
pub fn references(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(uri) = RequestUri::parse(text) {
        assert_eq!(uri.reveal(), text);
        assert_eq!(uri.id(), Hash::of(text), "looked up whole");
    }
    for kind in [SecretKind::Code, SecretKind::Access, SecretKind::Refresh] {
        let hash = presented(kind, text);
        assert!(hash.is_none_or(|h| h == Hash::of(text) && text.starts_with(kind.prefix())), "looked up whole");
    }
    let clean = |t: &str| t.len() <= 128 && t.bytes().all(|b| b.is_ascii_graphic());
    assert!(ClientId::parse(text).is_none_or(|id| id.as_str() == text && clean(text)));
    assert!(InteractionId::parse(text).is_none_or(|id| id.as_str() == text && clean(text)));
    if let Some(scope) = Scope::parse(text) {
        assert_eq!(Scope::parse(&scope.to_string()), Some(scope.clone()));
        assert!(scope.iter().all(|token| scope.has(token) && !token.contains([' ', '"', '\\'])));
    }
}
