//! Virtual time. The model never asks what time it is: `now` is an argument.

use std::ops::{Add, Sub};
pub use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The moment of a cluster's birth on the calendar, in seconds of Unix time (2026-10-01T08:00:00Z).
///
/// Only printing needs it: a session must give the same bytes whenever it is replayed.
pub const BIRTH: i64 = 1_790_841_600;

/// A moment in virtual time, counted in microseconds from the cluster's birth.
///
/// It serializes as Kubernetes' `metav1.Time`: RFC 3339 in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The cluster's birth.
    pub const ZERO: Self = Self(0);

    /// The moment `micros` microseconds after the cluster's birth.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The moment `millis` milliseconds after the cluster's birth.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1000)
    }

    /// Microseconds since the cluster's birth.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time passed since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This moment as `2026-10-01T08:00:00Z`.
    pub fn rfc3339(self) -> String {
        let seconds = BIRTH + (self.0 / 1_000_000) as i64;
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days to a civil date, after Howard Hinnant's `civil_from_days`.
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, rhs: Self) -> Duration {
        self.since(rhs)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

/// Clients may send times, but the server sets its own: what they sent is read as the birth.
impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self::ZERO)
    }
}

/// `2ms`, `1.5s` or `1m30s`, as Go reads times (`time.ParseDuration`); a bare number is refused but for 0.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut micros: u64 = 0;
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
        let unit: u64 = match unit {
            "us" | "µs" => 1,
            "ms" => 1000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u64>().ok() };
        let fraction = fraction.get(..9).unwrap_or(fraction);
        let scale = 10_u64.pow(fraction.len() as u32);
        let part = digits(whole)?.saturating_mul(unit).saturating_add(digits(fraction)?.saturating_mul(unit) / scale);
        micros = micros.saturating_add(part);
        rest = tail;
        if rest.is_empty() {
            return Some(Duration::from_micros(micros));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_as_go_does() {
        assert_eq!(parse_duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_duration(".5ms"), Some(Duration::from_micros(500)));
        assert_eq!(parse_duration("0"), Some(Duration::ZERO));
        for wrong in ["", "30", "5x", "s", ".s", "1.2.3s", "-1s", "1s2"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
        assert!(parse_duration("99999999999999999h").is_some());
    }

    #[test]
    fn prints_calendar_time() {
        assert_eq!(Instant::ZERO.rfc3339(), "2026-10-01T08:00:00Z");
        assert_eq!((Instant::ZERO + Duration::from_secs(86_400 * 92 + 3_661)).rfc3339(), "2027-01-01T09:01:01Z");
    }
}
