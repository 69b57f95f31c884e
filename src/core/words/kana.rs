//! Half-width kana: a name typed in any form of a phone's keyboard becomes the katakana that banks use
//! (requirements.md#kana). The name is only recorded, never compared (G1).

use crate::invisible::visible;
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// The longest name, counted after conversion; ﾞ, ﾟ and a space count as one each (R21).
pub const MAX: usize = 48;

/// A name in JIS X 0201 katakana, `A-Z 0-9 ( ) - . /` and single spaces. Not printed, because it is personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Kana(String);

/// Why a typed name is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KanaError {
    /// It is empty after conversion.
    Empty,
    /// Every character without a half-width form that banks use, once each, as it was typed.
    Characters(Vec<char>),
    /// More than [`MAX`] characters after conversion.
    Long,
}

impl Kana {
    /// Converts a typed name: hiragana, full-width and half-width katakana, full-width letters and spaces.
    ///
    /// [`KanaError`].
    /// What is wrong with it.
    pub fn parse(typed: &str) -> Result<Self, KanaError> {
        let typed = visible(typed);
        let name = convert(&typed);
        if !name.chars().all(legal) {
            return Err(KanaError::Characters(refused(&typed)));
        }
        match name.chars().count() {
            0 => Err(KanaError::Empty),
            n if n > MAX => Err(KanaError::Long),
            _ => Ok(Self(name)),
        }
    }
    /// The normalised name: with small kana and ｰ.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The name in 全銀 form: small kana become large, ｰ becomes `-`.
    #[must_use]
    pub fn zengin(&self) -> String {
        self.0.chars().map(large).collect()
    }
}
/// Whether a character is a kanji: what a name is written with, and its kana are not.
#[must_use]
pub const fn is_kanji(c: char) -> bool {
    matches!(c, '々' | '〆' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}
impl fmt::Debug for Kana {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kana(…)")
    }
}

/// The characters of a typed name that cannot be used, once each. A letter and its accent are one character.
fn refused(typed: &str) -> Vec<char> {
    let mut bad = Vec::new();
    for c in typed.nfc().filter(|c| !convert(c.encode_utf8(&mut [0; 4])).chars().all(legal)) {
        if !bad.contains(&c) {
            bad.push(c);
        }
    }
    bad
}

/// U+FF66 to U+FF9D are in the order of these.
const FULL: &str =
    "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";

fn convert(typed: &str) -> String {
    // Stand-alone sound marks must become combining ones first: NFKC alone would turn them into "space and mark".
    let marks = typed.chars().map(|c| match c {
        '\u{309B}' => '\u{3099}',
        '\u{309C}' => '\u{309A}',
        other => other,
    });
    let mut plain = String::new();
    for c in marks.nfkc().map(katakana) {
        // A dash of any kind after kana is a long-vowel mark that the keyboard did not offer. It is one too after a
        // sound mark that could not combine with its kana: ヵ with a mark becomes カ with a mark.
        let after_kana =
            plain.chars().last().is_some_and(|p| matches!(p, '\u{30A1}'..='\u{30FE}' | '\u{3099}' | '\u{309A}'));
        match c {
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FF0D}' => plain.push(if after_kana { 'ー' } else { '-' }),
            other => plain.extend(other.to_uppercase()),
        }
    }
    let single = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    single.nfd().map(half).collect()
}

/// Hiragana become katakana; kana without a half-width form become the nearest kana.
fn katakana(c: char) -> char {
    let c = match c {
        '\u{3041}'..='\u{3096}' => char::from_u32(u32::from(c) + 0x60).unwrap_or(c),
        other => other,
    };
    match c {
        'ヰ' => 'イ',
        'ヱ' => 'エ',
        'ヮ' => 'ワ',
        'ヵ' => 'カ',
        'ヶ' => 'ケ',
        other => other,
    }
}

fn half(c: char) -> char {
    match c {
        '\u{3099}' => 'ﾞ',
        '\u{309A}' => 'ﾟ',
        _ => FULL.chars().zip('\u{FF66}'..='\u{FF9D}').find(|(full, _)| *full == c).map_or(c, |(_, half)| half),
    }
}

fn large(c: char) -> char {
    match c {
        'ｧ' => 'ｱ',
        'ｨ' => 'ｲ',
        'ｩ' => 'ｳ',
        'ｪ' => 'ｴ',
        'ｫ' => 'ｵ',
        'ｬ' => 'ﾔ',
        'ｭ' => 'ﾕ',
        'ｮ' => 'ﾖ',
        'ｯ' => 'ﾂ',
        'ｰ' => '-',
        other => other,
    }
}

