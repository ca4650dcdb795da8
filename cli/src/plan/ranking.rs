//! The plans of a group of arrays, one line each.

use advisor::{BestFor, Ranked, ReadCost, Score};
use run::{Advice, Group};

use super::columns::{self, Column};
use crate::units::{bytes, count, mean, percent, seconds};

/// Characters of a line: wider is hard to read.
pub(super) const MOST_WIDE: usize = 120;
/// Reads that are shown whether they were asked for or not: a time series and a map.
const ALWAYS: usize = 2;
/// Characters of a user's read in the head of its column.
const MOST_OF_A_READ: usize = 24;

/// One plan.
#[derive(Debug, Clone)]
pub(super) struct Row<'a> {
    /// What it is called in sentences.
    pub(super) number: usize,
    best_for: String,
    pub(super) score: &'a Score,
}

/// A group's plans in the order they are shown.
#[derive(Debug)]
pub(super) struct Ranking<'a> {
    pub(super) rows: Vec<Row<'a>>,
    titles: Vec<(usize, String)>,
    /// The first that keeps none of the user's lengths, where there are any.
    pub(super) free: Option<usize>,
}

impl<'a> Ranking<'a> {
    pub(super) fn of(group: &'a Group, advice: &Advice) -> Self {
        let best_for = |best_for: BestFor| match best_for {
            BestFor::Reads if advice.reads.is_balanced() => "balanced".to_owned(),
            BestFor::Reads => "your reads".to_owned(),
            other @ (BestFor::Series | BestFor::MostlySeries | BestFor::MostlyMaps | BestFor::Maps) => {
                other.words().to_owned()
            }
        };
        let row = |ranked: &'a Ranked| Row { number: 0, best_for: best_for(ranked.best_for), score: &ranked.score };
        let mut rows: Vec<Row<'a>> = group.choice.ranked.iter().map(row).collect();
        let mut titles = Vec::new();
        let mut free = None;
        if let Some(choice) = &group.free {
            if let Some(first) = rows.first_mut() {
                "yours".clone_into(&mut first.best_for);
            }
            let chosen = group.axes.iter().filter_map(|axis| Some(format!("{}={}", axis.name, axis.chosen?)));
            titles.push((0, format!("with {}:", chosen.collect::<Vec<_>>().join(","))));
            let others = rows.len();
            for (at, ranked) in choice.ranked.iter().enumerate() {
                // A shape has one line, and one number here and on the page of --html.
                let known = rows.iter().position(|row| row.score.chunk == ranked.score.chunk);
                if at == 0 {
                    free = Some(known.unwrap_or(rows.len()));
                }
                if known.is_none() {
                    rows.push(row(ranked));
                }
            }
            if rows.len() > others {
                titles.push((others, "without your lengths:".to_owned()));
            }
        }
        for (row, number) in rows.iter_mut().zip(1..) {
            row.number = number;
        }
        Self { rows, titles, free }
    }

    /// The table; more than one where there are many reads.
    pub(super) fn lines(&self, indent: usize) -> Vec<String> {
        let scores = || self.rows.iter().map(|row| row.score);
        let key = Column::text(["", "#"], self.rows.iter().map(|row| format!("{}{}", row.number, mark(row.score))));
        let mut first = vec![
            Column::text(["", "best for"], self.rows.iter().map(|row| row.best_for.clone())),
            Column::numbers(["", "chunk"], scores().map(|score| shape(&score.chunk))),
            Column::numbers(["", "size"], scores().map(|score| bytes(score.chunk_bytes))),
            Column::numbers(["", "chunks"], scores().map(|score| count(score.chunks))),
        ];
        first.extend((0..ALWAYS).map(|at| self.read(at)));
        let last = scores().map(|score| percent(score.last.iter().map(|last| last.share).fold(1.0, f64::min)));
        first.push(Column::numbers(["last", "chunk"], last));
        let again = scores().map(|score| {
            score.alignment.map_or_else(|| "?".to_owned(), |alignment| format!("{:.1}×", alignment.times_read))
        });
        first.push(Column::numbers(["source", "read"], again));
        let reads = self.rows.first().map_or(0, |row| row.score.reads.len());
        let asked = |at: &usize| {
            self.rows.first().and_then(|row| row.score.reads.get(*at)).is_some_and(|read| read.weight > 0.0)
        };
        let others = (ALWAYS..reads).filter(asked).map(|at| self.read(at)).collect();
        let mut lines = Vec::new();
        let tables = columns::fitting(&key, first, others, MOST_WIDE.saturating_sub(indent));
        for table in tables {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend(columns::lines(&table, &self.titles, indent));
        }
        lines
    }

    /// What a read costs in each plan.
    fn read(&self, at: usize) -> Column {
        let cost = |row: &Row<'_>| {
            row.score.reads.get(at).map_or_else(Default::default, |read| {
                [mean(read.chunks), seconds(read.latency_s), seconds(read.seconds)]
            })
        };
        let rows: Vec<[String; 3]> = self.rows.iter().map(cost).collect();
        let name = self.rows.first().and_then(|row| row.score.reads.get(at)).map(heading).unwrap_or_default();
        Column::several(&name, ["chunks", "wait", "total"], &rows)
    }
}

/// `time series (s)`: two of its three numbers are seconds.
fn heading(read: &ReadCost) -> String {
    let name = match read.read.as_str() {
        "timeseries" => "time series",
        "year" => "year of maps",
        other => other,
    };
    if name.chars().count() <= MOST_OF_A_READ {
        return format!("{name} (s)");
    }
    name.chars().take(MOST_OF_A_READ).chain("… (s)".chars()).collect()
}

/// How grave its warnings are.
pub(super) fn mark(score: &Score) -> &'static str {
    match score.warnings.iter().map(advisor::Warning::is_strong).max() {
        None => "",
        Some(false) => "!",
        Some(true) => "!!",
    }
}

/// `168×322×352`.
pub(super) fn shape(chunk: &[u64]) -> String {
    chunk.iter().map(u64::to_string).collect::<Vec<_>>().join("×")
}
