//! A plain scalar by the rules of YAML 1.1: `on` is true, `010` is 8, dates stay strings.
//!
//! Stands for `kubernetes-sigs/yaml` `goyaml.v2/resolve.go`, by which kubectl reads a file; what comes out is what JSON can
//! say of it.

use std::ops::{Range, RangeInclusive};

use saphyr_parser::Tag;

use super::yaml::Data;

/// A scalar by the rules of YAML 1.1, as go-yaml v2 has them.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Data, String> {
    let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
    let string = || Ok(Data::String(text.to_owned()));
    match core {
        Some("str" | "binary" | "timestamp") => return string(),
        None if !plain || tag.is_some() => return string(),
        _ => {}
    }
    let data = plain_scalar(text);
    let name = match &data {
        Some(Data::Null) => "null",
        Some(Data::Bool(_)) => "bool",
        Some(Data::Number(number)) if number.is_f64() => "float",
        Some(Data::Number(_)) => "int",
        _ => "str",
    };
    match core {
        Some(want @ ("null" | "bool" | "int" | "float")) if want != name && (want, name) != ("float", "int") => {
            Err(format!("yaml: cannot decode !!{name} `{text}` as a !!{want}"))
        }
        _ if matches!(text, ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF") => Err(unsupported("+Inf")),
        _ if matches!(text, "-.inf" | "-.Inf" | "-.INF") => Err(unsupported("-Inf")),
        _ if matches!(text, ".nan" | ".NaN" | ".NAN") => Err(unsupported("NaN")),
        _ => Ok(data.unwrap_or_else(|| Data::String(text.to_owned()))),
    }
}

fn unsupported(value: &str) -> String {
    format!("json: unsupported value: {value}")
}

/// A plain scalar that is not a string.
pub(super) fn plain_scalar(text: &str) -> Option<Data> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Data::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Data::Bool(false),
        _ => Data::Number(number(text)?),
    })
}

