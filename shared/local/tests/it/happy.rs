//! Nothing goes wrong.

use run::{Change, Mode, Request, fingerprint};
use zarr::Format;

use crate::{
    bench::{Bench, Cut, request, small_request, v2},
    dataset::Dataset,
    gate::Port,
    reader,
};

#[tokio::test(start_paused = true)]
async fn every_value_arrives_in_both_formats() {
    for request in [request(), v2(request())] {
        let bench = Bench::new(Dataset::full());
        let end = bench.run(&request).await;
        bench.assert_published(&end).await;
        assert_eq!(bench.plan(&end.run).await.totals.chunks, 31);
    }
}

#[tokio::test(start_paused = true)]
async fn the_root_is_written_last() {
    for request in [request(), v2(request())] {
        let bench = Bench::new(Dataset::full());
        bench.script(|_| crate::gate::Fault::None);
        bench.run(&request).await;
        let puts = bench.shared.keys(Port::Target, "put");
        let roots: &[&str] =
            if request.format == Format::V2 { &[".zgroup", ".zattrs", ".zmetadata"] } else { &["zarr.json"] };
        let (rest, last) = puts.split_at(puts.len() - roots.len());
        assert_eq!(last, roots);
        let first_document = rest.iter().position(|key| zarr::is_node_document(key)).unwrap();
        assert!(rest[first_document..].iter().all(|key| zarr::is_node_document(key)), "chunks first: {rest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_range_is_cut_out() {
    let bench = Bench::new(Dataset::full());
    let ranges = [("time", "1:5"), ("lon", "2:4")].map(|(name, range)| (name.to_owned(), range.parse().unwrap()));
    let end = bench.run(&Request { ranges: ranges.into(), ..request() }).await;
    bench.assert_published(&end).await;
}

#[tokio::test(start_paused = true)]
async fn arrays_without_elements_and_scalars_are_published() {
    let bench = Bench::new(Dataset::empty());
    let end = bench.run(&request().cut([].into())).await;
    bench.assert_published(&end).await;
    let plan = bench.plan(&end.run).await;
    assert_eq!((plan.arrays.len(), plan.totals.chunks), (2, 0));

    let mut dataset = Dataset::full();
    dataset.variables.retain(|variable| variable.name == "crs");
    let bench = Bench::new(dataset);
    let end = bench.run(&request().cut([].into())).await;
    bench.assert_published(&end).await;
}

#[tokio::test(start_paused = true)]
async fn the_target_holds_nothing_but_the_dataset() {
    let bench = Bench::new(Dataset::small());
    let end = bench.run(&small_request()).await;
    let keys: Vec<_> = bench.target.snapshot().into_keys().collect();
    let expected =
        ["time/c/0", "time/zarr.json", "v/c/0/0", "v/c/0/1", "v/c/1/0", "v/c/1/1", "v/zarr.json", "zarr.json"];
    assert_eq!(keys, expected);
    bench.assert_published(&end).await;
}

#[tokio::test(start_paused = true)]
async fn two_runs_differ_in_what_names_them_and_in_nothing_else() {
    let (one, two) = (Bench::new(Dataset::full()), Bench::new(Dataset::full()));
    one.run(&request()).await;
    tokio::time::sleep(std::time::Duration::from_mins(1)).await;
    two.attempt(&request(), 2).await;
    let (one, two) = (one.target.snapshot(), two.target.snapshot());
    assert_ne!(one, two);
    assert_eq!(reader::comparable(&one), reader::comparable(&two));
}

#[tokio::test(start_paused = true)]
async fn a_published_dataset_can_be_overwritten() {
    let bench = Bench::new(Dataset::full());
    bench.run(&v2(request())).await;
    let second = Request { mode: Mode::Overwrite, ..small_request() };
    bench.source.change(|dataset| *dataset = Dataset::small());
    let end = bench.run(&second).await;
    bench.assert_published(&end).await;
    let fresh = Bench::new(Dataset::small());
    fresh.run(&small_request()).await;
    assert_eq!(reader::comparable(&bench.target.snapshot()), reader::comparable(&fresh.target.snapshot()));
}

/// The fixture itself: growing `time` is what the fingerprint calls growth.
#[test]
fn the_dataset_grows_along_its_unlimited_dimension() {
    let read = |dataset: Dataset| {
        let scripted = crate::dataset::Scripted(std::sync::Mutex::new(dataset));
        let [dds, das] = [steps::ports::Document::Dds, steps::ports::Document::Das].map(|d| scripted.document(d));
        dap::Dataset::from_dap2(dds.as_bytes(), das.as_bytes()).unwrap()
    };
    let print = fingerprint(&read(Dataset::full()), &read(Dataset::full()));
    let mut grown = Dataset::full();
    grown.grow("time", 2);
    assert_eq!(print.change(&read(grown)), Some(Change::Grew { from: 6, to: 8 }));
}
