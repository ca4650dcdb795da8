use serde::{Deserialize, Serialize};

const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;
const MINUTE: u64 = 60;

/// How far apart the steps of a time axis are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    /// So many months of a calendar, whatever their length in days; 12 is a year.
    Months(u32),
    /// So many seconds.
    Seconds(u64),
}

/// What a value of a time coordinate counts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Months(f64),
    Seconds(f64),
}

impl Cadence {
    /// From the first values of a time coordinate and its `units`, `UNIT since DATE` (CF §4.4). Two values are enough; with
    /// three or four, months are told from days more surely, and an irregular axis is noticed.
    ///
    /// Steps of the length of a month, a quarter or a year are taken for one, whatever the calendar (CF §4.4.1): 28 to 31
    /// days for a month, 89 to 92 for three, 360, 365 or 366 for a year; 59 to 62, 120 to 123 and 180 to 184 for two, four and
    /// six months. UDUNITS means fixed lengths by `month` and `year`; whoever writes them means the calendar's.
    ///
    /// Nothing if the unit is not known, or the values do not grow, or do not grow regularly, to one part in a hundred.
    pub fn of(units: &str, values: &[f64]) -> Option<Self> {
        let unit = Unit::of(units)?;
        let pairs = values.iter().zip(values.iter().skip(1));
        let steps: Vec<f64> = pairs.map(|(before, after)| after - before).collect();
        if steps.is_empty() || !steps.iter().all(|step| step.is_finite() && *step > 0.0) {
            return None;
        }
        match unit {
            Unit::Months(months) => {
                let months = whole(regular(&steps)? * months)?;
                u32::try_from(months).ok().map(Self::Months)
            }
            Unit::Seconds(seconds) => {
                let days: Vec<f64> = steps.iter().map(|step| step * seconds / as_float(DAY)).collect();
                if let Some(months) = months(&days) {
                    return Some(Self::Months(months));
                }
                let seconds = (regular(&steps)? * seconds).round();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked in this line")]
                (1.0..1e15).contains(&seconds).then_some(Self::Seconds(seconds as u64))
            }
        }
    }

    /// Steps in a year of 365.25 days: 12 for months, 365.25 for days.
    pub fn per_year(self) -> f64 {
        match self {
            Self::Months(months) => 12.0 / f64::from(months.max(1)),
            Self::Seconds(seconds) => 365.25 * as_float(DAY) / as_float(seconds.max(1)),
        }
    }

    /// Chunk lengths along time that people think in, in steps: days, weeks, months, quarters and years, as far as they are
    /// whole numbers of steps. Ascending, each once, each at least 2.
    ///
    /// Where steps of a day or more fit neither 365 nor 366 days, as weeks and the eight days of satellites do, the numbers
    /// of steps nearest to one, two, five and ten years stand in.
    pub fn steps(self) -> Vec<u64> {
        /// Months in one to thirty years.
        const YEARS: [u64; 9] = [12, 24, 36, 60, 72, 120, 180, 240, 360];
        /// Days: a week, months, a fifth of a year, quarters, half a year, years, and several with their leap days.
        const DAYS: [u64; 15] = [7, 28, 30, 31, 73, 90, 91, 92, 180, 365, 366, 730, 1_461, 1_826, 3_652];
        /// Hours: a day, a week, months, two, a quarter, half a year, years.
        const HOURS: [u64; 10] = [24, 168, 672, 720, 744, 1_440, 2_160, 4_380, 8_760, 8_784];
        let fit = |lengths: &[u64], unit: u64, step: u64| -> Vec<u64> {
            let lengths = lengths.iter().map(|length| length * unit);
            lengths.filter(|length| step > 0 && length % step == 0).map(|length| length / step).collect()
        };
        let mut steps = match self {
            Self::Months(months) => fit(&YEARS, 1, u64::from(months)),
            Self::Seconds(seconds) if seconds < DAY => fit(&HOURS, HOUR, seconds),
            Self::Seconds(seconds) => {
                let mut steps = fit(&DAYS, DAY, seconds);
                if fit(&[365, 366], DAY, seconds).is_empty() {
                    // Twice the seconds of so many years of 365.25 days, divided to the nearest.
                    steps
                        .extend([1, 2, 5, 10].map(|years| {
                            (years * 1_461 * DAY / 2).saturating_add(seconds) / seconds.saturating_mul(2)
                        }));
                }
                steps
            }
        };
        steps.retain(|step| *step >= 2);
        steps.sort_unstable();
        steps.dedup();
        steps
    }
}