fn number(text: &str) -> Option<serde_json::Number> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) || is_timestamp(text) {
        return None;
    }
    let plain = if text.starts_with('.') { text.to_owned() } else { text.replace('_', "") };
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    if digits.starts_with(|c: char| c.is_ascii_digit()) {
        let (radix, body) = match digits.get(..2) {
            Some("0x" | "0X") => (16, &digits[2..]),
            Some("0o" | "0O") => (8, &digits[2..]),
            Some("0b" | "0B") => (2, &digits[2..]),
            Some(two) if two.starts_with('0') => (8, &digits[1..]),
            _ => (10, digits),
        };
        if body.starts_with(|c: char| c.is_ascii_hexdigit())
            && let Ok(magnitude) = u64::from_str_radix(body, radix)
        {
            return match (negative, i64::try_from(magnitude)) {
                (false, _) => Some(magnitude.into()),
                (true, Ok(n)) => Some((-n).into()),
                (true, Err(_)) if magnitude == 1 << 63 => Some(i64::MIN.into()),
                (true, Err(_)) => serde_json::Number::from_f64(-(magnitude as f64)),
            };
        }
    }
    if !is_float(digits) {
        return None;
    }
    let float: f64 = plain.parse().ok()?;
    // Go writes a whole float as JSON without a point, and then it is an integer.
    if float.fract() == 0.0 && float.abs() < 9e15 {
        return Some((float as i64).into());
    }
    serde_json::Number::from_f64(float)
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let exponent_fits = exponent.is_none_or(|e| {
        let digits = e.strip_prefix(['-', '+']).unwrap_or(e);
        !digits.is_empty() && all_digits(digits)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    exponent_fits && all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// `2006-1-2`, `2006-1-2 15:4:5` or `2006-1-2T15:4:5Z`, all with fractions: it stays a string, and is written quoted.
pub(super) fn is_timestamp(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some((text.as_bytes()[at], &text[at + 1..]))),
        None => (text, None),
    };
    let number = |s: &str, digits: Range<usize>, values: RangeInclusive<u32>| {
        digits.contains(&s.len())
            && s.bytes().all(|b| b.is_ascii_digit())
            && s.parse().is_ok_and(|n: u32| values.contains(&n))
    };
    let parts: Vec<_> = date.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    if !number(year, 4..5, 0..=9999) || !number(month, 1..3, 1..=12) {
        return false;
    }
    let (y, m): (u32, u32) = (year.parse().unwrap_or(0), month.parse().unwrap_or(0));
    let leap = y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
    let days = match m {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !number(day, 1..3, 1..=days) {
        return false;
    }
    let Some((separator, time)) = time else { return true };
    let clock = match (separator, time.find(['Z', '+', '-'])) {
        (b' ', None) => time,
        (b'T' | b't', Some(at)) => {
            let zone = &time[at..];
            let offset = zone.get(1..).and_then(|z| z.split_once(':'));
            if zone != "Z" && !offset.is_some_and(|(h, m)| number(h, 2..3, 0..=24) && number(m, 2..3, 0..=60)) {
                return false;
            }
            &time[..at]
        }
        _ => return false,
    };
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, fraction)| (clock, Some(fraction)));
    let parts: Vec<_> = clock.split(':').collect();
    let [hour, minute, second] = parts[..] else { return false };
    number(hour, 1..3, 0..=23)
        && number(minute, 1..3, 0..=59)
        && number(second, 1..3, 0..=59)
        && fraction.is_none_or(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_1_1_has_more_that_is_no_string() {
        for (text, value) in [
            ("on", json!(true)),
            ("Yes", json!(true)),
            ("n", json!(false)),
            ("OFF", json!(false)),
            ("0x1F", json!(31)),
            ("0o10", json!(8)),
            ("010", json!(8)),
            ("08", json!(8)),
            ("-0b11", json!(-3)),
            ("1_000", json!(1000)),
            ("+7", json!(7)),
            ("1e3", json!(1000)),
            (".5", json!(0.5)),
            ("1.50", json!(1.5)),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("-9223372036854775808", json!(-9_223_372_036_854_775_808_i64)),
        ] {
            let found = match plain_scalar(text) {
                Some(Data::Bool(value)) => json!(value),
                Some(Data::Number(number)) => json!(number),
                other => panic!("{text}: {other:?}"),
            };
            assert_eq!(found, value, "{text}");
        }
        for text in ["", "~", "null", "NULL"] {
            assert_eq!(plain_scalar(text), Some(Data::Null), "{text}");
        }
        for text in
            ["nO", "1.2.3", "10.96.0.1", "0x", "0xg", "1e", "-", "+", ".", "1:30", "2026-10-01", "e3", "０", "-中"]
        {
            assert_eq!(plain_scalar(text), None, "{text}");
        }
    }

    #[test]
    fn tags_say_what_a_scalar_is() {
        let tag = |suffix: &str| Tag { handle: "tag:yaml.org,2002:".into(), suffix: suffix.into() };
        assert_eq!(resolve("80", true, Some(&tag("str"))), Ok(Data::String("80".into())));
        assert_eq!(resolve("80", false, Some(&tag("int"))), Ok(Data::Number(80.into())));
        assert_eq!(resolve("x", true, Some(&tag("int"))), Err("yaml: cannot decode !!str `x` as a !!int".into()));
        assert_eq!(resolve(".inf", true, None), Err("json: unsupported value: +Inf".into()));
    }

    #[test]
    fn dates() {
        for text in ["2026-1-2", "2026-10-01T08:00:00Z", "2026-10-01 08:00:00.5", "2024-02-29"] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in ["2026-13-01", "2026-02-29", "2026-10", "26-10-01", "2026-10-01T08:00:00", "2026-10-01x"] {
            assert!(!is_timestamp(text), "{text}");
        }
    }
}
