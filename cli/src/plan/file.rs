//! Writing a file whole or not at all.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{failure::Failure, runs};

/// Whether a file could be written there: asked before a server is.
pub(super) fn check(path: &Path) -> Result<PathBuf, Failure> {
    let refused = |what: &str| runs::bad(format!("--html {}: {what}", path.display()));
    let Some(name) = path.file_name() else {
        return Err(refused("expected the name of a file, such as plan.html"));
    };
    // A link is written through, as other programs do.
    if let Ok(real) = path.canonicalize() {
        return if real.is_file() { Ok(real) } else { Err(refused("is there already and is no file; name another")) };
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let folder = folder.canonicalize().map_err(|error| refused(&format!("{}: {error}", folder.display())))?;
    Ok(folder.join(name))
}

/// Writes a file that is seen whole or not at all, in place of one that is there.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    let written = whole(&partial, text).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written.map_err(|error| runs::bad(format!("{} cannot be written: {error}", path.display())))
}

fn whole(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_replaces_the_one_before_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = check(&folder.path().join("plan.html")).unwrap();
        for text in ["one", "two"] {
            write(&path, text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.html"), folder.path().join("link.html"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&check(&link).unwrap(), "new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
    }

    #[test]
    fn what_cannot_be_a_file_is_told_first() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| check(path).unwrap_err().message().to_owned();
        assert!(error(folder.path()).contains("is there already and is no file"), "{}", error(folder.path()));
        assert!(error(Path::new("/dev/null")).contains("is no file"));
        assert!(error(&folder.path().join("nowhere/plan.html")).contains("No such file"));
        assert!(error(Path::new("..")).contains("expected the name of a file"));
    }
}