impl std::fmt::Display for Cadence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let every = |f: &mut std::fmt::Formatter<'_>, count: u64, unit: &str| match count {
            1 => write!(f, "every {unit}"),
            _ => write!(f, "every {count} {unit}s"),
        };
        match *self {
            Self::Months(1) => f.write_str("monthly"),
            Self::Months(12) => f.write_str("yearly"),
            Self::Months(months) if months > 0 && months % 12 == 0 => every(f, u64::from(months / 12), "year"),
            Self::Months(months) => every(f, u64::from(months), "month"),
            Self::Seconds(HOUR) => f.write_str("hourly"),
            Self::Seconds(DAY) => f.write_str("daily"),
            Self::Seconds(seconds) if seconds == 7 * DAY => f.write_str("weekly"),
            Self::Seconds(seconds) if seconds % DAY == 0 => every(f, seconds / DAY, "day"),
            Self::Seconds(seconds) if seconds % HOUR == 0 => every(f, seconds / HOUR, "hour"),
            Self::Seconds(seconds) if seconds % MINUTE == 0 => every(f, seconds / MINUTE, "minute"),
            Self::Seconds(seconds) => every(f, seconds, "second"),
        }
    }
}

impl Unit {
    /// The UNIT of `UNIT since DATE`, with the names and abbreviations of UDUNITS, whatever their case.
    fn of(units: &str) -> Option<Self> {
        let units = units.trim().to_ascii_lowercase();
        let (unit, _) = units.split_once(" since ")?;
        Some(match unit.trim() {
            "years" | "year" | "yr" | "yrs" => Self::Months(12.0),
            "months" | "month" | "mon" | "mons" => Self::Months(1.0),
            "weeks" | "week" => Self::Seconds(7.0 * as_float(DAY)),
            "days" | "day" | "d" => Self::Seconds(as_float(DAY)),
            "hours" | "hour" | "hrs" | "hr" | "h" => Self::Seconds(as_float(HOUR)),
            "minutes" | "minute" | "mins" | "min" => Self::Seconds(as_float(MINUTE)),
            "seconds" | "second" | "secs" | "sec" | "s" => Self::Seconds(1.0),
            "milliseconds" | "millisecond" | "millisecs" | "millisec" | "msecs" | "msec" | "ms" => Self::Seconds(1e-3),
            "microseconds" | "microsecond" | "microsecs" | "microsec" => Self::Seconds(1e-6),
            "nanoseconds" | "nanosecond" | "nanosecs" | "nanosec" => Self::Seconds(1e-9),
            _ => return None,
        })
    }
}

/// The mean step, if none differs from it by more than a hundredth.
fn regular(steps: &[f64]) -> Option<f64> {
    let count = u32::try_from(steps.len()).ok().filter(|count| *count > 0)?;
    let mean = steps.iter().sum::<f64>() / f64::from(count);
    steps.iter().all(|step| (step - mean).abs() <= mean / 100.0).then_some(mean)
}

/// The number, if it is a whole one but for a hundredth.
fn whole(number: f64) -> Option<u64> {
    let rounded = number.round();
    let near = (number - rounded).abs() <= 0.01 * rounded && (1.0..1e9).contains(&rounded);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 1e9, as checked above")]
    near.then_some(rounded as u64)
}

/// How many months all the steps are, by their length in days.
fn months(days: &[f64]) -> Option<u32> {
    /// Times kept in 32 bits are off by minutes.
    const SLACK: f64 = 0.01;
    const LENGTHS: [(u32, f64, f64); 7] = [
        (1, 28.0, 31.0),
        (2, 59.0, 62.0),
        (3, 89.0, 92.0),
        (4, 120.0, 123.0),
        (6, 180.0, 184.0),
        (12, 360.0, 360.0),
        (12, 365.0, 366.0),
    ];
    let all = |least: f64, most: f64| days.iter().all(|days| (least - SLACK..=most + SLACK).contains(days));
    if let Some((months, _, _)) = LENGTHS.iter().find(|(_, least, most)| all(*least, *most)) {
        return Some(*months);
    }
    // Several years: 365 days each, and leap days or none; or 360 each.
    let years = (2..=100_u32).find(|years| {
        let count = f64::from(*years);
        all(365.0 * count, 365.0 * count + (count / 4.0).ceil()) || all(360.0 * count, 360.0 * count)
    })?;
    Some(12 * years)
}

