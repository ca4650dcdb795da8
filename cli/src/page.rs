//! A page that explains the chunk plans of a dataset.
//!
//! One file that needs nothing else: no script, no font, no image from anywhere. Drawings are SVG, written here as text.
//! Everything that comes from the dataset is escaped, and shortened where it could be long.

mod candidates;
mod drawing;
mod end;
mod group;
mod html;
mod lead;
mod plot;
mod style;
mod ticks;

#[cfg(test)]
mod tests;

use advisor::Prices;
use run::{Advice, Plan};

/// Writes the page. Pure: the same plan and advice give the same bytes. A page of hundreds of groups stays below 2 MB, since
/// all but the largest have a line each.
pub(crate) fn page(plan: &Plan, advice: &Advice, prices: &Prices) -> String {
    let (full, rest) = advice.groups.split_at(group::MOST_IN_FULL.min(advice.groups.len()));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"dap2zarr {}\">\n\
         <title>Chunk plan: {}</title>\n<style>{}</style>\n</head>\n<body>\n{}",
        html::escape(&plan.software),
        html::escape(&lead::title(plan)),
        style::STYLE,
        style::PATTERNS
    );
    page.push_str(&lead::header(plan, advice));
    page.push_str("<main>\n");
    for (group, number) in full.iter().zip(1..) {
        page.push_str(&group::section(group, number, advice.reader.at_once));
    }
    if !rest.is_empty() {
        page.push_str(&group::short(rest, full.len()));
    }
    page.push_str(&end::others(plan, advice));
    page.push_str(&end::rules(plan, prices));
    page.push_str("</main>\n");
    page.push_str(&end::footer(plan));
    page.push_str("</body>\n</html>\n");
    page
}
