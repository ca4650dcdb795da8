//! Targets that cannot be written, or must not be.

use std::{fs, path::Path, process::Command};

use e2e::{Machine, Objects};

use super::case::{Cases, SECRET};
use crate::setup::{CHUNKS, S3, reference, with_keys};

pub(super) async fn cases(cases: &mut Cases) {
    names(cases).await;
    files_in_the_way(cases).await;
    buckets(cases).await;
    full(cases).await;
    occupied(cases).await;
    overwritten(cases).await;
}

async fn names(cases: &mut Cases) {
    for (name, target, says) in [
        ("gs:// target", "gs://bucket/x.zarr", &["gs://bucket", "s3://bucket/prefix"][..]),
        ("a bucket's name that is none", "s3://My_Bucket!/x.zarr", &["My_Bucket", "expected"]),
        ("a prefix with ..", "s3://bucket/../x.zarr", &["..", "prefix"]),
    ] {
        let machine = Machine::new();
        let command = cases.to(&machine, target, "");
        cases.run(name, &machine, command, 2, says).await;
    }
}

async fn files_in_the_way(cases: &mut Cases) {
    let machine = Machine::new();
    fs::write(machine.path("file"), "").unwrap();
    let below = machine.path("file/out.zarr");
    let command = cases.to(&machine, &below.to_string_lossy(), "");
    cases.run("a target below a file", &machine, command, 4, &["file/out.zarr", "choose another folder"]).await;
    let command = cases.to(&machine, &machine.path("file").to_string_lossy(), "");
    cases.run("a target that is a file", &machine, command, 4, &["file"]).await;
    let command = cases.to(&machine, "/proc/out.zarr", "");
    cases.run("a target where nobody may write", &machine, command, 4, &["/proc/out.zarr"]).await;
    let state = machine.path("file/state");
    let command = cases.to(&machine, &machine.path("out.zarr").to_string_lossy(), "");
    let command = command.argument("--state-dir").argument(state.to_string_lossy());
    cases.run("a state folder that cannot be made", &machine, command, 1, &["file/state", "--state-dir"]).await;
}

async fn buckets(cases: &mut Cases) {
    let s3 = S3::start().await;
    let machine = Machine::new();
    let endpoint = format!("--endpoint-url {} --retries 1", s3.url());
    let before = cases.server.stats();
    let command = with_keys(cases.to(&machine, "s3://no-such-bucket/out.zarr", &endpoint));
    cases.run("a bucket that does not exist", &machine, command, 4, &["no-such-bucket", "create"]).await;
    let command = cases.to(&machine, "s3://bucket/out.zarr", &endpoint);
    let command = command.env("AWS_ACCESS_KEY_ID", "nobody").env("AWS_SECRET_ACCESS_KEY", SECRET);
    cases.run("an unknown access key", &machine, command, 4, &["bucket"]).await;
    let command = cases.to(&machine, "s3://bucket/out.zarr", &endpoint);
    let command = command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", SECRET);
    cases.run("a wrong secret key", &machine, command, 4, &["bucket"]).await;
    let command = cases.to(&machine, "s3://bucket/out.zarr", &endpoint);
    cases.run("no credentials", &machine, command, 4, &["no credentials", "AWS_ACCESS_KEY_ID"]).await;
    let command = with_keys(cases.to(&machine, "s3://bucket/out.zarr", &endpoint)).argument("--profile=nobody");
    cases.run("no such profile", &machine, command, 4, &["nobody"]).await;
    let nowhere = "--endpoint-url http://127.0.0.1:9 --retries 1";
    let command = with_keys(cases.to(&machine, "s3://bucket/out.zarr", nowhere));
    cases.run("no endpoint at that address", &machine, command, 4, &["127.0.0.1:9"]).await;
    let bad = format!("--endpoint-url http://me:{SECRET}@127.0.0.1:9");
    let command = with_keys(cases.to(&machine, "s3://bucket/out.zarr", &bad));
    cases.run("an endpoint with user:password", &machine, command, 4, &["user name or password"]).await;
    cases.expect(cases.server.stats() == before, "a target that cannot be written costs the source nothing");
    cases.expect(s3.objects("").is_empty(), "a bucket of failed runs is empty");
}

/// A file system of 1 MB, where the dataset has 1.8; unmounted when dropped.
struct Small(String);

impl Small {
    fn mount(folder: &Path) -> Option<Self> {
        fs::create_dir(folder).unwrap();
        let folder = folder.to_string_lossy().into_owned();
        let arguments = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", &folder];
        let mounted = Command::new("mount").args(arguments).output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} could not be unmounted", self.0);
        }
    }
}

async fn full(cases: &mut Cases) {
    let machine = Machine::new();
    let Some(_disk) = Small::mount(&machine.path("small")) else {
        return cases.skip("disk full", "mounting a small file system takes rights that this user has not");
    };
    let target = machine.path("small/out.zarr");
    let command = cases.to(&machine, &target.to_string_lossy(), "--codec none");
    cases.run("disk full", &machine, command, 4, &["small/out.zarr", "make room"]).await;
    cases.expect(!Objects::of(&target).is_published(), "disk full: something is published");
    let partial = Objects::of(&target).keys().any(|key| key.contains("partial"));
    cases.expect(!partial, "disk full: half a file stays");
    let command = cases.to(&machine, &machine.path("out.zarr").to_string_lossy(), "");
    fs::write(machine.path("small/filler"), vec![1; 2 << 20]).unwrap_err();
    let command = command.argument("--state-dir").argument(machine.path("small/state").to_string_lossy());
    cases.run("disk of the state full", &machine, command, 1, &["small/state"]).await;
}

async fn occupied(cases: &mut Cases) {
    for (name, options) in [("a target that is not empty", ""), ("the same with --mode overwrite", "--mode overwrite")]
    {
        let machine = Machine::new();
        let target = machine.path("out.zarr");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("thesis.txt"), "years of work").unwrap();
        let command = cases.to(&machine, &target.to_string_lossy(), options);
        cases.run(name, &machine, command, 4, &["out.zarr", "choose"]).await;
        let left = Objects::of(&target);
        cases.expect(left.keys().eq(["thesis.txt"]), &format!("{name}: the folder is not as it was"));
    }
}

async fn overwritten(cases: &mut Cases) {
    let machine = Machine::new();
    let target = machine.path("data.zarr");
    let arguments = format!("{CHUNKS} --format v2");
    let first = machine.command(format!("convert {} {} {arguments}", cases.server.url("prism"), target.display()));
    let _ = first.run().await.success();
    let before = Objects::of(&target);
    let command = cases.to(&machine, &target.to_string_lossy(), "");
    cases.run("a target that holds a dataset", &machine, command, 4, &["already holds", "--mode overwrite"]).await;
    before.assert_same(&Objects::of(&target));

    let name = "the same with overwrite";
    let command = cases.to(&machine, &target.to_string_lossy(), "--variables tmn --mode overwrite");
    let finished = command.run().await;
    cases.check(name, &finished, finished.stderr.lines().next().unwrap_or_default(), 0, &["converting"]);
    let differences = Objects::of(&target).differences(&reference("--variables tmn").await);
    cases.expect(differences.is_empty(), &format!("{name}: {differences:?}"));
}
