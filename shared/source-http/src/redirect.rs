use reqwest::Url;
use run::{Reason, ReasonKind};
use steps::ports::SourceError;

use crate::trouble::plain;

/// Redirects followed for one request.
pub(crate) const MAX_REDIRECTS: u32 = 5;

/// Where a redirect of `from` leads.
pub(crate) fn next(from: &Url, location: &str) -> Result<Url, SourceError> {
    let refused = |why: &str| {
        let message = format!("{} redirects {why}", plain(from));
        Err(SourceError::Permanent(Reason::new(ReasonKind::SourceRefused, message)))
    };
    let Ok(to) = from.join(location) else {
        return refused("to something that is not a URL");
    };
    if !matches!(to.scheme(), "http" | "https") {
        return refused(&format!("to the scheme `{}`, expected http or https", to.scheme()));
    }
    if from.scheme() == "https" && to.scheme() == "http" {
        return refused(&format!("from https to {}, which is not secure; it is not followed", plain(&to)));
    }
    if !to.username().is_empty() || to.password().is_some() {
        return refused(&format!("to {} with a user name or a password; it is not followed", plain(&to)));
    }
    if encoded_twice(from.query().unwrap_or_default(), to.query().unwrap_or_default()) {
        let to = plain(&to);
        let base = to.rsplit_once('.').map_or(to.as_str(), |(base, _)| base);
        return refused(&format!(
            "to {to} with the brackets of the constraint encoded twice (%255B), which no server understands; give \
             {base} as the dataset's URL"
        ));
    }
    Ok(to)
}

/// Whether brackets are encoded twice that were not before (NCEI, NASA GDS: pydap#460, netcdf-java#161).
fn encoded_twice(before: &str, after: &str) -> bool {
    let count = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.matches("%255b").count() + text.matches("%255d").count()
    };
    count(after) > count(before)
}

/// An error that says who sent us, if it is that we may not go there.
pub(crate) fn led_astray(error: SourceError, from: Option<&Url>) -> SourceError {
    match (error, from) {
        (SourceError::Permanent(reason), Some(from)) if reason.kind == ReasonKind::SourceNotAllowed => {
            let message = format!("{} redirects elsewhere: {}", plain(from), reason.message);
            SourceError::Permanent(Reason::new(reason.kind, message))
        }
        (error, _) => error,
    }
}

/// The error of a chain that does not end.
pub(crate) fn too_many(last: &Url) -> SourceError {
    let message = format!("more than {MAX_REDIRECTS} redirects, the last to {}", plain(last));
    SourceError::Permanent(Reason::new(ReasonKind::SourceRefused, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(from: &str, location: &str) -> Result<String, String> {
        let from: Url = from.parse().unwrap();
        next(&from, location).map(String::from).map_err(|error| error.to_string())
    }

    #[test]
    fn other_paths_schemes_and_hosts_are_followed() {
        assert_eq!(follow("http://h/a.dds", "/b.dds").unwrap(), "http://h/b.dds");
        assert_eq!(follow("http://h/a.dds", "https://g/a.dds").unwrap(), "https://g/a.dds");
        assert_eq!(follow("https://h/a.dods?v%5B0%5D", "/b.dods?v%5B0%5D").unwrap(), "https://h/b.dods?v%5B0%5D");
        // A name that holds an encoded bracket of its own.
        assert_eq!(follow("http://h/a?v%255B", "https://h/a?v%255B").unwrap(), "https://h/a?v%255B");
    }

    #[test]
    fn unsafe_and_spoilt_redirects_are_not() {
        assert!(follow("https://h/a.dds", "http://h/a.dds").unwrap_err().contains("not secure"));
        assert!(follow("http://h/a.dds", "ftp://h/a.dds").unwrap_err().contains("`ftp`"));
        let error = follow("http://h/a.dds", "http://bob:secret@h/a.dds?key=secret").unwrap_err();
        assert!(!error.contains("secret") && !error.contains("bob"), "{error}");
        let error = follow("http://h/a.nc.dods?v%5B0%5D", "https://h/a.nc.dods?v%255b0%255d").unwrap_err();
        assert!(error.ends_with("give https://h/a.nc as the dataset's URL"), "{error}");
    }
}
