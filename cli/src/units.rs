//! Numbers as people write and read them.

use std::{fmt::Display, str::FromStr, time::Duration};

use jiff::Timestamp;

/// `64MB`, `100 MiB`, `5000`: units of 1000, or of 1024 with an `i`.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let expected = || format!("`{text}` is not a size: expected a number of bytes such as 64MB, 100MiB or 5000000");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
    let unit = text.get(digits.len()..).unwrap_or_default().trim().to_ascii_lowercase();
    let factor: u64 = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(expected()),
    };
    let number: u64 = digits.trim().parse().map_err(|_| expected())?;
    number.checked_mul(factor).ok_or_else(expected)
}

/// `time=72`.
pub(crate) fn parse_pair<T: FromStr<Err: Display>>(text: &str) -> Result<(String, T), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.trim().is_empty())
        .ok_or_else(|| format!("`{text}` is not of the form DIMENSION=VALUE"))?;
    let value =
        value.trim().parse().map_err(|error| format!("`{text}` is not of the form DIMENSION=VALUE: {error}"))?;
    Ok((name.trim().to_owned(), value))
}

/// A time in the past: so long ago, or that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    Ago(Duration),
    At(Timestamp),
}

/// `30s`, `10m`, `2h`, `3d`, `2026-01-31T12:00:00Z`.
pub(crate) fn parse_since(text: &str) -> Result<Since, String> {
    let expected = || format!("`{text}` is no time: expected 30s, 10m, 2h, 3d, or one such as 2026-01-31T12:00:00Z");
    if let Ok(time) = text.parse() {
        return Ok(Since::At(time));
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(expected()),
    };
    let number: u64 = digits.parse().map_err(|_| expected())?;
    number.checked_mul(unit).map(|seconds| Since::Ago(Duration::from_secs(seconds))).ok_or_else(expected)
}

/// How long ago something was, roughly: `12 s`, `3 min`, `5 h`, `2 days`.
pub(crate) fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{} s", seconds.max(0)),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `2026-01-31 12:00:00Z`.
pub(crate) fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Bytes with three significant digits: `36.1 MB`.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let unit_name = units.get(unit).copied().unwrap_or_default();
    match unit {
        0 if count == 1 => "1 byte".to_owned(),
        0 => format!("{count} {unit_name}"),
        _ if value < 9.995 => format!("{value:.2} {unit_name}"),
        _ if value < 99.95 => format!("{value:.1} {unit_name}"),
        _ => format!("{value:.0} {unit_name}"),
    }
}

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 chunk`, `504 chunks`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `0.8 s`, `42 s`, `3:07`, `2:03:07`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_both_systems() {
        assert_eq!(parse_bytes("64MB"), Ok(64_000_000));
        assert_eq!(parse_bytes("100 MiB"), Ok(104_857_600));
        assert_eq!(parse_bytes("5000"), Ok(5_000));
        for text in ["", "MB", "-1MB", "1.5GB", "5 apples", "99999999999GB"] {
            assert!(parse_bytes(text).unwrap_err().contains("is not a size"), "{text}");
        }
    }

    #[test]
    fn pairs_say_what_is_wrong() {
        assert_eq!(parse_pair::<u64>("time=72"), Ok(("time".to_owned(), 72)));
        assert_eq!(parse_pair::<u64>("time").unwrap_err(), "`time` is not of the form DIMENSION=VALUE");
        assert_eq!(
            parse_pair::<u64>("time=x").unwrap_err(),
            "`time=x` is not of the form DIMENSION=VALUE: invalid digit found in string"
        );
    }

    #[test]
    fn times_are_moments_or_so_long_ago() {
        assert_eq!(parse_since("10m"), Ok(Since::Ago(Duration::from_mins(10))));
        assert_eq!(parse_since("1970-01-01T00:00:05Z"), Ok(Since::At(Timestamp::from_second(5).unwrap())));
        for text in ["", "10", "m", "-5m", "yesterday", "99999999999999999999d"] {
            assert!(parse_since(text).unwrap_err().contains("is no time"), "{text}");
        }
        assert_eq!([age(-3), age(59), age(61), age(7_300), age(200_000)], ["0 s", "59 s", "1 min", "2 h", "2 days"]);
        assert_eq!(time(Timestamp::UNIX_EPOCH), "1970-01-01 00:00:00Z");
    }

    #[test]
    fn numbers_are_shown_with_three_digits() {
        assert_eq!((bytes(1), bytes(999)), ("1 byte".to_owned(), "999 bytes".to_owned()));
        assert_eq!(bytes(36_091_008), "36.1 MB");
        assert_eq!(bytes(999_999), "1.00 MB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "chunk"), "1 chunk");
        assert_eq!(duration(Duration::from_secs(187)), "3:07");
    }
}
