//! Faults to order: what goes wrong, for which requests, and when.

use std::str::FromStr;

use crate::stats::RequestKind;

/// A place in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// This many bytes in.
    Byte(u64),
    /// This part of the way.
    Percent(u8),
}

impl At {
    /// The offset in a body of `length` bytes, never past its end.
    pub(crate) fn offset(self, length: u64) -> u64 {
        match self {
            Self::Byte(byte) => byte.min(length),
            Self::Percent(part) => length * u64::from(part.min(100)) / 100,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// This HTTP status and an `Error` body (429, 503, 404, ...), with `Retry-After` in seconds or without.
    Status(u16, Option<u32>),
    /// HTTP 200 and `Error { ... }` with this message as the whole body.
    ErrorBody(String),
    /// `Error { ... }` after this much of the data; the body ends there, properly (no Content-Length).
    ErrorInBody(At),
    /// HTTP 200 and a login page.
    Html,
    /// HTTP 200 and nothing but the first half of the DDS.
    CutDds,
    /// The connection closes after this much of the body, whatever was promised.
    Truncate(At),
    /// The body is this much shorter, and says so: nothing but arithmetic finds it.
    Short(At),
    /// The body stops here and the connection stays open.
    Stall(At),
    /// The byte here, counted in the data after `Data:`, is inverted.
    Flip(At),
    /// The connection closes without an answer.
    Drop,
}

/// Which of the requests it meets a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All of them.
    Always,
    /// The next `n`.
    Next(u64),
    /// Every `k`th: the `k`th, the `2k`th, ...
    Every(u64),
}

/// A fault: struck by data requests unless told otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    when: When,
    skip: u64,
    only: String,
    on: RequestKind,
    seen: u64,
}

impl Fault {
    /// This fault, for every data request.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, when: When::Always, skip: 0, only: String::new(), on: RequestKind::Dods, seen: 0 }
    }

    /// Only for the next `n` requests it meets.
    #[must_use]
    pub fn next(mut self, n: u64) -> Self {
        self.when = When::Next(n);
        self
    }

    /// Only for every `k`th request it meets.
    #[must_use]
    pub fn every(mut self, k: u64) -> Self {
        self.when = When::Every(k);
        self
    }

    /// Leaves the first `n` requests it meets alone.
    #[must_use]
    pub fn skip(mut self, n: u64) -> Self {
        self.skip = n;
        self
    }

    /// Only meets requests whose decoded `name.suffix?constraint` contains `text`: "poison this chunk".
    #[must_use]
    pub fn only(mut self, text: &str) -> Self {
        text.clone_into(&mut self.only);
        self
    }

    /// Meets requests of this kind in place of data requests.
    #[must_use]
    pub fn on(mut self, kind: RequestKind) -> Self {
        self.on = kind;
        self
    }

    /// Counts a request, and says what happens to it.
    pub(crate) fn strike(&mut self, kind: RequestKind, request: &str) -> Option<FaultKind> {
        if kind != self.on || !request.contains(&self.only) {
            return None;
        }
        self.seen += 1;
        let met = self.seen.checked_sub(self.skip).filter(|met| *met > 0)?;
        let strikes = match self.when {
            When::Always => true,
            When::Next(n) => met <= n,
            When::Every(k) => met.checked_rem(k) == Some(0),
        };
        strikes.then(|| self.kind.clone())
    }
}

/// A fault description that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read `{word}` in fault `{text}`")]
pub struct FaultError {
    word: String,
    text: String,
}

/// Reads `KIND [at=BYTES|at=PERCENT%] [retry-after=S] [next=N|every=K] [skip=N] [only=TEXT] [on=dds|das|dods]`, where KIND is an
/// HTTP status or one of `error-body error-in-body html cut-dds truncate short stall flip drop`.
impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let wrong = |word: &str| FaultError { word: word.to_owned(), text: text.to_owned() };
        let mut words = text.split_whitespace();
        let name = words.next().unwrap_or_default();
        let mut at = At::Percent(50);
        let mut retry_after = None;
        let mut fault = Self::new(FaultKind::Drop);
        for word in words {
            let (key, value) = word.split_once('=').ok_or_else(|| wrong(word))?;
            let number = || value.parse().map_err(|_| wrong(word));
            match key {
                "at" => at = place(value).ok_or_else(|| wrong(word))?,
                "retry-after" => retry_after = Some(value.parse().map_err(|_| wrong(word))?),
                "next" => fault.when = When::Next(number()?),
                "every" => fault.when = When::Every(number()?),
                "skip" => fault.skip = number()?,
                "only" => value.clone_into(&mut fault.only),
                "on" => fault.on = RequestKind::from_suffix(value).ok_or_else(|| wrong(word))?,
                _ => return Err(wrong(word)),
            }
        }
        fault.kind = match name {
            "error-body" => FaultKind::ErrorBody("out of memory".to_owned()),
            "error-in-body" => FaultKind::ErrorInBody(at),
            "html" => FaultKind::Html,
            "cut-dds" => FaultKind::CutDds,
            "truncate" => FaultKind::Truncate(at),
            "short" => FaultKind::Short(at),
            "stall" => FaultKind::Stall(at),
            "flip" => FaultKind::Flip(at),
            "drop" => FaultKind::Drop,
            status => match status.parse() {
                Ok(code @ 400..=599) => FaultKind::Status(code, retry_after),
                _ => return Err(wrong(status)),
            },
        };
        Ok(fault)
    }
}

fn place(text: &str) -> Option<At> {
    match text.strip_suffix('%') {
        Some(part) => Some(At::Percent(part.parse().ok().filter(|part| *part <= 100)?)),
        None => Some(At::Byte(text.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strikes(mut fault: Fault, requests: &[&str]) -> Vec<bool> {
        requests.iter().map(|request| fault.strike(RequestKind::Dods, request).is_some()).collect()
    }

    #[test]
    fn when_it_strikes() {
        let drop = || Fault::new(FaultKind::Drop);
        let four = ["a", "b", "a", "a"];
        assert_eq!(strikes(drop().next(2), &four), [true, true, false, false]);
        assert_eq!(strikes(drop().every(2), &four), [false, true, false, true]);
        assert_eq!(strikes(drop().only("a").next(2), &four), [true, false, true, false]);
        assert_eq!(strikes(drop().skip(3), &four), [false, false, false, true]);
        assert_eq!(strikes(drop().on(RequestKind::Dds), &four), [false; 4]);
    }

    #[test]
    fn descriptions_are_read() {
        assert_eq!("503 every=20 retry-after=2".parse(), Ok(Fault::new(FaultKind::Status(503, Some(2))).every(20)));
        assert_eq!(
            "truncate at=25% next=1 only=ppt.ppt[3:5]".parse(),
            Ok(Fault::new(FaultKind::Truncate(At::Percent(25))).next(1).only("ppt.ppt[3:5]"))
        );
        assert_eq!("flip at=9".parse(), Ok(Fault::new(FaultKind::Flip(At::Byte(9)))));
        for bad in ["", "boom", "200", "flip at=200%", "html next", "html next=x", "html on=x"] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
    }

    #[test]
    fn places_stay_inside() {
        assert_eq!(At::Percent(50).offset(1000), 500);
        assert_eq!(At::Percent(100).offset(7), 7);
        assert_eq!(At::Byte(9).offset(7), 7);
    }
}
