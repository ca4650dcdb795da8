//! An axis of seconds, by logarithm, with the marks that people read time by.

/// A time and how it is written; the round ones are preferred.
type Mark = (f64, &'static str, bool);

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;

const MARKS: [Mark; 45] = [
    (0.001, "1 ms", true),
    (0.002, "2 ms", false),
    (0.005, "5 ms", false),
    (0.01, "10 ms", true),
    (0.02, "20 ms", false),
    (0.05, "50 ms", false),
    (0.1, "0.1 s", true),
    (0.2, "0.2 s", false),
    (0.3, "0.3 s", false),
    (0.5, "0.5 s", false),
    (1.0, "1 s", true),
    (2.0, "2 s", false),
    (3.0, "3 s", false),
    (5.0, "5 s", false),
    (7.0, "7 s", false),
    (10.0, "10 s", true),
    (15.0, "15 s", false),
    (20.0, "20 s", false),
    (30.0, "30 s", false),
    (45.0, "45 s", false),
    (MINUTE, "1 min", true),
    (2.0 * MINUTE, "2 min", false),
    (5.0 * MINUTE, "5 min", false),
    (10.0 * MINUTE, "10 min", true),
    (20.0 * MINUTE, "20 min", false),
    (30.0 * MINUTE, "30 min", false),
    (HOUR, "1 h", true),
    (2.0 * HOUR, "2 h", false),
    (3.0 * HOUR, "3 h", false),
    (5.0 * HOUR, "5 h", false),
    (10.0 * HOUR, "10 h", true),
    (DAY, "1 day", true),
    (2.0 * DAY, "2 days", false),
    (5.0 * DAY, "5 days", false),
    (10.0 * DAY, "10 days", true),
    (20.0 * DAY, "20 days", false),
    (50.0 * DAY, "50 days", false),
    (100.0 * DAY, "100 days", true),
    (200.0 * DAY, "200 days", false),
    (500.0 * DAY, "500 days", false),
    (1e3 * DAY, "1,000 days", true),
    (1e4 * DAY, "10,000 days", true),
    (1e5 * DAY, "100,000 days", true),
    (1e6 * DAY, "10⁶ days", true),
    (1e9 * DAY, "10⁹ days", true),
];

/// From pixels to seconds and back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// Holds all these numbers of seconds, with some air, between two pixels.
    pub(super) fn of(numbers: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let logarithms = numbers.map(logarithm);
        let low = logarithms.clone().fold(f64::INFINITY, f64::min);
        let high = logarithms.fold(f64::NEG_INFINITY, f64::max);
        // At least a factor of three in all: less would make much of nothing.
        let air = ((high - low) * 0.07).max((0.48 - (high - low)) / 2.0).max(0.02);
        Self { low: low - air, high: high + air, from, to }
    }

    pub(super) fn at(&self, seconds: f64) -> f64 {
        let share = (logarithm(seconds) - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// Marks that lie on the axis, at least `gap` pixels from each other: the round ones first.
    pub(super) fn ticks(&self, gap: f64) -> Vec<(f64, &'static str)> {
        let mut chosen: Vec<(f64, &'static str)> = Vec::new();
        let (least, most) = (self.from.min(self.to), self.from.max(self.to));
        for round in [true, false] {
            for (seconds, words, _) in MARKS.iter().filter(|(_, _, is_round)| *is_round == round) {
                let at = self.at(*seconds);
                if at >= least && at <= most && chosen.iter().all(|(other, _)| (other - at).abs() >= gap) {
                    chosen.push((at, words));
                }
            }
        }
        chosen.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        chosen
    }
}

/// Nothing is faster than a tenth of a millisecond.
fn logarithm(seconds: f64) -> f64 {
    if seconds.is_finite() { seconds.max(1e-4).log10() } else { 15.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_times_that_people_know() {
        let scale = Scale::of([0.4, 7_000.0].into_iter(), 0.0, 400.0);
        let words: Vec<_> = scale.ticks(44.0).into_iter().map(|(_, words)| words).collect();
        assert!(words.contains(&"1 s") && words.contains(&"1 min") && words.contains(&"1 h"), "{words:?}");
        let at: Vec<_> = scale.ticks(44.0).into_iter().map(|(at, _)| at).collect();
        assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= 44.0), "{at:?}");
    }

    #[test]
    fn one_number_lies_in_the_middle_and_has_ticks_around() {
        let scale = Scale::of([5.0].into_iter(), 300.0, 0.0);
        assert!((scale.at(5.0) - 150.0).abs() < 1e-6);
        assert!(scale.ticks(30.0).len() >= 2);
    }

    #[test]
    fn numbers_that_are_none_have_a_place() {
        let scale = Scale::of([0.0, f64::INFINITY].into_iter(), 0.0, 100.0);
        assert!(scale.at(0.0) >= 0.0 && scale.at(f64::INFINITY) <= 100.0);
    }
}
