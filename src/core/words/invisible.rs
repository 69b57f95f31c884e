//! Characters that a keyboard, an autofill or a copied text leaves in a field and nobody sees. They are dropped from
//! everything that is typed (requirements.md#japanese-input).

/// Format characters (U+200B–F, U+202A–E, U+2060–9, U+FE0F, U+FEFF, the soft hyphen) and the no-break space.
#[must_use]
pub const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FE0F}'
            | '\u{FEFF}'
            | '\u{AD}'
            | '\u{A0}'
    )
}

/// What somebody sees of a typed text.
#[must_use]
pub fn visible(typed: &str) -> String {
    typed.chars().filter(|c| !is_invisible(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sees_them() {
        let unseen = "\u{200B}\u{200F}\u{202A}\u{202E}\u{2060}\u{2069}\u{FE0F}\u{FEFF}\u{AD}\u{A0}";
        assert_eq!(visible(unseen), "");
        assert_eq!(visible(&format!("0{unseen}9")), "09");
        for seen in ["\u{200A}", "\u{2010}", "\u{2029}", "\u{202F}", "\u{205F}", "\u{206A}", "\u{3000}", "-", " ", "あ"]
        {
            assert_eq!(visible(seen), seen, "{seen:?}");
        }
    }
}
