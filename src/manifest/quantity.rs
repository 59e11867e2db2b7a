//! Texts with a grammar of their own: quantities, times, base64. Only whether they can be read, and what Go says if not.
//!
//! `k8s.io/apimachinery` `pkg/api/resource/quantity.go`, and Go's `time.Parse` and `encoding/base64`.

/// What the server says of a quantity that is none.
pub(super) const WRONG_FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// Whether a text is a quantity: `100m`, `1.5Gi`, `1e3`.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = match digits.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => digits,
    };
    let number = &unsigned[..unsigned.len() - rest.len()];
    if number.is_empty() || number == "." {
        return Err(WRONG_FORMAT);
    }
    const SUFFIXES: [&str; 16] = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if SUFFIXES.contains(&rest) {
        return Ok(());
    }
    let letters = rest.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let power = letters.strip_prefix(['+', '-']).unwrap_or(letters);
    if !power.bytes().all(|b| b.is_ascii_digit()) {
        return Err(WRONG_FORMAT);
    }
    let marked = &rest[..rest.len() - letters.len()];
    if matches!(marked, "e" | "E") && !power.is_empty() && power.len() < 10 {
        return Ok(());
    }
    Err("unable to parse quantity's suffix")
}

/// The layout of `metav1.Time`.
pub(super) const RFC_3339: &str = "2006-01-02T15:04:05Z07:00";

/// The layout of `metav1.MicroTime`.
pub(super) const RFC_3339_MICRO: &str = "2006-01-02T15:04:05.000000Z07:00";

/// Whether a text is a time by RFC 3339, of which Go calls the form by `layout`.
pub(super) fn check_time(text: &str, layout: &str) -> Result<(), String> {
    // Each element of the layout and how many digits it takes.
    let elements = [
        ("2006", 4),
        ("-", 0),
        ("01", 2),
        ("-", 0),
        ("02", 2),
        ("T", 0),
        ("15", 2),
        (":", 0),
        ("04", 2),
        (":", 0),
        ("05", 2),
    ];
    let mut rest = text;
    let wrong = |rest: &str, element: &str| {
        Err(format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {element:?}"))
    };
    for (element, digits) in elements {
        let part = rest.get(..digits.max(1)).unwrap_or_default();
        let fits = if digits == 0 {
            part == element
        } else {
            part.len() == digits && part.bytes().all(|b| b.is_ascii_digit())
        };
        if !fits {
            return wrong(rest, element);
        }
        rest = &rest[digits.max(1)..];
    }
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let zone = rest.as_bytes();
    let offset = zone.len() == 6
        && matches!(zone[0], b'+' | b'-')
        && zone[3] == b':'
        && [1, 2, 4, 5].iter().all(|&i| zone[i].is_ascii_digit());
    if rest == "Z" || offset { Ok(()) } else { wrong(rest, "Z07:00") }
}

/// Whether a text is base64.
pub(super) fn check_base64(text: &str) -> Result<(), String> {
    let bytes: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    let illegal = |at: usize| Err(format!("illegal base64 data at input byte {at}"));
    let body = bytes.iter().rposition(|b| *b != b'=').map_or(0, |i| i + 1);
    if let Some(at) = bytes[..body].iter().position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'+' | b'/')) {
        return illegal(at);
    }
    if !bytes.len().is_multiple_of(4) || bytes.len() - body > 2 {
        return illegal(bytes.len() / 4 * 4);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for good in ["1", "100m", "1.5Gi", ".5", "1.", "1e3", "1E-2", "-3k", "0"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "m", "1 Gi", "abc", "--1"] {
            assert_eq!(check(bad), Err(WRONG_FORMAT), "{bad}");
        }
        for bad in ["1KB", "1ki", "1GB"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(check_time("2026-10-01T08:00:00Z", RFC_3339), Ok(()));
        assert_eq!(check_time("2026-10-01T08:00:00.5+02:00", RFC_3339), Ok(()));
        assert_eq!(
            check_time("2026-10-01", RFC_3339),
            Err(r#"parsing time "2026-10-01" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T""#.into())
        );
    }

    #[test]
    fn bytes() {
        assert_eq!(check_base64("aGVsbG8="), Ok(()));
        assert_eq!(check_base64("not base64!"), Err("illegal base64 data at input byte 3".into()));
    }
}
