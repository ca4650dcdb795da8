use serde::Serialize;

use crate::{
    Fit, Score, Subject, Terms, Window,
    axis::product,
    candidates::{self, Candidate, candidates},
    count, real,
    score::score,
};

/// What the search found for an array.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// The shapes worth choosing between: the proposal, then others by what the reads asked for cost.
    pub ranked: Vec<Ranked>,
    /// No shape is better than one of these for both a time series and a map: sorted by the time series.
    pub front: Vec<Point>,
    /// Shapes looked at that lie within the window.
    pub considered: usize,
    /// Of these, shapes that cost the reads asked for hardly more than the cheapest.
    pub alike: usize,
    /// Why the first was chosen, in words.
    pub why: String,
}

/// A shape and what speaks for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranked {
    /// What it is best at.
    pub best_for: BestFor,
    /// Its scores.
    #[serde(flatten)]
    pub score: Score,
}

/// What a shape is best at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BestFor {
    /// The reads asked for: the proposal.
    Reads,
    /// Time series alone.
    Series,
    /// Time series four times as much as maps.
    MostlySeries,
    /// Maps four times as much as time series.
    MostlyMaps,
    /// Maps alone.
    Maps,
}

impl BestFor {
    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Reads => "the reads asked for",
            Self::Series => "time series",
            Self::MostlySeries => "mostly time series",
            Self::MostlyMaps => "mostly maps",
            Self::Maps => "maps",
        }
    }

    /// The share of time series; the rest is maps.
    const OTHERS: [(Self, f64); 4] =
        [(Self::Series, 1.0), (Self::MostlySeries, 0.8), (Self::MostlyMaps, 0.2), (Self::Maps, 0.0)];
}

/// One shape in the plane of time series against map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// The shape.
    pub chunk: Vec<u64>,
    /// Uncompressed bytes of a chunk.
    pub bytes: u64,
    /// Seconds for a time series at a point.
    pub series_s: f64,
    /// Seconds for a map at one time.
    pub map_s: f64,
}

/// No shape was found within the window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no chunk shape of {least} to {most} bytes was found{}; the nearest is {} with {nearest_bytes} bytes, {}",
    fixed(.chosen), shape(.nearest), within_what(*.nearest_bytes, *.least, *.most)
)]
pub struct NoShape {
    least: u64,
    most: u64,
    chosen: Vec<String>,
    nearest: Vec<u64>,
    nearest_bytes: u64,
}

/// The window that the nearest shape lies in, if there may be such a window.
fn within_what(bytes: u64, least: u64, most: u64) -> String {
    match Window::new(least.min(bytes), most.max(bytes)) {
        Ok(window) => format!("within a window of {}:{}", window.least(), window.most()),
        Err(_) => "which no window may hold: choose other lengths".to_owned(),
    }
}

fn fixed(chosen: &[String]) -> String {
    if chosen.is_empty() { String::new() } else { format!(" with {}", chosen.join(", ")) }
}

pub(crate) fn shape(chunk: &[u64]) -> String {
    chunk.iter().map(u64::to_string).collect::<Vec<_>>().join("×")
}

/// Readers do not feel a difference of an eighth; among shapes this near, other wishes decide.
const ALIKE: f64 = 1.12;
/// Points of the front that are kept.
const MOST_POINTS: usize = 60;

