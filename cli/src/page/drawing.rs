//! A chunk grid as a drawing: the plane of two axes in proportion, and a bar for each other axis.

use advisor::{Axis, Score};
use cf::Role;

use super::html::{escape, label, put, real, shape, share};
use crate::units::{count, counted};

/// Pixels of the plane at most, across and down.
const WIDE: f64 = 200.0;
const HIGH: f64 = 140.0;
/// One side is drawn at least this part of the other.
const NARROWEST: f64 = 0.25;
/// Borders along an axis that are drawn, and how far apart they have to be.
const MOST_BORDERS: u64 = 60;
const LEAST_GAP: f64 = 3.5;
/// What is touched is drawn at least this large.
const LEAST_TOUCHED: f64 = 5.0;
/// Letters of a label that fit: 12 pixels high in a typeface of one width.
const LETTERS: usize = 27;
const BAR: f64 = 16.0;
/// Axes beside the plane that have a bar each.
const MOST_BARS: usize = 4;

/// A drawing, and what has to be said of it.
#[derive(Debug)]
pub(super) struct Drawing {
    pub(super) svg: String,
    pub(super) remarks: Vec<String>,
}

/// One axis cut by its chunks.
#[derive(Debug)]
struct Cut<'a> {
    name: &'a str,
    size: u64,
    chunk: u64,
    count: u64,
    share: f64,
    pixels: f64,
    /// First chunk and the one past the last, for a read somewhere in the middle.
    series: (u64, u64),
    map: (u64, u64),
}

impl Cut<'_> {
    /// Pixels from the beginning to where a chunk begins.
    fn at(&self, chunk: u64) -> f64 {
        let element = chunk.saturating_mul(self.chunk).min(self.size);
        real(element) / real(self.size.max(1)) * self.pixels
    }

    /// Borders are drawn one in so many.
    fn every(&self) -> u64 {
        let room = crate::units::whole((self.pixels / LEAST_GAP).floor());
        self.count.saturating_sub(1).div_ceil(room.clamp(1, MOST_BORDERS)).max(1)
    }

    fn borders(&self) -> impl Iterator<Item = f64> {
        let every = self.every();
        (1..).map(move |step| step * every).take_while(|border| *border < self.count).map(|border| self.at(border))
    }

    /// Where chunks lie and how long they are together, so that it can be seen.
    fn touched(&self, (from, to): (u64, u64)) -> (f64, f64) {
        let (begin, end) = (self.at(from), self.at(to));
        let length = (end - begin).max(LEAST_TOUCHED).min(self.pixels);
        (begin.min(self.pixels - length), length)
    }

    /// Where the last chunk lies, if it is not full.
    fn last(&self) -> Option<(f64, f64)> {
        let begin = self.at(self.count.saturating_sub(1));
        (self.share < 1.0).then_some((begin, self.pixels - begin))
    }

    fn label(&self, arrow: &str) -> String {
        let rest = format!(" {}, {}{arrow}", count(self.size), counted(self.count, "chunk"));
        let room = LETTERS.saturating_sub(rest.chars().count()).max(4);
        format!("{}{}", escape(&fitting(self.name, room)), escape(&rest))
    }
}

/// As much of a name as fits so many letters; letters beyond ASCII can be twice as wide.
fn fitting(name: &str, room: usize) -> String {
    let width = |letter: char| if letter.is_ascii() { 1 } else { 2 };
    if name.chars().map(width).sum::<usize>() <= room {
        return name.to_owned();
    }
    let mut used = 2;
    let head: String = name
        .chars()
        .take_while(|letter| {
            used += width(*letter);
            used <= room
        })
        .collect();
    format!("{head}…")
}