#[expect(clippy::cast_precision_loss, reason = "lengths of time in seconds, far below 2^53")]
const fn as_float(seconds: u64) -> f64 {
    seconds as f64
}

#[cfg(test)]
mod tests {
    use super::{
        Cadence::{Months, Seconds},
        *,
    };

    #[test]
    fn steps_are_found_in_any_unit() {
        let cases: &[(&str, &[f64], Option<Cadence>)] = &[
            ("days since 1900-01-01 00:00:00", &[28_854.0, 28_855.0, 28_856.0, 28_857.0], Some(Seconds(DAY))),
            ("Hour since 2024-01-01T00:00:00Z", &[3.0, 6.0, 9.0], Some(Seconds(3 * HOUR))),
            ("hours since 1900-01-01", &[0.0, 24.0], Some(Seconds(DAY))),
            ("seconds since 1970-01-01", &[0.0, 3_600.0, 7_200.0, 10_800.0], Some(Seconds(HOUR))),
            ("minutes since 2000-01-24 12:00:00", &[0.0, 15.0, 30.0, 45.0], Some(Seconds(900))),
            ("msec since 1970-01-01", &[0.0, 86_400_000.0, 172_800_000.0], Some(Seconds(DAY))),
            // An hour in days, as far as doubles go and as somebody rounded it.
            ("days since 1950-1-1", &[24_837.0, 24_837.041_666_666_668, 24_837.083_333_333_332], Some(Seconds(HOUR))),
            ("days since 1950-1-1", &[0.0, 5.0, 10.0, 15.0], Some(Seconds(5 * DAY))),
            ("days since 1950-1-1", &[0.0, 7.0, 14.0], Some(Seconds(7 * DAY))),
            // Months from their first days, from their middles, from a year of 360 days, in hours.
            ("days since 1800-1-1", &[19_723.0, 19_754.0, 19_782.0, 19_813.0], Some(Months(1))),
            ("days since 1850-01-01", &[15.5, 45.0, 74.5, 105.0], Some(Months(1))),
            ("days since 1850-01-01", &[15.0, 45.0, 75.0], Some(Months(1))),
            ("hours since 1900-01-01", &[0.0, 744.0, 1_416.0], Some(Months(1))),
            ("days since 2001-01-01", &[0.0, 90.0, 181.0, 273.0], Some(Months(3))),
            ("days since 2001-01-01", &[0.0, 59.0, 120.0], Some(Months(2))),
            ("days since 2001-01-01", &[0.0, 181.0, 365.0], Some(Months(6))),
            ("days since 2000-01-01", &[0.0, 366.0, 731.0, 1_096.0], Some(Months(12))),
            ("days since 2000-01-01", &[0.0, 360.0, 720.0], Some(Months(12))),
            ("days since 2000-01-01", &[0.0, 3_653.0, 7_305.0], Some(Months(120))),
            ("months since 1960-01-01", &[0.5, 1.5, 2.5], Some(Months(1))),
            ("months since 1960-01-01", &[0.0, 3.0, 6.0], Some(Months(3))),
            ("years since 1960-01-01", &[0.0, 1.0, 2.0], Some(Months(12))),
            ("years since 1960-01-01", &[0.0, 1.0 / 12.0, 2.0 / 12.0], Some(Months(1))),
        ];
        for (units, values, expected) in cases {
            assert_eq!(Cadence::of(units, values), *expected, "{units} {values:?}");
        }
    }