/// Proposes chunk shapes for an array. `companions` are shapes chosen already for arrays that share dimensions with it,
/// by dimension; the same lengths are preferred where readers do not care.
///
/// # Errors
/// [`NoShape`] where the window was asked for by both ends ([`Window::is_strict`]) and nothing fits. Otherwise the nearest
/// shape is proposed, and has a warning.
pub fn advise(
    subject: &Subject,
    terms: &Terms<'_>,
    companions: &dyn Fn(&str) -> Option<u64>,
) -> Result<Choice, NoShape> {
    let whole: Vec<u64> =
        subject.axes.iter().map(|axis| axis.chosen.unwrap_or(axis.size).clamp(1, axis.size.max(1))).collect();
    let all_chosen = subject.axes.iter().all(|axis| axis.chosen.is_some());
    let small = subject.bytes() <= terms.window.least();
    // What the user's lengths keep small is small by the user's wish, unless the window is one too.
    let kept_small = subject.chunk_bytes(&whole) <= terms.window.least() && !terms.window.is_strict();
    if all_chosen || small || kept_small {
        return Ok(only(subject, &whole, terms));
    }
    let mut found = within(subject, terms);
    if found.is_empty() {
        found = match candidates::exact(subject, terms) {
            Some(exact) => vec![exact],
            None => vec![nearest(subject, terms)?],
        };
    }
    found.sort_by(order);
    let shares = |candidate: &Candidate| {
        let axes = subject.axes.iter().zip(&candidate.chunk);
        axes.filter(|(axis, length)| companions(&axis.name) == Some(**length)).count()
    };
    let cost = |candidate: &Candidate| candidate.cost_s;
    let (first, alike, best) = pick(&found, &cost, &shares);
    let told = subject.axes.iter().all(|axis| axis.source_chunk.is_some());
    let why = first.map(|first| why(first, told, found.len(), alike, best)).unwrap_or_default();
    let mut picked: Vec<(BestFor, &Candidate)> = first.map(|first| (BestFor::Reads, first)).into_iter().collect();
    for (best_for, series) in BestFor::OTHERS {
        let cost = |candidate: &Candidate| series * candidate.series_s + (1.0 - series) * candidate.map_s;
        let other = pick(&found, &cost, &shares).0;
        picked.extend(
            other.filter(|other| picked.iter().all(|(_, known)| known.chunk != other.chunk)).map(|c| (best_for, c)),
        );
    }
    if let Some(others) = picked.get_mut(1..) {
        others.sort_by(|(_, a), (_, b)| order(a, b));
    }
    let scored = |(best_for, candidate): (BestFor, &Candidate)| Ranked {
        best_for,
        score: score(subject, &candidate.chunk, terms),
    };
    let ranked = picked.into_iter().map(scored).collect();
    let front = front(&found);
    Ok(Choice { ranked, front: thinned(&front).map(point).collect(), considered: found.len(), alike, why })
}

/// Of shapes that cost hardly more than the cheapest, the one with the best of the other wishes; how many there are; and
/// what the cheapest costs.
fn pick<'a>(
    found: &'a [Candidate],
    cost: &dyn Fn(&Candidate) -> f64,
    shares: &dyn Fn(&Candidate) -> usize,
) -> (Option<&'a Candidate>, usize, f64) {
    let best = found.iter().map(cost).fold(f64::INFINITY, f64::min);
    let alike = || found.iter().filter(|candidate| cost(candidate) <= best * ALIKE);
    let compare = |a: &&Candidate, b: &&Candidate| {
        let wishes = wishes(a, shares(a)).cmp(&wishes(b, shares(b)));
        wishes.then_with(|| cost(a).total_cmp(&cost(b))).then_with(|| order(a, b))
    };
    (alike().min_by(compare), alike().count(), best)
}

/// Shapes within the window.
fn within(subject: &Subject, terms: &Terms<'_>) -> Vec<Candidate> {
    let inside = |bytes: u64| terms.window.fit(bytes) == Fit::Inside;
    candidates(subject, terms, inside)
}

/// What is left where every length is given, or the array is small.
fn only(subject: &Subject, chunk: &[u64], terms: &Terms<'_>) -> Choice {
    let score = score(subject, chunk, terms);
    let chosen = subject.axes.iter().filter(|axis| axis.chosen.is_some()).count();
    let why = match chosen {
        0 => "it is small, and stands in one chunk",
        chosen if chosen == subject.axes.len() => "you chose it",
        _ => "with the lengths you chose it is small, so it spans all other axes",
    };
    let [series, map] = [0, 1].map(|read| score.reads.get(read).map_or(0.0, |read| read.seconds));
    let point_chunk = score.chunk.clone();
    let point = Point { chunk: point_chunk, bytes: score.chunk_bytes, series_s: series, map_s: map };
    Choice {
        ranked: vec![Ranked { best_for: BestFor::Reads, score }],
        front: vec![point],
        considered: 1,
        alike: 1,
        why: why.to_owned(),
    }
}

/// The shape outside the window that lies next to it: the smallest above or the largest below.
fn nearest(subject: &Subject, terms: &Terms<'_>) -> Result<Candidate, NoShape> {
    let window = terms.window;
    let distance = |bytes: u64| {
        let (bytes, least, most) = (real(bytes.max(1)), real(window.least().max(1)), real(window.most()));
        if bytes > most { bytes / most } else { least / bytes }
    };
    let all = candidates(subject, terms, |_| true);
    // Nearest first; the cheaper of two that are as near.
    let nearest =
        all.into_iter().min_by(|a, b| distance(a.bytes).total_cmp(&distance(b.bytes)).then_with(|| order(a, b)));
    let nearest = nearest.unwrap_or_else(|| {
        let chunk: Vec<u64> = subject.axes.iter().map(|_| 1).collect();
        smallest(subject, chunk)
    });
    if !window.is_strict() {
        return Ok(nearest);
    }
    let axes = subject.axes.iter().filter_map(|axis| Some(format!("{}={}", axis.name, axis.chosen?)));
    Err(NoShape {
        least: window.least(),
        most: window.most(),
        chosen: axes.collect(),
        nearest_bytes: nearest.bytes,
        nearest: nearest.chunk,
    })
}

