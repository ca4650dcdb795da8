//! What the server has seen and sent.

use std::collections::VecDeque;
use std::fmt::Write as _;

/// How many constraints [`Stats::constraints`] remembers.
pub const REMEMBERED: usize = 10_000;

/// What a request asks for, by its suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// `.dds`
    Dds,
    /// `.das`
    Das,
    /// `.dods`
    Dods,
    /// `.ver`
    Ver,
}

impl RequestKind {
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Dds => "dds",
            Self::Das => "das",
            Self::Dods => "dods",
            Self::Ver => "ver",
        }
    }

    pub(crate) fn from_suffix(suffix: &str) -> Option<Self> {
        match suffix {
            "dds" => Some(Self::Dds),
            "das" => Some(Self::Das),
            "dods" => Some(Self::Dods),
            "ver" => Some(Self::Ver),
            _ => None,
        }
    }
}

/// Counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests for a DDS.
    pub dds: u64,
    /// Requests for a DAS.
    pub das: u64,
    /// Requests for data, answered or not.
    pub dods: u64,
    /// Requests for the version.
    pub ver: u64,
    /// Requests for anything else, without `/_stats`.
    pub other: u64,
    /// Requests for data answered with a whole and right body.
    pub answered: u64,
    /// Faults that struck.
    pub faults: u64,
    /// Requests for data turned away with 503 by the limit.
    pub turned_away: u64,
    /// Requests for data being answered.
    pub in_flight: u64,
    /// The most there have been at once.
    pub max_in_flight: u64,
    /// Bytes of bodies handed to the connection, errors and texts included.
    pub bytes_sent: u64,
    /// The User-Agent of the last request.
    pub user_agent: String,
    /// `name?constraint` of the last [`REMEMBERED`] data requests, decoded, oldest first.
    pub constraints: VecDeque<String>,
}

impl Stats {
    /// Requests for DDS, DAS and data.
    pub(crate) fn requests(&self) -> u64 {
        self.dds + self.das + self.dods
    }

    pub(crate) fn count(&mut self, kind: Option<RequestKind>, constraint: &str) {
        match kind {
            Some(RequestKind::Dds) => self.dds += 1,
            Some(RequestKind::Das) => self.das += 1,
            Some(RequestKind::Ver) => self.ver += 1,
            None => self.other += 1,
            Some(RequestKind::Dods) => {
                self.dods += 1;
                if self.constraints.len() == REMEMBERED {
                    self.constraints.pop_front();
                }
                self.constraints.push_back(constraint.to_owned());
            }
        }
    }

    /// The counters and the last 100 constraints as a JSON object.
    pub fn to_json(&self) -> String {
        let numbers = [
            ("dds", self.dds),
            ("das", self.das),
            ("dods", self.dods),
            ("ver", self.ver),
            ("other", self.other),
            ("answered", self.answered),
            ("faults", self.faults),
            ("turned_away", self.turned_away),
            ("in_flight", self.in_flight),
            ("max_in_flight", self.max_in_flight),
            ("bytes_sent", self.bytes_sent),
        ];
        let mut out = String::from("{");
        for (name, number) in numbers {
            // Writing to a String cannot fail.
            let _ = write!(out, "\"{name}\": {number}, ");
        }
        let skipped = self.constraints.len().saturating_sub(100);
        let last: Vec<String> = self.constraints.iter().skip(skipped).map(|c| json(c)).collect();
        let _ = write!(out, "\"user_agent\": {}, \"constraints\": [{}]}}", json(&self.user_agent), last.join(", "));
        out
    }
}

fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped() {
        let mut stats = Stats { user_agent: "a\"b\\c\n".to_owned(), ..Stats::default() };
        stats.count(Some(RequestKind::Dods), "d?v[0:1]");
        let text = stats.to_json();
        assert!(text.starts_with("{\"dds\": 0, "), "{text}");
        assert!(text.ends_with(r#""user_agent": "a\"b\\c\u000a", "constraints": ["d?v[0:1]"]}"#), "{text}");
    }
}
