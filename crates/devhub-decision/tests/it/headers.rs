//! Header values against the grammars of their RFCs (rule X8), by parsers that know nothing of the renderer.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use devhub_decision::header::{RenderedHeaders, UrlRefused, check_url, imf_fixdate, structured_date};
use devhub_decision::{Links, Schedule};
use proptest::prelude::*;

use crate::given;

/// RFC 9651 section 4.2.9: "@" and an integer of at most 15 digits.
fn parsed_structured_date(value: &str) -> Option<i64> {
    let integer = value.strip_prefix('@')?;
    let digits = integer.strip_prefix('-').unwrap_or(integer);
    let grammatical = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    grammatical.then(|| integer.parse().unwrap())
}

/// RFC 9110 section 5.6.7: IMF-fixdate, by position; the day must be the day of that date.
fn parsed_imf_fixdate(value: &str) -> Option<DateTime<Utc>> {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let number = |from: usize, to: usize| {
        let digits = value.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u32>().unwrap())
    };
    let fixed = [(3, ", "), (7, " "), (11, " "), (16, " "), (19, ":"), (22, ":"), (25, " GMT")];
    if value.len() != 29 || fixed.iter().any(|(at, text)| value.get(*at..at + text.len()) != Some(text)) {
        return None;
    }
    let month = 1 + MONTHS.iter().position(|month| value.get(8..11) == Some(month))?;
    let year = i32::try_from(number(12, 16)?).unwrap();
    let date = chrono::NaiveDate::from_ymd_opt(year, u32::try_from(month).unwrap(), number(5, 7)?)?;
    let day = DAYS[date.weekday().num_days_from_monday() as usize];
    let time = date.and_hms_opt(number(17, 19)?, number(20, 22)?, number(23, 25)?)?;
    (value.get(0..3) == Some(day)).then(|| time.and_utc())
}

/// RFC 8288 section 3: `<target>; rel="relation"`, members joined by a comma.
fn parsed_link(value: &str) -> Option<Vec<(String, String)>> {
    let mut members = Vec::new();
    let mut rest = value;
    loop {
        let (target, after) = rest.strip_prefix('<')?.split_once('>')?;
        let (relation, after) = after.strip_prefix("; rel=\"")?.split_once('"')?;
        members.push((target.to_owned(), relation.to_owned()));
        match after.strip_prefix(", ") {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(members),
        }
    }
}

fn rendered(links: Links, schedule: Schedule) -> RenderedHeaders {
    RenderedHeaders::new(&schedule, &links)
}

#[test]
fn x8_deprecation_is_a_structured_date_and_never_an_imf_fixdate() {
    // The example of RFC 9745 section 2.1.
    assert_eq!(structured_date(given::instant("2023-06-30T23:59:59Z")), "@1688169599");
    assert_eq!(structured_date(given::instant("2023-06-30T23:59:59.999Z")), "@1688169599");
    assert_eq!(structured_date(given::instant("1969-12-31T23:59:59.500Z")), "@-1");
}

#[test]
fn x8_sunset_is_an_imf_fixdate_in_gmt() {
    // The example of RFC 8594 section 3, as an instant.
    assert_eq!(imf_fixdate(given::instant("2018-12-31T23:59:59Z")).unwrap(), "Mon, 31 Dec 2018 23:59:59 GMT");
    assert_eq!(imf_fixdate(given::instant("2024-07-01T01:59:59.999+02:00")).unwrap(), "Sun, 30 Jun 2024 23:59:59 GMT");
    // A leap second in chrono's form is the second before it.
    assert_eq!(imf_fixdate(given::instant("2016-12-31T23:59:60Z")).unwrap(), "Sat, 31 Dec 2016 23:59:59 GMT");
    // The form has four digits for the year.
    assert_eq!(imf_fixdate(given::instant("9999-12-31T23:59:59Z")).unwrap(), "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_eq!(imf_fixdate(given::instant("9999-12-31T23:59:59Z") + TimeDelta::seconds(1)), None);
}

#[test]
fn x8_link_has_brackets_and_relations() {
    let headers = rendered(given::links(), Schedule::Open);
    let expected = [("deprecation", "deprecation"), ("sunset", "sunset"), ("2.0", "successor-version")]
        .map(|(path, relation)| (format!("https://hub.example/hello/{path}"), relation.to_owned()));
    assert_eq!(parsed_link(headers.link_only().link.unwrap()).unwrap(), expected);
    assert!(rendered(Links::default(), Schedule::Open).all().is_empty());
}

#[test]
fn urls_that_could_break_out_of_a_header_are_refused() {
    let refused = |url: &str| check_url(url).unwrap_err();
    for (url, byte) in [
        ("https://hub.example/\r\nSet-Cookie: a=b", b'\r'),
        ("https://hub.example/\n", b'\n'),
        ("https://hub.example/>; rel=\"self\", <", b'>'),
        ("https://hub.example/\"", b'"'),
        ("https://hub.example/a b", b' '),
        ("https://hub.example/\0", 0),
        ("https://hub.example/\u{7f}", 0x7f),
        ("https://hub.example/caf\u{e9}", 0xc3),
    ] {
        assert!(matches!(refused(url), UrlRefused::ForbiddenByte { byte: found, .. } if found == byte), "{url:?}");
        assert!(Links::new(None, None, Some(url.into())).is_err());
        // Links can be built without the constructor; even then the URL goes nowhere.
        let links = Links { successor: Some(url.into()), ..Links::default() };
        assert_eq!(rendered(links, Schedule::Open).link_only().link, None);
    }
    for url in ["", "hub.example/x", "/x", "//hub.example", "javascript:alert(1)", "https://", "https:///x"] {
        assert_eq!(refused(url), UrlRefused::NotAbsolute, "{url:?}");
    }
    assert_eq!(refused(&format!("https://hub.example/{}", "a".repeat(2048))), UrlRefused::TooLong);
    for url in ["http://[::1]:8080/", "https://hub.example/a?b=%20&c=(d)#e"] {
        assert_eq!(check_url(url), Ok(()));
    }
}

proptest! {
    #[test]
    fn x8_every_date_has_both_forms_and_is_rounded_down(
        second in -62_167_219_200_i64..=253_402_300_799,
        nanosecond in 0_u32..1_000_000_000,
    ) {
        let instant = DateTime::from_timestamp(second, nanosecond).unwrap();
        prop_assert_eq!(parsed_structured_date(&structured_date(instant)), Some(second));
        prop_assert_eq!(parsed_imf_fixdate(&imf_fixdate(instant).unwrap()).unwrap().timestamp(), second);
    }

    #[test]
    fn x8_whatever_the_urls_the_link_is_grammatical_or_absent(
        urls in prop::array::uniform3(prop::option::of("(https?://h)?[ -~\r\n\u{e9}]{0,12}")),
    ) {
        let [deprecation, sunset, successor] = urls.clone().map(|url| url.map(String::into_boxed_str));
        let headers = rendered(Links { deprecation, sunset, successor }, Schedule::Open);
        let sound = urls.into_iter().flatten().filter(|url| check_url(url).is_ok());
        let expected: Vec<String> = sound.collect();
        let found = headers.link_only().link.map(|value| parsed_link(value).unwrap()).unwrap_or_default();
        prop_assert_eq!(found.into_iter().map(|(target, _)| target).collect::<Vec<_>>(), expected);
    }
}