/// The two axes of the plane, down and across: those that are horizontal, or the two largest.
fn plane(axes: &[Axis]) -> Option<(usize, usize)> {
    let long = |at: &usize| axes.get(*at).is_some_and(|axis| axis.size > 1);
    let of = |role: Role| axes.iter().position(|axis| axis.role == role).filter(long);
    if let (Some(y), Some(x)) = (of(Role::Y), of(Role::X)) {
        return Some((y, x));
    }
    let mut order: Vec<usize> = (0..axes.len()).filter(long).collect();
    order.sort_by_key(|at| std::cmp::Reverse(axes.get(*at).map_or(0, |axis| axis.size)));
    match order.as_slice() {
        [a, b, ..] => Some((*a.min(b), *a.max(b))),
        _ => None,
    }
}

/// Chunks that a read touches which reaches `extent` elements from somewhere in the middle.
fn reached(size: u64, chunk: u64, extent: u64) -> (u64, u64) {
    let chunk = chunk.max(1);
    let extent = extent.clamp(1, size.max(1));
    let begin = size.saturating_sub(extent) / 5 * 2;
    (begin / chunk, (begin + extent).div_ceil(chunk).max(begin / chunk + 1))
}

fn cut<'a>(axes: &'a [Axis], score: &Score, at: usize, pixels: f64) -> Option<Cut<'a>> {
    let dimension = axes.get(at)?;
    let chunk = *score.chunk.get(at)?;
    let extent = |read: usize| score.reads.get(read).and_then(|read| read.extents.get(at)).copied().unwrap_or(1);
    Some(Cut {
        name: &dimension.name,
        size: dimension.size,
        chunk,
        count: *score.counts.get(at)?,
        share: score.last.get(at)?.share,
        pixels,
        series: reached(dimension.size, chunk, extent(0)),
        map: reached(dimension.size, chunk, extent(1)),
    })
}

/// Draws the grid of one candidate. `title` says of what, and is not yet escaped.
pub(super) fn draw(axes: &[Axis], score: &Score, title: &str) -> Drawing {
    let mut body = String::new();
    let mut remarks = Vec::new();
    let mut below = 0.0;
    let plane = plane(axes);
    if let Some((down, across)) = plane
        && let (Some(mut rows), Some(mut columns)) = (cut(axes, score, down, 0.0), cut(axes, score, across, 0.0))
    {
        let scale = (WIDE / real(columns.size)).min(HIGH / real(rows.size));
        let (wide, high) = (real(columns.size) * scale, real(rows.size) * scale);
        columns.pixels = wide.max(high * NARROWEST);
        rows.pixels = high.max(wide * NARROWEST);
        if wide < high * NARROWEST || high < wide * NARROWEST {
            remarks.push("The sides are not drawn in proportion.".to_owned());
        }
        body.push_str(&text(13.0, &rows.label(" ↓")));
        body.push_str(&block(&columns, &rows, 20.0));
        below = 20.0 + rows.pixels + 16.0;
        body.push_str(&text(below, &columns.label(" →")));
        below += 10.0;
        remarks.extend(thinned(&rows));
        remarks.extend(thinned(&columns));
    }
    let beside = (0..axes.len()).filter(|at| plane.is_none_or(|(down, across)| *at != down && *at != across));
    let bars: Vec<Cut<'_>> = beside.filter_map(|at| cut(axes, score, at, WIDE)).collect();
    let is_drawn = |bar: &&Cut<'_>| bar.size > 1 || (plane.is_none() && bars.len() == 1);
    for bar in bars.iter().filter(is_drawn).take(MOST_BARS) {
        body.push_str(&text(below + 13.0, &bar.label(" →")));
        let thickness =
            Cut { name: "", size: 1, chunk: 1, count: 1, share: 1.0, pixels: BAR, series: (0, 1), map: (0, 1) };
        body.push_str(&block(bar, &thickness, below + 19.0));
        remarks.extend(thinned(bar));
        below += 19.0 + BAR + 9.0;
    }
    let (wide, high) = (WIDE + 2.0, below + 2.0);
    let described = escape(&format!(
        "{title}: {} in chunks of {}, {}",
        shape(&axes.iter().map(|axis| axis.size).collect::<Vec<_>>()),
        shape(&score.chunk),
        counted(score.chunks, "chunk"),
    ));
    let svg = format!(
        "<svg role=\"img\" aria-label=\"{described}\" width=\"{wide}\" height=\"{high:.0}\" viewBox=\"-1 0 {wide} \
         {high:.0}\">{body}</svg>"
    );
    Drawing { svg, remarks }
}

