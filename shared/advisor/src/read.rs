use std::{collections::BTreeMap, fmt, str::FromStr};

use cf::Role;
use serde::{Deserialize, Serialize};

use crate::{Axis, real};

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
        let alike = 1;
        let sum = if given.is_empty() { WHOLE } else { given.iter().sum() };
        if sum.abs_diff(WHOLE) > TOLERANCE {
            return Err(unequal(&parsed, sum));
        }
        let mut shares: Vec<(Pattern, f64)> = Vec::new();
        for (patterns, weight) in parsed {
            let each = f64::from(weight.unwrap_or(alike)) / real(patterns.len() as u64);
            for pattern in patterns {
                match shares.iter_mut().find(|(known, _)| *known == pattern) {
                    Some((_, share)) => *share += each,
                    None => shares.push((pattern, each)),
                }
            }
        }
        if shares.len() > MOST_READS {
            return Err(ReadsError::Number { found: shares.len() });
        }
        let reads = apportioned(shares);
        if let Some(read) = reads.iter().find(|read| read.thousandths == 0) {
            return Err(ReadsError::Weight { found: format!("below 0.001 of {}", read.pattern) });
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

/// Thousandths that sum to a whole: each share's own, and what is left to those that lose most by rounding.
fn apportioned(shares: Vec<(Pattern, f64)>) -> Vec<Read> {
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    let exact = |share: f64| share * f64::from(WHOLE) / sum;
    let lost: Vec<f64> = shares.iter().map(|(_, share)| exact(*share).fract()).collect();
    let floor = |share: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        let floor = exact(share).floor() as u32;
        floor
    };
    let mut reads: Vec<Read> =
        shares.into_iter().map(|(pattern, share)| Read { pattern, thousandths: floor(share) }).collect();
    let left = WHOLE.saturating_sub(reads.iter().map(|read| read.thousandths).sum());
    let mut order: Vec<usize> = (0..reads.len()).collect();
    order.sort_by(|a, b| lost.get(*b).partial_cmp(&lost.get(*a)).unwrap_or(std::cmp::Ordering::Equal));
    for at in order.into_iter().cycle().take(left as usize) {
        if let Some(read) = reads.get_mut(at) {
            read.thousandths += 1;
        }
    }
    reads
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
                Err(_) if number.len() > 19 && number.bytes().all(|digit| digit.is_ascii_digit()) => {
                    return Err(wrong(format!("{}=all", shown(name))));
                }
                _ => return Err(wrong(format!("{}=1", shown(name)))),
            },
        };
        if extents.insert(name.to_owned(), extent).is_some() {
            return Err(wrong(format!("{} once", shown(name))));
        }
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
mod tests;
