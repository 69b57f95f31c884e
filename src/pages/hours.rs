//! The configured closing windows in words, as the institution's FAQ says them (domain §1.8, place B). A window of a
//! few minutes is said as 1分程度 or 数分程度, so that nobody waits for its very second.

use super::chrome::Language;

/// Words for each window; one that is not understood here is shown as it is written.
pub(super) fn say(windows: &[String], language: Language) -> Vec<String> {
    windows.iter().map(|w| one(w, language).unwrap_or_else(|| w.clone())).collect()
}

fn one(window: &str, language: Language) -> Option<String> {
    let (days, times) = window.rsplit_once(' ')?;
    let (from, to) = times.split_once('-')?;
    if days == "daily" {
        return daily(from, to, language);
    }
    let (from_said, to_said) = (clock(from)?, clock(to)?);
    let (days, before) = days.strip_suffix(" -1d").map_or((days, false), |d| (d, true));
    if let Some((nth, weekday)) = days.split_once(' ') {
        let nth: Vec<u32> =
            nth.split(',').map(|n| n.trim_end_matches(char::is_alphabetic).parse().ok()).collect::<Option<_>>()?;
        let (ja, en) = WEEKDAYS.iter().find(|(en, _, _)| *en == weekday).map(|(_, ja, name)| (*ja, *name))?;
        return Some(match language {
            Language::Ja => {
                let nth: Vec<_> = nth.iter().map(|n| format!("第{n}")).collect();
                let (eve, next) = if before { ("前日", "翌") } else { ("", "") };
                format!("毎月{}{ja}曜日の{eve}{from_said}～{next}{to_said}", nth.join("および"))
            }
            Language::En => {
                let nth: Vec<_> = nth.iter().map(|n| ordinal(*n)).collect();
                let eve = if before { " on the day before" } else { "" };
                format!("{} {en} of each month, {from_said}{eve} to {to_said}", nth.join(" and "))
            }
        });
    }
    let (first, last) = days.split_once("..").unwrap_or((days, days));
    let ((m1, d1), (m2, d2)) = (date(first)?, date(last)?);
    Some(match language {
        Language::Ja if (m1, d1) == (m2, d2) => format!("{m1}月{d1}日の{from_said}～{to_said}"),
        Language::Ja if m1 == m2 => format!("{m1}月{d1}日～{d2}日の{from_said}～{to_said}"),
        Language::Ja => format!("{m1}月{d1}日～{m2}月{d2}日の{from_said}～{to_said}"),
        Language::En if (m1, d1) == (m2, d2) => format!("{d1} {}, {from_said} to {to_said}", month(m1)?),
        Language::En if m1 == m2 => format!("{d1} to {d2} {}, {from_said} to {to_said}", month(m1)?),
        Language::En => format!("{d1} {} to {d2} {}, {from_said} to {to_said}", month(m1)?, month(m2)?),
    })
}

fn daily(from: &str, to: &str, language: Language) -> Option<String> {
    let ((h1, m1), (h2, m2)) = (minutes(from)?, minutes(to)?);
    let long = (h2 * 60 + m2).checked_sub(h1 * 60 + m1)?;
    let start = if m1 == 0 { format!("{h1}時") } else { format!("{h1}時{m1}分") };
    Some(match (language, long) {
        (Language::Ja, 0..=2) => format!("毎日{start}から1分程度"),
        (Language::Ja, 3..=15) => format!("毎日{start}から数分程度"),
        (Language::Ja, _) => format!("毎日{}～{}", clock(from)?, clock(to)?),
        (Language::En, 0..=2) => format!("Every day at {}, for about a minute", clock(from)?),
        (Language::En, 3..=15) => format!("Every day at {}, for a few minutes", clock(from)?),
        (Language::En, _) => format!("Every day, {} to {}", clock(from)?, clock(to)?),
    })
}

fn minutes(text: &str) -> Option<(u32, u32)> {
    let (h, m) = text.split_once(':')?;
    Some((h.parse().ok()?, m.parse().ok()?))
}

/// 02:00 → 2:00
fn clock(text: &str) -> Option<String> {
    minutes(text).map(|(h, m)| format!("{h}:{m:02}"))
}

fn date(text: &str) -> Option<(u32, u32)> {
    let (m, d) = text.split_once('-')?;
    Some((m.parse().ok()?, d.parse().ok()?))
}

fn ordinal(n: u32) -> String {
    match n {
        1 => "1st".into(),
        2 => "2nd".into(),
        3 => "3rd".into(),
        n => format!("{n}th"),
    }
}

const WEEKDAYS: [(&str, &str, &str); 7] = [
    ("monday", "月", "Monday"),
    ("tuesday", "火", "Tuesday"),
    ("wednesday", "水", "Wednesday"),
    ("thursday", "木", "Thursday"),
    ("friday", "金", "Friday"),
    ("saturday", "土", "Saturday"),
    ("sunday", "日", "Sunday"),
];

fn month(n: u32) -> Option<&'static str> {
    let names = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    names.get(usize::try_from(n.checked_sub(1)?).ok()?).copied()
}