fn smallest(subject: &Subject, chunk: Vec<u64>) -> Candidate {
    Candidate {
        bytes: subject.element_bytes,
        chunks: product(subject.axes.iter().map(|axis| axis.size)),
        series_s: 0.0,
        map_s: 0.0,
        cost_s: 0.0,
        read_again: 1.0,
        slivers: 0,
        irregular: 2,
        requests: 1,
        chunk,
    }
}

/// By cost; then, so that the ranking is the same every time, by number of chunks and shape.
fn order(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    a.cost_s.total_cmp(&b.cost_s).then_with(|| a.chunks.cmp(&b.chunks)).then_with(|| a.chunk.cmp(&b.chunk))
}

/// Other wishes, the first that differs decides: one request for a chunk, no source chunk read twice, no slivers, the
/// lengths of other arrays, few objects, give or take a quarter, time cut by the calendar or evenly, few objects exactly.
fn wishes(candidate: &Candidate, shares: usize) -> (bool, u64, u32, std::cmp::Reverse<usize>, u64, u8, u64) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
    let floor = |number: f64| number.floor().max(0.0) as u64;
    // Two in a hundred more are noise.
    let again = floor(candidate.read_again.max(1.0).ln() / 1.02_f64.ln());
    let objects = floor(real(candidate.chunks).ln() / 1.25_f64.ln());
    let shares = std::cmp::Reverse(shares);
    (candidate.requests > 1, again, candidate.slivers, shares, objects, candidate.irregular, candidate.chunks)
}

/// Shapes that no other beats in both a time series and a map.
fn front(found: &[Candidate]) -> Vec<&Candidate> {
    let mut sorted: Vec<&Candidate> = found.iter().collect();
    sorted
        .sort_by(|a, b| a.series_s.total_cmp(&b.series_s).then(a.map_s.total_cmp(&b.map_s)).then_with(|| order(a, b)));
    let mut least = f64::INFINITY;
    sorted.retain(|candidate| {
        let better = candidate.map_s < least;
        least = least.min(candidate.map_s);
        better
    });
    sorted
}

fn thinned<'a>(front: &'a [&'a Candidate]) -> impl Iterator<Item = &'a Candidate> {
    let step = front.len().div_ceil(MOST_POINTS).max(1);
    let last = front.len().saturating_sub(1);
    front.iter().enumerate().filter(move |(at, _)| at % step == 0 || *at == last).map(|(_, candidate)| *candidate)
}

fn point(candidate: &Candidate) -> Point {
    Point {
        chunk: candidate.chunk.clone(),
        bytes: candidate.bytes,
        series_s: candidate.series_s,
        map_s: candidate.map_s,
    }
}

fn why(first: &Candidate, told: bool, considered: usize, alike: usize, best: f64) -> String {
    let mut has = Vec::new();
    if first.requests == 1 {
        has.push("takes one request a chunk".to_owned());
    }
    if told && first.read_again < 1.02 {
        has.push("cuts no source chunk in two".to_owned());
    }
    if first.slivers == 0 {
        has.push("leaves no sliver at an edge".to_owned());
    }
    match first.irregular {
        0 => has.push("keeps to the calendar".to_owned()),
        1 => has.push("cuts time evenly".to_owned()),
        _ => {}
    }
    has.push(if first.chunks == 1 {
        "makes 1 object".to_owned()
    } else {
        format!("makes {} objects", count(first.chunks))
    });
    let more = (first.cost_s / best - 1.0) * 100.0;
    let cost = if more < 0.5 { "costs least".to_owned() } else { format!("costs {more:.0} % more than the least") };
    let [considered, alike] = [considered, alike].map(|number| count(number as u64));
    format!(
        "of {considered} shapes within the window, {alike} cost the reads at most 12 % more than the cheapest; among these \
         it {}; it {cost}",
        has.join(", ")
    )
}

impl Choice {
    /// The proposal.
    pub fn first(&self) -> Option<&Score> {
        self.ranked.first().map(|ranked| &ranked.score)
    }
}

impl Window {
    /// The window for grids inside chunks of twice this size.
    pub(crate) fn inner(self, most: u64) -> Self {
        Self::at_most(most.max(crate::LEAST_BYTES)).unwrap_or(self)
    }
}
