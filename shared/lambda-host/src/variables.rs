//! Variables of the environment, read with every problem kept.

use std::{fmt, str::FromStr};

use url::Url;

/// What is wrong with one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    variable: &'static str,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.what)
    }
}

/// Reads variables. What is wrong is noted and a default handed out in its place, so that reading goes on and all
/// problems come to light; who uses what was read asks for them first.
pub(crate) struct Variables<G> {
    get: G,
    problems: Vec<Problem>,
}

const URL: &str = "an http or https URL without user name, password and query";

impl<G: Fn(&str) -> Option<String>> Variables<G> {
    pub(crate) const fn new(get: G) -> Self {
        Self { get, problems: Vec::new() }
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    pub(crate) fn problem(&mut self, variable: &'static str, what: String) {
        self.problems.push(Problem { variable, what });
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn required<T: Default>(
        &mut self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        if !self.is_set(name) {
            self.problem(name, format!("expected {expected}, it is not set"));
        }
        self.optional(name, expected, parse).unwrap_or_default()
    }

    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.get(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.problem(name, format!("expected {expected}, found `{}`", text.escape_default()));
        }
        value
    }

    /// For what may hold a secret that was put in the wrong place: it is never shown.
    pub(crate) fn optional_hidden<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.get(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.problem(name, format!("expected {expected}, found something else of {} bytes", text.len()));
        }
        value
    }

    pub(crate) fn url(&mut self, name: &'static str) -> String {
        if !self.is_set(name) {
            self.problem(name, format!("expected {URL}, it is not set"));
        }
        self.optional_url(name).unwrap_or_default()
    }

    pub(crate) fn optional_url(&mut self, name: &'static str) -> Option<String> {
        self.optional_hidden(name, URL, |text| {
            let url = Url::parse(text).ok()?;
            let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
            (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then(|| text.to_owned())
        })
    }

    /// A number from 1.
    pub(crate) fn number<N: FromStr + Default + PartialOrd>(&mut self, name: &'static str) -> N {
        self.required(name, "a whole number from 1", |text| text.parse().ok().filter(|number| *number > N::default()))
    }
}
