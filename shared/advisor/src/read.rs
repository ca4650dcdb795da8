use std::{collections::BTreeMap, fmt, str::FromStr};

use cf::Role;
use serde::{Deserialize, Serialize};

use crate::Axis;

/// How far a read reaches along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// From end to end.
    All,
    /// So many elements in a row, anywhere.
    Steps(u64),
}

/// A kind of read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// Every time at one point.
    TimeSeries,
    /// Every point at one time.
    Map,
    /// Every point for a year.
    Year,
    /// Every time in a window of a tenth of each horizontal axis.
    Region,
    /// What a user gave, by dimension; one element along all others.
    Custom(BTreeMap<String, Extent>),
}

/// Parts of an axis that stand in for a length nobody knows: a year of an unknown cadence, a region.
const PART: u64 = 10;
/// Weights are thousandths.
const WHOLE: u32 = 1_000;
/// So that 0.333 three times is a whole.
const TOLERANCE: u32 = 5;
/// What a request may hold: more says nothing more.
const MOST_READS: usize = 16;

impl Pattern {
    /// The patterns that have a name.
    pub const NAMED: [Self; 4] = [Self::TimeSeries, Self::Map, Self::Year, Self::Region];

    /// How far it reaches along each of an array's axes; at least one element, at most the axis.
    ///
    /// A map spans the axes that are latitude and longitude or the like; where an array has none, every axis that is
    /// neither time nor vertical, such as stations.
    pub fn extents(&self, axes: &[Axis]) -> Vec<u64> {
        let horizontal = |axis: &Axis| matches!(axis.role, Role::Y | Role::X);
        let any = axes.iter().any(horizontal);
        let across = |axis: &Axis| if any { horizontal(axis) } else { axis.role == Role::Other };
        let year = |axis: &Axis| axis.cadence.map_or(axis.size.div_ceil(PART), steps_a_year);
        let reach = |axis: &Axis| match self {
            Self::TimeSeries | Self::Region if axis.role == Role::Time => axis.size,
            Self::Map | Self::Year if across(axis) => axis.size,
            Self::Year if axis.role == Role::Time => year(axis),
            Self::Region if across(axis) => axis.size.div_ceil(PART),
            Self::TimeSeries | Self::Map | Self::Year | Self::Region => 1,
            Self::Custom(extents) => match extents.get(&axis.name) {
                Some(Extent::All) => axis.size,
                Some(Extent::Steps(steps)) => *steps,
                None => 1,
            },
        };
        axes.iter().map(|axis| reach(axis).clamp(1, axis.size.max(1))).collect()
    }

    /// What it is, for people.
    pub fn words(&self) -> String {
        match self {
            Self::TimeSeries => "a time series at a point".to_owned(),
            Self::Map => "a map at one time".to_owned(),
            Self::Year => "a year of maps".to_owned(),
            Self::Region => "a region at all times".to_owned(),
            Self::Custom(_) => self.to_string(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "steps of a second make 32 million a year")]
fn steps_a_year(cadence: cf::Cadence) -> u64 {
    cadence.per_year().ceil().max(1.0) as u64
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeSeries => f.write_str("timeseries"),
            Self::Map => f.write_str("map"),
            Self::Year => f.write_str("year"),
            Self::Region => f.write_str("region"),
            Self::Custom(extents) => {
                for (position, (name, extent)) in extents.iter().enumerate() {
                    let comma = if position == 0 { "" } else { "," };
                    match extent {
                        Extent::All => write!(f, "{comma}{name}=all")?,
                        Extent::Steps(steps) => write!(f, "{comma}{name}={steps}")?,
                    }
                }
                Ok(())
            }
        }
    }
}

/// A kind of read and how much it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What is read.
    pub pattern: Pattern,
    /// Its share, in thousandths.
    thousandths: u32,
}

impl Read {
    /// Its share of all reads, 0 to 1.
    pub fn weight(&self) -> f64 {
        f64::from(self.thousandths) / f64::from(WHOLE)
    }
}

/// The reads a dataset is to serve. Their weights sum to 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Reads(Vec<Read>);