fn thinned(cut: &Cut<'_>) -> Option<String> {
    let every = cut.every();
    let name = label(cut.name);
    (every > 1).then(|| format!("Along <code>{name}</code> one border in {} is drawn.", count(every)))
}

fn text(y: f64, content: &str) -> String {
    format!("<text x=\"0\" y=\"{y:.1}\">{content}</text>")
}

/// The plane of two axes, at a height.
fn block(columns: &Cut<'_>, rows: &Cut<'_>, top: f64) -> String {
    let (wide, high) = (columns.pixels, rows.pixels);
    let bottom = top + high;
    let all = rectangle((0.0, wide), (0.0, high), top);
    let mut body = format!("<rect {all} class=\"cell\"/>");
    let map = (columns.touched(columns.map), rows.touched(rows.map));
    let series = (columns.touched(columns.series), rows.touched(rows.series));
    let area = |((_, wide), (_, high)): ((f64, f64), (f64, f64))| wide * high;
    let (map_area, series_area) = (area(map), area(series));
    let (map, series) = (rectangle(map.0, map.1, top), rectangle(series.0, series.1, top));
    let dots = format!("<rect {map} fill=\"url(#dots)\"/>");
    let lines = format!("<rect {series} class=\"wash\"/><rect {series} fill=\"url(#lines)\"/>");
    // The smaller lies upon the larger; where both are one, both patterns show.
    let (fills, rings) = if map_area > series_area {
        (dots + &lines, format!("<rect {series} class=\"ring\"/>"))
    } else if map_area < series_area {
        let upon = format!("{lines}<rect {map} class=\"cell\"/>{dots}");
        (upon, format!("<rect {series} class=\"ring\"/><rect {map} class=\"map-ring\"/>"))
    } else {
        (lines + &dots, format!("<rect {series} class=\"ring\"/>"))
    };
    body.push_str(&fills);
    if let Some(last) = columns.last() {
        body.push_str(&padded(&rectangle(last, (0.0, high), top), columns.share));
    }
    if let Some(last) = rows.last() {
        body.push_str(&padded(&rectangle((0.0, wide), last, top), rows.share));
    }
    let mut path = String::new();
    for x in columns.borders() {
        put(&mut path, format_args!("M{x:.1} {top:.1}V{bottom:.1}"));
    }
    for y in rows.borders() {
        put(&mut path, format_args!("M0 {:.1}H{wide:.1}", top + y));
    }
    if !path.is_empty() {
        let gaps = [columns, rows].map(|cut| cut.at(cut.every()));
        let thin = if gaps.iter().any(|gap| *gap < 8.0) { " thin" } else { "" };
        put(&mut body, format_args!("<path d=\"{path}\" class=\"border{thin}\"/>"));
    }
    put(&mut body, format_args!("<rect {all} class=\"edge\"/>{rings}"));
    body
}

fn rectangle((x, wide): (f64, f64), (y, high): (f64, f64), top: f64) -> String {
    format!("x=\"{x:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\"", top + y)
}

/// Slanted lines, the stronger the emptier the chunk.
fn padded(rectangle: &str, share: f64) -> String {
    format!("<rect {rectangle} fill=\"url(#slants)\" opacity=\"{:.2}\"/>", 0.15 + 0.7 * (1.0 - share))
}

/// The last chunks that are not full, in words.
pub(super) fn last_chunks(axes: &[Axis], score: &Score) -> String {
    let parts: Vec<String> = axes
        .iter()
        .zip(&score.chunk)
        .zip(&score.last)
        .filter(|(_, last)| last.share < 1.0)
        .map(|((axis, chunk), last)| {
            let name = label(&axis.name);
            format!("<code>{name}</code> {} of {} ({})", count(last.length), count(*chunk), share(last.share))
        })
        .collect();
    if parts.is_empty() { "all full".to_owned() } else { parts.join("<br>") }
}
