//! Numbers as people write and read them.

use std::{fmt::Display, str::FromStr, time::Duration};

use advisor::{LEAST_BYTES, Window};
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

/// `time=72`, `tmx:time=36`: a length of at least 1.
pub(crate) fn parse_chunk(text: &str) -> Result<(String, u64), String> {
    let (name, size) = text
        .rsplit_once('=')
        .filter(|(name, _)| !name.trim().is_empty())
        .ok_or_else(|| format!("`{text}` is not of the form DIMENSION=SIZE or VARIABLE:DIMENSION=SIZE"))?;
    let (name, size) = (name.trim(), size.trim());
    match size.parse() {
        Ok(elements) if elements > 0 => Ok((name.to_owned(), elements)),
        // As it is said of a request's document.
        _ => Err(format!(
            "`chunks.{name}` is {size}, expected a number of elements, at least 1; the nearest is {name}=1"
        )),
    }
}

/// `64MB`, `10MB:200MB`.
pub(crate) fn parse_window(text: &str) -> Result<Window, String> {
    let size = |text: &str| {
        let negative = text.trim_start().starts_with('-');
        parse_bytes(text)
            .map_err(|error| if negative { format!("{error}; the nearest is {LEAST_BYTES}") } else { error })
    };
    let window = match text.split_once(':') {
        None => Window::at_most(size(text)?),
        Some((least, most)) => Window::new(size(least)?, size(most)?),
    };
    window.map_err(|error| error.to_string())
}

/// `200ms`, `0.2s`, as milliseconds.
pub(crate) fn parse_milliseconds(text: &str) -> Result<u32, String> {
    let expected = || format!("`{text}` is not a time: expected 200ms or 0.2s");
    let (number, scale) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1.0),
        (None, Some(number)) => (number, 1000.0),
        (None, None) => return Err(expected()),
    };
    let milliseconds: f64 = number.trim().parse::<f64>().map_err(|_| expected())? * scale;
    if !(0.0..=60_000.0).contains(&milliseconds) {
        return Err(format!("`{text}`: expected 0 to 60 s"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 60000")]
    Ok(milliseconds.round() as u32)
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

/// A time that was estimated, or is compared with one: `0.8 s`, `42 s`, `6 min 03 s`, `2 h 03 min`, `3 days 4 h`.
pub(crate) fn lasting(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{:.1} s", seconds.max(0.0));
    }
    // A number that is none counts as nothing.
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or_default().as_secs();
    match whole {
        ..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3_600..172_800 => format!("{} h {:02} min", whole / 3_600, whole / 60 % 60),
        _ => format!("{} days {} h", count(whole / 86_400), whole / 3_600 % 24),
    }
}

/// Seconds in a table, as many digits as tell something: `0.38`, `5.6`, `1,234`.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        ..0.995 => format!("{seconds:.2}"),
        ..99.95 => format!("{seconds:.1}"),
        _ => count(whole(seconds)),
    }
}

/// A mean of counts: `9`, `2.4`, `1,234`.
pub(crate) fn mean(number: f64) -> String {
    if number >= 99.95 || (number - number.round()).abs() < 0.05 {
        count(whole(number))
    } else {
        format!("{number:.1}")
    }
}

/// `$0.25`, `less than $0.01`, `$1,234`.
pub(crate) fn dollars(dollars: f64) -> String {
    match dollars {
        ..=0.0 => "$0".to_owned(),
        ..0.005 => "less than $0.01".to_owned(),
        ..99.995 => format!("${dollars:.2}"),
        _ => format!("${}", count(whole(dollars))),
    }
}

/// A share of 1: `75 %`; below one in a hundred with a digit more.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.995 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// To the nearest whole number; what is none, or below zero, is 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast stops at both ends")]
pub(crate) fn whole(number: f64) -> u64 {
    number.round() as u64
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
    fn lengths_of_chunks_are_at_least_one() {
        assert_eq!(parse_chunk("time=72"), Ok(("time".to_owned(), 72)));
        assert_eq!(parse_chunk("tmx:time=36"), Ok(("tmx:time".to_owned(), 36)));
        for text in ["time=-5", "time=0", "time=", "time=1.5", "time=99999999999999999999"] {
            let error = parse_chunk(text).unwrap_err();
            let size = text.trim_start_matches("time=");
            assert!(error.starts_with(&format!("`chunks.time` is {size}, expected a number of elements")), "{error}");
            assert!(error.ends_with("the nearest is time=1"), "{error}");
        }
        assert!(parse_chunk("72").unwrap_err().contains("DIMENSION=SIZE"));
        assert!(parse_chunk("=72").unwrap_err().contains("DIMENSION=SIZE"));
    }

    #[test]
    fn windows_have_two_ends_or_one() {
        let window = parse_window("10MB:200MB").unwrap();
        assert_eq!((window.least(), window.most(), window.is_strict()), (10_000_000, 200_000_000, true));
        let window = parse_window("64MB").unwrap();
        assert_eq!((window.least(), window.most(), window.is_strict()), (8_000_000, 64_000_000, false));
        for (text, expected) in [
            (
                "-5:10",
                "`-5` is not a size: expected a number of bytes such as 64MB, 100MiB or 5000000; the nearest is 1000",
            ),
            (
                "-5",
                "`-5` is not a size: expected a number of bytes such as 64MB, 100MiB or 5000000; the nearest is 1000",
            ),
            (
                "2MB:1MB",
                "`chunk_bytes` runs from 2000000 down to 1000000 bytes; the nearest that can be is 1000000:2000000",
            ),
            ("10", "`chunk_bytes` is 10, expected 1000 to 2000000000 bytes; the nearest is 1000"),
            ("1MB:3GB", "`chunk_bytes` is 3000000000, expected 1000 to 2000000000 bytes; the nearest is 2000000000"),
            ("1MB:", "`` is not a size: expected a number of bytes such as 64MB, 100MiB or 5000000"),
        ] {
            assert_eq!(parse_window(text).unwrap_err(), expected);
        }
    }

    #[test]
    fn latencies_are_milliseconds() {
        assert_eq!(
            [parse_milliseconds("200ms"), parse_milliseconds("0.2s"), parse_milliseconds("0s")],
            [Ok(200), Ok(200), Ok(0)]
        );
        for text in ["200", "s", "-1s", "61s", "NaNs", "fast"] {
            assert!(parse_milliseconds(text).unwrap_err().contains("expected"), "{text}");
        }
    }

    #[test]
    fn estimates_have_the_digits_that_tell_something() {
        let times = [0.04, 42.4, 59.6, 363.0, 7_380.0, 270_000.0, f64::NAN, -1.0].map(lasting);
        assert_eq!(times, ["0.0 s", "42 s", "1 min 00 s", "6 min 03 s", "2 h 03 min", "3 days 3 h", "0 s", "0.0 s"]);
        assert_eq!([0.38, 5.6, 99.96, 1_234.5].map(seconds), ["0.38", "5.6", "100", "1,235"]);
        assert_eq!([9.0, 2.44, 9.96, 1_234.4].map(mean), ["9", "2.4", "10", "1,234"]);
        assert_eq!([0.0, 0.001, 0.249, 1_234.0].map(dollars), ["$0", "less than $0.01", "$0.25", "$1,234"]);
        assert_eq!([0.006, 0.754, 1.0].map(percent), ["0.6 %", "75 %", "100 %"]);
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