/// Why reads cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadsError {
    /// Not a pattern.
    #[error(
        "`{found}` is no kind of read: expected timeseries, map, year, region, balanced, or lengths along dimensions such \
         as time=all,lat=1,lon=1{}", meant(*.nearest)
    )]
    Unknown {
        /// What was found.
        found: String,
        /// A name that is nearly the same.
        nearest: Option<&'static str>,
    },
    /// A length that is none.
    #[error("`{found}` in a read: expected DIMENSION=all or DIMENSION=N with N at least 1; the nearest is {nearest}")]
    Extent {
        /// What was found.
        found: String,
        /// What can be.
        nearest: String,
    },
    /// A weight that is none.
    #[error("the weight `{found}` of a read: expected a number above 0 and at most 1, such as 0.5 or 50%")]
    Weight {
        /// What was found.
        found: String,
    },
    /// Some have weights and some have not.
    #[error("some reads have a weight and some have none: give one to each, or to none, and they count alike")]
    Mixed,
    /// The weights are no whole.
    #[error("the weights of the reads sum to {sum}, expected 1; the nearest that do: {nearest}")]
    Sum {
        /// The sum.
        sum: String,
        /// The same reads, with weights in the same proportion that sum to 1.
        nearest: String,
    },
    /// None or too many.
    #[error("there are {found} reads, expected 1 to {MOST_READS}")]
    Number {
        /// How many.
        found: usize,
    },
}

