//! Where each document of a run lies in the state store.

use jiff::Timestamp;

use crate::{Digest, RunId, SegmentName, TargetId};

/// The prefix under which users drop requests: what triggers the planner.
pub fn requests() -> &'static str {
    "requests/"
}

/// Whether a key is that of a dropped request. Consoles make "folders" of empty objects, and people drop notes.
pub fn is_request(key: &str) -> bool {
    key.strip_prefix(requests()).and_then(|name| name.strip_suffix(".json")).is_some_and(|name| !name.is_empty())
}

/// The prefix of the markers of requests that have a run.
pub fn accepted_requests() -> &'static str {
    "accepted/"
}

/// The marker that says that this writing of a request has a run: made by who opens the run, looked for by the sweep.
/// It follows from what a GET and a line of a LIST both say of the object; a LIST quotes the tag or does not, and has
/// more digits in its times than a GET.
pub fn accepted(key: &str, etag: Option<&str>, modified: Option<Timestamp>) -> String {
    let etag = etag.unwrap_or_default().trim_start_matches("W/").trim_matches('"');
    let modified = modified.map(|time| time.as_second().to_string()).unwrap_or_default();
    format!("{}{}", accepted_requests(), Digest::of(format!("{key}\n{etag}\n{modified}").as_bytes()))
}

/// The request, normalised.
pub fn request(run: &RunId) -> String {
    format!("runs/{run}/request.json")
}

/// One of the source's documents, verbatim: `name` is `dds` or `das`.
pub fn source(run: &RunId, name: &str) -> String {
    format!("runs/{run}/source/{name}")
}

/// The plan: put-if-absent, the first planner wins.
pub fn plan(run: &RunId) -> String {
    format!("runs/{run}/plan.json")
}

/// The prefix of the receipts' segments.
pub fn segments(run: &RunId) -> String {
    format!("runs/{run}/receipts/")
}

/// One segment of receipts.
pub fn segment(run: &RunId, segment: &SegmentName) -> String {
    format!("runs/{run}/receipts/{}", segment.name)
}

/// The prefix of the repair rounds.
pub fn repairs(run: &RunId) -> String {
    format!("runs/{run}/repair/")
}

/// What opens repair round `round`, counted from 1.
pub fn repair(run: &RunId, round: u32) -> String {
    format!("runs/{run}/repair/{round}.json")
}

/// The prefix of what was sent.
pub fn sendings(run: &RunId) -> String {
    format!("runs/{run}/sent/")
}

/// What says that the run's chunks were sent: 0 by the planner, the others by the sweep, each counting on from the last.
pub fn sending(run: &RunId, number: u32) -> String {
    format!("runs/{run}/sent/{number}.json")
}

/// What the sweep saw last.
pub fn watch(run: &RunId) -> String {
    format!("runs/{run}/watch.json")
}

/// Which planner makes the old dataset unreadable.
pub fn clearing(run: &RunId) -> String {
    format!("runs/{run}/clearing.json")
}

/// The decision.
pub fn decision(run: &RunId) -> String {
    format!("runs/{run}/decision.json")
}

/// The end.
pub fn end(run: &RunId) -> String {
    format!("runs/{run}/end.json")
}

/// The report.
pub fn report(run: &RunId) -> String {
    format!("runs/{run}/report.json")
}

/// The prefix of every run.
pub fn runs() -> &'static str {
    "runs/"
}

/// The prefix of the markers of open runs.
pub fn open_runs() -> &'static str {
    "runs/open/"
}

/// The marker of an open run.
pub fn open(run: &RunId) -> String {
    format!("runs/open/{run}")
}

/// Who may write a target.
pub fn target(target: &TargetId) -> String {
    format!("targets/{}.json", target.digest())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_json_object_below_the_prefix() {
        for (key, is) in [
            ("requests/a.json", true),
            ("requests/team/a b.json", true),
            ("requests/.json", false),
            ("requests/", false),
            ("requests/folder/", false),
            ("requests/notes.txt", false),
            ("runs/x/request.json", false),
        ] {
            assert_eq!(is_request(key), is, "{key}");
        }
    }

    #[test]
    fn a_get_and_a_list_name_the_same_marker() {
        let second = Timestamp::from_second(1_767_225_600).unwrap();
        let precise = Timestamp::from_millisecond(1_767_225_600_731).unwrap();
        let got = accepted("requests/a.json", Some("\"9f86\""), Some(second));
        assert_eq!(got, accepted("requests/a.json", Some("9f86"), Some(precise)));
        assert_eq!(got, accepted("requests/a.json", Some("W/\"9f86\""), Some(second)));
        for other in [
            accepted("requests/b.json", Some("9f86"), Some(second)),
            accepted("requests/a.json", Some("9f87"), Some(second)),
            accepted("requests/a.json", Some("9f86"), None),
        ] {
            assert_ne!(got, other);
        }
    }
}
