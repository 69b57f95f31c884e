//! The configured closing windows in words, as the institution's FAQ says them (requirements.md#hours). A window of a
//! few minutes is said as 1分程度 or 数分程度, so that nobody waits for its very second.

use super::chrome::Language;

/// A window in words: which days, and its times, which stay together on a line.
pub(super) type Said = (String, String);

/// Words for each window; one that is not understood here is shown as it is written.
pub(super) fn say(windows: &[String], language: Language) -> Vec<Said> {
    windows.iter().map(|w| one(w, language).unwrap_or_else(|| (w.clone(), String::new()))).collect()
}

fn one(window: &str, language: Language) -> Option<Said> {
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
                (format!("毎月{}{ja}曜日の", nth.join("および")), format!("{eve}{from_said}～{next}{to_said}"))
            }
            Language::En => {
                let nth: Vec<_> = nth.iter().map(|n| ordinal(*n)).collect();
                let eve = if before { " on the day before" } else { "" };
                (format!("{} {en} of each month, ", nth.join(" and ")), format!("{from_said}{eve} to {to_said}"))
            }
        });
    }
    let (first, last) = days.split_once("..").unwrap_or((days, days));
    let ((m1, d1), (m2, d2)) = (date(first)?, date(last)?);
    let one_day = (m1, d1) == (m2, d2);
    let days = match language {
        Language::Ja if one_day => format!("{m1}月{d1}日の"),
        Language::Ja if m1 == m2 => format!("{m1}月{d1}日～{d2}日の"),
        Language::Ja => format!("{m1}月{d1}日～{m2}月{d2}日の"),
        Language::En if one_day => format!("{d1} {}, ", month(m1)?),
        Language::En if m1 == m2 => format!("{d1} to {d2} {}, ", month(m1)?),
        Language::En => format!("{d1} {} to {d2} {}, ", month(m1)?, month(m2)?),
    };
    let times = match language {
        Language::Ja => format!("{from_said}～{to_said}"),
        Language::En => format!("{from_said} to {to_said}"),
    };
    Some((days, times))
}

fn daily(from: &str, to: &str, language: Language) -> Option<Said> {
    let ((h1, m1), (h2, m2)) = (minutes(from)?, minutes(to)?);
    let long = (h2 * 60 + m2).checked_sub(h1 * 60 + m1)?;
    let start = if m1 == 0 { format!("{h1}時") } else { format!("{h1}時{m1}分") };
    let (days, times) = match (language, long) {
        (Language::Ja, 0..=2) => ("毎日", format!("{start}から1分程度")),
        (Language::Ja, 3..=15) => ("毎日", format!("{start}から数分程度")),
        (Language::Ja, _) => ("毎日", format!("{}～{}", clock(from)?, clock(to)?)),
        (Language::En, 0..=2) => ("Every day ", format!("at {}, for about a minute", clock(from)?)),
        (Language::En, 3..=15) => ("Every day ", format!("at {}, for a few minutes", clock(from)?)),
        (Language::En, _) => ("Every day, ", format!("{} to {}", clock(from)?, clock(to)?)),
    };
    Some((days.to_owned(), times))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_in_words() {
        for (window, ja, en) in [
            ("daily 00:00-00:02", "毎日0時から1分程度", "Every day at 0:00, for about a minute"),
            ("daily 04:30-04:40", "毎日4時30分から数分程度", "Every day at 4:30, for a few minutes"),
            ("daily 01:00-05:00", "毎日1:00～5:00", "Every day, 1:00 to 5:00"),
            (
                "1st,3rd monday 02:00-06:00",
                "毎月第1および第3月曜日の2:00～6:00",
                "1st and 3rd Monday of each month, 2:00 to 6:00",
            ),
            (
                "2nd,4th sunday -1d 23:50-07:00",
                "毎月第2および第4日曜日の前日23:50～翌7:00",
                "2nd and 4th Sunday of each month, 23:50 on the day before to 7:00",
            ),
            ("01-01..01-03 19:00-24:00", "1月1日～3日の19:00～24:00", "1 to 3 January, 19:00 to 24:00"),
            ("12-31..01-03 00:00-08:00", "12月31日～1月3日の0:00～8:00", "31 December to 3 January, 0:00 to 8:00"),
            ("05-05 09:00-17:00", "5月5日の9:00～17:00", "5 May, 9:00 to 17:00"),
            ("whenever", "whenever", "whenever"),
            ("daily now-then", "daily now-then", "daily now-then"),
            ("9th someday 01:00-02:00", "9th someday 01:00-02:00", "9th someday 01:00-02:00"),
        ] {
            let said =
                |language| say(&[window.to_owned()], language).into_iter().map(|(d, t)| d + &t).collect::<String>();
            assert_eq!(said(Language::Ja), ja);
            assert_eq!(said(Language::En), en);
        }
    }
}