fn meant(name: Option<&'static str>) -> String {
    name.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

impl Default for Reads {
    fn default() -> Self {
        let half = |pattern| Read { pattern, thousandths: WHOLE / 2 };
        Self(vec![half(Pattern::TimeSeries), half(Pattern::Map)])
    }
}

impl Reads {
    /// From texts of the form `PATTERN[@WEIGHT]`: `timeseries`, `map`, `year`, `region`, `balanced` (a time series and a
    /// map, half each), or `time=all,lat=1,lon=1`. Without weights all count alike.
    ///
    /// # Errors
    /// [`ReadsError`].
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, ReadsError> {
        if texts.is_empty() || texts.len() > MOST_READS {
            return Err(ReadsError::Number { found: texts.len() });
        }
        let parsed = texts.iter().map(|text| one(text.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let given: Vec<u32> = parsed.iter().filter_map(|(_, weight)| *weight).collect();
        if !given.is_empty() && given.len() < parsed.len() {
            return Err(ReadsError::Mixed);
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 16")]
        let alike = WHOLE / parsed.len() as u32;
        let sum = if given.is_empty() { WHOLE } else { given.iter().sum() };
        if sum.abs_diff(WHOLE) > TOLERANCE {
            return Err(unequal(&parsed, sum));
        }
        let mut reads: Vec<Read> = Vec::new();
        for (patterns, weight) in parsed {
            let share = weight.unwrap_or(alike);
            #[expect(clippy::cast_possible_truncation, reason = "one or two")]
            let each = share / patterns.len() as u32;
            for pattern in patterns {
                match reads.iter_mut().find(|read| read.pattern == pattern) {
                    Some(read) => read.thousandths += each,
                    None => reads.push(Read { pattern, thousandths: each }),
                }
            }
        }
        // What was lost by rounding goes to the first.
        let rest = WHOLE.abs_diff(reads.iter().map(|read| read.thousandths).sum());
        if rest <= 2 * TOLERANCE
            && let Some(first) = reads.first_mut()
        {
            let others = first.thousandths;
            first.thousandths = if sum > WHOLE { others.saturating_sub(rest) } else { others + rest };
        }
        Ok(Self(reads))
    }

    /// The reads.
    pub fn iter(&self) -> impl Iterator<Item = &Read> {
        self.0.iter()
    }

    /// Dimensions that patterns name.
    pub fn dimensions(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|read| match &read.pattern {
            Pattern::Custom(extents) => extents.keys().map(String::as_str).collect(),
            Pattern::TimeSeries | Pattern::Map | Pattern::Year | Pattern::Region => Vec::new(),
        })
    }

    /// Whether these are a time series and a map, half each: what is assumed where nobody says.
    pub fn is_balanced(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_balanced() {
            return f.write_str("balanced");
        }
        let texts: Vec<String> = self.clone().into();
        f.write_str(&texts.join(" "))
    }
}

impl TryFrom<Vec<String>> for Reads {
    type Error = ReadsError;
    fn try_from(texts: Vec<String>) -> Result<Self, ReadsError> {
        Self::parse(&texts)
    }
}

impl From<Reads> for Vec<String> {
    fn from(reads: Reads) -> Self {
        if let [only] = reads.0.as_slice() {
            return vec![only.pattern.to_string()];
        }
        reads.0.iter().map(|read| format!("{}@{}", read.pattern, read.weight())).collect()
    }
}

impl FromStr for Reads {
    type Err = ReadsError;
    fn from_str(text: &str) -> Result<Self, ReadsError> {
        Self::parse(&[text])
    }
}

type Parsed = (Vec<Pattern>, Option<u32>);

fn one(text: &str) -> Result<Parsed, ReadsError> {
    let (what, weight) = match text.rsplit_once('@') {
        Some((what, weight)) => (what, Some(thousandths(weight)?)),
        None => (text, None),
    };
    let patterns = match what.trim() {
        "timeseries" => vec![Pattern::TimeSeries],
        "map" => vec![Pattern::Map],
        "year" => vec![Pattern::Year],
        "region" => vec![Pattern::Region],
        "balanced" => vec![Pattern::TimeSeries, Pattern::Map],
        other if other.contains('=') => vec![Pattern::Custom(lengths(other)?)],
        other => return Err(ReadsError::Unknown { found: shown(other), nearest: similar(other) }),
    };
    Ok((patterns, weight))
}

fn lengths(text: &str) -> Result<BTreeMap<String, Extent>, ReadsError> {
    let mut extents = BTreeMap::new();
    for pair in text.split(',') {
        let wrong = |nearest: String| ReadsError::Extent { found: shown(pair), nearest };
        let (name, length) = pair.rsplit_once('=').ok_or_else(|| wrong(format!("{}=all", shown(pair.trim()))))?;
        let name = name.trim();
        if name.is_empty() {
            return Err(wrong("time=all".to_owned()));
        }
        let extent = match length.trim() {
            "all" => Extent::All,
            number => match number.parse() {
                Ok(steps) if steps > 0 => Extent::Steps(steps),
                _ => return Err(wrong(format!("{}=1", shown(name)))),
            },
        };
        extents.insert(name.to_owned(), extent);
    }
    Ok(extents)
}

/// Parts of a stranger's text stand in messages: so much of them.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

fn thousandths(text: &str) -> Result<u32, ReadsError> {
    let wrong = || ReadsError::Weight { found: shown(text) };
    let trimmed = text.trim();
    let (number, scale) = match trimmed.strip_suffix('%') {
        Some(percent) => (percent, f64::from(WHOLE) / 100.0),
        None => (trimmed, f64::from(WHOLE)),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let scaled = (number * scale).round();
    if !(1.0..=f64::from(WHOLE)).contains(&scaled) {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 1000")]
    Ok(scaled as u32)
}

/// The same reads with weights that sum to 1.
fn unequal(parsed: &[Parsed], sum: u32) -> ReadsError {
    let mut left = WHOLE;
    let mut texts = Vec::new();
    for (position, (patterns, weight)) in parsed.iter().enumerate() {
        let share = if position + 1 == parsed.len() { left } else { weight.unwrap_or(0) * WHOLE / sum.max(1) };
        left = left.saturating_sub(share);
        let name = match patterns.as_slice() {
            [one] => one.to_string(),
            _ => "balanced".to_owned(),
        };
        texts.push(format!("{name}@{}", f64::from(share) / f64::from(WHOLE)));
    }
    ReadsError::Sum { sum: (f64::from(sum) / f64::from(WHOLE)).to_string(), nearest: texts.join(" ") }
}

/// A known name that begins alike or differs in little.
fn similar(text: &str) -> Option<&'static str> {
    let simple: String = text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
    let names = ["timeseries", "map", "year", "region", "balanced"];
    let aliases = [("series", "timeseries"), ("time", "timeseries"), ("maps", "map"), ("spatial", "map")];
    names
        .into_iter()
        .find(|name| simple.len() >= 2 && (name.starts_with(&simple) || simple.starts_with(name)))
        .or_else(|| aliases.into_iter().find(|(alias, _)| simple.starts_with(alias)).map(|(_, name)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(name: &str, size: u64, role: Role) -> Axis {
        Axis { name: name.to_owned(), size, role, cadence: None, source_chunk: None, offset: 0, chosen: None }
    }

    fn error(texts: &[&str]) -> String {
        Reads::parse(texts).unwrap_err().to_string()
    }

    #[test]
    fn patterns_reach_along_the_axes_they_are_about() {
        let mut axes = vec![axis("t", 1512, Role::Time), axis("lat", 621, Role::Y), axis("lon", 1405, Role::X)];
        assert_eq!(Pattern::TimeSeries.extents(&axes), [1512, 1, 1]);
        assert_eq!(Pattern::Map.extents(&axes), [1, 621, 1405]);
        assert_eq!(Pattern::Year.extents(&axes), [152, 621, 1405], "a tenth, where nobody knows the cadence");
        axes[0].cadence = Some(cf::Cadence::Months(1));
        assert_eq!(Pattern::Year.extents(&axes), [12, 621, 1405]);
        assert_eq!(Pattern::Region.extents(&axes), [1512, 63, 141]);
        let stations = [axis("station", 3200, Role::Other), axis("time", 500, Role::Time)];
        assert_eq!(Pattern::Map.extents(&stations), [3200, 1], "all stations at one time");
        let custom = Reads::parse(&["t=5,lat=all"]).unwrap();
        assert_eq!(custom.iter().next().unwrap().pattern.extents(&axes), [5, 621, 1]);
        let beyond = Reads::parse(&["t=99999"]).unwrap();
        assert_eq!(beyond.iter().next().unwrap().pattern.extents(&axes), [1512, 1, 1]);
    }

    #[test]
    fn weights_sum_to_one_and_survive_their_document() {
        for texts in [
            vec!["timeseries"],
            vec!["timeseries@0.5", "map@0.5"],
            vec!["timeseries@0.7", "map@0.2", "lat=1,time=all@0.1"],
        ] {
            let reads = Reads::parse(&texts).unwrap();
            let json = serde_json::to_string(&reads).unwrap();
            assert_eq!(json, serde_json::to_string(&texts).unwrap());
            assert_eq!(serde_json::from_str::<Reads>(&json).unwrap(), reads);
        }
        for texts in [vec!["map", "year", "region"], vec!["map@33.3%", "year@33.3%", "region@33.3%"], vec!["balanced"]]
        {
            let sum: u32 = Reads::parse(&texts).unwrap().iter().map(|read| read.thousandths).sum();
            assert_eq!(sum, 1000, "{texts:?}");
        }
        let both = Reads::parse(&["balanced@0.5", "map@0.5"]).unwrap();
        assert_eq!(both.iter().map(Read::weight).collect::<Vec<_>>(), [0.25, 0.75]);
        assert_eq!(Reads::parse(&["balanced"]).unwrap(), Reads::default());
    }

    #[test]
    fn what_cannot_be_read_says_what_could() {
        assert!(error(&["series"]).contains("`series` is no kind of read"), "{}", error(&["series"]));
        assert!(error(&["series"]).ends_with("did you mean timeseries?"));
        assert!(error(&["Map"]).ends_with("did you mean map?"));
        assert!(!error(&["x"]).contains("did you mean"));
        assert_eq!(
            error(&["timeseries@0.7", "map@0.7"]),
            "the weights of the reads sum to 1.4, expected 1; the nearest that do: timeseries@0.5 map@0.5"
        );
        assert!(error(&["timeseries@0.7", "map"]).contains("some have none"));
        for weight in ["0", "-1", "NaN", "inf", "1.5", "", "150%", "many"] {
            assert!(error(&[&format!("map@{weight}")]).contains("above 0 and at most 1"), "{weight}");
        }
        assert!(error(&["time=-5"]).contains("the nearest is time=1"));
        assert!(error(&["time=0,lat=1"]).contains("the nearest is time=1"));
        assert!(error(&["time=all,lat"]).contains("the nearest is lat=all"));
        assert!(error(&[]).contains("there are 0 reads"));
        assert!(error(&["map"; 17]).contains("there are 17 reads"));
    }
}