fn legal(c: char) -> bool {
    matches!(c, '\u{FF66}'..='\u{FF9F}' | '0'..='9' | 'A'..='Z' | ' ' | '(' | ')' | '-' | '.' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_half_width_kana() {
        for (typed, norm, zengin) in [
            ("やまだ　たろう", "ﾔﾏﾀﾞ ﾀﾛｳ", "ﾔﾏﾀﾞ ﾀﾛｳ"),
            ("ヤマダ　タロウ", "ﾔﾏﾀﾞ ﾀﾛｳ", "ﾔﾏﾀﾞ ﾀﾛｳ"),
            ("ﾔﾏﾀﾞ ﾀﾛｳ", "ﾔﾏﾀﾞ ﾀﾛｳ", "ﾔﾏﾀﾞ ﾀﾛｳ"),
            ("データ タロウ", "ﾃﾞｰﾀ ﾀﾛｳ", "ﾃﾞ-ﾀ ﾀﾛｳ"),
            ("ﾃﾞｰﾀ ﾀﾛｳ", "ﾃﾞｰﾀ ﾀﾛｳ", "ﾃﾞ-ﾀ ﾀﾛｳ"),
            ("デ－タ", "ﾃﾞｰﾀ", "ﾃﾞ-ﾀ"),
            ("で‐た", "ﾃﾞｰﾀ", "ﾃﾞ-ﾀ"),
            ("ヵ゛-タ", "ｶﾞｰﾀ", "ｶﾞ-ﾀ"),
            ("きゅうよ いちろう", "ｷｭｳﾖ ｲﾁﾛｳ", "ｷﾕｳﾖ ｲﾁﾛｳ"),
            ("ヴァイオレット", "ｳﾞｧｲｵﾚｯﾄ", "ｳﾞｱｲｵﾚﾂﾄ"),
            ("か゛く", "ｶﾞｸ", "ｶﾞｸ"),
            ("ハ゜ン", "ﾊﾟﾝ", "ﾊﾟﾝ"),
            ("ヰノウエ ヤヱ", "ｲﾉｳｴ ﾔｴ", "ｲﾉｳｴ ﾔｴ"),
            ("カ）ヤマダ", "ｶ)ﾔﾏﾀﾞ", "ｶ)ﾔﾏﾀﾞ"),
            (" ＡＢＣ　 カ）ヤマダ ", "ABC ｶ)ﾔﾏﾀﾞ", "ABC ｶ)ﾔﾏﾀﾞ"),
            ("abc-d", "ABC-D", "ABC-D"),
            ("ヤマダ\u{200b}タロウ", "ﾔﾏﾀﾞﾀﾛｳ", "ﾔﾏﾀﾞﾀﾛｳ"),
            ("ﾔﾏﾀﾞ\u{a0}ﾀ\u{ad}ﾛｳ\u{fe0f}", "ﾔﾏﾀﾞﾀﾛｳ", "ﾔﾏﾀﾞﾀﾛｳ"),
            ("ヷ", "ﾜﾞ", "ﾜﾞ"),
        ] {
            let kana = Kana::parse(typed).unwrap_or_else(|e| panic!("{typed}: {e:?}"));
            assert_eq!((kana.as_str(), kana.zengin().as_str()), (norm, zengin), "{typed}");
        }
        assert_eq!(Kana::parse("やまだ　たろう").map(|k| k.as_str().chars().count()), Ok(8));
    }

    #[test]
    fn refused_with_every_character_that_is_wrong() {
        let all = |text: &str| KanaError::Characters(text.chars().collect());
        for (typed, why) in [
            ("ジョン・スミス", all("・")),
            ("山田太郎", all("山田太郎")),
            ("山田　ﾀﾛｳ山&髙", all("山田&髙")),
            ("㍿ヤマダ①", all("㍿")),
            ("ㇰ", all("ㇰ")),
            ("ヤマダ＆", all("＆")),
            ("ヾ", all("ヾ")),
            ("é", all("é")),
            ("e\u{301}", all("é")),
            ("", KanaError::Empty),
            (" 　\u{200b}\u{a0}", KanaError::Empty),
            (&"ア".repeat(49), KanaError::Long),
            (&"ガ".repeat(25), KanaError::Long),
        ] {
            assert_eq!(Kana::parse(typed), Err(why), "{typed}");
        }
        assert!(Kana::parse(&"ア".repeat(48)).is_ok() && Kana::parse(&"ガ".repeat(24)).is_ok());
    }

    #[test]
    fn never_printed() {
        assert_eq!(format!("{:?}", Kana::parse("ヤマダ")), "Ok(Kana(…))");
    }
}