    #[test]
    fn what_is_not_regular_or_not_known_has_no_cadence() {
        for (units, values) in [
            ("days since 2000-01-01", [0.0, 1.0, 3.0].as_slice()),
            // Ten days at a time, but the last of the month.
            ("days since 2000-01-01", &[0.0, 10.0, 20.0, 31.0]),
            ("days since 2000-01-01", &[0.0, 31.0, 32.0]),
            ("days since 2000-01-01", &[2.0, 1.0, 0.0]),
            ("days since 2000-01-01", &[0.0, 0.0]),
            ("days since 2000-01-01", &[0.0, f64::NAN, 2.0]),
            ("days since 2000-01-01", &[-9_999.0, 1.0, 2.0]),
            ("days since 2000-01-01", &[0.0, f64::INFINITY]),
            ("days since 2000-01-01", &[0.0, 1e300]),
            ("days since 2000-01-01", &[0.0]),
            ("days since 2000-01-01", &[]),
            ("seconds since 2000-01-01", &[0.0, 0.25, 0.5]),
            ("months since 2000-01-01", &[0.0, 0.3, 0.6]),
            ("months since 2000-01-01", &[0.0, 1e12]),
            ("days", &[0.0, 1.0]),
            ("fortnights since 2000-01-01", &[0.0, 1.0]),
            ("day as %Y%m%d.%f", &[20_000_101.0, 20_000_102.0]),
        ] {
            assert_eq!(Cadence::of(units, values), None, "{units} {values:?}");
        }
    }

    #[test]
    fn chunk_lengths_are_those_people_think_in() {
        let cases: &[(Cadence, &[u64])] = &[
            (Months(1), &[12, 24, 36, 60, 72, 120, 180, 240, 360]),
            (Months(3), &[4, 8, 12, 20, 24, 40, 60, 80, 120]),
            (Months(12), &[2, 3, 5, 6, 10, 15, 20, 30]),
            (Seconds(DAY), &[7, 28, 30, 31, 73, 90, 91, 92, 180, 365, 366, 730, 1_461, 1_826, 3_652]),
            (Seconds(HOUR), &[24, 168, 672, 720, 744, 1_440, 2_160, 4_380, 8_760, 8_784]),
            (Seconds(6 * HOUR), &[4, 28, 112, 120, 124, 240, 360, 730, 1_460, 1_464]),
            (Seconds(5 * DAY), &[6, 18, 36, 73, 146]),
            // A week does not fit a year, nor do eight days.
            (Seconds(7 * DAY), &[4, 13, 52, 104, 261, 522]),
            (Seconds(8 * DAY), &[46, 91, 228, 457]),
            (Seconds(420), &[1_440, 5_760]),
            // No step of such an axis is shorter than what people think in.
            (Months(1_200), &[]),
            (Seconds(0), &[]),
            (Seconds(u64::MAX), &[]),
            (Months(0), &[]),
        ];
        for (cadence, expected) in cases {
            assert_eq!(cadence.steps(), *expected, "{cadence:?}");
        }
    }

    #[test]
    fn a_year_has_so_many_steps() {
        for (cadence, expected) in [
            (Months(1), 12.0),
            (Months(12), 1.0),
            (Seconds(DAY), 365.25),
            (Seconds(HOUR), 8_766.0),
            (Seconds(5 * DAY), 73.05),
        ] {
            assert!((cadence.per_year() - expected).abs() < 1e-9, "{cadence:?}: {}", cadence.per_year());
        }
    }

    #[test]
    fn it_reads_as_people_say_it() {
        for (cadence, expected) in [
            (Months(1), "monthly"),
            (Months(3), "every 3 months"),
            (Months(12), "yearly"),
            (Months(120), "every 10 years"),
            (Seconds(DAY), "daily"),
            (Seconds(7 * DAY), "weekly"),
            (Seconds(5 * DAY), "every 5 days"),
            (Seconds(HOUR), "hourly"),
            (Seconds(6 * HOUR), "every 6 hours"),
            (Seconds(900), "every 15 minutes"),
            (Seconds(60), "every minute"),
            (Seconds(7), "every 7 seconds"),
        ] {
            assert_eq!(cadence.to_string(), expected);
        }
    }

    #[test]
    fn a_document_says_what_it_counts() {
        for (cadence, expected) in [(Months(1), r#"{"months":1}"#), (Seconds(DAY), r#"{"seconds":86400}"#)] {
            let text = serde_json::to_string(&cadence).unwrap();
            assert_eq!(text, expected);
            assert_eq!(serde_json::from_str::<Cadence>(&text).unwrap(), cadence);
        }
    }
}
