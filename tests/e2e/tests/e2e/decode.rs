//! Saved responses: what a data manager mails us can be looked at.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use e2e::{Machine, publish};
use serde_json::{Value, json};

/// Two of each, big-endian, counts twice.
const BODY: &[u8] = b"Dataset { Int16 t[x = 2]; String s[x = 2]; } d;\nData:\n\
    \0\0\0\x02\0\0\0\x02\0\0\0\x07\xff\xff\xff\xff\
    \0\0\0\x02\0\0\0\x01a\0\0\0\0\0\0\x02bc\0\0";

#[tokio::test]
async fn a_response_is_shown_with_its_attributes() {
    let machine = Machine::new();
    std::fs::write(machine.path("a.dods"), BODY).unwrap();
    std::fs::write(machine.path("a.das"), "Attributes { t { String units \"K\"; } NC_GLOBAL { String title \"x\"; } }")
        .unwrap();
    let shown = machine.command("decode a.dods --json").run().await.success();
    let document: Value = serde_json::from_str(&shown.stdout).unwrap();
    let t = &document["variables"]["t"];
    assert_eq!((&t["dtype"], &t["shape"], &t["dimensions"]), (&json!("int16"), &json!([2]), &json!(["x"])));
    // printf '\x07\x00\xff\xff' | sha256sum
    assert_eq!(t["sha256"], "63363998ba7944a9f4f242a0cfef6e6676d3a064f415e5fe370c985d0a93bfe7");
    assert_eq!(t["attributes"], json!({"units": "K"}));
    assert_eq!(document["attributes"], json!({"title": "x"}));
    let s = &document["variables"]["s"];
    assert_eq!((&s["dtype"], &s["strings"]), (&json!("string"), &json!(["a", "bc"])));
    // printf 'a\0bc' | sha256sum
    assert_eq!(s["sha256"], "40bb547d936bbd31318ee37ac8799e7ecbb22eda2651f65e3214bffb8ce97bb4");
    let table = machine.command("decode a.dods").run().await.success().stdout;
    assert!(table.contains("int16") && table.contains("x 2"), "{table}");
}

#[tokio::test]
async fn what_cannot_be_decoded_is_refused_with_a_reason() {
    let machine = Machine::new();
    let cut = &BODY[..BODY.len() - 3];
    let error = b"Error { code = 5; message = \"no such variable\"; };";
    for (name, bytes, says) in [
        ("cut.dods", cut, "cut.dods"),
        ("error.dods", error, "no such variable"),
        ("page.dap", b"<html><body>log in</body></html>", "page.dap"),
        ("empty.dods", b"", "empty.dods"),
        ("a.nc", BODY, "expected .dods"),
    ] {
        std::fs::write(machine.path(name), bytes).unwrap();
        let refused = machine.command(format!("decode {name}")).run().await;
        assert_eq!(refused.code, Some(2), "{name}: {}", refused.output());
        assert!(refused.stderr.contains(says), "{name}: {}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
    let missing = machine.command("decode nowhere.dods").run().await;
    assert_eq!(missing.code, Some(2), "{}", missing.output());
}

/// Every data response of real servers beside the repository, by folder.
fn corpus() -> Option<BTreeMap<String, Vec<PathBuf>>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let Ok(root) = root.canonicalize() else {
        eprintln!(
            "\n******** SKIPPED: no corpus at ../shared/corpus, real servers' responses are NOT decoded ********\n"
        );
        return None;
    };
    let mut found: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "dods" || suffix == "dap") {
                let server = path.strip_prefix(&root).unwrap().components().next().unwrap();
                let server = server.as_os_str().to_string_lossy().into_owned();
                found.entry(server).or_default().push(path);
            }
        }
    }
    Some(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_saved_response_is_decoded_or_refused() {
    let Some(corpus) = corpus() else { return };
    let machine = Machine::new();
    let mut table = format!("{:34} {:>8} {:>9} {:>8} {:>8}\n", "server", "bodies", "variables", "decoded", "refused");
    let (mut decoded, mut refused) = (0, 0);
    for (server, files) in &corpus {
        let (mut variables, mut good, mut bad) = (0, 0, 0);
        for file in files {
            let command = machine.command("decode --json").argument(file.to_string_lossy());
            let finished = command.run().await;
            match finished.code {
                Some(0) => {
                    let document: Value = serde_json::from_str(&finished.stdout).unwrap();
                    variables += document["variables"].as_object().unwrap().len();
                    good += 1;
                }
                Some(2) => {
                    assert!(finished.stderr.contains(": "), "{}: {}", file.display(), finished.output());
                    bad += 1;
                }
                _ => panic!("{}: {}", file.display(), finished.output()),
            }
        }
        writeln!(table, "{server:34} {:>8} {variables:>9} {good:>8} {bad:>8}", files.len()).unwrap();
        (decoded, refused) = (decoded + good, refused + bad);
    }
    writeln!(table, "{:34} {:>8} {:>9} {decoded:>8} {refused:>8}", "all", decoded + refused, "").unwrap();
    publish("saved-responses", &table);
    eprintln!("{table}");
    assert!(decoded > 290, "{table}");
}
