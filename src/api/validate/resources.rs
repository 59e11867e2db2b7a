//! Requests and limits: `ValidateContainerResourceRequirements`.

use serde_json::Value;

use super::words;
use crate::api::Cause;
use crate::api::status::quoted;

/// The rules of a container's requests and limits.
pub(super) fn container(at: &str, tree: &Value, causes: &mut Vec<Cause>) {
    let amounts = |which: &str| {
        let map = tree.get(which).and_then(Value::as_object).into_iter().flatten();
        map.map(|(name, value)| (name.as_str(), text(value))).collect::<Vec<_>>()
    };
    let (limits, requests) = (amounts("limits"), amounts("requests"));
    for (which, list) in [("limits", &limits), ("requests", &requests)] {
        for (name, value) in list {
            let at = format!("{at}.{which}[{name}]");
            self::name(&at, name, causes);
            if amount(value).is_some_and(|amount| amount < 0) {
                causes.push(Cause::invalid(&at, quoted(value), "must be greater than or equal to 0"));
            }
        }
    }
    for (name, value) in &requests {
        let overcommits = (!name.contains('/') || name.contains("kubernetes.io/")) && !name.starts_with("hugepages-");
        let Some((_, limit)) = limits.iter().find(|(other, _)| other == name) else {
            if !overcommits {
                let detail = "Limit must be set for non overcommitable resources";
                causes.push(Cause::required(format!("{at}.limits"), detail));
            }
            continue;
        };
        let order = amount(value).cmp(&amount(limit));
        let must = match (overcommits, order) {
            (false, order) if order.is_ne() => "must be equal to",
            (true, order) if order.is_gt() => "must be less than or equal to",
            _ => continue,
        };
        let detail = format!("{must} {name} limit of {limit}");
        causes.push(Cause::invalid(format!("{at}.requests"), quoted(value), detail));
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn name(at: &str, name: &str, causes: &mut Vec<Cause>) {
    let wrong = words::label_key(name);
    let standard = matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    let of_quotas = matches!(name, "storage" | "pods" | "services" | "secrets" | "configmaps" | "resourcequotas");
    if wrong.is_empty() && !name.contains('/') && !standard {
        if !of_quotas {
            let detail = "must be a standard resource type or fully qualified";
            causes.push(Cause::invalid(at, quoted(name), detail));
        }
        causes.push(Cause::invalid(at, quoted(name), "must be a standard resource for containers"));
    }
    causes.extend(wrong.into_iter().map(|message| Cause::invalid(at, quoted(name), message)));
}

/// A quantity in billionths; none if it is none. What is larger than all that there is stays as large as can be.
fn amount(text: &str) -> Option<i128> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut digits: i128 = 0;
    let mut power: i32 = 9;
    for digit in whole.bytes().chain(fraction.bytes().take(9)).take(30) {
        digits = digits * 10 + i128::from(digit.checked_sub(b'0')?);
    }
    power -= fraction.len().min(9) as i32;
    let scale: i128 = match suffix {
        "n" => return power.checked_sub(9).and_then(|power| scaled(sign * digits, power)),
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        "Pi" => 1 << 50,
        "Ei" => 1 << 60,
        _ => 1,
    };
    power += match suffix {
        "u" => -6,
        "m" => -3,
        "k" => 3,
        "M" => 6,
        "G" => 9,
        "T" => 12,
        "P" => 15,
        "E" => 18,
        other => other.strip_prefix(['e', 'E']).and_then(|power| power.parse::<i32>().ok()).unwrap_or(0).clamp(-40, 40),
    };
    scaled((sign * digits).saturating_mul(scale), power)
}

fn scaled(digits: i128, power: i32) -> Option<i128> {
    let by = 10i128.checked_pow(power.unsigned_abs().min(38))?;
    Some(if power < 0 { digits / by } else { digits.saturating_mul(by) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_compared_by_their_amount() {
        for (less, more) in [
            ("100m", "1"),
            ("999Mi", "1Gi"),
            ("1M", "1Mi"),
            ("0.1", "101m"),
            ("1e3", "1001"),
            ("-1", "0"),
            ("500n", "1u"),
            ("1E", "1Ei"),
        ] {
            assert!(amount(less) < amount(more), "{less} {more}");
        }
        assert_eq!(amount("1.5Gi"), amount("1536Mi"));
        assert_eq!(amount("1000m"), amount("1"));
        assert!(amount("99999999999999999999999999999E").is_some());
    }
}
